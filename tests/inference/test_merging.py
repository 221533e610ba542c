"""Whole numbers that merge: the same bits over any partition, order and executor."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.errors import RecordError
from rupturekit.inference.merging import Counts, in_parts, merged

ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-9, 9)), min_size=1, max_size=20)


def counted(rows: list[tuple[str, int]]) -> Counts:
    return Counts.of([key for key, _ in rows], np.array([value for _, value in rows]))


@given(ROWS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_parts_in_any_order_add_up_to_the_whole(rows: list[tuple[str, int]], size: int, draw) -> None:  # type: ignore[no-untyped-def]
    parts = [rows[low : low + size] for low in range(0, len(rows), size)]
    draw.shuffle(parts)
    assert merged(map(counted, parts)) == counted(rows)
    assert dict(zip(counted(rows).keys, counted(rows).values.tolist(), strict=True)) == {
        key: sum(value for k, value in rows if k == key) for key, _ in rows}


def test_counts_of_other_keys_or_numbers_are_other_counts() -> None:
    one = Counts.of(["a"], np.array([1]))
    assert one != Counts.of(["b"], np.array([1]))
    assert one != Counts.of(["a"], np.array([2]))
    assert one != "a"


def test_floats_are_no_counts() -> None:
    with pytest.raises(RecordError, match="whole numbers"):
        Counts.of(["a"], np.array([0.5]))


def test_nothing_cannot_be_merged() -> None:
    with pytest.raises(RecordError, match="nothing to merge"):
        merged([])


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
def test_results_come_in_the_order_of_the_parts(executor: str) -> None:
    work = functools.partial(pow, 3)
    assert list(in_parts(work, range(7), executor=executor, workers=2)) == [1, 3, 9, 27, 81, 243, 729]


def test_an_executor_of_ones_own_is_taken_and_left_open() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert list(in_parts(abs, [-2], executor=pool)) == [2]
        assert list(in_parts(abs, [-3], executor=pool)) == [3]


def test_an_unknown_executor_is_refused() -> None:
    with pytest.raises(RecordError, match="serial, threads, processes"):
        list(in_parts(abs, [1], executor="cluster"))
