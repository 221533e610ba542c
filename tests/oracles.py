"""The slow, obvious version of what the kernels and columns do, written from the documentation.

Everything here is a loop over the moves of one episode or one session, over states, arrows, simple paths or
permutations. Nothing is taken from the modules that are tested but the values they are made of.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rupturekit.alphabet import Observability, Reason
from rupturekit.codebooks import Code, Codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Episode, Move
from rupturekit.segmentation import SegmentationRule
from rupturekit.state_machine import Condition, StateMachine, Transition
from rupturekit.traces import Reached, TieRule
from rupturekit.vocabulary import ClosedBy, RuptureType

# --- replay ----------------------------------------------------------------------------------------------------


def replay(table: Sequence[Sequence[int]], runs: Sequence[Sequence[int]], *, start: int) -> list[int]:
    """Return the state before every symbol of every run."""
    before = []
    for run in runs:
        state = start
        for symbol in run:
            before.append(state)
            state = table[state][symbol]
    return before


# --- what a codebook shows -------------------------------------------------------------------------------------


def functions_of(codebook: Codebook, code: str) -> set[str]:
    """Return what a code does; nothing for a code that is not there."""
    return {name for one in codebook.codes if one.code == code for name in one.functions}


def listens(when: Condition, code: Code, function: str) -> bool:
    """Return whether a codebook lets a condition be met by a code, through one function."""
    given = when.party is None or not code.parties or when.party in code.parties
    return function in when.functions and function in code.functions and given


def shown(model: StateMachine, codebook: Codebook, arrow: Transition) -> bool:
    """Return whether some code of the codebook lets an arrow be taken."""
    return arrow.when is not None and any(
        listens(arrow.when, code, function) for code in codebook.codes for function in arrow.when.functions)


def observability(model: StateMachine, codebook: Codebook) -> dict[str, Observability]:
    """Return for every state whether all, some or none of the functions that lead into it have a code."""
    found = {}
    for state in model.states:
        into = [arrow for arrow in model.transitions if arrow.target == state.name and arrow.source != state.name]
        heard = [any(listens(arrow.when, code, function) for code in codebook.codes)
                 for arrow in into if arrow.when is not None for function in arrow.when.functions]
        if state.initial:
            found[state.name] = Observability.GIVEN
        elif not any(heard):
            found[state.name] = Observability.NOT_OBSERVABLE
        else:
            found[state.name] = Observability.OBSERVABLE if all(heard) else Observability.PARTLY
    return found


# --- one trace -------------------------------------------------------------------------------------------------


class Taken(NamedTuple):
    """What one move did: the states around it, the arrow or the reason, what was passed and skipped."""

    row_id: int
    before: str
    after: str
    arrow: Transition | None
    reason: Reason | None
    passed: tuple[str, ...]
    skipped: tuple[str, ...]


class Walker:
    """Walks through one model with one codebook, move by move."""

    def __init__(self, model: StateMachine, codebook: Codebook, *, clock: bool = True,
                 follow_skips: bool = True) -> None:
        self.model, self.codebook = model, codebook
        self.clock, self.follow_skips = clock, follow_skips
        self.order = [state.name for state in model.states]
        self.leaving = {name: [a for a in model.transitions if a.source == name] for name in self.order}
        self.visible_steps = {arrow.step for arrow in model.transitions
                              if shown(model, codebook, arrow) and arrow.source != arrow.target}
        self._ways: dict[str, list[Way]] = {}

    def fits(self, arrow: Transition, move: Move, previous: int | None, onset: int | None) -> bool:
        """Return whether a move satisfies an arrow: party, function, rating, elapsed time."""
        when = arrow.when
        if when is None or (when.party is not None and when.party != move.party):
            return False
        if not functions_of(self.codebook, move.code) & set(when.functions):
            return False
        if when.min_rating is not None or when.max_rating is not None:
            if move.rating is None:
                if when.absent == "block":
                    return False
            elif not _between(move.rating, when.min_rating, when.max_rating):
                return False
        if when.min_elapsed is not None or when.max_elapsed is not None:
            elapsed = previous if when.since == "previous" else onset
            if not self.clock or elapsed is None or not _between(elapsed, when.min_elapsed, when.max_elapsed):
                return False
        return True

    def price(self, arrow: Transition, start: str) -> int | None:
        """Return what it costs to go along an arrow without a move; None where that is no way."""
        if arrow.target == start or self.model[arrow.target].end:
            return None
        if arrow.when is None or arrow.step not in self.visible_steps:
            return 0
        forward = self.order.index(arrow.target) > self.order.index(start)
        return 1 if forward and arrow.skippable else None

    def simple_paths(self, start: str) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield (price, arrows) of every path from a state that meets no state twice."""

        def onward(state: str, seen: set[str], price: int, way: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
            for at, arrow in enumerate(self.model.transitions):
                if arrow.source != state or arrow.target in seen:
                    continue
                cost = self.price(arrow, start)
                if cost is not None:
                    yield price + cost, (*way, at)
                    yield from onward(arrow.target, {*seen, arrow.target}, price + cost, (*way, at))

        return onward(start, {start}, 0, ())

    def ways(self, start: str) -> list[Way]:
        """Return the best way to each state ahead: the least skipped, then the fewest arrows, then the first arrows."""
        if start not in self._ways:
            best: dict[str, Way] = {}
            for price, arrows in self.simple_paths(start):
                there = self.model.transitions[arrows[-1]].target
                way = Way(price, len(arrows), self.order.index(there), arrows)
                best[there] = min(way, best.get(there, way))
            self._ways[start] = sorted(best.values())
        return self._ways[start]

    def step(self, state: str, move: Move, *, previous: int | None, onset: int | None) -> Taken:
        """Return what a move does in a state."""
        fitting = [a for a in self.leaving[state] if self.fits(a, move, previous, onset)]
        targets = {arrow.target for arrow in fitting}
        if len(targets) > 1:
            return self.stay(state, move, Reason.AMBIGUOUS)
        if targets:
            return Taken(move.row_id, state, fitting[0].target, fitting[0], None, (), ())
        return self.further(state, move, previous, onset)

    def further(self, state: str, move: Move, previous: int | None, onset: int | None) -> Taken:
        """Return what a move does that no arrow here takes: look past what was passed or skipped."""
        level: tuple[int, int] | None = None
        found: dict[str, tuple[Transition, Way]] = {}
        for way in self.ways(state):
            if level is not None and way[:2] != level:
                break
            been = {self.model.transitions[at].source for at in way.arrows} | {self.order[way.state]}
            for arrow in self.leaving[self.order[way.state]]:
                if self.fits(arrow, move, previous, onset) and arrow.target not in been:
                    found.setdefault(arrow.target, (arrow, way))
                    level = way[:2]
        if len(found) > 1:
            return self.stay(state, move, Reason.AMBIGUOUS)
        if not found:
            return self.stay(state, move, self.why(state, move))
        (arrow, way), = found.values()
        crossed = [self.model.transitions[at] for at in way.arrows]
        passed = tuple(one.step for one in crossed if one.step not in self.visible_steps)
        skipped = tuple(one.step for one in crossed if one.when is not None and one.step in self.visible_steps)
        if skipped and not self.follow_skips:
            return Taken(move.row_id, state, state, None, Reason.AHEAD, (), skipped)
        return Taken(move.row_id, state, arrow.target, arrow, None, passed, skipped)

    def stay(self, state: str, move: Move, reason: Reason) -> Taken:
        """Return the step of a move that is off the model."""
        return Taken(move.row_id, state, state, None, reason, (), ())

    def why(self, state: str, move: Move) -> Reason:
        """Return why no arrow takes a move: the first of the reasons that holds."""
        functions = functions_of(self.codebook, move.code)
        if not functions:
            return Reason.NO_FUNCTION
        speaking = [a.when for a in self.leaving[state] if a.when and functions & set(a.when.functions)]
        if any(when.party in (None, move.party) for when in speaking):
            return Reason.GUARD
        if self.model[state].end and all(arrow.target == state for arrow in self.leaving[state]):
            return Reason.AFTER_END
        return Reason.WRONG_PARTY if speaking else Reason.NO_ARROW

    def walk(self, moves: Sequence[Move], *, start: str | None = None, previous: Move | None = None,
             first: Move | None = None) -> list[Taken]:
        """Return the steps of moves in their order, in one or more sessions."""
        taken: list[Taken] = []
        state = start or self.model.initial
        for move in moves:
            first = first or move
            same = previous is not None and previous.session == move.session
            step = self.step(state, move, previous=move.onset - previous.onset if previous and same else None,
                             onset=move.onset - first.onset if move.session == first.session else None)
            taken.append(step)
            state, previous = step.after, move
        return taken


class Way(NamedTuple):
    """A way ahead; ways are compared by these fields, in this order."""

    price: int
    hops: int
    state: int
    arrows: tuple[int, ...]


def _between(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def in_tie_order(moves: Sequence[Move], parties: tuple[str, str], tie_rule: TieRule) -> list[Move]:
    """Return moves with those of one instant ordered by the rule; otherwise as they stand."""
    rank = {TieRule.AS_FILED: {}, TieRule.FIRST_PARTY_FIRST: {parties[0]: 0, parties[1]: 1},
            TieRule.SECOND_PARTY_FIRST: {parties[1]: 0, parties[0]: 1}}[tie_rule]
    return [move for group in instants(moves) for move in sorted(group, key=lambda m: rank.get(m.party, 2))]


def instants(moves: Sequence[Move]) -> list[list[Move]]:
    """Return moves grouped by instant."""
    return [list(group) for _, group in itertools.groupby(moves, key=lambda move: (move.session, move.onset))]


def walker(episode: Episode, model: StateMachine, *, follow_skips: bool = True) -> Walker:
    """Return a walker for the codebook and kind of time of an episode."""
    return Walker(model, episode.coding.codebook, clock=episode.coding.time.has_clock, follow_skips=follow_skips)


def trace(episode: Episode, model: StateMachine, *, tie_rule: TieRule = TieRule.AS_FILED,
          follow_skips: bool = True) -> list[Taken]:
    """Return the steps of one episode."""
    moves = in_tie_order(episode.moves, episode.coding.parties, tie_rule)
    return walker(episode, model, follow_skips=follow_skips).walk(moves)


def reached(episode: Episode, model: StateMachine, steps: Sequence[Taken]) -> Reached:
    """Return whether the steps got to an end of the model."""
    if any(model[step.after].end for step in steps):
        skipped = any(step.skipped for step in steps if step.reason is None)
        return Reached.WITH_SKIPS if skipped else Reached.YES
    ends = [arrow for arrow in model.transitions if model[arrow.target].end and arrow.source != arrow.target]
    if not any(shown(model, episode.coding.codebook, arrow) for arrow in ends):
        return Reached.NOT_OBSERVABLE
    return Reached.CENSORED if episode.row.closed_by is ClosedBy.OBSERVATION_END else Reached.NO


# --- moves at one instant --------------------------------------------------------------------------------------


def ends_over_orders(episode: Episode, model: StateMachine, orders: Callable[[list[Move]], Iterator[Sequence[Move]]],
                     *, follow_skips: bool = True) -> tuple[list[bool], set[str]]:
    """Return for each move whether its instant's order matters, and all ends over all orders of all instants.

    An instant's order matters where, from the state that the moves as filed have led to, another order of it leads
    to another state.
    """
    by = walker(episode, model, follow_skips=follow_skips)
    filed, ends, matters = by.model.initial, {by.model.initial}, []
    first, previous = None, None
    for group in instants(episode.moves):
        first = first or group[0]

        def ends_from(state: str, group: list[Move] = group, first: Move = first, previous: Move | None = previous
                      ) -> set[str]:
            return {by.walk(order, start=state, previous=previous, first=first)[-1].after for order in orders(group)}

        matters += [len(ends_from(filed)) > 1] * len(group)
        ends = {end for state in ends for end in ends_from(state)}
        filed = by.walk(group, start=filed, previous=previous, first=first)[-1].after
        previous = group[-1]
    return matters, ends


# --- segmentation ----------------------------------------------------------------------------------------------


class Drawn(NamedTuple):
    """One drawn episode."""

    dyad: str
    row_ids: tuple[int, ...]
    first_session: int
    onset: int
    last_session: int
    end: int
    closed_by: ClosedBy
    rupture_type: RuptureType | None
    party: str | None


MARKS = {"withdrawal_marker": RuptureType.WITHDRAWAL, "confrontation_marker": RuptureType.CONFRONTATION}


def segment(cohort: Cohort, rule: SegmentationRule, *, track: str) -> list[Drawn]:
    """Return the episodes that a rule draws in one track, the coders' own left aside."""
    mine = [move for move in cohort.moves if move.track == track]
    drawn = []
    for _, moves in itertools.groupby(mine, key=lambda m: m.dyad if rule.across_sessions else (m.dyad, m.session)):
        drawn += _segment_group(cohort, rule, track, list(moves))
    return drawn


def session_end(cohort: Cohort, track: str, dyad: str, session: int) -> tuple[int, bool]:
    """Return when a session's record ends, and whether observation stopped before the session did."""
    last = max(max(move.onset, move.offset or 0) for move in cohort.moves
               if (move.dyad, move.session, move.track) == (dyad, session, track))
    lasted = [one.duration for one in cohort.sessions if (one.dyad, one.session) == (dyad, session)
              and one.duration is not None]
    seen = [one.end for one in cohort.observed if (one.dyad, one.session, one.track) == (dyad, session, track)]
    stopped = bool(seen and lasted and max(seen) < lasted[0])
    return max([last, *([max(seen)] if seen else lasted)]), stopped


def _segment_group(cohort: Cohort, rule: SegmentationRule, track: str, moves: list[Move]) -> list[Drawn]:
    """Go through the moves of one session, or of one dyad where episodes cross sessions, one after another."""
    book = cohort.coding.codebook
    ends, stops, begins, length = {}, {}, {}, 0
    for session in dict.fromkeys(move.session for move in moves):
        ends[session], stops[session] = session_end(cohort, track, moves[0].dyad, session)
        begins[session] = length
        length += ends[session]

    def place(move: Move) -> int:
        return begins[move.session] + move.onset

    drawn: list[Drawn] = []
    open_: list[Move] = []
    reach: int | None = None

    def close(why: ClosedBy) -> None:
        session, end = open_[-1].session, open_[-1].onset
        if why is ClosedBy.GAP:
            assert reach is not None
            inside = [s for s in begins if begins[s] + ends[s] >= reach]
            session = max(inside[0], open_[-1].session)
            end = reach - begins[session]
        if why in (ClosedBy.SESSION_END, ClosedBy.OBSERVATION_END):
            session = moves[-1].session
            end = ends[session]
        at = [m for m in moves[moves.index(open_[0]):] if (m.session, m.onset) == (open_[0].session, open_[0].onset)]
        types = {MARKS[name] for move in at for name in functions_of(book, move.code) if name in MARKS}
        kind = RuptureType.MIXED if len(types) > 1 else next(iter(types), None)
        drawn.append(Drawn(open_[0].dyad, tuple(m.row_id for m in open_), open_[0].session, open_[0].onset, session, end,
                           why, kind, open_[0].party))
        open_.clear()

    for move in moves:
        functions = functions_of(book, move.code)
        opens = bool(functions & set(rule.opens)) and _counts(rule, move)
        closes = bool(functions & set(rule.closes_on)) and not opens
        if open_ and reach is not None and place(move) > reach:
            close(ClosedBy.GAP)
        if open_ or opens:
            open_.append(move)
        if opens and rule.gap is not None:
            reach = place(move) + rule.gap
        if open_ and closes:
            close(ClosedBy.RESOLUTION)
    if open_:
        over = rule.gap is not None and reach is not None and reach <= length
        stopped = stops[moves[-1].session]
        close(ClosedBy.GAP if over else ClosedBy.OBSERVATION_END if stopped else ClosedBy.SESSION_END)
    return drawn


def _counts(rule: SegmentationRule, move: Move) -> bool:
    if rule.opened_by and move.party not in rule.opened_by:
        return False
    if rule.min_rating is None:
        return True
    return rule.absent_rating == "pass" if move.rating is None else move.rating >= rule.min_rating


def in_force(cohort: Cohort, rule: SegmentationRule, *, track: str) -> list[tuple[str | None, Drawn]]:
    """Return the episodes in force: the coders' own in sessions where they drew any (named), else the rule's."""
    drawn: list[tuple[str | None, Drawn]] = [(None, one) for one in segment(cohort, rule, track=track)]
    if rule.use_coded:
        coded = [one for one in cohort.coded_episodes if one.row.track == track]
        taken = {(one.row.dyad, session) for one in coded
                 for session in range(one.row.first_session, one.row.last_session + 1)}
        drawn = [(name, one) for name, one in drawn
                 if not any((one.dyad, s) in taken for s in range(one.first_session, one.last_session + 1))]
        drawn += [(one.episode, Drawn(one.row.dyad, tuple(m.row_id for m in one.moves), one.row.first_session,
                                      one.row.onset, one.row.last_session, one.row.end, one.row.closed_by,
                                      one.row.rupture_type, one.row.party)) for one in coded]
    return sorted(drawn, key=lambda pair: (pair[1].dyad, pair[1].first_session, pair[1].onset))
