"""Data frames in and out: every kind, every table, every result, and what cannot be taken."""

from __future__ import annotations

import collections
import datetime
import decimal
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rupturekit as rk
from rupturekit import _frames
from rupturekit._intake import record_columns
from rupturekit._schema import columns, optional_fields
from rupturekit._table import Table, empty
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Dyad, EpisodeRow, Label, Member, Move, Rating, Session
from rupturekit.errors import InvalidRecords, MissingExtra, RecordError
from rupturekit.example import example_cohort
from rupturekit.frames import (
    KINDS,
    FrameColumn,
    columns_of,
    tables_of,
    to_arrow,
    to_frame,
    to_frames,
    to_pandas,
    to_polars,
    traced_episodes,
)
from rupturekit.negotiation.table import negotiations
from rupturekit.problems import ProblemLog, excerpt
from rupturekit.records.foreign import read_table
from rupturekit.records.losses import LossReport, Tally
from rupturekit.records.mapping import parse_mapping
from rupturekit.records.study import Study
from rupturekit.segmentation import WHOLE_SESSION, SegmentationRule, compare_boundaries, segment
from rupturekit.sensitivity import segment_many
from rupturekit.state_machine import StateMachine, load_model
from rupturekit.traces import TraceTable, trace_cohort
from rupturekit.vocabulary import Perspective, Status
from strategies import RECORDS, Parts, models, parts, quietly, records

CODING = Coding(codebook=load_codebook("stages"))
MOVE: dict[str, Any] = {"row_id": 1, "dyad": "D1", "session": 1, "track": "r1", "code": "wd", "onset": 0}
"""The fields that every move has to state."""

FORMS: dict[str, Callable[[Table[Any]], Any]] = {
    "pandas": to_pandas,
    "polars": to_polars,
    "pyarrow": to_arrow,
    "polars, lazy": lambda table: to_polars(table).lazy(),
    "narwhals": lambda table: nw.from_native(to_pandas(table)),
    "narwhals, lazy": lambda table: nw.from_native(to_polars(table).lazy()),
    "an Arrow stream": lambda table: types.SimpleNamespace(__arrow_c_stream__=table.__arrow_c_stream__),
    "an Arrow reader": lambda table: to_arrow(table).to_reader(),
    "plain objects": lambda table: pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in plain(table).items()}),
    "plain lists": lambda table: pl.DataFrame(plain(table), strict=False, schema_overrides=dict.fromkeys(table.levels, pl.String)),
    "words in pandas": lambda table: to_pandas(table).astype(dict.fromkeys(table.levels, "string")),
    "words in Arrow": lambda table: plain_words(to_arrow(table)),
    "many pieces": lambda table: pa.concat_tables([to_arrow(table.take(np.array([at]))) for at in range(len(table))] or [to_arrow(table)]),
}
"""The ways in which one table can come as a data frame."""

every_form = pytest.mark.parametrize("form", FORMS)


def plain(table: Table[Any]) -> dict[str, list[Any]]:
    """Return a table as lists of Python values, by the objects."""
    return {name: [getattr(row, name) for row in table] for name in columns(table.record)}


def plain_words(frame: pa.Table) -> pa.Table:
    kinds = [pa.field(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type) for one in frame.schema]
    return frame.cast(pa.schema(kinds))


def read(record: type[Any], frame: Any) -> tuple[Table[Any], ProblemLog]:
    """Read a data frame as a table of records, and what is wrong with it."""
    problems = ProblemLog()
    arrays, levels = record_columns(record, frame, problems=problems)
    return Table.from_columns(record, arrays=arrays, levels=levels), problems


def taken(record: type[Any], frame: Any) -> Table[Any]:
    """Read a data frame in which nothing is wrong."""
    table, problems = read(record, frame)
    assert not problems, problems.summary()
    return table


def told(problems: ProblemLog) -> list[tuple[int | None, str, str]]:
    return [(one.row, one.field, one.value) for one in problems.problems]


@st.composite
def tables(draw: st.DrawFn) -> Table[Any]:
    """Draw a table of any record class, often without rows."""
    record = draw(st.sampled_from(RECORDS))
    return Table.of(record, draw(st.lists(records(record), max_size=3)))


# --- there and back --------------------------------------------------------------------------------------------


@every_form
@settings(max_examples=30)
@given(table=tables())
def test_a_table_comes_back_from_any_kind_of_frame(form: str, table: Table[Any]) -> None:
    if form == "plain lists":    # polars holds no mixture of types, and a column of None alone has none
        table = Table.of(table.record, [row for row in table if not isinstance(row, Dyad | Rating)])
    back = taken(table.record, FORMS[form](table))
    assert back == table
    assert list(back) == list(table)


@settings(max_examples=25)
@given(study=parts(), kind=st.sampled_from(KINDS))
def test_a_cohort_comes_back_from_its_frames(study: Parts, kind: str) -> None:
    cohort = study.cohort()
    back = Cohort.of(**to_frames(cohort, kind), coding=cohort.coding, tracks=cohort.tracks)
    assert back == cohort
    assert back.digest == cohort.digest


