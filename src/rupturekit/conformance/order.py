"""Is there more order than chance, and is it this theory's order?

Order gain compares what an episode costs when it is aligned to a process model with what it would cost if its moves
came in any order. Two questions are kept apart: whether there is any order in any episode (the sharp null, tested by
exchanging moves), and whether the mean gain over dyads is above 0 (an interval over the units that are independent).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Mapping

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._frames import FrameColumn
from rupturekit._kernels.alignment import NO_WAY, Prices, Table, costs_by_walk
from rupturekit._table import Array
from rupturekit.alphabet import Alphabet
from rupturekit.cohort import Cohort
from rupturekit.conformance.costs import Accept, AlignmentCosts, check_sums, prices
from rupturekit.conformance.substitutions import told_apart
from rupturekit.errors import NotEstimable, RecordError, listed
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.held import held_moves
from rupturekit.inference.nulls import HOLDS, Exchange, Null, arrangement_count, batches, exchanges, rearranged
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.kinds import MoveReader, blocks_of
from rupturekit.provenance import Provenance
from rupturekit.replays import Replay, replay_of_all
from rupturekit.segmentation import SegmentationRule
from rupturekit.state_machine import StateMachine, as_model
from rupturekit.ties import TieRule

__all__ = ["ExchangedEpisode", "OrderGain", "check_draws", "check_exchangeable", "exchanged_episodes", "order_gain",
           "prices_for", "symbols_of"]

Whole = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, repr=False)
class OrderGain:
    """How much cheaper episodes are along a model than the same moves in any order.

    Attributes
    ----------
    gain : Estimate
        1 - observed cost / mean cost under the null, pooled within a dyad, mean over dyads; with the test of the
        sharp null.
    dyads : mapping of dyad to gain, or None
    episodes : mapping of episode to gain, or None
        None is not estimable: under the null the episodes cost nothing either.
    left_out : mapping of str to int
    """

    model: str
    evidence: str
    gain: Estimate
    dyads: Mapping[str, float | None]
    episodes: Mapping[str, float | None]
    left_out: Mapping[str, int]

    def __repr__(self) -> str:
        return f"OrderGain({self.model!r}: {self.gain.value:.3g})"

    def lines(self) -> list[tuple[str, str]]:
        """Return the result as (title, text) pairs."""
        unknown = sum(gain is None for gain in self.episodes.values())
        return [("model", f"{self.model}, {self.evidence}"), *self.gain.lines(),
                ("is there any order?", "the test above: its null is that no episode of any dyad has order"),
                ("is the mean gain above 0?", self._mean_above_0()),
                *((f"left out: {why}", f"{n:,}") for why, n in self.left_out.items()),
                *([("episodes without a gain of their own, since no order of their moves costs anything",
                    f"{unknown:,}")] if unknown else []),
                ("does not show", "that episodes went this way because of what the model says; other models may fit "
                                  "the same order")]

    def _mean_above_0(self) -> str:
        """Say what the interval says of the mean over dyads; the test says nothing of it."""
        if self.gain.interval is None:
            return "cannot be said without an interval"
        above = self.gain.interval[0] > 0
        return "the interval above " + ("lies above 0" if above else "holds 0, or lies below it")

    @property
    def provenance(self) -> Provenance | None:
        """What it was made from."""
        return self.gain.provenance

    def __str__(self) -> str:
        return "\n".join(f"{title}: {text}" for title, text in self.lines())

    def _repr_html_(self) -> str:
        return _html.page("OrderGain", self.model, _html.facts(self.lines()))

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row an episode: its identity and its gain."""
        gains = self.episodes.values()
        absent = np.array([gain is None for gain in gains], dtype=bool)
        return {"episode": FrameColumn.of_words(self.episodes), "gain": FrameColumn(
            values=np.array([gain or 0.0 for gain in gains], dtype=np.float64), absent=absent)}


