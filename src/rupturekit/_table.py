"""A table: read-only columns of one record class, and the records themselves on request."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _schema
from rupturekit._frames import FrameColumn, stream
from rupturekit._schema import ABSENT, ABSENT_CODE, Column
from rupturekit._views.records import table_html, table_text
from rupturekit.errors import RecordError, expect

__all__ = [
    "Array",
    "Table",
    "arrays_equal",
    "constant",
    "empty",
    "encode",
    "freeze",
    "held_state",
    "is_constant",
    "read_only",
    "set_closed",
]

R = TypeVar("R")
Array = npt.NDArray[Any]
"""Any numpy array; a column's dtype is that of its `Column`."""


def read_only(array: Array) -> Array:
    """Return the array, or a copy where somebody else may write to it, closed to writing.

    A view that is closed itself still changes with the array that it looks at, where that one is open.
    """
    held: object = array
    while isinstance(held, np.ndarray):
        if held.flags.writeable:
            return freeze(array.copy())
        held = held.base
    return array


def freeze(array: Array) -> Array:
    """Close an array that nobody else holds to writing, in place."""
    array.flags.writeable = False
    return array


def constant(value: Any, *, count: int, dtype: npt.DTypeLike) -> Array:
    """Return one value so many times over, in the memory of one.

    >>> constant(7, count=3, dtype="i8").tolist()
    [7, 7, 7]
    """
    return np.broadcast_to(freeze(np.array(value, dtype=dtype)), (count,))


def is_constant(values: Array) -> bool:
    """Return whether a column is one value held once."""
    return values.strides == (0,) and len(values) > 0


def held_state(value: Any) -> dict[str, Any]:
    """Return the fields of an attrs object, for pickle and deepcopy."""
    return {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}


def set_closed(value: object, state: Mapping[str, Any]) -> None:
    """Set the fields of an attrs object again; pickle and deepcopy hand back open arrays, and they are closed."""
    for name, held in state.items():
        object.__setattr__(value, name, read_only(held) if isinstance(held, np.ndarray) else held)


def arrays_equal(left: Array, right: Array) -> bool:
    """Compare dtype, shape and every value; NaN equals NaN."""
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    return bool(np.array_equal(left, right, equal_nan=left.dtype.kind == "f"))


def encode(words: Sequence[str | None]) -> tuple[Array, tuple[str, ...]]:
    """Turn words into level codes over the sorted distinct words; None becomes `ABSENT_CODE`.

    >>> encode(["b", None, "a"])[1]
    ('a', 'b')
    """
    levels = tuple(sorted({word for word in words if word is not None}))
    code = {word: at for at, word in enumerate(levels)} | {None: ABSENT_CODE}
    return np.array([code[word] for word in words], dtype="i4"), levels


def _canonical(codes: Array, levels: tuple[str, ...]) -> tuple[Array, tuple[str, ...]]:
    """Drop levels that no row has and sort the rest, so that equal tables hold equal arrays."""
    seen = np.zeros(len(levels) + 1, dtype=bool)    # the last place is that of what is absent
    seen[codes[:1] if is_constant(codes) else codes] = True
    used = np.flatnonzero(seen[:-1])
    names = [levels[at] for at in used]
    if tuple(sorted(names)) == levels:
        return codes, levels
    order = sorted(range(len(names)), key=names.__getitem__)
    lookup = np.full(len(levels) + 1, ABSENT_CODE, dtype="i4")
    for rank, at in enumerate(order):
        lookup[used[at]] = rank
    words = tuple(names[at] for at in order)
    if is_constant(codes):
        return constant(lookup[codes[0]], count=len(codes), dtype="i4"), words
    return lookup[codes], words


