"""The field's words: who, which rupture, which need, how it ended.

Every enum is a `StrEnum`, so a value is its own text in a file. Two levels are reserved everywhere and belong
to no enum: *absent* (`None` in an object, an empty cell in a file: nothing was recorded) and `UNKNOWN`
(somebody looked and could not say). Neither means "no".
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

import attrs

__all__ = [
    "FUNCTIONS",
    "UNKNOWN",
    "Attendance",
    "Awareness",
    "Capacity",
    "Cause",
    "Certainty",
    "ClosedBy",
    "Consequence",
    "ContextKind",
    "EpisodeSource",
    "Evidence",
    "Explanation",
    "Layer",
    "Locus",
    "MissingReason",
    "Movement",
    "Need",
    "NeedAct",
    "NeedMode",
    "NeedVerb",
    "Outcome",
    "Party",
    "Perspective",
    "Phase",
    "RepairSource",
    "RuptureForm",
    "RuptureType",
    "SamplingPoint",
    "Status",
    "TherapyEnd",
    "TimeKind",
    "TrackKind",
    "Visibility",
]

UNKNOWN: Final = "unknown"
"""Somebody looked and could not say; apart from absent (nothing recorded) and from "no"."""


class Party(StrEnum):
    """The two people of a therapy; a study of couples declares two names of its own."""

    CLIENT = "client"
    THERAPIST = "therapist"


class RuptureType(StrEnum):
    """Moving away (withdrawal), moving against (confrontation), or both at once. Belongs to a party."""

    WITHDRAWAL = "withdrawal"
    CONFRONTATION = "confrontation"
    MIXED = "mixed"


class RuptureForm(StrEnum):
    """The six forms of the 2022 grouping, three a type."""

    SHUTTING_DOWN = "shutting_down"
    AVOIDING = "avoiding"
    MASKING = "masking"
    COMPLAINING_CRITICISING = "complaining_criticising"
    PUSHING_BACK = "pushing_back"
    CONTROLLING_PRESSURING = "controlling_pressuring"

    @property
    def type(self) -> RuptureType:
        """Return the rupture type that this is a form of.

        >>> RuptureForm.MASKING.type
        <RuptureType.WITHDRAWAL: 'withdrawal'>
        """
        away = (RuptureForm.SHUTTING_DOWN, RuptureForm.AVOIDING, RuptureForm.MASKING)
        return RuptureType.WITHDRAWAL if self in away else RuptureType.CONFRONTATION


class Movement(StrEnum):
    """The four sub-forms of Muran, Eubanks & Samstag (2021): away from the other or oneself, against the other."""

    ISOLATION = "isolation"
    APPEASEMENT = "appeasement"
    AGGRESSION = "aggression"
    CONTROL = "control"


class Locus(StrEnum):
    """What of the alliance is strained (Bordin): the goals, the tasks, or the bond."""

    GOAL = "goal"
    TASK = "task"
    BOND = "bond"


class Cause(StrEnum):
    """The four causes the reference entry on ruptures names."""

    UNMET_EXPECTATIONS = "unmet_expectations"
    COMMUNICATION_BREAKDOWN = "communication_breakdown"
    UNRESOLVED_TRAUMA = "unresolved_trauma"
    FAILED_NEGOTIATION_OF_NEEDS = "failed_negotiation_of_needs"


class Visibility(StrEnum):
    """Whether a rupture could be seen at all; a covert one is a hypothesis."""

    OVERT = "overt"
    COVERT = "covert"
    AMBIGUOUS = "ambiguous"


class Need(StrEnum):
    """Agency (autonomy, self-definition) and communion (connection, relatedness). Not circumplex axes."""

    AGENCY = "agency"
    COMMUNION = "communion"


class NeedVerb(StrEnum):
    """What an act does with a need: assert one's own, meet the other's, reject it, or give up one's own."""

    CLAIM = "claim"
    GRANT = "grant"
    CONTEST = "contest"
    YIELD = "yield"


class NeedMode(StrEnum):
    """How a need is held: wanted, expected of the other, or feared."""

    WANTED = "wanted"
    EXPECTED = "expected"
    FEARED = "feared"


class Layer(StrEnum):
    """Manifest behaviour or latent need; the first is never read off as the second."""

    MANIFEST = "manifest"
    LATENT = "latent"


