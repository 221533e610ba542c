"""Traces: how each episode moved from rupture to repair, by one model, with the reason for every step.

The formula is written once, for columns: `trace_cohort` replays all episodes through the compiled model; `trace`
is a cohort of one.
"""

from __future__ import annotations

import functools
import html
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import overload

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.replay import replay
from rupturekit._schema import ABSENT, ABSENT_CODE
from rupturekit._table import Array, Table, arrays_equal, freeze, held_state, set_closed
from rupturekit.alphabet import REASONS, Alphabet, Reason, compile_model
from rupturekit.codebooks import MARKERS
from rupturekit.cohort import Cohort, Episodes, choose_track, pack_episodes
from rupturekit.episode import Episode, EpisodeRow, Move, clock_text
from rupturekit.errors import CodingWarning, OffModelMove, RecordError, listed
from rupturekit.provenance import Provenance
from rupturekit.state_machine import StateMachine, Transition, as_model
from rupturekit.ties import TieRule, in_tie_order, instants, order_dependence
from rupturekit.vocabulary import ClosedBy, EpisodeSource, Outcome, Phase, RepairSource, RuptureType

__all__ = ["Reached", "Step", "TieRule", "Trace", "TraceSummary", "TraceTable", "trace", "trace_cohort"]

class Reached(StrEnum):
    """Whether the path got to an end of the model."""

    YES = "yes"
    WITH_SKIPS = "with skips"
    NO = "no"
    CENSORED = "censored"
    NOT_OBSERVABLE = "not observable"


@attrs.frozen(kw_only=True)
class Step:
    """One move of an episode, and what it did to the state.

    Attributes
    ----------
    reason : Reason or None
        Why the move is off the model; None where an arrow was taken.
    passed : tuple of str
        Steps passed unseen, since no code of the codebook could show them.
    skipped : tuple of str
        Steps the model expects before, which could have been seen and were not.
    order_dependent : bool
        Several moves stand at this instant and another order would end in another state.
    """

    move: Move
    before: str
    after: str
    arrow: Transition | None
    reason: Reason | None
    passed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    order_dependent: bool = False

    @property
    def taken(self) -> bool:
        """Whether an arrow of the model was taken."""
        return self.reason is None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class TraceTable:
    """The traces of many episodes as columns.

    Attributes
    ----------
    episodes : Episodes
        The episodes traced, members in the order of replay (ties resolved by the rule).
    before, after : int16, one a member
        States by their place in the model.
    reason : int8, one a member
        0 where an arrow was taken, else the place of the `Reason`, from 1.
    order_dependent : bool, one a member
    open_ends : mapping of episode number to tuple of state codes
        For episodes that hold order-dependent ties: every state in which they may end.
    left_out : mapping of str to int
        Episodes that were not traced, by reason.
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
                and self.open_ends == other.open_ends
                and all(arrays_equal(getattr(self, name), getattr(other, name)) for name in names))

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

    def reached(self) -> list[Reached]:
        """Return for each episode whether it got to an end."""
        number = np.repeat(np.arange(len(self)), self.episodes.lengths)
        at_end = np.bincount(number[self._at_end], minlength=len(self)) > 0
        skipped = np.bincount(number[self._skips & self.until_end], minlength=len(self)) > 0
        closed = self.episodes.rows.words("closed_by")
        return [_reached(end, skip, by, self._end_can_be_seen)
                for end, skip, by in zip(at_end.tolist(), skipped.tolist(), closed, strict=True)]

    @functools.cached_property
    def _at_end(self) -> Array:
        """Whether each move leaves the episode in an end."""
        return np.array([state.end for state in self.model.states], dtype=bool)[self.after]

    @functools.cached_property
    def _skips(self) -> Array:
        """Whether each move went past steps that could have been seen."""
        skipping = np.zeros(self.alphabet.next.shape, dtype=bool)
        for pair, hop in self.alphabet.hops.items():
            skipping[pair] = bool(hop.skipped)
        return skipping[self.before, self.symbol]

    @functools.cached_property
    def until_end(self) -> Array:
        """Whether each move stands before the episode's first end is entered, or enters it."""
        past = np.cumsum(self._at_end) - self._at_end
        first = np.repeat(past[np.minimum(self.episodes.offsets[:-1], max(len(past) - 1, 0))],
                          self.episodes.lengths) if len(past) else past
        return np.asarray(past == first)

    def left_end(self) -> Array:
        """Return for each episode whether an end was reached and left again."""
        number = np.repeat(np.arange(len(self)), self.episodes.lengths)
        reached = np.bincount(number[self._at_end], minlength=len(self)) > 0
        final = np.zeros(len(self), dtype=bool)
        held = self.episodes.lengths > 0
        final[held] = self._at_end[self.episodes.offsets[1:][held] - 1]
        return reached & ~final

    @functools.cached_property
    def _end_can_be_seen(self) -> bool:
        return any(state.end and seen for state, seen in zip(self.model.states, self.alphabet.seen, strict=True))

    def summary(self) -> TraceSummary:
        """Count ends, off-model moves by reason, skipped and unobservable states over all episodes."""
        return _summary(self)

    def __repr__(self) -> str:
        return (f"TraceTable({len(self):,} episodes, {len(self.before):,} moves, model {self.model.name!r}, "
                f"track {self.provenance.track!r})")


