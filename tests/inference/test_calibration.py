"""The harness, put through methods whose level, coverage and bias are known."""

from __future__ import annotations

import pytest

from rupturekit import _random
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.inference.calibration import check_bias, check_coverage, check_level, share_error
from rupturekit.inference.clusters import Clustering, interval_of_mean
from rupturekit.inference.estimate import Estimate, NullTest


def uniform(seed: int, at: int = 0) -> float:
    return float(_random.uniforms(_random.key(seed, cluster="all", purpose="check"), 1, start=at)[0])


def p_value(seed: int, *, power: float = 1.0) -> NullTest:
    if seed % 10 == 3:
        raise NotEnoughData("too few", needed=2, found=1)
    p = uniform(seed) ** power
    return NullTest(null="turns", holds="", alternative="greater", statistic=0.0, expected=0.0, p=p, mid_p=p,
                    smallest_p=0.0, draws=99)


def greedy(seed: int) -> NullTest:
    return p_value(seed, power=1.5)


def test_a_test_that_keeps_its_level_is_seen_to_and_refusals_stand_apart() -> None:
    found = check_level(p_value, range(2000))
    assert (found.n, found.refused) == (1800, {"NotEnoughData": 200})
    assert all(map(found.holds, (0.01, 0.05, 0.10)))
    assert found.centred
    assert "refused 200" in str(found)


def test_a_test_that_rejects_too_often_is_caught() -> None:
    found = check_level(greedy, range(2000))
    assert not any(map(found.holds, (0.01, 0.05, 0.10)))
    assert not found.centred


def test_threads_and_progress_change_nothing() -> None:
    told: list[tuple[int, int]] = []
    assert (check_level(p_value, range(50), executor="threads", workers=2, tell=lambda done, of: told.append((done, of)))
            == check_level(p_value, range(50)))
    assert told == [(done, 50) for done in range(1, 51)]


def interval(seed: int, *, shrink: float = 1.0, n: int = 10) -> tuple[Estimate, float]:
    """Return the mean of n uniform values, whose expectation is 1/2."""
    values = {str(at): uniform(seed, at) for at in range(n)}
    held = interval_of_mean(values, Clustering(level="dyad", names=tuple(values), of={name: int(name) for name in values}))
    limits = held.limits and (held.value - shrink * (held.value - held.limits[0]), held.value + shrink * (held.limits[1] - held.value))
    return Estimate(what="mean", value=held.value, interval=limits, confidence=0.95, n={"dyads": n}, governed_by="dyad",
                    method=held.method, warnings=held.warnings), 0.5


def too_narrow(seed: int) -> tuple[Estimate, float]:
    return interval(seed, shrink=0.7)


def too_few(seed: int) -> tuple[Estimate, float]:
    return interval(seed, n=5 + seed % 4 if seed else 5)


def test_an_interval_that_covers_is_seen_to() -> None:
    found = check_coverage(interval, range(1000))
    assert found.holds
    assert (found.n, found.warned, found.refused) == (1000, 1000, {})
    assert "95% intervals" in str(found)


def test_an_interval_that_is_too_narrow_is_caught() -> None:
    assert not check_coverage(too_narrow, range(1000)).holds


def test_runs_without_an_interval_stand_apart() -> None:
    found = check_coverage(too_few, range(8))
    assert (found.n, found.refused) == (2, {"no interval": 6})
    with pytest.raises(NotEstimable, match="no run gave an interval"):
        check_coverage(too_few, [0, 1])


def off_by(seed: int, *, by: float = 0.0) -> tuple[float, float]:
    return uniform(seed) + by, 0.5


def biased(seed: int) -> tuple[float, float]:
    return off_by(seed, by=0.05)


def test_bias_is_told_from_chance() -> None:
    fair, off = check_bias(off_by, range(1000)), check_bias(biased, range(1000))
    assert fair.holds
    assert not off.holds
    assert fair.spread == pytest.approx(12**-0.5, rel=0.05)
    assert "standard deviation" in str(off)


def refuse(seed: int) -> NullTest:
    raise NotEstimable("never")


def test_nothing_run_or_all_refused_is_said() -> None:
    with pytest.raises(RecordError, match="no runs"):
        check_level(p_value, [])
    with pytest.raises(NotEstimable, match="all 3 runs were refused"):
        check_level(refuse, range(3))
    with pytest.raises(NotEnoughData, match="two or more"):
        check_bias(off_by, [1])


def test_one_run_is_never_centred() -> None:
    assert check_level(p_value, [1]).mid_p_error == float("inf")


def test_the_error_of_a_share_is_the_binomial_one() -> None:
    assert share_error(0.5, 100) == 0.05
