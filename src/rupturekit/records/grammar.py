"""The one grammar for numbers and times, the same on every path into the library.

A number is ASCII digits with an optional sign and an optional decimal point. There is no
`1_000`, no exponent, no nan, no inf, no digit of another script: each of these means different
things to different programs. Blanks around a number are dropped. Whatever a file can say exactly
is kept exactly: times are whole microseconds, and text that is finer is refused, not rounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from rupturekit.errors import InvalidNumber, InvalidTime
from rupturekit.problems import excerpt

__all__ = [
    "MICROSECONDS",
    "TIME_FORMATS",
    "TimeFormat",
    "clock_text",
    "decimal_point",
    "format_float",
    "format_scaled",
    "guess_time_format",
    "looks_like_formula",
    "neutralise",
    "parse_float",
    "parse_int",
    "parse_scaled",
    "parse_time",
    "restore",
]

MICROSECONDS: Final = 1_000_000
"""Microseconds in a second, the unit of every time in the library."""

_NUMBER: Final = re.compile(r"([+-]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?")
_SIGNIFICANT: Final = 17
# Every finite double fits in 400 characters without an exponent. The bound also keeps `int` from
# quadratic work, and below the limit at which Python itself refuses to convert.
_LONGEST: Final = 400


class _Number(NamedTuple):
    """A number as written: `digits` in units of 10**-places, without zeros at the end."""

    digits: int
    places: int


# --- numbers ---------------------------------------------------------------------------------


def _match(text: str) -> _Number | None:
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    sign, whole, fraction = found.groups(default="")
    fraction = fraction.rstrip("0")
    return _Number(int(f"{sign}{whole}{fraction}" if whole or fraction else "0"), len(fraction))


def _ten_to(places: int) -> int:
    return int(10**places)


_HINTS: Final = (
    (re.compile(r""), "the cell is empty"),
    (re.compile(r"[+-]?[0-9]*,[0-9]+"), "a decimal comma has to be declared for the file"),
    (re.compile(r"[+-]?(nan|inf|infinity|na)", re.IGNORECASE), "leave the cell empty for an absent value"),
    (re.compile(r"[+-]?[0-9.]+e[+-]?[0-9]+", re.IGNORECASE), "write the number out, without an exponent"),
    (re.compile(r"[+-]?[0-9.]*[0-9][_', ][0-9._', ]*"), "write the digits without separators"),
    (re.compile(r"[^a-zA-Z]*[^\x00-\x7f][^a-zA-Z]*"), "use the digits 0 to 9, + or -, and a point"),
)


def _hint(text: str, *, example: str) -> str:
    if len(text) > _LONGEST:
        return f"expected at most {_LONGEST} characters"
    for pattern, hint in _HINTS:
        if pattern.fullmatch(text):
            return hint
    return f"expected ASCII digits with an optional sign, for example {example}"


def _number(text: str, *, what: str, example: str) -> _Number:
    stripped = text.strip()
    number = _match(stripped)
    if number is None:
        raise _invalid_number(text, f"is not {what}; {_hint(stripped, example=example)}")
    return number


def _invalid_number(text: str, complaint: str) -> InvalidNumber:
    shown = excerpt(text.strip())
    return InvalidNumber(f"'{shown}' {complaint}", value=shown)


def parse_int(text: str, *, low: int | None = None, high: int | None = None) -> int:
    """Read a whole number from `low` to `high`, both included.

    "3.0" reads as 3: spreadsheets and data frames write whole numbers so when a column has gaps.
    Raises `InvalidNumber` for anything else.

    >>> parse_int(" -3 ", low=-5)
    -3
    """
    number = _number(text, what="a whole number", example="12 or -3")
    if number.places:
        raise _invalid_number(text, "is not a whole number; expected for example 12 or -3")
    if (low is not None and number.digits < low) or (high is not None and number.digits > high):
        raise _invalid_number(text, f"is out of range; expected a whole number {_range(low, high)}")
    return number.digits


def _range(low: int | None, high: int | None) -> str:
    if low is None:
        return f"of at most {high}"
    return f"of at least {low}" if high is None else f"from {low} to {high}"


def parse_scaled(text: str, *, places: int) -> int:
    """Read a decimal number exactly, as an integer in units of 10**-places.

    Zeros beyond `places` are fine; any other digit there raises `InvalidNumber`, as does
    whatever is not a number.

    >>> parse_scaled("-3.250", places=2)
    -325
    """
    number = _number(text, what="a number", example="12.5 or -3")
    if number.places > places:
        allowed = f"{places} decimal place{'' if places == 1 else 's'}"
        raise _invalid_number(text, f"is finer than can be kept; expected at most {allowed}")
    return number.digits * _ten_to(places - number.places)


def format_scaled(value: int, *, places: int) -> str:
    """Write an integer in units of 10**-places as a decimal number, without zeros at the end.

    The inverse of `parse_scaled`: one text for each value.

    >>> format_scaled(-325, places=2), format_scaled(1250, places=2), format_scaled(0, places=2)
    ('-3.25', '12.5', '0')
    """
    whole, fraction = divmod(abs(int(value)), _ten_to(places))
    sign = "-" if value < 0 else ""
    decimals = f"{fraction:0{places}d}".rstrip("0") if fraction else ""
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def parse_float(text: str) -> float:
    """Read a decimal number of up to 17 significant digits as a finite float.

    Zeros at either end do not count as significant; "-0" reads as 0. Raises `InvalidNumber`
    for more digits than a float can hold, and for numbers too large or too close to zero.

    >>> parse_float("-12.50")
    -12.5
    """
    number = _number(text, what="a number", example="12.5 or -3")
    if len(str(abs(number.digits)).rstrip("0")) > _SIGNIFICANT:
        raise _invalid_number(text, f"has too many digits; expected at most {_SIGNIFICANT} significant ones")
    value = float(text.strip())
    if math.isinf(value) or (number.digits and not value):
        raise _invalid_number(text, "is beyond what can be kept; expected a size from about 1e-323 to 1e308")
    return value or 0.0  # one zero: -0 would compare equal and be stored differently


def format_float(x: float) -> str:
    """Write a finite float with the fewest digits that read back equal, without an exponent.

    Raises `InvalidNumber` for nan and inf, which the grammar does not have.

    >>> format_float(12.5), format_float(3.0), format_float(1e-7)
    ('12.5', '3', '0.0000001')
    """
    number = float(x)
    if not math.isfinite(number):
        raise _invalid_number(repr(number), "cannot be written; expected a finite number")
    return f"{Decimal(repr(number or 0.0)):f}".removesuffix(".0")


def decimal_point(text: str) -> str:
    """Replace the comma of a number by a point, for files declared to use decimal commas.

    Raises `InvalidNumber` for text with a point as well, or with several commas.

    >>> decimal_point("-3,25"), decimal_point("00:12,5"), decimal_point("7")
    ('-3.25', '00:12.5', '7')
    """
    if text.count(",") + text.count(".") > 1 or "." in text:
        raise _invalid_number(text, "is not a number with a decimal comma; expected for example 12,5 or -3")
    return text.replace(",", ".")


# --- times -----------------------------------------------------------------------------------


class TimeFormat(StrEnum):
    """Name the ways in which a column can write times.

    `ordinal` is no clock: whole numbers that say the order, such as turns.

    >>> TimeFormat("mm:ss")
    <TimeFormat.MM_SS: 'mm:ss'>
    """

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MINUTES = "minutes"
    MM_SS = "mm:ss"
    HH_MM_SS = "hh:mm:ss"
    ORDINAL = "ordinal"


TIME_FORMATS: Final = tuple(TimeFormat)
"""Every time format, in the order in which messages list them."""

_Ratio: TypeAlias = tuple[int, int]
"""A time as numerator and denominator in microseconds, before anyone asks whether it is whole."""

_EXAMPLES: Final = {
    TimeFormat.SECONDS: "754 or 754.25",
    TimeFormat.MILLISECONDS: "754250",
    TimeFormat.MINUTES: "12.5",
    TimeFormat.MM_SS: "12:34 or 12:34.25",
    TimeFormat.HH_MM_SS: "00:12:34 or 1:02:03.5",
    TimeFormat.ORDINAL: "17",
}

# Two digits after each colon are required: 1:5 could be 1:05 or the torn end of 1:50.
_MM_SS: Final = re.compile(r"([+-]?)([0-9]+):([0-5][0-9](?:\.[0-9]*)?)")
_HH_MM_SS: Final = re.compile(r"([+-]?)([0-9]+:[0-5][0-9]):([0-5][0-9](?:\.[0-9]*)?)")


def _amount(text: str, *, unit: int) -> _Ratio | None:
    number = _match(text)
    return None if number is None else (number.digits * unit, _ten_to(number.places))


def _clock(text: str, *, pattern: re.Pattern[str]) -> _Ratio | None:
    found = pattern.fullmatch(text)
    seconds = _amount(found[3], unit=MICROSECONDS) if found else None
    if found is None or seconds is None:
        return None
    numerator, denominator = seconds
    total = _minutes(found[2]) * 60 * MICROSECONDS * denominator + numerator
    return (-total if found[1] == "-" else total), denominator


def _minutes(text: str) -> int:
    hours, _, minutes = text.rpartition(":")
    return int(hours or "0") * 60 + int(minutes)


_READERS: Final[dict[TimeFormat, Callable[[str], _Ratio | None]]] = {
    TimeFormat.SECONDS: partial(_amount, unit=MICROSECONDS),
    TimeFormat.MILLISECONDS: partial(_amount, unit=MICROSECONDS // 1000),
    TimeFormat.MINUTES: partial(_amount, unit=60 * MICROSECONDS),
    TimeFormat.MM_SS: partial(_clock, pattern=_MM_SS),
    TimeFormat.HH_MM_SS: partial(_clock, pattern=_HH_MM_SS),
    TimeFormat.ORDINAL: partial(_amount, unit=1),
}


def parse_time(text: str, *, format: TimeFormat) -> int:
    """Read a time as whole microseconds, or an ordinal as the whole number it is.

    Minutes of mm:ss and hours of hh:mm:ss are unbounded; a sign in front is read, and judged
    by whoever knows whether times may be negative. Raises `InvalidTime` for other text, for
    times finer than a microsecond, and for times that do not fit into 64 bits above the
    minimum, which is reserved for absence.

    >>> parse_time("12:34.25", format=TimeFormat.MM_SS)
    754250000
    """
    stripped = text.strip()
    ratio = _READERS[format](stripped) if len(stripped) <= _LONGEST else None
    if ratio is None:
        raise _invalid_time(text, f"is not a time in {format}", format=format)
    time, rest = divmod(ratio[0], ratio[1])
    if rest:
        raise _invalid_time(text, f"is {_too_fine(format)}", format=format)
    if abs(time) >= 2**63:
        raise _invalid_time(text, f"is too large for a time in {format}", format=format)
    return time


def _too_fine(format: TimeFormat) -> str:
    return "not a whole number" if format is TimeFormat.ORDINAL else f"finer than a microsecond in {format}"


def _invalid_time(text: str, complaint: str, *, format: TimeFormat) -> InvalidTime:
    shown = excerpt(text.strip())
    return InvalidTime(f"'{shown}' {complaint}; expected for example {_EXAMPLES[format]}", value=shown)


def guess_time_format(texts: Iterable[str]) -> TimeFormat | None:
    """Return the format that a sample of times most likely has, or None if no format reads all.

    Whole numbers that run 0, 1, 2 ... or 1, 2, 3 ... without a gap are taken for ordinals,
    numbers of 100,000 (a day in seconds) and more for milliseconds, other numbers for seconds.
    It is a proposal: nothing in the text says that 12.5 is not minutes.

    >>> guess_time_format(["00:12", "61:30"])
    <TimeFormat.MM_SS: 'mm:ss'>
    """
    sample = list(texts)
    fitting = [name for name in TIME_FORMATS if sample and all(_reads(text, format=name) for text in sample)]
    if TimeFormat.SECONDS in fitting:
        return _guess_unit(sample, fitting=fitting)
    return next(iter(fitting), None)


def _reads(text: str, *, format: TimeFormat) -> bool:
    try:
        parse_time(text, format=format)
    except InvalidTime:
        return False
    return True


def _guess_unit(sample: list[str], *, fitting: list[TimeFormat]) -> TimeFormat:
    times = {parse_time(text, format=TimeFormat.SECONDS) for text in sample}
    if TimeFormat.ORDINAL in fitting and _is_run(times):
        return TimeFormat.ORDINAL
    long = max(map(abs, times)) >= 100_000 * MICROSECONDS
    return TimeFormat.MILLISECONDS if long and TimeFormat.MILLISECONDS in fitting else TimeFormat.SECONDS


def _is_run(times: set[int]) -> bool:
    first, last = min(times) // MICROSECONDS, max(times) // MICROSECONDS
    return first in (0, 1) and len(times) >= 3 and last - first + 1 == len(times)


def clock_text(us: int) -> str:
    """Write microseconds for a message: mm:ss, or h:mm:ss from an hour on.

    Up to three decimals are shown where they are needed; what is finer is rounded.

    >>> clock_text(754_250_000), clock_text(3_723_000_000)
    ('12:34.25', '1:02:03')
    """
    milliseconds = (abs(int(us)) + 500) // 1000
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if us <= -500 else ""    # what rounds to nothing has no sign
    seconds = f"{rest // 1000:02d}.{rest % 1000:03d}".rstrip("0").removesuffix(".")
    return f"{sign}{hours}:{minutes:02d}:{seconds}" if hours else f"{sign}{minutes:02d}:{seconds}"


# --- cells that a spreadsheet would run --------------------------------------------------------

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_GUARDED: Final = (*_FORMULA, "'")
_UNSIGNED: Final = re.compile(r"[0-9]+[.,]?[0-9]*|[.,][0-9]+")


def neutralise(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula.

    Text that begins with an apostrophe gets a second one, so that `restore` is an exact inverse.

    >>> neutralise("=1+1"), neutralise("'tis"), neutralise("plain")
    ("'=1+1", "''tis", 'plain')
    """
    return "'" + text if text.startswith(_GUARDED) else text


def restore(text: str) -> str:
    """Take back what `neutralise` did; text that it never writes is left alone.

    >>> restore("'=1+1"), restore("''tis"), restore("'tis")
    ('=1+1', "'tis", "'tis")
    """
    return text[1:] if text.startswith("'") and text[1:].startswith(_GUARDED) else text


def looks_like_formula(text: str) -> bool:
    """Return whether a cell of a foreign file looks like a formula and not like a number.

    A sign before a number, with point or comma, is a number; a sign alone is a code or a mark
    for absence.

    >>> [looks_like_formula(cell) for cell in ("=A1", "@SUM(A1)", "-2+3", "-2.5", "-")]
    [True, True, True, False, False]
    """
    if text.startswith(("=", "@")):
        return True
    rest = text[1:].strip()
    return text.startswith(("+", "-")) and bool(rest) and not _UNSIGNED.fullmatch(rest)
