"""Tables held in memory give their rows as delimited text does."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.errors import RecordError
from rupturekit.problems import Problem, ProblemLog
from rupturekit.records.held import (
    CALENDAR_DATE,
    HeldSheet,
    Hints,
    RefusedCell,
    Row,
    clock,
    notes_of,
    places,
    plain_number,
)

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


@pytest.mark.parametrize(("rows", "text"), [
    ([3], "row 3"), ([1, 2], "rows 1, 2"), ([1, 2, 3, 4, 1_000], "rows 1, 2, 3, 4, 1,000"),
    ([1, 2, 3, 4, 5, 6], "rows 1, 2, 3, 4, 5 and 1 more"), (list(range(1, 1_006)), "rows 1, 2, 3, 4, 5 and 1,000 more"),
])
def test_rows_are_named_up_to_five(rows: list[int], text: str) -> None:
    assert places(rows) == text


@pytest.mark.parametrize(("microseconds", "text"), [
    (0, "0:00:00"), (1, "0:00:00.000001"), (-1, "-0:00:00.000001"), (9_999_999, "0:00:09.999999"), (10_000_000, "0:00:10"),
    (10_500_000, "0:00:10.5"), (59_900_000, "0:00:59.9"), (60_000_000, "0:01:00"), (599_000_000, "0:09:59"),
    (3_599_000_000, "0:59:59"), (3_600_000_000, "1:00:00"), (-3_661_000_000, "-1:01:01"), (360_000_000_000, "100:00:00"),
])
def test_a_clock_at_its_edges(microseconds: int, text: str) -> None:
    assert clock(microseconds) == text


def test_a_number_has_at_most_fifteen_digits() -> None:
    assert [plain_number(number) for number in (123456789012345.0, 0.123456789012345, 0.1234567890123456, 2 / 3)] == [
        "123456789012345", "0.123456789012345", "0.123456789012346", "0.666666666666667"]


def test_a_cell_may_have_a_hundred_thousand_characters_and_is_told_in_full_beyond() -> None:
    log = ProblemLog()
    assert list(held(["y" * 100_000], ["y" * 100_001], ["ä" * 100_000], [HALF], problems=log).rows()) == [
        (1, ["y" * 100_000]), (3, ["ä" * 100_000])]
    assert [(each.row, each.kind, each.field, each.value, each.file, each.message) for each in log.problems] == [
        (2, "cell too large", "what", "y" * 79 + "…", "a.boris",
         "the cell has 100,001 characters; a cell may have at most 100,000"),
        (4, "half a character", "what", "\\ud800 half", "a.boris", "the cell holds half a character; type it anew")]
    with pytest.raises(RecordError) as caught:
        list(held([HALF]).rows())
    error = caught.value
    assert (error.file, error.row, error.field, error.value) == ("a.boris", 1, "what", "\\ud800 half")


def test_a_row_with_one_filled_cell_is_no_blank_row() -> None:
    sheet = HeldSheet(path=Path("a"), what="demo", header=("a", "b"), table=(Row(1, ("", "x")), Row(2, ("", " "))))
    assert (sheet.rows_seen, sheet.rows_refused, sheet.rows_blank) == (0, 0, 0)
    assert list(sheet.rows()) == [(1, ["", "x"])]
    assert (sheet.rows_seen, sheet.rows_blank) == (1, 1)


def test_sheets_are_equal_by_what_they_hold_and_show_no_cell() -> None:
    one, other = held(["x"], BAD, problems=ProblemLog()), held(["x"], BAD, problems=ProblemLog())
    assert repr(one) == ("HeldSheet(path=PosixPath('folder/a.boris'), what='demo', header=('what',), notes=(), settings=(), "
                         "hints=Hints(roles=(), questions=()), decimal_comma=None)").replace("PosixPath", type(Path()).__name__)
    list(one.rows())
    assert one == other
    assert one == held(["x"], BAD)
    assert one != held(["y"], BAD)
    assert one != attrs.evolve(other, hints=Hints(questions=("why?",)))
    assert [field.alias for field in attrs.fields(HeldSheet) if field.init] == [
        "path", "what", "header", "table", "notes", "settings", "hints", "decimal_comma", "problems"]
    assert notes_of(attrs.evolve(one, notes=("a", "b"))) == ("a", "b")


def test_what_stands_for_a_date_says_why_it_is_refused() -> None:
    assert (CALENDAR_DATE, CALENDAR_DATE.kind, CALENDAR_DATE.remedy) == (
        "(calendar date)", "calendar date",
        "a calendar date identifies people; write the days since the first session, or leave the column out")
    assert RefusedCell.__slots__ == ("kind", "remedy")
