"""The negotiation of one episode as an object that tells its story: who claimed what, and what became of it.

The formula is written once, for columns; a story is read from a table of them. `story` stands here and not on the
table, since it needs the table's words and the counts made of it: the table lies below and knows neither.
Turns count from 1 in a story, as people count; in the columns they count from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs
import numpy as np

from rupturekit import _html
from rupturekit._table import Array, Table
from rupturekit.cohort import Cohort, pack_episodes
from rupturekit.episode import Episode, EpisodeRow, Move
from rupturekit.errors import expect
from rupturekit.negotiation.acts import NEEDS, VERBS, ActMapping, acts_of_codes
from rupturekit.negotiation.measures import MeetingCounts
from rupturekit.negotiation.table import (
    ANSWERS,
    END_KINDS,
    SPELL_ENDS,
    Answer,
    EndKind,
    Negotiations,
    SpellEnd,
    negotiations,
)
from rupturekit.ties import TieRule
from rupturekit.vocabulary import ClosedBy, Need, NeedVerb

__all__ = ["Claim", "End", "MeetingRate", "Negotiation", "Spell", "Turn", "negotiation_of", "stories", "story"]

FIRST, LAST = 40, 10
"""How many turns with acts a story shows at its start and end; `explain` tells them all."""

_IN_ORDER: Final = (NeedVerb.CONTEST, NeedVerb.GRANT, NeedVerb.YIELD, NeedVerb.CLAIM)


@attrs.frozen(kw_only=True)
class Turn:
    """One turn: its number from 1, whose, the move it begins with, and its acts.

    Turns with one number of `instant` stand at one instant: their order is by the tie rule, not known.
    """

    number: int
    party: str
    row_id: int
    session: int
    when: str
    instant: int
    acts: tuple[tuple[NeedVerb, Need], ...]

    @property
    def place(self) -> str:
        """Where to look for it: number, row and, where the study has a clock, the time in its session."""
        return f"turn {self.number} (row {self.row_id}{f', {self.when}' if self.when else ''})"


@attrs.frozen(kw_only=True)
class Claim:
    """One claim and how the other answered it; `answered_at` is the row that did, None where no turn with acts came."""

    turn: int
    row_id: int
    party: str
    need: Need
    answer: Answer
    answered_in: int | None
    answered_at: int | None


@attrs.frozen(kw_only=True)
class Spell:
    """A claim as long as it was open: the turn and row that began and ended it, None where none did; renewals."""

    party: str
    need: Need
    begin: int
    row_id: int
    end: int | None
    end_row_id: int | None
    cause: SpellEnd
    renewals: int


@attrs.frozen(kw_only=True)
class End:
    """One end of the negotiation over agency, its kind, and the next claim of agency, where one came."""

    turn: int
    row_id: int
    kind: EndKind
    relapse: int | None
    relapse_row_id: int | None


@attrs.frozen(kw_only=True)
class MeetingRate:
    """The share of a party's spells that were met; None with the reason where none counts."""

    met: int
    counted: int
    value: float | None
    reason: str = ""


