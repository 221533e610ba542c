"""An invented study to try things on: nothing in it happened, and nobody in it exists.

Four hand-written vignettes in three dyads (V1 to V3) show how an episode can go: a withdrawal that is
attended to and ends in self-assertion, one whose repair skips a step, a confrontation that moves to hurt and
vulnerability, and an impasse that crosses a session. Nine further dyads (X04 to X12) come from a small
generator: walks along the arrows of the two models of Safran and Muran, with noise. A second rater misses,
delays and confuses some of what the first one coded. Every table of a study folder is filled. All numbers are
whole and keyed, so the study is the same on every platform; none of its frequencies says anything about
therapy.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

import attrs

from rupturekit import _random
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import (
    Coding,
    ContextEvent,
    Dyad,
    EpisodeRow,
    Label,
    Member,
    Move,
    NeedStatement,
    ObservedStretch,
    Rating,
    Session,
    Track,
)
from rupturekit.state_machine import Condition, StateMachine, Transition, load_model
from rupturekit.vocabulary import (
    Attendance,
    Awareness,
    ContextKind,
    Layer,
    MissingReason,
    Need,
    NeedMode,
    Party,
    Perspective,
    RuptureType,
    SamplingPoint,
    Status,
    TherapyEnd,
)

__all__ = ["EXAMPLE_DESCRIPTION", "EXAMPLE_SETTINGS", "example_cohort"]

EXAMPLE_DESCRIPTION: Final = (
    "Invented example, not real data: no person, session or event in it exists, and no frequency in it says "
    "anything about therapy. Dyads V1 to V3 are hand-written vignettes. V1: a client goes quiet, the "
    "therapist asks what is happening between the two, and after backing off the client says what is wished "
    "for. V2: a client goes quiet and comes out with it unasked; in a second episode, across two sessions, "
    "explanations meet silence until the client leaves. V3: a client's anger turns, as it is explored, to "
    "hurt and to the wish to be cared for. Dyads X04 to X12 come from a small generator that walks along two "
    "published process models with random detours. Rater r2 is rater r1 with some moves missed, late or "
    "confused."
)
"""What the study folder says of itself; it begins with its not being real."""

EXAMPLE_SETTINGS: Final = """\
format = 1
name = "example"

[coding]
codebook = "stages"
parties = ["client", "therapist"]
time = "clock"

[[tracks]]
name = "r1"
kind = "rater"

[[tracks]]
name = "r2"
kind = "rater"

[analysis]
model = "withdrawal-2000"
track = "r1"
tie_rule = "as_filed"
follow_skips = true

