"""Complementarity: does what one party does fit what the other did before, and more often than by chance?

Two conventions share the word (see `fits`), and every result names the one it means. A turn is all that one party does
until the other moves. A pair is a placed move of one party and the first placed move of the other's next turn (lag 1),
next turn but one (lag 2) and so on, within one session and one stretch that was coded without a break.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np

from rupturekit import _html
from rupturekit._frames import FrameColumn
from rupturekit._schema import ABSENT_CODE
from rupturekit._table import Array
from rupturekit.cohort import Cohort, Episodes
from rupturekit.errors import NotEstimable, RecordError, did_you_mean, listed
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.merging import Counts
from rupturekit.inference.nulls import Exchange, Null, arrangement_count, rearranged
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.interpersonal.acts import (
    Acts,
    Plane,
    Stream,
    mean_over_dyads,
    order_warning,
    plane_of,
    stream_of,
    unbroken,
    usable_in,
)
from rupturekit.interpersonal.fits import (
    FITS,
    NO_NEED,
    Convention,
    Fit,
    Floats,
    Places,
    Whole,
    answer_pairs,
    as_convention,
    corresponding,
    cosines,
    distances,
    fits,
    reciprocal,
)
from rupturekit.interpersonal.placement import Placement, positions
from rupturekit.provenance import Provenance
from rupturekit.segmentation import SegmentationRule
from rupturekit.ties import TieRule, as_tie_rule

__all__ = ["Complementarity", "Convention", "Fit", "MovePairs", "complementarity", "complementarity_by_lag",
           "complementary_share", "move_pairs"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class MovePairs:
    """Every pair of an act and its answer.

    Attributes
    ----------
    first, second : int64
        Rows of the cohort's moves: the act and what answers it.
    fit : int8
        Places in `FITS[convention]`.
    corresponds, reciprocates : bool
        Whether they have one sign on affiliation, and opposite signs on control, on one plane whatever the convention.
    cosine, distance : float64
        How near the answer lies to the complement of the act on one plane, whatever the convention; see `cosines` and
        `distances` (degrees).
    """

    convention: Convention
    lag: int
    first: Array
    second: Array
    fit: Array
    corresponds: Array
    reciprocates: Array
    cosine: Array
    distance: Array
    row_id: Array
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.first)

    def __repr__(self) -> str:
        return f"MovePairs({len(self):,} pairs at lag {self.lag}, {self.convention})"

    def __str__(self) -> str:
        counts = np.bincount(self.fit, minlength=len(FITS[self.convention])).tolist()
        said = [f"  {kind}: {n:,}" for kind, n in zip(FITS[self.convention], counts, strict=True)]
        said += [f"  {what}: {int(held.sum()):,}" for what, held in (
            ("corresponding on affiliation", self.corresponds), ("reciprocal on control", self.reciprocates))]
        return "\n".join([f"{len(self):,} pairs at lag {self.lag}, after {self.convention}", *said, f"  {NO_NEED}"])

    def _repr_html_(self) -> str:
        return _html.printed(self)

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row a pair, as a data frame holds it; moves by their `row_id`."""
        return {"act": FrameColumn(values=self.row_id[self.first]),
                "answer": FrameColumn(values=self.row_id[self.second]),
                "fit": FrameColumn(values=self.fit.astype("i4"), levels=tuple(map(str, FITS[self.convention])),
                                   closed=True),
                "corresponds": FrameColumn(values=self.corresponds),
                "reciprocates": FrameColumn(values=self.reciprocates),
                "cosine": FrameColumn(values=self.cosine), "distance": FrameColumn(values=self.distance)}


