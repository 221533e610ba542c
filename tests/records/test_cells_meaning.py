"""Cells of foreign tables: every field with what it takes, and the whole sentence for what it does not take."""

from __future__ import annotations

from typing import Any

import pytest

from rupturekit.codebooks import load_codebook
from rupturekit.episode import Coding
from rupturekit.errors import InvalidNumber, InvalidTime, RecordError
from rupturekit.records.cells import WORDS, BadCell, Found, Source, kind_of, nearest, readers
from rupturekit.records.grammar import TimeFormat, decimal_point
from rupturekit.records.held import CALENDAR_DATE
from rupturekit.records.mapping import Field
from rupturekit.vocabulary import Attendance, Perspective, Status, TimeKind

STAGES = load_codebook("stages")
LARGEST = 2**62
LONG = "x" * 10_000
HELP = "number the sessions in the order they took place, for example [fields.session] values = { \"%s\" = 1 }"


def read(text: str, field: Field, **coding: Any) -> Any:
    return readers(Coding(codebook=STAGES, **coding), [field], number=str)[field.name](text)


TAKEN: list[tuple[str, str, object]] = [
    *((name, "D 1", "D 1") for name in ("dyad", "track", "rater", "therapist", "arm")), ("dyad", LONG, LONG),
    ("note", "two\r\nlines\u2028\x00end", "two lines end"), ("note", " x ", " x "), ("note", LONG, LONG),
    ("session", "3.0", 3), ("session", "0", 0), ("session", str(LARGEST), LARGEST), ("tie", "0", 0), ("tie", str(LARGEST), LARGEST),
    ("day", "-3", -3), ("day", str(LARGEST), LARGEST), ("day", str(-LARGEST), -LARGEST), ("rating", "2.5", 2_500), ("rating", "0", 0),
    ("rating", "4611686018427387.904", LARGEST), ("party", "client", "client"), ("party", "Patient", "client"),
    ("party", "THERAPIST", "therapist"), ("code", "wd", "wd"), ("perspective", "Observer", Perspective.OBSERVER),
    ("status", "CODED", Status.CODED), ("attended", "yes", Attendance.YES),
]


@pytest.mark.parametrize(("name", "text", "value"), TAKEN)
def test_what_a_field_takes(name: str, text: str, value: object) -> None:
    found = read(text, Field(name=name))
    assert (found, type(found)) == (value, type(value))


REFUSED = [
    *((name, " D", "not a plain word", "' D' is not a plain word; expected 1 to 10,000 characters on one line, without blanks at "
                                       "either end") for name in ("dyad", "track", "rater", "therapist", "arm")),
    ("note", LONG + "x", "note too long", "the note has 10,001 characters; expected 1 to 10,000 characters on one line"),
    ("session", "two", "not a session number", f"'two' is not a whole number; {HELP % 'two'}"),
    ("session", "-1", "not a session number", f"'-1' is not a whole number; {HELP % '-1'}"),
    ("session", str(LARGEST + 1), "not a session number", f"'{LARGEST + 1}' is not a whole number; {HELP % (LARGEST + 1)}"),
    ("tie", "-1", "not a number", f"'-1' is out of range; expected a whole number from 0 to {LARGEST}"),
    ("tie", str(LARGEST + 1), "not a number", f"'{LARGEST + 1}' is out of range; expected a whole number from 0 to {LARGEST}"),
    ("day", str(LARGEST + 1), "not a number",
     f"'{LARGEST + 1}' is out of range; expected a whole number from -{LARGEST} to {LARGEST}"),
    ("day", str(-LARGEST - 1), "not a number",
     f"'{-LARGEST - 1}' is out of range; expected a whole number from -{LARGEST} to {LARGEST}"),
    *(("day", text, "calendar date", "a calendar date identifies people; write the days since the first session")
      for text in ("2021-01-02", "2021-1-2", "2021-01-02 12:00", "2021-01-02T12:00:00Z", "2.1.2021", "02/01/21", "1/2/2021")),
    *(("day", text, "not a number", f"'{text}' is not a whole number; expected ASCII digits with an optional sign, for example "
                                    "12 or -3") for text in ("2021-01", "1/2/202", "1.2.3.4")),
    ("rating", "-0.001", "rating out of range", "'-0.001' is not a rating; expected at least 0"),
    ("rating", "4611686018427387.905", "rating out of range", "'4611686018427387.905' is not a rating; expected at least 0"),
    ("rating", "0.0001", "not a number", "'0.0001' is finer than can be kept; expected at most 3 decimal places"),
    ("perspective", "robot", "unknown perspective",
     "'robot' is not one of client, therapist, observer, automatic; map it under values"),
    ("status", "Codes", "unknown status",
     "'Codes' is not one of hypothesised, reported, coded, consensus; did you mean 'coded'?"),
    ("attended", "ja", "unknown attended", "'ja' is not one of yes, no, unknown; map it under values"),
    ("party", "mother", "unknown party",
     "'mother' is not one of the study's two parties, client and therapist; rupturekit models dyads: map the word under "
     "[fields.party] values, to \"\" to leave a third person out"),
    ("party", "clients", "unknown party",
     "'clients' is not one of the study's two parties, client and therapist; did you mean 'client'?; rupturekit models dyads: "
     "map the word under [fields.party] values, to \"\" to leave a third person out"),
    ("code", "zzz", "unknown code", "'zzz' is not in stages; add it to the codebook, or map it under values"),
    ("code", "invit", "unknown code", "'invit' is not in stages; did you mean 'invite'?"),
]


