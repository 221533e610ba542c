"""Tables: records as read-only columns, and back."""

from __future__ import annotations

import copy
import pickle
from typing import Annotated, Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit._schema import (
    ABSENT,
    ABSENT_CODE,
    Column,
    at_least,
    columns,
    finite,
    one_line,
    optional_fields,
    record,
    variable_measured,
)
from rupturekit._table import Table, arrays_equal, empty, encode, freeze, read_only
from rupturekit.episode import Dyad, Label, Member, Move, ObservedStretch, Session
from rupturekit.errors import RecordError
from rupturekit.vocabulary import Attendance, Perspective
from strategies import RECORDS, lines, records

every_record = pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
MOVE: dict[str, Any] = {"row_id": 1, "dyad": "D1", "session": 1, "track": "r1", "code": "wd", "onset": 0}


def tables(cls: type[Any], *, least: int = 0) -> st.SearchStrategy[tuple[list[Any], Table[Any]]]:
    return st.lists(records(cls), min_size=least, max_size=4).map(lambda rows: (rows, Table.of(cls, rows)))


def is_closed(table: Table[Any]) -> bool:
    return not any(values.flags.writeable for values in table.arrays.values())


# --- there and back --------------------------------------------------------------------------------------------


@every_record
@given(data=st.data())
def test_objects_to_columns_to_objects_is_the_identity(cls: type[Any], data: st.DataObject) -> None:
    rows, table = data.draw(tables(cls))
    assert list(table) == rows
    assert len(table) == len(rows)
    assert list(Table.of(cls, table)) == rows


@every_record
@given(data=st.data())
def test_pickle_and_deepcopy_stay_equal_and_read_only(cls: type[Any], data: st.DataObject) -> None:
    _, table = data.draw(tables(cls))
    for other in (pickle.loads(pickle.dumps(table)), copy.deepcopy(table), copy.copy(table)):
        assert other == table
        assert other.digest() == table.digest()
        assert is_closed(other)
        with pytest.raises(TypeError):
            other.arrays["new"] = np.zeros(0)
        with pytest.raises(TypeError):
            other.levels["new"] = ()


@every_record
@given(data=st.data())
def test_columns_with_their_levels_in_any_order_make_the_same_table(cls: type[Any], data: st.DataObject) -> None:
    _, table = data.draw(tables(cls))
    arrays, levels = dict(table.arrays), {}
    for name, known in table.levels.items():
        allowed = columns(cls)[name].allowed() or ("unused",)
        more = [*known, *(word for word in allowed if word not in known)]
        levels[name] = tuple(data.draw(st.permutations(more)))
        lookup = np.array([*(levels[name].index(word) for word in known), ABSENT_CODE], dtype="i4")
        arrays[name] = lookup[arrays[name]]
    other = Table.from_columns(cls, arrays=arrays, levels=levels)
    assert other == table
    assert other.digest() == table.digest()
    assert is_closed(other)


@every_record
@given(data=st.data())
def test_rows_are_picked_as_from_a_list(cls: type[Any], data: st.DataObject) -> None:
    rows, table = data.draw(tables(cls, least=1))
    picked = data.draw(st.lists(st.integers(-len(rows), len(rows) - 1)))
    assert list(table.take(np.array(picked, dtype="i8"))) == [rows[at] for at in picked]
    assert [table[at] for at in picked] == [rows[at] for at in picked]
    mask = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    assert table.take(np.array(mask)) == Table.of(cls, [row for row, kept in zip(rows, mask, strict=True) if kept])
    with pytest.raises(IndexError):
        table[len(rows)]


@every_record
@given(data=st.data())
def test_tables_are_equal_and_hash_equal_exactly_where_their_rows_are(cls: type[Any], data: st.DataObject) -> None:
    rows, table = data.draw(tables(cls))
    others, other = data.draw(st.one_of(tables(cls), st.just((list(reversed(rows)), Table.of(cls, reversed(rows))))))
    assert (table == other) is (rows == others)
    assert (table.digest() == other.digest()) is (rows == others)


@given(tables(Move, least=1))
def test_words_come_back_row_by_row(held: tuple[list[Move], Table[Move]]) -> None:
    rows, table = held
    assert table.words("rater") == [row.rater for row in rows]
    for row, code in zip(rows, table.code.tolist(), strict=True):
        assert table.code_of("code", word=row.code) == code
    assert table.code_of("code", word="no such code anywhere") == -2


# --- what is said of a table -----------------------------------------------------------------------------------


def test_an_empty_table_has_every_column() -> None:
    assert len(empty(Move)) == 0
    assert list(empty(Move).arrays) == list(columns(Move))
    assert repr(Table.of(Move, [Move(**MOVE)])) == "Table(Move, 1 rows)"


