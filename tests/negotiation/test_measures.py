"""Meeting rates, mutuality, asymmetry and responsiveness: against fractions from the loop and all arrangements."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_negotiation as plain
import oracles_order as slow
import rupturekit as rk
from needs_studies import PARTIES, SILENT, STUDIES, Said, Study, cohort_of, turns_said
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.inference.nulls import Null
from rupturekit.negotiation.measures import (
    MeetingCounts,
    asymmetry,
    meeting_counts,
    meeting_rate,
    mutuality,
    responsiveness,
    side_of,
)
from rupturekit.negotiation.rearranging import held_turns
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.vocabulary import Need

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

RULE = rk.SegmentationRule(name="whole", opens=("strains_self_definition",), gap=None)
CLAIM, MEET = ("client", "cl-ag", 0), ("therapist", "gr-ag", 1)
BOTH_MET: list[Said] = [CLAIM, MEET, ("therapist", "cl-re", 2), ("client", "gr-re", 3)]


def pooled(study: Study, stopped: frozenset[str], need: Need | None) -> dict[str, list[plain.Spell]]:
    """Return the spells of each dyad, of all its sessions together."""
    return {dyad: [one for at, session in enumerate(sessions, start=1)
                   for one in plain.spells(turns_said(session), stopped=f"{dyad}/{at}" in stopped)
                   if need is None or one.need == need] for dyad, sessions in study.items()}


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction()) / len(values)


@settings(max_examples=40)
@given(STUDIES, st.sampled_from([None, *Need]), st.sampled_from(PARTIES), st.frozensets(st.sampled_from(["D1/1", "D1/2", "D2/1"])))
def test_measures_are_fractions_of_pooled_spells_then_means_over_dyads(study: Study, need: Need | None, party: str,
                                                                       stopped: frozenset[str]) -> None:
    table, found = negotiations(cohort_of(study, stopped=stopped)), pooled(study, stopped, need)
    side = PARTIES.index(party)
    rates = [rate for one in found.values() if (rate := plain.rate(one, side)) is not None]
    products = [one for spells in found.values() if (one := plain.mutuality(spells)) is not None]
    gaps = [first - second for spells in found.values() if (first := plain.rate(spells, 0)) is not None
            and (second := plain.rate(spells, 1)) is not None]
    claimed = {dyad for dyad, held in study.items() for session in held for who, acts in turns_said(session)
               if who == side and any(verb == "claim" for verb, _ in acts)}
    if claimed and not any(who != side for dyad in claimed for session in study[dyad] for who, _ in turns_said(session)):
        rates = []    # nothing of the other was coded
    for values, measure, more in ((rates, meeting_rate, {"party": party}), (products, mutuality, {}), (gaps, asymmetry, {})):
        if values:
            assert measure(table, need=need, **more).value == pytest.approx(float(mean(values)))  # type: ignore[operator]
        else:
            with pytest.raises(NotEstimable):
                measure(table, need=need, **more)  # type: ignore[operator]


@settings(max_examples=60)
@given(STUDIES, st.frozensets(st.sampled_from(["D1/1", "D1/2", "D2/1"])))
def test_mutuality_is_one_just_where_both_have_a_spell_that_counts_and_all_such_were_met(study: Study,
                                                                                        stopped: frozenset[str]) -> None:
    counts = meeting_counts(negotiations(cohort_of(study, stopped=stopped)))
    for dyad, spells in pooled(study, stopped, None).items():
        seen = [one for one in spells if one.cause != "censored"]
        whole = {one.party for one in seen} == {0, 1} and all(one.cause == "met" for one in seen)
        assert (counts[dyad].mutuality == 1 if dyad in counts else False) == whole


@settings(max_examples=40)
@given(STUDIES)
def test_counts_by_episode_add_up_to_those_by_dyad(study: Study) -> None:
    table = negotiations(cohort_of(study))
    by_episode, by_dyad = meeting_counts(table, by="episode"), meeting_counts(table)
    assert by_dyad.keys() == {name.partition("/")[0] for name in by_episode}
    for dyad, one in by_dyad.items():
        mine = [held for name, held in by_episode.items() if name.startswith(f"{dyad}/")]
        for cause in ("met", "yielded", "open", "censored"):
            assert getattr(one, cause) == tuple(sum(getattr(held, cause)[side] for held in mine) for side in (0, 1))


def test_rates_worked_out_on_paper() -> None:
    counts = MeetingCounts(met=(1, 2), yielded=(1, 0), open=(1, 0), censored=(5, 1))
    assert counts.counted(0) == 3
    assert counts.rate(0) == pytest.approx(1 / 3)
    assert counts.rate(1) == 1.0
    assert counts.mutuality == pytest.approx(1 / 3)
    assert counts.asymmetry == pytest.approx(-2 / 3)
    halves = MeetingCounts(met=(1, 2), yielded=(1, 1), open=(0, 1), censored=(0, 0))
    assert (halves.mutuality, halves.asymmetry) == (0.25, 0.0)
    silent = MeetingCounts(met=(1, 0), yielded=(0, 0), open=(0, 0), censored=(0, 1))
    assert [silent.rate(1), silent.mutuality, silent.asymmetry] == [None, None, None]


def test_a_yielded_claim_is_counted_and_never_met() -> None:
    session = [CLAIM, ("client", "yl-ag", 1), ("therapist", "gr-ag", 2)]
    assert meeting_rate(negotiations(cohort_of({"D1": [session]})), party="client").value == 0.0


def test_offers_before_any_claim_change_nothing() -> None:
    early = [("therapist", "gr-ag", 0), ("client", "cl-ag", 1)]
    assert meeting_rate(negotiations(cohort_of({"D1": [early]})), party="client").value == 0.0


# --- what cannot be said ------------------------------------------------------------------------------------------------


def reason(table: Negotiations, need: Need | None = None) -> str:
    with pytest.raises(NotEstimable) as told:
        mutuality(table, need=need)
    with pytest.raises(NotEstimable) as same:
        asymmetry(table, need=need)
    assert str(told.value) == str(same.value)
    return str(told.value)


def test_mutuality_of_one_party_is_not_estimable_and_says_whose_claims_are_lacking() -> None:
    table = negotiations(cohort_of({"D1": [[CLAIM, MEET]], "D2": [[CLAIM]]}))
    assert "the therapist" in reason(table)
    with pytest.raises(NotEstimable, match="the therapist made no claim, so there is none of which to say whether it was met"):
        meeting_rate(table, party="therapist")
    with pytest.raises(NotEstimable, match="of communion"):
        meeting_rate(table, party="client", need=Need.COMMUNION)


def test_where_nothing_of_the_other_was_coded_no_claim_is_said_to_be_unmet() -> None:
    alone = negotiations(cohort_of({"D1": [[CLAIM]], "D2": [[CLAIM, ("client", SILENT, 1)]], "D3": [[MEET]]}))
    with pytest.raises(NotEstimable, match="no move of the therapist was coded in dyads in which the client claimed"):
        meeting_rate(alone, party="client")
    with pytest.raises(NotEstimable, match="the therapist made no claim"):
        meeting_rate(alone, party="therapist")
    some = meeting_rate(negotiations(cohort_of({"D1": [[CLAIM]], "D2": [[CLAIM, MEET]], "D3": [[MEET]]})), party="client")
    assert some.value == 0.5
    assert some.warnings[-2:] == ("1 of 3 dyads are left out: the client made no claim that was not cut off",
                                  "in 1 of 2 dyads no move of the therapist was coded, and claims count as not met")


def test_mutuality_without_any_act_says_so() -> None:
    said = reason(negotiations(cohort_of({"D1": [[("client", SILENT, 0)]]})))
    assert "neither party made a claim, so" in said
    assert "carry no claim" in said


def test_mutuality_where_no_dyad_holds_claims_of_both_says_so() -> None:
    table = negotiations(cohort_of({"D1": [[CLAIM, MEET]], "D2": [[("therapist", "cl-re", 0)]]}))
    assert "in no dyad" in reason(table)


def test_claims_that_were_all_cut_off_are_not_told_as_never_made() -> None:
    table = negotiations(cohort_of({"D1": [[*BOTH_MET[:2], ("therapist", "cl-re", 2)]]}, stopped=frozenset({"D1/1"})))
    assert reason(table) == ("not estimable: every claim by the therapist was cut off by the end of observation, so how mutual "
                             "meeting was cannot be said")
    with pytest.raises(NotEstimable, match="every claim of communion by the therapist was cut off by the end of observation"):
        meeting_rate(table, party="therapist", need=Need.COMMUNION)
    with pytest.raises(NotEstimable, match="the therapist made no claim of agency, so"):
        meeting_rate(negotiations(cohort_of({"D1": [[CLAIM, MEET]]})), party="therapist", need=Need.AGENCY)
    alone = negotiations(cohort_of({"D1": [[CLAIM]]}, stopped=frozenset({"D1/1"})))
    assert "every claim by the client was cut off by the end of observation and the therapist made no claim" in reason(alone)


def test_dyads_in_which_one_party_alone_claimed_are_told() -> None:
    table = negotiations(cohort_of({"D1": [BOTH_MET], "D2": [BOTH_MET], "D3": [[CLAIM]]}))
    assert mutuality(table).value == 1.0
    assert any("1 of 3 dyads" in text for text in mutuality(table).warnings)


def test_an_unknown_party_need_or_unit_is_refused() -> None:
    table = negotiations(cohort_of({"D1": [BOTH_MET]}))
    with pytest.raises(RecordError, match="there is no party 'terapist'; did you mean 'therapist'"):
        side_of(table, "terapist")
    with pytest.raises(RecordError, match="expected \"dyad\" or \"episode\""):
        meeting_counts(table, by="session")
    with pytest.raises(RecordError, match="expected a need, one of agency, communion, but got 'power'"):
        meeting_counts(table, need="power")  # type: ignore[arg-type]


# --- responsiveness ----------------------------------------------------------------------------------------------------


def expected_rate(session: list[Said], side: int, null: str, held: list[bool], *, stopped: bool = False) -> list[Fraction]:
    """Return the rate in each arrangement of the other's contents, as often as it comes up."""
    turns = turns_said(session)
    kinds = list(dict.fromkeys(acts for _, acts in turns))
    party, content = [who for who, _ in turns], [kinds.index(acts) for _, acts in turns]
    kept = [hold or who == side for hold, who in zip(held, party, strict=True)]
    rates = (plain.rate(plain.spells([(who, kinds[kind]) for who, kind in zip(party, way, strict=True)], stopped=stopped), side)
             for way in slow.arranged(null, party, content, kept))
    return [rate for rate in rates if rate is not None]


