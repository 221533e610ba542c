"""Moves at one instant: what another order of them would have led to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from rupturekit._kernels import replay as kernel
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Episode, EpisodeRow, Move
from rupturekit.errors import RecordError
from rupturekit.plan import Plan
from rupturekit.state_machine import Condition, State, StateMachine, Transition
from rupturekit.ties import TieRule
from rupturekit.traces import Trace, trace, trace_cohort, trace_ends
from rupturekit.vocabulary import Evidence, Phase, TimeKind
from strategies import Parts, models, parts, quietly

EXACT = 6
"""Up to so many moves at one instant the library promises exact answers."""


def every_order(group: list[Move]) -> Iterator[Sequence[Move]]:
    """Yield the orders of moves that differ in who, what or how rated."""
    seen: set[tuple[object, ...]] = set()
    for order in itertools.permutations(group):
        kinds = tuple((move.party, move.code, move.rating) for move in order)
        if kinds not in seen:
            seen.add(kinds)
            yield order


def ends_of(one: Trace) -> set[str]:
    return set(one.open_ends) or {one.end}


def at_one_instant(study: Parts, n: int) -> Parts:
    """Put moves of a study into one session: one at its start, then n at one instant."""
    picked = itertools.islice(itertools.cycle(study.moves), n + 1)
    moves = tuple(attrs.evolve(move, dyad="D1", session=1, onset=1_000_000 * bool(at), offset=None, row_id=at)
                  for at, move in enumerate(picked))
    return attrs.evolve(study, moves=moves, sessions=(), observed=(), episodes=(), members=(), labels=())


@given(parts(), models(), st.sampled_from(TieRule))
def test_a_rule_named_by_its_word_is_that_rule(study: Parts, model: StateMachine, rule: TieRule) -> None:
    cohort, word = study.cohort(), str(rule.value)
    by_word = quietly(trace_cohort, cohort, model, tie_rule=word, any_type=True)
    meant = quietly(trace_cohort, cohort, model, tie_rule=rule, any_type=True)
    assert by_word == meant
    assert (by_word.tie_rule, by_word.provenance) == (rule, meant.provenance)
    assert quietly(trace_ends, cohort, model, tie_rule=word, any_type=True) == meant.ends()
    assert Plan(tie_rule=word).tie_rule is rule


@pytest.mark.parametrize("word", ["as-filed", None, 1, ["as_filed"]])
def test_a_rule_that_there_is_not_is_refused(word: Any) -> None:
    empty = Cohort.of((), coding=Coding(codebook=load_codebook("stages")))
    for asked in (lambda: Plan(tie_rule=word), lambda: quietly(trace_cohort, empty, "withdrawal-2000", tie_rule=word)):
        with pytest.raises(RecordError, match="expected a tie rule, one of as_filed, first_party_first, second_party_first"):
            asked()


@given(parts(episodes=False, latest=1, most=8), models(), st.sampled_from(TieRule), st.booleans())
def test_order_dependence_and_open_ends_are_those_of_all_permutations(study: Parts, model: StateMachine, ties: TieRule,
                                                                      follow: bool) -> None:
    cohort = attrs.evolve(study, episodes=study.whole()).cohort()
    for one in trace_cohort(cohort, model, tie_rule=ties, follow_skips=follow):
        if max(map(len, oracles.instants(one.episode.moves))) > EXACT:
            continue
        matters, ends = oracles.ends_over_orders(one.episode, model, every_order, follow_skips=follow)
        assert [step.order_dependent for step in one.steps] == matters
        assert one.open_ends == tuple(name for name in model.index if name in ends and len(ends) > 1)


clocked = parts(episodes=False, most=10, times=(TimeKind.CLOCK,))


@given(clocked, models())
def test_six_moves_at_one_instant_are_still_exact(study: Parts, model: StateMachine) -> None:
    six = at_one_instant(study, EXACT)
    one, = trace_cohort(attrs.evolve(six, episodes=six.whole()).cohort(), model)
    matters, ends = oracles.ends_over_orders(one.episode, model, every_order)
    assert [step.order_dependent for step in one.steps] == matters
    assert ends_of(one) == ends


@given(clocked, models(), st.data())
def test_beyond_six_moves_the_bound_holds_every_order_that_is_tried(study: Parts, model: StateMachine,
                                                                    data: st.DataObject) -> None:
    many = at_one_instant(study, data.draw(st.integers(EXACT + 1, 9)))
    episode, = attrs.evolve(many, episodes=many.whole()).cohort().episodes
    ends = ends_of(trace(episode, model))
    first, *rest = episode.moves
    for _ in range(5):
        order = data.draw(st.permutations(rest))
        turned = attrs.evolve(episode, moves=(first, *order))
        assert trace(turned, model).end in ends
        assert set(ends_of(trace(turned, model))) == ends


@given(parts(episodes=False, latest=1, most=8), models(), st.data())
def test_open_ends_do_not_depend_on_the_order_as_filed(study: Parts, model: StateMachine, data: st.DataObject) -> None:
    for episode in attrs.evolve(study, episodes=study.whole()).cohort().episodes:
        turned = [move for group in oracles.instants(episode.moves) for move in data.draw(st.permutations(group))]
        other = trace(attrs.evolve(episode, moves=tuple(turned)), model)
        assert ends_of(other) == ends_of(trace(episode, model))


def test_who_comes_first_in_an_instant_has_waited_and_the_others_have_not() -> None:
    states = tuple(State(name=name, phase=Phase.RUPTURE, initial=name == "a", end=name == "b") for name in "ab")
    at_once = Condition(functions=("articulates",), max_elapsed=0)
    model = StateMachine(name="m", title="M", source="S", states=states, transitions=(
        Transition(source="a", target="b", when=at_once, evidence=Evidence.ASSUMPTION),))
    moves = [Move(row_id=at, dyad="D", session=1, track="r", code=code, onset=onset)
             for at, (code, onset) in enumerate([("wd", 0), ("articulate", 9), ("notice", 9)])]
    one = trace(Episode.of(moves, coding=Coding(codebook=load_codebook("stages"))), model)
    assert (one.end, one.open_ends) == ("a", ("a", "b"))
    assert [step.order_dependent for step in one.steps] == [False, True, True]
    turned = attrs.evolve(one.episode, moves=(moves[0], moves[2], moves[1]))
    other = trace(turned, model)
    assert (other.end, other.open_ends) == ("b", ("a", "b"))


def test_to_have_waited_no_time_is_to_have_waited_at_least_none() -> None:
    states = tuple(State(name=name, phase=Phase.RUPTURE, initial=name == "a", end=name == "b") for name in "ab")
    model = StateMachine(name="m", title="M", source="S", states=states, transitions=(
        Transition(source="a", target="b", when=Condition(functions=("articulates",), min_elapsed=0),
                   evidence=Evidence.ASSUMPTION),))
    moves = [Move(row_id=at, dyad="D", session=1, track="r", code=code, onset=onset)
             for at, (code, onset) in enumerate([("wd", 0), ("notice", 9), ("articulate", 9)])]
    one = trace(Episode.of(moves, coding=Coding(codebook=load_codebook("stages"))), model)
    assert (one.end, one.open_ends) == ("b", ())
    assert [step.order_dependent for step in one.steps] == [False, False, False]


def test_the_same_moves_at_one_instant_are_judged_alike_in_every_block() -> None:
    states = tuple(State(name=name, phase=Phase.RUPTURE, initial=name == "a", end=name == "b") for name in "abc")
    arrows = tuple(Transition(source="a", target=target, when=Condition(functions=(function,)), evidence=Evidence.ASSUMPTION)
                   for target, function in (("b", "articulates"), ("c", "notices")))
    model = StateMachine(name="m", title="M", source="S", states=states, transitions=arrows)
    moves = [Move(row_id=10 * dyad + at, dyad=f"D{dyad}", session=1, track="r", code=code, onset=0, tie=at)
             for dyad in range(3) for at, code in enumerate(("articulate", "notice"))]
    rows = [EpisodeRow(episode=f"E{dyad}", dyad=f"D{dyad}", track="r", first_session=1, onset=0, last_session=1, end=0)
            for dyad in range(3)]
    cohort = Cohort.of(moves, coding=Coding(codebook=load_codebook("stages")), episodes=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "BLOCK", 1)
        traces = trace_cohort(cohort, model)
    assert traces.open_ends == {0: (1, 2), 1: (1, 2), 2: (1, 2)} == trace_cohort(cohort, model).open_ends
    assert traces.order_dependent.all()
