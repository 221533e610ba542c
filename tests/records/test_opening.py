"""Files of every kind arrive at the same corridor: init proposes a mapping, trace runs it, limits hold."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas
import pyreadstat
import pytest

from rupturekit.cli import main
from rupturekit.errors import FileProblem, RuptureKitError
from rupturekit.records.bounded import Limits
from rupturekit.records.foreign import read_table
from rupturekit.records.mapping import mapping_text, parse_mapping
from rupturekit.records.opening import Wanted, kind_of_file, open_table
from rupturekit.records.sniff import propose_mapping

ROWS = [("D1", "client", "wd", 10.5), ("D1", "therapist", "invite", 20.25), ("D1", "client", "stay", 31.0)]
ELAN = """<?xml version="1.0"?><ANNOTATION_DOCUMENT FORMAT="3.0"><TIME_ORDER>{slots}</TIME_ORDER>{tiers}
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="t"/></ANNOTATION_DOCUMENT>"""


def excel(folder: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(["case", "who", "code", "time", "seen"])
    for case, who, code, at in ROWS:
        book.active.append([case, who, code, datetime.timedelta(seconds=at), datetime.date(2021, 1, 2)])
    book.create_sheet("Other")
    book.save(folder / "s.xlsx")
    return folder / "s.xlsx"


def spss(folder: Path) -> Path:
    frame = pandas.DataFrame(ROWS, columns=["case", "who", "code", "start_s"])
    pyreadstat.write_sav(frame, str(folder / "s.sav"))
    return folder / "s.sav"


def boris(folder: Path) -> Path:
    (folder / "s.boris").write_text(json.dumps({
        "behaviors_conf": {str(n): {"code": row[2], "type": "Point event"} for n, row in enumerate(ROWS)},
        "observations": {"D1": {"events": [[at, who, code, "", "free text"] for _, who, code, at in ROWS]}}}))
    return folder / "s.boris"


def events(folder: Path) -> Path:
    lines = ["Observation id\tSubject\tBehavior\tBehavior type\tTime\tComment",
             *(f"{case}\t{who}\t{code}\tPOINT\t{at}\tfree text" for case, who, code, at in ROWS)]
    (folder / "s.tsv").write_text("\n".join(lines) + "\n")
    return folder / "s.tsv"


def elan(folder: Path) -> Path:
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="s{n}" TIME_VALUE="{at * 1000:.0f}"/><TIME_SLOT TIME_SLOT_ID="e{n}" '
                    f'TIME_VALUE="{at * 1000 + 500:.0f}"/>' for n, (_, _, _, at) in enumerate(ROWS))
    tiers = "".join(f'<TIER TIER_ID="{who}" LINGUISTIC_TYPE_REF="t"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{n}" '
                    f'TIME_SLOT_REF1="s{n}" TIME_SLOT_REF2="e{n}"><ANNOTATION_VALUE>{code}</ANNOTATION_VALUE>'
                    "</ALIGNABLE_ANNOTATION></ANNOTATION></TIER>" for n, (_, who, code, _) in enumerate(ROWS))
    (folder / "s.eaf").write_text(ELAN.format(slots=slots, tiers=tiers))
    return folder / "s.eaf"


KINDS: dict[str, Callable[[Path], Path]] = {"excel": excel, "spss": spss, "boris": boris, "text": events, "elan": elan}


@pytest.mark.parametrize("kind", KINDS)
def test_init_and_trace_just_work(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = KINDS[kind](tmp_path)
    assert kind_of_file(path) == kind
    mapping = tmp_path / "mapping.toml"
    assert main(["init", str(path), "-o", str(mapping)]) == 0
    said = capsys.readouterr()
    assert "3 rows = 3 moves + 0 rows left out" in said.out
    assert "2021" not in said.out + said.err + mapping.read_text()
    assert main(["trace", str(path), "--mapping", str(mapping), "--model", "withdrawal-2000", "--opens",
                 "withdrawal_marker"]) == 0, capsys.readouterr().err
    study = read_table(path, mapping)
    assert [(move.party, move.code, move.onset) for move in study.cohort.moves] == [
        (who, code, round(at * 10**6)) for _, who, code, at in ROWS]
    assert study.losses is not None
    assert study.losses.balanced


def test_a_file_is_known_by_its_first_bytes_whatever_its_name(tmp_path: Path) -> None:
    for kind, make in KINDS.items():
        path = make(tmp_path)
        renamed = path.rename(tmp_path / f"{kind}.dat")
        assert kind_of_file(renamed) == kind
    assert kind_of_file(tmp_path / "absent.xlsx") == "excel"
    assert kind_of_file(tmp_path) == "text"
    named = tmp_path / "a.eaf"
    named.write_text("  ")
    assert kind_of_file(named) == "elan"


def test_a_file_that_may_not_be_looked_at_is_refused_by_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = events(tmp_path)
    monkeypatch.setattr(Path, "open", refused)
    assert kind_of_file(path) == "text"


@pytest.mark.parametrize("name", ["none.xlsx", "none.sav", "none.boris", "none.eaf", "none.csv"])
def test_a_file_that_is_not_there_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="there is no such file"):
        open_table(tmp_path / name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").mkdir()
    with pytest.raises(FileProblem, match="is a folder"):
        open_table(tmp_path / "a.xlsx")


@pytest.mark.parametrize(("kind", "wanted", "says"), [
    ("elan", Wanted(delimiter=";"), "delimiter stands under .file. of the mapping, but is for delimited text"),
    ("boris", Wanted(encoding="cp1252"), "encoding stands under"), ("excel", Wanted(labels=False), "is for SPSS files"),
    ("text", Wanted(sheet="Events"), "is for Excel workbooks"),
])
def test_what_a_mapping_says_of_the_file_goes_with_its_kind(kind: str, wanted: Wanted, says: str, tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=says):
        open_table(KINDS[kind](tmp_path), wanted=wanted)


@pytest.mark.parametrize(("kind", "limits"), [
    ("excel", Limits(file=100)), ("spss", Limits(file=100)), ("boris", Limits(text=100)), ("elan", Limits(xml=100)),
    ("text", Limits(file=100))])
def test_limits_are_given_by_keyword(kind: str, limits: Limits, tmp_path: Path) -> None:
    path = KINDS[kind](tmp_path)
    proposed = propose_mapping(path)
    for call in (lambda: propose_mapping(path, limits=limits),
                 lambda: read_table(path, parse_mapping(proposed.text, folder=tmp_path), limits=limits)):
        with pytest.raises(FileProblem, match="may have at most 100 bytes"):
            call()


def test_a_csv_that_begins_like_a_table_of_events_and_is_none_is_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("Observation id,Description,code\nD1,x,wd\n")
    assert list(open_table(path).rows()) == [(1, ["D1", "x", "wd"])]
    path.write_text("Observation id,Description;code\nD1;wd\n")
    assert list(open_table(path, wanted=Wanted(delimiter=";")).rows()) == [(1, ["D1", "wd"])]


def test_a_mapping_with_sheet_and_labels_reads_back_equal() -> None:
    text = ('format = 1\nname = "x"\ncoding = { codebook = "stages", time = "order" }\n'
            'file = { bad_rows = "refuse", sheet = "Blatt 1 ", labels = true }\n'
            "fields = { dyad.constant = 1, session.constant = 1, code.column = \"c\" }\n")
    mapping = parse_mapping(text)
    assert (mapping.sheet, mapping.labels) == ("Blatt 1 ", True)
    assert parse_mapping(mapping_text(mapping)) == mapping


# What is proposed

def test_a_proposal_says_what_the_file_is_and_asks_what_only_people_know(tmp_path: Path) -> None:
    proposal = propose_mapping(boris(tmp_path))
    assert proposal.found[0] == "BORIS project, format not stated"
    assert any(question.startswith("is each observation a dyad of its own") for question in proposal.questions)
    assert "comment" not in proposal.text
    assert "dyad (pair" not in proposal.text
    sheet = propose_mapping(excel(tmp_path))
    assert 'sheet = "Sheet"' in sheet.text
    assert "sheet 'Sheet' was read, not 'Other'" in " ".join(sheet.found)
    document = propose_mapping(elan(tmp_path))
    assert '[fields.party]\ncolumn = "tier"' in document.text
    assert '[fields.rater]' not in document.text    # nobody is named, so the column is empty


def test_labels_can_be_asked_for(tmp_path: Path) -> None:
    frame = pandas.DataFrame(ROWS, columns=["case", "who", "code", "start_s"])
    frame["who"] = frame["who"].map({"client": 1.0, "therapist": 2.0})
    text = propose_mapping(spss(tmp_path)).text.replace('bad_rows = "refuse"', 'bad_rows = "refuse"\nlabels = true')
    pyreadstat.write_sav(frame, str(tmp_path / "s.sav"), variable_value_labels={"who": {1: "client", 2: "therapist"}})
    study = read_table(tmp_path / "s.sav", parse_mapping(text))
    assert [move.party for move in study.cohort.moves] == ["client", "therapist", "client"]
    assert ("value labels were not read: who; to read them in the place of codes, say labels = true under [file]"
            in propose_mapping(tmp_path / "s.sav").found)


# Real files, where they are

@pytest.mark.shared
@pytest.mark.parametrize("name", ["data/boris/test.boris", "data/boris/test2.boris", "data/boris/test_export_events_tabular.tsv",
                                  "data/eaf/sample_2.8.eaf", "data/eaf/sample_3.0.eaf", "data/eaf/example.eaf"])
def test_real_files_are_read_and_account_for_every_row(name: str, shared_file: Callable[[str], Path],
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    path = shared_file(name)
    proposal = propose_mapping(path)
    sheet = open_table(path)
    try:
        rows = sum(1 for _ in sheet.rows())
        told = ""
    except RuptureKitError as error:
        rows, told = 0, str(error)
    with capsys.disabled():
        print(f"\n{name}: {rows} rows; {told}\n{proposal.trial}")
    assert proposal.rows or told