@pytest.mark.parametrize("null", ["turns", "runs"])
def test_responsiveness_is_the_rate_minus_its_mean_over_all_arrangements(null: str) -> None:
    session = [(PARTIES[at in (1, 3, 4, 6)], code, at) for at, code in enumerate(
        ["cl-ag", "gr-ag", "cl-ag", SILENT, "ct-ag", "cl-re", "gr-re"])]
    table = negotiations(cohort_of({"D1": [session]}))
    held = held_turns(table, RULE).tolist()
    assert held == [True, *[False] * 5, True]
    found = responsiveness(table, RULE, party="client", null=null, draws=2999, alpha=0.9)
    ways = expected_rate(session, 0, null, held)
    rate = plain.rate(plain.spells(turns_said(session)), 0)
    assert rate is not None
    assert found.value == pytest.approx(float(rate - mean(ways)), abs=0.02)
    assert found.test is not None
    assert found.test.p == pytest.approx(sum(way >= rate for way in ways) / len(ways), abs=0.04)
    assert found.test.statistic == pytest.approx(float(rate))
    assert "only what the therapist does" in found.test.holds


def test_responsiveness_of_one_need_and_of_what_was_cut_off() -> None:
    session = [(PARTIES[at % 2], code, at) for at, code in enumerate(
        ["cl-ag", "gr-re", "cl-re", "gr-ag", "cl-ag", SILENT, "cl-ag", "gr-ag"])]
    for stopped in (frozenset(), frozenset({"D1/1"})):
        table = negotiations(cohort_of({"D1": [session]}, stopped=stopped))
        found = responsiveness(table, RULE, party="client", need=Need.AGENCY, draws=999, alpha=0.9)
        held = held_turns(table, RULE).tolist()
        turns = [(who, frozenset(act for act in acts if act[1] == "agency")) for who, acts in turns_said(session)]
        kinds = list(dict.fromkeys(acts for _, acts in turns))
        party, content = [who for who, _ in turns], [kinds.index(acts) for _, acts in turns]
        rates = [plain.rate(plain.spells([(who, kinds[kind]) for who, kind in zip(party, way, strict=True)],
                                         stopped=bool(stopped)), 0)
                 for way in slow.arranged("turns", party, content, [hold or who == 0 for hold, who in zip(held, party, strict=True)])]
        assert None not in rates
        rate = plain.rate(plain.spells(turns, stopped=bool(stopped)), 0)
        assert found.value == pytest.approx(float(rate - mean(rates)), abs=0.03)  # type: ignore[operator, arg-type]


