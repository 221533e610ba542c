"""Replay many runs of symbols through one next-state table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCK", "replay"]

BLOCK = 32_768
"""Runs worked on at once; keeps the live state vector in cache, so that growth stays linear."""


def replay(table: npt.NDArray[np.int16], symbols: npt.NDArray[np.int16], *, offsets: npt.NDArray[np.int64],
           start: int) -> npt.NDArray[np.int16]:
    """Return the state before every symbol.

    Parameters
    ----------
    table : int16, states x symbols
        The next state; every entry is a state.
    symbols : int16, m
        The symbols of all runs, end to end.
    offsets : int64, n + 1
        Run i is `symbols[offsets[i]:offsets[i + 1]]`.
    start : int
        The state in which every run begins.

    Runs are ordered by length, descending, so that those still alive at a step are a prefix.
    """
    before = np.empty(len(symbols), dtype=np.int16)
    width = table.shape[1]
    flat = table.ravel()
    for low in range(0, len(offsets) - 1, BLOCK):
        edges = offsets[low : low + BLOCK + 1]
        _replay_block(flat, symbols, edges, width, start, before)
    return before


def _replay_block(flat: npt.NDArray[np.int16], symbols: npt.NDArray[np.int16], edges: npt.NDArray[np.int64],
                  width: int, start: int, before: npt.NDArray[np.int16]) -> None:
    lengths = np.diff(edges)
    order = np.argsort(-lengths, kind="stable")
    at = edges[:-1][order]
    alive = np.searchsorted(-lengths[order], -np.arange(1, int(lengths.max(initial=0)) + 1), side="right")
    state = np.full(len(order), start, dtype=np.int64)
    for step, n in enumerate(alive.tolist()):
        here = at[:n] + step
        before[here] = state[:n]
        state[:n] = flat[state[:n] * width + symbols[here]]
