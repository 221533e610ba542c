"""Intervals over clusters, against published tables, textbook forms and every sign flip written out."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import rupturekit as rk
from rupturekit.episode import Dyad
from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.inference.clusters import (
    Clustering,
    bootstrap_weights,
    clustering_of,
    interval_of_mean,
    jackknife,
    sign_flip,
    student_quantile,
)

VALUES = st.floats(-100, 100).map(lambda value: round(value, 3))


def alone(n: int) -> Clustering:
    """Return n dyads, a cluster each."""
    names = tuple(f"D{at:03d}" for at in range(n))
    return Clustering(level="dyad", names=names, of={name: at for at, name in enumerate(names)})


def named(values: list[float]) -> dict[str, float]:
    return {f"D{at:03d}": value for at, value in enumerate(values)}


@pytest.mark.parametrize(("share", "freedom", "value"), [
    (0.975, 1, 12.706), (0.975, 2, 4.303), (0.975, 7, 2.365), (0.975, 8, 2.306), (0.975, 18, 2.101), (0.95, 10, 1.812),
    (0.995, 11, 3.106), (0.9995, 3, 12.924), (0.975, 120, 1.980), (0.5, 5, 0.0), (0.025, 7, -2.365)])
def test_students_t_is_that_of_the_tables(share: float, freedom: int, value: float) -> None:
    assert student_quantile(share, freedom) == pytest.approx(value, abs=5.1e-4)


@pytest.mark.parametrize(("share", "freedom"), [(0, 3), (1, 3), (0.5, 0)])
def test_a_quantile_of_nothing_is_refused(share: float, freedom: int) -> None:
    with pytest.raises(RecordError, match="share between 0 and 1"):
        student_quantile(share, freedom)


@given(st.lists(VALUES, min_size=8, max_size=19))
def test_from_8_to_19_dyads_it_is_the_textbook_t_interval(values: list[float]) -> None:
    assume(statistics.stdev(values) > 1e-6)
    found = interval_of_mean(named(values), alone(len(values)), confidence=0.9)
    error = statistics.stdev(values) / math.sqrt(len(values))
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.limits is not None
    reach = student_quantile(0.95, len(values) - 1) * error
    assert found.limits == pytest.approx((found.value - reach, found.value + reach), rel=1e-9, abs=1e-9)
    assert found.warnings


@given(st.lists(VALUES, min_size=1, max_size=7))
def test_below_eight_clusters_there_is_a_sentence(values: list[float]) -> None:
    found = interval_of_mean(named(values), alone(len(values)))
    assert found.limits is None
    assert f"there are {len(values)}" in found.why_none
    assert found.value == pytest.approx(statistics.fmean(values), abs=1e-9)


@pytest.mark.parametrize("n", [8, 30])
def test_where_nothing_varies_there_is_a_sentence(n: int) -> None:
    found = interval_of_mean(named([0.5] * n), alone(n))
    assert found.limits is None
    assert "the same value" in found.why_none


def test_therapists_govern_and_widen_where_their_dyads_agree() -> None:
    values = named([float(at // 5) for at in range(50)])
    by_therapist = Clustering(level="therapist", names=tuple("ABCDEFGHIJ"), of={f"D{at:03d}": at // 5 for at in range(50)})
    wide, narrow = interval_of_mean(values, by_therapist), interval_of_mean(values, alone(50))
    assert wide.value == narrow.value
    assert wide.standard_error is not None
    assert narrow.standard_error is not None
    # Five dyads that agree are one: the variance of a mean of 10, not of 50, up to n / (n - 1).
    assert (wide.standard_error / narrow.standard_error) ** 2 == pytest.approx(5 * (10 / 9) / (50 / 49))


def test_clusters_of_unequal_size_count_by_their_dyads() -> None:
    """By hand: sums 1, 5, 0 ... of sizes 1, 3, 1 ...: the ratio's linearised error."""
    sizes = [1, 3, 1, 1, 2, 1, 1, 1]
    values, of = {}, {}
    for cluster, size in enumerate(sizes):
        for at in range(size):
            values[f"D{cluster}{at}"], of[f"D{cluster}{at}"] = float(cluster % 3 + at), cluster
    found = interval_of_mean(values, Clustering(level="therapist", names=tuple("ABCDEFGH"), of=of))
    mean = sum(values.values()) / 11
    rests = [sum(values[d] - mean for d in values if of[d] == cluster) for cluster in range(8)]
    assert found.standard_error == pytest.approx(math.sqrt(8 / 7 * sum(rest**2 for rest in rests)) / 11)


def test_the_bootstrap_is_near_the_t_interval_where_values_are_even() -> None:
    values = [math.sin(at * 12.9898) for at in range(200)]
    found = interval_of_mean(named(values), alone(200), draws=9999)
    error = statistics.stdev(values) / math.sqrt(200)
    assert found.limits is not None
    # Limits of 9,999 draws have a Monte Carlo error of about 0.025 standard errors.
    assert found.limits[0] == pytest.approx(found.value - 1.972 * error, abs=0.1 * error)
    assert found.limits[1] == pytest.approx(found.value + 1.972 * error, abs=0.1 * error)


def test_the_bootstrap_leans_to_the_long_tail() -> None:
    values = [math.exp(2.5 * math.sin(at * 78.233)) for at in range(40)]
    found = interval_of_mean(named(values), alone(40))
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.value > 1.3 * (found.value - found.low)


