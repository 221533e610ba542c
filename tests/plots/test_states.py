"""The traces of many episodes in pictures, against loops over the traces one by one."""

from __future__ import annotations

import warnings
from typing import Any

import attrs
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.example import example_cohort
from rupturekit.plots import states
from rupturekit.plots.states import sequence_index, state_distribution
from rupturekit.plots.style import alt_text, rendered
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.state_machine import load_model
from rupturekit.traces import TraceTable, trace_cohort
from rupturekit.vocabulary import ClosedBy, Phase

MODEL = load_model("withdrawal-2000")


@pytest.fixture(scope="module")
def traces() -> TraceTable:
    rule = SegmentationRule(name="mine", opens=("withdrawal_marker",), gap=240_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trace_cohort(segment(example_cohort(), rule, track="r1"), MODEL)


def picked(table: TraceTable, which: list[int]) -> TraceTable:
    """Return the table with some of its episodes, in the order asked for."""
    members = np.concatenate([np.arange(*table.episodes.offsets[at : at + 2]) for at in which] or [[]]).astype(int)
    columns = {name: getattr(table, name)[members] for name in ("symbol", "before", "after", "reason", "order_dependent")}
    return attrs.evolve(table, episodes=table.episodes.take(np.array(which, dtype=int)), open_ends={}, **columns)


def stopped(table: TraceTable) -> list[bool]:
    return [row.closed_by is ClosedBy.OBSERVATION_END for row in (one.episode.row for one in table)]


def found(ax: Axes, label: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def key(ax: Axes) -> set[str]:
    legend = ax.get_legend()
    return {text.get_text() for text in legend.get_texts()} if legend else set()


def kinds_of(table: TraceTable, by: str) -> list[list[str]]:
    """Return the phase, or state, after each move of each episode."""
    return [[str(table.model[step.after].phase) if by == "phase" else step.after.replace("_", " ")
             for step in one.steps] for one in table]


# --- distribution --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["phase", "state"])
@pytest.mark.parametrize("points", [2, 7, 100])
def test_shares_are_those_of_a_loop(traces: TraceTable, by: str, points: int) -> None:
    ax = state_distribution(traces, by=by, points=points)
    rows = [row for row, cut in zip(kinds_of(traces, by), stopped(traces), strict=True) if not cut]
    for name in {kind for row in rows for kind in row}:
        values, edges, baseline = found(ax, name)[0].get_data()
        shares = [sum(row[int((at + 0.5) / points * len(row))] == name for row in rows) / len(rows)
                  for at in range(points)]
        assert (np.asarray(values) - np.asarray(baseline)).tolist() == pytest.approx(shares)
        assert np.asarray(edges).tolist() == pytest.approx(np.linspace(0, 1, points + 1).tolist())


def test_shares_fill_the_axes_and_stand_in_the_order_of_the_phases(traces: TraceTable) -> None:
    ax = state_distribution(traces)
    drawn = [str(artist.get_label()) for artist in ax.patches if artist.get_label() in set(Phase)]
    assert drawn == [str(phase) for phase in Phase if str(phase) in drawn]
    assert np.asarray(found(ax, drawn[-1])[0].get_data()[0]).tolist() == pytest.approx([1.0] * 100)
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 1), (0, 1))


def test_episodes_cut_off_are_left_out_and_counted(traces: TraceTable) -> None:
    n, cut = len(traces), sum(stopped(traces))
    assert cut == 1
    ax = state_distribution(traces)
    assert f"{n - cut} episodes, " in ax.get_xlabel()
    assert "\nleft out: 1 episode cut off by the end of observation" in ax.get_xlabel()
    whole = picked(traces, [at for at, gone in enumerate(stopped(traces)) if not gone])
    assert "left out" not in state_distribution(whole).get_xlabel()


def test_only_what_occurs_is_in_the_key(traces: TraceTable) -> None:
    assert key(state_distribution(traces)) == {kind for row in kinds_of(traces, "phase") for kind in row}
    assert key(state_distribution(traces, by="state")) == {kind for row in kinds_of(traces, "state") for kind in row}


def test_words_say_how_it_begins_and_ends(traces: TraceTable) -> None:
    assert "rupture 100% at first" in alt_text(state_distribution(traces))


def test_nothing_observed_to_its_end_is_refused(traces: TraceTable) -> None:
    cut = picked(traces, [at for at, gone in enumerate(stopped(traces)) if gone])
    with pytest.raises(NotEnoughData, match="no episode was observed to its end"):
        state_distribution(cut)


@pytest.mark.parametrize("points", [1, 1001, 2.0, True])
def test_points_are_a_whole_number_within_limits(traces: TraceTable, points: Any) -> None:
    with pytest.raises(RecordError, match=f"points is {points!r}; expected a whole number from 2 to 1,000"):
        state_distribution(traces, points=points)


