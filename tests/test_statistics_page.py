"""The page of the statistics defines every estimate that the library makes, and speaks of nothing that is not there."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

import reference_pages

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "statistics.md"
TEXT = PAGE.read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:[a-z_]+\.)+\w+)`", TEXT)))
_ESTIMATES = re.compile(r"\b(Estimate|Hypothesis|NullTest|Direction)\b")

# What makes estimates of others' numbers, or hands them on, defines none of its own.
NOT_A_STATISTIC = {
    "rupturekit.inference.jackknife.jackknifed", "rupturekit.inference.over_dyads.over_dyads",
    "rupturekit.interpersonal.acts.mean_over_dyads", "rupturekit.negotiation.match.match_sensitivity",
    "rupturekit.negotiation.tested.hypotheses_of",
}


def estimating() -> list[str]:
    """Return the public functions whose result is an estimate or a class that holds one."""
    found = []
    for name in sorted(reference_pages.public_names()):
        module, _, last = name.rpartition(".")
        made = getattr(importlib.import_module(module), last)
        if inspect.isfunction(made) and made.__module__ == module and holds_estimate(made, module):
            found.append(name)
    return found


def holds_estimate(function: object, module: str) -> bool:
    said = str(getattr(function, "__annotations__", {}).get("return", ""))
    if _ESTIMATES.search(said):
        return True
    result = getattr(importlib.import_module(module), said, None)
    return inspect.isclass(result) and any(_ESTIMATES.search(str(kind)) for kind in
                                           getattr(result, "__annotations__", {}).values())


@pytest.mark.parametrize("name", [name for name in estimating() if name not in NOT_A_STATISTIC])
def test_every_estimate_is_defined(name: str) -> None:
    assert f"`{name.removeprefix('rupturekit.')}`" in TEXT


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_is_there(name: str) -> None:
    module, _, last = f"rupturekit.{name}".rpartition(".")
    try:
        assert hasattr(importlib.import_module(module), last)
    except ModuleNotFoundError:
        assert importlib.import_module(f"rupturekit.{name}")


def test_the_exceptions_are_functions_that_make_estimates() -> None:
    assert set(estimating()) >= NOT_A_STATISTIC


def test_every_year_that_is_cited_has_its_reference() -> None:
    body, _, references = TEXT.partition("## References")
    missing = [f"{name} ({year})" for name, year in
               re.findall(r"([A-Z][a-zé]+)(?:,? &?[^()\n|;:.]{0,40})? ?\(?((?:19|20)\d\d)\b", body)
               if not re.search(rf"(?s){name}[^\n]*(?:\n  [^\n]*)*\({year}\)", references)]
    assert missing == []
