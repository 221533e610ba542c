"""Fields declared once: a type, a dtype, a rule and a unit, shared by objects, columns and files.

A record class names its columns in its annotations::

    onset: Annotated[int, Column("time", at_least(0), unit="us")]

From that one line follow the attrs validator of the object, the dtype of the column, the check of a whole
array, and the data dictionary of the study folder. A rule is one predicate that works on a scalar and on an
array alike.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

import attrs
import numpy as np

from rupturekit.errors import RecordError, did_you_mean, listed

__all__ = [
    "ABSENT",
    "ABSENT_CODE",
    "Column",
    "Rule",
    "at_least",
    "check",
    "columns",
    "complaint",
    "finite",
    "is_identifier",
    "one_line",
    "optional_fields",
    "record",
    "variable_measured",
]

T = TypeVar("T")
Kind = Literal["time", "int", "milli", "float", "bool", "label", "enum"]
"""How a field is held: microseconds, an integer, thousandths, a float, a flag, free or closed words."""

_DTYPES: Mapping[str, str] = types.MappingProxyType(
    {"time": "i8", "int": "i8", "milli": "i8", "float": "f8", "bool": "?", "label": "i4", "enum": "i4"}
)
_PYTHON: Mapping[str, tuple[type, ...]] = types.MappingProxyType(
    {"time": (int,), "int": (int,), "milli": (int, float), "float": (int, float), "bool": (bool,), "label": (str,)}
)

_LARGEST: Mapping[str, float] = types.MappingProxyType({"milli": 1e12, "float": float(np.finfo(np.float64).max)})

ABSENT = int(np.iinfo(np.int64).min)
"""The one integer that means "not recorded" in an integer column."""

ABSENT_CODE = -1
"""The level code that means "not recorded" in a column of words."""


@attrs.frozen
class Rule:
    """A named condition on values; `holds` takes a scalar or an array."""

    text: str
    holds: Callable[[Any], Any] = attrs.field(repr=False)


def at_least(low: int) -> Rule:
    """Return the rule that a number is not below `low`.

    >>> at_least(0).holds(np.array([-1, 0])).tolist()
    [False, True]
    """
    return Rule(f"at least {low}", functools.partial(_not_below, low))


def _not_below(low: int, value: Any) -> Any:
    return value >= low


finite = Rule("a finite number", np.isfinite)


_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line ends and lone surrogates: what a cell of one line cannot hold."""


def _is_line(value: str) -> bool:
    return 0 < len(value) <= 10_000 and not _BREAKS.search(value)


def _is_name(value: str) -> bool:
    return _is_line(value) and value == value.strip()


def _each(test: Callable[[str], bool], value: Any) -> Any:
    return test(value) if isinstance(value, str) else np.array([test(v) for v in value], dtype=bool)


is_identifier = Rule(
    "1 to 10,000 characters on one line, without blanks at either end", functools.partial(_each, _is_name)
)
one_line = Rule("1 to 10,000 characters on one line", functools.partial(_each, _is_line))


