"""Alignments as ribbons: what each move did, which steps had no move, the states beneath, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rupturekit._html import counted, shortened
from rupturekit._table import Array
from rupturekit.conformance.alignment import AlignedStep, Alignment, Alignments, StepKind
from rupturekit.errors import NotEnoughData, RecordError, expect
from rupturekit.plots.style import (
    FAINT,
    INK,
    PALE,
    WIDE,
    add_boxes,
    axes,
    describe,
    name_ticks,
    patch_key,
    phase_look,
    set_key,
)
from rupturekit.state_machine import StateMachine
from rupturekit.vocabulary import Phase

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["MOST_EPISODES", "MOST_STEPS", "alignment_ribbon", "alignment_ribbons"]

MOST_STEPS: Final = 400
"""An alignment of more steps is not drawn by itself: a step would be thinner than a line."""

MOST_EPISODES: Final = 60
"""So many episodes are stacked unless told otherwise."""

MOST_STACKED: Final = 400
SHARP_ROWS: Final = 150
_FIGURES_UP_TO: Final = 80
"""With more steps than this a cost is a mark without its number."""

_NOBODY: Final = "not said who"
_SPACE, _BAR, _WIDE = 0.7, 0.62, 0.86

LOOKS: Final[Mapping[StepKind, Mapping[str, Any]]] = MappingProxyType({
    StepKind.OFF_MODEL: {"facecolor": FAINT, "edgecolor": "none", "linewidth": 0.0},
    StepKind.SUBSTITUTED: {"facecolor": "none", "edgecolor": INK, "linewidth": 1.0},
    StepKind.SKIPPED: {"facecolor": "white", "edgecolor": INK, "linewidth": 0.9},
    StepKind.UNSEEN: {"facecolor": "white", "edgecolor": FAINT, "linewidth": 0.6, "linestyle": (0, (1, 1.5))}})
"""Kind of step -> how it is drawn; a step that a move took is filled as its phase, one substituted is framed too."""

_TALL: Final[Mapping[StepKind, float]] = MappingProxyType({StepKind.OFF_MODEL: 0.3})
"""Off the model is a low box, so that it is told from any phase in grey."""


def alignment_ribbon(alignment: Alignment, *, ax: Axes | None = None) -> Axes:
    """Draw one alignment, step by step: moves in the lane of who made them, steps without a move across both lanes.

    A move that takes an arrow is a full box as its phase; one that stands in place of another is framed; one off the
    model is a low grey box. A step that was skipped though some code could have shown it is an empty frame, one that
    these codes cannot show a dotted one. Above stands what a step costs; beneath, in which state it ends.

    Raises
    ------
    NotEnoughData
        Where the alignment has no steps.
    RecordError
        Where it has more than 400.

    >>> from rupturekit.conformance.alignment import align_cohort
    >>> from rupturekit.example import example_cohort
    >>> ax = alignment_ribbon(align_cohort(example_cohort(), "withdrawal-2000")[0])
    >>> ax.get_xlabel().splitlines()[0]
    'steps: 18 moves and 1 step without a move'
    """
    expect(alignment, Alignment, what="an alignment", remedy="take one of a table: table[0], or table.named(episode)")
    steps, name = alignment.steps, shortened(alignment.episode, 40)
    if not steps:
        raise NotEnoughData(f"the alignment of episode {name!r} has no steps to draw", needed=1, found=0)
    if len(steps) > MOST_STEPS:
        raise RecordError(f"the alignment of episode {name!r} has {len(steps):,} steps; a ribbon shows at most "
                          f"{MOST_STEPS}. alignment.deviations lists what costs something, alignment_ribbons draws "
                          "whole cohorts", field="alignment")
    lanes, states = _lanes(alignment), _states(alignment)
    with axes(ax, width=WIDE, height=34 + 5.5 * (len(lanes) + len(states))) as ax:
        _draw_steps(ax, alignment, lanes)
        _draw_costs(ax, steps)
        _draw_states(ax, alignment, states, first=len(lanes))
        _frame(ax, lanes, states, n=len(steps))
        ax.set_xlabel("\n".join([_counted_steps(steps), f"episode {name}, model {shortened(alignment.model.name, 40)}",
                                 _cost_of(alignment)]))
        set_key(ax, _key([alignment]), columns=4)
    describe(ax, _words(alignment))
    return ax


def _lanes(alignment: Alignment) -> list[str]:
    """Return the names of the lanes: who made moves, in the order of the model's parties, then nobody in particular."""
    said = {step.move.party for step in alignment.steps if step.move is not None}
    named = [*(party for party in alignment.model.parties if party in said),
             *sorted(party for party in said if party is not None and party not in alignment.model.parties)]
    return [*named, *([_NOBODY] if None in said else [])] or [_NOBODY]


