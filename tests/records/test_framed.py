"""Data frames as tables of text: what every kind of value is written as, whatever library holds it."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest

from rupturekit._frames import FrameColumn
from rupturekit.problems import ProblemLog
from rupturekit.records import framed
from rupturekit.records.framed import open_framed
from rupturekit.records.held import CALENDAR_DATE

DAY = datetime.date(2021, 1, 2)
NOON = datetime.datetime(2021, 1, 2, 12)
COLUMNS: dict[str, list[Any]] = {
    "word": ["wd", " ä ", None], "whole": [1, -20, None], "half": [0.5, 1e-7, None], "flag": [True, False, None],
    "lasts": [datetime.timedelta(hours=30, minutes=5, seconds=1.5), datetime.timedelta(microseconds=-1), None],
    "day": [DAY, DAY, None], "noon": [NOON, NOON, None],
}
ROWS = [["wd", "1", "0.5", "yes", "30:05:01.5", "(calendar date)", "(calendar date)"],
        [" ä ", "-20", "0.0000001", "no", "-0:00:00.000001", "(calendar date)", "(calendar date)"]]


def written(frame: Any) -> list[list[str]]:
    return [cells for _, cells in open_framed(frame).rows()]


@pytest.mark.parametrize("library", [
    lambda columns: pandas.DataFrame({name: pandas.array(values) if name == "flag" else values for name, values in columns.items()}),
    polars.DataFrame, pyarrow.table])
def test_a_whole_frame(library: Any) -> None:
    sheet = open_framed(library(COLUMNS))
    assert (sheet.name, sheet.what, sheet.header) == ("data frame", "data frame", tuple(COLUMNS))
    assert list(sheet.rows()) == [(1, ROWS[0]), (2, ROWS[1])]
    assert (sheet.rows_seen, sheet.rows_blank) == (2, 1)
    assert (sheet.notes, sheet.settings, sheet.decimal_comma) == ((), (), None)
    dated = [cell for cell in ROWS[0] if cell == CALENDAR_DATE]
    assert len(dated) == 2


@pytest.mark.parametrize(("value", "text"), [
    ("wd", "wd"), (np.str_("wd"), "wd"), (True, "yes"), (False, "no"), (np.True_, "yes"), (7, "7"), (2**70, str(2**70)), (3.0, "3"),
    (0.1, "0.1"), (np.float32(0.5), "0.5"), (float("inf"), "inf"), (float("-inf"), "-inf"), (b"x", "b'x'"),
    (DAY, "(calendar date)"), (NOON, "(calendar date)"), (np.datetime64("2021-01-02"), "(calendar date)"),
    (np.timedelta64(90_500, "ms"), "0:01:30.5"), (np.timedelta64(90_500_000_000, "ns"), "0:01:30.5"),
    (np.timedelta64(2, "W"), "336:00:00"), (np.timedelta64(2**43, "s"), f"{2**43 // 3600}:{2**43 // 60 % 60:02d}:{2**43 % 60:02d}"),
    (np.timedelta64(1500, "ns"), "1500 nanoseconds are no whole microseconds, or too many"),
    (np.timedelta64(2**60, "s"), f"{2**60} seconds are no whole microseconds, or too many"),
    (np.timedelta64(1, "Y"), "1 years are no whole microseconds, or too many"),
    (np.timedelta64(1, "M"), "1 months are no whole microseconds, or too many"),
])
def test_one_value(value: Any, text: str) -> None:
    frame = pandas.DataFrame({"a": pandas.Series([value, "x"], dtype=object)})
    assert written(frame) == [[text], ["x"]]


def test_levels_are_written_by_what_they_are() -> None:
    frame = pandas.DataFrame({"a": pandas.Categorical([2.0, None, 1.5, 2.0]), "b": pandas.Categorical([DAY, None, DAY, None]),
                              "c": ["x"] * 4})
    assert written(frame) == [["2", "(calendar date)", "x"], ["", "", "x"], ["1.5", "(calendar date)", "x"], ["2", "", "x"]]


def test_a_column_in_which_nothing_can_be_absent_is_written_whole() -> None:
    assert framed._texts(FrameColumn(values=np.array([1, 0]))) == ["1", "0"]
    assert framed._texts(FrameColumn(values=np.array([True, False]))) == ["yes", "no"]
    assert framed._texts(FrameColumn(values=np.array([0, 1]), levels=(None, 2.5))) == ["", "2.5"]


def test_a_number_that_is_none_is_an_empty_cell() -> None:
    frame = pyarrow.table({"a": pyarrow.array([float("nan"), 1.0]), "b": ["x", "y"]})
    assert written(frame) == [["", "x"], ["1", "y"]]


def test_a_frame_without_columns_or_rows_has_no_rows() -> None:
    for frame in (pandas.DataFrame(), pandas.DataFrame({"a": []}), pyarrow.table({"a": pyarrow.array([], "string")})):
        sheet = open_framed(frame, problems=ProblemLog())
        assert (list(sheet.rows()), sheet.header) == ([], tuple(frame.columns) if isinstance(frame, pandas.DataFrame) else ("a",))
