"""Hold order gain to simulated studies whose truth is known: level, centre, intervals, power, and what ranks it gives.

    python tools/known_order.py level --runs 2000 --json found.json

Run r uses seed r alone, so a check can be repeated to the last digit. What is found is printed as JSON, or written to
the file named; `long_checks.py` keeps it in `benchmarks/results`. The exit code is 1 where a promise is not kept.

The rules all look at the marker that opens an episode, and one at the move that closes it. "Whole sessions, as coders
drew them" look at no move: every session is one episode, and its first and last instant are held.
"""

from __future__ import annotations

import functools
import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

import known
from rupturekit.cohort import Cohort
from rupturekit.conformance.order import order_gain
from rupturekit.conformance.specificity import order_specificity
from rupturekit.episode import EpisodeRow
from rupturekit.errors import CodingWarning, NotEnoughData, NotEstimable
from rupturekit.inference.calibration import MARGIN, Level, check_level, share_error
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.inference.nulls import Null
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.vocabulary import EpisodeSource

Outcome = Estimate | NotEnoughData | NotEstimable

CODERS = "whole sessions, as coders drew them"
RULES: Mapping[str, SegmentationRule] = {
    "whole session": SegmentationRule(name="whole session", opens=("withdrawal_marker",), gap=None),
    "gap": SegmentationRule(name="gap", opens=("withdrawal_marker",), gap=150_000_000),
    "closing on a resolution": SegmentationRule(name="closing", opens=("withdrawal_marker",), gap=None,
                                                closes_on=("self_assertion",)),
    CODERS: SegmentationRule(name="coders", gap=None, use_coded=True),
}
UNORDERED = Design(dyads=10, sessions=1, turns=(40, 40), onset=0.1, order=0.0)
CLUSTERED = attrs.evolve(UNORDERED, dyads=20, dyads_per_therapist=2, therapist_sd=0.8, dyad_sd=0.5)
"""Two dyads a therapist, who differ in how often ruptures begin."""
ORDERED = attrs.evolve(UNORDERED, dwell=1.5, lapse=0.0, dyads=20, order=0.3)
POWER = (ORDERED, attrs.evolve(ORDERED, dyads=10, order=0.4))
DRAWS = 199
ENOUGH_POWER = 0.80


def drawn(design: Design, rule: str, *, seed: int) -> Cohort:
    """Simulate a study and cut it by a rule."""
    cohort = simulate(design, seed=seed).cohort
    if rule == CODERS:
        cohort = as_coded(cohort)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        return segment(cohort, RULES[rule])


def as_coded(cohort: Cohort) -> Cohort:
    """Return a cohort in which every session is one episode of coders."""
    moves, track = cohort.moves, cohort.track_names[0]
    begins = np.flatnonzero((np.diff(moves.dyad, prepend=-1) != 0) | (np.diff(moves.session, prepend=-1) != 0))
    ends = np.append(begins[1:], len(moves)) - 1
    words = moves.words("dyad")
    rows = [EpisodeRow(episode=f"{words[first]}-{moves.session[first]}", dyad=str(words[first]), track=track,
                       first_session=int(moves.session[first]), last_session=int(moves.session[last]),
                       onset=int(moves.onset[first]), end=int(moves.onset[last]), source=EpisodeSource.CODERS)
            for first, last in zip(begins.tolist(), ends.tolist(), strict=True)]
    return Cohort.of(moves, coding=cohort.coding, sessions=cohort.sessions, dyads=cohort.dyads,
                     observed=cohort.observed, tracks=cohort.tracks, episodes=rows)


def gain_of(design: Design, rule: str, *, seed: int, null: Null = Null.TURNS) -> Outcome:
    """Return the order gain of one study, or why there is none."""
    try:
        return order_gain(drawn(design, rule, seed=seed), design.model, rule=RULES[rule], null=null, draws=DRAWS,
                          seed=seed).gain
    except (NotEnoughData, NotEstimable) as refusal:
        return refusal


def test_of(held: Sequence[Outcome], seed: int) -> NullTest:
    """Return the test of a run, raising it where it is a refusal."""
    found = held[seed]
    if isinstance(found, Estimate):
        assert found.test is not None
        return found.test
    raise found


