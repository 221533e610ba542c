"""Document A's fourth hypothesis, the veil: a latent imbalance of relatedness is acted out as claims of agency."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from rupturekit.errors import NotEstimable, expect
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.jackknife import jackknifed
from rupturekit.inference.nulls import Exchange, Null, arrangements
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.negotiation.acts import NEEDS
from rupturekit.negotiation.hypotheses import NINE_INTERVIEWS, Hypothesis
from rupturekit.negotiation.imbalance import RelatednessImbalance
from rupturekit.negotiation.table import Negotiations
from rupturekit.vocabulary import Need

__all__ = ["veil"]

_HOLDS: Final = ("what was coded is kept; imbalances, with what turn counts explain of them taken out, are exchanged "
                 "among the episodes of one dyad")
_APPROXIMATE: Final = ("exchanging what turn counts leave unexplained is a test in approximation: of few episodes it "
                       "rejects a little too often")
_SIZE, _RATE, _TURNS = range(3)


def veil(table: Negotiations, imbalance: RelatednessImbalance | None, *, draws: int = 999, seed: int = 1,
         level: str | None = None, confidence: float = 0.95, alternative: Alternative = "greater", alpha: float = 0.05
         ) -> Hypothesis:
    """Estimate the partial association, within dyads, of latent imbalance with the rate of agency claims.

    The correlation over episodes of the size of the imbalance with the claims of agency a turn, both as differences
    from their dyad's mean and with what the number of turns explains of them taken out. The null exchanges the
    residual imbalances among the episodes of a dyad, and takes what turn counts explain out of them again (Freedman &
    Lane 1983).

    Parameters
    ----------
    imbalance : RelatednessImbalance
        From a source other than the codes, by episode (`relatedness_imbalance`).

    Raises
    ------
    NotEstimable
        Without a latent measure ("one source"): within one set of codes the hypothesis is true by arithmetic, for codes
        compete for turns. Where no dyad has two episodes with an imbalance, or nothing varies within dyads.
    NotEnoughData
        Where the smallest p attainable is above alpha.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> veil(held, None)
    Traceback (most recent call last):
    ...
    rupturekit.errors.NotEstimable: not estimable: one source: the imbalance needs a source other than the codes ...
    """
    expect(table, Negotiations, what="negotiations", remedy="negotiations(cohort) finds them")
    if imbalance is None:
        raise NotEstimable("one source: the imbalance needs a source other than the codes that claims come from; see "
                           "relatedness_imbalance")
    expect(imbalance, RelatednessImbalance, what="a latent imbalance", remedy="use relatedness_imbalance(cohort, "
                                                                              "mode=...)")
    values, left_out = _by_dyad(table, imbalance)
    correlate = functools.partial(_correlation, values)
    seen = correlate(values)
    x, y = _residuals(values, values)
    turns = np.concatenate([rows[:, _TURNS] - rows[:, _TURNS].mean() for rows in values.values()])
    within = [Exchange(name=f"veil/{dyad}", places=np.arange(len(rows))) for dyad, rows in values.items()]
    edges = np.cumsum([0, *(len(rows) for rows in values.values())])

    def statistic(start: int, count: int) -> npt.NDArray[np.float64]:
        laid = np.concatenate([
            x[low:high][arrangements(one, seed=seed, null=Null.FREE, start=start, count=count)]
            for one, low, high in zip(within, edges[:-1].tolist(), edges[1:].tolist(), strict=True)])
        rest = _without(turns, laid)
        norm = np.sqrt((rest**2).sum(axis=0) * math.fsum(y**2))
        shared = (rest * y[:, None]).sum(axis=0)
        return np.asarray(np.divide(shared, norm, out=np.full(count, np.nan), where=norm > 1e-12))

    test = permutation_test(seen, statistic, null="imbalances exchanged within dyads", holds=_HOLDS, seed=seed,
                            draws=draws, alternative=alternative, alpha=alpha,
                            n_arrangements=math.prod(math.factorial(len(rows)) for rows in values.values()))
    made = jackknifed(
        correlate, values, test=test, bounds=(-1.0, 1.0), clustering=clustering_of(table.cohort, level=level),
        what="partial correlation within dyads of latent imbalance with agency claims a turn, given the number of "
             "turns",
        confidence=confidence, n={"episodes": sum(map(len, values.values()))}, provenance=table.provenance,
        assumptions=("the association is linear and the same in every dyad", _APPROXIMATE))
    return Hypothesis(
        name="veil", states="the larger the latent imbalance of relatedness, the more agency is claimed", estimate=made,
        expected={"document A": "above 0"}, left_out=left_out, does_not_show=(
            NINE_INTERVIEWS, "that claims of agency veil a wish for relatedness: an association is no evidence of "
            "what an act stands for"))


def _by_dyad(table: Negotiations, imbalance: RelatednessImbalance
             ) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, int]]:
    """Return for each dyad size, rate and number of turns of its episodes: episodes x 3."""
    turns, rows = table.turns, table.turns.episodes.rows
    claims = np.bincount(turns.run[table.claims.turn[table.claims.need == NEEDS.index(Need.AGENCY)]],
                         minlength=len(table))
    known = imbalance.by_episode()
    held: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    without = 0
    for at, (name, n) in enumerate(zip(rows.words("episode"), np.diff(turns.offsets).tolist(), strict=True)):
        one = known.get(str(name))
        if one is None or not n:
            without += 1
        else:
            held[one.dyad].append((one.size, claims[at] / n, n))
    alone = sum(len(rows) < 2 for rows in held.values())
    left_out = {"episodes without an imbalance on record": without, "dyads with one such episode only": alone}
    values = {dyad: np.array(held[dyad]) for dyad in sorted(held) if len(held[dyad]) > 1}
    if not values:
        raise NotEstimable("no dyad has two episodes with a latent imbalance on record, so nothing can be compared "
                           "within one; the imbalance has to name its episode")
    return values, {why: n for why, n in left_out.items() if n}


def _without(turns: npt.NDArray[np.float64], laid: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return columns without what the number of turns explains of each, as it was taken out of what was observed."""
    spread = float(turns @ turns)
    return laid - np.outer(turns, turns @ laid / spread) if spread > 0 else laid


def _residuals(values: Mapping[str, npt.NDArray[np.float64]], kept: Collection[str]
               ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return sizes and rates as differences from their dyad's means, without what the number of turns explains."""
    within = np.concatenate([values[dyad] - values[dyad].mean(axis=0) for dyad in values if dyad in kept])
    turns = within[:, _TURNS]
    spread = float(turns @ turns)
    slope = within.T @ turns / spread if spread > 0 else np.zeros(3)
    rest = within - np.outer(turns, slope)
    return rest[:, _SIZE], rest[:, _RATE]


def _correlation(values: Mapping[str, npt.NDArray[np.float64]], kept: Collection[str]) -> float:
    x, y = _residuals(values, set(kept))
    for what, rest, scale in (("the latent imbalance", x, _SIZE), ("the rate of agency claims", y, _RATE)):
        largest = max(float(np.abs(values[dyad][:, scale]).max()) for dyad in kept)
        if float(np.abs(rest).max()) <= 1e-12 * max(largest, 1.0):
            raise NotEstimable(f"{what} does not vary within dyads at a given number of turns")
    return math.fsum(x * y) / math.sqrt(math.fsum(x**2) * math.fsum(y**2))
