"""Cohorts: objects and columns are two faces of one thing, and every cross-row check tells its place."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit._table import Table
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort, choose_track, iterate_sessions, warn_if_unobserved
from rupturekit.episode import (
    Coding,
    ContextEvent,
    Dyad,
    EpisodeRow,
    Label,
    Member,
    Move,
    NeedStatement,
    ObservedStretch,
    Rating,
    Session,
    Track,
)
from rupturekit.errors import CodingWarning, InvalidRecords, RecordError
from rupturekit.problems import Problem, ProblemLog
from rupturekit.segmentation import segment
from rupturekit.vocabulary import Layer, Need, NeedMode, TimeKind, TrackKind
from strategies import Parts, parts, records

STAGES = Coding(codebook=load_codebook("stages"))


def move(row_id: int = 1, **changed: Any) -> Move:
    return Move(**{"dyad": "D1", "session": 1, "track": "r1", "party": "client", "code": "wd", "onset": 0,
                   "row_id": row_id} | changed)


def row(**changed: Any) -> EpisodeRow:
    return EpisodeRow(**{"episode": "E1", "dyad": "D1", "track": "r1", "first_session": 1, "onset": 0, "last_session": 1,
                         "end": 9} | changed)


def problems(*moves: Move, **tables: Any) -> list[tuple[str, str]]:
    """Return what is wrong with a cohort, as (kind, message)."""
    with pytest.raises(InvalidRecords) as told:
        Cohort.of(moves, coding=STAGES, **tables)
    return [(problem.kind, str(problem)) for problem in told.value.problems]


# --- objects and columns ---------------------------------------------------------------------------------------


@given(parts(tracks=("r1", "r2")))
def test_a_cohort_of_the_objects_of_a_cohort_is_the_cohort(study: Parts) -> None:
    cohort = study.cohort()
    again = Cohort.of(
        list(cohort.moves), coding=cohort.coding, sessions=list(cohort.sessions), observed=list(cohort.observed),
        episodes=[one.row for one in cohort.coded_episodes], labels=list(cohort.labels), tracks=cohort.tracks,
        members=[Member(episode=one.episode, row_id=m.row_id) for one in cohort.coded_episodes for m in one])
    assert again == cohort
    assert again.digest == cohort.digest
    assert list(again.episodes) == list(cohort.episodes)


@given(parts(tracks=("r1", "r2")), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_is_irrelevant(study: Parts, random: Any) -> None:
    turned = {name: random.sample(rows, len(rows)) for name in ("moves", "sessions", "observed", "episodes", "members")
              for rows in [getattr(study, name)]}
    other = attrs.evolve(study, **turned).cohort()
    assert other == study.cohort()
    assert other.digest == study.cohort().digest


@given(parts(tracks=("r1", "r2")))
def test_pickle_and_deepcopy_of_a_cohort_are_equal_and_read_only(study: Parts) -> None:
    cohort = study.cohort()
    for other in (pickle.loads(pickle.dumps(cohort)), copy.deepcopy(cohort)):
        assert other == cohort
        assert other.digest == cohort.digest
        held = [*other.moves.arrays.values(), *other.coded.rows.arrays.values(), other.columns.members,
                other.columns.offsets, other.columns.new_session]
        assert not any(values.flags.writeable for values in held)


@given(parts(tracks=("r1", "r2")))
def test_an_episode_holds_its_members_or_the_moves_in_its_stretch(study: Parts) -> None:
    cohort = study.cohort()
    for one in cohort.episodes:
        named = [m.row_id for m in study.members if m.episode == one.episode]
        start, end = (one.row.first_session, one.row.onset), (one.row.last_session, one.row.end)
        inside = [m.row_id for m in study.moves if (m.dyad, m.track) == (one.row.dyad, one.row.track)
                  and start <= (m.session, m.onset) <= end]
        assert sorted(m.row_id for m in one.moves) == sorted(named or inside)
        keys = [(m.session, m.onset, m.tie, m.row_id) for m in one.moves]
        assert keys == sorted(keys)
        assert one.labels == tuple(label for label in study.labels if label.subject == one.episode)


@given(parts(tracks=("r1", "r2")), st.data())
def test_episodes_are_picked_as_from_a_list(study: Parts, data: st.DataObject) -> None:
    episodes = study.cohort().episodes
    held = list(episodes)
    low, high = data.draw(st.integers(-3, 3)), data.draw(st.integers(-3, 3))
    assert list(episodes[low:high]) == held[low:high]
    assert list(reversed(episodes)) == held[::-1]
    for at, one in enumerate(held):
        assert episodes[at] == episodes[at - len(held)] == episodes.named(one.episode) == one
    with pytest.raises(IndexError):
        episodes[len(held)]


@given(parts(tracks=("r1", "r2")))
def test_the_counts_are_those_of_the_rows(study: Parts) -> None:
    cohort = study.cohort()
    sessions = {(one.dyad, one.session) for one in (*study.moves, *study.sessions, *study.observed)}
    assert cohort.counts() == {"move": len(study.moves), "dyad": len({dyad for dyad, _ in sessions}),
                               "session": len(sessions), "track": len({m.track for m in study.moves}),
                               "episode": len(study.episodes)}
    keys = sorted({(m.dyad, m.track, m.session) for m in study.moves})
    assert list(iterate_sessions(cohort)) == keys
    assert [keys[at] for at in cohort.session_keys().tolist()] == sorted((m.dyad, m.track, m.session) for m in study.moves)


small = parts(codebook=st.just(STAGES.codebook), times=(TimeKind.CLOCK,), most=2)


@given(small, small)
def test_equal_records_and_only_they_have_equal_digests(one: Parts, other: Parts) -> None:
    assert (one.cohort() == other.cohort()) == (one.cohort().digest == other.cohort().digest)


def test_which_move_belongs_to_which_episode_is_part_of_the_digest() -> None:
    moves, rows = [move(at, onset=at) for at in range(3)], [row(), row(episode="E2")]

    def digest(split: int) -> str:
        members = [Member(episode="E1" if at < split else "E2", row_id=at) for at in range(3)]
        return Cohort.of(moves, coding=STAGES, episodes=rows, members=members).digest

    assert digest(1) != digest(2)


@given(st.data())
def test_every_table_is_held_as_it_was_given(data: st.DataObject) -> None:
    ratings = data.draw(st.lists(records(Rating), max_size=3))
    context = data.draw(st.lists(records(ContextEvent), max_size=3, unique_by=lambda one: one.event))
    dyads = data.draw(st.lists(records(Dyad), max_size=3, unique_by=lambda one: one.dyad))
    cohort = Cohort.of((), coding=STAGES, ratings=ratings, context=Table.of(ContextEvent, context), dyads=dyads)
    assert list(cohort.ratings) == ratings
    assert list(cohort.context) == context
    assert list(cohort.dyads) == sorted(dyads, key=lambda dyad: dyad.dyad)


def test_episodes_are_equal_only_where_all_of_them_is() -> None:
    one = Cohort.of([move(1), move(2, session=2)], coding=STAGES, episodes=[row(last_session=2)]).columns
    assert one == attrs.evolve(one)
    for other in ({"members": [0, 0]}, {"new_session": [False, False]}, {"offsets": [0, 1]},
                  {"rows": Table.of(EpisodeRow, [row()])}):
        changed = {name: np.array(values) if isinstance(values, list) else values for name, values in other.items()}
        assert one != attrs.evolve(one, **changed)


def test_an_empty_cohort_is_a_cohort() -> None:
    cohort = Cohort.of((), coding=STAGES)
    assert repr(cohort) == "Cohort(0 moves, 0 dyads, 0 sessions, 0 tracks, 0 episodes)"
    assert list(iterate_sessions(cohort)) == []
    assert cohort.session_keys().tolist() == []


# --- what is said of a cohort ----------------------------------------------------------------------------------


def test_a_cohort_and_its_parts_say_how_many_they_hold() -> None:
    cohort = Cohort.of([move(1), move(2, onset=5)], coding=STAGES, episodes=[row()])
    assert repr(cohort) == "Cohort(2 moves, 1 dyad, 1 session, 1 track, 1 episode)"
    assert repr(cohort.episodes) == "EpisodeSequence(1 episodes)"
    assert cohort.columns != "columns"
    with pytest.raises(TypeError, match="unhashable"):
        hash(cohort.columns)


def test_markup_in_a_rule_or_title_is_escaped() -> None:
    book = attrs.evolve(STAGES.codebook, title="<script>")
    cohort = Cohort.of([move()], coding=attrs.evolve(STAGES, codebook=book))
    page = cohort.with_episodes(cohort.columns, rule="<script>")._repr_html_()
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 2


def test_an_unknown_episode_is_refused_with_the_nearest() -> None:
    cohort = Cohort.of([move()], coding=STAGES, episodes=[row(episode="first")])
    with pytest.raises(RecordError, match="no episode 'frist'; did you mean 'first'.; known: first") as told:
        cohort.episodes.named("frist")
    assert (told.value.field, told.value.value) == ("episode", "frist")


def test_tracks_are_described_where_somebody_described_them() -> None:
    said = [Track(name="r1", kind=TrackKind.CONSENSUS, rule="both agreed"), Track(name="r9")]
    cohort = Cohort.of([move(), move(2, track="r2")], coding=STAGES, tracks=said)
    assert cohort.tracks == (said[0], Track(name="r2"), said[1])
    assert cohort.track_names == ("r1", "r2")


def test_provenance_names_cohort_codebook_rule_and_what_is_added() -> None:
    cohort = Cohort.of([move()], coding=STAGES)
    said = cohort.provenance(track="r1")
    assert (said.cohort, said.rules, said.track) == (cohort.digest, ("coders",), "r1")
    assert said.codebook == f"stages:{STAGES.codebook.digest}"
    assert cohort.provenance(rules=("mine",)).rules == ("mine",)


@pytest.mark.parametrize("change", [
    {"sessions": [Session(dyad="D1", session=1)]}, {"dyads": [Dyad(dyad="D1")]}, {"tracks": [Track(name="r1", rule="x")]},
    {"episodes": [row()]}, {"coding": attrs.evolve(STAGES, parties=("client", "other"))},
    {"labels": [Label(subject_kind="dyad", subject="D1", attribute="x", value="y")]},
], ids=lambda change: next(iter(change)))
def test_whatever_was_recorded_changes_the_digest(change: dict[str, Any]) -> None:
    plain = Cohort.of([move()], coding=STAGES)
    assert Cohort.of([move()], **{"coding": STAGES, **change}).digest != plain.digest


def test_the_episodes_in_force_do_not_change_the_digest() -> None:
    cohort = Cohort.of([move()], coding=STAGES, episodes=[row()])
    other = cohort.with_episodes(cohort.columns.take(np.zeros(0, "i8")), rule="none")
    assert (other.digest, other.rule, len(other.episodes), len(other.coded_episodes)) == (cohort.digest, "none", 0, 1)
    assert other != cohort


# --- tracks and observation ------------------------------------------------------------------------------------


def test_one_track_needs_no_name_and_several_do() -> None:
    one = Cohort.of([move()], coding=STAGES)
    two = Cohort.of([move(), move(2, track="anna")], coding=STAGES)
    assert choose_track(one, None) == choose_track(two, "r1") == "r1"
    with pytest.raises(RecordError, match=r"holds 2 tracks \(anna, r1\); two raters are never mixed"):
        choose_track(two, None)
    with pytest.raises(RecordError, match=r"no track 'ana'; did you mean 'anna'\?; known: anna, r1"):
        choose_track(two, "ana")
    with pytest.raises(RecordError, match="holds no moves, so no track; .* nothing to analyse"):
        choose_track(Cohort.of((), coding=STAGES), None)
    with pytest.raises(RecordError, match="there is no track 'r1'; known: none"):
        choose_track(Cohort.of((), coding=STAGES), "r1")


def test_a_study_that_does_not_say_what_was_observed_is_warned_of() -> None:
    seen = ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=9)
    with pytest.warns(CodingWarning, match="whole sessions are taken as coded"):
        warn_if_unobserved(Cohort.of([move()], coding=STAGES))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_unobserved(Cohort.of([move()], coding=STAGES, observed=[seen]))
        warn_if_unobserved(Cohort.of((), coding=STAGES))


def test_the_warning_points_at_the_line_that_cut_the_cohort() -> None:
    with pytest.warns(CodingWarning) as told:
        segment(Cohort.of([move()], coding=STAGES))
    assert [one.filename for one in told] == [__file__]


# --- checks ----------------------------------------------------------------------------------------------------

OBSERVED = {"dyad": "D1", "session": 1, "track": "r1"}


@pytest.mark.parametrize(("moves", "tables", "kind", "says"), [
    ([move(code="wdd")], {}, "unknown code", "code 'wdd' is not in stages; did you mean 'wd'?; move 1"),
    ([move(party="clint")], {}, "unknown party",
     "party 'clint' is not one of the study's two, client and therapist; did you mean 'client'?; rupturekit models dyads"),
    ([move(party="observer")], {}, "unknown party", "a third person's moves need a study of their own"),
    ([move(onset=5, offset=4)], {}, "ends before it starts", "a move ends before it starts; move 1"),
    ([move(source_row=7, onset=5, offset=4)], {}, "ends before it starts", "row 7, offset: a move ends before it starts"),
    ([move(onset=11)], {"sessions": [Session(dyad="D1", session=1, duration=10)]}, "outside the session",
     "the time lies after the end of the session; check the time format or the session's duration"),
    ([move(offset=11)], {"sessions": [Session(dyad="D1", session=1, duration=10)]}, "outside the session",
     "the time lies after the end of the session"),
    ([], {"sessions": [Session(dyad="D1", session=1), Session(dyad="D1", session=1, day=2)]}, "overlapping sessions",
     "dyad 'D1' has session 1 twice"),
    ([], {"sessions": [Session(dyad="D1", session=3, day=2), Session(dyad="D1", session=1, day=7)]}, "overlapping sessions",
     "dyad 'D1': session 3 lies on day 2, before session 1 on day 7; number sessions in the order they took place"),
    ([], {"observed": [ObservedStretch(**OBSERVED, start=5, end=4)]}, "ends before it starts",
     "an observed stretch ends before it starts; dyad 'D1', session 1, track 'r1'"),
    ([], {"observed": [ObservedStretch(**OBSERVED, start=4, end=9), ObservedStretch(**OBSERVED, start=0, end=5)]},
     "overlapping stretches", "before the one before it in the same session and track ends; dyad 'D1', session 1"),
    ([], {"labels": [Label(subject_kind="dyad", subject="D1", attribute="noticing", party="mother", value="no")]},
     "unknown party", "labels: party 'mother' is not one of the study's two"),
    ([], {"needs": [NeedStatement(dyad="D1", party="mother", need=Need.AGENCY, mode=NeedMode.WANTED,
                                  layer=Layer.LATENT)]}, "unknown party", "needs: party 'mother' is not one of"),
    ([move()], {"episodes": [row(party="mother")]}, "unknown party", "episodes: party 'mother' is not one of"),
    ([], {"episodes": [row(onset=9, end=4)]}, "ends before it starts", "episode 'E1' ends before it starts"),
    ([], {"episodes": [row(first_session=2)]}, "ends before it starts", "episode 'E1' ends before it starts"),
    ([], {"episodes": [row(), row(onset=3)]}, "episode twice", "episode 'E1' stands twice; every episode needs its own"),
    ([move()], {"episodes": [row()], "members": [Member(episode="E1", row_id=5)]}, "unknown move",
     "episode 'E1' names the move 5, which is not there"),
    ([move()], {"episodes": [row()], "members": [Member(episode="E1", row_id=1)] * 2}, "move twice",
     "episode 'E1' names the move 1 twice"),
    ([move()], {"episodes": [row()], "members": [Member(episode="E11", row_id=1)]}, "unknown episode",
     "members name the episode 'E11', which is not there; did you mean 'E1'?"),
    ([move(track="r2")], {"episodes": [row()], "members": [Member(episode="E1", row_id=1)]}, "mixed episode",
     "episode 'E1' holds moves of another dyad or track; an episode is one reading of one dyad"),
    ([move(dyad="D2")], {"episodes": [row()], "members": [Member(episode="E1", row_id=1)]}, "mixed episode",
     "holds moves of another dyad or track"),
])
def test_each_check_finds_its_problem_and_tells_it(moves: list[Move], tables: dict[str, Any], kind: str, says: str) -> None:
    (found, message), = problems(*moves, **tables)
    assert found == kind
    assert says in message


def test_a_row_id_that_stands_twice_is_told_at_both_rows() -> None:
    assert problems(move(3, source_row=1), move(3, onset=4, source_row=9)) == [
        ("row_id twice", f"row {row}, row_id: row_id 3 stands twice; every move needs its own") for row in (1, 9)]


def test_a_problem_names_the_row_and_the_field_of_the_file() -> None:
    late = {"sessions": [Session(dyad="D1", session=1, duration=10)]}
    assert problems(move(onset=11, source_row=4), **late)[0][1].startswith("row 4, onset: the time lies after")
    said = {"subject_kind": "dyad", "subject": "D1", "attribute": "noticing"}
    labels = Table.of(Label, [Label(**said, value="no"), Label(**said, value="yes")])
    spoiled = Table.from_columns(Label, arrays=labels.arrays, levels={**labels.levels, "value": ("no", "perhaps")})
    with pytest.raises(InvalidRecords) as told:
        Cohort.of([move()], coding=STAGES, labels=spoiled)
    assert [(one.row, one.field, one.value) for one in told.value.problems] == [(2, "value", "perhaps")]


def test_a_party_that_is_not_of_the_study_is_told_of_its_field() -> None:
    said = Label(subject_kind="dyad", subject="D1", attribute="noticing", party="mother", value="no")
    with pytest.raises(InvalidRecords) as told:
        Cohort.of([move(party="father")], coding=STAGES, labels=[said])
    assert [(one.field, one.value) for one in told.value.problems] == [("party", "father"), ("party", "mother")]


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        move(1, code="wdd"), move(1, party="mother", offset=11), move(2, track="r2", onset=5, offset=1),
        sessions=[Session(dyad="D1", session=1, duration=10)] * 2, observed=[ObservedStretch(**OBSERVED, start=5, end=4)],
        labels=[Label(subject_kind="dyad", subject="D1", attribute="noticing", party="father", value="no")],
        episodes=[row(), row(episode="E2", onset=10)], members=[Member(episode="E1", row_id=2), Member(episode="E3", row_id=1),
                                                                Member(episode="E1", row_id=77)])
    assert [kind for kind, _ in found] == [
        "unknown code", "unknown party", "row_id twice", "row_id twice", "ends before it starts", "outside the session",
        "overlapping sessions", "ends before it starts", "unknown party", "ends before it starts", "unknown move",
        "unknown episode", "mixed episode"]


def test_what_is_only_close_to_a_problem_passes() -> None:
    touching = [ObservedStretch(**OBSERVED, start=0, end=5), ObservedStretch(**OBSERVED, start=5, end=5),
                ObservedStretch(**OBSERVED | {"track": "r2"}, start=0, end=5)]
    sessions = [Session(dyad="D1", session=1, day=3, duration=10), Session(dyad="D1", session=2),
                Session(dyad="D1", session=3, day=3), Session(dyad="D2", session=1, day=0, duration=1)]
    Cohort.of([move(1, onset=10, offset=10), move(2, session=2, onset=99), move(3, party=None)], coding=STAGES,
              observed=touching, sessions=sessions, episodes=[row(onset=9), row(episode="E2", dyad="nobody")])


def test_problems_of_the_reader_are_told_with_those_of_the_cohort() -> None:
    log = ProblemLog()
    log.add(Problem(kind="no number", field="onset", value="x", row=1, file="moves.csv", message="'x' is no number"))
    with pytest.raises(InvalidRecords) as told:
        Cohort.of([move(2, code="wdd")], coding=STAGES, episodes=[row()], members=[Member(episode="E1", row_id=1)],
                  problems=log, where="my-study")
    assert [problem.kind for problem in told.value.problems] == ["no number", "unknown code"]


@given(parts())
def test_the_digest_handed_on_is_that_of_the_records(study: Parts) -> None:
    cohort = study.cohort()
    other = cohort.with_episodes(cohort.columns.take(np.arange(0)), rule="none")
    assert other.digest == cohort.digest == attrs.evolve(other).digest
