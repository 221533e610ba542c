"""How often a rule would be fulfilled if moves came in any order, and how much more often it is.

The share is fulfilled activations of all that were decided. Chance is the same share where moves are exchanged within
their episode, as a named null says, over the places and times at which moves were made; what segmentation looks at is
held. Lift is the one over the other: 1 is no more than chance.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._kernels.rules import WHEN, settled
from rupturekit._table import Array
from rupturekit.conformance.rules_checked import (
    CompiledRule,
    LineOfTime,
    RuleChecks,
    RuleTotal,
    compiled,
    line_of_time,
    who_said_what,
)
from rupturekit.errors import NotEstimable, RecordError
from rupturekit.inference.clusters import Clustering, clustering_of
from rupturekit.inference.estimate import Estimate, or_reason
from rupturekit.inference.held import held_moves
from rupturekit.inference.jackknife import jackknifed
from rupturekit.inference.nulls import HOLDS, Exchange, Null, arrangement_count, batches, exchanges, rearranged
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.inference.permutation import Alternative, permutation_test
from rupturekit.kinds import blocks_of
from rupturekit.provenance import Provenance
from rupturekit.segmentation import SegmentationRule

__all__ = ["RuleLift", "RuleLifts", "rule_lifts"]

_MANY: Final = 10**18
"""Arrangements are not counted further: no p is as small as the inverse."""

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Symbols = npt.NDArray[np.uint8]


@attrs.frozen(kw_only=True)
class RuleLift:
    """How often a rule is fulfilled, how often by chance, and how much more.

    Attributes
    ----------
    share : Estimate
        Fulfilled activations of those decided, pooled within a dyad, mean over dyads; with the test of the null.
    chance : float
        The same under the null, mean over arrangements.
    lift : Estimate or str
        Share / chance, over the dyads that have both; or why there is none.
    """

    share: Estimate
    chance: float
    lift: Estimate | str

    def __str__(self) -> str:
        times = self.lift if isinstance(self.lift, str) else f"lift {_with_interval(self.lift)}"
        p = f"; p = {self.share.test.p:.3g} against {self.share.test.null!r}" if self.share.test else ""
        return f"{_with_interval(self.share)} fulfilled, {self.chance:.3f} by chance; {times}{p}"


def _with_interval(one: Estimate) -> str:
    held = "no interval" if one.interval is None else f"{one.interval[0]:.3f} to {one.interval[1]:.3f}"
    return f"{one.value:.3f} ({held}; {_html.counted(one.n['dyads'], 'dyad')})"


@attrs.frozen(kw_only=True, repr=False)
class RuleLifts:
    """What became of each rule, and how that compares with chance.

    Attributes
    ----------
    totals : tuple of RuleTotal
    lifts : mapping of rule to RuleLift, or the sentence that says why there is none
    fixed : int
        Episodes in which nothing can be exchanged; they count on both sides alike.
    left_out : mapping of str to int
    caveats : tuple of str
        What has to be known of how the episodes were drawn.
    """

    rules: str
    totals: tuple[RuleTotal, ...]
    lifts: Mapping[str, RuleLift | str]
    fixed: int
    left_out: Mapping[str, int]
    caveats: tuple[str, ...]
    provenance: Provenance = attrs.field(eq=False)

    def __repr__(self) -> str:
        held = sum(isinstance(lift, RuleLift) for lift in self.lifts.values())
        return f"RuleLifts({self.rules!r}: {held} of {len(self.totals)} rules compared with chance)"

    def lines(self) -> list[tuple[str, str]]:
        """Return the result as (title, text) pairs, several a rule."""
        said = []
        for total in self.totals:
            said += [(total.rule, f"{total.asks} ({total.evidence})"), ("  found", str(total).partition(": ")[2]),
                     ("  against chance", str(self.lifts[total.rule]))]
        return [*said, *(("left out", f"{n:,}, {why}") for why, n in self.left_out.items()),
                *([("episodes in which nothing can be exchanged", f"{self.fixed:,}, counted on both sides")]
                  if self.fixed else []), *(("beware", text) for text in self.caveats),
                ("does not show", "that a rule is good practice, nor that what followed came because of what was "
                                  "before; several rules are several tests")]

    def __str__(self) -> str:
        return "\n".join(f"{title}: {text}" for title, text in self.lines())

    def _repr_html_(self) -> str:
        rows = ((total.rule, total.asks, total.evidence, str(total).partition(": ")[2], str(self.lifts[total.rule]))
                for total in self.totals)
        return _html.page("RuleLifts", self.rules, _html.table(
            ("rule", "asks", "evidence", "found", "against chance"), rows))


def rule_lifts(checks: RuleChecks, rule: SegmentationRule, *, null: Null | str = Null.TURNS, draws: int = 999,
               seed: int = 1, level: str | None = None, confidence: float = 0.95,
               alternative: Alternative = "greater", alpha: float = 0.05) -> RuleLifts:
    """Compare how often each rule is fulfilled with how often it would be were moves in any order.

    share = fulfilled / (fulfilled + violated), pooled within a dyad, mean over dyads. Its p is that of the sharp null
    that no episode has any order (`inference.permutation`). lift = mean share / mean chance share, with a jackknife
    interval over clusters (Tukey 1958). Rules of existence, absence and not coexistence ask for no order, and get a
    sentence, as do all that these data cannot give.

    Parameters
    ----------
    rule : SegmentationRule
        The rule that drew the episodes: moves that it looks at stay where they are.
    null : Null
        What is exchanged; see `inference.nulls`.

    Raises
    ------
    RecordError
        Where there is nothing to draw.

    >>> import warnings
    >>> from rupturekit.conformance.rules_checked import check_rules
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = check_rules(segment(example_cohort(), WHOLE_SESSION, track="r1"), "resolution")
    >>> rule_lifts(held, WHOLE_SESSION, draws=99)
    RuleLifts('resolution': 7 of 10 rules compared with chance)
    """
    null = Null(null)
    if draws < 1:
        raise RecordError(f"expected at least 1 draw but got {draws!r:.40}", field="draws", value=draws)
    dyads = sorted({str(name) for name in checks.episodes.rows.words("dyad")})
    drawn = _Drawn.of(checks, rule, null=null, seed=seed, draws=draws, dyads=dyads)
    clustering = clustering_of(checks.cohort, level=level)
    made = attrs.evolve(checks.provenance, seed=seed, rules=(*checks.provenance.rules, f"null {null}"))
    lifts = {one.name: or_reason(functools.partial(
        _lift, checks, at, drawn, dyads=dyads, null=null, seed=seed, clustering=clustering, confidence=confidence,
        alternative=alternative, alpha=alpha, provenance=made)) for at, one in enumerate(checks.rules)}
    return RuleLifts(rules=checks.rules.name, totals=checks.totals(), lifts=lifts, fixed=drawn.fixed,
                     left_out=checks.left_out, caveats=checks.caveats, provenance=made)


def _lift(checks: RuleChecks, at: int, drawn: _Drawn, *, dyads: list[str], null: Null, seed: int,
          clustering: Clustering, confidence: float, alternative: Alternative, alpha: float, provenance: Provenance
          ) -> RuleLift:
    """Return what one rule amounts to against chance.

    Raises
    ------
    NotEstimable, NotEnoughData
    """
    rule = checks.rules.rules[at]
    _check_askable(checks, at, drawn.ways[at])
    shares = _shares(checks, at, dyads)
    observed = {dyad: float(share) for dyad, share in zip(dyads, shares.tolist(), strict=True) if not math.isnan(share)}
    chance = {dyad: float(share) for dyad, share in zip(dyads, drawn.chance[at].tolist(), strict=True)
              if dyad in observed and not math.isnan(share)}
    if not chance:
        raise NotEstimable("in no dyad was an activation decided both as observed and under some arrangement")
    values = drawn.means[at]
    test = permutation_test(
        math.fsum(observed.values()) / len(observed), lambda start, count: values[start : start + count], null=null,
        seed=seed, n_arrangements=drawn.ways[at], draws=len(values), alternative=alternative, alpha=alpha)
    n = {"episodes": int((checks.activations[at] > 0).sum()),
         "decided activations": int((checks.fulfilled[at] + checks.violated[at]).sum())}
    warned = (HOLDS[null],) if null is Null.FREE else ()
    share = over_dyads(observed, what=f"share of {rule.name!r} fulfilled", clustering=clustering, n=n, seed=seed,
                       confidence=confidence, bounds=(0.0, 1.0), warnings=(*warned, *_undecided(checks, at)), test=test,
                       provenance=provenance)
    lift = or_reason(functools.partial(
        jackknifed, functools.partial(_ratio, observed, chance), chance, what=f"lift of {rule.name!r}", n=n,
        clustering=clustering, confidence=confidence, bounds=(0.0, math.inf), provenance=provenance,
        assumptions=("every dyad counts alike, however long",
                     f"the mean over {test.draws:,} arrangements is taken for chance itself"), warnings=warned))
    return RuleLift(share=share, chance=math.fsum(chance.values()) / len(chance), lift=lift)


def _check_askable(checks: RuleChecks, at: int, ways: int) -> None:
    rule = checks.rules.rules[at]
    if rule.name in checks.unseen:
        raise NotEstimable(checks.unseen[rule.name])
    if not rule.kind.asks_each:
        kind = str(rule.kind).replace("_", " ")
        raise NotEstimable(f"a rule of {kind} asks for no order, and chance here is the order of moves alone")
    if not checks.activations[at].any():
        raise NotEstimable("nothing was asked: no episode has a move that meets `when`")
    if not (checks.fulfilled[at] + checks.violated[at]).any():
        raise NotEstimable("no activation was decided: every episode ended before the time was up")
    if ways < 2:
        raise NotEstimable("no exchange of moves changes what the rule looks at")


def _undecided(checks: RuleChecks, at: int) -> tuple[str, ...]:
    n, of = int(checks.undecided[at].sum()), int(checks.activations[at].sum())
    return (f"{n:,} of {of:,} activations are undecided and in no share",) if n else ()


def _shares(checks: RuleChecks, at: int, dyads: list[str]) -> Floats:
    """Return each dyad's share of decided activations that are fulfilled; NaN where none is decided."""
    place = {dyad: number for number, dyad in enumerate(dyads)}
    unit = np.array([place[str(name)] for name in checks.episodes.rows.words("dyad")], dtype=np.int64)
    held = [np.bincount(unit, weights=counts, minlength=len(dyads)) for counts in (
        checks.fulfilled[at], checks.fulfilled[at] + checks.violated[at])]
    return _quotient(*held)