# No gap is agreed on in the field; this one is chosen for the example. Try others: segment_many.
[analysis.segmentation]
name = "gap of four minutes"
gap_seconds = 240
opens = ["withdrawal_marker", "confrontation_marker"]
use_coded = true
"""
"""The text of `rupturekit.toml` that goes with the study."""

T = TypeVar("T")

SEED: Final = 37
"""Chosen so that for both raters an episode is cut short where the recording of X07 breaks off."""
CLIENT, THERAPIST = Party.CLIENT.value, Party.THERAPIST.value
SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND


class _Said(NamedTuple):
    """One move before it has an identity; its onset in microseconds from the start of the session."""

    onset: int
    party: str
    code: str
    rating: int | None = None
    episode: str | None = None
    tie: int = 0


# --- the hand-written part ----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Vignette:
    """A hand-written episode.

    A line is when, who, code and, for markers, salience; `-` before who begins a move that lies in the
    stretch but does not belong to the episode. A line that says only `session N` begins the next session.
    """

    name: str
    dyad: str
    session: int
    type: RuptureType
    lines: str


_VIGNETTES: Final = (
    _Vignette(name="V1-E1", dyad="V1", session=2, type=RuptureType.WITHDRAWAL, lines="""
        12:30 client wd 2
        12:50 therapist rationale
        13:20 client wd 4
        13:45 therapist notice
        14:05 therapist invite
        14:40 client stay
        15:10 client qual-assert
        15:30 therapist facilitate
        16:00 client avoid-assert
        16:20 therapist explore-avoid
        16:50 - therapist clarify
        17:05 client avoid-assert
        17:40 therapist own-part
        18:10 client qual-assert
        18:45 client self-assert
        19:10 therapist validate
        19:40 client reflect
        20:05 therapist reflect
        20:30 client resume
    """),
    _Vignette(name="V2-E1", dyad="V2", session=1, type=RuptureType.WITHDRAWAL, lines="""
        08:10 client wd 3
        08:40 client wd 3
        09:15 therapist rationale
        10:05 client qual-assert
        10:30 therapist facilitate
        11:00 client self-assert
        11:20 therapist validate
        11:55 client resume
    """),
    _Vignette(name="V2-E2", dyad="V2", session=2, type=RuptureType.WITHDRAWAL, lines="""
        43:00 client wd 3
        43:30 therapist rationale
        44:20 client wd 4
        45:10 therapist rationale
        46:00 client wd 5
        session 3
        02:10 therapist invite
        02:45 client wd 4
        03:20 therapist wd 3
        03:20 therapist rationale
        04:30 client wd 5
        05:40 therapist renegotiate
        06:50 client break-off
    """),
    _Vignette(name="V3-E1", dyad="V3", session=2, type=RuptureType.CONFRONTATION, lines="""
        21:00 client cf 4
        21:25 client cf 5
        21:50 therapist own-part
        21:50 therapist empathise
        22:30 therapist invite
        23:10 client construal
        23:50 therapist curious
        24:20 client hurt
        24:55 client avoid-vuln
        25:20 therapist explore-avoid
        26:00 client construal
        26:40 client hurt
        27:15 client vulnerable
        27:40 therapist empathise
        28:20 client articulate
        28:50 therapist articulate
        29:30 client reflect
        30:00 client resume
    """),
)


class _Place(NamedTuple):
    """Where a vignette's move stands: which session of which dyad."""

    dyad: str
    session: int


def _vignette_moves() -> dict[_Place, list[_Said]]:
    found: dict[_Place, list[_Said]] = {}
    for vignette in _VIGNETTES:
        place = _Place(vignette.dyad, vignette.session)
        for line in filter(None, map(str.strip, vignette.lines.splitlines())):
            if line.startswith("session "):
                place = _Place(vignette.dyad, int(line.removeprefix("session ")))
            else:
                found.setdefault(place, []).append(_parsed(line, vignette.name))
    return {place: _with_ties(said) for place, said in found.items()}


def _parsed(line: str, episode: str) -> _Said:
    when, *words = line.split()
    belongs = words[0] != "-"
    party, code, *rating = words if belongs else words[1:]
    minutes, seconds = when.split(":")
    return _Said(onset=int(minutes) * MINUTE + int(seconds) * SECOND, party=party, code=code,
                 rating=int(rating[0]) if rating else None, episode=episode if belongs else None)


def _with_ties(said: Sequence[_Said]) -> list[_Said]:
    """Rank moves at one instant in the order in which they stand."""
    ranked: list[_Said] = []
    for each in said:
        same = bool(ranked) and ranked[-1].onset == each.onset
        ranked.append(each._replace(tie=ranked[-1].tie + 1 if same else 0))
    return ranked


# --- sessions and people ------------------------------------------------------------------------------------

_DAYS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType({
    "V1": (0, 7, 14), "V2": (0, 7, 14), "V3": (0, 7, 21), "X04": (0, 7, 14), "X05": (0, 14, 21),
    "X06": (0, 7), "X07": (0, 7, 14), "X08": (0, 7), "X09": (0, 7, 14), "X10": (0, 10), "X11": (0, 7, 14),
    "X12": (0, 7, 14),
})
"""Session 1, 2, 3 ... of each dyad, as days from its first."""

_ATTENDED: Final[Mapping[_Place, Attendance | None]] = MappingProxyType({
    _Place("X09", 2): Attendance.NO, _Place("X11", 3): Attendance.UNKNOWN, _Place("X10", 2): None,
})
"""Attendance where it is not a plain yes."""

