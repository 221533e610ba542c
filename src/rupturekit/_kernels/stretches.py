"""Cut lines of events into stretches: opened by an event, closed by another, by a gap, or by the line's end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["BY_CLOSING", "BY_END", "BY_GAP", "stretches"]

BY_CLOSING, BY_GAP, BY_END = 0, 1, 2

Whole = npt.NDArray[np.int64]


def stretches(line: Whole, place: Whole, *, until: Whole, opens: npt.NDArray[np.bool_], ends: Whole, gap: int | None
              ) -> tuple[Whole, Whole, Whole, Whole]:
    """Return (first event, last event that counts, where it ends on its line, why) of every stretch.

    Parameters
    ----------
    line, place : int64, n
        On which line an event lies, and where; sorted.
    until : int64, n
        Where an opening event's own time ends.
    opens : bool, n
        Whether an event opens a stretch and keeps it open; the others close one.
    ends : int64, one a line
        Where the lines end.
    gap : int or None
        A stretch is over once more than this passed since its latest opening event was.

    The last event that counts is the closing one, or the latest opening one.
    """
    found: list[tuple[int, int, int, int]] = []
    first, last, reach, here = -1, -1, 0, -1
    events = zip(line.tolist(), place.tolist(), until.tolist(), opens.tolist(), strict=True)
    limits = ends.tolist()
    for at, (where, now, over, opening) in enumerate(events):
        if first >= 0 and (where != here or (gap is not None and now > reach + gap)):
            found.append((first, last, *_over(reach, gap, limits[here])))
            first = -1
        if opening:
            reach = over if first < 0 else max(reach, over)
            first, last, here = (at if first < 0 else first), at, where
        elif first >= 0:
            found.append((first, at, now, BY_CLOSING))
            first = -1
    if first >= 0:
        found.append((first, last, *_over(reach, gap, limits[here])))
    table = np.array(found, dtype=np.int64).reshape(-1, 4)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def _over(reach: int, gap: int | None, limit: int) -> tuple[int, int]:
    """Return where a stretch that nothing closed ends, and why."""
    if gap is not None and reach + gap <= limit:
        return reach + gap, BY_GAP
    return limit, BY_END