@attrs.frozen(kw_only=True, repr=False)
class Negotiation:
    """The negotiation of needs in one episode.

    Attributes
    ----------
    turns : tuple of Turn
        All turns, those without acts too.
    claims : tuple of Claim
        Every claim and its answer within `window` turns of the other.
    spells : tuple of Spell
        Claims as long as they were open; the unit that rates count.
    ends : tuple of End
        The ends of the negotiation over agency, each with its relapse.
    rates : mapping of party to MeetingRate
    mutuality : float or None
        The product of both rates; None where one has none.
    stopped : bool
        Whether observation stopped before the episode was over.
    of_nobody : int
        Moves with an act that no party is said to have made; they are in no turn.
    """

    episode: str
    dyad: str
    parties: tuple[str, str]
    mapping: str
    tie_rule: TieRule
    window: int
    stopped: bool
    of_nobody: int
    turns: tuple[Turn, ...]
    claims: tuple[Claim, ...]
    spells: tuple[Spell, ...]
    ends: tuple[End, ...]
    rates: Mapping[str, MeetingRate]
    mutuality: float | None

    @property
    def observed(self) -> bool:
        """Whether anybody claimed agency, so that there was a negotiation over it."""
        return any(spell.need is Need.AGENCY for spell in self.spells)

    @property
    def kind(self) -> EndKind | None:
        """The kind of the first end; None where none was seen."""
        return self.ends[0].kind if self.ends else None

    @property
    def open(self) -> tuple[Spell, ...]:
        """The spells that nothing ended."""
        return tuple(spell for spell in self.spells if spell.end is None)

    def explain(self) -> str:
        """Tell turn by turn what was claimed and what became of it, and what that says about the whole."""
        return "\n".join([_title(self), *_told_turns(self, self._acting), *_verdict(self), *_sums(self), *_notes(self)])

    @property
    def _acting(self) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.turns if turn.acts)

    def __repr__(self) -> str:
        return f"Negotiation(episode {self.episode!r}: {_verdict(self)[0]})"

    def __str__(self) -> str:
        first, left, last = _html.spread(len(self._acting), first=FIRST, last=LAST)
        parts = [*_told_turns(self, self._acting[: len(first)])]
        parts += [f"  ... {left:,} more turns with acts ..."] if left else []
        parts += _told_turns(self, self._acting[last.start :]) if left else []
        return "\n".join([_title(self), *parts, *_shown(_verdict(self)), *_sums(self), *_notes(self)])

    def _repr_html_(self) -> str:
        first, left, last = _html.spread(len(self._acting), first=FIRST, last=LAST)
        rows = [_row(self, self._acting[at]) for at in first]
        rows += [_html.wide_row(f"{left:,} more turns with acts", columns=4)] if left else []
        rows += [_row(self, self._acting[at]) for at in last]
        said = [*_shown(_verdict(self)), *_sums(self), *_notes(self)]
        return _html.page("Negotiation", self.episode, *(_html.tag("p", _html.line(text, most=400)) for text in said),
                          _html.table(("turn", "row", "who", "what"), rows))


# --- making --------------------------------------------------------------------------------------------------------


def story(table: Negotiations, at: int | str) -> Negotiation:
    """Return the negotiation of one episode of a table, by its place or by the episode's identity.

    Raises
    ------
    IndexError
        Where there is no such place.
    RecordError
        Where no episode has that identity.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), track="r1"))
    >>> len(story(held, 0).turns) > 0
    True
    """
    expect(table, Negotiations, what="negotiations", remedy="negotiation_of(episode) tells of one episode")
    index = table.named(at) if isinstance(at, str) else _place_of(table, at)
    turns, spells, row = _turns(table, index), _spells(table, index), table.turns.episodes.rows[index]
    counts = MeetingCounts(**{cause.value: _by_party(table.parties, spells, cause) for cause in SPELL_ENDS})
    return Negotiation(
        episode=row.episode, dyad=row.dyad, parties=table.parties, mapping=table.turns.mapping.name,
        tie_rule=table.turns.tie_rule, window=table.window, stopped=row.closed_by is ClosedBy.OBSERVATION_END,
        of_nobody=_of_nobody(table, index), turns=turns, claims=_claims(table, index), spells=spells,
        ends=_ends(table, index), mutuality=counts.mutuality,
        rates={party: _rate(counts, side, party) for side, party in enumerate(table.parties)})


def _place_of(table: Negotiations, at: int) -> int:
    if not -len(table) <= at < len(table):
        raise IndexError(f"there is no episode at place {at}; the table holds {_html.counted(len(table), 'episode')}")
    return range(len(table))[at]


def stories(table: Negotiations) -> Iterator[Negotiation]:
    """Yield the negotiation of each episode of a table, in its order."""
    return (story(table, at) for at in range(len(table)))


def negotiation_of(episode: Episode, *, mapping: ActMapping | str | None = None, window: int = 1,
                   tie_rule: TieRule | str = TieRule.AS_FILED) -> Negotiation:
    """Find the negotiation of needs in one episode; equal to that of a cohort that holds it.

    Parameters
    ----------
    mapping : ActMapping, path of one, or None
        Which acts codes stand for; None takes the acts that the codebook gives its codes.
    window : int
        Within how many turns of the other a claim's answer is looked for.
    tie_rule : TieRule
        Who moves first where both move at one instant.

    Raises
    ------
    RecordError
        Where the window is not a whole number from 1 to 100, or the mapping is for another codebook.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding
    >>> said = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
    ...         for at, (party, code) in enumerate([("client", "cl-ag"), ("therapist", "gr-ag")])]
    >>> print(negotiation_of(Episode.of(said, coding=Coding(codebook=load_codebook("needs"), time="turn"))).kind)
    one_party
    """
    expect(episode, Episode, what="an episode", remedy="negotiations(cohort) looks at many")
    return story(negotiations(_cohort_of_one(episode), mapping=mapping, window=window, tie_rule=tie_rule), 0)


