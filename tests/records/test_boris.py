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
from rupturekit.records.boris import is_tabular, open_project, open_tabular
from rupturekit.records.bounded import Limits
from rupturekit.records.delimited import Sheet
from rupturekit.records.foreign import read_table
from rupturekit.records.held import HeldSheet, Hints
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
    late = lines[-1].replace("4.000", "late")
    path.write_text("\n".join([*lines[:-1], "ragged", late, "ragged"]) + "\n")
    log = ProblemLog()
    list(open_tabular(path, problems=log).rows())    # in the order of the rows, whoever found the fault
    assert [(problem.row, problem.kind) for problem in log.problems] == [
        (1, "START without STOP"), (3, "wrong number of cells"), (4, "no readable time"), (5, "wrong number of cells")]


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


# Whole sheets

COLUMNS = ("observation", "subject", "behavior", "category", "modifiers", "behavior|modifiers", "type", "start_s", "stop_s",
           "comment start", "comment stop")
PROBLEMS = {
    "no event": ("not an event", "", "'': expected time, subject and behaviour"),
    "undefined": ("behaviour not defined", "dance", "'dance': the project does not say whether it is a point or a state; "
                                                    "define it in BORIS"),
    "time": ("no readable time", "invite", "'invite': '%s' is no time in seconds"),
    "open": ("START without STOP", "wd", "'wd': the behaviour begins and never ends; mend it in BORIS"),
    "twice": ("START without STOP", "wd", "'wd': the behaviour begins again before it ends; mend it in BORIS"),
    "stop": ("STOP without START", "wd", "'wd': the behaviour ends and never began; mend it in BORIS"),
    "status": ("unknown status", "wd", "'wd': '%s' is not START, STOP or POINT"),
}


def told(log: ProblemLog, file: str) -> list[tuple[int | None, str, str, str]]:
    assert {(problem.field, problem.file) for problem in log.problems} <= {("behavior", file)}
    return [(problem.row, problem.kind, problem.value, problem.message) for problem in log.problems]


def problem(row: int, name: str, *inside: str) -> tuple[int, str, str, str]:
    kind, value, message = PROBLEMS[name]
    return row, kind, value, message % inside if inside else message


def test_a_whole_project(path: Path) -> None:
    one = [[0.5, "Klient", "wd", "", "in"], [0, "Klient", "wd", "None", None], [0, "No focal subject", "invite"],
           [-0.5, "Klient", "cf", 7, "x", "y"], [0, "Klient", "cf", 7, ""],
           [3, "B", "invite", [f"m{n}" for n in range(25)], "a  b"], [4, "A", "invite", "X", ""]]
    content = project(("one", one), ("two", [[1, "K", "invite", "", ""]]))
    content["observations"]["two"]["independent_variables"] = {"site": " b ", "n": 3}
    content["observations"]["two"]["time offset"] = "0.0"
    sheet, log = opened(path, content)
    many = "|".join(f"m{n}" for n in range(20))
    assert sheet.header == (*COLUMNS, "variable: arm", "variable: site", "variable: n")
    assert list(sheet.rows()) == [
        (2, ["one", "Klient", "wd", "markers", "", "wd", "STATE", "0", "0.5", "", "in", "a", "", ""]),
        (3, ["one", "", "invite", "", "", "invite", "POINT", "0", "", "", "", "a", "", ""]),
        (4, ["one", "Klient", "cf", "", "7", "cf|7", "STATE", "-0.5", "0", "x", "", "a", "", ""]),
        (6, ["one", "B", "invite", "", many, f"invite|{many}", "POINT", "3", "", "a b", "", "a", "", ""]),
        (7, ["one", "A", "invite", "", "X", "invite|X", "POINT", "4", "", "", "", "a", "", ""]),
        (8, ["two", "K", "invite", "", "", "invite", "POINT", "1", "", "", "", "", "b", "3"])]
    assert sheet.notes == ("8 events; 2 STARTs and STOPs made one row each",)
    assert sheet.decimal_comma is False
    assert sheet.hints == Hints(
        roles=(("dyad", "observation"), ("party", "subject"), ("code", "behavior"), ("onset", "start_s"),
               ("offset", "stop_s")),
        questions=("is each observation a dyad of its own, seen once? Where several observations are sessions of one "
                   'dyad, say which under values, here and in a [fields.session] with column = "observation"',))
    assert not log


def test_every_event_that_makes_no_row_is_told_in_full(path: Path) -> None:
    events = [[1, "K", "wd", "", ""], [None, "K", "invite", "", ""], [" NA ", "K", "invite"], "no event", [2, "K"],
              [2, "K", "dance", "", ""], [3, "K", "wd", "", ""], [4, "T", "wd", "", ""], ["-Infinity", "K", "invite"],
              [1_000_000_000_000, "K", "invite"], ["1000000000000.000001", "K", "invite"], [-1_000_000_000_000, "K", "invite"]]
    sheet, log = opened(path, project(("o", events), project_format_version="7" * 21))
    assert [(number, cells[6:9]) for number, cells in sheet.rows()] == [
        (1, ["STATE", "1", "3"]), (10, ["POINT", "1000000000000", ""]), (12, ["POINT", "-1000000000000", ""])]
    assert told(log, path.name) == [
        problem(2, "time", "None"), problem(3, "time", "NA"), problem(4, "no event"), problem(5, "no event"),
        problem(6, "undefined"), problem(8, "open"), problem(9, "time", "-Infinity"),
        problem(11, "time", "1000000000000.000001")]
    assert sheet.notes == ("12 events; 1 START and STOP made one row",)
    assert sheet.what == f"BORIS project, format {'7' * 19}…"


