"""Rules held against episodes: what was asked, what was fulfilled, violated, undecided, and what was never asked.

Moves are taken in their order in the episode; moves at one instant in the order of the tie rule, so that a move may
answer one at its own instant. Where the opposite order of the moves at each instant would give other counts, that is
marked (`order_dependent`). A move never answers itself. The episode is the frame: what lies before or after it is
not looked at. An *activation* is a move, or an episode, at which a rule asks something:

- response: each move that meets `when`. Fulfilled where a later move meets `then`.
- chain response: each move that meets `when`. Fulfilled where the next move, of anybody or of the party that `then`
  names, meets `then`; violated where it does not; undecided where the episode holds no such move.
- precedence: each move that meets `when`. Fulfilled where an earlier move meets `first`; else violated.
- existence: each episode. Fulfilled by so many moves that meet `what`; else violated.
- absence: each episode. Violated by so many moves that meet `what`; else fulfilled.
- not coexistence: each episode with a move that meets `when` or `never`. Violated where both are met, be it by one
  move; else fulfilled.

An episode without activation is *vacuous*: neither fulfilled nor violated. Without limit, what is still open when the
episode ends is violated, as rules over finite traces have it (De Giacomo & Vardi 2013). With a limit it is undecided
where the episode ended before the limit ran out: fewer moves followed than the limit counts, or less time than it
allows was seen. Where observation stopped before the episode was over (`closed_by` observation_end), nothing that later
moves could have changed is decided: an open response, an existence not yet there, an absence so far, a coexistence so
far avoided. That a chain response at the last move is undecided is our choice, since it is a response within one move;
in Declare it is violated.

Limits in moves count the moves of the episode, whoever makes them, over sessions. Limits in time run from onset to
onset, both ends included, within one session; in sessions before the episode's last, time was seen up to the last move.
Where moves are coded by segments, an onset is the start of a segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._frames import FrameColumn
from rupturekit._kernels.rules import (
    NOTHING,
    OTHER,
    TURN,
    WHEN,
    Automaton,
    apart,
    asked_of_moves,
    by_clock,
    chain_response,
    count_by_clock,
    count_verdicts,
    counting,
    precedence,
    response,
    settled,
)
from rupturekit._table import Array, freeze, held_state, set_closed
from rupturekit.codebooks import Codebook
from rupturekit.cohort import Cohort, Episodes, choose_track
from rupturekit.conformance.rules import Rule, RuleKind, RuleSet, Sought, as_rules
from rupturekit.episode import Coding
from rupturekit.errors import NoClock, PartyMismatch, RecordError, did_you_mean, expect, listed
from rupturekit.kinds import Block, blocks_of
from rupturekit.provenance import Provenance
from rupturekit.ties import TieRule, as_tie_rule, in_tie_order, later_at_instant
from rupturekit.vocabulary import ClosedBy

__all__ = ["VERDICTS", "CompiledRule", "Judgement", "LineOfTime", "RuleChecks", "RuleTotal", "Verdict", "check_rules",
           "compiled", "line_of_time", "who_said_what"]

Whole = npt.NDArray[np.int64]
Symbols = npt.NDArray[np.uint8]


class Verdict(StrEnum):
    """What became of a rule in an episode, or at one move."""

    FULFILLED = "fulfilled"
    VIOLATED = "violated"
    UNDECIDED = "undecided"
    VACUOUS = "vacuous"
    NOT_OBSERVABLE = "not observable"


VERDICTS: Final = tuple(Verdict)
"""The verdicts in the order of their integer codes."""


@attrs.frozen(kw_only=True)
class Judgement:
    """What became of a rule at one move, or in one episode: then the moves are those that decided it."""

    rule: str
    verdict: Verdict
    row_ids: tuple[int, ...]


@attrs.frozen(kw_only=True)
class RuleTotal:
    """What became of one rule in all episodes.

    Attributes
    ----------
    asks, evidence : str
        The rule in words, and where it comes from.
    episodes, vacuous, with_violation : int
        Episodes that were looked at; of them those in which nothing was asked, and those with a violation.
    activations, fulfilled, violated, undecided : int
    order_dependent : int
        Episodes in which the opposite order of the moves at each instant would give other counts.
    unseen : str
        Why the codebook cannot show what the rule asks for; empty where it can. Nothing is counted then.
    partly : str
        What of it the codebook cannot show, where there are alternatives that it can.
    """

    rule: str
    kind: RuleKind
    asks: str
    evidence: str
    episodes: int
    vacuous: int
    with_violation: int
    activations: int
    fulfilled: int
    violated: int
    undecided: int
    order_dependent: int
    unseen: str
    partly: str

    @property
    def share(self) -> float | None:
        """Fulfilled of all that were decided; None where none was."""
        decided = self.fulfilled + self.violated
        return self.fulfilled / decided if decided else None

    def __str__(self) -> str:
        if self.unseen:
            return f"{self.rule}: not observable, {self.unseen}"
        share = "" if self.share is None else f" ({self.share:.0%} of those decided)"
        said = (f"{self.rule}: {_html.counted(self.activations, 'activation')}, {self.fulfilled:,} fulfilled{share}, "
                f"{self.violated:,} violated, {self.undecided:,} undecided; {self.vacuous:,} of "
                f"{_html.counted(self.episodes, 'episode')} vacuous")
        if self.order_dependent:
            said += f"; {self.order_dependent:,} hang on the order of moves at one instant"
        return f"{said}; {self.partly}" if self.partly else said


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RuleChecks:
    """What became of each rule in each episode.

    Attributes
    ----------
    episodes : Episodes
        Those that were looked at, members in the order of the tie rule.
    activations, fulfilled, violated, undecided : int64, rules x episodes
        The first is the sum of the others. All 0 where a rule is not observable: see `unseen`.
    order_dependent : bool, rules x episodes
        Whether the opposite order of the moves at each instant would give other counts; other orders are not tried.
    unseen, partly : mapping of rule to sentence
        What the codebook cannot show; see `RuleTotal`.
    left_out : mapping of str to int
        Episodes that were not looked at, by reason.
    """

    cohort: Cohort
    rules: RuleSet
    episodes: Episodes
    tie_rule: TieRule
    activations: Whole
    fulfilled: Whole
    violated: Whole
    undecided: Whole
    order_dependent: npt.NDArray[np.bool_]
    unseen: Mapping[str, str]
    partly: Mapping[str, str]
    left_out: Mapping[str, int]
    provenance: Provenance

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def __len__(self) -> int:
        return len(self.episodes)

    @property
    def stopped(self) -> npt.NDArray[np.bool_]:
        """For each episode, whether observation stopped before it was over."""
        return _stopped(self.episodes)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What has to be known of how the episodes were drawn."""
        n = int(self.episodes.rows.closed_by_outcome.sum())
        return (f"{_html.counted(n, 'episode')} closed because a resolution was seen: what rules say of resolution is "
                "then partly by construction",) if n else ()

    def verdict_codes(self) -> npt.NDArray[np.int8]:
        """Return what became of each rule in each episode, as places in `VERDICTS`: rules x episodes.

        One violation makes it violated, else one activation undecided makes it undecided.
        """
        code = {verdict: np.int8(at) for at, verdict in enumerate(VERDICTS)}
        found = np.where(self.activations > 0, code[Verdict.FULFILLED], code[Verdict.VACUOUS])
        found = np.where(self.undecided > 0, code[Verdict.UNDECIDED], found)
        found = np.where(self.violated > 0, code[Verdict.VIOLATED], found)
        hidden = np.array([rule.name in self.unseen for rule in self.rules], dtype=bool)
        return np.where(hidden[:, None], code[Verdict.NOT_OBSERVABLE], found).astype(np.int8)

    def totals(self) -> tuple[RuleTotal, ...]:
        """Return what became of each rule in all episodes together."""
        return tuple(self._total(at, rule) for at, rule in enumerate(self.rules))

    def _total(self, at: int, rule: Rule) -> RuleTotal:
        asked = self.activations[at]
        return RuleTotal(
            rule=rule.name, kind=rule.kind, asks=str(rule), evidence=rule.evidence_text(), episodes=len(self),
            vacuous=0 if rule.name in self.unseen else int((asked == 0).sum()),
            with_violation=int((self.violated[at] > 0).sum()), activations=int(asked.sum()),
            fulfilled=int(self.fulfilled[at].sum()), violated=int(self.violated[at].sum()),
            undecided=int(self.undecided[at].sum()), order_dependent=int(self.order_dependent[at].sum()),
            unseen=self.unseen.get(rule.name, ""), partly=self.partly.get(rule.name, ""))

    def judgements(self, episode: str) -> tuple[Judgement, ...]:
        """Return what became of each rule at each move of one episode that it asks something at, in their order.

        Raises
        ------
        RecordError
            Where there is no such episode.
        """
        at = self._place(episode)
        one = self.episodes.take(np.array([at]))
        block, = blocks_of(one)
        ids = self.cohort.moves.row_id[one.members]
        made = [each for each in compiled(self.rules, self.cohort.coding) if each.rule.name not in self.unseen]
        return tuple(said for each in made for said in _judged(self, each, block, one, at=at, ids=ids))

    def explain(self, episode: str) -> str:
        """Return what became of each rule in one episode in plain words, with the moves of violations.

        Raises
        ------
        RecordError
            Where there is no such episode.
        """
        said = self.judgements(episode)
        lines = [f"Episode {episode} by the rules {self.rules.name}:"]
        for rule in self.rules:
            lines.append(f"  {rule.name}: {rule} ({rule.evidence_text()})")
            here = [one for one in said if one.rule == rule.name]
            if rule.name in self.unseen:
                lines.append(f"    not observable: {self.unseen[rule.name]}")
            elif not here:
                lines.append("    vacuous: nothing was asked")
            lines += [f"    {one.verdict}{self._at(one.row_ids)}" for one in here]
        return "\n".join(lines)

    def _at(self, row_ids: tuple[int, ...]) -> str:
        moves = self.cohort.moves
        rows = [int(np.flatnonzero(moves.row_id == row_id)[0]) for row_id in row_ids]
        told = [f"move {move.row_id} ({move.party or 'somebody'} {move.code}, {self.cohort.coding.when(move.onset)})"
                for move in (moves[row] for row in rows)]
        return f" at {listed(told)}" if told else ""

    def _place(self, episode: str) -> int:
        names = self.episodes.rows.words("episode")
        if episode not in names:
            known = [name for name in names if name]
            raise RecordError(f"no rules were checked in an episode {episode!r}{did_you_mean(episode, known)}; "
                              f"checked are: {listed(known) or 'none'}", field="episode", value=episode)
        return names.index(episode)

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row an episode and rule, rule by rule: counts, and what became of it."""
        rows, n = self.episodes.rows, len(self.rules)
        names = tuple(rule.name for rule in self.rules)
        return {
            "episode": FrameColumn(values=np.tile(rows.episode, n), levels=rows.levels["episode"]),
            "dyad": FrameColumn(values=np.tile(rows.dyad, n), levels=rows.levels["dyad"]),
            "rule": FrameColumn(values=np.repeat(np.arange(n, dtype="i4"), len(self)), levels=names, closed=True),
            **{name: FrameColumn(values=getattr(self, name).ravel())
               for name in ("activations", "fulfilled", "violated", "undecided", "order_dependent")},
            "verdict": FrameColumn(values=self.verdict_codes().ravel(), levels=tuple(map(str, VERDICTS)), closed=True),
        }

    def __repr__(self) -> str:
        return f"RuleChecks({_html.counted(len(self), 'episode')} by {self.rules!r})"

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {total}" for total in self.totals()),
                          *(f"  not looked at: {n:,}, {why}" for why, n in self.left_out.items()),
                          *(f"  {text}" for text in self.caveats)])

    def _repr_html_(self) -> str:
        rows = ((total.rule, total.asks, total.evidence, total.activations, total.fulfilled, total.violated,
                 total.undecided, total.vacuous, total.unseen or total.partly) for total in self.totals())
        return _html.page("RuleChecks", self.rules.title, _html.table(
            ("rule", "asks", "evidence", "activations", "fulfilled", "violated", "undecided", "vacuous", "not seen"),
            rows), _html.facts([("", text) for text in self.caveats]))


def check_rules(cohort: Cohort, rules: RuleSet | str | Path, *, track: str | None = None,
                tie_rule: TieRule | str = TieRule.AS_FILED) -> RuleChecks:
    """Hold every episode in force against rules; what each asks and when it is met, this module's head says.

    Parameters
    ----------
    rules : RuleSet, name or path
    track : str or None
        The reading whose episodes are looked at; None for all that are in force.
    tie_rule : TieRule
        In which order moves at one instant are taken.

    Raises
    ------
    RecordError
        Where `track` names a reading that is not there.
    PartyMismatch
        Where rules name parties that the study lacks.
    NoClock
        Where rules limit time and the study records turns or an order.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = check_rules(segment(example_cohort(), WHOLE_SESSION, track="r1"), "resolution")
    >>> [(total.rule, total.fulfilled, total.violated, total.undecided) for total in held.totals()[:2]]
    [('marker answered', 48, 0, 0), ('marker answered soon', 48, 0, 0)]
    """
    expect(cohort, Cohort, what="a cohort", remedy="use study.cohort, or Cohort.of(...)")
    held, ties = as_rules(rules), as_tie_rule(tie_rule)
    _check_fits(held, cohort.coding)
    episodes, left_out = _looked_at(cohort, track)
    episodes = in_tie_order(cohort, episodes, ties)
    hidden = {rule.name: why for rule in held if (why := _unseen(rule, cohort.coding.codebook))}
    made = [each if each.rule.name not in hidden else None for each in compiled(held, cohort.coding)]
    found, hangs = _counted(cohort, episodes, made)
    fulfilled, violated, undecided = map(freeze, found)
    return RuleChecks(
        cohort=cohort, rules=held, episodes=episodes, tie_rule=ties, activations=freeze(found.sum(axis=0)),
        fulfilled=fulfilled, violated=violated, undecided=undecided, order_dependent=freeze(hangs), unseen=hidden,
        left_out=left_out, partly={rule.name: why for rule in held if (why := _partly(rule, cohort.coding.codebook))},
        provenance=cohort.provenance(track=track, rules=(cohort.rule, f"ties {ties}", held.identity)))


def _counted(cohort: Cohort, episodes: Episodes, made: Sequence[CompiledRule | None]
             ) -> tuple[Whole, npt.NDArray[np.bool_]]:
    """Return what is fulfilled, violated and undecided of each rule in each episode, and where that hangs on ties."""
    found = np.zeros((3, len(made), len(episodes)), dtype=np.int64)
    hangs = np.zeros((len(made), len(episodes)), dtype=bool)
    tables = [None if each is None else each.symbols(cohort) for each in made]
    stopped = _stopped(episodes)
    for block in blocks_of(episodes):
        here = slice(block.low, block.low + len(block.offsets) - 1)
        places, time = who_said_what(cohort, block), line_of_time(cohort, episodes, block)
        opposite = _opposite(later_at_instant(cohort, block))
        for at, (each, table) in enumerate(zip(made, tables, strict=True)):
            if each is None or table is None:
                continue
            symbols = table.take(places)
            said = settled(each.count(symbols, offsets=block.offsets, time=time), stopped=stopped[here])
            found[:, at, here] = said
            if opposite is not None:
                counts = each.count(symbols[opposite], offsets=block.offsets, time=time)
                hangs[at, here] = (np.array(settled(counts, stopped=stopped[here])) != said).any(axis=0)
    return found, hangs


def _stopped(episodes: Episodes) -> npt.NDArray[np.bool_]:
    """Return for each episode whether observation stopped before it was over."""
    rows = episodes.rows
    return np.asarray(rows.closed_by == rows.code_of("closed_by", word=ClosedBy.OBSERVATION_END))


def _looked_at(cohort: Cohort, track: str | None) -> tuple[Episodes, dict[str, int]]:
    rows, keep = cohort.columns.rows, np.ones(len(cohort.columns), dtype=bool)
    if track is not None:
        keep = rows.track == rows.code_of("track", word=choose_track(cohort, track))
    empty = keep & (cohort.columns.lengths == 0)
    return cohort.columns.take(keep & ~empty), {"holds no moves": int(empty.sum())} if empty.any() else {}


def _opposite(later: npt.NDArray[np.bool_]) -> Whole | None:
    """Return the places of moves with each instant's in the opposite order; None where no two share one.

    >>> _opposite(np.array([False, False, True, True, False])).tolist()
    [0, 3, 2, 1, 4]
    """
    if not later.any():
        return None
    edges = np.append(np.flatnonzero(~later), len(later))
    return np.repeat(edges[:-1] + edges[1:] - 1, np.diff(edges)) - np.arange(len(later))


def _check_fits(rules: RuleSet, coding: Coding) -> None:
    strange = sorted({party for rule in rules for party in rule.parties} - set(coding.parties))
    if strange:
        raise PartyMismatch(f"the rules {rules.name} speak of {listed(strange)}, but this study's parties are "
                            f"{' and '.join(coding.parties)}{did_you_mean(strange[0], coding.parties)}; name the "
                            "study's parties in a copy of the rules", value=strange[0])
    timed = [rule.name for rule in rules if rule.within is not None]
    if timed and not coding.time.has_clock:
        raise NoClock(f"this study records {coding.time}s, not a clock, but of the rules {rules.name} a limit in time "
                      f"have: {listed(timed)}; limit them in moves (within_moves)")


# --- what the codes can show ------------------------------------------------------------------------------------------


def _shown(sought: Sought, book: Codebook) -> bool:
    """Return whether some code that the party can be given is one of those sought."""
    codes = {code for function in sought.functions for code in book.codes_for(function)} | set(sought.codes)
    return any(sought.party is None or not book[code].parties or sought.party in book[code].parties
               for code in codes if code in book)


def _unseen(rule: Rule, book: Codebook) -> str:
    lacking = [str(sought) for sought in rule.sought if not _shown(sought, book)]
    return f"no code of {book.name} shows {' nor '.join(lacking)}" if lacking else ""


def _partly(rule: Rule, book: Codebook) -> str:
    """Say which alternatives of a rule that can be seen no code shows."""
    lacking = [name for sought in rule.sought for name in (
        *(name for name in sought.functions if not book.codes_for(name)),
        *(f"code {code}" for code in sought.codes if code not in book))]
    if not lacking or _unseen(rule, book):
        return ""
    return f"no code of {book.name} shows {listed(dict.fromkeys(lacking))}, so what was met that way is not seen"


# --- compiled ---------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False)
class LineOfTime:
    """Where the moves of episodes stand in time: onset, line that nothing interrupts, and up to when that was seen."""

    onset: Whole
    line: Whole
    until: Whole


@attrs.frozen(kw_only=True, eq=False)
class CompiledRule:
    """A rule as it is walked; without automaton where a clock limits it."""

    rule: Rule
    coding: Coding
    automaton: Automaton | None

    def symbols(self, cohort: Cohort) -> Symbols:
        """Return the symbol of each pair of level codes (party, code) of a cohort, absent ones first."""
        people, codes = (None, *cohort.moves.levels["party"]), (None, *cohort.moves.levels["code"])
        return np.array([self._symbol(party, code) for party in people for code in codes], dtype=np.uint8)

    def _symbol(self, party: str | None, code: str | None) -> int:
        rule, book = self.rule, self.coding.codebook
        asks, other = (sought is not None and _meets(sought, book, party, code) for sought in (rule.when, rule.other))
        turn = not rule.next_of_party or (rule.other is not None and party == rule.other.party)
        return WHEN * asks | OTHER * other | TURN * turn

    def count(self, symbols: Symbols, *, offsets: Whole, time: LineOfTime) -> Whole:
        """Return how often each verdict was given in each episode: episodes x verdicts of the kernel."""
        if self.automaton is not None:
            return count_verdicts(self.automaton, symbols, offsets=offsets)
        return count_by_clock(self.of_moves(symbols, offsets=offsets, time=time), offsets=offsets)

    def of_moves(self, symbols: Symbols, *, offsets: Whole, time: LineOfTime) -> Symbols:
        """Return the verdict of the kernel on each move."""
        if self.automaton is not None:
            return asked_of_moves(self.automaton, symbols, offsets=offsets)
        return self._by_clock(symbols[:, None], time=time)[:, 0]

    def count_laid(self, laid: Symbols, *, time: LineOfTime) -> Whole:
        """Return how often each verdict is given in each arrangement of one episode, one a column of `laid`."""
        n, many = laid.shape
        offsets = np.arange(many + 1, dtype=np.int64) * n
        if self.automaton is not None:
            return count_verdicts(self.automaton, np.ascontiguousarray(laid.T).ravel(), offsets=offsets)
        return count_by_clock(np.ascontiguousarray(self._by_clock(laid, time=time).T).ravel(), offsets=offsets)

    def _by_clock(self, laid: Symbols, *, time: LineOfTime) -> Symbols:
        return by_clock(laid, onset=time.onset, line=time.line, until=time.until, limit=self.rule.within or 0,
                        ahead=self.rule.kind is RuleKind.RESPONSE)


def compiled(rules: RuleSet, coding: Coding) -> tuple[CompiledRule, ...]:
    """Return each rule as it is walked.

    >>> from rupturekit.codebooks import load_codebook
    >>> made = compiled(as_rules("resolution"), Coding(codebook=load_codebook("stages")))
    >>> len(made), made[1].automaton.backwards
    (10, True)
    """
    return tuple(CompiledRule(rule=rule, coding=coding, automaton=_automaton(rule)) for rule in rules)


def _automaton(rule: Rule) -> Automaton | None:
    if rule.within is not None:
        return None
    match rule.kind:
        case RuleKind.RESPONSE:
            return response(rule.within_moves)
        case RuleKind.PRECEDENCE:
            return precedence(rule.within_moves)
        case RuleKind.CHAIN_RESPONSE:
            return chain_response()
        case RuleKind.NOT_COEXISTENCE:
            return apart()
        case _:
            return counting(rule.times, below=rule.kind is RuleKind.ABSENCE)


def _meets(sought: Sought, book: Codebook, party: str | None, code: str | None) -> bool:
    return (sought.party in (None, party) and code is not None
            and (code in sought.codes or not set(book.functions_of(code)).isdisjoint(sought.functions)))


def who_said_what(cohort: Cohort, block: Block) -> Array:
    """Return for each member of a block its place in the tables that `CompiledRule.symbols` gives."""
    moves = cohort.moves
    width = len(moves.levels["code"]) + 1
    return np.asarray(moves.party[block.picked] * width + moves.code[block.picked] + (width + 1))


def line_of_time(cohort: Cohort, episodes: Episodes, block: Block) -> LineOfTime:
    """Return where the members of a block stand in time."""
    moves, rows = cohort.moves, episodes.rows
    onset, session = moves.onset[block.picked], moves.session[block.picked]
    fresh = block.new_session.copy()
    fresh[block.firsts] = True
    line = np.cumsum(fresh, dtype=np.int64)
    last = np.append(np.flatnonzero(fresh)[1:], len(fresh)) - 1
    until = onset[last][line - 1]
    owner = block.low + block.owners
    ends_here = session == rows.last_session[owner]
    return LineOfTime(onset=onset, line=line, until=np.where(ends_here, np.maximum(until, rows.end[owner]), until))


# --- one episode ------------------------------------------------------------------------------------------------------


def _judged(checks: RuleChecks, each: CompiledRule, block: Block, one: Episodes, *, at: int, ids: Array
            ) -> Iterator[Judgement]:
    symbols = each.symbols(checks.cohort).take(who_said_what(checks.cohort, block))
    rule = each.rule
    if rule.kind.asks_each:
        said = each.of_moves(symbols, offsets=block.offsets, time=line_of_time(checks.cohort, one, block))
        for place in np.flatnonzero(said != NOTHING).tolist():
            alone = np.zeros((1, 6), dtype=np.int64)
            alone[0, said[place]] = 1
            yield Judgement(rule=rule.name, verdict=_only(alone, checks.stopped[at : at + 1]),
                            row_ids=(int(ids[place]),))
    elif checks.activations[checks.rules.place(rule.name), at]:
        verdict = VERDICTS[checks.verdict_codes()[checks.rules.place(rule.name), at]]
        yield Judgement(rule=rule.name, verdict=verdict, row_ids=tuple(_deciding(rule, verdict, symbols, ids)))


def _only(counts: Whole, stopped: npt.NDArray[np.bool_]) -> Verdict:
    """Return the verdict that one activation amounts to."""
    return VERDICTS[[int(held[0]) for held in settled(counts, stopped=stopped)].index(1)]


def _deciding(rule: Rule, verdict: Verdict, symbols: Symbols, ids: Array) -> list[int]:
    """Return the moves that decided about an episode: those that met what was sought, or were one too many."""
    if rule.kind is RuleKind.NOT_COEXISTENCE:
        return [int(row_id) for row_id in ids[symbols & (WHEN | OTHER) > 0]] if verdict is Verdict.VIOLATED else []
    counted = ids[symbols & WHEN > 0]
    picked = {(RuleKind.EXISTENCE, Verdict.FULFILLED): counted[: rule.times],
              (RuleKind.ABSENCE, Verdict.VIOLATED): counted[rule.times - 1 :]}
    return [int(row_id) for row_id in picked.get((rule.kind, verdict), counted[:0])]
