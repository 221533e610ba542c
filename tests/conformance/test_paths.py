"""One cheapest way and how many there are, against every way written out; steps of many runs, against each alone."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_alignment as slow
from rupturekit._kernels.alignment import NO_WAY, Table, cheapest
from rupturekit._kernels.retrace import count_steps
from rupturekit.alphabet import Alphabet, compile_model
from rupturekit.codebooks import load_codebook
from rupturekit.conformance.costs import Accept, AlignmentCosts, Substitution, prices
from rupturekit.conformance.paths import Edge, StepKind, best_path, graph_of, steps_by_kind, ways_of
from rupturekit.conformance.substitutions import _split as split
from rupturekit.errors import NotEstimable
from rupturekit.state_machine import Condition, State, StateMachine, Transition
from rupturekit.testing import codebooks, models
from rupturekit.vocabulary import Evidence, Phase

RANK = {StepKind.TAKEN: 0, StepKind.SUBSTITUTED: 1, StepKind.OFF_MODEL: 2}
PRICE = st.integers(0, 2)
COSTS = st.builds(AlignmentCosts, skipped=PRICE, off_model=PRICE, substituted=st.none() | PRICE,
                  accept=st.sampled_from(Accept))


@st.composite
def alphabets(draw: st.DrawFn) -> Alphabet:
    return compile_model(draw(models(guards=False)), draw(codebooks()))


@st.composite
def priced(draw: st.DrawFn) -> tuple[Alphabet, AlignmentCosts]:
    """Draw a compiled model and costs, in half of all cases with prices by function and state."""
    alphabet, costs = draw(alphabets()), draw(COSTS)
    model = alphabet.model
    done = sorted({name for code in alphabet.codebook.codes for name in code.functions})
    some = {"wanted": st.none() | st.sampled_from(model.functions) if model.functions else st.none(),
            "had": st.none() | st.sampled_from(done) if done else st.none(),
            "state": st.none() | st.sampled_from(list(model.index)), "cost": st.none() | PRICE}
    drawn = draw(st.lists(st.fixed_dictionaries(some), max_size=3)) if draw(st.booleans()) else []
    made = tuple(Substitution(**one) for one in drawn if {one["wanted"], one["had"], one["state"]} != {None})
    functions = frozenset(one.had for one in made if one.had is not None)
    return split(alphabet, functions) if functions else alphabet, attrs.evolve(costs, substitutions=made)


def functions_of(alphabet: Alphabet) -> list[set[str]]:
    """Return what moves of each symbol do: those of some code that has it."""
    done = [set[str]() for _ in alphabet.fits]
    for code, held in zip(alphabet.codebook.codes, np.moveaxis(alphabet.symbol, 1, 0)[:-1], strict=True):
        for symbol in held.ravel().tolist():
            done[symbol] |= set(code.functions)
    return done


def price_of(costs: AlignmentCosts, wanted: tuple[str, ...], done: set[str], source: str) -> int | None:
    """Return what a substitution costs: the first price that applies, then the one for all; None where none is allowed."""
    return next((one.cost for one in costs.substitutions
                 if (one.wanted is None or one.wanted in wanted) and (one.had is None or one.had in done)
                 and one.state in (None, source)), costs.substituted)


def problem(alphabet: Alphabet, costs: AlignmentCosts) -> dict[str, Any]:
    """Say what leads where, straight from the model's arrows."""
    model, done = alphabet.model, functions_of(alphabet)
    take: list[dict[tuple[int, int], tuple[str, int]]] = [{} for _ in alphabet.fits]
    step: dict[tuple[int, int], int] = {}
    for at, arrow in enumerate(model.transitions):
        pair = model.index[arrow.source], model.index[arrow.target]
        if pair[0] != pair[1]:
            price = costs.skipped if alphabet.charged[at] else 0
            step[pair] = min(price, step.get(pair, price))
        for symbol, arrows in enumerate(take):
            if alphabet.fits[symbol, at]:
                arrows[pair] = StepKind.TAKEN, 0
            elif arrow.when is not None:
                price = price_of(costs, arrow.when.functions, done[symbol], arrow.source)
                if price is not None and arrows.get(pair, (None, price + 1))[1] > price:
                    arrows[pair] = StepKind.SUBSTITUTED, price
    return {"take": take, "step": step, "start": alphabet.start}


