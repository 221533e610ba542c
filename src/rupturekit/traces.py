"""Traces: how each episode moved from rupture to repair, by one model, with the reason for every step.

The formula is written once, for columns: `trace_cohort` replays all episodes through the compiled model; `trace`
is a cohort of one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import overload

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._frames import FrameColumn, stream
from rupturekit._kernels.replay import blocks, replay
from rupturekit._table import Array, Table, arrays_equal, freeze, held_state, set_closed
from rupturekit._views.traces import trace_table_html, trace_table_text
from rupturekit.alphabet import REASONS, Alphabet
from rupturekit.cohort import Cohort, Episodes, pack_episodes
from rupturekit.ends import Reached, TraceEnds, end_can_be_seen, first_places, skipping, trace_ends
from rupturekit.episode import Episode, EpisodeRow, Move
from rupturekit.errors import OffModelMove, RecordError, expect, listed
from rupturekit.kinds import MoveReader, blocks_of
from rupturekit.provenance import Provenance
from rupturekit.replays import Replay, replay_of, replay_of_all
from rupturekit.state_machine import StateMachine, as_model
from rupturekit.stays import Dwell, Visits, dwell_of, visits_of
from rupturekit.steps import Step, Trace, step_of
from rupturekit.ties import TieRule, TieSearch
from rupturekit.trace_summary import TraceSummary, summary_of
from rupturekit.vocabulary import Phase

__all__ = ["Reached", "Step", "TieRule", "Trace", "TraceEnds", "TraceSummary", "TraceTable", "step_of", "trace",
           "trace_cohort", "trace_ends", "trace_episodes"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TraceTable:
    """The traces of many episodes as columns.

    Attributes
    ----------
    episodes : Episodes
        The episodes traced, members in the order of replay (ties resolved by the rule).
    symbol : int16, one a member
        What the model sees of the move: a symbol of the alphabet.
    before, after : int16, one a member
        States by their place in the model.
    reason : int8, one a member
        0 where an arrow was taken, else the place of the `Reason`, from 1.
    order_dependent : bool, one a member
        Whether another order of the moves at this instant would lead to another state.
    open_ends : mapping of episode number to tuple of state codes
        For episodes that hold order-dependent ties: every state in which they may end.
    left_out : mapping of str to int
        Episodes that were not traced, by reason.

    The table's own columns take eight bytes a move; what moves and episodes hold is the cohort's and not copied. Two
    tables are equal where model, episodes, columns and open ends are, and they were made in one way (tie rule, skips,
    what was left out) of equal records: cohorts of one digest, coded alike. Provenance is not compared.
    """

    cohort: Cohort
    alphabet: Alphabet
    episodes: Episodes
    tie_rule: TieRule
    follow_skips: bool
    symbol: Array
    before: Array
    after: Array
    reason: Array
    order_dependent: Array
    open_ends: Mapping[int, tuple[int, ...]]
    left_out: Mapping[str, int]
    provenance: Provenance = attrs.field(eq=False)

    @property
    def model(self) -> StateMachine:
        """The model that was traced."""
        return self.alphabet.model

    def __len__(self) -> int:
        return len(self.episodes)

    @overload
    def __getitem__(self, at: int) -> Trace: ...
    @overload
    def __getitem__(self, at: slice) -> list[Trace]: ...
    def __getitem__(self, at: int | slice) -> Trace | list[Trace]:
        if isinstance(at, slice):
            return [self[one] for one in range(len(self))[at]]
        return _trace_of(self, range(len(self))[at])

    def __iter__(self) -> Iterator[Trace]:
        return (self[at] for at in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TraceTable):
            return NotImplemented
        names = ("symbol", "before", "after", "reason", "order_dependent")
        return (self.episodes == other.episodes and self.model == other.model
                and self._made_like(other) and self.open_ends == other.open_ends
                and all(arrays_equal(getattr(self, name), getattr(other, name)) for name in names))

    def _made_like(self, other: TraceTable) -> bool:
        mine, theirs = self.cohort, other.cohort
        return (self.tie_rule == other.tie_rule and self.follow_skips == other.follow_skips
                and self.left_out == other.left_out and mine.coding == theirs.coding and mine.digest == theirs.digest)

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def named(self, episode: str) -> Trace:
        """Return the trace of the episode of that identity."""
        names = self.episodes.rows.words("episode")
        if episode not in names:
            raise RecordError(f"no trace of episode {episode!r}; traced are: {listed(map(str, names))}",
                              field="episode", value=episode)
        return self[names.index(episode)]

    def columns(self) -> dict[str, FrameColumn]:
        """Return the long form, one entry a move, episode by episode; words as codes with their levels.

        `episode` counts the traces from 0; `identity` is the episode's own; `row_id` is the move's, in its study;
        `before` and `after` are states by their place in the model; `reason` is -1 where an arrow was taken.
        """
        rows, lengths = self.episodes.rows, self.episodes.lengths
        states = tuple(state.name for state in self.model.states)
        return {
            "episode": FrameColumn(values=np.repeat(np.arange(len(self)), lengths)),
            "identity": FrameColumn(values=np.repeat(rows.episode, lengths), levels=rows.levels["episode"]),
            "row_id": FrameColumn(values=self.cohort.moves.row_id[self.episodes.members]),
            "before": FrameColumn(values=self.before, levels=states, closed=True),
            "after": FrameColumn(values=self.after, levels=states, closed=True),
            "reason": FrameColumn(values=self.reason - np.int8(1), levels=tuple(map(str, REASONS)), closed=True),
            "order_dependent": FrameColumn(values=self.order_dependent),
        }

    def cells(self, span: slice) -> npt.NDArray[np.int64]:
        """Return for members in a span which cell of the next-state table each met: `state * symbols + symbol`."""
        return np.asarray(self.before[span].astype("i8") * self.alphabet.next.shape[1] + self.symbol[span])

    def ends(self) -> TraceEnds:
        """Return how each episode ended: last state, first member in repair and in an end, what was skipped.

        The numbers say which member of its episode it is, counted from 0, or -1 where none is; a -1 may mean "no",
        "censored" or "not observable", which `ends().reached()` tells apart.
        """
        return self._ends

    @functools.cached_property
    def _ends(self) -> TraceEnds:
        offsets, states = self.episodes.offsets, self.model.states
        state = np.full(len(self), self.alphabet.start, dtype=np.int16)
        held = self.episodes.lengths > 0
        state[held] = self.after[offsets[1:][held] - 1]
        first_end = self._first_in([state.end for state in states])
        return TraceEnds(
            model=self.model, rows=self.episodes.rows, state=freeze(state), first_end=freeze(first_end),
            first_repair=freeze(self._first_in([state.phase == Phase.REPAIR for state in states])),
            skipped=freeze(self._skipped_by(first_end)), end_visible=end_can_be_seen(self.alphabet),
            left_out=self.left_out, provenance=self.provenance)

    def _first_in(self, wanted: list[bool]) -> npt.NDArray[np.int64]:
        """Return for each episode the first of its members that leaves it in one of the states wanted."""
        return first_places(np.flatnonzero(np.array(wanted).take(self.after)), self.episodes.offsets)

    def _skipped_by(self, first_end: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return for each episode whether steps were skipped up to its first end."""
        first = np.concatenate([self._first_skips(low, high) for low, high in blocks(len(self))] or [first_end])
        return (first >= 0) & ((first_end < 0) | (first <= first_end))

    def _first_skips(self, low: int, high: int) -> npt.NDArray[np.int64]:
        edges = self.episodes.offsets[low : high + 1]
        skips = skipping(self.alphabet).ravel().take(self.cells(slice(int(edges[0]), int(edges[-1]))))
        return first_places(np.flatnonzero(skips), edges - edges[0])

    def end_states(self) -> npt.NDArray[np.int16]:
        """Return the state in which each episode ends, by its place in the model."""
        return self.ends().state

    def first_repair(self) -> npt.NDArray[np.int64]:
        """Return the first member, from 0, that leaves its episode in a state of phase repair; -1 where none does."""
        return self.ends().first_repair

    def first_end(self) -> npt.NDArray[np.int64]:
        """Return the first member, from 0, that leaves its episode in an end of the model; -1 where none does."""
        return self.ends().first_end

    def reached(self) -> list[Reached]:
        """Return for each episode whether it got to an end."""
        return self.ends().reached()

    def left_end(self) -> npt.NDArray[np.bool_]:
        """Return for each episode whether an end was reached and left again."""
        return self.ends().left_end()

    def dwell(self, by: str = "phase") -> Dwell:
        """Return how long each episode stayed in each phase, or `by="state"` in each state.

        In microseconds, or turns where there is no clock, counted as `Trace.dwell` does: the state after a move lasts
        until the next move of the session or the end of the episode, and time between sessions is not counted.

        Raises
        ------
        StateMachineError
            Where `by` is neither.
        """
        return dwell_of(self.cohort, self.episodes, model=self.model, after=self.after, by=by,
                        provenance=self.provenance)

    def visits(self) -> Visits:
        """Return how often each episode came to each state: how often the state stands in `Trace.path`."""
        return visits_of(self.episodes, model=self.model, before=self.before, after=self.after,
                         provenance=self.provenance)

    def summary(self) -> TraceSummary:
        """Count ends, off-model moves by reason, skipped and unobservable states over all episodes."""
        return summary_of(self)

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row a move, episode by episode, as a data frame holds it: `reason` is null where an arrow was
        taken; states and reasons are words.
        """
        held, long = self.cohort.moves.take(self.episodes.members).frame_columns(), self.columns()
        return {
            **{name: held[name] for name in ("dyad", "track", "session")}, "episode": long["identity"],
            **{name: held[name] for name in ("row_id", "party", "code", "onset")},
            **{name: long[name] for name in ("before", "after", "reason", "order_dependent")},
        }

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Stream the rows of `frame_columns` as Arrow, for any library that reads it; needs pyarrow."""
        return stream(self.frame_columns(), requested_schema)

    def __repr__(self) -> str:
        return (f"TraceTable({len(self):,} episodes, {len(self.before):,} moves, model {self.model.name!r}, "
                f"track {self.provenance.track!r})")

    def __str__(self) -> str:
        return trace_table_text(self)

    def _repr_html_(self) -> str:
        return trace_table_html(self)


