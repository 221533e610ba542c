"""Alignments of cohorts: fit, deviations, words, frames, and what is refused or left out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rupturekit as rk
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import Accept, AlignmentCosts, Alignments, StepKind, align_cohort
from rupturekit.conformance.costs import prices
from rupturekit.episode import Coding, EpisodeRow, Move
from rupturekit.errors import NotEstimable, PartyMismatch, RecordError
from rupturekit.frames import to_pandas
from rupturekit.state_machine import load_model, model_names
from rupturekit.testing import cohorts, models
from rupturekit.vocabulary import ClosedBy, Phase

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

MODEL = load_model("withdrawal-2000")
PRICE = st.integers(0, 3)
COSTS = st.builds(AlignmentCosts, skipped=PRICE, off_model=PRICE, substituted=st.none() | PRICE,
                  accept=st.sampled_from(Accept))
Said = tuple[str, str]

WD, INVITE, HALF, ASSERT = ("client", "wd"), ("therapist", "invite"), ("client", "qual-assert"), ("client", "self-assert")
LINK = ("therapist", "link")
WHOLE: list[Said] = [WD, INVITE, HALF, ASSERT]


def cohort_of(*episodes: list[Said]) -> Cohort:
    """Return a cohort coded by the packaged codebook `stages`: one session an episode, named E1, E2, ..."""
    moves = [Move(dyad="D1", session=number, track="r1", party=party, code=code, onset=rk.seconds(10 * at),
                  row_id=1000 * number + at)
             for number, said in enumerate(episodes, start=1) for at, (party, code) in enumerate(said)]
    rows = [EpisodeRow(episode=f"E{number}", dyad="D1", track="r1", first_session=number, last_session=number, onset=0,
                       end=rk.seconds(10 * max(len(said) - 1, 0)), closed_by=ClosedBy.CODERS)
            for number, said in enumerate(episodes, start=1)]
    sessions = [rk.Session(dyad="D1", session=number, duration=rk.seconds(600)) for number in range(1, len(episodes) + 1)]
    return Cohort.of(moves, coding=Coding(codebook=load_codebook("stages")), episodes=rows, sessions=sessions)


def test_a_whole_course_costs_nothing_and_each_departure_what_it_is_charged() -> None:
    held = align_cohort(cohort_of(WHOLE, [WD, INVITE, ASSERT], [WD, INVITE, LINK, HALF, ASSERT], [WD]), MODEL)
    assert held.cost.tolist() == [0, 1, 1, 3]
    assert held.worst.tolist() == [7, 6, 8, 4]    # three steps lead to the end, and a charge for each move
    assert held.fit().tolist() == [1, 1 - 1 / 6, 1 - 1 / 8, 0.25]
    assert [one.fit for one in held] == held.fit().tolist()
    assert held.deviations() == {"skipped": {"disembedding": 1, "qualified_assertion": 2, "self_assertion": 1},
                                 "off model": {"disembedding": 1}, "substituted": {}}
    assert held.deviations_by_arrow() == {
        "skipped": {("withdrawal", "disembedding"): 1, ("disembedding", "qualified_assertion"): 2,
                    ("qualified_assertion", "self_assertion"): 1}, "substituted": {}}
    assert len(held) == 4
    assert held.vectors is not None


def test_other_prices_give_other_alignments() -> None:
    cohort = cohort_of([WD, INVITE, LINK, ASSERT])
    dear = align_cohort(cohort, MODEL, costs=AlignmentCosts(skipped=5, off_model=3))
    assert (dear.cost.tolist(), dear.worst.tolist()) == ([8], [27])
    instead = align_cohort(cohort, MODEL, costs=AlignmentCosts(substituted=1))
    assert instead.cost.tolist() == [1]
    (step,) = instead[0].deviations
    assert (step.kind, step.move.code if step.move else "", step.before, step.after, step.cost) == (
        StepKind.SUBSTITUTED, "link", "disembedding", "qualified_assertion", 1)
    assert instead.deviations()["substituted"] == {"disembedding": 1}
    free = align_cohort(cohort, MODEL, costs=AlignmentCosts(skipped=0, off_model=0, substituted=0))
    assert (free.cost.tolist(), free.fit().tolist()[0] != free.fit().tolist()[0], free[0].fit) == ([0], True, None)
    assert free.deviations() == {"skipped": {}, "off model": {}, "substituted": {}}
    assert "no model fit" in str(free)
    assert "model fit not defined, for nothing could cost anything; cheapest alignments: without end" in free[0].explain()


@pytest.mark.parametrize(("accept", "cost"), [(Accept.COMPLETED, 3), (Accept.ANY_END, 1), (Accept.ANY_PREFIX, 0)])
def test_where_an_episode_may_stop_is_asked_for(accept: Accept, cost: int) -> None:
    end = attrs.evolve(MODEL["disembedding"], end=True)
    model = attrs.evolve(MODEL, states=tuple(end if state.name == end.name else state for state in MODEL.states))
    held = align_cohort(cohort_of([WD, WD]), model, costs=AlignmentCosts(accept=accept))
    assert held.cost.tolist() == [cost]


def test_without_an_end_in_repair_any_end_is_completed() -> None:
    end = attrs.evolve(MODEL["self_assertion"], phase=Phase.NEGOTIATION)
    model = attrs.evolve(MODEL, states=(*MODEL.states[:-1], end))
    assert align_cohort(cohort_of(WHOLE), model).cost.tolist() == [0]


def test_an_alignment_is_told_in_words() -> None:
    held = align_cohort(cohort_of([WD, LINK, INVITE, ASSERT], [WD] * 3), MODEL)
    said = held[0].explain()
    assert said == str(held[0])
    lines = said.splitlines()
    assert lines[0] == (f"Episode E1 along withdrawal-2000 ({MODEL.evidence_text()}): cost 2 of at most 7, model fit 0.714; "
                        "cheapest alignments: 1.")
    assert lines[1:] == [
        "  move 1000: client wd: stays in 'withdrawal'",
        "  move 1001: therapist link: off the model in 'withdrawal' (cost 1)",
        "  move 1002: therapist invite: 'withdrawal' to 'disembedding'",
        "  no move: 'disembedding' to 'qualified_assertion' is skipped, which some code could have shown (cost 1)",
        "  move 1003: client self-assert: 'qualified_assertion' to 'self_assertion'"]
    assert repr(held[0]) == "Alignment('E1' by 'withdrawal-2000': cost 2 of 7)"
    assert "move 1001: therapist link" in held[0]._repr_html_()
    assert [step.kind for step in held[0].deviations] == ["off model", "skipped"]
    assert "in place of client: " in align_cohort(cohort_of([WD, INVITE, LINK, ASSERT]), MODEL, costs=AlignmentCosts(
        substituted=1))[0].explain()


def test_a_table_says_how_it_was_made() -> None:
    held = align_cohort(cohort_of(WHOLE, [WD], []), MODEL)
    assert repr(held) == f"Alignments(2 episodes by 'withdrawal-2000', through a table of {held.vectors} vectors)"
    assert str(held).splitlines()[1:] == [
        f"  {MODEL.evidence_text()}", "  mean model fit 0.625 over 2 episodes; without deviation 1",
        "  not aligned: 1, holds no moves"]
    assert "mean model fit 0.625" in held._repr_html_()
    plain = align_cohort(cohort_of(WHOLE), MODEL, most_vectors=0)
    assert (plain.vectors, plain.cost.tolist()) == (None, [0])
    assert repr(plain).endswith("through the programme as it stands)")
    rules = held.provenance.rules
    assert rules[-2:] == ("ties as_filed", "costs skipped 1, off-model 1, no substitution, accepts completed")
    other = align_cohort(cohort_of(WHOLE), MODEL, any_type=True, costs=AlignmentCosts(substituted=2))
    assert other.provenance.rules[-2:] == ("any type", "costs skipped 1, off-model 1, substituted 2, accepts completed")


def test_one_alignment_is_found_by_name_and_by_place() -> None:
    held = align_cohort(cohort_of(WHOLE, [WD]), MODEL)
    assert held.named("E2") == held[1] == held[-1]
    assert held.named("E2").cost == 3
    with pytest.raises(RecordError, match="no alignment of episode 'E9'; aligned are: E1, E2"):
        held.named("E9")
    with pytest.raises(IndexError):
        held[2]


def test_a_frame_holds_a_row_an_episode() -> None:
    frame = to_pandas(align_cohort(cohort_of(WHOLE, [WD]), MODEL))
    assert frame.to_dict("list") == {"episode": ["E1", "E2"], "dyad": ["D1", "D1"], "cost": [0, 3], "least": [0, 3],
                                     "greatest": [0, 3], "exact": [True, True], "worst": [7, 4], "fit": [1.0, 0.25]}
    free = AlignmentCosts(skipped=0, off_model=0)
    assert to_pandas(align_cohort(cohort_of(WHOLE), MODEL, costs=free))["fit"].isna().all()


def test_what_cannot_be_shown_is_not_charged() -> None:
    """Both 3RS codebooks show the first two states only: what follows is passed without charge."""
    move = Move(dyad="D1", session=1, track="r1", party="client", code="W1", onset=0, row_id=1)
    book = load_codebook("3rs-2015")
    code = next(code.code for code in book.codes if "withdrawal_marker" in code.functions)
    row = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, last_session=1, onset=0, end=0,
                     closed_by=ClosedBy.CODERS)
    held = align_cohort(Cohort.of([attrs.evolve(move, code=code)], coding=Coding(codebook=book), episodes=[row]), MODEL)
    assert (held.cost.tolist(), held.worst.tolist()) == ([1], [2])
    assert [step.kind for step in held[0].steps] == ["taken", "skipped", "unseen", "unseen"]
    assert "which these codes cannot show" in held[0].explain()


def test_an_end_that_nothing_leads_to_is_told_before_any_episode() -> None:
    model = attrs.evolve(MODEL, transitions=tuple(arrow for arrow in MODEL.transitions if arrow.source == arrow.target))
    with pytest.raises(NotEstimable, match="no way leads from 'withdrawal' of withdrawal-2000 to a state where an episode "
                                           "may stop; accepted is: completed, one of completed, any_end, any_prefix"):
        align_cohort(cohort_of(WHOLE), model)
    prefix = AlignmentCosts(accept=Accept.ANY_PREFIX)
    assert align_cohort(cohort_of([WD, INVITE]), model, costs=prefix).cost.tolist() == [1]


def test_no_episodes_make_an_empty_table() -> None:
    with pytest.warns(rk.CodingWarning, match="no episodes are in force"):
        held = align_cohort(cohort_of(), MODEL)
    assert (len(held), list(held), held.deviations()["skipped"]) == (0, [], {})


def test_guards_on_elapsed_time_ask_for_the_move_before_in_the_record() -> None:
    """As in tracing: that a move is off the model does not change how long ago it was."""
    def guarded(seconds: int) -> rk.StateMachine:
        arrows = tuple(attrs.evolve(arrow, when=attrs.evolve(arrow.when, max_elapsed=rk.seconds(seconds)))
                       if arrow.target == "self_assertion" and arrow.when else arrow for arrow in MODEL.transitions)
        return attrs.evolve(MODEL, transitions=arrows)
    cohort = cohort_of([WD, INVITE, HALF, LINK, ASSERT])
    assert align_cohort(cohort, guarded(10)).cost.tolist() == [1]
    assert align_cohort(cohort, guarded(9)).cost.tolist() == [3]


@pytest.mark.parametrize(("field", "value"), [("skipped", -1), ("off_model", 1.5), ("substituted", True),
                                             ("off_model", 10_001), ("skipped", "1")])
def test_prices_are_whole_numbers_within_bounds(field: str, value: Any) -> None:
    with pytest.raises(RecordError, match=f"AlignmentCosts.{field}: expected a whole number from 0 to 10,000 but got"):
        AlignmentCosts(**{field: value})


def test_an_unknown_way_to_stop_is_refused() -> None:
    with pytest.raises(ValueError, match="sometime"):
        AlignmentCosts(accept="sometime")


def test_a_model_too_large_to_hold_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rupturekit.conformance.costs.MOST_PRICES", 30)
    prices.cache_clear()
    with pytest.raises(NotEstimable, match=r"withdrawal-2000 has 5 states and stages shows 11 kinds of moves in it, 275 "
                                           "prices; at most 30 are held"):
        align_cohort(cohort_of(WHOLE), MODEL)


def test_parties_that_the_study_lacks_are_refused() -> None:
    arrows = tuple(attrs.evolve(arrow, when=attrs.evolve(arrow.when, party="partner")) for arrow in MODEL.transitions
                   if arrow.when)
    with pytest.raises(PartyMismatch, match="partner"):
        align_cohort(cohort_of(WHOLE), attrs.evolve(MODEL, transitions=arrows))


@pytest.mark.parametrize("name", model_names())
@pytest.mark.parametrize("accept", Accept)
def test_every_model_of_the_library_is_aligned_to(name: str, accept: Accept) -> None:
    rng = np.random.default_rng(1)
    codes = [("client" if "client" in code.parties or not code.parties else "therapist", code.code)
             for code in load_codebook("stages").codes]
    cohort = cohort_of(*([codes[at] for at in rng.integers(0, len(codes), n)] for n in (1, 4, 9, 20)))
    costs = AlignmentCosts(accept=accept, substituted=2)
    held = align_cohort(cohort, name, costs=costs, any_type=True)
    plain = align_cohort(cohort, name, costs=costs, any_type=True, most_vectors=0)
    assert held.cost.tolist() == plain.cost.tolist() == [sum(step.cost for step in one.steps) for one in held]
    assert (held.cost <= held.worst).all()
    assert held.deviations() == plain.deviations() == summed(held)


def summed(held: Alignments) -> dict[str, dict[str, int]]:
    """Count the deviations of every alignment, one by one."""
    counts = {kind: Counter[str]() for kind in (StepKind.SKIPPED, StepKind.OFF_MODEL, StepKind.SUBSTITUTED)}
    for one in held:
        for step in one.deviations:
            counts[step.kind][step.after if step.kind is StepKind.SKIPPED else step.before] += 1
    return {kind: {state.name: n[state.name] for state in held.model.states if n[state.name]} for kind, n in counts.items()}


@settings(max_examples=60, deadline=None)
@given(cohorts(), models(), COSTS)
def test_a_table_is_its_alignments_one_by_one(cohort: Cohort, model: rk.StateMachine, costs: AlignmentCosts) -> None:
    held = align_cohort(cohort, model, costs=costs, any_type=True)
    plain = align_cohort(cohort, model, costs=costs, any_type=True, most_vectors=0)
    assert held.cost.tolist() == plain.cost.tolist() == [one.cost for one in held]
    assert held.cost.tolist() == [sum(step.cost for step in one.steps) for one in held]
    assert held.deviations() == plain.deviations() == summed(held)
    assert (held.cost <= held.worst).all()
    rows = cohort.moves.row_id
    for at, one in enumerate(held):
        low, high = held.replay.episodes.offsets[at : at + 2].tolist()
        moves = [step.move.row_id for step in one.steps if step.move is not None]
        assert moves == rows[held.replay.episodes.members[low:high]].tolist()
