"""BORIS: a project and its exported tables give the same rows, and every event is accounted for."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.errors import FileProblem, InvalidRecords, RuptureKitError
from rupturekit.problems import ProblemLog
from rupturekit.records.boris import open_project, open_tabular
from rupturekit.records.bounded import Limits
from rupturekit.records.foreign import read_table
from rupturekit.records.held import HeldSheet
from rupturekit.records.mapping import parse_mapping

MAPPING = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "%s" }
fields.dyad = { column = "observation", values = { "D1 s1" = "D1", "D1 s2" = "D1" } }
fields.session = { column = "observation", values = { "D1 s1" = "1", "D1 s2" = "2" } }
fields.party = { column = "subject", values = { Klient = "client", Therapeut = "therapist" } }
fields.code.column = "behavior"
fields.onset = { column = "start_s", format = "seconds" }
fields.offset = { column = "stop_s", format = "seconds" }
"""
ETHOGRAM = {"0": {"code": "wd", "type": "State event", "category": "markers", "modifiers": {}},
            "1": {"code": "invite", "type": "Point event", "category": ""},
            "2": {"code": "cf", "type": "State event with coding map"}}


def project(*observations: tuple[str, list[Any]], **more: Any) -> dict[str, Any]:
    return {"time_format": "hh:mm:ss", "project_name": "x", "project_format_version": "7.0", "behaviors_conf": ETHOGRAM,
            "observations": {name: {"events": events, "type": "LIVE", "date": "2021-01-02T03:04:05", "description": "text",
                                    "independent_variables": {"arm": "a"}} for name, events in observations}} | more


FIRST = ("D1 s1", [[1.5, "Klient", "wd", "", "", 30], [2.25, "Therapeut", "invite", "m1|m2", "said so", 40],
                   [4.0, "Klient", "wd", "", "", 50]])
SECOND = ("D1 s2", [[0.0, "Klient", "cf", "None", ""], [3.0, "Klient", "cf", "None", ""]])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "p.boris"


def opened(path: Path, content: object, **how: Any) -> tuple[HeldSheet, ProblemLog]:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    log = ProblemLog()
    return open_project(path, problems=log, **how), log


def dicts(sheet: HeldSheet) -> list[tuple[int, dict[str, str]]]:
    return [(number, dict(zip(sheet.header, cells, strict=True))) for number, cells in sheet.rows()]


# A project

def test_states_are_paired_and_points_stand_alone(path: Path) -> None:
    sheet, log = opened(path, project(FIRST, SECOND))
    rows = dicts(sheet)
    assert [(number, row["observation"], row["subject"], row["behavior"], row["type"], row["start_s"], row["stop_s"])
            for number, row in rows] == [
        (1, "D1 s1", "Klient", "wd", "STATE", "1.5", "4"), (2, "D1 s1", "Therapeut", "invite", "POINT", "2.25", ""),
        (4, "D1 s2", "Klient", "cf", "STATE", "0", "3")]
    point = rows[1][1]
    assert (point["modifiers"], point["behavior|modifiers"], point["comment start"], point["variable: arm"]) == (
        "m1|m2", "invite|m1|m2", "said so", "a")
    assert (rows[0][1]["category"], rows[2][1]["modifiers"], rows[2][1]["behavior|modifiers"]) == ("markers", "", "cf")
    assert sheet.what == "BORIS project, format 7.0"
    assert sheet.notes == ("5 events; 2 STARTs and STOPs made one row each",)
    assert not log


def test_it_goes_through_a_mapping_without_comments_or_dates(path: Path) -> None:
    path.write_text(json.dumps(project(FIRST, SECOND)))
    study = read_table(path, parse_mapping(MAPPING % "refuse"))
    assert [(move.session, move.party, move.code, move.onset, move.offset, move.source_row, move.note)
            for move in study.cohort.moves] == [
        (1, "client", "wd", 1_500_000, 4_000_000, 1, None), (1, "therapist", "invite", 2_250_000, None, 2, None),
        (2, "client", "cf", 0, 3_000_000, 4, None)]
    assert study.losses is not None
    assert study.losses.balanced
    assert "2021" not in str(study.losses)


def test_what_cannot_be_paired_is_refused_or_told(path: Path) -> None:
    events = [[1.0, "Klient", "wd", "", ""], [2.0, "Therapeut", "wd", "", ""], [3.0, "Klient", "wd", "m", ""],
              [4.0, "Klient", "dance", "", ""], ["NA", "Klient", "invite", "", ""], [5.0, "Klient"], "no event",
              [6.0, "Klient", "invite", "", ""]]
    path.write_text(json.dumps(project(("D1 s1", events))))
    losses = read_table(path, parse_mapping(MAPPING % "drop_and_report")).losses
    assert losses is not None
    assert losses.balanced
    assert (losses.rows, losses.moves) == (8, 1)
    assert {(tally.what, tally.times) for tally in losses.lost} == {
        ("behavior: START without STOP", 3), ("behavior: behaviour not defined", 1), ("behavior: no readable time", 1),
        ("behavior: not an event", 2)}
    with pytest.raises(InvalidRecords, match="8 problems|7 problems") as caught:
        read_table(path, parse_mapping(MAPPING % "refuse"))
    assert caught.value.count == 7


