"""Designs: what is refused and with which sentence, what stands in, and how a design becomes whole numbers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import numpy as np
import pytest

import rupturekit as rk
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.simulation import draws
from rupturekit.simulation.chances import base_rates, chances_of, codes_of, opening_codes
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design, NeedRates, Score, stages_and_needs
from rupturekit.state_machine import parse_model
from rupturekit.vocabulary import Need, NeedVerb

NAN = float("nan")


@pytest.mark.parametrize(("stated", "said"), [
    ({"dyads": 1_000_000}, "Design.dyads: expected a whole number from 1 to 999,999 but got 1000000"),
    ({"dyads": 2.5}, "Design.dyads: expected a whole number"),
    ({"sessions": 0}, "Design.sessions: expected a whole number from 1 to 10,000 but got 0"),
    ({"sessions": True}, "Design.sessions: expected a whole number"),
    ({"dyads_per_therapist": 0}, "Design.dyads_per_therapist: expected a whole number from 1"),
    ({"turns": (5, 4)}, "Design.turns: expected (least, most), whole numbers from 1 to 100,000 but got (5, 4)"),
    ({"turns": 40}, "Design.turns: expected (least, most)"),
    ({"turn_length": (1.5, 2.0)}, "Design.turn_length: expected (least, most)"),
    ({"switch": NAN}, "Design.switch: expected a probability from 0 to 1 but got nan"),
    ({"onset": 1.01}, "Design.onset: expected a probability from 0 to 1 but got 1.01"),
    ({"order": "much"}, "Design.order: expected a probability"),
    ({"lapse": True}, "Design.lapse: expected a probability"),
    ({"dyad_sd": -1.0}, "Design.dyad_sd: expected a standard deviation from 0 to 100"),
    ({"dropout_after_rupture": NAN}, "Design.dropout_after_rupture: expected a finite number"),
    ({"dwell": 0.5}, "Design.dwell: expected a mean number of turns from 1 to 1,000,000 but got 0.5"),
    ({"dwell": NAN}, "Design.dwell: expected a mean"),
    ({"dwell": {"withdrawl": 2.0}}, "withdrawal-2000 has no state 'withdrawl'; did you mean 'withdrawal'?"),
    ({"base_rates": {"clients": {}}}, "'clients' is not one of client, therapist; did you mean 'client'?"),
    ({"base_rates": {"client": {"invite": 0.1}}}, "'invite' is a code of the therapist, not of the client"),
    ({"base_rates": {"client": {"wd": NAN}}}, "expected a rate per turn from 0 to 1 for 'wd' but got nan"),
    ({"base_rates": {"client": {"wd": 0.6, "hurt": 0.6}}}, "the rates of the client add up to 1.2; a turn holds at most one"),
    ({"needs": {"cleint": NeedRates()}}, "'cleint' is not one of client, therapist"),
    ({"needs": {"client": 0.1}}, "expected NeedRates for the client but got 0.1"),
    ({"dyad_sd": 1.0, "onset": 0.0}, "dyads or therapists are to differ on its log-odds, which 0 does not have"),
    ({"dropout_after_rupture": 1.0}, "adds to the log-odds of `dropout`, which 0 does not have"),
    ({"order": 0.0, "needs": {"therapist": NeedRates(grant=0.1)}}, "0 asks for contents without any order"),
    ({"scores": (Score(),) * 101}, "Design.scores: expected at most 100 scores"),
    ({"scores": ("alliance",)}, "Design.scores: expected values of Score but got ('alliance',)"),
    ({"scores": 3}, "Design.scores: expected values of Score but got 3"),
    ({"needs": 3}, "Design.needs: expected a mapping of client, therapist but got 3"),
    ({"base_rates": 3}, "Design.base_rates: expected a mapping of client, therapist but got 3"),
    ({"base_rates": {"client": 0.1}}, "Design.base_rates: expected rates by code for the client but got 0.1"),
    ({"dwell": (3,)}, "Design.dwell: expected a mean"),
])
def test_a_design_that_cannot_be_is_refused_with_a_sentence(stated: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError) as refusal:
        Design(**stated)
    assert said in str(refusal.value)


@pytest.mark.parametrize(("stated", "needed"), [
    ({"dyads": 0}, 1), ({"dyads": 1, "dyad_sd": 0.5}, 2), ({"therapist_sd": 0.5}, 2),
    ({"therapist_sd": 0.5, "dyads": 6, "dyads_per_therapist": 6}, 2),
])
def test_too_few_units_are_refused_with_how_many_are_needed(stated: dict[str, Any], needed: int) -> None:
    with pytest.raises(NotEnoughData) as refusal:
        Design(**stated)
    assert refusal.value.needed == needed


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Score(noise_sd=-1.0), "Score.noise_sd"), (lambda: Score(mean=NAN), "Score.mean"),
    (lambda: Score(missing=2.0), "Score.missing"),
    (lambda: Score(perspective="me"), "Score.perspective: expected one of client, therapist, observer, automatic but got 'me'"), (lambda: NeedRates(claim=1.5), "NeedRates.claim"),
    (lambda: NeedRates(grant={"power": 0.1}), "NeedRates.grant: expected rates of agency, communion but got 'power'"),
    (lambda: NeedRates(claim=0.3, grant=0.3), "add up to 1.2"),
])
def test_scores_and_needs_are_checked_too(make: Any, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        make()


def test_a_rate_by_need_leaves_the_other_at_nothing() -> None:
    rates = NeedRates(claim={Need.AGENCY: 0.1})
    assert rates.of(NeedVerb.CLAIM, need=Need.AGENCY) == 0.1
    assert rates.of(NeedVerb.CLAIM, need=Need.COMMUNION) == 0.0
    assert not rates.answers
    assert NeedRates(give_up=0.1).answers


def test_the_caller_keeps_nothing_that_changes_a_design() -> None:
    dwell = {"withdrawal": 2.0}
    design = Design(dwell=dwell)
    dwell["withdrawal"] = 9.0
    assert design.dwell_in("withdrawal") == 2.0
    assert design.dwell_in("disembedding") == 1.0


def test_a_design_travels_between_processes() -> None:
    design = Design(dyads=2, base_rates={"client": {"wd": 0.1}}, needs={"client": NeedRates(claim=0.1)})
    assert pickle.loads(pickle.dumps(design)) == design == copy.deepcopy(design)
    made = simulate(design, seed=1)
    assert pickle.loads(pickle.dumps(made)).truth == made.truth


# Models and codebooks

def test_models_that_cannot_be_simulated_say_why() -> None:
    for name, said in [("relatedness-self-definition", "silent arrow"), ("3rs-native", "shows no way to an end")]:
        with pytest.raises(NotEstimable, match=said):
            chances_of(Design(model=name))
    with pytest.raises(NotEstimable, match="no code of needs is a marker"):
        chances_of(Design(codebook="needs", base_rates={}, order=0.0))
    with pytest.raises(NotEstimable, match="from withdrawal, disembedding the codebook shows no way"):
        chances_of(Design(codebook="needs"))


@pytest.mark.parametrize("guard", ["min_seconds = 3.0", "min_rating = 2.0, absent = \"block\""])
def test_models_that_look_at_time_or_ratings_are_refused(guard: str) -> None:
    arrow = '[[transitions]]\nevidence = "assumption"\nfrom = "{}"\nto = "{}"\nwhen = {{ function = ["{}"]{} }}\n'
    state = '[[states]]\nevidence = "assumption"\nname = "{}"\nphase = "rupture"\n{} = true\n'
    model = parse_model('format = 1\nname = "m"\ntitle = "M"\nsource = "none"\ntype = "any"\n'
                        + state.format("a", "initial") + state.format("b", "end")
                        + arrow.format("a", "a", "withdrawal_marker", "")
                        + arrow.format("a", "b", "self_assertion", f", {guard}"))
    with pytest.raises(NotEstimable, match="looks at ratings or elapsed time"):
        chances_of(Design(model=model))


def test_a_stream_without_order_asks_for_no_way_to_an_end() -> None:
    assert len(simulate(Design(dyads=2, model="3rs-native", order=0.0), seed=1).truth.ruptures) == 0


def test_an_act_without_a_code_is_refused() -> None:
    with pytest.raises(RecordError, match="no code of stages has the function claims_agency for the client"):
        simulate(Design(codebook="stages", needs={"client": NeedRates(claim=0.1)}), seed=1)


def test_what_stands_in_for_base_rates_is_the_model_without_its_markers() -> None:
    found = base_rates(Design(), "client")
    assert set(found) == {"neg-mixed", "qual-assert", "avoid-assert", "self-assert"}
    assert sum(found.values()) == pytest.approx(0.2)
    assert opening_codes(Design(), "client") == ("wd",)
    assert opening_codes(Design(), "therapist") == ()
    assert base_rates(Design(base_rates={"therapist": {"link": 0.1}}), "client") == {}


def test_codes_are_those_of_the_party() -> None:
    book = stages_and_needs()
    assert codes_of(book, ["invites_exploration", "notices"], party="therapist") == ("invite", "notice")
    assert codes_of(book, ["invites_exploration", "notices"], party="client") == ("notice",)
    anybody = attrs.evolve(book, codes=tuple(attrs.evolve(code, parties=()) for code in book.codes))
    assert codes_of(anybody, ["invites_exploration"], party="client") == ("invite",)


def test_both_codebooks_are_joined_each_code_once() -> None:
    book = stages_and_needs()
    assert len({code.code for code in book.codes}) == len(book.codes)
    assert {"wd", "cl-ag", "break-off"} <= {code.code for code in book.codes}


# Draws

def test_probabilities_are_rounded_so_that_the_last_bit_decides_nothing() -> None:
    assert draws.threshold(0.0) == 0
    assert draws.threshold(1.0) == draws.ALL
    assert draws.threshold(0.1) == draws.threshold(np.nextafter(0.1, 1))
    assert draws.threshold(0.1) / draws.ALL == pytest.approx(0.1, abs=2**-21)


def test_normals_are_centred_and_spread_as_they_should_be() -> None:
    found = draws.normals(draws.named_keys(map(str, range(20_000)), seed=1, purpose="n"), first=0)
    assert abs(found.mean()) < 4 / 20_000**0.5
    assert abs(found.std() - 1) < 4 / 40_000**0.5
    assert abs((found**3).mean()) < 4 * (15 / 20_000) ** 0.5
    assert np.abs(found).max() <= 6


def test_log_odds_and_back() -> None:
    assert [draws.logistic(odds) for odds in (-800.0, 0.0, 800.0)] == [0.0, 0.5, 1.0]


def test_blocks_of_no_sessions_are_refused() -> None:
    with pytest.raises(RecordError, match="1 or more sessions at once"):
        simulate(Design(dyads=2), seed=1, block=0)
    with pytest.raises(RecordError, match="executor"):
        simulate(Design(dyads=2), seed=1, executor="clouds")


def test_a_study_shows_what_it_is() -> None:
    made = simulate(Design(dyads=3, sessions=1), seed=5)
    assert repr(made.truth).startswith("Truth(")
    assert "seed 5" in repr(made)
    assert made.cohort.dyads.words("therapist") == [None] * 3
    assert attrs.evolve(made.truth) == made.truth


def test_a_simulated_study_goes_through_the_library() -> None:
    made = simulate(Design(dyads=4, sessions=2, order=1.0, lapse=0.0, base_rates={}), seed=3)
    traces = rk.trace_cohort(rk.segment(made.cohort), "withdrawal-2000")
    reached = sum(end == "reached" for end in made.truth.ruptures.words("end"))
    assert reached > 0
    assert len(traces) > 0
    assert sum(str(one) == "yes" for one in traces.ends().reached()) > 0
