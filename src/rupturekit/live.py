"""Trace while it happens: one move at a time, with the same result as tracing the whole.

A `Tracer` is a frozen value: feeding it a move gives the next one. It is small however long the episode is, can be
written down as JSON between two moves, and says what the model expects next and from whom.
"""

from __future__ import annotations

import functools
import json
from typing import Any, Final, TypeGuard

import attrs
import numpy as np

from rupturekit._schema import ABSENT
from rupturekit.alphabet import REASONS, Alphabet, Reason, compile_model
from rupturekit.codebooks import Codebook
from rupturekit.episode import Coding, Move
from rupturekit.errors import DefinitionError, ProvenanceMismatch, RecordError
from rupturekit.state_machine import StateMachine, Transition
from rupturekit.ties import Group, Orders
from rupturekit.traces import Step, step_of

__all__ = ["Expectation", "Tracer"]

_FORMAT: Final = 1


@attrs.frozen(kw_only=True)
class Expectation:
    """One thing that the model expects next: from whom, what it would do, and where it would lead.

    `codes` are the codes that would show it; empty where the codebook has none.
    """

    party: str | None
    functions: tuple[str, ...]
    codes: tuple[str, ...]
    target: str
    arrow: Transition


@attrs.frozen(kw_only=True)
class _Seen:
    """What a tracer remembers: enough to go on, whatever came before."""

    state: int
    count: int = 0
    session: int | None = None
    onset: int | None = None
    opened: tuple[int, int] | None = None
    instant: Group = ()
    waited: int = ABSENT
    before_instant: int = 0
    possible: frozenset[int]
    possible_before_instant: frozenset[int]


