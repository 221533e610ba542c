"""What the one road and the command `order` say of specificity and of pairs of stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from rupturekit.analysis import Analysis, analyse
from rupturekit.cli import main
from rupturekit.conformance.costs import AlignmentCosts
from rupturekit.conformance.specificity import order_specificity
from rupturekit.conformance.stages import stage_order
from rupturekit.example import example_cohort
from rupturekit.plan import Plan
from rupturekit.results import from_json, to_json

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("order") / "demo"
    assert main(["example", str(folder)]) == 0
    return folder


def done(**more: object) -> Analysis:
    return analyse(example_cohort(), Plan(model="withdrawal-2000", track="r1", **more))


def test_the_one_road_leads_to_the_same_results_which_come_back_from_json() -> None:
    held = done()
    dear = AlignmentCosts(skipped=2)
    for found, asked in ((held.order_specificity(costs=dear, seed=2), order_specificity(held.cohort, held.model, rule=held.rule, costs=dear, seed=2)),
                         (held.stage_order(draws=99, seed=2), stage_order(held.cohort, held.model, rule=held.rule, draws=99, seed=2))):
        assert found == asked
        back = from_json(to_json(found))
        assert back == found
        assert back.provenance == found.provenance
        assert str(back) == str(found)


def test_the_plan_says_which_episodes() -> None:
    every = done(any_type=True)
    assert every.order_specificity().beyond_set.n["episodes"] > done().order_specificity().beyond_set.n["episodes"]
    assert every.stage_order(draws=99).left_out.keys() < done().stage_order(draws=99).left_out.keys()


def test_stages_are_told_as_they_begin() -> None:
    told: list[str] = []
    held = analyse(example_cohort(), Plan(model="withdrawal-2000", track="r1"), tell=told.append)
    held.order_specificity()
    held.stage_order(draws=99)
    assert told[-2].startswith("aligning ")
    assert told[-2].endswith(" to models in other orders")
    assert told[-1].startswith("comparing stages in ")


def said(capsys: pytest.CaptureFixture[str], demo: Path, *more: str) -> str:
    capsys.readouterr()
    assert main(["order", str(demo), "--model", "withdrawal-2000", "--track", "r1", "--draws", "99", *more]) == 0
    return capsys.readouterr().out


def test_pairs_and_specificity_are_printed_where_asked_for(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, pairs, both = (said(capsys, demo, *more) for more in ((), ("--pairs",), ("--specificity", "--pairs")))
    assert "steps that exchange places" not in plain
    assert pairs.startswith(plain)
    assert "\npair 1: disembedding before qualified_assertion: " in pairs
    assert both.startswith(pairs)
    assert "\nrank by gain: 1 of 6; " in both


def test_what_cannot_be_said_is_a_sentence(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, demo, "--specificity", "--model", "3rs-native")
    assert "\nnot estimable: 3rs-native states no order among renegotiation, exploration" in out

