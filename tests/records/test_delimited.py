"""Delimited text: what is written reads back, what is odd is found out, what is broken is counted."""

import csv
import errno
import inspect
import os
import tracemalloc
import warnings
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rupturekit.errors import CodingWarning, FileProblem, RecordError
from rupturekit.problems import Problem, ProblemLog
from rupturekit.records import delimited
from rupturekit.records.delimited import DELIMITERS, Sheet, open_sheet, write_sheet

PERSON = "J\u00fcrgen"


@pytest.fixture
def file(tmp_path):
    """Return a function from content (text or bytes) to the path of a file that holds it."""

    def write(content, name="moves.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write


def cells_of(path, **options):
    return [cells for _, cells in open_sheet(path, **options).rows()]


def refused(path, **options):
    """Read a file with a log; return rows, log and sheet, with every row accounted for."""
    log = ProblemLog()
    sheet = open_sheet(path, problems=log, **options)
    rows = list(sheet.rows())
    assert sheet.rows_seen == len(rows) + sheet.rows_refused
    return rows, log, sheet


# --- round trips

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
awkward = st.text(',;\t|"\'\r\n aé1', max_size=6)


def has_content(row):
    return any(map(str.strip, row))


tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(texts | awkward, min_size=width, max_size=width).filter(has_content), max_size=5
    ).map(lambda rows: ([f"c{number}" for number in range(width)], rows))
)


@given(tables)
@example((["c0"], [["a\rb"], ['"'], ["\ufeff"]]))
@example((["c0", "c1"], [["a\r\n", ""], ["", 'x""\n'], [" b ", "\x1c"]]))
def test_what_is_written_reads_back(tmp_path_factory, table):
    header, rows = table
    path = tmp_path_factory.getbasetemp() / "written.csv"
    write_sheet(path, header=header, rows=rows)
    sheet = open_sheet(path)
    assert sheet.header == tuple(header)
    assert list(sheet.rows()) == list(enumerate(rows, 1))
    assert (sheet.rows_seen, sheet.rows_refused, sheet.rows_blank) == (len(rows), 0, 0)