def _cohort_of_one(episode: Episode) -> Cohort:
    """Pack one episode as it stands: its order and members are its own, whatever they are."""
    moves = Table.of(Move, episode.moves)
    packed = pack_episodes(moves, Table.of(EpisodeRow, [episode.row]), [np.arange(len(moves), dtype="i8")])
    return attrs.evolve(Cohort.of((), coding=episode.coding), moves=moves, coded=packed, columns=packed)


def _turns(table: Negotiations, index: int) -> tuple[Turn, ...]:
    turns, moves = table.turns, table.cohort.moves
    low, high = turns.offsets[index : index + 2].tolist()
    rows, coding = turns.episodes.members[turns.first[low:high]], table.cohort.coding
    columns = (turns.party[low:high], turns.acts[low:high], turns.instant[low:high], moves.row_id[rows],
               moves.session[rows], moves.onset[rows])
    return tuple(
        Turn(number=at, party=table.parties[side], row_id=row_id, session=session, instant=instant, acts=_acts(acts),
             when=coding.when(onset) if coding.time.has_clock else "")
        for at, (side, acts, instant, row_id, session, onset)
        in enumerate(zip(*(column.tolist() for column in columns), strict=True), start=1))


def _acts(byte: int) -> tuple[tuple[NeedVerb, Need], ...]:
    """Return the acts behind the bits of a turn, in the order in which they are told."""
    return tuple((verb, need) for verb in _IN_ORDER for at, need in enumerate(NEEDS)
                 if byte >> (2 * VERBS.index(verb) + at) & 1)


def _of_nobody(table: Negotiations, index: int) -> int:
    """Return how many moves of the episode carry an act and are nobody's in particular."""
    turns, moves = table.turns, table.cohort.moves
    here = slice(*turns.episodes.offsets[index : index + 2].tolist())
    said = np.append(acts_of_codes(turns.mapping, moves.levels["code"]), np.uint8(0))
    return int((said[moves.code[turns.episodes.members[here]]] != 0)[turns.turn_of[here] < 0].sum())


def _row_ids(table: Negotiations, turn: Array) -> list[int]:
    turns = table.turns    # not `turns.rows`, which would look at the whole table for one episode
    ids: list[int] = table.cohort.moves.row_id[turns.episodes.members[turns.first[turn]]].tolist()
    return ids


def _places(table: Negotiations, turn: Array, start: int) -> list[tuple[int | None, int | None]]:
    """Return turns of the table as (number from 1 within the episode, row); None twice where there is none."""
    ids = _row_ids(table, np.maximum(turn, 0)) if len(turn) else []
    return [(None, None) if at < 0 else (at - start + 1, row) for at, row in zip(turn.tolist(), ids, strict=True)]


def _spells(table: Negotiations, index: int) -> tuple[Spell, ...]:
    held, start = table.spells, int(table.turns.offsets[index])
    here = slice(*np.searchsorted(held.episode, [index, index + 1]).tolist())
    columns = (column[here].tolist() for column in (held.party, held.need, held.begin, held.cause, held.renewals))
    return tuple(
        Spell(party=table.parties[party], need=NEEDS[need], begin=begin - start + 1, row_id=row, end=end,
              end_row_id=end_row, cause=SPELL_ENDS[cause], renewals=renewals)
        for party, need, begin, cause, renewals, row, (end, end_row) in zip(
            *columns, _row_ids(table, held.begin[here]), _places(table, held.end[here], start), strict=True))


def _claims(table: Negotiations, index: int) -> tuple[Claim, ...]:
    held = table.claims
    low, high = table.turns.offsets[index : index + 2].tolist()
    here = slice(*np.searchsorted(held.turn, [low, high]).tolist())
    columns = (column[here].tolist() for column in (held.turn, held.party, held.need, held.answer))
    return tuple(
        Claim(turn=turn - low + 1, row_id=row, party=table.parties[party], need=NEEDS[need], answer=ANSWERS[answer],
              answered_in=at, answered_at=at_row)
        for turn, party, need, answer, row, (at, at_row) in zip(
            *columns, _row_ids(table, held.turn[here]), _places(table, held.at[here], low), strict=True))


