"""A row under a mapping becomes a draft that says all that is in it, or problems that say all that is wrong."""

from collections import Counter
from pathlib import Path

import attrs
import pytest

from rupturekit.errors import InvalidRecords
from rupturekit.problems import Problem
from rupturekit.records.held import HeldSheet
from rupturekit.records.layouts import Said
from rupturekit.records.losses import Tally
from rupturekit.records.mapping import parse_mapping
from rupturekit.records.rows import Draft, Mark, RowFaults, RowReader, Segment, unused_columns

HEADER = "case,session,who,code,start"
BASE = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "refuse", missing = ["n/a"] }
fields.dyad.column = "case"
fields.session.column = "session"
fields.party.column = "who"
fields.code.column = "code"
fields.onset = { column = "start", format = "mm:ss" }
"""
MARKS = """
format = 1
name = "demo"
coding = { codebook = "3rs-2022", time = "clock" }
file = { bad_rows = "refuse", missing = ["NA"] }
fields.dyad.column = "case"
fields.session.column = "session"
fields.onset = { column = "start", format = "seconds" }
fields.offset = { column = "end", format = "seconds" }
code_columns = [
    { column = "w1", code = "wd-p", party = "client", track = "r1", present = ["x"], absent = ["-"] },
    { column = "w2", code = "wd-t", party = "therapist", track = "r2", present = ["x"], absent = ["-"] },
    { column = "c1", code = "cf-p", party = "client", track = "r1", rating = true, above = 1 },
]
"""
WIDE = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "segment", segment_seconds = 10 }
file = { bad_rows = "refuse", missing = ["NA"] }
fields.dyad.column = "case"
fields.session.constant = 1
wide = [
    { prefix = "a", first = 1, last = 3, digits = 1, party = "client", values = { 1 = "wd", 0 = "" } },
    { prefix = "b", first = 1, last = 3, digits = 1, party = "therapist", values = { 1 = "invite", 0 = "" } },
]
"""


def sheet_of(header, **more):
    return HeldSheet(path=Path("sheet.csv"), what="table", header=tuple(header.split(",")), table=(), **more)


def reader_of(mapping, header=HEADER, **more):
    return RowReader.of(parse_mapping(mapping), sheet_of(header, **more), RowFaults())


def draft_of(mapping, cells, header=HEADER, **more):
    reader = reader_of(mapping, header, **more)
    draft = reader.draft(7, cells.split(","))
    assert (draft is None) == bool(reader.faults.rows or reader.lost.found())
    return draft


def faults_of(mapping, cells, header=HEADER, **more):
    """Return the problems of a bad row: field, kind, value, message."""
    reader = reader_of(mapping, header, **more)
    assert reader.draft(7, cells.split(",")) is None
    assert {(problem.row, problem.file) for problem in reader.faults.problems} == {(7, "sheet.csv")}
    return [(problem.field, problem.kind, problem.value, problem.message) for problem in reader.faults.problems]


# --- one code a row


PLAIN = Draft(
    row=7, dyad="D1", session=2, track="coder", order=0, onset=70_000_000, offset=None, why="no code",
    facts={"dyad": "D1", "session": 2, "party": "client", "code": "wd", "onset": 70_000_000},
    marks=[Mark(0, "wd", "client", "coder", None, None)], seen=[], segments=[], empty=Counter(), adjusted=[],
    odd=Counter())


def test_a_row_says_what_its_cells_say():
    draft = draft_of(BASE, "D1,2, Patient ,wd,01:10")
    assert draft == attrs.evolve(PLAIN, why="code 'wd' is mapped to nothing")
    assert draft.last == 70_000_000


def test_a_row_without_a_code_is_no_mark():
    draft = draft_of(BASE, "D1,2,client,n/a,01:10")
    assert (draft.marks, draft.why) == ([], "no code")
    nothing = draft_of(BASE + 'fields.code.values = { none = "" }\n', "D1,2,client,none,01:10")
    assert (nothing.marks, nothing.why) == ([], "code 'none' is mapped to nothing")
    assert draft_of(BASE, "D1,2,n/a,n/a,") is not None


