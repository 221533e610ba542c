"""Many random orders of the same few places at once, from raw draws; and what to do with them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["BITS", "precedences", "shuffles", "words_per_shuffle"]

BITS = 32
"""Bits that one exchange uses; a 64-bit draw serves two."""

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]


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
    many = words.shape[1]
    order = np.empty((n, many), dtype=np.int32)
    order[:] = np.arange(n, dtype=np.int32)[:, None]
    flat, column = order.ravel(), np.arange(many, dtype=np.int64)
    low = np.uint64((1 << bits) - 1)
    for step, i in enumerate(range(n - 1, 0, -1)):
        word = words[step // 2]
        product = ((word >> np.uint64(bits * (step % 2))) & low) * np.uint64(i + 1)
        least = (1 << bits) % (i + 1)
        j = (product >> np.uint64(bits)).astype(np.int64)
        if least:
            for at in np.flatnonzero((product & low) < least).tolist():
                j[at] = _retried(int(word[at]), i + 1, again, bits)
        at_j = j * many + column
        held = flat[at_j]
        flat[at_j] = order[i]
        order[i] = held
    return order


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
