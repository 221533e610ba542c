"""Document A's first hypothesis: acts on agency come before acts on communion, and for whom the sources disagree.

For withdrawal the resolution model of Safran and Muran ends in self-assertion, so agency comes last; document A ends
every episode in renewed relatedness, so communion does. For confrontation both end in communion.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._kernels.open_claims import CLAIM, CONTEST, GIVE_UP, GRANT, act_bit, precede
from rupturekit._table import Array
from rupturekit.errors import NotEstimable, RecordError, did_you_mean, listed
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.estimate import Estimate, or_reason
from rupturekit.inference.jackknife import jackknifed
from rupturekit.inference.nulls import HOLDS, Null
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.negotiation.hypotheses import NINE_INTERVIEWS, Hypothesis
from rupturekit.negotiation.rearranging import (
    LaidEpisode,
    acts_rearranged,
    as_null,
    check_asked,
    laid_episodes,
    ways,
)
from rupturekit.negotiation.table import Negotiations
from rupturekit.segmentation import SegmentationRule
from rupturekit.vocabulary import RuptureType

__all__ = ["EXPECTED_CONTRAST", "EXPECTED_ORDER", "OrderByType", "needs_order", "needs_order_by_type"]

EXPECTED_ORDER: Final[Mapping[RuptureType, Mapping[str, str]]] = MappingProxyType({
    RuptureType.WITHDRAWAL: {
        "Safran & Muran": "agency last (self-assertion): below 1/2",
        "document A": "communion last (renewed relatedness): above 1/2"},
    RuptureType.CONFRONTATION: {
        "Safran & Muran": "communion last (vulnerability): above 1/2",
        "document A": "communion last (renewed relatedness): above 1/2"},
})
"""What each source lets one expect of P(agency before communion), by rupture type; a reading by this library."""

EXPECTED_CONTRAST: Final[Mapping[str, str]] = MappingProxyType({
    "Safran & Muran": "above 0 (agency last in withdrawal, communion last in confrontation)",
    "document A": "0 (communion last in both)",
})
"""What each source lets one expect of P for confrontation minus P for withdrawal; a reading by this library."""

_STATES: Final = "a random act on agency precedes a random act on communion of the same episode, ties counting half"
_LIMITS: Final = (NINE_INTERVIEWS, "which act comes first says nothing of which brings the other about")


def _count_of(subject: int) -> npt.NDArray[np.int16]:
    """Return for each byte of acts how many of them are on a subject."""
    masks = [act_bit(act, subject) for act in (CLAIM, GRANT, CONTEST, GIVE_UP)]
    return np.array([sum(byte & mask != 0 for mask in masks) for byte in range(256)], dtype=np.int16)


_AGENCY, _COMMUNION = _count_of(0), _count_of(1)


@attrs.frozen(kw_only=True, eq=False)
class _Pairs:
    """The episodes that hold pairs, and the dyads they belong to."""

    laid: tuple[LaidEpisode, ...]
    dyads: tuple[str, ...]
    unit: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]

    def twice(self, *, null: Null, seed: int, start: int, count: int) -> Array:
        """Return twice the pairs in order of each dyad, ties counting one: dyads x arrangements."""
        found = np.zeros((len(self.dyads), max(count, 1)), dtype=np.int64)
        for unit, one in zip(self.unit.tolist(), self.laid, strict=True):
            acts = acts_rearranged(one, null=null, seed=seed, start=start, count=count)
            found[unit] += precede(*_counts(one, acts), instant=one.instant)
        return found


def _counts(one: LaidEpisode, acts: Array) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return how many acts on agency and on communion stand at each turn; none at turns that are held."""
    free = ~one.held[:, None]
    return _AGENCY.take(acts) * free, _COMMUNION.take(acts) * free


