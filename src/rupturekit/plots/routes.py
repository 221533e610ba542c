"""How arrows run between the states of a drawing: plain geometry, the same every time.

An arrow is a bow, as flat as it can be without running through a state that it does not join, or along another arrow.
Of a fixed set of bows for each pair the cheapest is taken, short arrows first; none is ever laid again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from rupturekit._table import Array
from rupturekit.plots.layout import RIM, Box, Layout

__all__ = ["Bow", "points_of", "routed"]

Pair = tuple[str, str]

_BENDS: Final = np.array([
    (sign * bend, skew) for bend in (0.1, 0.22, 0.3, 0.36, 0.43, 0.5, 0.57, 0.65, 0.8, 1.1) for sign in (1, -1)
    for skew in ((0.5,) if bend < 0.2 else (0.5, 0.2, 0.8, 0.0, 1.0))])
"""How far a bow leaves the straight line, as a share of its length, and where along it it leaves furthest."""

_POINTS, _FINE = 25, 201
"""On how many points a bow is judged, and on how many its way out of a box is looked for."""

_SHORT, _ASIDE = 9.0, 1.9
_CLEAR: Final = 2.2
"""How near two bows may lie, and how far a bow keeps from a box that it does not join."""

_IN_A_BOX, _NEAR_A_BOX, _BEYOND, _CROWDED, _BESIDE, _UPON, _BENT = 8.0, 0.4, 20.0, 2.5, 0.15, 0.5, 2.5
"""What each point of a bow costs in a box, near one, beyond the page, at the end of another bow, beside one, and as
good as upon one; and what the bend itself costs."""


class Bow(NamedTuple):
    """An arrow in the drawing: the three points of a quadratic curve from edge to edge, and where its number stands."""

    curve: Array
    label: tuple[float, float]


def routed(layout: Layout, pairs: Sequence[Pair]) -> dict[Pair, Bow]:
    """Return the bow of each pair of states: short ones are laid first, and later ones keep clear of them.

    >>> from rupturekit.plots.layout import laid_out
    >>> from rupturekit.state_machine import load_model
    >>> held = laid_out(load_model("withdrawal-2000"))
    >>> bow = routed(held, [("withdrawal", "disembedding")])["withdrawal", "disembedding"]
    >>> bow.curve.shape
    (3, 2)
    """
    laid: dict[Pair, Array] = {}
    for pair in sorted(pairs, key=lambda pair: (_length(layout, pair), pairs.index(pair))):
        laid[pair] = _cheapest(layout, pair, list(laid.values()))
    labels: dict[Pair, tuple[float, float]] = {}
    for pair in laid:
        labels[pair] = _label_place(layout, pair, laid, list(labels.values()))
    return {pair: Bow(curve, labels[pair]) for pair, curve in laid.items()}


def _length(layout: Layout, pair: Pair) -> float:
    one, other = (layout.boxes[name] for name in pair)
    return float(np.hypot(one.x - other.x, one.y - other.y))


def points_of(curves: Array, at: Array | None = None) -> Array:
    """Return points on quadratic curves, evenly in their parameter or at given ones: ... x 3 x 2 to ... x n x 2."""
    t = (np.linspace(0, 1, _POINTS) if at is None else at)[:, None]
    first, middle, last = (curves[..., place, None, :] for place in range(3))
    return np.asarray((1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last)


def _cheapest(layout: Layout, pair: Pair, laid: Sequence[Array]) -> Array:
    """Return the cheapest bow of a pair. What lies beside it is only looked at where it can still decide."""
    bows = _bows(layout, pair)
    plain, best = _plain_costs(layout, pair, bows, laid), (np.inf, 0)
    taken = points_of(np.array(laid)).reshape(-1, 2) if laid else np.empty((0, 2))
    for at in np.argsort(plain, kind="stable").tolist():
        if plain[at] >= best[0]:
            continue
        gaps = _gaps(points_of(bows[at])[1:-1], taken)
        beside = _BESIDE * (gaps < _CLEAR).sum() + _UPON * (gaps < _CLEAR / 2).sum()
        best = min(best, (plain[at] + beside, at))
    return np.asarray(bows[best[1]])


def _bows(layout: Layout, pair: Pair) -> Array:
    """Return all bows of a pair, from the edge of one box to that of the other: bows x 3 x 2."""
    one, other = (layout.boxes[name] for name in pair)
    start, end = np.array([one.x, one.y]), np.array([other.x, other.y])
    along = end - start
    middle = start + _BENDS[:, 1:] * along + _BENDS[:, :1] * np.array([-along[1], along[0]])
    whole = np.stack([np.broadcast_to(start, middle.shape), middle, np.broadcast_to(end, middle.shape)], axis=1)
    t = np.linspace(0, 1, _FINE)
    outside = np.asarray(~_within(points_of(whole, t), [one, other], RIM + 0.3).any(axis=-1))
    first, last = t[outside.argmax(axis=1)], t[_FINE - 1 - outside[:, ::-1].argmax(axis=1)]
    return np.stack([_blossom(whole, low, high) for low, high in ((first, first), (first, last), (last, last))], axis=1)


def _blossom(curves: Array, one: Array, other: Array) -> Array:
    """Return the control points of parts of quadratic curves between two parameters (de Casteljau)."""
    low, high = ((1 - one)[:, None] * curves[:, at] + one[:, None] * curves[:, at + 1] for at in (0, 1))
    return np.asarray((1 - other)[:, None] * low + other[:, None] * high)


def _within(points: Array, boxes: Sequence[Box], pad: float) -> Array:
    """Return which points lie in which boxes, a margin around them included: ... x 2 to ... x boxes."""
    middle = np.array([(box.x, box.y) for box in boxes]).reshape(-1, 2)
    half = np.array([(box.width, box.height) for box in boxes]).reshape(-1, 2) / 2 + pad
    return np.asarray((np.abs(points[..., None, :] - middle) <= half).all(axis=-1))


def _plain_costs(layout: Layout, pair: Pair, bows: Array, laid: Sequence[Array]) -> Array:
    """Return what each bow costs but for what lies beside it."""
    others = [box for name, box in layout.boxes.items() if name not in pair]
    points = points_of(bows)
    boxed, near = (_within(points, others, pad).sum(axis=(1, 2)) for pad in (RIM, _CLEAR / 2 + RIM))
    beyond = ((points < 1) | (points > np.array([layout.width - 1, layout.height - 1]))).any(axis=2).sum(axis=1)
    ends = np.array([curve[place] for curve in laid for place in (0, 2)]).reshape(-1, 2)
    crowded = (np.linalg.norm(bows[:, [0, 2], None] - ends, axis=-1) < _CLEAR).sum(axis=(1, 2))
    return np.asarray(_IN_A_BOX * boxed + _NEAR_A_BOX * near + _BEYOND * beyond + _CROWDED * crowded
                      + _BENT * np.abs(_BENDS[:, 0]))


def _gaps(points: Array, others: Array) -> Array:
    """Return how far each point is from the nearest of some others."""
    return np.asarray(np.linalg.norm(points[:, None] - others, axis=-1).min(axis=1, initial=np.inf))


def _label_place(layout: Layout, pair: Pair, laid: Mapping[Pair, Array], labels: Sequence[tuple[float, float]]
                 ) -> tuple[float, float]:
    """Return where on its arrow a number stands: near the middle, clear of boxes, other arrows and other numbers."""
    at = np.array([0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74])
    points = points_of(laid[pair], at) + _aside(laid[pair])
    boxed = _within(points, list(layout.boxes.values()), 1.2).any(axis=1)
    others = [points_of(curve) for other, curve in laid.items() if other != pair]
    crossed = _gaps(points, np.array(others).reshape(-1, 2)) < 1.8
    covered = _gaps(points, np.array(labels).reshape(-1, 2)) < 3.2
    x, y = points[int(np.argmin(np.abs(at - 0.5) + 3.0 * boxed + 1.0 * crossed + 3.0 * covered))]
    return float(x), float(y)


def _aside(curve: Array) -> Array:
    """Return how far beside its arrow a number stands: an arrow as short as the number would be hidden under it."""
    along, bulge = curve[2] - curve[0], curve[1] - (curve[0] + curve[2]) / 2
    length, out = float(np.hypot(*along)), float(np.hypot(*bulge))
    return bulge / out * _ASIDE if length < _SHORT and out > 0 else np.zeros(2)
