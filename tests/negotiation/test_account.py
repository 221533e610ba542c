"""The account of all measures, and how the headlines move: each row is what its own function or the plain loop gives."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

import oracles_negotiation as plain
import rupturekit as rk
from needs_studies import CODES, PARTIES, SILENT, Said, Study, cohort_of, turns_said
from rupturekit.episode import NeedStatement
from rupturekit.errors import RecordError
from rupturekit.inference.estimate import Estimate
from rupturekit.negotiation.account import account_of, negotiation_sensitivity
from rupturekit.negotiation.acts import mapping_of_codebook
from rupturekit.negotiation.imbalance import communion_gap
from rupturekit.negotiation.match import match_after_end
from rupturekit.negotiation.measures import asymmetry, meeting_counts, meeting_rate, mutuality, responsiveness
from rupturekit.negotiation.order import needs_order
from rupturekit.negotiation.renewal import renewal_after_end
from rupturekit.negotiation.table import negotiations
from rupturekit.negotiation.tested import hypotheses_of
from rupturekit.negotiation.veil import veil
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.vocabulary import Layer, Need, NeedMode

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

RULE = SegmentationRule(name="whole", opens=("strains_self_definition",), gap=None)


def told(start: int) -> list[Said]:
    """Return a session of sixteen turns that goes through the codes from a place of its own."""
    return [(PARTIES[at % 2], CODES[(start + at * (2 + start % 3)) % len(CODES)], at) for at in range(16)]


STUDY: Study = {f"D{at}": [told(at), told(at + 3)] for at in range(9)}


def test_each_row_is_what_its_own_measure_gives() -> None:
    table = negotiations(cohort_of(STUDY))
    found = account_of(table, RULE, draws=99, seed=2)
    assert len(found.rows) == 10
    for party in PARTIES:
        for need in (None, *Need):
            title = f"claims{f' of {need}' if need else ''} by the {party} that were met"
            assert found.rows[title] == meeting_rate(table, party=party, need=need, seed=2)
        assert found.rows[f"responsiveness to the {party}"] == responsiveness(table, RULE, party=party, draws=99, seed=2)
    assert found.rows["mutuality"] == mutuality(table, seed=2)
    assert found.rows["asymmetry"] == asymmetry(table, seed=2)
    assert (found.counts, found.answers) == (table.summary(), table.answer_counts())
    assert found.provenance.seed == 2
    assert repr(found) == "NegotiationAccount(10 of 10 measures estimable)"


def test_it_reads_well() -> None:
    found = account_of(negotiations(cohort_of(STUDY)), RULE, draws=99)
    said = str(found)
    assert "9 dyads; p = " in said
    assert "against 'turns'" in said
    assert "95% interval: " in said
    assert "  client: contested" in said
    assert "<table" in found._repr_html_()


def test_what_cannot_be_estimated_is_a_sentence() -> None:
    table = negotiations(cohort_of({"D1": [[("client", "cl-ag", 0), ("therapist", "gr-ag", 1), ("client", SILENT, 2)]]}))
    found = account_of(table, RULE, draws=99)
    assert found.rows["claims by the therapist that were met"] == (
        "not estimable: the therapist made no claim, so there is none of which to say whether it was met")
    said = found.rows["responsiveness to the client"]
    assert isinstance(said, str)
    assert said.startswith("not enough data: the smallest p attainable")
    rate = found.rows["claims by the client that were met"]
    assert isinstance(rate, Estimate)
    assert "interval" in dict(found.lines())["claims by the client that were met"]
    assert repr(found) == "NegotiationAccount(2 of 10 measures estimable)"


def test_sensitivity_is_what_each_way_gives_by_the_plain_loop() -> None:
    cohort = cohort_of(STUDY)
    own = mapping_of_codebook(cohort.coding.codebook)
    found = negotiation_sensitivity(cohort, [RULE], mappings=[None, own.without("gr-ag")], windows=(1, 3))
    assert [(row.mapping, row.window, row.rule) for row in found.rows] == [
        (name, window, "whole") for name in ("needs", "needs without gr-ag") for window in (1, 3)]
    for row in found.rows:
        lost = {"gr-ag"} if "without" in row.mapping else set()
        sessions = {dyad: [turns_said([(who, SILENT if code in lost else code, when) for who, code, when in one]) for one in held]
                    for dyad, held in STUDY.items()}
        rates = [[rate for held in sessions.values() if (rate := plain.rate(
            [spell for turns in held for spell in plain.spells(turns)], side)) is not None] for side in (0, 1)]
        assert row.met == pytest.approx([float(sum(held, Fraction()) / len(held)) for held in rates])
        products = [one for held in sessions.values()
                    if (one := plain.mutuality([spell for turns in held for spell in plain.spells(turns)])) is not None]
        assert row.mutuality == pytest.approx(float(sum(products, Fraction()) / len(products)))
        answers = [one.answer for held in sessions.values() for turns in held for one in plain.replies(turns, window=row.window)]
        known = [one for one in answers if one != "censored"]
        assert row.answered_by_meeting == pytest.approx(known.count("met") / len(known))
        every = [turns for held in sessions.values() for turns in held]
        assert (row.episodes, row.ended) == (18, sum(bool(plain.ends(turns)) for turns in every))
        assert row.without_negotiation == sum(not any(("claim", "agency") in acts for _, acts in turns) for turns in every)
    assert found.parties == PARTIES
    assert repr(found) == "NegotiationSensitivity(4 ways)"
    assert str(found).splitlines()[0].startswith("acts by")
    assert "<table" in found._repr_html_()


def test_a_rule_of_ones_own_cuts_anew_and_what_is_not_there_is_said() -> None:
    cohort = cohort_of({"D1": [[("client", SILENT, 0), ("therapist", "sd-strain", 1)]]})
    alone = SegmentationRule(name="alone", opens=("strains_self_definition",), gap=None, use_coded=False)
    found = negotiation_sensitivity(cohort, [RULE, alone], windows=[1])
    assert [row.episodes for row in found.rows] == [1, 1]
    assert [len(segment(cohort, rule).columns.members) for rule in (RULE, alone)] == [2, 1]
    assert "not estimable  not estimable" in str(found)
    assert found.rows[0].answered_by_meeting is None
    assert found.rows[0].without_negotiation == 1


@pytest.mark.parametrize("ask", [
    lambda table, rule: account_of(table, rule), lambda table, rule: meeting_rate(table, party="client"),
    lambda table, rule: mutuality(table), lambda table, rule: responsiveness(table, rule, party="client"),
    lambda table, rule: needs_order(table, rule), lambda table, rule: match_after_end(table, rule, k=1, h=1),
    lambda table, rule: renewal_after_end(table, rule), lambda table, rule: veil(table, None),
    lambda table, rule: meeting_counts(table), lambda table, rule: communion_gap(table, k=1)])
def test_what_is_no_table_is_refused(ask: Callable[[object, object], object]) -> None:
    cohort = cohort_of(STUDY)
    with pytest.raises(RecordError, match=r"expected negotiations but got Cohort; negotiations\(cohort\) finds them"):
        ask(cohort, RULE)


@pytest.mark.parametrize("ask", [account_of, needs_order, renewal_after_end])
def test_what_is_no_rule_is_refused(ask: Callable[[object, object], object]) -> None:
    with pytest.raises(RecordError, match="expected the segmentation rule that drew the episodes but got str"):
        ask(negotiations(cohort_of(STUDY)), "whole")


@pytest.mark.parametrize("lacking", [{"rules": []}, {"mappings": []}, {"windows": []}])
def test_a_comparison_of_nothing_is_refused(lacking: dict[str, list[object]]) -> None:
    given = {"rules": [RULE], **lacking}
    with pytest.raises(RecordError, match="no rule, mapping or window was given; pass at least one of each"):
        negotiation_sensitivity(cohort_of(STUDY), given.pop("rules"), **given)  # type: ignore[arg-type]


def test_the_four_hypotheses_one_after_the_other_each_told_or_refused_with_a_sentence() -> None:
    table = negotiations(cohort_of(STUDY))
    found = hypotheses_of(table, RULE, draws=99)
    assert list(found) == ["order", "renewal after the end", "veil", "match after the end"]
    assert str(found["veil"]).startswith("not estimable: one source: ")
    assert str(found["match after the end"]).startswith("not tested: say k, ")
    assert found["match after the end"] == hypotheses_of(table, RULE, draws=99, k=3)["match after the end"]
    assert "without two turns" in str(hypotheses_of(table, RULE, draws=99, k=1, h=1)["match after the end"])
    with pytest.raises(RecordError, match="k is 0"):
        hypotheses_of(table, RULE, draws=99, k=0, h=1)


def test_too_few_data_are_told_as_that() -> None:
    table = negotiations(cohort_of({"D1": [[("client", "cl-ag", 0), ("therapist", "gr-ag", 1), ("client", SILENT, 2),
                                            ("therapist", "gr-re", 3), ("client", SILENT, 4)],
                                           [("client", "cl-ag", 0), ("therapist", SILENT, 1), ("client", SILENT, 2),
                                            ("therapist", "gr-re", 3), ("client", SILENT, 4)]]}))
    assert str(hypotheses_of(table, RULE)["renewal after the end"]).startswith("not enough data: the smallest p attainable")


def test_several_sources_or_none_of_that_name_are_told_and_not_raised() -> None:
    made = cohort_of(STUDY)
    needs = [NeedStatement(dyad=row.dyad, episode=row.episode, party=party, need=Need.COMMUNION, mode=NeedMode.WANTED, level=1.0,
                           layer=Layer.LATENT, source=source)
             for row in made.coded.rows for party in PARTIES for source in ("interview", "self-report")]
    held = negotiations(rk.Cohort.of(list(made.moves), coding=made.coding, episodes=list(made.coded.rows), needs=needs))
    assert "2 sources (interview, self-report); say which" in str(hypotheses_of(held, RULE, draws=99)["veil"])
    assert "no latent level of communion comes from 'diary'" in str(hypotheses_of(held, RULE, draws=99, source="diary")["veil"])
    assert "does not vary" in str(hypotheses_of(held, RULE, draws=99, source="interview")["veil"])
