"""What became of the rows of a foreign file: every one is a move, or is counted here with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import attrs

from rupturekit import _html
from rupturekit.errors import listed

__all__ = ["LossReport", "Tallies", "Tally"]

_FIRST: Final = 5
_MOST_REASONS: Final = 200


class Tally(NamedTuple):
    """Count the rows (or cells) that share a reason, and name the first rows.

    >>> print(Tally("no code", times=2, rows=(3, 9)))
    no code: 2 (rows 3, 9)
    """

    what: str
    times: int
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}: {self.times:,}{self._where()}"

    def _where(self) -> str:
        if not self.rows:
            return ""
        shown = ", ".join(f"{row:,}" for row in self.rows)
        first = "first in " if self.times > len(self.rows) else ""
        return f" ({first}row{'s' * (len(self.rows) > 1)} {shown})"


class Tallies:
    """Count by reason, keeping the first rows of each.

    >>> seen = Tallies()
    >>> for row in (3, 9):
    ...     seen.add("no code", row=row)
    >>> seen.found()
    (Tally(what='no code', times=2, rows=(3, 9)),)
    """

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._rows: dict[str, list[int]] = {}

    def add(self, what: str, *, row: int, count: int = 1) -> None:
        """Count one more row, or several cells of a row, under a reason."""
        if what not in self._count and len(self._count) >= _MOST_REASONS:
            what = "other reasons"
        self._count[what] = self._count.get(what, 0) + count
        rows = self._rows.setdefault(what, [])
        if len(rows) < _FIRST and row not in rows:
            rows.append(row)

    def found(self) -> tuple[Tally, ...]:
        """Return the tallies, the largest first, ties in first-seen order."""
        most = sorted(self._count, key=lambda what: -self._count[what])
        return tuple(Tally(what, self._count[what], tuple(sorted(self._rows[what]))) for what in most)


def _total(tallies: Iterable[Tally]) -> int:
    return sum(tally.times for tally in tallies)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


@attrs.frozen(kw_only=True, repr=False)
class LossReport:
    """Account for every row of a file that was read through a mapping.

    Attributes
    ----------
    file : str
        The name of the file.
    rows : int
        The rows that held anything; blank rows are no data and are counted in `blank`.
    used : int
        The rows that became at least one move.
    moves : int
        The moves they became.
    lost : tuple of Tally
        The rows that became no move, by reason.
    cells : int
        In layouts with many codes a row, the cells that could hold one; 0 where a row holds one code.
    empty : tuple of Tally
        The cells without a move, by reason.
    added : tuple of Tally
        The moves that no cell holds: those that say of a segment that it had no marker.
    adjusted : tuple of Tally
        What was changed on the way in, as the mapping says it may be.
    unused_columns : tuple of str
        The columns that the mapping does not name.
    rules : tuple of str
        The label rules that turned ratings into codes.
    warnings : tuple of str
        What is legal and odd.

    >>> report = LossReport(file="moves.csv", rows=3, used=2, moves=2, lost=(Tally("no code", 1, (3,)),))
    >>> print(report)
    3 rows = 2 moves + 1 row left out
      left out: no code: 1 (row 3)
    >>> report.balanced
    True
    """

    file: str
    rows: int
    used: int
    moves: int
    lost: tuple[Tally, ...] = ()
    cells: int = 0
    empty: tuple[Tally, ...] = ()
    added: tuple[Tally, ...] = ()
    adjusted: tuple[Tally, ...] = ()
    unused_columns: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    blank: int = 0

    @property
    def rows_lost(self) -> int:
        """The number of rows that became no move."""
        return _total(self.lost)

    @property
    def balanced(self) -> bool:
        """Whether every row, and every cell that could hold a code, is a move or has its reason.

        A move that was added comes from no cell; it is taken off before cells and moves are compared.
        """
        all_rows = self.rows == self.used + self.rows_lost
        if not self.cells:
            return all_rows and self.moves == self.used
        return all_rows and self.cells == self._of_cells + _total(self.empty)

    @property
    def _of_cells(self) -> int:
        return self.moves - _total(self.added)

    def __repr__(self) -> str:
        return f"LossReport({self.file!r}, {self._sum()})"

    def __str__(self) -> str:
        return "\n  ".join([self._sum(), *(f"{what}: {text}" for what, text in self._lines())])

    def _sum(self) -> str:
        lost = f"{_plural(self.rows_lost, 'row')} left out"
        if not self.cells:
            return f"{_plural(self.rows, 'row')} = {_plural(self.moves, 'move')} + {lost}"
        became = f"{_plural(self.used, 'row')} that became {_plural(self.moves, 'move')}"
        return f"{_plural(self.rows, 'row')} = {became} + {lost}"

    def _lines(self) -> Iterator[tuple[str, str]]:
        yield from (("left out", str(tally)) for tally in self.lost)
        if self.cells:
            without = _plural(_total(self.empty), "cell")
            yield "cells", f"{_plural(self.cells, 'cell')} = {_plural(self._of_cells, 'move')} + {without} without"
        yield from (("without a move", str(tally)) for tally in self.empty)
        yield from (("added", str(tally)) for tally in self.added)
        yield from (("adjusted", str(tally)) for tally in self.adjusted)
        if self.blank:
            yield "blank rows, no data", f"{self.blank:,}"
        yield from (("label rule", rule) for rule in self.rules)
        if self.unused_columns:
            yield "columns not used", listed(self.unused_columns, most=20)
        yield from (("note", text) for text in self.warnings)

    def _repr_html_(self) -> str:
        return _html.page("LossReport", self.file, _html.tag("p", self._sum()), _html.facts(self._lines()))
