"""The tool that asks whether the true model is chosen, and the page that says what it found."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

import known_models
import stale_results

ROOT = Path(__file__).resolve().parents[1]


def test_the_true_model_is_first_in_a_small_cohort_of_each() -> None:
    design = attrs.evolve(known_models.DESIGN, dyads=10, order=0.9)
    for model in known_models.MODELS:
        found = known_models._chosen(model, design, 1)
        assert (found["first"], found["first of the models"], found["flower first"]) == (1, 1, 0)
        assert found["above the next"] > 0
        assert found["scored moves"] > found["episodes"] > 10


def test_a_promise_is_kept_only_where_it_was_made() -> None:
    good, poor = {"first": 0.8, "flower first": 0.0}, {"first": 0.79, "flower first": 0.0}
    assert known_models._kept("20 dyads", {"a": good})
    assert not known_models._kept("20 dyads", {"a": good, "b": poor})
    assert known_models._kept("less order", {"b": poor})
    assert not known_models._kept("less order", {"b": {"first": 0.9, "flower first": 0.01}})


def test_the_page_says_what_was_measured() -> None:
    kept = json.loads((ROOT / stale_results.RESULTS / "comparison.json").read_text(encoding="utf-8"))
    page = " ".join((ROOT / "docs" / "explanation" / "comparison.md").read_text(encoding="utf-8").split())
    assert f"{kept['runs']} simulated cohorts of each of three models" in page
    for design, rows in kept["rows"].items():
        shares = " / ".join(f"{100 * rows[model.name]['first']:.0f} %" for model in known_models.MODELS)
        models = " / ".join(f"{100 * rows[model.name]['first of the models']:.0f} %" for model in known_models.MODELS)
        assert f"| {design} | {shares} | {models} |" in page
    assert all(row["flower first"] == 0 for rows in kept["rows"].values() for row in rows.values())


@pytest.mark.parametrize("model", known_models.MODELS, ids=lambda model: model.name)
def test_every_model_is_for_withdrawal(model: known_models.StateMachine) -> None:
    assert model.type == "withdrawal"
