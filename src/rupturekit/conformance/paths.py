"""One cheapest way through a process model for one run of symbols, by a stated rule, and how many there are.

Of several cheapest ways one is kept. It stops in the accepted end that stands first in the model. From there it is read
back, move by move: the way is kept that passes the fewest arrows without a move before it comes to a move; of these the
one whose states, read from the end, stand first in the model; then a move that takes an arrow before one that is
substituted, and that before one off the model; then the arrow from the state that stands first.

Ways are told apart by the states they pass and by what each move does there. Arrows between the same two states that
are passed, or taken, at the same point are one way: that of the cheapest, or of the first in the model.
"""

from __future__ import annotations

import functools
import graphlib
from collections import deque
from collections.abc import Iterator
from enum import StrEnum

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.alignment import NO_WAY, Prices, lowered
from rupturekit._kernels.retrace import Steps, Ways
from rupturekit.alphabet import Alphabet
from rupturekit.conformance.costs import AlignmentCosts, arrow_costs, check_sums, instead_of, prices
from rupturekit.errors import NotEstimable

__all__ = ["BestPath", "Edge", "Graph", "StepKind", "best_path", "graph_of", "steps_by_kind", "ways_of"]


class StepKind(StrEnum):
    """What one step of an alignment does."""

    TAKEN = "taken"
    SUBSTITUTED = "substituted"
    OFF_MODEL = "off model"
    SKIPPED = "skipped"
    UNSEEN = "unseen"
    """An arrow passed without a move and without charge: silent, or no code of the codebook shows it."""


@attrs.frozen(kw_only=True)
class Edge:
    """One step: states by their place in the model, the number of the move or None, the place of the arrow or None."""

    kind: StepKind
    before: int
    after: int
    cost: int
    move: int | None = None
    arrow: int | None = None


@attrs.frozen(kw_only=True)
class BestPath:
    """A cheapest way, and how many there are; `number` is None where arrows without charge go in a circle on one."""

    edges: tuple[Edge, ...]
    number: int | None
    cost: int


@attrs.frozen(kw_only=True, eq=False)
class Graph:
    """What leads where, and at what cost.

    Attributes
    ----------
    charged : tuple of bool
        For each arrow, whether passing it skips a step that could have been shown.
    passes : for each state, tuple of (state before, arrow, cost)
        Arrows into it that are passed without a move; those that stay in a state never are.
    takes : for each symbol and state, tuple of (kind, state before, arrow, cost)
        What a move of that symbol does that leads into it, as it is preferred; arrow -1 off the model.
    """

    charged: tuple[bool, ...]
    passes: tuple[tuple[tuple[int, int, int], ...], ...]
    takes: tuple[tuple[tuple[tuple[StepKind, int, int, int], ...], ...], ...]


def best_path(alphabet: Alphabet, costs: AlignmentCosts, symbols: list[int]) -> BestPath:
    """Return one cheapest way to explain a run of symbols, and how many there are.

    Raises
    ------
    NotEstimable
        Where the run cannot end where it may stop, or costs add up to more than is counted exactly.
    """
    check_sums(costs, moves=len(symbols), states=len(alphabet.model.states))
    held, graph = prices(alphabet, costs), graph_of(alphabet, costs)
    far = _Distances(held, symbols)
    last = far.at[-1] + held.stop
    if last.min() >= NO_WAY:
        raise NotEstimable("no way leads to a state where the run may stop")
    ends = np.flatnonzero(last == last.min()).tolist()
    edges = _read_back(graph, far, symbols, end=ends[0], start=alphabet.start)
    return BestPath(edges=tuple(edges), cost=int(last.min()) + sum(far.gained),
                    number=_number(graph, far, symbols, ends=ends, start=alphabet.start))


