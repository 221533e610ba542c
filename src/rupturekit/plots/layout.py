"""Where the states of a model stand in a drawing: plain geometry, the same every time.

States stand in rows, phase under phase; a phase of many states has a row for each number of arrows from the start. All
lengths are in millimetres of the printed page; y goes down. How arrows run between them, `plots.routes` says.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from rupturekit.state_machine import StateMachine
from rupturekit.vocabulary import Phase

__all__ = ["ACROSS", "LINE", "RIM", "Box", "Layout", "laid_out"]

ACROSS: Final = 5
"""So many states stand in one row at most."""

_TOGETHER: Final = 4
"""A phase of so many states has one row; one of more is split by the way from the start."""

LINE: Final = 2.5
_WIDE, _LETTERS, _PAD = 19.5, 16, 1.2
"""Height of a line in a box; its width, letters in a line, space above and below."""

_GAP, _DOWN, _MARGIN, _HEAD, _FOOT = 7.2, 7.5, 7.0, 3.6, 1.8
"""Space between boxes of a row and between rows, at the sides, above the first row of a phase for its name, below the
last."""

_LEAST: Final = 80.0
"""The narrowest page: what is written beneath a drawing needs it."""

RIM: Final = 0.8
"""How far the second frame of an end lies around its box."""


@attrs.frozen(kw_only=True)
class Box:
    """A state in the drawing: its middle, its size, its name in lines."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Layout:
    """All states by name, each phase with the height that it takes (top, bottom), and the size of the drawing."""

    boxes: Mapping[str, Box]
    bands: Mapping[Phase, tuple[float, float]]
    width: float
    height: float


def laid_out(model: StateMachine, *, notes: int = 1) -> Layout:
    """Return where the states of a model stand, with room for lines of notes beneath their names.

    Rows follow the phases: alliance first where the model begins there, else after repair; rupture, negotiation,
    repair, breakdown. In a row, states stand in the model's order.

    >>> from rupturekit.state_machine import load_model
    >>> held = laid_out(load_model("withdrawal-2000"))
    >>> held.boxes["disembedding"].y == held.boxes["avoidance"].y > held.boxes["withdrawal"].y
    True
    """
    rows = _rows(model)
    across = max(len(names) for _, names in rows)
    width = max(2 * _MARGIN + across * _WIDE + (across - 1) * _GAP, _LEAST)
    boxes, bands, y = dict[str, Box](), dict[Phase, tuple[float, float]](), 0.0
    for phase, group in itertools.groupby(rows, key=lambda row: row[0]):
        top = y
        y += _HEAD - _DOWN
        for _, names in group:
            row = _row(names, top=y + _DOWN, width=width, notes=notes)
            boxes |= row
            y += _DOWN + row[names[0]].height
        bands[phase] = top, y + _FOOT
        y += _FOOT + _DOWN
    return Layout(boxes=boxes, bands=bands, width=width, height=y - _DOWN)


def _row(names: Sequence[str], *, top: float, width: float, notes: int) -> dict[str, Box]:
    """Return the boxes of a row, in the middle of the page and all of one height."""
    lines = {name: _lines(name) for name in names}
    height = 2 * _PAD + LINE * (max(map(len, lines.values())) + notes)
    left = (width - len(names) * _WIDE - (len(names) - 1) * _GAP) / 2 + _WIDE / 2
    return {name: Box(x=left + at * (_WIDE + _GAP), y=top + height / 2, width=_WIDE, height=height, lines=lines[name])
            for at, name in enumerate(names)}


def _rows(model: StateMachine) -> list[tuple[Phase, list[str]]]:
    """Return the rows, from the top: the phase of each, and its states."""
    far = _arrows_away(model)
    last = max(far.values())
    rows: list[tuple[Phase, list[str]]] = []
    for phase in _phases(model):
        names = [state.name for state in model.states if state.phase is phase]
        split = [names] if len(names) <= _TOGETHER else [
            [name for name in names if far[name] == depth] for depth in range(last + 1)]
        rows += [(phase, row[at : at + ACROSS]) for row in split for at in range(0, len(row), ACROSS)]
    return rows


def _arrows_away(model: StateMachine) -> dict[str, int]:
    """Return how many arrows lead from the start to each state, at the fewest."""
    far, edge = {model.initial: 0}, {model.initial}
    while edge:
        edge = {arrow.target for arrow in model.transitions if arrow.source in edge} - far.keys()
        far |= dict.fromkeys(edge, max(far.values()) + 1)
    return far


def _phases(model: StateMachine) -> list[Phase]:
    """Return the phases of a model from the top."""
    order = [Phase.RUPTURE, Phase.NEGOTIATION, Phase.REPAIR, Phase.BREAKDOWN]
    order.insert(0 if model[model.initial].phase is Phase.ALLIANCE else 3, Phase.ALLIANCE)
    return [phase for phase in order if any(state.phase is phase for state in model.states)]


def _lines(name: str) -> tuple[str, ...]:
    """Return a name in lines as wide as a box, its middle left out where it is very long.

    >>> _lines("clarifies+gives_reason")
    ('clarifies +', 'gives reason')
    """
    lines = textwrap.wrap(name.replace("_", " ").replace("+", " + "), _LETTERS)
    return tuple(lines if len(lines) <= 4 else [*lines[:2], "…", lines[-1]])
