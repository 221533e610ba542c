"""The comparison of process models: what is shown, over whom it is held out, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest

from rupturekit.analysis import analyse
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import align_cohort
from rupturekit.conformance.comparison import NO_THEORY, ModelComparison, compare_models
from rupturekit.conformance.costs import AlignmentCosts, Substitution
from rupturekit.conformance.scoring import markov
from rupturekit.conformance.scoring_moves import scored_moves
from rupturekit.episode import Dyad
from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.frames import to_pandas
from rupturekit.plan import Plan
from rupturekit.records.study import as_study
from rupturekit.results import from_json, to_json
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.state_machine import load_model

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

RULE = SegmentationRule(name="until assertion", opens=("withdrawal_marker",), gap=None, closes_on=("self_assertion",))
NAMES = ["withdrawal-2000", "safran-muran-1996"]
DESIGN = Design(model="safran-muran-1996", codebook="stages", dyads=20, dyads_per_therapist=2, sessions=4, dwell=2.0)


def simulated(**changed: Any) -> Cohort:
    return segment(simulate(attrs.evolve(DESIGN, **changed), seed=1).cohort, RULE)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return simulated()


@pytest.fixture(scope="module")
def found(cohort: Cohort) -> ModelComparison:
    return compare_models(cohort, NAMES)


def test_the_model_that_made_the_cohort_is_highest_and_the_flower_lowest(found: ModelComparison) -> None:
    assert found.highest.name == "safran-muran-1996"
    assert min(found.compared, key=lambda one: one.score).name == "flower"
    assert found.best_baseline == "first-order Markov"
    assert [one.name for one in found.models] == NAMES
    assert [one.baseline for one in found.compared] == [False, False, True, True, True]


def test_scores_are_means_in_a_dyad_and_then_over_dyads(cohort: Cohort, found: ModelComparison) -> None:
    moves = scored_moves(cohort, [load_model(name) for name in NAMES])
    assert found.folds_by == "therapist"
    whose = dict(zip(map(str, cohort.dyads.words("dyad")), map(str, cohort.dyads.words("therapist")), strict=True))
    ten = sorted(set(whose.values()))
    assert found.folds == len(ten) == 10
    fold = np.array([ten.index(whose[dyad]) for dyad in moves.dyads])    # ten folds of ten therapists: any dealing
    scores, dyad = markov(moves).scores(fold), moves.dyad[moves.scored]
    wanted = {name: float(scores[dyad == at].mean()) for at, name in enumerate(moves.dyads)}
    assert dict(found.named("first-order Markov").by_dyad) == pytest.approx(wanted)
    assert found.named("first-order Markov").score == pytest.approx(math.fsum(wanted.values()) / len(wanted))


def test_differences_are_paired_and_rest_on_therapists(found: ModelComparison) -> None:
    best = found.named(found.best_baseline)
    assert best.difference is None
    for one in found.compared:
        if one is not best:
            held = one.difference
            assert held is not None
            assert held.value == pytest.approx(one.score - best.score)
            assert held.governed_by == "therapist"
            assert held == found.difference(one.name, best.name)
    assert found.lead == found.difference("safran-muran-1996", "withdrawal-2000")
    assert found.difference("flower", "withdrawal-2000").value == pytest.approx(
        -found.difference("withdrawal-2000", "flower").value)
    assert len(found.estimates().estimates) == 4


def test_fit_is_that_of_the_alignment_and_counts_are_the_models(cohort: Cohort, found: ModelComparison) -> None:
    for name in NAMES:
        model, one = load_model(name), found.named(name)
        assert one.fit == pytest.approx(float(np.nanmean(align_cohort(cohort, name).fit())))
        assert (one.states, one.arrows) == (len(model.states), len(model.transitions))
        assert one.evidence == model.evidence_text()
        assert one.off_model is not None
        assert 0 < one.off_model < 0.6
        assert one.precision is not None
        assert 0 < one.precision < 1
    assert all(one.fit is one.precision is one.states is one.arrows is one.off_model is None and one.evidence == NO_THEORY
               for one in found.compared if one.baseline)
    dear = compare_models(cohort, NAMES[:1], costs=AlignmentCosts(skipped=3), precision_of=3)
    assert dear.models[0].fit != found.models[0].fit


def test_what_a_move_does_may_be_priced_and_does_not_touch_the_score(cohort: Cohort, found: ModelComparison) -> None:
    costs = AlignmentCosts(substitutions=(
        Substitution(had="invites_exploration", cost=0), Substitution(had="explores_avoidance", cost=0)))
    priced = compare_models(cohort, NAMES, costs=costs)
    assert not any(note.startswith(tuple(NAMES)) for note in priced.notes)
    for name in NAMES:
        assert priced.named(name).fit == pytest.approx(float(np.nanmean(align_cohort(cohort, name, costs=costs).fit())))
        assert priced.named(name).by_dyad == found.named(name).by_dyad
    assert priced.named("safran-muran-1996").fit != found.named("safran-muran-1996").fit


def test_weights_are_counted(found: ModelComparison) -> None:
    client, therapist = found.outcomes["client"], found.outcomes["therapist"]
    assert client == therapist == 6
    assert found.named("flower").weights == 0
    alone = found.named("independent moves").weights
    assert alone == 11    # thirteen kinds: withdrawal-2000 also tells noticing from all else
    assert found.named("first-order Markov").weights == 13 * alone


def test_the_order_of_the_records_does_not_matter_and_the_seed_deals_the_folds(cohort: Cohort, found: ModelComparison
                                                                               ) -> None:
    turned = Cohort.of(list(cohort.moves)[::-1], coding=cohort.coding, sessions=cohort.sessions, dyads=cohort.dyads,
                       observed=cohort.observed, tracks=cohort.tracks)
    assert compare_models(segment(turned, RULE), NAMES) == found
    two = [compare_models(cohort, NAMES[:1], folds=2, seed=seed, precision_of=3) for seed in (1, 1, 2)]
    assert two[0] == two[1] != two[2]
    assert two[0].folds == 2
    assert two[0].provenance.seed == 1
    assert "2 folds by therapist" in two[0].provenance.rules


def test_other_names_of_codes_change_nothing(cohort: Cohort, found: ModelComparison) -> None:
    book = cohort.coding.codebook
    renamed = attrs.evolve(book, codes=tuple(attrs.evolve(code, code=f"x-{code.code}") for code in book.codes))
    moves = [attrs.evolve(move, code=f"x-{move.code}") for move in cohort.moves]
    again = Cohort.of(moves, coding=attrs.evolve(cohort.coding, codebook=renamed), sessions=cohort.sessions,
                      dyads=cohort.dyads, observed=cohort.observed, tracks=cohort.tracks)
    assert compare_models(segment(again, RULE), NAMES).compared == found.compared


def test_folds_are_of_dyads_where_few_therapists_are_known(cohort: Cohort) -> None:
    few = compare_models(simulated(dyads_per_therapist=4), NAMES[:1], precision_of=3)
    assert (few.folds_by, few.clustering.level) == ("dyad", "therapist")
    assert "only 5 therapists are known" in few.notes[0]
    none = compare_models(simulated(dyads_per_therapist=None), NAMES[:1], precision_of=3)
    assert (none.folds_by, none.clustering.level, none.notes) == ("dyad", "dyad", ())
    by_dyad = compare_models(cohort, NAMES[:1], level="dyad", precision_of=3)
    assert (by_dyad.folds_by, by_dyad.clustering.level) == ("therapist", "dyad")


def test_a_dyad_without_a_therapist_is_held_out_by_itself(cohort: Cohort) -> None:
    alone = [attrs.evolve(dyad, therapist=None) if at == 0 else dyad for at, dyad in enumerate(cohort.dyads)]
    assert isinstance(alone[0], Dyad)
    made = Cohort.of(list(cohort.moves), coding=cohort.coding, sessions=cohort.sessions, dyads=alone,
                     observed=cohort.observed, tracks=cohort.tracks)
    found = compare_models(segment(made, RULE), NAMES[:1], folds=99, precision_of=3)
    assert (found.folds_by, found.folds) == ("therapist", 11)


def test_too_few_to_hold_out_too_few_for_precision_and_no_way_to_an_end() -> None:
    one = simulated(dyads=1)
    with pytest.raises(NotEnoughData, match="needs two or more dyads with an episode of two or more moves, and there are 1"):
        compare_models(one, NAMES)
    nobody = segment(one, SegmentationRule(name="none", opens=("resumes_collaboration",), gap=None))
    with pytest.raises(NotEnoughData, match="and there are 0"):
        compare_models(nobody, NAMES)
    two = compare_models(simulated(dyads=2), NAMES, precision_of=10_000)
    assert two.lead is not None
    assert two.lead.interval is None
    assert all(model.precision is None for model in two.models)
    assert any("withdrawal-2000 has no precision: not enough data: precision is told of 10000 episodes" in text
               for text in two.notes)
    assert "no interval" in two.verdict
    assert "  none  " in str(two)


def test_fit_that_nothing_can_cost_is_not_there_and_said() -> None:
    free = compare_models(simulated(dyads=4), NAMES[:1], costs=AlignmentCosts(skipped=0, off_model=0), precision_of=2)
    assert free.models[0].fit is None
    assert free.notes[-1] == "withdrawal-2000 has no model fit: not estimable: nothing can cost anything"
    assert free.lead is None
    assert free.verdict.startswith("withdrawal-2000 is ")


def test_a_model_whose_end_no_way_leads_to_has_no_fit(cohort: Cohort) -> None:
    model = load_model("withdrawal-2000")
    island = attrs.evolve(model, name="no-way", transitions=tuple(
        arrow for arrow in model.transitions if arrow.target != "self_assertion"))
    found = compare_models(cohort, [island], precision_of=3)
    assert [text.partition(":")[0] for text in found.notes] == ["no-way has no model fit", "no-way has no precision"]


@pytest.mark.parametrize(("named", "said"), [
    ({"folds": 1}, "folds is 1; expected a whole number of at least 2"),
    ({"folds": True}, "folds is True"), ({"precision_of": 0}, "precision_of is 0"),
    ({"folds": 2.5}, r"folds is 2\.5")])
def test_odd_arguments_are_refused(cohort: Cohort, named: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError, match=said):
        compare_models(cohort, NAMES, **named)


# --- what is read -----------------------------------------------------------------------------------------------------


def test_the_table_shows_evidence_in_every_row_and_what_it_does_not_show(found: ModelComparison) -> None:
    head, *rows = str(found).splitlines()
    assert head.endswith("evidence")
    assert "arrows: 0 read, 1 secondary, 4 recalled, 16 assumption" in rows[0]
    assert all(rows[at].endswith(NO_THEORY) for at in (2, 3, 4))
    assert "the best" in rows[4]
    assert "\ndoes not show: that people went this way because of what a model says" in str(found)
    assert "held out over 10 folds of whole therapists; who speaks is given" in str(found)
    assert repr(found) == "ModelComparison(withdrawal-2000, safran-muran-1996; highest 'safran-muran-1996')"
    assert repr(found.models[0]).startswith("Compared('withdrawal-2000': -")
    page = found._repr_html_()
    assert page.count("no theory") == 3
    assert "16 assumption" in page


def test_the_verdict_says_what_the_intervals_allow(found: ModelComparison) -> None:
    assert found.verdict.startswith("safran-muran-1996 is highest of the process models, 0.")
    assert "nats a move above first-order Markov (interval 0." in found.verdict
    assert "); it foresees moves better than any baseline; it is 0." in found.verdict
    little = compare_models(simulated(order=0.05), NAMES, precision_of=3).verdict
    assert "that it foresees moves better than what knows nothing of ruptures is not shown" in little
    assert little.endswith("these data do not tell the two apart")


def test_an_unknown_name_is_refused_with_the_nearest(found: ModelComparison) -> None:
    with pytest.raises(RecordError, match="'flowers' was not compared; did you mean 'flower'"):
        found.named("flowers")


def test_it_goes_to_json_and_back_and_into_a_frame(found: ModelComparison) -> None:
    assert from_json(to_json(found)) == found
    frame = to_pandas(found)
    assert frame["model"].tolist() == [one.name for one in found.compared]
    assert frame["over_baseline"].isna().tolist() == [False, False, False, False, True]
    assert frame["low"].iloc[0] == pytest.approx(found.models[0].difference.interval[0])  # type: ignore[union-attr,index]    # there is one
    assert frame["states"].isna().tolist() == [False, False, True, True, True]


def test_what_no_code_shows_is_told() -> None:
    native = attrs.evolve(DESIGN, model=load_model("safran-muran-1996"))
    cohort = segment(simulate(native, seed=2).cohort, RULE)
    found = compare_models(cohort, ["3rs-native", "withdrawal-2000"], precision_of=3)
    assert found.models[0].unseen == ("quiet",)
    assert "; no code shows quiet" in str(found)
    assert found.shared == ("acknowledges_contribution", "invites_exploration", "validates", "withdrawal_marker")


def test_an_analysis_compares_with_the_settings_of_its_plan(cohort: Cohort) -> None:
    told: list[str] = []
    study = as_study(simulate(DESIGN, seed=1).cohort, name="s")
    done = analyse(study, Plan(segmentation=RULE), tell=told.append)
    assert done.compare(NAMES) == compare_models(cohort, NAMES, track=done.track)
    assert any(text.startswith("comparing 2 process models on ") for text in told)