def test_tables_of_two_kinds_are_not_equal_and_no_table_is_hashable() -> None:
    assert empty(Session) != empty(Dyad)
    assert empty(Session) != "a session"
    with pytest.raises(TypeError, match="unhashable"):
        hash(empty(Session))


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(AttributeError, match="no column 'onsett'"):
        _ = empty(Move).onsett


def test_replacing_a_column_checks_it_again() -> None:
    table = Table.of(Move, [Move(**MOVE)])
    assert table.replace(onset=np.array([7], dtype="i8"))[0].onset == 7
    with pytest.raises(RecordError, match=r"Move.onset, row 1: expected at least 0 but got -1"):
        table.replace(onset=np.array([-1], dtype="i8"))


def test_a_negative_zero_hashes_as_the_zero_it_equals() -> None:
    plus, minus = (Table.of(Dyad, [Dyad(dyad="D1", outcome=zero)]) for zero in (0.0, -0.0))
    assert plus == minus
    assert plus.digest() == minus.digest()


def test_words_are_coded_over_the_sorted_distinct_words() -> None:
    codes, levels = encode(["b", None, "a", "b"])
    assert (codes.tolist(), levels) == ([1, ABSENT_CODE, 0, 1], ("a", "b"))


def test_arrays_are_equal_by_dtype_shape_and_value_with_nan_equal_to_nan() -> None:
    nan = np.array([1.0, np.nan])
    assert arrays_equal(nan, nan.copy())
    assert not arrays_equal(nan, np.array([1.0, 2.0]))
    assert not arrays_equal(np.zeros(2, "i4"), np.zeros(2, "i8"))
    assert not arrays_equal(np.zeros(2), np.zeros(3))


def test_read_only_copies_what_somebody_else_may_still_write_to() -> None:
    mine = freeze(np.zeros(2))
    assert read_only(mine) is mine
    assert read_only(mine[:1]).base is mine
    theirs = np.zeros(2)
    window = theirs[:]
    window.flags.writeable = False
    copies = [read_only(theirs), read_only(window)]
    theirs[0] = 9
    for held in copies:
        assert held.tolist() == [0, 0]
        with pytest.raises(ValueError, match="read-only"):
            held[0] = 1


# --- one rule for a value and for a column ---------------------------------------------------------------------


@every_record
def test_what_an_object_refuses_a_column_refuses(cls: type[Any]) -> None:
    row = next(iter(Table.of(cls, [_least(cls)])))
    table = Table.of(cls, [row])
    for name, column in columns(cls).items():
        if column.rule is None or column.is_word:
            continue
        bad = np.inf if column.rule is finite else -1
        with pytest.raises(RecordError, match=f"{cls.__name__}.{name}"):
            attrs.evolve(row, **{name: bad})
        with pytest.raises(RecordError, match=f"{cls.__name__}.{name}, row 1: expected {column.rule.text} but got") as told:
            table.replace(**{name: np.array([bad], dtype=column.dtype)})
        assert (told.value.field, told.value.row) == (name, 1)


@every_record
def test_what_is_required_is_required_in_columns_too(cls: type[Any]) -> None:
    row = _least(cls)
    table = Table.of(cls, [row])
    for name, column in columns(cls).items():
        if name in optional_fields(cls) or column.kind == "bool":
            continue
        with pytest.raises(RecordError, match=f"{cls.__name__}.{name}"):
            attrs.evolve(row, **{name: None})
        absent = np.array([ABSENT_CODE if column.is_word else ABSENT], dtype=column.dtype)
        with pytest.raises(RecordError, match=f"{name}, row 1: expected a value but got None"):
            table.replace(**{name: absent})


def _least(cls: type[Any]) -> Any:
    said = {"time": 0, "int": 0, "milli": 1.0, "float": 1.0, "bool": True, "label": "x"}
    wanted = {name: next(iter(column.levels)) if column.levels else said[column.kind]
              for name, column in columns(cls).items() if name not in optional_fields(cls)}
    return cls(**wanted | ({"subject_kind": "episode"} if cls is Label else {}))