def move_pairs(cohort: Cohort, placement: Placement | str | Path, *, convention: Convention | str,
               track: str | None = None, lag: int = 1, tie_rule: TieRule | str = TieRule.AS_FILED) -> MovePairs:
    """Return every pair of an act and its answer at a lag, and how they fit.

    Raises
    ------
    NotEstimable
        Where a party has no placed move.
    RecordError
        Where the convention, track, lag or tie rule is none, or the cohort was coded with another codebook.

    >>> import warnings
    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move
    >>> said = [("therapist", "1-5"), ("client", "2-5"), ("therapist", "1-2"), ("client", "1-6")]
    >>> moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
    ...          for at, (party, code) in enumerate(said)]
    >>> cohort = Cohort.of(moves, coding=Coding(codebook=load_codebook("sasb")))
    >>> print(move_pairs(cohort, "sasb", convention="sasb"))
    3 pairs at lag 1, after sasb
      complementary: 1
      similar: 0
      antithetical: 0
      other: 2
      corresponding on affiliation: 1
      reciprocal on control: 2
      complementarity is a fit of behaviours; it is no evidence that a need was met
    """
    plane = plane_of(cohort, placement, convention=convention, track=track)
    stream = plane.checked(stream_of(cohort, plane.track, within=None, rule=None))
    acts = plane.acts(stream.ordered(as_tie_rule(tie_rule), plane.parties))
    first, second = acts.pairs(lag, None)
    one, other = acts.kinds.take(acts.content[first]), acts.kinds.take(acts.content[second])
    return MovePairs(
        convention=plane.convention, lag=lag, first=acts.stream.rows[first], second=acts.stream.rows[second],
        fit=fits(one, other, convention=plane.convention), corresponds=corresponding(one, other),
        reciprocates=reciprocal(one, other), cosine=cosines(one, other), distance=distances(one, other),
        row_id=cohort.moves.row_id, provenance=plane.provenance())


def complementary_share(cohort: Cohort, placement: Placement | str | Path, *, convention: Convention | str,
                        lag: int = 1, kind: str = Fit.COMPLEMENTARY) -> Callable[[Array], float | None]:
    """Return a measure of some moves: the share of their pairs that are complementary; None where there is no pair.

    The moves are rows of one track, in order; pairs are those among them. For windows, see `around`.

    Parameters
    ----------
    kind : Fit, "correspondence" or "reciprocity"
        The share of another kind of pair that the convention tells apart, or of those that correspond on affiliation,
        or are reciprocal on control, on one plane whatever the convention.

    Raises
    ------
    RecordError
        Where the convention has no such kind, or the cohort was coded with another codebook.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move
    >>> moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
    ...          for at, (party, code) in enumerate([("therapist", "1-5"), ("client", "2-5"), ("therapist", "1-6")])]
    >>> cohort = Cohort.of(moves, coding=Coding(codebook=load_codebook("sasb")))
    >>> share = complementary_share(cohort, "sasb", convention="sasb")
    >>> share(np.array([0, 1, 2])), share(np.array([1]))
    (0.5, None)
    """
    at, whose = positions(cohort, placement), as_convention(convention)
    holds = _holds(kind, whose)
    places = Places(affiliation=at.affiliation, control=at.control, focus=at.focus)
    usable, stretch, party = usable_in(at, whose), unbroken(cohort), cohort.moves.party

    def share(rows: Array) -> float | None:
        held = rows[party[rows] != ABSENT_CODE]
        first, second = answer_pairs(party[held], unit=stretch[held], placed=usable[held], lag=lag)
        return float(holds(places.take(held[first]), places.take(held[second])).mean()) if len(first) else None

    return share


_ON_AXES: Final = {"correspondence": corresponding, "reciprocity": reciprocal}


def _holds(kind: str, convention: Convention) -> Callable[[Places, Places], Array]:
    """Return what tells of acts and answers whether they are of a kind."""
    known = (*FITS[convention], *_ON_AXES)
    if kind not in known:
        raise RecordError(f"kind is {kind!r:.80}; expected one of {listed(known)}{did_you_mean(str(kind), known)}",
                          field="kind", value=kind)
    if kind in _ON_AXES:
        return _ON_AXES[kind]
    return lambda one, other: fits(one, other, convention=convention) == FITS[convention].index(Fit(kind))


