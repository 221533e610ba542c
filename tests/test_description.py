"""The table that opens a paper: hand-counted on a small cohort, and laws that hold for any."""

from __future__ import annotations

import functools
import warnings
from collections import Counter, defaultdict
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.description import CodedTime, Description, ResolutionRating, SessionCounts, Spread, describe
from rupturekit.episode import (
    Coding,
    ContextEvent,
    Dyad,
    EpisodeRow,
    Label,
    Move,
    NeedStatement,
    ObservedStretch,
    Rating,
    Session,
    Track,
    seconds,
)
from rupturekit.errors import CodingWarning, NoClock, RecordError
from rupturekit.example import example_cohort
from rupturekit.vocabulary import (
    Attendance,
    ContextKind,
    Layer,
    MissingReason,
    Need,
    NeedMode,
    Perspective,
    RuptureType,
    SamplingPoint,
    TherapyEnd,
    TimeKind,
    TrackKind,
)

STAGES = Coding(codebook=load_codebook("stages"))
TURNS = Coding(codebook=load_codebook("stages"), time=TimeKind.TURN)
MINUTE = seconds(60)


def move(row_id: int, dyad: str, session: int, who: str | None, code: str, onset: int, **more: Any) -> Move:
    return Move(row_id=row_id, dyad=dyad, session=session, party=who, code=code, onset=onset,
                **{"track": "r1", **more})


def stretch(dyad: str, session: int, track: str, start: int, end: int) -> ObservedStretch:
    return ObservedStretch(dyad=dyad, session=session, track=track, start=start, end=end)


def quietly(cohort: Cohort, *, track: str | None = None) -> Description:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        return describe(cohort, track=track)


def value(described: Description, section: str, name: str) -> str:
    """Return the one value in the rows whose section and name begin so."""
    found = [said for where, what, said in described.rows()
             if where.startswith(section) and what.startswith(name)]
    assert len(found) == 1, (section, name, found)
    return found[0]


# Hand-counted

MOVES = [
    move(1, "D1", 1, "client", "wd", 10, rating=3, rater="Ann"),
    move(2, "D1", 1, "client", "wd", 20, rating=4.5, rater="Ann"),
    move(3, "D1", 1, "therapist", "invite", 30),
    move(4, "D1", 1, "therapist", "wd", 40),
    move(5, "D2", 1, "client", "cf", 5, rating=2, rater="Ann"),
    move(6, "D2", 1, None, "curious", 6),
    move(7, "D3", 1, "client", "wd", 1),
    move(8, "D1", 1, "client", "wd", 11, track="r2", rating=5),
]


ALLIANCE = Rating(dyad="D1", session=1, perspective=Perspective.CLIENT, measure="alliance", value=5.0)


def by_hand(**more: Any) -> Cohort:
    """Three dyads: D1 with a missed session, D2 with one nobody is sure of, D3 with hardly a record."""
    given: dict[str, Any] = {
        "dyads": [Dyad(dyad="D1", therapist="T1", therapy_end=TherapyEnd.AGREED),
                  Dyad(dyad="D2", therapist="T1", therapy_end=TherapyEnd.UNILATERAL)],
        "sessions": [
            Session(dyad="D1", session=1, attended=Attendance.YES, duration=50 * MINUTE),
            Session(dyad="D1", session=2, attended=Attendance.NO),
            Session(dyad="D2", session=1, attended=Attendance.YES, duration=30 * MINUTE),
            Session(dyad="D2", session=2, attended=Attendance.UNKNOWN),
            Session(dyad="D3", session=1),
        ],
        "observed": [stretch("D1", 1, "r1", 0, 20 * MINUTE), stretch("D1", 1, "r1", 25 * MINUTE, 50 * MINUTE),
                     stretch("D1", 1, "r2", 0, 50 * MINUTE)],
        "ratings": [ALLIANCE],
    }
    return Cohort.of(MOVES, coding=STAGES, **{**given, **more})


def test_dyads_therapists_and_sessions() -> None:
    told = describe(by_hand())
    assert (told.n_dyads, told.n_therapists, told.n_without_therapist) == (3, 1, 1)
    assert told.sessions == SessionCounts(held=2, missed=1, unknown=1, not_recorded=1)
    assert told.sessions.total == 5
    assert told.therapy_ends == (("agreed", 1), ("unilateral", 1), ("not recorded", 1))
    assert value(told, "Study", "therapists") == "1 therapist, known for 2 of 3 dyads"
    assert value(told, "Study", "missed") == "1 of 5 sessions"
    assert value(told, "Study", "attendance unknown") == "1 of 5 sessions"
    assert value(told, "Study", "attendance not recorded") == "1 of 5 sessions"
    assert value(told, "End of the therapy", "unilateral") == "1 of 3 dyads"