def test_the_optional_fields_of_a_row():
    more = """
fields.rater.column = "rater"
fields.rating.column = "salience"
fields.offset = { column = "end", format = "mm:ss" }
fields.note.column = "note"
"""
    draft = draft_of(BASE + more, "D1,2,client,wd,01:10,r1,2.5,01:30,a\x0bb", f"{HEADER},rater,salience,end,note")
    assert draft == attrs.evolve(
        PLAIN, track="r1", offset=90_000_000, why="code 'wd' is mapped to nothing",
        adjusted=["line breaks in notes became blanks"], marks=[Mark(0, "wd", "client", "r1", None, 2500)],
        facts=PLAIN.facts | {"rater": "r1", "rating": 2500, "offset": 90_000_000, "note": "a b"})
    assert draft.last == 90_000_000
    plain = draft_of(BASE + more, "D1,2,client,wd,01:10,r1,2.5,01:30,a b", f"{HEADER},rater,salience,end,note")
    assert plain.adjusted == []
    assert draft_of(BASE + more, "D1,2,client,wd,01:10,r1,,,", f"{HEADER},rater,salience,end,note").last == 70_000_000


@pytest.mark.parametrize(("onset", "offset", "marks", "last"), [
    (None, None, (), 0), (0, None, (), 0), (5, None, (), 5), (5, 9, (), 9), (9, 5, (), 9), (None, 3, (None, 4), 4),
    (None, None, (None,), 0), (1, 2, (7, 6), 7),
])
def test_the_latest_time_of_a_row(onset, offset, marks, last):
    held = [Mark(0, "wd", None, "coder", at, None) for at in marks]
    assert attrs.evolve(PLAIN, onset=onset, offset=offset, marks=held).last == last


@pytest.mark.parametrize(("time", "start", "end", "span"), [
    ("clock", "70", "90.5", (70_000_000, 90_500_000)), ("clock", "70", "70", (70_000_000, 70_000_000)),
    ("segment", "60", "90", (60_000_000, 90_000_000)), ("segment", "60", "", (60_000_000, 120_000_000)),
    ("turn", "7", "9", (7, 10)), ("turn", "7", "7", (7, 8)), ("turn", "7", "", None), ("clock", "70", "", None),
    ("clock", "", "90", None),
])
def test_a_row_says_that_its_stretch_was_coded_where_the_mapping_says_so(time, start, end, span):
    length = ", segment_seconds = 60" if time == "segment" else ""
    mapping = BASE.replace('time = "clock"', f'time = "{time}"{length}, observed = "rows"')
    mapping = mapping.replace('"mm:ss"', '"ordinal"' if time == "turn" else '"seconds"')
    mapping += f'fields.offset = {{ column = "end", format = "{"ordinal" if time == "turn" else "seconds"}" }}\n'
    cells = f"D1,2,client,{'wd' if start else 'n/a'},{start},{end}"
    assert draft_of(mapping, cells, f"{HEADER},end").seen == ([] if span is None else [("coder", span)])
    assert draft_of(mapping.replace(', observed = "rows"', ""), cells, f"{HEADER},end").seen == []


def test_an_order_column_is_read_to_the_sixth_decimal():
    mapping = BASE.replace("missing", 'order_by = "nr", missing')
    assert draft_of(mapping, "D1,2,client,wd,01:10, 1.5 ", f"{HEADER},nr").order == 1_500_000
    assert draft_of(mapping, "D1,2,client,wd,01:10,-3", f"{HEADER},nr").order == -3_000_000
    assert faults_of(mapping, "D1,2,client,wd,01:10,x", f"{HEADER},nr") == [
        ("order_by (nr)", "not a number", "x",
         "'x' is not a number; expected ASCII digits with an optional sign, for example 12.5 or -3")]


@pytest.mark.parametrize(("said", "sheet", "cell", "rating"), [
    (None, True, "2,5", 2500), (None, None, "2.5", 2500), (None, False, "2.5", 2500), (True, False, "2,5", 2500),
    (True, None, "2,5", 2500), (False, True, "2.5", 2500), (None, None, "2,5", None), (False, True, "2,5", None),
    (None, True, "2.5", None),
])
def test_the_mapping_says_how_decimals_are_written_and_else_the_file(said, sheet, cell, rating):
    stated = "" if said is None else f"decimal_comma = {str(said).lower()}, "
    mapping = BASE.replace("file = { ", f"file = {{ {stated}") + 'fields.rating.column = "salience"\n'
    reader = reader_of(mapping, f"{HEADER},salience", decimal_comma=sheet)
    draft = reader.draft(7, ["D1", "2", "client", "wd", "01:10", cell])
    assert (draft and draft.facts["rating"]) == rating


