"""Coders with known error: what they confuse, miss, code late and cut differently, in runs and drifting.

A rater sees the turns of the truth in order. Units first: one may be joined to the same party's unit before it, where
that has the same code, or split in two. Then each unit is coded, missed or coded late. A rater's attention is a number
from 0 to 1 that stays as it is for `run` units on average and is then drawn anew; a unit is misread where it lies below
the unit's error rate. So each error rate is as stated, unit by unit, while errors come in runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import numpy as np

from rupturekit import _random
from rupturekit._table import Array, Table
from rupturekit.codebooks import Codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Move, ObservedStretch, Track
from rupturekit.errors import NotEstimable, RecordError, did_you_mean, listed
from rupturekit.simulation.assembly import table_of
from rupturekit.simulation.design import is_number
from rupturekit.simulation.draws import halves, log_odds, logistic, named_keys, threshold
from rupturekit.simulation.truth import TRUTH_TRACK, Simulated
from rupturekit.vocabulary import TrackKind

__all__ = ["Rater", "confusions", "rate"]


def _shares(instance: Rater, field: attrs.Attribute[Any], value: Any) -> None:
    if not is_number(value) or not 0 <= value <= 1:
        _refuse(instance, field.name, "a probability from 0 to 1", value)


def _word(instance: Rater, field: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        _refuse(instance, field.name, "a word", value)


def _refuse(rater: Rater, field: str, wanted: str, value: object) -> None:
    raise RecordError(f"rater {rater.name!r}: expected {field} as {wanted} but got {value!r:.80}", field=field,
                      value=value)


def _own(value: Any) -> Any:
    return {code: dict(row) for code, row in value.items()} if isinstance(value, Mapping) else value


@attrs.frozen(kw_only=True)
class Rater:
    """A coder, by error.

    Attributes
    ----------
    error : float
        Probability that a unit gets another code of the same party, all alike.
    confusion : mapping of code to mapping of code to probability
        In place of `error` for the codes it names: what they are taken for; what is left is coded right.
    run : float
        Mean number of units for which attention stays as it is, 1 or more; with an error rate e, runs of errors are
        run / (1 - e) units long on average. With 1 errors are independent.
    drift : float
        Log-odds added to each error rate per session after the first.
    missed : float
        Share of units that are not coded.
    late, late_by : float, int
        Share of units coded at a turn that comes later, and how many turns; at the last recorded one at most.
    split, joined : float
        Share of units cut in two at their middle, and of those joined to the party's unit before where its code is the
        same.
    """

    name: str = attrs.field(validator=_word)
    error: float = attrs.field(default=0.1, validator=_shares)
    confusion: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict, converter=_own)
    run: float = 1.0
    drift: float = 0.0
    missed: float = attrs.field(default=0.0, validator=_shares)
    late: float = attrs.field(default=0.0, validator=_shares)
    late_by: int = 1
    split: float = attrs.field(default=0.0, validator=_shares)
    joined: float = attrs.field(default=0.0, validator=_shares)

    def __attrs_post_init__(self) -> None:
        if not is_number(self.run) or not 1 <= self.run <= 1_000_000:
            _refuse(self, "run", "a mean number of units from 1 to 1,000,000", self.run)
        if not is_number(self.drift):
            _refuse(self, "drift", "finite log-odds per session", self.drift)
        if type(self.late_by) is not int or not 1 <= self.late_by <= 100_000:
            _refuse(self, "late_by", "a whole number of turns from 1 to 100,000", self.late_by)
        for code, row in self.confusion.items():
            shares = list(row.values())
            if not all(is_number(one) and 0 <= one <= 1 for one in shares) or math.fsum(shares) > 1 + 1e-9:
                _refuse(self, f"confusion of {code!r}", "probabilities from 0 to 1 that add up to at most 1", row)


def confusions(rater: Rater, book: Codebook, *, code: str, party: str) -> dict[str, float]:
    """Return what a rater takes a party's code for, and how often, before any drift.

    >>> from rupturekit.codebooks import load_codebook
    >>> rater = Rater(name="r1", confusion={"wd": {"cf": 0.2}})
    >>> confusions(rater, load_codebook("stages"), code="wd", party="client")
    {'cf': 0.2}
    """
    if code in rater.confusion:
        return {other: share for other, share in sorted(rater.confusion[code].items()) if other != code and share > 0}
    others = sorted(one.code for one in book.codes if one.code != code and (not one.parties or party in one.parties))
    return dict.fromkeys(others, rater.error / len(others)) if others and rater.error else {}


def rate(simulated: Simulated, raters: Rater | Sequence[Rater], *, seed: int) -> Cohort:
    """Return the cohort with one more track a rater.

    A rater's reading of a session depends on the seed, the rater's name, the dyad and the session's number alone.

    Raises
    ------
    RecordError
        Where two tracks would have one name, or a confusion names a code that the codebook does not have.
    NotEstimable
        Where an error rate of 0 or 1 is to drift.

    >>> from rupturekit.simulation.cohorts import simulate
    >>> from rupturekit.simulation.design import Design
    >>> rate(simulate(Design(dyads=2, sessions=1), seed=1), Rater(name="r1"), seed=1).track_names
    ('r1', 'truth-coded')
    """
    held = [raters] if isinstance(raters, Rater) else list(raters)
    cohort = simulated.cohort
    _check(held, cohort)
    units = _Units.of(simulated)
    moves, first = [cohort.moves], int(cohort.moves.row_id.max(initial=0)) + 1
    for rater in held:
        moves.append(_read(rater, simulated, units, seed=seed, first=first))
        first += len(moves[-1])
    observed = [cohort.observed, *(_observed_by(rater, cohort.observed) for rater in held)]
    tracks = [Track(name=rater.name, kind=TrackKind.RATER) for rater in held]
    return Cohort.of(stacked(moves), coding=cohort.coding, sessions=cohort.sessions, dyads=cohort.dyads,
                     observed=stacked(observed), ratings=cohort.ratings, context=cohort.context,
                     tracks=[*cohort.tracks, *tracks])


def _check(raters: Sequence[Rater], cohort: Cohort) -> None:
    names, book = [track.name for track in cohort.tracks], cohort.coding.codebook
    if set(names) != {TRUTH_TRACK}:
        raise RecordError(f"expected a cohort as it was simulated, with the track {TRUTH_TRACK!r} alone, but it holds "
                          f"{listed(names)}; hand over all raters in one call", field="track")
    known = [code.code for code in book.codes]
    for rater in raters:
        if rater.name in names:
            raise RecordError(f"rater {rater.name!r}: there is a track of this name already ({listed(names)}); give "
                              "each rater a name of its own", field="name", value=rater.name)
        names.append(rater.name)
        for code in [*rater.confusion, *(other for row in rater.confusion.values() for other in row)]:
            if code not in book:
                raise RecordError(f"rater {rater.name!r}: confusion names the code {code!r}, which is not in "
                                  f"{book.name}{did_you_mean(code, known)}", field="confusion", value=code)


def stacked(tables: Sequence[Table[Any]]) -> Table[Any]:
    """Lay tables of one record class end to end.

    >>> from rupturekit.episode import Dyad
    >>> one, other = Table.of(Dyad, [Dyad(dyad="D2")]), Table.of(Dyad, [Dyad(dyad="D1")])
    >>> stacked([one, other]).words("dyad")
    ['D2', 'D1']
    """
    levels = {name: tuple(sorted({word for table in tables for word in table.levels[name]}))
              for name in tables[0].levels}
    arrays = {}
    for name in tables[0].arrays:
        pieces = [table.arrays[name] for table in tables]
        if name in levels:
            places = [np.array([*map(levels[name].index, table.levels[name]), -1], dtype="i4") for table in tables]
            pieces = [place[piece] for place, piece in zip(places, pieces, strict=True)]
        arrays[name] = np.concatenate(pieces)
    return Table.from_columns(tables[0].record, arrays=arrays, levels=levels)


def _observed_by(rater: Rater, observed: Table[ObservedStretch]) -> Table[ObservedStretch]:
    levels = {**observed.levels, "track": (rater.name,) if len(observed) else ()}
    return Table.from_columns(ObservedStretch, arrays=observed.arrays, levels=levels)


# --- one reading ---------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False)
class _Units:
    """The moves of the truth as units to be coded.

    Attributes
    ----------
    names, number : one a session that holds moves
        The cluster of its stream of draws, and its number within the dyad.
    session, place : int64, one a move
        Which of those sessions, and the move's place in it.
    turn, last_turn : int64, one a move
        The place of its turn among all recorded turns, and that of the session's last.
    """

    names: tuple[str, ...]
    number: Array
    session: Array
    place: Array
    turn: Array
    last_turn: Array

    @classmethod
    def of(cls, simulated: Simulated) -> _Units:
        """Find each move's session and turn."""
        moves, turns = simulated.cohort.moves, simulated.truth.turns
        keys = simulated.cohort.session_keys()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        names = tuple(f"{dyad}/{number}" for dyad, number in zip(
            moves.take(first).words("dyad"), moves.session[first].tolist(), strict=True))
        held = (turns.code >= 0).astype(np.int64) + (turns.need_act >= 0)
        turn = np.repeat(np.arange(len(turns)), held)
        ends = np.flatnonzero(np.append(turns.turn[1:], 0) == 0)
        return cls(names=names, number=moves.session[first], session=keys, place=np.arange(len(moves)) - first[keys],
                   turn=turn, last_turn=ends[np.searchsorted(ends, turn)])


