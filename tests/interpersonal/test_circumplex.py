"""Octant profiles: against reference values, the normal equations, draws written out, and laws of a cosine curve."""

from __future__ import annotations

import copy
import csv
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracles_plane as oracles
from rupturekit import _random
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.interpersonal.circular import angular_difference
from rupturekit.interpersonal.circumplex import (
    OCTANT_ANGLES,
    Octant,
    axis_scores,
    profile_columns,
    structural_summary,
)
from rupturekit.interpersonal.profiles import GroupProfile, group_profile, profile_contrast

DEGREES = [90.0, 135.0, 180.0, 225.0, 270.0, 315.0, 0.0, 45.0]
SCORE = st.integers(-40, 40).map(lambda value: value / 8)
PROFILE = st.lists(SCORE, min_size=8, max_size=8)
SHAPED = PROFILE.filter(lambda scores: math.hypot(*oracles.cosine_fit([*scores[:7], scores[7] + 1e-9], DEGREES)[1:3]) > 0.05)
NUMBERS = ("elevation", "x", "y", "amplitude")


def alike(one: float | None, other: float | None, *, within: float = 1e-8) -> bool:
    """Return whether two directions are the same; 0 and 360 are."""
    if one is None or other is None:
        return one is other
    return abs(float(angular_difference(one, other))) <= within


# --- reference values: the R package circumplex --------------------------------------------------------------------

ROWS = [
    ([1.5, 1.5, 1.25, 1, 2, 2.5, 2.25, 2.5], (1.8125, 0.691941738241592, -0.03661165235168179, 0.6929096493834649, 356.97122063449063, 0.8194112549695427)),
    ([0, 0.25, 0, 0.25, 1.25, 1.75, 2.25, 2.25], (1, 1.181218433538229, -0.22411165235168173, 1.20229073873598, 349.2570076306148, 0.8410199391710886)),
    ([0] * 8, (0, 0, 0, 0, None, None)),
    ([2, 1.75, 1.75, 2.5, 2, 1.75, 2, 2.5], (2.03125, 0.06250000000000011, 0, 0.06250000000000011, 360, 0.022988505747126298)),
    ([0.25, 0.5, 0.25, 0, 0, 0, 0, 0], (0.125, -0.15088834764831843, 0.15088834764831843, 0.21338834764831843, 135, 0.7285533905932737)),
    ([1.5, 1.75, 2.25, 1.75, 2, 1.25, 2.25, 2.5], (1.90625, 0.04419417382415913, 0.09597086912079611, 0.10565762026376029, 65.27413222735163, 0.035947979575711275)),
    ([0.75, 2, 1.75, 2.5, 2, 1.5, 2, 2.25], (1.84375, -0.0700825214724779, -0.26830582617584087, 0.2773077283016845, 255.36119340482168, 0.15440228628247232)),
]
AW2009 = [[-1.09, -1.04, -0.97, 0.61, 1.41, 2.49, 1.78, 0.27], [1.13, -1.04, -0.97, -0.79, -0.56, 0.79, 1.78, 1.52],
          [0.91, -0.65, -0.8, -0.96, -0.23, -0.34, 1.24, 0.27], [0.47, -0.45, -0.29, 0.26, 1.57, 1.36, 1.6, 0.48],
          [0.45, 0.32, 0.43, 0.96, 1.25, 1.41, 1.49, 0.85]]
AW2009_SAID = {
    "e": 0.423, "x": 0.9445214280248092, "y": -0.26446908345206216, "a": 0.9808489303149587, "d": 344.3575800867911,
    "fit": 0.9540600601949629, "e_lci": 0.12933750000000027, "x_lci": 0.6542166442459681, "y_lci": -0.9458300858899109,
    "a_lci": 0.6616135919560282, "d_lci": 316.4798886742777, "e_uci": 0.7084999999999999, "x_uci": 1.2514176579962715,
    "y_uci": 0.2995685424949236, "a_uci": 1.4029372597223848, "d_uci": 17.191052138225526}
MEASURES = [    # correlations of a measure with each octant, and the summary of that profile
    ([0.3995570108360979, 0.38544656958999324, 0.23417724336298051, 0.10773209861832618, 0.05113178628122267, 0.058079492848320646, 0.08365975313282806, 0.30002150936911726],
     (0.20247568300486082, -0.061507955959789105, 0.17896946268709463, 0.18924401501991736, 108.9667438510763, 0.9570094203352034)),
    ([0.3681187382892952, 0.3535324792491497, 0.1869978533086962, 0.04510523466446302, -0.07326579396012255, -0.04465942272683312, -0.01760292450985582, 0.1732886020159272],
     (0.12393934579133997, -0.09888141090744793, 0.2033970136599377, 0.22615896751804568, 115.92669298931892, 0.9636327258120435)),
    ([0.09314599121859853, 0.3115456443323834, 0.36317265063413046, 0.5330830015510132, 0.4529904536372833, 0.42612385605500036, 0.2920492916531096, 0.17306684392757493],
     (0.3306472166261367, -0.06116854872199719, -0.17385833982405832, 0.18430494751669876, 250.61660750709444, 0.9105878179446111)),
]


