"""A process model as a diagram: states by phase, arrows with their evidence, and what episodes did in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rupturekit._html import counted, shortened
from rupturekit._palette import PHASES, mixed
from rupturekit._table import Array
from rupturekit.conformance.alignment import Alignments
from rupturekit.errors import RecordError, expect
from rupturekit.plots.flow import Flow, flow_of
from rupturekit.plots.layout import LINE, RIM, Box, Layout, laid_out
from rupturekit.plots.routes import Bow, points_of, routed
from rupturekit.plots.style import (
    FAINT,
    INK,
    PALE,
    UNSEEN,
    axes,
    dashed_line,
    describe,
    line_key,
    patch_key,
    polygon,
    set_key,
)
from rupturekit.state_machine import StateMachine
from rupturekit.traces import TraceTable
from rupturekit.vocabulary import Evidence, Phase

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["MOST_STATES", "model_diagram"]

MOST_STATES: Final = 30
"""A model of more states is not drawn: its arrows could no longer be followed."""

MOST_INTO: Final = 8
"""Arrows that enter a state from so many others are counted in its box and not drawn."""

SILENT: Final = "silent"
LINES: Final[Mapping[str, tuple[float, ...]]] = MappingProxyType({
    Evidence.READ: (), Evidence.SECONDARY: (9, 1.6), Evidence.RECALLED: (3.4, 1.8),
    Evidence.ASSUMPTION: (5, 1.6, 1.2, 1.6), SILENT: (0.8, 1.8)})
"""Evidence -> the lengths of strokes and gaps, in points whatever the width; nothing for a whole line."""

_THIN, _THICK = 0.7, 4.0
_COLUMNS, _KEY_ROW, _LINE_BENEATH, _MORE = 3, 3.6, 3.2, 4.0
_POINTS: Final = 81
_LETTERS, _LETTERS_SIZE, _NOTE_SIZE = 18, 6.0, 5.5


def model_diagram(model: StateMachine | TraceTable | Alignments, *, by: str = "moves", ax: Axes | None = None) -> Axes:
    """Draw a process model; of a table of traces or alignments, with what the episodes did in it.

    States stand in their phases, from the top. The style of an arrow is the best evidence for any of the arrows between
    the two states; dotted is a silent one, which no move shows. With a table, the width of an arrow is how often a move
    took it (or in how many episodes one did), written beside it, and arrows that none took are pale; in a state stand
    the moves that stayed and those off the model, and how often the step was skipped. A state that the codebook cannot
    show is hatched. Where more than seven states lead to one, their arrows are not drawn but counted in it.

    Parameters
    ----------
    by : "moves" or "episodes"
        What is counted: moves, or episodes in which it happened at least once.

    Raises
    ------
    RecordError
        Where the model has more than 30 states, or `by` is neither.

    >>> from rupturekit.state_machine import load_model
    >>> ax = model_diagram(load_model("withdrawal-2000"))
    >>> [text.get_text() for text in ax.texts][:2]
    ['rupture', 'negotiation']
    """
    expect(model, (StateMachine, TraceTable, Alignments), what="a process model, or traces or alignments to one",
           remedy="use load_model(name), trace_cohort or align_cohort")
    machine = model if isinstance(model, StateMachine) else model.model
    _check_size(machine)
    flow = None if isinstance(model, StateMachine) else flow_of(model, by=by)
    best = _best_evidence(machine)
    gathered = _gathered(best)
    notes = {state: _notes(machine, state, flow, gathered) for state in machine.index}
    layout = laid_out(machine, notes=max(map(len, notes.values())))
    drawn = {pair: kind for pair, kind in best.items() if pair[1] not in gathered}
    key, beneath = _key(drawn, flow), list(_said_beneath(machine, flow))
    height = layout.height + _MORE + _KEY_ROW * -(-len(key) // _COLUMNS) + _LINE_BENEATH * len(beneath)
    with axes(ax, width=layout.width + 2.1, height=height) as ax:
        _draw_bands(ax, layout)
        for pair, bow in routed(layout, list(drawn)).items():
            _draw_arrow(ax, pair, bow, kind=best[pair], flow=flow)
        for state, box in layout.boxes.items():
            _draw_box(ax, machine, state, box, notes=notes[state], flow=flow)
        _frame(ax, layout)
        set_key(ax, key, columns=_COLUMNS, entry=20)
        ax.set_xlabel("\n".join(beneath))
    describe(ax, _words(machine, best, flow))
    return ax


def _check_size(model: StateMachine) -> None:
    if len(model.states) > MOST_STATES:
        raise RecordError(f"{model.name} has {len(model.states):,} states; a diagram can be followed up to "
                          f"{MOST_STATES}. print(model) lists them, exchange.model_to_mermaid writes all for other "
                          "programs", field="model", value=model.name)


def _best_evidence(model: StateMachine) -> dict[tuple[str, str], str]:
    """Return the pairs of different states that arrows join, with their best evidence, or that all are silent."""
    order, best = list(Evidence), dict[tuple[str, str], str]()
    for arrow in model.transitions:
        if arrow.source == arrow.target:
            continue
        kinds = [kind for kind in (best.get((arrow.source, arrow.target)),) if kind not in (None, SILENT)]
        if arrow.when is not None:
            best[arrow.source, arrow.target] = min([arrow.evidence, *map(Evidence, kinds)], key=order.index)
        elif not kinds:
            best[arrow.source, arrow.target] = SILENT
    return best


def _gathered(pairs: Mapping[tuple[str, str], str]) -> dict[str, list[tuple[str, str]]]:
    """Return the states that very many others lead to, with those pairs."""
    into: dict[str, list[tuple[str, str]]] = {}
    for pair in pairs:
        into.setdefault(pair[1], []).append(pair)
    return {state: held for state, held in into.items() if len(held) >= MOST_INTO}


def _notes(model: StateMachine, state: str, flow: Flow | None, gathered: Mapping[str, list[tuple[str, str]]]
           ) -> list[str]:
    """Return what stands in a box beneath the name: start and end, and what was counted there."""
    held, into = model[state], gathered.get(state, [])
    stays = any(arrow.source == arrow.target == state for arrow in model.transitions)
    marks = [*(["start"] if held.initial else []), *(["end"] if held.end else []),
             *(["stays"] if stays and flow is None else []), *([f"from {len(into)} states"] if into else [])]
    if flow is None:
        return _packed(marks)
    entered = sum(flow.taken.get(pair, 0) for pair in into)
    counts = [*([f"entered {entered:,}"] if into else []),
              *([f"stays {flow.taken.get((state, state), 0):,}"] if stays else []),
              *([f"skipped {flow.skipped[state]:,}"] if state in flow.skipped else []),
              *([f"off {flow.off_model[state]:,}"] if state in flow.off_model else [])]
    return [line for said in (marks, counts) for line in _packed(said)]


def _packed(said: Sequence[str]) -> list[str]:
    """Return remarks in lines as wide as a box."""
    lines: list[str] = []
    for one in said:
        if lines and len(lines[-1]) + len(one) + 2 <= _LETTERS:
            lines[-1] += f", {one}"
        else:
            lines.append(one)
    return lines


# --- drawing ------------------------------------------------------------------------------------------------------


def _draw_bands(ax: Axes, layout: Layout) -> None:
    for phase, (top, bottom) in layout.bands.items():
        ax.add_artist(polygon(_corners(0.0, top, layout.width, bottom), facecolor=mixed(PHASES[phase].mark, "#ffffff",
                              share=0.93), edgecolor="none", zorder=0, label=f"phase {phase}"))
        ax.text(1.0, top + 0.8, str(phase), fontsize=_LETTERS_SIZE, color=FAINT, va="top", ha="left")


def _corners(left: float, top: float, right: float, bottom: float) -> Array:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _draw_arrow(ax: Axes, pair: tuple[str, str], bow: Bow, *, kind: str, flow: Flow | None) -> None:
    """Draw a line with its head, and its number where there is one."""
    n = None if flow is None else flow.taken.get(pair, 0)
    most = 1 if flow is None else max([1, *(count for (one, other), count in flow.taken.items() if one != other)])
    width = _THIN + (_THICK - _THIN) * (n or 0) / most
    colour = PALE if n == 0 else FAINT
    points, label = points_of(bow.curve, np.linspace(0, 1, _POINTS)), f"{pair[0]} to {pair[1]}"
    end, tip = points[-1], _head(points, 1.5 + 0.35 * width)
    body = points[np.hypot(*(points - end).T) > 0.8 * (1.5 + 0.35 * width)]
    body = body if len(body) > 1 else points[:2]
    ax.add_artist(dashed_line(body, color=colour, linewidth=width, dashes=LINES[kind], zorder=2, label=label))
    ax.add_artist(polygon(tip, facecolor=colour, edgecolor="none", zorder=2, label=f"head {label}"))
    if n:
        ax.text(*bow.label, f"{n:,}", fontsize=_NOTE_SIZE, color=INK, ha="center", va="center", zorder=5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.85})


def _head(points: Array, size: float) -> Array:
    """Return the three corners of the head at the end of a line."""
    along = points[-1] - points[-6]
    along = along / max(float(np.hypot(*along)), 1e-9)
    across = np.array([-along[1], along[0]]) * size * 0.5
    base = points[-1] - along * size
    return np.array([points[-1], base + across, base - across])


def _draw_box(ax: Axes, model: StateMachine, state: str, box: Box, *, notes: list[str], flow: Flow | None) -> None:
    held, (half, tall) = model[state], (box.width / 2, box.height / 2)
    colour = PHASES[held.phase].mark
    unseen = flow is not None and state in flow.unseen
    look: dict[str, Any] = dict(UNSEEN) if unseen else {"facecolor": mixed(colour, "#ffffff", share=0.78)}
    if held.end:
        ax.add_artist(polygon(_corners(box.x - half - RIM, box.y - tall - RIM, box.x + half + RIM, box.y + tall + RIM),
                              facecolor="white", edgecolor=colour, linewidth=0.7, zorder=3, label=f"end {state}"))
    ax.add_artist(polygon(_corners(box.x - half, box.y - tall, box.x + half, box.y + tall), **look, zorder=3,
                          label=f"state {state}"))
    ax.add_artist(polygon(_corners(box.x - half, box.y - tall, box.x + half, box.y + tall), facecolor="none",
                          edgecolor=colour, linewidth=0.9, zorder=3, label=f"frame {state}"))
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.6} if unseen else None
    said = [(line, _LETTERS_SIZE, INK) for line in box.lines]
    said += [(note, _NOTE_SIZE, INK) for note in notes if note]
    for at, (line, size, ink) in enumerate(said):
        ax.text(box.x, box.y + LINE * (at - (len(said) - 1) / 2), line, fontsize=size, color=ink, ha="center",
                va="center", zorder=4, bbox=ground)


def _frame(ax: Axes, layout: Layout) -> None:
    ax.set_xlim(0, layout.width)
    ax.set_ylim(layout.height, 0)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _key(drawn: Mapping[tuple[str, str], str], flow: Flow | None) -> list[Artist]:
    entries = [line_key(str(kind), color=FAINT, linewidth=_THIN, linestyle=(0, LINES[kind]) if LINES[kind] else "-")
               for kind in LINES if kind in drawn.values()]
    if flow is not None and any(not flow.taken.get(pair) for pair in drawn):
        entries.append(line_key("never taken", color=PALE, linewidth=_THIN))
    return entries + ([patch_key("no code shows it", **UNSEEN)] if flow is not None and flow.unseen else [])


def _said_beneath(model: StateMachine, flow: Flow | None) -> Iterator[str]:
    name = shortened(model.name, 40)
    if flow is None:
        yield f"{name}: {counted(len(model.states), 'state')}, {counted(len(model.transitions), 'arrow')}"
        return
    yield f"{name}: {counted(flow.episodes, 'episode')}, {counted(flow.moves, 'move')}"
    yield f"numbers and widths of arrows: {flow.unit}"
    apart = {step: n for step, n in flow.skipped.items() if step not in model.index}
    if apart:
        yield shortened("steps skipped: " + ", ".join(f"{step} {n:,}" for step, n in apart.items()), 60)


def _words(model: StateMachine, best: Mapping[tuple[str, str], str], flow: Flow | None) -> str:
    phases = {phase: [shortened(state.name, 40) for state in model.states if state.phase is phase] for phase in Phase}
    kinds = Counter(best.values())
    said = " ".join([
        f"Diagram of the model {shortened(model.name, 40)}, states by phase:",
        "; ".join(f"{phase}: {', '.join(names)}" for phase, names in phases.items() if names) + ".",
        f"It begins in {model.initial} and may end in {', '.join(model.ends)}.",
        f"{counted(len(best), 'pair')} of states joined by arrows:",
        ", ".join(f"{kinds[kind]:,} {kind}" for kind in LINES if kinds[kind]) + "."])
    return said if flow is None else f"{said} {_flow_words(flow)}"


def _flow_words(flow: Flow) -> str:
    often = sorted(((n, pair) for pair, n in flow.taken.items() if pair[0] != pair[1]), key=lambda one: -one[0])[:5]
    taken = ", ".join(f"{one} to {other} {n:,}" for n, (one, other) in often)
    off = ", ".join(f"{state} {n:,}" for state, n in flow.off_model.items())
    return (f"Of {counted(flow.episodes, 'episode')}, counted in {flow.unit}, most often taken: {taken or 'none'}; off "
            f"the model: {off or 'none'}.")
