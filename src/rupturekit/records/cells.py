"""What one cell of a foreign table means under a mapping: a word, a number, a time, or nothing."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

import attrs

from rupturekit._schema import is_identifier, one_line
from rupturekit.codebooks import Codebook
from rupturekit.episode import Coding
from rupturekit.errors import InvalidNumber, InvalidTime, RecordError, UnknownCode, did_you_mean, listed
from rupturekit.problems import excerpt
from rupturekit.records import grammar, mapping
from rupturekit.records.grammar import TimeFormat
from rupturekit.records.held import RefusedCell
from rupturekit.vocabulary import Attendance, Perspective, Status, TimeKind

__all__ = ["WORDS", "BadCell", "Found", "Source", "kind_of", "known_code", "nearest", "rating", "readers"]

WORDS: Final = frozenset({"dyad", "party", "track", "rater", "code", "note", "therapist", "arm"})
"""The fields that hold text, where a formula would be kept as it stands."""

# Half of what a column holds, so that adding the length of an interval stays inside it.
_LARGEST: Final = 2**62
_DATE: Final = re.compile(r"\d{4}-\d\d?-\d\d?([ T].*)?|\d\d?[./]\d\d?[./](\d\d){1,2}")
_BREAK: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class BadCell(RecordError):
    """A cell that cannot be taken; `kind` is the short phrase that many such cells share."""

    def __init__(self, kind: str, message: str, *, value: str) -> None:
        self.kind = kind
        super().__init__(message, value=excerpt(value))


def kind_of(error: RecordError) -> str:
    """Return the short phrase under which errors of one kind are counted.

    >>> kind_of(InvalidTime("'x' is not a time"))
    'not a time'
    """
    match error:
        case BadCell():
            return error.kind
        case InvalidTime():
            return "not a time"
        case UnknownCode():
            return "unknown code"
    return "not a number"


@functools.lru_cache(maxsize=4096)
def nearest(word: str, known: tuple[str, ...]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, or nothing; the same garbage is searched for once.

    >>> nearest("wd-mim", ("wd-min", "cf-push"))
    "; did you mean 'wd-min'?"
    """
    return did_you_mean(excerpt(word), known)


class Found(NamedTuple):
    """What stands in a cell, and what it means; an empty meaning is one that the mapping gave on purpose."""

    raw: str
    text: str


@attrs.frozen(kw_only=True)
class Source:
    """A field bound to the columns of one file."""

    name: str
    label: str
    at: tuple[int, ...]
    constant: str | None
    values: Mapping[str, str]
    missing: frozenset[str]

    @classmethod
    def of(cls, field: mapping.Field, *, header: Sequence[str], missing: Sequence[str]) -> Source:
        """Bind a field to a header that has all its columns."""
        columns = ", ".join(excerpt(column, most=40) for column in field.columns)
        return cls(
            name=field.name, label=field.name if columns in ("", field.name) else f"{field.name} ({columns})",
            at=tuple(header.index(column) for column in field.columns), constant=field.constant,
            values=dict(field.values), missing=frozenset({"", *missing, *field.missing}),
        )

    def find(self, cells: Sequence[str]) -> Found | None:
        """Return the first cell that is not missing, or None where all are.

        Raises
        ------
        BadCell
            Where a text field holds what a spreadsheet would run as a formula, or any field what no field may hold.
        """
        if self.constant is not None:
            return Found(self.constant, self.constant)
        for at in self.at:
            raw = cells[at].strip()
            if raw in self.values:
                return Found(raw, self.values[raw])
            if raw not in self.missing:
                _check_taken(cells[at])
                return Found(raw, self._plain(raw))
        return None

    def _plain(self, raw: str) -> str:
        if self.name in WORDS and grammar.looks_like_formula(raw):
            raise BadCell("looks like a formula", f"'{excerpt(raw)}' looks like a formula; write it as plain text in "
                          "the file, or map it under values", value=raw)
        return raw


def _check_taken(cell: str) -> None:
    if isinstance(cell, RefusedCell):
        raise BadCell(cell.kind, cell.remedy, value="")


Reader = Callable[[str], Any]
"""Text of a cell to its value; raises `RecordError` with a sentence where it has none."""


def readers(coding: Coding, fields: Sequence[mapping.Field], *, number: Callable[[str], str]) -> dict[str, Reader]:
    """Return how the text of each mapped field is read; `number` undoes a decimal comma, where the file has one.

    >>> from rupturekit.codebooks import load_codebook
    >>> party = mapping.Field(name="party", columns=("who",))
    >>> readers(Coding(codebook=load_codebook("stages")), [party], number=str)["party"]("Patient")
    'client'
    """
    return {field.name: _reader(field, coding, number) for field in fields}


