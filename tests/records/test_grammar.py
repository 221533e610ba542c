"""One grammar for numbers and times, held against `decimal.Decimal` and plain arithmetic."""

import math
import sys
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rupturekit.errors import InvalidNumber, InvalidTime
from rupturekit.records.grammar import (
    MICROSECONDS,
    TIME_FORMATS,
    TimeFormat,
    clock_text,
    decimal_point,
    format_float,
    format_scaled,
    guess_time_format,
    looks_like_formula,
    neutralise,
    parse_float,
    parse_int,
    parse_scaled,
    parse_time,
    restore,
)

LARGEST = 2**63 - 1
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")

numerals = st.from_regex(r"[+-]?([0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,12})", fullmatch=True)
blanks = st.text(" \t\u00a0", max_size=3)
times = st.integers(-LARGEST, LARGEST)
tricky_texts = st.text() | st.text("'=+-@\t\rx1.,", max_size=6)

NOT_NUMBERS = [
    "",
    " ",
    ".",
    "-",
    "+",
    "--1",
    "1-",
    "1_000",
    "1 000",
    "1'000",
    "1,5",
    "1,234,567",
    "1e3",
    "1.5E-2",
    "nan",
    "NaN",
    "inf",
    "-Infinity",
    "NA",
    "0x10",
    "١٢",
    "３",
    "²",
    "\u22123",
    "1\n2",
    "1.2.3",
    "W3",
    "9" * 401,
]


# --- numbers


@given(numerals, blanks, blanks)
@example("-0", "", "")
@example("5.", " ", "\t")
@example(".5", "", "")
def test_scaled_numbers_are_exact(text, before, after):
    assert Decimal(parse_scaled(before + text + after, places=12)).scaleb(-12) == Decimal(text)


@given(st.integers(), st.integers(0, 12))
def test_scaled_round_trip(value, places):
    assert parse_scaled(format_scaled(value, places=places), places=places) == value


@given(st.integers(-(10**27), 10**27), st.integers(0, 12))
def test_scaled_text_is_canonical(value, places):
    text = format_scaled(value, places=places)
    assert Decimal(text).scaleb(places) == value
    assert not text.startswith(("+", "."))
    assert "." not in text or not text.endswith(("0", "."))


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [(125, 1, "12.5"), (0, 3, "0"), (-325, 2, "-3.25"), (7, 0, "7"), (-5, 3, "-0.005"), (1200, 2, "12")],
)
def test_scaled_texts(value, places, text):
    assert format_scaled(value, places=places) == text


def test_scaled_takes_numpy_integers_to_the_minimum():
    assert format_scaled(np.int64(-(2**63)), places=6) == "-9223372036854.775808"


@given(numerals, st.integers(0, 12))
def test_finer_digits_are_refused_and_zeros_are_not(text, places):
    if Decimal(text).scaleb(places) % 1 == 0:
        assert Decimal(parse_scaled(text, places=places)) == Decimal(text).scaleb(places)
    else:
        with pytest.raises(InvalidNumber, match="finer than can be kept; expected at most"):
            parse_scaled(text, places=places)


@pytest.mark.parametrize(("places", "words"), [(0, "0 decimal places"), (1, "1 decimal place$")])
def test_the_sentence_counts_places(places, words):
    with pytest.raises(InvalidNumber, match=words):
        parse_scaled("0.125", places=places)


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_no_number_is_refused_everywhere(text):
    for read in (parse_int, parse_float, lambda cell: parse_scaled(cell, places=3)):
        with pytest.raises(InvalidNumber, match=r"is not a (whole )?number; ") as caught:
            read(text)
        assert len(str(caught.value)) < 200


