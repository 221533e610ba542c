"""Simulate a study: its sessions in blocks, in any order, by any number of workers."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

import numpy as np

from rupturekit.errors import RecordError
from rupturekit.inference.merging import in_parts
from rupturekit.simulation.assembly import assembled
from rupturekit.simulation.chances import chances_of
from rupturekit.simulation.design import Design
from rupturekit.simulation.streams import Streams, run_sessions
from rupturekit.simulation.truth import Simulated

__all__ = ["TURNS_AT_ONCE", "simulate"]

TURNS_AT_ONCE: Final = 200_000
"""Turns simulated at once where nothing else is said. It decides memory and speed, never a result."""


def _tell_nothing(done: int, of: int) -> None:
    """Keep silent about progress."""


def simulate(design: Design, *, seed: int, executor: str | Executor = "serial", workers: int | None = None,
             block: int | None = None, tell: Callable[[int, int], None] = _tell_nothing) -> Simulated:
    """Simulate a study with known truth.

    A session depends on the seed, its dyad and its number alone: other sessions, the order of work, the size of blocks
    and the number of workers change no bit of it. Adding dyads adds dyads; only whether later sessions were due at all
    hangs on earlier ones, through dropout.

    Parameters
    ----------
    seed : int
        Names all random numbers, together with what each is for.
    block : int or None
        Sessions simulated at once, 1 or more; None takes as many as hold 200,000 turns.
    tell : (sessions done, sessions in all) -> None
        For a progress bar.

    Raises
    ------
    NotEstimable
        Where the model or the codebook cannot be simulated.

    >>> made = simulate(Design(dyads=3, sessions=2), seed=1)
    >>> made.cohort.track_names, len(made.truth.dyads)
    (('truth-coded',), 3)
    """
    chances, seed = chances_of(design), operator.index(seed)
    if block is None:
        block = max(TURNS_AT_ONCE // design.turns[1], 1)
    if operator.index(block) < 1:
        raise RecordError(f"block is {block}; expected 1 or more sessions at once", field="block", value=block)
    due = np.arange(design.dyads * design.sessions)
    parts = [due[low : low + block] for low in range(0, len(due), block)]
    pieces: list[Streams] = []
    for piece in in_parts(functools.partial(run_sessions, chances, seed=seed), parts, executor=executor,
                          workers=workers):
        pieces.append(piece)
        tell(min(len(pieces) * block, len(due)), len(due))
    return assembled(design, chances, Streams.joined(pieces), seed=seed)
