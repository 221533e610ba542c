"""Write `docs/explanation/evidence.md` from the shipped process models; a test compares the page with what it makes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rupturekit.state_machine import State, StateMachine, Transition, load_model, model_names
from rupturekit.vocabulary import Evidence

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "evidence.md"

HEAD = """# The evidence behind every arrow of every model

A process model is a claim: from here, on this move, episodes go there. This page says of every arrow and state of every
shipped model what the claim rests on. It is written from the model files; `rupturekit model NAME` shows the same.

| evidence | meaning |
|---|---|
| read | it stands in the source named, at the place named |
| secondary | it stands in another source, which is named |
| recalled | it is known from memory of the literature; the source was not at hand |
| assumption | it is ours |

A model with under half of its arrows *read* calls itself a reconstruction wherever it is printed. Fitting a
reconstruction badly is no finding about its authors; see
[what the numbers do not mean](what-the-numbers-do-not-mean.md).
Arrows that were compiled from one line of a definition (sets without order, chains that run side by side) are one line
here, and are counted once.

## All models

| model | rupture type | arrows | read | secondary | recalled | assumption |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the whole page."""
    models = [load_model(name) for name in model_names() if ":" not in name]    # those of plug-ins are not ours
    return HEAD + "".join(map(_line, models)) + "".join(map(_model, models))


def _line(model: StateMachine) -> str:
    counts = model.evidence_counts()
    cells = [f"[`{model.name}`](#{model.name})", model.type or "any", sum(counts.values()),
             *(counts[evidence] for evidence in Evidence)]
    return _row(cells)


def _model(model: StateMachine) -> str:
    states = "".join(_row([f"`{state.name}`", _marks(state), state.evidence, _grounds(state)])
                     for state in model.states if not _compiled(state, model))
    arrows = "".join(_arrow(group) for group in _declarations(model.transitions))
    note = f"{' '.join(model.note.split())}\n\n" if model.note else ""
    return (f"\n## {model.name}\n\n{model.title}. After: {model.citation or model.source}\n\n{note}"
            f"| state | what it is | evidence | rests on |\n|---|---|---|---|\n{states}\n"
            f"| arrow | taken on | evidence | rests on |\n|---|---|---|---|\n{arrows}")


def _compiled(state: State, model: StateMachine) -> bool:
    """Return whether a state was made of steps, which are told among the arrows."""
    into = (arrow for arrow in model.transitions if arrow.target == state.name)
    return any(arrow.declared.startswith(("chain", "strategy")) for arrow in into)


def _marks(state: State) -> str:
    end = f"end: {state.outcome}" if state.outcome else "end" if state.end else ""
    return ", ".join(filter(None, [state.title, state.phase, "start" if state.initial else "", end]))


def _declarations(arrows: Iterable[Transition]) -> Iterator[list[Transition]]:
    """Give the arrows of each declaration, in the order of the model."""
    groups: dict[str, list[Transition]] = {}
    for at, arrow in enumerate(arrows):
        groups.setdefault(arrow.declared or str(at), []).append(arrow)
    yield from groups.values()


def _arrow(group: list[Transition]) -> str:
    """Return the row of one declaration; many arrows of one are told by the step that they make."""
    first = group[0]
    way = f"`{first.source}` to `{first.target}`"
    if len(group) > 1:
        alike = len({arrow.target for arrow in group}) == 1
        way = f"to `{first.target}`" if alike else f"makes the step `{first.step}`"
        way += f" ({len(group)} arrows)"
    return _row([way, f"{first.when}" if first.when else "no move", first.evidence, _grounds(first)])


def _grounds(said: State | Transition) -> str:
    return "; ".join(filter(None, [said.locator, said.named, said.note]))


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(" ".join(str(cell).split()).replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE.name}", file=sys.stderr)
