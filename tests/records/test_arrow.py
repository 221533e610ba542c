"""One answer for every way of dividing rows into cells: careful, plain, through pyarrow; on good files and on bad."""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import rupturekit as rk
from rupturekit.episode import Dyad, EpisodeRow, Label, Move
from rupturekit.errors import MissingExtra, RecordError, RuptureKitError
from rupturekit.example import example_cohort
from rupturekit.problems import ProblemLog
from rupturekit.records import tables
from rupturekit.records.arrow import split_with_pyarrow
from rupturekit.records.study import read_study, write_study
from rupturekit.records.tables import careful, read_table, split_plainly
from rupturekit.vocabulary import TimeKind

HEADERS = {
    Move: ("row_id", "dyad", "session", "track", "code", "onset", "rating", "status", "note"),
    Dyad: ("dyad", "arm", "outcome", "therapy_end"),
    EpisodeRow: ("episode", "dyad", "track", "first_session", "onset", "last_session", "end", "closed_by_outcome"),
    Label: ("subject_kind", "subject", "attribute", "value"),
}


def outcome(path: Path, record: type[Any], time: TimeKind, splitter: tables.Splitter) -> tuple[object, ...]:
    """Return all that a reading gives: the table, or the error; every problem; every warning."""
    log = ProblemLog()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found: object = read_table(path, record, time=time, problems=log, splitter=splitter)
        except RuptureKitError as error:
            found = (type(error), str(error))
    return found, log.problems, log.groups(), len(log), [str(one.message) for one in told]


def assert_one_answer(content: bytes, record: type[Any], *, time: TimeKind = TimeKind.CLOCK, block: int = 1 << 20
                      ) -> tuple[object, ...]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(tables, "_BLOCK", block)
        patch.setattr(tables, "_BATCH", 2)
        path = Path(folder, "table.csv")
        path.write_bytes(content)
        first = outcome(path, record, time, careful)
        assert outcome(path, record, time, split_plainly) == first
        assert outcome(path, record, time, split_with_pyarrow) == first
    return first


# --- files, good and bad ---------------------------------------------------------------------------------------

ODD = ["", " ", "unknown", "'=1+1", "''tis", "=1+1", "x" * 40, "é", "\u2028", "\x85", "a\nb", "a\r\nb", "a\rb", 'a"b', '""', "1_000",
       "nan", "NULL", "NA", "-1", "+1", ".5", "5.", ".", "1.50", "1.1234567", "١", " 7 ", "12345678901234567", "-9223372036854775808",
       "9223372036854775807", "9223372036854775808", "1e3", "0,5", "coded", "coder", "yes", "ja", "agreed", "\ufeffD1", "4294967296"]
NUMBERS = st.one_of(st.integers(0, 10**18).map(str), st.decimals(0, 10**9, places=6).map(str), st.integers(0, 9).map(str),
                    st.decimals(0, 100, places=1).map(str))
FITTING = {
    "status": st.sampled_from(["coded", "reported", ""]), "therapy_end": st.sampled_from(["agreed", "unknown", ""]),
    "closed_by_outcome": st.sampled_from(["yes", "no", ""]), "subject_kind": st.just("dyad"),
    "attribute": st.just("mine"), "outcome": NUMBERS, "rating": st.sampled_from(["", "2", "1.5", "0.125"]),
    "row_id": st.integers(0, 10**6).map(str), "session": st.integers(0, 30).map(str),
    "first_session": st.integers(0, 30).map(str), "last_session": st.integers(0, 30).map(str),
    "onset": NUMBERS, "end": NUMBERS,
}
WORDS = st.sampled_from(["D1", "D2", "E1", "wd", "r1", "a rather long word, of thirty-four", "ü", "Straße 7"])


def quoted(cell: str, always: bool) -> str:
    return '"' + cell.replace('"', '""') + '"' if always or set(cell) & set(',"\r\n') else cell