class Awareness(StrEnum):
    """Whether the party knows of the need, as somebody judged it."""

    AWARE = "aware"
    UNAWARE = "unaware"
    UNKNOWN = "unknown"


class Capacity(StrEnum):
    """What both parties need to work a rupture through; each is recorded by party."""

    NOTICING = "noticing"
    ACKNOWLEDGING = "acknowledging"
    STAYING_WITH_DISCOMFORT = "staying_with_discomfort"
    CURIOSITY = "curiosity"
    ARTICULATING = "articulating"
    REFLECTING_TOGETHER = "reflecting_together"


class Outcome(StrEnum):
    """How an episode ended. Absent (nothing recorded) and unknown are apart from all of these."""

    REPAIRED = "repaired"
    PARTIAL = "partial"
    OVERCOME = "overcome"
    UNREPAIRED = "unrepaired"
    IMPASSE = "impasse"
    UNILATERAL_TERMINATION = "unilateral_termination"
    CENSORED = "censored"


class RepairSource(StrEnum):
    """Three sources of the statement that a rupture was repaired; never merged."""

    REACHED_END = "reached_end"
    RATED_RESOLUTION = "rated_resolution"
    REPORTED_RESOLUTION = "reported_resolution"


class Consequence(StrEnum):
    """What is reported to have followed a repair; reported by people, never derived from codes."""

    CORRECTIVE_EXPERIENCE = "corrective_experience"
    DEEPENING = "deepening"
    RETENTION = "retention"
    GROWTH = "growth"
    TRANSFER = "transfer"


class Status(StrEnum):
    """How sure a record is: a hypothesis, a report, a coder's code, or a consensus of coders."""

    HYPOTHESISED = "hypothesised"
    REPORTED = "reported"
    CODED = "coded"
    CONSENSUS = "consensus"


class Perspective(StrEnum):
    """From where a record was made."""

    CLIENT = "client"
    THERAPIST = "therapist"
    OBSERVER = "observer"
    AUTOMATIC = "automatic"


class TrackKind(StrEnum):
    """What a track is a reading by: one rater, a named consensus rule, or an automatic coder."""

    RATER = "rater"
    CONSENSUS = "consensus"
    AUTOMATIC = "automatic"


class ContextKind(StrEnum):
    """An event around the sessions. It may have many explanations and is never itself a rupture."""

    MISSED_SESSION = "missed_session"
    PAYMENT = "payment"
    SCHEDULING = "scheduling"
    HOLIDAY = "holiday"
    OTHER = "other"


class Explanation(StrEnum):
    """What a person, never the library, takes a context event to mean."""

    PRACTICAL = "practical"
    RELATIONAL = "relational"
    UNKNOWN = "unknown"


class TherapyEnd(StrEnum):
    """How a therapy ended."""

    AGREED = "agreed"
    UNILATERAL = "unilateral"
    ONGOING = "ongoing"
    UNKNOWN = "unknown"


