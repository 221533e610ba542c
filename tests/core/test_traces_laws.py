"""Laws of traces, over random studies, codebooks and models."""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs
import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

import oracles
from rupturekit.alphabet import Observability, coverage
from rupturekit.state_machine import StateMachine
from rupturekit.ties import TieRule
from rupturekit.traces import Trace, TraceTable, trace
from rupturekit.traces import trace_cohort as loud_trace_cohort
from rupturekit.vocabulary import RuptureType
from strategies import SECOND, Parts, codebooks, models, parts, products, quietly, renamed, shifted


def trace_cohort(*args: Any, **named: Any) -> TraceTable:
    """Trace without the warning that there is nothing to trace."""
    return quietly(loud_trace_cohort, *args, **named)


def taken(one: Trace) -> list[oracles.Taken]:
    return [oracles.Taken(s.move.row_id, s.before, s.after, s.arrow, s.reason, s.passed, s.skipped) for s in one.steps]


def without_times(one: Trace) -> tuple[Any, ...]:
    return (taken(one), [s.order_dependent for s in one.steps], one.path, one.reached, one.open_ends, one.unobservable,
            one.skipped, one.passed, one.dwell())


any_model = models() | products()


@given(parts(), any_model, st.sampled_from(TieRule), st.booleans())
def test_a_batch_is_its_episodes_one_by_one_and_the_plain_walk(study: Parts, model: StateMachine, ties: TieRule,
                                                               follow: bool) -> None:
    cohort = study.cohort()
    table = trace_cohort(cohort, model, tie_rule=ties, follow_skips=follow, any_type=True)
    held = [episode for episode in cohort.episodes if episode.moves]
    assert len(table) == len(held)
    assert sum(table.left_out.values()) == len(cohort.episodes) - len(held)
    for at, episode in enumerate(held):
        one = trace(episode, model, tie_rule=ties, follow_skips=follow)
        assert table[at] == one
        steps = oracles.trace(episode, model, tie_rule=ties, follow_skips=follow)
        assert taken(one) == steps
        assert one.reached is table.reached()[at] is oracles.reached(episode, model, steps)


@given(parts(), models(), st.randoms(use_true_random=False))
def test_the_order_of_episodes_is_irrelevant(study: Parts, model: StateMachine, random: Any) -> None:
    cohort = study.cohort()
    order = [at for at, episode in enumerate(cohort.episodes) if episode.moves]
    places = {at: place for place, at in enumerate(order)}
    random.shuffle(order)
    turned = cohort.with_episodes(cohort.columns.take(np.array(order, dtype="i8")), rule="coders")
    table = trace_cohort(cohort, model, any_type=True)
    assert list(trace_cohort(turned, model, any_type=True)) == [table[places[at]] for at in order]


@given(parts(), models(), st.data())
def test_shifting_a_session_in_time_changes_no_trace_and_no_duration(study: Parts, model: StateMachine,
                                                                     data: st.DataObject) -> None:
    unit = SECOND if study.coding.time.has_clock else 1
    held = sorted({(move.dyad, move.session) for move in study.moves})
    by = {key: unit * data.draw(st.integers(0, 90), label=str(key)) for key in held}
    before, after = (trace_cohort(one.cohort(), model, any_type=True) for one in (study, shifted(study, by)))
    assert [without_times(one) for one in after] == [without_times(one) for one in before]


@given(parts(), models())
def test_renaming_codes_functions_parties_and_states_renames_the_traces(study: Parts, model: StateMachine) -> None:
    names, other, there = renamed(study, model)
    before, after = trace_cohort(study.cohort(), model, any_type=True), trace_cohort(other.cohort(), there, any_type=True)

    def told(one: Trace, say: Any) -> Any:
        return ([(s.move.row_id, say(s.before), say(s.after), s.reason, tuple(map(say, s.passed)),
                  tuple(map(say, s.skipped)), say(s.move.code), say(s.move.party)) for s in one.steps],
                one.reached, tuple(map(say, one.open_ends)), tuple(map(say, one.unobservable)), one.dwell())

    assert [told(one, lambda word: word) for one in after] == [told(one, names.get) for one in before]


