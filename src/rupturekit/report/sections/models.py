"""The process models, each with its evidence, and how far the plan's own fits; never a ranking of people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import attrs
import numpy as np

from rupturekit._html import counted
from rupturekit.analysis import Analysis
from rupturekit.conformance.alignment import Alignments
from rupturekit.conformance.comparison import Compared, ModelComparison
from rupturekit.ends import REACHED
from rupturekit.plots.comparison import comparison
from rupturekit.plots.diagram import MOST_STATES, model_diagram
from rupturekit.report.blocks import About, Block, Cell, Number, Prose, Section, Table
from rupturekit.report.pictures import picture
from rupturekit.report.sections.quality import models_of
from rupturekit.report.source import Source
from rupturekit.state_machine import StateMachine
from rupturekit.vocabulary import Evidence

__all__ = ["models"]

_MEANING: Final = {
    Evidence.READ: "found in the text, with the place named",
    Evidence.SECONDARY: "reported by another text, which is named",
    Evidence.RECALLED: "from general knowledge of the field, not looked up",
    Evidence.ASSUMPTION: "put there by this library so that the model runs",
}
_HEADER: Final = ("process model", "after", "states", "arrows", *map(str, Evidence), "reconstruction", "used here")


def models(source: Source) -> Section:
    """Return every model with where its arrows come from, and the fit of the one that was used."""
    held = models_of(source)
    return Section(name="models", title="Process models and their evidence", blocks=(
        Prose(paragraphs=("A model is a reading of the literature, arrow by arrow. What a trace says rests on the "
                          "arrows it takes, so their evidence belongs beside every result.",),
              items=tuple(f"{evidence}: {says}" for evidence, says in _MEANING.items())),
        Table(caption="Where the arrows come from", header=_HEADER,
              rows=tuple(_row(source, model) for model in held), about=About(
            n=counted(len(held), "process model"), method="each arrow of a model file states its evidence",
            definition="arrows by evidence; a model with under half of them read is a reconstruction")),
        *_side_by_side(source, held), *_compared(source.compared), *_diagram(source), *_fit(source)))


def _row(source: Source, model: StateMachine) -> tuple[str | int, ...]:
    counts = model.evidence_counts()
    used = source.has_model and model == source.analysis.model
    return (model.name, model.source, len(model.states), sum(counts.values()), *counts.values(),
            "yes" if model.is_reconstruction else "no", "yes" if used else "")


# --- the same episodes by each -------------------------------------------------------------------------------------

_RESULTS: Final = ("process model", "episodes", *map(str, REACHED), "mean model fit", "evidence")


def _side_by_side(source: Source, models: Sequence[StateMachine]) -> Iterator[Block]:
    """Yield what each model for the same rupture type makes of the episodes, with its evidence."""
    if not source.has_model:
        return
    shown, parties = source.shown, set(source.shown.study.cohort.coding.parties)
    alike = [model for model in models if model.type == shown.model.type and set(model.parties) <= parties]
    rows = tuple(_result(attrs.evolve(shown, plan=attrs.evolve(shown.plan, model=model))) for model in alike)
    caption = "The same episodes by each model for this rupture type"
    yield Table(caption=caption, header=_RESULTS, rows=rows, about=About(
        n=counted(len(rows), "process model"), method="each episode traced, and aligned exactly, by each model alone",
        definition="whether an end was reached, and mean model fit, as below. Models speak of different codes, so a "
                   "higher fit is no better model: `rupturekit compare` holds models against each other on moves that "
                   "they have not seen"))


def _result(one: Analysis) -> tuple[Cell, ...]:
    said = one.traces.summary()
    return (one.model.name, said.n_episodes, *(said.reached.get(word, 0) for word in REACHED),
            _mean_fit(one.alignments()), one.model.evidence_text())


def _mean_fit(aligned: Alignments) -> str:
    fit = aligned.fit()
    known = fit[~np.isnan(fit)]
    return f"{known.mean():.3f}" if len(known) else "no number"


# --- which foresees best -------------------------------------------------------------------------------------------

_SCORED: Final = ("process model or baseline", "log score", "over baseline", "interval", "model fit", "evidence")


def _compared(found: ModelComparison | str | None) -> Iterator[Block]:
    """Yield how well the models that were named foresee moves they have not seen; nothing where none were."""
    if found is None:
        return
    if isinstance(found, str):
        yield Prose(paragraphs=(f"Which process model foresees moves best: {found}.",))
        return
    about = About(n=", ".join(f"{n:,} {what}" for what, n in found.n.items()),
                  method=f"each learns from the other {found.folds - 1:,} of {found.folds:,} folds of whole "
                         f"{found.folds_by}s and foresees who of a fold does what; seed {found.seed}",
                  definition="log score: mean log of the probability that was given to what came, in nats a move, mean "
                             "over dyads, 0 at best; over baseline: less that of the best baseline, by dyad")
    yield from picture(lambda: comparison(found), name="compared", caption="How well models foresee moves that they "
                       "have not seen", about=about)
    yield Table(caption="Held-out scores", header=_SCORED, rows=tuple(map(_scored, found.compared)), about=about)
    yield Prose(items=tuple(f"{title}: {text}" for title, text in found.lines()))


def _scored(one: Compared) -> tuple[Cell, ...]:
    over, fit = one.difference, "" if one.fit is None else f"{one.fit:.3f}"
    if over is None:
        return one.name, f"{one.score:.3f}", "the best", "", fit, one.evidence
    within = "none" if over.interval is None else f"{over.interval[0]:+.3f} to {over.interval[1]:+.3f}"
    return one.name, f"{one.score:.3f}", f"{over.value:+.3f}", within, fit, one.evidence


# --- the model that was used ---------------------------------------------------------------------------------------


def _diagram(source: Source) -> Iterator[Block]:
    table = source.traced
    if table is None:
        return
    if len(table.model.states) > MOST_STATES:
        yield Prose(paragraphs=(f"{table.model.name} has {len(table.model.states):,} states, too many for a diagram.",))
        return
    yield from picture(lambda: model_diagram(table), name="model", caption=f"{table.model.name}, and what episodes did "
                       "in it", about=About(
        n=counted(len(table), "episode"), method=f"moves counted as they were traced through {table.model.name}",
        definition="the width of an arrow is how many moves took it, its line the evidence it rests on; in a state "
                   "stand the moves that stayed and those off the model"))


def _fit(source: Source) -> Iterator[Block]:
    aligned = source.aligned
    if aligned is None:
        yield Prose(paragraphs=("The plan names no process model, so nothing was traced.",))
        return
    fit = aligned.fit()
    known = fit[~np.isnan(fit)]
    about = About(
        n=counted(len(known), "episode"),
        method=f"exact alignment to {aligned.model.name}; {aligned.costs.identity}",
        definition="mean over episodes of 1 - cost / cost of the worst alignment: 1 is no deviation. It says how "
                   "closely codes follow the model, which another model may do as well")
    yield Number(name=f"mean model fit of {aligned.model.name}", value=_mean_fit(aligned), about=about,
                 beside=(aligned.model.evidence_text(),))
    found = [(kind, state, n) for kind, counts in aligned.deviations().items() for state, n in counts.items()]
    if found:
        yield Table(caption="Where episodes leave the model", header=("deviation", "state", "times"),
                    rows=tuple((str(kind).replace("_", " "), state, n) for kind, state, n in found), about=about_of(
            counted(len(aligned), "episode"), aligned.model.name))


def about_of(n: str, model: str) -> About:
    """Return what has to be known of deviations."""
    return About(n=n, method=f"one cheapest alignment to {model} for each episode",
                 definition="a skipped step stands by the state it would have led to, a move by the state it met; "
                            "another alignment of the same cost may place them elsewhere")