def test_sessions_and_dyads_count_wherever_they_are_on_record() -> None:
    told = describe(by_hand(
        ratings=[attrs.evolve(ALLIANCE, dyad="D4", session=3)],
        observed=[stretch("D5", 1, "r1", 0, 1), stretch("D1", 1, "r1", 0, 1), stretch("D1", 1, "r2", 0, 1)],
        needs=[NeedStatement(dyad="D6", party="client", need=Need.AGENCY, mode=NeedMode.WANTED,
                             layer=Layer.LATENT)],
        context=[ContextEvent(event="C1", dyad="D7", kind=ContextKind.OTHER)]))
    assert (told.n_dyads, told.sessions.total, told.sessions.not_recorded) == (7, 7, 3)


def test_what_a_track_read() -> None:
    first, second = describe(by_hand()).tracks
    assert (first.track, first.n_moves, first.n_coded, first.n_dyads) == ("r1", 7, 3, 3)
    assert first.raters == ((None, 4), ("Ann", 3))
    assert (first.n_partial, first.n_uncoded, first.has_stretches, first.n_episodes) == (1, 1, True, 0)
    assert first.n_segments is None
    assert not {"wd", "cf", "invite", "curious"} & set(first.unused)
    assert len(first.unused) == len(STAGES.codebook.codes) - 4
    assert (second.n_moves, second.n_coded, second.n_partial, second.n_uncoded) == (1, 1, 0, 3)


def test_coded_time_says_where_it_is_known_from() -> None:
    first, second = describe(by_hand()).tracks
    assert first.time == CodedTime(kind=TimeKind.CLOCK, observed=45 * MINUTE, n_observed=1,
                                   lengths=30 * MINUTE, n_lengths=1, n_unknown=1)
    assert first.time.total == 75 * MINUTE
    assert first.time.minutes == 75.0
    assert second.time.minutes == 50.0
    told = describe(by_hand())
    assert value(told, "Track r1", "coded time") == (
        "75.0 minutes, 1 session by observed stretches, 1 session by the session's length, "
        "1 session of unknown length")
    assert value(told, "Track r1", "coded in part") == "1 of 3 coded sessions"
    assert value(told, "Track r1", "further sessions") == "1 session, not coded"
    assert value(told, "Track r1", "raters") == "not recorded (4 moves), Ann (3 moves)"


def test_time_that_is_not_known_is_not_zero() -> None:
    told = quietly(Cohort.of(MOVES, coding=STAGES))
    assert told.tracks[0].time.total is None
    assert told.tracks[0].time.minutes is None
    assert value(told, "Track r1", "coded time") == "not known, 3 sessions of unknown length"
    assert value(told, "Study", "therapists") == "not recorded"


def test_code_frequencies_by_track_and_party() -> None:
    told = describe(by_hand())
    found = [(each.track, each.party, each.code, each.n_moves, each.n_sessions, each.rating)
             for each in told.codes]
    assert found == [
        ("r1", "client", "wd", 3, 2, Spread(n=2, mean=3.75, low=3.0, high=4.5)),
        ("r1", "client", "cf", 1, 1, Spread(n=1, mean=2.0, low=2.0, high=2.0)),
        ("r1", "therapist", "wd", 1, 1, None),
        ("r1", "therapist", "invite", 1, 1, None),
        ("r1", None, "curious", 1, 1, None),
        ("r2", "client", "wd", 1, 1, Spread(n=1, mean=5.0, low=5.0, high=5.0)),
    ]
    assert {(each.track, each.of_moves, each.of_sessions) for each in told.codes} == {
        ("r1", 7, 3), ("r2", 1, 1)}
    assert {(each.n_segments, each.of_segments) for each in told.codes} == {(None, None)}
    head = "Codes of the client, track r1 (of 7 moves in 3 coded sessions)"
    assert value(told, head, "wd: withdrawal marker") == (
        "3 moves, 2 of 3 sessions, rating mean 3.75, 3 to 4.5, n 2")
    assert value(told, "Codes of nobody named, track r1", "curious") == "1 move, 1 of 3 sessions"


