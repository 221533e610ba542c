"""Renewed relatedness after the end: against a table of risk written row by row, and every arrangement."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracles_hypotheses as slow
import rupturekit as rk
from needs_studies import CODES, PARTIES, SILENT, Said, Study, cohort_of
from oracles_hypotheses import STRAIN, turn_dicts
from oracles_order import arranged
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.negotiation.hypotheses import Hypothesis
from rupturekit.negotiation.renewal import renewal_after_end
from rupturekit.negotiation.table import negotiations

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

RULE = rk.SegmentationRule(name="whole", opens=("strains_self_definition",), gap=None)
FIRST = ("the end came first", "renewal came first", "both in one turn", "an end, no renewal", "a renewal, no end",
         "neither, observed to the end", "neither, observation cut off")

SESSIONS = st.lists(st.tuples(st.sampled_from(PARTIES), st.sampled_from([*CODES, STRAIN, "cl-ag", "cl-ag", "gr-ag", "gr-ag"]),
                              st.sampled_from([0, 1, 1, 1])), min_size=6, max_size=11).map(
    lambda made: [(party, code, when) for (party, code, _), when in zip(
        made, itertools.accumulate(step for _, _, step in made), strict=True)])
STUDIES = st.lists(st.lists(SESSIONS, min_size=1, max_size=3), min_size=2, max_size=3).map(
    lambda dyads: {f"D{at}": sessions for at, sessions in enumerate(dyads, start=1)})

ENDED_FIRST = ("cl-ag", "gr-ag", SILENT, SILENT, "cl-re", "gr-re")
"""An end at turn 2, renewal at turn 5."""
NEVER_ENDED = (SILENT, "cl-ag", SILENT, "ct-ag", "cl-re", "gr-re")
QUIET = ("cl-ag", "gr-ag", SILENT, SILENT, SILENT, SILENT)
STUCK = (SILENT, "cl-ag", SILENT, "ct-ag", SILENT, SILENT)


def told(*codes: str) -> list[Said]:
    return [(PARTIES[at % 2], code, at) for at, code in enumerate([STRAIN, *codes, STRAIN])]


def of(study: Study, *, stopped: frozenset[str] = frozenset(), scale: int = 1, later: int = 0, **more: Any) -> Hypothesis:
    table = negotiations(cohort_of(study, stopped=stopped, scale=scale, later=later))
    return renewal_after_end(table, RULE, **{"draws": 9, "alpha": 0.999, **more})


def rows_of(study: Study) -> dict[str, list[dict[str, Any]]]:
    return {dyad: [row for session in sessions for row in slow.risk_rows(turn_dicts(session))] for dyad, sessions in study.items()}


def together(of_dyad: dict[str, list[dict[str, Any]]], *, but: str = "") -> list[dict[str, Any]]:
    return [row for dyad, rows in of_dyad.items() if dyad != but for row in rows]


@settings(max_examples=60)
@given(STUDIES, st.frozensets(st.sampled_from(["D1/1", "D2/1"])))
def test_the_difference_is_that_of_the_table_of_risk(study: Study, stopped: frozenset[str]) -> None:
    rows = together(rows_of(study))
    expected = slow.greenland_robins(rows)
    if expected is None:
        with pytest.raises(NotEstimable, match="at no turn number"):
            of(study)
        return
    try:
        found = of(study, stopped=stopped)
    except NotEnoughData:    # a single arrangement
        assume(False)
    assert found.estimate.value == pytest.approx(float(expected))
    assert found.estimate.n["turns at risk"] == len(rows)
    assert found.estimate.n["of these, after an end"] == sum(row["ended"] for row in rows)
    assert found.estimate.n["renewals"] == sum(row["renews"] for row in rows)
    assert found.estimate.n["of these renewals, after an end"] == sum(row["ended"] and row["renews"] for row in rows)
    assert found.estimate.test is not None
    assert found.estimate.test.statistic == pytest.approx(float(slow.renewals_beyond_chance(rows)), abs=1e-12)
    first = Counter(slow.came_first(turn_dicts(session), stopped=f"{dyad}/{at}" in stopped)
                    for dyad, sessions in study.items() for at, session in enumerate(sessions, start=1))
    assert found.table == {name: first[name] for name in FIRST}


def mixed() -> Study:
    """Return nine dyads of four sessions, in which renewal mostly waits for the end."""
    return {f"D{at}": [told(*ENDED_FIRST), told(*(NEVER_ENDED if at % 3 else STUCK)), told(*(QUIET if at % 4 else ENDED_FIRST)),
                       told(*STUCK)] for at in range(9)}


def test_the_interval_leaves_one_dyad_out_at_a_time() -> None:
    study = mixed()
    found = of(study)
    of_dyad = rows_of(study)
    without = [float(slow.greenland_robins(together(of_dyad, but=dyad)) or math.nan) for dyad in of_dyad]
    middle = sum(without) / 9
    error = math.sqrt(8 / 9 * sum((one - middle) ** 2 for one in without))
    assert found.estimate.standard_error == pytest.approx(error)
    assert found.estimate.interval is not None
    assert found.estimate.interval[1] == pytest.approx(found.estimate.value + 2.306004 * error, rel=1e-5)    # t(.975, 8)
    assert found.estimate.citations == ("greenland-robins-1985", "tukey-1958")


def test_worked_out_on_paper() -> None:
    """At turn 5 one of two ended episodes renews, and one of two others: 0. Without the other renewal: 1/2."""
    two = {"D1": [told(*ENDED_FIRST), told(*QUIET)], "D2": [told(*NEVER_ENDED), told(*STUCK)]}
    rows = [row for row in together(rows_of(two)) if row["number"] == 5]
    assert [(row["ended"], row["renews"]) for row in rows] == [(True, True), (True, False), (False, True), (False, False)]
    less = {"D1": [told(*ENDED_FIRST), told(*QUIET)], "D2": [told(*STUCK), told(*STUCK)]}
    # turns 3, 4 and 5 hold two ended and two others (weight 1 each), turn 6 one and two (2/3); one renewal, at turn 5
    assert of(less).estimate.value == pytest.approx(float(Fraction(1, 2) / (3 + Fraction(2, 3))))


def test_a_renewal_in_the_turn_of_the_end_is_not_after_it() -> None:
    session = [("client", STRAIN, 0), ("client", "cl-ag", 1), ("therapist", "gr-ag", 2), ("therapist", "gr-re", 2),
               ("client", STRAIN, 3)]
    found = of({"D1": [told(*ENDED_FIRST), told(*STUCK)], "D2": [session, told(*STUCK)]})
    assert found.table["both in one turn"] == 1
    assert [row["ended"] for row in slow.risk_rows(turn_dicts(session))] == [False, False]


@pytest.mark.parametrize("null", ["turns", "runs"])
def test_p_and_mean_are_those_of_every_arrangement_that_could_be_tested(null: str) -> None:
    sessions = [told("cl-ag", "gr-ag", "cl-re", "ct-ag", SILENT), told(SILENT, "cl-ag", "gr-ag", "gr-re", "cl-re")]
    found = of({"D1": sessions}, null=null, draws=14_999).estimate
    ways: list[list[list[dict[str, Any]]]] = []
    for session in sessions:
        turns = turn_dicts(session)
        kinds = [turn["acts"] for turn in turns]
        numbers = [kinds.index(acts) for acts in kinds]
        ways.append([slow.risk_rows([{**turn, "acts": kinds[kind]} for turn, kind in zip(turns, way, strict=True)])
                     for way in arranged(null, [turn["party"] for turn in turns], numbers, [turn["held"] for turn in turns])])
    both = [[*one, *other] for one, other in itertools.product(*ways)]
    every = [slow.renewals_beyond_chance(rows) for rows in both if slow.greenland_robins(rows) is not None]
    assert len(every) < len(both)
    assert found.test is not None
    seen = slow.renewals_beyond_chance(together(rows_of({"D1": sessions})))
    assert found.test.p == pytest.approx(sum(one >= seen for one in every) / len(every), abs=0.06)
    assert found.test.expected == pytest.approx(float(sum(every, Fraction()) / len(every)), abs=0.03)


# --- laws --------------------------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(STUDIES, st.integers(1, 3), st.integers(0, 10**9))
def test_time_shift_and_scale_and_the_exchange_of_parties_move_nothing(study: Study, scale: int, later: int) -> None:
    assume(slow.greenland_robins(together(rows_of(study))) is not None)
    other = {dyad: [[(PARTIES[1 - PARTIES.index(str(party))], code, when) for party, code, when in session]
                    for session in sessions] for dyad, sessions in study.items()}
    try:
        found, exchanged = of(study, draws=199), of(other, draws=199)
    except NotEnoughData:    # so few arrangements, or none of those drawn can be compared
        return
    assert exchanged.estimate.value == found.estimate.value
    assert exchanged.table == found.table
    assert of(study, scale=scale, later=later, draws=199).estimate.test == found.estimate.test


def test_the_same_seed_gives_the_same_and_the_order_of_episodes_changes_nothing() -> None:
    cohort = cohort_of(mixed())
    other = rk.Cohort.of(list(cohort.moves)[::-1], coding=cohort.coding, episodes=list(cohort.coded.rows)[::-1])
    one, same, turned, more = (renewal_after_end(negotiations(held), RULE, draws=99, seed=seed)
                               for held, seed in ((cohort, 3), (cohort, 3), (other, 3), (cohort, 4)))
    assert one == same
    assert (turned.estimate.value, turned.estimate.test, turned.table) == (one.estimate.value, one.estimate.test, one.table)
    assert more.estimate.test != one.estimate.test


# --- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("study", [{"D1": [told(*QUIET)]}, {"D1": [told(*STUCK), told(*STUCK)]}, {"D1": [[("client", STRAIN, 0)]]},
                                   {"D1": [told(SILENT, SILENT)]}, {"D1": [[]]},
                                   {"D1": [[("client", code, at) for at, code in enumerate(["cl-ag", "cl-re", "cl-ag"])]]}])
def test_without_episodes_to_compare_nothing_is_estimable(study: Study) -> None:
    with pytest.raises(NotEstimable, match="so nothing can be compared"):
        of(study)


def test_a_single_dyad_has_no_interval() -> None:
    found = of({"D1": [told(*ENDED_FIRST), told(*STUCK)]})
    assert found.estimate.interval is None
    assert "an interval needs" in found.estimate.no_interval
    assert "; the test asks how many renewals after an end go beyond their expectation, summed over turn numbers" in str(found)
    assert "does not show: that relatedness is renewed because the negotiation ended" in str(found)


def test_what_hangs_on_a_single_dyad_is_told() -> None:
    study = {f"D{at}": [told(*STUCK)] for at in range(12)} | {"X": [told(*ENDED_FIRST)]}
    found = of(study)
    assert found.estimate.interval is None
    assert found.estimate.no_interval.startswith("it hangs on a single dyad: without it, at no turn number")


@pytest.mark.parametrize("null", ["free", "interleaving", "any"])
def test_nulls_that_make_no_sense_here_are_refused(null: str) -> None:
    with pytest.raises(RecordError, match="expected one of turns, runs"):
        of(mixed(), null=null)


def test_too_few_arrangements_are_told() -> None:
    with pytest.raises(NotEnoughData, match="smallest p attainable"):
        of({"D1": [told("cl-ag", "gr-ag", "cl-re"), told("cl-ag", SILENT, SILENT)]}, alpha=0.01)
