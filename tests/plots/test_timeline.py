"""The timeline of one episode: marks where the moves are, bars as long as the states lasted."""

from __future__ import annotations

import warnings
from typing import Any

import attrs
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit._palette import PHASES
from rupturekit.codebooks import load_codebook
from rupturekit.episode import Coding, Episode, Move, seconds
from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.example import example_cohort
from rupturekit.plots.style import alt_text
from rupturekit.plots.timeline import episode_timeline
from rupturekit.plots.timescale import MOST_TICKS, timescale
from rupturekit.segmentation import WHOLE_SESSION, SegmentationRule, segment
from rupturekit.state_machine import load_model
from rupturekit.traces import Trace, TraceTable, trace, trace_cohort
from rupturekit.vocabulary import ClosedBy, TimeKind

MODEL = load_model("withdrawal-2000")
SAID = [("client", "wd", 0), ("therapist", "invite", 40), (None, "wd", 50), ("client", "self-assert", 95),
        ("therapist", "validate", 110)]


@pytest.fixture(scope="module")
def traces() -> TraceTable:
    rule = SegmentationRule(name="mine", opens=("withdrawal_marker",), gap=240_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trace_cohort(segment(example_cohort(), rule, track="r1"), MODEL)


def traced(said: list[tuple[str | None, str, int]], *, time: TimeKind = TimeKind.CLOCK, second: int = 99, **row: Any
           ) -> Trace:
    """Trace an episode of moves (who, code, when), from the `second`-th on in session 2."""
    unit = 1_000_000 if time.has_clock else 1
    moves = [Move(dyad="D1", session=1 + (number >= second), track="r1", party=party, code=code, onset=at * unit,
                  row_id=number, tie=number) for number, (party, code, at) in enumerate(said)]
    episode = Episode.of(moves, coding=Coding(codebook=load_codebook("stages"), time=time))
    return trace(attrs.evolve(episode, row=attrs.evolve(episode.row, **row)), MODEL)


def found(ax: Axes, label: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def marks(ax: Axes, label: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for artist in found(ax, label) for x, y in artist.get_offsets()]


def lengths(ax: Axes, state: str) -> list[tuple[float, float]]:
    boxes = [path.get_extents() for artist in found(ax, f"state {state}") for path in artist.get_paths()]
    return [(float(box.x0), float(box.x1)) for box in boxes]


def span(ax: Axes, label: str) -> tuple[float, float]:
    """Return from where to where the one band of a label goes."""
    [band] = found(ax, label)
    box = band.get_window_extent().transformed(ax.transData.inverted())
    return round(float(box.x0), 6), round(float(box.x1), 6)


def test_every_move_is_a_mark_in_its_lane(traces: TraceTable) -> None:
    for one in traces:
        ax = episode_timeline(one, ax=Figure().add_subplot())
        on, off = marks(ax, "moves that took an arrow"), marks(ax, "off-model moves")
        assert (len(on), len(off)) == (len(one.steps) - len(one.off_model), len(one.off_model))
        lanes = [-("client", "therapist").index(str(step.move.party)) for step in one.steps if step.taken]
        assert [y for _, y in on] == lanes


def test_bars_of_a_phase_last_as_long_as_the_trace_says(traces: TraceTable) -> None:
    for one in traces:
        ax = episode_timeline(one, ax=Figure().add_subplot())
        for phase, lasted in one.dwell_seconds().items():
            drawn = [end - start for state in one.model.states if state.phase is phase
                     for start, end in lengths(ax, state.name)]
            assert sum(drawn) == pytest.approx(lasted)


def test_every_state_of_the_path_has_a_row_in_its_phases_colour(traces: TraceTable) -> None:
    one = traces.named("V1-E1")
    ax = episode_timeline(one)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["client", "therapist", "withdrawal", "disembedding", "qualified assertion", "avoidance",
                     "self assertion"]
    [bar] = found(ax, "state withdrawal")
    red, green, blue, _ = bar.get_facecolor()[0]
    assert f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}" == PHASES[MODEL["withdrawal"].phase].mark
    assert len(lengths(ax, "qualified_assertion")) == 2


def test_skipped_steps_are_hollow_in_their_own_row(traces: TraceTable) -> None:
    one = traces.named("V2-E1")
    assert one.skipped == ("disembedding",)
    ax = episode_timeline(one)
    [(x, y)] = marks(ax, "skipped steps")
    row = dict(zip((label.get_text() for label in ax.get_yticklabels()), ax.get_yticks().tolist(), strict=True))
    assert y == row["disembedding"]
    at = next(step.move.onset for step in one.steps if step.skipped)
    assert x == (at - one.steps[0].move.onset) / 1e6
    assert "Skipped: disembedding." in alt_text(ax)


def test_axis_tells_the_time_of_the_session(traces: TraceTable) -> None:
    ax = episode_timeline(traces.named("V1-E1"))
    assert [label.get_text() for label in ax.get_xticklabels()] == [f"{minute}:00" for minute in range(13, 21)]
    assert ax.get_xlabel() == "time in the session (min:s)"


def test_sessions_stand_apart(traces: TraceTable) -> None:
    one = traces.named("V2-E2")
    ax = episode_timeline(one)
    assert [text.get_text() for text in ax.texts] == ["session 2", "session 3"]
    [gap] = found(ax, "break between sessions")
    before = [(end, start) for state in one.model.states for start, end in lengths(ax, state.name)]
    assert all(end <= gap.get_xdata()[0] or start >= gap.get_xdata()[0] for end, start in before)


def test_what_nobody_observed_is_hatched(traces: TraceTable) -> None:
    [one] = [one for one in traces if one.reached == "censored"]
    ax = episode_timeline(one)
    start, end = span(ax, "not observed")
    assert start == (one.episode.row.end - one.steps[0].move.onset) / 1e6
    assert end == pytest.approx(ax.get_xlim()[1])
    assert found(ax, "not observed")[0].get_hatch()
    assert alt_text(ax).endswith("Observation stopped before the episode was over.")
    assert not found(episode_timeline(traces.named("V1-E1")), "not observed")


def test_moves_of_nobody_in_particular_have_a_lane() -> None:
    ax = episode_timeline(traced(SAID))
    assert [label.get_text() for label in ax.get_yticklabels()][:3] == ["client", "therapist", "not said who"]
    assert (50.0, -2.0) in marks(ax, "moves that took an arrow") + marks(ax, "off-model moves")


@pytest.mark.parametrize(("time", "label"), [(TimeKind.TURN, "turn of the session"),
                                             (TimeKind.ORDER, "place in the order of the session")])
def test_without_a_clock_the_axis_counts(time: TimeKind, label: str) -> None:
    ax = episode_timeline(traced(SAID, time=time))
    assert ax.get_xlabel() == label
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "15", "30", "45", "60", "75", "90", "105"]


