"""Segmentation by hand: what opens an episode, what closes it, and whose boundaries are kept."""

from __future__ import annotations

import warnings
from typing import Any

import attrs
import pytest

from rupturekit._definitions import parse_definition
from rupturekit.codebooks import Code, load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Episode, EpisodeRow, Label, Member, Move, ObservedStretch, Session
from rupturekit.errors import CodingWarning, DefinitionError, RecordError
from rupturekit.segmentation import WHOLE_SESSION, SegmentationRule, compare_boundaries, read_rule, segment
from rupturekit.sensitivity import segment_many
from rupturekit.state_machine import load_model
from rupturekit.vocabulary import Attendance, ClosedBy, EpisodeSource, RuptureType, TimeKind
from strategies import quietly

STAGES = Coding(codebook=load_codebook("stages"))
GAP = SegmentationRule(name="gap", gap=10)


def cohort(*said: str, coding: Coding = STAGES, **tables: Any) -> Cohort:
    """Make a cohort of moves said as `code onset [session [dyad [track [party]]]]`."""
    moves = []
    for at, words in enumerate(said):
        code, onset, *rest = words.split()
        session, dyad, track, party = [*rest, *("1", "D1", "r1", "client")[len(rest):]]
        moves.append(Move(row_id=at, dyad=dyad, session=int(session), track=track, party=party, code=code, onset=int(onset)))
    return Cohort.of(moves, coding=coding, **tables)


def cut(held: Cohort, rule: SegmentationRule, **named: Any) -> list[Episode]:
    return list(quietly(segment, held, rule, **named).episodes)


def told(one: Episode) -> tuple[Any, ...]:
    return [move.row_id for move in one.moves], (one.row.last_session, one.row.end), one.row.closed_by


def lasting(*ends: int, seen: bool = False) -> dict[str, Any]:
    """Sessions that last so long; with `seen`, observed to half of it."""
    observed = [ObservedStretch(dyad="D1", session=at, track="r1", start=0, end=end // 2) for at, end in enumerate(ends, start=1)]
    return {"sessions": [Session(dyad="D1", session=at, duration=end) for at, end in enumerate(ends, start=1)],
            "observed": observed if seen else []}


# --- what closes an episode ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "rule", "tables", "episodes"), [
    (["hurt 0", "wd 5", "invite 9", "wd 14"], WHOLE_SESSION, lasting(99), [([1, 2, 3], (1, 99), ClosedBy.SESSION_END)]),
    (["wd 5", "invite 9"], WHOLE_SESSION, {}, [([0, 1], (1, 9), ClosedBy.SESSION_END)]),
    (["wd 5", "invite 9"], WHOLE_SESSION, lasting(40, seen=True), [([0, 1], (1, 20), ClosedBy.OBSERVATION_END)]),
    (["wd 0", "hurt 10", "hurt 11", "wd 21"], GAP, lasting(99),
     [([0, 1], (1, 10), ClosedBy.GAP), ([3], (1, 31), ClosedBy.GAP)]),
    (["wd 0", "wd 10", "wd 20"], GAP, lasting(99), [([0, 1, 2], (1, 30), ClosedBy.GAP)]),
    (["wd 0", "wd 11"], GAP, lasting(15), [([0], (1, 10), ClosedBy.GAP), ([1], (1, 15), ClosedBy.SESSION_END)]),
    (["wd 0"], GAP, lasting(10), [([0], (1, 10), ClosedBy.GAP)]),
    (["wd 5", "wd 2 2"], WHOLE_SESSION, lasting(9, 9),
     [([0], (1, 9), ClosedBy.SESSION_END), ([1], (2, 9), ClosedBy.SESSION_END)]),
    (["hurt 5"], WHOLE_SESSION, {}, []),
])
def test_an_episode_lasts_to_a_gap_or_the_end_of_the_session(said: list[str], rule: SegmentationRule, tables: dict[str, Any],
                                                             episodes: list[Any]) -> None:
    assert [told(one) for one in cut(cohort(*said, **tables), rule)] == episodes


