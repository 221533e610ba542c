"""How far claims are met, by whom, and whether on both sides: measures of negotiations, over dyads.

Spells are pooled within a dyad; then every dyad counts alike. A spell that observation cut off is not counted, one that
stayed open to the episode's end was not met, and one that was yielded never counts as met.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Mapping
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels import open_claims as kernel
from rupturekit._table import Array
from rupturekit.errors import NotEstimable, RecordError, did_you_mean, expect
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.nulls import HOLDS, Null
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.negotiation.acts import place_of_need
from rupturekit.negotiation.rearranging import LaidEpisode, acts_rearranged, as_null, laid_episodes, ways
from rupturekit.negotiation.table import SPELL_ENDS, Negotiations
from rupturekit.segmentation import SegmentationRule
from rupturekit.vocabulary import Need

__all__ = ["MeetingCounts", "asymmetry", "check_other_was_coded", "mean_of_known", "meeting_counts", "meeting_rate",
           "mutuality", "responsiveness", "side_of"]

Whole = npt.NDArray[np.int64]
_TABLE: Final = {"what": "negotiations", "remedy": "negotiations(cohort) finds them"}
_OPENED_TO_THE_END: Final = "a claim that stayed open to the episode's end was not met"


@attrs.frozen(kw_only=True)
class MeetingCounts:
    """How the spells of one unit ended, by party: each a pair, in the order of the parties."""

    met: tuple[int, int]
    yielded: tuple[int, int]
    open: tuple[int, int]
    censored: tuple[int, int]

    def counted(self, side: int) -> int:
        """Return how many spells of a party were not cut off."""
        return self.met[side] + self.yielded[side] + self.open[side]

    def rate(self, side: int) -> float | None:
        """Return the share of a party's spells that were met; None where it has none that were not cut off."""
        return self.met[side] / self.counted(side) if self.counted(side) else None

    @property
    def mutuality(self) -> float | None:
        """Return the product of both rates: the chance that a random claim of each is met; None where one has none."""
        first, second = self.rate(0), self.rate(1)
        return None if first is None or second is None else first * second

    @property
    def asymmetry(self) -> float | None:
        """Return the first party's rate minus the second's; None where one has none."""
        first, second = self.rate(0), self.rate(1)
        return None if first is None or second is None else first - second


def meeting_counts(table: Negotiations, *, need: Need | None = None, by: str = "dyad") -> dict[str, MeetingCounts]:
    """Return how spells ended, for each dyad or episode that has spells.

    Parameters
    ----------
    need : Need or None
        Spells of one need; None takes both.
    by : "dyad" or "episode"

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> sum(one.met[0] for one in meeting_counts(held).values())
    16
    """
    expect(table, Negotiations, **_TABLE)
    if by not in ("dyad", "episode"):
        raise RecordError(f"by is {by!r:.40}; expected \"dyad\" or \"episode\"", field="by")
    rows, spells = table.turns.episodes.rows, table.spells
    unit = rows.arrays[by][spells.episode]
    picked = np.ones(len(spells), dtype=bool) if need is None else spells.need == place_of_need(need)
    counts = np.zeros((len(rows.levels[by]), 2, len(SPELL_ENDS)), dtype=np.int64)
    np.add.at(counts, (unit[picked], spells.party[picked], spells.cause[picked]), 1)
    held = {name: counts[at] for at, name in enumerate(rows.levels[by])}
    return {name: MeetingCounts(**{str(cause): (int(one[0, code]), int(one[1, code]))
                                   for code, cause in enumerate(SPELL_ENDS)})
            for name, one in held.items() if one.any()}


def side_of(table: Negotiations, party: str) -> int:
    """Return the place of a party.

    Raises
    ------
    RecordError
        Where the study has no such party.
    """
    expect(table, Negotiations, **_TABLE)
    if party not in table.parties:
        raise RecordError(f"there is no party {party!r}{did_you_mean(party, table.parties)}; there are: "
                          f"{', '.join(table.parties)}", field="party", value=party)
    return table.parties.index(party)


