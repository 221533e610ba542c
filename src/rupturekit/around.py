"""Around the episode: any measure before the onset, in rupture, in negotiation and after, beside what is no rupture.

Windows are laid on lines of observed time (`observation`): none runs across a session's end or time that nobody coded;
what that cuts is marked as censored, never padded. Matched windows have the same length, lie in the same session and
touch no episode; where none fits, that is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Literal

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html, _random
from rupturekit._frames import FrameColumn
from rupturekit._table import Array, Table, arrays_equal, freeze, held_state, set_closed
from rupturekit.axis import Axis, Stretch, axis_of
from rupturekit.cohort import Cohort, Episodes, choose_track
from rupturekit.episode import EpisodeRow, seconds
from rupturekit.errors import NotEstimable, RecordError, did_you_mean, expect, listed
from rupturekit.provenance import Provenance
from rupturekit.traces import TraceTable
from rupturekit.vocabulary import ClosedBy, Phase

__all__ = ["KINDS", "WindowKind", "Windows", "as_window_kind", "windows"]

Whole = npt.NDArray[np.int64]
Borders = tuple[int | None, int | None]
"""Where negotiation begins in an episode, and where what it leads to does; None for never."""


class WindowKind(StrEnum):
    """Where a window lies; `settled` begins with the move that leads into repair or breakdown."""

    BEFORE = "before"
    EPISODE = "episode"
    RUPTURE = "rupture"
    NEGOTIATION = "negotiation"
    SETTLED = "settled"
    AFTER = "after"
    MATCHED = "matched"


KINDS: Final = tuple(WindowKind)
"""The kinds in the order of their numbers in `Windows.kind`."""


MOST_MATCHED: Final = 200
"""How many matched windows stand beside one, at most, where all are asked for. A convention of this library."""


# --- results -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Windows:
    """Windows around episodes, and the moves that lie in each.

    Attributes
    ----------
    rows : Table of EpisodeRow
        The episodes that were placed, in the order in which they were given.
    unit : "turns" or "seconds"
    before, after : int
        The lengths asked for: turns, or microseconds.
    episode, kind : int64, int8; one a window
        Its episode, as a place in `rows`, and its kind, as a place in `KINDS`.
    matches : int64
        Which window a matched one stands beside; -1 for the others.
    session, last_session : int64
        The sessions in which it begins and ends.
    start, end : int64
        Its first place, and the one after its last: session time; or, in turns, their number, from 0 in the session's
        observed stretch.
    length : int64
        Observed turns or microseconds in it.
    censored : bool
        Whether the end of a session, or of what was observed, cut it short.
    overlap : bool
        Whether it overlaps another episode.
    offsets, members : int64
        `members[offsets[i]:offsets[i + 1]]` are the rows of window i in the cohort's moves.
    unmatched : mapping of WindowKind to int
        Windows beside which none of their length fits.
    left_out : mapping of str to int
        What could not be placed, by reason.
    """

    cohort: Cohort
    rows: Table[EpisodeRow]
    unit: str
    before: int
    after: int
    episode: Array
    kind: Array
    matches: Array
    session: Array
    last_session: Array
    start: Array
    end: Array
    length: Array
    censored: Array
    overlap: Array
    offsets: Array
    members: Array
    unmatched: Mapping[WindowKind, int]
    left_out: Mapping[str, int]
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.kind)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Windows):
            return NotImplemented
        plain = ("rows", "unit", "before", "after", "unmatched", "left_out")
        return (all(getattr(self, name) == getattr(other, name) for name in plain)
                and self.cohort.digest == other.cohort.digest
                and all(arrays_equal(getattr(self, name), getattr(other, name)) for name in (*_COLUMNS, "members")))

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def of_kind(self, kind: WindowKind | str) -> Whole:
        """Return the windows of a kind, by their place.

        Raises
        ------
        RecordError
            Where there is no such kind.
        """
        return np.flatnonzero(self.kind == KINDS.index(as_window_kind(kind)))

    def moves_of(self, window: int) -> Array:
        """Return the rows of one window in the cohort's moves."""
        return self.members[self.offsets[window] : self.offsets[window + 1]]

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row a window, as a data frame holds it."""
        names = self.rows.words("episode")
        return {"episode": FrameColumn.of_words([names[at] for at in self.episode.tolist()]),
                "kind": FrameColumn(values=self.kind.astype("i4"), levels=tuple(map(str, KINDS)), closed=True),
                "matches": FrameColumn(values=self.matches, absent=self.matches < 0),
                **{name: FrameColumn(values=getattr(self, name)) for name in (
                    "session", "last_session", "start", "end", "length", "censored", "overlap")},
                "moves": FrameColumn(values=np.diff(self.offsets))}

    def __repr__(self) -> str:
        return f"Windows({len(self):,} in {self.unit} around {len(self.rows):,} episodes)"

    def __str__(self) -> str:
        lines = [repr(self)]
        for kind in KINDS:
            held = self.of_kind(kind)
            if len(held):
                lines.append(f"  {kind}: {len(held):,} windows, {int(self.censored[held].sum()):,} censored, "
                             f"{int(self.overlap[held].sum()):,} overlap another episode, "
                             f"{int((self.length[held] == 0).sum()):,} empty")
        lines += [f"  no matched window fits: {n:,} of kind {kind}" for kind, n in self.unmatched.items()]
        return "\n".join([*lines, *(f"  left out: {n:,} {why}" for why, n in self.left_out.items())])

    def _repr_html_(self) -> str:
        return _html.printed(self)


_COLUMNS: Final = ("episode", "kind", "matches", "session", "last_session", "start", "end", "length", "censored",
                   "overlap", "offsets")


def as_window_kind(said: WindowKind | str) -> WindowKind:
    """Return a kind of window, given as such or by its word.

    Raises
    ------
    RecordError
        Where there is no such kind.

    >>> as_window_kind("before")
    <WindowKind.BEFORE: 'before'>
    """
    try:
        return WindowKind(said)
    except ValueError:
        raise RecordError(f"expected a kind of window, one of {listed(KINDS)}, but got {said!r:.80}"
                          f"{did_you_mean(str(said), KINDS)}", field="kind", value=said) from None


# --- windows -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Window:
    """A window in the making: a stretch of the axis, and the lines on which it begins and ends."""

    episode: int
    kind: WindowKind
    low: int
    high: int
    lines: tuple[int, int]
    censored: bool = False
    matches: int = -1


def windows(cohort: Cohort, episodes: Episodes | None = None, *, before: float, after: float,
            unit: Literal["turns", "seconds"], trace_table: TraceTable | None = None, track: str | None = None,
            matched: int | Literal["all"] = "all", seed: int = 1) -> Windows:
    """Lay windows around episodes, and beside each as many matched ones as are asked for or fit.

    Before the onset; the episode, or with traces its rupture (up to the first move that leads into negotiation),
    negotiation (up to the first that then leads into repair or breakdown) and what is settled from there; after the
    end. Going back from negotiation into rupture does not end negotiation. A window is a stretch of time and holds
    every move in it, also those between an episode's members that are none. Where a study has no turn numbers of its
    own, a turn is all that one party does until the other moves, and goes whole to the part that begins in it.

    A matched window has the length of the one it stands beside, lies on one observed stretch of the same session and
    track, and touches no episode in force or given, nor the windows before and after its own.

    Parameters
    ----------
    episodes : Episodes or None
        None takes the episodes in force.
    before, after : number
        How long the windows around are: turns or seconds, 0 for none. The field has no length of its own, so there is
        no default.
    trace_table : TraceTable or None
        Traces of these episodes; an episode without a trace keeps one window, `episode`, and is counted.
    matched : "all", or int
        All that fit end to end, from the beginning of each free stretch (of more than `MOST_MATCHED`, so many spread
        evenly); or so many, each drawn from all places at which one fits (they may overlap each other); 0 for none.

    Raises
    ------
    RecordError
        Where a length is none, the unit is unknown, or the traces are of other episodes.
    NoClock
        Where seconds are asked of a study without a clock.
    NotEstimable
        Where no episode can be placed.

    >>> from rupturekit.example import example_cohort
    >>> print(windows(example_cohort(), before=60, after=60, unit="seconds", track="r1"))
    Windows(...
    """
    expect(cohort, Cohort, what="a cohort", remedy="use study.cohort, or Cohort.of(...)")
    chosen, lengths = choose_track(cohort, track), _lengths(cohort, before, after, unit)
    _check_matched(matched)
    in_force = _of_track(cohort.columns, chosen)
    given = in_force if episodes is None else _of_track(episodes, chosen)
    axis = axis_of(cohort, track=chosen, unit=unit)
    placed = _placed(axis, given)
    if not placed:
        raise NotEstimable(f"none of {len(given):,} episodes of track {chosen!r} holds "
                           f"{'a move' if unit == 'turns' else 'any observed time'}")
    taken = _Taken.of(axis, {name: stretch for name, (_, stretch) in (_placed(axis, in_force) | placed).items()})
    traced = _borders(axis, cohort, given, trace_table)
    made, unmatched = list[_Window](), Counter[WindowKind]()
    for at, (name, (row, stretch)) in enumerate(placed.items()):
        own = list(_around(axis, row, stretch, lengths, borders=traced.get(name), episode=at))
        beside, missed = _beside(axis, name, own, taken, first=len(made), matched=matched, seed=seed)
        made += [*own, *beside]
        unmatched.update(missed)
    untraced = 0 if trace_table is None else len(placed.keys() - traced.keys())
    counted = {"episodes that hold nothing observed": len(given) - len(placed), "episodes without a trace": untraced,
               "episodes that never came to negotiation": sum(
                   begun is None for name, (begun, _) in traced.items() if name in placed)}
    held = np.array([name in placed for name in given.rows.words("episode")])
    return _packed(cohort, axis, made, taken, rows=given.rows.take(held), unit=unit, before=lengths[0],
                   after=lengths[1], unmatched={kind: unmatched[kind] for kind in KINDS if unmatched[kind]},
                   left_out={why: n for why, n in counted.items() if n},
                   provenance=cohort.provenance(track=chosen, seed=seed))


def _lengths(cohort: Cohort, before: float, after: float, unit: str) -> tuple[int, int]:
    """Return both lengths in places of the axis."""
    if unit not in ("turns", "seconds"):
        raise RecordError(f"unit is {unit!r:.40}; expected \"turns\" or \"seconds\"", field="unit", value=unit)
    if unit == "seconds":
        cohort.coding.in_seconds(0)    # raises where there is no clock
    for field, value in (("before", before), ("after", after)):
        if not (math.isfinite(value) and value >= 0) or (unit == "turns" and value != int(value)):
            whole = "a whole number of turns" if unit == "turns" else "seconds"
            raise RecordError(f"{field} is {value!r}; expected {whole}, 0 or more", field=field, value=value)
    in_places = int if unit == "turns" else seconds
    return in_places(before), in_places(after)


def _check_matched(matched: int | str) -> None:
    if matched != "all" and not (isinstance(matched, int) and matched >= 0):
        raise RecordError(f"matched is {matched!r:.40}; expected \"all\", or how many to draw for each window",
                          field="matched", value=matched)


def _placed(axis: Axis, episodes: Episodes) -> dict[str, tuple[EpisodeRow, Stretch]]:
    """Return by name each episode that has a place, and from where to where it lies."""
    return {row.episode: (row, stretch) for row in episodes.rows if (stretch := axis.stretch(row)) is not None}


def _of_track(episodes: Episodes, track: str) -> Episodes:
    return episodes.take(np.flatnonzero(episodes.rows.track == episodes.rows.code_of("track", word=track)))


@attrs.frozen
class _Taken:
    """Which stretches are episodes, by the lines on which they lie."""

    by_line: Mapping[int, Sequence[tuple[str, int, int]]]

    @classmethod
    def of(cls, axis: Axis, stretches: Mapping[str, Stretch]) -> _Taken:
        """Sort stretches by line; one may lie on several."""
        found: dict[int, list[tuple[str, int, int]]] = {}
        for name, stretch in stretches.items():
            for line in range(axis.line(stretch[0]), axis.line(stretch[1] - 1) + 1):
                found.setdefault(line, []).append((name, *stretch))
        return cls(found)

    def touched(self, window: _Window, name: str) -> bool:
        """Return whether a window overlaps an episode other than its own."""
        return any(low < window.high and window.low < high and other != name and window.low < window.high
                   for line in range(window.lines[0], window.lines[1] + 1)
                   for other, low, high in self.by_line.get(line, ()))

    def free(self, line: int, within: Stretch, own: Stretch) -> Iterator[Stretch]:
        """Yield the parts of a line that neither an episode nor the windows around one's own take."""
        at, end = within
        for low, high in sorted([own, *((low, high) for _, low, high in self.by_line.get(line, ()))]):
            if at < min(low, end):
                yield at, min(low, end)
            at = max(at, high)
        if at < end:
            yield at, end


def _around(axis: Axis, row: EpisodeRow, stretch: Stretch, lengths: tuple[int, int], *,
            borders: Borders | None, episode: int) -> Iterator[_Window]:
    """Yield the windows around one episode, and in it, in the order of time."""
    low, high = stretch
    first, last = axis.line(low), axis.line(high - 1)
    least, most = max(low - lengths[0], int(axis.begin[first])), min(high + lengths[1], int(axis.begin[last + 1]))
    if lengths[0]:
        yield _Window(episode=episode, kind=WindowKind.BEFORE, low=least, high=low, lines=(first, first),
                      censored=low - least < lengths[0])
    parts = list(_parts(stretch, borders))
    early = not axis.saw(row.dyad, row.first_session, time=row.onset)
    late = not axis.saw(row.dyad, row.last_session, time=row.end) or row.closed_by in (
        ClosedBy.SESSION_END, ClosedBy.OBSERVATION_END)
    for at, (kind, start, end) in enumerate(parts):
        lines = axis.line(min(start, high - 1)), axis.line(max(min(start, high - 1), end - 1))
        yield _Window(episode=episode, kind=kind, low=start, high=end, lines=lines,
                      censored=(early and at == 0) or (late and at == len(parts) - 1))
    if lengths[1]:
        yield _Window(episode=episode, kind=WindowKind.AFTER, low=high, high=most, lines=(last, last),
                      censored=most - high < lengths[1])


def _parts(stretch: Stretch, borders: Borders | None
           ) -> Iterator[tuple[WindowKind, int, int]]:
    """Yield the parts of an episode: where negotiation begins, and what it leads to, are borders."""
    low, high = stretch
    if borders is None:
        yield WindowKind.EPISODE, low, high
        return
    negotiated, settled = borders
    ends = high if settled is None else settled
    yield WindowKind.RUPTURE, low, ends if negotiated is None else negotiated
    if negotiated is not None:
        yield WindowKind.NEGOTIATION, negotiated, ends
    if settled is not None:
        yield WindowKind.SETTLED, settled, high


def _borders(axis: Axis, cohort: Cohort, given: Episodes, table: TraceTable | None
             ) -> dict[str, Borders]:
    """Return for each traced episode the places at which negotiation begins, and what it leads to; None for never."""
    if table is None:
        return {}
    members = _members_by_name(given)
    phase = np.array([_PHASES.index(Phase(state.phase)) for state in table.model.states])[table.after]
    found: dict[str, Borders] = {}
    for name, rows, here in _slices(table.episodes):
        if name in members:
            if table.cohort.digest != cohort.digest or not np.array_equal(np.sort(rows), np.sort(members[name])):
                raise RecordError(f"episode {name!r} was traced over other moves; trace the episodes that you give",
                                  field="trace_table", value=name)
            at = axis.at[np.searchsorted(axis.lines.rows, rows)]
            begun = _first(phase[here] == _NEGOTIATION, 0)
            done = _first(phase[here] >= _NEGOTIATION + 1, begun or 0)
            found[name] = (None if begun is None else int(at[begun]), None if done is None else int(at[done]))
    return found


_PHASES: Final = tuple(Phase)
_NEGOTIATION: Final = _PHASES.index(Phase.NEGOTIATION)    # repair and breakdown come after it


def _first(flags: Array, start: int) -> int | None:
    """Return the first place, from `start` on, at which a flag is set."""
    later = np.flatnonzero(flags[start:])
    return int(later[0]) + start if len(later) else None


def _members_by_name(episodes: Episodes) -> dict[str, Array]:
    return {name: rows for name, rows, _ in _slices(episodes)}


def _slices(episodes: Episodes) -> Iterator[tuple[str, Array, slice]]:
    edges = episodes.offsets.tolist()
    for name, low, high in zip(episodes.rows.words("episode"), edges[:-1], edges[1:], strict=True):
        yield str(name), episodes.members[low:high], slice(low, high)


def _beside(axis: Axis, name: str, own: list[_Window], taken: _Taken, *, first: int, matched: int | str, seed: int
            ) -> tuple[list[_Window], list[WindowKind]]:
    """Return the matched windows of one episode's, and the kinds beside which none fits."""
    found, missed = list[_Window](), list[WindowKind]()
    around = own[0].low, own[-1].high
    for at, window in enumerate(own):
        length = window.high - window.low
        if not length or matched == 0:
            continue
        free = [] if axis.session(window.lines[0]) != axis.session(window.lines[1]) else [
            (line, low, high) for line, within in axis.beside(window.lines[0])
            for low, high in taken.free(line, within, around) if high - low >= length]
        starts = _tiled(free, length) if matched == "all" else _drawn(
            free, length, int(matched), _random.key(seed, cluster=f"{name}/{window.kind}", purpose="matched window"))
        made = [_Window(episode=window.episode, kind=WindowKind.MATCHED, low=low, high=low + length, lines=(line, line),
                        matches=first + at) for line, low in starts]
        found += made
        missed += [] if made else [window.kind]
    return found, missed


def _tiled(free: list[tuple[int, int, int]], length: int) -> list[tuple[int, int]]:
    """Return where windows laid end to end in each free stretch begin; of very many, some spread evenly over all."""
    room = np.cumsum([0, *((high - low) // length for _, low, high in free)]).tolist()
    count = min(room[-1], MOST_MATCHED)
    numbers = [at * room[-1] // count for at in range(count)]
    which = (np.searchsorted(room, numbers, side="right") - 1).tolist()
    return [(free[one][0], free[one][1] + (number - room[one]) * length)
            for one, number in zip(which, numbers, strict=True)]


def _drawn(free: list[tuple[int, int, int]], length: int, count: int, key: int) -> list[tuple[int, int]]:
    """Return where windows begin that are drawn from all places at which one fits."""
    room = np.cumsum([0, *(high - low - length + 1 for _, low, high in free)])
    if not free:
        return []
    picked = _random.below(key, count, int(room[-1]))
    at = np.searchsorted(room, picked, side="right") - 1
    return [(free[one][0], free[one][1] + int(pick - room[one])) for one, pick in zip(at.tolist(), picked, strict=True)]


def _packed(cohort: Cohort, axis: Axis, made: list[_Window], taken: _Taken, *, rows: Table[EpisodeRow], **said: Any
            ) -> Windows:
    """Lay windows out as columns."""
    names = rows.words("episode")
    inside = [axis.moves_in(one.low, one.high) for one in made]
    low, high = (np.array([getattr(one, name) for one in made], dtype=np.int64) for name in ("low", "high"))
    first, last = (np.array([one.lines[side] for one in made], dtype=np.int64) for side in (0, 1))
    session = np.array([axis.session(line) for line in range(len(axis.lines.dyads))], dtype=np.int64)
    offsets = np.cumsum([0, *(one.stop - one.start for one in inside)])
    columns: dict[str, Any] = {
        "episode": [one.episode for one in made], "matches": [one.matches for one in made],
        "session": session[first], "last_session": session[last], "length": high - low, "offsets": offsets,
        "start": axis.origin[first] + low - axis.begin[first], "end": axis.origin[last] + high - axis.begin[last],
        "members": np.concatenate([axis.lines.rows[one] for one in inside])}
    flags: dict[str, Any] = {"censored": [one.censored for one in made],
                             "overlap": [taken.touched(one, str(names[one.episode])) for one in made]}
    held: dict[str, Any] = {name: freeze(np.array(values, dtype=np.int64)) for name, values in columns.items()}
    held |= {name: freeze(np.array(values, dtype=bool)) for name, values in flags.items()}
    return Windows(cohort=cohort, rows=rows, **held, **said,
                   kind=freeze(np.array([KINDS.index(one.kind) for one in made], dtype=np.int8)))