@given(
    tables,
    st.sampled_from(DELIMITERS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
@example((["c0", "c1"], [["", "\n,0"]]), ";", "\n", "utf-8")  # a comma would break the header
def test_any_dialect_is_found_out(tmp_path_factory, table, delimiter, end, encoding):
    header, rows = table
    path = tmp_path_factory.getbasetemp() / "dialect.csv"
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
        writer.writerows([header, *rows])
    sheet = open_sheet(path)
    assert (sheet.header, sheet.encoding) == (tuple(header), encoding)
    assert sheet.delimiter == delimiter or len(header) == 1
    assert [cells for _, cells in sheet.rows()] == rows


@given(st.binary(max_size=60) | st.text('",\n\rab;', max_size=40).map(str.encode))
@example(b'a\n"')
@example(b'"a"b\n')
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfea")
def test_any_bytes_are_a_table_or_a_sentence(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        try:
            rows, log, sheet = refused(path)
        except FileProblem as problem:
            sentence = str(problem)
        else:
            sentence = "any.csv: a table"
            assert all(len(cells) == len(sheet.header) for _, cells in rows)
            assert len(log) >= sheet.rows_refused
    assert sentence.startswith("any.csv: ")
    assert sentence.isprintable()


@given(tables, st.integers(1, 5))
def test_cells_agree_with_the_csv_module(tmp_path_factory, table, times):
    header, rows = table
    path = tmp_path_factory.getbasetemp() / "agree.csv"
    write_sheet(path, header=header, rows=rows * times)
    with path.open(encoding="utf-8", newline="") as stream:
        expected = list(csv.reader(stream, strict=True))[1:]
    assert cells_of(path, delimiter=",") == expected


@given(st.text('",x\n', max_size=12), st.integers(1, 4))
@example('x"', 1)
@example('"",x"', 1)
@example('"x","",""x', 2)
def test_the_scanner_may_be_fed_in_pieces(text, size):
    state = 0
    for at in range(0, len(text), size):
        state = delimited._scan(text[at : at + size], state, delimiter=",")
    assert state == delimited._scan(text, 0, delimiter=",")


# --- numbering and accounting


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(file):
    path = file("\n  \n,,\ndyad,code,note\nd1,W3,\n\n , ,\n,,,,,\nd1,C2,x\n,,\n\n\n")
    rows, log, sheet = refused(path)
    assert rows == [(1, ["d1", "W3", ""]), (5, ["d1", "C2", "x"])]
    assert (sheet.rows_seen, sheet.rows_refused, sheet.rows_blank) == (2, 0, 6)
    assert not log


def test_every_pass_counts_anew_and_reports_once(file):
    log = ProblemLog()
    sheet = open_sheet(file("a,b\n1\n1,2\n3\n"), problems=log)
    next(sheet.rows())
    assert (len(log), sheet.rows_seen) == (1, 2)
    for _ in range(2):
        assert list(sheet.rows()) == [(2, ["1", "2"])]
        assert (len(log), sheet.rows_seen, sheet.rows_refused) == (2, 3, 2)


def test_a_sheet_that_was_not_read_has_counted_nothing(file):
    bare = Sheet(path=Path("study/moves.csv"), header=("a", "b"), delimiter=",", encoding="utf-8")
    assert bare == Sheet(path=Path("study/moves.csv"), header=("a", "b"), delimiter=",", encoding="utf-8",
                         decimal_comma=None, max_cell=100_000, problems=None)
    sheet = open_sheet(file("a,b\n1,2\n"))
    for each in (bare, sheet):
        assert (each.rows_seen, each.rows_refused, each.rows_blank, each.max_cell) == (0, 0, 0, 100_000)


def test_rows_are_read_in_blocks_and_from_any_row_on(file):
    sheet = open_sheet(file('\n,,\na,b\nd1,W3\n\n,\n"x\ny",C2\nd2\nd3,W4'), problems=ProblemLog())
    blocks = list(sheet.blocks(6))
    assert blocks == [b"d1,W3\n", b"\n,\n", b'"x\ny",C2\n', b"d2\n", b"d3,W4\n"]
    rows = [(1, ["d1", "W3"]), (2, []), (3, []), (4, ["x\ny", "C2"]), (5, []), (6, ["d3", "W4"])]
    assert list(sheet.rows_in(b"".join(blocks), first=1)) == rows
    assert (sheet.rows_seen, sheet.rows_refused, sheet.rows_blank) == (4, 1, 2)
    for first in range(1, 8):
        assert list(sheet.rows_from(first)) == rows[first - 1:]
    assert list(sheet.rows_in(blocks[3] + blocks[4], first=5)) == rows[4:]
    assert list(sheet.rows()) == [row for row in rows if row[1]]


@pytest.mark.parametrize(("content", "blocks"), [
    (b"a,b\n1,2\n", [b"1,2\n"]),
    (b"\xef\xbb\xbfa,b\n1,2\n", [b"1,2\n"]),
    (b"\n\r\n,\n\xc3\xa4,b\r\n1,2", [b"1,2\n"]),
    (b"a,b\n", []),
    (b"a,b", []),
    (b'a,b\n"1,2', [None]),
    (b'a,b\n1,2\n"1,2', [b"1,2\n", None]),
    (b'a,b\n1,"2\n3"', [b'1,"2\n3"\n']),
    (b'a,b\n1,2"\n', [None]),
    ("a,b\n1,2\n".encode("utf-16"), [None]),
])
def test_blocks_begin_behind_the_header_and_end_where_rows_do(file, content, blocks):
    assert list(open_sheet(file(content)).blocks(4)) == blocks


def test_a_block_that_does_not_end_is_left_to_the_rows(file):
    for more, blocks in (0, [b"x" * 16_000_000 + b"\n"]), (1, [None]):
        sheet = open_sheet(file(b"a\n" + b"x" * (16_000_000 + more)))
        assert list(sheet.blocks(16_000_001)) == blocks


def test_a_header_that_may_be_cut_is_left_to_the_rows(file):
    for length, blocks in (999_999, [b"1\n"]), (1_000_000, [None]):
        sheet = open_sheet(file(b"x" * (length - 1) + b"\n1\n"), max_cell=length)
        assert list(sheet.blocks(9)) == blocks
        assert [cells for _, cells in sheet.rows()] == [["1"]]


def test_a_header_alone_is_a_table_without_rows(file):
    assert refused(file("dyad,code"))[0] == []


# --- header


def test_names_are_stripped_and_marks_dropped(file):
    sheet = open_sheet(file(b'\xef\xbb\xbf" dyad" , code\t\n1,2\n'.replace(b'" ,', b'",')))
    assert sheet.header == ("dyad", "code")
    assert sheet.encoding == "utf-8-sig"


def test_nameless_and_duplicate_columns_go_to_the_log(file):
    _, log, sheet = refused(file("code, code,,dyad,code\n1,2,3,4,5\n"))
    assert sheet.header == ("code", "code", "", "dyad", "code")
    assert [str(problem) for problem in log.problems] == [
        "moves.csv, column 3: column 3 has no name; name it, or delete it if it is empty",
        "moves.csv, code: 3 columns share this name (columns 1 and 2); rename all but one",
    ]


def test_odd_names_are_problems_with_all_they_need(file):
    _, log, _ = refused(file("a,,a,b,b,b\n"))
    assert log.problems == (
        Problem(kind="no name", field="column 2", value="", row=None, file="moves.csv",
                message="column 2 has no name; name it, or delete it if it is empty"),
        Problem(kind="duplicate name", field="a", value="a", row=None, file="moves.csv",
                message="2 columns share this name (columns 1 and 3); rename all but one"),
        Problem(kind="duplicate name", field="b", value="b", row=None, file="moves.csv",
                message="3 columns share this name (columns 4 and 5); rename all but one"))


@pytest.mark.parametrize("row", ["x" * 999_999, '"' + "x" * 999_997 + '"'])
def test_a_header_of_exactly_the_limit_is_taken(file, row):
    name = "x" * row.count("x")
    assert open_sheet(file(f"{row}\n1\n"), max_cell=1_000_000).header == (name,)
    with pytest.raises(FileProblem, match=r"^moves\.csv: has a header of more than 1,000,000 characters; is it a table\?$"):
        open_sheet(file(f" {row}\n1\n"), max_cell=1_000_000)


def test_a_column_name_of_exactly_the_limit_is_taken(file):
    assert open_sheet(file("a," + "x" * 10 + "\n"), max_cell=10).header == ("a", "x" * 10)
    with pytest.raises(FileProblem, match=r"^moves\.csv: has a column name of more than 10 characters$"):
        open_sheet(file("a," + "x" * 11 + "\n"), max_cell=10)
    open_sheet(file("a," + "x" * 100_000 + "\n"))
    with pytest.raises(FileProblem, match="more than 100,000 characters"):
        open_sheet(file("a," + "x" * 100_001 + "\n"))


def test_without_a_log_the_first_problem_is_raised(file):
    with pytest.raises(RecordError, match=r"^moves.csv, code: 2 columns share") as caught:
        open_sheet(file("code,code\n"))
    assert (caught.value.file, caught.value.field, caught.value.value) == ("moves.csv", "code", "code")


# --- rows that are refused


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x", "the row has 1 instead of 2 cells; quote cells that contain the delimiter"),
        ("x,y,z", "the row has 3 instead of 2 cells; quote cells that contain the delimiter"),
        ('"he said "no" twice",y', "a quotation mark stands inside a quoted cell; double it, or remove it"),
        ("x," + "y" * 51, "the cell has 51 characters; a cell may have at most 50"),
    ],
)
def test_a_broken_row_is_refused_and_its_neighbours_are_not(file, line, message):
    path = file(f"dyad,code\nd1,W3\n{line}\nd1,C2\n")
    rows, log, _ = refused(path, max_cell=50)
    assert rows == [(1, ["d1", "W3"]), (3, ["d1", "C2"])]
    assert [(problem.row, problem.message) for problem in log.problems] == [(2, message)]
    with pytest.raises(RecordError, match=r"^moves\.csv, row 2") as caught:
        cells_of(path, max_cell=50)
    assert caught.value.row == 2


def test_the_largest_cell_is_named_by_its_column(file):
    _, log, _ = refused(file("dyad,,note\n1,2,3\n1,{0},{0}x\n1,{0},3\n".format("y" * 9)), max_cell=8)
    assert [(problem.field, problem.row) for problem in log.problems] == [
        ("column 2", None), ("note", 2), ("column 2", 3),
    ]


def test_a_refused_row_is_a_problem_with_all_it_needs(file):
    _, log, _ = refused(file('a,b\n1\n"x"y,2\n1,{}\n'.format("z" * 9)), max_cell=8)
    assert log.problems == (
        Problem(kind="wrong number of cells", field="", value="1 instead of 2", row=1, file="moves.csv",
                message="the row has 1 instead of 2 cells; quote cells that contain the delimiter"),
        Problem(kind="broken quotation marks", field="", value="", row=2, file="moves.csv",
                message="a quotation mark stands inside a quoted cell; double it, or remove it"),
        Problem(kind="cell too large", field="b", value="z" * 9, row=3, file="moves.csv",
                message="the cell has 9 characters; a cell may have at most 8"))


def test_the_longest_row_that_could_be_sound_is_read_and_no_longer_one(file, monkeypatch):
    monkeypatch.setattr(delimited, "_LONGEST_HEADER", 10)
    cell, width = 5, 4
    full = ",".join(['"' + '""' * cell + '"'] * width) + "\r\n"
    longest = (2 * cell + 3) * width + 1
    assert len(full) == longest
    rows, log, _ = refused(file("a,b,c,d\r\n" + full), max_cell=cell)
    assert rows == [(1, ['"' * cell] * width)]
    assert not log
    ends = ",,,\n"
    for more, message in (0, f"the cell has {longest - 4:,} characters; a cell may have at most 5"), (
            1, f"the row has {longest + 1:,} characters; a cell may have at most 5"):
        _, log, _ = refused(file("a,b,c,d\n" + "x" * (longest + more - len(ends)) + ends), max_cell=cell)
        assert [problem.message for problem in log.problems] == [message]


def test_in_a_narrow_table_a_row_may_be_as_long_as_a_header(file):
    for more, kind in (0, "cell too large"), (1, "row too long"), (500_000, "row too long"):
        _, log, _ = refused(file("a,b\n" + "X" * (1_000_000 + more - 3) + ",2\n1,2\n"))
        assert [(problem.kind, problem.row) for problem in log.problems] == [(kind, 1)]


def test_a_cell_has_a_hundred_thousand_characters_at_most(file):
    rows, log, _ = refused(file("a,b\n" + "x" * 100_000 + ",2\n" + "x" * 100_001 + ",2\n"))
    assert rows == [(1, ["x" * 100_000, "2"])]
    assert [problem.message for problem in log.problems] == [
        "the cell has 100,001 characters; a cell may have at most 100,000"]


def test_a_cell_of_exactly_the_limit_is_taken(file):
    assert cells_of(file("a,b\n" + '"' + '""' * 8 + '",x\n'), max_cell=8) == [['"' * 8, "x"]]


@pytest.mark.parametrize("fill", ["X", "xxxxxxxxx\n", "x,", 'x""', '""xxxxxx\r\n', '"",'])
def test_a_huge_cell_is_skipped_to_its_end(file, fill, monkeypatch):
    monkeypatch.setattr(delimited, "_LONGEST_HEADER", 10_000)
    rows, log, _ = refused(file(f'a,b\n1,2\n"{fill * 12_000}",2\n3,4\n'), max_cell=1_000)
    assert rows == [(1, ["1", "2"]), (3, ["3", "4"])]
    assert len(log) == 1
    assert "characters; a cell may have at most 1,000" in log.problems[0].message
    assert len(log.summary()) < 300


def test_a_huge_cell_is_not_kept_in_memory(file):
    path = file("a,b\n1,2\n" + "x" * 20_000_000 + ",2\n3,4\n")
    tracemalloc.start()
    rows, log, _ = refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == [(1, ["1", "2"]), (3, ["3", "4"])]
    assert log.problems[0].message.startswith("the row has 20,000,003 characters; ")
    assert peak < 12_000_000


def test_a_line_end_cut_in_two_is_one_line_end(file):
    longest = 1_000_000
    path = file("a,b\r\n" + "x" * (longest - 1) + "\r\n1,2\r\n")
    assert refused(path)[0] == [(2, ["1", "2"])]


def test_the_field_limit_of_the_process_is_left_alone(file):
    path = file("a,b\n1," + "y" * 500 + "\n3,4\n")
    before = csv.field_size_limit(100)
    try:
        rows = open_sheet(path).rows()
        next(rows)
        assert csv.field_size_limit() == 100
        assert next(rows) == (2, ["3", "4"])
        assert csv.field_size_limit() == 100
    finally:
        csv.field_size_limit(before)


def test_a_wide_sheet_may_have_long_rows(file):
    path = file(",".join(f"c{n}" for n in range(30)) + "\n" + ",".join(["y" * 99_999] * 30) + "\n")
    assert len(cells_of(path)[0]) == 30


def test_a_quote_that_is_never_closed_is_a_problem_of_the_file(file):
    rows = open_sheet(file('a,b\n1,2\n"x,y\n3,4\n')).rows()
    assert next(rows) == (1, ["1", "2"])
    with pytest.raises(FileProblem, match="row 2 opens a quotation mark that is never closed"):
        next(rows)


# --- dialect


@pytest.mark.parametrize(
    ("text", "delimiter", "decimal_comma"),
    [
        ("dyad,onset\nd1,12.5\n", ",", False),
        ("dyad;onset\nd1;12,5\n", ";", True),
        ("dyad;onset\nd1;12,5\nd2;3.5\n", ";", None),
        ("dyad;onset\nd1;12\n", ";", None),
        ('dyad,onset\nd1,"12,5"\n', ",", True),
        ("dyad\tnote, free\n1\tx, y\n2\tz\n", "\t", None),
        ("dyad|onset\n1|2\n", "|", None),
        ('"a;b",c\n1,"2;3"\n', ",", None),
        ("dyad\n1\n", ",", None),
        ("dyad;code;note\n1;2;a, b\n1;2;c, d\n3;4\n", ";", None),
        ('dyad;note\n1;"never closed\n', ";", None),
        ("a;b,c\n1;2,3\n", ",", None),
        ("a;b,c\n1;2,3\n1;2\n", ";", True),
        ("a;b;c,d\n1;2;3,4\n", ";", True),
        ("a|b;c\n1|2;3\n", ";", None),
        ("a\tb|c\n1\t2|3\n", "\t", None),
        ("a,b;c\n1,2;3\n1,2;3,4\n", ";", True),
        ("dyad;onset\nd1; -12,5 \n", ";", True),
        ("dyad;onset\nd1;+0,5\n", ";", True),
        ("dyad;onset\nd1; -12.5 \n", ";", False),
        ("dyad;onset\nd1;+0.5\n", ";", False),
        ("dyad;onset\nd1;1,2,3\nd2;x1,2\nd3;1,\nd4;,5\n", ";", None),
        ("dyad;1,5\nd1;2\n", ";", True),
    ],
)
def test_the_dialect_is_guessed(file, text, delimiter, decimal_comma):
    sheet = open_sheet(file(text))
    assert (sheet.delimiter, sheet.decimal_comma) == (delimiter, decimal_comma)


def test_a_declared_delimiter_is_taken(file):
    assert cells_of(file("a,b;c\n1,2;3\n"), delimiter=";") == [["1,2", "3"]]


@pytest.mark.parametrize("delimiter", ["", "::", '"', "\n", " "])
def test_a_delimiter_is_one_character(file, delimiter):
    with pytest.raises(FileProblem, match="expected one character such as"):
        open_sheet(file("a,b\n"), delimiter=delimiter)


def test_a_long_file_is_guessed_by_its_beginning(file):
    path = file("a;b\n" + f"{'1' * 95};2,5\n" * 3_000)
    assert open_sheet(path).delimiter == ";"
    assert sum(1 for _ in open_sheet(path).rows()) == 3_000


def test_the_first_two_hundred_thousand_characters_are_looked_at(file):
    end = "1;2,5\n"
    body = "a;b\n" + f"1;{'2' * 997}\n" * 199
    for more, comma in (0, True), (1, None):
        path = file(body + "1;" + "x" * (200_000 + more - len(body) - len(end) - 3) + "\n" + end)
        assert path.stat().st_size == 200_000 + more
        assert open_sheet(path).decimal_comma is comma
    whole = body + end  # the torn row behind it says nothing
    assert open_sheet(file(f"{whole}1;{'x' * (200_000 - len(whole))}\n")).decimal_comma is True


def test_a_header_longer_than_the_sample_is_still_split(file):
    names = [f"column_{number}" for number in range(20_000)]
    assert open_sheet(file(";".join(names) + "\n")).header == tuple(names)


# --- encoding


def test_windows_1252_is_read_with_a_warning_at_the_caller(file):
    path = file(f"dyad,note\n1,{PERSON} \u20ac\n".encode("cp1252"))
    with pytest.warns(CodingWarning, match=r"not UTF-8 \(near line 1\) and is read as cp1252") as caught:
        sheet = open_sheet(path)
    assert caught[0].filename == __file__
    assert sheet.encoding == "cp1252"
    assert list(sheet.rows()) == [(1, ["1", f"{PERSON} \u20ac"])]


def test_a_fault_far_down_is_found_at_the_door(file):
    with pytest.raises(FileProblem, match=r"neither UTF-8 nor Windows-1252 text \(near line 49153\)"):
        open_sheet(file(b"a,b\n" + b"1,2\n" * 50_000 + b"\x81,2\n"))


def test_a_fault_is_looked_for_in_steps_of_65_536_characters(file):
    for rows, line in (16_383, 1), (16_384, 16_385):
        with pytest.raises(FileProblem, match=rf"is not utf-8 text \(near line {line}\)"):
            open_sheet(file(b"a,b\n" + b"1,2\n" * (rows - 1) + b"\xfc,2\n" + b"1,2\n" * 9), encoding="utf-8")
    with pytest.raises(FileProblem, match=r"NUL character \(line 20001\)"):
        open_sheet(file(b"a,b\n" + b"1,2\n" * 19_999 + b"1,2\0\n"), delimiter=",")


@pytest.mark.parametrize("rest", [b"", b"1,2\n"])
def test_half_a_letter_at_the_end_of_a_step_is_no_utf8(file, rest):
    content = (b"a,b\n" + b"1,%b\n" % (b"2" * 65_529))[:-1] + b"\xc3"
    assert len(content) == 65_536
    with pytest.warns(CodingWarning, match=r"near line 1\)"):
        assert open_sheet(file(content + rest)).encoding == "cp1252"
    assert open_sheet(file(content + b"\xa4" + rest)).encoding == "utf-8"


def test_half_a_letter_is_not_completed_behind_plain_text(file):
    start = (b"a,b\n" + b"1,%b\n" % (b"2" * 65_529))[:-1] + b"\xc3"
    with pytest.warns(CodingWarning, match=r"near line 1\)"):
        assert open_sheet(file(start + b"1" * 65_536 + b"\xa4\n")).encoding == "cp1252"


def test_bytes_that_utf8_has_and_another_encoding_has_not(file):
    with pytest.raises(FileProblem, match=r"^moves\.csv: is not cp1252 text \(near line 1\); declare the encoding it was "):
        open_sheet(file(b"note\n\xc2\x81\n"), encoding="cp1252")


@pytest.mark.parametrize(
    ("declared", "content", "encoding"),
    [
        ("latin-1", f"note\n{PERSON}\n".encode("latin-1"), "iso8859-1"),
        ("UTF8", f"note\n{PERSON}\n".encode(), "utf-8"),
        ("utf-8", f"note\n{PERSON}\n".encode("utf-8-sig"), "utf-8-sig"),
        ("utf-16-le", f"\ufeffnote\n{PERSON}\n".encode("utf-16-le"), "utf-16"),
        ("utf-16-be", f"note\n{PERSON}\n".encode("utf-16-be"), "utf-16-be"),
        ("utf-8-sig", f"note\n{PERSON}\n".encode("utf-8-sig"), "utf-8-sig"),
        ("utf-16", f"note\n{PERSON}\n".encode("utf-16"), "utf-16"),
        ("utf-16-be", f"\ufeffnote\n{PERSON}\n".encode("utf-16-be"), "utf-16"),
        ("utf-32", f"note\n{PERSON}\n".encode("utf-32"), "utf-32"),
        ("utf-32-le", f"\ufeffnote\n{PERSON}\n".encode("utf-32-le"), "utf-32"),
        ("utf-32-be", f"\ufeffnote\n{PERSON}\n".encode("utf-32-be"), "utf-32"),
        ("utf-32", f"\ufeffnote\n{PERSON}\n".encode("utf-32-be"), "utf-32"),
        ("utf-8-sig", f"note\n{PERSON}\n".encode(), "utf-8-sig"),
    ],
)
def test_a_declared_encoding_is_taken(file, declared, content, encoding):
    sheet = open_sheet(file(content), encoding=declared)
    assert (sheet.encoding, sheet.header) == (encoding, ("note",))
    assert list(sheet.rows()) == [(1, [PERSON])]


@pytest.mark.parametrize("declared", ["utf-88", "hex", "", "a\0b", "undefined"])
def test_a_declared_encoding_exists(file, declared):
    with pytest.raises(FileProblem, match="there is no text encoding"):
        open_sheet(file("a\n"), encoding=declared)


# --- files that cannot be read

BAD_FILES = [
    (b"", {}, "is empty; expected a header row"),
    (b" \n\r\n\t\n", {}, "nothing but blank lines"),
    (b",,,\n,,\n", {}, "nothing but blank lines"),
    (b"\xef\xbb\xbf", {}, "nothing but blank lines"),
    (b"a,b\n1,\x002\n", {}, r"NUL character \(line 2\)"),
    (b"\0a,b\n", {}, r"NUL character \(line 1\)"),
    (b"a\nb\nc\0\nd\0\n", {}, r"NUL character \(line 3\)"),
    ("a,b\n".encode("utf-16-le"), {}, r"NUL character \(line 1\): binary, or UTF-16 without its mark"),
    ("a\0,b\n".encode("utf-16"), {}, "NUL character"),
    (b"PK\x03\x04rest", {}, r"looks like an Excel workbook \(xlsx\).*save it as CSV"),
    (b"PK\x05\x06", {}, "zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1", {}, r"old Excel workbook \(xls\)"),
    (b"\x1f\x8b\x08", {}, "gzip"),
    (b"%PDF-1.7", {}, "PDF"),
    (b"$FL2@(#)", {}, "SPSS"),
    (b"SQLite format 3\x00", {}, "SQLite"),
    (b"note\n\xfc\n", {"encoding": "utf-8"}, r"is not utf-8 text \(near line 1\); declare"),
    (b"\xff\xfea\x00,", {}, "is not utf-16 text"),
    (b"\xef\xbb\xbfnote\n", {"encoding": "cp1252"}, "declared as cp1252, but .* mark of utf-8-sig"),
    (b"\xff\xfe\x00\x00a\x00\x00\x00", {"encoding": "utf-16"}, "begins with the mark of utf-32"),
    (b'"a,b\n1,2\n', {}, "opens a quotation mark in the header row that is never closed"),
    (b'"a"x,b\n1,2\n', {}, "header row with broken quotation marks"),
    (b"x" * 2_000_000, {}, "a header of more than 1,000,000 characters"),
    (b"a," + b"x" * 11 + b"\n", {"max_cell": 10}, "a column name of more than 10 characters"),
]


@pytest.mark.parametrize(("content", "options", "message"), BAD_FILES)
def test_bad_files_get_a_sentence(file, content, options, message):
    with pytest.raises(FileProblem, match=f"^moves.csv: .*{message}") as caught:
        open_sheet(file(content), **options)
    assert caught.value.file == "moves.csv"
    assert len(str(caught.value)) < 200


def test_a_missing_file_suggests_its_neighbour(file, tmp_path):
    file("a\n", name="moves_data.csv")
    with pytest.raises(FileProblem, match=r"^moves-data.csv: there is no such file; did you mean"):
        open_sheet(tmp_path / "moves-data.csv")
    with pytest.raises(FileProblem, match=r"^zzz: there is no such file$"):
        open_sheet(str(tmp_path / "zzz"))


def test_ten_thousand_names_are_looked_through_for_a_neighbour(tmp_path, monkeypatch):
    for before, near in (9_999, True), (10_000, False):
        names = [*(f"{at:05d}" for at in range(before)), "moves_data.csv"]
        monkeypatch.setattr(Path, "iterdir", lambda folder, names=names: (folder / name for name in names))
        with pytest.raises(FileProblem) as caught:
            open_sheet(tmp_path / "moves-data.csv")
        assert ("moves_data.csv" in str(caught.value)) is near


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileProblem, match=r"^moves\.csv: there is no folder 'nowhere' that could be opened$"):
        open_sheet(tmp_path / "nowhere" / "moves.csv")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileProblem, match="is a folder, not a file"):
        open_sheet(tmp_path)
    with pytest.raises(FileProblem, match=r"^\.: is a folder"):
        open_sheet("")


