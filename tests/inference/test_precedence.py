"""Stage precedence: against every pair and every arrangement, with what segmentation fixed held."""

from __future__ import annotations

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_order as slow
import rupturekit as rk
from rupturekit.analysis import analyse
from rupturekit.episode import Dyad
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.example import example_cohort
from rupturekit.inference.nulls import Null
from rupturekit.inference.precedence import StagePrecedence, stage_precedence, stage_ranks
from rupturekit.state_machine import read_model
from rupturekit.traces import TraceTable

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

RULE = rk.SegmentationRule(name="whole", opens=("withdrawal_marker",), gap=None)
CODES = [("client", "qual-assert"), ("client", "self-assert"), ("therapist", "invite"), ("therapist", "facilitate"), ("client", "wd")]


def traced(sessions: list[list[tuple[str, str, int]]], rule: rk.SegmentationRule = RULE, **more: object) -> TraceTable:
    """Trace sessions of one dyad each: (party, code, seconds)."""
    moves = [rk.Move(dyad=f"D{at:02d}", session=1, track="r1", party=party, code=code, onset=rk.seconds(when),
                     row_id=100 * at + row, tie=row)
             for at, session in enumerate(sessions) for row, (party, code, when) in enumerate(session)]
    cohort = rk.Cohort.of(moves, coding=rk.Coding(codebook=rk.load_codebook("stages")), **more)  # type: ignore[arg-type]
    return analyse(cohort, rk.Plan(model="withdrawal-2000", segmentation=rule)).traces


def session(kinds: list[int], steps: list[int]) -> list[tuple[str, str, int]]:
    times = itertools.accumulate(steps, initial=5)
    return [("client", "wd", 0), *((*CODES[kind], when) for kind, when in zip(kinds, times, strict=False))]


STAGE = {"invite": 1, "qual-assert": 2, "self-assert": 3, "facilitate": 2, "wd": 0}


def free_ranks(moves: list[tuple[str, str, int]]) -> list[int]:
    return [-1 if code == "wd" else STAGE[code] for _, code, _ in moves]


SESSIONS = st.lists(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=2, max_size=5).map(
        lambda pairs: session([kind for kind, _ in pairs], [step for _, step in pairs])), min_size=1, max_size=4)


def test_the_codes_used_here_stand_where_the_model_puts_them() -> None:
    assert stage_ranks(rk.load_model("withdrawal-2000")) == {
        "withdrawal": 0, "disembedding": 1, "qualified_assertion": 2, "avoidance": 3, "self_assertion": 3}


@settings(max_examples=25)
@given(SESSIONS)
def test_the_probability_is_that_over_all_pairs_dyads_alike(sessions: list[list[tuple[str, str, int]]]) -> None:
    shares = []
    for moves in sessions:
        ranks = free_ranks(moves)
        pairs = sum(min(a, b) >= 0 and a != b for a, b in itertools.combinations(ranks, 2))
        if pairs:
            shares.append(Fraction(slow.twice_in_order(ranks, [when for _, _, when in moves]), 2 * pairs))
    try:
        found = stage_precedence(traced(sessions), RULE, draws=99, alpha=0.99)
    except (NotEstimable, NotEnoughData):
        return
    assert found.probability.value == pytest.approx(float(sum(shares) / len(shares)))
    assert found.probability.n["dyads"] == len(shares)


@pytest.mark.parametrize("null", list(Null))
def test_p_and_gain_are_those_of_all_arrangements(null: Null) -> None:
    moves = session([2, 0, 0, 3, 1], [10, 10, 10, 10])
    found = stage_precedence(traced([moves]), RULE, null=null, draws=9999, alpha=0.9)
    held = [False] * len(moves) if null is Null.FREE else [code == "wd" for _, code, _ in moves]
    kinds = sorted({code for _, code, _ in moves})
    instant = [when for _, _, when in moves]

    def twice(codes: tuple[str, ...]) -> int:
        return slow.twice_in_order([-1 if hold else STAGE[code] for code, hold in zip(codes, held, strict=True)], instant)

    ways = [twice(tuple(kinds[one] for one in way)) for way in slow.arranged(
        null.value, [0 if party == "client" else 1 for party, _, _ in moves],
        [kinds.index(code) for _, code, _ in moves], held)]
    observed = twice(tuple(code for _, code, _ in moves))
    exact = sum(way >= observed for way in ways) / len(ways)
    assert found.gain.test is not None
    assert found.gain.test.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 9999) ** 0.5 + 1e-3)
    assert found.gain.test.null == null.value
    pairs = sum(n * m for n, m in itertools.combinations(Counter(
        STAGE[code] for (_, code, _), hold in zip(moves, held, strict=True) if not hold).values(), 2))
    spread = (sum((way - sum(ways) / len(ways)) ** 2 for way in ways) / len(ways)) ** 0.5
    assert found.gain.value == pytest.approx((observed - sum(ways) / len(ways)) / (2 * pairs),
                                             abs=4 * spread / (2 * pairs) / 100)


def test_the_shuffle_that_holds_nothing_is_warned_of() -> None:
    found = stage_precedence(traced([session([2, 0, 0, 3, 1], [9] * 4)] * 3), RULE, null=Null.FREE)
    assert any("rejects too often" in text for text in found.gain.warnings)


