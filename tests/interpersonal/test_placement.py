"""Placements as data, and a cohort on the plane: against one move at a time."""

from __future__ import annotations

import copy
import math
import warnings
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_plane as oracles
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Move
from rupturekit.errors import CodingWarning, DefinitionError, FileProblem, RecordError
from rupturekit.interpersonal.placement import (
    FOCUSES,
    NO_FOCUS,
    Focus,
    Place,
    Placement,
    Positions,
    as_placement,
    load_placement,
    parse_placement,
    placement_names,
    positions,
    read_placement,
)
from rupturekit.vocabulary import Certainty, Evidence
from strategies import Parts, parts, quietly

HEAD = 'format = 1\nname = "mine"\ntitle = "Mine"\ncodebook = "my-codes"\n'
PLACE = '[[places]]\ncode = "a"\nangle = 10\n'


def mistakes(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as told:
        parse_placement(text)
    return [line.strip() for line in str(told.value).splitlines()[1:]]


def cohort_of(*codes: str, codebook: str = "sasb") -> Cohort:
    return Cohort.of([Move(dyad="D1", session=1, track="r1", party="client", code=code, onset=at, row_id=at)
                      for at, code in enumerate(codes)], coding=Coding(codebook=load_codebook(codebook)))


@st.composite
def placed(draw: st.DrawFn) -> tuple[Parts, Placement]:
    """Draw a cohort and a placement of some of its codebook's codes."""
    given_ = draw(parts())
    book = given_.coding.codebook
    codes = draw(st.lists(st.sampled_from([code.code for code in book.codes]), unique=True))
    places = tuple(Place(code=code, angle=draw(st.integers(0, 1440)) / 4, length=draw(st.sampled_from([0.5, 1.0, 2.0])),
                         focus=draw(st.sampled_from([None, *Focus]))) for code in codes)
    return given_, Placement(name="p", title="P", codebook=book.name, places=places)


# --- those that come with the package ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", placement_names())
def test_a_shipped_placement_loads_without_a_warning_and_fits_its_codebook(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        placement = load_placement(name)
    assert placement.name == name
    assert placement.citation
    assert placement.note
    assert placement.version
    book = load_codebook(placement.codebook)
    assert all(place.code in book for place in placement.places)
    assert as_placement(name) is placement
    assert as_placement(placement) is placement


def test_an_unknown_placement_is_refused_with_the_nearest_and_a_way_out() -> None:
    with pytest.raises(DefinitionError, match=r"no placement 'sasp'; did you mean 'sasb'\?; known: sasb. .*give its path"):
        load_placement("sasp")


# --- one placement -------------------------------------------------------------------------------------------------


def test_a_code_that_is_not_placed_is_refused_with_the_nearest() -> None:
    placement = load_placement("sasb")
    assert "1-5" in placement
    assert "1-9" not in placement
    with pytest.raises(RecordError, match="code '1-9' is not placed by sasb; did you mean '.-.'.; placed are: 1-1, 1-2") as told:
        placement["1-9"]
    assert (told.value.field, told.value.value) == ("code", "1-9")


def test_a_placement_prints_its_places() -> None:
    mine = parse_placement(HEAD + PLACE + 'length = 0.5\nfocus = "self"\nevidence = "read"\n' + PLACE.replace('"a"', '"bcd"'))
    assert str(mine).splitlines()[0] == "mine: Mine"
    assert str(mine).splitlines()[3:] == ["  a    10 degrees, length 0.5, focus self (read)", "  bcd  10 degrees, length 1 (assumption)"]
    assert repr(mine) == "Placement('mine', 2 codes of 'my-codes')"
    assert mine.certainty is Certainty.MEDIUM


def test_equal_placements_and_only_they_have_equal_digests() -> None:
    one = load_placement("sasb")
    assert attrs.evolve(one).digest == one.digest
    other = attrs.evolve(one, places=(*one.places[:-1], attrs.evolve(one.places[-1], angle=1)))
    assert other.digest != one.digest


@pytest.mark.parametrize(("named", "says"), [
    ({"angle": 361}, "angle is 361; expected degrees from 0 to 360, counter-clockwise from affiliation"),
    ({"angle": -1}, "angle is -1; expected degrees"),
    ({"angle": math.nan}, "angle is nan; expected degrees"),
    ({"length": 0}, "length is 0; expected a number above 0, since a code without a direction is not placed"),
    ({"length": math.inf}, "length is inf"),
])
def test_a_place_that_cannot_be_is_refused(named: dict[str, Any], says: str) -> None:
    with pytest.raises(RecordError, match=says):
        Place(**{"code": "a", "angle": 1, **named})


def test_a_code_is_placed_once() -> None:
    with pytest.raises(RecordError, match="'a' placed twice; a code has one place"):
        Placement(name="p", title="P", codebook="b", places=(Place(code="a", angle=1), Place(code="b", angle=1), Place(code="a", angle=2)))


def test_360_is_0() -> None:
    assert Place(code="a", angle=360) == Place(code="a", angle=0)
    assert math.copysign(1, Place(code="a", angle=-0.0).angle) == 1


# --- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "says"), [
    (HEAD.replace("format = 1\n", "") + PLACE, "format: is missing; expected a whole number"),
    (HEAD.replace("1", "2") + PLACE, "format: is 2; this version of rupturekit reads format 1, upgrade to read newer"),
    (HEAD.replace('"mine"', '"My Plane"') + PLACE, "name: 'My Plane' is not a name; expected lower-case letters, digits"),
    (HEAD.replace('codebook = "my-codes"\n', "") + PLACE, "codebook: is missing; expected text in quotes"),
    (HEAD, "places: is missing; a placement needs at least one [[places]] table"),
    (HEAD + PLACE + PLACE, "places: 'a' is placed twice; a code has one place"),
    (HEAD + PLACE.replace("10", "400"), "places[1] (line 5).angle: is 400.0; expected degrees from 0 to 360"),
    (HEAD + PLACE + "length = -1", "places[1] (line 5).length: is -1.0; expected a number above 0"),
    (HEAD + PLACE.replace("angle = 10\n", ""), "places[1] (line 5).angle: is missing; expected a number"),
    (HEAD + PLACE + 'length = "x"', "places[1] (line 5).length: expected a number but got 'x'"),
    (HEAD + PLACE + 'focus = "slef"', "places[1] (line 5).focus: 'slef' is not one of other, self, introject; did you mean 'self'?"),
    (HEAD + PLACE + 'evidence = "rea"', "places[1] (line 5).evidence: 'rea' is not one of read, secondary, recalled"),
    (HEAD + PLACE + "angel = 1", "places[1] (line 5).angel: is not a known key; did you mean 'angle'?"),
    (HEAD + PLACE.replace('"a"', '"a b"'), "places[1] (line 5).code: 'a b' is not a name; expected 1 to 60"),
])
def test_a_mistake_is_told_with_its_place_and_remedy(text: str, says: str) -> None:
    told, = mistakes(text)
    assert told.startswith(says)