# --- making ----------------------------------------------------------------------------------------------------


def trace(episode: Episode, model: StateMachine | str, *, tie_rule: TieRule = TieRule.AS_FILED,
          follow_skips: bool = True, strict: bool = False) -> Trace:
    """Trace how one episode moved from rupture towards repair.

    Every move is a step: an arrow taken, or off the model with its reason, in which case the state stays. A
    move that the model expects only later is followed there and the steps between are *skipped*, unless no code
    could have shown them, in which case they are *passed*.

    Parameters
    ----------
    tie_rule : TieRule
        In which order moves at one instant are replayed; inside a segment all codes are unordered.
    follow_skips : bool
        False keeps the state on a move that is expected only later (reason `ahead`).
    strict : bool
        Raise at the first move that is off the model.

    Raises
    ------
    OffModelMove
        With `strict`, at the first move that no arrow takes.
    PartyMismatch
        Where the model names a party that the study lacks.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, seconds
    >>> from rupturekit.state_machine import load_model
    >>> coding = Coding(codebook=load_codebook("stages"))
    >>> said = [Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1),
    ...         Move(dyad="D1", session=1, track="r1", party="therapist", code="invite", onset=seconds(40), row_id=2)]
    >>> trace(Episode.of(said, coding=coding), load_model("withdrawal-2000")).path
    ('withdrawal', 'disembedding')
    """
    expect(episode, Episode, what="an episode", remedy="trace_cohort(cohort, model) traces many")
    cohort = _cohort_of_one(episode)
    made = trace_episodes(cohort, cohort.columns, model=as_model(model), tie_rule=tie_rule, left_out={},
                          follow_skips=follow_skips, track=episode.row.track)
    traced = attrs.evolve(made[0], episode=attrs.evolve(episode, moves=tuple(step.move for step in made[0].steps)))
    if strict:
        _refuse_off_model(traced)
    return traced


