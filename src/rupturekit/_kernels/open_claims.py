"""Two sides, two subjects, four acts: what is open, from when to when, and how it was answered.

Columns are turns, end to end, in runs. A turn's acts are the bits of one byte: bit `2 * act + subject`, with act 0
claim, 1 grant, 2 contest, 3 give up, and subject 0 or 1. Flag `2 * side + subject` says that this side's claim on
that subject is open. In a turn of one side, in this order: a grant closes the other's flag, giving up closes one's
own, a claim opens one's own. Before the first turn of a run all flags are closed.

What a flag is after an act that opens or closes it does not depend on what it was before. So spells are found by
looking at each such act and the one before it, without walking through the turns.
"""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rupturekit._kernels.replay import replay, walk_of

__all__ = ["ANSWERS", "BLOCK", "CLAIM", "CONTEST", "GIVE_UP", "GRANT", "MET", "STILL_OPEN", "YIELDED", "Answers",
           "Closings", "Spells", "act_bit", "answers", "closings", "open_after", "precede", "runs_of", "spells"]

Whole = npt.NDArray[np.int64]
Small = npt.NDArray[np.int8]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

BLOCK: Final = 8_192
"""Runs looked at together: what is in work a turn is more than in a replay, and should stay in cache too."""

CLAIM, GRANT, CONTEST, GIVE_UP = range(4)
MET, YIELDED, STILL_OPEN = range(3)
ANSWERS: Final = ("contested", "met", "countered", "other", "deflected", "censored")
_CONTESTED, _MET, _COUNTERED, _OTHER, _DEFLECTED, _CENSORED = range(6)
_ACTS: Final = 256


def act_bit(act: int, subject: int) -> int:
    """Return the bit of one act.

    >>> act_bit(GRANT, 1)
    8
    """
    return 1 << (2 * act + subject)


def runs_of(offsets: Whole) -> npt.NDArray[np.int32]:
    """Return the run of every turn; run i is turns `offsets[i]` to `offsets[i + 1] - 1`, and the first offset is 0.

    >>> runs_of(np.array([0, 2, 3])).tolist()
    [0, 0, 1]
    """
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))


@functools.cache
def _changes() -> Bytes:
    """Return for each symbol, `side * 256 + acts`, the flags that its acts close, and from bit 4 on those they open."""
    acts, side = np.arange(_ACTS)[None, :], np.arange(2)[:, None]
    claimed, granted, given_up = ((acts >> (2 * act)) & 3 for act in (CLAIM, GRANT, GIVE_UP))
    own, other = 2 * side, 2 * (1 - side)
    closed = (granted << other) | (given_up << own)
    return (closed | (claimed << own << 4)).ravel().astype(np.uint8)


def _changed(side: Small, acts: Bytes) -> Bytes:
    """Return `_changes` of every turn by arithmetic on whole columns, which is quicker than looking them up.

    (Bytes are multiplied where they could be shifted to the left: numpy has vector instructions for the one only.)
    """
    of_0 = (acts & np.uint8(3)) * np.uint8(16)
    of_0 |= acts & np.uint8(12)
    of_0 |= acts >> np.uint8(6)
    of_1 = (of_0 * np.uint8(4)) & np.uint8(0b11001100)
    of_1 |= (of_0 >> np.uint8(2)) & np.uint8(3)
    return of_0 ^ ((of_0 ^ of_1) & -side.view(np.uint8))


def _symbols(side: Small, acts: Bytes) -> npt.NDArray[np.int16]:
    symbol = side.astype(np.int16)
    symbol <<= 8
    symbol |= acts
    return symbol


def open_after(side: Small, acts: Bytes, *, offsets: Whole) -> Bytes:
    """Return the flags open after each turn, as the bits of one byte.

    >>> claim, grant = act_bit(CLAIM, 0), act_bit(GRANT, 0)
    >>> open_after(np.array([0, 1], "i1"), np.array([claim, grant], "u1"), offsets=np.array([0, 2])).tolist()
    [1, 0]
    """
    changes = _changes()
    state = np.arange(16)[:, None]
    onward = (state & ~(changes & 15)) | (changes >> 4)
    cell = replay(walk_of(onward), _symbols(side, acts), offsets=offsets, start=0)
    return onward.ravel().astype(np.uint8).take(cell)


class Spells(NamedTuple):
    """Stretches over which a claim stayed open, in the order in which they began.

    `flag` int8; `run`, `begin`, `end` int64: the run, the turn that began it and the one that ended it, -1 for none;
    `cause` int8: `MET`, `YIELDED` or `STILL_OPEN`; `renewals` int64: how often it was claimed again while open.
    """

    flag: Small
    run: Whole
    begin: Whole
    end: Whole
    cause: Small
    renewals: Whole


