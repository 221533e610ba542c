"""What is read off the traces of many episodes as columns, beside the plain loop and the traces one by one."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from rupturekit._kernels import replay as kernel
from rupturekit.alphabet import REASONS, compile_model
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.ends import NEVER, REACHED
from rupturekit.episode import Coding, Episode, EpisodeRow, Move, seconds
from rupturekit.errors import NoClock, StateMachineError
from rupturekit.example import example_cohort
from rupturekit.kinds import blocks_of, compile_kinds, kinds_of
from rupturekit.state_machine import Condition as When
from rupturekit.state_machine import Evidence, State, StateMachine, Transition, load_model
from rupturekit.ties import TieRule
from rupturekit.traces import Reached, TraceTable
from rupturekit.traces import trace_cohort as loud_trace_cohort
from rupturekit.traces import trace_ends as loud_trace_ends
from rupturekit.vocabulary import ClosedBy, Phase, TimeKind
from strategies import Parts, models, parts, products, quietly

any_model = models() | products()
STAGES = Coding(codebook=load_codebook("stages"))
MODEL = load_model("withdrawal-2000")


def trace_cohort(*args: Any, **named: Any) -> TraceTable:
    """Trace without the warning that there is nothing to trace."""
    return quietly(loud_trace_cohort, *args, **named)


def trace_ends(*args: Any, **named: Any) -> Any:
    """Trace to the ends without the warning that there is nothing to trace."""
    return quietly(loud_trace_ends, *args, **named)


@contextmanager
def in_blocks_of(n: int) -> Iterator[None]:
    """Work on so many episodes at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "BLOCK", n)
        yield


block_sizes = st.sampled_from([1, 2, 16_384])


def walked(table: TraceTable) -> list[tuple[Episode, list[Move], list[oracles.Taken]]]:
    """Return each episode, its moves in the order of replay, and its steps by the plain walk."""
    found = []
    for name in table.episodes.rows.words("episode"):
        episode = table.cohort.episodes.named(str(name))
        moves = oracles.in_tie_order(episode.moves, table.cohort.coding.parties, table.tie_rule)
        steps = oracles.trace(episode, table.model, tie_rule=table.tie_rule, follow_skips=table.follow_skips)
        found.append((episode, moves, steps))
    return found


# --- laws ------------------------------------------------------------------------------------------------------


@given(block=block_sizes, study=parts(), model=any_model, ties=st.sampled_from(TieRule), follow=st.booleans())
def test_the_columns_are_the_steps_one_by_one(block: int, study: Parts, model: StateMachine, ties: TieRule, follow: bool
                                              ) -> None:
    with in_blocks_of(block):
        table = trace_cohort(study.cohort(), model, tie_rule=ties, follow_skips=follow, any_type=True)
        held = table.columns()
        names, states = held["identity"].levels, held["before"].levels
        found = [(number, names[name], row_id, states[before], states[after], REASONS[reason] if reason >= 0 else None)
                 for number, name, row_id, before, after, reason in zip(
                     *(held[name].values.tolist() for name in ("episode", "identity", "row_id", "before", "after", "reason")),
                     strict=True)]
        assert found == [(number, one.episode.episode, step.move.row_id, step.before, step.after, step.reason)
                         for number, one in enumerate(table) for step in one.steps]
        assert found == [(number, episode.episode, step.row_id, step.before, step.after, step.reason)
                         for number, (episode, _, steps) in enumerate(walked(table)) for step in steps]
        assert held["order_dependent"].values.tolist() == [step.order_dependent for one in table for step in one.steps]


@given(block=block_sizes, study=parts(), model=any_model, ties=st.sampled_from(TieRule), follow=st.booleans())
def test_ends_with_and_without_the_table_are_those_of_the_plain_walk(block: int, study: Parts, model: StateMachine,
                                                                     ties: TieRule, follow: bool) -> None:
    with in_blocks_of(block):
        asked = {"tie_rule": ties, "follow_skips": follow, "any_type": True}
        cohort = study.cohort()
        table, short = trace_cohort(cohort, model, **asked), trace_ends(cohort, model, **asked)
        ends = table.ends()
        assert short == ends
        assert (short.left_out, short.provenance) == (table.left_out, table.provenance)
        steps = [steps for _, _, steps in walked(table)]
        assert [model.states[state].name for state in short.state.tolist()] == [one.end for one in table]
        assert [model.states[state].name for state in short.state.tolist()] == [some[-1].after for some in steps]
        repair = {state.name for state in model.states if state.phase is Phase.REPAIR}
        assert short.first_repair.tolist() == [oracles.first_in(some, repair) for some in steps]
        assert short.first_end.tolist() == [oracles.first_in(some, set(model.ends)) for some in steps]
        assert short.reached() == table.reached() == [one.reached for one in table]
        assert short.left_end().tolist() == table.left_end().tolist() == [one.left_end for one in table]
        assert (table.end_states() is ends.state, table.first_repair() is ends.first_repair) == (True, True)
        assert table.first_end() is ends.first_end


