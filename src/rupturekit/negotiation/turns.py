"""The turns of episodes: one party's moves at one instant, with their acts on needs, as columns.

An instant is one onset of one session. Where both parties move at one instant, who was first is not known: the tie rule
decides, and `negotiation.bounds` says what another order would have given.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.open_claims import runs_of
from rupturekit._schema import ABSENT_CODE
from rupturekit._table import Array, freeze, held_state, set_closed
from rupturekit.cohort import Cohort, Episodes, choose_track
from rupturekit.errors import RecordError, did_you_mean, expect, listed
from rupturekit.negotiation.acts import ActMapping, acts_of_codes, as_act_mapping, byte_of
from rupturekit.ties import TieRule, as_tie_rule, instants_of
from rupturekit.vocabulary import UNKNOWN, ClosedBy, NeedAct

__all__ = ["MoveTurns", "Turns", "acts_of_moves", "laid_in_turns", "turns_of"]

Flags = npt.NDArray[np.bool_]


@attrs.frozen(kw_only=True, eq=False)
class Turns:
    """The turns of the episodes of a cohort, end to end.

    Attributes
    ----------
    episodes : Episodes
        The episodes, members in the order of the turns.
    party : int8, n
        0 or 1: a place among the parties of the study.
    acts : uint8, n
        The acts of the turn: bit `2 * verb + need`.
    offsets : int64, episodes + 1
        Episode i has turns `offsets[i]` to `offsets[i + 1] - 1`.
    first : int64, n
        The place among `episodes.members` of the turn's first move.
    instant : int64, n
        A running number of the instants: turns with one number stand at one instant.
    shared : bool, n
        Whether the other party moves at the same instant, so that the order of both is by the tie rule.
    turn_of : int64, one a member
        The turn of each member; -1 for a move of nobody in particular.
    left_out : mapping of str to int
        Moves that are in no turn, by reason.
    """

    cohort: Cohort
    mapping: ActMapping
    tie_rule: TieRule
    episodes: Episodes
    party: npt.NDArray[np.int8]
    acts: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    instant: npt.NDArray[np.int64]
    shared: Flags
    turn_of: npt.NDArray[np.int64]
    left_out: Mapping[str, int]

    __getstate__ = held_state
    __setstate__ = set_closed

    def __len__(self) -> int:
        return len(self.party)

    @property
    def run(self) -> npt.NDArray[np.int32]:
        """The episode of each turn."""
        return runs_of(self.offsets)

    @property
    def stopped(self) -> Flags:
        """For each episode, whether observation stopped before it was over."""
        rows = self.episodes.rows
        return np.asarray(rows.closed_by == rows.code_of("closed_by", word=ClosedBy.OBSERVATION_END))

    @property
    def rows(self) -> Array:
        """The row of the cohort's moves that each turn begins with."""
        return np.asarray(self.episodes.members[self.first])

    def row_id(self, turn: int) -> int:
        """Return the identity of the move that a turn begins with."""
        return int(self.cohort.moves.row_id[self.rows[turn]])


def turns_of(cohort: Cohort, *, mapping: ActMapping | str | None = None, tie_rule: TieRule | str = TieRule.AS_FILED,
             track: str | None = None) -> Turns:
    """Return the turns of the episodes in force.

    Parameters
    ----------
    mapping : ActMapping, path of one, or None
        None takes the acts that the codebook gives its codes.
    tie_rule : TieRule
        Who moves first where both move at one instant; "as_filed" takes whose move stands first.
    track : str or None
        Only the episodes of one reading; has to be named where there are episodes of several.
    """
    expect(cohort, Cohort, what="a cohort", remedy="use study.cohort, or Cohort.of(...)")
    held, rule = as_act_mapping(mapping, cohort.coding.codebook), as_tie_rule(tie_rule)
    episodes = cohort.columns
    if track is not None or len(set(episodes.rows.track.tolist())) > 1:
        choose_track(cohort, track)    # two raters are never mixed
    if track is not None:
        episodes = episodes.take(episodes.rows.track == episodes.rows.code_of("track", word=track))
    return _laid_out(cohort, episodes, held, rule)


@attrs.frozen(kw_only=True, eq=False)
class MoveTurns:
    """Moves laid out in turns.

    Attributes
    ----------
    rows : int64, m
        The moves, in the order of the turns.
    party, acts, first, instant : one a turn
        `first` is the place among `rows` of the turn's first move.
    turn_of : int64, m
        The turn of each move; -1 for a move of nobody in particular.
    silent : int
        How many moves of nobody carry an act.
    """

    rows: npt.NDArray[np.int64]
    party: npt.NDArray[np.int8]
    acts: npt.NDArray[np.uint8]
    first: npt.NDArray[np.int64]
    instant: npt.NDArray[np.int64]
    turn_of: npt.NDArray[np.int64]
    silent: int