def _or_none(turn: Whole, there: Flags) -> Whole:
    """Return each turn where `there`, and -1 elsewhere; quicker than a choice between two columns."""
    return (turn + 1) * there - 1


def spells(side: Small, acts: Bytes, *, run: npt.NDArray[np.int32]) -> Spells:
    """Return all spells of all runs.

    Parameters
    ----------
    side : int8, n
        0 or 1.
    acts : uint8, n
    run : int32, n
        As `runs_of` gives it.
    """
    changes = _changed(side, acts)
    busy = np.flatnonzero(changes != 0)
    changes = changes[busy]
    of_flag = [np.flatnonzero(changes & (17 << flag) != 0) for flag in range(4)]
    at = np.concatenate(of_flag)
    flag = np.repeat(np.arange(4, dtype=np.uint8), [len(held) for held in of_flag])
    here, turn = changes[at] >> flag, busy[at]
    opens, closes = here & 16 != 0, here & 1 != 0
    was_open = np.zeros(len(turn), dtype=bool)
    whose = run[turn]
    was_open[1:] = opens[:-1] & (flag[1:] == flag[:-1]) & (whose[1:] == whose[:-1])
    closes &= was_open
    begins = opens & ~(was_open & ~closes)
    claims = np.flatnonzero(opens)
    first = np.flatnonzero(begins[claims])
    renewals = np.diff(first, append=len(claims)) - 1
    edges = np.flatnonzero(begins | closes)
    first = np.flatnonzero(begins[edges])
    begin, owner = turn[edges[first]], flag[edges[first]].view(np.int8)
    # What follows a beginning among these edges, if it closes, closes this spell; the next may begin in that very turn.
    after = np.append(edges, len(turn))[first + 1]
    over = np.append(closes, False)[after]
    end = _or_none(turn.take(after, mode="clip"), over)
    yielded = side[end] == owner >> 1
    cause = np.int8(STILL_OPEN) - over * (np.int8(STILL_OPEN - MET) - yielded * np.int8(YIELDED - MET))
    back = np.argsort(begin * 4 + owner, kind="stable")
    begin = begin[back]
    return Spells(owner[back], run[begin].astype(np.int64), begin, end[back], cause[back], renewals[back])


def _claims(side: Small, acts: Bytes) -> tuple[Whole, Small]:
    """Return (turn, flag) of every claim, turn by turn, subject 0 first."""
    claimed = acts & np.uint8(3)
    some = np.flatnonzero(claimed != 0)
    here = claimed[some].view(np.int8)
    many = 1 + (here == 3)
    turn, flag = np.repeat(some, many), np.repeat(2 * side[some] + (here >> 1), many)
    flag[np.flatnonzero(turn[1:] == turn[:-1])] -= 1    # of two claims in one turn the first is on subject 0
    return turn, flag


class Answers(NamedTuple):
    """Every claim and how the other side answered it, in the order of the claims.

    `turn` int64: the claim's; `flag` int8; `answer` int8: a place in `ANSWERS`; `at` int64: the turn that answered,
    -1 for none.
    """

    turn: Whole
    flag: Small
    answer: Small
    at: Whole


def answers(side: Small, acts: Bytes, *, run: npt.NDArray[np.int32], window: int) -> Answers:
    """Return for each claim the first act of the other side within its next `window` turns of the same run.

    An answer is named by the first that holds: contested, met, countered by an own claim, other. With no act in the
    window it is deflected, or censored where fewer than `window` turns of the other were there.
    """
    turn, flag = _claims(side, acts)
    answer, at = _next_acts(turn, turn, flag, side=side, acts=acts, run=run)
    for _ in range(window - 1):
        waits = np.flatnonzero(answer == _DEFLECTED)
        answer[waits], at[waits] = _next_acts(at[waits], turn[waits], flag[waits], side=side, acts=acts, run=run)
    return Answers(turn, flag, answer, _or_none(at, answer < _DEFLECTED))


def _next_acts(after: Whole, claim: Whole, flag: Small, *, side: Small, acts: Bytes, run: npt.NDArray[np.int32]
               ) -> tuple[Small, Whole]:
    """Return how the other's next turn after each turn answers a claim, and that turn; censored where there is none."""
    here = _next_of(1 - (flag >> 1), after, side)
    there = (run.take(here, mode="clip") == run[claim]) & (here < len(side))
    said = _answer_table().take((flag & 1) * np.int16(_ACTS) + acts.take(here, mode="clip"))
    return said + (np.int8(_CENSORED) - said) * ~there, _or_none(here, there)


