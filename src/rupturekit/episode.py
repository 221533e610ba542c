"""Values for one: moves, sessions, ratings, needs, context events, labels, episodes.

Times are whole microseconds from the start of the session, or turn numbers where the study has no clock
(`Coding.time` says which); days are whole offsets from the first session, never calendar dates. `None` means
that nothing was recorded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Final, TypeVar

import attrs

from rupturekit._schema import Column, at_least, finite, is_identifier, one_line, record
from rupturekit._views.episodes import episode_html
from rupturekit._views.records import record_html, record_repr
from rupturekit.codebooks import Codebook, as_codebook
from rupturekit.errors import NoClock, RecordError, did_you_mean, listed
from rupturekit.vocabulary import (
    UNKNOWN,
    Attendance,
    Awareness,
    Capacity,
    Cause,
    ClosedBy,
    Consequence,
    ContextKind,
    EpisodeSource,
    Explanation,
    Layer,
    Locus,
    MissingReason,
    Movement,
    Need,
    NeedMode,
    NeedVerb,
    Outcome,
    Party,
    Perspective,
    RepairSource,
    RuptureForm,
    RuptureType,
    SamplingPoint,
    Status,
    TherapyEnd,
    TimeKind,
    TrackKind,
    Visibility,
)

__all__ = [
    "ATTRIBUTES",
    "Coding",
    "ContextEvent",
    "Dyad",
    "Episode",
    "EpisodeRow",
    "Label",
    "Member",
    "Move",
    "NeedStatement",
    "ObservedStretch",
    "Rating",
    "Session",
    "Track",
    "clock_text",
    "label_complaint",
    "seconds",
]

E = TypeVar("E", bound=StrEnum)


def _word(says: str) -> Column:
    return Column("label", is_identifier, says=says)


DYAD: Final = _word("the pair of people, by a pseudonym")
SESSION: Final = Column("int", at_least(0), says="session number within the dyad; gaps are legal")
TRACK: Final = _word("whose reading of the session: a rater, a consensus rule, an automatic coder")


def seconds(value: float) -> int:
    """Turn seconds into the whole microseconds that times are held in.

    Raises
    ------
    RecordError
        Where the value is finer than a microsecond, or not finite.

    >>> seconds(12.5)
    12500000
    """
    if not math.isfinite(value):
        raise RecordError(f"expected a finite number of seconds but got {value!r}", value=value)
    whole = round(value * 1_000_000)
    if not math.isclose(whole / 1_000_000, value, rel_tol=1e-15, abs_tol=1e-9):
        raise RecordError(f"{value!r} s is finer than a microsecond; round it first", value=value)
    return whole


def clock_text(value: int) -> str:
    """Return microseconds as a clock shows them; a place on a recording is one in any study.

    >>> clock_text(seconds(3661.5))
    '1:01:01.5'
    """
    whole, micro = divmod(value, 1_000_000)
    fraction = f"{micro:06d}".rstrip("0")
    hours, rest = divmod(whole, 3600)
    clock = f"{rest // 60:02d}:{rest % 60:02d}"
    return (f"{hours}:{clock}" if hours else clock) + (f".{fraction}" if fraction else "")


@record
class Move:
    """One coded act: who did what, when, by whose reading.

    Several codes on one utterance are several moves at one instant, told apart by `tie`.

    >>> Move(dyad="D1", session=1, track="r1", party="client", code="wd-min", onset=seconds(12.5), row_id=1).code
    'wd-min'
    """

    row_id: Annotated[int, Column("int", at_least(0), says="stable identity of the move in its study")]
    dyad: Annotated[str, DYAD]
    session: Annotated[int, SESSION]
    track: Annotated[str, TRACK]
    party: Annotated[str | None, _word("who made the move; empty where the coders did not say")] = None
    code: Annotated[str, _word("the code, by the codebook's short label")]
    onset: Annotated[int, Column("time", at_least(0), unit="us", says="start, from session start")]
    offset: Annotated[int | None, Column("time", at_least(0), unit="us", says="end, from session start")] = None
    tie: Annotated[int, Column("int", at_least(0), says="rank among moves at the same instant, as filed")] = 0
    rating: Annotated[float | None, Column("milli", at_least(0), says="salience or other rating of the move")] = None
    rater: Annotated[str | None, _word("who coded it")] = None
    perspective: Annotated[Perspective | None, Column("enum", levels=Perspective, says="from where")] = None
    status: Annotated[Status, Column("enum", levels=Status, says="how sure the record is")] = Status.CODED
    source_row: Annotated[int | None, Column("int", at_least(0), says="data row of the file it was read from")] = None
    media: Annotated[int | None, Column("time", at_least(0), unit="us", says="place on the recording")] = None
    note: Annotated[str | None, Column("label", one_line, says="an opaque way back to the tape")] = None

    __repr__ = record_repr
    _repr_html_ = record_html


@record
class Session:
    """One meeting of a dyad, or one that was due."""

    dyad: Annotated[str, DYAD]
    session: Annotated[int, SESSION]
    day: Annotated[int | None, Column("int", unit="day", says="offset from the first session, never a date")] = None
    attended: Annotated[Attendance | None, Column("enum", levels=Attendance, says="did it take place")] = None
    duration: Annotated[int | None, Column("time", at_least(0), unit="us", says="length of the session")] = None

    __repr__ = record_repr
    _repr_html_ = record_html


@record
class Dyad:
    """A client and a therapist, or two partners."""

    dyad: Annotated[str, DYAD]
    therapist: Annotated[str | None, _word("the therapist, by a pseudonym")] = None
    arm: Annotated[str | None, _word("treatment arm or group")] = None
    outcome: Annotated[float | None, Column("float", finite, says="outcome on the study's own measure")] = None
    therapy_end: Annotated[TherapyEnd | None, Column("enum", levels=TherapyEnd, says="how the therapy ended")] = None


@record
class ObservedStretch:
    """A stretch of a session that was coded: no move in it means "none", outside it means "not coded"."""

    dyad: Annotated[str, DYAD]
    session: Annotated[int, SESSION]
    track: Annotated[str, TRACK]
    start: Annotated[int, Column("time", at_least(0), unit="us", says="start, from session start")]
    end: Annotated[int, Column("time", at_least(0), unit="us", says="end, from session start")]
    codebook: Annotated[str | None, _word("the coding manual used")] = None


@record
class Rating:
    """A score given to a session: alliance, tension, resolution. An absent value says why."""

    dyad: Annotated[str, DYAD]
    session: Annotated[int, SESSION]
    perspective: Annotated[Perspective, Column("enum", levels=Perspective, says="whose score")]
    measure: Annotated[str, _word("the measure, by a short label")]
    sampling: Annotated[SamplingPoint | None, Column("enum", levels=SamplingPoint, says="when it was given")] = None
    value: Annotated[float | None, Column("float", finite, says="the score")] = None
    missing: Annotated[MissingReason | None, Column("enum", levels=MissingReason, says="why there is no score")] = None
    rater: Annotated[str | None, _word("who gave it")] = None


@record
class NeedStatement:
    """What was said or judged of one party's need: wanted, expected or feared; by whom; how aware; which layer."""

    dyad: Annotated[str, DYAD]
    session: Annotated[int | None, SESSION] = None
    episode: Annotated[str | None, _word("the episode it concerns, if one")] = None
    party: Annotated[str, _word("whose need")]
    need: Annotated[Need, Column("enum", levels=Need, says="agency or communion")]
    mode: Annotated[NeedMode, Column("enum", levels=NeedMode, says="wanted, expected or feared")]
    level: Annotated[float | None, Column("float", finite, says="how much, on the source's own scale")] = None
    layer: Annotated[Layer, Column("enum", levels=Layer, says="manifest or latent")]
    awareness: Annotated[Awareness | None, Column("enum", levels=Awareness, says="does the party know of it")] = None
    perspective: Annotated[Perspective | None, Column("enum", levels=Perspective, says="from where")] = None
    rater: Annotated[str | None, _word("who said so")] = None
    status: Annotated[Status, Column("enum", levels=Status, says="how sure the record is")] = Status.REPORTED
    source: Annotated[str | None, _word("self-report, interview, separate raters ...")] = None


