"""Windows around episodes: against sets of places, plain loops over traces, and what moves nothing."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import needs_studies as needs
import oracles_complementarity as plain
import oracles_negotiation as negotiated
import rupturekit as rk
from rupturekit.around import KINDS, MOST_MATCHED, WindowKind, Windows, windows
from rupturekit.episode import Dyad, EpisodeRow, ObservedStretch
from rupturekit.errors import NoClock, NotEstimable, RecordError
from rupturekit.example import example_cohort
from rupturekit.frames import columns_of
from rupturekit.inference.clusters import clustering_of
from rupturekit.interpersonal.complementarity import complementary_share
from rupturekit.interpersonal.placement import parse_placement
from rupturekit.negotiation.acts import mapping_of_codebook
from rupturekit.state_machine import parse_model
from rupturekit.ties import TieRule
from rupturekit.vocabulary import ClosedBy, Need, Phase, TimeKind
from rupturekit.window_measures import WindowValues, count_of, met_share, need_share, over_windows, window_contrast

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

STAGES = rk.load_codebook("stages")
Seen = list[tuple[int, int]]


@attrs.frozen(kw_only=True)
class Drawn:
    """One session of a study in turns: what was observed, moves (turn, party), episodes (first, last turn)."""

    seen: Seen
    moves: list[tuple[int, str | None]]
    episodes: list[tuple[int, int]]


@st.composite
def sessions(draw: st.DrawFn) -> Drawn:
    edges = sorted(draw(st.lists(st.integers(0, 40), min_size=2, max_size=6, unique=True)))
    seen = [(low, high - 1) for low, high in zip(edges[::2], edges[1::2], strict=False) if high - 1 > low] or [(edges[0], edges[-1])]
    inside = [at for low, high in seen for at in range(low, high + 1)]    # no session is taken as coded from its beginning
    moves = draw(st.lists(st.tuples(st.sampled_from(inside), st.sampled_from(["client", "therapist", None])), min_size=1, max_size=12))
    episodes = draw(st.lists(st.tuples(st.integers(0, 41), st.integers(0, 12)), max_size=3))
    return Drawn(seen=seen, moves=sorted(moves, key=lambda one: one[0]), episodes=[(low, low + n) for low, n in episodes])


def cohort_of(drawn: list[Drawn], *, unit: int = 1, later: int = 0, time: TimeKind = TimeKind.TURN, turned: bool = False,
              codes: tuple[str, ...] = ("wd",), **more: Any) -> rk.Cohort:
    """Return a cohort of one dyad a session; a place is `unit` units of time, all times lie `later`."""
    moves, seen, rows = [], [], []
    for dyad, session in enumerate(drawn):
        who = {"dyad": f"D{dyad}", "track": "r1"}
        for at, (turn, party) in enumerate(session.moves):
            moves.append(rk.Move(**who, session=1, party=party, code=codes[at % len(codes)], onset=turn * unit + later, row_id=100 * dyad + at, tie=at))
        seen += [ObservedStretch(**who, session=1, start=low * unit + later, end=high * unit + later) for low, high in session.seen]
        rows += [EpisodeRow(**who, episode=f"D{dyad}E{at}", first_session=1, onset=low * unit + later, last_session=1, end=high * unit + later)
                 for at, (low, high) in enumerate(session.episodes)]
    coding = rk.Coding(codebook=STAGES, time=time)
    return rk.Cohort.of(moves, coding=coding, observed=seen, episodes=rows[::-1] if turned else rows, **more)


def lines_of(drawn: Drawn) -> list[range]:
    """Return the observed lines; a move outside the stretches is a line of its own."""
    lines = [range(low, high + 1) for low, high in drawn.seen]
    alone = {turn for turn, _ in drawn.moves if not any(turn in line for line in lines)}
    return sorted([*lines, *(range(at, at + 1) for at in alone)], key=lambda line: line.start)


def described(held: Windows) -> list[tuple[Any, ...]]:
    """Return the windows in plain words, each matched one with the kind that it stands beside."""
    names = held.rows.words("episode")
    return [(names[held.episode[at]], KINDS[held.kind[at]].value,
             KINDS[held.kind[held.matches[at]]].value if held.matches[at] >= 0 else "",
             int(held.start[at]), int(held.end[at]), int(held.length[at]), bool(held.censored[at]), bool(held.overlap[at]),
             tuple(held.cohort.moves.row_id[held.moves_of(at)].tolist())) for at in range(len(held))]


# --- around, against sets of places ------------------------------------------------------------------------------


@settings(max_examples=80)
@given(st.lists(sessions(), min_size=1, max_size=2), st.integers(0, 6), st.integers(0, 6))
def test_windows_are_the_sets_of_places_that_the_words_say(drawn: list[Drawn], before: int, after: int) -> None:
    cohort = cohort_of(drawn)
    expected = []
    for dyad, session in enumerate(drawn):
        lines = lines_of(session)
        whole = [at for line in lines for at in line]
        for number, (low, high) in enumerate(session.episodes):
            inside = [at for at in range(low, high + 1) if at in whole]
            if not inside:
                continue
            early, late = (next(line for line in lines if at in line) for at in (inside[0], inside[-1]))
            stretch = range(inside[0], inside[-1] + 1)
            parts = [("before", plain.windows_of(early, stretch, before=before, after=0)["before"], before),
                     ("episode", inside, 0),
                     ("after", plain.windows_of(late, stretch, before=0, after=after)["after"], after)]
            others = [{at for at in range(one, other + 1) if at in whole}
                      for k, (one, other) in enumerate(session.episodes) if k != number]
            for kind, places, asked in parts:
                if kind == "episode" or asked:
                    cut = len(places) < asked if kind != "episode" else low not in whole or high not in whole
                    rows = tuple(100 * dyad + at for at, (turn, _) in enumerate(session.moves) if turn in places)
                    expected.append((f"D{dyad}E{number}", kind, len(places), cut, any(set(places) & other for other in others), rows))
    if not expected:
        with pytest.raises(NotEstimable, match="holds any observed time|holds a move"):
            windows(cohort, before=before, after=after, unit="turns", matched=0)
        return
    found = windows(cohort, before=before, after=after, unit="turns", matched=0)
    said = [(name, kind, length, cut, overlap, rows) for name, kind, _, _, _, length, cut, overlap, rows in described(found)]
    assert sorted(said) == sorted(expected)


@settings(max_examples=60)
@given(sessions(), st.integers(0, 4), st.sampled_from(["all", 1, 5]))
def test_matched_windows_fit_where_nothing_is_taken(drawn: Drawn, around: int, matched: Any) -> None:
    cohort = cohort_of([drawn])
    try:
        found = windows(cohort, before=around, after=around, unit="turns", matched=matched)
    except NotEstimable:
        return
    lines, said = lines_of(drawn), described(found)
    whole = {at for line in lines for at in line}
    episodes = [range(low, high + 1) for low, high in drawn.episodes if whole & set(range(low, high + 1))]
    missed = 0
    for at, (name, kind, _, _, _, length, *_) in enumerate(said):
        if kind == "matched" or not length:
            continue
        beside = [said[other] for other in np.flatnonzero(found.matches == at)]
        own = [one for one in said if one[0] == name and one[1] != "matched"]
        taken = [*episodes, range(min(one[3] for one in own), max(one[4] for one in own))]
        starts = {start for line in lines for start in plain.free_starts(line, taken, length=length)}
        assert {one[3] for one in beside} <= starts
        assert bool(beside) == bool(starts)
        assert all(one[5] == length and not one[6] and not one[7] for one in beside)
        missed += not starts
        if matched == "all":
            laid = [here for one in beside for here in range(one[3], one[4])]
            assert len(laid) == len(set(laid))
            assert not any(all(here not in laid for here in range(start, start + length)) for start in starts)
        elif starts:
            assert len(beside) == matched
    assert sum(found.unmatched.values()) == missed


def test_of_very_many_matched_windows_some_are_spread_evenly() -> None:
    drawn = Drawn(seen=[(0, 999)], moves=[(0, "client"), (500, "client")], episodes=[(500, 500)])
    found = windows(cohort_of([drawn]), before=0, after=0, unit="turns")
    starts = found.start[found.matches == 0]
    assert len(starts) == MOST_MATCHED == len(set(starts.tolist()))
    assert set(np.diff(starts).tolist()) <= {4, 5, 6}
    assert (starts.min(), starts.max() > 990) == (0, True)


# --- laws --------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(sessions(), min_size=1, max_size=2), st.integers(0, 500))
def test_a_shift_of_time_moves_windows_and_nothing_else(drawn: list[Drawn], later: int) -> None:
    lengths = {"before": 3, "after": 2, "unit": "turns", "matched": 2}
    try:
        here = windows(cohort_of(drawn), **lengths)  # type: ignore[arg-type]
    except NotEstimable:
        return
    there = windows(cohort_of(drawn, later=later), **lengths)  # type: ignore[arg-type]
    assert np.array_equal(here.start + later, there.start)
    assert [one[:3] + one[5:] for one in described(here)] == [one[:3] + one[5:] for one in described(there)]


@settings(max_examples=40)
@given(st.lists(sessions(), min_size=1, max_size=2))
def test_the_order_of_episodes_and_other_dyads_change_no_window(drawn: list[Drawn]) -> None:
    cohort = cohort_of(drawn)
    try:
        found = windows(cohort, before=2, after=2, unit="turns", matched=3)
    except NotEstimable:
        return
    backwards = cohort.columns.take(np.arange(len(cohort.columns))[::-1])
    assert sorted(described(windows(cohort, backwards, before=2, after=2, unit="turns", matched=3))) == sorted(described(found))
    first = [one for one in described(found) if one[0].startswith("D0")]
    if first:
        assert described(windows(cohort_of(drawn[:1]), before=2, after=2, unit="turns", matched=3)) == first


def test_windows_of_some_episodes_keep_clear_of_all() -> None:
    drawn = Drawn(seen=[(0, 19)], moves=[(0, "client")], episodes=[(4, 5), (14, 15)])
    cohort = cohort_of([drawn])
    some = windows(cohort, cohort.columns.take(np.array([0])), before=12, after=12, unit="turns")
    assert some.overlap[:3].tolist() == [False, False, True]
    every = windows(cohort, before=0, after=0, unit="turns")
    one = windows(cohort, cohort.columns.take(np.array([0])), before=0, after=0, unit="turns")
    assert one.start[one.matches == 0].tolist() == every.start[every.matches == 0].tolist() == [0, 2, 6, 8, 10, 12, 16, 18]
    bare = cohort.with_episodes(cohort.columns.take(np.array([], dtype=int)), rule="none")
    given = windows(bare, cohort.columns, before=0, after=0, unit="turns")
    assert given.start.tolist() == every.start.tolist()


def test_draws_hang_on_the_seed_and_more_of_them_begin_with_fewer() -> None:
    drawn = Drawn(seen=[(0, 400)], moves=[(0, "client")], episodes=[(100, 110)])
    cohort = cohort_of([drawn])

    def starts(count: int, seed: int) -> list[int]:
        found = windows(cohort, before=0, after=0, unit="turns", matched=count, seed=seed)
        return found.start[found.matches == 0].tolist()

    assert starts(9, 1)[:4] == starts(4, 1) != starts(4, 2)
    assert len(set(starts(300, 1))) > 150


def test_episodes_and_their_windows_draw_apart() -> None:
    drawn = Drawn(seen=[(0, 400)], moves=[(0, "client")], episodes=[(200, 202)])
    found = windows(cohort_of([drawn, drawn]), before=3, after=3, unit="turns", matched=20)
    starts = [found.start[found.matches == at].tolist() for at in np.flatnonzero(found.matches < 0)]
    assert len({tuple(one) for one in starts}) == len(starts) == 6


def test_on_a_clock_windows_hold_what_they_hold_in_turns() -> None:
    drawn = Drawn(seen=[(0, 30)], moves=[(at, "client") for at in range(0, 31, 2)], episodes=[(10, 14)])
    found = windows(cohort_of([drawn], unit=1_000_000, time=TimeKind.CLOCK), before=4, after=100.5, unit="seconds", matched=0)
    assert found.length.tolist() == [4_000_000, 4_000_001, 16_000_000]
    assert found.censored.tolist() == [False, False, True]
    assert [found.moves_of(at).tolist() for at in range(3)] == [[3, 4], [5, 6, 7], list(range(8, 16))]
    assert found.start.tolist() == [6_000_000, 10_000_000, 14_000_001]


# --- turns that are made of moves --------------------------------------------------------------------------------


@settings(max_examples=60)
@given(sessions(), st.integers(1, 4))
def test_turns_of_moves_are_those_of_the_plain_loop(drawn: Drawn, around: int) -> None:
    if drawn.moves[0][1] is None:
        drawn = attrs.evolve(drawn, moves=[(drawn.moves[0][0], "client"), *drawn.moves[1:]])
    cohort = cohort_of([drawn], time=TimeKind.ORDER)
    lines = lines_of(drawn)
    line = [next(at for at, one in enumerate(lines) if turn in one) for turn, _ in drawn.moves]
    party = list(itertools.accumulate(range(len(line)), lambda who, at: drawn.moves[at][1] or (
        who if line[at] == line[at - 1] else None), initial="client"))[1:]
    held = plain.turns(party, line)
    number = {row: at for at, rows in enumerate(held) for row in rows}
    expected = []
    for name, (low, high) in enumerate(drawn.episodes):
        inside = [number[row] for row, (turn, _) in enumerate(drawn.moves) if low <= turn <= high]
        if inside:
            first, last = inside[0], inside[-1]
            before = [at for at in range(max(first - around, 0), first) if line[held[at][0]] == line[held[first][0]]]
            after = [at for at in range(last + 1, min(last + around + 1, len(held))) if line[held[at][0]] == line[held[last][0]]]
            for kind, turns in (("before", before), ("episode", list(range(first, last + 1))), ("after", after)):
                expected.append((f"D0E{name}", kind, len(turns), tuple(row for at in turns for row in held[at])))
    if not expected:
        with pytest.raises(NotEstimable, match="holds a move"):
            windows(cohort, before=around, after=around, unit="turns", matched=0)
        return
    found = windows(cohort, before=around, after=around, unit="turns", matched=0)
    assert sorted((one[0], one[1], one[5], one[8]) for one in described(found)) == sorted(expected)


def test_who_moves_unseen_goes_on_and_begins_a_stretch_alone() -> None:
    drawn = Drawn(seen=[(0, 5), (10, 15)], episodes=[(12, 12)],
                  moves=[(0, "client"), (1, None), (2, "client"), (10, None), (11, "client"), (12, "therapist")])
    found = windows(cohort_of([drawn], time=TimeKind.ORDER), before=5, after=5, unit="turns", matched=0)
    assert found.length.tolist() == [2, 1, 0]
    early = windows(cohort_of([attrs.evolve(drawn, episodes=[(2, 2)])], time=TimeKind.ORDER), before=5, after=5, unit="turns", matched=0)
    assert early.length.tolist() == [0, 1, 0]
    assert [len(early.moves_of(at)) for at in range(3)] == [0, 3, 0]


def test_an_episode_that_crosses_sessions_is_one_window_and_has_no_match() -> None:
    moves = [rk.Move(dyad="D1", session=session, track="r1", party="client", code="wd", onset=rk.seconds(at), row_id=10 * session + at)
             for session in (1, 2) for at in (0, 5, 9)]
    rows = [EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=rk.seconds(5), last_session=2, end=rk.seconds(5))]
    cohort = rk.Cohort.of(moves, coding=rk.Coding(codebook=STAGES), episodes=rows)
    found = windows(cohort, before=3, after=9, unit="seconds")
    assert [(int(found.session[at]), int(found.last_session[at])) for at in range(3)] == [(1, 1), (1, 2), (2, 2)]
    assert (found.start[1], found.end[1]) == (5_000_000, 5_000_001)
    assert cohort.moves.row_id[found.moves_of(1)].tolist() == [15, 19, 20, 25]
    assert dict(found.unmatched) == {WindowKind.BEFORE: 1, WindowKind.EPISODE: 1, WindowKind.AFTER: 1}
    assert found.censored.tolist()[:3] == [False, False, True]


def test_an_episode_that_begins_or_ends_unseen_is_cut_to_what_was_seen() -> None:
    moves = [rk.Move(dyad="D1", session=session, track="r1", party="client", code="wd", onset=rk.seconds(3), row_id=session) for session in (1, 2, 3)]
    seen = [ObservedStretch(dyad="D1", session=session, track="r1", start=rk.seconds(2), end=rk.seconds(9)) for session in (1, 2, 3)]
    rows = [EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=rk.seconds(12), last_session=3, end=rk.seconds(1))]
    found = windows(rk.Cohort.of(moves, coding=rk.Coding(codebook=STAGES), observed=seen, episodes=rows), before=3, after=3, unit="seconds", matched=0)
    assert found.session.tolist() == found.last_session.tolist() == [2, 2, 2]
    assert found.start.tolist() == [2_000_000, 2_000_000, 9_000_001]
    assert found.end.tolist() == [2_000_000, 9_000_001, 9_000_001]
    assert found.censored.all()


def test_an_episode_that_lasts_to_the_end_is_cut() -> None:
    cohort = rk.segment(cohort_of([Drawn(seen=[(0, 20)], moves=[(4, "client"), (9, "client")], episodes=[])]),
                        rk.SegmentationRule(name="whole", gap=None))
    assert cohort.columns.rows[0].closed_by is ClosedBy.SESSION_END
    found = windows(cohort, before=2, after=3, unit="turns", matched=0)
    assert found.censored.tolist() == [False, True, True]
    assert found.length.tolist() == [2, 17, 0]


# --- with traces -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def traced() -> tuple[rk.Cohort, Any]:
    cohort = example_cohort()
    cohort = rk.segment(cohort, rk.SegmentationRule(name="g", gap=rk.seconds(120)), track="r1")
    return cohort, rk.trace_cohort(cohort, "withdrawal-2000", track="r1")


def test_parts_of_an_episode_follow_the_phases_of_its_trace(traced: tuple[rk.Cohort, Any]) -> None:
    cohort, table = traced
    found = windows(cohort, before=30, after=30, unit="seconds", trace_table=table, track="r1", matched=0)
    parts = [(name, kind, rows) for name, kind, *_, rows in described(found) if kind not in ("before", "after")]
    phase = {state.name: state.phase for state in table.model.states}
    settled = 0
    for row in found.rows:
        mine = {kind: rows for name, kind, rows in parts if name == row.episode}
        if row.episode not in table.episodes.rows.words("episode"):
            assert set(mine) == {"episode"}
            continue
        steps = table.named(row.episode).steps
        begun = next((at for at, step in enumerate(steps) if phase[step.after] is Phase.NEGOTIATION), None)
        over = next((at for at, step in enumerate(steps) if at >= (begun or 0) and phase[step.after] in (Phase.REPAIR, Phase.BREAKDOWN)), None)
        there = [(move.session, move.onset, move.row_id) for move in cohort.moves if (move.dyad, move.track) == (row.dyad, "r1")
                 and (row.first_session, row.onset) <= (move.session, move.onset) <= (row.last_session, row.end)]
        ends = (row.last_session, row.end + 1) if over is None else (steps[over].move.session, steps[over].move.onset)
        begins = ends if begun is None else (steps[begun].move.session, steps[begun].move.onset)
        assert mine["rupture"] == tuple(row_id for *when, row_id in there if tuple(when) < begins)    # members or not
        assert mine.get("negotiation", ()) == tuple(row_id for *when, row_id in there if begins <= tuple(when) < ends)
        assert mine.get("settled", ()) == tuple(row_id for *when, row_id in there if ends <= tuple(when))
        settled += over is not None
    assert settled >= 2
    assert found.left_out == {"episodes without a trace": sum(kind == "episode" for _, kind, _ in parts)}
    for name in found.rows.words("episode"):
        own = [at for at in range(len(found)) if found.rows.words("episode")[found.episode[at]] == name]
        assert all(found.end[one] == found.start[other] for one, other in itertools.pairwise(own))


def test_what_never_comes_to_negotiation_is_counted(traced: tuple[rk.Cohort, Any]) -> None:
    drawn = Drawn(seen=[(0, 20)], moves=[(4, "client"), (5, "client")], episodes=[(4, 6)])
    cohort = cohort_of([drawn])
    found = windows(cohort, before=0, after=0, unit="turns", matched=0,
                    trace_table=rk.trace_cohort(cohort, "withdrawal-2000", any_type=True))
    assert [KINDS[kind] for kind in found.kind] == [WindowKind.RUPTURE]
    assert found.left_out == {"episodes that never came to negotiation": 1}
    with pytest.raises(RecordError, match="was traced over other moves"):
        windows(cohort, before=0, after=0, unit="turns",
                trace_table=rk.trace_cohort(cohort_of([attrs.evolve(drawn, episodes=[(4, 4)])]), "withdrawal-2000", any_type=True))
    renamed = rk.trace_cohort(cohort_of([drawn], codes=("invite",)), "withdrawal-2000", any_type=True)
    with pytest.raises(RecordError, match="was traced over other moves"):    # as many moves, of another study
        windows(cohort, before=0, after=0, unit="turns", trace_table=renamed)
    far = windows(cohort, before=1, after=1, unit="turns", trace_table=traced[1], matched=0)
    assert far.left_out == {"episodes without a trace": 1}


BACKWARDS = """
format = 1
name = "backwards"
title = "Repair first"
source = "invented"
type = "any"
"""


def state(name: str, more: str) -> str:
    return f'[[states]]\nname = "{name}"\nevidence = "assumption"\n{more}\n'


def arrow(source: str, target: str, function: str) -> str:
    return (f'[[transitions]]\nfrom = "{source}"\nto = "{target}"\nwhen = {{ function = ["{function}"] }}\n'
            'evidence = "assumption"\n')


def test_only_what_negotiation_leads_to_settles_it() -> None:
    model = parse_model(BACKWARDS + state("a", 'phase = "rupture"\ninitial = true') + state("b", 'phase = "repair"')
                        + state("c", 'phase = "negotiation"') + state("d", 'phase = "repair"\nend = true')
                        + arrow("a", "b", "invites_exploration") + arrow("b", "c", "self_assertion") + arrow("c", "d", "withdrawal_marker"))
    drawn = Drawn(seen=[(0, 9)], moves=[(at, "client") for at in range(2, 6)], episodes=[(1, 6)])
    codes = (STAGES.codes_for("notices")[0], STAGES.codes_for("invites_exploration")[0], STAGES.codes_for("self_assertion")[0], "wd")
    cohort = cohort_of([drawn], codes=codes)
    found = windows(cohort, before=0, after=0, unit="turns", matched=0, trace_table=rk.trace_cohort(cohort, model))
    assert [(KINDS[kind].value, int(start), int(end)) for kind, start, end in zip(found.kind, found.start, found.end, strict=True)] == [
        ("rupture", 1, 4), ("negotiation", 4, 5), ("settled", 5, 7)]


# --- doors -------------------------------------------------------------------------------------------------------


def test_wrong_questions_are_refused() -> None:
    cohort = cohort_of([Drawn(seen=[(0, 20)], moves=[(4, "client")], episodes=[(4, 6), (30, 31)])])
    for word, more in (("unit is 'hours'", {"unit": "hours"}), ("whole number of turns", {"before": 1.5}),
                       ("after is -1", {"after": -1}), ("before is inf", {"before": float("inf")}),
                       ("after is nan", {"after": float("nan")}), ("matched is -1", {"matched": -1}), ("matched is 'some'", {"matched": "some"})):
        with pytest.raises(RecordError, match=word):
            windows(cohort, **{"before": 1, "after": 1, "unit": "turns", **more})  # type: ignore[arg-type]
    with pytest.raises(NoClock):
        windows(cohort, before=1, after=1, unit="seconds")
    found = windows(cohort, before=1, after=1, unit="turns")
    assert found.left_out == {"episodes that hold nothing observed": 1}
    with pytest.raises(RecordError, match="a kind of window"):
        found.of_kind("middle")
    with pytest.raises(RecordError, match="expected a cohort"):
        windows("study", before=1, after=1, unit="turns")  # type: ignore[arg-type]


def test_windows_are_read_out_compared_and_copied() -> None:
    drawn = Drawn(seen=[(0, 9)], moves=[(4, "client"), (8, "therapist")], episodes=[(4, 7), (6, 9)])
    found = windows(cohort_of([drawn]), before=2, after=3, unit="turns")
    assert repr(found) == f"Windows({len(found)} in turns around 2 episodes)"
    text = str(found)
    assert "before: 2 windows, 0 censored, 1 overlap another episode, 0 empty" in text
    assert "after: 2 windows, 2 censored" in text
    assert "no matched window fits: 1 of kind episode" in text or "no matched window fits: 2 of kind episode" in text
    assert found == copy.deepcopy(found) == windows(cohort_of([drawn]), before=2, after=3, unit="turns")
    assert found != windows(cohort_of([drawn]), before=1, after=3, unit="turns")
    assert found != 7
    columns = columns_of(found)
    assert columns["kind"].levels == tuple(map(str, KINDS))
    assert columns["moves"].values.sum() == len(found.members)
    assert "left out: 1 episodes that hold nothing observed" in str(
        windows(cohort_of([attrs.evolve(drawn, episodes=[(4, 7), (60, 61)])]), before=2, after=3, unit="turns"))


# --- measures ----------------------------------------------------------------------------------------------------


def rated(n: int = 9) -> tuple[rk.Cohort, WindowValues]:
    """Return n dyads whose first k + 2 turns after turn 20 hold a move each, and one at turn 0."""
    drawn = [Drawn(seen=[(0, 60)], moves=[(0, "client"), *((20 + at, "client") for at in range(at_dyad + 2))], episodes=[(20, 39)])
             for at_dyad in range(n)]
    cohort = cohort_of(drawn)
    found = windows(cohort, before=20, after=10, unit="turns")
    return cohort, over_windows(found, count_of(cohort, "withdrawal_marker"), what="markers", per="turn")


def test_a_contrast_is_the_mean_over_dyads_of_differences_within_episodes() -> None:
    cohort, values = rated()
    shares = [(at + 2) / 20 for at in range(9)]
    found = window_contrast(values, "episode", against="before")
    assert found.value == pytest.approx(sum(share - 1 / 20 for share in shares) / 9)
    assert found.interval is not None
    assert found.n == {"dyads": 9, "episodes": 9}
    assert found.what == "markers per turn: episode less before windows, within episodes"
    assert any("differs by construction" in text for text in found.assumptions)
    assert found.provenance is not None
    assert found.governed_by == clustering_of(cohort).level
    matched = window_contrast(values, WindowKind.AFTER)
    assert matched.value == pytest.approx(0)    # of both matched windows of 10 turns none holds the marker at turn 0


def test_matched_windows_are_averaged_episode_by_episode() -> None:
    drawn = Drawn(seen=[(0, 29)], moves=[(0, "client"), (1, "client"), (10, "client"), (25, "client")], episodes=[(10, 14)])
    found = windows(cohort_of([drawn]), before=0, after=0, unit="turns")
    values = over_windows(found, count_of(found.cohort, "withdrawal_marker"), what="markers")
    assert found.start[found.matches == 0].tolist() == [0, 5, 15, 20, 25]
    assert window_contrast(values, "episode").value == 1 - (2 + 0 + 0 + 0 + 1) / 5
    assert values.mean("episode") == 1
    assert values.mean("rupture") is None
    assert values.mean("matched") == 3 / 5


def test_windows_that_are_marked_can_be_left_out_and_are_told() -> None:
    drawn = [Drawn(seen=[(0, 60)], moves=[(20, "client")], episodes=[(20, 24), (26, 30)]),
             Drawn(seen=[(0, 60)], moves=[(5, "client")], episodes=[(3, 12)])]
    cohort = cohort_of(drawn)
    values = over_windows(windows(cohort, before=5, after=5, unit="turns"), count_of(cohort, "withdrawal_marker"), what="markers", per="turn")
    every = window_contrast(values, "before")
    assert every.n["episodes"] == 3
    assert set(every.warnings) >= {"1 of these windows are cut short", "1 of these windows overlap another episode"}
    assert window_contrast(values, "before", with_overlapping=False).n["episodes"] == 2
    uncut = window_contrast(values, "before", with_censored=False)
    assert (uncut.n["episodes"], uncut.n["dyads"]) == (2, 1)
    assert "1 of 3 episodes with a window of kind before do not have both values" in uncut.warnings
    with pytest.raises(NotEstimable, match="no episode gives markers per turn both"):
        window_contrast(values, "rupture")
    for pair in (("before", "before"), ("matched", "before")):
        with pytest.raises(RecordError, match="expected two kinds"):
            window_contrast(values, pair[0], against=pair[1])


def test_a_measure_may_say_nothing_and_must_be_finite() -> None:
    drawn = Drawn(seen=[(0, 20)], moves=[(4, "client")], episodes=[(0, 5)])
    found = windows(cohort_of([drawn]), before=3, after=3, unit="turns", matched=0)    # the window before is empty
    values = over_windows(found, lambda rows: len(rows) or None, what="moves")
    assert [None if value != value else value for value in values.value.tolist()] == [None, 1.0, None]
    assert repr(values) == "WindowValues('moves', 1 of 3 windows)"
    assert str(values).endswith("episode: 1")
    assert len(values) == 3
    assert columns_of(values)["value"].absent.tolist() == [True, False, True]
    with pytest.raises(RecordError, match="a measure gives a finite number, or None"):
        over_windows(found, lambda rows: float("inf"), what="moves")
    for per in ("minute", "hour"):
        with pytest.raises(RecordError, match="laid in turns; expected None or 'turn'"):
            over_windows(found, len, what="moves", per=per)  # type: ignore[arg-type]


def test_an_instant_on_a_clock_has_no_rate() -> None:
    drawn = Drawn(seen=[(0, 120)], moves=[(30, "client"), (60, "client")], episodes=[(30, 30), (40, 70)])
    found = windows(cohort_of([drawn], unit=1_000_000, time=TimeKind.CLOCK), before=0, after=0, unit="seconds", matched=0)
    values = over_windows(found, len, what="moves", per="minute").value
    assert np.isnan(values[0])
    assert values[1] == pytest.approx(2)


def test_what_codes_do_is_counted_and_shared() -> None:
    cohort = cohort_of([Drawn(seen=[(0, 9)], moves=[(at, "client") for at in range(4)], episodes=[(0, 3)])], codes=("wd", "invite"))
    rows = np.arange(4)
    assert count_of(cohort, "withdrawal_marker")(rows) == 2
    both = count_of(cohort, "withdrawal_marker", *STAGES.functions_of("invite"))
    assert both(rows) == 4
    with pytest.raises(RecordError, match="no code of stages has the function hums"):
        count_of(cohort, "hums")
    needs = [rk.Move(dyad="D1", session=1, track="r1", party="client", code=code, onset=at, row_id=at)
             for at, code in enumerate(["cl-ag", "gr-ag", "cl-re", "yl-ag", "ct-re"])]
    needy = rk.Cohort.of(needs, coding=rk.Coding(codebook="needs"))
    assert need_share(needy)(np.arange(5)) == 1 / 3
    assert need_share(needy, "agency", verbs=("yield", "contest"))(np.arange(5)) == 1 / 2
    assert need_share(needy, Need.AGENCY)(np.array([3])) is None
    with pytest.raises(RecordError, match="expected a need, one of agency, communion, but got 'agncy'; did you mean 'agency'"):
        need_share(needy, "agncy")
    with pytest.raises(RecordError, match="expected a verb, one of claim, .* but got 'clam'; did you mean 'claim'"):
        need_share(needy, verbs=("clam",))
    with pytest.raises(NotEstimable, match="no code of 3rs-2022 carries an act"):
        need_share(rk.Cohort.of((), coding=rk.Coding(codebook="3rs-2022")), verbs=("grant",))
    less = mapping_of_codebook(needy.coding.codebook).without("gr-ag")
    assert need_share(needy, mapping=less)(np.arange(5)) == 1 / 2
    with pytest.raises(RecordError, match="no rater stated an act on a need"):
        need_share(needy, mapping="raters")


@settings(max_examples=60)
@given(needs.STUDIES, st.integers(0, 8), st.integers(0, 12), st.sampled_from([None, *Need]), st.sampled_from(needs.PARTIES),
       st.sampled_from([str(rule) for rule in TieRule]))
def test_claims_met_among_some_moves_are_those_of_the_loop(study: needs.Study, low: int, length: int, need: Need | None,
                                                           party: str, rule: str) -> None:
    cohort = needs.cohort_of(study)
    share, moves = met_share(cohort, party, need=need, tie_rule=rule), cohort.moves
    for dyad, drawn in study.items():
        for number, session in enumerate(drawn, start=1):
            inside = [said for said in session if low <= said[2] < low + length]
            spells = [spell for spell in negotiated.spells(needs.turns_said(inside, rule), stopped=False)
                      if spell.party == needs.PARTIES.index(party) and need in (None, spell.need)]
            rows = np.array([at for at in range(len(moves)) if (moves[at].dyad, moves[at].session) == (dyad, number)
                             and rk.seconds(low) <= moves[at].onset < rk.seconds(low + length)], dtype=np.int64)
            expected = sum(spell.cause == "met" for spell in spells) / len(spells) if spells else None
            assert share(rows) == expected


def test_claims_met_are_a_measure_over_windows() -> None:
    cohort = needs.cohort_of({"D1": [[("client", "cl-ag", 0), ("therapist", "gr-ag", 1), ("client", "cl-re", 2)]]})
    found = windows(cohort, before=0, after=0, unit="turns", matched=0)
    values = over_windows(found, met_share(cohort, "client"), what="claims of the client that were met")
    assert values.value.tolist() == [0.5]
    less = mapping_of_codebook(needs.BOOK).without("gr-ag")
    assert met_share(cohort, "client", mapping=less)(np.arange(3)) == 0
    nobody = needs.cohort_of({"D1": [[("client", "cl-ag", 0), (None, "re-ack", 1), ("therapist", "gr-ag", 2), ("client", "cl-re", 3)]]})
    assert met_share(nobody, "client")(np.arange(3)) == 1    # who moved at the second instant is not known
    apart = needs.cohort_of({"D1": [[("client", "cl-ag", 0)], [("client", "cl-re", 0)]]})
    assert [met_share(apart, "client", need="agency")(np.array([at])) for at in (0, 1)] == [0, None]    # two sessions
    with pytest.raises(RecordError, match="there is no party 'clint'; did you mean 'client'"):
        met_share(cohort, "clint")
    with pytest.raises(RecordError, match="expected a need"):
        met_share(cohort, "client", need="agncy")


def test_complementarity_is_a_measure_over_windows() -> None:
    places = parse_placement('format = 1\nname = "p"\ntitle = "P"\ncodebook = "stages"\n'
                             '[[places]]\ncode = "wd"\nangle = 270\n[[places]]\ncode = "invite"\nangle = 90\n')
    moves = [(at, "client" if at % 2 else "therapist") for at in range(12)]
    cohort = cohort_of([Drawn(seen=[(0, 11)], moves=moves, episodes=[(6, 8)])], codes=("invite", "wd", "wd"))
    found = windows(cohort, before=3, after=3, unit="turns", matched=0)
    values = over_windows(found, complementary_share(cohort, places, convention="kiesler"), what="complementary share")
    assert values.value.tolist() == [0.5, 0.5, 0.5]


def test_intervals_rest_on_therapists_where_there_are_any() -> None:
    drawn = [Drawn(seen=[(0, 60)], moves=[(20, "client")], episodes=[(20, 20 + at)]) for at in range(4)]
    cohort = cohort_of(drawn, dyads=[Dyad(dyad=f"D{at}", therapist=f"T{at // 2}") for at in range(4)])
    values = over_windows(windows(cohort, before=5, after=5, unit="turns"), count_of(cohort, "withdrawal_marker"), what="markers")
    assert window_contrast(values, "episode").n["therapists"] == 2
