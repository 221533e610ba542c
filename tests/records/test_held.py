"""Tables held in memory give their rows as delimited text does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.errors import RecordError
from rupturekit.problems import Problem, ProblemLog
from rupturekit.records.held import HeldSheet, Row, places

BAD = Problem(kind="no event", field="what", value="x", row=2, file="a.boris", message="it is none")
HALF = "\ud800 half"


def held(*found: list[str] | Problem, problems: ProblemLog | None = None) -> HeldSheet:
    table = tuple(Row(number, each) for number, each in enumerate(found, 1))
    return HeldSheet(path=Path("folder", "a.boris"), what="demo", header=("what",), table=table, problems=problems)


def test_every_row_is_yielded_refused_or_blank() -> None:
    log = ProblemLog()
    sheet = held(["x"], BAD, [" "], ["y" * 100_001], [HALF], ["ä"], problems=log)
    for _ in range(2):    # a second pass counts anew, and tells nothing twice
        assert list(sheet.rows()) == [(1, ["x"]), (6, ["ä"])]
        assert (sheet.rows_seen, sheet.rows_refused, sheet.rows_blank) == (5, 3, 1)
    assert [(problem.row, problem.kind) for problem in log.problems] == [
        (2, "no event"), (4, "cell too large"), (5, "half a character")]


def test_without_a_log_the_first_bad_row_is_raised() -> None:
    with pytest.raises(RecordError, match="a.boris, row 2, what: it is none") as caught:
        list(held(["x"], BAD).rows())
    assert (caught.value.row, caught.value.field) == (2, "what")


@given(st.lists(st.sampled_from([["x"], [" "], BAD])))
def test_the_counts_add_up(found: list[list[str] | Problem]) -> None:
    sheet = held(*found, problems=ProblemLog())
    sound = list(sheet.rows())
    assert sheet.rows_seen == len(sound) + sheet.rows_refused
    assert sheet.rows_seen + sheet.rows_blank == len(found)
    assert sheet.rows_refused == found.count(BAD)


def test_rows_are_named_up_to_five() -> None:
    assert places(list(range(1, 8))) == "rows 1, 2, 3, 4, 5 and 2 more"
