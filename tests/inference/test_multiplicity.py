"""False-discovery control, against the published example and the plain definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.errors import NotEnoughData, RecordError
from rupturekit.inference.multiplicity import false_discovery

# Benjamini & Hochberg (1995), section 3.2: the fifteen p-values of Neuhaus et al. (1992); four are rejected at .05.
NEUHAUS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
           0.7590, 1.0000]

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def rejected(p: list[float], rate: float) -> set[int]:
    """Return what the step-up procedure rejects: all up to the largest k with p(k) <= k * rate / n."""
    order = sorted(range(len(p)), key=lambda at: p[at])
    last = max((k for k in range(1, len(p) + 1) if p[order[k - 1]] <= k * rate / len(p)), default=0)
    return set(order[:last])


def test_the_published_example() -> None:
    assert sum(q <= 0.05 for q in false_discovery(NEUHAUS)) == 4


@given(SHARES, st.sampled_from([0.01, 0.05, 0.1, 0.3]))
def test_at_any_rate_it_rejects_what_the_procedure_does(p: list[float], rate: float) -> None:
    found = false_discovery(p)
    near = {at for at, q in enumerate(found) if abs(q - rate) < 1e-12}
    assert {at for at, q in enumerate(found) if q <= rate} - near == rejected(p, rate) - near


@given(SHARES)
def test_under_any_dependence_it_is_the_harmonic_sum_stricter(p: list[float]) -> None:
    harmonic = sum(1 / k for k in range(1, len(p) + 1))
    for q, strict in zip(false_discovery(p), false_discovery(p, dependence="any"), strict=True):
        assert strict == pytest.approx(min(1, q * harmonic)) or q == 1.0


def test_what_is_no_list_of_p_values_is_refused() -> None:
    with pytest.raises(NotEnoughData):
        false_discovery([])
    with pytest.raises(RecordError, match="p-value 2"):
        false_discovery([0.1, float("nan")])
    with pytest.raises(RecordError, match="positive"):
        false_discovery([0.1], dependence="none")
