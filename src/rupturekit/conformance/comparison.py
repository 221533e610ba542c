"""Which process model says best beforehand what people do next: held-out log scores, with fit and precision beside.

Models for one rupture type are scored on the same moves of the same episodes, on what all of them have words for,
beside baselines that know nothing of ruptures. What each has learnt comes from other people than those it is scored on.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html, _random
from rupturekit._frames import FrameColumn
from rupturekit._kernels.alignment import NO_WAY, Table, costs_by_walk
from rupturekit.alphabet import Alphabet, coverage
from rupturekit.cohort import Cohort
from rupturekit.conformance.costs import AlignmentCosts, check_sums, prices
from rupturekit.conformance.precision import rarefied_precision
from rupturekit.conformance.scoring import BASELINES, Predictor
from rupturekit.conformance.scoring_models import ROUNDS, process_model
from rupturekit.conformance.scoring_moves import ScoredMoves, scored_moves
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError, did_you_mean, listed
from rupturekit.inference.clusters import Clustering, clustering_of
from rupturekit.inference.estimate import Estimate, Estimates, or_reason
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.provenance import Provenance
from rupturekit.state_machine import StateMachine, as_model
from rupturekit.ties import TieRule

__all__ = ["FEWEST_THERAPISTS", "Compared", "ModelComparison", "compare_models"]

Whole = npt.NDArray[np.int64]

FEWEST_THERAPISTS: Final = 10
"""From so many known therapists on folds are made of whole therapists, below of whole dyads."""

NO_THEORY: Final = "no theory"


@attrs.frozen(kw_only=True, repr=False)
class Compared:
    """One process model or baseline, and how it did.

    Attributes
    ----------
    score : float
        Held-out log score, nats a move: mean within a dyad, mean over dyads. 0 would be to foresee every move.
    difference : Estimate or None
        Score minus that of the best baseline, paired by dyad; None of that baseline itself.
    by_dyad : mapping of dyad to score
    fit : float or None
        Mean model fit of the episodes, along all that the model speaks of; None where it is not defined.
    precision : float or None
        Of as many episodes as the comparison says.
    off_model : float or None
        The off-model rate learnt from all folds.
    states, arrows : int or None
    weights : int
        How many are free; those of a baseline are its probabilities.
    unseen : tuple of str
        States that no code shows.
    evidence : str
        How many arrows were read, reported by others, recalled and assumed.
    """

    name: str
    baseline: bool
    score: float
    difference: Estimate | None
    by_dyad: Mapping[str, float]
    fit: float | None
    precision: float | None
    off_model: float | None
    states: int | None
    arrows: int | None
    weights: int
    unseen: tuple[str, ...]
    evidence: str

    def __repr__(self) -> str:
        return f"Compared({self.name!r}: {self.score:.4g} nats a move)"


@attrs.frozen(kw_only=True, repr=False)
class ModelComparison:
    """Process models and baselines, scored on the same moves.

    Attributes
    ----------
    compared : tuple of Compared
        The models in the order in which they were named, then the baselines.
    best_baseline : str
        That of the highest score. It is chosen after the fact, which favours it: a model above it is above all three.
    shared : tuple of str
        The functions that every model speaks of and some code has: on these all are scored.
    outcomes : mapping of str to int
        What a move can be, by who makes it.
    n : mapping of str to int
    folds : int
    folds_by : str
        Of whole therapists, or whole dyads.
    precision_of : int
        The number of episodes that precision is told of.
    left_out : mapping of str to int
        Episodes that not every model takes, by reason; one may be counted under several.
    notes : tuple of str
        Why something is not there, and what is odd.
    lead : Estimate or None
        Score of the highest process model minus that of the next; None of a single one.
    """

    compared: tuple[Compared, ...]
    best_baseline: str
    shared: tuple[str, ...]
    outcomes: Mapping[str, int]
    n: Mapping[str, int]
    folds: int
    folds_by: str
    precision_of: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...]
    clustering: Clustering
    confidence: float
    seed: int
    lead: Estimate | None = None
    provenance: Provenance = attrs.field(eq=False)

    @property
    def models(self) -> tuple[Compared, ...]:
        """The process models."""
        return tuple(one for one in self.compared if not one.baseline)

    @property
    def highest(self) -> Compared:
        """The process model or baseline of the highest score; of several, the first."""
        return max(self.compared, key=_score)

    def named(self, name: str) -> Compared:
        """Return one process model or baseline by name.

        Raises
        ------
        RecordError
        """
        found = {one.name: one for one in self.compared}
        if name not in found:
            raise RecordError(f"{name!r:.60} was not compared{did_you_mean(str(name), found)}; compared were: "
                              f"{listed(found)}", field="name", value=name)
        return found[name]

    def difference(self, one: str, other: str) -> Estimate:
        """Return the score of one minus that of another, paired by dyad, with its interval.

        Raises
        ------
        RecordError
            Where one of them was not compared.
        """
        return _difference(self.named(one).by_dyad, self.named(other).by_dyad, what=(
            f"log score of {one} minus that of {other}, nats a move"), clustering=self.clustering, n=self.n,
            confidence=self.confidence, seed=self.seed, provenance=self.provenance)

    @property
    def verdict(self) -> str:
        """What the first criterion says, in a sentence."""
        order = sorted(self.models, key=_score, reverse=True)
        over = self.difference(order[0].name, self.best_baseline)
        which = "is highest of the process models," if self.lead else "is"
        told = [f"{order[0].name} {which} {_apart(over, self.best_baseline)}"]
        if over.interval is not None:
            told.append("it foresees moves better than any baseline" if over.interval[0] > 0 else
                        "that it foresees moves better than what knows nothing of ruptures is not shown")
        if self.lead is not None:
            told.append(f"it is {_apart(self.lead, order[1].name)}")
        if self.lead is not None and self.lead.interval is not None and self.lead.interval[0] <= 0:
            told.append("these data do not tell the two apart")
        return "; ".join(told)

    def lines(self) -> list[tuple[str, str]]:
        """Return what was compared and how as (title, text) pairs."""
        return [
            ("scored on", f"{listed(self.shared, most=20)}; " + ", ".join(
                f"{n} outcomes of the {who}" for who, n in self.outcomes.items())),
            ("n", ", ".join(f"{n:,} {what}" for what, n in self.n.items())),
            ("score", f"log score in nats a move, held out over {self.folds} folds of whole {self.folds_by}s; who "
             "speaks is given"),
            ("first criterion", self.verdict),
            *(("left out", f"{n:,} {why}") for why, n in self.left_out.items()),
            *([("picked", "the highest model and the best baseline, after looking: the first favours the model a "
                "little, the second the baseline; a difference that was named beforehand is not picked")]
              if self.lead is not None else []),
            *(("note", text) for text in self.notes),
            ("does not show", "that people went this way because of what a model says, nor that a model is true; an "
             "arrow may be recalled or assumed, and a model's words may not be in the codebook")]

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table as words, one row a model or baseline."""
        return [(one.name, f"{one.score:.3f}", *_over(one.difference), _short(one.fit),
                 _short(one.precision), _short(one.off_model), *("" if n is None else f"{n:,}" for n in (
                     one.states, one.arrows)), f"{one.weights:,}",
                 f"{one.evidence}{'; no code shows ' + listed(one.unseen) if one.unseen else ''}")
                for one in self.compared]

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles of the columns of `rows`."""
        return ("model", "log score", "over baseline", f"{self.confidence:.0%} interval", "fit",
                f"precision of {self.precision_of}", "off-model rate", "states", "arrows", "weights", "evidence")

    def __repr__(self) -> str:
        return f"ModelComparison({listed(one.name for one in self.models)}; highest {self.highest.name!r})"

    def __str__(self) -> str:
        table = [self.titles, *self.rows()]
        widths = [max(len(row[at]) for row in table) for at in range(len(self.titles))]
        told = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in table]
        return "\n".join([*told, "", *(f"{title}: {text}" for title, text in self.lines())])

    def _repr_html_(self) -> str:
        return _html.page("ModelComparison", listed(one.name for one in self.models),
                          _html.table(self.titles, self.rows()) + _html.facts(self.lines()))

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row a model or baseline; its difference to the best baseline beside it."""
        both = [(one, None if one.difference is None else one.difference.row()) for one in self.compared]
        return {
            "model": FrameColumn.of_words([one.name for one, _ in both]),
            "baseline": FrameColumn(values=np.array([one.baseline for one, _ in both])),
            "score": FrameColumn(values=np.array([one.score for one, _ in both])),
            **{title: _numbers([None if said is None else said[key] for _, said in both]) for title, key in (
                ("over_baseline", "value"), ("low", "low"), ("high", "high"))},
            **{name: _numbers([getattr(one, name) for one, _ in both]) for name in ("fit", "precision", "off_model")},
            **{name: FrameColumn.of_numbers([getattr(one, name) for one, _ in both])
               for name in ("states", "arrows", "weights")},
            "evidence": FrameColumn.of_words([one.evidence for one, _ in both])}

    def estimates(self) -> Estimates:
        """Return the differences to the best baseline as estimates, in the order of the rows."""
        return Estimates(tuple(one.difference for one in self.compared if one.difference is not None))