def accepted(alphabet: Alphabet, accept: Accept) -> set[int]:
    states = list(enumerate(alphabet.model.states))
    ends = {at for at, state in states if state.end}
    repaired = {at for at, state in states if state.end and state.phase is Phase.REPAIR}
    return {Accept.COMPLETED: repaired or ends, Accept.ANY_END: ends, Accept.ANY_PREFIX: {at for at, _ in states}}[accept]


def cost_of(held: dict[str, Any], costs: AlignmentCosts, symbols: list[int], ends: set[int]) -> int | None:
    take = [{pair: price for pair, (_, price) in arrows.items()} for arrows in held["take"]]
    return slow.cheapest_cost(symbols, take=take, step=held["step"], start=held["start"], stop=dict.fromkeys(ends, 0),
                              leave_out=[costs.off_model] * len(take))


def read_from_the_end(way: tuple[tuple[Any, ...], ...], start: int) -> list[Any]:
    """Return by what ways are compared: the stated rule."""
    key: list[Any] = [way[-1][2] if way else start]
    passed: list[int] = []
    for kind, before, _, move in reversed(way):
        if move is None:
            passed.append(before)
        else:
            key.append((len(passed), passed, RANK[kind], before))
            passed = []
    return [*key, (len(passed), passed)]


def goes_in_a_circle(step: dict[tuple[int, int], int], used: set[int]) -> bool:
    """Return whether arrows without charge lead from a state that is used back to it."""
    for state in used:
        reached, stack = set[int](), [state]
        while stack:
            here = stack.pop()
            fresh = {after for (before, after), price in step.items() if before == here and not price} - reached
            reached |= fresh
            stack += fresh
        if state in reached:
            return True
    return False


@settings(max_examples=150, deadline=None)
@given(priced(), st.data())
def test_the_way_is_the_stated_one_of_all_cheapest_and_they_are_counted(held_at: tuple[Alphabet, AlignmentCosts],
                                                                        data: st.DataObject) -> None:
    alphabet, costs = held_at
    symbols = data.draw(st.lists(st.integers(0, len(alphabet.fits) - 1), max_size=3))
    held, ends = problem(alphabet, costs), accepted(alphabet, costs.accept)
    cost = cost_of(held, costs, symbols, ends)
    assert cost is not None
    found = best_path(alphabet, costs, symbols)
    assert found.cost == cost
    ways = list(slow.every_way(symbols, **held, leave_out=costs.off_model, ends=ends, most=cost))
    told = tuple(("pass" if edge.move is None else edge.kind, edge.before, edge.after, edge.move) for edge in found.edges)
    assert told == min(ways, key=lambda way: read_from_the_end(way, alphabet.start))
    used = {alphabet.start, *(after for way in ways for _, _, after, _ in way)}
    if goes_in_a_circle(held["step"], used):
        assert found.number is None
    else:
        assert found.number == len(ways) == len(set(ways))


@settings(deadline=None)
@given(priced(), st.data())
def test_steps_are_connected_and_use_every_move_once(held_at: tuple[Alphabet, AlignmentCosts], data: st.DataObject
                                                     ) -> None:
    alphabet, costs = held_at
    symbols = data.draw(st.lists(st.integers(0, len(alphabet.fits) - 1), max_size=20))
    found = best_path(alphabet, costs, symbols)
    state = alphabet.start
    for edge in found.edges:
        assert edge.before == state
        state = edge.after
        if edge.arrow is not None:
            arrow = alphabet.model.transitions[edge.arrow]
            assert (alphabet.model.index[arrow.source], alphabet.model.index[arrow.target]) == (edge.before, edge.after)
            if edge.kind in (StepKind.TAKEN, StepKind.SUBSTITUTED):
                assert alphabet.fits[symbols[edge.move or 0], edge.arrow] == (edge.kind is StepKind.TAKEN)
            else:
                assert alphabet.charged[edge.arrow] == (edge.kind is StepKind.SKIPPED)
        else:
            assert edge.kind is StepKind.OFF_MODEL
            assert edge.before == edge.after
    assert state in accepted(alphabet, costs.accept)
    assert [edge.move for edge in found.edges if edge.move is not None] == list(range(len(symbols)))
    assert found.cost == sum(edge.cost for edge in found.edges)
    assert [edge.cost for edge in found.edges] == [price_of_edge(alphabet, costs, symbols, edge) for edge in found.edges]