@attrs.frozen(kw_only=True, eq=False)
class ExchangedEpisode:
    """One episode as it is rearranged: the symbol of each move, and what is exchanged."""

    name: str
    dyad: str
    symbols: npt.NDArray[np.int16]
    exchanges: tuple[Exchange, ...]

    @functools.cached_property
    def ways(self) -> int:
        """How many different arrangements of its symbols there are."""
        return math.prod(arrangement_count(exchange, self.symbols) for exchange in self.exchanges)


def _costs(table: Table, laid: Array) -> Whole:
    """Return the cost of each column of symbols: moves x arrangements."""
    n, many = laid.shape
    symbols = np.ascontiguousarray(laid.T).ravel()
    return costs_by_walk(table, symbols, offsets=np.arange(many + 1, dtype=np.int64) * n)


def _drawn(table: Table, one: ExchangedEpisode, *, null: Null, seed: int, draws: int) -> Whole:
    """Return the cost of every arrangement of an episode, laid out a few at once."""
    return np.concatenate([
        _costs(table, rearranged(one.exchanges, one.symbols, seed=seed, null=null, start=start, count=count))
        for start, count in batches(len(one.symbols), draws=draws)])


def check_draws(draws: int) -> None:
    """Refuse to draw nothing.

    Raises
    ------
    RecordError
    """
    if draws < 1:
        raise RecordError(f"draws is {draws!r:.40}; expected 1 or more, such as 999", field="draws", value=draws)