# --- over dyads -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, repr=False)
class Complementarity:
    """How often answers fit at one lag, by one convention, and how far beyond chance.

    Attributes
    ----------
    convention : Convention
        Whose complementarity is meant.
    lag : int
        How many turns of the other lie between act and answer, the answering one counted.
    responder : str or None
        Whose answers were looked at; None for both parties'.
    shares : mapping of Fit to Estimate
        The share of pairs of each kind, the mean over dyads.
    gain : Estimate or None
        The complementary share less its mean under the null, dyad by dyad: the one to compare, and the one that is
        tested. None where no test was asked for.
    correspondence, reciprocity : Estimate
        The share of pairs with one sign on affiliation, and with opposite signs on control, on one plane whatever the
        convention. By the convention of Kiesler a pair is complementary where both hold.
    cosine, distance : Estimate
        The continuous form, on one plane whatever the convention: `cosines`, and `distances` in degrees.
    counts : mapping of Fit to int
        Pairs of each kind, over all dyads.
    over_orders : tuple of two floats or None
        The complementary share with the first party first, and with the second first, wherever both move at one
        instant: how much an order decides that nobody recorded. None where that order leaves no pair.
    left_out : mapping of str to int
        What gave no pair, by reason.
    """

    convention: Convention
    lag: int
    responder: str | None
    shares: Mapping[Fit, Estimate]
    gain: Estimate | None
    correspondence: Estimate
    reciprocity: Estimate
    cosine: Estimate
    distance: Estimate
    counts: Mapping[Fit, int]
    over_orders: tuple[float | None, float | None]
    left_out: Mapping[str, int]

    @property
    def rate(self) -> Estimate:
        """The share of pairs that are complementary."""
        return self.shares[Fit.COMPLEMENTARY]

    def __repr__(self) -> str:
        gain = "" if self.gain is None else f", gain {self.gain.value:+.3f}, {self.gain.test!r}"
        return f"Complementarity({self.convention}, lag {self.lag}, {self.rate.value:.3f}{gain})"

    def __str__(self) -> str:
        first, second = ("no pair" if share is None else f"{share:.4g}" for share in self.over_orders)
        kinds = [f"{kind}: {n:,} pairs, share {self.shares[kind].value:.4g}" for kind, n in self.counts.items()]
        return "\n".join([
            self.rate.summary(), *([] if self.gain is None else [self.gain.summary()]), *kinds,
            f"correspondence on affiliation: {self.correspondence.value:.4g}, reciprocity on control: "
            f"{self.reciprocity.value:.4g}",
            f"distance from the complement: {self.distance.value:.4g} degrees, cosine {self.cosine.value:.4g}",
            f"share where the first party goes first at one instant: {first}; where the second does: {second}",
            *(f"left out: {n:,} {why}" for why, n in self.left_out.items()), NO_NEED])

    def _repr_html_(self) -> str:
        return _html.printed(self)