def test_older_and_damaged_projects_lack_fields(path: Path) -> None:
    sheet, _ = opened(path, {"observations": {"a": {"events": []}, "b": None, "c": {"events": 3, "time offset": 20.5},
                                              "d": {"independent_variables": 7}}})
    assert list(sheet.rows()) == []
    assert sheet.what == "BORIS project, format not stated"
    assert sheet.notes == ("4 observations without any event: 1, 2, 3, 4 in the order of the file",
                           "1 observation with a time offset, which is not added to their times: 3 in the order of the file")


def test_times_are_exact_or_told_as_rounded(path: Path) -> None:
    events = [[0.1, "", "invite", "", ""], [12.30000001, "No focal subject", "invite", ["a", "b"], ""],
              ["3", "", "invite", 7, None], [1e-7, "", "invite", "", ""], [10**20, "", "invite", "", ""]]
    sheet, log = opened(path, json.dumps(project(("o", events))))
    assert [(number, row["start_s"], row["subject"], row["modifiers"]) for number, row in dicts(sheet)] == [
        (1, "0.1", "", ""), (2, "12.3", "", "a|b"), (3, "3", "", "7"), (4, "0", "", "")]
    assert sheet.notes[-1] == "2 times rounded to a microsecond: rows 2, 4"
    assert [problem.row for problem in log.problems] == [5]


def test_half_a_character_does_not_get_in(path: Path) -> None:
    sheet, _ = opened(path, json.dumps(project(("o", [[1, "a\ud800", "invite", "", ""]]))))
    assert dicts(sheet)[0][1]["subject"] == "a?"


@pytest.mark.parametrize(("content", "says"), [
    ("[]", "expected named parts"), ("{", "is not a BORIS project"), ("{}", "it has no observations"),
    ('{"observations": []}', "it has no observations"), ("[" * 100_000, "nests too deep"), ("", "is not a BORIS project"),
    ('{"observations": {"a": {"events": [[NaN, 1e999999999, "x"]]}}}', ""),
    ('{"observations": {"a": {"events": [[' + "9" * 10_000 + ', "", "x"]]}}}', ""),
])
def test_what_is_no_project_is_refused(path: Path, content: str, says: str) -> None:
    if says:
        with pytest.raises(FileProblem, match=says):
            opened(path, content)
    else:
        sheet, log = opened(path, content)
        assert list(sheet.rows()) == []
        assert len(log) == 1


def test_limits(path: Path) -> None:
    with pytest.raises(FileProblem, match="a BORIS project may have at most 10 bytes"):
        opened(path, project(FIRST), limits=Limits(text=10))


# Pairing, against the obvious way

EVENTS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["Klient", "Therapeut"]), st.sampled_from(["wd", "invite"]),
                            st.sampled_from(["", "m"])))


@given(EVENTS)
def test_every_event_is_in_one_row(tmp_path_factory: pytest.TempPathFactory, events: list[tuple[int, str, str, str]]) -> None:
    path = tmp_path_factory.mktemp("boris") / "p.boris"
    sheet, log = opened(path, project(("o", [[*event, ""] for event in events])))
    found = sorted((row["subject"], row["behavior"], row["modifiers"], row["start_s"], row["stop_s"])
                   for _, row in dicts(sheet))
    expected = []
    lost = 0
    for (subject, code, modifiers), _ in Counter(event[1:] for event in events).items():
        times = sorted(time for time, *key in events if tuple(key) == (subject, code, modifiers))
        if code == "invite":
            expected += [(subject, code, modifiers, str(time), "") for time in times]
        else:
            expected += [(subject, code, modifiers, str(start), str(stop))
                         for start, stop in zip(times[::2], times[1::2], strict=False)]
            lost += len(times) % 2
    assert found == sorted(expected)
    assert len(log) == lost


# Exported tables

OLD = [["Observation id", "D1 s1"], [], ["Media file(s)"], ["Player #1", "video.mp4"], ["Observation date", "2021-01-02"],
       ["Time offset (s)", "0.0"], ["independent variables"], ["variable", "value"], ["arm", "a"], [],
       ["Time", "Media file path", "Total length", "FPS", "Subject", "Behavior", "Behavioral category", "Modifiers",
        "Comment", "Status"],
       ["1.500", "video.mp4", "359.960", "25.0", "Klient", "wd", "markers", "", "", "START"],
       ["2.250", "video.mp4", "359.960", "25.0", "Therapeut", "invite", "", "m1|m2", "said so", "POINT"],
       ["4.000", "video.mp4", "359.960", "25.0", "Klient", "wd", "markers", "", "", "STOP"]]