def _reached(at_end: bool, skipped: bool, closed_by: str | None, visible: bool) -> Reached:
    if at_end:
        return Reached.WITH_SKIPS if skipped else Reached.YES
    if not visible:
        return Reached.NOT_OBSERVABLE
    return Reached.CENSORED if closed_by == ClosedBy.OBSERVATION_END else Reached.NO


@attrs.frozen(kw_only=True, repr=False)
class Trace:
    """How one episode moved through a model.

    Attributes
    ----------
    path : tuple of str
        The states, in order, without repeats of the same state.
    reached : Reached
        Whether an end was reached: in the model's order, with steps skipped, not, not to be seen with this
        codebook, or not known because observation stopped.
    open_ends : tuple of str
        Every state in which the episode may end, where moves at one instant make that uncertain.
    """

    episode: Episode
    model: StateMachine
    codebook: str
    steps: tuple[Step, ...]
    reached: Reached
    unobservable: tuple[str, ...]
    open_ends: tuple[str, ...]
    provenance: Provenance = attrs.field(eq=False)

    @property
    def path(self) -> tuple[str, ...]:
        """The states in order, without repeats of the same state."""
        states = [self.model.initial]
        for step in self.steps:
            if step.after != states[-1]:
                states.append(step.after)
        return tuple(states)

    @property
    def end(self) -> str:
        """The state in which the episode ends."""
        return self.steps[-1].after if self.steps else self.model.initial

    @property
    def outcome(self) -> Outcome | None:
        """What the model calls the end, where the episode ends in one that it names; None otherwise."""
        return self.model[self.end].outcome

    @property
    def off_model(self) -> tuple[Step, ...]:
        """The steps that took no arrow."""
        return tuple(step for step in self.steps if not step.taken)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Steps that could have been seen and were passed by on the way to the first end."""
        return tuple(dict.fromkeys(name for step in self._until_end() for name in step.skipped))

    @property
    def left_end(self) -> bool:
        """Whether an end was reached and left again."""
        return not self.model[self.end].end and any(self.model[step.after].end for step in self.steps)

    def _until_end(self) -> tuple[Step, ...]:
        first = next((at for at, step in enumerate(self.steps, start=1) if self.model[step.after].end), None)
        return self.steps[:first]

    @property
    def passed(self) -> tuple[str, ...]:
        """Steps that were passed unseen, since the codebook has no code that shows them."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.passed))

    def dwell(self) -> dict[Phase, int]:
        """Return how long each phase lasted, in microseconds, or in turns where there is no clock.

        Time from one move to the next counts for the state after the first; the last move's state lasts until
        the end of the episode. Time between sessions is not counted; states passed unseen take no time.
        """
        lasted: dict[Phase, int] = {}
        for step, until in zip(self.steps, self._untils(), strict=True):
            phase = self.model[step.after].phase
            lasted[phase] = lasted.get(phase, 0) + max(0, until - step.move.onset)
        return lasted

    def _untils(self) -> list[int]:
        """Return until when each step's state lasts: the next move in the session, or the end of the episode."""
        row, untils = self.episode.row, []
        for at, step in enumerate(self.steps):
            later = self.steps[at + 1].move if at + 1 < len(self.steps) else None
            if later is not None:
                untils.append(later.onset if later.session == step.move.session else step.move.onset)
            else:
                untils.append(row.end if row.last_session == step.move.session else step.move.onset)
        return untils

    def dwell_seconds(self) -> dict[Phase, float]:
        """Return how long each phase lasted, in seconds.

        Raises
        ------
        NoClock
            Where the study records turns or a bare order.
        """
        return {phase: self.episode.coding.in_seconds(lasted) for phase, lasted in self.dwell().items()}

    @property
    def repair(self) -> dict[RepairSource, tuple[str, ...]]:
        """The three sources of repair, side by side and never merged: every statement with who made it.

        A source that says nothing is an empty tuple.
        """
        stated: dict[RepairSource, tuple[str, ...]] = {RepairSource.REACHED_END: (self.reached.value,)}
        for source in (RepairSource.RATED_RESOLUTION, RepairSource.REPORTED_RESOLUTION):
            stated[source] = tuple(
                f"{label.value} ({label.rater or label.party or label.perspective or 'not said who'})"
                for label in self.episode.labels if label.attribute == source)
        return stated

    def __repr__(self) -> str:
        return (f"Trace(episode {self.episode.episode!r}, model {self.model.name!r}: {' -> '.join(self.path)}; "
                f"end reached: {self.reached})")

    def __str__(self) -> str:
        lines = [repr(self)]
        for step, fresh in zip(self.steps, self.episode.new_session, strict=True):
            lines += [f"  -- session {step.move.session} --"] if fresh else []
            lines.append(f"  {self._line(step)}")
        return "\n".join(lines)

    def _line(self, step: Step) -> str:
        when, what = self.episode.coding.when(step.move.onset), self.episode.name_of(step.move)
        marks = [f"off model: {step.reason}"] if step.reason else []
        marks += [f"skipped: {listed(step.skipped)}"] if step.skipped else []
        marks += [f"passed unseen: {listed(step.passed)}"] if step.passed else []
        marks += ["another order at this instant would end elsewhere"] if step.order_dependent else []
        tail = f"   ({'; '.join(marks)})" if marks else ""
        return f"{when:>8}  {step.before}  --{step.move.party or 'somebody'}: {what}-->  {step.after}{tail}"

    def explain(self) -> str:
        """Tell in plain words what was traced, why, and where on the tape to look."""
        return "\n".join(_explanation(self))

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in (
                self.episode.coding.when(s.move.onset), s.move.party or "", self.episode.name_of(s.move), s.before,
                s.after, "taken" if s.taken else f"off model: {s.reason}")) + "</tr>" for s in self.steps
        )
        return (f"<table><caption>{html.escape(repr(self))}</caption><thead><tr><th>when</th><th>who</th><th>what</th>"
                f"<th>from</th><th>to</th><th></th></tr></thead><tbody>{rows}</tbody></table>")