@given(table=tables())
def test_a_frame_holds_what_the_objects_hold(table: Table[Any]) -> None:
    expected = [{name: plainly(getattr(row, name)) for name in columns(table.record)} for row in table]
    assert to_arrow(table).to_pylist() == expected
    assert to_polars(table).to_dicts() == expected
    frame = to_pandas(table)
    assert [{name: None if pd.isna(value) else value for name, value in row.items()}
            for row in frame.to_dict("records")] == expected


def plainly(value: Any) -> Any:
    return str.__str__(value) if isinstance(value, str) else value


@every_form
def test_a_frame_is_not_written_to(form: str) -> None:
    frame = FORMS[form](example_cohort().moves.take(np.arange(20)))
    if form in ("an Arrow stream", "an Arrow reader"):
        return    # what is streamed cannot be read twice
    before = nw.from_native(frame).lazy().collect().to_arrow().to_pylist()
    taken(Move, frame)
    assert nw.from_native(frame).lazy().collect().to_arrow().to_pylist() == before


def test_other_libraries_read_a_table_as_it_stands() -> None:
    sessions = example_cohort().sessions
    expected = to_arrow(sessions).to_pylist()
    assert pl.DataFrame(sessions).to_dicts() == expected
    assert pa.table(sessions).to_pylist() == expected
    assert nw.from_arrow(sessions, backend="polars").to_native().to_dicts() == expected
    traces = trace_cohort(example_cohort(), "withdrawal-2000")
    assert pl.DataFrame(traces).to_dicts() == to_arrow(traces).to_pylist()


# --- types -----------------------------------------------------------------------------------------------------


def test_the_type_of_a_column_does_not_depend_on_the_rows() -> None:
    for kind in KINDS:
        some, none = (to_frame(table, kind) for table in (example_cohort().sessions, empty(Session)))
        words = {"dyad"}    # their words are their type, in pandas
        assert [(name, str(dtype)) for name, dtype in dtypes(some).items() if name not in words] == [
            (name, str(dtype)) for name, dtype in dtypes(none).items() if name not in words]


def dtypes(frame: Any) -> dict[str, Any]:
    if isinstance(frame, pa.Table):
        return {one.name: one.type for one in frame.schema}
    return dict(frame.schema) if isinstance(frame, pl.DataFrame) else dict(frame.dtypes)


def test_absent_numbers_are_null_and_never_a_number() -> None:
    table = Table.of(Session, [Session(dyad="D1", session=1, day=2**62), Session(dyad="D1", session=2)])
    frame = to_pandas(table)
    assert str(frame["day"].dtype) == "Int64"
    assert frame["day"].tolist() == [2**62, pd.NA]
    assert to_polars(table)["day"].to_list() == [2**62, None]
    assert to_arrow(table)["day"].null_count == 1
    assert str(frame["session"].dtype) == "int64"
    rated = to_pandas(Table.of(Move, [Move(**MOVE, rating=0.1), Move(**MOVE)]))["rating"]
    assert rated.dtype == np.float64
    assert rated.tolist()[0] == 0.1
    assert np.isnan(rated[1])


def test_closed_words_carry_all_that_are_allowed_and_free_ones_those_that_occur() -> None:
    table = Table.of(Move, [Move(**MOVE)])
    assert to_pandas(table)["status"].cat.categories.tolist() == list(Status)
    assert to_polars(table)["status"].dtype == pl.Enum([str(one) for one in Status])
    assert to_arrow(table)["status"].chunk(0).dictionary.to_pylist() == list(Status)
    assert to_pandas(table)["code"].cat.categories.tolist() == ["wd"]


# --- out: results ----------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(study=parts(), model=models())
def test_traces_in_long_form_say_what_the_objects_say(study: Parts, model: StateMachine) -> None:
    traces = quietly(trace_cohort, study.cohort(), model, any_type=True)
    expected = list(long_form(traces))
    assert to_arrow(traces).to_pylist() == expected
    assert [row for trace in traces for row in to_arrow(trace).to_pylist()] == expected
    episodes = to_arrow(traced_episodes(traces)).to_pylist()
    assert [(row["episode"], row["n_moves"], row["end_state"], row["reached"], row["left_end"], row["n_off_model"])
            for row in episodes] == [
        (one.episode.episode, len(one.steps), one.end, one.reached, one.left_end, len(one.off_model)) for one in traces]
    assert [row["end"] for row in episodes] == [one.episode.row.end for one in traces]


def long_form(traces: TraceTable) -> Iterator[dict[str, Any]]:
    for one in traces:
        for step in one.steps:
            move = step.move
            yield {"dyad": move.dyad, "track": move.track, "session": move.session, "episode": one.episode.episode,
                   "row_id": move.row_id, "party": move.party, "code": move.code, "onset": move.onset,
                   "before": step.before, "after": step.after, "reason": step.reason,
                   "order_dependent": step.order_dependent}