def needs_order(table: Negotiations, rule: SegmentationRule, *, rupture_type: RuptureType | None = None,
                null: Null | str = Null.TURNS, draws: int = 999, seed: int = 1, level: str | None = None,
                confidence: float = 0.95, alternative: Alternative = "two-sided", alpha: float = 0.05) -> Hypothesis:
    """Estimate P(a random act on agency precedes a random act on communion in an episode), ties 1/2.

    Acts after the opening only: turns that hold a move that the segmentation rule looks at are not counted, and stay
    where they are under the null. (Under `free` nothing is held, so the opening is counted too.) Pairs are pooled
    within a dyad; then every dyad counts alike.

    Parameters
    ----------
    rule : SegmentationRule
        The rule that drew the episodes.
    rupture_type : RuptureType or None
        Only episodes that opened with this type; None takes all, which mixes types for which the sources disagree.

    Raises
    ------
    NotEstimable
        Where no episode holds an act on either need after its opening.
    NotEnoughData
        Where the smallest p attainable is above alpha.
    RecordError
        Where there is no such rupture type or null.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> found = needs_order(held, WHOLE_SESSION, draws=99)
    >>> print(f"{found.estimate.value:.2f}, {found.estimate.test.expected:.2f} expected")
    0.43, 0.50 expected
    """
    null = as_null(null, (Null.TURNS, Null.RUNS, Null.INTERLEAVING, Null.FREE))
    if rupture_type is not None and rupture_type not in tuple(RuptureType):
        raise RecordError(f"expected a rupture type, one of {listed(RuptureType)}, but got {rupture_type!r:.80}"
                          f"{did_you_mean(str(rupture_type), RuptureType)}", field="rupture_type", value=rupture_type)
    held, left_out = _pairs(table, rule, null, rupture_type)
    drawn: list[Array] = []

    def statistic(start: int, count: int) -> npt.NDArray[np.float64]:
        drawn.append(held.twice(null=null, seed=seed, start=start, count=count) / (2 * held.pairs)[:, None])
        return np.asarray(drawn[-1].mean(axis=0))

    seen = held.twice(null=null, seed=seed, start=0, count=0)[:, 0] / (2 * held.pairs)
    test = permutation_test(float(seen.mean()), statistic, null=null, seed=seed, draws=draws, alternative=alternative,
                            alpha=alpha, n_arrangements=ways(held.laid))
    expected = EXPECTED_ORDER.get(RuptureType(rupture_type), {}) if rupture_type is not None else {}
    what = "P(agency before communion)" + (f" in {rupture_type} episodes" if rupture_type else "")
    return Hypothesis(
        name="order", states=_STATES, expected=expected, left_out=left_out, does_not_show=_LIMITS,
        estimate=over_dyads(
            dict(zip(held.dyads, seen.tolist(), strict=True)), what=what, bounds=(0.0, 1.0), seed=seed, test=test,
            clustering=clustering_of(table.cohort, level=level), confidence=confidence, provenance=table.provenance,
            n={"episodes": len(held.laid), "pairs of acts": int(held.pairs.sum())},
            warnings=(HOLDS[null],) if null is Null.FREE else ()))


def _pairs(table: Negotiations, rule: SegmentationRule, null: Null, rupture_type: RuptureType | None
           ) -> tuple[_Pairs, dict[str, int]]:
    check_asked(table, rule)
    rows = table.turns.episodes.rows
    which = np.ones(len(table), dtype=bool) if rupture_type is None else np.asarray(
        rows.rupture_type == rows.code_of("rupture_type", word=RuptureType(rupture_type)))
    laid = laid_episodes(table, rule, null=null, which=which)
    sums = [[int(column.sum()) for column in _counts(one, one.acts[:, None])] for one in laid]
    pairs = [agency * communion for agency, communion in sums]
    kept = [one for one, n in zip(laid, pairs, strict=True) if n]
    left_out = {"episodes of another rupture type": int((~which).sum()),
                "episodes without acts on both needs after the opening": len(laid) - len(kept)}
    if not kept:
        raise NotEstimable("no episode" + (f" of type {rupture_type}" if rupture_type else "")
                           + " holds acts on both needs after its opening")
    codes, unit = np.unique([one.dyad for one in kept], return_inverse=True)
    found = _Pairs(laid=tuple(kept), dyads=tuple(table.dyad_names[code] for code in codes.tolist()), unit=unit,
                   pairs=np.bincount(unit, weights=[n for n in pairs if n]).astype(np.int64))
    return found, {why: n for why, n in left_out.items() if n}


