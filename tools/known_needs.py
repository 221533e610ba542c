"""Hold the negotiation of needs to simulated studies whose truth is known: recovery, level with power, naive answers.

    python tools/known_needs.py recovery --runs 500 --json found.json
    python tools/known_needs.py level --runs 2000
    python tools/known_needs.py naive --runs 400

Run r uses seed r alone, so a check can be repeated to the last digit. What is found is printed as JSON, or written to
the file named; `long_checks.py` keeps it in `benchmarks/results`. The exit code is 1 where a promise is not kept.

In all of it every turn holds a move, so that turns on record are the turns that were made: a turn without an act holds
the code `sd-strain`, which carries none. Acts are those of the codes of `needs`; those of `stages` are left out of the
mapping.
"""

from __future__ import annotations

import functools
import itertools
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

import known
from rupturekit import _random
from rupturekit._kernels import open_claims as kernel
from rupturekit._table import Table
from rupturekit.cohort import Cohort
from rupturekit.episode import NeedStatement
from rupturekit.errors import CodingWarning, NotEnoughData, NotEstimable
from rupturekit.inference.calibration import MARGIN, Level, check_bias, check_level, share_error
from rupturekit.inference.estimate import NullTest
from rupturekit.negotiation.acts import NEEDS, ActMapping, mapping_of_codebook
from rupturekit.negotiation.imbalance import TOWARDS, RelatednessImbalance, communion_gap, relatedness_imbalance
from rupturekit.negotiation.match import match_after_end
from rupturekit.negotiation.measures import meeting_counts, responsiveness
from rupturekit.negotiation.order import needs_order
from rupturekit.negotiation.rearranging import held_turns
from rupturekit.negotiation.renewal import renewal_after_end
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
from rupturekit.negotiation.veil import veil
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import PARTIES, Design, NeedRates, stages_and_needs
from rupturekit.vocabulary import Layer, Need, NeedMode, NeedVerb

Array = Any
Rates = Mapping[str, float]
Outcome = NullTest | NotEstimable | NotEnoughData

QUIET = "sd-strain"
"""A code without an act: what a turn holds in which nothing is done about needs."""
AGENCY, COMMUNION = range(2)
AGENCY_FLAGS = 0b0101


def needs_mapping() -> ActMapping:
    """Return the acts of the codes of `needs` alone."""
    whole = mapping_of_codebook(stages_and_needs())
    return whole.without(*(code for code in whole.acts if code[:3] not in ("cl-", "gr-", "ct-", "yl-")))


MAPPING = needs_mapping()


def filled(client: Rates, therapist: Rates) -> dict[str, dict[str, float]]:
    """Return base rates under which every turn holds a code."""
    return {party: {**rates, QUIET: 1 - math.fsum(rates.values())}
            for party, rates in zip(PARTIES, (client, therapist), strict=True)}


WHOLE = SegmentationRule(name="whole session", opens=("withdrawal_marker",), gap=None)
RULES = {"whole session": WHOLE,
         "gap": SegmentationRule(name="gap", opens=("withdrawal_marker",), gap=150_000_000),
         "closing on a resolution": SegmentationRule(name="closing", opens=("withdrawal_marker",), gap=None,
                                                     closes_on=("self_assertion",))}


def studied(design: Design, *, seed: int, rule: SegmentationRule = WHOLE, mapping: ActMapping | None = MAPPING
            ) -> Negotiations:
    """Simulate a study, cut it and find its negotiations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        return negotiations(segment(simulate(design, seed=seed).cohort, rule), mapping=mapping)


def uniform(seed: int, purpose: str, count: int) -> Array:
    """Return numbers in [0, 1) that depend on the seed and on what they are for."""
    return _random.uniforms(_random.key(seed, cluster="known needs", purpose=purpose), count)


def normal(seed: int, purpose: str, count: int) -> Array:
    """Return standard normal numbers (Box & Muller)."""
    radius = np.sqrt(-2 * np.log1p(-uniform(seed, f"{purpose}, radius", count)))
    return radius * np.cos(2 * np.pi * uniform(seed, f"{purpose}, angle", count))


def silenced(table: Negotiations, which: Array) -> Negotiations:
    """Return the study with the code of some turns replaced by one without an act; each turn holds one move."""
    cohort, moves = table.cohort, table.cohort.moves
    code = moves.code.copy()
    code[table.turns.rows[which]] = moves.code_of("code", word=QUIET)
    changed: Cohort = attrs.evolve(cohort, moves=moves.replace(code=code))
    return negotiations(changed, mapping=table.turns.mapping)


def thinned(table: Negotiations, which: Array, *, share: float, seed: int) -> Negotiations:
    """Return the study with a share of some turns' acts taken out, each by itself."""
    return silenced(table, which & (uniform(seed, "thinning", len(which)) < share))


def flags_before(table: Negotiations) -> Array:
    """Return what is open when each turn begins."""
    found = np.zeros(len(table.turns), dtype=np.uint8)
    found[1:] = table.open[:-1]
    found[table.turns.offsets[:-1][np.diff(table.turns.offsets) > 0]] = 0
    return found


def before_the_first_end(table: Negotiations) -> Array:
    """Return which turns lie before the first end of their episode, or have none before them; the end's is one."""
    place = np.arange(len(table.turns)) - np.repeat(table.turns.offsets[:-1], np.diff(table.turns.offsets))
    first = table.first_end()[table.turns.run]
    return (first < 0) | (place <= first)


