"""A file that an installed package knows how to read, where the mapping names its reader.

A reader is a function of a path and the mapping. It gives rows of text: first the names of the columns, then the
cells of each row, an empty row where the file has a blank one. All that follows (missing words, formats, bad rows,
losses) is the mapping's, as for every other file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rupturekit._registry import PlugIn, load_reader
from rupturekit.errors import RecordError
from rupturekit.problems import Problem, ProblemLog, excerpt
from rupturekit.records.bounded import LIMITS, Limits, opened, refused
from rupturekit.records.held import HeldSheet, Row
from rupturekit.records.mapping import Mapping

__all__ = ["open_plugged"]


def open_plugged(path: str | Path, mapping: Mapping, *, problems: ProblemLog | None = None, limits: Limits = LIMITS
                 ) -> HeldSheet:
    """Read a file with the reader that the mapping names, `package:name`; its code is imported here and not before.

    Raises
    ------
    FileProblem
        Where the file is missing, no ordinary file, or goes beyond the limits.
    DefinitionError
        Where no installed package offers that reader.
    RecordError
        Where its code fails, or gives something else than rows of text; the plug-in is named.
    """
    path = Path(path)
    with opened(path, most=limits.file, what="table"):
        plug_in, read = load_reader(mapping.reader or "")
    try:
        rows = iter(read(path, mapping))    # type: ignore[call-overload]  # whatever it gives is looked at row by row
        header = _header(next(rows, None))
        table = tuple(_rows(rows, path, header, limits))
    except Exception as error:    # whatever foreign code does, the plug-in is named
        raise RecordError(f"{excerpt(path.name)}: {plug_in} failed: {type(error).__name__}: {error}",
                          file=path.name) from error
    return HeldSheet(path=path, what=_what(plug_in), header=header, table=table, problems=problems,
                     settings=(("reader", mapping.reader),))


def _what(plug_in: PlugIn) -> str:
    return f"read by {plug_in.package}:{plug_in.point.name}"


def _header(found: Any) -> tuple[str, ...]:
    if not _is_text(found) or not found:
        raise TypeError(f"expected the names of the columns as a list of texts first but got {found!r:.80}")
    return tuple(name.strip() for name in found)


def _is_text(cells: Any) -> bool:
    return isinstance(cells, Sequence) and not isinstance(cells, str) and all(isinstance(cell, str) for cell in cells)


def _rows(rows: Iterator[Any], path: Path, header: tuple[str, ...], limits: Limits) -> Iterator[Row]:
    for number, cells in enumerate(rows, 1):
        if number * len(header) > limits.cells:
            raise refused(path, f"has more than {limits.cells:,} cells; split it")
        if not _is_text(cells):
            raise TypeError(f"expected row {number} as a list of texts but got {cells!r:.80}")
        yield Row(number, _fitted(cells, header, number, path))


def _fitted(cells: Sequence[str], header: tuple[str, ...], number: int, path: Path) -> Sequence[str] | Problem:
    if not cells or len(cells) == len(header):
        return cells or [""] * len(header)
    counts = f"{len(cells)} instead of {len(header)}"
    return Problem(kind="wrong number of cells", field="", value=counts, row=number, file=excerpt(path.name),
                   message=f"the row has {counts} cells; a reader gives as many as there are columns")
