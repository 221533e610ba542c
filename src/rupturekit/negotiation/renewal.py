"""Document A's third hypothesis: no renewed relatedness without an end of the negotiation.

Each turn after the opening, of an episode in which relatedness is not renewed yet, is at risk. Whether the
negotiation has ended is asked at that turn and may change from turn to turn; comparing episodes that "ever ended"
with those that never did would count the time before the end as if it were after it (immortal time).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.open_claims import CLAIM, GRANT, act_bit, open_after
from rupturekit._table import Array
from rupturekit.errors import NotEstimable
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.jackknife import jackknifed
from rupturekit.inference.nulls import Null
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.negotiation.hypotheses import NINE_INTERVIEWS, Hypothesis
from rupturekit.negotiation.rearranging import LaidEpisode, acts_rearranged, as_null, laid_episodes, ways
from rupturekit.negotiation.table import Negotiations
from rupturekit.segmentation import SegmentationRule

__all__ = ["renewal_after_end"]

_RENEWS: Final = act_bit(CLAIM, 1) | act_bit(GRANT, 1)
_AGENCY_FLAGS: Final = 0b0101
_TESTED: Final = "the test asks how many renewals after an end go beyond their expectation, summed over turn numbers"
_AT_RISK, _ENDED, _EVENTS, _ENDED_EVENTS = range(4)


def renewal_after_end(table: Negotiations, rule: SegmentationRule, *, null: Null | str = Null.TURNS, draws: int = 999,
                      seed: int = 1, level: str | None = None, confidence: float = 0.95,
                      alternative: Alternative = "greater", alpha: float = 0.05) -> Hypothesis:
    """Estimate how much likelier relatedness is renewed at a turn at which the negotiation has ended.

    The difference in the discrete-time hazard, the chance a turn, of the first claim or grant of communion after the
    opening, between turns at which the negotiation over agency has ended (an end lies before, and no claim of agency
    is open) and turns at which it has not, at equal number of the turn since the opening: weighted over turn numbers
    as by Mantel and Haenszel (Greenland & Robins 1985). The test takes its numerator, the sum over turn numbers of
    (renewals after an end - their expectation given the margins), against arrangements of both parties' acts. A ratio
    would be 0 or infinite in many a study, and who leaves those out no longer tests at the level stated.

    Raises
    ------
    NotEstimable
        Where at no turn number episodes with and without an end are at risk together.
    NotEnoughData
        Where the smallest p attainable is above alpha.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> table = renewal_after_end(held, WHOLE_SESSION, draws=19).table
    >>> table["the end came first"], table["renewal came first"], table["a renewal, no end"]
    (2, 2, 11)
    """
    null = as_null(null, (Null.TURNS, Null.RUNS))
    laid = laid_episodes(table, rule, null=null)
    longest = max((len(one.acts) for one in laid), default=0)
    seen = _tables(laid, longest, null=null, seed=seed, start=0, count=0)
    of_dyad = {name: _tables([one for one in laid if one.dyad == code], longest, null=null, seed=seed, start=0,
                             count=0)[:, :, 0] for code, name in enumerate(table.dyad_names)}
    difference = functools.partial(_difference, of_dyad)
    used = [dyad for dyad, counts in of_dyad.items() if counts[_AT_RISK].any()]
    difference(used)
    test = permutation_test(
        float(_excess(seen)[0]), lambda start, count: _excess(_tables(laid, longest, null=null, seed=seed, start=start,
                                                                    count=count)),
        null=null, seed=seed, draws=draws, alternative=alternative, alpha=alpha, n_arrangements=ways(laid))
    made = jackknifed(
        difference, used, what="difference in the hazard a turn of first renewed relatedness, negotiation ended or not",
        clustering=clustering_of(table.cohort, level=level), confidence=confidence, provenance=table.provenance,
        citations=("greenland-robins-1985",), test=test, bounds=(-1.0, 1.0),
        n={"episodes": len(laid), "turns at risk": int(seen[_AT_RISK].sum()),
           "of these, after an end": int(seen[_ENDED].sum()), "renewals": int(seen[_EVENTS].sum()),
           "of these renewals, after an end": int(seen[_ENDED_EVENTS].sum())},
        assumptions=("the difference is the same at every turn number",))
    return Hypothesis(
        name="renewal after the end", table=_came_first(table, rule),
        estimate=attrs.evolve(made, method=f"{made.method}; {_TESTED}"),
        states="relatedness is renewed rather once the negotiation over agency has ended",
        expected={"document A": "above 0"},
        does_not_show=(NINE_INTERVIEWS, "that relatedness is renewed because the negotiation ended; both may follow "
                       "from something third"))


def _tables(laid: list[LaidEpisode], longest: int, *, null: Null, seed: int, start: int, count: int) -> Array:
    """Return at risk, ended, events, ended events by turn number: 4 x turn numbers x arrangements."""
    found = np.zeros((4, longest, max(count, 1)), dtype=np.int64)
    for one in laid:
        acts = acts_rearranged(one, null=null, seed=seed, start=start, count=count)
        at_risk, ended, event = _course(one, acts)
        for place, held in enumerate((at_risk, at_risk & ended, event, event & ended)):
            found[place, : len(held)] += held
    return found


def _course(one: LaidEpisode, acts: Array) -> tuple[Array, Array, Array]:
    """Return for each turn and arrangement whether it is at risk, whether after an end, and whether it renews."""
    n, many = acts.shape
    flags = open_after(np.tile(one.party, many), np.ascontiguousarray(acts.T).ravel(),
                       offsets=np.arange(0, n * many + 1, n, dtype=np.int64)).reshape(many, n).T if n else acts
    disputed = np.zeros((n, many), dtype=bool)
    disputed[1:] = (flags[:-1] & _AGENCY_FLAGS) != 0    # before the turn
    ended = np.logical_or.accumulate(disputed, axis=0) & ~disputed
    free = ~one.held[:, None]
    renews = ((acts & _RENEWS) != 0) & free
    before = np.zeros((n, many), dtype=bool)
    before[1:] = np.logical_or.accumulate(renews, axis=0)[:-1]
    at_risk = ~before & free
    return at_risk, ended, renews & at_risk


def _excess(counts: Array) -> npt.NDArray[np.float64]:
    """Return for each arrangement the renewals after an end beyond their expectation, summed over turn numbers.

    NaN where at no turn number episodes with and without an end are at risk together: such an arrangement could not
    have been tested, and a test that counted it would reject too often.
    """
    n, m, d, a = counts
    together = (m * (n - m)).any(axis=0)
    excess = (a - np.divide(d * m, n, out=np.zeros(n.shape), where=n > 0)).sum(axis=0)
    return np.where(together, excess, np.nan)


def _difference(of_dyad: dict[str, Array], kept: Collection[str]) -> float:
    """Return the difference of hazards over all strata of turn numbers."""
    n, m, d, a = np.sum([of_dyad[dyad] for dyad in kept], axis=0).astype(float) if kept else np.zeros((4, 0))
    used = n > 0
    n, m, d, a = n[used], m[used], d[used], a[used]
    weight = math.fsum((m * (n - m) / n).tolist())
    if not weight:
        raise NotEstimable("at no turn number are episodes whose negotiation has ended, and others, at risk of renewal "
                           "together, so nothing can be compared")
    return math.fsum((a - d * m / n).tolist()) / weight


def _came_first(table: Negotiations, rule: SegmentationRule) -> dict[str, int]:
    """Count which came first, the first end of the negotiation or the first renewal of relatedness."""
    counts = dict.fromkeys(("the end came first", "renewal came first", "both in one turn", "an end, no renewal",
                            "a renewal, no end", "neither, observed to the end", "neither, observation cut off"), 0)
    ends = table.first_end()
    for one in laid_episodes(table, rule, null=Null.TURNS):
        renewals = np.flatnonzero(((one.acts & _RENEWS) != 0) & ~one.held)
        end, renewal = int(ends[one.at]), int(renewals[0]) if len(renewals) else -1
        counts[_first_of(end, renewal, stopped=one.stopped)] += 1
    return counts


def _first_of(end: int, renewal: int, *, stopped: bool) -> str:
    if end < 0 and renewal < 0:
        return "neither, observation cut off" if stopped else "neither, observed to the end"
    if end < 0 or renewal < 0:
        return "a renewal, no end" if end < 0 else "an end, no renewal"
    if end == renewal:
        return "both in one turn"
    return "the end came first" if end < renewal else "renewal came first"
