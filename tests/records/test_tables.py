"""The kernels under the reader of tables, against slow and obvious ones; and what a million bad rows may cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rupturekit._kernels import cells as kernel
from rupturekit._kernels.rows import all_distinct, in_order
from rupturekit._schema import Column, at_least
from rupturekit.episode import Dyad, EpisodeRow, Label, Move, Session
from rupturekit.errors import CodingWarning, InvalidNumber, InvalidTime, RecordError
from rupturekit.problems import Problem, ProblemLog
from rupturekit.records import tables
from rupturekit.records.delimited import open_sheet
from rupturekit.records.grammar import parse_scaled
from rupturekit.records.tables import read_table
from rupturekit.vocabulary import TimeKind


def cells_of(texts: list[str]) -> kernel.Cells:
    text = kernel.with_margins(b"".join(one.encode() + b"\n" for one in texts))
    marks = kernel.split(text, delimiter=ord(","), width=1)
    assert marks is not None
    return kernel.cells_of(text, marks, column=0)


def plain_number(text: str, places: int) -> int | None:
    try:
        return parse_scaled(text, places=places)
    except InvalidNumber:
        return None


@given(st.lists(st.text("0123456789.", max_size=20) | st.text("0159./:-+e é", max_size=9), min_size=1), st.sampled_from([0, 3, 6]))
@example(["."], 3)
@example(["0000000.1", "1234567890123.25", "12345678.12345678", "9999999999999999"], 6)
@example(["123456789", "1234567890123456", "9", ""], 0)
def test_numbers_that_hold_are_those_of_the_grammar(texts: list[str], places: int) -> None:
    numbers, hold = kernel.decimals(cells_of(texts), places=places)
    for text, number, holds in zip(texts, numbers.tolist(), hold.tolist(), strict=True):
        if holds:
            assert number == plain_number(text, places)
        elif text.isdigit():
            assert text == "" or len(text) > 18 - places or len(text) > 16


@given(st.lists(st.text("abé", max_size=17), min_size=1))
def test_words_that_are_alike_are_equal(texts: list[str]) -> None:
    found = kernel.alike(cells_of(texts))
    if found is None:
        assert max(len(text.encode()) for text in texts) > kernel.LONGEST
        return
    one, which = found
    assert [texts[row] for row in one[which]] == texts
    assert len({texts[row] for row in one}) == len(one)


def test_words_that_no_hash_tells_apart_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kernel, "_MIXERS", (0,))
    assert kernel.alike(cells_of(["a", "b", "a"])) is None
    path = tmp_path / "dyads.csv"
    path.write_text("dyad,arm\n" + "".join(f"D{at},a{at % 2}\n" for at in range(9)))
    table = read_table(path, Dyad, time=TimeKind.CLOCK, problems=ProblemLog())
    assert table.words("dyad") == [f"D{at}" for at in range(9)]


def test_what_was_read_long_ago_is_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tables, "_MOST_KNOWN", 2)
    path = tmp_path / "dyads.csv"
    path.write_text("dyad,arm\n" + "".join(f"D{at},a{at % 3}\n" for at in range(9)))
    table = read_table(path, Dyad, time=TimeKind.CLOCK, problems=ProblemLog())
    assert table.words("arm") == [f"a{at % 3}" for at in range(9)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(-3, 3))), st.booleans())
def test_order_is_that_of_tuples(rows: list[tuple[int, int, int]], ordered: bool) -> None:
    rows = sorted(rows) if ordered else rows
    columns = [np.array([row[at] for row in rows], dtype="i8") for at in range(3)]
    assert in_order(columns) == (sorted(rows) == rows)


@given(st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 30)))
def test_distinct_numbers_are_those_of_a_set(numbers: list[int]) -> None:
    assert all_distinct(np.array(numbers, dtype="i8")) == (len(set(numbers)) == len(numbers))


def test_rows_of_another_encoding_are_left_to_the_careful_reader(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("dyad,arm\nD1,ä\n".encode("utf-16"))
    sheet = open_sheet(path)
    assert list(sheet.blocks(100)) == [None]
    assert list(sheet.rows_from(1)) == [(1, ["D1", "ä"])]


def test_a_table_of_one_column_is_read(tmp_path: Path) -> None:
    path = tmp_path / "dyads.csv"
    path.write_text("dyad\nD1\nD2\n")
    assert read_table(path, Dyad, time=TimeKind.CLOCK, problems=ProblemLog()).words("dyad") == ["D1", "D2"]


def test_a_column_that_turns_out_longer_than_expected_grows() -> None:
    column = tables.Growing.of(Dyad, "arm", TimeKind.CLOCK)
    column.expected = 3
    for text in ("a", "a", "b", "c", "a"):
        column.add(column.packed(column.each([text])))
    assert column.close().tolist() == [0, 0, 1, 2, 0]


LARGEST = 2**63 - 1
LEVELS = "hypothesised, reported, coded, consensus"


@pytest.mark.parametrize(("record", "name", "text", "expected"), [
    (Move, "row_id", str(LARGEST), LARGEST), (Move, "row_id", "0", 0), (Move, "row_id", " 7.0", 7),
    (Move, "row_id", str(LARGEST + 1), "is out of range; expected a whole number from -9223372036854775807 to "
                                       "9223372036854775807"),
    (Move, "row_id", "-1", "'-1' does not fit; expected at least 0"),
    (Move, "row_id", "", "is empty; expected a value"), (Move, "tie", "", 0), (Move, "source_row", "", None),
    (Session, "day", str(-LARGEST), -LARGEST), (Session, "day", str(-LARGEST - 1), "is out of range"),
    (Move, "rating", "9223372036854775.807", LARGEST), (Move, "rating", "2.5", 2_500), (Move, "rating", "", None),
    (Move, "rating", "9223372036854775.808",
     "'9223372036854775.808' does not fit; expected a number within 64 bits, in thousandths"),
    (Move, "rating", "-9223372036854775.808", "expected a number within 64 bits, in thousandths"),
    (Move, "rating", "-9223372036854775.807", "does not fit; expected at least 0"),
    (Move, "rating", "0.0005", "is finer than can be kept"), (Move, "onset", "1.5", 1_500_000),
    (Move, "onset", "1:00", "is not a time in seconds"), (Move, "onset", "-1", "'-1' does not fit; expected at least 0"),
    (EpisodeRow, "closed_by_outcome", "yes", True), (EpisodeRow, "closed_by_outcome", "no", False),
    (EpisodeRow, "closed_by_outcome", "", False),
    (EpisodeRow, "closed_by_outcome", "ja", "'ja' does not fit; expected yes or no"),
    (Move, "status", "reported", "reported"), (Move, "status", "", "coded"),
    (Move, "status", "coder", f"'coder' does not fit; expected one of {LEVELS}; did you mean 'coded'?"),
    (Dyad, "outcome", "-2.50", -2.5), (Dyad, "outcome", "1e3", "is not a number"), (Dyad, "arm", "'=A1", "=A1"),
    (Dyad, "arm", " a", "without blanks at either end"), (Label, "value", "", "is empty; expected a value"),
])
def test_what_a_cell_means(record: type, name: str, text: str, expected: object) -> None:
    read = tables.Growing.of(record, name, TimeKind.CLOCK).value(text)
    if isinstance(read, RecordError):
        assert str(expected) in str(read)
        assert str(expected)[-1].isalnum() or str(read).endswith(str(expected))
    else:
        assert (read, type(read)) == (expected, type(read))


def test_turns_are_read_as_whole_numbers() -> None:
    column = tables.Growing.of(Move, "onset", TimeKind.TURN)
    assert (column.value("3"), column.places) == (3, 0)
    assert isinstance(column.value("1.5"), InvalidTime)
    found = {name: tables.Growing.of(Move, name, TimeKind.CLOCK).places for name in ("onset", "rating", "row_id", "code", "status")}
    assert found == {"onset": 6, "rating": 3, "row_id": 0, "code": None, "status": None}


def told(path: Path, record: type, content: str) -> tuple[list[object], list[tuple[int | None, str, str, str]]]:
    path.write_text(content)
    log = ProblemLog()
    rows = list(read_table(path, record, time=TimeKind.CLOCK, problems=log))
    assert {problem.file for problem in log.problems} <= {path.name}
    return rows, [(problem.row, problem.kind, problem.field, problem.value) for problem in log.problems]


def test_every_problem_of_a_table_in_the_order_of_its_rows(tmp_path: Path) -> None:
    rows, problems = told(tmp_path / "sessions.csv", Session, "dyad,session,day,duration\nD1,1,0,60\nD1,x,,9\n D2,2,1,1:00\n"
                          "D1\nD1,3,,\n,-1,1.5,-1\n")
    assert rows == [Session(dyad="D1", session=1, day=0, duration=60_000_000), Session(dyad="D1", session=3)]
    assert problems == [
        (2, "not a number", "session", "x"), (3, "not allowed", "dyad", " D2"), (3, "not a time", "duration", "1:00"),
        (4, "wrong number of cells", "", "1 instead of 4"), (6, "not allowed", "dyad", ""), (6, "not allowed", "session", "-1"),
        (6, "not a number", "day", "1.5"), (6, "not allowed", "duration", "-1")]


def test_a_table_without_a_column_that_it_needs_holds_nothing(tmp_path: Path) -> None:
    path, log = tmp_path / "sessions.csv", ProblemLog()
    path.write_text("dyad,sesion,zzz\nD1,1,\nD1\n")
    with pytest.warns(CodingWarning, match="^sessions.csv: columns that this table does not have are not read: sesion, zzz; did you "
                                           "mean 'session'\\?. Put further facts into the labels table$"):
        assert len(read_table(path, Session, time=TimeKind.CLOCK, problems=log)) == 0
    assert [(problem.kind, problem.field + problem.value, problem.row, problem.message) for problem in log.problems] == [
        ("missing column", "session", None, "the column 'session' is missing; this table has dyad, sesion, zzz; did you mean 'sesion'?"),
        ("wrong number of cells", "1 instead of 3", 2, log.problems[1].message)]


def test_problems_of_no_row_come_first_and_those_of_one_row_keep_their_order() -> None:
    log = ProblemLog()
    held = tables.InOrder(log)
    for kind, row in (("a", 2), ("b", 1), ("c", None), ("d", 1), ("e", 0)):
        held.add(Problem(kind=kind, field="x", value="", row=row, file="f", message="m"))
    assert not log
    held.pass_on()
    held.pass_on()
    assert "".join(problem.kind for problem in log.problems) == "cebda"


def test_what_was_read_lately_is_kept_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MOST_KNOWN", 2)
    column = tables.Growing.of(Dyad, "arm", TimeKind.CLOCK)
    known = []
    for text in ("a", "b", "a", "c", "a"):
        assert column.value(text) == text
        known.append(sorted(column.known))
    assert known == [["a"], ["a", "b"], ["a", "b"], ["c"], ["a", "c"]]


def test_room_is_made_once_for_the_whole_file_and_grows_by_a_quarter(tmp_path: Path) -> None:
    path = tmp_path / "dyads.csv"
    path.write_bytes(b"dyad\n" + b"x" * 995)
    columns = {name: tables.Growing.of(Dyad, name, TimeKind.CLOCK) for name in ("dyad", "arm")}
    reading = tables._Reading(sheet=open_sheet(path), wanted={"dyad": 0}, held=columns, splitter=tables.careful,
                              waiting=tables.InOrder(ProblemLog()))
    reading._expect(0.1)
    assert [column.expected for column in columns.values()] == [103, 103]
    column = tables.Growing.of(Dyad, "outcome", TimeKind.CLOCK)
    sizes = []
    for count in (1_000, 1, 248, 1, 5):
        column.add(np.arange(count, dtype="f8") + 0.5)
        assert column.room is not None
        sizes.append((column.count, len(column.room)))
    assert sizes == [(1_000, 1_000), (1_001, 1_250), (1_249, 1_250), (1_250, 1_250), (1_255, 1_562)]
    assert column.close().tolist() == [*(np.arange(1_000) + 0.5), 0.5, *(np.arange(248) + 0.5), 0.5, *(np.arange(5) + 0.5)]


@pytest.mark.parametrize(("block", "most", "short"), [
    (b"abc\n", 3, True), (b"abc\n", 2, False), (b"ab\nabc\n", 3, True), (b"ab\nabc\n", 2, False), (b"ab\nabc", 3, False),
    (b"", 3, True), (b"\n", 3, True), (b"\nabc\n\n", 3, True), (b'"b"\n', 3, True), (b'"\n"\n', 3, False), (b'a,"b"\n"c"\n', 5, True),
])
def test_short_lines_are_known(block: bytes, most: int, short: bool) -> None:
    assert tables._short_lines(block, most=most) is short


@pytest.mark.parametrize("content", [
    "dyad,arm,outcome\nD1,a,1\nD2,b,\nD3,a,2.5\n", "dyad,arm,outcome\r\nD1,a,1\r\nD2,b,\r\nD3,a,2.5\r\n",
    'dyad,outcome,arm\n"D1","1",a\nD2,,"b"\nD3,2.5,a\n', "dyad,outcome,arm\n\nD1,1.0,a\nD2,,b\n\nD3,2.50,a",
    "dyad,arm,outcome\rD1,a,1\rD2,b,\rD3,a,2.5\r"])
def test_one_table_in_many_forms(tmp_path: Path, content: str) -> None:
    path, log = tmp_path / "dyads.csv", ProblemLog()
    path.write_bytes(content.encode())
    for splitter in (tables.split_plainly, tables.careful):
        found = list(read_table(path, Dyad, time=TimeKind.CLOCK, problems=log, splitter=splitter))
        assert found == [Dyad(dyad="D1", arm="a", outcome=1.0), Dyad(dyad="D2", arm="b"), Dyad(dyad="D3", arm="a", outcome=2.5)]
    assert not log


COLUMNS = [(Move, "row_id"), (Move, "tie"), (Move, "source_row"), (Session, "day"), (Move, "rating"), (Move, "onset"), (Move, "offset"),
           (Dyad, "dyad"), (Dyad, "arm"), (Dyad, "outcome"), (Move, "status"), (Move, "perspective"), (EpisodeRow, "closed_by_outcome")]
TEXTS = ["", "0", "7", "12.5", "+5", "-3", "007", "1.2345", "0.0000001", "99999999999999999", "x", " y", "coded", "client", "yes",
         "no", "'=A1", "wort", "a" * 40]


@pytest.mark.parametrize(("record", "name"), COLUMNS)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4).flatmap(lambda some: st.lists(st.sampled_from(some), min_size=1, max_size=9)))
def test_many_cells_mean_at_once_what_each_of_them_means(record: type, name: str, texts: list[str]) -> None:
    at_once, one_by_one = (tables.Growing.of(record, name, TimeKind.CLOCK) for _ in range(2))
    expected = one_by_one.each(texts)
    found = at_once.many(cells_of(texts))
    if any(isinstance(value, RecordError) for value in expected):
        assert found is None
        return
    assert found is not None
    assert len(found) == len(texts)
    at_once.add(found)
    one_by_one.add(one_by_one.packed(expected))
    assert np.array_equal(at_once.close(), one_by_one.close(), equal_nan=at_once.dtype.kind == "f")
    assert sorted(at_once.words) == sorted(one_by_one.words)


@pytest.mark.parametrize(("texts", "kept"), [(["", ""], {""}), (["7", "8"], set()), (["+5", "7"], {"+5"}), (["+5", ""], {"+5", ""})])
def test_only_numbers_that_are_odd_are_read_one_by_one(texts: list[str], kept: set[str]) -> None:
    column = tables.Growing.of(Move, "source_row", TimeKind.CLOCK)
    assert column.many(cells_of(texts)) is not None
    assert set(column.known) == kept


def reading_of(path: Path, content: str, *, wanted: dict[str, int], splitter: tables.Splitter = tables.split_plainly
               ) -> tables._Reading:
    path.write_text(content)
    held = {name: tables.Growing.of(Dyad, name, TimeKind.CLOCK) for name in ("dyad", "arm", "outcome")}
    return tables._Reading(sheet=open_sheet(path), wanted=wanted, held=held, splitter=splitter,
                           waiting=tables.InOrder(ProblemLog()))


@pytest.mark.parametrize(("block", "count"), [
    (b"D1,a,1\nD2,b,2\n", 2), (b"D1,a,1\r\nD2,b,2\r\n", 2), (b"D1,a,\n", 1), (b'D1,"a ""b""",1\n', 1), (b"D1,a,1\rD2,b,2\n", None),
    (b"D1,a\n", None), (b"D1,a,x\n", None), (b" D1,a,1\n", None), (b"D1,a,1\nD2,b,x\n", None), (b'D1,"a\nb",1\n', None)])
