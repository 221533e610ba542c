"""Planning by simulation: how often an analysis finds an effect, and how precisely, in studies of several sizes."""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final

import attrs

from rupturekit import _html
from rupturekit.errors import DefinitionError, NotEnoughData, NotEstimable, RecordError
from rupturekit.inference.calibration import share_error
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.merging import in_parts
from rupturekit.records.atomic import write_bytes

__all__ = ["Cell", "PowerTable", "power_over"]

_FORMAT: Final = 1

Setting = int | float | str
One = Callable[[Mapping[str, Setting], int], Estimate]


@attrs.frozen(kw_only=True)
class Cell:
    """What one size of study would give.

    Attributes
    ----------
    settings : mapping of name to value
        The design of this cell.
    runs : int
        Simulated studies, refused ones among them.
    found : int
        Studies with p at or below alpha. A refused study found nothing.
    refused : int
        Studies that the analysis refused, for want of data.
    intervals : int
        Studies that gave an interval.
    mean_value, mean_width : float or None
        Over the studies that gave an estimate, resp. an interval.
    """

    settings: Mapping[str, Setting]
    runs: int
    found: int
    refused: int
    intervals: int
    mean_value: float | None
    mean_width: float | None

    @property
    def power(self) -> float:
        """The share of studies that found the effect."""
        return self.found / self.runs

    @property
    def error(self) -> float:
        """The Monte Carlo standard error of the power."""
        return share_error(self.power, self.runs)


@attrs.frozen(kw_only=True, repr=False)
class PowerTable:
    """Power and precision over a grid of designs."""

    alpha: float
    seed: int
    cells: tuple[Cell, ...]

    def __repr__(self) -> str:
        return f"PowerTable({len(self.cells)} designs, {self.cells[0].runs:,} studies each, alpha {self.alpha:g})"

    def __str__(self) -> str:
        lines = [self.header(), *map(self._line, self.cells)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join([repr(self), *("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
                                        for line in lines)])

    def header(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return (*self.cells[0].settings, "studies", "power", "+-", "refused", "mean estimate", "mean width")

    def _line(self, cell: Cell) -> tuple[str, ...]:
        mean = "none" if cell.mean_value is None else f"{cell.mean_value:.4g}"
        width = "no interval" if cell.mean_width is None else f"{cell.mean_width:.4g}"
        return (*map(str, cell.settings.values()), f"{cell.runs:,}", f"{cell.power:.3f}", f"{cell.error:.3f}",
                f"{cell.refused:,}", mean, width)

    def _repr_html_(self) -> str:
        rows = map(self._line, self.cells)
        return _html.page("PowerTable", f"alpha {self.alpha:g}", _html.table(self.header(), rows))


def _tell_nothing(done: int, of: int) -> None:
    """Keep silent about progress."""


def power_over(grid: Mapping[str, Sequence[Setting]], one: One, *, runs: int, seed: int = 1, alpha: float = 0.05,
               keep: str | Path | None = None, about: str = "", tell: Callable[[int, int], None] = _tell_nothing,
               executor: str | Executor = "serial", workers: int | None = None) -> PowerTable:
    """Return the power and precision of an analysis for every combination of settings.

    Run r of every design uses the seed `seed * 1,000,000 + r`, so designs are compared on like chances. An estimate
    without a test counts as not found.

    Parameters
    ----------
    grid : mapping of name to values
        Every combination is a design.
    one : (settings, seed) -> Estimate
        Simulates one study and analyses it.
    runs : int
        Simulated studies a design.
    keep : path or None
        A file in which finished designs are kept; a later call with the same grid, seed, runs and alpha goes on.
    about : str
        What `one` does beside the grid, in any words that change when it does; a file kept for other words is refused.
    tell : (studies done, studies in all) -> None
        For a progress bar.

    Raises
    ------
    RecordError
        Where the grid is empty, or runs or alpha make no sense.
    DefinitionError
        Where the file to go on from was made for another question, or is none of ours.
    """
    _check(grid, runs, alpha)
    designs = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    asked = {"format": _FORMAT, "grid": {name: list(values) for name, values in grid.items()}, "seed": seed,
             "runs": runs, "alpha": alpha, "about": about}
    done = _kept(Path(keep), asked) if keep is not None else []
    for at, settings in enumerate(designs):
        if at < len(done):
            continue
        found = in_parts(functools.partial(_study, one=one, settings=settings),
                         range(seed * 1_000_000, seed * 1_000_000 + runs), executor=executor, workers=workers)
        outcomes = []
        for n, outcome in enumerate(found, start=1):
            outcomes.append(outcome)
            tell(at * runs + n, len(designs) * runs)
        done.append(_cell(settings, outcomes, alpha))
        if keep is not None:
            text = json.dumps(asked | {"cells": [attrs.asdict(cell) for cell in done]}, indent=1) + "\n"
            write_bytes(Path(keep), text.encode())
    return PowerTable(alpha=alpha, seed=seed, cells=tuple(done))


def _check(grid: Mapping[str, Sequence[Setting]], runs: int, alpha: float) -> None:
    empty = [name for name, values in grid.items() if not values]
    if not grid or empty:
        raise RecordError(f"the grid gives no design: {', '.join(empty) or 'it'} has no values; expected at least one "
                          "value for each setting", field="grid")
    if not 1 <= runs < 1_000_000:
        raise RecordError(f"runs is {runs!r}; expected 1 to 999,999 simulated studies a design", field="runs")
    if not 0 < alpha < 1:
        raise RecordError(f"alpha is {alpha!r}; expected a share between 0 and 1", field="alpha")


_Outcome = tuple[float | None, float | None, float | None]
"""p, estimate and width of the interval of one study; all None where it was refused."""


def _study(seed: int, *, one: One, settings: Mapping[str, Setting]) -> _Outcome | None:
    """Simulate and analyse one study; None where the analysis refused it."""
    try:
        found = one(settings, seed)
    except (NotEnoughData, NotEstimable):
        return None
    width = None if found.interval is None else found.interval[1] - found.interval[0]
    return (found.test.p if found.test else None), found.value, width


def _cell(settings: Mapping[str, Setting], outcomes: Sequence[_Outcome | None], alpha: float) -> Cell:
    given = [one for one in outcomes if one is not None]
    values = [value for _, value, _ in given if value is not None]
    widths = [width for _, _, width in given if width is not None]
    return Cell(settings=dict(settings), runs=len(outcomes), refused=len(outcomes) - len(given),
                found=sum(p is not None and p <= alpha for p, _, _ in given), intervals=len(widths),
                mean_value=math.fsum(values) / len(values) if values else None,
                mean_width=math.fsum(widths) / len(widths) if widths else None)


def _kept(path: Path, asked: Mapping[str, Any]) -> list[Cell]:
    """Return the designs that a file holds as finished; none where there is no file yet."""
    if not path.exists():
        return []
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        cells = [Cell(**cell) for cell in said.pop("cells")]
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise DefinitionError(f"{path}: this is no file of finished designs; name another", file=str(path)) from None
    if said != asked:
        differ = sorted(name for name in {*said, *asked} if said.get(name) != asked.get(name))
        raise DefinitionError(f"{path}: holds designs for another question ({', '.join(differ)} differ); name another "
                              "file", file=str(path))
    return cells
