"""Cells of wide blocks and code columns: where they stand, what they say, and which stretch they speak of."""

import itertools

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rupturekit.records.cells import BadCell
from rupturekit.records.grammar import decimal_point
from rupturekit.records.layouts import Said, bind_code_cells, common, merged, uncovered
from rupturekit.records.mapping import parse_mapping

HEAD = """
format = 1
name = "demo"
coding = { codebook = "3rs-2022", time = "segment", segment_seconds = 10 }
file = { bad_rows = "refuse", missing = ["NA"] }
fields.dyad.column = "case"
fields.session.constant = 1
"""
WIDE = HEAD + """
wide = [
    { prefix = "a", first = 3, last = 4, digits = 2, party = "Patient", values = { 1 = "wd-p", 0 = "" } },
    { prefix = "b", first = 1, last = 2, track = "r2", values = { x = "cf-p" } },
]
"""
COLUMNS = HEAD + """
fields.onset = { column = "start", format = "seconds" }
code_columns = [
    { column = "w", code = "wd-p", party = "Client", present = ["x", "1"], absent = ["-", ""] },
    { column = "c", code = "cf-p", track = "r1", rating = true, above = 1, absent = ["no"] },
    { column = "z", code = "cf-t", rating = true, above = 0 },
]
"""


def cells_of(text, header, *, number=str):
    return bind_code_cells(parse_mapping(text), header.split(","), number=number)


def told(cells):
    return [tuple(value for name, value in attrs.asdict(cell, recurse=False).items() if name != "means")
            for cell in cells]


def test_intervals_are_bound_in_the_order_of_their_blocks():
    cells = cells_of(WIDE, "b2,case,a04,b1,a03")
    assert told(cells) == [
        (0, 4, "a03", 0, "client", None, (0, 10_000_000)), (1, 2, "a04", 0, "client", None, (10_000_000, 20_000_000)),
        (2, 3, "b1", 1, None, "r2", (0, 10_000_000)), (3, 0, "b2", 1, None, "r2", (10_000_000, 20_000_000))]


def test_intervals_without_a_clock_have_the_number_of_their_column():
    text = WIDE.replace('time = "segment", segment_seconds = 10', 'time = "turn"')
    assert [cell.span for cell in cells_of(text, "case,a03,a04,b1,b2")] == [(3, 4), (4, 5), (1, 2), (2, 3)]


def test_code_columns_speak_of_the_stretch_of_their_row():
    assert told(cells_of(COLUMNS, "case,start,z,c,w")) == [
        (0, 4, "w", 0, "client", None, None), (1, 3, "c", 1, None, "r1", None), (2, 2, "z", 2, None, None, None)]


@pytest.mark.parametrize(("at", "cell", "said"), [
    (0, "1", Said("wd-p")), (0, "0", Said("", None, "nothing coded")), (0, "", None), (0, "NA", None),
    (0, "cf-t", Said("cf-t")), (2, "x", Said("cf-p")),
])
def test_what_a_cell_of_an_interval_says(at, cell, said):
    assert cells_of(WIDE, "case,a03,a04,b1,b2")[at].means(cell) == said


@pytest.mark.parametrize(("at", "cell", "said"), [
    (0, "x", Said("wd-p")), (0, "1", Said("wd-p")), (0, "-", Said("")), (0, "", Said("")), (0, "NA", None),
    (1, "1.001", Said("cf-p", 1001)), (1, "1", Said("", None, "not above the number that the label rule states")),
    (1, "0.5", Said("", None, "not above the number that the label rule states")), (1, "no", Said("")), (1, "", None),
    (1, "NA", None), (2, "0.001", Said("cf-t", 1)),
    (2, "0", Said("", None, "not above the number that the label rule states")),
])
def test_what_a_cell_of_a_code_column_says(at, cell, said):
    assert cells_of(COLUMNS, "case,start,w,c,z")[at].means(cell) == said


def test_a_rating_is_read_as_the_file_writes_decimals():
    assert cells_of(COLUMNS, "case,start,w,c,z", number=decimal_point)[1].means("2,5") == Said("cf-p", 2500)


@pytest.mark.parametrize(("text", "at", "cell", "kind", "message"), [
    (WIDE, 0, "7", "unknown value", "'7' is not one of the values of this block (0, 1); add it to the block's values"),
    (WIDE, 2, "xx", "unknown value",
     "'xx' is not one of the values of this block (x); did you mean 'x'?; add it to the block's values"),
    (COLUMNS, 0, "v", "unknown mark", "'v' is neither present nor absent; add it to one of the two (present: x, 1; "
     "absent: '-', '')"),
    (COLUMNS, 1, "high", "", "'high' is not a number; expected ASCII digits with an optional sign, for example 12.5 "
     "or -3"),
    (COLUMNS, 1, "-1", "rating out of range", "'-1' is not a rating; expected at least 0"),
])
def test_a_cell_that_says_nothing_known_is_refused(text, at, cell, kind, message):
    header = "case,a03,a04,b1,b2" if text is WIDE else "case,start,w,c,z"
    with pytest.raises(BadCell if kind else ValueError) as caught:
        cells_of(text, header)[at].means(cell)
    assert (getattr(caught.value, "kind", ""), caught.value.value, str(caught.value)) == (kind, cell, message)


# --- stretches

spans = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda pair: (min(pair), max(pair))), max_size=6)


def points(stretches):
    return {at for start, end in stretches for at in range(start, end)}


def in_order(found):
    """Return whether stretches are in order, apart, and none is empty."""
    ends = [at for span in found for at in span]
    return all(low < high for low, high in itertools.pairwise(ends))


@given(spans)
def test_merged_stretches_cover_the_same_and_do_not_touch(some):
    assert points(merged(some)) == points(some)
    assert in_order(merged(some))


@given(st.lists(spans, max_size=4))
@example([[(0, 10), (12, 20)], [(5, 30)]])
@example([[(5, 30)], [(0, 10), (12, 20)]])
@example([[(0, 10), (12, 20)], [(3, 7), (8, 10), (11, 14)]])
def test_common_stretches_lie_in_every_set(sets):
    covered = [points(each) for each in sets]
    assert points(common(sets)) == (set.intersection(*covered) if covered else set())


@given(spans, spans)
def test_what_is_uncovered_is_the_difference(some, others):
    found = uncovered(some, merged(others))
    assert points(found) == points(some) - points(others)
    assert in_order(found)
