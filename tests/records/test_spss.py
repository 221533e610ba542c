"""SPSS files: codes or labels, declared missing values, times and dates."""

from __future__ import annotations

import datetime
import io
import struct
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import pyreadstat
import pytest

from rupturekit.errors import FileProblem, MissingExtra
from rupturekit.records.bounded import Limits
from rupturekit.records.foreign import read_table
from rupturekit.records.mapping import parse_mapping
from rupturekit.records.spss import _check_dictionary, _Variable, open_sav

LONG = "a note of many words, " * 20
COLUMNS: dict[str, list[Any]] = {
    "case": ["D1", "D1", "D1", "D1"], "who": [1.0, 2.0, 9.0, None], "what": ["wd", "invite", "wd", "wd"],
    "at": [12.5, 30.0, 31.25, 40.0], "seen": [datetime.date(2021, 1, 2)] * 4,
    "clock": [datetime.time(0, 12, 5), datetime.time(1, 0, 0), None, None], "note": [LONG, "", "x", ""],
}
MAPPING = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "refuse"%s }
fields.dyad.column = "case"
fields.session.constant = 1
fields.party = { column = "who", values = { "1" = "client", "2" = "therapist" } }
fields.code.column = "what"
fields.onset = { column = "at", format = "seconds" }
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyreadstat.write_sav(pandas.DataFrame(COLUMNS), str(tmp_path / "a.sav"), missing_ranges={"who": [9]},
                             variable_value_labels={"who": {1: "client", 2: "therapist", 9: "not seen"}})
    return tmp_path / "a.sav"


def column(path: Path, name: str, **how: Any) -> list[str]:
    sheet = open_sav(path, **how)
    return [cells[sheet.header.index(name)] for _, cells in sheet.rows()]


def test_values_as_text(path: Path) -> None:
    assert open_sav(path).header == tuple(COLUMNS)
    assert column(path, "who") == ["1", "2", "", ""]
    assert column(path, "who", labels=True) == ["client", "therapist", "", ""]
    assert column(path, "at") == ["12.5", "30", "31.25", "40"]
    assert column(path, "clock") == ["0:12:05", "1:00:00", "", ""]
    assert column(path, "seen") == ["(calendar date)"] * 4
    assert column(path, "note")[0] == LONG.rstrip()


def test_declared_missing_values_are_counted(path: Path) -> None:
    assert open_sav(path, labels=True).notes == ("values that the file declares as missing are absent: who: 1",)
    assert open_sav(path).notes[1].startswith("value labels were not read: who; ")


def test_it_goes_through_a_mapping(path: Path) -> None:
    study = read_table(path, parse_mapping(MAPPING % ""))
    assert [move.party for move in study.cohort.moves] == ["client", "therapist", None, None]
    assert study.losses is not None
    assert study.losses.balanced
    assert "values that the file declares as missing are absent: who: 1" in study.losses.warnings
    labelled = read_table(path, parse_mapping(MAPPING % ", labels = true"))
    assert labelled.cohort.moves == study.cohort.moves


def variable(**how: Any) -> _Variable:
    return _Variable(**{"name": "x", "format": "F", "labels": {}, "ranges": ()} | how)


@pytest.mark.parametrize(("how", "value", "text"), [
    ({"ranges": [{"lo": -99.0, "hi": -90.0}]}, -95.0, ""), ({"ranges": [{"lo": -99.0, "hi": -90.0}]}, -89.0, "-89"),
    ({"ranges": [{"lo": "n/a", "hi": "n/a"}]}, "n/a", ""), ({"ranges": [{"lo": "n/a", "hi": "n/a"}]}, "x", "x"),
    ({"ranges": [{}]}, 1.0, "1"), ({}, float("inf"), "inf"), ({}, float("nan"), ""), ({}, 0.1 + 0.2, "0.3"),
    ({"format": "DTIME"}, 90_061.5, "25:01:01.5"), ({"format": "ADATE"}, 1.0, "(calendar date)"),
])
def test_one_value(how: dict[str, Any], value: Any, text: str) -> None:
    assert variable(**how).text(value) == text


def test_many_variables_with_missing_values_are_named_up_to_eight(tmp_path: Path) -> None:
    names = [f"v{n}" for n in range(10)]
    pyreadstat.write_sav(pandas.DataFrame({name: [9.0] for name in names}), str(tmp_path / "a.sav"),
                         missing_ranges={name: [9] for name in names})
    assert open_sav(tmp_path / "a.sav").notes[0].endswith("v7: 1 and 2 more variables")


