"""Substitutions priced by what the arrow waits for, by what the move does, and by state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rupturekit as rk
from rupturekit.alphabet import compile_model
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import AlignmentCosts, StepKind, Substitution, align_cohort
from rupturekit.conformance.costs import prices
from rupturekit.conformance.substitutions import told_apart
from rupturekit.episode import Coding, EpisodeRow, Move
from rupturekit.errors import NotEstimable, RecordError, UnknownState
from rupturekit.state_machine import load_model
from rupturekit.testing import cohorts, models
from rupturekit.vocabulary import ClosedBy

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

MODEL = load_model("withdrawal-2000")
WD, INVITE, ASSERT = ("client", "wd"), ("therapist", "invite"), ("client", "self-assert")
LINK, RATIONALE = ("therapist", "link"), ("therapist", "rationale")


def cohort_of(*episodes: list[tuple[str, str]]) -> Cohort:
    """Return a cohort coded by the packaged codebook `stages`, one session an episode."""
    moves = [Move(dyad="D1", session=number, track="r1", party=party, code=code, onset=at, row_id=100_000 * number + at)
             for number, said in enumerate(episodes, start=1) for at, (party, code) in enumerate(said)]
    rows = [EpisodeRow(episode=f"E{number}", dyad="D1", track="r1", first_session=number, last_session=number, onset=0,
                       end=len(said), closed_by=ClosedBy.CODERS) for number, said in enumerate(episodes, start=1)]
    return Cohort.of(moves, coding=Coding(codebook=load_codebook("stages")), episodes=rows)


def costs(*made: Substitution, substituted: int | None = None) -> AlignmentCosts:
    return AlignmentCosts(skipped=5, off_model=5, substituted=substituted, substitutions=made)


@pytest.mark.parametrize(("made", "expected"), [
    ((), [10, 10]),
    ((Substitution(had="links_pattern", cost=2),), [2, 10]),    # links take the place of what is missing, reasons do not
    ((Substitution(wanted="qualified_assertion", cost=3),), [3, 3]),
    ((Substitution(wanted="self_assertion", cost=3),), [8, 8]),    # one step earlier is skipped, the wish then repeated
    ((Substitution(wanted="qualified_assertion", had="gives_rationale", cost=4),), [10, 4]),
    ((Substitution(state="disembedding", cost=1),), [1, 1]),
    ((Substitution(state="withdrawal", cost=1),), [7, 7]),    # the question for a marker, what follows for the question
    ((Substitution(had="links_pattern", state="disembedding", cost=2), Substitution(wanted="qualified_assertion", cost=1)),
     [2, 1]),
    ((Substitution(wanted="qualified_assertion", cost=1), Substitution(had="links_pattern", cost=2)), [1, 1]),
])
def test_the_first_price_that_applies_counts(made: tuple[Substitution, ...], expected: list[int]) -> None:
    """Between disembedding and self-assertion stands a move that both codes leave off the model at 5, or 5 are skipped."""
    cohort = cohort_of([WD, INVITE, LINK, ASSERT], [WD, INVITE, RATIONALE, ASSERT])
    held = align_cohort(cohort, MODEL, costs=costs(*made))
    assert held.cost.tolist() == expected
    assert [sum(step.cost for step in one.steps) for one in held] == expected
    substituted = sum(step.kind is StepKind.SUBSTITUTED for one in held for step in one.steps)
    assert sum(held.deviations()["substituted"].values()) == substituted
    assert (substituted > 0) == (min(expected) < 10)


def test_one_price_may_be_forbidden_where_others_hold() -> None:
    cohort = cohort_of([WD, INVITE, LINK, ASSERT], [WD, INVITE, RATIONALE, ASSERT])
    never = Substitution(had="links_pattern", cost=None)
    held = align_cohort(cohort, MODEL, costs=costs(never, substituted=2))
    assert held.cost.tolist() == [9, 2]    # the marker for the question, that for half an assertion, the link off
    assert held.costs.identity == ("costs skipped 5, off-model 5, substituted 2 but links_pattern for any never, accepts "
                                   "completed")
    assert held.costs.identity in held.provenance.rules
    (step,) = held[1].deviations
    assert (step.kind, step.cost) == (StepKind.SUBSTITUTED, 2)


def test_a_substitution_without_charge_is_told_and_is_no_deviation() -> None:
    held = align_cohort(cohort_of([WD, INVITE, LINK, ASSERT]), MODEL, costs=costs(Substitution(had="links_pattern", cost=0)))
    assert held.cost.tolist() == [0]
    assert [step.kind for step in held[0].steps] == ["taken", "taken", "substituted", "taken"]
    assert held[0].deviations == ()
    assert held.deviations()["substituted"] == {}


@settings(max_examples=40, deadline=None)
@given(cohorts(), models(), st.integers(0, 3) | st.none(), st.data())
def test_prices_that_are_all_the_same_are_one_price(cohort: Cohort, model: rk.StateMachine, price: int | None,
                                                    data: st.DataObject) -> None:
    done = sorted({name for code in cohort.coding.codebook.codes for name in code.functions})
    made = tuple(Substitution(had=name, cost=price) for name in done[:2]) + tuple(
        Substitution(state=name, cost=price) for name in list(model.index)[:1])
    one = align_cohort(cohort, model, costs=AlignmentCosts(substituted=price), any_type=True)
    many = align_cohort(cohort, model, costs=AlignmentCosts(substituted=price, substitutions=made), any_type=True)
    assert one.cost.tolist() == many.cost.tolist()
    assert (one.least.tolist(), one.greatest.tolist()) == (many.least.tolist(), many.greatest.tolist())
    assert one.deviations() == many.deviations()


def test_moves_are_told_apart_by_what_they_do_and_nothing_else_changes() -> None:
    replay = align_cohort(cohort_of([WD]), MODEL).replay
    assert told_apart(replay, (Substitution(wanted="validates", cost=1),)) is replay
    split = told_apart(replay, (Substitution(had="links_pattern", cost=1), Substitution(had="validates", cost=1)))
    before, after = replay.kinds.alphabet, split.kinds.alphabet
    assert after.fits.shape[0] == before.fits.shape[0] + 2    # links, and clients who validate: to the model like any other
    old = dict(zip(after.symbol.ravel().tolist(), before.symbol.ravel().tolist(), strict=True))
    assert set(old.values()) == set(before.symbol.ravel().tolist())
    for new, was in old.items():
        assert after.next[:, new].tolist() == before.next[:, was].tolist()
        assert after.fits[new].tolist() == before.fits[was].tolist()
    assert {(state, old[symbol]): hop for (state, symbol), hop in after.hops.items() if symbol in old}.items() <= (
        before.hops.items())
    assert len(after.hops) >= len(before.hops)


def test_elsewhere_what_looks_alike_cannot_be_priced_apart() -> None:
    held = compile_model(MODEL, load_codebook("stages"))
    with pytest.raises(NotEstimable, match="moves that do and moves that do not what is called links_pattern look alike to "
                                           "withdrawal-2000"):
        prices(held, costs(Substitution(had="links_pattern", cost=1)))
    taken = prices(held, costs(Substitution(wanted="self_assertion", cost=1)))
    assert np.array_equal(taken.begin, prices(held, costs()).begin)


@pytest.mark.parametrize(("made", "error", "words"), [
    ({"state": "withdrawl"}, UnknownState, "withdrawal-2000 has no state 'withdrawl'; did you mean 'withdrawal'"),
    ({"wanted": "validate"}, RecordError, "Substitution.wanted: withdrawal-2000 has no function 'validate'; did you mean "
                                          "'validates'"),
    ({"had": "link_pattern"}, RecordError, "Substitution.had: stages has no function 'link_pattern'; did you mean "
                                           "'links_pattern'")])
def test_names_that_are_not_there_are_refused(made: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        align_cohort(cohort_of([WD]), MODEL, costs=costs(Substitution(**made, cost=1)))


def test_a_substitution_names_something_and_a_whole_price() -> None:
    with pytest.raises(RecordError, match="names neither a function nor a state; the price of any substitution is"):
        Substitution(cost=1)
    with pytest.raises(RecordError, match="Substitution.cost: expected a whole number from 0 to 10,000 but got 1.5"):
        Substitution(state="withdrawal", cost=1.5)  # type: ignore[arg-type]  # what it refuses
    assert str(Substitution(wanted="validates", state="avoidance", cost=None)) == "any for validates in avoidance never"


def test_dear_substitutions_are_counted_exactly_or_refused() -> None:
    dear = costs(Substitution(state="withdrawal", cost=10_000))
    assert align_cohort(cohort_of([WD]), load_model("withdrawal-2000"), costs=dear).cost.tolist() == [15]
    with pytest.raises(NotEstimable, match="prices up to 10,000 could cost"):
        align_cohort(cohort_of([WD] * 26_900), MODEL, costs=dear)
