"""Permuted models and the unordered one: against models that are written out and aligned as any other."""

from __future__ import annotations

import itertools
import math
import statistics
import warnings
from collections.abc import Iterable

import attrs
import numpy as np
import pytest
from hypothesis import given

import strategies as own
from rupturekit.alphabet import compile_model
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import align_cohort
from rupturekit.conformance.costs import AlignmentCosts, Substitution
from rupturekit.conformance.order import exchanged_episodes, order_gain
from rupturekit.conformance.specificity import MOST_ORDERS, OrderSpecificity, order_specificity
from rupturekit.errors import CodingWarning, NotEstimable, RecordError
from rupturekit.frames import to_frame
from rupturekit.inference.estimate import or_reason
from rupturekit.inference.nulls import Null, rearranged
from rupturekit.replays import replay_of_all
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.state_machine import Condition, State, StateMachine, Transition, load_model
from rupturekit.ties import TieRule
from rupturekit.vocabulary import Evidence, Phase

RULE = SegmentationRule(name="whole", opens=("withdrawal_marker",), gap=None)
ORDERED = Design(dyads=9, sessions=1, turns=(40, 40), onset=0.1, order=0.9, dwell=1.5, lapse=0.0)


def cohort(*, seed: int = 1, order: float = 0.9) -> Cohort:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        return segment(simulate(attrs.evolve(ORDERED, order=order), seed=seed).cohort, RULE)


def ranked(held: Cohort, model: StateMachine | str, **more: object) -> OrderSpecificity:
    found: OrderSpecificity = own.quietly(order_specificity, held, model, rule=RULE, any_type=True, **{"draws": 19, **more})
    return found


def per_move(held: Cohort, model: StateMachine, costs: AlignmentCosts | None = None) -> float:
    """Return cost per move, mean over dyads."""
    return statistics.mean(by_dyad(held, model, costs))


def by_dyad(held: Cohort, model: StateMachine, costs: AlignmentCosts | None = None) -> list[float]:
    """Return each dyad's cost per move."""
    table = own.quietly(align_cohort, held, model, costs=costs, any_type=True)
    dyads = np.array(table.replay.episodes.rows.words("dyad"))
    lengths = table.replay.episodes.lengths
    return [float(table.cost[dyads == dyad].sum() / lengths[dyads == dyad].sum()) for dyad in sorted(set(dyads))]


def arrow(source: str, target: str, when: Condition | None) -> Transition:
    return Transition(source=source, target=target, when=when, evidence=Evidence.ASSUMPTION)


def said(model: StateMachine, step: str, *, stays: bool) -> list[Condition]:
    """Return what makes a step, or keeps it."""
    return list(dict.fromkeys(one.when for one in model.transitions if one.when is not None and one.target == step
                              and (one.source == one.target) is stays))


def written(model: StateMachine, steps: Iterable[str], order: Iterable[str]) -> StateMachine:
    """Return a model without chains or sets with its steps in another order, every arrow written out."""
    stands = dict(zip(steps, order, strict=True))
    arrows = []
    for source, target, silent in dict.fromkeys((one.source, one.target, one.when is None) for one in model.transitions):
        if source != target:
            whens = [None] if silent else said(model, stands.get(target, target), stays=False)
            arrows += [arrow(source, target, when) for when in whens]
    arrows += [arrow(state, state, when) for state in model.index for when in said(model, stands.get(state, state), stays=True)]
    return attrs.evolve(model, transitions=tuple(arrows))


def unordered(model: StateMachine) -> StateMachine:
    """Return a model in which every state leads to every other that any arrow leads to, and keeps what any state keeps."""
    kept = [when for step in model.index for when in said(model, step, stays=True)]
    arrows = [arrow(state, state, when) for state in model.index for when in kept]
    for target in model.index:
        silent = [None] if any(one.when is None and one.target == target for one in model.transitions) else []
        arrows += [arrow(source, target, when) for source in model.index if source != target
                   for when in [*said(model, target, stays=False), *silent]]
    return attrs.evolve(model, transitions=tuple(arrows))


