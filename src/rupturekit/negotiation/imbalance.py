"""Two objects that are never one: the latent imbalance of relatedness, and the manifest gap in communion.

The imbalance is what somebody stated or judged of both people's need for relatedness; it needs a source of its own.
The gap is read off the moves. That one follows the other is a hypothesis (`negotiation.veil`), not an arithmetic.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.open_claims import CLAIM, GRANT, act_bit
from rupturekit.cohort import Cohort
from rupturekit.episode import NeedStatement
from rupturekit.errors import NotEstimable, RecordError, did_you_mean, expect, listed
from rupturekit.negotiation.table import Negotiations
from rupturekit.negotiation.turns import MoveTurns, laid_in_turns
from rupturekit.provenance import Provenance
from rupturekit.vocabulary import Awareness, Layer, Need, NeedMode

__all__ = ["CommunionGap", "Imbalance", "RelatednessImbalance", "communion_gap", "relatedness_imbalance"]

TOWARDS = act_bit(CLAIM, 1) | act_bit(GRANT, 1)
"""The acts that count as communion: claiming and granting it."""


# --- latent: stated or judged ---------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Imbalance:
    """How far two people's need for relatedness lay apart in one episode or session.

    Attributes
    ----------
    difference : float
        The first party's level minus the second's, on the source's own scale.
    awareness : pair of Awareness or None
        Whether each party knew of its own need, where that was stated of it.
    """

    dyad: str
    session: int | None
    episode: str | None
    difference: float
    awareness: tuple[Awareness | None, Awareness | None]

    @property
    def size(self) -> float:
        """How far apart, whoever wants more."""
        return abs(self.difference)

    @property
    def wants_more(self) -> int | None:
        """The place of the party with the higher level; None where both are equal."""
        return None if self.difference == 0 else int(self.difference < 0)


@attrs.frozen(kw_only=True, repr=False)
class RelatednessImbalance:
    """The latent imbalance wherever a source gave both levels; `left_out` counts the rest by reason."""

    mode: NeedMode
    source: str | None
    parties: tuple[str, str]
    found: tuple[Imbalance, ...]
    left_out: Mapping[str, int]
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        return f"RelatednessImbalance({len(self)} units, {self.mode}, source {self.source or 'not recorded'})"

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  left out: {n:,} with {why}" for why, n in self.left_out.items())])

    def by_episode(self) -> dict[str, Imbalance]:
        """Return the imbalance of each episode that has one."""
        return {one.episode: one for one in self.found if one.episode is not None}


def relatedness_imbalance(cohort: Cohort, *, mode: NeedMode | str, source: str | None = None) -> RelatednessImbalance:
    """Return how far both people's need for relatedness lay apart, as a source of its own has it.

    Reads the rows of the needs table that are latent and of communion. Where several people gave a level of one party
    in one unit, their mean is taken.

    Parameters
    ----------
    mode : NeedMode
        Whether levels wanted, expected or feared are compared.
    source : str or None
        Which source; has to be said where there are several.

    Raises
    ------
    NotEstimable
        Where no such row is there: coded moves are no source for what is latent.
    RecordError
        Where there are several sources and none is named, or there is no such mode.

    >>> from rupturekit.example import example_cohort
    >>> found = relatedness_imbalance(example_cohort(), mode="wanted", source="interview")
    >>> found.left_out
    {'a level of one party only': 1}
    """
    expect(cohort, Cohort, what="a cohort", remedy="use study.cohort, or Cohort.of(...)")
    if mode not in tuple(NeedMode):
        raise RecordError(f"expected a mode of need, one of {listed(NeedMode)}, but got {mode!r:.80}"
                          f"{did_you_mean(str(mode), NeedMode)}", field="mode", value=mode)
    mode = NeedMode(mode)
    latent = [row for row in cohort.needs
              if row.layer is Layer.LATENT and row.need is Need.COMMUNION and row.mode is mode]
    chosen = _of_one_source(latent, source)
    units: dict[tuple[str, int | None, str | None], list[NeedStatement]] = defaultdict(list)
    for row in chosen:    # one episode is one unit, whether or not a row says its session too
        units[row.dyad, None if row.episode else row.session, row.episode].append(row)
    parties = (cohort.coding.parties[0], cohort.coding.parties[1])
    left_out: Counter[str] = Counter()
    found = [one for key, rows in units.items() if (one := _imbalance(key, rows, parties, left_out)) is not None]
    return RelatednessImbalance(
        mode=mode, source=chosen[0].source, parties=parties, found=tuple(found), left_out=dict(left_out),
        provenance=cohort.provenance(rules=(f"latent communion {mode}, source {chosen[0].source}",)))


def _of_one_source(latent: list[NeedStatement], source: str | None) -> list[NeedStatement]:
    if not latent:
        raise NotEstimable("one source: the needs table holds no latent level of communion of this kind, and coded "
                           "moves cannot stand in for it (codes compete for turns, so an association would be "
                           "arithmetic)")
    sources = sorted({row.source or "(not recorded)" for row in latent})
    if source is None and len(sources) > 1:
        raise RecordError(f"latent levels come from {len(sources)} sources ({listed(sources)}); say which (source=..., "
                          "on the command line --source)", field="source")
    chosen = [row for row in latent if source is None or row.source == source]
    if not chosen:
        raise RecordError(f"no latent level of communion comes from {source!r}; there are: {listed(sources)}",
                          field="source", value=source)
    return chosen


def _imbalance(key: tuple[str, int | None, str | None], rows: list[NeedStatement], parties: tuple[str, str],
               left_out: Counter[str]) -> Imbalance | None:
    levels = [[row.level for row in rows if row.party == party and row.level is not None] for party in parties]
    if not levels[0] or not levels[1]:
        left_out["a level of one party only"] += 1
        return None
    said = [{row.awareness for row in rows if row.party == party and row.awareness is not None} for party in parties]
    first, second = (one.pop() if len(one) == 1 else Awareness.UNKNOWN if one else None for one in said)
    means = [sum(one) / len(one) for one in levels]
    session = next((row.session for row in rows if row.session is not None), None)
    return Imbalance(dyad=key[0], session=session, episode=key[2], difference=means[0] - means[1],
                     awareness=(first, second))


# --- manifest: read off the moves -----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False, repr=False)
class CommunionGap:
    """The gap in communion after each turn of the sessions of a table, and the match that is its opposite.

    A turn's communion is 1 where it holds a claim or a grant of communion, else 0. A party's level after a turn is
    the mean over its last k turns of the session, minus its mean over all its turns outside episodes in the same dyad
    and track; the gap is the first party's level minus the second's, and match is -|gap|.

    Attributes
    ----------
    k : int
        How many of a party's own turns are averaged.
    turns : MoveTurns
        All turns of all sessions, not only those of episodes.
    session : int64, one a turn
        A running number of the sessions.
    unit : int64, one a turn
        The dyad and track, as rows of `baseline`.
    gap : float64, one a turn
        0 where it is not known.
    known : bool, one a turn
        Whether both have k turns behind them in the session, and turns outside episodes to compare with.
    baseline : float64, dyads and tracks x 2
        NaN where a party has no turn outside episodes.
    left_out : mapping of str to int
    """

    k: int
    turns: MoveTurns
    session: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64]
    gap: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_]
    baseline: npt.NDArray[np.float64]
    left_out: Mapping[str, int]
    provenance: Provenance

    def __repr__(self) -> str:
        return f"CommunionGap(k={self.k}, known after {int(self.known.sum()):,} of {len(self.known):,} turns)"

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  left out: {n:,} {why}" for why, n in self.left_out.items())])

    @property
    def match(self) -> npt.NDArray[np.float64]:
        """Minus the size of the gap; only where it is known."""
        return -np.abs(self.gap)

    @functools.cached_property
    def turn_of_row(self) -> dict[int, int]:
        """The turn of each of the cohort's moves."""
        return dict(zip(self.turns.rows.tolist(), self.turns.turn_of.tolist(), strict=True))


