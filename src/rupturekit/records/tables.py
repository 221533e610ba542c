"""Tables of a study folder from delimited text: many rows at once, and cell by cell where anything is odd.

A block of whole rows is divided into cells by their places in the bytes, and read a column at a time: numbers by
arithmetic on their digits, words once each. As soon as one cell is refused, or a row has another number of cells, the
block is read again by the careful reader, so what is told of a file does not depend on who met the mistake. Problems
are told in the order of the rows.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
import numpy as np

from rupturekit import _schema
from rupturekit._kernels import cells as kernel
from rupturekit._kernels.cells import Cells
from rupturekit._schema import ABSENT, ABSENT_CODE, Column
from rupturekit._table import Array, Table, constant, freeze, is_constant
from rupturekit.errors import CodingWarning, InvalidNumber, InvalidTime, RecordError, did_you_mean, listed
from rupturekit.problems import Problem, ProblemLog
from rupturekit.records import grammar
from rupturekit.records.delimited import Sheet, open_sheet
from rupturekit.vocabulary import TimeKind

__all__ = [
    "Growing",
    "InOrder",
    "Splitter",
    "careful",
    "problem_of",
    "read_table",
    "short",
    "split_plainly",
    "table_of",
    "take_rows",
    "told_columns",
]

Splitter: TypeAlias = Callable[[bytes, int, Sequence[int]], list[Cells] | None]
"""Bytes of whole rows, cells a row and the columns wanted, to these columns; None is for the careful reader."""

_BLOCK: Final = 1 << 20
_BATCH: Final = 1_000
_STRETCH: Final = 1 << 16
_MOST_KNOWN: Final = 10_000


def split_plainly(block: bytes, width: int, wanted: Sequence[int]) -> list[Cells] | None:
    """Divide rows into cells with numpy alone.

    >>> [len(column.ends) for column in split_plainly(b"a,b\\nc,d\\n", 2, [1])]
    [2]
    """
    text = kernel.with_margins(block)
    marks, quoted = kernel.split(text, delimiter=ord(","), width=width), b'"' in block
    return None if marks is None else [kernel.cells_of(text, marks, column=at, quoted=quoted) for at in wanted]


def careful(block: bytes, width: int, wanted: Sequence[int]) -> list[Cells] | None:
    """Leave every row to the careful reader.

    >>> careful(b"a\\n", 1, [0])
    """
    return None


def read_table(path: Path, record: type[Any], *, time: TimeKind, problems: ProblemLog,
               splitter: Splitter = split_plainly) -> Table[Any]:
    """Read one table of a study folder; rows with a bad cell are told and left out.

    Raises
    ------
    FileProblem
        Where the file cannot be read as a table at all.

    >>> from tempfile import TemporaryDirectory
    >>> from rupturekit.episode import Member
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "members.csv")
    ...     _ = file.write_text("episode,row_id\\nE1,7\\n", encoding="utf-8")
    ...     read_table(file, Member, time=TimeKind.CLOCK, problems=ProblemLog())[0]
    Member(episode='E1', row_id=7)
    """
    waiting = InOrder(problems)
    sheet = open_sheet(path, delimiter=",", encoding="utf-8", problems=waiting)
    wanted = told_columns(sheet.header, record, file=sheet.name, problems=waiting)
    waiting.pass_on()
    held = {name: Growing.of(record, name, time) for name in _schema.columns(record)} if wanted is not None else {}
    reading = _Reading(sheet=sheet, wanted=wanted or {}, held=held, splitter=splitter, waiting=waiting)
    reading.all()
    return Table.of(record, ()) if wanted is None else table_of(record, held, count=reading.count)


def table_of(record: type[Any], held: dict[str, Growing], *, count: int) -> Table[Any]:
    """Close columns that have grown to `count` rows; those without a row take their default."""
    arrays: dict[str, Array] = {}
    levels: dict[str, tuple[str, ...]] = {}
    for name, column in held.items():
        if count and not column.count:
            column.add(column.constant("", count))
        arrays[name] = column.close()
        if column.column.is_word:
            levels[name] = tuple(sorted(column.words))
    return Table.of_judged(record, arrays=arrays, levels=levels)


def told_columns(header: Sequence[str], record: type[Any], *, file: str, problems: ProblemLog, depth: int = 5
                 ) -> dict[str, int] | None:
    """Return where the columns of a table stand, or None where one that it needs is missing; strange ones are told.

    `depth` counts the calls from here to the one that the warning is for, that of `read_study`.
    """
    fields = _schema.columns(record)
    wanted = {name: at for at, name in enumerate(header) if name in fields}
    optional = _schema.optional_fields(record)
    missing = [name for name in fields
               if name not in wanted and name not in optional and _default(record, name) is None]
    for name in missing:
        problems.add(Problem(kind="missing column", field=name, value="", row=None, file=file,
                             message=f"the column {name!r} is missing; this table has {listed(header)}"
                                     f"{did_you_mean(name, header)}"))
    strange = [name for name in header if name not in fields]
    if strange:
        near = did_you_mean(strange[0], fields)
        warnings.warn(f"{file}: columns that this table does not have are not read: {listed(strange)}{near}. "
                      "Put further facts into the labels table", CodingWarning, stacklevel=depth)
    return None if missing else wanted


def _default(record: type[Any], name: str) -> Any:
    default = getattr(attrs.fields(record), name).default
    return None if default is attrs.NOTHING else default


class InOrder(ProblemLog):
    """Holds problems back until those of some rows are all met, and passes them on in the order of the rows."""

    def __init__(self, log: ProblemLog) -> None:
        super().__init__()
        self._log, self._held = log, list[Problem]()

    def add(self, problem: Problem) -> None:
        """Hold a problem back."""
        self._held.append(problem)

    def pass_on(self) -> None:
        """Pass on what is held, by row; problems of one row keep their order."""
        for problem in sorted(self._held, key=lambda problem: problem.row or 0):
            self._log.add(problem)
        self._held.clear()


# --- one file ----------------------------------------------------------------------------------------------------


@attrs.define(kw_only=True)
class _Reading:
    """Reads the rows of one file into columns, block by block."""

    sheet: Sheet
    wanted: dict[str, int]
    held: dict[str, Growing]
    splitter: Splitter
    waiting: InOrder
    count: int = 0
    """Rows held so far."""

    def all(self) -> None:
        """Read every row."""
        first = 1
        for block in self.sheet.blocks(_BLOCK):
            rows = None if block is None else self._at_once(block)
            if rows is None:
                found = self.sheet.rows_from(first) if block is None else self.sheet.rows_in(block, first=first)
                rows = self._carefully(found)
            first += rows

    def _at_once(self, block: bytes) -> int | None:
        """Take all rows of a block, or none of them: return how many, or None."""
        whole = block.replace(b"\r\n", b"\n") if b"\r" in block else block
        if not self.wanted or b"\r" in whole or not _short_lines(whole, most=self.sheet.max_cell):
            return None
        columns = self.splitter(whole, len(self.sheet.header), list(self.wanted.values()))
        if columns is None:
            return None
        pieces = []
        for name, cells in zip(self.wanted, columns, strict=True):
            piece = self.held[name].many(cells)
            if piece is None:
                return None
            pieces.append(piece)
        if not self.count:
            self._expect(len(pieces[0]) / len(block))
        for name, piece in zip(self.wanted, pieces, strict=True):
            self.held[name].add(piece)
        self.count += len(pieces[0])
        return len(pieces[0])

    def _expect(self, rows_a_byte: float) -> None:
        """Have room made for the rows of the whole file, were they all as dense, and a few more."""
        size = self.sheet.path.stat().st_size
        for column in self.held.values():
            column.expected = int(1.02 * rows_a_byte * size) + 1

    def _carefully(self, rows: Iterator[tuple[int, list[str]]]) -> int:
        seen = 0
        while batch := list(itertools.islice(rows, _BATCH)):
            seen += len(batch)
            sound = [(row, line) for row, line in batch if line]
            self.count += take_rows(sound, self.wanted, self.held, waiting=self.waiting, file=self.sheet.name)
        return seen


def take_rows(batch: Sequence[tuple[int, Sequence[str]]], wanted: Mapping[str, int], held: Mapping[str, Growing], *,
              waiting: InOrder, file: str) -> int:
    """Read rows cell by cell, tell of those with a bad cell, add the others and return how many there are."""
    good, read = np.ones(len(batch), dtype=bool), {}
    for name, at in wanted.items():
        values = read[name] = held[name].each(line[at] for _, line in batch)
        for place, value in enumerate(values):
            if isinstance(value, RecordError):
                row, line = batch[place]
                good[place] = False
                waiting.add(problem_of(value, field=name, value=line[at], row=row, file=file))
    waiting.pass_on()
    kept = np.flatnonzero(good).tolist()
    for name, values in read.items():
        held[name].add(held[name].packed([values[place] for place in kept]))
    return len(kept) if wanted else 0


def _short_lines(block: bytes, *, most: int) -> bool:
    """Return whether every row is one line and short enough to hold no cell that is too large."""
    at = 0
    while at < len(block):
        end = block.rfind(b"\n", at, at + most + 1)
        if end < 0:
            return False
        at = end + 1
    return b'"' not in block or kernel.is_line_each(kernel.with_margins(block))


def problem_of(error: RecordError, *, field: str, value: str, row: int, file: str) -> Problem:
    """Return the problem of a cell that was refused."""
    kind = ("not a time" if isinstance(error, InvalidTime) else "not a number" if isinstance(error, InvalidNumber)
            else "not allowed")
    return Problem(kind=kind, field=field, value=value, row=row, file=file, message=str(error))


# --- one column --------------------------------------------------------------------------------------------------


@attrs.define(kw_only=True)
class Growing:
    """One column while it is read: what reads a cell, and the values so far; words are codes in order of meeting."""

    column: Column
    read: Callable[[str], Any]
    places: int | None
    """Decimal places, where the column holds numbers that are read many at once."""
    expected: int = 0
    """How many rows there will be, as far as is known; room is made for so many."""
    count: int = 0
    room: Array | None = None
    """The rows so far, and room for more; none while all rows hold the one value `same`."""
    same: Array | None = None
    words: dict[str, int] = attrs.field(factory=dict)
    known: dict[str, Any] = attrs.field(factory=dict)

    @classmethod
    def of(cls, record: type[Any], name: str, time: TimeKind) -> Growing:
        """Return the column of a record class, without rows."""
        column, optional = _schema.columns(record)[name], name in _schema.optional_fields(record)
        read = functools.partial(_one, reader=_reader_of(column, time), rule=column.rule,
                                 default=_default(record, name), optional=optional)
        places = {"int": 0, "milli": 3, "time": 6 if time.has_clock else 0}.get(column.kind)
        return cls(column=column, read=read, places=places)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the column."""
        return self.column.dtype

    def constant(self, text: str, count: int) -> Array:
        """Return one cell so many times over."""
        return constant(self.held(self.value(text)), count=count, dtype=self.dtype)

    def each(self, texts: Iterable[str]) -> list[Any]:
        """Read cell by cell; an error stands in the place of the value that a cell does not have."""
        return list(map(self.value, texts))

    def packed(self, values: Iterable[Any]) -> Array:
        """Return values that are no errors as a piece of the column."""
        return np.array([self.held(value) for value in values], dtype=self.dtype)

    def many(self, cells: Cells) -> Array | None:
        """Read many cells at once, or None where one of them is refused."""
        return self._distinct(cells) if self.places is None else self._numbers(cells, self.places)

    def _numbers(self, cells: Cells, places: int) -> Array | None:
        empty = cells.ends == cells.starts
        if empty.all():
            return self._spread([""], None, count=len(empty))
        values, hold = kernel.decimals(cells, places=places)
        if self.column.rule is not None:
            hold &= self.column.rule.holds(values)
        rest = np.flatnonzero(~(hold | empty))
        read = [*self.each(_texts(cells, rest)), *self.each([""] * bool(empty.any()))]
        if any(isinstance(value, RecordError) for value in read):
            return None
        values[rest] = self.packed(read[: len(rest)])
        if empty.any():
            values[empty] = self.held(read[-1])
        return short(values)

    def _distinct(self, cells: Cells) -> Array | None:
        found = kernel.alike(cells)
        if found is None:
            return self._spread(_texts(cells, np.arange(len(cells.ends))), None, count=len(cells.ends))
        return self._spread(_texts(cells, found[0]), found[1], count=len(cells.ends))

    def _spread(self, texts: Sequence[str], which: Array | None, *, count: int) -> Array | None:
        """Return what each text means where it stands, or None where one of them means nothing."""
        values = self.each(texts)
        if any(isinstance(value, RecordError) for value in values):
            return None
        if len(texts) == 1:
            return constant(self.held(values[0]), count=count, dtype=self.dtype)
        packed = self.packed(values)
        return packed if which is None else packed[which]

    def value(self, text: str) -> Any:
        """Read one cell; what was read lately is remembered."""
        if text not in self.known:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[text] = self.read(text)
        return self.known[text]

    def held(self, value: Any) -> Any:
        """Return how the column holds a value."""
        if self.column.is_word:
            return ABSENT_CODE if value is None else self.words.setdefault(str(value), len(self.words))
        if value is None:
            return np.nan if self.column.kind == "float" else ABSENT
        return value

    def add(self, piece: Array) -> None:
        """Add rows to the end; a piece that is the whole column is taken as it is."""
        before, self.count = self.count, self.count + len(piece)
        if self.room is None and is_constant(piece) and (self.same is None or self.same[0] == piece[0]):
            self.same = piece[:1]
        elif not before and len(piece) >= self.expected > 0:
            self.room = piece
        elif len(piece):
            self._make_room(before)[before : self.count] = piece

    def _make_room(self, before: int) -> Array:
        """Return room for all rows so far, those before in their place; what is not written to takes no memory."""
        if self.room is None or len(self.room) < self.count:
            room = np.empty(max(self.count, self.expected, before + before // 4), dtype=self.dtype)
            if before:
                room[:before] = self.room[:before] if self.room is not None else self.same
            self.room = room
        return self.room

    def close(self) -> Array:
        """Return the whole column; words are codes over the sorted words now."""
        rank = self._rank() if self.column.is_word else None
        if self.room is None:
            value = self.same[0] if self.same is not None else 0
            return constant(value if rank is None else rank[value], count=self.count, dtype=self.dtype)
        if rank is not None and list(self.words) != sorted(self.words):
            self.room = self.room if self.room.flags.writeable else self.room.copy()
            for at in range(0, self.count, _STRETCH):
                some = self.room[at : min(at + _STRETCH, self.count)]
                some[:] = rank[some]
        return freeze(freeze(self.room)[: self.count])

    def _rank(self) -> Array:
        """Return the places of the words in their order; the last is that of absence."""
        rank = np.full(len(self.words) + 1, ABSENT_CODE, dtype=self.dtype)
        for place, word in enumerate(sorted(self.words)):
            rank[self.words[word]] = place
        return rank


def _texts(cells: Cells, rows: Array) -> list[str]:
    """Return cells as text."""
    held = cells.text.tobytes() if len(rows) > 1000 else cells.text.data
    spans = zip(cells.starts[rows].tolist(), cells.ends[rows].tolist(), strict=True)
    texts = [bytes(held[start:end]).decode() for start, end in spans]
    return [text.replace('""', '"') for text in texts] if cells.doubled else texts


def short(values: Array) -> Array:
    """Return values, or one value so many times over where they are all the same."""
    if len(values) and values[0] == values[-1] and (values == values[0]).all():
        return constant(values[0], count=len(values), dtype=values.dtype)
    return values


# --- one cell ----------------------------------------------------------------------------------------------------


def _one(text: str, *, reader: Callable[[str], Any], rule: _schema.Rule | None, default: Any, optional: bool) -> Any:
    """Return what a cell means, or the error that says why it means nothing."""
    if text == "" and optional:
        return None
    try:
        return _read_cell(text, reader, rule, default)
    except RecordError as error:
        return error.with_traceback(None)    # a traceback keeps its frames, and a file of garbage a million of them


def _read_cell(text: str, reader: Callable[[str], Any], rule: _schema.Rule | None, default: Any) -> Any:
    if text == "":
        if default is None:
            raise RecordError("is empty; expected a value")
        return default
    value = reader(text)
    if rule is not None and not rule.holds(value):
        raise RecordError(f"{text!r:.80} does not fit; expected {rule.text}")
    return value


def _reader_of(column: Column, time: TimeKind) -> Callable[[str], Any]:
    if column.kind == "time":
        form = grammar.TimeFormat.SECONDS if time.has_clock else grammar.TimeFormat.ORDINAL
        return functools.partial(grammar.parse_time, format=form)
    readers: dict[str, Callable[[str], Any]] = {
        "int": _int,
        "milli": _milli,
        "float": grammar.parse_float,
        "bool": _yes_no,
        "label": grammar.restore,
        "enum": functools.partial(_level, column),
    }
    return readers[column.kind]


def _int(text: str) -> int:
    return grammar.parse_int(text, low=ABSENT + 1, high=-ABSENT - 1)


def _milli(text: str) -> int:
    value = grammar.parse_scaled(text, places=3)
    if abs(value) >= -ABSENT:
        raise RecordError(f"{text!r:.80} does not fit; expected a number within 64 bits, in thousandths")
    return value


def _yes_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise RecordError(f"{text!r:.80} does not fit; expected yes or no")
    return text == "yes"


def _level(column: Column, text: str) -> str:
    if text not in column.allowed():
        raise RecordError(f"{text!r:.80} does not fit; expected one of {listed(column.allowed())}"
                          f"{did_you_mean(text, column.allowed())}")
    return text
