"""The simulator as a plain loop: one dyad, one session, one turn at a time, from the sentences of `Design`.

Slow and obvious. Tests hold the shipped form to it turn by turn, and `benchmarks/simulation.py` times both.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from rupturekit import _random
from rupturekit.simulation.design import Design
from rupturekit.simulation.raters import Rater
from rupturekit.simulation.truth import TurnKind
from rupturekit.state_machine import Condition
from rupturekit.vocabulary import Need, NeedVerb

PARTIES = ("client", "therapist")
MARKERS = ("withdrawal_marker", "confrontation_marker")
WORD = 2**64


class Turn(NamedTuple):
    """One turn, in words."""

    dyad: str
    session: int
    turn: int
    party: str
    onset: int
    offset: int
    kind: str
    state: str | None
    code: str | None
    need_act: str | None


class Meeting(NamedTuple):
    """One session: its recorded turns, and what is known of the whole of it."""

    turns: list[Turn]
    length: int
    duration: int
    ruptured: int
    open: bool
    drops: bool
    cut: bool


class Lookup(NamedTuple):
    """What a loop would look up again and again, from one design."""

    openings: dict[str, list[str]]
    leaving: dict[tuple[str, str], list[tuple[str, list[str]]]]
    staying: dict[tuple[str, str], list[tuple[str, list[str]]]]
    base: dict[str, list[tuple[str, int]]]
    acts: dict[str, list[tuple[str, Need, int]]]
    act_code: dict[tuple[str, str], str]
    ends: tuple[str, ...]


def word_at(key: int, counter: int) -> int:
    """Return one draw of splitmix64."""
    state = (key + (counter + 1) * 0x9E3779B97F4A7C15) % WORD
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % WORD
    return state ^ (state >> 31)


def halves_at(key: int, counter: int) -> tuple[int, int]:
    word = word_at(key, counter)
    return word % 2**32, word // 2**32


def limit(probability: float) -> int:
    return round(probability * 2**20) * 2**12


def normal(key: int, first: int) -> float:
    total = sum(sum(halves_at(key, counter)) for counter in range(first, first + 6))
    return (total - 6 * (2**32 - 1)) / 2**32


def expit(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def lookup(design: Design) -> Lookup:
    """Read a design once."""
    book, model = design.codebook, design.model

    def codes(when: Condition | None, party: str) -> list[str]:
        if when is None or when.party not in (None, party):
            return []
        return sorted(code.code for code in book.codes if set(code.functions) & set(when.functions)
                      and (party in code.parties or not code.parties))

    leaving: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
    staying: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
    for arrow in model.transitions:
        for party in PARTIES:
            if codes(arrow.when, party):
                held = staying if arrow.source == arrow.target else leaving
                held.setdefault((arrow.source, party), []).append((arrow.target, codes(arrow.when, party)))
    openings = {party: sorted({code for _, shown in staying.get((model.initial, party), []) for code in shown
                               if set(book.functions_of(code)) & set(MARKERS)}) for party in PARTIES}
    base: dict[str, list[tuple[str, int]]] = {}
    for party in PARTIES:
        rates = (design.base_rates or {}).get(party, {})
        if design.base_rates is None:
            known = sorted({code for arrow in model.transitions for code in codes(arrow.when, party)} - set(openings[party]))
            rates = {code: 0.2 / len(known) for code in known}
        total, base[party] = 0, []
        for code in sorted(rates):
            if rates[code] > 0:
                total = min(total + limit(rates[code]), 2**32)
                base[party].append((code, total))
    acts: dict[str, list[tuple[str, Need, int]]] = {}
    act_code = {}
    for party in PARTIES:
        total, acts[party] = 0, []
        for verb in NeedVerb:
            for need in Need:
                rate = design.needs[party].of(verb, need=need) if party in design.needs else 0.0
                total = min(total + limit(rate), 2**32)
                acts[party].append((verb.value, need, total))
                shown = codes(Condition(functions=(f"{verb}s_{need}",)), party)
                if shown:
                    act_code[party, f"{verb} {need}"] = shown[0]
    return Lookup(openings, leaving, staying, base, acts, act_code, tuple(model.ends))


def onset_of(design: Design, dyad: int, seed: int) -> float:
    """Return a dyad's probability of onset."""
    if not design.dyad_sd and not design.therapist_sd:
        return design.onset
    own = normal(_random.key(seed, cluster=f"D{dyad + 1:06d}", purpose="dyad"), 0)
    odds = logit(design.onset) + design.dyad_sd * own
    if design.therapist_sd:
        therapist = f"T{dyad // design.dyads_per_therapist + 1:06d}"
        odds = odds + design.therapist_sd * normal(_random.key(seed, cluster=therapist, purpose="therapist"), 0)
    return expit(odds)