def _explanation(trace: Trace) -> Iterator[str]:
    row, coding, model = trace.episode.row, trace.episode.coding, trace.model
    yield (f"Episode {row.episode} (dyad {row.dyad}, track {row.track}), from session {row.first_session} "
           f"{coding.when(row.onset)} to session {row.last_session} {coding.when(row.end)}, drawn by "
           f"{_drawn_by(trace)}.")
    yield f"Model {model.name}: {model.evidence_text()}. Codes: {trace.codebook}."
    yield f"It begins in '{model.initial}', where the model puts every episode."
    for step, fresh in zip(trace.steps, trace.episode.new_session, strict=True):
        if fresh:
            yield f"  In session {step.move.session}:"
        yield f"  {_told(trace, step)}"
    yield from _told_gaps(trace)
    yield _told_end(trace)


def _drawn_by(trace: Trace) -> str:
    """Return who drew the episode; one that was traced alone no longer knows its rule's name."""
    rule = trace.provenance.rules[0].rpartition(":")[0] or trace.provenance.rules[0]
    if trace.episode.row.source is EpisodeSource.CODERS:
        return "its coders"
    return "a rule" if rule == EpisodeSource.CODERS else f"the rule {rule!r}"


def _told(trace: Trace, step: Step) -> str:
    move = step.move
    who, what = move.party or "somebody", trace.episode.name_of(move)
    tape = f"move {move.row_id}" + (f", row {move.source_row} of the file" if move.source_row is not None else "")
    tape += f", recording at {clock_text(move.media)}" if move.media is not None else ""
    tape += f", note {move.note!r}" if move.note is not None else ""
    said = f"{trace.episode.coding.when(move.onset)} {who}: {what} [{tape}]"
    did = _did(step, step.arrow) if step.arrow else f"off the model in '{step.before}', {_why(step, who)}"
    return f"{said}: {did}" + ("; the order at this instant matters" if step.order_dependent else "")


