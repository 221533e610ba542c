"""Data frames in as records: the columns that carry the names of a record's fields, each value held to its rule.

A whole column is judged at one look. What does not pass is judged value by value, by the rule of the object, so that
every bad row is told: its number in the frame, counted from 1, the field, the value. Bad rows are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._frames import FrameColumn, open_frame
from rupturekit._schema import ABSENT, ABSENT_CODE, Column, columns, complaint, optional_fields
from rupturekit.errors import did_you_mean, listed
from rupturekit.problems import Problem, ProblemLog

__all__ = ["record_columns"]

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_EXACT: Final = 2**53
"""Beyond this a float no longer tells whole numbers apart."""

_LARGEST_MILLI: Final = 1e12

_OF_NO_LENGTH: Final = ("Y", "M", "generic")
"""Units of durations that last differently long, or say nothing."""


def record_columns(record: type[Any], frame: Any, *, problems: ProblemLog
                   ) -> tuple[dict[str, Array], dict[str, tuple[str, ...]]]:
    """Return the columns of a record class that a data frame holds, and the levels of its words.

    Raises
    ------
    RecordError
        Where it is no data frame.
    MissingExtra
        Where the library that could read it is not installed.
    """
    opened = open_frame(frame)
    reading = _Reading(record=record, names=opened.names, problems=problems, bad=np.zeros(opened.n, dtype=bool))
    reading.check_header()
    nothing = FrameColumn(values=np.full(opened.n, ABSENT_CODE, dtype="i4"), levels=())
    arrays: dict[str, Array] = {}
    levels: dict[str, tuple[str, ...]] = {}
    for name, column in columns(record).items():
        given = opened.column(opened.names.index(name)) if name in opened.names else nothing
        if column.is_word:
            arrays[name], levels[name] = reading.words(name, column, given)
        else:
            arrays[name] = reading.numbers(name, column, given)
    return {name: values[~reading.bad] for name, values in arrays.items()}, levels


@attrs.frozen(kw_only=True)
class _Reading:
    """Reads one frame column by column, and keeps which of its rows are bad."""

    record: type[Any]
    names: tuple[str, ...]
    problems: ProblemLog
    bad: Mask

    def check_header(self) -> None:
        """Tell columns that the record does not have, and those that it needs; without these no row is good."""
        fields = columns(self.record)
        times = Counter(self.names)
        for name in times.keys() - fields.keys():
            self._tell("unknown column", name, f"{self.record.__name__} has no field of this name"
                       f"{did_you_mean(name, fields) or f'; its fields are {listed(fields, most=20)}'}")
        for name in fields:
            if times[name] > 1:
                self._tell("duplicate name", name, f"{times[name]} columns have this name; drop all but one")
            elif name not in times and self._needs(name):
                self._tell("missing column", name, f"the column {name!r} is missing; this frame has "
                           f"{listed(self.names) or 'no columns'}{did_you_mean(name, self.names)}")
                self.bad[:] = True

    def words(self, name: str, column: Column, given: FrameColumn) -> tuple[Array, tuple[str, ...]]:
        """Return a column of words as codes and levels; each distinct value is read once."""
        codes, values = _coded(given)
        read = [_word(column, value) for value in values]
        default = self._default(name)
        known = tuple(dict.fromkeys(word for word in [*read, default] if word is not None))
        place = {word: at for at, word in enumerate(known)} | {None: ABSENT_CODE}
        found = np.array([*(place[word] for word in read), ABSENT_CODE], dtype="i4")[codes]
        wrong = np.array([*(word is None for word in read), False], dtype=bool)[codes]
        for at in np.flatnonzero(wrong).tolist():
            self._tell_value(name, column, values[codes[at]], at)
        return self._filled(name, found, codes == ABSENT_CODE, default=place[default]), known

    def numbers(self, name: str, column: Column, given: FrameColumn) -> Array:
        """Return a column of numbers, as its kind holds them."""
        empty = _empty(given)
        if given.levels is None:
            held, sure = _held(column, given.values)
        else:
            held, sure = _held_levels(column, given)
        found = np.where(sure & ~empty, held, np.zeros(1, dtype=held.dtype)).astype(column.dtype)
        for at in np.flatnonzero(~sure & ~empty).tolist():
            value = _value_at(given, at)
            number = _number(column, value)
            if number is None:
                self._tell_value(name, column, value, at)
            else:
                found[at] = number
        absent = np.nan if column.kind == "float" else False if column.kind == "bool" else ABSENT
        default = self._default(name)
        return self._filled(name, found, empty, default=absent if default is None else default)

    def _filled(self, name: str, held: Array, empty: Mask, *, default: Any) -> Array:
        """Put the default where nothing is recorded; tell the rows where something is needed."""
        held[empty] = default
        if self._needs(name) and name in self.names:
            for at in np.flatnonzero(empty).tolist():
                self._tell("empty", name, "nothing is recorded; expected a value", at=at)
        return held

    def _needs(self, name: str) -> bool:
        return name not in optional_fields(self.record) and self._default(name) is None

    def _default(self, name: str) -> Any:
        default = getattr(attrs.fields(self.record), name).default
        return None if default is attrs.NOTHING else default

    def _tell_value(self, name: str, column: Column, value: Any, at: int) -> None:
        said = f"{value!r:.80} does not fit; {complaint(column, _exactly(column, value))}"
        hint = "; whole microseconds, whole turns where there is no clock, or a column of durations"
        self._tell("not allowed", name, said + hint * (column.kind == "time"), at=at, value=str(value))

    def _tell(self, kind: str, field: str, message: str, *, at: int | None = None, value: str = "") -> None:
        self.problems.add(Problem(kind=kind, field=field, value=value, row=None if at is None else at + 1,
                                  file=f"{self.record.__name__} frame", message=message))
        if at is not None:
            self.bad[at] = True


# --- values ----------------------------------------------------------------------------------------------------


def _empty(given: FrameColumn) -> Mask:
    """Return where a frame says that there is nothing: null, None, NaN, NaT."""
    if given.levels is not None:
        return np.asarray(given.values < 0)
    nothing = np.zeros(len(given.values), dtype=bool) if given.absent is None else given.absent.copy()
    return nothing | np.isnan(given.values) if given.values.dtype.kind == "f" else nothing


def _coded(given: FrameColumn) -> tuple[Array, Sequence[Any]]:
    """Return a column as codes and the distinct values behind them."""
    if given.levels is not None:
        return given.values, given.levels
    empty = _empty(given)
    codes = np.full(len(empty), ABSENT_CODE, dtype="i8")
    distinct, codes[~empty] = np.unique(given.values[~empty], return_inverse=True)
    return codes, list(distinct) if distinct.dtype.kind == "m" else distinct.tolist()


def _value_at(given: FrameColumn, at: int) -> Any:
    value = given.values[at]
    if given.levels is not None:
        return given.levels[value]
    return value if value.dtype.kind == "m" else value.item()


def _word(column: Column, value: Any) -> str | None:
    """Return a value as the word of a column, or None where it is none; a whole number is one where any word is."""
    if isinstance(value, str):
        text = str.__str__(value)
    elif type(value) is int and column.levels is None:
        text = str(value)
    else:
        return None
    if column.levels is not None:
        return text if text in column.allowed() else None
    return None if complaint(column, text) else text


def _number(column: Column, value: Any) -> int | float | None:
    """Return a value as a column holds it, or None where it is not allowed; the slow and exact way."""
    value = _exactly(column, value)
    if complaint(column, value) is not None:
        return None
    number: int | float = round(value * 1000) if column.kind == "milli" else value
    return number


def _exactly(column: Column, value: Any) -> Any:
    """Return the whole number that a float or a duration stands for, where the column holds whole numbers."""
    if column.kind == "time" and isinstance(value, np.timedelta64):
        held, sure = _microseconds(np.array([value]))
        return held[0].item() if sure[0] else value
    if column.kind in ("time", "int") and isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return value


def _held_levels(column: Column, given: FrameColumn) -> tuple[Array, Mask]:
    """Judge each distinct value of a column that holds values of several types."""
    read = [_number(column, value) for value in given.levels or ()]
    held = np.array([*(0 if number is None else number for number in read), 0], dtype=column.dtype)
    sure = np.array([*(number is not None for number in read), False], dtype=bool)
    return held[given.values], sure[given.values]


def _held(column: Column, values: Array) -> tuple[Array, Mask]:
    """Return numbers as a column holds them, and which are sure to be allowed; of the others this says nothing."""
    letter = values.dtype.kind
    if (letter == "b") != (column.kind == "bool") or (letter == "m" and column.kind != "time"):
        return np.zeros(len(values), dtype="i8"), np.zeros(len(values), dtype=bool)
    with np.errstate(over="ignore", invalid="ignore"):
        held, sure = _judged(column, values)
        return held, sure if column.rule is None else sure & column.rule.holds(held)


def _judged(column: Column, values: Array) -> tuple[Array, Mask]:
    if column.kind == "bool":
        return values, np.ones(len(values), dtype=bool)
    if column.kind == "milli":
        return _thousandths(values)
    if column.kind == "float":
        return values.astype("f8"), np.isfinite(values) if values.dtype.kind == "f" else _within(values, _EXACT)
    return _microseconds(values) if values.dtype.kind == "m" else _whole(values)


def _within(values: Array, most: float) -> Mask:
    return np.asarray((values <= most) if values.dtype.kind == "u" else (values <= most) & (values >= -most))


def _whole(values: Array) -> tuple[Array, Mask]:
    if values.dtype.kind == "f":
        sure = _within(values, _EXACT) & (np.rint(values) == values)
        return np.where(sure, values, 0).astype("i8"), sure
    sure = values <= np.iinfo("i8").max if values.dtype.kind == "u" else values > ABSENT
    return values.astype("i8"), np.asarray(sure)


def _thousandths(values: Array) -> tuple[Array, Mask]:
    size = values.astype("f8")
    whole = np.rint(size * 1000)
    sure = _within(size, _LARGEST_MILLI) & (whole / 1000 == size)
    return np.where(sure, whole, 0).astype("i8"), sure


def _microseconds(values: Array) -> tuple[Array, Mask]:
    """Return durations as whole microseconds, and which of them are."""
    whole = values.astype("timedelta64[us]")
    if np.datetime_data(values.dtype)[0] in _OF_NO_LENGTH:
        return whole.astype("i8"), np.zeros(len(values), dtype=bool)
    # Looked at in its own unit: in microseconds, what is too long has been folded on both sides.
    return whole.astype("i8"), np.asarray(whole.astype(values.dtype) == values)
