"""The study folder: written, read, rewritten byte for byte; and every way in which reading it can fail."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rupturekit as rk
import strategies as own
from rupturekit.codebooks import parse_codebook
from rupturekit.episode import (
    ContextEvent,
    Dyad,
    EpisodeRow,
    Label,
    Member,
    NeedStatement,
    ObservedStretch,
    Rating,
    Session,
    Track,
)
from rupturekit.errors import (
    CodingWarning,
    DefinitionError,
    FileProblem,
    InvalidRecords,
    RecordError,
    RuptureKitError,
)
from rupturekit.records.study import TABLES, as_study, read_study, settings_text, write_study
from rupturekit.vocabulary import (
    Attendance,
    ContextKind,
    Layer,
    Need,
    NeedMode,
    Perspective,
    Status,
    TimeKind,
    TrackKind,
)

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


def whole_study() -> rk.Study:
    moves = [rk.Move(row_id=1, dyad="D1", session=1, track="r1", code="wd", onset=1_500_000),
             rk.Move(row_id=2, dyad="D1", session=1, track="r1", party="client", code="wd", onset=2_000_001, offset=3_000_000,
                     tie=2, rating=0.25, rater="@r", perspective=Perspective.OBSERVER, status=Status.REPORTED, source_row=7,
                     media=61_000_000, note='say "x", y')]
    cohort = rk.Cohort.of(
        moves, coding=rk.Coding(codebook=STAGES), tracks=[Track(name="r1", kind=TrackKind.CONSENSUS, rule="mean > 1")],
        sessions=[Session(dyad="D1", session=1, day=0, attended=Attendance.YES, duration=60_500_000)],
        dyads=[Dyad(dyad="D1", arm="a", outcome=-0.5)],
        observed=[ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=60_000_000)],
        episodes=[EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=4_000_000,
                             closed_by_outcome=True)], members=[Member(episode="E1", row_id=2)],
        needs=[NeedStatement(dyad="D1", party="client", need=Need.AGENCY, mode=NeedMode.WANTED, layer=Layer.MANIFEST)],
        ratings=[Rating(dyad="D1", session=1, perspective=Perspective.CLIENT, measure="WAI", value=5.5)],
        labels=[Label(subject_kind="move", subject="1", attribute="tone", value="low")],
        context=[ContextEvent(event="C1", dyad="D1", kind=ContextKind.HOLIDAY, day=-3)])
    return rk.Study(name="Bär 1", description="ä", cohort=cohort)


WHOLE = {
    "rupturekit.toml": """format = 1
name = "Bär 1"

[coding]
codebook = "stages"
parties = ["client", "therapist"]
time = "clock"

[[tracks]]
name = "r1"
kind = "consensus"
rule = "mean > 1"
""",
    "moves": """row_id,dyad,session,track,party,code,onset,offset,tie,rating,rater,perspective,status,source_row,media,note
