"""Process models for other programs: JSON (written and read), Mermaid and SCXML (written).

What is written carries the evidence of every arrow. SCXML events are named `function.party`, or `function` where
either party will do, so a chart can be driven by sending what a move does; guards have no place in it and are
refused with a sentence rather than dropped.
"""

from __future__ import annotations

import json
from typing import Any, Final
from xml.etree import ElementTree

import attrs

from rupturekit.errors import DefinitionError, did_you_mean, listed
from rupturekit.state_machine import Condition, State, StateMachine, Transition, check_model
from rupturekit.vocabulary import Evidence, Outcome, Phase, RuptureType

__all__ = ["model_from_json", "model_to_json", "model_to_mermaid", "model_to_scxml"]

_FORMAT: Final = 1
_MAX_CHARS: Final = 10_000_000


def model_to_json(model: StateMachine) -> str:
    """Write a process model as JSON; `model_from_json` gives an equal one.

    >>> from rupturekit.state_machine import load_model
    >>> model = load_model("renegotiation")
    >>> model_from_json(model_to_json(model)) == model
    True
    """
    return json.dumps({"rupturekit_model": _FORMAT, **attrs.asdict(model)}, indent=1, ensure_ascii=False)


def model_from_json(text: str) -> StateMachine:
    """Read a process model from JSON, and check it.

    Raises
    ------
    DefinitionError
        Where the text is not a model, or was written in a newer format.
    StateMachineError
        With everything that is wrong with the graph.
    """
    said = _parsed(text)
    states = tuple(_made(State, one, phase=Phase, outcome=Outcome, evidence=Evidence) for one in _list(said, "states"))
    arrows = tuple(_arrow(one) for one in _list(said, "transitions"))
    model: StateMachine = _made(StateMachine, {**said, "states": states, "transitions": arrows}, type=RuptureType)
    if not states:
        raise DefinitionError("this model has no states")
    check_model(model)
    return model


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > _MAX_CHARS:
        raise DefinitionError(f"{len(text):,} characters are too many for a model (at most {_MAX_CHARS:,})")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DefinitionError(f"this is not a model: not JSON ({error})") from None
    if not isinstance(said, dict) or "rupturekit_model" not in said:
        raise DefinitionError('this is not a model: it does not say "rupturekit_model"')
    version = said.pop("rupturekit_model")
    if version != _FORMAT:
        raise DefinitionError(f"this model was written in format {version!r:.40}, this version of rupturekit reads "
                              f"format {_FORMAT}; upgrade rupturekit to read it")
    return said


def _list(said: dict[str, Any], name: str) -> list[Any]:
    value = said.get(name)
    if not isinstance(value, list):
        raise DefinitionError(f"{name}: expected a list but got {value!r:.80}")
    return value


def _arrow(said: Any) -> Transition:
    arrow: Transition = _made(Transition, said, evidence=Evidence)
    if arrow.when is None:
        return arrow
    return attrs.evolve(arrow, when=_made(Condition, arrow.when))


def _made(kind: type[Any], said: Any, **levels: Any) -> Any:
    """Make a frozen value from a JSON object: every key known, every value of a type that its default shows."""
    if not isinstance(said, dict):
        raise DefinitionError(f"expected an object for a {kind.__name__} but got {said!r:.80}")
    fields = {field.name: field for field in attrs.fields(kind)}
    for name in said:
        if name not in fields:
            raise DefinitionError(f"{kind.__name__}: {name!r:.80} is not a known key{did_you_mean(name, fields)}; "
                                  f"known here: {listed(fields, most=30)}")
    for name, field in fields.items():
        if name not in said and field.default is attrs.NOTHING:
            raise DefinitionError(f"{kind.__name__}: {name!r} is missing")
    return kind(**{name: _value(kind, name, value, levels.get(name)) for name, value in said.items()})


