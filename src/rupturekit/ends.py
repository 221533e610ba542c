"""How each episode ended by a model: its last state, when repair and an end were first entered, what was skipped.

`trace_ends` finds these without keeping the traces: a few bytes an episode, however many moves there are. Replay then
runs over states that remember whether repair, an end, or a skipped step came before.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from enum import StrEnum

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._frames import FrameColumn
from rupturekit._html import counted
from rupturekit._kernels.replay import Walk, replay_ends, walk_of
from rupturekit._table import Array, Table, arrays_equal, freeze, held_state, set_closed
from rupturekit._views.traces import ends_html
from rupturekit.alphabet import Alphabet
from rupturekit.cohort import Cohort
from rupturekit.episode import EpisodeRow
from rupturekit.kinds import Kinds, MoveReader, blocks_of
from rupturekit.provenance import Provenance
from rupturekit.replays import replay_of_all
from rupturekit.state_machine import StateMachine, as_model
from rupturekit.ties import TieRule
from rupturekit.vocabulary import ClosedBy, Phase

__all__ = ["NEVER", "REACHED", "Reached", "TraceEnds", "end_can_be_seen", "first_places", "skipping", "trace_ends"]

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = -1
"""What stands in place of a member's number where no member did it."""


class Reached(StrEnum):
    """Whether the path got to an end of the model."""

    YES = "yes"
    WITH_SKIPS = "with skips"
    NO = "no"
    CENSORED = "censored"
    NOT_OBSERVABLE = "not observable"


REACHED = tuple(Reached)
"""The answers in the order of their integer codes."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TraceEnds:
    """How each episode of a cohort ended by a model; one entry an episode, 19 bytes each.

    Attributes
    ----------
    rows : Table of EpisodeRow
        The episodes, in the order of the traces.
    state : int16
        The last state, by its place in the model.
    first_repair, first_end : int64
        Which member of the episode, from 0, is the first that leaves it in a state of phase repair, or in an end;
        `NEVER` (-1) where none does, which is not yet a "no": see `reached`.
    skipped : bool
        Whether a step that could have been seen was skipped on the way to the first end, or to where the episode stops.
    end_visible : bool
        Whether the codebook has codes that show some end of the model.
    left_out : mapping of str to int
        Episodes that were not traced, by reason.

    Two are equal where all of these are; provenance is not compared.
    """

    model: StateMachine
    rows: Table[EpisodeRow]
    state: npt.NDArray[np.int16]
    first_repair: Whole
    first_end: Whole
    skipped: Flags
    end_visible: bool
    left_out: Mapping[str, int]
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.state)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TraceEnds):
            return NotImplemented
        names = ("state", "first_repair", "first_end", "skipped")
        return (self.model == other.model and self.rows == other.rows and self.end_visible == other.end_visible
                and self.left_out == other.left_out
                and all(arrays_equal(getattr(self, name), getattr(other, name)) for name in names))

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def reached_codes(self) -> npt.NDArray[np.int8]:
        """Return for each episode whether it got to an end, as places in `REACHED`.

        An episode that no end is seen in is censored where observation stopped before it was over, and "no" only where
        all of it was observed and the codes could have shown an end.
        """
        stopped = self.rows.closed_by == self.rows.code_of("closed_by", word=ClosedBy.OBSERVATION_END)
        code = {reached: np.int8(at) for at, reached in enumerate(REACHED)}
        never = np.where(stopped, code[Reached.CENSORED], code[Reached.NO])
        if not self.end_visible:
            never = np.full(len(self), code[Reached.NOT_OBSERVABLE])
        at_end = np.where(self.skipped, code[Reached.WITH_SKIPS], code[Reached.YES])
        return np.where(self.first_end == NEVER, never, at_end)

    def reached(self) -> list[Reached]:
        """Return for each episode whether it got to an end."""
        return [REACHED[code] for code in self.reached_codes().tolist()]

    def left_end(self) -> Flags:
        """Return for each episode whether an end was reached and left again."""
        end = np.array([state.end for state in self.model.states], dtype=bool)
        return np.asarray((self.first_end != NEVER) & ~end[self.state])

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row an episode, words as codes with their levels; a first member that is not there is absent."""
        states = tuple(state.name for state in self.model.states)
        return {
            "episode": FrameColumn(values=self.rows.episode, levels=self.rows.levels["episode"]),
            "end_state": FrameColumn(values=self.state, levels=states, closed=True),
            **{name: FrameColumn(values=values, absent=values == NEVER)
               for name, values in (("first_repair", self.first_repair), ("first_end", self.first_end))},
            "reached": FrameColumn(values=self.reached_codes(), levels=tuple(map(str, REACHED)), closed=True),
            "left_end": FrameColumn(values=self.left_end()),
        }

    def __repr__(self) -> str:
        return f"TraceEnds({counted(len(self), 'episode')}, model {self.model.name!r})"

    def _repr_html_(self) -> str:
        return ends_html(self)


