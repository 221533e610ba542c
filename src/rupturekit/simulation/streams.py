"""Sessions turn by turn: what each party does, in which state of the process, from the session's own draws alone.

Turn t of a session takes draws `FIRST_TURN + 4 t` to `FIRST_TURN + 4 t + 3` of its stream, eight halves, the lower of
each draw first: who speaks; how long; whether a rupture begins or lapses; whether the model is followed; whether its
state is left; which arrow, or which code by base rate; which code of the arrow; which act on a need. What a turn has no
use for is not handed on. Before them stand, in draws 0 to 2: how many turns and whether the session is missed; whether
and where its recording is cut; whether no further one follows; and from `FIRST_SCORE` on, eight draws a score. So a
session depends on the seed, its dyad and its number, and on no other session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np

from rupturekit import _random
from rupturekit._random import Draws
from rupturekit._table import Array, arrays_equal, freeze, held_state, set_closed
from rupturekit.simulation.chances import Arrows, Chances
from rupturekit.simulation.draws import (
    ALL,
    Halves,
    dyad_name,
    halves,
    log_odds,
    logistic,
    named_keys,
    normals,
    picked,
    therapist_name,
    threshold,
)

__all__ = ["BACKGROUND", "FIRST_SCORE", "FIRST_TURN", "Streams", "dyad_effects", "run_sessions", "session_keys",
           "therapist_effects"]

FIRST_SCORE: Final = 8
FIRST_TURN: Final = 1024
BACKGROUND, OPENS, ADVANCES, STAYS, LAPSES = range(5)
"""What a turn does in the process; the order of `truth.TurnKind`."""


@attrs.frozen(kw_only=True, eq=False)
class Streams:
    """Sessions as columns.

    Attributes
    ----------
    session : int64, sessions
        The session's number in the study: dyad * sessions per dyad + session - 1.
    turns, recorded : int64
        How many turns it had and how many of them were recorded; both 0 where it did not take place.
    duration : int64
        Microseconds.
    ruptured : int64
        Turns in rupture, recorded or not.
    open, drops, cut : bool
        Whether a rupture was open at its end; whether no further session follows; whether its recording stopped early.
    turn, party, onset, offset, kind, state, code, act : one entry a recorded turn, sessions end to end
        `state` is that after the turn, -1 for none; `code` and `act` are -1 for none.
    """

    session: Array
    turns: Array
    recorded: Array
    duration: Array
    ruptured: Array
    open: Array
    drops: Array
    cut: Array
    turn: Array
    party: Array
    onset: Array
    offset: Array
    kind: Array
    state: Array
    code: Array
    act: Array

    __getstate__ = held_state
    __setstate__ = set_closed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Streams):
            return NotImplemented
        return all(arrays_equal(value, getattr(other, name)) for name, value in held_state(self).items())

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def joined(cls, pieces: Sequence[Streams]) -> Streams:
        """Join pieces in the order of their sessions, however the sessions were divided among them."""
        whole = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in held_state(pieces[0])}
        if (np.diff(whole["session"]) > 0).all():
            return cls(**{name: freeze(values) for name, values in whole.items()})
        order = np.argsort(whole["session"], kind="stable")
        turns = np.argsort(np.repeat(whole["session"], whole["recorded"]), kind="stable")
        return cls(**{name: freeze(values[turns if name in _BY_TURN else order]) for name, values in whole.items()})


_BY_TURN: Final = ("turn", "party", "onset", "offset", "kind", "state", "code", "act")


def session_keys(sessions: Array, *, per_dyad: int, seed: int) -> Draws:
    """Return the key of each session's stream."""
    names = (f"{dyad_name(at // per_dyad)}/{at % per_dyad + 1}" for at in sessions.tolist())
    return named_keys(names, seed=seed, purpose="turns")


def dyad_effects(dyads: Array, *, seed: int, sd: float) -> Array:
    """Return each dyad's own effect on the log-odds of onset."""
    return sd * normals(named_keys(map(dyad_name, dyads.tolist()), seed=seed, purpose="dyad"), first=0)


def therapist_effects(therapists: Array, *, seed: int, sd: float) -> Array:
    """Return each therapist's effect on the log-odds of onset."""
    keys = named_keys(map(therapist_name, therapists.tolist()), seed=seed, purpose="therapist")
    return sd * normals(keys, first=0)


