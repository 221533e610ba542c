"""Foreign tables through a mapping: every row is accounted for, and every bad cell told."""

import csv
import itertools
import json
import warnings
from collections import Counter
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_records import fitted
from rupturekit.cohort import Cohort
from rupturekit.episode import Dyad, Move, ObservedStretch, Session, Track
from rupturekit.errors import CodingWarning, FileProblem, InvalidRecords, RuptureKitError
from rupturekit.records.foreign import read_table
from rupturekit.records.grammar import TimeFormat
from rupturekit.records.layouts import common
from rupturekit.records.losses import LossReport, Tally
from rupturekit.records.mapping import (
    BackwardTimes,
    BadRows,
    CodeColumn,
    Field,
    Observed,
    parse_mapping,
    read_mapping,
)
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.state_machine import load_model
from rupturekit.traces import trace_cohort
from rupturekit.vocabulary import Attendance, Perspective, Status, TimeKind, TrackKind

FILES = Path(__file__).parent / "files"

BASE = parse_mapping("""
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "refuse", missing = ["n/a"] }
fields.dyad.column = "case"
fields.session.column = "session"
fields.party.column = "who"
fields.code.column = "code"
fields.onset = { column = "start", format = "mm:ss" }
""")
HEADER = "case,session,who,code,start"
GOOD = "D1,1,client,wd,00:10"


def mapped(*more, base=BASE, **changed):
    """Return the base mapping with more fields, or with some of them replaced."""
    named = {field.name: field for field in (*base.fields, *more)}
    return attrs.evolve(base, fields=tuple(named.values()), **changed)


