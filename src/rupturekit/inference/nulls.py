"""Null hypotheses of order: what is exchanged with what, and what is held as it was observed.

Segmentation fixes the opening move of an episode and often its closing one; a shuffle that moved them would compare
episodes with what is none. So every move whose function the rule names stays where it is, and of episodes that coders
drew, the first and the last instant.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _random
from rupturekit._kernels.shuffles import Exchanges, shuffles, words_per_shuffle
from rupturekit._table import Array

__all__ = ["HOLDS", "Exchange", "Null", "arrangement_count", "arrangements", "batches", "exchanges", "in_arrays",
           "rearranged"]

_ENTRIES: Final = 1 << 21
"""Moves times arrangements laid out at once. It decides memory and speed, never a result."""

_FEWEST: Final = 128
"""Arrangements laid out at once at least, of however long an episode: fewer would not be quicker one by one."""


class Null(StrEnum):
    """What is taken to be without order."""

    TURNS = "turns"
    RUNS = "runs"
    INTERLEAVING = "interleaving"
    FREE = "free"


HOLDS: Final = {
    Null.TURNS: "who moves when is kept, and every move that the segmentation rule looks at; what each party does is "
                "exchanged among that party's other moves of the episode",
    Null.RUNS: "as turns, but a party's runs of one code are moved whole",
    Null.INTERLEAVING: "each party's own order is kept, and every move that the segmentation rule looks at; who moves "
                       "when is exchanged, so that people who take turns are not what this null describes",
    Null.FREE: "nothing is kept: all moves of the episode are exchanged, its opening too; this compares episodes with "
               "what no rule would have drawn, and rejects too often",
}
"""What each null keeps as it was observed, for methods sections."""


@attrs.frozen(kw_only=True, eq=False)
class Exchange:
    """One set of places of one episode whose contents are exchanged.

    Attributes
    ----------
    name : str
        Names its stream of random numbers: the episode, and the party.
    places : int64, m
        Places in the episode, in order of time.
    runs : int64, r + 1, or None
        For `runs`: where among `places` each run begins, and the end.
    label : int64, m, or None
        For `interleaving`: whose place each is.
    """

    name: str
    places: Array
    runs: Array | None = None
    label: Array | None = None

    @property
    def n_items(self) -> int:
        """How many things are put in random order."""
        return len(self.places) if self.runs is None else len(self.runs) - 1


def exchanges(null: Null, *, episode: str, party: Array, content: Array, held: Array) -> list[Exchange]:
    """Return what a null exchanges in one episode.

    Parameters
    ----------
    party, content : whole numbers, n
        Who moved, and what it was, in order of time.
    held : bool, n
        Which moves stay where they are; not asked under `free`.
    """
    if null is Null.FREE:
        return [Exchange(name=episode, places=np.arange(len(party)))]
    free = np.flatnonzero(~held)
    if null is Null.INTERLEAVING:
        return [Exchange(name=episode, places=free, label=party[free])]
    groups = [(who, free[party[free] == who]) for who in np.unique(party[free]).tolist()]
    if null is Null.TURNS:
        return [Exchange(name=f"{episode}/{who}", places=places) for who, places in groups]
    edges = functools.partial(_run_edges, party=party, content=content, held=held)
    return [Exchange(name=f"{episode}/{who}", places=places, runs=edges(places, who=who)) for who, places in groups]


def _run_edges(places: Array, *, party: Array, who: int, content: Array, held: Array) -> Array:
    """Return where a party's runs of one content begin among its free places; a held move of its own breaks a run."""
    stands = np.cumsum(held & (party == who))[places]
    fresh = np.ones(len(places), dtype=bool)
    fresh[1:] = (content[places[1:]] != content[places[:-1]]) | (stands[1:] != stands[:-1])
    return np.append(np.flatnonzero(fresh), len(places))


def arrangements(exchange: Exchange, *, seed: int, null: Null, start: int, count: int) -> npt.NDArray[np.int32]:
    """Return arrangements number `start` to `start + count - 1`: which of the places each place takes its content from.

    The result is m x count and holds places by their number in `exchange.places`. Arrangement b depends on seed, name,
    null and b alone: on no other episode, and not on how many are asked for at once.
    """
    n = exchange.n_items
    key = _key(exchange, seed=seed, null=null)
    wide = words_per_shuffle(n)
    words = _random.draws(key, wide * count, start=start * wide).reshape(count, wide).T if wide else np.zeros(
        (0, count), dtype=np.uint64)
    order = shuffles(np.ascontiguousarray(words), n, again=_again)
    if exchange.label is not None:
        return _interleaved(order, exchange.label)
    return order if exchange.runs is None else _runs_laid(order, exchange.runs)