def meeting(design: Design, seen: Lookup, onset: int, dyad: int, number: int, seed: int) -> Meeting:
    """Simulate one session."""
    name = f"D{dyad + 1:06d}"
    key = _random.key(seed, cluster=f"{name}/{number}", purpose="turns")
    (how_long, missing), (shortened, where), (leaves_therapy, _) = (halves_at(key, counter) for counter in range(3))
    least, most = design.turns
    length = 0 if missing < limit(design.missed) else least + how_long * (most - least + 1) // 2**32
    cut = shortened < limit(design.cut) and length > 1
    recorded = 1 + where * (length - 1) // 2**32 if cut else length
    turns = list(walk(design, seen, onset, key, name, number, length))
    last = turns[-1].state if turns else None
    is_open = last is not None and last not in seen.ends
    drop = limit(expit(logit(design.dropout) + design.dropout_after_rupture)) if is_open and design.dropout_after_rupture else limit(design.dropout)
    return Meeting(turns[:recorded], length, turns[-1].offset if turns else 0, sum(turn.state is not None for turn in turns),
                   is_open, leaves_therapy < drop, cut)


def walk(design: Design, seen: Lookup, onset: int, key: int, name: str, number: int, length: int) -> Iterator[Turn]:
    """Go through a session turn by turn."""
    switch, lapse, order = limit(design.switch), limit(design.lapse), limit(design.order)
    advance = {state.name: limit(1 / design.dwell_in(state.name)) for state in design.model.states}
    least, most = design.turn_length
    speaker, now, clock = 0, None, 0
    claims: set[tuple[int, Need]] = set()
    for turn in range(length):
        h = [half for counter in range(4) for half in halves_at(key, 1024 + 4 * turn + counter)]
        if turn == 0:
            speaker = 1 if h[0] >= 2**31 else 0
        elif h[0] < switch:
            speaker = 1 - speaker
        party = PARTIES[speaker]
        spoken = (least + h[1] * (most - least + 1) // 2**32) * 1000
        code = next((code for code, edge in seen.base[party] if h[5] < edge), None)
        kind, after = TurnKind.BACKGROUND, now
        leaving, staying = seen.leaving.get((now, party)), seen.staying.get((now, party))
        if now is None:
            if seen.openings[party] and h[2] < onset:
                kind, code = TurnKind.OPENS, choose(seen.openings[party], h[6])
                after = design.model.initial if order else None
        elif h[2] < lapse:
            kind, after = TurnKind.LAPSES, None
        elif h[3] < order and (leaving or staying):
            if leaving and h[4] < advance[now]:
                after, shown = choose(leaving, h[5])
                kind, code = TurnKind.ADVANCES, choose(shown, h[6])
            else:
                kind = TurnKind.STAYS
                code = choose(choose(staying, h[5])[1], h[6]) if staying else code
        act = answer(seen, party, speaker, h[7], claims)
        yield Turn(name, number, turn, party, clock, clock + spoken, kind.value, after, code, act)
        clock += spoken
        now = None if after in seen.ends else after


def choose(held: list[Any], half: int) -> Any:
    return held[half * len(held) // 2**32]


def answer(seen: Lookup, party: str, speaker: int, half: int, claims: set[tuple[int, Need]]) -> str | None:
    """Return the act on a need that a turn holds, and keep account of open claims."""
    for verb, need, edge in seen.acts[party]:
        if half < edge:
            whose = 1 - speaker if verb in ("grant", "contest") else speaker
            if verb != "claim" and (whose, need) not in claims:
                return None
            if verb == "claim":
                claims.add((whose, need))
            elif verb != "contest":
                claims.remove((whose, need))
            return f"{verb} {need}"
    return None


def simulated(design: Design, *, seed: int, dyads: Iterable[int] | None = None) -> list[list[Meeting]]:
    """Return the sessions of each dyad, up to the one after which it drops out."""
    seen, found = lookup(design), []
    for dyad in range(design.dyads) if dyads is None else dyads:
        onset = limit(onset_of(design, dyad, seed))
        meetings: list[Meeting] = []
        while len(meetings) < design.sessions and not (meetings and meetings[-1].drops):
            meetings.append(meeting(design, seen, onset, dyad, len(meetings) + 1, seed))
        found.append(meetings)
    return found


def moves(design: Design, dyads: list[list[Meeting]]) -> list[tuple[Any, ...]]:
    """Return the moves on record: (dyad, session, party, code, onset, offset, tie)."""
    seen, found = lookup(design), []
    for turn in (turn for meetings in dyads for one in meetings for turn in one.turns):
        codes = [turn.code] if turn.code else []
        codes += [seen.act_code[turn.party, turn.need_act]] if turn.need_act else []
        found += [(turn.dyad, turn.session, turn.party, code, turn.onset, turn.offset, tie) for tie, code in enumerate(codes)]
    return found


def ruptures(design: Design, dyads: list[list[Meeting]]) -> list[tuple[Any, ...]]:
    """Return (dyad, session, first turn, last turn, party, end) of each rupture."""
    found = []
    for one in (one for meetings in dyads for one in meetings):
        first = None
        for turn in one.turns:
            if turn.kind == "opens" and turn.state is not None:
                first = turn
            after = one.turns[turn.turn + 1] if turn.turn + 1 < len(one.turns) else None
            if first is None or turn.state is None:
                continue
            end = "reached" if turn.state in design.model.ends else (
                ("recording_cut" if one.cut else "session_end") if after is None else "lapsed" if after.kind == "lapses" else "")
            if end:
                found.append((turn.dyad, turn.session, first.turn, turn.turn, first.party, end))
                first = None
    return found


def scores(design: Design, dyads: list[list[Meeting]], *, seed: int) -> list[tuple[Any, ...]]:
    """Return (dyad, session, value or None) of each score of each session that took place."""
    found = []
    for at, score in enumerate(design.scores):
        for dyad, meetings in enumerate(dyads):
            name = f"D{dyad + 1:06d}"
            own = score.dyad_sd * normal(_random.key(seed, cluster=name, purpose="dyad"), 8 + 8 * at)
            for number, one in enumerate(meetings, start=1):
                if one.length:
                    key = _random.key(seed, cluster=f"{name}/{number}", purpose="turns")
                    value = score.mean + score.slope * (one.ruptured / one.length) + own
                    value += score.noise_sd * normal(key, 8 + 8 * at)
                    gone = halves_at(key, 8 + 8 * at + 6)[0] < limit(score.missing)
                    found.append((name, number, None if gone else round(value * 1000) / 1000))
    return found


class Unit(NamedTuple):
    """One move of the truth, on its way to a rater."""

    session: int
    party: str
    code: str
    turn: Turn


def rated(design: Design, dyads: list[list[Meeting]], rater: Rater, *, seed: int) -> list[tuple[Any, ...]]:
    """Return the rater's moves: (dyad, session, party, code, onset, offset), in order of time."""
    seen, found = lookup(design), []
    for turns in (one.turns for meetings in dyads for one in meetings):
        units = []
        for turn in turns:
            codes = [turn.code] if turn.code else []
            codes += [seen.act_code[turn.party, turn.need_act]] if turn.need_act else []
            units += [Unit(turn.session, turn.party, code, turn) for code in codes]
        if units:
            key = _random.key(seed, cluster=f"{turns[0].dyad}/{turns[0].session}", purpose=f"rater:{rater.name}")
            found += sorted(reading(design, rater, units, turns, key), key=lambda move: move[4])
    return found


def reading(design: Design, rater: Rater, units: list[Unit], turns: list[Turn], key: int) -> list[tuple[Any, ...]]:
    """Read one session."""
    attention, groups, last = 0, [], {}
    for at, unit in enumerate(units):
        h = [half for counter in range(3) for half in halves_at(key, 4 * at + counter)]
        if at == 0 or h[0] >= limit(1 - 1 / rater.run):
            attention = h[1]
        spoken = turns[min(unit.turn.turn + rater.late_by, len(turns) - 1)] if h[3] < limit(rater.late) else unit.turn
        before = last.get(unit.party)
        if before is not None and before["unit"].code == unit.code and h[5] < limit(rater.joined):
            before["group"]["end"] = max(before["group"]["end"], spoken.offset)
            last[unit.party] = {"unit": unit, "group": before["group"]}
            continue
        group = {"unit": unit, "code": misread(design, rater, unit, attention), "start": spoken.onset, "end": spoken.offset,
                 "missed": h[2] < limit(rater.missed), "split": h[4] < limit(rater.split)}
        groups.append(group)
        last[unit.party] = {"unit": unit, "group": group}
    moves = []
    for group in groups:
        if not group["missed"]:
            start, end, unit = group["start"], group["end"], group["unit"]
            edges = [start, start + (end - start) // 2, end] if group["split"] else [start, end]
            moves += [(unit.turn.dyad, unit.session, unit.party, group["code"], low, high)
                      for low, high in itertools.pairwise(edges)]
    return moves


def misread(design: Design, rater: Rater, unit: Unit, attention: int) -> str:
    """Return the code that a unit is taken for."""
    if unit.code in rater.confusion:
        taken = {code: share for code, share in sorted(rater.confusion[unit.code].items()) if code != unit.code and share > 0}
    else:
        others = sorted(code.code for code in design.codebook.codes
                        if code.code != unit.code and (unit.party in code.parties or not code.parties))
        taken = dict.fromkeys(others, rater.error / len(others)) if rater.error else {}
    total = math.fsum(taken.values())
    if total and rater.drift:
        drifted = expit(logit(total) + rater.drift * (unit.session - 1))
        taken = {code: drifted * share / total for code, share in taken.items()}
    elif total:
        taken = {code: total * share / total for code, share in taken.items()}
    edge = 0
    for code, share in taken.items():
        edge += limit(share)
        if attention < edge:
            return code
    return unit.code