def _did(step: Step, arrow: Transition) -> str:
    stays = "stays in" if step.before == step.after else "goes to"
    text = f"{stays} '{step.after}' (arrow {arrow.evidence}: {arrow.when})"
    text += f"; past {_quoted(step.passed)}, which these codes cannot show" if step.passed else ""
    return text + (f"; skipped {_quoted(step.skipped)}" if step.skipped else "")


def _why(step: Step, who: str) -> str:
    before = f" ({_quoted(step.skipped)} would come first)" if step.skipped else ""
    return {
        Reason.NO_ARROW: "no arrow from there has this function",
        Reason.WRONG_PARTY: f"the arrow with this function is not for {who}",
        Reason.GUARD: "the arrow's guard is not met",
        Reason.AFTER_END: "the process is over there",
        Reason.AMBIGUOUS: "it fits more than one arrow",
        Reason.NO_FUNCTION: "the codebook gives this code no function",
        Reason.AHEAD: f"the model expects it only later{before}",
        None: "",
    }[step.reason]


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _told_gaps(trace: Trace) -> Iterator[str]:
    if trace.skipped:
        yield f"Expected on the way and not seen there: {_quoted(trace.skipped)}."
    if trace.unobservable:
        yield f"Could not be seen with {trace.codebook} at all: {_quoted(trace.unobservable)}; these count as neither."
    if trace.open_ends:
        yield f"Moves at one instant leave the end open between {_quoted(trace.open_ends)}."


