"""What is simulated: how many, how long, how often, how strong; every field checked with a sentence."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import attrs

from rupturekit.codebooks import Codebook, as_codebook, load_codebook
from rupturekit.errors import NotEnoughData, RecordError, did_you_mean, listed
from rupturekit.state_machine import StateMachine, as_model, load_model
from rupturekit.vocabulary import Need, NeedVerb, Party, Perspective

__all__ = ["MOST_DYADS", "MOST_TURNS", "PARTIES", "Design", "NeedRates", "Score", "is_number", "stages_and_needs"]

PARTIES: Final = (Party.CLIENT.value, Party.THERAPIST.value)
MOST_DYADS: Final = 999_999
MOST_TURNS: Final = 100_000
"""Of one session."""


@functools.cache
def stages_and_needs() -> Codebook:
    """Return the packaged codebooks `stages` and `needs` as one.

    >>> "cl-ag" in stages_and_needs() and "wd" in stages_and_needs()
    True
    """
    stages, needs = load_codebook("stages"), load_codebook("needs")
    return attrs.evolve(stages, name="stages-and-needs", title="Stages of resolution, and acts on needs",
                        codes=(*stages.codes, *(code for code in needs.codes if code.code not in stages)))


# --- checks: each says what was found and what is allowed ----------------------------------------------------------


def _refuse(instance: object, field: str, wanted: str, value: object) -> NoReturn:
    raise RecordError(f"{type(instance).__name__}.{field}: expected {wanted} but got {value!r:.80}", field=field,
                      value=value)


def is_number(value: object) -> bool:
    """Return whether a value is a finite number, and no flag."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _share(instance: object, field: attrs.Attribute[Any], value: Any) -> None:
    if not is_number(value) or not 0 <= value <= 1:
        _refuse(instance, field.name, "a probability from 0 to 1", value)


def _finite(instance: object, field: attrs.Attribute[Any], value: Any) -> None:
    if not is_number(value):
        _refuse(instance, field.name, "a finite number", value)


def _spread(instance: object, field: attrs.Attribute[Any], value: Any) -> None:
    if not is_number(value) or not 0 <= value <= 100:
        _refuse(instance, field.name, "a standard deviation from 0 to 100", value)