def test_an_episode_without_moves_ends_where_the_model_begins() -> None:
    row = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=5, last_session=1, end=6)
    cohort = Cohort.of([Move(**MOVE)], coding=CODING, episodes=[row])
    traces = trace_cohort(cohort, "withdrawal-2000", any_type=True)
    table = attrs.evolve(traces, episodes=cohort.columns, symbol=np.zeros(0, "i2"), before=np.zeros(0, "i2"),
                         after=np.zeros(0, "i2"), reason=np.zeros(0, "i1"), order_dependent=np.zeros(0, bool))
    said = to_polars(traced_episodes(table)).row(0, named=True)
    assert (said["end_state"], said["n_moves"], said["reached"]) == ("withdrawal", 0, "no")


def test_a_summary_is_laid_out_with_the_ns_behind_its_counts() -> None:
    said = trace_cohort(example_cohort(), "withdrawal-2000").summary()
    rows = to_polars(said).rows_by_key("what", named=True, include_key=False)
    assert {row["name"]: row["n"] for row in rows["reached"]} == said.reached
    assert {row["of"] for row in rows["reached"]} == {said.n_episodes}
    assert {row["name"]: row["n"] for row in rows["off_model"]} == said.off_model
    assert {row["of"] for row in rows["off_model"]} == {said.n_moves}
    assert {row["name"]: (row["n"], row["of"]) for row in rows["left_out"]} == {
        why: (n, None) for why, n in said.left_out.items()}
    assert [(row["name"], row["n"]) for row in rows["left_end"]] == [(None, said.left_end)]
    assert {row["model"] for held in rows.values() for row in held} == {said.model}


def test_rules_side_by_side_are_laid_out_by_rule() -> None:
    rules = (WHOLE_SESSION, SegmentationRule(name="one minute", gap=60_000_000))
    table = segment_many(example_cohort(), rules, track="r1", model=load_model("withdrawal-2000"))
    rows = to_polars(table).to_dicts()
    for at, rule in enumerate(rules):
        mine = [row for row in rows if row["rule"] == rule.name]
        assert {row["name"]: row["n"] for row in mine if row["what"] == "reached"} == table.reached[at]
        assert {row["name"]: row["n"] for row in mine if row["what"] == "closed_by"} == table.closed_by[at]
        assert [row["n"] for row in mine if row["what"] == "moves"] == [table.n_moves[at]]
    assert {row["model"] for row in rows} == {"withdrawal-2000"}
    plain_one = to_polars(segment_many(example_cohort(), rules[:1], track="r1"))
    assert plain_one["model"].null_count() == len(plain_one)


def test_boundaries_have_a_row_a_pair_and_one_for_what_stands_alone() -> None:
    found = compare_boundaries(example_cohort(), WHOLE_SESSION, track="r1")
    alone = attrs.evolve(found, only_coded=("E9",))
    rows = to_polars(alone).to_dicts()
    pairs = [(row["coded"], row["drawn"], row["n_shared"], row["n_coded"], row["n_drawn"]) for row in rows]
    assert pairs == [*found.pairs, ("E9", None, 0, None, None), *((None, name, 0, None, None) for name in found.only_drawn)]
    assert found.only_drawn


def test_coverage_losses_and_description_are_laid_out() -> None:
    seen = rk.coverage(load_codebook("3rs-2015"), load_model("withdrawal-2000"))
    rows = to_polars(seen).to_dicts()
    assert {row["state"]: row["observability"] for row in rows} == {name: kind for name, kind, _, _ in seen.states}
    assert {row["codes"] for row in rows} == {", ".join(codes) or None for _, _, codes, _ in seen.states}
    losses = LossReport(file="a.csv", rows=3, used=2, moves=2, lost=(Tally("no code", 1, (3,)), Tally("x", 0)), blank=4,
                        unused_columns=("rater", "room"), rules=("hope > 3 is repair",), warnings=("odd",))
    rows = to_polars(losses).to_dicts()
    assert [(row["reason"], row["n"], row["first_row"]) for row in rows if row["what"] == "lost"] == [("no code", 1, 3), ("x", 0, None)]
    assert {row["what"]: row["n"] for row in rows if row["reason"] is None} == {
        "rows": 3, "used": 2, "moves": 2, "cells": 0, "blank": 4}
    assert [(row["what"], row["reason"]) for row in rows if row["n"] is None] == [
        ("unused_columns", "rater"), ("unused_columns", "room"), ("rules", "hope > 3 is repair"), ("warnings", "odd")]
    described = quietly(rk.describe, example_cohort())
    assert to_polars(described).rows() == described.rows()


