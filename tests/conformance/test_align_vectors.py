"""The page on alignment says of vectors and of speed what the kept results say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from rupturekit.codebooks import codebook_names
from rupturekit.state_machine import model_names

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs" / "explanation" / "alignment.md").read_text(encoding="utf-8").split())


def result(name: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return held


PAIRS = {(pair["model"], pair["codebook"]): pair for pair in result("vectors")["pairs"]}


def test_every_shipped_model_and_codebook_was_counted() -> None:
    packaged = [(model, book) for model in model_names() for book in codebook_names() if ":" not in model + book]
    assert list(PAIRS) == packaged
    assert f"Of the {len(packaged)} pairs of a shipped model and a shipped codebook" in PAGE


def test_the_table_of_vectors_is_that_of_the_result() -> None:
    rows = re.findall(r"\| `([^`]+)` \| ([\d,]+) \| (more than [\d,]+|[\d,]+) \| ([\d,]+) \|", PAGE)
    most = f"more than {result('vectors')['most numbered']:,}"
    assert rows == [(model, f"{pair['states']:,}", most if pair["vectors"] is None else f"{pair['vectors']:,}",
                     f"{pair['most met']:,}") for (model, book), pair in PAIRS.items() if book == "stages"]


def test_pairs_without_bound_and_their_fallback_are_named() -> None:
    open_pairs = {names: pair for names, pair in PAIRS.items() if pair["vectors"] is None}
    assert f", {len(open_pairs)} have more than 20,000: {named(list(open_pairs))}." in PAGE
    assert {pair["fallback rate"] for pair in PAIRS.values()} == {0.0}
    assert "The fallback rate was 0 for all pairs in cohorts of 1,000 episodes" in PAGE
    fell = [names for names, pair in open_pairs.items() if pair["large"]["fallback"]]
    assert f"in one of 20,000 episodes the programme was run for {len(fell)} of those {len(open_pairs)}" in PAGE
    for model, book in fell:
        assert f"`{model}`" in PAGE.partition("the programme was run for ")[2]
        assert f"`{book}`" in PAGE.partition("the programme was run for ")[2]


def named(pairs: list[tuple[str, str]]) -> str:
    by_model: dict[str, list[str]] = {}
    for model, book in pairs:
        by_model.setdefault(model, []).append(f"`{book}`")
    return ", ".join(f"`{model}` with {' and '.join(books)}" for model, books in by_model.items())


def test_speed_is_what_was_asked_for() -> None:
    loops, other = result("alignment"), result("alignment_pm4py")
    assert all(loops["same"].values())
    assert all(other["same"].values())
    assert loops["n"] == other["n"] == 100_000
    for loop in ("dict loop", "dict loop, one subscript"):
        assert loops["ratios"][f"{loop} / costs"] >= 3.5
        assert loops["ratios"][f"{loop} / costs and steps"] >= 2
    assert loops["growth"]["exponent"] <= 1.05
    assert other["ratios"]["pm4py, quickest / costs"] >= 20_000
    assert other["ratios"]["pm4py, quickest / programme"] >= 4_000
