"""Bad input gets a sentence, never a traceback from inside: every kind, through the command line.

What is checked of each: the exit code, that standard error begins with our name and says what was found, and that
nothing of Python's own shows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rupturekit.analysis import analyse
from rupturekit.cli import main
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding
from rupturekit.errors import RecordError
from rupturekit.pseudonyms import crosswalk, pseudonymise
from rupturekit.segmentation import segment
from rupturekit.state_machine import load_model
from rupturekit.traces import trace, trace_cohort

HEADER = "row_id,dyad,session,track,party,code,onset"
ROWS = ["1,D1,1,r1,client,wd,0", "2,D1,1,r1,therapist,invite,30.5"]
MODEL = """
format = 1
name = "own"
title = "Own"
source = "us"
type = "any"
[[states]]
name = "a"
phase = "rupture"
initial = true
evidence = "assumption"
[[states]]
name = "b"
phase = "repair"
end = true
evidence = "assumption"
[[transitions]]
from = "a"
to = "b"
when = { party = "PARTY", function = "self_assertion" }
evidence = "assumption"
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    (folder / "data").mkdir(parents=True)
    (folder / "rupturekit.toml").write_text('format = 1\nname = "x"\n[coding]\ncodebook = "stages"\n')
    (folder / "dataset_description.json").write_text('{"name": "x"}')
    moves(folder).write_text("\n".join([HEADER, *ROWS]) + "\n")
    return folder


def moves(folder: Path) -> Path:
    return folder / "data" / "study-x_table-moves_data.csv"


def sessions(folder: Path, *rows: str) -> None:
    (folder / "data" / "study-x_table-sessions_data.csv").write_text(
        "\n".join(["dyad,session,day,attended,duration", *rows]) + "\n")


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main([str(argument) for argument in arguments])
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert len(err) < 20_000
    return code, err


def test_a_good_study_passes(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "check", study)[0] == 0


def a_directory(folder: Path) -> None:
    moves(folder).unlink()
    moves(folder).mkdir()


def with_rows(*rows: str) -> Callable[[Path], object]:
    return lambda folder: moves(folder).write_text("\n".join([HEADER, *ROWS, *rows]) + "\n")


def with_bytes(content: bytes) -> Callable[[Path], object]:
    return lambda folder: moves(folder).write_bytes(content)


def with_settings(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "rupturekit.toml").write_text(text)