def _ends(table: Negotiations, index: int) -> tuple[End, ...]:
    held, start = table.ends, int(table.turns.offsets[index])
    here = slice(*np.searchsorted(held.episode, [index, index + 1]).tolist())
    return tuple(
        End(turn=turn - start + 1, row_id=row, kind=END_KINDS[kind], relapse=again, relapse_row_id=again_row)
        for turn, kind, row, (again, again_row) in zip(
            held.turn[here].tolist(), held.kind[here].tolist(), _row_ids(table, held.turn[here]),
            _places(table, held.relapse[here], start), strict=True))


def _by_party(parties: tuple[str, str], spells: tuple[Spell, ...], cause: SpellEnd) -> tuple[int, int]:
    first, second = (sum(spell.party == party and spell.cause is cause for spell in spells) for party in parties)
    return first, second


def _rate(counts: MeetingCounts, side: int, party: str) -> MeetingRate:
    cut = counts.censored[side]
    reason = f"observation stopped while every claim of the {party} was open" if cut else f"the {party} claimed nothing"
    value = counts.rate(side)
    return MeetingRate(met=counts.met[side], counted=counts.counted(side), value=value,
                       reason=reason if value is None else "")


# --- telling -------------------------------------------------------------------------------------------------------


def _title(told: Negotiation) -> str:
    acting = len(told._acting)
    return (f"Episode {told.episode} (dyad {told.dyad}): {_html.counted(len(told.turns), 'turn')}, {acting:,} with "
            f"acts on needs; acts by {told.mapping}.")


def _told_turns(told: Negotiation, turns: tuple[Turn, ...]) -> list[str]:
    lines, session = [], told.turns[0].session if told.turns else 0
    for turn in turns:
        if turn.session != session:
            session = turn.session
            lines.append(f"  -- session {session} --")
        lines.append(f"  {turn.place}: the {turn.party} {_did(told, turn)}")
    return lines


def _did(told: Negotiation, turn: Turn) -> str:
    said = "; ".join(_ACTS[verb](told, turn, need) for verb, need in turn.acts)
    if any(end.turn == turn.number for end in told.ends):
        said += "; no claim of agency is open any more"
    return said


def _spell_at(told: Negotiation, party: str, need: Need, turn: int) -> Spell | None:
    """Return the spell of a party that was open when a turn began."""
    return next((spell for spell in told.spells if (spell.party, spell.need) == (party, need)
                 and spell.begin < turn and (spell.end is None or turn <= spell.end)), None)


def _contested(told: Negotiation, turn: Turn, need: Need) -> str:
    held = _spell_at(told, _other(told, turn.party), need, turn.number)
    if held is None:
        return f"contests {need}, where no claim of the other is open"
    stays = "the claim stays open" if held.end != turn.number else "what is granted in the same turn counts"
    return f"contests {need}: the {held.party}'s claim from turn {held.begin} is turned down, {stays}"


def _granted(told: Negotiation, turn: Turn, need: Need) -> str:
    held = _spell_at(told, _other(told, turn.party), need, turn.number)
    if held is None:
        return f"offers {need}: no claim of the other is open, so there is nothing to meet"
    return f"grants {need}: the {held.party}'s claim from turn {held.begin} is met"


def _yielded(told: Negotiation, turn: Turn, need: Need) -> str:
    held = _spell_at(told, turn.party, need, turn.number)
    if held is None:
        return f"yields {need}, where no claim of its own is open"
    return f"yields {need}: the claim from turn {held.begin} is given up, not met"


def _claimed(told: Negotiation, turn: Turn, need: Need) -> str:
    mine = next(claim for claim in told.claims if (claim.turn, claim.need) == (turn.number, need))
    begun = any((spell.begin, spell.party, spell.need) == (turn.number, turn.party, need) for spell in told.spells)
    held = None if begun else _spell_at(told, turn.party, need, turn.number)
    again = "" if held is None else f" again, open since turn {held.begin}"
    where = "" if mine.answered_in is None else f" in turn {mine.answered_in}"
    return f"claims {need}{again} (answer: {mine.answer}{where})"


