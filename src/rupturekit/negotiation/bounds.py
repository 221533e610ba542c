"""How far the order of turns at one instant decides: the least and the most that any order would give.

Where both parties move at one instant, who was first is not known, and a tie rule decides. An instant is ambiguous
where both move and at least one of the two turns carries an act. Of an episode with k ambiguous instants all 2^k orders
are gone through while k is at most `MOST_INSTANTS`, and its bounds are exact: each is attained by some order. Beyond
that three orders are (as laid out, first party first, second party first), and the bounds are said to be not exact: the
true range holds them and may be wider.

What is pooled over the episodes of a dyad is bounded from the outside by the sums of the extremes of its episodes: no
order leads out of those bounds, and the extremes of different quantities need not come with one and the same order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._kernels import open_claims as kernel
from rupturekit._table import Array, freeze, held_state, set_closed
from rupturekit.cohort import Cohort
from rupturekit.errors import expect
from rupturekit.negotiation.acts import place_of_need
from rupturekit.negotiation.measures import side_of
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.negotiation.turns import Turns
from rupturekit.vocabulary import Need

__all__ = ["MOST_INSTANTS", "Bound", "BoundKind", "EpisodeBounds", "OrderBounds", "order_bounds"]

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Real = npt.NDArray[np.float64]

MOST_INSTANTS: Final = 8
"""Up to so many ambiguous instants in an episode, all orders are gone through."""

_TURNS_AT_ONCE: Final = 1 << 20


class BoundKind(StrEnum):
    """What a bound is: attained by some order; not left by any; or met among the orders tried, which were not all."""

    EXACT = "exact"
    OUTER = "outer"
    NOT_EXACT = "not_exact"


@attrs.frozen(kw_only=True)
class Bound:
    """The least and the most of a quantity over orders.

    Attributes
    ----------
    low, high : float or None
        None where no order (that was gone through) lets the quantity be estimated.
    always : bool
        Whether every order lets it be estimated; otherwise the bounds are over those that do.
    """

    low: float | None
    high: float | None
    kind: BoundKind
    always: bool = True

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return "not estimable in any order"
        said = f"{self.low:.4g}" if self.low == self.high else f"{self.low:.4g} to {self.high:.4g}"
        return f"{said} ({self.kind.value.replace('_', ' ')}{'' if self.always else '; not estimable in some orders'})"


@attrs.frozen(kw_only=True)
class EpisodeBounds:
    """What the order at shared instants leaves open in one episode.

    Attributes
    ----------
    instants : int
        How many of its instants are ambiguous.
    orders : int
        How many orders were gone through.
    rates : mapping of party to Bound
        The share of its spells that were met.
    mutuality : Bound
    ends : tuple of bool
        Whether the negotiation over agency ends in the worst and in the best case: (in all orders, in some order).
    first_end : Bound
        The turn of the first end, counted from 0, over the orders in which there is one.
    """

    episode: str
    instants: int
    orders: int
    kind: BoundKind
    rates: Mapping[str, Bound]
    mutuality: Bound
    ends: tuple[bool, bool]
    first_end: Bound

    def __str__(self) -> str:
        said = {(True, True): "in every order", (False, True): "in some orders", (False, False): "in no order"}
        return "\n".join([
            f"Episode {self.episode}: {_html.counted(self.instants, 'ambiguous instant')}, "
            f"{_html.counted(self.orders, 'order')} gone through",
            *(f"  meeting rate of the {party}: {bound}" for party, bound in self.rates.items()),
            f"  mutuality: {self.mutuality}",
            f"  the negotiation over agency ends {said[self.ends]}; turn of the first end, from 0: {self.first_end}"])


@attrs.frozen(kw_only=True, eq=False, repr=False)
class OrderBounds:
    """What the order at shared instants leaves open in many episodes, as columns; `bounds[i]` is one of them.

    Attributes
    ----------
    table : Negotiations
        What they are bounds of.
    instants, orders : int64, one an episode
        Ambiguous instants, and orders gone through.
    exact : bool, one an episode
        Whether those are all orders.
    met, unmet : int64, episodes x 2 parties x (least, most)
        Spells that were met, and that were yielded or stayed open.
    rate : float64, episodes x 3 x (least, most)
        Meeting rates of both parties and mutuality; NaN where no order lets it be estimated.
    always : bool, episodes x 3
        Whether every order lets it be estimated.
    ended : bool, episodes x 2
        Whether there is an end in every order, and in some.
    first_end : int64, episodes x (earliest, latest)
        Turns from 0, over the orders with an end; -1 where there is none.
    """

    table: Negotiations
    instants: Whole
    orders: Whole
    exact: Flags
    met: Whole
    unmet: Whole
    rate: Real
    always: Flags
    ended: Flags
    first_end: Whole

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, at: int) -> EpisodeBounds:
        index = range(len(self))[at]
        kind = BoundKind.EXACT if self.exact[index] else BoundKind.NOT_EXACT
        rates = [self._bound(index, column, kind) for column in range(3)]
        low, high = self.first_end[index].tolist()
        every, some = self.ended[index].tolist()
        return EpisodeBounds(
            episode=self.table.turns.episodes.rows[index].episode, instants=int(self.instants[index]),
            orders=int(self.orders[index]), kind=kind, mutuality=rates[2], ends=(every, some),
            rates=dict(zip(self.table.parties, rates[:2], strict=True)),
            first_end=Bound(low=low if some else None, high=high if some else None, kind=kind, always=every))

    def __iter__(self) -> Iterator[EpisodeBounds]:
        return (self[at] for at in range(len(self)))

    def _bound(self, at: int, column: int, kind: BoundKind) -> Bound:
        low, high = self.rate[at, column].tolist()
        none = low != low
        return Bound(low=None if none else low, high=None if none else high, kind=kind,
                     always=bool(self.always[at, column]))

    def rates_by_dyad(self, party: str) -> dict[str, Bound]:
        """Return bounds of a party's meeting rate in each dyad, pooled over its episodes.

        The lower one is m / (m + u), with m the sum of the least numbers met in its episodes and u the sum of the most
        unmet; the upper one turns both round. Outer bounds: no order leads out of them, and they need not be attained.
        Not exact where some episode's are not. Exact where no episode of the dyad leaves its numbers open.

        Raises
        ------
        RecordError
            Where the study has no such party.
        """
        side = side_of(self.table, party)
        return {dyad: self._pooled(which, side) for dyad, which in self._of_dyads()}

    def mutuality_by_dyad(self) -> dict[str, Bound]:
        """Return bounds of mutuality in each dyad: the products of the outer bounds of both rates, outer as well."""
        found = {}
        for dyad, which in self._of_dyads():
            first, second = (self._pooled(which, side) for side in (0, 1))
            found[dyad] = Bound(
                low=_product(first.low, second.low), high=_product(first.high, second.high),
                kind=max(first.kind, second.kind, key=list(BoundKind).index), always=first.always and second.always)
        return found

    def _of_dyads(self) -> Iterator[tuple[str, Whole]]:
        """Yield each dyad that has episodes, and their places."""
        whose = self.table.dyad
        return ((self.table.dyad_names[at], np.flatnonzero(whose == at)) for at in np.unique(whose).tolist())

    def _pooled(self, which: Whole, side: int) -> Bound:
        (few_met, most_met), (few_unmet, most_unmet) = (
            column[which, side].sum(axis=0).tolist() for column in (self.met, self.unmet))
        settled = few_met == most_met and few_unmet == most_unmet
        kind = (BoundKind.NOT_EXACT if not self.exact[which].all() else
                BoundKind.EXACT if settled else BoundKind.OUTER)
        if most_met + most_unmet == 0:
            return Bound(low=None, high=None, kind=kind, always=False)
        # Where no spell counts in the extreme case, all that ever count were met, or none was.
        low = few_met / (few_met + most_unmet) if few_met + most_unmet else 1.0
        high = most_met / (most_met + few_unmet) if most_met + few_unmet else 0.0
        return Bound(low=low, high=high, kind=kind, always=bool(self.always[which, side].any()))

    def summary(self) -> dict[str, int]:
        """Return how many episodes leave what open."""
        spread = self.rate[:, :, 1] > self.rate[:, :, 0]
        return {
            "episodes": len(self), "ambiguous instants": int(self.instants.sum()),
            "episodes with one or more": int((self.instants > 0).sum()),
            "of these, not all orders gone through": int((~self.exact).sum()),
            **{f"episodes in which the meeting rate of the {party} depends on the order": int(spread[:, side].sum())
               for side, party in enumerate(self.table.parties)},
            "episodes in which mutuality depends on the order": int(spread[:, 2].sum()),
            "episodes in which it depends on the order whether the negotiation ends": int(
                (self.ended[:, 0] != self.ended[:, 1]).sum()),
            "episodes in which it depends on the order when it first ends": int(
                (self.first_end[:, 0] != self.first_end[:, 1]).sum()),
        }

    def __repr__(self) -> str:
        return (f"OrderBounds({len(self):,} episodes, {int((self.instants > 0).sum()):,} with ambiguous instants, "
                f"{int((~self.exact).sum()):,} not exact)")

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {n:,} {what}" for what, n in self.summary().items())])

    def _repr_html_(self) -> str:
        return _html.page("OrderBounds", "turns at one instant", _html.table(("", "n"), self.summary().items()))


def _product(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first * second


# --- making --------------------------------------------------------------------------------------------------------


def order_bounds(data: Negotiations | Cohort, *, need: Need | None = None) -> OrderBounds:
    """Find the least and the most that the orders of turns at shared instants would give, episode by episode.

    Parameters
    ----------
    data : Negotiations or Cohort
        Of a cohort, its negotiations are found as by `negotiations(cohort)`.
    need : Need or None
        Rates and mutuality of claims of one need; None takes both. The end is always that over agency.

    Formula: met / (met + yielded + open) in every order, as `meeting_rate` in one; the turn of the first end, as
    `Negotiations.first_end`. Source: the formal model, "turns at one instant: bounds over their orders".

    Raises
    ------
    RecordError
        Where it is given anything else.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     bounds = order_bounds(segment(example_cohort(), track="r1"))
    >>> bool(bounds.exact.all())
    True
    """
    expect(data, (Negotiations, Cohort), what="negotiations or a cohort", remedy="negotiations(cohort) finds them")
    table = negotiations(data) if isinstance(data, Cohort) else data
    turns, wanted = table.turns, None if need is None else place_of_need(need)
    plan = _plan_of(turns)
    parts = [_of_block(turns, plan, slice(low, high), wanted) for low, high in _blocks(turns, plan)]
    return OrderBounds(table=table, instants=plan.instants, orders=plan.orders, exact=plan.instants <= MOST_INSTANTS,
                       **{name: freeze(np.concatenate([part[name] for part in parts])) for name in parts[0]})


class _Plan(NamedTuple):
    """Which orders are gone through.

    `pair` int64, one a turn: which ambiguous instant of its episode it stands at, -1 for none; `second` bool, one a
    turn: whether it is the later of the two; `instants`, `orders`, one an episode.
    """

    pair: Whole
    second: Flags
    instants: Whole
    orders: Whole


def _plan_of(turns: Turns) -> _Plan:
    n = len(turns)
    open_pair = np.zeros(n, dtype=bool)    # at the first of two turns at an instant of which one acts
    open_pair[:-1] = (np.diff(turns.instant) == 0) & ((turns.acts[1:] | turns.acts[:-1]) != 0)
    before = np.concatenate([[0], np.cumsum(open_pair)])
    instants = before[turns.offsets[1:]] - before[turns.offsets[:-1]]
    place = before[:-1] - before[turns.offsets[:-1]][turns.run]
    second = np.zeros(n, dtype=bool)
    second[1:] = open_pair[:-1]
    pair = np.where(open_pair, place, np.where(second, place - 1, -1))
    orders = np.where(instants <= MOST_INSTANTS, 1 << np.minimum(instants, MOST_INSTANTS), 3)
    return _Plan(pair, second, freeze(instants), freeze(orders))


def _blocks(turns: Turns, plan: _Plan) -> Iterator[tuple[int, int]]:
    """Yield (low, high) of episodes that are worked on at once: no more turns, over all orders, than fit."""
    laid = np.cumsum(np.diff(turns.offsets) * plan.orders) // _TURNS_AT_ONCE
    edges = [0, *(np.flatnonzero(np.diff(laid)) + 1).tolist(), len(laid)]
    return itertools.pairwise(edges)


class _Orders(NamedTuple):
    """Episodes of a block in all their orders, end to end; `episode` is one a run, counted within the block."""

    episode: Whole
    party: npt.NDArray[np.int8]
    acts: npt.NDArray[np.uint8]
    offsets: Whole


def _of_block(turns: Turns, plan: _Plan, which: slice, need: int | None) -> dict[str, Array]:
    laid = _laid(turns, plan, which)
    found = kernel.spells(laid.party, laid.acts, run=kernel.runs_of(laid.offsets))
    first = np.cumsum(plan.orders[which]) - plan.orders[which]
    counts = _counts(found, laid, need, stopped=turns.stopped[which])
    return _extremes(counts, first) | _first_ends(found, laid, first)


def _laid(turns: Turns, plan: _Plan, which: slice) -> _Orders:
    orders, lengths = plan.orders[which], np.diff(turns.offsets[which.start : which.stop + 1])
    episode = np.repeat(np.arange(len(orders)), orders)
    number = np.arange(len(episode)) - np.repeat(np.cumsum(orders) - orders, orders)
    offsets = np.concatenate([[0], np.cumsum(lengths[episode])]).astype(np.int64)
    run = np.repeat(np.arange(len(episode)), lengths[episode])
    source = np.arange(len(run)) - offsets[run] + turns.offsets[which.start + episode][run]
    flipped = _flipped(turns, plan, source, number[run], plan.instants[which][episode][run] <= MOST_INSTANTS)
    source = source + np.where(flipped, np.where(plan.second[source], -1, 1), 0)
    return _Orders(episode, turns.party[source], turns.acts[source], offsets)


def _flipped(turns: Turns, plan: _Plan, source: Whole, number: Whole, every: Flags) -> Flags:
    """Return which turns change places with the other at their instant, in the order of a number.

    Where all orders are gone through, bit i of the number says so of ambiguous instant i. Otherwise order 0 is as laid
    out, 1 puts the first party first everywhere, 2 the second.
    """
    pair = plan.pair[source]
    leader = turns.party[source - plan.second[source]]
    by_bit = (number >> np.clip(pair, 0, MOST_INSTANTS)) & 1 == 1
    by_rule = (number > 0) & (leader != number - 1)
    return np.asarray((pair >= 0) & np.where(every, by_bit, by_rule))


def _counts(found: kernel.Spells, laid: _Orders, need: int | None, *, stopped: Flags) -> Whole:
    """Return how many spells were met, and how many were not: runs x 2 parties x 2; those cut off are left out."""
    kept = ~(stopped[laid.episode[found.run]] & (found.cause == kernel.STILL_OPEN))
    if need is not None:
        kept &= found.flag & 1 == need
    counts = np.zeros((len(laid.episode), 2, 2), dtype=np.int64)
    np.add.at(counts, (found.run[kept], found.flag[kept] >> 1, (found.cause[kept] != kernel.MET).astype(np.int64)), 1)
    return counts


def _extremes(counts: Whole, first: Whole) -> dict[str, Array]:
    """Return the least and the most over the orders of each episode."""
    total = counts.sum(axis=2)
    rates = np.full((len(counts), 3), np.nan)
    np.divide(counts[:, :, 0], total, out=rates[:, :2], where=total > 0)
    rates[:, 2] = rates[:, 0] * rates[:, 1]
    met, unmet = (_least_and_most(counts[:, :, which], first) for which in (0, 1))
    least = np.fmin.reduceat(rates, first, axis=0) if len(first) else rates
    most = np.fmax.reduceat(rates, first, axis=0) if len(first) else rates
    always = np.logical_and.reduceat(rates == rates, first, axis=0) if len(first) else rates == rates
    return {"met": met, "unmet": unmet, "rate": np.stack([least, most], axis=-1), "always": always}


def _least_and_most(values: Whole, first: Whole) -> Whole:
    if not len(first):
        return np.zeros((*values.shape, 2), dtype=np.int64)
    return np.stack([np.minimum.reduceat(values, first, axis=0), np.maximum.reduceat(values, first, axis=0)], axis=-1)


def _first_ends(found: kernel.Spells, laid: _Orders, first: Whole) -> dict[str, Array]:
    """Return whether there is an end in every order and in some, and the earliest and latest turn of the first."""
    over = kernel.closings(found, offsets=laid.offsets)
    never = np.iinfo(np.int64).max
    turn = np.full(len(laid.episode), never, dtype=np.int64)
    np.minimum.at(turn, over.run, over.turn - laid.offsets[over.run])
    there = turn < never
    ends = _least_and_most(there.astype(np.int64), first).astype(bool)
    early = _least_and_most(turn, first)[:, 0]
    late = _least_and_most(np.where(there, turn, -1), first)[:, 1]
    return {"ended": ends, "first_end": np.stack([np.where(early == never, -1, early), late], axis=-1)}