def acts_with(table: Negotiations, mask: int) -> Array:
    """Return which turns hold one of some acts, given as bits."""
    return (table.turns.acts & mask) != 0


def with_levels(table: Negotiations, levels: Mapping[str, Sequence[tuple[str, float]]]) -> Cohort:
    """Return the cohort with latent levels of communion, by episode: (party, level) pairs of one source."""
    dyads = dict(zip(table.turns.episodes.rows.words("episode"), table.turns.episodes.rows.words("dyad"), strict=True))
    rows = [NeedStatement(dyad=str(dyads[episode]), episode=episode, party=party, need=Need.COMMUNION,
                          mode=NeedMode.WANTED, level=level, layer=Layer.LATENT, source="interview")
            for episode, said in levels.items() for party, level in said]
    return attrs.evolve(table.cohort, needs=Table.of(NeedStatement, rows))


def latent(table: Negotiations, sizes: Array) -> RelatednessImbalance:
    """Return a latent imbalance of so much in each episode, the client's level above the therapist's."""
    names = map(str, table.turns.episodes.rows.words("episode"))
    return relatedness_imbalance(mode=NeedMode.WANTED, cohort=with_levels(table, {
        name: (("client", float(size)), ("therapist", 0.0)) for name, size in zip(names, sizes.tolist(), strict=True)}))


# --- recovery -------------------------------------------------------------------------------------------------------

Row = tuple[str, float, float, float]
"""A parameter, what was counted, what is expected of it, and the parameter itself."""

BOTH_CLAIM = Design(
    dyads=20, sessions=1, turns=(100, 100), switch=1.0, onset=1.0, base_rates=filled({}, {}),
    needs={"client": NeedRates(claim={"agency": 0.12, "communion": 0.08}, grant={"agency": 0.15, "communion": 0.10},
                               contest=0.05, give_up={"agency": 0.04, "communion": 0.06}),
           "therapist": NeedRates(claim={"agency": 0.05, "communion": 0.04}, grant={"agency": 0.25, "communion": 0.30},
                                  contest={"agency": 0.10, "communion": 0.02}, give_up=0.08)})
CLIENT_CLAIMS = Design(
    dyads=10, sessions=1, turns=(150, 150), switch=0.9, onset=1.0, base_rates=filled({}, {}),
    needs={"client": NeedRates(claim={"agency": 0.10}), "therapist": NeedRates(grant={"agency": 0.12})})
WAIT = 20
"""Turns of the other after which waiting for an end is counted no further."""
WARM = Design(dyads=20, sessions=3, turns=(40, 40), onset=0.05, order=0.0, base_rates=filled(
    {"cl-re": 0.15, "gr-re": 0.10, "cl-ag": 0.10}, {"gr-re": 0.25, "cl-re": 0.05, "gr-ag": 0.10}))
OWN_TURNS = 3
TAKEN = (0.6, 0.2)
"""Which share of each party's acts of communion is taken out within episodes."""
GAP = 1.2
IMBALANCE, BETWEEN, ERROR = 0.8, 1.0, 0.5
"""Latent difference: mean, and standard deviation between episodes; error of a rater, of whom there are two."""
VEILED = Design(dyads=30, sessions=20, turns=(20, 20), switch=1.0, onset=1.0, order=0.0, base_rates=filled({}, {}),
                needs={"client": NeedRates(claim={"agency": 0.3})})
SIZES = (0.0, 1.0, 2.0, 3.0)
KEPT = (0.4, 0.6, 0.8, 1.0)
"""Sizes of an imbalance, all alike often, and the share of claims that stand at each."""


def answered(table: Negotiations) -> Iterator[Row]:
    """Yield how often claims were met and contested at the other's next turn, which speaks after it for certain."""
    claims, needs = table.claims, BOTH_CLAIM.needs
    for (side, party), (at, need) in itertools.product(enumerate(table.parties), enumerate(NEEDS)):
        mine = (claims.party == side) & (claims.need == at) & (claims.answer != ANSWERS.index(Answer.CENSORED))
        for answer, verb in ((Answer.MET, NeedVerb.GRANT), (Answer.CONTESTED, NeedVerb.CONTEST)):
            rate = needs[PARTIES[1 - side]].of(verb, need=need)
            yield (f"{need} of the {party} {answer} at the next turn",
                   float((mine & (claims.answer == ANSWERS.index(answer))).sum()), rate * float(mine.sum()), rate)


def closed(table: Negotiations) -> Iterator[Row]:
    """Yield how often open claims are met a turn of the other, and given up a turn of one's own."""
    before, spells, needs = flags_before(table), table.spells, BOTH_CLAIM.needs
    for (side, party), (at, need) in itertools.product(enumerate(table.parties), enumerate(NEEDS)):
        is_open = before >> (2 * side + at) & 1 == 1
        mine = (spells.party == side) & (spells.need == at)
        for cause, who, verb in ((SpellEnd.MET, 1 - side, NeedVerb.GRANT), (SpellEnd.YIELDED, side, NeedVerb.YIELD)):
            rate = needs[PARTIES[who]].of(verb, need=need)
            closed_so = mine & (spells.cause == SPELL_ENDS.index(cause))
            yield (f"{need} of the {party}, {cause} a turn", float(closed_so.sum()),
                   rate * float((is_open & (table.turns.party == who)).sum()), rate)