@pytest.mark.parametrize(("empty", "says"), [
    (1, "1 observation without any event: 1 in the order of the file"),
    (5, "5 observations without any event: 1, 2, 3, 4, 5 in the order of the file"),
    (6, "6 observations without any event: 1, 2, 3, 4, 5 (+1 more) in the order of the file"),
])
def test_observations_are_counted_and_five_are_named(path: Path, empty: int, says: str) -> None:
    sheet, _ = opened(path, project(*((f"o{n}", []) for n in range(empty)), ("p", [[1.00000001, "K", "invite"]]),
                                    project_format_version="7" * 20))
    assert sheet.notes == (says, "1 time rounded to a microsecond: row 1")
    assert sheet.what == f"BORIS project, format {'7' * 20}"


KNOWN = ["Observation id", "Observation date", "Description", "Observation duration", "Observation type", "Source",
         "Time offset (s)", "Coding duration", "Media duration (s)", "Total length", "FPS", "FPS (frame/s)", "Subject",
         "Observation duration by subject by observation", "Behavior", "Behavioral category", "Modifiers", "Behavior type",
         "Status", "Time", "Media file", "Media file name", "Media file path", "Image index", "Image file path", "Comment"]


@pytest.mark.parametrize(("header", "expected"), [
    *((("Observation id", name), False) for name in KNOWN),
    (("Observation id", "D1 s1"), True), (("observation ID", "D1 s1", "", ""), True), (("Observation id",), False),
    (("Observation id", "D1 s1", "x"), False), (("Observation id", "D1 s1", "x", ""), False), (("case", "D1 s1"), False),
    (("Observation id", "Subject", "Behavior", "Behavior type", "Time"), True),
    *((tuple(name for name in ("Observation id", "Subject", "Behavior", "Behavior type", "Time") if name != gone), False)
      for gone in ("Observation id", "Subject", "Behavior", "Behavior type", "Time")),
])
def test_a_table_of_events_is_known_by_its_first_row(header: tuple[str, ...], expected: bool) -> None:
    assert is_tabular(Sheet(path=Path("a.csv"), header=header, delimiter=",", encoding="utf-8")) is expected


def test_columns_of_boris_itself_are_no_variables(tmp_path: Path) -> None:
    cells = {"Observation id": "", "Subject": "K", "Behavior": "wd", "Behavior type": "start", "Time": " 0 ", "arm": "b",
             "Modifier #1": "mX", "Modifier #2": "X", "Status": "none", "Comment": "c",
             "Modifiers": "", "": "nameless"}
    names = [*KNOWN, "arm", "Modifier #1", "Modifier #2", ""]
    rows = [names, [cells.get(name, "?") for name in names],
            [(cells | {"Behavior type": "", "Status": "stop", "Time": "-0.5", "Behavioral category": ""}).get(name, "?")
             for name in names],
            [(cells | {"Observation id": "two", "Subject": "No focal subject", "Behavior type": "x"}).get(name, "?")
             for name in names]]
    log = ProblemLog()
    sheet = open_tabular(table(tmp_path / "e.tsv", rows), problems=log)
    assert sheet.header == (*COLUMNS, "variable: arm")
    assert list(sheet.rows()) == []
    assert told(log, "e.tsv") == [problem(1, "open"), problem(2, "stop"), problem(3, "status", "X")]
    rows[1][names.index("Time")] = "-0.75"
    sheet = open_tabular(table(tmp_path / "e.tsv", rows), problems=ProblemLog())
    assert list(sheet.rows()) == [
        (1, ["", "K", "wd", "?", "mX|X", "wd|mX|X", "STATE", "-0.75", "-0.5", "c", "c", "b"])]
    assert (sheet.what, sheet.notes) == ("BORIS table of events", ("3 events; 1 START and STOP made one row",))


def test_a_smallest_table_and_what_its_preamble_states(tmp_path: Path) -> None:
    preamble = [["Observation id", "one"], ["site", "left out"], ["Independent Variables", ""], ["variable", "value"],
                [" arm ", " a "], ["", "nobody"], ["value", "variable"]]
    rows = [["Time", "Behavior", "Status"], ["3", "wd", "Start"], ["5", "wd", "START"], ["6", "wd", "STOP"], ["0", "wd", "STOP"],
            ["0.5", "cf", "START"], ["0", "cf", "START"]]
    log = ProblemLog()
    sheet = open_tabular(table(tmp_path / "e.tsv", [*preamble, *rows]), problems=log)
    assert sheet.header == (*COLUMNS, "variable: arm", "variable: value")
    assert list(sheet.rows()) == [
        (2, ["one", "", "wd", "", "", "wd", "STATE", "5", "6", "", "", "a", "variable"])]
    assert [line[:2] for line in told(log, "e.tsv")] == [
        (1, "START without STOP"), (4, "STOP without START"), (5, "START without STOP"), (6, "START without STOP")]
    assert [line[3] for line in told(log, "e.tsv")] == [
        "'wd': the behaviour begins again before it ends; mend it in BORIS", PROBLEMS["stop"][2],
        "'cf': the behaviour begins and never ends; mend it in BORIS",
        "'cf': the behaviour begins again before it ends; mend it in BORIS"]
    log = ProblemLog()
    two = [["Observation id", "one"], ["Time", "Behavior"], ["1", "wd"]]
    assert list(open_tabular(table(tmp_path / "e.tsv", two), problems=log).rows()) == []
    assert told(log, "e.tsv") == [problem(1, "status", "no status")]


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
