"""Costs over all orders of moves at one instant, against every order aligned one by one."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rupturekit as rk
from rupturekit._kernels import orders as kernel
from rupturekit._kernels.alignment import NO_WAY, Prices, cheapest, prices_of
from rupturekit._kernels.orders import Extremes, Group, lattice
from rupturekit.codebooks import Codebook, load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import Accept, AlignmentCosts, align_cohort
from rupturekit.episode import Coding, EpisodeRow, Move
from rupturekit.testing import codebooks, models
from rupturekit.ties import TieRule
from rupturekit.vocabulary import ClosedBy

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

STAGES = load_codebook("stages")
Said = tuple[int, str, str]
"""Onset in seconds, party and code."""


def cohort_of(*episodes: list[Said], book: Codebook = STAGES) -> Cohort:
    """Return a cohort of one session an episode, moves at one instant in the order given."""
    moves = [Move(dyad="D1", session=session, track="r1", party=party, code=code, onset=rk.seconds(onset), tie=at,
                  row_id=1000 * session + at)
             for session, said in enumerate(episodes, start=1) for at, (onset, party, code) in enumerate(said)]
    rows = [EpisodeRow(episode=f"E{session}", dyad="D1", track="r1", first_session=session, last_session=session, onset=0,
                       end=rk.seconds(said[-1][0]), closed_by=ClosedBy.CODERS)
            for session, said in enumerate(episodes, start=1)]
    return Cohort.of(moves, coding=Coding(codebook=book), episodes=rows)


def every_order(said: list[Said]) -> list[list[Said]]:
    """Return the episode in every order of its moves at one instant."""
    instants = [list(moves) for _, moves in itertools.groupby(said, key=lambda move: move[0])]
    return [[move for instant in order for move in instant]
            for order in itertools.product(*(itertools.permutations(instant) for instant in instants))]


PRICE = st.integers(0, 2)
COSTS = st.builds(AlignmentCosts, skipped=PRICE, off_model=PRICE, substituted=st.none() | PRICE,
                  accept=st.sampled_from(Accept))


@st.composite
def tied(draw: st.DrawFn) -> tuple[list[Said], Codebook]:
    """Draw an episode of up to seven moves, at most four at one instant."""
    book = draw(codebooks())
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3).filter(lambda sizes: sum(sizes) <= 7))
    codes = st.sampled_from([code.code for code in book.codes])
    people = st.sampled_from(["client", "therapist"])
    return [(at * 30, draw(people), draw(codes)) for at, size in enumerate(sizes) for _ in range(size)], book


@settings(max_examples=80, deadline=None)
@given(tied(), models(), COSTS)
def test_the_interval_is_that_of_every_order(drawn: tuple[list[Said], Codebook], model: rk.StateMachine, costs: AlignmentCosts
                                             ) -> None:
    said, book = drawn
    one = align_cohort(cohort_of(said, book=book), model, costs=costs, any_type=True)
    laid = align_cohort(cohort_of(*every_order(said), book=book), model, costs=costs, any_type=True)
    assert (one.least.tolist(), one.greatest.tolist()) == ([laid.cost.min()], [laid.cost.max()])
    assert one.exact.all()
    assert set(laid.least.tolist()) == {one.least[0]}
    assert set(laid.greatest.tolist()) == {one.greatest[0]}


# --- the kernel ----------------------------------------------------------------------------------------------------


def prices(seed: int, *, states: int = 4, symbols: int = 5) -> Prices:
    """Return the prices of a random graph in which every state can be left."""
    rng = np.random.default_rng(seed)
    take = np.where(rng.random((symbols, states, states)) < 0.25, 0, NO_WAY).astype("i4")
    step = np.where(rng.random((states, states)) < 0.4, rng.integers(0, 3, (states, states)), NO_WAY).astype("i4")
    step[np.arange(states - 1), np.arange(1, states)] = 1
    stop = np.where(np.arange(states) == states - 1, 0, NO_WAY).astype("i4")
    return prices_of(take, leave_out=rng.integers(1, 3, symbols).astype("i4"), step=step, start=0, stop=stop)


def brute(held: Prices, groups: list[Group]) -> tuple[int, int]:
    """Return the least and greatest cost over all orders, one by one."""
    runs = [[pair[at > 0] for group in order for at, pair in enumerate(group)]
            for order in itertools.product(*(set(itertools.permutations(group)) for group in groups))]
    symbols, length = np.array(runs, dtype="i8").ravel(), len(runs[0])
    costs, _ = cheapest(held, symbols, offsets=np.arange(0, len(runs) + 1) * length)
    return int(costs.min()), int(costs.max())


GROUPS = st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=4).map(
    lambda group: tuple(sorted(group))), max_size=2)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 200), GROUPS, st.sampled_from([0, 2, 32]))
def test_groups_in_every_order(seed: int, groups: list[Group], few: int) -> None:
    held = prices(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_FEW", few)
        least, greatest = Extremes(held).over(groups)
    assert (least.cost, greatest.cost) == brute(held, groups)
    assert least.exact
    assert greatest.exact


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), GROUPS, st.sampled_from([(0, 0, 500, 256), (0, 0, 1, 256), (64, 1024, 500, 1)]))
def test_bounds_hold_every_order_between_them(seed: int, groups: list[Group], limits: tuple[int, int, int, int]) -> None:
    held = prices(seed)
    names = ("_MOST_SETS", "_MOST_SETS_OF_LEAST", "_MOST_STEPS", "_MOST_VECTORS")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_FEW", 1)
        for name, limit in zip(names, limits, strict=True):
            patch.setattr(kernel, name, limit)
        least, greatest = Extremes(held).over(groups)
    low, high = brute(held, groups)
    assert least.cost <= low
    assert greatest.cost >= high
    assert least.cost == low or not least.exact
    assert greatest.cost == high or not greatest.exact
    assert least.exact == (limits[0] > 0 or not groups)
    assert greatest.cost <= int((held.begin + held.stop).min()) + 2 * sum(map(len, groups))


def test_vectors_that_are_too_many_to_follow_bound_the_greatest_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    held, groups = prices(23), [((0, 0), (1, 1), (2, 2)), ((3, 3), (4, 4))]
    assert Extremes(held).over(groups) == ((0, True), (2, True))
    monkeypatch.setattr(kernel, "_FEW", 1)
    monkeypatch.setattr(kernel, "_MOST_VECTORS", 1)
    assert Extremes(held).over(groups) == ((0, True), (3, False))


def test_what_is_remembered_is_forgotten_without_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    held, groups = prices(3), [((0, 1), (2, 3)), ((1, 1), (3, 3), (4, 4))] * 3
    before = Extremes(held).over(groups)
    monkeypatch.setattr(kernel, "_HELD", 0)
    found = Extremes(held)
    assert found.over(groups) == found.over(groups) == before


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=5).map(lambda group: tuple(sorted(group))))
def test_every_order_is_one_way_through_the_sets(group: Group) -> None:
    into = lattice(group)

    def ways(at: int) -> list[tuple[int, ...]]:
        return [(*way, symbol) for before, symbol in into[at] for way in ways(before)] if at else [()]

    orders = {tuple(pair[at > 0] for at, pair in enumerate(order)) for order in itertools.permutations(group)}
    assert set(ways(len(into) - 1)) == orders
    assert math.factorial(len(group)) >= len(ways(len(into) - 1)) >= len(orders)


# --- in tables and words -------------------------------------------------------------------------------------------

WD, INVITE, HALF, ASSERT = ("client", "wd"), ("therapist", "invite"), ("client", "qual-assert"), ("client", "self-assert")


def at(*said: tuple[int, tuple[str, str]]) -> list[Said]:
    return [(onset, *who) for onset, who in said]


APART = at((0, WD), (10, INVITE), (20, HALF), (30, ASSERT))
AT_ONCE = at((0, WD), (10, ASSERT), (10, INVITE), (10, HALF))


def test_the_headline_is_the_interval() -> None:
    held = align_cohort(cohort_of(APART, AT_ONCE), "withdrawal-2000")
    assert held.cost.tolist() == [0, 2]
    assert (held.least.tolist(), held.greatest.tolist(), held.exact.tolist()) == ([0, 0], [0, 4], [True, True])
    low, high = held.fit_over_orders()
    assert (low.tolist(), high.tolist()) == ([1.0, 1 - 4 / 7], [1.0, 1.0])
    lines = str(held).splitlines()
    assert lines[2:] == ["  mean model fit 0.714 to 1.000 over 2 episodes and the orders of moves at one instant, 0.857 in "
                         "the order taken",
                         "  without deviation 1 to 2; on the order hangs the cost of 1"]
    one = held[1]
    assert (one.cost, one.least, one.greatest, one.exact) == (2, 0, 4, True)
    assert one.fit_over_orders == (1 - 4 / 7, 1.0)
    assert repr(one) == "Alignment('E2' by 'withdrawal-2000': cost 0 to 4 of 7)"
    assert ("cost 0 to 4 over orders of moves at one instant, of at most 7, model fit 0.429 to 1.000; told in the order "
            "taken, cost 2, model fit 0.714; cheapest alignments: ") in one.explain().partition("\n")[0]
    assert held[0].fit_over_orders == (1.0, 1.0)
    assert repr(held[0]) == "Alignment('E1' by 'withdrawal-2000': cost 0 of 7)"


def test_the_interval_is_the_same_under_every_tie_rule() -> None:
    found = {rule: align_cohort(cohort_of(APART, AT_ONCE), "withdrawal-2000", tie_rule=rule) for rule in TieRule}
    assert {(tuple(held.least), tuple(held.greatest)) for held in found.values()} == {((0, 0), (0, 4))}


def test_nothing_to_pay_leaves_no_fit_over_orders() -> None:
    free = AlignmentCosts(skipped=0, off_model=0)
    held = align_cohort(cohort_of(AT_ONCE), "withdrawal-2000", costs=free)
    assert np.isnan(held.fit_over_orders()[0]).all()
    assert held[0].fit_over_orders is None


def thirty(kinds: int) -> list[Said]:
    codes = [(code.parties or ("client",), code.code) for code in STAGES.codes if code.functions]
    return [(0, *WD), *((10, codes[n % kinds][0][0], codes[n % kinds][1]) for n in range(30))]


@pytest.mark.parametrize("model", ["withdrawal-2000", "cat-2006"])
def test_thirty_moves_at_one_instant_are_bounded_in_value_and_memory(model: str) -> None:
    cohort = cohort_of(thirty(30))
    tracemalloc.start()
    held = align_cohort(cohort, model)
    low, cost, high = int(held.least[0]), int(held.cost[0]), int(held.greatest[0])
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 200e6
    assert low <= cost <= high <= held.worst[0]
    assert not held.exact[0]
    said = held[0].explain().partition("\n")[0]
    assert f"cost {low} to {high} over orders of moves at one instant (bounds), of at most" in said
    assert "on the order hangs the cost of 1, for 1 within bounds" in str(held)


def test_thirty_moves_alike_are_exact() -> None:
    held = align_cohort(cohort_of([(0, *WD), *((10, *WD) for _ in range(29)), (10, *INVITE)]), "withdrawal-2000")
    assert held.exact.all()
    assert (held.least.tolist(), held.greatest.tolist()) == ([2], [3])


def test_six_moves_are_exact_and_seven_of_seven_kinds_a_bound_of_the_greatest() -> None:
    said = [("client", "qual-assert"), ("client", "avoid-assert"), ("therapist", "invite"), ("therapist", "explore-avoid"),
            ("therapist", "validate"), ("client", "self-assert"), ("therapist", "facilitate")]
    cohort = cohort_of(*([(0, *WD), *((10, *one) for one in said[:n])] for n in (6, 7)))
    held = align_cohort(cohort, "withdrawal-2000")
    assert held.exact.tolist() == [True, False]
    laid = align_cohort(cohort_of(*every_order([(0, *WD), *((10, *one) for one in said[:6])])), "withdrawal-2000")
    assert (held.least[0], held.greatest[0]) == (laid.cost.min(), laid.cost.max())
    assert held.least[1] <= held.cost[1] <= held.greatest[1]


def test_episodes_without_moves_at_one_instant_ask_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(Extremes, "over", lambda self, groups: asked.append(groups))
    held = align_cohort(cohort_of(APART), "withdrawal-2000")
    assert held.least.tolist() == held.greatest.tolist() == held.cost.tolist()
    assert asked == []