@attrs.frozen(kw_only=True, repr=False)
class Tracer:
    """A trace in the making.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.state_machine import load_model
    >>> tracer = Tracer.start(load_model("withdrawal-2000"), coding=Coding(codebook=load_codebook("stages")))
    >>> wd = Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)
    >>> tracer = tracer.feed(wd)
    >>> tracer.state, tracer.step.taken
    ('withdrawal', True)
    >>> sorted({(what.party, what.target) for what in tracer.expects()})
    [('client', 'withdrawal'), ('therapist', 'disembedding')]
    """

    model: StateMachine
    coding: Coding
    follow_skips: bool = True
    seen: _Seen
    step: Step | None = None
    """The last step; None before the first move, and after a tracer was resumed."""

    @classmethod
    def start(cls, model: StateMachine, *, coding: Coding, follow_skips: bool = True) -> Tracer:
        """Return a tracer that has seen nothing yet.

        Raises
        ------
        PartyMismatch
            Where the model names a party that the study lacks.
        """
        alphabet = _alphabet(model, coding.codebook, coding.parties, follow_skips)
        here = frozenset({alphabet.start})
        return cls(model=model, coding=coding, follow_skips=follow_skips, seen=_Seen(
            state=alphabet.start, before_instant=alphabet.start, possible=here, possible_before_instant=here))

    @property
    def state(self) -> str:
        """The state the episode is in."""
        return self.model.states[self.seen.state].name

    @property
    def open_ends(self) -> tuple[str, ...]:
        """Every state the episode may be in, where moves at one instant make that uncertain."""
        return tuple(self.model.states[at].name for at in sorted(self.seen.possible)) if len(
            self.seen.possible) > 1 else ()

    def feed(self, move: Move) -> Tracer:
        """Return the tracer after one more move; its `step` says what the move did.

        Raises
        ------
        RecordError
            Where the move lies before the last one: a live trace cannot go back. Where it is of another dyad or track
            than the last one; the first move after `resume` is not compared, since no name is written down.
        """
        self._must_follow(move)
        alphabet = _alphabet(self.model, self.coding.codebook, self.coding.parties, self.follow_skips)
        same = (self.seen.session, self.seen.onset) == (move.session, move.onset)
        waited = self.seen.waited if same else self._since_previous(move)
        lead, rest = self._symbols(alphabet, move, waited)
        symbol = rest if same else lead
        seen = self._remembered(alphabet, move, (lead, rest), int(alphabet.next[self.seen.state, symbol]), waited, same)
        dependent = len(Orders(alphabet.next).after(seen.before_instant, seen.instant)) > 1
        step = step_of(alphabet, move, before=self.seen.state, symbol=symbol, order_dependent=dependent,
                       reason=self._reason(alphabet, move, symbol))
        return attrs.evolve(self, seen=seen, step=step)

    def _must_follow(self, move: Move) -> None:
        last = self.step.move if self.step else move
        if (last.dyad, last.track) != (move.dyad, move.track):
            raise RecordError(
                f"the move is of dyad {move.dyad!r:.80}, track {move.track!r:.80}, the last one of dyad "
                f"{last.dyad!r:.80}, track {last.track!r:.80}; an episode is one reading of one dyad, so start a "
                "tracer for each",
                field="dyad" if last.dyad != move.dyad else "track")
        session, onset = self.seen.session, self.seen.onset
        if session is not None and onset is not None and (move.session, move.onset) < (session, onset):
            raise RecordError(
                f"the move at session {move.session}, {self.coding.when(move.onset)} lies before the last one; a live "
                "trace cannot go back: feed moves in their order, or trace the whole episode with trace()",
                field="onset", value=move.onset)

    def _symbols(self, alphabet: Alphabet, move: Move, waited: int) -> tuple[int, int]:
        """Return the move's symbol were it the first of its instant, and were it a later one."""
        party, code = _places(alphabet, move)
        rating = ABSENT if move.rating is None else round(move.rating * 1000)
        at_once = 0 if self.coding.time.has_clock else ABSENT
        lead, rest = alphabet.symbols(
            party=np.array([party] * 2), code=np.array([code] * 2), rating=np.array([rating] * 2),
            previous=np.array([waited, at_once]), onset=np.array([self._since_opening(move)] * 2)).tolist()
        return lead, rest

    def _since_previous(self, move: Move) -> int:
        if not self.coding.time.has_clock or self.seen.onset is None or self.seen.session != move.session:
            return ABSENT
        return move.onset - self.seen.onset

    def _since_opening(self, move: Move) -> int:
        session, onset = self.seen.opened or (move.session, move.onset)
        return move.onset - onset if self.coding.time.has_clock and session == move.session else ABSENT

    def _remembered(self, alphabet: Alphabet, move: Move, kind: tuple[int, int], after: int, waited: int, same: bool
                    ) -> _Seen:
        seen, orders = self.seen, Orders(alphabet.next)
        instant = tuple(sorted((*seen.instant, kind))) if same else (kind,)
        before = seen.possible_before_instant if same else seen.possible
        return _Seen(state=after, count=seen.count + 1, session=move.session, onset=move.onset, waited=waited,
                     opened=seen.opened or (move.session, move.onset), instant=instant,
                     before_instant=seen.before_instant if same else seen.state, possible_before_instant=before,
                     possible=frozenset(end for state in before for end in orders.after(state, instant)))

    def _reason(self, alphabet: Alphabet, move: Move, symbol: int) -> Reason | None:
        pair, (party, code) = (self.seen.state, symbol), _places(alphabet, move)
        if pair in alphabet.hops:
            return None
        return alphabet.forced.get(pair) or REASONS[alphabet.reason[self.seen.state, party, code] - 1]

    def expects(self) -> tuple[Expectation, ...]:
        """Return what the model expects next: every arrow that leaves the state, in the model's order.

        What is expected is a description of the model, not advice to the people in the room.
        """
        book = self.coding.codebook
        return tuple(
            Expectation(party=arrow.when.party, functions=arrow.when.functions, target=arrow.target, arrow=arrow,
                        codes=tuple(code for name in arrow.when.functions for code in book.codes_for(name)))
            for arrow in self.model.transitions if arrow.source == self.state and arrow.when is not None)

    def to_json(self) -> str:
        """Write down what the tracer remembers; `resume` goes on from it."""
        said = attrs.asdict(self.seen, value_serializer=lambda _, __, value: sorted(value) if isinstance(
            value, frozenset) else value)
        return json.dumps({"rupturekit_tracer": _FORMAT, "model": f"{self.model.name}:{self.model.digest}",
                           "codebook": f"{self.coding.codebook.name}:{self.coding.codebook.digest}",
                           "parties": list(self.coding.parties), "follow_skips": self.follow_skips, "seen": said})

    @classmethod
    def resume(cls, text: str, *, model: StateMachine, coding: Coding) -> Tracer:
        """Go on from what `to_json` wrote.

        Raises
        ------
        ProvenanceMismatch
            Where it was written with another model, codebook or other parties.
        DefinitionError
            Where the text is not what a tracer wrote, or was written by a newer version.
        """
        said = _parsed(text)
        start = cls.start(model, coding=coding, follow_skips=said["follow_skips"])
        wanted = json.loads(start.to_json())
        for name in ("model", "codebook", "parties"):
            if said.get(name) != wanted[name]:
                raise ProvenanceMismatch(f"this trace was begun with another {name}: {said.get(name)!r:.80}, here it "
                                         f"is {wanted[name]!r}")
        alphabet = _alphabet(model, coding.codebook, coding.parties, start.follow_skips)
        return attrs.evolve(start, seen=_seen(said["seen"], alphabet))

    def __repr__(self) -> str:
        return f"Tracer({self.model.name!r}, in {self.state!r} after {self.seen.count} moves)"