def complementarity(cohort: Cohort, placement: Placement | str | Path, *, convention: Convention | str,
                    track: str | None = None, lag: int = 1, responder: str | None = None,
                    within: Episodes | None = None, rule: SegmentationRule | None = None,
                    tie_rule: TieRule | str = TieRule.AS_FILED, null: Null | str = Null.TURNS, draws: int = 999,
                    alternative: Alternative = "greater", alpha: float = 0.05, confidence: float = 0.95,
                    level: str | None = None, seed: int = 1) -> Complementarity:
    """Estimate how often answers fit the acts that they answer, and test that against chance.

    A dyad's share is its complementary pairs over its pairs, pooled over its sessions (or episodes); dyads count alike.
    Chance is what is left where each party's placed acts are exchanged among that party's own places of the session, so
    that how often each does what, and who moves when, is kept. That complementarity is found does not say who fits
    whom: both may follow a third thing.

    Parameters
    ----------
    convention : "kiesler" or "sasb"
        Whose complementarity is meant; there is no default, for they disagree.
    lag : int
        1 looks at the other's next turn, 2 at the next but one.
    responder : str or None
        Look at one party's answers only.
    within : Episodes or None
        Look inside episodes, and exchange inside them; `rule` then says what drew them, and what it looks at stays.
    null : "turns" or "runs"
        `runs` moves a party's runs of one place whole. Where people tend to go on as before, take that: two streams
        that only persist coincide more often than exchanged acts do, and `turns` rejects too often. The gain then
        warns.
    draws : int
        How many arrangements are drawn; 0 for no test and no gain.

    Raises
    ------
    NotEstimable
        Where a party has no placed move, no pair is found at this lag, or each party stands at one place only.
    NotEnoughData
        Where no p at or below alpha is attainable.
    RecordError
        Where an argument is none of those allowed, or the cohort was coded with another codebook.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move
    >>> said = ["1-5", "2-5", "1-2", "2-2", "1-4", "2-1", "1-3", "2-3", "1-2", "2-2"]
    >>> moves = [Move(dyad="D1", session=1, track="r1", party="client" if at % 2 else "therapist", code=code, onset=at,
    ...               row_id=at) for at, code in enumerate(said)]
    >>> cohort = Cohort.of(moves, coding=Coding(codebook=load_codebook("sasb")))
    >>> found = complementarity(cohort, "sasb", convention="sasb", responder="client")
    >>> found.rate.value, found.gain.test.p < 0.05
    (0.8, True)
    """
    plane = plane_of(cohort, placement, convention=convention, track=track)
    stream = plane.checked(stream_of(cohort, plane.track, within=within, rule=rule))
    whom, order, chance = plane.responder(responder), as_tie_rule(tie_rule), _checked_null(null)
    acts = plane.acts(stream.ordered(order, plane.parties))
    pairs = _counted(acts, plane.convention, *acts.pairs(lag, whom))
    if not len(pairs.fit):
        raise NotEstimable(f"no placed move is answered by a placed move at lag {lag}"
                           + (f" by the {responder}" if responder else ""))
    make = functools.partial(_estimate, plane, pairs, lag=lag, responder=responder, confidence=confidence, level=level,
                             seed=seed)
    gain = None if draws == 0 else _gain(make, pairs, convention=plane.convention, null=chance, seed=seed, draws=draws,
                                         alternative=alternative, alpha=alpha)
    fit = FITS[plane.convention]
    return Complementarity(
        convention=plane.convention, lag=lag, responder=responder, gain=gain,
        shares={kind: make(f"share of {kind} pairs", pairs.shares(at), bounds=(0.0, 1.0))
                for at, kind in enumerate(fit)},
        correspondence=make("share of pairs corresponding on affiliation", pairs.means(corresponding),
                            bounds=(0.0, 1.0)),
        reciprocity=make("share of pairs reciprocal on control", pairs.means(reciprocal), bounds=(0.0, 1.0)),
        cosine=make("cosine between answer and complement", pairs.means(cosines), bounds=(-1.0, 1.0)),
        distance=make("degrees between answer and complement", pairs.means(distances), bounds=(0.0, 180.0)),
        counts={kind: int((pairs.fit == at).sum()) for at, kind in enumerate(fit)},
        left_out=_left_out(pairs, lag, whom),
        over_orders=(_share_in(plane, stream, lag, whom, TieRule.FIRST_PARTY_FIRST),
                     _share_in(plane, stream, lag, whom, TieRule.SECOND_PARTY_FIRST)))


def _share_in(plane: Plane, stream: Stream, lag: int, whom: int | None, order: TieRule) -> float | None:
    """Return the complementary share with the moves of each instant in some order."""
    acts = plane.acts(stream.ordered(order, plane.parties))
    pairs = _counted(acts, plane.convention, *acts.pairs(lag, whom))
    return pairs.mean(0) if len(pairs.fit) else None


def complementarity_by_lag(cohort: Cohort, placement: Placement | str | Path, *, convention: Convention | str,
                           lags: Iterable[int], **more: Any) -> tuple[Complementarity, ...]:
    """Estimate complementarity at several lags; `more` is what `complementarity` takes besides.

    That is one test a lag: adjust the p-values (`inference.multiplicity`), or name one lag beforehand.

    Raises
    ------
    NotEstimable
        Where some lag gives no pair.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move
    >>> moves = [Move(dyad="D1", session=1, track="r1", party="client" if at % 2 else "therapist", code=code, onset=at,
    ...               row_id=at) for at, code in enumerate(["1-5", "2-1", "1-1", "2-5", "1-2", "2-1"])]
    >>> cohort = Cohort.of(moves, coding=Coding(codebook=load_codebook("sasb")))
    >>> found = complementarity_by_lag(cohort, "sasb", convention="sasb", lags=(1, 2), responder="client", draws=0)
    >>> [one.rate.value for one in found]
    [0.0, 1.0]
    """
    return tuple(complementarity(cohort, placement, convention=convention, lag=lag, **more) for lag in lags)


