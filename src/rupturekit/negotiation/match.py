"""Document A's second hypothesis: relatedness matches better after the negotiation has ended than before.

How much match rises at the end of the negotiation is compared with how much it rises at the other turns of the same
episode, so that a match that rises all the time is no evidence. Drawing the end at random from those turns would not
do as a null: an end comes after claims of agency, which take the turns that communion could have had, so that on
streams without any order such a test rejects too often (docs/explanation/naive-answers.md says how often). Here acts
are exchanged, and the end is found anew in every arrangement.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.open_claims import closings, runs_of, spells
from rupturekit._table import Array
from rupturekit.errors import NotEstimable
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.estimate import or_reason
from rupturekit.inference.nulls import Null
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.negotiation.hypotheses import NINE_INTERVIEWS, Hypothesis
from rupturekit.negotiation.imbalance import TOWARDS, CommunionGap, communion_gap, mean_of_last, whole_from_one
from rupturekit.negotiation.measures import mean_of_known
from rupturekit.negotiation.rearranging import LaidEpisode, acts_rearranged, as_null, laid_episodes, ways
from rupturekit.negotiation.table import Negotiations
from rupturekit.segmentation import SegmentationRule

__all__ = ["match_after_end", "match_sensitivity"]

_ASSUMES: Final = "a turn's communion is 1 with a claim or grant of communion in it, else 0"


@attrs.frozen(kw_only=True, eq=False)
class _Window:
    """An episode within the sessions that it lies in.

    Attributes
    ----------
    party, acts, session : one a turn of these sessions
    here : int64, one a turn of the episode
        Its place among them.
    baseline : float64, 2
    admissible : int64
        Places in the episode with h turns with a known gap on either side.
    """

    laid: LaidEpisode
    party: npt.NDArray[np.int8]
    acts: npt.NDArray[np.uint8]
    session: npt.NDArray[np.int64]
    here: npt.NDArray[np.int64]
    baseline: npt.NDArray[np.float64]
    admissible: npt.NDArray[np.int64]


def match_after_end(table: Negotiations, rule: SegmentationRule, *, k: int, h: int, null: Null | str = Null.TURNS,
                    draws: int = 999, seed: int = 1, level: str | None = None, confidence: float = 0.95,
                    alternative: Alternative = "greater", alpha: float = 0.05) -> Hypothesis:
    """Estimate how much more match rises at the end of a negotiation than at the other turns of its episode.

    Match is minus the size of the gap in communion (see `communion_gap`). Its rise at a turn is its mean over the h
    turns of the session after it, minus that over the h turns before. Of each episode the rise at the first end is
    taken, minus the mean of the rises at the episode's other turns that have h turns with a known gap on either side.
    Episodes count alike within a dyad, and dyads alike. The null exchanges acts within the episode and finds the end
    anew.

    Parameters
    ----------
    k, h : int
        Own turns that a level is averaged over, and turns before and after. Neither has a default; vary both.

    Raises
    ------
    NotEstimable
        Where no negotiation ended at a turn with h known turns on either side and another such turn in the episode.
    NotEnoughData
        Where the smallest p attainable is above alpha.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> match_after_end(held, WHOLE_SESSION, k=1, h=1, draws=19)
    Hypothesis('match after the end': -0.01323)
    """
    whole_from_one("h", h)
    null = as_null(null, (Null.TURNS, Null.RUNS))
    gap = communion_gap(table, k=k)
    windows, left_out = _windows(table, rule, gap, null=null, h=h)
    excess = functools.partial(_excess, windows, k=k, h=h, null=null, seed=seed, n_dyads=len(table.dyad_names))
    seen = excess(start=0, count=0)[:, 0]
    known = ~np.isnan(seen)
    if not known.any():
        raise NotEstimable(f"no negotiation ended at a turn with {h} turns with a known gap before and after it, and "
                           "another such turn in its episode" + "".join(
                               f"; {n:,} {why}" for why, n in left_out.items()))
    test = permutation_test(
        float(seen[known].mean()), lambda start, count: mean_of_known(excess(start=start, count=count)), null=null,
        seed=seed, draws=draws, n_arrangements=ways(one.laid for one in windows), alternative=alternative, alpha=alpha)
    values = {name: value for name, value, there in zip(table.dyad_names, seen.tolist(), known.tolist(), strict=True)
              if there}
    ended = sum(int(_ends(one, one.laid.acts[:, None])[0]) in one.admissible.tolist() for one in windows)
    left_out |= {"episodes without an end at such a turn": len(windows) - ended} if ended < len(windows) else {}
    made = over_dyads(
        values, what=f"rise of match at the end, beyond the rest of the episode (k = {k}, h = {h} turns)", seed=seed,
        clustering=clustering_of(table.cohort, level=level), n={"episodes with an end": ended}, confidence=confidence,
        test=test, provenance=table.provenance, assumptions=(_ASSUMES,))
    return Hypothesis(
        name="match after the end", states="communion matches better after the end of a negotiation than before",
        estimate=made, expected={"document A": "above 0"}, left_out=left_out,
        does_not_show=(NINE_INTERVIEWS, "that anybody felt more related: the gap is read off coded acts"))


def match_sensitivity(table: Negotiations, rule: SegmentationRule, *, ks: Iterable[int], hs: Iterable[int], **more: Any
                      ) -> dict[tuple[int, int], Hypothesis | str]:
    """Return the rise of match for every pair (k, h), or why these data do not give it; `more` as `match_after_end`.

    That is one test a pair: they show how far the choice of k and h decides, and the smallest p of them is no result.

    Raises
    ------
    RecordError
        Where k or h is not a whole number from 1 on.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import segment
    >>> rule = SegmentationRule(name="four minutes", opens=("withdrawal_marker",), gap=240_000_000)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), rule, track="r1"))
    >>> list(match_sensitivity(held, rule, ks=(1, 2), hs=(1,), draws=19, alpha=0.5))
    [(1, 1), (2, 1)]
    """
    return {(k, h): or_reason(functools.partial(match_after_end, table, rule, k=k, h=h, **more))
            for k, h in itertools.product(ks, hs)}


def _windows(table: Negotiations, rule: SegmentationRule, gap: CommunionGap, *, null: Null, h: int
             ) -> tuple[list[_Window], dict[str, int]]:
    """Return the episodes that have turns to compare, each within its sessions."""
    turns, can = table.turns, _admissible(gap, h)
    place = gap.turn_of_row
    session_start = np.searchsorted(gap.session, gap.session)
    session_end = np.searchsorted(gap.session, gap.session, side="right")
    heads, found, few = turns.rows.tolist(), [], 0
    for one in laid_episodes(table, rule, null=null):
        low, high = turns.offsets[one.at : one.at + 2].tolist()
        here = np.array([place[row] for row in heads[low:high]], dtype=np.int64)
        if not can[here].sum() > 1:
            few += 1
            continue
        start, end = int(session_start[here[0]]), int(session_end[here[-1]])
        found.append(_Window(
            laid=one, party=gap.turns.party[start:end], acts=gap.turns.acts[start:end],
            session=gap.session[start:end], here=here - start, baseline=gap.baseline[gap.unit[start]],
            admissible=np.flatnonzero(can[here])))
    left_out = {"episodes without two turns with known turns before and after": few, **gap.left_out}
    return found, {why: n for why, n in left_out.items() if n}


def _admissible(gap: CommunionGap, h: int) -> npt.NDArray[np.bool_]:
    """Return which turns have h turns of their session with a known gap before and after."""
    n = len(gap.known)
    can = np.zeros(n, dtype=bool)
    if n <= 2 * h:
        return can
    at, known = np.arange(h, n - h), np.concatenate([[0], np.cumsum(gap.known)])
    can[at] = ((gap.session[at - h] == gap.session[at + h]) & (known[at] - known[at - h] == h)
               & (known[at + h + 1] - known[at + 1] == h))
    return can


def _excess(windows: list[_Window], *, k: int, h: int, null: Null, seed: int, n_dyads: int, start: int, count: int
            ) -> npt.NDArray[np.float64]:
    """Return the mean of each dyad's episodes under each arrangement; NaN where no episode gives a value."""
    total, of = np.zeros((n_dyads, max(count, 1))), np.zeros((n_dyads, max(count, 1)))
    for one in windows:
        acts = acts_rearranged(one.laid, null=null, seed=seed, start=start, count=count)
        values = _rise_at_end(one, acts, k=k, h=h)
        there = ~np.isnan(values)
        total[one.laid.dyad, there] += values[there]
        of[one.laid.dyad, there] += 1
    return np.asarray(np.divide(total, of, out=np.full(total.shape, np.nan), where=of > 0))


