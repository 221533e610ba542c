"""The kernel that cuts lines into stretches, against a loop over the events of one line at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit._kernels.stretches import BY_CLOSING, BY_END, BY_GAP, stretches

Event = tuple[int, int, int, bool]    # line, place, until, opens

LONGEST = 12


@st.composite
def lines(draw: st.DrawFn) -> tuple[list[Event], list[int]]:
    """Draw events of some lines in their order, and where the lines end."""
    ends = draw(st.lists(st.integers(0, LONGEST), min_size=1, max_size=3))
    events = []
    for line, end in enumerate(ends):
        for place in sorted(draw(st.lists(st.integers(0, end), max_size=6))):
            events.append((line, place, draw(st.integers(place, end)), draw(st.booleans())))
    return events, ends


def one_by_one(events: list[Event], ends: list[int], gap: int | None) -> list[tuple[int, int, int, int]]:
    """Return the stretches of every line, from a walk along each."""
    found = []
    for line, end in enumerate(ends):
        here = [(at, place, until, opens) for at, (where, place, until, opens) in enumerate(events) if where == line]
        while here:
            at, place, until, opens = here.pop(0)
            if not opens:
                continue
            first = last = at
            reach, stretch = until, None
            while here and stretch is None:
                at, place, until, opens = here[0]
                if gap is not None and place > reach + gap:
                    break
                here.pop(0)
                if opens:
                    last, reach = at, max(reach, until)
                else:
                    stretch = (first, at, place, BY_CLOSING)
            over = gap is not None and reach + gap <= end
            found.append(stretch or ((first, last, reach + (gap or 0), BY_GAP) if over else (first, last, end, BY_END)))
    return found


def cut(events: list[Event], ends: list[int], gap: int | None) -> list[tuple[int, ...]]:
    line, place, until, opens = (list(column) for column in zip(*events, strict=True)) if events else ([], [], [], [])
    columns = stretches(np.array(line, dtype="i8"), np.array(place, dtype="i8"), until=np.array(until, dtype="i8"),
                        opens=np.array(opens, dtype=bool), ends=np.array(ends, dtype="i8"), gap=gap)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(lines(), st.none() | st.integers(0, LONGEST))
def test_stretches_are_cut_as_by_a_walk_along_each_line(held: tuple[list[Event], list[int]], gap: int | None) -> None:
    assert cut(*held, gap) == one_by_one(*held, gap)


@pytest.mark.parametrize(("events", "ends", "gap", "found"), [
    ([(0, 0, 9, True), (0, 2, 3, True)], [20], 4, [(0, 1, 13, BY_GAP)]),    # the longest of the openings counts
    ([(0, 0, 18, True), (1, 0, 1, True)], [20, 20], 2, [(0, 0, 20, BY_GAP), (1, 1, 3, BY_GAP)]),    # of this stretch only
    ([(0, 1, 2, True), (0, 6, 6, True), (0, 11, 11, False)], [20], 4, [(0, 1, 10, BY_GAP)]),    # 4 is no more than 4
    ([(0, 1, 1, True), (0, 6, 6, True)], [9], 4, [(0, 0, 5, BY_GAP), (1, 1, 9, BY_END)]),
    ([(0, 1, 1, False), (0, 2, 2, True), (0, 3, 3, False), (0, 4, 4, False)], [9], None, [(1, 2, 3, BY_CLOSING)]),
    ([(0, 1, 1, True), (1, 1, 1, False), (1, 2, 2, True)], [4, 5], None, [(0, 0, 4, BY_END), (2, 2, 5, BY_END)]),
])
def test_a_stretch_by_hand(events: list[Event], ends: list[int], gap: int | None, found: list[Any]) -> None:
    assert cut(events, ends, gap) == found == one_by_one(events, ends, gap)


def test_the_reasons_differ() -> None:
    assert len({BY_CLOSING, BY_GAP, BY_END}) == 3


@pytest.mark.parametrize("short", ["line", "place", "until", "opens"])
def test_columns_of_unequal_length_are_refused(short: str) -> None:
    columns = {"line": np.zeros(2, dtype="i8"), "place": np.arange(2), "until": np.arange(2), "opens": np.ones(2, dtype=bool)}
    columns[short] = columns[short][:1]
    with pytest.raises(ValueError, match=r"zip\(\) argument"):
        stretches(columns.pop("line"), columns.pop("place"), ends=np.array([9]), gap=None, **columns)
