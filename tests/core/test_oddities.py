"""What is legal and odd in a cohort is told with counts, and nothing of it is refused."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from rupturekit._table import Table
from rupturekit.codebooks import Certainty, Scale, load_codebook
from rupturekit.cohort import Cohort, oddities
from rupturekit.episode import (
    Coding,
    ContextEvent,
    Dyad,
    EpisodeRow,
    Label,
    Move,
    NeedStatement,
    ObservedStretch,
    Session,
)
from rupturekit.errors import InvalidRecords
from rupturekit.vocabulary import Attendance, ContextKind, Layer, Need, NeedMode

STAGES = Coding(codebook=load_codebook("stages"))
MOVE = Move(row_id=1, dyad="D1", session=1, track="r1", party="client", code="wd", onset=5)
SEEN = ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=10)
LONG = Session(dyad="D1", session=1, duration=10)
DRAWN = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=10)


def odd(*moves: Move, coding: Coding = STAGES, **tables: Any) -> list[str]:
    return oddities(Cohort.of(moves or [MOVE], coding=coding, **tables))


def test_a_plain_cohort_has_no_oddities() -> None:
    assert odd(observed=[SEEN], sessions=[LONG], episodes=[DRAWN]) == []


def test_a_code_of_the_other_party_is_told() -> None:
    assert odd(attrs.evolve(MOVE, code="invite")) == [
        "'invite' given to the client, whom the codebook does not name for it: 1 (first: move 1)"]
    assert odd(*(attrs.evolve(MOVE, code="invite", row_id=at, onset=at) for at in (7, 8, 9))) == [
        "'invite' given to the client, whom the codebook does not name for it: 3 (first: move 7)"]
    assert odd(MOVE, attrs.evolve(MOVE, row_id=2, code="invite", party="therapist")) == []


def test_ratings_off_the_one_scale_of_moves_are_told() -> None:
    scale = Scale(name="salience", applies="move", min=1, max=5, certainty=Certainty.HIGH)
    coding = attrs.evolve(STAGES, codebook=attrs.evolve(STAGES.codebook, scales=(scale,)))
    rated = [attrs.evolve(MOVE, row_id=at, rating=rating) for at, rating in enumerate([None, 1, 5, 5.5, 0])]
    assert odd(*rated, coding=coding) == ["ratings outside the codebook's scale salience (1 to 5): 2"]
    assert odd(*rated) == odd(*rated[:3], coding=coding) == []


def test_moves_outside_what_was_observed_are_told_in_tracks_that_say_what_was() -> None:
    moves = [MOVE, attrs.evolve(MOVE, row_id=2, onset=11), attrs.evolve(MOVE, row_id=3, session=2),
             attrs.evolve(MOVE, row_id=4, track="r2", onset=99)]
    assert odd(*moves, observed=[SEEN]) == [
        "moves outside the stretches that were observed: 2; is the table of observed stretches whole?"]


def test_moves_in_missed_sessions_are_told() -> None:
    assert odd(sessions=[attrs.evolve(LONG, attended=Attendance.NO)]) == [
        "moves in sessions that are on record as missed: 1"]


def test_what_ends_after_its_session_is_told() -> None:
    late = attrs.evolve(DRAWN, end=11)
    assert odd(observed=[attrs.evolve(SEEN, end=12)], sessions=[LONG], episodes=[late]) == [
        "coders' episodes that end after their session does: 1", "observed stretches that end after their session does: 1"]
    assert odd(observed=[SEEN], sessions=[LONG], episodes=[late]) == ["coders' episodes that end after their session does: 1"]


def test_episodes_in_no_session_and_without_moves_are_told() -> None:
    nowhere = attrs.evolve(DRAWN, first_session=7, last_session=8)
    assert odd(episodes=[nowhere]) == [
        "ends of coders' episodes that lie in sessions not on record: 2",
        "coders' episodes without any move: 1; they are not traced"]


def test_statements_about_what_is_not_there_are_told() -> None:
    kinds = {"episode": "E9", "move": "7", "session": "D1/3", "dyad": "D9", "context": "c1"}
    labels = [Label(subject_kind=kind, subject=subject, attribute="seen", value="yes") for kind, subject in kinds.items()]
    there = [Label(subject_kind=kind, subject=subject, attribute="seen", value="yes")
             for kind, subject in {"episode": "E1", "move": "1", "session": "D1/1", "dyad": "D1"}.items()]
    need = NeedStatement(dyad="D1", episode="E8", party="client", need=Need.AGENCY, mode=NeedMode.WANTED, layer=Layer.LATENT)
    assert odd(episodes=[DRAWN], labels=[*there, *labels], needs=[need]) == [
        "statements about what is not there: episode 'E9', move '7', session 'D1/3', dyad 'D9', context 'c1', episode 'E8'"]


def refused(**tables: Any) -> str:
    with pytest.raises(InvalidRecords) as told:
        Cohort.of([MOVE], coding=STAGES, **tables)
    return str(told.value)


def test_a_dyad_or_event_that_stands_twice_is_refused() -> None:
    event = ContextEvent(event="c1", dyad="D1", kind=ContextKind.HOLIDAY)
    assert "dyad twice 'D1'" in refused(dyads=[Dyad(dyad="D1"), Dyad(dyad="D1", arm="a")])
    assert "event twice 'c1'" in refused(context=[event, attrs.evolve(event, session=2)])


def test_a_table_of_labels_is_held_to_the_rule_of_the_object() -> None:
    good = Table.of(Label, [Label(subject_kind="episode", subject="E1", attribute="noticing", value="yes")] * 2)
    values = {**good.levels, "value": ("perhaps",)}
    kinds = {**good.levels, "subject_kind": ("episod",)}
    assert "expected one of yes, no or unknown for 'noticing'" in str(problems_of(good, values))
    assert "did you mean 'episode'" in str(problems_of(good, kinds))


def problems_of(table: Table[Label], levels: Any) -> list[str]:
    with pytest.raises(InvalidRecords) as told:
        Cohort.of([MOVE], coding=STAGES, labels=Table.from_columns(Label, arrays=table.arrays, levels=levels))
    return [str(problem) for problem in told.value.problems]
