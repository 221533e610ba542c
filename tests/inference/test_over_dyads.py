"""One value a dyad: the mean, and the interval that the governing units give."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.errors import NotEnoughData
from rupturekit.inference.clusters import Clustering, interval_of_mean
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.provenance import Provenance

NAMES = tuple(f"D{at:02d}" for at in range(24))


def by(level: str, each: int) -> Clustering:
    return Clustering(level=level, names=NAMES, of={name: at // each for at, name in enumerate(NAMES)})


@given(st.lists(st.integers(0, 20).map(lambda whole: whole / 20), min_size=1, max_size=24), st.sampled_from([("dyad", 1), ("therapist", 2)]))
def test_it_is_the_mean_with_the_interval_of_its_clusters(values: list[float], how: tuple[str, int]) -> None:
    held, whose = dict(zip(NAMES, values, strict=False)), by(*how)
    found = over_dyads(held, what="share", clustering=whose, n={"spells": 7}, bounds=(0.0, 1.0), seed=3, assumptions=("mine",))
    limits = interval_of_mean(held, whose, bounds=(0.0, 1.0), seed=3)
    assert (found.interval, found.no_interval, found.standard_error) == (limits.limits, limits.why_none, limits.standard_error)
    if how[0] == "dyad":
        assert found.value == pytest.approx(statistics.fmean(values))
        assert found.n == {"dyads": len(values), "spells": 7}
    else:
        assert found.value == limits.value
        assert found.n == {"therapists": -(-len(values) // 2), "dyads": len(values), "spells": 7}
    assert found.assumptions == (f"{how[0]}s are independent of each other", "every dyad counts alike, however long", "mine")


def test_a_seed_is_kept_with_the_provenance() -> None:
    made = Provenance(cohort="c", codebook="b")
    found = over_dyads({"D00": 0.5}, what="share", clustering=by("dyad", 1), n={}, seed=9, provenance=made)
    assert found.provenance is not None
    assert found.provenance.seed == 9
    assert found.interval is None


def test_without_values_there_are_not_enough_data() -> None:
    with pytest.raises(NotEnoughData):
        over_dyads({}, what="share", clustering=by("dyad", 1), n={})
