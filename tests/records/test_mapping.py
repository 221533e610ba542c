"""A mapping file is data: read whole, its mistakes told all at once, written so that it reads back equal."""

import re
from pathlib import Path

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rupturekit.codebooks import as_codebook, load_codebook
from rupturekit.episode import Coding, Track
from rupturekit.errors import DefinitionError, FileProblem
from rupturekit.records.grammar import TimeFormat
from rupturekit.records.mapping import (
    BackwardTimes,
    BadRows,
    CodeColumn,
    Field,
    Mapping,
    Observed,
    WideBlock,
    as_mapping,
    mapping_text,
    parse_mapping,
    party_words,
    read_mapping,
    toml_value,
)
from rupturekit.vocabulary import TimeKind, TrackKind

FILES = Path(__file__).parent / "files"

SMALL = """
format = 1
name = "demo"
[coding]
codebook = "stages"
time = "clock"
[file]
bad_rows = "refuse"
[fields.dyad]
column = "case"
[fields.session]
constant = 1
[fields.code]
column = "code"
[fields.onset]
column = "start"
format = "mm:ss"
"""

FULL = """
format = 1
name = "demo"
[coding]
codebook = "3rs-2022"
parties = ["client", "therapist"]
time = "segment"
segment_seconds = 7.5
observed = "rows"
[file]
delimiter = "\\t"
encoding = "cp1252"
decimal_comma = true
missing = ["n/a", "", " - "]
bad_rows = "drop_and_report"
order_by = "nr"
backward_times = "hold"
[[tracks]]
name = "agreed"
kind = "consensus"
rule = "in a meeting"
[fields.dyad]
columns = ["case", "fall"]
[fields.session]
column = "Sitzung"
values = { Intake = 0 }
[fields.party]
column = "who"
values = { Klient = "Patient", "Dritte" = "" }
[fields.code]
column = "code"
values = { W = "wd-p", "-" = "" }
missing = "?"
[fields.onset]
column = "segment"
format = "ordinal"
first = 1
"""


def refused(text, **more):
    with pytest.raises(DefinitionError) as caught:
        parse_mapping(text, **more)
    return told(str(caught.value))


def told(said):
    """Return what reading a mapping says, where every line names the place as it is written, or the whole mapping."""
    for line in said.splitlines()[1:]:
        assert re.match(r"  (has|says|[a-z_]+(\.[a-z_]+|\[\d\]| \(line \d+\))*:) ", line), line
    return said


def mistakes_in(text):
    """Return what reading a mapping says; nothing where it has no mistakes."""
    try:
        parse_mapping(text)
    except DefinitionError as error:
        return str(error)
    return ""


def without(line):
    """Return the small mapping without one line."""
    assert line in SMALL
    return SMALL.replace(line, "")


def test_a_full_mapping_is_read_whole():
    mapping = parse_mapping(FULL)
    assert mapping == Mapping(
        name="demo", codebook="3rs-2022", bad_rows=BadRows.DROP_AND_REPORT, observed=Observed.ROWS,
        coding=Coding(codebook=load_codebook("3rs-2022"), time=TimeKind.SEGMENT, segment=7_500_000),
        delimiter="\t", encoding="cp1252", decimal_comma=True, missing=("n/a", "-"), order_by="nr",
        backward_times=BackwardTimes.HOLD,
        tracks=(Track(name="agreed", kind=TrackKind.CONSENSUS, rule="in a meeting"),),
        fields=(
            Field(name="dyad", columns=("case", "fall")),
            Field(name="session", columns=("Sitzung",), values={"Intake": "0"}),
            Field(name="party", columns=("who",), values={"Klient": "Patient", "Dritte": ""}),
            Field(name="code", columns=("code",), values={"-": "", "W": "wd-p"}, missing=("?",)),
            Field(name="onset", columns=("segment",), format=TimeFormat.ORDINAL, first=1),
        ))
    assert parse_mapping(mapping_text(mapping)) == mapping
    assert mapping.rows_observe
    assert repr(mapping) == "Mapping('demo', one code a row, 5 fields, codebook '3rs-2022')"


def test_a_mapping_is_frozen_and_hashable():
    mapping = parse_mapping(SMALL)
    assert len({mapping, parse_mapping(SMALL)}) == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        mapping.name = "other"


def test_the_order_of_a_value_map_says_nothing():
    one = SMALL.replace('column = "code"', 'column = "code"\nvalues = { a = "wd", b = "cf" }')
    other = SMALL.replace('column = "code"', 'column = "code"\nvalues = { b = "cf", a = "wd" }')
    assert parse_mapping(one) == parse_mapping(other)


