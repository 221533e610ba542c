"""A process model made stochastic, so that it predicts moves: arrows with weights, and one off-model rate.

In a state, with probability 1 - e, the speaker takes one of the arrows that moves of that speaker fit there, by its
weight; of the kinds of moves that fit it one is made as the background has it. Arrows that nothing can show are passed
on the way. With probability e the move is a deviation, one of all kinds, as deviations of that speaker are. The state
stays; where the kind is one that the model expects only later, past steps that were skipped, it stays or goes on there,
either as likely. Where the speaker has no arrow, every move is a deviation, and e does not enter.

Which of these it was is not seen. Weights, rate and kinds of deviations are learnt by expectation-maximisation (Baum et
al. 1970; Dempster, Laird & Rubin 1977), a fixed number of rounds from a fixed start; what is known of the state when a
move is predicted is what the moves before it say. As in the baselines, half a move is added for every alternative.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.forward import Steps, expected_steps, log_scores, steps_in_order
from rupturekit.alphabet import Alphabet
from rupturekit.conformance.scoring import HALF, Predictor, alike, background, choices
from rupturekit.conformance.scoring_moves import ScoredMoves

__all__ = ["ROUNDS", "Ways", "Weights", "learn", "process_model", "reached_unseen", "steps_of", "ways_of"]

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

ROUNDS: Final = 20
"""Rounds of expectation and maximisation. A convention of this library, stated with every comparison."""

_FIRST_RATE: Final = 0.3
_PASSED_ON: Final = 0.5    # of deviations that the model expects later
_AT_ONCE: Final = 1 << 22    # entries of an array of steps; more sets of weights are worked on one after another


@attrs.frozen(kw_only=True, eq=False)
class Ways:
    """What can be done in each state of a compiled model.

    Attributes
    ----------
    source, target, turn, what : int64, one a way
        From which state, to which, who does it where (state * speakers + speaker), and by what: arrow * speakers +
        speaker.
    fits : bool, arrows * speakers x kinds
        Which kinds of moves those are.
    can : bool, states x kinds
        Whether the speaker of a kind has a way in the state.
    steps : Steps
        All that can be: of which kind, from which state to which.
    way, kind, step : int64
        The pairs of a way and a kind that fits it, and which step each is.
    dev_kind, dev_state, dev_step, dev_share
        Where a deviation of a kind leads from a state, which step that is, and how likely among where it may lead.
    """

    speaker: Whole
    source: Whole
    target: Whole
    turn: Whole
    what: Whole
    fits: npt.NDArray[np.bool_]
    can: npt.NDArray[np.bool_]
    steps: Steps
    way: Whole
    kind: Whole
    step: Whole
    dev_kind: Whole
    dev_state: Whole
    dev_step: Whole
    dev_share: Floats

    @property
    def free(self) -> int:
        """Weights that are free: of the ways of each turn one less, the off-model rate, and kinds of deviations."""
        return len(self.turn) - len(np.unique(self.turn)) + int(len(self.turn) > 0) + choices(self.speaker)


@attrs.frozen(kw_only=True, eq=False)
class Weights:
    """Sets of weights: of the ways (sets x ways), off-model rates, and kinds (sets x kinds).

    `likely` is the background, `deviating` how likely each kind is among deviations of its speaker.
    """

    way: Floats
    rate: Floats
    likely: Floats
    deviating: Floats


def process_model(moves: ScoredMoves, which: int) -> Predictor:
    """Make one of the compared process models stochastic."""
    alphabet = moves.alphabets[which]
    ways = ways_of(alphabet, moves.symbol[which].astype(np.int64), moves.speaker)
    rate = learn(ways, moves, alphabet.start, np.ones((1, len(moves.kind)))).rate
    return Predictor(name=alphabet.model.name, free=ways.free, off_model=float(rate[0]) if len(ways.turn) else None,
                     scores=lambda fold: _scores(ways, moves, alphabet.start, fold))


def _scores(ways: Ways, moves: ScoredMoves, start: int, fold: Whole) -> Floats:
    """Return the log score of each scored move by the weights that the other folds gave."""
    own, found = fold[moves.dyad], np.empty(len(moves.kind))
    for low, high in _together(int(fold.max()) + 1, len(ways.steps.symbol)):
        counted = (own != np.arange(low, high)[:, None]).astype(np.float64)
        weights = learn(ways, moves, start, counted)
        chance = steps_of(ways, weights)
        scores = log_scores(ways.steps, chance, moves.kind, offsets=moves.episodes.offsets, start=start,
                            told=np.einsum("wks,kj->wjs", _by_kind(ways, chance), alike(moves.outcome)))
        here = np.flatnonzero((own >= low) & (own < high))
        found[here] = scores[own[here] - low, here]
    return found[moves.scored]


def _together(sets: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield (low, high) of the sets of weights that are worked on at once."""
    many = max(_AT_ONCE // size, 1)
    return ((low, min(low + many, sets)) for low in range(0, sets, many))


# --- what can be done -------------------------------------------------------------------------------------------------


def ways_of(alphabet: Alphabet, symbol: Whole, speaker: Whole) -> Ways:
    """Return what can be done in each state, where kinds of moves have these symbols and speakers."""
    model, speakers, n = alphabet.model, int(speaker.max()) + 1, len(alphabet.model.states)
    ends = np.array([(model.index[arrow.source], model.index[arrow.target]) for arrow in model.transitions])
    fits = (alphabet.fits[symbol].T[:, None, :] & (speaker == np.arange(speakers)[:, None])).reshape(-1, len(symbol))
    reached = reached_unseen(alphabet)[:, ends[:, 0]]
    source, what = np.nonzero(np.repeat(reached, speakers, axis=1) & fits.any(axis=1))
    target, turn = ends[what // speakers, 1], source * speakers + what % speakers
    has = np.bincount(turn, minlength=n * speakers).reshape(n, speakers) > 0
    way, kind = np.nonzero(fits[what])
    dev_kind, dev_state, dev_after, dev_share = _deviations(alphabet, symbol)
    cells, place = np.unique(np.concatenate([(kind * n + source[way]) * n + target[way],
                                             (dev_kind * n + dev_state) * n + dev_after]), return_inverse=True)
    step, dev_step = np.split(place.reshape(-1), [len(way)])
    return Ways(speaker=speaker, source=source, target=target, turn=turn, what=what, fits=fits, can=has[:, speaker],
                steps=steps_in_order(cells, symbols=len(symbol), states=n), way=way, kind=kind, step=step,
                dev_kind=dev_kind, dev_state=dev_state, dev_step=dev_step, dev_share=dev_share)


def reached_unseen(alphabet: Alphabet) -> npt.NDArray[np.bool_]:
    """Return from which state which others are reached by arrows that no move of these codes shows: states x states."""
    model = alphabet.model
    far = np.eye(len(model.states), dtype=bool)
    for arrow, charged in zip(model.transitions, alphabet.charged, strict=True):
        if not charged and arrow.source != arrow.target:
            far[model.index[arrow.source], model.index[arrow.target]] = True
    for via in range(len(far)):
        far |= far[:, via][:, None] & far[via]
    return far


def _deviations(alphabet: Alphabet, symbol: Whole) -> tuple[Whole, Whole, Whole, Floats]:
    """Return where deviations lead: kind, state, state after, share; they stay, or go on past skipped steps."""
    n_states, signs = alphabet.next.shape
    onward = np.full((n_states, signs), -1, dtype=np.int64)
    for cell, hop in alphabet.hops.items():
        if hop.skipped:
            onward[cell] = hop.target
    after = onward[:, symbol].T
    kind, state = (np.asarray(held.ravel(), dtype=np.int64) for held in np.indices(after.shape))
    goes_kind, goes_state = np.nonzero(after >= 0)
    stays = np.where(after >= 0, 1 - _PASSED_ON, 1.0).ravel()
    return (np.concatenate([kind, goes_kind]), np.concatenate([state, goes_state]),
            np.concatenate([state, after[goes_kind, goes_state]]),
            np.concatenate([stays, np.full(len(goes_kind), _PASSED_ON)]))


# --- learning ---------------------------------------------------------------------------------------------------------


def learn(ways: Ways, moves: ScoredMoves, start: int, counted: Floats) -> Weights:
    """Return the weights that sets of moves give; `counted` is sets x moves."""
    counted = counted * moves.scored
    seen = np.stack([np.bincount(moves.kind, weights=row, minlength=len(moves.speaker)) for row in counted])
    likely = background(seen, moves.speaker)
    first = _shares(ways, _made(ways, likely))
    weights = Weights(way=first, rate=np.full(len(counted), _FIRST_RATE), likely=likely, deviating=likely)
    for _ in range(ROUNDS if len(ways.turn) else 0):
        chance = steps_of(ways, weights)
        found, _ = expected_steps(ways.steps, chance, moves.kind, offsets=moves.episodes.offsets, start=start,
                                  counted=counted)
        weights = _maximised(ways, weights, found / chance, first)
    return weights


def _made(ways: Ways, likely: Floats) -> Floats:
    """Return what share of all moves of its speaker the background gives those that fit each way: sets x ways."""
    return np.asarray((likely @ ways.fits.T.astype(np.float64))[:, ways.what])


def _shares(ways: Ways, held: Floats) -> Floats:
    """Divide what ways hold by what all ways of their turn hold: sets x ways."""
    return np.asarray(held / _by_turn(ways, held))


def _by_turn(ways: Ways, held: Floats) -> Floats:
    return _added(ways.turn, held, size=int(ways.turn.max(initial=0)) + 1)[:, ways.turn]


def _taken(ways: Ways, weights: Weights) -> Floats:
    """Return how likely it is that each way is taken by each kind that fits it: sets x pairs."""
    of_way = (1 - weights.rate[:, None]) * weights.way / _made(ways, weights.likely)
    return np.asarray(of_way[:, ways.way] * weights.likely[:, ways.kind])


def _deviating(ways: Ways, weights: Weights) -> Floats:
    """Return how likely each deviation is: sets x deviations."""
    rate = np.where(ways.can[ways.dev_state, ways.dev_kind], weights.rate[:, None], 1.0)
    return np.asarray(rate * weights.deviating[:, ways.dev_kind] * ways.dev_share)


def steps_of(ways: Ways, weights: Weights) -> Floats:
    """Return how likely each step is, its kind and state after, in the state before: sets x steps."""
    return _added(ways.step, _taken(ways, weights), size=len(ways.steps.symbol)) + _added(
        ways.dev_step, _deviating(ways, weights), size=len(ways.steps.symbol))


def _added(place: Whole, held: Floats, *, size: int) -> Floats:
    """Add up what has one place: sets x places."""
    return np.stack([np.bincount(place, weights=row, minlength=size) for row in held])


def _by_kind(ways: Ways, chance: Floats) -> Floats:
    """Return how likely each kind is in each state, wherever it leads: sets x kinds x states."""
    steps = ways.steps
    made = _added(steps.symbol * steps.states + steps.before, chance, size=steps.symbols * steps.states)
    return made.reshape(-1, steps.symbols, steps.states)


def _maximised(ways: Ways, weights: Weights, over: Floats, first: Floats) -> Weights:
    """Return better weights; `over` is how often each step was made, over its probability."""
    n = _added(ways.way, over[:, ways.step] * _taken(ways, weights), size=len(ways.turn))
    left = over[:, ways.dev_step] * _deviating(ways, weights)
    off = (left * ways.can[ways.dev_state, ways.dev_kind]).sum(axis=1)
    alternatives, same = HALF * _by_turn(ways, np.ones((1, len(ways.turn)))), alike(ways.speaker)
    kinds = _added(ways.dev_kind, left, size=len(ways.speaker)) + HALF * same.sum(axis=0) * weights.likely
    return attrs.evolve(weights, way=_shares(ways, n + alternatives * first), deviating=kinds / (kinds @ same),
                        rate=(off + HALF) / (n.sum(axis=1) + off + 1))