@given(block=block_sizes, study=parts(), model=any_model, ties=st.sampled_from(TieRule))
def test_dwell_is_that_of_the_traces_one_by_one_and_of_the_plain_loop(block: int, study: Parts, model: StateMachine,
                                                                      ties: TieRule) -> None:
    with in_blocks_of(block):
        table = trace_cohort(study.cohort(), model, tie_rule=ties, any_type=True)
        phases, states = table.dwell(), table.dwell(by="state")

        def told(dwell: Any) -> list[dict[str, int]]:
            return [{name: lasted for name, lasted, seen in zip(dwell.names, *row, strict=True) if seen}
                    for row in zip(dwell.lasted.tolist(), dwell.seen.tolist(), strict=True)]

        assert told(phases) == [one.dwell() for one in table]
        assert told(states) == [oracles.dwell(*one) for one in walked(table)]
        assert phases.lasted.sum(axis=1).tolist() == states.lasted.sum(axis=1).tolist()
        assert not phases.lasted[~phases.seen].any()
        for dwell in (phases, states):
            assert dwell.total() == {name: sum(row.get(name, 0) for row in told(dwell)) for name in dwell.names}


@given(block=block_sizes, study=parts(), model=any_model, follow=st.booleans())
def test_visits_count_the_states_of_the_paths(block: int, study: Parts, model: StateMachine, follow: bool) -> None:
    with in_blocks_of(block):
        table = trace_cohort(study.cohort(), model, follow_skips=follow, any_type=True)
        visits = table.visits()
        each = [dict(zip(visits.names, row, strict=True)) for row in visits.n.tolist()]
        assert each == [oracles.visits(model, steps) for _, _, steps in walked(table)]
        assert [{name: n for name, n in one.items() if n} for one in each] == [dict(Counter(one.path)) for one in table]
        assert visits.total() == {name: sum(one[name] for one in each) for name in visits.names}
        assert visits.episodes() == {name: sum(one[name] > 0 for one in each) for name in visits.names}


def test_phases_given_as_words_are_those_phases() -> None:
    states = tuple(attrs.evolve(state, phase=str(state.phase.value)) for state in MODEL.states)
    worded = attrs.evolve(MODEL, name="worded", states=states)    # of its own name: equal models share what was compiled
    for model in (worded, MODEL):
        assert trace_cohort(example_cohort(), model).first_repair().tolist() == [13, 5, NEVER]
        assert loud_trace_ends(example_cohort(), model).first_repair.tolist() == [13, 5, NEVER]


@given(parts(), any_model)
def test_what_is_traced_does_not_depend_on_the_block(study: Parts, model: StateMachine) -> None:
    cohort = study.cohort()
    whole = trace_cohort(cohort, model, any_type=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "BLOCK", 1)
        assert trace_cohort(cohort, model, any_type=True) == whole
        assert trace_cohort(cohort, model, any_type=True).summary() == whole.summary()


@given(study=parts(episodes=False), model=any_model)
def test_members_that_do_not_stand_in_one_piece_are_traced_alike(study: Parts, model: StateMachine) -> None:
    cohort = attrs.evolve(study, episodes=study.whole()).cohort()
    turned = cohort.with_episodes(cohort.columns.take(np.arange(len(cohort.columns))[::-1]), rule=cohort.rule)
    assert list(trace_cohort(turned, model)) == list(trace_cohort(cohort, model))[::-1]
    assert trace_ends(turned, model).state.tolist() == trace_ends(cohort, model).state.tolist()[::-1]


