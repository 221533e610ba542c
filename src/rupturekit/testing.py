"""For tests of your own: random records, codebooks, process models and cohorts, and checks of definition files.

The strategies are for hypothesis (extra: testing). What they draw is small, legal and odd: moves that share an
instant, codes without a function, sessions in which nobody moved. Each takes keyword-only options and shrinks
towards fewer and earlier moves. The checks need no extra.

    from hypothesis import given
    from rupturekit import trace
    from rupturekit.testing import episodes, models

    @given(episodes(), models())
    def test_every_move_is_one_step(episode, model):
        assert len(trace(episode, model).steps) == len(episode)
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from rupturekit.alphabet import coverage
from rupturekit.codebooks import Code, Codebook, as_codebook, load_codebook, read_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Episode, EpisodeRow, Label, Member, Move, ObservedStretch, Session
from rupturekit.errors import CodingWarning, DefinitionError, MissingExtra, listed
from rupturekit.state_machine import Condition, State, StateMachine, Transition, overlap, read_model
from rupturekit.vocabulary import Attendance, Certainty, Evidence, Outcome, Party, Phase, RuptureType, TimeKind

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = [
    "FUNCTIONS",
    "PARTIES",
    "Parts",
    "check_codebook",
    "check_model",
    "codebooks",
    "codings",
    "cohorts",
    "conditions",
    "episodes",
    "models",
    "moves",
    "parts",
    "sessions",
]

T = TypeVar("T")

FUNCTIONS: Final = ("withdrawal_marker", "confrontation_marker", "notices", "validates", "articulates")
"""The functions that drawn codebooks and models speak of."""

PARTIES: Final = (Party.CLIENT.value, Party.THERAPIST.value)
"""The parties of drawn studies."""

_SECOND: Final = 1_000_000
_TIMES: Final = (TimeKind.CLOCK, TimeKind.CLOCK, TimeKind.TURN, TimeKind.SEGMENT)


def _strategies() -> Any:
    """Return the strategies of hypothesis, which only those who draw need."""
    try:
        from hypothesis import strategies  # noqa: PLC0415  # an extra
    except ImportError:
        raise MissingExtra("testing", purpose="drawing random records") from None
    return strategies


@functools.cache
def _composite(draw_one: Callable[..., Any]) -> Callable[..., Any]:
    # Made once a function: hypothesis compiles the signature, which takes longer than a whole draw.
    made: Callable[..., Any] = _strategies().composite(draw_one)
    return made


def _drawn(draw_one: Callable[..., T], **options: Any) -> SearchStrategy[T]:
    made: SearchStrategy[T] = _composite(draw_one)(**options)
    return made


def _some_of(these: tuple[str, ...], *, least: int = 0, most: int = 2) -> SearchStrategy[tuple[str, ...]]:
    """Return a strategy for some of the given words, in their order."""
    st = _strategies()
    found: SearchStrategy[tuple[str, ...]] = st.lists(
        st.sampled_from(these), min_size=least, max_size=most, unique=True).map(
        lambda picked: tuple(one for one in these if one in picked))
    return found


# --- checks of definition files --------------------------------------------------------------------------------


def check_codebook(path: str | Path) -> Codebook:
    """Check the file of a codebook as a plug-in ships it, and return the codebook.

    It has to be sound, to give no warning and to carry the name of its file.

    Raises
    ------
    FileProblem, DefinitionError
        With every mistake, by place and with the remedy.

    >>> from importlib.resources import files
    >>> check_codebook(files("rupturekit") / "codebooks" / "stages.toml").unit
    'turn'
    """
    book = _without_warnings(read_codebook, path)
    _check_file_name(path, book.name, what="codebook")
    return book


def check_model(path: str | Path, *, codebook: Codebook | str | Path | None = None) -> StateMachine:
    """Check the file of a process model as a plug-in ships it, and return the model.

    It has to be sound, to give no warning and to carry the name of its file. With a codebook, every function that
    its arrows wait for has to have a code there.

    Raises
    ------
    FileProblem, DefinitionError, StateMachineError
        With every mistake, by place and with the remedy.
    PartyMismatch
        Where the model's parties are not client and therapist; check such a model without a codebook.

    >>> from importlib.resources import files
    >>> check_model(files("rupturekit") / "models" / "withdrawal-2000.toml", codebook="stages").name
    'withdrawal-2000'
    """
    model = _without_warnings(read_model, path)
    _check_file_name(path, model.name, what="process model")
    if codebook is not None:
        covered = coverage(as_codebook(codebook), model)
        if covered.functions_without_code:
            raise DefinitionError(f"{Path(path).name}: no code of {covered.codebook} has these functions: "
                                  f"{listed(covered.functions_without_code)}; no move can make those steps")
    return model


def _without_warnings(read: Callable[[str | Path], T], path: str | Path) -> T:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", CodingWarning)
        made = read(path)
    if told:
        raise DefinitionError("\n  ".join(str(one.message) for one in told), file=str(path))
    return made


def _check_file_name(path: str | Path, name: str, *, what: str) -> None:
    file = Path(path).name
    if file != f"{name}.toml":
        raise DefinitionError(f"{file}: its name is {name!r}; give file and {what} one name", file=str(path),
                              value=name)


# --- codebooks and models --------------------------------------------------------------------------------------


def codebooks(*, parties: tuple[str, ...] = PARTIES, functions: tuple[str, ...] = FUNCTIONS
              ) -> SearchStrategy[Codebook]:
    """Draw a codebook of three to six codes, some without a function, some with two, some for one party.

    Raises
    ------
    MissingExtra
        Without hypothesis; so does everything here that draws.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(codebooks())
    ... def law(book):
    ...     assert 3 <= len(book.codes) <= 6
    >>> law()
    """
    return _drawn(_codebook, parties=parties, functions=functions)


def _codebook(draw: DrawFn, *, parties: tuple[str, ...], functions: tuple[str, ...]) -> Codebook:
    st = _strategies()
    least = st.sampled_from([1, 1, 2, 0]).map(lambda wanted: min(wanted, len(functions)))
    codes = tuple(Code(code=f"c{at}", label=f"code {at}", parties=draw(_some_of(parties, most=1)),
                       functions=draw(least.flatmap(lambda least: _some_of(functions, least=least))))
                  for at in range(draw(st.integers(3, 6))))
    return Codebook(name="random", title="Random", version="1", citation="", certainty=Certainty.MEDIUM,
                    reliability="not stated", unit="turn", codes=codes)


def conditions(*, parties: tuple[str, ...] = PARTIES, functions: tuple[str, ...] = FUNCTIONS, guards: bool = True
               ) -> SearchStrategy[Condition]:
    """Draw what a move must be; with guards, sometimes how it was rated and how long after what it came.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(conditions(functions=("validates",)))
    ... def law(condition):
    ...     assert condition.functions == ("validates",)
    >>> law()
    """
    return _drawn(_condition, parties=parties, functions=functions, guards=guards)


def _condition(draw: DrawFn, *, parties: tuple[str, ...], functions: tuple[str, ...], guards: bool) -> Condition:
    st, free = _strategies(), (None, None)
    rating = draw(st.sampled_from([*[free] * 9, (2.0, None), (None, 1.5), (1.0, 2.5)])) if guards else free
    elapsed = draw(st.sampled_from([*[free] * 9, (2, None), (None, 1), (0, 0)])) if guards else free
    low, high = (None if value is None else value * _SECOND for value in elapsed)
    return Condition(
        party=draw(st.sampled_from([None, None, *parties])), functions=draw(_some_of(functions, least=1, most=3)),
        min_rating=rating[0], max_rating=rating[1], min_elapsed=low, max_elapsed=high,
        absent=draw(st.sampled_from(["pass", "block"])) if rating != free else None,
        since=draw(st.sampled_from(["previous", "onset"])) if elapsed != free else "previous")


def models(*, codebook: Codebook | None = None, parties: tuple[str, ...] = PARTIES, guards: bool = True
           ) -> SearchStrategy[StateMachine]:
    """Draw a sound process model: a spine through all states, more arrows where they leave no move two ways.

    With a codebook, its arrows wait for functions of that codebook only.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(models(codebook=load_codebook("stages")))
    ... def law(model):
    ...     assert len(model.states) >= 2 and model.ends
    >>> law()
    """
    said = sorted({name for code in codebook.codes for name in code.functions}) if codebook else ()
    return _drawn(_model, parties=parties, functions=tuple(said) or FUNCTIONS, guards=guards)


def _model(draw: DrawFn, *, parties: tuple[str, ...], functions: tuple[str, ...], guards: bool) -> StateMachine:
    st = _strategies()
    n = draw(st.integers(2, 5))
    spine = draw(st.permutations(range(n)))
    ends = {spine[-1], *draw(st.sets(st.sampled_from(spine), max_size=1))}
    states = tuple(State(name=f"s{at}", phase=draw(st.sampled_from(list(Phase))), initial=at == spine[0],
                         end=at in ends,
                         outcome=draw(st.none() | st.sampled_from(list(Outcome))) if at in ends else None)
                   for at in range(n))

    def arrow(source: int, target: int) -> Transition:
        onward = spine.index(source) < spine.index(target)
        silent = onward and draw(st.integers(0, 5)) == 0
        when = None if silent else draw(conditions(parties=parties, functions=functions, guards=guards))
        return Transition(source=f"s{source}", target=f"s{target}", evidence=draw(st.sampled_from(list(Evidence))),
                          when=when)

    arrows = [arrow(source, target) for source, target in itertools.pairwise(spine)]
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    for source, target in draw(st.lists(pairs, min_size=3, max_size=9)):
        more = arrow(source, target)
        if not any(overlap(more.when, other.when) for other in arrows
                   if other.source == more.source and other.target != more.target):
            arrows.append(more)
    kind = draw(st.none() | st.sampled_from(list(RuptureType)))
    return StateMachine(name="random", title="Random", source="nobody", type=kind, states=states,
                        transitions=tuple(draw(st.permutations(arrows))))


# --- records ---------------------------------------------------------------------------------------------------


def codings(*, codebook: Codebook | SearchStrategy[Codebook] | None = None, times: tuple[TimeKind, ...] = _TIMES
            ) -> SearchStrategy[Coding]:
    """Draw how a study was coded: by a codebook, which is drawn too where none is given, with a kind of time.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(codings(times=(TimeKind.TURN,)))
    ... def law(coding):
    ...     assert not coding.time.has_clock
    >>> law()
    """
    return _drawn(_coding, codebook=codebook, times=times)


def _coding(draw: DrawFn, *, codebook: Codebook | SearchStrategy[Codebook] | None, times: tuple[TimeKind, ...]
            ) -> Coding:
    kind = draw(_strategies().sampled_from(times))
    book = codebook if isinstance(codebook, Codebook) else draw(codebooks() if codebook is None else codebook)
    return Coding(codebook=book, time=kind, segment=2 * _SECOND if kind is TimeKind.SEGMENT else None)


def _stages() -> Coding:
    return Coding(codebook=load_codebook("stages"))


def _instants(coding: Coding, latest: int) -> SearchStrategy[int]:
    """Draw few different times, so that moves often share an instant: whole seconds, or turns."""
    unit = _SECOND if coding.time.has_clock else 1
    drawn: SearchStrategy[int] = _strategies().integers(0, latest).map(lambda whole: whole * unit)
    return drawn


def moves(*, coding: Coding | None = None, dyads: tuple[str, ...] = ("D1",), numbers: tuple[int, ...] = (1,),
          tracks: tuple[str, ...] = ("r1",), latest: int = 4) -> SearchStrategy[Move]:
    """Draw one move that fits a coding; without one, the packaged codebook `stages` and a clock.

    Parameters
    ----------
    dyads, numbers, tracks : tuple
        The dyads, session numbers and tracks to draw from.
    latest : int
        The latest onset, in seconds, or in turns where there is no clock.

    Two moves in one cohort differ in `row_id`: `st.lists(moves(), unique_by=lambda move: move.row_id)`.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(moves(dyads=("D7",)))
    ... def law(move):
    ...     assert move.dyad == "D7" and move.code in load_codebook("stages")
    >>> law()
    """
    return _drawn(_move, coding=coding or _stages(), dyads=dyads, numbers=numbers, tracks=tracks, latest=latest)


def _move(draw: DrawFn, *, coding: Coding, dyads: tuple[str, ...], numbers: tuple[int, ...], tracks: tuple[str, ...],
          latest: int) -> Move:
    st = _strategies()
    onset, row = draw(_instants(coding, latest)), draw(st.integers(1, 9_999))
    return Move(
        row_id=row, source_row=row, dyad=draw(st.sampled_from(dyads)), session=draw(st.sampled_from(numbers)),
        track=draw(st.sampled_from(tracks)), onset=onset, tie=draw(st.integers(0, 1)),
        offset=draw(st.none() | _instants(coding, 2).map(lambda more: onset + more)),
        party=draw(st.sampled_from([*coding.parties, coding.parties[0], None])),
        code=draw(st.sampled_from([code.code for code in coding.codebook.codes])),
        rating=draw(st.none() | st.sampled_from([1.0, 1.5, 2.0, 3.0])))


def sessions(*, coding: Coding | None = None, dyads: tuple[str, ...] = ("D1",), numbers: tuple[int, ...] = (1, 2, 3),
             shortest: int = 0) -> SearchStrategy[Session]:
    """Draw one session, attended or missed or not told, often without a duration.

    `shortest` is the least duration, in microseconds, or in turns where there is no clock.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(sessions(shortest=60_000_000))
    ... def law(session):
    ...     assert session.duration is None or session.duration >= 60_000_000
    >>> law()
    """
    return _drawn(_session, coding=coding or _stages(), dyads=dyads, numbers=numbers, shortest=shortest)


def _session(draw: DrawFn, *, coding: Coding, dyads: tuple[str, ...], numbers: tuple[int, ...], shortest: int
             ) -> Session:
    st = _strategies()
    number = draw(st.sampled_from(numbers))
    return Session(dyad=draw(st.sampled_from(dyads)), session=number, day=number,
                   attended=draw(st.sampled_from([None, Attendance.YES, Attendance.NO])),
                   duration=draw(st.none() | _instants(coding, 4).map(lambda more: shortest + more)))


def episodes(*, coding: Coding | None = None, most: int = 8) -> SearchStrategy[Episode]:
    """Draw one episode of one to `most` moves, in order, sometimes across two sessions.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(episodes(most=3))
    ... def law(episode):
    ...     assert 1 <= len(episode) <= 3
    >>> law()
    """
    return _drawn(_episode, coding=coding or _stages(), most=most)


def _episode(draw: DrawFn, *, coding: Coding, most: int) -> Episode:
    st = _strategies()
    made = draw(st.lists(moves(coding=coding, numbers=(1, 1, 2)), min_size=1, max_size=most))
    made.sort(key=lambda move: (move.session, move.onset, move.tie))
    numbered = [attrs.evolve(move, row_id=at, source_row=at) for at, move in enumerate(made, 1)]
    return Episode.of(numbered, coding=coding, rupture_type=draw(st.none() | st.sampled_from(list(RuptureType))))


# --- whole studies ---------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Parts:
    """What a cohort is made of, still as objects, so that a test can turn, shift, rename or add to it.

    >>> Parts(coding=Coding(codebook=load_codebook("stages"))).cohort()
    Cohort(0 moves, 0 dyads, 0 sessions, 0 tracks, 0 episodes)
    """

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
                                last_session=9, end=0)
                     for dyad, track in sorted({(move.dyad, move.track) for move in self.moves}))

    def track(self, name: str) -> Parts:
        """Return the parts of one track."""
        rows = [one for one in self.episodes if one.track == name]
        kept = {one.episode for one in rows}
        return attrs.evolve(
            self, moves=tuple(move for move in self.moves if move.track == name), episodes=tuple(rows),
            observed=tuple(stretch for stretch in self.observed if stretch.track == name),
            members=tuple(member for member in self.members if member.episode in kept),
            labels=tuple(label for label in self.labels if label.subject in kept))


def cohorts(*, codebook: Codebook | SearchStrategy[Codebook] | None = None, tracks: tuple[str, ...] = ("r1",),
            episodes: bool = True, times: tuple[TimeKind, ...] = _TIMES, latest: int = 4, most: int = 12
            ) -> SearchStrategy[Cohort]:
    """Draw a cohort of at most two dyads and four sessions each, in which moves often share an instant.

    Parameters
    ----------
    codebook : Codebook, strategy or None
        The codebook; drawn anew where it is not given.
    tracks : tuple of str
        The tracks to draw from.
    episodes : bool
        Whether the coders drew episodes; some cohorts have none all the same.
    times : tuple of TimeKind
        The kinds of time to draw from.
    latest : int
        The latest onset, in seconds, or in turns where there is no clock.
    most : int
        The most moves; there is at least one.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(cohorts(most=6))
    ... def law(cohort):
    ...     assert 1 <= len(cohort.moves) <= 6
    >>> law()
    """
    return parts(codebook=codebook, tracks=tracks, episodes=episodes, times=times, latest=latest, most=most).map(
        Parts.cohort)


def parts(*, codebook: Codebook | SearchStrategy[Codebook] | None = None, tracks: tuple[str, ...] = ("r1",),
          episodes: bool = True, times: tuple[TimeKind, ...] = _TIMES, latest: int = 4, most: int = 12
          ) -> SearchStrategy[Parts]:
    """Draw what `cohorts` draws, with the same options, still as objects.

    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5, database=None)
    ... @given(parts(tracks=("r1", "r2")))
    ... def law(study):
    ...     assert len(study.track("r1").cohort().tracks) <= 1
    >>> law()
    """
    return _drawn(_parts, coding=codings(codebook=codebook, times=times), tracks=tracks, with_episodes=episodes,
                  latest=latest, most=most)


def _parts(draw: DrawFn, *, coding: SearchStrategy[Coding], tracks: tuple[str, ...], with_episodes: bool, latest: int,
           most: int) -> Parts:
    st, coded = _strategies(), draw(coding)
    one = moves(coding=coded, dyads=("D1", "D1", "D1", "D2"), numbers=(1, 1, 1, 2, 4), tracks=tracks, latest=latest)
    n = draw(st.integers(1, most))
    made = draw(st.lists(one, min_size=n, max_size=n))
    said = tuple(attrs.evolve(move, row_id=at, source_row=at + 1) for at, move in enumerate(made))
    held = sorted({(move.dyad, move.session) for move in said})
    meetings = [*held, *((dyad, 3) for dyad in sorted({dyad for dyad, _ in held}))]    # one more, that nobody moved in
    met = tuple(draw(sessions(coding=coded, dyads=(dyad,), numbers=(number,), shortest=_last(said, dyad, number)))
                for dyad, number in meetings if draw(st.booleans()))
    times = _instants(coded, latest)
    observed = tuple(ObservedStretch(dyad=dyad, session=number, track=track, start=start, end=end)
                     for dyad, number in meetings for track in tracks for start, end in draw(_stretches(times)))
    rows = tuple(draw(_drawn(_episode_rows, held=held, times=times, tracks=tracks))) if with_episodes else ()
    return Parts(coding=coded, moves=said, sessions=met, observed=observed, episodes=rows,
                 members=draw(_drawn(_members, rows=rows, moves=said)), labels=draw(_drawn(_labels, rows=rows)))


def _last(said: tuple[Move, ...], dyad: str, number: int) -> int:
    """Return the time that a session lasts at least."""
    mine = (move for move in said if (move.dyad, move.session) == (dyad, number))
    return max((max(move.onset, move.offset or 0) for move in mine), default=0)


def _stretches(times: SearchStrategy[int]) -> SearchStrategy[list[tuple[int, int]]]:
    """Draw none, one or two stretches that do not overlap; the first often begins with the session."""
    st = _strategies()
    drawn: SearchStrategy[list[tuple[int, int]]] = st.lists(times | st.just(0), max_size=4).map(sorted).map(
        lambda at: list(zip(at[::2], at[1::2], strict=False)))
    return drawn


def _episode_rows(draw: DrawFn, *, held: list[tuple[str, int]], times: SearchStrategy[int], tracks: tuple[str, ...]
                  ) -> list[EpisodeRow]:
    st = _strategies()
    kinds = st.none() | st.sampled_from(list(RuptureType))
    rows = [EpisodeRow(episode=f"all {dyad}", dyad=dyad, track=tracks[0], first_session=0, onset=0, last_session=9,
                       end=0, rupture_type=draw(kinds))
            for dyad in sorted({dyad for dyad, _ in held}) if draw(st.booleans())]
    for at in range(draw(st.integers(0, 2))):
        dyad, number = draw(st.sampled_from(held))
        last = draw(st.sampled_from([session for one, session in held if one == dyad and session >= number]))
        onset, end = sorted([draw(times), draw(times)])
        rows.append(EpisodeRow(episode=draw(st.sampled_from([f"E{at}", f"{dyad}-{at + 1}"])), dyad=dyad, onset=onset,
                               track=draw(st.sampled_from(tracks)), first_session=number, last_session=last, end=end,
                               rupture_type=draw(kinds)))
    return rows if len({row.episode for row in rows}) == len(rows) else rows[:1]


def _members(draw: DrawFn, *, rows: tuple[EpisodeRow, ...], moves: tuple[Move, ...]) -> tuple[Member, ...]:
    st = _strategies()
    found: list[Member] = []
    for row in rows:
        mine = [move.row_id for move in moves if (move.dyad, move.track) == (row.dyad, row.track)]
        if mine and draw(st.booleans()):
            picked = draw(st.lists(st.sampled_from(mine), min_size=1, unique=True))
            found += [Member(episode=row.episode, row_id=row_id) for row_id in picked]
    return tuple(found)


def _labels(draw: DrawFn, *, rows: tuple[EpisodeRow, ...]) -> tuple[Label, ...]:
    st = _strategies()
    return tuple(Label(subject_kind="episode", subject=row.episode, attribute=attribute, value=value)
                 for row in rows for attribute, value in (("rated_resolution", "4"), ("reported_resolution", "no"))
                 if draw(st.booleans()))