def test_a_codebook_is_looked_for_beside_the_mapping(tmp_path):
    for name in ("annomi.toml", "annomi-multi.toml", "couplescope.toml", "3rs-sheet.toml"):
        mapping = read_mapping(FILES / name)
        assert parse_mapping(mapping_text(mapping), folder=FILES) == mapping
        assert read_mapping(str(FILES / name)) == mapping
    assert "mi-codes.toml: there is no such codebook file" in refused(
        (FILES / "annomi.toml").read_text(encoding="utf-8"), folder=tmp_path)


@pytest.mark.parametrize(("layout", "observes"), [
    ("3rs-sheet.toml", True), ("annomi.toml", False), ("couplescope.toml", False)])
def test_rows_observe_where_the_layout_tells_it(layout, observes):
    assert read_mapping(FILES / layout).rows_observe is observes


def test_all_mistakes_are_told_at_once():
    said = refused("""
    format = 2
    nmae = "demo"
    [coding]
    codebook = "3rs-2202"
    time = "clok"
    parties = ["client", "therapist", "observer"]
    [file]
    badrows = "refuse"
    [fields.dyad]
    [fields.sesion]
    constant = 1
    """)
    assert said.splitlines()[1] == "  format: is 2; this version of rupturekit reads format 1, upgrade to read newer"
    for part in (
        "name: is missing", "nmae: is not a known key; did you mean 'name'?",
        "coding.codebook: there is no codebook '3rs-2202'; did you mean '3rs-2022'?",
        "coding.time: 'clok' is not one of clock, segment, turn, order; did you mean 'clock'?",
        "file.bad_rows: is missing; expected one of refuse, drop_and_report",
        "file.badrows: is not a known key; did you mean 'bad_rows'?",
        "fields.dyad: expected either column (or columns) or constant, one of them",
        "fields.sesion: is not a known key; did you mean 'session'?",
        "says nowhere where the codes are: expected [fields.code], [[wide]] tables or [[code_columns]] tables",
    ):
        assert part in said
    assert "demo" not in said.splitlines()[0]
    assert said.startswith("mapping: 10 mistakes in this mapping")


@pytest.mark.parametrize(("text", "lines"), [
    (SMALL.replace("format = 1", 'format = "1"'), ["format: expected a whole number but got '1'"]),
    (without("format = 1\n"), ["format: is missing; expected 1"]),
    (SMALL.replace("format = 1", "format = 0"),
     ["format: is 0; this version of rupturekit reads format 1, upgrade to read newer"]),
    ("", ["format: is missing; expected 1", "name: is missing; expected text in quotes",
          "coding: is missing; expected [coding] with a codebook and the kind of time",
          'file: is missing; expected [file] with bad_rows = "refuse" or "drop_and_report"',
          "fields: is missing; expected [fields] with at least [fields.dyad] and [fields.session]",
          "says nowhere where the codes are: expected [fields.code], [[wide]] tables or [[code_columns]] tables"]),
])
def test_mistakes_are_told_once_and_in_order(text, lines):
    count = f"{len(lines)} mistake{'s' * (len(lines) > 1)}"
    assert refused(text).splitlines() == [f"mapping: {count} in this mapping", *(f"  {line}" for line in lines)]


def test_what_is_left_out_is_left_open():
    assert Field(name="dyad") == Field(
        name="dyad", columns=(), constant=None, values=(), missing=(), format=None, first=None)
    assert WideBlock(prefix="A", first=1, last=2) == WideBlock(
        prefix="A", first=1, last=2, digits=1, interval=None, party=None, track=None, values=())
    assert CodeColumn(column="A", code="wd") == CodeColumn(
        column="A", code="wd", party=None, track=None, present=(), absent=(), rating=False, above=None)
    coding = Coding(codebook=load_codebook("stages"), time=TimeKind.CLOCK)
    assert parse_mapping(SMALL) == Mapping(
        name="demo", codebook="stages", coding=coding, bad_rows=BadRows.REFUSE, wide=(), code_columns=(), tracks=(),
        observed=None, none_code=None, delimiter=None, encoding=None, decimal_comma=None, sheet=None, labels=None,
        reader=None, missing=(), order_by=None, backward_times=None, fields=(
            Field(name="dyad", columns=("case",)), Field(name="session", constant="1"),
            Field(name="code", columns=("code",)), Field(name="onset", columns=("start",), format=TimeFormat.MM_SS)))


