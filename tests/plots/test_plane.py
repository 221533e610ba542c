"""Paths on the plane: points where they are, as large as they are frequent, gaps where nothing is placed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.interpersonal.circumplex import OCTANT_ANGLES
from rupturekit.plots.plane import paths
from rupturekit.plots.style import alt_text

NAN = float("nan")
CLIENT = ([0.0, 1.0, NAN, 0.0], [1.0, 0.0, NAN, 1.0])
THERAPIST = ([-1.0], [0.0])


def found(ax: Axes, label: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_label() == label]


@pytest.fixture(scope="module")
def drawn() -> Axes:
    return paths({"client": CLIENT, "therapist": THERAPIST})


def test_the_line_goes_through_the_moves_in_order_with_a_gap(drawn: Axes) -> None:
    [line] = found(drawn, "client")
    np.testing.assert_array_equal(line.get_xdata(), CLIENT[0])
    np.testing.assert_array_equal(line.get_ydata(), CLIENT[1])


def test_marks_are_as_large_as_frequent(drawn: Axes) -> None:
    [marks] = found(drawn, "client: places")
    sizes = dict(zip(map(tuple, marks.get_offsets().tolist()), marks.get_sizes().tolist(), strict=True))
    assert set(sizes) == {(0.0, 1.0), (1.0, 0.0)}
    assert sizes[0.0, 1.0] == 2 * sizes[1.0, 0.0]


def test_first_and_last_are_marked(drawn: Axes) -> None:
    assert found(drawn, "client: first")[0].get_offsets().tolist() == [[0.0, 1.0]]
    assert found(drawn, "client: last")[0].get_offsets().tolist() == [[0.0, 1.0]]
    late = paths({"client": ([NAN, 0.5, 0.0, NAN], [NAN, 0.5, -1.0, NAN])})
    assert found(late, "client: first")[0].get_offsets().tolist() == [[0.5, 0.5]]
    assert found(late, "client: last")[0].get_offsets().tolist() == [[0.0, -1.0]]


def test_octants_stand_at_their_angles(drawn: Axes) -> None:
    angles = {text.get_text(): math.degrees(math.atan2(text.xy[1], text.xy[0])) % 360 for text in drawn.texts}
    assert angles == pytest.approx({str(octant): angle for octant, angle in OCTANT_ANGLES.items()})


def test_people_differ_by_stroke_and_mark(drawn: Axes) -> None:
    client, therapist = found(drawn, "client")[0], found(drawn, "therapist")[0]
    assert client.get_linestyle() != therapist.get_linestyle()
    shapes = [found(drawn, f"{name}: places")[0].get_paths()[0].vertices.tolist() for name in ("client", "therapist")]
    assert shapes[0] != shapes[1]


def test_labels_limits_and_n(drawn: Axes) -> None:
    assert drawn.get_xlabel() == "affiliation\nclient: 3 moves\ntherapist: 1 move\nnot placed: 1 move"
    assert drawn.get_ylabel() == "control"
    assert drawn.get_xlim() == drawn.get_ylim() == (-1.3, 1.3)
    assert drawn.get_aspect() == 1.0
    assert alt_text(drawn) == (
        "Paths on the interpersonal plane, affiliation to the right and control upwards: client, 3 moves, from (0.00, "
        "1.00) to (0.00, 1.00), 1 not placed; therapist, 1 move, from (-1.00, 0.00) to (-1.00, 0.00).")


def test_somebody_without_a_placed_move_has_no_path() -> None:
    ax = paths({"client": CLIENT, "therapist": ([NAN], [0.5])})
    assert not found(ax, "therapist")
    assert "therapist, 0 moves, 1 not placed" in alt_text(ax)


def test_axes_handed_in_are_drawn_on() -> None:
    mine = Figure().add_subplot()
    assert paths({"client": CLIENT}, ax=mine) is mine


@pytest.mark.parametrize(("positions", "says"), [
    ({"client": ([0.0], [0.0, 1.0])}, r"client: affiliation has the shape \(1,\) and control \(2,\)"),
    ({"client": ([[0.0]], [[0.0]])}, "expected two sequences of the same length"),
    ({"client": ([0.0, 2.0, 0.0], [0.0, 0.0, -3.0])}, r"client: 2 positions outside -1 to 1, the first at place 1: \(2, 0\)"),
    ({}, "there are 0 paths; the plane is drawn for one or two people"),
    ({"a": CLIENT, "b": CLIENT, "c": CLIENT}, "there are 3 paths")])
def test_what_cannot_be_drawn_is_refused(positions: Any, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        paths(positions)


def test_nothing_placed_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="no move is placed on the plane"):
        paths({"client": ([NAN], [NAN])})
