"""The tree of ways things go wrong.

    RuptureKitError
    |-- RecordError(ValueError)            .file .row .field .value
    |   |-- UnknownCode
    |   |-- InvalidTime
    |   |-- InvalidNumber
    |   |-- DefinitionError                a codebook, model, mapping or settings file
    |   |   `-- PartyMismatch              a model and a study that name different people
    |   |-- FileProblem(OSError)           missing, a directory, no permission, unreadable
    |   `-- InvalidRecords                 all problems of a file or study, grouped
    |-- StateMachineError(ValueError)      .problems
    |   |-- UnknownState, AmbiguousTransition, UnreachableState, NoPathToEnd
    |-- TraceError
    |   |-- OffModelMove                   .episode .step .state .move .allowed
    |   `-- NoClock                        seconds were asked of records that have none
    |-- ProvenanceMismatch(ValueError)     results of different cohorts, models or rules
    |-- NotEnoughData(ValueError)          .needed .found
    |-- NotEstimable(ValueError)           .reason
    `-- MissingExtra(ImportError)          .extra

A message says where, what was found, what was allowed, and what to try next.
Data that are legal and odd give a `CodingWarning` instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rupturekit.problems import Problem

__all__ = [
    "AmbiguousTransition",
    "CodingWarning",
    "DefinitionError",
    "FileProblem",
    "InvalidNumber",
    "InvalidRecords",
    "InvalidTime",
    "MissingExtra",
    "NoClock",
    "NoPathToEnd",
    "NotEnoughData",
    "NotEstimable",
    "OffModelMove",
    "PartyMismatch",
    "ProvenanceMismatch",
    "RecordError",
    "RuptureKitError",
    "StateMachineError",
    "TraceError",
    "UnknownCode",
    "UnknownState",
    "UnreachableState",
]


class CodingWarning(UserWarning):
    """Data that are legal and odd: one rater only, whole sessions assumed as observed."""


class RuptureKitError(Exception):
    """Anything that rupturekit refuses, with a sentence that says why."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Let an error with keyword-only arguments travel between processes, its attributes with it."""
        return _made_again, (type(self), self.args, self.__dict__)


def _made_again(kind: type[RuptureKitError], args: tuple[Any, ...], held: dict[str, Any]) -> RuptureKitError:
    made_by = OSError if issubclass(kind, OSError) else kind    # Python wants the base that lays out the object
    error = made_by.__new__(kind, *args)
    error.args = args
    error.__dict__.update(held)
    return error


class RecordError(RuptureKitError, ValueError):
    """A record, file or value that cannot be taken as it stands."""

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        row: int | None = None,
        field: str | None = None,
        value: object = None,
    ) -> None:
        self.file, self.row, self.field, self.value = file, row, field, value
        super().__init__(message)


class UnknownCode(RecordError):
    """A code that the codebook does not have."""


class InvalidTime(RecordError):
    """A time that cannot be read, or is finer than a microsecond."""


class InvalidNumber(RecordError):
    """A number outside the one grammar: ASCII digits, a sign, a decimal point."""


class DefinitionError(RecordError):
    """A mistake in a codebook, process model, mapping or settings file."""


class PartyMismatch(DefinitionError):
    """A model speaks of a party that the study does not have."""


class FileProblem(RecordError, OSError):
    """A file that is missing, a directory, not permitted, or not readable as text."""


class InvalidRecords(RecordError):
    """Every problem of a file or study, counted and grouped.

    Attributes
    ----------
    count : int
        How many problems there are in all.
    groups : list of (field, kind, value, count, first row)
        The problems grouped, most frequent first.
    problems : tuple of Problem
        The first thousand in full.
    """

    def __init__(self, message: str, *, problems: Sequence[Problem], count: int,
                 groups: Sequence[tuple[str, str, str, int, int | None]]) -> None:
        super().__init__(message)
        self.problems, self.count, self.groups = tuple(problems), count, list(groups)


class StateMachineError(RuptureKitError, ValueError):
    """A process model that cannot run, with every reason found."""

    def __init__(self, message: str, *, problems: Sequence[StateMachineError] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(message)

    def __iter__(self) -> Iterator[StateMachineError]:
        return iter(self.problems or (self,))


class UnknownState(StateMachineError):
    """An arrow names a state that the model does not have."""


class AmbiguousTransition(StateMachineError):
    """One move could take two arrows from one state."""


class UnreachableState(StateMachineError):
    """No path leads from the initial state to this one."""


class NoPathToEnd(StateMachineError):
    """From this state no end can be reached."""


class TraceError(RuptureKitError):
    """A trace that cannot be made as asked."""


class OffModelMove(TraceError):
    """A strict trace met a move that the model has no transition for."""

    def __init__(self, *, episode: str, step: int, state: str, move: str,
                 reason: str, allowed: Sequence[str]) -> None:
        self.episode, self.step, self.state = episode, step, state
        self.move, self.reason, self.allowed = move, reason, tuple(allowed)
        super().__init__(
            f"episode {episode}, step {step}: {move} is off the model in state {state!r} "
            f"({reason}); allowed here: {', '.join(allowed) or 'none'}. "
            "Trace without strict=True to keep such moves as data."
        )


class NoClock(TraceError):
    """Seconds were asked of records that hold turns or an order, not a clock."""


class ProvenanceMismatch(RuptureKitError, ValueError):
    """Results of different cohorts, models, codebooks or rules were joined."""


class NotEnoughData(RuptureKitError, ValueError):
    """Too few units for an honest answer."""

    def __init__(self, message: str, *, needed: int, found: int) -> None:
        self.needed, self.found = needed, found
        super().__init__(message)


class NotEstimable(RuptureKitError, ValueError):
    """A quantity that these data cannot give, with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not estimable: {reason}")


class MissingExtra(RuptureKitError, ImportError):
    """An optional extra is not installed."""

    def __init__(self, extra: str, *, purpose: str) -> None:
        self.extra = extra
        super().__init__(f"{purpose} needs the extra {extra!r}: pip install 'rupturekit[{extra}]'")


def expect(value: object, kinds: type[Any] | tuple[type[Any], ...], *, what: str, remedy: str = "") -> None:
    """Refuse an argument that is of none of the kinds that a function takes; its content is not repeated.

    >>> expect("demo", int, what="a number")
    Traceback (most recent call last):
    ...
    rupturekit.errors.RecordError: expected a number but got str
    """
    if not isinstance(value, kinds):
        raise RecordError(f"expected {what} but got {type(value).__name__}" + (f"; {remedy}" if remedy else ""))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, or nothing.

    >>> did_you_mean("withdrawl", ["withdrawal", "confrontation"])
    "; did you mean 'withdrawal'?"
    >>> did_you_mean("zzz", ["withdrawal"])
    ''
    """
    names = [str(name) for name in known]    # of an enum too, the word alone
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def listed(words: Iterable[str], *, most: int = 12) -> str:
    """Join words for a message, cutting a long list and saying how much was cut.

    >>> listed(["a", "b", "c"], most=2)
    'a, b (+1 more)'
    """
    names = list(words)
    tail = f" (+{len(names) - most} more)" if len(names) > most else ""
    return ", ".join(names[:most]) + tail