@record
class ContextEvent:
    """An event around the sessions. Its competing explanations are labels; it is never turned into a rupture."""

    event: Annotated[str, _word("identity of the event in its study")]
    dyad: Annotated[str, DYAD]
    kind: Annotated[ContextKind, Column("enum", levels=ContextKind, says="what happened")]
    session: Annotated[int | None, SESSION] = None
    day: Annotated[int | None, Column("int", unit="day", says="offset from the first session, never a date")] = None
    note: Annotated[str | None, Column("label", one_line, says="an opaque note")] = None


@record
class Label:
    """One statement about an episode, move, session, dyad or context event, by one rater.

    `attribute` is one of `ATTRIBUTES` or a word of the study's own; `value` may be `"unknown"`. A statement
    that was not made is a row that is not there.
    """

    subject_kind: Annotated[str, Column("label", is_identifier, says="episode, move, session, dyad or context")]
    subject: Annotated[str, _word("its identity; a session is dyad/number")]
    attribute: Annotated[str, _word("what is stated")]
    party: Annotated[str | None, _word("of whom, where it concerns one person")] = None
    value: Annotated[str, Column("label", one_line, says="the value, or unknown")]
    rater: Annotated[str | None, _word("who said so")] = None
    perspective: Annotated[Perspective | None, Column("enum", levels=Perspective, says="from where")] = None
    status: Annotated[Status, Column("enum", levels=Status, says="how sure the record is")] = Status.CODED

    def __attrs_post_init__(self) -> None:
        complaint = label_complaint(self.subject_kind, self.attribute, value=self.value)
        if complaint is not None:
            field, said = complaint
            raise RecordError(f"Label.{field}: {said}", field=field, value=getattr(self, field))