def meeting_rate(table: Negotiations, *, party: str, need: Need | None = None, level: str | None = None,
                 confidence: float = 0.95, seed: int = 1) -> Estimate:
    """Estimate the share of a party's claims that the other met: met spells / (spells - those that were cut off).

    It grows with how much the other talks; `responsiveness` is what to compare between groups.

    Raises
    ------
    NotEstimable
        Where this party never claimed, all of its claims were cut off, or nothing that the other did was coded.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> round(meeting_rate(held, party="client").value, 2)
    0.72
    """
    side = side_of(table, party)
    check_other_was_coded(table, side)
    counts = meeting_counts(table, need=need)
    values = {dyad: rate for dyad, one in counts.items() if (rate := one.rate(side)) is not None}
    if not values:
        raise NotEstimable(f"{_none_counts(table, counts, side, need)}, so there is none of which to say whether it "
                           f"was met{_silence(table)}")
    return over_dyads(
        values, what=f"share of the {party}'s claims{_of(need)} that were met", bounds=(0.0, 1.0), seed=seed,
        clustering=clustering_of(table.cohort, level=level), confidence=confidence,
        n={"spells": sum(counts[dyad].counted(side) for dyad in values),
           "spells cut off": sum(one.censored[side] for one in counts.values())},
        assumptions=(_OPENED_TO_THE_END,), warnings=_left_aside(table, side, values, need),
        provenance=table.provenance)


def check_other_was_coded(table: Negotiations, side: int) -> None:
    """Refuse to say how far a party's claims were met where no move of the other was coded in any of its dyads.

    Raises
    ------
    NotEstimable
        Where that is so.
    """
    claimed, unseen = _claimed_and_unseen(table, side)
    if claimed and claimed == unseen:
        raise NotEstimable(f"no move of the {table.parties[1 - side]} was coded in dyads in which the "
                           f"{table.parties[side]} claimed, so whether claims were met was not observed")


def _claimed_and_unseen(table: Negotiations, side: int) -> tuple[set[str], set[str]]:
    """Return the dyads in which a party claimed, and those of them in which no move of the other was coded."""
    moved = set(table.dyad[table.turns.run[table.turns.party != side]].tolist())
    claimed = set(table.dyad[table.spells.episode[table.spells.party == side]].tolist())
    claimed_names, unseen = ({table.dyad_names[at] for at in held} for held in (claimed, claimed - moved))
    return claimed_names, unseen


def _left_aside(table: Negotiations, side: int, values: Collection[str], need: Need | None) -> tuple[str, ...]:
    """Say how many dyads have no rate, and in how many none can be above 0, for nothing of the other was coded."""
    n, party = len(table.dyad_names), table.parties[side]
    left, silent = n - len(values), len(_claimed_and_unseen(table, side)[1] & set(values))
    return tuple(text for count, text in (
        (left, f"{left} of {n} dyads are left out: the {party} made no claim{_of(need)} that was not cut off"),
        (silent, f"in {silent} of {len(values)} dyads no move of the {table.parties[1 - side]} was coded, and claims "
                 "count as not met")) if count)


def _none_counts(table: Negotiations, counts: Mapping[str, MeetingCounts], side: int, need: Need | None) -> str:
    """Say why no claim of a party counts: it made none, or none was seen to its end."""
    if any(one.censored[side] for one in counts.values()):
        return f"every claim{_of(need)} by the {table.parties[side]} was cut off by the end of observation"
    return f"the {table.parties[side]} made no claim{_of(need)}"


def _of(need: Need | None) -> str:
    return "" if need is None else f" of {Need(need)}"


def _silence(table: Negotiations) -> str:
    """Return a hint where a whole table holds no spell at all."""
    if len(table.spells):
        return ""
    mapping = table.turns.mapping
    return ("; the raters stated no claim in these episodes" if mapping.labels_by is not None else
            f"; the codes of {mapping.codebook} that were used carry no claim by {mapping.name!r}")


def mutuality(table: Negotiations, *, need: Need | None = None, level: str | None = None, confidence: float = 0.95,
              seed: int = 1) -> Estimate:
    """Estimate mutuality: the product of both parties' meeting rates in a dyad.

    In [0, 1], and 1 only where every claim of both is met. An index of evenness would call "both never met" mutual.

    Raises
    ------
    NotEstimable
        Where in no dyad both parties claimed.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> mutuality(held)
    Traceback (most recent call last):
    ...
    rupturekit.errors.NotEstimable: not estimable: the therapist made no claim, so how mutual meeting was cannot be said
    """
    return _of_both(table, "mutuality (product of both meeting rates)", lambda one: one.mutuality, (0.0, 1.0),
                    need=need, level=level, confidence=confidence, seed=seed)