def written(folder, *lines, name="sheet.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return path


def read(folder, *rows, mapping=BASE, header=HEADER):
    return read_table(written(folder, header, *rows), mapping)


def refused(folder, *rows, mapping=BASE, header=HEADER):
    with pytest.raises(InvalidRecords) as caught:
        read(folder, *rows, mapping=mapping, header=header)
    return caught.value


def moves_of(study, *names):
    return [tuple(getattr(move, name) for name in names) for move in study.cohort.moves]


# --- what a row becomes


def test_a_row_becomes_a_move(tmp_path):
    mapping = mapped(
        Field(name="offset", columns=("end",), format=TimeFormat.SECONDS), Field(name="rating", columns=("salience",)),
        Field(name="rater", columns=("rater",)), Field(name="media", columns=("tape",), format=TimeFormat.HH_MM_SS),
        Field(name="note", columns=("note",)), Field(name="perspective", constant="observer"),
        Field(name="status", columns=("status",), values={"c": "consensus"}))
    study = read(tmp_path, "D1,1,Patient,wd,00:10,12.5,2.5,r1,01:02:03,see tape,c",
                 header=f"{HEADER},end,salience,rater,tape,note,status", mapping=mapping)
    assert list(study.cohort.moves) == [Move(
        row_id=1, dyad="D1", session=1, track="r1", party="client", code="wd", onset=10_000_000, offset=12_500_000,
        rating=2.5, rater="r1", perspective=Perspective.OBSERVER, status=Status.CONSENSUS, source_row=1,
        media=3_723_000_000, note="see tape")]
    assert (study.name, study.origin, study.settings) == ("demo", "sheet.csv", "")
    assert study.losses.balanced
    assert str(study.losses) == "1 row = 1 move + 0 rows left out"


def test_the_first_column_that_is_not_missing_wins(tmp_path):
    mapping = mapped(Field(name="code", columns=("code", "more"), values={"-": ""}))
    study = read(tmp_path, "D1,1,client,n/a,00:01,wd", "D1,1,client,wd,00:02,cf", "D1,1,client,-,00:03,cf",
                 "D1,1,client,n/a,00:04,", header=f"{HEADER},more", mapping=mapping)
    assert moves_of(study, "code", "row_id") == [("wd", 1), ("wd", 2)]
    assert [(tally.what, tally.times, tally.rows) for tally in study.losses.lost] == [
        ("code (code, more) '-' is mapped to nothing", 1, (3,)), ("no code", 1, (4,))]


def test_a_value_map_counts_before_a_missing_word(tmp_path):
    mapping = mapped(Field(name="code", columns=("code",), values={"n/a": "wd", "": "cf"}))
    study = read(tmp_path, "D1,1,client,n/a,00:01", "D1,1,client,,00:02", mapping=mapping)
    assert moves_of(study, "code") == [("wd",), ("cf",)]


def test_cells_and_words_are_trimmed(tmp_path):
    study = read(tmp_path, '" D1 "," 1 ", client , wd , 00:10 ', "D1,1.0,CLIENT,wd,00:11")
    assert moves_of(study, "dyad", "session", "party", "code") == [("D1", 1, "client", "wd")] * 2


def test_a_field_has_missing_words_of_its_own(tmp_path):
    mapping = mapped(Field(name="party", columns=("who",), missing=("?",)))
    study = read(tmp_path, "D1,1,?,wd,00:10", "D1,1,n/a,wd,00:11", mapping=mapping)
    assert moves_of(study, "party") == [(None,), (None,)]


def test_people_left_out_on_purpose_are_counted_and_not_judged(tmp_path):
    mapping = mapped(Field(name="party", columns=("who",), values={"observer": "", "Klient": "patient"}),
                     Field(name="dyad", columns=("case",), values={"test": ""}))
    study = read(tmp_path, "D1,1,observer,nonsense,late", "test,1,client,wd,00:10", "D1,1,Klient,wd,00:11",
                 mapping=mapping)
    assert moves_of(study, "party") == [("client",)]
    assert [tally.what for tally in study.losses.lost] == [
        "party (who) 'observer' is mapped to nothing", "dyad (case) 'test' is mapped to nothing"]


def test_in_other_fields_a_word_mapped_to_nothing_says_nothing(tmp_path):
    mapping = mapped(Field(name="rating", columns=("r",), values={"none": ""}))
    study = read(tmp_path, f"{GOOD},none", f"{GOOD},3", header=f"{HEADER},r", mapping=mapping)
    assert moves_of(study, "rating") == [(None,), (3.0,)]


def test_ids_of_moves_do_not_depend_on_other_rows(tmp_path):
    mapping = mapped(bad_rows=BadRows.DROP_AND_REPORT)
    rows = [GOOD, "D1,1,client,wd,late", GOOD]
    assert moves_of(read(tmp_path, *rows, mapping=mapping), "row_id", "source_row") == [(1, 1), (3, 3)]
    assert moves_of(read(tmp_path, GOOD, GOOD, GOOD), "row_id") == [(1,), (2,), (3,)]


def test_ties_keep_the_order_of_the_file(tmp_path):
    study = read(tmp_path, "D1,1,client,wd,00:10", "D1,1,therapist,invite,00:10", "D1,1,client,cf,00:10",
                 "D1,1,client,wd,00:11", "D1,2,client,wd,00:10")
    assert moves_of(study, "session", "code", "tie") == [
        (1, "wd", 0), (1, "invite", 1), (1, "cf", 2), (1, "wd", 0), (2, "wd", 0)]


def test_a_tie_column_counts(tmp_path):
    study = read(tmp_path, f"{GOOD},7", f"{GOOD},", header=f"{HEADER},rank", mapping=mapped(
        Field(name="tie", columns=("rank",))))
    assert moves_of(study, "tie", "row_id") == [(1, 2), (7, 1)]


def test_the_order_column_decides_ties(tmp_path):
    study = read(tmp_path, f"{GOOD},2.5", "D1,1,client,cf,00:10,1", header=f"{HEADER},nr", mapping=mapped(
        order_by="nr"))
    assert moves_of(study, "code", "tie") == [("cf", 0), ("wd", 1)]


def test_without_a_rater_there_is_one_track_and_it_can_be_described(tmp_path):
    assert read(tmp_path, GOOD).cohort.track_names == ("coder",)
    track = Track(name="agreed", kind=TrackKind.CONSENSUS, rule="in a meeting")
    study = read(tmp_path, GOOD, mapping=mapped(Field(name="track", constant="agreed"), tracks=(track,)))
    assert study.cohort.tracks == (track,)


def test_session_and_dyad_facts_become_tables(tmp_path):
    mapping = mapped(
        Field(name="day", columns=("day",)), Field(name="duration", columns=("length",), format=TimeFormat.MINUTES),
        Field(name="attended", columns=("there",), values={"ja": "yes"}), Field(name="therapist", columns=("th",)),
        Field(name="arm", columns=("arm",)))
    study = read(tmp_path, "D1,1,client,wd,00:10,0,50,ja,T1,a", "D1,2,client,n/a,,7,,YES,T1,",
                 "D2,4,client,wd,00:10,,,,,", header=f"{HEADER},day,length,there,th,arm", mapping=mapping)
    assert list(study.cohort.sessions) == [
        Session(dyad="D1", session=1, day=0, attended=Attendance.YES, duration=3_000_000_000),
        Session(dyad="D1", session=2, day=7, attended=Attendance.YES), Session(dyad="D2", session=4)]
    assert [(dyad.dyad, dyad.therapist, dyad.arm) for dyad in study.cohort.dyads] == [("D1", "T1", "a")]


def test_a_session_in_which_nothing_was_coded_is_still_a_session(tmp_path):
    study = read(tmp_path, GOOD, "D9,1,client,n/a,00:10")
    assert study.cohort.counts() == {"move": 1, "dyad": 2, "session": 2, "track": 1, "episode": 0}


def test_line_breaks_in_notes_become_blanks_and_are_counted(tmp_path):
    study = read(tmp_path, f'{GOOD},"one\ntwo"', f"{GOOD},three", header=f"{HEADER},note", mapping=mapped(
        Field(name="note", columns=("note",))))
    assert moves_of(study, "note") == [("one two",), ("three",)]
    assert [tuple(tally) for tally in study.losses.adjusted] == [("line breaks in notes became blanks", 1, (1,))]


# --- time


@pytest.mark.parametrize(("format", "cell", "onset"), [
    ("seconds", "75.5", 75_500_000), ("milliseconds", "75500", 75_500_000), ("minutes", "1.5", 90_000_000),
    ("mm:ss", "75:30", 4_530_000_000), ("hh:mm:ss", "01:15:30.25", 4_530_250_000)])
def test_times_in_every_format(tmp_path, format, cell, onset):
    mapping = mapped(Field(name="onset", columns=("start",), format=TimeFormat(format)))
    assert moves_of(read(tmp_path, f"D1,1,client,wd,{cell}", mapping=mapping), "onset") == [(onset,)]


def timed(kind, *more, segment=None, observed=None, **changed):
    coding = attrs.evolve(BASE.coding, time=TimeKind(kind), segment=segment)
    return mapped(*more, coding=coding, observed=observed, **changed)


def test_numbered_segments_know_their_first(tmp_path):
    for first, onset in ((0, 120_000_000), (1, 60_000_000)):
        field = Field(name="onset", columns=("start",), format=TimeFormat.ORDINAL, first=first)
        mapping = timed("segment", field, segment=60_000_000, observed=Observed.ROWS)
        study = read(tmp_path, "D1,1,client,wd,2", mapping=mapping)
        assert moves_of(study, "onset") == [(onset,)]
        assert list(study.cohort.observed) == [ObservedStretch(
            dyad="D1", session=1, track="coder", start=onset, end=onset + 60_000_000, codebook="stages")]
    error = refused(tmp_path, "D1,1,client,wd,0", mapping=mapping)
    assert "'0' lies outside the session" in str(error.problems[0])


def test_turns_are_whole_numbers(tmp_path):
    mapping = timed("turn", Field(name="onset", columns=("start",), format=TimeFormat.ORDINAL))
    assert moves_of(read(tmp_path, "D1,1,client,wd,7", mapping=mapping), "onset") == [(7,)]
    error = refused(tmp_path, "D1,1,client,wd,7.5", mapping=mapping)
    assert "'7.5' is not a whole number" in str(error.problems[0])


def test_an_order_may_be_numbered_in_the_file(tmp_path):
    mapping = timed("order", Field(name="onset", columns=("start",)))
    study = read(tmp_path, "D1,1,client,wd,4", "D1,1,client,cf,9", mapping=mapping)
    assert moves_of(study, "onset") == [(4,), (9,)]


def test_a_row_may_lie_at_the_very_end_of_its_session(tmp_path):
    study = read(tmp_path, "D1,1,client,wd,00:10,10", header=f"{HEADER},x", mapping=mapped(
        Field(name="duration", columns=("x",), format=TimeFormat.SECONDS)))
    assert study.losses.moves == 1


def test_a_bare_order_is_that_of_the_file(tmp_path):
    mapping = attrs.evolve(timed("order"), fields=BASE.fields[:4])
    study = read(tmp_path, "D1,1,client,wd", "D1,1,client,n/a", "D2,1,client,wd", "D1,1,client,cf",
                 header="case,session,who,code", mapping=mapping)
    assert moves_of(study, "dyad", "onset", "code") == [("D1", 1, "wd"), ("D1", 3, "cf"), ("D2", 1, "wd")]


def test_a_bare_order_is_that_of_the_order_column_if_stated(tmp_path):
    mapping = attrs.evolve(timed("order", order_by="nr"), fields=BASE.fields[:4])
    study = read(tmp_path, "D1,1,client,wd,9", "D1,1,client,cf,4", "D1,1,therapist,invite,9",
                 header="case,session,who,code,nr", mapping=mapping)
    assert moves_of(study, "onset", "tie", "code") == [(1, 0, "cf"), (2, 0, "wd"), (2, 1, "invite")]


BACK = ["D1,1,client,wd,00:10", "D1,1,client,cf,00:30", "D1,1,therapist,invite,00:20", "D1,1,client,wd,00:40",
        "D2,1,client,wd,00:01"]


def test_a_time_that_goes_back_has_to_be_answered(tmp_path):
    for stated in (None, BackwardTimes.REFUSE):
        for rows in BadRows:
            error = refused(tmp_path, *BACK, mapping=mapped(backward_times=stated, bad_rows=rows))
            assert error.count == 1
            assert error.problems[0].row == 3
            assert "the time goes back, behind that of row 2" in str(error.problems[0])
            assert ('backward_times = "sort"' in str(error)) == (stated is None)


def test_every_time_that_goes_back_is_told_with_the_latest_before_it(tmp_path):
    rows = ["D1,1,client,wd,00:00", "D1,1,client,wd,00:30", "D1,1,client,wd,00:20", "D1,1,client,wd,00:25", "D1,1,client,n/a,",
            "D1,1,client,wd,00:30", "D1,2,client,wd,00:10", "D2,1,client,wd,00:10", "D1,1,client,wd,00:00"]
    remedy = ('; say under [file] what that means: backward_times = "sort" (the clock decides), "hold" (the order decides) or '
              '"refuse"')
    for stated, more in ((None, remedy), (BackwardTimes.REFUSE, "")):
        found = refused(tmp_path, *rows, mapping=mapped(backward_times=stated)).problems
        assert [(one.kind, one.field, one.value, one.row, one.file, one.message) for one in found] == [
            ("time goes back", "onset", "", row, "sheet.csv", f"the time goes back, behind that of row {latest}{more}")
            for row, latest in ((3, 2), (4, 2), (9, 6))]
    held = read(tmp_path, *rows, mapping=mapped(backward_times=BackwardTimes.HOLD))
    assert moves_of(held, "source_row", "onset", "tie")[:6] == [
        (1, 0, 0), (2, 30_000_000, 0), (3, 30_000_000, 1), (4, 30_000_000, 2), (6, 30_000_000, 3), (9, 30_000_000, 4)]
    assert [tuple(tally) for tally in held.losses.adjusted] == [
        ("a time goes back: raised to the latest before it", 3, (3, 4, 9))]
    tied = read(tmp_path, *rows, mapping=mapped(backward_times=BackwardTimes.SORT))
    assert moves_of(tied, "source_row", "tie")[:3] == [(1, 0), (9, 1), (3, 0)]


def test_ties_are_counted_by_dyad_track_session_and_time(tmp_path):
    mapping = mapped(Field(name="onset", columns=("start",), format=TimeFormat.SECONDS), Field(name="rater", columns=("r",)))
    rows = ["D1,1,client,wd,0,a", "D1,1,client,wd,0.000001,a", "D1,1,client,wd,0,b", "D1,2,client,wd,0,a", "D2,1,client,wd,0,a",
            "D1,1,client,cf,0.000001,a"]
    study = read(tmp_path, *rows, header=f"{HEADER},r", mapping=mapping)
    assert sorted(moves_of(study, "source_row", "onset", "tie", "row_id")) == [
        (1, 0, 0, 1), (2, 1, 0, 2), (3, 0, 0, 3), (4, 0, 0, 4), (5, 0, 0, 5), (6, 1, 1, 6)]


def test_the_clock_decides(tmp_path):
    study = read(tmp_path, *BACK, mapping=mapped(backward_times=BackwardTimes.SORT))
    assert moves_of(study, "code", "onset")[:4] == [
        ("wd", 10_000_000), ("invite", 20_000_000), ("cf", 30_000_000), ("wd", 40_000_000)]
    assert [tuple(tally) for tally in study.losses.adjusted] == [("a time goes back: sorted by the clock", 1, (3,))]


def test_the_order_decides(tmp_path):
    mapping = mapped(Field(name="offset", columns=("end",), format=TimeFormat.MM_SS),
                     backward_times=BackwardTimes.HOLD)
    rows = [f"{row},{end}" for row, end in zip(BACK, ["", "00:31", "00:25", "00:41", ""], strict=True)]
    study = read(tmp_path, *rows, header=f"{HEADER},end", mapping=mapping)
    assert moves_of(study, "code", "onset", "offset", "tie")[:3] == [
        ("wd", 10_000_000, None, 0), ("cf", 30_000_000, 31_000_000, 0), ("invite", 30_000_000, 30_000_000, 1)]
    assert [tuple(tally) for tally in study.losses.adjusted] == [
        ("a time goes back: raised to the latest before it", 1, (3,))]


def test_a_stated_order_can_show_that_no_time_goes_back(tmp_path):
    rows = [f"{row},{nr}" for row, nr in zip(BACK, [1, 3, 2, 4, 1], strict=True)]
    study = read(tmp_path, *rows, header=f"{HEADER},nr", mapping=mapped(order_by="nr"))
    assert study.losses.adjusted == ()


def test_a_row_without_a_code_needs_no_time(tmp_path):
    study = read(tmp_path, "D1,1,client,n/a,", GOOD)
    assert study.losses.rows_lost == 1


# --- layouts with many codes a row


def test_wide_columns_become_moves_and_observed_stretches(tmp_path):
    mapping = attrs.evolve(
        read_mapping(FILES / "couplescope.toml"),
        wide=tuple(attrs.evolve(block, last=3) for block in read_mapping(FILES / "couplescope.toml").wide))
    study = read(tmp_path, "129,0,1,1,1,NA,0", "130,,,,,,", "131,0,0,0,0,0,0", "132,x,0,0,0,,0",
                 header="code,IKCB01,IKCB02,IKCB03,DCCB01,DCCB02,DCCB03",
                 mapping=attrs.evolve(mapping, bad_rows=BadRows.DROP_AND_REPORT))
    assert moves_of(study, "dyad", "party", "code", "onset", "row_id") == [
        ("129", "partner_b", "coping", 0, 4), ("129", "partner_a", "stress", 10_000_000, 2),
        ("129", "partner_a", "stress", 20_000_000, 3)]
    stretches = [(each.dyad, each.start, each.end) for each in study.cohort.observed]
    assert stretches == [("129", 0, 10_000_000), ("129", 20_000_000, 30_000_000), ("131", 0, 30_000_000)]
    losses = study.losses
    assert losses.balanced
    assert (losses.rows, losses.used, losses.moves, losses.cells) == (4, 1, 3, 18)
    assert [tally.what for tally in losses.lost] == [
        "IKCB01: unknown value", "every cell is missing", "no code in any of its cells"]
    assert [(tally.what, tally.times) for tally in losses.empty] == [
        ("nothing coded", 8), ("missing, so not observed", 7)]
    assert losses.warnings == (
        "stretches seen in some columns and missing in others count as not observed: 1 (row 1)",)


def test_wide_columns_without_a_clock_count_turns(tmp_path):
    mapping = parse_mapping("""
    format = 1
    name = "demo"
    coding = { codebook = "stages", time = "turn" }
    file = { bad_rows = "refuse" }
    fields.dyad.column = "case"
    fields.session.constant = 1
    fields.party.column = "who"
    [[wide]]
    prefix = "T"
    first = 1
    last = 4
    values = { "0" = "" }
    """)
    study = read(tmp_path, "D1,client,wd,0,,cf", header="case,who,T1,T2,T3,T4", mapping=mapping)
    assert moves_of(study, "code", "onset", "party") == [("wd", 1, "client"), ("cf", 4, "client")]
    assert [(each.start, each.end) for each in study.cohort.observed] == [(1, 2), (4, 4)]
    ended = attrs.evolve(mapping, fields=(*mapping.fields, Field(name="duration", columns=("length",))))
    for length in (1, 3, 4, 9):
        study = read(tmp_path, f"D1,client,wd,0,0,0,{length}", header="case,who,T1,T2,T3,T4,length", mapping=ended)
        assert [(each.start, each.end) for each in study.cohort.observed] == [(1, min(length, 4))]


def test_a_stretch_ends_with_its_session(tmp_path):
    mapping = parse_mapping("""
    format = 1
    name = "demo"
    coding = { codebook = "stages", time = "clock" }
    file = { bad_rows = "refuse" }
    fields.dyad.column = "case"
    fields.session.constant = 1
    fields.duration = { column = "length", format = "seconds" }
    [[wide]]
    prefix = "T"
    first = 1
    last = 4
    interval_seconds = 10
    values = { "0" = "", x = "wd" }
    """)
    study = read(tmp_path, "D1,15,0,x,,0", header="case,length,T1,T2,T3,T4", mapping=mapping)
    assert [(each.start, each.end) for each in study.cohort.observed] == [(0, 15_000_000)]
    error = refused(tmp_path, "D1,5,0,x,,0", header="case,length,T1,T2,T3,T4", mapping=mapping)
    assert "the row lies after the end of the session (00:05)" in str(error.problems[0])


SHEET = "patient_id,session_id,rater,start_sec,WD_P,WD_T"


def test_one_column_a_code_with_marks_and_ratings(tmp_path):
    mapping = read_mapping(FILES / "3rs-sheet.toml")
    study = read(tmp_path, "P1,1,r1,0,4,x", "P1,1,r1,60,1,", "P1,1,r1,180,,x", "P1,1,r2,0,2.5,", header=SHEET,
                 mapping=mapping)
    assert moves_of(study, "track", "code", "party", "onset", "rating", "row_id") == [
        ("r1", "wd-p", "client", 0, 4.0, 1), ("r1", "wd-t", "therapist", 0, None, 2),
        ("r1", "wd-t", "therapist", 180_000_000, None, 6), ("r2", "wd-p", "client", 0, 2.5, 7)]
    stretches = [(each.track, each.start, each.end) for each in study.cohort.observed]
    assert stretches == [("r1", 0, 120_000_000), ("r2", 0, 60_000_000)]
    rule = "wd-p is present where WD_P is above 1"
    assert study.losses.rules == (rule,)
    assert study.cohort.tracks == (Track(name="r1", rule=rule), Track(name="r2", rule=rule))
    assert [(tally.what, tally.times) for tally in study.losses.empty] == [
        ("nothing coded", 2), ("not above the number that the label rule states", 1), ("missing, so not observed", 1)]
    assert study.losses.balanced


def test_stretches_are_observed_where_every_column_of_the_track_was(tmp_path):
    mapping = attrs.evolve(read_mapping(FILES / "3rs-sheet.toml"), missing=("NA",))
    study = read(tmp_path, "P1,1,r1,0,NA,x", "P1,1,r1,60,2,NA", "P1,1,r1,120,NA,NA", "P1,1,r1,180,1,x", header=SHEET,
                 mapping=mapping)
    assert [(each.start, each.end) for each in study.cohort.observed] == [(180_000_000, 240_000_000)]
    assert study.losses.warnings == (
        "stretches seen in some columns and missing in others count as not observed: 2 (rows 1, 2)",
        "moves outside the stretches that were observed: 2; is the table of observed stretches whole?")
    assert [tally.what for tally in study.losses.lost] == ["every cell is missing"]


@given(st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)), max_size=6), max_size=4))
def test_common_stretches_are_those_of_every_set(sets):
    spans = [[(start, start + length) for start, length in each] for each in sets]
    points = [{at for start, end in each for at in range(start, end)} for each in spans]
    found = common(spans)
    assert {at for start, end in found for at in range(start, end)} == (set.intersection(*points) if points else set())
    assert found == sorted(found)
    assert all(start < end for start, end in found)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found))