@attrs.frozen
class Column:
    """How one field is held: its kind, the rule on its values, its unit, its closed levels, what it says."""

    kind: Kind
    rule: Rule | None = None
    unit: str = attrs.field(default="", kw_only=True)
    levels: type[StrEnum] | None = attrs.field(default=None, kw_only=True)
    says: str = attrs.field(default="", kw_only=True)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy dtype of the column."""
        return np.dtype(_DTYPES[self.kind])

    @property
    def is_word(self) -> bool:
        """Whether the column holds level codes instead of numbers."""
        return self.kind in ("label", "enum")

    def allowed(self) -> tuple[str, ...]:
        """Return the closed levels, in the order of the enum; empty where any word goes."""
        return tuple(level.value for level in self.levels) if self.levels else ()


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def record(cls: type[T]) -> type[T]:
    """Make a frozen, keyword-only attrs class whose annotated columns check their values."""
    return attrs.frozen(kw_only=True, field_transformer=_with_checks)(cls)


def _with_checks(cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return [_with_check(field, *_column_of(hints[field.name])) for field in fields]


def _with_check(field: attrs.Attribute[Any], column: Column | None, optional: bool) -> attrs.Attribute[Any]:
    if column is None:
        return field
    return field.evolve(validator=functools.partial(_validate, column, optional), metadata={"column": column})


def _column_of(hint: Any) -> tuple[Column | None, bool]:
    if typing.get_origin(hint) is not Annotated:
        return None, False
    inner, *extras = typing.get_args(hint)
    column = next((extra for extra in extras if isinstance(extra, Column)), None)
    return column, type(None) in typing.get_args(inner)


def _validate(column: Column, optional: bool, instance: object, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None and optional:
        return
    said = complaint(column, value)
    if said:
        where = f"{type(instance).__name__}.{field.name}"
        raise RecordError(f"{where}: {said}, but got {value!r:.200}", field=field.name, value=value)


def complaint(column: Column, value: Any) -> str | None:
    """Return what a column expected instead of a value, or None where the value is allowed.

    >>> complaint(Column("int", at_least(0)), -1)
    'expected at least 0'
    """
    if column.levels is not None:
        if not isinstance(value, column.levels):
            near = did_you_mean(value, column.allowed()) if isinstance(value, str) else ""
            return f"expected one of {column.levels.__name__} ({listed(column.allowed())}){near}"
        return None
    wanted = _PYTHON[column.kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and column.kind != "bool"):
        return f"expected {' or '.join(kind.__name__ for kind in wanted)}"
    return _out_of_range(column, value)


def _out_of_range(column: Column, value: Any) -> str | None:
    if column.kind in ("time", "int") and not ABSENT < value < -ABSENT:
        return "expected a number within 64 bits"
    if column.kind in _LARGEST and not abs(value) <= _LARGEST[column.kind]:    # so that NaN fails too
        return f"expected a finite number of at most {_LARGEST[column.kind]:g}"
    if column.kind == "float" and float(value) != value:
        return "expected a number that a 64-bit float holds exactly"
    if column.kind == "milli" and round(value * 1000) / 1000 != value:
        return "expected a number with at most three decimals"
    if column.rule is not None and not column.rule.holds(value):
        return f"expected {column.rule.text}"
    return None


def columns(cls: type[Any]) -> Mapping[str, Column]:
    """Return the columns of a record class by field name, in the order of the class.

    >>> from rupturekit.episode import Move
    >>> columns(Move)["onset"].unit
    'us'
    """
    return _facts(cls)[0]


def optional_fields(cls: type[Any]) -> frozenset[str]:
    """Return the names of the fields that may be absent."""
    return _facts(cls)[1]


_KNOWN: dict[type[Any], tuple[Mapping[str, Column], frozenset[str]]] = {}


def _facts(cls: type[Any]) -> tuple[Mapping[str, Column], frozenset[str]]:
    """Read the annotations of a record class once, and remember them."""
    if cls not in _KNOWN:
        hints = typing.get_type_hints(cls, include_extras=True)
        said = {field.name: _column_of(hints[field.name]) for field in attrs.fields(cls)}
        fields = {name: column for name, (column, _) in said.items() if column is not None}
        _KNOWN[cls] = types.MappingProxyType(fields), frozenset(name for name in fields if said[name][1])
    return _KNOWN[cls]


def check(cls: type, arrays: Mapping[str, np.ndarray[Any, Any]], levels: Mapping[str, tuple[str, ...]]) -> None:
    """Check whole columns with the same rules as single objects.

    Raises
    ------
    RecordError
        With the field, the first bad row (counted from 1), the value and the rule.
    """
    length = len(arrays[next(iter(columns(cls)))])
    for name, column in columns(cls).items():
        values = arrays[name]
        if values.shape != (length,):
            raise RecordError(f"{cls.__name__}.{name}: expected {length} rows but got shape {values.shape}", field=name)
        if values.dtype != column.dtype:
            raise RecordError(f"{cls.__name__}.{name}: expected dtype {column.dtype} but got {values.dtype}",
                              field=name)
        if values.strides == (0,):
            values = values[:1]    # one value, held once for all rows
        if _all_hold(values, column):
            continue
        absent = _absent(values, column)
        if name not in optional_fields(cls) and absent.any():
            _refuse(cls, name, int(np.argmax(absent)), "a value", None)
        if column.is_word:
            _check_levels(cls, name, column, levels[name])
            if values.min(initial=0) < ABSENT_CODE or values.max(initial=-1) >= len(levels[name]):
                at = int(np.argmax((values < ABSENT_CODE) | (values >= len(levels[name]))))
                _refuse(cls, name, at, f"the code of one of {len(levels[name])} levels", values[at].item())
        elif column.rule is not None:
            good = column.rule.holds(values)
            if not good.all() and not (good | absent).all():
                at = int(np.argmin(good | absent))
                _refuse(cls, name, at, column.rule.text, values[at].item())


def _all_hold(values: np.ndarray[Any, Any], column: Column) -> bool:
    """Return whether a rule that absence does not fulfil holds for every number: then nothing is absent either."""
    if column.is_word or column.rule is None or column.rule.holds(np.nan if column.kind == "float" else ABSENT):
        return False
    return bool(column.rule.holds(values).all())


def _absent(values: np.ndarray[Any, Any], column: Column) -> np.ndarray[Any, Any]:
    """Return which values mean "not recorded"; a flag always says yes or no."""
    if column.kind == "float":
        return np.asarray(np.isnan(values))
    if column.kind == "bool":
        return np.zeros(values.shape, dtype=bool)
    return np.asarray(values == (ABSENT_CODE if column.is_word else ABSENT))


def _check_levels(cls: type, name: str, column: Column, levels: tuple[str, ...]) -> None:
    if len(set(levels)) != len(levels):
        _refuse(cls, name, None, "every level once", levels)
    for level in levels:
        if column.levels is not None and level not in column.allowed():
            _refuse(cls, name, None, f"one of {listed(column.allowed())}", level)
        if column.rule is not None and not column.rule.holds(level):
            _refuse(cls, name, None, column.rule.text, level)


def _refuse(cls: type, name: str, at: int | None, wanted: str, value: object) -> None:
    row = None if at is None else at + 1
    where = f"{cls.__name__}.{name}" + ("" if row is None else f", row {row}")
    raise RecordError(f"{where}: expected {wanted} but got {value!r:.200}", field=name, row=row, value=value)


def variable_measured(cls: type) -> list[dict[str, object]]:
    """Return the data dictionary of a record class: one schema.org PropertyValue a column."""
    return [_property(name, column, name in optional_fields(cls)) for name, column in columns(cls).items()]


def _property(name: str, column: Column, optional: bool) -> dict[str, object]:
    said: dict[str, object] = {"@type": "PropertyValue", "name": name, "description": column.says or name}
    if column.unit:
        said["unitText"] = "s" if column.kind == "time" else column.unit
    if column.levels is not None:
        said["levels"] = list(column.allowed())
    said["required"] = not optional
    return said