@given(parts(), any_model, st.booleans())
def test_an_unobservable_state_is_never_skipped_and_a_passed_one_never_observable(study: Parts, model: StateMachine,
                                                                                  follow: bool) -> None:
    said = coverage(study.coding.codebook, model)
    for one in trace_cohort(study.cohort(), model, follow_skips=follow, any_type=True):
        assert one.unobservable == said.unobservable
        for step in one.steps:
            assert not set(step.skipped) & set(said.unobservable)
            assert {said.of(name) for name in step.passed} <= {Observability.NOT_OBSERVABLE, Observability.GIVEN}
        assert not set(one.skipped) & set(said.unobservable)


@given(codebooks(), any_model)
def test_coverage_is_the_plain_count_of_functions_with_a_code(codebook: Any, model: StateMachine) -> None:
    said = coverage(codebook, model)
    assert {state: seen for state, seen, *_ in said.states} == oracles.observability(model, codebook)


@given(parts(tracks=("r1", "r2")), models())
def test_a_second_rater_changes_nothing_in_the_first_raters_traces(study: Parts, model: StateMachine) -> None:
    alone = study.track("r1")
    assume(alone.moves)
    both = trace_cohort(study.cohort(), model, track="r1", any_type=True)
    assert list(both) == list(trace_cohort(alone.cohort(), model, track="r1", any_type=True))


@given(parts(), models())
def test_the_summary_counts_what_the_traces_say(study: Parts, model: StateMachine) -> None:
    table = trace_cohort(study.cohort(), model)
    traces, said = list(table), table.summary()
    assert (said.n_episodes, said.n_moves) == (len(traces), sum(len(one.steps) for one in traces))
    assert said.n_dyads == len({one.episode.row.dyad for one in traces})
    assert said.reached == Counter(one.reached.value for one in traces)
    assert said.off_model == Counter(s.reason.value for one in traces for s in one.steps if s.reason)
    assert said.skipped == Counter(name for one in traces for name in set(one.skipped))
    assert said.left_end == sum(one.left_end for one in traces)
    assert said.passed == Counter(name for one in traces for name in set(one.passed))
    assert said.order_dependent == sum(any(s.order_dependent for s in one.steps) for one in traces)
    assert said.closed_by_outcome == sum(one.episode.closed_by_outcome for one in traces)


@given(parts(), models())
def test_episodes_of_another_rupture_type_are_left_out_and_counted(study: Parts, model: StateMachine) -> None:
    cohort = study.cohort()
    fit = {None, RuptureType.MIXED, model.type}
    begin = [arrow.when for arrow in model.transitions if arrow.source == model.initial and arrow.when
             and {"withdrawal_marker", "confrontation_marker"} & set(arrow.when.functions)]
    anybody = not begin or any(when.party is None for when in begin)
    people = {None} | {when.party for when in begin}
    kept = [one for one in cohort.episodes if one.moves and (model.type is None or one.row.rupture_type in fit)
            and (anybody or one.row.party in people)]
    table = trace_cohort(cohort, model)
    assert [one.episode.episode for one in table] == [one.episode for one in kept]
    assert sum(table.left_out.values()) == len(cohort.episodes) - len(kept)


@given(parts(episodes=False, latest=1), models(), st.sampled_from(TieRule))
def test_a_trace_takes_its_moves_in_the_order_of_the_tie_rule(study: Parts, model: StateMachine, ties: TieRule) -> None:
    cohort = attrs.evolve(study, episodes=study.whole()).cohort()
    for one, episode in zip(trace_cohort(cohort, model, tie_rule=ties, any_type=True), cohort.episodes, strict=True):
        wanted = oracles.in_tie_order(episode.moves, study.coding.parties, ties)
        assert [step.move for step in one.steps] == wanted == list(one.episode.moves)
