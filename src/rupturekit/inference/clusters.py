"""Whose independence an interval rests on, and the interval of a mean over dyads that follows from it.

The highest level recorded governs: therapists before dyads. Its number of units picks the method: 20 or more, a
bootstrap of whole clusters; 8 to 19, Student's t over clusters; fewer, a sentence instead of an interval.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _random
from rupturekit.cohort import Cohort
from rupturekit.errors import NotEnoughData, RecordError

__all__ = ["FEWEST_CLUSTERS", "FEW_CLUSTERS", "Clustering", "Interval", "bootstrap_weights", "clustering_of",
           "interval_of_mean", "jackknife", "sign_flip", "student_quantile"]

Floats = npt.NDArray[np.float64]

FEWEST_CLUSTERS: Final = 8
"""Below this many independent units there is no interval. A convention of this library, stated with every result."""

FEW_CLUSTERS: Final = 20
"""From this many on whole clusters are bootstrapped; below, Student's t. A convention of this library."""


@attrs.frozen(kw_only=True)
class Clustering:
    """Which dyads belong together.

    Attributes
    ----------
    level : str
        "therapist" or "dyad": whose units are taken as independent.
    names : tuple of str
        One a cluster, sorted.
    of : mapping of dyad to place in `names`
    warnings : tuple of str
        What is odd about it.
    """

    level: str
    names: tuple[str, ...]
    of: Mapping[str, int]
    warnings: tuple[str, ...] = ()


def clustering_of(cohort: Cohort, *, level: str | None = None) -> Clustering:
    """Return the clusters that govern a cohort's intervals: therapists where any is recorded, else dyads.

    A dyad whose therapist is not recorded stands as a cluster of its own, with a warning.

    Parameters
    ----------
    level : None, "therapist" or "dyad"
        None takes the highest level recorded. "dyad" where therapists are recorded is a request that is warned of:
        dyads of one therapist are not independent.

    Raises
    ------
    NotEnoughData
        Where "therapist" is asked for and none is recorded.
    """
    if level not in (None, "therapist", "dyad"):
        raise RecordError(f"level is {level!r:.40}; expected \"therapist\" or \"dyad\"", field="level")
    known = {str(dyad): who for dyad, who in zip(cohort.dyads.words("dyad"), cohort.dyads.words("therapist"),
                                                 strict=True)}
    dyads = sorted({*known, *cohort.moves.levels["dyad"]})
    recorded = any(known.values())
    if level == "therapist" and not recorded:
        raise NotEnoughData("no therapist is recorded; add the column therapist to the dyads table", needed=1, found=0)
    if level == "dyad" or not recorded:
        warned: tuple[str, ...] = (
            "dyads are taken as independent although therapists are recorded; dyads of one therapist usually are not"
            if recorded else "no therapist is recorded: dyads are taken as independent",)
        return Clustering(level="dyad", names=tuple(dyads), of={dyad: at for at, dyad in enumerate(dyads)},
                          warnings=warned)
    whose = {dyad: (known.get(dyad) is None, known.get(dyad) or dyad) for dyad in dyads}
    clusters = sorted(set(whose.values()))
    alone = sum(missing for missing, _ in clusters)
    warned = (f"{alone} dyads have no therapist on record and count as a cluster each",) if alone else ()
    return Clustering(level="therapist", names=tuple(name for _, name in clusters),
                      of={dyad: clusters.index(held) for dyad, held in whose.items()}, warnings=warned)