def test_sessions_with_a_marker_by_type_party_and_track() -> None:
    told = describe(by_hand())
    found = {(each.type, each.party): (each.n_sessions, each.n_moves)
             for each in told.markers if each.track == "r1"}
    away, against = RuptureType.WITHDRAWAL, RuptureType.CONFRONTATION
    assert found == {
        (away, "client"): (2, 3), (away, "therapist"): (1, 1), (away, None): (2, 4),
        (against, "client"): (1, 1), (against, "therapist"): (0, 0), (against, None): (1, 1),
        (None, "client"): (3, 4), (None, "therapist"): (1, 1), (None, None): (3, 5),
    }
    assert {each.of_sessions for each in told.markers if each.track == "r1"} == {3}
    head = "Sessions with at least one marker, track r1 (of 3 coded sessions)"
    assert value(told, head, "withdrawal, client") == "2 of 3 sessions, 66.7 %, 3 moves"
    assert value(told, head, "confrontation, therapist") == "0 of 3 sessions, 0.0 %, 0 moves"
    assert value(told, head, "any type, either party") == "3 of 3 sessions, 100.0 %, 5 moves"


def test_a_marker_of_somebody_not_named_counts_for_either_party_only() -> None:
    told = quietly(Cohort.of([move(1, "D1", 1, None, "wd", 0)], coding=STAGES))
    found = {(each.type, each.party): each.n_sessions for each in told.markers}
    assert found[RuptureType.WITHDRAWAL, None] == 1
    assert found[RuptureType.WITHDRAWAL, "client"] == found[RuptureType.WITHDRAWAL, "therapist"] == 0


def test_what_the_codebook_cannot_show_is_not_zero() -> None:
    book = load_codebook("3rs-2015")
    code = book.codes_for("withdrawal_marker")[0]
    told = quietly(Cohort.of([move(1, "D1", 1, "client", code, 0)], coding=Coding(codebook=book)))
    therapist = [each for each in told.markers if each.party == "therapist"]
    assert {each.codable for each in therapist} == {False}
    assert {each.percent for each in therapist} == {None}
    assert value(told, "Sessions with at least", "withdrawal, therapist") == "no code for it"
    assert value(told, "Sessions with at least", "withdrawal, client") == "1 of 1 session, 100.0 %, 1 move"


def test_a_track_that_looked_and_saw_nothing_is_there() -> None:
    told = quietly(by_hand(observed=[stretch("D1", 1, "r3", 0, MINUTE)]), track="r3")
    assert [(each.track, each.n_moves, each.n_coded) for each in told.tracks] == [("r3", 0, 1)]
    assert told.codes == ()
    assert {(each.n_sessions, each.of_sessions, each.percent) for each in told.markers} == {(0, 1, 0.0)}


def test_a_track_that_was_only_declared_has_no_coded_session() -> None:
    told = describe(by_hand(tracks=[Track(name="auto", kind=TrackKind.AUTOMATIC)]), track="auto")
    assert told.tracks[0].kind is TrackKind.AUTOMATIC
    assert value(told, "Track auto (automatic)", "coded time") == "not known, no coded session"
    assert value(told, "Track auto (automatic)", "raters") == "not recorded"
    assert value(told, "Track auto (automatic)", "further sessions") == (
        "4 sessions, without moves: coded or not is not known")
    assert value(told, "Sessions with at least one marker", "withdrawal, client") == "no coded session"


# Segments and turns

def in_segments(**more: Any) -> Cohort:
    coding = Coding(codebook=load_codebook("stages"), time=TimeKind.SEGMENT, segment=seconds(300))
    moves = [move(1, "D1", 1, "client", "wd", 0), move(2, "D1", 1, "client", "wd", seconds(299)),
             move(3, "D1", 1, "client", "wd", seconds(300)), move(4, "D1", 2, "client", "wd", 0)]
    return Cohort.of(moves, coding=coding, **more)