def _cohort_of_one(episode: Episode) -> Cohort:
    """Pack one episode as it stands: its order and members are its own, whatever they are."""
    moves = Table.of(Move, episode.moves)
    rows = Table.of(EpisodeRow, [episode.row])
    packed = pack_episodes(moves, rows, [np.arange(len(moves), dtype="i8")])
    cohort = Cohort.of((), coding=episode.coding, labels=episode.labels)
    return attrs.evolve(cohort, moves=moves, coded=packed, columns=packed)


def _refuse_off_model(traced: Trace) -> None:
    for at, step in enumerate(traced.steps):
        if step.reason is not None:
            allowed = [str(arrow.when) for arrow in traced.model.transitions
                       if arrow.source == step.before and arrow.when]
            raise OffModelMove(episode=traced.episode.episode, step=at + 1, state=step.before,
                               move=f"{step.move.party or 'somebody'}: {step.move.code}", reason=step.reason,
                               allowed=allowed)


def trace_cohort(cohort: Cohort, model: StateMachine | str, *, track: str | None = None,
                 tie_rule: TieRule = TieRule.AS_FILED, follow_skips: bool = True, any_type: bool = False) -> TraceTable:
    """Trace every episode in force of a cohort; equal to tracing them one by one.

    Episodes that opened with another rupture type than the model's, or by a party whose markers do not begin the
    model, are left out and counted in `left_out`, unless `any_type` is set; so are episodes without moves. With
    `track`, episodes of other tracks are not looked at.

    Raises
    ------
    RecordError
        Where `track` names a reading that is not there, or there is no such tie rule.
    PartyMismatch
        Where the model names a party that the study lacks.
    """
    return _table_of(replay_of_all(cohort, as_model(model), track=track, tie_rule=tie_rule, follow_skips=follow_skips,
                                   any_type=any_type))


