"""Rules over runs of symbols: small automata walked by the replay kernel, and nearest places where a clock limits.

What follows a symbol decides about it as often as what came before: an automaton that looks ahead reads its runs from
the end, so that its state knows what is to come.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rupturekit._kernels.replay import Walk, replay, replay_ends, walk_of

__all__ = ["FULFILLED", "NOTHING", "OPEN", "OTHER", "SO_FAR", "TURN", "UNDECIDED", "VIOLATED", "WHEN", "Automaton",
           "apart", "asked_of_moves", "asked_of_runs", "by_clock", "chain_response", "count_by_clock", "count_verdicts",
           "counting", "precedence", "response", "settled"]

NOTHING, FULFILLED, VIOLATED, UNDECIDED, OPEN, SO_FAR = range(6)
"""Verdicts. Open: violated if nothing more comes. So far: fulfilled if nothing more comes."""

WHEN, OTHER, TURN = 1, 2, 4
"""The bits of a symbol: it asks, or is counted; it is the other sort; one of those among which a next is sought."""

_WIDTH: Final = 8
_BITS: Final = 62

Whole = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]
Verdicts = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


class Automaton(NamedTuple):
    """A rule as a table.

    Attributes
    ----------
    walk : Walk
        The next state of each state and symbol.
    start : int
    backwards : bool
        Whether runs are read from their end.
    by_symbol : uint8, states * symbols
        The verdict on a symbol in a state.
    by_state : uint8, one a state
        The verdict on a run that ends there.
    """

    walk: Walk
    start: int
    backwards: bool
    by_symbol: Verdicts
    by_state: Verdicts


# --- rules as automata ------------------------------------------------------------------------------------------------


def response(within: int | None) -> Automaton:
    """Return the automaton of "after each symbol that asks comes the other", among the next so many, or at all.

    With k symbols: states 0 to k - 1 know that so many symbols follow, none of them the other; k that the next k are
    none; k + d that the nearest other is d symbols ahead.
    """
    if within is None:
        return _made(np.array([0, 1]), after_other=1, backwards=True, verdicts=[OPEN, FULFILLED])
    plain = np.array([*range(1, within + 1), within, *range(within + 2, 2 * within + 1), within])
    return _made(plain, after_other=within + 1, backwards=True,
                 verdicts=[UNDECIDED] * within + [VIOLATED] + [FULFILLED] * within)


def precedence(within: int | None) -> Automaton:
    """Return the automaton of "before each symbol that asks came the other", among so many before it, or at all.

    State 0 knows none; state d knows that the nearest is d symbols back, or without limit, state 1 that there is one.
    """
    plain = np.array([0, 1]) if within is None else np.array([0, *range(2, within + 1), 0])
    return _made(plain, after_other=1, backwards=False, verdicts=[VIOLATED] + [FULFILLED] * (len(plain) - 1))


def chain_response() -> Automaton:
    """Return the automaton of "the next symbol of those that have the bit TURN is the other"."""
    table = np.repeat(np.arange(3)[:, None], _WIDTH, axis=1)
    symbol = np.arange(_WIDTH)
    turn = symbol & TURN > 0
    table[:, turn] = np.where(symbol & OTHER > 0, 2, 1)[turn]
    return _asking(table, backwards=True, verdicts=[UNDECIDED, VIOLATED, FULFILLED])


def counting(times: int, *, below: bool) -> Automaton:
    """Return the automaton of "at least so many symbols that count", or of fewer than so many."""
    states = np.arange(times + 1)[:, None]
    table = np.minimum(states + (np.arange(_WIDTH) & WHEN > 0), times)
    return _ending(table, [SO_FAR if below else OPEN] * times + [VIOLATED if below else FULFILLED])


def apart() -> Automaton:
    """Return the automaton of "never symbols of both sorts"; where neither comes, nothing is asked."""
    table = np.arange(4)[:, None] | (np.arange(_WIDTH) & (WHEN | OTHER))
    return _ending(table, [NOTHING, SO_FAR, SO_FAR, VIOLATED])


def _made(plain: Codes, *, after_other: int, backwards: bool, verdicts: list[int]) -> Automaton:
    """Return the automaton with one next state for the other symbols, and `plain[state]` for all that are none."""
    other = np.arange(_WIDTH) & OTHER > 0
    return _asking(np.where(other, after_other, plain[:, None]), backwards=backwards, verdicts=verdicts)


def _asking(table: Codes, *, backwards: bool, verdicts: list[int]) -> Automaton:
    asks = np.arange(_WIDTH) & WHEN > 0
    by_symbol = np.where(asks, np.array(verdicts)[:, None], NOTHING).astype(np.uint8).ravel()
    return Automaton(walk_of(table), 0, backwards, by_symbol, np.zeros(len(table), dtype=np.uint8))


def _ending(table: Codes, verdicts: list[int]) -> Automaton:
    return Automaton(walk_of(table), 0, False, np.zeros(table.size, dtype=np.uint8), np.array(verdicts, dtype=np.uint8))


# --- walked -----------------------------------------------------------------------------------------------------------


def asked_of_moves(automaton: Automaton, symbols: Codes, *, offsets: Whole) -> Verdicts:
    """Return the verdict on every symbol; parameters are those of `replay`.

    >>> said = asked_of_moves(response(1), np.array([WHEN, OTHER, WHEN, 0, WHEN]), offsets=np.array([0, 5]))
    >>> said.tolist() == [FULFILLED, NOTHING, VIOLATED, NOTHING, UNDECIDED]
    True
    """
    read, edges = _as_read(automaton, symbols, offsets)
    found = automaton.by_symbol.take(replay(automaton.walk, read, offsets=edges, start=automaton.start))
    return found[::-1] if automaton.backwards else found


def asked_of_runs(automaton: Automaton, symbols: Codes, *, offsets: Whole) -> Verdicts:
    """Return the verdict on every run; of automata that ask at symbols, nothing.

    >>> asked_of_runs(counting(2, below=False), np.array([WHEN, WHEN, 0]), offsets=np.array([0, 2, 3])).tolist()
    [1, 4]
    """
    last, _ = replay_ends(automaton.walk, symbols, offsets=offsets, start=automaton.start,
                          gains=np.zeros(len(automaton.walk.onward), dtype=np.int64))
    return automaton.by_state.take(last)


def count_verdicts(automaton: Automaton, symbols: Codes, *, offsets: Whole) -> Whole:
    """Return how often each verdict was given in each run, that on the run itself included: runs x verdicts.

    >>> count_verdicts(precedence(None), np.array([WHEN, OTHER, WHEN, WHEN]), offsets=np.array([0, 4])).tolist()
    [[0, 2, 1, 0, 0, 0]]
    """
    read, edges = _as_read(automaton, symbols, offsets)
    found = np.zeros((len(edges) - 1, 6), dtype=np.int64)
    wide = max(1, int(np.diff(edges).max(initial=0)).bit_length())
    codes = [code for code in np.unique(automaton.by_symbol).tolist() if code != NOTHING]
    at_once = _BITS // wide    # counts of several verdicts travel in one number
    for low in range(0, max(1, len(codes)), at_once):
        some = codes[low : low + at_once]
        gains = np.zeros(len(automaton.by_symbol), dtype=np.int64)
        for place, code in enumerate(some):
            gains += (automaton.by_symbol == code).astype(np.int64) << (wide * place)
        last, total = replay_ends(automaton.walk, read, offsets=edges, start=automaton.start, gains=gains)
        for place, code in enumerate(some):
            found[:, code] = (total >> (wide * place)) & ((1 << wide) - 1)
    found[np.arange(len(found)), automaton.by_state[last]] += automaton.by_state[last] != NOTHING
    return found[::-1] if automaton.backwards else found


def _as_read(automaton: Automaton, symbols: Codes, offsets: Whole) -> tuple[Codes, Whole]:
    """Return symbols and offsets as the automaton reads them: all from the end where it looks ahead.

    Read backwards they are laid out anew: numpy takes from a column that runs backwards by copying all of it, and the
    walk takes at every step.
    """
    edges = offsets - offsets[0]
    if not automaton.backwards:
        return symbols, edges
    return np.ascontiguousarray(symbols[::-1]), edges[-1] - edges[::-1]


# --- by the clock -----------------------------------------------------------------------------------------------------


def by_clock(symbols: Codes, *, onset: Whole, line: Whole, until: Whole, limit: int, ahead: bool) -> Verdicts:
    """Return the verdict on every symbol where the other has to come, or have come, within a time.

    Parameters
    ----------
    symbols : integer, places x columns
        Each column is one arrangement over the same places.
    onset, line : int64, places
        When, and on which line of time; time does not go on from one line to the next. Sorted by line and onset.
    until : int64, places
        Up to when the line of that place was seen.
    ahead : bool
        Whether the other has to come after; else before. It never stands at the same place.

    Ahead, a symbol without the other is violated only where the whole time was seen, and else undecided.

    >>> where = {"onset": np.array([0, 4, 9]), "line": np.zeros(3, dtype=int), "until": np.array([9, 9, 9])}
    >>> said = by_clock(np.array([[WHEN], [WHEN], [OTHER]]), limit=5, ahead=True, **where)
    >>> said.ravel().tolist() == [VIOLATED, FULFILLED, NOTHING]
    True
    """
    n, other = len(symbols), symbols & OTHER > 0
    place = np.arange(n, dtype=np.int64)[:, None]
    nearest = np.full(symbols.shape, n, dtype=np.int64)    # n stands for none
    if ahead:
        nearest[:-1] = np.minimum.accumulate(np.where(other, place, n)[::-1], axis=0)[::-1][1:]
    else:
        nearest[1:] = np.maximum.accumulate(np.where(other, place, -1), axis=0)[:-1]
        nearest[nearest < 0] = n
    lines, onsets = np.append(line, -1), np.append(onset, 0)
    met = (lines[nearest] == line[:, None]) & (np.abs(onsets[nearest] - onset[:, None]) <= limit)
    lacking = np.where(until - onset >= limit, VIOLATED, UNDECIDED)[:, None] if ahead else VIOLATED
    return np.where(symbols & WHEN > 0, np.where(met, FULFILLED, lacking), NOTHING).astype(np.uint8)


def count_by_clock(verdicts: Verdicts, *, offsets: Whole) -> Whole:
    """Return how often each verdict stands in each run: runs x verdicts.

    >>> count_by_clock(np.array([FULFILLED, NOTHING, VIOLATED], dtype=np.uint8), offsets=np.array([0, 2, 3])).tolist()
    [[0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]]
    """
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    found = np.bincount(owner * 6 + verdicts, minlength=6 * (len(offsets) - 1)).reshape(-1, 6)
    found[:, NOTHING] = 0
    return found


# --- settled ----------------------------------------------------------------------------------------------------------


def settled(counts: Whole, *, stopped: Flags) -> tuple[Whole, Whole, Whole]:
    """Return how much is fulfilled, violated and undecided in each run, once it is known which were stopped.

    Where a run was stopped, what could still change is undecided; else nothing more comes.

    >>> counts = np.array([[0, 1, 0, 0, 2, 0], [0, 1, 0, 0, 2, 0]])
    >>> [held.tolist() for held in settled(counts, stopped=np.array([False, True]))]
    [[1, 1], [2, 0], [0, 2]]
    """
    over = ~stopped
    return (counts[:, FULFILLED] + over * counts[:, SO_FAR], counts[:, VIOLATED] + over * counts[:, OPEN],
            counts[:, UNDECIDED] + stopped * (counts[:, OPEN] + counts[:, SO_FAR]))
