"""Is it this theory's order? The theory among models with the same stages in other orders, and without any order.

A model that episodes follow more closely than chance need not be the right one: others that share its first stages are
followed as well. Here its stages exchange places. What is permuted is the steps that codes show; the graph stays: how
many places there are, which follows which, where silent arrows and unseen steps lie. Two things stay with it:

- the start, for segmentation put every episode there: a model that began elsewhere would contradict the cut, not the
  data, and the theory would win by construction;
- the ends, for that an episode is over there, and how it ended, is a definition and not an order of stages; rules that
  close an episode on its end would favour the theory too.

A step takes its *sign* to its new place: every move that makes the step by any arrow of the theory. What keeps a state
as it is goes with the step too. Where all arrows to a step ask for the same moves, the theory in its own order is the
model as written; else it allows a little more, and its cost as written is told beside. All are compared in this form,
so none is favoured.

A model costs less, too, where frequent moves stand at places that let them last, whatever their order. So a rank by
cost alone says little: the theory can stand first where moves have no order at all. Beside it stands the rank by gain,
each model's cost held against what the same moves cost it in any order, and the differences are taken beyond chance.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html, _random
from rupturekit._frames import FrameColumn
from rupturekit._kernels.alignment import NO_WAY, Prices, Table, costs_by_walk, prices_of
from rupturekit._table import Array
from rupturekit.alphabet import Alphabet
from rupturekit.cohort import Cohort
from rupturekit.conformance.costs import AlignmentCosts
from rupturekit.conformance.order import ExchangedEpisode, check_exchangeable, exchanged_episodes, prices_for
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.inference.nulls import HOLDS, Null, batches, rearranged
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.inference.permutation import permutation_test
from rupturekit.provenance import Provenance
from rupturekit.replays import Replay, replay_of_all
from rupturekit.segmentation import SegmentationRule
from rupturekit.state_machine import StateMachine, as_model
from rupturekit.ties import TieRule

__all__ = ["MOST_ORDERS", "OrderSpecificity", "OrderedModel", "order_specificity"]

Flags = npt.NDArray[np.bool_]
Order = tuple[str, ...]

MOST_ORDERS: Final = 5_040
"""So many orders, those of seven steps, are all looked at; of more, a sample is drawn."""

_SHOWN: Final = 5
_AT_ONCE: Final = 1 << 25    # symbols that are held; of more, episodes are rearranged anew for every model


@attrs.frozen(kw_only=True)
class OrderedModel:
    """The theory with its steps in one order, and what its moves cost along it.

    Attributes
    ----------
    order : tuple of str
        Which step stands at the place of each of `OrderSpecificity.steps`.
    cost : float
        Cost per move: of all episodes of a dyad, mean over dyads.
    gain : float
        Order gain along it: 1 - cost / mean cost under the null, of all episodes of a dyad, mean over dyads; a dyad in
        which nothing is expected counts 0.
    """

    order: Order
    cost: float
    gain: float


@attrs.frozen(kw_only=True, repr=False)
class OrderSpecificity:
    """The theory's cost among those of models with its steps in other orders, and beside that without any order.

    Attributes
    ----------
    steps : tuple of str
        The steps that were permuted, in the theory's order.
    models : tuple of OrderedModel
        Those that differ, largest gain first; the theory is among them.
    permutations, possible : int
        How many orders were looked at, and how many there are.
    as_written : float
        Cost per move of the theory with its arrows as they are written; that in `models` takes each step by its sign.
    below_others : Estimate
        Mean cost per move of all models, less that of the theory, beyond its mean under the null; carries the test.
    untested : str
        Why there is no test; empty where there is one.
    beyond_set : Estimate
        Cost per move of the theory less that of its unordered version: what the order asks beyond the set.
    beyond_set_by_chance : float
        The same under the null: what the order would ask of the same moves in any order.
    """

    model: str
    evidence: str
    steps: Order
    models: tuple[OrderedModel, ...]
    permutations: int
    possible: int
    as_written: float
    below_others: Estimate
    untested: str
    beyond_set: Estimate
    beyond_set_by_chance: float
    left_out: Mapping[str, int]

    @property
    def theory(self) -> OrderedModel:
        """The theory in its own order, its steps taken by their signs."""
        return next(one for one in self.models if one.order == self.steps)

    @property
    def rank(self) -> float:
        """The theory's rank by gain, 1 for the largest; equal ones count half."""
        return _rank([-one.gain for one in self.models], -self.theory.gain)

    @property
    def rank_by_cost(self) -> float:
        """The theory's rank by cost, 1 for the cheapest; equal ones count half. It says little without the gain."""
        return _rank([one.cost for one in self.models], self.theory.cost)

    @property
    def share(self) -> float:
        """The share of the other models with a larger gain, equal ones counted half: 0 where none has."""
        return (self.rank - 1) / (len(self.models) - 1)

    @property
    def provenance(self) -> Provenance | None:
        """What it was made from."""
        return self.beyond_set.provenance

    def __repr__(self) -> str:
        return f"OrderSpecificity({self.model!r}: rank {self.rank:g} of {len(self.models):,} by gain)"

    def lines(self) -> list[tuple[str, str]]:
        """Return the result as (title, text) pairs."""
        looked = "all" if self.permutations == self.possible else f"a sample of {self.possible:,}:"
        twice = self.permutations - len(self.models)
        return [("model", f"{self.model}, {self.evidence}"), ("steps that exchange places", ", ".join(self.steps)),
                ("orders", f"{looked} {self.permutations:,}, which make {len(self.models):,} models that differ"
                 + (f"; {twice:,} orders gave one of them again" if twice else "")),
                ("rank by gain", f"{self.rank:g} of {len(self.models):,}; of the others, {self.share:.1%} gain more "
                 "(equal ones count half)"),
                ("rank by cost", f"{self.rank_by_cost:g} of {len(self.models):,}; it depends on how often moves "
                 "come, too, and says little by itself"),
                ("cost per move", f"{self.theory.cost:.4g}; as written {self.as_written:.4g}"),
                *((f"order {at}", f"{' > '.join(one.order)}: gain {one.gain:.4g}, cost {one.cost:.4g}" + (
                    ", the theory's" if one.order == self.steps else ""))
                  for at, one in enumerate(self.models[:_SHOWN], start=1)),
                *self.below_others.lines(), *([("test", self.untested)] if self.untested else []),
                *self.beyond_set.lines(), ("the same by chance", f"{self.beyond_set_by_chance:.4g}"),
                *((f"left out: {why}", f"{n:,}") for why, n in self.left_out.items()),
                ("does not show", "that one of these models is right: all of them share the theory's graph, start and "
                 "ends, a rank is no p-value, and few orders rank coarsely; where the test does not reject, a rank is "
                 "the rank of noise")]

    def __str__(self) -> str:
        return "\n".join(f"{title}: {text}" for title, text in self.lines())

    def _repr_html_(self) -> str:
        return _html.page("OrderSpecificity", self.model, _html.facts(self.lines()))

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row a model, largest gain first: order, cost per move, gain, and whether it is the theory."""
        return {"order": FrameColumn.of_words(" > ".join(one.order) for one in self.models),
                "cost": FrameColumn(values=np.array([one.cost for one in self.models])),
                "gain": FrameColumn(values=np.array([one.gain for one in self.models])),
                "theory": FrameColumn(values=np.array([one.order == self.steps for one in self.models]))}


def order_specificity(cohort: Cohort, model: StateMachine | str, *, rule: SegmentationRule,
                      costs: AlignmentCosts | None = None, null: Null | str = Null.TURNS, draws: int = 199,
                      sample: int = 999, seed: int = 1, track: str | None = None, tie_rule: TieRule = TieRule.AS_FILED,
                      any_type: bool = False, level: str | None = None, confidence: float = 0.95, alpha: float = 0.05
                      ) -> OrderSpecificity:
    """Rank a theory among models with its steps in other orders, and hold it against its steps without order.

    What is permuted, and what stays, stands at the head of this module. In the unordered version every arrow leads from
    every state, so that any step may follow any other, and only an end is asked for. A cost is that of the cheapest
    alignment (van der Aalst, Adriansyah & van Dongen 2012), summed over a dyad's episodes and divided by their moves;
    gain is that of `order_gain`, of all episodes. Dyads count alike. Ranks among permuted models, and both differences,
    are conventions of this library; the test is a permutation test (Phipson & Smyth 2010).

    Parameters
    ----------
    rule : SegmentationRule
        The rule that drew the episodes: moves that it looks at stay where they are.
    draws : int
        Arrangements of every episode; each is aligned to each model.
    sample : int
        How many orders are drawn, besides the theory's own, where there are more than 5,040.

    Raises
    ------
    NotEstimable
        Where no episode was left, codes show fewer than two steps between start and end, or the theory states no order
        among them: every permutation is the same model. Where the model looks at elapsed time.
    RecordError
        Where `sample` or `draws` is below 1, or substitutions are priced one by one.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     cohort = segment(example_cohort(), WHOLE_SESSION, track="r1")
    >>> order_specificity(cohort, "withdrawal-2000", rule=WHOLE_SESSION)
    OrderSpecificity('withdrawal-2000': rank 1 of 6 by gain)
    """
    charged, null = AlignmentCosts() if costs is None else costs, Null(null)
    for field, asked in (("sample", sample), ("draws", draws)):
        if asked < 1:
            raise RecordError(f"{field} is {asked!r:.40}; expected 1 or more", field=field, value=asked)
    if charged.substitutions:
        raise RecordError("substitutions are priced by function or state, which mean nothing where steps exchange "
                          "places; give them one price (substituted)", field="costs")
    replay = replay_of_all(cohort, as_model(model), track=track, tie_rule=tie_rule, follow_skips=False,
                           any_type=any_type)
    check_exchangeable(replay.kinds.alphabet)
    written = prices_for(replay, charged)
    frame = _frame_of(replay.kinds.alphabet, charged, stop=written.stop)
    spent = _Spent.of(replay, rule, null=null, seed=seed, draws=draws)
    orders = _orders(frame.movable, sample=sample, seed=seed)
    different = _different(frame, orders)
    models, own, mean = _held_against(frame, different, spent)
    below, beyond = mean - own, own - spent.per_move(frame.unordered())
    below -= below[:, 1:].mean(axis=1, keepdims=True)
    test = _tested(below.mean(axis=0), null=null, seed=seed, alpha=alpha, ways=spent.ways)
    make = functools.partial(
        over_dyads, clustering=clustering_of(cohort, level=level), seed=seed, confidence=confidence,
        n={"episodes": len(spent.episodes), "moves": int(spent.moves.sum())},
        warnings=(HOLDS[null],) if null is Null.FREE else (),
        provenance=attrs.evolve(replay.provenance, rules=(*replay.provenance.rules, charged.identity)))
    return OrderSpecificity(
        model=frame.model.name, evidence=frame.model.evidence_text(), steps=frame.movable, models=tuple(models),
        permutations=len(orders), possible=math.factorial(len(frame.movable)), left_out=replay.left_out,
        as_written=float(spent.per_move(written)[:, 0].mean()), untested=test if isinstance(test, str) else "",
        below_others=make(spent.by_dyad(below[:, 0]), test=None if isinstance(test, str) else test,
                          what="cost per move below the mean of all orders, beyond chance"),
        beyond_set=make(spent.by_dyad(beyond[:, 0]), what="cost per move beyond the same steps without order"),
        beyond_set_by_chance=float(beyond[:, 1:].mean()))


def _held_against(frame: _Frame, orders: Sequence[Order], spent: _Spent
                  ) -> tuple[list[OrderedModel], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the models, largest gain first, and costs per move of the theory, the first of the orders, and on average.

    Costs are dyads x (as observed, arrangements); those of one model are let go before the next is looked at.
    """
    models = []
    own = mean = np.zeros((len(spent.names), spent.draws + 1))
    for at, order in enumerate(orders):
        by_draw = spent.per_move(frame.prices(order))
        own = by_draw if at == 0 else own
        mean = mean + by_draw / len(orders)
        models.append(OrderedModel(order=order, cost=float(by_draw[:, 0].mean()), gain=_gain(by_draw)))
    models.sort(key=lambda one: (round(-one.gain, 12), one.order != frame.movable, one.order))
    return models, own, mean