@pytest.mark.parametrize(("said", "gap", "episodes"), [
    (["wd 5", "hurt 1 2", "wd 2 2"], None, [([0, 1, 2], (3, 30), ClosedBy.SESSION_END)]),
    (["wd 5", "hurt 1 2", "wd 2 2"], 8, [([0, 1, 2], (2, 10), ClosedBy.GAP)]),
    (["wd 5", "hurt 1 2", "wd 2 2"], 6, [([0, 1], (2, 1), ClosedBy.GAP), ([2], (2, 8), ClosedBy.GAP)]),
    (["wd 5", "hurt 1 2", "hurt 8 3", "wd 9 3"], 40, [([0, 1, 2, 3], (3, 30), ClosedBy.SESSION_END)]),
    (["wd 5", "hurt 1 2", "hurt 8 3", "wd 9 3"], 30, [([0, 1], (3, 5), ClosedBy.GAP), ([3], (3, 30), ClosedBy.SESSION_END)]),
    (["wd 5", "hurt 1 2", "hurt 8 3", "wd 9 3"], 15, [([0, 1], (2, 10), ClosedBy.GAP), ([3], (3, 24), ClosedBy.GAP)]),
])
def test_across_sessions_a_gap_runs_through_every_session_between(said: list[str], gap: int | None, episodes: list[Any]
                                                                  ) -> None:
    rule = SegmentationRule(name="across", gap=gap, across_sessions=True)
    assert [told(one) for one in cut(cohort(*said, **lasting(10, 20, 30)), rule)] == episodes


@pytest.mark.parametrize(("said", "gap", "episodes"), [
    (["wd 0", "hurt 3", "resume 5", "hurt 6", "resume 7", "wd 8"], None,
     [([0, 1, 2], (1, 5), ClosedBy.RESOLUTION), ([5], (1, 99), ClosedBy.SESSION_END)]),
    (["wd 0", "resume 10"], 10, [([0, 1], (1, 10), ClosedBy.RESOLUTION)]),
    (["wd 0", "resume 11", "wd 12"], 10, [([0], (1, 10), ClosedBy.GAP), ([2], (1, 22), ClosedBy.GAP)]),
    (["resume 0", "resume 1", "wd 1", "resume 2"], None, [([1, 2, 3], (1, 2), ClosedBy.RESOLUTION)]),
])
def test_a_resolution_closes_an_episode_that_is_still_open(said: list[str], gap: int | None, episodes: list[Any]) -> None:
    rule = SegmentationRule(name="resolved", gap=gap, closes_on=("resumes_collaboration",))
    found = cut(cohort(*said, **lasting(99)), rule)
    assert [told(one) for one in found] == episodes
    assert [one.closed_by_outcome for one in found] == [why is ClosedBy.RESOLUTION for *_, why in episodes]


def test_a_code_that_both_opens_and_closes_opens() -> None:
    code = Code(code="both", label="both", functions=("withdrawal_marker", "resumes_collaboration"))
    coding = attrs.evolve(STAGES, codebook=attrs.evolve(STAGES.codebook, codes=(*STAGES.codebook.codes, code)))
    rule = SegmentationRule(name="r", gap=None, closes_on=("resumes_collaboration",))
    one, = cut(cohort("wd 0", "both 3", "hurt 4", coding=coding), rule)
    assert told(one) == ([0, 1, 2], (1, 4), ClosedBy.SESSION_END)


def test_a_record_lasts_at_least_as_long_as_its_moves_and_stretches() -> None:
    late = ObservedStretch(dyad="D1", session=1, track="r1", start=20, end=30)
    held = Cohort.of([Move(row_id=0, dyad="D1", session=1, track="r1", code="wd", onset=5, offset=50)], coding=STAGES,
                     observed=[late, attrs.evolve(late, start=0, end=10)])
    assert told(cut(held, WHOLE_SESSION)[0])[1:] == ((1, 10), ClosedBy.OBSERVATION_END)
    held = cohort("wd 25", observed=[late, attrs.evolve(late, start=0, end=10)])
    assert told(cut(held, WHOLE_SESSION)[0])[1:] == ((1, 30), ClosedBy.SESSION_END)


