"""How much likelier an answer is in the intervals after a claim than elsewhere, where what is coded is intervals.

Many data sets code one person's claims and the other's answers in intervals of fixed length. Claim and answer then
often stand in one interval, and which came first is not known. So there is no point value, but two: answers in the
claim's own interval never counted, and always counted.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._kernels.open_claims import CLAIM, GRANT, act_bit
from rupturekit.errors import NotEstimable, RecordError
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.negotiation.acts import place_of_need
from rupturekit.negotiation.imbalance import whole_from_one
from rupturekit.negotiation.measures import side_of
from rupturekit.negotiation.table import Negotiations
from rupturekit.vocabulary import Need, TimeKind

__all__ = ["AnswerContingency", "answer_contingency"]

Flags = npt.NDArray[np.bool_]


@attrs.frozen(kw_only=True)
class OneWay:
    """One way to count answers in the claim's own interval.

    Attributes
    ----------
    after, elsewhere : Estimate
        P(an answer in the window | a claim at its start), and P(an answer in the window | no claim at its start).
    difference : Estimate
        The first minus the second, dyad by dyad.
    """

    after: Estimate
    elsewhere: Estimate
    difference: Estimate


@attrs.frozen(kw_only=True, repr=False)
class AnswerContingency:
    """How much likelier the other's answer is after a claim than elsewhere; order within intervals is not known.

    Attributes
    ----------
    own_left_out, own_counted : OneWay
        Answers in the claim's own interval never counted, and always counted. Whatever the order within intervals was,
        the chance of an answer after a claim lies between the two. The difference need not: windows elsewhere take
        their own interval in as well.
    same_interval : int
        How many claims have an answer in their own interval.
    claims : int
        How many claims have a whole window after them.
    """

    party: str
    need: Need
    within: int
    own_left_out: OneWay
    own_counted: OneWay
    same_interval: int
    claims: int

    def __repr__(self) -> str:
        apart, counted = (way.difference.value for way in (self.own_left_out, self.own_counted))
        return (f"AnswerContingency({self.need}, within {self.within}: {apart:+.3g} against elsewhere, {counted:+.3g} "
                "with the claim's own interval)")

    def lines(self) -> list[tuple[str, str]]:
        """Return the result as (title, text) pairs."""
        first = [("claims with an answer in the same interval", f"{self.same_interval:,} of {self.claims:,}: who was "
                  "first is not known")]
        for name, held in (("own interval not counted", self.own_left_out), ("own interval counted", self.own_counted)):
            first += [(name, f"{held.after.value:.3f} after a claim, {held.elsewhere.value:.3f} elsewhere"),
                      *held.difference.lines()]
        return first

    def __str__(self) -> str:
        return "\n".join(f"{title}: {text}" for title, text in self.lines())

    def _repr_html_(self) -> str:
        return _html.page("AnswerContingency", f"{self.party}, {self.need}", _html.facts(self.lines()))


def answer_contingency(table: Negotiations, *, party: str, need: Need, within: int, level: str | None = None,
                       confidence: float = 0.95, seed: int = 1) -> AnswerContingency:
    """Estimate P(a grant in intervals t to t + w | a claim at t) against its rate at other t, with bounds over ties.

    Intervals are the study's segments, or its turns or places where it has no clock. A window counts where it lies
    whole within the episode. Intervals are pooled within a dyad; dyads count alike.

    Parameters
    ----------
    party : str
        Whose claims; the answers are the other's.
    within : int
        w, in intervals.

    Raises
    ------
    RecordError
        Where time is a clock: cut it into segments, or ask for answers within turns (`negotiations(window=...)`).
    NotEstimable
        Where no claim, or no interval without one, has a whole window after it in any dyad.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.cohort import Cohort
    >>> from rupturekit.episode import Coding, EpisodeRow, Move
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.vocabulary import TimeKind
    >>> said = [("client", "cl-re", 0), ("therapist", "gr-re", 1), ("client", "re-ack", 2), ("therapist", "re-ack", 3)]
    >>> moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
    ...          for party, code, at in said]
    >>> whole = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=9)
    >>> coding = Coding(codebook=load_codebook("needs"), time=TimeKind.TURN)
    >>> held = negotiations(Cohort.of(moves, coding=coding, episodes=[whole]))
    >>> found = answer_contingency(held, party="client", need="communion", within=1)
    >>> found
    AnswerContingency(communion, within 1: +1 against elsewhere, +0.857 with the claim's own interval)
    """
    side, place = side_of(table, party), place_of_need(need)
    whole_from_one("within", within)
    counts, same = _counts(table, side, place, within)
    known = (counts[:, 0, 0, 1] > 0) & (counts[:, 0, 1, 1] > 0)
    if not known.any():
        raise NotEstimable(f"in no dyad are there both a claim of {need} by the {party} and an interval without one, "
                           f"each with {within} intervals of its episode after it")

    left = _left_out(table, known)

    def estimate(values: npt.NDArray[np.float64], what: str, way: int, low: float) -> Estimate:
        held = {dyad: value for dyad, value, there in
                zip(table.dyad_names, values.tolist(), known.tolist(), strict=True) if there}
        return over_dyads(
            held, what=f"{what} within {within} intervals, own interval {'counted' if way else 'not counted'}",
            clustering=clustering_of(table.cohort, level=level), confidence=confidence, seed=seed, bounds=(low, 1.0),
            n={"intervals with a claim": int(counts[known, way, 0, 1].sum()),
               "intervals without": int(counts[known, way, 1, 1].sum())},
            assumptions=("windows that overlap are each counted",), warnings=left, provenance=table.provenance)

    ways = []
    for way in (0, 1):
        shares = counts[:, way, :, 0] / np.maximum(counts[:, way, :, 1], 1)
        ways.append(OneWay(
            after=estimate(shares[:, 0], f"P(grant of {need} | claim by the {party})", way, 0.0),
            elsewhere=estimate(shares[:, 1], f"P(grant of {need} | no claim by the {party})", way, 0.0),
            difference=estimate(shares[:, 0] - shares[:, 1],
                                f"P(grant of {need} | claim by the {party}) minus that elsewhere", way, -1.0)))
    return AnswerContingency(party=party, need=need, within=within, own_left_out=ways[0], own_counted=ways[1],
                             same_interval=same, claims=int(counts[:, 0, 0, 1].sum()))


def _left_out(table: Negotiations, known: Flags) -> tuple[str, ...]:
    """Say what gives no window: episodes over several sessions, and dyads with claims everywhere or nowhere."""
    rows = table.turns.episodes.rows
    wide, dyads = int((rows.first_session != rows.last_session).sum()), int((~known).sum())
    return tuple(text for n, text in (
        (wide, f"{wide:,} of {len(table):,} episodes are left out: they run over several sessions"),
        (dyads, f"{dyads:,} of {len(known):,} dyads are left out: they lack a whole window after a claim, or elsewhere")
    ) if n)


def _counts(table: Negotiations, side: int, need: int, within: int) -> tuple[npt.NDArray[np.int64], int]:
    """Return windows with an answer and windows, and how many claims have an answer in their own interval.

    Dyads x (own interval not counted, counted) x (with a claim at the start, without) x (answered, all).
    """
    turns, unit = table.turns, _interval_length(table)
    onset = turns.cohort.moves.onset[turns.rows] // unit
    rows = turns.episodes.rows
    found, same = np.zeros((len(table.dyad_names), 2, 2, 2), dtype=np.int64), 0
    for at in np.flatnonzero(rows.first_session == rows.last_session).tolist():
        here = slice(*turns.offsets[at : at + 2].tolist())
        low = int(rows.onset[at]) // unit
        length = max(int(rows.end[at] - 1) // unit, int(onset[here].max(initial=low))) - low + 1
        claims, grants = (_marked(onset[here] - low, length, (turns.party[here] == who)
                                  & ((turns.acts[here] & act_bit(act, need)) != 0))
                          for who, act in ((side, CLAIM), (1 - side, GRANT)))
        whole = length - within
        if whole < 1:
            continue
        total = np.concatenate([[0], np.cumsum(grants)])
        start = np.arange(whole)
        for way in (0, 1):
            answered = total[start + within + 1] - total[start + 1 - way] > 0
            for place, picked in enumerate((claims[:whole], ~claims[:whole])):
                found[table.dyad[at], way, place] += (int((answered & picked).sum()), int(picked.sum()))
        same += int((claims & grants)[:whole].sum())
    return found, same


def _marked(place: npt.NDArray[np.int64], length: int, which: Flags) -> Flags:
    flags = np.zeros(length, dtype=bool)
    flags[place[which]] = True
    return flags


def _interval_length(table: Negotiations) -> int:
    """Return how long an interval is, in the units that times are held in."""
    coding = table.cohort.coding
    if coding.time is TimeKind.CLOCK:
        raise RecordError("this study has a clock, and no intervals; ask for answers within turns "
                          "(negotiations(window=...)), or code segments", field="time", value="clock")
    return int(coding.segment) if coding.time is TimeKind.SEGMENT and coding.segment else 1
