"""The kernel: many runs through one table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from rupturekit._kernels import replay as kernel

Table = list[list[int]]


@st.composite
def walks(draw: st.DrawFn) -> tuple[Table, list[list[int]], int]:
    states, symbols = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    row = st.lists(st.integers(0, states - 1), min_size=symbols, max_size=symbols)
    table = draw(st.lists(row, min_size=states, max_size=states))
    runs = draw(st.lists(st.lists(st.integers(0, symbols - 1), max_size=6), max_size=12))
    return table, runs, draw(st.integers(0, states - 1))


def flat(runs: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the symbols of all runs end to end, and where they begin; the first does not begin at 0."""
    return (np.array([symbol for run in runs for symbol in run], dtype="u2"),
            np.cumsum([7, *map(len, runs)]).astype("i8"))


@contextmanager
def in_blocks_of(n: int) -> Iterator[None]:
    """Work on so many episodes at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "BLOCK", n)
        yield


block_sizes = st.sampled_from([1, 2, 16_384])


@given(block=block_sizes, walk=walks())
def test_replay_is_the_plain_loop_whatever_the_block(block: int, walk: tuple[Table, list[list[int]], int]) -> None:
    with in_blocks_of(block):
        table, runs, start = walk
        symbols, offsets = flat(runs)
        found = kernel.replay(kernel.walk_of(np.array(table, dtype="i2")), symbols, offsets=offsets, start=start)
        assert found.dtype == np.uint16
        states = oracles.replay(table, runs, start=start)
        assert found.tolist() == [state * len(table[0]) + symbol for state, symbol in zip(states, symbols.tolist(), strict=True)]


@given(block=block_sizes, walk=walks(), data=st.data())
def test_ends_are_those_of_the_plain_loop_whatever_the_block(block: int, walk: tuple[Table, list[list[int]], int],
                                                             data: st.DataObject) -> None:
    with in_blocks_of(block):
        table, runs, start = walk
        gain = st.integers(-5, 2**40)
        gains = [[data.draw(gain) for _ in row] for row in table]
        symbols, offsets = flat(runs)
        last, total = kernel.replay_ends(kernel.walk_of(np.array(table, dtype="i2")), symbols, offsets=offsets, start=start,
                                         gains=np.array(gains, dtype="i8").ravel())
        assert last.dtype == total.dtype == np.int64
        assert list(zip(last.tolist(), total.tolist(), strict=True)) == oracles.replay_ends(table, runs, start=start, gains=gains)


@given(st.integers(0, 70))
def test_blocks_cover_every_run_once(n: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "BLOCK", 16)
        covered = [run for low, high in kernel.blocks(n) for run in range(low, high)]
    assert covered == list(range(n))


def test_replay_of_nothing_is_nothing() -> None:
    walk = kernel.walk_of(np.zeros((1, 1), dtype="i2"))
    nothing, offsets = np.zeros(0, "u2"), np.zeros(1, "i8")
    assert kernel.replay(walk, nothing, offsets=offsets, start=0).tolist() == []
    last, total = kernel.replay_ends(walk, nothing, offsets=offsets, start=0, gains=np.zeros(1, "i8"))
    assert (last.tolist(), total.tolist()) == ([], [])


def test_a_table_with_more_cells_than_two_bytes_count_is_walked_to_its_last_cell() -> None:
    states, width = 300, 300
    table = np.repeat((np.arange(states) + 1) % states, width).reshape(states, width).astype("i2")
    symbols = np.full(states, width - 1, dtype="u2")
    found = kernel.replay(kernel.walk_of(table), symbols, offsets=np.array([0, states]), start=0)
    assert found.dtype == np.int64
    assert found.tolist() == [state * width + width - 1 for state in range(states)]


@pytest.mark.parametrize(("states", "width", "held"), [(256, 256, np.uint16), (257, 256, np.int64)])
def test_cells_are_held_in_two_bytes_as_long_as_these_count_them(states: int, width: int, held: type) -> None:
    table = np.full((states, width), states - 1)
    found = kernel.replay(kernel.walk_of(table), np.array([0, width - 1]), offsets=np.array([0, 2]), start=0)
    assert found.dtype == held
    assert found.tolist() == [0, states * width - 1]


def test_runs_longer_than_two_bytes_count_are_walked() -> None:
    long, short = 70_000, 3
    table = np.array([[1, 0], [0, 1]])
    symbols = np.zeros(long + short, dtype="u2")
    last, total = kernel.replay_ends(kernel.walk_of(table), symbols, offsets=np.array([0, short, short + long]), start=0,
                                     gains=np.array([1, 0, 0, 0]))
    assert (last.tolist(), total.tolist()) == ([1, 0], [2, 35_000])
