"""How an act and the one that answers it fit, on arrays: the formulas of complementarity, by either convention.

Two conventions share the word. After Carson (1969) and Kiesler (1983) acts fit on one plane: they correspond on
affiliation and are reciprocal on control. In SASB (Benjamin 1974) they fit where they are one cluster of two surfaces:
one act looks at the other person, the other act at oneself.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._table import Array
from rupturekit.errors import RecordError, did_you_mean
from rupturekit.interpersonal.placement import FOCUSES, Focus

__all__ = ["FITS", "NO_NEED", "ZERO", "Convention", "Fit", "Places", "answer_pairs", "as_convention", "corresponding",
           "cosines", "distances", "fits", "reciprocal", "turn_numbers"]

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NO_NEED: Final = "complementarity is a fit of behaviours; it is no evidence that a need was met"
"""Stands in every result."""

ZERO: Final = 1e-9
"""Nearer to an axis than this is on it. A convention of this library, far below what any coder can tell."""

_OTHER, _SELF = FOCUSES.index(Focus.OTHER), FOCUSES.index(Focus.SELF)


class Convention(StrEnum):
    """Whose complementarity is meant: Kiesler's and Wiggins' (one plane), or SASB's (two surfaces)."""

    KIESLER = "kiesler"
    SASB = "sasb"


class Fit(StrEnum):
    """How an act and the one that answers it stand to each other."""

    COMPLEMENTARY = "complementary"
    ACOMPLEMENTARY = "acomplementary"
    ANTICOMPLEMENTARY = "anticomplementary"
    SIMILAR = "similar"
    ANTITHETICAL = "antithetical"
    OTHER = "other"


FITS: Final[Mapping[Convention, tuple[Fit, ...]]] = {
    Convention.KIESLER: (Fit.COMPLEMENTARY, Fit.ACOMPLEMENTARY, Fit.ANTICOMPLEMENTARY),
    Convention.SASB: (Fit.COMPLEMENTARY, Fit.SIMILAR, Fit.ANTITHETICAL, Fit.OTHER),
}
"""The kinds of pair that a convention tells apart, in the order of their numbers."""


def as_convention(said: Convention | str) -> Convention:
    """Return a convention, given as such or by its word.

    Raises
    ------
    RecordError
        Where there is no such convention.

    >>> as_convention("kiesler")
    <Convention.KIESLER: 'kiesler'>
    """
    try:
        return Convention(said)
    except ValueError:
        raise RecordError(f"expected whose complementarity is meant, {' or '.join(Convention)}, but got {said!r:.80}"
                          f"{did_you_mean(str(said), Convention)}", field="convention", value=said) from None


@attrs.frozen(kw_only=True, eq=False)
class Places:
    """Where acts stand: affiliation and control from the plane's centre, and the place of their focus in `FOCUSES`."""

    affiliation: Array
    control: Array
    focus: Array

    def take(self, which: Array) -> Places:
        """Return the places picked by an index, in its shape."""
        return Places(affiliation=self.affiliation[which], control=self.control[which], focus=self.focus[which])


def turn_numbers(party: Array, *, unit: Array) -> Whole:
    """Return the number of the turn in which each move lies: a new one where the party or the unit changes.

    Parameters
    ----------
    party, unit : whole numbers, n
        Who moves, and within what (a session) turns are taken; in order of time.

    >>> turn_numbers(np.array([0, 0, 1, 1, 0]), unit=np.array([0, 0, 0, 1, 1])).tolist()
    [0, 0, 1, 2, 3]
    """
    fresh = np.zeros(len(party), dtype=bool)
    fresh[1:] = (np.diff(party) != 0) | (np.diff(unit) != 0)
    return np.cumsum(fresh).astype(np.int64)


def answer_pairs(party: Array, *, unit: Array, placed: Array, lag: int) -> tuple[Whole, Whole]:
    """Return the pairs at a lag: places of a move, and of the first placed move in the other's `lag`-th next turn.

    Every placed move begins a pair where that turn lies in the same unit and holds a placed move. Turns of two parties
    alternate, so the other's L-th next turn is 2 L - 1 turns on.

    Raises
    ------
    RecordError
        Where the lag is no whole number from 1 on.

    >>> answer_pairs(np.array([0, 0, 1, 1]), unit=np.zeros(4), placed=np.array([True, True, False, True]), lag=1)
    (array([0, 1]), array([3, 3]))
    """
    asked: object = lag
    if not isinstance(asked, int) or isinstance(asked, bool) or asked < 1:
        raise RecordError(f"expected a lag of at least 1 turn of the other but got {lag!r:.40}", field="lag", value=lag)
    at, turn = np.flatnonzero(placed), turn_numbers(party, unit=unit)
    n_turns = int(turn[-1]) + 1 if len(turn) else 0
    answer = np.full(n_turns + 2 * lag, -1, dtype=np.int64)    # turns past the last hold nothing
    answer[turn[at][::-1]] = at[::-1]
    second = answer[turn[at] + 2 * lag - 1]
    held = (second >= 0) & (unit[at] == unit[second])
    return at[held], second[held]