def _rise_at_end(one: _Window, acts: Array, *, k: int, h: int) -> npt.NDArray[np.float64]:
    """Return the rise at the end minus the mean of the others, one an arrangement; NaN without an admissible end."""
    whole = np.repeat(one.acts[:, None], acts.shape[1], axis=1)
    whole[one.here] = acts
    towards = (whole & TOWARDS) != 0
    levels = [mean_of_last(one.party == side, towards, one.session, k) - one.baseline[side] for side in (0, 1)]
    match = np.concatenate([np.zeros((1, acts.shape[1])), np.cumsum(-np.abs(levels[0] - levels[1]), axis=0)])
    at = one.here[one.admissible]
    rises = ((match[at + h + 1] - match[at + 1]) - (match[at] - match[at - h])) / h
    ends = _ends(one, acts)
    row = np.searchsorted(one.admissible, ends)
    valid = (row < len(at)) & (one.admissible[np.minimum(row, len(at) - 1)] == ends)
    picked = rises[np.minimum(row, len(at) - 1), np.arange(acts.shape[1])]
    rest = (rises.sum(axis=0) - picked) / (len(at) - 1)
    return np.where(valid, picked - rest, np.nan)


def _ends(one: _Window, acts: Array) -> npt.NDArray[np.int64]:
    """Return the place in the episode of the first end under each arrangement; -1 where there is none."""
    n, many = acts.shape
    offsets = np.arange(0, n * many + 1, n, dtype=np.int64)
    found = spells(np.tile(one.laid.party, many), np.ascontiguousarray(acts.T).ravel(), run=runs_of(offsets))
    over = closings(found, offsets=offsets)
    first = np.diff(over.run, prepend=-1) != 0
    ends = np.full(many, -1, dtype=np.int64)
    ends[over.run[first]] = over.turn[first] - offsets[over.run[first]]
    return ends