def test_studies_coded_by_segments_count_segments() -> None:
    observed = [
        stretch("D1", 1, "r1", 0, 0),    # touches nothing
        stretch("D1", 1, "r1", 0, seconds(400)),    # segments 0 and 1
        stretch("D1", 1, "r1", seconds(450), seconds(900)),    # 1 again, and 2
        stretch("D1", 1, "r1", seconds(1000), seconds(1000)),    # nothing
        stretch("D1", 3, "r1", 0, seconds(300)),    # 0
        stretch("D1", 4, "r1", 0, 0),    # nothing
    ]
    sessions = [Session(dyad="D1", session=2, duration=seconds(601), attended=Attendance.YES)]
    told = quietly(in_segments(observed=observed, sessions=sessions))
    assert told.segment == seconds(300)
    assert told.tracks[0].n_segments == 3 + 3 + 1
    assert told.tracks[0].n_partial == 0    # the length of session 1 is not known
    [code] = told.codes
    assert (code.n_moves, code.n_segments, code.of_segments, code.n_sessions) == (4, 3, 7, 2)
    assert value(told, "Codes of the client", "wd") == "4 moves, 2 of 4 sessions, 3 of 7 segments"
    assert value(told, "Sessions with", "withdrawal, client") == (
        "2 of 4 sessions, 50.0 %, 4 moves, 3 of 7 segments")
    assert value(told, "Study", "coded with").endswith("time by segment of 300 s; client and therapist")


def test_segments_of_an_unknown_number_are_not_divided_by_one() -> None:
    told = quietly(in_segments(observed=[stretch("D1", 1, "r1", 0, seconds(900))]))
    assert told.tracks[0].n_segments is None
    assert value(told, "Codes of the client", "wd") == "4 moves, 2 of 2 sessions, 3 segments"


def test_a_study_without_a_clock_counts_turns() -> None:
    told = quietly(Cohort.of([move(1, "D1", 1, "client", "wd", 7)], coding=TURNS,
                             observed=[stretch("D1", 1, "r1", 0, 40)]))
    time = told.tracks[0].time
    assert (time.total, str(time)) == (40, "40 turns")
    with pytest.raises(NoClock, match=r"records turns, not a clock: there are no minutes; use `total`"):
        _ = time.minutes
    assert str(attrs.evolve(time, kind=TimeKind.ORDER, observed=1)) == "1 position"
    assert told.segment is None


# Resolution

def test_session_ratings_of_resolution_by_source_with_reasons_for_what_is_absent() -> None:
    def rated(session: int, value: float | None, **more: Any) -> Rating:
        return Rating(dyad="D1", session=session, perspective=Perspective.OBSERVER, measure="3RS Resolution",
                      value=value, **more)

    told = describe(by_hand(ratings=[
        rated(1, 4.0, rater="r1"), rated(2, 1.5, rater="r1"), rated(3, None, rater="r1"),
        rated(4, None, rater="r1", missing=MissingReason.BY_DESIGN),
        rated(5, None, rater="r1", missing=MissingReason.UNKNOWN), rated(1, 5.0, rater="r2"),
        rated(1, None, sampling=SamplingPoint.POST, missing=MissingReason.NOT_COMPLETED),
        Rating(dyad="D1", session=1, perspective=Perspective.CLIENT, measure="alliance", value=9.0),
    ]))
    first, second, post = told.resolution
    assert (first.measure, first.of, first.rater, first.n) == ("3RS Resolution", "session", "r1", 2)
    assert first.spread == Spread(n=2, mean=2.75, low=1.5, high=4.0)
    assert first.absent == (("by_design", 1), ("no reason given", 1), ("unknown", 1))
    assert (second.rater, second.n, second.absent) == ("r2", 1, ())
    assert (post.n, post.spread, post.sampling, post.absent) == (0, None, "post", (("not_completed", 1),))
    assert value(told, "Resolution", "3RS Resolution by r1, observer (session)") == (
        "2 ratings, mean 2.75, 1.5 to 4, absent: by design 1, no reason given 1, unknown 1")


def coded_episodes(**more: Any) -> Cohort:
    def label(subject: str, attribute: str, value: str, **said: Any) -> Label:
        return Label(subject_kind="episode", subject=subject, attribute=attribute, value=value, **said)

    places = (("E1", "r1", 10), ("E2", "r1", 20), ("E3", "r1", 30), ("F1", "r2", 11))
    rows = [EpisodeRow(episode=name, dyad="D1", track=track, first_session=1, onset=at, last_session=1,
                       end=at) for name, track, at in places]
    labels = [
        label("E1", "rated_resolution", "4", rater="r1"),
        label("E2", "rated_resolution", "unknown", rater="r1"),
        label("F1", "rated_resolution", "2.5", rater="r1"), label("E1", "rated_resolution", "much better"),
        label("E1", "reported_resolution", "yes", perspective=Perspective.CLIENT, party="client"),
        label("E2", "reported_resolution", "partly", perspective=Perspective.CLIENT, party="client"),
        Label(subject_kind="session", subject="D1/1", attribute="rated_resolution", value="3"),
        label("E1", "outcome", "repaired"),
    ]
    return by_hand(episodes=rows, labels=labels, **more)


