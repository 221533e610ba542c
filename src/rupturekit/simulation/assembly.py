"""The tables of a simulated study, and of its truth, made of its streams column by column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import attrs
import numpy as np

from rupturekit import _random, _schema
from rupturekit._schema import ABSENT, ABSENT_CODE
from rupturekit._table import Array, Table, constant, encode
from rupturekit.codebooks import MARKERS
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, ContextEvent, Dyad, Move, ObservedStretch, Rating, Session, Track
from rupturekit.simulation.chances import ACTS, Chances, act_places
from rupturekit.simulation.design import PARTIES, Design
from rupturekit.simulation.draws import dyad_name, halves, named_keys, normals, therapist_name, threshold
from rupturekit.simulation.streams import (
    FIRST_SCORE,
    OPENS,
    Streams,
    dyad_effects,
    session_keys,
    therapist_effects,
)
from rupturekit.simulation.truth import (
    TRUTH_TRACK,
    RuptureEnd,
    Simulated,
    TrueDyad,
    TrueRupture,
    TrueTherapist,
    TrueTurn,
    Truth,
    TurnKind,
)
from rupturekit.vocabulary import (
    Attendance,
    ContextKind,
    MissingReason,
    SamplingPoint,
    TherapyEnd,
    TrackKind,
)

__all__ = ["assembled", "table_of"]

R = TypeVar("R")
Words = tuple[Array, Sequence[str]]
"""Level codes, and the levels."""

_KINDS: Final = tuple(TurnKind)
_ENDS: Final = tuple(RuptureEnd)


def assembled(design: Design, chances: Chances, streams: Streams, *, seed: int) -> Simulated:
    """Make the tables of a study from the streams of all its sessions, those after a dropout left out."""
    held = _Held.of(design, streams)
    cohort = Cohort.of(
        _moves(design, chances, held), coding=Coding(codebook=design.codebook), sessions=_sessions(held),
        dyads=_dyads(design, held), observed=_observed(design, held), ratings=_ratings(design, held, seed=seed),
        context=_context(held),
        tracks=[Track(name=TRUTH_TRACK, kind=TrackKind.CONSENSUS, rule="what was simulated, without coder error")])
    return Simulated(cohort=cohort, truth=Truth(
        turns=_true_turns(design, chances, held), ruptures=_true_ruptures(design, chances, held),
        dyads=_true_dyads(design, held, seed=seed), therapists=_true_therapists(design, seed=seed), design=design,
        seed=seed))


def table_of(record: type[R], count: int, **given: Array | Words | str | int) -> Table[R]:
    """Make a table from columns: arrays, words, or one value for all rows; what is not given is absent."""
    arrays: dict[str, Array] = {}
    levels: dict[str, tuple[str, ...]] = {}
    for name, column in _schema.columns(record).items():
        value = given.get(name)
        if not column.is_word:
            absent = np.nan if column.kind == "float" else ABSENT
            arrays[name] = (value.astype(column.dtype) if isinstance(value, np.ndarray) else
                            constant(absent if value is None else value, count=count, dtype=column.dtype))
        elif isinstance(value, tuple):
            arrays[name], levels[name] = value[0].astype("i4"), tuple(value[1])
        else:
            arrays[name] = constant(ABSENT_CODE if value is None else 0, count=count, dtype="i4")
            levels[name] = () if value is None else (str(value),)
    return Table.from_columns(record, arrays=arrays, levels=levels)


@attrs.frozen(kw_only=True, eq=False)
class _Held:
    """The sessions that were due, and their turns.

    Attributes
    ----------
    last : int64, dyads
        The last session that was due of each.
    rows, turns : int64
        Which of the streams' sessions, and which of their turns.
    dyad, number : int64
        Of each session that was due.
    session : int64
        The session of each turn, as a place in `rows`.
    dyads : tuple of str
        The names of all dyads.
    """

    streams: Streams
    last: Array
    rows: Array
    turns: Array
    dyad: Array
    number: Array
    session: Array
    dyads: tuple[str, ...]

    @classmethod
    def of(cls, design: Design, streams: Streams) -> _Held:
        """Leave out the sessions after a dyad has dropped out."""
        drops = streams.drops.reshape(design.dyads, design.sessions).copy()
        drops[:, -1] = True
        last = drops.argmax(axis=1) + 1
        dyad, before = np.divmod(streams.session, design.sessions)
        due = before < last[dyad]
        whose = np.repeat(np.arange(len(due)), streams.recorded)
        turns = np.flatnonzero(due[whose])
        return cls(streams=streams, last=last, rows=np.flatnonzero(due), turns=turns, dyad=dyad[due],
                   number=before[due] + 1, session=(np.cumsum(due) - 1)[whose[turns]],
                   dyads=tuple(map(dyad_name, range(design.dyads))))

    def by_turn(self, name: str) -> Array:
        """Return a column of the turns."""
        return np.asarray(getattr(self.streams, name)[self.turns])

    def by_session(self, name: str) -> Array:
        """Return a column of the sessions."""
        return np.asarray(getattr(self.streams, name)[self.rows])


# --- what is on record ---------------------------------------------------------------------------------------------


def _moves(design: Design, chances: Chances, held: _Held) -> Table[Move]:
    """Make a move of each code; an act on a need follows the turn's other code at the same instant."""
    code, act, party = held.by_turn("code"), held.by_turn("act"), held.by_turn("party")
    place = np.flatnonzero(np.stack([code >= 0, act >= 0], axis=1).ravel())    # turn by turn, the act second
    turn, is_act = np.divmod(place, 2)
    act_code = act_places(design, chances.codes)[party, act]    # of turns without an act: not asked
    return table_of(
        Move, len(turn), row_id=np.arange(1, len(turn) + 1), track=TRUTH_TRACK, status="coded",
        dyad=(held.dyad[held.session[turn]], held.dyads), session=held.number[held.session[turn]],
        party=(party[turn], PARTIES), code=(np.where(is_act, act_code[turn], code[turn]), chances.codes),
        onset=held.by_turn("onset")[turn], offset=held.by_turn("offset")[turn],
        tie=is_act * (code[turn] >= 0))