def test_all_mistakes_are_told_at_once() -> None:
    assert [line.split(":")[0] for line in mistakes(HEAD + PLACE.replace("10", "400") + PLACE.replace("10", '"x"'))] == [
        "places[1] (line 5).angle", "places[2] (line 8).angle"]


def test_angles_that_look_like_radians_are_warned_of() -> None:
    angles = [0.5, 1.5, 3.0, 4.5, 6.0]
    text = HEAD + "".join(f'[[places]]\ncode = "c{at}"\nangle = {angle}\n' for at, angle in enumerate(angles))
    with pytest.warns(CodingWarning, match=r"mine.toml: every angle is below 6.3; angles are degrees, and these look like radians"):
        assert [place.angle for place in parse_placement(text, where="mine.toml").places] == angles


def test_a_placement_is_taken_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + PLACE, encoding="utf-8")
    assert read_placement(path) == as_placement(path) == as_placement(str(path)) == parse_placement(HEAD + PLACE)
    with pytest.raises(FileProblem, match="there is no such placement file"):
        as_placement("none.toml")
    with pytest.raises(RecordError, match="expected a placement but got int; or the name of one, or the path"):
        as_placement(3)  # type: ignore[arg-type]
    path.write_text(HEAD, encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"mine.toml: 1 mistake in this placement"):
        read_placement(path)


# --- a cohort on the plane -----------------------------------------------------------------------------------------


