"""Statistics of directions: angles have no first and no last, so 350 and 10 degrees lie about 0, not about 180.

Conventions, the same throughout. Angles are degrees counter-clockwise unless `unit="radians"` is said; answers come in
the unit of the question, directions in [0, 360). The resultant length R is that of the mean of the unit vectors, from 0
to 1. Formulas are those of Mardia & Jupp (2000) and, where named, of the R package circular.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html, _random
from rupturekit.errors import CodingWarning, NotEnoughData, NotEstimable, RecordError
from rupturekit.inference.estimate import NullTest
from rupturekit.inference.permutation import permutation_test

__all__ = ["CircularSummary", "Unit", "angular_difference", "as_numbers", "circular_range", "circular_summary",
           "looks_like_radians", "mean_direction", "normal_angles", "rayleigh_test", "resultant_length",
           "same_direction_test", "unit_vectors"]

Floats = npt.NDArray[np.float64]

Unit = Literal["degrees", "radians"]
"""What angles are measured in; nothing is guessed."""

NO_DIRECTION: Final = 1e-12
"""A resultant this short is rounding: there is no mean direction."""

_FEW: Final = 5
"""Fewer angles than this can all be small by chance; from here on small ones look like radians."""


# --- one angle, or each of many ------------------------------------------------------------------------------------


def unit_vectors(degrees: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return cosine and sine of angles in degrees, exact at every multiple of 90.

    The angle is turned into the quarter around 0 first, where rounding cannot change a sign.

    >>> cosine, sine = unit_vectors([0, 90, 180, 360])
    >>> cosine.tolist(), sine.tolist()
    ([1.0, 0.0, -1.0, 1.0], [0.0, 1.0, 0.0, 0.0])
    """
    quarters, rest = np.divmod(np.asarray(degrees, dtype=np.float64) + 45.0, 90.0)
    within = np.radians(rest - 45.0)
    cosine, sine = np.cos(within), np.sin(within)
    turn = np.mod(quarters, 4).astype(np.int64)
    # Adding 0 turns -0.0 into 0.0: an axis value of nothing has no sign.
    return np.choose(turn, [cosine, -sine, -cosine, sine]) + 0.0, np.choose(turn, [sine, cosine, -sine, -cosine]) + 0.0


def normal_angles(angles: npt.ArrayLike, *, turn: float = 360.0) -> Floats:
    """Return angles in [0, turn): 360 degrees are 0, and -90 are 270.

    >>> normal_angles([360, -90, 725]).tolist()
    [0.0, 270.0, 5.0]
    """
    held = np.mod(np.asarray(angles, dtype=np.float64), turn)
    return np.asarray(np.where(held >= turn, 0.0, held) + 0.0)    # -1e-20 modulo 360 rounds to 360 itself


def angular_difference(to: npt.ArrayLike, start: npt.ArrayLike) -> Floats:
    """Return how far one must turn, in degrees, from `start` to `to`: in (-180, 180], counter-clockwise positive.

    >>> angular_difference([10, 350, 180], [350, 10, 0]).tolist()
    [20.0, -20.0, 180.0]
    """
    apart = normal_angles(np.asarray(to, dtype=np.float64) - np.asarray(start, dtype=np.float64))
    return np.asarray(np.where(apart > 180.0, apart - 360.0, apart))