@given(st.text())
def test_any_text_is_a_number_or_a_sentence(text):
    try:
        number = parse_float(text)
    except InvalidNumber as refusal:
        sentence = str(refusal)
    else:
        sentence = f"'{number}' is a number"
        assert number == float(text.strip())
    assert sentence.startswith("'")
    assert sentence.isprintable()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "the cell is empty"),
        ("12,5", "decimal comma has to be declared"),
        ("1,234,567", "without separators"),
        ("1_000", "without separators"),
        ("NaN", "leave the cell empty"),
        ("1e3", "without an exponent"),
        ("\u22123", "digits 0 to 9"),
        ("W3", "expected ASCII digits with an optional sign, for example 12"),
        ("9" * 500, "expected at most 400 characters"),
    ],
)
def test_the_sentence_says_what_to_do(text, hint):
    with pytest.raises(InvalidNumber, match=hint):
        parse_float(text)


def test_a_refusal_carries_an_excerpt_of_the_value():
    with pytest.raises(InvalidNumber) as caught:
        parse_int("x\n" * 10_000_000)
    assert caught.value.value.startswith(r"x\nx\n")
    assert len(caught.value.value) == 80


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "the cell is empty"),
        ("  ", "the cell is empty"),
        *((text, "a decimal comma has to be declared for the file") for text in ("12,5", "-12,5", "+,5", "1,234")),
        *(
            (text, "leave the cell empty for an absent value")
            for text in ("nan", "NaN", "-inf", "+Infinity", "NA", "na")
        ),
        *((text, "write the number out, without an exponent") for text in ("1e3", "-1.5E-2", "+1e+3", ".e1")),
        *(
            (text, "write the digits without separators")
            for text in ("1_000", "1'000", "-1 000", "1,234,567", "1.000,5", "5_", "1.2 3")
        ),
        *((text, "use the digits 0 to 9, + or -, and a point") for text in ("\u22123", "\u0663", "1\u00a0000", "1\u00b2")),
        *(
            (text, "expected ASCII digits with an optional sign, for example 12.5 or -3")
            for text in ("W3", "--1", "1-", ".", "-", "1.2.3", "0x10", "nana", "e3", "\u00e4b", "12,5x", "x12,5")
        ),
        ("9" * 401, "expected at most 400 characters"),
    ],
)
def test_the_whole_sentence(text, hint):
    shown = text.strip() if len(text) <= 80 else text[:79] + "…"
    shown = shown.replace("\u00a0", r"\xa0")
    for read in (parse_float, lambda cell: parse_scaled(cell, places=3)):
        with pytest.raises(InvalidNumber) as caught:
            read(text)
        assert str(caught.value) == f"'{shown}' is not a number; {hint}"
    with pytest.raises(InvalidNumber) as caught:
        parse_int(text)
    assert str(caught.value) == f"'{shown}' is not a whole number; {hint.replace('12.5', '12')}"


def test_four_hundred_characters_are_read():
    assert parse_int("9" * 400) == 10**400 - 1
    assert parse_int(" " * 50 + "0" * 399 + "7") == 7
    assert parse_time("0" * 399 + "7", format=TimeFormat.ORDINAL) == 7
    assert parse_time("0" * 397 + ":00", format=TimeFormat.MM_SS) == 0
    with pytest.raises(InvalidTime):
        parse_time("0" * 401, format=TimeFormat.ORDINAL)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-0", 0), (".0", 0), ("-.0", 0), ("0.", 0), ("00", 0), ("007", 7), ("1.", 1), ("+3.000", 3), ("-12.00", -12)],
)
def test_whole_numbers_in_many_forms(text, number):
    assert parse_int(text) == number
    assert parse_float(text) == number
    assert parse_scaled(text, places=2) == number * 100


@pytest.mark.parametrize(
    ("text", "how", "message"),
    [
        ("3.5", {}, "'3.5' is not a whole number; expected for example 12 or -3"),
        ("0", {"low": 1}, "'0' is out of range; expected a whole number of at least 1"),
        ("6", {"high": 5}, "'6' is out of range; expected a whole number of at most 5"),
        ("0", {"low": 1, "high": 5}, "'0' is out of range; expected a whole number from 1 to 5"),
        ("6", {"low": 1, "high": 5}, "'6' is out of range; expected a whole number from 1 to 5"),
    ],
)
def test_whole_numbers_that_are_refused(text, how, message):
    with pytest.raises(InvalidNumber) as caught:
        parse_int(text, **how)
    assert (str(caught.value), caught.value.value) == (message, text)
    assert parse_int("1", **how) == 1