@given(study=parts(), model=models(), follow=st.booleans())
def test_a_kind_does_what_its_symbol_does_and_says_why(study: Parts, model: StateMachine, follow: bool) -> None:
    alphabet = compile_model(model, study.coding.codebook, parties=study.coding.parties, follow_skips=follow)
    kinds = kinds_of(alphabet)
    for (party, code, *buckets), symbol in np.ndenumerate(alphabet.symbol):
        kind = kinds.number[(party, code, *buckets)]
        assert kinds.symbol[kind] == symbol
        for state in range(len(model.states)):
            assert kinds.next[state, kind] == alphabet.next[state, symbol]
            why = alphabet.forced.get((state, symbol)) or REASONS[alphabet.reason[state, party, code] - 1]
            assert kinds.reason[state, kind] == (0 if (state, symbol) in alphabet.hops else REASONS.index(why) + 1)


# --- by hand ---------------------------------------------------------------------------------------------------


def study(*courses: tuple[ClosedBy, list[str]], coding: Coding = STAGES) -> Cohort:
    """Return one episode a dyad, moves ten seconds apart."""
    moves, rows = [], []
    for at, (closed_by, codes) in enumerate(courses):
        party = {"invite": "therapist"}
        moves += [Move(dyad=f"D{at}", session=1, track="r1", party=party.get(code, "client"), code=code,
                       onset=seconds(10 * place), row_id=100 * at + place) for place, code in enumerate(codes)]
        rows.append(EpisodeRow(episode=f"E{at}", dyad=f"D{at}", track="r1", first_session=1, onset=0, last_session=1,
                               end=seconds(10 * len(codes)), closed_by=closed_by))
    return Cohort.of(moves, coding=coding, episodes=rows)


WAYS = study((ClosedBy.CODERS, ["wd", "invite", "qual-assert", "self-assert", "wd"]),
             (ClosedBy.CODERS, ["wd", "self-assert"]), (ClosedBy.SESSION_END, ["wd", "invite"]),
             (ClosedBy.OBSERVATION_END, ["wd", "invite"]))


def test_an_episode_without_an_end_is_censored_or_a_no_and_never_both() -> None:
    ends = loud_trace_ends(WAYS, MODEL)
    assert ends.first_end.tolist() == [3, 1, NEVER, NEVER]
    assert ends.reached() == [Reached.YES, Reached.WITH_SKIPS, Reached.NO, Reached.CENSORED]
    assert ends.left_end().tolist() == [True, False, False, False]
    assert repr(ends) == "TraceEnds(4 episodes, model 'withdrawal-2000')"
    assert len(ends) == 4


def test_what_is_skipped_after_the_first_end_does_not_taint_it() -> None:
    on_the_way = ["wd", "invite", "qual-assert", "self-assert"]
    cohort = study((ClosedBy.CODERS, [*on_the_way, "wd", "qual-assert"]), (ClosedBy.CODERS, ["wd", "self-assert"]),
                   (ClosedBy.CODERS, ["wd", "qual-assert"]), (ClosedBy.CODERS, on_the_way))
    ends = loud_trace_ends(cohort, MODEL)
    assert ends.skipped.tolist() == [False, True, True, False]
    assert ends.reached() == [Reached.YES, Reached.WITH_SKIPS, Reached.NO, Reached.YES]
    table = loud_trace_cohort(cohort, MODEL)
    assert ends == table.ends()
    skipped = [one.skipped for one in table]
    assert skipped == [(), ("disembedding", "qualified_assertion"), ("disembedding",), ()]
    assert table.summary().skipped == {"disembedding": 2, "qualified_assertion": 1}


def test_a_step_that_the_very_first_move_skips_is_skipped() -> None:
    cohort = study((ClosedBy.CODERS, ["self-assert"]), (ClosedBy.CODERS, ["qual-assert", "wd"]))
    table = loud_trace_cohort(cohort, MODEL)
    assert table.ends().skipped.tolist() == loud_trace_ends(cohort, MODEL).skipped.tolist() == [True, True]
    assert table.reached() == [Reached.WITH_SKIPS, Reached.NO]


def test_a_table_answers_for_its_ends() -> None:
    table = loud_trace_cohort(WAYS, MODEL)
    states = [state.name for state in MODEL.states]
    assert [states[at] for at in table.end_states().tolist()] == [one.end for one in table]
    assert table.first_repair().tolist() == table.first_end().tolist() == [3, 1, NEVER, NEVER]
    assert table.reached() == table.ends().reached()
    assert table.left_end().tolist() == [one.left_end for one in table] == [True, False, False, False]