def trace_ends(cohort: Cohort, model: StateMachine | str, *, track: str | None = None,
               tie_rule: TieRule = TieRule.AS_FILED, follow_skips: bool = True, any_type: bool = False) -> TraceEnds:
    """Trace every episode in force of a cohort and keep only how it ended; equal to `trace_cohort(...).ends()`.

    Takes and raises what `trace_cohort` does. Whether another order of the moves at one instant would have ended
    elsewhere is not looked at: that takes the table.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, EpisodeRow, Move
    >>> told = [("client", "wd"), ("therapist", "invite"), ("client", "self-assert")]
    >>> said = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
    ...         for at, (party, code) in enumerate(told)]
    >>> row = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=9)
    >>> ends = trace_ends(Cohort.of(said, coding=Coding(codebook=load_codebook("stages")), episodes=[row]),
    ...                   "withdrawal-2000")
    >>> ends.reached(), ends.first_end.tolist()
    ([<Reached.WITH_SKIPS: 'with skips'>], [2])
    """
    model = as_model(model)
    held = replay_of_all(cohort, model, track=track, tie_rule=tie_rule, follow_skips=follow_skips, any_type=any_type)
    memory, reader, lengths = _memory_of(held.kinds), MoveReader(cohort, held.kinds), held.episodes.lengths
    last, total = np.empty(len(lengths), dtype="i8"), np.empty(len(lengths), dtype="i8")
    for block in blocks_of(held.episodes):
        here = slice(block.low, block.low + len(block.offsets) - 1)
        last[here], total[here] = replay_ends(memory.walk, reader.read(block), offsets=block.offsets,
                                              start=memory.start, gains=memory.gains)
    repaired, ended = total & (_SHARE - 1), total // _SHARE
    return TraceEnds(
        model=model, rows=held.episodes.rows, state=freeze(memory.state[last]),
        first_repair=freeze(np.where(repaired > 0, lengths - repaired, NEVER)),
        first_end=freeze(np.where(ended > 0, lengths - ended, NEVER)), skipped=freeze(memory.skipped[last]),
        end_visible=end_can_be_seen(held.kinds.alphabet), left_out=held.left_out, provenance=held.provenance)


_SHARE = 1 << 32
"""Two sums travel in one number: members since repair below, members since an end above."""

_REPAIRED, _ENDED, _SKIPPED = 1, 2, 4


@attrs.frozen(kw_only=True, eq=False)
class _Memory:
    """A model whose states remember whether repair, an end, or a skipped step came before.

    `state` and `skipped` say what each remembering state stands for. A cell gains one for repair, and one for an end,
    where that has been entered once its move is made: the sum counts the members since, the entering one included.
    """

    walk: Walk
    gains: Whole
    start: int
    state: npt.NDArray[np.int16]
    skipped: Flags


@functools.lru_cache(maxsize=16)
def _memory_of(kinds: Kinds) -> _Memory:
    n, states = len(kinds.next), kinds.alphabet.model.states
    entered = np.array([_REPAIRED * (s.phase == Phase.REPAIR) + _ENDED * s.end for s in states])[kinds.next]
    skips = _SKIPPED * skipping(kinds.alphabet)[:, kinds.symbol]
    everything = np.concatenate([(before | entered | (0 if before & _ENDED else skips)) * n + kinds.next
                                 for before in range(8)])
    known = _reachable(everything, kinds.alphabet.start)
    places, number = np.flatnonzero(known), np.cumsum(known) - 1
    table, flags = number[everything[places]], places // n
    gained = (flags & _REPAIRED > 0) + _SHARE * (flags & _ENDED > 0)
    return _Memory(walk=walk_of(table), gains=gained[table].ravel(), start=int(number[kinds.alphabet.start]),
                   state=(places % n).astype(np.int16), skipped=flags & _SKIPPED > 0)


def _reachable(table: Array, start: int) -> Flags:
    known = np.zeros(len(table), dtype=bool)
    fresh = np.array([start])
    while len(fresh):
        known[fresh] = True
        there = np.unique(table[fresh])
        fresh = there[~known[there]]
    return known


def skipping(alphabet: Alphabet) -> Flags:
    """Return for each state and symbol whether it is taken past steps that could have been seen."""
    found = np.zeros(alphabet.next.shape, dtype=bool)
    for pair, hop in alphabet.hops.items():
        found[pair] = bool(hop.skipped)
    return found


def end_can_be_seen(alphabet: Alphabet) -> bool:
    """Return whether some code shows an end of the model being entered."""
    return any(state.end and seen for state, seen in zip(alphabet.model.states, alphabet.seen, strict=True))


def first_places(at: Whole, offsets: Whole) -> Whole:
    """Return for each episode the place within it of its first member among those picked, `NEVER` where there is none.

    `at` holds numbers of members of all episodes, ascending.

    >>> first_places(np.array([1, 2, 5]), np.array([0, 3, 4, 6])).tolist()
    [1, -1, 1]
    """
    owner = np.searchsorted(offsets, at, side="right") - 1
    fresh = np.diff(owner, prepend=-1) > 0
    found = np.full(len(offsets) - 1, NEVER, dtype="i8")
    found[owner[fresh]] = at[fresh] - offsets[owner[fresh]]
    return found
