"""Permutation tests: how often arrangements without order do as well as what was observed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.inference.estimate import NullTest
from rupturekit.inference.nulls import HOLDS, Null

__all__ = ["Alternative", "permutation_test"]

Alternative = Literal["greater", "less", "two-sided"]

BLOCK: Final = 2_048
"""Arrangements drawn at once. It decides memory and speed, never a result."""


def permutation_test(observed: float, drawn: Callable[[int, int], npt.NDArray[np.float64]], *, null: Null | str,
                     seed: int, n_arrangements: int, draws: int = 999, stop_after: int | None = None,
                     alternative: Alternative = "greater", alpha: float = 0.05, holds: str | None = None) -> NullTest:
    """Return the p-value of a statistic against a null that can be drawn from.

    With a fixed number B of draws, of which k do as well as what was observed, p = (1 + k) / (1 + B) (Phipson & Smyth
    2010); the mid-p counts ties half, the observed value among them. With `stop_after` h, drawing ends at the h-th that
    does as well, after l draws, and p = h / l (Besag & Clifford 1991), without a mid-p; if B draws do not bring h, p is
    as before.

    Parameters
    ----------
    drawn : (start, count) -> values of the statistic under arrangements start ... start + count - 1
        NaN where an arrangement gives none: it is not counted. The test is then one among the arrangements that do, as
        the data themselves have to be to be tested.
    null : Null or str
        One of the named nulls, or the name of another; then `holds` says what that keeps.
    n_arrangements : int
        How many different arrangements the data allow, at most: no p below its inverse is possible.
    alternative : "greater", "less" or "two-sided"
        Two-sided doubles the smaller of both one-sided p-values.

    Raises
    ------
    NotEnoughData
        Where the smallest p attainable is above alpha: no result could have been a rejection.
    """
    _check(draws, stop_after, alternative, alpha)
    if holds is None and null not in tuple(Null):
        raise RecordError(f"null is {str(null)!r:.40}; expected one of {', '.join(Null)}, or say what it keeps "
                          "(holds=...)", field="null", value=null)
    smallest = min(1.0, max(1 / (1 + draws), 1 / max(n_arrangements, 1)) * (2 if alternative == "two-sided" else 1))
    if smallest > alpha:
        raise NotEnoughData(
            f"the smallest p attainable is {smallest:.3g}, above {alpha:g}: these data allow {_many(n_arrangements)} "
            f"arrangements under {str(null)!r}, and {draws:,} were to be drawn; more episodes or draws are needed",
            needed=math.ceil(1 / alpha), found=min(n_arrangements, draws + 1))
    values, drawn_so_far = np.zeros(0), 0
    last = None
    while drawn_so_far < draws and last is None:
        fresh = drawn(drawn_so_far, min(BLOCK, draws - drawn_so_far))
        drawn_so_far += len(fresh)
        values = np.append(values, fresh[~np.isnan(fresh)])
        last = _stop(values, observed, alternative, stop_after)
    used = values[:last]
    smallest = max(smallest, (2 if alternative == "two-sided" else 1) / (1 + len(values)) if last is None else 0.0)
    if smallest > alpha:
        raise NotEnoughData(f"only {len(values):,} of {drawn_so_far:,} arrangements gave a value, so that no p below "
                            f"{smallest:.3g} is attainable", needed=math.ceil(1 / alpha), found=len(values) + 1)
    above, equal, below = _compared(used, observed)
    p, mid = _shares(above, equal, below, alternative) if last is None else ((stop_after or 0) / last, None)
    return NullTest(null=str(null), holds=_held(null, holds, drawn_so_far - len(values)), alternative=alternative,
                    statistic=observed, expected=math.fsum(used.tolist()) / len(used), p=p, mid_p=mid,
                    smallest_p=smallest, draws=len(used), seed=seed,
                    citations=("phipson-smyth-2010" if last is None else "besag-clifford-1991",))


def _held(null: Null | str, holds: str | None, without: int) -> str:
    """Return what a null keeps, and how many arrangements were left out since they gave no value."""
    said = HOLDS[Null(null)] if holds is None else holds
    return said + (f"; {without:,} arrangements gave no value and are not counted" if without else "")


def _many(n: int) -> str:
    """Return a count of arrangements as text; one with thousands of digits is nothing to read."""
    return f"{n:,}" if n < 10**15 else "more than 10^15"


def _check(draws: int, stop_after: int | None, alternative: str, alpha: float) -> None:
    if alternative not in ("greater", "less", "two-sided"):
        raise RecordError(f"alternative is {alternative!r:.40}; expected greater, less or two-sided",
                          field="alternative")
    if draws < 1 or not 0 < alpha < 1:
        raise RecordError(f"expected at least 1 draw and alpha between 0 and 1 but got {draws!r} and {alpha!r}",
                          field="draws")
    if stop_after is not None and (stop_after < 1 or alternative == "two-sided"):
        raise RecordError("stop_after counts draws that do as well, so it has to be at least 1 and needs a one-sided "
                          f"alternative, but got {stop_after!r} with {alternative}", field="stop_after")


def _signs(values: npt.NDArray[np.float64], observed: float) -> npt.NDArray[np.int8]:
    """Return 1, 0 or -1 where a value is above, at or below the one observed; sums of quotients differ by rounding."""
    apart = values - observed
    apart[np.abs(apart) <= 1e-12 * max(1.0, abs(observed))] = 0.0
    return np.sign(apart).astype(np.int8)


def _stop(values: npt.NDArray[np.float64], observed: float, alternative: str, stop_after: int | None) -> int | None:
    """Return after how many draws the last one needed did as well; None where it has not come yet."""
    if stop_after is None:
        return None
    signs = _signs(values, observed)
    as_well = np.flatnonzero(signs >= 0 if alternative == "greater" else signs <= 0)
    return int(as_well[stop_after - 1]) + 1 if len(as_well) >= stop_after else None


def _compared(values: npt.NDArray[np.float64], observed: float) -> tuple[int, int, int]:
    signs = _signs(values, observed)
    return int((signs > 0).sum()), int((signs == 0).sum()), int((signs < 0).sum())


def _shares(above: int, equal: int, below: int, alternative: str) -> tuple[float, float]:
    """Return p and mid-p from how many draws lie above, at and below the observed value, which counts as one more."""
    of = 1 + above + equal + below
    upper, lower = (1 + above + equal) / of, (1 + below + equal) / of
    half = 0.5 * (equal + 1)
    upper_mid, lower_mid = (above + half) / of, (below + half) / of
    if alternative == "two-sided":
        return min(1.0, 2 * min(upper, lower)), min(1.0, 2 * min(upper_mid, lower_mid))
    return (upper, upper_mid) if alternative == "greater" else (lower, lower_mid)
