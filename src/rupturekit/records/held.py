"""A table that was read from something else than text, held in memory: a header, and rows of text cells.

It gives its rows as `delimited.Sheet` does: a mapping, bad rows and losses mean the same for every kind of file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import attrs

from rupturekit.errors import RecordError
from rupturekit.problems import Problem, ProblemLog, excerpt
from rupturekit.records.delimited import Sheet
from rupturekit.records.grammar import MICROSECONDS, format_float, format_scaled

__all__ = ["CALENDAR_DATE", "AnySheet", "HeldSheet", "Hints", "RefusedCell", "Row", "clock", "notes_of", "places",
           "plain_number"]

_LONGEST_CELL: Final = 100_000
_FIRST: Final = 5
_HALF: Final = re.compile("[\ud800-\udfff]")


class RefusedCell(str):
    """A cell that stands for something no field may hold; a mapping can still call its text missing, or map it.

    >>> CALENDAR_DATE, CALENDAR_DATE.kind
    ('(calendar date)', 'calendar date')
    """

    __slots__ = ("kind", "remedy")

    def __new__(cls, text: str, *, kind: str, remedy: str) -> RefusedCell:
        cell = super().__new__(cls, text)
        cell.kind, cell.remedy = kind, remedy
        return cell

    kind: str
    remedy: str


CALENDAR_DATE: Final = RefusedCell(
    "(calendar date)", kind="calendar date",
    remedy="a calendar date identifies people; write the days since the first session, or leave the column out")
"""What stands in the place of every calendar date; the date itself is not kept."""


class Row(NamedTuple):
    """One row: its number, and its cells, or what is wrong with it."""

    number: int
    found: Sequence[str] | Problem


@attrs.frozen(kw_only=True)
class Hints:
    """What a format says of its own columns: which one is which field, and what a person has to say."""

    roles: tuple[tuple[str, str], ...] = ()
    questions: tuple[str, ...] = ()


@attrs.define
class _Tally:
    seen: int = 0
    refused: int = 0
    blank: int = 0


@attrs.frozen(kw_only=True)
class HeldSheet:
    """A table held in memory, with the face of a `Sheet`.

    `what` says what the file is; `settings` are the entries of `[file]` that open it so; `notes` say what happened on
    the way from the file to rows.

    >>> sheet = HeldSheet(path=Path("a.eaf"), what="ELAN document", header=("tier",), table=(Row(1, ("T",)),))
    >>> list(sheet.rows()), sheet.rows_seen
    ([(1, ['T'])], 1)
    """

    path: Path
    what: str
    header: tuple[str, ...]
    table: tuple[Row, ...] = attrs.field(repr=False)
    notes: tuple[str, ...] = ()
    settings: tuple[tuple[str, object], ...] = ()
    hints: Hints = Hints()
    decimal_comma: bool | None = None
    _problems: ProblemLog | None = attrs.field(default=None, eq=False, repr=False)
    _tally: _Tally = attrs.field(factory=_Tally, init=False, eq=False, repr=False)
    _told: set[int] = attrs.field(factory=set, init=False, eq=False, repr=False)

    @property
    def name(self) -> str:
        """The file name without its folder, fit for a message."""
        return excerpt(self.path.name)

    @property
    def rows_seen(self) -> int:
        """How many rows with content the latest pass met, refused ones included."""
        return self._tally.seen

    @property
    def rows_refused(self) -> int:
        """How many rows the latest pass refused."""
        return self._tally.refused

    @property
    def rows_blank(self) -> int:
        """How many rows without any content the latest pass left out."""
        return self._tally.blank

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (row number, cells) for each sound row; the others go to the log, once, or are raised without one.

        Raises
        ------
        RecordError
            For the first row that is not sound, where no log was given.
        """
        tally = self._tally
        tally.seen = tally.refused = tally.blank = 0
        for number, found in self.table:
            judged = found if isinstance(found, Problem) else self._judged(number, found)
            if isinstance(judged, Problem):
                tally.seen += 1
                tally.refused += 1
                self._tell(judged, number)
            elif any(map(str.strip, judged)):
                tally.seen += 1
                yield number, list(judged)
            else:
                tally.blank += 1

    def _judged(self, number: int, cells: Sequence[str]) -> Sequence[str] | Problem:
        for at, cell in enumerate(cells):
            if len(cell) > _LONGEST_CELL:
                what = f"the cell has {len(cell):,} characters; a cell may have at most {_LONGEST_CELL:,}"
                return self._fault("cell too large", number, at, cell, what)
            if not cell.isascii() and _HALF.search(cell):
                what = "the cell holds half a character; type it anew"
                return self._fault("half a character", number, at, cell, what)
        return cells

    def _fault(self, kind: str, number: int, at: int, cell: str, what: str) -> Problem:
        return Problem(kind=kind, field=self.header[at], value=cell, row=number, file=self.name, message=what)

    def _tell(self, problem: Problem, number: int) -> None:
        if self._problems is None:
            raise RecordError(str(problem), file=problem.file, row=problem.row, field=problem.field,
                              value=problem.value)
        if number not in self._told:
            self._told.add(number)
            self._problems.add(problem)


AnySheet: TypeAlias = Sheet | HeldSheet
"""A table that gives its rows as text, from whatever file."""


def notes_of(sheet: AnySheet) -> tuple[str, ...]:
    """Return what happened on the way from a file to rows; of delimited text there is nothing to tell.

    >>> notes_of(HeldSheet(path=Path("a.eaf"), what="ELAN document", header=(), table=(), notes=("no tier",)))
    ('no tier',)
    """
    return sheet.notes if isinstance(sheet, HeldSheet) else ()


def places(rows: Sequence[int]) -> str:
    """Name the first few of some rows.

    >>> places([3]), places([1, 2, 3, 4, 5, 6])
    ('row 3', 'rows 1, 2, 3, 4, 5 and 1 more')
    """
    first = ", ".join(f"{row:,}" for row in rows[:_FIRST])
    rest = f" and {len(rows) - _FIRST:,} more" if len(rows) > _FIRST else ""
    return f"row{'s' * (len(rows) > 1)} {first}{rest}"


# --- numbers and times as text -------------------------------------------------------------------


def plain_number(value: float) -> str:
    """Write a number as spreadsheets keep it: at most 15 digits, without an exponent.

    >>> plain_number(12.0), plain_number(0.1 + 0.2)
    ('12', '0.3')
    """
    return format_float(float(f"{value:.15g}"))


def clock(microseconds: int) -> str:
    """Write a time as h:mm:ss, with the decimals it has.

    >>> clock(90_500_000), clock(108_300_000_000)
    ('0:01:30.5', '30:05:00')
    """
    minutes, rest = divmod(abs(microseconds), 60 * MICROSECONDS)
    seconds = format_scaled(rest, places=6)
    padded = seconds if rest >= 10 * MICROSECONDS else f"0{seconds}"
    return f"{'-' * (microseconds < 0)}{minutes // 60}:{minutes % 60:02d}:{padded}"
