"""One record, and the first rows of a table of records."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from rupturekit import _schema
from rupturekit._html import Cell, Markup, counted, facts, line, page, shortened, spread, table, tag, wide_row
from rupturekit._schema import ABSENT, ABSENT_CODE, Column
from rupturekit._views.closed_words import said_or_hidden

if TYPE_CHECKING:
    from rupturekit._table import Table

__all__ = ["record_html", "record_repr", "table_html", "table_text"]

MOST_ROWS: Final = 10
MOST_IN_TEXT: Final = 24
"""A column of the plain text is at most this wide."""


def record_repr(record: Any) -> str:
    """Return a record as the call that makes it; what has its default value is left out.

    >>> from rupturekit.episode import Session
    >>> Session(dyad="D1", session=2, day=None)
    Session(dyad='D1', session=2)
    """
    said = (f"{field.name}={_value_repr(getattr(record, field.name))}" for field in attrs.fields(type(record))
            if field.default is attrs.NOTHING or getattr(record, field.name) != field.default)
    return f"{type(record).__name__}({', '.join(said)})"


def _value_repr(value: object) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, StrEnum) else repr(value)


def record_html(record: Any) -> Markup:
    """Return one record as a table of its fields; what was not recorded is left out and counted."""
    fields = _schema.columns(type(record))
    held = {name: getattr(record, name) for name in fields}
    said = [(_titled(name, column), line(_said(held[name], column), most=120)) for name, column in fields.items()
            if held[name] is not None]
    absent = sum(value is None for value in held.values())
    more = tag("p", f"{counted(absent, 'field')} not recorded", class_="rk-soft") if absent else ""
    return page(type(record).__name__, "", facts(said), more)


def _titled(name: str, column: Column) -> Markup:
    unit = f" ({_unit(column)})" if column.unit else ""
    return tag("bdi", f"{name}{unit}", title=shortened(column.says, 240) or None)


def _unit(column: Column) -> str:
    return "\u00b5s" if column.unit == "us" else column.unit


def _said(value: Any, column: Column) -> str:
    if isinstance(value, str):
        return said_or_hidden(value) if column.rule is _schema.one_line else str(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _filled(rows: Table[Any]) -> dict[str, Column]:
    """Return the columns in which at least one row holds something."""
    return {name: column for name, column in _columns(rows).items() if _holds(rows.arrays[name], column)}


def _holds(values: np.ndarray[Any, Any], column: Column) -> bool:
    if column.kind == "float":
        return not np.isnan(values).all()
    return column.kind == "bool" or bool((values != (ABSENT_CODE if column.is_word else ABSENT)).any())


def _columns(rows: Table[Any]) -> Mapping[str, Column]:
    return _schema.columns(rows.record)


def table_html(rows: Table[Any]) -> Markup:
    """Return the first rows of a table: units in the heads, absent as an empty cell that says so."""
    filled = _filled(rows)
    first, more, _ = spread(len(rows), first=MOST_ROWS)
    shown: list[Any] = [[_cell(getattr(record, name), column) for name, column in filled.items()]
                        for record in map(rows.__getitem__, first)]
    if more:
        shown.append(wide_row(f"... and {counted(more, 'more row')}", columns=len(filled)))
    empty = [name for name in _columns(rows) if name not in filled]
    said = f"columns that no row fills: {', '.join(empty)}" if empty and len(rows) else ""
    body = table([_titled(name, column) for name, column in filled.items()], shown) if len(rows) else ""
    return page("Table of", rows.record.__name__, body, tag("p", said, class_="rk-soft") if said else "",
                after=[counted(len(rows), "row")])


def _cell(value: Any, column: Column) -> Cell:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return _said(value, column)


def table_text(rows: Table[Any]) -> str:
    """Return the first rows of a table as aligned text, absent as nothing."""
    filled = _filled(rows)
    first, more, _ = spread(len(rows), first=MOST_ROWS)
    cells = [[f"{name} ({column.unit})" if column.unit else name for name, column in filled.items()]]
    cells += [["" if getattr(record, name) is None else _said(getattr(record, name), column)
               for name, column in filled.items()] for record in map(rows.__getitem__, first)]
    cells = [[shortened(cell, MOST_IN_TEXT) for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    tail = [f"  ... and {counted(more, 'more row')}"] if more else []
    return "\n".join([repr(rows), *(f"  {one}" for one in lines if len(rows)), *tail])