@pytest.mark.parametrize(("name", "text", "kind", "message"), REFUSED)
def test_what_a_field_refuses(name: str, text: str, kind: str, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        read(text, Field(name=name))
    assert (kind_of(caught.value), str(caught.value)) == (kind, message)
    shown = "" if kind == "calendar date" else text if len(text) <= 80 else text[:79] + "…"
    assert caught.value.value == shown


@pytest.mark.parametrize(("text", "how", "coding", "time"), [
    ("1.5", {"format": TimeFormat.SECONDS}, {}, 1_500_000), ("0", {"format": TimeFormat.SECONDS}, {}, 0),
    ("4611686018427.387904", {"format": TimeFormat.SECONDS}, {}, LARGEST), ("17", {}, {"time": TimeKind.TURN}, 17),
    ("3", {"first": 1}, {"time": TimeKind.SEGMENT, "segment": 5_000_000}, 10_000_000),
    ("1", {"first": 1}, {"time": TimeKind.SEGMENT, "segment": 5_000_000}, 0),
    ("3", {}, {"time": TimeKind.SEGMENT, "segment": 5_000_000}, 3), ("3", {"first": 1}, {"time": TimeKind.TURN}, 3),
    ("3", {"first": 1}, {"time": TimeKind.TURN, "segment": 5_000_000}, 3),
])
def test_a_time_is_read_in_its_format(text: str, how: dict[str, Any], coding: dict[str, Any], time: int) -> None:
    for name in ("onset", "offset", "media", "duration"):
        assert read(text, Field(name=name, **how), **coding) == time


@pytest.mark.parametrize(("text", "how", "coding", "kind", "message"), [
    ("-0.5", {"format": TimeFormat.SECONDS}, {}, "outside the session",
     "'-0.5' lies outside the session; times count from its start"),
    ("-0.000001", {"format": TimeFormat.SECONDS}, {}, "outside the session",
     "'-0.000001' lies outside the session; times count from its start"),
    ("4611686018427.387905", {"format": TimeFormat.SECONDS}, {}, "outside the session",
     "'4611686018427.387905' lies outside the session; times count from its start"),
    ("0", {"first": 1}, {"time": TimeKind.SEGMENT, "segment": 5_000_000}, "outside the session",
     "'0' lies outside the session; times count from its start"),
    ("1.5", {}, {"time": TimeKind.TURN}, "not a time", "'1.5' is not a whole number; expected for example 17"),
    ("x", {"format": TimeFormat.MM_SS}, {}, "not a time", "'x' is not a time in mm:ss; expected for example 12:34 or 12:34.25"),
])
def test_a_time_that_cannot_be_is_refused(text: str, how: dict[str, Any], coding: dict[str, Any], kind: str, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        read(text, Field(name="onset", **how), **coding)
    assert (kind_of(caught.value), str(caught.value), caught.value.value) == (kind, message, text)


@pytest.mark.parametrize(("name", "text", "value"), [
    ("session", "3,0", 3), ("tie", "4,0", 4), ("day", "-5,0", -5), ("rating", "2,5", 2_500), ("onset", "1,5", 1_500_000)])
def test_a_decimal_comma_is_undone_in_every_number(name: str, text: str, value: int) -> None:
    field = Field(name=name, format=TimeFormat.SECONDS if name == "onset" else None)
    reader = readers(Coding(codebook=STAGES), [field], number=decimal_point)[name]
    assert reader(text) == value
    with pytest.raises(InvalidTime if name == "onset" else RecordError):
        reader("1.000,5")


def test_kinds_of_errors() -> None:
    assert [kind_of(error) for error in (BadCell("k", "m", value="v"), InvalidTime("m"), InvalidNumber("m"), RecordError("m"))] == [
        "k", "not a time", "not a number", "not a number"]
    assert nearest("wd-mim", ("wd-min", "cf-push")) == "; did you mean 'wd-min'?"
    assert nearest("x" * 1_000, ("wd-min",)) == ""


# What a cell holds

def source(**how: Any) -> Source:
    return Source.of(Field(**how), header=("a", "b", "c"), missing=("NA", "-"))


@pytest.mark.parametrize(("name", "columns", "label"), [
    ("dyad", (), "dyad"), ("a", ("a",), "a"), ("dyad", ("a",), "dyad (a)"), ("dyad", ("a", "c"), "dyad (a, c)")])
def test_a_source_is_called_by_its_field_and_columns(name: str, columns: tuple[str, ...], label: str) -> None:
    found = source(name=name, columns=columns)
    assert (found.label, found.at) == (label, tuple("abc".index(column) for column in columns))


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 40), (41, "x" * 39 + "…")])
def test_a_long_column_is_cut_in_the_label(length: int, shown: str) -> None:
    name = "x" * length
    assert Source.of(Field(name="dyad", columns=(name,)), header=(name,), missing=()).label == f"dyad ({shown})"