@pytest.mark.parametrize(("format", "text"), [
    *((name, "(calendar date)") for name in ("DATE", "ADATE", "EDATE", "SDATE", "JDATE", "QYR", "MOYR", "WKYR", "DATETIME",
                                             "YMDHMS")),
    *((name, "0:01:30.5") for name in ("TIME", "DTIME", "MTIME")),
    *((name, "90.5") for name in ("F", "COMMA", "WKDAY", "MONTH", "")),
])
def test_every_format_of_dates_and_times_is_known(format: str, text: str) -> None:
    assert variable(format=format).text(90.5) == text
    assert variable(format=format).text(float("-inf")) == (text if text == "(calendar date)" else "-inf")


@pytest.mark.parametrize(("value", "missing"), [(0.9, False), (1.0, True), (2.0, True), (2.1, False), ("a", False)])
def test_a_range_of_missing_values_holds_its_ends(value: Any, missing: bool) -> None:
    one = variable(ranges=[{"lo": 1.0, "hi": 2.0}])
    assert (one.text(value) == "") is missing
    assert one.missing == missing


@pytest.mark.parametrize("stated", [{}, {"lo": 1.0}, {"hi": 2.0}, {"lo": None, "hi": 2.0}, {"lo": "a", "hi": "a"}])
def test_half_a_range_makes_nothing_missing(stated: dict[str, Any]) -> None:
    one = variable(ranges=[stated, {"lo": 5.0, "hi": 5.0}], labels={2.0: "two"})
    assert [one.text(value) for value in (1.0, 2.0, 5.0, 5.0, None, "b")] == ["1", "two", "", "", "", "b"]
    assert one.missing == 2


def test_what_the_library_does_not_say_of_a_variable_is_nothing() -> None:
    silent = SimpleNamespace(original_variable_types={}, variable_value_labels={}, missing_ranges={})
    assert _Variable.of("x", silent, labels=True) == variable(format="")
    said = SimpleNamespace(original_variable_types={"x": "DATETIME20.2"}, variable_value_labels={"x": {1: "one"}},
                           missing_ranges={"x": [{"lo": 1, "hi": 1}]})
    assert _Variable.of("x", said, labels=True) == variable(
        format="DATETIME", labels={1: "one"}, ranges=[{"lo": 1, "hi": 1}])
    assert _Variable.of("x", said, labels=False).labels == {}
    said.original_variable_types["x"] = "AHEX16"
    assert _Variable.of("x", said, labels=False).format == "AHEX"


def test_a_whole_file(path: Path) -> None:
    sheet = open_sav(path)
    assert (sheet.what, sheet.settings) == ("SPSS file of 7 variables, codes read", ())
    assert sheet.notes == (
        "values that the file declares as missing are absent: who: 1",
        "value labels were not read: who; to read them in the place of codes, say labels = true under [file]")
    labelled = open_sav(path, labels=True)
    assert (labelled.what, labelled.settings) == ("SPSS file of 7 variables, labels read", (("labels", True),))
    day = "(calendar date)"
    assert list(sheet.rows()) == [
        (1, ["D1", "1", "wd", "12.5", day, "0:12:05", LONG.rstrip()]), (2, ["D1", "2", "invite", "30", day, "1:00:00", ""]),
        (3, ["D1", "", "wd", "31.25", day, "", "x"]), (4, ["D1", "", "wd", "40", day, "", ""])]


def test_of_a_plain_file_there_is_nothing_to_tell(tmp_path: Path) -> None:
    pyreadstat.write_sav(pandas.DataFrame({"a": [1.0, 2.0]}), str(tmp_path / "a.sav"))
    sheet = open_sav(tmp_path / "a.sav", labels=True)
    assert (list(sheet.rows()), sheet.notes) == ([(1, ["1"]), (2, ["2"])], ())