def ending(table: Negotiations) -> Iterator[Row]:
    """Yield the hazards of the end and of a relapse, and how long the end is waited for."""
    turns, ends = table.turns, table.ends
    theirs, ours = turns.party == 1, turns.party == 0
    grant, claim = (CLIENT_CLAIMS.needs[party].of(verb, need=Need.AGENCY)
                    for party, verb in (("therapist", NeedVerb.GRANT), ("client", NeedVerb.CLAIM)))
    disputed = (flags_before(table) & AGENCY_FLAGS) != 0
    yield "end of the negotiation, a turn of the therapist", float(len(ends)), grant * float(
        (disputed & theirs).sum()), grant
    seen = np.concatenate([[0], np.cumsum(ours)])
    last = np.where(ends.relapse >= 0, ends.relapse, turns.offsets[ends.episode + 1] - 1)
    exposed = int((seen[last + 1] - seen[ends.turn + 1]).sum())
    yield "relapse, a turn of the client", float((ends.relapse >= 0).sum()), claim * exposed, claim
    yield _waiting(table, theirs, grant)


def _waiting(table: Negotiations, theirs: Array, grant: float) -> Row:
    """Return turns waited, at most WAIT each, of claims with so many turns of the other to follow."""
    spells = table.spells
    mine = spells.need == AGENCY
    begin, end, episode = spells.begin[mine], spells.end[mine], spells.episode[mine]
    seen = np.concatenate([[0], np.cumsum(theirs)])
    follow = seen[table.turns.offsets[episode + 1]] - seen[begin + 1]
    waited = np.where(end < 0, WAIT, seen[end + 1] - seen[begin + 1])[follow >= WAIT]
    expected = (1 - (1 - grant) ** WAIT) / grant
    return (f"turns until the end, at most {WAIT}", float(np.minimum(waited, WAIT).sum()), expected * len(waited),
            expected)


def manifest(seed: int) -> Iterator[Row]:
    """Yield the gap in communion within ruptures, as it is and where acts are taken out of them."""
    table = studied(WARM, seed=seed)
    rates = [math.fsum(rate for code, rate in (WARM.base_rates or {})[party].items() if code in ("cl-re", "gr-re"))
             for party in PARTIES]
    toward = acts_with(table, TOWARDS)
    gone = np.array(TAKEN)[table.turns.party]
    taken = silenced(table, toward & (uniform(seed, "warmth", len(toward)) < gone))
    # A marker takes the place of whatever else a client's turn would have held.
    fewer = tuple(1 - share for share in TAKEN)
    for name, held, stays in (("as outside", table, (1.0, 1.0)), ("acts taken out", taken, fewer)):
        left = (stays[0] * (1 - WARM.onset), stays[1])
        truth = (left[0] - 1) * rates[0] - (left[1] - 1) * rates[1]
        yield f"gap in communion within ruptures, {name}", _gap_within(held), truth, truth


def _gap_within(table: Negotiations) -> float:
    """Return the mean gap after turns both of whose last own turns lie in the rupture and after its opening."""
    gap, turns = communion_gap(table, k=OWN_TURNS), table.turns
    place = np.array([gap.turn_of_row[row] for row in turns.rows.tolist()])
    start = np.repeat(turns.offsets[:-1], np.diff(turns.offsets))
    inside = gap.known[place]
    for side, needed in ((0, OWN_TURNS + 1), (1, OWN_TURNS)):    # the client's first turn is the opening
        seen = np.concatenate([[0], np.cumsum(turns.party == side)])
        inside &= seen[1:] - seen[start] >= needed
    return float(gap.gap[place][inside].mean())