@pytest.mark.parametrize(("changed", "levels", "says"), [
    ({"onset": np.zeros(1, "i4")}, {}, "Move.onset: expected dtype int64 but got int32"),
    ({"onset": np.zeros(2, "i8")}, {}, r"Move.onset: expected 1 rows but got shape \(2,\)"),
    ({"code": np.array([1], "i4")}, {}, "Move.code, row 1: expected the code of one of 1 levels but got 1"),
    ({"code": np.array([-2], "i4")}, {}, "Move.code, row 1: expected the code of one of 1 levels but got -2"),
    ({}, {"code": ("wd", "wd")}, "Move.code: expected every level once"),
    ({}, {"code": (" wd",)}, "Move.code: expected 1 to 10,000 characters on one line, without blanks"),
    ({}, {"status": ("codded",)}, "Move.status: expected one of hypothesised, reported, coded, consensus but got 'codded'"),
])
def test_a_bad_column_is_told_with_its_place(changed: dict[str, Any], levels: dict[str, Any], says: str) -> None:
    table = Table.of(Move, [Move(**MOVE)])
    with pytest.raises(RecordError, match=says):
        Table.from_columns(Move, arrays={**table.arrays, **changed}, levels={**table.levels, **levels})


def test_missing_columns_are_named_together() -> None:
    with pytest.raises(RecordError, match="Member: the columns episode, row_id are missing"):
        Table.from_columns(Member, arrays={}, levels={})


# --- one object ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changed", "says"), [
    ({"onset": -1}, "Move.onset: expected at least 0, but got -1"),
    ({"onset": 1.5}, "Move.onset: expected int, but got 1.5"),
    ({"onset": True}, "Move.onset: expected int, but got True"),
    ({"onset": 2**63}, "Move.onset: expected a number within 64 bits"),
    ({"onset": None}, "Move.onset: expected int, but got None"),
    ({"code": ""}, "Move.code: expected 1 to 10,000 characters on one line, without blanks"),
    ({"code": " wd"}, "Move.code: .* without blanks at either end, but got ' wd'"),
    ({"code": "w\nd"}, "Move.code: .* on one line"),
    ({"note": "two\nlines"}, "Move.note: expected 1 to 10,000 characters on one line"),
    ({"rating": 1.0005}, "Move.rating: expected a number with at most three decimals, but got 1.0005"),
    ({"rating": float("nan")}, "Move.rating: expected a finite number"),
    ({"rating": float("inf")}, "Move.rating: expected a finite number"),
    ({"rating": 1e300}, r"Move.rating: expected a finite number of at most 1e\+12"),
    ({"rating": "3"}, "Move.rating: expected int or float, but got '3'"),
    ({"perspective": "observr"}, r"Move.perspective: expected one of Perspective \(client, .*\); did you mean 'observer'\?"),
    ({"perspective": 3}, r"Move.perspective: expected one of Perspective \(.*\), but got 3"),
])
def test_a_bad_value_is_told_with_field_rule_and_value(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(RecordError, match=says) as told:
        Move(**{**MOVE, **changed})
    (name, value), = changed.items()
    assert told.value.field == name
    assert repr(told.value.value) == repr(value)


@pytest.mark.parametrize(("outcome", "says"), [
    (float("nan"), "finite"), (float("-inf"), "finite"), (10**400, "finite"), (2**53 + 1, "holds exactly"),
])
def test_a_float_column_takes_only_what_it_gives_back(outcome: float, says: str) -> None:
    with pytest.raises(RecordError, match=f"Dyad.outcome: expected .*{says}"):
        Dyad(dyad="D1", outcome=outcome)


def test_what_may_be_absent_may_be_absent() -> None:
    move = Move(**MOVE)
    assert (move.offset, move.party, move.rating, move.perspective) == (None, None, None, None)
    assert Move(**MOVE, perspective=Perspective.OBSERVER).perspective is Perspective.OBSERVER


def test_a_field_that_is_no_column_is_left_alone() -> None:
    @record
    class Note:
        text: Annotated[str, Column("label", one_line)]
        extra: object
        more: Annotated[int, "not a column"] = 0

    assert list(columns(Note)) == ["text"]
    assert Note(text="a", extra=3, more="b").more == "b"  # type: ignore[arg-type]


@given(lines)
def test_a_rule_on_words_is_the_same_for_one_and_for_many(line: str) -> None:
    bad = [line, "", "a\nb"]
    assert one_line.holds(bad).tolist() == [bool(one_line.holds(word)) for word in bad] == [True, False, False]


def test_the_data_dictionary_says_unit_levels_and_what_is_required() -> None:
    said = {entry["name"]: entry for entry in variable_measured(Session)}
    assert list(said) == list(columns(Session))
    assert said["duration"]["unitText"] == "s"
    assert said["day"]["unitText"] == "day"
    assert said["attended"]["levels"] == [level.value for level in Attendance]
    assert [name for name, entry in said.items() if entry["required"]] == ["dyad", "session"]
    assert "unitText" not in said["session"]
    assert said["session"]["description"].startswith("session number")
    assert variable_measured(ObservedStretch)[-1]["required"] is False
    assert at_least(3).text == "at least 3"