def trace_episodes(cohort: Cohort, episodes: Episodes, *, model: StateMachine, tie_rule: TieRule, follow_skips: bool,
                   left_out: Mapping[str, int], track: str | None = None) -> TraceTable:
    """Trace episodes of a cohort that are given, whatever they opened with and whichever are in force."""
    return _table_of(replay_of(cohort, episodes, model=model, tie_rule=tie_rule, follow_skips=follow_skips, track=track,
                               left_out=left_out))


def _table_of(held: Replay) -> TraceTable:
    columns, open_ends = _replayed(held)
    return TraceTable(cohort=held.cohort, alphabet=held.kinds.alphabet, episodes=held.episodes, tie_rule=held.tie_rule,
                      follow_skips=held.follow_skips, open_ends=open_ends, left_out=held.left_out,
                      provenance=held.provenance, **{name: freeze(values) for name, values in columns.items()})


def _replayed(held: Replay) -> tuple[dict[str, Array], dict[int, tuple[int, ...]]]:
    """Return the columns of a trace table, and the ends left open; block by block, so that little else is held."""
    kinds, count = held.kinds, len(held.episodes.members)
    said = kinds.by_cell()
    columns = {name: np.empty(count, dtype=values.dtype) for name, values in said.items()}
    columns["order_dependent"] = np.zeros(count, dtype=bool)
    open_ends: dict[int, tuple[int, ...]] = {}
    reader = MoveReader(held.cohort, kinds)
    ties = TieSearch(held.cohort, reader)
    for block in blocks_of(held.episodes):
        cells = replay(kinds.walk, reader.read(block), offsets=block.offsets, start=kinds.alphabet.start)
        at = cells.astype(np.intp)    # once, and not in every take
        for name, values in said.items():
            np.take(values, at, out=columns[name][block.span], mode="clip")    # no cell lies outside
        columns["order_dependent"][block.span], ends = ties.look(block, columns["before"][block.span])
        open_ends |= ends
    return columns, open_ends


# --- one of many -----------------------------------------------------------------------------------------------


def _trace_of(table: TraceTable, at: int) -> Trace:
    low, high = table.episodes.offsets[at : at + 2].tolist()
    model, cohort = table.model, table.cohort
    moves = tuple(cohort.moves[member] for member in table.episodes.members[low:high].tolist())
    row = table.episodes.rows[at]
    episode = Episode(row=row, coding=cohort.coding, moves=moves,
                      new_session=tuple(table.episodes.new_session[low:high].tolist()),
                      labels=cohort.labels_on(row))
    steps = tuple(_step(table, where, move) for where, move in zip(range(low, high), moves, strict=True))
    one = attrs.evolve(table, episodes=table.episodes.take(np.array([at])), symbol=table.symbol[low:high],
                       before=table.before[low:high], after=table.after[low:high])
    seen = table.alphabet.seen
    return Trace(episode=episode, model=model, codebook=cohort.coding.codebook.name, steps=steps,
                 reached=one.reached()[0],
                 unobservable=tuple(s.name for n, s in enumerate(model.states) if not (seen[n] or s.initial)),
                 open_ends=tuple(model.states[state].name for state in table.open_ends.get(at, ())),
                 provenance=attrs.evolve(table.provenance, track=row.track))


def _step(table: TraceTable, where: int, move: Move) -> Step:
    reason = REASONS[table.reason[where] - 1] if table.reason[where] else None
    return step_of(table.alphabet, move, before=int(table.before[where]), symbol=int(table.symbol[where]),
                   reason=reason, order_dependent=bool(table.order_dependent[where]))
