"""Excel workbooks (.xlsx, .xlsm) in: one sheet becomes a header and rows of text, as a person sees them.

Every part of the archive is read once within limits, before the workbook library (openpyxl) sees any of it. On that
pass it is noted what the library does not tell: hidden rows, merged cells, and formulas that were never computed.

Numbers come as at most 15 digits, which is what Excel keeps; times of day and durations as h:mm:ss. Calendar dates,
errors such as #N/A and formulas without a value are refused as values of a field, unless the mapping calls them missing
or says under `values` what they mean.
"""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import attrs

from rupturekit.errors import MissingExtra, RuptureKitError, did_you_mean, listed
from rupturekit.problems import ProblemLog, excerpt
from rupturekit.records.bounded import LIMITS, IllFormed, Limits, members_of, opened, parse_xml, refuse
from rupturekit.records.held import CALENDAR_DATE, HeldSheet, RefusedCell, Row, clock, places, plain_number

__all__ = ["open_workbook"]

_LAST_ROW: Final = 1_048_576
_LAST_COLUMN: Final = 16_384
_MOST_NAMED: Final = 5


def open_workbook(path: Path, *, sheet: str | None = None, problems: ProblemLog | None = None,
                  limits: Limits = LIMITS) -> HeldSheet:
    """Read one sheet of a workbook, or the first one that is shown; its first filled row is the header.

    Raises
    ------
    FileProblem
        Where it is no workbook, goes beyond the limits, or has no such sheet.
    MissingExtra
        Where openpyxl is not installed.

    >>> import openpyxl
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     book = openpyxl.Workbook()
    ...     book.active.append(["case", "code", "at"])
    ...     book.active.append([12.0, "wd", datetime.time(0, 1, 30)])
    ...     book.save(Path(folder, "sheet.xlsx"))
    ...     held = open_workbook(Path(folder, "sheet.xlsx"))
    >>> held.header, list(held.rows())
    (('case', 'code', 'at'), [(1, ['12', 'wd', '0:01:30'])])
    """
    openpyxl = _library()
    with opened(path, most=limits.file, what="a workbook") as stream:
        parts = _looked_through(path, stream, limits)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")    # what the library cannot show (pictures, rules) holds no cells
                book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
                name, notes = _chosen(path, book, sheet)
                read = _Read.of(path, book[name], parts)
        except RuptureKitError:
            raise
        except Exception as error:    # of a damaged workbook the library raises whatever it stumbles over
            refuse(path, f"is not an Excel workbook that can be read ({excerpt(f'{type(error).__name__}: {error}')}); "
                         "open it, and save it as .xlsx or as CSV (UTF-8)")
    if not read.header:
        refuse(path, f"has nothing in its sheet '{excerpt(name)}'; expected a header row")
    return HeldSheet(
        path=path, what=f"Excel workbook, sheet '{excerpt(name)}'", header=read.header,
        table=tuple(Row(number, cells) for number, cells in read.rows),
        notes=(*notes, *read.notes()), settings=(("sheet", name),) if notes or sheet else (), problems=problems,
    )


def _library() -> Any:
    try:
        import openpyxl  # noqa: PLC0415  # an extra
    except ImportError:
        raise MissingExtra("io", purpose="reading an Excel workbook") from None
    return openpyxl