def test_the_long_form_has_one_line_a_move() -> None:
    table = loud_trace_cohort(WAYS, MODEL)
    steps = [(at, one, step) for at, one in enumerate(table) for step in one.steps]
    held = table.columns()
    assert held["episode"].values.tolist() == [at for at, _, _ in steps]
    assert held["row_id"].values.tolist() == [step.move.row_id for _, _, step in steps]
    for name, said in {"identity": [one.episode.episode for _, one, _ in steps],
                       "before": [step.before for _, _, step in steps], "after": [step.after for _, _, step in steps]}.items():
        assert held[name].levels is not None
        assert [held[name].levels[code] for code in held[name].values.tolist()] == said
    assert held["reason"].levels == tuple(map(str, REASONS))
    assert held["reason"].values.tolist() == [-1 if step.reason is None else REASONS.index(step.reason) for _, _, step in steps]
    assert held["order_dependent"].values.tolist() == [step.order_dependent for _, _, step in steps]


@pytest.mark.parametrize("name", ["state", "first_repair", "first_end", "skipped", "end_visible"])
def test_ends_that_differ_in_one_column_are_not_equal(name: str) -> None:
    ends = loud_trace_ends(WAYS, MODEL)
    held = getattr(ends, name)
    other = not held if isinstance(held, bool) else held[::-1].copy()
    assert ends != attrs.evolve(ends, **{name: other})


@pytest.mark.parametrize("name", ["symbol", "before", "after", "reason", "order_dependent"])
def test_tables_that_differ_in_one_column_are_not_equal(name: str) -> None:
    table = loud_trace_cohort(WAYS, MODEL)
    other = getattr(table, name).copy()
    other[0] = not other[0] if other.dtype == bool else other[0] + 1
    assert table == attrs.evolve(table)
    assert table != attrs.evolve(table, **{name: other})


def test_an_end_that_no_code_shows_is_neither_a_no_nor_censored() -> None:
    rows = [Move(dyad="D", session=1, track="r1", party="client", code="wd-min", onset=0, row_id=1)]
    row = EpisodeRow(episode="E", dyad="D", track="r1", first_session=1, onset=0, last_session=1, end=9)
    cohort = Cohort.of(rows, coding=Coding(codebook=load_codebook("3rs-2015")), episodes=[row])
    assert loud_trace_ends(cohort, MODEL).reached() == [Reached.NOT_OBSERVABLE]


def test_ends_as_columns_leave_out_what_never_came() -> None:
    held = loud_trace_ends(WAYS, MODEL).frame_columns()
    assert held["episode"].levels == ("E0", "E1", "E2", "E3")
    assert [held["reached"].levels[code] for code in held["reached"].values] == ["yes", "with skips", "no", "censored"]
    assert held["first_end"].absent.tolist() == [False, False, True, True]
    assert held["end_state"].levels[held["end_state"].values[1]] == "self_assertion"
    assert held["left_end"].values.tolist() == [True, False, False, False]


def test_repair_and_an_end_are_found_apart() -> None:
    """A model in which repair is no end, and an end no repair."""
    states = (State(name="a", phase=Phase.RUPTURE, initial=True), State(name="b", phase=Phase.REPAIR),
              State(name="c", phase=Phase.BREAKDOWN, end=True))
    arrows = tuple(Transition(source=source, target=target, when=When(functions=(function,)), evidence=Evidence.ASSUMPTION)
                   for source, target, function in (("a", "b", "notices"), ("b", "a", "articulates"), ("a", "c", "validates")))
    model = StateMachine(name="m", title="M", source="S", states=states, transitions=arrows)
    cohort = study((ClosedBy.CODERS, ["notice", "articulate", "validate"]), (ClosedBy.CODERS, ["validate"]),
                   (ClosedBy.CODERS, ["wd", "notice"]))
    ends = loud_trace_ends(cohort, model)
    assert (ends.first_repair.tolist(), ends.first_end.tolist()) == ([0, NEVER, 1], [2, 0, NEVER])
    assert ends == loud_trace_cohort(cohort, model).ends()


def test_a_table_keeps_eight_bytes_a_move_and_says_in_what() -> None:
    table = loud_trace_cohort(WAYS, MODEL)
    kinds = {name: getattr(table, name).dtype for name in ("symbol", "before", "after", "reason", "order_dependent")}
    assert kinds == {"symbol": np.int16, "before": np.int16, "after": np.int16, "reason": np.int8, "order_dependent": bool}
    assert sum(dtype.itemsize for dtype in kinds.values()) == 8
    ends = table.ends()
    assert [getattr(ends, name).dtype.itemsize for name in ("state", "first_repair", "first_end", "skipped")] == [2, 8, 8, 1]
    assert ends.reached_codes().dtype == np.int8