def as_numbers(values: object, *, what: str) -> Floats:
    """Return values as an array of numbers, NaN where there is none; text, and rows of several lengths, are refused.

    Raises
    ------
    RecordError
        Where some value is no number.

    >>> as_numbers([1, None], what="scores").tolist()
    [1.0, nan]
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise RecordError(f"expected numbers as {what}, in rows of one length, but some are none; give None where "
                          "there is none", field=what) from None


# --- units ---------------------------------------------------------------------------------------------------------


def looks_like_radians(values: npt.ArrayLike) -> bool:
    """Return whether numbers said to be degrees look like radians.

    They do where there are five or more, none is beyond one turn in radians (2 pi), and none is a multiple of 45.

    >>> looks_like_radians([0.1, 1.6, 3.1, 4.7, 6.2]), looks_like_radians([0.1, 1.6, 3.1, 4.7, 45])
    (True, False)
    """
    held = np.asarray(values, dtype=np.float64)
    return bool(held.size >= _FEW and (np.abs(held) <= 2 * math.pi).all() and (np.mod(held, 45.0) != 0).all())


def _in_radians(angles: npt.ArrayLike, unit: Unit) -> Floats:
    """Return angles in radians, refusing what is no angle in the unit that was said."""
    turn = _turn(unit)
    held = as_numbers(angles, what="angles")
    if held.ndim != 1:
        raise RecordError(f"expected one list of angles but got {held.ndim} dimensions", field="angles")
    if not held.size:
        raise NotEnoughData("there are no angles", needed=1, found=0)
    _check_range(held, turn, unit)
    if unit == "degrees" and looks_like_radians(held):
        warnings.warn(f"all {held.size} angles lie within 6.3 of 0: these degrees look like radians; if they are, say "
                      "unit=\"radians\"", CodingWarning, stacklevel=3)
    return held * (2 * math.pi / turn)


def _check_range(held: Floats, turn: float, unit: Unit) -> None:
    """Refuse what is not finite, or lies more than a turn outside [0, one turn]."""
    bad = np.flatnonzero(~np.isfinite(held))
    if bad.size:
        raise RecordError(f"{bad.size} of {held.size} angles are not finite (the first at place {bad[0]}); leave out "
                          "what has no direction", field="angles", row=int(bad[0]))
    slack = 1e-9 * turn
    far = np.flatnonzero((held < -turn - slack) | (held > 2 * turn + slack))
    if far.size:
        hint = "say unit=\"degrees\" if they are degrees" if unit == "radians" else "take them modulo 360"
        raise RecordError(f"{far.size} of {held.size} angles lie outside {-turn:.4g} to {2 * turn:.4g} {unit} (the "
                          f"first: {held[far[0]]:g} at place {far[0]}); {hint}", field="angles", row=int(far[0]),
                          value=float(held[far[0]]))


def _turn(unit: Unit) -> float:
    if unit not in ("degrees", "radians"):
        raise RecordError(f"unit is {unit!r:.40}; expected \"degrees\" or \"radians\"", field="unit", value=unit)
    return 360.0 if unit == "degrees" else 2 * math.pi


# --- one sample ----------------------------------------------------------------------------------------------------


def _mean_vector(radians: Floats) -> tuple[float, float]:
    """Return the mean of the unit vectors, summed without loss."""
    return math.fsum(np.cos(radians)) / len(radians), math.fsum(np.sin(radians)) / len(radians)


def resultant_length(angles: npt.ArrayLike, *, unit: Unit = "degrees") -> float:
    """Return the mean resultant length R: 0 where directions cancel out, 1 where all are the same.

    R = |sum of exp(i * angle)| / n (Mardia & Jupp 2000, section 2.3).

    Raises
    ------
    NotEnoughData
        Without angles.
    RecordError
        Where an angle is not finite, or lies more than a turn outside one turn.

    >>> resultant_length([0, 90, 180, 270]) < 1e-12, resultant_length([30, 390])
    (True, 1.0)
    """
    return min(math.hypot(*_mean_vector(_in_radians(angles, unit))), 1.0)


def mean_direction(angles: npt.ArrayLike, *, unit: Unit = "degrees") -> float:
    """Return the mean direction: that of the sum of the unit vectors, in [0, one turn).

    Raises
    ------
    NotEstimable
        Where the unit vectors cancel out, to rounding: no direction is then nearer than another.
    NotEnoughData, RecordError
        As `resultant_length`.

    >>> round(mean_direction([350, 10, 20, 0]), 9)
    5.0
    """
    radians = _in_radians(angles, unit)
    mean = _direction(*_mean_vector(radians), turn=_turn(unit))
    if mean is None:
        raise NotEstimable(f"the {len(radians)} directions cancel out, so none is their mean")
    return mean


def _direction(cosine: float, sine: float, *, turn: float) -> float | None:
    if math.hypot(cosine, sine) <= NO_DIRECTION:
        return None
    return float(normal_angles(math.atan2(sine, cosine) * (turn / (2 * math.pi)), turn=turn))


def circular_range(angles: npt.ArrayLike, *, unit: Unit = "degrees") -> float:
    """Return the length of the shortest arc that holds every angle: one turn less the widest gap.

    >>> circular_range([350, 10, 20])
    30.0
    """
    _in_radians(angles, unit)    # checks them
    return _arc(angles, turn=_turn(unit))


def _arc(angles: npt.ArrayLike, *, turn: float) -> float:
    around = np.sort(normal_angles(angles, turn=turn))
    gaps = np.append(np.diff(around), around[0] + turn - around[-1])
    return max(turn - float(gaps.max()), 0.0)


@attrs.frozen(kw_only=True)
class CircularSummary:
    """A sample of directions, described.

    Attributes
    ----------
    n : int
    unit : "degrees" or "radians"
        Of `mean`, `range`, `standard_deviation` and `angular_deviation`.
    mean : float or None
        In [0, one turn); None where the directions cancel out.
    resultant_length : float
        R, from 0 to 1.
    variance : float
        1 - R, from 0 to 1; a number without a unit. Others call 2 * (1 - R) so.
    standard_deviation : float or None
        sqrt(-2 ln R), the wrapped normal's; None where R is 0, for there it has no bound.
    angular_deviation : float
        sqrt(2 (1 - R)), at most sqrt(2) radians.
    range : float
        The shortest arc that holds all.
    """

    n: int
    unit: Unit
    mean: float | None
    resultant_length: float
    variance: float
    standard_deviation: float | None
    angular_deviation: float
    range: float

    def __str__(self) -> str:
        mean = "not estimable" if self.mean is None else f"{self.mean:.4g} {self.unit}"
        return (f"{self.n:,} directions: mean {mean}, resultant length {self.resultant_length:.4g}, circular variance "
                f"{self.variance:.4g} (1 - R), range {self.range:.4g} {self.unit}")

    def _repr_html_(self) -> str:
        return _html.printed(self)


def circular_summary(angles: npt.ArrayLike, *, unit: Unit = "degrees") -> CircularSummary:
    """Describe a sample of directions: mean, resultant length, variance, deviations and range.

    The formulas stand with the fields of `CircularSummary` (Mardia & Jupp 2000, sections 2.2-2.3; the names and
    conventions of the R package circular 0.4).

    Raises
    ------
    NotEnoughData, RecordError
        As `resultant_length`.

    >>> print(circular_summary([350, 10, 20, 0]))
    4 directions: mean 5 degrees, resultant length 0.9811, circular variance 0.01894 (1 - R), range 30 degrees
    """
    radians, turn = _in_radians(angles, unit), _turn(unit)
    vector, scale = _mean_vector(radians), turn / (2 * math.pi)
    length = min(math.hypot(*vector), 1.0)
    spread = scale * math.sqrt(max(0.0, -2 * math.log(length))) if length > NO_DIRECTION else None
    return CircularSummary(
        n=len(radians), unit=unit, mean=_direction(*vector, turn=turn), resultant_length=length, variance=1 - length,
        standard_deviation=spread, angular_deviation=scale * math.sqrt(2 * (1 - length)),
        range=_arc(angles, turn=turn))


# --- tests ---------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class RayleighTest:
    """A test of uniform directions against one preferred direction.

    Attributes
    ----------
    n : int
    statistic : float
        The mean resultant length R, as the R package circular reports it; others report n R^2.
    p : float
        An approximation, see `rayleigh_test`.
    """

    n: int
    statistic: float
    p: float
    method: str = "Rayleigh test, p by a series in n R^2 below 50 angles, else exp(-n R^2)"
    assumptions: tuple[str, ...] = (
        "the angles are independent of each other: moves of one episode or dyad usually are not",
        "there is one preferred direction; two opposite ones cancel out and are not seen")

    def __str__(self) -> str:
        return f"p = {self.p:.4g}: R = {self.statistic:.4g} of {self.n:,} angles; {self.method}"

    def _repr_html_(self) -> str:
        return _html.printed(self)


def rayleigh_test(angles: npt.ArrayLike, *, unit: Unit = "degrees") -> RayleighTest:
    """Test whether directions are uniform, against one preferred direction that is not stated beforehand.

    With z = n R^2, p = exp(-z) * (1 + (2z - z^2) / 4n - (24z - 132z^2 + 76z^3 - 9z^4) / 288n^2) below 50 angles, cut to
    [0, 1]; from 50 on p = exp(-z). The series is that of Mardia & Jupp (2000, section 6.3.1), the rule of 50 that of
    `rayleigh.test` in the R package circular 0.4.

    Raises
    ------
    NotEnoughData
        With fewer than two angles.
    RecordError
        As `resultant_length`.

    >>> round(rayleigh_test([10, 20, 30, 40, 50, 350]).p, 4)
    0.001
    """
    radians = _in_radians(angles, unit)
    n = len(radians)
    if n < 2:
        raise NotEnoughData("a test of directions needs two or more angles", needed=2, found=n)
    length = min(math.hypot(*_mean_vector(radians)), 1.0)
    z = n * length**2
    series = 1 + (2 * z - z**2) / (4 * n) - (24 * z - 132 * z**2 + 76 * z**3 - 9 * z**4) / (288 * n**2)
    return RayleighTest(n=n, statistic=length, p=min(max(math.exp(-z) * (series if n < 50 else 1.0), 0.0), 1.0))


def same_direction_test(groups: Mapping[str, Sequence[float]], *, unit: Unit = "degrees", seed: int = 1,
                        draws: int = 999, alpha: float = 0.05) -> NullTest:
    """Test by permutation whether groups of directions share one distribution, against other mean directions.

    The statistic is the sum of the groups' resultant lengths, each times its n: the part of the Watson-Williams test
    that the grouping moves (Mardia & Jupp 2000, section 7.4). Angles are dealt out anew to groups of the same sizes;
    p = (1 + k) / (1 + draws), where k deals do as well (Phipson & Smyth 2010). The order of groups and of angles is
    irrelevant.

    Raises
    ------
    NotEnoughData
        With fewer than two groups, or where the smallest p attainable is above alpha.
    RecordError
        As `resultant_length`, and where `draws` is below 1.

    >>> same_direction_test({"early": [0, 10, 20, 350, 5, 8], "late": [90, 80, 100, 85, 95, 99]}).p < 0.01
    True
    """
    if len(groups) < 2:
        raise NotEnoughData("a comparison of directions needs two or more groups", needed=2, found=len(groups))
    held = [_in_radians(groups[name], unit) for name in sorted(groups)]
    together = np.concatenate(held)
    order = np.argsort(together, kind="stable")
    labels = np.repeat(np.arange(len(held)), [len(one) for one in held])[order]
    vectors = np.stack([np.cos(together), np.sin(together)])[:, order]
    observed = _summed_lengths(labels, vectors, len(held))

    def dealt(start: int, count: int) -> Floats:
        keys = (_random.key(seed, cluster=str(at), purpose="same direction") for at in range(start, start + count))
        return np.array([_summed_lengths(labels[_random.shuffled(key, len(labels))], vectors, len(held))
                         for key in keys])

    return permutation_test(
        observed, dealt, null="labels", seed=seed, draws=draws, alpha=alpha,
        n_arrangements=_deals([len(one) for one in held]),
        holds="the angles, taken to be independent of each other, and how many each group has")


def _summed_lengths(labels: npt.NDArray[np.int64], vectors: Floats, n: int) -> float:
    cosines, sines = (np.bincount(labels, weights=vectors[at], minlength=n) for at in (0, 1))
    return math.fsum(np.hypot(cosines, sines))


def _deals(sizes: Sequence[int]) -> int:
    """Return in how many ways things can be dealt to groups of these sizes: n! over the product of the sizes'."""
    return math.factorial(sum(sizes)) // math.prod(map(math.factorial, sizes))
