"""Many tests at once: false-discovery control."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rupturekit.errors import NotEnoughData, RecordError

__all__ = ["false_discovery"]


def false_discovery(p: Sequence[float], *, dependence: str = "positive") -> list[float]:
    """Return for each p-value the smallest false-discovery rate at which its test would be called a discovery.

    Parameters
    ----------
    p : numbers in [0, 1]
        One a test; every test that was made, not only those that look well.
    dependence : "positive" or "any"
        "positive" is the step-up procedure for independent or positively dependent tests (Benjamini & Hochberg 1995);
        "any" divides by the harmonic sum and holds under any dependence (Benjamini & Yekutieli 2001).

    Raises
    ------
    NotEnoughData
        Without p-values.
    RecordError
        Where a p-value is not a number from 0 to 1, or the dependence is unknown.

    >>> [round(q, 3) for q in false_discovery([0.01, 0.04, 0.03, 0.2])]
    [0.04, 0.053, 0.053, 0.2]
    """
    if dependence not in ("positive", "any"):
        raise RecordError(f"dependence is {dependence!r:.40}; expected \"positive\" or \"any\"", field="dependence")
    n = len(p)
    if not n:
        raise NotEnoughData("no p-values were given", needed=1, found=0)
    for at, value in enumerate(p, start=1):
        if not 0 <= value <= 1:
            raise RecordError(f"p-value {at} is {value!r:.40}; expected a number from 0 to 1", field="p", row=at)
    factor = n if dependence == "positive" else n * math.fsum(1 / rank for rank in range(1, n + 1))
    order = sorted(range(n), key=lambda at: p[at])
    held, least = [1.0] * n, 1.0
    for rank in range(n, 0, -1):
        at = order[rank - 1]
        least = min(least, p[at] * factor / rank)
        held[at] = least
    return held
