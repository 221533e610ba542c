"""Pseudonyms: no name is left, everything else is; the same key links, another one does not."""

from __future__ import annotations

import stat
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rupturekit as rk
import strategies as own
from rupturekit import _schema, pseudonyms
from rupturekit.cli import main
from rupturekit.codebooks import load_codebook, parse_codebook
from rupturekit.episode import ContextEvent, Dyad, Label, NeedStatement, Rating, Session, Track
from rupturekit.errors import CodingWarning, FileProblem, RecordError
from rupturekit.example import example_cohort
from rupturekit.pseudonyms import Crosswalk, crosswalk, make_key, pseudonymise, read_key, write_crosswalk
from rupturekit.records.study import read_study, write_study
from rupturekit.vocabulary import ContextKind, Layer, Need, NeedMode, Perspective, TrackKind

KEY, OTHER = b"k" * 32, b"o" * 32
STAGES = load_codebook("stages")

# Letters that no file of ours needs otherwise, so that a name found in one was left there.
names = st.text("ÄÖßžøñΑβγДжШ王芳愛", min_size=3, max_size=8) | st.builds("{} {}-{}".format, *[st.text("ÄßžøñγжØ", min_size=2, max_size=4)] * 3)


@st.composite
def studies(draw: st.DrawFn) -> rk.Study:
    """Draw a study with names in every place that can hold one, free text included."""
    parts = draw(own.parts(tracks=("r1", "r2")))
    called = draw(st.lists(names, min_size=8, max_size=8, unique=True))
    new = dict(zip(("D1", "D2", "r1", "r2"), called, strict=False))
    therapist, event, note, place = called[4:]
    episodes = {row.episode: f"{new[row.dyad]}-{at}" for at, row in enumerate(parts.episodes)}

    def renamed(rows: tuple[Any, ...]) -> list[Any]:
        def change(field: str, value: Any) -> Any:
            return new[value] if field in ("dyad", "track") else episodes[value] if field == "episode" else value
        return [attrs.evolve(row, **{field: change(field, getattr(row, field)) for field in ("dyad", "track", "episode")
                                     if hasattr(row, field)}) for row in rows]

    moves = [attrs.evolve(move, rater=move.track if at % 2 else therapist, note=f"ask {note}", media=at)
             for at, move in enumerate(renamed(parts.moves))]
    first = moves[0]
    labels = [attrs.evolve(label, subject=episodes[label.subject]) for label in parts.labels]
    labels += [Label(subject_kind=kind, subject=subject, attribute="cost_of_raising", value=value, rater=rater)
               for kind, subject, value, rater in (
                   ("move", str(first.row_id), "3", "client"), ("session", f"{first.dyad}/{first.session}", "2", therapist),
                   ("dyad", first.dyad, f"said {note}", None), ("context", event, "unknown", None),
                   ("session", f"{note}", "1", None), ("move", note, "1", None), ("session", f"{note}/{place}", "1", None))]
    day = draw(st.integers(-10**6, 10**6))
    cohort = rk.Cohort.of(
        moves, coding=parts.coding, sessions=[attrs.evolve(one, day=day + one.session) for one in renamed(parts.sessions)],
        observed=renamed(parts.observed), episodes=renamed(parts.episodes), members=renamed(parts.members), labels=labels,
        dyads=[Dyad(dyad=new["D1"], therapist=therapist, arm="early"), Dyad(dyad=new["D2"])],
        ratings=[Rating(dyad=new["D1"], session=1, perspective=Perspective.CLIENT, measure="alliance", rater=new["r1"])],
        needs=[NeedStatement(dyad=new["D1"], episode=f"{new['D1']}-9", party=parts.coding.parties[0], need=Need.AGENCY,
                             mode=NeedMode.WANTED, layer=Layer.MANIFEST, rater=therapist)],
        context=[ContextEvent(event=event, dyad=new["D1"], kind=ContextKind.PAYMENT, day=day, note=note)],
        tracks=[Track(name=new["r1"], kind=TrackKind.CONSENSUS, rule=f"{note} decides")])
    return rk.Study(name=place, description=f"of {note}", cohort=cohort)


def names_of(study: rk.Study) -> set[str]:
    return {name for _, name, _ in crosswalk(study, key=KEY).rows}


# --- laws --------------------------------------------------------------------------------------------------------


