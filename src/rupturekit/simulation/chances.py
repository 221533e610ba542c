"""A design as whole numbers: thresholds and tables that the chain looks things up in."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

import attrs
import numpy as np

from rupturekit._table import Array, freeze, held_state, set_closed
from rupturekit.codebooks import MARKERS, Codebook
from rupturekit.errors import NotEstimable, RecordError, listed
from rupturekit.simulation.design import PARTIES, Design
from rupturekit.simulation.draws import log_odds, logistic, threshold
from rupturekit.state_machine import StateMachine, Transition
from rupturekit.vocabulary import Need, NeedVerb

__all__ = ["ACTS", "Arrows", "Base", "Chances", "base_rates", "chances_of", "codes_of", "opening_codes"]

ACTS: Final = tuple(itertools.product(NeedVerb, Need))
"""Acts on needs in the order of their numbers: 2 * verb + need."""

_BASE_SHARE: Final = 0.2
"""What the codes of the model share where base rates are not stated."""


@attrs.frozen(kw_only=True, eq=False)
class Base:
    """One party's codes by base rate: a half below `edges[i]` and not below the edge before it gives `codes[i]`."""

    edges: Array
    codes: Array

    __getstate__ = held_state
    __setstate__ = set_closed


@attrs.frozen(kw_only=True, eq=False)
class Arrows:
    """Arrows by state and party, each with the codes that show it.

    Attributes
    ----------
    first, count : int64, states x parties
        Which of the arrows a party can take from a state.
    target : int64
        The state that each leads to.
    code_first, code_count : int64
        Which of `codes` show each.
    """

    first: Array
    count: Array
    target: Array
    code_first: Array
    code_count: Array
    codes: Array

    __getstate__ = held_state
    __setstate__ = set_closed


@attrs.frozen(kw_only=True, eq=False)
class Chances:
    """All that the chain needs, as whole numbers; codes and states by their places in `codes` and in the model."""

    codes: tuple[str, ...]
    dyads_per_therapist: int | None
    sessions: int
    turns: tuple[int, int]
    turn_length: tuple[int, int]
    switch: int
    onset: float
    dyad_sd: float
    therapist_sd: float
    initial: int
    is_end: Array
    openings: tuple[Array, Array]
    leaving: Arrows
    staying: Arrows
    advance: Array
    lapse: int
    order: int
    base: tuple[Base, Base]
    need_edges: Array | None
    missed: int
    dropout: tuple[int, int]
    cut: int

    __getstate__ = held_state
    __setstate__ = set_closed


def chances_of(design: Design) -> Chances:
    """Turn a design into whole numbers.

    Raises
    ------
    NotEstimable
        Where the model looks at time or ratings, has silent arrows, or the codebook shows no way to one of its ends.

    >>> chances_of(Design()).codes[-1]
    'yl-re'
    """
    model, book = design.model, design.codebook
    _check_model(model)
    codes = tuple(sorted(code.code for code in book.codes))
    leaving = _arrows(model, book, codes, staying=False)
    if design.order:
        _check_ends(model, leaving)
    after = design.dropout if not design.dropout_after_rupture else logistic(
        log_odds(design.dropout) + design.dropout_after_rupture)
    return Chances(
        codes=codes, dyads_per_therapist=design.dyads_per_therapist, sessions=design.sessions, turns=design.turns,
        turn_length=design.turn_length, switch=threshold(design.switch), onset=design.onset, dyad_sd=design.dyad_sd,
        therapist_sd=design.therapist_sd, initial=model.index[model.initial],
        is_end=freeze(np.array([state.end for state in model.states], dtype=bool)),
        openings=(_places(opening_codes(design, PARTIES[0]), codes), _places(opening_codes(design, PARTIES[1]), codes)),
        leaving=leaving, staying=_arrows(model, book, codes, staying=True),
        advance=_whole(threshold(1 / design.dwell_in(state.name)) for state in model.states),
        lapse=threshold(design.lapse), order=threshold(design.order),
        base=(_base(design, PARTIES[0], codes), _base(design, PARTIES[1], codes)), need_edges=_need_edges(design),
        missed=threshold(design.missed), dropout=(threshold(design.dropout), threshold(after)),
        cut=threshold(design.cut))


def _whole(values: Iterable[int]) -> Array:
    return freeze(np.array(list(values), dtype=np.int64))


def _places(names: Iterable[str], codes: Sequence[str]) -> Array:
    return _whole(codes.index(name) for name in names)


def _check_model(model: StateMachine) -> None:
    for arrow in model.transitions:
        if arrow.when is None:
            raise NotEstimable(f"{model.name} has the silent arrow {arrow.source} -> {arrow.target}; the simulator "
                               "needs a model whose arrows are all shown by moves")
        if arrow.when.rates or arrow.when.times:
            raise NotEstimable(f"{model.name} looks at ratings or elapsed time ({arrow}), which the simulator does not "
                               "make")


def codes_of(book: Codebook, functions: Iterable[str], *, party: str) -> tuple[str, ...]:
    """Return a party's codes that have one of some functions, sorted."""
    wanted = set(functions)
    return tuple(sorted(code.code for code in book.codes
                        if wanted.intersection(code.functions) and (not code.parties or party in code.parties)))