def test_labels_of_resolution_by_source_and_never_merged() -> None:
    told = describe(coded_episodes())
    found = {(each.measure, each.of, each.rater, each.perspective): each for each in told.resolution}
    assert len(found) == len(told.resolution) == 4
    rated = found["rated_resolution", "episode", "r1", None]
    assert rated == ResolutionRating(
        measure="rated_resolution", of="episode", perspective=None, sampling=None, party=None, rater="r1",
        n=2, spread=Spread(n=2, mean=3.25, low=2.5, high=4.0), words=(),
        absent=(("not stated", 1), ("unknown", 1)))
    words = found["rated_resolution", "episode", None, None]
    assert (words.n, words.spread, words.words) == (1, None, (("much better", 1),))
    assert words.absent == (("not stated", 3),)
    assert found["rated_resolution", "session", None, None].absent == ()
    assert value(told, "Resolution", "rated_resolution by nobody named (session)") == (
        "1 rating, mean 3.00, 3 to 3")
    assert value(told, "Resolution", "reported_resolution by client, client (episode)") == (
        "2 ratings, partly 1, yes 1, absent: not stated 2")


def test_one_track_leaves_out_labels_on_episodes_of_the_other() -> None:
    told = describe(coded_episodes(), track="r1")
    [rated] = [each for each in told.resolution if each.rater == "r1"]
    assert (rated.n, rated.spread) == (1, Spread(n=1, mean=4.0, low=4.0, high=4.0))
    assert told.tracks[0].n_episodes == 3
    assert describe(coded_episodes(), track="r2").tracks[0].n_episodes == 1


def test_numbers_beside_words_say_how_many_they_are() -> None:
    labels = [Label(subject_kind="session", subject=f"D1/{n}", attribute="rated_resolution", value=said)
              for n, said in enumerate(("4", "good", "2"))]
    told = describe(by_hand(labels=labels))
    assert value(told, "Resolution", "rated_resolution") == "3 ratings, mean 3.00, 2 to 4, n 2, good 1"


def test_a_mean_is_exact_whatever_the_size_and_order() -> None:
    values = [1e308, 1e308, 1.0, -1e308, -1e308, 2.0]
    ratings = [attrs.evolve(ALLIANCE, session=n, measure="resolution", value=each)
               for n, each in enumerate(values)]
    told = [describe(by_hand(ratings=some)).resolution for some in (ratings, ratings[::-1])]
    assert told[0] == told[1]
    assert told[0][0].spread is not None
    assert told[0][0].spread.mean == 0.5


# Events around the sessions

def test_events_with_their_explanations_are_no_ruptures() -> None:
    def taken(event: str, meaning: str) -> Label:
        return Label(subject_kind="context", subject=event, attribute="explanation", value=meaning)

    events = [ContextEvent(event=name, dyad="D1", kind=kind) for name, kind in (
        ("C1", ContextKind.MISSED_SESSION), ("C2", ContextKind.MISSED_SESSION), ("C3", ContextKind.HOLIDAY),
        ("C4", ContextKind.MISSED_SESSION))]
    labels = [taken("C1", "practical"), taken("C1", "relational"), taken("C1", "practical"),
              taken("C2", "practical"), taken("C2", "unknown"),
              Label(subject_kind="episode", subject="C3", attribute="explanation", value="relational")]
    told, bare = describe(by_hand(context=events, labels=labels)), describe(by_hand())
    missed, holiday = told.context
    assert (missed.kind, missed.n, missed.explanations) == (
        "missed_session", 3, (("practical", 2), ("relational", 1), ("unknown", 1)))
    assert (missed.n_competing, missed.n_unexplained) == (1, 1)
    assert (holiday.n, holiday.explanations, holiday.n_unexplained) == (1, (), 1)
    assert told.markers == bare.markers
    assert told.codes == bare.codes
    assert value(told, "Events around the sessions (none is counted as a rupture)", "missed session") == (
        "3 events, taken as practical 2, relational 1, unknown 1; not explained 1; "
        "with explanations that compete 1")
    assert value(told, "Events", "holiday") == "1 event, not explained 1"


