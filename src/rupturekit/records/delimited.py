"""Delimited text in and out: one reader that is tolerant of dialects and strict about content.

What a spreadsheet program may have done to a file is found out: byte order mark, encoding,
delimiter, decimal comma, line ends. What would change the data is never guessed: a row with the
wrong number of cells, a broken quotation mark or an enormous cell is refused, and counted.

Rows are numbered from 1 under the header as a spreadsheet numbers them, so a blank row takes a
number although it holds no data. For every pass, `rows_seen` = rows yielded + `rows_refused`, and
`rows_blank` counts the rows without any content (the `,,,,` that spreadsheets leave at the end).

Files are streamed: memory is bounded by `max_cell` times the number of columns.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import stat
import threading
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple, TextIO, TypeAlias

import attrs

from rupturekit._kernels.cells import last_row_end, with_margins
from rupturekit.errors import CodingWarning, FileProblem, RecordError, RuptureKitError, did_you_mean
from rupturekit.problems import Problem, ProblemLog, excerpt
from rupturekit.records.atomic import replacing

__all__ = ["DELIMITERS", "AnyPath", "Sheet", "open_sheet", "write_sheet"]

AnyPath: TypeAlias = str | os.PathLike[str]
"""A path as text or as an object; messages name its last part only."""

DELIMITERS: Final = (",", ";", "\t", "|")
"""The delimiters that are told apart without help, the likelier first."""

_BLOCK: Final = 1 << 16
_SAMPLE: Final = 200_000
_LONGEST_HEADER: Final = 1_000_000
_MOST_NAMES: Final = 10_000
_LONGEST_BLOCK: Final = 16_000_000


# --- a file that cannot be read at all --------------------------------------------------------


@contextmanager
def _told_plainly(path: Path, *, deed: str) -> Iterator[None]:
    """Turn whatever the operating system and the codecs raise into a `FileProblem`."""
    try:
        yield
    except RuptureKitError:
        raise  # a FileProblem is an OSError and a ValueError too, and already says what is wrong
    except (OSError, ValueError) as error:
        raise _file_problem(path, _reason(error, path=path, deed=deed)) from error


def _file_problem(path: Path, reason: str) -> FileProblem:
    name = excerpt(path.name or str(path))
    return FileProblem(f"{name}: {reason}", file=name)


def _reason(error: OSError | ValueError, *, path: Path, deed: str) -> str:
    match error:
        case FileNotFoundError():
            return _missing(path)
        case IsADirectoryError():
            return "is a folder, not a file; name a file inside it"
        case PermissionError():
            return f"may not be {deed}: permission denied; is it open in another program?"
        case OSError(strerror=str(words)):
            return f"could not be {deed}: {words}"
    return f"could not be {deed}: {excerpt(str(error))}"


def _missing(path: Path) -> str:
    try:
        names = [entry.name for entry in islice(path.parent.iterdir(), _MOST_NAMES)]
    except OSError:
        return f"there is no folder {path.parent.name!r} that could be opened"
    return f"there is no such file{did_you_mean(path.name, names)}"


def _check_ordinary(path: Path) -> None:
    # A device or a pipe may never end, and cannot be read twice.
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError
    if not stat.S_ISREG(mode):
        raise _file_problem(path, "is not an ordinary file; save the table as CSV and name that file")


# --- which bytes are which letters ---------------------------------------------------------------

_FOREIGN: Final = (
    (b"PK\x03\x04", "an Excel workbook (xlsx) or another zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (xls)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"$FL2", "an SPSS data file"),
    (b"$FL3", "an SPSS data file"),
    (b"SQLite format 3", "an SQLite database"),
)

# UTF-32 comes before UTF-16: its little-endian mark begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig", {"utf-8", "utf-8-sig"}),
    (codecs.BOM_UTF32_LE, "utf-32", {"utf-32", "utf-32-le"}),
    (codecs.BOM_UTF32_BE, "utf-32", {"utf-32", "utf-32-be"}),
    (codecs.BOM_UTF16_LE, "utf-16", {"utf-16", "utf-16-le"}),
    (codecs.BOM_UTF16_BE, "utf-16", {"utf-16", "utf-16-be"}),
)


def _encoding(path: Path, declared: str | None) -> str:
    head = _head(path)
    marked = next((row for row in _MARKS if head.startswith(row[0])), None)
    if declared is not None:
        return _declared_encoding(path, declared, codec=marked[1:] if marked else None)
    if marked is None:
        return _guessed_encoding(path)
    _check_decodes(path, marked[1])
    return marked[1]


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        head = stream.read(_BLOCK)
    if not head:
        raise _file_problem(path, "is empty; expected a header row")
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise _file_problem(path, f"looks like {what}, not text; open it and save it as CSV (UTF-8)")
    return head


def _declared_encoding(path: Path, declared: str, *, codec: tuple[str, set[str]] | None) -> str:
    try:
        name = codecs.lookup(declared).name
        "".encode(declared)  # refuses codecs from bytes to bytes, such as hex
    except (LookupError, ValueError):
        reason = f"there is no text encoding {excerpt(declared)!r}; expected for example 'utf-8' or 'cp1252'"
        raise _file_problem(path, reason) from None
    if codec is not None and name not in codec[1]:
        raise _file_problem(path, f"is declared as {name}, but begins with the mark of {codec[0]}")
    found = codec[0] if codec else name
    _check_decodes(path, found)
    return found


def _check_decodes(path: Path, encoding: str) -> None:
    if line := _first_undecodable(path, encoding):
        reason = f"is not {encoding} text (near line {line}); declare the encoding it was saved in"
        raise _file_problem(path, reason)


def _guessed_encoding(path: Path) -> str:
    line = _first_undecodable(path, "utf-8")
    if line is None:
        return "utf-8"
    if _first_undecodable(path, "cp1252"):
        reason = f"is neither UTF-8 nor Windows-1252 text (near line {line}); save it as CSV (UTF-8)"
        raise _file_problem(path, reason)
    _warn_guessed(path, line)
    return "cp1252"


def _warn_guessed(path: Path, line: int) -> None:
    # The levels are: here, _guessed_encoding, _encoding, open_sheet, and the caller, who is meant.
    warnings.warn(
        f"{excerpt(path.name)} is not UTF-8 (near line {line}) and is read as cp1252 (Windows-1252); "
        "if letters with accents look wrong, declare the encoding",
        CodingWarning,
        stacklevel=5,
    )


def _first_undecodable(path: Path, encoding: str) -> int | None:
    """Return about which line does not decode, or None; raise for NUL, which no text has."""
    if encoding in ("utf-8", "utf-8-sig") and _is_plain_utf8(path):
        return None
    line = 1
    with _text(path, encoding) as stream:
        try:
            for block in iter(partial(stream.read, _BLOCK), ""):
                _check_no_nul(path, block, line)
                line += block.count("\n")
        except UnicodeError:
            return line
    return None


def _is_plain_utf8(path: Path) -> bool:
    """Look at bytes alone, many at once; where anything is odd, the line is still to be found."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        for block in iter(partial(stream.read, _BLOCK), b""):
            if b"\0" in block:
                return False
            try:
                if not block.isascii() or decoder.getstate()[0]:
                    decoder.decode(block)
            except UnicodeDecodeError:
                return False
    return not decoder.getstate()[0]


