"""What a statistical result is: a value with its interval, its test, and all that one has to know to read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import numpy as np

from rupturekit import _html
from rupturekit._frames import FrameColumn
from rupturekit.errors import NotEnoughData, NotEstimable
from rupturekit.inference.citations import cited
from rupturekit.provenance import Provenance

__all__ = ["Estimate", "Estimates", "NullTest", "or_reason"]

Found = TypeVar("Found")


@attrs.frozen(kw_only=True, repr=False)
class NullTest:
    """A p-value with the null hypothesis that it belongs to.

    Attributes
    ----------
    null : str
        The null hypothesis, by name.
    holds : str
        What the null keeps as it was observed, in a sentence.
    statistic, expected : float
        The value observed, and its mean under the null.
    p, mid_p : float
        With ties counted whole, and half. `p` is the one to report: it is valid, the other is centred. No mid-p where
        drawing stopped early.
    smallest_p : float
        No p below this one could have been had from these data and this number of draws.
    draws : int
        How many arrangements were drawn, or looked at where all were.
    exact : bool
        Whether every arrangement was looked at, so that nothing was drawn.
    """

    null: str
    holds: str
    alternative: str
    statistic: float
    expected: float
    p: float
    mid_p: float | None
    smallest_p: float
    draws: int
    exact: bool = False
    seed: int | None = None
    citations: tuple[str, ...] = ()

    def __str__(self) -> str:
        how = f"all {self.draws:,} arrangements" if self.exact else f"{self.draws:,} draws"
        return (f"p = {_p_text(self.p)} ({self.alternative}) against {self.null!r}: {self.statistic:.4g} observed, "
                f"{self.expected:.4g} expected; {how}, smallest p attainable {self.smallest_p:.2g}")

    def __repr__(self) -> str:
        return f"NullTest({self.null!r}, p={_p_text(self.p)})"


def _in_words(counts: Mapping[str, int]) -> str:
    """Return counts with their units, in the singular where there is one.

    >>> _in_words({"dyads": 1, "episodes with an end": 1, "studies": 1, "moves": 1200})
    '1 dyad, 1 episode with an end, 1 study, 1,200 moves'
    """
    return ", ".join(f"{n:,} {_one_of(units) if n == 1 else units}" for units, n in counts.items())


def _one_of(units: str) -> str:
    head, space, rest = units.partition(" ")
    return (f"{head[:-3]}y" if head.endswith("ies") else head.removesuffix("s")) + space + rest


def _p_text(p: float) -> str:
    return f"{p:.4f}" if p >= 0.0001 else f"{p:.2g}"


@attrs.frozen(kw_only=True, repr=False)
class Estimate:
    """A number meant for a paper: value, interval, n at every level, method, assumptions, warnings, provenance.

    Attributes
    ----------
    value : float
        The estimate.
    interval : tuple of two floats, or None
        None where these data give no honest interval; `no_interval` says why.
    confidence : float
        What share of such intervals is to hold the true value.
    n : mapping of str to int
        How many units there were at every level: therapists, dyads, episodes, moves ...
    governed_by : str
        The level whose units were taken as independent.
    """

    what: str
    value: float
    interval: tuple[float, float] | None
    no_interval: str = ""
    confidence: float
    standard_error: float | None = None
    n: Mapping[str, int]
    governed_by: str
    method: str
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    test: NullTest | None = None
    citations: tuple[str, ...] = ()
    provenance: Provenance | None = attrs.field(default=None, eq=False)

    def __repr__(self) -> str:
        held = self.no_interval if self.interval is None else f"{_range(self.interval)}"
        return f"Estimate({self.what!r}: {self.value:.4g}, {self.confidence:.0%} interval: {held})"

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return the estimate in words: one line a fact."""
        return "\n".join(f"{title}: {text}" for title, text in self.lines())

    def lines(self) -> list[tuple[str, str]]:
        """Return the estimate as (title, text) pairs."""
        held = f"none: {self.no_interval}" if self.interval is None else _range(self.interval)
        said = [(self.what, f"{self.value:.4g}"), (f"{self.confidence:.0%} interval", held),
                ("n", _in_words(self.n)),
                ("independent units", f"{self.governed_by}s"), ("method", self.method)]
        said += [("test", str(self.test))] if self.test else []
        said += [("assumes", text) for text in self.assumptions]
        return said + [("warning", text) for text in self.warnings]

    def methods(self) -> str:
        """Return a paragraph for a methods section, with the references that it cites."""
        n = _in_words(self.n)
        said = [f"{self.what[0].upper()}{self.what[1:]} was estimated from {n}, with {self.governed_by}s as "
                f"independent units: {self.method}."]
        if self.test is not None:
            how = "all" if self.test.exact else f"{self.test.draws:,} randomly drawn"
            said.append(f"It was tested against the null {self.test.null!r} ({self.test.holds}) with {how} "
                        "arrangements.")
        keys = (*self.citations, *(self.test.citations if self.test else ()))
        return "\n".join([" ".join(said), *cited(keys)])

    def row(self) -> dict[str, Any]:
        """Return the estimate as one flat row, for a table of several."""
        low, high = self.interval or (None, None)
        test = self.test
        return {"what": self.what, "value": self.value, "low": low, "high": high, "confidence": self.confidence,
                "standard_error": self.standard_error, **{f"n_{units}": n for units, n in self.n.items()},
                "governed_by": self.governed_by, "method": self.method, "null": test.null if test else None,
                "p": test.p if test else None, "no_interval": self.no_interval or None,
                "warnings": "; ".join(self.warnings) or None}

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return the estimate as one row of columns, for data frames."""
        return Estimates((self,)).frame_columns()

    def _repr_html_(self) -> str:
        return _html.page("Estimate", self.what, _html.facts(self.lines()))


@attrs.frozen
class Estimates:
    """Several estimates as one table; each keeps its own assumptions and provenance.

    >>> one = Estimate(what="share", value=0.5, interval=None, confidence=0.95, n={"dyads": 3}, governed_by="dyad",
    ...                method="mean over dyads", no_interval="an interval needs 8 or more")
    >>> list(Estimates((one,)).frame_columns())[:4]
    ['what', 'value', 'low', 'high']
    """

    estimates: tuple[Estimate, ...]

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row an estimate; a count that only some of them have is absent in the others."""
        rows = [one.row() for one in self.estimates]
        names = list(dict.fromkeys(name for row in rows for name in row))
        return {name: _column([row.get(name) for row in rows]) for name in names}

    def __str__(self) -> str:
        return "\n".join(map(repr, self.estimates))


def _column(values: Sequence[Any]) -> FrameColumn:
    held = [value for value in values if value is not None]
    if all(isinstance(value, int) for value in held) and held:
        return FrameColumn.of_numbers(values)
    if all(isinstance(value, float | int) for value in held) and held:
        return FrameColumn(values=np.array([0.0 if value is None else value for value in values]),
                           absent=np.array([value is None for value in values], dtype=bool))
    return FrameColumn.of_words(values)


def or_reason(measure: Callable[[], Found]) -> Found | str:
    """Return what a measure gives, or the sentence that says why these data do not give it.

    >>> def none() -> Estimate:
    ...     raise NotEstimable("one party never claimed")
    >>> or_reason(none)
    'not estimable: one party never claimed'
    """
    try:
        return measure()
    except NotEstimable as error:
        return f"not estimable: {error.reason}"
    except NotEnoughData as error:
        return f"not enough data: {error}"


def _range(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.4g} to {interval[1]:.4g}"
