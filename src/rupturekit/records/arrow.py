"""Rows of delimited text divided into cells by pyarrow; what the cells mean is read as on a plain install."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any

import numpy as np

from rupturekit._kernels.cells import MARGIN, Cells, with_margins
from rupturekit.errors import MissingExtra

__all__ = ["split_with_pyarrow"]


def split_with_pyarrow(block: bytes, width: int, wanted: Sequence[int]) -> list[Cells] | None:
    """Divide rows into cells, all as text: pyarrow guesses no types and takes no cell for absent.

    Raises
    ------
    MissingExtra
        Where pyarrow is not installed.

    >>> [bytes(column.text[column.starts[1]:column.ends[1]]) for column in split_with_pyarrow(b"a,b\\nc,d\\n", 2, [1])]
    [b'd']
    """
    try:
        import pyarrow  # noqa: PLC0415    # an extra
        from pyarrow import csv  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("parquet", purpose="reading CSV through pyarrow") from None
    if block.startswith(codecs.BOM_UTF8):    # here it is a letter of the first cell; pyarrow would drop it
        return None
    names = [str(at) for at in range(width)]
    try:
        table = csv.read_csv(
            pyarrow.py_buffer(block),
            read_options=csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            parse_options=csv.ParseOptions(ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                check_utf8=False, strings_can_be_null=False, include_columns=[names[at] for at in wanted],
                column_types=dict.fromkeys(names, pyarrow.string())))
    except pyarrow.ArrowInvalid:
        return None
    return [_cells(table.column(at).combine_chunks()) for at in range(len(wanted))]


def _cells(column: Any) -> Cells:
    _, offsets, letters = column.buffers()
    marks = np.frombuffer(offsets, dtype="i4", count=len(column) + 1).astype("i8") + MARGIN
    return Cells(with_margins(letters if letters is not None else b""), marks[:-1], marks[1:])
