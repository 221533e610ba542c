"""The cosine curve of a circumplex profile: its fit, and what has to hold before one can be fitted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit.errors import NotEnoughData, NotEstimable, RecordError, listed
from rupturekit.interpersonal.circular import as_numbers, normal_angles, unit_vectors

__all__ = ["FEWEST_SCALES", "NOTHING", "Angles", "Curve", "Missing", "check_enough", "check_infinite", "check_missing",
           "checked_angles", "curve_of", "gap_texts", "left_out_warning", "method_of", "or_none", "score_table"]

Floats = npt.NDArray[np.float64]

Angles: TypeAlias = Mapping[str, float]
"""The scales of a circumplex and their angles in degrees, in the order of the columns."""

Missing = Literal["refuse", "least_squares"]
"""What happens where an octant has no score: a sentence, or a fit on the others that says so."""

NOTHING: Final = 1e-12
"""What is this small beside the scores is rounding: no amplitude, no difference between octants."""

FEWEST_SCALES: Final = 4
"""Three scores fit any curve of three parameters without error, so that nothing tells how well."""


@attrs.frozen(kw_only=True, eq=False)
class Curve:
    """The fit of one set of angles: scores @ weights gives elevation, x and y; elevation + (x, y) @ axes the curve."""

    weights: Floats
    axes: Floats

    def parameters(self, rows: Floats) -> Floats:
        """Return elevation, x and y of each row."""
        return np.asarray(rows @ self.weights)

    def fit(self, rows: Floats) -> Floats:
        """Return R^2 of each row: 1 - residual / total sum of squares; NaN where a profile is flat."""
        found = self.parameters(rows)
        residual = ((rows - found[:, :1] - found[:, 1:] @ self.axes)**2).sum(axis=1)
        total = ((rows - rows.mean(axis=1, keepdims=True))**2).sum(axis=1)
        flat = total <= rows.shape[1] * (NOTHING * _sizes(rows))**2
        return np.where(flat, np.nan, 1.0 - residual / np.where(flat, 1.0, total))

    def polar(self, rows: Floats) -> tuple[Floats, Floats]:
        """Return amplitude and displacement of each row; no displacement (NaN) at amplitude 0."""
        found = self.parameters(rows)
        amplitude = np.hypot(found[:, 1], found[:, 2])
        turned = normal_angles(np.degrees(np.arctan2(found[:, 2], found[:, 1])))
        none = amplitude <= NOTHING * _sizes(rows)
        return np.where(none, 0.0, amplitude), np.where(none, np.nan, turned)


def _sizes(rows: Floats) -> Floats:
    return np.asarray(np.abs(rows).max(axis=1, initial=0.0))


def curve_of(degrees: Floats) -> Curve:
    """Return the least-squares fit for these angles, in closed form where they are evenly spaced."""
    cosine, sine = unit_vectors(degrees)
    n, even = len(degrees), _even(degrees)
    design = np.stack([np.ones(n), cosine, sine], axis=1)
    if even:
        return Curve(weights=design * np.array([1 / n, 2 / n, 2 / n]), axes=design[:, 1:].T)
    if np.linalg.matrix_rank(design, tol=1e-6) < 3:
        raise NotEstimable("the angles do not spread over the circle: no curve is fitted best by them")
    return Curve(weights=np.linalg.pinv(design).T, axes=design[:, 1:].T)


def _even(degrees: Floats) -> bool:
    around = np.sort(normal_angles(degrees))
    gaps = np.diff(around, append=around[0] + 360.0)
    return bool(np.abs(gaps - 360.0 / len(degrees)).max() < 1e-9)


def checked_angles(angles: Angles) -> tuple[tuple[str, ...], Floats]:
    """Return the names and degrees of some scales, or say what is wrong with them."""
    names, degrees = tuple(map(str, angles)), as_numbers([*angles.values()], what="angles")
    if len(names) < FEWEST_SCALES:
        raise NotEnoughData(f"a structural summary needs {FEWEST_SCALES} or more scales: a curve through three says "
                            "nothing of fit", needed=FEWEST_SCALES, found=len(names))
    for name, angle in zip(names, degrees.tolist(), strict=True):
        if not -360 <= angle <= 720:    # NaN fails too
            raise RecordError(f"the angle of {name} is {angle!r}; expected degrees from -360 to 720", field="angles",
                              value=angle)
    if np.abs(degrees).max() <= 2 * math.pi:
        raise RecordError(f"every angle of {listed(names)} lies within 6.3 of 0: these look like radians; give degrees",
                          field="angles")
    return names, degrees


# --- scores ---------------------------------------------------------------------------------------------------------


def score_table(rows: npt.ArrayLike, names: tuple[str, ...]) -> Floats:
    """Return rows of scores as an array, refusing another shape and infinite scores; NaN stands where there is none."""
    held = as_numbers(rows, what="scores")
    if held.ndim != 2 or held.shape[1] != len(names):
        raise RecordError(f"expected rows of {len(names)} scores in the order {listed(names)} but got the shape "
                          f"{held.shape}", field="rows")
    check_infinite(held)
    return held


def gap_texts(there: npt.NDArray[np.bool_], names: tuple[str, ...]) -> list[str]:
    """Say of each scale that lacks scores in how many rows it does."""
    lacking = (~there).sum(axis=0).tolist()
    return [f"{name} in {n:,} of {len(there):,} rows" for name, n in zip(names, lacking, strict=True) if n]


def check_infinite(rows: Floats) -> None:
    """Refuse scores that are not finite numbers; NaN passes, for it stands where there is none."""
    bad = np.argwhere(np.isinf(rows))
    if len(bad):
        raise RecordError(f"{len(bad)} scores are infinite (the first in row {bad[0][0]}, column {bad[0][1]})",
                          field="scores", row=int(bad[0][0]))


def check_missing(left: Sequence[str], missing: str, *, where: str) -> None:
    """Refuse missing scores by name, where they are to be refused."""
    if missing not in ("refuse", "least_squares"):
        raise RecordError(f"missing is {missing!r:.40}; expected \"refuse\" or \"least_squares\"", field="missing")
    if left and missing == "refuse":
        raise NotEstimable(f"{where} {listed(left)}; give it, or say missing=\"least_squares\" to fit the curve to "
                           "what is there")


def check_enough(n: int) -> None:
    """Refuse a fit to fewer than four scales."""
    if n < FEWEST_SCALES:
        raise NotEnoughData(f"only {n} scales have a score; a structural summary needs {FEWEST_SCALES} or more",
                            needed=FEWEST_SCALES, found=n)


def left_out_warning(left: Sequence[str]) -> tuple[str, ...]:
    """Say which scales a curve was fitted without; nothing where it has all."""
    if not left:
        return ()
    return (f"left out: {listed(left)}; the curve was fitted by least squares to the other octants, and elevation and "
            "amplitude lean on it where they are missing",)


def method_of(degrees: Floats) -> str:
    """Name the fit that `curve_of` takes for these angles."""
    return "closed form" if _even(degrees) else "least squares"


def or_none(value: float) -> float | None:
    """Return None for NaN."""
    return None if math.isnan(value) else value