def test_a_cohort_and_a_study_give_their_moves_and_episodes_a_row_each() -> None:
    cohort = example_cohort()
    assert to_polars(cohort).equals(to_polars(cohort.moves))
    assert to_polars(Study(name="s", cohort=cohort)).equals(to_polars(cohort.moves))
    assert to_polars(cohort.columns)["n_moves"].to_list() == cohort.columns.lengths.tolist()
    assert [len(table) for table in tables_of(cohort).values()] == [len(frame) for frame in to_frames(cohort, "polars").values()]


def test_what_has_columns_of_its_own_is_taken_and_what_has_none_is_refused() -> None:
    ours = {"n": FrameColumn.of_numbers([1, None])}
    assert to_polars(ours)["n"].to_list() == [1, None]
    assert to_polars(types.SimpleNamespace(frame_columns=lambda: ours))["n"].to_list() == [1, None]
    with pytest.raises(RecordError, match="there is no way to lay out Coding as a data frame; expected one of Table, TraceTable, "):
        columns_of(CODING)


# --- in: what users have ---------------------------------------------------------------------------------------


def one(**changed: Any) -> pd.DataFrame:
    """Return a frame of one move, some columns changed."""
    return pd.DataFrame({name: value if isinstance(value, pd.Series | list) else [value] for name, value in {**MOVE, **changed}.items()})


