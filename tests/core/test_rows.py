"""The kernel that asks whole columns: nothing is lost where one stretch ends and the next begins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit._kernels import rows as kernel

stretches = st.sampled_from([1, 2, 3, 5, 1 << 16])


@given(stretches, st.lists(st.tuples(st.integers(0, 2), st.integers(-2, 2)), min_size=1, max_size=14), st.booleans())
def test_order_is_that_of_tuples_whatever_the_stretch(stretch: int, rows: list[tuple[int, int]], ordered: bool) -> None:
    rows = sorted(rows) if ordered else rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_STRETCH", stretch)
        assert kernel.in_order([np.array(column) for column in zip(*rows, strict=True)]) == (rows == sorted(rows))


@given(stretches, st.lists(st.integers(-9, 9) | st.integers(-2**62, 2**62), max_size=14))
def test_a_number_that_stands_twice_is_seen_whatever_the_stretch(stretch: int, numbers: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_STRETCH", stretch)
        assert kernel.all_distinct(np.array(numbers, dtype="i8")) == (len(set(numbers)) == len(numbers))


@pytest.mark.parametrize("fall", [0, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, (1 << 17) + 1])
def test_one_row_out_of_order_is_seen_wherever_it_stands(fall: int) -> None:
    numbers = np.arange((1 << 17) + 3)
    assert kernel.in_order([numbers])
    numbers[fall], numbers[fall + 1] = numbers[fall + 1], numbers[fall]
    assert not kernel.in_order([numbers])
    assert not kernel.in_order([np.zeros_like(numbers), numbers])
    assert kernel.all_distinct(numbers)
    numbers[fall] = numbers[-1] if fall + 1 < len(numbers) - 1 else numbers[0]
    assert not kernel.all_distinct(numbers)