def must_say(found: Any, said: Sequence[float | None]) -> None:
    """Check elevation, x, y, amplitude, displacement (0 and 360 alike) and fit."""
    values = [getattr(found, name) for name in NUMBERS]
    assert [getattr(value, "value", value) for value in values] == pytest.approx(said[:4], abs=1e-9)
    assert alike(getattr(found.displacement, "value", found.displacement), said[4], within=1e-9)
    assert found.fit == (None if said[5] is None else pytest.approx(said[5], abs=1e-9))


@pytest.mark.parametrize(("scores", "said"), [*ROWS, *MEASURES])
def test_profiles_are_summed_up_as_r_does(scores: list[float], said: Sequence[float | None]) -> None:
    must_say(structural_summary(scores), said)


def test_a_mean_profile_is_that_of_r() -> None:
    must_say(group_profile(AW2009), [AW2009_SAID[name] for name in ("e", "x", "y", "a", "d", "fit")])


def share_below(values: Any, limit: float) -> tuple[float, float]:
    """Return the shares of draws below and at or below a limit; a draw within rounding counts as at it."""
    return float((values < limit - 1e-9).mean()), float((values <= limit + 1e-9).mean())


def must_hold_the_limits(found: GroupProfile, said: Mapping[str, float]) -> None:
    """Check that each limit of another bootstrap is a percentile of ours, to within four errors of 2,000 draws each."""
    slack = 4 * math.sqrt(0.025 * 0.975 * 2 / 2000)
    towards = angular_difference(found.drawn[:, 4], found.displacement.value)
    columns = {"e": found.drawn[:, 0], "x": found.drawn[:, 1], "y": found.drawn[:, 2], "a": found.drawn[:, 3], "d": towards}
    for (name, values), (end, share) in itertools.product(columns.items(), [("lci", 0.025), ("uci", 0.975)]):
        limit = said[f"{name}_{end}"]
        below, at_most = share_below(values, float(angular_difference(limit, found.displacement.value)) if name == "d" else limit)
        assert below - slack <= share <= at_most + slack, (name, end)


def test_bootstrap_limits_are_those_of_r_within_the_error_of_drawing() -> None:
    found = group_profile(AW2009, fewest=5)
    must_hold_the_limits(found, AW2009_SAID)
    low, high = found.displacement.interval or (math.nan, math.nan)
    assert low > high    # it crosses 0
    assert (low, high) == pytest.approx((316.5, 17.2), abs=2)
    assert found.displacement.holds(0)
    assert found.displacement.holds(360)
    assert not found.displacement.holds(180)
    assert "316.5 to" in str(found.displacement)
    assert str(found.displacement).endswith("counter-clockwise across 0")


@pytest.mark.shared
def test_the_reference_files_hold_the_same(shared_file: Callable[[str], Path]) -> None:
    def read(name: str) -> Any:
        return json.loads(shared_file(f"refs/{name}.json").read_text(encoding="utf-8"))

    rows = read("i_ssm_parameters_rows_jz2017")
    for scores, said in zip(rows["input"]["scores"], rows["output"], strict=True):
        flat = said["Fit"] == "NaN"
        must_say(structural_summary(scores), [said["Elev"], said["Xval"], said["Yval"], said["Ampl"], None if flat else said["Disp"], None if flat else said["Fit"]])
    one = read("i_ssm_mean_aw2009")
    must_say(group_profile(one["input"]["scores"]), [one["output"][f"{name}_est"] for name in ("e", "x", "y", "a", "d", "fit")])
    must_hold_the_limits(group_profile(one["input"]["scores"], fewest=5), one["output"])
    many = read("i_ssm_measures_jz2017")["output"]
    for at, scores in enumerate(many["scores"]):
        must_say(structural_summary(scores), [many[f"{name}_est"][at] for name in ("e", "x", "y", "a", "d", "fit")])