def asymmetry(table: Negotiations, *, need: Need | None = None, level: str | None = None, confidence: float = 0.95,
              seed: int = 1) -> Estimate:
    """Estimate asymmetry: the first party's meeting rate minus the second's, in dyads in which both claimed.

    Raises
    ------
    NotEstimable
        Where in no dyad both parties claimed.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.cohort import Cohort
    >>> from rupturekit.episode import Coding, EpisodeRow, Move
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.vocabulary import TimeKind
    >>> def talk(dyad, *codes):    # in turns, the client first
    ...     return [Move(dyad=dyad, session=1, track="r1", party=("client", "therapist")[at % 2], code=code, onset=at,
    ...                  row_id=at + 10 * int(dyad)) for at, code in enumerate(codes)]
    >>> whole = [EpisodeRow(episode=dyad, dyad=dyad, track="r1", first_session=1, onset=0, last_session=1, end=9)
    ...          for dyad in "12"]
    >>> spoken = talk("1", "cl-ag", "gr-ag", "re-ack", "cl-ag", "ct-ag") + talk("2", "cl-ag", "cl-ag", "gr-ag", "gr-ag")
    >>> coding = Coding(codebook=load_codebook("needs"), time=TimeKind.TURN)
    >>> asymmetry(negotiations(Cohort.of(spoken, coding=coding, episodes=whole))).value
    0.5
    """
    first, second = table.parties
    return _of_both(table, f"asymmetry (meeting rate of the {first} minus that of the {second})",
                    lambda one: one.asymmetry, (-1.0, 1.0), need=need, level=level, confidence=confidence, seed=seed)


def _of_both(table: Negotiations, what: str, measure: Callable[[MeetingCounts], float | None],
             bounds: tuple[float, float], *, need: Need | None, level: str | None, confidence: float, seed: int
             ) -> Estimate:
    counts = meeting_counts(table, need=need)
    values = {dyad: value for dyad, one in counts.items() if (value := measure(one)) is not None}
    if not values:
        raise NotEstimable(f"{_why_not_both(table, counts, need)}, so how mutual meeting was cannot be said"
                           f"{_silence(table)}")
    left = len(table.dyad_names) - len(values)
    warned = (f"{left} of {len(table.dyad_names)} dyads are left out: not both parties made a claim{_of(need)} that "
              "was not cut off",)
    return over_dyads(
        values, what=f"{what}{_of(need)}", bounds=bounds, clustering=clustering_of(table.cohort, level=level),
        confidence=confidence, seed=seed, assumptions=(_OPENED_TO_THE_END,), warnings=warned if left else (),
        n={"spells": sum(counts[dyad].counted(0) + counts[dyad].counted(1) for dyad in values)},
        provenance=table.provenance)


def _why_not_both(table: Negotiations, counts: Mapping[str, MeetingCounts], need: Need | None) -> str:
    silent = [side for side in (0, 1) if not any(one.counted(side) for one in counts.values())]
    if not silent:
        return f"in no dyad did both parties make a claim{_of(need)} that was not cut off"
    if not counts:
        return f"neither party made a claim{_of(need)}"
    return " and ".join(_none_counts(table, counts, side, need) for side in silent)


# --- responsiveness: against the other's acts in random order -------------------------------------------------------


