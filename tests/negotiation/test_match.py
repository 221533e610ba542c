"""Match after the end, and the gap it rests on: against levels, gaps and rises worked out turn by turn."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracles_hypotheses as slow
import rupturekit as rk
from needs_studies import BOOK, CODES, PARTIES, SILENT, Said
from oracles_hypotheses import STRAIN, Session, staged, turn_dicts
from oracles_order import arranged
from rupturekit.episode import EpisodeRow
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.negotiation.hypotheses import Hypothesis
from rupturekit.negotiation.imbalance import communion_gap
from rupturekit.negotiation.match import match_after_end
from rupturekit.negotiation.table import Negotiations, negotiations

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

RULE = rk.SegmentationRule(name="whole", opens=("strains_self_definition",), gap=None)
WINDOWS = st.tuples(st.integers(1, 2), st.integers(1, 2))
Staged = Mapping[str, Sequence[Session]]


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    """Draw a session with some turns before, between and after one or two episodes."""
    code = st.sampled_from([*CODES, "cl-ag", "gr-ag", "cl-re", "gr-re", SILENT])
    made = draw(st.lists(st.tuples(st.booleans(), code, st.sampled_from([0, 1, 1, 1, 1])), min_size=12, max_size=24))
    times = list(itertools.accumulate(step for _, _, step in made))
    who = itertools.accumulate((switch for switch, _, _ in made), lambda one, switch: one ^ (switch or one == 0), initial=0)
    moves = [(PARTIES[int(side)], what, when) for side, (_, what, _), when in zip(who, made, times, strict=False)]
    last = times[-1]
    edges = sorted(draw(st.lists(st.integers(0, last), min_size=2, max_size=4, unique=True)) if last > 4 else [0, last])
    spans = [(edges[0], edges[1])] + ([(edges[2], edges[3])] if len(edges) > 3 else [])
    inside = {when for _, _, when in moves}
    return moves, [(low, high) for low, high in spans if any(low <= when <= high for when in inside)]


STUDIES = st.lists(st.lists(sessions(), min_size=1, max_size=2), min_size=1, max_size=2).map(
    lambda dyads: {f"D{at}": held for at, held in enumerate(dyads, start=1)})


def laid(study: Staged) -> dict[str, list[tuple[list[dict[str, Any]], Any]]]:
    return {dyad: [(turn_dicts(moves, spans), spans) for moves, spans in held] for dyad, held in study.items()}


def of(study: Staged, *, k: int = 2, h: int = 2, scale: int = 1, later: int = 0, **more: Any) -> Hypothesis:
    table = negotiations(staged(study, scale=scale, later=later))
    return match_after_end(table, RULE, k=k, h=h, **{"draws": 9, "alpha": 0.999, **more})


def expected_of(study: Staged, *, k: int, h: int) -> dict[str, Fraction]:
    """Return the mean excess of each dyad that has one."""
    found = {}
    for dyad, held in laid(study).items():
        against = slow.baselines([turns for turns, _ in held])
        values = [one for turns, spans in held for span in spans
                  if (one := slow.excess(turns, span, against, k=k, h=h)) is not None]
        if values:
            found[dyad] = sum(values, Fraction()) / len(values)
    return found


# --- the gap -----------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(STUDIES, st.integers(1, 3))
def test_the_gap_is_that_of_levels_worked_out_turn_by_turn(study: Staged, k: int) -> None:
    table = negotiations(staged(study))
    gap = communion_gap(table, k=k)
    expected: list[Fraction | None] = []
    for held in laid(study).values():
        against = slow.baselines([turns for turns, _ in held])
        expected += [one for turns, _ in held for one in slow.gaps(turns, against, k)]
    if not len(table):    # no episode: nothing is looked at
        assume(False)
    assert gap.known.tolist() == [one is not None for one in expected]
    assert gap.gap.tolist() == pytest.approx([float(one or 0) for one in expected])
    assert gap.match.tolist() == pytest.approx([-abs(float(one or 0)) for one in expected])
    assert repr(gap) == f"CommunionGap(k={k}, known after {sum(gap.known)} of {len(expected)} turns)"


@settings(max_examples=30)
@given(STUDIES, st.integers(1, 2))
def test_the_exchange_of_parties_flips_the_gap_and_leaves_the_match(study: Staged, k: int) -> None:
    other = {dyad: [([(PARTIES[1 - PARTIES.index(str(party))], code, when) for party, code, when in moves], spans)
                    for moves, spans in held] for dyad, held in study.items()}
    one, two = (communion_gap(negotiations(staged(held)), k=k) for held in (study, other))
    assert two.gap.tolist() == pytest.approx((-one.gap).tolist())
    assert two.known.tolist() == one.known.tolist()
    assert two.match.tolist() == pytest.approx(one.match.tolist())


def test_a_dyad_with_no_turn_of_a_party_outside_episodes_is_left_out_and_counted() -> None:
    alone = ([("client", STRAIN, 0), ("therapist", "gr-re", 1), ("client", "cl-re", 2), ("client", SILENT, 3)], [(0, 2)])
    gap = communion_gap(negotiations(staged({"D1": [alone]})), k=1)
    assert not gap.known.any()
    assert gap.left_out == {"dyads in which a party has no turn outside episodes": 1}
    assert not gap.gap.any()


def test_other_raters_do_not_enter_the_baseline() -> None:
    moves, rows = [], []
    for dyad, track, number in itertools.product(("D1", "D2"), "abcd", (1, 2)):
        moves += [rk.Move(dyad=dyad, session=number, track=track, party=PARTIES[at % 2], onset=at, row_id=len(moves) + at,
                          code="cl-re" if dyad == "D1" else "cl-ag") for at in range(4)]
        if track in "ad" and number == 1:
            rows.append(EpisodeRow(episode=dyad + track, dyad=dyad, track=track, first_session=1, onset=0, last_session=1, end=3))
    cohort = rk.Cohort.of(moves, coding=rk.Coding(codebook=BOOK), episodes=rows)
    for track in "ad":
        gap = communion_gap(negotiations(cohort, track=track), k=1)
        assert gap.baseline.tolist() == [[1, 1], [0, 0]]
        assert len(gap.known) == 16


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "2", None])
def test_k_and_h_have_to_be_whole_numbers_of_turns(wrong: object) -> None:
    table = negotiations(staged({"D1": [rises(1)]}))
    with pytest.raises(RecordError, match=r"k is .*; expected a whole number of turns, 1 or more"):
        communion_gap(table, k=wrong)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match=r"k is .*; expected a whole number of turns, 1 or more"):
        match_after_end(table, RULE, k=wrong, h=1)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match=r"h is .*; expected a whole number of turns, 1 or more"):
        match_after_end(table, RULE, k=1, h=wrong)  # type: ignore[arg-type]


def test_k_and_h_have_no_default() -> None:
    table = negotiations(staged({"D1": [rises(1)]}))
    with pytest.raises(TypeError, match="k"):
        communion_gap(table)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="h"):
        match_after_end(table, RULE, k=1)  # type: ignore[call-arg]


# --- the hypothesis ------------------------------------------------------------------------------------------------------


def rises(shift: int) -> Session:
    """Return a session in which the therapist alone is warm until the end, and both are after it."""
    codes = [SILENT, "gr-re", SILENT, SILENT, STRAIN, "gr-re", "cl-ag", "gr-re", "ct-ag", "gr-re", "cl-ag", "gr-ag", "cl-re", "gr-re",
             "cl-re", "gr-re", "gr-re", "cl-re", SILENT, SILENT]
    if shift % 3 == 0:
        codes[7], codes[13] = SILENT, SILENT
    return [(PARTIES[at % 2], code, at) for at, code in enumerate(codes)], [(4, 17)]


def many(n: int) -> Staged:
    return {f"D{at}": [rises(at), rises(at + 1)] for at in range(n)}


@settings(max_examples=80)
@given(STUDIES, WINDOWS)
def test_the_rise_is_that_of_the_episodes_worked_out_turn_by_turn(study: Staged, kh: tuple[int, int]) -> None:
    k, h = kh
    expected = expected_of(study, k=k, h=h)
    if not expected:
        with pytest.raises(NotEstimable, match=f"no negotiation ended at a turn with {h} turns"):
            of(study, k=k, h=h)
        return
    try:
        found = of(study, k=k, h=h)
    except NotEnoughData:    # a single arrangement
        assume(False)
    assert found.estimate.value == pytest.approx(float(sum(expected.values(), Fraction()) / len(expected)))
    assert found.estimate.n["dyads"] == len(expected)
    spans = [(turns, span, dyad) for dyad, held in laid(study).items() for turns, all_spans in held for span in all_spans]
    against = {dyad: slow.baselines([turns for turns, _ in held]) for dyad, held in laid(study).items()}
    ended = sum(slow.excess(turns, span, against[dyad], k=k, h=h) is not None for turns, span, dyad in spans)
    assert found.estimate.n["episodes with an end"] == ended
    assert ended + sum(n for why, n in found.left_out.items() if why.startswith("episodes")) == len(spans)


def test_worked_out_on_paper() -> None:
    """One own turn a level, one turn before and after; baselines 0 and 1/2."""
    moves: list[Said] = [(PARTIES[at % 2], code, at) for at, code in enumerate(
        [SILENT, "gr-re", SILENT, SILENT, "cl-ag", "gr-ag", "cl-re", "gr-re", SILENT, SILENT])]
    # levels of the client after turns 0-9: 0 0 0 0 0 0 1 1 0 0; of the therapist: - 1 1 0 0 0 0 1 1 0; less 0 and 1/2
    gap = communion_gap(negotiations(staged({"D1": [(moves, [(4, 8)])]})), k=1)
    assert gap.baseline.tolist() == [[0, pytest.approx(1 / 3)]]
    moved = [(party, code, when) for party, code, when in moves] + [("therapist", "gr-re", 11)]
    gap = communion_gap(negotiations(staged({"D1": [(moved, [(4, 8)])]})), k=1)
    assert gap.baseline.tolist() == [[0, 0.5]]
    assert gap.gap.tolist() == [0, -0.5, -0.5, 0.5, 0.5, 0.5, 1.5, 0.5, -0.5, 0.5, -0.5]
    # rises at turns 4..8, after minus before, of -|gap|: 0, -1.5 + .5, 0, 1, 0; the end is turn 5: -1 - (1 / 4)
    assert of({"D1": [(moved, [(4, 8)])]}, k=1, h=1).estimate.value == pytest.approx(-1.25)


def test_p_and_mean_are_those_of_every_arrangement_that_has_an_end() -> None:
    codes = [SILENT, "gr-re", SILENT, SILENT, STRAIN, "gr-re", "cl-ag", "gr-ag", "cl-re", "gr-re", "cl-re", "gr-ag", SILENT, SILENT]
    session = ([(PARTIES[at % 2], code, at) for at, code in enumerate(codes)], [(4, 12)])
    turns = turn_dicts(*session)
    against = slow.baselines([turns])
    kinds = [turn["acts"] for turn in turns]
    places = [at for at, turn in enumerate(turns) if turn["inside"]]
    values = []
    for way in arranged("turns", [turns[at]["party"] for at in places], [kinds.index(kinds[at]) for at in places],
                        [turns[at]["held"] for at in places]):
        changed = [dict(turn) for turn in turns]
        for at, kind in zip(places, way, strict=True):
            changed[at]["acts"] = kinds[kind]
        values.append(slow.excess(changed, session[1][0], against, k=1, h=1))
    given_one = [one for one in values if one is not None]
    seen = slow.excess(turns, session[1][0], against, k=1, h=1)
    assert seen is not None
    assert None in values
    found = of({"D1": [session]}, k=1, h=1, draws=2999).estimate
    assert found.value == pytest.approx(float(seen))
    assert found.test is not None
    assert found.test.p == pytest.approx(sum(one >= seen for one in given_one) / len(given_one), abs=0.04)
    assert "arrangements gave no value and are not counted" in found.test.holds
    assert found.test.expected == pytest.approx(float(sum(given_one, Fraction()) / len(given_one)), abs=0.05)


@settings(max_examples=15)
@given(STUDIES, st.integers(1, 3), st.integers(0, 10**9))
def test_time_shift_and_scale_and_the_exchange_of_parties_move_nothing(study: Staged, scale: int, later: int) -> None:
    assume(expected_of(study, k=1, h=1))
    other = {dyad: [([(PARTIES[1 - PARTIES.index(str(party))], code, when) for party, code, when in moves], spans)
                    for moves, spans in held] for dyad, held in study.items()}
    try:
        found = of(study, k=1, h=1)
    except NotEnoughData:
        assume(False)
    assert of(other, k=1, h=1).estimate.value == pytest.approx(found.estimate.value)
    assert of(study, k=1, h=1, scale=scale, later=later).estimate.test == found.estimate.test


def test_the_same_seed_gives_the_same_and_the_order_of_episodes_changes_nothing() -> None:
    cohort = staged(many(4))
    other = rk.Cohort.of(list(cohort.moves)[::-1], coding=cohort.coding, episodes=list(cohort.coded.rows)[::-1])
    tables: list[Negotiations] = [negotiations(one) for one in (cohort, cohort, other)]
    one, same, turned = (match_after_end(table, RULE, k=2, h=2, draws=99) for table in tables)
    assert one == same
    assert (turned.estimate.value, turned.estimate.test) == (one.estimate.value, one.estimate.test)
    assert match_after_end(tables[0], RULE, k=2, h=2, draws=99, seed=2).estimate.test != one.estimate.test


def test_many_dyads_have_an_interval_and_one_has_none() -> None:
    found = of(many(10), draws=99)
    assert found.estimate.interval is not None
    assert found.estimate.value > 0
    assert "(k = 2, h = 2 turns)" in found.estimate.what
    assert "does not show: that anybody felt more related" in str(found)
    single = of(many(1))
    assert single.estimate.interval is None
    assert "independent" in single.estimate.no_interval


def test_all_values_alike_have_no_interval() -> None:
    assert of({f"D{at}": [rises(1)] for at in range(9)}).estimate.interval is None


@pytest.mark.parametrize(("study", "why"), [
    ({"D1": [([("client", "cl-ag", 0), ("therapist", "gr-ag", 1)], [(0, 1)])]}, "1 episodes without two turns"),
    ({"D1": [([("client", "cl-ag", at) for at in range(9)], [(3, 6)])]}, "1 dyads in which a party has no turn"),
    ({"D1": [([(PARTIES[at % 2], SILENT, at) for at in range(14)], [(3, 10)])]}, "no negotiation ended"),
])
def test_what_cannot_be_compared_says_so(study: Staged, why: str) -> None:
    with pytest.raises(NotEstimable, match=why):
        of(study)


@pytest.mark.parametrize("null", ["free", "interleaving", "none"])
def test_nulls_that_make_no_sense_here_are_refused(null: str) -> None:
    with pytest.raises(RecordError, match="expected one of turns, runs"):
        of(many(1), null=null)


def test_runs_may_be_kept_whole() -> None:
    found = of(many(3), null="runs", draws=99)
    assert found.estimate.test is not None
    assert found.estimate.test.null == "runs"
    assert np.isfinite(found.estimate.test.expected)