# --- rows left out, and bad rows


@pytest.mark.parametrize(("field", "cells"), [
    ("dyad (case)", "zz,2,client,W9,later"), ("session", "D1,zz,client,W9,later"), ("party (who)", "D1,2,zz,W9,later"),
])
def test_a_row_of_somebody_mapped_to_nothing_is_left_out_and_not_judged(field, cells):
    more = "".join(f'fields.{name}.values = {{ zz = "" }}\n' for name in ("dyad", "session", "party"))
    reader = reader_of(BASE + more)
    assert reader.draft(7, cells.split(",")) is None
    assert reader.lost.found() == (Tally(f"{field} 'zz' is mapped to nothing", 1, (7,)),)
    assert not reader.faults


def test_the_first_of_several_mapped_to_nothing_is_told():
    mapping = BASE + "".join(f'fields.{name}.values = {{ zz = "" }}\n' for name in ("party", "session", "dyad"))
    mapping += 'fields.rater = { column = "rater", values = { zz = "" } }\n'
    reader = reader_of(mapping, f"{HEADER},rater")
    for row, cells in enumerate(["zz,zz,zz,wd,x,zz", "D1,zz,zz,wd,x,zz", "D1,1,zz,wd,x,zz", "D1,1,client,wd,x,zz"]):
        assert reader.draft(row, cells.split(",")) is None
    assert [tally.what.split()[0] for tally in reader.lost.found()] == ["dyad", "session", "party", "rater"]


def test_everything_that_is_wrong_with_a_row_is_told():
    assert faults_of(BASE, "=D1,x,nobody,W9,late") == [
        ("dyad (case)", "looks like a formula", "=D1",
         "'=D1' looks like a formula; write it as plain text in the file, or map it under values"),
        ("session", "not a session number", "x", "'x' is not a whole number; number the sessions in the order they "
         'took place, for example [fields.session] values = { "x" = 1 }'),
        ("party (who)", "unknown party", "nobody", "'nobody' is not one of the study's two parties, client and "
         'therapist; rupturekit models dyads: map the word under [fields.party] values, to "" to leave a third person '
         "out"),
        ("code", "unknown code", "W9", "'W9' is not in stages; add it to the codebook, or map it under values"),
        ("onset (start)", "not a time", "late", "'late' is not a time in mm:ss; expected for example 12:34 or 12:34.25"),
    ]


@pytest.mark.parametrize(("cells", "missing"), [
    (",2,client,wd,01:10", ["dyad (case)"]), ("D1,,client,wd,01:10", ["session"]), ("D1,2,client,wd,", ["onset (start)"]),
    (",,client,wd,", ["dyad (case)", "session", "onset (start)"]), (",,,n/a,", ["dyad (case)", "session"]),
])
def test_what_a_row_needs_and_lacks_is_told(cells, missing):
    names = [label.split()[0] for label in missing]
    assert faults_of(BASE, cells) == [
        (label, f"no {name}", "", f'no {name} is recorded; fill it in, or drop such rows (bad_rows = "drop_and_report")')
        for label, name in zip(missing, names, strict=True)]


def test_the_track_is_needed_where_it_is_named():
    for name in ("rater", "track"):
        mapping = BASE + f'fields.{name}.column = "by"\n'
        assert draft_of(mapping, "D1,2,client,wd,01:10,r1", f"{HEADER},by").track == "r1"
        assert [fault[:2] for fault in faults_of(mapping, "D1,2,client,wd,01:10,", f"{HEADER},by")] == [
            (f"{name} (by)", f"no {name}")]
    both = BASE + 'fields.rater.column = "by"\nfields.track.column = "on"\n'
    assert draft_of(both, "D1,2,client,wd,01:10,,t1", f"{HEADER},by,on").track == "t1"


