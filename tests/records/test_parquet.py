"""Parquet study folders: equal to those in CSV, held to the same rules, and hostile until read."""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

import rupturekit as rk
import strategies as own
from rupturekit.episode import ContextEvent, Dyad, EpisodeRow, NeedStatement, Rating
from rupturekit.errors import CodingWarning, FileProblem, InvalidRecords, MissingExtra, RecordError, RuptureKitError
from rupturekit.problems import ProblemLog
from rupturekit.records import parquet as ours
from rupturekit.records.study import read_study, write_study
from rupturekit.records.tables import Growing
from rupturekit.vocabulary import Status, TimeKind

STAGES = rk.load_codebook("stages")


@st.composite
def cohorts(draw: st.DrawFn) -> rk.Cohort:
    """Draw a cohort with rows in every table."""
    drawn = draw(own.parts(tracks=("r1", "r2")))
    needs = [attrs.evolve(need, party=drawn.coding.parties[0])
             for need in draw(st.lists(own.records(NeedStatement), max_size=2))]
    return rk.Cohort.of(
        drawn.moves, coding=drawn.coding, sessions=drawn.sessions, observed=drawn.observed, episodes=drawn.episodes,
        members=drawn.members, labels=drawn.labels, needs=needs,
        dyads=draw(st.lists(own.records(Dyad), max_size=2, unique_by=lambda one: one.dyad)),
        ratings=draw(st.lists(own.records(Rating), max_size=2)),
        context=draw(st.lists(own.records(ContextEvent), max_size=2, unique_by=lambda one: one.event)))


@given(cohorts())
def test_a_study_in_parquet_equals_the_study_in_csv(cohort: rk.Cohort) -> None:
    with tempfile.TemporaryDirectory() as name:
        study = rk.Study(name="law", cohort=cohort)
        write_study(study, Path(name, "a"), format="parquet")
        write_study(study, Path(name, "b"))
        back, text = read_study(Path(name, "a")).cohort, read_study(Path(name, "b")).cohort
        assert back == text
        assert back.digest == text.digest
        assert back == attrs.evolve(cohort, columns=cohort.coded, rule="coders")


def small_study() -> rk.Study:
    moves = [rk.Move(row_id=at, dyad="D1", session=1, track="r1", party="client" if at else None, code="wd",
                     onset=rk.seconds(at * 1.5), rating=None if at % 2 else 1.5, note="=1+1" if at == 2 else None)
             for at in range(4)]
    episode = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=rk.seconds(4))
    cohort = rk.Cohort.of(moves, coding=rk.Coding(codebook=STAGES), episodes=[episode],
                          dyads=[Dyad(dyad="D1", outcome=-2.5)])
    return rk.Study(name="demo", cohort=cohort)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "demo"
    write_study(small_study(), path, format="parquet")
    return path


def file_of(folder: Path, table: str = "moves") -> Path:
    return folder / "data" / f"study-demo_table-{table}_data.parquet"


def change(folder: Path, table: str = "moves", *, metadata: dict[str, str] | None = None, **columns: Any) -> None:
    """Write a table again with some columns replaced, added (a value) or taken away (None)."""
    file = file_of(folder, table)
    held = parquet.read_table(file)
    said = held.schema.metadata if metadata is None else metadata
    for name, values in columns.items():
        if name in held.column_names and values is not None:
            held = held.set_column(held.column_names.index(name), name, values)
        else:
            held = held.drop_columns([name]) if values is None else held.append_column(name, values)
    parquet.write_table(held.replace_schema_metadata(said), file)


# --- what is written -----------------------------------------------------------------------------------------------


def test_the_tables_are_parquet_and_say_what_they_are(folder: Path) -> None:
    assert {file.suffix for file in (folder / "data").iterdir()} == {".parquet"}
    schema = parquet.read_schema(file_of(folder))
    assert schema.metadata[b"rupturekit.format"] == b"1"
    assert schema.metadata[b"rupturekit.fields"].decode().split(",") == schema.names
    assert str(schema.field("code").type) == "dictionary<values=string, indices=int32, ordered=0>"
    assert schema.field("onset").type == pyarrow.int64()