_LENGTHS: Final[Mapping[_Place, int | None]] = MappingProxyType({
    _Place("V2", 3): 7 * MINUTE + 30 * SECOND, _Place("X05", 1): None, _Place("X08", 2): 45 * MINUTE,
    _Place("X10", 1): 45 * MINUTE,
})
"""Length of the session where it is not fifty minutes."""

_STRETCHES: Final[Mapping[_Place, tuple[tuple[int, int], ...]]] = MappingProxyType({
    _Place("X07", 3): ((0, 24 * MINUTE),),
    _Place("V3", 3): ((0, 20 * MINUTE), (26 * MINUTE, 50 * MINUTE)),
})
"""What was coded where it was not the whole session: a recording that broke off, and one with a hole."""

_NOT_BY_SECOND: Final = _Place("X12", 3)
"""The session that the second rater did not code."""

_DYADS: Final = (
    ("V1", "T1", "A", 4.5, TherapyEnd.AGREED), ("V2", "T2", "B", -1.0, TherapyEnd.UNILATERAL),
    ("V3", "T3", "A", 3.0, TherapyEnd.AGREED), ("X04", "T1", "B", 2.5, TherapyEnd.AGREED),
    ("X05", "T2", "A", 0.5, TherapyEnd.AGREED), ("X06", "T3", "B", None, TherapyEnd.ONGOING),
    ("X07", "T4", "A", 1.5, TherapyEnd.AGREED), ("X08", "T4", "B", None, TherapyEnd.ONGOING),
    ("X09", "T1", "A", 2.0, TherapyEnd.AGREED), ("X10", "T2", "B", None, TherapyEnd.UNKNOWN),
    ("X11", "T3", "A", -0.5, TherapyEnd.UNILATERAL), ("X12", "T4", "B", 3.5, None),
)
"""Dyad, therapist, arm, outcome (points gained) and end of the therapy."""


def _places() -> list[_Place]:
    return [_Place(dyad, session) for dyad, days in _DAYS.items() for session in range(1, len(days) + 1)]


def _took_place(place: _Place) -> bool:
    return _ATTENDED.get(place) not in (Attendance.NO, Attendance.UNKNOWN)


def _length(place: _Place) -> int | None:
    return _LENGTHS.get(place, 50 * MINUTE) if _took_place(place) else None


def _stretches(place: _Place) -> tuple[tuple[int, int], ...]:
    return _STRETCHES.get(place, ((0, _length(place) or 50 * MINUTE),)) if _took_place(place) else ()


def _sessions() -> Iterator[Session]:
    for place in _places():
        yield Session(dyad=place.dyad, session=place.session, day=_DAYS[place.dyad][place.session - 1],
                      attended=_ATTENDED.get(place, Attendance.YES), duration=_length(place))


def _observed() -> Iterator[ObservedStretch]:
    for track in ("r1", "r2"):
        for place in _places():
            if track == "r1" or place != _NOT_BY_SECOND:
                for start, end in _stretches(place):
                    yield ObservedStretch(dyad=place.dyad, session=place.session, track=track, start=start,
                                          end=end, codebook="stages")


def _dyads() -> Iterator[Dyad]:
    for dyad, therapist, arm, outcome, end in _DYADS:
        yield Dyad(dyad=dyad, therapist=therapist, arm=arm, outcome=outcome, therapy_end=end)


# --- the generated part -------------------------------------------------------------------------------------