def test_a_device_is_no_table():
    with pytest.raises(FileProblem, match="is not an ordinary file"):
        open_sheet(os.devnull)


def test_an_impossible_name():
    with pytest.raises(FileProblem, match=r"^a\\x00b: could not be read: .*null"):
        open_sheet("a\0b")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "may not be read: permission denied"),
        (OSError(errno.EIO, "Input/output error"), "could not be read: Input/output error"),
        (OSError("strange"), "could not be read: strange"),
    ],
)
def test_what_the_system_refuses_is_told(file, monkeypatch, error, message):
    path = file("a,b\n")

    def refuse(*args, **options):
        raise error

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileProblem, match=f"^moves.csv: {message}"):
        open_sheet(path)


def test_a_file_that_changes_under_the_reader(file):
    path = file("a,b\n1,2\n")
    sheet = open_sheet(path)
    path.write_bytes(b"a,b\n\xff,2\n")
    with pytest.raises(FileProblem, match=r"^moves\.csv: could not be read: .*decode"):
        list(sheet.rows())
    path.unlink()
    with pytest.raises(FileProblem, match=r"^moves\.csv: there is no such file"):
        list(sheet.rows())


def test_sheets_compare_by_what_they_say(file):
    path = file("a,b\n1,2\n")
    assert open_sheet(path, problems=ProblemLog()) == open_sheet(path)
    assert "moves" not in repr(open_sheet(path))
    read = open_sheet(path)
    assert len(list(read.rows())) == 1
    assert read == open_sheet(path)
    assert list(inspect.signature(Sheet).parameters) == [
        "path", "header", "delimiter", "encoding", "decimal_comma", "max_cell", "problems"]
    assert open_sheet(path).name == "moves.csv"