def _numbers(values: Sequence[float | None]) -> FrameColumn:
    absent = np.array([value is None for value in values], dtype=bool)
    return FrameColumn(values=np.array([0.0 if value is None else value for value in values]), absent=absent)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _apart(held: Estimate, other: str) -> str:
    """Return a difference in words."""
    limits = f"no interval: {held.no_interval}" if held.interval is None else (
        f"interval {held.interval[0]:.3f} to {held.interval[1]:.3f}")
    return f"{abs(held.value):.3f} nats a move {'below' if held.value < 0 else 'above'} {other} ({limits})"


def _over(held: Estimate | None) -> tuple[str, str]:
    if held is None:
        return "the best", ""
    limits = "none" if held.interval is None else f"{held.interval[0]:+.3f} to {held.interval[1]:+.3f}"
    return f"{held.value:+.3f}", limits


# --- comparing --------------------------------------------------------------------------------------------------------


def compare_models(cohort: Cohort, models: Sequence[StateMachine | str], *, costs: AlignmentCosts | None = None,
                   folds: int = 10, seed: int = 1, precision_of: int = 10, track: str | None = None,
                   tie_rule: TieRule = TieRule.AS_FILED, any_type: bool = False, level: str | None = None,
                   confidence: float = 0.95) -> ModelComparison:
    """Compare process models by how well they foresee moves of people they have not seen, beside three baselines.

    The first criterion is the held-out log score a move, log p(what was done | who speaks, all before), a proper score
    (Good 1952; Gneiting & Raftery 2007); `conformance.scoring_models` says how a model is made to give probabilities.

    Parameters
    ----------
    models : sequence of StateMachine or str
        For one rupture type, or for any.
    costs : AlignmentCosts or None
        Of model fit and precision; they do not touch the score.
    folds : int
        Of whole therapists where ten or more are known, else of whole dyads; at most as many as there are.
    precision_of : int
        The number of episodes to which precision is rarefied.
    level : None, "therapist" or "dyad"
        Whose independence the intervals rest on; None takes the highest recorded.

    Raises
    ------
    RecordError
        Without models, with one twice or named as a baseline is, with models of different rupture types, or with fewer
        than two folds.
    NotEstimable
        Where the models share no function that a code shows.
    NotEnoughData
        Where there are fewer than two units to hold out.
    PartyMismatch
        Where a model names a party that the study lacks.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     cohort = segment(example_cohort(), WHOLE_SESSION, track="r1")
    ...     found = compare_models(cohort, ["withdrawal-2000", "safran-muran-1996"])
    >>> found.best_baseline, len(found.shared)
    ('first-order Markov', 9)
    """
    charged, held = AlignmentCosts() if costs is None else costs, [as_model(model) for model in models]
    _check_whole("folds", folds, least=2)
    _check_whole("precision_of", precision_of, least=1)
    read = functools.partial(scored_moves, cohort, held, track=track, tie_rule=tie_rule, any_type=any_type)
    moves = read()
    aligned = read(substitutions=charged.substitutions) if charged.substitutions else moves
    by, fold, warned = _folds(cohort, moves, folds=folds, seed=seed)
    own = [process_model(moves, at) for at in range(len(held))]
    baselines = [_row(moves, make(moves), fold) for make in BASELINES]
    beside = [_beside(aligned, at, costs=charged, precision_of=precision_of, seed=seed) for at in range(len(held))]
    rows = [attrs.evolve(_row(moves, one, fold), **measures) for one, (measures, _) in zip(own, beside, strict=True)]
    made = ModelComparison(
        compared=(*rows, *baselines), best_baseline=max(baselines, key=_score).name, shared=moves.shared,
        outcomes=_outcomes(moves, cohort.coding.parties), n=_counts(moves), folds=int(fold.max()) + 1, folds_by=by,
        precision_of=precision_of, left_out=moves.left_out, clustering=clustering_of(cohort, level=level),
        notes=(*warned, *(text for _, said in beside for text in said)), confidence=confidence, seed=seed,
        provenance=attrs.evolve(moves.provenance, seed=seed, rules=(
            *moves.provenance.rules, charged.identity, f"{int(fold.max()) + 1} folds by {by}", f"{ROUNDS} rounds")))
    first, *others = sorted(rows, key=_score, reverse=True)
    return attrs.evolve(made, lead=made.difference(first.name, others[0].name) if others else None, compared=tuple(
        one if one.name == made.best_baseline else
        attrs.evolve(one, difference=made.difference(one.name, made.best_baseline)) for one in made.compared))


