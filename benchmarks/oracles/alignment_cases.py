"""Make random small models and traces, and print them with the costs that pm4py finds, as JSON; see README.md.

    python benchmarks/oracles/alignment_cases.py --python PATH/bin/python > tests/data/alignment-oracle.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rupturekit import _random

MODELS, TRACES = 20, 100
LABELS = "abcdef"
"""The last one stands on no arrow."""
WORKER = Path(__file__).with_name("pm4py_costs.py")
EXACT = ("state-equation A*", "Dijkstra, no heuristics")


def model(number: int) -> dict[str, Any]:
    """Return a random model of three to six states: a chain to the end, and other arrows, some silent and forward."""
    def draw(purpose: str, count: int, bound: int) -> list[int]:
        return _random.below(_random.key(1, cluster=f"model {number}", purpose=purpose), count, bound).tolist()

    states = 3 + draw("states", 1, 4)[0]
    more = 2 + draw("arrows", 1, 6)[0]
    labels, silent = draw("labels", states - 1 + more, len(LABELS) - 1), draw("silent", more, 5)
    arrows = [[state, state + 1, LABELS[labels[state]]] for state in range(states - 1)]
    for at, (source, target) in enumerate(zip(draw("from", more, states), draw("to", more, states), strict=True)):
        hidden = silent[at] == 0 and source < target
        arrows.append([source, target, "" if hidden else LABELS[labels[states - 1 + at]]])
    return {"states": states, "start": 0, "end": states - 1, "arrows": arrows}


def traces(number: int) -> list[str]:
    """Return random traces of one to twelve labels."""
    key = _random.key(1, cluster=f"traces {number}", purpose="lengths")
    lengths = [1 + length for length in _random.below(key, TRACES, 12).tolist()]
    drawn = _random.below(_random.key(1, cluster=f"traces {number}", purpose="labels"), sum(lengths), len(LABELS))
    said = "".join(LABELS[label] for label in drawn.tolist())
    return [said[sum(lengths[:at]) : sum(lengths[: at + 1])] for at in range(TRACES)]


class Worker:
    """pm4py in its own environment, asked line by line."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen([python, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, text=True)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, **asked: Any) -> dict[str, Any]:
        """Return its answer to one request."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the other program has no pipes")
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def main(arguments: list[str]) -> int:
    """Print all cases with their costs; exit code 1 where two of its searches disagree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", required=True, help="the interpreter of the environment that holds pm4py")
    asked, cases, version = parser.parse_args(arguments), [], ""
    with Worker(asked.python) as worker:
        for number in range(MODELS):
            made = model(number) | {"traces": traces(number)}
            answers = [worker.ask(variant=variant, **made) for variant in EXACT]
            if answers[0]["costs"] != answers[1]["costs"]:
                print(f"model {number}: its searches disagree", file=sys.stderr)
                return 1
            cases.append(made | {"costs": answers[0]["costs"]})
            version = answers[0]["version"]
    what = ("random models and traces, and the number of deviations of an optimal alignment of each as pm4py finds it, "
            "by state-equation A* and by Dijkstra without heuristics alike; arrows are (state before, state after, "
            "label, empty where silent)")
    head = json.dumps({"what": what, "pm4py": version})[:-1]
    print(head + ', "models": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