@functools.lru_cache(maxsize=16)
def graph_of(alphabet: Alphabet, costs: AlignmentCosts) -> Graph:
    """Return what leads where in a compiled model, and at what cost."""
    model = alphabet.model
    ends = [(model.index[arrow.source], model.index[arrow.target]) for arrow in model.transitions]
    passing: list[dict[int, tuple[int, int]]] = [{} for _ in model.states]
    taking: list[list[tuple[int, int]]] = [[] for _ in model.states]
    for at, ((source, target), cost) in enumerate(zip(ends, arrow_costs(alphabet, costs).tolist(), strict=True)):
        if source != target and (source not in passing[target] or cost < passing[target][source][1]):
            passing[target][source] = (at, cost)
        if model.transitions[at].when is not None:
            taking[target].append((source, at))
    instead = instead_of(alphabet, costs).tolist()
    return Graph(charged=alphabet.charged, passes=tuple(
        tuple((source, at, cost) for source, (at, cost) in sorted(held.items())) for held in passing),
        takes=tuple(tuple((*_into(arrows, fits, prices), (StepKind.OFF_MODEL, state, -1, costs.off_model))
                          for state, arrows in enumerate(taking))
                    for fits, prices in zip(alphabet.fits.tolist(), instead, strict=True)))


def _into(arrows: list[tuple[int, int]], fits: list[bool], prices: list[int]
          ) -> Iterator[tuple[StepKind, int, int, int]]:
    """Yield what a move does that takes an arrow into a state, in the order in which it is preferred."""
    by_source: dict[int, int] = {}
    instead: dict[int, int] = {}
    for source, at in arrows:
        if fits[at]:
            by_source.setdefault(source, at)
        elif prices[at] < prices[instead[source]] if source in instead else prices[at] < NO_WAY:
            instead[source] = at
    yield from ((StepKind.TAKEN, source, at, 0) for source, at in sorted(by_source.items()))
    yield from ((StepKind.SUBSTITUTED, source, at, prices[at]) for source, at in sorted(instead.items())
                if source not in by_source)


class _Distances:
    """The cheapest cost of each beginning of a run in each state, over the cheapest of its states.

    `at` int32, beginnings x states; `gained[i]`: what the cheapest of them grew by from beginning i to the next.
    """

    def __init__(self, held: Prices, symbols: list[int]) -> None:
        self.at = np.empty((len(symbols) + 1, len(held.begin)), dtype=np.int32)
        self.at[0] = held.begin
        self.gained: list[int] = []
        for done, symbol in enumerate(symbols):
            after, least = lowered((self.at[done][:, None] + held.by_symbol[symbol]).min(axis=0)[None])
            self.at[done + 1] = after[0]
            self.gained.append(int(least[0]))

    def passes(self, done: int, before: int, after: int, cost: int) -> bool:
        """Return whether a cheapest way to a state may come there from another, without a move, at that cost."""
        return bool(self.at[done, before] + cost == self.at[done, after])

    def moves(self, done: int, before: int, after: int, cost: int) -> bool:
        """Return whether a cheapest way to a state may come there by the last move, at that cost."""
        return bool(self.at[done - 1, before] + cost == self.at[done, after] + self.gained[done - 1])


def _read_back(graph: Graph, far: _Distances, symbols: list[int], *, end: int, start: int) -> list[Edge]:
    """Return the steps of the way that is kept."""
    done, state, edges = len(symbols), end, list[Edge]()
    while True:
        passed, move = _nearest_move(graph, far, symbols, done, state, start)
        edges += [Edge(kind=StepKind.SKIPPED if graph.charged[at] else StepKind.UNSEEN, before=source, after=target,
                       arrow=at, cost=cost) for source, target, at, cost in passed]
        if move is None:
            return edges[::-1]
        done -= 1
        edges.append(attrs.evolve(move, move=done))
        state = move.before


def _nearest_move(graph: Graph, far: _Distances, symbols: list[int], done: int, state: int, start: int
                  ) -> tuple[list[tuple[int, int, int, int]], Edge | None]:
    """Return the arrows passed, from the end, back to the nearest state that a move led into, and that move.

    An arrow is (state before, state after, arrow, cost). The move is None at the start of the run.
    """
    queue: deque[tuple[int, list[tuple[int, int, int, int]]]] = deque([(state, [])])
    seen = {state}
    while True:
        here, passed = queue.popleft()
        if not done and here == start:
            return passed, None
        move = _move_into(graph, far, symbols, done, here)
        if move is not None:
            return passed, move
        for source, at, cost in graph.passes[here]:
            if source not in seen and far.passes(done, source, here, cost):
                seen.add(source)
                queue.append((source, [*passed, (source, here, at, cost)]))