# --- writing


def test_the_bytes_are_utf8_with_line_feeds_and_few_quotes(tmp_path):
    path = tmp_path / "out.csv"
    rows = [["W3", f"{PERSON}, 'gone'"], ["", 'a "b"'], ["x\ry", "z\r\n"], ["-1", " "]]
    write_sheet(path, header=("code", "note"), rows=iter(rows))
    assert path.read_bytes() == (
        f"code,note\nW3,\"{PERSON}, 'gone'\"\n,\"a \"\"b\"\"\"\n\"x\ry\",\"z\r\n\"\n-1, \n".encode()
    )


def half_a_table():
    yield ["1"]
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("header", "rows", "error", "message"),
    [
        (["a"], [["1"], ["1", "2"]], RecordError, "out.csv, row 2: 2 cells where the header has 1"),
        (["a"], [["x\0"]], RecordError, "out.csv, row 1: a cell holds NUL or half a character"),
        (["a\ud800"], [], RecordError, "out.csv, row 0: a cell holds NUL or half a character"),
        (["a", "a "], [], RecordError, "out.csv, a: 2 columns share this name"),
        (["a", " "], [], RecordError, "out.csv, column 2: column 2 has no name"),
        ([], [], RecordError, "out.csv: a table has at least one column"),
        (["a"], half_a_table(), KeyboardInterrupt, "^$"),
    ],
)
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, header, rows, error, message):
    path = tmp_path / "out.csv"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(error, match=message):
        write_sheet(path, header=header, rows=rows)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_stands_beside_the_table_until_it_is_whole(tmp_path):
    path = tmp_path / "out.csv"
    seen = []

    def rows():
        seen.extend(tmp_path.iterdir())
        yield ["1"]

    write_sheet(path, header=["a"], rows=rows())
    assert len(set(seen) - {path}) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["nowhere/out.csv", "folder"])