def test_a_column_of_ratings_may_have_a_word_for_absent(tmp_path):
    base = read_mapping(FILES / "3rs-sheet.toml")
    columns = (attrs.evolve(base.code_columns[0], absent=("", "none")), base.code_columns[1])
    study = read(tmp_path, "P1,1,r1,0,none,", "P1,1,r1,60,,", "P1,1,r1,120,1.001,", header=SHEET,
                 mapping=attrs.evolve(base, code_columns=columns))
    assert moves_of(study, "onset", "rating") == [(120_000_000, 1.001)]
    assert [(each.start, each.end) for each in study.cohort.observed] == [(0, 180_000_000)]


def test_a_label_rule_is_added_to_what_a_track_says_of_itself(tmp_path):
    mapping = attrs.evolve(read_mapping(FILES / "3rs-sheet.toml"), tracks=(
        Track(name="r1", kind=TrackKind.AUTOMATIC, rule="v2"), Track(name="r9")))
    study = read(tmp_path, "P1,1,r1,0,4,x", header=SHEET, mapping=mapping)
    assert study.cohort.tracks == (
        Track(name="r1", kind=TrackKind.AUTOMATIC, rule="v2; wd-p is present where WD_P is above 1"), Track(name="r9"))


def test_columns_of_several_raters_in_one_row(tmp_path):
    base = read_mapping(FILES / "3rs-sheet.toml")
    columns = tuple(CodeColumn(column=f"WD_{rater}", code="wd-p", party="Patient", track=rater, present=("1",),
                               absent=("0",)) for rater in ("r1", "r2"))
    mapping = attrs.evolve(base, code_columns=columns, fields=tuple(
        field for field in base.fields if field.name != "rater"))
    study = read(tmp_path, "P1,1,0,1,0", "P1,1,60,0,1", "P1,1,120,,1", mapping=mapping,
                 header="patient_id,session_id,start_sec,WD_r1,WD_r2")
    assert moves_of(study, "track", "onset", "party") == [
        ("r1", 0, "client"), ("r2", 60_000_000, "client"), ("r2", 120_000_000, "client")]
    assert [(each.track, each.end) for each in study.cohort.observed] == [("r1", 120_000_000), ("r2", 180_000_000)]


