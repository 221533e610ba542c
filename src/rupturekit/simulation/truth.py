"""What was simulated, beside what is on record of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import attrs

from rupturekit._schema import Column, at_least, finite, is_identifier, record
from rupturekit._table import Table
from rupturekit.cohort import Cohort
from rupturekit.episode import DYAD, SESSION
from rupturekit.simulation.design import Design
from rupturekit.vocabulary import RuptureType

__all__ = ["TRUTH_TRACK", "RuptureEnd", "Simulated", "TrueDyad", "TrueRupture", "TrueTherapist", "TrueTurn", "Truth",
           "TurnKind"]

TRUTH_TRACK = "truth-coded"
"""The track of the moves as they were made, without a coder's errors."""


class TurnKind(StrEnum):
    """What a turn does in the process."""

    BACKGROUND = "background"
    OPENS = "opens"
    ADVANCES = "advances"
    STAYS = "stays"
    LAPSES = "lapses"


class RuptureEnd(StrEnum):
    """How a rupture ended; the last two are censored, not repaired and not lapsed."""

    REACHED = "reached"
    LAPSED = "lapsed"
    SESSION_END = "session_end"
    RECORDING_CUT = "recording_cut"


def _turn(says: str) -> Column:
    return Column("int", at_least(0), says=says)


def _word(says: str) -> Column:
    return Column("label", is_identifier, says=says)


@record
class TrueTurn:
    """One turn that was recorded."""

    dyad: Annotated[str, DYAD]
    session: Annotated[int, SESSION]
    turn: Annotated[int, _turn("turn within the session, counted from 0")]
    party: Annotated[str, _word("who speaks")]
    onset: Annotated[int, Column("time", at_least(0), unit="us", says="start, from session start")]
    offset: Annotated[int, Column("time", at_least(0), unit="us", says="end, from session start")]
    kind: Annotated[TurnKind, Column("enum", levels=TurnKind, says="what it does in the process")]
    state: Annotated[str | None, _word("state of the process after it; empty outside ruptures")] = None
    code: Annotated[str | None, _word("the code it shows, if any")] = None
    need_act: Annotated[str | None, _word("the act on a need it holds, if any")] = None


@record
class TrueRupture:
    """One rupture, as far as it was recorded."""

    rupture: Annotated[str, _word("identity of the rupture in its study")]
    dyad: Annotated[str, DYAD]
    session: Annotated[int, SESSION]
    first_turn: Annotated[int, _turn("the turn that opens it")]
    last_turn: Annotated[int, _turn("the last turn that belongs to it")]
    party: Annotated[str, _word("whose marker opens it")]
    type: Annotated[RuptureType, Column("enum", levels=RuptureType, says="type of the marker that opens it")]
    end: Annotated[RuptureEnd, Column("enum", levels=RuptureEnd, says="how it ended")]


@record
class TrueDyad:
    """What was drawn of a dyad."""

    dyad: Annotated[str, DYAD]
    effect: Annotated[float, Column("float", finite, says="own effect on the log-odds of onset")]
    last_session: Annotated[int, Column("int", at_least(1), says="the last session that was due before it ended")]


@record
class TrueTherapist:
    """What was drawn of a therapist."""

    therapist: Annotated[str, _word("the therapist, by a pseudonym")]
    effect: Annotated[float, Column("float", finite, says="effect on the log-odds of onset")]


@attrs.frozen(kw_only=True, repr=False)
class Truth:
    """All that was drawn: by turn, by rupture, by dyad and by therapist; from which design and seed."""

    turns: Table[TrueTurn]
    ruptures: Table[TrueRupture]
    dyads: Table[TrueDyad]
    therapists: Table[TrueTherapist]
    design: Design
    seed: int

    def __repr__(self) -> str:
        return f"Truth({len(self.turns):,} turns, {len(self.ruptures):,} ruptures, seed {self.seed})"


@attrs.frozen(kw_only=True, repr=False)
class Simulated:
    """A cohort as a study would hold it, and its truth."""

    cohort: Cohort
    truth: Truth

    def __repr__(self) -> str:
        return f"Simulated({self.cohort!r}, {self.truth!r})"