def _move_into(graph: Graph, far: _Distances, symbols: list[int], done: int, state: int
               ) -> Edge | None:
    if not done:
        return None
    return next((Edge(kind=kind, before=source, after=state, arrow=None if at < 0 else at, cost=cost)
                 for kind, source, at, cost in graph.takes[symbols[done - 1]][state]
                 if far.moves(done, source, state, cost)), None)


# --- how many -------------------------------------------------------------------------------------------------------


def _number(graph: Graph, far: _Distances, symbols: list[int], *, ends: list[int], start: int) -> int | None:
    """Return how many cheapest ways there are; None where they are without end."""
    used = _used(graph, far, symbols, ends)
    ways = {start: 1}
    for done, here in enumerate(used):
        if done:
            ways = {state: sum(ways[source] for _, source, _, cost in graph.takes[symbols[done - 1]][state]
                               if far.moves(done, source, state, cost)) for state in here}
        sources = {state: [source for source, _, cost in graph.passes[state] if far.passes(done, source, state, cost)]
                   for state in here}
        order = _in_order(sources)
        if order is None:
            return None
        for state in order:
            ways[state] = ways.get(state, 0) + sum(ways[source] for source in sources[state])
    return sum(ways[end] for end in ends)


def _used(graph: Graph, far: _Distances, symbols: list[int], ends: list[int]) -> list[frozenset[int]]:
    """Return for each beginning of the run which states some cheapest way passes."""
    found: list[frozenset[int]] = []
    here = set(ends)
    for done in range(len(symbols), -1, -1):
        stack = list(here)
        while stack:
            state = stack.pop()
            for source, _, cost in graph.passes[state]:
                if source not in here and far.passes(done, source, state, cost):
                    here.add(source)
                    stack.append(source)
        found.append(frozenset(here))
        if done:
            here = {source for state in here for _, source, _, cost in graph.takes[symbols[done - 1]][state]
                    if far.moves(done, source, state, cost)}
    return found[::-1]


def _in_order(sources: dict[int, list[int]]) -> list[int] | None:
    """Return states so that each stands after those it is passed to from; None where they go in a circle.

    >>> _in_order({0: [2], 1: [0], 2: []}), _in_order({0: [1], 1: [0]})
    ([2, 0, 1], None)
    """
    try:
        return list(graphlib.TopologicalSorter(sources).static_order())
    except graphlib.CycleError:
        return None


# --- how often each step ----------------------------------------------------------------------------------------------


def ways_of(graph: Graph) -> Ways:
    """Return what leads where as arrays, padded to one width."""
    most = max(len(ways) for by_state in graph.takes for ways in by_state)
    take = np.array([[[*((source, cost) for _, source, _, cost in ways), *[(0, NO_WAY)] * (most - len(ways))]
                      for ways in by_state] for by_state in graph.takes], dtype=np.int64)
    width = max(map(len, graph.passes))
    passed = np.array([[*((source, cost) for source, _, cost in ways), *[(0, NO_WAY)] * (width - len(ways))]
                       for ways in graph.passes], dtype=np.int64).reshape(len(graph.passes), width, 2)
    return Ways(take[..., 0], take[..., 1], passed[..., 0], passed[..., 1])


def steps_by_kind(graph: Graph, steps: Steps, *, costly: bool = False) -> dict[StepKind, npt.NDArray[np.int64]]:
    """Return how often each kind of step, or only those that cost something, leads from one state to another.

    The arrays are states x states.
    """
    states = len(graph.passes)
    counts = {kind: np.zeros((states, states), dtype=np.int64) for kind in StepKind}
    for symbol, state, place in np.argwhere(steps.took).tolist():
        kind, source, _, cost = graph.takes[symbol][state][place]
        if cost or not costly:
            counts[kind][source, state] += steps.took[symbol, state, place]
    for state, place in np.argwhere(steps.passed).tolist():
        source, at, cost = graph.passes[state][place]
        if cost or not costly:
            kind = StepKind.SKIPPED if graph.charged[at] else StepKind.UNSEEN
            counts[kind][source, state] += steps.passed[state, place]
    return counts
