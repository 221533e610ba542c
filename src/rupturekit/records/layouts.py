"""Tables with many codes a row: one column an interval, or one column a code, bound to the columns of a file."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

import attrs

from rupturekit.errors import listed
from rupturekit.problems import excerpt
from rupturekit.records.cells import BadCell, nearest, rating
from rupturekit.records.mapping import CodeColumn, Mapping, WideBlock, party_words

__all__ = ["CodeCell", "Said", "Span", "bind_code_cells", "common", "merged", "uncovered"]

Span: TypeAlias = tuple[int, int]
"""A stretch of time: where it starts, and where it ends; without a clock, the number after its last one."""

NOTHING: Final = "nothing coded"
NOT_ABOVE: Final = "not above the number that the label rule states"
MISSING: Final = "missing, so not observed"
BESIDE: Final = ", but another column did not see that stretch, so not observed"


class Said(NamedTuple):
    """What a cell says: a code and perhaps its rating, or why there is none."""

    code: str
    rating: int | None = None
    why: str = NOTHING


@attrs.frozen(kw_only=True)
class CodeCell:
    """One cell of a row that can hold a code.

    `number` is its rank among such cells, `block` the block of the mapping it belongs to, `span` the stretch it
    speaks of, or None where that is the stretch of the row. `means` returns None for a cell that is missing.
    """

    number: int
    at: int
    label: str
    block: int
    party: str | None
    track: str | None
    span: Span | None
    means: Callable[[str], Said | None]


def bind_code_cells(mapping: Mapping, header: Sequence[str], *, number: Callable[[str], str]) -> list[CodeCell]:
    """Bind wide blocks or code columns to a header that has all their columns."""
    where = {name: at for at, name in enumerate(header)}
    parties = party_words(mapping.coding.parties)
    found: list[CodeCell] = []
    for block, (columns, spans, means, party, track) in enumerate(_blocks(mapping, number)):
        for column, span in zip(columns, spans, strict=True):
            found.append(CodeCell(
                number=len(found), at=where[column], label=excerpt(column), block=block, span=span, means=means,
                party=None if party is None else parties[party.casefold()], track=track,
            ))
    return found


_Bound: TypeAlias = tuple[Sequence[str], Sequence[Span | None], Callable[[str], Said | None], str | None, str | None]


def _blocks(mapping: Mapping, number: Callable[[str], str]) -> Iterator[_Bound]:
    # Cells repeat themselves, but garbage does not: what is remembered has a bound.
    for block in mapping.wide:
        means = functools.lru_cache(maxsize=4096)(functools.partial(_in_interval, block=block, mapping=mapping))
        yield block.columns(), list(_spans(block)), means, block.party, block.track
    for column in mapping.code_columns:
        judge = _rated if column.rating else _marked
        bound = functools.partial(judge, column=column, missing=mapping.missing, number=number)
        means = functools.lru_cache(maxsize=4096)(bound)
        yield (column.column,), (None,), means, column.party, column.track


def _spans(block: WideBlock) -> Iterator[Span]:
    """Yield the stretch of each interval: on the clock from 0, without a clock by number."""
    for at, number in enumerate(range(block.first, block.last + 1)):
        yield (number, number + 1) if block.interval is None else (at * block.interval, (at + 1) * block.interval)


def _in_interval(raw: str, *, block: WideBlock, mapping: Mapping) -> Said | None:
    values = dict(block.values)
    if raw in values:
        return Said(values[raw])
    if not raw or raw in mapping.missing:
        return None
    if raw in mapping.coding.codebook:
        return Said(raw)
    raise BadCell("unknown value", f"'{excerpt(raw)}' is not one of the values of this block ({listed(values)})"
                  f"{nearest(raw, tuple(values))}; add it to the block's values", value=raw)


def _marked(raw: str, *, column: CodeColumn, missing: tuple[str, ...], number: Callable[[str], str]) -> Said | None:
    if raw in column.present:
        return Said(column.code)
    if raw in column.absent:
        return Said("")
    if not raw or raw in missing:
        return None
    marks = (*column.present, *column.absent)
    raise BadCell("unknown mark", f"'{excerpt(raw)}' is neither present nor absent; add it to one of the two "
                  f"(present: {listed(column.present)}; absent: {listed(map(repr, column.absent))})"
                  f"{nearest(raw, marks)}", value=raw)


def _rated(raw: str, *, column: CodeColumn, missing: tuple[str, ...], number: Callable[[str], str]) -> Said | None:
    if raw in column.absent:
        return Said("")
    if not raw or raw in missing:
        return None
    found = rating(raw, number=number)
    return Said(column.code, found) if found > (column.above or 0) else Said("", why=NOT_ABOVE)


# --- stretches -----------------------------------------------------------------------------------


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return stretches in order, those that touch or overlap as one, without those of no length.

    >>> merged([(20, 30), (0, 10), (10, 15), (40, 40)])
    [(0, 15), (20, 30)]
    """
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def common(sets: Iterable[Iterable[Span]]) -> list[Span]:
    """Return the stretches that lie in every one of several sets of stretches.

    >>> common([[(0, 10), (20, 30)], [(5, 25)]])
    [(5, 10), (20, 25)]
    """
    every = [merged(spans) for spans in sets]
    return functools.reduce(_both, every) if every else []


def uncovered(spans: Iterable[Span], by: Sequence[Span]) -> list[Span]:
    """Return what of some stretches lies in none of others; the others are in order and do not touch (`merged`).

    >>> uncovered([(0, 10), (20, 30)], [(5, 7), (25, 40)])
    [(0, 5), (7, 10), (20, 25)]
    """
    found: list[Span] = []
    for start, end in merged(spans):
        first = max(bisect.bisect_left(by, (start,)) - 1, 0)
        for low, high in by[first : bisect.bisect_left(by, (end,))]:
            if start < low:
                found.append((start, low))
            start = max(start, high)
        if start < end:
            found.append((start, end))
    return found


def _both(left: list[Span], right: list[Span]) -> list[Span]:
    found: list[Span] = []
    at = other = 0
    while at < len(left) and other < len(right):
        start, end = max(left[at][0], right[other][0]), min(left[at][1], right[other][1])
        if start < end:
            found.append((start, end))
        if left[at][1] < right[other][1]:
            at += 1
        else:
            other += 1
    return found
