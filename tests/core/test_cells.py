"""The kernel that finds cells in bytes, beside plain loops over the characters."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from rupturekit._kernels import cells as kernel

COMMA = ord(",")
texts = st.text('ab,"\n\r', max_size=14) | st.lists(
    st.sampled_from(["a", '"a"', '"a,b"', '"a\nb"', '"a""b"', '""', ",", "\n", "\r\n"]), max_size=9).map("".join)


def outside_quotes(text: str, mark: str) -> list[int]:
    """Return where a character stands with an even number of quotation marks before it."""
    return [at for at, one in enumerate(text) if one == mark and text[:at].count('"') % 2 == 0]


def quotes_in_place(text: str) -> bool:
    """Return whether every quotation mark begins a cell, ends one, or is one of a pair."""
    quotes = [at for at, one in enumerate(text) if one == '"']
    for n, at in enumerate(quotes):
        if n % 2 == 0:
            fine = at == 0 or text[at - 1] in ",\n\r" or (n > 0 and quotes[n - 1] == at - 1)
        else:
            fine = text[at + 1] in ",\n\r" or quotes[n + 1 : n + 2] == [at + 1]
        if not fine:
            return False
    return True


@given(texts)
@example('"a","b"\n')
@example('a"b,c"\n')
@example('"a"b\n')
def test_the_last_row_ends_at_the_last_line_feed_outside_quotes(text: str) -> None:
    ends = outside_quotes(text, "\n")
    end = ends[-1] + 1 if ends else 0
    found = kernel.last_row_end(kernel.with_margins(text.encode()), delimiter=COMMA)
    assert found == (end if quotes_in_place(text[:end]) else None)


@given(texts)
def test_rows_are_lines_where_every_line_feed_is_outside_quotes(text: str) -> None:
    assert kernel.is_line_each(kernel.with_margins(text.encode())) == (len(outside_quotes(text, "\n")) == text.count("\n"))


@given(texts, st.integers(1, 3))
@example('"a,b",c\n', 2)
@example("a,b\nc\nd,e,f\n", 2)
def test_a_text_is_split_where_a_plain_loop_splits_it(text: str, width: int) -> None:
    text = text.replace("\r", "")
    breaks = outside_quotes(text, "\n")
    text = text[: breaks[-1] + 1] if breaks else "\n"
    breaks = outside_quotes(text, "\n")
    rows = [text[low:high] for low, high in zip([0, *(at + 1 for at in breaks)], breaks, strict=False)]
    marks = kernel.split(kernel.with_margins(text.encode()), delimiter=COMMA, width=width)
    if any(len(outside_quotes(row, ",")) != width - 1 for row in rows):
        assert marks is None
        return
    assert marks is not None
    held = kernel.with_margins(text.encode())
    for column in range(width):
        one = kernel.cells_of(held, marks, column=column, quoted=False)
        found = [bytes(held[start:end]).decode() for start, end in zip(one.starts, one.ends, strict=True)]
        wanted = [row[edges[column] + 1 : edges[column + 1]] for row in rows
                  for edges in [[-1, *outside_quotes(row, ","), len(row)]]]
        assert found == wanted
