"""Every two stages: against pairs counted one by one, and against every arrangement written out."""

from __future__ import annotations

import itertools
import statistics
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies as own
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.stages import StageOrder, StagePair, stage_order
from rupturekit.episode import Coding, Move, seconds
from rupturekit.errors import NotEstimable, RecordError
from rupturekit.example import example_cohort
from rupturekit.frames import to_frame
from rupturekit.inference import nulls
from rupturekit.inference.multiplicity import false_discovery
from rupturekit.inference.nulls import Null
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.state_machine import Condition, Transition, load_model
from rupturekit.vocabulary import Evidence

RULE = SegmentationRule(name="whole", opens=("withdrawal_marker",), gap=None)
MODEL = "withdrawal-2000"
STAGE = {"invite": "disembedding", "own-part": "disembedding", "qual-assert": "qualified_assertion",
         "avoid-assert": "avoidance", "self-assert": "self_assertion", "facilitate": "qualified_assertion", "reflect": None}
WHO = {"invite": "therapist", "own-part": "therapist", "facilitate": "therapist"}
Said = list[tuple[str, int]]
"""Codes with their second; each session opens with a marker at second 0, which is held."""


def cut(sessions: list[Said]) -> Cohort:
    """Return one dyad a session, cut into episodes; a move's party follows from its code."""
    moves = [Move(dyad=f"D{at:02d}", session=1, track="r1", party=WHO.get(code, "client"), code=code, onset=seconds(time),
                  row_id=100 * at + place)
             for at, session in enumerate(sessions) for place, (code, time) in enumerate([("wd", 0), *session])]
    return own.quietly(segment, Cohort.of(moves, coding=Coding(codebook=load_codebook("stages"))), RULE)


def found(sessions: list[Said], **more: Any) -> StageOrder:
    return own.quietly(stage_order, cut(sessions), MODEL, rule=RULE, **{"draws": 99, "alpha": 0.9, **more})


def share(session: Said, earlier: str, later: str) -> float | None:
    """Count pairs one by one."""
    pairs = [1.0 if one < two else 0.5 if one == two else 0.0 for code, one in session for other, two in session
             if STAGE[code] == earlier and STAGE[other] == later]
    return statistics.mean(pairs) if pairs else None


sessions = st.lists(st.lists(st.tuples(st.sampled_from(list(STAGE)), st.integers(1, 4)), min_size=2, max_size=8).map(
    lambda said: sorted(said, key=lambda one: one[1])), min_size=1, max_size=3)


@given(sessions)
def test_shares_are_those_of_pairs_counted_one_by_one(said: list[Said]) -> None:
    stages = [state.name for state in load_model(MODEL).states]
    expected = {}
    for earlier, later in itertools.combinations(stages, 2):
        held = [one for one in (share(session, earlier, later) for session in said) if one is not None]
        if held:
            expected[earlier, later] = statistics.mean(held)
    if not expected:
        with pytest.raises(NotEstimable, match="no episode holds free moves of two stages; "):
            found(said, draws=9)
        return
    result = found(said, draws=9)
    assert [(pair.earlier, pair.later) for pair in result.pairs] == list(expected)
    assert [pair.share.value for pair in result.pairs] == pytest.approx(list(expected.values()))
    tested = [pair for pair in result.pairs if pair.gain.test is not None]
    if tested:
        adjusted = false_discovery([pair.gain.test.p for pair in tested if pair.gain.test], dependence="any")
        assert [pair.adjusted for pair in tested] == adjusted
    assert all((pair.gain.test is None) == bool(pair.untested) == (pair.adjusted is None) for pair in result.pairs)


def of(result: StageOrder, earlier: str, later: str) -> StagePair:
    return next(pair for pair in result.pairs if (pair.earlier, pair.later) == (earlier, later))


def test_gain_and_p_are_those_of_all_arrangements() -> None:
    """What the client does is exchanged among the client's places, and the therapist's one move stays."""
    codes = ["qual-assert", "invite", "qual-assert", "avoid-assert", "self-assert", "self-assert"]
    session = [(code, 10 * (at + 1)) for at, code in enumerate(codes)]
    result = found([session], draws=9_999, alternative="greater")
    places = [at for at, code in enumerate(codes) if code not in WHO]
    laid = []
    for order in itertools.permutations([codes[at] for at in places]):
        held = list(codes)
        for place, code in zip(places, order, strict=True):
            held[place] = code
        laid.append([(code, time) for code, (_, time) in zip(held, session, strict=True)])
    for pair in result.pairs:
        shares = [share(one, pair.earlier, pair.later) or 0.0 for one in laid]
        observed = share(session, pair.earlier, pair.later) or 0.0
        assert pair.share.value == pytest.approx(observed)
        assert pair.gain.value == pytest.approx(observed - statistics.mean(shares), abs=0.02)
        assert pair.gain.test is not None
        assert pair.gain.test.p == pytest.approx(sum(one >= observed - 1e-9 for one in shares) / len(shares), abs=0.02)


def test_how_much_is_drawn_at_once_decides_nothing_and_nothing_is_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    session = [("invite", 10), ("self-assert", 20), ("qual-assert", 20), ("invite", 30), ("avoid-assert", 40)]
    whole = found([session, session[::-1]])
    monkeypatch.setattr(nulls, "_ENTRIES", 50)
    monkeypatch.setattr(nulls, "_FEWEST", 7)
    assert found([session, session[::-1]]) == whole
    with pytest.raises(RecordError, match="draws is -5; expected 1 or more"):
        found([session], draws=-5)