def lengths(*durations: int) -> list[Session]:
    return [Session(dyad="D1", session=at, duration=length) for at, length in enumerate(durations, start=1)]


def stretch(start: int, end: int, session: int = 1) -> ObservedStretch:
    return ObservedStretch(dyad="D1", session=session, track="r1", start=start, end=end)


def test_no_gap_runs_across_what_nobody_coded() -> None:
    rule = SegmentationRule(name="g", gap=30)
    held = cohort("wd 6", "wd 240", observed=[stretch(0, 12), stretch(230, 300)], sessions=lengths(300))
    assert [told(one) for one in cut(held, rule)] == [
        ([0], (1, 12), ClosedBy.OBSERVATION_END), ([1], (1, 270), ClosedBy.GAP)]


def test_a_meeting_that_was_not_coded_ends_an_episode_and_a_missed_one_does_not() -> None:
    rule = SegmentationRule(name="g", gap=100, across_sessions=True)
    seen = [stretch(0, 10), stretch(0, 10, 3)]
    held = cohort("wd 5", "wd 5 3", observed=seen, sessions=lengths(10, 10, 10))
    assert [told(one)[1:] for one in cut(held, rule)] == [
        ((1, 10), ClosedBy.OBSERVATION_END), ((3, 10), ClosedBy.SESSION_END)]
    missed = [attrs.evolve(one, attended=Attendance.NO) if one.session == 2 else one for one in held.sessions]
    held = cohort("wd 5", "wd 5 3", observed=seen, sessions=missed)
    assert [told(one) for one in cut(held, rule)] == [([0, 1], (3, 10), ClosedBy.SESSION_END)]


def test_meetings_before_the_first_that_was_coded_draw_nothing() -> None:
    rule = SegmentationRule(name="g", gap=None, across_sessions=True)
    held = cohort("wd 5 2", observed=[stretch(0, 10, 2)], sessions=lengths(10, 10))
    assert [told(one) for one in cut(held, rule)] == [([0], (2, 10), ClosedBy.SESSION_END)]


def test_a_gap_counts_from_where_the_marker_ends() -> None:
    rule = SegmentationRule(name="g", gap=60)
    long_one = Move(row_id=0, dyad="D1", session=1, track="r1", code="wd", onset=0, offset=1000)
    moves = [long_one, attrs.evolve(long_one, row_id=1, onset=1010, offset=None)]
    assert [one.moves for one in cut(Cohort.of(moves, coding=STAGES), rule)] == [tuple(moves)]
    within = [*moves, attrs.evolve(long_one, row_id=2, onset=500, offset=None)]
    assert len(cut(Cohort.of(within, coding=STAGES), rule)) == 1    # the short marker inside the long one ends nothing
    coding = attrs.evolve(STAGES, time=TimeKind.SEGMENT, segment=300)
    apart = [attrs.evolve(long_one, offset=None), attrs.evolve(long_one, row_id=1, onset=600, offset=None)]
    for gap, n in ((300, 1), (299, 2)):
        assert len(cut(Cohort.of(apart, coding=coding), attrs.evolve(rule, gap=gap))) == n


def test_the_whole_instant_belongs_to_the_episode_whatever_was_filed_first() -> None:
    for said in (["hurt 5", "wd 5"], ["wd 5", "hurt 5"]):
        one, = cut(cohort(*said), WHOLE_SESSION)
        assert len(one.moves) == 2


def test_a_gap_in_the_other_kind_of_time_is_refused() -> None:
    turns = attrs.evolve(STAGES, time=TimeKind.TURN)
    rule = SegmentationRule(name="g", gap=30_000_000, gap_in="seconds")
    with pytest.raises(RecordError, match="stated in seconds, but this study records turn time; state it in turns"):
        segment(cohort("wd 0", coding=turns), rule)
    with pytest.raises(RecordError, match="state it in seconds"):
        segment(cohort("wd 0"), attrs.evolve(rule, gap=30, gap_in="turns"))


