"""Questions to whole columns of rows, asked a stretch at a time so that the answers need little memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["all_distinct", "in_order"]

Column: TypeAlias = npt.NDArray[Any]

_STRETCH: Final = 1 << 16


def in_order(columns: Sequence[Column]) -> bool:
    """Return whether rows stand in the order of the first column, then of the second, and so on.

    >>> in_order([np.array([1, 1, 2]), np.array([5, 6, 0])]), in_order([np.array([1, 1]), np.array([6, 5])])
    (True, False)
    """
    last = len(columns[0]) - 1
    return all(_stretch_in_order(columns, at, min(at + _STRETCH, last)) for at in range(0, last, _STRETCH))


def _stretch_in_order(columns: Sequence[Column], low: int, high: int) -> bool:
    """Compare each row with the next, column by column, while any two are still alike."""
    alike: npt.NDArray[np.bool_] | None = None
    for column in columns:
        row, following = column[low:high], column[low + 1 : high + 1]
        falls = following < row
        if (falls if alike is None else falls & alike).any():
            return False
        same = following == row
        alike = same if alike is None else same & alike
        if not alike.any():
            break
    return True


def all_distinct(numbers: npt.NDArray[np.int64]) -> bool:
    """Return whether no whole number stands twice.

    >>> all_distinct(np.array([7, 3, 5])), all_distinct(np.array([7, 3, 7]))
    (True, False)
    """
    if len(numbers) < 2 or (in_order([numbers]) and bool((numbers[1:] != numbers[:-1]).all())):
        return True
    low, high = int(numbers.min()), int(numbers.max())
    if high - low > 8 * len(numbers):
        return len(np.unique(numbers)) == len(numbers)
    seen = np.zeros(high - low + 1, dtype=bool)
    for at in range(0, len(numbers), _STRETCH):
        seen[numbers[at : at + _STRETCH] - low] = True
    return int(np.count_nonzero(seen)) == len(numbers)
