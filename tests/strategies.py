"""Random records, codebooks, process models and studies, small enough for the oracles to go through."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
from hypothesis import strategies as st

from rupturekit import _schema, state_machine
from rupturekit._schema import Column
from rupturekit.codebooks import Code, Codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import (
    ATTRIBUTES,
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
)
from rupturekit.errors import CodingWarning
from rupturekit.segmentation import SegmentationRule
from rupturekit.state_machine import Condition, State, StateMachine, Transition, parse_model
from rupturekit.vocabulary import UNKNOWN, Attendance, Certainty, Evidence, Outcome, Phase, RuptureType, TimeKind

T = TypeVar("T")
Names = dict[str | None, Any]
"""Old name to new name; None to None."""

RECORDS = (Move, Session, Dyad, ObservedStretch, Rating, NeedStatement, ContextEvent, Label, EpisodeRow, Member)
FUNCTIONS = ("withdrawal_marker", "confrontation_marker", "notices", "validates", "articulates")
PARTIES = ("client", "therapist")
SECOND = 1_000_000


def quietly(function: Callable[..., T], *args: Any, **named: Any) -> T:
    """Call a function; warnings about odd data are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        return function(*args, **named)


def subsets(of: tuple[T, ...], *, least: int = 0, most: int = 2) -> st.SearchStrategy[tuple[T, ...]]:
    """Return some of the given things, in their order."""
    return st.lists(st.sampled_from(of), min_size=least, max_size=most, unique=True).map(
        lambda picked: tuple(one for one in of if one in picked))


# --- records ---------------------------------------------------------------------------------------------------

_SIGNS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))
lines = st.text(_SIGNS, min_size=1, max_size=6)
words = lines.filter(lambda word: word == word.strip())


def _values(column: Column) -> st.SearchStrategy[Any]:
    if column.levels is not None:
        return st.sampled_from(list(column.levels))
    low = 0 if column.rule and column.kind != "float" and column.kind != "label" else -(2**63) + 1
    return {
        "time": st.integers(low, 2**63 - 1), "int": st.integers(low, 2**63 - 1),
        "milli": st.integers(0, 10**15).map(lambda whole: whole / 1000), "bool": st.booleans(),
        "float": st.floats(allow_nan=False, allow_infinity=False), "label": words,
    }[column.kind]


@st.composite
def records(draw: st.DrawFn, record: type[T]) -> T:
    """Draw one record of a class, from what its annotations allow."""
    optional = _schema.optional_fields(record)
    fields = {name: draw(st.none() | _values(column) if name in optional else _values(column))
              for name, column in _schema.columns(record).items()}
    if record is Label:
        fields["subject_kind"] = draw(st.sampled_from(["episode", "move", "session", "dyad", "context"]))
        fields["attribute"] = draw(st.sampled_from(list(ATTRIBUTES)) | words)
        allowed = ATTRIBUTES.get(fields["attribute"])
        fields["value"] = draw(st.sampled_from([*allowed, UNKNOWN]) if allowed else lines)
    return record(**fields)


# --- codebooks and models --------------------------------------------------------------------------------------


@st.composite
def codebooks(draw: st.DrawFn, *, parties: tuple[str, ...] = PARTIES) -> Codebook:
    """Draw a codebook of three to six codes, some without a function, some with two, some for one party."""
    n = draw(st.integers(3, 6))
    least = st.sampled_from([1, 1, 2, 0])
    return Codebook(
        name="random", title="Random", version="1", citation="", certainty=Certainty.MEDIUM, reliability="not stated",
        unit="turn", codes=tuple(Code(code=f"c{at}", label=f"code {at}", parties=draw(subsets(parties, most=1)),
                                      functions=draw(least.flatmap(lambda least: subsets(FUNCTIONS, least=least)))) for at in range(n)))


@st.composite
def conditions(draw: st.DrawFn, *, parties: tuple[str, ...] = PARTIES, guards: bool = True) -> Condition:
    """Draw what a move must be; with guards, sometimes how it was rated and how long after what it came."""
    free = (None, None)
    rating = draw(st.sampled_from([*[free] * 9, (2.0, None), (None, 1.5), (1.0, 2.5)])) if guards else free
    elapsed = draw(st.sampled_from([*[free] * 9, (2, None), (None, 1), (0, 0)])) if guards else free
    low, high = (None if value is None else value * SECOND for value in elapsed)
    return Condition(
        party=draw(st.sampled_from([None, None, *parties])), functions=draw(subsets(FUNCTIONS, least=1, most=3)),
        min_rating=rating[0], max_rating=rating[1], min_elapsed=low, max_elapsed=high,
        absent=draw(st.sampled_from(["pass", "block"])) if rating != free else None,
        since=draw(st.sampled_from(["previous", "onset"])) if elapsed != free else "previous")


