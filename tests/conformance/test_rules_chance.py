"""What chance would fulfil: against every arrangement written out, with what segmentation fixed held."""

from __future__ import annotations

import itertools
import statistics
from typing import Any

import attrs
import numpy as np
import pytest

from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.rules import Rule, RuleKind, RuleSet, Sought
from rupturekit.conformance.rules_chance import RuleLift, RuleLifts, rule_lifts
from rupturekit.conformance.rules_checked import RuleChecks, check_rules
from rupturekit.episode import Coding, Move, ObservedStretch, Session, seconds
from rupturekit.errors import RecordError
from rupturekit.inference import nulls
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.nulls import Null, exchanges, rearranged
from rupturekit.results import from_json, to_json
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

CUT = SegmentationRule(name="whole", opens=("withdrawal_marker",), gap=None)
Said = list[tuple[str, str]]
SESSION: Said = [("client", "wd"), ("therapist", "invite"), ("client", "qual-assert"), ("therapist", "facilitate"),
                 ("client", "self-assert"), ("therapist", "validate"), ("client", "reflect")]
WISH, HEDGED = Sought(party="client", functions=("self_assertion",)), Sought(party="client", functions=("qualified_assertion",))
RECEIVED = Sought(party="therapist", functions=("validates",))
RULES = (
    Rule(name="response", kind=RuleKind.RESPONSE, when=WISH, other=RECEIVED),
    Rule(name="soon", kind=RuleKind.RESPONSE, when=WISH, other=RECEIVED, within_moves=2),
    Rule(name="in time", kind=RuleKind.RESPONSE, when=WISH, other=RECEIVED, within=seconds(15)),
    Rule(name="before", kind=RuleKind.PRECEDENCE, when=WISH, other=HEDGED),
    Rule(name="in time before", kind=RuleKind.PRECEDENCE, when=WISH, other=HEDGED, within=seconds(25)),
    Rule(name="next", kind=RuleKind.CHAIN_RESPONSE, when=WISH, other=RECEIVED),
    Rule(name="next of party", kind=RuleKind.CHAIN_RESPONSE, when=WISH, other=RECEIVED, next_of_party=True),
)


def cut(sessions: list[Said], *, stopped: bool = False) -> Cohort:
    """Return one dyad a session, cut into episodes; where it is stopped, the sessions went on uncoded."""
    moves = [Move(dyad=f"D{at:02d}", session=1, track="r1", party=party, code=code, onset=seconds(10 * place),
                  row_id=100 * at + place)
             for at, session in enumerate(sessions) for place, (party, code) in enumerate(session)]
    dyads = [f"D{at:02d}" for at in range(len(sessions))] if stopped else []
    return segment(Cohort.of(
        moves, coding=Coding(codebook=load_codebook("stages")),
        sessions=[Session(dyad=dyad, session=1, duration=seconds(3_000)) for dyad in dyads],
        observed=[ObservedStretch(dyad=dyad, session=1, track="r1", start=0, end=seconds(100)) for dyad in dyads]), CUT)


def checks(sessions: list[Said], *rules: Rule, stopped: bool = False) -> RuleChecks:
    return check_rules(cut(sessions, stopped=stopped), RuleSet(name="m", title="M", rules=rules or RULES))


def lifts(sessions: list[Said], *rules: Rule, stopped: bool = False, **more: Any) -> RuleLifts:
    return rule_lifts(checks(sessions, *rules, stopped=stopped), CUT, **{"draws": 999, "alpha": 0.95, **more})


def lift_of(found: RuleLifts, name: str) -> RuleLift:
    held = found.lifts[name]
    assert isinstance(held, RuleLift), held
    return held


