"""What may be shown of a study: names as numbers that keep the order, and texts as their length."""

from __future__ import annotations

import attrs
import pytest

from rupturekit.analysis import analyse
from rupturekit.cohort import Cohort
from rupturekit.episode import Label
from rupturekit.example import EXAMPLE_SETTINGS, example_cohort
from rupturekit.records.study import Study
from rupturekit.report.shown import study_to_show


@pytest.fixture(scope="module")
def study() -> Study:
    return Study(name="pilot", cohort=example_cohort(), settings=EXAMPLE_SETTINGS, description="North")


def test_rows_stay_in_their_order_and_results_are_the_same(study: Study) -> None:
    hidden = study_to_show(study, hide_ids=True, free_text=True)
    plan = attrs.evolve(analyse(study).plan, track="reading 1")
    before, after = analyse(study).traces, analyse(hidden, plan).traces
    for name in ("symbol", "before", "after", "reason"):
        assert (getattr(before, name) == getattr(after, name)).all()
    assert (before.episodes.members == after.episodes.members).all()
    assert hidden.cohort.moves.row_id.tolist() == study.cohort.moves.row_id.tolist()


def test_numbers_follow_the_order_of_the_names(study: Study) -> None:
    hidden = study_to_show(study, hide_ids=True, free_text=True).cohort
    assert hidden.moves.levels["dyad"] == tuple(f"D{at:02d}" for at in range(1, 13))
    assert (hidden.moves.dyad == study.cohort.moves.dyad).all()
    assert [track.name for track in hidden.tracks] == ["reading 1", "reading 2"]


def test_labels_go_on_speaking_of_the_same(study: Study) -> None:
    cohort = study.cohort
    more = [Label(subject_kind="session", subject="V1/2", attribute="own", value="yes", rater="client"),
            Label(subject_kind="dyad", subject="V1", attribute="own", value="yes"),
            Label(subject_kind="context", subject="C9", attribute="own", value="yes"),
            Label(subject_kind="move", subject="7", attribute="own", value="yes")]
    fresh = attrs.evolve(study, cohort=Cohort.of(
        cohort.moves, coding=cohort.coding, sessions=cohort.sessions, labels=[*cohort.labels, *more],
        episodes=cohort.coded.rows, context=cohort.context))
    hidden = study_to_show(fresh, hide_ids=True, free_text=True).cohort
    place = hidden.moves.levels["dyad"][cohort.moves.levels["dyad"].index("V1")]
    told = [(label.subject_kind, label.subject, label.rater) for label in hidden.labels][-4:]
    assert told[0] == ("session", f"{place}/2", "client")    # who rated is a role, which is nobody's name
    assert told[1] == ("dyad", place, None)
    assert told[2][1].startswith("C")
    assert told[3] == ("move", "7", None)
    for before, after in zip(cohort.coded_episodes, hidden.coded_episodes, strict=True):
        assert len(before.labels) == len(after.labels)


def test_free_text_is_told_by_its_length_and_words_of_the_field_stay(study: Study) -> None:
    shown = study_to_show(study, hide_ids=False, free_text=False)
    assert shown.cohort.moves.levels["note"] == ()
    assert shown.description == ""
    values = {label.value for label in shown.cohort.labels if label.attribute == "rated_resolution"}
    assert values == {label.value for label in study.cohort.labels if label.attribute == "rated_resolution"}
    said = {label.value for label in shown.cohort.labels if label.attribute == "cost_of_raising"}
    assert all(value.startswith("(text, ") for value in said)
    assert said
    asked = study_to_show(study, hide_ids=False, free_text=True)
    assert (asked.cohort, asked.description) == (study.cohort, "North")