def _states(alignment: Alignment) -> list[str]:
    passed = {step.after for step in alignment.steps}
    return [state.name for state in alignment.model.states if state.name in passed]


def _draw_steps(ax: Axes, alignment: Alignment, lanes: Sequence[str]) -> None:
    """Draw each step as a box: a move in its lane, a step without a move from the first lane to the last."""
    for (kind, phase), placed in _by_look(alignment.model, alignment.steps).items():
        spans = [(0, len(lanes) - 1) if step.move is None else (_lane(step, lanes),) * 2 for _, step in placed]
        tall = _TALL.get(kind, 0.74) / 2
        boxes = [_box(at + 1, -low, -high, tall=tall) for (at, _), (low, high) in zip(placed, spans, strict=True)]
        _draw_boxes(ax, boxes, kind, phase)


def _lane(step: AlignedStep, lanes: Sequence[str]) -> int:
    party = None if step.move is None else step.move.party
    return lanes.index(party) if party in lanes else len(lanes) - 1


def _box(x: float, top: float, bottom: float, *, tall: float) -> list[tuple[float, float]]:
    left, right = x - _WIDE / 2, x + _WIDE / 2
    return [(left, bottom - tall), (left, top + tall), (right, top + tall), (right, bottom - tall)]


def _by_look(model: StateMachine, steps: Sequence[AlignedStep]
             ) -> dict[tuple[StepKind, Phase | None], list[tuple[int, AlignedStep]]]:
    """Return the steps with their places, by what they look like: their kind, and the phase where a move took one."""
    held: dict[tuple[StepKind, Phase | None], list[tuple[int, AlignedStep]]] = {}
    for at, step in enumerate(steps):
        taken = step.kind in (StepKind.TAKEN, StepKind.SUBSTITUTED)
        held.setdefault((step.kind, model[step.after].phase if taken else None), []).append((at, step))
    return held


def _draw_boxes(ax: Axes, corners: Sequence[Sequence[tuple[float, float]]], kind: StepKind, phase: Phase | None, *,
                thin: bool = False, rasterized: bool = False) -> None:
    """Draw boxes of one look: filled as their phase where a move took a step, framed as their kind says."""
    boxes = np.array(corners)
    if phase is not None:
        add_boxes(ax, boxes, label=f"{kind}, {phase}", zorder=3, rasterized=rasterized, **phase_look(phase))
    if kind in LOOKS:
        look = dict(LOOKS[kind])
        add_boxes(ax, boxes, label=f"{kind}" if phase is None else f"frame, {kind}", zorder=3, rasterized=rasterized,
                  **look | {"linewidth": min(look["linewidth"], 0.6) if thin else look["linewidth"]})


def _draw_costs(ax: Axes, steps: Sequence[AlignedStep]) -> None:
    charged = [(at + 1, step.cost) for at, step in enumerate(steps) if step.cost]
    if len(steps) > _FIGURES_UP_TO:
        ax.scatter([x for x, _ in charged], [0.75] * len(charged), marker="|", s=14, c=INK, linewidths=0.7,
                   label="costs something")
        return
    for x, cost in charged:
        ax.text(x, 0.55, f"{cost:,}", fontsize=6.0, ha="center", va="bottom")


def _draw_states(ax: Axes, alignment: Alignment, states: Sequence[str], *, first: int) -> None:
    """Draw beneath in which state each step ends, as bars."""
    after = [states.index(step.after) for step in alignment.steps]
    for at, name in enumerate(states):
        runs = _runs(np.array(after) == at)
        y, look = -(first + _SPACE + at), phase_look(alignment.model[name].phase)
        corners = [[(low + 0.5, y - _BAR / 2), (low + 0.5, y + _BAR / 2), (high + 0.5, y + _BAR / 2),
                    (high + 0.5, y - _BAR / 2)] for low, high in runs]
        add_boxes(ax, np.array(corners, dtype=float), label=f"state {name}", zorder=2, **look | {"linewidth": 0.5})


