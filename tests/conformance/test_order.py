"""Order gain: against every arrangement written out, with what segmentation fixed held."""

from __future__ import annotations

import functools
import itertools
import statistics
from typing import Any

import attrs
import numpy as np
import pytest

from rupturekit._kernels.alignment import Table
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import align_cohort
from rupturekit.conformance.costs import AlignmentCosts, Substitution
from rupturekit.conformance.order import OrderGain, order_gain
from rupturekit.episode import Coding, Move, seconds
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.frames import to_frame
from rupturekit.inference import nulls
from rupturekit.inference.nulls import Null
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.state_machine import load_model

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

RULE = SegmentationRule(name="whole", opens=("withdrawal_marker",), gap=None)
MODEL = "withdrawal-2000"
Said = list[tuple[str, str]]
OPENING: Said = [("client", "wd")]
INNER: Said = [("therapist", "invite"), ("client", "qual-assert"), ("therapist", "facilitate"), ("client", "self-assert")]


def cut(sessions: list[Said]) -> Cohort:
    """Return one dyad a session, cut into episodes."""
    moves = [Move(dyad=f"D{at:02d}", session=1, track="r1", party=party, code=code, onset=seconds(10 * place),
                  row_id=100 * at + place)
             for at, session in enumerate(sessions) for place, (party, code) in enumerate(session)]
    return segment(Cohort.of(moves, coding=Coding(codebook=load_codebook("stages"))), RULE)


def gain(sessions: list[Said], **more: Any) -> OrderGain:
    return order_gain(cut(sessions), MODEL, rule=RULE, **{"draws": 999, "alpha": 0.9, **more})


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


def cost(session: Said, costs: AlignmentCosts | None = None) -> int:
    return int(align_cohort(cut([session]), MODEL, costs=costs).cost[0])


def test_gain_and_p_are_those_of_all_arrangements() -> None:
    session = [*OPENING, *INNER]
    costs = [cost(laid) for laid in every_order(session)]
    found = gain([session], draws=9_999)
    assert found.gain.value == pytest.approx(1 - cost(session) / statistics.mean(costs), abs=0.02)
    test = found.gain.test
    assert test is not None
    assert test.p == pytest.approx(sum(one <= cost(session) for one in costs) / len(costs), abs=0.02)
    assert test.expected == pytest.approx(0, abs=0.02)


def test_what_stands_in_may_be_priced_by_what_it_does() -> None:
    session = [*OPENING, ("therapist", "invite"), ("client", "self-assert"), ("therapist", "rationale"), ("client", "reflect"),
               ("client", "link")]
    priced = AlignmentCosts(skipped=3, off_model=3, substitutions=(
        Substitution(had="gives_rationale", cost=1), Substitution(had="links_pattern", cost=2)))
    costs = [cost(laid, priced) for laid in every_order(session)]
    assert statistics.mean(costs) < statistics.mean(cost(laid, attrs.evolve(priced, substitutions=()))
                                                    for laid in every_order(session))
    found = gain([session], draws=9_999, costs=priced)
    assert found.gain.value == pytest.approx(1 - cost(session, priced) / statistics.mean(costs), abs=0.02)


def test_nothing_is_never_drawn() -> None:
    for draws in (0, -5):
        with pytest.raises(RecordError, match=f"draws is {draws}; expected 1 or more"):
            gain([[*OPENING, *INNER]], draws=draws)


def test_how_much_is_drawn_at_once_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = [[*OPENING, *INNER], [*OPENING, *INNER[::-1]]]
    whole = gain(sessions)
    monkeypatch.setattr(nulls, "_ENTRIES", 50)
    monkeypatch.setattr(nulls, "_FEWEST", 7)
    assert gain(sessions) == whole


def test_costs_are_summed_within_a_dyad_and_dyads_count_alike() -> None:
    sessions = [[*OPENING, *INNER], [*OPENING, *INNER[::-1]], [*OPENING, *INNER, *INNER]]
    found = gain(sessions, draws=4_999)
    singly = [gain([session], draws=4_999).gain.value for session in sessions]
    assert found.gain.value == pytest.approx(statistics.mean(singly), abs=0.03)
    assert found.gain.n == {"dyads": 3, "episodes": 3}
    assert [round(value or 0, 1) for value in found.episodes.values()] == [round(value, 1) for value in singly]


def test_what_costs_nothing_in_any_order_has_no_gain_and_is_counted() -> None:
    free = AlignmentCosts(skipped=0, off_model=0)
    with pytest.raises(NotEstimable, match="no episode costs anything under the null"):
        gain([[*OPENING, *INNER]], costs=free)
    both = gain([[*OPENING, *INNER], [*OPENING, ("client", "self-assert"), ("client", "self-assert")]])
    assert "episodes without moves that can be exchanged" in both.left_out
    with pytest.raises(NotEstimable, match="1 episodes without moves that can be exchanged"):
        gain([[*OPENING, ("client", "self-assert")]])