_PER_UNIT: Final = 4
"""Draws of each unit: attention drawn anew, attention; missed, late; split, joined; two halves that nothing uses."""


def _read(rater: Rater, simulated: Simulated, units: _Units, *, seed: int, first: int) -> Table[Move]:
    moves, turns = simulated.cohort.moves, simulated.truth.turns
    keys = named_keys(units.names, seed=seed, purpose=f"rater:{rater.name}")[units.session]
    counter = (_PER_UNIT * units.place).astype(np.uint64)
    fresh, attention = halves(_random.draws_at(keys, counter))
    missed, late = halves(_random.draws_at(keys, counter + np.uint64(1)))
    split, joined = halves(_random.draws_at(keys, counter + np.uint64(2)))
    head = _heads(moves, units, joined < threshold(rater.joined))
    anew = (units.place == 0) | (fresh >= threshold(1 - 1 / rater.run))
    lasting = attention[np.maximum.accumulate(np.where(anew, np.arange(len(moves)), 0))]
    codes = tuple(sorted(code.code for code in simulated.cohort.coding.codebook.codes))
    code = _coded(rater, simulated.cohort, units, lasting, codes)
    later = np.where(late < threshold(rater.late), np.minimum(units.turn + rater.late_by, units.last_turn), units.turn)
    end = turns.offset[later]
    np.maximum.at(end, head, turns.offset[later])
    kept = np.flatnonzero((head == np.arange(len(moves))) & (missed >= threshold(rater.missed)))
    return _written(rater, moves, kept, code=(code, codes), onset=turns.onset[later], end=end,
                    split=split < threshold(rater.split), first=first)