def _check_no_nul(path: Path, block: str, line: int) -> None:
    if (at := block.find("\0")) >= 0:
        line += block.count("\n", 0, at)
        reason = f"holds a NUL character (line {line}): binary, or UTF-16 without its mark; save it as UTF-8"
        raise _file_problem(path, reason)


def _text(path: Path, encoding: str) -> TextIO:
    return path.open("r", encoding=encoding, newline="")  # line ends inside quoted cells are content


# --- lines, records, cells -----------------------------------------------------------------------


class _Record(NamedTuple):
    """One row as text: cut if it is longer than any legal row, `closed` if its quotes are."""

    text: str
    length: int
    closed: bool


# Where the reader stands after a character, as the csv module sees it.
_START, _PLAIN, _QUOTED, _CLOSING = range(4)


def _scan(text: str, state: int, *, delimiter: str) -> int:
    """Return the state after a text. The csv module cannot tell, and would keep a cell of any size."""
    at, end = 0, len(text)
    while at < end:
        if state == _QUOTED:
            at = text.find('"', at) + 1
            if not at:
                return _QUOTED
            state = _CLOSING
        elif state == _PLAIN:
            at = text.find(delimiter, at) + 1
            if not at:
                return _PLAIN
            state = _START
        elif text[at] == '"':
            state, at = _QUOTED, at + 1  # opens a cell, or is the second of a doubled quote
        else:
            state = _PLAIN
    return state