@attrs.frozen(kw_only=True, repr=False)
class OrderByType:
    """The order of needs by rupture type, and the contrast at which the sources can be told apart.

    Attributes
    ----------
    by_type : mapping of rupture type to Hypothesis, or to the sentence that says why there is none
    contrast : Estimate or None
        P for confrontation minus P for withdrawal; None where one is missing.
    """

    by_type: Mapping[RuptureType, Hypothesis | str]
    contrast: Estimate | None

    def __repr__(self) -> str:
        return f"OrderByType({', '.join(map(str, self.by_type))})"

    def __str__(self) -> str:
        parts = [f"{kind}\n{text}" for kind, text in self.by_type.items()]
        last = "\n".join(f"{title}: {text}" for title, text in self._contrast_lines())
        return "\n\n".join([*parts, last])

    def _contrast_lines(self) -> list[tuple[str, str]]:
        """Return what the difference is, and what either source lets one expect of it."""
        if self.contrast is None:
            return [("contrast", "not estimable")]
        expected = [(f"expected by {source}", text) for source, text in EXPECTED_CONTRAST.items()]
        return [("contrast", "confrontation against withdrawal"), *expected, *self.contrast.lines()]

    def _repr_html_(self) -> str:
        said = [(f"{kind}: {title}", text) for kind, held in self.by_type.items()
                for title, text in ([("order", held)] if isinstance(held, str) else held.lines())]
        return _html.page("OrderByType", "the order of needs", _html.facts([*said, *self._contrast_lines()]))


def needs_order_by_type(table: Negotiations, rule: SegmentationRule, *, null: Null | str = Null.TURNS, draws: int = 999,
                        seed: int = 1, level: str | None = None, confidence: float = 0.95, alpha: float = 0.05
                        ) -> OrderByType:
    """Estimate the order of needs for withdrawal and confrontation apart, and their difference.

    Safran and Muran let one expect a difference above 0 (agency last in withdrawal, communion last in confrontation);
    document A expects none.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> needs_order_by_type(held, WHOLE_SESSION, draws=19)
    OrderByType(withdrawal, confrontation)
    """
    found: dict[RuptureType, Hypothesis | str] = {}
    for kind in (RuptureType.WITHDRAWAL, RuptureType.CONFRONTATION):
        found[kind] = or_reason(functools.partial(
            needs_order, table, rule, rupture_type=kind, null=null, draws=draws, seed=seed, level=level,
            confidence=confidence, alpha=alpha))
    return OrderByType(by_type=found, contrast=_contrast(table, rule, level=level, confidence=confidence))


def _contrast(table: Negotiations, rule: SegmentationRule, *, level: str | None, confidence: float) -> Estimate | None:
    """Return the mean over dyads for confrontation minus that for withdrawal."""
    shares: list[dict[str, float]] = []
    for kind in (RuptureType.CONFRONTATION, RuptureType.WITHDRAWAL):
        try:
            held, _ = _pairs(table, rule, Null.TURNS, kind)
        except NotEstimable:
            return None
        seen = held.twice(null=Null.TURNS, seed=0, start=0, count=0)[:, 0] / (2 * held.pairs)
        shares.append(dict(zip(held.dyads, seen.tolist(), strict=True)))
    return jackknifed(
        functools.partial(_difference, *shares), set(shares[0]) | set(shares[1]),
        what="P(agency before communion) in confrontation minus that in withdrawal",
        clustering=clustering_of(table.cohort, level=level), confidence=confidence, bounds=(-1.0, 1.0),
        n={"dyads with confrontation": len(shares[0]), "dyads with withdrawal": len(shares[1])},
        assumptions=("within either type every dyad counts alike, however long",),
        provenance=table.provenance)


def _difference(first: Mapping[str, float], second: Mapping[str, float], kept: Collection[str]) -> float:
    means = []
    for shares, kind in ((first, RuptureType.CONFRONTATION), (second, RuptureType.WITHDRAWAL)):
        values = [shares[dyad] for dyad in kept if dyad in shares]
        if not values:
            raise NotEstimable(f"no dyad gives a value for {kind}")
        means.append(math.fsum(values) / len(values))
    return means[0] - means[1]