def laid_in_turns(cohort: Cohort, rows: Array, *, instant: Array, mapping: ActMapping, rule: TieRule) -> MoveTurns:
    """Lay moves out in turns, each one party's moves at one instant.

    Parameters
    ----------
    rows : int64, m
        Moves of the cohort, in order of time.
    instant : int64, m
        A running number of the instants.
    """
    side = _sides(cohort)[cohort.moves.party[rows]]
    order = np.lexsort([_rank_at_instant(side, instant, rule), instant])
    rows, side = rows[order], side[order]
    said = acts_of_moves(cohort, mapping)[rows]
    places = np.flatnonzero(side >= 0)
    fresh = np.ones(len(places), dtype=bool)
    fresh[1:] = (np.diff(instant[places]) != 0) | (np.diff(side[places]) != 0)
    first = places[fresh]
    turn_of = np.full(len(side), -1, dtype=np.int64)
    turn_of[places] = np.cumsum(fresh) - 1
    acts = (np.bitwise_or.reduceat(said[places], np.flatnonzero(fresh)) if len(first)
            else np.zeros(0, dtype=np.uint8))
    return MoveTurns(rows=freeze(rows), party=freeze(side[first]), acts=freeze(acts), first=freeze(first),
                     instant=freeze(instant[first]), turn_of=freeze(turn_of),
                     silent=int(((side < 0) & (said != 0)).sum()))


def _laid_out(cohort: Cohort, episodes: Episodes, mapping: ActMapping, rule: TieRule) -> Turns:
    held = laid_in_turns(cohort, episodes.members, instant=instants_of(cohort, episodes), mapping=mapping, rule=rule)
    same = np.diff(held.instant) == 0
    shared = np.zeros(len(held.first), dtype=bool)
    shared[1:] = same
    shared[:-1] |= same
    left_out = {"moves of nobody in particular": int((held.turn_of < 0).sum()),
                "of these, with an act on a need": held.silent}
    # A session begins with an instant, and instants stay in their places; so `new_session` holds as it was.
    return Turns(cohort=cohort, mapping=mapping, tie_rule=rule, episodes=attrs.evolve(episodes, members=held.rows),
                 party=held.party, acts=held.acts, first=held.first, instant=held.instant, turn_of=held.turn_of,
                 offsets=freeze(np.searchsorted(held.first, episodes.offsets).astype(np.int64)), shared=freeze(shared),
                 left_out={why: n for why, n in left_out.items() if n})


def acts_of_moves(cohort: Cohort, mapping: ActMapping) -> npt.NDArray[np.uint8]:
    """Return the acts of each of the cohort's moves, as its code or its raters say: bit `2 * verb + need`.

    Raises
    ------
    RecordError
        Where raters are to say, and none did, or several did and none is named.
    """
    if mapping.labels_by is None:
        return np.append(acts_of_codes(mapping, cohort.moves.levels["code"]), np.uint8(0))[cohort.moves.code]
    stated = [label for label in cohort.labels if label.subject_kind == "move" and label.attribute == "need_act"]
    _check_rater(sorted({label.rater or "" for label in stated}), mapping.labels_by)
    place = {str(row_id): at for at, row_id in enumerate(cohort.moves.row_id.tolist())}
    acts = np.zeros(len(cohort.moves), dtype=np.uint8)
    for label in stated:
        mine = (label.rater or "") == (mapping.labels_by or (label.rater or ""))
        if mine and label.value != UNKNOWN and label.subject in place:
            acts[place[label.subject]] |= byte_of([NeedAct.parse(label.value)])
    return acts


def _check_rater(raters: list[str], asked: str) -> None:
    """Refuse acts of raters who stated none: that nobody looked is not that nobody claimed."""
    if not raters:
        raise RecordError("no rater stated an act on a need: the labels hold no attribute need_act of a move; take a "
                          "mapping of codes, or code the acts", field="attribute", value="need_act")
    if not asked and len(raters) > 1:
        raise RecordError(f"{len(raters)} raters stated acts on needs ({listed(map(repr, raters))}); say whose: "
                          "acts_of_raters(codebook, rater=...)", field="rater")
    if asked and asked not in raters:
        raise RecordError(f"rater {asked!r} stated no act on a need{did_you_mean(asked, raters)}; these did: "
                          f"{listed(map(repr, raters))}", field="rater", value=asked)


def _sides(cohort: Cohort) -> npt.NDArray[np.int8]:
    """Return for each level code of a move's party its place among the study's; nobody, the last entry, is -1."""
    parties = cohort.coding.parties
    return np.array([*(parties.index(word) for word in cohort.moves.levels["party"]), ABSENT_CODE], dtype=np.int8)


def _rank_at_instant(side: npt.NDArray[np.int8], instant: Array, rule: TieRule) -> npt.NDArray[np.int8]:
    """Return in which order the parties' moves of one instant are laid out: 0 before 1, moves of nobody first."""
    if rule is TieRule.AS_FILED:
        known = side >= 0
        leader = np.full(int(instant[-1]) + 1 if len(instant) else 0, -1, dtype=np.int8)
        at = np.flatnonzero(known)[::-1]
        leader[instant[at]] = side[at]    # the last to be written is the first that was filed
        lead = leader[instant]
    else:
        lead = np.full(len(side), 0 if rule is TieRule.FIRST_PARTY_FIRST else 1, dtype=np.int8)
    return np.where(side < 0, -1, (side != lead).astype(np.int8)).astype(np.int8)
