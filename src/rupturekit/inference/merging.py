"""Work in parts: whole numbers by key, added up; the same bits however the work was cut, ordered or spread.

A statistic is a state of whole numbers that merge by adding, and a last step that makes all floats at once, in one
order. Nothing here merges means.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Final, TypeVar

import attrs
import numpy as np

from rupturekit._table import Array, arrays_equal, read_only
from rupturekit.errors import RecordError

__all__ = ["EXECUTORS", "Counts", "in_parts", "merged"]

Part = TypeVar("Part")
Result = TypeVar("Result")

EXECUTORS: Final = ("serial", "threads", "processes")


@attrs.frozen(kw_only=True, eq=False)
class Counts:
    """Whole numbers by key: a state that merges.

    Attributes
    ----------
    keys : tuple of str
        Sorted, each once.
    values : int64, keys x whatever
    """

    keys: tuple[str, ...]
    values: Array = attrs.field(converter=read_only)

    @classmethod
    def of(cls, keys: Sequence[str], values: Array) -> Counts:
        """Add up the rows of each key.

        >>> Counts.of(["b", "a", "b"], np.array([1, 2, 3])).values.tolist()
        [2, 4]
        """
        rows = np.asarray(values)
        if rows.dtype.kind not in "iub":
            raise RecordError(f"counts are whole numbers, but got {rows.dtype}; floats are made once, at the end")
        names = tuple(sorted(set(keys)))
        place = {name: at for at, name in enumerate(names)}
        total = np.zeros((len(names), *rows.shape[1:]), dtype=np.int64)
        np.add.at(total, [place[key] for key in keys], rows.astype(np.int64))
        return cls(keys=names, values=total)

    def merge(self, other: Counts) -> Counts:
        """Return the sum of both; a key that one lacks counts as nothing there."""
        return Counts.of([*self.keys, *other.keys], np.concatenate([self.values, other.values]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        return self.keys == other.keys and arrays_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]


def merged(states: Iterable[Counts]) -> Counts:
    """Add up states.

    Raises
    ------
    RecordError
        Where there are none.
    """
    held = list(states)
    if not held:
        raise RecordError("there is nothing to merge: no part of the work was given")
    return functools.reduce(Counts.merge, held)


def in_parts(work: Callable[[Part], Result], parts: Iterable[Part], *, executor: str | Executor = "serial",
             workers: int | None = None) -> Iterator[Result]:
    """Yield the result of some work on each part, in the order of the parts, wherever it was done.

    Parameters
    ----------
    executor : "serial", "threads", "processes", or an executor of `concurrent.futures`
        With processes, the work and its parts have to be picklable: functions of a module, frozen values.
    workers : int or None
        How many at once; None leaves it to the executor.

    Raises
    ------
    RecordError
        Where the executor is not one of those named.

    >>> list(in_parts(abs, [-1, 2], executor="threads"))
    [1, 2]
    """
    if isinstance(executor, Executor):
        yield from executor.map(work, parts)
    elif executor == "serial":
        yield from map(work, parts)
    elif executor in EXECUTORS:
        pool = ThreadPoolExecutor if executor == "threads" else ProcessPoolExecutor
        with pool(max_workers=workers) as held:
            yield from held.map(work, parts)
    else:
        raise RecordError(f"executor is {executor!r:.40}; expected one of {', '.join(EXECUTORS)}, or an executor of "
                          "concurrent.futures", field="executor")
