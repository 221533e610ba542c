"""How fast many episodes are aligned to a model of eight states, beside a dict loop that merely replays them.

    python benchmarks/alignment.py                   # N = 100,000 episodes, growth up to 1,000,000
    python benchmarks/alignment.py --largest 100000  # without the largest size

The workload: episodes of 5 to 60 moves, sixteen on average; each move walks an arrow of the current state chosen
uniformly, or in one case of four is any of the 24 codes, which leaves the state where the model has no arrow for it. A
skipped step costs 1 and so does a move off the model; an episode may stop in the last state. Timed are costs alone
(table grown from nothing each time, and table at hand), costs with the steps of one cheapest alignment of each counted,
the programme that takes over where vectors are too many, and the dict loop: for each move one look-up of the next
state, the first arrival at the goal kept. All take turns in one process; times are CPU seconds, medians. The exit code
is 1 where the walk, the programme and the counted steps disagree, and 0 however slow anybody was. The result is printed
as JSON; `python tools/long_checks.py alignment` keeps it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rupturekit import _kernels, _random
from rupturekit._kernels.alignment import (
    NO_WAY,
    Prices,
    Table,
    cheapest,
    costs_by_programme,
    costs_by_walk,
    prices_of,
)
from rupturekit._kernels.retrace import Ways, count_steps

N = 100_000
"""Episodes of the comparison."""
SIZES = (10_000, 100_000, 1_000_000)
RUNS = 7
CODES = 24
GOAL = 7

Array = Any

ARROWS: tuple[Mapping[int, int], ...] = (
    {0: 3, 2: 2, 4: 0, 7: 1, 16: 5},
    {0: 2, 1: 3, 4: 3, 13: 2, 23: 1},
    {1: 3, 4: 4, 8: 2, 10: 4, 11: 4},
    {2: 3, 11: 4, 12: 1, 17: 4, 18: 6},
    {11: 3, 15: 5, 19: 1, 20: 4, 22: 3},
    {3: 4, 4: 6, 12: 6, 13: 5, 23: 5},
    {5: 0, 6: 6, 10: 7, 14: 2, 15: 3},
    {1: 6, 5: 7, 6: 4, 12: 7, 17: 1},
)
"""For each state, which code leads where."""


def episodes(n: int) -> tuple[Array, Array]:
    """Return the codes of n random episodes end to end, int8, and where each begins."""
    draw = {purpose: _random.key(1, cluster="alignment", purpose=purpose) for purpose in (
        "lengths", "arrows", "any code", "which code")}
    waits = np.ceil(np.log1p(-_random.uniforms(draw["lengths"], n)) / math.log1p(-1 / 12)).astype(np.int64)
    lengths = np.clip(4 + np.maximum(waits, 1), 5, 60)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    count = int(offsets[-1])
    which, loose = _random.below(draw["arrows"], count, 5), _random.below(draw["any code"], count, 4) == 0
    other = _random.below(draw["which code"], count, CODES)
    leaving = np.array([list(arrows) for arrows in ARROWS])
    after = next_states()
    codes, state = np.empty(count, dtype=np.int8), np.zeros(n, dtype=np.int64)
    for step in range(int(lengths.max())):
        alive = np.flatnonzero(lengths > step)
        at = offsets[alive] + step
        codes[at] = np.where(loose[at], other[at], leaving[state[alive], which[at]])
        state[alive] = after[state[alive], codes[at]]
    return codes, offsets


def next_states() -> Array:
    """Return the next state by state and code; a code without an arrow leaves the state."""
    after = np.repeat(np.arange(len(ARROWS))[:, None], CODES, axis=1)
    for state, arrows in enumerate(ARROWS):
        for code, target in arrows.items():
            after[state, code] = target
    return after


def problem() -> tuple[Prices, Ways]:
    """Return the prices of the model, and what leads into each state."""
    n = len(ARROWS)
    take, step = np.full((CODES, n, n), NO_WAY, dtype=np.int32), np.full((n, n), NO_WAY, dtype=np.int32)
    for state, arrows in enumerate(ARROWS):
        for code, target in arrows.items():
            take[code, state, target], step[state, target] = 0, 1
    stop = np.where(np.arange(n) == GOAL, 0, NO_WAY).astype(np.int32)
    taking = [[[*((state, 0) for state in range(n) if take[code, state, target] == 0), (target, 1)]
               for target in range(n)] for code in range(CODES)]
    passing = [[(state, 1) for state in range(n) if state != target and step[state, target] == 1]
               for target in range(n)]
    takes, passes = (_padded(taking), _padded([passing])[0])
    return (prices_of(take, leave_out=np.ones(CODES, dtype=np.int32), step=step, start=0, stop=stop),
            Ways(takes[..., 0], takes[..., 1], passes[..., 0], passes[..., 1]))


def _padded(ways: list[list[list[tuple[int, int]]]]) -> Array:
    width = max(len(held) for by_state in ways for held in by_state)
    return np.array([[held + [(0, NO_WAY)] * (width - len(held)) for held in by_state] for by_state in ways])


def dict_loop(codes: list[int], offsets: list[int]) -> tuple[list[int], list[int]]:
    """Replay every episode, a dict of ints a state: its last state, and the step that first came to the goal, or -1."""
    tables = ARROWS
    last, first = [], []
    for run in range(len(offsets) - 1):
        state, came = 0, -1
        for at in range(offsets[run], offsets[run + 1]):
            state = tables[state].get(codes[at], state)
            if state == GOAL and came < 0:
                came = at - offsets[run]
        last.append(state)
        first.append(came)
    return last, first


def list_loop(codes: list[int], offsets: list[int]) -> tuple[list[int], list[int]]:
    """Replay as `dict_loop` does, with every code of a state in its dict, so that one look-up is one subscript."""
    tables = [dict(enumerate(row)) for row in next_states().tolist()]
    last, first = [], []
    for low, high in itertools.pairwise(offsets):
        state, came = 0, -1
        for at, code in enumerate(codes[low:high]):
            state = tables[state][code]
            if came < 0 and state == GOAL:
                came = at
        last.append(state)
        first.append(came)
    return last, first


# --- measuring -------------------------------------------------------------------------------------------------


def in_turns(works: Mapping[str, Callable[[], Any]], *, runs: int = RUNS) -> dict[str, float]:
    """Return the median CPU seconds of each piece of work; all take turns, `runs` times."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            begun = time.process_time()
            work()
            spent[name].append(time.process_time() - begun)
    return {name: statistics.median(times) for name, times in spent.items()}


