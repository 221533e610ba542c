"""How long episodes stayed in each phase or state, and how often they came to each state, for many episodes at once."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._frames import FrameColumn
from rupturekit._html import counted
from rupturekit._kernels.replay import blocks
from rupturekit._table import Array, Table, arrays_equal, freeze, held_state, set_closed
from rupturekit._views.traces import dwell_html, visits_html
from rupturekit.cohort import Cohort, Episodes
from rupturekit.episode import Coding, EpisodeRow
from rupturekit.errors import StateMachineError, listed
from rupturekit.kinds import Block, blocks_of
from rupturekit.provenance import Provenance
from rupturekit.state_machine import StateMachine

__all__ = ["Dwell", "Visits", "dwell_of", "visits_of"]

Whole = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Dwell:
    """How long each episode of a cohort stayed in each phase, or in each state.

    Attributes
    ----------
    rows : Table of EpisodeRow
        The episodes, in the order of the traces.
    names : tuple of str
        The phases, in the order in which the model first names them, or the states in the model's order.
    lasted : int64, episodes x names
        Microseconds, or turns or segments where there is no clock; 0 where an episode never came there, and where it
        stayed no time: `seen` tells the two apart.
    seen : bool, episodes x names
        Whether some move left the episode there.

    Two are equal where all of these and the coding are; provenance is not compared.
    """

    rows: Table[EpisodeRow]
    names: tuple[str, ...]
    lasted: Whole
    seen: npt.NDArray[np.bool_]
    coding: Coding
    provenance: Provenance

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dwell):
            return NotImplemented
        return (self.names == other.names and self.rows == other.rows and self.coding == other.coding
                and arrays_equal(self.lasted, other.lasted) and arrays_equal(self.seen, other.seen))

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def __len__(self) -> int:
        return len(self.lasted)

    def seconds(self) -> npt.NDArray[np.float64]:
        """Return how long each episode stayed, in seconds: episodes x names.

        Raises
        ------
        NoClock
            Where the study records turns or a bare order.
        """
        self.coding.in_seconds(0)    # raises where there is no clock
        return self.lasted / 1_000_000

    def total(self) -> dict[str, int]:
        """Return how long all episodes stayed, by name, in the unit of `lasted`."""
        return dict(zip(self.names, self.lasted.sum(axis=0).tolist(), strict=True))

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row an episode: `episode`, and `lasted_...` for each name; absent where it never came.

        In the unit of `lasted`. The prefix keeps a state apart from `episode`, whatever it is called.
        """
        return _identity(self.rows) | {f"lasted_{name}": FrameColumn(values=self.lasted[:, at],
                                                                     absent=~self.seen[:, at])
                                       for at, name in enumerate(self.names)}

    def __repr__(self) -> str:
        return f"Dwell({counted(len(self), 'episode')}, {listed(self.names)})"

    def _repr_html_(self) -> str:
        return dwell_html(self)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Visits:
    """How often each episode of a cohort came to each state.

    Attributes
    ----------
    rows : Table of EpisodeRow
        The episodes, in the order of the traces.
    names : tuple of str
        The states, in the model's order.
    n : int64, episodes x states
        How often the state stands in the episode's path: a move that stays where it was is no new visit, the state in
        which every episode begins is one, and states that were passed unseen are none.

    Two are equal where all of these are; provenance is not compared.
    """

    rows: Table[EpisodeRow]
    names: tuple[str, ...]
    n: Whole
    provenance: Provenance

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Visits):
            return NotImplemented
        return self.names == other.names and self.rows == other.rows and arrays_equal(self.n, other.n)

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def __len__(self) -> int:
        return len(self.n)

    def total(self) -> dict[str, int]:
        """Return how often all episodes together came to each state."""
        return dict(zip(self.names, self.n.sum(axis=0).tolist(), strict=True))

    def episodes(self) -> dict[str, int]:
        """Return how many episodes came to each state at least once."""
        return dict(zip(self.names, (self.n > 0).sum(axis=0).tolist(), strict=True))

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row an episode: `episode`, and `visits_...` for each state."""
        return _identity(self.rows) | {f"visits_{name}": FrameColumn(values=self.n[:, at])
                                       for at, name in enumerate(self.names)}

    def __repr__(self) -> str:
        return f"Visits({counted(len(self), 'episode')}, {listed(self.names)})"

    def _repr_html_(self) -> str:
        return visits_html(self)


def _identity(rows: Table[EpisodeRow]) -> dict[str, FrameColumn]:
    return {"episode": FrameColumn(values=rows.episode, levels=rows.levels["episode"])}


def dwell_of(cohort: Cohort, episodes: Episodes, *, model: StateMachine, after: Array, by: str, provenance: Provenance
             ) -> Dwell:
    """Return how long episodes stayed by "phase" or by "state", from the state after each member."""
    names, column = _columns_of(model, by)
    width = len(names)
    lasted = np.zeros((len(episodes), width), dtype="i8")
    seen = np.zeros((len(episodes), width), dtype=bool)
    for block in blocks_of(episodes):
        here = slice(block.low, block.low + len(block.offsets) - 1)
        at = block.owners * width + column.take(after[block.span])
        np.add.at(lasted[here].reshape(-1), at, _lasting(cohort, episodes, block))    # a view: rows stand in one piece
        seen[here].reshape(-1)[at] = True
    return Dwell(rows=episodes.rows, names=names, lasted=freeze(lasted), seen=freeze(seen), coding=cohort.coding,
                 provenance=provenance)


def _columns_of(model: StateMachine, by: str) -> tuple[tuple[str, ...], Whole]:
    """Return the names to count by, and under which of them each state goes."""
    said: dict[str, Sequence[str]] = {"phase": [state.phase.value for state in model.states],
                                      "state": [state.name for state in model.states]}
    if by not in said:
        raise StateMachineError(f"dwell: expected by='phase' or by='state' but got {by!r:.80}")
    names = tuple(dict.fromkeys(said[by]))
    return names, np.array([names.index(name) for name in said[by]], dtype="i8")


def _lasting(cohort: Cohort, episodes: Episodes, block: Block) -> Whole:
    """Return how long the state after each member lasts: to the next move of its session, or the episode's end."""
    onset, session = cohort.moves.onset[block.picked], cohort.moves.session[block.picked]
    until = onset.copy()
    until[:-1] = np.where(session[1:] == session[:-1], onset[1:], onset[:-1])
    held = np.flatnonzero(np.diff(block.offsets) > 0)
    last, rows = block.offsets[1:][held] - 1, episodes.rows
    ends = rows.last_session[block.low + held] == session[last]
    until[last] = np.where(ends, rows.end[block.low + held], onset[last])
    return np.asarray(np.maximum(until - onset, 0))


def visits_of(episodes: Episodes, *, model: StateMachine, before: Array, after: Array, provenance: Provenance
              ) -> Visits:
    """Return how often episodes came to each state, from the states around each member."""
    width = len(model.states)
    n = np.zeros((len(episodes), width), dtype="i8")
    for low, high in blocks(len(episodes)):
        edges = episodes.offsets[low : high + 1]
        span = slice(int(edges[0]), int(edges[-1]))
        entering = np.flatnonzero(before[span] != after[span])
        owner = np.repeat(np.arange(high - low), np.diff(edges))[entering]
        entered = owner * width + after[span][entering]
        n[low:high] = np.bincount(entered, minlength=(high - low) * width).reshape(-1, width)
    n[:, model.index[model.initial]] += 1
    return Visits(rows=episodes.rows, names=tuple(state.name for state in model.states), n=freeze(n),
                  provenance=provenance)
