"""Columns on their way to and from data frames of any kind; nothing here knows what a column means.

pandas, polars, pyarrow and narwhals are imported when a frame of theirs is asked for or met, and never before.
What comes in is copied before anybody keeps it, so no frame is written to and none can change a record later.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit.errors import MissingExtra, RecordError, listed

__all__ = ["KINDS", "ArrowFrame", "FrameColumn", "OpenFrame", "is_frame", "open_frame", "stream", "write_frame"]

Array = npt.NDArray[Any]


class ArrowFrame(Protocol):
    """A table that streams itself as Arrow, as the data frames of pandas, polars, pyarrow and narwhals do."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule that holds an Arrow stream."""


@attrs.frozen(kw_only=True, eq=False)
class FrameColumn:
    """One column between a record table and a data frame.

    Attributes
    ----------
    values : int64, uint64, float64, bool or timedelta64; level codes where there are levels, -1 for absent
    levels : tuple or None
        What stands behind the codes: words, and on the way in whatever else a frame held.
    absent : bool array or None
        Where a number is not recorded; None where it always is.
    closed : bool
        Whether the levels are all that are allowed, in their own order, and not just those that occur.
    """

    values: Array
    levels: tuple[Any, ...] | None = None
    absent: npt.NDArray[np.bool_] | None = None
    closed: bool = False

    @classmethod
    def of_words(cls, words: Iterable[str | None], *, levels: Iterable[str] | None = None) -> FrameColumn:
        """Code words by the levels given, or by those that occur, in the order in which they do.

        >>> FrameColumn.of_words(["b", None, "a"]).values.tolist()
        [0, -1, 1]
        """
        held = list(words)
        known = tuple(dict.fromkeys(word for word in held if word is not None)) if levels is None else tuple(levels)
        code: dict[str | None, int] = {word: at for at, word in enumerate(known)} | {None: -1}
        return cls(values=np.array([code[word] for word in held], dtype="i4"), levels=known, closed=levels is not None)

    @classmethod
    def of_numbers(cls, numbers: Iterable[int | None]) -> FrameColumn:
        """Hold whole numbers, absent where None.

        >>> FrameColumn.of_numbers([3, None]).absent.tolist()
        [False, True]
        """
        held = list(numbers)
        return cls(values=np.array([number or 0 for number in held], dtype="i8"),
                   absent=np.array([number is None for number in held], dtype=bool))


# --- libraries that may be missing -----------------------------------------------------------------------------


def _pandas() -> Any:
    try:
        import pandas  # noqa: PLC0415    # an extra
    except ImportError:
        raise MissingExtra("pandas", purpose="a pandas frame") from None
    return pandas


def _polars() -> Any:
    try:
        import polars  # noqa: PLC0415    # an extra
    except ImportError:
        raise MissingExtra("polars", purpose="a polars frame") from None
    return polars


def _pyarrow() -> Any:
    try:
        import pyarrow  # noqa: PLC0415    # an extra
    except ImportError:
        raise MissingExtra("parquet", purpose="an Arrow table") from None
    return pyarrow


def _narwhals(purpose: str = "a data frame that is neither of pandas nor, with pyarrow, streams Arrow") -> Any:
    try:
        import narwhals  # noqa: PLC0415    # an extra
    except ImportError:
        raise MissingExtra("frames", purpose=purpose) from None
    return narwhals


# --- out -------------------------------------------------------------------------------------------------------


def write_frame(columns: Mapping[str, FrameColumn], kind: str) -> Any:
    """Return columns as a data frame of a kind: one of `KINDS`, or an eager backend that narwhals knows.

    Raises
    ------
    RecordError
        Where there is no such kind.
    MissingExtra
        Where the library of that kind is not installed.
    """
    if kind in _WRITERS:
        return _WRITERS[kind](columns)
    narwhals = _narwhals(f"a data frame of the kind {kind!r:.40} (pandas, polars and pyarrow do without)")
    try:
        return narwhals.from_arrow(_to_arrow(columns), backend=kind).to_native()
    except (AssertionError, ValueError):    # which of them depends on the version of narwhals
        raise _no_such_kind(kind) from None
    except ModuleNotFoundError as error:
        raise RecordError(f"a data frame of the kind {kind!r} needs {error.name}, which is not installed",
                          field="kind", value=kind) from None


def _no_such_kind(kind: str) -> RecordError:
    return RecordError(f"there is no kind of data frame {kind!r:.40}; expected {listed(KINDS)}, or an eager backend of "
                       "narwhals; a lazy engine reads the Arrow stream of a table itself", field="kind", value=kind)


