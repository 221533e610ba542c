"""Values for one: what they refuse, and how they are read."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.codebooks import Code, load_codebook
from rupturekit.episode import ATTRIBUTES, Coding, Episode, Label, Move, Track, seconds
from rupturekit.errors import NoClock, RecordError
from rupturekit.vocabulary import RuptureType, TimeKind, TrackKind

STAGES = load_codebook("stages")


def move(**changed: Any) -> Move:
    return Move(**{"dyad": "D1", "session": 1, "track": "r1", "party": "client", "code": "wd", "onset": 0,
                   "row_id": 1} | changed)


# --- seconds ---------------------------------------------------------------------------------------------------


@given(st.integers(-(10**12), 10**12))
def test_whole_microseconds_survive_as_seconds(whole: int) -> None:
    assert seconds(whole / 1_000_000) == whole
    assert Coding(codebook=STAGES).in_seconds(whole) == whole / 1_000_000


@pytest.mark.parametrize("value", [1e-7, 0.5000004])
def test_what_is_finer_than_a_microsecond_is_refused(value: float) -> None:
    with pytest.raises(RecordError, match="finer than a microsecond; round it first"):
        seconds(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_seconds_are_finite(value: float) -> None:
    with pytest.raises(RecordError, match="expected a finite number of seconds"):
        seconds(value)


# --- labels ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("attribute", "value"), [
    *((name, allowed[0]) for name, allowed in ATTRIBUTES.items() if allowed), ("visibility", "unknown"),
    ("intensity", "anything"), ("a word of our own", "anything"),
])
def test_a_label_takes_its_values_unknown_and_what_a_study_adds(attribute: str, value: str) -> None:
    assert Label(subject_kind="episode", subject="E1", attribute=attribute, value=value).value == value


@pytest.mark.parametrize(("changed", "field", "says"), [
    ({"attribute": "outcome", "value": "repared"}, "value", r"expected one of repaired, .* or unknown for 'outcome' but got "
     r"'repared'; did you mean 'repaired'\?"),
    ({"attribute": "noticing", "value": "maybe"}, "value", "expected one of yes, no or unknown for 'noticing'"),
    ({"subject_kind": "episod"}, "subject_kind", r"expected one of episode, move, session, dyad, context but got 'episod'; "
     r"did you mean 'episode'\?"),
])
def test_a_label_refuses_other_values_and_subjects(changed: dict[str, str], field: str, says: str) -> None:
    with pytest.raises(RecordError, match=says) as told:
        Label(**{"subject_kind": "episode", "subject": "E1", "attribute": "x", "value": "y"} | changed)
    assert told.value.field == field


# --- how a study was coded -------------------------------------------------------------------------------------


def test_three_people_in_a_room_are_refused_with_a_sentence() -> None:
    with pytest.raises(RecordError, match=r"rupturekit models dyads, expected two parties but got 3 \(a, b, c\); "
                                          "code each pair as a dyad of its own"):
        Coding(codebook=STAGES, parties=("a", "b", "c"))  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="the two parties need two names but both are 'a'"):
        Coding(codebook=STAGES, parties=("a", "a"))


@pytest.mark.parametrize("length", [None, 0, -5])
def test_a_study_coded_by_segments_states_their_length(length: int | None) -> None:
    with pytest.raises(RecordError, match="states their length; 300, 60 and 30 seconds are all in use"):
        Coding(codebook=STAGES, time=TimeKind.SEGMENT, segment=length)
    assert Coding(codebook=STAGES, time=TimeKind.SEGMENT, segment=seconds(300)).segment == 300_000_000


@pytest.mark.parametrize("kind", [TimeKind.TURN, TimeKind.ORDER])
def test_turns_and_orders_have_no_seconds(kind: TimeKind) -> None:
    with pytest.raises(NoClock, match=f"records {kind}s, not a clock: there are no seconds"):
        Coding(codebook=STAGES, time=kind).in_seconds(3)


@pytest.mark.parametrize(("kind", "value", "said"), [
    (TimeKind.CLOCK, 0, "00:00"), (TimeKind.CLOCK, seconds(61.5), "01:01.5"), (TimeKind.CLOCK, seconds(3600), "1:00:00"),
    (TimeKind.CLOCK, 1, "00:00.000001"), (TimeKind.TURN, 7, "turn 7"), (TimeKind.ORDER, 7, "no. 7"),
])
def test_a_time_is_said_as_people_read_it(kind: TimeKind, value: int, said: str) -> None:
    assert Coding(codebook=STAGES, time=kind).when(value) == said


# --- episodes --------------------------------------------------------------------------------------------------


def test_an_episode_is_drawn_around_its_moves() -> None:
    moves = [move(onset=5), move(session=3, onset=2, row_id=2)]
    one = Episode.of(moves, coding=Coding(codebook=STAGES), episode="E7", rupture_type=RuptureType.MIXED)
    row = one.row
    assert (one.episode, row.dyad, row.track, row.rupture_type) == ("E7", "D1", "r1", RuptureType.MIXED)
    assert (row.first_session, row.onset, row.last_session, row.end) == (1, 5, 3, 2)
    assert one.new_session == (False, True)
    assert list(one) == moves
    assert len(one) == 2
    assert not one.closed_by_outcome


def test_an_episode_needs_a_move() -> None:
    with pytest.raises(RecordError, match="episode 'E1' has no moves; an episode holds at least the one that opens it"):
        Episode.of([], coding=Coding(codebook=STAGES))


@pytest.mark.parametrize("other", [{"track": "r2"}, {"dyad": "D2"}])
def test_two_readings_or_dyads_never_make_one_episode(other: dict[str, str]) -> None:
    with pytest.raises(RecordError, match="an episode is one reading of one dyad"):
        Episode.of([move(), move(row_id=2, **other)], coding=Coding(codebook=STAGES))


def test_an_episode_prints_its_moves_and_sessions() -> None:
    moves = [move(onset=seconds(5)), move(session=2, code="other", party=None, onset=0, row_id=2)]
    one = Episode.of(moves, coding=Coding(codebook=STAGES), rupture_type=RuptureType.WITHDRAWAL)
    assert str(one).splitlines() == [
        "Episode('E1', dyad 'D1', track 'r1', withdrawal, 2 moves, 00:05 to 00:00)",
        "     00:05  client     withdrawal marker", "  -- session 2 --", "     00:00  somebody   other"]
    assert repr(Episode.of(moves[:1], coding=one.coding)).endswith("track 'r1', 1 move, 00:05 to 00:05)")


def test_markup_in_an_episode_is_escaped() -> None:
    bad = "<script>"
    book = attrs.evolve(STAGES, codes=(Code(code="wd", label=bad),))
    one = Episode.of([move(party=bad, dyad=bad, track=bad), move(party=bad, dyad=bad, track=bad, code=bad, row_id=2)],
                     coding=Coding(codebook=book), episode=bad)
    assert "<script>" not in one._repr_html_()
    assert one._repr_html_().count("&lt;script&gt;") >= 7


# --- words and names in place of values ------------------------------------------------------------------------


def test_words_become_what_they_name() -> None:
    assert Track(name="m", kind="automatic").kind is TrackKind.AUTOMATIC
    assert Coding(codebook="stages") == Coding(codebook=STAGES)
    assert Coding(codebook=STAGES, time="turn").time is TimeKind.TURN


def test_unknown_words_are_sentences() -> None:
    with pytest.raises(RecordError, match=r"Track.kind: 'automatc' is not one of rater, consensus, automatic; did you mean"):
        Track(name="m", kind="automatc")
    with pytest.raises(RecordError, match=r"Coding.time: 'clocks' is not one of clock, .*; did you mean 'clock'\?"):
        Coding(codebook=STAGES, time="clocks")
    with pytest.raises(RecordError, match="Track.kind: 3 is not one of"):
        Track(name="m", kind=3)    # type: ignore[arg-type]
