"""The negotiation of needs as a plain loop: one turn after the other, with a dict of what is open.

A turn is (party, acts): party 0 or 1, acts a set of (verb, need) with the words `claim`, `grant`, `contest`, `yield`
and `agency`, `communion`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

__all__ = ["NEEDS", "VERBS", "Answer", "Claim", "End", "Spell", "Turn", "ends", "mutuality", "rate", "replies", "spells",
           "states"]

VERBS = ("claim", "grant", "contest", "yield")
NEEDS = ("agency", "communion")

Turn = tuple[int, frozenset[tuple[str, str]]]
Claim = tuple[int, str]
"""Whose claim, on what."""


class Spell(NamedTuple):
    """One stretch over which a claim was open; `end` is None where it stayed open."""

    begin: int
    party: int
    need: str
    end: int | None
    cause: str
    renewals: int


class Answer(NamedTuple):
    """How the claim of a turn was answered, and at which turn."""

    turn: int
    party: int
    need: str
    answer: str
    at: int | None


class End(NamedTuple):
    """The turn at which no claim of agency is open any more, its kind, and the turn of the next claim."""

    turn: int
    kind: str
    relapse: int | None


def _steps(turns: Sequence[Turn]) -> Iterator[tuple[int, str, Claim]]:
    """Yield (turn, what happened, which claim): met, yielded, begun or renewed."""
    is_open: dict[Claim, bool] = {(party, need): False for party in (0, 1) for need in NEEDS}
    for at, (party, acts) in enumerate(turns):
        for need in NEEDS:
            if ("grant", need) in acts and is_open[1 - party, need]:
                is_open[1 - party, need] = False
                yield at, "met", (1 - party, need)
        for need in NEEDS:
            if ("yield", need) in acts and is_open[party, need]:
                is_open[party, need] = False
                yield at, "yielded", (party, need)
        for need in NEEDS:
            if ("claim", need) in acts:
                yield at, "renewed" if is_open[party, need] else "begun", (party, need)
                is_open[party, need] = True


def states(turns: Sequence[Turn]) -> list[frozenset[Claim]]:
    """Return what is open after each turn."""
    now: set[Claim] = set()
    found, steps = [], list(_steps(turns))
    for at in range(len(turns)):
        for when, what, claim in steps:
            if when == at and what in ("met", "yielded"):
                now.discard(claim)
            elif when == at:
                now.add(claim)
        found.append(frozenset(now))
    return found


def spells(turns: Sequence[Turn], *, stopped: bool = False) -> list[Spell]:
    """Return all spells, by the turn in which they began; one that stays open is censored where observation stopped."""
    running: dict[Claim, Spell] = {}
    found = []
    for at, what, claim in _steps(turns):
        if what == "begun":
            running[claim] = Spell(at, *claim, None, "censored" if stopped else "open", 0)
        elif what == "renewed":
            running[claim] = running[claim]._replace(renewals=running[claim].renewals + 1)
        else:
            found.append(running.pop(claim)._replace(end=at, cause=what))
    return sorted([*found, *running.values()], key=lambda one: (one.begin, one.party, one.need))


def replies(turns: Sequence[Turn], *, window: int) -> list[Answer]:
    """Return the answer to each claim: the first of the other's next turns with any act says which."""
    found = []
    for at, (party, acts) in enumerate(turns):
        for need in NEEDS:
            if ("claim", need) in acts:
                theirs = [turn for turn in range(at + 1, len(turns)) if turns[turn][0] != party][:window]
                said = next((turn for turn in theirs if turns[turn][1]), None)
                if said is not None:
                    found.append(Answer(at, party, need, _named(turns[said][1], need), said))
                else:
                    found.append(Answer(at, party, need, "deflected" if len(theirs) == window else "censored", None))
    return found


def _named(acts: Iterable[tuple[str, str]], need: str) -> str:
    if ("contest", need) in acts:
        return "contested"
    if ("grant", need) in acts:
        return "met"
    return "countered" if any(verb == "claim" for verb, _ in acts) else "other"


def ends(turns: Sequence[Turn], *, need: str = "agency") -> list[End]:
    """Return every turn with some claim open before it and none after, judged over the spells since the last."""
    found: list[End] = []
    open_before, since = False, -1
    for at, now in enumerate(states(turns)):
        open_after = any(what == need for _, what in now)
        if open_before and not open_after:
            over = [one for one in spells(turns) if one.need == need and since < one.begin and one.end is not None
                    and one.end <= at]
            later = [turn for turn in range(at + 1, len(turns)) if ("claim", need) in turns[turn][1]]
            found.append(End(at, _kind(over), later[0] if later else None))
            since = at
        open_before = open_after
    return found


def _kind(over: list[Spell]) -> str:
    if any(one.cause == "yielded" for one in over):
        return "one_sided"
    return "mutual" if {one.party for one in over} == {0, 1} else "one_party"


def rate(found: Iterable[Spell], party: int) -> Fraction | None:
    """Return met / (spells - censored); None where there is none."""
    causes = [one.cause for one in found if one.party == party and one.cause != "censored"]
    return Fraction(causes.count("met"), len(causes)) if causes else None


def mutuality(found: Sequence[Spell]) -> Fraction | None:
    """Return the product of both rates; None unless both have one."""
    first, second = rate(found, 0), rate(found, 1)
    return None if first is None or second is None else first * second