def test_a_track_keeps_the_label_rules_of_its_own_columns(tmp_path):
    base = read_mapping(FILES / "3rs-sheet.toml")
    columns = tuple(CodeColumn(column=f"WD_{rater}", code="wd-p", track=rater, rating=True, above=above)
                    for rater, above in (("r1", 1000), ("r2", 2000)))
    mapping = attrs.evolve(base, code_columns=columns, fields=tuple(
        field for field in base.fields if field.name != "rater"))
    study = read(tmp_path, "P1,1,0,2,2", "P1,1,60,5,5", mapping=mapping,
                 header="patient_id,session_id,start_sec,WD_r1,WD_r2")
    assert moves_of(study, "track", "onset") == [("r1", 0), ("r1", 60_000_000), ("r2", 60_000_000)]
    assert [track.rule for track in study.cohort.tracks] == [
        "wd-p is present where WD_r1 is above 1", "wd-p is present where WD_r2 is above 2"]


def test_rows_with_an_end_observe_up_to_it(tmp_path):
    mapping = mapped(Field(name="offset", columns=("end",), format=TimeFormat.MM_SS),
                     Field(name="code", columns=("code",), values={"none": ""}), observed=Observed.ROWS)
    study = read(tmp_path, f"{GOOD},00:20", "D1,1,client,none,00:20,00:40", "D1,1,client,n/a,00:40,00:50",
                 header=f"{HEADER},end", mapping=mapping)
    assert [(each.start, each.end) for each in study.cohort.observed] == [(10_000_000, 40_000_000)]


def test_rows_of_turns_observe_their_last_turn(tmp_path):
    mapping = timed("turn", Field(name="onset", columns=("start",)), Field(name="offset", columns=("end",)),
                    observed=Observed.ROWS)
    study = read(tmp_path, "D1,1,client,wd,1,3", "D1,1,client,wd,4,4", "D1,1,client,wd,6,6", mapping=mapping,
                 header=f"{HEADER},end")
    assert [(each.start, each.end) for each in study.cohort.observed] == [(1, 4), (6, 6)]


# --- segments without a marker


NONE = attrs.evolve(read_mapping(FILES / "3rs-sheet.toml"), none_code="none", missing=("NA",), code_columns=(
    CodeColumn(column="WD_P", code="wd-p", party="client", present=("x",), absent=("",)),
    CodeColumn(column="RP", code="rp-explore", party="therapist", present=("x",), absent=("",))))
NONE_SHEET = "patient_id,session_id,rater,start_sec,WD_P,RP"


def none_of(study, *names):
    return [tuple(getattr(move, name) for name in names) for move in study.cohort.moves if move.code == "none"]


def test_a_segment_without_a_marker_becomes_a_move(tmp_path):
    study = read(tmp_path, "P1,1,r1,0,x,", "P1,1,r1,60,,x", "P1,1,r1,120,,", "P1,1,r1,180,NA,", "P1,1,r1,240,NA,NA",
                 "P1,1,r2,0,,", header=NONE_SHEET, mapping=NONE)
    assert moves_of(study, "track", "code", "party", "onset", "tie", "source_row") == [
        ("r1", "wd-p", "client", 0, 0, 1), ("r1", "rp-explore", "therapist", 60_000_000, 0, 2),
        ("r1", "none", None, 60_000_000, 1, 2), ("r1", "none", None, 120_000_000, 0, 3), ("r2", "none", None, 0, 0, 6)]
    losses = study.losses
    assert losses.balanced
    assert (losses.rows, losses.used, losses.moves, losses.cells) == (6, 4, 5, 12)
    assert [tuple(tally) for tally in losses.added] == [
        ("'none' for observed segments without a marker", 3, (2, 3, 6))]
    assert [(tally.what, tally.times) for tally in losses.empty] == [
        ("nothing coded", 6), ("missing, so not observed", 3),
        ("nothing coded, but another column did not see that stretch, so not observed", 1)]
    assert {track.rule for track in study.cohort.tracks} == {"none is given to observed segments without a marker"}
    without = read(tmp_path, "P1,1,r1,0,x,", "P1,1,r1,60,,x", "P1,1,r1,120,,", "P1,1,r1,180,NA,", "P1,1,r1,240,NA,NA",
                   "P1,1,r2,0,,", header=NONE_SHEET, mapping=attrs.evolve(NONE, none_code=None))
    assert without.cohort.observed == study.cohort.observed
    assert without.losses.moves == 2


def test_with_a_code_for_no_marker_a_model_of_the_3rs_can_end(tmp_path):
    study = read(tmp_path, "P1,1,r1,0,x,", "P1,1,r1,60,,x", "P1,1,r1,120,,", header=NONE_SHEET, mapping=NONE)
    rule = SegmentationRule(name="markers", opens=("withdrawal_marker", "confrontation_marker"), gap=None)
    (trace,) = trace_cohort(segment(study.cohort, rule), load_model("3rs-native"))
    assert str(trace.reached) == "yes"
    assert trace.path[-1] == "quiet"


def test_rows_on_one_segment_are_judged_together(tmp_path):
    rows = ["P1,1,r1,0,x,", "P1,1,r1,0,,", "P1,1,r1,60,,", "P1,1,r1,60,,x", "P1,1,r1,120,,", "P1,1,r1,120,NA,NA"]
    study = read(tmp_path, *rows, header=NONE_SHEET, mapping=NONE)
    assert none_of(study, "onset", "tie", "source_row") == [(60_000_000, 1, 4)]
    assert study.losses.balanced
    assert [(each.start, each.end) for each in study.cohort.observed] == [(0, 120_000_000)]
    assert study.losses.warnings == (
        "stretches seen in some columns and missing in others count as not observed: 1 (row 5)",)


def test_a_segment_that_holds_the_code_already_is_left_alone(tmp_path):
    columns = (NONE.code_columns[0], CodeColumn(column="RP", code="none", present=("x",), absent=("",)))
    study = read(tmp_path, "P1,1,r1,0,,x", "P1,1,r1,60,,", header=NONE_SHEET,
                 mapping=attrs.evolve(NONE, code_columns=columns))
    assert none_of(study, "onset", "row_id") == [(0, 2), (60_000_000, 7)]
    assert study.losses.added[0].times == 1


def test_each_track_of_a_row_has_its_own_segments_without_a_marker(tmp_path):
    columns = tuple(CodeColumn(column=name, code="wd-p", track=name, present=("x",), absent=("",))
                    for name in ("WD_P", "RP"))
    mapping = attrs.evolve(NONE, code_columns=columns, fields=tuple(
        field for field in NONE.fields if field.name != "rater"))
    study = read(tmp_path, "P1,1,r1,0,x,", "P1,1,r1,60,,", header=NONE_SHEET, mapping=mapping)
    assert none_of(study, "track", "onset") == [("RP", 0), ("RP", 60_000_000), ("WD_P", 60_000_000)]
    assert len(set(study.cohort.moves.row_id.tolist())) == 4
    assert study.losses.balanced


WIDE = parse_mapping("""
format = 1
name = "demo"
coding = { codebook = "3rs-2022", time = "segment", segment_seconds = 10, none_code = "none" }
file = { bad_rows = "refuse", missing = ["NA"] }
fields.dyad.column = "case"
fields.session.constant = 1
fields.party.column = "who"
fields.duration = { column = "length", format = "seconds" }
[[wide]]
prefix = "T"
first = 1
last = 4
values = { "0" = "", x = "wd-p", e = "rp-explore" }
""")
WIDE_SHEET = "case,who,length,T1,T2,T3,T4"


