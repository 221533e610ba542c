"""Tables of a study folder as Parquet: the same columns as in CSV, held as the library holds them.

Words are dictionaries, times whole microseconds (or turns, without a clock), ratings thousandths; what is absent is
null. The file says which format, table and kind of time it has. It is held to the same rules as a CSV table, cell by
cell; until then, nothing that it says of itself is believed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np

from rupturekit import _schema
from rupturekit._schema import ABSENT, ABSENT_CODE, Column
from rupturekit._table import Array, Table
from rupturekit.errors import FileProblem, MissingExtra, RecordError, RuptureKitError
from rupturekit.problems import Problem, ProblemLog, excerpt
from rupturekit.provenance import FORMAT_VERSION
from rupturekit.records import grammar
from rupturekit.records.tables import Growing, InOrder, short, table_of, take_rows, told_columns
from rupturekit.vocabulary import TimeKind

__all__ = ["read_parquet_table", "write_parquet_table"]

_FORMAT, _TABLE, _TIME, _FIELDS = (f"rupturekit.{name}".encode() for name in ("format", "table", "time", "fields"))
_GROUP: Final = 1 << 20
# A table of a study needs about ten bytes a row; a file that claims far more was not written for one.
_MOST_ROWS_A_BYTE: Final = 10
_MOST_BYTES_A_BYTE: Final = 1_000
_ALWAYS_FINE: Final = 1 << 20
_BATCH: Final = 1_000


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow  # noqa: PLC0415    # an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("parquet", purpose="a study folder in Parquet") from None
    return pyarrow, parquet


# --- writing -----------------------------------------------------------------------------------------------------


def write_parquet_table(path: Path, table: Table[Any], *, time: TimeKind) -> None:
    """Write one table.

    Raises
    ------
    MissingExtra
        Where pyarrow is not installed.
    OSError
        Where the file cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> from rupturekit.episode import Member
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "members.parquet")
    ...     write_parquet_table(file, Table.of(Member, [Member(episode="E1", row_id=7)]), time=TimeKind.CLOCK)
    ...     read_parquet_table(file, Member, time=TimeKind.CLOCK, problems=ProblemLog())[0]
    Member(episode='E1', row_id=7)
    """
    pyarrow, parquet = _library()
    fields = _schema.columns(table.record)
    columns = [_written(pyarrow, table, name, column) for name, column in fields.items()]
    said = {_FORMAT: str(FORMAT_VERSION).encode(), _TABLE: table.record.__name__.encode(), _TIME: time.value.encode(),
            _FIELDS: ",".join(fields).encode()}
    held = pyarrow.table(columns, names=list(fields)).replace_schema_metadata(said)
    parquet.write_table(held, str(path), compression="zstd", row_group_size=_GROUP)


def _written(pyarrow: Any, table: Table[Any], name: str, column: Column) -> Any:
    held = table.arrays[name]
    if column.is_word:
        levels = pyarrow.array(table.levels[name], type=pyarrow.string())
        return pyarrow.DictionaryArray.from_arrays(pyarrow.array(held, mask=held == ABSENT_CODE), levels)
    if column.kind == "bool":
        return pyarrow.array(held)
    return pyarrow.array(held, mask=np.isnan(held) if column.kind == "float" else held == ABSENT)


# --- reading -----------------------------------------------------------------------------------------------------


def read_parquet_table(path: Path, record: type[Any], *, time: TimeKind, problems: ProblemLog) -> Table[Any]:
    """Read one table; rows with a value that its column does not allow are told and left out.

    Raises
    ------
    FileProblem
        Where the file is no Parquet file that can be read, was not written as this table, or claims sizes beyond all
        measure.
    MissingExtra
        Where pyarrow is not installed.
    """
    pyarrow, parquet = _library()
    if not path.is_file():    # a device or a pipe may never end
        raise _refused(path, "is not an ordinary file; a table of a study is one")
    with _told_plainly(path), path.open("rb") as stream, parquet.ParquetFile(stream) as file:
        _check_claims(file, path)
        _check_origin(file.schema_arrow.metadata or {}, record, time, path)
        wanted = _wanted(file.schema_arrow, record, path, problems)
        if wanted is None:
            return Table.of(record, ())
        held = {name: Growing.of(record, name, time) for name in _schema.columns(record)}
        for column in held.values():
            column.expected = file.metadata.num_rows
        waiting, seen, count = InOrder(problems), 0, 0
        for at in range(file.num_row_groups):
            rows = file.read_row_group(at, columns=wanted, use_threads=False)
            group = _Group(rows=rows, first=seen + 1, file=excerpt(path.name), time=time)
            count += group.into(held, waiting)
            seen += rows.num_rows
            del rows, group    # before the next group is read, and back to the system, not to a store of pyarrow's
            pyarrow.default_memory_pool().release_unused()
        return table_of(record, held, count=count)


@contextmanager
def _told_plainly(path: Path) -> Iterator[None]:
    """Turn whatever a broken file makes pyarrow raise into a `FileProblem`."""
    pyarrow, _ = _library()
    name = excerpt(path.name)
    try:
        yield
    except (RuptureKitError, Warning):
        raise
    except (MemoryError, OverflowError):
        raise FileProblem(f"{name}: needs more memory than there is; it is broken, or too large for this machine",
                          file=name) from None
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise FileProblem(f"{name}: is no Parquet file that can be read ({excerpt(str(error))}); write the study "
                          "anew, or keep its tables as CSV", file=name) from error


def _check_claims(file: Any, path: Path) -> None:
    """Refuse what claims far more rows or bytes than its size can hold, before anything is made room for."""
    size, said = path.stat().st_size, file.metadata
    rows = max([said.num_rows, *(said.row_group(at).num_rows for at in range(said.num_row_groups))])
    unfolded = sum(said.row_group(at).total_byte_size for at in range(said.num_row_groups))
    if rows > _MOST_ROWS_A_BYTE * size + _ALWAYS_FINE or unfolded > _MOST_BYTES_A_BYTE * size + _ALWAYS_FINE:
        raise _refused(path, f"claims {rows:,} rows and {unfolded:,} bytes in a file of {size:,} bytes; no table of a "
                             "study is so dense, so it is broken, or made to exhaust the memory")


def _check_origin(said: dict[bytes, bytes], record: type[Any], time: TimeKind, path: Path) -> None:
    if _FORMAT not in said:
        raise _refused(path, "was not written as a table of a study folder, so nothing says in which unit its times "
                             "are; read it into a data frame and hand that to Cohort.of, or bring the table as CSV")
    version, table, kind = (excerpt(said.get(key, b"").decode(errors="replace")) for key in (_FORMAT, _TABLE, _TIME))
    if version != str(FORMAT_VERSION):
        raise _refused(path, f"was written in format {version}, this version of rupturekit reads {FORMAT_VERSION}; "
                             "upgrade rupturekit to read newer")
    if table != record.__name__:
        raise _refused(path, f"holds rows of {table or 'nothing'}, but by its name rows of {record.__name__}; give the "
                             "file its own name back")
    if kind != time.value:
        raise _refused(path, f"holds times of the kind {kind or 'nothing'!r}, but rupturekit.toml says "
                             f"{time.value!r}; write the study anew")


def _refused(path: Path, reason: str) -> FileProblem:
    name = excerpt(path.name)
    return FileProblem(f"{name}: {reason}", file=name)


def _wanted(schema: Any, record: type[Any], path: Path, problems: ProblemLog) -> list[str] | None:
    """Return the names of the columns to read, or None where one is missing, stands twice or has a wrong type."""
    name, names = excerpt(path.name), list(schema.names)
    wanted = told_columns(list(map(excerpt, names)), record, file=name, problems=problems, depth=6)
    wrong = [(field, f"{names.count(field)} columns share this name") for field in wanted or ()
             if names.count(field) > 1]
    wrong += [(field, f"the column {field!r} holds {excerpt(str(schema.field(at).type))}; expected {expected}")
              for field, at in (wanted or {}).items() if names.count(field) == 1
              and (expected := _expected(schema.field(at).type, _schema.columns(record)[field]))]
    for field, said in wrong:
        problems.add(Problem(kind="wrong type", field=field, value="", row=None, file=name, message=said))
    return None if wanted is None or wrong else list(wanted)


def _expected(found: Any, column: Column) -> str:
    """Return what a column should have held, or nothing where it fits."""
    pyarrow, _ = _library()
    types = pyarrow.types
    if column.is_word:
        letters = found.value_type if types.is_dictionary(found) else found
        return "" if types.is_string(letters) or types.is_large_string(letters) else "words (a dictionary of strings)"
    if column.kind == "float":
        return "" if types.is_float64(found) else "numbers (double)"
    if column.kind == "bool":
        return "" if types.is_boolean(found) else "yes or no (bool)"
    return "" if types.is_signed_integer(found) else "whole numbers (int64)"


# --- one group of rows -------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Group:
    """Reads one group of rows into columns."""

    rows: Any
    first: int
    file: str
    time: TimeKind

    def into(self, held: dict[str, Growing], waiting: InOrder) -> int:
        """Add the sound rows to the columns, tell of the others, and return how many were added."""
        names = self.rows.column_names
        pieces = {name: _piece(held[name], self.rows.column(name)) for name in names}
        if all(piece is not None for piece in pieces.values()):
            for name, piece in pieces.items():
                held[name].add(piece)    # type: ignore[arg-type]  # none is None
            return int(self.rows.num_rows)
        wanted = {name: at for at, name in enumerate(names)}
        return sum(take_rows(batch, wanted, held, waiting=waiting, file=self.file) for batch in self._as_text(held))

    def _as_text(self, held: dict[str, Growing]) -> Iterator[list[tuple[int, list[str]]]]:
        """Yield the rows as a CSV file would hold them, a few at a time."""
        for at in range(0, self.rows.num_rows, _BATCH):
            some = self.rows.slice(at, _BATCH)
            columns = [[self._text(held[name].column, value) for value in some.column(name).to_pylist()]
                       for name in some.column_names]
            yield [(row, list(cells)) for row, cells in enumerate(zip(*columns, strict=True), self.first + at)]

    def _text(self, column: Column, value: Any) -> str:
        if value is None:
            return ""
        if column.is_word:
            return grammar.neutralise(value)
        if column.kind == "bool":
            return "yes" if value else "no"
        if column.kind == "float":
            return grammar.format_float(value) if math.isfinite(value) else repr(value)
        places = {"milli": 3, "time": 6 if self.time.has_clock else 0}.get(column.kind, 0)
        return grammar.format_scaled(value, places=places)


def _piece(column: Growing, found: Any) -> Array | None:
    """Return a column of a group as the library holds it, or None where a value is refused."""
    pyarrow, _ = _library()
    if column.column.is_word:
        worded = found if pyarrow.types.is_dictionary(found.type) else found.dictionary_encode()
        pieces = [piece for chunk in worded.chunks if (piece := _coded(column, chunk)) is not None]
        if len(pieces) < worded.num_chunks:
            return None
        return pieces[0] if len(pieces) == 1 else np.concatenate([np.zeros(0, dtype="i4"), *pieces])
    blank = column.value("")
    if found.null_count and isinstance(blank, RecordError):
        return None
    kind = column.column.kind
    narrow = kind not in ("bool", "float") and not pyarrow.types.is_int64(found.type)
    same = found.cast(pyarrow.int64()) if narrow else found
    whole = same.chunk(0) if same.num_chunks == 1 else same.combine_chunks()    # which would copy the one chunk
    filled = whole.fill_null(column.held(blank)) if whole.null_count else whole
    held = filled.to_numpy(zero_copy_only=False)
    return short(held) if _sound(column.column, held, whole) else None


def _sound(column: Column, held: Array, whole: Any) -> bool:
    """Return whether every number that is there fits its column; the one that means absence fits none."""
    good = held != ABSENT if column.rule is None else column.rule.holds(held)
    return bool(good.all()) or bool((good | whole.is_null().to_numpy(zero_copy_only=False)).all())


def _coded(column: Growing, chunk: Any) -> Array | None:
    """Return the codes of words, or None where a word is refused; one that no row has is no matter."""
    pyarrow, _ = _library()
    words = [grammar.neutralise(word or "") for word in chunk.dictionary.to_pylist()]
    codes, gaps = chunk.indices, chunk.indices.null_count > 0
    codes = codes if pyarrow.types.is_int32(codes.type) else codes.cast(pyarrow.int32())
    values = column.each([*words, *([""] * gaps)])
    if any(isinstance(value, RecordError) for value in values):
        return None
    place = column.packed(values)
    same = np.array_equal(place[: len(words)], np.arange(len(words), dtype="i4"))
    if same and (not gaps or place[-1] == ABSENT_CODE):    # the codes of the file are those of the column already
        return short((codes.fill_null(ABSENT_CODE) if gaps else codes).to_numpy(zero_copy_only=False))
    return short(place[(codes.fill_null(len(words)) if gaps else codes).to_numpy(zero_copy_only=False)])