def _rank(costs: Sequence[float], own: float) -> float:
    signs = [_sign(cost - own) for cost in costs]
    return 1 + signs.count(-1) + (signs.count(0) - 1) / 2


def _sign(difference: float) -> int:
    """Return -1, 0 or 1; sums of quotients differ by rounding."""
    return 0 if abs(difference) <= 1e-12 else int(math.copysign(1, difference))


# --- what episodes cost -----------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False)
class _Spent:
    """Episodes as they are aligned to one model after another, as observed and in every arrangement.

    Attributes
    ----------
    names : tuple of str
        The dyads.
    unit : int64, one an episode
        Whose it is.
    moves : int64, one a dyad
    null, seed, draws
        How episodes are rearranged.
    """

    episodes: Sequence[ExchangedEpisode]
    names: tuple[str, ...]
    unit: Array
    moves: Array
    null: Null
    seed: int
    draws: int

    @classmethod
    def of(cls, replay: Replay, rule: SegmentationRule, *, null: Null, seed: int, draws: int) -> _Spent:
        """Read the episodes of a replay."""
        episodes = exchanged_episodes(replay, rule, null)
        if not episodes:
            raise NotEstimable("no episode is held against the model" + "".join(
                f"; {n:,} {why}" for why, n in replay.left_out.items()))
        names, unit = np.unique([one.dyad for one in episodes], return_inverse=True)
        return cls(episodes=episodes, names=tuple(names.tolist()), unit=unit, null=null, seed=seed, draws=draws,
                   moves=np.bincount(unit, weights=replay.episodes.lengths).astype(np.int64))

    @property
    def ways(self) -> int:
        """How many different arrangements of all episodes there are."""
        return math.prod(one.ways for one in self.episodes)

    def by_dyad(self, values: Array) -> dict[str, float]:
        """Return one value a dyad by its name."""
        return dict(zip(self.names, values.tolist(), strict=True))

    def per_move(self, prices: Prices) -> npt.NDArray[np.float64]:
        """Return what each dyad's episodes cost along a model over their moves: dyads x (as observed, arrangements)."""
        table, total = Table(prices), np.zeros((len(self.names), self.draws + 1), dtype=np.int64)
        for units, symbols, offsets in self._runs():
            cost = costs_by_walk(table, symbols, offsets=offsets)
            np.add.at(total, units, cost.reshape(len(units), -1))
        return np.asarray(total / self.moves[:, None])

    def _runs(self) -> Iterator[tuple[Array, Array, Array]]:
        """Yield whose some episodes are, and the symbols and offsets of all their arrangements, end to end."""
        if sum(len(one.symbols) for one in self.episodes) * (self.draws + 1) <= _AT_ONCE:
            yield self._all_runs
        else:
            for at, one in enumerate(self.episodes):
                yield self.unit[at : at + 1], *self._run_of([one])

    @functools.cached_property
    def _all_runs(self) -> tuple[Array, Array, Array]:
        return self.unit, *self._run_of(self.episodes)

    def _run_of(self, episodes: Sequence[ExchangedEpisode]) -> tuple[Array, Array]:
        lengths = np.repeat([len(one.symbols) for one in episodes], self.draws + 1)
        return (np.concatenate([self._laid(one).T.ravel() for one in episodes]),
                np.concatenate([[0], np.cumsum(lengths)]))

    def _laid(self, one: ExchangedEpisode) -> Array:
        laid = (rearranged(one.exchanges, one.symbols, seed=self.seed, null=self.null, start=start, count=count)
                for start, count in batches(len(one.symbols), draws=self.draws))
        return np.concatenate([one.symbols[:, None], *laid], axis=1)


