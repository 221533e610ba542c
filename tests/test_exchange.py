"""Process models for other programs: read back equal, and run by an engine that is not ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
import statemachine.io
from hypothesis import given

import rupturekit as rk
import strategies as own
from rupturekit.errors import DefinitionError, StateMachineError
from rupturekit.exchange import model_from_json, model_to_json, model_to_mermaid, model_to_scxml
from rupturekit.state_machine import Condition, StateMachine

WITHDRAWAL = rk.load_model("withdrawal-2000")


@given(own.models())
def test_a_model_comes_back_from_json(model: StateMachine) -> None:
    assert model_from_json(model_to_json(model)) == model


@pytest.mark.parametrize("name", rk.model_names())
def test_every_shipped_model_comes_back_from_json(name: str) -> None:
    assert model_from_json(model_to_json(rk.load_model(name))) == rk.load_model(name)


def spoiled(*path: str | int, to: object) -> str:
    said: Any = json.loads(model_to_json(WITHDRAWAL))
    place = said
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return json.dumps(said)


@pytest.mark.parametrize(("text", "told"), [
    ("", "not JSON"),
    ("[" * 100_000, "not JSON"),
    ("{}", "does not say"),
    (" " * 10_000_001, "too many for a model"),
    (spoiled("rupturekit_model", to=2), "upgrade rupturekit"),
    (spoiled("states", to=3), "states: expected a list"),
    (spoiled("states", to=[]), "has no states"),
    (spoiled("states", 0, to=3), "expected an object for a State"),
    (spoiled("states", 0, "phase", to="ruptur"), "did you mean 'rupture'"),
    (spoiled("states", 0, "initial", to=1), r"State\.initial: expected bool"),
    (spoiled("states", 0, "outcom", to="repaired"), "did you mean 'outcome'"),
    (spoiled("states", 0, to={"name": "x"}), "'phase' is missing"),
    (spoiled("states", 0, "steps", to=[1]), "expected a list of texts"),
    (spoiled("transitions", 0, "when", "min_rating", to=True), "expected float"),
    (spoiled("transitions", 0, "when", to=[]), r"Transition\.when: expected dict"),
    (spoiled("name", to=None), r"StateMachine\.name: expected str"),
    (spoiled("type", to="rupture"), r"StateMachine\.type"),
])
def test_what_is_no_model_is_refused_with_a_sentence(text: str, told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        model_from_json(text)


def test_a_model_that_cannot_run_is_refused() -> None:
    with pytest.raises(StateMachineError, match="did you mean 'withdrawal'"):
        model_from_json(spoiled("transitions", 0, "to" if False else "target", to="withdrawl"))


@pytest.mark.parametrize("name", rk.model_names())
def test_another_engine_starts_every_shipped_model(name: str, tmp_path: Path) -> None:
    file = tmp_path / "model.scxml"
    file.write_text(model_to_scxml(rk.load_model(name)), encoding="utf-8")
    chart = statemachine.io.load(file)()
    assert len(list(chart.configuration)) == 1


@pytest.mark.parametrize("functions", [
    ["withdrawal_marker.client", "invites_exploration.therapist", "qualified_assertion.client", "self_assertion.client"],
    ["withdrawal_marker.client", "nonsense.client", "invites_exploration.client", "notices.therapist"],
])
def test_another_engine_goes_the_same_way(functions: list[str], tmp_path: Path) -> None:
    file = tmp_path / "model.scxml"
    file.write_text(model_to_scxml(WITHDRAWAL), encoding="utf-8")
    chart = statemachine.io.load(file)()
    book = rk.load_codebook("stages")
    moves = []
    for at, event in enumerate(functions):
        name, party = event.split(".")
        code = next(iter(book.codes_for(name)), "articulate")
        moves.append(rk.Move(dyad="D", session=1, track="r", party=party, code=code, onset=at, row_id=at))
        chart.send(event)
        traced = rk.trace(rk.Episode.of(moves, coding=rk.Coding(codebook=book)), WITHDRAWAL, follow_skips=False)
        assert [state.id for state in chart.configuration] == [traced.end]


def test_a_guard_is_not_written_as_code() -> None:
    arrow = attrs.evolve(WITHDRAWAL.transitions[0], when=Condition(functions=("x",), min_rating=2, absent="block"))
    guarded = attrs.evolve(WITHDRAWAL, transitions=(arrow, *WITHDRAWAL.transitions[1:]))
    with pytest.raises(DefinitionError, match="only as code in a string"):
        model_to_scxml(guarded)


def test_mermaid_names_every_state_and_arrow() -> None:
    text = model_to_mermaid(rk.load_model("recognition"))
    model = rk.load_model("recognition")
    assert text.startswith("stateDiagram-v2\n")
    assert text.count(" as s") == len(model.states)
    assert text.count("-->") == len(model.transitions) + 1 + len(model.ends)


def test_mermaid_takes_hostile_names_as_text() -> None:
    state = attrs.evolve(WITHDRAWAL.states[0], name='x"; %% <script>')
    arrows = tuple(attrs.evolve(a, source=state.name if a.source == "withdrawal" else a.source,
                                target=state.name if a.target == "withdrawal" else a.target)
                   for a in WITHDRAWAL.transitions)
    text = model_to_mermaid(attrs.evolve(WITHDRAWAL, states=(state, *WITHDRAWAL.states[1:]), transitions=arrows))
    assert "<script>" not in text
    assert "%%" not in text