def _lines(stream: TextIO, longest: int) -> Iterator[str]:
    """Yield lines with their ends, in pieces of at most `longest` characters."""
    torn = False
    for piece in iter(partial(stream.readline, longest), ""):
        if not (torn and piece == "\n"):  # the second half of a line end cut in two
            yield piece
        torn = piece.endswith("\r")


def _records(lines: Iterable[str], *, delimiter: str, longest: int) -> Iterator[_Record]:
    kept, length, state = io.StringIO(newline=""), 0, _START
    for line in lines:
        whole = line[-1] in "\r\n"
        if whole and not length and '"' not in line:  # nearly every line of nearly every file
            yield _Record(line, len(line), closed=True)
            continue
        if length <= longest:
            kept.write(line)
        length += len(line)
        state = _scan(line, state, delimiter=delimiter)
        if whole and state != _QUOTED:
            yield _Record(kept.getvalue(), length, closed=True)
            kept, length, state = io.StringIO(newline=""), 0, _START
    if length:
        yield _Record(kept.getvalue(), length, closed=state != _QUOTED)


_FIELD_LIMIT: Final = threading.Lock()


def _cells(text: str, *, delimiter: str) -> list[str] | None:
    """Return the cells of a record, or None if its quotation marks are broken."""
    if '"' not in text:
        return text.rstrip("\r\n").split(delimiter)
    with _FIELD_LIMIT:  # the limit belongs to the whole process, so it is lent for one row only
        before = csv.field_size_limit(len(text))
        try:
            return next(csv.reader([text], delimiter=delimiter, strict=True))
        except csv.Error:
            return None
        finally:
            csv.field_size_limit(before)


def _has_content(cells: Iterable[str]) -> bool:
    return any(map(str.strip, cells))


def _row_end(block: bytes, *, delimiter: str) -> int | None:
    """Return where the last whole row of a block ends, or None where its quotes are out of place."""
    if b'"' not in block:
        return block.rfind(b"\n") + 1
    return last_row_end(with_margins(block), delimiter=ord(delimiter))


# --- dialect -------------------------------------------------------------------------------------

_WITH_COMMA: Final = re.compile(r"\s*[+-]?[0-9]+,[0-9]+\s*")
_WITH_POINT: Final = re.compile(r"\s*[+-]?[0-9]+\.[0-9]+\s*")


def _sample(path: Path, encoding: str) -> tuple[str, bool]:
    with _text(path, encoding) as stream:
        text = stream.read(_SAMPLE)
        return text, not stream.read(1)


def _sample_rows(text: str, *, complete: bool, delimiter: str) -> list[list[str]]:
    """Return the rows with content; those that this delimiter breaks stay, without cells."""
    lines = _lines(io.StringIO(text, newline=""), _SAMPLE)
    records = list(_records(lines, delimiter=delimiter, longest=_SAMPLE))
    kept = records if complete else records[:-1] or records  # the last one is torn
    rows = (_cells(record.text, delimiter=delimiter) for record in kept)
    return [row or [] for row in rows if row is None or _has_content(row)]


def _consistency(rows: Sequence[Sequence[str]]) -> tuple[float, ...]:
    width = len(rows[0]) if rows else 0
    if width < 2:  # does not split the header: as good as any other that does not
        return ()
    return sum(len(row) == width for row in rows) / len(rows), width