def _gain(by_draw: npt.NDArray[np.float64]) -> float:
    """Return 1 - observed / mean under the null, mean over dyads; 0 of a dyad in which nothing is expected."""
    expected = by_draw[:, 1:].mean(axis=1)
    return float(np.where(expected > 0, 1 - by_draw[:, 0] / np.where(expected > 0, expected, 1), 0).mean())


def _tested(means: npt.NDArray[np.float64], *, null: Null, seed: int, alpha: float, ways: int) -> NullTest | str:
    """Return the test of a mean over dyads, as observed and then in each arrangement, or why there is none."""
    try:
        found = permutation_test(float(means[0]), lambda start, count: means[1 + start : 1 + start + count], null=null,
                                 seed=seed, n_arrangements=ways, draws=len(means) - 1, alpha=alpha)
        return attrs.evolve(found, expected=0.0)    # taken beyond chance, so that nothing is expected but rounding
    except NotEnoughData as why:
        return f"not tested: {why}"


# --- models in other orders -------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Place:
    """An arrow between two different states: which step is made by taking it, and what passing it costs."""

    source: int
    target: int
    step: str
    silent: bool
    passed: int


@attrs.frozen(kw_only=True, eq=False)
class _Frame:
    """A theory's graph with its steps taken out, and what they bring along.

    Attributes
    ----------
    lasts : tuple of tuples of str
        For each state, the steps whose own moves leave it as it is.
    sign, stays : mapping of step to bool array, one a symbol
        Which moves make the step, and which keep a state as it is once it is made.
    movable : tuple of str
        The steps that exchange places.
    stop : int32, one a state
    instead : int
        What taking an arrow costs with a move that it does not fit.
    """

    model: StateMachine
    places: tuple[_Place, ...]
    lasts: tuple[tuple[str, ...], ...]
    sign: Mapping[str, Flags]
    stays: Mapping[str, Flags]
    movable: Order
    stop: npt.NDArray[np.int32]
    off_model: int
    instead: int

    def prices(self, order: Order) -> Prices:
        """Return the prices of the theory with its steps in another order."""
        stands = dict(zip(self.movable, order, strict=True))
        take, passed = self._nothing()
        for place in self.places:
            self._lead(take, passed, place, by=stands.get(place.step, place.step), sources=place.source)
        for at, steps in enumerate(self.lasts):
            for step in steps:
                self._stay(take, at, stands.get(step, step))
        return self._of(take, passed)

    def unordered(self) -> Prices:
        """Return the prices of the theory with every arrow leading from every state but its own target."""
        take, passed = self._nothing()
        everywhere = np.arange(len(self.model.states))
        for place in dict.fromkeys(attrs.evolve(place, source=-1) for place in self.places):
            self._lead(take, passed, place, by=place.step, sources=np.delete(everywhere, place.target))
        for step in self.stays:
            self._stay(take, everywhere, step)
        return self._of(take, passed)

    def _nothing(self) -> tuple[Array, Array]:
        """Return prices by which no arrow leads anywhere: of taking arrows, by symbol, and of passing them."""
        n, symbols = len(self.model.states), len(next(iter(self.sign.values())))
        return np.full((symbols, n, n), NO_WAY, dtype=np.int32), np.full((n, n), NO_WAY, dtype=np.int32)

    def _lead(self, take: Array, passed: Array, place: _Place, *, by: str, sources: int | Array) -> None:
        """Let an arrow lead from some states to its target, taken by the sign of a step."""
        if not place.silent:
            cost = np.where(self.sign[by], 0, self.instead).reshape(-1, *np.ones(np.ndim(sources), dtype=int))
            take[:, sources, place.target] = np.minimum(take[:, sources, place.target], cost)
        passed[sources, place.target] = np.minimum(passed[sources, place.target], place.passed)

    def _stay(self, take: Array, states: int | Array, step: str) -> None:
        """Let what keeps a step keep some states as they are."""
        if step in self.stays:
            cost = np.where(self.stays[step], 0, self.instead).reshape(-1, *np.ones(np.ndim(states), dtype=int))
            take[:, states, states] = np.minimum(take[:, states, states], cost)

    def _of(self, take: Array, passed: Array) -> Prices:
        return prices_of(take, leave_out=np.full(len(take), self.off_model, dtype=np.int32), step=passed,
                         start=self.model.index[self.model.initial], stop=self.stop)

    def canonical(self, order: Order) -> object:
        """Return what two orders share if, and only if, they make one model.

        States are numbered as they are met from the start, ways in the order of their steps' names: which way a step
        leads is settled by its name, so that no two numberings are possible.
        """
        stands = dict(zip(self.movable, order, strict=True))
        leaving: list[list[tuple[str, bool, int]]] = [[] for _ in self.model.states]
        for place in self.places:
            leaving[place.source].append((stands.get(place.step, place.step), place.silent, place.target))
        start = self.model.index[self.model.initial]
        number, waiting, said = {start: 0}, deque([start]), []
        while waiting:
            here = waiting.popleft()
            ways = []
            for step, silent, target in sorted(leaving[here]):
                if target not in number:
                    number[target] = len(number)
                    waiting.append(target)
                ways.append((step, silent, number[target]))
            said.append((tuple(ways), tuple(sorted(stands.get(step, step) for step in self.lasts[here])),
                         int(self.stop[here])))
        return tuple(said)


