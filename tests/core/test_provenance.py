"""What a result was made of."""

from __future__ import annotations

import attrs
import pytest

from rupturekit.errors import ProvenanceMismatch
from rupturekit.provenance import FORMAT_VERSION, LIBRARY_VERSION, Provenance

ONE = Provenance(cohort="c1", codebook="b1", model="m1", rules=("a",), track="r1", seed=1)


def test_a_result_says_by_which_library_and_format_it_was_made() -> None:
    assert (ONE.library, ONE.format) == (LIBRARY_VERSION, FORMAT_VERSION)


def test_equal_provenance_may_be_joined() -> None:
    ONE.must_equal(attrs.evolve(ONE))


@pytest.mark.parametrize("field", [field.name for field in attrs.fields(Provenance)])
def test_what_differs_in_any_field_is_not_joined_and_the_field_is_named(field: str) -> None:
    other = attrs.evolve(ONE, **{field: "other"})
    with pytest.raises(ProvenanceMismatch, match=f"cannot be joined.*{field}: .* and other"):
        ONE.must_equal(other)


def test_every_difference_is_named() -> None:
    with pytest.raises(ProvenanceMismatch, match=r"cohort: c1 and c2; seed: 1 and None"):
        ONE.must_equal(attrs.evolve(ONE, cohort="c2", seed=None))
