"""Permutation p-values against full enumeration, and the two ways of drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.inference.nulls import Null
from rupturekit.inference.permutation import BLOCK, permutation_test


def listed(values: list[float]):  # type: ignore[no-untyped-def]
    """Return a source of draws that gives these values in order."""
    return lambda start, count: np.array(values[start : start + count], dtype=float)


def drawn_from(observed: float, values: list[float], **more: object):  # type: ignore[no-untyped-def]
    return permutation_test(observed, listed(values), seed=1, n_arrangements=10**6,
                            **{"null": Null.TURNS, "draws": len(values), "alpha": 0.9, **more})  # type: ignore[arg-type]


@given(st.lists(st.integers(-3, 3).map(float), min_size=3, max_size=30), st.integers(-3, 3).map(float))
def test_p_counts_what_does_as_well_and_the_observed_one(values: list[float], observed: float) -> None:
    found, n = drawn_from(observed, values), len(values)
    assert found.p == (1 + sum(value >= observed for value in values)) / (1 + n)
    assert found.mid_p == pytest.approx(
        (sum(value > observed for value in values) + (1 + sum(value == observed for value in values)) / 2) / (1 + n))
    less = drawn_from(observed, values, alternative="less")
    assert less.p == (1 + sum(value <= observed for value in values)) / (1 + n)
    assert found.mid_p + less.mid_p == pytest.approx(1)
    both = drawn_from(observed, values, alternative="two-sided")
    assert both.p == min(1, 2 * min(found.p, less.p))
    assert found.expected == pytest.approx(sum(values) / n)


@given(st.lists(st.integers(0, 4).map(float), min_size=5, max_size=40), st.integers(1, 4),
       st.sampled_from(["greater", "less"]))
def test_drawing_stops_at_the_draw_that_brings_the_last_needed(values: list[float], h: int, way: str) -> None:
    found = drawn_from(2.0, values, stop_after=h, alternative=way)
    as_well = [at for at, value in enumerate(values, start=1) if (value >= 2 if way == "greater" else value <= 2)]
    if len(as_well) >= h:
        assert (found.p, found.draws, found.mid_p) == (h / as_well[h - 1], as_well[h - 1], None)
        assert found.citations == ("besag-clifford-1991",)
    else:
        assert (found.p, found.draws) == ((1 + len(as_well)) / (1 + len(values)), len(values))
        assert found.citations == ("phipson-smyth-2010",)


def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [float(at * 7919 % 101) for at in range(3 * BLOCK)]
    before = [drawn_from(90.0, values), drawn_from(90.0, values, stop_after=20)]
    monkeypatch.setattr("rupturekit.inference.permutation.BLOCK", 7)
    assert [drawn_from(90.0, values), drawn_from(90.0, values, stop_after=20)] == before


def test_sums_of_quotients_that_differ_by_rounding_are_ties() -> None:
    assert drawn_from(0.1 + 0.2, [0.3] * 9).p == 1.0


@pytest.mark.parametrize(("draws", "ways", "way", "smallest"), [
    (99, 10**6, "greater", 0.01), (999, 24, "greater", 1 / 24), (99, 10**6, "two-sided", 0.02)])
def test_the_smallest_p_attainable_is_stated(draws: int, ways: int, way: str, smallest: float) -> None:
    found = permutation_test(0.0, lambda start, count: np.zeros(count), null=Null.RUNS, seed=1, n_arrangements=ways,
                             draws=draws, alternative=way)  # type: ignore[arg-type]
    assert found.smallest_p == pytest.approx(smallest)


@pytest.mark.parametrize(("draws", "ways"), [(999, 6), (9, 10**6), (999, 0)])
def test_where_no_rejection_is_possible_there_is_no_test(draws: int, ways: int) -> None:
    with pytest.raises(NotEnoughData, match="smallest p attainable") as refused:
        permutation_test(0.0, lambda start, count: np.zeros(count), null=Null.TURNS, seed=1, n_arrangements=ways,
                         draws=draws)
    assert refused.value.needed == 20


@pytest.mark.parametrize("wrong", [{"alternative": "more"}, {"draws": 0}, {"alpha": 1.5}, {"stop_after": 0},
                                   {"stop_after": 5, "alternative": "two-sided"}])
def test_what_is_not_understood_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RecordError, match="expected|needs a one-sided"):
        drawn_from(0.0, [1.0, 2.0], **wrong)


def test_a_test_reads_well() -> None:
    found = drawn_from(3.0, [1.0] * 99)
    assert str(found) == ("p = 0.0100 (greater) against 'turns': 3 observed, 1 expected; 99 draws, smallest p attainable "
                          "0.01")
    assert repr(found) == "NullTest('turns', p=0.0100)"


@given(st.lists(st.none() | st.integers(-3, 3).map(float), min_size=3, max_size=30), st.integers(-3, 3).map(float),
       st.sampled_from(["greater", "less"]))
def test_arrangements_that_give_no_value_are_not_counted(values: list[float | None], observed: float, way: str) -> None:
    known = [value for value in values if value is not None]
    assume(known)
    given_none = drawn_from(observed, [float("nan") if value is None else value for value in values], alternative=way)
    without = drawn_from(observed, known, alternative=way)
    assert (given_none.p, given_none.mid_p, given_none.draws, given_none.expected) == (
        without.p, without.mid_p, without.draws, without.expected)
    assert given_none.smallest_p == 1 / (1 + len(known))
    left = len(values) - len(known)
    assert given_none.holds == without.holds + (f"; {left} arrangements gave no value and are not counted" if left else "")


def test_where_too_few_arrangements_give_a_value_the_test_is_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"only 2 of 9 arrangements gave a value, so that no p below 0\.333 is") as told:
        drawn_from(1.0, [float("nan")] * 7 + [0.0, 0.0], alpha=0.3)
    assert (told.value.needed, told.value.found) == (4, 3)
    with pytest.raises(NotEnoughData, match="only 0 of 9 arrangements"):
        drawn_from(1.0, [float("nan")] * 9)


def test_drawing_goes_on_until_as_many_did_as_well_whatever_gave_no_value() -> None:
    nothing = float("nan")
    assert drawn_from(1.0, [nothing, 2.0, nothing, 0.0, 2.0, 2.0], stop_after=2).draws == 3


def test_a_null_of_ones_own_says_what_it_keeps() -> None:
    found = drawn_from(1.0, [0.0] * 9, null="mine", holds="all but one thing is kept")
    assert (found.null, found.holds) == ("mine", "all but one thing is kept")
    with pytest.raises(RecordError, match=r"null is 'mine'; expected one of turns, runs, interleaving, free, or say what it keeps"):
        drawn_from(1.0, [0.0] * 9, null="mine")


def test_no_p_is_above_one_even_where_it_is_doubled() -> None:
    with pytest.raises(NotEnoughData, match="the smallest p attainable is 1, above 0.05"):
        permutation_test(0.0, lambda start, count: np.zeros(count), null=Null.TURNS, seed=1, draws=99, n_arrangements=1,
                         alternative="two-sided")
