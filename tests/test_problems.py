"""A problem log counts everything, keeps little, and says what to do."""

import tracemalloc
from collections import Counter

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.errors import InvalidRecords
from rupturekit.problems import OTHER, Problem, ProblemGroup, ProblemLog, excerpt


def unknown(value="W9", *, row=None, file="moves.csv", advice="; did you mean 'W3'?"):
    message = f"'{value}' is not in 3rs-2022{advice}"
    return Problem(kind="unknown code", field="code", value=value, row=row, file=file, message=message)


def log_of(*problems):
    log = ProblemLog()
    for problem in problems:
        log.add(problem)
    return log


# --- excerpt


@given(st.text(), st.integers(1, 200))
def test_excerpts_are_short_printable_and_stable(text, most):
    cut = excerpt(text, most=most)
    assert len(cut) <= most
    assert cut.isprintable()
    assert excerpt(cut, most=most) == cut


@given(st.text("abc äß", max_size=80))
def test_plain_text_is_left_alone(text):
    assert excerpt(text) == text


def test_excerpts_show_what_cannot_be_seen():
    assert excerpt("a\tb\r\n\x1b[31m\u202e\ud800") == r"a\tb\r\n\x1b[31m\u202e\ud800"


def test_a_huge_text_is_cut_before_it_is_looked_at():
    assert excerpt("\n" * 50_000_000).endswith("…")


# --- Problem


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({"file": "moves.csv", "row": 17, "field": "code"}, "moves.csv, row 17, code: what"),
        ({"file": "moves.csv", "field": ""}, "moves.csv: what"),
        ({"row": 3, "field": "onset"}, "row 3, onset: what"),
        ({"field": ""}, "what"),
    ],
)
def test_a_problem_says_where(where, text):
    assert str(Problem(kind="k", value="", message="what", **where)) == text


def test_a_problem_is_small_and_frozen():
    problem = Problem(kind="k", field="note", value="x\n" * 10_000_000, message="y" * 10_000_000)
    assert len(problem.value) == 80
    assert len(problem.message) == 1_000
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        problem.row = 3
    assert attrs.evolve(problem) == problem


# --- ProblemLog


def test_an_empty_log_is_false_and_silent():
    log = ProblemLog()
    assert not log
    assert (len(log), log.groups(), log.problems, log.summary()) == (0, [], (), "no problems")
    log.raise_if_any("moves.csv")


problems = st.builds(
    lambda field, kind, value, row: Problem(kind=kind, field=field, value=value, row=row, message="m"),
    *(st.sampled_from("abc") for _ in range(3)),
    st.none() | st.integers(1, 9),
)


@given(st.lists(problems, max_size=40))
def test_groups_count_everything_in_a_stated_order(found):
    groups = log_of(*found).groups()
    keys = [(problem.field, problem.kind, problem.value) for problem in found]
    expected = Counter(keys).most_common()  # ties in first-seen order
    assert [(tuple(group[:3]), group.times) for group in groups] == expected
    assert [group.first_row for group in groups] == [found[keys.index(key)].row for key, _ in expected]


def test_the_summary_leads_with_the_most_frequent():
    log = log_of(unknown("X1", row=3, advice=""), unknown(row=17), unknown(row=40))
    assert log.summary() == (
        "3 problems in moves.csv\n"
        "  code: unknown code 'W9' (2 times, first in row 17); did you mean 'W3'?\n"
        "  code: unknown code 'X1' (row 3)"
    )


def test_the_summary_is_cut_and_says_so():
    log = log_of(*(unknown(f"X{i}", row=i) for i in range(1, 5)), unknown("X4", row=9))
    assert log.summary(most=3).splitlines()[-1] == "  and 1 more group (1 problem)"
    assert log.summary(most=1).splitlines()[-1] == "  and 3 more groups (3 problems)"
    assert len(log.summary(most=4).splitlines()) == 5


def test_problems_of_several_files_name_theirs():
    log = log_of(unknown(row=2), unknown("X", file="labels.csv", advice=""), unknown("Y", file=None, row=5))
    assert log.summary().splitlines() == [
        "3 problems in moves.csv, labels.csv",
        "  code: unknown code 'W9' (moves.csv, row 2); did you mean 'W3'?",
        "  code: unknown code 'X' (labels.csv)",
        "  code: unknown code 'Y' (row 5); did you mean 'W3'?",
    ]


def test_problems_without_a_place():
    nameless = Problem(kind="no clock", field="", value="", message="no clock; state one")
    assert log_of(nameless).summary() == "1 problem\n  no clock; state one"
    assert log_of(nameless, nameless).summary() == "2 problems\n  no clock (2 times); state one"


@pytest.mark.parametrize(
    ("value", "message", "advice"),
    [
        ("a; b", "'a; b' is unknown; try c", "; try c"),
        ("a; b", "'a; b' is unknown", ""),
        ("a", "this is unknown; try c; or d", "; try c; or d"),
    ],
)
def test_advice_is_what_follows_the_first_semicolon_after_the_value(value, message, advice):
    log = log_of(Problem(kind="k", field="f", value=value, message=message))
    assert log.summary() == f"1 problem\n  f: k '{value}'{advice}"


def test_the_error_carries_what_the_log_holds():
    log = log_of(unknown(row=17), unknown(row=40))
    with pytest.raises(
        InvalidRecords, match=r"^2 problems in the study\n  code: unknown code 'W9'"
    ) as caught:
        log.raise_if_any("the study")
    assert caught.value.count == 2
    assert caught.value.problems == log.problems
    assert caught.value.groups == [("code", "unknown code", "W9", 2, 17)]


def test_the_first_thousand_are_kept_in_full():
    log = log_of(*(unknown(row=row) for row in range(1, 1_501)))
    assert len(log) == 1_500
    assert [problem.row for problem in log.problems] == list(range(1, 1_001))


def test_many_different_problems_stay_small():
    problem = unknown("V0", row=1)
    tracemalloc.start()
    log = ProblemLog()
    for number in range(20_000):
        log.add(attrs.evolve(problem, value=f"V{number}", row=number + 1, message=f"V{number} " * 10))
    at_first = tracemalloc.get_traced_memory()[0]
    for number in range(20_000, 30_000):
        log.add(attrs.evolve(problem, value=f"V{number}", row=number + 1))
    grown = tracemalloc.get_traced_memory()[0] - at_first
    tracemalloc.stop()
    assert grown < 10_000
    assert len(log) == 30_000
    assert len(log.groups()) == 10_001
    assert log.groups()[-1] == ProblemGroup(OTHER, "various", "", times=20_000, first_row=10_001)
    assert log.summary(most=1).endswith("and 10,000 more groups (29,999 problems)")


def test_groups_go_on_counting_when_there_are_no_new_ones():
    log = log_of(*(unknown(f"V{number}") for number in range(10_001)), unknown("V3"))
    assert log.groups()[0].value == "V3"
    assert sum(group.times for group in log.groups()) == len(log) == 10_002


def test_a_file_is_named_in_each_line_where_the_heading_does_not_say_it():
    log = log_of(unknown(row=2, file="Session frame"))
    with pytest.raises(InvalidRecords, match=r"1 problem in this cohort\n .*\(Session frame, row 2\)"):
        log.raise_if_any("this cohort")
    with pytest.raises(InvalidRecords, match=r"1 problem in Session frame\n .*\(row 2\)"):
        log.raise_if_any("Session frame")
    assert "(row 2)" in log.summary()
