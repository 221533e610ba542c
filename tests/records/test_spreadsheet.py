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
from rupturekit.records.bounded import Limits, parse_xml
from rupturekit.records.foreign import read_table
from rupturekit.records.held import CALENDAR_DATE, RefusedCell, clock, plain_number
from rupturekit.records.mapping import parse_mapping
from rupturekit.records.spreadsheet import _column_number, _Part, open_workbook

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
    (datetime.time(0, 1, 30), "0:01:30"), (datetime.time(13, 4, 5), "13:04:05"), (datetime.time(0, 0, 0, 500_000), "0:00:00.5"),
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


def test_a_single_time_in_a_later_column_and_formulas_with_numbers(path: Path) -> None:
    def odd(book: Any) -> None:
        for column in (1, 2):
            book.active.cell(2, column).number_format = "h:mm"

    at = datetime.time(0, 1, 0)
    workbook(path, ["b", "a", "c"], [at, at, "=A1"], [datetime.date(2021, 1, 2), "x", "=B1"], also=odd)
    rewritten(path, "xl/worksheets/sheet1.xml", lambda text: text.replace("<f>A1</f><v />", "<f>A1</f><v>5</v>"))
    sheet = open_workbook(path)
    rest = "as hours and minutes; Excel takes a typed 12:34 for 12 hours, so it was read as 12:34:00"
    assert sheet.notes == (f"column 'b' shows 1 time {rest}", f"column 'a' shows 1 time {rest}")
    (_, first), (_, second) = sheet.rows()
    assert (first, second) == (["0:01:00", "0:01:00", "5"], ["(calendar date)", "x", "(formula without a value)"])
    refused = [cell for cell in second if isinstance(cell, RefusedCell)]
    assert refused[0] == CALENDAR_DATE
    assert [(cell.kind, cell.remedy) for cell in refused] == [
        ("calendar date", "a calendar date identifies people; write the days since the first session, or leave the column out"),
        ("formula without a value",
         "the formula was never computed; open the workbook, save it, or write the value in its place")]


def test_what_a_sheet_is_and_how_it_is_opened_again(path: Path) -> None:
    workbook(path, ["a"], ["1"])
    sheet = open_workbook(path)
    assert (sheet.what, sheet.settings, sheet.notes) == ("Excel workbook, sheet 'Events'", (), ())
    assert open_workbook(path, sheet="Events").settings == (("sheet", "Events"),)

    def more(book: Any) -> None:
        for number in range(2, 9):
            book.create_sheet(f"S{number}")

    workbook(path, ["a"], *([str(n)] for n in range(16)), also=more)
    sheet = open_workbook(path)
    assert sheet.settings == (("sheet", "Events"),)
    assert sheet.notes == ("sheet 'Events' was read, not S2; to read another one, say sheet = \"...\" under [file]".replace(
        "S2", "'S2', 'S3', 'S4', 'S5', 'S6' (+2 more)"),)
    rewritten(path, "xl/workbook.xml", lambda text: text.replace('state="visible"', 'state="hidden"'))
    assert open_workbook(path).header == ("a",)    # where no sheet is shown, the first one is read


def test_many_merged_cells_and_hidden_rows_are_named_up_to_five(path: Path) -> None:
    def odd(book: Any) -> None:
        for row in range(3, 15, 2):
            book.active.merge_cells(f"A{row}:A{row + 1}")
            book.active.row_dimensions[row].hidden = True

    workbook(path, ["a"], *([str(n)] for n in range(16)), also=odd)
    hidden, merged = open_workbook(path).notes
    assert hidden == "6 hidden rows counted like the others: rows 2, 4, 6, 8, 10 and 1 more"
    shown = merged.removeprefix("merged cells hold their value in the first cell alone, the others are empty: ")
    assert re.fullmatch(r"(A\d+:A\d+, ){4}A\d+:A\d+ \(\+1 more\)", shown)    # in the order of the file, which is any


@pytest.mark.parametrize(("count", "shown"), [(1, "1 hidden row counted like the others: row 2"),
                                              (2, "2 hidden rows counted like the others: rows 2, 3")])
def test_hidden_rows_are_counted(path: Path, count: int, shown: str) -> None:
    def hide(book: Any) -> None:
        for row in range(3, 3 + count):
            book.active.row_dimensions[row].hidden = True

    workbook(path, ["a"], *([str(n)] for n in range(5)), also=hide)
    assert open_workbook(path).notes == (shown,)