_ACTS: Final = {NeedVerb.CONTEST: _contested, NeedVerb.GRANT: _granted, NeedVerb.YIELD: _yielded,
                NeedVerb.CLAIM: _claimed}


def _other(told: Negotiation, party: str) -> str:
    return told.parties[1 - told.parties.index(party)]


def _verdict(told: Negotiation) -> list[str]:
    """Return what is said of the negotiation over agency: never "ended" where none was observed."""
    if not told.observed:
        return ["No negotiation observed: nobody claimed agency."]
    lines = []
    for at, end in enumerate(told.ends):
        again = "again " if at else ""
        lines.append(f"The negotiation over agency ended {again}at turn {end.turn} (row {end.row_id}): "
                     f"{_kind_text(told, at)}.")
        if end.relapse is not None:
            lines.append(f"Relapse: agency was claimed again at turn {end.relapse} (row {end.relapse_row_id}).")
    if not told.ends or told.ends[-1].relapse is not None:
        lines.append(f"The negotiation over agency {_unended(told)}.")
    return lines


def _shown(lines: list[str]) -> list[str]:
    """Return the first and last of many lines; `explain` has them all."""
    first, left, last = _html.spread(len(lines), first=LAST, last=LAST)
    return [*lines[: len(first)], *([f"... {left:,} more ends and relapses ..."] if left else []), *lines[last.start :]]


def _unended(told: Negotiation) -> str:
    if told.stopped:
        return "was not seen to end: observation stopped before the episode was over"
    return "did not end again within the episode" if told.ends else "did not end within the episode"


def _kind_text(told: Negotiation, at: int) -> str:
    since = told.ends[at - 1].turn if at else 0
    kind, turn = told.ends[at].kind, told.ends[at].turn
    if kind is EndKind.MUTUAL:
        return "mutual, both had claimed and all was met"
    if kind is EndKind.ONE_SIDED:
        return "one-sided, a claim was given up, which never counts as met"
    who = next(spell.party for spell in told.spells if spell.need is Need.AGENCY and since < spell.begin <= turn)
    return f"one party, the {who} alone had claimed and was met"


def _sums(told: Negotiation) -> list[str]:
    lines = [f"{'Open when observation stopped' if told.stopped else 'Open to the end'}: the {spell.party}'s claim of "
             f"{spell.need} from turn {spell.begin} (row {spell.row_id}){_renewed(spell)}." for spell in told.open]
    for party, rate in told.rates.items():
        lines.append(f"Meeting rate of the {party}: not estimable, {rate.reason}." if rate.value is None else
                     f"Meeting rate of the {party}: {rate.met} of {rate.counted} met, {rate.value:.2f}.")
    why = " and ".join(rate.reason for rate in told.rates.values() if rate.value is None)
    return [*lines, f"Mutuality: not estimable, {why}." if told.mutuality is None else
            f"Mutuality: {told.mutuality:.2f}, the product of both rates."]


def _renewed(spell: Spell) -> str:
    return f", claimed again {spell.renewals} time{'s' * (spell.renewals != 1)}" if spell.renewals else ""


def _notes(told: Negotiation) -> list[str]:
    lines = []
    for first, second in zip(told.turns, told.turns[1:], strict=False):
        if _ambiguous(first, second):
            lines.append(f"Turns {first.number} and {second.number} stand at one instant: their order is by the rule "
                         f"{told.tie_rule}, not known.")
    if len(lines) > LAST:
        lines[LAST:] = [f"So do {len(lines) - LAST:,} more pairs of turns."]
    if told.of_nobody:
        lines.append(f"Left out: {_html.counted(told.of_nobody, 'move')} with an act that nobody in particular made.")
    return lines


def _ambiguous(first: Turn, second: Turn) -> bool:
    """Whether two turns that follow each other share an instant, and one of them acts on a need."""
    return first.instant == second.instant and bool(first.acts or second.acts)


def _row(told: Negotiation, turn: Turn) -> _html.Row:
    said = _html.line(_did(told, turn), most=400)    # what became of a claim stands at its end
    return (f"{turn.number}", f"{turn.row_id}{f', {turn.when}' if turn.when else ''}", turn.party, said)
