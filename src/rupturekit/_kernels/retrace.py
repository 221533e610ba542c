"""Read one cheapest way of every run back from a table of costs, and count the steps of all of them.

Which way is kept: of states in which a run may stop the first; then, from the end, the fewest steps by itself before
one with a symbol; of these the one through the states that stand first; then what is preferred with a symbol.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rupturekit._kernels.alignment import NO_WAY, Table, walk
from rupturekit._kernels.replay import Codes, blocks, side_by_side

__all__ = ["Steps", "Ways", "count_steps"]

Costs = npt.NDArray[np.int32]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_AT_ONCE: Final = 1 << 20    # entries of an intermediate array


class Ways(NamedTuple):
    """What leads into each state. Places that hold nothing cost `NO_WAY`.

    `take_from` int64, `take_cost` int64, symbols x states x places: with a symbol, the preferred first. `pass_from`,
    `pass_cost` int64, states x places: by itself, in the order of states.
    """

    take_from: Whole
    take_cost: Whole
    pass_from: Whole
    pass_cost: Whole


class Steps(NamedTuple):
    """How often each place of `Ways` is passed, `took` as `take_from`, `passed` as `pass_from`; and each run's cost."""

    took: Whole
    passed: Whole
    cost: Whole


def count_steps(table: Table, ways: Ways, symbols: Codes, *, offsets: Whole, start: int) -> Steps:
    """Count the steps of the ways that are kept; every run may end somewhere.

    Where the table is full, runs are worked on in smaller parts, each with a table of its own.
    """
    steps = Steps(*(np.zeros(shape, dtype=np.int64) for shape in (
        ways.take_from.shape, ways.pass_from.shape, len(offsets) - 1)))
    if _count(table, ways, symbols, offsets - offsets[0], start, steps):
        return steps
    room = max(_AT_ONCE // len(table.prices.begin), 1)
    low = 0
    while low < len(offsets) - 1:
        high = max(int(np.searchsorted(offsets, offsets[low] + room, side="right")) - 1, low + 1)
        part = symbols[offsets[low] - offsets[0] : offsets[high] - offsets[0]]
        own, of_part = Table(table.prices, most=len(part) + 1), steps._replace(cost=steps.cost[low:high])
        _count(own, ways, part, offsets[low : high + 1] - offsets[low], start, of_part)
        low = high
    return steps


def _count(table: Table, ways: Ways, symbols: Codes, offsets: Whole, start: int, steps: Steps) -> bool:
    """Add the steps of some runs, or return False where the table is full before all have ended."""
    cells = np.empty(len(symbols), dtype=np.int64)
    walked = walk(table, symbols, offsets=offsets, cells=cells)
    if walked is None:
        return False
    steps.cost[:] = walked[1] + table.stops()[walked[0]]
    n = len(table.prices.begin)
    known = np.flatnonzero(table.onward >= 0)
    back = _back_from_cells(table, ways, known)
    where = np.zeros(len(table.onward), dtype=np.int64)
    where[known] = np.arange(len(known)) * n
    ends = (table.vectors[: table.count] + table.prices.stop).argmin(axis=1)
    visits, firsts = np.zeros(len(back.jump), dtype=np.int64), np.zeros(n, dtype=np.int64)
    for low, high in blocks(len(offsets) - 1):
        edges = offsets[low : high + 1]
        met, first = _visited(back.jump, where.take(cells[edges[0] : edges[-1]]), edges, ends[walked[0][low:high]])
        visits += np.bincount(met, minlength=len(visits))
        firsts += np.bincount(first, minlength=n)
    _add_passes(back, ways, visits, steps)
    some = np.flatnonzero(visits)
    np.add.at(steps.took, (known[some // n] % table.width, some % n, back.place[some]), visits[some])
    _add_passes(_back_to_start(table, ways, start), ways, firsts, steps)
    return True


def _visited(jump: Whole, rows: Whole, edges: Whole, ends: Whole) -> tuple[Whole, Whole]:
    """Return the place in `jump` of every step with a symbol, and the state before the first of each run.

    `rows` says where the row of each step begins, in the order of `side_by_side`, and is written over.
    """
    order, _, alive = side_by_side(edges)
    state, done = ends[order], len(rows)
    for n in reversed(alive):
        here = rows[done - n : done]
        here += state[:n]
        np.take(jump, here, out=state[:n], mode="clip")
        done -= n
    return rows, state


class _Back(NamedTuple):
    """For rows of states: which step with a symbol comes last, and which ones by itself after it.

    Flat, rows x states. `jump`: the state before the step with a symbol; `place`: which it is, where none by itself
    follows. `levels`: where 1, 2, ... steps by itself follow, and which is the last of these.
    """

    jump: Whole
    place: Whole
    levels: list[tuple[list[Whole], list[Whole]]]


def _back_to_start(table: Table, ways: Ways, start: int) -> _Back:
    n = len(table.prices.begin)
    back = _Back(np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), [])
    _pass(back, ways, table.vectors[:1], np.arange(n)[None] == start, 0)
    return back


def _back_from_cells(table: Table, ways: Ways, cells: Whole) -> _Back:
    n = len(table.prices.begin)
    back = _Back(np.zeros(len(cells) * n, dtype=np.int64), np.zeros(len(cells) * n, dtype=np.int64), [])
    size = max(_AT_ONCE // max(n, ways.pass_from.size), 1)
    for low in range(0, len(cells), size):
        part = cells[low : low + size]
        row, symbol = np.divmod(part, table.width)
        after = table.vectors.take(table.onward[part] // table.width, axis=0)
        wanted, flat = (after + table.gains[part, None]).ravel(), slice(low * n, (low + len(part)) * n)
        direct = np.zeros(len(part) * n, dtype=bool)
        before, into = np.repeat(row * n, n), (symbol[:, None] * n + np.arange(n)).ravel()
        for place, (source, cost) in enumerate(zip(_by_place(ways.take_from), _by_place(ways.take_cost), strict=True)):
            left = np.flatnonzero(~direct & (cost < NO_WAY).take(into))
            here = into.take(left)
            first = source.take(here)
            fits = table.vectors.ravel().take(before.take(left) + first) + cost.take(here) == wanted.take(left)
            left = left[fits]
            back.place[flat][left], back.jump[flat][left], direct[left] = place, first[fits], True
        _pass(back, ways, after, direct.reshape(after.shape), low * n)
    return back


def _by_place(ways: Whole) -> Whole:
    """Return what leads into each symbol and state, place by place: places x (symbols x states)."""
    return np.ascontiguousarray(np.moveaxis(ways, 2, 0)).reshape(ways.shape[2], -1)


def _pass(back: _Back, ways: Ways, after: Costs, direct: Flags, base: int) -> None:
    """Find the fewest, then first steps by itself to the states that no step with a symbol leads into at once."""
    n = after.shape[1]
    costs, resolved = after.ravel(), direct.ravel().copy()
    left = np.flatnonzero(~resolved & (costs < NO_WAY))
    state = left % n
    source = (left - state)[:, None] + ways.pass_from[state]
    fits = costs[source] + ways.pass_cost[state] == costs[left][:, None]
    depth = 0
    while len(left):
        may = fits & resolved[source]
        now = may.any(axis=1)
        place = may[now].argmax(axis=1)
        if depth == len(back.levels):
            back.levels.append(([], []))
        back.levels[depth][0].append(left[now] + base)
        back.levels[depth][1].append(place)
        back.jump[left[now] + base] = back.jump[source[now, place] + base]
        resolved[left[now]] = True
        left, source, fits, depth = left[~now], source[~now], fits[~now], depth + 1


def _add_passes(back: _Back, ways: Ways, visits: Whole, steps: Steps) -> None:
    """Add the steps by itself before so many visits of each row and state, which come to stand where they began."""
    n = len(ways.pass_from)
    for parts, places in reversed(back.levels):
        here, place = np.concatenate(parts), np.concatenate(places)
        state = here % n
        np.add.at(steps.passed, (state, place), visits[here])
        np.add.at(visits, here - state + ways.pass_from[state, place], visits[here])
        visits[here] = 0
