"""Document A's hypotheses the slow, obvious way: plain loops over turns that are dicts, fractions instead of floats.

A turn is a dict: `party` 0 or 1, `acts` a set of (verb, need), `instant`, `held` (the rule looks at it), `inside` (it belongs
to an episode). Written from what the hypotheses state, not from how the library counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

import oracles_negotiation as plain
import rupturekit as rk
from needs_studies import ACTS_OF, BOOK, PARTIES, Said
from rupturekit.episode import EpisodeRow, NeedStatement

__all__ = ["STRAIN", "Session", "Spans", "came_first", "communion", "excess", "first_end", "gaps", "greenland_robins", "imbalances",
           "level", "order_of", "partial_correlation", "renewals_beyond_chance", "rise", "risk_rows", "shares", "staged", "turn_dicts"]

STRAIN = "sd-strain"
"""A code without an act, at which the rule of the tests opens an episode."""

Turn = dict[str, Any]
Spans = Sequence[tuple[int, int]]
Session = tuple[Sequence[Said], Spans]
"""The moves of a session, and from when to when its episodes go, in seconds."""


def turn_dicts(moves: Sequence[Said], spans: Spans | None = None) -> list[Turn]:
    """Return the turns of a session; without spans, the session is one episode of its coders."""
    spans = [(moves[0][2], moves[-1][2])] if spans is None and moves else spans or []
    edges = {edge for span in spans for edge in span}
    turns = []
    for instant, group in itertools.groupby(moves, key=lambda said: said[2]):
        here = [(PARTIES.index(party), code) for party, code, _ in group if party is not None]
        for party in dict.fromkeys(party for party, _ in here):
            codes = [code for who, code in here if who == party]
            turns.append({"party": party, "acts": {ACTS_OF[code] for code in codes if code in ACTS_OF}, "instant": instant,
                          "held": instant in edges or STRAIN in codes,
                          "inside": any(low <= instant <= high for low, high in spans)})
    return turns


def as_loop(turns: Iterable[Turn]) -> list[plain.Turn]:
    return [(turn["party"], frozenset(turn["acts"])) for turn in turns]


# --- order ---------------------------------------------------------------------------------------------------------------


def order_of(episodes: Iterable[Sequence[Turn]]) -> tuple[Fraction, int]:
    """Return (pairs in which agency comes first, ties 1/2; all pairs) of one dyad, held turns left aside."""
    first, pairs = Fraction(), 0
    for turns in episodes:
        acts = [(need, turn["instant"]) for turn in turns if not turn["held"] for _, need in turn["acts"]]
        for one, when in acts:
            for other, then in acts:
                if one == "agency" and other == "communion":
                    pairs += 1
                    first += 1 if when < then else Fraction(1, 2) if when == then else 0
    return first, pairs


def shares(study: Mapping[str, Iterable[Sequence[Turn]]]) -> dict[str, Fraction]:
    """Return P(agency before communion) of each dyad that has pairs."""
    counted = {dyad: order_of(episodes) for dyad, episodes in study.items()}
    return {dyad: first / pairs for dyad, (first, pairs) in counted.items() if pairs}


# --- renewal -------------------------------------------------------------------------------------------------------------


def first_end(turns: Sequence[Turn]) -> int | None:
    found = plain.ends(as_loop(turns))
    return found[0].turn if found else None


def communion(turn: Turn) -> bool:
    """Whether a turn turns towards the other: it claims or grants communion."""
    return bool(turn["acts"] & {("claim", "communion"), ("grant", "communion")})


def risk_rows(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return a row for each turn at risk: its number, whether the negotiation has ended by then, whether it renews."""
    rows, states, end = [], [frozenset(), *plain.states(as_loop(turns))], first_end(turns)
    for number, turn in enumerate(turns):
        if turn["held"]:
            continue
        disputed = any(need == "agency" for _, need in states[number])
        rows.append({"number": number, "ended": end is not None and end < number and not disputed, "renews": communion(turn)})
        if communion(turn):
            break
    return rows


def _strata(rows: Sequence[dict[str, Any]]) -> list[tuple[int, int, int, int]]:
    """Return (ended, of these renewed, not ended, of these renewed) of each turn number."""
    found = []
    for number in sorted({row["number"] for row in rows}):
        ended = [row["renews"] for row in rows if row["number"] == number and row["ended"]]
        others = [row["renews"] for row in rows if row["number"] == number and not row["ended"]]
        found.append((len(ended), sum(ended), len(others), sum(others)))
    return found


def greenland_robins(rows: Sequence[dict[str, Any]]) -> Fraction | None:
    """Return the difference of hazards, weighted over turn numbers; None where nothing can be compared."""
    above, weight = Fraction(), Fraction()
    for n1, a, n0, b in _strata(rows):
        above += Fraction(a * n0 - b * n1, n1 + n0)
        weight += Fraction(n1 * n0, n1 + n0)
    return above / weight if weight else None


def renewals_beyond_chance(rows: Sequence[dict[str, Any]]) -> Fraction:
    """Return the renewals after an end minus what the margins of each turn number let one expect."""
    return sum((a - Fraction((a + b) * n1, n1 + n0) for n1, a, n0, b in _strata(rows)), Fraction())


