"""What departing from a process model costs, and the prices that a compiled model amounts to."""

from __future__ import annotations

import functools
from enum import StrEnum
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.alignment import NO_WAY, Prices, prices_of
from rupturekit.alphabet import Alphabet
from rupturekit.conformance.substitutions import Substitution, check_price, substitution_costs
from rupturekit.errors import NotEstimable
from rupturekit.vocabulary import Phase

__all__ = ["Accept", "AlignmentCosts", "Substitution", "arrow_costs", "check_sums", "instead_of", "prices"]

MOST_PRICES: Final = 1 << 26


class Accept(StrEnum):
    """Where an episode may stop without cost."""

    COMPLETED = "completed"
    """In an end of phase repair, or where the model has none, in any of its ends."""
    ANY_END = "any_end"
    ANY_PREFIX = "any_prefix"
    """Anywhere: the episode is held against the beginning of the model."""


@attrs.frozen(kw_only=True)
class AlignmentCosts:
    """What each kind of deviation costs, in whole numbers.

    Attributes
    ----------
    skipped : int
        A step of the model that some code could have shown, and no move did. Silent arrows, and steps that no code of
        the codebook shows, are never charged.
    off_model : int
        A move that takes no arrow.
    substituted : int or None
        A move that takes an arrow it does not fit, in place of one that would; None where that is not allowed.
    substitutions : tuple of Substitution
        Other prices of that, by functions and by state. The first that applies counts, before `substituted`.
    accept : Accept
        Where an episode may stop.
    """

    skipped: int = attrs.field(default=1, validator=check_price)
    off_model: int = attrs.field(default=1, validator=check_price)
    substituted: int | None = attrs.field(default=None, validator=attrs.validators.optional(check_price))
    substitutions: tuple[Substitution, ...] = attrs.field(default=(), converter=tuple)
    accept: Accept = attrs.field(default=Accept.COMPLETED, converter=Accept)

    @property
    def identity(self) -> str:
        """The costs as provenance says them."""
        instead = "no substitution" if self.substituted is None else f"substituted {self.substituted}"
        if self.substitutions:
            instead += f" but {', '.join(map(str, self.substitutions))}"
        return f"costs skipped {self.skipped}, off-model {self.off_model}, {instead}, accepts {self.accept}"


def arrow_costs(alphabet: Alphabet, costs: AlignmentCosts) -> npt.NDArray[np.int32]:
    """Return what passing each arrow without a move costs."""
    return np.array([costs.skipped if charged else 0 for charged in alphabet.charged], dtype=np.int32)


def instead_of(alphabet: Alphabet, costs: AlignmentCosts) -> npt.NDArray[np.int32]:
    """Return what it costs that a move of each symbol takes each arrow without fitting it: symbols x arrows.

    Raises
    ------
    RecordError, UnknownState, NotEstimable
        As `substitution_costs`.
    """
    return substitution_costs(alphabet, substituted=costs.substituted, substitutions=costs.substitutions)


def check_sums(costs: AlignmentCosts, *, moves: int, states: int) -> None:
    """Refuse what could add up to more than is counted exactly.

    Raises
    ------
    NotEstimable
    """
    most = max(costs.skipped, costs.off_model, costs.substituted or 0, *(one.cost or 0 for one in costs.substitutions))
    if most * (moves + states) >= NO_WAY:
        raise NotEstimable(f"an episode of {moves:,} moves, {states:,} states and prices up to {most:,} could cost "
                           f"{NO_WAY:,} or more, which is not added up exactly; divide all prices by a common "
                           "factor, or cut shorter episodes")


@functools.lru_cache(maxsize=16)
def prices(alphabet: Alphabet, costs: AlignmentCosts) -> Prices:
    """Return the prices of taking symbols and of stopping that a compiled model and costs amount to.

    What a move is does not depend on the alignment: a guard on elapsed time asks for the move before it in the record,
    as in tracing, whether or not that one is off the model.

    Raises
    ------
    NotEstimable
        Where the model is too large: symbols times states squared are held. And as `substitution_costs`.
    RecordError, UnknownState
        As `substitution_costs`.
    """
    model, n = alphabet.model, len(alphabet.model.states)
    count = len(alphabet.fits) * n * n
    if count > MOST_PRICES:
        raise NotEstimable(f"{model.name} has {n:,} states and {alphabet.codebook.name} shows {len(alphabet.fits):,} "
                           f"kinds of moves in it, {count:,} prices; at most {MOST_PRICES:,} are held: align to a part "
                           "of the model, or to its chains one by one")
    take = np.full((len(alphabet.fits), n, n), NO_WAY, dtype=np.int32)
    step = np.full((n, n), NO_WAY, dtype=np.int32)
    instead = instead_of(alphabet, costs)
    for at, (arrow, cost) in enumerate(zip(model.transitions, arrow_costs(alphabet, costs).tolist(), strict=True)):
        source, target = model.index[arrow.source], model.index[arrow.target]
        step[source, target] = min(int(step[source, target]), cost)
        if arrow.when is not None:
            here = take[:, source, target]
            take[:, source, target] = np.minimum(here, np.where(alphabet.fits[:, at], 0, instead[:, at]))
    leave_out = np.full(len(take), costs.off_model, dtype=np.int32)
    return prices_of(take, leave_out=leave_out, step=step, start=alphabet.start, stop=_stops(alphabet, costs.accept))


def _stops(alphabet: Alphabet, accept: Accept) -> npt.NDArray[np.int32]:
    states = alphabet.model.states
    ends = np.array([state.end for state in states])
    completed = ends & np.array([state.phase is Phase.REPAIR for state in states])
    allowed = {Accept.COMPLETED: completed if completed.any() else ends, Accept.ANY_END: ends,
               Accept.ANY_PREFIX: np.ones(len(states), dtype=bool)}[accept]
    return np.where(allowed, 0, NO_WAY).astype(np.int32)