def label_complaint(subject_kind: str, attribute: str, *, value: str) -> tuple[str, str] | None:
    """Return (field, sentence) where a label speaks of nothing known or holds a value that its attribute lacks.

    >>> label_complaint("episode", "noticing", value="perhaps")
    ('value', "expected one of yes, no or unknown for 'noticing' but got 'perhaps'")
    """
    if subject_kind not in SUBJECT_KINDS:
        near = did_you_mean(subject_kind, SUBJECT_KINDS)
        return "subject_kind", f"expected one of {listed(SUBJECT_KINDS)} but got {subject_kind!r}{near}"
    allowed = ATTRIBUTES.get(attribute)
    if allowed and value not in allowed and value != UNKNOWN:
        return "value", (f"expected one of {listed(allowed)} or unknown for {attribute!r} but got {value!r:.80}"
                         f"{did_you_mean(value, allowed)}")
    return None


SUBJECT_KINDS: Final = ("episode", "move", "session", "dyad", "context")
"""What a label can speak of."""

_YES_NO: Final = ("yes", "no")

ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "type": tuple(RuptureType),
    "form": tuple(RuptureForm),
    "movement": tuple(Movement),
    "locus": tuple(Locus),
    "cause": tuple(Cause),
    "visibility": tuple(Visibility),
    **{capacity.value: _YES_NO for capacity in Capacity},
    "cost_of_raising": (),
    "outcome": tuple(Outcome),
    RepairSource.RATED_RESOLUTION.value: (),
    RepairSource.REPORTED_RESOLUTION.value: (*_YES_NO, "partly"),
    "consequence": tuple(Consequence),
    "explanation": tuple(Explanation),
    "intensity": (),
    "need_act": tuple(f"{verb} {need}" for verb in NeedVerb for need in Need),
}
"""What labels state, with the values allowed; an empty tuple takes any text. Studies may add their own.

The capacities (`noticing`, `acknowledging`, `staying_with_discomfort`, `curiosity`, `articulating`,
`reflecting_together`) are stated by party. `cost_of_raising` is what raising the rupture cost, in the words of
whoever reported it; a `consequence` is reported and never derived. `rated_resolution` (by a coder) and
`reported_resolution` (by a party) are kept apart from each other and from what a trace reaches. A rater's own
`need_act` on a move stands beside what the codebook maps the move's code to.
"""