def test_a_folder_is_rewritten_byte_for_byte_and_changes_its_format_whole(folder: Path, tmp_path: Path) -> None:
    study = read_study(folder)
    write_study(study, tmp_path / "again", format="parquet")
    assert file_of(tmp_path / "again").read_bytes() == file_of(folder).read_bytes()
    write_study(study, folder, overwrite=True)
    assert {file.suffix for file in (folder / "data").iterdir()} == {".csv"}
    assert read_study(folder).cohort == study.cohort


def test_a_study_without_rows_comes_back(tmp_path: Path) -> None:
    empty = rk.Study(name="none", cohort=rk.Cohort.of([], coding=rk.Coding(codebook=STAGES)))
    write_study(empty, tmp_path / "none", format="parquet")
    assert read_study(tmp_path / "none").cohort == empty.cohort


def test_an_unknown_format_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="expected 'csv' or 'parquet' but got format='xlsx'"):
        write_study(small_study(), tmp_path / "x", format="xlsx")  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["pyarrow", "pyarrow.parquet"])
def test_without_pyarrow_the_extra_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delattr(pyarrow, "parquet", raising=False)
    with pytest.raises(MissingExtra, match=r"a study folder in Parquet needs the extra 'parquet'"):
        read_study(folder)
    with pytest.raises(MissingExtra, match=r"rupturekit\[parquet\]"):
        write_study(small_study(), tmp_path / "x", format="parquet")
    assert not (tmp_path / "x" / "data").exists()


def test_a_file_says_what_it_is_and_is_packed_small(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = parquet.ParquetFile(file_of(folder, "dyads"))
    assert {name: said for name, said in held.schema_arrow.metadata.items() if name.startswith(b"rupturekit")} == {
        b"rupturekit.format": b"1", b"rupturekit.table": b"Dyad", b"rupturekit.time": b"clock",
        b"rupturekit.fields": b"dyad,therapist,arm,outcome,therapy_end"}
    assert held.metadata.row_group(0).column(0).compression == "ZSTD"
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(parquet, "write_table", lambda *_, **how: asked.append(how))
    ours.write_parquet_table(tmp_path / "x", small_study().cohort.dyads, time=TimeKind.CLOCK)
    assert asked == [{"compression": "zstd", "row_group_size": 1_048_576}]


# --- what is read --------------------------------------------------------------------------------------------------


def read(path: Path, record: type, time: TimeKind = TimeKind.CLOCK) -> tuple[list[Any], list[tuple[int | None, str, str]]]:
    log = ProblemLog()
    rows = list(ours.read_parquet_table(path, record, time=time, problems=log))
    return rows, [(problem.row, problem.field, problem.value) for problem in log.problems]


MOVE = rk.Move(row_id=1, dyad="D1", session=1, track="r1", code="wd", onset=0)
FULL = attrs.evolve(MOVE, party="client", offset=2_500_000, tie=3, rating=1.25, rater="=r", source_row=7, media=1_000_001,
                    note="a", status=Status.REPORTED)
EPISODE = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=5)


@pytest.mark.parametrize(("record", "rows", "name", "bad", "told", "time"), [
    (rk.Move, [MOVE, FULL, MOVE], "row_id", -1, (1, "row_id", "-1"), "clock"),
    (rk.Move, [MOVE, FULL, attrs.evolve(FULL, offset=4, media=5)], "onset", -1, (1, "onset", "-1"), "turn"),
    (EpisodeRow, [EPISODE, attrs.evolve(EPISODE, closed_by_outcome=True), EPISODE], "end", -1, (1, "end", "-0.000001"), "clock"),
    (Dyad, [Dyad(dyad="D1"), Dyad(dyad="D2", outcome=-0.1), Dyad(dyad="'D3", arm="b")], "dyad", " D", (1, "dyad", " D"), "clock"),
    (Dyad, [Dyad(dyad="D1"), Dyad(dyad="D2", outcome=-0.1)], "outcome", float("-inf"), (1, "outcome", "-inf"), "clock"),
])
def test_rows_beside_a_bad_one_are_read_as_they_are(tmp_path: Path, record: type, rows: list[Any], name: str, bad: Any,
                                                    told: tuple[int, str, str], time: str) -> None:
    path = tmp_path / "a.parquet"
    ours.write_parquet_table(path, rk.cohort.Table.of(record, rows), time=TimeKind(time))
    assert read(path, record, TimeKind(time)) == (rows, [])
    held = parquet.read_table(path)
    column = held[name].cast(pyarrow.string()) if isinstance(bad, str) else held[name]
    worse = pyarrow.array([bad, *column.to_pylist()[1:]], column.type)
    parquet.write_table(held.set_column(held.column_names.index(name), name, worse), path)
    assert read(path, record, TimeKind(time)) == (rows[1:], [told])


