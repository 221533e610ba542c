"""Hold methods to simulated studies whose truth is known: recovery, level with power, and coverage.

    python tools/known_truth.py recovery --runs 500 --json found.json
    python tools/known_truth.py level --runs 2000
    python tools/known_truth.py coverage --runs 1000

Run r uses seed r alone, so a check can be repeated to the last digit. What is found is printed as JSON, or written to
the file named; `long_checks.py` keeps it in `benchmarks/results`. The exit code is 1 where a promise is not kept.
"""

from __future__ import annotations

import functools
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np

import known
from rupturekit import SegmentationRule, segment, trace_cohort
from rupturekit.errors import CodingWarning, NotEstimable
from rupturekit.inference.calibration import MARGIN, Level, check_coverage, check_level, share_error
from rupturekit.inference.clusters import clustering_of, interval_of_mean
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.inference.nulls import Null
from rupturekit.inference.precedence import stage_precedence
from rupturekit.simulation.chances import ACTS, base_rates, chances_of
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import PARTIES, Design, NeedRates, Score
from rupturekit.simulation.draws import log_odds, logistic
from rupturekit.simulation.raters import Rater, rate
from rupturekit.simulation.truth import TRUTH_TRACK, RuptureEnd, Simulated, TurnKind
from rupturekit.vocabulary import NeedVerb

Pair = tuple[float, float]
"""An estimate, and what it is an estimate of."""

# Recovery: a plain estimator of each parameter

FULL = Design(
    dyads=40, dyads_per_therapist=4, sessions=6, turns=(30, 50), onset=0.06, dwell=2.5, lapse=0.04, order=0.7,
    switch=0.85,
    base_rates={"client": {"qual-assert": 0.05, "avoid-assert": 0.1}, "therapist": {"invite": 0.08, "validate": 0.04}},
    needs={"client": NeedRates(claim=0.06, grant=0.1, give_up=0.1),
           "therapist": NeedRates(claim=0.03, grant=0.2, contest=0.1)},
    dyad_sd=0.6, therapist_sd=0.4, missed=0.1, dropout=0.05, dropout_after_rupture=1.0, cut=0.15,
    scores=(Score(mean=4.0, slope=-2.0, dyad_sd=0.5, noise_sd=0.7, missing=0.2),))
RATERS = (Rater(name="error", error=0.2), Rater(name="run", error=0.2, run=4.0),
          Rater(name="drift", error=0.1, drift=0.2), Rater(name="missed", error=0.0, missed=0.15),
          Rater(name="split", error=0.0, split=0.2), Rater(name="joined", error=0.0, joined=0.4),
          Rater(name="late", error=0.0, late=0.3, late_by=1),
          Rater(name="confusion", confusion={"wd": {"cf": 0.25}}, error=0.0))


@attrs.frozen(kw_only=True, eq=False)
class Seen:
    """The turns of a truth as arrays, with the state that each turn met and who could do what in it."""

    made: Simulated
    party: Any
    kind: Any
    before: Any
    can_leave: Any
    can_follow: Any
    dyad: Any
    first: Any

    @classmethod
    def of(cls, made: Simulated) -> Seen:
        """Read the columns of a truth, words as places in the design's order."""
        turns, design = made.truth.turns, made.truth.design
        chances, kinds = chances_of(design), [kind.value for kind in TurnKind]
        state = _places(turns, "state", list(design.model.index))
        first = turns.turn == 0
        before = np.where(first, -1, np.roll(state, 1))
        before[(before >= 0) & chances.is_end[before]] = -1
        party = _places(turns, "party", list(PARTIES))
        leaving, staying = chances.leaving.count[before, party] > 0, chances.staying.count[before, party] > 0
        return cls(made=made, party=party, kind=_places(turns, "kind", kinds), before=before, can_leave=leaving,
                   can_follow=leaving | staying, dyad=_places(turns, "dyad", made.truth.dyads.words("dyad")),
                   first=first)

    def share(self, of: Any, among: Any) -> float:
        """Return which share of some turns does something."""
        return float((of & among).sum() / among.sum())


def _places(table: Any, name: str, order: Sequence[str | None]) -> Any:
    """Return a word column as places in a list of words; -1 for none."""
    return np.array([*map(order.index, table.levels[name]), -1])[table.arrays[name]]


def _uncut(made: Simulated) -> Any:
    """Return for each recorded session whether its recording went on to the end."""
    sessions = made.cohort.sessions
    return made.cohort.observed.end == sessions.duration[sessions.attended == sessions.code_of("attended", word="yes")]


