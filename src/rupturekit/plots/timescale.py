"""Time along the lower edge: one session after another, with a break between, each in its own time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from rupturekit.episode import Coding
from rupturekit.plots.style import FAINT
from rupturekit.vocabulary import TimeKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Timescale", "timescale"]

MOST_TICKS: Final = 8
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Seconds between ticks of a clock; turns go by the same steps."""

_LABELS: Final = {TimeKind.CLOCK: "time in the session (min:s)", TimeKind.SEGMENT: "time in the session (min:s)",
                  TimeKind.TURN: "turn of the session", TimeKind.ORDER: "place in the order of the session"}


@attrs.frozen(kw_only=True)
class Timescale:
    """Where times of several sessions lie on one axis.

    Attributes
    ----------
    spans : mapping of session to (first, last)
        The stretch of each that is drawn, in microseconds, turns or places, in the order of the sessions.
    gap : int
        How wide a break between sessions is, in the same unit.
    """

    coding: Coding
    spans: Mapping[int, tuple[int, int]]
    gap: int

    def base(self, session: int) -> int:
        """Return where a session begins on the axis."""
        before = [high - low + self.gap for number, (low, high) in self.spans.items() if number < session]
        return sum(before)

    def x(self, session: int, at: int) -> float:
        """Return the place of a time on the axis: seconds of clock, or turns, from the first time drawn."""
        place = self.base(session) + at - self.spans[session][0]
        return place / 1_000_000 if self.coding.time.has_clock else float(place)

    @property
    def last(self) -> float:
        """The place of the last time drawn."""
        session = max(self.spans)
        return self.x(session, self.spans[session][1])

    def mark(self, ax: Axes) -> None:
        """Set ticks, labels and limits of the lower axis, and draw the breaks between sessions."""
        ticks = dict(self._ticks())
        ax.set_xticks(list(ticks), list(ticks.values()))
        room = self.last or 1.0
        ax.set_xlim(-0.02 * room, self.last + 0.02 * room)
        ax.set_xlabel(_LABELS[self.coding.time])
        several = len(self.spans) > 1
        for number, (low, _) in self.spans.items() if several else ():
            ax.annotate(f"session {number}", (self.x(number, low), 1.0), xycoords=("data", "axes fraction"), va="top",
                        fontsize=6.5, color=FAINT)
            if number != min(self.spans):
                gap = self.gap / (1_000_000 if self.coding.time.has_clock else 1)
                ax.axvline(self.x(number, low) - gap / 2, color=FAINT, linewidth=0.6, linestyle=(0, (1, 2)),
                           label="break between sessions")

    def _ticks(self) -> Iterator[tuple[float, str]]:
        unit = 1_000_000 if self.coding.time.has_clock else 1
        total = sum(high - low for low, high in self.spans.values())
        step = unit * next((step for step in _STEPS if total <= MOST_TICKS * step * unit), _whole_hours(total // unit))
        for session, (low, high) in self.spans.items():
            for at in range(-(-low // step) * step, high + 1, step):
                yield self.x(session, at), self.coding.when(at).rpartition(" ")[2]


def _whole_hours(total: int) -> int:
    """Return the step of a very long stretch: as few times the longest one as give no more ticks than there may be."""
    return _STEPS[-1] * -(-total // (MOST_TICKS * _STEPS[-1]))


def timescale(coding: Coding, times: Iterable[tuple[int, int]]) -> Timescale:
    """Return the scale that holds some (session, time) pairs.

    >>> from rupturekit.codebooks import load_codebook
    >>> scale = timescale(Coding(codebook=load_codebook("stages")), [(2, 0), (1, 0), (1, 100_000_000)])
    >>> scale.x(1, 100_000_000), scale.x(2, 0)
    (100.0, 106.0)
    """
    spans: dict[int, tuple[int, int]] = {}
    for session, at in sorted(times):
        low, high = spans.get(session, (at, at))
        spans[session] = min(low, at), max(high, at)
    total = sum(high - low for low, high in spans.values())
    return Timescale(coding=coding, spans=spans, gap=max(total * 6 // 100, 1))