# What is odd

def test_one_reading_is_told() -> None:
    with pytest.warns(CodingWarning) as told:
        described = describe(by_hand().of(MOVES[:7], coding=STAGES, observed=[
            stretch(dyad, 1, "r1", 0, MINUTE) for dyad in ("D1", "D2", "D3")], ratings=by_hand().ratings))
    assert [str(each.message) for each in told] == [
        "one reading only (track 'r1'): how far another rater would agree is not known"]
    assert described.notes == (str(told[0].message),)
    assert value(described, "Notes", "1") == described.notes[0]
    assert told[0].filename == __file__


def test_a_consensus_of_raters_is_not_one_reading() -> None:
    cohort = Cohort.of(MOVES[:1], coding=STAGES, tracks=[Track(name="r1", kind=TrackKind.CONSENSUS)],
                       observed=[stretch("D1", 1, "r1", 0, MINUTE)], ratings=by_hand().ratings)
    assert describe(cohort).notes == ()


@pytest.mark.parametrize(("kind", "more", "perspective"), [
    (TrackKind.RATER, {}, "observer"), (TrackKind.AUTOMATIC, {}, "automatic"),
    (TrackKind.RATER, {"perspective": Perspective.THERAPIST}, "therapist"),
])
def test_one_perspective_is_told(kind: TrackKind, more: dict[str, Any], perspective: str) -> None:
    moves = [move(1, "D1", 1, "client", "wd", 0, track="a", **more),
             move(2, "D1", 1, "client", "wd", 0, track="b", **more)]
    cohort = Cohort.of(moves, coding=STAGES, tracks=[Track(name="a", kind=kind), Track(name="b", kind=kind)],
                       observed=[stretch("D1", 1, track, 0, MINUTE) for track in "ab"])
    with pytest.warns(CodingWarning, match=rf"every record is from one perspective \({perspective}\)"):
        assert len(describe(cohort).notes) == 1


def test_tracks_without_observed_stretches_are_told() -> None:
    cohort = by_hand(observed=[stretch("D1", 1, "r1", 0, MINUTE)])
    with pytest.warns(CodingWarning, match="no observed stretches for track r2: whole sessions are taken"):
        describe(cohort)
    assert describe(cohort, track="r1").notes == ()


def test_missed_sessions_with_moves_are_told() -> None:
    cohort = by_hand(sessions=[Session(dyad="D1", session=1, attended=Attendance.NO)])
    with pytest.warns(CodingWarning, match=r"recorded as missed hold moves \(D1 session 1\): check"):
        describe(cohort)


def test_an_empty_cohort_is_told_without_a_warning() -> None:
    told = describe(Cohort.of([], coding=STAGES))
    assert (told.n_dyads, told.sessions.total, told.tracks, told.notes) == (0, 0, (), ())
    assert repr(told) == "Description(0 dyads, 0 sessions, tracks none, 0 moves)"
    assert "0 dyads" in str(told)


def test_a_track_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(RecordError, match="there is no track 'r9'"):
        describe(by_hand(), track="r9")


# How it reads

def test_the_text_of_the_example_stays_within_a_hundred_columns_and_in_line() -> None:
    text = str(describe(example_cohort()))
    assert max(map(len, text.splitlines())) <= 100
    rows = [line for line in text.splitlines() if line.startswith(("  wd:", "  qual-assert:"))]
    assert len({line.index(" moves") for line in rows[:2]}) == 1
    assert len({line.index(" of 3") for line in rows[:2]}) == 1


def test_cells_stand_in_columns_with_their_numbers_to_the_right() -> None:
    text = str(describe(example_cohort(), track="r1"))
    _, _, after = text.partition("Sessions with at least one marker, track r1 (of 31 coded sessions)\n")
    assert after.splitlines()[:5] == [
        "  withdrawal, client           14 of 31 sessions  45.2 %  26 moves",
        "  withdrawal, therapist         3 of 31 sessions   9.7 %   4 moves *",
        "  withdrawal, either party     15 of 31 sessions  48.4 %  30 moves",
        "  confrontation, client        14 of 31 sessions  45.2 %  22 moves",
        "  confrontation, therapist      2 of 31 sessions   6.5 %   2 moves *",
    ]
    _, _, after = text.partition("Resolution, by source (never merged)\n")
    assert after.splitlines()[:4] == [
        "  rated_resolution by r1, observer (e…   4 ratings  mean 3.25, 1 to 5 *",
        "  rated_resolution by r2, observer (e…   2 ratings  mean 3.50, 3 to 4      absent: not stated 1,",
        "                                        unknown 1 *",
        "  reported_resolution by client (epis…   3 ratings  partly 1, yes 2        absent: not stated 1 *",
    ]
    assert "  codes not used       neg-mixed\n" in text