@st.composite
def files(draw: st.DrawFn) -> tuple[type[Any], bytes]:
    """Draw a table, mostly sound, with a few cells, rows or bytes that are not."""
    record = draw(st.sampled_from(list(HEADERS)))
    header, end = HEADERS[record], draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    often = draw(st.sampled_from([0, 0, 1, 4]))
    rows = []
    for _ in range(draw(st.integers(0, 8))):
        cells = [quoted(draw(st.sampled_from(ODD) if draw(st.integers(0, 9)) < often else FITTING.get(name, WORDS)),
                        draw(st.booleans())) for name in header]
        if often and draw(st.integers(0, 9)) == 0:
            cells = draw(st.sampled_from([cells[:-1], [*cells, "x"], [""] * len(cells), [], [" "], [*cells[:-1], 'a"b"']]))
        rows.append(",".join(cells))
    text = end.join([",".join([*header, *(["extra"] if draw(st.integers(0, 5)) == 0 else [])]), *rows])
    content = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\n,,\n"])) + text.encode() + draw(st.sampled_from([b"", end.encode()]))
    if often == 4:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.sampled_from([b"", b'"', b"\xff", b"\0", b"\xc3", b"\r", b"\n"])) + content[at:]
    return record, content


@given(files(), st.sampled_from([7, 64, 1 << 20]), st.sampled_from([TimeKind.CLOCK, TimeKind.TURN]))
@example((Dyad, b'dyad,arm,outcome,therapy_end\n"D1","a\r\nb",,\nD2,a,"7\n",\n'), 1 << 20, TimeKind.CLOCK)
@example((Dyad, b'dyad,arm,outcome,therapy_end\n"""""",,,'), 7, TimeKind.CLOCK)
@example((Dyad, b"dyad,arm,outcome,therapy_end\n\xef\xbb\xbfD1,a,,\n"), 1 << 20, TimeKind.CLOCK)
@example((Dyad, b'dyad,arm,outcome,therapy_end\n"D1"x,a,,\nD2,a,,\n'), 1 << 20, TimeKind.CLOCK)
@example((Dyad, b'dyad,arm,outcome,therapy_end\nD"1,a,,\nD2,"a\n,,\n'), 7, TimeKind.CLOCK)
@example((Dyad, b'dyad,arm,outcome,therapy_end\nD1,"a",,\r\n"D2",a,,'), 7, TimeKind.CLOCK)
def test_every_reader_gives_the_same_answer(file: tuple[type[Any], bytes], block: int, time: TimeKind) -> None:
    assert_one_answer(file[1], file[0], time=time, block=block)


@given(st.lists(st.text("0123456789.+- ,e", max_size=24), min_size=1, max_size=20))
def test_numbers_are_read_as_the_one_grammar_reads_them(texts: list[str]) -> None:
    content = "dyad,session,day,duration\n" + "".join(f"D1,1,\"{text}\",\"{text}\"\n" for text in texts)
    assert_one_answer(content.encode(), rk.Session)


@given(st.lists(st.text("ab☃", min_size=1, max_size=45), min_size=1, max_size=40))
def test_words_are_told_apart_at_any_length(words: list[str]) -> None:
    content = "dyad,arm\n" + "".join(f"{word},{word[::-1]}\n" for word in words)
    found = assert_one_answer(content.encode(), Dyad)[0]
    assert isinstance(found, rk.cohort.Table)
    assert found.words("dyad") == words


# --- what the readers promise ----------------------------------------------------------------------------------


def move_rows(count: int) -> str:
    return "".join(f"{at},D{at // 50},{at % 7},r1,wd,{at}.5,{'' if at % 3 else 2.5},coded,\n" for at in range(count))


def test_a_sound_file_needs_no_careful_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "moves.csv"
    path.write_text(",".join(HEADERS[Move]) + "\n" + move_rows(500))
    monkeypatch.setattr(tables, "_BLOCK", 4096)
    monkeypatch.setattr(tables._Reading, "_carefully", None)
    for splitter in (split_plainly, split_with_pyarrow):
        assert len(read_table(path, Move, time=TimeKind.CLOCK, problems=ProblemLog(), splitter=splitter)) == 500