def test_a_row_does_not_end_before_it_starts():
    mapping = BASE + 'fields.offset = { column = "end", format = "mm:ss" }\n'
    assert faults_of(mapping, "D1,2,client,wd,01:10,01:09", f"{HEADER},end") == [
        ("offset (end)", "ends before it starts", "",
         "the row ends before it starts; check the columns and formats of onset and offset")]
    assert draft_of(mapping, "D1,2,client,wd,01:10,01:10", f"{HEADER},end").offset == 70_000_000
    assert draft_of(mapping, "D1,2,client,n/a,,01:10", f"{HEADER},end").onset is None


def test_faults_count_each_row_once_by_its_first_reason():
    faults = RowFaults()
    for row, field, kind, value in (
            (None, "x", "no name", ""), (3, "code", "unknown code", "W9"), (3, "party", "unknown party", "z"),
            (4, "party", "unknown party", "z"), (5, "onset", "not a time", "late"), (6, "", "row too long", "v"),
            (9, "code", "unknown code", "W9")):
        faults.add(Problem(kind=kind, field=field, value=value, row=row, file="a.csv", message="m"))
    assert (len(faults), faults.rows) == (6, {3, 4, 5, 6, 9})
    assert faults.reasons.found() == (
        Tally("code: unknown code 'W9'", 2, (3, 9)), Tally("party: unknown party 'z'", 1, (4,)),
        Tally("onset: not a time", 1, (5,)), Tally("row too long", 1, (6,)))


# --- a mapping and a header that do not fit


def misfit(mapping, header):
    with pytest.raises(InvalidRecords) as caught:
        reader_of(mapping, header)
    assert all(problem.row is None for problem in caught.value.problems)
    return [(problem.field, problem.kind, problem.value, problem.file, problem.message)
            for problem in caught.value.problems]


def test_columns_that_are_missing_or_there_twice_are_told_together():
    mapping = BASE.replace("missing", 'order_by = "nr", missing')
    assert misfit(mapping, "case,case,who,kode,start") == [
        ("fields.dyad", "duplicate name", "case", "sheet.csv", "'case': duplicate name in this file; rename all but one "
         "in the file"),
        ("fields.session", "no such column", "session", "sheet.csv",
         "'session': no such column in this file; it has case, case, who, kode, start"),
        ("fields.code", "no such column", "code", "sheet.csv",
         "'code': no such column in this file; did you mean 'kode'?"),
        ("file.order_by", "no such column", "nr", "sheet.csv",
         "'nr': no such column in this file; it has case, case, who, kode, start"),
    ]


def test_columns_of_blocks_and_of_codes_are_told_by_number():
    assert misfit(WIDE, "case,a1,a2,a3") == [
        ("wide[2]", "no such column", "b1", "sheet.csv",
         "'b1', 'b2', 'b3': no such column in this file; it has case, a1, a2, a3")]
    assert [problem[:3] for problem in misfit(MARKS, "case,session,start,end,w1,w1")] == [
        ("code_columns[1]", "duplicate name", "w1"), ("code_columns[2]", "no such column", "w2"),
        ("code_columns[3]", "no such column", "c1")]


def test_a_constant_is_judged_with_the_header():
    mapping = BASE.replace('fields.session.column = "session"', 'fields.session.constant = "intake"')
    assert misfit(mapping, "case,who,code,start") == [
        ("fields.session.constant", "not a session number", "intake", None, "'intake' is not a whole number; number the "
         'sessions in the order they took place, for example [fields.session] values = { "intake" = 1 }')]


def test_columns_that_the_mapping_does_not_name():
    mapping = parse_mapping(BASE.replace("missing", 'order_by = "nr", missing'))
    assert unused_columns(mapping, sheet_of(f"x,{HEADER},,nr,x")) == ("x", "column 7", "x")
    assert unused_columns(parse_mapping(WIDE), sheet_of("case,a1,a2,a3,b1,b2,b3,b4")) == ("b4",)
    assert unused_columns(parse_mapping(MARKS), sheet_of("case,session,start,end,w1,w2,c1")) == ()


# --- many codes a row


def test_a_segment_takes_its_cells():
    segment = Segment(track="r1", cell=3, onset=None, spans=())
    assert segment == Segment(track="r1", cell=3, onset=None, spans=(), cells=0, missing=0, codes=[], blank=Counter())
    assert not segment.told
    segment.take(None)
    assert (segment.cells, segment.missing, segment.told) == (1, 1, False)
    for said in (Said("wd"), Said(""), Said("", why="w"), Said("cf", 3)):
        segment.take(said)
    assert segment == Segment(track="r1", cell=3, onset=None, spans=(), cells=5, missing=1, codes=["wd", "cf"],
                              blank=Counter({"nothing coded": 1, "w": 1}))
    assert segment.told


