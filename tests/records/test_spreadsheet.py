"""Excel workbooks: values as a person sees them, one sheet chosen, everything odd told."""

from __future__ import annotations

import datetime
import io
import re
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.errors import FileProblem, InvalidRecords, MissingExtra, RuptureKitError
from rupturekit.records.bounded import Limits
from rupturekit.records.foreign import read_table
from rupturekit.records.held import RefusedCell, clock, plain_number
from rupturekit.records.mapping import parse_mapping
from rupturekit.records.spreadsheet import open_workbook

MAPPING = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "%s"%s }
fields.dyad.column = "case"
fields.session.constant = 1
fields.party.column = "who"
fields.code.column = "what"
fields.onset = { column = "at", format = "hh:mm:ss" }
"""
HEADER = ["case", "who", "what", "at"]


def workbook(path: Path, *rows: list[Any], title: str = "Events", also: Callable[[Any], object] = lambda book: None) -> Path:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    also(book)
    book.save(path)
    return path


def texts(path: Path, **how: Any) -> list[tuple[int, list[str]]]:
    return list(open_workbook(path, **how).rows())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sheet.xlsx"


# Values

@pytest.mark.parametrize(("value", "text"), [
    (12.0, "12"), (0.1 + 0.2, "0.3"), (0.1000000000000001, "0.1"), (-3, "-3"), (1e-7, "0.0000001"), (1e20, "1" + "0" * 20),
    ("12.50", "12.50"), (" wd ", " wd "), (True, "TRUE"), (False, "FALSE"), (None, ""),
    (datetime.time(0, 1, 30), "0:01:30"), (datetime.time(13, 4, 5), "13:04:05"),
    (datetime.timedelta(hours=30, minutes=5, seconds=1.5), "30:05:01.5"),
    (datetime.datetime(2021, 1, 2, 3, 4), "(calendar date)"), (datetime.date(2021, 1, 2), "(calendar date)"),
])
def test_a_value_as_text(path: Path, value: object, text: str) -> None:
    workbook(path, ["a", "b"], ["x", value], ["x", "y"])
    assert texts(path)[0] == (1, ["x", text])


@given(st.floats(-1e15, 1e15, allow_nan=False, allow_subnormal=False))
def test_a_number_is_written_with_the_15_digits_that_excel_keeps(value: float) -> None:
    exact = Decimal(plain_number(value))
    assert exact == Decimal(f"{value:.14e}")


@given(st.integers(0, 10**13))
def test_a_clock_reads_back(microseconds: int) -> None:
    hours, minutes, seconds = clock(microseconds).split(":")
    assert (int(hours) * 3600 + int(minutes) * 60) * 10**6 + int(Decimal(seconds) * 10**6) == microseconds
    assert len(minutes) == 2
    assert len(seconds.split(".")[0]) == 2


def test_a_negative_clock_keeps_its_sign() -> None:
    assert clock(-90_000_000) == "-0:01:30"


def test_rows_are_numbered_under_the_header_and_gaps_are_blank(path: Path) -> None:
    def gap(book: Any) -> None:
        book.active["A6"] = "D2"

    workbook(path, [], ["case", " code "], ["D1", "wd"], also=gap)
    sheet = open_workbook(path)
    assert sheet.header == ("case", "code")
    assert list(sheet.rows()) == [(1, ["D1", "wd"]), (4, ["D2", ""])]
    assert (sheet.rows_seen, sheet.rows_blank, sheet.rows_refused) == (2, 2, 0)


def test_cells_beyond_the_header_make_columns_without_a_name(path: Path) -> None:
    workbook(path, ["case"], ["D1", None, "x", None])
    sheet = open_workbook(path)
    assert sheet.header == ("case", "", "")
    assert list(sheet.rows()) == [(1, ["D1", "", "x"])]


# What is refused as a value

def read(path: Path, *, bad_rows: str = "drop_and_report", more: str = "") -> Any:
    return read_table(path, parse_mapping(MAPPING % (bad_rows, more)))


def test_a_date_an_error_and_a_formula_without_a_value_cost_their_rows(path: Path) -> None:
    at = datetime.time(0, 0, 5)

    def errors(book: Any) -> None:
        book.active["A4"].data_type = "e"

    workbook(path, HEADER, ["D1", "client", "wd", at], [datetime.date(2021, 1, 2), "client", "wd", at],
             ["#N/A", "client", "wd", at], ["D1", "client", "=A1", at], also=errors)
    losses = read(path).losses
    assert losses.balanced
    assert (losses.rows, losses.moves) == (4, 1)
    assert {tally.what for tally in losses.lost} == {"dyad (case): calendar date", "dyad (case): an error of the sheet",
                                                     "code (what): formula without a value"}
    with pytest.raises(InvalidRecords) as caught:
        read(path, bad_rows="refuse")
    assert "write the days since the first session" in str(caught.value)
    assert "2021" not in str(caught.value)


def test_a_date_that_is_mapped_away_or_in_a_column_nobody_asked_for_costs_nothing(path: Path) -> None:
    at = datetime.time(0, 0, 5)
    workbook(path, [*HEADER, "seen"], ["D1", datetime.date(2021, 1, 2), "wd", at, datetime.date(2021, 1, 2)])
    assert read(path, more=', missing = ["(calendar date)"]').cohort.moves[0].party is None


def test_a_formula_with_its_value_is_its_value(path: Path) -> None:
    workbook(path, HEADER, ["D1", "client", "=X", datetime.time(0, 0, 5)], ["D1", "client", "=Y", datetime.time(0, 0, 6)])
    rewritten(path, "xl/worksheets/sheet1.xml", lambda text: text.replace(
        '<c r="C2"><f>X</f><v /></c>', '<c r="C2" t="str"><f>X</f><v>wd</v></c>').replace(
        '<c r="C3"><f>Y</f><v /></c>', '<c r="C3" t="str"><f>Y</f><v></v></c>'))
    losses = read(path).losses
    assert (losses.moves, [tally.what for tally in losses.lost]) == (1, ["no code"])


def test_text_like_a_formula_is_text_and_judged_as_in_any_file(path: Path) -> None:
    def typed(book: Any) -> None:
        book.active["A2"].value, book.active["A2"].data_type = "=cmd|' /C calc'!A0", "s"

    workbook(path, HEADER, ["D1", "client", "wd", datetime.time(0, 0, 5)], also=typed)
    assert [tally.what for tally in read(path).losses.lost] == ["dyad (case): looks like a formula"]


# What is told

def test_what_does_not_show_is_told(path: Path) -> None:
    def odd(book: Any) -> None:
        sheet = book.active
        sheet.row_dimensions[3].hidden = sheet.row_dimensions[1].hidden = True
        sheet.merge_cells("A3:A4")
        sheet.merge_cells("F1:G1")
        for row in (2, 3):
            sheet.cell(row, 4).number_format = "h:mm"
        book.create_sheet("Other")

    at = datetime.time(0, 1, 0)
    workbook(path, HEADER, ["D1", "client", "wd", at], ["D1", "client", "wd", at], [None, "client", "wd", at], also=odd)
    sheet = open_workbook(path)
    assert sheet.notes == (
        "sheet 'Events' was read, not 'Other'; to read another one, say sheet = \"...\" under [file]",
        "1 hidden row counted like the others: row 2",
        "merged cells hold their value in the first cell alone, the others are empty: A3:A4",
        "column 'at' shows 2 times as hours and minutes; Excel takes a typed 12:34 for 12 hours, so it was read as 12:34:00")
    losses = read(path).losses
    assert losses.warnings[:4] == sheet.notes
    assert losses.balanced


def test_a_sheet_is_chosen_by_name(path: Path) -> None:
    def others(book: Any) -> None:
        book.create_sheet("Second").append(["b"])
        book.create_sheet("Hidden", 0).sheet_state = "hidden"

    workbook(path, ["a"], ["1"], also=others)
    assert open_workbook(path).header == ("a",)
    second = open_workbook(path, sheet="Second")
    assert (second.header, second.notes, second.settings) == (("b",), (), (("sheet", "Second"),))
    with pytest.raises(FileProblem, match="has no sheet 'Secund'; did you mean 'Second'\\?; it has Hidden, Events, Second"):
        open_workbook(path, sheet="Secund")
    with pytest.raises(FileProblem, match="has nothing in its sheet 'Hidden'"):
        open_workbook(path, sheet="Hidden")


# What is refused as a file

def rewritten(path: Path, member: str, change: Callable[[str], str]) -> Path:
    """Change one part of a workbook."""
    with zipfile.ZipFile(path) as packed:
        parts = {info.filename: packed.read(info) for info in packed.infolist()}
    parts[member] = change(parts.get(member, b"").decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return path


@pytest.mark.parametrize(("member", "change", "says"), [
    ("xl/worksheets/sheet1.xml", lambda text: "<!DOCTYPE a [<!ENTITY b 'c'>]>" + text, "declares a DOCTYPE"),
    ("docProps/app.xml", lambda text: "\ufeff <!DOCTYPE a [<!ENTITY b 'c'>]>" + text, "declares a DOCTYPE"),
    ("xl/media/picture.png", lambda _: "<!DOCTYPE a []><a/>", "declares a DOCTYPE"),
    ("xl/worksheets/sheet1.xml", lambda text: text.replace('r="2"', 'r="99999999"'), "names a row '99999999'"),
    ("xl/worksheets/sheet1.xml", lambda text: text.replace('r="2"', 'r="zwei"'), "names a row 'zwei'"),
    ("xl/worksheets/sheet1.xml", lambda text: text.replace('"A2"', '"A1048577"'), "names a row '1048577'"),
    ("xl/worksheets/sheet1.xml", lambda text: text.replace('"A2"', '"ZZZ2"'), "names a column beyond 16,384"),
    ("xl/worksheets/sheet1.xml", lambda text: text.replace("</sheetData>", "".join(
        f'<row r="{n}"><c r="XFD{n}"/></row>' for n in range(10, 400)) + "</sheetData>"), "reaches over more cells"),
    ("xl/workbook.xml", lambda text: text[:300], "is not an Excel workbook that can be read"),
    ("xl/workbook.xml", lambda text: text.replace("<sheets>", "<!-- ").replace("</sheets>", " -->"), "holds no sheet"),
    ("xl/_rels/workbook.xml.rels", lambda text: text.replace("sheet1.xml", "nowhere.xml"), ""),
])
def test_a_hostile_workbook_is_refused(path: Path, member: str, change: Callable[[str], str], says: str) -> None:
    workbook(path, ["a"], ["1"])
    with pytest.raises(FileProblem) as caught:
        open_workbook(rewritten(path, member, change))
    assert says in str(caught.value)


def test_rows_and_cells_without_a_place_follow_one_another(path: Path) -> None:
    workbook(path, ["a", "b"], ["1", "=A1"])
    rewritten(path, "xl/worksheets/sheet1.xml", lambda text: re.sub(r' r="[A-Z]*[0-9]+"', "", text))
    assert texts(path) == [(1, ["1", "(formula without a value)"])]


def test_a_stated_size_that_lies_cuts_nothing_off(path: Path) -> None:
    workbook(path, ["a", "b"], ["1", "2"], ["3", "4"])
    rewritten(path, "xl/worksheets/sheet1.xml", lambda text: text.replace('ref="A1:B3"', 'ref="A1:A2"'))
    assert texts(path) == [(1, ["1", "2"]), (2, ["3", "4"])]


def test_old_drawings_that_are_not_well_formed_are_passed_over(path: Path) -> None:
    workbook(path, ["a"], ["1"])
    rewritten(path, "xl/drawings/vmlDrawing1.vml", lambda _: "<xml><br></xml>")
    rewritten(path, "xl/media/picture.png", lambda _: "PNG" + "x" * 70_000)
    assert texts(path) == [(1, ["1"])]


def test_a_part_of_a_sheet_that_is_missing_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook(path, ["a"], ["1"])
    monkeypatch.setattr("rupturekit.records.spreadsheet._looked_through", lambda path, stream, limits: {})
    with pytest.raises(FileProblem, match="has no part for its sheet 'Events'"):
        open_workbook(path)


def test_limits_are_adjustable(path: Path) -> None:
    workbook(path, ["a"], *([str(n)] for n in range(100)))
    with pytest.raises(FileProblem, match="reaches over more cells"):
        open_workbook(path, limits=Limits(cells=50))
    assert len(texts(path, limits=Limits(cells=200))) == 100


def test_without_the_library_the_extra_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook(path, ["a"], ["1"])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtra, match=r"reading an Excel workbook needs the extra 'io': pip install 'rupturekit\[io\]'"):
        read(path)


def test_a_refused_cell_is_a_text() -> None:
    cell = RefusedCell("x", kind="k", remedy="r")
    assert (cell, cell.strip(), cell.kind, cell.remedy) == ("x", "x", "k", "r")


# Any bytes

VALID = io.BytesIO()
_BOOK = openpyxl.Workbook()
for _row in (HEADER, ["D1", "client", "wd", datetime.time(0, 0, 5)], [datetime.date(2021, 1, 2), 1.5, "=A1", True]):
    _BOOK.active.append(_row)
_BOOK.save(VALID)


@given(st.lists(st.tuples(st.integers(0, len(VALID.getvalue()) - 1), st.binary(min_size=1, max_size=8)), max_size=6),
       st.integers(0, len(VALID.getvalue())))
def test_no_bytes_get_more_than_a_sentence(tmp_path_factory: pytest.TempPathFactory,
                                           patches: list[tuple[int, bytes]], cut: int) -> None:
    content = bytearray(VALID.getvalue())
    for at, patch in patches:
        content[at:at + len(patch)] = patch
    path = tmp_path_factory.mktemp("fuzz") / "a.xlsx"
    path.write_bytes(content[:cut] if cut % 3 == 0 else content)
    with suppress(RuptureKitError):
        read(path)


PARTS = ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml", "xl/_rels/workbook.xml.rels"]


@given(st.sampled_from(PARTS), st.integers(0, 3000), st.integers(0, 40), st.text("<>/=\"' 0aAr1&;", max_size=12))
def test_no_part_gets_more_than_a_sentence(tmp_path_factory: pytest.TempPathFactory, part: str, at: int, length: int,
                                           patch: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.xlsx"
    path.write_bytes(VALID.getvalue())
    rewritten(path, part, lambda text: text[:at] + patch + text[at + length:])
    with suppress(RuptureKitError):
        read(path)