def _reader(field: mapping.Field, coding: Coding, number: Callable[[str], str]) -> Reader:
    if field.name in mapping.TIMES:
        return functools.partial(_time, field=field, coding=coding, number=number)
    levels: dict[str, type[StrEnum]] = {"perspective": Perspective, "status": Status, "attended": Attendance}
    if field.name in levels:
        return functools.partial(_level, levels=levels[field.name], name=field.name)
    special: dict[str, Reader] = {
        "session": functools.partial(_session, number=number),
        "tie": lambda text: grammar.parse_int(number(text), low=0, high=_LARGEST),
        "day": functools.partial(_day, number=number),
        "rating": functools.partial(rating, number=number),
        "party": functools.cache(functools.partial(_party, parties=coding.parties)),
        "code": functools.cache(functools.partial(known_code, book=coding.codebook)),
        "note": _note,
    }
    return special.get(field.name, _word)


def _word(text: str) -> str:
    if not is_identifier.holds(text):
        raise BadCell("not a plain word", f"'{excerpt(text)}' is not a plain word; expected {is_identifier.text}",
                      value=text)
    return text


def _note(text: str) -> str:
    line = _BREAK.sub(" ", text)
    if not one_line.holds(line):
        raise BadCell("note too long", f"the note has {len(text):,} characters; expected {one_line.text}", value=text)
    return line


def _session(text: str, *, number: Callable[[str], str]) -> int:
    try:
        return grammar.parse_int(number(text), low=0, high=_LARGEST)
    except InvalidNumber:
        shown = excerpt(text)
        raise BadCell("not a session number", f"'{shown}' is not a whole number; number the sessions in the order "
                      f"they took place, for example [fields.session] values = {{ \"{shown}\" = 1 }}",
                      value=text) from None


def _day(text: str, *, number: Callable[[str], str]) -> int:
    if _DATE.fullmatch(text):
        raise BadCell("calendar date", "a calendar date identifies people; write the days since the first session",
                      value="")
    return grammar.parse_int(number(text), low=-_LARGEST, high=_LARGEST)


def rating(text: str, *, number: Callable[[str], str]) -> int:
    """Read a rating as thousandths, at least 0.

    >>> rating("2.5", number=str)
    2500
    """
    value = grammar.parse_scaled(number(text), places=3)
    if not 0 <= value <= _LARGEST:
        raise BadCell("rating out of range", f"'{excerpt(text)}' is not a rating; expected at least 0", value=text)
    return value


def _level(text: str, *, levels: type[StrEnum], name: str) -> StrEnum:
    known = [level.value for level in levels]
    word = text.casefold()
    if word not in known:
        raise BadCell(f"unknown {name}", f"'{excerpt(text)}' is not one of {listed(known)}"
                      f"{nearest(text, tuple(known)) or '; map it under values'}", value=text)
    return levels(word)


def _party(text: str, *, parties: tuple[str, str]) -> str:
    if text in parties:
        return text
    words = mapping.party_words(parties)
    if text.casefold() not in words:
        raise BadCell("unknown party", f"'{excerpt(text)}' is not one of the study's two parties, "
                      f"{' and '.join(parties)}{nearest(text, tuple(words))}; rupturekit models dyads: map the "
                      "word under [fields.party] values, to \"\" to leave a third person out", value=text)
    return words[text.casefold()]


def known_code(text: str, *, book: Codebook) -> str:
    """Return a code that the codebook has; another is refused with the nearest named.

    >>> from rupturekit.codebooks import load_codebook
    >>> known_code("wd", book=load_codebook("stages"))
    'wd'
    """
    if text not in book:
        shown, known = excerpt(text), tuple(code.code for code in book.codes)
        near = nearest(text, known) or "; add it to the codebook, or map it under values"
        raise UnknownCode(f"'{shown}' is not in {book.name}{near}", value=shown)
    return text


def _time(text: str, *, field: mapping.Field, coding: Coding, number: Callable[[str], str]) -> int:
    format = field.format or TimeFormat.ORDINAL
    try:
        time = grammar.parse_time(number(text), format=format)
    except InvalidNumber as error:
        raise InvalidTime(str(error), value=error.value) from None
    segment = coding.segment if coding.time is TimeKind.SEGMENT else None
    if field.first is not None and segment is not None:
        time = (time - field.first) * segment
    if not 0 <= time <= _LARGEST:
        raise BadCell("outside the session", f"'{excerpt(text)}' lies outside the session; times count from its "
                      "start", value=text)
    return time