def _places(alphabet: Alphabet, move: Move) -> tuple[int, int]:
    """Return party and code of a move as the alphabet counts them; -1 where there is none."""
    codes = [code.code for code in alphabet.codebook.codes]
    return (alphabet.parties.index(move.party) if move.party in alphabet.parties else -1,
            codes.index(move.code) if move.code in codes else -1)


@functools.lru_cache(maxsize=32)
def _alphabet(model: StateMachine, codebook: Codebook, parties: tuple[str, str], follow_skips: bool) -> Alphabet:
    return compile_model(model, codebook, parties=parties, follow_skips=follow_skips)


def _parsed(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DefinitionError(f"this is not a written tracer: not JSON ({error})") from None
    if not isinstance(said, dict) or not _whole(said.get("rupturekit_tracer")):
        raise DefinitionError("this is not a written tracer: it does not say \"rupturekit_tracer\"")
    if said["rupturekit_tracer"] != _FORMAT:
        raise DefinitionError(f"this tracer was written in format {said['rupturekit_tracer']}, this version of "
                              f"rupturekit reads format {_FORMAT}; upgrade rupturekit to read it")
    if not isinstance(said.get("follow_skips"), bool) or not isinstance(said.get("seen"), dict):
        raise DefinitionError("this is not a whole written tracer: what it has seen is missing")
    return said


def _seen(said: dict[str, Any], alphabet: Alphabet) -> _Seen:
    """Check every remembered number before it is used as an index."""
    states, symbols = alphabet.next.shape
    pairs = _list(said.get("instant"))
    sets = {name: _list(said.get(name)) for name in ("possible", "possible_before_instant")}
    opened = said.get("opened")
    codes = [said.get("state"), said.get("before_instant"), *sets["possible"], *sets["possible_before_instant"]]
    fits = [
        set(said) == {field.name for field in attrs.fields(_Seen)},
        all(_whole(at) and 0 <= at < states for at in codes),
        all(len(_list(pair)) == 2 and all(_whole(at) and 0 <= at < symbols for at in pair) for pair in pairs),
        all(map(_whole, (said.get("count"), said.get("waited")))) and said["count"] >= 0,
        said.get("session") is None or _whole(said["session"]),
        said.get("onset") is None or _whole(said["onset"]),
        opened is None or (len(_list(opened)) == 2 and all(map(_whole, opened))),
    ]
    if not all(fits):
        raise DefinitionError("this is not a whole written tracer: what it has seen does not fit the model")
    return _Seen(**{**said, "instant": tuple((lead, rest) for lead, rest in pairs),
                    "opened": None if opened is None else (opened[0], opened[1]),
                    **{name: frozenset(held) for name, held in sets.items()}})


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [None]


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and ABSENT <= value < -ABSENT