@given(placed())
def test_positions_are_those_of_one_move_at_a_time(drawn: tuple[Parts, Placement]) -> None:
    cohort, placement = drawn[0].cohort(), drawn[1]
    found = quietly(positions, cohort, placement)
    expected, missed = oracles.places(cohort, placement)
    assert len(found) == len(cohort.moves) == len(expected)
    assert found.placed.tolist() == [one is not None for one in expected]
    assert found.n_placed + sum(found.unplaced.values()) == len(found)
    assert dict(found.unplaced) == dict(missed)
    for at, one in enumerate(expected):
        if one is None:
            assert math.isnan(found.affiliation[at])
            assert math.isnan(found.control[at])
            assert found.focus[at] == NO_FOCUS
        else:
            assert (found.affiliation[at], found.control[at]) == pytest.approx(one[:2], abs=1e-12)
            assert found.focus[at] == (NO_FOCUS if one[2] is None else FOCUSES.index(Focus(one[2])))
    assert [str(found.affiliation.dtype), str(found.control.dtype), str(found.placed.dtype), str(found.focus.dtype)] == [
        "float64", "float64", "bool", "int8"]


@given(placed(), st.integers(0, 359))
def test_turning_a_placement_turns_the_positions(drawn: tuple[Parts, Placement], turn: int) -> None:
    cohort, placement = drawn[0].cohort(), drawn[1]
    turned = attrs.evolve(placement, places=tuple(attrs.evolve(one, angle=(one.angle + turn) % 360) for one in placement.places))
    one, other = quietly(positions, cohort, placement), quietly(positions, cohort, turned)
    rotated = (one.affiliation + 1j * one.control) * np.exp(1j * np.radians(turn))
    assert np.allclose(other.affiliation + 1j * other.control, rotated, atol=1e-12, equal_nan=True)


def test_axis_values_of_nothing_are_exactly_nothing() -> None:
    found = positions(cohort_of("1-3", "1-5", "1-7", "1-1"), "sasb")
    assert found.affiliation.tolist() == [1.0, 0.0, -1.0, 0.0]
    assert found.control.tolist() == [0.0, 1.0, 0.0, -1.0]
    assert not np.signbit(found.control[[0, 2]]).any()


def test_codes_that_are_not_placed_are_warned_of_and_counted() -> None:
    placement = attrs.evolve(load_placement("sasb"), places=load_placement("sasb").places[:2])
    with pytest.warns(CodingWarning, match=r"3 of 4 moves have codes that placement 'sasb' does not place, and have no "
                                           r"position: '2-1' \(2\), '3-8' \(1\)") as told:
        found = positions(cohort_of("2-1", "1-1", "3-8", "2-1"), placement)
    assert told[0].filename == __file__
    assert repr(found) == "Positions('sasb', 1 of 4 moves placed)"
    assert str(found).splitlines() == ["1 of 4 moves placed by sasb", "not placed: 2-1 (2)", "not placed: 3-8 (1)"]


def test_a_placement_of_another_codebook_is_refused() -> None:
    with pytest.raises(RecordError, match="placement 'sasb' places the codes of 'sasb', and this cohort was coded with "
                                          "'stages'; give a placement for that codebook"):
        positions(cohort_of("wd", codebook="stages"), "sasb")
    wrong = attrs.evolve(load_placement("sasb"), places=(Place(code="1-9", angle=0),))
    with pytest.raises(RecordError, match="placement 'sasb' places codes that sasb does not have: '1-9'; did you mean"):
        positions(cohort_of("1-1"), wrong)
    with pytest.raises(RecordError, match="expected a cohort but got str"):
        positions("1-1", "sasb")  # type: ignore[arg-type]


def test_positions_are_closed_and_equal_where_they_say_the_same() -> None:
    found = positions(cohort_of("1-3", "2-5"), "sasb")
    same: Positions = copy.deepcopy(found)
    assert same == found
    assert not any(getattr(same, name).flags.writeable for name in ("affiliation", "control", "placed", "focus"))
    assert found != positions(cohort_of("1-3", "2-4"), "sasb")
    assert found != "positions"
    assert found != attrs.evolve(found, focus=np.array([2, 1], dtype=np.int8))
    assert len(positions(cohort_of(), "sasb")) == 0
    assert found.cohort == cohort_of("1-3", "2-5").digest
    assert {place.evidence for place in found.placement.places} <= set(Evidence)