def test_what_the_library_says_of_pictures_and_rules_is_not_passed_on(path: Path) -> None:
    workbook(path, ["a"], ["1"])
    rewritten(path, "xl/worksheets/sheet1.xml", lambda text: text.replace(
        "</worksheet>", '<extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}"/></extLst></worksheet>'))
    with pytest.warns(UserWarning, match="not supported"):
        openpyxl.load_workbook(path)
    assert texts(path) == [(1, ["1"])]    # here every warning would be an error


@pytest.mark.parametrize("target", ["/xl/worksheets/sheet1.xml", "worksheets/sheet1.xml", "./worksheets/sheet1.xml"])
def test_a_sheet_is_found_however_it_is_pointed_to(path: Path, target: str) -> None:
    workbook(path, ["a"], ["1"])
    rewritten(path, "xl/_rels/workbook.xml.rels", lambda text: text.replace("/xl/worksheets/sheet1.xml", target))
    assert texts(path) == [(1, ["1"])]


def part_of(content: str, cells: int = 1_000_000) -> _Part:
    part = _Part(Path("a.xlsx"), cells)
    parse_xml([f"<sheetData>{content}</sheetData>".encode()], part, path=part.path)
    return part


@pytest.mark.parametrize(("content", "uncomputed"), [
    ('<row r="2"><c r="B2"><f>X</f></c></row>', {(2, 2)}),
    ('<row r="2"><c r="B2"><f>X</f><v>5</v></c><c r="C2"/></row>', set()),
    ('<row r="2"><c r="B2"><f>X</f><v> </v></c></row>', {(2, 2)}),
    ('<row r="2"><c r="B2" t="str"><f>X</f><v></v></c></row>', set()),
    ('<row r="2"><c r="B2" t="inlineStr"><f>X</f><is><t>a</t></is></c></row>', set()),
    ('<row r="2"><c r="B2"><v>5</v></c><c r="C2"><f>X</f></c></row>', {(2, 3)}),
    ('<row r="2"><c r="b2"/><c><f>X</f></c></row><row><c><f>X</f></c></row>', {(2, 3), (3, 1)}),
    ('<row><c r="C7"><f>X</f></c><c r="A7"/><c><f>Y</f></c></row>', {(7, 3), (7, 4)}),
    ('<row r="1048576"><c r="XFD1048576"><f>X</f></c></row>', {(1_048_576, 16_384)}),
    ('<row r="2"><c r="B2"><f>X</f><v/>5</c></row>', {(2, 2)}), ('<c><f>X</f></c>', {(0, 1)}),
])
def test_formulas_that_were_never_computed_are_found(content: str, uncomputed: set[tuple[int, int]]) -> None:
    assert part_of(content).uncomputed == uncomputed


def test_hidden_rows_and_merged_cells_are_found() -> None:
    part = part_of('<row r="3" hidden="1"/><row hidden="true"/><row hidden="0"/><row hidden="yes"/><mergeCell ref="A1:B2"/>')
    assert (part.hidden, part.merged) == ([3, 4], ["A1:B2"])


@pytest.mark.parametrize(("content", "says"), [
    *((f'<row r="{row}"/>', f"names a row '{row}', which Excel does not have")
      for row in ("0", "1048577", "zwei", "-1", "1.0", "9999999999", "")),
    ('<row r="1"><c r="A1048577"/></row>', "names a row '1048577', which Excel does not have"),
    ('<row r="1"><c r="XFE1"/></row>', "names a column beyond 16,384, which Excel does not have"),
    ('<row r="1"><c r="XFD1"/><c/></row>', "names a column beyond 16,384, which Excel does not have"),
])
def test_places_that_excel_does_not_have_are_refused(content: str, says: str) -> None:
    with pytest.raises(FileProblem) as caught:
        part_of(content)
    assert str(caught.value) == f"a.xlsx: {says}"


@pytest.mark.parametrize(("letters", "number"), [
    ("A", 1), ("z", 26), ("AA", 27), ("AZ", 52), ("BA", 53), ("ZZ", 702), ("AAA", 703), ("XFD", 16_384)])
def test_a_column_has_a_number(letters: str, number: int) -> None:
    assert _column_number(letters) == number


def test_gaps_count_as_cells_up_to_the_last_one_of_a_row() -> None:
    rows = '<row r="1"><c r="C1"/></row><row r="5"><c r="A5"/><c r="B5"/></row>'
    assert part_of(rows, cells=5).cells == 0
    with pytest.raises(FileProblem) as caught:
        part_of(rows, cells=4)
    assert str(caught.value) == (
        "a.xlsx: reaches over more cells than a coded sheet has; delete what stands far to the right and far below, or save the "
        "sheet as CSV (UTF-8)")


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