def test_bad_rows_of_long_groups_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = [Dyad(dyad=f"D{n}", outcome=n / 8) for n in range(2_500)]
    ours.write_parquet_table(path, rk.cohort.Table.of(Dyad, rows), time=TimeKind.CLOCK)
    held = parquet.read_table(path)
    outcome = held["outcome"].to_pylist()
    for at in (0, 999, 1_000, 1_001, 1_499, 1_500, 2_499):
        outcome[at] = float("nan")
    parquet.write_table(held.set_column(3, "outcome", pyarrow.array(outcome)), path, row_group_size=1_500)
    found, told = read(path, Dyad)
    assert told == [(at, "outcome", "nan") for at in (1, 1_000, 1_001, 1_002, 1_500, 1_501, 2_500)]
    assert found == [row for row, value in zip(rows, outcome, strict=True) if value == value]


WORDS = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())


@pytest.mark.parametrize(("chunks", "words"), [
    ([], []), ([["a", "b", "a"]], ["a", "b", "a"]), ([["b"], ["a", "b"]], ["b", "a", "b"]), ([["a"], []], ["a"]),
    ([["a", None]], ["a", None]), ([[None, "b"], ["a", None, "b"]], [None, "b", "a", None, "b"]), ([[None]], [None]),
    ([["a"], ["a\nb"]], None), ([["=A1", "'x"]], ["=A1", "'x"]),
])
def test_words_in_many_pieces_make_one_column(chunks: list[list[str | None]], words: list[str | None] | None) -> None:
    column = Growing.of(Dyad, "arm", TimeKind.CLOCK)
    found = ours._piece(column, pyarrow.chunked_array([pyarrow.array(one).cast(pyarrow.string()).dictionary_encode()
                                                       for one in chunks], WORDS))
    if words is None:
        assert found is None
    else:
        assert found is not None
        column.add(found)
        levels = sorted(column.words)
        assert [None if code < 0 else levels[code] for code in column.close().tolist()] == words


@pytest.mark.parametrize(("held", "codes"), [(["a", "a", "b"], [0, 0, 1, -1]), (["a", None, "b"], [0, -1, 1, -1]),
                                             (["a", "c", "b"], [0, 1, 2, -1])])
def test_a_dictionary_with_words_twice_or_null_is_read(held: list[str | None], codes: list[int]) -> None:
    words = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 1, 2, None], pyarrow.int32()), pyarrow.array(held))
    found = ours._piece(Growing.of(Dyad, "arm", TimeKind.CLOCK), pyarrow.chunked_array([words]))
    assert found is not None
    assert found.tolist() == codes


@pytest.mark.parametrize(("kind", "values"), [("int8", [1, 2, None]), ("int16", [300, 2, 1]), ("int32", [1, 1, 1]), ("int64", [5, None, 5])])
def test_numbers_of_any_width_make_one_column(kind: str, values: list[int | None]) -> None:
    for split in range(4):
        column = Growing.of(rk.Move, "source_row", TimeKind.CLOCK)
        chunks = [pyarrow.array(some, kind) for some in (values[:split], values[split:])]
        found = ours._piece(column, pyarrow.chunked_array(chunks))
        assert found is not None
        assert found.tolist() == [-2**63 if value is None else value for value in values]


def claiming(rows: list[int], *, whole: int, size: int) -> Any:
    """Return a file that says how many rows and bytes its groups have."""
    groups = [SimpleNamespace(num_rows=count, total_byte_size=size) for count in rows]
    return SimpleNamespace(metadata=SimpleNamespace(num_rows=whole, num_row_groups=len(rows), row_group=groups.__getitem__))