def communion_gap(table: Negotiations, *, k: int) -> CommunionGap:
    """Return how far each party's communion lies from its own level outside ruptures, and the difference of both.

    The level outside ruptures matters: therapists are warm by profession.

    Parameters
    ----------
    k : int
        How many of its own last turns a party's communion is averaged over. There is no default; state it.

    Raises
    ------
    RecordError
        Where k is not a whole number from 1 on.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> communion_gap(held, k=2)
    CommunionGap(k=2, known after 669 of 819 turns)
    """
    expect(table, Negotiations, what="negotiations", remedy="negotiations(cohort) finds them")
    whole_from_one("k", k)
    cohort, episodes = table.cohort, table.turns.episodes
    tracks = episodes.rows.levels["track"]
    rows = np.flatnonzero(np.isin(cohort.moves.track, [cohort.moves.code_of("track", word=word) for word in tracks]))
    session_key = cohort.session_keys()
    fresh = np.diff(session_key[rows], prepend=-1) != 0
    fresh |= np.diff(cohort.moves.onset[rows], prepend=-1) != 0
    turns = laid_in_turns(cohort, rows, instant=np.cumsum(fresh), mapping=table.turns.mapping,
                          rule=table.turns.tie_rule)
    head = turns.rows[turns.first]
    session = session_key[head]
    inside = np.zeros(len(cohort.moves), dtype=bool)
    inside[episodes.members] = True
    outside = np.ones(len(turns.party), dtype=bool)
    placed = turns.turn_of >= 0
    outside[turns.turn_of[placed & inside[turns.rows]]] = False
    towards = (turns.acts & TOWARDS) != 0
    n_tracks = len(cohort.moves.levels["track"])    # also those without an episode: their codes lie in between
    unit = np.unique(cohort.moves.dyad[head].astype(np.int64) * n_tracks + cohort.moves.track[head],
                     return_inverse=True)[1]
    baseline = _means_by(unit, turns.party, towards, outside)
    against = baseline[unit] if len(unit) else np.zeros((0, 2))
    levels = [mean_of_last(turns.party == side, towards[:, None], session, k)[:, 0] for side in (0, 1)]
    full = [_own_turns(turns.party == side, session) >= k for side in (0, 1)]
    gap = (levels[0] - against[:, 0]) - (levels[1] - against[:, 1])
    known = full[0] & full[1] & ~np.isnan(gap)
    missing = int(np.isnan(baseline).any(axis=1).sum())
    left_out = {"dyads in which a party has no turn outside episodes": missing} if missing else {}
    return CommunionGap(k=k, turns=turns, session=session, unit=unit, gap=np.where(known, gap, 0.0), known=known,
                        baseline=baseline, left_out=left_out, provenance=table.provenance)


