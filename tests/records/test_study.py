"""The study folder: written, read, rewritten byte for byte; and every way in which reading it can fail."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rupturekit as rk
import strategies as own
from rupturekit.codebooks import parse_codebook
from rupturekit.episode import ContextEvent, Dyad, EpisodeRow, NeedStatement, Rating, Track
from rupturekit.errors import CodingWarning, DefinitionError, FileProblem, InvalidRecords, RecordError
from rupturekit.records.study import TABLES, read_study, settings_text, write_study
from rupturekit.vocabulary import TimeKind, TrackKind

STAGES = rk.load_codebook("stages")


def small_study(**more: object) -> rk.Study:
    moves = [rk.Move(row_id=at, dyad="D1", session=1, track="r1", party="client", code="wd", onset=rk.seconds(at * 1.5))
             for at in range(4)]
    episode = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1,
                         end=rk.seconds(4))
    cohort = rk.Cohort.of(moves, coding=rk.Coding(codebook=STAGES), episodes=[episode], **more)  # type: ignore[arg-type]
    return rk.Study(name="demo", cohort=cohort)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "demo"
    write_study(small_study(), path)
    return path


def moves_file(folder: Path) -> Path:
    return folder / "data" / "study-demo_table-moves_data.csv"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@st.composite
def cohorts(draw: st.DrawFn) -> rk.Cohort:
    """Draw a cohort with rows in every table."""
    drawn = draw(own.parts(tracks=("r1", "r2")))
    needs = [attrs.evolve(need, party=drawn.coding.parties[0])
             for need in draw(st.lists(own.records(NeedStatement), max_size=2))]
    return rk.Cohort.of(
        drawn.moves, coding=drawn.coding, sessions=drawn.sessions, observed=drawn.observed, episodes=drawn.episodes,
        members=drawn.members, labels=drawn.labels, needs=needs,
        dyads=draw(st.lists(own.records(Dyad), max_size=2, unique_by=lambda one: one.dyad)), ratings=draw(st.lists(own.records(Rating), max_size=2)),
        context=draw(st.lists(own.records(ContextEvent), max_size=2, unique_by=lambda one: one.event)))


# --- laws ------------------------------------------------------------------------------------------------------


@given(cohorts())
def test_a_cohort_comes_back_from_its_folder(cohort: rk.Cohort) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        write_study(rk.Study(name="law", cohort=cohort), path / "a")
        back = read_study(path / "a")
        assert attrs.evolve(back.cohort, columns=back.cohort.coded) == attrs.evolve(
            cohort, columns=cohort.coded, rule="coders")


@given(cohorts())
def test_a_folder_we_wrote_is_rewritten_byte_for_byte(cohort: rk.Cohort) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        write_study(rk.Study(name="law", cohort=cohort), path / "a")
        write_study(read_study(path / "a"), path / "b")
        assert everything(path / "a") == everything(path / "b")


# --- what is written -------------------------------------------------------------------------------------------


def test_the_description_names_every_column_that_is_there(folder: Path) -> None:
    said = json.loads((folder / "dataset_description.json").read_text())
    named = {one["name"] for one in said["variableMeasured"]}
    for file in (folder / "data").iterdir():
        assert set(file.read_text().splitlines()[0].split(",")) <= named
    assert said["@type"] == "Dataset"
    assert said["name"] == "demo"


def test_only_tables_with_rows_are_written_and_the_moves(tmp_path: Path) -> None:
    write_study(rk.Study(name="none", cohort=rk.Cohort.of([], coding=rk.Coding(codebook=STAGES))), tmp_path / "none")
    assert [file.name for file in (tmp_path / "none" / "data").iterdir()] == ["study-none_table-moves_data.csv"]
    assert len(read_study(tmp_path / "none").cohort.moves) == 0


def test_a_table_that_lost_its_rows_leaves_no_old_file_behind(folder: Path) -> None:
    study = read_study(folder)
    bare = rk.Cohort.of(study.cohort.moves, coding=study.cohort.coding)
    write_study(attrs.evolve(study, cohort=bare), folder, overwrite=True)
    assert len(read_study(folder).cohort.coded) == 0


def test_a_formula_is_neutralised_in_the_file_and_restored_on_reading(tmp_path: Path) -> None:
    move = rk.Move(row_id=1, dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, note="=1+1")
    study = rk.Study(name="f", cohort=rk.Cohort.of([move], coding=rk.Coding(codebook=STAGES)))
    write_study(study, tmp_path / "f")
    assert ",'=1+1" in (tmp_path / "f" / "data" / "study-f_table-moves_data.csv").read_text()
    assert read_study(tmp_path / "f").cohort == study.cohort


def test_a_codebook_of_ones_own_travels_with_the_study(tmp_path: Path) -> None:
    mine = parse_codebook('format = 1\nname = "mine"\ntitle = "M"\n[[codes]]\ncode = "a"\nlabel = "A"')
    move = rk.Move(row_id=1, dyad="D1", session=1, track="r1", party="client", code="a", onset=0)
    study = rk.Study(name="own", cohort=rk.Cohort.of([move], coding=rk.Coding(codebook=mine)))
    write_study(study, tmp_path / "own")
    assert (tmp_path / "own" / "mine.codebook.toml").exists()
    assert read_study(tmp_path / "own").cohort == study.cohort


def test_tracks_and_segments_are_said_in_the_settings() -> None:
    coding = rk.Coding(codebook=STAGES, time=TimeKind.SEGMENT, segment=60_000_000)
    cohort = rk.Cohort.of([], coding=coding, tracks=[Track(name="both", kind=TrackKind.CONSENSUS, rule="mean > 1")])
    text = settings_text(cohort, name="x")
    assert "segment_seconds = 60" in text
    assert 'kind = "consensus"' in text
    assert 'rule = "mean > 1"' in text


def test_a_study_shows_as_its_cohort() -> None:
    study = small_study()
    assert study.name in study._repr_html_()
    assert repr(study) == f"Study({study.name!r}, {study.cohort!r})"
    assert str(study).splitlines()[1:] == str(study.cohort).splitlines()


# --- what is refused on writing --------------------------------------------------------------------------------


def test_a_folder_with_something_in_it_is_not_written_over(folder: Path) -> None:
    with pytest.raises(FileProblem, match="not empty; name a new one, or say overwrite=True"):
        write_study(small_study(), folder)
    write_study(small_study(), folder, overwrite=True)


def test_overwrite_spares_folders_that_are_no_study(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(FileProblem, match="not empty; name a new one$"):
        write_study(small_study(), tmp_path, overwrite=True)


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(FileProblem, match="there is a file of this name"):
        write_study(small_study(), tmp_path / "x")


def test_no_permission_to_write_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(FileProblem, match=r"cannot be written here \(Permission denied\)"):
        write_study(small_study(), tmp_path / "x")


def test_settings_that_describe_another_coding_are_refused(tmp_path: Path) -> None:
    other = settings_text(rk.Cohort.of([], coding=rk.Coding(codebook=STAGES, parties=("a", "b"))), name="x")
    with pytest.raises(DefinitionError, match="describe another coding"):
        write_study(attrs.evolve(small_study(), settings=other), tmp_path / "x")


# --- what is refused on reading --------------------------------------------------------------------------------


def test_a_missing_folder_names_the_nearest(folder: Path) -> None:
    with pytest.raises(FileProblem, match="there is no such folder; did you mean 'demo'"):
        read_study(folder.parent / "dmeo")


def test_a_missing_folder_in_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="there is no such folder$"):
        read_study(tmp_path / "a" / "b")


def test_a_sheet_is_sent_to_init(folder: Path) -> None:
    with pytest.raises(FileProblem, match="rupturekit init FILE"):
        read_study(moves_file(folder))


def test_a_folder_without_settings_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match=r"no rupturekit\.toml here"):
        read_study(tmp_path)


def test_a_folder_without_moves_says_so(folder: Path) -> None:
    moves_file(folder).unlink()
    with pytest.raises(FileProblem, match="the one table a study needs"):
        read_study(folder)


def test_a_folder_without_data_says_so(folder: Path) -> None:
    for file in (folder / "data").iterdir():
        file.unlink()
    (folder / "data").rmdir()
    with pytest.raises(FileProblem, match="the one table a study needs"):
        read_study(folder)


def test_two_moves_tables_are_one_too_many(folder: Path) -> None:
    (folder / "data" / "study-other_table-moves_data.csv").write_text("row_id\n")
    with pytest.raises(FileProblem, match="two moves tables"):
        read_study(folder)


def test_strange_files_are_left_alone_and_told(folder: Path) -> None:
    (folder / "data" / "study-demo_table-mowes_data.csv").write_text("x\n")
    (folder / "data" / "notes.csv").write_text("x\n")
    with pytest.warns(CodingWarning) as told:
        read_study(folder)
    texts = [str(one.message) for one in told]
    assert any("did you mean 'moves'" in text for text in texts)
    assert any("notes.csv" in text for text in texts)


def test_strange_columns_are_told(folder: Path) -> None:
    file = moves_file(folder)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0] + ",salience", *(line + ",3" for line in lines[1:])]) + "\n")
    with pytest.warns(CodingWarning, match="are not read: salience"):
        read_study(folder)


def test_columns_that_may_be_absent_may_be_left_out(folder: Path) -> None:
    moves_file(folder).write_text("row_id,dyad,session,track,code,onset\n1,D1,1,r1,wd,0\n")
    (folder / "data" / "study-demo_table-members_data.csv").unlink()
    move = read_study(folder).cohort.moves[0]
    assert (move.party, move.tie, move.status) == (None, 0, "coded")


def test_a_missing_description_is_a_warning(folder: Path) -> None:
    (folder / "dataset_description.json").unlink()
    with pytest.warns(CodingWarning, match="not a Psych-DS data set yet"):
        assert read_study(folder).name == "demo"


@pytest.mark.parametrize(("text", "said"), [
    ("{", "not JSON"),
    ("[" * 100_000, "not JSON"),
    ("[]", "expected an object in braces"),
    ('{"rupturekitFormat": 2}', "written in format 2.*upgrade rupturekit"),
    ('{"rupturekitFormat": "x"}', "written in format 'x'"),
])
def test_a_bad_description_is_a_sentence(folder: Path, text: str, said: str) -> None:
    (folder / "dataset_description.json").write_text(text)
    with pytest.raises(DefinitionError, match=said):
        read_study(folder)


@pytest.mark.parametrize(("text", "said"), [
    ('name = "x"', "format: is missing"),
    ('format = 2\nname = "x"\n[coding]\ncodebook = "stages"', "upgrade to read newer"),
    ('format = 1\nname = "x"', r"coding: is missing; expected \[coding\]"),
    ('format = 1\nname = "x"\n[coding]\ncodebook = "../secret.toml"', "is a path; expected the name"),
    ('format = 1\nname = "x"\n[coding]\ncodebook = ".hidden"', "is a path"),
    ('format = 1\nname = "x"\n[coding]\ncodebook = "stage"', "did you mean 'stages'"),
    ('format = 1\nname = "x"\n[coding]\ncodebook = "none.toml"', "there is no such codebook file"),
    ('format = 1\nname = "x"\n[coding]\ncodebook = "stages"\nparties = ["a", "b", "c"]', "expected two parties but got 3"),
    ('format = 1\nname = "x"\n[coding]\ncodebook = "stages"\ntime = "segment"', "states their length"),
    ('format = 1\nname = "x"\n[coding]\ncodebok = "stages"', "did you mean 'codebook'"),
    ('format = 1\nname = "x"\n[[tracks]]\nkind = "rate"\n[coding]\ncodebook = "stages"', "tracks.*kind"),
])
def test_bad_settings_are_told_with_place_and_remedy(folder: Path, text: str, said: str) -> None:
    (folder / "rupturekit.toml").write_text(text)
    with pytest.raises(RecordError, match=said):
        read_study(folder)


@pytest.mark.parametrize(("cell", "at", "said"), [
    ("x", 0, "row_id: not a number 'x'"),
    ("", 0, "row_id: not allowed"),
    ("-1", 0, "expected at least 0"),
    (" D1", 1, "without blanks at either end"),
    ("1.5", 2, "session: not a number"),
    ("wx", 5, "code: unknown code 'wx'"),
    ("someone", 4, "party: unknown party 'someone'"),
    ("1_000", 6, "onset: not a time"),
    ("nan", 6, "onset: not a time"),
    ("0.0000001", 6, "onset: not a time"),
    ("0.5.1", 9, "rating: not a number"),
    ("coder", 12, "status: not allowed.*did you mean 'coded'"),
])
def test_a_bad_cell_is_told_with_row_field_and_value(folder: Path, cell: str, at: int, said: str) -> None:
    file = moves_file(folder)
    lines = file.read_text().splitlines()
    row = lines[2].split(",")
    row[at] = cell
    file.write_text("\n".join([*lines[:2], ",".join(row), *lines[3:]]) + "\n")
    with pytest.raises(InvalidRecords, match=said):
        read_study(folder)


def test_cell_and_row_problems_are_told_at_once(folder: Path) -> None:
    with moves_file(folder).open("a") as file:
        file.write("x,D1,1,r1,client,wd,0,,0,,,,coded,,,\n9,D1,1,r1,client,wx,0,,0,,,,coded,,,\n1,,,\n")
    with pytest.raises(InvalidRecords) as told:
        read_study(folder)
    assert told.value.count == 3
    assert {problem.kind for problem in told.value.problems} == {"not a number", "unknown code", "wrong number of cells"}


def test_a_missing_column_names_what_is_there(folder: Path) -> None:
    moves_file(folder).write_text("row_id,dyad,session,track,kode,onset\n1,D1,1,r1,wd,0\n")
    with (pytest.warns(CodingWarning), pytest.raises(InvalidRecords) as told):
        read_study(folder)
    assert any("the column 'code' is missing" in str(problem) for problem in told.value.problems)


@pytest.mark.parametrize("content", [b"", b"row_id\x00,x\n", b"PK\x03\x04rest", "row_id,dyäd\n".encode("cp1252")])
def test_files_that_are_no_table_are_a_sentence(folder: Path, content: bytes) -> None:
    moves_file(folder).write_bytes(content)
    with pytest.raises(FileProblem):
        read_study(folder)


def test_no_permission_to_read_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(FileProblem, match="no permission"):
        read_study(folder)


def test_every_table_has_a_record_class() -> None:
    assert set(TABLES) == {"moves", "sessions", "dyads", "observed", "episodes", "members", "needs", "ratings",
                           "context", "labels"}


@pytest.mark.parametrize(("name", "file"), [("Käthe Müller", "KatheMuller"), ("Straße Ørsted Łódź", "StrasseOrstedLodz"),
                                            ("ﬁve ①", "five1"), ("愛", "study")])
def test_file_names_keep_letters_without_their_marks(tmp_path: Path, name: str, file: str) -> None:
    study = attrs.evolve(small_study(), name=name)
    write_study(study, tmp_path / "s")
    assert f"study-{file}_table-moves_data.csv" in [one.name for one in (tmp_path / "s" / "data").iterdir()]
    assert read_study(tmp_path / "s").name == name


def test_tables_under_the_name_of_an_older_version_are_read_and_then_replaced(tmp_path: Path) -> None:
    study = attrs.evolve(small_study(), name="Käthe")
    write_study(study, tmp_path / "s")
    for file in (tmp_path / "s" / "data").iterdir():
        file.rename(file.with_name(file.name.replace("Kathe", "Kthe")))
    assert read_study(tmp_path / "s").cohort == study.cohort
    write_study(study, tmp_path / "s", overwrite=True)
    assert {file.name.split("_")[0] for file in (tmp_path / "s" / "data").iterdir()} == {"study-Kathe"}


def test_both_ways_to_write_over_a_study_are_told(folder: Path) -> None:
    with pytest.raises(FileProblem, match=r"or say overwrite=True \(on the command line --overwrite\) if it is a study"):
        write_study(small_study(), folder)
