"""The orders of `_kernels.shuffles` and what is counted in them, drawn one at a time: no table of draws or orders.

All functions are plain Python over numpy scalars and run as they stand, slowly; `compiled` has numba compile them. A
uint64 meets nothing but a uint64 here, for with an int64 it would become a float. Arrays are filled entry by entry, for
assigning to slices takes four times as long to compile. Sums and products of draws wrap around at 2^64, of which numpy
warns where they run uncompiled.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rupturekit._kernels.shuffles import Codes, Exchanges, Places, Whole, Words

__all__ = ["PLAIN", "Kernels", "compiled"]

# The constants of splitmix64, as in the contract of `_random.draws`.
_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
_ONE: Final = np.uint64(1)
_BITS: Final = np.uint64(32)
"""`BITS` of the numpy form, written out: what is compiled and kept on the disk is renewed when this file changes, and
for no other reason."""


class Kernels(NamedTuple):
    """The functions to call: keys, counters and numbers of orders are np.uint64, whatever else is counted is int."""

    draws: Callable[[np.uint64, int, np.uint64], Words]
    shuffles: Callable[[np.uint64, int, np.uint64, int, np.uint64], Places]
    shuffled_transitions: Callable[[Codes, Whole, Words, int, np.uint64, int], Whole]
    shuffled_precedences: Callable[[npt.NDArray[np.int8], Whole, Exchanges, int, np.uint64, int], Whole]


# --- what the others are made of ---------------------------------------------------------------------------------


def _draw(key: np.uint64, counter: np.uint64) -> np.uint64:
    """Return one draw of a stream."""
    state = key + (counter + _ONE) * _GAMMA
    state = (state ^ (state >> _30)) * _MIX_1
    state = (state ^ (state >> _27)) * _MIX_2
    return state ^ (state >> _31)


def _partner(word: np.uint64, second: int, bound: np.uint64, bits: np.uint64) -> np.uint64:
    """Return which of the places below `bound` is exchanged, by the first or second part of a draw."""
    low = (_ONE << bits) - _ONE
    product = (((word >> bits) if second else word) & low) * bound
    if (product & low) < bound:    # what is not below the bound is not below the remainder either: no division then
        least, attempt = (low + _ONE) % bound, _ONE
        while (product & low) < least:
            product = (_draw(word, attempt) & low) * bound
            attempt += _ONE
    return product >> bits


def _exchange(held: npt.NDArray[Any], n: int, key: np.uint64, counter: np.uint64, bits: np.uint64) -> None:
    """Put the first n entries in the random order that begins with a certain draw."""
    word = key
    for step in range(n - 1):
        if step % 2 == 0:
            word = _draw(key, counter)
            counter += _ONE
        i = n - 1 - step
        j = _partner(word, step % 2, np.uint64(i + 1), bits)
        was = held[j]
        held[j] = held[i]
        held[i] = was


def _lay_runs(laid: npt.NDArray[np.int8], ranks: npt.NDArray[np.int8], order: Whole, made: Exchanges, which: int
              ) -> None:
    """Lay the items of one exchange end to end, in an order."""
    first = made.items[which]
    at = made.runs[first]
    for k in range(made.items[which + 1] - first):
        item = first + order[k]
        for source in range(made.runs[item], made.runs[item + 1]):
            laid[made.places[at]] = ranks[made.places[source]]
            at += 1


def _lay_by_party(laid: npt.NDArray[np.int8], ranks: npt.NDArray[np.int8], order: Whole, made: Exchanges, seen: Whole
                  ) -> None:
    """Give places to parties in an order; each party fills its own with what it had, in its order."""
    for who in range(len(seen)):
        seen[who] = 0
    for k in range(len(made.places)):
        who = made.labels[order[k]]
        source = seen[who]
        while made.labels[source] != who:
            source += 1
        seen[who] = source + 1
        laid[made.places[k]] = ranks[made.places[source]]


def _twice_in_order(laid: npt.NDArray[np.int8], instant: Whole, lower: Whole) -> int:
    """Return 2 * pairs in order + pairs at one instant.

    `lower` is room: at place 1 + rank it holds how many moves of lower rank stand at earlier instants, at 0 nothing.
    """
    for one in range(len(lower)):
        lower[one] = 0
    twice, begin = 0, 0
    for at in range(len(laid)):
        if instant[at] != instant[begin]:
            for other in range(begin, at):
                rank = laid[other]
                for one in range(1, len(lower)):    # all, whatever the rank: a branch would be guessed wrong
                    lower[one] += (rank >= 0) & (one > rank + 1)
            begin = at
        twice += 2 * lower[laid[at] + 1]
        for other in range(begin, at):
            twice += (laid[other] != laid[at]) & (laid[other] >= 0) & (laid[at] >= 0)
    return twice


# --- the twins ---------------------------------------------------------------------------------------------------


def draws(key: np.uint64, count: int, start: np.uint64) -> Words:
    """Return draws `start` on of a stream, as `_random.draws` does."""
    words = np.empty(count, dtype=np.uint64)
    for at in range(count):
        words[at] = _draw(key, start + np.uint64(at))
    return words


def shuffles(key: np.uint64, n: int, start: np.uint64, count: int, bits: np.uint64) -> Places:
    """Return random orders number `start` on of n places: n x count, as `_kernels.shuffles.shuffles` does."""
    orders = np.empty((n, count), dtype=np.int32)
    order = np.empty(n, dtype=np.int32)
    for b in range(count):
        for place in range(n):
            order[place] = place
        _exchange(order, n, key, (start + np.uint64(b)) * np.uint64(n // 2), bits)
        for place in range(n):
            orders[place, b] = order[place]
    return orders


def shuffled_transitions(codes: Codes, offsets: Whole, keys: Words, n_codes: int, start: np.uint64, count: int
                         ) -> Whole:
    """Return how often each code follows each: count x n_codes x n_codes, as the numpy form does.

    An entry that was exchanged stays where it is, so it is counted at once with the one after it.
    """
    for code in codes:
        if code >= n_codes:    # it would be counted outside of the table: compiled, nothing else looks
            raise ValueError("a code is not below n_codes")
    counts = np.zeros((count, n_codes, n_codes), dtype=np.int64)
    held = np.empty(len(codes), dtype=np.uint8)
    for b in range(count):
        own = counts[b]
        for episode in range(len(keys)):
            low = offsets[episode]
            n = offsets[episode + 1] - low
            mine = codes[low : low + n]    # a loop over sums of indices would take a quarter more of the whole time
            for at in range(n):
                held[at] = mine[at]
            key, word, later = keys[episode], keys[episode], np.uint8(0)
            counter = (start + np.uint64(b)) * np.uint64(n // 2)
            for step in range(n - 1):
                if step % 2 == 0:
                    word = _draw(key, counter)
                    counter += _ONE
                i = n - 1 - step
                j = _partner(word, step % 2, np.uint64(i + 1), _BITS)
                this = held[j]
                held[j] = held[i]
                if step:
                    own[this, later] += 1
                later = this
            if n > 1:
                own[held[0], later] += 1
    return counts


def shuffled_precedences(ranks: npt.NDArray[np.int8], instant: Whole, made: Exchanges, n_ranks: int, start: np.uint64,
                         count: int) -> Whole:
    """Return for arrangements `start` on of one episode what `precedences` returns of them."""
    for rank in ranks:
        if rank >= n_ranks or rank < -1:
            raise ValueError("a rank is neither -1 nor below n_ranks")
    twice, laid = np.empty(count, dtype=np.int64), ranks.copy()
    order, lower = np.empty(len(made.runs), dtype=np.int64), np.empty(n_ranks + 1, dtype=np.int64)
    seen = np.empty(len(made.labels), dtype=np.int64)
    for b in range(count):
        number = start + np.uint64(b)
        for which in range(len(made.keys)):
            n = made.items[which + 1] - made.items[which]
            for item in range(n):
                order[item] = item
            _exchange(order, n, made.keys[which], number * np.uint64(n // 2), _BITS)
            if len(seen):
                _lay_by_party(laid, ranks, order, made, seen)
            else:
                _lay_runs(laid, ranks, order, made, which)
        twice[b] = _twice_in_order(laid, instant, lower)
    return twice


PLAIN: Final = Kernels(draws, shuffles, shuffled_transitions, shuffled_precedences)
"""The same, uncompiled."""


@functools.cache
def compiled() -> Kernels:
    """Return the kernels as numba compiles them, each when it is first called; later processes find them on the disk.

    Raises
    ------
    ImportError
        Where numba is not installed.
    """
    import numba  # noqa: PLC0415    # an extra
    from numba.extending import register_jitable  # noqa: PLC0415    # an extra

    for part in (_draw, _partner, _exchange, _lay_runs, _lay_by_party, _twice_in_order):
        register_jitable(part)
    return Kernels(*(_jitted(numba.njit, kernel) for kernel in PLAIN))


def _jitted(njit: Callable[..., Any], kernel: Callable[..., Any]) -> Any:
    try:
        return njit(cache=True, nogil=True)(kernel)
    except RuntimeError:    # no folder to keep the compiled form in, neither beside this file nor at the user's
        return njit(nogil=True)(kernel)