@pytest.mark.parametrize(("rows", "whole", "size", "fine"), [
    ([], 1_049_576, 0, True), ([], 1_049_577, 0, False), ([1_049_576], 1, 0, True), ([1_049_577], 1, 0, False),
    ([1, 1_049_577, 1], 1, 0, False), ([1], 1, 1_148_576, True), ([1], 1, 1_148_577, False), ([1, 1], 1, 574_288, True),
    ([1, 1], 1, 574_289, False),
])
def test_claims_are_measured_by_the_size_of_the_file(tmp_path: Path, rows: list[int], whole: int, size: int, fine: bool) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(bytes(100))
    if fine:
        ours._check_claims(claiming(rows, whole=whole, size=size), path)
    else:
        most = max([whole, *rows])
        with pytest.raises(FileProblem) as caught:
            ours._check_claims(claiming(rows, whole=whole, size=size), path)
        assert str(caught.value) == (
            f"a.parquet: claims {most:,} rows and {size * len(rows):,} bytes in a file of 100 bytes; no table of a study is so "
            "dense, so it is broken, or made to exhaust the memory")


def test_wrong_types_are_told_in_full(folder: Path) -> None:
    held = parquet.read_table(file_of(folder))
    held = held.set_column(0, "row_id", pyarrow.array([0.5, 1, 2, 3])).append_column("code", held["code"])
    parquet.write_table(held, file_of(folder))
    log = ProblemLog()
    found = ours.read_parquet_table(file_of(folder), rk.Move, time=TimeKind.CLOCK, problems=log)
    assert len(found) == 0
    assert [(one.kind, one.field, one.value, one.row, one.file, one.message) for one in log.problems] == [
        ("wrong type", "code", "", None, file_of(folder).name, "2 columns share this name"),
        ("wrong type", "row_id", "", None, file_of(folder).name,
         "the column 'row_id' holds double; expected whole numbers (int64)")]



def test_both_formats_of_one_table_are_one_too_many(folder: Path) -> None:
    (folder / "data" / "study-demo_table-moves_data.csv").write_text("row_id\n")
    with pytest.raises(FileProblem, match=r"two moves tables \(.*csv and .*parquet\); keep one"):
        read_study(folder)


def test_formats_may_differ_from_table_to_table(folder: Path, tmp_path: Path) -> None:
    write_study(small_study(), tmp_path / "text")
    file_of(folder, "dyads").unlink()
    csv = tmp_path / "text" / "data" / "study-demo_table-dyads_data.csv"
    (folder / "data" / csv.name).write_bytes(csv.read_bytes())
    assert read_study(folder).cohort == small_study().cohort


def test_many_groups_plain_words_and_narrow_numbers_read_the_same(folder: Path) -> None:
    study = read_study(folder)
    held = parquet.read_table(file_of(folder))
    for name, values in (("code", held["code"].cast(pyarrow.string())), ("session", held["session"].cast(pyarrow.int8())),
                         ("note", held["note"].cast(pyarrow.large_string()))):
        held = held.set_column(held.column_names.index(name), name, values)
    parquet.write_table(held, file_of(folder), row_group_size=1)
    assert read_study(folder).cohort == study.cohort
    narrow = pyarrow.DictionaryArray.from_arrays(pyarrow.array([1, 0, 1, 0], pyarrow.int8()), ["hurt", "wd"])
    change(folder, code=narrow)
    assert read_study(folder).cohort.moves.words("code") == ["wd", "hurt", "wd", "hurt"]


def test_a_word_that_no_row_has_is_no_matter(folder: Path) -> None:
    change(folder, status=pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 0, None, 0], pyarrow.int32()), ["coded", "nonsense"]))
    assert read_study(folder).cohort == small_study().cohort    # and null where there is a default is the default