def _score(one: Compared) -> float:
    return one.score


def _check_whole(name: str, value: object, *, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise RecordError(f"{name} is {value!r:.40}; expected a whole number of at least {least}", field=name,
                          value=value)


def _folds(cohort: Cohort, moves: ScoredMoves, *, folds: int, seed: int) -> tuple[str, Whole, tuple[str, ...]]:
    """Return what folds are made of, the fold of each dyad, and what is odd about it.

    Units are shuffled by the seed and dealt out in turn.

    Raises
    ------
    NotEnoughData
        Where there are fewer than two units.
    """
    scored = [moves.dyads[at] for at in np.unique(moves.dyad[moves.scored]).tolist()]
    whose = {str(dyad): who for dyad, who in zip(cohort.dyads.words("dyad"), cohort.dyads.words("therapist"),
                                                 strict=True)}
    known = {who for dyad in scored if (who := whose.get(dyad)) is not None}
    by = "therapist" if len(known) >= FEWEST_THERAPISTS else "dyad"
    held = clustering_of(cohort, level=by)
    units = sorted({held.of[dyad] for dyad in scored})
    if len(units) < 2:
        raise NotEnoughData(f"moves are foretold of people who are held out; that needs two or more {by}s with an "
                            f"episode of two or more moves, and there are {len(units)}", needed=2, found=len(units))
    dealt = _random.shuffled(_random.key(seed, cluster="all", purpose="folds"), len(units)).tolist()
    fold_of = {units[unit]: place % min(folds, len(units)) for place, unit in enumerate(dealt)}
    warned = () if by == "therapist" or not known else (
        f"only {len(known)} therapists are known: folds are of dyads, so dyads of one therapist may stand in several",)
    return by, np.array([fold_of.get(held.of[dyad], 0) for dyad in moves.dyads], dtype=np.int64), warned


def _row(moves: ScoredMoves, one: Predictor, fold: Whole) -> Compared:
    """Return how a predictor did, as yet without anything beside its score."""
    scores, dyad = one.scores(fold), moves.dyad[moves.scored]
    total, n = np.bincount(dyad, weights=scores), np.bincount(dyad)
    by_dyad = {moves.dyads[at]: float(total[at] / n[at]) for at in np.flatnonzero(n).tolist()}
    return Compared(name=one.name, baseline=True, score=math.fsum(by_dyad.values()) / len(by_dyad), difference=None,
                    by_dyad=by_dyad, fit=None, precision=None, off_model=one.off_model, states=None, arrows=None,
                    weights=one.free, unseen=(), evidence=NO_THEORY)


def _difference(one: Mapping[str, float], other: Mapping[str, float], *, what: str, clustering: Clustering,
                n: Mapping[str, int], confidence: float, seed: int, provenance: Provenance) -> Estimate:
    return over_dyads(
        {dyad: value - other[dyad] for dyad, value in one.items()}, what=what, clustering=clustering, seed=seed,
        n={key: n[key] for key in ("episodes", "scored moves")}, confidence=confidence, provenance=provenance,
        assumptions=("what was learnt is taken as given: folds share moves that were learnt from",))


def _outcomes(moves: ScoredMoves, parties: Sequence[str]) -> dict[str, int]:
    whose = np.unique(np.column_stack([moves.speaker, moves.outcome]), axis=0)[:, 0]
    names = (*parties, "nobody named")
    return {names[at]: n for at, n in enumerate(np.bincount(whose).tolist()) if n}


def _counts(moves: ScoredMoves) -> dict[str, int]:
    return {"dyads": len(np.unique(moves.dyad[moves.scored])), "episodes": len(moves.episodes),
            "scored moves": int(moves.scored.sum())}


# --- beside the score -------------------------------------------------------------------------------------------------


def _beside(moves: ScoredMoves, at: int, *, costs: AlignmentCosts, precision_of: int, seed: int
            ) -> tuple[dict[str, Any], list[str]]:
    """Return what stands beside the score of a process model, and why some of it does not."""
    alphabet = moves.alphabets[at]
    model, offsets = alphabet.model, moves.episodes.offsets
    symbols = moves.symbol[at][moves.kind]
    seen = coverage(alphabet.codebook, model, parties=alphabet.parties)
    fit = or_reason(lambda: _mean_fit(alphabet, costs, symbols, offsets))
    precise = or_reason(lambda: rarefied_precision(
        alphabet, costs, lambda one: symbols[offsets[one] : offsets[one + 1]].tolist(), n=len(moves.episodes),
        episodes=precision_of, seed=seed))
    measures = {
        "baseline": False, "fit": fit if isinstance(fit, float) else None, "states": len(model.states),
        "arrows": len(model.transitions), "precision": precise if isinstance(precise, float) else None,
        "unseen": seen.unobservable, "evidence": model.evidence_text()}
    said = (("model fit", fit), ("precision", precise))
    return measures, [f"{model.name} has no {what}: {held}" for what, held in said if isinstance(held, str)]


def _mean_fit(alphabet: Alphabet, costs: AlignmentCosts, symbols: npt.NDArray[np.int16], offsets: Whole) -> float:
    """Return the mean model fit, 1 - cost / worst, of episodes that can cost anything.

    Raises
    ------
    NotEstimable
        Where no episode can stop where it may, or none can cost anything.
    """
    lengths = np.diff(offsets)
    check_sums(costs, moves=int(lengths.max()), states=len(alphabet.model.states))
    held = prices(alphabet, costs)
    nothing = int((held.begin + held.stop).min())
    if nothing >= NO_WAY:
        raise NotEstimable("no way leads to a state where an episode may stop")
    worst = nothing + costs.off_model * lengths
    if not worst.any():
        raise NotEstimable("nothing can cost anything")
    cost = costs_by_walk(Table(held), symbols, offsets=offsets)
    return float((1 - cost[worst > 0] / worst[worst > 0]).mean())
