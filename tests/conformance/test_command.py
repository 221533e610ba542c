"""The commands `align`, `order` and `compare`."""

from __future__ import annotations

from pathlib import Path

import pytest

from rupturekit.cli import main

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("align") / "demo"
    assert main(["example", str(folder)]) == 0
    return folder


def said(capsys: pytest.CaptureFixture[str], demo: Path, *more: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["align", str(demo), "--model", "withdrawal-2000", "--track", "r1", *more]) == code
    told = capsys.readouterr()
    return told.err if code else told.out


def test_align_prints_fit_and_deviations(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, demo)
    assert "costs skipped 1, off-model 1, no substitution, accepts completed\n" in out
    assert "mean model fit 0." in out
    assert "\nskipped: " in out
    assert out.endswith("substituted: none\n")


def test_align_tells_episodes_step_by_step(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, demo, "--episode", "V1-E1", "--accept", "any_prefix", "--substituted", "1")
    assert out.startswith("Episode V1-E1 along withdrawal-2000 (")
    assert "no alignment of episode 'nobody'" in said(capsys, demo, "--episode", "nobody", code=1)


def test_align_refuses_prices_that_are_none(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "AlignmentCosts.skipped: expected a whole number from 0 to 10,000 but got -1" in said(
        capsys, demo, "--skipped", "-1", code=1)


def test_order_prints_the_gain_with_its_test(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    asked = ["order", str(demo), "--model", "withdrawal-2000", "--track", "r1", "--draws", "99"]
    assert main(asked) == 0
    out = capsys.readouterr().out
    assert "costs skipped 1, off-model 1, no substitution, accepts completed\n\nmodel: withdrawal-2000, a reconstruction" in out
    assert "order gain along withdrawal-2000: 0." in out
    assert "test: p = " in out
    assert "does not show: " in out
    assert main([*asked, "--seed", "2", "--off-model", "0", "--skipped", "0"]) == 1
    assert "no episode costs anything under the null" in capsys.readouterr().err


def test_compare_prints_scores_with_evidence(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    asked = ["compare", str(demo), "--track", "r1", "--folds", "4"]
    assert main([*asked, "--models", "withdrawal-2000, safran-muran-1996"]) == 0
    out = capsys.readouterr().out
    assert "costs skipped 1, off-model 1, no substitution, accepts completed\n\nmodel " in out
    assert out.count("a reconstruction after Safran & Muran") == 2
    assert "\nfirst criterion: " in out
    assert "held out over 4 folds of whole dyads" in out
    assert main([*asked, "--models", "withdrawal-2000,confrontation-2000"]) == 1
    assert "compared are models for one rupture type" in capsys.readouterr().err
    assert main([*asked, "--models", "withdrawal-2000,withdrawal-2001"]) == 1
    assert "did you mean 'withdrawal-2000'?" in capsys.readouterr().err