def _frame_of(alphabet: Alphabet, costs: AlignmentCosts, *, stop: npt.NDArray[np.int32]) -> _Frame:
    """Take a compiled theory apart: places, and what each step brings along."""
    model, places = alphabet.model, []
    sign: dict[str, Flags] = {}
    stays: dict[str, Flags] = {}
    lasts = [dict.fromkeys(state.steps or (state.name,)) for state in model.states]
    shown = set()
    for at, (arrow, charged) in enumerate(zip(model.transitions, alphabet.charged, strict=True)):
        source, target = model.index[arrow.source], model.index[arrow.target]
        held = stays if source == target else sign
        held[arrow.step] = held.get(arrow.step, np.zeros(len(alphabet.fits), dtype=bool)) | alphabet.fits[:, at]
        if source == target:
            lasts[source][arrow.step] = None
        else:
            places.append(_Place(source=source, target=target, step=arrow.step, silent=arrow.when is None,
                                 passed=costs.skipped if charged else 0))
            shown |= {arrow.step} if charged else set()
    return _Frame(
        model=model, places=tuple(places), lasts=tuple(map(tuple, lasts)), sign=sign, stays=stays, stop=stop,
        movable=_movable(model, places, shown), off_model=costs.off_model,
        instead=NO_WAY if costs.substituted is None else costs.substituted)