def _guessed_delimiter(text: str, *, complete: bool) -> str:
    read = partial(_sample_rows, text, complete=complete)
    return max(DELIMITERS, key=lambda delimiter: _consistency(read(delimiter=delimiter)))


def _check_delimiter(path: Path, delimiter: str) -> None:
    if len(delimiter) != 1 or delimiter in '"\r\n\0 ':
        reason = f"cannot be split at '{excerpt(delimiter)}'; expected one character such as , or ; or a tab"
        raise _file_problem(path, reason)


def _guessed_decimal_comma(rows: Iterable[Sequence[str]]) -> bool | None:
    cells = list(chain.from_iterable(rows))
    comma = any(_WITH_COMMA.fullmatch(cell) for cell in cells)
    point = any(_WITH_POINT.fullmatch(cell) for cell in cells)
    return None if comma == point else comma


# --- header --------------------------------------------------------------------------------------


def _content(records: Iterable[_Record], *, delimiter: str) -> Iterator[_Record]:
    """Drop the blank rows before the header; what follows it is not touched."""
    rows = iter(records)
    for record in rows:
        if record.text.replace(delimiter, "").strip():
            yield record
            break
    yield from rows


def _header(path: Path, encoding: str, *, delimiter: str, max_cell: int) -> tuple[str, ...]:
    with _text(path, encoding) as stream:
        lines = _lines(stream, _LONGEST_HEADER)
        records = _records(lines, delimiter=delimiter, longest=_LONGEST_HEADER)
        record = next(_content(records, delimiter=delimiter), None)
    if record is None:
        raise _file_problem(path, "holds nothing but blank lines; expected a header row")
    if record.length > _LONGEST_HEADER:
        raise _file_problem(path, f"has a header of more than {_LONGEST_HEADER:,} characters; is it a table?")
    if not record.closed:
        raise _file_problem(path, "opens a quotation mark in the header row that is never closed")
    cells = _cells(record.text, delimiter=delimiter)
    if cells is None:
        raise _file_problem(path, "has a header row with broken quotation marks")
    if max(map(len, cells)) > max_cell:
        raise _file_problem(path, f"has a column name of more than {max_cell:,} characters")
    return tuple(cell.strip() for cell in cells)


def _header_problems(header: Sequence[str], *, file: str) -> Iterator[Problem]:
    for number, name in enumerate(header, 1):
        if not name:
            what = f"column {number} has no name; name it, or delete it if it is empty"
            yield Problem(kind="no name", field=f"column {number}", value="", file=file, message=what)
    for name, count in Counter(filter(None, header)).items():
        if count > 1:
            where = [number for number, other in enumerate(header, 1) if other == name]
            what = f"{count} columns share this name (columns {where[0]} and {where[1]}); rename all but one"
            yield Problem(kind="duplicate name", field=name, value=name, file=file, message=what)


def _report(problem: Problem, *, log: ProblemLog | None) -> None:
    if log is not None:
        log.add(problem)
        return
    raise RecordError(
        str(problem), file=problem.file, row=problem.row, field=problem.field, value=problem.value
    )


# --- sheet ---------------------------------------------------------------------------------------


@attrs.define
class _Tally:
    """What the latest pass over the rows met; `reported` outlives the pass."""

    seen: int = 0
    refused: int = 0
    blank: int = 0
    reported: int = 0

    def restart(self) -> None:
        self.seen = self.refused = self.blank = 0