def test_intervals_without_a_marker_become_moves_up_to_the_end_of_the_session(tmp_path):
    study = read(tmp_path, "D1,client,25,x,0,0,0", "D2,,,0,NA,e,x", header=WIDE_SHEET, mapping=WIDE)
    assert none_of(study, "dyad", "onset", "source_row") == [
        ("D1", 10_000_000, 1), ("D1", 20_000_000, 1), ("D2", 0, 2), ("D2", 20_000_000, 2)]
    assert [(each.dyad, each.start, each.end) for each in study.cohort.observed] == [
        ("D1", 0, 25_000_000), ("D2", 0, 10_000_000), ("D2", 20_000_000, 40_000_000)]
    assert study.losses.warnings == ()
    assert study.losses.balanced


def test_an_interval_is_observed_where_neither_partners_row_misses_it(tmp_path):
    study = read(tmp_path, "D1,client,,0,0,x,NA", "D1,therapist,,0,NA,NA,NA", header=WIDE_SHEET, mapping=WIDE)
    assert [(each.start, each.end) for each in study.cohort.observed] == [(0, 10_000_000)]
    assert moves_of(study, "code", "onset", "party", "source_row") == [
        ("none", 0, None, 2), ("wd-p", 20_000_000, "client", 1)]
    assert study.losses.warnings == (
        "stretches seen in some columns and missing in others count as not observed: 1 (row 1)",
        "moves outside the stretches that were observed: 1; is the table of observed stretches whole?")
    assert [(tally.what, tally.times) for tally in study.losses.empty] == [
        ("missing, so not observed", 4), ("nothing coded", 2),
        ("nothing coded, but another column did not see that stretch, so not observed", 1)]
    assert study.losses.balanced