@attrs.frozen(kw_only=True)
class Interval:
    """An interval of a mean over dyads, or the sentence that says why there is none."""

    value: float
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    n_clusters: int
    method: str
    why_none: str = ""
    warnings: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()

    @property
    def limits(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def interval_of_mean(values: Mapping[str, float], clustering: Clustering, *, confidence: float = 0.95, seed: int = 1,
                     draws: int = 4999, bounds: tuple[float, float] | None = None) -> Interval:
    """Return the mean over dyads, each counted alike, with an interval that rests on independent clusters.

    The standard error is that of a ratio of cluster sums, S_g over m_g dyads, linearised:
    SE^2 = G/(G-1) * sum (S_g - mean * m_g)^2 / (sum m_g)^2.  From 20 clusters on the interval is the bootstrap-t over
    whole clusters (Efron & Tibshirani 1993, ch. 12); from 8 to 19 Student's t with G - 1 degrees of freedom.

    Parameters
    ----------
    values : mapping of dyad to value
        Dyads without a value are left out before.
    bounds : two floats or None
        What the quantity cannot pass; the interval is cut there.

    Raises
    ------
    NotEnoughData
        Without values.
    RecordError
        Where a value is not finite, a dyad belongs to no cluster, or the confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise RecordError(f"confidence is {confidence!r:.40}; expected a share between 0 and 1", field="confidence")
    sums, sizes = _cluster_sums(values, clustering)
    mean = math.fsum(values[dyad] for dyad in sorted(values)) / len(values)
    n = len(sums)
    if n < FEWEST_CLUSTERS:
        return Interval(value=mean, n_clusters=n, method="mean over dyads", why_none=(
            f"an interval needs {FEWEST_CLUSTERS} or more independent {clustering.level}s, and there are {n}"))
    error = float(_standard_errors(np.ones((1, n)), sums, sizes, np.array([mean]))[0])
    if error <= 1e-12 * max(1.0, abs(mean)):
        return Interval(value=mean, n_clusters=n, method="mean over dyads", why_none=(
            f"all {clustering.level}s have the same value, so nothing tells how much it would vary"))
    if n < FEW_CLUSTERS:
        reach = student_quantile((1 + confidence) / 2, n - 1) * error
        low, high, how = mean - reach, mean + reach, f"Student's t over {n} {clustering.level}s"
        cited: tuple[str, ...] = ()
        warned: tuple[str, ...] = (
            f"only {n} {clustering.level}s: the interval leans on their values being spread evenly about the mean",)
    else:
        low, high = _bootstrap_t(sums, sizes, mean=mean, error=error, confidence=confidence, seed=seed, draws=draws)
        how, cited, warned = (f"bootstrap-t over {n} whole {clustering.level}s, {draws:,} draws",
                              ("efron-tibshirani-1993", "cameron-gelbach-miller-2008"), ())
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Interval(value=mean, low=low, high=high, standard_error=error, n_clusters=n,
                    method=f"mean over dyads, {how}", warnings=warned, citations=cited)


def _cluster_sums(values: Mapping[str, float], clustering: Clustering) -> tuple[Floats, Floats]:
    """Return for each cluster that holds values their sum and how many they are, clusters in order."""
    if not values:
        raise NotEnoughData("no dyad gives a value", needed=1, found=0)
    held: dict[int, list[float]] = {}
    for dyad in sorted(values):
        if dyad not in clustering.of:
            raise RecordError(f"dyad {dyad!r} belongs to no cluster", field="dyad", value=dyad)
        if not math.isfinite(values[dyad]):
            raise RecordError(f"the value of dyad {dyad!r} is {values[dyad]!r}; leave out dyads without a value",
                              field="value", value=dyad)
        held.setdefault(clustering.of[dyad], []).append(values[dyad])
    return (np.array([math.fsum(held[at]) for at in sorted(held)]),
            np.array([len(held[at]) for at in sorted(held)], dtype=np.float64))


def _standard_errors(weights: Floats, sums: Floats, sizes: Floats, means: Floats) -> Floats:
    """Return the linearised standard error of the mean in each row of cluster weights."""
    rest = sums - means[:, None] * sizes
    n = weights.sum(axis=1)
    return np.asarray(np.sqrt(n / (n - 1) * (weights * rest**2).sum(axis=1)) / (weights * sizes).sum(axis=1))


def bootstrap_weights(n: int, *, draws: int, seed: int) -> Floats:
    """Return how often each of n clusters is drawn, with replacement, in each draw of n: draws x n.

    Draw b is the numbers b n to b n + n - 1 of one stream for all clusters, taken in their sorted order: so it does
    not hang on the order of the data, nor on how the work is divided.

    >>> bootstrap_weights(4, draws=2, seed=1).sum(axis=1).tolist()
    [4.0, 4.0]
    """
    picked = _random.below(_random.key(seed, cluster="all", purpose="bootstrap"), draws * n, n).reshape(draws, n)
    weights = np.zeros((draws, n))
    np.add.at(weights, (np.arange(draws)[:, None], picked), 1.0)
    return weights


def _bootstrap_t(sums: Floats, sizes: Floats, *, mean: float, error: float, confidence: float, seed: int, draws: int
                 ) -> tuple[float, float]:
    weights = bootstrap_weights(len(sums), draws=draws, seed=seed)
    means = (weights * sums).sum(axis=1) / (weights * sizes).sum(axis=1)
    errors = _standard_errors(weights, sums, sizes, means)
    # A draw in which nothing varies says nothing of the spread of t; with 20 clusters such draws are next to none.
    usable = errors > 1e-12 * error
    t = np.sort((means[usable] - mean) / errors[usable])
    tail = (1 - confidence) / 2
    return mean - _order(t, 1 - tail) * error, mean - _order(t, tail) * error


def _order(ranked: Floats, share: float) -> float:
    """Return the value at a share of a sorted sample, taken at (n + 1) * share as bootstrap intervals do."""
    at = min(max(share * (len(ranked) + 1) - 1, 0.0), len(ranked) - 1.0)
    low = math.floor(at)
    high = min(low + 1, len(ranked) - 1)
    return float(ranked[low] + (at - low) * (ranked[high] - ranked[low]))


def sign_flip(values: Mapping[str, float], clustering: Clustering, *, against: float) -> tuple[float, float, int]:
    """Return (p, smallest p attainable, arrangements) of flipping the signs of all clusters' deviations, two-sided.

    All 2^G arrangements are looked at: exact where a cluster's deviation from `against` is as likely to be positive as
    negative under the null.

    Raises
    ------
    NotEnoughData
        With fewer than 8 clusters.
    RecordError
        With more than 19: there the bootstrap takes over.
    """
    sums, sizes = _cluster_sums(values, clustering)
    n = len(sums)
    if n < FEWEST_CLUSTERS:
        raise NotEnoughData(f"a sign-flip test needs {FEWEST_CLUSTERS} or more independent {clustering.level}s, and "
                            f"there are {n}", needed=FEWEST_CLUSTERS, found=n)
    if n >= FEW_CLUSTERS:
        raise RecordError(f"2^{n} sign flips are too many to look at; from {FEW_CLUSTERS} clusters on, bootstrap")
    totals = np.zeros(1)
    for rest in sums - against * sizes:
        totals = np.concatenate([totals + rest, totals - rest])
    observed = abs(totals[0])
    reached = int((np.abs(totals) >= observed - 1e-12 * max(1.0, observed)).sum())
    return reached / len(totals), 2 / len(totals), len(totals)


def jackknife(values: Mapping[str, float]) -> dict[str, float]:
    """Return for each dyad the mean over all the others: how much hangs on one pair.

    Raises
    ------
    NotEnoughData
        With fewer than two dyads.

    >>> jackknife({"D1": 0.0, "D2": 1.0, "D3": 2.0})
    {'D1': 1.5, 'D2': 1.0, 'D3': 0.5}
    """
    if len(values) < 2:
        raise NotEnoughData("leaving one dyad out needs two or more", needed=2, found=len(values))
    names = sorted(values)
    return {name: math.fsum(values[other] for other in names if other != name) / (len(names) - 1) for name in names}


def student_quantile(share: float, freedom: int) -> float:
    """Return the quantile of Student's t for whole degrees of freedom.

    The distribution function is the finite series in theta = atan(t / sqrt(df)) (Abramowitz & Stegun 1964, 26.7.3 and
    26.7.4); it is inverted by bisection to 1e-12.

    >>> round(student_quantile(0.975, 11), 4)
    2.201
    """
    if not 0 < share < 1 or freedom < 1:
        raise RecordError(f"expected a share between 0 and 1 and df of at least 1 but got {share!r} and {freedom!r}")
    if share < 0.5:
        return -student_quantile(1 - share, freedom)
    low, high = 0.0, 1.0
    while _student(high, freedom) < share:
        low, high = high, high * 2
    while high - low > 1e-12 * max(1.0, high):
        middle = (low + high) / 2
        low, high = (middle, high) if _student(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def _student(t: float, freedom: int) -> float:
    """Return P(T <= t) for t of at least 0."""
    theta = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = freedom % 2 == 1
    steps = itertools.accumulate(range(3 if odd else 2, freedom - 1, 2),
                                 lambda term, k: term * (k - 1) / k * cosine**2, initial=1.0)
    series = math.fsum(steps) if freedom > 1 else 0.0
    return 0.5 + (theta + sine * cosine * series) / math.pi if odd else 0.5 + sine * series / 2
