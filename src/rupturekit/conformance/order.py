"""Is there more order than chance, and is it this theory's order?

Order gain compares what an episode costs when it is aligned to a process model with what it would cost if its moves
came in any order. Two questions are kept apart: whether there is any order in any episode (the sharp null, tested by
exchanging moves), and whether the mean gain over dyads is above 0 (an interval over the units that are independent).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._kernels.alignment import Prices, Table, costs_by_programme, costs_by_walk, table_of
from rupturekit._table import Array
from rupturekit.cohort import Cohort
from rupturekit.conformance.costs import AlignmentCosts, prices
from rupturekit.errors import NotEstimable
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.held import held_moves
from rupturekit.inference.nulls import HOLDS, Exchange, Null, arrangement_count, exchanges, rearranged
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.kinds import MoveReader, blocks_of
from rupturekit.replays import Replay, replay_of_all
from rupturekit.segmentation import SegmentationRule
from rupturekit.state_machine import StateMachine, as_model
from rupturekit.ties import TieRule

__all__ = ["OrderGain", "order_gain"]

Whole = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, repr=False)
class OrderGain:
    """How much cheaper episodes are along a model than the same moves in any order.

    Attributes
    ----------
    gain : Estimate
        1 - observed cost / mean cost under the null, pooled within a dyad, mean over dyads; with the test of the
        sharp null.
    episodes : mapping of episode to gain, or None
        None is not estimable: under the null the episode costs nothing either.
    left_out : mapping of str to int
    """

    model: str
    evidence: str
    gain: Estimate
    episodes: Mapping[str, float | None]
    left_out: Mapping[str, int]

    def __repr__(self) -> str:
        return f"OrderGain({self.model!r}: {self.gain.value:.3g})"

    def lines(self) -> list[tuple[str, str]]:
        """Return the result as (title, text) pairs."""
        unknown = sum(gain is None for gain in self.episodes.values())
        return [("model", f"{self.model}, {self.evidence}"), *self.gain.lines(),
                *((f"left out: {why}", f"{n:,}") for why, n in self.left_out.items()),
                *([("episodes without a gain of their own", f"{unknown:,}")] if unknown else []),
                ("does not show", "that episodes went this way because of what the model says; other models may fit "
                                  "the same order")]

    def __str__(self) -> str:
        return "\n".join(f"{title}: {text}" for title, text in self.lines())

    def _repr_html_(self) -> str:
        return _html.page("OrderGain", self.model, _html.facts(self.lines()))


@attrs.frozen(kw_only=True, eq=False)
class _Episode:
    """One episode as it is rearranged: the symbol of each move, and what is exchanged."""

    name: str
    dyad: str
    symbols: npt.NDArray[np.int16]
    exchanges: tuple[Exchange, ...]


@attrs.frozen(kw_only=True, eq=False)
class _Coster:
    """What episodes cost along a model: through the table, or through the programme where that has too many vectors."""

    prices: Prices
    table: Table | None

    def of(self, laid: Array) -> Whole:
        """Return the cost of each column of symbols: moves x arrangements."""
        n, many = laid.shape
        symbols = np.ascontiguousarray(laid.T).ravel()
        offsets = np.arange(0, n * many + 1, n, dtype=np.int64) if n else np.zeros(many + 1, dtype=np.int64)
        if self.table is None:
            return costs_by_programme(self.prices, symbols, offsets=offsets)
        return costs_by_walk(self.table, symbols, offsets=offsets)


def order_gain(cohort: Cohort, model: StateMachine | str, rule: SegmentationRule, *,
               costs: AlignmentCosts | None = None, null: Null | str = Null.TURNS, draws: int = 999, seed: int = 1,
               track: str | None = None, tie_rule: TieRule = TieRule.AS_FILED, any_type: bool = False,
               level: str | None = None, confidence: float = 0.95, alternative: Alternative = "greater",
               alpha: float = 0.05) -> OrderGain:
    """Estimate order gain: 1 - observed cost / mean cost with the moves in any order.

    0 is no more order along this model than chance, 1 an order without any deviation. Costs are summed over a dyad's
    episodes, observed and under the null, before their ratio is taken; then dyads count alike.

    Parameters
    ----------
    rule : SegmentationRule
        The rule that drew the episodes: moves that it looks at stay where they are.
    null : Null
        What is exchanged; see `inference.nulls`.

    Raises
    ------
    NotEstimable
        Where no episode costs anything under the null: every order of its moves follows the model.
    NotEnoughData
        Where the smallest p attainable is above alpha.
    """
    charged, null = AlignmentCosts() if costs is None else costs, Null(null)
    replay = replay_of_all(cohort, as_model(model), track=track, tie_rule=tie_rule, follow_skips=False,
                           any_type=any_type)
    held = prices(replay.kinds.alphabet, charged)
    coster = _Coster(prices=held, table=table_of(held))
    episodes, left_out = _episodes(replay, rule, null)
    if not episodes:
        raise NotEstimable("no episode holds moves that could be exchanged"
                           + "".join(f"; {n:,} {why}" for why, n in left_out.items()))
    observed = np.array([int(coster.of(one.symbols[:, None])[0]) for one in episodes])
    drawn = np.stack([coster.of(rearranged(one.exchanges, one.symbols, seed=seed, null=null, start=0, count=draws))
                      for one in episodes])
    dyads, unit = np.unique([one.dyad for one in episodes], return_inverse=True)
    seen, laid = _summed(unit, observed[:, None]), _summed(unit, drawn)
    expected = laid.mean(axis=1)
    known = expected > 0
    if not known.any():
        raise NotEstimable("no episode costs anything under the null: whatever the order of its moves, it follows "
                           f"{replay.kinds.alphabet.model.name}")
    gains = 1 - laid[known] / expected[known][:, None]
    values = 1 - seen[known, 0] / expected[known]
    test = permutation_test(
        float(values.mean()), lambda start, count: np.asarray(gains[:, start : start + count].mean(axis=0)), null=null,
        seed=seed, draws=draws, alternative=alternative, alpha=alpha, n_arrangements=math.prod(
            arrangement_count(exchange, one.symbols) for one in episodes for exchange in one.exchanges))
    model_name = replay.kinds.alphabet.model
    made = over_dyads(
        dict(zip(dyads[known].tolist(), values.tolist(), strict=True)), what=f"order gain along {model_name.name}",
        clustering=clustering_of(cohort, level=level), n={"episodes": len(episodes)}, confidence=confidence, seed=seed,
        test=test, warnings=(HOLDS[null],) if null is Null.FREE else (), provenance=attrs.evolve(
            replay.provenance, rules=(*replay.provenance.rules, charged.identity)))
    means = drawn.mean(axis=1)
    return OrderGain(
        model=model_name.name, evidence=model_name.evidence_text(), gain=made, left_out=left_out, episodes={
            one.name: float(1 - cost / mean) if mean > 0 else None
            for one, cost, mean in zip(episodes, observed.tolist(), means.tolist(), strict=True)})


def _summed(unit: Whole, costs: Array) -> Whole:
    total = np.zeros((int(unit.max()) + 1, costs.shape[1]), dtype=np.int64)
    np.add.at(total, unit, costs)
    return total


def _episodes(replay: Replay, rule: SegmentationRule, null: Null) -> tuple[list[_Episode], dict[str, int]]:
    """Return the episodes that can be rearranged, and how many cannot, by reason."""
    cohort, episodes = replay.cohort, replay.episodes
    reader = MoveReader(cohort, replay.kinds)
    symbols = np.concatenate([*(replay.kinds.symbol.take(reader.read(block)) for block in blocks_of(episodes)),
                              np.zeros(0, dtype=np.int16)])
    held = held_moves(cohort, episodes, rule) if null is not Null.FREE else np.zeros(len(symbols), dtype=bool)
    party = cohort.moves.party[episodes.members]
    names, dyads = episodes.rows.words("episode"), episodes.rows.words("dyad")
    found, fixed = [], 0
    for at, (low, high) in enumerate(zip(episodes.offsets[:-1].tolist(), episodes.offsets[1:].tolist(), strict=True)):
        here = slice(low, high)
        made = exchanges(null, episode=str(names[at]), party=party[here], content=symbols[here], held=held[here])
        one = _Episode(name=str(names[at]), dyad=str(dyads[at]), symbols=symbols[here], exchanges=tuple(made))
        if math.prod(arrangement_count(exchange, one.symbols) for exchange in made) < 2:
            fixed += 1
        else:
            found.append(one)
    return found, ({"episodes without moves that can be exchanged": fixed} if fixed else {}) | dict(replay.left_out)
