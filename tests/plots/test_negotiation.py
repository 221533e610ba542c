"""The figures of a negotiation: what is drawn where, against a dialogue worked out by hand and a plain loop."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit._palette import NEEDS
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, EpisodeRow, Member, Move
from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.negotiation.measures import meeting_rate
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.plots.negotiation import episode_lanes, meeting_rates, needs_balance
from rupturekit.plots.style import alt_text
from rupturekit.simulation.design import stages_and_needs
from rupturekit.vocabulary import ClosedBy, Need

Turn = tuple[str, Sequence[str]]
"""Who, and the codes of the turn; a turn needs one, so `-` stands for a code without an act."""

CODES = {"-": "wd"}
PARTIES = ("client", "therapist")


def table_of(*episodes: Sequence[Turn], stopped: Sequence[bool] = (), sessions: Sequence[Sequence[int]] = ()
             ) -> Negotiations:
    """Make a table of dialogues, an episode each, each of a dyad of its own; all in session 1 unless said."""
    moves, rows, members = [], [], []
    for at, turns in enumerate(episodes):
        numbers = sessions[at] if sessions else [1] * len(turns)
        own = []
        for onset, ((party, codes), session) in enumerate(zip(turns, numbers, strict=True)):
            for tie, code in enumerate(codes):
                own.append(Move(row_id=len(moves) + len(own), dyad=f"D{at}", session=session, track="r1", party=party,
                                code=CODES.get(code, code), onset=onset * 1_000_000, tie=tie))
        last = own[-1]
        rows.append(EpisodeRow(episode=f"E{at}", dyad=f"D{at}", track="r1", first_session=1, onset=0,
                               last_session=last.session, end=last.onset,
                               closed_by=ClosedBy.OBSERVATION_END if stopped and stopped[at] else ClosedBy.CODERS))
        members += [Member(episode=f"E{at}", row_id=move.row_id) for move in own]
        moves += own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return negotiations(Cohort.of(moves, coding=Coding(codebook=CODEBOOK), episodes=rows, members=members))


CODEBOOK = stages_and_needs()

DIALOGUE: Sequence[Turn] = [
    ("client", ["cl-ag"]),               # 1: the client claims agency
    ("therapist", ["ct-ag"]),            # 2: contested
    ("client", ["cl-ag", "cl-re"]),      # 3: renewed, and communion claimed
    ("therapist", ["gr-ag", "cl-ag"]),   # 4: the client's agency is met; the therapist claims agency
    ("client", ["yl-re"]),               # 5: gives up communion, unmet
    ("therapist", ["yl-ag"]),            # 6: gives up agency: nobody claims agency any more, the first end, one sided
    ("client", ["-"]),                   # 7: no act
    ("therapist", ["cl-re"]),            # 8: claims communion, stays open
]


def found(ax: Axes, label: str) -> list[Any]:
    """Return the artists of a label."""
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def points(ax: Axes, label: str) -> list[tuple[float, float]]:
    """Return where the marks of a label stand."""
    return [(round(float(x), 6), round(float(y), 6)) for artist in found(ax, label) for x, y in artist.get_offsets()]


def bars(ax: Axes, label: str) -> list[tuple[float, float]]:
    """Return from where to where the bars of a label go."""
    spans = []
    for artist in found(ax, label):
        for path in artist.get_paths():
            box = path.get_extents()
            spans.append((round(float(box.x0), 6), round(float(box.x1), 6)))
    return spans


@pytest.fixture(scope="module")
def lanes() -> Axes:
    return episode_lanes(table_of(DIALOGUE), "E0")


# --- one episode ---------------------------------------------------------------------------------------------------


def test_lanes_are_the_parties(lanes: Axes) -> None:
    assert [label.get_text() for label in lanes.get_yticklabels()] == list(PARTIES)
    assert lanes.get_yticks().tolist() == [0.0, -2.0]
    assert [x for x, _ in points(lanes, "turns of the client")] == [1, 3, 5, 7]
    assert [x for x, _ in points(lanes, "turns of the therapist")] == [2, 4, 6, 8]


def test_acts_stand_in_the_lane_of_who_acts(lanes: Axes) -> None:
    assert points(lanes, "claim agency") == [(1, 0.2), (3, 0.2), (4, -1.8)]
    assert points(lanes, "claim communion") == [(3, -0.2), (8, -2.2)]
    assert points(lanes, "contest agency") == [(2, -1.8)]
    assert points(lanes, "grant agency") == [(4.2, -1.8)]    # beside the claim of the same turn
    assert points(lanes, "yield agency") == [(6, -1.8)]
    assert points(lanes, "yield communion") == [(5, -0.2)]


def test_verbs_differ_by_shape_and_needs_by_colour(lanes: Axes) -> None:
    shapes = [found(lanes, f"{verb} agency")[0].get_paths()[0].vertices.tolist()
              for verb in ("claim", "grant", "contest", "yield")]
    assert all(one != other for at, one in enumerate(shapes) for other in shapes[:at])
    fills = {need: found(lanes, f"claim {need}")[0].get_facecolor()[0].tolist() for need in Need}
    assert fills[Need.AGENCY] != fills[Need.COMMUNION]
    assert found(lanes, "yield agency")[0].get_facecolor()[0].tolist() == [1, 1, 1, 1]


def test_bars_last_from_claim_to_end(lanes: Axes) -> None:
    assert bars(lanes, "client agency met") == [(1, 4)]
    assert bars(lanes, "client communion yielded") == [(3, 5)]
    assert bars(lanes, "therapist agency yielded") == [(4, 6)]
    assert bars(lanes, "therapist communion open") == [(8, 8.6)]
    assert [x for x, _ in points(lanes, "end met")] == [4]
    assert [x for x, _ in points(lanes, "end yielded")] == [5, 6]
    assert [x for x, _ in points(lanes, "end open")] == [8.6]
    assert not found(lanes, "not observed")


def test_bars_lie_outside_the_lanes_on_the_side_of_who_claims(lanes: Axes) -> None:
    heights = {label: found(lanes, label)[0].get_paths()[0].get_extents().y0
               for label in ("client agency met", "therapist agency yielded")}
    assert heights["client agency met"] > 0
    assert heights["therapist agency yielded"] < -2


def test_answers_lead_to_the_turn_that_answered(lanes: Axes) -> None:
    lines = {label: [tuple(line.get_xdata()) for line in found(lanes, label)]
             for label in ("answer contested", "answer met", "answer other", "answer countered")}
    assert lines["answer contested"] == [(1, 2)]
    assert lines["answer met"] == [(3, 4)]
    assert lines["answer countered"] == [(3, 4)]    # of the claim of communion, by a claim of the therapist's own
    assert lines["answer other"] == [(4, 5)]
    assert found(lanes, "answer met")[0].get_linestyle() == "-"
    assert found(lanes, "answer contested")[0].get_linestyle() != "-"


def test_the_first_end_is_a_line_with_its_kind(lanes: Axes) -> None:
    [line] = found(lanes, "first end one sided")
    assert set(line.get_xdata()) == {6}
    assert "first end: one sided" in [text.get_text() for text in lanes.texts]
    assert "first ended at turn 6: one sided" in alt_text(lanes)
    assert "4 spells in which a claim was open, of which 1 met, 2 yielded, 1 open, 0 censored" in alt_text(lanes)


def test_axis_counts_turns(lanes: Axes) -> None:
    assert lanes.get_xlabel() == "turn of the episode\n8 turns"
    low, high = lanes.get_xlim()
    assert low < 1
    assert high > 8.6


def test_an_episode_cut_off_runs_into_the_hatch() -> None:
    ax = episode_lanes(table_of(DIALOGUE[:3], stopped=[True]), 0)
    assert bars(ax, "client agency censored") == [(1, 3.3)]
    assert not found(ax, "end open")
    [band] = found(ax, "not observed")
    assert band.get_hatch()
    assert "2 censored" in alt_text(ax)


def test_later_ends_are_dash_dotted_and_counted() -> None:
    again: Sequence[Turn] = [("client", ["cl-ag"]), ("therapist", ["gr-ag"])] * 2
    ax = episode_lanes(table_of(again), -1)
    [first], [later] = found(ax, "first end one party"), found(ax, "later end one party")
    assert (set(first.get_xdata()), set(later.get_xdata())) == ({2}, {4})
    assert [text.get_text() for text in ax.texts] == ["first end: one party"]
    assert (first.get_linestyle(), later.get_linestyle()) == ("-", "--")
    assert ax.get_xlabel() == "turn of the episode\n4 turns; 1 later end: dash-dotted"


def test_a_late_first_end_is_written_to_its_left() -> None:
    quiet: Sequence[Turn] = [("client", ["-"]), ("therapist", ["-"])] * 4
    ax = episode_lanes(table_of([*quiet, ("client", ["cl-ag"]), ("therapist", ["gr-ag"])]), 0)
    assert [text.get_horizontalalignment() for text in ax.texts] == ["right"]


def test_no_claim_of_agency_is_no_negotiation_observed() -> None:
    ax = episode_lanes(table_of([("client", ["cl-re"]), ("therapist", ["gr-re"])]), 0)
    assert "no negotiation observed" in ax.get_xlabel()
    assert alt_text(ax).endswith("Nobody claimed agency.")


def test_a_negotiation_that_did_not_end_is_not_said_to_have() -> None:
    ax = episode_lanes(table_of([("client", ["cl-ag"]), ("therapist", ["-"])]), 0)
    assert alt_text(ax).endswith("did not end.")
    assert not ax.texts


def test_a_break_between_sessions_is_drawn() -> None:
    ax = episode_lanes(table_of(DIALOGUE[:4], sessions=[[1, 1, 2, 2]]), 0)
    assert [set(line.get_xdata()) for line in found(ax, "break between sessions")] == [{2.5}]


def test_lanes_go_on_axes_that_are_handed_in() -> None:
    mine = Figure().add_subplot()
    assert episode_lanes(table_of(DIALOGUE), 0, ax=mine) is mine


@pytest.mark.parametrize(("episode", "says"), [("E7", "no negotiation of episode 'E7'"), (1, "no episode at place 1"),
                                               (-2, "no episode at place -2")])
def test_an_episode_that_is_not_there_is_refused(episode: str | int, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        episode_lanes(table_of(DIALOGUE), episode)


def test_an_episode_without_turns_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="episode 'E0' has no turns"):
        episode_lanes(table_of([(None, ["-"])]), 0)    # type: ignore[list-item]


@pytest.mark.parametrize("draw", [lambda one: episode_lanes(one, 0), needs_balance, meeting_rates])
def test_something_else_is_refused(draw: Any) -> None:
    with pytest.raises(RecordError, match="expected a table of negotiations but got str"):
        draw("demo")


# --- the balance of needs --------------------------------------------------------------------------------------------


ACTS = ("-", "cl-ag", "gr-ag", "ct-ag", "yl-ag", "cl-re", "gr-re", "ct-re", "yl-re")
dialogues = st.lists(st.tuples(st.sampled_from(PARTIES), st.lists(st.sampled_from(ACTS), min_size=1, max_size=2,
                                                                  unique=True)), min_size=1, max_size=9)


def by_loop(episodes: Sequence[Sequence[Turn]], party: str, need: str, *, bins: int | None) -> dict[float, float]:
    """Return the share of turns with an act on a need, by point; turns that follow each other are one a second."""
    acted: dict[float, list[bool]] = {}
    for turns in episodes:
        for at, (who, codes) in enumerate(turns):
            point = at + 1.0 if bins is None else (at * bins // len(turns) + 0.5) / bins
            if who == party:
                acted.setdefault(point, []).append(any(code.endswith(need) for code in codes))
    return {point: sum(held) / len(held) for point, held in acted.items()}


@given(st.lists(dialogues, min_size=1, max_size=4), st.integers(1, 5), st.booleans())
def test_points_are_shares_of_turns(episodes: list[list[Turn]], bins: int, by_turn: bool) -> None:
    ax = needs_balance(table_of(*episodes), over="turn" if by_turn else "share", bins=bins, least=1,
                       ax=Figure().add_subplot())
    for party in PARTIES:
        for need, short in ((Need.AGENCY, "ag"), (Need.COMMUNION, "re")):
            [line] = found(ax, f"{party}, {need}")
            drawn = {round(float(x), 9): float(y) for x, y in zip(*line.get_data(), strict=True) if not np.isnan(y)}
            expected = by_loop(episodes, party, short, bins=None if by_turn else bins)
            assert drawn == pytest.approx({round(x, 9): y for x, y in expected.items()})


@pytest.fixture(scope="module")
def balance() -> Axes:
    return needs_balance(table_of(DIALOGUE, DIALOGUE, DIALOGUE[:2], stopped=[False, False, True]), bins=2, least=4)


def test_balance_says_n_and_who_was_left_out(balance: Axes) -> None:
    assert balance.get_xlabel().splitlines() == [
        "share of the episode’s turns passed", "2 episodes, 4 to 4 turns of one person at a point",
        "left out: 1 episode cut off by the end of observation"]
    assert balance.get_xlim() == (0, 1)


def test_balance_tells_people_by_stroke_and_needs_by_colour(balance: Axes) -> None:
    lines = {label: found(balance, label)[0] for label in ("client, agency", "client, communion", "therapist, agency")}
    assert lines["client, agency"].get_color() == lines["therapist, agency"].get_color() == NEEDS[Need.AGENCY]
    assert lines["client, communion"].get_color() == NEEDS[Need.COMMUNION]
    assert lines["client, agency"].get_marker() != lines["therapist, agency"].get_marker()
    assert "client, agency: from 1.00 at the first point to 0.00 at the last" in alt_text(balance)


def test_a_point_with_few_turns_is_not_drawn() -> None:
    table = table_of(DIALOGUE, DIALOGUE, [("client", ["cl-ag"])])
    ax = needs_balance(table, over="turn", least=3)
    [client], [therapist] = found(ax, "client, agency"), found(ax, "therapist, agency")
    assert np.flatnonzero(~np.isnan(client.get_ydata())).tolist() == [0]
    assert np.isnan(therapist.get_ydata()).all()
    assert "therapist" not in alt_text(ax)


def test_no_point_left_is_refused_with_the_most_there_is() -> None:
    with pytest.raises(NotEnoughData, match="no point has 10 turns of one person; the most that one has is 2") as error:
        needs_balance(table_of(DIALOGUE), bins=2)
    assert (error.value.needed, error.value.found) == (10, 2)
    with pytest.raises(NotEnoughData, match="the most that one has is 0"):
        needs_balance(table_of(DIALOGUE, stopped=[True]), bins=2)


@pytest.mark.parametrize(("asked", "says"), [
    ({"over": "time"}, 'over is \'time\'; expected "share" or "turn"'), ({"bins": 0}, "bins is 0; expected a whole"),
    ({"bins": 2.5}, "bins is 2.5; expected a whole"), ({"least": True}, "least is True; expected a whole"),
    ({"least": 1001}, "least is 1001; expected a whole")])
def test_balance_refuses_what_it_cannot_count_by(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(RecordError, match=says):
        needs_balance(table_of(DIALOGUE), **asked)


# --- meeting rates ---------------------------------------------------------------------------------------------------


def test_dots_are_the_meeting_rates_with_their_intervals() -> None:
    table = table_of(*([DIALOGUE] * 4), *([DIALOGUE[:4]] * 6), *([DIALOGUE[:2]] * 8))
    ax = meeting_rates(table, seed=5)
    said = meeting_rate(table, party="client", need=Need.AGENCY, seed=5)
    [dot], [interval] = found(ax, "client, agency"), found(ax, "client, agency: interval")
    assert dot.get_xdata()[0] == said.value
    assert said.interval is not None
    assert tuple(interval.get_xdata()) == said.interval
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "client, agency", "client, communion", "therapist, agency", "therapist, communion"]
    assert "18 dyads, 18 spells" in [text.get_text() for text in ax.texts]
    assert ax.get_xlim() == (0, 1)
    assert "95% intervals, dyads as independent units" in ax.get_xlabel()


def test_what_cannot_be_estimated_says_so() -> None:
    ax = meeting_rates(table_of(*([DIALOGUE[:2]] * 3)))
    assert [text.get_text() for text in ax.texts].count("not estimable") == 3
    assert "client, communion not estimable (the client made no claim of communion" in alt_text(ax)
    assert not found(ax, "client, communion")


def test_nothing_to_estimate_is_refused_with_the_reasons() -> None:
    with pytest.raises(NotEnoughData, match="none of 4 rows can be estimated; client, agency: not estimable"):
        meeting_rates(table_of([("client", ["-"]), ("therapist", ["-"])]))