def whole_from_one(name: str, value: object) -> None:
    """Refuse what is not a whole number of turns from 1 on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise RecordError(f"{name} is {value!r:.40}; expected a whole number of turns, 1 or more", field=name)


def _means_by(unit: npt.NDArray[np.int64], party: npt.NDArray[np.int8], towards: npt.NDArray[np.bool_],
              outside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the share of turns with communion of each unit and party, of those outside; NaN where there is none."""
    cell, n = unit * 2 + party, 2 * (int(unit.max(initial=-1)) + 1)
    of = np.bincount(cell[outside], minlength=n)
    held = np.bincount(cell[outside & towards], minlength=n)
    return np.asarray(np.divide(held, of, out=np.full(n, np.nan), where=of > 0).reshape(-1, 2))


def _own_turns(mine: npt.NDArray[np.bool_], session: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how many turns of a party its session holds up to and with each turn."""
    seen = np.concatenate([[0], np.cumsum(mine)])
    return np.asarray(seen[1:] - seen[np.searchsorted(session, session)])


def mean_of_last(mine: npt.NDArray[np.bool_], towards: npt.NDArray[np.bool_], session: npt.NDArray[np.int64], k: int
                 ) -> npt.NDArray[np.float64]:
    """Return after each turn the share with communion among a party's last k turns of the session: turns x columns.

    0 where the party has not had k turns in the session.
    """
    places = np.flatnonzero(mine)
    total = np.concatenate([np.zeros((1, towards.shape[1]), dtype=np.int64), np.cumsum(towards[places], axis=0)])
    seen = np.cumsum(mine)
    full = _own_turns(mine, session) >= k
    mean = np.zeros(towards.shape)
    mean[full] = (total[seen[full]] - total[seen[full] - k]) / k
    return mean
