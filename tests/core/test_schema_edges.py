"""The edges of columns: limits, defaults, and the row that is named where several are bad."""

from __future__ import annotations

from typing import Annotated, Any

import attrs
import numpy as np
import pytest

from rupturekit._schema import (
    ABSENT,
    Column,
    at_least,
    check,
    columns,
    is_identifier,
    one_line,
    record,
    variable_measured,
)
from rupturekit.errors import RecordError


@record
class Row:
    at: Annotated[int, Column("time", unit="us")]
    n: Annotated[int, Column("int")] = 0
    score: Annotated[float | None, Column("milli", at_least(0))] = None
    word: Annotated[str | None, Column("label", one_line, says="what was said")] = None


def arrays(length: int, **changed: list[Any]) -> dict[str, Any]:
    """Return columns of so many good rows, some replaced."""
    held = {"at": np.arange(length), "n": np.arange(length), "score": np.arange(length), "word": np.zeros(length, dtype="i4")}
    return held | {name: np.array(values, dtype=held[name].dtype) for name, values in changed.items()}


def refused(length: int, **changed: list[Any]) -> RecordError:
    with pytest.raises(RecordError) as error:
        check(Row, arrays(length, **changed), {"word": ("one", "two")})
    return error.value


@pytest.mark.parametrize(("changed", "row", "value", "says"), [
    ({"word": [0, 1, 2, -2]}, 3, 2, "the code of one of 2 levels"),
    ({"word": [1, 0, -2, 9]}, 3, -2, "the code of one of 2 levels"),
    ({"word": [-1, 1, 0, 2]}, 4, 2, "the code of one of 2 levels"),
    ({"score": [0, ABSENT, -1, -2]}, 3, -1, "at least 0"),
    ({"score": [0, 5, ABSENT, -2]}, 4, -2, "at least 0"),
    ({"at": [0, 5, ABSENT, ABSENT]}, 3, None, "a value"),
])
def test_the_first_bad_row_is_named_with_its_value(changed: dict[str, list[Any]], row: int, value: Any, says: str) -> None:
    error = refused(4, **changed)
    assert (error.row, error.value) == (row, value)
    assert f"row {row}: expected {says} but got {value!r}" in str(error)


def test_levels_and_absence_at_either_edge_are_taken() -> None:
    check(Row, arrays(4, word=[-1, 0, 1, 0], score=[ABSENT, 0, ABSENT, 7]), {"word": ("one", "two")})
    check(Row, arrays(0), {"word": ()})
    check(Row, arrays(2, word=[-1, -1]), {"word": ()})


@pytest.mark.parametrize(("score", "word"), [(-1, 0), (ABSENT, 2), (0, -2)])
def test_one_value_held_once_for_all_rows_is_checked_too(score: int, word: int) -> None:
    held = arrays(3) | {"score": np.broadcast_to(np.int64(score), (3,)), "word": np.broadcast_to(np.int32(word), (3,))}
    with pytest.raises(RecordError, match="row 1: ") as error:
        check(Row, held, {"word": ("one", "two")})
    assert error.value.row == 1


@pytest.mark.parametrize("field", ["at", "n"])
@pytest.mark.parametrize("value", [ABSENT, -ABSENT, 2**70])
def test_a_number_beside_those_of_64_bits_is_refused(field: str, value: int) -> None:
    with pytest.raises(RecordError, match="expected a number within 64 bits"):
        Row(**{"at": 0, field: value})
    assert Row(**{"at": 0, field: ABSENT + 1})


def test_thousandths_go_up_to_a_million_millions() -> None:
    assert Row(at=0, score=1e12).score == 1e12
    with pytest.raises(RecordError, match=r"at most 1e\+12"):
        Row(at=0, score=1e12 + 1)


@pytest.mark.parametrize("rule", [one_line, is_identifier])
def test_a_line_has_up_to_ten_thousand_characters(rule: Any) -> None:
    assert [rule.holds("x" * n) for n in (0, 1, 10_000, 10_001)] == [False, True, True, False]


@pytest.mark.parametrize("more", [("us",), ("", None), ("", None, "")])
def test_what_else_a_column_says_is_named(more: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="positional argument"):
        Column("int", None, *more)


def test_a_column_is_found_at_its_field_and_says_nothing_unless_told() -> None:
    assert attrs.fields(Row).at.metadata["column"] is columns(Row)["at"]
    assert [(column.unit, column.says) for column in columns(Row).values()] == [
        ("us", ""), ("", ""), ("", ""), ("", "what was said")]
    assert {said["@type"] for said in variable_measured(Row)} == {"PropertyValue"}
    assert [said["description"] for said in variable_measured(Row)] == ["at", "n", "score", "what was said"]


def test_a_rule_shows_its_text_alone() -> None:
    assert repr(at_least(0)) == "Rule(text='at least 0')"


def test_a_refused_value_is_told_with_its_field_and_a_column_with_its_row_too() -> None:
    with pytest.raises(RecordError, match=r"^Row\.score: expected .* but got -1"):
        Row(at=0, score=-1)
    assert str(refused(3, score=[0, -5, 0])).startswith("Row.score, row 2: expected ")


def test_thousandths_are_the_finest_that_a_score_may_be() -> None:
    assert Row(at=0, score=1.005).score == 1.005
    with pytest.raises(RecordError, match=r"Row\.score: expected a number with at most three decimals"):
        Row(at=0, score=1.0005)
