"""Estimates as numbers of a report: value, interval and test, with n, method and what they assume."""

from __future__ import annotations

from collections.abc import Iterator

from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.report.blocks import About, Number

__all__ = ["number_of", "units_text"]


def number_of(found: Estimate | str, *, name: str, definition: str) -> Number:
    """Return an estimate as a number, or the sentence that says why there is none.

    >>> one = Estimate(what="share", value=0.5, interval=None, confidence=0.95, n={"dyads": 3}, governed_by="dyad",
    ...                method="mean over dyads", no_interval="an interval needs 8 or more")
    >>> number_of(one, name="Share", definition="the share").value
    '0.500'
    >>> number_of("not enough data: no dyad", name="Share", definition="the share").beside
    ('not enough data: no dyad',)
    """
    if isinstance(found, str):
        about = About(n="none", method=f"not worked out: {found}", definition=definition)
        return Number(name=name, value="no number", beside=(found,), about=about)
    parts = [found.method, f"independent units are {found.governed_by}s", *found.assumptions]
    parts += [f"the null keeps: {found.test.holds}"] if found.test else []
    held = "; ".join(parts)
    about = About(n=units_text(found), method=held, definition=definition)
    return Number(name=name, value=f"{found.value:.3f}", beside=tuple(_beside(found)), about=about)


def units_text(found: Estimate) -> str:
    """Return how many units of each level an estimate is of.

    >>> units_text(Estimate(what="share", value=0.5, interval=None, confidence=0.95, governed_by="dyad", method="mean",
    ...                     n={"dyads": 3, "spells cut off": 1}, no_interval="an interval needs 8 or more"))
    '3 dyads, 1 spell cut off'
    """
    return dict(found.lines())["n"]


def _beside(found: Estimate) -> Iterator[str]:
    if found.interval is None:
        yield f"no interval: {found.no_interval}"
    else:
        yield f"{found.confidence:.0%} interval {found.interval[0]:.3f} to {found.interval[1]:.3f}"
    if found.test is not None:
        yield _test_text(found.test)
    yield from found.warnings


def _test_text(test: NullTest) -> str:
    how = f"all {test.draws:,} arrangements" if test.exact else f"{test.draws:,} draws"
    expected = round(test.expected, 3) + 0.0    # no -0.000
    return (f"p = {test.p:.3g} ({test.alternative}) against the null {test.null!r}: {test.statistic:.3f} observed, "
            f"{expected:.3f} expected; {how}, smallest p attainable {test.smallest_p:.2g}")