def test_pairs_that_never_meet_are_named_and_what_cannot_be_tested_says_why() -> None:
    result = found([[("invite", 10), ("qual-assert", 20)], [("invite", 10), ("avoid-assert", 20)]], alpha=0.05)
    assert [(pair.earlier, pair.later) for pair in result.pairs] == [("disembedding", "qualified_assertion"), ("disembedding", "avoidance")]
    assert result.without == ("qualified_assertion, avoidance",)
    pair = of(result, "disembedding", "avoidance")
    assert (pair.share.value, pair.gain.value, pair.gain.test, pair.adjusted) == (1.0, 0.0, None, None)
    assert pair.untested.startswith("not tested: the smallest p attainable is ")
    assert pair.share.n == {"dyads": 1, "episodes": 1, "pairs of moves": 1}
    assert "no episode holds both: qualified_assertion, avoidance" in str(result)


def test_moves_without_a_stage_of_their_own_and_held_ones_are_counted() -> None:
    result = found([[("invite", 10), ("reflect", 15), ("qual-assert", 20), ("wd", 30)]])
    assert result.left_out == {"moves held, since the rule looks at them": 2, "moves without a stage of their own": 1}
    free = found([[("invite", 10), ("qual-assert", 20), ("self-assert", 30)]], null=Null.FREE)
    assert [pair.earlier for pair in free.pairs if pair.later == "disembedding"] == ["withdrawal"]
    assert any("nothing is kept" in text for text in free.pairs[0].gain.warnings)
    assert "warning: " in str(free)


def test_moves_that_make_several_steps_have_no_stage() -> None:
    model = load_model(MODEL)
    invites = Condition(party="therapist", functions=("invites_exploration",))
    both = attrs.evolve(model, transitions=(*model.transitions, Transition(
        source="avoidance", target="avoidance", when=invites, evidence=Evidence.ASSUMPTION)))
    cohort = cut([[("invite", 10), ("qual-assert", 20), ("avoid-assert", 30)]])
    result = own.quietly(stage_order, cohort, both, rule=RULE, draws=99)
    assert [(pair.earlier, pair.later) for pair in result.pairs] == [("qualified_assertion", "avoidance")]
    assert result.left_out["moves without a stage of their own"] == 1


def test_silent_arrows_make_no_stage_and_guards_on_elapsed_time_are_refused() -> None:
    model = load_model(MODEL)
    quiet = attrs.evolve(model, transitions=(*model.transitions, Transition(
        source="disembedding", target="avoidance", when=None, evidence=Evidence.ASSUMPTION)))
    cohort = cut([[("invite", 10), ("qual-assert", 20), ("avoid-assert", 30)]])
    plain, silent = (own.quietly(stage_order, cohort, one, rule=RULE, draws=99).pairs for one in (model, quiet))
    assert [pair.share for pair in silent] == [pair.share for pair in plain]
    timed = attrs.evolve(model, transitions=tuple(
        attrs.evolve(one, when=attrs.evolve(one.when, max_elapsed=10)) if one.when else one for one in model.transitions))
    with pytest.raises(NotEstimable, match="guards on elapsed time"):
        own.quietly(stage_order, cut([[("invite", 10), ("qual-assert", 20)]]), timed, rule=RULE)


def test_pairs_of_a_set_come_in_the_order_in_which_its_steps_are_listed() -> None:
    listed = ("enactment", "acknowledgement", "exploration", "linking", "negotiating", "consensus", "understanding",
              "further_explanation", "changing", "closure")
    cohort = own.quietly(segment, example_cohort(), RULE, track="r1")
    result = own.quietly(stage_order, cohort, "cat-2006", rule=RULE, draws=19, any_type=True)
    assert len(result.pairs) > 10
    assert all(listed.index(pair.earlier) < listed.index(pair.later) for pair in result.pairs)


ORDERED = Design(dyads=20, sessions=1, turns=(40, 40), onset=0.1, order=0.9, dwell=1.5, lapse=0.0)


@pytest.mark.parametrize(("order", "discovered"), [(0.9, True), (0.0, False)])
def test_built_in_order_is_found_between_the_stages_and_its_absence_is_not(order: float, discovered: bool) -> None:
    rule = attrs.evolve(RULE, name="gap", gap=seconds(150))
    cohort = own.quietly(segment, simulate(attrs.evolve(ORDERED, order=order), seed=1).cohort, rule)
    pair = of(stage_order(cohort, MODEL, rule=rule, draws=999), "disembedding", "avoidance")
    assert pair.adjusted is not None
    assert (pair.adjusted <= 0.05) is discovered
    assert pair.gain.interval is not None
    assert (pair.gain.interval[0] > 0) is discovered


def test_the_result_reads_well_and_goes_into_a_frame() -> None:
    cohort = own.quietly(segment, simulate(ORDERED, seed=1).cohort, RULE)
    result = stage_order(cohort, MODEL, rule=RULE, draws=99)
    assert repr(result) == f"StageOrder('withdrawal-2000': {len(result.pairs)} pairs of stages)"
    for text in ("a reconstruction after", "pair 1: disembedding before qualified_assertion: ", "intervals: 95%, mean over dyads",
                 "adjusted for all pairs", "does not show: that one stage brings the other about"):
        assert text in str(result)
    html = result._repr_html_()
    assert "qualified_assertion" in html
    assert "pair 1" not in html
    frame = to_frame(result)
    assert list(frame.columns) == ["earlier", "later", "share", "gain", "low", "high", "p", "adjusted", "dyads", "episodes",
                                   "pairs of moves"]
    assert len(frame) == len(result.pairs)
    few = found([[("invite", 10), ("qual-assert", 20)]], alpha=0.05)
    assert "(no interval); not tested: " in str(few)
    assert "no interval: an interval needs 8" in str(few)
    assert to_frame(few)["p"].isna().all()
    assert "StageOrder" in few._repr_html_()
    assert result.provenance is not None
    assert result.provenance.seed == 1