@pytest.mark.parametrize(
    ("places", "words"), [(0, "0 decimal places"), (1, "1 decimal place"), (2, "2 decimal places"), (3, None)]
)
def test_places_are_counted_exactly(places, words):
    if words is None:
        assert parse_scaled("0.125", places=places) == 125
    else:
        with pytest.raises(InvalidNumber) as caught:
            parse_scaled("0.125", places=places)
        assert str(caught.value) == f"'0.125' is finer than can be kept; expected at most {words}"


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [(-1, 0, "-1"), (1, 0, "1"), (-1, 6, "-0.000001"), (1, 1, "0.1"), (10, 1, "1"), (-10, 3, "-0.01"), (100, 0, "100")],
)
def test_scaled_texts_of_small_numbers(value, places, text):
    assert format_scaled(value, places=places) == text


@given(st.integers(), blanks)
def test_integers_round_trip(value, blank):
    assert parse_int(f"{blank}{value}{blank}") == value
    assert parse_int(f"{value}.00") == value


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(1, 5, "a whole number from 1 to 5"), (8, None, "of at least 8"), (None, 6, "of at most 6")],
)
def test_integers_out_of_range(low, high, words):
    with pytest.raises(InvalidNumber, match=f"'7' is out of range; expected .*{words}"):
        parse_int("7", low=low, high=high)


def test_bounds_are_included():
    assert [parse_int("1", low=1, high=5), parse_int("5", low=1, high=5)] == [1, 5]


def test_a_fraction_is_no_integer():
    with pytest.raises(InvalidNumber, match=r"'3\.5' is not a whole number; expected"):
        parse_int("3.5")


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(sys.float_info.max)
@example(5e-324)
@example(-0.0)
@example(0.1 + 0.2)
@example(1e22)
@example(123456789012345680.0)
def test_floats_round_trip(x):
    text = format_float(x)
    assert parse_float(text) == x
    assert "e" not in text.lower()
    assert math.copysign(1, parse_float("-0")) == 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_written_with_the_fewest_digits(x):
    digits = format_float(x).lstrip("-0.").replace(".", "").strip("0")
    assert digits == repr(abs(x)).partition("e")[0].replace(".", "").strip("0")


@pytest.mark.parametrize(
    ("x", "text"), [(12.5, "12.5"), (-3.0, "-3"), (-0.0, "0"), (1e-7, "0.0000001"), (100.0, "100")]
)
def test_float_texts(x, text):
    assert format_float(x) == text
    assert format_float(np.float64(x)) == text


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
def test_floats_that_are_not_finite_are_not_written(x):
    with pytest.raises(InvalidNumber, match="cannot be written; expected a finite number"):
        format_float(x)


def test_seventeen_significant_digits_and_no_more():
    assert parse_float("000.33333333333333331000") == 1 / 3
    assert parse_float("1" + "0" * 300) == 1e300
    with pytest.raises(InvalidNumber, match="at most 17 significant"):
        parse_float("0.333333333333333314")


@pytest.mark.parametrize("text", ["9" + "0" * 308, "-2" + "0" * 308, "0." + "0" * 330 + "1"])
def test_floats_beyond_the_type(text):
    with pytest.raises(InvalidNumber, match="beyond what can be kept"):
        parse_float(text)


@given(numerals)
def test_decimal_commas(text):
    assert decimal_point(text.replace(".", ",")) == text


@pytest.mark.parametrize("text", ["1.000,5", "1,000.5", "1,2,3", "12.5"])
def test_decimal_commas_leave_no_room_for_points(text):
    with pytest.raises(InvalidNumber, match="is not a number with a decimal comma; expected"):
        decimal_point(text)


# --- times


def test_the_formats_are_known_by_their_words():
    assert TIME_FORMATS == ("seconds", "milliseconds", "minutes", "mm:ss", "hh:mm:ss", "ordinal")


