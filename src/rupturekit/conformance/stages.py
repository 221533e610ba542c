"""Which stages carry the order: for each pair of a theory's stages, how often the one comes before the other.

A gain in order says that moves follow a model more closely than in any order; it does not say where. Here every two
stages are held against each other: of all pairs of a move of stage A and one of stage B in an episode, the share in
which A's comes first, moves at one instant counting half. A move's stage is the step that its own content makes by the
model's arrows, wherever it stands, so no order is built in; moves that make several steps, or none, have no stage.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._frames import FrameColumn
from rupturekit._kernels.open_claims import precede
from rupturekit._table import Array
from rupturekit.alphabet import Alphabet
from rupturekit.cohort import Cohort
from rupturekit.conformance.order import check_draws, check_exchangeable, symbols_of
from rupturekit.errors import NotEnoughData, NotEstimable
from rupturekit.inference.clusters import Clustering, clustering_of
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.inference.held import held_moves
from rupturekit.inference.multiplicity import false_discovery
from rupturekit.inference.nulls import HOLDS, Exchange, Null, arrangement_count, batches, exchanges, rearranged
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.provenance import Provenance
from rupturekit.replays import Replay, replay_of_all
from rupturekit.segmentation import SegmentationRule
from rupturekit.state_machine import StateMachine, as_model
from rupturekit.ties import TieRule, instants_of

__all__ = ["StageOrder", "StagePair", "stage_order"]

Whole = npt.NDArray[np.int64]
Pair = tuple[int, int]
"""Two stages, by their places among the steps."""


@attrs.frozen(kw_only=True)
class StagePair:
    """How often moves of one stage come before those of another.

    Attributes
    ----------
    share : Estimate
        P(earlier before later): pooled over a dyad's episodes, mean over dyads.
    gain : Estimate
        The share less its mean under the null, dyad by dyad; carries the test where one was possible.
    untested : str
        Why there is no test; empty where there is one.
    adjusted : float or None
        The smallest false-discovery rate at which the pair would be called a discovery, over all pairs tested.
    """

    earlier: str
    later: str
    share: Estimate
    gain: Estimate
    untested: str
    adjusted: float | None

    def __str__(self) -> str:
        held = self.gain.interval
        within = f"{held[0]:+.3f} to {held[1]:+.3f}" if held else "no interval"
        test = f"p {self.gain.test.p:.4f}, adjusted {self.adjusted:.4f}" if self.gain.test else self.untested
        n = self.share.n
        return (f"{self.earlier} before {self.later}: {self.share.value:.3f}, over chance {self.gain.value:+.3f} "
                f"({within}); {test}; {n['pairs of moves']:,} pairs of moves, {n['dyads']:,} dyads")


@attrs.frozen(kw_only=True, repr=False)
class StageOrder:
    """For every two stages of a model, how often moves of the one come before those of the other.

    Attributes
    ----------
    pairs : tuple of StagePair
        In the model's order of states, the earlier first.
    without : tuple of str
        Pairs that no episode holds a move of either of.
    left_out : mapping of str to int
        Moves and episodes that gave no pair, by reason.
    """

    model: str
    evidence: str
    null: str
    pairs: tuple[StagePair, ...]
    without: tuple[str, ...]
    left_out: Mapping[str, int]
    provenance: Provenance = attrs.field(eq=False)

    def __repr__(self) -> str:
        return f"StageOrder({self.model!r}: {len(self.pairs)} pairs of stages)"

    def lines(self) -> list[tuple[str, str]]:
        """Return the result as (title, text) pairs."""
        gains = [pair.gain for pair in self.pairs]
        return [("model", f"{self.model}, {self.evidence}"),
                *((f"pair {at}", str(pair)) for at, pair in enumerate(self.pairs, start=1)),
                *(("intervals", text) for text in dict.fromkeys(
                    f"{one.confidence:.0%}, {one.method}" for one in gains if one.interval)),
                *(("no interval", text) for text in dict.fromkeys(
                    one.no_interval for one in gains if not one.interval)),
                ("tests", f"against {self.null!r}, adjusted for all pairs (Benjamini & Yekutieli 2001)"),
                *(("warning", text) for text in dict.fromkeys(text for one in gains for text in one.warnings)),
                *(("no episode holds both", text) for text in self.without),
                *((f"left out: {what}", f"{n:,}") for what, n in self.left_out.items()),
                ("does not show", "that one stage brings the other about; the pairs of three stages hang together, so "
                                  "several may tell one thing")]

    def __str__(self) -> str:
        return "\n".join(f"{title}: {text}" for title, text in self.lines())

    def _repr_html_(self) -> str:
        rows = ((pair.earlier, pair.later, f"{pair.share.value:.3f}", f"{pair.gain.value:+.3f}",
                 *(("", "") if pair.gain.interval is None else (f"{end:+.3f}" for end in pair.gain.interval)),
                 "" if pair.gain.test is None else f"{pair.gain.test.p:.4f}",
                 "" if pair.adjusted is None else f"{pair.adjusted:.4f}", pair.share.n["dyads"]) for pair in self.pairs)
        table = _html.table(("earlier", "later", "share", "over chance", "low", "high", "p", "adjusted", "dyads"), rows)
        return _html.page("StageOrder", self.model, table, _html.facts(
            [line for line in self.lines() if not line[0].startswith("pair ")]))

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row a pair; what it does not have is absent."""
        tests = [pair.gain.test for pair in self.pairs]
        ends = [pair.gain.interval or (None, None) for pair in self.pairs]
        return {"earlier": FrameColumn.of_words(pair.earlier for pair in self.pairs),
                "later": FrameColumn.of_words(pair.later for pair in self.pairs),
                "share": _numbers([pair.share.value for pair in self.pairs]),
                "gain": _numbers([pair.gain.value for pair in self.pairs]),
                "low": _numbers([low for low, _ in ends]), "high": _numbers([high for _, high in ends]),
                "p": _numbers([None if test is None else test.p for test in tests]),
                "adjusted": _numbers([pair.adjusted for pair in self.pairs]),
                **{name: FrameColumn.of_numbers(pair.share.n[name] for pair in self.pairs)
                   for name in ("dyads", "episodes", "pairs of moves")}}


