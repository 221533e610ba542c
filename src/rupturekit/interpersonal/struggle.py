"""Control struggle: adjacent turns in which both parties take control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import numpy as np

from rupturekit import _html
from rupturekit._table import Array
from rupturekit.cohort import Cohort
from rupturekit.errors import RecordError
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.merging import Counts
from rupturekit.interpersonal.acts import Acts, mean_over_dyads, order_warning, plane_of, stream_of
from rupturekit.interpersonal.fits import ZERO, Convention, Floats, turn_numbers
from rupturekit.interpersonal.placement import Placement
from rupturekit.ties import TieRule, as_tie_rule

__all__ = ["ControlStruggle", "Struggle", "control_struggle"]


@attrs.frozen(kw_only=True)
class Struggle:
    """One run of turns in which both parties take control.

    Attributes
    ----------
    first, last : int
        `row_id` of its first and last move.
    turns : int
    """

    dyad: str
    session: int
    first: int
    last: int
    turns: int


@attrs.frozen(kw_only=True, repr=False)
class ControlStruggle:
    """How much of the talk is a struggle over control, and where.

    Attributes
    ----------
    share : Estimate
        The share of turns with a place that lie in a struggle, the mean over dyads.
    at_least : int
        How many adjacent turns make a struggle.
    runs : tuple of Struggle
        In order of dyad, session and time.
    left_out : mapping of str to int
    """

    share: Estimate
    at_least: int
    runs: tuple[Struggle, ...]
    left_out: Mapping[str, int]

    def __repr__(self) -> str:
        return f"ControlStruggle({len(self.runs):,} of {self.at_least} turns or more, share {self.share.value:.3f})"

    def __str__(self) -> str:
        left = [f"left out: {n:,} {why}" for why, n in self.left_out.items()]
        return "\n".join([self.share.summary(), f"{len(self.runs):,} runs of {self.at_least} turns or more", *left])

    def _repr_html_(self) -> str:
        return _html.printed(self)


def control_struggle(cohort: Cohort, placement: Placement | str | Path, *, at_least: int, track: str | None = None,
                     tie_rule: TieRule | str = TieRule.AS_FILED, confidence: float = 0.95, level: str | None = None,
                     seed: int = 1) -> ControlStruggle:
    """Find runs of adjacent turns in which both parties are on the dominant half of the plane.

    A turn is dominant where the mean control of its placed moves is above 0 (by more than 1e-9). A run breaks at a turn
    that is not, at one without a placed move, and where a session or its coding stops. Turns alternate between the
    parties, so two or more hold both.

    Parameters
    ----------
    at_least : int
        From how many turns on a run counts; 2 or more. The field names no number, so there is no default.

    Raises
    ------
    NotEstimable
        Where a party has no placed move.
    RecordError
        Where fewer than two turns are asked for, or the cohort was coded with another codebook.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move
    >>> moves = [Move(dyad="D1", session=1, track="r1", party="client" if at % 2 else "therapist", code=code, onset=at,
    ...               row_id=at) for at, code in enumerate(["1-5", "1-6", "1-5", "2-5"])]
    >>> cohort = Cohort.of(moves, coding=Coding(codebook=load_codebook("sasb")))
    >>> control_struggle(cohort, "sasb", at_least=3).runs
    (Struggle(dyad='D1', session=1, first=0, last=2, turns=3),)
    """
    asked: object = at_least
    if not isinstance(asked, int) or isinstance(asked, bool) or asked < 2:
        raise RecordError(f"at_least is {at_least!r:.40}; a struggle needs two, so at least 2 turns", field="at_least",
                          value=at_least)
    plane = plane_of(cohort, placement, convention=Convention.KIESLER, track=track)
    stream = plane.checked(stream_of(cohort, plane.track, within=None, rule=None))
    acts = plane.acts(stream.ordered(as_tie_rule(tie_rule), plane.parties))
    turns = _turn_control(acts)
    first, length = _runs(turns.control > ZERO, turns.piece, at_least)
    inside = np.zeros(len(turns.unit), dtype=bool)
    for low, n in zip(first.tolist(), length.tolist(), strict=True):
        inside[low : low + n] = True
    known = ~np.isnan(turns.control)
    whose = [stream.dyads[unit] for unit in turns.unit[known].tolist()]
    hits, of = Counts.of(whose, inside[known]), Counts.of(whose, np.ones(len(whose), dtype=np.int64))
    values = dict(zip(hits.keys, (hits.values / of.values).tolist(), strict=True))
    share = mean_over_dyads(
        plane, values, what=f"share of turns in a control struggle of {at_least} turns or more", bounds=(0.0, 1.0),
        n={"sessions": len(np.unique(turns.unit[known])), "turns": len(whose)}, confidence=confidence, level=level,
        seed=seed, warned=order_warning(
            acts.stream, see="compare tie_rule=\"first_party_first\" and \"second_party_first\""))
    counted = {"moves whose party is not recorded": stream.unknown,
               "moves that are no placed act towards the other": int((~acts.placed).sum()),
               "turns without a place, each of which breaks a run": int((~known).sum())}
    return ControlStruggle(share=share, at_least=at_least, runs=tuple(_struggles(cohort, turns, first, length)),
                           left_out={why: n for why, n in counted.items() if n})


@attrs.frozen(kw_only=True, eq=False)
class _Turns:
    """Turns: the mean control of their placed moves (NaN without any), where they belong, first and last row."""

    control: Floats
    unit: Array
    piece: Array
    begin: Array
    end: Array


def _turn_control(acts: Acts) -> _Turns:
    held, placed = acts.stream, acts.placed
    turn = turn_numbers(held.party, unit=held.piece)
    first = np.flatnonzero(np.diff(turn, prepend=-1))
    n = len(first)
    control = np.zeros(len(turn))
    control[placed] = acts.kinds.control[acts.content[placed]]
    count = np.bincount(turn[placed], minlength=n)
    total = np.bincount(turn, weights=control, minlength=n)
    mean = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
    return _Turns(control=mean, unit=held.unit[first], piece=held.piece[first], begin=held.rows[first],
                  end=held.rows[np.append(first[1:], len(turn)) - 1])


def _runs(flags: Array, piece: Array, at_least: int) -> tuple[Array, Array]:
    """Return where runs of flags within a piece begin, and how long they are; those of at least so many."""
    fresh = np.ones(len(flags), dtype=bool)
    fresh[1:] = (flags[1:] != flags[:-1]) | (piece[1:] != piece[:-1])
    first = np.flatnonzero(fresh)
    length = np.diff(first, append=len(flags))
    held = flags[first] & (length >= at_least)
    return first[held], length[held]


def _struggles(cohort: Cohort, turns: _Turns, first: Array, length: Array) -> Iterator[Struggle]:
    moves = cohort.moves
    for low, n in zip(first.tolist(), length.tolist(), strict=True):
        begin, end = int(turns.begin[low]), int(turns.end[low + n - 1])
        yield Struggle(dyad=moves.levels["dyad"][moves.dyad[begin]], session=int(moves.session[begin]), turns=n,
                       first=int(moves.row_id[begin]), last=int(moves.row_id[end]))