@given(studies())
def test_no_name_stands_in_any_byte_of_the_folder_and_the_rest_comes_back(study: rk.Study) -> None:
    done = pseudonymise(study, key=KEY)
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where) / "shared"
        write_study(done, folder)
        assert read_study(folder).cohort == done.cohort
        written = b"\n".join([*(file.read_bytes() for file in folder.rglob("*.*")), "\n".join(map(str, folder.rglob("*"))).encode()])
    texts = {study.name, study.description, *(word for word in study.cohort.moves.levels["note"])}
    for name in names_of(study) | texts:
        for piece in name.replace("-", " ").split():
            assert piece.encode() not in written or piece.isascii(), name
    assert study.cohort.moves.levels["code"][0].encode() in written


def translated(study: rk.Study) -> dict[str, dict[str, str]]:
    """Return the pseudonym of each name, by column."""
    by_kind: dict[str, dict[str, str]] = {}
    for kind, name, pseudonym in crosswalk(study, key=KEY).rows:
        by_kind.setdefault(kind, {})[name] = pseudonym
    people = by_kind.get("person", {})
    return {"dyad": by_kind.get("dyad", {}), "therapist": people, "rater": people, "track": people,
            "episode": by_kind.get("episode", {}), "event": by_kind.get("event", {})}


def facts(table: Any, new: dict[str, dict[str, str]], *, leave_out: tuple[str, ...]) -> Counter[tuple[Any, ...]]:
    """Return the rows of a table as bags of cells, names replaced by hand."""
    fields = [field for field in _schema.columns(table.record) if field not in leave_out]
    return Counter(tuple(new.get(field, {}).get(getattr(row, field), getattr(row, field)) for field in fields) for row in table)


@given(studies())
def test_everything_but_names_and_free_text_is_kept(study: rk.Study) -> None:
    old, done, new = study.cohort, pseudonymise(study.cohort, key=KEY), translated(study)
    gone = ("row_id", "note", "media", "source_row", "day", "subject")
    for table in ("moves", "sessions", "dyads", "observed", "ratings", "needs", "context"):
        assert facts(getattr(old, table), new, leave_out=gone) == facts(getattr(done, table), {}, leave_out=gone)
    assert facts(old.coded.rows, new, leave_out=()) == facts(done.coded.rows, {}, leave_out=())
    assert sorted(done.moves.row_id.tolist()) == list(range(1, len(old.moves) + 1))
    assert len(done.labels) == len(old.labels) - 1    # the one with a sentence in it
    days = [(row.dyad, row.session, row.day) for row in done.sessions]
    firsts = {row.dyad: row.session for row in reversed(list(done.sessions))}
    assert days == [(dyad, number, number - firsts[dyad]) for dyad, number, _ in days]


@given(studies(), own.models())
def test_traces_are_equal_up_to_renaming(study: rk.Study, model: rk.StateMachine) -> None:
    new = translated(study)

    def told(cohort: rk.Cohort, episodes: dict[str, str]) -> dict[str, Any]:
        table = own.quietly(rk.trace_cohort, cohort, model, any_type=True)
        return {episodes.get(one.episode.episode, one.episode.episode): (
            one.path, one.reached, one.open_ends, [(step.after, step.reason, step.skipped, step.move.code, step.move.onset)
                                                   for step in one.steps], len(one.episode.labels)) for one in table}

    assert told(study.cohort, new["episode"]) == told(pseudonymise(study.cohort, key=KEY), {})


@given(studies())
def test_the_same_key_links_another_does_not_and_done_twice_only_names_change(study: rk.Study) -> None:
    once = pseudonymise(study, key=KEY)
    assert once == pseudonymise(study, key=KEY)
    assert not {row[2] for row in crosswalk(study, key=KEY).rows} & {row[2] for row in crosswalk(study, key=OTHER).rows}
    twice = pseudonymise(once, key=KEY)
    assert twice.cohort.counts() == once.cohort.counts()
    assert facts(once.cohort.sessions, {}, leave_out=("dyad",)) == facts(twice.cohort.sessions, {}, leave_out=("dyad",))
    assert len(twice.cohort.labels) == len(once.cohort.labels)
    assert not set(twice.cohort.dyads.levels["dyad"]) & set(once.cohort.dyads.levels["dyad"])


# --- names -------------------------------------------------------------------------------------------------------


def small(**more: Any) -> rk.Study:
    moves = [rk.Move(row_id=at, dyad=dyad, session=1, track="Anna", rater="Anna", party="client", code="wd", onset=at, note="hm")
             for at, dyad in ((7, "Zoe"), (8, "Abe"))]
    return rk.Study(name="mine", description="told", cohort=rk.Cohort.of(moves, coding=rk.Coding(codebook=STAGES), **more))


