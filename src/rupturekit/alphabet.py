"""The alphabet: what a codebook lets a process model see, and the tables that replay walks through.

Compiling joins a model, a codebook and the study's two parties: every kind of move (party, code, rating bucket,
elapsed bucket) becomes a symbol, symbol 0 being "other". States and arrows that no code can show are known
before any trace: `coverage` says so.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._schema import ABSENT
from rupturekit._table import freeze, held_state, set_closed
from rupturekit._views.models import coverage_html
from rupturekit.codebooks import Codebook
from rupturekit.errors import PartyMismatch, UnknownState, did_you_mean, listed
from rupturekit.state_machine import Condition, StateMachine, Transition, rating_cuts
from rupturekit.vocabulary import Party

__all__ = ["Alphabet", "Coverage", "Hop", "Observability", "Reason", "compile_model", "coverage"]

Codes = npt.NDArray[np.int16]
"""State or symbol codes."""


class Observability(StrEnum):
    """Whether a codebook has codes that show a state being entered."""

    OBSERVABLE = "observable"
    PARTLY = "partly"
    NOT_OBSERVABLE = "not observable"
    GIVEN = "given"
    """The initial state: the opening of the episode puts it there."""


class Reason(StrEnum):
    """Why a move is off the model in the state it met."""

    NO_ARROW = "no arrow"
    WRONG_PARTY = "wrong party"
    GUARD = "guard"
    AFTER_END = "after the end"
    AMBIGUOUS = "ambiguous"
    NO_FUNCTION = "no function"
    AHEAD = "ahead"


REASONS: Final = tuple(Reason)
"""Reasons in the order of their integer codes in a trace table, from 1; 0 is a taken arrow."""


@attrs.frozen(kw_only=True)
class Hop:
    """How a symbol is taken in a state: which arrow, past which states.

    `passed` holds steps that nothing in the codebook could show; `skipped` holds steps that could have been
    seen and were not. A silent arrow to a state that other arrows show is neither.
    """

    arrow: int
    target: int
    passed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Alphabet:
    """A model compiled for a codebook and two parties.

    Attributes
    ----------
    symbol : int16, parties + 1, codes + 1, rating buckets + 1, previous buckets, onset buckets
        The symbol of every kind of move. The last party is "nobody named", the last code "not in the codebook",
        the last rating bucket "absent".
    next : int16, states x symbols
        The next state; a move off the model leaves the state as it was.
    reason : int8, states x (parties + 1) x (codes + 1)
        Why a move of that kind is off the model there, were it off.
    seen : tuple of bool
        For each state, whether some code shows it being entered.
    fits : bool, symbols x arrows
        Which arrows a move of that symbol fits, whatever state it meets; none fits a silent one.
    charged : tuple of bool
        For each arrow, whether passing it without a move skips a step that some code could have shown.
    hops : mapping of (state, symbol) to Hop
        Every pair that is taken.
    forced : mapping of (state, symbol) to Reason
        Pairs that are off the model although an arrow fits: ambiguous, or ahead and not followed.
    ahead : mapping of (state, symbol) to Hop
        What the pairs that are ahead and not followed would have been.
    """

    model: StateMachine
    codebook: Codebook
    parties: tuple[str, str]
    cuts: tuple[int, ...]
    previous_cuts: tuple[int, ...]
    onset_cuts: tuple[int, ...]
    symbol: Codes
    next: Codes
    reason: npt.NDArray[np.int8]
    seen: tuple[bool, ...]
    fits: npt.NDArray[np.bool_]
    charged: tuple[bool, ...]
    hops: dict[tuple[int, int], Hop]
    forced: dict[tuple[int, int], Reason]
    ahead: dict[tuple[int, int], Hop]

    __getstate__ = held_state
    __setstate__ = set_closed

    @property
    def start(self) -> int:
        """The integer code of the initial state."""
        return self.model.index[self.model.initial]

    def symbols(self, *, party: npt.NDArray[np.int64], code: npt.NDArray[np.int64], rating: npt.NDArray[np.int64],
                previous: npt.NDArray[np.int64], onset: npt.NDArray[np.int64]) -> Codes:
        """Return the symbol of each move from its columns.

        `party` and `code` are codes of this alphabet (-1 for none), `rating` is in thousandths, `previous` and
        `onset` are microseconds elapsed; `ABSENT` where there is none.
        """
        return self.symbol[party, code, bucket_of(rating, self.cuts), bucket_of(previous, self.previous_cuts),
                           bucket_of(onset, self.onset_cuts)]


def bucket_of(values: npt.NDArray[np.int64], cuts: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return into which bucket each value falls that thresholds cut; the last bucket is for absent values.

    >>> bucket_of(np.array([0, 5, ABSENT]), (5,)).tolist()
    [0, 1, 2]
    """
    return np.where(values == ABSENT, len(cuts) + 1, np.searchsorted(cuts, values, side="right"))