def price_of_edge(alphabet: Alphabet, costs: AlignmentCosts, symbols: list[int], edge: Edge) -> int | None:
    if edge.kind is not StepKind.SUBSTITUTED:
        return {StepKind.SKIPPED: costs.skipped, StepKind.OFF_MODEL: costs.off_model}.get(edge.kind, 0)
    arrow = alphabet.model.transitions[edge.arrow or 0]
    return price_of(costs, arrow.when.functions if arrow.when else (), functions_of(alphabet)[symbols[edge.move or 0]],
                    arrow.source)


@settings(deadline=None)
@given(priced(), st.data())
def test_steps_of_many_runs_are_those_of_each_alone(held_at: tuple[Alphabet, AlignmentCosts], data: st.DataObject
                                                    ) -> None:
    alphabet, costs = held_at
    run = st.lists(st.integers(0, len(alphabet.fits) - 1), max_size=8)
    runs = data.draw(st.lists(run, max_size=6))
    symbols = np.array([symbol for one in runs for symbol in one], dtype="i2")
    offsets = np.cumsum([7, *map(len, runs)], dtype="i8")    # runs may stand anywhere
    graph, held = graph_of(alphabet, costs), prices(alphabet, costs)
    assert cheapest(held, symbols, offsets=offsets - 7)[0].tolist() == [best_path(alphabet, costs, one).cost for one in runs]
    edges = [edge for one in runs for edge in best_path(alphabet, costs, one).edges]
    alone = Counter((edge.kind, edge.before, edge.after) for edge in edges)
    costly = Counter((edge.kind, edge.before, edge.after) for edge in edges if edge.cost)
    for most in (0, 2, 10_000):
        table = Table(held, most=most)
        steps = count_steps(table, ways_of(graph), symbols, offsets=offsets, start=alphabet.start)
        assert steps.cost.tolist() == [best_path(alphabet, costs, one).cost for one in runs]
        for expected, counts in ((alone, steps_by_kind(graph, steps)),
                                 (costly, steps_by_kind(graph, steps, costly=True))):
            assert {(kind, *pair): int(n[*pair]) for kind, n in counts.items()
                    for pair in np.argwhere(n).tolist()} == expected


def test_steps_are_counted_in_parts_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    alphabet = compile_model(chain(*"abcdef"), load_codebook("stages"))
    costs, rng = AlignmentCosts(), np.random.default_rng(1)
    runs = [rng.integers(0, len(alphabet.fits), n) for n in rng.integers(0, 30, 40)]
    symbols, offsets = np.concatenate(runs), np.cumsum([0, *map(len, runs)], dtype="i8")
    graph, held = graph_of(alphabet, costs), prices(alphabet, costs)
    whole = count_steps(Table(held), ways_of(graph), symbols, offsets=offsets, start=alphabet.start)
    assert whole.took.sum() == len(symbols)
    monkeypatch.setattr("rupturekit._kernels.retrace._AT_ONCE", 30)
    monkeypatch.setattr("rupturekit._kernels.replay.BLOCK", 7)
    for most in (0, 10_000):
        table = Table(held, most=most)
        parts = count_steps(table, ways_of(graph), symbols, offsets=offsets, start=alphabet.start)
        assert all(np.array_equal(one, other) for one, other in zip(parts, whole, strict=True))


# --- written out ---------------------------------------------------------------------------------------------------


def arrow(source: str, target: str, *functions: str) -> Transition:
    return Transition(source=source, target=target, evidence=Evidence.ASSUMPTION,
                      when=Condition(functions=functions) if functions else None)


