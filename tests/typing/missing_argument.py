"""Checked by mypy, never run: a type checker sees which arguments a record needs.

Each `type: ignore` names the error that must be there. Under `--strict` an ignore that nothing needs is
itself an error, so that this file passes only while every mistake in it is reported.
"""

from __future__ import annotations

from typing import assert_type

from rupturekit.episode import Move


def complete() -> Move:
    move = Move(dyad="D1", session=1, track="r1", party="client", code="wd-min", onset=0, row_id=1)
    assert_type(move.dyad, str)
    assert_type(move.session, int)
    assert_type(move.onset, int)
    return move


def all_but_one() -> Move:
    return Move(dyad="D1", session=1, track="r1", code="wd-min", row_id=1)  # type: ignore[call-arg]


def one_alone() -> Move:
    return Move(party="client")  # type: ignore[call-arg]


def unknown_field() -> Move:
    return Move(dyad="D1", session=1, track="r1", code="wd-min", onset=0, row_id=1, colour="red")  # type: ignore[call-arg]


def wrong_type() -> Move:
    return Move(dyad="D1", session="one", track="r1", code="wd-min", onset=0, row_id=1)  # type: ignore[arg-type]


def changed(move: Move) -> None:
    move.code = "wd-avo"  # type: ignore[misc]