def responsiveness(table: Negotiations, rule: SegmentationRule, *, party: str, need: Need | None = None,
                   null: Null | str = Null.TURNS, draws: int = 999, seed: int = 1, level: str | None = None,
                   confidence: float = 0.95, alternative: Alternative = "greater", alpha: float = 0.05) -> Estimate:
    """Estimate how much more often a party's claims are met than if the other's acts came in any order.

    The meeting rate minus its mean over arrangements in which the other's contents are exchanged among the other's own
    turns of the episode; turns that the segmentation rule looks at stay, and so do all of the party itself. This is
    the quantity to compare between groups: the rate alone grows with talk.

    Parameters
    ----------
    rule : SegmentationRule
        The rule that drew the episodes: what it looks at is held.
    null : "turns" or "runs"
        Runs move whole under "runs".
    draws : int
        Arrangements drawn.

    Raises
    ------
    NotEstimable
        Where this party never claimed.
    NotEnoughData
        Where the smallest p attainable is above alpha.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> made = responsiveness(held, WHOLE_SESSION, party="client", draws=99)
    >>> round(made.test.statistic, 2)
    0.72
    """
    side, null = side_of(table, party), as_null(null, (Null.TURNS, Null.RUNS))
    observed = meeting_rate(table, party=party, need=need, level=level, confidence=confidence, seed=seed)
    claims = np.zeros(len(table), dtype=bool)
    claims[table.spells.episode[table.spells.party == side]] = True
    laid = laid_episodes(table, rule, null=null, which=claims, only=1 - side)
    met = functools.partial(_met_and_counted, laid, side=side, need=need, n_units=len(table.dyad_names))
    seen = met(start=0, count=0, null=null, seed=seed)
    known = seen[1][:, 0] > 0
    drawn: list[npt.NDArray[np.float64]] = []

    def statistic(start: int, count: int) -> npt.NDArray[np.float64]:
        held, of = met(start=start, count=count, null=null, seed=seed)
        # An arrangement in which all of a dyad's spells are cut off gives it no rate, and is left out of its mean. A
        # dyad without a rate as observed may have one in an arrangement: the test has to look at both alike.
        drawn.append(np.divide(held, of, out=np.full(of.shape, np.nan), where=of > 0))
        return mean_of_known(drawn[-1])

    test = permutation_test(
        float((seen[0][known] / seen[1][known]).mean()), statistic, null=null, seed=seed, draws=draws, alpha=alpha,
        alternative=alternative, n_arrangements=ways(laid))
    expected = np.concatenate(drawn, axis=1)[known]
    names = [name for name, there in zip(table.dyad_names, known.tolist(), strict=True) if there]
    rates = (seen[0][known] / seen[1][known])[:, 0].tolist()
    values = {name: rate - mean for name, rate, mean in
              zip(names, rates, mean_of_known(expected.T).tolist(), strict=True) if not math.isnan(mean)}
    made = over_dyads(
        values, what=f"responsiveness to the {party}'s claims{_of(need)} (meeting rate minus that under the null)",
        clustering=clustering_of(table.cohort, level=level), n=observed_spells(observed), confidence=confidence,
        seed=seed, bounds=(-1.0, 1.0), assumptions=(_OPENED_TO_THE_END,), provenance=table.provenance,
        warnings=_left_aside(table, side, values, need))
    other = table.parties[1 - side]
    return attrs.evolve(made, test=attrs.evolve(
        test, holds=f"{HOLDS[null]}; only what the {other} does is exchanged"))


def mean_of_known(rates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean of each column over what is known; NaN where nothing is."""
    there = ~np.isnan(rates)
    n = there.sum(axis=0)
    return np.asarray(np.divide(np.where(there, rates, 0.0).sum(axis=0), n, out=np.full(len(n), np.nan), where=n > 0))


def observed_spells(estimate: Estimate) -> dict[str, int]:
    """Return the counts of an estimate that are not of clusters."""
    return {units: n for units, n in estimate.n.items() if units not in ("therapists", "dyads")}


def _met_and_counted(laid: list[LaidEpisode], *, side: int, need: Need | None, n_units: int, start: int, count: int,
                     null: Null, seed: int) -> tuple[Array, Array]:
    """Return how many spells were met, and how many counted: units x arrangements; as observed where count is 0."""
    met, counted = (np.zeros((n_units, max(count, 1)), dtype=np.int64) for _ in range(2))
    for one in laid:
        acts = acts_rearranged(one, null=null, seed=seed, start=start, count=count)
        replica, cause = _spells_of(one, acts, side, need)
        if one.stopped:
            keep = cause != kernel.STILL_OPEN
            replica, cause = replica[keep], cause[keep]
        counted[one.dyad] += np.bincount(replica, minlength=acts.shape[1])
        met[one.dyad] += np.bincount(replica[cause == kernel.MET], minlength=acts.shape[1])
    return met, counted


def _spells_of(one: LaidEpisode, acts: Array, side: int, need: Need | None) -> tuple[Array, Array]:
    """Return (replica, cause) of each spell of a side in replicas of an episode laid end to end."""
    n, many = acts.shape
    run = np.repeat(np.arange(many, dtype=np.int32), n)
    found = kernel.spells(np.tile(one.party, many), np.ascontiguousarray(acts.T).ravel(), run=run)
    mine = found.flag >> 1 == side
    if need is not None:
        mine &= found.flag & 1 == place_of_need(need)
    return found.run[mine], found.cause[mine]