def _numbers(values: Sequence[float | None]) -> FrameColumn:
    return FrameColumn(values=np.array([value or 0.0 for value in values], dtype=np.float64),
                       absent=np.array([value is None for value in values], dtype=bool))


def stage_order(cohort: Cohort, model: StateMachine | str, *, rule: SegmentationRule, null: Null | str = Null.TURNS,
                draws: int = 999, seed: int = 1, track: str | None = None, tie_rule: TieRule = TieRule.AS_FILED,
                any_type: bool = False, level: str | None = None, confidence: float = 0.95,
                alternative: Alternative = "two-sided", alpha: float = 0.05) -> StageOrder:
    """Estimate for every two stages how often moves of the one come before those of the other, and test each pair.

    The share of pairs of moves is that of Mann & Whitney's statistic: (pairs in order + half of those at one instant) /
    pairs, pooled over a dyad's episodes; dyads count alike. All pairs are tested with the same arrangements, and their
    p-values adjusted for any dependence (Benjamini & Yekutieli 2001).

    Parameters
    ----------
    rule : SegmentationRule
        The rule that drew the episodes: moves that it looks at stay where they are, and enter no pair.
    null : Null
        What is exchanged; see `inference.nulls`.
    alternative : "two-sided", "greater" or "less"
        "greater" asks for the model's order only.

    Raises
    ------
    NotEstimable
        Where no episode holds free moves of two stages, or the model looks at elapsed time.
    RecordError
        Where `draws` is below 1.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     cohort = segment(example_cohort(), WHOLE_SESSION, track="r1")
    >>> stage_order(cohort, "withdrawal-2000", rule=WHOLE_SESSION, draws=99)
    StageOrder('withdrawal-2000': 6 pairs of stages)
    """
    null = Null(null)
    check_draws(draws)
    replay = replay_of_all(cohort, as_model(model), track=track, tie_rule=tie_rule, follow_skips=False,
                           any_type=any_type)
    alphabet = replay.kinds.alphabet
    check_exchangeable(alphabet)
    steps = _steps(alphabet)
    episodes, left_out = _episodes(replay, rule, steps=steps, null=null)
    occur = sorted({stage for one in episodes for stage in np.unique(one.stage).tolist()} - {-1})
    asked = list(itertools.combinations(occur, 2))
    pairs = [pair for pair in asked if any(one.pairs(pair) for one in episodes)]
    if not pairs:
        raise NotEstimable("no episode holds free moves of two stages" + "".join(
            f"; {n:,} {why}" for why, n in left_out.items()))
    episodes = [one for one in episodes if any(map(one.pairs, pairs))]
    make = _Maker(clustering=clustering_of(cohort, level=level), confidence=confidence, seed=seed, null=null,
                  draws=draws, alternative=alternative, alpha=alpha, provenance=replay.provenance)
    dyads, unit = np.unique([one.dyad for one in episodes], return_inverse=True)
    twice = make.in_order(episodes, pairs, unit=unit)
    return StageOrder(
        model=alphabet.model.name, evidence=alphabet.model.evidence_text(), null=null.value, left_out=left_out,
        provenance=attrs.evolve(replay.provenance, seed=seed),
        without=tuple(f"{steps[first]}, {steps[second]}" for first, second in asked if (first, second) not in pairs),
        pairs=_adjusted([make.pair(episodes, pair, twice=twice[at], unit=unit, dyads=dyads.tolist(), steps=steps)
                         for at, pair in enumerate(pairs)]))


