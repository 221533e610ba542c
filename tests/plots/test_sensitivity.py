"""Rules side by side in a picture: bars as long as the table says."""

from __future__ import annotations

import warnings
from typing import Any

import attrs
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit.errors import RecordError
from rupturekit.example import example_cohort
from rupturekit.plots.sensitivity import segmentation
from rupturekit.plots.style import alt_text
from rupturekit.segmentation import SegmentationRule
from rupturekit.sensitivity import SegmentationTable, nearby_rules, segment_many
from rupturekit.state_machine import StateMachine, load_model


def table_of(model: StateMachine | None) -> SegmentationTable:
    cohort = example_cohort()
    rule = SegmentationRule(name="mine", opens=("withdrawal_marker",), gap=240_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return segment_many(cohort, nearby_rules(cohort, rule), track="r1", model=model)


@pytest.fixture(scope="module")
def traced() -> SegmentationTable:
    return table_of(load_model("withdrawal-2000"))


def bars(ax: Axes) -> dict[str, list[tuple[float, float]]]:
    """Return for each kind the (start, length) of its bar in each row."""
    return {container.get_label(): [(bar.get_x(), bar.get_width()) for bar in container] for container in ax.containers}


def test_bars_are_as_long_as_the_counts_and_end_to_end(traced: SegmentationTable) -> None:
    drawn = bars(segmentation(traced))
    for at, (n, reached) in enumerate(zip(traced.n_episodes, traced.reached, strict=True)):
        lengths = {kind: rows[at][1] for kind, rows in drawn.items()}
        assert {kind: length for kind, length in lengths.items() if length and kind != "not traced"} == dict(reached)
        assert sum(lengths.values()) == n
        starts = [rows[at][0] for rows in drawn.values()]
        assert starts == [sum(list(lengths.values())[:before]) for before in range(len(starts))]


def test_rows_stand_in_the_order_given_and_say_n(traced: SegmentationTable) -> None:
    ax = segmentation(traced)
    assert [label.get_text() for label in ax.get_yticklabels()] == [rule.name for rule in traced.rules]
    assert ax.get_yticks().tolist() == [-at for at in range(len(traced.rules))]
    assert ax.texts[0].get_text() == "21 episodes, 121 moves"
    assert ax.get_xlabel() == "episodes\ntrack r1, traced by withdrawal-2000"
    assert "gap 120 s, rule alone: 21 episodes (no 18, not traced 3)" in alt_text(ax)


def test_ends_that_are_not_known_are_hatched(traced: SegmentationTable) -> None:
    looks = {container.get_label(): container[0] for container in segmentation(traced).containers}
    assert looks["censored"].get_hatch()
    assert not looks["no"].get_hatch()
    assert looks["no"].get_facecolor() != looks["not traced"].get_facecolor()


def test_why_episodes_close_is_the_other_reading(traced: SegmentationTable) -> None:
    drawn = bars(segmentation(traced, by="closed_by"))
    for at, closed in enumerate(traced.closed_by):
        assert {kind.replace(" ", "_"): rows[at][1] for kind, rows in drawn.items() if rows[at][1]} == dict(closed)


def test_without_a_model_it_is_the_only_reading() -> None:
    table = table_of(None)
    ax = segmentation(table)
    assert set(bars(ax)) >= {"coders", "gap", "observation end"}
    assert ax.get_xlabel() == "episodes\ntrack r1"
    with pytest.raises(RecordError, match="no model was traced; pass model= to segment_many"):
        segmentation(table, by="reached")


def test_the_key_holds_only_what_occurs(traced: SegmentationTable) -> None:
    legend = segmentation(traced).get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {"yes", "with skips", "no", "censored", "not traced"}
    assert legend.get_title().get_text() == "end reached"


def test_a_rule_that_finds_nothing_has_an_empty_row(traced: SegmentationTable) -> None:
    nothing = attrs.evolve(traced, rules=traced.rules[:1], n_episodes=(0,), n_moves=(0,), closed_by=({},), reached=({},))
    ax = segmentation(nothing)
    assert ax.texts[0].get_text() == "0 episodes, 0 moves"
    assert {length for rows in bars(ax).values() for _, length in rows} == {0}
    assert alt_text(ax).endswith("coders' episodes kept: 0 episodes.")
    assert ax.get_legend() is None


def test_another_reading_is_refused(traced: SegmentationTable) -> None:
    with pytest.raises(RecordError, match='by is \'rank\'; expected "reached" or "closed_by"'):
        segmentation(traced, by="rank")


def test_something_else_is_refused() -> None:
    wrong: Any = "demo"
    with pytest.raises(RecordError, match="expected a table of rules side by side but got str"):
        segmentation(wrong)


def test_axes_handed_in_are_drawn_on(traced: SegmentationTable) -> None:
    mine = Figure().add_subplot()
    assert segmentation(traced, ax=mine) is mine