def compile_model(model: StateMachine, codebook: Codebook, *,
                  parties: tuple[str, str] = (Party.CLIENT.value, Party.THERAPIST.value),
                  follow_skips: bool = True) -> Alphabet:
    """Compile a model for a codebook and two parties.

    Parameters
    ----------
    follow_skips : bool
        Whether a move that the model expects only later is followed there, past the steps that were skipped,
        or is off the model (reason `ahead`).

    Raises
    ------
    PartyMismatch
        Where the model names a party that the study lacks.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.state_machine import load_model
    >>> compile_model(load_model("withdrawal-2000"), load_codebook("stages")).next.shape[0]
    5
    """
    _check_parties(model, parties)
    conditions = list(dict.fromkeys(arrow.when for arrow in model.transitions if arrow.when))
    cuts = rating_cuts(conditions)
    previous = _time_cuts(conditions, since="previous")
    onset = _time_cuts(conditions, since="onset")
    satisfied = _satisfied(conditions, codebook, parties, cuts, previous, onset)
    flat = satisfied.reshape(math.prod(satisfied.shape[:-1]), len(conditions))
    kinds, inverse = np.unique(np.vstack([np.zeros((1, len(conditions)), bool), flat]), axis=0, return_inverse=True)
    symbol = inverse.reshape(-1)[1:].reshape(satisfied.shape[:-1]).astype(np.int16)
    arrows = _arrows_by_symbol(model, conditions, kinds)
    routes = _Routes(model, codebook)
    place = {condition: at for at, condition in enumerate(conditions)}
    fits = np.zeros((len(kinds), len(model.transitions)), dtype=bool)
    for at, arrow in enumerate(model.transitions):
        fits[:, at] = arrow.when is not None and kinds[:, place[arrow.when]]
    table, hops, forced, late = _resolve(model, arrows, routes, len(kinds), follow_skips=follow_skips)
    return Alphabet(model=model, codebook=codebook, parties=parties, cuts=cuts, previous_cuts=previous,
                    onset_cuts=onset, symbol=freeze(symbol), next=freeze(table),
                    reason=freeze(_reasons(model, codebook, parties)),
                    seen=tuple(routes.state_seen), fits=freeze(fits), charged=tuple(
                        arrow.when is not None and arrow.step in routes.step_seen for arrow in model.transitions),
                    hops=hops, forced=forced, ahead=late)


def _check_parties(model: StateMachine, parties: tuple[str, str]) -> None:
    strange = [party for party in model.parties if party not in parties]
    if strange:
        raise PartyMismatch(
            f"model {model.name!r} speaks of {listed(strange)}, but this study's parties are "
            f"{' and '.join(parties)}{did_you_mean(strange[0], parties)}; name the study's parties in a copy of the "
            "model, or use a model whose arrows name no party", value=strange[0])


def _time_cuts(conditions: Iterable[Condition], *, since: str) -> tuple[int, ...]:
    cuts: set[int] = set()
    for condition in conditions:
        if condition.times and condition.since == since:
            cuts |= {condition.min_elapsed} if condition.min_elapsed is not None else set()
            cuts |= {condition.max_elapsed + 1} if condition.max_elapsed is not None else set()
    return tuple(sorted(cuts))


