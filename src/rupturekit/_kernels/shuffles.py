"""Many random orders of the same few places at once, from raw draws; and what to do with them.

What is drawn here `_kernels._numba.shuffles` draws too, one arrangement at a time, number by number the same; which of
both works is settled in `_kernels.choice`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["BITS", "Exchanges", "exchange", "precedences", "shuffled_transitions", "shuffles", "words_per_shuffle"]

BITS: Final = 32
"""Bits that one exchange uses; a 64-bit draw serves two."""

COLUMNS: Final = 8_192
"""Orders worked on at once: enough that calls cost little, few enough that they stay in cache."""

_PAIRS: Final = 1 << 22
"""Pairs of codes kept before they are counted."""

_COUNTED: Final = 1 << 17
"""Pairs of codes counted at once."""

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]
Whole = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]
Draws = Callable[..., Words]
"""`draws(key, count, start=...)`: draws number `start` on of a stream."""


class Exchanges(NamedTuple):
    """What is exchanged in one episode, and the streams that say how.

    Attributes
    ----------
    keys : uint64, exchanges
    places : int64, m
        The places of all exchanges, end to end; no place twice.
    runs : int64, items + 1
        Item i is what stands at `places[runs[i]:runs[i + 1]]`, which moves whole.
    items : int64, exchanges + 1
        Exchange e puts items `items[e]` to `items[e + 1] - 1` in random order.
    labels : int64, m, or empty
        Where places go to parties and each party keeps its order: whose each place is, counted from 0. There is one
        exchange then, and an item a place.
    """

    keys: Words
    places: Whole
    runs: Whole
    items: Whole
    labels: Whole


def words_per_shuffle(n: int) -> int:
    """Return how many 64-bit draws one order of n places uses."""
    return n // 2


def shuffles(words: Words, n: int, *, again: Callable[[int, int], int], bits: int = BITS) -> Places:
    """Return random orders of n places, every order equally likely: n x replicates.

    Parameters
    ----------
    words : uint64, words_per_shuffle(n) x replicates
        Raw draws: column b makes order b.
    again : (word, attempt) -> word
        Where a draw must be rejected, gives the next; attempts count from 1.
    bits : int
        How many bits an exchange uses, 32 but in tests; n must be below 2^bits.

    The contract is Fisher-Yates: for i from n - 1 down to 1, exchange the entries i and j. Exchange number s (from 0)
    uses the lower `bits` bits of word s // 2 shifted right by `bits` * (s % 2). With x these bits and b = i + 1,
    j is the part of x * b above `bits`, unless the part below is less than 2^bits mod b: then x is taken anew from
    `again(word, attempt)` for attempt 1, 2, ... (Lemire's rejection), its lower `bits` bits.
    """
    order = np.repeat(np.arange(n, dtype=np.int32)[:, None], words.shape[1], axis=1)
    exchange(order, words, again=again, bits=bits)
    return order


def exchange(laid: npt.NDArray[Any], words: Words, *, again: Callable[[int, int], int], bits: int = BITS) -> None:
    """Put the rows of every column in random order, in place, by the contract of `shuffles`.

    Parameters
    ----------
    laid : any, places x replicates, in C order
        What is exchanged: column b as order b says. The other parameters are those of `shuffles`.
    """
    many = laid.shape[1]
    flat, column = laid.reshape(-1), np.arange(many, dtype=np.uint64)
    low, product = np.uint64((1 << bits) - 1), np.empty(many, dtype=np.uint64)
    rest, held = np.empty_like(product), np.empty_like(laid, shape=many)
    for step, i in enumerate(range(len(laid) - 1, 0, -1)):
        word = words[step // 2]
        np.right_shift(word, np.uint64(bits * (step % 2)), out=product)
        product &= low
        product *= np.uint64(i + 1)
        np.bitwise_and(product, low, out=rest)
        product >>= np.uint64(bits)
        if int(rest.min(initial=low)) < (least := (1 << bits) % (i + 1)):
            for at in np.flatnonzero(rest < least).tolist():
                product[at] = _retried(int(word[at]), i + 1, again, bits)
        product *= np.uint64(many)
        product += column
        at_j = product.view(np.int64)
        np.take(flat, at_j, out=held, mode="clip")    # no place lies outside; mode "raise" would copy
        flat[at_j] = laid[i]
        laid[i] = held


def _retried(word: int, bound: int, again: Callable[[int, int], int], bits: int) -> int:
    """Return the exchange of a rejected draw: the first later attempt that is not rejected."""
    low, attempt = (1 << bits) - 1, 1
    while True:
        product = (again(word, attempt) & low) * bound
        if product & low >= (1 << bits) % bound:
            return product >> bits
        attempt += 1


def precedences(ranks: npt.NDArray[np.int8], *, instant: npt.NDArray[np.int64], n_ranks: int) -> npt.NDArray[np.int64]:
    """Return for each replicate 2 * pairs in order + pairs at one instant, over pairs of different rank.

    Parameters
    ----------
    ranks : int8, places x replicates
        The rank that stands at each place, places in order of time; -1 for none.
    instant : int64, places
        Places with one number stand at one instant.

    A pair is in order where the lower rank stands at the earlier instant.
    """
    places, many = ranks.shape
    twice = np.zeros(many, dtype=np.int64)
    lower = np.zeros((n_ranks + 1, many), dtype=np.int32)    # the last row stays 0: it is what rank -1 reads
    flat, column = lower.ravel(), np.arange(many, dtype=np.int64)
    steps = np.arange(n_ranks, dtype=np.int8)[:, None]
    edges = [*np.flatnonzero(np.diff(instant, prepend=-1)).tolist(), places]
    for begin, end in itertools.pairwise(edges):
        for at in range(begin, end):
            row = ranks[at].astype(np.int64)
            twice += 2 * flat[np.where(row < 0, n_ranks, row) * many + column]
            for other in range(begin, at):
                twice += (ranks[other] != ranks[at]) & (ranks[other] >= 0) & (ranks[at] >= 0)
        for at in range(begin, end):
            lower[:n_ranks] += (steps > ranks[at]) & (ranks[at] >= 0)
    return twice


def shuffled_transitions(codes: Codes, *, offsets: Whole, n_codes: int, keys: Words, draws: Draws, start: int,
                         count: int, bits: int = BITS) -> Whole:
    """Return how often each code follows each, in all episodes, each episode's codes in random order.

    Parameters
    ----------
    codes : uint8, m
        The codes of all episodes, end to end, each below `n_codes`.
    offsets : int64, episodes + 1
        Episode i is `codes[offsets[i]:offsets[i + 1]]`.
    keys : uint64, episodes
        The stream of each episode: order b of n places uses draws b * (n // 2) on.
    start, count : int
        Which orders: number `start` to `start + count - 1`.

    The result is int64, count x n_codes x n_codes: replicate, code, code after it. Of an episode with n places, n_a of
    them code a, the mean over all orders is n_a * n_b / n pairs of a before b, and n_a * (n_a - 1) / n of a before a.

    Raises
    ------
    ValueError
        Where a code is not below `n_codes`.

    >>> from rupturekit import _random
    >>> found = shuffled_transitions(np.array([0, 0, 1], dtype="u1"), offsets=np.array([0, 3]), n_codes=2, start=0,
    ...                              keys=np.array([5], dtype="u8"), draws=_random.draws, count=3_000)
    >>> found.mean(axis=0).round(1).tolist()
    [[0.7, 0.7], [0.7, 0.0]]
    """
    if codes.max(initial=0) >= n_codes:
        raise ValueError("a code is not below n_codes")
    counts = np.zeros((count, n_codes * n_codes), dtype=np.int64)
    for low in range(0, count, COLUMNS):
        here = counts[low : low + COLUMNS]
        held, many = [], 0
        for at, own in _alike(offsets, keys, at_once=COLUMNS // len(here)):
            laid = np.repeat(codes[at], len(here), axis=1)
            exchange(laid, _words(own, len(at), draws=draws, start=start + low, count=len(here)), bits=bits,
                     again=lambda word, attempt: int(draws(word, 1, start=attempt)[0]))
            held.append(_pairs(laid, n_codes).reshape(-1, len(here)))
            many += held[-1].size
            if many > _PAIRS:
                _tally(held, here)
                held, many = [], 0
        _tally(held, here)
    return counts.reshape(count, n_codes, n_codes)


def _alike(offsets: Whole, keys: Words, *, at_once: int) -> Iterator[tuple[Whole, Words]]:
    """Yield episodes of one length, a few at once: where their codes stand (places x episodes), and their streams."""
    lengths = np.diff(offsets)
    for length in np.unique(lengths[lengths > 1]).tolist():
        members = np.flatnonzero(lengths == length)
        for low in range(0, len(members), at_once):
            some = members[low : low + at_once]
            yield offsets[some] + np.arange(length)[:, None], keys[some]


def _words(keys: Words, n: int, *, draws: Draws, start: int, count: int) -> Words:
    """Return the draws of orders `start` to `start + count - 1` of each stream, one order a column."""
    wide = words_per_shuffle(n)
    words = np.empty((wide, len(keys), count), dtype=np.uint64)
    for at, key in enumerate(keys.tolist()):
        words[:, at] = draws(key, wide * count, start=start * wide).reshape(count, wide).T
    return words.reshape(wide, -1)


def _pairs(laid: Codes, n_codes: int) -> npt.NDArray[np.uint16]:
    """Return for each place but the last its code and the next one as one number."""
    pairs = laid[:-1].astype(np.uint16)
    pairs *= np.uint16(n_codes)
    pairs += laid[1:]
    return pairs


def _tally(held: Sequence[npt.NDArray[np.uint16]], counts: Whole) -> None:
    """Add to the row of each replicate how often each number comes in its column; a few columns at once."""
    many, bins = counts.shape
    step = max(1, _COUNTED // max(1, sum(map(len, held))))
    for low in range(0, many if held else 0, step):
        numbers = np.concatenate([pairs[:, low : low + step] for pairs in held]).astype(np.int64)
        width = numbers.shape[1]
        numbers += bins * np.arange(width)
        counts[low : low + width] += np.bincount(numbers.ravel(), minlength=width * bins).reshape(width, bins)