@pytest.mark.parametrize("draw", [state_distribution, sequence_index])
def test_by_is_phase_or_state(traces: TraceTable, draw: Any) -> None:
    with pytest.raises(RecordError, match='by is \'need\'; expected "phase" or "state"'):
        draw(traces, by="need")
    with pytest.raises(RecordError, match="expected a table of traces but got str; use trace_cohort"):
        draw("demo")


def test_states_of_one_phase_get_lighter(traces: TraceTable) -> None:
    ax = state_distribution(traces, by="state")
    brightness = [sum(found(ax, name)[0].get_facecolor()[:3]) for name in ("disembedding", "qualified assertion",
                                                                           "avoidance")]
    assert brightness == sorted(set(brightness))


# --- sequences -----------------------------------------------------------------------------------------------------


def boxes(ax: Axes, label: str) -> list[tuple[int, float, float]]:
    """Return (row, start, end) of the boxes of a label."""
    held = []
    for artist in found(ax, label):
        vertices = artist.get_path().vertices
        for at in range(0, len(vertices), 5):
            box = vertices[at : at + 4]
            held.append((int(box[:, 1].min()), float(box[:, 0].min()), float(box[:, 0].max())))
    return held


def runs(row: list[str]) -> list[tuple[str, int, int]]:
    """Return the runs of a row: (kind, start, end)."""
    held: list[tuple[str, int, int]] = []
    for at, kind in enumerate(row):
        if held and held[-1][0] == kind:
            held[-1] = (kind, held[-1][1], at + 1)
        else:
            held.append((kind, at, at + 1))
    return held


@pytest.mark.parametrize("by", ["phase", "state"])
def test_rows_are_the_episodes_sorted_by_path(traces: TraceTable, by: str) -> None:
    ax = sequence_index(traces, by=by)
    order = [str(phase) for phase in Phase] if by == "phase" else [
        state.name.replace("_", " ") for phase in Phase for state in MODEL.states if state.phase is phase]
    by_hand = sorted(([order.index(kind) for kind, _, _ in runs(row)], [end - start for _, start, end in runs(row)], row)
                     for row in kinds_of(traces, by))
    expected = {(at, kind, start, end) for at, (_, _, row) in enumerate(by_hand) for kind, start, end in runs(row)}
    assert {(at, kind, start, end) for kind in order for at, start, end in boxes(ax, kind)} == expected


def test_a_row_cut_off_runs_into_the_hatch(traces: TraceTable) -> None:
    ax = sequence_index(traces)
    [(row, start, end)] = boxes(ax, "not observed")
    [cut] = [one for one, gone in zip(traces, stopped(traces), strict=True) if gone]
    assert start == len(cut.steps) < end
    assert any(box == row and stop == start for kind in Phase for box, _, stop in boxes(ax, str(kind)))
    assert "not observed" in key(ax)
    assert "1 cut off by the end of observation" in alt_text(ax)
    whole = picked(traces, [at for at, gone in enumerate(stopped(traces)) if not gone])
    assert "not observed" not in key(sequence_index(whole))


def test_the_order_of_the_table_does_not_matter(traces: TraceTable) -> None:
    one, other = sequence_index(traces), sequence_index(picked(traces, list(range(len(traces)))[::-1]))
    for phase in Phase:
        assert sorted(boxes(one, str(phase))) == sorted(boxes(other, str(phase)))


def test_one_shape_holds_all_rows_of_a_phase(traces: TraceTable) -> None:
    ax = sequence_index(traces)
    assert all(len(found(ax, str(phase))) <= 1 for phase in Phase)
    assert ax.get_ylim() == (len(traces), 0)


def test_many_rows_are_kept_as_a_picture(traces: TraceTable, monkeypatch: pytest.MonkeyPatch) -> None:
    assert b"<image" not in rendered(sequence_index(traces))
    monkeypatch.setattr(states, "SHARP_ROWS", 3)
    assert b"<image" in rendered(sequence_index(traces))


def test_episodes_without_moves_have_no_row(traces: TraceTable) -> None:
    offsets = np.insert(traces.episodes.offsets, 1, traces.episodes.offsets[1])    # an empty one after the first
    rows = traces.episodes.rows.take(np.array([0, 0, *range(1, len(traces))]))
    wider = attrs.evolve(traces, episodes=attrs.evolve(traces.episodes, rows=rows, offsets=offsets))
    one, other = sequence_index(traces), sequence_index(wider)
    for phase in Phase:
        assert sorted(boxes(one, str(phase))) == sorted(boxes(other, str(phase)))


def test_an_empty_table_is_refused(traces: TraceTable) -> None:
    with pytest.raises(NotEnoughData, match="there is no episode with moves to draw"):
        sequence_index(picked(traces, []))


def test_axes_handed_in_are_drawn_on(traces: TraceTable) -> None:
    left, right = Figure().subplots(1, 2)
    assert state_distribution(traces, ax=left) is left
    assert sequence_index(traces, ax=right) is right