def _key(exchange: Exchange, *, seed: int, null: Null) -> int:
    return _random.key(seed, cluster=exchange.name, purpose=f"null:{null}")


def _again(word: int, attempt: int) -> int:
    return int(_random.draws(word, 1, start=attempt)[0])


def _interleaved(order: npt.NDArray[np.int32], label: Array) -> npt.NDArray[np.int32]:
    """Give places to parties in random order; each party fills its own with its contents in their order."""
    whose = label[order]
    source = np.empty_like(order)
    for who in np.unique(label).tolist():
        mine = whose == who
        nth = np.cumsum(mine, axis=0) - 1
        source[mine] = np.flatnonzero(label == who).astype(np.int32)[nth[mine]]
    return source


def _runs_laid(order: npt.NDArray[np.int32], edges: Array) -> npt.NDArray[np.int32]:
    """Lay whole runs end to end in random order."""
    lengths = np.diff(edges)
    picked = order.T.ravel()
    spans = lengths[picked]
    starts = np.cumsum(spans) - spans
    within = np.arange(int(spans.sum())) - np.repeat(starts, spans)
    laid = np.repeat(edges[:-1][picked], spans) + within
    return np.ascontiguousarray(laid.reshape(order.shape[1], -1).T.astype(np.int32))


def arrangement_count(exchange: Exchange, content: Array) -> int:
    """Return how many different arrangements of contents an exchange can make: a multinomial coefficient.

    >>> exchange = Exchange(name="E1", places=np.arange(3))
    >>> arrangement_count(exchange, np.array([7, 7, 8]))
    3
    """
    held = content[exchange.places]
    if exchange.label is not None:
        kinds: Counter[object] = Counter(exchange.label.tolist())
    elif exchange.runs is None:
        kinds = Counter(held.tolist())
    else:
        kinds = Counter(zip(held[exchange.runs[:-1]].tolist(), np.diff(exchange.runs).tolist(), strict=True))
    return math.factorial(kinds.total()) // functools.reduce(
        lambda product, n: product * math.factorial(n), kinds.values(), 1)


def rearranged(made: Iterable[Exchange], content: Array, *, seed: int, null: Null, start: int, count: int) -> Array:
    """Return one episode's contents under arrangements `start` to `start + count - 1`: places x count."""
    laid = np.repeat(content[:, None], count, axis=1)
    for exchange in made:
        source = arrangements(exchange, seed=seed, null=null, start=start, count=count)
        laid[exchange.places] = content[exchange.places][source]
    return laid


def batches(moves: int, *, draws: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the number of the arrangements of so many moves that are laid out at once, `draws` in all.

    >>> list(batches(100_000, draws=300))
    [(0, 128), (128, 128), (256, 44)]
    """
    step = max(_FEWEST, _ENTRIES // max(1, moves))
    return ((start, min(step, draws - start)) for start in range(0, draws, step))


def in_arrays(made: Iterable[Exchange], *, seed: int, null: Null) -> Exchanges:
    """Return what is exchanged in one episode as compiled kernels take it, under the keys of `arrangements`.

    >>> held = in_arrays([Exchange(name="E1", places=np.array([1, 4]))], seed=1, null=Null.TURNS)
    >>> held.places.tolist(), held.runs.tolist(), held.items.tolist()
    ([1, 4], [0, 1, 2], [0, 2])
    """
    held = list(made)
    places = np.concatenate([np.zeros(0, dtype=np.int64), *(one.places for one in held)])
    begins = np.cumsum([0, *(len(one.places) for one in held)])
    runs = [low + (np.arange(len(one.places)) if one.runs is None else one.runs[:-1])
            for low, one in zip(begins[:-1], held, strict=True)]
    labels = [np.unique(one.label, return_inverse=True)[1] for one in held if one.label is not None]
    return Exchanges(
        keys=np.array([_key(one, seed=seed, null=null) for one in held], dtype=np.uint64), places=places,
        runs=np.concatenate([*runs, begins[-1:]]), items=np.cumsum([0, *(one.n_items for one in held)]),
        labels=np.concatenate([np.zeros(0, dtype=np.int64), *labels]))