def _satisfied(conditions: list[Condition], codebook: Codebook, parties: tuple[str, str], cuts: tuple[int, ...],
               previous: tuple[int, ...], onset: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which conditions each kind of move satisfies: party x code x rating x previous x onset x condition."""
    people: list[str | None] = [*parties, None]
    does = [set(code.functions) for code in codebook.codes] + [set()]
    base = np.array([[[_fits(c, person, functions) for c in conditions] for functions in does] for person in people],
                    dtype=bool).reshape(len(people), len(does), len(conditions))
    rated = _buckets(conditions, cuts, _rating_holds)
    before = _buckets(conditions, previous, _previous_holds)
    since = _buckets(conditions, onset, _onset_holds)
    return (base[:, :, None, None, None, :] & rated[None, None, :, None, None, :]
            & before[None, None, None, :, None, :] & since[None, None, None, None, :, :])


def _fits(condition: Condition, person: str | None, functions: set[str]) -> bool:
    return condition.party in (None, person) and not functions.isdisjoint(condition.functions)


def _buckets(conditions: list[Condition], cuts: tuple[int, ...], holds) -> npt.NDArray[np.bool_]:  # type: ignore[no-untyped-def]
    edges: list[int | None] = [(cuts[0] - 1) if cuts else 0, *cuts, None]
    return np.array([[holds(condition, edge) for condition in conditions] for edge in edges],
                    dtype=bool).reshape(len(edges), len(conditions))


def _rating_holds(condition: Condition, thousandths: int | None) -> bool:
    if not condition.rates:
        return True
    if thousandths is None:
        return condition.absent == "pass"
    low = condition.min_rating is None or thousandths >= round(condition.min_rating * 1000)
    return low and (condition.max_rating is None or thousandths <= round(condition.max_rating * 1000))


def _previous_holds(condition: Condition, elapsed: int | None) -> bool:
    return _elapsed_holds(condition, elapsed, "previous")


def _onset_holds(condition: Condition, elapsed: int | None) -> bool:
    return _elapsed_holds(condition, elapsed, "onset")


def _elapsed_holds(condition: Condition, elapsed: int | None, since: str) -> bool:
    if not condition.times or condition.since != since:
        return True
    if elapsed is None:
        return False
    low = condition.min_elapsed is None or elapsed >= condition.min_elapsed
    return low and (condition.max_elapsed is None or elapsed <= condition.max_elapsed)


def _arrows_by_symbol(model: StateMachine, conditions: list[Condition], kinds: npt.NDArray[np.bool_]
                      ) -> list[list[list[int]]]:
    """Return for each state and symbol the arrows that fit, by their place in the model."""
    place = {condition: at for at, condition in enumerate(conditions)}
    leaving: list[list[list[int]]] = [[[] for _ in kinds] for _ in model.states]
    for at, arrow in enumerate(model.transitions):
        if arrow.when is not None:
            for symbol in np.flatnonzero(kinds[:, place[arrow.when]]).tolist():
                leaving[model.index[arrow.source]][symbol].append(at)
    return leaving


class _Routes:
    """The ways ahead from a state: free past what cannot be seen, at a price past what could have been."""

    def __init__(self, model: StateMachine, codebook: Codebook) -> None:
        self._model = model
        self.arrow_seen = [any(_codes_for(codebook, *way) for way in _ways(arrow)) for arrow in model.transitions]
        self.state_seen = _states_seen(model, self.arrow_seen)
        self.step_seen = {arrow.step for arrow, seen in zip(model.transitions, self.arrow_seen, strict=True)
                          if seen and arrow.source != arrow.target}
        self._leaving: list[list[int]] = [[] for _ in model.states]
        for at, arrow in enumerate(model.transitions):
            if arrow.source != arrow.target:
                self._leaving[model.index[arrow.source]].append(at)

    def ahead(self, start: int) -> list[tuple[int, int, int, tuple[int, ...]]]:
        """Return (price, hops, state, arrows) of every state that lies ahead, cheapest first, then by order.

        Of two ways to a state with equal price and hops, the one whose arrows stand first in the model is kept.
        """
        best: dict[int, tuple[int, int, tuple[int, ...]]] = {start: (0, 0, ())}
        queue: list[tuple[int, int, int, tuple[int, ...]]] = [(0, 0, start, ())]
        found = []
        while queue:
            price, hops, state, arrows = heapq.heappop(queue)
            if best[state] < (price, hops, arrows):
                continue
            if state != start:
                found.append((price, hops, state, arrows))
            for at in self._leaving[state]:
                step = self._price(self._model.transitions[at], start)
                if step is None:
                    continue
                there = self._model.index[self._model.transitions[at].target]
                way = (price + step, hops + 1, (*arrows, at))
                if there not in best or way < best[there]:
                    best[there] = way
                    heapq.heappush(queue, (way[0], way[1], there, way[2]))
        return found

    def _price(self, arrow: Transition, start: int) -> int | None:
        """Return 0 for what cannot be seen, 1 for a step that could have been, None for no way."""
        there = self._model.index[arrow.target]
        if self._model.states[there].end or there == start:
            return None
        if arrow.when is None or arrow.step not in self.step_seen:
            return 0
        return 1 if arrow.skippable and there > start else None


def _states_seen(model: StateMachine, arrow_seen: list[bool]) -> list[bool]:
    """Return for each state whether some arrow into it, from another state, can be seen."""
    seen = [False] * len(model.states)
    for arrow, shown in zip(model.transitions, arrow_seen, strict=True):
        if shown and arrow.source != arrow.target:
            seen[model.index[arrow.target]] = True
    return seen


def _resolve(model: StateMachine, arrows: list[list[list[int]]], routes: _Routes, width: int, *, follow_skips: bool
             ) -> tuple[Codes, dict[tuple[int, int], Hop], dict[tuple[int, int], Reason], dict[tuple[int, int], Hop]]:
    table = np.repeat(np.arange(len(model.states), dtype=np.int16)[:, None], width, axis=1)
    hops: dict[tuple[int, int], Hop] = {}
    forced: dict[tuple[int, int], Reason] = {}
    late: dict[tuple[int, int], Hop] = {}
    for state in range(len(model.states)):
        ahead = routes.ahead(state)
        for symbol in range(width):
            hop = _direct(model, arrows[state][symbol]) or _further(model, arrows, routes, ahead, symbol)
            if isinstance(hop, Hop) and hop.skipped and not follow_skips:
                late[state, symbol], hop = hop, Reason.AHEAD
            if isinstance(hop, Hop):
                hops[state, symbol] = hop
                table[state, symbol] = hop.target
            elif hop is not None:
                forced[state, symbol] = hop
    return table, hops, forced, late


def _direct(model: StateMachine, fitting: list[int]) -> Hop | Reason | None:
    targets = {model.index[model.transitions[at].target]: at for at in reversed(fitting)}
    if len(targets) > 1:
        return Reason.AMBIGUOUS
    return next((Hop(arrow=at, target=target) for target, at in targets.items()), None)


def _further(model: StateMachine, arrows: list[list[list[int]]], routes: _Routes,
             ahead: list[tuple[int, int, int, tuple[int, ...]]], symbol: int) -> Hop | Reason | None:
    """Look past what cannot be seen, then past what was skipped; the fewest skipped steps win, then the fewest hops."""
    found: dict[int, Hop] = {}
    cheapest: tuple[int, int] | None = None
    for price, length, state, way in ahead:
        if cheapest is not None and (price, length) > cheapest:
            break
        visited = {model.transitions[at].source for at in way} | {model.states[state].name}
        for at in arrows[state][symbol]:
            if model.transitions[at].target not in visited:
                found.setdefault(model.index[model.transitions[at].target], _hop(model, routes, way, at))
                cheapest = (price, length)
    if len(found) > 1:
        return Reason.AMBIGUOUS
    return next(iter(found.values()), None)


def _hop(model: StateMachine, routes: _Routes, way: tuple[int, ...], last: int) -> Hop:
    arrows = [model.transitions[at] for at in way]
    return Hop(arrow=last, target=model.index[model.transitions[last].target],
               passed=tuple(arrow.step for arrow in arrows if arrow.step not in routes.step_seen),
               skipped=tuple(arrow.step for arrow in arrows if arrow.when and arrow.step in routes.step_seen))


def _reasons(model: StateMachine, codebook: Codebook, parties: tuple[str, str]) -> npt.NDArray[np.int8]:
    people: list[str | None] = [*parties, None]
    does = [set(code.functions) for code in codebook.codes] + [set()]
    codes = {reason: at for at, reason in enumerate(REASONS, start=1)}
    reasons = np.empty((len(model.states), len(people), len(does)), dtype=np.int8)
    leaving = [[arrow for arrow in model.transitions if arrow.source == state.name] for state in model.states]
    for s, arrows in enumerate(leaving):
        over = model.states[s].end and all(arrow.source == arrow.target for arrow in arrows)
        for p, person in enumerate(people):
            for c, functions in enumerate(does):
                reasons[s, p, c] = codes[_reason(arrows, person, functions, over=over)]
    return reasons


def _reason(arrows: list[Transition], person: str | None, functions: set[str], *, over: bool) -> Reason:
    if not functions:
        return Reason.NO_FUNCTION
    speaking = [arrow.when for arrow in arrows if arrow.when and not functions.isdisjoint(arrow.when.functions)]
    if any(when.party in (None, person) for when in speaking):
        return Reason.GUARD
    if over:
        return Reason.AFTER_END
    return Reason.WRONG_PARTY if speaking else Reason.NO_ARROW


# --- coverage --------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, repr=False)
class Coverage:
    """What of a model a codebook can show, before any trace.

    Attributes
    ----------
    states : tuple of (state, Observability, codes that show it, functions without a code)
    codes_without_function : tuple of str
        Codes that the codebook gives nothing to do.
    codes_off_model : tuple of str
        Codes whose functions no arrow speaks of.
    functions_without_code : tuple of str
        Functions that arrows speak of and no code has.
    ambiguous : tuple of (state, code, party)
        Kinds of moves that fit arrows to different states.
    model_digest, codebook_digest : str or None
        Hashes of what model and codebook hold; None where an older version wrote the result. They are not compared.
    """

    model: str
    codebook: str
    evidence: str
    states: tuple[tuple[str, Observability, tuple[str, ...], tuple[str, ...]], ...]
    codes_without_function: tuple[str, ...]
    codes_off_model: tuple[str, ...]
    functions_without_code: tuple[str, ...]
    ambiguous: tuple[tuple[str, str, str], ...]
    model_digest: str | None = attrs.field(default=None, eq=False)
    codebook_digest: str | None = attrs.field(default=None, eq=False)

    def of(self, state: str) -> Observability:
        """Return whether a state can be observed."""
        found = {name: seen for name, seen, _, _ in self.states}
        if state not in found:
            raise UnknownState(f"{self.model} has no state {state!r}{did_you_mean(state, found)}; "
                               f"its states are: {listed(found)}")
        return found[state]

    @property
    def unobservable(self) -> tuple[str, ...]:
        """The states that cannot be seen with the codebook, in the model's order."""
        return tuple(name for name, seen, _, _ in self.states if seen is Observability.NOT_OBSERVABLE)

    def __repr__(self) -> str:
        seen = sum(kind is not Observability.NOT_OBSERVABLE for _, kind, _, _ in self.states)
        return f"Coverage({self.model!r} by {self.codebook!r}: {seen} of {len(self.states)} states can be seen)"

    def __str__(self) -> str:
        width = max(len(name) for name, *_ in self.states)
        lines = [f"{self.model} seen with {self.codebook}", f"  {self.evidence}"]
        for name, seen, codes, missing in self.states:
            shown = f"  by {listed(codes)}" if codes else ""
            lacks = f"  no code for {listed(missing)}" if missing else ""
            lines.append(f"  {name:<{width}}  {seen:<14}{shown}{lacks}".rstrip())
        for title, names in (("functions that no code has", self.functions_without_code),
                             ("codes without a function", self.codes_without_function),
                             ("codes whose function the model does not use", self.codes_off_model)):
            lines.append(f"  {title}: {listed(names) if names else 'none'}")
        lines += [f"  ambiguous in {state}: {code} by {party}" for state, code, party in self.ambiguous]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return coverage_html(self)


def coverage(codebook: Codebook, model: StateMachine, *,
             parties: tuple[str, str] = (Party.CLIENT.value, Party.THERAPIST.value)) -> Coverage:
    """Say what of a model a codebook can show: for every state observable, partly, or not observable.

    A state is observable where every function on the arrows into it has a code, not observable where none has.
    Codes count only where the codebook lets the arrow's party be given them.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.state_machine import load_model
    >>> coverage(load_codebook("3rs-2015"), load_model("withdrawal-2000")).of("self_assertion")
    <Observability.NOT_OBSERVABLE: 'not observable'>
    """
    _check_parties(model, parties)
    used = set(model.functions)
    shown = {name: codebook.codes_for(name) for name in used}
    alphabet = compile_model(model, codebook, parties=parties)
    return Coverage(
        model=model.name, codebook=codebook.name, evidence=model.evidence_text(),
        states=tuple(_state_coverage(model, codebook, state.name) for state in model.states),
        codes_without_function=tuple(code.code for code in codebook.codes if not code.functions),
        codes_off_model=tuple(code.code for code in codebook.codes
                              if code.functions and used.isdisjoint(code.functions)),
        functions_without_code=tuple(sorted(name for name, codes in shown.items() if not codes)),
        ambiguous=_ambiguous(alphabet), model_digest=model.digest, codebook_digest=codebook.digest,
    )


def _ways(arrow: Transition) -> list[tuple[str, str | None]]:
    """Return the (function, party) pairs that an arrow listens to."""
    return [(name, arrow.when.party) for name in arrow.when.functions] if arrow.when else []


def _codes_for(codebook: Codebook, function: str, party: str | None) -> tuple[str, ...]:
    return tuple(code.code for code in codebook.codes if function in code.functions
                 and (party is None or not code.parties or party in code.parties))


def _state_coverage(model: StateMachine, codebook: Codebook, state: str
                    ) -> tuple[str, Observability, tuple[str, ...], tuple[str, ...]]:
    ways = [way for arrow in model.transitions
            if arrow.target == state and (arrow.source != state or model[state].initial) for way in _ways(arrow)]
    by_way = {way: _codes_for(codebook, *way) for way in ways}
    codes = tuple(dict.fromkeys(code for found in by_way.values() for code in found))
    missing = tuple(dict.fromkeys(name for (name, _), found in by_way.items() if not found))
    if model[state].initial:
        return state, Observability.GIVEN, codes, missing
    if not codes:
        return state, Observability.NOT_OBSERVABLE, (), missing
    return state, Observability.PARTLY if missing else Observability.OBSERVABLE, codes, missing


def _ambiguous(alphabet: Alphabet) -> tuple[tuple[str, str, str], ...]:
    """Tell the kinds of moves that fit arrows to different states; where skips are followed nothing else is forced."""
    found: dict[tuple[str, str, str], None] = {}
    for state, symbol in alphabet.forced:
        for party, code, *_ in np.argwhere(alphabet.symbol == symbol).tolist():
            if party < 2 and code < len(alphabet.codebook.codes):
                found[alphabet.model.states[state].name, alphabet.codebook.codes[code].code,
                      alphabet.parties[party]] = None
    return tuple(found)