@st.composite
def models(draw: st.DrawFn, *, parties: tuple[str, ...] = PARTIES, guards: bool = True) -> StateMachine:
    """Draw a sound model: a spine through all states, more arrows where they leave no move two ways."""
    n = draw(st.integers(2, 5))
    spine = draw(st.permutations(range(n)))
    ends = {spine[-1], *draw(st.sets(st.sampled_from(spine), max_size=1))}
    states = tuple(State(name=f"s{at}", phase=draw(st.sampled_from(list(Phase))), initial=at == spine[0], end=at in ends,
                         outcome=draw(st.none() | st.sampled_from(list(Outcome))) if at in ends else None)
                   for at in range(n))

    def arrow(source: int, target: int) -> Transition:
        onward = spine.index(source) < spine.index(target)
        silent = onward and draw(st.integers(0, 5)) == 0
        return Transition(source=f"s{source}", target=f"s{target}", evidence=draw(st.sampled_from(list(Evidence))),
                          when=None if silent else draw(conditions(parties=parties, guards=guards)))

    arrows = [arrow(source, target) for source, target in itertools.pairwise(spine)]
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    for source, target in draw(st.lists(pairs, min_size=3, max_size=9)):
        more = arrow(source, target)
        if not any(state_machine._overlap(more.when, other.when) for other in arrows
                   if other.source == more.source and other.target != more.target):
            arrows.append(more)
    kind = draw(st.none() | st.sampled_from(list(RuptureType)))
    return StateMachine(name="random", title="Random", source="nobody", type=kind, states=states,
                        transitions=tuple(draw(st.permutations(arrows))))


HEAD = 'format = 1\nname = "m"\ntitle = "M"\nsource = "S"\ntype = "any"\n'
ENDS = ('[[states]]\nname = "a"\nphase = "rupture"\ninitial = true\nevidence = "assumption"\n'
        '[[states]]\nname = "z"\nphase = "repair"\nend = true\nevidence = "assumption"\n')


def _steps_text(under: str, steps: Mapping[str, str]) -> str:
    return "".join(f'[[{under}.steps]]\nname = "{name}"\nwhen = {{ {when} }}\nevidence = "recalled"\n'
                   for name, when in steps.items())


def _block(name: str, join: str) -> str:
    return (f'[{name}]\nfrom = "a"\nto = "z"\nwhen = {{ function = "{join}" }}\nphase = "negotiation"\n'
            'evidence = "assumption"\n')


def _alone(names: list[str] | Mapping[str, str]) -> Mapping[str, str]:
    return names if isinstance(names, Mapping) else {name: f'function = "{name}"' for name in names}


def chains_text(chains: list[list[str]] | list[dict[str, str]], *, join: str = "join",
                parties: tuple[str, ...] = ("client",)) -> str:
    """Return a model of parallel chains as TOML; a chain is a list of functions, or maps a step to its `when`."""
    made = (f'[[parallel.chains]]\nparty = "{party}"\n{_steps_text("parallel.chains", _alone(chain))}'
            for chain, party in zip(chains, itertools.cycle(parties), strict=False))
    return HEAD + ENDS + _block("parallel", join) + "".join(made)


def set_text(names: list[str] | dict[str, str], at_least: int, *, join: str = "join") -> str:
    """Return a model of strategies in any order as TOML."""
    return HEAD + ENDS + _block("unordered", join) + f"at_least = {at_least}\n" + _steps_text("unordered", _alone(names))


@st.composite
def products(draw: st.DrawFn) -> StateMachine:
    """Draw two parallel chains, one a party, or a set of strategies, compiled; the last function joins them."""
    *steps, join = FUNCTIONS
    picked = st.lists(st.sampled_from(steps), min_size=1, max_size=3, unique=True)
    if draw(st.booleans()):
        names = draw(picked)
        return parse_model(set_text(names, draw(st.integers(1, len(names))), join=join))
    chains = [{f"{party}_{name}": f'party = "{party}", function = "{name}"' for name in draw(picked)} for party in PARTIES]
    return parse_model(chains_text(chains, join=join, parties=PARTIES))


