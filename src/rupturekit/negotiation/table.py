"""The negotiation of needs in each episode: spells, answers and ends as columns.

The model: a claim asserts one's own need and opens it; it is closed by the other's grant (met) or by giving it up
(yielded, which never counts as met). Nothing expires, so silence does not end a negotiation. The negotiation is about
agency and ends with the first turn before which some claim of agency is open and after which none is; a later claim
is a relapse.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._frames import FrameColumn
from rupturekit._kernels import open_claims as kernel
from rupturekit._kernels.replay import blocks
from rupturekit._table import Array, arrays_equal, freeze, held_state, set_closed
from rupturekit.cohort import Cohort
from rupturekit.errors import RecordError, listed
from rupturekit.negotiation.acts import NEEDS, ActMapping, place_of_need
from rupturekit.negotiation.turns import Turns, turns_of
from rupturekit.provenance import Provenance
from rupturekit.ties import TieRule
from rupturekit.vocabulary import Need

__all__ = ["MOST_WINDOW", "Answer", "EndKind", "Negotiations", "SpellEnd", "negotiations", "negotiations_of"]

Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

MOST_WINDOW: Final = 100


class SpellEnd(StrEnum):
    """How a claim that was open came to be no longer so."""

    MET = "met"
    YIELDED = "yielded"
    OPEN = "open"
    CENSORED = "censored"


class Answer(StrEnum):
    """What the other did next after a claim."""

    CONTESTED = "contested"
    MET = "met"
    COUNTERED = "countered"
    OTHER = "other"
    DEFLECTED = "deflected"
    CENSORED = "censored"


class EndKind(StrEnum):
    """How a negotiation ended: both claimed and all was met; one claimed and was met; something was given up."""

    MUTUAL = "mutual"
    ONE_PARTY = "one_party"
    ONE_SIDED = "one_sided"


SPELL_ENDS, ANSWERS, END_KINDS = tuple(SpellEnd), tuple(Answer), tuple(EndKind)
"""The words in the order of their integer codes."""


@attrs.frozen(kw_only=True, eq=False)
class Spells:
    """Stretches over which a claim stayed open, one entry a spell, in the order in which they began.

    `episode` int64, its place; `party`, `need` int8, places among the study's parties and in NEEDS; `begin`, `end`
    int64, turns of the table, -1 where no turn ended it; `cause` int8, a place in SPELL_ENDS; `renewals` int64, how
    often it was claimed again while open.
    """

    episode: Whole
    party: Codes
    need: Codes
    begin: Whole
    end: Whole
    cause: Codes
    renewals: Whole

    __getstate__ = held_state
    __setstate__ = set_closed

    def __len__(self) -> int:
        return len(self.episode)


@attrs.frozen(kw_only=True, eq=False)
class Claims:
    """Every claim and its answer: `turn`, `party`, `need`, `answer` (a place in ANSWERS), `at` (turn, -1 for none)."""

    turn: Whole
    party: Codes
    need: Codes
    answer: Codes
    at: Whole

    __getstate__ = held_state
    __setstate__ = set_closed

    def __len__(self) -> int:
        return len(self.turn)


@attrs.frozen(kw_only=True, eq=False)
class Ends:
    """Every end of a negotiation over agency, one entry an end.

    `episode`, `turn` int64; `kind` int8, a place in END_KINDS, judged over the spells since the end before; `relapse`
    int64, the turn of the next claim of agency, -1 where none follows in the episode; `first` bool, whether it is the
    first end of its episode.
    """

    episode: Whole
    turn: Whole
    kind: Codes
    relapse: Whole
    first: Flags

    __getstate__ = held_state
    __setstate__ = set_closed

    def __len__(self) -> int:
        return len(self.episode)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Negotiations:
    """The negotiations of many episodes as columns; `story.story(table, i)` tells of one of them.

    Attributes
    ----------
    turns : Turns
        What the columns count in: turns of one party at one instant.
    window : int
        Within how many turns of the other a claim's answer is looked for.
    spells, claims, ends
        Columns; turns and episodes are counted over the whole table.
    """

    turns: Turns
    window: int
    spells: Spells
    claims: Claims
    ends: Ends
    provenance: Provenance

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Negotiations):
            return NotImplemented
        mine, theirs = _columns(self), _columns(other)
        return self.window == other.window and all(map(arrays_equal, mine, theirs))

    def __len__(self) -> int:
        return len(self.turns.episodes)

    def __repr__(self) -> str:
        return (f"Negotiations({len(self):,} episodes, {len(self.spells):,} spells, {len(self.ends):,} ends, acts by "
                f"{self.turns.mapping.name!r})")

    @property
    def cohort(self) -> Cohort:
        """The cohort that was looked at."""
        return self.turns.cohort

    @property
    def parties(self) -> tuple[str, str]:
        """The two parties, in the order of their codes."""
        first, second = self.cohort.coding.parties
        return first, second

    @functools.cached_property
    def dyad(self) -> Array:
        """The dyad of each episode, as the level codes of its rows."""
        return self.turns.episodes.rows.dyad

    @property
    def dyad_names(self) -> tuple[str, ...]:
        """The names behind the codes of `dyad`."""
        return self.turns.episodes.rows.levels["dyad"]

    @functools.cached_property
    def open(self) -> npt.NDArray[np.uint8]:
        """What is open after each turn: bit `2 * party + need`."""
        return kernel.open_after(self.turns.party, self.turns.acts, offsets=self.turns.offsets)

    def named(self, episode: str) -> int:
        """Return the place of the episode of that identity.

        Raises
        ------
        RecordError
            Where there is none.
        """
        names = self.turns.episodes.rows.words("episode")
        if episode not in names:
            raise RecordError(f"no negotiation of episode {episode!r}; there are: {listed(map(str, names))}",
                              field="episode", value=episode)
        return names.index(episode)

    def first_end(self) -> Whole:
        """Return for each episode the turn of the first end, counted from 0 within it; -1 where there is none."""
        found = np.full(len(self), -1, dtype=np.int64)
        which = self.ends.episode[self.ends.first]
        found[which] = self.ends.turn[self.ends.first] - self.turns.offsets[which]
        return found

    def held(self) -> tuple[Whole, Flags]:
        """Return for each end how many turns it held, and whether that was seen to its close.

        From the end to the relapse; where none follows, to the episode's last turn, and then it held that long or
        longer: such lengths are censored, and their plain mean is too short.
        """
        last = self.turns.offsets[self.ends.episode + 1] - 1
        relapsed = np.asarray(self.ends.relapse >= 0)
        return np.where(relapsed, self.ends.relapse, last) - self.ends.turn, relapsed

    def claimed(self, need: Need | None = None) -> Flags:
        """Return for each episode and party whether it claimed a need, or any: episodes x 2."""
        found = np.zeros((len(self), 2), dtype=bool)
        picked = _of_need(self.spells.need, need)
        found[self.spells.episode[picked], self.spells.party[picked]] = True
        return found

    def answer_counts(self) -> dict[str, dict[str, int]]:
        """Return how often each party's claims were answered how, by party and answer."""
        return {party: {answer: int(((self.claims.party == side) & (self.claims.answer == code)).sum())
                        for code, answer in enumerate(ANSWERS)} for side, party in enumerate(self.parties)}

    def summary(self) -> dict[str, int]:
        """Return what was found, counted; what was not observed is counted apart from what did not happen."""
        agency = self.claimed(Need.AGENCY)
        first = self.ends.first
        return {
            "episodes": len(self), "turns": len(self.turns), "spells": len(self.spells), "claims": len(self.claims),
            "episodes without a claim of agency: no negotiation observed": int((~agency.any(axis=1)).sum()),
            "episodes in which one party alone claimed": int((self.claimed().sum(axis=1) == 1).sum()),
            "episodes whose negotiation ended": int(first.sum()),
            **{f"of these, first end {kind.value.replace('_', ' ')}": int((self.ends.kind[first] == code).sum())
               for code, kind in enumerate(END_KINDS)},
            "of these, with a relapse": int((self.ends.relapse[first] >= 0).sum()),
            **self.turns.left_out, **self._by_tie_rule(),
        }

    def _by_tie_rule(self) -> dict[str, int]:
        """Count the instants whose order is the tie rule's: both parties move, and one of them acts."""
        same = np.diff(self.turns.instant) == 0
        open_pairs = int((same & ((self.turns.acts[1:] | self.turns.acts[:-1]) != 0)).sum())
        return {f"instants at which both move and an act is done, in the order of the rule {self.turns.tie_rule} (see "
                "order_bounds)": open_pairs} if open_pairs else {}

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {n:,} {what}" for what, n in self.summary().items())])

    def _repr_html_(self) -> str:
        return _html.page("Negotiations", f"acts by {self.turns.mapping.name}", _html.table(
            ("", "n"), self.summary().items()))

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row a spell: episode, party, need, first and last turn within it (from 0; the last is
        absent where no turn ended it), cause, renewals.
        """
        spells, start = self.spells, self.turns.offsets[self.spells.episode]
        rows = self.turns.episodes.rows
        return {
            "episode": FrameColumn(values=rows.episode[spells.episode], levels=rows.levels["episode"]),
            "dyad": FrameColumn(values=rows.dyad[spells.episode], levels=rows.levels["dyad"]),
            "party": FrameColumn(values=spells.party, levels=self.parties),
            "need": FrameColumn(values=spells.need, levels=tuple(map(str, NEEDS))),
            "row_id": FrameColumn(values=self.cohort.moves.row_id[self.turns.rows[spells.begin]]),
            "begin": FrameColumn(values=spells.begin - start),
            "end": FrameColumn(values=np.maximum(spells.end - start, -1), absent=spells.end < 0),
            "cause": FrameColumn(values=spells.cause, levels=tuple(map(str, SPELL_ENDS))),
            "renewals": FrameColumn(values=spells.renewals),
        }


def _columns(table: Negotiations) -> Iterator[Array]:
    yield from (table.turns.party, table.turns.acts, table.turns.offsets)
    for part in (table.spells, table.claims, table.ends):
        yield from held_state(part).values()


def _of_need(needs: Codes, need: Need | None) -> Flags:
    """Return which entries are of a need; all where none is named."""
    return np.ones(len(needs), dtype=bool) if need is None else np.asarray(needs == place_of_need(need))


def negotiations(cohort: Cohort, *, mapping: ActMapping | str | None = None, window: int = 1,
                 tie_rule: TieRule | str = TieRule.AS_FILED, track: str | None = None) -> Negotiations:
    """Find the negotiation of needs in each of the episodes in force.

    Parameters
    ----------
    mapping : ActMapping, path of one, or None
        Which acts codes stand for; None takes the acts that the codebook gives its codes.
    window : int
        Within how many turns of the other a claim's answer is looked for. Nothing else depends on it.
    tie_rule : TieRule
        Who moves first where both move at one instant.
    track : str or None
        Only the episodes of one reading; has to be named where there are episodes of several.

    Raises
    ------
    RecordError
        Where the window is not a whole number from 1 to 100, the mapping is for another codebook, or the episodes are
        of several tracks and none is named.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> len(held) > 0
    True
    """
    return negotiations_of(turns_of(cohort, mapping=mapping, tie_rule=tie_rule, track=track), window=window)


def negotiations_of(turns: Turns, *, window: int = 1) -> Negotiations:
    """Find the negotiations in turns that are laid out already; otherwise as `negotiations`.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> negotiations_of(held.turns, window=3)
    Negotiations(23 episodes, 26 spells, 13 ends, acts by 'stages')
    """
    asked: object = window
    if not isinstance(asked, int) or isinstance(asked, bool) or not 1 <= asked <= MOST_WINDOW:
        raise RecordError(f"window is {window!r:.40}; expected a whole number of turns from 1 to {MOST_WINDOW}",
                          field="window")
    edges = list(blocks(len(turns.episodes), size=kernel.BLOCK)) or [(0, 0)]
    spells, claims, ends = zip(*(_of_block(turns, slice(low, high + 1), window) for low, high in edges), strict=True)
    tracks = turns.episodes.rows.levels["track"]
    return Negotiations(
        turns=turns, window=window, spells=_joined(spells), claims=_joined(claims), ends=_joined(ends),
        provenance=turns.cohort.provenance(track=tracks[0] if len(tracks) == 1 else None, rules=(
            turns.cohort.rule, f"ties {turns.tie_rule}", turns.mapping.identity, f"answers within {window}")))


Part = TypeVar("Part", Spells, Claims, Ends)


def _joined(parts: tuple[Part, ...]) -> Part:
    """Lay the columns of parts end to end."""
    kind = type(parts[0])
    return kind(**{field.name: freeze(np.concatenate([getattr(part, field.name) for part in parts]))
                   for field in attrs.fields(kind)})


def _of_block(turns: Turns, which: slice, window: int) -> tuple[Spells, Claims, Ends]:
    """Find spells, claims and ends of some episodes, counted over all."""
    edges = turns.offsets[which]
    low, high, offsets = int(edges[0]), int(edges[-1]), edges - edges[0]
    party, acts, run = turns.party[low:high], turns.acts[low:high], kernel.runs_of(offsets)
    found = kernel.spells(party, acts, run=run)
    answered = kernel.answers(party, acts, run=run, window=window)
    over = kernel.closings(found, offsets=offsets)
    kinds = np.where(over.yielded, 2, np.where(over.claimed == 3, 0, 1)).astype(np.int8)
    first = np.diff(over.run, prepend=-1) != 0
    cause = found.cause.copy()
    stopped = turns.stopped[which.start : which.stop - 1][found.run]
    cause[(cause == kernel.STILL_OPEN) & stopped] = SPELL_ENDS.index(SpellEnd.CENSORED)
    episode = int(which.start)
    return (
        Spells(episode=found.run + episode, party=found.flag >> 1, need=found.flag & 1, begin=found.begin + low,
               end=_shifted(found.end, low), cause=cause, renewals=found.renewals),
        Claims(turn=answered.turn + low, party=answered.flag >> 1, need=answered.flag & 1, answer=answered.answer,
               at=_shifted(answered.at, low)),
        Ends(episode=over.run + episode, turn=over.turn + low, kind=kinds, relapse=_shifted(over.relapse, low),
             first=first))


def _shifted(turn: Whole, by: int) -> Whole:
    """Count turns from the table's first; -1 stays."""
    return turn + by * (turn >= 0)
