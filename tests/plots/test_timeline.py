"""The timeline of one episode: marks where the moves are, bars as long as the states lasted."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import attrs
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit._palette import PHASES
from rupturekit.codebooks import load_codebook
from rupturekit.episode import Coding, Episode, Move, ObservedStretch, seconds
from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.example import example_cohort
from rupturekit.negotiation.acts import NEEDS
from rupturekit.negotiation.table import SPELL_ENDS, Negotiations, negotiations
from rupturekit.plots.style import alt_text
from rupturekit.plots.timeline import episode_timeline
from rupturekit.plots.timescale import MOST_TICKS, timescale
from rupturekit.segmentation import WHOLE_SESSION, SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design, NeedRates
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


# --- ratings, needs, what was not coded ----------------------------------------------------------------------------


def stems(ax: Axes) -> list[tuple[float, float, float]]:
    """Return the stems of ratings: where, on which lane, how tall."""
    [held] = found(ax, "ratings")
    return [(float(low[0]), round(float(low[1])), round(float(high[1] - low[1]), 6)) for low, high in held.get_segments()]


def rated(one: Trace, *ratings: float | None) -> Trace:
    steps = [attrs.evolve(step, move=attrs.evolve(step.move, rating=rating))
             for step, rating in zip(one.steps, ratings, strict=True)]
    return attrs.evolve(one, steps=tuple(steps))


def key(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_rating_is_a_stem_as_tall_as_it_is_high() -> None:
    ax = episode_timeline(rated(traced(SAID), 4.0, 2.0, None, 0.0, 1.0))
    assert [(x, lane) for x, lane, _ in stems(ax)] == [(0, 0), (40, -1), (110, -1)]    # none or 0 has no stem
    most, half, quarter = (tall for _, _, tall in stems(ax))
    assert (most, half, quarter) == pytest.approx((most, most / 2, most / 4))
    assert "stem: rating, up to 4" in key(ax)


def test_ratings_of_nought_alone_are_in_the_key_and_have_no_stem() -> None:
    ax = episode_timeline(rated(traced(SAID), 0.0, None, None, None, None))
    assert (stems(ax), "stem: rating, up to 0" in key(ax)) == ([], True)
    assert not [name for name in key(episode_timeline(traced(SAID))) if "rating" in name]


@pytest.fixture(scope="module")
def needed() -> tuple[TraceTable, Negotiations]:
    acts = {"client": NeedRates(claim=0.2, grant=0.05, give_up=0.1), "therapist": NeedRates(claim=0.1, grant=0.2)}
    made = simulate(Design(dyads=6, sessions=3, needs=acts), seed=4).cohort
    drawn = segment(made, SegmentationRule(name="mine", opens=("withdrawal_marker",), gap=None))
    return trace_cohort(drawn, MODEL), negotiations(drawn)


def spells_by_hand(table: Negotiations, at: int) -> list[tuple[str, int | None, int | None, str]]:
    """Return the spells of an episode: whose and what, when in microseconds they began and ended."""
    spells, turns, moves = table.spells, table.turns, table.turns.cohort.moves

    def when(turn: int) -> int | None:
        return None if turn < 0 else int(moves.onset[turns.episodes.members[turns.first[turn]]])

    return [(f"need {table.parties[spells.party[n]]} {NEEDS[spells.need[n]]} {SPELL_ENDS[spells.cause[n]]}",
             when(int(spells.begin[n])), when(int(spells.end[n])), str(SPELL_ENDS[spells.cause[n]]))
            for n in range(len(spells)) if spells.episode[n] == at]


def test_open_claims_are_bars_from_claim_to_end(needed: tuple[TraceTable, Negotiations]) -> None:
    table, held = needed
    ends = set()
    for at in range(len(table)):
        ax = episode_timeline(table[at], needs=held, ax=Figure().add_subplot())
        first = table[at].steps[0].move.onset
        wanted = Counter((label, (begin - first) / 1e6 if begin is not None else None,
                          round((end - first) / 1e6, 4) if end is not None else "as far as known")
                         for label, begin, end, _ in spells_by_hand(held, at))
        last = max((path.get_extents().x1 for state in MODEL.index for bar in found(ax, f"state {state}")
                    for path in bar.get_paths()), default=0.0)
        drawn: Counter[Any] = Counter()
        for artist in ax.get_children():
            label = str(artist.get_label())
            if label.startswith("need "):
                box = artist.get_paths()[0].get_extents()
                known = held_end(label)
                drawn[label, box.x0, round(float(box.x1), 4) if known else "as far as known"] += 1
                assert known or box.x1 == pytest.approx(last)
        assert drawn == wanted
        ends |= {label.rpartition(" ")[2] for label, _, _ in wanted}
    assert ends >= {"met", "yielded", "open"}


def held_end(label: str) -> bool:
    """Return whether a turn ended a bar of this label."""
    return label.rpartition(" ")[2] in ("met", "yielded")


def test_a_claim_cut_off_by_the_end_of_observation_has_no_sign() -> None:
    acts = {"client": NeedRates(claim=0.3), "therapist": NeedRates(claim=0.1)}
    made = simulate(Design(dyads=6, sessions=3, needs=acts, cut=1.0), seed=4).cohort
    drawn = segment(made, SegmentationRule(name="mine", opens=("withdrawal_marker",), gap=None))
    table, held = trace_cohort(drawn, MODEL), negotiations(drawn)
    cut = [at for at in range(len(table)) if {end for *_, end in spells_by_hand(held, at)} == {"censored"}]
    ax = episode_timeline(table[cut[0]], needs=held)
    assert [artist.get_label() for artist in ax.get_children() if str(artist.get_label()).startswith("end ")] == []
    assert not [name for name in key(ax) if name.startswith("claim ends")]
    assert "not observed" in key(ax)


def test_needs_have_rows_of_their_own_between_lanes_and_states(needed: tuple[TraceTable, Negotiations]) -> None:
    table, held = needed
    for at, one in enumerate(table):
        ax = episode_timeline(one, needs=held, ax=Figure().add_subplot())
        wanting = [party for party in ("client", "therapist")
                   if any(f"need {party} " in label for label, *_ in spells_by_hand(held, at))]
        names = [label.get_text() for label in ax.get_yticklabels()]
        assert names[: 2 + len(wanting)] == ["client", "therapist", *(f"needs: {party}" for party in wanting)]
        row = dict(zip(names, ax.get_yticks().tolist(), strict=True))
        for artist in ax.get_children():
            if str(artist.get_label()).startswith("need "):
                _, party, need, _ = artist.get_label().split()
                box = artist.get_paths()[0].get_extents()
                assert ((box.y0 + box.y1) / 2 > row[f"needs: {party}"]) == (need == "agency")
        claims = len(spells_by_hand(held, at))
        assert (f"{claims} claim" in alt_text(ax)) == (claims > 0)


def test_the_key_of_needs_names_what_is_there(needed: tuple[TraceTable, Negotiations]) -> None:
    table, held = needed
    for at, one in enumerate(table):
        ax = episode_timeline(one, needs=held, ax=Figure().add_subplot())
        labels = [label for label, *_ in spells_by_hand(held, at)]
        for need in ("agency", "communion"):
            assert (f"{need} claimed" in key(ax)) == any(f" {need} " in label for label in labels)
        for end in ("met", "yielded", "open"):
            assert (f"claim ends: {end}" in key(ax)) == any(label.endswith(f" {end}") for label in labels)


def test_negotiations_of_other_moves_are_refused(needed: tuple[TraceTable, Negotiations]) -> None:
    table, held = needed
    name = str(held.turns.episodes.rows.words("episode")[0])
    short = attrs.evolve(table.named(name), steps=table.named(name).steps[:1])
    with pytest.raises(RecordError, match="holds moves that its trace does not; make both from one cohort"):
        episode_timeline(short, needs=held)
    other = attrs.evolve(short, episode=attrs.evolve(short.episode, row=attrs.evolve(short.episode.row, episode="E9")))
    with pytest.raises(RecordError, match="no negotiation of episode 'E9'"):
        episode_timeline(other, needs=held)
    with pytest.raises(RecordError, match="expected a table of negotiations but got TraceTable"):
        episode_timeline(short, needs=table)    # type: ignore[arg-type]


def stretch(start: int, end: int, **changed: Any) -> ObservedStretch:
    said = {"dyad": "D1", "session": 1, "track": "r1", "start": seconds(start), "end": seconds(end)} | changed
    return ObservedStretch(**said)


@pytest.mark.parametrize(("coded", "gaps"), [
    ([(0, 200)], []), ([(0, 30), (60, 200)], [(30, 60)]), ([(60, 200), (0, 30)], [(30, 60)]), ([(50, 80)], [(0, 50), (80, 110)]),
    ([(0, 70), (20, 90)], [(90, 110)]), ([], []), ([(300, 400)], [(0, 110)])])
def test_what_was_not_coded_in_between_is_hatched(coded: list[tuple[int, int]], gaps: list[tuple[int, int]]) -> None:
    ax = episode_timeline(traced(SAID), observed=[stretch(*one) for one in coded])
    bands = [artist.get_window_extent().transformed(ax.transData.inverted()) for artist in found(ax, "not coded")]
    assert sorted((round(float(box.x0), 4), round(float(box.x1), 4)) for box in bands) == gaps
    assert ("not observed" in key(ax)) == bool(gaps)
    assert (f"Not coded in between: {len(gaps)} gap" in alt_text(ax)) == bool(gaps)


def test_stretches_of_others_change_nothing() -> None:
    others = [stretch(0, 1, dyad="D2"), stretch(0, 1, track="r2"), stretch(0, 1, session=7)]
    assert not found(episode_timeline(traced(SAID), observed=others), "not coded")


def test_many_claims_are_cut_in_the_words(needed: tuple[TraceTable, Negotiations]) -> None:
    table, held = needed
    many = [at for at in range(len(table)) if len(spells_by_hand(held, at)) > 8]
    few = [at for at in range(len(table)) if 0 < len(spells_by_hand(held, at)) <= 8]
    assert "and more." in alt_text(episode_timeline(table[many[0]], needs=held))
    assert "and more." not in alt_text(episode_timeline(table[few[0]], needs=held)).rpartition("of needs")[2]