class _Dice:
    """Whole numbers for one cluster and purpose, one after another."""

    def __init__(self, cluster: str, *, purpose: str) -> None:
        self._key = _random.key(SEED, cluster=cluster, purpose=purpose)
        self._used = 0
        self._words: list[int] = []

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1."""
        # Taking the remainder favours small numbers by less than n in 2**64. That is nothing to an invented
        # study; results draw through `_random.below`.
        if self._used % 256 == 0:
            self._words = _random.draws(self._key, 256, start=self._used).tolist()
        self._used += 1
        return self._words[(self._used - 1) % 256] % n

    def pick(self, things: Sequence[T]) -> T:
        """Return one of several things, each as likely as another."""
        return things[self.below(len(things))]

    def one_in(self, n: int) -> bool:
        """Return True once in n times."""
        return self.below(n) == 0

    def seconds(self, low: int, high: int) -> int:
        """Return microseconds, a whole number of seconds from `low` to `high`."""
        return (low + self.below(high - low + 1)) * SECOND


_TALK: Final = (
    (CLIENT, "resume"), (CLIENT, "reflect"), (CLIENT, "curious"), (CLIENT, "articulate"),
    (THERAPIST, "empathise"), (THERAPIST, "curious"), (THERAPIST, "link-out"), (THERAPIST, "rationale"),
    (THERAPIST, "renegotiate"), (THERAPIST, "link"), (THERAPIST, "reflect"), (THERAPIST, "resume"),
)
"""What is said between episodes."""

_NOISE: Final = (
    (CLIENT, "stay"), (CLIENT, "notice"), (CLIENT, "acknowledge"), (CLIENT, "articulate"),
    (THERAPIST, "rationale"), (THERAPIST, "clarify"), (THERAPIST, "disclose"), (THERAPIST, "stay"),
    (THERAPIST, "curious"), (THERAPIST, "wd"), (THERAPIST, "cf"), (THERAPIST, "link"),
)
"""What comes in between within an episode, and moves neither model."""

_NOT_USED: Final = "neg-mixed"
"""The codebook asks a study to use one of two names for a position; this one uses the other."""


def _generated(place: _Place) -> list[_Said]:
    """Return the moves of a session that is not hand-written: talk and episodes by turns."""
    dice = _Dice(f"{place.dyad}/{place.session}", purpose="moves")
    models = [load_model(name) for name in ("withdrawal-2000", "confrontation-2000")]
    said = _talk(dice, 0, count=2 + dice.below(6))
    for _ in range(dice.pick((0, 1, 1, 2, 2))):
        said += _walk(dice, dice.pick(models), said[-1].onset + dice.seconds(60, 150))
        said += _talk(dice, said[-1].onset + 4 * MINUTE, count=2 + dice.below(4))
    said += _talk(dice, said[-1].onset, count=40)
    return _with_ties(_within(place, said))


def _talk(dice: _Dice, at: int, *, count: int) -> list[_Said]:
    said: list[_Said] = []
    for _ in range(count):
        at += dice.seconds(60, 180)
        said.append(_Said(at, *dice.pick(_TALK)))
    return said


def _walk(dice: _Dice, model: StateMachine, at: int) -> Iterator[_Said]:
    """Walk along the arrows of a model, from its marker to its end, unless the two leave it before."""
    state = model.initial
    party, code = dice.pick(_ways(model.transitions[0]))    # the first arrow of both is the marker repeated
    yield _Said(at, party, code, rating=_salience(dice, code))
    while not (dice.one_in(16) or (model[state].end and dice.one_in(2))):
        if dice.one_in(6):
            at += dice.seconds(10, 40)
            party, code = dice.pick(_NOISE)
        else:
            at += 0 if dice.one_in(12) else dice.seconds(15, 75)
            arrow = dice.pick(_leaving(model, state))
            party, code = dice.pick(_ways(arrow))
            state = arrow.target
        yield _Said(at, party, code, rating=_salience(dice, code))


def _leaving(model: StateMachine, state: str) -> list[Transition]:
    """Return the arrows to draw from: one forward stands there six times, one that stays three times."""
    here = model.index[state]
    return [arrow for arrow in model.transitions if arrow.source == state and _ways(arrow)
            for _ in range(_weight(model.index[arrow.target] - here))]


def _weight(ahead: int) -> int:
    return 6 if ahead > 0 else 1 if ahead else 3


@functools.cache
def _ways(arrow: Transition) -> list[tuple[str, str]]:
    """Return who may take an arrow, and by which codes."""
    book, when = load_codebook("stages"), arrow.when or Condition()
    return [(party, code) for function in when.functions for code in book.codes_for(function)
            for party in (CLIENT, THERAPIST)
            if when.party in (None, party) and party in book[code].parties and code != _NOT_USED]


def _salience(dice: _Dice, code: str) -> int | None:
    return 2 + dice.below(4) if code in ("wd", "cf") else None


def _coded_by_first() -> dict[_Place, list[_Said]]:
    written = _vignette_moves()
    hand_written = {vignette.dyad for vignette in _VIGNETTES}
    return {place: _around(place, written.get(place, ())) if place.dyad in hand_written else _generated(place)
            for place in _places() if _stretches(place)}


def _around(place: _Place, written: Sequence[_Said]) -> list[_Said]:
    """Return a session of a hand-written dyad: its vignette, if it has one, with talk before and after."""
    talk = _talk(_Dice(f"{place.dyad}/{place.session}", purpose="talk"), 0, count=60)
    first, last = (written[0].onset - MINUTE, written[-1].onset + MINUTE) if written else (0, 0)
    before = [each for each in talk if each.onset < first]
    return _within(place, [*before, *written, *(each for each in talk if each.onset > last)])


def _within(place: _Place, said: Sequence[_Said]) -> list[_Said]:
    """Keep what lies in a stretch that was coded."""
    return [each for each in said if any(start <= each.onset < end for start, end in _stretches(place))]


# --- the second rater ---------------------------------------------------------------------------------------

_CONFUSED: Final[Mapping[str, str]] = MappingProxyType({
    "wd": "avoid-assert", "cf": "construal", "qual-assert": "avoid-assert", "avoid-assert": "wd",
    "self-assert": "qual-assert", "construal": "hurt", "hurt": "construal", "avoid-agg": "avoid-vuln",
    "avoid-vuln": "avoid-agg", "vulnerable": "hurt", "invite": "curious", "curious": "invite",
    "facilitate": "explore-avoid", "explore-avoid": "facilitate", "validate": "empathise",
    "empathise": "validate", "own-part": "disclose", "disclose": "own-part", "clarify": "rationale",
    "rationale": "renegotiate",
    "renegotiate": "rationale", "notice": "acknowledge", "acknowledge": "notice", "link": "link-out",
    "link-out": "link", "reflect": "resume", "resume": "reflect",
})
"""What the second rater sees instead, where the codebook lets that party be given it."""


def _coded_by_second(first: Mapping[_Place, Sequence[_Said]]) -> dict[_Place, list[_Said]]:
    return {place: _misread(place, said) for place, said in first.items() if place != _NOT_BY_SECOND}


def _misread(place: _Place, said: Sequence[_Said]) -> list[_Said]:
    """Return a reading with one move in ten missed, one in ten confused, and one in six some seconds late."""
    dice = _Dice(f"{place.dyad}/{place.session}", purpose="second rater")
    stretches = _stretches(place)
    read: list[_Said] = []
    for each in said:
        missed, confused = dice.one_in(10), dice.one_in(10)
        late = dice.seconds(1, 9) if dice.one_in(6) else 0
        rating = each.rating and min(5, max(1, each.rating + dice.below(3) - 1))
        last = next(end for start, end in stretches if start <= each.onset < end)
        code = _taken_for(each) if confused else each.code
        if not missed:
            read.append(each._replace(onset=min(each.onset + late, last - SECOND), code=code, episode=None,
                                      rating=rating if code in ("wd", "cf") else None))
    return _with_ties(sorted(read, key=lambda each: each.onset))


def _taken_for(said: _Said) -> str:
    other = _CONFUSED.get(said.code, said.code)
    return other if said.party in load_codebook("stages")[other].parties else said.code


# --- identities ---------------------------------------------------------------------------------------------


_BEFORE: Final = 90 * SECOND
"""The recorder was switched on this long before the session began."""


def _moves(first: Mapping[_Place, Sequence[_Said]]) -> tuple[list[Move], list[Member]]:
    """Give every move its identity: the first rater's from 1, then the second's."""
    moves: list[Move] = []
    members: list[Member] = []
    for track, coded in (("r1", first), ("r2", _coded_by_second(first))):
        for place, said in coded.items():
            for each in said:
                row_id = len(moves) + 1
                moves.append(_identified(each, place, track, row_id))
                if each.episode is not None:
                    members.append(Member(episode=each.episode, row_id=row_id))
    return moves, members


def _identified(said: _Said, place: _Place, track: str, row_id: int) -> Move:
    """Return the move; those of the vignettes have an end, and a note that leads back to the tape."""
    told = said.episode is not None
    return Move(row_id=row_id, dyad=place.dyad, session=place.session, track=track, party=said.party,
                code=said.code, onset=said.onset, offset=said.onset + 8 * SECOND if told else None,
                tie=said.tie, rating=said.rating, rater=track, perspective=Perspective.OBSERVER,
                media=said.onset + _BEFORE if track == "r1" else None,
                note=f"clip {row_id:04d}" if told else None)


def _episodes(moves: Sequence[Move], members: Sequence[Member]) -> Iterator[EpisodeRow]:
    by_id = {move.row_id: move for move in moves}
    for vignette in _VIGNETTES:
        held = [by_id[member.row_id] for member in members if member.episode == vignette.name]
        yield EpisodeRow(episode=vignette.name, dyad=vignette.dyad, track="r1", first_session=held[0].session,
                         onset=held[0].onset, last_session=held[-1].session, end=held[-1].onset,
                         rupture_type=vignette.type, party=CLIENT)


# --- what people say of it ----------------------------------------------------------------------------------


def _ratings(first: Mapping[_Place, Sequence[_Said]]) -> Iterator[Rating]:
    for place in _places():
        if _took_place(place):
            yield from _alliance(place)
            yield from _resolution(place, any(each.code in ("wd", "cf") for each in first[place]))


def _alliance(place: _Place) -> Iterator[Rating]:
    """Alliance from 1 to 7 by both, before and after; before the first session nobody was asked."""
    dice = _Dice(f"{place.dyad}/{place.session}", purpose="alliance")
    for perspective in (Perspective.CLIENT, Perspective.THERAPIST):
        for sampling in (SamplingPoint.PRE, SamplingPoint.POST):
            value, lost, lost_why = 3 + dice.below(9) / 2, dice.one_in(10), dice.one_in(4)
            missing = None if not lost else MissingReason.UNKNOWN if lost_why else MissingReason.NOT_COMPLETED
            if place.session == 1 and sampling is SamplingPoint.PRE:
                missing = MissingReason.BY_DESIGN
            yield Rating(dyad=place.dyad, session=place.session, perspective=perspective, measure="alliance",
                         sampling=sampling, value=None if missing else value, missing=missing)


def _resolution(place: _Place, ruptured: bool) -> Iterator[Rating]:
    """Resolution from 1 to 5 by both raters, asked only where the session holds a marker."""
    dice = _Dice(f"{place.dyad}/{place.session}", purpose="resolution")
    score = 2 + dice.below(4)
    for rater in ("r1", "r2"):
        value = min(5, max(1, score + (dice.below(3) - 1 if rater == "r2" else 0)))
        asked = ruptured and (rater == "r1" or place != _NOT_BY_SECOND)
        yield Rating(dyad=place.dyad, session=place.session, perspective=Perspective.OBSERVER,
                     measure="resolution", sampling=SamplingPoint.WITHIN, value=value if asked else None,
                     missing=None if asked else MissingReason.BY_DESIGN, rater=rater)


_SOURCES: Final[Mapping[str, tuple[str | None, Perspective, Status]]] = MappingProxyType({
    "r1": ("r1", Perspective.OBSERVER, Status.CODED), "r2": ("r2", Perspective.OBSERVER, Status.CODED),
    "both": (None, Perspective.OBSERVER, Status.CONSENSUS),
    "guess": ("r1", Perspective.OBSERVER, Status.HYPOTHESISED),
    "client": (None, Perspective.CLIENT, Status.REPORTED),
    "therapist": (None, Perspective.THERAPIST, Status.REPORTED),
})
"""Who says so: rater, perspective and status."""

_LABELS: Final[Mapping[str, str]] = MappingProxyType({
    "episode V1-E1": """
        both type client withdrawal
        r1 form client masking
        r2 form client shutting_down
        r1 movement client appeasement
        r1 locus - task
        r1 cause - failed_negotiation_of_needs
        r1 visibility - overt
        r1 intensity - 3
        r1 noticing client unknown
        r1 noticing therapist yes
        r1 acknowledging client yes
        r1 acknowledging therapist yes
        r1 staying_with_discomfort client yes
        r1 staying_with_discomfort therapist yes
        r1 curiosity client unknown
        r1 curiosity therapist yes
        r1 articulating client yes
        r1 articulating therapist no
        r1 reflecting_together client yes
        r1 reflecting_together therapist yes
        client cost_of_raising client afraid of being a difficult client
        both outcome - repaired
        r1 rated_resolution - 5
        r2 rated_resolution - 4
        client reported_resolution - yes
        therapist reported_resolution - yes
        client consequence - corrective_experience
        therapist consequence - deepening
    """,
    "episode V2-E1": """
        both type client withdrawal
        r1 form client shutting_down
        r1 movement client isolation
        r1 locus - goal
        r1 cause - unmet_expectations
        r1 visibility - overt
        r1 intensity - 2
        r1 noticing client yes
        r1 noticing therapist no
        r1 acknowledging therapist no
        r1 curiosity therapist no
        r1 articulating client yes
        r1 reflecting_together client no
        r1 reflecting_together therapist no
        both outcome - partial
        r1 rated_resolution - 3
        r2 rated_resolution - 3
        client reported_resolution - partly
        therapist reported_resolution - yes
    """,
    "episode V2-E2": """
        both type client withdrawal
        r1 form client shutting_down
        r1 movement client isolation
        r1 locus - bond
        r1 cause - communication_breakdown
        guess cause - unresolved_trauma
        r1 visibility - ambiguous
        r1 intensity - 5
        r1 noticing client unknown
        r1 noticing therapist yes
        r1 acknowledging client no
        r1 acknowledging therapist no
        r1 staying_with_discomfort client no
        r1 staying_with_discomfort therapist no
        r1 curiosity therapist no
        r1 articulating client no
        r1 reflecting_together client no
        r1 reflecting_together therapist no
        therapist cost_of_raising therapist feared it would drive the client away
        both outcome - impasse
        r1 rated_resolution - 1
        r2 rated_resolution - unknown
        therapist reported_resolution - no
    """,
    "episode V3-E1": """
        both type client confrontation
        r1 form client complaining_criticising
        r1 movement client aggression
        r1 locus - bond
        r1 cause - unmet_expectations
        r1 visibility - overt
        r1 intensity - 4
        r1 noticing client yes
        r1 noticing therapist yes
        r1 acknowledging client yes
        r1 acknowledging therapist yes
        r1 staying_with_discomfort therapist yes
        r1 curiosity client yes
        r1 curiosity therapist yes
        r1 articulating client yes
        r1 articulating therapist yes
        r1 reflecting_together client yes
        r1 reflecting_together therapist no
        client cost_of_raising client felt like a test of whether this will hold
        both outcome - repaired
        r1 rated_resolution - 4
        client reported_resolution - yes
        therapist reported_resolution - partly
        client consequence - deepening
        client consequence - transfer
    """,
    "session V2/3": """
        guess visibility - covert
    """,
    "dyad V1": """
        client consequence - retention
        client consequence - growth
    """,
    "context C1": """
        client explanation - practical
        guess explanation - relational
    """,
    "context C2": """
        therapist explanation - practical
    """,
    "context C3": """
        client explanation - practical
        therapist explanation - relational
    """,
    "context C4": """
        therapist explanation - unknown
    """,
})
"""By subject, one label a line: who says so, what is stated, of whom (`-` for neither), the value."""


def _labels(members: Sequence[Member]) -> Iterator[Label]:
    for subject, text in _LABELS.items():
        kind, _, name = subject.partition(" ")
        for line in filter(None, map(str.strip, text.splitlines())):
            yield _label(line, kind, name)
    yield _label("r1 intensity client 4", "move", str(members[2].row_id))
    yield _label("guess visibility client ambiguous", "move", str(members[0].row_id))


def _label(line: str, kind: str, subject: str) -> Label:
    source, attribute, party, value = line.split(maxsplit=3)
    rater, perspective, status = _SOURCES[source]
    return Label(subject_kind=kind, subject=subject, attribute=attribute, value=value, rater=rater,
                 party=None if party == "-" else party, perspective=perspective, status=status)


_NEEDS: Final = """
    V1 2 V1-E1 client agency wanted 5 manifest aware client self-report
    V1 2 V1-E1 client agency feared 4 latent unaware observer separate-raters
    V1 2 V1-E1 client communion expected 3 latent unknown observer separate-raters
    V1 2 V1-E1 therapist agency wanted 3 manifest aware therapist interview
    V1 2 V1-E1 therapist communion wanted 5 latent unaware observer separate-raters
    V2 1 V2-E1 client agency wanted 4 manifest aware client self-report
    V2 1 V2-E1 therapist agency expected 4 manifest aware therapist interview
    V2 3 V2-E2 client communion feared 6 latent unknown observer separate-raters
    V2 3 V2-E2 client agency wanted 6 manifest unknown observer separate-raters
    V2 3 V2-E2 therapist agency wanted 5 manifest aware therapist interview
    V2 3 V2-E2 therapist communion wanted 4 latent unaware therapist interview
    V3 2 V3-E1 client communion wanted 6 latent unaware observer separate-raters
    V3 2 V3-E1 client communion feared 5 latent aware client self-report
    V3 2 V3-E1 client agency expected 2 manifest aware client self-report
    V3 2 V3-E1 therapist communion expected - manifest aware therapist interview
    X04 - - client communion wanted 5 manifest aware client self-report
    X04 - - therapist communion wanted 3 manifest aware therapist self-report
    X09 3 - client agency feared 4 latent unknown observer separate-raters
    X09 3 - therapist communion feared 2 manifest - therapist interview