def fits(one: Places, other: Places, *, convention: Convention) -> npt.NDArray[np.int8]:
    """Return how acts fit those that answer them, as places in `FITS[convention]`; shapes broadcast.

    "kiesler": on affiliation two acts fit where their signs are the same, on control where they are opposite; an axis
    on which an act is 0 (to 1e-9) fits 0 alone, so that the complement of an angle a, -a, always fits on both axes.
    Both fit: complementary; one: acomplementary; neither: anticomplementary (Kiesler 1983). So among the eight octants
    each has one complement.

    "sasb": an act of focus on the other at angle a is cluster 3 + a / 45 (of 8), one of focus on oneself at -a.
    Complementary: one number, two foci; similar: one number, one focus; antithetical: numbers four apart, two foci
    (Benjamin 1974); else other. Where an act has no focus, or that on an introject, nothing else can be said either.

    >>> lead = Places(affiliation=np.array([0.7]), control=np.array([0.7]), focus=np.array([-1]))
    >>> follow = Places(affiliation=np.array([0.7, -0.7]), control=np.array([-0.7, 0.7]), focus=np.array([-1, -1]))
    >>> [FITS[Convention.KIESLER][n].value for n in fits(lead, follow, convention=Convention.KIESLER)]
    ['complementary', 'anticomplementary']
    """
    if convention is Convention.SASB:
        return _sasb_fits(one, other)
    held = (corresponding(one, other).astype(np.int8), reciprocal(one, other).astype(np.int8))
    return np.asarray(2 - held[0] - held[1], dtype=np.int8)


def corresponding(one: Places, other: Places) -> Flags:
    """Return where acts and answers correspond on affiliation: one sign, or both on the axis (Kiesler 1983).

    >>> warm = Places(affiliation=np.array([0.7]), control=np.array([0.7]), focus=np.array([-1]))
    >>> bool(corresponding(warm, warm)[0]), bool(reciprocal(warm, warm)[0])
    (True, False)
    """
    return np.asarray(_signs(one.affiliation) == _signs(other.affiliation))


def reciprocal(one: Places, other: Places) -> Flags:
    """Return where acts and answers are reciprocal on control: opposite signs, or both on the axis (Kiesler 1983).

    >>> lead = Places(affiliation=np.array([0.7]), control=np.array([0.7]), focus=np.array([-1]))
    >>> sulk = Places(affiliation=np.array([-0.7]), control=np.array([-0.7]), focus=np.array([-1]))
    >>> bool(reciprocal(lead, sulk)[0]), bool(corresponding(lead, sulk)[0])
    (True, False)
    """
    return np.asarray(_signs(one.control) == -_signs(other.control))


def _signs(values: Array) -> npt.NDArray[np.int8]:
    return np.where(np.abs(values) <= ZERO, 0, np.sign(values)).astype(np.int8)


def _sasb_fits(one: Places, other: Places) -> npt.NDArray[np.int8]:
    apart = (_clusters(one) - _clusters(other)) % 8
    known = np.isin(one.focus, (_OTHER, _SELF)) & np.isin(other.focus, (_OTHER, _SELF))
    switched = known & (one.focus != other.focus)
    found = np.full(np.shape(apart), FITS[Convention.SASB].index(Fit.OTHER), dtype=np.int8)
    for kind, holds in ((Fit.COMPLEMENTARY, switched & (apart == 0)), (Fit.SIMILAR, known & ~switched & (apart == 0)),
                        (Fit.ANTITHETICAL, switched & (apart == 4))):
        found[holds] = FITS[Convention.SASB].index(kind)
    return found


def _clusters(at: Places) -> Whole:
    """Return the cluster of each act less 3, by its angle and focus.

    Raises
    ------
    RecordError
        Where an act stands between clusters.
    """
    upward = np.where(at.focus == _SELF, -1.0, 1.0) * at.control
    eighths = np.degrees(np.arctan2(upward, at.affiliation)) / 45
    nearest = np.rint(eighths)
    between = np.abs(eighths - nearest) > 1e-6
    if between.any():
        degrees = float(np.ravel(eighths[between])[0]) * 45
        raise RecordError(f"an act stands at {degrees:.4g} degrees, between two clusters of SASB; place codes at "
                          "multiples of 45 degrees, or use the convention \"kiesler\"", field="angle", value=degrees)
    return np.asarray(nearest, dtype=np.int64)


def cosines(one: Places, other: Places) -> Floats:
    """Return the cosine of the angle between an answer and the complement of the act: 1 fits wholly, -1 not at all.

    With angles a and b the complement of a is -a, so this is cos(a + b) = (x1 x2 - y1 y2) / (r1 r2).

    Raises
    ------
    RecordError
        Where an act stands at the centre, which has no direction.

    >>> east = Places(affiliation=np.array([1.0]), control=np.array([0.0]), focus=np.array([-1]))
    >>> north = Places(affiliation=np.array([0.0]), control=np.array([1.0]), focus=np.array([-1]))
    >>> float(cosines(east, north)[0]), float(cosines(north, north)[0])
    (0.0, -1.0)
    """
    length = np.hypot(one.affiliation, one.control) * np.hypot(other.affiliation, other.control)
    if not (length > 0).all():
        raise RecordError("an act stands at the centre of the plane and has no direction; leave it unplaced")
    along = one.affiliation * other.affiliation - one.control * other.control
    return np.asarray(np.clip(along / length, -1.0, 1.0))


def distances(one: Places, other: Places) -> Floats:
    """Return how far, in degrees from 0 to 180, an answer lies from the complement of the act: |a + b| wrapped.

    >>> north = Places(affiliation=np.array([0.0]), control=np.array([1.0]), focus=np.array([-1]))
    >>> float(distances(north, north)[0])
    180.0
    """
    along = one.affiliation * other.affiliation - one.control * other.control
    across = one.affiliation * other.control + one.control * other.affiliation
    return np.asarray(np.degrees(np.arctan2(np.abs(across), along)))
