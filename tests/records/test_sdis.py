"""GSEQ out: read back by a small parser of its own, the file says what the cohort says."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import (
    Coding,
    ContextEvent,
    EpisodeRow,
    Label,
    Move,
    NeedStatement,
    ObservedStretch,
    Rating,
    Session,
    seconds,
)
from rupturekit.errors import FileProblem, RecordError
from rupturekit.records import sdis
from rupturekit.records.sdis import SdisFile, write_sdis
from rupturekit.vocabulary import ContextKind, Layer, Need, NeedMode, Perspective, TimeKind

BOOK = load_codebook("3rs-2022")
CODES = [code.code for code in BOOK.codes]
LABEL = r"[A-Za-z][A-Za-z0-9_]{0,15}"


class Event(NamedTuple):
    label: str
    onset: Decimal
    offset: Decimal | None


class Parsed(NamedTuple):
    unit: str
    units: list[list[tuple[str, list[Event]]]]
    """What `/` ends, and in it what `;` parts: a name, and events."""


def parsed(text: str) -> Parsed:
    """Read timed-event data token by token, and refuse what the notation does not have."""
    text = re.sub(r"(?m)^%.*\n", "", text)
    unit, body = re.fullmatch(r"(?s)Timed <(\w+)>;\n(.*)", text).groups()    # type: ignore[union-attr]
    units: list[list[tuple[str, list[Event]]]] = []
    for part in body.rstrip().removesuffix("/").split("/"):
        sequences = []
        for sequence in part.split(";"):
            name, rest = re.fullmatch(r"\s*<([A-Za-z0-9_]+)>\s(.*?)\s*", sequence, re.DOTALL).groups()    # type: ignore[union-attr]
            sequences.append((name, [event(token) for token in rest.split()]))
        units.append(sequences)
    return Parsed(unit, units)


def event(token: str) -> Event:
    label, onset, offset = re.fullmatch(rf"({LABEL}),(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?", token).groups()    # type: ignore[union-attr]
    return Event(label, Decimal(onset), None if offset is None else Decimal(offset))


def move(**how: Any) -> Move:
    return Move(**{"row_id": 1, "dyad": "D1", "session": 1, "track": "r1", "party": "client", "code": "wd-p",
                   "onset": seconds(1)} | how)


def cohort(*moves: Move, time: TimeKind = TimeKind.CLOCK, **tables: Any) -> Cohort:
    segment = seconds(60) if time is TimeKind.SEGMENT else None
    return Cohort.of(moves, coding=Coding(codebook=BOOK, time=time, segment=segment), **tables)


def written(data: Cohort, folder: Path, **how: Any) -> tuple[SdisFile, Parsed]:
    told = write_sdis(data, folder / "out.sds", **how)
    return told, parsed((folder / "out.sds").read_text(encoding="utf-8"))


TIMES = st.integers(0, 10**11)
MOVES = st.lists(st.tuples(st.sampled_from(["D1", "D-2", "Paar 3", "paar_3"]), st.integers(0, 3), st.sampled_from(CODES),
                           st.sampled_from(["client", "therapist", None]), TIMES, st.none() | TIMES), min_size=1, max_size=15)


@given(MOVES)
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    data = cohort(*(Move(row_id=number, dyad=dyad, session=session, track="r1", party=party, code=code, onset=onset,
                         offset=None if length is None else onset + length)
                    for number, (dyad, session, code, party, onset, length) in enumerate(rows)))
    told, found = written(data, tmp_path_factory.mktemp("sdis"))
    meaning = {each.label: (each.party, each.code) for each in told.renamed}
    assert len({label.casefold() for label in meaning}) == len(meaning) == len({(row[3], row[2]) for row in rows})
    assert found.unit == "seconds"
    assert [len(unit) for unit in found.units] == [
        len({row[1] for row in rows if row[0] == dyad}) for dyad in sorted({row[0] for row in rows})]
    names = [name.casefold() for unit in found.units for name, _ in unit]
    assert len(set(names)) == len(names) == told.sequences
    events = [(*meaning[each.label], each.onset, each.offset) for unit in found.units for _, part in unit for each in part]
    assert events == [(each.party, each.code, Decimal(each.onset) / 10**6,
                       None if each.offset is None else Decimal(each.offset) / 10**6) for each in data.moves]
    assert told.events == len(rows)


def test_turns_are_whole_numbers(tmp_path: Path) -> None:
    _, found = written(cohort(move(onset=3), move(onset=7, offset=8, row_id=2), time=TimeKind.TURN), tmp_path)
    assert found == Parsed("turns", [[("D1_1", [Event("client_wd_p", Decimal(3), None),
                                                Event("client_wd_p", Decimal(7), Decimal(8))])]])


def test_long_and_equal_labels_are_told_apart(tmp_path: Path) -> None:
    class_codes = [code for code in CODES if code.startswith("rp-")][:4]
    told, _ = written(cohort(*(move(row_id=n, party="therapist", code=code) for n, code in enumerate(class_codes))), tmp_path)
    assert all(re.fullmatch(LABEL, each.label) for each in told.renamed)
    assert "therapist_rp" in told.renamed[0].label
    assert "% therapist_rp" in (tmp_path / "out.sds").read_text()


@pytest.mark.parametrize(("text", "label"), [("1-x", "c_1_x"), ("äöü", "c"), ("a" * 30, "a" * 16), ("a b/c", "a_b_c")])
def test_a_label_is_safe(text: str, label: str) -> None:
    assert sdis._free(text, set(), most=16).rstrip("_") == label
    assert sdis._free(text, {label}, most=16).casefold() != label


def test_labels_that_differ_in_case_alone_are_numbered() -> None:
    assert sdis._free("Wd", {"wd", "wd_2"}, most=16) == "Wd_3"


def test_what_the_notation_cannot_hold_is_listed(tmp_path: Path) -> None:
    data = cohort(
        move(onset=1_000_001, rating=2.0, note="here", media=seconds(9)), move(row_id=2, track="r2"), time=TimeKind.SEGMENT,
        sessions=[Session(dyad="D1", session=1, duration=seconds(60))],
        ratings=[Rating(dyad="D1", session=1, perspective=Perspective.CLIENT, measure="WAI", value=1.0)],
        observed=[ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=seconds(60))])
    told, _ = written(data, tmp_path, track="r1")
    assert told.left_out == (
        "ratings of moves: 1", "notes: 1", "places on the recording: 1", "ratings of sessions: 1", "observed stretches: 1",
        "other tracks: 1", "lengths of sessions: 1; a sequence ends with its last event",
        "that times are those of segments: each event begins with its segment",
        "what GSEQ may round: some times are finer than a millisecond")
    assert str(told).startswith("out.sds: 1 events in 1 sequences, track r1\n  label client_wd_p: client, wd-p\n  left out: ")
    assert "here" not in (tmp_path / "out.sds").read_text()


def test_a_track_has_to_be_named_where_there_are_two(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds 2 tracks"):
        write_sdis(cohort(move(), move(row_id=2, track="r2")), tmp_path / "out.sds")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="out.sds: could not be written"):
        write_sdis(cohort(move()), tmp_path / "nowhere" / "out.sds")


WHOLE = """% written by rupturekit: track r1
% x_wd_p = nobody, wd-p
% client_wd_p = client, wd-p
% therapist_wd_p = therapist, wd-p
Timed <seconds>;
<D1_1>
client_wd_p,0.000001
therapist_wd_p,1.5-4 ;
<D1_2>
client_wd_p,2 /
<D2_1>
x_wd_p,0-0.25 /
"""


def test_a_whole_file(tmp_path: Path) -> None:
    data = cohort(move(onset=1), move(row_id=2, party="therapist", onset=1_500_000, offset=4_000_000),
                  move(row_id=3, session=2, onset=2_000_000), move(row_id=4, dyad="D2", party=None, onset=0, offset=250_000))
    told = write_sdis(data, str(tmp_path / "out.sds"))
    assert (tmp_path / "out.sds").read_bytes().decode() == WHOLE
    assert told == SdisFile(
        file="out.sds", track="r1", sequences=3, events=4,
        renamed=(sdis.Renamed(None, "wd-p", "x_wd_p"), sdis.Renamed("client", "wd-p", "client_wd_p"),
                 sdis.Renamed("therapist", "wd-p", "therapist_wd_p")),
        left_out=("what GSEQ may round: some times are finer than a millisecond",))
    assert str(told) == (
        "out.sds: 4 events in 3 sequences, track r1\n  label x_wd_p: nobody, wd-p\n  label client_wd_p: client, wd-p\n"
        "  label therapist_wd_p: therapist, wd-p\n  left out: what GSEQ may round: some times are finer than a millisecond")


def test_labels_stand_in_the_order_of_party_and_code(tmp_path: Path) -> None:
    coding = Coding(codebook=BOOK, parties=("B", "A"))
    moves = [move(row_id=n, party=party, code=code) for n, (party, code) in enumerate(
        (party, code) for party in ("B", None, "A") for code in ("wd-story", "wd-p"))]
    told = write_sdis(Cohort.of(moves, coding=coding), tmp_path / "out.sds")
    assert [each[:2] for each in told.renamed] == [
        (None, "wd-p"), (None, "wd-story"), ("A", "wd-p"), ("A", "wd-story"), ("B", "wd-p"), ("B", "wd-story")]


def test_turns_are_written_whole(tmp_path: Path) -> None:
    told = write_sdis(cohort(move(onset=3), move(onset=1_001, offset=1_008, row_id=2), time=TimeKind.TURN), tmp_path / "out.sds")
    assert (tmp_path / "out.sds").read_text().splitlines()[2:] == [
        "Timed <turns>;", "<D1_1>", "client_wd_p,3", "client_wd_p,1001-1008 /"]
    assert told.left_out == ()


@pytest.mark.parametrize(("onset", "offset", "fine"), [
    (1_000, None, False), (1_001, None, True), (999, None, True), (1_000, 2_000, False), (1_000, 2_001, True), (0, 1_999, True),
    (500, 2_000, True)])
def test_times_finer_than_a_millisecond_are_told(tmp_path: Path, onset: int, offset: int | None, fine: bool) -> None:
    told = write_sdis(cohort(move(onset=2_000_000, row_id=9), move(onset=onset, offset=offset)), tmp_path / "out.sds")
    assert told.left_out == (("what GSEQ may round: some times are finer than a millisecond",) if fine else ())


@pytest.mark.parametrize(("text", "taken", "most", "label"), [
    ("a" * 16, [], 16, "a" * 16), ("a" * 17, [], 16, "a" * 16), ("a" * 15 + "__b", [], 16, "a" * 15), ("--a--", [], 16, "a"),
    ("9", [], 16, "c_9"), ("_9_", [], 16, "c_9"), ("X_Y", [], 16, "X_Y"), ("aX", ["ax"], 16, "aX_2"),
    ("a", ["a", "a_2", "a_3"], 16, "a_4"), ("a" * 20, ["a" * 16], 16, "a" * 14 + "_2"), ("aXXX_x", ["axx"], 3, "a_2"),
    ("ab", ["ab"], 3, "a_2"), ("abXX_", ["abxx"], 4, "ab_2"), ("a" * 20, ["a" * 16, *(f"{'a' * 14}_{n}" for n in range(2, 10))], 16,
                                "a" * 13 + "_10"), ("XX_", [], 16, "XX"), ("XXabX", [], 5, "XXabX"), ("XXabX", ["xxabx"], 6, "XXab_2"),
])
def test_labels_are_cut_and_numbered(text: str, taken: list[str], most: int, label: str) -> None:
    assert sdis._free(text, set(taken), most=most) == label


def test_names_of_sequences_have_at_most_sixty_signs(tmp_path: Path) -> None:
    for length, name in ((58, "D" * 58 + "_1"), (59, "D" * 59), (60, "D" * 60)):
        write_sdis(cohort(move(dyad="D" * length)), tmp_path / "out.sds")
        assert f"<{name}>" in (tmp_path / "out.sds").read_text().splitlines()


def test_everything_that_is_left_out_is_counted(tmp_path: Path) -> None:
    data = cohort(
        *(move(row_id=n, rating=1.0 if n < 3 else None, note="x" if n < 2 else None, media=5_000 if n < 4 else None)
          for n in range(5)), move(row_id=8, track="r2"), move(row_id=9, track="r3", rating=1.0, note="y", media=0),
        sessions=[Session(dyad="D1", session=1, duration=seconds(60)), Session(dyad="D1", session=2)],
        labels=[Label(subject_kind="move", subject="1", attribute="tone", value="low")],
        ratings=[Rating(dyad="D1", session=1, perspective=Perspective.CLIENT, measure="WAI", value=1.0)],
        needs=[NeedStatement(dyad="D1", party="client", need=Need.AGENCY, mode=NeedMode.WANTED, layer=Layer.MANIFEST)],
        context=[ContextEvent(event="C1", dyad="D1", kind=ContextKind.HOLIDAY)],
        observed=[ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=seconds(60))],
        episodes=[EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=seconds(4))])
    assert write_sdis(data, tmp_path / "out.sds", track="r1").left_out == (
        "ratings of moves: 3", "notes: 2", "places on the recording: 4", "labels: 1", "ratings of sessions: 1",
        "statements of needs: 1", "context events: 1", "observed stretches: 1", "episodes: 1", "other tracks: 2",
        "lengths of sessions: 1; a sequence ends with its last event")


def test_signs_that_a_comment_cannot_hold_are_replaced(tmp_path: Path) -> None:
    write_sdis(cohort(move(track="50 % X%X")), tmp_path / "out.sds")
    assert (tmp_path / "out.sds").read_text().splitlines()[0] == "% written by rupturekit: track 50 _ X_X"


def test_a_place_that_cannot_be_written_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, reason in ((OSError(), "no reason is given"), (OSError(28, "No space left"), "No space left")):
        def refuse(*_: object, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr(sdis, "write_bytes", refuse)
        with pytest.raises(FileProblem) as caught:
            write_sdis(cohort(move()), tmp_path / "out.sds")
        assert (str(caught.value), caught.value.file) == (f"out.sds: could not be written: {reason}", "out.sds")


def test_nobody_and_signs_of_comments(tmp_path: Path) -> None:
    told, found = written(cohort(move(party=None, track="100 %")), tmp_path)
    assert (told.renamed[0].label, found.units[0][0][1][0].label) == ("x_wd_p", "x_wd_p")
    assert (tmp_path / "out.sds").read_text().startswith("% written by rupturekit: track 100 _\n")