def _next_of(wanted: Small, turn: Whole, side: Small) -> Whole:
    """Return the next turn of the side that is wanted, whatever its run; past the end where there is none."""
    here = turn + 1
    other = np.flatnonzero(side.take(here, mode="clip") != wanted)    # the side that is wanted speaks later, if at all
    for _ in range(_FEW):
        if not len(other):
            return here
        here[other] += 1
        other = other[np.flatnonzero(side.take(here[other], mode="clip") != wanted[other])]
    turns_over = np.flatnonzero(np.append(side[1:] != side[:-1], True)) + 1
    here[other] = turns_over.take(np.searchsorted(turns_over, here[other], side="right"), mode="clip")
    return here


_FEW: Final = 6
"""So many turns are looked at one after the other before all places where the other side takes over are listed."""


@functools.cache
def _answer_table() -> Small:
    """Return how each byte of acts answers a claim on subject 0, then on subject 1; `_DEFLECTED` without acts."""
    acts = np.arange(_ACTS)
    rows = []
    for subject in (0, 1):
        kinds = [(acts & act_bit(CONTEST, subject), _CONTESTED), (acts & act_bit(GRANT, subject), _MET),
                 (acts & (act_bit(CLAIM, 0) | act_bit(CLAIM, 1)), _COUNTERED), (acts, _OTHER)]
        rows.append(np.select([held != 0 for held, _ in kinds], [kind for _, kind in kinds], _DEFLECTED))
    return np.concatenate(rows).astype(np.int8)


class Closings(NamedTuple):
    """Turns after which no claim on subject 0 is open any more, although one was before.

    `run`, `turn` int64; `claimed` int8: whose spells it closes, 1 + 2 as bits of the sides; `yielded` bool: whether
    any of them was given up; `relapse` int64: the turn of the next claim on subject 0, -1 for none.
    """

    run: Whole
    turn: Whole
    claimed: Small
    yielded: Flags
    relapse: Whole


def closings(found: Spells, *, offsets: Whole) -> Closings:
    """Return all closings of all runs; each answers for the spells that began since the one before.

    A disputed stretch is a chain of spells of which each begins before, or in the turn in which, those before it are
    over.
    """
    mine = np.flatnonzero((found.flag & 1) == 0)
    begin, run, cause, side = found.begin[mine], found.run[mine], found.cause[mine], found.flag[mine] >> 1
    if not len(mine):
        nothing = np.zeros(0, dtype=np.int64)
        return Closings(nothing, nothing, nothing.astype(np.int8), nothing.astype(bool), nothing)
    end = np.where(cause == STILL_OPEN, offsets[run + 1] - 1, found.end[mine])
    reach = np.maximum.accumulate(end)
    first = np.flatnonzero(np.append(True, begin[1:] > reach[:-1]))
    # Bits 0 and 1: whose spells; 2: one was yielded; 3: one is open still.
    whole = np.bitwise_or.reduceat(_MARKS[cause] | (np.int8(1) << side), first)
    over = np.flatnonzero(whole < 8)
    last = np.append(first[1:], len(begin)) - 1
    following = np.append(first[1:], -1)[over]
    relapse = np.where((following >= 0) & (run[following] == run[first[over]]), begin[following], -1)
    return Closings(run[first[over]], reach[last[over]], whole[over] & 3, whole[over] > 3, relapse)


_MARKS: Final = np.array([0, 4, 8], dtype=np.int8)    # of MET, YIELDED and STILL_OPEN


def precede(first: npt.NDArray[np.int16], second: npt.NDArray[np.int16], *, instant: Whole) -> Whole:
    """Return for each column 2 * pairs (first before second) + pairs at one instant.

    Parameters
    ----------
    first, second : int16, places x replicates
        How many acts of either sort stand at each place, places in order of time.
    instant : int64, places
        Places with one number stand at one instant.

    >>> precede(np.array([[1], [0]], "i2"), np.array([[0], [1]], "i2"), instant=np.array([0, 1])).tolist()
    [2]
    """
    edges = np.flatnonzero(np.diff(instant, prepend=instant[:1] - 1))
    ours, theirs = (np.add.reduceat(column, edges, axis=0, dtype=np.int64) for column in (first, second))
    before = np.cumsum(ours, axis=0) - ours
    return np.asarray((theirs * (2 * before + ours)).sum(axis=0))