def _heads(moves: Table[Move], units: _Units, joined: Array) -> Array:
    """Return for each unit the one that it is joined to, through others if need be; itself where it stands alone."""
    head = np.arange(len(moves))
    order = np.lexsort([head, moves.party, units.session])    # each party's units of a session in a row
    same = np.ones(len(order), dtype=bool)
    for column in (units.session, moves.party, moves.code):
        same &= np.diff(column[order], prepend=-1) == 0
    starts = np.where(same & joined[order], 0, head)
    head[order] = order[np.maximum.accumulate(starts)]
    return head


def _coded(rater: Rater, cohort: Cohort, units: _Units, attention: Array, codes: tuple[str, ...]) -> Array:
    """Return the code that the rater gives to each unit, were it coded."""
    moves = cohort.moves
    given = np.array([codes.index(word) for word in moves.levels["code"]], dtype=np.int64)[moves.code]
    number = units.number[units.session] if rater.drift else np.ones(len(moves), dtype=np.int64)
    kinds = np.stack([moves.party, moves.code, number], axis=1)
    for party, code, session in np.unique(kinds, axis=0).tolist():
        taken_for = confusions(rater, cohort.coding.codebook, code=moves.levels["code"][code],
                               party=moves.levels["party"][party])
        edges = _edges(rater, taken_for, sessions=session - 1)
        rows = np.flatnonzero((kinds == (party, code, session)).all(axis=1))
        place = np.searchsorted(edges, attention[rows], side="right")
        wrong = place < len(edges)
        given[rows[wrong]] = np.array([codes.index(one) for one in taken_for], dtype=np.int64)[place[wrong]]
    return given


def _edges(rater: Rater, taken_for: Mapping[str, float], *, sessions: int) -> Array:
    """Return the running sums of a code's confusions, after so many sessions of drift."""
    total = math.fsum(taken_for.values())
    drifted = total
    if rater.drift and total:
        if total >= 1:
            raise NotEstimable(f"rater {rater.name!r}: an error rate of {total:g} has no log-odds that could drift")
        drifted = logistic(log_odds(total) + rater.drift * sessions)
    return np.cumsum([threshold(drifted * share / total) for share in taken_for.values()], dtype=np.int64)


def _written(rater: Rater, moves: Table[Move], kept: Array, *, code: tuple[Array, Sequence[str]], onset: Array,
             end: Array, split: Array, first: int) -> Table[Move]:
    """Make the rater's moves in order of time: a unit that is split becomes two that meet at its middle."""
    row = np.repeat(kept, 1 + split[kept])
    second = np.diff(row, prepend=-1) == 0
    middle = onset + (end - onset) // 2
    start = np.where(second, middle[row], onset[row])
    stop = np.where(split[row] & ~second, middle[row], end[row])
    order = np.lexsort([start, moves.session[row], moves.dyad[row]])
    row, start, stop = row[order], start[order], stop[order]
    alike = np.ones(len(row), dtype=bool)
    for column in (moves.dyad[row], moves.session[row], start):
        alike &= np.diff(column, prepend=-1) == 0
    at = np.arange(len(row))
    return table_of(Move, len(row), row_id=first + at, track=rater.name, rater=rater.name, status="coded",
                    dyad=(moves.dyad[row], moves.levels["dyad"]), session=moves.session[row],
                    party=(moves.party[row], moves.levels["party"]), code=(code[0][row], code[1]), onset=start,
                    offset=stop, tie=at - np.maximum.accumulate(np.where(alike, 0, at)))
