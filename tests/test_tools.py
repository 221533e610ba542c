"""The tools beside the library, and facts that stand in more than one file."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import long_checks
import stale_results

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a small checkout: one source, one result file made by it."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "kernel.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / stale_results.RESULTS).mkdir(parents=True)
    write(tmp_path, sources=stale_results.hashes([tmp_path / "src" / "kernel.py"], tmp_path))
    return tmp_path


def write(root: Path, name: str = "thorough", **changed: Any) -> None:
    """Write a result file, some keys changed; a key changed to None is left out."""
    content = {"what": "a check", "n": 1000, "versions": {"python": "3.11"}, "sources": {}} | changed
    kept = {key: value for key, value in content.items() if value is not None}
    (root / stale_results.RESULTS / f"{name}.json").write_text(json.dumps(kept), encoding="utf-8")


def test_no_results_are_none_stale(tmp_path: Path) -> None:
    assert stale_results.report(tmp_path) == "stale results: none"


def test_an_unchanged_source_is_fresh(checkout: Path) -> None:
    assert stale_results.report(checkout) == "stale results: none"


def test_the_kind_of_line_end_is_no_change(checkout: Path) -> None:
    (checkout / "src" / "kernel.py").write_bytes(b"x = 1\r\n")
    assert stale_results.report(checkout) == "stale results: none"


def test_a_changed_source_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "src" / "kernel.py").write_text("x = 2\n", encoding="utf-8")
    assert stale_results.main([str(checkout)]) == 0
    assert capsys.readouterr().out == (
        "stale results: 1\n  benchmarks/results/thorough.json: src/kernel.py changed\n"
    )


def test_a_source_that_is_gone_is_named(checkout: Path) -> None:
    (checkout / "src" / "kernel.py").unlink()
    assert stale_results.report(checkout).endswith("src/kernel.py is gone")


def test_a_long_list_of_changes_is_cut(checkout: Path) -> None:
    write(checkout, sources={f"src/{letter}.py": "0" for letter in "abcde"})
    assert stale_results.report(checkout).endswith(
        "thorough.json: src/a.py is gone; src/b.py is gone; src/c.py is gone (+2 more)"
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"n": None}, "lacks n"),
        ({"versions": None, "what": None}, "lacks what, versions"),
        ({"sources": {}}, "names no sources"),
        ({"sources": []}, "names no sources"),
    ],
)
def test_a_result_that_cannot_be_judged_is_stale(checkout: Path, changed: dict[str, Any], says: str) -> None:
    write(checkout, **changed)
    assert stale_results.report(checkout) == f"stale results: 1\n  benchmarks/results/thorough.json: {says}"


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"what n versions sources"'])
def test_a_result_that_is_no_result_is_told(checkout: Path, text: str) -> None:
    (checkout / stale_results.RESULTS / "broken.json").write_text(text, encoding="utf-8")
    assert stale_results.report(checkout).startswith("stale results: 1\n  benchmarks/results/broken.json: ")


def test_what_a_long_check_writes_is_fresh(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found() -> dict[str, Any]:
        sources = stale_results.hashes([checkout / "src" / "kernel.py"], checkout)
        return {"what": "a check", "n": 3, "sources": sources}

    monkeypatch.setattr(long_checks, "ROOT", checkout)
    monkeypatch.setattr(long_checks, "CHECKS", {"small": found})
    assert long_checks.main(["small"]) == 0
    assert capsys.readouterr().out == "small: passed; wrote benchmarks/results/small.json\n"
    content = json.loads((checkout / stale_results.RESULTS / "small.json").read_text(encoding="utf-8"))
    assert content["n"] == 3
    assert {"python", "rupturekit", "numpy"} <= set(content["versions"])
    assert stale_results.report(checkout) == "stale results: none"


def test_a_long_check_that_fails_writes_nothing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> dict[str, Any]:
        raise long_checks.CheckFailed("1 failed")

    monkeypatch.setattr(long_checks, "ROOT", checkout)
    monkeypatch.setattr(long_checks, "CHECKS", {"small": fails})
    assert long_checks.main([]) == 1
    assert capsys.readouterr().err == "small: failed\n1 failed\n"
    assert not (checkout / stale_results.RESULTS / "small.json").exists()


def test_an_unknown_long_check_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        long_checks.main(["quick"])
    assert "no check called quick; there are: thorough" in capsys.readouterr().err


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    citation = re.search(r"(?m)^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = re.search(r"(?m)^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert citation is not None
    assert changelog is not None
    assert {citation[1], changelog[1]} == {project}