def test_a_name_is_cut_only_where_the_line_would_be_too_long() -> None:
    def told(length: int) -> str:
        measure = "resolution".ljust(length, "x")
        return str(describe(by_hand(ratings=[attrs.evolve(ALLIANCE, measure=measure)])))

    # Two blanks, the name, two blanks, the value of 27 characters, and a mark.
    longest = 100 - 2 - len("x by client (session)") + 1 - 2 - len("1 rating  mean 5.00, 5 to 5") - 2
    assert "…" not in told(longest)
    assert "(sessio…  1 rating" in told(longest + 1)


def test_long_names_give_way_and_long_lines_are_wrapped() -> None:
    told = describe(by_hand(ratings=[attrs.evolve(ALLIANCE, measure="resolution" + "x" * 150)]))
    assert max(map(len, str(told).splitlines())) <= 100
    assert "xx…  1 rating" in str(told)
    assert any("x" * 150 in name for _, name, _ in told.rows())


def test_small_cells_are_marked_and_counted() -> None:
    told = describe(by_hand())
    marked = [line for line in str(told).splitlines() if line.endswith(" *")]
    assert any(line.split()[:2] == ["missed", "1"] for line in marked)
    assert not any("confrontation, therapist" in line and " 0 of 3 " in line for line in marked)
    assert value(told, "Before sharing", "small cells") == (
        f"{len(marked)} rows, marked *, with a count of 1 to 4: such cells can point to a person")


def test_nothing_small_needs_no_mark() -> None:
    sessions = [Session(dyad=f"D{n}", session=1, attended=Attendance.YES) for n in range(5)]
    told = quietly(Cohort.of([], coding=STAGES, sessions=sessions))
    assert "*" not in str(told)
    assert all(section != "Before sharing" for section, _, _ in told.rows())


def test_the_page_escapes_what_studies_call_things() -> None:
    page = describe(by_hand(tracks=[Track(name="<b>&")]))._repr_html_()
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page
    assert page.count("<tbody>") == page.count("</tbody>") == len(dict.fromkeys(
        section for section, _, _ in describe(by_hand(tracks=[Track(name="<b>&")])).rows()))


def test_text_page_and_rows_say_the_same() -> None:
    told = describe(by_hand())
    page, text = told._repr_html_(), " ".join(str(told).split())
    for section, name, said in told.rows():
        assert section in text
        assert f">{name}<".replace("'", "&#x27;") in page
        assert said.split(",")[0] in text


def test_a_description_says_what_it_was_made_of() -> None:
    cohort = by_hand()
    told = describe(cohort, track="r2")
    assert (told.provenance.cohort, told.provenance.track, told.provenance.rules) == (cohort.digest, "r2", ())
    assert repr(told) == "Description(3 dyads, 5 sessions, tracks r2, 1 move)"


# Laws

CODES = ("wd", "cf", "invite", "self-assert")


@st.composite
def moves(draw: st.DrawFn, *, tracks: tuple[str, ...] = ("r1", "r2"), start: int = 0) -> list[Move]:
    rows = draw(st.lists(st.tuples(
        st.sampled_from(("D1", "D2", "D3")), st.integers(1, 3), st.sampled_from(tracks),
        st.sampled_from(("client", "therapist", None)), st.sampled_from(CODES), st.integers(0, 900),
        st.none() | st.integers(1_000, 5_000), st.none() | st.sampled_from(("Ann", "Ben"))), max_size=25))
    return [Move(row_id=start + n, dyad=dyad, session=session, track=track, party=party, code=code,
                 rater=rater, onset=seconds(onset), rating=None if rating is None else rating / 1000)
            for n, (dyad, session, track, party, code, onset, rating, rater) in enumerate(rows)]


def around(coding: Coding, held: list[Move], **more: Any) -> Cohort:
    observed = [stretch(dyad, 1, track, 0, seconds(400)) for dyad in ("D1", "D2") for track in ("r1", "r2")]
    given: dict[str, Any] = {"sessions": [Session(dyad="D1", session=2, duration=seconds(1_000)),
                                          Session(dyad="D2", session=3, attended=Attendance.NO)],
                             "observed": observed}
    return Cohort.of(held, coding=coding, **{**given, **more})


