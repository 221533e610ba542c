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
from rupturekit.ties import TieRule
from rupturekit.traces import Reached
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


def replay_ends(table: Sequence[Sequence[int]], runs: Sequence[Sequence[int]], *, start: int,
                gains: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the last state of every run, and what its symbols gained in the states that they met."""
    found = []
    for run in runs:
        state, total = start, 0
        for symbol in run:
            total += gains[state][symbol]
            state = table[state][symbol]
        found.append((state, total))
    return found


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
        first = next(at for at, step in enumerate(steps) if model[step.after].end)
        skipped = any(step.skipped for step in steps[: first + 1] if step.reason is None)
        return Reached.WITH_SKIPS if skipped else Reached.YES
    ends = [arrow for arrow in model.transitions if model[arrow.target].end and arrow.source != arrow.target]
    if not any(shown(model, episode.coding.codebook, arrow) for arrow in ends):
        return Reached.NOT_OBSERVABLE
    return Reached.CENSORED if episode.row.closed_by is ClosedBy.OBSERVATION_END else Reached.NO


def first_in(steps: Sequence[Taken], wanted: set[str]) -> int:
    """Return the number of the first step, from 0, that leaves the episode in one of the states; -1 for none."""
    for at, step in enumerate(steps):
        if step.after in wanted:
            return at
    return -1


def dwell(episode: Episode, moves: Sequence[Move], steps: Sequence[Taken]) -> dict[str, int]:
    """Return how long each state lasted; moves stand in the order of their steps."""
    lasted: dict[str, int] = {}
    for at, (move, step) in enumerate(zip(moves, steps, strict=True)):
        until = move.onset
        if at + 1 < len(moves):
            if moves[at + 1].session == move.session:
                until = moves[at + 1].onset
        elif episode.row.last_session == move.session:
            until = episode.row.end
        lasted[step.after] = lasted.get(step.after, 0) + max(0, until - move.onset)
    return lasted


def visits(model: StateMachine, steps: Sequence[Taken]) -> dict[str, int]:
    """Return how often an episode came to each state: once where it begins, and at every change of state."""
    came = {state.name: int(state.initial) for state in model.states}
    for step in steps:
        if step.before != step.after:
            came[step.after] += 1
    return came


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


def segment(cohort: Cohort, rule: SegmentationRule, *, track: str, covered: frozenset[tuple[str, int]] = frozenset()
            ) -> list[Drawn]:
    """Return the episodes that a rule draws in one track: time goes by tick by tick, session by session."""
    drawn: list[Drawn] = []
    for dyad in dict.fromkeys(move.dyad for move in cohort.moves if move.track == track):
        drawn += _Clock(cohort, rule, track, dyad).run(covered)
    return drawn


def stretches(cohort: Cohort, track: str, dyad: str, session: int) -> list[tuple[int, int]]:
    """Return what was observed of a session, as stretches that do not touch; none where it was not coded."""
    mine = [m for m in cohort.moves if (m.dyad, m.session, m.track) == (dyad, session, track)]
    told = [one for one in cohort.observed if one.track == track]
    seen = [(one.start, one.end) for one in told if (one.dyad, one.session) == (dyad, session)]
    if not seen and (mine or not told):
        last = max((m.onset + lasts(cohort, m) for m in mine), default=0)
        seen = [(0, max(last, length(cohort, dyad, session) or 0))]
    if not seen:
        return []
    found = set(seen) | {(m.onset, m.onset) for m in mine}
    while True:
        pair = next(((a, b) for a in sorted(found) for b in sorted(found)
                     if a != b and a[0] <= b[0] <= a[1]), None)
        if pair is None:
            return sorted(found)
        found -= set(pair)
        found.add((pair[0][0], max(pair[0][1], pair[1][1])))


def length(cohort: Cohort, dyad: str, session: int) -> int | None:
    """Return how long a session is on record."""
    return next((one.duration for one in cohort.sessions if (one.dyad, one.session) == (dyad, session)), None)


def lasts(cohort: Cohort, move: Move) -> int:
    """Return how long a move itself lasts: to its offset, or where there is none to the end of its segment."""
    if move.offset is None:
        return cohort.coding.segment or 0
    return move.offset - move.onset


class _Clock:
    """Walks through the time of one dyad and one track."""

    def __init__(self, cohort: Cohort, rule: SegmentationRule, track: str, dyad: str) -> None:
        self.cohort, self.rule, self.track, self.dyad = cohort, rule, track, dyad
        self.tick = 1_000_000 if cohort.coding.time.has_clock else 1
        self.now, self.until = 0, 0
        self.open: list[Move] = []
        self.openers: list[Move] = []
        self.over: tuple[int, int] | None = None
        self.drawn: list[Drawn] = []

    def meetings(self) -> list[int]:
        mine = {m.session for m in self.cohort.moves if (m.dyad, m.track) == (self.dyad, self.track)}
        if self.rule.across_sessions:
            missed = {one.session for one in self.cohort.sessions if one.dyad == self.dyad and one.attended == "no"}
            mine |= {one.session for one in self.cohort.sessions if one.dyad == self.dyad} - missed
            mine |= {one.session for one in self.cohort.observed
                     if (one.dyad, one.track) == (self.dyad, self.track)} - missed
        return sorted(mine)

    def close(self, why: ClosedBy, session: int, time: int) -> None:
        """Close the open episode, if one is; a gap that has run out by now closes it where it ran out."""
        if not self.open:
            return
        if self.over is not None and why in (ClosedBy.SESSION_END, ClosedBy.OBSERVATION_END):
            why, (session, time) = ClosedBy.GAP, self.over
        last = self.open[-1]
        session, time = max((session, time), (last.session, last.onset))
        book = self.cohort.coding.codebook
        types = {MARKS[name] for m in self.openers for name in functions_of(book, m.code) if name in MARKS}
        people = {m.party for m in self.openers} - {None}
        first = self.open[0]
        self.drawn.append(Drawn(
            self.dyad, tuple(m.row_id for m in self.open), first.session, first.onset, session, time, why,
            RuptureType.MIXED if len(types) > 1 else next(iter(types), None), people.pop() if len(people) == 1 else None))
        self.open, self.over = [], None

    def run(self, covered: frozenset[tuple[str, int]]) -> list[Drawn]:
        alive, session, end = False, 0, 0
        for following in self.meetings():
            if (self.dyad, following) in covered:
                self.close(ClosedBy.SESSION_END, session, end)
                alive = False
                continue
            seen = stretches(self.cohort, self.track, self.dyad, following)
            if not seen:
                self.close(ClosedBy.OBSERVATION_END, session, end)
                alive = False
            for at, (start, stop) in enumerate(seen):
                if not (alive and at == 0 and start == 0):
                    self.close(ClosedBy.OBSERVATION_END, session, end)
                    self.now = 0
                session, end, alive = following, stop, True
                self.walk(session, start, stop)
            if seen and end < (length(self.cohort, self.dyad, session) or 0):
                self.close(ClosedBy.OBSERVATION_END, session, end)
                alive = False
            elif seen and not self.rule.across_sessions:
                self.close(ClosedBy.SESSION_END, session, end)
                alive = False
        self.close(ClosedBy.SESSION_END, session, end)
        return self.drawn

    def walk(self, session: int, start: int, stop: int) -> None:
        for time in range(start, stop + 1, self.tick):
            self.notice_gap(session, time)
            self.meet(session, time)
            self.notice_gap(session, time)
            if time < stop:
                self.now += self.tick
                if self.over is not None:
                    self.close(ClosedBy.GAP, *self.over)

    def notice_gap(self, session: int, time: int) -> None:
        if self.open and self.over is None and self.rule.gap is not None and self.now >= self.until + self.rule.gap:
            self.over = (session, time)

    def meet(self, session: int, time: int) -> None:
        here = [m for m in self.cohort.moves
                if (m.dyad, m.track, m.session, m.onset) == (self.dyad, self.track, session, time)]
        book = self.cohort.coding.codebook
        openers = [m for m in here if functions_of(book, m.code) & set(self.rule.opens) and _counts(self.rule, m)]
        closers = [m for m in here if functions_of(book, m.code) & set(self.rule.closes_on)]
        if openers:
            over = self.now + max(lasts(self.cohort, m) for m in openers)
            self.until = max(self.until, over) if self.open else over
            self.openers, self.over = self.openers if self.open else openers, None
        if self.open or openers:
            self.open += here
        if closers and not openers:
            self.close(ClosedBy.RESOLUTION, session, time)


def _counts(rule: SegmentationRule, move: Move) -> bool:
    if rule.opened_by and move.party not in rule.opened_by:
        return False
    if rule.min_rating is None:
        return True
    return rule.absent_rating == "pass" if move.rating is None else move.rating >= rule.min_rating


def in_force(cohort: Cohort, rule: SegmentationRule, *, track: str) -> list[tuple[str | None, Drawn]]:
    """Return the episodes in force: the coders' own in sessions where they drew any (named), else the rule's."""
    coded = [one for one in cohort.coded_episodes if one.row.track == track] if rule.use_coded else []
    taken = frozenset((one.row.dyad, session) for one in coded
                      for session in range(one.row.first_session, one.row.last_session + 1))
    drawn: list[tuple[str | None, Drawn]] = [(None, one) for one in segment(cohort, rule, track=track, covered=taken)]
    if rule.use_coded:
        drawn += [(one.episode, Drawn(one.row.dyad, tuple(m.row_id for m in one.moves), one.row.first_session,
                                      one.row.onset, one.row.last_session, one.row.end, one.row.closed_by,
                                      one.row.rupture_type, one.row.party)) for one in coded]
    return sorted(drawn, key=lambda pair: (pair[1].dyad, pair[1].first_session, pair[1].onset))