@pytest.mark.parametrize(("count", "missing", "labels"), [
    (8, "v0: 1, v1: 1, v2: 1, v3: 1, v4: 1, v5: 1, v6: 1, v7: 1", "v0, v1, v2, v3, v4, v5, v6, v7"),
    (9, "v0: 1, v1: 1, v2: 1, v3: 1, v4: 1, v5: 1, v6: 1, v7: 1 and 1 more variables",
     "v0, v1, v2, v3, v4, v5, v6, v7 (+1 more)"),
])
def test_eight_variables_are_named(tmp_path: Path, count: int, missing: str, labels: str) -> None:
    names = [f"v{n}" for n in range(count)]
    pyreadstat.write_sav(pandas.DataFrame({name: [9.0] for name in names}), str(tmp_path / "a.sav"),
                         missing_ranges={name: [9] for name in names}, variable_value_labels={name: {1: "a"} for name in names})
    assert open_sav(tmp_path / "a.sav").notes == (
        f"values that the file declares as missing are absent: {missing}",
        f"value labels were not read: {labels}; to read them in the place of codes, say labels = true under [file]")


def test_the_library_is_asked_for_the_names_alone_first_and_for_one_row_too_many_then(
        path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, asked = pyreadstat.read_sav, []

    def listening(name: str, **how: Any) -> Any:
        asked.append(how)
        warnings.warn("of no interest", UserWarning, stacklevel=1)    # which would be an error here
        return read(name, **how)

    monkeypatch.setattr(pyreadstat, "read_sav", listening)
    open_sav(path, limits=Limits(cells=34))
    plainly = {"output_format": "dict", "user_missing": True, "disable_datetime_conversion": True}
    assert asked == [plainly | {"metadataonly": True}, plainly | {"row_limit": 5}]


# What is refused

def test_limits(path: Path) -> None:
    assert len(list(open_sav(path, limits=Limits(cells=28)).rows())) == 4
    with pytest.raises(FileProblem, match="has more than 27 cells; export the variables that are needed"):
        open_sav(path, limits=Limits(cells=27))
    with pytest.raises(FileProblem, match=r"an SPSS file may have at most 100 bytes"):
        open_sav(path, limits=Limits(file=100))


def test_what_is_no_sav_file_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for damaged, says in ((b"$FL3" + content[4:], "is a compressed SPSS file"), (b"PK", "is not an SPSS file"),
                          (content[:100], "is a damaged SPSS file"), (content[:4] + b"\xff" * 400, "is a damaged SPSS file")):
        path.write_bytes(damaged)
        with pytest.raises(FileProblem, match=says):
            open_sav(path)


def test_data_that_break_off_are_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileProblem, match=r"is a damaged SPSS file \(.*\); save it again"):
        open_sav(path)


def dictionary(*records: bytes, order: str = "<", layout: int = 2) -> bytes:
    header = b"$FL2" + b" " * 60 + struct.pack(f"{order}5id", layout, -1, 0, 0, -1, 100.0) + b" " * 84
    return header + b"".join(records)


def record(*numbers: int, text: bytes = b"", order: str = "<") -> bytes:
    return struct.pack(f"{order}{len(numbers)}i", *numbers) + text


NUMBER = record(2, 0, 0, 0, 0, 0, text=b"X       ")
END = record(999, 0)


@pytest.mark.parametrize(("records", "says"), [
    ([NUMBER, END], ""), ([record(2, 0, 1, -2, 0, 0, text=b"X       " + record(3, text=b"abc ") + bytes(16)), END], ""),
    ([record(2, 9, 0, 0, 0, 0, text=b"X       "), record(2, -1, 0, 0, 0, 0, text=b"        "), END], ""),
    ([record(6, 1, text=b" " * 80), NUMBER, END], ""), ([record(7, 11, 4, 3, text=bytes(12)), NUMBER, END], ""),
    ([NUMBER, record(3, 1, text=bytes(8) + b"\x03abc" + bytes(4)), record(4, 1, 1), END], ""),
    ([NUMBER, record(3, 1, text=bytes(8) + b"\x07abcdefg"), record(4, 1, 1), END], ""),
    ([NUMBER, record(3, 1, text=bytes(8) + b"\x03abc" + bytes(4)), record(4, 1, 2), END], "value labels of a variable"),
    ([NUMBER, record(4, 1, 0), END], "value labels of a variable"),
    ([record(2, 16, 0, 0, 0, 0, text=b"X       "), record(2, -1, 0, 0, 0, 0, text=bytes(8)), record(4, 1, 1), END],
     "value labels of a variable"),
    ([record(2, 9, 0, 0, 0, 0, text=b"X       "), END], "a text without its end"),
    ([record(2, -1, 0, 0, 0, 0, text=b"X       "), END], "the width of a text"),
    ([record(2, 9, 0, 0, 0, 0, text=b"X       "), NUMBER, END], "the width of a text"),
    ([record(2, 256, 0, 0, 0, 0, text=b"X       "), END], "the description of a variable"),
    ([record(2, 0, 2, 0, 0, 0, text=b"X       "), END], "the description of a variable"),
    ([record(2, 0, 0, 4, 0, 0, text=b"X       "), END], "the description of a variable"),
    ([record(5), END], "an unknown record"), ([NUMBER], "it ends in its dictionary"),
    ([record(6, 2**31 - 1)], "it ends in its dictionary"), ([record(7, 1, -1, 5)], "it ends in its dictionary"),
    ([record(3, -1)], "it ends in its dictionary"), ([record(3, 2**31 - 1)], "it ends in its dictionary"),
])
def test_a_dictionary_is_walked_through_before_the_library_sees_it(path: Path, records: list[bytes], says: str) -> None:
    if says:
        with pytest.raises(FileProblem, match=f"is a damaged SPSS file \\({says}"):
            _check_dictionary(path, io.BytesIO(dictionary(*records)))
    else:
        _check_dictionary(path, io.BytesIO(dictionary(*records)))


