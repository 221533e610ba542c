"""Keyed random numbers: the same on every platform, in any order of work, and from any place in the stream.

A stream is named by its key, and a key by what it is for: `key(seed, cluster=..., purpose=...)`. Draw number
i of a stream is a function of key and i alone (splitmix64 as a counter generator), so asking for more, in
pieces, or for other clusters first changes no draw. Everything below is integers but `uniforms`, whose floats
are exact.

The contract is the plain loop that each function states; the shipped form gives the same numbers in blocks.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["below", "choice", "draws", "draws_at", "key", "shuffled", "uniforms"]

Draws = npt.NDArray[np.uint64]
"""Raw 64-bit draws of one stream, in order."""

Whole = npt.NDArray[np.int64]
"""Whole numbers made of draws."""

_RANGE: Final = 1 << 64
_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_PERSON: Final = b"rupturekit-rng-1"
"""Says which contract a key belongs to; another contract gets another name, and other keys."""


def key(seed: int, *, cluster: str, purpose: str) -> int:
    """Name a stream: a 64-bit key by blake2b of seed, cluster and purpose.

    Each part goes in with its length before it, so no two triples read alike.

    >>> key(1, cluster="D1", purpose="shuffle") == key(1, cluster="D1", purpose="bootstrap")
    False
    """
    parts = [str(operator.index(seed)).encode(), cluster.encode(), purpose.encode()]
    said = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    return int.from_bytes(hashlib.blake2b(said, digest_size=8, person=_PERSON).digest(), "little")


def draws(key: int, count: int, *, start: int = 0) -> Draws:
    """Return draws `start`, `start + 1`, ... of a stream: `count` whole numbers below 2**64.

    Draw i is the output i (from 0) of splitmix64 seeded with the key.

    >>> draws(1234567, 2).tolist()
    [6457827717110365317, 3203168211198807973]
    >>> draws(1234567, 1, start=1).tolist()
    [3203168211198807973]
    """
    first = (_word("start", start) + 1) % _RANGE
    state = np.arange(_word("count", count), dtype=np.uint64) + np.uint64(first)
    state *= _GAMMA
    state += np.uint64(_word("key", key))
    state ^= state >> np.uint64(30)
    state *= _MIX_1
    state ^= state >> np.uint64(27)
    state *= _MIX_2
    state ^= state >> np.uint64(31)
    return state


def draws_at(keys: Draws, counters: Draws) -> Draws:
    """Return draw number `counters` of the stream of each of `keys`; both are uint64, and broadcast.

    >>> draws_at(np.array([[1234567], [7]], dtype=np.uint64), np.arange(2, dtype=np.uint64))[0].tolist()
    [6457827717110365317, 3203168211198807973]
    """
    state = np.atleast_1d((counters + np.uint64(1)) * _GAMMA) + keys
    spare = np.empty_like(state)    # one buffer for all three shifts: the work is bound by memory
    for shift, factor in ((30, _MIX_1), (27, _MIX_2)):
        state ^= np.right_shift(state, np.uint64(shift), out=spare)
        state *= factor
    state ^= np.right_shift(state, np.uint64(31), out=spare)
    return state


def uniforms(key: int, count: int, *, start: int = 0) -> npt.NDArray[np.float64]:
    """Return numbers in [0, 1): the upper 53 bits of each draw, as a multiple of 2**-53.

    >>> uniforms(1234567, 2).tolist()
    [0.3500795420214081, 0.17364409667091263]
    """
    return (draws(key, count, start=start) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(key: int, count: int, n: int) -> Whole:
    """Return `count` whole numbers from 0 to n - 1, all equally likely.

    The contract: go through the draws in order; skip a draw that is not below the largest multiple of n
    within 2**64; of each other take the remainder by n. So a longer answer begins with the shorter one.

    >>> below(1234567, 5, 6).tolist()
    [3, 1, 3, 1, 5]
    """
    bound, wanted = _bound("n", n), _word("count", count)
    last = np.uint64(_RANGE - 1 - _RANGE % bound)
    taken, found, start = [np.zeros(0, dtype=np.uint64)], 0, 0
    while found < wanted:
        fresh = draws(key, wanted - found, start=start)
        start += len(fresh)
        taken.append(fresh[fresh <= last])
        found += len(taken[-1])
    return (np.concatenate(taken) % np.uint64(bound)).astype(np.int64)


def shuffled(key: int, n: int) -> Whole:
    """Return the numbers 0 to n - 1 in random order, every order equally likely.

    The contract is Fisher-Yates: for i from n - 1 down to 1, exchange the entries i and j, where j from 0 to
    i comes from the next draw that is below the largest multiple of i + 1 within 2**64, by its remainder.

    >>> shuffled(1234567, 5).tolist()
    [4, 3, 0, 1, 2]
    """
    order = list(range(_word("n", n)))
    bounds = np.arange(len(order), 1, -1, dtype=np.uint64)
    for i, j in zip(range(len(order) - 1, 0, -1), _remainders(key, bounds), strict=True):
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)


def _remainders(key: int, bounds: Draws) -> list[int]:
    """Return for each bound the remainder of the next draw that it does not reject."""
    # 2**64 % bound within 64 bits: 0 - bound wraps around to 2**64 - bound.
    last = np.uint64(_RANGE - 1) - (np.uint64(0) - bounds) % bounds
    taken: list[int] = []
    start = 0
    while len(taken) < len(bounds):
        done = len(taken)
        fresh = draws(key, len(bounds) - done, start=start)
        rejected = np.flatnonzero(fresh > last[done:])
        good = int(rejected[0]) if len(rejected) else len(fresh)
        taken += (fresh[:good] % bounds[done : done + good]).tolist()
        # A rejected draw is used up; the one after it is tried with the same bound.
        start += good + 1
    return taken


def choice(key: int, count: int, weights: Sequence[int]) -> Whole:
    """Return `count` places in a list of whole-number weights, each as likely as its weight says.

    The contract: a number below the sum of the weights, drawn as by `below`, falls to the first place at
    which the running sum is larger. A weight of 0 is never chosen.

    >>> choice(1234567, 5, [1, 0, 2]).tolist()
    [0, 2, 0, 2, 2]
    """
    held = [_word("each weight", weight) for weight in weights]
    drawn = below(key, count, _bound("the sum of the weights", sum(held)))
    return np.searchsorted(np.cumsum(np.array(held, dtype=np.int64)), drawn, side="right").astype(np.int64)


def _word(name: str, value: int) -> int:
    whole = operator.index(value)
    if not 0 <= whole < _RANGE:
        raise ValueError(f"expected {name} to be at least 0 and below 2**64 but got {whole}")
    return whole


def _bound(name: str, value: int) -> int:
    whole = operator.index(value)
    if not 0 < whole < _RANGE // 2:
        raise ValueError(f"expected {name} to be at least 1 and below 2**63 but got {whole}")
    return whole