def test_only_the_block_with_the_mistake_is_read_carefully(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, log, seen = tmp_path / "moves.csv", ProblemLog(), []
    path.write_text(",".join(HEADERS[Move]) + "\n" + move_rows(500) + "x,D1,1,r1,wd,0,,coded,\n" + move_rows(5))
    monkeypatch.setattr(tables, "_BLOCK", 4096)
    whole = tables._Reading._carefully
    monkeypatch.setattr(tables._Reading, "_carefully", lambda self, rows: seen.append(whole(self, rows)) or seen[-1])
    table = read_table(path, Move, time=TimeKind.CLOCK, problems=log)
    assert (len(table), [problem.row for problem in log.problems]) == (505, [501])
    assert len(seen) == 1
    assert seen[0] < 200


def test_problems_stand_in_the_order_of_the_rows() -> None:
    content = b"dyad,session,day\n,1,x\nD1\nD1,y,\n"
    problems = assert_one_answer(content, rk.Session)[1]
    assert [(problem.row, problem.field) for problem in problems] == [(1, "dyad"), (1, "day"), (2, ""), (3, "session")]


def test_a_cell_too_large_is_refused_on_every_path() -> None:
    content = b"dyad,arm,extra\nD1,a," + b"x" * 100_001 + b"\nD2,a,\n"
    problems = assert_one_answer(content, Dyad)[1]
    assert [problem.kind for problem in problems] == ["cell too large"]


def test_a_file_without_line_feeds_is_left_to_the_careful_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rupturekit.records.delimited._LONGEST_BLOCK", 20)
    found = assert_one_answer(b"dyad,arm\r" + b"".join(b"D%d,a\r" % at for at in range(20)), Dyad, block=8)[0]
    assert len(found) == 20  # type: ignore[arg-type]


def test_blank_rows_before_a_header_of_any_length_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rupturekit.records.delimited._LONGEST_HEADER", 30)
    assert len(assert_one_answer(b"," * 40 + b"\ndyad,arm\nD1,a\n", Dyad)[0]) == 1  # type: ignore[arg-type]


def test_numbers_beyond_64_bits_are_refused() -> None:
    content = b"dyad,session,day\nD1,1,9223372036854775808\nD1,2,-9223372036854775808\nD1,3,-9223372036854775807\n"
    found, problems, *_ = assert_one_answer(content, rk.Session)
    assert [problem.row for problem in problems] == [1, 2]  # type: ignore[attr-defined]
    assert len(found) == 1  # type: ignore[arg-type]
    content = ",".join(HEADERS[Move]).encode() + b"\n1,D1,1,r1,wd,0,9999999999999999,,\n"
    assert "64 bits" in str(assert_one_answer(content, Move)[1][0])  # type: ignore[index]


def test_a_column_of_one_value_is_held_once(tmp_path: Path) -> None:
    path = tmp_path / "moves.csv"
    path.write_text(",".join(HEADERS[Move]) + "\n" + move_rows(500))
    table = read_table(path, Move, time=TimeKind.CLOCK, problems=ProblemLog())
    held = {name for name, values in table.arrays.items() if values.strides == (0,)}
    assert {"track", "code", "status", "note", "media", "tie"} <= held
    assert table.take(np.arange(3)).arrays["note"].strides == (0,)
    assert table.take(np.arange(500) < 3) == table.take(np.arange(3))


def test_a_study_reads_the_same_through_pyarrow(tmp_path: Path) -> None:
    write_study(rk.Study(name="example", cohort=example_cohort()), tmp_path / "study")
    plain, arrow = (read_study(tmp_path / "study", reader=reader) for reader in ("plain", "pyarrow"))  # type: ignore[arg-type]
    assert plain.cohort == arrow.cohort
    assert plain.cohort.digest == arrow.cohort.digest


def test_an_unknown_reader_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="expected 'plain' or 'pyarrow' but got reader='pandas'"):
        read_study(tmp_path, reader="pandas")  # type: ignore[arg-type]


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"rupturekit\[parquet\]"):
        split_with_pyarrow(b"a\n", 1, [0])