def test_columns_that_may_be_absent_may_be_left_out_and_strange_ones_are_told(folder: Path) -> None:
    change(folder, note=None, tie=None, salience=pyarrow.array([1, 2, 3, 4]))
    with pytest.warns(CodingWarning, match="are not read: salience") as told:
        moves = read_study(folder).cohort.moves
    assert [warning.filename for warning in told] == [__file__]    # that of whoever asked
    assert (moves[2].note, moves[2].tie) == (None, 0)


BAD: list[tuple[str, Any, str, str]] = [
    ("row_id", [0, -1, 2, 3], "row_id: not allowed '-1'", "'-1' does not fit; expected at least 0"),
    ("row_id", [0, None, 2, 3], "row_id: not allowed", "is empty; expected a value"),
    ("row_id", [0, -2**63, 2, 3], "row_id: not a number", "out of range"),
    ("onset", [0, -1, 2, 3], "onset: not allowed '-0.000001'", "expected at least 0"),
    ("onset", [0, -2**63, 2, 3], "onset: not a time", "too large"),
    ("rating", [None, -1500, 2, 3], "rating: not allowed '-1.5'", "expected at least 0"),
]


@pytest.mark.parametrize(("name", "values", "group", "sentence"), BAD)
def test_a_bad_number_is_told_as_in_csv(folder: Path, name: str, values: list[int | None], group: str, sentence: str) -> None:
    change(folder, **{name: pyarrow.array(values, pyarrow.int64())})
    with pytest.raises(InvalidRecords, match=group) as told:
        read_study(folder)
    (problem,) = told.value.problems
    assert (problem.row, problem.field, problem.file) == (2, name, file_of(folder).name)
    assert sentence in problem.message


@pytest.mark.parametrize(("name", "word", "sentence"), [
    ("status", "coder", "did you mean 'coded'"), ("dyad", " D1", "without blanks at either end"), ("code", "wx", "unknown code 'wx'"),
    ("dyad", "", "expected a value"), ("note", "a\nb", "on one line"), ("dyad", None, "expected a value")])
def test_a_bad_word_is_told_as_in_csv(folder: Path, name: str, word: str | None, sentence: str) -> None:
    words = [*parquet.read_table(file_of(folder))[name].to_pylist()[:3], word]
    change(folder, **{name: pyarrow.array(words).dictionary_encode()})
    with pytest.raises(InvalidRecords, match=sentence):
        read_study(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_float_that_is_no_number_is_told(folder: Path, value: float) -> None:
    change(folder, "dyads", outcome=pyarrow.array([value]))
    with pytest.raises(InvalidRecords, match=r"outcome: not a number '(nan|inf)'"):
        read_study(folder)


def test_a_flag_is_read_as_yes_or_no_beside_a_bad_cell(folder: Path) -> None:
    change(folder, "episodes", closed_by_outcome=pyarrow.array([True]))
    assert read_study(folder).cohort.coded.rows[0].closed_by_outcome
    change(folder, "episodes", onset=pyarrow.array([-1]))
    with pytest.raises(InvalidRecords) as told:
        read_study(folder)
    assert told.value.problems[0].field == "onset"


def test_problems_of_many_groups_keep_their_rows(folder: Path) -> None:
    held = parquet.read_table(file_of(folder))
    held = held.set_column(0, "row_id", pyarrow.array([-1, 1, 2, -4]))
    parquet.write_table(held, file_of(folder), row_group_size=2)
    with pytest.raises(InvalidRecords) as told:
        read_study(folder)
    assert [problem.row for problem in told.value.problems] == [1, 4]


# --- what is refused whole -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "said"), [
    ({"code": None}, "the column 'code' is missing"),
    ({"onset": pyarrow.array([0.5, 1, 2, 3])}, "holds double; expected whole numbers"),
    ({"row_id": pyarrow.array([0, 1, 2, 3], pyarrow.uint64())}, "holds uint64; expected whole numbers"),
    ({"code": pyarrow.array([1, 2, 3, 4])}, "holds int64; expected words"),
    ({"note": pyarrow.array([["a"], [], [], []])}, r"holds list<.*>; expected words"),
])
def test_wrong_columns_are_told_with_what_was_expected(folder: Path, columns: dict[str, Any], said: str) -> None:
    change(folder, **columns)
    with pytest.raises(InvalidRecords) as told:
        read_study(folder)
    assert any(re.search(said, str(problem)) for problem in told.value.problems)


