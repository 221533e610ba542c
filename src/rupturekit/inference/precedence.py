"""Stage precedence: does a move of an earlier stage tend to come before one of a later stage?

P(earlier before later) in an episode, over all pairs of moves of different stages, moves at one instant counting half.
A move's stage is that of the state its own content leads to, not the state the path happens to be in: paths run forward
by construction, contents need not. Only moves that segmentation left free are paired, so no order is built in.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.choice import quick_kernels
from rupturekit._kernels.shuffles import precedences
from rupturekit._table import Array
from rupturekit.alphabet import Alphabet
from rupturekit.errors import NotEstimable, RecordError, did_you_mean
from rupturekit.inference.clusters import Clustering, clustering_of
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.held import held_moves
from rupturekit.inference.merging import Counts, in_parts, merged
from rupturekit.inference.nulls import HOLDS, Exchange, Null, arrangement_count, exchanges, in_arrays, rearranged
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.segmentation import SegmentationRule
from rupturekit.state_machine import StateMachine
from rupturekit.ties import instants_of
from rupturekit.traces import TraceTable

__all__ = ["StagePrecedence", "stage_precedence", "stage_ranks"]

_PART: Final = 64
"""Episodes worked on at once. It decides memory and speed, never a result."""


@attrs.frozen(kw_only=True)
class StagePrecedence:
    """How far moves of earlier stages come before moves of later ones, and how far beyond chance.

    Attributes
    ----------
    probability : Estimate
        P(earlier before later), the mean over dyads; 1/2 is no order only where turns do not favour one.
    gain : Estimate
        The probability less its mean under the null, dyad by dyad: the one to compare and to test. Carries the test.
    ranks : mapping of state to its rank
    left_out : mapping of str to int
        Moves and episodes that gave no pair, by reason.
    """

    probability: Estimate
    gain: Estimate
    ranks: Mapping[str, int]
    left_out: Mapping[str, int]

    def __repr__(self) -> str:
        test = self.gain.test
        return f"StagePrecedence({self.probability.value:.3f}, gain {self.gain.value:+.3f}, {test!r})"

    def __str__(self) -> str:
        left = [f"left out: {n:,} {why}" for why, n in self.left_out.items()]
        return "\n".join([self.probability.summary(), self.gain.summary(), *left])


def stage_ranks(model: StateMachine) -> dict[str, int]:
    """Return for each state how many arrows, at least, lead to it from the initial state.

    States that are equally far are of one stage, and their moves are not compared.

    >>> from rupturekit.state_machine import load_model
    >>> stage_ranks(load_model("withdrawal-2000"))["withdrawal"]
    0
    """
    ranks, waiting = {model.initial: 0}, deque([model.initial])
    while waiting:
        here = waiting.popleft()
        for arrow in model.transitions:
            if arrow.source == here and arrow.target not in ranks:
                ranks[arrow.target] = ranks[here] + 1
                waiting.append(arrow.target)
    return ranks


@attrs.frozen(kw_only=True, eq=False)
class _Episode:
    """What one episode gives to the statistic, its free moves in order of time."""

    dyad: str
    ranks: npt.NDArray[np.int8]
    instant: Array
    exchanges: tuple[Exchange, ...]

    def pairs(self) -> int:
        """Return how many pairs of moves stand at different stages: no arrangement changes it."""
        counts = np.bincount(self.ranks[self.ranks >= 0]).tolist()
        total: int = sum(counts) ** 2 - sum(n * n for n in counts)
        return total // 2


def stage_precedence(table: TraceTable, rule: SegmentationRule, *, null: Null = Null.TURNS, stages: Mapping[str, int]
                     | None = None, draws: int = 999, stop_after: int | None = None,
                     alternative: Alternative = "greater", alpha: float = 0.05, confidence: float = 0.95,
                     level: str | None = None, seed: int = 1, executor: str | Executor = "serial",
                     workers: int | None = None) -> StagePrecedence:
    """Estimate and test whether moves of earlier stages come before moves of later ones.

    Each dyad's pairs are pooled over its episodes; dyads count alike. Intervals rest on the highest level recorded. The
    sharp null says that no episode of any dyad has order.

    Parameters
    ----------
    table : TraceTable
        Traces of the episodes that `rule` drew, or of the coders' own.
    rule : SegmentationRule
        The rule that drew them: what it looks at is held under the null and enters no pair.
    stages : mapping of state to rank, or None
        None takes `stage_ranks` of the model.
    level : None, "therapist" or "dyad"
        Whose independence intervals rest on; None takes the highest recorded.

    Raises
    ------
    NotEstimable
        Where the model looks at elapsed time (contents cannot be exchanged then), or no episode holds a pair.
    NotEnoughData
        Where no p at or below alpha is attainable.

    >>> import warnings
    >>> from rupturekit.analysis import analyse
    >>> from rupturekit.plan import Plan
    >>> from rupturekit.example import example_cohort
    >>> done = analyse(example_cohort(), Plan(model="withdrawal-2000", track="r1"))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     found = stage_precedence(done.traces, done.plan.segmentation)
    >>> found.gain.governed_by
    'therapist'
    """
    ranks = stage_ranks(table.model) if stages is None else _checked(stages, table.model)
    episodes, left_out = _episodes(table, rule, ranks=ranks, null=null)
    if not episodes:
        raise NotEstimable(f"no episode holds two free moves of different stages ({_said(left_out)})")
    pairs = Counts.of([one.dyad for one in episodes], np.array([one.pairs() for one in episodes]))
    n_ranks = max(ranks.values()) + 1
    parts = [tuple(episodes[low : low + _PART]) for low in range(0, len(episodes), _PART)]
    held = merged(in_parts(functools.partial(_observed, n_ranks=n_ranks), parts))
    drawn: list[Array] = []

    def statistic(start: int, count: int) -> npt.NDArray[np.float64]:
        work = functools.partial(_drawn, null=null, seed=seed, n_ranks=n_ranks, start=start, count=count,
                                 entries=draws * sum(len(one.ranks) for one in episodes))
        drawn.append(merged(in_parts(work, parts, executor=executor, workers=workers)).values)
        return _means(drawn[-1], pairs.values)

    test = permutation_test(float(_means(held.values, pairs.values)[0]), statistic, null=null, seed=seed,
                            n_arrangements=_ways(episodes), draws=draws, stop_after=stop_after,
                            alternative=alternative, alpha=alpha)
    sums = np.concatenate(drawn, axis=1)[:, : test.draws].sum(axis=1)
    observed = {dyad: twice / (2 * n) for dyad, twice, n in
                zip(pairs.keys, held.values[:, 0].tolist(), pairs.values.tolist(), strict=True)}
    gained = {dyad: observed[dyad] - total / (2 * n * test.draws) for dyad, total, n in
              zip(pairs.keys, sums.tolist(), pairs.values.tolist(), strict=True)}
    make = functools.partial(_estimate, table, episodes, clustering=clustering_of(table.cohort, level=level),
                             confidence=confidence, seed=seed, n_pairs=int(pairs.values.sum()),
                             warned=(HOLDS[null],) if null is Null.FREE else ())
    return StagePrecedence(
        probability=make("P(earlier stage before later)", observed, bounds=(0.0, 1.0)),
        gain=attrs.evolve(make("gain over the null in P(earlier stage before later)", gained, bounds=(-1.0, 1.0)),
                          test=test),
        ranks=ranks, left_out=left_out)


def _checked(stages: Mapping[str, int], model: StateMachine) -> dict[str, int]:
    names = [state.name for state in model.states]
    for name, rank in stages.items():
        if name not in names:
            raise RecordError(f"stages name the state {name!r}, which {model.name} has not{did_you_mean(name, names)}",
                              field="stages", value=name)
        if not 0 <= rank < 100:
            raise RecordError(f"state {name!r} has rank {rank}; expected a whole number from 0 to 99", field="stages",
                              value=rank)
    if len(set(stages.values())) < 2:
        raise NotEstimable("all states have one rank, so no stage is earlier than another")
    return dict(stages)


def _episodes(table: TraceTable, rule: SegmentationRule, *, ranks: Mapping[str, int], null: Null
              ) -> tuple[list[_Episode], dict[str, int]]:
    """Return the episodes that hold pairs, and how many moves and episodes gave none, by reason."""
    cohort, episodes, alphabet = table.cohort, table.episodes, table.alphabet
    if alphabet.previous_cuts or alphabet.onset_cuts:
        raise NotEstimable(f"{table.model.name} has guards on elapsed time, so what a move is depends on where it "
                           "stands and cannot be exchanged")
    rank = _symbol_ranks(alphabet, ranks)[table.symbol]
    held = (held_moves(cohort, episodes, rule) if null is not Null.FREE
            else np.zeros(len(rank), dtype=bool))
    moves, members = cohort.moves, episodes.members
    party, code, instant = moves.party[members], moves.code[members], instants_of(cohort, episodes)
    dyads, names = episodes.rows.words("dyad"), episodes.rows.words("episode")
    found, empty = [], 0
    for at, (low, high) in enumerate(zip(episodes.offsets[:-1].tolist(), episodes.offsets[1:].tolist(), strict=True)):
        here = slice(low, high)
        made = exchanges(null, episode=str(names[at]), party=party[here], content=code[here], held=held[here])
        one = _Episode(dyad=str(dyads[at]), ranks=np.where(held[here], -1, rank[here]).astype(np.int8),
                       instant=instant[here], exchanges=tuple(made))
        if one.pairs():
            found.append(one)
        else:
            empty += 1
    counted = {"moves held, since the rule looks at them": int(held.sum()),
               "moves without a stage of their own": int((rank[~held] < 0).sum()),
               "episodes without two free moves of different stages": empty}
    return found, {why: n for why, n in counted.items() if n}


def _symbol_ranks(alphabet: Alphabet, ranks: Mapping[str, int]) -> npt.NDArray[np.int8]:
    """Return the rank of each symbol: that of the states its arrows lead to, -1 where they differ or there is none."""
    reached: dict[int, set[int]] = {}
    for (_, symbol), hop in alphabet.hops.items():
        if not hop.skipped and not hop.passed:
            reached.setdefault(symbol, set()).add(ranks.get(alphabet.model.states[hop.target].name, -1))
    found = np.full(alphabet.next.shape[1], -1, dtype=np.int8)
    for symbol, places in reached.items():
        if len(places) == 1:
            found[symbol] = places.pop()
    return found


def _observed(part: Iterable[_Episode], *, n_ranks: int) -> Counts:
    held = list(part)
    return Counts.of([one.dyad for one in held], np.stack([
        precedences(one.ranks[:, None], instant=one.instant, n_ranks=n_ranks) for one in held]))


def _drawn(part: Iterable[_Episode], *, null: Null, seed: int, n_ranks: int, start: int, count: int,
           entries: int) -> Counts:
    """Return for each dyad twice the pairs in order; `entries` are those of the whole test, and choose the kernel."""
    held = list(part)
    count_of = functools.partial(_in_order, null=null, seed=seed, n_ranks=n_ranks, start=start, count=count,
                                 entries=entries)
    return Counts.of([one.dyad for one in held], np.stack([count_of(one) for one in held]))


def _in_order(one: _Episode, *, null: Null, seed: int, n_ranks: int, start: int, count: int, entries: int) -> Array:
    """Return twice the pairs in order under arrangements `start` to `start + count - 1`."""
    quick = quick_kernels(entries)
    if quick is None:
        laid = rearranged(one.exchanges, one.ranks, seed=seed, null=null, start=start, count=count)
        return precedences(laid, instant=one.instant, n_ranks=n_ranks)
    made = in_arrays(one.exchanges, seed=seed, null=null)
    return quick.shuffled_precedences(one.ranks, one.instant, made, n_ranks, np.uint64(start), count)


def _means(twice: Array, pairs: Array) -> npt.NDArray[np.float64]:
    """Return the mean over dyads of each column: twice the pairs in order, over twice the pairs."""
    return np.asarray((twice / (2 * pairs)[:, None]).sum(axis=0) / len(pairs))


def _ways(episodes: Iterable[_Episode]) -> int:
    """Return how many different arrangements of stages there are at most, over all episodes."""
    return math.prod(arrangement_count(exchange, one.ranks) for one in episodes for exchange in one.exchanges)


def _estimate(table: TraceTable, episodes: list[_Episode], what: str, values: Mapping[str, float], *,
              clustering: Clustering, confidence: float, seed: int, n_pairs: int, warned: tuple[str, ...],
              bounds: tuple[float, float]) -> Estimate:
    return over_dyads(
        values, what=what, clustering=clustering, n={"episodes": len(episodes), "pairs of moves": n_pairs},
        confidence=confidence, seed=seed, bounds=bounds, warnings=warned, provenance=table.provenance)


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {why}" for why, n in counts.items()) or "there is none"