@attrs.frozen(kw_only=True, eq=False)
class _Pairs:
    """The pairs of a stream with what they belong to; every float is made from sums over one dyad."""

    acts: Acts
    first: Whole
    second: Whole
    fit: Array
    dyad: tuple[str, ...]

    def sums(self, values: Array) -> Counts:
        """Return the sum of whole numbers, one a pair, by dyad."""
        return Counts.of(self.dyad, values)

    def shares(self, kind: int) -> dict[str, float]:
        """Return for each dyad the share of its pairs that are of a kind."""
        hits, pairs = self.sums(self.fit == kind), self.sums(np.ones(len(self.fit), dtype=np.int64))
        return dict(zip(hits.keys, (hits.values / pairs.values).tolist(), strict=True))

    def mean(self, kind: int) -> float:
        """Return the mean over dyads of that share."""
        shares = self.shares(kind)
        return math.fsum(shares.values()) / len(shares)

    def means(self, formula: Callable[[Places, Places], Array]) -> dict[str, float]:
        """Return for each dyad the mean of a formula over its pairs."""
        kinds, content = self.acts.kinds, self.acts.content
        held: dict[str, list[float]] = {}
        values = formula(kinds.take(content[self.first]), kinds.take(content[self.second])).tolist()
        for dyad, value in zip(self.dyad, values, strict=True):
            held.setdefault(dyad, []).append(value)
        return {dyad: math.fsum(values) / len(values) for dyad, values in sorted(held.items())}


def _counted(acts: Acts, convention: Convention, first: Whole, second: Whole) -> _Pairs:
    one, other = acts.kinds.take(acts.content[first]), acts.kinds.take(acts.content[second])
    held = acts.stream
    return _Pairs(acts=acts, first=first, second=second, fit=fits(one, other, convention=convention),
                  dyad=tuple(held.dyads[unit] for unit in held.unit[first].tolist()))


@attrs.frozen(kw_only=True, eq=False)
class _Unit:
    """What one session or episode gives to the statistic: its pairs, by place, and what is exchanged in it."""

    dyad: str
    content: Array
    first: Array
    second: Array
    exchanges: tuple[Exchange, ...]

    def ways(self) -> int:
        """Return how many different arrangements of contents there are."""
        return math.prod(arrangement_count(one, self.content) for one in self.exchanges)

    def hits(self, table: Array, *, null: Null, seed: int, start: int, count: int) -> Array:
        """Return how many pairs are complementary under each of some arrangements."""
        laid = rearranged(self.exchanges, self.content, seed=seed, null=null, start=start, count=count)
        return np.asarray(table[laid[self.first], laid[self.second]].sum(axis=0, dtype=np.int64))


def _units(pairs: _Pairs, null: Null) -> list[_Unit]:
    """Return the units that hold pairs; arrangements of others change nothing."""
    acts, found = pairs.acts, []
    unit = acts.stream.unit[pairs.first]
    edges = np.searchsorted(unit, np.arange(len(acts.stream.names) + 1))
    for at, (here, made) in enumerate(acts.exchanged(null)):
        low, high = edges[at : at + 2].tolist()
        if low < high:
            found.append(_Unit(dyad=acts.stream.dyads[at], content=acts.content[here],
                               first=pairs.first[low:high] - here.start, second=pairs.second[low:high] - here.start,
                               exchanges=tuple(made)))
    return found


