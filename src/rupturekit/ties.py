"""Moves at one instant: in which order they are replayed, and whether another order would have ended elsewhere."""

from __future__ import annotations

import itertools
from enum import StrEnum
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._table import Array, freeze
from rupturekit.alphabet import Alphabet
from rupturekit.cohort import Cohort, Episodes

__all__ = ["EXACT_TIES", "Group", "Orders", "TieRule", "in_tie_order", "instants", "order_dependence"]

EXACT_TIES: Final = 6
"""Tie groups up to this size are tried in every order; larger ones get an outer bound."""


class TieRule(StrEnum):
    """In which order moves at one instant are replayed."""

    AS_FILED = "as_filed"
    FIRST_PARTY_FIRST = "first_party_first"
    SECOND_PARTY_FIRST = "second_party_first"


def instants(cohort: Cohort, episodes: Episodes) -> Array:
    """Return one running number an instant: moves of one episode at one onset of one session."""
    members = episodes.members
    fresh = np.ones(len(members), dtype=bool)
    onset = cohort.moves.onset[members]
    fresh[1:] = (onset[1:] != onset[:-1]) | episodes.new_session[1:]
    fresh[episodes.offsets[:-1][episodes.lengths > 0]] = True
    return np.cumsum(fresh)


def in_tie_order(cohort: Cohort, episodes: Episodes, tie_rule: TieRule) -> Episodes:
    """Return the episodes with the moves of each instant in the order of the rule."""
    if tie_rule is TieRule.AS_FILED or not len(episodes.members):
        return episodes
    first, second = cohort.coding.parties
    lead, other = (first, second) if tie_rule is TieRule.FIRST_PARTY_FIRST else (second, first)
    party = cohort.moves.party[episodes.members]
    rank = np.where(party == cohort.moves.code_of("party", word=lead), 0,
                    np.where(party == cohort.moves.code_of("party", word=other), 1, 2))
    order = np.lexsort([rank, instants(cohort, episodes)])
    return attrs.evolve(episodes, members=freeze(episodes.members[order]))


def order_dependence(episodes: Episodes, alphabet: Alphabet, edges: Array, kinds: Array, before: Array
                      ) -> tuple[npt.NDArray[np.bool_], dict[int, tuple[int, ...]]]:
    """Mark instants at which another order of their moves would lead to another state, and the ends left open.

    `edges` say where instants begin and end; `kinds` holds for each move its symbol were it the first of its instant,
    and were it a later one: time since the previous move differs.
    """
    dependent = np.zeros(len(kinds), dtype=bool)
    open_ends: dict[int, tuple[int, ...]] = {}
    ties = np.flatnonzero(np.diff(edges) > 1)
    orders = Orders(alphabet.next)
    touched: dict[int, None] = {}
    owners = np.searchsorted(episodes.offsets, edges[ties], side="right") - 1
    for low, high, owner in zip(edges[ties].tolist(), edges[ties + 1].tolist(), owners.tolist(), strict=True):
        if len(orders.after(int(before[low]), group_of(kinds[low:high]))) > 1:
            dependent[low:high] = True
            touched[owner] = None
    instant = edges.tolist()
    for owner in touched:
        first, last = np.searchsorted(edges, episodes.offsets[owner : owner + 2]).tolist()
        ends = {alphabet.start}
        for start, stop in itertools.pairwise(instant[first : last + 1]):
            here = group_of(kinds[start:stop])
            ends = {end for state in ends for end in orders.after(state, here)}
        if len(ends) > 1:
            open_ends[owner] = tuple(sorted(ends))
    return dependent, open_ends


Group = tuple[tuple[int, int], ...]
"""The moves of one instant, sorted: for each its symbol were it the first of them, and were it a later one."""


def group_of(kinds: Array) -> Group:
    return tuple(sorted((lead, rest) for lead, rest in kinds.tolist()))


class Orders:
    """The states that a group of moves may lead to over all its orders; remembered by state and group."""

    def __init__(self, table: Array) -> None:
        self._next = table
        self._known: dict[tuple[int, Group], frozenset[int]] = {}
        self._any: dict[tuple[int, tuple[int, ...]], frozenset[int]] = {}

    def after(self, state: int, group: Group) -> frozenset[int]:
        """Return every state reachable; exact up to `EXACT_TIES` moves, beyond that an outer bound."""
        key = (state, group)
        if key not in self._known:
            follow = self._exact if len(group) <= EXACT_TIES else self._bound
            later = [rest for _, rest in group]
            self._known[key] = frozenset(
                end for at, (lead, _) in enumerate(group)
                for end in follow(int(self._next[state, lead]), (*later[:at], *later[at + 1 :])))
        return self._known[key]

    def _exact(self, state: int, symbols: tuple[int, ...]) -> frozenset[int]:
        if not symbols:
            return frozenset({state})
        key = (state, symbols)
        if key not in self._any:
            self._any[key] = frozenset(
                end for at, symbol in enumerate(symbols)
                for end in self._exact(int(self._next[state, symbol]), symbols[:at] + symbols[at + 1 :]))
        return self._any[key]

    def _bound(self, state: int, symbols: tuple[int, ...]) -> frozenset[int]:
        """Every state that some run of these symbols reaches, repeats allowed: never too few, maybe too many."""
        seen, queue = {state}, [state]
        while queue:
            here = queue.pop()
            for there in {int(self._next[here, symbol]) for symbol in symbols} - seen:
                seen.add(there)
                queue.append(there)
        return frozenset(seen)
