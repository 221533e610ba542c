"""Data frames as foreign tables: every value written as the cell of a sheet, so that a mapping means the same."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from rupturekit._frames import FrameColumn, open_frame
from rupturekit.problems import ProblemLog
from rupturekit.records.grammar import format_float
from rupturekit.records.held import CALENDAR_DATE, HeldSheet, Row, clock

__all__ = ["open_framed"]

_NAME: Final = "data frame"


def open_framed(frame: Any, *, problems: ProblemLog | None = None) -> HeldSheet:
    """Lay a data frame of any library out as a sheet of cells; its index, if it has one, is not read.

    Numbers are written out exactly, flags as yes and no, durations as h:mm:ss; what is null is an empty cell. Calendar
    dates are not kept.

    Raises
    ------
    RecordError
        Where it is no data frame.
    MissingExtra
        Where the library that could read it is not installed.
    """
    opened = open_frame(frame)
    cells = [_texts(opened.column(at)) for at in range(len(opened.names))]
    rows = zip(*cells, strict=True) if cells else iter(())
    return HeldSheet(path=Path(_NAME), what=_NAME, header=opened.names, problems=problems,
                     table=tuple(Row(number, row) for number, row in enumerate(rows, start=1)))


def _texts(column: FrameColumn) -> list[str]:
    if column.levels is not None:
        texts = [*map(_text, column.levels), ""]
        return [texts[code] for code in column.values.tolist()]
    values = list(column.values) if column.values.dtype.kind == "m" else column.values.tolist()
    empty = [False] * len(values) if column.absent is None else column.absent.tolist()
    return ["" if nothing else _text(value) for value, nothing in zip(values, empty, strict=True)]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if value != value else format_float(value) if np.isfinite(value) else str(value)
    if isinstance(value, datetime.date | np.datetime64):
        return CALENDAR_DATE
    if isinstance(value, np.timedelta64):
        return _duration(value)
    return "" if value is None else str(value)


def _duration(value: np.timedelta64) -> str:
    whole = value.astype("timedelta64[us]")
    # Compared in its own unit: in microseconds, what is too long has been folded on both sides.
    fits = np.datetime_data(value.dtype)[0] not in ("Y", "M") and whole.astype(value.dtype) == value
    return clock(int(whole.astype("i8"))) if fits else f"{value} are no whole microseconds, or too many"