@record
class EpisodeRow:
    """The stretch of one rupture episode, as coders or a rule drew it."""

    episode: Annotated[str, _word("identity of the episode in its study")]
    dyad: Annotated[str, DYAD]
    track: Annotated[str, TRACK]
    first_session: Annotated[int, SESSION]
    onset: Annotated[int, Column("time", at_least(0), unit="us", says="start in the first session")]
    last_session: Annotated[int, SESSION]
    end: Annotated[int, Column("time", at_least(0), unit="us", says="end in the last session")]
    rupture_type: Annotated[RuptureType | None, Column("enum", levels=RuptureType, says="type it opened with")] = None
    party: Annotated[str | None, _word("whose rupture opened it")] = None
    source: Annotated[EpisodeSource, Column("enum", levels=EpisodeSource, says="who drew it")] = EpisodeSource.CODERS
    closed_by: Annotated[ClosedBy, Column("enum", levels=ClosedBy, says="why it closes there")] = ClosedBy.CODERS
    closed_by_outcome: Annotated[bool, Column("bool", says="the rule closed it because a resolution was seen")] = False


@record
class Member:
    """A move that belongs to an episode; episodes may overlap, have gaps and cross sessions."""

    episode: Annotated[str, _word("the episode")]
    row_id: Annotated[int, Column("int", at_least(0), says="the move")]


def _named(levels: type[E], value: object, *, field: str) -> E:
    """Return the member of an enum that a word names."""
    words = list(levels)
    if value not in words:
        raise RecordError(f"{field}: {value!r:.80} is not one of {listed(words)}{did_you_mean(str(value), words)}",
                          field=field.partition(".")[2], value=value)
    return levels(str(value))


def _track_kind(value: TrackKind | str) -> TrackKind:
    return _named(TrackKind, value, field="Track.kind")


def _time_kind(value: TimeKind | str) -> TimeKind:
    return _named(TimeKind, value, field="Coding.time")


@attrs.frozen(kw_only=True)
class Track:
    """One reading of the sessions, and what kind of reading it is."""

    name: str
    kind: TrackKind = attrs.field(default=TrackKind.RATER, converter=_track_kind)
    rule: str = ""


def _two_names(instance: object, field: attrs.Attribute[tuple[str, str]], value: tuple[str, ...]) -> None:
    if len(value) != 2:
        raise RecordError(
            f"Coding.parties: rupturekit models dyads, expected two parties but got {len(value)} "
            f"({listed(value)}); code each pair as a dyad of its own", field="parties", value=value)
    if value[0] == value[1]:
        raise RecordError(f"Coding.parties: the two parties need two names but both are {value[0]!r}", field="parties")


@attrs.frozen(kw_only=True)
class Coding:
    """How a study was coded: who the two parties are, what time means, by which codebook.

    Attributes
    ----------
    parties : tuple of two str
        Client and therapist, unless the study declares others.
    time : TimeKind
        Clock and segment times are microseconds; turns and bare orders are whole numbers.
    segment : int or None
        Segment length in microseconds, for `TimeKind.SEGMENT`.
    codebook : Codebook
        What the codes mean; the name of one, or the path of its file, is loaded.
    """

    parties: tuple[str, str] = attrs.field(default=(Party.CLIENT.value, Party.THERAPIST.value), validator=_two_names)
    time: TimeKind = attrs.field(default=TimeKind.CLOCK, converter=_time_kind)
    segment: int | None = None
    codebook: Codebook = attrs.field(converter=as_codebook)

    def __attrs_post_init__(self) -> None:
        if self.time is TimeKind.SEGMENT and not (self.segment and self.segment > 0):
            raise RecordError("Coding.segment: a study coded by segments states their length; 300, 60 and 30 "
                              "seconds are all in use, so there is no default", field="segment")

    def in_seconds(self, value: int) -> float:
        """Return microseconds as seconds; a study without a clock has none.

        Raises
        ------
        NoClock
            Where time is a turn number or a bare order.
        """
        if not self.time.has_clock:
            raise NoClock(f"this study records {self.time}s, not a clock: there are no seconds; "
                          "use positions or turn counts instead")
        return value / 1_000_000

    def when(self, value: int) -> str:
        """Return a time as people read it: `03:10`, or `turn 7`.

        >>> from rupturekit.codebooks import load_codebook
        >>> Coding(codebook=load_codebook("stages")).when(seconds(190))
        '03:10'
        """
        if not self.time.has_clock:
            return f"{'turn' if self.time is TimeKind.TURN else 'no.'} {value}"
        return clock_text(value)