def test_too_few_arrangements_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="smallest p attainable"):
        gain([[*OPENING, *INNER]], alpha=0.01)


def test_the_table_and_the_programme_give_one_result(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = [[*OPENING, *INNER, *INNER], [*OPENING, *INNER[::-1]]]
    quick = gain(sessions)
    monkeypatch.setattr("rupturekit.conformance.order.Table", functools.partial(Table, most=0))
    assert gain(sessions) == quick


@pytest.mark.parametrize("null", list(Null))
def test_each_null_is_drawn_and_the_free_one_warned_of(null: Null) -> None:
    found = gain([[*OPENING, *INNER, *INNER]], null=null)
    assert found.gain.test is not None
    assert found.gain.test.null == null.value
    assert any("nothing is kept" in text for text in found.gain.warnings) is (null is Null.FREE)


def test_built_in_order_is_found_and_its_absence_is_not() -> None:
    ordered = Design(dyads=12, sessions=1, turns=(40, 40), onset=0.1, order=0.9, dwell=1.5, lapse=0.0)
    found = [order_gain(segment(simulate(design, seed=1).cohort, RULE), design.model, rule=RULE, draws=199)
             for design in (ordered, attrs.evolve(ordered, order=0.0))]
    assert [held.gain.test is not None and held.gain.test.p < 0.05 for held in found] == [True, False]
    assert found[0].gain.value > 0.3
    assert abs(found[1].gain.value) < 0.2


def test_the_same_seed_gives_the_same_result_in_any_order_of_dyads() -> None:
    sessions = [[*OPENING, *INNER], [*OPENING, *INNER[::-1]], [*OPENING, *INNER, *INNER]]
    assert gain(sessions) == gain(sessions)
    assert gain(sessions, seed=2).gain.value != gain(sessions).gain.value


def test_the_two_questions_are_kept_apart() -> None:
    ordered = Design(dyads=12, sessions=1, turns=(40, 40), onset=0.1, order=0.9, dwell=1.5, lapse=0.0)
    said = {}
    for order in (0.9, 0.0):
        design = attrs.evolve(ordered, order=order)
        found = order_gain(segment(simulate(design, seed=1).cohort, RULE), MODEL, rule=RULE, draws=199)
        lines = dict(found.lines())
        assert lines["is there any order?"] == "the test above: its null is that no episode of any dyad has order"
        said[order] = lines["is the mean gain above 0?"]
    assert said == {0.9: "the interval above lies above 0", 0.0: "the interval above holds 0, or lies below it"}
    assert dict(gain([[*OPENING, *INNER]]).lines())["is the mean gain above 0?"] == "cannot be said without an interval"


def test_what_cannot_be_exchanged_or_cannot_end_is_refused() -> None:
    model, held = load_model(MODEL), cut([[*OPENING, *INNER]])
    timed = attrs.evolve(model, transitions=tuple(
        attrs.evolve(one, when=attrs.evolve(one.when, max_elapsed=10)) if one.when else one for one in model.transitions))
    with pytest.raises(NotEstimable, match="withdrawal-2000 has guards on elapsed time"):
        order_gain(held, timed, rule=RULE)
    stuck = attrs.evolve(model, transitions=tuple(one for one in model.transitions if one.target != "self_assertion"))
    with pytest.raises(NotEstimable, match=r"no way leads from 'withdrawal' of withdrawal-2000 .*accepted is: completed"):
        order_gain(held, stuck, rule=RULE)


def test_an_episode_without_a_gain_is_absent_in_the_frame() -> None:
    both = gain([[*OPENING, *INNER], [*OPENING, ("therapist", "invite"), ("therapist", "own-part")]],
                costs=AlignmentCosts(accept="any_prefix"))
    frame = to_frame(both)
    assert list(frame.columns) == ["episode", "gain"]
    assert len(frame) == len(both.episodes) == 2
    assert frame["gain"].isna().tolist() == [False, True]
    assert both.gain.provenance is not None
    assert both.provenance is both.gain.provenance
    assert "any_prefix" in both.gain.provenance.rules[-1]
    assert both.dyads == {"D00": both.gain.value, "D01": None}
    assert both.gain.n == {"dyads": 1, "episodes": 1}
    assert both.left_out == {"dyads without a gain, since no order of their moves costs anything": 1}
    assert "no order of their moves costs anything: 1" in str(both)


def test_the_result_reads_well() -> None:
    found = gain([[*OPENING, *INNER]])
    assert repr(found).startswith("OrderGain('withdrawal-2000'")
    assert "a reconstruction after" in str(found)
    assert "does not show" in str(found)
    assert "OrderGain" in found._repr_html_()
    assert np.isfinite(found.gain.value)