# --- studies ---------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Parts:
    """What a cohort is made of, still as objects, so that a test can turn, shift, rename or add to it."""

    coding: Coding
    moves: tuple[Move, ...] = ()
    sessions: tuple[Session, ...] = ()
    observed: tuple[ObservedStretch, ...] = ()
    episodes: tuple[EpisodeRow, ...] = ()
    members: tuple[Member, ...] = ()
    labels: tuple[Label, ...] = ()

    def cohort(self) -> Cohort:
        """Pack the parts."""
        return Cohort.of(self.moves, coding=self.coding, sessions=self.sessions, observed=self.observed,
                         episodes=self.episodes, members=self.members, labels=self.labels)

    def whole(self) -> tuple[EpisodeRow, ...]:
        """Return one episode a dyad and track that holds all its moves."""
        return tuple(EpisodeRow(episode=f"all {dyad} {track}", dyad=dyad, track=track, first_session=0, onset=0,
                                last_session=9, end=0) for dyad, track in sorted({(m.dyad, m.track) for m in self.moves}))

    def track(self, name: str) -> Parts:
        """Return the parts of one track."""
        rows = [one for one in self.episodes if one.track == name]
        kept = {one.episode for one in rows}
        return attrs.evolve(
            self, moves=tuple(m for m in self.moves if m.track == name), episodes=tuple(rows),
            observed=tuple(o for o in self.observed if o.track == name),
            members=tuple(m for m in self.members if m.episode in kept),
            labels=tuple(one for one in self.labels if one.subject in kept))


@st.composite
def parts(draw: st.DrawFn, *, codebook: st.SearchStrategy[Codebook] | None = None, tracks: tuple[str, ...] = ("r1",),
          episodes: bool = True, times: tuple[TimeKind, ...] = (TimeKind.CLOCK, TimeKind.CLOCK, TimeKind.TURN, TimeKind.SEGMENT),
          latest: int = 4, most: int = 12) -> Parts:
    """Draw a study of at most two dyads and three sessions, in which moves often share an instant."""
    kind = draw(st.sampled_from(times))
    coding = Coding(codebook=draw(codebooks() if codebook is None else codebook), time=kind,
                    segment=2 * SECOND if kind is TimeKind.SEGMENT else None)
    unit = SECOND if coding.time.has_clock else 1
    times_of = st.integers(0, latest).map(lambda whole: whole * unit)
    codes = [code.code for code in coding.codebook.codes]
    dyads, numbers = st.sampled_from(["D1", "D1", "D1", "D2"]), st.sampled_from([1, 1, 1, 2, 4])

    @st.composite
    def move(draw: st.DrawFn) -> dict[str, Any]:
        onset = draw(times_of)
        return {"dyad": draw(dyads), "session": draw(numbers), "track": draw(st.sampled_from(tracks)), "onset": onset,
                "offset": draw(st.none() | st.integers(0, 2).map(lambda more: onset + more * unit)),
                "tie": draw(st.integers(0, 1)), "party": draw(st.sampled_from([*coding.parties, coding.parties[0], None])),
                "code": draw(st.sampled_from(codes)), "rating": draw(st.none() | st.sampled_from([1.0, 1.5, 2.0, 3.0]))}

    n = draw(st.integers(1, most))
    made = draw(st.lists(move(), min_size=n, max_size=n))
    moves = tuple(Move(row_id=at, source_row=at + 1, **fields) for at, fields in enumerate(made))
    held = sorted({(m.dyad, m.session) for m in moves})
    meetings = [*held, *((dyad, 3) for dyad in sorted({dyad for dyad, _ in held}))]    # one more, that nobody moved in
    lasts = {key: max((max(m.onset, m.offset or 0) for m in moves if (m.dyad, m.session) == key), default=0)
             for key in meetings}
    sessions = tuple(Session(dyad=dyad, session=number, day=number,
                             attended=draw(st.sampled_from([None, Attendance.YES, Attendance.NO])),
                             duration=draw(st.none() | times_of.map(lambda more, at=lasts[dyad, number]: at + more)))
                     for dyad, number in meetings if draw(st.booleans()))
    observed = tuple(ObservedStretch(dyad=dyad, session=number, track=track, start=start, end=end)
                     for dyad, number in meetings for track in tracks for start, end in draw(_stretches(times_of)))
    rows = tuple(draw(_episode_rows(held, times_of, tracks))) if episodes else ()
    return Parts(coding=coding, moves=moves, sessions=sessions, observed=observed, episodes=rows,
                 members=draw(_members(rows, moves)), labels=draw(_labels(rows, coding)))


