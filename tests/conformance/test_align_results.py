"""Alignments as JSON and back, with their cohort."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import strategies as own
from rupturekit.conformance.alignment import Accept, AlignmentCosts, Alignments, Substitution, align_cohort
from rupturekit.errors import DefinitionError, ProvenanceMismatch, RecordError
from rupturekit.example import example_cohort
from rupturekit.results import from_json, to_json
from rupturekit.segmentation import WHOLE_SESSION, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.state_machine import StateMachine
from rupturekit.ties import TieRule

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

PRICE = st.integers(0, 3)
COSTS = st.builds(AlignmentCosts, skipped=PRICE, off_model=PRICE, substituted=st.none() | PRICE,
                  accept=st.sampled_from(Accept))


@settings(max_examples=40, deadline=None)
@given(own.parts(tracks=("r1", "r2")), own.models(), COSTS, st.sampled_from(TieRule), st.sampled_from([0, 20_000]))
def test_alignments_come_back_with_their_cohort(parts: own.Parts, model: StateMachine, costs: AlignmentCosts,
                                                tie_rule: TieRule, most: int) -> None:
    cohort = parts.cohort()
    held = own.quietly(align_cohort, cohort, model, costs=costs, tie_rule=tie_rule, any_type=True, most_vectors=most)
    text = to_json(held)
    back = from_json(text, cohort=cohort)
    assert back == held
    assert back.provenance == held.provenance
    assert to_json(back) == text
    assert [str(one) for one in back] == [str(one) for one in held]
    assert (str(back), back.deviations(), back.vectors) == (str(held), held.deviations(), held.vectors)


def aligned(**how: Any) -> Alignments:
    return align_cohort(segment(example_cohort(), WHOLE_SESSION, track="r1"), "withdrawal-2000", **how)


def test_prices_by_function_and_state_come_back() -> None:
    made = (Substitution(had="links_pattern", cost=1), Substitution(state="disembedding", wanted="qualified_assertion", cost=None))
    held = aligned(costs=AlignmentCosts(substituted=2, substitutions=made))
    back = from_json(to_json(held), cohort=held.replay.cohort)
    assert back == held
    assert back.costs.substitutions == made


def test_alignments_differ_by_costs_model_and_tie_rule() -> None:
    held = aligned()
    assert held == aligned()
    others = [aligned(costs=AlignmentCosts(accept=Accept.ANY_END)), aligned(tie_rule=TieRule.FIRST_PARTY_FIRST),
              attrs.evolve(held, left_out={"holds no moves": 3}), attrs.evolve(held, cost=held.cost + 1),
              align_cohort(held.replay.cohort, "safran-muran-1996")]
    for other in others:
        assert held != other
    assert held != "alignments"


def without_a_cost(said: dict[str, Any]) -> None:
    said["cost"] = said["cost"][1:]


def with_a_cost(said: dict[str, Any]) -> None:
    said["cost"][0] += 1


def with_a_bound(said: dict[str, Any]) -> None:
    said["exact"][0] = not said["exact"][0]


def with_less(said: dict[str, Any]) -> None:
    said["least"][0] -= 1


def with_moves_in_another_order(said: dict[str, Any]) -> None:
    said["tie_rule"] = "second_party_first"
    said["row_ids"][:2] = said["row_ids"][1::-1]


def with_a_strange_price(said: dict[str, Any]) -> None:
    said["costs"]["off_model"] = -1


@pytest.mark.parametrize(("spoil", "words"), [
    (without_a_cost, "cost: [0-9]+ values for [0-9]+ episodes"), (with_a_cost, "the costs do not follow from the moves"),
    (with_a_bound, "the costs do not follow"), (with_less, "the costs do not follow"),
    (with_a_strange_price, "expected a whole number from 0 to 10,000 but got -1"),
    (with_moves_in_another_order, "the costs do not follow|new_session|do not divide|offsets|row_ids")])
def test_spoiled_alignments_are_refused(spoil: Callable[[dict[str, Any]], None], words: str) -> None:
    held = aligned()
    said = json.loads(to_json(held))
    spoil(said["result"])
    with pytest.raises((DefinitionError, RecordError), match=words):
        from_json(json.dumps(said), cohort=held.replay.cohort)


def test_alignments_need_their_own_cohort() -> None:
    held = aligned()
    with pytest.raises(RecordError, match=r"alignments refer to the moves of their cohort; say which \(cohort=study.cohort\)"):
        from_json(to_json(held))
    with pytest.raises(ProvenanceMismatch, match="made from other records"):
        from_json(to_json(held), cohort=simulate(Design(dyads=1, sessions=1), seed=1).cohort)