KINDS: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "missing file": (lambda folder: moves(folder).unlink(), 3, "the one table a study needs"),
    "a directory": (a_directory, 3, "is a folder"),
    "empty": (with_bytes(b""), 3, "empty"),
    "NUL": (with_bytes((HEADER + "\n1,D1\x00,1,r1,client,wd,0\n").encode()), 3, "NUL"),
    "wrong encoding": (with_bytes((HEADER + "\n1,Dä,1,r1,client,wd,0\n").encode("cp1252")), 3, "utf-8"),
    "ragged": (with_rows("3,D1,1"), 1, "wrong number of cells"),
    "duplicate header": (with_bytes(b"row_id,dyad,dyad\n1,D1,D1\n"), 1, "dyad"),
    "a cell of 20 MB": (with_rows("3," + "x" * 20_000_000 + ",1,r1,client,wd,9"), 1, "row too long"),
    "a time outside the session": (lambda folder: sessions(folder, "D1,1,0,yes,10"), 1, "outside the session"),
    "a session twice": (lambda folder: sessions(folder, "D1,1,0,yes,99", "D1,1,7,yes,99"), 1, "overlapping sessions"),
    "sessions in the wrong order": (lambda folder: sessions(folder, "D1,1,9,yes,99", "D1,2,3,yes,99"), 1,
                                    "overlapping sessions"),
    "an unknown code": (with_rows("3,D1,1,r1,client,invit,60"), 1, "unknown code 'invit'"),
    "a third party": (with_rows("3,D1,1,r1,mother,wd,60"), 1, "unknown party 'mother'"),
    "three parties declared": (with_settings('format = 1\nname = "x"\n[coding]\ncodebook = "stages"\n'
                                             'parties = ["client", "therapist", "mother"]\n'), 1, "two parties"),
    "a newer format": (with_settings('format = 2\nname = "x"\n[coding]\ncodebook = "stages"\n'), 1, "upgrade"),
    "settings that are no TOML": (with_settings("format = "), 1, "not a settings file"),
    "an unknown track": (lambda _: None, 1, "there is no track 'r9'; known: r1"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_study_folder_with(kind: str, study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, code, text = KINDS[kind]
    spoil(study)
    command = ["trace", study, "--model", "withdrawal-2000", *(["--track", "r9"] if "track" in kind else [])]
    ended, err = said(capsys, *command)
    assert ended == code
    assert text.casefold() in err.casefold()
    assert any(line.startswith("rupturekit: ") for line in err.splitlines())


def test_no_permission(study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    ended, err = said(capsys, "check", study)
    assert (ended, "no permission to read" in err) == (3, True)


def test_the_nearest_code_is_named(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_rows("3,D1,1,r1,client,invit,60")(study)
    assert "did you mean 'invite'" in said(capsys, "check", study)[1]


def test_a_million_bad_cells_do_not_flood(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_rows(*(f"{row},D1,1,r1,client,zz{row},60" for row in range(3, 5_000)))(study)
    ended, err = said(capsys, "check", study)
    assert ended == 1
    assert "4,997 problems" in err


@pytest.mark.parametrize(("text", "told"), [
    (MODEL.replace("PARTY", "mother"), "speaks of mother"),
    (MODEL.replace("PARTY", "client") + '[[states]]\nname = "c"\nphase = "repair"\nend = true\nevidence = "assumption"\n',
     "no path leads from 'a' to 'c'"),
    (MODEL.replace('to = "b"', 'to = "bb"'), "did you mean 'b'"),
    (MODEL.replace('phase = "repair"', 'phase = "repairr"'), "did you mean 'repair'"),
    ("format = 1", "name: is missing"),
    ("[[[", "not a process model file"),
])
def test_a_model_that_cannot_run(text: str, told: str, study: Path, tmp_path: Path,
                                 capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    ended, err = said(capsys, "trace", study, "--model", file)
    assert ended == 1
    assert told in err


@pytest.mark.parametrize("make", [
    lambda path: None,
    lambda path: path.mkdir(),
    lambda path: path.write_bytes(b"\xff\xfe\xfa"),
    lambda path: path.write_bytes(b"x" * 3_000_000),
])
def test_a_model_file_that_cannot_be_read(make: Callable[[Path], object], study: Path, tmp_path: Path,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.toml"
    make(file)
    ended, err = said(capsys, "trace", study, "--model", file)
    assert ended == 3
    assert err.count("rupturekit: ") == 1


@pytest.mark.parametrize(("cell", "told"), [
    ("=1+1", "formula"),
    ("someone", "models dyads"),
])
def test_a_sheet_with(cell: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet, mapping = tmp_path / "s.csv", tmp_path / "m.toml"
    sheet.write_text(f"dyad,who,time,code\nD1,{cell},0,wd\n")
    mapping.write_text('format = 1\nname = "n"\n[coding]\ncodebook = "stages"\ntime = "clock"\n[file]\nbad_rows = "refuse"\n'
                       '[fields.dyad]\ncolumn = "dyad"\n[fields.session]\nconstant = 1\n[fields.track]\n'
                       'constant = "r1"\n[fields.party]\ncolumn = "who"\n[fields.onset]\ncolumn = "time"\n'
                       'format = "seconds"\n[fields.code]\ncolumn = "code"\n')
    ended, err = said(capsys, "check", sheet, "--mapping", mapping)
    assert ended == 1
    assert told in err


def test_a_rule_in_another_kind_of_time_is_refused_by_check_as_by_trace(
        study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (study / "rupturekit.toml").open("a", encoding="utf-8") as settings:
        settings.write('[analysis]\nmodel = "withdrawal-2000"\n[analysis.segmentation]\nname = "own"\ngap_turns = 12\n')
    told = []
    for command in ("check", "trace"):
        assert main([command, str(study)]) == 1
        told.append(capsys.readouterr().err)
    assert "the gap is stated in turns, but this study records clock time; state it in seconds" in told[0]
    assert told[0].splitlines()[0] in told[1]
    settings_file = study / "rupturekit.toml"
    settings_file.write_text(settings_file.read_text(encoding="utf-8").replace("gap_turns", "gap_seconds"), encoding="utf-8")
    assert main(["check", str(study)]) == 0
    assert "it closes after 12 s without such a move" in capsys.readouterr().out


BOOK, MODELS = load_codebook("stages"), load_model("withdrawal-2000")
NOTHING = Cohort.of([], coding=Coding(codebook=BOOK))
COLUMNS = {"dyad": ["D1"], "code": ["wd"]}
WRONG_KINDS: dict[str, tuple[Callable[[], object], str]] = {
    "columns": (lambda: Cohort.of(COLUMNS, coding=Coding(codebook=BOOK)),    # type: ignore[arg-type]
                "expected Move objects, a table or a data frame but got dict; make a data frame of the columns"),
    "text": (lambda: Cohort.of("abc", coding=Coding(codebook=BOOK)),    # type: ignore[arg-type]
             "expected Move objects, a table or a data frame but got str"),
    "number": (lambda: Cohort.of(3, coding=Coding(codebook=BOOK)),    # type: ignore[arg-type]
               "expected Move objects, a table or a data frame but got int"),
    "rows": (lambda: Cohort.of([COLUMNS], coding=Coding(codebook=BOOK)),    # type: ignore[list-item]
             "expected Move objects, a table or a data frame but got dict among them"),
    "no episode": (lambda: trace("x", MODELS), "expected an episode but got str.*trace_cohort"),    # type: ignore[arg-type]
    "no model": (lambda: trace_cohort(NOTHING, None), "expected a process model but got NoneType"),    # type: ignore[arg-type]
    "no codebook": (lambda: Coding(codebook=3), "expected a codebook but got int"),    # type: ignore[arg-type]
    "no coding": (lambda: Cohort.of([], coding=BOOK),    # type: ignore[arg-type]
                  r"expected a coding but got Codebook; use Coding\(codebook=...\)"),
    "a model": (lambda: trace_cohort(MODELS, MODELS), "expected a cohort but got StateMachine"),    # type: ignore[arg-type]
    "to segment": (lambda: segment("demo"), "expected a cohort but got str; "),    # type: ignore[arg-type]
    "a path": (lambda: analyse("demo"),    # type: ignore[arg-type]
               r"expected a study or a cohort but got str; read a study folder with read_study\(path\) first"),
    "none": (lambda: pseudonymise(None, key=b"k" * 16), "expected a study or a cohort but got NoneType"),    # type: ignore[call-overload]
    "no names": (lambda: crosswalk(None, key=b"k" * 16), "expected a study or a cohort but got"),    # type: ignore[arg-type]
}


@pytest.mark.parametrize(("call", "says"), WRONG_KINDS.values(), ids=WRONG_KINDS)
def test_an_argument_of_another_kind_is_a_sentence(call: Callable[[], object], says: str) -> None:
    with pytest.raises(RecordError, match=says):
        call()