def _stretches(times: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Return none, one or two stretches that do not overlap; the first often begins with the session."""
    return st.lists(times | st.just(0), max_size=4).map(sorted).map(lambda at: list(zip(at[::2], at[1::2], strict=False)))


@st.composite
def _episode_rows(draw: st.DrawFn, held: list[tuple[str, int]], times: st.SearchStrategy[int],
                  tracks: tuple[str, ...]) -> list[EpisodeRow]:
    rows = [EpisodeRow(episode=f"all {dyad}", dyad=dyad, track=tracks[0], first_session=0, onset=0, last_session=9, end=0,
                       rupture_type=draw(st.none() | st.sampled_from(list(RuptureType))))
            for dyad in sorted({dyad for dyad, _ in held}) if draw(st.booleans())]
    for at in range(draw(st.integers(0, 2))):
        dyad, number = draw(st.sampled_from(held))
        last = draw(st.sampled_from([session for one, session in held if one == dyad and session >= number]))
        onset, end = sorted([draw(times), draw(times)])
        rows.append(EpisodeRow(episode=draw(st.sampled_from([f"E{at}", f"{dyad}-{at + 1}"])), dyad=dyad, onset=onset,
                               track=draw(st.sampled_from(tracks)), first_session=number, last_session=last, end=end,
                               rupture_type=draw(st.none() | st.sampled_from(list(RuptureType)))))
    return rows if len({row.episode for row in rows}) == len(rows) else rows[:1]


@st.composite
def _members(draw: st.DrawFn, rows: tuple[EpisodeRow, ...], moves: tuple[Move, ...]) -> tuple[Member, ...]:
    found = []
    for row in rows:
        mine = [m.row_id for m in moves if (m.dyad, m.track) == (row.dyad, row.track)]
        if mine and draw(st.booleans()):
            picked = draw(st.lists(st.sampled_from(mine), min_size=1, unique=True))
            found += [Member(episode=row.episode, row_id=row_id) for row_id in picked]
    return tuple(found)


@st.composite
def _labels(draw: st.DrawFn, rows: tuple[EpisodeRow, ...], coding: Coding) -> tuple[Label, ...]:
    return tuple(Label(subject_kind="episode", subject=row.episode, attribute=attribute, value=value)
                 for row in rows for attribute, value in (("rated_resolution", "4"), ("reported_resolution", "no"))
                 if draw(st.booleans()))


def shifted(study: Parts, by: Mapping[tuple[str, int], int]) -> Parts:
    """Return a study in which all times of some sessions lie later; `by` says how much for each dyad and session."""

    def later(time: int | None, dyad: str, session: int) -> int | None:
        return None if time is None else time + by.get((dyad, session), 0)

    return attrs.evolve(
        study,
        moves=tuple(attrs.evolve(m, onset=later(m.onset, m.dyad, m.session), offset=later(m.offset, m.dyad, m.session))
                    for m in study.moves),
        sessions=tuple(attrs.evolve(s, duration=later(s.duration, s.dyad, s.session)) for s in study.sessions),
        observed=tuple(attrs.evolve(o, start=later(o.start, o.dyad, o.session), end=later(o.end, o.dyad, o.session))
                       for o in study.observed),
        episodes=tuple(attrs.evolve(e, onset=later(e.onset, e.dyad, e.first_session),
                                    end=later(e.end, e.dyad, e.last_session)) for e in study.episodes))


def renamed(study: Parts, model: StateMachine, *, keep: tuple[str, ...] = ()) -> tuple[Names, Parts, StateMachine]:
    """Return a study and model with other names, which sort the other way round, and the names."""
    old = [*PARTIES, *(code.code for code in study.coding.codebook.codes), *model.index, *FUNCTIONS]
    names: Names = {word: f"z{99 - at}" for at, word in enumerate(old)} | {word: word for word in keep} | {None: None}

    def all_of(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names[word] for word in words)

    book = attrs.evolve(study.coding.codebook, codes=tuple(
        attrs.evolve(code, code=names[code.code], parties=all_of(code.parties), functions=all_of(code.functions))
        for code in study.coding.codebook.codes))
    other = attrs.evolve(
        study, coding=attrs.evolve(study.coding, parties=all_of(study.coding.parties), codebook=book),
        moves=tuple(attrs.evolve(m, party=names[m.party], code=names[m.code]) for m in study.moves),
        episodes=tuple(attrs.evolve(e, party=names[e.party]) for e in study.episodes))
    arrows = tuple(attrs.evolve(
        a, source=names[a.source], target=names[a.target], step=names[a.step],
        when=a.when and attrs.evolve(a.when, party=names[a.when.party], functions=all_of(a.when.functions)))
        for a in model.transitions)
    states = tuple(attrs.evolve(state, name=names[state.name]) for state in model.states)
    return names, other, attrs.evolve(model, states=states, transitions=arrows)


@st.composite
def rules(draw: st.DrawFn, *, unit: int = SECOND, across: bool | None = None) -> SegmentationRule:
    """Draw a segmentation rule."""
    opens = draw(subsets(FUNCTIONS, least=1, most=3))
    rating = draw(st.none() | st.sampled_from([1.5, 2.0]))
    return SegmentationRule(
        name="random", opens=opens, opened_by=draw(subsets(PARTIES, most=1)),
        closes_on=draw(subsets(tuple(name for name in FUNCTIONS if name not in opens))),
        gap=draw(st.none() | st.integers(1, 8).map(lambda units: units * unit)), min_rating=rating,
        absent_rating=None if rating is None else draw(st.sampled_from(["pass", "block"])),
        across_sessions=draw(st.booleans()) if across is None else across, use_coded=draw(st.booleans()))
