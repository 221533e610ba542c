"""Studies that are still to be made: how often each size of them would find order, and how precisely."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Final

import attrs

from rupturekit.errors import CodingWarning, RecordError, did_you_mean, listed
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.nulls import Null
from rupturekit.inference.planning import PowerTable, Setting, power_over
from rupturekit.inference.precedence import stage_precedence
from rupturekit.segmentation import WHOLE_SESSION, SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.simulation.raters import Rater, rate
from rupturekit.traces import trace_cohort

__all__ = ["VARIED", "plan_for_order"]

VARIED: Final = ("dyads", "dyads_per_therapist", "sessions", "order", "onset", "dwell", "lapse", "missed", "error")
"""What a grid may vary: whole-number and share fields of a design, and a coder's probability of error."""

_WHOLE: Final = ("dyads", "dyads_per_therapist", "sessions")


def plan_for_order(grid: Mapping[str, Sequence[Setting]], *, design: Design, runs: int, rule: SegmentationRule
                   = WHOLE_SESSION, null: Null = Null.TURNS, draws: int = 199, seed: int = 1, alpha: float = 0.05,
                   keep: str | Path | None = None, tell: Callable[[int, int], None] | None = None,
                   executor: str | Executor = "serial", workers: int | None = None) -> PowerTable:
    """Return how often stage precedence would be found, for every combination of settings, by simulation.

    Each study is simulated, read by one coder where `error` is varied, cut by the rule, traced by the design's model
    and tested; its p, the gain and the width of the gain's interval are counted.

    Parameters
    ----------
    grid : mapping of a name in `VARIED` to values
    design : Design
        What the grid does not vary.
    runs : int
        Simulated studies for each combination.
    keep : path or None
        Where finished combinations are kept, so that the work can be taken up again. A file that was kept for another
        grid, design, rule, null, seed or number of runs is refused.

    Raises
    ------
    RecordError
        Where the grid names something that cannot be varied, or a design comes out that cannot be.

    >>> small = Design(dyads=10, sessions=2, turns=(20, 30), onset=0.1)
    >>> found = plan_for_order({"order": [0.9]}, design=small, runs=2, draws=99)
    >>> found.cells[0].runs
    2
    """
    for name in grid:
        if name not in VARIED:
            raise RecordError(f"{name!r} cannot be varied{did_you_mean(name, VARIED)}; known: {listed(VARIED)}",
                              field="grid", value=name)
    one = functools.partial(_study, design=design, rule=rule, null=null, draws=draws)
    more = {} if tell is None else {"tell": tell}
    return power_over(grid, one, runs=runs, seed=seed, alpha=alpha, keep=keep, executor=executor, workers=workers,
                      about=_about(design, rule, null, draws), **more)


def _about(design: Design, rule: SegmentationRule, null: Null, draws: int) -> str:
    """Return words that change with anything but the grid that decides what a study gives."""
    held = ((field.name, getattr(design, field.name)) for field in attrs.fields(Design))
    said = "; ".join(f"{name} {getattr(value, 'digest', None) or repr(value)}" for name, value in held)
    return f"{said}; {rule.identity}; {null.value}; {draws} draws"


def _study(settings: Mapping[str, Setting], seed: int, *, design: Design, rule: SegmentationRule, null: Null, draws: int
           ) -> Estimate:
    """Simulate one study and estimate the gain in stage precedence, with its test."""
    said: dict[str, Any] = {name: int(value) if name in _WHOLE else value for name, value in settings.items()
                            if name != "error"}
    made = simulate(attrs.evolve(design, **said), seed=seed)
    cohort, track = made.cohort, made.cohort.track_names[0]
    if "error" in settings:
        cohort, track = rate(made, Rater(name="coder", error=float(settings["error"])), seed=seed), "coder"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        table = trace_cohort(segment(cohort, rule, track=track), design.model, track=track)
        return stage_precedence(table, rule, null=null, draws=draws, seed=seed).gain
