"""Leaving out one cluster at a time: against the textbook form for means, and a plain loop for anything else."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rupturekit.errors import NotEstimable
from rupturekit.inference.clusters import Clustering
from rupturekit.inference.jackknife import jackknifed

VALUES = st.lists(st.integers(-50, 50).map(float), min_size=8, max_size=14)


def alone(names: Collection[str]) -> Clustering:
    held = sorted(names)
    return Clustering(level="dyad", names=tuple(held), of={name: at for at, name in enumerate(held)})


def named(values: list[float]) -> dict[str, float]:
    return {f"D{at:02d}": value for at, value in enumerate(values)}


def mean_of(values: dict[str, float]):  # type: ignore[no-untyped-def]
    return lambda kept: statistics.fmean(values[name] for name in kept)


@given(VALUES)
def test_of_a_mean_it_is_the_standard_error_of_the_mean(values: list[float]) -> None:
    assume(len(set(values)) > 1)
    held = named(values)
    found = jackknifed(mean_of(held), held, what="mean", clustering=alone(held), n={"moves": 3})
    assert found.value == pytest.approx(statistics.fmean(values))
    assert found.standard_error == pytest.approx(statistics.stdev(values) / math.sqrt(len(values)))
    assert found.interval is not None
    assert found.interval[1] - found.value == pytest.approx(found.value - found.interval[0])
    assert found.n == {"dyads": len(values), "moves": 3}
    assert found.method == f"all dyads together, Student's t over {len(values)} dyads left out one at a time"
    assert found.citations == ("tukey-1958",)


@given(VALUES, st.lists(st.integers(0, 9), min_size=14, max_size=14))
def test_of_any_statistic_it_is_the_loop_over_clusters(values: list[float], whose: list[int]) -> None:
    held = named(values)
    of = dict(zip(held, whose, strict=False))
    clusters = sorted(set(of.values()))
    clustering = Clustering(level="therapist", names=tuple(f"T{at}" for at in range(10)), of=of)

    def statistic(kept: Collection[str]) -> float:
        return max((held[name] for name in kept), default=0.0) ** 2 + len(kept)

    found = jackknifed(statistic, held, what="any", clustering=clustering, n={}, citations=("mine",))
    without = [statistic([name for name in held if of[name] != gone]) for gone in clusters]
    middle, n = statistics.fmean(without), len(clusters)
    error = math.sqrt((n - 1) / n * sum((one - middle) ** 2 for one in without))
    assert found.n == {"therapists": n, "dyads": len(values)}
    assert found.governed_by == "therapist"
    if n < 8:
        assert (found.interval, found.no_interval) == (
            None, f"an interval needs 8 or more independent therapists, and there are {n}")
        assert found.citations == ("mine",)
    elif error > 1e-9 * max(1, abs(found.value)):
        assert found.standard_error == pytest.approx(error)
        assert found.citations == ("mine", "tukey-1958")


def test_limits_stay_within_bounds_and_few_clusters_are_told() -> None:
    held = named([0.0] * 4 + [1.0] * 5)
    found = jackknifed(mean_of(held), held, what="share", clustering=alone(held), n={}, bounds=(0.2, 0.8), warnings=("mine",))
    assert found.interval == (0.2, 0.8)
    assert found.warnings == ("only 9 dyads: the interval leans on their values being spread evenly", "mine")
    many = named([float(at % 2) for at in range(20)])
    assert jackknifed(mean_of(many), many, what="share", clustering=alone(many), n={}).warnings == ()


def test_a_wider_confidence_gives_a_wider_interval() -> None:
    held = named([float(at) for at in range(9)])
    wide, narrow = (jackknifed(mean_of(held), held, what="mean", clustering=alone(held), n={}, confidence=confidence).interval
                    for confidence in (0.99, 0.5))
    assert wide is not None
    assert narrow is not None
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_what_hangs_on_one_cluster_is_told() -> None:
    held = named([1.0] * 9)

    def only_with_the_first(kept: Collection[str]) -> float:
        if "D00" not in kept:
            raise NotEstimable("D00 is gone")
        return len(kept)

    found = jackknifed(only_with_the_first, held, what="any", clustering=alone(held), n={})
    assert (found.value, found.interval, found.standard_error) == (9, None, None)
    assert found.no_interval == "it hangs on a single dyad: without it, D00 is gone"


def test_values_that_are_all_equal_have_no_interval() -> None:
    held = named([0.5] * 9)
    found = jackknifed(mean_of(held), held, what="mean", clustering=alone(held), n={})
    assert (found.value, found.interval) == (0.5, None)
    assert found.no_interval.startswith("leaving out any of the dyads gives the same value")


def test_without_a_value_there_is_nothing_to_leave_out_of() -> None:
    def never(kept: Collection[str]) -> float:
        raise NotEstimable("nothing")

    with pytest.raises(NotEstimable, match="nothing"):
        jackknifed(never, named([1.0] * 9), what="any", clustering=alone(named([1.0] * 9)), n={})