def _told_end(trace: Trace) -> str:
    row = trace.episode.row
    text = {
        Reached.YES: "An end of the model was reached, each step in its order.",
        Reached.WITH_SKIPS: "An end of the model was reached, with steps skipped.",
        Reached.NO: "No end of the model was reached.",
        Reached.CENSORED: "No end was reached before observation stopped; what came after is not known.",
        Reached.NOT_OBSERVABLE: "Whether an end was reached cannot be seen with these codes.",
    }[trace.reached]
    text += " It was left again." if trace.left_end else ""
    text += f" It ends in '{trace.end}' (closed by: {row.closed_by.replace('_', ' ')})."
    if row.closed_by_outcome:
        text += " The rule closed it because it saw a resolution, so reaching an end is partly by construction."
    others = [f"{source.replace('_', ' ')}: {listed(said)}" for source, said in trace.repair.items()
              if said and source is not RepairSource.REACHED_END]
    return text + (f" Other sources of repair: {'; '.join(others)}." if others else "")


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
    cohort = _cohort_of_one(episode)
    made = _trace_columns(cohort, cohort.columns, as_model(model), tie_rule, follow_skips, track=episode.row.track,
                          left_out={})
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
        Where `track` names a reading that is not there.
    PartyMismatch
        Where the model names a party that the study lacks.
    """
    model, rows = as_model(model), cohort.columns.rows
    keep = np.ones(len(rows), dtype=bool)
    if track is not None:
        choose_track(cohort, track)
        keep &= rows.track == rows.code_of("track", word=track)
    if not keep.any():
        warnings.warn("no episodes are in force" + (f" in track {track!r}" if track else "")
                      + ": nothing to trace; cut the sessions first, with segment()", CodingWarning, stacklevel=2)
    left_out: dict[str, int] = {}
    for why, other in _unfit(cohort, model, any_type=any_type):
        if (keep & other).any():
            left_out[why] = int((keep & other).sum())
        keep &= ~other
    return _trace_columns(cohort, cohort.columns.take(keep), model, tie_rule, follow_skips, track=track,
                          left_out=left_out)


def _unfit(cohort: Cohort, model: StateMachine, *, any_type: bool) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Yield why episodes are not held against a model, and which."""
    rows = cohort.columns.rows
    yield "holds no moves", np.asarray(cohort.columns.lengths == 0)
    if any_type:
        return
    if model.type is not None:
        yield f"opened with another rupture type than {model.type}", ~_types_fit(rows, model.type)
    people = _whose(model)
    if people is not None:
        codes = [rows.code_of("party", word=party) for party in people]
        yield f"opened by somebody whose ruptures {model.name} does not describe", ~np.isin(
            rows.party, [*codes, ABSENT_CODE])


def _whose(model: StateMachine) -> frozenset[str] | None:
    """Return whose markers begin the model, or None where it takes anybody's."""
    marking = [arrow.when for arrow in model.transitions
               if arrow.source == model.initial and arrow.when and not MARKERS.keys().isdisjoint(arrow.when.functions)]
    people = {when.party for when in marking}
    return None if not people or None in people else frozenset(party for party in people if party is not None)


def _types_fit(rows: Table[EpisodeRow], wanted: RuptureType) -> npt.NDArray[np.bool_]:
    """Return which episodes may be held against a model for a type: the same, mixed, or not said."""
    codes = [rows.code_of("rupture_type", word=word) for word in (wanted, RuptureType.MIXED)]
    return np.isin(rows.rupture_type, [*codes, ABSENT_CODE])


def _trace_columns(cohort: Cohort, episodes: Episodes, model: StateMachine, tie_rule: TieRule, follow_skips: bool, *,
                   track: str | None, left_out: Mapping[str, int]) -> TraceTable:
    alphabet = compile_model(model, cohort.coding.codebook, parties=cohort.coding.parties, follow_skips=follow_skips)
    ordered = in_tie_order(cohort, episodes, tie_rule)
    party, code = _alphabet_codes(cohort, alphabet)
    moves, members = cohort.moves, ordered.members
    kinds = functools.partial(alphabet.symbols, party=party[members], code=code[members],
                              rating=moves.rating[members], onset=_since_onset(cohort, ordered))
    since = _since_previous(cohort, ordered)
    symbol = kinds(previous=since)
    before = replay(alphabet.next, symbol, offsets=ordered.offsets, start=alphabet.start)
    after = alphabet.next[before, symbol]
    reason = _reason_codes(alphabet, before, symbol, party[members], code[members])
    edges = np.flatnonzero(np.diff(instants(cohort, ordered), prepend=0, append=-1))
    first = np.repeat(since[edges[:-1]], np.diff(edges))
    lead = kinds(previous=first)
    rest = kinds(previous=np.full(len(members), 0 if cohort.coding.time.has_clock else ABSENT, dtype="i8"))
    dependent, open_ends = order_dependence(ordered, alphabet, edges, np.stack([lead, rest], axis=1), before)
    tracks = ordered.rows.levels["track"]
    track = tracks[0] if track is None and len(tracks) == 1 else track
    provenance = cohort.provenance(model=f"{model.name}:{model.digest}", track=track, rules=(
        cohort.rule, f"ties {tie_rule}", "skips followed" if follow_skips else "skips not followed"))
    return TraceTable(cohort=cohort, alphabet=alphabet, episodes=ordered, tie_rule=tie_rule, follow_skips=follow_skips,
                      symbol=freeze(symbol), before=freeze(before), after=freeze(after), reason=freeze(reason),
                      order_dependent=freeze(dependent), open_ends=open_ends, left_out=dict(left_out),
                      provenance=provenance)


