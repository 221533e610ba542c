"""The simulated streams against the plain loop, and the same however the work is divided."""

from __future__ import annotations

import functools
import hashlib
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_simulation as slow
from rupturekit import _random
from rupturekit.inference.merging import in_parts
from rupturekit.simulation import streams
from rupturekit.simulation.chances import chances_of
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design, NeedRates, Score
from rupturekit.simulation.streams import Streams, run_sessions

SHARES = st.sampled_from([0.0, 0.05, 0.3, 0.7, 1.0])
RATES = st.builds(NeedRates, claim=st.sampled_from([0.0, 0.2]), grant=st.sampled_from([0.0, 0.15]),
                  contest=st.sampled_from([0.0, 0.05]), give_up=st.sampled_from([0.0, 0.1]))
MODELS = st.sampled_from(["withdrawal-2000", "confrontation-2000", "renegotiation", "recognition", "safran-muran-1996"])
BASES = st.sampled_from([None, {"client": {"wd": 0.2, "self-assert": 0.1}}, {"therapist": {"invite": 1.0}},
                         {"client": {"hurt": 0.5, "wd": 0.5}, "therapist": {"validate": 0.0, "link": 0.3}}])


@st.composite
def designs(draw: st.DrawFn) -> Design:
    dyads = draw(st.integers(1, 4))
    several = dyads > 2 and draw(st.booleans())
    onset = draw(st.sampled_from([0.05, 0.3]) if several else SHARES)
    dropout = draw(SHARES)
    order = draw(SHARES)
    return Design(
        dyads=dyads, sessions=draw(st.integers(1, 3)), turns=draw(st.sampled_from([(1, 1), (5, 5), (1, 12), (10, 30)])),
        turn_length=draw(st.sampled_from([(1, 1), (500, 9_000)])), switch=draw(SHARES), model=draw(MODELS), onset=onset,
        dwell=draw(st.sampled_from([1.0, 2.5])), lapse=draw(st.sampled_from([0.0, 0.02, 0.3])), order=order,
        base_rates=draw(BASES), dyads_per_therapist=2 if several else draw(st.sampled_from([None, 1, 3])),
        needs=draw(st.dictionaries(st.sampled_from(slow.PARTIES), RATES)) if order else {},
        dyad_sd=0.8 if several else 0.0, therapist_sd=draw(st.sampled_from([0.0, 0.5])) if several else 0.0,
        scores=draw(st.sampled_from([(), (Score(missing=0.3), Score(perspective="therapist", slope=2.0, mean=0.0))])),
        missed=draw(st.sampled_from([0.0, 0.3, 1.0])), dropout=dropout,
        dropout_after_rupture=draw(st.sampled_from([0.0, 1.5])) if 0 < dropout < 1 else 0.0, cut=draw(SHARES))


def words(table: Any, *names: str) -> list[tuple[Any, ...]]:
    columns = [table.words(name) if name in table.levels else table.arrays[name].tolist() for name in names]
    return list(zip(*columns, strict=True))


@settings(max_examples=60)
@given(designs(), st.integers(-5, 2**70))
def test_a_study_is_that_of_the_plain_loop(design: Design, seed: int) -> None:
    made, plain = simulate(design, seed=seed), slow.simulated(design, seed=seed)
    assert words(made.truth.turns, *slow.Turn._fields) == [
        tuple(turn) for meetings in plain for one in meetings for turn in one.turns]
    moves = made.cohort.moves
    assert words(moves, "dyad", "session", "party", "code", "onset", "offset", "tie") == slow.moves(design, plain)
    assert moves.row_id.tolist() == list(range(1, len(moves) + 1))
    assert words(made.truth.ruptures, "dyad", "session", "first_turn", "last_turn", "party", "end") == (
        slow.ruptures(design, plain))
    assert [(one.dyad, one.session, one.value) for one in made.cohort.ratings] == slow.scores(design, plain, seed=seed)