@pytest.mark.parametrize(("cells", "found"), [
    (["x", "", ""], Found("x", "x")), ([" NA ", "-", " y "], Found("y", "y")), (["", "", ""], None), (["NA", "-", "?"], None),
    (["one", "y", ""], Found("one", "1")), (["", "none", "z"], Found("none", "")), (["NA", "?", ""], None),
])
def test_the_first_cell_that_is_not_missing_counts(cells: list[str], found: Found | None) -> None:
    assert source(name="dyad", columns=("a", "b", "c"), values={"one": "1", "none": ""}, missing=("?",)).find(cells) == found


def test_a_constant_stands_for_every_cell() -> None:
    assert source(name="dyad", constant="D1").find(["x", "y", "z"]) == Found("D1", "D1")


@pytest.mark.parametrize("name", ["dyad", "party", "track", "rater", "code", "note", "therapist", "arm"])
def test_formulas_are_refused_where_text_is_kept(name: str) -> None:
    assert name in WORDS
    with pytest.raises(BadCell) as caught:
        source(name=name, columns=("a",)).find([" =A1 ", "", ""])
    assert (caught.value.kind, str(caught.value), caught.value.value) == (
        "looks like a formula", "'=A1' looks like a formula; write it as plain text in the file, or map it under values", "=A1")
    assert source(name=name, columns=("a",), values={"=A1": "x"}).find(["=A1", "", ""]) == Found("=A1", "x")


@pytest.mark.parametrize("name", ["session", "onset", "rating", "day", "status", "tie"])
def test_formulas_in_other_fields_are_for_their_reader(name: str) -> None:
    assert name not in WORDS
    assert source(name=name, columns=("a",)).find(["=A1", "", ""]) == Found("=A1", "=A1")


def test_what_no_field_may_hold_is_refused_unless_it_is_called_missing() -> None:
    cells = [CALENDAR_DATE, "x", ""]
    with pytest.raises(BadCell) as caught:
        source(name="day", columns=("a", "b")).find(cells)
    assert (caught.value.kind, str(caught.value), caught.value.value) == (CALENDAR_DATE.kind, CALENDAR_DATE.remedy, "")
    assert source(name="day", columns=("a", "b"), missing=("(calendar date)",)).find(cells) == Found("x", "x")
    assert source(name="day", columns=("a",), values={"(calendar date)": "1"}).find(cells) == Found("(calendar date)", "1")
