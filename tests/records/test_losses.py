"""A loss report balances, says so in words, and shows nothing unescaped."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.records.losses import LossReport, Tallies, Tally


def report(**more):
    return LossReport(**{"file": "moves.csv", "rows": 6196, "used": 5932, "moves": 5932, **more})


def test_the_first_line_is_the_sum():
    losses = report(lost=(Tally("no code", 200, (1, 2, 3)), Tally("onset: not a time", 64, (17,))))
    assert str(losses).splitlines()[0] == "6,196 rows = 5,932 moves + 264 rows left out"
    assert repr(losses) == "LossReport('moves.csv', 6,196 rows = 5,932 moves + 264 rows left out)"


def test_each_reason_has_its_line():
    losses = report(
        lost=(Tally("no code", 263, (1, 2, 3)), Tally("onset: not a time", 1, (17,))), blank=2,
        adjusted=(Tally("a time goes back: sorted by the clock", 2, (4, 9)),), unused_columns=("topic", "text"),
        rules=("wd-p is present where WD_P is above 1",), warnings=("no row became a move",))
    assert str(losses).splitlines()[1:] == [
        "  left out: no code: 263 (first in rows 1, 2, 3)",
        "  left out: onset: not a time: 1 (row 17)",
        "  adjusted: a time goes back: sorted by the clock: 2 (rows 4, 9)",
        "  blank rows, no data: 2",
        "  label rule: wd-p is present where WD_P is above 1",
        "  columns not used: topic, text",
        "  note: no row became a move",
    ]


def test_with_many_codes_a_row_the_cells_are_counted_too():
    losses = report(rows=3, used=2, moves=5, lost=(Tally("every cell is missing", 1, (3,)),), cells=9,
                    empty=(Tally("missing, so not observed", 4, (1, 3)),))
    assert losses.balanced
    assert str(losses) == (
        "3 rows = 2 rows that became 5 moves + 1 row left out\n"
        "  left out: every cell is missing: 1 (row 3)\n"
        "  cells: 9 cells = 5 moves + 4 cells without\n"
        "  without a move: missing, so not observed: 4 (first in rows 1, 3)")


def test_moves_that_no_cell_holds_are_told_apart():
    losses = report(rows=3, used=3, moves=5, cells=9, empty=(Tally("nothing coded", 5),),
                    added=(Tally("'none' for observed segments without a marker", 1, (3,)),))
    assert losses.balanced
    assert not attrs.evolve(losses, added=()).balanced
    assert str(losses).splitlines()[1:] == [
        "  cells: 9 cells = 4 moves + 5 cells without", "  without a move: nothing coded: 5",
        "  added: 'none' for observed segments without a marker: 1 (row 3)"]


@pytest.mark.parametrize("changed", [
    {"rows": 4}, {"used": 1}, {"lost": ()}, {"moves": 3}, {"cells": 7}, {"cells": 3, "empty": (Tally("x", 2),)}])
def test_what_does_not_add_up_is_not_balanced(changed):
    losses = report(rows=3, used=2, moves=2, lost=(Tally("no code", 1, (3,)),))
    assert losses.balanced
    assert not attrs.evolve(losses, **changed).balanced


def test_a_bare_report_has_nothing_but_its_sum():
    bare = LossReport(file="a.csv", rows=1, used=1, moves=1)
    assert bare == LossReport(file="a.csv", rows=1, used=1, moves=1, lost=(), cells=0, empty=(), added=(), adjusted=(),
                              unused_columns=(), rules=(), warnings=(), blank=0)
    assert (bare.rows_lost, bare.balanced, str(bare)) == (0, True, "1 row = 1 move + 0 rows left out")


def test_twenty_unused_columns_are_named():
    names = tuple(f"c{at}" for at in range(21))
    assert str(report(unused_columns=names[:20])).endswith(f"\n  columns not used: {', '.join(names[:20])}")
    assert str(report(unused_columns=names)).endswith(f"\n  columns not used: {', '.join(names[:20])} (+1 more)")


def test_every_line_has_its_place_in_words_and_in_a_notebook():
    losses = report(
        rows=2, used=1, moves=2, lost=(Tally("l", 1, (2,)),), cells=3, empty=(Tally("e", 2, (1,)),),
        added=(Tally("a", 1, (1,)),), adjusted=(Tally("j", 1, (1,)),), blank=1, rules=("r1", "r2"),
        unused_columns=("u",), warnings=("n1", "n2"))
    lines = [("left out", "l: 1 (row 2)"), ("cells", "3 cells = 1 move + 2 cells without"),
             ("without a move", "e: 2 (first in row 1)"), ("added", "a: 1 (row 1)"), ("adjusted", "j: 1 (row 1)"),
             ("blank rows, no data", "1"), ("label rule", "r1"), ("label rule", "r2"), ("columns not used", "u"),
             ("note", "n1"), ("note", "n2")]
    first = "2 rows = 1 row that became 2 moves + 1 row left out"
    assert str(losses) == "\n  ".join([first, *(f"{what}: {text}" for what, text in lines)])
    assert str(report(rows=1, used=1, moves=1, cells=1)).splitlines() == [
        "1 row = 1 row that became 1 move + 0 rows left out", "  cells: 1 cell = 1 move + 0 cells without"]
    body = losses._repr_html_().partition("</style>")[2]
    assert '<span class="rk-kind">LossReport</span> <b><bdi>moves.csv</bdi></b>' in body
    assert f"</div><p>{first}</p>" in body
    assert [body.index(f">{text}<") for _, text in lines] == sorted(body.index(f">{text}<") for _, text in lines)


@pytest.mark.parametrize(("tally", "text"), [
    (Tally("w", 1, (3,)), "w: 1 (row 3)"), (Tally("w", 2, (3,)), "w: 2 (first in row 3)"),
    (Tally("w", 2, (3, 9)), "w: 2 (rows 3, 9)"), (Tally("w", 1, (3, 9)), "w: 1 (rows 3, 9)"),
    (Tally("w", 1234, (1000, 2000)), "w: 1,234 (first in rows 1,000, 2,000)"),
])
def test_a_tally_names_its_rows(tally, text):
    assert str(tally) == text


def test_a_tally_may_know_no_rows():
    assert str(Tally("no code", 1200)) == "no code: 1,200"


def test_one_of_each_is_told_in_the_singular():
    assert str(report(rows=1, used=1, moves=1)) == "1 row = 1 move + 0 rows left out"


def test_html_is_escaped():
    shown = report(file="<s>.csv", unused_columns=("<i>",), lost=(Tally("code '<u>'", 1, (1,)),))._repr_html_()
    assert not any(tag in shown for tag in ("<s>", "<i>", "<u>"))
    assert all(text in shown for text in ("&lt;s&gt;.csv", "&lt;i&gt;", "code &#x27;&lt;u&gt;&#x27;"))


def test_a_report_is_frozen():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        report().rows = 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 50)), max_size=60))
def test_tallies_count_all_and_name_the_first_rows(events):
    tallies = Tallies()
    for what, row in events:
        tallies.add(what, row=row)
    found = tallies.found()
    assert sum(tally.times for tally in found) == len(events)
    assert [tally.times for tally in found] == sorted((tally.times for tally in found), reverse=True)
    for tally in found:
        rows = list(dict.fromkeys(row for what, row in events if what == tally.what))
        assert list(tally.rows) == sorted(rows[:5])


def test_two_hundred_reasons_are_kept_apart():
    tallies = Tallies()
    for number in range(200):
        tallies.add(f"reason {number}", row=number)
    tallies.add("reason 7", row=500)
    assert tallies.found()[0] == Tally("reason 7", 2, (7, 500))
    assert len(tallies.found()) == 200
    for row in (501, 502):
        tallies.add(f"one more {row}", row=row)
    assert tallies.found()[:2] == (Tally("reason 7", 2, (7, 500)), Tally("other reasons", 2, (501, 502)))


def test_five_rows_of_a_reason_are_named_each_once():
    tallies = Tallies()
    for row in (6, 5, 5, 4, 3, 2, 1):
        tallies.add("w", row=row)
    assert tallies.found() == (Tally("w", 7, (2, 3, 4, 5, 6)),)


def test_tallies_are_bounded():
    tallies = Tallies()
    for number in range(1000):
        tallies.add(f"reason {number}", row=number, count=2)
    found = tallies.found()
    assert len(found) == 201
    assert found[0].what == "other reasons"
    assert sum(tally.times for tally in found) == 2000