@attrs.frozen(eq=False, repr=False)
class Table(Generic[R]):
    """Columns of one record class.

    Attributes
    ----------
    record : type
        The record class; its annotations say dtype, rule and unit of every column.
    arrays : mapping of str to read-only array
        One array a field, all of one length.
    levels : mapping of str to tuple of str
        The words behind the level codes of each word column, sorted, each used at least once.
    """

    record: type[R]
    arrays: Mapping[str, Array]
    levels: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, record: type[R], rows: Iterable[R]) -> Table[R]:
        """Pack records into columns, keeping their order."""
        held = _records(record, rows)
        arrays: dict[str, Array] = {}
        levels: dict[str, tuple[str, ...]] = {}
        for name, column in _schema.columns(record).items():
            values = [getattr(row, name) for row in held]
            if column.is_word:
                arrays[name], levels[name] = encode(values)
            else:
                arrays[name] = _numbers(values, column)
        return cls._closed(record, arrays, levels)

    @classmethod
    def from_columns(cls, record: type[R], *, arrays: Mapping[str, Array],
                     levels: Mapping[str, tuple[str, ...]]) -> Table[R]:
        """Check columns against the record class and close them to writing."""
        fields = _schema.columns(record)
        missing = [name for name in fields if name not in arrays]
        if missing:
            raise RecordError(f"{record.__name__}: the columns {', '.join(missing)} are missing")
        _schema.check(record, arrays, levels)
        return cls._closed(record, {name: read_only(arrays[name]) for name in fields}, levels)

    @classmethod
    def of_judged(cls, record: type[R], *, arrays: Mapping[str, Array], levels: Mapping[str, tuple[str, ...]]
                  ) -> Table[R]:
        """Close columns of which a reader has held every value to the rules already; they are not checked again."""
        return cls._closed(record, arrays, levels)

    @classmethod
    def _closed(cls, record: type[R], arrays: Mapping[str, Array], levels: Mapping[str, tuple[str, ...]]) -> Table[R]:
        words: dict[str, tuple[str, ...]] = {}
        closed: dict[str, Array] = {}
        for name, values in arrays.items():
            if name in levels:
                values, words[name] = _canonical(values, levels[name])
            closed[name] = freeze(values)
        return cls(record, types.MappingProxyType(closed), types.MappingProxyType(words))

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, row: int) -> R:
        return self._record(range(len(self))[row])

    def __iter__(self) -> Iterator[R]:
        return (self._record(row) for row in range(len(self)))

    def __getattr__(self, name: str) -> Array:
        try:
            return object.__getattribute__(self, "arrays")[name]  # type: ignore[no-any-return]
        except (KeyError, AttributeError):
            raise AttributeError(f"{type(self).__name__} has no column {name!r}") from None

    def words(self, name: str) -> list[str | None]:
        """Return one word column as words, row by row; None where absent."""
        levels = (*self.levels[name], None)
        return [levels[code] for code in self.arrays[name].tolist()]

    def code_of(self, name: str, *, word: str) -> int:
        """Return the level code of a word, or -2 where no row has it."""
        levels = self.levels[name]
        return levels.index(word) if word in levels else -2

    def take(self, rows: Array) -> Table[R]:
        """Return the rows picked by an index or mask, as a table of its own."""
        count = len(constant(False, count=len(self), dtype=bool)[rows])
        arrays = {name: constant(values[0], count=count, dtype=values.dtype) if is_constant(values) else values[rows]
                  for name, values in self.arrays.items()}
        return self._closed(self.record, arrays, self.levels)

    def replace(self, **changed: Array) -> Table[R]:
        """Return a table with some number columns replaced; everything is checked again."""
        return self.from_columns(self.record, arrays={**self.arrays, **changed}, levels=self.levels)

    def _record(self, row: int) -> R:
        fields = _schema.columns(self.record)
        return self.record(**{name: self._value(name, fields[name], row) for name in fields})

    def _value(self, name: str, column: Column, row: int) -> object:
        held = self.arrays[name][row].item()
        if column.is_word:
            if held == ABSENT_CODE:
                return None
            word = self.levels[name][held]
            return column.levels(word) if column.levels is not None else word
        if column.kind == "float":
            return None if held != held else held
        if column.kind != "bool" and held == ABSENT:
            return None
        return held / 1000 if column.kind == "milli" else held

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return (
            self.record is other.record
            and dict(self.levels) == dict(other.levels)
            and all(arrays_equal(values, other.arrays[name]) for name, values in self.arrays.items())
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Table({self.record.__name__}, {len(self):,} rows)"

    def __str__(self) -> str:
        return table_text(self)

    def _repr_html_(self) -> str:
        return table_html(self)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.record, dict(self.arrays), dict(self.levels)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        record, arrays, levels = state
        closed = types.MappingProxyType({name: read_only(values) for name, values in arrays.items()})
        for name, value in (("record", record), ("arrays", closed), ("levels", types.MappingProxyType(levels))):
            object.__setattr__(self, name, value)

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return the columns as a data frame holds them: words behind codes, what is absent apart from what is not."""
        return {name: _frame_column(self, name, column) for name, column in _schema.columns(self.record).items()}

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Stream the rows as Arrow, for any library that reads it; needs pyarrow."""
        return stream(self.frame_columns(), requested_schema)

    def digest(self) -> bytes:
        """Return a hash of content: column names, dtypes, values and words; equal tables, equal digests."""
        seen = hashlib.blake2b(self.record.__name__.encode(), digest_size=16)
        for name, values in self.arrays.items():
            seen.update(f"|{name}:{values.dtype.str}:{len(values)}|".encode())
            held = values + 0.0 if values.dtype.kind == "f" else values    # -0.0 and 0.0 are equal
            seen.update(np.ascontiguousarray(held).astype(values.dtype.newbyteorder("<"), copy=False).tobytes())
            seen.update("\x1f".join(self.levels.get(name, ())).encode())
        return seen.digest()


def _records(record: type[R], rows: Iterable[R]) -> list[R]:
    """Return records as a list; what is none is refused with a sentence."""
    what = f"{record.__name__} objects, a table or a data frame"
    if isinstance(rows, (str, Mapping)) or not isinstance(rows, Iterable):
        expect(rows, (), what=what, remedy="make a data frame of the columns, or an object of each row")
    held = list(rows)
    for strange in (row for row in held if not isinstance(row, record)):
        raise RecordError(f"expected {what} but got {type(strange).__name__} among them; make an object of each row: "
                          f"{record.__name__}(...)")
    return held


def _frame_column(table: Table[Any], name: str, column: Column) -> FrameColumn:
    held = table.arrays[name]
    if column.levels is not None:
        allowed = column.allowed()
        place = np.array([*map(allowed.index, table.levels[name]), ABSENT_CODE], dtype="i4")
        return FrameColumn(values=place[held], levels=allowed, closed=True)
    if column.is_word:
        return FrameColumn(values=held, levels=table.levels[name])
    absent = np.isnan(held) if column.kind == "float" else held == ABSENT
    values = np.where(absent, np.zeros(1, dtype=held.dtype), held)
    return FrameColumn(values=values / 1000 if column.kind == "milli" else values,
                       absent=absent if name in _schema.optional_fields(table.record) else None)


def _numbers(values: Sequence[Any], column: Column) -> Array:
    if column.kind == "float":
        return np.array([np.nan if value is None else value for value in values], dtype="f8")
    if column.kind == "milli":
        return np.array([ABSENT if value is None else round(value * 1000) for value in values], dtype="i8")
    if column.kind == "bool":
        return np.array(values, dtype=bool)
    return np.array([ABSENT if value is None else value for value in values], dtype="i8")


def empty(record: type[R]) -> Table[R]:
    """Return the table without rows."""
    return Table.of(record, ())