_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "initial": (bool,), "end": (bool,), "skippable": (bool,), "min_rating": (int, float), "max_rating": (int, float),
    "min_elapsed": (int,), "max_elapsed": (int,), "when": (dict,), "functions": (list,), "steps": (list,),
    "states": (tuple,), "transitions": (tuple,),
}
_MAY_BE_NONE: Final = frozenset({"type", "outcome", "when", "party", "min_rating", "max_rating", "absent",
                                 "min_elapsed", "max_elapsed"})


def _value(kind: type[Any], name: str, value: Any, levels: Any) -> Any:
    where = f"{kind.__name__}.{name}"
    if value is None and name in _MAY_BE_NONE:
        return None
    wanted = _KINDS.get(name, (str,))
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise DefinitionError(f"{where}: expected {wanted[-1].__name__} but got {value!r:.80}")
    if levels is not None and value not in set(levels):
        raise DefinitionError(f"{where}: {value!r:.80} is not one of {listed(levels)}"
                              f"{did_you_mean(str(value), list(levels))}")
    if isinstance(value, list):
        if not all(isinstance(one, str) for one in value):
            raise DefinitionError(f"{where}: expected a list of texts but got {value!r:.80}")
        return tuple(value)
    return levels(value) if levels is not None else value


def model_to_mermaid(model: StateMachine) -> str:
    """Write a process model as a Mermaid state diagram.

    >>> from rupturekit.state_machine import load_model
    >>> model_to_mermaid(load_model("withdrawal-2000")).splitlines()[:2]
    ['stateDiagram-v2', '    state "withdrawal" as s0']
    """
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{_plain(state.name)}" as s{at}' for at, state in enumerate(model.states)]
    lines.append(f"    [*] --> s{model.index[model.initial]}")
    for arrow in model.transitions:
        source, target = model.index[arrow.source], model.index[arrow.target]
        lines.append(f"    s{source} --> s{target}: {_plain(str(arrow.when or 'silent'))} ({arrow.evidence})")
    lines += [f"    s{model.index[end]} --> [*]" for end in model.ends]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Return a text without the signs that mean something to Mermaid."""
    return "".join(f"#{ord(sign)};" if sign in '"#;:<>{}[]%&`\\' or not sign.isprintable() else sign for sign in text)


def model_to_scxml(model: StateMachine) -> str:
    """Write a process model as SCXML.

    An end state that arrows leave is a plain state, since SCXML's final states are left by nothing. Phase, outcome
    and evidence stand in comments. A state of a product is named with `__and__` where its name has a `+`.

    Raises
    ------
    DefinitionError
        Where an arrow has a guard: SCXML would need code in a string for it.
    """
    guarded = [arrow for arrow in model.transitions if arrow.when and (arrow.when.rates or arrow.when.times)]
    if guarded:
        raise DefinitionError(f"{model.name}: {len(guarded)} arrows have guards ({guarded[0]}); SCXML holds them only "
                              "as code in a string, which is not written here; use JSON")
    root = ElementTree.Element("scxml", {"xmlns": "http://www.w3.org/2005/07/scxml", "version": "1.0",
                                         "name": model.name, "initial": _id(model, model.initial)})
    for state in model.states:
        leaving = [arrow for arrow in model.transitions if arrow.source == state.name]
        final = state.end and not leaving
        element = ElementTree.SubElement(root, "final" if final else "state", {"id": _id(model, state.name)})
        element.append(ElementTree.Comment(_said(f"{state.name}; phase {state.phase}"
                                                 + (f"; end {state.outcome or ''}" if state.end else ""))))
        for arrow in leaving:
            _add_arrow(element, arrow, model)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_arrow(element: ElementTree.Element, arrow: Transition, model: StateMachine) -> None:
    names = {} if arrow.when is None else {"event": " ".join(
        f"{name}.{arrow.when.party}" if arrow.when.party else name for name in arrow.when.functions)}
    added = ElementTree.SubElement(element, "transition", {**names, "target": _id(model, arrow.target)})
    added.append(ElementTree.Comment(_said(arrow.evidence)))


def _id(model: StateMachine, name: str) -> str:
    """Return a name that every engine takes for an id."""
    return name.replace("+", "__and__")


def _said(text: str) -> str:
    return " " + text.replace("--", "- -") + " "