REST = record(2, -1, 0, 0, 0, 0, text=bytes(8))


def text_of(width: int, *more: bytes) -> bytes:
    return record(2, width, 0, 0, 0, 0, text=b"X       ") + b"".join(more)


@pytest.mark.parametrize(("width", "rest"), [(0, 0), (1, 0), (8, 0), (9, 1), (16, 1), (17, 2), (24, 2), (25, 3), (255, 31)])
def test_a_text_is_carried_on_by_as_many_records_as_it_needs(path: Path, width: int, rest: int) -> None:
    _check_dictionary(path, io.BytesIO(dictionary(text_of(width), *[REST] * rest, NUMBER, END)))
    with pytest.raises(FileProblem, match="the width of a text"):
        _check_dictionary(path, io.BytesIO(dictionary(text_of(width), *[REST] * (rest + 1), NUMBER, END)))
    with pytest.raises(FileProblem, match="the width of a text" if rest else "an unknown record"):
        _check_dictionary(path, io.BytesIO(dictionary(text_of(width), *[REST] * (rest - 1), NUMBER, record(5))))


@pytest.mark.parametrize("length", range(10))
def test_labels_fill_up_their_places(path: Path, length: int) -> None:
    label, filling = b"x" * length, bytes(-length % 4)
    named = record(2, 0, 1, 0, 0, 0, text=b"X       " + record(length, text=label + filling))
    value = record(3, 2, text=(bytes(8) + bytes([length]) + label + bytes(-(length + 1) % 8)) * 2) + record(4, 1, 1)
    _check_dictionary(path, io.BytesIO(dictionary(named, value, END)))
    for damaged in (named[:-1] if length else named + b"x", named + b"xxxx"):
        with pytest.raises(FileProblem, match="is a damaged SPSS file"):
            _check_dictionary(path, io.BytesIO(dictionary(damaged, value, END)))
    with pytest.raises(FileProblem, match="is a damaged SPSS file"):
        _check_dictionary(path, io.BytesIO(dictionary(named, value[:-9] + value[-8:], END)))


@pytest.mark.parametrize(("width", "fits"), [(0, True), (1, True), (8, True), (9, False)])
def test_value_labels_belong_to_numbers_and_short_texts(path: Path, width: int, fits: bool) -> None:
    for place in (1, 2):
        before = [NUMBER] * (place - 1)
        records = dictionary(*before, text_of(width), *[REST] * (width > 8), record(3, 0), record(4, 1, place), END)
        if fits:
            _check_dictionary(path, io.BytesIO(records))
        else:
            with pytest.raises(FileProblem, match="value labels of a variable that cannot have them"):
                _check_dictionary(path, io.BytesIO(records))
    for place in (0, -1, 3):
        with pytest.raises(FileProblem, match="value labels of a variable that cannot have them"):
            _check_dictionary(path, io.BytesIO(dictionary(NUMBER, NUMBER, record(3, 0), record(4, 1, place), END)))
    with pytest.raises(FileProblem, match="value labels of a variable that cannot have them"):    # what carries on has none
        _check_dictionary(path, io.BytesIO(dictionary(text_of(9), REST, record(3, 0), record(4, 1, 2), END)))