@attrs.frozen(kw_only=True, repr=False)
class Episode:
    """One rupture episode: its moves in order, and how its stretch was drawn.

    Attributes
    ----------
    new_session : tuple of bool
        For each move, whether a new session begins with it (never at the first).
    closed_by_outcome : bool
        The rule closed the episode because it saw a resolution; rates of repair over such episodes are
        circular and everything downstream says so.
    """

    row: EpisodeRow
    coding: Coding
    moves: tuple[Move, ...]
    new_session: tuple[bool, ...]
    labels: tuple[Label, ...] = ()

    @property
    def episode(self) -> str:
        """The identity of the episode in its study."""
        return self.row.episode

    @property
    def closed_by_outcome(self) -> bool:
        """Whether the rule closed the episode because it saw a resolution."""
        return self.row.closed_by_outcome

    @classmethod
    def of(cls, moves: tuple[Move, ...] | list[Move], *, coding: Coding, episode: str = "E1",
           rupture_type: RuptureType | None = None) -> Episode:
        """Make an episode from moves of one dyad and track, in order, as its coders drew it.

        >>> from rupturekit.codebooks import load_codebook
        >>> move = Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)
        >>> Episode.of([move], coding=Coding(codebook=load_codebook("stages")))
        Episode('E1', dyad 'D1', track 'r1', 1 move, 00:00 to 00:00)
        """
        if not moves:
            raise RecordError(f"episode {episode!r} has no moves; an episode holds at least the one that opens it")
        readings = sorted({(move.dyad, move.track) for move in moves})
        if len(readings) > 1:
            said = " and ".join(f"dyad {dyad!r}, track {track!r}" for dyad, track in readings[:2])
            raise RecordError(f"episode {episode!r} holds moves of {said}; an episode is one reading of one dyad",
                              field="track")
        first, last = moves[0], moves[-1]
        row = EpisodeRow(episode=episode, dyad=first.dyad, track=first.track, first_session=first.session,
                         onset=first.onset, last_session=last.session, end=last.onset, rupture_type=rupture_type)
        fresh = (False, *(after.session != before.session for before, after in itertools.pairwise(moves)))
        return cls(row=row, coding=coding, moves=tuple(moves), new_session=fresh)

    def __len__(self) -> int:
        return len(self.moves)

    def __iter__(self) -> Iterator[Move]:
        return iter(self.moves)

    def __repr__(self) -> str:
        row, when = self.row, self.coding.when
        n = len(self.moves)
        kind = f"{row.rupture_type}, " if row.rupture_type else ""
        return (f"Episode({row.episode!r}, dyad {row.dyad!r}, track {row.track!r}, {kind}{n} move{'s' * (n != 1)}, "
                f"{when(row.onset)} to {when(row.end)})")

    def __str__(self) -> str:
        lines = [repr(self)]
        for move, fresh in zip(self.moves, self.new_session, strict=True):
            if fresh:
                lines.append(f"  -- session {move.session} --")
            lines.append(f"  {self.coding.when(move.onset):>8}  {move.party or 'somebody':<10} {self.name_of(move)}")
        return "\n".join(lines)

    def name_of(self, move: Move) -> str:
        """Return what the codebook calls a move's code, or the code itself."""
        book = self.coding.codebook
        return book[move.code].label if move.code in book else move.code

    def _repr_html_(self) -> str:
        return episode_html(self)