@given(st.lists(VALUES, min_size=20, max_size=30), st.integers(0, 5))
def test_the_interval_is_the_same_whatever_the_order_of_the_dyads(values: list[float], seed: int) -> None:
    assume(statistics.stdev(values) > 1e-6)
    held = named(values)
    turned = dict(reversed(held.items()))
    assert (interval_of_mean(held, alone(len(values)), seed=seed, draws=99)
            == interval_of_mean(turned, alone(len(values)), seed=seed, draws=99))


def test_the_weights_of_the_bootstrap_have_the_moments_of_a_multinomial() -> None:
    n, draws = 6, 40_000
    weights = bootstrap_weights(n, draws=draws, seed=3)
    moments = weights.T @ weights / draws - 1    # every mean is 1
    expected = np.full((n, n), -1 / n) + np.eye(n)
    assert np.abs(weights.mean(axis=0) - 1).max() < 4 * math.sqrt((n - 1) / n / draws)
    assert np.abs(moments - expected).max() < 4 * math.sqrt(3 / draws)


def test_the_bootstrap_of_a_mean_has_its_known_mean_and_variance() -> None:
    values = np.array([0.3, 1.1, -0.4, 2.5, 0.0, 0.7, 4.0, 0.2])
    draws = 40_000
    means = bootstrap_weights(len(values), draws=draws, seed=5) @ values / len(values)
    variance = values.var() / len(values)
    fourth = ((values - values.mean()) ** 4).mean()
    kurtosis = 3 + (fourth / values.var() ** 2 - 3) / len(values)
    assert abs(means.mean() - values.mean()) < 4 * math.sqrt(variance / draws)
    assert abs(means.var() - variance) < 4 * variance * math.sqrt((kurtosis - 1) / draws)


def test_the_bootstrap_draws_every_resample_as_often_as_any_other() -> None:
    draws = 27_000
    weights = bootstrap_weights(3, draws=draws, seed=11)
    for counts in itertools.product(range(4), repeat=3):
        if sum(counts) == 3:
            share = math.factorial(3) / math.prod(map(math.factorial, counts)) / 27
            seen = int((weights == counts).all(axis=1).sum()) / draws
            assert abs(seen - share) < 4 * math.sqrt(share * (1 - share) / draws)


def test_limits_stay_within_what_is_possible() -> None:
    found = interval_of_mean(named([0.0] * 8 + [1.0]), alone(9), bounds=(0.0, 1.0))
    assert found.low == 0.0


@pytest.mark.parametrize(("values", "more", "told"), [
    ({}, {}, "no dyad"), ({"X": 1.0}, {}, "'X' belongs to no cluster"), ({"D000": math.nan}, {}, "leave out"),
    ({"D000": 1.0}, {"confidence": 95}, "between 0 and 1")])
def test_what_cannot_be_averaged_is_refused(values: dict[str, float], more: dict[str, float], told: str) -> None:
    with pytest.raises((RecordError, NotEnoughData), match=told):
        interval_of_mean(values, alone(9), **more)  # type: ignore[arg-type]


@given(st.lists(st.integers(-9, 9).map(float), min_size=8, max_size=10), st.integers(-2, 2).map(float))
def test_sign_flips_are_all_looked_at(values: list[float], against: float) -> None:
    p, smallest, ways = sign_flip(named(values), alone(len(values)), against=against)
    rests = [value - against for value in values]
    flipped = [abs(sum(sign * rest for sign, rest in zip(signs, rests, strict=True)))
               for signs in itertools.product((1, -1), repeat=len(values))]
    assert p == sum(total >= abs(sum(rests)) - 1e-9 for total in flipped) / len(flipped)
    assert (smallest, ways) == (2 / 2 ** len(values), 2 ** len(values))


@pytest.mark.parametrize("n", [7, 20])
def test_too_few_or_too_many_clusters_for_sign_flips_are_refused(n: int) -> None:
    with pytest.raises((NotEnoughData, RecordError), match=r"8 or more|too many"):
        sign_flip(named([1.0] * n), alone(n), against=0)


def test_the_jackknife_needs_two() -> None:
    with pytest.raises(NotEnoughData, match="two or more"):
        jackknife({"D1": 1.0})


def cohort(therapists: dict[str, str | None]) -> rk.Cohort:
    coding = rk.Coding(codebook=rk.load_codebook("stages"))
    return rk.Cohort.of([rk.Move(dyad="D9", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)],
                        coding=coding, dyads=[Dyad(dyad=name, therapist=who) for name, who in therapists.items()])


def test_the_highest_level_recorded_governs() -> None:
    found = clustering_of(cohort({"D1": "T1", "D2": "T1", "D3": "T2", "D4": None}))
    assert found.level == "therapist"
    assert found.of["D1"] == found.of["D2"] != found.of["D3"]
    assert len({found.of["D4"], found.of["D9"], found.of["D1"], found.of["D3"]}) == 4
    assert found.warnings == ("2 dyads have no therapist on record and count as a cluster each",)
    assert clustering_of(cohort({"D9": "T1"})).warnings == ()


def test_a_therapist_named_like_a_dyad_is_not_that_dyad() -> None:
    found = clustering_of(cohort({"D1": "D9"}))
    assert found.of["D1"] != found.of["D9"]


def test_a_lower_level_comes_only_on_request_and_with_a_warning() -> None:
    found = clustering_of(cohort({"D1": "T1", "D2": "T1"}), level="dyad")
    assert (found.level, len(found.names)) == ("dyad", 3)
    assert "usually are not" in found.warnings[0]
    assert "no therapist is recorded" in clustering_of(cohort({"D1": None})).warnings[0]


def test_a_level_that_is_not_recorded_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="no therapist is recorded"):
        clustering_of(cohort({"D1": None}), level="therapist")
    with pytest.raises(RecordError, match="expected"):
        clustering_of(cohort({}), level="clinic")