def _sessions(held: _Held) -> Table[Session]:
    missed = held.by_session("turns") == 0
    duration = np.where(missed, ABSENT, held.by_session("duration"))
    return table_of(Session, len(held.rows), dyad=(held.dyad, held.dyads), session=held.number,
                    day=(held.number - 1) * 7, attended=(missed.astype(int), [Attendance.YES, Attendance.NO]),
                    duration=duration)


def _dyads(design: Design, held: _Held) -> Table[Dyad]:
    count = len(held.last)
    ended = (held.last < design.sessions).astype(int), [TherapyEnd.AGREED, TherapyEnd.UNILATERAL]
    therapists: dict[str, Words] = {}
    if design.dyads_per_therapist is not None:
        therapists["therapist"] = (np.arange(count) // design.dyads_per_therapist,
                                   tuple(map(therapist_name, range(design.therapists))))
    return table_of(Dyad, count, dyad=(np.arange(count), held.dyads), therapy_end=ended, **therapists)


def _observed(design: Design, held: _Held) -> Table[ObservedStretch]:
    recorded = held.by_session("recorded")
    there = recorded > 0
    return table_of(ObservedStretch, int(there.sum()), dyad=(held.dyad[there], held.dyads),
                    session=held.number[there], track=TRUTH_TRACK, start=0, codebook=design.codebook.name,
                    end=held.by_turn("offset")[np.cumsum(recorded)[there] - 1])


def _context(held: _Held) -> Table[ContextEvent]:
    missed = np.flatnonzero(held.by_session("turns") == 0)
    number, names = held.number[missed], [held.dyads[at] for at in held.dyad[missed].tolist()]
    events = encode([f"missed-{name}-{at}" for name, at in zip(names, number.tolist(), strict=True)])
    return table_of(ContextEvent, len(missed), event=events, dyad=(held.dyad[missed], held.dyads),
                    kind=ContextKind.MISSED_SESSION, session=number, day=(number - 1) * 7)