def chain(*names: str, more: tuple[Transition, ...] = ()) -> StateMachine:
    """Return a model whose states follow one another, each step shown by a marker or by what notices it."""
    states = tuple(State(name=name, phase=Phase.REPAIR if name == names[-1] else Phase.RUPTURE, initial=name == names[0],
                         end=name == names[-1]) for name in names)
    shown = ("withdrawal_marker", "notices")
    return StateMachine(name="chain", title="Chain", source="nobody", states=states, transitions=(
        *(arrow(one, other, shown[at % 2]) for at, (one, other) in enumerate(itertools.pairwise(names))), *more))


def test_arrows_without_charge_in_a_circle_leave_no_number() -> None:
    model = chain("a", "b", "c", more=(arrow("b", "a"), arrow("a", "b")))
    found = best_path(compile_model(model, load_codebook("stages")), AlignmentCosts(), [])
    assert (found.cost, found.number) == (1, None)


def test_of_two_arrows_between_two_states_the_one_without_charge_is_passed() -> None:
    model = chain("a", "b", more=(arrow("a", "b"),))
    found = best_path(compile_model(model, load_codebook("stages")), AlignmentCosts(), [])
    assert [(edge.kind, edge.arrow) for edge in found.edges] == [(StepKind.UNSEEN, 1)]
    assert (found.cost, found.number) == (0, 1)


@pytest.mark.parametrize(("dear", "cheap", "taken"), [("withdrawal_marker", "notices", 1), ("notices", "withdrawal_marker", 0)])
def test_of_two_arrows_between_two_states_a_move_stands_in_at_the_lower_price(dear: str, cheap: str, taken: int) -> None:
    model = chain("a", "b", more=(arrow("a", "b", "notices"),))
    held = compile_model(model, load_codebook("stages"))
    costs = AlignmentCosts(skipped=5, off_model=5, substitutions=(Substitution(wanted=dear, cost=2),
                                                                  Substitution(wanted=cheap, cost=1)))
    assert [(edge.kind, edge.arrow, edge.cost) for edge in best_path(held, costs, [0]).edges] == [
        (StepKind.SUBSTITUTED, taken, 1)]


def test_nothing_leads_to_an_end_that_no_arrow_leads_to() -> None:
    model = chain("a", "b")
    held = compile_model(attrs.evolve(model, transitions=()), load_codebook("stages"))
    with pytest.raises(NotEstimable, match="no way leads to a state where the run may stop"):
        best_path(held, AlignmentCosts(), [0])


def test_what_would_not_add_up_exactly_is_refused() -> None:
    held = compile_model(chain("a", "b"), load_codebook("stages"))
    with pytest.raises(NotEstimable, match="26,843 moves, 2 states and prices up to 10,000 could cost 268,435,456 or more"):
        best_path(held, AlignmentCosts(off_model=10_000), [0] * 26_843)
    assert best_path(held, AlignmentCosts(off_model=10_000), [0] * 2_000).cost == 20_000_001
    assert NO_WAY <= 10_000 * 26_845


def test_the_number_of_ways_is_exact_far_past_what_a_float_holds() -> None:
    held = compile_model(chain("a", "b", more=(arrow("b", "b", "validates"),)), load_codebook("stages"))
    validating = int(np.flatnonzero(held.fits[:, 1])[0])
    free = AlignmentCosts(off_model=0)
    assert best_path(held, free, [validating] * 200).number == 2**201 - 1


@settings(max_examples=40, deadline=None)
@given(alphabets(), st.data())
def test_dearer_departures_never_make_an_episode_cheaper(alphabet: Alphabet, data: st.DataObject) -> None:
    symbols = data.draw(st.lists(st.integers(0, len(alphabet.fits) - 1), max_size=8))
    costs = data.draw(COSTS.filter(lambda drawn: drawn.substituted is not None))
    dear = attrs.evolve(costs, **{data.draw(st.sampled_from(["skipped", "off_model", "substituted"])): 3})
    assert best_path(alphabet, costs, symbols).cost <= best_path(alphabet, dear, symbols).cost
