"""Alignments the slow, obvious way: a search over (moves explained, state), and every way written out."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence

Cost = Mapping[tuple[int, int], int]
"""(state before, state after) -> cost."""


def cheapest_cost(symbols: Sequence[int], *, take: Sequence[Cost], leave_out: Sequence[int], step: Cost, start: int,
                  stop: Mapping[int, int]) -> int | None:
    """Return the cheapest cost of explaining a run of symbols; None where it cannot end. Dijkstra's search."""
    queue, done = [(0, 0, start)], set()
    best: int | None = None
    while queue:
        cost, at, state = heapq.heappop(queue)
        if (at, state) in done:
            continue
        done.add((at, state))
        if at == len(symbols) and state in stop:
            best = min(cost + stop[state], cost + stop[state] if best is None else best)
        for (before, after), price in step.items():
            if before == state:
                heapq.heappush(queue, (cost + price, at, after))
        if at < len(symbols):
            heapq.heappush(queue, (cost + leave_out[symbols[at]], at + 1, state))
            for (before, after), price in take[symbols[at]].items():
                if before == state:
                    heapq.heappush(queue, (cost + price, at + 1, after))
    return best


def every_way(symbols: Sequence[int], *, take: Sequence[Mapping[tuple[int, int], tuple[str, int]]], leave_out: int,
              step: Mapping[tuple[int, int], int], start: int, ends: set[int], most: int) -> Iterator[tuple[tuple[object, ...], ...]]:
    """Yield every way that costs at most `most` and passes no state twice between two moves.

    A way is its steps: (kind, state before, state after, number of the move or None).
    """
    stack: list[tuple[int, int, int, tuple[tuple[object, ...], ...], frozenset[int]]] = [
        (0, start, 0, (), frozenset([start]))]
    while stack:
        at, state, cost, way, passed = stack.pop()
        if cost > most:
            continue
        if at == len(symbols) and state in ends and cost == most:
            yield way
        for (before, after), price in step.items():
            if before == state and after not in passed:
                stack.append((at, after, cost + price, (*way, ("pass", before, after, None)), passed | {after}))
        if at < len(symbols):
            stack.append((at + 1, state, cost + leave_out, (*way, ("off model", state, state, at)), frozenset([state])))
            for (before, after), (kind, price) in take[symbols[at]].items():
                if before == state:
                    stack.append((at + 1, after, cost + price, (*way, (kind, before, after, at)), frozenset([after])))