class Attendance(StrEnum):
    """Whether a session that was due took place. A missed session is not a rupture."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class SamplingPoint(StrEnum):
    """When a session score was given; pre and post answer different questions."""

    PRE = "pre"
    WITHIN = "within"
    POST = "post"


class MissingReason(StrEnum):
    """Why a score is absent: it was not asked (by design), not filled in, or nobody knows."""

    BY_DESIGN = "by_design"
    NOT_COMPLETED = "not_completed"
    UNKNOWN = "unknown"


class Evidence(StrEnum):
    """Where an arrow or mapping comes from: read, reported by others, recalled, or assumed by us."""

    READ = "read"
    SECONDARY = "secondary"
    RECALLED = "recalled"
    ASSUMPTION = "assumption"


class Certainty(StrEnum):
    """How sure a codebook is of an entry: found in the source named, or from general knowledge."""

    FOUND = "found"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Phase(StrEnum):
    """The five coarse phases that states of different models share, in their usual order."""

    ALLIANCE = "alliance"
    RUPTURE = "rupture"
    NEGOTIATION = "negotiation"
    REPAIR = "repair"
    BREAKDOWN = "breakdown"


class TimeKind(StrEnum):
    """What the time of a move is: a clock, a segment of the clock, a turn number, or a bare order."""

    CLOCK = "clock"
    SEGMENT = "segment"
    TURN = "turn"
    ORDER = "order"

    @property
    def has_clock(self) -> bool:
        """Return whether times are microseconds, so that durations in seconds exist.

        >>> [kind.value for kind in TimeKind if kind.has_clock]
        ['clock', 'segment']
        """
        return self in (TimeKind.CLOCK, TimeKind.SEGMENT)


class EpisodeSource(StrEnum):
    """Who said that an episode is one: the coders, or a segmentation rule."""

    CODERS = "coders"
    RULE = "rule"


class ClosedBy(StrEnum):
    """Why an episode closes where it does."""

    CODERS = "coders"
    GAP = "gap"
    RESOLUTION = "resolution"
    SESSION_END = "session_end"
    OBSERVATION_END = "observation_end"


_ACTS_ON_NEEDS = {
    f"{verb}{'s'}_{need}": f"{what} {need}"
    for need in Need
    for verb, what in (
        ("claim", "asserts the own need for"),
        ("grant", "recognises or meets the other's need for"),
        ("contest", "rejects the other's claim of"),
        ("yield", "gives up, unmet, the own claim of"),
    )
}

FUNCTIONS: Final = MappingProxyType({
    "withdrawal_marker": "moves away from the other or from the own experience",
    "confrontation_marker": "moves against the other or the work",
    "no_marker": "a stretch that was coded and holds no marker",
    "notices": "notices that something is strained",
    "acknowledges": "acknowledges the strain to the other",
    "stays_with_discomfort": "stays with what is uncomfortable",
    "is_curious": "asks about the strain with interest",
    "articulates": "puts into words what it is like",
    "reflects_together": "thinks about the strain together with the other",
    "reaches_consensus": "agrees with the other on how the strain is to be understood",
    "invites_exploration": "invites a joint look at what happens between the two",
    "explores_construal": "unfolds how the other is construed",
    "acknowledges_contribution": "owns a part in the rupture",
    "discloses_experience": "tells the own experience of the interaction",
    "clarifies_misunderstanding": "clears up a misunderstanding",
    "renegotiates_task": "changes or discusses a task or goal",
    "gives_rationale": "explains why a task is proposed",
    "links_pattern": "links the rupture to a pattern between the two",
    "links_outside_pattern": "links the rupture to patterns in other relationships",
    "validates": "validates the other's position",
    "empathises": "responds with empathy",
    "redirects": "brings the talk back to the work",
    "facilitates_assertion": "helps the other to say what is wished or minded",
    "explores_avoidance": "explores what keeps the other from saying it",
    "qualified_assertion": "says a negative feeling, hedged",
    "avoids_assertion": "backs off from saying it",
    "avoids_aggression": "backs off from anger",
    "avoids_vulnerability": "backs off from hurt and need",
    "expresses_negative_feeling": "voices a negative feeling mixed with the marker",
    "expresses_hurt": "voices disappointment or hurt",
    "self_assertion": "states an underlying wish or need of the own",
    "vulnerable_expression": "shows vulnerability and the wish to be cared for",
    "strains_self_definition": "shows strain over self-definition",
    "resumes_collaboration": "takes up the work together again",
    "breaks_off": "breaks off the contact or the therapy",
    **_ACTS_ON_NEEDS,
})
"""What a code can do, by name, so that one model runs over every codebook that maps to it."""


@attrs.frozen(kw_only=True)
class NeedAct:
    """An act on a need in the talk: one of four verbs on agency or communion.

    A need is met by granting and affirming, not by submitting: a `yield` gives up one's own claim without its
    being met and never counts as met.

    >>> print(NeedAct(verb=NeedVerb.CLAIM, need=Need.AGENCY))
    claim agency
    """

    verb: NeedVerb = attrs.field(validator=attrs.validators.instance_of(NeedVerb))
    need: Need = attrs.field(validator=attrs.validators.instance_of(Need))
    evidence: Evidence = Evidence.ASSUMPTION
    note: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.need}"

    @classmethod
    def parse(cls, text: str, *, evidence: Evidence = Evidence.READ) -> NeedAct:
        """Return the act that a rater wrote down as `claim agency`.

        Raises
        ------
        ValueError
            Where the text is no verb and need.

        >>> NeedAct.parse("yield communion").verb
        <NeedVerb.YIELD: 'yield'>
        """
        verb, _, need = text.partition(" ")
        return cls(verb=NeedVerb(verb), need=Need(need), evidence=evidence)
