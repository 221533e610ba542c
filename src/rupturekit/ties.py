"""Moves at one instant: in which order they are replayed, and whether another order would have ended elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._table import Array, freeze
from rupturekit.cohort import Cohort, Episodes
from rupturekit.errors import RecordError, did_you_mean
from rupturekit.kinds import Block, MoveReader, blocks_of

__all__ = ["EXACT_TIES", "Group", "Orders", "TieRule", "TieSearch", "as_tie_rule", "in_tie_order", "instants_of",
           "later_at_instant"]

Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]

EXACT_TIES: Final = 6
"""Tie groups up to this size are tried in every order; larger ones get an outer bound."""


class TieRule(StrEnum):
    """In which order moves at one instant are replayed."""

    AS_FILED = "as_filed"
    FIRST_PARTY_FIRST = "first_party_first"
    SECOND_PARTY_FIRST = "second_party_first"


def as_tie_rule(said: TieRule | str) -> TieRule:
    """Return a tie rule, given as such or by its word.

    Raises
    ------
    RecordError
        Where there is no such rule.

    >>> as_tie_rule("as_filed") is TieRule.AS_FILED
    True
    """
    try:
        return TieRule(said)
    except ValueError:
        raise RecordError(f"expected a tie rule, one of {', '.join(TieRule)}, but got {said!r:.80}"
                          f"{did_you_mean(str(said), TieRule)}", field="tie_rule", value=said) from None


def instants_of(cohort: Cohort, episodes: Episodes) -> Array:
    """Return one running number an instant for each member: moves of one episode at one onset of one session."""
    onset = cohort.moves.onset[episodes.members]
    fresh = np.diff(onset, prepend=-1) != 0
    fresh |= episodes.new_session
    fresh[episodes.offsets[:-1][episodes.lengths > 0]] = True
    return np.cumsum(fresh)


def later_at_instant(cohort: Cohort, block: Block) -> Flags:
    """Return for each member of a block whether it stands at the instant of the member before it.

    An instant is one onset of one session of one episode.
    """
    later = np.zeros(len(block), dtype=bool)
    onset = cohort.moves.onset[block.picked]
    np.equal(onset[1:], onset[:-1], out=later[1:])
    later &= ~block.new_session
    later[block.firsts] = False
    return later


def in_tie_order(cohort: Cohort, episodes: Episodes, tie_rule: TieRule) -> Episodes:
    """Return the episodes with the moves of each instant in the order of the rule."""
    if tie_rule is TieRule.AS_FILED:
        return episodes
    first, second = cohort.coding.parties
    lead, other = (first, second) if tie_rule is TieRule.FIRST_PARTY_FIRST else (second, first)
    words = cohort.moves.levels["party"]
    rank = np.array([*({lead: 0, other: 1}.get(word, 2) for word in words), 2], dtype="i1")
    pieces = [_ordered(cohort, block, episodes.members[block.span], rank) for block in blocks_of(episodes)]
    return attrs.evolve(episodes, members=freeze(np.concatenate([*pieces, episodes.members[:0]])))


def _ordered(cohort: Cohort, block: Block, members: Array, rank: Array) -> Array:
    later = later_at_instant(cohort, block)
    if not later.any():
        return members
    order = np.lexsort([rank[cohort.moves.party[members]], np.cumsum(~later)])
    return members[order]


class TieSearch:
    """Looks for instants at which another order of their moves would have led elsewhere, and for the ends left open."""

    def __init__(self, cohort: Cohort, reader: MoveReader) -> None:
        self._cohort, self._reader = cohort, reader
        self._orders = Orders(reader.kinds.alphabet.next)
        self._start = frozenset({reader.kinds.alphabet.start})
        self._groups: list[Group] = []
        self._numbers: dict[Group, int] = {}
        self._onward: dict[tuple[frozenset[int], int], frozenset[int]] = {}

    def look(self, block: Block, before: Array) -> tuple[Flags, dict[int, tuple[int, ...]]]:
        """Return which members stand at such an instant, and the possible ends of their episodes, by its number.

        `before` holds the state before each member, as replayed.
        """
        later = later_at_instant(self._cohort, block)
        if not later.any():
            return later, {}
        edges = np.append(np.flatnonzero(~later), len(later))
        group = self._numbered(block, ~later, edges)
        matters = self._matters(before[edges[:-1]], group, np.diff(edges) > 1)
        touched = np.unique(np.searchsorted(block.offsets, edges[:-1][matters], side="right") - 1)
        return np.repeat(matters, np.diff(edges)), self._open_ends(block, touched, edges, group)

    def _open_ends(self, block: Block, touched: Whole, edges: Whole, group: Whole) -> dict[int, tuple[int, ...]]:
        """Return the ends of those of the touched episodes that may end in more than one state."""
        found: dict[int, tuple[int, ...]] = {}
        first, last = (np.searchsorted(edges, block.offsets[touched + more]).tolist() for more in (0, 1))
        for owner, low, high in zip(touched.tolist(), first, last, strict=True):
            ends = self._ends(group[low:high].tolist())
            if len(ends) > 1:
                found[block.low + owner] = tuple(sorted(ends))
        return found

    def _numbered(self, block: Block, opening: Flags, edges: Whole) -> Whole:
        """Return one number for the group of moves at each instant; equal groups, equal numbers."""
        n_symbols = self._reader.kinds.alphabet.next.shape[1]
        lead, rest = (self._reader.kinds.symbol.take(kind).astype("i8")
                      for kind in self._reader.read_in_any_order(block, opening))
        pairs, starts, sizes = lead * n_symbols + rest, edges[:-1], np.diff(edges)
        group: Whole = pairs[starts]
        for size in np.unique(sizes[sizes > 1]).tolist():
            held = np.flatnonzero(sizes == size)
            rows = np.sort(pairs[starts[held][:, None] + np.arange(size)], axis=1)
            first, inverse = _distinct(rows, n_symbols**2)
            known = [self._number(tuple(divmod(pair, n_symbols) for pair in row)) for row in rows[first].tolist()]
            group[held] = np.array(known, dtype="i8")[inverse]
        return group

    def _number(self, group: Group) -> int:
        """Return the number of a group of several moves; those of single moves, `lead * n + rest`, lie below."""
        if group not in self._numbers:
            self._numbers[group] = self._reader.kinds.alphabet.next.shape[1] ** 2 + len(self._groups)
            self._groups.append(group)
        return self._numbers[group]

    def _matters(self, state: Array, group: Whole, several: Flags) -> Flags:
        """Return for each instant whether another order of it, in the state it was met, would lead to another state."""
        n_states = len(self._reader.kinds.alphabet.next)
        met, inverse = np.unique(group[several] * n_states + state[several], return_inverse=True)
        asked = [divmod(one, n_states) for one in met.tolist()]
        matters = several.copy()
        matters[several] = np.array([len(self._after(at, number)) > 1 for number, at in asked], dtype=bool)[inverse]
        return matters

    def _after(self, state: int, number: int) -> frozenset[int]:
        n_symbols = self._reader.kinds.alphabet.next.shape[1]
        alone = number < n_symbols**2
        return self._orders.after(state, (divmod(number, n_symbols),) if alone else self._groups[number - n_symbols**2])

    def _ends(self, numbers: Sequence[int]) -> frozenset[int]:
        """Return every state in which an episode may end whose instants hold these groups."""
        here = self._start
        for number in numbers:
            there = self._onward.get((here, number))
            if there is None:
                there = frozenset(end for state in here for end in self._after(state, number))
                self._onward[here, number] = there
            here = there
        return here


def _distinct(rows: Whole, bound: int) -> tuple[Whole, Whole]:
    """Return the place of one of each kind of row, and the kind of every row; entries lie below the bound."""
    code = rows[:, 0]
    for column in rows.T[1:]:
        code = np.unique(code, return_inverse=True)[1] * bound + column
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return first, inverse


Group = tuple[tuple[int, int], ...]
"""The moves of one instant, sorted: for each its symbol were it the first of them, and were it a later one."""


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