def test_seconds_are_a_millionth_and_turns_have_none() -> None:
    dwell = loud_trace_cohort(WAYS, MODEL).dwell(by="state")
    assert dwell.seconds()[1].tolist() == [10.0, 0.0, 0.0, 0.0, 10.0]
    assert repr(dwell).startswith("Dwell(4 episodes, withdrawal, disembedding")
    turns = Coding(codebook=STAGES.codebook, time=TimeKind.TURN)
    with pytest.raises(NoClock, match="not a clock"):
        loud_trace_cohort(study((ClosedBy.CODERS, ["wd"]), coding=turns), MODEL).dwell().seconds()


def test_dwell_and_visits_as_columns_have_one_row_an_episode() -> None:
    table = loud_trace_cohort(WAYS, MODEL)
    dwell, visits = table.dwell(by="state").frame_columns(), table.visits().frame_columns()
    for held, what in ((dwell, "lasted"), (visits, "visits")):
        assert list(held) == ["episode", *(f"{what}_{state.name}" for state in MODEL.states)]
        assert [held["episode"].levels[code] for code in held["episode"].values] == ["E0", "E1", "E2", "E3"]
    assert dwell["lasted_disembedding"].values.tolist() == [seconds(10), 0, seconds(10), seconds(10)]
    assert dwell["lasted_disembedding"].absent.tolist() == [False, True, False, False]
    assert visits["visits_withdrawal"].values.tolist() == [2, 1, 1, 1]


def test_a_state_called_episode_takes_no_column_from_the_episodes() -> None:
    named = {"withdrawal": "episode", "disembedding": "visits_episode"}
    states = tuple(attrs.evolve(state, name=named.get(state.name, state.name)) for state in MODEL.states)
    arrows = tuple(attrs.evolve(one, source=named.get(one.source, one.source), target=named.get(one.target, one.target))
                   for one in MODEL.transitions)
    table = loud_trace_cohort(WAYS, attrs.evolve(MODEL, name="odd", states=states, transitions=arrows))
    for held in (table.dwell(by="state").frame_columns(), table.visits().frame_columns()):
        assert len(held) == 1 + len(states)
        assert [held["episode"].levels[code] for code in held["episode"].values] == ["E0", "E1", "E2", "E3"]


def test_ends_dwell_and_visits_are_equal_by_what_they_hold() -> None:
    table, other = loud_trace_cohort(WAYS, MODEL), loud_trace_cohort(WAYS, MODEL, follow_skips=False)
    assert (table.dwell(), table.visits(), table.ends()) == (copy.deepcopy(table.dwell()), copy.deepcopy(table.visits()), copy.deepcopy(table.ends()))
    turns = attrs.evolve(STAGES, time=TimeKind.TURN)
    for held, without in ((table.dwell(), [other.dwell(), table.dwell(by="state"), attrs.evolve(table.dwell(), coding=turns)]),
                          (table.visits(), [other.visits()]), (table.ends(), [attrs.evolve(table.ends(), left_out={"x": 1})])):
        assert all(held != one for one in [*without, "held"])
        with pytest.raises(TypeError, match="unhashable"):
            hash(held)


def test_the_end_state_has_one_name_in_every_frame() -> None:
    assert list(loud_trace_ends(WAYS, MODEL).frame_columns()) == ["episode", "end_state", "first_repair", "first_end", "reached", "left_end"]