CODINGS = st.sampled_from([STAGES, TURNS, attrs.evolve(STAGES, time=TimeKind.SEGMENT, segment=seconds(60))])


@functools.cache
def around_the_moves() -> dict[str, list[Any]]:
    """Some of the example's tables, as rows."""
    example = example_cohort()
    resolution = [label for label in example.labels if "resolution" in label.attribute]
    explanations = [label for label in example.labels if label.attribute == "explanation"]
    return {"labels": resolution + explanations, "context": list(example.context),
            "ratings": [rating for rating in example.ratings if rating.measure == "resolution"][:20]}


@given(moves(), CODINGS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(held: list[Move], coding: Coding, chance: Any) -> None:
    tables = around_the_moves()
    mixed = {name: chance.sample(rows, len(rows)) for name, rows in tables.items()}
    one = quietly(around(coding, held, **tables))
    assert one == quietly(around(coding, chance.sample(held, len(held)), **mixed))


@given(moves(), CODINGS)
def test_frequencies_add_up_to_the_moves(held: list[Move], coding: Coding) -> None:
    told = quietly(around(coding, held))
    assert sum(each.n_moves for each in told.codes) == len(held) == sum(each.n_moves for each in told.tracks)
    for track in told.tracks:
        assert sum(each.n_moves for each in told.codes if each.track == track.track) == track.n_moves
        assert sum(n for _, n in track.raters) == track.n_moves


@given(moves(), CODINGS)
def test_frequencies_agree_with_the_plain_loop(held: list[Move], coding: Coding) -> None:
    told = quietly(around(coding, held))
    groups: dict[tuple[str, str | None, str], list[Move]] = defaultdict(list)
    for each in held:
        groups[each.track, each.party, each.code].append(each)
    assert Counter((each.track, each.party, each.code) for each in told.codes) == dict.fromkeys(groups, 1)
    for code in told.codes:
        here = groups[code.track, code.party, code.code]
        rated = [each.rating for each in here if each.rating is not None]
        assert code.n_moves == len(here)
        assert code.n_sessions == len({(each.dyad, each.session) for each in here})
        assert (code.rating.n if code.rating else 0) == len(rated)
        if code.rating:
            assert (code.rating.low, code.rating.high) == (min(rated), max(rated))
            assert code.rating.mean == pytest.approx(sum(rated) / len(rated), rel=1e-12)
        if coding.segment:
            assert code.n_segments == len({(m.dyad, m.session, m.onset // coding.segment) for m in here})


@given(moves(), CODINGS)
def test_marker_sessions_agree_with_the_plain_loop(held: list[Move], coding: Coding) -> None:
    marks = {"wd": RuptureType.WITHDRAWAL, "cf": RuptureType.CONFRONTATION}
    for each in quietly(around(coding, held)).markers:
        here = [m for m in held if m.track == each.track and m.code in marks
                and each.type in (None, marks[m.code]) and each.party in (None, m.party)]
        assert each.n_moves == len(here)
        assert each.n_sessions == len({(m.dyad, m.session) for m in here}) <= each.of_sessions


@given(moves(tracks=("r1",)), moves(tracks=("r2",), start=100), CODINGS)
def test_a_second_track_changes_no_number_of_the_first(one: list[Move], other: list[Move],
                                                        coding: Coding) -> None:
    observed = [stretch("D1", 1, "r1", 0, seconds(400))]
    alone = quietly(around(coding, one, observed=observed, tracks=[Track(name="r1")]))
    beside = around(coding, one + other, observed=[*observed, stretch("D2", 1, "r2", 0, seconds(400))],
                    tracks=[Track(name="r1")])
    picked, both = quietly(beside, track="r1"), quietly(beside)
    assert attrs.evolve(picked, notes=()) == attrs.evolve(alone, notes=())
    for part in ("tracks", "codes", "markers"):
        assert tuple(each for each in getattr(both, part) if each.track == "r1") == getattr(alone, part)


@given(moves())
def test_shifting_all_times_changes_no_count(held: list[Move]) -> None:
    later = [attrs.evolve(each, onset=each.onset + seconds(77)) for each in held]
    assert quietly(Cohort.of(held, coding=STAGES)) == quietly(Cohort.of(later, coding=STAGES))