@given(times)
def test_seconds_round_trip(us):
    assert parse_time(format_scaled(us, places=6), format=TimeFormat.SECONDS) == us


@given(times)
def test_milliseconds_round_trip(us):
    assert parse_time(format_scaled(us, places=3), format=TimeFormat.MILLISECONDS) == us


@given(times)
def test_ordinals_round_trip(number):
    assert parse_time(str(number), format=TimeFormat.ORDINAL) == number


@given(times)
def test_clocks_round_trip(us):
    minutes, rest = divmod(abs(us), 60 * MICROSECONDS)
    sign = "-" if us < 0 else ""
    seconds = f"{rest // MICROSECONDS:02d}.{rest % MICROSECONDS:06d}"
    assert parse_time(f"{sign}{minutes:02d}:{seconds}", format=TimeFormat.MM_SS) == us
    hours = f"{sign}{minutes // 60}:{minutes % 60:02d}:{seconds}"
    assert parse_time(hours, format=TimeFormat.HH_MM_SS) == us


@given(st.integers(-(10**12), 10**12))
def test_seven_decimals_of_a_minute_are_whole_microseconds(number):
    assert parse_time(format_scaled(number, places=7), format=TimeFormat.MINUTES) == number * 6


@pytest.mark.parametrize(
    ("text", "format", "us"),
    [
        ("0.1", "minutes", 6_000_000),
        (" 01:05 ", "mm:ss", 65_000_000),
        ("90:00", "mm:ss", 5_400_000_000),
        ("-00:30", "mm:ss", -30_000_000),
        ("+1:30.5", "mm:ss", 90_500_000),
        ("00:00:01.000001", "hh:mm:ss", 1_000_001),
        ("1:30:00.", "hh:mm:ss", 5_400_000_000),
        ("12.5000000000", "seconds", 12_500_000),
        ("3.0", "ordinal", 3),
    ],
)
def test_times(text, format, us):
    assert parse_time(text, format=TimeFormat(format)) == us


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("", "seconds"),
        ("1:05", "seconds"),
        ("abc", "milliseconds"),
        ("1e3", "seconds"),
        ("nan", "minutes"),
        ("1:5", "mm:ss"),
        ("1:60", "mm:ss"),
        (":30", "mm:ss"),
        ("1:02:03", "mm:ss"),
        ("12", "mm:ss"),
        ("1:00,5", "mm:ss"),
        ("1:60:00", "hh:mm:ss"),
        ("1:00:60", "hh:mm:ss"),
        ("12:30", "hh:mm:ss"),
        ("١:٠٠", "mm:ss"),
        ("9" * 500, "seconds"),
        ("9" * 500 + ":00", "mm:ss"),
        ("turn 4", "ordinal"),
    ],
)
def test_what_is_no_time_is_refused_with_an_example(text, format):
    with pytest.raises(InvalidTime, match=f"is not a time in {format}; expected for example [0-9]") as caught:
        parse_time(text, format=TimeFormat(format))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "format", "words"),
    [
        ("0.0000001", "seconds", "finer than a microsecond in seconds"),
        ("0.0001", "milliseconds", "finer than a microsecond in milliseconds"),
        ("0.00000001", "minutes", "finer than a microsecond in minutes"),
        ("00:00.0000001", "mm:ss", "finer than a microsecond in mm:ss"),
        ("-0:00:00.0000001", "hh:mm:ss", "finer than a microsecond in hh:mm:ss"),
        ("3.5", "ordinal", "not a whole number"),
    ],
)
def test_finer_times_are_refused(text, format, words):
    if format == "milliseconds":
        assert parse_time("0.001", format=TimeFormat.MILLISECONDS) == 1
    with pytest.raises(InvalidTime, match=f"is {words}; expected for example"):
        parse_time(text, format=TimeFormat(format))