def compare(n: int) -> dict[str, Any]:
    """Time all on the same episodes, and compare what they give."""
    codes, offsets = episodes(n)
    prices, ways = problem()
    listed, edges = codes.tolist(), offsets.tolist()
    costs, vectors = cheapest(prices, codes, offsets=offsets)
    grown = Table(prices)
    costs_by_walk(grown, codes, offsets=offsets)
    steps = count_steps(grown, ways, codes, offsets=offsets, start=0)
    works: dict[str, Callable[[], Any]] = {
        "costs": lambda: cheapest(prices, codes, offsets=offsets),
        "costs, table at hand": lambda: costs_by_walk(grown, codes, offsets=offsets),
        "costs and steps": lambda: count_steps(Table(prices), ways, codes, offsets=offsets, start=0),
        "programme": lambda: costs_by_programme(prices, codes, offsets=offsets),
        "dict loop": lambda: dict_loop(listed, edges), "dict loop, one subscript": lambda: list_loop(listed, edges)}
    times = in_turns(works)
    moves = len(codes)
    equal = {"costs and steps = costs": bool((steps.cost == costs).all()),
             "programme = walk": bool((costs_by_programme(prices, codes, offsets=offsets) == costs).all()),
             "charged steps = costs": int((steps.took * ways.take_cost).sum() + (steps.passed * ways.pass_cost).sum())
             == int(costs.sum()), "dict loops": dict_loop(listed, edges) == list_loop(listed, edges)}
    return {"n": n, "moves": moves, "runs": RUNS, "vectors": vectors, "mean cost": round(float(costs.mean()), 3),
            "same": equal, "nanoseconds a move": {name: round(spent / moves * 1e9, 1) for name, spent in times.items()},
            "ratios": {f"{loop} / {ours}": round(times[loop] / times[ours], 2)
                       for loop in ("dict loop", "dict loop, one subscript")
                       for ours in ("costs", "costs, table at hand", "costs and steps")},
            "bytes a move": {"costs": memory(works["costs"], moves),
                             "costs and steps": memory(works["costs and steps"], moves)}}


def memory(work: Callable[[], Any], moves: int) -> float:
    """Return how many bytes a move are held at most above the columns given."""
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(most / moves, 1)


def growth(sizes: list[int]) -> dict[str, Any]:
    """Return times by number of episodes, and the slope of log time on log moves from the first size to the last."""
    prices, _ = problem()
    rows = []
    for size in sizes:
        codes, offsets = episodes(size)
        works = {"costs": lambda codes=codes, offsets=offsets: cheapest(prices, codes, offsets=offsets)}
        rows.append({"episodes": size, "moves": len(codes), "costs": in_turns(works, runs=5)["costs"]})
    apart = math.log(rows[-1]["moves"] / rows[0]["moves"]) if len(rows) > 1 else math.nan
    return {"seconds": rows, "exponent": round(math.log(rows[-1]["costs"] / rows[0]["costs"]) / apart, 3)}


def modules() -> list[str]:
    """Return the sources of the library that this run has loaded, from the root of the checkout."""
    root = Path(_kernels.__file__).parents[3]
    return [Path(str(module.__file__)).relative_to(root).as_posix() for name, module in sorted(sys.modules.items())
            if name.partition(".")[0] == "rupturekit"]


def main(arguments: list[str]) -> int:
    """Measure, print as JSON, and say by the exit code whether all gave the same."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--episodes", type=int, default=N, help="of the comparison (default: %(default)s)")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="episodes of the largest size of the growth")
    asked = parser.parse_args(arguments)
    found = compare(asked.episodes)
    found["growth"] = growth([size for size in SIZES if size <= asked.largest])
    json.dump(found | {"modules": modules()}, sys.stdout, indent=2)
    print()
    return 0 if all(found["same"].values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