def _ratings(design: Design, held: _Held, *, seed: int) -> Iterable[Rating]:
    """Make the scores of the sessions that took place, score by score."""
    if not design.scores:
        return
    turns = held.by_session("turns")
    there = np.flatnonzero(turns)
    share = held.by_session("ruptured")[there] / turns[there]
    keys = session_keys(held.streams.session[held.rows[there]], per_dyad=design.sessions, seed=seed)
    own = named_keys(held.dyads, seed=seed, purpose="dyad")
    dyads, numbers = [held.dyads[at] for at in held.dyad[there].tolist()], held.number[there].tolist()
    for at, score in enumerate(design.scores):
        first = FIRST_SCORE + 8 * at
        between = score.dyad_sd * normals(own, first=first)[held.dyad[there]]
        value = score.mean + score.slope * share + between + score.noise_sd * normals(keys, first=first)
        absent = halves(_random.draws_at(keys[:, None], np.array([first + 6], dtype=np.uint64)))[0][:, 0]
        said = np.rint(value * 1000) / 1000
        for dyad, number, one, gone in zip(dyads, numbers, said.tolist(),
                                           (absent < threshold(score.missing)).tolist(), strict=True):
            yield Rating(dyad=dyad, session=number, perspective=score.perspective, measure=score.measure,
                         sampling=SamplingPoint.POST, value=None if gone else one,
                         missing=MissingReason.NOT_COMPLETED if gone else None)


# --- the truth -----------------------------------------------------------------------------------------------------


def _true_turns(design: Design, chances: Chances, held: _Held) -> Table[TrueTurn]:
    states = [state.name for state in design.model.states]
    return table_of(
        TrueTurn, len(held.turns), dyad=(held.dyad[held.session], held.dyads), session=held.number[held.session],
        turn=held.by_turn("turn"), party=(held.by_turn("party"), PARTIES), onset=held.by_turn("onset"),
        offset=held.by_turn("offset"), kind=(held.by_turn("kind"), _KINDS), state=(held.by_turn("state"), states),
        code=(held.by_turn("code"), chances.codes),
        need_act=(held.by_turn("act"), [f"{verb} {need}" for verb, need in ACTS]))


def _true_ruptures(design: Design, chances: Chances, held: _Held) -> Table[TrueRupture]:
    state, turn = held.by_turn("state"), held.by_turn("turn")
    first = np.flatnonzero((held.by_turn("kind") == OPENS) & (state >= 0))
    count, inside = len(first), np.flatnonzero(state >= 0)
    length = np.bincount(np.searchsorted(first, inside, side="right") - 1, minlength=count)
    last, session = first + length - 1, held.session[first]
    shortened = turn[last] == held.by_session("recorded")[session] - 1
    ended = np.select([chances.is_end[state[last]], shortened & held.by_session("cut")[session], shortened],
                      [_ENDS.index(RuptureEnd.REACHED), _ENDS.index(RuptureEnd.RECORDING_CUT),
                       _ENDS.index(RuptureEnd.SESSION_END)], default=_ENDS.index(RuptureEnd.LAPSED))
    return table_of(
        TrueRupture, count, rupture=(np.arange(count), [f"R{at:08d}" for at in range(1, count + 1)]),
        dyad=(held.dyad[session], held.dyads), session=held.number[session], first_turn=turn[first],
        last_turn=turn[last], party=(held.by_turn("party")[first], PARTIES),
        type=encode([_type_of(design, chances.codes[at]) for at in held.by_turn("code")[first].tolist()]),
        end=(ended, _ENDS))


def _type_of(design: Design, code: str) -> str:
    """Return the rupture type of a marker."""
    return next(MARKERS[name] for name in design.codebook.functions_of(code) if name in MARKERS)


def _true_dyads(design: Design, held: _Held, *, seed: int) -> Table[TrueDyad]:
    numbers = np.arange(len(held.last))
    return table_of(TrueDyad, len(numbers), dyad=(numbers, held.dyads), last_session=held.last,
                    effect=dyad_effects(numbers, seed=seed, sd=design.dyad_sd))


def _true_therapists(design: Design, *, seed: int) -> Table[TrueTherapist]:
    numbers = np.arange(design.therapists)
    return table_of(TrueTherapist, len(numbers),
                    therapist=(numbers, tuple(map(therapist_name, range(design.therapists)))),
                    effect=therapist_effects(numbers, seed=seed, sd=design.therapist_sd))
