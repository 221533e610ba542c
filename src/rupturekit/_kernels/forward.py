"""What a chain whose states are not seen makes of runs of symbols: the probability of each, and expected steps.

A step is a symbol, the state before it and the state after it; `Steps` lists those that can be, and `chance[w, i]` is
the probability, under the weights numbered w, of symbol and state after of step i, in the state before. Several sets of
weights are worked on at once. The recursions are those of Baum et al. (1970), scaled at every symbol so that nothing
underflows (Rabiner 1989); runs are walked side by side, as in replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rupturekit._kernels.replay import side_by_side

__all__ = ["Steps", "expected_steps", "log_scores", "steps_in_order"]

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Through = Callable[[Floats, Whole], Floats]

_AT_ONCE: Final = 1 << 22    # entries of an intermediate array
_FEW: Final = 64    # pairs of states: so few are multiplied run by run, more symbol by symbol and step by step


class Steps(NamedTuple):
    """The steps that can be: symbol, state before and state after of each, in the order of these three."""

    symbol: Whole
    before: Whole
    after: Whole
    symbols: int
    states: int


def steps_in_order(cells: Whole, *, symbols: int, states: int) -> Steps:
    """Return the steps at sorted places among symbols x states x states.

    >>> steps_in_order(np.array([0, 3, 6]), symbols=2, states=2).symbol.tolist()
    [0, 0, 1]
    """
    symbol, before, after = np.unravel_index(cells, (symbols, states, states))
    return Steps(symbol.astype(np.int64), before.astype(np.int64), after.astype(np.int64), symbols, states)


class _Block(NamedTuple):
    """Runs that are worked on at once: `low`, `high` among all symbols, and the runs as `side_by_side` tells them."""

    low: int
    high: int
    first: Whole
    alive: list[int]


def log_scores(steps: Steps, chance: Floats, symbols: Whole, *, offsets: Whole, start: int, told: Floats) -> Floats:
    """Return the log, natural, of what the symbols before it in its run say of each symbol: sets x symbols.

    Parameters
    ----------
    told : sets x symbols that there are x states
        How likely is, in each state, what is scored of a symbol.

    >>> coin, odds = steps_in_order(np.array([0, 1]), symbols=2, states=1), np.array([[0.25, 0.75]])
    >>> told = odds[..., None]
    >>> log_scores(coin, odds, np.array([0, 1]), offsets=np.array([0, 2]), start=0, told=told).round(3).tolist()
    [[-1.386, -0.288]]
    """
    found, forth = np.empty((len(chance), len(symbols))), _through(steps, chance)
    for block in _blocks(steps, chance, offsets):
        here = symbols[block.low : block.high]
        before, _ = _forward(forth, here, block, (len(chance), steps.states), start)
        found[:, block.low : block.high] = np.log(np.einsum("wns,wns->wn", before, told[:, here]))
    return found


def expected_steps(steps: Steps, chance: Floats, symbols: Whole, *, offsets: Whole, start: int, counted: Floats
                   ) -> tuple[Floats, Floats]:
    """Return how often each step is expected to have been made, and the log probability of what is counted.

    Parameters
    ----------
    counted : sets x symbols
        How much each symbol counts under each set of weights: 0 leaves it out of what is returned, though it still
        tells something of the state.

    Returns numbers of steps, sets x steps, and one log probability a set.
    """
    found, score = np.zeros_like(chance), np.zeros(len(chance))
    forth, back = _through(steps, chance), _through(steps, chance, back=True)
    for block in _blocks(steps, chance, offsets):
        here, weight = symbols[block.low : block.high], counted[:, block.low : block.high]
        before, total = _forward(forth, here, block, (len(chance), steps.states), start)
        after = _backward(back, here, block, total, steps.states)
        before *= weight[:, :, None]
        for symbol, low, high in _of_symbols(steps):
            at = np.flatnonzero(here == symbol)
            found[:, low:high] += _pairs(before[:, at], after[:, at], steps.before[low:high], steps.after[low:high])
        score += (np.log(total) * weight).sum(axis=1)
    return found * chance, score


def _of_symbols(steps: Steps) -> Iterator[tuple[int, int, int]]:
    """Yield each symbol and where its steps lie."""
    edges = np.searchsorted(steps.symbol, np.arange(steps.symbols + 1)).tolist()
    yield from ((symbol, *edges[symbol : symbol + 2]) for symbol in range(steps.symbols))


def _pairs(before: Floats, after: Floats, source: Whole, target: Whole) -> Floats:
    """Return sums over rows of the products of pairs of states: sets x pairs."""
    if before.shape[2] ** 2 <= _FEW:
        return np.asarray((before.transpose(0, 2, 1) @ after)[:, source, target])
    made = np.zeros((len(before), len(source)))
    size = max(_AT_ONCE // made.size, 1) if made.size else 1
    for low in range(0, before.shape[1], size):
        rows = slice(low, low + size)
        made += np.einsum("wne,wne->we", before[:, rows, source], after[:, rows, target])
    return made


def _blocks(steps: Steps, chance: Floats, offsets: Whole) -> Iterator[_Block]:
    """Yield blocks of whole runs whose intermediate arrays stay small; a run longer than that is one by itself."""
    most = max(_AT_ONCE // (len(chance) * steps.states), 1)
    low = 0
    while low < len(offsets) - 1:
        high = max(int(np.searchsorted(offsets, offsets[low] + most, side="right")) - 1, low + 1)
        _, first, alive = side_by_side(offsets[low : high + 1] - offsets[low])
        yield _Block(int(offsets[low]), int(offsets[high]), first, alive)
        low = high


def _forward(forth: Through, symbols: Whole, block: _Block, shape: tuple[int, int], start: int
             ) -> tuple[Floats, Floats]:
    """Return the belief about the state before each symbol, and the probability of each symbol."""
    sets, states = shape
    before, total = np.empty((sets, len(symbols), states)), np.empty((sets, len(symbols)))
    belief = np.zeros((sets, len(block.first), states))
    belief[:, :, start] = 1
    for at, n in enumerate(block.alive):
        here = block.first[:n] + at
        before[:, here] = belief[:, :n]
        made = forth(belief[:, :n], symbols[here])
        sums = made.sum(axis=2)
        total[:, here] = sums
        belief[:, :n] = made / sums[:, :, None]
    return before, total


def _backward(back: Through, symbols: Whole, block: _Block, total: Floats, states: int) -> Floats:
    """Return how well each state after a symbol says what follows it, over the probability of that symbol."""
    sets = len(total)
    after, says = np.empty((sets, len(symbols), states)), np.ones((sets, len(block.first), states))
    for at in range(len(block.alive) - 1, -1, -1):
        here = block.first[: block.alive[at]] + at
        after[:, here] = says[:, : len(here)] / total[:, here, None]
        says[:, : len(here)] = back(after[:, here], symbols[here])
    return after


def _through(steps: Steps, chance: Floats, *, back: bool = False) -> Through:
    """Return what makes rows (sets x rows x states) into each row times the matrix of its symbol, or its transpose."""
    source, target = (steps.after, steps.before) if back else (steps.before, steps.after)
    if steps.states**2 > _FEW:
        return _step_by_step(steps, chance, source, target)
    full = np.zeros((len(chance), steps.symbols, steps.states, steps.states))
    full[:, steps.symbol, source, target] = chance

    def run_by_run(rows: Floats, symbols: Whole) -> Floats:
        made: Any = np.einsum("wns,wnst->wnt", rows, full[:, symbols])
        return np.asarray(made)

    return run_by_run


def _step_by_step(steps: Steps, chance: Floats, source: Whole, target: Whole) -> Through:
    """Return the same for many states, of which each leads to a few: only the steps that can be are multiplied."""
    held = []
    for _, low, high in _of_symbols(steps):
        order = low + np.argsort(target[low:high], kind="stable")
        ends, firsts = np.unique(target[order], return_index=True)
        held.append((source[order], chance[:, None, order], ends, firsts))

    def through(rows: Floats, symbols: Whole) -> Floats:
        found = np.zeros_like(rows)
        for symbol in np.unique(symbols).tolist():
            whence, likely, ends, firsts = held[symbol]
            at = np.flatnonzero(symbols == symbol)
            found[:, at[:, None], ends] = np.add.reduceat(rows[:, at][:, :, whence] * likely, firsts, axis=2)
        return found

    return through