@pytest.mark.shared
@pytest.mark.parametrize(("case", "by"), [("i_ssm_mean_jz2017_by_gender", "Gender"), ("i_ssm_measures_jz2017", None)])
def test_groups_and_measures_of_the_whole_table(shared_file: Callable[[str], Path], case: str, by: str | None) -> None:
    said = json.loads(shared_file(f"refs/{case}.json").read_text(encoding="utf-8"))["output"]
    with shared_file("data/circumplex/jz2017.csv").open(encoding="utf-8", newline="") as file:
        people = list(csv.DictReader(file))
    for at, label in enumerate(said["label"]):
        chosen = [one for one in people if by is None or one[by] == label]
        measure = None if by else [float(one[label]) for one in chosen]
        found = group_profile([[float(one[octant]) for octant in Octant] for one in chosen], label=label, measure=measure)
        must_say(found, [said[f"{name}_est"][at] for name in ("e", "x", "y", "a", "d", "fit")])
        must_hold_the_limits(found, {f"{name}_{end}": said[f"{name}_{end}"][at] for name in "exyad" for end in ("lci", "uci")})


# --- the octants ---------------------------------------------------------------------------------------------------


def test_the_octants_stand_where_they_are_drawn() -> None:
    assert [octant.angle for octant in Octant] == DEGREES == [*OCTANT_ANGLES.values()]
    assert {octant.label for octant in Octant if octant.angle in (90, 0)} == {"assured-dominant", "warm-agreeable"}
    assert Octant.FG.label == "aloof-introverted"
    assert Octant("PA") == "PA"


# --- one profile ---------------------------------------------------------------------------------------------------


@given(SHAPED)
def test_a_summary_is_the_curve_that_fits_best(scores: list[float]) -> None:
    elevation, x, y, fit = oracles.cosine_fit(scores, DEGREES)
    found = structural_summary(scores)
    must_say(found, [elevation, x, y, math.hypot(x, y), math.degrees(math.atan2(y, x)), fit])
    assert (found.n_octants, found.method, found.left_out, found.warnings) == (8, "closed form", (), ())


@given(SHAPED, st.lists(st.integers(0, 719), min_size=8, max_size=8, unique=True))
def test_at_uneven_angles_it_is_still_the_curve_that_fits_best(scores: list[float], angles: list[int]) -> None:
    named = {f"s{at}": angle / 2 for at, angle in enumerate(angles)}
    gaps = np.diff(sorted(angles), append=min(angles) + 720)
    assume(gaps.max() < 360)
    assume(len(set(scores)) > 1)
    elevation, x, y, fit = oracles.cosine_fit(scores, [*named.values()])
    found = structural_summary(scores, angles=named)
    assert [found.elevation, found.x, found.y, found.fit] == pytest.approx([elevation, x, y, fit], abs=1e-6)


@given(SHAPED, st.integers(0, 7))
def test_without_an_octant_it_is_refused_or_fitted_to_the_others(scores: list[float], gone: int) -> None:
    name = [*Octant][gone]
    given_: dict[str, float | None] = dict(zip(Octant, scores, strict=True)) | {name: None}
    for lacking in (given_, {key: value for key, value in given_.items() if key != name}, [*given_.values()]):
        with pytest.raises(NotEstimable, match=f'no score for {name}; give it, or say missing="least_squares"'):
            structural_summary(lacking)
    rest = [value for at, value in enumerate(scores) if at != gone]
    assume(len(set(rest)) > 1)
    elevation, x, y, fit = oracles.cosine_fit(rest, [angle for at, angle in enumerate(DEGREES) if at != gone])
    found = structural_summary(given_, missing="least_squares")
    assert [found.elevation, found.x, found.y, found.fit] == pytest.approx([elevation, x, y, fit], abs=1e-9)
    assert (found.n_octants, found.left_out, found.method) == (7, (name,), "least squares")
    assert found.warnings[0].startswith(f"left out: {name}; the curve was fitted by least squares to the other octants")
    assert f"warning: left out: {name}" in str(found)


@given(SHAPED, st.integers(1, 359), SCORE, st.sampled_from([0.5, 2.0, 10.0]))
def test_laws_of_a_summary(scores: list[float], turn: int, more: float, times: float) -> None:
    one = structural_summary(scores)
    assume(one.fit is not None)
    assert one.displacement is not None
    turned = structural_summary(scores, angles={name: (angle + turn) % 360 for name, angle in OCTANT_ANGLES.items()})
    raised, scaled = structural_summary([score + more for score in scores]), structural_summary([score * times for score in scores])
    negated = structural_summary([-score for score in scores])
    mirrored = structural_summary(scores, angles={name: 360 - angle for name, angle in OCTANT_ANGLES.items()})
    for other, elevation, amplitude, displacement in [
            (turned, one.elevation, one.amplitude, one.displacement + turn),
            (raised, one.elevation + more, one.amplitude, one.displacement),
            (scaled, one.elevation * times, one.amplitude * times, one.displacement),
            (negated, -one.elevation, one.amplitude, one.displacement + 180),
            (mirrored, one.elevation, one.amplitude, -one.displacement)]:
        assert (other.elevation, other.amplitude, other.fit) == pytest.approx((elevation, amplitude, one.fit), abs=1e-8)
        assert alike(other.displacement, displacement, within=1e-6)
        assert other.displacement is not None
        assert 0 <= other.displacement < 360