def every_order(session: Said) -> list[Said]:
    """Return the session with each party's moves after the opening in every order, among that party's own places."""
    places = {party: [at for at, (who, _) in enumerate(session) if who == party and at] for party in ("client", "therapist")}
    found = []
    for client, therapist in itertools.product(*(itertools.permutations(held) for held in places.values())):
        laid = list(session)
        for held, order in zip(places.values(), (client, therapist), strict=True):
            for place, source in zip(held, order, strict=True):
                laid[place] = session[source]
        found.append(laid)
    return found


def test_chance_and_p_are_those_of_all_arrangements() -> None:
    all_of_them = [checks([laid]) for laid in every_order(SESSION)]
    found = lifts([SESSION], draws=9_999)
    for at, rule in enumerate(RULES):
        shares = [one.totals()[at].share for one in all_of_them]
        known = [share for share in shares if share is not None]
        held = lift_of(found, rule.name)
        assert 0 < statistics.mean(known) < 1
        assert held.chance == pytest.approx(statistics.mean(known), abs=0.02)
        assert held.share.value == checks([SESSION]).totals()[at].share
        assert isinstance(held.lift, Estimate)
        assert held.lift.value == pytest.approx(held.share.value / held.chance)
        test = held.share.test
        assert test is not None
        assert test.p == pytest.approx(sum(share >= held.share.value for share in known) / len(known), abs=0.02)


def test_each_arrangement_is_the_one_of_its_number() -> None:
    party = np.array([at % 2 for at in range(len(SESSION))])
    held = np.arange(len(SESSION)) == 0
    made = exchanges(Null.TURNS, episode="D00-1", party=party, content=party, held=held)
    laid = rearranged(made, np.arange(len(SESSION)), seed=4, null=Null.TURNS, start=0, count=50).T.tolist()
    drawn = [checks([[SESSION[at] for at in places]]) for places in laid]
    found = lifts([SESSION], draws=50, seed=4)
    for at, rule in enumerate(RULES):
        shares = [share for one in drawn if (share := one.totals()[at].share) is not None]
        one = lift_of(found, rule.name)
        assert one.chance == pytest.approx(statistics.mean(shares), abs=1e-12)
        assert one.share.test is not None
        assert one.share.test.draws == len(shares)
        assert one.share.test.p == (1 + sum(share >= one.share.value for share in shares)) / (1 + len(shares))
        assert one.share.n == {"dyads": 1, "episodes": 1, "decided activations": 1}


def test_arrangements_are_counted_by_what_a_rule_looks_at() -> None:
    asks_nothing: Said = [("client", "wd"), ("client", "qual-assert"), ("client", "reflect")]
    for sessions in ([SESSION], [SESSION, asks_nothing]):
        said = str(lifts(sessions, RULES[3], alpha=0.1).lifts["before"])
        assert "these data allow 6 arrangements under 'turns'" in said
    two: Said = [("client", "wd"), ("client", "qual-assert"), ("client", "self-assert")]
    assert lift_of(lifts([two], RULES[3]), "before").chance == pytest.approx(0.5, abs=0.05)


def test_more_arrangements_than_are_tested_at_once_are_each_taken_once() -> None:
    test = lift_of(lifts([SESSION], RULES[3], draws=2_500), "before").share.test
    assert test is not None
    assert test.draws == 2_500


def test_an_arrangement_in_which_nothing_is_decided_counts_for_nothing() -> None:
    whole = [(*one, *two) for one, two in [(("client", "wd"), ()), (("therapist", "invite"), ()), (("client", "self-assert"), ()),
                                           (("therapist", "validate"), ()), (("client", "reflect"), ())]]
    found = lifts([[(one[0], one[1]) for one in whole]], RULES[5], draws=4_999)    # at the last place the wish is undecided
    held = lift_of(found, "next")
    assert held.chance == pytest.approx(0.5, abs=0.02)
    assert held.share.test is not None
    assert "arrangements gave no value" in held.share.test.holds