def _taken_by(arrow: Transition, party: str, book: Codebook) -> tuple[str, ...]:
    """Return the codes with which a party takes an arrow."""
    if arrow.when is None or arrow.when.party not in (None, party):
        return ()
    return codes_of(book, arrow.when.functions, party=party)


def opening_codes(design: Design, party: str) -> tuple[str, ...]:
    """Return a party's markers that the model's initial state takes.

    Raises
    ------
    NotEstimable
        Where neither party has any.
    """
    model, book = design.model, design.codebook
    own = [arrow for arrow in model.transitions if arrow.source == arrow.target == model.initial]
    found = {who: {code for arrow in own for code in _taken_by(arrow, who, book)
                   if MARKERS.keys() & set(book.functions_of(code))} for who in PARTIES}
    if not any(found.values()):
        raise NotEstimable(f"no code of {book.name} is a marker that {model.name} takes in its initial state, "
                           f"{model.initial!r}, so no rupture can begin")
    return tuple(sorted(found[party]))


def _arrows(model: StateMachine, book: Codebook, codes: Sequence[str], *, staying: bool) -> Arrows:
    first, count, target = list[int](), list[int](), list[int]()
    code_first, code_count, shown = list[int](), list[int](), list[int]()
    for state, party in itertools.product(model.index, PARTIES):
        first.append(len(target))
        for arrow in model.transitions:
            taken = _taken_by(arrow, party, book) if arrow.source == state else ()
            if taken and (arrow.target == state) is staying:
                target.append(model.index[arrow.target])
                code_first.append(len(shown))
                code_count.append(len(taken))
                shown += [codes.index(code) for code in taken]
        count.append(len(target) - first[-1])
    return Arrows(first=_whole(first).reshape(-1, 2), count=_whole(count).reshape(-1, 2), target=_whole(target),
                  code_first=_whole(code_first), code_count=_whole(code_count), codes=_whole(shown))


def _check_ends(model: StateMachine, leaving: Arrows) -> None:
    """Check that every state that a rupture can come to lies on a way to an end that codes can show."""
    after = {at: set(leaving.target[low : low + n].tolist()) for at, (low, n) in enumerate(
        zip(leaving.first[:, 0].tolist(), leaving.count.sum(axis=1).tolist(), strict=True))}
    reached = _closure(after, [model.index[model.initial]])
    ends = {model.index[end] for end in model.ends}
    before: dict[int, set[int]] = {at: {source for source, targets in after.items() if at in targets} for at in after}
    stuck = reached - _closure(before, ends)
    if stuck:
        raise NotEstimable(f"from {listed(model.states[at].name for at in sorted(stuck))} the codebook shows no way to "
                           f"an end of {model.name} ({listed(model.ends)}), so ruptures could not be repaired")


def _closure(after: dict[int, set[int]], start: Iterable[int]) -> set[int]:
    reached, waiting = set(start), list(start)
    while waiting:
        fresh = after[waiting.pop()] - reached
        reached |= fresh
        waiting += fresh
    return reached


def base_rates(design: Design, party: str) -> dict[str, float]:
    """Return a party's base rates, as stated or, where they are not, those that stand in."""
    if design.base_rates is not None:
        return dict(design.base_rates.get(party, {}))
    openings = opening_codes(design, party)
    known = {code for arrow in design.model.transitions for code in _taken_by(arrow, party, design.codebook)}
    left = sorted(known - set(openings))
    return dict.fromkeys(left, _BASE_SHARE / max(len(left), 1))


def _base(design: Design, party: str, codes: Sequence[str]) -> Base:
    rates = base_rates(design, party)
    names = [name for name in sorted(rates) if rates[name] > 0]
    return Base(edges=_edges(rates[name] for name in names), codes=_places(names, codes))


def _edges(rates: Iterable[float]) -> Array:
    """Return running sums of rounded rates; never beyond 1."""
    return _whole(min(edge, 1 << 32) for edge in itertools.accumulate(map(threshold, rates)))


def _need_edges(design: Design) -> Array | None:
    """Return for each party the running sums of the rates of its acts, in the order of `ACTS`; None without any."""
    if not design.needs:
        return None
    rows = []
    for party in PARTIES:
        acts = design.needs.get(party)
        rows.append(_edges(0.0 if acts is None else acts.of(verb, need=need) for verb, need in ACTS))
        for verb, need in ACTS:
            if acts is not None and acts.of(verb, need=need) and not _act_codes(design, verb, need, party):
                raise RecordError(f"Design.needs: the {party} is to {verb} {need}, but no code of "
                                  f"{design.codebook.name} has the function {verb}s_{need} for the {party}",
                                  field="needs")
    return freeze(np.stack(rows))


def _act_codes(design: Design, verb: NeedVerb, need: Need, party: str) -> tuple[str, ...]:
    return codes_of(design.codebook, [f"{verb}s_{need}"], party=party)


def act_places(design: Design, codes: Sequence[str]) -> Array:
    """Return the place of the code of each act by each party, parties x acts; the first by name, -1 for none."""
    return _whole(codes.index(found[0]) if found else -1 for found in (
        _act_codes(design, verb, need, party) for party in PARTIES for verb, need in ACTS)).reshape(2, -1)