def test_what_cannot_be_written_is_told(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileProblem, match=r"there is no folder 'nowhere'|is a folder, not a file"):
        write_sheet(tmp_path / name, header=["a"], rows=[])
    assert [entry.name for entry in tmp_path.rglob("*")] == ["folder"]


def test_what_the_system_refuses_to_write_is_told(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(FileProblem, match=r"^out\.csv: may not be written: permission denied"):
        write_sheet(tmp_path / "out.csv", header=["a"], rows=[["1"]])
    assert list(tmp_path.iterdir()) == []


def test_private_stays_private_and_links_stay_links(tmp_path):
    path, link = tmp_path / "out.csv", tmp_path / "link.csv"
    write_sheet(path, header=["a"], rows=[])
    path.chmod(0o600)
    link.symlink_to(path)
    write_sheet(link, header=["a"], rows=[["1"]])
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert cells_of(path) == [["1"]]


def test_a_sheet_streams_into_another(file, tmp_path):
    sheet = open_sheet(file("a;b\n1;2,5\n"))
    write_sheet(tmp_path / "out.csv", header=sheet.header, rows=(cells for _, cells in sheet.rows()))
    assert (tmp_path / "out.csv").read_bytes() == b'a,b\n1,"2,5"\n'
    assert isinstance(sheet, Sheet)
