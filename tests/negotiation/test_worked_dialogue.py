"""The dialogue of docs/how-to/negotiation.md: every number as worked out on paper from the model, typed by hand."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import attrs
import pytest

import rupturekit as rk
from rupturekit.negotiation.bounds import order_bounds
from rupturekit.negotiation.measures import asymmetry, meeting_counts, meeting_rate, mutuality
from rupturekit.negotiation.story import negotiation_of, story
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.vocabulary import ClosedBy, Need

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "negotiation.md"

# (seconds, client or therapist, code), rows from 1
SAID = [
    (0, "C", "sd-strain"), (15, "T", "cl-ag"), (40, "C", "cl-ag"), (55, "T", "ct-ag"), (80, "C", "cl-ag"), (95, "T", "re-ack"),
    (120, "C", "cl-re"), (140, "T", "gr-re"), (165, "C", "gr-ag"), (190, "T", "gr-ag"), (190, "T", "cl-re"),
    (215, "C", "sd-strain"), (240, "T", "cl-re"), (260, "C", "gr-re"), (290, "C", "cl-re"), (310, "T", "ct-re"),
    (330, "C", "cl-ag"), (350, "T", "cl-ag"), (370, "C", "yl-ag"), (390, "T", "re-ack"), (410, "C", "gr-ag"),
    (435, "T", "gr-ag"), (460, "C", "cl-ag"), (480, "T", "gr-ag"), (510, "C", "cl-re"), (530, "T", "gr-re"), (550, "T", "cl-re"),
    (570, "C", "ct-re"), (590, "T", "yl-re"), (610, "C", "cl-re"), (610, "T", "gr-re"), (640, "T", "cl-ag"),
]
WHO = {"C": "client", "T": "therapist"}

# turn, whose, need, answer within 1, 2 and 3 turns of the other, and the turn that answered
CLAIMS = [
    (2, "T", "agency", ("countered", 3), ("countered", 3), ("countered", 3)),
    (3, "C", "agency", ("contested", 4), ("contested", 4), ("contested", 4)),
    (5, "C", "agency", ("deflected", None), ("other", 8), ("other", 8)),
    (7, "C", "communion", ("met", 8), ("met", 8), ("met", 8)),
    (10, "T", "communion", ("deflected", None), ("met", 13), ("met", 13)),
    (12, "T", "communion", ("met", 13), ("met", 13), ("met", 13)),
    (14, "C", "communion", ("contested", 15), ("contested", 15), ("contested", 15)),
    (16, "C", "agency", ("countered", 17), ("countered", 17), ("countered", 17)),
    (17, "T", "agency", ("other", 18), ("other", 18), ("other", 18)),
    (22, "C", "agency", ("met", 23), ("met", 23), ("met", 23)),
    (24, "C", "communion", ("met", 25), ("met", 25), ("met", 25)),
    (26, "T", "communion", ("contested", 27), ("contested", 27), ("contested", 27)),
    (29, "C", "communion", ("met", 30), ("met", 30), ("met", 30)),
    (31, "T", "agency", ("censored", None), ("censored", None), ("censored", None)),
]

# whose, need, from turn (row), to turn (row), cause, renewals
SPELLS = [
    ("T", "agency", 2, 2, 9, 9, "met", 0),
    ("C", "agency", 3, 3, 10, 10, "met", 1),
    ("C", "communion", 7, 7, 8, 8, "met", 0),
    ("T", "communion", 10, 10, 13, 14, "met", 1),
    ("C", "communion", 14, 15, 25, 26, "met", 1),
    ("C", "agency", 16, 17, 18, 19, "yielded", 0),
    ("T", "agency", 17, 18, 20, 21, "met", 0),
    ("C", "agency", 22, 23, 23, 24, "met", 0),
    ("T", "communion", 26, 27, 28, 29, "yielded", 0),
    ("C", "communion", 29, 30, 30, 31, "met", 0),
    ("T", "agency", 31, 32, None, None, "open", 0),
]

# turn, row, kind, turn and row of the next claim of agency
ENDS = [(10, 10, "mutual", 16, 17), (20, 21, "one_sided", 22, 23), (23, 24, "one_party", 31, 32)]

# after turns, counted from 1: C agency 1, C communion 2, T agency 4, T communion 8
OPEN = [0, 4, 5, 5, 5, 5, 7, 5, 1, 8, 8, 8, 0, 2, 2, 3, 7, 6, 6, 2, 2, 3, 2, 2, 0, 8, 8, 0, 2, 0, 4]


@functools.cache
def table(window: int = 1) -> Negotiations:
    moves = [rk.Move(dyad="D1", session=1, track="r1", party=WHO[who], code=code, onset=rk.seconds(when), row_id=row, tie=row)
             for row, (when, who, code) in enumerate(SAID, start=1)]
    episode = rk.Episode.of(moves, coding=rk.Coding(codebook=rk.load_codebook("needs")))
    return negotiations(rk.Cohort.of(moves, coding=episode.coding, episodes=[episode.row]), window=window)


@pytest.mark.parametrize("window", [1, 2, 3])
def test_claims_and_their_answers(window: int) -> None:
    found = story(table(window), 0).claims
    assert [(one.turn, one.party, one.need, (one.answer, one.answered_in)) for one in found] == [
        (turn, WHO[who], need, answers[window - 1]) for turn, who, need, *answers in CLAIMS]


def test_what_is_open_after_each_turn() -> None:
    assert table().open.tolist() == OPEN


def test_spells() -> None:
    assert [(one.party, one.need, one.begin, one.row_id, one.end, one.end_row_id, one.cause, one.renewals)
            for one in story(table(), 0).spells] == [(WHO[who], *rest) for who, *rest in SPELLS]


def test_ends_and_relapses() -> None:
    assert [(one.turn, one.row_id, one.kind, one.relapse, one.relapse_row_id) for one in story(table(), 0).ends] == ENDS
    assert table().first_end().tolist() == [9]


@pytest.mark.parametrize(("need", "client", "therapist", "both", "gap"), [
    (None, 5 / 6, 3 / 5, 1 / 2, 7 / 30), (Need.AGENCY, 2 / 3, 2 / 3, 4 / 9, 0), (Need.COMMUNION, 1, 1 / 2, 1 / 2, 1 / 2)])
def test_rates(need: Need | None, client: float, therapist: float, both: float, gap: float) -> None:
    held = table()
    assert meeting_rate(held, party="client", need=need).value == pytest.approx(client)
    assert meeting_rate(held, party="therapist", need=need).value == pytest.approx(therapist)
    assert mutuality(held, need=need).value == pytest.approx(both)
    assert asymmetry(held, need=need).value == pytest.approx(gap)


def test_had_observation_stopped_the_open_claim_would_not_count() -> None:
    held = table().cohort.episodes[0]
    row = attrs.evolve(held.row, closed_by=ClosedBy.OBSERVATION_END)
    counts = meeting_counts(negotiations(rk.Cohort.of(held.moves, coding=held.coding, episodes=[row])))["D1"]
    assert (counts.met, counts.yielded, counts.open, counts.censored) == ((5, 3), (1, 1), (0, 0), (0, 1))
    assert (counts.rate(1), counts.mutuality) == (pytest.approx(3 / 4), pytest.approx(5 / 8))


def test_the_other_order_at_the_one_shared_instant() -> None:
    bounds = order_bounds(table())[0]
    assert (bounds.instants, bounds.orders) == (1, 2)
    assert (bounds.rates["client"].low, bounds.rates["client"].high) == (pytest.approx(2 / 3), pytest.approx(5 / 6))
    assert (bounds.mutuality.low, bounds.mutuality.high) == (pytest.approx(2 / 5), pytest.approx(1 / 2))
    assert (bounds.first_end.low, bounds.first_end.high) == (9, 9)


def test_the_page_holds_this_dialogue() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d\d):(\d\d) \| (\w+) \| .* \| `([\w-]+)` \|$", PAGE.read_text(encoding="utf-8"),
                      flags=re.M)
    assert [(60 * int(minutes) + int(seconds), who, code) for _, _, minutes, seconds, who, code in rows] == [
        (when, WHO[who], code) for when, who, code in SAID]
    assert [int(turn) for turn, *_ in rows] == [*range(1, 11), *range(10, 32)]
    told = negotiation_of(table().cohort.episodes[0])
    assert [turn.row_id for turn in told.turns] == [*range(1, 11), *range(12, 33)]