def test_a_track_named_as_its_rater_stays_so_and_roles_are_no_names() -> None:
    done = pseudonymise(small(ratings=[Rating(dyad="Abe", session=1, perspective=Perspective.CLIENT, measure="m", rater="client"),
                                       Rating(dyad="Abe", session=1, perspective=Perspective.OBSERVER, measure="m", rater="Anna")]), key=KEY)
    move = done.cohort.moves[0]
    assert move.track == move.rater == done.cohort.ratings[1].rater
    assert done.cohort.ratings[0].rater == "client"


def test_moves_are_numbered_anew_so_that_their_numbers_say_nothing_of_the_names() -> None:
    moves = [rk.Move(row_id=at, dyad=dyad, session=1, track="r", code="wd", onset=at) for at, dyad in enumerate("abcdef")]
    done = pseudonymise(rk.Cohort.of(moves, coding=rk.Coding(codebook=STAGES)), key=KEY)
    assert done.moves.row_id.tolist() == [1, 2, 3, 4, 5, 6]
    assert done.moves.onset.tolist() != [0, 1, 2, 3, 4, 5]


def test_what_labels_speak_of_is_renamed_with_it() -> None:
    said = [("move", "8"), ("session", "Abe/1"), ("dyad", "Abe"), ("session", "Abe"), ("session", "Abe/Zoe"), ("move", "Abe"), ("move", "08")]
    labels = [Label(subject_kind=kind, subject=subject, attribute="intensity", value=str(at)) for at, (kind, subject) in enumerate(said)]
    done = pseudonymise(small(labels=labels), key=KEY).cohort
    abe = next(move for move in done.moves if crosswalk(small(), key=KEY).name_of(move.dyad) == "Abe")
    subjects = {label.value: label.subject for label in done.labels}
    assert (subjects["0"], subjects["1"], subjects["2"]) == (str(abe.row_id), f"{abe.dyad}/1", abe.dyad)
    assert all(subjects[at].startswith("S-") and len(subjects[at]) == 14 for at in "3456")
    assert len(set(subjects.values())) == 6    # "Abe" as a session and as a move that is not there are one unknown subject


def test_a_person_of_two_studies_is_one_under_one_key() -> None:
    move = rk.Move(row_id=1, dyad="Abe", session=1, track="Ben", code="wd", onset=0)
    other = rk.Cohort.of([move], coding=rk.Coding(codebook=STAGES), dyads=[Dyad(dyad="Abe", therapist="Anna")])
    one, two = pseudonymise(small(), key=KEY).cohort, pseudonymise(other, key=KEY)
    assert two.moves[0].dyad in one.moves.levels["dyad"]
    assert two.dyads[0].therapist == one.moves[0].rater    # a therapist here, a rater there
    assert pseudonymise(other, key=OTHER).moves[0].dyad not in one.moves.levels["dyad"]


def test_two_names_with_one_pseudonym_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pseudonyms, "_digest", lambda key, kind, name: "same")
    with pytest.raises(RecordError, match="two names of kind dyad have one pseudonym under this key; make another key"):
        pseudonymise(small(), key=KEY)


@pytest.mark.parametrize("key", [b"", b"short", "x" * 32, None])
def test_a_key_that_is_none_is_refused(key: Any) -> None:
    with pytest.raises(RecordError, match="at least 16 bytes"):
        pseudonymise(small(), key=key)


def test_names_of_another_study_are_not_known() -> None:
    with pytest.raises(RecordError, match="no pseudonym of this study under this key"):
        crosswalk(small(), key=KEY).name_of("D-aaaaaaaaaaaa")


# --- free text, days ---------------------------------------------------------------------------------------------


def test_free_text_is_kept_where_it_is_asked_for() -> None:
    study = small(tracks=[Track(name="Anna", rule="mean > 1")], labels=[
        Label(subject_kind="dyad", subject="Abe", attribute=name, value="much") for name in ("cost_of_raising", "mood")])
    done = pseudonymise(study, key=KEY)
    assert (done.cohort.moves[0].note, done.description, done.cohort.tracks[0].rule, len(done.cohort.labels)) == (
        None, pseudonyms._DESCRIPTION, "", 0)
    done = pseudonymise(study, key=KEY, keep=("note", "description", "rule", "mood"))
    assert (done.cohort.moves[0].note, done.description, done.cohort.tracks[0].rule) == ("hm", "told", "mean > 1")
    assert [label.attribute for label in done.cohort.labels] == ["mood"]