def _runs(held: Array) -> list[tuple[int, int]]:
    """Return where something holds, as stretches from a place up to, and without, another."""
    edges = np.flatnonzero(np.diff(held.astype(np.int8), prepend=0, append=0))
    return [(int(low), int(high)) for low, high in edges.reshape(-1, 2)]


def _frame(ax: Axes, lanes: Sequence[str], states: Sequence[str], *, n: int) -> None:
    named = {-float(at): name for at, name in enumerate(lanes)}
    named |= {-(len(lanes) + _SPACE + at): name.replace("_", " ") for at, name in enumerate(states)}
    name_ticks(ax, named)
    ax.set_xlim(0.3, n + 0.7)
    ax.set_ylim(-(len(lanes) + len(states) + 0.3), 1.25)
    ax.locator_params(axis="x", integer=True)
    ax.spines["left"].set_visible(False)


def _counted_steps(steps: Sequence[AlignedStep]) -> str:
    moves = sum(step.move is not None for step in steps)
    return f"steps: {counted(moves, 'move')} and {counted(len(steps) - moves, 'step')} without a move"


def _cost_of(alignment: Alignment) -> str:
    """Return cost and fit in words; where they hang on the order of moves at one instant, as an interval."""
    if alignment.fit is None:
        return f"cost {alignment.cost:,}, model fit not defined"
    return (f"cost {alignment.cost:,} of at most {alignment.worst:,}, model fit {alignment.fit:.3f}"
            + _over_orders(alignment).replace("; ", "\n"))


def _over_orders(alignment: Alignment) -> str:
    if alignment.least == alignment.greatest:
        return ""
    return (f"; over orders of moves at one instant {alignment.least:,} to {alignment.greatest:,}"
            f"{'' if alignment.exact else ' (bounds)'}")


def _key(alignments: Sequence[Alignment]) -> list[Artist]:
    """Return the entries of the key for what some alignments show: phases of moves, then kinds of step."""
    looks = {look: None for one in alignments for look in _by_look(one.model, one.steps)}
    phases = [phase for phase in Phase if any(phase is each for _, each in looks)]
    entries = [patch_key(f"move: {phase}", **phase_look(phase)) for phase in phases]
    said = {StepKind.SUBSTITUTED: "in place of another", StepKind.OFF_MODEL: "off the model",
            StepKind.SKIPPED: "skipped, no move", StepKind.UNSEEN: "unseen, no move"}
    kinds = [kind for kind in said if any(kind is each for each, _ in looks)]
    shown = {kind: dict(LOOKS[kind]) for kind in kinds}
    if StepKind.SUBSTITUTED in shown:
        shown[StepKind.SUBSTITUTED]["facecolor"] = PALE    # it has that of its phase, whichever that is
    return entries + [patch_key(said[kind], **shown[kind]) for kind in kinds]


def _words(alignment: Alignment) -> str:
    kinds = {kind: sum(step.kind is kind for step in alignment.steps) for kind in StepKind}
    told = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n)
    where = [f"{step.kind} in {shortened(step.after if step.kind is StepKind.SKIPPED else step.before, 40)}"
             for step in alignment.deviations]
    more = f" and {len(where) - 12:,} more" if len(where) > 12 else ""
    return (f"Alignment of episode {shortened(alignment.episode, 40)} along the model "
            f"{shortened(alignment.model.name, 40)}: {counted(len(alignment.steps), 'step')}, of which {told}. Cost "
            f"{alignment.cost:,} of at most {alignment.worst:,}{_over_orders(alignment)}. Deviations in order: "
            f"{', '.join(where[:12]) or 'none'}{more}.")


# --- many episodes ------------------------------------------------------------------------------------------------


