"""The tool that holds order gain to streams of known truth, and the page that says what it found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import known_order
import stale_results
from rupturekit.errors import NotEnoughData, NotEstimable
from rupturekit.inference.estimate import Estimate
from rupturekit.simulation.cohorts import simulate
from rupturekit.vocabulary import EpisodeSource

ROOT = Path(__file__).resolve().parents[1]
UNORDERED = known_order.UNORDERED


def test_every_session_is_one_episode_of_coders() -> None:
    cohort = simulate(UNORDERED, seed=1).cohort
    coded = known_order.as_coded(cohort)
    assert len(coded.coded) == UNORDERED.dyads * UNORDERED.sessions
    assert {row.source for row in coded.coded.rows} == {EpisodeSource.CODERS}
    cut = known_order.drawn(UNORDERED, known_order.CODERS, seed=1)
    assert int(cut.columns.lengths.sum()) == len(cohort.moves)


@pytest.mark.parametrize("rule", list(known_order.RULES))
def test_a_run_depends_on_its_seed_alone(rule: str) -> None:
    one, again, other = (known_order.gain_of(UNORDERED, rule, seed=seed) for seed in (1, 1, 2))
    assert isinstance(one, Estimate)
    assert one == again
    assert one != other


def test_a_refused_run_is_counted_apart() -> None:
    refusal = NotEnoughData("too few", needed=2, found=1)
    held = [known_order.gain_of(UNORDERED, "whole session", seed=seed) for seed in range(3)] + [refusal]
    with pytest.raises(NotEnoughData, match="too few"):
        known_order.test_of(held, 3)
    row = known_order.row_of(held)
    assert (row["runs"], row["refused"]) == (3, {"NotEnoughData": 1})
    assert row["gain"] == pytest.approx(sum(one.value for one in held if isinstance(one, Estimate)) / 3)
    with pytest.raises(NotEstimable):
        known_order.row_of([refusal])


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def test_the_page_says_what_was_measured() -> None:
    kept = json.loads((ROOT / stale_results.RESULTS / "order_level.json").read_text(encoding="utf-8"))
    page = " ".join((ROOT / "docs" / "explanation" / "order.md").read_text(encoding="utf-8").split())
    assert f"{kept['n']:,} studies of {kept['dyads']} dyads each" in page
    for row in kept["rows"]:
        name = "whole session, two dyads a therapist" if row["dyads"] != "one by one" else row["rule"]
        shares = " | ".join(percent(row["rejected"][alpha]) for alpha in ("0.01", "0.05", "0.1"))
        assert f"| {name} | {shares} | {row['mid_p']:.3f} | {row['gain']:+.4f} ({row['gain_error']:.4f}) |" in page
    for row in kept["free shuffle"]:
        assert f"{percent(row['rejected']['0.05'])} ({row['rule']})" in page
    for row in kept["power"]:
        assert f"{percent(row['share'])} with {row['dyads']} dyads whose turns follow the model in {row['order']:.0%}" in page
    order, none = kept["specificity"]["order"], kept["specificity"]["no order"]
    assert f"first by cost in {percent(none['cheapest of all'])} and first by gain in {percent(none['largest gain of all'])}" in page
    assert f"of the others {percent(none['mean share of the others with a larger gain'])} gained more" in page
    assert f"first by gain in {percent(order['largest gain of all'])} of studies with order" in page