def test_a_single_instant_can_be_drawn() -> None:
    ax = episode_timeline(traced([("client", "wd", 7), ("therapist", "invite", 7)]))
    low, high = ax.get_xlim()
    assert low < 0 < high
    assert lengths(ax, "disembedding") == [(0.0, 0.0)]


def test_an_end_in_another_session_takes_no_time() -> None:
    one = traced(SAID[:2], last_session=3, end=seconds(500), closed_by=ClosedBy.OBSERVATION_END)
    ax = episode_timeline(one)
    assert lengths(ax, "disembedding") == [(40.0, 40.0)]
    assert span(ax, "not observed")[0] == 40.0


def test_a_state_that_stays_over_a_break_has_two_bars() -> None:
    ax = episode_timeline(traced([("client", "wd", 0), ("client", "wd", 100), ("client", "wd", 0), ("client", "wd", 30)],
                                 second=2))
    assert lengths(ax, "withdrawal") == [(0.0, 100.0), (107.8, 137.8)]    # between them 6 % of 130 seconds


def test_a_long_path_is_cut_in_the_words() -> None:
    back = [(party, code, at) for at, (party, code) in enumerate([("client", "wd"), ("therapist", "invite")] * 12)]
    one = traced(list(back))
    assert len(one.path) > 16
    assert " and more. End reached" in alt_text(episode_timeline(one))


def test_a_trace_without_moves_is_refused() -> None:
    one = traced(SAID)
    with pytest.raises(NotEnoughData, match="episode 'E1' has no moves to draw"):
        episode_timeline(attrs.evolve(one, steps=()))


def test_a_table_is_refused_with_what_to_take(traces: TraceTable) -> None:
    with pytest.raises(RecordError, match=r"expected a trace but got TraceTable; take one of a table: traces\[0\]"):
        episode_timeline(traces)    # type: ignore[arg-type]


def test_axes_handed_in_are_drawn_on(traces: TraceTable) -> None:
    mine = Figure().add_subplot()
    assert episode_timeline(traces[0], ax=mine) is mine


@pytest.mark.parametrize("length", [0, 1, 59, 60, 3601, 30_000, 400_000])
def test_ticks_are_few_and_whole(length: int) -> None:
    coding = Coding(codebook=load_codebook("stages"))
    scale = timescale(coding, [(1, seconds(13)), (1, seconds(13 + length))])
    ax = Figure().add_subplot()
    scale.mark(ax)
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert len(ticks) <= MOST_TICKS + 1
    assert ticks or length < 7
    assert all(tick.endswith(":00") for tick in ticks) or length < 480


def test_whole_sessions_too_are_drawn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = trace_cohort(segment(example_cohort(), WHOLE_SESSION, track="r1"), MODEL, any_type=True)
    assert all(alt_text(episode_timeline(one, ax=Figure().add_subplot())) for one in table[:4])