def _adjusted(pairs: Sequence[StagePair]) -> tuple[StagePair, ...]:
    """Return the pairs with their p-values adjusted for all that were tested."""
    tested = [pair.gain.test.p for pair in pairs if pair.gain.test is not None]
    rates = iter(false_discovery(tested, dependence="any") if tested else [])
    return tuple(pair if pair.gain.test is None else attrs.evolve(pair, adjusted=next(rates)) for pair in pairs)


@attrs.frozen(kw_only=True, eq=False)
class _Episode:
    """One episode as it is rearranged: the stage of each move, -1 for none, and what is exchanged."""

    dyad: str
    stage: npt.NDArray[np.int16]
    instant: Array
    exchanges: tuple[Exchange, ...]

    def pairs(self, pair: Pair) -> int:
        """Return how many pairs of a move of either stage there are: no arrangement changes it."""
        return math.prod(int((self.stage == stage).sum()) for stage in pair)


@attrs.frozen(kw_only=True, eq=False)
class _Maker:
    """How pairs are estimated and tested: alike for all of them."""

    clustering: Clustering
    confidence: float
    seed: int
    null: Null
    draws: int
    alternative: Alternative
    alpha: float
    provenance: Provenance

    def in_order(self, episodes: Sequence[_Episode], pairs: Sequence[Pair], *, unit: Whole) -> Whole:
        """Return twice the pairs of moves in order: pairs x dyads x (as observed, then each arrangement)."""
        twice = np.zeros((len(pairs), int(unit.max()) + 1, self.draws + 1), dtype=np.int64)
        for one, whose in zip(episodes, unit.tolist(), strict=True):
            held = [(at, pair) for at, pair in enumerate(pairs) if one.pairs(pair)]
            for columns, laid in self._laid(one):
                for at, pair in held:
                    first, second = (np.asarray(laid == stage).astype(np.int16) for stage in pair)
                    twice[at, whose, columns] += precede(first, second, instant=one.instant)
        return twice

    def _laid(self, one: _Episode) -> Iterator[tuple[slice, Array]]:
        """Yield the stages of an episode as observed, then of its arrangements, a few at once, and where they count."""
        yield slice(0, 1), one.stage[:, None]
        for start, count in batches(len(one.stage), draws=self.draws):
            yield slice(start + 1, start + 1 + count), rearranged(
                one.exchanges, one.stage, seed=self.seed, null=self.null, start=start, count=count)

    def pair(self, episodes: Sequence[_Episode], pair: Pair, *, twice: Whole, unit: Whole, dyads: Sequence[str],
             steps: Sequence[str]) -> StagePair:
        """Return one pair, its p-value not adjusted yet; `twice` is dyads x (as observed, then each arrangement)."""
        many = np.array([one.pairs(pair) for one in episodes])
        of = np.bincount(unit, weights=many).astype(np.int64)
        shares = twice[of > 0] / (2 * of[of > 0])[:, None]
        n = {"episodes": int((many > 0).sum()), "pairs of moves": int(many.sum())}
        test = self._test(shares, _ways(episodes, pair))
        make = functools.partial(self._estimate, [name for name, some in zip(dyads, of, strict=True) if some], n=n)
        earlier, later = (steps[stage] for stage in pair)
        said = f"P({earlier} before {later})"
        return StagePair(
            earlier=earlier, later=later, share=make(said, shares[:, 0], bounds=(0.0, 1.0)), adjusted=None, gain=make(
                f"gain over the null in {said}", shares[:, 0] - shares[:, 1:].mean(axis=1), bounds=(-1.0, 1.0),
                test=None if isinstance(test, str) else test), untested=test if isinstance(test, str) else "")

    def _test(self, shares: Array, ways: int) -> NullTest | str:
        """Return the test of the gain, or why there is none."""
        means = (shares - shares[:, 1:].mean(axis=1)[:, None]).mean(axis=0)
        try:
            found = permutation_test(
                float(means[0]), lambda start, count: np.asarray(means[1 + start : 1 + start + count]), null=self.null,
                seed=self.seed, n_arrangements=ways, draws=self.draws, alternative=self.alternative, alpha=self.alpha)
            return attrs.evolve(found, expected=0.0)    # by the definition of the gain, but for rounding
        except NotEnoughData as why:
            return f"not tested: {why}"

    def _estimate(self, dyads: Sequence[str], what: str, values: Array, *, n: Mapping[str, int],
                  bounds: tuple[float, float], test: NullTest | None = None) -> Estimate:
        return over_dyads(
            dict(zip(dyads, values.tolist(), strict=True)), what=what, clustering=self.clustering, n=n, bounds=bounds,
            confidence=self.confidence, seed=self.seed, test=test, provenance=self.provenance,
            warnings=(HOLDS[self.null],) if self.null is Null.FREE else ())


