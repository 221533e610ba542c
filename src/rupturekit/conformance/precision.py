"""How much else a model would have allowed: align-based escaping edges, rarefied to a number of episodes.

Each episode is laid along the model by a cheapest alignment, and what is left of it is its path in the model. Before
each step of these paths, and at their ends, the model allows some steps; those that no path takes there escape.
Precision is 1 - escaping / allowed, added up over all visits (Munoz-Gama & Carmona 2010; on alignments Adriansyah et
al. 2015).

More episodes take more of what is allowed, so precision grows with their number whatever the model; it is compared only
between equal numbers of episodes, and drawn down to one by subsamples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rupturekit import _random
from rupturekit.alphabet import Alphabet
from rupturekit.conformance.costs import AlignmentCosts
from rupturekit.conformance.paths import StepKind, best_path
from rupturekit.conformance.scoring_models import reached_unseen
from rupturekit.errors import NotEnoughData, NotEstimable

__all__ = ["ModelPath", "escaping_edges", "model_path", "rarefied_precision", "steps_allowed"]

ModelPath: TypeAlias = tuple[tuple[str, frozenset[str]], ...]
"""A path as its steps, each with what the model allows before it; the last holds no step, and what it allows there."""

_AT_END = ""


def rarefied_precision(alphabet: Alphabet, costs: AlignmentCosts, runs: Callable[[int], Sequence[int]], *, n: int,
                       episodes: int = 10, draws: int = 20, seed: int = 1) -> float:
    """Return precision of a number of episodes: its mean over subsamples drawn without replacement.

    Parameters
    ----------
    runs : place of an episode -> its symbols
    n : int
        How many episodes there are.
    episodes : int
        How many each subsample holds.

    Raises
    ------
    NotEnoughData
        Where there are fewer episodes than that.
    NotEstimable
        Where no way leads to a state in which an episode may stop.
    """
    if n < episodes:
        raise NotEnoughData(f"precision is told of {episodes} episodes, and there are {n}", needed=episodes, found=n)
    allowed, paths, found = steps_allowed(alphabet), dict[int, ModelPath](), []
    for draw in range(draws):
        picked = _picked(_random.key(seed, cluster=str(draw), purpose="rarefied precision"), episodes, n)
        for at in picked:
            if at not in paths:
                paths[at] = model_path(alphabet, costs, runs(at), allowed)
        found.append(escaping_edges(paths[at] for at in picked))
    return float(np.mean(found))


def _picked(key: int, count: int, n: int) -> list[int]:
    """Return `count` different numbers below n, every set of them equally likely."""
    drawn, size = dict[int, None](), count
    while len(drawn) < count:
        drawn = dict.fromkeys(_random.below(key, size, n).tolist())
        size *= 2    # a longer answer begins with the shorter one
    return list(drawn)[:count]


def escaping_edges(paths: Iterable[ModelPath]) -> float:
    """Return 1 - escaping / allowed steps, over all visits to all beginnings of the paths.

    Raises
    ------
    NotEstimable
        Where nothing is allowed anywhere.

    >>> escaping_edges([(("a", frozenset("ab")), ("", frozenset("c")))])
    0.3333333333333333
    """
    number: dict[tuple[int, str], int] = {}    # of what lies before: spelt out, a long path would fill the memory
    visits: Counter[int] = Counter()
    allowed: dict[int, frozenset[str]] = {}
    taken: dict[int, set[str]] = {}
    for path in paths:
        before = 0
        for step, may in path:
            visits[before] += 1
            allowed[before] = allowed.get(before, frozenset()) | may
            taken.setdefault(before, set()).update([step] if step != _AT_END else [])
            before = number.setdefault((before, step), len(number) + 1)
    total = sum(n * len(allowed[before] | taken[before]) for before, n in visits.items())
    if not total:
        raise NotEstimable("the model allows no step that a code could show")
    return sum(n * len(taken[before]) for before, n in visits.items()) / total


def model_path(alphabet: Alphabet, costs: AlignmentCosts, symbols: Sequence[int], allowed: Sequence[frozenset[str]]
               ) -> ModelPath:
    """Return the path that a cheapest alignment takes: moves off the model, and what nothing can show, left out.

    A step is told by its condition: who does what.

    Raises
    ------
    NotEstimable
        Where the run cannot end where it may stop.
    """
    state, path = alphabet.start, list[tuple[str, frozenset[str]]]()
    for edge in best_path(alphabet, costs, list(symbols)).edges:
        if edge.arrow is not None and edge.kind is not StepKind.UNSEEN:
            path.append((str(alphabet.model.transitions[edge.arrow].when), allowed[state]))
            state = edge.after
    return (*path, (_AT_END, allowed[state]))


def steps_allowed(alphabet: Alphabet) -> tuple[frozenset[str], ...]:
    """Return what each state allows: the conditions of arrows that some code shows, past what none does."""
    model = alphabet.model
    leaving: list[set[str]] = [set() for _ in model.states]
    for at in np.flatnonzero(alphabet.fits.any(axis=0)).tolist():
        arrow = model.transitions[at]
        leaving[model.index[arrow.source]].add(str(arrow.when))
    reached: npt.NDArray[np.bool_] = reached_unseen(alphabet)
    return tuple(frozenset[str]().union(*(leaving[there] for there in np.flatnonzero(row).tolist())) for row in reached)