def stream(columns: Mapping[str, FrameColumn], requested_schema: object | None) -> object:
    """Return columns as an Arrow stream in a capsule, for any library that reads one."""
    return _to_arrow(columns).__arrow_c_stream__(requested_schema)


def _to_pandas(columns: Mapping[str, FrameColumn]) -> Any:
    pandas = _pandas()    # which copies what it is given by name
    return pandas.DataFrame({name: _pandas_values(pandas, column) for name, column in columns.items()})


def _pandas_values(pandas: Any, column: FrameColumn) -> Any:
    if column.levels is not None:
        return pandas.Categorical.from_codes(column.values, categories=pandas.Index(column.levels, dtype="str"))
    if column.absent is None:
        return column.values
    if column.values.dtype.kind == "f":
        return np.where(column.absent, np.nan, column.values)    # NaN is how pandas itself says that a float is absent
    return pandas.arrays.IntegerArray(column.values, column.absent)


def _to_polars(columns: Mapping[str, FrameColumn]) -> Any:
    polars = _polars()
    return polars.DataFrame([_polars_series(polars, name, column) for name, column in columns.items()])


def _polars_series(polars: Any, name: str, column: FrameColumn) -> Any:
    held = polars.Series(name, column.values.copy())    # polars looks at the memory of an array that it is given
    if column.levels is not None:
        kind = polars.Enum(column.levels) if column.closed else polars.Categorical
        codes = held.set(polars.Series(column.values < 0), None)
        return polars.Series(column.levels, dtype=polars.String).cast(kind).gather(codes).alias(name)
    return held if column.absent is None else held.set(polars.Series(column.absent), None)


def _to_arrow(columns: Mapping[str, FrameColumn]) -> Any:
    pyarrow = _pyarrow()
    return pyarrow.table({name: _arrow_array(pyarrow, column) for name, column in columns.items()})


def _arrow_array(pyarrow: Any, column: FrameColumn) -> Any:
    if column.levels is None:
        return pyarrow.array(column.values.copy(), mask=column.absent)
    codes = pyarrow.array(column.values.astype("i4"), mask=column.values < 0)
    return pyarrow.DictionaryArray.from_arrays(codes, pyarrow.array(column.levels, type=pyarrow.string()))


_WRITERS: Final[Mapping[str, Callable[[Mapping[str, FrameColumn]], Any]]] = {
    "pandas": _to_pandas,
    "polars": _to_polars,
    "pyarrow": _to_arrow,
}

KINDS: Final = tuple(_WRITERS)
"""The kinds of data frame that are written without a further library."""


# --- in --------------------------------------------------------------------------------------------------------


@attrs.frozen
class OpenFrame:
    """A data frame to read from: the names of its columns, its number of rows, and a column by its place."""

    names: tuple[str, ...]
    n: int
    column: Callable[[int], FrameColumn]


def is_frame(value: object) -> bool:
    """Return whether something looks like a data frame: it streams Arrow, or has named columns.

    >>> is_frame([])
    False
    """
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "columns")