@pytest.mark.parametrize(("text", "says"), [
    ("", "mistakes in this mapping"),
    ("format =", "not a mapping file"),
    ("coding = 1\nfile = 2\nfields = 3", "coding: expected a table but got 1"),
    (without('format = 1\n'), "format: is missing; expected 1"),
    (SMALL.replace("format = 1", 'format = "1"'), "format: expected a whole number but got '1'"),
    (SMALL.replace('"demo"', '" "'), "name: is empty"),
    (without('codebook = "stages"'), "coding.codebook: is missing"),
    (without('time = "clock"'), "coding.time: is missing"),
    (SMALL.replace('time = "clock"', 'time = "segment"'), "coding: segment: a study coded by segments states"),
    (SMALL.replace('time = "clock"', 'time = "clock"\nsegment_seconds = 60'), 'is for time = "segment"'),
    (SMALL.replace('time = "clock"', 'time = "segment"\nsegment_seconds = 100000'), "is longer than a day"),
    (SMALL.replace('time = "clock"', 'time = "segment"\nsegment_seconds = 0.00000012'), "is finer than a microsecond"),
    (SMALL.replace('time = "clock"', 'time = "clock"\nparties = ["a"]'), "expected two parties but got 1"),
    (SMALL.replace('time = "clock"', 'time = "clock"\nparties = ["a", "b", "c"]'), "models dyads"),
    (SMALL.replace('time = "clock"', 'time = "clock"\nobserved = "rows"'), "coding.observed: needs segments or"),
    (SMALL.replace('time = "clock"', 'time = "turn"'), 'fields.onset.format: is \'mm:ss\'; with time = "turn"'),
    (without('format = "mm:ss"'), 'fields.onset.format: is missing; with time = "clock" expected one of seconds'),
    (SMALL.replace('"mm:ss"', '"mm-ss"'), "did you mean 'mm:ss'?"),
    (SMALL.replace('"mm:ss"', '"ordinal"'), 'with time = "clock" expected one of'),
    (SMALL + "first = 1", "fields.onset.first: is for numbered segments"),
    (FULL.replace("first = 1", ""), "fields.onset.first: is missing"),
    (without('bad_rows = "refuse"'), "file.bad_rows: is missing"),
    (SMALL.replace('"refuse"', '"drop"'), "'drop' is not one of refuse, drop_and_report"),
    (SMALL.replace('"refuse"', '"refuse"\norder_by = ""'), "file.order_by: is empty; leave it out"),
    (SMALL.replace('"refuse"', '"refuse"\ndelimiter = ""'), "file.delimiter: is empty"),
    (SMALL.replace('"refuse"', '"refuse"\nbackward_times = "ignore"'), "not one of refuse, sort, hold"),
    (SMALL.replace('"refuse"', '"refuse"\nmissing = [1]'), "file.missing: expected words in quotes but got 1"),
    (SMALL.replace("constant = 1", "constant = true"), "fields.session.constant: expected text in quotes or a whole"),
    (SMALL.replace("constant = 1", 'constant = ""'), "fields.session.constant: is empty; leave the field out"),
    (SMALL.replace("constant = 1", 'constant = 1\ncolumn = "x"'), "either column (or columns) or constant"),
    (SMALL.replace("constant = 1", 'constant = 1\nmissing = ["x"]'), "a constant has no values or missing words"),
    (SMALL.replace("constant = 1", 'columns = ["x", ""]'), "a column needs a name; one is empty"),
    (SMALL.replace("constant = 1", 'columns = ["x"]\nvalues = 3'), "fields.session.values: expected a table such as"),
    (SMALL.replace("constant = 1", 'column = "x"\nvalues = { a = 1.5 }'), "values.a: expected text in quotes but got"),
    (SMALL.replace('column = "case"', 'column = "case"\nformat = "mm:ss"'), "fields.dyad.format: is for times"),
    (SMALL.replace('column = "code"', 'column = "code"\nvalues = { x = "wdd" }'), "code 'wdd' is not in stages; did"),
    (SMALL + '[fields.party]\ncolumn = "p"\nvalues = { x = "therapst" }', "did you mean 'therapist'?"),
    (SMALL + '[fields.status]\ncolumn = "p"\nvalues = { x = "codd" }', "'codd' is not one of hypothesised"),
    (SMALL + '[[wide]]\nprefix = "A"\nfirst = 1\nlast = 2\ninterval_seconds = 1\nvalues = { x = "wd" }',
     "has [fields.code] and [[wide]]; keep one"),
    (SMALL + '[[tracks]]\nname = "a"\n[[tracks]]\nname = "a"', "the track 'a' is described twice"),
    (without('[fields.onset]\ncolumn = "start"\nformat = "mm:ss"'), 'time = "clock" needs one ("order" does not)'),
    (without('[fields.dyad]\ncolumn = "case"'), "fields.dyad: is missing; expected column"),
])
def test_each_mistake_has_its_sentence(text, says):
    assert says in refused(text)


