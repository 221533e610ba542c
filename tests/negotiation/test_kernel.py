"""The kernel of open claims: against the plain loop, over runs that are empty, of one side, and of many acts a turn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_negotiation as plain
from oracles_negotiation import NEEDS, VERBS, Turn
from rupturekit._kernels import open_claims as kernel

ACTS = [(verb, need) for verb in VERBS for need in NEEDS]
CAUSES = {"met": kernel.MET, "yielded": kernel.YIELDED, "open": kernel.STILL_OPEN}

SOME_ACTS = st.one_of(st.just(frozenset()), st.sampled_from(ACTS).map(lambda act: frozenset([act])),
                      st.frozensets(st.sampled_from(ACTS), max_size=8))
RUNS = st.lists(st.lists(st.tuples(st.integers(0, 1), SOME_ACTS), max_size=9), max_size=4)


def packed(runs: list[list[Turn]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return side, acts and offsets of runs."""
    turns = [turn for run in runs for turn in run]
    side = np.array([party for party, _ in turns], dtype=np.int8)
    acts = np.array([sum(2 ** ACTS.index(act) for act in acts) for _, acts in turns], dtype=np.uint8)
    return side, acts, np.cumsum([0, *map(len, runs)]).astype(np.int64)


def flag(party: int, need: str) -> int:
    return 2 * party + NEEDS.index(need)


def test_the_bits_of_the_kernel_are_those_of_the_oracle() -> None:
    assert [kernel.act_bit(VERBS.index(verb), NEEDS.index(need)) for verb, need in ACTS] == [2**at for at in range(8)]


@settings(max_examples=150)
@given(RUNS)
def test_what_is_open_is_what_the_loop_over_states_says(runs: list[list[Turn]]) -> None:
    side, acts, offsets = packed(runs)
    expected = [sum(2 ** flag(*claim) for claim in now) for run in runs for now in plain.states(run)]
    assert kernel.open_after(side, acts, offsets=offsets).tolist() == expected


@settings(max_examples=200)
@given(RUNS)
def test_spells_are_those_of_the_loop(runs: list[list[Turn]]) -> None:
    side, acts, offsets = packed(runs)
    found = kernel.spells(side, acts, run=kernel.runs_of(offsets))
    expected = [(flag(one.party, one.need), at, one.begin + start, -1 if one.end is None else one.end + start,
                 CAUSES[one.cause], one.renewals)
                for at, (run, start) in enumerate(zip(runs, offsets.tolist(), strict=False)) for one in plain.spells(run)]
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


@settings(max_examples=200)
@given(RUNS, st.integers(1, 3))
def test_answers_are_those_of_the_loop(runs: list[list[Turn]], window: int) -> None:
    side, acts, offsets = packed(runs)
    found = kernel.answers(side, acts, run=kernel.runs_of(offsets), window=window)
    expected = [(one.turn + start, flag(one.party, one.need), kernel.ANSWERS.index(one.answer),
                 -1 if one.at is None else one.at + start)
                for run, start in zip(runs, offsets.tolist(), strict=False) for one in plain.replies(run, window=window)]
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


@pytest.mark.parametrize("others", range(0, 20, 3))
@pytest.mark.parametrize("ends", ["answered", "the run ends", "all ends"])
def test_however_long_one_side_goes_on_its_claims_are_answered_or_cut_off(others: int, ends: str) -> None:
    claims, grants = (0, frozenset([("claim", "agency")])), (1, frozenset([("grant", "agency")]))
    runs: list[list[Turn]] = [[claims] * (others + 1)]
    runs += [] if ends == "all ends" else [[grants, claims]]
    runs = [runs[0] + runs[1]] if ends == "answered" else runs
    side, acts, offsets = packed(runs)
    found = kernel.answers(side, acts, run=kernel.runs_of(offsets), window=1)
    first = ("met", others + 1) if ends == "answered" else ("censored", -1)
    assert [(kernel.ANSWERS[answer], at) for answer, at in zip(found.answer.tolist(), found.at.tolist(), strict=True)] == [
        *[first] * (others + 1), *([] if ends == "all ends" else [("censored", -1)])]


@settings(max_examples=200)
@given(RUNS)
def test_closings_are_those_of_the_loop(runs: list[list[Turn]]) -> None:
    side, acts, offsets = packed(runs)
    found = kernel.closings(kernel.spells(side, acts, run=kernel.runs_of(offsets)), offsets=offsets)
    expected = [(at, one.turn + start, one.kind, -1 if one.relapse is None else one.relapse + start)
                for at, (run, start) in enumerate(zip(runs, offsets.tolist(), strict=False)) for one in plain.ends(run)]
    kinds = ["one_sided" if given_up else "mutual" if both == 3 else "one_party"
             for both, given_up in zip(found.claimed.tolist(), found.yielded.tolist(), strict=True)]
    assert list(zip(found.run.tolist(), found.turn.tolist(), kinds, found.relapse.tolist(), strict=True)) == expected


def test_no_runs_and_runs_without_turns_hold_nothing() -> None:
    for runs in ([], [[]], [[], []]):
        side, acts, offsets = packed(runs)
        found = kernel.spells(side, acts, run=kernel.runs_of(offsets))
        assert not any(map(len, found))
        assert not any(map(len, kernel.answers(side, acts, run=kernel.runs_of(offsets), window=3)))
        assert not any(map(len, kernel.closings(found, offsets=offsets)))
        assert not len(kernel.open_after(side, acts, offsets=offsets))


def one(*turns: tuple[int, str]) -> list[Turn]:
    """Return turns from words: (0, "claim agency, yield agency")."""
    return [(party, frozenset(tuple(act.split()) for act in said.split(", ") if act)) for party, said in turns]  # type: ignore[misc]


@pytest.mark.parametrize(("turns", "causes"), [
    (one((0, "claim agency"), (1, "grant agency")), [kernel.MET]),
    (one((0, "claim agency"), (0, "yield agency"), (1, "grant agency")), [kernel.YIELDED]),
    (one((0, "claim agency"), (1, "contest agency"), (1, "yield agency")), [kernel.STILL_OPEN]),
    (one((0, "claim agency"), (0, "yield agency, claim agency"), (1, "grant agency")), [kernel.YIELDED, kernel.MET]),
    (one((0, "claim agency"), (1, "grant communion"), (0, "grant agency")), [kernel.STILL_OPEN]),
    (one((1, "grant agency"), (0, "claim agency")), [kernel.STILL_OPEN]),
])
def test_spells_worked_out_on_paper(turns: list[Turn], causes: list[int]) -> None:
    side, acts, offsets = packed([turns])
    assert kernel.spells(side, acts, run=kernel.runs_of(offsets)).cause.tolist() == causes


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2)), max_size=8))
def test_pairs_are_counted_one_by_one(places: list[tuple[int, int, int]]) -> None:
    instant = np.cumsum([step for _, _, step in places]).astype(np.int64)
    first, second = (np.array([[place[at]] for place in places], dtype=np.int16).reshape(-1, 1) for at in (0, 1))
    earlier = sum(a * b * (2 if instant[i] < instant[j] else 1 if instant[i] == instant[j] else 0)
                  for i, (a, _, _) in enumerate(places) for j, (_, b, _) in enumerate(places))
    assert kernel.precede(first, second, instant=instant).tolist() == [earlier]
