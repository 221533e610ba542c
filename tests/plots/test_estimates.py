"""Estimates under each other: dots, intervals, n, and reasons."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit.errors import NotEnoughData, NotEstimable
from rupturekit.inference.estimate import Estimate
from rupturekit.plots.estimates import Row, intervals
from rupturekit.plots.style import alt_text


def estimate(value: float, interval: tuple[float, float] | None) -> Estimate:
    return Estimate(what="share met", value=value, interval=interval, confidence=0.9, n={"dyads": 1200, "spells": 3},
                    no_interval="" if interval else "one dyad", governed_by="dyad", method="invented")


ROWS = [Row(label="late", said=estimate(0.2, (0.1, 0.3)), marker="s", colour="#56b4e9"),
        Row(label="bare", said=estimate(0.9, None)),
        Row(label="none", said=NotEstimable("nobody claimed"))]


def found(ax: Axes, label: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_label() == label]


@pytest.fixture(scope="module")
def drawn() -> Axes:
    return intervals(ROWS, label="share met")


def test_rows_keep_their_order(drawn: Axes) -> None:
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["late", "bare", "none"]
    assert [found(drawn, name)[0].get_ydata()[0] for name in ("late", "bare")] == [0, -1]


def test_a_dot_without_an_interval_is_hollow_and_says_so(drawn: Axes) -> None:
    assert found(drawn, "late")[0].get_markerfacecolor() == "#56b4e9"
    assert found(drawn, "bare")[0].get_markerfacecolor() == "white"
    assert not found(drawn, "bare: interval")
    assert [text.get_text() for text in drawn.texts] == [
        "1,200 dyads, 3 spells", "1,200 dyads, 3 spells; no interval", "not estimable"]


def test_the_interval_and_its_level(drawn: Axes) -> None:
    assert tuple(found(drawn, "late: interval")[0].get_xdata()) == (0.1, 0.3)
    assert drawn.get_xlabel() == "share met\n90% intervals, dyads as independent units"


def test_words_hold_every_row(drawn: Axes) -> None:
    assert alt_text(drawn) == (
        "share met, with 90% intervals: late 0.20 (0.10 to 0.30; 1,200 dyads, 3 spells); bare 0.90 (no interval: one "
        "dyad; 1,200 dyads, 3 spells); none not estimable (nobody claimed).")


def test_units_can_be_picked_and_limits_set() -> None:
    ax = intervals(ROWS, label="share met", units=("dyads",), limits=(0, 1), ax=Figure().add_subplot())
    assert ax.texts[0].get_text() == "1,200 dyads"
    assert ax.get_xlim() == (0, 1)


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="none of 1 rows can be estimated; none: not estimable: nobody claimed"):
        intervals(ROWS[2:], label="share met")
