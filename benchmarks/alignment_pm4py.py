"""How fast episodes are aligned beside pm4py, which runs in an environment of its own; see oracles/README.md.

    RUPTUREKIT_PM4PY=PATH/bin/python python benchmarks/alignment_pm4py.py

The model and the episodes are those of `alignment.py`. pm4py aligns the first 200 episodes by each of its exact
searches; ours aligns 100,000, by the walk through the table (costs only, table grown from nothing) and by the
programme that takes over where vectors are too many. They take turns, one process each; times are CPU seconds an
episode, medians. pm4py's clock starts when its log and net are made; only its costs are read, though it finds one
alignment of each episode with them. The exit code is 1 where costs differ, or where no interpreter with pm4py is
named.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import alignment as workload

from oracles.alignment_cases import Worker
from rupturekit._kernels.alignment import cheapest, costs_by_programme

TURNS = 3
FEW = 200
"""Episodes that the other program aligns."""
SEARCHES = ("state-equation A*", "Dijkstra, no heuristics", "Dijkstra, semantics")
LABELS = [f"c{code}" for code in range(workload.CODES)]


def request(codes: list[int], offsets: list[int]) -> dict[str, Any]:
    """Return the model and the first episodes as the other program is asked."""
    arrows = [[state, target, LABELS[code]] for state, leaving in enumerate(workload.ARROWS)
              for code, target in leaving.items()]
    traces = [[LABELS[code] for code in codes[low:high]] for low, high in itertools.pairwise(offsets)]
    return {"states": len(workload.ARROWS), "start": 0, "end": workload.GOAL, "arrows": arrows, "traces": traces}


def compare(python: str) -> dict[str, Any]:
    """Time all in turns, and compare the costs of the first episodes."""
    codes, offsets = workload.episodes(workload.N)
    prices, _ = workload.problem()
    asked = request(codes[: offsets[FEW]].tolist(), offsets[: FEW + 1].tolist())
    ours: Mapping[str, Callable[[], Any]] = {
        "costs": lambda: cheapest(prices, codes, offsets=offsets)[0],
        "programme": lambda: costs_by_programme(prices, codes, offsets=offsets)}
    spent: dict[str, list[float]] = {name: [] for name in (*ours, *SEARCHES)}
    found: dict[str, list[int]] = {}
    with Worker(python) as worker:
        for _ in range(TURNS):
            for name, work in ours.items():
                begun = time.process_time()
                found[name] = work()[:FEW].tolist()
                spent[name].append((time.process_time() - begun) / workload.N)
            for name in SEARCHES:
                answer = worker.ask(variant=name, **asked)
                found[name] = answer["costs"]
                spent[name].append(answer["seconds"] / FEW)
    each = {name: statistics.median(times) for name, times in spent.items()}
    quickest = min(SEARCHES, key=each.__getitem__)
    return {"n": workload.N, "episodes of pm4py": FEW, "turns": TURNS, "pm4py": answer["version"],
            "microseconds an episode": {name: round(seconds * 1e6, 3) for name, seconds in each.items()},
            "quickest": quickest, "same": {name: costs == found["costs"] for name, costs in found.items()},
            "ratios": {f"pm4py, quickest / {name}": round(each[quickest] / each[name]) for name in ours}}


def main() -> int:
    """Measure, print as JSON, and say by the exit code whether all gave the same costs."""
    python = os.environ.get("RUPTUREKIT_PM4PY")
    if not python:
        print("set RUPTUREKIT_PM4PY to the interpreter of an environment that holds pm4py; benchmarks/oracles/README.md"
              " says how to make one", file=sys.stderr)
        return 1
    found = compare(python)
    scripts = ["benchmarks/alignment.py", "benchmarks/oracles/alignment_cases.py", "benchmarks/oracles/pm4py_costs.py"]
    json.dump(found | {"modules": [*workload.modules(), *scripts]}, sys.stdout, indent=2)
    print()
    return 0 if all(found["same"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
