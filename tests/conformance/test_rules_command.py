"""The command `rules`, and the road that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from rupturekit.analysis import analyse
from rupturekit.cli import main
from rupturekit.conformance.rules_chance import RuleLift
from rupturekit.example import example_cohort
from rupturekit.plan import Plan

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules") / "demo"
    assert main(["example", str(folder)]) == 0
    return folder


def said(capsys: pytest.CaptureFixture[str], demo: Path, *more: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["rules", str(demo), "--track", "r1", *more]) == code
    told = capsys.readouterr()
    return told.err if code else told.out


def test_rules_prints_counts_chance_and_evidence(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, demo, "--rules", "resolution", "--draws", "99")
    assert "by resolution: What resolution of a rupture is said to need, rule by rule; rules: 1 read, 3 secondary, " in out
    assert "\nmarker answered: after each move of client: " in out
    assert "\n  found: 48 activations, 47 fulfilled (98% of those decided), 1 violated, 0 undecided; 1 of 34 episodes vacuous\n" in out
    assert "\n  against chance: 0.977 (no interval; 11 dyads) fulfilled, " in out
    assert "does not show: " in out
    assert said(capsys, demo, "--rules", "resolution", "--draws", "99", "--seed", "2") != out


def test_rules_counts_alone_and_tells_episodes(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, demo, "--rules", "resolution", "--no-chance")
    assert "RuleChecks(34 episodes by RuleSet('resolution', 10 rules))" in out
    assert "by chance" not in out
    told = said(capsys, demo, "--rules", "resolution", "--episode", "V1-E1", "--episode", "V1-E1")
    assert told.count("Episode V1-E1 by the rules resolution:\n") == 2
    assert "    fulfilled at move 33 (client wd, 12:30)\n" in told
    assert "no rules were checked in an episode 'nobody'" in said(
        capsys, demo, "--rules", "resolution", "--episode", "nobody", code=1)


def test_rules_of_ones_own_are_read_and_mistakes_told(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('format = 1\nname = "mine"\ntitle = "Mine"\n[[rules]]\nname = "soon"\nkind = "response"\nevidence = "assumption"\n'
                    'within = "2 min"\nwhen = { code = "wd" }\nthen = { party = "therapist", function = "notices" }\n', encoding="utf-8")
    assert "\nsoon: after each move of either: code wd, therapist: notices comes within 2 min (assumption)\n" in said(
        capsys, demo, "--rules", str(file), "--draws", "99")
    file.write_text("format = 1", encoding="utf-8")
    assert "3 mistakes in this rule set" in said(capsys, demo, "--rules", str(file), code=1)
    assert "there is no rule set 'nothing'" in said(capsys, demo, "--rules", "nothing", code=1)
    assert "expected at least 1 draw but got -5" in said(capsys, demo, "--rules", "resolution", "--draws", "-5", code=1)


def test_an_analysis_takes_the_same_road() -> None:
    told: list[str] = []
    done = analyse(example_cohort(), Plan(track="r1"), tell=told.append)
    checks = done.rules("resolution")
    found = done.rule_lifts("resolution", draws=99)
    assert found.totals == checks.totals()
    assert checks.provenance.track == "r1"
    assert isinstance(found.lifts["marker answered soon"], RuleLift)
    assert told[-2:] == [f"holding {len(checks)} episodes against rules", "and 99 arrangements of each"]
