"""Observed time as one axis of whole places, microseconds or turns, on which stretches are two numbers."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._schema import ABSENT_CODE
from rupturekit.cohort import Cohort
from rupturekit.episode import EpisodeRow
from rupturekit.interpersonal.fits import turn_numbers
from rupturekit.observation import Lines, lines_of
from rupturekit.vocabulary import TimeKind

__all__ = ["Axis", "Stretch", "axis_of"]

Whole = npt.NDArray[np.int64]

Stretch = tuple[int, int]
"""From one place of an axis to another, the first counted, the last not."""


@attrs.frozen(kw_only=True, eq=False)
class Axis:
    """The observed lines of a track, end to end: microseconds, or turns.

    `at` is the place of each move. Line k lies from `begin[k]` to `begin[k + 1]`, and its first place is called
    `origin[k]` within the session. `seen` are the lines of each session, by their times. `spots` are by dyad the
    stretches (session, start, end, place of the start) by which a time finds its place: lines, or single moves where
    places are turns.
    """

    lines: Lines
    at: Whole
    begin: Whole
    origin: Whole
    seen: Mapping[tuple[str, int], Sequence[tuple[int, int]]]
    spots: Mapping[str, Sequence[tuple[int, int, int, int]]]

    def line(self, place: int) -> int:
        """Return the line on which a place lies."""
        return int(np.searchsorted(self.begin, place, side="right")) - 1

    def session(self, line: int) -> int:
        """Return the session of a line."""
        return self.lines.spans[line][0].session

    def beside(self, line: int) -> Iterator[tuple[int, Stretch]]:
        """Yield the lines of the same session, and from where to where they lie; they are neighbours."""
        mine = self.lines.dyads[line], self.session(line)
        low = line
        while low > 0 and (self.lines.dyads[low - 1], self.session(low - 1)) == mine:
            low -= 1
        while low < len(self.lines.dyads) and (self.lines.dyads[low], self.session(low)) == mine:
            yield low, (int(self.begin[low]), int(self.begin[low + 1]))
            low += 1

    def stretch(self, row: EpisodeRow) -> Stretch | None:
        """Return from where to where an episode lies; None where it holds nothing that was observed."""
        spots = self.spots.get(row.dyad, ())
        first = bisect.bisect_left(spots, (row.first_session, row.onset), key=lambda spot: (spot[0], spot[2]))
        last = bisect.bisect_right(spots, (row.last_session, row.end), key=lambda spot: (spot[0], spot[1])) - 1
        if first > last:
            return None
        session, start, _, place = spots[first]
        begins = place + (max(row.onset - start, 0) if session == row.first_session else 0)
        session, start, end, place = spots[last]
        return begins, place + (min(row.end, end) if session == row.last_session else end) - start + 1

    def saw(self, dyad: str, session: int, *, time: int) -> bool:
        """Return whether a time was observed."""
        return any(start <= time <= end for start, end in self.seen.get((dyad, session), ()))

    def moves_in(self, low: int, high: int) -> slice:
        """Return which of the lines' rows lie in a stretch."""
        return slice(*np.searchsorted(self.at, [low, high]).tolist())


def axis_of(cohort: Cohort, *, track: str, unit: str) -> Axis:
    """Lay the lines of a track end to end, in microseconds or in turns.

    Where the study records turn numbers, these are the turns; elsewhere a turn is all that one party does until the
    other moves.

    >>> from rupturekit.example import example_cohort
    >>> int(axis_of(example_cohort(), track="r1", unit="turns").begin[1])
    9
    """
    lines = lines_of(cohort, track, across_sessions=False)
    seen: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for dyad, (span,) in zip(lines.dyads, lines.spans, strict=True):
        seen.setdefault((dyad, span.session), []).append((span.start, span.end))
    if unit == "turns" and cohort.coding.time is not TimeKind.TURN:
        return _turn_axis(cohort, lines, seen)
    begin = np.concatenate([[0], np.cumsum(lines.ends + 1)]).astype(np.int64)    # a line's last place counts too
    spots: dict[str, list[tuple[int, int, int, int]]] = {}
    for dyad, (span,), place in zip(lines.dyads, lines.spans, begin.tolist(), strict=False):
        spots.setdefault(dyad, []).append((span.session, span.start, span.end, place))
    origin = np.array([span.start for (span,) in lines.spans], dtype=np.int64)
    return Axis(lines=lines, at=begin[lines.line] + lines.place, begin=begin, origin=origin, seen=seen,
                spots=spots)


def _turn_axis(cohort: Cohort, lines: Lines, seen: Mapping[tuple[str, int], Sequence[tuple[int, int]]]) -> Axis:
    """Return the axis of turns; a line on which nobody moved has none. A move of nobody goes on the turn before it."""
    moves, party = cohort.moves, cohort.moves.party[lines.rows]
    fresh = np.diff(lines.line, prepend=-1) != 0
    known = np.maximum.accumulate(np.where(fresh | (party != ABSENT_CODE), np.arange(len(party)), 0))
    at = turn_numbers(party[known], unit=lines.line)
    n_turns = np.bincount(lines.line[np.diff(at, prepend=-1) != 0], minlength=len(lines.dyads))
    begin = np.concatenate([[0], np.cumsum(n_turns)]).astype(np.int64)
    spots: dict[str, list[tuple[int, int, int, int]]] = {}
    for row, place in zip(lines.rows.tolist(), at.tolist(), strict=True):
        time = int(moves.onset[row])
        spots.setdefault(moves.levels["dyad"][moves.dyad[row]], []).append((int(moves.session[row]), time, time, place))
    return Axis(lines=lines, at=at, begin=begin, origin=np.zeros(len(lines.dyads), dtype=np.int64), seen=seen,
                spots=spots)
