"""The slow, obvious version of what the comparison of models does: paths written out, counts in dictionaries."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rupturekit.alphabet import Alphabet

__all__ = ["chances", "expected_by_paths", "markov_score", "path_probability", "score_by_paths", "ways_from"]

Step = Callable[[int, int, int], float]
"""(symbol, state, next state) -> probability."""


def path_probability(step: Step, symbols: Sequence[int], path: Sequence[int]) -> float:
    """Return how likely symbols and the states after them are; the path begins with the state before the first."""
    return math.prod(step(symbol, before, after) for symbol, (before, after) in zip(
        symbols, itertools.pairwise(path), strict=True))


def _paths(states: int, length: int, start: int) -> Iterator[tuple[int, ...]]:
    return ((start, *rest) for rest in itertools.product(range(states), repeat=length))


def score_by_paths(step: Step, symbols: Sequence[int], *, states: int, start: int, alike: Sequence[int]) -> list[float]:
    """Return log p(what is scored of each symbol | those before it): all paths of all symbols that count alike."""
    found = []
    for at, symbol in enumerate(symbols):
        past = sum(path_probability(step, symbols[:at], path) for path in _paths(states, at, start))
        here = sum(path_probability(step, [*symbols[:at], other], path) for path in _paths(states, at + 1, start)
                   for other in range(len(alike)) if alike[other] == alike[symbol])
        found.append(math.log(here / past))
    return found


def expected_by_paths(step: Step, symbols: Sequence[int], *, states: int, start: int, counted: Sequence[float]
                      ) -> dict[tuple[int, int, int], float]:
    """Return how often each (symbol, state, next state) is expected, by the share of each path among all."""
    paths = list(_paths(states, len(symbols), start))
    shares = [path_probability(step, symbols, path) for path in paths]
    found: Counter[tuple[int, int, int]] = Counter()
    for path, share in zip(paths, shares, strict=True):
        for at, symbol in enumerate(symbols):
            found[symbol, path[at], path[at + 1]] += counted[at] * share / sum(shares)
    return dict(found)


def ways_from(alphabet: Alphabet, state: int) -> list[tuple[int, int]]:
    """Return (arrow, target) of all that can be done from a state: past arrows that no code shows, and back again."""
    model, reached, waiting = alphabet.model, {state}, [state]
    while waiting:
        here = waiting.pop()
        for at, arrow in enumerate(model.transitions):
            there = model.index[arrow.target]
            if model.index[arrow.source] == here and not alphabet.charged[at] and there not in reached:
                reached.add(there)
                waiting.append(there)
    return [(at, model.index[arrow.target]) for at, arrow in enumerate(model.transitions)
            if model.index[arrow.source] in reached]


def markov_score(episodes: Sequence[tuple[Any, Sequence[int]]], *, held: Any, speaker: Sequence[int],
                 alike: Sequence[int], order: int) -> list[float]:
    """Return log scores of the episodes of one fold: by the last kind (order 1) or by nothing (order 0)."""
    seen: Counter[tuple[Any, int]] = Counter()
    alone: Counter[int] = Counter()
    for fold, kinds in episodes:
        for before, kind in itertools.pairwise(kinds) if fold != held else ():
            seen[before, kind] += 1
            alone[kind] += 1
    found = []
    for fold, kinds in episodes:
        for before, kind in itertools.pairwise(kinds) if fold == held else ():
            same = [other for other in range(len(speaker)) if speaker[other] == speaker[kind]]
            likely = {other: (alone[other] + 1 / len(same)) / (sum(alone[one] for one in same) + 1) for other in same}
            mass, total = 0.5 * len(same), sum(seen[before, other] for other in same)
            after = likely if not order else {
                other: (seen[before, other] + mass * likely[other]) / (total + mass) for other in same}
            found.append(math.log(sum(after[other] for other in same if alike[other] == alike[kind])))
    return found


def chances(alphabet: Alphabet, symbol: Sequence[int], speaker: Sequence[int], *, weight: Mapping[tuple[int, int, int], float],
            rate: float, likely: Sequence[float], deviating: Sequence[float]) -> Step:
    """Return the probability of a kind and a next state in a state, from what the words of the module say.

    `weight` is by (state, speaker, arrow).
    """
    def step(kind: int, state: int, after: int) -> float:
        who = speaker[kind]
        mine = [(at, target) for at, target in ways_from(alphabet, state)
                if any(alphabet.fits[symbol[other], at] for other in range(len(symbol)) if speaker[other] == who)]
        taken = 0.0
        for at, target in mine:
            if target == after and alphabet.fits[symbol[kind], at]:
                fitting = sum(likely[other] for other in range(len(symbol))
                              if speaker[other] == who and alphabet.fits[symbol[other], at])
                taken += weight[state, who, at] * likely[kind] / fitting
        hop = alphabet.hops.get((state, symbol[kind]))
        skips = hop is not None and bool(hop.skipped)
        stays = (0.5 if skips else 1.0) * (after == state)
        goes = 0.5 * (hop is not None and skips and hop.target == after)
        deviates = rate if mine else 1.0
        return (1 - deviates) * taken + deviates * deviating[kind] * (stays + goes)

    return step