def test_a_block_is_taken_at_once_or_not_at_all(tmp_path: Path, block: bytes, count: int | None) -> None:
    reading = reading_of(tmp_path / "a.csv", "dyad,arm,outcome\n", wanted={"dyad": 0, "arm": 1, "outcome": 2})
    assert reading._at_once(block) == count
    assert reading.count == (count or 0)
    assert [column.count for column in reading.held.values()] == [count or 0] * 3
    assert {column.expected > 0 for column in reading.held.values()} == {count is not None}    # room is made when rows are known


def test_a_block_of_one_column_is_taken_and_one_of_none_is_not(tmp_path: Path) -> None:
    assert reading_of(tmp_path / "a.csv", "dyad\n", wanted={"dyad": 0})._at_once(b"D1\nD2\n") == 2
    assert reading_of(tmp_path / "a.csv", "dyad\n", wanted={})._at_once(b"D1\nD2\n") is None
    assert reading_of(tmp_path / "a.csv", "dyad\n", wanted={"dyad": 0}, splitter=tables.careful)._at_once(b"D1\n") is None
    assert tables.take_rows([(1, ["D1"]), (2, ["D2"])], {}, {}, waiting=tables.InOrder(ProblemLog()), file="f") == 0


def test_rows_keep_their_numbers_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_BATCH", 2)
    rows = [f"D{at},{'x' if at % 7 == 5 else at}" for at in range(60)]
    for size in (1, 20, 33, 1_000):
        monkeypatch.setattr(tables, "_BLOCK", size)
        found, problems = told(tmp_path / "dyads.csv", Dyad, "dyad,outcome\n" + "\n".join(rows) + "\n")
        assert [problem[0] for problem in problems] == [at + 1 for at in range(60) if at % 7 == 5]
        assert [row.dyad for row in found] == [f"D{at}" for at in range(60) if at % 7 != 5]    # type: ignore[attr-defined]