def test_a_row_of_marks_and_ratings():
    draft = draft_of(MARKS, "D1,1,10,20,x,-,2.5", "case,session,start,end,w1,w2,c1")
    span = (10_000_000, 20_000_000)
    assert draft == Draft(
        row=7, dyad="D1", session=1, track="coder", order=0, onset=span[0], offset=span[1],
        facts={"dyad": "D1", "session": 1, "onset": span[0], "offset": span[1]}, why="no code in any of its cells",
        marks=[Mark(0, "wd-p", "client", "r1", None, None), Mark(2, "cf-p", "client", "r1", None, 2500)],
        seen=[("r1", span), ("r2", span)],
        segments=[Segment(track="r1", cell=0, onset=None, spans=(span,), cells=2, codes=["wd-p", "cf-p"]),
                  Segment(track="r2", cell=1, onset=None, spans=(span,), cells=1, blank=Counter({"nothing coded": 1}))])


def test_a_stretch_is_seen_where_every_column_of_the_track_says_something():
    draft = draft_of(MARKS, "D1,1,10,20,NA,-,1", "case,session,start,end,w1,w2,c1")
    assert draft.seen == [("r2", (10_000_000, 20_000_000))]
    assert (draft.marks, draft.why) == ([], "no code in any of its cells")
    assert [(each.track, each.cells, each.missing, each.told) for each in draft.segments] == [
        ("r1", 2, 1, True), ("r2", 1, 0, True)]
    empty = draft_of(MARKS, "D1,1,10,20,NA,,NA", "case,session,start,end,w1,w2,c1")
    assert (empty.seen, empty.marks, empty.why) == ([], [], "every cell is missing")
    half = draft_of(MARKS, "D1,1,10,20,NA,-,NA", "case,session,start,end,w1,w2,c1")
    assert (half.why, [each.told for each in half.segments]) == ("no code in any of its cells", [False, True])


def test_bad_cells_of_codes_are_told_with_the_others():
    faults = faults_of(MARKS, "D1,1,,20,x,?,high", "case,session,start,end,w1,w2,c1")
    assert [fault[:3] for fault in faults] == [
        ("w2", "unknown mark", "?"), ("c1", "not a number", "high"), ("onset (start)", "no onset", "")]
    assert faults_of(MARKS, "D1,x,10,20,,,", "case,session,start,end,w1,w2,c1")[0][:2] == ("session", "not a session number")
    assert draft_of(MARKS, "D1,1,,,,,", "case,session,start,end,w1,w2,c1") is None


def test_a_mark_is_of_the_party_of_its_column_and_else_of_that_of_the_row():
    mapping = MARKS.replace('code = "wd-p", party = "client"', 'code = "wd-p"') + 'fields.party.column = "who"\n'
    draft = draft_of(mapping, "D1,1,10,20,x,x,2,therapist", "case,session,start,end,w1,w2,c1,who")
    assert [(mark.code, mark.party) for mark in draft.marks] == [
        ("wd-p", "therapist"), ("wd-t", "therapist"), ("cf-p", "client")]


def test_a_row_of_intervals():
    draft = draft_of(WIDE, "D1,1,0,NA,0,NA,1", "case,a1,a2,a3,b1,b2,b3")
    spans = [(0, 10_000_000), (10_000_000, 20_000_000), (20_000_000, 30_000_000)]
    assert draft.marks == [Mark(0, "wd", "client", "coder", 0, None), Mark(5, "invite", "therapist", "coder", 20_000_000, None)]
    assert draft.seen == [("coder", spans[0])]
    assert [(each.cell, each.onset, each.spans, each.cells, each.missing, each.codes) for each in draft.segments] == [
        (0, 0, (spans[0],), 2, 0, ["wd"]), (1, 10_000_000, (spans[1],), 2, 1, []),
        (2, 20_000_000, (spans[2],), 2, 1, ["invite"])]
    assert draft.last == 20_000_000
