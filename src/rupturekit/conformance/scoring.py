"""How well a process model, or a baseline, says beforehand what a person does next: the held-out log score.

A predictor knows who speaks and what came before in the episode, and spreads a probability of 1 over the kinds of moves
of that speaker; kinds that differ only in what not all compared models speak of are added up. Its score is the mean log
probability of what was then done: a proper score, which no predictor raises by saying anything but what it expects
(Good 1952; Gneiting & Raftery 2007). Who speaks, and when an episode ends, is not predicted: process models say nothing
of turn-taking, and episodes end where a rule says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._table import Array
from rupturekit.conformance.scoring_moves import RESERVED, ScoredMoves

__all__ = ["BASELINES", "FLOWER", "HALF", "Predictor", "alike", "background", "choices", "flower", "independent",
           "markov"]

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

HALF: Final = 0.5
"""Half a move is added for every alternative, and all of it is spread over them as the background is."""

FLOWER: Final = RESERVED[0]


@attrs.frozen(kw_only=True, eq=False)
class Predictor:
    """Something that predicts each move from what came before it.

    Attributes
    ----------
    scores : fold of each dyad -> log score of each scored move
        In nats, by what was learnt from the moves of the other folds.
    free : int
        How many weights are free.
    off_model : float or None
        The off-model rate that is learnt from all folds; None where there is none to learn.
    """

    name: str
    scores: Callable[[Whole], Floats]
    free: int
    off_model: float | None = None


# --- baselines --------------------------------------------------------------------------------------------------------


def background(counts: Array, speaker: Whole) -> Floats:
    """Return how likely each kind is, given who speaks: (n + 1/K) / (n of the speaker + 1), K its number of kinds.

    One move in all is spread over the kinds (Perks 1947), so that those that were never seen cost the others little.
    `counts` holds one entry a kind in its last axis, and so does what is returned.

    >>> background(np.array([3, 0, 1]), np.array([0, 0, 1])).tolist()
    [0.875, 0.125, 1.0]
    """
    n = counts + 1 / np.bincount(speaker)[speaker]
    return np.asarray(n / (n @ alike(speaker)))


def alike(of: Whole) -> Floats:
    """Return which kinds have one speaker, or one outcome, as a matrix of 0 and 1 that adds them up."""
    return np.asarray(of[:, None] == of, dtype=np.float64)


def flower(moves: ScoredMoves) -> Predictor:
    """Make the flower model: whatever came before, all that is scored of a speaker's moves is equally likely.

    It allows everything, and so fits every episode; here that is worth 1 / number of outcomes a move.
    """
    whose = np.unique(np.column_stack([moves.speaker, moves.outcome]), axis=0)[:, 0]
    even = 1 / np.bincount(whose)[moves.speaker]
    return Predictor(name=FLOWER, scores=lambda fold: np.log(even[moves.kind[moves.scored]]), free=0)


def independent(moves: ScoredMoves) -> Predictor:
    """Make independent moves: each kind as likely as it is with that speaker, whatever came before."""
    nothing = np.zeros(len(moves.kind), dtype=np.int64)
    return Predictor(name="independent moves", free=choices(moves.speaker), scores=lambda fold: _scores_by_table(
        moves, nothing, fold, lambda counts: background(counts, moves.speaker)))


def markov(moves: ScoredMoves) -> Predictor:
    """Make the first-order Markov chain: the kind of the next move given that of the last one, and who speaks.

    p(c after b, of a speaker) = (n(b, c) + a q(c)) / (n(b, speaker) + a), with q the background and a half the number
    of the speaker's kinds: the background stands in where little was seen (MacKay & Peto 1995).
    """
    speaker = moves.speaker
    before = np.zeros(len(moves.kind), dtype=np.int64)
    before[1:] = moves.kind[:-1]    # of the first move of an episode it says nothing; that one is not scored
    mass = HALF * np.bincount(speaker)[speaker]

    def learn(counts: Array) -> Floats:
        likely = background(counts.sum(axis=0), speaker)
        return np.asarray((counts + mass * likely) / (counts @ alike(speaker) + mass))

    return Predictor(name="first-order Markov", free=len(speaker) * choices(speaker),
                     scores=lambda fold: _scores_by_table(moves, before, fold, learn))


BASELINES: Final = (flower, independent, markov)


def choices(speaker: Whole) -> int:
    """Return how many probabilities are free where each speaker chooses among its kinds."""
    return int((np.bincount(speaker) - 1).clip(min=0).sum())


def _scores_by_table(moves: ScoredMoves, context: Whole, fold: Whole, learn: Callable[[Array], Floats]) -> Floats:
    """Return log scores where all that is used of the past is one of a few contexts.

    `learn` makes probabilities, contexts x kinds, of how often each kind followed each context.
    """
    kinds, contexts, groups = len(moves.speaker), int(context.max(initial=0)) + 1, int(fold.max()) + 1
    before, kind, group = context[moves.scored], moves.kind[moves.scored], fold[moves.dyad[moves.scored]]
    cell = (group * contexts + before) * kinds + kind
    counts = np.bincount(cell, minlength=groups * contexts * kinds).reshape(groups, contexts, kinds)
    total = counts.sum(axis=0)
    tables = np.stack([learn(total - own) for own in counts]) @ alike(moves.outcome)
    return np.asarray(np.log(tables[group, before, kind]))