def test_a_rule_that_no_code_can_meet_is_warned_of() -> None:
    with pytest.warns(CodingWarning, match="no code of stages has the function hums"):
        segment(cohort("wd 0", observed=[stretch(0, 9)]), SegmentationRule(name="g", gap=None, opens=("hums",)))


# --- what opens one --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "kind", "party"), [
    (["wd 5"], RuptureType.WITHDRAWAL, "client"), (["cf 5 1 D1 r1 therapist", "wd 6"], RuptureType.CONFRONTATION, "therapist"),
    (["wd 5", "cf 5"], RuptureType.MIXED, "client"), (["wd 5", "hurt 5", "wd 5"], RuptureType.WITHDRAWAL, "client"),
])
def test_an_episode_is_of_the_type_and_party_it_opened_with(said: list[str], kind: RuptureType, party: str) -> None:
    one, = cut(cohort(*said), WHOLE_SESSION)
    assert (one.row.rupture_type, one.row.party, one.row.source) == (kind, party, EpisodeSource.RULE)


def test_an_episode_that_no_marker_opens_has_no_type_and_one_by_nobody_no_party() -> None:
    move = Move(row_id=0, dyad="D1", session=1, track="r1", code="hurt", onset=0)
    one, = cut(Cohort.of([move], coding=STAGES), SegmentationRule(name="hurt", gap=None, opens=("expresses_hurt",)))
    assert (one.row.rupture_type, one.row.party) == (None, None)


@pytest.mark.parametrize(("absent", "opened"), [("pass", [0, 2]), ("block", [2])])
def test_a_marker_below_the_rating_does_not_count(absent: str, opened: list[int]) -> None:
    held = Cohort.of([Move(row_id=at, dyad="D1", session=at + 1, track="r1", code="wd", onset=0, rating=rating)
                      for at, rating in enumerate([None, 1.999, 2.0])], coding=STAGES)
    rule = SegmentationRule(name="rated", gap=None, min_rating=2.0, absent_rating=absent)
    assert [one.moves[0].row_id for one in cut(held, rule)] == opened


def test_only_the_moves_of_those_who_open_count_as_markers() -> None:
    held = cohort("wd 0 1 D1 r1 therapist", "wd 5")
    rule = SegmentationRule(name="client's", gap=None, opened_by=("client",))
    assert [told(one)[0] for one in cut(held, rule)] == [[1]]
    with pytest.raises(RecordError, match=r"opened_by names 'clint', but the parties of this study are client and therapist; "
                                          r"did you mean 'client'\?"):
        segment(held, attrs.evolve(rule, opened_by=("clint",)))


# --- tracks and the coders' own --------------------------------------------------------------------------------


def test_two_raters_never_interleave() -> None:
    held = cohort("wd 0", "wd 3 1 D1 r2", "hurt 5", "hurt 6 1 D1 r2")
    assert [told(one)[0] for one in cut(held, WHOLE_SESSION, track="r2")] == [[1, 3]]
    with pytest.raises(RecordError, match="two raters are never mixed, so say which reading to use"):
        segment(held)


def test_sessions_in_which_the_coders_drew_episodes_keep_theirs() -> None:
    row = EpisodeRow(episode="D1-1", dyad="D1", track="r1", first_session=2, onset=3, last_session=2, end=4)
    labels = [Label(subject_kind="episode", subject="D1-1", attribute="noticing", value="no")]
    held = cohort("wd 0 1", "wd 0 2", "hurt 3 2", "wd 1 3", episodes=[row], labels=labels)
    found = cut(held, WHOLE_SESSION)
    assert [(one.episode, one.row.source, told(one)[0]) for one in found] == [
        ("D1-2", "rule", [0]), ("D1-1", "coders", [2]), ("D1-3", "rule", [3])]
    assert [len(one.labels) for one in found] == [0, 1, 0]
    drawn = cut(held, attrs.evolve(WHOLE_SESSION, use_coded=False))
    assert [(one.episode, told(one)[0], one.labels) for one in drawn] == [
        ("D1-2", [0], ()), ("D1-3", [1, 2], ()), ("D1-4", [3], ())]