def _gain(make: Callable[..., Estimate], pairs: _Pairs, *, convention: Convention, null: Null, draws: int,
          alternative: Alternative, alpha: float, seed: int) -> Estimate:
    """Return the complementary share less its mean under the null, with the test; arrangements as in `inference`."""
    units, kinds = _units(pairs, null), pairs.acts.kinds
    ways = math.prod(unit.ways() for unit in units)
    if ways == 1:
        raise NotEstimable("wherever there are pairs, each party's placed moves stand at one place, so there is "
                           "nothing to exchange and no chance to compare with; draws=0 gives the shares alone")
    every = np.arange(len(kinds.affiliation))
    table = fits(kinds.take(every[:, None]), kinds.take(every[None, :]), convention=convention) == 0
    n = pairs.sums(np.ones(len(pairs.fit), dtype=np.int64))
    drawn: list[Array] = []

    def statistic(start: int, count: int) -> Floats:
        hits = [unit.hits(table, null=null, seed=seed, start=start, count=count) for unit in units]
        drawn.append(Counts.of([unit.dyad for unit in units], np.stack(hits)).values)
        return np.asarray((drawn[-1] / n.values[:, None]).sum(axis=0) / len(n.values))

    test = permutation_test(pairs.mean(0), statistic, null=null, seed=seed, draws=draws, alpha=alpha,
                            n_arrangements=min(ways, 10**18), alternative=alternative)
    expected = np.concatenate(drawn, axis=1).sum(axis=1) / (n.values * test.draws)
    gained = {dyad: share - chance for (dyad, share), chance in zip(pairs.shares(0).items(), expected.tolist(),
                                                                    strict=True)}
    made = make("gain over the null in the share of complementary pairs", gained, bounds=(-1.0, 1.0))
    return attrs.evolve(made, test=attrs.evolve(test, holds=_HOLDS[null]),
                        warnings=(*made.warnings, *(_repeat_warning(units) if null is Null.TURNS else ())))


def _repeat_warning(units: Iterable[_Unit]) -> tuple[str, ...]:
    """Return a warning where parties go on as before more often than exchanged acts would, by over two deviations.

    Of n acts of a party in a session, of which n_c are of kind c, sum n_c (n_c - 1) / n repeat the one before when they
    are exchanged; sums over sessions and parties are taken to vary about as much as counts do.
    """
    repeats, expected = 0, 0.0
    for content in (unit.content[one.places] for unit in units for one in unit.exchanges if one.n_items):
        counts = np.unique(content, return_counts=True)[1]
        repeats += int((content[1:] == content[:-1]).sum())
        expected += float((counts * (counts - 1)).sum()) / len(content)
    if repeats <= expected + 2 * math.sqrt(expected):
        return ()
    return (f"the parties go on as before {repeats:,} times, against {expected:.0f} where their acts are exchanged: "
            "streams that only persist then seem to fit, and this test rejects too often; take null=\"runs\"",)


_HOLDS: Final = {
    Null.TURNS: "who moves when is kept, and what has no place; what each party does is exchanged among that party's "
                "other placed moves of the session or episode, but for moves that the segmentation rule looks at",
    Null.RUNS: "as turns, but a party's runs of one place are moved whole",
}


def _checked_null(null: Null | str) -> Null:
    if null not in _HOLDS:
        raise RecordError(f"null is {null!r:.40}; expected turns or runs: the others change who moves when, and with "
                          "it what is paired", field="null", value=null)
    return Null(null)


def _estimate(plane: Plane, pairs: _Pairs, what: str, values: Mapping[str, float], *, bounds: tuple[float, float],
              lag: int, responder: str | None, confidence: float, level: str | None, seed: int) -> Estimate:
    held = pairs.acts.stream
    whose = "" if responder is None else f", answers of the {responder}"
    return mean_over_dyads(
        plane, values, what=f"{what} (complementarity after {plane.convention}, lag {lag}{whose})", bounds=bounds,
        n={held.over: len(np.unique(held.unit[pairs.first])), "pairs of moves": len(pairs.fit)},
        confidence=confidence, level=level, seed=seed, warned=order_warning(held, see="see over_orders"))


def _left_out(pairs: _Pairs, lag: int, responder: int | None) -> dict[str, int]:
    acts = pairs.acts
    asked = acts.placed if responder is None else acts.placed & (acts.stream.party != responder)
    counted = {"moves whose party is not recorded": acts.stream.unknown,
               "moves that are no placed act towards the other": int((~acts.placed).sum()),
               "placed moves without a placed answer at this lag": int(asked.sum()) - len(pairs.fit),
               "dyads without a pair": len(set(acts.stream.dyads) - set(pairs.dyad))}
    return {why: n for why, n in counted.items() if n}