def _movable(model: StateMachine, places: Sequence[_Place], shown: set[str]) -> Order:
    """Return the steps that codes show and that are neither start nor end, in the order of the model's states."""
    stay = {model.initial, *model.ends}
    found = list(dict.fromkeys(place.step for place in places if place.step in shown - stay))
    found.sort(key=lambda step: model.index.get(step, len(model.states)))
    if len(found) < 2:
        raise NotEstimable(f"between start and end of {model.name} these codes show {len(found)} steps "
                           f"({', '.join(found) or 'none'}); another order needs two")
    return tuple(found)


def _orders(steps: Order, *, sample: int, seed: int) -> list[Order]:
    """Return the orders that are looked at, the theory's own first: all of them, or a sample."""
    if math.factorial(len(steps)) <= MOST_ORDERS:
        return list(itertools.permutations(steps))
    keys = (_random.key(seed, cluster=f"order {at}", purpose="permuted models") for at in range(sample))
    return [steps, *(tuple(steps[at] for at in _random.shuffled(key, len(steps)).tolist()) for key in keys)]


def _different(frame: _Frame, orders: Sequence[Order]) -> list[Order]:
    """Return one order of each model, the theory's own first."""
    found: dict[object, Order] = {}
    for order in orders:
        found.setdefault(frame.canonical(order), order)
    if len(found) < 2:
        raise NotEstimable(f"{frame.model.name} states no order among {', '.join(frame.movable)}: in every order they "
                           "make the same model")
    return list(found.values())
