"""What was observed, as lines of time that nothing interrupts.

A line is a run of observed time of one track. Within a session a line ends where coding stopped; where episodes may
cross sessions it goes on into the dyad's next meeting, if that was coded from its beginning. Every move has a place on
one line: a gap is then one difference, and never runs across time that nobody looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np

from rupturekit._schema import ABSENT
from rupturekit._table import Array
from rupturekit.cohort import Cohort
from rupturekit.vocabulary import Attendance, TimeKind

__all__ = ["Lines", "Span", "lines_of"]

Meeting = tuple[str, int]
"""A session, as dyad and number."""


@attrs.frozen(kw_only=True)
class Span:
    """One observed stretch on a line: where it begins on the line, and which session time that is."""

    base: int
    session: int
    start: int
    end: int


@attrs.frozen(kw_only=True, eq=False)
class Lines:
    """The moves of one track on their lines.

    Attributes
    ----------
    rows : int64
        Row indices into the cohort's moves, in their order.
    line, place : int64, one a row
        On which line a move lies, and how much observed time passed on it before.
    until : int64, one a row
        Where the move's own time ends on the line: its offset, or the end of its segment.
    dyads : tuple of str, one a line
        Whose line it is.
    spans : tuple of tuple of Span
        The stretches of each line, in order.
    ends : int64, one a line
        Where the line ends.
    stopped : bool, one a line
        Whether the meeting went on, or the next one began, after the line's end without being coded.
    """

    rows: Array
    line: Array
    place: Array
    until: Array
    dyads: tuple[str, ...]
    spans: tuple[tuple[Span, ...], ...]
    ends: Array
    stopped: Array

    def when(self, line: int, place: int) -> tuple[int, int]:
        """Return session and time of a place on a line; where two stretches meet, the end of the first."""
        spans = self.spans[line]
        found = next((span for span in spans if place <= span.base + span.end - span.start), spans[-1])
        return found.session, found.start + place - found.base

    def last(self, line: int) -> tuple[int, int]:
        """Return session and time at which a line ends."""
        span = self.spans[line][-1]
        return span.session, span.end


@attrs.define
class _Line:
    """A line in the making."""

    dyad: str
    spans: list[Span] = attrs.Factory(list)
    stopped: bool = False

    @property
    def length(self) -> int:
        last = self.spans[-1]
        return last.base + last.end - last.start

    def add(self, session: int, start: int, end: int) -> None:
        self.spans.append(Span(base=self.length if self.spans else 0, session=session, start=start, end=end))


def lines_of(cohort: Cohort, track: str, *, across_sessions: bool, leave_out: frozenset[Meeting] = frozenset()
             ) -> Lines:
    """Lay the moves of a track on lines of observed time.

    Where a track has no observed stretches at all, every session is taken as observed from its beginning to its
    length, or to its last move. A move outside the stretches extends them: somebody coded it. Where a session's length
    is not recorded, its last stretch is taken to reach its end. Meetings in `leave_out` have no lines.
    """
    moves = cohort.moves
    rows = np.flatnonzero(moves.track == moves.code_of("track", word=track))
    record = _Record(cohort, track, rows)
    lines: list[_Line] = []
    line, place = np.zeros(len(rows), dtype="i8"), np.zeros(len(rows), dtype="i8")
    kept = np.zeros(len(rows), dtype=bool)
    for dyad, meetings in record.meetings(across_sessions=across_sessions).items():
        open_line: _Line | None = None
        for session in meetings:
            if (dyad, session) in leave_out:
                open_line = None
                continue
            stretches = record.stretches(dyad, session)
            if not stretches:
                if open_line is not None:
                    open_line.stopped = True
                open_line = None
                continue
            low, high = record.groups.get((dyad, session), (0, 0))
            for at, (start, end) in enumerate(stretches):
                joins = open_line is not None and at == 0 and start == 0
                if open_line is not None and not joins:
                    open_line.stopped = True
                if open_line is None or not joins:
                    open_line = _Line(dyad)
                    lines.append(open_line)
                open_line.add(session, start, end)
                inside = slice(low + int(np.searchsorted(record.onset[low:high], start)),
                               low + int(np.searchsorted(record.onset[low:high], end, side="right")))
                line[inside], kept[inside] = len(lines) - 1, True
                place[inside] = open_line.spans[-1].base + record.onset[inside] - start
            lines[-1].stopped = not record.reaches_end(dyad, session, stretches[-1][1])
            if lines[-1].stopped or not across_sessions:
                open_line = None
    return Lines(
        rows=rows[kept], line=line[kept], place=place[kept], until=(place + record.lasts)[kept],
        dyads=tuple(one.dyad for one in lines), spans=tuple(tuple(one.spans) for one in lines),
        ends=np.array([one.length for one in lines], dtype="i8"),
        stopped=np.array([one.stopped for one in lines], dtype=bool))


class _Record:
    """What is on record of the sessions of one track."""

    def __init__(self, cohort: Cohort, track: str, rows: Array) -> None:
        moves, sessions, observed = cohort.moves, cohort.sessions, cohort.observed
        self.onset = moves.onset[rows]
        self.lasts = np.maximum(moves.offset[rows], self.onset) - self.onset
        if cohort.coding.time is TimeKind.SEGMENT and cohort.coding.segment is not None:
            self.lasts = np.where(moves.offset[rows] == ABSENT, cohort.coding.segment, self.lasts)
        self._over = self.onset + self.lasts
        self.groups = _groups(cohort, rows)
        listed = list(zip(sessions.words("dyad"), sessions.session.tolist(), strict=True))
        lengths = zip(listed, sessions.duration.tolist(), strict=True)
        self._length = {meeting: duration for meeting, duration in lengths if duration != ABSENT}
        attended = zip(listed, sessions.words("attended"), strict=True)
        self._missed = {meeting for meeting, said in attended if said == Attendance.NO}
        self._listed = set(listed)
        self._seen: dict[tuple[str | None, int], list[tuple[int, int]]] = {}
        for dyad, whose, session, start, end in zip(
                observed.words("dyad"), observed.words("track"), observed.session.tolist(), observed.start.tolist(),
                observed.end.tolist(), strict=True):
            if whose == track:
                self._seen.setdefault((dyad, session), []).append((start, end))

    def meetings(self, *, across_sessions: bool) -> dict[str, list[int]]:
        """Return for each dyad with moves its sessions in order; missed ones are no meetings.

        Sessions without moves count only where episodes may cross sessions.
        """
        numbers: dict[str | None, set[int]] = {}
        for dyad, session in self.groups:
            numbers.setdefault(dyad, set()).add(session)
        if across_sessions:
            for meeting in (self._listed | self._seen.keys()) - self._missed:
                if meeting[0] in numbers:
                    numbers[meeting[0]].add(meeting[1])
        return {str(dyad): sorted(held) for dyad, held in numbers.items()}

    def stretches(self, dyad: str, session: int) -> list[tuple[int, int]]:
        """Return the observed stretches of a session, merged; none where it was not coded."""
        low, high = self.groups.get((dyad, session), (0, 0))
        seen = list(self._seen.get((dyad, session), ()))
        if not seen and (low < high or not self._seen):
            last = int(self._over[low:high].max(initial=0))
            seen = [(0, max(last, self._length.get((dyad, session), 0)))]
        coded = ((at, at) for at in dict.fromkeys(self.onset[low:high].tolist()))
        return list(_merged([*seen, *coded]))

    def reaches_end(self, dyad: str, session: int, end: int) -> bool:
        """Return whether a stretch reaches the end of its session; so it is taken where no length is recorded."""
        return bool(end >= self._length.get((dyad, session), end))


def _groups(cohort: Cohort, rows: Array) -> dict[Meeting, tuple[int, int]]:
    """Return for each session with moves where its moves begin and end among the rows."""
    moves = cohort.moves
    dyad, session = moves.dyad[rows], moves.session[rows]
    fresh = (np.diff(dyad, prepend=-9) != 0) | (np.diff(session, prepend=-9) != 0)
    first = np.flatnonzero(fresh).tolist()
    names = moves.levels["dyad"]
    return {(names[dyad[low]], int(session[low])): (low, high)
            for low, high in zip(first, [*first[1:], len(rows)], strict=True)}


def _merged(stretches: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield stretches in order, those that touch or overlap as one."""
    held: tuple[int, int] | None = None
    for start, end in sorted(stretches):
        if held is None or start > held[1]:
            if held is not None:
                yield held
            held = (start, end)
        else:
            held = (held[0], max(held[1], end))
    if held is not None:
        yield held
