"""Estimates side by side: a dot and its interval a row, n beside it, and the reason where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from rupturekit._html import shortened
from rupturekit.errors import NotEnoughData, NotEstimable
from rupturekit.inference.estimate import Estimate
from rupturekit.plots.style import FAINT, INK, WIDE, axes, describe, name_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Row", "intervals"]


@attrs.frozen(kw_only=True)
class Row:
    """One row: its name, the estimate or why there is none, and how its dot looks."""

    label: str
    said: Estimate | NotEstimable
    colour: str = INK
    marker: str = "o"


def intervals(rows: Sequence[Row], *, label: str, limits: tuple[float, float] | None = None,
              units: Sequence[str] = (), ax: Axes | None = None) -> Axes:
    """Draw estimates under each other, in the order given: they are never sorted by their value.

    A dot is filled where it has an interval and hollow where these data give none. `units` are the counts written
    beside each row, by their names in `Estimate.n`; all where none is named.

    Raises
    ------
    NotEnoughData
        Where no row can be estimated.

    >>> from rupturekit.inference.estimate import Estimate
    >>> one = Estimate(what="share met", value=0.4, interval=(0.2, 0.6), confidence=0.95, n={"dyads": 12},
    ...                governed_by="dyad", method="invented")
    >>> ax = intervals([Row(label="client", said=one)], label="share met", limits=(0, 1))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['client']
    """
    known = [row.said for row in rows if isinstance(row.said, Estimate)]
    if not known:
        raise NotEnoughData(f"none of {len(rows)} rows can be estimated; "
                            + "; ".join(f"{row.label}: {row.said}" for row in rows), needed=1, found=0)
    with axes(ax, width=WIDE / 1.4, height=18 + 7 * len(rows)) as ax:
        for at, row in enumerate(rows):
            _draw(ax, row, -at, units)
        name_ticks(ax, {-at: row.label for at, row in enumerate(rows)})
        ax.set_ylim(0.6 - len(rows), 0.6)
        if limits is not None:
            ax.set_xlim(*limits)
        level, unit = f"{known[0].confidence:.0%}", known[0].governed_by
        ax.set_xlabel(f"{label}\n{level} intervals, {unit}s as independent units")
        ax.spines["left"].set_visible(False)
    describe(ax, f"{label}, with {level} intervals: {'; '.join(_words(row, units) for row in rows)}.")
    return ax


def _draw(ax: Axes, row: Row, y: float, units: Sequence[str]) -> None:
    ax.axhline(y, color="#e8eaed", linewidth=0.6, zorder=0)
    if not isinstance(row.said, Estimate):
        ax.annotate("not estimable", (0.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=6.5,
                    style="italic", color=FAINT, backgroundcolor="white")
        return
    said = row.said
    if said.interval is not None:
        ax.plot(said.interval, [y, y], color=row.colour, linewidth=1.4, solid_capstyle="butt", zorder=2,
                clip_on=False, label=f"{row.label}: interval")
    ax.plot([said.value], [y], marker=row.marker, markersize=5, color="none", markeredgecolor=row.colour, zorder=3,
            markerfacecolor=row.colour if said.interval else "white", clip_on=False, label=row.label)
    beside = _counts(said, units) + ("" if said.interval else "; no interval")
    ax.annotate(beside, (1.0, y), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
                va="center", fontsize=6.5, color=FAINT)


def _counts(said: Estimate, units: Sequence[str]) -> str:
    return ", ".join(f"{n:,} {name.removesuffix('s') if n == 1 else name}" for name, n in said.n.items()
                     if not units or name in units)


def _words(row: Row, units: Sequence[str]) -> str:
    if not isinstance(row.said, Estimate):
        return f"{row.label} not estimable ({shortened(row.said.reason, 120)})"
    low_high = row.said.interval
    held = f"{low_high[0]:.2f} to {low_high[1]:.2f}" if low_high else f"no interval: {row.said.no_interval}"
    return f"{row.label} {row.said.value:.2f} ({held}; {_counts(row.said, units)})"
