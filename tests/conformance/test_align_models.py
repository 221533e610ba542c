"""The models of cognitive analytic therapy and of cognitive behaviour therapy: what they hold, and alignment to them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rupturekit.alphabet import Observability, coverage
from rupturekit.codebooks import codebook_names, load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import Alignments, align_cohort
from rupturekit.episode import Coding, EpisodeRow, Move
from rupturekit.state_machine import load_model
from rupturekit.vocabulary import ClosedBy, Evidence

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

CAT, CBT = load_model("cat-2006"), load_model("cbt-2008")
STAGES = {"acknowledgement": ("therapist", "acknowledge"), "exploration": ("therapist", "invite"),
          "linking": ("therapist", "link"), "negotiating": ("client", "reflect"), "understanding": ("client", "hurt"),
          "further_explanation": ("therapist", "rationale"), "changing": ("therapist", "renegotiate")}
"""What a code of `stages` shows of the eight that come before closure; consensus has none."""
RESUME = ("client", "resume")


def aligned(*episodes: list[tuple[str, str]], model: str) -> Alignments:
    moves = [Move(dyad="D1", session=number, track="r1", party=party, code=code, onset=at, row_id=1000 * number + at)
             for number, said in enumerate(episodes, start=1) for at, (party, code) in enumerate(said)]
    rows = [EpisodeRow(episode=f"E{number}", dyad="D1", track="r1", first_session=number, last_session=number, onset=0,
                       end=len(said), closed_by=ClosedBy.CODERS) for number, said in enumerate(episodes, start=1)]
    return align_cohort(Cohort.of(moves, coding=Coding(codebook=load_codebook("stages")), episodes=rows), model)


def test_the_stages_stand_in_their_preferred_order_and_closure_is_the_ninth() -> None:
    preferred = ("acknowledgement", "exploration", "linking", "negotiating", "consensus", "understanding",
                 "further_explanation", "changing")
    everything = max(CAT.states, key=lambda state: len(state.steps))
    assert everything.steps == preferred
    assert {tuple(state.steps) for state in CAT.states[1:-1]} == {
        steps for n in range(1, 9) for steps in itertools.combinations(preferred, n)}
    assert (len(CAT.states), CAT.initial, CAT.ends) == (257, "enactment", ("closure",))


def test_no_arrow_of_either_claims_to_have_been_read() -> None:
    for model, secondary in ((CAT, 0), (CBT, 1)):
        counts = model.evidence_counts()
        assert (counts[Evidence.READ], counts[Evidence.SECONDARY]) == (0, secondary)
        assert model.is_reconstruction
    for arrow in CAT.transitions:
        assert (arrow.evidence is Evidence.RECALLED) == (not arrow.skippable)    # the stages; all else is assumed


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(sorted(STAGES)), min_size=1, max_size=12))
def test_stages_in_any_order_and_repeated_cost_nothing(stages: list[str]) -> None:
    held = aligned([*(STAGES[stage] for stage in stages), RESUME], model="cat-2006")
    assert held.cost.tolist() == [0]
    assert held.worst.tolist() == [1 + len(stages) + 1]    # past consensus, which no code shows, closure is skipped at 1


def test_closure_needs_no_stage_that_a_code_could_show_and_a_marker_after_it_is_a_relapse() -> None:
    held = aligned([RESUME], [("client", "wd"), RESUME, ("client", "cf"), STAGES["linking"]], model="cat-2006")
    assert held.cost.tolist() == [0, 1]
    assert [(step.kind, step.after) for step in held[1].deviations] == [("skipped", "closure")]
    assert [step.kind for step in held[0].steps] == ["unseen", "taken"]


def test_what_the_therapist_recognises_inwardly_is_passed_and_never_charged() -> None:
    course = [("therapist", "validate"), ("client", "articulate"), ("therapist", "renegotiate"), RESUME]
    held = aligned(course, course[1:], model="cbt-2008")
    assert held.cost.tolist() == [0, 1]
    assert held.worst.tolist() == [8, 7]
    first = held[0].steps[0]
    assert (first.kind, first.after) == ("unseen", "recognised")
    for name in codebook_names():
        assert coverage(load_codebook(name), CBT).of("recognised") is Observability.NOT_OBSERVABLE


def test_consensus_waits_for_a_code() -> None:
    for name in codebook_names():
        assert coverage(load_codebook(name), CAT).of("consensus") is Observability.NOT_OBSERVABLE


def test_many_episodes_along_257_states_have_one_cost_by_both_ways() -> None:
    rng = np.random.default_rng(1)
    codes = [*STAGES.values(), RESUME, ("client", "wd"), ("client", "stay")]
    said = [[codes[at] for at in rng.integers(0, len(codes), n)] for n in rng.integers(1, 20, 60)]
    held = aligned(*said, model="cat-2006")
    plain = align_cohort(held.replay.cohort, "cat-2006", most_vectors=0)
    assert held.cost.tolist() == plain.cost.tolist() == [sum(step.cost for step in one.steps) for one in held]
