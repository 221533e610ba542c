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
from rupturekit.episode import Dyad, Session
from rupturekit.errors import InvalidNumber, RecordError
from rupturekit.problems import ProblemLog
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