def _onsets(chances: Chances, sessions: Array, *, seed: int) -> Array:
    """Return the threshold of onset of each session: that of its dyad."""
    if not chances.dyad_sd and not chances.therapist_sd:
        return np.full(len(sessions), threshold(chances.onset), dtype=np.int64)
    dyads, whose = np.unique(sessions // chances.sessions, return_inverse=True)
    odds = log_odds(chances.onset) + dyad_effects(dyads, seed=seed, sd=chances.dyad_sd)
    if chances.therapist_sd and chances.dyads_per_therapist is not None:
        who, of = np.unique(dyads // chances.dyads_per_therapist, return_inverse=True)
        odds = odds + therapist_effects(who, seed=seed, sd=chances.therapist_sd)[of]
    return np.array([threshold(logistic(one)) for one in odds.tolist()], dtype=np.int64)[whose]


@attrs.frozen(kw_only=True, eq=False)
class _Facts:
    """What is drawn of a session before its turns."""

    turns: Array
    recorded: Array
    missed: Array
    cut: Array
    drops: Halves


def _facts(chances: Chances, keys: Draws) -> _Facts:
    low, high = halves(_random.draws_at(keys[:, None], np.arange(3, dtype=np.uint64)))
    least, most = chances.turns
    missed = high[:, 0] < chances.missed
    turns = np.where(missed, 0, least + picked(low[:, 0], most - least + 1))
    cut = ~missed & (low[:, 1] < chances.cut) & (turns > 1)
    recorded = np.where(cut, 1 + picked(high[:, 1], np.maximum(turns - 1, 1)), turns)
    return _Facts(turns=turns, recorded=recorded, missed=missed, cut=cut, drops=low[:, 2])


@attrs.frozen(kw_only=True, eq=False)
class _Turns:
    """What does not hang on the state: sessions x turns."""

    party: Array
    offset: Array
    length: Array
    opens: Array
    lapses: Array
    follows: Array
    code: Array
    leaves: Halves
    which: Halves
    code_of: Halves
    act: Halves


def run_sessions(chances: Chances, sessions: Array, *, seed: int) -> Streams:
    """Simulate sessions, given by their numbers in the study."""
    keys = session_keys(sessions, per_dyad=chances.sessions, seed=seed)
    facts = _facts(chances, keys)
    made = _turns(chances, keys, onset=_onsets(chances, sessions, seed=seed), count=int(facts.turns.max(initial=1)))
    kind, state = _walk(chances, made)
    taking_place = np.arange(made.party.shape[1]) < facts.turns[:, None]
    last = np.maximum(facts.turns - 1, 0)
    at = np.arange(len(sessions))
    over = np.append(chances.is_end, True)    # the last place is that of no state
    still = (facts.turns > 0) & ~over[state[at, last]]
    seen = np.arange(made.party.shape[1]) < facts.recorded[:, None]
    act = _acts(chances, made)
    return Streams(
        session=sessions, turns=facts.turns, recorded=facts.recorded,
        duration=np.where(facts.turns > 0, made.offset[at, last], 0),
        ruptured=((state >= 0) & taking_place).sum(axis=1), open=still,
        drops=facts.drops < np.array(chances.dropout)[still.astype(np.int64)], cut=facts.cut,
        turn=np.broadcast_to(np.arange(seen.shape[1]), seen.shape)[seen], party=made.party[seen],
        onset=(made.offset - made.length)[seen], offset=made.offset[seen], kind=kind[seen], state=state[seen],
        code=made.code[seen], act=np.full(int(seen.sum()), -1, dtype=np.int8) if act is None else act[seen])


def _turns(chances: Chances, keys: Draws, *, onset: Array, count: int) -> _Turns:
    counters = np.arange(FIRST_TURN, FIRST_TURN + 4 * count, 4, dtype=np.uint64)
    who, long = halves(_random.draws_at(keys[:, None], counters))
    event, order = halves(_random.draws_at(keys[:, None], counters + np.uint64(1)))
    leaves, which = halves(_random.draws_at(keys[:, None], counters + np.uint64(2)))
    code_of, act = halves(_random.draws_at(keys[:, None], counters + np.uint64(3)))
    flips = (who < chances.switch).view(np.int8)
    flips[:, :1] = who[:, :1] >= ALL // 2
    party = np.bitwise_xor.accumulate(flips, axis=1)
    least, most = chances.turn_length
    length = (least + picked(long, most - least + 1)) * 1000
    can_open = np.array([len(codes) > 0 for codes in chances.openings])
    return _Turns(party=party, length=length, offset=np.cumsum(length, axis=1),
                  opens=(event < onset[:, None]) & can_open[party], lapses=event < chances.lapse,
                  follows=order < chances.order, code=_base_codes(chances, party, which), leaves=leaves, which=which,
                  code_of=code_of, act=act)


def _base_codes(chances: Chances, party: Array, which: Halves) -> Array:
    """Return the code of each turn were it drawn by base rate, -1 for none."""
    code = np.full(party.shape, -1, dtype=np.int32)
    for who, base in enumerate(chances.base):
        if len(base.edges):
            said = (party == who) & (which < base.edges[-1])
            code[said] = base.codes[np.searchsorted(base.edges, which[said], side="right")]
    return code


def _walk(chances: Chances, made: _Turns) -> tuple[Array, Array]:
    """Run all sessions through the process, turn by turn; write codes in place, return kinds and states."""
    shape = made.party.shape
    kinds, states = np.zeros(shape, dtype=np.int8), np.full(shape, -1, dtype=np.int16)
    if not chances.order:
        rows, turns = np.nonzero(made.opens)
        _open(chances, made, rows, turns)
        kinds[rows, turns] = OPENS
        return kinds, states
    opens = np.ascontiguousarray(made.opens.T)
    now = np.full(shape[0], -1, dtype=np.int16)
    for turn in range(shape[1]):
        free = now < 0
        begins, inside = np.flatnonzero(free & opens[turn]), np.flatnonzero(~free)
        if len(begins):
            _open(chances, made, begins, turn)
            kinds[begins, turn], now[begins] = OPENS, chances.initial
        if len(inside):
            kinds[inside, turn], now[inside] = _step(chances, made, inside, turn, now[inside])
        held = np.flatnonzero(now >= 0)
        states[held, turn] = now[held]
        now[held[chances.is_end[now[held]]]] = -1    # the alliance returns with the next turn
    return kinds, states


def _open(chances: Chances, made: _Turns, rows: Array, turns: Array | int) -> None:
    """Write the markers that open a rupture."""
    party, half = made.party[rows, turns], made.code_of[rows, turns]
    code = np.empty(len(rows), dtype=np.int32)
    for who, codes in enumerate(chances.openings):
        mine = party == who
        code[mine] = codes[picked(half[mine], len(codes))]
    made.code[rows, turns] = code


def _step(chances: Chances, made: _Turns, rows: Array, turn: int, state: Array) -> tuple[Array, Array]:
    """Take one turn in a rupture; write the codes of arrows, return kinds and the states after it."""
    party = made.party[rows, turn]
    lapses = made.lapses[rows, turn]
    can_leave, can_stay = chances.leaving.count[state, party] > 0, chances.staying.count[state, party] > 0
    follows = ~lapses & made.follows[rows, turn] & (can_leave | can_stay)
    leaves = follows & can_leave & (made.leaves[rows, turn] < chances.advance[state])
    after = np.where(lapses, -1, state).astype(np.int16)
    at = np.flatnonzero(leaves)
    after[at] = _take(chances.leaving, made, rows[at], turn, state[at], party[at])
    at = np.flatnonzero(follows & ~leaves & can_stay)
    _take(chances.staying, made, rows[at], turn, state[at], party[at])
    kind = np.where(lapses, LAPSES, np.where(leaves, ADVANCES, np.where(follows, STAYS, BACKGROUND)))
    return kind, after


def _take(arrows: Arrows, made: _Turns, rows: Array, turn: int, state: Array, party: Array) -> Array:
    """Choose an arrow, all alike, and one of its codes, all alike; write the code, return where the arrow leads."""
    arrow = arrows.first[state, party] + picked(made.which[rows, turn], arrows.count[state, party])
    code = arrows.code_first[arrow] + picked(made.code_of[rows, turn], arrows.code_count[arrow])
    made.code[rows, turn] = arrows.codes[code]
    return np.asarray(arrows.target[arrow])


def _acts(chances: Chances, made: _Turns) -> Array | None:
    """Return the act on a need of each turn, -1 for none: an act that waits for a claim is made where one is open."""
    if chances.need_edges is None:
        return None
    drawn: Array = np.full(made.party.shape, -1, dtype=np.int8)
    for who, edges in enumerate(chances.need_edges):
        said = (made.party == who) & (made.act < edges[-1])
        drawn[said] = np.searchsorted(edges, made.act[said], side="right")
    claim, grant, contest = range(3)    # and giving up, in the order of ACTS
    is_open: Array = np.zeros((len(drawn), 2, 2), dtype=bool)    # by party and need
    for turn in range(drawn.shape[1]):
        rows = np.flatnonzero(drawn[:, turn] >= 0)
        verb, need = np.divmod(drawn[rows, turn], 2)
        party = made.party[rows, turn]
        whose = np.where((verb == grant) | (verb == contest), 1 - party, party)
        possible = (verb == claim) | is_open[rows, whose, need]
        drawn[rows[~possible], turn] = -1
        done = possible & (verb != contest)
        is_open[rows[done], whose[done], need[done]] = verb[done] == claim
    return drawn