def _alphabet_codes(cohort: Cohort, alphabet: Alphabet) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return party and code of every move as the alphabet counts them; -1 where there is none."""
    people = {name: at for at, name in enumerate(alphabet.parties)}
    codes = {code.code: at for at, code in enumerate(alphabet.codebook.codes)}
    party = np.array([*(people.get(word, -1) for word in cohort.moves.levels["party"]), -1], dtype="i8")
    code = np.array([*(codes.get(word, -1) for word in cohort.moves.levels["code"]), -1], dtype="i8")
    return party[cohort.moves.party], code[cohort.moves.code]


def _since_previous(cohort: Cohort, episodes: Episodes) -> npt.NDArray[np.int64]:
    """Return the time since the move before; `ABSENT` for the first of an episode or session, or without clock."""
    since = np.full(len(episodes.members), ABSENT, dtype="i8")
    if cohort.coding.time.has_clock and len(since):
        onset = cohort.moves.onset[episodes.members]
        since[1:] = np.diff(onset)
        since[episodes.new_session] = ABSENT
        since[episodes.offsets[:-1][episodes.lengths > 0]] = ABSENT
    return since


def _since_onset(cohort: Cohort, episodes: Episodes) -> npt.NDArray[np.int64]:
    """Return the time since the episode's first move; `ABSENT` once a new session has begun, or without clock."""
    if not cohort.coding.time.has_clock:
        return np.full(len(episodes.members), ABSENT, dtype="i8")
    onset, session = cohort.moves.onset[episodes.members], cohort.moves.session[episodes.members]
    first = np.repeat(episodes.offsets[:-1], episodes.lengths)
    return np.where(session == session[first], onset - onset[first], ABSENT)


def _reason_codes(alphabet: Alphabet, before: Array, symbol: Array, party: Array, code: Array) -> npt.NDArray[np.int8]:
    taken = np.zeros(alphabet.next.shape, dtype=bool)
    for pair in alphabet.hops:
        taken[pair] = True
    forced = np.zeros(alphabet.next.shape, dtype=np.int8)
    for pair, why in alphabet.forced.items():
        forced[pair] = REASONS.index(why) + 1
    kind = forced[before, symbol]
    reasons = np.where(kind > 0, kind, alphabet.reason[before, party, code]).astype(np.int8)
    reasons[taken[before, symbol]] = 0
    return reasons


# --- objects and counts ----------------------------------------------------------------------------------------


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


def step_of(alphabet: Alphabet, move: Move, *, before: int, symbol: int, reason: Reason | None,
            order_dependent: bool) -> Step:
    """Return what a move with a symbol does in a state, by name."""
    states = alphabet.model.states
    hop = alphabet.hops.get((before, symbol))
    late = hop or alphabet.ahead.get((before, symbol))
    return Step(
        move=move, before=states[before].name, after=states[int(alphabet.next[before, symbol])].name,
        arrow=alphabet.model.transitions[hop.arrow] if hop else None, reason=reason,
        passed=hop.passed if hop else (), skipped=late.skipped if late else (), order_dependent=order_dependent,
    )


