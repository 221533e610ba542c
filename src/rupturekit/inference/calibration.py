"""Whether a method keeps its promises: level, coverage, bias, each with its Monte Carlo error.

A method is put through data whose truth is known, run by run; run r uses seed r alone, so a check can be cut in parts,
spread over workers and taken up again, and gives the same counts. Runs that a method refuses are counted apart.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Final, Literal

import attrs

from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.inference.merging import in_parts

__all__ = ["MARGIN", "Bias", "Coverage", "Level", "check_bias", "check_coverage", "check_level", "share_error"]

MARGIN: Final = 2.58
"""Monte Carlo standard errors that a count may be off: the 99 % points of the normal distribution."""

Tell = Callable[[int, int], None]


def share_error(share: float, n: int) -> float:
    """Return the Monte Carlo standard error of a share of n runs.

    >>> round(share_error(0.05, 2000), 5)
    0.00487
    """
    return math.sqrt(share * (1 - share) / n)


@attrs.frozen(kw_only=True)
class Level:
    """How often a test rejects where its null is true.

    Attributes
    ----------
    n : int
        Runs that gave a p-value.
    refused : mapping of str to int
        Runs that did not, by reason.
    rejected : mapping of alpha to share of runs with p at or below it
    mid_p : float or None
        Mean of the mid-p over runs; None where the test gives none.
    """

    n: int
    refused: Mapping[str, int]
    rejected: Mapping[float, float]
    mid_p: float | None
    mid_p_error: float | None

    def holds(self, alpha: float) -> bool:
        """Return whether the share rejected is at most alpha, but for Monte Carlo error."""
        return self.rejected[alpha] <= alpha + MARGIN * share_error(alpha, self.n)

    @property
    def centred(self) -> bool:
        """Whether the mean mid-p is 1/2, but for Monte Carlo error."""
        return (self.mid_p is not None and self.mid_p_error is not None
                and abs(self.mid_p - 0.5) <= MARGIN * self.mid_p_error)

    def __str__(self) -> str:
        shares = ", ".join(f"{share:.4f} at {alpha:g} (at most {alpha + MARGIN * share_error(alpha, self.n):.4f})"
                           for alpha, share in self.rejected.items())
        mid = "" if self.mid_p is None else f"; mean mid-p {self.mid_p:.4f} +- {self.mid_p_error:.4f}"
        return f"{self.n:,} runs: rejected {shares}{mid}; refused {sum(self.refused.values()):,}"


@attrs.frozen(kw_only=True)
class Coverage:
    """How often an interval holds the true value."""

    n: int
    refused: Mapping[str, int]
    confidence: float
    share: float
    error: float
    mean_width: float
    warned: int
    """Runs whose result carried a warning."""

    @property
    def holds(self) -> bool:
        """Whether the share is at least the confidence, but for Monte Carlo error."""
        return self.share >= self.confidence - MARGIN * share_error(self.confidence, self.n)

    def __str__(self) -> str:
        return (f"{self.n:,} runs: {self.share:.4f} +- {self.error:.4f} of {self.confidence:.0%} intervals hold the "
                f"true value; mean width {self.mean_width:.4g}; {self.warned:,} warned; refused "
                f"{sum(self.refused.values()):,}")


@attrs.frozen(kw_only=True)
class Bias:
    """How far estimates are off on average."""

    n: int
    refused: Mapping[str, int]
    bias: float
    error: float
    spread: float

    @property
    def holds(self) -> bool:
        """Whether the mean error is nothing, but for Monte Carlo error."""
        return abs(self.bias) <= MARGIN * self.error

    def __str__(self) -> str:
        return (f"{self.n:,} runs: bias {self.bias:.4g} +- {self.error:.4g}, standard deviation {self.spread:.4g}; "
                f"refused {sum(self.refused.values()):,}")


def _tell_nothing(done: int, of: int) -> None:
    """Keep silent about progress."""


_Outcome = tuple[Literal["refused"], str] | tuple[Literal["given"], Any]


def _run(seed: int, *, one: Callable[[int], Any]) -> _Outcome:
    """Do one run; a refusal is an outcome."""
    try:
        return "given", one(seed)
    except (NotEnoughData, NotEstimable) as refusal:
        return "refused", type(refusal).__name__


def _runs(one: Callable[[int], Any], seeds: Sequence[int], tell: Tell, executor: str | Executor, workers: int | None
          ) -> tuple[list[Any], dict[str, int]]:
    if not seeds:
        raise RecordError("no runs were asked for; expected at least one seed", field="seeds")
    given: list[Any] = []
    refused: dict[str, int] = {}
    found = in_parts(functools.partial(_run, one=one), seeds, executor=executor, workers=workers)
    for done, (kind, value) in enumerate(found, start=1):
        if kind == "refused":
            refused[value] = refused.get(value, 0) + 1
        else:
            given.append(value)
        tell(done, len(seeds))
    if not given:
        raise NotEstimable(f"all {len(seeds):,} runs were refused ({', '.join(refused)})")
    return given, dict(sorted(refused.items()))


def check_level(test: Callable[[int], NullTest], seeds: Iterable[int], *, alphas: Sequence[float] = (0.01, 0.05, 0.10),
                tell: Tell = _tell_nothing, executor: str | Executor = "serial", workers: int | None = None) -> Level:
    """Return how often a test rejects where its null is true.

    Parameters
    ----------
    test : seed -> NullTest
        Makes data under the null from the seed, and tests them.
    seeds : whole numbers
        One a run.
    tell : (runs done, runs in all) -> None
        For a progress bar.

    Raises
    ------
    NotEstimable
        Where every run was refused.
    """
    given, refused = _runs(test, list(seeds), tell, executor, workers)
    n, mids = len(given), [one.mid_p for one in given if one.mid_p is not None]
    mean = math.fsum(mids) / len(mids) if mids else None
    return Level(n=n, refused=refused, rejected={alpha: sum(one.p <= alpha for one in given) / n for alpha in alphas},
                 mid_p=mean, mid_p_error=_mean_error(mids) if mean is not None else None)


def check_coverage(estimate: Callable[[int], tuple[Estimate, float]], seeds: Iterable[int], *,
                   tell: Tell = _tell_nothing, executor: str | Executor = "serial", workers: int | None = None
                   ) -> Coverage:
    """Return how often intervals hold the true value.

    Parameters
    ----------
    estimate : seed -> (Estimate, true value)
    seeds : whole numbers
        One a run.

    Raises
    ------
    NotEstimable
        Where no run gave an interval.
    """
    given, refused = _runs(estimate, list(seeds), tell, executor, workers)
    held = [(one, truth) for one, truth in given if one.interval is not None]
    if len(held) < len(given):
        refused = refused | {"no interval": len(given) - len(held)}
    if not held:
        raise NotEstimable("no run gave an interval")
    n = len(held)
    share = sum(one.interval[0] <= truth <= one.interval[1] for one, truth in held) / n
    return Coverage(n=n, refused=refused, confidence=held[0][0].confidence, share=share, error=share_error(share, n),
                    mean_width=math.fsum(one.interval[1] - one.interval[0] for one, _ in held) / n,
                    warned=sum(bool(one.warnings) for one, _ in held))


def check_bias(estimate: Callable[[int], tuple[float, float]], seeds: Iterable[int], *, tell: Tell = _tell_nothing,
               executor: str | Executor = "serial", workers: int | None = None) -> Bias:
    """Return how far estimates are off on average.

    Parameters
    ----------
    estimate : seed -> (value, true value)
    seeds : whole numbers
        One a run; two or more.
    """
    given, refused = _runs(estimate, list(seeds), tell, executor, workers)
    off = [value - truth for value, truth in given]
    if len(off) < 2:
        raise NotEnoughData("a standard error needs two or more runs", needed=2, found=len(off))
    error = _mean_error(off)
    return Bias(n=len(off), refused=refused, bias=math.fsum(off) / len(off), error=error,
                spread=error * math.sqrt(len(off)))


def _mean_error(values: Sequence[float]) -> float:
    """Return the standard error of a mean; none can be told from one value."""
    n = len(values)
    if n < 2:
        return math.inf
    mean = math.fsum(values) / n
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)
