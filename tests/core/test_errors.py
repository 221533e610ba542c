"""Errors carry the objects involved, and a sentence that says what to try."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit import errors
from rupturekit.errors import (
    FileProblem,
    InvalidRecords,
    MissingExtra,
    NotEnoughData,
    NotEstimable,
    OffModelMove,
    RecordError,
    RuptureKitError,
    StateMachineError,
    UnknownState,
    did_you_mean,
    listed,
)


def test_every_error_is_ours_and_drawn_in_the_tree() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert name in errors.__doc__ + "CodingWarning"
        assert issubclass(kind, RuptureKitError if name != "CodingWarning" else UserWarning)
        assert kind.__doc__


@pytest.mark.parametrize(("kind", "also"), [
    (RecordError, ValueError), (FileProblem, OSError), (StateMachineError, ValueError), (MissingExtra, ImportError),
    (NotEnoughData, ValueError), (NotEstimable, ValueError), (errors.ProvenanceMismatch, ValueError),
    (errors.PartyMismatch, errors.DefinitionError), (errors.NoClock, errors.TraceError),
])
def test_an_error_is_also_what_other_code_would_catch(kind: type[Exception], also: type[Exception]) -> None:
    assert issubclass(kind, also)


def test_a_record_error_knows_its_place() -> None:
    error = RecordError("no", file="moves.csv", row=3, field="code", value="W9")
    assert (error.file, error.row, error.field, error.value, str(error)) == ("moves.csv", 3, "code", "W9", "no")


def test_many_problems_keep_their_count_and_groups() -> None:
    error = InvalidRecords("no", problems=[], count=3, groups=[("code", "unknown code", "W9", 3, 1)])
    assert (error.count, error.groups, error.problems) == (3, [("code", "unknown code", "W9", 3, 1)], ())


def test_the_problems_of_a_model_are_iterated() -> None:
    one = UnknownState("a")
    assert list(StateMachineError("b", problems=[one])) == [one]
    alone = StateMachineError("b")
    assert list(alone) == [alone]


@pytest.mark.parametrize("error", [
    OffModelMove(episode="E1", step=2, state="s", move="client: wd", reason="guard", allowed=["a"]),
    InvalidRecords("no", problems=[], count=3, groups=[]), NotEnoughData("few", needed=8, found=3),
    NotEstimable("one source"), MissingExtra("plots", purpose="a figure"), FileProblem("no file", file="x.csv"),
    UnknownState("u"), RecordError("bad", row=3, field="code", value="x")])
def test_an_error_travels_between_processes_with_all_it_carries(error: RuptureKitError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert (str(back), back.__dict__) == (str(error), error.__dict__)


def test_an_off_model_move_names_what_was_allowed() -> None:
    error = OffModelMove(episode="E1", step=2, state="s", move="client: wd", reason="guard", allowed=["a", "b"])
    assert (error.episode, error.step, error.state, error.move, error.reason, error.allowed) == (
        "E1", 2, "s", "client: wd", "guard", ("a", "b"))
    assert str(error).startswith("episode E1, step 2: client: wd is off the model in state 's' (guard); allowed here: a, b.")
    assert "allowed here: none" in str(OffModelMove(episode="E", step=1, state="s", move="m", reason="r", allowed=[]))


def test_the_rest_say_what_is_needed() -> None:
    assert (NotEnoughData("few", needed=5, found=2).needed, NotEnoughData("few", needed=5, found=2).found) == (5, 2)
    assert str(NotEstimable("no variance")) == "not estimable: no variance"
    assert NotEstimable("no variance").reason == "no variance"
    extra = MissingExtra("plots", purpose="drawing")
    assert str(extra) == "drawing needs the extra 'plots': pip install 'rupturekit[plots]'"
    assert extra.extra == "plots"


def test_the_nearest_word_is_found_whatever_its_case() -> None:
    assert did_you_mean("WITHDRAWL", ["withdrawal"]) == "; did you mean 'withdrawal'?"
    assert did_you_mean("xyz", ["withdrawal"]) == ""
    assert did_you_mean("a", []) == ""


@given(st.lists(st.text("ab", min_size=1), max_size=6), st.integers(1, 6))
def test_a_list_shows_the_first_and_counts_the_rest(names: list[str], most: int) -> None:
    said = listed(names, most=most)
    assert said.split(" (+")[0] == ", ".join(names[:most])
    assert ("more" in said) == (len(names) > most)
    if len(names) > most:
        assert said.endswith(f"(+{len(names) - most} more)")