def test_the_coders_episodes_of_another_track_are_not_taken() -> None:
    row = EpisodeRow(episode="E1", dyad="D1", track="r2", first_session=1, onset=0, last_session=1, end=4)
    held = cohort("wd 0", "wd 0 1 D1 r2", episodes=[row])
    assert [one.row.source for one in cut(held, WHOLE_SESSION, track="r1")] == ["rule"]
    assert [one.row.source for one in cut(held, WHOLE_SESSION, track="r2")] == ["coders"]


def test_a_study_without_observed_stretches_is_warned_of() -> None:
    with pytest.warns(CodingWarning, match="no table of observed stretches"):
        segment(cohort("wd 0"))


def test_the_comparison_of_boundaries_is_told() -> None:
    rows = [EpisodeRow(episode=name, dyad="D1", track="r1", first_session=1, onset=onset, last_session=1, end=end)
            for name, onset, end in (("A", 0, 3), ("B", 90, 95))]
    held = cohort("wd 0", "hurt 3", "hurt 5", "wd 50", "hurt 90", "wd 0 2", episodes=rows,
                  members=[Member(episode="B", row_id=4)], **lasting(99, 99))
    said = quietly(compare_boundaries, held, GAP)
    assert (said.n_coded, said.n_drawn, said.n_sessions) == (2, 3, 2)
    assert str(said).splitlines() == [
        "BoundaryComparison(2 by the coders, 3 by 'gap'; 1 only the coders', 2 only the rule's)",
        "  A and D1-1: 2 moves shared, of 2 and 3", "  only the coders': B", "  only the rule's: D1-2, D1-3"]