"""
"""One statement a line: dyad, session, episode, party, need, mode, level from 1 to 7, layer, awareness, from
where and by what means; `-` where nothing was recorded."""


def _needs() -> Iterator[NeedStatement]:
    for line in filter(None, map(str.strip, _NEEDS.splitlines())):
        dyad, session, episode, party, need, mode, level, layer, aware, perspective, source = (
            None if word == "-" else word for word in line.split())
        told = perspective != Perspective.OBSERVER
        yield NeedStatement(
            dyad=str(dyad), session=int(session) if session else None, episode=episode, party=str(party),
            need=Need(str(need)), mode=NeedMode(str(mode)), level=float(level) if level else None,
            layer=Layer(str(layer)), awareness=Awareness(aware) if aware else None, source=source,
            perspective=Perspective(str(perspective)), rater=None if told else "r1",
            status=Status.REPORTED if told else Status.HYPOTHESISED)


_CONTEXT: Final = (
    ("C1", "X09", ContextKind.MISSED_SESSION, 2, 7, "message left the same day"),
    ("C2", "V3", ContextKind.HOLIDAY, None, 14, "planned break of a week"),
    ("C3", "V2", ContextKind.PAYMENT, 2, 9, None),
    ("C4", "X11", ContextKind.SCHEDULING, 3, 13, "asked for another hour, then not heard of"),
    ("C5", "X05", ContextKind.HOLIDAY, None, 7, None),
)
"""Event, dyad, kind, session, day and note. Of C5 nobody said what it meant."""


def _context() -> Iterator[ContextEvent]:
    for event, dyad, kind, session, day, note in _CONTEXT:
        yield ContextEvent(event=event, dyad=dyad, kind=kind, session=session, day=day, note=note)


def example_cohort() -> Cohort:
    """Return the invented study: two raters, every table filled, the same on every platform.

    >>> example_cohort()
    Cohort(1,550 moves, 12 dyads, 33 sessions, 2 tracks, 4 episodes)
    """
    first = _coded_by_first()
    moves, members = _moves(first)
    return Cohort.of(
        moves, coding=Coding(codebook=load_codebook("stages")), sessions=_sessions(), dyads=_dyads(),
        observed=_observed(), ratings=_ratings(first), needs=_needs(), context=_context(),
        labels=_labels(members), episodes=_episodes(moves, members), members=members,
        tracks=(Track(name="r1"), Track(name="r2")))