def _chosen(path: Path, book: Any, sheet: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the name of the sheet to read, and what is to be told of the others."""
    shown = [each.title for each in book.worksheets if each.sheet_state == "visible"]
    names = [each.title for each in book.worksheets]
    if not names:
        refuse(path, "holds no sheet")
    if sheet is None:
        name = (shown or names)[0]
        others = listed((f"'{excerpt(each)}'" for each in names if each != name), most=_MOST_NAMED)
        told = f"sheet '{excerpt(name)}' was read, not {others}; to read another one, say sheet = \"...\" under [file]"
        return name, (told,) if len(names) > 1 else ()
    if sheet not in names:
        known = listed(map(excerpt, names))
        refuse(path, f"has no sheet '{excerpt(sheet)}'{did_you_mean(sheet, names)}; it has {known}")
    return sheet, ()


# --- the first pass ------------------------------------------------------------------------------


@attrs.define
class _Part:
    """What one part of the archive says beside its values, if it is a sheet; the face that `parse_xml` talks to."""

    path: Path
    cells: int
    """The cells that may still come; a row counts up to its last cell, for the gaps are filled."""
    hidden: list[int] = attrs.field(factory=list)
    merged: list[str] = attrs.field(factory=list)
    uncomputed: set[tuple[int, int]] = attrs.field(factory=set)
    _row: int = 0
    _column: int = 0
    _formula: bool = attrs.field(init=False)
    _value: bool = attrs.field(init=False)
    _inside: str = attrs.field(init=False)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Note where a row, a cell, its formula and its value begin."""
        self._inside = tag
        match tag:
            case "row":
                self._begin_row(attributes)
            case "c":
                self._begin_cell(attributes)
            case "f":
                self._formula = True
            case "is":
                self._value = True
            case "mergeCell":
                self.merged.append(attributes.get("ref", ""))

    def end(self, tag: str) -> None:
        """Judge a cell, and count a row."""
        self._inside = ""
        if tag == "c" and self._formula and not self._value:
            self.uncomputed.add((self._row, self._column))
        elif tag == "row":
            self.cells -= self._column
            if self.cells < 0:
                refuse(self.path, "reaches over more cells than a coded sheet has; delete what stands far to the right "
                                  "and far below, or save the sheet as CSV (UTF-8)")

    def text(self, data: str) -> None:
        """Note that a cell has a value."""
        if self._inside == "v" and data.strip():
            self._value = True

    def _begin_row(self, attributes: dict[str, str]) -> None:
        self._row, self._column = self._number(attributes.get("r"), self._row + 1, _LAST_ROW), 0
        if attributes.get("hidden") in ("1", "true"):
            self.hidden.append(self._row)

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        match = re.fullmatch(r"([A-Za-z]{1,3})([0-9]{1,9})", attributes.get("r", ""))
        if match is not None:
            self._row = self._number(match[2], self._row, _LAST_ROW)
        self._column = self._column + 1 if match is None else max(self._column, _column_number(match[1]))
        if self._column > _LAST_COLUMN:
            refuse(self.path, f"names a column beyond {_LAST_COLUMN:,}, which Excel does not have")
        self._formula = False
        # A formula whose result is an empty text has a type and no value.
        self._value = attributes.get("t") == "str"

    def _number(self, text: str | None, otherwise: int, most: int) -> int:
        if text is None:
            return otherwise
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 0 < int(text) <= most:
            refuse(self.path, f"names a row '{excerpt(text)}', which Excel does not have")
        return int(text)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def _looked_through(path: Path, stream: BinaryIO, limits: Limits) -> dict[str, _Part]:
    """Read every part once, within limits, and return what each says beside its values."""
    found: dict[str, _Part] = {}
    with members_of(path, stream, limits=limits) as members:
        for name, blocks in members.items():
            found[name] = _Part(path, limits.cells)
            _look_through(blocks, found[name], limits)
    return found


def _look_through(blocks: Iterator[bytes], part: _Part, limits: Limits) -> None:
    first = next(blocks, b"")
    # No parser takes for XML what does not begin so, in any of its encodings; pictures end here.
    if not first.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n").startswith(b"<"):
        for _ in blocks:    # to the end, for the checksum
            pass
        return
    # Old drawings are ill-formed. Up to the fault all was within limits, and further no parser gets.
    with suppress(IllFormed):
        parse_xml(_chained(first, blocks), part, path=part.path, limits=limits)


def _chained(first: bytes, blocks: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks


# --- values --------------------------------------------------------------------------------------


@attrs.define
class _Read:
    """A sheet while its rows are read."""

    part: _Part
    header: tuple[str, ...] = ()
    top: int = attrs.field(init=False)
    """The row of the header, once there is one."""
    rows: list[tuple[int, Sequence[str]]] = attrs.field(factory=list)
    no_seconds: dict[int, int] = attrs.field(factory=dict)
    """Times that are shown without seconds, by column."""

    @classmethod
    def of(cls, path: Path, sheet: Any, parts: dict[str, _Part]) -> _Read:
        """Read the values of a sheet, after what its part said beside them."""
        part = parts.get(str(sheet._worksheet_path))
        if part is None:
            refuse(path, f"has no part for its sheet '{excerpt(sheet.title)}'; save it again")
        read = cls(part)
        sheet.reset_dimensions()    # a stated size may lie; the rows say theirs
        for number, row in enumerate(sheet.iter_rows(), 1):
            read.take(number, row)
        if read.header:
            read.trim()
        return read

    def take(self, number: int, row: Sequence[Any]) -> None:
        """Take one more row; the first one with content is the header."""
        cells = [self._text(number, at, cell) for at, cell in enumerate(row, 1)]
        if self.header:
            self.rows.append((number - self.top, cells))
        elif any(map(str.strip, cells)):
            self.header, self.top = tuple(map(str.strip, cells)), number

    def trim(self) -> None:
        """Bring all rows to one width: that of the last column with content."""
        every = [self.header, *(cells for _, cells in self.rows)]
        width = max(at for cells in every for at, cell in enumerate(cells, 1) if cell.strip())
        self.header = _fitted(self.header, width)
        self.rows = [(number, _fitted(cells, width)) for number, cells in self.rows]

    def _text(self, row: int, column: int, cell: Any) -> str:
        if (row, column) in self.part.uncomputed:
            return _UNCOMPUTED
        match cell.value:
            case None:
                return ""
            case str(text):
                return _error(text) if cell.data_type == "e" else text
            case bool(flag):
                return "TRUE" if flag else "FALSE"
            case int() | float():
                return plain_number(cell.value)
            case datetime.time() | datetime.timedelta():
                return self._time(column, cell)
        return CALENDAR_DATE

    def _time(self, column: int, cell: Any) -> str:
        if "s" not in str(cell.number_format).lower():
            self.no_seconds[column] = self.no_seconds.get(column, 0) + 1
        return clock(_microseconds(cell.value))

    def notes(self) -> Iterator[str]:
        """Yield what may matter and does not show in the cells."""
        hidden = [row - self.top for row in self.part.hidden if row > self.top]
        if hidden:
            yield f"{len(hidden):,} hidden row{'s' * (len(hidden) > 1)} counted like the others: {places(hidden)}"
        merged = [ref for ref in self.part.merged if _last_row(ref) > self.top]
        if merged:
            yield (f"merged cells hold their value in the first cell alone, the others are empty: "
                   f"{listed(map(excerpt, merged), most=_MOST_NAMED)}")
        for column, times in sorted(self.no_seconds.items()):
            yield (f"column '{excerpt(self.header[column - 1])}' shows {times:,} time{'s' * (times > 1)} as hours and "
                   "minutes; Excel takes a typed 12:34 for 12 hours, so it was read as 12:34:00")


def _fitted(cells: Sequence[str], width: int) -> tuple[str, ...]:
    return (*cells[:width], *[""] * (width - len(cells)))


def _last_row(ref: str) -> int:
    digits = re.search(r"[0-9]{1,9}$", ref)
    return int(digits[0]) if digits else 0


_UNCOMPUTED: Final = RefusedCell(
    "(formula without a value)", kind="formula without a value",
    remedy="the formula was never computed; open the workbook, save it, or write the value in its place")


def _error(text: str) -> RefusedCell:
    return RefusedCell(text, kind="an error of the sheet",
                       remedy=f"{excerpt(text)} is an error of the sheet; mend it, or list it under missing")


def _microseconds(value: datetime.time | datetime.timedelta) -> int:
    if isinstance(value, datetime.time):
        value = datetime.timedelta(hours=value.hour, minutes=value.minute, seconds=value.second,
                                   microseconds=value.microsecond)
    return value // datetime.timedelta(microseconds=1)
