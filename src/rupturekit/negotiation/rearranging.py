"""Episodes whose acts on needs are put in random order, as a null hypothesis says.

Turns keep their party and their instant; what is exchanged is the acts of a turn, as a whole, among turns of one party.
Turns that hold a move that the segmentation rule looks at stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._table import Array
from rupturekit.errors import RecordError, expect
from rupturekit.inference.held import held_moves
from rupturekit.inference.nulls import Exchange, Null, arrangement_count, exchanges, rearranged
from rupturekit.negotiation.table import Negotiations
from rupturekit.segmentation import SegmentationRule

__all__ = ["LaidEpisode", "acts_rearranged", "as_null", "check_asked", "held_turns", "laid_episodes", "ways"]


@attrs.frozen(kw_only=True, eq=False)
class LaidEpisode:
    """One episode as it is rearranged.

    Attributes
    ----------
    at : int
        Its place in the table.
    dyad : int
        A level code of the table's dyads.
    party, acts : one a turn
    held : bool, one a turn
        Which turns stay; none under `free`.
    instant : int64, one a turn
        A running number of the instants.
    stopped : bool
        Whether observation stopped before it was over.
    """

    at: int
    dyad: int
    party: npt.NDArray[np.int8]
    acts: npt.NDArray[np.uint8]
    held: npt.NDArray[np.bool_]
    instant: npt.NDArray[np.int64]
    stopped: bool
    exchanges: tuple[Exchange, ...]


def as_null(null: Null | str, allowed: tuple[Null, ...]) -> Null:
    """Return a null by its word, one of those that make sense for a question.

    Raises
    ------
    RecordError
        Where it is none of them.
    """
    if null not in tuple(Null) or Null(null) not in allowed:
        raise RecordError(f"null is {str(null)!r:.40}; expected one of {', '.join(allowed)}", field="null", value=null)
    return Null(null)


def check_asked(table: Negotiations, rule: SegmentationRule) -> None:
    """Refuse what is no table of negotiations, and no segmentation rule.

    Raises
    ------
    RecordError
        Where one of them is something else.
    """
    expect(table, Negotiations, what="negotiations", remedy="negotiations(cohort) finds them")
    expect(rule, SegmentationRule, what="the segmentation rule that drew the episodes")


def held_turns(table: Negotiations, rule: SegmentationRule) -> npt.NDArray[np.bool_]:
    """Return which turns hold a move that the segmentation rule looks at; of coders' episodes, the first and last."""
    turns = table.turns
    held = np.zeros(len(turns), dtype=bool)
    at = turns.turn_of[held_moves(turns.cohort, turns.episodes, rule)]
    held[at[at >= 0]] = True
    return held


def laid_episodes(table: Negotiations, rule: SegmentationRule, *, null: Null,
                  which: npt.NDArray[np.bool_] | None = None, only: int | None = None) -> list[LaidEpisode]:
    """Return episodes ready for rearrangement.

    Parameters
    ----------
    which : bool, one an episode, or None
        Which episodes; None takes all.
    only : int or None
        The party whose acts are exchanged; None exchanges those of both.
    """
    check_asked(table, rule)
    turns = table.turns
    held = held_turns(table, rule) if null is not Null.FREE else np.zeros(len(turns), dtype=bool)
    stays = held if only is None else held | (turns.party != only)
    names, stopped, instant = turns.episodes.rows.words("episode"), turns.stopped, turns.instant
    found = []
    for at in (range(len(table)) if which is None else np.flatnonzero(which).tolist()):
        here = slice(*turns.offsets[at : at + 2].tolist())
        party, acts = turns.party[here], turns.acts[here]
        made = exchanges(null, episode=str(names[at]), party=party, content=acts, held=stays[here])
        found.append(LaidEpisode(at=at, dyad=int(table.dyad[at]), party=party, acts=acts, held=held[here],
                                 instant=instant[here], stopped=bool(stopped[at]), exchanges=tuple(made)))
    return found


def acts_rearranged(one: LaidEpisode, *, null: Null, seed: int, start: int, count: int) -> Array:
    """Return the acts of each turn, turns x arrangements; as observed, one column, where count is 0."""
    if not count:
        return one.acts[:, None]
    return rearranged(one.exchanges, one.acts, seed=seed, null=null, start=start, count=count)


def ways(laid: Iterable[LaidEpisode]) -> int:
    """Return how many different arrangements of acts there are at most, over all episodes."""
    return math.prod(arrangement_count(exchange, one.acts) for one in laid for exchange in one.exchanges)