def _quotient(above: Array, below: Array) -> Floats:
    return np.where(below > 0, above / np.maximum(below, 1), np.nan)


def _ratio(observed: Mapping[str, float], chance: Mapping[str, float], dyads: Collection[str]) -> float:
    below = math.fsum(chance[dyad] for dyad in dyads)
    if not below > 0:
        raise NotEstimable("by chance the rule is never fulfilled, so there is nothing to divide by")
    return math.fsum(observed[dyad] for dyad in dyads) / below


# --- drawn ------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, eq=False)
class _Episode:
    """One episode as it is rearranged: symbols by rule, where its moves stand in time, and what is exchanged."""

    symbols: tuple[Symbols, ...]
    time: LineOfTime
    stopped: bool
    exchanges: tuple[Exchange, ...]

    def __len__(self) -> int:
        return len(self.time.onset)

    def ways(self, at: int) -> int:
        """Return how many different arrangements of what one rule looks at there are."""
        if not (self.symbols[at] & WHEN).any():
            return 1
        return min(_MANY, math.prod(arrangement_count(one, self.symbols[at]) for one in self.exchanges))


@attrs.frozen(kw_only=True, eq=False)
class _Drawn:
    """What arrangements give.

    Attributes
    ----------
    means : float64, rules x arrangements
        The mean share over dyads that have one; NaN where none has.
    chance : float64, rules x dyads
        The mean share over arrangements in which the dyad has one; NaN where it never has.
    ways : for each rule, how many different arrangements there are at most
    fixed : int
        Episodes in which nothing can be exchanged.
    """

    means: Floats
    chance: Floats
    ways: tuple[int, ...]
    fixed: int

    @classmethod
    def of(cls, checks: RuleChecks, rule: SegmentationRule, *, null: Null, seed: int, draws: int, dyads: list[str]
           ) -> _Drawn:
        """Draw the arrangements of every episode, dyad by dyad."""
        asked = _asked(checks)
        sums, there = (np.zeros((len(checks.rules), draws)) for _ in range(2))
        chance = np.full((len(checks.rules), len(dyads)), np.nan)
        ways, fixed = [1] * len(checks.rules), 0
        whose = np.array(checks.episodes.rows.words("dyad"), dtype=object)
        for unit, dyad in enumerate(dyads):
            held = np.zeros((2, len(checks.rules), draws), dtype=np.int64)
            for one in _episodes(checks, np.flatnonzero(whose == dyad), rule, null=null, asked=asked):
                fixed += not any(exchange.n_items > 1 for exchange in one.exchanges)
                ways = [min(_MANY, many * one.ways(at)) for at, many in enumerate(ways)]
                _add(held, one, asked, seed=seed, null=null)
            share = _quotient(held[0], held[1])
            known = ~np.isnan(share)
            sums, there = sums + np.where(known, share, 0.0), there + known
            chance[:, unit] = _quotient(np.where(known, share, 0.0).sum(axis=1), known.sum(axis=1))
        return cls(means=_quotient(sums, there), chance=chance, ways=tuple(ways), fixed=fixed)


