"""Directions: against reference values, one angle at a time, and laws that hold on a circle."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import oracles_plane as oracles
from rupturekit import _random
from rupturekit.errors import CodingWarning, NotEnoughData, NotEstimable, RecordError
from rupturekit.interpersonal.circular import (
    angular_difference,
    circular_range,
    circular_summary,
    looks_like_radians,
    mean_direction,
    normal_angles,
    rayleigh_test,
    resultant_length,
    same_direction_test,
    unit_vectors,
)

ANGLE = st.one_of(st.integers(-1440, 2880).map(lambda quarter: quarter / 4), st.integers(-8, 16).map(lambda eighth: eighth * 45.0))
SAMPLES = st.lists(ANGLE, min_size=1, max_size=12).filter(lambda angles: not looks_like_radians(angles))
TURN = st.integers(-720, 1440).map(lambda half: half / 2)


def alike(one: float | None, other: float | None, *, turn: float = 360.0, within: float = 1e-9) -> bool:
    """Return whether two directions are the same; 0 and 360 are."""
    if one is None or other is None:
        return one is other
    return abs((one - other + turn / 2) % turn - turn / 2) <= within


# --- reference values ----------------------------------------------------------------------------------------------

# The displacements of ten profiles and others, as the R package circular describes them.
REFERENCE = [
    356.9712206344907, 349.2570076306148, 0, 359.9999999999999, 135, 65.27413222735159, 146.70091950815382,
    332.2579385094908, 340.06602202652107, 255.36119340482168, 22.499999999999975, 305.26438968475465, 342.19147016745853,
    4.0650511770779785, 30.36119340482171, 10.290108170387052, 124.2009195081538, 322.9762677568064, 280.96422217465135,
    327.7313454781082, 244.76059817932105, 309.6392722377561, 258.5050471223157, 308.8249499368952, 285.52048191811]
SAID = {
    "mean_degrees": 335.1194736058112, "resultant_length": 0.524930259242423, "variance": 0.475069740757577,
    "sd_radians": 1.1353324312752704, "rayleigh_statistic": 0.524930259242423, "rayleigh_p": 0.0006845322641154543,
    "range_degrees": 261.9403213288328}


def described(angles: list[float]) -> dict[str, float | None]:
    found, test = circular_summary(angles), rayleigh_test(angles)
    in_radians = circular_summary([math.radians(angle) for angle in angles], unit="radians")
    return {"mean_degrees": found.mean, "resultant_length": found.resultant_length, "variance": found.variance,
            "sd_radians": in_radians.standard_deviation, "rayleigh_statistic": test.statistic, "rayleigh_p": test.p,
            "range_degrees": found.range}


def test_directions_are_described_as_r_describes_them() -> None:
    assert described(REFERENCE) == pytest.approx(SAID, abs=1e-9)


@pytest.mark.shared
def test_the_reference_file_holds_the_same(shared_file: Callable[[str], Path]) -> None:
    case = json.loads(shared_file("refs/i_circular_statistics.json").read_text(encoding="utf-8"))
    assert described(case["input"]["angles_degrees"]) == pytest.approx(case["output"], abs=1e-9)


# --- one angle at a time -------------------------------------------------------------------------------------------


@given(st.lists(ANGLE, min_size=1, max_size=8))
def test_unit_vectors_are_cosine_and_sine_and_exact_at_the_axes(angles: list[float]) -> None:
    cosine, sine = unit_vectors(angles)
    assert cosine.tolist() == pytest.approx([math.cos(math.radians(angle)) for angle in angles], abs=1e-12)
    assert sine.tolist() == pytest.approx([math.sin(math.radians(angle)) for angle in angles], abs=1e-12)
    for at, angle in enumerate(angles):
        assert (cosine[at] == 0) == (angle % 180 == 90)
        assert (sine[at] == 0) == (angle % 180 == 0)
    assert not any(math.copysign(1, value) < 0 for value in [*cosine, *sine] if value == 0)


@given(ANGLE, ANGLE)
def test_a_difference_is_the_one_turn_that_lies_within_half_a_circle(to: float, start: float) -> None:
    assert float(angular_difference(to, start)) == oracles.difference(to, start)
    assert alike(start + float(angular_difference(to, start)), to)


@pytest.mark.parametrize(("to", "start", "turn"), [(180, 0, 180), (0, 180, 180), (350, 170, 180), (-180, 0, 180), (0, 0, 0), (181, 0, -179)])
def test_half_a_turn_is_told_as_plus_180(to: float, start: float, turn: float) -> None:
    assert float(angular_difference(to, start)) == turn


def test_an_axis_value_of_nothing_has_no_sign() -> None:
    for values in unit_vectors([45.0 * eighth for eighth in range(-8, 17)]):
        assert not np.signbit(values[values == 0]).any()
        assert (values == 0).sum() in (6, 7)


@pytest.mark.parametrize("angle", [-1e-20, 360.0, -360.0, 720.0, 0.0, -0.0])
def test_a_whole_turn_is_nothing(angle: float) -> None:
    assert str(float(normal_angles(angle))) == "0.0"


@given(SAMPLES)
def test_mean_and_lengths_are_those_of_the_vectors_added_one_by_one(angles: list[float]) -> None:
    vector, found = oracles.resultant(angles), circular_summary(angles)
    assert found.n == len(angles)
    assert resultant_length(angles) == found.resultant_length == pytest.approx(abs(vector), abs=1e-12)
    assert found.variance == pytest.approx(1 - abs(vector), abs=1e-12)
    assert found.angular_deviation == pytest.approx(math.degrees(math.sqrt(2 * (1 - min(abs(vector), 1)))), abs=1e-5)
    assert found.range == circular_range(angles) == pytest.approx(oracles.arc_of(angles), abs=1e-9)
    if abs(vector) > 1e-6:
        assert alike(mean_direction(angles), math.degrees(math.atan2(vector.imag, vector.real)))
        assert found.standard_deviation == pytest.approx(math.degrees(math.sqrt(max(-2 * math.log(abs(vector)), 0))), abs=1e-5)
        assert alike(found.mean, mean_direction(angles))


@given(st.lists(st.sampled_from([0.0, 90.0, 180.0, 270.0, 45.0, 225.0]), min_size=1, max_size=5))
def test_where_directions_cancel_out_there_is_no_mean(half: list[float]) -> None:
    both = [*half, *(angle + 180 for angle in half)]
    found = circular_summary(both)
    assert (found.mean, found.standard_deviation) == (None, None)
    assert "mean not estimable" in str(found)
    with pytest.raises(NotEstimable, match=f"the {len(both)} directions cancel out"):
        mean_direction(both)


# --- laws ----------------------------------------------------------------------------------------------------------


@given(SAMPLES, TURN)
def test_turning_all_angles_turns_the_mean_and_nothing_else(angles: list[float], turn: float) -> None:
    turned = [(angle + turn) % 360 for angle in angles]
    assume(not looks_like_radians(turned))
    one, other = circular_summary(angles), circular_summary(turned)
    assert other.resultant_length == pytest.approx(one.resultant_length, abs=1e-12)
    assert other.range == pytest.approx(one.range, abs=1e-9)
    if one.resultant_length > 1e-6:
        assert one.mean is not None
        assert alike(other.mean, one.mean + turn, within=1e-8)


@given(SAMPLES)
def test_the_mirror_image_has_the_mirrored_mean(angles: list[float]) -> None:
    one, other = circular_summary(angles), circular_summary([-angle % 360 for angle in angles])
    assert other.resultant_length == pytest.approx(one.resultant_length, abs=1e-12)
    if one.resultant_length > 1e-6:
        assert one.mean is not None
        assert alike(other.mean, -one.mean, within=1e-8)


@given(SAMPLES, st.data())
def test_a_turn_more_or_less_and_another_order_change_nothing(angles: list[float], data: st.DataObject) -> None:
    same = [angle % 360 + data.draw(st.sampled_from([-360, 0, 360])) for angle in data.draw(st.permutations(angles))]
    one, other = circular_summary(angles), circular_summary(same)
    assert other.resultant_length == pytest.approx(one.resultant_length, abs=1e-12)
    assert other.range == pytest.approx(one.range, abs=1e-9)
    assert one.resultant_length < 1e-6 or alike(one.mean, other.mean)


@given(SAMPLES)
def test_radians_give_the_same_in_radians(angles: list[float]) -> None:
    one, other = circular_summary(angles), circular_summary([math.radians(angle) for angle in angles], unit="radians")
    assert other.resultant_length == pytest.approx(one.resultant_length, abs=1e-12)
    assert other.range == pytest.approx(math.radians(one.range), abs=1e-9)
    assert other.angular_deviation == pytest.approx(math.radians(one.angular_deviation), abs=1e-6)
    if one.resultant_length > 1e-6:
        assert one.mean is not None
        assert alike(other.mean, math.radians(one.mean), turn=2 * math.pi)
    assert math.isclose(rayleigh_test([*angles, 90]).p,
                        rayleigh_test([math.radians(angle) for angle in [*angles, 90]], unit="radians").p, abs_tol=1e-9)


# --- units ---------------------------------------------------------------------------------------------------------

FUNCTIONS = [resultant_length, mean_direction, circular_range, circular_summary, rayleigh_test]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_radians_passed_as_degrees_are_warned_of(function: Callable[[list[float]], object]) -> None:
    with pytest.warns(CodingWarning, match=r'all 5 angles lie within 6.3 of 0: these degrees look like radians; if they '
                                           r'are, say unit="radians"') as told:
        function([0.1, 1.6, 3.0, 4.7, 6.2])
    assert told[0].filename == __file__


@pytest.mark.parametrize("angles", [[0.1, 1.6, 3.0, 4.7], [0.1, 1.6, 3.0, 4.7, 6.3], [0.1, 1.6, 3.0, 4.7, 0.0],
                                    [0.1, 1.6, 3.0, 4.7, 90]])
def test_degrees_that_may_be_degrees_are_not(angles: list[float]) -> None:
    assert not looks_like_radians(angles)
    assert circular_summary(angles).n == len(angles)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("angles", "unit", "says"), [
    ([10.0, 90.0], "radians", r'2 of 2 angles lie outside -6.283 to 12.57 radians \(the first: 10|1 of 2 angles lie .*; say unit="degrees" if'),
    ([10.0, 721.0], "degrees", r"1 of 2 angles lie outside -360 to 720 degrees \(the first: 721 at place 1\); take them mod"),
    ([-361.0], "degrees", "the first: -361 at place 0"),
    ([10.0, math.nan, math.inf], "degrees", r"2 of 3 angles are not finite \(the first at place 1\); leave out what has no"),
    (["north"], "degrees", "expected numbers as angles, in rows of one length, but some are none"),
    ([10.0], "gon", 'unit is \'gon\'; expected "degrees" or "radians"'),
    ([[10.0]], "degrees", "expected one list of angles but got 2 dimensions"),
])
def test_what_is_no_angle_in_its_unit_is_refused(function: Callable[..., object], angles: list[float], unit: str, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        function(angles, unit=unit)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_without_angles_there_is_nothing(function: Callable[[list[float]], object]) -> None:
    with pytest.raises(NotEnoughData, match="there are no angles"):
        function([])


# --- tests ---------------------------------------------------------------------------------------------------------


def test_a_rayleigh_test_needs_two_angles() -> None:
    with pytest.raises(NotEnoughData, match="two or more angles"):
        rayleigh_test([10])
    assert str(rayleigh_test([10, 20])).startswith("p = 0.1")


@pytest.mark.parametrize("n", [20, 60])
def test_uniform_directions_are_rejected_as_often_as_alpha_says(n: int) -> None:
    found = [rayleigh_test(360 * _random.uniforms(_random.key(7, cluster=str(at), purpose="uniform"), n)).p for at in range(1500)]
    for alpha in (0.05, 0.3):
        rejected = sum(p <= alpha for p in found) / len(found)
        assert abs(rejected - alpha) < 4 * math.sqrt(alpha * (1 - alpha) / len(found))


@pytest.mark.parametrize(("angles", "p"), [([0.0, 180.0] * 30, 1.0), ([30.0] * 4, 0.0), ([30.0] * 60, math.exp(-60))])
def test_the_ends_of_a_rayleigh_p(angles: list[float], p: float) -> None:
    found = rayleigh_test(angles).p
    assert 0 <= found <= 1
    assert found == pytest.approx(p, abs=0.02)


def test_from_fifty_angles_on_the_series_is_left() -> None:
    angles = [float(at) for at in range(0, 343, 7)]
    assert len(angles) == 49
    fifty = [*angles, 343.0]
    z = 50 * resultant_length(fifty)**2
    assert rayleigh_test(fifty).p == pytest.approx(math.exp(-z), rel=1e-12)
    z = 49 * resultant_length(angles)**2
    assert rayleigh_test(angles).p != pytest.approx(math.exp(-z), rel=1e-4)


GROUPS = st.tuples(st.lists(ANGLE, min_size=2, max_size=4), st.lists(ANGLE, min_size=2, max_size=4))


@given(GROUPS)
def test_groups_of_directions_are_compared_with_every_deal(groups: tuple[list[float], list[float]]) -> None:
    first, second = groups
    found = same_direction_test({"a": first, "b": second}, draws=99, alpha=0.999)
    assert found.statistic == pytest.approx(oracles.summed_lengths(groups), abs=1e-9)
    deals = oracles.all_deals(first, second)
    exact = sum(value >= found.statistic - 1e-9 for value in deals) / len(deals)
    assert abs(found.p - exact) < 5 * math.sqrt(max(exact * (1 - exact), 0.01) / 99) + 0.02
    assert found.mid_p is not None
    assert found.mid_p <= found.p
    assert found.smallest_p == 1 / min(100, len(deals))
    assert (found.null, found.draws, found.seed, found.alternative) == ("labels", 99, 1, "greater")


@given(GROUPS, st.randoms(use_true_random=False))
def test_the_order_of_groups_and_angles_changes_nothing(groups: tuple[list[float], list[float]], chance: object) -> None:
    one = same_direction_test({"a": groups[0], "b": groups[1]}, draws=19, alpha=0.999)
    other = same_direction_test({"b": groups[1][::-1], "a": sorted(groups[0])}, draws=19, alpha=0.999)
    assert one == other


def test_groups_that_point_elsewhere_are_told_apart_and_others_are_not() -> None:
    early, late = [0, 10, 20, 350, 5, 8, 355, 2], [90, 80, 100, 85, 95, 99, 70, 88]
    assert same_direction_test({"early": early, "late": late}).p <= 0.002
    assert same_direction_test({"one": early[::2], "two": early[1::2]}).p > 0.2


def test_a_comparison_of_directions_needs_groups_and_draws() -> None:
    with pytest.raises(NotEnoughData, match="two or more groups"):
        same_direction_test({"a": [1.0, 2.0]})
    with pytest.raises(NotEnoughData, match="there are no angles"):
        same_direction_test({"a": [1.0, 2.0], "b": []})
    with pytest.raises(RecordError, match="expected at least 1 draw"):
        same_direction_test({"a": [1.0], "b": [2.0]}, draws=0)
    with pytest.raises(NotEnoughData, match="the smallest p attainable is 0.333, above 0.05"):
        same_direction_test({"a": [1.0, 99.0], "b": [2.0]})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        same_direction_test({"a": [1.0, 2.0, 1.5, 2.5, 6.0], "b": [2.0]}, draws=9, alpha=0.5)
    assert [one.category for one in told] == [CodingWarning]