def open_frame(frame: Any) -> OpenFrame:
    """Open a data frame of any kind for reading; a lazy one is collected.

    Raises
    ------
    RecordError
        Where it is no data frame.
    MissingExtra
        Where the library that could read it is not installed.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        return _open_pandas(pandas, frame)
    if hasattr(frame, "__arrow_c_stream__") and _has_pyarrow():
        return _open_arrow(frame)
    return _open_narwhals(frame)


def _has_pyarrow() -> bool:
    try:
        _pyarrow()
    except MissingExtra:
        return False
    return True


def _no_frame(frame: object) -> RecordError:
    kind = f"{type(frame).__module__}.{type(frame).__qualname__}"
    return RecordError(f"expected records, a table or a data frame but got {kind}; hand over a data frame of pandas, "
                       "polars, pyarrow, or of any other library that narwhals knows")


def _open_pandas(pandas: Any, frame: Any) -> OpenFrame:
    return OpenFrame(tuple(map(str, frame.columns)), len(frame), lambda at: _of_pandas(pandas, frame.iloc[:, at]))


def _of_pandas(pandas: Any, series: Any) -> FrameColumn:
    kind = series.dtype.kind
    if isinstance(series.dtype, pandas.CategoricalDtype):
        return FrameColumn(values=series.cat.codes.to_numpy(), levels=tuple(series.cat.categories))
    if isinstance(series.dtype, pandas.StringDtype):
        codes, levels = pandas.factorize(series)
        return FrameColumn(values=codes, levels=tuple(levels))
    if kind in _FILLERS:
        absent = series.isna().to_numpy(dtype=bool)
        filler = _FILLERS[kind]
        return FrameColumn(values=series.to_numpy(dtype=filler.dtype, na_value=filler[()]), absent=absent)
    if kind == "m":
        return _of_durations(series.to_numpy())
    return _of_objects(series.tolist())


_FILLERS: Final[Mapping[str, Array]] = {
    kind: np.array(0, dtype=dtype) for kind, dtype in (("i", "i8"), ("u", "u8"), ("f", "f8"), ("b", "?"))
}
"""What stands in an absent place, in the dtype that holds every number of its kind."""


def _of_durations(values: Array) -> FrameColumn:
    return FrameColumn(values=values, absent=np.asarray(np.isnat(values)))


def _of_objects(values: Iterable[Any]) -> FrameColumn:
    """Code values of whatever kind; 1, 1.0 and True are three."""
    codes: dict[Any, int] = {}
    levels: list[Any] = []
    found = []
    for value in values:
        key = _key(value)
        if key not in codes:
            codes[key] = -1 if _is_absent(value) else len(levels)
            levels += [] if _is_absent(value) else [value.item() if _is_plain(value) else value]
        found.append(codes[key])
    return FrameColumn(values=np.array(found, dtype="i8"), levels=tuple(levels))


def _key(value: Any) -> tuple[type, Any]:
    try:
        hash(value)
    except (TypeError, ValueError):    # a numpy duration without a unit raises the latter
        return type(value), repr(value)
    return type(value), value


def _is_plain(value: Any) -> bool:
    """Return whether a value is a numpy scalar that stands for one of Python; durations and dates turn into numbers."""
    return isinstance(value, np.generic) and not isinstance(value, np.timedelta64 | np.datetime64)


def _is_absent(value: Any) -> bool:
    if isinstance(value, float | np.floating | np.timedelta64 | np.datetime64):
        return bool(value != value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")    # those of pandas, which may not be there


def _open_arrow(frame: Any) -> OpenFrame:
    pyarrow = _pyarrow()
    try:
        table = pyarrow.table(frame)
    except (pyarrow.ArrowException, TypeError, ValueError):
        raise _no_frame(frame) from None
    return OpenFrame(tuple(table.column_names), table.num_rows, lambda at: _of_arrow(pyarrow, table.column(at)))


def _of_arrow(pyarrow: Any, column: Any) -> FrameColumn:
    types, kind = pyarrow.types, column.type
    if types.is_dictionary(kind):
        return _of_dictionary(column)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _of_dictionary(column.cast(pyarrow.large_string()).dictionary_encode())
    if types.is_decimal(kind):
        column, kind = column.cast(pyarrow.float64()), pyarrow.float64()
    if types.is_duration(kind):
        return _of_durations(column.to_numpy())
    letter = next((letter for letter, fits in _arrow_kinds(types) if fits(kind)), None)
    if letter is not None:
        filler = _FILLERS[letter]
        numbers = column.cast(pyarrow.from_numpy_dtype(filler.dtype))
        return FrameColumn(values=numbers.fill_null(filler.item()).to_numpy(),
                           absent=column.is_null().to_numpy().astype(bool))
    return _of_objects(column.to_pylist())


def _arrow_kinds(types: Any) -> tuple[tuple[str, Callable[[Any], bool]], ...]:
    return (("i", types.is_signed_integer), ("u", types.is_unsigned_integer), ("f", types.is_floating),
            ("b", types.is_boolean))


def _of_dictionary(column: Any) -> FrameColumn:
    if not len(column):    # without a chunk there may be no dictionary
        return FrameColumn(values=np.zeros(0, dtype="i8"), levels=())
    whole = column.unify_dictionaries().combine_chunks()
    codes = whole.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
    levels = whole.dictionary.to_pylist()
    codes = np.where(np.isin(codes, [at for at, level in enumerate(levels) if level is None]), -1, codes)
    return FrameColumn(values=codes, levels=tuple(levels))


def _open_narwhals(frame: Any) -> OpenFrame:
    narwhals = _narwhals()
    try:
        held = narwhals.from_native(frame)
    except TypeError:
        raise _no_frame(frame) from None
    held = held.collect() if isinstance(held, narwhals.LazyFrame) else held
    return OpenFrame(tuple(held.columns), len(held), lambda at: _of_narwhals(held.get_column(held.columns[at])))


def _of_narwhals(series: Any) -> FrameColumn:
    dtype = series.dtype
    if dtype.is_integer() or dtype.is_float() or dtype == _narwhals().Boolean:
        absent = series.is_null().to_numpy().astype(bool)
        values = series.fill_null(False if dtype == _narwhals().Boolean else 0).to_numpy()
        return FrameColumn(values=values.astype(_FILLERS[values.dtype.kind].dtype), absent=absent)
    if dtype == _narwhals().Duration:
        return _of_durations(series.to_numpy())
    return _of_objects(series.to_list())
