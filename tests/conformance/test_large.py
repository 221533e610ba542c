"""Bounded memory and a result: a model of 513 states, an episode of 100,000 moves, thirty moves at one instant."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import align_cohort
from rupturekit.conformance.order import order_gain
from rupturekit.conformance.precision import escaping_edges
from rupturekit.episode import Coding, EpisodeRow, Move
from rupturekit.segmentation import WHOLE_SESSION
from rupturekit.state_machine import StateMachine, load_model, parse_model
from rupturekit.ties import TieRule
from rupturekit.vocabulary import ClosedBy
from strategies import set_text

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

BOOK = load_codebook("stages")


def cohort_of(*lengths: int, apart: int = 1000) -> Cohort:
    """Return episodes of random codes, moves so many microseconds apart."""
    rng = np.random.default_rng(1)
    moves = [Move(dyad="D1", session=session, track="r1", party=(code.parties or ("client",))[0], code=code.code,
                  onset=at * apart, row_id=1_000_000 * session + at, tie=0 if apart else at)
             for session, n in enumerate(lengths, start=1)
             for at, code in enumerate(BOOK.codes[drawn] for drawn in rng.integers(0, len(BOOK.codes), n).tolist())]
    rows = [EpisodeRow(episode=f"E{session}", dyad="D1", track="r1", first_session=session, last_session=session,
                       onset=0, end=(n - 1) * apart, closed_by=ClosedBy.CODERS)
            for session, n in enumerate(lengths, start=1)]
    return Cohort.of(moves, coding=Coding(codebook=BOOK), episodes=rows)


@contextmanager
def at_most(megabytes: int) -> Iterator[None]:
    """Fail where more memory is held at once than was held before."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1e6
    finally:
        tracemalloc.stop()


def nine_in_any_order() -> StateMachine:
    *nine, join = list(dict.fromkeys(code.functions[0] for code in BOOK.codes))[:10]
    return parse_model(set_text(nine, 9, join=join))


def test_nine_stages_in_any_order_are_aligned_to() -> None:
    model = nine_in_any_order()
    assert len(model.states) == 513
    cohort = cohort_of(*[20] * 10)
    with at_most(200):
        held = align_cohort(cohort, model, any_type=True)
        plain = align_cohort(cohort, model, any_type=True, most_vectors=0)
        assert (held.cost == plain.cost).all()
        assert (held.cost < held.worst).all()
        assert held.deviations() == plain.deviations()
        assert sum(step.cost for step in held[3].steps) == held.cost[3]


def test_an_episode_of_a_hundred_thousand_moves_is_aligned_and_told() -> None:
    cohort = cohort_of(100_000)
    held = align_cohort(cohort, "confrontation-2000", any_type=True)
    assert held.cost[0] == sum(sum(by_state.values()) for by_state in held.deviations().values())
    one = held[0]
    assert one.cost == sum(step.cost for step in one.steps)
    assert [step.move.row_id for step in one.steps if step.move is not None] == cohort.moves.row_id.tolist()
    assert "cheapest alignments: about 10^" in one.explain().partition("\n")[0]


def test_one_alignment_holds_at_most_two_kilobytes_a_move() -> None:
    cohort = cohort_of(4_000)
    held = align_cohort(cohort, "confrontation-2000", any_type=True)
    with at_most(8):
        assert held[0].cost == held.cost[0]


def test_thirty_moves_at_one_instant_are_taken_in_the_order_of_the_rule() -> None:
    cohort = cohort_of(30, apart=0)
    costs = {rule: int(align_cohort(cohort, load_model("withdrawal-2000"), tie_rule=rule).cost[0])
             for rule in (TieRule.AS_FILED, TieRule.FIRST_PARTY_FIRST)}
    assert all(0 < cost <= 33 for cost in costs.values())


def test_arrangements_of_a_long_episode_are_laid_out_a_few_at_once() -> None:
    cohort = cohort_of(20_000)
    with at_most(100):
        held = order_gain(cohort, "confrontation-2000", rule=WHOLE_SESSION, draws=499, any_type=True)
    assert held.gain.value == pytest.approx(0, abs=0.02)


def test_precision_of_a_long_path_takes_room_by_its_length() -> None:
    step = ("on", frozenset({"on", "off"}))
    with at_most(10):
        assert escaping_edges([(step,) * 5_000]) == pytest.approx(0.5)
