"""The slow, obvious version of what tests of the interpersonal plane do: one angle, one score, one draw at a time."""

from __future__ import annotations

import cmath
import itertools
import math
from collections.abc import Mapping, Sequence

from rupturekit import _random
from rupturekit.cohort import Cohort
from rupturekit.interpersonal.placement import Placement

__all__ = ["all_deals", "arc_of", "bootstrap_profiles", "correlation", "cosine_fit", "difference", "places", "quantile",
           "resultant", "summed_lengths"]


# --- angles --------------------------------------------------------------------------------------------------------


def resultant(degrees: Sequence[float]) -> complex:
    """Return the mean of the unit vectors, as one complex number."""
    total = 0j
    for angle in degrees:
        total += cmath.rect(1.0, math.radians(angle))
    return total / len(degrees)


def difference(to: float, start: float) -> float:
    """Return the turn from `start` to `to`, in (-180, 180], by trying whole turns."""
    return next(to - start + 360 * turns for turns in range(-10, 11) if -180 < to - start + 360 * turns <= 180)


def arc_of(degrees: Sequence[float]) -> float:
    """Return the shortest arc from one of the angles, counter-clockwise, that holds them all."""
    return min(max((angle - start) % 360 for angle in degrees) for start in degrees)


def summed_lengths(groups: Sequence[Sequence[float]]) -> float:
    """Return the resultant lengths of groups, each times its n."""
    return sum(len(group) * abs(resultant(group)) for group in groups)


def all_deals(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Return the statistic of every way to deal all angles to two groups of these sizes."""
    together = [*first, *second]
    found = []
    for picked in itertools.combinations(range(len(together)), len(first)):
        rest = [together[at] for at in range(len(together)) if at not in picked]
        found.append(summed_lengths([[together[at] for at in picked], rest]))
    return found


# --- profiles ------------------------------------------------------------------------------------------------------


def cosine_fit(scores: Sequence[float], degrees: Sequence[float]) -> tuple[float, float, float, float]:
    """Return elevation, x, y and R^2 of the curve that fits best, by the normal equations written out."""
    rows = [(1.0, math.cos(math.radians(angle)), math.sin(math.radians(angle))) for angle in degrees]
    left = [[sum(row[i] * row[j] for row in rows) for j in range(3)] for i in range(3)]
    right = [sum(row[i] * score for row, score in zip(rows, scores, strict=True)) for i in range(3)]
    solved = [_determinant(_with_column(left, at, right)) / _determinant(left) for at in range(3)]
    mean = sum(scores) / len(scores)
    residual = sum((score - sum(a * b for a, b in zip(solved, row, strict=True)))**2
                   for row, score in zip(rows, scores, strict=True))
    total = sum((score - mean)**2 for score in scores)
    return solved[0], solved[1], solved[2], 1 - residual / total


def _with_column(matrix: list[list[float]], at: int, column: list[float]) -> list[list[float]]:
    return [[column[i] if j == at else matrix[i][j] for j in range(3)] for i in range(3)]


def _determinant(m: list[list[float]]) -> float:
    return (m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]))


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Return Pearson's correlation."""
    a, b = sum(one) / len(one), sum(other) / len(other)
    above = sum((x - a) * (y - b) for x, y in zip(one, other, strict=True))
    return above / math.sqrt(sum((x - a)**2 for x in one) * sum((y - b)**2 for y in other))


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile, interpolated linearly between order statistics (type 7)."""
    ranked, at = sorted(values), share * (len(values) - 1)
    low = math.floor(at)
    return ranked[low] + (at - low) * (ranked[min(low + 1, len(ranked) - 1)] - ranked[low])


def bootstrap_profiles(units: Sequence[Sequence[Sequence[float]]], *, label: str, seed: int, draws: int
                       ) -> list[list[float]]:
    """Return the mean profile of each draw; a unit is the rows of one cluster, units in order."""
    found = []
    for draw in range(draws):
        key = _random.key(seed, cluster=label, purpose=f"group profile, draw {draw}")
        rows = [row for at in _random.below(key, len(units), len(units)).tolist() for row in units[at]]
        found.append([sum(column) / len(rows) for column in zip(*rows, strict=True)])
    return found


# --- places --------------------------------------------------------------------------------------------------------


def places(cohort: Cohort, placement: Placement) -> tuple[list[tuple[float, float, str | None] | None], Mapping[str, int]]:
    """Return affiliation, control and focus of each move, one at a time, and how often codes were not placed."""
    found: list[tuple[float, float, str | None] | None] = []
    missed: dict[str, int] = {}
    for move in cohort.moves:
        held = [place for place in placement.places if place.code == move.code]
        if not held:
            missed[move.code] = missed.get(move.code, 0) + 1
            found.append(None)
            continue
        point = cmath.rect(held[0].length, math.radians(held[0].angle))
        found.append((point.real, point.imag, held[0].focus))
    return found, missed