@given(designs(), st.integers(0, 99))
def test_what_is_on_record_around_the_moves_is_that_of_the_plain_loop(design: Design, seed: int) -> None:
    made, plain = simulate(design, seed=seed), slow.simulated(design, seed=seed)
    cohort = made.cohort
    sessions = [(f"D{dyad + 1:06d}", number, one) for dyad, meetings in enumerate(plain)
                for number, one in enumerate(meetings, start=1)]
    assert [(one.dyad, one.session, one.attended, one.duration, one.day) for one in cohort.sessions] == [
        (name, number, "yes" if one.length else "no", one.duration if one.length else None, 7 * number - 7)
        for name, number, one in sessions]
    assert words(cohort.observed, "dyad", "session", "start", "end") == [
        (name, number, 0, one.turns[-1].offset) for name, number, one in sessions if one.length]
    assert words(cohort.context, "dyad", "session", "kind") == [
        (name, number, "missed_session") for name, number, one in sessions if not one.length]
    assert len(cohort.labels) == 0
    assert words(cohort.dyads, "dyad", "therapy_end") == [
        (f"D{dyad + 1:06d}", "agreed" if len(meetings) == design.sessions else "unilateral")
        for dyad, meetings in enumerate(plain)]
    assert cohort.dyads.words("therapist") == [
        None if design.dyads_per_therapist is None else f"T{dyad // design.dyads_per_therapist + 1:06d}"
        for dyad in range(design.dyads)]
    assert made.truth.dyads.last_session.tolist() == list(map(len, plain))
    if design.dyad_sd:
        assert made.truth.dyads.effect.tolist() == [0.8 * slow.normal(_random.key(seed, cluster=name, purpose="dyad"), 0)
                                                    for name in made.truth.dyads.words("dyad")]
    assert len(made.truth.therapists) == design.therapists


STUDY = Design(dyads=9, dyads_per_therapist=2, sessions=5, turns=(4, 12), onset=0.2, dyad_sd=0.5, therapist_sd=0.5,
               missed=0.1, dropout=0.1, dropout_after_rupture=1.0, cut=0.2, scores=(Score(missing=0.2),),
               needs={"client": NeedRates(claim=0.2), "therapist": NeedRates(grant=0.3)})


def test_no_partition_order_or_number_of_workers_changes_a_bit() -> None:
    chances, due = chances_of(STUDY), np.arange(45)
    whole = run_sessions(chances, due, seed=7)
    work = functools.partial(run_sessions, chances, seed=7)
    with ThreadPoolExecutor(3) as threads, ProcessPoolExecutor(2) as processes:
        for attempt in range(50):
            order = _random.shuffled(_random.key(attempt, cluster="", purpose="order"), 45)
            cuts = np.unique(_random.below(_random.key(attempt, cluster="", purpose="cuts"), attempt % 12, 45))
            executor = ("serial", threads, processes)[attempt % 3]
            pieces = list(in_parts(work, [part for part in np.split(order, cuts) if len(part)], executor=executor))
            assert Streams.joined(pieces) == whole


@pytest.mark.parametrize("how", [{"executor": "threads", "workers": 2}, {"block": 1}, {"block": 7},
                                 {"executor": "processes", "workers": 2, "block": 20}])
def test_a_study_is_the_same_in_any_blocks_and_by_any_workers(how: dict[str, Any]) -> None:
    one, other = simulate(STUDY, seed=3), simulate(STUDY, seed=3, **how)
    assert one.cohort.digest == other.cohort.digest
    assert one.truth == other.truth


def test_the_chance_of_onset_is_that_of_dyad_and_therapist() -> None:
    onsets = streams._onsets(chances_of(STUDY), np.arange(45), seed=9)
    assert onsets.tolist() == [slow.limit(slow.onset_of(STUDY, at // 5, 9)) for at in range(45)]
    assert len(set(onsets.tolist())) == 9


def test_more_dyads_leave_those_that_were_there_as_they_are() -> None:
    few, many = simulate(STUDY, seed=3), simulate(attrs.evolve(STUDY, dyads=12), seed=3)
    assert words(many.cohort.moves, "dyad", "session", "code", "onset")[: len(few.cohort.moves)] == (
        words(few.cohort.moves, "dyad", "session", "code", "onset"))


def test_a_score_more_changes_no_turn() -> None:
    one, other = simulate(STUDY, seed=3), simulate(attrs.evolve(STUDY, scores=()), seed=3)
    assert one.truth.turns == other.truth.turns


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    simulate(STUDY, seed=1, block=20, tell=lambda done, of: told.append((done, of)))
    assert told == [(20, 45), (40, 45), (45, 45)]


def test_the_draws_are_the_same_on_every_platform() -> None:
    found = run_sessions(chances_of(STUDY), np.arange(45), seed=1)
    seen = hashlib.blake2b(digest_size=8)
    for name in attrs.fields_dict(Streams):
        seen.update(getattr(found, name).astype("<i8").tobytes())
    assert seen.hexdigest() == "f3e21bb1e7e9aeeb"


def test_streams_compare_with_streams_only() -> None:
    found = run_sessions(chances_of(STUDY), np.arange(3), seed=1)
    assert found != 3
    assert found == run_sessions(chances_of(STUDY), np.arange(3), seed=1)
    assert found != run_sessions(chances_of(STUDY), np.arange(3), seed=2)
