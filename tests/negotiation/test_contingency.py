"""Couples of whom one partner's stress and the other's coping are coded in intervals: contingency, and bounds over ties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.codebooks import Codebook, load_codebook, parse_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, EpisodeRow, Move, seconds
from rupturekit.errors import NotEstimable, RecordError
from rupturekit.negotiation.acts import ActMapping, parse_act_mapping
from rupturekit.negotiation.contingency import AnswerContingency, answer_contingency
from rupturekit.negotiation.measures import asymmetry, meeting_rate, mutuality
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.vocabulary import Need, TimeKind

COUPLES: Codebook = parse_codebook("""
format = 1
name = "couples"
title = "Stress and coping, coded in intervals"
[[codes]]
code = "stress"
label = "shows stress"
[[codes]]
code = "coping"
label = "supports the partner"
""")
AS_NEEDS: ActMapping = parse_act_mapping("""
format = 1
name = "stress as a claim, coping as a grant of communion"
version = "1"
codebook = "couples"
[[acts]]
code = "stress"
verb = "claim"
need = "communion"
evidence = "assumption"
[[acts]]
code = "coping"
verb = "grant"
need = "communion"
evidence = "assumption"
""")
SEGMENT = seconds(10)
Couple = tuple[list[bool], list[bool]]


def couples(held: list[Couple], *, time: TimeKind = TimeKind.SEGMENT) -> Negotiations:
    """Return couples whose first partner's stress and second partner's coping are coded in every interval."""
    unit = SEGMENT if time is TimeKind.SEGMENT else 1
    row_id, moves, episodes = itertools.count(1), [], []
    for at, (stress, coping) in enumerate(held, start=1):
        name = f"K{at:02d}"
        episodes.append(EpisodeRow(episode=name, dyad=name, track="t", first_session=1, last_session=1, onset=0,
                                   end=len(stress) * unit))
        moves += [Move(dyad=name, session=1, track="t", party=party, code=code, onset=place * unit, row_id=next(row_id))
                  for party, code, shown in (("she", "stress", stress), ("he", "coping", coping))
                  for place in range(len(stress)) if shown[place]]
    coding = Coding(codebook=COUPLES, parties=("she", "he"), time=time,
                    segment=SEGMENT if time is TimeKind.SEGMENT else None)
    return negotiations(Cohort.of(moves, coding=coding, episodes=episodes), mapping=AS_NEEDS)


def slowly(couple: Couple, within: int, *, counted: bool) -> tuple[list[bool], list[bool]]:
    """Return whether coping follows, for each interval with stress and each without that has a whole window."""
    stress, coping = couple
    after: tuple[list[bool], list[bool]] = ([], [])
    for t in range(len(stress) - within):
        window = coping[t if counted else t + 1 : t + within + 1]
        after[0 if stress[t] else 1].append(any(window))
    return after


def found(held: list[Couple], within: int) -> AnswerContingency:
    return answer_contingency(couples(held), party="she", need=Need.COMMUNION, within=within)


LINE = st.lists(st.booleans(), min_size=4, max_size=12)


@st.composite
def pairs(draw: st.DrawFn) -> list[Couple]:
    made = []
    for _ in range(draw(st.integers(1, 4))):
        stress = draw(LINE)
        made.append((stress, draw(st.lists(st.booleans(), min_size=len(stress), max_size=len(stress)))))
    return [*made, ([True, False, False, False, False], [False, True, False, False, False])]


@given(pairs(), st.integers(1, 3))
def test_both_bounds_are_what_counting_gives(held: list[Couple], within: int) -> None:
    result = found(held, within)
    for counted, bound in ((False, result.own_left_out), (True, result.own_counted)):
        after = [slowly(couple, within, counted=counted) for couple in held]
        known = [one for one in after if one[0] and one[1]]
        means = [[sum(shares) / len(shares) for shares in one] for one in known]
        assert bound.after.value == pytest.approx(np.mean([one[0] for one in means]))
        assert bound.elsewhere.value == pytest.approx(np.mean([one[1] for one in means]))
        assert bound.difference.value == pytest.approx(np.mean([one[0] - one[1] for one in means]))
        assert bound.after.n["intervals with a claim"] == sum(len(one[0]) for one in known)
    assert result.same_interval == sum(
        s and c for stress, coping in held for s, c in list(zip(stress, coping, strict=True))[: len(stress) - within])


def test_the_order_within_an_interval_is_not_known_and_both_ways_are_told() -> None:
    together = ([True, False, False, True, False, False], [True, False, False, True, False, False])
    result = found([together] * 9, 2)
    assert (result.own_left_out.after.value, result.own_counted.after.value) == (0.0, 1.0)
    assert (result.same_interval, result.claims) == (18, 18)
    assert "who was first is not known" in str(result)
    assert "-1 against elsewhere, +0 with the claim's own interval" in repr(result)
    assert "<table" in result._repr_html_() or "<dl" in result._repr_html_()


def test_with_one_partner_claiming_and_the_other_granting_mutuality_is_not_estimable() -> None:
    table = couples([([True, False, True, False], [False, True, False, False])] * 3)
    assert meeting_rate(table, party="she").value == 0.5
    for measure in (mutuality, asymmetry):
        with pytest.raises(NotEstimable, match="he made no claim"):
            measure(table)
    with pytest.raises(NotEstimable, match="he made no claim"):
        meeting_rate(table, party="he")


def test_dyads_and_episodes_that_give_no_window_are_counted() -> None:
    result = found([([True, False, True, False], [False, True, False, False]), ([False] * 4, [True] * 4)], 1)
    assert result.own_counted.after.n["dyads"] == 1
    assert "1 of 2 dyads are left out: they lack a whole window after a claim, or elsewhere" in result.own_counted.after.warnings
    rows = [EpisodeRow(episode=f"E{last}", dyad="D1", track="r1", first_session=1, last_session=last, onset=at, end=4)
            for last, at in ((1, 0), (2, 4))]
    moves = [Move(dyad="D1", session=session, track="r1", party="client" if code == "cl-re" else "therapist", code=code,
                     onset=at, row_id=10 * session + at)
             for session in (1, 2) for at, code in enumerate(("cl-re", "gr-re", "re-ack", "re-ack", "cl-re", "re-ack"))]
    cohort = Cohort.of(moves, coding=Coding(codebook=load_codebook("needs"), time=TimeKind.TURN), episodes=rows)
    several = answer_contingency(negotiations(cohort), party="client", need=Need.COMMUNION, within=1)
    assert "1 of 2 episodes are left out: they run over several sessions" in several.own_left_out.difference.warnings


def test_turn_numbers_are_intervals_too_and_a_clock_has_none() -> None:
    held: list[Couple] = [([True, False, False, False], [False, True, False, False])]
    assert answer_contingency(couples(held, time=TimeKind.TURN), party="she", need=Need.COMMUNION,
                              within=1).own_left_out.after.value == 1.0
    with pytest.raises(RecordError, match="has a clock, and no intervals"):
        answer_contingency(couples(held, time=TimeKind.CLOCK), party="she", need=Need.COMMUNION, within=1)


@pytest.mark.parametrize("within", [0, 1.5, True])
def test_a_window_is_a_whole_number_of_intervals(within: int) -> None:
    with pytest.raises(RecordError, match="within is .*; expected a whole number"):
        found([([True, False], [False, True])], within)


@pytest.mark.parametrize("couple", [([False, False, False], [True, True, True]), ([True, True, True], [True, False, True]),
                                    ([True, False], [False, True])])
def test_where_there_is_nothing_to_compare_it_is_said(couple: Couple) -> None:
    with pytest.raises(NotEstimable, match="in no dyad are there both a claim of communion by the she"):
        found([couple], 2)