def test_keeping_what_is_not_there_is_refused() -> None:
    with pytest.raises(RecordError, match=r"keep: 'notes' is nothing that is left out; did you mean 'note'"):
        pseudonymise(small(), key=KEY, keep=["notes"])


def test_a_name_that_is_left_in_kept_words_is_told_without_being_said() -> None:
    study = small(dyads=[Dyad(dyad="Abe", arm="like Abe"), Dyad(dyad="Zoe", arm="abend")])
    with pytest.warns(CodingWarning) as told:
        pseudonymise(study, key=KEY)
    assert [str(one.message) for one in told] == [
        "1 name that was replaced still stands in column 'arm' of dyads; change these words before the study is handed on"]
    mine = parse_codebook('format = 1\nname = "m"\ntitle = "of Anna and Zoe"\n[[codes]]\ncode = "wd"\nlabel = "A"')
    other = attrs.evolve(study.cohort.coding, codebook=mine)
    with pytest.warns(CodingWarning, match="2 replaced names still stand in the codebook"):
        pseudonymise(rk.Cohort.of(study.cohort.moves, coding=other), key=KEY)


@pytest.mark.parametrize(("dyad", "told"), [("4711", 1), ("101", 1), ("10", 0)])
def test_a_name_that_is_a_number_of_three_digits_or_more_is_looked_for(dyad: str, told: int) -> None:
    moves = [attrs.evolve(move, dyad=dyad, note=f"patient {dyad} said, 94711 times") for move in small().cohort.moves]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pseudonymise(rk.Cohort.of(moves, coding=small().cohort.coding), key=KEY, keep=["note"])
    assert [str(one.message)[:63] for one in caught] == told * ["1 name that was replaced still stands in column 'note' of moves"]


@pytest.mark.parametrize(("attribute", "value", "stays"), [
    ("mood", "19870412", False), ("mood", "1234", False), ("mood", "0000123", False), ("mood", "-1234.5", False),
    ("mood", "999", True), ("mood", "-12.5", True), ("mood", "unknown", True), ("cost_of_raising", "1234", True)])
def test_long_numbers_stay_as_labels_of_known_attributes_only(attribute: str, value: str, stays: bool) -> None:
    label = Label(subject_kind="dyad", subject="Abe", attribute=attribute, value=value)
    assert len(pseudonymise(small(labels=[label]), key=KEY).cohort.labels) == stays


def test_one_text_is_no_list_of_what_to_keep() -> None:
    with pytest.raises(RecordError, match=r"keep: expected several names but got the text 'note'; write keep=\['note'\]"):
        pseudonymise(small(), key=KEY, keep="note")


def test_days_count_from_the_first_session_or_else_the_first_event() -> None:
    done = pseudonymise(small(
        sessions=[Session(dyad="Abe", session=1, day=700), Session(dyad="Abe", session=2, day=707), Session(dyad="Abe", session=3)],
        context=[ContextEvent(event="a", dyad="Abe", kind=ContextKind.HOLIDAY, day=690),
                 ContextEvent(event="b", dyad="Zoe", kind=ContextKind.HOLIDAY, day=11),
                 ContextEvent(event="c", dyad="Zoe", kind=ContextKind.HOLIDAY)]), key=KEY)
    assert [one.day for one in done.cohort.sessions] == [0, 7, None]
    assert sorted((one.day for one in done.cohort.context), key=str) == [-10, 0, None]


def test_days_too_far_apart_are_a_sentence() -> None:
    sessions = [Session(dyad="Abe", session=at, day=day) for at, day in ((1, -2**62), (2, 2**62 + 1))]
    with pytest.raises(RecordError, match="further apart than 64 bits"):
        pseudonymise(small(sessions=sessions), key=KEY)


def test_a_cohort_gives_a_cohort_and_a_study_a_study_of_another_name() -> None:
    study = small()
    assert pseudonymise(study.cohort, key=KEY) == pseudonymise(study, key=KEY).cohort
    assert pseudonymise(study, key=KEY, name="pilot").name == "pilot"
    assert pseudonymise(study, key=KEY).settings == ""


# --- keys and tables of names ------------------------------------------------------------------------------------


def test_a_key_is_random_private_and_comes_back(tmp_path: Path) -> None:
    one, other = make_key(tmp_path / "one.key"), make_key(tmp_path / "other.key")
    assert one != other
    assert len(one) == 32
    assert read_key(tmp_path / "one.key") == one
    assert stat.S_IMODE((tmp_path / "one.key").stat().st_mode) == 0o600


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    make_key(tmp_path / "a.key")
    with pytest.raises(FileProblem, match="is there already, and a key that is written over is lost"):
        make_key(tmp_path / "a.key")


