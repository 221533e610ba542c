"""Traces by hand: what an episode's path, ends, time and explanation say."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given

from rupturekit.codebooks import Code, load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import (
    Coding,
    Episode,
    EpisodeRow,
    Label,
    Member,
    Move,
    ObservedStretch,
    Session,
    Track,
    seconds,
)
from rupturekit.errors import CodingWarning, NoClock, OffModelMove, RecordError
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.state_machine import Condition, State, StateMachine, Transition, load_model
from rupturekit.ties import TieRule
from rupturekit.traces import Reached, Trace, trace, trace_cohort
from rupturekit.vocabulary import (
    ClosedBy,
    Evidence,
    Outcome,
    Perspective,
    Phase,
    RepairSource,
    RuptureType,
    TimeKind,
)
from strategies import Parts, models, parts, quietly

STAGES = Coding(codebook=load_codebook("stages"))
THREE_RS = Coding(codebook=load_codebook("3rs-2015"))
MODEL = load_model("withdrawal-2000")
COURSE = ["wd", "invite", "qual-assert", "avoid-assert", "explore-avoid", "self-assert"]


def move(at: int, code: str, **changed: Any) -> Move:
    """Make a move; the codebooks say who is meant."""
    party = "therapist" if code in ("invite", "explore-avoid", "validate", "rs-invite", "reflect") else "client"
    return Move(**{"row_id": at, "dyad": "D1", "session": 1, "track": "r1", "party": party, "code": code,
                   "onset": seconds(60 * at)} | changed)


def course(*codes: str, coding: Coding = STAGES) -> Episode:
    return Episode.of([move(at, code) for at, code in enumerate(codes)], coding=coding)


def closed(episode: Episode, why: ClosedBy, **changed: Any) -> Episode:
    row = attrs.evolve(episode.row, closed_by=why, closed_by_outcome=why is ClosedBy.RESOLUTION, **changed)
    return attrs.evolve(episode, row=row)


# --- path and end ----------------------------------------------------------------------------------------------


def test_a_course_in_the_models_order_reaches_its_end() -> None:
    one = trace(course(*COURSE), MODEL)
    assert one.path == ("withdrawal", "disembedding", "qualified_assertion", "avoidance", "self_assertion")
    assert (one.reached, one.end, one.outcome) == (Reached.YES, "self_assertion", Outcome.REPAIRED)
    assert (one.off_model, one.skipped, one.passed, one.unobservable, one.open_ends) == ((), (), (), (), ())
    assert [step.taken for step in one.steps] == [True] * 6
    assert one.steps[1].arrow.evidence is Evidence.RECALLED


def test_a_step_passed_by_stays_skipped_though_it_is_seen_later() -> None:
    one = trace(course("wd", "qual-assert"), MODEL)
    assert (one.path, one.skipped) == (("withdrawal", "qualified_assertion"), ("disembedding",))
    later = trace(course("wd", "qual-assert", "wd", "invite", "qual-assert", "self-assert"), MODEL)
    assert (later.skipped, later.reached) == (("disembedding",), Reached.WITH_SKIPS)


def test_what_is_skipped_after_the_end_does_not_taint_it() -> None:
    one = trace(course("wd", "invite", "qual-assert", "self-assert", "wd", "qual-assert"), MODEL)
    assert one.steps[-1].skipped == ("disembedding",)
    assert (one.skipped, one.reached, one.left_end) == ((), Reached.YES, True)
    assert "It was left again." in one.explain()
    assert not trace(course("wd", "invite", "qual-assert", "self-assert"), MODEL).left_end


@pytest.mark.parametrize(("codes", "why", "reached"), [
    (COURSE, ClosedBy.CODERS, Reached.YES),
    (["wd", "self-assert"], ClosedBy.CODERS, Reached.WITH_SKIPS),
    (["wd", "invite"], ClosedBy.SESSION_END, Reached.NO),
    (["wd", "invite"], ClosedBy.OBSERVATION_END, Reached.CENSORED),
    ([*COURSE, "wd"], ClosedBy.OBSERVATION_END, Reached.YES),
])
def test_whether_an_end_was_reached(codes: list[str], why: ClosedBy, reached: Reached) -> None:
    assert trace(closed(course(*codes), why), MODEL).reached is reached


@pytest.mark.parametrize("why", [ClosedBy.CODERS, ClosedBy.OBSERVATION_END])
def test_an_end_that_no_code_shows_is_not_observable(why: ClosedBy) -> None:
    one = trace(closed(course("wd-min", "rs-invite", coding=THREE_RS), why), MODEL)
    assert one.reached is Reached.NOT_OBSERVABLE
    assert one.path == ("withdrawal", "disembedding")
    assert one.unobservable == ("qualified_assertion", "avoidance", "self_assertion")
    assert one.outcome is None


def test_an_episode_without_moves_stays_where_it_begins() -> None:
    empty = attrs.evolve(course("wd"), moves=(), new_session=())
    one = trace(empty, MODEL)
    assert (one.path, one.end, one.steps, one.dwell(), one.reached) == (("withdrawal",), "withdrawal", (), {}, Reached.NO)


# --- strict ----------------------------------------------------------------------------------------------------


def test_a_strict_trace_raises_at_the_first_move_off_the_model() -> None:
    with pytest.raises(OffModelMove) as told:
        trace(course("wd", "invite", "validate", "hurt"), MODEL, strict=True)
    error = told.value
    assert (error.episode, error.step, error.state, error.move, error.reason) == (
        "E1", 3, "disembedding", "therapist: validate", "no arrow")
    assert error.allowed == tuple(str(arrow.when) for arrow in MODEL.transitions if arrow.source == "disembedding")
    assert trace(course(*COURSE), MODEL, strict=True) == trace(course(*COURSE), MODEL)


def test_a_strict_trace_names_a_move_of_nobody() -> None:
    episode = Episode.of([move(0, "invite", party=None)], coding=STAGES)
    with pytest.raises(OffModelMove, match=r"episode E1, step 1: somebody: invite is off the model in state 'withdrawal' "
                                           r"\(wrong party\); allowed here: client: withdrawal_marker, therapist: "):
        trace(episode, MODEL, strict=True)


# --- time ------------------------------------------------------------------------------------------------------


def test_time_is_counted_by_phase_within_sessions() -> None:
    at = [(1, 10, "wd"), (1, 30, "invite"), (1, 45, "hurt"), (2, 5, "qual-assert"), (2, 25, "self-assert")]
    moves = [move(n, code, session=session, onset=seconds(second)) for n, (session, second, code) in enumerate(at)]
    episode = closed(Episode.of(moves, coding=STAGES), ClosedBy.SESSION_END, end=seconds(100))
    one = trace(episode, MODEL)
    # 20 s withdrawal; 15 s disembedding and none after `hurt`, the last move of its session; 20 s assertion; 75 s to the end
    assert one.dwell() == {Phase.RUPTURE: seconds(20), Phase.NEGOTIATION: seconds(15 + 20), Phase.REPAIR: seconds(75)}
    assert one.dwell_seconds() == {Phase.RUPTURE: 20.0, Phase.NEGOTIATION: 35.0, Phase.REPAIR: 75.0}
    elsewhere = closed(episode, ClosedBy.GAP, last_session=3)
    assert trace(elsewhere, MODEL).dwell()[Phase.REPAIR] == 0


def test_a_last_move_after_the_episodes_end_lasts_no_time() -> None:
    assert trace(closed(course("wd", "invite"), ClosedBy.CODERS, end=0), MODEL).dwell() == {
        Phase.RUPTURE: seconds(60), Phase.NEGOTIATION: 0}


def test_turns_have_durations_but_no_seconds() -> None:
    turns = attrs.evolve(STAGES, time=TimeKind.TURN)
    one = trace(Episode.of([move(1, "wd", onset=3), move(2, "invite", onset=8)], coding=turns), MODEL)
    assert one.dwell() == {Phase.RUPTURE: 5, Phase.NEGOTIATION: 0}
    with pytest.raises(NoClock, match="records turns, not a clock"):
        one.dwell_seconds()


@given(parts(episodes=False), models())
def test_every_move_has_its_line_wherever_a_trace_is_told(study: Parts, model: StateMachine) -> None:
    for one in trace_cohort(attrs.evolve(study, episodes=study.whole()).cohort(), model, any_type=True):
        sessions = len({step.move.session for step in one.steps})
        assert len(str(one).splitlines()) == len(one.steps) + sessions
        assert one.explain().count("[move ") == one._repr_html_().count("<tr><td>") == len(one.steps)
        assert one.explain().count("In session ") == sessions - 1


@given(parts(episodes=False), models())
def test_all_time_between_moves_of_a_session_belongs_to_a_phase(study: Parts, model: StateMachine) -> None:
    for one in trace_cohort(attrs.evolve(study, episodes=study.whole()).cohort(), model, any_type=True):
        onsets: dict[int, list[int]] = {}
        for step in one.steps:
            onsets.setdefault(step.move.session, []).append(step.move.onset)
        assert sum(one.dwell().values()) == sum(max(held) - min(held) for held in onsets.values())


# --- sources of repair -----------------------------------------------------------------------------------------


def test_three_sources_of_repair_stand_side_by_side() -> None:
    said = [("rated_resolution", "4", {"rater": "r1"}), ("reported_resolution", "no", {"party": "client"}),
            ("reported_resolution", "yes", {"perspective": Perspective.THERAPIST}), ("reported_resolution", "partly", {}),
            ("intensity", "2", {})]
    labels = tuple(Label(subject_kind="episode", subject="E1", attribute=name, value=value, **who) for name, value, who in said)
    one = trace(attrs.evolve(course(*COURSE), labels=labels), MODEL)
    assert one.repair == {RepairSource.REACHED_END: ("yes",), RepairSource.RATED_RESOLUTION: ("4 (r1)",),
                          RepairSource.REPORTED_RESOLUTION: ("no (client)", "yes (therapist)", "partly (not said who)")}
    assert trace(course("wd"), MODEL).repair == {
        RepairSource.REACHED_END: ("no",), RepairSource.RATED_RESOLUTION: (), RepairSource.REPORTED_RESOLUTION: ()}


# --- telling ---------------------------------------------------------------------------------------------------


def test_a_trace_prints_one_line_a_move() -> None:
    episode = Episode.of([move(0, "wd"), move(1, "self-assert"), move(2, "validate", party=None)], coding=STAGES)
    assert str(trace(episode, MODEL)).splitlines() == [
        "Trace(episode 'E1', model 'withdrawal-2000': withdrawal -> self_assertion; end reached: with skips)",
        "     00:00  withdrawal  --client: withdrawal marker-->  withdrawal",
        "     01:00  withdrawal  --client: self-assertion-->  self_assertion   (skipped: disembedding, qualified_assertion)",
        "     02:00  self_assertion  --somebody: validates-->  self_assertion   (off model: wrong party)"]


def unordered(a: str, b: str) -> StateMachine:
    """A model in which it matters which of two functions is heard first."""
    names = ("start", "one", "two")
    states = tuple(State(name=name, phase=Phase.RUPTURE, initial=name == "start", end=name != "start") for name in names)
    heard = {name: Condition(functions=(name,)) for name in (a, b)}
    arrows = [("start", "one", a), ("start", "two", b)]
    return StateMachine(name="m", title="M", source="S", states=states, transitions=tuple(
        Transition(source=source, target=target, when=heard[name], evidence=Evidence.READ) for source, target, name in arrows))


def test_an_instant_whose_order_matters_is_marked_and_told() -> None:
    tied = [move(0, "notice", party="client", onset=0), move(1, "validate", onset=0)]
    one = trace(Episode.of(tied, coding=STAGES), unordered("notices", "validates"))
    assert [step.order_dependent for step in one.steps] == [True, True]
    assert (one.end, one.open_ends) == ("one", ("one", "two"))
    assert "another order at this instant would end elsewhere" in str(one)
    assert one.explain().count("the order at this instant matters") == 2
    assert "Moves at one instant leave the end open between 'one', 'two'." in one.explain()
    for rule, end in (TieRule.FIRST_PARTY_FIRST, "one"), (TieRule.SECOND_PARTY_FIRST, "two"), (TieRule.AS_FILED, "one"):
        assert trace(one.episode, one.model, tie_rule=rule).end == end


def test_an_explanation_says_where_to_look_and_what_was_passed_over() -> None:
    moves = [move(0, "wd-min", source_row=7, media=seconds(754), note="tape 3"), move(1, "rs-invite"), move(2, "wd-story")]
    said = trace(Episode.of(moves, coding=THREE_RS), MODEL).explain().splitlines()
    assert said[0] == "Episode E1 (dyad D1, track r1), from session 1 00:00 to session 1 02:00, drawn by its coders."
    assert said[1].startswith("Model withdrawal-2000: a reconstruction after Safran & Muran 2000; arrows: 0 read, ")
    assert said[1].endswith("Codes: 3rs-2015.")
    assert said[2] == "It begins in 'withdrawal', where the model puts every episode."
    assert said[3] == ("  00:00 client: minimal response [move 0, row 7 of the file, recording at 12:34, note 'tape 3']: "
                       "stays in 'withdrawal' (arrow assumption: client: withdrawal_marker)")
    assert "goes to 'disembedding'" in said[4]
    assert said[-2] == ("Could not be seen with 3rs-2015 at all: 'qualified_assertion', 'avoidance', 'self_assertion'; "
                        "these count as neither.")
    assert said[-1] == ("Whether an end was reached cannot be seen with these codes. It ends in 'withdrawal' "
                        "(closed by: coders).")


def test_a_recording_has_a_clock_in_a_study_of_turns_too() -> None:
    turns = attrs.evolve(STAGES, time=TimeKind.TURN)
    one = trace(Episode.of([move(1, "wd", onset=3, media=seconds(61))], coding=turns), MODEL)
    assert "turn 3 client: withdrawal marker [move 1, recording at 01:01]" in one.explain()


def test_an_explanation_tells_what_was_skipped_passed_and_begun_anew() -> None:
    moves = [move(0, "wd"), move(1, "self-assert", session=2), move(2, "self-assert", party=None, session=2)]
    book = attrs.evolve(STAGES.codebook, codes=tuple(c for c in STAGES.codebook.codes if c.code != "qual-assert"
                                                     and "expresses_negative_feeling" not in c.functions))
    said = trace(Episode.of(moves, coding=attrs.evolve(STAGES, codebook=book)), MODEL).explain()
    assert "  In session 2:\n" in said
    assert ("goes to 'self_assertion' (arrow secondary: client: self_assertion); past 'qualified_assertion', which these "
            "codes cannot show; skipped 'disembedding'") in said
    assert "Expected on the way and not seen there: 'disembedding'." in said
    assert "off the model in 'self_assertion', the arrow with this function is not for somebody" in said
    assert "with steps skipped. It ends in 'self_assertion'" in said
    assert "passed unseen: qualified_assertion" in str(trace(Episode.of(
        moves, coding=attrs.evolve(STAGES, codebook=book)), MODEL))


REASONS_TOLD = {
    "validate": "no arrow from there has this function", "link": "no arrow from there has this function",
    "both": "it fits more than one arrow", "nothing": "the codebook gives this code no function",
}


@pytest.mark.parametrize(("code", "told"), REASONS_TOLD.items())
def test_an_explanation_tells_why_a_move_is_off_the_model(code: str, told: str) -> None:
    more = (Code(code="both", label="both", functions=("withdrawal_marker", "qualified_assertion")),
            Code(code="nothing", label="nothing"))
    coding = attrs.evolve(STAGES, codebook=attrs.evolve(STAGES.codebook, codes=(*STAGES.codebook.codes, *more)))
    said = trace(Episode.of([move(0, "wd"), move(1, "invite"), move(2, code)], coding=coding), MODEL).explain()
    assert f"off the model in 'disembedding', {told}" in said


def test_an_explanation_tells_of_guards_ends_and_what_lies_ahead() -> None:
    ahead = trace(course("wd", "qual-assert"), MODEL, follow_skips=False).explain()
    assert "the model expects it only later ('disembedding' would come first)" in ahead
    states = (State(name="a", phase=Phase.RUPTURE, initial=True), State(name="b", phase=Phase.REPAIR, end=True))
    when = Condition(functions=("withdrawal_marker",), min_rating=3, absent="block")
    model = StateMachine(name="m", title="M", source="S", states=states, transitions=(
        Transition(source="a", target="b", when=when, evidence=Evidence.READ),))
    moves = [move(0, "wd"), move(1, "wd", rating=3), move(2, "wd")]
    said = trace(Episode.of(moves, coding=STAGES), model).explain()
    assert "off the model in 'a', the arrow's guard is not met" in said
    assert "off the model in 'b', the process is over there" in said


@pytest.mark.parametrize(("codes", "why", "told"), [
    (COURSE, ClosedBy.CODERS, "An end of the model was reached, each step in its order. It ends in 'self_assertion' (closed by: "
     "coders)."),
    (["wd"], ClosedBy.OBSERVATION_END, "No end was reached before observation stopped; what came after is not known."),
    (["wd"], ClosedBy.SESSION_END, "No end of the model was reached. It ends in 'withdrawal' (closed by: session end)."),
    (COURSE, ClosedBy.RESOLUTION, "The rule closed it because it saw a resolution, so reaching an end is partly by construction."),
])
def test_an_explanation_tells_the_end(codes: list[str], why: ClosedBy, told: str) -> None:
    assert told in trace(closed(course(*codes), why), MODEL).explain()


def test_an_explanation_tells_the_other_sources_of_repair() -> None:
    label = Label(subject_kind="episode", subject="E1", attribute="reported_resolution", value="no", party="client")
    said = trace(attrs.evolve(course(*COURSE), labels=(label,)), MODEL).explain()
    assert said.endswith("Other sources of repair: reported resolution: no (client).")


def test_an_explanation_names_the_rule_that_drew_the_episode_where_it_is_known() -> None:
    seen = ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=seconds(600))
    cohort = segment(Cohort.of([move(0, "wd")], coding=STAGES, observed=[seen]), SegmentationRule(name="mine", gap=None))
    assert "drawn by the rule 'mine'." in trace_cohort(cohort, MODEL)[0].explain()
    assert "drawn by a rule." in trace(cohort.episodes[0], MODEL).explain()


def test_markup_in_a_trace_and_its_summary_is_escaped() -> None:
    bad = "<script>"
    book = attrs.evolve(STAGES.codebook, codes=(Code(code="wd", label=bad, functions=(bad,)),))
    states = (State(name=bad, phase=Phase.RUPTURE, initial=True), State(name="z", phase=Phase.REPAIR, end=True))
    model = StateMachine(name=bad, title=bad, source=bad, states=states, transitions=(
        Transition(source=bad, target="z", when=Condition(functions=(bad,)), evidence=Evidence.READ),))
    coding = Coding(codebook=book, parties=(bad, "other"))
    moves = [move(0, "wd", party=bad, dyad=bad, track=bad)]
    one = trace(Episode.of(moves, coding=coding, episode=bad), model)
    row = EpisodeRow(episode=bad, dyad=bad, track=bad, first_session=1, onset=0, last_session=1, end=9)
    table = trace_cohort(Cohort.of(moves, coding=coding, episodes=[row]), model)
    for page in (one._repr_html_(), table.summary()._repr_html_()):
        assert bad not in page
        assert "&lt;script&gt;" in page


# --- many ------------------------------------------------------------------------------------------------------


def study() -> Cohort:
    """Two dyads: one course to the end, one confrontation, one that is closed by what it reached."""
    moves = [move(at, code) for at, code in enumerate(COURSE)]
    moves += [move(10, "cf", dyad="D2"), move(11, "hurt", dyad="D2"), move(20, "wd", dyad="D3"),
              move(21, "self-assert", dyad="D3")]
    rows = [EpisodeRow(episode=f"E{n}", dyad=f"D{n}", track="r1", first_session=1, onset=0, last_session=1,
                       end=seconds(3600), rupture_type=kind, closed_by_outcome=n == 3)
            for n, kind in enumerate([RuptureType.WITHDRAWAL, RuptureType.CONFRONTATION, RuptureType.MIXED], start=1)]
    return Cohort.of(moves, coding=STAGES, episodes=rows)


def test_a_table_of_traces_is_read_like_a_list() -> None:
    table = trace_cohort(study(), MODEL)
    held = list(table)
    assert [one.episode.episode for one in held] == ["E1", "E3"]
    assert (table[-1], table[0:1], table[:], len(table)) == (held[1], held[:1], held, 2)
    assert table.named("E3") == held[1]
    assert all(isinstance(one, Trace) for one in held)
    assert repr(table) == "TraceTable(2 episodes, 8 moves, model 'withdrawal-2000', track 'r1')"
    with pytest.raises(IndexError):
        table[2]
    with pytest.raises(RecordError, match="no trace of episode 'E2'; traced are: E1, E3"):
        table.named("E2")


def test_tables_are_equal_by_what_they_hold_and_never_hashable() -> None:
    table = trace_cohort(study(), MODEL)
    assert table == trace_cohort(study(), MODEL)
    assert table != trace_cohort(study(), MODEL, any_type=True)
    assert table != "a table"
    for changed in ({"tie_rule": TieRule.SECOND_PARTY_FIRST}, {"follow_skips": False}, {"left_out": {}},
                    {"cohort": attrs.evolve(table.cohort, tracks=(Track(name="r9"),))},
                    {"cohort": attrs.evolve(table.cohort, coding=attrs.evolve(STAGES, codebook=attrs.evolve(STAGES.codebook, title="x")))}):
        assert table != attrs.evolve(table, **changed), changed
    with pytest.raises(TypeError, match="unhashable"):
        hash(table)


def test_pickle_and_deepcopy_of_a_table_are_equal_and_read_only() -> None:
    table = trace_cohort(study(), MODEL)
    for one in (table, pickle.loads(pickle.dumps(table)), copy.deepcopy(table)):
        assert one == table
        arrays = (one.symbol, one.before, one.after, one.reason, one.order_dependent, one.episodes.members)
        assert not any(array.flags.writeable for array in arrays)


def test_a_summary_says_of_how_many_and_what_is_by_construction() -> None:
    said = trace_cohort(study(), MODEL).summary()
    assert repr(said) == "TraceSummary('withdrawal-2000', 2 episodes of 2 dyads)"
    assert dict(said.lines()) | {"model": ""} == {
        "model": "", "n": "2 episodes, 8 moves, 2 dyads", "end reached": "yes 1, with skips 1 (of 2)",
        "off-model moves": "none", "skipped steps": "disembedding 1, qualified_assertion 1 (of 2)", "passed unseen": "none",
        "episodes whose path depends on the order at one instant": "0",
        "closed by their outcome": "1 episode was closed because a resolution was seen: the share that reached an end "
                                   "is partly by construction",
        "left out": "1 episode (opened with another rupture type than withdrawal)"}
    assert str(said).startswith("model: withdrawal-2000 (a reconstruction after Safran & Muran 2000; ")
    assert "closed by their outcome" not in str(trace_cohort(study().with_episodes(study().columns.take(np.array([0])), rule="coders"), MODEL).summary())


def test_a_summary_says_how_many_left_the_end_again() -> None:
    moves = [move(at, code) for at, code in enumerate([*COURSE, "wd"])]
    row = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=seconds(3600))
    said = trace_cohort(Cohort.of(moves, coding=STAGES, episodes=[row]), MODEL).summary()
    assert dict(said.lines())["left the end again"] == "1 episode (of 1)"


def test_all_types_are_traced_when_asked_and_then_none_is_left_out() -> None:
    table = trace_cohort(study(), MODEL, any_type=True)
    assert (len(table), table.left_out) == (3, {})


def test_another_partys_ruptures_and_episodes_without_moves_are_left_out_and_counted() -> None:
    held = study()
    rows = [*held.coded.rows, attrs.evolve(held.coded.rows[0], episode="empty", onset=seconds(5000), end=seconds(5001))]
    theirs = [attrs.evolve(row, party="therapist") if row.episode == held.coded.rows[0].episode else row for row in rows]
    table = trace_cohort(Cohort.of(held.moves, coding=STAGES, episodes=theirs), "withdrawal-2000")
    assert table.left_out["holds no moves"] == 1
    assert table.left_out["opened by somebody whose ruptures withdrawal-2000 does not describe"] == 1


def test_tracing_a_track_that_is_not_there_is_refused() -> None:
    with pytest.raises(RecordError, match=r"no track 'r11'; did you mean 'r1'\?; known: r1"):
        trace_cohort(study(), MODEL, track="r11")


def test_the_provenance_of_a_trace_names_data_codes_model_rules_and_track() -> None:
    cohort = study()
    said = trace_cohort(cohort, MODEL, track="r1", tie_rule=TieRule.FIRST_PARTY_FIRST, follow_skips=False).provenance
    assert (said.cohort, said.track, said.model) == (cohort.digest, "r1", f"withdrawal-2000:{MODEL.digest}")
    assert said.rules == ("coders", "ties first_party_first", "skips not followed")
    assert trace_cohort(cohort, MODEL)[0].provenance.track == "r1"


def test_an_empty_cohort_has_no_traces() -> None:
    with pytest.warns(CodingWarning, match="no episodes are in force: nothing to trace"):
        table = trace_cohort(Cohort.of((), coding=STAGES), MODEL, tie_rule=TieRule.FIRST_PARTY_FIRST)
    assert (len(table), list(table), table.reached(), table.summary().reached) == (0, [], [], {})


def test_members_of_an_episode_need_not_be_neighbours() -> None:
    moves = [move(0, "wd"), move(1, "wd"), move(2, "invite")]
    row = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=0)
    cohort = Cohort.of(moves, coding=STAGES, episodes=[row], members=[Member(episode="E1", row_id=at) for at in (2, 0)],
                       sessions=[Session(dyad="D1", session=1)])
    one, = quietly(trace_cohort, cohort, MODEL)
    assert [step.move.row_id for step in one.steps] == [0, 2]
    assert one.path == ("withdrawal", "disembedding")
