"""The structural summary of octant profiles: how high, how differentiated, and towards what.

A profile gives each octant a score. Its structural summary is the cosine curve that fits it best,

    score(theta) = elevation + amplitude * cos(theta - displacement),

with x = amplitude * cos(displacement) on the axis of affiliation and y = amplitude * sin(displacement) on that of
control (Gurtman 1992; Zimmermann & Wright 2017). Angles are degrees counter-clockwise from affiliation (LM, 0) to
control (PA, 90); 360 is 0. Where angles are evenly spaced the fit is the closed form e = mean(s), x = 2/k sum(s cos),
y = 2/k sum(s sin), which is also what the R package circumplex computes; elsewhere it is ordinary least squares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._table import Array, arrays_equal, held_state, read_only, set_closed
from rupturekit.errors import NotEstimable, RecordError, did_you_mean, listed
from rupturekit.interpersonal.circular import as_numbers, normal_angles
from rupturekit.interpersonal.cosine import (
    FEWEST_SCALES,
    NOTHING,
    Angles,
    Missing,
    check_enough,
    check_infinite,
    check_missing,
    checked_angles,
    curve_of,
    gap_texts,
    left_out_warning,
    method_of,
    or_none,
    score_table,
)

__all__ = ["OCTANT_ANGLES", "AxisScores", "Octant", "ProfileColumns", "StructuralSummary", "axis_scores",
           "profile_columns", "structural_summary"]


class Octant(StrEnum):
    """The eight octants of the interpersonal circumplex, by their usual letters."""

    PA = "PA"
    BC = "BC"
    DE = "DE"
    FG = "FG"
    HI = "HI"
    JK = "JK"
    LM = "LM"
    NO = "NO"

    @property
    def angle(self) -> float:
        """Degrees counter-clockwise from affiliation.

        >>> Octant.PA.angle, Octant.LM.angle
        (90.0, 0.0)
        """
        return OCTANT_ANGLES[self]

    @property
    def label(self) -> str:
        """What the octant is called.

        >>> Octant.HI.label
        'unassured-submissive'
        """
        return _LABELS[self]


OCTANT_ANGLES: Final[Mapping[str, float]] = MappingProxyType(
    {octant: (90.0 + 45.0 * at) % 360.0 for at, octant in enumerate(Octant)})
"""Octant -> angle, counter-clockwise from PA at 90."""

_LABELS: Final = dict(zip(Octant, (
    "assured-dominant", "arrogant-calculating", "cold-hearted", "aloof-introverted", "unassured-submissive",
    "unassuming-ingenuous", "warm-agreeable", "gregarious-extraverted"), strict=True))


# --- one profile ---------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class StructuralSummary:
    """The structural summary of one profile.

    Attributes
    ----------
    n_octants : int
        How many scores the curve was fitted to.
    elevation : float
        The mean level.
    x, y : float
        On the axes of affiliation and of control, in units of the scores.
    amplitude : float
        How differentiated the profile is; at least 0.
    displacement : float or None
        Towards what, in [0, 360); None at amplitude 0.
    fit : float or None
        R^2, the share of the differences between octants that the curve holds; None for a flat profile.
    """

    n_octants: int
    elevation: float
    x: float
    y: float
    amplitude: float
    displacement: float | None
    fit: float | None
    method: str
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        towards = "no direction" if self.displacement is None else f"{self.displacement:.4g} degrees"
        fit = "not estimable" if self.fit is None else f"{self.fit:.3g}"
        said = (f"elevation {self.elevation:.4g}, amplitude {self.amplitude:.4g} at {towards} (x {self.x:.4g}, y "
                f"{self.y:.4g}), R2 {fit}; {self.n_octants} octants, {self.method}")
        return "\n".join([said, *(f"warning: {text}" for text in self.warnings)])

    def _repr_html_(self) -> str:
        return _html.printed(self)


def structural_summary(scores: Mapping[str, float | None] | Sequence[float | None], *, angles: Angles = OCTANT_ANGLES,
                       missing: Missing = "refuse") -> StructuralSummary:
    """Return the structural summary of one profile.

    The formulas stand at the top of this module; R^2 = 1 - sum (s - curve)^2 / sum (s - mean(s))^2.

    Parameters
    ----------
    scores : mapping of scale to score, or sequence in the order of `angles`
        None or NaN where there is none.
    angles : mapping of scale to degrees
    missing : "refuse" or "least_squares"
        What happens where a scale has no score. "least_squares" fits the curve to the others and says what was left
        out; without an octant elevation is no longer the plain mean.

    Raises
    ------
    NotEstimable
        Where a scale has no score and `missing` is "refuse": it is named.
    NotEnoughData
        With fewer than four scales.
    RecordError
        For a scale that is not among the angles, or angles that look like radians.

    >>> print(structural_summary({"PA": 1, "BC": 0, "DE": 0, "FG": 0, "HI": 0, "JK": 0, "LM": 1, "NO": 2}))
    elevation 0.5, amplitude 0.8536 at 45 degrees (x 0.6036, y 0.6036), R2 0.729; 8 octants, closed form
    """
    names, degrees = checked_angles(angles)
    row = np.array([_scored(scores, names)], dtype=np.float64)
    check_infinite(row)
    there = ~np.isnan(row[0])
    left = tuple(name for name, held in zip(names, there.tolist(), strict=True) if not held)
    check_missing(left, missing, where="no score for")
    check_enough(int(there.sum()))
    curve, row = curve_of(degrees[there]), row[:, there]
    (elevation, x, y), (amplitude, turned), fit = (curve.parameters(row)[0].tolist(), curve.polar(row),
                                                   float(curve.fit(row)[0]))
    return StructuralSummary(
        n_octants=int(there.sum()), elevation=elevation, x=x, y=y, amplitude=float(amplitude[0]),
        displacement=or_none(float(turned[0])), fit=or_none(fit), method=method_of(degrees[there]), left_out=left,
        warnings=left_out_warning(left))


def _scored(scores: Mapping[str, float | None] | Sequence[float | None], names: tuple[str, ...]) -> list[float]:
    """Return one score a scale in their order; NaN where there is none."""
    if isinstance(scores, Mapping):
        known = {str(name): value for name, value in scores.items()}
        for name in known:
            if name not in names:
                raise RecordError(f"{name!r} is no scale of this circumplex{did_you_mean(name, names)}; its scales "
                                  f"are: {listed(names)}", field="scores", value=name)
        held = [known.get(name) for name in names]
    else:
        held = list(scores)
        if len(held) != len(names):
            raise RecordError(f"expected {len(names)} scores in the order {listed(names)} but got {len(held)}; give "
                              "None where there is none, or a mapping", field="scores", value=len(held))
    numbers: list[float] = as_numbers(held, what="scores").tolist()
    return numbers


@attrs.frozen(kw_only=True)
class AxisScores:
    """Scores on the two axes by the weights of Wiggins, and the vector that they make.

    Attributes
    ----------
    affiliation, control : float
        LOV and DOM.
    angle : float or None
        Degrees in [0, 360); None where the vector has no length.
    length : float
    """

    affiliation: float
    control: float
    angle: float | None
    length: float
    method: str = "Wiggins' weights 0.3 and 0.707"


def axis_scores(scores: Mapping[str, float | None] | Sequence[float | None]) -> AxisScores:
    """Return the axis scores of an octant profile by Wiggins' weights.

    LOV = 0.3 [(LM - DE) + 0.707 (NO - BC - FG + JK)], DOM = 0.3 [(PA - HI) + 0.707 (NO + BC - FG - JK)], with the
    published 0.707, not the root of 1/2. They are 1.2 times x and y of the structural summary, save for that rounding.

    Raises
    ------
    NotEstimable
        Where an octant has no score: it is named.

    >>> found = axis_scores([1, 0, 0, 0, 0, 0, 1, 2])
    >>> round(found.affiliation, 4), round(found.control, 4), round(found.angle)
    (0.7242, 0.7242, 45)
    """
    held = _scored(scores, tuple(Octant))
    check_infinite(np.array([held]))
    without = [name for name, value in zip(Octant, held, strict=True) if math.isnan(value)]
    if without:
        raise NotEstimable(f"no score for {listed(without)}; axis scores need all eight octants")
    pa, bc, de, fg, hi, jk, lm, no = held
    love = 0.3 * ((lm - de) + 0.707 * (no - bc - fg + jk))
    dominance = 0.3 * ((pa - hi) + 0.707 * (no + bc - fg - jk))
    length = math.hypot(love, dominance)
    none = length <= NOTHING * max(map(abs, held))
    angle = None if none else float(normal_angles(math.degrees(math.atan2(dominance, love))))
    return AxisScores(affiliation=love, control=dominance, length=0.0 if none else length, angle=angle)


# --- many profiles, each of its own --------------------------------------------------------------------------------


@attrs.frozen(eq=False, kw_only=True, repr=False)
class ProfileColumns:
    """Structural summaries of many profiles, one row each; NaN where a quantity is not estimable.

    Attributes
    ----------
    elevation, x, y, amplitude, displacement, fit : float64
        As in `StructuralSummary`.
    """

    scales: tuple[str, ...]
    elevation: Array = attrs.field(converter=read_only)
    x: Array = attrs.field(converter=read_only)
    y: Array = attrs.field(converter=read_only)
    amplitude: Array = attrs.field(converter=read_only)
    displacement: Array = attrs.field(converter=read_only)
    fit: Array = attrs.field(converter=read_only)
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.elevation)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProfileColumns):
            return NotImplemented
        return (self.scales, self.warnings) == (other.scales, other.warnings) and all(
            arrays_equal(getattr(self, name), getattr(other, name)) for name in _COLUMNS)

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def __repr__(self) -> str:
        return f"ProfileColumns({len(self):,} profiles of {len(self.scales)} scales)"


_COLUMNS: Final = ("elevation", "x", "y", "amplitude", "displacement", "fit")


def profile_columns(rows: npt.ArrayLike, *, angles: Angles = OCTANT_ANGLES, missing: Missing = "refuse"
                    ) -> ProfileColumns:
    """Return the structural summary of each row of a table, as columns.

    Parameters
    ----------
    rows : float, n x scales
        In the order of `angles`; NaN where there is no score.
    missing : "refuse" or "least_squares"
        As in `structural_summary`, row by row. Rows with fewer than four scores then have no summary, and are counted.

    Raises
    ------
    NotEstimable
        Where scores are missing and `missing` is "refuse": how many, and in which octants.

    >>> profile_columns([[1, 0, 0, 0, 0, 0, 1, 2], [0] * 8]).displacement.tolist()
    [45.0, nan]
    """
    names, degrees = checked_angles(angles)
    held = score_table(rows, names)
    there = ~np.isnan(held)
    check_missing(gap_texts(there, names), missing, where="scores are missing:")
    found = {name: np.full(len(held), np.nan) for name in _COLUMNS}
    for pattern in np.unique(there, axis=0):
        if pattern.sum() < FEWEST_SCALES:
            continue
        at = np.flatnonzero((there == pattern).all(axis=1))
        curve, some = curve_of(degrees[pattern]), held[np.ix_(at, pattern)]
        values = (*curve.parameters(some).T, *curve.polar(some), curve.fit(some))
        for name, column in zip(_COLUMNS, values, strict=True):
            found[name][at] = column
    return ProfileColumns(scales=names, warnings=_row_warnings(there, names), **found)


def _row_warnings(there: npt.NDArray[np.bool_], names: tuple[str, ...]) -> tuple[str, ...]:
    lacking = gap_texts(there, names)
    if not lacking:
        return ()
    few = int((there.sum(axis=1) < FEWEST_SCALES).sum())
    said = f"fitted by least squares to the octants that are there; left out: {listed(lacking)}"
    return (said, *((f"{few:,} rows have fewer than {FEWEST_SCALES} scores and no summary",) if few else ()))
