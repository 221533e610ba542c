"""Profiles of groups on the circumplex, with bootstrap intervals that survive the crossing from 360 to 0."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html, _random
from rupturekit._table import Array, held_state, read_only, set_closed
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError, listed
from rupturekit.inference.clusters import FEW_CLUSTERS, FEWEST_CLUSTERS
from rupturekit.inference.estimate import Estimate
from rupturekit.interpersonal.circular import angular_difference, as_numbers, normal_angles
from rupturekit.interpersonal.circumplex import OCTANT_ANGLES
from rupturekit.interpersonal.cosine import (
    NOTHING,
    Angles,
    Curve,
    Missing,
    check_enough,
    check_infinite,
    check_missing,
    checked_angles,
    curve_of,
    gap_texts,
    left_out_warning,
    or_none,
    score_table,
)

__all__ = ["Direction", "GroupProfile", "ProfileContrast", "group_profile", "profile_contrast"]

Floats = npt.NDArray[np.float64]

@attrs.frozen(kw_only=True, repr=False)
class Direction:
    """A direction with an interval on the circle, or a difference of two directions.

    An interval runs counter-clockwise from its first to its second limit. So the first may be the larger number: 340 to
    20 is the stretch of 40 degrees that holds 0.

    Attributes
    ----------
    value : float or None
        Degrees in [0, 360), a difference in (-180, 180]; None where there is no direction.
    interval : tuple of two floats, or None
        `no_interval` says why there is none.
    """

    what: str
    value: float | None
    interval: tuple[float, float] | None
    no_interval: str = ""
    confidence: float
    n: Mapping[str, int]
    governed_by: str
    method: str
    difference: bool = False
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()

    @property
    def width(self) -> float | None:
        """How many degrees the interval spans, counter-clockwise."""
        return None if self.interval is None else float(normal_angles(self.interval[1] - self.interval[0]))

    def holds(self, angle: float) -> bool:
        """Return whether the interval holds an angle; 0 and 360 are alike.

        Raises
        ------
        NotEstimable
            Where there is no interval.
        """
        if self.interval is None:
            raise NotEstimable(f"{self.what} has no interval: {self.no_interval}")
        return bool(normal_angles(angle - self.interval[0]) <= normal_angles(self.interval[1] - self.interval[0]))

    def __repr__(self) -> str:
        return f"Direction({str(self)!r})"

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.what}: not estimable, there is no direction at amplitude 0"
        if self.interval is None:
            return f"{self.what}: {self.value:.4g} degrees, no interval: {self.no_interval}"
        low, high = self.interval
        across = f", counter-clockwise across {180 if self.difference else 0}" if low > high else ""
        return (f"{self.what}: {self.value:.4g} degrees, {self.confidence:.0%} interval: {low:.4g} to {high:.4g}"
                f"{across}")

    def _repr_html_(self) -> str:
        return _html.printed(self)


@attrs.frozen(kw_only=True, repr=False)
class GroupProfile:
    """The structural summary of a group's profile, with bootstrap intervals.

    Attributes
    ----------
    kind : "means" or "correlations"
    scores : mapping of scale to float
        The profile itself: means over people, or correlations with a measure.
    angles : mapping of scale to float
        The angles of those scales, in degrees.
    elevation, x, y, amplitude : Estimate
    displacement : Direction
    fit : float or None
        R^2 of the group's profile; it has no interval.
    warnings : tuple of str
        What was left out, and what is odd.
    drawn : float64, draws x 5
        Elevation, x, y, amplitude and displacement (NaN where there is none) of each draw.
    """

    label: str
    kind: str
    scores: Mapping[str, float]
    angles: Mapping[str, float]
    elevation: Estimate
    x: Estimate
    y: Estimate
    amplitude: Estimate
    displacement: Direction
    fit: float | None
    n: Mapping[str, int]
    method: str
    seed: int
    warnings: tuple[str, ...] = ()
    drawn: Array = attrs.field(eq=False, converter=read_only)

    __getstate__ = held_state
    __setstate__ = set_closed

    def __repr__(self) -> str:
        n = ", ".join(f"{n:,} {units}" for units, n in self.n.items())
        return f"GroupProfile({self.label!r}, {n}: {self.displacement})"

    def __str__(self) -> str:
        fit = "not estimable" if self.fit is None else f"{self.fit:.3g}"
        lines = [f"{self.label}: n {', '.join(f'{n:,} {units}' for units, n in self.n.items())}; {self.method}"]
        lines += [f"  {one.what}: {one.value:.4g}, interval: {_interval_text(one)}"
                  for one in (self.elevation, self.x, self.y, self.amplitude)]
        return "\n".join([*lines, f"  {self.displacement}", f"  R2: {fit}",
                          *(f"  warning: {text}" for text in self.warnings)])

    def _repr_html_(self) -> str:
        return _html.printed(self)


def _interval_text(one: Estimate) -> str:
    return f"none: {one.no_interval}" if one.interval is None else f"{one.interval[0]:.4g} to {one.interval[1]:.4g}"


_NUMBERS: Final = ("elevation", "x", "y", "amplitude")
"""The estimates that lie on a line, in the order of the columns of `drawn`."""

_ALL_ALIKE: Final = "nearly every draw gives the same value, so nothing tells how much it would vary"

_ASSUMPTIONS: Final = (
    "units are independent of each other and drawn alike",
    "the curve has one peak: where R2 is low, amplitude and displacement describe the profile badly",
    "an amplitude is never below 0, so its interval cannot hold 0 and is no test of a direction")


def group_profile(rows: npt.ArrayLike, *, label: str = "all", measure: npt.ArrayLike | None = None,
                  clusters: Sequence[Hashable] | None = None, angles: Angles = OCTANT_ANGLES,
                  missing: Missing = "refuse", draws: int = 2000, confidence: float = 0.95, seed: int = 1,
                  fewest: int = FEWEST_CLUSTERS) -> GroupProfile:
    """Return the structural summary of a group's mean profile, or of its correlations with a measure, with intervals.

    Intervals are bootstrap percentiles over people, or over whole clusters: the quantiles of the draws, interpolated
    linearly (type 7 of R). Displacement is held as what each draw turns away from the group's own, in (-180, 180], its
    quantiles taken there and turned back: so an interval that crosses 0 is as long as one that does not. The R package
    circumplex turns from the draws' median instead, which differs only where draws lie all around.

    People are sorted by their scores before drawing, so the order of the rows is irrelevant.

    Parameters
    ----------
    rows : float, people x scales
        In the order of `angles`; NaN where there is no score.
    label : str
        The group's name; draws of groups with different names are independent.
    measure : float, one a row, or None
        With it, the profile is that of the Pearson correlations of the measure with each scale.
    clusters : one name a row, or None
        Who belongs together (a therapist's clients); whole clusters are then drawn.
    missing : "refuse" or "least_squares"
        With "least_squares", scales without any score are left out of the curve, and rows that lack one of the others
        are left out; both are said.
    fewest : int
        With fewer independent units there is no interval.

    Raises
    ------
    NotEstimable
        Where scores are missing and `missing` is "refuse"; where a scale or the measure does not vary.
    NotEnoughData
        Without a whole row, or with fewer than three of them where correlations are asked for.
    RecordError
        For shapes, angles or a confidence that cannot be.

    >>> rows = [[4, 2, 1, 1, 1, 2, 3 + at % 3, 5] for at in range(30)]
    >>> found = group_profile(rows, label="pilot")
    >>> round(found.displacement.value, 1), round(found.amplitude.value, 2)
    (45.0, 2.06)
    """
    _check_asked(confidence, draws, fewest)
    names, degrees = checked_angles(angles)
    held = score_table(rows, names)
    kept, there, warned = _kept(held, names, missing, measure)
    moments = _moments(held[np.ix_(kept, there)], _measured(measure, len(held))[kept] if measure is not None else None)
    sums = _by_cluster(moments, None if clusters is None else _picked(clusters, kept, len(held)))
    profile = _mean_of if measure is None else _correlation_of
    drawn = _drawn(sums, profile, label=label, draws=draws, seed=seed) if len(sums) >= fewest else np.zeros((0, 0))
    used = {name: float(angle) for name, angle, held_ in zip(names, degrees, there, strict=True) if held_}
    group = _Group(label=label, kind="means" if measure is None else "correlations", angles=used, seed=seed,
                   n={"people": int(kept.sum()), **({} if clusters is None else {"clusters": len(sums)})})
    shared = group.shared(len(drawn), asked=draws, fewest=fewest, confidence=confidence, warned=warned)
    return _assembled(group, profile(sums.sum(axis=0, keepdims=True)), drawn, shared=shared)


def _check_asked(confidence: float, draws: int, fewest: int) -> None:
    _check_confidence(confidence)
    if draws < 1 or fewest < 2:
        raise RecordError(f"expected at least 1 draw and fewest of at least 2 but got {draws!r} and {fewest!r}",
                          field="draws")


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise RecordError(f"confidence is {confidence!r:.40}; expected a share between 0 and 1", field="confidence")


def _measured(measure: npt.ArrayLike | None, n: int) -> Floats:
    held = as_numbers(measure, what="the measure")
    if held.shape != (n,):
        raise RecordError(f"expected one value of the measure a row ({n:,}) but got the shape {held.shape}",
                          field="measure")
    check_infinite(held[:, None])
    return held


def _picked(clusters: Sequence[Hashable], kept: npt.NDArray[np.bool_], n: int) -> list[str]:
    if len(clusters) != n:
        raise RecordError(f"expected one cluster a row ({n:,}) but got {len(clusters):,}", field="clusters")
    return [str(name) for name, held in zip(clusters, kept.tolist(), strict=True) if held]


def _kept(held: Floats, names: tuple[str, ...], missing: Missing, measure: npt.ArrayLike | None
          ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], tuple[str, ...]]:
    """Return which rows and which scales are used, and what is to be said of the others."""
    scored = ~np.isnan(held)
    lacking = gap_texts(scored, names)
    if measure is not None and (absent := int(np.isnan(_measured(measure, len(held))).sum())):
        lacking.append(f"the measure in {absent:,} of {len(held):,} rows")
    check_missing(lacking, missing, where="scores are missing:")
    there = np.asarray(scored.any(axis=0))
    kept = np.asarray(scored[:, there].all(axis=1) & there.any())
    if measure is not None:
        kept = kept & ~np.isnan(_measured(measure, len(held)))
    fewest = 1 if measure is None else 3
    if kept.sum() < fewest:
        raise NotEnoughData(f"{int(kept.sum())} of {len(held):,} rows have all their scores; {fewest} or more are "
                            "needed", needed=fewest, found=int(kept.sum()))
    check_enough(int(there.sum()))
    warned = left_out_warning([name for name, held_ in zip(names, there.tolist(), strict=True) if not held_])
    if not kept.all():
        warned += (f"{int((~kept).sum()):,} of {len(held):,} rows lack a score and were left out: {listed(lacking)}",)
    return kept, there, warned


# The moments of people add up to those of clusters and of groups, whatever the statistic. First comes the number of
# people, then a column a scale; with a measure also squares, the measure, its square, and the products.

_Profile: TypeAlias = Callable[[Floats], Floats]


def _moments(scores: Floats, measure: Floats | None) -> Floats:
    ones = np.ones((len(scores), 1))
    if measure is None:
        return np.hstack([ones, scores])
    # A correlation does not change when means are taken away first; sums of squares lose nothing then.
    apart, rest = scores - scores.mean(axis=0), (measure - measure.mean())[:, None]
    for values, raw in ((apart, scores), (rest, measure[:, None])):
        if ((values**2).sum(axis=0) <= len(values) * (NOTHING * np.abs(raw).max(axis=0))**2).any():
            raise NotEstimable("the measure, or a scale, has the same value in every row: it correlates with nothing")
    return np.hstack([ones, rest, rest**2, apart, apart**2, apart * rest])


def _mean_of(sums: Floats) -> Floats:
    return np.asarray(sums[:, 1:] / sums[:, :1])


def _correlation_of(sums: Floats) -> Floats:
    """Return the correlations of each row of moments; NaN where something does not vary in a draw."""
    n, measure, squares = sums[:, :1], sums[:, 1:2], sums[:, 2:3]
    scores, score_squares, products = np.split(sums[:, 3:], 3, axis=1)
    above = n * products - scores * measure
    spreads = [np.where(apart > NOTHING * n * square, apart, np.nan) for apart, square in (
        (n * score_squares - scores**2, score_squares), (n * squares - measure**2, squares))]
    return np.asarray(above / np.sqrt(spreads[0] * spreads[1]))


def _by_cluster(moments: Floats, clusters: list[str] | None) -> Floats:
    """Return the moments of each independent unit: people in the order of their scores, clusters in that of names."""
    order = np.lexsort(moments.T[::-1])
    if clusters is None:
        return moments[order]
    names = sorted(set(clusters))
    place = {name: at for at, name in enumerate(names)}
    sums = np.zeros((len(names), moments.shape[1]))
    np.add.at(sums, [place[clusters[at]] for at in order.tolist()], moments[order])
    return sums


def _drawn(sums: Floats, profile: _Profile, *, label: str, draws: int, seed: int) -> Floats:
    """Return the profile of each draw of as many units as there are, with replacement.

    Draws in which something does not vary have no correlations, and are left out.
    """
    n, rows = len(sums), np.empty((draws, sums.shape[1]))
    for at in range(draws):
        picked = _random.below(_random.key(seed, cluster=label, purpose=f"group profile, draw {at}"), n, n)
        rows[at] = np.bincount(picked, minlength=n) @ sums
    found = profile(rows)
    return found[~np.isnan(found).any(axis=1)]


@attrs.frozen(kw_only=True, eq=False)
class _Shared:
    """What all estimates of one group or contrast have in common."""

    n: Mapping[str, int]
    confidence: float
    method: str
    why_none: str
    warnings: tuple[str, ...] = ()

    def _common(self) -> dict[str, Any]:
        governed = "cluster" if any(units.startswith("clusters") for units in self.n) else "person"
        return {"confidence": self.confidence, "n": self.n, "governed_by": governed, "method": self.method,
                "assumptions": _ASSUMPTIONS, "warnings": self.warnings, "citations": ("efron-tibshirani-1993",)}

    def limits(self, values: Floats) -> tuple[float, float] | None:
        """Return the percentile limits of some draws, or None where there is no interval."""
        if self.why_none or not len(values):
            return None
        low, high = np.quantile(values, [(1 - self.confidence) / 2, (1 + self.confidence) / 2]).tolist()
        return low, high

    def number(self, what: str, value: float, drawn: Floats) -> Estimate:
        """Return the estimate of a number on the line."""
        held, why = self.limits(drawn), self.why_none
        if held is not None and held[1] - held[0] <= NOTHING * max(1.0, abs(value)):
            held, why = None, _ALL_ALIKE
        error = float(drawn.std(ddof=1)) if held is not None and len(drawn) > 1 else None
        return Estimate(what=what, value=value, interval=held, no_interval=why, standard_error=error,
                        **self._common())

    def direction(self, what: str, value: float | None, drawn: Floats, *, difference: bool = False) -> Direction:
        """Return the estimate of a direction; draws without one are told."""
        there = ~np.isnan(drawn)
        turns = angular_difference(drawn[there], 0.0 if value is None else value)
        held, why = None if value is None else self.limits(turns), self.why_none or "there is no direction"
        if held is not None and held[1] - held[0] >= 180:
            held, why = None, "the draws point all around, over half the circle: these data hardly know a direction"
        if held is not None and held[1] - held[0] <= 360 * NOTHING:
            held, why = None, _ALL_ALIKE
        if held is not None and value is not None:
            ends = normal_angles(np.array(held) + value)
            held = tuple(angular_difference(ends, 0.0).tolist() if difference else ends.tolist())
        lost = () if there.all() else (f"{int((~there).sum()):,} of {len(drawn):,} draws have no direction",)
        common = self._common() | {"warnings": self.warnings + lost}
        return Direction(what=what, value=value, interval=held, no_interval="" if held else why,
                         difference=difference, **common)


@attrs.frozen(kw_only=True, eq=False)
class _Group:
    """Who was summed up, and how."""

    label: str
    kind: str
    angles: Mapping[str, float]
    n: Mapping[str, int]
    seed: int

    def shared(self, drawn: int, *, asked: int, fewest: int, confidence: float, warned: tuple[str, ...]) -> _Shared:
        """Return what all estimates of this group say: whether there are intervals, by what, and what is odd."""
        name, units = [*self.n.items()][-1]
        why = f"an interval needs {fewest} or more independent {name}, and there are {units}" if units < fewest else ""
        if not why and units < FEW_CLUSTERS:
            warned += (f"only {units} independent {name}: percentile intervals of so few are usually too narrow",)
        if not why and drawn < asked:
            warned += (f"{asked - drawn:,} of {asked:,} draws held something that does not vary, and were left out",)
        how = "point estimate" if why else f"percentile bootstrap over {units:,} {name}, {drawn:,} draws"
        return _Shared(n=self.n, confidence=confidence, why_none=why, warnings=warned, method=f"{self.kind}; {how}")


def _assembled(group: _Group, profile: Floats, drawn: Floats, *, shared: _Shared) -> GroupProfile:
    curve = curve_of(np.array([*group.angles.values()]))
    amplitude, turned = curve.polar(profile)
    values = (*curve.parameters(profile)[0].tolist(), float(amplitude[0]))
    columns = _draw_columns(drawn, curve)
    numbers = {what: shared.number(f"{what} of {group.label}", value, columns[:, at])
               for at, (what, value) in enumerate(zip(_NUMBERS, values, strict=True))}
    towards = shared.direction(f"displacement of {group.label}", or_none(float(turned[0])), columns[:, 4])
    return GroupProfile(label=group.label, kind=group.kind, angles=group.angles, n=group.n, seed=group.seed, **numbers,
                        scores=dict(zip(group.angles, profile[0].tolist(), strict=True)), displacement=towards,
                        fit=or_none(float(curve.fit(profile)[0])), method=shared.method, warnings=towards.warnings,
                        drawn=columns)


def _draw_columns(drawn: Floats, curve: Curve) -> Floats:
    """Return elevation, x, y, amplitude and displacement of each draw."""
    if not drawn.size:
        return np.zeros((0, 5))
    return np.column_stack([curve.parameters(drawn), *curve.polar(drawn)])


# --- two groups ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ProfileContrast:
    """How the profile of one group differs from that of another: the first less the second.

    Attributes
    ----------
    elevation, x, y, amplitude : Estimate
        Differences.
    displacement : Direction
        How far one turns from the second's to the first's, in (-180, 180], counter-clockwise positive.
    """

    label: str
    elevation: Estimate
    x: Estimate
    y: Estimate
    amplitude: Estimate
    displacement: Direction

    def __str__(self) -> str:
        lines = [f"{one.what}: {one.value:.4g}, interval: {_interval_text(one)}"
                 for one in (self.elevation, self.x, self.y, self.amplitude)]
        return "\n".join([self.label, *lines, str(self.displacement)])

    def _repr_html_(self) -> str:
        return _html.printed(self)


def profile_contrast(first: GroupProfile, second: GroupProfile, *, confidence: float = 0.95) -> ProfileContrast:
    """Return the differences of two groups' profiles, the first less the second, with bootstrap intervals.

    Draw by draw, as the groups were drawn: independently of each other, since they are different people. So each needs
    a label of its own; two profiles of the same people are not compared this way. Differences of direction are angles
    in (-180, 180].

    Raises
    ------
    RecordError
        Where the groups share a label, or differ in scales, angles or kind of profile.

    >>> one = group_profile([[4, 2, 1, 1, 1, 2, 3 + at % 3, 5] for at in range(30)], label="early")
    >>> two = group_profile([[1, 2, 4, 5, 4, 2 - at % 2, 1, 1] for at in range(30)], label="late")
    >>> round(profile_contrast(one, two).displacement.value)
    -177
    """
    _check_pair(first, second)
    _check_confidence(confidence)
    label, pairs = f"{first.label} - {second.label}", min(len(first.drawn), len(second.drawn))
    why = next((group.elevation.no_interval for group in (first, second) if not len(group.drawn)), "")
    how = "point estimate" if why else f"percentile bootstrap of the difference, {pairs:,} draws"
    shared = _Shared(n={f"{units} ({group.label})": n for group in (first, second) for units, n in group.n.items()},
                     confidence=confidence, why_none=why, warnings=first.warnings + second.warnings,
                     method=f"{first.kind}; {how}")
    mine, theirs = first.drawn[:pairs], second.drawn[:pairs]
    numbers = {what: shared.number(f"{what}, {label}", getattr(first, what).value - getattr(second, what).value,
                                   mine[:, at] - theirs[:, at]) for at, what in enumerate(_NUMBERS)}
    to, start = first.displacement.value, second.displacement.value
    turn = None if to is None or start is None else float(angular_difference(to, start))
    return ProfileContrast(label=label, **numbers, displacement=shared.direction(
        f"displacement, {label}", turn, mine[:, 4] - theirs[:, 4], difference=True))


def _check_pair(first: GroupProfile, second: GroupProfile) -> None:
    if first.label == second.label:
        raise RecordError(f"both groups are called {first.label!r}; give each a label of its own, so that their draws "
                          "are independent", field="label", value=first.label)
    if dict(first.angles) != dict(second.angles) or first.kind != second.kind:
        raise RecordError(f"the groups were not made alike: {first.label} is {first.kind} of {listed(first.angles)}, "
                          f"{second.label} is {second.kind} of {listed(second.angles)}, or their angles differ",
                          field="groups")