def process(made: Simulated) -> Iterator[tuple[str, float, float]]:
    """Yield (parameter, estimate, true value) of the process, by turns."""
    seen, design = Seen.of(made), made.truth.design
    turns, kind = made.truth.turns, seen.kind
    opens, advances, stays, lapses = (kind == list(TurnKind).index(one) for one in (
        TurnKind.OPENS, TurnKind.ADVANCES, TurnKind.STAYS, TurnKind.LAPSES))
    inside = seen.before >= 0
    yield "switch", seen.share(seen.party != np.roll(seen.party, 1), ~seen.first), design.switch
    yield "turn_length", float((turns.offset - turns.onset).mean() / 1000), sum(design.turn_length) / 2
    lengths = np.diff(np.append(np.flatnonzero(seen.first), len(turns)))
    yield "turns", float(lengths[_uncut(made)].mean()), sum(design.turns) / 2
    yield "cut, where", float(lengths[~_uncut(made)].mean()), sum(design.turns) / 4
    tried = ~inside & (seen.party == 0)    # the withdrawal model's marker is the client's
    expected = math.fsum(np.bincount(seen.dyad[tried], minlength=design.dyads) * onsets(made))
    yield "onset, given the effects", float(opens.sum() / expected), 1.0
    yield "lapse", seen.share(lapses, inside), design.lapse
    yield "order", seen.share(advances | stays, inside & ~lapses & seen.can_follow), design.order
    yield "1 / dwell", seen.share(advances, (advances | stays) & seen.can_leave), 1 / design.dwell_in("")
    plain = kind == 0
    for at, party in enumerate(PARTIES):
        for code, stated in base_rates(design, party).items():
            yield f"base rate of {code}, {party}", seen.share(
                turns.code == turns.code_of("code", word=code), plain & (seen.party == at)), stated


