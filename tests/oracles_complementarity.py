"""The slow, obvious version of complementarity and of windows: lists, loops, degrees and sets of places in time."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import groupby

__all__ = ["apart", "corresponds", "free_starts", "kiesler", "pairs", "reciprocates", "runs_of_control", "sasb", "turns", "windows_of"]


def turns(party: Sequence[Hashable], unit: Sequence[Hashable]) -> list[list[int]]:
    """Return the moves of each turn: neighbours of one party in one unit."""
    grouped = groupby(range(len(party)), key=lambda at: (unit[at], party[at]))
    return [list(group) for _, group in grouped]


def pairs(party: Sequence[int], unit: Sequence[int], placed: Sequence[bool], lag: int) -> list[tuple[int, int]]:
    """Return act and answer: a placed move, and the first placed one in the other's lag-th next turn of the unit."""
    found = []
    for act in range(len(party)):
        later = [turn for turn in turns(party, unit)
                 if turn[0] > act and unit[turn[0]] == unit[act] and party[turn[0]] != party[act]]
        if placed[act] and len(later) >= lag:
            answers = [at for at in later[lag - 1] if placed[at]]
            found += [(act, answers[0])] if answers else []
    return found


def _half(angle: int, low: int, high: int) -> int:
    """Return 1 within (low, high) degrees, 0 on either bound, -1 elsewhere."""
    turned = (angle - low) % 360
    return 0 if turned in (0, high - low) else 1 if turned < high - low else -1


def kiesler(act: int, answer: int) -> str:
    """Return the kind of pair for two angles in whole degrees."""
    return {2: "complementary", 1: "acomplementary", 0: "anticomplementary"}[corresponds(act, answer) + reciprocates(act, answer)]


def corresponds(act: int, answer: int) -> bool:
    """Return whether both are on the right, on the left, or on the axis between."""
    return _half(act, -90, 90) == _half(answer, -90, 90)


def reciprocates(act: int, answer: int) -> bool:
    """Return whether one is above and the other below, or both are on the axis between."""
    return _half(act, 0, 180) == -_half(answer, 0, 180)


def apart(act: int, answer: int) -> int:
    """Return how far an answer lies from the complement of an act, in whole degrees, the short way round."""
    complement = -act % 360
    return min((answer - complement) % 360, (complement - answer) % 360)


def sasb(act: str, answer: str) -> str:
    """Return the kind of pair for two clusters, written as surface-number, of surfaces 1 and 2."""
    (one, n), (other, m) = (map(int, code.split("-")) for code in (act, answer))
    if n == m:
        return "similar" if one == other else "complementary"
    return "antithetical" if one != other and abs(n - m) == 4 else "other"


def runs_of_control(control: Iterable[Sequence[float]], at_least: int) -> list[tuple[int, int]]:
    """Return first and last of runs of turns whose mean control is above 0; a turn is a list of its placed moves'."""
    dominant = [bool(turn) and sum(turn) / len(turn) > 1e-9 for turn in control]
    found, at = [], 0
    for flag, group in groupby(dominant):
        n = len(list(group))
        found += [(at, at + n - 1)] if flag and n >= at_least else []
        at += n
    return found


def windows_of(line: range, episode: range, *, before: int, after: int) -> dict[str, list[int]]:
    """Return the places of a line that lie before an episode, in it and after it."""
    return {"before": [at for at in line if 0 < episode.start - at <= before],
            "episode": [at for at in line if at in episode],
            "after": [at for at in line if 0 <= at - episode.stop < after]}


def free_starts(line: range, taken: Iterable[range], *, length: int) -> list[int]:
    """Return every place at which a window of a length fits into a line without touching what is taken."""
    blocked = {at for one in taken for at in one}
    return [at for at in line if all(here in line and here not in blocked for here in range(at, at + length))]
