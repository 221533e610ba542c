"""How often each arrow of a model was taken, and where episodes left the model: the numbers of a diagram."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import attrs
import numpy as np

from rupturekit._table import Array
from rupturekit.conformance.alignment import Alignment, Alignments, StepKind
from rupturekit.errors import RecordError
from rupturekit.traces import TraceTable

__all__ = ["UNITS", "Flow", "flow_of"]

UNITS: Final = ("moves", "episodes")

_Key = tuple[str, str, str]
"""What happened: taken, off or skipped; from which state; to which state."""


@attrs.frozen(kw_only=True)
class Flow:
    """What episodes did in a model, counted in moves, or in episodes in which it happened at least once.

    Attributes
    ----------
    taken : mapping of (state, state) to int
        How often a move took an arrow between the two, in the model's order; a state with itself where it stayed.
    off_model, skipped : mapping of state to int
        Moves that took no arrow, by the state they met; steps that were skipped though a code could have shown them.
    unseen : tuple of str
        States that no code of the codebook shows being entered.
    """

    unit: str
    episodes: int
    moves: int
    taken: Mapping[tuple[str, str], int]
    off_model: Mapping[str, int]
    skipped: Mapping[str, int]
    unseen: tuple[str, ...]


def flow_of(table: TraceTable | Alignments, *, by: str = "moves") -> Flow:
    """Count what the episodes of a table of traces or alignments did in the model.

    Traces: a move counts for the arrow that it took; where it went past steps, the arrow is that into the state it led
    to. Alignments: those that are kept, one an episode; a substituted move counts for the arrow in whose place it
    stands, and an arrow passed without a move counts for none, but its step as skipped where some code could have
    shown it.

    Raises
    ------
    RecordError
        Where `by` is neither "moves" nor "episodes".

    >>> import rupturekit as rk
    >>> from rupturekit.example import example_cohort
    >>> flow_of(rk.trace_cohort(example_cohort(), "withdrawal-2000")).taken["withdrawal", "disembedding"]
    2
    """
    if by not in UNITS:
        raise RecordError(f"by is {by!r:.40}; expected \"moves\" or \"episodes\"", field="by", value=by)
    counts = _of_traces(table, by) if isinstance(table, TraceTable) else _of_alignments(table, by)
    episodes = table.episodes if isinstance(table, TraceTable) else table.replay.episodes
    states = table.model.states
    place = {state.name: at for at, state in enumerate(states)}
    taken = {(before, after): n for (what, before, after), n in counts.items() if what == "taken"}
    return Flow(unit=by, episodes=len(episodes), moves=int(episodes.offsets[-1]),
                taken=dict(sorted(taken.items(), key=lambda one: (place[one[0][0]], place[one[0][1]]))),
                off_model=_by_state(counts, "off"), skipped=_by_state(counts, "skipped"),
                unseen=tuple(state.name for state, seen in zip(states, table.alphabet.seen, strict=True)
                             if not (seen or state.initial)))


def _by_state(counts: Mapping[_Key, int], what: str) -> dict[str, int]:
    return {state: n for (kind, state, _), n in counts.items() if kind == what}


def _of_traces(table: TraceTable, by: str) -> dict[_Key, int]:
    """Count over the cells (state, symbol) that moves met: few, however many moves there are."""
    cells = table.cells(slice(0, len(table.before)))
    owner = np.repeat(np.arange(len(table)), table.episodes.lengths)
    meets: dict[_Key, list[int]] = {}
    for cell in np.unique(cells).tolist():
        for key in _keys_of_cell(table, cell):
            meets.setdefault(key, []).append(cell)
    count: Callable[[Array], int] = (lambda held: int(held.sum())) if by == "moves" else (
        lambda held: len(np.unique(owner[held])))
    return {key: count(np.isin(cells, wanted)) for key, wanted in meets.items()}


def _keys_of_cell(table: TraceTable, cell: int) -> list[_Key]:
    """Return what happens where a move of some symbol meets some state."""
    at, symbol = divmod(cell, table.alphabet.next.shape[1])
    hop = table.alphabet.hops.get((at, symbol))
    if hop is None:
        return [("off", table.model.states[at].name, "")]
    arrow = table.model.transitions[hop.arrow]
    return [("taken", arrow.source, arrow.target), *(("skipped", name, "") for name in hop.skipped)]


def _of_alignments(table: Alignments, by: str) -> dict[_Key, int]:
    counts: Counter[_Key] = Counter()
    for one in table:
        held = list(_keys_of_alignment(one))
        counts.update(held if by == "moves" else set(held))
    return dict(counts)


def _keys_of_alignment(one: Alignment) -> Iterable[_Key]:
    for step in one.steps:
        if step.kind in (StepKind.TAKEN, StepKind.SUBSTITUTED):
            yield "taken", step.before, step.after
        elif step.kind is StepKind.OFF_MODEL:
            yield "off", step.before, ""
        elif step.kind is StepKind.SKIPPED:
            yield "skipped", step.after, ""
