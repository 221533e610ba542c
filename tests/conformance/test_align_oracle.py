"""Costs against those that pm4py found of 2,000 random traces over 20 random small models; how, benchmarks/oracles says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rupturekit._kernels.alignment import Table, costs_by_programme, costs_by_walk
from rupturekit.alphabet import compile_model
from rupturekit.codebooks import Code, Codebook
from rupturekit.conformance.costs import AlignmentCosts, prices
from rupturekit.conformance.paths import best_path
from rupturekit.state_machine import Condition, State, StateMachine, Transition
from rupturekit.vocabulary import Certainty, Evidence, Phase

HELD = json.loads((Path(__file__).parents[1] / "data" / "alignment-oracle.json").read_text(encoding="utf-8"))
LABELS = "abcdef"
BOOK = Codebook(name="letters", title="Letters", version="1", citation="", certainty=Certainty.LOW, reliability="", unit="turn",
                codes=tuple(Code(code=label, label=label, functions=(f"says_{label}",)) for label in LABELS))


def model_of(case: dict[str, Any]) -> StateMachine:
    states = tuple(State(name=f"s{at}", phase=Phase.REPAIR if at == case["end"] else Phase.RUPTURE,
                         initial=at == case["start"], end=at == case["end"]) for at in range(case["states"]))
    arrows = tuple(Transition(source=f"s{source}", target=f"s{target}", evidence=Evidence.ASSUMPTION,
                              when=Condition(functions=(f"says_{label}",)) if label else None)
                   for source, target, label in case["arrows"])
    return StateMachine(name="case", title="Case", source="benchmarks/oracles", states=states, transitions=arrows)


def test_there_are_as_many_cases_as_are_spoken_of() -> None:
    assert len(HELD["models"]) == 20
    assert sum(len(case["traces"]) for case in HELD["models"]) == 2_000
    assert {len(case["costs"]) for case in HELD["models"]} == {100}
    assert len({cost for case in HELD["models"] for cost in case["costs"]}) > 10
    assert any(label == "" for case in HELD["models"] for _, _, label in case["arrows"])


@pytest.mark.parametrize("at", range(20))
def test_costs_are_those_of_the_other_program(at: int) -> None:
    case = HELD["models"][at]
    alphabet, costs = compile_model(model_of(case), BOOK), AlignmentCosts()
    symbol = {label: int(alphabet.symbol[0, place, 0, 0, 0]) for place, label in enumerate(LABELS)}
    runs = [[symbol[label] for label in trace] for trace in case["traces"]]
    symbols, offsets = np.concatenate([np.array(run) for run in runs]), np.cumsum([0, *map(len, runs)])
    held = prices(alphabet, costs)
    assert costs_by_walk(Table(held), symbols, offsets=offsets).tolist() == case["costs"]
    assert costs_by_programme(held, symbols, offsets=offsets).tolist() == case["costs"]
    assert [best_path(alphabet, costs, run).cost for run in runs] == case["costs"]