def test_activations_are_pooled_within_a_dyad_and_dyads_count_alike() -> None:
    sessions = [SESSION, [*SESSION[:1], *SESSION[:0:-1]], [*SESSION, *SESSION[1:]]]
    found, singly = lifts(sessions, draws=1_999), [lifts([session], draws=1_999) for session in sessions]
    for rule in RULES[:4]:
        alone = [lift_of(one, rule.name) for one in singly]
        assert lift_of(found, rule.name).share.value == pytest.approx(statistics.mean(one.share.value for one in alone))
        assert lift_of(found, rule.name).chance == pytest.approx(statistics.mean(one.chance for one in alone), abs=0.04)
        assert lift_of(found, rule.name).share.n["dyads"] == 3


def test_stopped_episodes_are_undecided_by_chance_too() -> None:
    said: Said = [("client", "wd"), ("therapist", "validate"), ("client", "self-assert"), ("therapist", "invite"), ("client", "reflect")]
    open_rule = attrs.evolve(RULES[0], name="open")
    assert lift_of(lifts([said], open_rule), "open").share.value == 0
    assert lifts([said], open_rule, stopped=True).lifts["open"] == (
        "not estimable: no activation was decided: every episode ended before the time was up")
    both = lifts([said, SESSION], open_rule, stopped=True)
    assert lift_of(both, "open").share.warnings[-1] == "1 of 2 activations are undecided and in no share"
    assert lift_of(both, "open").chance == 1.0


@pytest.mark.parametrize(("rule", "said"), [
    (Rule(name="r", kind=RuleKind.EXISTENCE, when=WISH), "a rule of existence asks for no order"),
    (Rule(name="r", kind=RuleKind.ABSENCE, when=WISH), "a rule of absence asks for no order"),
    (Rule(name="r", kind=RuleKind.NOT_COEXISTENCE, when=WISH, other=RECEIVED), "a rule of not coexistence asks for no order"),
    (Rule(name="r", kind=RuleKind.RESPONSE, when=WISH, other=Sought(codes=("W9",))), "no code of stages shows either: code W9"),
    (Rule(name="r", kind=RuleKind.RESPONSE, when=Sought(codes=("cf",)), other=RECEIVED), "nothing was asked"),
    (Rule(name="r", kind=RuleKind.RESPONSE, when=Sought(codes=("wd",)), other=WISH), "no exchange of moves changes what the rule looks at"),
])
def test_what_has_no_chance_of_its_own_is_said(rule: Rule, said: str) -> None:
    sessions = [SESSION] if rule.when.codes != ("wd",) else [[("client", "wd"), ("client", "self-assert")]]
    found = lifts(sessions, rule)
    assert str(found.lifts["r"]).startswith(f"not estimable: {said}")
    assert "not estimable" in str(found)


def test_too_few_arrangements_are_a_sentence_and_no_draw_is_refused() -> None:
    assert "smallest p attainable" in str(lifts([SESSION], alpha=0.001).lifts["before"])
    with pytest.raises(RecordError, match="expected at least 1 draw but got 0"):
        lifts([SESSION], draws=0)


def test_nothing_is_divided_by_a_chance_of_zero() -> None:
    never: Said = [("client", "wd"), ("client", "self-assert"), ("client", "reflect"), ("therapist", "invite"), ("client", "stay")]
    rule = Rule(name="r", kind=RuleKind.RESPONSE, when=WISH, other=RECEIVED)
    found = lift_of(lifts([never], rule), "r")
    assert (found.share.value, found.chance) == (0.0, 0.0)
    assert found.lift == "not estimable: by chance the rule is never fulfilled, so there is nothing to divide by"
    assert "nothing to divide by" in str(found)


def test_a_dyad_that_is_decided_on_one_side_only_gives_no_lift() -> None:
    first: Said = [("client", "wd"), ("client", "self-assert"), ("client", "reflect")]
    last: Said = [("client", "wd"), ("client", "reflect"), ("client", "self-assert")]
    rule = Rule(name="r", kind=RuleKind.CHAIN_RESPONSE, when=WISH, other=Sought(functions=("reflects_together",)))
    found = [lifts([first, last], rule, draws=1, seed=seed).lifts["r"] for seed in range(1, 30)]
    sentence = "not estimable: in no dyad was an activation decided both as observed and under some arrangement"
    assert sentence in found
    assert any(isinstance(one, RuleLift) for one in found)


