"""Costs of alignments as columns, against a search written the obvious way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import oracles_alignment as slow
from rupturekit._kernels.alignment import (
    NO_WAY,
    Table,
    cheapest,
    closure,
    costs_by_programme,
    costs_by_walk,
    prices_of,
    table_of,
)

PRICES = st.integers(0, 3)


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a small graph with prices, and runs of symbols."""
    states, kinds = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    pair = st.tuples(st.integers(0, states - 1), st.integers(0, states - 1))
    arrows = st.dictionaries(pair, PRICES, max_size=8)
    return {"states": states, "take": draw(st.lists(arrows, min_size=kinds, max_size=kinds)), "step": draw(arrows),
            "leave_out": draw(st.lists(PRICES, min_size=kinds, max_size=kinds)), "start": draw(st.integers(0, states - 1)),
            "stop": draw(st.dictionaries(st.integers(0, states - 1), PRICES, max_size=states)),
            "runs": draw(st.lists(st.lists(st.integers(0, kinds - 1), max_size=7), max_size=6))}


def prices(held: dict[str, Any]) -> Any:
    n = held["states"]
    take = np.full((len(held["take"]), n, n), NO_WAY, dtype="i4")
    for at, arrows in enumerate(held["take"]):
        for pair, price in arrows.items():
            take[(at, *pair)] = price
    step, stop = np.full((n, n), NO_WAY, dtype="i4"), np.full(n, NO_WAY, dtype="i4")
    for pair, price in held["step"].items():
        step[pair] = price
    for state, price in held["stop"].items():
        stop[state] = price
    return prices_of(take, leave_out=np.array(held["leave_out"], dtype="i4"), step=step, start=held["start"], stop=stop)


def columns(runs: list[list[int]]) -> tuple[Any, Any]:
    return (np.array([symbol for run in runs for symbol in run], dtype="i8"),
            np.cumsum([0, *map(len, runs)], dtype="i8"))


def slowly(held: dict[str, Any]) -> list[int | None]:
    return [slow.cheapest_cost(run, **{name: held[name] for name in ("take", "leave_out", "step", "start", "stop")})
            for run in held["runs"]]


def said(costs: Any) -> list[int | None]:
    return [None if cost >= NO_WAY else cost for cost in costs.tolist()]


@given(problems())
def test_the_programme_finds_the_cheapest_cost(held: dict[str, Any]) -> None:
    symbols, offsets = columns(held["runs"])
    assert said(costs_by_programme(prices(held), symbols, offsets=offsets)) == slowly(held)


@given(problems())
def test_walking_through_the_table_finds_the_same(held: dict[str, Any]) -> None:
    symbols, offsets = columns(held["runs"])
    table = Table(prices(held))
    assert said(costs_by_walk(table, symbols, offsets=offsets)) == slowly(held)
    assert not table.full
    vectors = table.vectors[: table.count]
    assert (vectors.min(axis=1) == 0).all()
    assert len(np.unique(vectors, axis=0)) == len(vectors) <= len(symbols) + 1


@given(problems())
def test_the_whole_table_holds_what_comes_up(held: dict[str, Any]) -> None:
    symbols, offsets = columns(held["runs"])
    table = table_of(prices(held), most=300)
    assume(table is not None)    # entries may move apart without bound where no way leads from one to the other
    assert table is not None
    assert (table.onward[: table.count * table.width] >= 0).all()
    known = table.count
    assert said(costs_by_walk(table, symbols, offsets=offsets)) == slowly(held)
    assert table.count == known


def test_vectors_without_bound_make_no_whole_table_and_still_a_cost() -> None:
    held = {"states": 2, "take": [{(0, 1): 0}, {(1, 1): 0}], "step": {}, "leave_out": [1, 1], "start": 0,
            "stop": {0: 0, 1: 2}, "runs": [[0] + [1] * 40, [1, 1], []]}
    symbols, offsets = columns(held["runs"])
    assert table_of(prices(held), most=30) is None
    costs, vectors = cheapest(prices(held), symbols, offsets=offsets, most=30)
    assert vectors is None
    assert costs.tolist() == slowly(held) == [2, 2, 0]


@given(problems(), st.integers(0, 4))
def test_past_the_cap_the_programme_is_run_and_said_so(held: dict[str, Any], most: int) -> None:
    symbols, offsets = columns(held["runs"])
    costs, vectors = cheapest(prices(held), symbols, offsets=offsets, most=most)
    assert said(costs) == slowly(held)
    assert vectors is None or 1 <= vectors <= most


def test_the_closure_is_that_of_every_way_written_out() -> None:
    step = np.full((4, 4), NO_WAY, dtype="i4")
    step[0, 1], step[1, 2], step[0, 2], step[2, 0] = 1, 1, 5, 0
    assert closure(step).tolist() == [[0, 1, 2, NO_WAY], [1, 0, 1, NO_WAY], [0, 1, 0, NO_WAY], [NO_WAY, NO_WAY, NO_WAY, 0]]


def test_runs_in_blocks_are_the_runs_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    held = {"states": 3, "take": [{(0, 1): 0}, {(1, 2): 0}], "leave_out": [1, 1], "step": {(0, 1): 1, (1, 2): 1},
            "start": 0, "stop": {2: 0}, "runs": [rng.integers(0, 2, n).tolist() for n in rng.integers(0, 9, 70)]}
    symbols, offsets = columns(held["runs"])
    for few in (0, 16):
        monkeypatch.setattr("rupturekit._kernels.alignment._FEW", few)
        for at_once in (64, 1 << 22):
            monkeypatch.setattr("rupturekit._kernels.alignment._AT_ONCE", at_once)
            assert said(costs_by_programme(prices(held), symbols, offsets=offsets)) == slowly(held)
            assert said(costs_by_walk(Table(prices(held)), symbols, offsets=offsets)) == slowly(held)


@given(problems())
def test_vectors_that_mix_to_one_number_are_still_told_apart(held: dict[str, Any]) -> None:
    symbols, offsets = columns(held["runs"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rupturekit._kernels.alignment._MIX", np.uint64(0))
        table = Table(prices(held))
        assert said(costs_by_walk(table, symbols, offsets=offsets)) == slowly(held)
    assert len(np.unique(table.vectors[: table.count], axis=0)) == table.count