@pytest.mark.parametrize("name", ["withdrawal-2000", "safran-muran-1996", "confrontation-2000"])
@pytest.mark.parametrize("costs", [AlignmentCosts(), AlignmentCosts(skipped=2, off_model=3, substituted=1, accept="any_end")])
def test_every_order_costs_what_it_costs_written_out(name: str, costs: AlignmentCosts) -> None:
    held, model = cohort(order=0.5), load_model(name)
    found = ranked(held, model, costs=costs)
    assert found.steps == tuple(state.name for state in model.states if not state.initial and not state.end)
    assert len(found.models) == found.permutations == found.possible == math.factorial(len(found.steps))
    assert {one.order for one in found.models} == set(itertools.permutations(found.steps))
    for one in found.models[:: max(len(found.models) // 6, 1)]:
        assert one.cost == pytest.approx(per_move(held, written(model, found.steps, one.order), costs))
    assert found.as_written == pytest.approx(per_move(held, model, costs))
    assert found.theory.cost == pytest.approx(per_move(held, written(model, found.steps, found.steps), costs))
    assert found.beyond_set.value == pytest.approx(found.theory.cost - per_move(held, unordered(model), costs))
    assert sorted(found.models, key=lambda one: round(-one.gain, 12)) == list(found.models)


def test_gains_are_those_of_order_gain_and_differences_are_taken_beyond_chance() -> None:
    """All episodes hold moves that can be exchanged, so that none is left out of either."""
    held, model = cohort(), load_model("withdrawal-2000")
    found = ranked(held, model, draws=49)
    for one in found.models:
        assert one.gain == pytest.approx(order_gain(held, written(model, found.steps, one.order), rule=RULE, draws=49).gain.value)
    test = found.below_others.test
    assert test is not None
    assert (test.statistic, test.draws) == (pytest.approx(found.below_others.value), 49)
    assert test.expected == pytest.approx(0, abs=1e-12)


def test_differences_are_those_of_arrangements_aligned_one_by_one() -> None:
    """The moves of every arrangement are written into a cohort and aligned to models that are written out."""
    held, model = cohort(), load_model("withdrawal-2000")
    found = ranked(held, model, draws=4)
    replay = replay_of_all(held, model, track=None, tie_rule=TieRule.AS_FILED, follow_skips=False, any_type=True)
    code = held.moves.code
    by_draw: dict[tuple[str, ...], list[list[float]]] = {order: [] for order in [*(one.order for one in found.models), ()]}
    every = exchanged_episodes(replay, RULE, Null.TURNS)
    for draw in range(5):
        fresh = code.copy()
        for one, members in zip(every, (held.columns.members[low:high] for low, high in itertools.pairwise(held.columns.offsets)), strict=True):
            laid = rearranged(one.exchanges, code[members], seed=1, null=Null.TURNS, start=0, count=4)
            fresh[members] = laid[:, draw - 1] if draw else code[members]
        other = attrs.evolve(held, moves=held.moves.replace(code=fresh))
        for order, costs in by_draw.items():
            costs.append(by_dyad(other, written(model, found.steps, order) if order else unordered(model)))
    below = np.mean([by_draw[one.order] for one in found.models], axis=0) - by_draw[found.steps]
    values = below[0] - below[1:].mean(axis=0)
    assert found.below_others.value == pytest.approx(values.mean())
    assert found.below_others.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(len(values)))
    asked = np.subtract(by_draw[found.steps], by_draw[()])
    assert found.beyond_set.value == pytest.approx(asked[0].mean())
    assert found.beyond_set_by_chance == pytest.approx(asked[1:].mean())


@given(own.parts(), own.models())
def test_so_it_is_with_any_model(parts: own.Parts, model: StateMachine) -> None:
    held = parts.cohort()
    model = attrs.evolve(model, transitions=tuple(one for one in model.transitions if one.when is None or not one.when.times))
    found = or_reason(lambda: ranked(held, model, draws=1))
    if isinstance(found, str):
        assert any(why in found for why in ("no episode is held", "these codes show", "states no order", "no way leads"))
        return
    for one in found.models[:3]:
        assert one.cost == pytest.approx(per_move(held, written(model, found.steps, one.order)))
    asked = found.theory.cost - per_move(held, unordered(model))
    assert found.beyond_set.value == pytest.approx(asked)
    assert asked >= -1e-12
    assert found.as_written >= found.theory.cost - 1e-12
    assert 1 <= found.rank <= len(found.models)
    assert 0 <= found.share <= 1


def test_the_models_that_differ_are_counted_once() -> None:
    """One step, then either of two, then the end: which of the two stands where is no matter, so of six orders three."""
    functions = ("notices", "validates", "empathises", "self_assertion")
    states = [State(name="s", phase=Phase.RUPTURE, initial=True), *(State(name=name, phase=Phase.NEGOTIATION) for name in "abc"),
              State(name="z", phase=Phase.REPAIR, end=True)]
    does = dict(zip("abcz", (Condition(functions=(name,)) for name in functions), strict=True))
    fork = StateMachine(name="fork", title="", source="", states=tuple(states), transitions=tuple(
        arrow(source, target, does[target]) for source, target in ("sa", "ab", "ac", "bz", "cz")))
    held = cohort()
    found = ranked(held, fork)
    assert (found.permutations, len(found.models)) == (6, 3)
    assert {one.order[0] for one in found.models} == set("abc")
    assert "3 orders gave one of them again" in str(found)
    assert found.beyond_set.value == pytest.approx(found.theory.cost - per_move(held, unordered(fork)))
    level = attrs.evolve(fork, transitions=tuple(
        arrow(source, target, does[target]) for source, target in ("sa", "sb", "sc", "az", "bz", "cz")))
    with pytest.raises(NotEstimable, match="fork states no order among a, b, c: in every order they make the same model"):
        ranked(held, level)


def test_a_set_without_order_is_refused() -> None:
    book = load_codebook("stages")
    assert any(arrow.step == "clarifies" for arrow in compile_model(load_model("renegotiation"), book).model.transitions)
    with pytest.raises(NotEstimable, match="renegotiation states no order among|these codes show"):
        ranked(cohort(), "renegotiation")


def test_what_codes_do_not_show_stays_in_its_place() -> None:
    model = load_model("withdrawal-2000")
    blind = attrs.evolve(model, transitions=tuple(
        attrs.evolve(one, when=attrs.evolve(one.when, functions=("unheard_of",))) if one.when and one.target == "avoidance"
        and one.source != "avoidance" else one for one in model.transitions))
    found = ranked(cohort(), blind)
    assert found.steps == ("disembedding", "qualified_assertion")
    assert len(found.models) == 2
    less = attrs.evolve(blind, transitions=tuple(
        attrs.evolve(one, when=attrs.evolve(one.when, functions=("unheard_of",))) if one.when and one.target == "disembedding"
        else one for one in blind.transitions))
    with pytest.raises(NotEstimable, match=r"these codes show 1 steps \(qualified_assertion\); another order needs two"):
        ranked(cohort(), less)


def test_a_theory_that_made_the_moves_comes_first_and_equal_costs_count_half() -> None:
    held = cohort()
    found = ranked(held, "withdrawal-2000")
    assert (found.rank, found.share) == (1, 0)
    assert found.below_others.interval is not None
    assert found.below_others.interval[0] > 0
    assert found.below_others.test is not None
    assert found.below_others.test.p == 0.05
    level = ranked(held, "withdrawal-2000", costs=AlignmentCosts(skipped=0, off_model=0))
    assert (level.rank, level.rank_by_cost, level.share, level.theory.cost) == (3.5, 3.5, 0.5, 0)
    assert "all dyads have the same value" in level.beyond_set.no_interval


def test_what_cannot_be_tested_says_why() -> None:
    few = ranked(cohort(), "withdrawal-2000", draws=9)
    assert few.below_others.test is None
    assert few.untested.startswith("not tested: the smallest p attainable is 0.1")
    assert f"test: {few.untested}" in str(few)
    free = ranked(cohort(), "withdrawal-2000", null=Null.FREE)
    assert any("nothing is kept" in text for text in free.beyond_set.warnings)


def test_large_cohorts_are_rearranged_one_by_one_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ranked(cohort(), "withdrawal-2000")
    monkeypatch.setattr("rupturekit.conformance.specificity._AT_ONCE", 100)
    assert ranked(cohort(), "withdrawal-2000") == whole
    monkeypatch.setattr("rupturekit.inference.nulls._ENTRIES", 100)
    monkeypatch.setattr("rupturekit.inference.nulls._FEWEST", 7)
    assert ranked(cohort(), "withdrawal-2000") == whole


def chain(steps: int) -> StateMachine:
    """Return so many steps in a row, each with a function that the codebook shows."""
    book = load_codebook("stages")
    shown = sorted({name for code in book.codes for name in code.functions})[:steps]
    names = ["s", *(f"step{at}" for at in range(steps)), "z"]
    states = tuple(State(name=name, phase=Phase.REPAIR if name == "z" else Phase.RUPTURE, initial=name == "s", end=name == "z")
                   for name in names)
    arrows = [arrow(one, two, Condition(functions=(name,))) for (one, two), name in
              zip(itertools.pairwise(names[:-1]), shown, strict=True)]
    return StateMachine(name="chain", title="", source="", states=states, transitions=(
        *arrows, arrow(names[-2], "z", Condition(functions=("self_assertion",)))))


def test_of_many_orders_a_sample_is_drawn() -> None:
    held = cohort()
    found = ranked(held, chain(8), sample=20)
    assert math.factorial(8) > MOST_ORDERS
    assert (found.permutations, found.possible, len(found.models)) == (21, 40_320, 21)
    assert found == ranked(held, chain(8), sample=20)
    assert {one.order for one in found.models} != {one.order for one in ranked(held, chain(8), sample=20, seed=2).models}
    assert "a sample of 40,320: 21, which make 21 models" in str(found)
    assert ranked(held, chain(4), sample=1).permutations == 24


def test_what_cannot_be_ranked_is_refused() -> None:
    held = cohort()
    for name in ("sample", "draws"):
        with pytest.raises(RecordError, match=f"{name} is 0; expected 1 or more"):
            ranked(held, "withdrawal-2000", **{name: 0})
    one_by_one = AlignmentCosts(substitutions=(Substitution(state="avoidance", cost=1),))
    with pytest.raises(RecordError, match="priced by function or state, which mean nothing where steps exchange places"):
        ranked(held, "withdrawal-2000", costs=one_by_one)
    with pytest.raises(NotEstimable, match="no episode is held against the model; .* opened with another rupture type"):
        own.quietly(order_specificity, held, "confrontation-2000", rule=RULE)


def test_the_result_reads_well_and_goes_into_a_frame() -> None:
    found = ranked(cohort(), "withdrawal-2000")
    assert repr(found) == "OrderSpecificity('withdrawal-2000': rank 1 of 6 by gain)"
    for text in ("a reconstruction after", "rank by gain: 1 of 6; of the others, 0.0% gain more",
                 "rank by cost: 1 of 6; ", "order 1: disembedding > qualified_assertion > avoidance: gain 0.", ", the theory's", "does not show: ",
                 "steps that exchange places: disembedding, qualified_assertion, avoidance\n", "orders: all 6, which make 6 models that differ\n", "the same by chance: 0."):
        assert text in str(found)
    assert "OrderSpecificity" in found._repr_html_()
    frame = to_frame(found)
    assert list(frame.columns) == ["order", "cost", "gain", "theory"]
    assert frame["theory"].tolist() == [True, *[False] * 5]
    assert found.provenance is not None
    assert "costs skipped 1, off-model 1" in found.provenance.rules[-1]