@pytest.mark.parametrize(("field", "value", "fits"), [
    *((1, width, False) for width in (-2, 256)), *((2, flag, False) for flag in (-1, 2)), (2, 0, True), (2, 1, True),
    *((3, missing, missing in (-3, -2, 0, 1, 2, 3)) for missing in range(-4, 5)),
])
def test_a_variable_is_described_by_numbers_that_mean_something(path: Path, field: int, value: int, fits: bool) -> None:
    numbers = [2, 0, 0, 0, 0, 0]
    numbers[field] = value
    label = record(0) if numbers[2] == 1 else b""
    records = dictionary(record(*numbers, text=b"X       " + label + bytes(8 * abs(numbers[3]))), END)
    if fits:
        _check_dictionary(path, io.BytesIO(records))
    else:
        with pytest.raises(FileProblem) as caught:
            _check_dictionary(path, io.BytesIO(records))
        assert str(caught.value) == "a.sav: is a damaged SPSS file (the description of a variable); save it again"


@pytest.mark.parametrize("filled", [
    record(6, 0), record(6, 2, text=bytes(160)), record(7, 3, 4, 0), record(7, 3, 0, 4), record(7, 3, 1, 1, text=b"x"),
    record(7, 3, 70_000, 2, text=bytes(140_000)), record(3, 0) + record(4, 0), b""])
def test_records_of_other_kinds_are_stepped_over(path: Path, filled: bytes) -> None:
    _check_dictionary(path, io.BytesIO(dictionary(NUMBER, filled, END)))
    if filled:
        with pytest.raises(FileProblem) as caught:
            _check_dictionary(path, io.BytesIO(dictionary(NUMBER, filled[:-1])))
        assert str(caught.value) == "a.sav: is a damaged SPSS file (it ends in its dictionary); save it again"


def test_a_dictionary_of_the_other_byte_order_and_damaged_headers(path: Path) -> None:
    big = dictionary(record(2, 0, 0, 0, 0, 0, text=b"X       ", order=">"), record(999, 0, order=">"), order=">", layout=3)
    _check_dictionary(path, io.BytesIO(big))
    for damaged in (dictionary(NUMBER, END, layout=7), dictionary()[:100]):
        with pytest.raises(FileProblem, match="damaged SPSS file \\(its header\\)"):
            _check_dictionary(path, io.BytesIO(damaged))


def test_labels_of_a_variable_that_is_not_there_no_longer_take_the_process_down(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.find(struct.pack("<2i", 4, 1))    # the record that says whose the labels are
    content[at + 8:at + 12] = struct.pack("<i", 900_000)
    path.write_bytes(content)
    with pytest.raises(FileProblem, match="value labels of a variable that cannot have them"):
        open_sav(path)


def test_a_file_without_variables_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        column_names: tuple[str, ...] = ()

    monkeypatch.setattr(pyreadstat, "read_sav", lambda *_, **__: ({}, Nothing()))
    with pytest.raises(FileProblem, match="has no variables"):
        open_sav(path)


def test_a_variable_without_a_name_is_refused(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"NOTE    ", b" " * 8, 1))
    assert path.read_bytes() != content
    with pytest.raises(FileProblem, match="a variable without a name"):
        open_sav(path)


def test_a_sentence_of_ours_is_not_wrapped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise FileProblem("as it was")

    monkeypatch.setattr(pyreadstat, "read_sav", refused)
    with pytest.raises(FileProblem, match="^as it was$"):
        open_sav(path)


def test_without_the_library_the_extra_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(MissingExtra, match="reading an SPSS file needs the extra 'io'"):
        read_table(path, parse_mapping(MAPPING % ""))


FUZZ = """
import random, sys
from pathlib import Path
from rupturekit.errors import RuptureKitError
from rupturekit.records.spss import open_sav
content, path = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
told = 0
for seed in range(int(sys.argv[3])):
    draw, damaged = random.Random(seed), bytearray(content)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(damaged))
        damaged[at:at + draw.randint(0, 4)] = draw.randbytes(draw.randint(0, 4))
    path.write_bytes(damaged[:draw.randrange(len(damaged))] if seed % 4 == 0 else damaged)
    try:
        list(open_sav(path).rows())
    except RuptureKitError:
        told += 1
print(told)
"""


def test_no_bytes_get_more_than_a_sentence(path: Path, tmp_path: Path) -> None:
    """In a process of its own: what is read in C could take the whole process with it."""
    done = subprocess.run([sys.executable, "-c", FUZZ, str(path), str(tmp_path / "b.sav"), "300"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30