def _whole(low: int, high: int) -> Any:
    """Return the check that a field is a whole number within limits."""

    def check(instance: object, field: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            _refuse(instance, field.name, f"a whole number from {low:,} to {high:,}", value)

    return check


def _range(low: int, high: int) -> Any:
    """Return the check that a field is a pair of whole numbers within limits, the smaller first."""

    def check(instance: object, field: attrs.Attribute[Any], value: Any) -> None:
        whole = isinstance(value, tuple) and len(value) == 2 and all(type(one) is int for one in value)
        if not whole or not low <= value[0] <= value[1] <= high:
            _refuse(instance, field.name, f"(least, most), whole numbers from {low:,} to {high:,}", value)

    return check


def _as_perspective(value: Any) -> Any:
    return Perspective(value) if value in tuple(Perspective) else value


def _perspective(instance: object, field: attrs.Attribute[Any], value: Any) -> None:
    if value not in tuple(Perspective):
        _refuse(instance, field.name, f"one of {listed(Perspective)}", value)


def _tables(instance: object, field: attrs.Attribute[Any], value: Any) -> None:
    """Check that a field is a mapping of mappings or of values of a class; absent is None."""
    if value is not None and not isinstance(value, dict):
        _refuse(instance, field.name, f"a mapping of {listed(PARTIES)}", value)


def _by_need(value: Any) -> Any:
    """Take one rate for both needs."""
    held = value if isinstance(value, Mapping) else dict.fromkeys(Need, value)
    return dict(held)


def _rates_of_needs(instance: object, field: attrs.Attribute[Any], value: Any) -> None:
    for need, rate in value.items():
        if need not in tuple(Need):
            _refuse(instance, field.name, f"rates of {listed(Need)}", need)
        _share(instance, field, rate)


# --- what is asked for ----------------------------------------------------------------------------------------------


def _need_rates() -> Any:
    return attrs.field(default=0.0, converter=_by_need, validator=_rates_of_needs)


@attrs.frozen(kw_only=True)
class NeedRates:
    """How one party acts on needs: probabilities per turn of that party, one number or one by need.

    Attributes
    ----------
    claim : of asserting an own need, whatever is open
    grant, contest : of meeting or rejecting a claim of the other's that is open; a contested claim stays open
    give_up : of giving up an own claim that is open, unmet
    """

    claim: Mapping[Need, float] = _need_rates()
    grant: Mapping[Need, float] = _need_rates()
    contest: Mapping[Need, float] = _need_rates()
    give_up: Mapping[Need, float] = _need_rates()

    def __attrs_post_init__(self) -> None:
        total = math.fsum(self.of(verb, need=need) for verb in NeedVerb for need in Need)
        if total > 1 + 1e-9:
            raise RecordError(f"NeedRates: the rates of all acts add up to {total:.6g}; a turn holds at most one act "
                              "on a need, so at most 1", field="claim", value=total)

    def of(self, verb: NeedVerb, *, need: Need) -> float:
        """Return the rate of one act, 0 where it is not said."""
        held = {NeedVerb.CLAIM: self.claim, NeedVerb.GRANT: self.grant, NeedVerb.CONTEST: self.contest,
                NeedVerb.YIELD: self.give_up}
        return float(held[verb].get(need, 0.0))

    @property
    def answers(self) -> bool:
        """Whether any act waits for a claim, so that acts have an order."""
        return any(self.of(verb, need=need) for verb in NeedVerb if verb is not NeedVerb.CLAIM for need in Need)


@attrs.frozen(kw_only=True)
class Score:
    """A score given to each session: mean + slope * share of the session's turns in rupture + dyad + noise.

    Attributes
    ----------
    dyad_sd, noise_sd : float
        Standard deviations between dyads and between sessions of one, in the units of the score.
    missing : float
        Share of sessions for which it was not filled in.
    """

    perspective: Perspective = attrs.field(default=Perspective.CLIENT, converter=_as_perspective,
                                           validator=_perspective)
    measure: str = "alliance"
    mean: float = attrs.field(default=5.0, validator=_finite)
    slope: float = attrs.field(default=-1.0, validator=_finite)
    dyad_sd: float = attrs.field(default=0.5, validator=_spread)
    noise_sd: float = attrs.field(default=0.5, validator=_spread)
    missing: float = attrs.field(default=0.0, validator=_share)


def _as_codebook(value: Codebook | str | Path) -> Codebook:
    return as_codebook(value)


def _first_model() -> StateMachine:
    return load_model("withdrawal-2000")


def _as_model(value: StateMachine | str | Path) -> StateMachine:
    return as_model(value)


def _own(value: Any) -> Any:
    """Copy a mapping, so that nobody else holds it."""
    return dict(value) if isinstance(value, Mapping) else value


def _by_party(value: Any) -> Any:
    return {party: _own(held) for party, held in value.items()} if isinstance(value, Mapping) else value


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@attrs.frozen(kw_only=True)
class Design:
    """A study to simulate.

    Attributes
    ----------
    dyads, dyads_per_therapist : int
        How many; without the second no therapist is on record.
    sessions : int
        Sessions due of each dyad, seven days apart.
    turns : (least, most)
        Turns a session, all numbers between equally likely.
    turn_length : (least, most)
        Milliseconds a turn, all numbers between equally likely.
    switch : float
        Probability that the other party speaks next.
    model, codebook
        What a rupture goes through and how it is coded: values, names, or files. Default: the packaged `stages` and
        `needs` together.
    onset : float
        Probability that a turn outside a rupture, of a party who can make its opening marker, opens one.
    dwell : float or mapping of state to float
        Mean number of chances to leave a state until it is left; a chance is a turn that follows the model, of a
        party who has an arrow that leaves. Where both have one and `order` is 1, the mean number of turns; geometric.
    lapse : float
        Probability, at each turn in a rupture, that it has ended unrepaired before it.
    order : float
        Probability that a turn in a rupture follows the model; other turns, and all outside, draw from the base rates.
        With 0 contents have no order whatever: markers are made with probability `onset`, and nothing follows.
    base_rates : mapping of party to mapping of code to rate per turn, or None
        The rest of the turns holds no code. None: each party's codes of the model, openings apart, share 0.2 evenly.
    needs : mapping of party to NeedRates
        Acts on needs stand beside the turn's other code, as a second move at one instant.
    dyad_sd, therapist_sd : float
        Standard deviations of normal effects on the log-odds of `onset`; `onset` is then that of a middling dyad.
    scores : tuple of Score
    missed : float
        Share of sessions that do not take place; each leaves a context event without an explanation.
    dropout, dropout_after_rupture : float
        Probability after each session that no further one follows, and the log-odds added after a session that ended in
        an open rupture.
    cut : float
        Share of sessions whose recording stops early, after a turn all of which are equally likely.

    Raises
    ------
    RecordError
        Where a value is out of its range, or two contradict each other.
    NotEnoughData
        Without dyads; with an effect between units of which there is one.

    >>> Design(dyads=12, sessions=2, order=0).onset
    0.03
    """

    dyads: int = 20
    dyads_per_therapist: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(_whole(1, MOST_DYADS)))
    sessions: int = attrs.field(default=8, validator=_whole(1, 10_000))
    turns: tuple[int, int] = attrs.field(default=(40, 60), validator=_range(1, MOST_TURNS))
    turn_length: tuple[int, int] = attrs.field(default=(2_000, 20_000), validator=_range(1, 10_000_000))
    switch: float = attrs.field(default=0.9, validator=_share)
    model: StateMachine = attrs.field(factory=_first_model, converter=_as_model)
    codebook: Codebook = attrs.field(factory=stages_and_needs, converter=_as_codebook)
    onset: float = attrs.field(default=0.03, validator=_share)
    dwell: float | Mapping[str, float] = attrs.field(default=3.0, converter=_own)
    lapse: float = attrs.field(default=0.02, validator=_share)
    order: float = attrs.field(default=0.7, validator=_share)
    base_rates: Mapping[str, Mapping[str, float]] | None = attrs.field(
        default=None, converter=_by_party, validator=_tables)
    needs: Mapping[str, NeedRates] = attrs.field(factory=dict, converter=_own, validator=_tables)
    dyad_sd: float = attrs.field(default=0.0, validator=_spread)
    therapist_sd: float = attrs.field(default=0.0, validator=_spread)
    scores: tuple[Score, ...] = attrs.field(default=(), converter=_listed)
    missed: float = attrs.field(default=0.0, validator=_share)
    dropout: float = attrs.field(default=0.0, validator=_share)
    dropout_after_rupture: float = attrs.field(default=0.0, validator=_finite)
    cut: float = attrs.field(default=0.0, validator=_share)

    def __attrs_post_init__(self) -> None:
        _check_units(self)
        _check_dwell(self)
        _check_parties(self)
        _check_contradictions(self)

    @property
    def therapists(self) -> int:
        """How many therapists there are on record."""
        return 0 if self.dyads_per_therapist is None else -(-self.dyads // self.dyads_per_therapist)

    def dwell_in(self, state: str) -> float:
        """Return the mean number of chances until a state is left."""
        return float(self.dwell.get(state, 1.0)) if isinstance(self.dwell, Mapping) else float(self.dwell)


def _check_units(design: Design) -> None:
    try:
        count = operator.index(design.dyads)
    except TypeError:
        _refuse(design, "dyads", f"a whole number from 1 to {MOST_DYADS:,}", design.dyads)
    if count < 1:
        raise NotEnoughData(f"Design.dyads: a study without dyads has nothing to simulate; expected 1 or more but got "
                            f"{count}", needed=1, found=count)
    if count > MOST_DYADS:
        _refuse(design, "dyads", f"a whole number from 1 to {MOST_DYADS:,}", count)
    if design.dyad_sd and count < 2:
        raise NotEnoughData("Design.dyad_sd: how dyads differ cannot be seen in one; expected 2 or more dyads, or "
                            "dyad_sd = 0", needed=2, found=1)
    if design.therapist_sd and design.therapists < 2:
        raise NotEnoughData(f"Design.therapist_sd: how therapists differ cannot be seen in {design.therapists}; state "
                            "dyads_per_therapist so that there are 2 or more, or therapist_sd = 0", needed=2,
                            found=design.therapists)


def _check_dwell(design: Design) -> None:
    stated = dict(design.dwell) if isinstance(design.dwell, Mapping) else {"": design.dwell}
    for state, mean in stated.items():
        if state and state not in design.model.index:
            raise RecordError(f"Design.dwell: {design.model.name} has no state {state!r}"
                              f"{did_you_mean(state, design.model.index)}", field="dwell", value=state)
        if not is_number(mean) or not 1 <= mean <= 1_000_000:
            _refuse(design, "dwell", "a mean number of turns from 1 to 1,000,000", mean)


def _check_parties(design: Design) -> None:
    for field, held in (("base_rates", design.base_rates or {}), ("needs", design.needs)):
        for party in held:
            if party not in PARTIES:
                raise RecordError(f"Design.{field}: {party!r} is not one of {listed(PARTIES)}"
                                  f"{did_you_mean(str(party), PARTIES)}", field=field, value=party)
    stated_rates: Mapping[str, object] = design.base_rates or {}
    for party, rates in stated_rates.items():
        if not isinstance(rates, Mapping):
            _refuse(design, "base_rates", f"rates by code for the {party}", rates)
        _check_base(design, party, rates)
    stated: Mapping[str, object] = design.needs
    for party, acts in stated.items():
        if not isinstance(acts, NeedRates):
            _refuse(design, "needs", f"NeedRates for the {party}", acts)


def _check_base(design: Design, party: str, rates: Any) -> None:
    for code, rate in rates.items():
        allowed = design.codebook[code].parties
        if allowed and party not in allowed:
            raise RecordError(f"Design.base_rates: {code!r} is a code of the {listed(allowed)}, not of the {party}",
                              field="base_rates", value=code)
        if not is_number(rate) or not 0 <= rate <= 1:
            _refuse(design, "base_rates", f"a rate per turn from 0 to 1 for {code!r}", rate)
    total = math.fsum(rates.values())
    if total > 1 + 1e-9:
        raise RecordError(f"Design.base_rates: the rates of the {party} add up to {total:.6g}; a turn holds at most "
                          "one of these codes, so at most 1", field="base_rates", value=total)


def _check_contradictions(design: Design) -> None:
    random = design.dyad_sd or design.therapist_sd
    if random and not 0 < design.onset < 1:
        raise RecordError(f"Design.onset: dyads or therapists are to differ on its log-odds, which {design.onset:g} "
                          "does not have; expected a probability between 0 and 1", field="onset", value=design.onset)
    if design.dropout_after_rupture and not 0 < design.dropout < 1:
        raise RecordError("Design.dropout_after_rupture: adds to the log-odds of `dropout`, which "
                          f"{design.dropout:g} does not have; expected a probability between 0 and 1", field="dropout",
                          value=design.dropout)
    if design.order == 0 and any(acts.answers for acts in design.needs.values()):
        raise RecordError("Design.order: 0 asks for contents without any order, but acts that answer a claim come "
                          "after it; drop grant, contest and give_up, or set an order above 0", field="order", value=0)
    scores: object = design.scores
    if not isinstance(scores, tuple) or not all(isinstance(score, Score) for score in scores):
        _refuse(design, "scores", "values of Score", scores)
    elif len(scores) > 100:
        _refuse(design, "scores", "at most 100 scores", len(scores))