@pytest.mark.parametrize("place", ["study/a.key", "study/data/a.key", "link/a.key", "study/../study/a.key"])
def test_a_secret_inside_a_study_is_refused(tmp_path: Path, place: str) -> None:
    write_study(small(), tmp_path / "study")
    (tmp_path / "link").symlink_to(tmp_path / "study")
    for deed in (make_key, read_key, lambda path: write_crosswalk(Crosswalk(rows=()), path)):
        with pytest.raises(FileProblem, match="inside the study folder study would be handed on with it"):
            deed(tmp_path / place)


def test_a_folder_to_be_made_is_no_place_either(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="inside the study folder new"):
        make_key(tmp_path / "new" / "a.key", outside=[tmp_path / "new"])


@pytest.mark.parametrize("text", ["", "xyz", "ab" * 15, "ab" * 16 + "c", "AB" * 16, "ab" * 16 + " " + "ab" * 16, "ü"])
def test_a_file_that_is_no_key_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.key").write_text(text, encoding="utf-8")
    with pytest.raises(FileProblem, match="this is no key; expected at least 32 hexadecimal digits"):
        read_key(tmp_path / "a.key")


def test_keys_and_tables_that_cannot_be_read_or_written_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="the key cannot be read"):
        read_key(tmp_path / "none.key")
    with pytest.raises(FileProblem, match="the key cannot be written"):
        make_key(tmp_path / "none" / "a.key")
    with pytest.raises(FileProblem, match="cannot be written"):
        write_crosswalk(Crosswalk(rows=()), tmp_path / "none" / "names.csv")


def test_a_table_of_names_is_private_and_shows_none(tmp_path: Path) -> None:
    walk = crosswalk(small(), key=KEY)
    write_crosswalk(walk, tmp_path / "names.csv")
    assert stat.S_IMODE((tmp_path / "names.csv").stat().st_mode) == 0o600
    lines = (tmp_path / "names.csv").read_text().splitlines()
    assert lines[0] == "kind,name,pseudonym"
    assert {line.split(",")[1] for line in lines[1:]} == {"Abe", "Zoe", "Anna"}
    assert repr(walk) == "Crosswalk(3 names)"
    (tmp_path / "names.csv").chmod(0o644)
    write_crosswalk(walk, tmp_path / "names.csv")
    assert stat.S_IMODE((tmp_path / "names.csv").stat().st_mode) == 0o600


# --- the command -------------------------------------------------------------------------------------------------


def test_the_command_makes_a_key_uses_it_again_and_writes_the_names_aside(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_study(rk.Study(name="example", cohort=example_cohort()), tmp_path / "demo")
    asked = ["pseudonymise", str(tmp_path / "demo"), str(tmp_path / "shared"), "--key-file", str(tmp_path / "demo.key")]
    assert main(asked) == 0
    assert "a new key was made" in capsys.readouterr().out
    first = read_study(tmp_path / "shared")
    assert main([*asked, "--overwrite", "--crosswalk", str(tmp_path / "names.csv"), "--name", "pilot"]) == 0
    assert "the key was read" in capsys.readouterr().out
    assert read_study(tmp_path / "shared").cohort == first.cohort
    assert (tmp_path / "names.csv").read_text().count("\n") == len(crosswalk(example_cohort(), key=KEY).rows) + 1
    assert main([*asked[:3], "--key-file", str(tmp_path / "demo" / "a.key")]) == 3


def test_the_command_does_not_write_over_the_study_with_the_names(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_study(small(), tmp_path / "demo")
    (tmp_path / "link").symlink_to(tmp_path / "demo")
    for place in ("demo", "link", "demo/../demo"):
        asked = ["pseudonymise", str(tmp_path / "demo"), str(tmp_path / place), "--key-file", str(tmp_path / "demo.key")]
        assert main([*asked, "--overwrite"]) == 3
        assert "the study with the names would be lost; name another folder" in capsys.readouterr().err
    assert read_study(tmp_path / "demo").cohort == small().cohort
    assert not (tmp_path / "demo.key").exists()


def test_every_label_of_the_example_but_the_free_ones_survives() -> None:
    old, done = example_cohort(), pseudonymise(example_cohort(), key=KEY)
    kept = Counter((label.attribute, label.value) for label in done.labels)
    assert kept <= Counter((label.attribute, label.value) for label in old.labels)
    assert set(Counter(old.labels.words("attribute")) - Counter(done.labels.words("attribute"))) <= {"cost_of_raising"}