@given(st.lists(st.tuples(st.sampled_from("ab"), *[st.sampled_from(["0", "x", "e", ""])] * 4), max_size=5))
def test_intervals_are_observed_marked_or_without_a_marker(tmp_path_factory, rows):
    path = written(tmp_path_factory.mktemp("wide"), WIDE_SHEET, *(f"{row[0]},,,{','.join(row[1:])}" for row in rows))
    losses, cohort = _read_quietly(path, WIDE)
    said = {(dyad, at): {row[at + 1] for row in rows if row[0] == dyad} for dyad, *_ in rows for at in range(4)}
    seen = {place for place, words in said.items() if "" not in words}
    stretches = {(each.dyad, at) for each in cohort.observed for at in range(each.start // 10**7, each.end // 10**7)}
    assert stretches == seen
    assert Counter((move.dyad, move.onset // 10**7) for move in cohort.moves if move.code == "none") == Counter(
        place for place in seen if "x" not in said[place])
    half = {place for place, words in said.items() if "" in words and len(words) > 1}
    assert any("count as not observed" in text for text in losses.warnings) == bool(half)
    assert losses.balanced


# --- what is refused


@pytest.mark.parametrize(("row", "says"), [
    ("D1,1,client,W9,00:10", "code: unknown code 'W9'"),
    ("D1,1,client,invit,00:10", "did you mean 'invite'?"),
    ("D1,1,cleint,wd,00:10", "'cleint'"),
    ("D1,1,observer,wd,00:10", "rupturekit models dyads"),
    ("D1,intake,client,wd,00:10", 'values = { "intake" = 1 }'),
    ("D1,1.5,client,wd,00:10", "is not a whole number"),
    ("D1,-1,client,wd,00:10", "'-1' is not a whole number"),
    ("D1,1,client,wd,1:5", "is not a time in mm:ss; expected for example 12:34"),
    ("D1,1,client,wd,-00:05", "'-00:05' lies outside the session"),
    ("D1,1,client,wd,00:10.1234567", "finer than a microsecond"),
    ("D1,1,client,wd," + "9" * 30 + ":00", "too large"),
    ("D1,1,client,wd,", "onset (start): no onset"),
    (",1,client,wd,00:10", "dyad (case): no dyad"),
    ("D1,,client,wd,00:10", "session: no session"),
    ("=D1,1,client,wd,00:10", "'=D1' looks like a formula; write it as plain text"),
    ("D1,1,client,=1+1,00:10", "looks like a formula"),
    ("D1,1,@x,wd,00:10", "looks like a formula"),
    ("D\x0b1,1,client,wd,00:10", "is not a plain word"),
    ("D1,1,client,wd", "wrong number of cells"),
    ("D1,1,client,wd,00:10,x", "wrong number of cells"),
    ('"D"1,1,client,wd,00:10', "broken quotation marks"),
    (f"{'D' * 100_001},1,client,wd,00:10", "cell too large"),
])
def test_each_bad_row_has_its_sentence(tmp_path, row, says):
    error = refused(tmp_path, GOOD, row)
    assert says in "\n".join([str(error), *map(str, error.problems)])
    assert error.problems[0].row == 2
    assert error.problems[0].file == "sheet.csv"
    dropped = read(tmp_path, GOOD, row, mapping=mapped(bad_rows=BadRows.DROP_AND_REPORT)).losses
    assert (dropped.rows, dropped.moves, dropped.rows_lost) == (2, 1, 1)
    assert dropped.lost[0].rows == (2,)
    assert dropped.balanced


MORE = {
    "offset": Field(name="offset", columns=("x",), format=TimeFormat.MM_SS),
    "rating": Field(name="rating", columns=("x",)),
    "note": Field(name="note", columns=("x",)),
    "rater": Field(name="rater", columns=("x",)),
    "perspective": Field(name="perspective", columns=("x",)),
    "status": Field(name="status", columns=("x",)),
    "tie": Field(name="tie", columns=("x",)),
    "day": Field(name="day", columns=("x",)),
    "duration": Field(name="duration", columns=("x",), format=TimeFormat.MINUTES),
    "media": Field(name="media", columns=("x",), format=TimeFormat.SECONDS),
    "therapist": Field(name="therapist", columns=("x",)),
}


@pytest.mark.parametrize(("field", "cell", "says"), [
    ("offset", "00:05", "the row ends before it starts"),
    ("offset", "later", "is not a time in mm:ss"),
    ("rating", "high", "'high' is not a number"),
    ("rating", "-1", "'-1' is not a rating; expected at least 0"),
    ("rating", "1.0001", "finer than can be kept"),
    ("rating", "9" * 30, "is not a rating"),
    ("rating", "1_0", "without separators"),
    ("note", "=HYPERLINK(1)", "looks like a formula"),
    ("note", "n" * 10_001, "the note has 10,001 characters"),
    ("rater", "", "rater (x): no rater"),
    ("perspective", "obsrver", "did you mean 'observer'?"),
    ("status", "?", "'?' is not one of hypothesised, reported, coded, consensus; map it under values"),
    ("tie", "-1", "out of range"),
    ("day", "2021-05-12", "a calendar date identifies people"),
    ("day", "12.05.2021", "a calendar date identifies people"),
    ("day", "Monday", "'Monday' is not a whole number"),
    ("duration", "0.1", "the row lies after the end of the session (00:06)"),
    ("media", "x", "is not a time in seconds"),
    ("therapist", "+T1", "looks like a formula"),
])
def test_each_bad_cell_of_other_fields_has_its_sentence(tmp_path, field, cell, says):
    mapping = mapped(MORE[field])
    error = refused(tmp_path, f"{GOOD},{cell}", header=f"{HEADER},x", mapping=mapping)
    assert says in "\n".join([str(error), *map(str, error.problems)])
    assert "2021" not in str(error)


def test_rows_that_contradict_each_other_are_refused(tmp_path):
    mapping = mapped(MORE["day"], Field(name="arm", columns=("y",)))
    error = refused(tmp_path, f"{GOOD},1,a", f"{GOOD},2,a", f"{GOOD},,b", header=f"{HEADER},x,y", mapping=mapping)
    assert [(problem.field, problem.row) for problem in error.problems] == [("day", 2), ("arm", 3)]
    assert {(one.kind, one.value, one.file, one.message) for one in error.problems} == {
        ("contradiction", "", "sheet.csv", "another row of the same session or dyad says otherwise; keep the true one")}


@pytest.mark.parametrize(("start", "end", "length", "good"), [
    ("00:10", "00:12", "12", True), ("00:10", "00:12", "11.999999", False), ("00:10", "", "10", True),
    ("00:10", "", "9.999999", False), ("00:00", "", "0", True), ("61:40", "", "3661.25", False)])
def test_a_row_after_the_end_of_its_session_is_told(tmp_path, start, end, length, good):
    mapping = mapped(Field(name="offset", columns=("end",), format=TimeFormat.MM_SS),
                     Field(name="duration", columns=("length",), format=TimeFormat.SECONDS))
    row, header = f"D1,1,client,wd,{start},{end},{length}", f"{HEADER},end,length"
    if good:
        assert len(read(tmp_path, row, header=header, mapping=mapping).cohort.moves) == 1
        return
    (found,) = refused(tmp_path, row, header=header, mapping=mapping).problems
    shown = {"11.999999": "00:12", "9.999999": "00:10", "3661.25": "1:01:01.25"}[length]
    assert (found.kind, found.field, found.value, found.row, found.file, found.message) == (
        "outside the session", "onset", "", 1, "sheet.csv",
        f"the row lies after the end of the session ({shown}); check the time format or the session's duration")


def test_facts_of_sessions_and_dyads_may_be_said_once_or_often(tmp_path):
    mapping = mapped(MORE["day"], Field(name="arm", columns=("y",)), Field(name="therapist", columns=("z",)),
                     Field(name="attended", columns=("w",)), Field(name="duration", columns=("v",), format=TimeFormat.SECONDS))
    rows = [f"{GOOD},,a,,yes,", f"{GOOD},0,,T1,,60", f"{GOOD},0,a,T1,yes,60", "D1,2,client,wd,00:10,3,,,,", "D2,1,client,wd,00:10,,,,,"]
    study = read(tmp_path, *rows, header=f"{HEADER},x,y,z,w,v", mapping=mapping)
    assert list(study.cohort.sessions) == [
        Session(dyad="D1", session=1, day=0, attended=Attendance.YES, duration=60_000_000), Session(dyad="D1", session=2, day=3),
        Session(dyad="D2", session=1)]
    assert list(study.cohort.dyads) == [Dyad(dyad="D1", therapist="T1", arm="a")]
    assert list(study.cohort.observed) == []


def test_a_whole_account(tmp_path):
    columns = (CodeColumn(column="WD", code="wd-p", rating=True, above=1_000),
               CodeColumn(column="RP", code="rp-explore", present=("x",), absent=("",)))
    rows = ["P1,1,r1,0,2.5,", "P1,1,r1,60,1,", "P1,1,r1,120,NA,NA", "P1,1,r1,180,0,x", "P1,1,r1,late,0,x", "P1,1,r1,240,1,", ",,,,,"]
    study = read(tmp_path, *(f"{row}," for row in rows), header=f"{NONE_SHEET.replace('WD_P', 'WD')},more",
                 mapping=attrs.evolve(NONE, code_columns=columns, bad_rows=BadRows.DROP_AND_REPORT))
    assert study.losses == LossReport(
        file="sheet.csv", rows=6, blank=1, used=4, moves=5, cells=10, unused_columns=("more",),
        lost=(Tally("onset (start_sec): not a time", 1, (5,)), Tally("every cell is missing", 1, (3,))),
        empty=(Tally("nothing coded", 3, (1, 2, 6)), Tally("not above the number that the label rule states", 3, (2, 4, 6)),
               Tally("missing, so not observed", 2, (3,))),
        added=(Tally("'none' for observed segments without a marker", 3, (2, 4, 6)),),
        rules=("wd-p is present where WD is above 1",))
    assert study.losses.balanced
    assert list(study.cohort.tracks) == [Track(name="r1", rule="wd-p is present where WD is above 1; none is given to observed "
                                                               "segments without a marker")]
    assert moves_of(study, "row_id", "code", "onset", "tie", "source_row", "rating") == [
        (1, "wd-p", 0, 0, 1, 2.5), (7, "none", 60_000_000, 0, 2, None), (14, "rp-explore", 180_000_000, 0, 4, None),
        (15, "none", 180_000_000, 1, 4, None), (23, "none", 240_000_000, 0, 6, None)]
    assert list(study.cohort.observed) == [
        ObservedStretch(dyad="P1", session=1, track="r1", start=start, end=end, codebook="3rs-2022")
        for start, end in ((0, 120_000_000), (180_000_000, 300_000_000))]


def test_sessions_out_of_order_are_refused(tmp_path):
    error = refused(tmp_path, f"{GOOD},9", "D1,2,client,wd,00:10,3", header=f"{HEADER},x", mapping=mapped(MORE["day"]))
    assert "number sessions in the order they took place" in str(error.problems[0])


def test_all_bad_cells_are_told_at_once_and_grouped(tmp_path):
    rows = ["D1,x,nobody,W9,late", *["D1,1,client,W9,00:10"] * 4, "D1,1,client"]
    error = refused(tmp_path, *rows)
    assert error.count == 9
    assert error.groups[0][:4] == ("code", "unknown code", "W9", 5)
    assert {group[0] for group in error.groups} == {"code", "session", "party (who)", "onset (start)", ""}


def test_dropped_rows_are_listed_by_reason(tmp_path):
    rows = [GOOD, "D1,x,nobody,W9,late", *["D1,1,client,W9,00:10"] * 7, "D1,1,client", "D1,1,client,W8,00:10"]
    losses = read(tmp_path, *rows, mapping=mapped(bad_rows=BadRows.DROP_AND_REPORT)).losses
    assert str(losses).splitlines() == [
        "11 rows = 1 move + 10 rows left out",
        "  left out: code: unknown code 'W9': 7 (first in rows 3, 4, 5, 6, 7)",
        "  left out: session: not a session number: 1 (row 2)",
        "  left out: wrong number of cells: 1 (row 10)",
        "  left out: code: unknown code 'W8': 1 (row 11)",
    ]


@pytest.mark.parametrize(("header", "says"), [
    ("case,session,who,kode,start", "fields.code: no such column 'code'; did you mean 'kode'?"),
    ("a,b,c,d,e", "fields.dyad: no such column 'case'; it has a, b, c, d, e"),
    ("case,session,who,code,start,code", "fields.code: duplicate name 'code'; rename all but one in the file"),
])
def test_columns_that_are_not_there_are_told_with_the_nearest(tmp_path, header, says):
    for policy in BadRows:
        row = ",".join("x" for _ in header.split(","))
        error = refused(tmp_path, row, header=header, mapping=mapped(bad_rows=policy))
        assert says in str(error)


def test_missing_columns_of_a_block_are_one_problem(tmp_path):
    mapping = read_mapping(FILES / "couplescope.toml")
    error = refused(tmp_path, "1", header="code", mapping=mapping)
    assert error.count == 2
    assert "'IKCB01', 'IKCB02', 'IKCB03', 'IKCB04', 'IKCB05' (+43 more): no such column" in error.problems[0].message


def test_columns_that_are_not_used_may_be_odd(tmp_path):
    study = read(tmp_path, f"1,{GOOD},x,y", header=f",{HEADER},a,a")
    assert study.losses.unused_columns == ("column 1", "a", "a")


def test_constants_are_judged_once(tmp_path):
    error = refused(tmp_path, GOOD, GOOD, mapping=mapped(Field(name="session", constant="intake")))
    assert error.count == 1
    assert "fields.session.constant" in str(error)


def test_a_file_is_not_read_where_the_mapping_has_mistakes(tmp_path):
    with pytest.raises(RuptureKitError, match="1 mistake in this mapping"):
        read(tmp_path, GOOD, mapping=attrs.evolve(BASE, fields=BASE.fields[1:]))


def test_an_order_column_has_to_be_numeric(tmp_path):
    rows = [f"{GOOD},1", f"{GOOD},x", f"{GOOD},"]
    error = refused(tmp_path, *rows, header=f"{HEADER},nr", mapping=mapped(order_by="nr"))
    assert [problem.field for problem in error.problems] == ["order_by (nr)"] * 2


def test_marks_that_nobody_explained_are_refused(tmp_path):
    error = refused(tmp_path, "P1,1,r1,0,4,v", "P1,1,r1,0,high,", header=SHEET,
                    mapping=read_mapping(FILES / "3rs-sheet.toml"))
    assert [problem.kind for problem in error.problems] == ["unknown mark", "not a number"]
    assert "'v' is neither present nor absent" in str(error.problems[0])


@pytest.mark.parametrize("content", [
    b"", b"\n\n", b"\x00\x01", b"\xff\xfe\x00", b"PK\x03\x04", b'case,"session\n', b"case\n\xff\xfe\x81", b"\r\r\r",
    b'case,session,who,code,start\nD1,1,client,wd,"00:10\n'])
def test_files_that_are_no_table_get_a_sentence(tmp_path, content):
    path = tmp_path / "sheet.csv"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        with pytest.raises(RuptureKitError) as caught:
            read_table(path, BASE)
    assert "sheet.csv" in str(caught.value)


def test_a_missing_file_and_a_folder_get_a_sentence(tmp_path):
    for path in (tmp_path / "no.csv", tmp_path):
        with pytest.raises(FileProblem):
            read_table(path, BASE)
    with pytest.raises(FileProblem, match="no such mapping file"):
        read_table(written(tmp_path, HEADER), tmp_path / "no.toml")


# --- what is odd


def test_a_table_without_rows_says_so(tmp_path):
    losses = read(tmp_path, ",,,,").losses
    assert str(losses).splitlines() == [
        "0 rows = 0 moves + 0 rows left out", "  blank rows, no data: 1", "  note: no row became a move"]


def test_a_code_of_the_other_party_is_noted(tmp_path):
    losses = read(tmp_path, GOOD, "D1,1,client,invite,00:11").losses
    assert losses.warnings == ("'invite' given to the client, whom the codebook does not name for it: 1 (first: move 2)",)


def test_ratings_outside_the_scale_are_noted(tmp_path):
    mapping = read_mapping(FILES / "3rs-sheet.toml")
    mapping = attrs.evolve(mapping, code_columns=(attrs.evolve(mapping.code_columns[0], above=0),))
    rows = [f"P1,1,r1,{at * 60},{rating}," for at, rating in enumerate([1, 5, 3, 0.5, 5.001])]
    losses = read(tmp_path, *rows, header=SHEET, mapping=mapping).losses
    assert losses.warnings == ("ratings outside the codebook's scale salience (1 to 5): 2",)


def test_what_looks_personal_is_warned_of_and_not_repeated(tmp_path):
    mapping = mapped(MORE["therapist"], Field(name="note", columns=("y",)))
    with pytest.warns(CodingWarning) as caught:
        read(tmp_path, f"{GOOD},Anna Huber,seen 12.05.2021", header=f"{HEADER},x,y", mapping=mapping)
    assert {each.filename for each in caught} == {__file__}    # the call in `read`
    said = sorted(str(each.message) for each in caught)
    assert said == [
        "sheet.csv: column 'note': 1 of 1 values looks like a calendar date; count days from the first session instead",
        "sheet.csv: column 'therapist': 1 of 1 values looks like a name; replace it by a pseudonym"]


# --- dialects


ROWS = [("D1", "1", "client", "wd", "10.5", "2.5", "tea"),
        ("D1", "1", "therapist", "invite", "12.25", "", "späte Stunde")]
LONG = f"{HEADER},rating,note"


def dialect(comma):
    return mapped(Field(name="onset", columns=("start",), format=TimeFormat.SECONDS),
                  Field(name="rating", columns=("rating",)), Field(name="note", columns=("note",)), **comma)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_european_file_equals_the_plain_one(tmp_path, encoding, delimiter, declared):
    plain = read(tmp_path, *map(",".join, ROWS), header=LONG, mapping=dialect({}))
    european = [delimiter.join([*row[:4], row[4].replace(".", ","), row[5].replace(".", ","), row[6]]) for row in ROWS]
    path = written(tmp_path, LONG.replace(",", delimiter), *european, name="eu.csv", encoding=encoding)
    stated = {"delimiter": delimiter, "encoding": encoding, "decimal_comma": True} if declared else {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = read_table(path, dialect(stated))
    assert study.cohort == plain.cohort
    assert bool(study.losses.warnings) is not declared
    assert len(caught) == (encoding == "cp1252" and not declared)


@given(st.lists(st.tuples(st.sampled_from(["D1", "Ä2"]), st.integers(0, 10**6), st.integers(0, 5000),
                          st.text("abcäöü ß;,.\"'", max_size=8)), min_size=1, max_size=12))
def test_a_european_file_equals_the_plain_one_whatever_it_says(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("dialects")
    cells = [(dyad, "1", "client", "wd", f"{onset / 1000}", f"{rating / 1000}", note.strip())
             for dyad, onset, rating, note in rows]
    plain, european = folder / "plain.csv", folder / "eu.csv"
    with plain.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([LONG.split(","), *cells])
    with european.open("w", encoding="cp1252", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows([LONG.split(","), *(
            (*row[:4], row[4].replace(".", ","), row[5].replace(".", ","), row[6]) for row in cells)])
    sort = {"backward_times": BackwardTimes.SORT}
    one = read_table(plain, dialect({**sort, "delimiter": ",", "decimal_comma": False}))
    other = read_table(european, dialect({**sort, "delimiter": ";", "encoding": "cp1252", "decimal_comma": True}))
    assert one.cohort == other.cohort
    assert one.losses.moves == other.losses.moves == len(rows)


def test_a_point_is_no_decimal_comma(tmp_path):
    error = refused(tmp_path, *map(",".join, ROWS), header=LONG, mapping=dialect({"decimal_comma": True}))
    assert [problem.kind for problem in error.problems] == ["not a time", "not a number", "not a time"]
    assert "'10.5' is not a number with a decimal comma" in str(error.problems[0])


# --- laws


cells = st.one_of(
    st.sampled_from(["D1", "D2", "1", "2", "client", "therapist", "wd", "cf", "invite", "00:10", "01:20", "n/a", "",
                     "-", "x", "3", "2.5", "=1", "observer", "0"]),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters='\0'), max_size=6))
garbage = st.lists(st.lists(cells, min_size=1, max_size=8), max_size=25)

LENIENT = mapped(
    Field(name="rating", columns=("r",)), Field(name="code", columns=("code", "r"), values={"-": "", "x": "wd"}),
    Field(name="party", columns=("who",), values={"observer": ""}), bad_rows=BadRows.DROP_AND_REPORT,
    backward_times=BackwardTimes.HOLD)
LENIENT_NONE = attrs.evolve(NONE, bad_rows=BadRows.DROP_AND_REPORT, backward_times=BackwardTimes.HOLD)
LENIENT_SHEET = attrs.evolve(read_mapping(FILES / "3rs-sheet.toml"), bad_rows=BadRows.DROP_AND_REPORT,
                             backward_times=BackwardTimes.SORT)


@given(garbage, st.sampled_from([(LENIENT, f"{HEADER},r"), (LENIENT_SHEET, SHEET), (LENIENT_NONE, NONE_SHEET)]))
def test_rows_in_are_rows_out_under_any_garbage(tmp_path_factory, rows, how):
    mapping, header = how
    path = tmp_path_factory.mktemp("garbage") / "sheet.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header.split(","), *rows])
    losses, cohort = _read_quietly(path, attrs.evolve(mapping, delimiter=",", encoding="utf-8"))
    content = sum(any(map(str.strip, row)) for row in rows)
    assert losses.rows == content
    assert losses.rows == losses.used + sum(tally.times for tally in losses.lost)
    assert losses.moves == len(cohort.moves)
    assert losses.balanced
    assert len(set(cohort.moves.row_id.tolist())) == len(cohort.moves)


def _read_quietly(path, mapping):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        study = read_table(path, mapping)
    return study.losses, study.cohort


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_told_in_a_sentence(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "sheet.csv"
    path.write_bytes(f"{HEADER}\n{GOOD}\n".encode() + content)
    try:
        losses, _ = _read_quietly(path, attrs.evolve(BASE, bad_rows=BadRows.DROP_AND_REPORT))
    except RuptureKitError:
        return
    assert losses.balanced


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.sampled_from(["wd", "cf", "invite"])), max_size=30),
       st.sampled_from([BackwardTimes.HOLD, BackwardTimes.SORT]))
def test_backward_times_keep_every_move_and_are_counted(tmp_path_factory, rows, policy):
    lines = [f"D{dyad},1,,{code},00:{onset:02d}" for dyad, onset, code in rows]
    path = written(tmp_path_factory.mktemp("back"), HEADER, *lines)
    study = read_table(path, mapped(backward_times=policy))
    latest, back = Counter(), 0
    for dyad, onset, _ in rows:
        back += onset < latest[dyad]
        latest[dyad] = max(latest[dyad], onset)
    assert sum(tally.times for tally in study.losses.adjusted) == back
    assert len(study.cohort.moves) == len(rows)
    held = moves_of(study, "dyad", "onset", "tie", "source_row")
    if policy is BackwardTimes.HOLD:
        order = [row for _, _, _, row in held]
        by_dyad = sorted(range(1, len(rows) + 1), key=lambda row: rows[row - 1][0])
        assert order == by_dyad
    else:
        assert held == sorted(held, key=lambda move: (move[0], move[1], move[3]))


# --- tables of the sizes and shapes that the field has


ANNOMI = ["transcript_id", "mi_quality", "video_title", "video_url", "topic", "utterance_id", "interlocutor",
          "timestamp", "utterance_text", "main_therapist_behaviour", "client_talk_type"]


def annomi_like(path, *, rows=6196, sessions=83, ties=815, backward=7, broken=0):
    """Write a table of AnnoMI's layout with a given number of ties, backward times and malformed times."""
    header = ANNOMI
    sizes = [rows // sessions + (at < rows % sessions) for at in range(sessions)]
    inner = [(session, at) for session, size in enumerate(sizes) for at in range(1, size)]
    tied = set(inner[:: len(inner) // ties][:ties])
    free = [place for place in inner if place not in tied and (place[0], place[1] + 1) not in tied]
    back = set(free[:: len(free) // backward][:backward])
    bad = set([place for place in free if place not in back][1 :: 50][:broken])
    lines = []
    for session, size in enumerate(sizes):
        clock = 0
        for at in range(size):
            place = (session, at)
            step = 0 if place in tied else -1 if place in back else 3
            clock += step
            lines.append(_annomi_row(session, at, clock, broken=place in bad))
            clock += 2 if place in back else 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *lines])
    return lines


def _annomi_row(session, at, clock, *, broken):
    therapist = at % 2 == 0
    behaviour = ["reflection", "question", "therapist_input", "other"][at // 2 % 4] if therapist else "n/a"
    talk = "n/a" if therapist else ["change", "neutral", "sustain"][(at + session) // 2 % 3]
    time = "00:0x:00" if broken else f"{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"
    return [session, "high", f"tape {session}", "", "habits", at, "therapist" if therapist else "client", time,
            "words, and more words", behaviour, talk]


def test_a_table_of_the_size_of_annomi(tmp_path):
    annomi_like(tmp_path / "annomi.csv")
    study = read_table(tmp_path / "annomi.csv", FILES / "annomi.toml")
    losses, moves = study.losses, study.cohort.moves
    assert (losses.rows, losses.moves, losses.rows_lost) == (6196, 6196, 0)
    assert losses.balanced
    assert [tally.times for tally in losses.adjusted] == [7]
    held = 7  # a time that is raised to the one before it is one more tie
    assert int((moves.tie > 0).sum()) == 815 + held
    assert study.cohort.counts() == {"move": 6196, "dyad": 83, "session": 83, "track": 1, "episode": 0}
    assert losses.unused_columns == ("mi_quality", "video_title", "video_url", "topic", "utterance_text")


def test_malformed_times_are_dropped_and_told(tmp_path):
    annomi_like(tmp_path / "annomi.csv", broken=3)
    losses = read_table(tmp_path / "annomi.csv", FILES / "annomi.toml").losses
    assert str(losses).splitlines()[0] == "6,196 rows = 6,193 moves + 3 rows left out"
    assert losses.lost[0].what == "onset (timestamp): not a time"
    strict = attrs.evolve(read_mapping(FILES / "annomi.toml"), bad_rows=BadRows.REFUSE)
    with pytest.raises(InvalidRecords) as caught:
        read_table(tmp_path / "annomi.csv", strict)
    assert caught.value.count == 3
    assert "'00:0x:00' (3 times" in str(caught.value)


def test_backward_times_have_to_be_answered_in_a_table_of_the_size_of_annomi(tmp_path):
    annomi_like(tmp_path / "annomi.csv")
    unsaid = attrs.evolve(read_mapping(FILES / "annomi.toml"), backward_times=None)
    with pytest.raises(InvalidRecords) as caught:
        read_table(tmp_path / "annomi.csv", unsaid)
    assert caught.value.count == 7


def test_a_wide_table_of_64_rows_and_97_columns(tmp_path):
    rng = np.random.default_rng(1)
    table = rng.integers(0, 2, size=(64, 96))
    header = ["code", *(f"{prefix}{number:02d}" for prefix in ("IKCB", "DCCB") for number in range(1, 49))]
    rows = [[str(129 + at), *map(str, row)] for at, row in enumerate(table.tolist())]
    rows[5][10:14] = ["NA"] * 4
    with (tmp_path / "wide.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    study = read_table(tmp_path / "wide.csv", FILES / "couplescope.toml")
    counts = Counter(move.code for move in study.cohort.moves)
    seen = table.copy()
    seen[5, 9:13] = 0
    assert counts == {"stress": int(seen[:, :48].sum()), "coping": int(seen[:, 48:].sum())}
    assert study.losses.cells == 64 * 96
    assert study.losses.balanced
    stretches = [(each.dyad, each.start // 10_000_000, each.end // 10_000_000) for each in study.cohort.observed]
    assert len(stretches) == 65
    assert [stretch for stretch in stretches if stretch[0] == "134"] == [("134", 0, 9), ("134", 13, 48)]


# --- real records


WORDS = {"REF": "reflection", "QUE": "question", "INP": "therapist_input", "OTH": "other", "CHG": "change",
         "NEU": "neutral", "SUS": "sustain"}


def annomi_rows(sequences):
    """Turn sequences of codes into AnnoMI's layout, with made-up times: ties everywhere, and seven that go back."""
    rows = []
    for name, codes in sequences.items():
        clock = 0
        for at, code in enumerate(codes):
            therapist = code in ("REF", "QUE", "INP", "OTH")
            clock += 0 if at % 7 == 3 else 4
            shown = clock - 6 if at == 20 and len(rows) < 700 else clock
            time = f"{shown // 3600:02d}:{shown // 60 % 60:02d}:{shown % 60:02d}"
            words = [WORDS[code], "n/a"] if therapist else ["n/a", WORDS[code]]
            rows.append([name.removeprefix("t"), "high", "tape", "", "habits", at,
                         "therapist" if therapist else "client", time, "words, spoken", *words])
    return rows


@pytest.mark.shared
def test_real_annomi_sequences_in_annomis_own_layout(shared_file, tmp_path, capsys):
    data = json.loads(shared_file("refs/inputs/annomi_sequences.json").read_text(encoding="utf-8"))
    rows = annomi_rows(data["sequences"])
    header = ANNOMI
    with (tmp_path / "annomi.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    study = read_table(tmp_path / "annomi.csv", FILES / "annomi.toml")
    losses = study.losses
    with capsys.disabled():
        print(f"\n14 real AnnoMI sequences, made-up times: {str(losses).splitlines()[0]}")
    assert losses.rows == losses.moves == sum(map(len, data["sequences"].values()))
    assert losses.balanced
    assert study.cohort.counts()["session"] == 14
    for name, codes in data["sequences"].items():
        dyad = study.cohort.moves.code_of("dyad", word=name.removeprefix("t"))
        ours = [move.code for move in study.cohort.moves.take(study.cohort.moves.dyad == dyad)]
        assert ours == [WORDS[code] for code in codes]
    assert 0 < sum(tally.times for tally in losses.adjusted) <= 14


@pytest.mark.shared
def test_ten_annotators_are_ten_tracks_in_order_alone(shared_file, tmp_path, capsys):
    data = json.loads(shared_file("refs/inputs/annomi_multi.json").read_text(encoding="utf-8"))
    rows = []
    for party, name in (("therapist", "main_therapist_behaviour"), ("client", "client_talk_type")):
        for unit, ratings in zip(data[name]["units"], data[name]["ratings"], strict=True):
            transcript, utterance = unit.split(":")
            for annotator, code in zip(data[name]["annotators"], ratings, strict=True):
                coded = [code, "n/a"] if party == "therapist" else ["n/a", code]
                rows.append([transcript, utterance, annotator, party, *coded])
    header = "transcript_id,utterance_id,annotator_id,interlocutor,main_therapist_behaviour,client_talk_type"
    with (tmp_path / "multi.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header.split(","), *rows])
    study = read_table(tmp_path / "multi.csv", FILES / "annomi-multi.toml")
    with capsys.disabled():
        print(f"\nAnnoMI, ten annotators: {str(study.losses).splitlines()[0]}")
    assert study.cohort.track_names == tuple(map(str, range(10)))
    assert study.losses.rows == study.losses.moves == (157 + 160) * 10
    assert study.losses.balanced
    for name in ("main_therapist_behaviour", "client_talk_type"):
        theirs = Counter((str(annotator), code) for ratings in data[name]["ratings"]
                         for annotator, code in zip(data[name]["annotators"], ratings, strict=True))
        ours = Counter((move.track, move.code) for move in study.cohort.moves
                       if (move.party == "therapist") == (name == "main_therapist_behaviour"))
        assert ours == theirs
    one = {(move.dyad, move.onset) for move in study.cohort.moves if move.track == "0"}
    assert all(one == {(move.dyad, move.onset) for move in study.cohort.moves if move.track == str(track)}
               for track in range(10))


@pytest.mark.shared
@pytest.mark.parametrize(("name", "mapping"), [
    ("data/annomi/annomi_codes.csv", "annomi.toml"), ("data/dyseq/couplescope.csv", "couplescope.toml")])
def test_the_real_tables_through_mappings_alone(shared_file, capsys, name, mapping):
    path = shared_file(name)
    study = read_table(path, fitted(read_mapping(FILES / mapping), path))
    losses, lengths = study.losses, Counter(move.dyad for move in study.cohort.moves)
    with capsys.disabled():
        print(f"\n{name}: n = {len(lengths)}, {min(lengths.values())} to {max(lengths.values())} moves each\n{losses}")
    assert losses.balanced
    assert isinstance(study.cohort, Cohort)
    assert losses.rows == losses.used + losses.rows_lost