@pytest.mark.parametrize("number", [2**63, -(2**63), -(2**63) - 1, 10**50])
def test_times_fit_above_the_reserved_minimum(number):
    for text, format in [
        (format_scaled(number, places=6), TimeFormat.SECONDS),
        (str(number), TimeFormat.ORDINAL),
    ]:
        with pytest.raises(InvalidTime, match="too large for a time in"):
            parse_time(text, format=format)


@pytest.mark.parametrize(
    ("texts", "format"),
    [
        (["00:12", "61:30.5"], TimeFormat.MM_SS),
        (["0:00:12", "01:30:00"], TimeFormat.HH_MM_SS),
        (["12.5", "17"], TimeFormat.SECONDS),
        (["30", "60", "90"], TimeFormat.SECONDS),
        (["1", "2"], TimeFormat.SECONDS),
        (["1", "2", "2", "3"], TimeFormat.ORDINAL),
        (["2", "0", "1"], TimeFormat.ORDINAL),
        (["754250", "0"], TimeFormat.MILLISECONDS),
        (["754250.1234", "0"], TimeFormat.SECONDS),
        (["12.3333333"], TimeFormat.MINUTES),
        (["59:30", "1:00:30"], None),
        (["1", "W3"], None),
        (["1", ""], None),
        ([], None),
    ],
)
def test_guesses(texts, format):
    assert guess_time_format(iter(texts)) is format


@given(st.lists(numerals | st.from_regex(r"-?[0-9]{1,3}:[0-9]{2}(:[0-9]{2})?", fullmatch=True), max_size=5))
def test_a_guess_reads_every_text(texts):
    format = guess_time_format(texts)
    if format is not None:
        assert all(isinstance(parse_time(text, format=format), int) for text in texts)


@pytest.mark.parametrize(
    ("texts", "format"),
    [
        (["100000", "0"], TimeFormat.MILLISECONDS),
        (["-100000", "0"], TimeFormat.MILLISECONDS),
        (["99999", "0"], TimeFormat.SECONDS),
        (["99999.999999", "0"], TimeFormat.SECONDS),
        (["0", "1", "2"], TimeFormat.ORDINAL),
        (["1", "2", "3"], TimeFormat.ORDINAL),
        (["3", "1", "2", "4"], TimeFormat.ORDINAL),
        (["0", "1"], TimeFormat.SECONDS),
        (["-1", "0", "1"], TimeFormat.SECONDS),
        (["2", "3", "4"], TimeFormat.SECONDS),
        (["0", "2", "3"], TimeFormat.SECONDS),
        (["1", "2", "4"], TimeFormat.SECONDS),
        (["0", "1.5", "2"], TimeFormat.SECONDS),
    ],
)
def test_guesses_at_the_edge(texts, format):
    assert guess_time_format(texts) is format


EXAMPLES = {
    "seconds": "754 or 754.25",
    "milliseconds": "754250",
    "minutes": "12.5",
    "mm:ss": "12:34 or 12:34.25",
    "hh:mm:ss": "00:12:34 or 1:02:03.5",
    "ordinal": "17",
}


@pytest.mark.parametrize("format", list(TIME_FORMATS))
def test_the_whole_sentence_of_a_time(format):
    for text, words in (
        ("x y", f"is not a time in {format}"),
        (str(10**30) if ":" not in format else f"{10**30}:00" + ":00" * (format == "hh:mm:ss"), f"is too large for a time in {format}"),
    ):
        with pytest.raises(InvalidTime) as caught:
            parse_time(f" {text} ", format=format)
        assert str(caught.value) == f"'{text}' {words}; expected for example {EXAMPLES[format]}"
        assert caught.value.value == text
    for text in EXAMPLES[format].split(" or "):
        parse_time(text, format=format)