def test_words_with_quotes_and_long_columns_are_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "dyads.csv"
    path.write_text("dyad,arm\n" + "".join(f'D{at},"say ""{at % 7}"""\n' for at in range(2_500)))
    table = read_table(path, Dyad, time=TimeKind.CLOCK, problems=ProblemLog())
    assert table.words("dyad") == [f"D{at}" for at in range(2_500)]
    assert table.words("arm") == [f'say "{at % 7}"' for at in range(2_500)]
    assert table.levels["arm"] == tuple(f'say "{at}"' for at in range(7))


@given(st.lists(st.lists(st.sampled_from("aab"), max_size=5), max_size=6), st.integers(0, 8))
def test_pieces_make_one_column(pieces: list[list[str]], expected: int) -> None:
    column = tables.Growing.of(Dyad, "arm", TimeKind.CLOCK)
    column.expected = expected
    for texts in pieces:
        column.add(tables.short(column.packed(column.each(texts))))
    whole = [text for texts in pieces for text in texts]
    words = sorted(column.words)
    assert [words[code] for code in column.close().tolist()] == whole


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("expected", [0, 3, 11, 20])
def test_words_are_put_in_order_stretch_by_stretch(monkeypatch: pytest.MonkeyPatch, count: int, expected: int) -> None:
    monkeypatch.setattr(tables, "_STRETCH", 4)
    texts = ["" if at % 5 == 4 else f"w{-at % 7}" for at in range(count)]
    for sizes in ([count], [1] * count, [count - 1, 1]):
        column = tables.Growing.of(Dyad, "arm", TimeKind.CLOCK)
        column.expected = expected
        at = 0
        for size in sizes:
            piece = column.packed(column.each(texts[at:at + size]))
            piece.flags.writeable = False    # as one is that was read from a file
            column.add(piece)
            at += size
        found = column.close()
        words = sorted(column.words)
        assert len(found) == column.count == count
        assert ["" if code < 0 else words[code] for code in found.tolist()] == texts
        assert not found.flags.writeable