def _asked(checks: RuleChecks) -> tuple[CompiledRule | None, ...]:
    """Return the rules that are worth drawing for, each in its place."""
    return tuple(each if each.rule.kind.asks_each and checks.activations[at].any() else None
                 for at, each in enumerate(compiled(checks.rules, checks.cohort.coding)))


def _episodes(checks: RuleChecks, which: Whole, rule: SegmentationRule, *, null: Null,
              asked: tuple[CompiledRule | None, ...]) -> Iterator[_Episode]:
    cohort, episodes = checks.cohort, checks.episodes.take(which)
    party, code = (column[episodes.members] for column in (cohort.moves.party, cohort.moves.code))
    held = held_moves(cohort, episodes, rule) if null is not Null.FREE else np.zeros(len(party), dtype=bool)
    names, stopped = episodes.rows.words("episode"), checks.stopped[which].tolist()
    tables = [None if each is None else each.symbols(cohort) for each in asked]
    for block in blocks_of(episodes):
        time, places = line_of_time(cohort, episodes, block), who_said_what(cohort, block)
        symbols = [None if table is None else table.take(places) for table in tables]
        for at, (low, high) in enumerate(zip(block.offsets[:-1].tolist(), block.offsets[1:].tolist(), strict=True)):
            here = slice(low, high)
            whole = slice(block.span.start + low, block.span.start + high)
            made = exchanges(null, episode=str(names[block.low + at]), party=party[whole], content=code[whole],
                             held=held[whole])
            yield _Episode(
                symbols=tuple(np.zeros(high - low, dtype=np.uint8) if one is None else one[here] for one in symbols),
                time=LineOfTime(onset=time.onset[here], line=time.line[here], until=time.until[here]),
                stopped=stopped[block.low + at], exchanges=tuple(made))


def _add(held: Whole, one: _Episode, asked: tuple[CompiledRule | None, ...], *, seed: int, null: Null) -> None:
    """Add what the arrangements of one episode give, fulfilled and decided, to those of its dyad."""
    moving = [(at, each) for at, each in enumerate(asked) if each is not None and (one.symbols[at] & WHEN).any()]
    for start, count in batches(len(one), draws=held.shape[2] if moving else 0):
        source = rearranged(one.exchanges, np.arange(len(one), dtype=np.int32), seed=seed, null=null, start=start,
                            count=count)
        for at, each in moving:
            fulfilled, violated, _ = settled(each.count_laid(one.symbols[at][source], time=one.time),
                                             stopped=np.full(count, one.stopped))
            held[0, at, start : start + count] += fulfilled
            held[1, at, start : start + count] += fulfilled + violated