@pytest.mark.parametrize(
    ("text", "format", "us"),
    [
        ("1", "seconds", 1_000_000),
        ("1", "milliseconds", 1_000),
        ("1", "minutes", 60_000_000),
        ("1:01", "mm:ss", 61_000_000),
        ("-1:01", "mm:ss", -61_000_000),
        ("1:01:01", "hh:mm:ss", 3_661_000_000),
        ("0:00:59.", "hh:mm:ss", 59_000_000),
        ("-1:59:59.5", "hh:mm:ss", -7_199_500_000),
        ("1", "ordinal", 1),
        ("9223372036854.775807", "seconds", LARGEST),
        ("-9223372036854.775807", "seconds", -LARGEST),
    ],
)
def test_units_of_times(text, format, us):
    assert parse_time(text, format=TimeFormat(format)) == us


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (499, "00:00"),
        (500, "00:00.001"),
        (1_499, "00:00.001"),
        (-499, "00:00"),
        (-500, "-00:00.001"),
        (10_000_000, "00:10"),
        (59_999_499, "00:59.999"),
        (60_000_000, "01:00"),
        (600_100_000, "10:00.1"),
        (3_661_010_000, "1:01:01.01"),
        (-3_600_000_000, "-1:00:00"),
    ],
)
def test_clock_texts_at_the_edge(us, text):
    assert clock_text(us) == text
    assert clock_text(np.int64(us)) == text


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "00:00"),
        (65_000_000, "01:05"),
        (754_250_000, "12:34.25"),
        (-1_500_000, "-00:01.5"),
        (-1, "00:00"),
        (59_999_600, "01:00"),
        (3_599_999_499, "59:59.999"),
        (3_600_000_000, "1:00:00"),
        (360_000_001_000, "100:00:00.001"),
    ],
)
def test_clock_texts(us, text):
    assert clock_text(us) == text


@given(st.integers(-(10**15), 10**15).map(lambda ms: ms * 1000))
def test_clock_texts_read_back_to_the_millisecond(us):
    text = clock_text(us)
    format = TimeFormat.HH_MM_SS if text.count(":") == 2 else TimeFormat.MM_SS
    assert parse_time(text, format=format) == us


# --- formulas


@given(tricky_texts)
@example("'")
@example("''=x")
def test_neutralising_is_undone_exactly(text):
    assert restore(neutralise(text)) == text


@given(tricky_texts)
def test_neutralised_text_starts_no_formula(text):
    assert not neutralise(text).startswith(FORMULA_SIGNS)
    assert len(neutralise(text)) - len(text) == text.startswith((*FORMULA_SIGNS, "'"))


@given(tricky_texts, tricky_texts)
def test_neutralising_keeps_texts_apart(a, b):
    assert (neutralise(a) == neutralise(b)) == (a == b)


@given(tricky_texts)
def test_restoring_changes_only_what_neutralising_wrote(text):
    assert restore(text) == text or neutralise(restore(text)) == text


@pytest.mark.parametrize("sign", [*FORMULA_SIGNS, "'"])
def test_every_sign_that_begins_a_formula_is_guarded(sign):
    assert neutralise(sign) == "'" + sign
    assert neutralise(f"{sign}A1") == f"'{sign}A1"
    assert neutralise(f"A{sign}1") == f"A{sign}1"
    assert restore(f"'{sign}A1") == f"{sign}A1"
    assert restore(f"{sign}A1") == f"{sign}A1"
    assert restore("'A1") == "'A1"
    assert restore("'") == "'"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("=", True), ("@", True), ("=XX", True), ("+1", False), ("-1", False), ("+ 1", False), ("-1.", False), ("-.5", False),
        ("+1,5", False), ("-,", True), ("-.", True), ("-1.5.5", True), ("-x", True), ("+x", True), ("--", True), ("+ ", False),
        ("x-", False), ("1+1", False), ("\t=1", False),
    ],
)
def test_what_looks_like_a_formula(text, found):
    assert looks_like_formula(text) is found


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+A1", "-2+3", "--2", "- note", "=", "+-5"])
def test_formulas(text):
    assert looks_like_formula(text)


@pytest.mark.parametrize(
    "text", ["", "-", "+", "-2", "+2.5", "-,5", "-1,5", "- 3", "'=1", "a=b", "3-4", "5."]
)
def test_no_formulas(text):
    assert not looks_like_formula(text)
