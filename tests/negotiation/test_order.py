"""The order of needs: against every pair looked at, every arrangement written out, and the laws of order."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracles_hypotheses as slow
import rupturekit as rk
from needs_studies import CODES, PARTIES, Said, Study, cohort_of
from oracles_hypotheses import STRAIN, turn_dicts
from oracles_order import arranged
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.inference.nulls import HOLDS, Null
from rupturekit.negotiation.order import EXPECTED_ORDER, OrderByType, needs_order, needs_order_by_type
from rupturekit.negotiation.rearranging import held_turns
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.vocabulary import RuptureType

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

RULE = rk.SegmentationRule(name="whole", opens=("strains_self_definition",), gap=None)
EASY = {"draws": 9, "alpha": 0.999, "alternative": "greater"}

MOVES = st.lists(st.tuples(st.sampled_from(PARTIES), st.sampled_from([*CODES, STRAIN, "cl-ag", "gr-re"]),
                           st.sampled_from([0, 1, 1, 2])), min_size=5, max_size=10)
SESSIONS = MOVES.map(lambda made: [(party, code, when) for (party, code, _), when in zip(
    made, itertools.accumulate(step for _, _, step in made), strict=True)])
SETS = st.lists(st.lists(SESSIONS, min_size=1, max_size=2), min_size=1, max_size=3).map(
    lambda dyads: {f"D{at}": sessions for at, sessions in enumerate(dyads, start=1)})


def told(*codes: str, step: int = 1) -> list[Said]:
    """Return a session in which client and therapist take turns, framed by two moves of strain."""
    return [(PARTIES[at % 2], code, at * step) for at, code in enumerate([STRAIN, *codes, STRAIN])]


def study_of(dyads: int, *codes: str) -> Study:
    return {f"D{at}": [told(*codes)] for at in range(dyads)}


def of(study: Study, **more: object):  # type: ignore[no-untyped-def]
    return needs_order(negotiations(cohort_of(study)), RULE, **{**EASY, **more})  # type: ignore[arg-type]


@settings(max_examples=60)
@given(SETS)
def test_the_share_is_that_of_all_pairs_pooled_in_a_dyad_then_averaged(study: Study) -> None:
    expected = slow.shares({dyad: [turn_dicts(one) for one in sessions] for dyad, sessions in study.items()})
    if not expected:
        with pytest.raises(NotEstimable, match="no episode holds acts on both needs after its opening"):
            of(study)
        return
    try:
        found = of(study)
    except NotEnoughData:    # a single arrangement
        assume(False)
    counted = [slow.order_of([turn_dicts(one)]) for sessions in study.values() for one in sessions]
    assert found.estimate.value == pytest.approx(float(sum(expected.values(), Fraction()) / len(expected)))
    assert found.estimate.n["pairs of acts"] == sum(pairs for _, pairs in counted)
    assert found.estimate.n["episodes"] == sum(pairs > 0 for _, pairs in counted)
    assert found.left_out.get("episodes without acts on both needs after the opening", 0) == sum(not pairs for _, pairs in counted)


@settings(max_examples=40)
@given(SESSIONS)
def test_held_turns_are_those_at_the_edges_and_those_with_a_marker(session: list[Said]) -> None:
    table = negotiations(cohort_of({"D1": [session]}))
    assert held_turns(table, RULE).tolist() == [turn["held"] for turn in turn_dicts(session)]


def test_worked_out_on_paper() -> None:
    """Agency at turns 1 and 3, communion at 2 and at 3: 1<2, 1<3, 3>2, 3=3 give 2.5 of 4."""
    session = [("client", STRAIN, 0), ("therapist", "cl-ag", 1), ("client", "cl-re", 2), ("therapist", "ct-ag", 3),
               ("therapist", "gr-re", 3), ("client", STRAIN, 4)]
    assert of({"D1": [session]}).estimate.value == 2.5 / 4


def test_acts_of_the_opening_and_of_the_close_are_not_counted() -> None:
    framed = [("client", "cl-re", 0), *[(party, code, when + 1) for party, code, when in told("cl-ag", "gr-ag", "cl-re", "cl-ag")],
              ("client", "cl-ag", 9)]
    inside = [("client", STRAIN, 0), *framed[1:-1], ("client", STRAIN, 9)]
    assert of({"D1": [framed]}).estimate.value == of({"D1": [inside]}).estimate.value


@pytest.mark.parametrize("null", ["turns", "runs", "interleaving", "free"])
def test_p_and_mean_are_those_of_every_arrangement(null: str) -> None:
    session = told("cl-ag", "gr-ag", "cl-ag", "gr-re", "cl-re", "cl-ag")
    session[0], session[3] = ("client", "cl-re", 0), ("client", "cl-ag", 3)
    found = of({"D1": [session]}, null=null, draws=1999).estimate
    turns = turn_dicts(session)
    for turn in turns if null == "free" else ():
        turn["held"] = False    # nothing is kept, so the opening is counted too
    seen, pairs = slow.order_of([turns])
    kinds = [turn["acts"] for turn in turns]
    ways = []
    numbers = [kinds.index(acts) for acts in kinds]    # a run is of equal acts
    for way in set_of_ways(null, turns, numbers):
        ways.append(slow.order_of([[{**turn, "acts": kinds[kind]} for turn, kind in zip(turns, way, strict=True)]])[0])
    assert found.test is not None
    assert found.value == pytest.approx(float(seen / pairs))
    assert found.test.p == pytest.approx(sum(way >= seen for way in ways) / len(ways), abs=0.05)
    assert found.test.expected == pytest.approx(float(sum(ways, Fraction()) / len(ways) / pairs), abs=0.02)
    assert found.test.holds == HOLDS[Null(null)]
    assert (HOLDS[Null.FREE] in found.warnings) == (null == "free")


def set_of_ways(null: str, turns: list[dict[str, object]], numbers: list[int]) -> list[tuple[int, ...]]:
    party = [int(turn["party"]) for turn in turns]  # type: ignore[call-overload]
    if null == "free":    # 40 320 orders: as many as there are, of which every 7th does
        return list(itertools.islice(arranged(null, party, numbers, [False] * len(turns)), 0, None, 7))
    return list(arranged(null, party, numbers, [bool(turn["held"]) for turn in turns]))


# --- laws --------------------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(SETS, st.integers(1, 3), st.integers(0, 10**9))
def test_time_shift_and_scale_and_the_exchange_of_parties_move_nothing(study: Study, scale: int, later: int) -> None:
    other = {dyad: [[(PARTIES[1 - PARTIES.index(str(party))], code, when) for party, code, when in session]
                    for session in sessions] for dyad, sessions in study.items()}
    try:
        value = of(study).estimate.value
    except (NotEstimable, NotEnoughData):
        assume(False)
    assert of(other).estimate.value == value
    moved = needs_order(negotiations(cohort_of(study, scale=scale, later=later)), RULE, **EASY)  # type: ignore[arg-type]
    assert moved.estimate.value == value
    assert moved.estimate.test == of(study).estimate.test


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    study = study_of(3, "cl-ag", "gr-ag", "cl-re", "gr-re", "cl-ag", "cl-re")
    assert of(study, seed=4, draws=99).estimate == of(study, seed=4, draws=99).estimate
    assert of(study, seed=4, draws=99).estimate.test != of(study, seed=5, draws=99).estimate.test


def test_the_order_in_which_episodes_are_given_changes_nothing() -> None:
    study = {"D1": [told("cl-ag", "gr-re", "cl-re", "gr-ag")], "D2": [told("cl-re", "gr-re", "cl-ag", "gr-ag"), told("cl-ag", "gr-ag")]}
    cohort = cohort_of(study)
    other = rk.Cohort.of(list(cohort.moves)[::-1], coding=cohort.coding, episodes=list(cohort.coded.rows)[::-1])
    found = [needs_order(negotiations(one), RULE, draws=99, alpha=0.9).estimate for one in (cohort, other)]
    assert (found[0].value, found[0].test) == (found[1].value, found[1].test)


# --- by rupture type ---------------------------------------------------------------------------------------------------


def typed(study: Study, kinds: dict[str, RuptureType]) -> Negotiations:
    """Return the table of a study whose dyads are of one rupture type each."""
    cohort = cohort_of(study)
    rows = [attrs.evolve(row, rupture_type=kinds[row.dyad]) for row in cohort.coded.rows]
    return negotiations(rk.Cohort.of(list(cohort.moves), coding=cohort.coding, episodes=rows))


def halves(n: int) -> tuple[Study, dict[str, RuptureType]]:
    """Return n dyads with withdrawal, agency last but for some; and n with confrontation, agency first but for some."""
    study, kinds = {}, {}
    for at in range(n):
        late, early = ("cl-re", "gr-re", "cl-ag", "gr-ag", "cl-ag"), ("cl-ag", "gr-ag", "cl-re", "gr-re", "cl-re")
        study |= {f"W{at}": [told(*(late if at % 4 else early))], f"C{at}": [told(*(early if at % 3 else late))]}
        kinds |= {f"W{at}": RuptureType.WITHDRAWAL, f"C{at}": RuptureType.CONFRONTATION}
    return study, kinds


def test_the_contrast_is_the_difference_of_means_over_dyads_with_a_jackknife_interval() -> None:
    study, kinds = halves(12)
    found = needs_order_by_type(typed(study, kinds), RULE, draws=99)
    means: dict[RuptureType, list[float]] = {kind: [] for kind in EXPECTED_ORDER}
    for dyad, share in slow.shares({dyad: [turn_dicts(one) for one in held] for dyad, held in study.items()}).items():
        means[kinds[dyad]].append(float(share))
    withdrawal, confrontation = means[RuptureType.WITHDRAWAL], means[RuptureType.CONFRONTATION]
    for kind, values in means.items():
        held = found.by_type[kind]
        assert not isinstance(held, str)
        assert held.estimate.value == pytest.approx(sum(values) / 12)
        assert held.expected == EXPECTED_ORDER[kind]
        assert held.left_out["episodes of another rupture type"] == 12
    assert found.contrast is not None
    assert found.contrast.value == pytest.approx((sum(confrontation) - sum(withdrawal)) / 12)
    without = [sum(confrontation[:at] + confrontation[at + 1:]) / 11 - sum(withdrawal) / 12 for at in range(12)]
    without += [sum(confrontation) / 12 - sum(withdrawal[:at] + withdrawal[at + 1:]) / 11 for at in range(12)]
    middle = sum(without) / 24
    assert found.contrast.standard_error == pytest.approx(math.sqrt(23 / 24 * sum((one - middle) ** 2 for one in without)))
    assert "Safran & Muran" in str(found)
    assert repr(found) == "OrderByType(withdrawal, confrontation)"
    assert "withdrawal: expected by Safran &amp; Muran" in found._repr_html_()
    assert "in confrontation minus that in withdrawal" in found._repr_html_()


def test_a_type_that_is_missing_is_a_sentence_and_there_is_no_contrast() -> None:
    study, kinds = halves(4)
    table = typed({dyad: held for dyad, held in study.items() if dyad[0] == "W"}, kinds)
    found = needs_order_by_type(table, RULE, draws=99, level="dyad")
    assert found.by_type[RuptureType.CONFRONTATION] == ("not estimable: no episode of type confrontation holds acts on both needs "
                                                        "after its opening")
    assert found.contrast is None
    assert str(found).endswith("contrast: not estimable")
    assert "<bdi>not estimable</bdi>" in found._repr_html_()


def test_a_contrast_that_hangs_on_one_dyad_has_no_interval() -> None:
    study, kinds = halves(9)
    found = needs_order_by_type(typed({dyad: held for dyad, held in study.items() if dyad[0] == "W" or dyad == "C1"}, kinds), RULE,
                                draws=99).contrast
    assert found is not None
    assert found.interval is None
    assert found.no_interval == "it hangs on a single dyad: without it, no dyad gives a value for confrontation"


def test_a_type_with_too_few_arrangements_is_told_as_that() -> None:
    study, kinds = halves(2)
    found = needs_order_by_type(typed({"W1": [told("cl-ag", "cl-re")]} | {"C1": study["C1"]}, kinds), RULE, draws=99)
    said = found.by_type[RuptureType.WITHDRAWAL]
    assert isinstance(said, str)
    assert said.startswith("not enough data: the smallest p attainable")
    assert isinstance(found, OrderByType)


# --- what is refused ---------------------------------------------------------------------------------------------------


def test_a_single_dyad_has_no_interval_and_says_why() -> None:
    found = of(study_of(1, "cl-ag", "gr-ag", "cl-re", "gr-re"))
    assert found.estimate.interval is None
    assert "independent" in found.estimate.no_interval
    assert found.does_not_show[0].startswith("the hypothesis was read out of interviews with nine therapists")
    assert "does not show: which act comes first" in str(found)
    assert "<table" in found._repr_html_()
    assert repr(found) == f"Hypothesis('order': {found.estimate.value:.4g})"


def test_dyads_that_are_all_alike_have_no_interval() -> None:
    found = of(study_of(12, "cl-ag", "gr-ag", "cl-re", "gr-re", "cl-ag"))
    assert found.estimate.interval is None
    assert found.estimate.no_interval


@pytest.mark.parametrize("codes", [("cl-ag", "gr-ag"), ("re-ack",), ("cl-re", "gr-re"), ()])
def test_without_acts_on_both_needs_nothing_is_estimable(codes: tuple[str, ...]) -> None:
    with pytest.raises(NotEstimable, match="after its opening"):
        of(study_of(2, *codes))


@pytest.mark.parametrize("null", ["turn", "", None, 3])
def test_an_unknown_null_is_told_with_those_there_are(null: object) -> None:
    with pytest.raises(RecordError, match="null is .*; expected one of turns, runs, interleaving, free"):
        of(study_of(1, "cl-ag", "cl-re"), null=null)


def test_one_episode_is_too_few_for_a_test() -> None:
    with pytest.raises(NotEnoughData, match="smallest p attainable"):
        needs_order(negotiations(cohort_of(study_of(1, "cl-ag", "cl-re"))), RULE)
