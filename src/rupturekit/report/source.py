"""What a report is made from: one analysis, the same as it may be shown, and what was asked for."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs

from rupturekit.analysis import Analysis
from rupturekit.conformance.alignment import Alignments
from rupturekit.conformance.comparison import ModelComparison
from rupturekit.conformance.order import OrderGain
from rupturekit.conformance.stages import StageOrder
from rupturekit.errors import CodingWarning
from rupturekit.inference.estimate import or_reason
from rupturekit.negotiation.account import NegotiationAccount
from rupturekit.report.shown import study_to_show
from rupturekit.state_machine import StateMachine, as_model
from rupturekit.traces import TraceTable

__all__ = ["MOST_STAGED", "Progress", "Source", "source_of", "tell_nobody"]

MOST_STAGED: Final = 8

Progress = Callable[[int, int], None]
"""Is told how many episodes are done, of how many."""


def tell_nobody(done: int, of: int) -> None:
    """Keep silent."""


@attrs.frozen(kw_only=True)
class Source:
    """What sections are made from.

    Attributes
    ----------
    analysis : Analysis
        Of the study as it is: of it are all numbers that chance enters, since draws are made by name.
    shown : Analysis
        Of the study as it may be shown: of it is every name and text that a reader sees. All that no chance enters is
        equal in both.
    draws, seed : int
        Of the tests.
    compare : tuple of StateMachine
        The process models that are held against each other on moves that they have not seen; none where not asked for.
    progress : Progress
        Is told how far long work is.
    """

    analysis: Analysis
    shown: Analysis
    hide_ids: bool
    free_text: bool
    draws: int
    seed: int
    compare: tuple[StateMachine, ...] = ()
    progress: Progress = attrs.field(default=tell_nobody, eq=False)

    @property
    def has_model(self) -> bool:
        """Whether the plan names a process model."""
        return self.analysis.plan.model is not None

    @property
    def traced(self) -> TraceTable | None:
        """The traces as they may be shown; None where the plan names no process model."""
        return self.shown.traces if self.has_model else None

    @functools.cached_property
    def aligned(self) -> Alignments | None:
        """The alignments as they may be shown; None where the plan names no process model."""
        return self.shown.alignments() if self.has_model else None

    @functools.cached_property
    def order(self) -> OrderGain | str | None:
        """Order gain along the model, or why there is none; None where the plan names no process model."""
        if not self.has_model:
            return None
        return or_reason(lambda: self.analysis.order(draws=self.draws, seed=self.seed))

    @functools.cached_property
    def stages(self) -> StageOrder | str | None:
        """How often moves of one stage come before those of another, or why it is not known.

        None where the plan names no process model, or one of more than `MOST_STAGED` states: the pairs of stages grow
        with their square, and each is tested.
        """
        if not self.has_model or len(self.analysis.model.states) > MOST_STAGED:
            return None
        return or_reason(lambda: self.analysis.stage_order(draws=self.draws, seed=self.seed))

    @functools.cached_property
    def compared(self) -> ModelComparison | str | None:
        """How well models foresee moves that they have not seen, or why it is not known; None where none are named."""
        if not self.compare:
            return None
        return or_reason(lambda: self.analysis.compare(self.compare, seed=self.seed))

    @functools.cached_property
    def account(self) -> NegotiationAccount:
        """Every measure of the negotiations of needs, or why there is none."""
        return self.analysis.negotiation_account(draws=self.draws, seed=self.seed)

    @functools.cached_property
    def notes(self) -> tuple[str, ...]:
        """Every warning that comes up while the results are worked out, each once."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CodingWarning)
            self._work_out()
        for other in caught:
            if not issubclass(other.category, CodingWarning):
                warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
        return tuple(dict.fromkeys(str(one.message) for one in caught if issubclass(one.category, CodingWarning)))

    def _work_out(self) -> None:
        """Ask once for everything that sections take; each is kept where it belongs."""
        shown = self.shown
        held: list[object] = [shown.oddities, shown.privacy, shown.boundaries, shown.sensitivity, self.account,
                              self.compared]
        for _, one in self.readings:
            held += [one.description, one.cohort, one.negotiations, *([one.traces] if self.has_model else [])]
        held += [shown.coverage, self.aligned, self.order, self.stages] if self.has_model else []

    @functools.cached_property
    def readings(self) -> tuple[tuple[str, Analysis], ...]:
        """Each track that holds moves, with the study as it may be shown looked at by it; the plan's first."""
        shown, names = self.shown, self.shown.study.cohort.track_names
        others = ((name, attrs.evolve(shown, plan=attrs.evolve(shown.plan, track=name)))
                  for name in names if name != shown.track)
        return (shown.track, shown), *others


def source_of(analysis: Analysis, *, hide_ids: bool = False, free_text: bool = False, draws: int = 999, seed: int = 1,
              compare: Sequence[StateMachine | str | Path] = (), progress: Progress = tell_nobody) -> Source:
    """Make what a report is made from; what comes up as a warning is kept for its first section.

    Raises
    ------
    RecordError
        Where the plan does not say which of several tracks to report, or its rule or model does not fit the study.

    >>> from rupturekit.analysis import analyse
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.plan import Plan
    >>> source = source_of(analyse(example_cohort(), Plan(track="r1")), hide_ids=True)
    >>> source.shown.track, source.traced
    ('reading 1', None)
    """
    study = study_to_show(analysis.study, hide_ids=hide_ids, free_text=free_text)
    at = analysis.study.cohort.track_names.index(analysis.track)
    shown = attrs.evolve(analysis, study=study, plan=attrs.evolve(
        analysis.plan, track=study.cohort.track_names[at], segmentation=analysis.rule))
    return Source(analysis=analysis, shown=shown, hide_ids=hide_ids, free_text=free_text, draws=draws, seed=seed,
                  compare=tuple(as_model(model) for model in compare), progress=progress)