@attrs.frozen(kw_only=True)
class Sheet:
    """Describe a delimited file: its header and dialect, and the way to its rows.

    `decimal_comma` is what the first rows suggest, or None if they do not say; cells are never
    changed. Made by `open_sheet`.

    >>> Sheet(path=Path("moves.csv"), header=("dyad", "code"), delimiter=",", encoding="utf-8").name
    'moves.csv'
    """

    path: Path = attrs.field(repr=False)
    header: tuple[str, ...]
    delimiter: str
    encoding: str
    decimal_comma: bool | None = None
    max_cell: int = 100_000
    _problems: ProblemLog | None = attrs.field(default=None, eq=False, repr=False)
    _tally: _Tally = attrs.field(factory=_Tally, init=False, eq=False, repr=False)
    _longest: int = attrs.field(init=False, eq=False, repr=False)

    @_longest.default
    def _longest_row(self) -> int:
        # A longer row has a cell above the limit or too many cells: quotes may double each
        # character, and each cell adds two quotes and a delimiter (the last, a line end of two).
        return max(_LONGEST_HEADER, (2 * self.max_cell + 3) * len(self.header) + 1)

    @property
    def name(self) -> str:
        """Return the file name without its folder, fit for a message.

        >>> Sheet(path=Path("study/moves.csv"), header=("code",), delimiter=",", encoding="utf-8").name
        'moves.csv'
        """
        return excerpt(self.path.name)

    @property
    def rows_seen(self) -> int:
        """Return how many rows with content the latest pass met, refused ones included.

        >>> Sheet(path=Path("moves.csv"), header=("code",), delimiter=",", encoding="utf-8").rows_seen
        0
        """
        return self._tally.seen

    @property
    def rows_refused(self) -> int:
        """Return how many rows the latest pass refused.

        >>> Sheet(path=Path("moves.csv"), header=("code",), delimiter=",", encoding="utf-8").rows_refused
        0
        """
        return self._tally.refused

    @property
    def rows_blank(self) -> int:
        """Return how many rows without any content the latest pass left out.

        >>> Sheet(path=Path("moves.csv"), header=("code",), delimiter=",", encoding="utf-8").rows_blank
        0
        """
        return self._tally.blank

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (row number, cells) for each row that has as many cells as the header.

        Each call is a new pass that counts anew; a problem is logged by the first pass that
        meets it only. Other rows go to the log that `open_sheet` was given; without one the first
        raises `RecordError`. Raises `FileProblem` for a quotation mark that is never closed, and if
        the file can no longer be read.

        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "moves.csv")
        ...     write_sheet(path, header=["dyad", "code"], rows=[["d1", "W3"], ["d1", "C2"]])
        ...     list(open_sheet(path).rows())
        [(1, ['d1', 'W3']), (2, ['d1', 'C2'])]
        """
        self._tally.restart()
        with _told_plainly(self.path, deed="read"), _text(self.path, self.encoding) as stream:
            records = islice(_content(self._records(stream), delimiter=self.delimiter), 1, None)
            for row, record in enumerate(records, 1):
                if cells := self._accepted(record, row):
                    yield row, cells

    def blocks(self, size: int) -> Iterator[bytes | None]:
        """Yield the rows as they stand in the file, whole rows of about `size` bytes at a time, in UTF-8.

        A block ends in a line feed. None stands for the rest of the file, where the rows do not tell themselves apart
        by line feeds and quotation marks that are in their place; `rows_from` takes them up.

        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "moves.csv")
        ...     write_sheet(path, header=["dyad", "code"], rows=[["d1", "W3"], ["d1", "C2"]])
        ...     list(open_sheet(path).blocks(5))
        [b'd1,W3\\n', b'd1,C2\\n']
        """
        with _told_plainly(self.path, deed="read"), self.path.open("rb") as stream:
            start = self._body()
            if start is None:
                yield None
                return
            stream.seek(start)
            held = b""
            for piece in iter(partial(stream.read, size), b""):
                held += piece
                end = _row_end(held, delimiter=self.delimiter)
                if end is None or (not end and len(held) > _LONGEST_BLOCK):
                    yield None
                    return
                if end:
                    yield held[:end]
                    held = held[end:]
            if held:
                end = _row_end(held + b"\n", delimiter=self.delimiter)
                yield held + b"\n" if end == len(held) + 1 else None

    def rows_in(self, block: bytes, *, first: int) -> Iterator[tuple[int, list[str]]]:
        """Yield (row number, cells) for each row of a block, of which row `first` is the first; a row that is blank
        or refused has no cells.

        >>> list(Sheet(path=Path("moves.csv"), header=("code",), delimiter=",", encoding="utf-8").rows_in(
        ...     b"W3\\n\\n", first=7))
        [(7, ['W3']), (8, [])]
        """
        with _told_plainly(self.path, deed="read"):
            records = self._records(io.StringIO(block.decode(), newline=""))
            for row, record in enumerate(records, first):
                yield row, self._accepted(record, row)

    def rows_from(self, first: int) -> Iterator[tuple[int, list[str]]]:
        """Yield (row number, cells) as `rows_in` does, from row `first` to the end of the file.

        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "moves.csv")
        ...     write_sheet(path, header=["dyad", "code"], rows=[["d1", "W3"], ["d1", "C2"]])
        ...     list(open_sheet(path).rows_from(2))
        [(2, ['d1', 'C2'])]
        """
        with _told_plainly(self.path, deed="read"), _text(self.path, self.encoding) as stream:
            records = islice(_content(self._records(stream), delimiter=self.delimiter), first, None)
            for row, record in enumerate(records, first):
                yield row, self._accepted(record, row)

    def _body(self) -> int | None:
        """Return at which byte the first row begins, or None where that is hard to tell."""
        if self.encoding not in ("utf-8", "utf-8-sig"):
            return None
        at = len(codecs.BOM_UTF8) if self.encoding == "utf-8-sig" else 0
        with _text(self.path, self.encoding) as stream:
            for record in self._records(stream):
                at += len(record.text.encode())
                if record.length >= _LONGEST_HEADER:
                    return None
                if record.text.replace(self.delimiter, "").strip():
                    break
        return at

    def _records(self, stream: TextIO) -> Iterator[_Record]:
        lines = _lines(stream, self._longest)
        return _records(lines, delimiter=self.delimiter, longest=self._longest)

    def _accepted(self, record: _Record, row: int) -> list[str]:
        """Return the cells of a sound row, and nothing for a row that is blank or refused."""
        if not record.closed:
            raise _file_problem(self.path, f"row {row} opens a quotation mark that is never closed; close it")
        judged = self._judged(record, row)
        if isinstance(judged, Problem):
            self._refuse(judged, row)
            return []
        if not _has_content(judged):
            self._tally.blank += 1
            return []
        self._tally.seen += 1
        return judged

    def _judged(self, record: _Record, row: int) -> list[str] | Problem:
        if record.length > self._longest:
            what = f"the row has {record.length:,} characters; a cell may have at most {self.max_cell:,}"
            return self._fault("row too long", what, row=row)
        cells = _cells(record.text, delimiter=self.delimiter)
        if cells is None:
            what = "a quotation mark stands inside a quoted cell; double it, or remove it"
            return self._fault("broken quotation marks", what, row=row)
        if len(cells) != len(self.header) and _has_content(cells):
            return self._ragged(len(cells), row)
        if record.length > self.max_cell and max(map(len, cells)) > self.max_cell:
            return self._too_large(cells, row)
        return cells

    def _ragged(self, found: int, row: int) -> Problem:
        counts = f"{found} instead of {len(self.header)}"
        what = f"the row has {counts} cells; quote cells that contain the delimiter"
        return self._fault("wrong number of cells", what, row=row, value=counts)

    def _too_large(self, cells: Sequence[str], row: int) -> Problem:
        at = max(range(len(cells)), key=lambda column: len(cells[column]))
        what = f"the cell has {len(cells[at]):,} characters; a cell may have at most {self.max_cell:,}"
        field = self.header[at] or f"column {at + 1}"
        return self._fault("cell too large", what, row=row, field=field, value=cells[at])

    def _fault(self, kind: str, what: str, *, row: int, field: str = "", value: str = "") -> Problem:
        return Problem(kind=kind, field=field, value=value, row=row, file=self.name, message=what)

    def _refuse(self, problem: Problem, row: int) -> None:
        self._tally.seen += 1
        self._tally.refused += 1
        if row > self._tally.reported:
            _report(problem, log=self._problems)
            self._tally.reported = row


def open_sheet(
    path: AnyPath,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    problems: ProblemLog | None = None,
    max_cell: int = 100_000,
) -> Sheet:
    """Open a delimited file and find out its encoding, delimiter and header.

    What is declared is taken at its word and checked; the rest is found out: a byte order mark,
    else UTF-8, else Windows-1252 with a `CodingWarning`; the delimiter that splits the first rows
    most consistently. `max_cell` is in characters. Nameless and duplicate columns go to `problems`;
    without a log the first raises `RecordError`. A file that cannot be read as a table raises
    `FileProblem`. The file is read once in full, in blocks, to know that all of it decodes.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "moves.csv")
    ...     _ = path.write_text("dyad;onset\\nd1;12,5\\n", encoding="utf-8")
    ...     open_sheet(path)
    Sheet(header=('dyad', 'onset'), delimiter=';', encoding='utf-8', decimal_comma=True, max_cell=100000)
    """
    target = Path(path)
    with _told_plainly(target, deed="read"):
        _check_ordinary(target)
        codec = _encoding(target, encoding)
        text, complete = _sample(target, codec)
        mark = delimiter if delimiter is not None else _guessed_delimiter(text, complete=complete)
        _check_delimiter(target, mark)
        header = _header(target, codec, delimiter=mark, max_cell=max_cell)
    sheet = Sheet(
        path=target,
        header=header,
        delimiter=mark,
        encoding=codec,
        decimal_comma=_guessed_decimal_comma(_sample_rows(text, complete=complete, delimiter=mark)),
        max_cell=max_cell,
        problems=problems,
    )
    for problem in _header_problems(header, file=sheet.name):
        _report(problem, log=problems)
    return sheet


# --- writing -------------------------------------------------------------------------------------


class _LineFeeds:
    """Pass rows on with a line feed at their end.

    The csv module quotes carriage returns inside cells only if they are part of its own line end,
    and a bare one would read back as the end of a row.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, row: str) -> None:
        self._stream.write(row.removesuffix("\r\n") + "\n")


