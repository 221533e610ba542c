"""Replay many runs of symbols through one next-state table.

Runs are walked side by side: ordered by length, descending, those still alive at a step are a prefix, so that a step is
a few operations on whole arrays. A cell of the table is held as one number, `state * width + symbol`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCK", "Walk", "blocks", "replay", "replay_ends", "side_by_side", "walk_of"]

BLOCK = 16_384
"""Runs worked on at once: what is live then stays in cache, so that growth stays linear."""

Whole = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]


def blocks(n: int, *, size: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield (low, high) of the blocks that cover runs 0 to n; of `BLOCK` runs where no size is given."""
    each = size or BLOCK
    return ((low, min(low + each, n)) for low in range(0, n, each))


class Walk(NamedTuple):
    """A next-state table as it is walked: where the row begins that follows each cell, and the width of a row."""

    onward: Whole
    width: int


def walk_of(table: Codes) -> Walk:
    """Make a next-state table (states x symbols, every entry a state) ready to be walked.

    >>> walk_of(np.array([[0, 1], [1, 1]])).onward.tolist()
    [0, 2, 2, 2]
    """
    return Walk(table.ravel().astype(np.int64) * table.shape[1], table.shape[1])


def replay(walk: Walk, symbols: Codes, *, offsets: Whole, start: int) -> Codes:
    """Return the cell of the table that every symbol met: `state * width + symbol`.

    Parameters
    ----------
    symbols : integer, m
        The symbols of all runs, end to end.
    offsets : int64, n + 1
        Run i is `symbols[offsets[i] - offsets[0]:offsets[i + 1] - offsets[0]]`.
    start : int
        The state in which every run begins.

    Cells are uint16 where the table has at most 65,536 of them, else int64.

    >>> replay(walk_of(np.array([[0, 1], [1, 1]])), np.array([0, 1, 0]), offsets=np.array([0, 3]), start=0).tolist()
    [0, 1, 2]
    """
    cells: Codes = np.empty(len(symbols), dtype=np.uint16 if len(walk.onward) <= 2**16 else np.int64)
    for low, high in blocks(len(offsets) - 1):
        _replay_block(walk, symbols, offsets[low : high + 1] - offsets[0], start, cells)
    return cells


def _replay_block(walk: Walk, symbols: Codes, edges: Whole, start: int, cells: Codes) -> None:
    _, at, alive = side_by_side(edges)
    row, cell = np.full(len(at), start * walk.width, dtype=np.int64), np.empty(len(at), dtype=np.int64)
    for n in alive:
        here = at[:n]
        np.add(row[:n], symbols.take(here), out=cell[:n])
        cells[here] = cell[:n]
        np.take(walk.onward, cell[:n], out=row[:n], mode="clip")    # no cell lies outside; mode "raise" would copy
        here += 1


def replay_ends(walk: Walk, symbols: Codes, *, offsets: Whole, start: int, gains: Whole) -> tuple[Whole, Whole]:
    """Return the last state of every run, and the sum of what the cells that its symbols met gain.

    No step is kept. `gains` holds one int64 a cell; the other parameters are those of `replay`. The last state of a run
    without symbols is `start`, and its sum is 0.
    """
    last, total = np.empty(len(offsets) - 1, dtype=np.int64), np.empty(len(offsets) - 1, dtype=np.int64)
    for low, high in blocks(len(offsets) - 1):
        edges = offsets[low : high + 1] - offsets[0]
        last[low:high], total[low:high] = _ends_of_block(walk, symbols, edges, start, gains)
    return last, total


def _ends_of_block(walk: Walk, symbols: Codes, edges: Whole, start: int, gains: Whole) -> tuple[Whole, Whole]:
    order, at, alive = side_by_side(edges)
    row, cell = np.full(len(at), start * walk.width, dtype=np.int64), np.empty(len(at), dtype=np.int64)
    total = np.zeros(len(at), dtype=np.int64)
    for n in alive:
        here = at[:n]
        np.add(row[:n], symbols.take(here), out=cell[:n])
        total[:n] += gains.take(cell[:n])
        np.take(walk.onward, cell[:n], out=row[:n], mode="clip")
        here += 1
    back = np.empty_like(order)
    back[order] = np.arange(len(order), dtype=np.int64)
    return (row // walk.width)[back], total[back]


def side_by_side(edges: Whole) -> tuple[Whole, Whole, list[int]]:
    """Return the runs by length, descending, where each begins, and how many are alive at each step."""
    lengths = np.diff(edges)
    longest = int(lengths.max(initial=0))
    shortness = (longest - lengths).astype(np.min_scalar_type(longest))    # small dtypes are sorted in linear time
    order = np.argsort(shortness, kind="stable")
    alive = np.cumsum(np.bincount(shortness, minlength=longest))[:longest][::-1]
    return order, edges[order], alive.tolist()