@attrs.frozen(kw_only=True, repr=False)
class TraceSummary:
    """Counts over the traces of a cohort; every share says of how many."""

    model: str
    evidence: str
    n_dyads: int
    n_episodes: int
    n_moves: int
    reached: Mapping[str, int]
    off_model: Mapping[str, int]
    skipped: Mapping[str, int]
    passed: Mapping[str, int]
    order_dependent: int
    closed_by_outcome: int
    left_end: int
    left_out: Mapping[str, int]
    provenance: Provenance = attrs.field(eq=False)

    def __repr__(self) -> str:
        return f"TraceSummary({self.model!r}, {self.n_episodes:,} episodes of {self.n_dyads:,} dyads)"

    def __str__(self) -> str:
        return "\n".join(f"{title}: {value}" for title, value in self.lines())

    def lines(self) -> list[tuple[str, str]]:
        """Return the summary as (title, value) pairs."""
        said = [
            ("model", f"{self.model} ({self.evidence})"),
            ("n", f"{self.n_episodes:,} episodes, {self.n_moves:,} moves, {self.n_dyads:,} dyads"),
            ("end reached", _counted(self.reached, self.n_episodes)),
            ("off-model moves", _counted(self.off_model, self.n_moves)),
            ("skipped steps", _counted(self.skipped, self.n_episodes)),
            ("passed unseen", _counted(self.passed, self.n_episodes)),
            ("episodes whose path depends on the order at one instant", f"{self.order_dependent:,}"),
        ]
        if self.closed_by_outcome:
            said.append(("closed by their outcome", f"{self.closed_by_outcome:,} episodes were closed because a "
                         "resolution was seen: the share that reached an end is partly by construction"))
        if self.left_end:
            said.append(("left the end again", f"{self.left_end:,} episodes (of {self.n_episodes:,})"))
        said += [("left out", f"{n:,} episodes ({why})") for why, n in self.left_out.items()]
        return said

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{html.escape(title)}</th><td>{html.escape(value)}</td></tr>"
                       for title, value in self.lines())
        return f"<table><caption>Traces by {html.escape(self.model)}</caption><tbody>{rows}</tbody></table>"


def _counted(counts: Mapping[str, int], of: int) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items()) + f" (of {of:,})" if counts else "none"


def _summary(table: TraceTable) -> TraceSummary:
    rows = table.episodes.rows
    number = np.repeat(np.arange(len(table)), table.episodes.lengths)
    pairs = Counter(zip(table.before.tolist(), table.symbol.tolist(), strict=True))
    reasons = np.bincount(table.reason, minlength=len(REASONS) + 1)
    return TraceSummary(
        model=table.model.name, evidence=table.model.evidence_text(),
        n_dyads=len(rows.levels["dyad"]), n_episodes=len(table), n_moves=len(table.before),
        reached={reached.value: n for reached in Reached if (n := table.reached().count(reached))},
        off_model={why.value: int(reasons[at]) for at, why in enumerate(REASONS, start=1) if reasons[at]},
        skipped=_episodes_with(table, number, pairs, "skipped"),
        passed=_episodes_with(table, number, pairs, "passed"),
        order_dependent=len(np.unique(number[table.order_dependent])),
        closed_by_outcome=int(rows.closed_by_outcome.sum()), left_end=int(table.left_end().sum()),
        left_out=table.left_out, provenance=table.provenance,
    )


def _episodes_with(table: TraceTable, number: Array, pairs: Counter[tuple[int, int]], what: str) -> dict[str, int]:
    """Count for each name in how many episodes it was skipped, or passed unseen."""
    seen: dict[str, set[int]] = {}
    for pair in pairs:
        names = _names_in(table.alphabet, pair, what)
        if names:
            held = (table.before == pair[0]) & (table.symbol == pair[1])
            here = number[held & table.until_end if what == "skipped" else held].tolist()
            for name in names:
                seen.setdefault(name, set()).update(here)
    return {name: len(seen[name]) for name in sorted(seen) if seen[name]}


def _names_in(alphabet: Alphabet, pair: tuple[int, int], what: str) -> tuple[str, ...]:
    hop = alphabet.hops.get(pair)
    if what == "passed":
        return hop.passed if hop else ()
    late = hop or alphabet.ahead.get(pair)
    return late.skipped if late else ()
