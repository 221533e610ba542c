"""Cells of delimited text as places in bytes: where they stand, which are alike, what numbers they hold.

A text is held as bytes between two margins of zeros, so that eight or sixteen bytes before the end of any cell can be
read at once. Eight ASCII digits then make one number in three multiplications, whole columns at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "LONGEST",
    "MARGIN",
    "Bytes",
    "Cells",
    "Flags",
    "Whole",
    "alike",
    "cells_of",
    "decimals",
    "is_line_each",
    "last_row_end",
    "split",
    "with_margins",
]

Bytes: TypeAlias = npt.NDArray[np.uint8]
"""Text between margins."""

Whole: TypeAlias = npt.NDArray[np.int64]
"""Positions, or numbers."""

MARGIN: Final = 32
LONGEST: Final = 32
"""The longest cell, in bytes, whose likeness is judged here."""

_LINE_FEED, _RETURN, _QUOTE = b'\n\r"'
_WORD: Final = 8
_ZEROS, _ONES, _TOPS = (np.uint64(byte * 0x0101010101010101) for byte in (0x30, 0x01, 0x80))
_POINTS: Final = np.uint64((0x2E ^ 0x30) * 0x0101010101010101)
_TO_TOP: Final = np.uint64((0x80 - 10) * 0x0101010101010101)
_PLACE: Final = np.uint64(0x0001020304050607)    # times 2 ** (8 * n) has n as its top byte
_TENS: Final = 10 ** np.arange(19, dtype="i8")
# The last n bytes of a word, and its first n; the first byte in memory is the lowest.
_LAST: Final = np.array([((1 << 8 * n) - 1) << 8 * (8 - n) for n in range(9)], dtype="u8")
_FIRST: Final = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype="u8")
# Odd numbers with well mixed bits; a second try takes the next.
_MIXERS: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F,
                  0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3)


Digits: TypeAlias = npt.NDArray[np.uint64]
"""Eight characters a number, without what makes digits ASCII; the first in the lowest byte."""

Flags: TypeAlias = npt.NDArray[np.bool_]


class Cells(NamedTuple):
    """One column of cells: the text with its margins, and where each cell starts and ends.

    `doubled` says whether two quotation marks inside a cell stand for one.
    """

    text: Bytes
    starts: Whole
    ends: Whole
    doubled: bool = False


def with_margins(text: bytes | memoryview) -> Bytes:
    """Return a text as an array with room on either side.

    >>> len(with_margins(b"a,b")) - 2 * MARGIN
    3
    """
    room = bytes(MARGIN)
    return np.frombuffer(b"".join((room, text, room)), dtype="u1")


# --- where cells stand -------------------------------------------------------------------------------------------


def last_row_end(text: Bytes, *, delimiter: int) -> int | None:
    """Return where in a text, margins not counted, its last whole row ends; None where quotes are out of place.

    A quotation mark is in its place if it begins a cell, ends one, or is one of a pair inside a quoted cell.

    >>> last_row_end(with_margins(b'a,"b\\nc"\\nd'), delimiter=44)
    8
    """
    quotes = np.flatnonzero(text == _QUOTE)
    breaks = np.flatnonzero(text == _LINE_FEED)
    breaks = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    end = int(breaks[-1]) + 1 if len(breaks) else MARGIN
    return end - MARGIN if _in_place(text, quotes[quotes < end], delimiter=delimiter) else None


def is_line_each(text: Bytes) -> bool:
    """Return whether no line feed stands between quotes.

    >>> is_line_each(with_margins(b'a,"b,c"\\n')), is_line_each(with_margins(b'a,"b\\nc"\\n'))
    (True, False)
    """
    quotes, breaks = np.flatnonzero(text == _QUOTE), np.flatnonzero(text == _LINE_FEED)
    return not (np.searchsorted(quotes, breaks) % 2).any()


def _in_place(text: Bytes, quotes: Whole, *, delimiter: int) -> bool:
    opening, closing = quotes[::2], quotes[1::2]
    edges = [delimiter, _LINE_FEED, _RETURN]
    pairs = opening[1:] == closing[: len(opening) - 1] + 1
    begins = np.isin(text[opening - 1], edges) | (opening == MARGIN)
    begins[1:] |= pairs
    ends = np.isin(text[closing + 1], edges)
    ends[: len(pairs)] |= pairs
    return bool(begins.all() and ends.all())


def split(text: Bytes, *, delimiter: int, width: int) -> Whole | None:
    """Return the mark before each first cell, then the end of every cell: one line a column, one number a row.

    None where a row has another number of cells. The text ends in a line feed and its quotes are in their place
    (`last_row_end`).

    >>> (split(with_margins(b"a,b\\nc,\\n"), delimiter=44, width=2) - MARGIN).tolist()
    [[-1, 3], [1, 5], [3, 6]]
    """
    breaks = text == _LINE_FEED
    ends, lines = np.flatnonzero((text == delimiter) | breaks), np.flatnonzero(breaks)
    quotes = np.flatnonzero(text == _QUOTE)
    if len(quotes):
        ends, lines = (at[np.searchsorted(quotes, at) % 2 == 0] for at in (ends, lines))
    if len(ends) != width * len(lines) or not np.array_equal(ends[width - 1 :: width], lines):
        return None
    marks = np.empty((width + 1, len(lines)), dtype="i8")
    marks[1:] = ends.reshape(-1, width).T
    marks[0, :1] = MARGIN - 1
    marks[0, 1:] = lines[:-1]
    return marks


def cells_of(text: Bytes, marks: Whole, *, column: int, quoted: bool = True) -> Cells:
    """Return one column of what `split` found, without the quotes around cells, if there are any.

    >>> text = with_margins(b'a,"b"\\nc,\\n')
    >>> found = cells_of(text, split(text, delimiter=44, width=2), column=1)
    >>> [bytes(text[start:end]) for start, end in zip(found.starts, found.ends)]
    [b'b', b'']
    """
    starts, ends = marks[column] + 1, marks[column + 1]
    if quoted:
        inside = text[starts] == _QUOTE
        starts, ends = starts + inside, ends - inside
    return Cells(text, starts, ends, quoted)


def _words(text: Bytes) -> Digits:
    """Return the eight bytes from each position on, as a view."""
    return np.ndarray(shape=(len(text) - _WORD + 1,), dtype="<u8", buffer=text, strides=(1,))


# --- numbers -----------------------------------------------------------------------------------------------------


def decimals(cells: Cells, *, places: int) -> tuple[Whole, Flags]:
    """Return numbers in units of 10**-places, and for which cells they hold.

    Read are cells of up to sixteen characters: ASCII digits, with a point and further digits where `places` has room
    for them. Whatever else may be a number is for a reader of single cells.

    >>> text = with_margins(b"12.5,7,x,1.123,-1\\n")
    >>> columns = split(text, delimiter=44, width=5)
    >>> read = [decimals(cells_of(text, columns, column=at), places=2) for at in range(5)]
    >>> [numbers.tolist() if hold.all() else None for numbers, hold in read]
    [[1250], [700], None, None, None]
    """
    lengths = cells.ends - cells.starts
    words, far = _words(cells.text), lengths - _WORD
    low = (words[cells.ends - _WORD] ^ _ZEROS) & _LAST[np.minimum(lengths, _WORD)]
    high = np.zeros_like(low)
    long = bool((far > 0).any())
    if long:
        high = (words[cells.ends - 2 * _WORD] ^ _ZEROS) & _LAST[np.clip(far, 0, _WORD)]
    fraction = np.zeros(len(low), dtype="i8")
    hold = (lengths > 0) & (far <= _WORD)
    if places:
        low, high, behind = _without_point(low, high)
        hold &= (lengths > 1) | (behind < 0)    # a point alone is no number
        fraction = np.maximum(behind, 0)
        hold &= (fraction <= places) & (lengths - fraction <= 18 - places)
    hold &= _all_digits(low)
    value = _eight_digits(low)
    if long:
        hold &= _all_digits(high)
        value += _eight_digits(high) * 10**_WORD
    return (value * _TENS[np.maximum(places - fraction, 0)] if places else value), hold


def _without_point(low: Digits, high: Digits) -> tuple[Digits, Digits, Whole]:
    """Return the digits with the first point among the last eight taken out, and how many stood behind it, or -1."""
    other = low ^ _POINTS
    found = (other - _ONES) & ~other & _TOPS
    top = found & (~found + np.uint64(1))          # the top bit of the first byte that is a point
    has = top != 0
    behind, before = ~(top | (top - np.uint64(1))), (top >> np.uint64(7)) - np.uint64(1)
    closed = (low & behind) | ((low & before) << np.uint64(8)) | (high >> np.uint64(56))
    place = ((top >> np.uint64(7)) * _PLACE) >> np.uint64(56)
    return (np.where(has, closed, low), np.where(has, high << np.uint64(8), high),
            np.where(has, 7 - place.astype("i8"), -1))


def _all_digits(digits: Digits) -> Flags:
    over = (digits + _TO_TOP) | digits    # what is above 9 reaches the top bit of its byte
    return np.asarray((over & _TOPS) == 0)


def _eight_digits(digits: Digits) -> Whole:
    """Join eight digits, the first in the lowest byte: in pairs, in fours, all eight."""
    pairs = (digits * np.uint64(10 * 2**8 + 1)) >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs * np.uint64(100 * 2**16 + 1)) >> np.uint64(16) & np.uint64(0x0000FFFF0000FFFF)
    return ((fours * np.uint64(10_000 * 2**32 + 1)) >> np.uint64(32)).astype("i8")


# --- likeness ----------------------------------------------------------------------------------------------------


def alike(cells: Cells) -> tuple[Whole, Whole] | None:
    """Return one row of each distinct cell, and for every row which of these it is like.

    None where a cell is longer than `LONGEST` bytes, or where the cells do not sort themselves out quickly.

    >>> text = with_margins(b"b\\na\\nb\\n")
    >>> one, which = alike(cells_of(text, split(text, delimiter=44, width=1), column=0))
    >>> [chr(text[MARGIN + 2 * row]) for row in one[which]]
    ['b', 'a', 'b']
    """
    lengths = cells.ends - cells.starts
    longest = int(lengths.max(initial=0))
    if longest > LONGEST:
        return None
    if not longest:
        return np.zeros(1, dtype="i8"), np.zeros(len(lengths), dtype="i8")
    words, parts = _words(cells.text), max(1, -(-longest // _WORD))
    keys = [words[cells.starts + _WORD * at] & _FIRST[np.clip(lengths - _WORD * at, 0, _WORD)] for at in range(parts)]
    fresh = np.ones(len(lengths), dtype=bool)
    fresh[1:] = _differ([(key[1:], key[:-1]) for key in keys])
    heads = np.flatnonzero(fresh)
    if 2 * len(heads) > len(lengths):
        return _sorted_out(keys)
    found = _sorted_out([key[heads] for key in keys])
    return found and (heads[found[0]], np.repeat(found[1], np.diff(heads, append=len(lengths))))


def _differ(pairs: Sequence[tuple[Digits, Digits]]) -> Flags:
    differ = np.not_equal(*pairs[0])
    for left, right in pairs[1:]:
        differ |= left != right
    return np.asarray(differ)


def _sorted_out(keys: Sequence[Digits]) -> tuple[Whole, Whole] | None:
    """Put keys into a table by a hash; what finds another key in its place tries again with another hash."""
    count = len(keys[0])
    bits = max(8, min(16, count.bit_length()))
    slots, one, left = np.zeros(1 << bits, dtype="i8"), np.zeros(count, dtype="i8"), np.arange(count)
    for mixer in _MIXERS:
        mixed = keys[0][left] * np.uint64(mixer)
        for key in keys[1:]:
            mixed = (mixed ^ mixed >> np.uint64(29) ^ key[left]) * np.uint64(mixer)
        slot = mixed >> np.uint64(64 - bits)
        slots[slot] = left
        one[left] = slots[slot]
        left = left[_differ([(key[left], key[one[left]]) for key in keys])]
        if not len(left):
            break
    else:
        return None
    first = np.zeros(count, dtype=bool)
    first[one] = True
    return np.flatnonzero(first), (np.cumsum(first) - 1)[one]
