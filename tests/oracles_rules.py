"""The slow, obvious version of holding an episode against a rule: every move looked at, in plain loops."""

from __future__ import annotations

from collections.abc import Iterator

from rupturekit.conformance.rules import Rule, RuleKind, Sought
from rupturekit.conformance.rules_checked import Verdict
from rupturekit.episode import Episode, Move
from rupturekit.vocabulary import ClosedBy

__all__ = ["judged", "meets"]

YES, NO, OPEN = Verdict.FULFILLED, Verdict.VIOLATED, Verdict.UNDECIDED


def judged(rule: Rule, episode: Episode) -> list[tuple[Verdict, tuple[int, ...]]]:
    """Return for each activation its verdict and the moves that it is told by."""
    if rule.kind in (RuleKind.EXISTENCE, RuleKind.ABSENCE, RuleKind.NOT_COEXISTENCE):
        return list(_of_episode(rule, episode))
    return [(_of_move(rule, episode, at), (move.row_id,)) for at, move in enumerate(episode.moves)
            if meets(rule.when, episode, move)]


def meets(sought: Sought | None, episode: Episode, move: Move) -> bool:
    if sought is None or (sought.party is not None and sought.party != move.party):
        return False
    does = episode.coding.codebook.functions_of(move.code)
    return move.code in sought.codes or any(name in does for name in sought.functions)


def _of_move(rule: Rule, episode: Episode, at: int) -> Verdict:
    moves, now = episode.moves, episode.moves[at]
    if rule.kind is RuleKind.PRECEDENCE:
        for before in range(at):
            near = rule.within_moves is None or at - before <= rule.within_moves
            if rule.within is not None:
                near = moves[before].session == now.session and now.onset - moves[before].onset <= rule.within
            if near and meets(rule.other, episode, moves[before]):
                return YES
        return NO
    if rule.kind is RuleKind.CHAIN_RESPONSE:
        assert rule.other is not None
        for after in moves[at + 1 :]:
            if not rule.next_of_party or after.party == rule.other.party:
                return YES if meets(rule.other, episode, after) else NO
        return OPEN
    for place in range(at + 1, len(moves)):
        near = rule.within_moves is None or place - at <= rule.within_moves
        if rule.within is not None:
            near = moves[place].session == now.session and moves[place].onset - now.onset <= rule.within
        if near and meets(rule.other, episode, moves[place]):
            return YES
    return NO if _run_out(rule, episode, at) else OPEN


def _run_out(rule: Rule, episode: Episode, at: int) -> bool:
    now = episode.moves[at]
    if rule.within_moves is not None:
        return len(episode.moves) - 1 - at >= rule.within_moves
    if rule.within is not None:
        seen = max(move.onset for move in episode.moves if move.session == now.session)
        if episode.row.last_session == now.session:
            seen = max(seen, episode.row.end)
        return now.onset + rule.within <= seen
    return episode.row.closed_by is not ClosedBy.OBSERVATION_END


def _of_episode(rule: Rule, episode: Episode) -> Iterator[tuple[Verdict, tuple[int, ...]]]:
    stopped = episode.row.closed_by is ClosedBy.OBSERVATION_END
    asked = [move.row_id for move in episode.moves if meets(rule.when, episode, move)]
    other = [move.row_id for move in episode.moves if meets(rule.other, episode, move)]
    if rule.kind is RuleKind.EXISTENCE:
        done = len(asked) >= rule.times
        yield (YES, tuple(asked[: rule.times])) if done else (OPEN if stopped else NO, ())
    elif rule.kind is RuleKind.ABSENCE:
        broken = len(asked) >= rule.times
        yield (NO, tuple(asked[rule.times - 1 :])) if broken else (OPEN if stopped else YES, ())
    elif asked and other:
        yield NO, tuple(move.row_id for move in episode.moves if move.row_id in (*asked, *other))
    elif asked or other:
        yield OPEN if stopped else YES, ()