def came_first(turns: Sequence[Turn], *, stopped: bool = False) -> str:
    end = first_end(turns)
    renewal = next((at for at, turn in enumerate(turns) if communion(turn) and not turn["held"]), None)
    if end is None and renewal is None:
        return "neither, observation cut off" if stopped else "neither, observed to the end"
    if end is None:
        return "a renewal, no end"
    if renewal is None:
        return "an end, no renewal"
    return "both in one turn" if end == renewal else "the end came first" if end < renewal else "renewal came first"


# --- match ---------------------------------------------------------------------------------------------------------------


def level(turns: Sequence[Turn], at: int, party: int, k: int) -> Fraction | None:
    """Return a party's communion over its last k turns of the session up to a turn; None where it has not had k."""
    own = [turn for turn in turns[: at + 1] if turn["party"] == party]
    return Fraction(sum(map(communion, own[-k:])), k) if len(own) >= k else None


def baselines(sessions: Iterable[Sequence[Turn]]) -> list[Fraction | None]:
    """Return each party's communion outside episodes, over all sessions of a dyad."""
    found: list[Fraction | None] = []
    for party in (0, 1):
        own = [communion(turn) for turns in sessions for turn in turns if turn["party"] == party and not turn["inside"]]
        found.append(Fraction(sum(own), len(own)) if own else None)
    return found


def gaps(turns: Sequence[Turn], against: Sequence[Fraction | None], k: int) -> list[Fraction | None]:
    """Return the gap in communion after each turn of a session."""
    found: list[Fraction | None] = []
    for at in range(len(turns)):
        first, second = (level(turns, at, party, k) for party in (0, 1))
        unknown = first is None or second is None or against[0] is None or against[1] is None
        found.append(None if unknown else (first - against[0]) - (second - against[1]))  # type: ignore[operator]
    return found


def rise(known: Sequence[Fraction | None], at: int, h: int) -> Fraction | None:
    """Return the mean match over the h turns after a turn minus that over the h before; None where one is not known."""
    if at - h < 0 or at + h >= len(known):
        return None
    before, after = known[at - h : at], known[at + 1 : at + 1 + h]
    if None in before or None in after:
        return None
    return (sum(-abs(one) for one in after) - sum(-abs(one) for one in before)) / h  # type: ignore[arg-type, operator, return-value]


def excess(turns: Sequence[Turn], span: tuple[int, int], against: Sequence[Fraction | None], *, k: int, h: int) -> Fraction | None:
    """Return the rise at the first end of an episode minus the mean rise of its other admissible turns."""
    places = [at for at, turn in enumerate(turns) if span[0] <= turn["instant"] <= span[1]]
    known = gaps(turns, against, k)
    rises = {at: one for at in places if (one := rise(known, at, h)) is not None}
    end = first_end([turns[at] for at in places])
    if end is None or places[end] not in rises or len(rises) < 2:
        return None
    others = [one for at, one in rises.items() if at != places[end]]
    return rises[places[end]] - sum(others, Fraction()) / len(others)


# --- the veil ------------------------------------------------------------------------------------------------------------


def imbalances(rows: Iterable[NeedStatement], mode: str, source: str | None) -> dict[str, Fraction]:
    """Return client minus therapist of each episode, several raters averaged."""
    kept = [row for row in rows if row.layer == "latent" and row.need == "communion" and row.mode == mode and row.source == source
            and row.level is not None and row.episode is not None]
    found = {}
    for episode in dict.fromkeys(row.episode for row in kept):
        of = [[Fraction(row.level) for row in kept if row.episode == episode and row.party == party]  # type: ignore[arg-type]
              for party in PARTIES]
        if of[0] and of[1]:
            found[str(episode)] = sum(of[0]) / len(of[0]) - sum(of[1]) / len(of[1])
    return found  # type: ignore[return-value]


def partial_correlation(rows: Sequence[tuple[str, float, float, int]]) -> float:
    """Return the correlation of size and rate, after a regression of both on dyad dummies and the number of turns.

    A row is (dyad, size of the imbalance, claims of agency a turn, turns).
    """
    dyads = sorted({row[0] for row in rows})
    design = np.array([[*(float(row[0] == dyad) for dyad in dyads), float(row[3])] for row in rows])
    rests = []
    for column in (1, 2):
        said = np.array([float(row[column]) for row in rows])  # type: ignore[arg-type]
        rests.append(said - design @ np.linalg.lstsq(design, said, rcond=None)[0])
    return float(np.corrcoef(*rests)[0, 1])


# --- small studies in which sessions hold more than their episodes ---------------------------------------------------------------


def staged(study: Mapping[str, Sequence[Session]], *, needs: Sequence[NeedStatement] = (), scale: int = 1, later: int = 0
           ) -> rk.Cohort:
    """Return the cohort; the episodes of dyad D1's second session are named `D1/2/1`, `D1/2/2`, ..."""
    moves, rows = [], []
    for dyad, sessions in study.items():
        for number, (said, spans) in enumerate(sessions, start=1):
            for party, code, when in said:
                moves.append(rk.Move(dyad=dyad, session=number, track="r1", party=party, code=code, tie=len(moves),
                                     onset=rk.seconds(when) * scale + later, row_id=len(moves)))
            rows += [EpisodeRow(episode=f"{dyad}/{number}/{nth}", dyad=dyad, track="r1", first_session=number,
                                last_session=number, onset=rk.seconds(low) * scale + later, end=rk.seconds(high) * scale + later)
                     for nth, (low, high) in enumerate(spans, start=1)]
    return rk.Cohort.of(moves, coding=rk.Coding(codebook=BOOK), episodes=rows, needs=needs)