def _ways(episodes: Sequence[_Episode], pair: Pair) -> int:
    """Return how many different arrangements of two stages there are at most, over the episodes that hold both."""
    return math.prod(arrangement_count(exchange, np.where(np.isin(one.stage, pair), one.stage, -1))
                     for one in episodes if one.pairs(pair) for exchange in one.exchanges)


def _steps(alphabet: Alphabet) -> tuple[str, ...]:
    """Return the steps that arrows make, in the order of the model's states; those of chains and sets follow them."""
    index = alphabet.model.index
    found = list(dict.fromkeys(arrow.step for arrow in alphabet.model.transitions if arrow.when is not None))
    found.sort(key=lambda step: index.get(step, len(index)))
    return tuple(found)


def _stage_of(alphabet: Alphabet, steps: Sequence[str]) -> npt.NDArray[np.int16]:
    """Return the stage of each symbol by its place in `steps`: -1 where its arrows make several, or none."""
    made = np.zeros((len(alphabet.fits), len(steps)), dtype=bool)
    for at, arrow in enumerate(alphabet.model.transitions):
        if arrow.when is not None:
            made[:, steps.index(arrow.step)] |= alphabet.fits[:, at]
    return np.where(made.sum(axis=1) == 1, made.argmax(axis=1), -1).astype(np.int16)


def _episodes(replay: Replay, rule: SegmentationRule, *, steps: Sequence[str], null: Null
              ) -> tuple[list[_Episode], dict[str, int]]:
    """Return the episodes with what is exchanged in them, and what gives no pair, by reason."""
    cohort, episodes = replay.cohort, replay.episodes
    stage = _stage_of(replay.kinds.alphabet, steps)[symbols_of(replay)]
    held = held_moves(cohort, episodes, rule) if null is not Null.FREE else np.zeros(len(stage), dtype=bool)
    moves, members, instant = cohort.moves, episodes.members, instants_of(cohort, episodes)
    party, code = moves.party[members], moves.code[members]
    names, dyads = episodes.rows.words("episode"), episodes.rows.words("dyad")
    found = []
    for at, (low, high) in enumerate(itertools.pairwise(episodes.offsets.tolist())):
        here = slice(low, high)
        made = exchanges(null, episode=str(names[at]), party=party[here], content=code[here], held=held[here])
        found.append(_Episode(dyad=str(dyads[at]), stage=np.where(held[here], -1, stage[here]).astype(np.int16),
                              instant=instant[here], exchanges=tuple(made)))
    counted = {"moves held, since the rule looks at them": int(held.sum()),
               "moves without a stage of their own": int((stage[~held] < 0).sum())}
    return found, {why: n for why, n in counted.items() if n} | dict(replay.left_out)
