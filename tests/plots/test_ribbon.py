"""Alignments as ribbons: a box for each step, where it belongs, with what it costs."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import rupturekit as rk
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import Alignment, AlignmentCosts, Alignments, StepKind, align_cohort
from rupturekit.episode import Coding, EpisodeRow, Move
from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.plots.ribbon import MOST_STEPS, SHARP_ROWS, alignment_ribbon, alignment_ribbons
from rupturekit.plots.style import alt_text
from rupturekit.state_machine import load_model
from rupturekit.vocabulary import ClosedBy

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

MODEL = load_model("withdrawal-2000")
Said = tuple[str | None, str]
WD, INVITE, HALF, ASSERT = ("client", "wd"), ("therapist", "invite"), ("client", "qual-assert"), ("client", "self-assert")
LINK = ("therapist", "link")


def aligned(*episodes: list[Said], model: str = "withdrawal-2000", costs: AlignmentCosts | None = None) -> Alignments:
    """Align episodes E1, E2, ... of one dyad, a session each, a move every ten seconds."""
    moves = [Move(dyad="D1", session=number, track="r1", party=party, code=code, onset=rk.seconds(10 * at),
                  row_id=1000 * number + at)
             for number, said in enumerate(episodes, start=1) for at, (party, code) in enumerate(said)]
    rows = [EpisodeRow(episode=f"E{number}", dyad="D1", track="r1", first_session=number, last_session=number, onset=0,
                       end=rk.seconds(10 * max(len(said) - 1, 0)), closed_by=ClosedBy.CODERS)
            for number, said in enumerate(episodes, start=1)]
    sessions = [rk.Session(dyad="D1", session=number, duration=rk.seconds(90_000))
                for number in range(1, len(episodes) + 1)]
    made = Cohort.of(moves, coding=Coding(codebook=load_codebook("stages")), episodes=rows, sessions=sessions)
    return align_cohort(made, model, costs=costs, any_type=True)


def found(ax: Axes, label: str) -> list[Any]:
    return [artist for artist in ax.get_children() if str(artist.get_label()).partition(",")[0] == label]


def boxes(ax: Axes, label: str) -> list[tuple[float, float, float]]:
    """Return the boxes of a label: middle across, lower and upper edge."""
    corners = [np.asarray(part) for artist in found(ax, label) for part in artist.get_path().to_polygons()]
    return sorted((round(float(x.min() + x.max()) / 2, 6), round(float(y.min()), 6), round(float(y.max()), 6))
                  for x, y in (one.T for one in corners))


def rows(ax: Axes) -> dict[str, float]:
    return dict(zip((label.get_text() for label in ax.get_yticklabels()), ax.get_yticks().tolist(), strict=True))


def key(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return sorted(text.get_text() for text in legend.get_texts()) if legend else []


@pytest.fixture(scope="module")
def mixed() -> Alignment:
    return aligned([WD, INVITE, LINK, ("client", "wd"), ASSERT], costs=AlignmentCosts(skipped=2, off_model=3))[0]


def test_every_step_is_one_box_at_its_place_and_of_its_kind(mixed: Alignment) -> None:
    costs = [None, AlignmentCosts(substituted=1), AlignmentCosts(skipped=5, off_model=3, substituted=2)]
    said = [[WD, INVITE, LINK, ASSERT], [WD], [LINK, LINK], [WD, INVITE, HALF, ASSERT]]
    seen = set()
    for one in [mixed, *itertools.chain.from_iterable(aligned(*said, costs=each) for each in costs)]:
        ax = alignment_ribbon(one, ax=Figure().add_subplot())
        for kind in StepKind:
            places = [at + 1 for at, step in enumerate(one.steps) if step.kind is kind]
            assert [x for x, _, _ in boxes(ax, str(kind))] == places
            seen |= {kind} if places else set()
    assert seen == {StepKind.TAKEN, StepKind.SUBSTITUTED, StepKind.OFF_MODEL, StepKind.SKIPPED}


def test_a_move_stands_in_its_lane_and_a_step_without_one_across_both() -> None:
    one = aligned([WD, INVITE, ASSERT])[0]
    ax = alignment_ribbon(one)
    assert [(step.kind, step.move is None) for step in one.steps] == [
        (StepKind.TAKEN, False), (StepKind.TAKEN, False), (StepKind.SKIPPED, True), (StepKind.TAKEN, False)]
    assert [(x, round((low + high) / 2, 6)) for x, low, high in boxes(ax, "taken")] == [(1, 0), (2, -1), (4, 0)]
    [(x, low, high)] = boxes(ax, "skipped")
    assert (x, round((low + high) / 2, 6)) == (3, -0.5)
    assert low < -1 < 0 < high
    assert list(rows(ax))[:2] == ["client", "therapist"]


def test_what_costs_has_its_number_over_it() -> None:
    one = aligned([WD, INVITE, LINK, ASSERT], costs=AlignmentCosts(skipped=2, off_model=3))[0]
    ax = alignment_ribbon(one)
    numbers = {round(text.get_position()[0]): text.get_text() for text in ax.texts}
    assert numbers == {at + 1: str(step.cost) for at, step in enumerate(one.steps) if step.cost}
    assert sum(map(int, numbers.values())) == one.cost == 5
    assert ax.get_xlabel().splitlines() == [
        "steps: 4 moves and 1 step without a move",
        "episode E1, model withdrawal-2000", "cost 5 of at most 18, model fit 0.722"]


def test_states_lie_beneath_as_long_as_their_steps(mixed: Alignment) -> None:
    ax = alignment_ribbon(mixed)
    lie = rows(ax)
    drawn = {}
    for state in {step.after for step in mixed.steps}:
        [shape] = found(ax, f"state {state}")
        for part in shape.get_path().to_polygons():
            low, high = part[:, 0].min(), part[:, 0].max()
            assert (part[:, 1].min() + part[:, 1].max()) / 2 == pytest.approx(lie[state.replace("_", " ")])
            drawn |= dict.fromkeys(range(round(low + 0.5), round(high + 0.5)), state)
    assert [drawn[at] for at in sorted(drawn)] == [step.after for step in mixed.steps]


def test_what_these_codes_cannot_show_is_dotted() -> None:
    one = aligned([WD], model="relatedness-self-definition")[0]
    ax = alignment_ribbon(one)
    assert [step.kind for step in one.steps].count(StepKind.UNSEEN) == len(boxes(ax, "unseen")) > 0
    assert found(ax, "unseen")[0].get_linestyle() not in ("solid", "-")
    assert key(ax) == ["off the model", "unseen, no move"]


def test_the_key_names_what_is_drawn_and_nothing_else(mixed: Alignment) -> None:
    whole = alignment_ribbon(aligned([WD, INVITE, HALF, ASSERT])[0])
    assert key(whole) == ["move: negotiation", "move: repair", "move: rupture"]
    assert key(alignment_ribbon(mixed)) == ["move: negotiation", "move: repair", "move: rupture", "off the model",
                                            "skipped, no move"]
    instead = alignment_ribbon(aligned([WD, INVITE, LINK, ASSERT], costs=AlignmentCosts(substituted=1))[0])
    assert "in place of another" in key(instead)
    assert len(boxes(instead, "substituted")) == len(boxes(instead, "frame")) == 1


def test_moves_of_nobody_in_particular_have_a_lane(mixed: Alignment) -> None:
    ax = alignment_ribbon(aligned([WD, (None, "wd")])[0])
    assert list(rows(ax))[:2] == ["client", "not said who"]
    skips = attrs.evolve(mixed, steps=tuple(step for step in mixed.steps if step.move is None))
    assert next(iter(rows(alignment_ribbon(skips)))) == "not said who"


def test_a_party_that_the_model_does_not_name_has_a_lane(mixed: Alignment) -> None:
    steps = tuple(attrs.evolve(step, move=None if step.move is None else attrs.evolve(step.move, party="observer"))
                  if at == 2 else step for at, step in enumerate(mixed.steps))
    assert list(rows(alignment_ribbon(attrs.evolve(mixed, steps=steps))))[:3] == ["client", "therapist", "observer"]


def test_costs_that_hang_on_the_order_at_one_instant_are_an_interval(mixed: Alignment) -> None:
    line = "over orders of moves at one instant 2 to 8"
    said = alignment_ribbon(attrs.evolve(mixed, least=2, greatest=8, exact=True))
    assert said.get_xlabel().splitlines()[3:] == [line]
    assert f"; {line}. Deviations" in alt_text(said)
    bounds = alignment_ribbon(attrs.evolve(mixed, least=2, greatest=8, exact=False))
    assert bounds.get_xlabel().endswith(" 2 to 8 (bounds)")


def test_a_fit_that_is_not_defined_is_said() -> None:
    free = aligned([WD, LINK], costs=AlignmentCosts(skipped=0, off_model=0))[0]
    assert alignment_ribbon(free).get_xlabel().endswith("cost 0, model fit not defined")


def test_a_long_alignment_marks_costs_and_a_longer_one_is_refused() -> None:
    table = aligned([WD, *[LINK] * 200], [WD, *[LINK] * MOST_STEPS])
    ax = alignment_ribbon(table[0])
    [marks] = [artist for artist in ax.get_children() if artist.get_label() == "costs something"]
    assert len(marks.get_offsets()) == len(table[0].deviations)
    assert not ax.texts
    with pytest.raises(RecordError, match=r"'E2' has 40\d steps; a ribbon shows at most 400\. alignment\.deviations"):
        alignment_ribbon(table[1])


def test_words_tell_kinds_costs_and_the_first_deviations(mixed: Alignment) -> None:
    words = alt_text(alignment_ribbon(mixed))
    assert words.startswith("Alignment of episode E1 along the model withdrawal-2000: ")
    assert f"Cost {mixed.cost} of at most {mixed.worst}." in words
    assert "Deviations in order: off model in " in words
    many = alt_text(alignment_ribbon(aligned([WD, *[LINK] * 30])[0]))
    assert " more." in many
    assert many.partition("Deviations")[2].count(" in ") == 1 + 12
    assert alt_text(alignment_ribbon(aligned([WD, INVITE, HALF, ASSERT])[0])).endswith("Deviations in order: none.")


def test_what_is_no_alignment_is_refused(mixed: Alignment) -> None:
    with pytest.raises(RecordError, match=r"expected an alignment but got Alignments; take one of a table"):
        alignment_ribbon(aligned([WD]))    # type: ignore[arg-type]
    with pytest.raises(RecordError, match="expected a table of alignments but got Alignment"):
        alignment_ribbons(mixed)    # type: ignore[arg-type]
    with pytest.raises(NotEnoughData, match="'E1' has no steps to draw"):
        alignment_ribbon(attrs.evolve(mixed, steps=()))


# --- many episodes ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> Alignments:
    return aligned([WD], [WD, INVITE, HALF, ASSERT], [WD, INVITE, ASSERT], [WD, LINK, INVITE, HALF, ASSERT],
                   [WD, LINK, LINK])


def test_rows_are_sorted_by_cost_and_say_it(table: Alignments) -> None:
    ax = alignment_ribbons(table)
    names = [label.get_text() for label in ax.get_yticklabels()]
    costs = [int(name.split()[1]) for name in names]
    assert names == [f"{one.episode}: {one.cost} of {one.worst}" for one in sorted(
        table, key=lambda one: (one.cost, one.worst, one.episode))]
    assert costs == sorted(costs)
    low, high = ax.get_ylim()
    assert low > high    # the cheapest at the top


def test_every_step_of_every_row_is_a_box(table: Alignments) -> None:
    ax = alignment_ribbons(table)
    order = sorted(table, key=lambda one: (one.cost, one.worst, one.episode))
    for kind in StepKind:
        wanted = sorted((at + 1, row) for row, one in enumerate(order) for at, step in enumerate(one.steps)
                        if step.kind is kind)
        assert sorted((x, round((low + high) / 2)) for x, low, high in boxes(ax, str(kind))) == wanted
    assert ax.get_xlim()[1] == max(len(one.steps) for one in table) + 0.7


def test_a_cap_is_said_and_spread_over_the_order_of_cost(table: Alignments) -> None:
    ax = alignment_ribbons(table, most=3)
    order = sorted(table, key=lambda one: (one.cost, one.worst, one.episode))
    assert [label.get_text().split(":")[0] for label in ax.get_yticklabels()] == [order[at].episode for at in (0, 2, 4)]
    assert ax.get_xlabel().splitlines()[1:] == ["3 episodes, model withdrawal-2000, sorted by cost;",
                                                "of 5, evenly spread over that order"]
    assert "of 5" not in alignment_ribbons(table).get_xlabel()
    assert alt_text(ax).startswith("Alignments as rows of steps, 3 episodes,")


def test_many_rows_are_a_picture_and_not_all_are_named() -> None:
    many = aligned(*[[WD, INVITE]] * (SHARP_ROWS + 1))
    ax = alignment_ribbons(many, most=400)
    assert len(ax.get_yticklabels()) == -(-(SHARP_ROWS + 1) // 3)
    assert all(shape.get_rasterized() for shape in found(ax, "taken"))
    assert not any(shape.get_rasterized() for shape in found(alignment_ribbons(many, most=9), "taken"))


@pytest.mark.parametrize("most", [0, 401, 2.5, True, "all"])
def test_a_cap_out_of_bounds_is_refused(table: Alignments, most: Any) -> None:
    with pytest.raises(RecordError, match="expected a whole number from 1 to 400"):
        alignment_ribbons(table, most=most)


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(NotEnoughData, match="no alignment with steps"):
        alignment_ribbons(aligned())


def test_axes_handed_in_are_drawn_on(table: Alignments) -> None:
    one, other = Figure().add_subplot(), Figure().add_subplot()
    assert alignment_ribbon(table[0], ax=one) is one
    assert alignment_ribbons(table, ax=other) is other
