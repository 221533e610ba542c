"""The episodes as the explorer takes them: columns, pages, and times that come back exactly."""

from __future__ import annotations

import itertools

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.analysis import Analysis, analyse
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Move, ObservedStretch
from rupturekit.negotiation.story import story
from rupturekit.plan import Plan
from rupturekit.report import episodes
from rupturekit.report.episodes import EpisodeBook, episode_book
from rupturekit.report.source import source_of


@pytest.fixture(scope="module")
def book(example: Analysis) -> EpisodeBook:
    return episode_book(source_of(example))


def test_every_episode_of_every_track_is_there_once(example: Analysis, book: EpisodeBook) -> None:
    other = analyse(example.study, attrs.evolve(example.plan, track="r2"))
    assert len(book) == len(example.cohort.columns) + len(other.cohort.columns)
    assert [book.index["tracks"][at] for at in book.index["track"]] == (
        ["r1"] * len(example.cohort.columns) + ["r2"] * len(other.cohort.columns))
    assert sum(map(len, book.pages)) == len(book)
    assert {len(book.index[name]) for name in episodes._COLUMNS} == {len(book)}


def test_times_come_back_exactly(example: Analysis, book: EpisodeBook) -> None:
    details = [one for page in book.pages for one in page]
    for at, name in enumerate(example.traces.episodes.rows.words("episode")):
        trace = example.traces[at]
        detail = details[book.index["name"].index(name)]
        times, places = itertools.accumulate(detail["t"]), itertools.accumulate(detail["v"])
        assert [time * book.index["unit"] for time in times] == [step.move.onset for step in trace.steps]
        assert [at * book.index["mediaUnit"] for at in places] == [step.move.media for step in trace.steps]
        assert [book.index["states"][state][0] for state in detail["a"]] == [step.after for step in trace.steps]
        assert [did not in book.index["off"] for did in detail["d"]] == [step.taken for step in trace.steps]


def test_ratings_and_claims_are_those_of_the_record(example: Analysis, book: EpisodeBook) -> None:
    details = [one for page in book.pages for one in page]
    claims = 0
    for at, name in enumerate(example.traces.episodes.rows.words("episode")):
        detail = details[book.index["name"].index(name)]
        steps, rows = example.traces[at].steps, list(itertools.accumulate(detail["r"]))
        assert detail.get("i", {}) == {
            str(place): step.move.rating for place, step in enumerate(steps) if step.move.rating}
        told = [(book.index["parties"][party], book.index["needNames"][need], rows[begin],
                 rows[end] if end >= 0 else None, book.index["claimEnds"][cause])
                for party, need, begin, end, cause in detail.get("w", [])]
        spells = story(example.negotiations, name).spells
        assert told == [(one.party, one.need, one.row_id, one.end_row_id, one.cause) for one in spells]
        claims += len(told)
    assert claims > 3
    assert {None, 3.0} <= {step.move.rating for trace in example.traces for step in trace.steps}


def test_progress_is_told_to_the_end(example: Analysis) -> None:
    told: list[tuple[int, int]] = []
    made = episode_book(source_of(example, progress=lambda done, of: told.append((done, of))))
    assert told == [(at, len(made)) for at in range(1, len(made) + 1)]


def turns(**more: object) -> Cohort:
    moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at + 1, **more)
             for at, (party, code) in enumerate([("client", "wd"), (None, "invite"), ("client", "self-assert")])]
    return Cohort.of(moves, coding=Coding(codebook=load_codebook("stages"), time="turn"), observed=[
        ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=9)])


def test_a_study_of_turns_has_no_clock_no_recording_and_no_rows_of_a_file() -> None:
    made = episode_book(source_of(analyse(turns(), Plan(model="withdrawal-2000"))))
    assert (made.index["clock"], made.index["turn"], made.index["unit"]) == (0, "turn", 1)
    detail = made.pages[0][0]
    assert detail["p"] == "020"    # the second is nobody's in particular
    assert not {"v", "f", "n"} & detail.keys()


def test_a_row_of_the_file_and_a_place_on_the_recording_may_be_missing() -> None:
    cohort = turns(source_row=4, media=0)
    moves = [attrs.evolve(move, source_row=None, media=None) if at else move for at, move in enumerate(cohort.moves)]
    plain = Cohort.of(moves, coding=cohort.coding, observed=cohort.observed)
    detail = episode_book(source_of(analyse(plain, Plan()))).pages[0][0]
    assert detail["f"] == [4, None, None]
    assert detail["v"] == [0, None, None]
    assert "a" not in detail
    assert detail["h"] == ["Episode D1-1 (dyad D1, track r1) was not traced (the plan names no process model)."]


def test_moves_stand_in_the_order_in_which_they_were_replayed() -> None:
    moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=row, tie=tie)
             for row, (party, code, at, tie) in enumerate([("client", "wd", 0, 0), ("therapist", "invite", 9, 0),
                                                           ("client", "self-assert", 9, 1)], start=1)]
    cohort = Cohort.of(moves, coding=Coding(codebook=load_codebook("stages")), observed=[
        ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=20)])
    plan = Plan(model="withdrawal-2000", tie_rule="first_party_first")
    trace = analyse(cohort, plan).traces[0]
    assert [step.move.row_id for step in trace.steps] == [1, 3, 2]
    assert episode_book(source_of(analyse(cohort, plan))).pages[0][0]["r"] == [1, 2, -1]    # steps


def test_two_long_names_that_begin_alike_stay_two() -> None:
    names = ["x" * 900 + "a", "x" * 900 + "b"]
    moves = [Move(dyad=dyad, session=1, track="r1", party="client", code="wd", onset=0, row_id=at)
             for at, dyad in enumerate(names)]
    cohort = Cohort.of(moves, coding=Coding(codebook=load_codebook("stages")), observed=[
        ObservedStretch(dyad=dyad, session=1, track="r1", start=0, end=9) for dyad in names])
    index = episode_book(source_of(analyse(cohort, Plan()))).index
    assert index["dyad"] == [0, 1]
    assert [len(name) for name in index["dyads"]] == [600, 600]


def test_what_was_not_traced_says_why() -> None:
    detail = episode_book(source_of(analyse(turns(), Plan(model="confrontation-2000")))).pages[0][0]
    assert detail["h"] == ["Episode D1-1 (dyad D1, track r1) was not traced (opened with another rupture type than "
                           "confrontation)."]


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**15)), max_size=30))
def test_steps_add_up_to_what_they_were_made_of(values: list[int | None]) -> None:
    steps, held, back = episodes._steps(values), 0, []
    for step in steps:
        held += step or 0
        back.append(None if step is None else held)
    assert back == values


@given(st.text(max_size=60) | st.from_regex(r"turn [0-9]{1,12}(\.[0-9]+)? \(row 0[0-9]+, 12:0[0-9]\)", fullmatch=True))
def test_words_with_their_numbers_put_back_are_the_words(text: str) -> None:
    found = episodes._COUNT.findall(text.replace(episodes.NUMBER, ""))
    numbers = iter(map(int, found))
    plain = episodes._COUNT.sub(episodes.NUMBER, text.replace(episodes.NUMBER, ""))
    assert "".join(str(next(numbers)) if sign == episodes.NUMBER else sign for sign in plain) == text.replace(
        episodes.NUMBER, "")