def alignment_ribbons(table: Alignments, *, most: int = MOST_EPISODES, ax: Axes | None = None) -> Axes:
    """Draw the alignments of many episodes as rows, the cheapest at the top.

    Boxes look as in `alignment_ribbon`; each row is as long as its alignment has steps. Rows are sorted by cost, then
    by the cost that was possible, then by name. Where there are more episodes than `most`, as many are drawn as that,
    spread evenly over the order from the cheapest to the dearest, and the figure says so.

    Raises
    ------
    RecordError
        Where `most` is not a whole number from 1 to 400.
    NotEnoughData
        Where no episode has steps.

    >>> from rupturekit.conformance.alignment import align_cohort
    >>> from rupturekit.example import example_cohort
    >>> ax = alignment_ribbons(align_cohort(example_cohort(), "withdrawal-2000"))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['V2-E1: 3 of 11', 'V1-E1: 6 of 21', 'V2-E2: 9 of 15']
    """
    expect(table, Alignments, what="a table of alignments", remedy="use align_cohort(cohort, model)")
    _check_most(most)
    held = [table[at] for at in _spread_by_cost(table, most)]
    held = [one for one in held if one.steps]
    if not held:
        raise NotEnoughData("there is no alignment with steps to draw", needed=1, found=0)
    with axes(ax, width=WIDE, height=min(30 + 4.2 * len(held), 200)) as ax:
        _draw_rows(ax, table.model, held)
        _frame_rows(ax, table, held)
        set_key(ax, _key(held), columns=4)
    describe(ax, _words_of_many(table, held))
    return ax


def _check_most(most: object) -> None:
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MOST_STACKED:
        raise RecordError(f"most is {most!r:.40}; expected a whole number from 1 to {MOST_STACKED}", field="most")


def _spread_by_cost(table: Alignments, most: int) -> list[int]:
    """Return which alignments are drawn: all, or so many at even distances in the order of cost."""
    names = table.replay.episodes.rows.words("episode")
    order = sorted(range(len(table)), key=lambda at: (table.cost[at], table.worst[at], str(names[at])))
    if len(order) <= most:
        return order
    return [order[at] for at in np.linspace(0, len(order) - 1, most).round().astype(int).tolist()]


def _draw_rows(ax: Axes, model: StateMachine, held: Sequence[Alignment]) -> None:
    """Draw all rows, one shape for each look."""
    boxes: dict[tuple[StepKind, Phase | None], list[list[tuple[float, float]]]] = {}
    for row, one in enumerate(held):
        for (kind, phase), placed in _by_look(model, one.steps).items():
            tall = _TALL.get(kind, 0.74) / 2
            boxes.setdefault((kind, phase), []).extend(_box(at + 1, row, row, tall=tall) for at, _ in placed)
    for (kind, phase), corners in boxes.items():
        _draw_boxes(ax, corners, kind, phase, thin=True, rasterized=len(held) > SHARP_ROWS)


def _frame_rows(ax: Axes, table: Alignments, held: Sequence[Alignment]) -> None:
    every = -(-len(held) // MOST_EPISODES)
    name_ticks(ax, {float(row): f"{shortened(one.episode, 18)}: {one.cost:,} of {one.worst:,}"
                    for row, one in enumerate(held) if row % every == 0}, most=40)
    ax.set_ylim(len(held) - 0.4, -0.6)
    ax.set_xlim(0.3, max(len(one.steps) for one in held) + 0.7)
    ax.locator_params(axis="x", integer=True)
    ax.spines["left"].set_visible(False)
    ax.set_ylabel("episode: cost of at most")
    ax.set_xlabel("\n".join(["steps of the alignment", _which(table, held)]))


def _which(table: Alignments, held: Sequence[Alignment]) -> str:
    said = f"{counted(len(held), 'episode')}, model {shortened(table.model.name, 40)}, sorted by cost"
    left = len(table) - len(held)
    return f"{said};\nof {len(table):,}, evenly spread over that order" if left else said


def _words_of_many(table: Alignments, held: Sequence[Alignment]) -> str:
    kinds = {kind: sum(step.kind is kind for one in held for step in one.steps) for kind in StepKind}
    which = " ".join(_which(table, held).split())
    return (f"Alignments as rows of steps, {which}: cost from {held[0].cost:,} to {held[-1].cost:,}; "
            f"{', '.join(f'{n:,} {kind}' for kind, n in kinds.items() if n)}.")
