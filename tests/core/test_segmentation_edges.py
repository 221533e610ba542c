"""The edges of segmentation: limits, defaults, names and messages that a small mistake would move."""

from __future__ import annotations

import re
import warnings
from typing import Any

import attrs
import pytest

from rupturekit._definitions import parse_definition
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Episode, Move, ObservedStretch, Session
from rupturekit.errors import CodingWarning, DefinitionError, RecordError
from rupturekit.segmentation import WHOLE_SESSION, SegmentationRule, compare_boundaries, read_rule, segment

STAGES = Coding(codebook=load_codebook("stages"))
RULE = SegmentationRule(name="r", gap=None)


# --- what a rule may be --------------------------------------------------------------------------------------------


def test_a_rule_is_known_by_its_name_and_twelve_hexadecimal_digits() -> None:
    assert re.fullmatch(r"r:[0-9a-f]{12}", RULE.identity)
    assert attrs.evolve(RULE, use_coded=False).identity != RULE.identity


def test_a_rule_keeps_the_coders_episodes_inside_one_session_by_default() -> None:
    assert (RULE.use_coded, RULE.across_sessions, RULE.gap_in, RULE.opened_by, RULE.closes_on) == (True, False, "", (), ())


def test_a_gap_is_told_in_seconds_to_the_microsecond_it_is_held_in() -> None:
    assert "after 999999 s without" in SegmentationRule(name="r", gap=999_999_000_000).describe()


@pytest.mark.parametrize("gap", [1, 2**53 - 1])
def test_the_least_and_the_largest_gap_are_taken(gap: int) -> None:
    assert SegmentationRule(name="r", gap=gap).gap == gap


@pytest.mark.parametrize("gap", [0, 2**53])
def test_a_gap_beside_them_is_refused(gap: int) -> None:
    with pytest.raises(RecordError, match="expected a gap above 0 and below 2"):
        SegmentationRule(name="r", gap=gap)


@pytest.mark.parametrize("field", ["opens", "closes_on", "opened_by"])
@pytest.mark.parametrize("value", ["notices", ["notices"], ("notices", 1)])
def test_what_is_no_tuple_of_texts_is_refused_with_its_field(field: str, value: Any) -> None:
    with pytest.raises(RecordError, match=f"expected {field} as a tuple of texts") as error:
        SegmentationRule(**{"name": "r", "gap": None, field: value})
    assert (error.value.field, error.value.value) == (field, value)


def test_a_warning_of_a_rule_points_to_who_made_it() -> None:
    with pytest.warns(CodingWarning) as caught:
        SegmentationRule(name="r", gap=None, opens=("validatess",))
    assert [one.filename for one in caught] == [__file__]


# --- where an episode lies -----------------------------------------------------------------------------------------


def cohort(*said: str, coding: Coding = STAGES, **tables: Any) -> Cohort:
    """Make a cohort of one client's moves said as `code onset [session [dyad [track]]]`, each session of 100."""
    moves = []
    for at, words in enumerate(said):
        code, onset, *rest = words.split()
        session, dyad, track = [*rest, *("1", "D1", "r1")[len(rest):]]
        moves.append(Move(row_id=at, dyad=dyad, session=int(session), track=track, party="client", code=code, onset=int(onset)))
    places = sorted({(move.dyad, move.session) for move in moves})
    tables.setdefault("sessions", [Session(dyad=dyad, session=at, duration=100) for dyad, at in places])
    seen = sorted({(move.dyad, move.session, move.track) for move in moves})
    tables.setdefault("observed", [ObservedStretch(dyad=dyad, session=at, track=track, start=0, end=100)
                                   for dyad, at, track in seen])
    return Cohort.of(moves, coding=coding, **tables)


def cut(held: Cohort, rule: SegmentationRule = WHOLE_SESSION, **named: Any) -> list[Episode]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return list(segment(held, rule, **named).episodes)


def test_a_rule_of_which_some_code_has_one_function_gives_no_warning() -> None:
    assert len(cut(cohort("wd 5"), attrs.evolve(RULE, opens=("hums_a_tune", "withdrawal_marker")))) == 1


def test_a_rule_with_a_mistake_is_read_as_one_that_can_stand_in() -> None:
    node = parse_definition('name = "r"\nopens = []', where="rupturekit.toml", what="settings")
    assert read_rule(node) == WHOLE_SESSION
    with pytest.raises(DefinitionError, match="nothing opens an episode"):
        node.finish(what="settings file")


def test_a_marker_at_the_very_beginning_opens_an_episode() -> None:
    one, = cut(cohort("wd 0 0"))
    assert ((one.row.first_session, one.row.onset), (one.row.last_session, one.row.end)) == ((0, 0), (0, 100))


def test_a_gap_that_runs_out_between_two_sessions_ends_with_the_move_that_opens_the_second() -> None:
    rule = attrs.evolve(RULE, gap=50, across_sessions=True)
    one, = cut(cohort("wd 50", "hurt 0 2"), rule)
    assert [move.row_id for move in one.moves] == [0, 1]
    assert (one.row.last_session, one.row.end) == (2, 0)


# --- two sides laid beside one another -----------------------------------------------------------------------------


def test_a_comparison_says_what_was_compared_and_is_equal_by_what_it_found() -> None:
    one, other = (compare_boundaries(cohort("wd 5", last), RULE) for last in ("wd 7", "wd 8"))
    assert one.provenance.rules == ("coders", "r")
    assert one.provenance.cohort != other.provenance.cohort
    assert one == other


def test_the_warning_of_a_function_that_no_code_has_names_the_call() -> None:
    cohort = Cohort.of([Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)],
                       coding=Coding(codebook=load_codebook("stages")))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        segment(cohort, SegmentationRule(name="x", opens=("nothing_here",), gap=None))
    assert {one.filename for one in caught if "no code" in str(one.message)} == {__file__}


def test_a_dyad_whose_name_fills_a_cell_still_gets_names_for_its_episodes() -> None:
    names = ["x" * 10_000, "x" * 9_999 + "y"]    # alike as far as the names of episodes reach
    moves = [Move(dyad=dyad, session=1, track="r1", party="client", code="wd", onset=9_000_000, row_id=at)
             for at, dyad in enumerate(names)]
    with pytest.warns(CodingWarning, match="no table of observed stretches"):
        drawn = segment(Cohort.of(moves, coding=STAGES), RULE).columns
    found = drawn.rows.words("episode")
    assert len(set(found)) == 2
    assert all(len(str(name)) <= 10_000 for name in found)