def row_of(held: Sequence[Outcome]) -> dict[str, Any]:
    """Return level, centre and intervals of runs, as plain values."""
    level = check_level(functools.partial(test_of, held), range(len(held)))
    gains = np.array([one.value for one in held if isinstance(one, Estimate)])
    intervals = [one.interval for one in held if isinstance(one, Estimate) and one.interval is not None]
    mean, error = float(gains.mean()), float(gains.std(ddof=1) / math.sqrt(len(gains)))
    return {**said_of(level), "gain": mean, "gain_error": error, "gain_centred": abs(mean) <= MARGIN * error,
            "intervals": len(intervals),
            "above_0": sum(low > 0 for low, _ in intervals) / len(intervals) if intervals else None,
            "below_0": sum(high < 0 for _, high in intervals) / len(intervals) if intervals else None}


def said_of(found: Level) -> dict[str, Any]:
    """Return a level as plain values."""
    return {"runs": found.n, "refused": dict(found.refused),
            "rejected": {f"{alpha:g}": share for alpha, share in found.rejected.items()}, "mid_p": found.mid_p,
            "mid_p_error": found.mid_p_error, "holds": all(map(found.holds, found.rejected)), "centred": found.centred}


def level(runs: int) -> dict[str, Any]:
    """Return how often order is found where there is none and where there is, and how far gains are off."""
    few = max(runs // 5, 1)
    rows = [_row(rule, UNORDERED, range(runs)) for rule in RULES]
    rows.append(_row("whole session", CLUSTERED, range(runs), dyads="two a therapist"))
    free = [_row(rule, UNORDERED, range(few), null=Null.FREE) for rule in RULES]
    power = [_power(design, range(few)) for design in POWER]
    ranks = {"order": ranked(ORDERED, range(few)), "no order": ranked(attrs.evolve(ORDERED, order=0.0), range(few))}
    return {"what": "how often order gain is found at .01, .05 and .10 in streams without order, by segmentation rule, "
                    "mean mid-p and mean gain; how often 95 % intervals lie above 0 there; the free shuffle, which is "
                    "to fail; power at .05 where there is order; the theory's place among its permuted models",
            "n": runs, "dyads": UNORDERED.dyads, "draws": DRAWS, "rows": rows, "free shuffle": free,
            "power": power, "specificity": ranks,
            "kept": all(row["holds"] and row["centred"] and row["gain_centred"] for row in rows)
            and ranks["no order"]["holds"] and ranks["no order"]["centred"]
            and all(one["share"] >= ENOUGH_POWER for one in power)
            and not any(row["holds"] for row in free if row["rule"] != CODERS)}


def _row(rule: str, design: Design, seeds: range, *, null: Null = Null.TURNS, dyads: str = "one by one"
         ) -> dict[str, Any]:
    held = [gain_of(design, rule, seed=seed, null=null) for seed in seeds]
    return {"rule": rule, "null": null.value, "dyads": dyads, **row_of(held)}


def _power(design: Design, seeds: range) -> dict[str, Any]:
    found = row_of([gain_of(design, "whole session", seed=seed) for seed in seeds])
    share = found["rejected"]["0.05"]
    return {"null": "turns", "rule": "whole session", "dyads": design.dyads, "order": design.order,
            "dwell": design.dwell, "runs": found["runs"], "refused": found["refused"], "share": share,
            "error": share_error(share, found["runs"]), "gain": found["gain"], "gain_error": found["gain_error"]}


def ranked(design: Design, seeds: range) -> dict[str, Any]:
    """Return where the theory that made the moves stands among its permuted models, over studies."""
    rule = RULES["whole session"]
    held = [order_specificity(drawn(design, "whole session", seed=seed), design.model, rule=rule, draws=DRAWS,
                              seed=seed) for seed in seeds]
    shares = [found.share for found in held]
    tested = [found.below_others.test for found in held if found.below_others.test is not None]
    return {"studies": len(held), "models": len(held[0].models), "order": design.order,
            "largest gain of all": sum(found.rank == 1 for found in held) / len(held),
            "cheapest of all": sum(found.rank_by_cost == 1 for found in held) / len(held),
            "mean share of the others with a larger gain": float(np.mean(shares)),
            "error": float(np.std(shares, ddof=1) / math.sqrt(len(shares))),
            **said_of(check_level(lambda seed: tested[seed], range(len(tested))))}


CHECKS: Mapping[str, Callable[[int], dict[str, Any]]] = {"level": level}


if __name__ == "__main__":
    sys.exit(known.run(CHECKS, sys.argv[1:], says=__doc__))
