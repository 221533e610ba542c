"""Costs against alignments that another program found of the same nets and traces (shared reference cases)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rupturekit._kernels.alignment import NO_WAY, Prices, cheapest, costs_by_programme, prices_of

CASES = ("parallel_reflect_and_inform_annomi", "question_answer_reflection_annomi", "roadtraffic100",
         "running_example_pnml")
UNIT = 10_000
"""What the other program charges for a deviation; it charges 1 for a silent step."""


def markings(net: dict[str, Any]) -> tuple[list[tuple[int, ...]], list[tuple[int, str | None, int]]]:
    """Return every marking that a net can reach, its initial one first, and the steps between them."""
    places = {name: at for at, name in enumerate(net["places"])}
    start = tuple(net["initial"].count(name) for name in places)
    found, steps = {start: 0}, []
    queue = [start]
    for at, here in enumerate(queue):    # grows as it is walked
        for _, label, used, made in net["transitions"]:
            there = list(here)
            for name in used:
                there[places[name]] -= 1
            if min(there, default=0) < 0:
                continue
            for name in made:
                there[places[name]] += 1
            if tuple(there) not in found:
                queue.append(tuple(there))
            steps.append((at, label, found.setdefault(tuple(there), len(found))))
        assert len(found) < 5_000
    return queue, steps


def problem(net: dict[str, Any], words: list[str]) -> Prices:
    """Return the prices of a net: a visible step is taken at 0 and skipped at 1, a silent one costs nothing."""
    states, steps = markings(net)
    final = tuple(net["final"].count(name) for name in net["places"])
    take = np.full((len(words), len(states), len(states)), NO_WAY, dtype="i4")
    step = np.full((len(states), len(states)), NO_WAY, dtype="i4")
    for before, label, after in steps:
        step[before, after] = min(step[before, after], 0 if label is None else 1)
        if label in words:
            take[words.index(label), before, after] = 0
    stop = np.where([state == final for state in states], 0, NO_WAY).astype("i4")
    return prices_of(take, leave_out=np.ones(len(words), dtype="i4"), step=step, start=0, stop=stop)


@pytest.mark.shared
@pytest.mark.parametrize("name", CASES)
def test_deviations_are_those_of_the_other_program(shared_file: Callable[[str], Path], name: str) -> None:
    case = json.loads(shared_file(f"refs/d_conformance_{name}.json").read_text(encoding="utf-8"))
    traces, told = case["input"]["traces"], case["output"]["alignments"]
    words = sorted({word for trace in traces for word in trace})
    symbols = np.array([words.index(word) for trace in traces for word in trace])
    offsets = np.cumsum([0, *map(len, traces)])
    held = problem(case["input"]["net"], words)
    costs, vectors = cheapest(held, symbols, offsets=offsets)
    assert vectors is not None
    assert costs.tolist() == [one["cost"] // UNIT for one in told]
    assert costs_by_programme(held, symbols, offsets=offsets).tolist() == costs.tolist()
    nothing, _ = cheapest(held, symbols[:0], offsets=np.zeros(2, dtype=int))
    worst = [int(nothing[0]) + len(trace) for trace in traces]
    assert worst == [one["best_worst_cost"] // UNIT for one in told]


def test_the_shortest_trace_of_the_running_example_by_hand() -> None:
    """Numbers carried over: register, examine, check, decide, pay follow the net; without `decide` one step is skipped."""
    net = {"places": ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"], "initial": ["p0"], "final": ["p1"],
           "transitions": [["x0", "check", ["p5"], ["p6"]], ["x1", "decide", ["p6", "p8"], ["p4"]],
                           ["x2", "examine", ["p7"], ["p8"]], ["x4", "pay", ["p3"], ["p1"]],
                           ["x5", "register", ["p0"], ["p2"]], ["x6", "again", ["p4"], ["p2"]],
                           ["x8", None, ["p2"], ["p5", "p7"]], ["x9", None, ["p4"], ["p3"]]]}
    words = ["again", "check", "decide", "examine", "pay", "register"]
    runs = [["register", "examine", "check", "decide", "pay"], ["register", "check", "examine", "pay"],
            ["register", "register", "examine", "check", "decide", "pay"], []]
    symbols = np.array([words.index(word) for run in runs for word in run])
    assert len(markings(net)[0]) == 9
    costs, _ = cheapest(problem(net, words), symbols, offsets=np.cumsum([0, *map(len, runs)]))
    assert costs.tolist() == [0, 1, 1, 5]