@pytest.fixture(scope="module")
def example() -> tuple[TraceTable, rk.SegmentationRule]:
    done = analyse(example_cohort(), rk.Plan(model="withdrawal-2000", track="r1", segmentation=RULE))
    return done.traces, RULE


def test_parts_threads_and_processes_give_the_same_bits(example: tuple[TraceTable, rk.SegmentationRule],
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    whole = stage_precedence(*example, draws=299)
    for part in (1, 2, 7):
        monkeypatch.setattr("rupturekit.inference.precedence._PART", part)
        assert stage_precedence(*example, draws=299) == whole
    with ThreadPoolExecutor(2) as pool:
        assert stage_precedence(*example, draws=299, executor=pool) == whole
    assert stage_precedence(*example, draws=299, executor="processes", workers=2) == whole
    assert stage_precedence(*example, draws=299, seed=2) != whole


def test_order_of_the_episodes_changes_nothing(example: tuple[TraceTable, rk.SegmentationRule]) -> None:
    table, rule = example
    cohort, episodes = table.cohort, table.episodes
    turned = rk.trace_cohort(cohort.with_episodes(episodes.take(slice(None, None, -1)), rule=cohort.rule), table.model)
    mine, theirs = stage_precedence(table, rule, draws=199), stage_precedence(turned, rule, draws=199)
    assert mine.gain == theirs.gain
    assert mine.probability == theirs.probability


def test_built_in_order_is_found_and_read_out(example: tuple[TraceTable, rk.SegmentationRule]) -> None:
    found = stage_precedence(*example)
    assert isinstance(found, StagePrecedence)
    assert found.gain.test is not None
    assert found.gain.test.p < 0.05
    assert repr(found).startswith("StagePrecedence(0.")
    assert "moves held, since the rule looks at them" in str(found)
    assert "Phipson" in found.gain.methods()
    assert found.gain.provenance is not None
    assert found.gain.provenance.seed == 1


def test_stopping_early_gives_a_gain_from_the_draws_used(example: tuple[TraceTable, rk.SegmentationRule]) -> None:
    found = stage_precedence(*example, stop_after=3, alternative="less")
    assert found.gain.test is not None
    assert found.gain.test.draws < 100
    whole = stage_precedence(*example, draws=found.gain.test.draws, alpha=0.9, alternative="less")
    assert whole.gain.value == found.gain.value


def test_coders_episodes_hold_their_first_and_last_instant() -> None:
    done = analyse(example_cohort(), rk.Plan(model="withdrawal-2000", track="r1"))
    coded = done.traces.episodes.rows.words("source").count("coders")
    assert coded > 0
    bare = attrs.evolve(RULE, opens=("notices",))    # a rule that looks at hardly anything
    found = stage_precedence(done.traces, bare)
    assert found.left_out["moves held, since the rule looks at them"] >= 2 * coded


def test_intervals_rest_on_the_level_asked_for() -> None:
    sessions = [session([2, at % 2, 1, 3, 0], [9] * 4) for at in range(9)]
    dyads = [Dyad(dyad=f"D{at:02d}", therapist=f"T{at // 2}") for at in range(9)]
    table = traced(sessions, dyads=dyads)
    governed, asked = stage_precedence(table, RULE), stage_precedence(table, RULE, level="dyad")
    assert (governed.gain.governed_by, governed.gain.interval) == ("therapist", None)
    assert "there are 5" in governed.gain.no_interval
    assert asked.gain.interval is not None
    assert any("usually are not" in text for text in asked.gain.warnings)


def test_too_little_for_a_test_is_said() -> None:
    with pytest.raises(NotEnoughData, match="smallest p attainable"):
        stage_precedence(traced([session([2, 0, 1], [9] * 4)]), RULE)
    with pytest.raises(NotEstimable, match="no episode holds two free moves"):
        stage_precedence(traced([session([4, 4], [9] * 4)]), RULE)


def test_other_stages_can_be_named(example: tuple[TraceTable, rk.SegmentationRule]) -> None:
    table, rule = example
    own = stage_precedence(table, rule, stages={"disembedding": 0, "self_assertion": 1})
    assert own.ranks == {"disembedding": 0, "self_assertion": 1}
    assert own.probability.n["pairs of moves"] < stage_precedence(table, rule).probability.n["pairs of moves"]
    for wrong, told in (({"disembeding": 1}, "did you mean"), ({"disembedding": 100}, "from 0 to 99")):
        with pytest.raises(RecordError, match=told):
            stage_precedence(table, rule, stages=wrong)
    with pytest.raises(NotEstimable, match="one rank"):
        stage_precedence(table, rule, stages={"disembedding": 1})


GUARDED = """
format = 1
name = "guarded"
title = "Guarded"
source = "invented"
type = "any"
[[states]]
name = "a"
phase = "rupture"
initial = true
evidence = "assumption"
[[states]]
name = "b"
phase = "repair"
end = true
evidence = "assumption"
[[transitions]]
from = "a"
to = "b"
when = { function = ["validates"], max_seconds = 60, since = "previous" }
evidence = "assumption"
"""


def test_a_model_that_looks_at_time_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "guarded.toml"
    file.write_text(GUARDED)
    table = traced([session([3, 1], [9, 9])])
    guarded = rk.trace_cohort(table.cohort, read_model(file), any_type=True)
    with pytest.raises(NotEstimable, match="elapsed time"):
        stage_precedence(guarded, RULE)