def stated(seed: int) -> Iterator[Row]:
    """Yield the latent imbalance, where two raters of either party err with mean 0."""
    table = studied(attrs.evolve(WARM, dyads=10), seed=seed)
    names = [str(name) for name in table.turns.episodes.rows.words("episode")]
    client = IMBALANCE + BETWEEN * normal(seed, "imbalance", len(names))
    errors = ERROR * normal(seed, "raters", 4 * len(names)).reshape(-1, 4)
    rows = {name: [(PARTIES[at // 2], float((0.0 if at > 1 else level) + error)) for at, error in enumerate(wrong)]
            for name, level, wrong in zip(names, client.tolist(), errors.tolist(), strict=True)}
    found = relatedness_imbalance(with_levels(table, rows), mode=NeedMode.WANTED)
    yield "latent imbalance", math.fsum(one.difference for one in found.found) / len(found), IMBALANCE, IMBALANCE


def veiled(design: Design, *, seed: int) -> tuple[Negotiations, RelatednessImbalance]:
    """Return a study in which a claim stands with a probability that rises with the episode's imbalance."""
    table = studied(design, seed=seed)
    at = np.floor(len(SIZES) * uniform(seed, "sizes", len(table))).astype(np.int64)
    claimed = acts_with(table, kernel.act_bit(kernel.CLAIM, AGENCY))
    gone = claimed & (uniform(seed, "veil", len(claimed)) >= np.array(KEPT)[at][table.turns.run])
    return without_acts(table, gone), latent(table, np.array(SIZES)[at])


def without_acts(table: Negotiations, which: Array) -> Negotiations:
    """Return the study without the acts of some turns, where an act stands beside the turn's other code."""
    moves = table.cohort.moves
    acting = np.isin(moves.code, [moves.code_of("code", word=code) for code in MAPPING.acts
                                  if code in moves.levels["code"]])
    members, turn_of = table.turns.episodes.members, table.turns.turn_of
    gone = np.zeros(len(moves), dtype=bool)
    gone[members[which[turn_of]]] = True
    code = moves.code.copy()
    code[gone & acting] = moves.code_of("code", word=QUIET)
    return negotiations(attrs.evolve(table.cohort, moves=moves.replace(code=code)), mapping=MAPPING)


def veil_built_in(design: Design) -> float:
    """Return the correlation of size with the number of claims, which is binomial given the size.

    An episode holds half the turns of a session for the client, whoever begins.
    """
    tried, rate = design.turns[0] // 2, design.needs["client"].of(NeedVerb.CLAIM, need=Need.AGENCY)
    p, x = rate * np.array(KEPT), np.array(SIZES)
    covariance = tried * float(np.cov(x, p, bias=True)[0, 1])
    return covariance / math.sqrt(float(x.var()) * (tried * float((p * (1 - p)).mean()) + tried**2 * float(p.var())))


def association(seed: int) -> Iterator[Row]:
    """Yield the partial correlation of the veil."""
    found = veil(*veiled(VEILED, seed=seed), draws=19, seed=seed)
    truth = veil_built_in(VEILED)
    yield "veil: partial correlation within dyads", found.estimate.value, truth, truth


def unmoved(seed: int) -> Iterator[Row]:
    """Yield responsiveness in streams without order, where grants come whatever was claimed."""
    found = responsiveness(studied(UNORDERED, seed=seed), WHOLE, party="client", draws=99, seed=seed)
    yield "responsiveness where acts have no order", found.value, 0.0, 0.0


def recovered(seed: int) -> list[Row]:
    """Return all rows of one run."""
    both = studied(BOTH_CLAIM, seed=seed)
    return [*answered(both), *closed(both), *ending(studied(CLIENT_CLAIMS, seed=seed)), *manifest(seed), *stated(seed),
            *association(seed), *unmoved(seed)]


def recovery(runs: int) -> dict[str, Any]:
    """Return how far each count is from what is expected of it, over runs, in Monte Carlo standard errors.

    A rate is held to its truth through its numerator: events minus rate * turns at risk have mean 0 whatever the
    number of turns, where events / turns at risk have not. `estimate` is the rate over all runs together.
    """
    held = [{name: rest for name, *rest in recovered(seed)} for seed in range(runs)]
    rows = {}
    for name, (_, _, parameter) in held[0].items():
        found = check_bias(lambda seed, name=name: (held[seed][name][0], held[seed][name][1]), range(runs))
        counted, expected = (math.fsum(one[name][at] for one in held) for at in (0, 1))
        rows[name] = {"true": parameter, "estimate": parameter * counted / expected if expected else counted / runs,
                      "expected a run": expected / runs, "bias": found.bias, "error": found.error,
                      "z": found.bias / found.error, "holds": found.holds}
    beyond = [name for name, row in rows.items() if not row["holds"]]
    return {"what": "responsiveness, ending times and imbalances of negotiations as the library finds them, against "
                    f"what was built in: bias in Monte Carlo standard errors (at most {MARGIN})", "n": runs,
            "parameters": len(rows), "beyond": beyond, "rows": rows, "kept": not beyond}


# --- level and power ------------------------------------------------------------------------------------------------

ACTS_OF_CLIENT = {"cl-ag": 0.12, "gr-ag": 0.08, "ct-ag": 0.03, "yl-ag": 0.04, "cl-re": 0.03, "gr-re": 0.04,
                  "ct-re": 0.02, "yl-re": 0.01, "self-assert": 0.03}
ACTS_OF_THERAPIST = {"cl-ag": 0.06, "gr-ag": 0.16, "ct-ag": 0.03, "yl-ag": 0.04, "cl-re": 0.02, "gr-re": 0.05,
                     "ct-re": 0.02, "yl-re": 0.01}
UNORDERED = Design(dyads=10, sessions=3, turns=(40, 40), onset=0.08, order=0.0,
                   base_rates=filled(ACTS_OF_CLIENT, ACTS_OF_THERAPIST))
ANYBODY_NEXT = attrs.evolve(UNORDERED, switch=0.5)    # who speaks is without order too, as `interleaving` says
DRAWS = 199
K, H = 2, 3
ENOUGH_POWER = 0.80

Test = Callable[[Negotiations, SegmentationRule, int], NullTest]


def _tested(test: NullTest | None) -> NullTest:
    assert test is not None
    return test


def order_test(table: Negotiations, rule: SegmentationRule, seed: int, *, null: str = "turns") -> NullTest:
    """Test whether agency comes first."""
    return _tested(needs_order(table, rule, null=null, draws=DRAWS, seed=seed, alternative="greater").estimate.test)


def renewal_test(table: Negotiations, rule: SegmentationRule, seed: int) -> NullTest:
    """Test whether relatedness is renewed rather after an end."""
    return _tested(renewal_after_end(table, rule, draws=DRAWS, seed=seed).estimate.test)


def match_test(table: Negotiations, rule: SegmentationRule, seed: int, *, k: int = K, h: int = H) -> NullTest:
    """Test whether match rises at the end."""
    return _tested(match_after_end(table, rule, k=k, h=h, draws=DRAWS, seed=seed).estimate.test)


def responsiveness_test(table: Negotiations, rule: SegmentationRule, seed: int) -> NullTest:
    """Test whether the client's claims are met more often than by chance."""
    return _tested(responsiveness(table, rule, party="client", draws=DRAWS, seed=seed).test)


def veil_test(table: Negotiations, rule: SegmentationRule, seed: int) -> NullTest:
    """Test whether a latent imbalance that was drawn without a look at the codes goes with claims of agency."""
    assert rule is not None
    sizes = 3 * uniform(seed, "sizes", len(table))
    return _tested(veil(table, latent(table, sizes), draws=DRAWS, seed=seed).estimate.test)


TESTS: Mapping[str, Test] = {
    "order, turns": order_test, "order, runs": functools.partial(order_test, null="runs"), "renewal": renewal_test,
    "match": match_test, "responsiveness": responsiveness_test, "veil": veil_test}


def outcome(test: Test, table: Negotiations, rule: SegmentationRule, seed: int) -> Outcome:
    """Return what a test gives, or its refusal."""
    try:
        return test(table, rule, seed)
    except (NotEstimable, NotEnoughData) as refusal:
        return refusal


def given(held: Sequence[Outcome], seed: int) -> NullTest:
    """Return the outcome of a run, raising it where it is a refusal."""
    found = held[seed]
    if isinstance(found, NullTest):
        return found
    raise found


def level(runs: int) -> dict[str, Any]:
    """Return how often each hypothesis is found where there is none, and where there is."""
    rows = [row for name, rule in RULES.items() for row in _levels(name, rule, runs)]
    power = [_power(name, runs=max(runs // 10, 20)) for name in EFFECTS]
    return {"what": "how often hypotheses on negotiations are found at .01, .05 and .10 in streams without order, by "
                    "segmentation rule and null, and mean mid-p; power at .05 at named effects",
            "n": runs, "dyads": UNORDERED.dyads, "sessions": UNORDERED.sessions, "turns": UNORDERED.turns[0],
            "draws": DRAWS, "k": K, "h": H, "rows": rows, "power": power,
            "kept": all(row["holds"] and row["centred"] for row in rows)
            and all(row["share"] >= ENOUGH_POWER for row in power)}


def _levels(name: str, rule: SegmentationRule, runs: int) -> Iterator[dict[str, Any]]:
    held: dict[str, list[Outcome]] = {test: [] for test in (*TESTS, "order, interleaving")}
    for seed in range(runs):
        table = studied(UNORDERED, seed=seed, rule=rule)
        for test, work in TESTS.items():
            held[test].append(outcome(work, table, rule, seed))
        apart = functools.partial(order_test, null="interleaving")
        held["order, interleaving"].append(outcome(apart, studied(ANYBODY_NEXT, seed=seed, rule=rule), rule, seed))
    for test, found in held.items():
        yield {"rule": name, "test": test, **said_of(check_level(functools.partial(given, found), range(runs)))}


def said_of(found: Level) -> dict[str, Any]:
    """Return a level as plain values."""
    return {"runs": found.n, "refused": dict(found.refused),
            "rejected": {f"{alpha:g}": share for alpha, share in found.rejected.items()}, "mid_p": found.mid_p,
            "mid_p_error": found.mid_p_error, "holds": all(map(found.holds, found.rejected)), "centred": found.centred}


@attrs.frozen(kw_only=True)
class Effect:
    """An effect: how it is built in, on which design, and the test that is to find it."""

    says: str
    design: Design
    made: Callable[[Design, int], Negotiations | tuple[Negotiations, RelatednessImbalance]]
    test: Callable[[Any, int], NullTest]


def _in_order(design: Design, seed: int) -> Negotiations:
    """Take acts of communion out of the first half of every episode, and of agency out of the second."""
    table = studied(design, seed=seed)
    turns = table.turns
    place = np.arange(len(turns)) - np.repeat(turns.offsets[:-1], np.diff(turns.offsets))
    late = 2 * place >= np.repeat(np.diff(turns.offsets), np.diff(turns.offsets))
    agency = acts_with(table, 0b01010101)
    return thinned(table, np.where(late, agency, acts_with(table, 0b10101010)), share=0.3, seed=seed)


def _renewed_late(design: Design, seed: int) -> Negotiations:
    """Take claims and grants of communion out of all turns at which the negotiation has not ended."""
    table = studied(design, seed=seed)
    before = flags_before(table)
    ended = ~before_the_first_end(table) & ((before & AGENCY_FLAGS) == 0)
    return thinned(table, ~ended & acts_with(table, TOWARDS), share=0.7, seed=seed)


def _matched_late(design: Design, seed: int) -> Negotiations:
    """Take the client's claims and grants of communion out of all turns up to the first end."""
    table = studied(design, seed=seed)
    mine = table.turns.party == 0
    return silenced(table, mine & before_the_first_end(table) & acts_with(table, TOWARDS))


def _veiled(design: Design, seed: int) -> tuple[Negotiations, RelatednessImbalance]:
    return veiled(design, seed=seed)


def _answering(design: Design, seed: int) -> Negotiations:
    return studied(design, seed=seed)


def _of_both(made: tuple[Negotiations, RelatednessImbalance], seed: int) -> NullTest:
    return _tested(veil(*made, draws=DRAWS, seed=seed).estimate.test)


def _whole(test: Callable[..., NullTest], **more: Any) -> Callable[[Any, int], NullTest]:
    """Return a test of studies cut to whole sessions."""
    return lambda table, seed: test(table, WHOLE, seed, **more)


EFFECTS: Mapping[str, Effect] = {
    "order": Effect(
        says="streams without order, of which, within every episode, three in ten acts of communion are taken out of "
             "the first half of the turns and three in ten acts of agency out of the second",
        design=attrs.evolve(UNORDERED, dyads=40), made=_in_order, test=_whole(order_test)),
    "renewal": Effect(
        says="streams without order, of which seven in ten claims and grants of communion are taken out at every turn "
             "of an episode at which the negotiation has not ended",
        design=attrs.evolve(UNORDERED, dyads=40), made=_renewed_late, test=_whole(renewal_test)),
    "match": Effect(
        says="streams without order in which half of the client's turns hold communion; up to the first end all of "
             "these are taken out of the episode (k = 2, h = 6)",
        design=Design(dyads=40, sessions=3, turns=(60, 60), onset=0.08, order=0.0, base_rates=filled(
            {"cl-ag": 0.15, "gr-re": 0.5}, {"gr-ag": 0.3, "gr-re": 0.2})),
        made=_matched_late, test=_whole(match_test, h=6)),
    "veil": Effect(
        says="claims of agency at 0.3 a turn of the client, of which 0.4, 0.6, 0.8 or all stand, by whether the size "
             "of the episode's imbalance is 0, 1, 2 or 3",
        design=attrs.evolve(VEILED, dyads=15, sessions=3), made=_veiled, test=_of_both),
    "responsiveness": Effect(
        says="the client claims agency at 0.1 a turn; the therapist grants it at 0.3 a turn while it is open, and "
             "never else; everything else is without order",
        design=Design(dyads=10, sessions=2, turns=(40, 40), onset=0.2, base_rates=filled({}, {}),
                      needs={"client": NeedRates(claim={"agency": 0.1}),
                             "therapist": NeedRates(grant={"agency": 0.3})}),
        made=_answering, test=_whole(responsiveness_test)),
}


def _power(name: str, *, runs: int) -> dict[str, Any]:
    effect = EFFECTS[name]
    found = check_level(lambda seed: effect.test(effect.made(effect.design, seed), seed), range(runs))
    share = found.rejected[0.05]
    design = effect.design
    return {"test": name, "effect": effect.says, "rule": WHOLE.name, "dyads": design.dyads,
            "sessions": design.sessions, "turns": design.turns[0], "runs": found.n, "share": share,
            "error": share_error(share, found.n), "refused": dict(found.refused)}


# --- naive answers --------------------------------------------------------------------------------------------------

YIELDING = Design(dyads=10, sessions=2, turns=(40, 40), onset=0.08, base_rates=filled({}, {}),
                  needs={party: NeedRates(claim={"agency": 0.12}, give_up={"agency": 0.15}) for party in PARTIES})
DENSE = attrs.evolve(UNORDERED, dyads=20, turns=(50, 50), base_rates=filled(
    {"cl-ag": 0.25, "gr-ag": 0.10, "ct-ag": 0.07, "yl-ag": 0.07, "cl-re": 0.12, "gr-re": 0.12, "ct-re": 0.05,
     "yl-re": 0.05}, {"cl-ag": 0.12, "gr-ag": 0.25, "ct-ag": 0.07, "yl-ag": 0.07, "cl-re": 0.10, "gr-re": 0.25,
                      "ct-re": 0.05, "yl-re": 0.05}))
ASSERTING = attrs.evolve(UNORDERED, dyads=20, base_rates=filled(
    {**ACTS_OF_CLIENT, "cl-re": 0.08, "self-assert": 0.08}, {**ACTS_OF_THERAPIST, "gr-re": 0.15}))
MANY = attrs.evolve(UNORDERED, dyads=20)
SHORT = attrs.evolve(UNORDERED, dyads=6, sessions=2, turns=(30, 30))
TALK = attrs.evolve(UNORDERED, dyads=15, sessions=3)
Counts = dict[str, float]


def false_repair(seed: int) -> Counts:
    """Count ends where nobody granted anything, and those that would be mutual were yielded counted as met."""
    table = studied(YIELDING, seed=seed)
    spells = kernel.spells(table.turns.party, table.turns.acts, run=table.turns.run)
    met = np.where(spells.cause == kernel.YIELDED, np.int8(kernel.MET), spells.cause)
    naive = kernel.closings(spells._replace(cause=met), offsets=table.turns.offsets)
    return {"ends": len(table.ends), "granted": float(acts_with(table, 0b1100).sum()),
            "mutual, yielded counted as met": float(((naive.claimed == 3) & ~naive.yielded).sum()),
            "mutual": float((table.ends.kind == END_KINDS.index(EndKind.MUTUAL)).sum())}


def free_order(seed: int) -> Counts:
    """Test order with every act counted and all moves shuffled, opening and closing ones too; and as shipped."""
    rule = RULES["closing on a resolution"]
    table = studied(ASSERTING, seed=seed, rule=rule, mapping=None)
    turns = table.turns
    masks = (0b01010101, 0b10101010)
    above, of = np.zeros(DRAWS + 1), 0.0
    for low, high in itertools.pairwise(turns.offsets.tolist()):
        held = turns.acts[low:high]
        keys = uniform(seed, f"shuffle {low}", DRAWS * len(held)).reshape(len(held), DRAWS)
        laid = np.concatenate([held[:, None], held[np.argsort(keys, axis=0)]], axis=1)
        agency, communion = (((laid & mask) != 0).astype(np.int16) for mask in masks)
        above += kernel.precede(agency, communion, instant=turns.instant[low:high]) / 2
        of += float(agency[:, 0].sum() * communion[:, 0].sum())
    upper = float((above >= above[0]).sum()) / (DRAWS + 1)
    lower = float((above <= above[0]).sum()) / (DRAWS + 1)
    shipped = outcome(order_both_ways, table, rule, seed)
    return {"naive": float(min(1.0, 2 * min(upper, lower)) <= 0.05), "share in order": above[0] / of,
            "shipped": _rejects(shipped), "given": float(isinstance(shipped, NullTest))}


def order_both_ways(table: Negotiations, rule: SegmentationRule, seed: int) -> NullTest:
    """Test whether agency comes first or last."""
    return _tested(needs_order(table, rule, draws=DRAWS, seed=seed).estimate.test)


def _rejects(found: Outcome) -> float:
    return float(isinstance(found, NullTest) and found.p <= 0.05)


def immortal(seed: int) -> Counts:
    """Compare renewal between episodes that ever ended and those that never did; and test it as shipped."""
    table = studied(MANY, seed=seed)
    ended = table.first_end() >= 0
    renews = acts_with(table, TOWARDS) & ~held_turns(table, WHOLE)
    renewed = np.bincount(table.turns.run[renews], minlength=len(table)) > 0
    a, b = (float((renewed & who).sum()) for who in (ended, ~ended))
    n, m = float(ended.sum()), float((~ended).sum())
    pooled = (a + b) / (n + m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)) if n and m else 0.0
    z = (a / n - b / m) / error if error else 0.0
    shipped = outcome(renewal_test, table, WHOLE, seed)
    return {"renewed, ever ended": a, "ever ended": n, "renewed, never ended": b, "never ended": m,
            "naive": float(z > 1.645), "shipped": _rejects(shipped), "given": float(isinstance(shipped, NullTest))}


def random_end(seed: int) -> Counts:
    """Test the rise of match with the end drawn at random from the episode's other turns; and as shipped."""
    table = studied(DENSE, seed=seed)
    p = _p_of_random_ends(table, seed)
    shipped = outcome(match_test, table, WHOLE, seed)
    return {"naive": float(p is not None and p <= 0.05), "naive given": float(p is not None),
            "shipped": _rejects(shipped), "given": float(isinstance(shipped, NullTest))}


def _p_of_random_ends(table: Negotiations, seed: int) -> float | None:
    gap, turns = communion_gap(table, k=K), table.turns
    place = np.array([gap.turn_of_row[row] for row in turns.rows.tolist()])
    match, total, used = gap.match, np.zeros(DRAWS + 1), 0
    for episode in np.flatnonzero(table.first_end() >= 0).tolist():
        low, high = turns.offsets[episode : episode + 2].tolist()
        rises = np.array([_rise(match, gap.known, gap.session, at) for at in place[low:high].tolist()])
        end = int(table.first_end()[episode])
        known = np.flatnonzero(~np.isnan(rises))
        if np.isnan(rises[end]) or len(known) < 2:
            continue
        drawn = known[np.floor(len(known) * uniform(seed, f"end {episode}", DRAWS)).astype(np.int64)]
        total += np.append(rises[end], rises[drawn])
        used += 1
    return float((total >= total[0] - 1e-12).sum()) / (DRAWS + 1) if used else None


def _rise(match: Array, known: Array, session: Array, at: int) -> float:
    """Return the mean of match over H turns after a turn minus that over H turns before it; NaN where not known."""
    before, after = slice(at - H, at), slice(at + 1, at + H + 1)
    if at < H or at + H >= len(match) or session[at - H] != session[at + H]:
        return math.nan
    if not (known[before].all() and known[after].all()):
        return math.nan
    return float(match[after].mean() - match[before].mean())


def one_source(seed: int) -> Counts:
    """Correlate claims of agency with an imbalance that is read off the same codes."""
    table = studied(DENSE, seed=seed)
    toward, run = acts_with(table, TOWARDS), table.turns.run
    shares = []
    for side in (0, 1):
        mine = table.turns.party == side
        of = np.bincount(run[mine], minlength=len(table))
        shares.append(np.bincount(run[mine & toward], minlength=len(table)) / np.maximum(of, 1))
    # Levels are of "communion shown", the larger the more is shown; the sum is what both show together.
    found = veil(table, latent(table, shares[0] + shares[1]), draws=DRAWS, seed=seed, alternative="two-sided").estimate
    apart = veil(table, latent(table, np.abs(shares[0] - shares[1])), draws=DRAWS, seed=seed,
                 alternative="two-sided").estimate
    return {"correlation with communion shown": found.value, "rejected": _rejects(_tested(found.test)),
            "correlation with its difference": apart.value, "rejected, difference": _rejects(_tested(apart.test))}


def talk(seed: int) -> Counts:
    """Compare meeting rates of two groups in one of which half of the therapists' turns are taken off the record."""
    groups = [studied(TALK, seed=2 * seed), less_talk(studied(TALK, seed=2 * seed + 1), seed)]
    rates, response = [], []
    for table in groups:
        counts = meeting_counts(table)
        rates.append(np.array([rate for one in counts.values() if (rate := one.rate(0)) is not None]))
        response.append(responsiveness(table, WHOLE, party="client", draws=99, seed=seed).value)
    spread = math.sqrt(sum(float(one.var(ddof=1)) / len(one) for one in rates))
    z = (float(rates[0].mean()) - float(rates[1].mean())) / spread
    return {"met": float(rates[0].mean()), "met, half the turns": float(rates[1].mean()), "naive": float(abs(z) > 1.96),
            "responsiveness": response[0], "responsiveness, half the turns": response[1]}


def less_talk(table: Negotiations, seed: int) -> Negotiations:
    """Return the study without half of the therapist's turns."""
    cohort, moves = table.cohort, table.cohort.moves
    stays = (moves.party != moves.code_of("party", word="therapist")) | (uniform(seed, "talk", len(moves)) < 0.5)
    shorter = Cohort.of(moves.take(np.flatnonzero(stays)), coding=cohort.coding, sessions=cohort.sessions,
                        dyads=cohort.dyads, observed=cohort.observed, tracks=cohort.tracks)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        return negotiations(segment(shorter, WHOLE), mapping=MAPPING)


NAIVE: Mapping[str, Callable[[int], Counts]] = {
    "yielded counted as met": false_repair, "free shuffle": free_order, "ever ended": immortal,
    "end drawn at random": random_end, "one source": one_source, "meeting rate and talk": talk}


def naive(runs: int) -> dict[str, Any]:
    """Return how far naive answers go wrong on streams without order, with what the shipped ones say on the same."""
    held = {name: [work(seed) for seed in range(runs)] for name, work in NAIVE.items()}
    sums = {name: {key: math.fsum(one[key] for one in found) for key in found[0]} for name, found in held.items()}
    errors = {name: {key: float(np.std([one[key] for one in found], ddof=1) / math.sqrt(runs)) for key in found[0]}
              for name, found in held.items()}
    rows = judged(sums, errors, runs)
    return {"what": "naive answers that the library does not give, on simulated studies without the effect in "
                    "question; n counts studies", "n": runs, "dyads": UNORDERED.dyads, "draws": DRAWS, "rows": rows,
            "kept": all(row["fails"] for row in rows.values())}


def judged(sums: Mapping[str, Counts], errors: Mapping[str, Counts], runs: int) -> dict[str, dict[str, Any]]:
    """Return for each naive answer its figures, and whether it fails as said."""
    def above(share: float, n: float) -> bool:
        return share > 0.05 + MARGIN * share_error(0.05, int(n))

    met, free, ever, ends, one, spoke = (sums[name] for name in NAIVE)
    rows: dict[str, dict[str, Any]] = {}
    rows["yielded counted as met"] = {
        "ends": int(met["ends"]), "grants": int(met["granted"]),
        "share mutual": met["mutual, yielded counted as met"] / met["ends"],
        "share mutual as shipped": met["mutual"] / met["ends"],
        "fails": met["mutual, yielded counted as met"] > 0 == met["mutual"] == met["granted"]}
    rows["free shuffle"] = _beside(free, runs, more={"share in order": free["share in order"] / runs}, above=above)
    shares = {"renewed, ever ended": ever["renewed, ever ended"] / ever["ever ended"],
              "renewed, never ended": ever["renewed, never ended"] / ever["never ended"]}
    rows["ever ended"] = _beside(ever, runs, more=shares, above=above)
    rows["end drawn at random"] = _beside(ends, int(ends["naive given"]), more={}, above=above)
    rows["one source"] = {
        "correlation with communion shown": one["correlation with communion shown"] / runs,
        "error": errors["one source"]["correlation with communion shown"], "rejected": one["rejected"] / runs,
        "correlation with its difference": one["correlation with its difference"] / runs,
        "error, difference": errors["one source"]["correlation with its difference"],
        "rejected, difference": one["rejected, difference"] / runs, "fails": above(one["rejected"] / runs, runs)}
    rows["meeting rate and talk"] = {
        **{key: spoke[key] / runs for key in spoke if key != "naive"}, "naive": spoke["naive"] / runs,
        "error of responsiveness": [errors["meeting rate and talk"][key] for key in
                                    ("responsiveness", "responsiveness, half the turns")],
        "fails": above(spoke["naive"] / runs, runs)}
    return rows


def _beside(sums: Counts, n: int, *, more: Mapping[str, float], above: Callable[[float, float], bool]
            ) -> dict[str, Any]:
    """Return rejections at .05 of a naive test and of the shipped one."""
    share = sums["naive"] / n
    return {"studies": n, "naive": share, "shipped": sums["shipped"] / sums["given"], **more, "fails": above(share, n)}


# --- running --------------------------------------------------------------------------------------------------------


CHECKS = {"recovery": recovery, "level": level, "naive": naive}


if __name__ == "__main__":
    sys.exit(known.run(CHECKS, sys.argv[1:], says=__doc__))
