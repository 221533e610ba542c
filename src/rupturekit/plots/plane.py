"""The interpersonal plane: where two people's behaviour goes between affiliation and control."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from rupturekit._html import counted, shortened
from rupturekit._table import Array
from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.interpersonal.circumplex import OCTANT_ANGLES
from rupturekit.plots.style import FAINT, INK, NARROW, PALE, SKY, axes, describe, line_key, set_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["paths"]

_LOOKS: Final[tuple[Mapping[str, Any], ...]] = (
    MappingProxyType({"color": INK, "linestyle": "-", "marker": "o", "full": True}),
    MappingProxyType({"color": SKY, "linestyle": (0, (4, 2)), "marker": "s", "full": False}))
_RIM: Final = 1.0


def paths(positions: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]], *, ax: Axes | None = None) -> Axes:
    """Draw the path of one or two people on the plane of affiliation and control, in order of time.

    A mark is as large as the number of moves at its place says (area in proportion); lines join moves that follow each
    other. Each path begins at a ring and ends at a star. A move without a position is counted, and the line has a gap
    there: what lies between is not known. The octants stand around the unit circle by their usual letters.

    Parameters
    ----------
    positions : mapping of party to (affiliation, control)
        Two sequences of the same length a party, in order of time, each value from -1 to 1; NaN where not placed.

    Raises
    ------
    RecordError
        Where there are more than two parties, or lengths differ, or a value is out of range.
    NotEnoughData
        Where no move is placed.

    >>> ax = paths({"client": ([0.0, 0.7], [-1.0, -0.7]), "therapist": ([0.7, 1.0], [0.7, 0.0])})
    >>> ax.get_xlabel().splitlines()
    ['affiliation', 'client: 2 moves', 'therapist: 2 moves']
    """
    held = {name: _checked(name, *pair) for name, pair in positions.items()}
    if not 1 <= len(held) <= len(_LOOKS):
        raise RecordError(f"there are {len(held)} paths; the plane is drawn for one or two people", field="positions")
    placed = {name: ~np.isnan(x) for name, (x, _) in held.items()}
    if not any(here.any() for here in placed.values()):
        raise NotEnoughData("no move is placed on the plane, so there is no path to draw", needed=1, found=0)
    with axes(ax, width=NARROW, height=NARROW * 1.2) as ax:
        _draw_plane(ax)
        for look, (name, (x, y)) in zip(_LOOKS, held.items(), strict=False):
            _draw_path(ax, name, x, y, look)
        left = sum(int((~here).sum()) for here in placed.values())
        _frame(ax, held, placed, left)
    describe(ax, _words(held, placed))
    return ax


def _checked(name: str, affiliation: npt.ArrayLike, control: npt.ArrayLike) -> tuple[Array, Array]:
    x, y = (np.asarray(column, dtype=np.float64) for column in (affiliation, control))
    if x.ndim != 1 or x.shape != y.shape:
        raise RecordError(f"{name}: affiliation has the shape {x.shape} and control {y.shape}; expected two sequences "
                          "of the same length", field="positions")
    gone = np.isnan(x) | np.isnan(y)
    far = np.flatnonzero(~gone & ((np.abs(x) > _RIM + 1e-9) | (np.abs(y) > _RIM + 1e-9)))
    if len(far):
        at = int(far[0])
        raise RecordError(f"{name}: {counted(len(far), 'position')} outside -1 to 1, the first at place {at}: "
                          f"({x[at]:g}, {y[at]:g}); divide scores by the largest amplitude that the scale has",
                          field="positions")
    return np.where(gone, np.nan, x), np.where(gone, np.nan, y)


def _draw_plane(ax: Axes) -> None:
    turn = np.linspace(0, 2 * math.pi, 181)
    ax.plot(_RIM * np.cos(turn), _RIM * np.sin(turn), color=PALE, linewidth=0.6, zorder=0, label="unit circle")
    for x, y in (((-_RIM, _RIM), (0, 0)), ((0, 0), (-_RIM, _RIM))):
        ax.plot(x, y, color=PALE, linewidth=0.6, zorder=0)
    for octant, angle in OCTANT_ANGLES.items():
        at = math.radians(angle)
        ax.annotate(str(octant), (1.16 * math.cos(at), 1.16 * math.sin(at)), ha="center", va="center", fontsize=6.5,
                    color=FAINT)


def _draw_path(ax: Axes, name: str, x: Array, y: Array, look: Mapping[str, Any]) -> None:
    placed = np.flatnonzero(~np.isnan(x))
    if not len(placed):
        return
    colour, face = look["color"], look["color"] if look["full"] else "none"
    ax.plot(x, y, color=colour, linestyle=look["linestyle"], linewidth=0.8, zorder=2, label=name)
    places, n = np.unique(np.round(np.stack([x[placed], y[placed]], axis=1), 9), axis=0, return_counts=True)
    ax.scatter(places[:, 0], places[:, 1], s=9 * n, marker=look["marker"], facecolors=face, edgecolors=colour,
               linewidths=0.8, zorder=3, label=f"{name}: places")
    first, last = placed[0], placed[-1]
    ax.scatter([x[first]], [y[first]], s=70, marker="o", facecolors="none", edgecolors=colour, linewidths=1.0,
               zorder=4, label=f"{name}: first")
    ax.scatter([x[last]], [y[last]], s=60, marker="*", facecolors="white", edgecolors=colour, linewidths=0.8, zorder=5,
               label=f"{name}: last")


def _frame(ax: Axes, held: Mapping[str, tuple[Array, Array]], placed: Mapping[str, Array], left: int) -> None:
    ax.set_aspect("equal")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_xlim(-1.3, 1.3)
    ax.set_ylim(-1.3, 1.3)
    ax.set_xticks([-1, 0, 1])
    ax.set_yticks([-1, 0, 1])
    said = [f"{shortened(name, 20)}: {counted(int(here.sum()), 'move')}" for name, here in placed.items()]
    ax.set_xlabel("\n".join(["affiliation", *said, *([f"not placed: {counted(left, 'move')}"] if left else [])]))
    ax.set_ylabel("control")
    entries = [line_key(shortened(name, 20), color=look["color"], linestyle=look["linestyle"], marker=look["marker"],
                        markerfacecolor=look["color"] if look["full"] else "none", linewidth=0.8)
               for look, name in zip(_LOOKS, held, strict=False)]
    ends = [line_key(what, color="none", marker=mark, markersize=6, markeredgecolor=FAINT, markerfacecolor="none")
            for what, mark in (("first", "o"), ("last", "*"))]
    set_key(ax, [*entries, *ends], columns=2)


def _words(held: Mapping[str, tuple[Array, Array]], placed: Mapping[str, Array]) -> str:
    def said(names: Sequence[str]) -> list[str]:
        return [f"{shortened(name, 20)}, {counted(int(placed[name].sum()), 'move')}"
                + _from_to(*(column[placed[name]] for column in held[name]))
                + (f", {int((~placed[name]).sum()):,} not placed" if not placed[name].all() else "") for name in names]

    return ("Paths on the interpersonal plane, affiliation to the right and control upwards: "
            f"{'; '.join(said(list(held)))}.")


def _from_to(x: Array, y: Array) -> str:
    if not len(x):
        return ""
    return f", from ({x[0]:.2f}, {y[0]:.2f}) to ({x[-1]:.2f}, {y[-1]:.2f})"
