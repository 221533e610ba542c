"""Raters with known error: against the plain loop, and rate by rate."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_simulation as slow
from rupturekit.errors import NotEstimable, RecordError
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design, NeedRates
from rupturekit.simulation.raters import Rater, rate, stacked
from rupturekit.simulation.truth import TRUTH_TRACK, Simulated
from rupturekit.vocabulary import TrackKind

SHARES = st.sampled_from([0.0, 0.1, 0.5, 1.0])
RATERS = st.builds(
    Rater, name=st.sampled_from(["r1", "r2"]), error=st.sampled_from([0.0, 0.2, 0.9]), run=st.sampled_from([1.0, 4.0]),
    confusion=st.sampled_from([{}, {"wd": {"cf": 0.3, "wd": 0.6}}, {"invite": {"link": 1.0 - 2**-9}, "wd": {}}]),
    drift=st.sampled_from([0.0, -1.0, 0.4]), missed=SHARES, late=SHARES, late_by=st.integers(1, 3), split=SHARES,
    joined=SHARES)
STUDY = Design(dyads=3, sessions=2, turns=(1, 25), onset=0.2, base_rates={"client": {"wd": 0.4}, "therapist": {"invite": 0.5}},
               needs={"client": NeedRates(claim=0.3), "therapist": NeedRates(grant=0.3, claim=0.1)}, missed=0.2, cut=0.3)


def of_track(made: Any, name: str, *columns: str) -> list[tuple[Any, ...]]:
    moves = made.moves.take(made.moves.track == made.moves.code_of("track", word=name))
    return list(zip(*(moves.words(column) if column in moves.levels else moves.arrays[column].tolist()
                      for column in columns), strict=True))


@settings(max_examples=80)
@given(RATERS, st.integers(0, 99))
def test_a_reading_is_that_of_the_plain_loop(rater: Rater, seed: int) -> None:
    plain = slow.simulated(STUDY, seed=seed)
    found = rate(simulate(STUDY, seed=seed), rater, seed=seed)
    assert of_track(found, rater.name, "dyad", "session", "party", "code", "onset", "offset") == (
        slow.rated(STUDY, plain, rater, seed=seed))


@settings(max_examples=15)
@given(RATERS, st.integers(0, 99))
def test_nothing_else_of_the_cohort_changes(rater: Rater, seed: int) -> None:
    made = simulate(STUDY, seed=seed)
    found = rate(made, rater, seed=seed)
    names = ("row_id", "dyad", "session", "party", "code", "onset", "offset", "tie")
    assert of_track(found, TRUTH_TRACK, *names) == of_track(made.cohort, TRUTH_TRACK, *names)
    assert (found.sessions, found.dyads, found.ratings, found.context) == (
        made.cohort.sessions, made.cohort.dyads, made.cohort.ratings, made.cohort.context)
    assert {track.name: track.kind for track in found.tracks} == {
        TRUTH_TRACK: TrackKind.CONSENSUS, rater.name: TrackKind.RATER}
    assert len(found.observed) == 2 * len(made.cohort.observed)


@settings(max_examples=15)
@given(RATERS)
def test_moves_at_one_instant_are_told_apart(rater: Rater) -> None:
    places = of_track(rate(simulate(STUDY, seed=5), rater, seed=5), rater.name, "dyad", "session", "onset", "tie")
    assert len(set(places)) == len(places)


def test_raters_do_not_hang_on_each_other() -> None:
    made = simulate(STUDY, seed=1)
    one, other = Rater(name="a", error=0.3), Rater(name="b", missed=0.3)
    columns = ("dyad", "session", "party", "code", "onset", "offset", "tie")
    both = rate(made, [one, other], seed=4)
    assert of_track(both, "b", *columns) == of_track(rate(made, other, seed=4), "b", *columns)
    assert len(set(both.moves.row_id.tolist())) == len(both.moves)
    assert of_track(both, "a", *columns) != of_track(rate(made, one, seed=5), "a", *columns)


def test_a_rater_without_error_reads_the_truth() -> None:
    made = simulate(STUDY, seed=2)
    columns = ("dyad", "session", "party", "code", "onset", "offset", "tie")
    found = rate(made, Rater(name="r1", error=0.0), seed=1)
    assert of_track(found, "r1", *columns) == of_track(found, TRUTH_TRACK, *columns)


def test_no_moves_give_no_reading() -> None:
    silent = simulate(Design(dyads=2, sessions=1, onset=0.0, base_rates={}), seed=1)
    assert rate(silent, Rater(name="r1"), seed=1).track_names == ()
    missed = simulate(Design(dyads=2, sessions=1, missed=1.0), seed=1)
    assert len(rate(missed, Rater(name="r1"), seed=1).observed) == 0


# Rates: one study of some 20,000 codes, each rate within four standard errors at a fixed seed

BIG = Design(dyads=20, sessions=10, turns=(100, 100), onset=0.0, base_rates={"client": {"wd": 0.5, "hurt": 0.5}, "therapist": {"invite": 1.0}})


@pytest.fixture(scope="module")
def big() -> Simulated:
    return simulate(BIG, seed=11)


def z_score(found: int, n: int, share: float) -> float:
    return (found - n * share) / (n * share * (1 - share)) ** 0.5


def read(big: Simulated, **error: Any) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    found = rate(big, Rater(name="r1", **error), seed=3)
    columns = ("dyad", "session", "party", "code", "onset", "offset")
    return of_track(found, TRUTH_TRACK, *columns), of_track(found, "r1", *columns)


def test_the_error_rate_is_as_stated_and_errors_are_spread_evenly(big: Simulated) -> None:
    truth, made = read(big, error=0.2)
    wrong = [(one[3], other[3]) for one, other in zip(truth, made, strict=True) if one[3] != other[3]]
    assert abs(z_score(len(wrong), len(truth), 0.2)) < 4
    assert len({code for _, code in wrong}) > 20


@pytest.mark.parametrize("run", [1.0, 5.0, 20.0])
def test_runs_of_errors_are_as_long_as_stated_and_the_rate_stays(big: Simulated, run: float) -> None:
    truth, made = read(big, error=0.2, run=run)
    wrong = [one[3] != other[3] for one, other in zip(truth, made, strict=True)]
    places = [one[:2] for one in truth]
    starts = sum(now and not (before and here == there) for now, before, here, there in
                 zip(wrong[1:], wrong, places[1:], places, strict=False))
    # Units of one frame of mind are wrong together, so the count's variance grows nearly 2 run - 1 times.
    assert abs(z_score(sum(wrong), len(wrong), 0.2)) < 4 * (2 * run - 1) ** 0.5
    expected = 200 * (0.2 + 99 * 0.8 * 0.2 / run)    # at the first unit of a session, or drawn anew after a right one
    assert abs(starts + wrong[0] - expected) < 4 * expected ** 0.5


def test_a_confusion_is_as_stated(big: Simulated) -> None:
    truth, made = read(big, error=0.0, confusion={"wd": {"cf": 0.2, "hurt": 0.1}})
    taken = [other[3] for one, other in zip(truth, made, strict=True) if one[3] == "wd"]
    assert abs(z_score(taken.count("cf"), len(taken), 0.2)) < 4
    assert abs(z_score(taken.count("hurt"), len(taken), 0.1)) < 4
    assert taken.count("wd") + taken.count("cf") + taken.count("hurt") == len(taken)


def test_drift_adds_log_odds_session_by_session(big: Simulated) -> None:
    truth, made = read(big, error=0.1, drift=0.3)
    for session in (1, 5, 10):
        wrong = [one[3] != other[3] for one, other in zip(truth, made, strict=True) if one[1] == session]
        share = slow.expit(slow.logit(0.1) + 0.3 * (session - 1))
        assert abs(z_score(sum(wrong), len(wrong), share)) < 4


def test_missed_late_split_and_joined_are_as_stated(big: Simulated) -> None:
    truth, made = read(big, error=0.0, missed=0.15)
    assert abs(z_score(len(truth) - len(made), len(truth), 0.15)) < 4
    truth, made = read(big, error=0.0, late=0.25, late_by=3)
    turn = {(*one[:2], one[4]): at % 100 for at, one in enumerate(truth)}
    moved = sum(turn[*one[:2], one[4]] for one in made) - sum(turn.values())
    assert abs(z_score(round(moved / 2.94), len(truth), 0.25)) < 4    # 97 of 100 turns can move by 3, then 2, 1, 0
    truth, made = read(big, error=0.0, split=0.1)
    assert abs(z_score(len(made) - len(truth), len(truth), 0.1)) < 4
    truth, made = read(big, error=0.0, joined=0.4)
    alike, last = 0, {}
    for dyad, session, party, code, *_ in truth:
        alike += last.get((dyad, session, party)) == code
        last[dyad, session, party] = code
    assert abs(z_score(len(truth) - len(made), alike, 0.4)) < 4


# What is refused

@pytest.mark.parametrize(("field", "value"), [
    ("name", " "), ("name", 3), ("error", 1.5), ("error", float("nan")), ("error", True), ("missed", -0.1),
    ("run", 0.5), ("run", float("nan")), ("drift", float("inf")), ("drift", "x"), ("run", "x"), ("late_by", 0), ("late_by", 1.0), ("split", "x"),
    ("confusion", {"wd": {"cf": 0.7, "hurt": 0.7}}), ("confusion", {"wd": {"cf": -0.1}}),
    ("confusion", {"wd": {"cf": float("nan")}}), ("confusion", {"wd": {"cf": "x"}}),
])
def test_a_rater_that_contradicts_itself_is_refused(field: str, value: Any) -> None:
    with pytest.raises(RecordError, match=f"expected {field}"):
        Rater(**{"name": "r1", field: value})


def test_a_name_or_code_that_does_not_fit_is_refused() -> None:
    made = simulate(STUDY, seed=1)
    with pytest.raises(RecordError, match="track of this name already"):
        rate(made, [Rater(name="r1"), Rater(name="r1")], seed=1)
    with pytest.raises(RecordError, match="not in stages-and-needs; did you mean 'wd'"):
        rate(made, Rater(name="r1", confusion={"wdd": {}}), seed=1)
    with pytest.raises(RecordError, match="all raters in one call"):
        rate(attrs.evolve(made, cohort=rate(made, Rater(name="r1"), seed=1)), Rater(name="r2"), seed=1)
    with pytest.raises(NotEstimable, match="no log-odds"):
        rate(made, Rater(name="r1", error=1.0, drift=0.1), seed=1)


def test_tables_are_stacked_with_their_words() -> None:
    cohort = simulate(STUDY, seed=1).cohort
    assert stacked([cohort.moves, cohort.moves]).words("code") == 2 * cohort.moves.words("code")
