"""Process models as diagrams: where states stand, how arrows run, and that the numbers are those of the episodes."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import AlignmentCosts, StepKind, align_cohort
from rupturekit.errors import RecordError
from rupturekit.example import example_cohort
from rupturekit.plots.diagram import LINES, MOST_STATES, SILENT, model_diagram
from rupturekit.plots.flow import UNITS, flow_of
from rupturekit.plots.layout import ACROSS, Box, Layout, laid_out
from rupturekit.plots.routes import points_of, routed
from rupturekit.plots.style import PALE, alt_text, style
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.state_machine import StateMachine, load_model, model_names
from rupturekit.testing import cohorts, models
from rupturekit.traces import TraceTable, trace_cohort
from rupturekit.vocabulary import Evidence, Phase

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

MODEL = load_model("withdrawal-2000")
DRAWN = [name for name in model_names() if len(load_model(name).states) <= MOST_STATES]
RULE = SegmentationRule(name="mine", opens=("withdrawal_marker", "confrontation_marker"), gap=240_000_000)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return segment(simulate(Design(dyads=8, sessions=4), seed=1).cohort, RULE)


@pytest.fixture(scope="module")
def traces(cohort: Cohort) -> TraceTable:
    return trace_cohort(cohort, MODEL)


def found(ax: Axes, label: str) -> list[Any]:
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def pairs(model: StateMachine) -> list[tuple[str, str]]:
    return list(dict.fromkeys((arrow.source, arrow.target) for arrow in model.transitions
                              if arrow.source != arrow.target))


def said(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


# --- the numbers --------------------------------------------------------------------------------------------------


def counted_one_by_one(table: TraceTable, by: str) -> dict[str, Counter[Any]]:
    """Count what flow_of counts, from the traces as objects."""
    counts: dict[str, Counter[Any]] = {"taken": Counter(), "off": Counter(), "skipped": Counter()}
    for one in table:
        held = [("off", step.before) if step.arrow is None else ("taken", (step.arrow.source, step.arrow.target))
                for step in one.steps]
        held += [("skipped", name) for step in one.steps if step.arrow for name in step.skipped]
        for what, key in held if by == "moves" else set(held):
            counts[what][key] += 1
    return counts


@given(cohorts(), models(), st.sampled_from(UNITS))
@settings(max_examples=40, deadline=None)
def test_flow_of_traces_is_what_a_plain_loop_counts(cohort: Cohort, model: StateMachine, by: str) -> None:
    table = trace_cohort(cohort, model, any_type=True)
    flow, slow = flow_of(table, by=by), counted_one_by_one(table, by)
    assert (dict(flow.taken), dict(flow.off_model), dict(flow.skipped)) == (
        dict(slow["taken"]), dict(slow["off"]), dict(slow["skipped"]))
    assert (flow.unit, flow.episodes, flow.moves) == (by, len(table), sum(len(one.steps) for one in table))
    if by == "moves":
        assert sum(flow.taken.values()) + sum(flow.off_model.values()) == flow.moves


@given(cohorts(), models())
@settings(max_examples=25, deadline=None)
def test_flow_of_alignments_agrees_with_their_deviations(cohort: Cohort, model: StateMachine) -> None:
    table = align_cohort(cohort, model, any_type=True, costs=AlignmentCosts(substituted=1))
    flow = flow_of(table)
    told = table.deviations()
    assert (dict(flow.off_model), dict(flow.skipped)) == (told["off model"], told["skipped"])
    assert sum(flow.taken.values()) + sum(flow.off_model.values()) == flow.moves
    once = flow_of(table, by="episodes")
    assert set(once.taken) == set(flow.taken)
    assert all(n <= len(table) for n in once.taken.values())
    for pair, n in once.taken.items():
        assert n == sum(any(step.kind in (StepKind.TAKEN, StepKind.SUBSTITUTED) and (step.before, step.after) == pair
                            for step in one.steps) for one in table)


def test_another_unit_is_refused(traces: TraceTable) -> None:
    with pytest.raises(RecordError, match='by is \'turns\'; expected "moves" or "episodes"'):
        model_diagram(traces, by="turns")


# --- where things lie ---------------------------------------------------------------------------------------------


def overlap(one: Box, other: Box) -> bool:
    return (abs(one.x - other.x) < (one.width + other.width) / 2) and (
        abs(one.y - other.y) < (one.height + other.height) / 2)


def inside(points: Any, box: Box) -> Any:
    return (np.abs(points[:, 0] - box.x) < box.width / 2) & (np.abs(points[:, 1] - box.y) < box.height / 2)


def check_boxes(model: StateMachine, held: Layout) -> None:
    assert set(held.boxes) == set(model.index)
    assert not any(overlap(one, other) for one, other in itertools.combinations(held.boxes.values(), 2))
    for state, box in held.boxes.items():
        top, bottom = held.bands[model[state].phase]
        assert top < box.y - box.height / 2 < box.y + box.height / 2 < bottom
        assert 0 < box.x - box.width / 2 < box.x + box.width / 2 < held.width
    edges = [edge for band in held.bands.values() for edge in band]
    assert edges == sorted(edges)
    assert edges[-1] == pytest.approx(held.height)


@given(models())
@settings(max_examples=40, deadline=None)
def test_states_stand_apart_in_the_band_of_their_phase(model: StateMachine) -> None:
    check_boxes(model, laid_out(model))


@pytest.mark.parametrize("name", DRAWN)
def test_states_of_shipped_models_stand_apart(name: str) -> None:
    held = laid_out(load_model(name), notes=2)
    check_boxes(load_model(name), held)
    rows = Counter(box.y for box in held.boxes.values())
    assert max(rows.values()) <= ACROSS
    assert held.height < 235    # a page


@pytest.mark.parametrize("name", DRAWN)
def test_arrows_of_shipped_models_run_from_edge_to_edge_and_past_other_states(name: str) -> None:
    model = load_model(name)
    held = laid_out(model)
    entered = Counter(target for _, target in pairs(model))
    few = [pair for pair in pairs(model) if entered[pair[1]] < 8]
    for (source, target), bow in routed(held, few).items():
        points = points_of(bow.curve)
        assert all(inside(points, box).mean() <= 0.12 for box in held.boxes.values())    # no more than behind a corner
        for end, state in ((points[0], source), (points[-1], target)):
            box = held.boxes[state]
            away = max(abs(end[0] - box.x) - box.width / 2, abs(end[1] - box.y) - box.height / 2)
            assert 0 < away < 2.5
        assert not any(inside(np.array([bow.label]), box).any() for box in held.boxes.values())
        assert ((points >= 0) & (points <= [held.width, held.height])).all()


def test_rows_follow_the_phases_and_a_long_phase_the_way_from_the_start() -> None:
    order = [Phase.RUPTURE, Phase.NEGOTIATION, Phase.REPAIR]
    assert list(laid_out(MODEL).bands) == order
    assert list(laid_out(load_model("relatedness-self-definition")).bands) == [Phase.ALLIANCE, *order, Phase.BREAKDOWN]
    assert list(laid_out(load_model("3rs-native")).bands)[-1] is Phase.ALLIANCE    # begins in rupture
    held = laid_out(load_model("renegotiation")).boxes
    heights = [held[name].y for name in ("clarifies", "clarifies+gives_reason", "clarifies+gives_reason+changes_task")]
    assert heights == sorted(set(heights))


def test_a_row_of_very_many_is_broken() -> None:
    start = attrs.evolve(MODEL.states[0], end=True)
    made = [attrs.evolve(MODEL.states[1], name=f"s{at}") for at in range(7)]
    arrows = [attrs.evolve(MODEL.transitions[1], source=start.name, target=state.name) for state in made]
    held = laid_out(attrs.evolve(MODEL, states=(start, *made), transitions=tuple(arrows)))
    assert sorted(Counter(box.y for box in held.boxes.values()).values()) == [1, 2, 5]


def test_a_very_long_name_loses_its_middle() -> None:
    state = attrs.evolve(MODEL.states[0], name="+".join(f"step_number_{at}" for at in range(9)), end=True)
    [box] = laid_out(attrs.evolve(MODEL, states=(state,), transitions=())).boxes.values()
    assert box.lines == ("step number 0 +", "step number 1 +", "…", "step number 8")


def test_a_straight_short_arrow_has_its_number_beside_it() -> None:
    held = laid_out(MODEL)
    pair = ("qualified_assertion", "avoidance")
    bow = routed(held, [pair])[pair]
    points = points_of(bow.curve)
    assert np.hypot(*(points - np.array(bow.label)).T).min() > 1.5
    long = routed(held, [("withdrawal", "avoidance")])["withdrawal", "avoidance"]
    assert np.hypot(*(points_of(long.curve, np.linspace(0, 1, 501)) - np.array(long.label)).T).min() < 0.2


# --- the drawing --------------------------------------------------------------------------------------------------


def best(model: StateMachine, pair: tuple[str, str]) -> str:
    arrows = [arrow for arrow in model.transitions if (arrow.source, arrow.target) == pair]
    kinds = [arrow.evidence for arrow in arrows if arrow.when is not None]
    return min(kinds, key=list(Evidence).index) if kinds else SILENT


@pytest.mark.parametrize("name", DRAWN)
def test_every_pair_of_states_has_an_arrow_in_the_line_of_its_evidence(name: str) -> None:
    model = load_model(name)
    ax = model_diagram(model)
    entered = Counter(target for _, target in pairs(model))
    for pair in pairs(model):
        lines = found(ax, f"{pair[0]} to {pair[1]}")
        assert len(lines) == (entered[pair[1]] < 8)
        for line in lines:
            dashes = LINES[best(model, pair)]
            assert line.is_dashed() == bool(dashes)
            if dashes:
                lengths = np.array(line._dash_pattern[1])    # matplotlib gives the style back as a word only
                assert lengths.tolist() == pytest.approx(list(dashes))
            assert len(found(ax, f"head {pair[0]} to {pair[1]}")) == 1
    assert {text.get_text() for text in ax.get_legend().get_texts()} <= set(map(str, LINES))


def test_silent_arrows_are_dotted_unless_another_shows_the_way() -> None:
    silent = attrs.evolve(MODEL.transitions[1], when=None)
    key = (silent.source, silent.target)
    others = [arrow for arrow in MODEL.transitions if (arrow.source, arrow.target) != key]
    only = attrs.evolve(MODEL, transitions=(*others, silent))
    assert found(model_diagram(only), " to ".join(key))[0]._dash_pattern[1] == pytest.approx(list(LINES[SILENT]))
    for arrows in ((*MODEL.transitions, silent), (silent, *MODEL.transitions)):
        ax = model_diagram(attrs.evolve(MODEL, transitions=arrows))
        assert found(ax, " to ".join(key))[0]._dash_pattern[1] == pytest.approx(list(LINES[Evidence.RECALLED]))


def test_width_and_number_are_how_often_an_arrow_was_taken(traces: TraceTable) -> None:
    for by in UNITS:
        ax, flow = model_diagram(traces, by=by), flow_of(traces, by=by)
        lines = {pair: found(ax, " to ".join(pair))[0] for pair in pairs(MODEL)}
        counts = {pair: flow.taken.get(pair, 0) for pair in lines}
        widths = {pair: line.get_linewidth() for pair, line in lines.items()}
        most = max(counts.values())
        assert widths == pytest.approx({pair: 0.7 + 3.3 * n / most for pair, n in counts.items()})
        assert all((to_hex(lines[pair].get_color()) == PALE) == (n == 0) for pair, n in counts.items())
        numbers = Counter(text for text in said(ax) if text.replace(",", "").isdigit())
        assert numbers == Counter(f"{n:,}" for n in counts.values() if n)
        assert ax.get_xlabel().splitlines()[-1] == f"numbers and widths of arrows: {by}"
        assert f"counted in {by}" in alt_text(ax)


def test_what_happened_in_a_state_stands_in_it(traces: TraceTable) -> None:
    ax, flow = model_diagram(traces), flow_of(traces)
    words = " ".join(said(ax))
    for state in MODEL.index:
        assert f"stays {flow.taken[state, state]:,}" in words
    assert all(f"off {n:,}" in words for n in flow.off_model.values())
    assert all(f"skipped {n:,}" in words for n in flow.skipped.values())
    assert {"start", "end"} <= set(said(ax))
    assert set(said(model_diagram(MODEL))) >= {"start, stays", "end, stays", "withdrawal"}


def test_an_arrow_that_was_never_taken_is_in_the_key(traces: TraceTable) -> None:
    few = trace_cohort(example_cohort(), MODEL)
    keys = [[text.get_text() for text in model_diagram(table).get_legend().get_texts()] for table in (few, traces)]
    assert "never taken" in keys[0]
    ax, taken = model_diagram(few), flow_of(few).taken
    pale = {pair for pair in pairs(MODEL) if to_hex(found(ax, " to ".join(pair))[0].get_color()) == PALE}
    assert pale == {pair for pair in pairs(MODEL) if pair not in taken}
    assert pale
    assert all(flow_of(traces).taken.get(pair) for pair in pairs(MODEL)) == ("never taken" not in keys[1])


def test_a_state_that_no_code_shows_is_hatched() -> None:
    table = trace_cohort(example_cohort(), "relatedness-self-definition", any_type=True)
    ax = model_diagram(table)
    hatched = {state for state in table.model.index if found(ax, f"state {state}")[0].get_hatch()}
    assert hatched == set(flow_of(table).unseen)
    assert hatched
    assert "no code shows it" in [text.get_text() for text in ax.get_legend().get_texts()]
    assert not any(found(model_diagram(table.model), f"state {state}")[0].get_hatch() for state in hatched)


def test_arrows_into_a_state_that_all_lead_to_are_counted_and_not_drawn(cohort: Cohort) -> None:
    model = load_model("recognition")
    into = [pair for pair in pairs(model) if pair[1] == "breakdown"]
    ax = model_diagram(model)
    assert f"from {len(into)} states" in " ".join(said(ax))
    assert not any(found(ax, " to ".join(pair)) for pair in into)
    assert "entered 0" in " ".join(said(model_diagram(trace_cohort(cohort, model, any_type=True))))


def test_steps_that_are_no_states_are_told_beneath(cohort: Cohort) -> None:
    table = trace_cohort(cohort, "renegotiation", any_type=True)
    [(cell, hop)] = [(cell, hop) for cell, hop in table.alphabet.hops.items() if cell[0] == 0][:1]
    hops = table.alphabet.hops | {cell: attrs.evolve(hop, skipped=("step_of_a_chain",))}
    met = attrs.evolve(table, alphabet=attrs.evolve(table.alphabet, hops=hops),
                       before=np.zeros_like(table.before), symbol=np.full_like(table.symbol, cell[1]))
    lines = model_diagram(met).get_xlabel().splitlines()
    assert lines[2:] == [f"steps skipped: step_of_a_chain {len(table.before):,}"]


def test_the_end_has_a_second_frame_and_the_bands_their_phase() -> None:
    ax = model_diagram(MODEL)
    assert len(found(ax, "end self_assertion")) == 1
    assert not found(ax, "end withdrawal")
    assert said(ax)[:3] == ["rupture", "negotiation", "repair"]


def test_a_model_of_very_many_states_is_refused() -> None:
    many = attrs.evolve(MODEL, states=tuple(attrs.evolve(MODEL.states[1], name=f"s{at}") for at in range(31)))
    with pytest.raises(RecordError, match=r"withdrawal-2000 has 31 states; a diagram can be followed up to 30\. print"):
        model_diagram(many)


def test_what_is_no_model_is_refused(cohort: Cohort) -> None:
    with pytest.raises(RecordError, match="expected a process model, or traces or alignments to one but got Cohort"):
        model_diagram(cohort)    # type: ignore[arg-type]


@pytest.mark.parametrize("name", DRAWN)
def test_every_word_lies_in_its_box_and_on_the_page(name: str, cohort: Cohort) -> None:
    model = load_model(name)
    held = laid_out(model)
    for ax in (model_diagram(model), model_diagram(trace_cohort(cohort, model, any_type=True))):
        with style():
            ax.figure.draw_without_rendering()
        boxes = {state: found(ax, f"frame {state}")[0].get_window_extent() for state in held.boxes}
        for text in ax.texts:
            extent = text.get_window_extent()
            middle = [(extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2]
            home = [box for box in boxes.values() if box.contains(*middle)]
            assert all(box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y0 and extent.y1 <= box.y1
                       for box in home), text.get_text()
        page = ax.figure.bbox.padded(1)
        for text in (ax.xaxis.label, *ax.get_legend().get_texts()):
            extent = text.get_window_extent()
            assert page.x0 <= extent.x0 < extent.x1 <= page.x1
            assert page.y0 <= extent.y0 < extent.y1 <= page.y1


def test_one_model_is_drawn_alike_every_time() -> None:
    held = laid_out(MODEL)
    first, second = (routed(held, pairs(MODEL)) for _ in range(2))
    assert all(np.array_equal(first[pair].curve, second[pair].curve) for pair in first)
    assert held == laid_out(MODEL)


def test_axes_handed_in_are_drawn_on() -> None:
    mine = Figure().add_subplot()
    assert model_diagram(MODEL, ax=mine) is mine
    assert mine.get_aspect() == 1.0


def test_words_tell_phases_evidence_and_the_busiest_arrows(traces: TraceTable) -> None:
    words = alt_text(model_diagram(MODEL))
    assert words == ("Diagram of the model withdrawal-2000, states by phase: rupture: withdrawal; negotiation: "
                     "disembedding, qualified_assertion, avoidance; repair: self_assertion. It begins in withdrawal and "
                     "may end in self_assertion. 10 pairs of states joined by arrows: 1 secondary, 4 recalled, 5 "
                     "assumption.")
    more = alt_text(model_diagram(traces))
    assert more.startswith(words)
    assert "most often taken: withdrawal to disembedding " in more
    still = attrs.evolve(traces, before=np.zeros_like(traces.before), symbol=np.zeros_like(traces.symbol))
    assert "most often taken: none; off the model: withdrawal " in alt_text(model_diagram(still))


@pytest.mark.parametrize("by", ["moves", "episodes"])
def test_what_was_taken_stands_in_the_order_of_the_model(by: str) -> None:
    model = load_model("withdrawal-2000")
    places = [state.name for state in model.states]
    taken = flow_of(trace_cohort(example_cohort(), model), by=by).taken
    assert list(taken) == sorted(taken, key=lambda pair: [places.index(name) for name in pair])
