"""How the simulator draws: whole numbers only, each by a key that names what it is for.

A decision compares 32 bits of a draw with a whole number. Probabilities are rounded to multiples of 2**-20 first, so
that the last bit of a logarithm, which platforms may differ in, decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from rupturekit import _random
from rupturekit._random import Draws
from rupturekit._table import Array

__all__ = ["ALL", "dyad_name", "halves", "log_odds", "logistic", "named_keys", "normals", "picked", "therapist_name",
           "threshold"]

Halves = npt.NDArray[np.uint32]
"""32 bits of draws each."""

ALL: Final = 1 << 32
"""The threshold that every half lies below."""

_GRAIN: Final = 20
"""Probabilities are multiples of 2**-20."""


def threshold(probability: float) -> int:
    """Return the whole number that a half lies below with this probability, to the nearest 2**-20.

    >>> threshold(1.0) == ALL
    True
    """
    return round(probability * (1 << _GRAIN)) << (32 - _GRAIN)


def log_odds(probability: float) -> float:
    """Return log(p / (1 - p)), for p between 0 and 1."""
    return math.log(probability / (1 - probability))


def logistic(odds: float) -> float:
    """Return the probability of some log-odds.

    >>> logistic(log_odds(0.25))
    0.25
    """
    return 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))


def halves(words: Draws) -> tuple[Halves, Halves]:
    """Return the lower and the upper 32 bits of draws, without copying them."""
    both = words.astype("<u8", copy=False).view("<u4")
    return both[..., 0::2], both[..., 1::2]


def picked(half: Array, count: Array | int) -> Array:
    """Return whole numbers from 0 to count - 1: the upper bits of half times count."""
    return (half.astype(np.uint64) * np.asarray(count, dtype=np.uint64) >> np.uint64(32)).astype(np.int64)


def normals(keys: Draws, *, first: int) -> npt.NDArray[np.float64]:
    """Return one number a key, next to standard normal: twelve halves of draws `first` to `first + 5`, added up.

    The sum of twelve uniform numbers less 6 has mean 0 and variance 1; it is exact here, and never beyond 6.
    """
    total = np.zeros(len(keys), dtype=np.int64)
    for half in halves(_random.draws_at(keys[:, None], np.arange(first, first + 6, dtype=np.uint64))):
        total += half.sum(axis=1, dtype=np.int64)
    return np.asarray((total - 6 * (ALL - 1)) / ALL)


def named_keys(names: Iterable[str], *, seed: int, purpose: str) -> Draws:
    """Return the key of each name's stream for one purpose."""
    return np.array([_random.key(seed, cluster=name, purpose=purpose) for name in names], dtype=np.uint64)


def dyad_name(at: int) -> str:
    """Return the pseudonym of dyad number `at`, counted from 0; it does not depend on how many there are.

    >>> dyad_name(0)
    'D000001'
    """
    return f"D{at + 1:06d}"


def therapist_name(at: int) -> str:
    """Return the pseudonym of therapist number `at`, counted from 0."""
    return f"T{at + 1:06d}"
