"""Which sections a report has, in order, and the report made of them."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rupturekit._html import counted
from rupturekit.analysis import Analysis
from rupturekit.errors import CodingWarning, MissingExtra, expect
from rupturekit.report.blocks import Report, Section
from rupturekit.report.sections.ends import ends
from rupturekit.report.sections.explorer import explorer
from rupturekit.report.sections.foot import foot
from rupturekit.report.sections.methods import methods
from rupturekit.report.sections.models import models
from rupturekit.report.sections.needs import needs
from rupturekit.report.sections.order import order
from rupturekit.report.sections.quality import quality
from rupturekit.report.sections.rules import rules
from rupturekit.report.sections.sample import sample
from rupturekit.report.source import Progress, Source, source_of, tell_nobody
from rupturekit.state_machine import StateMachine

__all__ = ["SECTIONS", "report_of"]

SECTIONS: Final[tuple[Callable[[Source], Section | None], ...]] = (
    quality, sample, ends, models, order, needs, rules, explorer, methods, foot,
)
"""A new capability adds its module and its place here."""

_LEAD: Final = (
    "An account of coded sessions. Whatever stands here is a description of codes, by rules that are stated; it is no "
    "verdict about a person, no diagnosis and no prediction, and it ranks nobody.",
    "Every number says on demand what it is of (n), how it was made and what it means.",
)


def report_of(analysis: Analysis, *, hide_ids: bool = False, free_text: bool = False, draws: int = 999, seed: int = 1,
              compare: Sequence[StateMachine | str | Path] = (), progress: Progress = tell_nobody) -> Report:
    """Make the report of an analysis.

    Parameters
    ----------
    hide_ids : bool
        Whether dyads, therapists, raters, tracks, episodes and context events are numbered instead of named.
    free_text : bool
        Whether notes and the free text of labels are shown; they are left out unless asked for.
    draws, seed : int
        Of the tests of order and of responsiveness.
    compare : sequence of process models
        They are held against each other, beside baselines, on moves that they have not seen; it takes a while.
    progress : callable taking (done, of)
        Is told how many episodes are written, of how many.

    Raises
    ------
    RecordError
        Where the plan does not say which of several tracks to report, or its rule or model does not fit the study;
        where models to compare are for several rupture types, or one is named twice.
    MissingExtra
        Where matplotlib is not installed.

    >>> from rupturekit.analysis import analyse
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.plan import Plan
    >>> made = report_of(analyse(example_cohort(), Plan(track="r1")), draws=19)
    >>> [section.name for section in made.sections]
    ['data', 'table-1', 'models', 'needs', 'rules', 'episodes', 'methods', 'provenance']
    """
    expect(analysis, Analysis, what="an analysis", remedy="use analyse(study)")
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtra("report", purpose="making a report")
    source = source_of(analysis, hide_ids=hide_ids, free_text=free_text, draws=draws, seed=seed,
                       compare=compare, progress=progress)
    return Report(title=f"Rupture and repair: {source.shown.study.name}", lead=_LEAD, sections=_sections(source))


def _sections(source: Source) -> tuple[Section, ...]:
    if source.notes:    # all is worked out for them; what follows would say the same again
        source.analysis.tell(f"{counted(len(source.notes), 'warning')} came up; see the first section of the report")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        made = (make(source) for make in SECTIONS)
        return tuple(section for section in made if section is not None)
