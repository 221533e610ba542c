"""The cheapest way to explain runs of symbols by a graph of states: exact costs, for many runs at once.

A run is explained step by step. A symbol is taken by an arrow, which moves on, or left out, at a price, which stays;
between symbols the graph may move on by itself, at a price. All prices are whole numbers, so costs are exact.

d[s] is the cheapest cost of a prefix that ends in state s. With moves by itself folded in (the closure), a symbol x
takes d to d (min, +) N[x]. What is left of d once its smallest entry is taken out can have few values only, for no
entry is further from another than the graph is wide where every state can be reached from every other; so vectors are
numbered when they come up, and the programme becomes a walk through a table. Where they are too many, it is run as it
stands.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rupturekit._kernels.replay import BLOCK, Codes, blocks, side_by_side

__all__ = ["MOST_VECTORS", "NO_WAY", "Prices", "Table", "cheapest", "closure", "costs_by_programme", "costs_by_walk",
           "lowered", "prices_of", "table_of", "walk"]

Costs = npt.NDArray[np.int32]
Whole = npt.NDArray[np.int64]

NO_WAY: Final = 1 << 28
"""The cost of what cannot be; sums of real costs stay far below it."""

MOST_VECTORS: Final = 20_000
"""So many vectors are numbered before the programme is run as it stands."""

_AT_ONCE: Final = 1 << 22    # entries of an intermediate array
_MOVES_AHEAD: Final = 32    # symbols of the runs to one cell found ahead, so that this costs little beside the walk
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)    # odd, so that no power of it is 0
_FEW: Final = 16    # runs: so few are taken on run by run, for a loop over states would cost more than it does


class Prices(NamedTuple):
    """What it costs to take symbols and to stop.

    `by_symbol` int32, symbols x states x states: from a state before a symbol to one after it, moves by itself after it
    among them. `begin`, `stop` int32, one a state: to be there before the first symbol, and to stop there.
    """

    by_symbol: Costs
    begin: Costs
    stop: Costs


def closure(step: Costs) -> Costs:
    """Return the cheapest cost from every state to every other by moves of the graph by itself.

    >>> closure(np.array([[NO_WAY, 1, NO_WAY], [NO_WAY, NO_WAY, 2], [NO_WAY] * 3], dtype="i4"))[0].tolist()
    [0, 1, 3]
    """
    far = np.minimum(step, NO_WAY).astype(np.int32)
    np.fill_diagonal(far, 0)
    for via in range(len(far)):    # only between what leads there and what follows: in stages most pairs are not linked
        rows, columns = np.flatnonzero(far[:, via] < NO_WAY), np.flatnonzero(far[via] < NO_WAY)
        block = np.ix_(rows, columns)
        far[block] = np.minimum(far[block], far[rows, via][:, None] + far[via, columns])
    return np.minimum(far, NO_WAY)


def prices_of(take: Costs, *, leave_out: Costs, step: Costs, start: int, stop: Costs) -> Prices:
    """Return the prices that a graph and its costs amount to.

    Parameters
    ----------
    take : int32, symbols x states x states
        The cost of taking a symbol by moving from one state to another; `NO_WAY` where no arrow does.
    leave_out : int32, one a symbol
    step : int32, states x states
        The cost of moving by itself.
    start : int
    stop : int32, one a state
        The cost of stopping there; `NO_WAY` where a run may not end.
    """
    far = closure(step)
    by_symbol = np.empty(take.shape, dtype=np.int32)
    stays = np.arange(len(far))
    for one, price, taken in zip(by_symbol, leave_out, take, strict=True):
        first = np.minimum(taken, NO_WAY).astype(np.int32)
        first[stays, stays] = np.minimum(first[stays, stays], price)
        one[:] = _after(first, far)
    return Prices(by_symbol, far[start].copy(), np.minimum(stop, NO_WAY).astype(np.int32))


def _after(first: Costs, second: Costs) -> Costs:
    """Return the (min, +) product of two matrices; rows of the first hold few entries, and each has one."""
    order = np.argsort(first, axis=1, kind="stable")
    least: Costs = np.full(first.shape, NO_WAY, dtype=np.int32)
    rows = np.arange(len(first))
    for place in range(int((first < NO_WAY).sum(axis=1).max(initial=0))):
        through = order[:, place]
        np.minimum(least, first[rows, through][:, None] + second[through], out=least)
    return least


class Table:
    """The programme as a table that grows while it is walked: vectors of costs, numbered as they come up.

    A cell is `vector * width + symbol`. `onward` int64: where the row of the vector begins that the symbol makes of it,
    -1 where that is not known yet; `gains` int64: what the smallest entry grows by. `vectors` int32, one row a vector,
    the smallest entry of each 0; vector 0 is that before the first symbol. Only the first `count` rows hold anything.
    """

    def __init__(self, prices: Prices, *, most: int = MOST_VECTORS) -> None:
        self.prices, self.width, self.most = prices, len(prices.by_symbol), most
        self.onward, self.gains = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self.vectors = np.empty((0, len(prices.begin)), dtype=np.int32)
        self._number: dict[bytes, int] = {}
        first, self.begin = lowered(prices.begin[None])
        self._numbered(first)

    @property
    def count(self) -> int:
        """How many vectors have come up."""
        return len(self._number)

    @property
    def full(self) -> bool:
        """Whether more vectors have come up than were to be held."""
        return self.count > self.most

    def stops(self) -> Whole:
        """Return for each vector what stopping costs on top; `NO_WAY` and more where that cannot be."""
        least: Costs = (self.vectors[: self.count] + self.prices.stop).min(axis=1)
        return least.astype(np.int64) + int(self.begin[0])

    def fill(self, cells: Whole) -> bool:
        """Find what follows some cells; return False where the table is full, and what is left stays unknown."""
        before, symbol = np.divmod(cells, self.width)
        by_source = self.prices.by_symbol.transpose(1, 2, 0)
        size = max(_AT_ONCE // self.prices.by_symbol[0].size, 1)
        for low in range(0, len(cells), size):
            part = slice(low, low + size)
            after, gained = lowered(_side_by_side(self.prices, by_source, self.vectors[before[part]].T, symbol[part]),
                                    axis=0)
            number = self._numbered(np.ascontiguousarray(after.T))
            self.onward[cells[part]] = number * self.width
            self.gains[cells[part]] = gained
            if self.full:
                return False
        return True

    def look_ahead(self, cells: int) -> None:
        """Find what follows the first vectors, up to so many cells: where few vectors come up, all of them at once."""
        low, left = 0, min(cells, self.most - self.count) // self.width
        while left > 0 and low < self.count:
            high = min(self.count, low + left)
            known = self.onward[low * self.width : high * self.width] >= 0
            self.fill(np.flatnonzero(~known) + low * self.width)
            low, left = high, left - (high - low)

    def _numbered(self, vectors: Costs) -> Whole:
        """Return the number of each vector; those that are new are kept."""
        first, which = _told_apart(vectors)
        vectors = vectors[first]
        raw, size = vectors.tobytes(), vectors.shape[1] * vectors.itemsize
        number, fresh, known = [], [], self.count
        for row in range(len(vectors)):
            at = self._number.setdefault(raw[row * size : row * size + size], known)
            if at == known:
                fresh.append(row)
                known += 1
            number.append(at)
        if known > len(self.vectors):
            self._make_room(known + known // 2 + 16)
        self.vectors[known - len(fresh) : known] = vectors[fresh]
        return np.array(number, dtype=np.int64)[which]

    def _make_room(self, rows: int) -> None:
        more = rows - len(self.vectors)
        self.vectors = np.concatenate([self.vectors, np.empty((more, self.vectors.shape[1]), dtype=np.int32)])
        self.onward = np.concatenate([self.onward, np.full(more * self.width, -1, dtype=np.int64)])
        self.gains = np.concatenate([self.gains, np.zeros(more * self.width, dtype=np.int64)])


def _told_apart(vectors: Costs) -> tuple[Whole, Whole]:
    """Return where vectors stand first, in their order, and for each vector which of these it is equal to.

    >>> first, which = _told_apart(np.array([[3, 1], [0, 2], [3, 1]], dtype="i4"))
    >>> first.tolist(), which.tolist()
    ([0, 1], [0, 1, 0])
    """
    mixed = vectors.astype(np.uint64) @ (_MIX ** np.arange(1, vectors.shape[1] + 1, dtype=np.uint64))
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    if not np.array_equal(vectors[first[which]], vectors):    # two of them mix to one number: all count as different
        return np.arange(len(vectors)), np.arange(len(vectors))
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order], place[which]


def table_of(prices: Prices, *, most: int = MOST_VECTORS) -> Table | None:
    """Return the table of all vectors that can come up, or None where there are more than `most`."""
    table = Table(prices, most=most)
    done = 0
    while done < table.count:
        low, done = done, table.count
        if table.full or not table.fill(np.arange(low * table.width, done * table.width)):
            return None
    return table


def _step(cost: Costs, taken: Costs) -> Costs:
    """Return the costs after one symbol each: row by row the (min, +) product of a vector and a matrix."""
    least: Costs = (cost[:, :, None] + taken).min(axis=1)
    return least


def lowered(vectors: Costs, *, axis: int = 1) -> tuple[Costs, Costs]:
    """Take the smallest entry out of each vector, and return it; what cannot be reached stays so."""
    low = vectors.min(axis=axis)
    rest = vectors - np.expand_dims(low, axis)
    rest[vectors >= NO_WAY] = NO_WAY
    return rest, low


def walk(table: Table, symbols: Codes, *, offsets: Whole, cells: Whole | None = None) -> tuple[Whole, Whole] | None:
    """Return the last vector of every run, and what its smallest entry has grown to from that of the first.

    None where the table is full before all runs have ended. The cells that are met are written into `cells`, block by
    block in the order of `side_by_side`, so that they can be read in turn again.
    """
    if table.full:
        return None
    table.look_ahead(len(symbols) // _MOVES_AHEAD)
    last, total = np.empty(len(offsets) - 1, dtype=np.int64), np.empty(len(offsets) - 1, dtype=np.int64)
    for low, high in blocks(len(offsets) - 1):
        order, at, alive = side_by_side(offsets[low : high + 1] - offsets[0])
        done = int(offsets[low] - offsets[0])
        row, cost = np.zeros(len(at), dtype=np.int64), np.zeros(len(at), dtype=np.int64)
        for n in alive:
            here = at[:n]
            cell = row[:n] + symbols.take(here)
            after = table.onward.take(cell)
            if after.min() < 0:
                if not table.fill(np.unique(cell[after < 0])):
                    return None
                after = table.onward.take(cell)
            if cells is not None:
                cells[done : done + n] = cell
                done += n
            cost[:n] += table.gains.take(cell)
            row[:n] = after
            here += 1
        last[low + order], total[low + order] = row // table.width, cost
    return last, total


def costs_by_walk(table: Table, symbols: Codes, *, offsets: Whole) -> Whole:
    """Return the cheapest cost of every run, by walking through the table; `NO_WAY` and more where it may not end.

    Where the table is full before all runs have ended, the programme is run.
    """
    walked = walk(table, symbols, offsets=offsets)
    if walked is None:
        return costs_by_programme(table.prices, symbols, offsets=offsets)
    return walked[1] + table.stops()[walked[0]]


def costs_by_programme(prices: Prices, symbols: Codes, *, offsets: Whole) -> Whole:
    """Return the cheapest cost of every run by the programme itself, many runs side by side."""
    found = np.empty(len(offsets) - 1, dtype=np.int64)
    states = len(prices.begin)
    by_source = np.ascontiguousarray(prices.by_symbol.transpose(1, 2, 0))
    size = min(max(_AT_ONCE // states, 1), BLOCK)
    for low in range(0, len(found), size):
        high = min(low + size, len(found))
        order, at, alive = side_by_side(offsets[low : high + 1] - offsets[0])
        cost = np.repeat(prices.begin[:, None], len(at), axis=1)
        total = np.zeros(len(at), dtype=np.int64)
        for n in alive:
            here = at[:n]
            after = _side_by_side(prices, by_source, cost[:, :n], symbols.take(here))
            cost[:, :n], least = lowered(after, axis=0)
            total[:n] += least
            here += 1
        found[low + order] = total + (cost + prices.stop[:, None]).min(axis=0)
    return found


def _side_by_side(prices: Prices, by_source: Costs, cost: Costs, symbols: Codes) -> Costs:
    """Return the costs after one symbol each; runs are columns. `by_source` is `by_symbol` with symbols last."""
    if len(symbols) <= _FEW and len(symbols) * len(cost) ** 2 <= _AT_ONCE:
        return _step(cost.T, prices.by_symbol[symbols]).T
    least = np.full_like(cost, 2 * NO_WAY)
    for one, taken in zip(cost, by_source, strict=True):
        through = taken.take(symbols, axis=1)
        through += one
        np.minimum(least, through, out=least)
    return least


def cheapest(prices: Prices, symbols: Codes, *, offsets: Whole, most: int = MOST_VECTORS) -> tuple[Whole, int | None]:
    """Return the cheapest cost of every run, and how many vectors came up; None where the programme was run."""
    table = Table(prices, most=most)
    found = costs_by_walk(table, symbols, offsets=offsets)
    return found, None if table.full else table.count