@pytest.mark.parametrize(("values", "step"), [([1], 0), ([1, 1], 0), ([1, 2], 8), ([1, 2, 1], 8)])
def test_one_value_many_times_is_held_once(values: list[int], step: int) -> None:
    found = tables.short(np.array(values, dtype="i8"))
    assert found.tolist() == values
    assert found.strides == (step,)
    assert tables.short(np.zeros(0)).tolist() == []


def test_a_bad_flag_is_a_sentence() -> None:
    with pytest.raises(RecordError, match="expected yes or no"):
        tables._yes_no("ja")


def test_a_rule_is_held_to_by_whole_columns_too() -> None:
    column = attrs.evolve(tables.Growing.of(Session, "session", TimeKind.CLOCK), column=Column("int", at_least(5)),
                          read=lambda text: RecordError(f"{text} is refused"))
    assert column.many(cells_of(["7", "8"])) is not None
    assert column.many(cells_of(["7", "3"])) is None


def test_a_refused_cell_keeps_no_traceback_alive() -> None:
    error = tables.Growing.of(Dyad, "outcome", TimeKind.CLOCK).value("x")
    assert isinstance(error, InvalidNumber)
    assert error.__traceback__ is None


GARBAGE = """
import sys, resource
from pathlib import Path
from rupturekit.episode import Move
from rupturekit.problems import ProblemLog
from rupturekit.records.arrow import split_with_pyarrow
from rupturekit.records.tables import read_table, split_plainly
from rupturekit.vocabulary import TimeKind
splitter = split_with_pyarrow if sys.argv[2] == "pyarrow" else split_plainly
before, log = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, ProblemLog()
read_table(Path(sys.argv[1]), Move, time=TimeKind.CLOCK, problems=log, splitter=splitter)
print(len(log), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("reader", ["plain", "pyarrow"])
def test_a_file_of_garbage_takes_little_memory(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "moves.csv"
    with path.open("w") as stream:
        stream.write("row_id,dyad,session,track,code,onset\n")
        stream.writelines(f"x{at}, {at},1_{at},,z {at},{at}e5\n" for at in range(20_000))
    done = subprocess.run([sys.executable, "-c", GARBAGE, str(path), reader], check=True, text=True, capture_output=True)
    count, grown = map(int, done.stdout.split())
    assert count == 100_000
    assert grown < 150_000    # kilobytes; holding every error took twenty times as much