@pytest.mark.parametrize(("field", "given_as", "value"), [
    ("onset", [7.0], 7), ("onset", pd.Series([7], dtype="uint64"), 7), ("onset", pd.Series([7], dtype="Float64"), 7),
    ("onset", pd.Series([7.0], dtype=object), 7), ("onset", pd.Series([7], dtype="int64[pyarrow]"), 7),
    ("onset", pd.Series(["1.5s"], dtype="timedelta64[ns]"), 1_500_000),
    ("onset", pd.Series(np.array([7], dtype="m8[s]")), 7_000_000),
    ("onset", [2**63 - 1], 2**63 - 1), ("onset", pd.Series([2**63 - 1], dtype="uint64"), 2**63 - 1),
    ("onset", [float(2**53)], 2**53), ("onset", pd.Series([np.int32(7)], dtype=object), 7),
    ("dyad", [12], "12"), ("dyad", pd.Series(["ü"], dtype="category"), "ü"), ("dyad", pd.Series([12], dtype=object), "12"),
    ("dyad", pd.Series([12], dtype="category"), "12"), ("dyad", pd.Series(["x"], dtype="string[python]"), "x"),
    ("rating", pd.Series([2**53], dtype=object).map(lambda whole: whole // 2**52), 2.0), ("party", [None], None), ("party", [np.nan], None), ("party", pd.Series([pd.NA], dtype=object), None),
    ("offset", pd.Series([pd.NaT], dtype="timedelta64[ns]"), None), ("offset", [np.nan], None), ("offset", [None], None),
    ("offset", pd.Series([np.timedelta64("NaT")], dtype=object), None),
    ("offset", pd.Series([pd.NaT], dtype=object), None), ("tie", [None], 0), ("tie", pd.Series([pd.NA], dtype="Int8"), 0),
    ("status", [None], Status.CODED), ("status", [Status.CONSENSUS], Status.CONSENSUS),
    ("perspective", ["observer"], Perspective.OBSERVER), ("rating", [2], 2.0), ("rating", [0.001], 0.001),
    ("rating", pd.Series([1.5], dtype="float32"), 1.5), ("rating", pd.Series([True, 2], dtype=object)[1:], 2.0),
])
def test_what_a_column_of_pandas_may_hold(field: str, given_as: Any, value: Any) -> None:
    frame = one(**{field: given_as.reset_index(drop=True) if isinstance(given_as, pd.Series) else given_as})
    assert getattr(taken(Move, frame)[0], field) == value


@pytest.mark.parametrize(("field", "given_as", "value"), [
    ("onset", pa.array([7], pa.uint8()), 7), ("onset", pa.array([1500], pa.duration("ms")), 1_500_000),
    ("onset", pa.array([decimal.Decimal("7.00")]), 7), ("rating", pa.array([decimal.Decimal("1.25")]), 1.25),
    ("rating", pa.array(np.array([1.5], dtype="f2")), 1.5), ("dyad", pa.array(["x"], pa.string_view()), "x"),
    ("dyad", pa.array(["x"], pa.large_string()), "x"), ("offset", pa.array([None], pa.null()), None),
    ("offset", pa.array([None], pa.duration("us")), None), ("offset", pa.array([float("nan")]), None),
    ("rating", pa.array([float("nan")]), None), ("party", pa.array([None]).cast(pa.string()), None),
    ("party", pa.DictionaryArray.from_arrays(pa.array([0], pa.uint8()), pa.array([None], pa.string())), None),
])
def test_what_a_column_of_arrow_may_hold(field: str, given_as: Any, value: Any) -> None:
    frame = pa.table({name: given_as if name == field else [held] for name, held in {**MOVE, field: None}.items()})
    assert getattr(taken(Move, frame)[0], field) == value


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_a_duration_too_long_for_microseconds_is_refused_and_not_folded(unit: str) -> None:
    lengths = pa.array([2**60, 7], pa.duration(unit))
    for frame in (pa.table({**{name: [held] * 2 for name, held in MOVE.items()}, "onset": lengths}),
                  pd.DataFrame(MOVE, index=[0, 1]).assign(onset=np.array([2**60, 7], dtype=f"m8[{unit}]"))):
        table, problems = read(Move, frame)
        assert [move.onset for move in table] == [7 * (1_000_000 if unit == "s" else 1_000)]
        assert [(row, field) for row, field, _ in told(problems)] == [(1, "onset")]
    table, problems = read(Move, one(onset=pd.Series([np.timedelta64(5)], dtype=object)))    # five of what?
    assert (len(table), [(row, field) for row, field, _ in told(problems)]) == (0, [(1, "onset")])
    losses = read_table(pd.DataFrame({"case": "D1", "hour": 1, "who": "Patient", "what": "wd", "at": 1,
                                      "until": np.array([2**60], dtype=f"m8[{unit}]")}), parse_mapping(MAPPING)).losses
    assert losses is not None
    assert (losses.rows, losses.used) == (1, 0)


def test_a_frame_that_only_narwhals_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = example_cohort()
    frames = to_frames(cohort, "polars")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert Cohort.of(**frames, coding=cohort.coding, tracks=cohort.tracks) == cohort
    rows = pl.DataFrame({**MOVE, "offset": datetime.timedelta(seconds=2), "note": None, "rating": [1.5]})
    assert taken(Move, rows)[0] == Move(**MOVE, offset=2_000_000, rating=1.5)
    flag = pl.DataFrame({"episode": "E", "dyad": "D", "track": "r", "first_session": 1, "onset": 0, "last_session": 1,
                         "end": 0, "closed_by_outcome": [True]})
    assert taken(EpisodeRow, flag)[0].closed_by_outcome is True


def test_a_whole_number_that_a_float_holds_exactly_is_one() -> None:
    frame = pd.DataFrame({"dyad": ["D1", "D2"], "outcome": np.array([2**60, 2**53 + 1])})
    table, problems = read(Dyad, frame)
    assert [dyad.outcome for dyad in table] == [2.0**60]
    assert told(problems) == [(2, "outcome", str(2**53 + 1))]


@pytest.mark.parametrize("make", [
    lambda values: pd.DataFrame(MOVE | {"onset": values}), lambda values: pl.DataFrame(MOVE | {"onset": values}),
    lambda values: pa.table({name: pa.array(values if name == "onset" else [held] * 3) for name, held in MOVE.items()}),
])
def test_no_record_changes_with_the_memory_of_a_frame(make: Callable[[Any], Any]) -> None:
    values = np.array([1, 2, 3], dtype="i8")
    table = taken(Move, make(values))
    values[:] = 9
    assert table.onset.tolist() == [1, 2, 3]
    assert not any(held.flags.writeable for held in table.arrays.values())


def test_no_record_changes_with_a_frame_that_was_made_of_it() -> None:
    sessions = example_cohort().sessions
    digest = sessions.digest()
    frame = to_pandas(sessions)
    frame.loc[:, "session"] = 99
    frame.loc[:, "duration"] = 99
    frame.loc[0, "attended"] = "no"
    other = to_polars(sessions)
    other[0, "session"] = 99
    assert other["session"][0] == 99
    assert sessions.digest() == digest
    assert to_pandas(traced := trace_cohort(example_cohort(), "withdrawal-2000"))["before"].dtype == "category"
    assert not traced.before.flags.writeable


# --- in: through a mapping -------------------------------------------------------------------------------------

MAPPING = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "drop_and_report" }
fields.dyad.column = "case"
fields.session.column = "hour"
fields.party.column = "who"
fields.code = { column = "what", values = { "no" = "" } }
fields.onset = { column = "at", format = "seconds" }
fields.offset = { column = "until", format = "hh:mm:ss" }
"""


def test_a_frame_is_read_through_a_mapping_as_its_file_is(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "case": [7, 7, 8, 8], "hour": [1.0, 1.0, np.nan, 2.0], "who": ["Patient", "therapist", "therapist", None],
        "what": pd.Series(["wd", "wd", "wd", "wd"], dtype="category"), "at": [12.5, 40, 1, 2],
        "until": pd.to_timedelta([13.25, None, 2, 3], unit="s")})
    (tmp_path / "sheet.csv").write_text(
        "case,hour,who,what,at,until\n7,1,Patient,wd,12.5,0:00:13.25\n7,1,therapist,wd,40,\n8,,therapist,wd,1,0:00:02\n8,2,,wd,2,0:00:03\n")
    mapping = parse_mapping(MAPPING)
    expected = read_table(tmp_path / "sheet.csv", mapping)
    for held in (frame, pa.Table.from_pandas(frame), pl.from_pandas(frame)):
        study = read_table(held, mapping)
        assert study.cohort == expected.cohort
        assert study.losses is not None
        assert expected.losses is not None
        assert attrs.evolve(study.losses, file="") == attrs.evolve(expected.losses, file="")
        assert study.origin == "data frame"


def test_what_a_sheet_cannot_hold_is_told_by_row_and_no_date_is_kept() -> None:
    frame = pd.DataFrame({
        "case": [datetime.date(2020, 1, 2), "D1", "D1", "D1", "D1"], "hour": [1, np.inf, 1, 1, 1], "who": "Patient",
        "what": [Perspective.OBSERVER, "wd", "wd", False, None], "at": [1, 1, 1.0000005, 1, 1],
        "until": pd.Series([None, None, None, None, pd.Timedelta(1, "ns")], dtype="timedelta64[ns]")})
    losses = read_table(frame, parse_mapping(MAPPING)).losses
    assert losses is not None
    assert (losses.rows, losses.used) == (5, 0)
    assert "2020" not in str(losses)
    assert len(read_table(pd.DataFrame({name: [] for name in frame}), parse_mapping(MAPPING)).cohort.moves) == 0
    with pytest.raises(InvalidRecords, match="no such column"):
        read_table(pd.DataFrame(), parse_mapping(MAPPING))


# --- in: what is wrong -----------------------------------------------------------------------------------------

WRONG: dict[str, list[Any]] = {
    "row_id": ["x", -1, 1.5, 2.0**60, True, -(2**63), [1], np.inf],
    "session": ["1", -1, 2**63, decimal.Decimal(1)], "onset": [0.5, -3, pd.Timedelta(1, "ns"), np.timedelta64(1500, "ns")],
    "offset": [np.timedelta64(2**60, "s"), np.timedelta64(2**62, "h"), np.timedelta64(1, "Y"), np.timedelta64(1, "M")],
    "dyad": ["", " x", "a\nb", 1.5, True, b"D1", "x" * 10_001], "track": [np.timedelta64(1, "us")],
    "source_row": [np.datetime64(5, "ns")], "perspective": ["obsrver", 1, 1.0, False], "rating": [1.2345, -1.0, 1e13, np.inf, "2", True], "tie": [-1],
    "status": ["Coded", 3], "party": [{}, 2.5],
}


@given(data=st.data(), rows=st.lists(records(Move), min_size=1, max_size=5))
def test_every_bad_row_is_told_with_its_field_and_value_and_the_others_are_read(data: st.DataObject, rows: list[Move]) -> None:
    cells = plain(Table.of(Move, rows))
    spots = data.draw(st.lists(st.tuples(st.integers(0, len(rows) - 1), st.sampled_from(list(WRONG))), unique=True, max_size=6))
    expected = []
    for at, field in spots:
        cells[field][at] = data.draw(st.sampled_from(WRONG[field]))
        expected.append((at + 1, field, excerpt(str(cells[field][at]))))
    table, problems = read(Move, pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in cells.items()}))
    assert sorted(told(problems)) == sorted(expected)
    assert list(table) == [row for at, row in enumerate(rows) if at not in {spot for spot, _ in spots}]


@given(st.data())
def test_whole_columns_are_judged_as_single_values_are(data: st.DataObject) -> None:
    record = data.draw(st.sampled_from([Move, Session, Dyad, Label, EpisodeRow]))
    name = data.draw(st.sampled_from(list(columns(record))))
    kind, values = data.draw(st.sampled_from([
        ("i8", st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, 2**53, 2**53 + 1, -1])),
        ("u8", st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**53 + 1])),
        ("f8", st.floats(allow_nan=False) | st.sampled_from([0.0, 0.5, 1e12, 2.0**53, 2.0**53 + 2, 0.0005, 1e308])),
        ("?", st.booleans())]))
    given_as = np.array(data.draw(st.lists(values, min_size=1, max_size=4)), dtype=kind)
    rest = plain(Table.of(record, [data.draw(records(record))] * len(given_as)))
    objects = {key: pd.Series(held, dtype=object) for key, held in rest.items()}
    table, problems = read(record, pd.DataFrame({**objects, name: given_as}))
    slow, slowly = read(record, pd.DataFrame({**objects, name: pd.Series(given_as.tolist(), dtype=object)}))
    assert table == slow
    assert told(problems) == told(slowly)


@pytest.mark.parametrize(("record", "field", "values", "bad"), [
    (Session, "day", np.array([-(2**63), -(2**63) + 1]), [1]),
    (Session, "day", np.array([2**63, 2**63 - 1], dtype="u8"), [1]),
    (Session, "day", [2.0**53, 2.0**53 + 2], [2]), (Session, "day", [0.5, -0.0], [1]),
    (Session, "duration", np.array([1500, 2000], dtype="m8[ns]"), [1]),
    (Session, "duration", np.array([-1, 1], dtype="m8[us]"), [1]),
    (Session, "session", pd.Series([1, True, 1.0, np.True_], dtype=object), [2, 4]),
    (Session, "dyad", pd.Series(["1", True, 1, 1.0, False], dtype=object), [2, 4, 5]),
    (Session, "attended", pd.Series(["yes", "Yes", 1], dtype=object), [2, 3]),
    (Move, "rating", [1.2345, 1.234, 0.0005, 1e12, 1e13], [1, 3, 5]), (Move, "rating", [np.inf, 2.0], [1]),
    (Move, "rating", np.array([10**12, 10**12 + 1]), [2]),
    (Dyad, "outcome", [np.inf, -np.inf, 1.5], [1, 2]), (Dyad, "outcome", np.array([2**53 + 1, -(2**53) - 1, 2**54]), [1, 2]),
    (EpisodeRow, "closed_by_outcome", [1, 0], [1, 2]), (EpisodeRow, "closed_by_outcome", ["yes", None], [1]),
])
def test_a_value_at_the_edge_is_told_and_its_neighbour_is_not(record: type[Any], field: str, values: Any, bad: list[int]) -> None:
    needed = {"row_id": 1, "dyad": "D1", "session": 1, "track": "r1", "code": "wd", "onset": 0, "episode": "E", "end": 0,
              "first_session": 1, "last_session": 1}
    frame = pd.DataFrame({**{name: needed[name] for name in columns(record) if name in needed}, field: values})
    table, problems = read(record, frame)
    assert [(row, name) for row, name, _ in told(problems)] == [(row, field) for row in bad]
    assert len(table) == len(frame) - len(bad)


WRONG_TYPES: dict[str, tuple[Any, str]] = {
    "onset": (["x", "y", "z"], "onset"), "onset as seconds": ([0.5, 1.5, 2.5], "onset"),
    "dyad": ([1.5, 2.5, 3.5], "dyad"), "code": ([True, False, True], "code"), "session": ([True, False, True], "session"),
    "track": ([datetime.timedelta(1), datetime.timedelta(2), datetime.timedelta(3)], "track"),
    "tie": ([datetime.timedelta(1), datetime.timedelta(2), datetime.timedelta(3)], "tie"),
    "party": ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), datetime.date(2020, 1, 3)], "party"),
}


@pytest.mark.parametrize("wrong", WRONG_TYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_the_wrong_type_is_one_error_that_tells_every_row(kind: str, wrong: str) -> None:
    values, field = WRONG_TYPES[wrong]
    frame = nw.from_dict({**{name: [held] * 3 for name, held in MOVE.items()}, "row_id": [1, 2, 3], field: values}, backend=kind).to_native()
    with pytest.raises(InvalidRecords) as caught:
        Cohort.of(frame, coding=CODING)
    assert caught.value.count == 3
    assert [(one.row, one.field) for one in caught.value.problems] == [(at, field) for at in (1, 2, 3)]
    assert "expected" in str(caught.value)


def test_bad_rows_of_all_frames_and_what_contradicts_between_rows_are_told_at_once() -> None:
    moves = pd.DataFrame({**MOVE, "row_id": [1, 1, 2], "onset": [0, 1, -5], "code": ["wd", "wdd", "wd"]})
    sessions = pl.DataFrame({"dyad": ["D1", None], "session": [1, 2], "attended": ["yes", "maybe"]})
    with pytest.raises(InvalidRecords) as caught:
        Cohort.of(moves, coding=CODING, sessions=sessions)
    assert [(one.file, one.row, one.field, one.kind) for one in caught.value.problems] == [
        ("Move frame", 3, "onset", "not allowed"), ("Session frame", 2, "dyad", "empty"),
        ("Session frame", 2, "attended", "not allowed"), (None, None, "code", "unknown code"),
        (None, None, "row_id", "row_id twice"), (None, None, "row_id", "row_id twice")]
    assert "did you mean 'wd'" in str(caught.value)


def test_a_time_that_does_not_fit_says_what_a_time_is() -> None:
    _, problems = read(Move, one(onset=[0.5]))
    assert str(problems.problems[0]) == (
        "Move frame, row 1, onset: 0.5 does not fit; expected int; whole microseconds, whole turns where there is no "
        "clock, or a column of durations")


def test_columns_that_are_not_there_not_known_or_there_twice_are_told() -> None:
    frame = one().rename(columns={"onset": "onsett"})
    table, problems = read(Move, frame)
    assert problems.summary() == (
        "2 problems in Move frame\n  onsett: unknown column; did you mean 'onset'?\n"
        "  onset: missing column; this frame has row_id, dyad, session, track, code, onsett; did you mean 'onsett'?")
    assert len(table) == 0
    twice = pd.concat([one(), one()[["code"]]], axis=1)
    assert [(each.kind, each.field) for each in read(Move, twice)[1].problems] == [("duplicate name", "code")]
    _, problems = read(Member, pd.DataFrame({"zzz": [1]}))
    assert "; its fields are episode, row_id" in problems.summary()
    assert "this frame has no columns" in read(Member, pd.DataFrame())[1].summary()
    with pytest.raises(InvalidRecords, match="unknown column"):
        Cohort.of(frame, coding=CODING)


def test_what_is_needed_and_not_recorded_is_told_row_by_row() -> None:
    frame = pd.DataFrame({**MOVE, "row_id": [1, 2, 3], "dyad": ["D1", None, "D1"], "onset": [np.nan, np.nan, 4]})
    table, problems = read(Move, frame)
    assert told(problems) == [(2, "dyad", ""), (1, "onset", ""), (2, "onset", "")]
    assert [move.row_id for move in table] == [3]


@pytest.mark.parametrize("thing", [pl.Series([1]), types.SimpleNamespace(columns=[]), example_cohort()])
def test_what_is_no_frame_is_refused(thing: Any) -> None:
    with pytest.raises(RecordError, match=r"expected records, a table or a data frame but got .*; hand over"):
        Cohort.of(thing, coding=CODING)


# --- libraries that are not there ------------------------------------------------------------------------------


@pytest.mark.parametrize(("library", "kind", "extra"), [
    ("pandas", "pandas", "pandas"), ("polars", "polars", "polars"), ("pyarrow", "pyarrow", "parquet"), ("narwhals", "modin", "frames")])
def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, library: str, kind: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'rupturekit\[{extra}\]'"):
        to_frame(example_cohort().sessions, kind)


def test_a_frame_that_nothing_installed_can_read_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = to_polars(example_cohort().moves)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(MissingExtra, match=r"rupturekit\[frames\]"):
        Cohort.of(frame, coding=CODING)


def test_a_kind_that_is_not_there_is_refused_with_what_is() -> None:
    sessions = example_cohort().sessions
    with pytest.raises(RecordError, match="no kind of data frame 'polar'; expected pandas, polars, pyarrow, or an eager backend"):
        to_frame(sessions, "polar")
    with pytest.raises(RecordError, match="needs modin, which is not installed"):
        to_frame(sessions, "modin")


def test_other_kinds_go_through_narwhals(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = example_cohort().sessions
    monkeypatch.setattr(_frames, "_WRITERS", {})
    monkeypatch.setattr(_frames, "KINDS", ())
    assert to_frame(sessions, "polars").to_dicts() == to_arrow_again(sessions)


def to_arrow_again(table: Table[Any]) -> list[dict[str, Any]]:
    return _frames._to_arrow(table.frame_columns()).to_pylist()


def test_no_library_of_data_frames_is_imported_unasked() -> None:
    code = """
import importlib, pkgutil, sys, warnings
import rupturekit
for module in pkgutil.walk_packages(rupturekit.__path__, "rupturekit."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from rupturekit.example import example_cohort
from rupturekit.frames import columns_of, tables_of
cohort = example_cohort()
rupturekit.Cohort.of(list(cohort.moves), coding=cohort.coding, sessions=cohort.sessions)
traces = rupturekit.trace_cohort(cohort, "withdrawal-2000")
assert columns_of(traces) and tables_of(cohort)
print(sorted({"narwhals", "pandas", "polars", "pyarrow"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_the_pages_of_fields_agree_on_what_may_be_absent() -> None:
    for record in RECORDS:
        held = empty(record).frame_columns()
        kinds = {name: column.kind for name, column in columns(record).items()}
        assert {name for name, column in held.items() if column.absent is not None} == {
            name for name in optional_fields(record) if kinds[name] not in ("label", "enum")}
    assert collections.Counter(KINDS) == {"pandas": 1, "polars": 1, "pyarrow": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_spells_of_negotiations_are_one_row_each(kind: str) -> None:
    """Each row tells the spell that its columns tell: the turns within the episode, and no number for what never ended."""
    table = negotiations(quietly(segment, example_cohort(), WHOLE_SESSION, track="r1"), track="r1")
    rows = nw.from_native(to_frame(table, kind), eager_only=True).rows(named=True)
    spells, names = table.spells, table.turns.episodes.rows.words("episode")
    assert len(rows) == len(spells) > 0
    for at, row in enumerate(rows):
        episode = int(spells.episode[at])
        start = int(table.turns.offsets[episode])
        ended = int(spells.end[at]) >= 0
        assert (row["episode"], row["party"], row["need"]) == (
            names[episode], table.parties[spells.party[at]], ("agency", "communion")[spells.need[at]])
        assert (row["begin"], row["renewals"]) == (spells.begin[at] - start, spells.renewals[at])
        assert row["row_id"] == table.turns.row_id(int(spells.begin[at]))
        assert row["cause"] == ("met", "yielded", "open", "censored")[spells.cause[at]]
        assert row["end"] == spells.end[at] - start if ended else row["end"] in (None, pd.NA)
    assert {row["cause"] for row in rows} >= {"met", "yielded", "open"}