def write_sheet(path: AnyPath, *, header: Sequence[str], rows: Iterable[Sequence[str]], whole: bool = True) -> None:
    """Write a table as UTF-8 with commas, line feeds and quotes only where needed.

    The file appears whole or not at all: a failure, whatever its cause, leaves the old one as it
    was; `whole=False` fills a file that the caller puts into its place. Raises `RecordError` for
    a header that `open_sheet` would not take back, for a row with another number of cells and for
    a cell that UTF-8 text cannot hold; `FileProblem` if the file cannot be written. Cells are
    written as they are: guard formulas with `neutralise` first. A row whose cells are all blank
    reads back as a blank row, which is no data.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "moves.csv")
    ...     write_sheet(path, header=["code", "note"], rows=[["W3", "quiet, then gone"]])
    ...     print(path.read_text(encoding="utf-8"), end="")
    code,note
    W3,"quiet, then gone"
    """
    target = Path(path)
    with _told_plainly(target, deed="written"):
        _check_header(header, file=excerpt(target.name))
        place = replacing(target) if whole else nullcontext(target)
        with place as fresh, fresh.open("w", encoding="utf-8", newline="") as stream:
            _write(stream, chain([header], rows), name=excerpt(target.name))


def _check_header(header: Sequence[str], *, file: str) -> None:
    if not header:
        raise RecordError(f"{file}: a table has at least one column; none is given", file=file)
    for problem in _header_problems([name.strip() for name in header], file=file):
        _report(problem, log=None)


def _write(stream: TextIO, rows: Iterable[Sequence[str]], *, name: str) -> None:
    writer = csv.writer(_LineFeeds(stream))
    width = None
    for row, cells in enumerate(rows):
        width = len(cells) if width is None else width
        if len(cells) != width:
            what = f"{len(cells)} cells where the header has {width}"
            raise RecordError(f"{name}, row {row}: {what}", file=name, row=row)
        try:
            writer.writerow(cells)
        except UnicodeEncodeError:
            raise _unwritable(row, name=name) from None
        if any("\0" in cell for cell in cells):
            raise _unwritable(row, name=name)


def _unwritable(row: int, *, name: str) -> RecordError:
    what = "a cell holds NUL or half a character, which no UTF-8 text may; remove it"
    return RecordError(f"{name}, row {row}: {what}", file=name, row=row)