@given(PROFILE)
def test_0_and_360_are_alike(scores: list[float]) -> None:
    assert structural_summary(scores, angles={**OCTANT_ANGLES, "LM": 360.0}) == structural_summary(scores)


@given(SCORE)
def test_a_flat_profile_has_no_direction_and_no_fit(score: float) -> None:
    found = structural_summary([score * 0.1] * 8)
    assert (found.amplitude, found.displacement, found.fit) == (0.0, None, None)
    assert found.elevation == pytest.approx(score * 0.1)
    assert "amplitude 0 at no direction" in str(found)
    assert "R2 not estimable" in str(found)


def test_a_profile_that_goes_up_and_down_twice_has_no_direction_and_a_fit_of_nothing() -> None:
    found = structural_summary([1, 0, -1, 0, 1, 0, -1, 0])
    assert (found.amplitude, found.displacement) == (0.0, None)
    assert found.fit == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("scores", "named", "error", "says"), [
    ([1] * 7, {}, RecordError, "expected 8 scores in the order PA, BC, DE, FG, HI, JK, LM, NO but got 7; give None where"),
    (["high"] * 8, {}, RecordError, "expected numbers as scores, in rows of one length, but some are none; give None where"),
    ([1] * 8, {"angles": dict.fromkeys(OCTANT_ANGLES, "up")}, RecordError, "expected numbers as angles"),
    ({"PA": 1, "BD": 2}, {}, RecordError, "'BD' is no scale of this circumplex.*; its scales are: PA, BC"),
    ([1, 2, 3, math.inf, 1, 1, 1, 1], {}, RecordError, r"1 scores are infinite \(the first in row 0, column 3\)"),
    ([1, 2, 3, 4, 5, 6, 7, None], {"missing": "drop"}, RecordError, "missing is 'drop'; expected \"refuse\" or \"least_squares\""),
    ([1, 2, 3, None, None, None, None, None], {"missing": "least_squares"}, NotEnoughData, "only 3 scales have a score; .* needs 4 or"),
    ([1, 2, 3], {"angles": {"a": 0, "b": 120, "c": 240}}, NotEnoughData, "needs 4 or more scales: a curve through three"),
    ([1] * 8, {"angles": {name: math.radians(angle) for name, angle in OCTANT_ANGLES.items()}}, RecordError,
     "every angle of PA, BC.* lies within 6.3 of 0: these look like radians; give degrees"),
    ([1] * 4, {"angles": {"a": 0, "b": 90, "c": 180, "d": 900}}, RecordError, "the angle of d is 900.0; expected degrees from -360"),
    ([1] * 4, {"angles": {"a": 0, "b": 90, "c": 180, "d": math.nan}}, RecordError, "the angle of d is nan"),
    ([1] * 4, {"angles": {"a": 0, "b": 360, "c": 90, "d": 90}}, NotEstimable, "the angles do not spread over the circle"),
])
def test_what_gives_no_summary_is_refused(scores: Any, named: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        structural_summary(scores, **named)


# --- axis scores ---------------------------------------------------------------------------------------------------


@given(SHAPED)
def test_axis_scores_are_wiggins_sums_and_point_where_the_summary_does(scores: list[float]) -> None:
    found, summary = axis_scores(scores), structural_summary(scores)
    by = dict(zip((octant.value for octant in Octant), scores, strict=True))
    love = 0.3 * (by["LM"] - by["DE"] + 0.707 * (by["NO"] - by["BC"] - by["FG"] + by["JK"]))
    dominance = 0.3 * (by["PA"] - by["HI"] + 0.707 * (by["NO"] + by["BC"] - by["FG"] - by["JK"]))
    assert (found.affiliation, found.control) == pytest.approx((love, dominance))
    assert (found.affiliation, found.control) == pytest.approx((1.2 * summary.x, 1.2 * summary.y), abs=2e-3)
    assert found.length == pytest.approx(math.hypot(love, dominance))
    if found.length > 1e-6:
        assert alike(found.angle, math.degrees(math.atan2(dominance, love)))


def test_axis_scores_need_all_octants_and_a_direction() -> None:
    with pytest.raises(NotEstimable, match="no score for BC, NO; axis scores need all eight octants"):
        axis_scores({"PA": 1, "DE": 1, "FG": 1, "HI": 1, "JK": 1, "LM": 1, "NO": math.nan})
    with pytest.raises(RecordError, match="1 scores are infinite"):
        axis_scores([math.inf] + [1] * 7)
    flat = axis_scores([0.1] * 8)
    assert (flat.angle, flat.length) == (None, 0.0)
    assert axis_scores([0, 0, 0, 0, 0, 0, 1, 0]).angle == 0


# --- many profiles -------------------------------------------------------------------------------------------------

GAPPY = st.lists(st.lists(st.one_of(SCORE, SCORE, SCORE, st.just(math.nan)), min_size=8, max_size=8), min_size=1, max_size=6)


@given(GAPPY)
def test_columns_are_the_summaries_row_by_row(rows: list[list[float]]) -> None:
    found = profile_columns(rows, missing="least_squares")
    assert len(found) == len(rows)
    for at, row in enumerate(rows):
        there = sum(not math.isnan(score) for score in row)
        held = [float(getattr(found, name)[at]) for name in (*NUMBERS, "displacement", "fit")]
        if there < 4:
            assert all(map(math.isnan, held))
            continue
        one = structural_summary(row, missing="least_squares")
        said = [getattr(one, name) for name in NUMBERS]
        assert held[:4] == pytest.approx(said, abs=1e-9)
        if one.amplitude > 1e-9:
            assert alike(held[4], one.displacement)
        else:
            assert math.isnan(held[4]) == (one.displacement is None)
        assert math.isnan(held[5]) if one.fit is None else held[5] == pytest.approx(one.fit, abs=1e-9)
    missing = sum(math.isnan(score) for row in rows for score in row)
    few = sum(sum(not math.isnan(score) for score in row) < 4 for row in rows)
    assert len(found.warnings) == (missing > 0) + (few > 0)
    if few:
        assert found.warnings[1].startswith(f"{few} rows have fewer than 4 scores and no summary")
    if missing:
        with pytest.raises(NotEstimable, match=rf"scores are missing: .. in \d of {len(rows)} rows"):
            profile_columns(rows)


def test_columns_are_closed_and_equal_where_they_say_the_same() -> None:
    rows = [row for row, _ in ROWS]
    found = profile_columns(rows)
    same = copy.deepcopy(found)
    assert same == found
    assert not found.amplitude.flags.writeable
    assert not same.amplitude.flags.writeable
    assert found != profile_columns(rows[::-1])
    assert found != 3
    assert repr(found) == "ProfileColumns(7 profiles of 8 scales)"
    with pytest.raises(RecordError, match=r"expected rows of 8 scores in the order PA.* but got the shape \(8,\)"):
        profile_columns([1.0] * 8)


# --- groups --------------------------------------------------------------------------------------------------------

PEOPLE = st.lists(st.lists(st.integers(0, 4).map(float), min_size=8, max_size=8), min_size=8, max_size=11)


@settings(max_examples=20)
@given(PEOPLE, st.integers(0, 3), st.booleans())
def test_intervals_are_percentiles_of_draws_written_out(rows: list[list[float]], seed: int, clustered: bool) -> None:
    draws = 25
    names = [f"t{at % 9}" for at in range(len(rows))] if clustered else None
    assume(names is None or len(set(names)) >= 8)
    found = group_profile(rows, label="L", seed=seed, draws=draws, clusters=names, confidence=0.8)
    units = [[row] for row in sorted(rows)] if names is None else [
        sorted(row for row, other in zip(rows, names, strict=True) if other == name) for name in sorted(set(names))]
    profiles = oracles.bootstrap_profiles(units, label="L", seed=seed, draws=draws)
    fits = [oracles.cosine_fit([*profile[:7], profile[7] + 1e-13], DEGREES) for profile in profiles]
    columns = {"elevation": [fit[0] for fit in fits], "x": [fit[1] for fit in fits], "y": [fit[2] for fit in fits],
               "amplitude": [math.hypot(fit[1], fit[2]) for fit in fits]}
    for name, values in columns.items():
        estimate = getattr(found, name)
        low, high = oracles.quantile(values, 0.1), oracles.quantile(values, 0.9)
        if high - low <= 1e-9:
            assert (estimate.interval, estimate.standard_error) == (None, None)
            assert estimate.no_interval.startswith("nearly every draw gives the same value")
            continue
        assert estimate.interval == pytest.approx((low, high), abs=1e-9)
        assert estimate.standard_error == pytest.approx(np.std(values, ddof=1), abs=1e-9)
    if min(columns["amplitude"]) > 1e-6 and found.displacement.value is not None and found.amplitude.value > 1e-6:
        turns = [oracles.difference(math.degrees(math.atan2(fit[2], fit[1])), found.displacement.value) for fit in fits]
        assume(max(map(abs, turns)) < 179.99)
        low, high = oracles.quantile(turns, 0.1), oracles.quantile(turns, 0.9)
        if high - low <= 1e-7:
            assert found.displacement.interval is None
        elif high - low < 180:
            assert found.displacement.interval is not None
            assert alike(found.displacement.interval[0], found.displacement.value + low)
            assert alike(found.displacement.interval[1], found.displacement.value + high)
            assert found.displacement.width == pytest.approx(high - low, abs=1e-6)
        else:
            assert found.displacement.no_interval.startswith("the draws point all around")
    assert found.n == ({"people": len(rows)} if names is None else {"people": len(rows), "clusters": len(set(names))})
    assert found.elevation.governed_by == ("person" if names is None else "cluster")


@settings(max_examples=20)
@given(PEOPLE, st.data())
def test_the_order_of_people_changes_no_bit(rows: list[list[float]], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    assert group_profile([rows[at] for at in order], draws=9) == group_profile(rows, draws=9)


@settings(max_examples=20)
@given(PEOPLE, st.integers(1, 359))
def test_turning_the_octants_turns_the_interval_across_0_too(rows: list[list[float]], turn: int) -> None:
    one = group_profile(rows, draws=49)
    other = group_profile(rows, draws=49, angles={name: (angle + turn) % 360 for name, angle in OCTANT_ANGLES.items()})
    assume(one.amplitude.value > 1e-6)
    assume(one.drawn[:, 3].min() > 1e-6)
    assume(np.abs(np.abs(angular_difference(one.drawn[:, 4], one.displacement.value)) - 180).min() > 1e-6)
    assert other.amplitude.interval == pytest.approx(one.amplitude.interval, abs=1e-9)
    assert (one.displacement.interval is None) == (other.displacement.interval is None)
    if one.displacement.interval is not None and other.displacement.interval is not None:
        assert one.displacement.value is not None
        assert alike(other.displacement.value, one.displacement.value + turn, within=1e-6)
        for mine, theirs in zip(one.displacement.interval, other.displacement.interval, strict=True):
            assert alike(theirs, mine + turn, within=1e-6)
        assert other.displacement.width == pytest.approx(one.displacement.width, abs=1e-6)


def people(n: int, *, towards: float, amplitude: float = 1.0) -> list[list[float]]:
    """Return n profiles about a direction, each a little off."""
    return [[2 + amplitude * math.cos(math.radians(angle - towards - 7 * (at % 5 - 2))) + (at % 3) / 10 for angle in DEGREES]
            for at in range(n)]


def test_below_eight_people_there_is_a_sentence_and_below_twenty_a_warning() -> None:
    few = group_profile(people(7, towards=0), label="few")
    assert few.displacement.interval is None
    assert few.elevation.interval is None
    assert few.elevation.standard_error is None
    assert few.elevation.no_interval == few.displacement.no_interval == (
        "an interval needs 8 or more independent people, and there are 7")
    assert "no interval: an interval needs 8" in str(few)
    assert few.displacement.width is None
    with pytest.raises(NotEstimable, match="displacement of few has no interval: an interval needs 8"):
        few.displacement.holds(0)
    some, many = group_profile(people(19, towards=0), draws=9), group_profile(people(20, towards=0), draws=9)
    assert some.warnings == ("only 19 independent people: percentile intervals of so few are usually too narrow",)
    assert (many.warnings, many.elevation.warnings) == ((), ())
    assert many.elevation.no_interval == many.displacement.no_interval == ""
    assert "warning: only 19" in str(some)


def test_a_group_prints_what_it_is() -> None:
    found = group_profile(people(30, towards=100), label="pilot", draws=99)
    assert str(found).splitlines()[0] == "pilot: n 30 people; means; percentile bootstrap over 30 people, 99 draws"
    assert [line.split(":")[0].strip() for line in str(found).splitlines()[1:]] == [
        *(f"{name} of pilot" for name in NUMBERS), "displacement of pilot", "R2"]
    assert repr(found).startswith("GroupProfile('pilot', 30 people: displacement of pilot: 100 degrees, 95% interval")
    assert repr(found.displacement).startswith("Direction('displacement of pilot: 100 degrees")
    assert found.drawn.shape == (99, 5)
    assert (found.kind, dict(found.angles)) == ("means", dict(OCTANT_ANGLES))
    assert found.scores["PA"] == pytest.approx(np.mean([row[0] for row in people(30, towards=100)]))
    assert found.elevation.citations
    assert any("no test of a direction" in text for text in found.amplitude.assumptions)
    same = copy.deepcopy(found)
    assert same == found
    assert not same.drawn.flags.writeable


def test_a_flat_group_has_no_direction() -> None:
    found = group_profile([[1.0] * 8] * 10, draws=9)
    assert (found.displacement.value, found.displacement.interval, found.fit) == (None, None, None)
    assert found.displacement.no_interval == "there is no direction"
    assert "9 of 9 draws have no direction" in found.displacement.warnings
    assert "not estimable, there is no direction at amplitude 0" in str(found)
    assert "R2: not estimable" in str(found)


def test_draws_that_point_all_around_give_no_interval() -> None:
    found = group_profile(people(12, towards=0) + people(11, towards=180), draws=199)
    assert found.displacement.value is not None
    assert found.displacement.interval is None
    assert found.displacement.no_interval.startswith("the draws point all around, over half the circle")
    assert found.amplitude.interval is not None


def test_the_share_of_intervals_that_hold_the_direction_is_near_what_was_asked() -> None:
    """About 0, so that every interval crosses: 120 groups of 25 people whose scores wobble by known noise."""
    held = 0
    for at in range(120):
        noise = _random.uniforms(_random.key(3, cluster=str(at), purpose="people"), 25 * 8).reshape(25, 8) - 0.5
        rows = 0.2 * np.cos(np.radians(DEGREES)) + noise
        held += group_profile(rows, draws=199, seed=at).displacement.holds(0)
    assert 0.86 <= held / 120 <= 0.995


def test_missing_octants_and_people_are_refused_or_told() -> None:
    rows: list[list[float]] = people(12, towards=30)
    rows[3][2] = math.nan
    with pytest.raises(NotEstimable, match=r"scores are missing: DE in 1 of 12 rows; give it, or say missing="):
        group_profile(rows)
    found = group_profile(rows, missing="least_squares", draws=9)
    assert found.n == {"people": 11}
    assert found.warnings[0] == "1 of 12 rows lack a score and were left out: DE in 1 of 12 rows"
    assert found == group_profile(rows[:3] + rows[4:], draws=9) or found.scores == group_profile(rows[:3] + rows[4:], draws=9).scores
    gone = [[*row[:7], math.nan] for row in rows]
    found = group_profile(gone, missing="least_squares", draws=9)
    assert "NO" not in found.scores
    assert len(found.scores) == 7
    assert found.warnings[0].startswith("left out: NO; the curve was fitted")
    assert found.warnings[1] == "1 of 12 rows lack a score and were left out: DE in 1 of 12 rows, NO in 12 of 12 rows"
    with pytest.raises(NotEnoughData, match="0 of 2 rows have all their scores; 1 or more are needed"):
        group_profile([[math.nan] * 8] * 2, missing="least_squares")
    with pytest.raises(NotEnoughData, match="only 3 scales have a score"):
        group_profile([[1, 2, 3, *[math.nan] * 5]] * 2, missing="least_squares")


@settings(max_examples=20)
@given(PEOPLE, st.data())
def test_correlations_with_a_measure_are_pearsons(rows: list[list[float]], data: st.DataObject) -> None:
    measure = data.draw(st.lists(st.integers(0, 5).map(float), min_size=len(rows), max_size=len(rows)))
    assume(all(len(set(column)) > 1 for column in [measure, *zip(*rows, strict=True)]))
    found = group_profile(rows, measure=measure, draws=9)
    said = [oracles.correlation(column, measure) for column in zip(*rows, strict=True)]
    assert [*found.scores.values()] == pytest.approx(said, abs=1e-9)
    assert found.kind == "correlations"
    moved = group_profile([[score * 2 + 1000 for score in row] for row in rows], measure=[value - 1e4 for value in measure], draws=9)
    assert [*moved.scores.values()] == pytest.approx(said, abs=1e-9)
    if found.elevation.interval is not None and moved.elevation.interval is not None:
        assert moved.elevation.interval == pytest.approx(found.elevation.interval, abs=1e-8)


def test_draws_in_which_something_does_not_vary_are_left_out_and_told() -> None:
    rows = people(9, towards=0)
    measure = [0.0] * 8 + [1.0]
    found = group_profile(rows, measure=measure, draws=99)
    lost = 99 - len(found.drawn)
    assert 15 < lost < 60    # a draw misses the one person in (8/9)^9 = 35 % of cases
    assert f"{lost} of 99 draws held something that does not vary, and were left out" in found.warnings
    assert np.isfinite(found.drawn).all()


def test_a_measure_that_cannot_be_is_refused() -> None:
    rows = people(9, towards=0)
    for measure in ([0.1] * 9, [0.0] * 9):
        with pytest.raises(NotEstimable, match="has the same value in every row"):
            group_profile(rows, measure=measure)
    with pytest.raises(NotEstimable, match="has the same value in every row"):
        group_profile([[*row[:7], 3.3] for row in rows], measure=range(9))
    with pytest.raises(RecordError, match=r"expected one value of the measure a row \(9\) but got the shape \(8,\)"):
        group_profile(rows, measure=range(8))
    with pytest.raises(RecordError, match="1 scores are infinite"):
        group_profile(rows, measure=[math.inf, *range(8)])
    with pytest.raises(NotEstimable, match="scores are missing: the measure in 1 of 9 rows"):
        group_profile(rows, measure=[math.nan, *range(8)])
    assert group_profile(rows, measure=[math.nan, *range(8)], missing="least_squares", draws=9).n == {"people": 8}
    with pytest.raises(NotEnoughData, match="2 of 3 rows have all their scores; 3 or more"):
        group_profile(rows[:3], measure=[math.nan, 1, 2], missing="least_squares")


@pytest.mark.parametrize(("named", "says"), [
    ({"confidence": 1.0}, "confidence is 1.0; expected a share between 0 and 1"),
    ({"draws": 0}, "expected at least 1 draw and fewest of at least 2 but got 0 and 8"),
    ({"fewest": 1}, "expected at least 1 draw and fewest of at least 2 but got 2000 and 1"),
    ({"clusters": ["a"]}, r"expected one cluster a row \(9\) but got 1"),
])
def test_what_cannot_be_drawn_is_refused(named: dict[str, Any], says: str) -> None:
    with pytest.raises(RecordError, match=says):
        group_profile(people(9, towards=0), **named)


def test_one_draw_has_no_standard_error() -> None:
    assert group_profile(people(9, towards=0), draws=1).elevation.standard_error is None


# --- two groups ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("to", "start", "turn"), [(10, 350, 20), (350, 10, -20), (100, 190, -90), (175, 5, 170), (5, 175, -170)])
def test_a_contrast_is_the_turn_from_the_second_to_the_first(to: float, start: float, turn: float) -> None:
    one = group_profile(people(30, towards=to, amplitude=2), label="one", draws=199)
    two = group_profile(people(30, towards=start), label="two", draws=199)
    found = profile_contrast(one, two)
    assert found.displacement.value == pytest.approx(turn, abs=1e-9)
    assert found.amplitude.value == pytest.approx(one.amplitude.value - two.amplitude.value)
    assert found.displacement.interval is not None
    low, high = found.displacement.interval
    assert -180 < low < turn < high <= 180
    assert found.displacement.width == pytest.approx(high - low)
    assert found.x.interval is not None
    expected = np.quantile(one.drawn[:, 1] - two.drawn[:, 1], [0.025, 0.975])
    assert found.x.interval == pytest.approx(tuple(expected))
    assert found.displacement.holds(turn)
    assert found.displacement.n == {"people (one)": 30, "people (two)": 30}
    assert found.elevation.governed_by == "person"
    assert str(found).splitlines()[0] == "one - two"
    back = profile_contrast(two, one)
    assert back.displacement.value == pytest.approx(-turn, abs=1e-9)
    assert back.displacement.interval == pytest.approx((-high, -low), abs=1e-6)


def test_a_contrast_of_opposites_survives_the_crossing_of_180() -> None:
    found = profile_contrast(group_profile(people(30, towards=180), label="one", draws=199), group_profile(people(30, towards=0), label="two", draws=199))
    assert abs(found.displacement.value or 0) == pytest.approx(180)
    assert found.displacement.interval is not None
    low, high = found.displacement.interval
    assert low > 150
    assert high < -150
    assert found.displacement.width is not None
    assert found.displacement.width < 30
    assert str(found.displacement).endswith("counter-clockwise across 180")


def test_groups_that_were_not_made_alike_are_not_compared() -> None:
    one = group_profile(people(9, towards=0), label="one", draws=9)
    with pytest.raises(RecordError, match="both groups are called 'one'; give each a label of its own"):
        profile_contrast(one, one)
    for other in (group_profile(people(9, towards=0), label="two", draws=9, measure=range(9)),
                  group_profile(people(9, towards=0), label="two", draws=9, angles={name: (angle + 1) % 360 for name, angle in OCTANT_ANGLES.items()})):
        with pytest.raises(RecordError, match="the groups were not made alike: one is means of PA"):
            profile_contrast(one, other)
    two = group_profile(people(9, towards=0), label="two", draws=9, clusters=range(9))
    with pytest.raises(RecordError, match="confidence is 0; expected"):
        profile_contrast(one, two, confidence=0)
    assert profile_contrast(one, two).elevation.governed_by == "cluster"


def test_a_contrast_without_intervals_says_why() -> None:
    one, few = group_profile(people(9, towards=0), label="one", draws=9), group_profile(people(3, towards=0), label="few")
    for found in (profile_contrast(one, few), profile_contrast(few, one)):
        assert found.elevation.interval is None
        assert found.displacement.interval is None
        assert found.displacement.no_interval == "an interval needs 8 or more independent people, and there are 3"
        assert found.elevation.method == "means; point estimate"
    flat = group_profile([[1.0] * 8] * 10, label="flat", draws=9)
    assert profile_contrast(one, flat).displacement.value is None