NEW = [["Observation id", "Observation date", "Description", "Observation duration", "Observation type", "Source",
        "Time offset (s)", "Media duration (s)", "FPS", "arm", "Subject", "Behavior", "Behavioral category", "Modifier #1",
        "Modifier #2", "Behavior type", "Time", "Media file name", "Image index", "Image file path", "Comment"],
       *([("D1 s1"), "2021-01-02 03:04:05", "text", "9", "Live observation", "NA", "0", "NA", "NA", "a", *cells, "NA", "NA",
          "NA", comment] for *cells, comment in (
           ("Klient", "wd", "markers", "", "", "START", "1.500", ""),
           ("Therapeut", "invite", "", "m1", "m2", "POINT", "2.250", "said so"),
           ("Klient", "wd", "markers", "None", "", "STOP", "4.000", "")))]


def table(path: Path, rows: list[list[str]], *, delimiter: str = "\t") -> Path:
    width = max(map(len, rows))
    path.write_text("".join(delimiter.join([*row, *[""] * (width - len(row))]) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("rows", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_one_mapping_reads_the_project_and_its_tables(tmp_path: Path, rows: list[list[str]], delimiter: str) -> None:
    mapping = parse_mapping(MAPPING % "refuse")
    (tmp_path / "p.boris").write_text(json.dumps(project(FIRST)))
    whole = read_table(tmp_path / "p.boris", mapping)
    exported = read_table(table(tmp_path / "events.txt", rows, delimiter=delimiter), mapping)
    assert exported.cohort == whole.cohort
    sheet = open_tabular(tmp_path / "events.txt")
    assert [cells for _, cells in sheet.rows()] == [
        cells for _, cells in open_project(tmp_path / "p.boris").rows()]


def test_rows_of_a_table_that_are_none_are_told(tmp_path: Path) -> None:
    rows = [*NEW, [*NEW[1][:16], "5.0", *NEW[1][17:]], [*NEW[1][:15], "STATE", "9", "", "", "", ""], [*NEW[3][:16], "NA", "", "", "", ""]]
    path = table(tmp_path / "events.tsv", rows)
    with path.open("a") as stream:
        stream.write("D1 s1\tbroken\n\n")
    losses = read_table(path, parse_mapping(MAPPING % "drop_and_report")).losses
    assert losses is not None
    assert losses.balanced
    assert (losses.rows, losses.moves) == (6, 2)
    assert {(tally.what, tally.rows) for tally in losses.lost} == {
        ("behavior: START without STOP", (4,)), ("behavior: unknown status", (5,)), ("behavior: no readable time", (6,)),
        ("wrong number of cells", (7,))}


def test_a_start_before_a_start_and_a_stop_alone_are_told(tmp_path: Path) -> None:
    rows = [NEW[0], NEW[3], *([*NEW[1][:16], time, *NEW[1][17:]] for time in ("5", "5.5000001"))]
    sheet = open_tabular(table(tmp_path / "e.tsv", rows), problems=(log := ProblemLog()))
    assert list(sheet.rows()) == []
    assert [(problem.row, problem.kind) for problem in log.problems] == [
        (1, "STOP without START"), (2, "START without STOP"), (3, "START without STOP")]
    assert sheet.notes == ("1 time rounded to a microsecond: row 3",)


def test_broken_rows_above_the_names_of_the_columns_do_not_count(tmp_path: Path) -> None:
    path = table(tmp_path / "e.tsv", OLD)
    lines = path.read_text().splitlines()
    lines[2] = "Media file(s)"
    path.write_text("\n".join([*lines, "ragged"]) + "\n")
    log = ProblemLog()
    assert len(list(open_tabular(path, problems=log).rows())) == 2
    assert [(problem.row, problem.kind) for problem in log.problems] == [(4, "wrong number of cells")]


def test_a_table_without_names_of_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="has no row with the columns Time and Behavior"):
        read_table(table(tmp_path / "e.tsv", OLD[:9]), parse_mapping(MAPPING % "refuse"))
    with pytest.raises(FileProblem, match="a table of events may have at most 10 bytes"):
        read_table(table(tmp_path / "e.tsv", OLD), parse_mapping(MAPPING % "refuse"), limits=Limits(file=10))


def test_a_table_without_a_status_column_says_so_row_by_row(tmp_path: Path) -> None:
    log = ProblemLog()
    sheet = open_tabular(table(tmp_path / "e.tsv", [row[:9] if len(row) > 8 else row for row in OLD]), problems=log)
    assert list(sheet.rows()) == []
    assert {problem.kind for problem in log.problems} == {"unknown status"}


# Any text

@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 30), st.text(max_size=8)), max_size=5))
def test_no_text_gets_more_than_a_sentence(tmp_path_factory: pytest.TempPathFactory,
                                           patches: list[tuple[int, int, str]]) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    table(folder / "e.tsv", OLD)
    for path, text in ((folder / "p.boris", json.dumps(project(FIRST, SECOND))), (folder / "e.tsv", None)):
        content = text or path.read_text()
        for at, length, patch in patches:
            content = content[:at] + patch + content[at + length:]
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
        with suppress(RuptureKitError):
            losses = read_table(path, parse_mapping(MAPPING % "drop_and_report")).losses
            assert losses is not None
            assert losses.balanced
