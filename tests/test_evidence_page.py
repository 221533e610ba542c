"""The page of the evidence says what the model files say."""

from __future__ import annotations

import evidence_page
from rupturekit.state_machine import load_model, model_names

SHIPPED = [name for name in model_names() if ":" not in name]


def test_the_page_is_what_the_models_make_of_it() -> None:
    assert evidence_page.PAGE.read_text(encoding="utf-8") == evidence_page.page(), "run python tools/evidence_page.py"


def test_every_arrow_and_state_of_every_model_is_on_it() -> None:
    for name in SHIPPED:
        model = load_model(name)
        section = evidence_page.page().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        states, _, arrows = section.partition("| arrow |")
        lines = arrows.splitlines()[2:]
        assert len(lines) == sum(model.evidence_counts().values())
        for arrow in model.transitions:
            assert any(f"`{arrow.target}`" in line or f"`{arrow.step}`" in line for line in lines
                       if f"| {arrow.evidence} |" in line), arrow
        for state in model.states:
            assert f"| `{state.name}` |" in states or state.steps != (state.name,) or f"`{state.name}`" in arrows, state
