"""The kernel: many runs through one table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from rupturekit._kernels import replay as kernel


@st.composite
def walks(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]], int]:
    states, symbols = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    row = st.lists(st.integers(0, states - 1), min_size=symbols, max_size=symbols)
    table = draw(st.lists(row, min_size=states, max_size=states))
    runs = draw(st.lists(st.lists(st.integers(0, symbols - 1), max_size=6), max_size=12))
    return table, runs, draw(st.integers(0, states - 1))


@pytest.mark.parametrize("block", [1, 3, 32_768])
@given(walk=walks())
def test_replay_is_the_plain_loop_whatever_the_block(block: int, walk: tuple[list[list[int]], list[list[int]], int]
                                                     ) -> None:
    table, runs, start = walk
    offsets = np.cumsum([0, *map(len, runs)]).astype("i8")
    flat = np.array([symbol for run in runs for symbol in run], dtype="i2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "BLOCK", block)
        found = kernel.replay(np.array(table, dtype="i2"), flat, offsets=offsets, start=start)
    assert found.dtype == np.int16
    assert found.tolist() == oracles.replay(table, runs, start=start)


def test_replay_of_nothing_is_nothing() -> None:
    table = np.zeros((1, 1), dtype="i2")
    assert kernel.replay(table, np.zeros(0, "i2"), offsets=np.zeros(1, "i8"), start=0).tolist() == []