@pytest.mark.parametrize("block", [1, 16_384])
def test_time_between_sessions_and_after_the_last_move_of_an_earlier_one_is_not_counted(block: int) -> None:
    """The second episode reaches into a session in which it holds no move."""
    moves = [Move(dyad=dyad, session=session, track="r1", party=party, code=code, onset=seconds(at), row_id=row_id)
             for row_id, (dyad, session, party, code, at) in enumerate([
                 ("D1", 1, "client", "wd", 0), ("D1", 1, "client", "wd", 30), ("D1", 2, "client", "wd", 50),
                 ("D1", 2, "therapist", "invite", 70), ("D2", 1, "client", "wd", 5), ("D2", 1, "client", "wd", 7)])]
    rows = [EpisodeRow(episode=dyad, dyad=dyad, track="r1", first_session=1, onset=0, last_session=2, end=seconds(80))
            for dyad in ("D1", "D2")]
    cohort = Cohort.of(moves, coding=STAGES, episodes=rows)
    with in_blocks_of(block):
        table = loud_trace_cohort(cohort, MODEL)
        dwell = table.dwell(by="state")
    assert dwell.seconds()[:, :2].tolist() == [[30.0 + 20.0, 10.0], [2.0, 0.0]]
    assert [one.dwell_seconds() for one in table] == [{Phase.RUPTURE: 50.0, Phase.NEGOTIATION: 10.0}, {Phase.RUPTURE: 2.0}]


@pytest.mark.parametrize("block", [1, 2, 16_384])
def test_only_what_ends_in_the_session_of_its_last_move_lasts_until_its_end(block: int) -> None:
    held = study(*[(ClosedBy.CODERS, ["wd"])] * 4)
    rows = [attrs.evolve(one.row, last_session=2 if at == 1 else 1, end=seconds(10 + at))
            for at, one in enumerate(held.episodes)]
    with in_blocks_of(block):
        dwell = loud_trace_cohort(Cohort.of(list(held.moves), coding=STAGES, episodes=rows), MODEL).dwell(by="state")
    assert dwell.names[0] == "withdrawal"
    assert dwell.lasted[:, 0].tolist() == [seconds(10), 0, seconds(12), seconds(13)]


def test_dwell_by_anything_else_is_refused() -> None:
    with pytest.raises(StateMachineError, match="expected by='phase' or by='state' but got 'stage'"):
        loud_trace_cohort(WAYS, MODEL).dwell(by="stage")


def test_nothing_traced_is_nothing_counted() -> None:
    nothing = Cohort.of((), coding=STAGES)
    table, ends = trace_cohort(nothing, MODEL), trace_ends(nothing, MODEL)
    assert (len(ends), ends.reached(), ends == table.ends()) == (0, [], True)
    assert all(len(column.values) == 0 for column in table.columns().values())
    assert (table.dwell().total(), set(table.visits().total().values())) == (
        dict.fromkeys(table.dwell().names, 0), {0})
    with pytest.warns(UserWarning, match="nothing to trace") as told:
        loud_trace_ends(nothing, MODEL)
    assert told[0].filename == __file__


def test_ends_differ_from_those_of_another_model_and_from_anything_else() -> None:
    ends = loud_trace_ends(WAYS, MODEL)
    assert ends != loud_trace_ends(WAYS, "recognition", any_type=True)
    assert ends != loud_trace_ends(WAYS, MODEL, follow_skips=False)
    assert ends != "ends"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda held: pickle.loads(pickle.dumps(held))])
def test_a_copy_is_equal_and_closed_to_writing(again: Any) -> None:
    table = loud_trace_cohort(WAYS, MODEL)
    assert again(table.ends()) == table.ends()
    for held, name in ((table.ends(), "state"), (table.dwell(), "lasted"), (table.visits(), "n")):
        copied = getattr(again(held), name)
        assert np.array_equal(copied, getattr(held, name))
        for array in (copied, getattr(held, name)):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
    assert repr(table.visits()).startswith("Visits(4 episodes, withdrawal")


def test_members_that_stand_in_one_piece_are_read_without_a_copy() -> None:
    everything, held = next(blocks_of(WAYS.columns)), WAYS.columns
    assert everything.picked == slice(0, 11)
    assert next(blocks_of(held.take(np.array([1, 2])))).picked == slice(5, 9)
    for members in ([], [4], [4, 3], [0, 2, 1, 3], [3, 5]):
        picked = next(blocks_of(attrs.evolve(held, offsets=np.array([0, len(members)]), members=np.array(members, "i8")))).picked
        assert picked == slice(4, 5) if members == [4] else np.array_equal(picked, members)


def test_a_model_is_compiled_once_for_a_codebook() -> None:
    first, again = (compile_kinds(load_model("withdrawal-2000"), load_codebook("stages"), parties=("client", "therapist"),
                                  follow_skips=follow) for follow in (True, True))
    other = compile_kinds(MODEL, load_codebook("stages"), parties=("client", "therapist"), follow_skips=False)
    assert first is again
    assert first is not other
    assert tuple(Reached) == REACHED