@pytest.mark.parametrize(("table", "name", "values", "said"), [
    ("dyads", "outcome", ["x"], "expected numbers"), ("episodes", "closed_by_outcome", ["yes"], "expected yes or no")])
def test_wrong_types_of_other_tables_are_told(folder: Path, table: str, name: str, values: list[str], said: str) -> None:
    change(folder, table, **{name: pyarrow.array(values)})
    with pytest.raises(InvalidRecords) as told:
        read_study(folder)
    assert said in str(told.value.problems[0])


def test_two_columns_of_one_name_are_told(folder: Path) -> None:
    held = parquet.read_table(file_of(folder))
    parquet.write_table(held.append_column("code", held["code"]), file_of(folder))
    with pytest.raises(InvalidRecords) as told:
        read_study(folder)
    assert "2 columns share this name" in str(told.value.problems[0])


@pytest.mark.parametrize(("metadata", "said"), [
    ({}, "was not written as a table of a study folder"),
    ({"rupturekit.format": "2"}, "was written in format 2.*upgrade rupturekit"),
    ({"rupturekit.format": "1"}, "holds rows of nothing"),
    ({"rupturekit.format": "1", "rupturekit.table": "Dyad"}, "holds rows of Dyad, but by its name rows of Move"),
    ({"rupturekit.format": "1", "rupturekit.table": "Move", "rupturekit.time": "turn"}, "kind 'turn', but rupturekit.toml says 'clock'"),
])
def test_a_file_of_another_origin_is_refused(folder: Path, metadata: dict[str, str], said: str) -> None:
    change(folder, metadata=metadata)
    with pytest.raises(FileProblem, match=said):
        read_study(folder)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"row_id,dyad\n1,D1\n", b"PAR1" + b"\xff" * 100 + b"PAR1"])
def test_what_is_no_parquet_is_a_sentence(folder: Path, content: bytes) -> None:
    file_of(folder).write_bytes(content)
    with pytest.raises(FileProblem, match="is no Parquet file that can be read"):
        read_study(folder)


def test_what_unfolds_beyond_measure_is_refused_before_it_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 40_000_000
    rows = pyarrow.RunEndEncodedArray.from_arrays(pyarrow.array([count], pyarrow.int32()), pyarrow.array([7]))
    held = parquet.read_table(file_of(folder))
    bomb = pyarrow.table({"row_id": pyarrow.compute.run_end_decode(rows)}).replace_schema_metadata(held.schema.metadata)
    parquet.write_table(bomb, file_of(folder), compression="zstd")
    monkeypatch.setattr(parquet.ParquetFile, "read_row_group", None)
    with pytest.raises(FileProblem, match="claims 40,000,000 rows .* made to exhaust the memory"):
        read_study(folder)


@pytest.mark.parametrize("error", [MemoryError(), OverflowError()])
def test_too_little_memory_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(parquet.ParquetFile, "read_row_group", refuse)
    with pytest.raises(FileProblem, match="needs more memory than there is"):
        read_study(folder)


def test_a_file_that_cannot_be_opened_is_a_sentence(folder: Path) -> None:
    file_of(folder).unlink()
    file_of(folder).mkdir()
    with pytest.raises(FileProblem, match="is not an ordinary file"):
        read_study(folder)


@given(st.data())
def test_any_flipped_byte_is_the_study_or_a_sentence(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "demo")
        write_study(small_study(), folder, format="parquet")
        content = bytearray(file_of(folder).read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        file_of(folder).write_bytes(content[: data.draw(st.sampled_from([len(content), len(content), len(content) // 2]))])
        with contextlib.suppress(RuptureKitError):    # whatever else is raised fails the test
            assert isinstance(own.quietly(read_study, folder).cohort, rk.Cohort)


def test_columns_of_one_value_are_held_once(folder: Path) -> None:
    moves = read_study(folder).cohort.moves
    assert moves.track.strides == moves.media.strides == (0,)
    assert moves == small_study().cohort.moves
    assert not moves.row_id.flags.writeable
    assert np.array_equal(moves.row_id, np.arange(4))