def test_what_was_cut_off_counts_in_no_arrangement() -> None:
    # The claim of communion is always met by the last turn, which is held; that of agency is met in some arrangements and
    # cut off in the others, and is then not counted: the rate is 1 in all.
    session = [("client", SILENT, 0), ("client", "cl-re", 1), ("therapist", SILENT, 2), ("therapist", SILENT, 3),
               ("client", "cl-ag", 4), ("therapist", "gr-ag", 5), ("therapist", "gr-re", 6)]
    found = responsiveness(negotiations(cohort_of({"D1": [session]}, stopped=frozenset(["D1/1"]))), RULE, party="client",
                           draws=99, alpha=0.9)
    assert found.value == 0.0
    still_open = responsiveness(negotiations(cohort_of({"D1": [session]})), RULE, party="client", draws=99, alpha=0.9)
    assert still_open.value > 0.1


def test_arrangements_in_which_every_spell_is_cut_off_give_no_rate() -> None:
    # Of the therapist's three free turns two come after the claim: the grant lands before it in a third of arrangements,
    # which have no rate then, for the claim is cut off; in the others the rate is 1.
    session = [("client", SILENT, 0), ("therapist", SILENT, 1), ("client", "cl-ag", 2), ("therapist", "gr-ag", 3),
               ("therapist", "ct-re", 4), ("client", SILENT, 5)]
    held = expected_rate(session, 0, "turns", [True, *[False] * 4, True], stopped=True)
    assert set(held) == {Fraction(1)}
    found = responsiveness(negotiations(cohort_of({"D1": [session]}, stopped=frozenset(["D1/1"]))), RULE, party="client",
                           draws=199, alpha=0.9)
    assert found.value == 0.0
    assert found.test is not None
    assert (found.test.expected, found.test.p) == (1.0, 1.0)