def order_gain(cohort: Cohort, model: StateMachine | str, *, rule: SegmentationRule,
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
        Where no episode costs anything under the null: every order of its moves follows the model. Where the model
        looks at elapsed time (contents cannot be exchanged then), or no way leads to where an episode may stop.
    NotEnoughData
        Where the smallest p attainable is above alpha.
    RecordError
        Where `draws` is below 1.

    The quotient has the form of Krippendorff's alpha, 1 - observed / expected; that it is taken of alignment costs is a
    convention of this library. The test is a permutation test (Phipson & Smyth 2010).

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     cohort = segment(example_cohort(), WHOLE_SESSION, track="r1")
    >>> found = order_gain(cohort, "withdrawal-2000", rule=WHOLE_SESSION, draws=199)
    >>> found.gain.n
    {'therapists': 4, 'dyads': 8, 'episodes': 11}
    """
    charged, null = AlignmentCosts() if costs is None else costs, Null(null)
    check_draws(draws)
    replay = told_apart(replay_of_all(cohort, as_model(model), track=track, tie_rule=tie_rule, follow_skips=False,
                                      any_type=any_type), charged.substitutions)
    model = replay.kinds.alphabet.model
    check_exchangeable(replay.kinds.alphabet)
    table = Table(prices_for(replay, charged))
    episodes, left_out = _exchangeable(replay, rule, null)
    observed = np.array([int(_costs(table, one.symbols[:, None])[0]) for one in episodes])
    drawn = np.stack([_drawn(table, one, null=null, seed=seed, draws=draws) for one in episodes])
    dyads, unit = np.unique([one.dyad for one in episodes], return_inverse=True)
    seen, laid = _summed(unit, observed[:, None])[:, 0], _summed(unit, drawn)
    expected = laid.mean(axis=1)
    known = expected > 0
    if not known.any():
        raise NotEstimable("no episode costs anything under the null: whatever the order of its moves, it follows "
                           f"{model.name}")
    if not known.all():
        left_out["dyads without a gain, since no order of their moves costs anything"] = int((~known).sum())
    values, gains = 1 - seen[known] / expected[known], 1 - laid[known] / expected[known][:, None]
    test = permutation_test(
        float(values.mean()), lambda start, count: np.asarray(gains[:, start : start + count].mean(axis=0)), null=null,
        seed=seed, draws=draws, alternative=alternative, alpha=alpha, n_arrangements=math.prod(
            one.ways for one in episodes))
    made = over_dyads(
        dict(zip(dyads[known].tolist(), values.tolist(), strict=True)), what=f"order gain along {model.name}",
        clustering=clustering_of(cohort, level=level), n={"episodes": int(known[unit].sum())}, confidence=confidence,
        seed=seed, warnings=(HOLDS[null],) if null is Null.FREE else (), provenance=attrs.evolve(
            replay.provenance, rules=(*replay.provenance.rules, charged.identity)),
        test=attrs.evolve(test, expected=0.0))    # by the definition of the gain, but for rounding
    return OrderGain(
        model=model.name, evidence=model.evidence_text(), gain=made, left_out=left_out,
        dyads=_gains(dyads.tolist(), seen, expected),
        episodes=_gains([one.name for one in episodes], observed, drawn.mean(axis=1)))


def _exchangeable(replay: Replay, rule: SegmentationRule, null: Null) -> tuple[list[ExchangedEpisode], dict[str, int]]:
    """Return the episodes of which other arrangements exist, and how many were left out, by reason."""
    every, left_out = exchanged_episodes(replay, rule, null), dict(replay.left_out)
    episodes = [one for one in every if one.ways > 1]
    if len(episodes) < len(every):
        left_out["episodes without moves that can be exchanged"] = len(every) - len(episodes)
    if not episodes:
        raise NotEstimable("no episode holds moves that could be exchanged"
                           + "".join(f"; {n:,} {why}" for why, n in left_out.items()))
    return episodes, left_out


def prices_for(replay: Replay, costs: AlignmentCosts) -> Prices:
    """Return the prices of the model that episodes are held against.

    Raises
    ------
    NotEstimable
        Where no way leads to a state in which an episode may stop, or costs could not be added up exactly.
    """
    model, held = replay.kinds.alphabet.model, prices(replay.kinds.alphabet, costs)
    check_sums(costs, moves=int(replay.episodes.lengths.max(initial=0)), states=len(model.states))
    if (held.begin + held.stop).min() >= NO_WAY:
        raise NotEstimable(f"no way leads from {model.initial!r} of {model.name} to a state where an episode may stop; "
                           f"accepted is: {costs.accept}, one of {listed(Accept)}")
    return held


def check_exchangeable(alphabet: Alphabet) -> None:
    """Refuse a model by which a move is something else at another place.

    Raises
    ------
    NotEstimable
    """
    if alphabet.previous_cuts or alphabet.onset_cuts:
        raise NotEstimable(f"{alphabet.model.name} has guards on elapsed time, so what a move is depends on where it "
                           "stands and cannot be exchanged")


def _gains(names: Iterable[str], observed: Array, expected: Array) -> dict[str, float | None]:
    """Return 1 - observed / expected by name; None where nothing is expected."""
    return {name: 1 - cost / mean if mean > 0 else None
            for name, cost, mean in zip(names, observed.tolist(), expected.tolist(), strict=True)}


def _summed(unit: Whole, costs: Array) -> Whole:
    total = np.zeros((int(unit.max()) + 1, costs.shape[1]), dtype=np.int64)
    np.add.at(total, unit, costs)
    return total


def exchanged_episodes(replay: Replay, rule: SegmentationRule, null: Null) -> list[ExchangedEpisode]:
    """Return every episode as a null rearranges it."""
    cohort, episodes, symbols = replay.cohort, replay.episodes, symbols_of(replay)
    held = held_moves(cohort, episodes, rule) if null is not Null.FREE else np.zeros(len(symbols), dtype=bool)
    party = cohort.moves.party[episodes.members]
    names, dyads = episodes.rows.words("episode"), episodes.rows.words("dyad")
    found = []
    for at, (low, high) in enumerate(itertools.pairwise(episodes.offsets.tolist())):
        here = slice(low, high)
        made = exchanges(null, episode=str(names[at]), party=party[here], content=symbols[here], held=held[here])
        found.append(ExchangedEpisode(name=str(names[at]), dyad=str(dyads[at]), symbols=symbols[here],
                                      exchanges=tuple(made)))
    return found


def symbols_of(replay: Replay) -> npt.NDArray[np.int16]:
    """Return the symbol of every move, episode after episode."""
    reader = MoveReader(replay.cohort, replay.kinds)
    parts = [replay.kinds.symbol.take(reader.read(block)) for block in blocks_of(replay.episodes)]
    return np.concatenate([*parts, np.zeros(0, dtype=np.int16)])
