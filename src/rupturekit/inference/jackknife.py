"""Intervals of statistics that are no mean over dyads: leave out one cluster at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

from rupturekit.errors import NotEstimable
from rupturekit.inference.clusters import FEWEST_CLUSTERS, Clustering, student_quantile
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.provenance import Provenance

__all__ = ["jackknifed"]


def jackknifed(statistic: Callable[[Collection[str]], float], dyads: Collection[str], *, what: str,
               clustering: Clustering, n: Mapping[str, int], confidence: float = 0.95,
               bounds: tuple[float, float] | None = None, assumptions: tuple[str, ...] = (),
               warnings: tuple[str, ...] = (), test: NullTest | None = None,
               citations: tuple[str, ...] = (), provenance: Provenance | None = None) -> Estimate:
    """Return a statistic of many dyads with an interval from leaving out one cluster at a time.

    SE^2 = (G - 1) / G * sum over clusters of (value without it - mean of these values)^2 (Tukey 1958), and the
    interval is value +- t(G - 1 degrees of freedom) * SE.

    Parameters
    ----------
    statistic : dyads that are kept -> value
        Raises `NotEstimable` where they do not give one.
    dyads : names of the dyads that hold data

    Raises
    ------
    NotEstimable
        Where all dyads together do not give a value.

    >>> whose = Clustering(level="dyad", names=tuple("abcdefghi"), of={name: at for at, name in enumerate("abcdefghi")})
    >>> made = jackknifed(lambda kept: len(kept) / 9, set("abcdefghi"), what="share", clustering=whose, n={})
    >>> made.value, made.no_interval
    (1.0, 'leaving out any of the dyads gives the same value, so nothing tells how much it would vary')
    """
    everyone = sorted(dyads)
    value = statistic(everyone)
    members: dict[int, list[str]] = {}
    for dyad in everyone:
        members.setdefault(clustering.of[dyad], []).append(dyad)
    interval, error, why, warned = _interval(statistic, everyone, members, value, clustering.level, confidence)
    if interval is not None and bounds is not None:
        interval = (max(interval[0], bounds[0]), min(interval[1], bounds[1]))
    units = {} if clustering.level == "dyad" else {f"{clustering.level}s": len(members)}
    how = "" if interval is None else f", Student's t over {len(members)} {clustering.level}s left out one at a time"
    return Estimate(
        what=what, value=value, interval=interval, no_interval=why, confidence=confidence, standard_error=error,
        governed_by=clustering.level, n=units | {"dyads": len(everyone)} | dict(n),
        method=f"all dyads together{how}",
        assumptions=(f"{clustering.level}s are independent of each other", *assumptions),
        warnings=(*clustering.warnings, *warned, *warnings), test=test,
        citations=citations if interval is None else (*citations, "tukey-1958"), provenance=provenance)


def _interval(statistic: Callable[[Collection[str]], float], everyone: list[str], members: Mapping[int, list[str]],
              value: float, level: str, confidence: float
              ) -> tuple[tuple[float, float] | None, float | None, str, tuple[str, ...]]:
    """Return (interval, standard error, why there is none, warnings)."""
    n = len(members)
    if n < FEWEST_CLUSTERS:
        return None, None, f"an interval needs {FEWEST_CLUSTERS} or more independent {level}s, and there are {n}", ()
    try:
        without = [statistic([dyad for dyad in everyone if dyad not in set(gone)]) for gone in members.values()]
    except NotEstimable as error:
        return None, None, f"it hangs on a single {level}: without it, {error.reason}", ()
    mean = math.fsum(without) / n
    spread = math.sqrt((n - 1) / n * math.fsum((one - mean) ** 2 for one in without))
    if spread <= 1e-12 * max(1.0, abs(value)):
        return None, None, (f"leaving out any of the {level}s gives the same value, so nothing tells how much it would "
                            "vary"), ()
    reach = student_quantile((1 + confidence) / 2, n - 1) * spread
    few = (f"only {n} {level}s: the interval leans on their values being spread evenly",) if n < 20 else ()
    return (value - reach, value + reach), spread, "", few
