"""Nothing is cut: in a figure of its own every word lies inside the page, also where names are long."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import AlignmentCosts, align_cohort
from rupturekit.errors import NotEstimable
from rupturekit.example import example_cohort
from rupturekit.inference.estimate import Estimate
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.plots.diagram import model_diagram
from rupturekit.plots.estimates import Row, intervals
from rupturekit.plots.negotiation import episode_lanes, meeting_rates, needs_balance
from rupturekit.plots.plane import paths
from rupturekit.plots.ribbon import alignment_ribbon, alignment_ribbons
from rupturekit.plots.sensitivity import segmentation
from rupturekit.plots.states import sequence_index, state_distribution
from rupturekit.plots.style import NARROW, style
from rupturekit.plots.timeline import episode_timeline
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.sensitivity import nearby_rules, segment_many
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design, NeedRates
from rupturekit.state_machine import load_model
from rupturekit.traces import Trace, trace_cohort
from rupturekit.vocabulary import ClosedBy, Phase

MODEL = load_model("withdrawal-2000")
RULE = SegmentationRule(name="mine", opens=("withdrawal_marker",), gap=240_000_000)
LONG = "somebody with quite a long name indeed"


def quiet(make: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def words_of(ax: Axes) -> list[Text]:
    """Return the words that are drawn: matplotlib keeps labels of ticks beyond the limits, and draws none of them."""
    ticks = [label for axis, (low, high) in ((ax.xaxis, sorted(ax.get_xlim())), (ax.yaxis, sorted(ax.get_ylim())))
             for at, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True) if low <= at <= high]
    legend = ax.get_legend()
    return [*ticks, *ax.texts, ax.xaxis.label, ax.yaxis.label, *(legend.get_texts() if legend else ())]


def cut_off(ax: Axes) -> list[str]:
    """Return the words that reach beyond the page by more than a pixel."""
    with style():
        ax.figure.draw_without_rendering()
    page = ax.figure.bbox.padded(1)
    boxes = [(text.get_text(), text.get_window_extent()) for text in words_of(ax) if text.get_text()]
    return [text for text, box in boxes if not (page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0
                                                and box.y1 <= page.y1)]


def covered(ax: Axes) -> bool:
    """Return whether the key lies over the axes."""
    with style():
        ax.figure.draw_without_rendering()
    legend = ax.get_legend()
    return legend is not None and bool(legend.get_window_extent().y0 < ax.get_window_extent().y1)


def _everything(made: Trace) -> Axes:
    """Draw a trace that went through all states, changed so that its key holds all phases and what was not observed."""
    states = tuple(attrs.evolve(state, phase=phase) for state, phase in zip(MODEL.states, Phase, strict=True))
    coding = attrs.evolve(made.episode.coding, parties=(LONG, "therapist"))
    row = attrs.evolve(made.episode.row, closed_by=ClosedBy.OBSERVATION_END)
    episode = attrs.evolve(made.episode, coding=coding, row=row)
    return episode_timeline(attrs.evolve(made, episode=episode, model=attrs.evolve(MODEL, states=states)))


@functools.cache
def _made() -> Cohort:
    acts = {"client": NeedRates(claim=0.2, grant=0.1), "therapist": NeedRates(claim=0.1, grant=0.3)}
    return simulate(Design(dyads=8, sessions=3, needs=acts), seed=1).cohort


def _first_with_needs(held: Negotiations) -> Trace:
    """Return the trace of the first episode that holds a claim."""
    table = quiet(lambda: trace_cohort(held.turns.cohort, MODEL))
    return table.named(str(held.turns.episodes.rows.words("episode")[int(held.spells.episode[0])]))


@pytest.fixture(scope="module")
def figures() -> dict[str, Axes]:
    traces = quiet(lambda: trace_cohort(segment(example_cohort(), RULE, track="r1"), MODEL))
    table = quiet(lambda: segment_many(example_cohort(), nearby_rules(example_cohort(), RULE), track="r1", model=MODEL))
    aligned = quiet(lambda: align_cohort(segment(example_cohort(), RULE, track="r1"), MODEL,
                                         costs=AlignmentCosts(skipped=2, off_model=3, substituted=4)))
    held = negotiations(segment(_made(), attrs.evolve(RULE, gap=None)))
    one = Estimate(what="share", value=0.0, interval=None, confidence=0.95, n={"therapists": 1200, "dyads": 1},
                   governed_by="dyad", method="invented")
    return {
        "lanes": episode_lanes(held, 0), "balance": needs_balance(held, least=1), "rates": meeting_rates(held),
        "distribution": state_distribution(traces), "by state": state_distribution(traces, by="state"),
        "index": sequence_index(traces), "index by state": sequence_index(traces, by="state"),
        "rules": segmentation(attrs.evolve(table, rules=tuple(attrs.evolve(r, name=r.name * 3) for r in table.rules))),
        "closings": segmentation(table, by="closed_by"),
        "plane": paths({LONG: ([1.0, 0.0], [0.0, 1.0]), LONG[1:]: ([-1.0], [0.0])}),
        "estimates": intervals([Row(label=LONG, said=one), Row(label="x", said=NotEstimable("no"))], label="share"),
        "ribbon": alignment_ribbon(attrs.evolve(aligned[0], episode=LONG * 3, least=1, greatest=20)),
        "ribbons": alignment_ribbons(aligned), "model": model_diagram(MODEL), "flow": model_diagram(traces),
        "needs": episode_timeline(_first_with_needs(held), needs=held),
        "timeline": _everything(traces.named("V1-E1")), "two sessions": episode_timeline(traces.named("V2-E2")),
    }


def test_no_word_reaches_beyond_the_page(figures: dict[str, Axes]) -> None:
    assert {name: cut for name, ax in figures.items() if (cut := cut_off(ax))} == {}


def test_no_key_lies_over_the_data(figures: dict[str, Axes]) -> None:
    assert [name for name, ax in figures.items() if covered(ax)] == []
    assert sum(ax.get_legend() is not None for ax in figures.values()) == 16


def test_one_column_is_enough_for_most_figures() -> None:
    """Not for rows of alignments, segmentation rules, estimates and the comparison of models: those take two."""
    def ax(height: float) -> Axes:
        return Figure(figsize=(NARROW / 25.4, height / 25.4), layout="constrained").add_subplot()

    drawn = segment(example_cohort(), RULE, track="r1")
    traces = quiet(lambda: trace_cohort(drawn, MODEL))
    held = negotiations(segment(_made(), attrs.evolve(RULE, gap=None)))
    narrow = {
        "timeline": episode_timeline(traces.named("V1-E1"), ax=ax(60)), "two": episode_timeline(traces.named("V2-E2"), ax=ax(60)),
        "needs": episode_timeline(_first_with_needs(held), needs=held, ax=ax(70)),
        "ribbon": alignment_ribbon(quiet(lambda: align_cohort(drawn, MODEL))[0], ax=ax(60)),
        "model": model_diagram(MODEL, ax=ax(70)), "flow": model_diagram(traces, ax=ax(75)),
        "distribution": state_distribution(traces, ax=ax(60)), "by state": state_distribution(traces, by="state", ax=ax(60)),
        "index": sequence_index(traces, ax=ax(80)), "lanes": episode_lanes(held, 0, ax=ax(75)),
        "balance": needs_balance(held, least=1, ax=ax(60))}
    assert {name: cut for name, one in narrow.items() if (cut := cut_off(one))} == {}
    shares = {name: one.get_window_extent().width / one.figure.bbox.width for name, one in narrow.items()}
    assert {name: share for name, share in shares.items() if share < 0.35} == {}
