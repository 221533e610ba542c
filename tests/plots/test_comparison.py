"""The comparison as a picture: every row, its interval, its evidence, and the flower where it is too far below."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit.conformance.comparison import ModelComparison, compare_models
from rupturekit.errors import RecordError
from rupturekit.inference.estimate import Estimate
from rupturekit.plots.comparison import comparison
from rupturekit.plots.style import alt_text
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

RULE = SegmentationRule(name="until assertion", opens=("withdrawal_marker",), gap=None, closes_on=("self_assertion",))


@pytest.fixture(scope="module")
def found() -> ModelComparison:
    design = Design(model="safran-muran-1996", codebook="stages", dyads=9, sessions=4, dwell=2.0)
    return compare_models(segment(simulate(design, seed=1).cohort, RULE), ["withdrawal-2000", "safran-muran-1996"],
                          precision_of=3)


@pytest.fixture(scope="module")
def drawn(found: ModelComparison) -> Axes:
    return comparison(found)


def artists(ax: Axes, label: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def test_rows_stand_as_they_were_named_and_baselines_after(found: ModelComparison, drawn: Axes) -> None:
    assert [label.get_text() for label in drawn.get_yticklabels()] == [one.name for one in found.compared]
    for at, one in enumerate(found.compared):
        for dot in artists(drawn, one.name):
            assert dot.get_ydata()[0] == -at
            assert dot.get_xdata()[0] == (one.difference.value if one.difference else 0)
    assert tuple(artists(drawn, "withdrawal-2000: interval")[0].get_xdata()) == found.models[0].difference.interval  # type: ignore[union-attr]    # there is one


def test_evidence_stands_beside_every_model(drawn: Axes) -> None:
    said = [text.get_text() for text in drawn.texts]
    assert "arrows: 0 read, 1 secondary, 4 recalled, 16 assumption" in said
    assert "arrows: 0 read, 0 secondary, 5 recalled, 15 assumption" in said
    assert sum(text.startswith("no theory; ") for text in said) == 3
    assert any(text.startswith("fit 0.") and "5 states, 21 arrows, " in text for text in said)


def test_the_flower_is_written_where_it_is_too_far_below(found: ModelComparison, drawn: Axes) -> None:
    assert not artists(drawn, "flower")
    assert sum(text.get_text().startswith("\u2190 -0.") for text in drawn.texts) == 1
    assert drawn.get_xlim()[0] > found.named("flower").difference.value  # type: ignore[union-attr]    # there is one


def without_interval(held: Estimate | None) -> Estimate | None:
    return None if held is None else attrs.evolve(held, interval=None, no_interval="too few", value=0.0)


def test_without_intervals_dots_are_hollow_and_the_words_say_why(found: ModelComparison) -> None:
    bare = attrs.evolve(found, compared=tuple(attrs.evolve(one, fit=None, difference=without_interval(one.difference))
                                              for one in found.compared))
    ax = comparison(bare, ax=Figure().add_subplot())
    assert artists(ax, "flower")[0].get_markerfacecolor() == "white"
    assert not artists(ax, "flower: interval")
    assert "flower +0.000 (no interval: too few; no theory)" in alt_text(ax)
    assert any(text.get_text().startswith("no model fit; ") for text in ax.texts)
    assert ax.get_xlim() == (-0.1, 0.1)


def test_words_hold_every_row_and_how_it_was_made(found: ModelComparison, drawn: Axes) -> None:
    words = alt_text(drawn)
    assert words.startswith("Held-out log score over that of first-order Markov, in nats a move, with 95% intervals: ")
    assert all(one.evidence in words for one in found.models)
    assert words.endswith("first-order Markov is that baseline.")
    assert "9 folds of whole dyads; 9 dyads, " in drawn.get_xlabel()
    assert "dyads as independent units" in drawn.get_xlabel()


def test_something_else_is_refused() -> None:
    with pytest.raises(RecordError, match="expected a comparison of process models but got str"):
        comparison("demo")  # type: ignore[arg-type]    # on purpose