def test_a_dyad_without_a_rate_as_observed_counts_in_the_arrangements_that_give_it_one() -> None:
    # D1's grant comes before its claim, which is then cut off; after it in half of the arrangements, which have rate 1.
    # D2's rate is 1 as observed and 0 in half. Means over the dyads that have a rate are then 1, 0, 1 and 1/2, equally often.
    early = [("client", SILENT, 0), ("therapist", "gr-ag", 1), ("client", "cl-ag", 2), ("therapist", "ct-re", 3), ("client", SILENT, 4)]
    late = [("client", SILENT, 0), ("therapist", "ct-re", 1), ("client", "cl-ag", 2), ("therapist", "gr-ag", 3), ("client", SILENT, 4)]
    table = negotiations(cohort_of({"D1": [early], "D2": [late]}, stopped=frozenset(["D1/1"])))
    found = responsiveness(table, RULE, party="client", draws=2999, alpha=0.9)
    assert found.test is not None
    assert found.n["dyads"] == 1
    assert found.test.expected == pytest.approx((1 + 0 + 1 + 0.5) / 4, abs=0.03)
    assert found.value == pytest.approx(0.5, abs=0.03)


def test_responsiveness_asks_for_a_null_of_turns_and_for_data() -> None:
    table = negotiations(cohort_of({"D1": [[CLAIM, MEET]]}))
    with pytest.raises(RecordError, match="turns"):
        responsiveness(table, RULE, party="client", null=Null.FREE)
    with pytest.raises(NotEstimable, match="the therapist made no claim"):
        responsiveness(table, RULE, party="therapist")
    with pytest.raises(NotEnoughData):
        responsiveness(table, RULE, party="client")