def onsets(made: Simulated) -> Any:
    """Return each dyad's probability of onset, by its effects in the truth."""
    design, truth = made.truth.design, made.truth
    odds = log_odds(design.onset) + truth.dyads.effect
    if design.dyads_per_therapist is not None:
        odds = odds + truth.therapists.effect[np.arange(design.dyads) // design.dyads_per_therapist]
    return np.array([logistic(one) for one in odds.tolist()])


def needs(made: Simulated) -> Iterator[tuple[str, float, float]]:
    """Yield the rates of acts on needs: per turn of the party, or per turn at which the claim is open."""
    design, turns = made.truth.design, made.truth.turns
    party = _places(turns, "party", list(PARTIES))
    act = _places(turns, "need_act", [f"{verb} {need}" for verb, need in ACTS])
    is_open = open_claims(turns.turn, party, act)
    for who, name in enumerate(PARTIES):
        for at, (verb, need) in enumerate(ACTS):
            stated = design.needs[name].of(verb, need=need)
            if stated:
                whose = 1 - who if verb in (NeedVerb.GRANT, NeedVerb.CONTEST) else who
                among = (party == who) & ((verb is NeedVerb.CLAIM) | is_open[:, whose, at % 2])
                yield f"{verb} {need}, {name}", float((act[among] == at).mean()), stated


def open_claims(turn: Any, party: Any, act: Any) -> Any:
    """Return which claims are open when a turn begins: turns x parties x needs."""
    found, now = np.zeros((len(turn), 2, 2), dtype=bool), np.zeros((2, 2), dtype=bool)
    for at, (number, who, done) in enumerate(zip(turn.tolist(), party.tolist(), act.tolist(), strict=True)):
        if number == 0:
            now[:] = False
        found[at] = now
        if done >= 0 and done // 2 != 2:
            verb, need = divmod(done, 2)
            now[1 - who if verb == 1 else who, need] = verb == 0
    return found


def around(made: Simulated) -> Iterator[tuple[str, float, float]]:
    """Yield what is drawn by session, dyad and therapist."""
    design, cohort, truth = made.truth.design, made.cohort, made.truth
    missed = cohort.sessions.words("attended").count("no")
    yield "missed", missed / len(cohort.sessions), design.missed
    yield "cut", 1 - float(_uncut(made).mean()), design.cut
    yield "dyad_sd squared", float((truth.dyads.effect**2).mean()), design.dyad_sd**2
    yield "therapist_sd squared", float((truth.therapists.effect**2).mean()), design.therapist_sd**2
    yield from dropout(made)
    yield from scores(made)


def ended_open(made: Simulated) -> set[tuple[str | None, int]]:
    """Return the sessions that were recorded to the end and ended in an open rupture."""
    rows = made.truth.ruptures
    return {(dyad, number) for dyad, number, end in zip(rows.words("dyad"), rows.session.tolist(), rows.words("end"),
                                                        strict=True) if end == RuptureEnd.SESSION_END}


def dropout(made: Simulated) -> Iterator[tuple[str, float, float]]:
    """Yield the hazards of dropout after sessions recorded to the end, by whether a rupture was open."""
    design, still = made.truth.design, ended_open(made)
    observed = made.cohort.observed
    last = dict(zip(made.truth.dyads.words("dyad"), made.truth.dyads.last_session.tolist(), strict=True))
    counts = {True: [0, 0], False: [0, 0]}
    for key, whole in zip(zip(observed.words("dyad"), observed.session.tolist(), strict=True), _uncut(made).tolist(),
                          strict=True):
        if whole and key[1] < design.sessions:
            counts[key in still][0] += last[key[0]] == key[1]
            counts[key in still][1] += 1
    for was_open, (left, tried) in counts.items():
        odds = log_odds(design.dropout) + design.dropout_after_rupture * was_open
        yield f"dropout{', after an open rupture' if was_open else ''}", left / tried, logistic(odds)


def scores(made: Simulated) -> Iterator[tuple[str, float, float]]:
    """Yield the regression of the first score on the share of a session in rupture, and its variances."""
    score, turns = made.truth.design.scores[0], made.truth.turns
    whose = np.cumsum(turns.turn == 0) - 1
    share = np.bincount(whose, weights=turns.state >= 0) / np.bincount(whose)
    value, whole = made.cohort.ratings.value, _uncut(made)
    given = whole & ~np.isnan(value)
    yield "score, missing", float(np.isnan(value).mean()), score.missing
    slope, mean = np.polyfit(share[given], value[given], 1)
    yield "score, slope", float(slope), score.slope
    yield "score, mean", float(mean), score.mean
    rest = value[given] - score.mean - score.slope * share[given]
    dyad = made.cohort.ratings.dyad[given]
    yield "score, all variance", float((rest**2).mean()), score.dyad_sd**2 + score.noise_sd**2
    totals, n = np.bincount(dyad, weights=rest), np.bincount(dyad)
    pairs = totals**2 - np.bincount(dyad, weights=rest**2)
    yield "score, dyad variance", float(pairs.sum() / (n * (n - 1)).sum()), score.dyad_sd**2


def readings(made: Simulated, *, seed: int) -> Iterator[tuple[str, float, float]]:
    """Yield the errors of raters, each with one kind of error."""
    cohort = rate(made, RATERS, seed=seed)
    moves = {name: cohort.moves.take(cohort.moves.track == at) for at, name in enumerate(cohort.moves.levels["track"])}
    truth, codes = moves[TRUTH_TRACK], [code.code for code in cohort.coding.codebook.codes]
    for name in ("error", "run", "drift", "confusion"):    # these leave every unit in its place
        yield from _misread(name, truth, _places(truth, "code", codes) != _places(moves[name], "code", codes))
    n = len(truth)
    yield "missed units", 1 - len(moves["missed"]) / n, 0.15
    yield "split units", len(moves["split"]) / n - 1, 0.2
    yield "joined units", (n - len(moves["joined"])) / _joinable(truth), 0.4
    last = _last_turns(made)
    yield "late units", float((moves["late"].onset.sum() - truth.onset.sum()) / last), 0.3


def _misread(name: str, truth: Any, wrong: Any) -> Iterator[tuple[str, float, float]]:
    begins = np.append(True, (np.diff(truth.session) != 0) | (np.diff(truth.dyad) != 0))
    if name == "error":
        yield "error", float(wrong.mean()), 0.2
    elif name == "run":
        after_right = ~begins & ~np.roll(wrong, 1)
        yield "an error after a right unit, in runs", float(wrong[after_right].mean()), 0.2 / 4
    elif name == "drift":
        for session in (1, 6):
            yield f"error in session {session}, drifting", float(wrong[truth.session == session].mean()), logistic(
                log_odds(0.1) + 0.2 * (session - 1))
    else:
        withdrawals = truth.code == truth.code_of("code", word="wd")
        yield "confusion of wd", float(wrong[withdrawals].mean()), 0.25


def _joinable(truth: Any) -> int:
    """Return how many units have the code of the same party's unit before them."""
    order = np.lexsort([np.arange(len(truth)), truth.party, truth.session, truth.dyad])
    same = np.ones(len(order) - 1, dtype=bool)
    for name in ("dyad", "session", "party", "code"):
        same &= np.diff(truth.arrays[name][order]) == 0
    return int(same.sum())


def _last_turns(made: Simulated) -> int:
    """Return by how much all units would be late, were each coded one turn later."""
    turns = made.truth.turns
    units = (turns.code >= 0).astype(int) + (turns.need_act >= 0)
    goes_on = np.append(turns.turn[1:], 0) > 0
    return int((units * goes_on * (turns.offset - turns.onset)).sum())


def estimates(seed: int) -> dict[str, Pair]:
    """Return every estimate of one run, with its true value."""
    made = simulate(FULL, seed=seed)
    found = [*process(made), *needs(made), *around(made), *readings(made, seed=seed)]
    return {name: (value, truth) for name, value, truth in found}


def recovery(runs: int) -> dict[str, Any]:
    """Return the bias of each estimator over runs, in Monte Carlo standard errors."""
    held = [estimates(seed) for seed in range(runs)]
    rows = {}
    for name, (_, truth) in held[0].items():
        values = np.array([one[name][0] for one in held])
        error = float(values.std(ddof=1) / math.sqrt(runs))
        rows[name] = {"true": truth, "mean": float(values.mean()), "error": error,
                      "z": float((values.mean() - truth) / error)}
    beyond = [name for name, row in rows.items() if not abs(row["z"]) <= MARGIN]
    return {"what": "plain estimators of the simulator's parameters: mean over runs and bias in Monte Carlo standard "
                    f"errors (at most {MARGIN})", "n": runs, "parameters": len(rows), "beyond": beyond, "rows": rows,
            "kept": not beyond}


# Level and power: streams without order, cut by the shipped rules

UNORDERED = Design(dyads=10, sessions=1, turns=(40, 40), onset=0.1, order=0.0)
ANYBODY_NEXT = attrs.evolve(UNORDERED, switch=0.5)    # who speaks is without order too, as `interleaving` says
ORDERED = attrs.evolve(UNORDERED, dyads=20, order=0.9, dwell=1.5, lapse=0.0)
RULES = {"whole session": SegmentationRule(name="whole session", opens=("withdrawal_marker",), gap=None),
         "gap": SegmentationRule(name="gap", opens=("withdrawal_marker",), gap=150_000_000),
         "closing on a resolution": SegmentationRule(name="closing", opens=("withdrawal_marker",), gap=None,
                                                     closes_on=("self_assertion",))}
DRAWS = 199
ENOUGH_POWER = 0.80


def order_test(seed: int, *, design: Design, rule: SegmentationRule, null: Null) -> NullTest:
    """Simulate one study and test its order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        cut = segment(simulate(design, seed=seed).cohort, rule)
        found = stage_precedence(trace_cohort(cut, design.model), rule, null=null, draws=DRAWS, seed=seed)
    assert found.gain.test is not None
    return found.gain.test


def level(runs: int) -> dict[str, Any]:
    """Return how often order is found where there is none, and where there is.

    Speakers alternate in nine turns of ten. The null `interleaving` says that who moves when is without order, which
    that contradicts: its level is that of streams in which either party may be next; the others are shown beside it.
    """
    few = max(runs // 5, 1)
    sharp = [_level_row(name, null, ANYBODY_NEXT if null is Null.INTERLEAVING else UNORDERED, runs=runs)
             for name in RULES for null in Null if null is not Null.FREE]
    free = [_level_row(name, Null.FREE, UNORDERED, runs=few) for name in RULES]
    alternating = [_level_row(name, Null.INTERLEAVING, UNORDERED, runs=few) for name in RULES]
    power = check_level(functools.partial(order_test, design=ORDERED, rule=RULES["whole session"], null=Null.TURNS),
                        range(few))
    share = power.rejected[0.05]
    return {"what": "how often stage precedence is found at .01, .05 and .10 in streams without order, by segmentation "
                    "rule and null, and mean mid-p; the free shuffle is to fail; power at .05 where there is order",
            "n": runs, "dyads": UNORDERED.dyads, "draws": DRAWS, "rows": sharp, "free shuffle": free,
            "interleaving where speakers alternate, so that its null is false": alternating,
            "power": {"null": "turns", "rule": "whole session", "dyads": ORDERED.dyads, "order": ORDERED.order,
                      "dwell": ORDERED.dwell, "runs": power.n, "share": share,
                      "error": share_error(share, power.n), "refused": dict(power.refused)},
            "kept": all(row["holds"] and row["centred"] for row in sharp) and share >= ENOUGH_POWER
            and not any(row["holds"] for row in free)}


def _level_row(name: str, null: Null, design: Design, *, runs: int) -> dict[str, Any]:
    found = check_level(functools.partial(order_test, design=design, rule=RULES[name], null=null), range(runs))
    return {"rule": name, "null": null.value, "switch": design.switch, **said_of(found)}


def said_of(found: Level) -> dict[str, Any]:
    """Return a level as plain values."""
    return {"runs": found.n, "refused": dict(found.refused),
            "rejected": {f"{alpha:g}": share for alpha, share in found.rejected.items()}, "mid_p": found.mid_p,
            "mid_p_error": found.mid_p_error, "holds": all(map(found.holds, found.rejected)), "centred": found.centred}


# Coverage: the mean over dyads of the share of turns in rupture

COVERED = Design(sessions=1, turns=(100, 100), onset=0.04, lapse=0.05)
MANY, TIMES = 20_000, 10    # dyads whose mean counts as the truth
DYADS = (8, 12, 20, 50)


def shares(made: Simulated) -> dict[str, float]:
    """Return for each dyad the share of its turns that are in a rupture."""
    turns, names = made.truth.turns, made.truth.dyads.words("dyad")
    inside, n = np.bincount(turns.dyad, weights=turns.state >= 0), np.bincount(turns.dyad)
    return dict(zip(map(str, names), (inside / n).tolist(), strict=True))


def interval(seed: int, *, design: Design, truth: float, level: str | None) -> tuple[Estimate, float]:
    """Simulate one study and estimate the mean share."""
    made = simulate(design, seed=seed)
    clustering = clustering_of(made.cohort, level=level)
    held = interval_of_mean(shares(made), clustering, seed=seed, bounds=(0.0, 1.0), draws=999)
    return Estimate(what="share of turns in rupture", value=held.value, interval=held.limits, confidence=0.95,
                    n={"dyads": design.dyads}, governed_by=clustering.level, method=held.method,
                    no_interval=held.why_none, warnings=(*clustering.warnings, *held.warnings)), truth


def coverage(runs: int) -> dict[str, Any]:
    """Return how often intervals hold the true value, with and without effects of therapists."""
    rows = []
    for effects in ({}, {"dyads_per_therapist": 2, "therapist_sd": 0.8}):
        base = attrs.evolve(COVERED, dyad_sd=0.5, **effects)
        # Every dyad with a therapist of its own: the same mean, and independent dyads to take it over.
        alone = attrs.evolve(base, dyads=MANY, dyads_per_therapist=1 if effects else None)
        truth = math.fsum(math.fsum(shares(simulate(alone, seed=-at)).values()) for at in range(1, TIMES + 1))
        truth /= MANY * TIMES
        for dyads, by in ((dyads, by) for dyads in DYADS for by in ((None, "dyad") if effects else (None,))):
            work = functools.partial(interval, design=attrs.evolve(base, dyads=dyads), truth=truth, level=by)
            rows.append({"dyads": dyads, "therapist effects": bool(effects), "independent": by or "highest on record",
                         "true": truth, **_covered(work, runs)})
    return {"what": "how often 95 % intervals of the mean over dyads of the share of turns in rupture hold the true "
                    "value (that of 200,000 dyads); where it falls short, results warn", "n": runs, "rows": rows,
            "kept": all(row["covers"] or row["warned"] in (None, 1) for row in rows)}


def _covered(work: Callable[[int], tuple[Estimate, float]], runs: int) -> dict[str, Any]:
    try:
        found = check_coverage(work, range(runs))
    except NotEstimable as refusal:
        return {"share": None, "covers": False, "warned": None, "none": str(refusal)}
    return {"share": found.share, "error": found.error, "covers": found.holds, "width": found.mean_width,
            "warned": found.warned / found.n, "refused": dict(found.refused)}


CHECKS = {"recovery": recovery, "level": level, "coverage": coverage}


if __name__ == "__main__":
    sys.exit(known.run(CHECKS, sys.argv[1:], says=__doc__))
