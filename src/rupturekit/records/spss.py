"""SPSS files (.sav) in: one case a row, as text.

The file is read by pyreadstat, whose work is done in C, and which a damaged file can take down with the whole process:
so its size is judged before, its dictionary is walked through record by record (`_check_dictionary`), and no more rows
are asked for than a sheet may have. Compressed .zsav files are refused, for they do not say what they unfold to.

Values that the file declares as missing are absent, and counted. Dates are refused as values of a field; times come as
h:mm:ss. Codes stay codes, unless the mapping says `labels = true`.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import attrs

from rupturekit.errors import MissingExtra, RuptureKitError, listed
from rupturekit.problems import ProblemLog, excerpt
from rupturekit.records.bounded import LIMITS, Limits, opened, refuse
from rupturekit.records.grammar import MICROSECONDS
from rupturekit.records.held import CALENDAR_DATE, HeldSheet, Row, clock, plain_number

__all__ = ["open_sav"]

_DATES: Final = ("DATE", "ADATE", "EDATE", "SDATE", "JDATE", "QYR", "MOYR", "WKYR", "DATETIME", "YMDHMS")
_TIMES: Final = ("TIME", "DTIME", "MTIME")
_MOST_NAMED: Final = 8
_BLOCK: Final = 1 << 16


def open_sav(path: Path, *, labels: bool = False, problems: ProblemLog | None = None,
             limits: Limits = LIMITS) -> HeldSheet:
    """Read an SPSS file; `labels` gives value labels in the place of codes.

    Raises
    ------
    FileProblem
        Where it is no such file, or goes beyond the limits.
    MissingExtra
        Where pyreadstat is not installed.
    """
    library = _library()
    with opened(path, most=limits.file, what="an SPSS file") as stream:
        _check_dictionary(path, stream)
    _, about = _read(library, path, metadataonly=True)
    columns = list(about.column_names)
    if not columns:
        refuse(path, "has no variables")
    if not all(columns):
        refuse(path, "is a damaged SPSS file (a variable without a name); save it again")
    most = limits.cells // len(columns)
    values, about = _read(library, path, row_limit=most + 1)
    variables = [_Variable.of(name, about, labels=labels) for name in columns]
    rows = list(zip(*(map(each.text, values[each.name]) for each in variables), strict=True))
    if len(rows) > most:
        refuse(path, f"has more than {limits.cells:,} cells; export the variables that are needed")
    return HeldSheet(
        path=path, what=f"SPSS file of {len(columns):,} variables, {'labels' if labels else 'codes'} read",
        header=tuple(columns), table=tuple(Row(number, cells) for number, cells in enumerate(rows, 1)),
        notes=(*_notes(variables), *_unread_labels(about, labels)),
        settings=(("labels", True),) if labels else (), problems=problems,
    )


# --- the dictionary ------------------------------------------------------------------------------

_HEADER: Final = 176
_END: Final = 999
_WIDEST: Final = 255
_LABELLED: Final = 8
"""The widest text that labels of this kind can belong to."""

Order: TypeAlias = Literal["little", "big"]
_ORDERS: Final[Mapping[bytes, Order]] = {
    b"\2\0\0\0": "little", b"\3\0\0\0": "little", b"\0\0\0\2": "big", b"\0\0\0\3": "big"}
"""The order of bytes, by what the header says of the layout: 2 or 3."""


def _check_dictionary(path: Path, stream: BinaryIO) -> None:
    """Walk through the records that describe the variables; refuse what does not fit together.

    The records and their lengths are those of the format's description in the PSPP developer's guide. What the library
    takes for granted, and breaks on, is checked: widths of texts, and that value labels belong to variables there are.
    """
    header = stream.read(_HEADER)
    if header[:4] == b"$FL3":
        refuse(path, "is a compressed SPSS file (.zsav); save it as .sav")
    if header[:4] != b"$FL2":
        refuse(path, "is not an SPSS file; expected one that was saved as .sav")
    order = _ORDERS.get(header[64:68])
    fault = "its header" if order is None or len(header) < _HEADER else _Walk(stream, order).fault()
    if fault:
        refuse(path, f"is a damaged SPSS file ({fault}); save it again")


@attrs.define
class _Walk:
    """A dictionary while it is walked through."""

    stream: BinaryIO
    order: Order
    widths: list[int] = attrs.field(factory=list)
    """Of each record of a variable its width: 0 for numbers, -1 for one that carries on the text before it."""
    due: int = 0
    """How many records have to carry on the text that stands last."""
    short: bool = False

    def fault(self) -> str:
        """Return what is wrong, or nothing."""
        kind = self._integer()
        while not self.short and kind != _END:
            wrong = self._record(kind)
            if wrong and not self.short:
                return wrong
            kind = self._integer()
        if self.short:
            return "it ends in its dictionary"
        return "a text without its end" if self.due else ""

    def _record(self, kind: int) -> str:
        match kind:
            case 2:
                return self._variable()
            case 3:
                for _ in self._each():
                    self._skip(8)
                    length = int.from_bytes(self._bytes(1))
                    self._skip((length + 8) // 8 * 8 - 1)
            case 4:
                return self._labelled()
            case 6:
                self._skip(80 * self._count(self._integer()))
            case 7:
                _, size, count = self._integer(), self._integer(), self._integer()
                self._skip(self._count(size) * self._count(count))
            case _:
                return "an unknown record in its dictionary"
        return ""

    def _variable(self) -> str:
        width, has_label, missing = self._integer(), self._integer(), self._integer()
        self._skip(16)
        if not (-1 <= width <= _WIDEST and has_label in (0, 1) and missing in (-3, -2, 0, 1, 2, 3)):
            return "the description of a variable"
        if (width == -1) != (self.due > 0):
            return "the width of a text"
        self.due = self.due - 1 if width == -1 else max(0, (width + 7) // 8 - 1)
        self.widths.append(width)
        if has_label:
            self._skip((self._count(self._integer()) + 3) // 4 * 4)
        self._skip(8 * abs(missing))
        return ""

    def _labelled(self) -> str:
        for _ in self._each():
            at = self._integer()
            if not (0 < at <= len(self.widths) and 0 <= self.widths[at - 1] <= _LABELLED):
                return "value labels of a variable that cannot have them"
        return ""

    def _integer(self) -> int:
        return int.from_bytes(self._bytes(4), self.order, signed=True)

    def _bytes(self, count: int) -> bytes:
        content = self.stream.read(count)
        self.short = self.short or len(content) < count
        return content

    def _count(self, number: int) -> int:
        """Return a number of things to come; one below zero ends the file."""
        self.short = self.short or number < 0
        return number

    def _each(self) -> Iterator[int]:
        """Count the things that a number announces, for as long as there are any: the number itself may lie."""
        return itertools.takewhile(lambda _: not self.short, range(self._count(self._integer())))

    def _skip(self, count: int) -> None:
        # Not beyond the end by seeking: what is skipped has to be there.
        while count > 0 and not self.short:
            count -= len(self._bytes(min(count, _BLOCK)))


# --- values --------------------------------------------------------------------------------------


def _library() -> Any:
    try:
        import pyreadstat  # noqa: PLC0415  # an extra
    except ImportError:
        raise MissingExtra("io", purpose="reading an SPSS file") from None
    return pyreadstat


def _read(library: Any, path: Path, **how: Any) -> tuple[Mapping[str, Sequence[Any]], Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: tuple[Mapping[str, Sequence[Any]], Any] = library.read_sav(
                str(path), output_format="dict", user_missing=True, disable_datetime_conversion=True, **how)
            return found
    except RuptureKitError:
        raise
    except Exception as error:    # of a damaged file the library raises whatever it stumbles over
        refuse(path, f"is a damaged SPSS file ({excerpt(str(error)) or type(error).__name__}); save it again")


@attrs.define
class _Variable:
    """One variable: how its values become text, and what was counted on the way."""

    name: str
    format: str
    labels: Mapping[Any, str]
    ranges: Sequence[Mapping[str, Any]]
    missing: int = 0

    @classmethod
    def of(cls, name: str, about: Any, *, labels: bool) -> _Variable:
        """Gather what a file says of one variable."""
        format = str(about.original_variable_types.get(name, "")).rstrip("0123456789.")
        return cls(name, format, about.variable_value_labels.get(name, {}) if labels else {},
                   about.missing_ranges.get(name, ()))

    def text(self, value: Any) -> str:
        """Return a value as text; system-missing and user-missing ones are empty."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        if any(_within(value, each) for each in self.ranges):
            self.missing += 1
            return ""
        if value in self.labels:
            return str(self.labels[value])
        if isinstance(value, str):
            return value
        return self._number(float(value))

    def _number(self, value: float) -> str:
        if self.format in _DATES:
            return CALENDAR_DATE
        if math.isinf(value):
            return str(value)
        if self.format in _TIMES:
            return clock(round(value * MICROSECONDS))
        return plain_number(value)


def _within(value: Any, stated: Mapping[str, Any]) -> bool:
    low, high = stated.get("lo"), stated.get("hi")
    if isinstance(value, str) or isinstance(low, str):
        return bool(value == low)
    return low is not None and high is not None and bool(low <= value <= high)


def _unread_labels(about: Any, labels: bool) -> Iterator[str]:
    names = [name for name in about.column_names if about.variable_value_labels.get(name)]
    if names and not labels:
        shown = listed(map(excerpt, names), most=_MOST_NAMED)
        yield (f"value labels were not read: {shown}; to read them in the place of codes, say labels = true under "
               "[file]")


def _notes(variables: Iterable[_Variable]) -> Iterator[str]:
    counted = [(each.name, each.missing) for each in variables if each.missing]
    if counted:
        shown = ", ".join(f"{excerpt(name)}: {times:,}" for name, times in counted[:_MOST_NAMED])
        rest = f" and {len(counted) - _MOST_NAMED:,} more variables" if len(counted) > _MOST_NAMED else ""
        yield f"values that the file declares as missing are absent: {shown}{rest}"
