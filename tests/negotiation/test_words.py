"""Words that are none are refused with what is allowed, and what was left out stands in the words of a result."""

from __future__ import annotations

import attrs
import pytest

import rupturekit as rk
from needs_studies import PARTIES, SILENT, cohort_of
from rupturekit.episode import NeedStatement
from rupturekit.errors import RecordError
from rupturekit.negotiation.account import account_of, negotiation_sensitivity
from rupturekit.negotiation.acts import acts_of_raters
from rupturekit.negotiation.imbalance import communion_gap, relatedness_imbalance
from rupturekit.negotiation.match import match_after_end, match_sensitivity
from rupturekit.negotiation.order import needs_order
from rupturekit.negotiation.story import story
from rupturekit.negotiation.table import negotiations
from rupturekit.segmentation import SegmentationRule
from rupturekit.vocabulary import Layer, Need, NeedMode

RULE = SegmentationRule(name="whole", opens=("strains_self_definition",), gap=None)
SESSION = [("client", "cl-ag", 0), ("therapist", "gr-ag", 1), ("client", SILENT, 2)]


def test_a_rupture_type_that_is_none_is_refused() -> None:
    with pytest.raises(RecordError, match="expected a rupture type, one of withdrawal, .*'withdrawl'; did you mean 'withdrawal'"):
        needs_order(negotiations(cohort_of({"D1": [SESSION]})), RULE, rupture_type="withdrawl")  # type: ignore[arg-type]


def test_a_mode_of_need_that_is_none_is_refused() -> None:
    with pytest.raises(RecordError, match="expected a mode of need, one of .*'wnted'; did you mean 'wanted'"):
        relatedness_imbalance(cohort_of({"D1": [SESSION]}), mode="wnted")


def test_a_place_without_an_episode_is_said() -> None:
    table = negotiations(cohort_of({"D1": [SESSION]}))
    assert story(table, -1) == story(table, 0)
    for at in (1, -2):
        with pytest.raises(IndexError, match=f"there is no episode at place {at}; the table holds 1 episode"):
            story(table, at)


def test_an_imbalance_says_what_was_left_out() -> None:
    made = cohort_of({"D1": [SESSION, SESSION]})
    needs = [NeedStatement(dyad="D1", episode=f"D1/{at}", party=party, need=Need.COMMUNION, mode=NeedMode.WANTED,
                           layer=Layer.LATENT, level=3.0, source="interview")
             for at, parties in ((1, PARTIES), (2, PARTIES[:1])) for party in parties]
    cohort = rk.Cohort.of(list(made.moves), coding=made.coding, episodes=list(made.coded.rows), needs=needs)
    assert str(relatedness_imbalance(cohort, mode="wanted")).splitlines() == [
        "RelatednessImbalance(1 units, wanted, source interview)", "  left out: 1 with a level of one party only"]


def test_a_gap_says_which_dyads_have_nothing_to_compare_with() -> None:
    said = str(communion_gap(negotiations(cohort_of({"D1": [SESSION]})), k=1))
    assert said.endswith("  left out: 1 dyads in which a party has no turn outside episodes")


def test_every_pair_of_k_and_h_is_what_it_gives_by_itself_or_a_sentence() -> None:
    table = negotiations(cohort_of({f"D{at}": [[("client" if one % 2 else "therapist", code, one) for one, code in enumerate(
        [SILENT, "gr-re", "cl-ag", "gr-ag", "cl-re", "gr-re", "gr-re", SILENT])]] for at in range(3)}))
    found = match_sensitivity(table, RULE, ks=(1, 2), hs=(1, 2), draws=99)
    assert list(found) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert all(isinstance(held, str) and held.startswith("not estimable: no negotiation ended") for held in found.values())
    with pytest.raises(RecordError, match="k is 0"):
        match_sensitivity(table, RULE, ks=(0,), hs=(1,))
    whole = cohort_of({f"D{at}": [[("client" if one % 2 else "therapist", code, one) for one, code in enumerate(
        ["gr-re", SILENT] * 2 + [SILENT, "cl-ag", "gr-ag", "cl-re", "gr-re", "gr-re", "cl-re", SILENT] + ["gr-re", SILENT] * 2)]]
        for at in range(3)})
    rows = [attrs.evolve(row, onset=rk.seconds(4), end=rk.seconds(11)) for row in whole.coded.rows]
    held = negotiations(rk.Cohort.of(list(whole.moves), coding=whole.coding, episodes=rows))
    assert match_sensitivity(held, RULE, ks=(1,), hs=(1,), draws=99) == {(1, 1): match_after_end(held, RULE, k=1, h=1, draws=99)}


def test_one_party_alone_is_said_and_never_a_rate_of_zero() -> None:
    alone = cohort_of({"D1": [[("client", "cl-ag", 0), ("client", SILENT, 1)]]})
    said = account_of(negotiations(alone), RULE, draws=19).rows["claims by the client that were met"]
    assert said == ("not estimable: no move of the therapist was coded in dyads in which the client claimed, so whether claims "
                    "were met was not observed")
    assert [row.met for row in negotiation_sensitivity(alone, [RULE], windows=[1]).rows] == [(None, None)]


def test_where_acts_come_from_is_said_in_words() -> None:
    book = cohort_of({"D1": [SESSION]}).coding.codebook
    assert acts_of_raters(book, rater="anna").describe() == "raters (anna), who stated them of single moves"