# --- rules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changed", "field", "says"), [
    ({"opens": ()}, "opens", "nothing opens an episode; name at least one function in `opens`"),
    ({"closes_on": ("withdrawal_marker",)}, "closes_on", "withdrawal_marker both opens and closes an episode"),
    ({"gap": 0}, "gap", "expected a gap above 0 and below 2**53 but got 0"),
    ({"gap": -1}, "gap", "expected a gap above 0 and below 2**53 but got -1"),
    ({"gap": 1.5}, "gap", "expected gap as a whole number of microseconds or turns but got 1.5"),
    ({"gap": True}, "gap", "expected gap as a whole number"),
    ({"gap_in": "minutes"}, "gap_in", 'gap_in is \'minutes\'; expected "seconds" or "turns"'),
    ({"opens": "withdrawal_marker"}, "opens", "expected opens as a tuple of texts"),
    ({"min_rating": 2.0}, "absent_rating", "a minimum rating needs absent_rating = \"pass\" or \"block\" beside it"),
    ({"absent_rating": "pass"}, "absent_rating", "and the other way round"),
    ({"min_rating": 2.0, "absent_rating": "maybe"}, "absent_rating", "a minimum rating needs"),
])
def test_a_rule_that_cannot_hold_is_refused(changed: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(RecordError, match="rule 'r': ") as error:
        SegmentationRule(**{"name": "r", "gap": None} | changed)
    assert says in str(error.value)
    assert error.value.field == field


@pytest.mark.parametrize("field", ["opens", "closes_on"])
def test_a_function_that_looks_misspelt_gives_a_warning_and_a_new_one_does_not(field: str) -> None:
    with pytest.warns(CodingWarning, match=f"rule 'r': {field} names the function 'validatess', which no shipped codebook has; "
                                           "did you mean 'validates'"):
        SegmentationRule(**{"name": "r", "gap": None, field: ("validatess",)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SegmentationRule(**{"name": "r", "gap": None, field: ("hums_a_tune",)})


def test_a_rule_is_told_in_a_sentence() -> None:
    full = SegmentationRule(name="r", gap=1_500, opens=("notices", "validates"), opened_by=("client", "therapist"),
                            min_rating=2.5, absent_rating="block", closes_on=("resumes_collaboration",), across_sessions=True)
    assert full.describe() == (
        "An episode opens at a move of the client or the therapist whose function is notices or validates and whose rating is "
        "at least 2.5 (no rating: block); it closes on resumes_collaboration, else after 0.0015 s without such a "
        "move, else at the end of the session, and may go on in the next. Episodes drawn by the coders are kept where there "
        "are any.")
    assert "after 12 turns without" in SegmentationRule(name="r", gap=12).describe(TimeKind.TURN)
    assert SegmentationRule(name="r", gap=None, use_coded=False).describe() == (
        "An episode opens at a move whose function is withdrawal_marker or confrontation_marker; it closes at the end of the "
        "session.")


def read(text: str) -> SegmentationRule:
    node = parse_definition(text, where="rupturekit.toml", what="settings")
    rule = read_rule(node)
    node.finish(what="settings file")
    return rule


def test_a_rule_is_read_from_settings() -> None:
    assert read('name = "r"') == SegmentationRule(name="r", gap=None)
    assert read('name = "r"\ngap_turns = 7').gap == 7
    assert read('name = "r"\ngap_seconds = 1.5\nopens = ["notices"]\nopened_by = ["client"]\nmin_rating = 2\n'
                'absent_rating = "pass"\ncloses_on = ["validates"]\nacross_sessions = true\nuse_coded = false'
                ) == SegmentationRule(name="r", gap=1_500_000, gap_in="seconds", opens=("notices",), opened_by=("client",), min_rating=2.0,
                                      absent_rating="pass", closes_on=("validates",), across_sessions=True, use_coded=False)


@pytest.mark.parametrize(("text", "says"), [
    ('name = "r"\ngap_turns = 0', "gap: rule 'r': expected a gap above 0 and below 2**53 but got 0"),
    ('name = "r"\nopens = []', "opens: rule 'r': nothing opens an episode"),
    ('name = "r"\ngap_secs = 3', "gap_secs: is not a known key; did you mean 'gap_seconds'?"),
    ("gap_turns = 3", "name: is missing"),
    ('name = "r"\ngap_turns = 3\ngap_seconds = 3', "gap_turns: stands beside gap_seconds"),
])
def test_a_mistake_in_a_rule_is_told_with_its_place(text: str, says: str) -> None:
    with pytest.raises(DefinitionError) as error:
        read(text)
    assert says in str(error.value)


# --- sensitivity -----------------------------------------------------------------------------------------------


def test_many_rules_are_laid_side_by_side() -> None:
    held = cohort("wd 0", "self-assert 5", "wd 50", "wd 1 2 D1 r2", **lasting(99))
    short = attrs.evolve(WHOLE_SESSION, name="<script>")
    said = quietly(segment_many, held, [GAP, short], track="r1", model=load_model("withdrawal-2000"))
    assert str(said).splitlines() == [
        "SegmentationTable(2 rules, 1 to 2 episodes)",
        "  gap       2 episodes  3 moves  closed by gap 2  end reached: with skips 1, no 1",
        "  <script>  1 episodes  3 moves  closed by session end 1  end reached: with skips 1"]
    assert (said.track, said.model) == ("r1", "withdrawal-2000")
    assert "<script>" not in said._repr_html_()
    assert "<td>&lt;script&gt;</td>" in said._repr_html_()
    plain = quietly(segment_many, cohort("hurt 0"), [GAP])
    assert str(plain).splitlines()[1].rstrip() == "  gap  0 episodes  0 moves  closed by none"


def test_comparing_no_rules_is_refused_and_the_warning_comes_once() -> None:
    with pytest.raises(RecordError, match="segment_many compares rules, but none was given"):
        segment_many(cohort("wd 0"), [])
    with pytest.warns(CodingWarning) as told_:
        segment_many(cohort("wd 0"), [GAP, WHOLE_SESSION])
    assert len(told_) == 1


def test_turns_are_cut_by_turns() -> None:
    turns = attrs.evolve(STAGES, time=TimeKind.TURN)
    assert [told(one) for one in cut(cohort("wd 1", "hurt 4", "wd 12", coding=turns), GAP)] == [
        ([0, 1], (1, 11), ClosedBy.GAP), ([2], (1, 12), ClosedBy.SESSION_END)]