WIDE = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "refuse" }
fields.dyad.column = "case"
fields.session.constant = 1
[[wide]]
prefix = "A"
first = 1
last = 5
interval_seconds = 10
party = "client"
values = { "1" = "wd", "0" = "" }
"""

SHEET = """
format = 1
name = "demo"
coding = { codebook = "3rs-2022", time = "segment", segment_seconds = 60 }
file = { bad_rows = "refuse" }
fields.dyad.column = "case"
fields.session.constant = 1
fields.onset = { column = "start", format = "seconds" }
[[code_columns]]
column = "WD"
code = "wd-p"
present = ["x"]
absent = [""]
[[code_columns]]
column = "CF"
code = "cf-p"
rating = true
above = 1.5
"""


@pytest.mark.parametrize(("text", "says"), [
    (WIDE.replace("last = 5", "last = 0"), "wide[1].last: expected a number from first (1) on but got 0"),
    (WIDE.replace("first = 1", "first = -1"), "expected a number from first (-1) on"),
    (WIDE.replace("first = 1", 'first = "1"'), "first: expected a whole number"),
    (WIDE.replace("last = 5", "last = 10000000"), "expected a number from first"),
    (WIDE.replace("last = 5", "digits = 40\nlast = 5"), "digits: expected a number from 0 to 9"),
    (WIDE.replace("interval_seconds = 10", ""), "interval_seconds: expected how many seconds"),
    (WIDE.replace("interval_seconds = 10", "interval_seconds = 0"), "interval_seconds: expected how many seconds"),
    (WIDE.replace("interval_seconds = 10", "interval_seconds = 1e12"), "interval_seconds: expected how many seconds"),
    (WIDE.replace('"clock"', '"turn"'), 'does not go with time = "turn"'),
    (WIDE.replace('time = "clock"', 'time = "segment", segment_seconds = 5'), "differs from coding.segment_seconds"),
    (WIDE.replace('values = { "1" = "wd", "0" = "" }', ""), "wide[1].values: is missing"),
    (WIDE.replace('"wd"', '"wx"'), "wide[1].values: code 'wx' is not in stages"),
    (WIDE.replace('"client"', '"cleint"'), "wide[1].party: 'cleint' is not one of"),
    (WIDE + WIDE[WIDE.index("[[wide]]"):], "wide[2]: the column 'A1' is read already, by wide[1]"),
    (WIDE.replace("fields.session", 'fields.onset = { column = "s", format = "seconds" }\nfields.session'),
     "fields.onset: does not go with [[wide]]"),
    (WIDE.replace('"refuse"', '"refuse", order_by = "x"'), "file.order_by: does not go with [[wide]]"),
    (WIDE.replace('"clock"', '"clock", observed = "rows"'), "coding.observed: does not go with [[wide]]"),
    (SHEET.replace('code = "wd-p"', 'code = "wd-q"'), "code_columns[1].code: code 'wd-q' is not in 3rs-2022"),
    (SHEET.replace('code = "wd-p"', 'code = "wd-p"\nparty = "x"'), "code_columns[1].party"),
    (SHEET.replace('present = ["x"]', ""), "code_columns[1].present: is missing"),
    (SHEET.replace('absent = [""]', ""), "code_columns[1].absent: is missing"),
    (SHEET.replace('absent = [""]', 'absent = ["x"]'), "'x' is listed as present too"),
    (SHEET.replace('present = ["x"]', 'present = ["y", "b"]').replace('absent = [""]', 'absent = ["b", "a", "y"]'),
     "code_columns[1].absent: 'b' is listed as present too; keep it in one of the two"),
    (SHEET.replace('absent = [""]', 'absent = [""]\nabove = 1'), "code_columns[1].above: is for ratings"),
    (SHEET.replace("above = 1.5", ""), "code_columns[2].above: is missing; state the label rule"),
    (SHEET.replace("above = 1.5", "above = 1.5\npresent = 'x'"), "does not go with rating = true"),
    (SHEET.replace("above = 1.5", "above = 1.00001"), "is finer than three decimals"),
    (SHEET.replace("above = 1.5", "above = inf"), "expected a finite number"),
    (SHEET.replace('"CF"', '"WD"'), "code_columns[2]: the column 'WD' is read already"),
    (SHEET.replace("fields.session", 'fields.rating.column = "r"\nfields.session'), "not go with [[code_columns]]"),
])
def test_each_mistake_of_a_layout_has_its_sentence(text, says):
    assert parse_mapping(WIDE).layout == "wide"
    assert parse_mapping(SHEET).layout == "code_columns"
    assert says in refused(text)


NONE = SHEET.replace("segment_seconds = 60 }", 'segment_seconds = 60, none_code = "none" }')
WIDE_NONE = WIDE.replace('"clock" }', '"clock", none_code = "none" }').replace('"stages"', '"3rs-2022"').replace(
    '"wd"', '"wd-p"')


def test_a_code_for_segments_without_a_marker():
    for text in (NONE, WIDE_NONE):
        mapping = parse_mapping(text)
        assert mapping.none_code == "none"
        assert mapping.none_rule() == "none is given to observed segments without a marker"
        assert parse_mapping(mapping_text(mapping)) == mapping
    assert parse_mapping(SHEET).none_rule() == ""


@pytest.mark.parametrize(("text", "says"), [
    (NONE.replace('"none"', '"nine"'), "coding.none_code: code 'nine' is not in 3rs-2022; did you mean 'none'?"),
    (NONE.replace('"none"', '" "'), "coding.none_code: is empty"),
    (NONE.replace('"none"', '"wd-p"'),
     "coding.none_code: 'wd-p' does not say that there was no marker (function no_marker); codes that do: none"),
    (WIDE.replace('"clock" }', '"clock", none_code = "wd" }'), "codes that do: none; stages cannot say it"),
    (NONE.replace("none_code", 'observed = "not_told", none_code'), "coding.none_code: needs segments that were observed"),
    (NONE.replace('"segment", segment_seconds = 60', '"clock"'), "coding.none_code: needs segments that were observed"),
    (NONE.replace('"wd-p"', '"rp-explore"').replace('"cf-p"', '"rp-renegotiate"'),
     "coding.none_code: no column holds a rupture marker"),
    (NONE.replace('"wd-p"', '"rp-explore"\ntrack = "r1"'), "no column of track 'r1' holds a rupture marker"),
    (WIDE_NONE + WIDE[WIDE.index("[[wide]]"):].replace('"A"', '"B"').replace('"wd"', '"wd-p"').replace("= 10", "= 20"),
     "coding.none_code: needs intervals of one length"),
    (FULL.replace('observed = "rows"', 'none_code = "none"'), "coding.none_code: is for [[code_columns]] and [[wide]]"),
])
def test_a_code_for_segments_without_a_marker_has_to_fit(text, says):
    assert says in refused(text)


def test_codes_are_judged_by_the_codebook_even_where_the_coding_is_wrong():
    said = refused(SHEET.replace(", segment_seconds = 60", "").replace('"wd-p"', '"wd-q"'))
    assert "states their length" in said
    assert "code 'wd-q' is not in 3rs-2022" in said


def test_an_interval_lasts_a_day_at_most():
    (block,) = parse_mapping(WIDE.replace("interval_seconds = 10", "interval_seconds = 86400")).wide
    assert block.interval == 86_400_000_000
    with pytest.raises(DefinitionError, match="interval_seconds: expected how many seconds"):
        parse_mapping(WIDE.replace("interval_seconds = 10", "interval_seconds = 86400.000001"))


@pytest.mark.parametrize(("first", "last", "digits", "says"), [
    (1, 100_000, 1, ""), (1, 100_001, 1, "last: expected a number from first (1) on but got 100001"),
    (0, 99_999, 0, ""), (0, 100_000, 9, "last: expected a number from first (0) on but got 100000"),
    (10**9, 10**9, 9, ""), (10**9, 10**9 + 1, 9, "last: expected a number from first (1000000000) on but got 1000000001"),
    (5, 5, 0, ""), (5, 4, 0, "last: expected a number from first (5) on but got 4"),
    (1, 2, 10, "digits: expected a number from 0 to 9 but got 10"),
    (1, 2, -1, "digits: expected a number from 0 to 9 but got -1"),
])
def test_a_block_has_a_hundred_thousand_columns_at_most(first, last, digits, says):
    text = WIDE.replace("first = 1\nlast = 5", f"first = {first}\nlast = {last}\ndigits = {digits}")
    said = mistakes_in(text)
    assert said == (f"mapping: 1 mistake in this mapping\n  wide[1].{says}" if says else "")


@pytest.mark.parametrize(("layout", "names"), [
    (WIDE, ["onset", "offset", "rating", "tie", "media"]), (SHEET, ["rating"])])
def test_a_layout_says_some_fields_itself(layout, names):
    kind = parse_mapping(layout).layout
    for name in ("onset", "offset", "rating", "tie", "media", "note", "day", "rater"):
        if f"fields.{name} " not in layout:
            form = ', format = "seconds"' if name in ("onset", "offset", "media") else ""
            field = f'fields.{name} = {{ column = "q"{form} }}'
            said = mistakes_in(layout.replace("fields.session", f"{field}\nfields.session"))
            sentence = f"  fields.{name}: does not go with [[{kind}]], whose tables say it; leave it out"
            assert (sentence in said.splitlines()) is (name in names)
            assert bool(said) is (name in names)


@pytest.mark.parametrize(("name", "levels", "near", "meant"), [
    ("perspective", ["client", "therapist", "observer", "automatic"], "obsrver", "; did you mean 'observer'?"),
    ("status", ["hypothesised", "reported", "coded", "consensus"], "codd", "; did you mean 'coded'?"),
    ("attended", ["yes", "no", "unknown"], "whatever", ""),
])
def test_levels_are_named_as_they_are(name, levels, near, meant):
    text = SMALL + f'[fields.{name}]\ncolumn = "q"\n'
    for word in (*levels, ""):
        assert mistakes_in(f'{text}values = {{ x = "{word}" }}') == ""
    assert mistakes_in(f'{text}values = {{ x = "{near}" }}').splitlines()[1:] == [
        f"  fields.{name}.values: '{near}' is not one of {', '.join(levels)}{meant}"]


@pytest.mark.parametrize(("time", "name", "format", "expected"), [
    ("clock", "offset", "seconds", ""), ("clock", "offset", "ordinal", "clocks"), ("clock", "offset", None, "clocks"),
    ("clock", "media", "mm:ss", ""), ("clock", "media", "ordinal", "clocks"),
    ("turn", "offset", "ordinal", ""), ("turn", "offset", None, ""), ("turn", "offset", "seconds", "ordinal"),
    ("turn", "media", "seconds", ""), ("turn", "media", "ordinal", "clocks"), ("turn", "media", None, "clocks"),
    ("turn", "duration", "seconds", "ordinal"), ("turn", "onset", "seconds", "ordinal"),
    ("segment", "offset", "ordinal", "clocks"), ("segment", "onset", "ordinal", ""), ("segment", "onset", "mm:ss", ""),
    ("segment", "onset", None, "clocks, ordinal"), ("order", "onset", "seconds", "ordinal"), ("order", "onset", None, ""),
])
def test_a_time_has_a_format_that_goes_with_the_kind_of_time(time, name, format, expected):
    length = "\nsegment_seconds = 60" if time == "segment" else ""
    text = SMALL.replace('time = "clock"', f'time = "{time}"{length}')
    text = text.replace('format = "mm:ss"', 'format = "mm:ss"' if time in ("clock", "segment") else 'format = "ordinal"')
    first = "\nfirst = 1" if (time, name, format) == ("segment", "onset", "ordinal") else ""
    table = f'[fields.{name}]\ncolumn = "q"' + (f'\nformat = "{format}"' if format else "") + first
    text = text[:text.index("[fields.onset]")] + table if name == "onset" else f"{text}\n{table}"
    found = "is missing" if format is None else f"is '{format}'"
    listed = ", ".join(each.value for each in TimeFormat if each is not TimeFormat.ORDINAL)
    assert mistakes_in(text).splitlines()[1:] == ([] if not expected else [
        f'  fields.{name}.format: {found}; with time = "{time}" expected one of {expected.replace("clocks", listed)}'])


def test_the_place_of_a_party_that_is_not_known_is_told():
    party = '[fields.party]\ncolumn = "p"\nvalues = { x = "therapst", y = "Patient", z = "" }'
    sheet = SHEET.replace('"wd-p"', '"wd-p"\nparty = "THERAPIST"').replace('"cf-p"', '"cf-p"\nparty = "x"')
    end = "is not one of the study's two parties, client and therapist"
    assert mistakes_in(SMALL + party).splitlines()[1:] == [
        f"  fields.party.values: 'therapst' {end}; did you mean 'therapist'?"]
    assert mistakes_in(WIDE.replace('"client"', '"cleint"')).splitlines()[1:] == [
        f"  wide[1].party: 'cleint' {end}; did you mean 'client'?"]
    assert mistakes_in(sheet).splitlines()[1:] == [f"  code_columns[2].party: 'x' {end}"]


@pytest.mark.parametrize("more", ["digits = 0", "digits = 9", "digits = 1\nlast = 100000"])
def test_a_column_is_read_by_one_block_whatever_its_digits(more):
    text = WIDE.replace("last = 5", more if "last" in more else f"last = 5\n{more}")
    name = parse_mapping(text).wide[0].columns()[0]
    assert refused(text + text[text.index("[[wide]]"):]).splitlines()[1:] == [
        f"  wide[2]: the column '{name}' is read already, by wide[1]"]


def test_a_codebook_is_looked_for_where_one_stands(tmp_path, monkeypatch):
    book = (FILES / "mi-codes.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(book, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    text = SMALL.replace('"stages"', '"mine.toml"')
    assert parse_mapping(text).coding.codebook == as_codebook(FILES / "mi-codes.toml")
    assert parse_mapping(text) == parse_mapping(text, folder=tmp_path)


def test_a_segment_lasts_a_day_at_most():
    text = SHEET.replace("segment_seconds = 60", "segment_seconds = 86400")
    assert parse_mapping(text).coding.segment == 86_400_000_000
    assert refused(text.replace("86400", "86400.000001")).endswith(
        "coding.segment_seconds: is longer than a day; expected the length of a coded segment")


def test_an_interval_without_a_length_takes_that_of_the_segments():
    text = WIDE.replace('time = "clock"', 'time = "segment", segment_seconds = 10').replace("interval_seconds = 10", "")
    (block,) = parse_mapping(text).wide
    assert block.interval == 10_000_000
    assert block.columns() == ("A1", "A2", "A3", "A4", "A5")


def test_a_mapping_made_by_hand_is_checked_when_it_is_used():
    mapping = parse_mapping(SMALL)
    assert as_mapping(mapping) is mapping
    bad = attrs.evolve(mapping, fields=mapping.fields[:1])
    with pytest.raises(DefinitionError, match="mapping 'demo': 3 mistakes in this mapping"):
        as_mapping(bad)


def test_files_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(FileProblem, match="there is no such mapping file"):
        read_mapping(tmp_path / "no.toml")
    with pytest.raises(FileProblem, match="directory"):
        as_mapping(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FileProblem, match="not UTF-8"):
        as_mapping(str(tmp_path / "x.toml"))


def test_patient_means_client_only_where_there_is_one():
    assert party_words(("Client", "T")) == {"client": "Client", "t": "T", "patient": "Client"}
    assert party_words(("patient", "client")) == {"patient": "patient", "client": "client"}
    assert party_words(("a", "b")) == {"a": "a", "b": "b"}


def test_a_label_rule_is_told_in_words():
    mapping = parse_mapping(SHEET)
    assert [column.rule() for column in mapping.code_columns] == ["", "cf-p is present where CF is above 1.5"]


def test_toml_values():
    assert toml_value({"0": "", "x_1": "a", "a b": 'q"'}) == '{ "0" = "", x_1 = "a", "a b" = "q\\"" }'
    assert toml_value((True, "x")) == '[true, "x"]'


# --- laws


lines = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12).map(str.strip).filter(bool)
words = st.text("abcXYZ 019_-äß\"'=#", min_size=1, max_size=8).map(str.strip).filter(bool)
BOOK = load_codebook("3rs-2022")
codes = st.sampled_from([code.code for code in BOOK.codes])
parties = st.none() | st.sampled_from(["client", "therapist", "Patient"])
value_maps = st.dictionaries(words | st.just(""), codes | st.just(""), max_size=4)
clocks = st.sampled_from([each for each in TimeFormat if each is not TimeFormat.ORDINAL])


@st.composite
def fields(draw, names):
    """Draw a source for each of the names."""
    found = []
    for name in names:
        clock = name in ("onset", "offset", "media", "duration")
        if draw(st.booleans()) or clock or name == "code":
            columns = tuple(draw(st.lists(lines, min_size=1, max_size=3)))
            values = draw(value_maps) if name == "code" else draw(st.dictionaries(words, words, max_size=3)) \
                if name in ("dyad", "session", "note") else {}
            missing = tuple(dict.fromkeys(draw(st.lists(words, max_size=2))))
            found.append(Field(name=name, columns=columns, values=values, missing=missing,
                               format=draw(clocks) if clock else None))
        else:
            found.append(Field(name=name, constant=draw(lines)))
    return tuple(found)


wides = st.builds(
    WideBlock, prefix=lines, first=st.integers(0, 5), last=st.integers(5, 20), digits=st.integers(0, 4),
    interval=st.just(5_500_000), party=parties, track=st.none() | lines, values=value_maps.filter(bool))
marked = st.builds(CodeColumn, column=lines, code=codes, party=parties, track=st.none() | lines,
                   present=st.just(("x", "1")), absent=st.sampled_from([("", "0"), ("",)]))
rated = st.builds(CodeColumn, column=lines, code=codes, party=parties, rating=st.just(True),
                  above=st.integers(-5000, 5000), absent=st.sampled_from([(), ("0",)]))


@st.composite
def mappings(draw):
    """Draw a mapping without mistakes."""
    layout = draw(st.sampled_from(["rows", "wide", "columns"]))
    names = ["dyad", "session", *draw(st.lists(st.sampled_from(["track", "rater", "note", "day", "arm"]), unique=True))]
    if layout != "wide":
        names += ["onset", *draw(st.lists(st.sampled_from(["offset", "media", "party", "tie"]), unique=True))]
    names += ["code"] if layout == "rows" else []
    ordered = st.none() | lines
    time = draw(st.sampled_from([TimeKind.SEGMENT, TimeKind.CLOCK]))
    return Mapping(
        name=draw(lines), codebook="3rs-2022", bad_rows=draw(st.sampled_from(BadRows)),
        coding=Coding(codebook=BOOK, time=time, segment=5_500_000 if time is TimeKind.SEGMENT else None),
        fields=tuple(sorted(draw(fields(names)), key=lambda field: ORDER.index(field.name))),
        wide=tuple(draw(st.lists(wides, min_size=1, max_size=2, unique_by=lambda b: b.prefix.rstrip("0123456789")))
                   if layout == "wide" else ()),
        code_columns=tuple(draw(st.lists(marked | rated, min_size=1, max_size=3, unique_by=lambda c: c.column))
                           if layout == "columns" else ()),
        none_code="none" if layout == "wide" else None,
        tracks=tuple(draw(st.lists(st.builds(Track, name=lines, kind=st.sampled_from(TrackKind), rule=st.text("ab \n")),
                                   max_size=2, unique_by=lambda track: track.name))),
        observed=None if layout == "wide" else draw(st.sampled_from([None, Observed.NOT_TOLD])),
        delimiter=draw(st.sampled_from([None, ",", ";", "\t", "|"])), encoding=draw(st.none() | lines),
        decimal_comma=draw(st.none() | st.booleans()), missing=tuple(dict.fromkeys(draw(st.lists(words, max_size=3)))),
        order_by=None if layout == "wide" else draw(ordered),
        backward_times=draw(st.none() | st.sampled_from(BackwardTimes)))


ORDER = ["dyad", "session", "party", "track", "rater", "code", "onset", "offset", "tie", "media", "note", "day", "arm"]


@given(mappings())
def test_a_mapping_written_and_read_again_is_equal(mapping):
    said = mistakes_in(mapping_text(mapping))
    assume("is read already" not in said)  # two blocks that draw the same column
    assert said == ""
    assert as_mapping(mapping) == parse_mapping(mapping_text(mapping)) == mapping


DATA = {
    "format": 1, "name": "demo", "coding": {"codebook": "stages", "time": "segment", "segment_seconds": 10},
    "file": {"bad_rows": "refuse", "missing": ["x"]}, "tracks": [{"name": "a"}],
    "fields": {"dyad": {"column": "a"}, "session": {"constant": 1}, "onset": {"column": "b", "format": "seconds"},
               "code": {"column": "c", "values": {"x": "wd"}}},
}
ANY = st.recursive(st.booleans() | st.integers() | st.floats() | lines | st.sampled_from(["wd", "rows", "client"]),
                   lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))
PLACES = ["format", "name", "coding", "coding.codebook", "coding.time", "coding.parties", "coding.segment_seconds",
          "coding.observed", "file", "file.bad_rows", "file.missing", "file.delimiter", "file.decimal_comma", "tracks",
          "tracks.0.name", "tracks.0.kind", "fields", "fields.dyad", "fields.dyad.columns", "fields.session.constant",
          "fields.code.values", "fields.code.values.x", "fields.onset.format", "fields.onset.first", "wide",
          "code_columns", "other"]


def put(data, place, value):
    """Return the data with another value in one place."""
    first, _, rest = place.partition(".")
    if isinstance(data, list):
        return [put(data[0], rest, value)]
    return {**data, first: put(data[first], rest, value) if rest else value}


@given(st.sampled_from(PLACES), ANY)
def test_any_value_in_any_place_is_told_in_a_sentence(place, value):
    text = "\n".join(f"{key} = {toml_value(held)}" for key, held in put(DATA, place, value).items())
    said = mistakes_in(text)
    assert "not a mapping file" not in said
    assert said == "" or "in this mapping\n  " in said


BLOCKS = {"wide": {"prefix": "A", "first": 1, "last": 2, "values": {"x": "wd"}},
          "code_columns": {"column": "A", "code": "wd", "present": ["x"], "absent": [""]}}
KEYS = [(layout, key) for layout, block in BLOCKS.items() for key in (
    *block, "digits", "interval_seconds", "party", "track", "rating", "above")]


@given(st.sampled_from(KEYS), ANY)
def test_any_value_in_any_block_is_told_in_a_sentence(key, value):
    layout, name = key
    data = {**DATA, layout: [{**BLOCKS[layout], name: value}], "fields": {**DATA["fields"]}}
    del data["fields"]["code"]
    text = "\n".join(f"{name} = {toml_value(held)}" for name, held in data.items())
    assert "not a mapping file" not in mistakes_in(text)