def test_how_much_is_drawn_at_once_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lifts([SESSION, SESSION[::-1]], draws=99)
    monkeypatch.setattr(nulls, "_ENTRIES", 50)
    monkeypatch.setattr(nulls, "_FEWEST", 1)
    assert lifts([SESSION, SESSION[::-1]], draws=99) == whole
    assert lifts([SESSION, SESSION[::-1]], draws=99, seed=2) != whole


@pytest.mark.parametrize("null", list(Null))
def test_each_null_is_drawn_and_the_free_one_warned_of(null: Null) -> None:
    held = lift_of(lifts([[*SESSION, *SESSION[1:]]], null=null), "response")
    assert held.share.test is not None
    assert held.share.test.null == null.value
    assert any("nothing is kept" in text for text in held.share.warnings) is (null is Null.FREE)


def test_built_in_order_is_found_and_its_absence_is_not() -> None:
    ordered = Design(dyads=20, sessions=1, turns=(40, 40), onset=0.1, order=0.9, dwell=1.5, lapse=0.0)
    found = [lift_of(rule_lifts(check_rules(segment(simulate(design, seed=1).cohort, CUT), "resolution"), CUT, draws=199),
                     "marker answered soon") for design in (ordered, attrs.evolve(ordered, order=0.0))]
    assert [held.share.test is not None and held.share.test.p < 0.05 for held in found] == [True, False]
    values = [held.lift.value for held in found if isinstance(held.lift, Estimate)]
    assert values[0] > 1.1
    assert abs(values[1] - 1) < 0.1
    assert isinstance(found[0].lift, Estimate)
    assert found[0].lift.interval is not None
    low, high = found[0].lift.interval
    assert f"; lift {found[0].lift.value:.3f} ({low:.3f} to {high:.3f}; 18 dyads); p = " in str(found[0])


def test_results_come_back_from_json_and_read_well() -> None:
    found = lifts([SESSION, SESSION[:2]], *RULES, Rule(name="once", kind=RuleKind.EXISTENCE, when=WISH))
    back = from_json(to_json(found))
    assert back == found
    assert back.provenance == found.provenance
    assert found.fixed == 1
    assert repr(found) == "RuleLifts('m': 7 of 8 rules compared with chance)"
    assert "episodes in which nothing can be exchanged: 1, counted on both sides" in str(found)
    assert str(found.lifts["response"]).startswith("1.000 (no interval; 1 dyad) fulfilled, 0.")
    assert "by chance; lift " in str(found)
    assert "; p = " in str(found)
    assert "does not show" in str(found)
    for head in ("RuleLifts", "rule", "asks", "evidence", "found", "against chance"):
        assert f">{head}<" in found._repr_html_()
    assert found.provenance.rules[-1] == "null turns"
    assert found.provenance.seed == 1


def test_episodes_that_were_left_out_are_said() -> None:
    found = attrs.evolve(lifts([SESSION]), left_out={"holds no moves": 2})
    assert "left out: 2, holds no moves" in str(found)


def test_episodes_closed_on_a_resolution_are_warned_of() -> None:
    closing = attrs.evolve(CUT, closes_on=("self_assertion",))
    held = check_rules(segment(cut([SESSION]), closing), RuleSet(name="m", title="M", rules=RULES))
    said = "1 episode closed because a resolution was seen: what rules say of resolution is then partly by construction"
    assert said in str(held)
    assert said in held._repr_html_()
    assert f"beware: {said}" in str(rule_lifts(held, closing, draws=99))
    assert "beware" not in str(lifts([SESSION], draws=99))