1,D1,1,r1,,wd,1.5,,0,,,,coded,,,
2,D1,1,r1,client,wd,2.000001,3,2,0.25,'@r,observer,reported,7,61,"say ""x"", y"
""",
    "sessions": "dyad,session,day,attended,duration\nD1,1,0,yes,60.5\n",
    "dyads": "dyad,therapist,arm,outcome,therapy_end\nD1,,a,-0.5,\n",
    "observed": "dyad,session,track,start,end,codebook\nD1,1,r1,0,60,\n",
    "episodes": "episode,dyad,track,first_session,onset,last_session,end,rupture_type,party,source,closed_by,closed_by_outcome\n"
                "E1,D1,r1,1,0,1,4,,,coders,coders,yes\n",
    "members": "episode,row_id\nE1,2\n",
    "needs": "dyad,session,episode,party,need,mode,level,layer,awareness,perspective,rater,status,source\n"
             "D1,,,client,agency,wanted,,manifest,,,,reported,\n",
    "ratings": "dyad,session,perspective,measure,sampling,value,missing,rater\nD1,1,client,WAI,,5.5,,\n",
    "context": "event,dyad,kind,session,day,note\nC1,D1,holiday,,-3,\n",
    "labels": "subject_kind,subject,attribute,party,value,rater,perspective,status\nmove,1,tone,,low,,,coded\n",
}


def test_a_whole_folder_text_by_text(tmp_path: Path) -> None:
    write_study(whole_study(), tmp_path / "s")
    found = {name: content.decode() for name, content in everything(tmp_path / "s").items()}
    said = found.pop("dataset_description.json")
    assert found == {name if "." in name else str(Path("data", f"study-Bar1_table-{name}_data.csv")): text
                     for name, text in WHOLE.items()}
    assert said.startswith('{\n  "@context": "https://schema.org/",\n  "@type": "Dataset",\n  "name": "Bär 1",\n'
                           '  "description": "ä",\n  "rupturekitFormat": 1,\n  "variableMeasured": [\n    {\n      "@type"')
    assert said.endswith("]\n}\n")
    measured = [one["name"] for one in json.loads(said)["variableMeasured"]]
    columns = [column for name in TABLES for column in WHOLE[name].splitlines()[0].split(",")]
    assert measured == list(dict.fromkeys(columns))
    back = read_study(tmp_path / "s")
    assert (back.name, back.description, back.origin, back.settings) == ("Bär 1", "ä", "s", WHOLE["rupturekit.toml"])
    assert back.cohort == whole_study().cohort
    assert back.losses is None


def test_a_folder_of_turns_and_flags_text_by_text(tmp_path: Path) -> None:
    coding = rk.Coding(codebook=STAGES, time=TimeKind.TURN, parties=("a", "b"))
    move = rk.Move(row_id=1, dyad="D1", session=1, track="r1", party="b", code="wd", onset=3, offset=4, media=5)
    episode = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=9)
    cohort = rk.Cohort.of([move], coding=coding, episodes=[episode], dyads=[Dyad(dyad="D1")])
    write_study(rk.Study(name="t", cohort=cohort), tmp_path / "t")
    data = tmp_path / "t" / "data"
    assert (data / "study-t_table-moves_data.csv").read_text().splitlines()[1] == "1,D1,1,r1,b,wd,3,4,0,,,,coded,,5,"
    assert (data / "study-t_table-episodes_data.csv").read_text().splitlines()[1] == "E1,D1,r1,1,0,1,9,,,coders,coders,no"
    assert (tmp_path / "t" / "rupturekit.toml").read_text() == (
        'format = 1\nname = "t"\n\n[coding]\ncodebook = "stages"\nparties = ["a", "b"]\ntime = "turn"\n')
    said = json.loads((tmp_path / "t" / "dataset_description.json").read_text())
    assert said["description"] == "Coded psychotherapy sessions; days are offsets, people pseudonyms."
    assert sorted(file.name.split("-")[2] for file in data.iterdir()) == [
        "dyads_data.csv", "episodes_data.csv", "members_data.csv", "moves_data.csv"]
    assert read_study(tmp_path / "t").cohort == cohort


@pytest.mark.parametrize("seconds", ["60", "0.5", "0.000001", "7.250001"])
def test_segments_and_tracks_come_back_from_the_settings(tmp_path: Path, seconds: str) -> None:
    coding = rk.Coding(codebook=STAGES, time=TimeKind.SEGMENT, segment=round(float(seconds) * 1_000_000))
    tracks = [Track(name="a", kind=TrackKind.CONSENSUS), Track(name="b", rule="mean > 1"), Track(name="c")]
    cohort = rk.Cohort.of([], coding=coding, tracks=tracks)
    text = settings_text(cohort, name="x")
    assert text.partition("[coding]\n")[2] == (
        f'codebook = "stages"\nparties = ["client", "therapist"]\ntime = "segment"\nsegment_seconds = {seconds}\n'
        '\n[[tracks]]\nname = "a"\nkind = "consensus"\n\n[[tracks]]\nname = "b"\nkind = "rater"\nrule = "mean > 1"\n')
    write_study(rk.Study(name="x", cohort=cohort), tmp_path / "x")
    back = read_study(tmp_path / "x").cohort
    assert back.coding == coding
    assert [track for track in back.tracks if track.name != "c"] == tracks[:2]


def test_a_study_is_shown_in_one_line_and_in_many() -> None:
    study = small_study()
    assert (study.description, study.settings, study.losses, study.origin) == ("", "", None, "")
    assert str(study) == f"Study 'demo'\n{study.cohort}"
    assert "Study" in study._repr_html_().partition("demo")[0]
    assert "StudyXX" not in study._repr_html_()
    assert as_study(study, name="other") is study
    assert as_study(study.cohort, name="other") == rk.Study(name="other", cohort=study.cohort)
    with pytest.raises(RecordError, match="a study or a cohort"):
        as_study("demo", name="x")  # type: ignore[arg-type]


def test_defaults_are_left_to_the_settings(folder: Path) -> None:
    (folder / "rupturekit.toml").write_text('format = 1\nname = "from settings"\n[coding]\ncodebook = "stages"\n[analysis]\nx = 1\n')
    (folder / "dataset_description.json").write_text("{}")
    study = read_study(folder)
    assert (study.name, study.description) == ("from settings", "")
    assert study.cohort.coding == rk.Coding(codebook=STAGES)
    assert [(track.kind, track.rule) for track in study.cohort.tracks] == [(TrackKind.RATER, "")]
    (folder / "dataset_description.json").unlink()
    with pytest.warns(CodingWarning) as told:
        study = read_study(folder)
    assert (study.name, study.description) == ("from settings", "")
    assert [(str(one.message), one.filename) for one in told] == [
        ("demo: no dataset_description.json, so this is not a Psych-DS data set yet; writing the study adds it", __file__)]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    write_study(small_study(), tmp_path)
    assert read_study(tmp_path).cohort == small_study().cohort


def test_settings_that_are_no_toml_are_called_settings(tmp_path: Path) -> None:
    broken = attrs.evolve(small_study(), settings="format = ")
    with pytest.raises(DefinitionError, match=r"^rupturekit\.toml: not a settings file: "):
        write_study(broken, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_settings_that_a_study_brings_are_written_as_they_are(tmp_path: Path) -> None:
    text = 'format = 1\nname = "mine"    # as I like it\n[coding]\ncodebook = "stages"\n'
    write_study(attrs.evolve(small_study(), settings=text), tmp_path / "s")
    assert (tmp_path / "s" / "rupturekit.toml").read_text() == text


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
    tables = "moves, sessions, dyads, observed, episodes, members, needs, ratings, context, labels"
    assert [(str(one.message), one.filename) for one in told] == [
        (f"notes.csv: not a table of a study folder; it is left alone. Tables: {tables}", __file__),
        ("study-demo_table-mowes_data.csv: not a table of a study folder; did you mean 'moves'?; it is left alone. "
         f"Tables: {tables}", __file__)]
    write_study(small_study(), folder, overwrite=True)
    assert {"notes.csv", "study-demo_table-mowes_data.csv"} <= {file.name for file in (folder / "data").iterdir()}


def test_strange_columns_are_told(folder: Path) -> None:
    file = moves_file(folder)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0] + ",salience", *(line + ",3" for line in lines[1:])]) + "\n")
    with pytest.warns(CodingWarning, match="are not read: salience") as told:
        read_study(folder)
    assert [warning.filename for warning in told] == [__file__]    # that of whoever asked


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


@pytest.mark.parametrize(("letter", "plain"), [
    ("ß", "ss"), ("ø", "o"), ("Ø", "O"), ("æ", "ae"), ("Æ", "AE"), ("œ", "oe"), ("Œ", "OE"), ("ł", "l"), ("Ł", "L"), ("đ", "d"),
    ("Đ", "D"), ("ð", "d"), ("Ð", "D"), ("þ", "th"), ("Þ", "Th"), ("ı", "i"), ("é", "e"), ("Å", "A"), ("-", ""), ("_", ""),
    ("7", "7")])
def test_every_letter_of_a_name_has_plain_ones(tmp_path: Path, letter: str, plain: str) -> None:
    write_study(attrs.evolve(small_study(), name=f"a{letter}b"), tmp_path / "s")
    assert moves_file(tmp_path / "s").with_name(f"study-a{plain}b_table-moves_data.csv").exists()


@pytest.mark.parametrize("name", ["lab:mine", "stages"])
def test_a_codebook_that_is_not_the_one_of_its_name_is_written_beside(tmp_path: Path, name: str) -> None:
    mine = parse_codebook(f'format = 1\nname = "{name}"\ntitle = "M"\n[[codes]]\ncode = "a"\nlabel = "A"')
    cohort = rk.Cohort.of([], coding=rk.Coding(codebook=mine))
    write_study(rk.Study(name="own", cohort=cohort), tmp_path / "own")
    file = f"{name.replace(':', '.')}.codebook.toml"
    assert f'codebook = "{file}"' in (tmp_path / "own" / "rupturekit.toml").read_text()
    assert sorted(one.name for one in (tmp_path / "own").iterdir()) == sorted(
        ["data", "dataset_description.json", file, "rupturekit.toml"])
    assert read_study(tmp_path / "own").cohort.coding.codebook == mine


def refusal(act: Any, *asked: Any, **how: Any) -> RuptureKitError:
    with pytest.raises(RuptureKitError) as caught:
        act(*asked, **how)
    return caught.value


def test_what_is_refused_whole_in_whole_sentences(folder: Path, tmp_path: Path) -> None:
    file, empty = tmp_path / "file", tmp_path / "empty"
    file.write_text("")
    empty.mkdir()
    study = small_study()
    for act, asked, how, says, where in (
        (read_study, [folder], {"reader": "fast"}, "expected 'plain' or 'pyarrow' but got reader='fast'", None),
        (write_study, [study, folder], {"format": "xlsx"}, "expected 'csv' or 'parquet' but got format='xlsx'", None),
        (read_study, [tmp_path / "dem"], {}, f"{tmp_path / 'dem'}: there is no such folder; did you mean 'demo'?", tmp_path / "dem"),
        (read_study, [file], {}, f"{file}: this is a file; a study is a folder. To bring in a sheet, run `rupturekit init FILE` and "
                                 "read it through the mapping", file),
        (read_study, [empty], {}, f"{empty}: no rupturekit.toml here, so nothing says how the study was coded; it needs format = 1, "
                                  "a name, and [coding] with a codebook", empty),
        (write_study, [study, file], {}, f"{file}: there is a file of this name; a study is a folder", file),
        (write_study, [study, folder], {}, f"{folder}: the folder is there and not empty; name a new one, or say overwrite=True (on "
                                           "the command line --overwrite) if it is a study folder", folder),
        (write_study, [study, tmp_path], {"overwrite": True}, f"{tmp_path}: the folder is there and not empty; name a new one", tmp_path),
    ):
        error = refusal(act, *asked, **how)
        assert isinstance(error, RecordError)
        assert (str(error), error.file) == (says, None if where is None else str(where))
    assert (refusal(read_study, folder, reader="fast").field, refusal(write_study, study, folder, format="x").field) == ("reader", "format")


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
