"""What was done, in sentences to copy, and the references behind them."""

from __future__ import annotations

from collections.abc import Iterator

from rupturekit._html import counted
from rupturekit.conformance.comparison import ModelComparison
from rupturekit.conformance.order import OrderGain
from rupturekit.inference.estimate import Estimate
from rupturekit.provenance import LIBRARY_VERSION
from rupturekit.report.blocks import Prose, Section
from rupturekit.report.source import Source

__all__ = ["methods"]


def methods(source: Source) -> Section:
    """Return the methods text, to be copied and made one's own."""
    estimates = list(_estimates(source))
    said = [one.methods().split("\n") for one in estimates]
    sources = dict.fromkeys([*_sources(source), *(line for _, *lines in said for line in lines)])
    text = (*_paragraphs(source), *dict.fromkeys(paragraph for paragraph, *_ in said))
    return Section(name="methods", title="Methods text", blocks=(
        Prose(paragraphs=("To copy, and to change where it does not say what you did.",)),
        Prose(paragraphs=text, items=tuple(sources), to_copy=True)))


def _paragraphs(source: Source) -> Iterator[str]:
    shown = source.shown
    cohort, plan = shown.study.cohort, shown.plan
    book = cohort.coding.codebook
    yield (f"Sessions were coded with {book.title} (codebook {book.name}, version {book.version}); time was recorded "
           f"by {cohort.coding.time}. Of {counted(len(cohort.track_names), 'track')} the reading {shown.track} was "
           "analysed.")
    yield f"Rupture episodes were drawn by a stated rule. {shown.rule.describe(cohort.coding.time)}"
    if source.has_model:
        skips = "followed there, and the steps between counted as skipped" if plan.follow_skips else "not followed"
        yield (f"Each episode was traced through the process model {shown.model.name} ({shown.model.evidence_text()}). "
               f"Moves at one instant were replayed {str(plan.tie_rule).replace('_', ' ')}. A move that the model "
               f"expects only later was {skips}; a state that no code can show was passed unseen and never counted as "
               "skipped. Moves that no arrow takes are kept as data, with their reason.")
    yield (f"All was worked out with rupturekit {LIBRARY_VERSION}; the seed of random draws was {source.seed}. What is "
           "reported as reached by a trace, as rated by coders and as reported by parties was kept apart throughout.")


def _estimates(source: Source) -> Iterator[Estimate]:
    if isinstance(source.order, OrderGain):
        yield source.order.gain
    if isinstance(source.compared, ModelComparison):
        yield from (one.difference for one in source.compared.models if one.difference is not None)
    yield from (row for row in source.account.rows.values() if isinstance(row, Estimate))


def _sources(source: Source) -> Iterator[str]:
    yield f"rupturekit contributors. rupturekit: tracing rupture episodes in coded psychotherapy sessions " \
          f"(version {LIBRARY_VERSION}) [software]."
    yield source.shown.study.cohort.coding.codebook.citation
    if source.has_model:
        yield source.shown.model.citation or source.shown.model.source
