"""Rules as automata over bare symbols: counts, packed as they are walked, against verdicts one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit._kernels import replay
from rupturekit._kernels import rules as kernel
from rupturekit._kernels.rules import (
    FULFILLED,
    NOTHING,
    OPEN,
    OTHER,
    SO_FAR,
    TURN,
    UNDECIDED,
    VIOLATED,
    WHEN,
    Automaton,
    apart,
    asked_of_moves,
    asked_of_runs,
    by_clock,
    chain_response,
    count_by_clock,
    count_verdicts,
    counting,
    precedence,
    response,
    settled,
)

AUTOMATA = [response(None), response(1), response(3), precedence(None), precedence(2), chain_response(),
            counting(2, below=True), counting(1, below=False), apart()]
RUNS = st.lists(st.lists(st.integers(0, 7), max_size=7), min_size=1, max_size=6)


def laid(runs: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return (np.array([symbol for run in runs for symbol in run], dtype=np.uint8),
            np.cumsum([0, *map(len, runs)]).astype(np.int64))


@pytest.mark.parametrize("automaton", AUTOMATA)
@pytest.mark.parametrize("bits", [62, 3])
@given(RUNS)
def test_packed_counts_are_those_of_single_verdicts(automaton: Automaton, bits: int, runs: list[list[int]]) -> None:
    symbols, offsets = laid(runs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_BITS", bits)
        found = count_verdicts(automaton, symbols, offsets=offsets)
    moves = asked_of_moves(automaton, symbols, offsets=offsets)
    ends = asked_of_runs(automaton, symbols, offsets=offsets)
    for at, (low, high) in enumerate(itertools.pairwise(offsets.tolist())):
        said = [*moves[low:high].tolist(), int(ends[at])]
        assert found[at].tolist() == [0, *(said.count(code) for code in range(1, 6))]


@given(RUNS, st.integers(1, 5))
def test_a_run_does_not_hang_on_its_neighbours(runs: list[list[int]], block: int) -> None:
    symbols, offsets = laid(runs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "blocks", lambda n: ((low, min(low + block, n)) for low in range(0, n, block)))
        together = [count_verdicts(automaton, symbols, offsets=offsets).tolist() for automaton in AUTOMATA]
    alone = [[count_verdicts(automaton, np.array(run, dtype=np.uint8), offsets=np.array([0, len(run)])).tolist()[0]
              for run in runs] for automaton in AUTOMATA]
    assert together == alone


@given(RUNS)
def test_offsets_may_begin_anywhere(runs: list[list[int]]) -> None:
    symbols, offsets = laid(runs)
    for automaton in AUTOMATA:
        assert (count_verdicts(automaton, symbols, offsets=offsets + 5) == count_verdicts(automaton, symbols, offsets=offsets)).all()


def test_a_rule_that_looks_ahead_reads_from_the_end() -> None:
    said = asked_of_moves(response(None), np.array([WHEN, OTHER, WHEN]), offsets=np.array([0, 3]))
    assert said.tolist() == [FULFILLED, NOTHING, OPEN]
    chain = np.array([WHEN, 0, TURN | OTHER, WHEN, TURN, WHEN])
    assert asked_of_moves(chain_response(), chain, offsets=np.array([0, 6])).tolist() == [
        FULFILLED, NOTHING, NOTHING, VIOLATED, NOTHING, UNDECIDED]


def test_a_very_long_run_is_counted_to_its_last_symbol() -> None:
    symbols, offsets = np.tile(np.array([WHEN | OTHER, 0, 0], dtype=np.uint8), 3_333), np.array([0, 9_999])
    assert count_verdicts(response(1_000), symbols, offsets=offsets).tolist() == [[0, 3_332, 0, 1, 0, 0]]
    assert count_verdicts(precedence(2), symbols, offsets=offsets).tolist() == [[0, 0, 3_333, 0, 0, 0]]


# --- by the clock -----------------------------------------------------------------------------------------------------


@st.composite
def timed(draw: st.DrawFn) -> tuple[list[int], list[int], list[int], list[int]]:
    """Draw symbols with onset, line and up to when their line was seen, sorted."""
    symbols, onset, line, until = [], [], [], []
    for number in range(draw(st.integers(1, 3))):
        at = sorted(draw(st.lists(st.integers(0, 8), max_size=5)))
        seen = max(at, default=0) + draw(st.integers(0, 4))
        symbols += draw(st.lists(st.integers(0, 3), min_size=len(at), max_size=len(at)))
        onset, line, until = onset + at, line + [number] * len(at), until + [seen] * len(at)
    return symbols, onset, line, until


@given(timed(), st.integers(1, 6), st.booleans())
def test_a_clock_agrees_with_looking_at_every_pair(held: tuple[list[int], ...], limit: int, ahead: bool) -> None:
    symbols, onset, line, until = held
    found = by_clock(np.array(symbols, dtype=np.uint8)[:, None], onset=np.array(onset, dtype=np.int64), ahead=ahead,
                     line=np.array(line, dtype=np.int64), until=np.array(until, dtype=np.int64), limit=limit)
    n = len(symbols)
    for at in range(n):
        others = range(at + 1, n) if ahead else range(at)
        met = any(symbols[one] & OTHER and line[one] == line[at] and abs(onset[one] - onset[at]) <= limit for one in others)
        lacking = UNDECIDED if ahead and until[at] - onset[at] < limit else VIOLATED
        assert found[at, 0] == (NOTHING if not symbols[at] & WHEN else FULFILLED if met else lacking)


@given(timed(), st.integers(1, 6), st.booleans())
def test_columns_are_arrangements_apart(held: tuple[list[int], ...], limit: int, ahead: bool) -> None:
    symbols, *where = (np.array(one, dtype=np.int64) for one in held)
    both = np.stack([symbols, symbols[::-1]], axis=1)
    named = dict(zip(("onset", "line", "until"), where, strict=True))
    found = by_clock(both, limit=limit, ahead=ahead, **named)
    for column in (0, 1):
        alone = by_clock(both[:, column : column + 1], limit=limit, ahead=ahead, **named)
        assert (found[:, column : column + 1] == alone).all()


def test_verdicts_are_counted_by_run_empty_ones_too() -> None:
    verdicts = np.array([FULFILLED, VIOLATED, FULFILLED, NOTHING], dtype=np.uint8)
    assert count_by_clock(verdicts, offsets=np.array([0, 0, 2, 2, 4])).tolist() == [
        [0] * 6, [0, 1, 1, 0, 0, 0], [0] * 6, [0, 1, 0, 0, 0, 0]]


def test_what_is_open_is_settled_by_whether_more_could_come() -> None:
    counts = np.zeros((2, 6), dtype=np.int64)
    counts[:, [FULFILLED, VIOLATED, UNDECIDED, OPEN, SO_FAR]] = (1, 2, 3, 10, 20)
    fulfilled, violated, undecided = settled(counts, stopped=np.array([False, True]))
    assert (fulfilled.tolist(), violated.tolist(), undecided.tolist()) == ([21, 1], [12, 2], [3, 33])


@pytest.mark.parametrize("automaton", AUTOMATA)
def test_what_is_walked_lies_in_one_piece(automaton: Automaton, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else numpy copies all symbols at every step, and time grows with the square of an episode's length."""
    walked = []

    def watched(name: str) -> Callable[..., Any]:
        real = getattr(replay, name)

        def walk(table: object, symbols: np.ndarray, **more: Any) -> Any:
            walked.append(symbols.flags.c_contiguous)
            return real(table, symbols, **more)
        return walk

    for name in ("replay", "replay_ends"):
        monkeypatch.setattr(kernel, name, watched(name))
    symbols, offsets = laid([[WHEN, OTHER, 0], [WHEN]])
    count_verdicts(automaton, symbols, offsets=offsets)
    asked_of_moves(automaton, symbols, offsets=offsets)
    assert walked == [True, True]
