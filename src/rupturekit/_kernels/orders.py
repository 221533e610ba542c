"""The least and the greatest cheapest cost over all orders of the symbols in groups of a run.

Where symbols of a run stand in no order, each order has a cheapest cost of its own. All orders of a group are followed
at once, from one set of its symbols to the next larger ones (Held & Karp 1962), with every vector of costs that some
order leads to, and the least, or greatest, cost with which it does. Of several vectors their least entries say all
that the least cost needs; for the greatest those that lie nowhere above another one are left out. Where sets or
vectors are too many, both costs are bounded from outside: the least by letting each step take any symbol of the
group, the greatest by the greatest entry of all vectors in each state.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rupturekit._kernels.alignment import NO_WAY, Prices

__all__ = ["Extreme", "Extremes", "Group", "lattice", "sets_of"]

Costs = npt.NDArray[np.int32]

Group = tuple[tuple[int, int], ...]
"""Symbols without order, sorted: for each what it is as the first of its group, and what as a later one."""

Front = tuple[tuple[int, int], ...]
"""Vectors by number, sorted, each with the cost that some order has beyond it; the least of these is 0."""

_MOST_SETS: Final = 64    # six symbols in all orders; more where some are alike
_MOST_SETS_OF_LEAST: Final = 1024
_MOST_WORK: Final = 1 << 27    # additions for the least of one group
_FEW: Final = 32    # vectors that are followed without a look at which of them are needed
_MOST_VECTORS: Final = 256    # vectors that are followed for the greatest
_MOST_STEPS: Final = 500    # symbols that a bound is worked out for one by one
_HELD: Final = 1 << 24    # entries that are remembered before all are forgotten


class Extreme(NamedTuple):
    """A cost, and whether it is that of some order, or only a bound."""

    cost: int
    exact: bool


class _After(NamedTuple):
    """Which vectors follow, what the least cost beyond them grew by, and whether they are exact."""

    front: Front
    gain: int
    exact: bool


def sets_of(group: Group) -> int:
    """Return how many sets of symbols a group has, like ones told apart by their number only.

    >>> sets_of(((1, 1), (1, 1), (2, 2)))
    6
    """
    return math.prod(count + 1 for count in Counter(group).values())


@functools.lru_cache(maxsize=8)
def lattice(group: Group) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return for each set of symbols of a group which set comes before its last symbol, and what that symbol is.

    The empty set stands first, the whole group last, and every set after those before it.

    >>> lattice(((1, 5), (2, 6)))
    ((), ((0, 1),), ((0, 2),), ((2, 5), (1, 6)))
    """
    counts, strides, size = Counter(group), list[int](), 1
    for count in counts.values():
        strides.append(size)
        size *= count + 1
    kinds = [(pair, count, stride) for (pair, count), stride in zip(counts.items(), strides, strict=True)]
    return tuple(tuple((at - stride, lead if at == stride else rest) for (lead, rest), count, stride in kinds
                       if at // stride % (count + 1)) for at in range(size))


class Extremes:
    """The least and greatest cost over orders, group by group; what was found is remembered by what came before."""

    def __init__(self, prices: Prices) -> None:
        near = np.flatnonzero(prices.begin < NO_WAY)    # what a run can reach at all it can reach in any order
        self._by_symbol = np.ascontiguousarray(prices.by_symbol[:, near][:, :, near])
        self._begin, self._stop = prices.begin[near], prices.stop[near]
        self._forget()

    def over(self, groups: list[Group]) -> tuple[Extreme, Extreme]:
        """Return the least and the greatest cheapest cost of a run of groups, whose symbols come in any order."""
        return self._through(groups, np.minimum), self._through(groups, np.maximum)

    def _through(self, groups: list[Group], pick: np.ufunc) -> Extreme:
        number, total = self._numbered(self._begin)
        front: Front = ((number, 0),)
        exact = True
        for group in groups:
            if self._held > _HELD:
                front = self._forget(front)
            known = self._onward.get((pick, front, group))
            if known is None:
                known = self._onward[pick, front, group] = self._after(front, group, pick)
                self._held += 64 + 16 * (len(group) + len(known.front))
            front, total, exact = known.front, total + known.gain, exact and known.exact
        ends = [offset + int((self._vectors[number] + self._stop).min()) for number, offset in front]
        return Extreme(total + int(pick.reduce(ends)), exact)

    # --- one group ---

    def _after(self, front: Front, group: Group, pick: np.ufunc) -> _After:
        if not self._is_small(group, pick):
            return self._bounded(front, group, pick)
        reached, exact, sets = [dict(front)], True, lattice(group)
        for at, into in enumerate(sets[1:], start=1):
            found: dict[int, int] = {}
            for before, symbol in into:
                self._follow(reached[before], symbol, pick is np.minimum, found)
            if len(found) > (_FEW if at < len(sets) - 1 else 1):    # what is remembered is as little as can be
                found, sure = self._thinned(found, pick)
                exact = exact and sure
            reached.append(found)
        return _After(*_front_of(reached[-1].items()), exact)

    def _is_small(self, group: Group, pick: np.ufunc) -> bool:
        """Return whether all orders of a group are followed."""
        sets = sets_of(group)
        if sets <= _MOST_SETS or pick is np.maximum:
            return sets <= _MOST_SETS
        return sets <= _MOST_SETS_OF_LEAST and sets * len(set(group)) * self._by_symbol[0].size <= _MOST_WORK

    def _follow(self, reached: dict[int, int], symbol: int, least: bool, found: dict[int, int]) -> None:
        """Add the vectors that one symbol makes of others, each with the least or the greatest cost beyond it."""
        for number, offset in reached.items():
            after = self._next.get((number, symbol)) or self._step(number, symbol)
            total, was = offset + after[1], found.get(after[0])
            if was is None or (total < was if least else total > was):
                found[after[0]] = total

    def _step(self, number: int, symbol: int) -> tuple[int, int]:
        """Return the number of the vector that one symbol makes of another, and what its smallest entry grows by."""
        after = self._numbered(_product(self._vectors[number], self._by_symbol[symbol]))
        self._next[number, symbol] = after
        self._held += 32
        return after

    def _thinned(self, found: dict[int, int], pick: np.ufunc) -> tuple[dict[int, int], bool]:
        """Return fewer vectors that say as much, or bound it: whether they say as much comes with them."""
        vectors = np.stack([self._vectors[number] + np.int32(offset) for number, offset in found.items()])
        if pick is np.maximum:
            vectors = _foremost(vectors)
            if len(vectors) <= max(min(_MOST_VECTORS, (1 << 15) // vectors.shape[1]), 1):
                return dict(map(self._numbered, vectors)), True
        return dict([self._numbered(pick.reduce(vectors))]), pick is np.minimum

    def _bounded(self, front: Front, group: Group, pick: np.ufunc) -> _After:
        """Return one vector that no order of a group comes below, or above: each step takes any of its symbols."""
        first, later = (sorted({pair[at] for pair in group}) for at in (0, 1))
        vector = pick.reduce([self._vectors[number] + np.int32(offset) for number, offset in front])
        vector = pick.reduce([_product(vector, self._by_symbol[symbol]) for symbol in first])
        steps = min(len(group) - 1, _MOST_STEPS)
        for _ in range(steps):
            vector = pick.reduce([_product(vector, self._by_symbol[symbol]) for symbol in later])
        left = len(group) - 1 - steps
        if left and pick is np.minimum:    # no further symbol costs less than nothing, nor more than where it stays put
            vector = np.full_like(vector, vector.min())
        elif left:
            vector = vector + left * self._by_symbol[later].diagonal(axis1=1, axis2=2).max()
        number, gain = self._numbered(vector)
        return _After(((number, 0),), gain, exact=False)

    # --- what is remembered ---

    def _forget(self, front: Front = ()) -> Front:
        """Forget all vectors but those of a front, and return it with their new numbers."""
        kept = [(self._vectors[number], offset) for number, offset in front]
        self._vectors: list[Costs] = []
        self._numbers: dict[bytes, int] = {}
        self._next: dict[tuple[int, int], tuple[int, int]] = {}
        self._onward: dict[tuple[np.ufunc, Front, Group], _After] = {}
        self._held = 0
        return tuple(sorted((self._numbered(vector)[0], offset) for vector, offset in kept))

    def _numbered(self, vector: Costs) -> tuple[int, int]:
        """Return the number of a vector, and its smallest entry, which is taken out."""
        low = int(vector.min())
        rest = vector - np.int32(low)
        number = self._numbers.setdefault(rest.tobytes(), len(self._vectors))
        if number == len(self._vectors):
            self._vectors.append(rest)
            self._held += 2 * rest.size
        return number, low


def _front_of(pairs: Iterable[tuple[int, int]]) -> tuple[Front, int]:
    """Return vectors as they are remembered, and the least cost beyond them, which is taken out.

    >>> _front_of({3: 5, 1: 4}.items())
    (((1, 0), (3, 1)), 4)
    """
    held = sorted(pairs)
    low = min(offset for _, offset in held)
    return tuple((number, offset - low) for number, offset in held), low


def _product(vector: Costs, taken: Costs) -> Costs:
    """Return the (min, +) product of a vector and a matrix."""
    least: Costs = (vector[:, None] + taken).min(axis=0)
    return least


def _foremost(vectors: Costs) -> Costs:
    """Return the vectors, each once, that do not lie below another one in every entry.

    >>> _foremost(np.array([[1, 2], [2, 1], [1, 1], [2, 1]], dtype="i4")).tolist()
    [[1, 2], [2, 1]]
    """
    vectors = np.unique(vectors, axis=0)
    order = np.argsort(-vectors.sum(axis=1, dtype=np.int64), kind="stable")
    kept = np.empty_like(vectors)
    n = 0
    for at in order.tolist():
        if not (kept[:n] >= vectors[at]).all(axis=1).any():
            kept[n] = vectors[at]
            n += 1
    return np.unique(kept[:n], axis=0)
