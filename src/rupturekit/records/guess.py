"""Guesses about an unknown table: what each column holds, and which field it could be.

Only header words, the shape of values and their number are looked at. Every guess is a proposal for a person to
judge; nothing here decides how a file is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import attrs

from rupturekit.codebooks import Codebook
from rupturekit.errors import RecordError
from rupturekit.privacy import privacy_warnings
from rupturekit.records import grammar
from rupturekit.records.grammar import TimeFormat
from rupturekit.records.held import AnySheet

__all__ = [
    "CodeHeader", "Column", "Run", "are_ratings", "code_headers", "could_say_whose", "headed", "is_tick", "look_at",
    "plain", "roles", "runs", "slug", "weak_marks", "words_of",
]

MOST_ROWS: Final = 50_000
"""How many rows are looked at."""

_MOST_VALUES: Final = 400
_LONG: Final = 40
_SHORTEST_RUN: Final = 5
_SHORT: Final = 20
_MOST_PARTIES: Final = 12
_MOST_CODES: Final = 80
_MOST_NUMBERS: Final = 30

MISSING_WORDS: Final = ("n/a", "N/A", "NA", "na", "nan", "NaN", "null", "NULL", "None", "-", "--", ".", "k.A.", "k. A.",
                        "#N/A", "missing", "fehlt")
"""Words that usually mean that nothing was recorded."""


# --- columns -------------------------------------------------------------------------------------


@attrs.define
class Column:
    """What was seen in one column: how many cells are filled, and the first distinct values with their counts."""

    name: str
    at: int
    filled: int = 0
    longest: int = 0
    spaced: int = 0
    """Cells of three words and more."""
    many: bool = False
    """More distinct values were met than are kept."""
    counts: Counter[str] = attrs.field(factory=Counter)

    def add(self, cell: str) -> None:
        """Take one more cell into account."""
        if not cell:
            return
        self.filled += 1
        self.longest = max(self.longest, len(cell))
        self.spaced += cell.count(" ") > 1
        value = cell[:200]
        if value in self.counts or len(self.counts) < _MOST_VALUES:
            self.counts[value] += 1
        else:
            self.many = True

    @property
    def values(self) -> list[str]:
        """The distinct values that say something, in the order they were met."""
        return [value for value in self.counts if value not in MISSING_WORDS]

    @property
    def is_text(self) -> bool:
        """Whether the column holds what people wrote or said, not codes."""
        linked = any(value.startswith(("http://", "https://", "www.")) for value in self.values)
        return linked or (self.longest > _LONG and self.spaced * 4 > self.filled)

    def is_whole(self) -> bool:
        """Whether every value is a whole number."""
        try:
            return bool([grammar.parse_int(value, low=0, high=2**53) for value in self.values])
        except RecordError:
            return False

    def numbers(self, *, comma: bool) -> list[int] | None:
        """Return the distinct values as thousandths, or None where one is not a number."""
        try:
            return [grammar.parse_scaled(_pointed(value, comma), places=3) for value in self.values] or None
        except RecordError:
            return None

    def time_format(self, *, comma: bool) -> TimeFormat | None:
        """Return the format that all its values have as times, or None."""
        try:
            return grammar.guess_time_format([_pointed(value, comma) for value in self.values])
        except RecordError:
            return None


def _pointed(value: str, comma: bool) -> str:
    return grammar.decimal_point(value) if comma else value


def look_at(sheet: AnySheet) -> tuple[list[Column], int]:
    """Return the columns that have a name of their own, and how many rows were looked at.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from rupturekit.records.delimited import open_sheet
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "sheet.csv")
    ...     _ = path.write_text("case,code\\nD1,wd\\n")
    ...     columns, rows = look_at(open_sheet(path))
    >>> rows, [(column.name, column.values) for column in columns]
    (1, [('case', ['D1']), ('code', ['wd'])])
    """
    names = Counter(sheet.header)
    columns = [Column(name, at) for at, name in enumerate(sheet.header) if name and names[name] == 1]
    rows = 0
    for _, cells in sheet.rows():
        rows += 1
        for column in columns:
            column.add(cells[column.at].strip())
        if rows == MOST_ROWS:
            break
    return columns, rows


# --- roles ---------------------------------------------------------------------------------------

ROLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "dyad": ("dyad", "dyade", "couple", "paar", "pair", "patient_id", "client_id", "klient_id", "klienten_id",
             "patienten_id", "case_id", "case", "fall_id", "fall", "fallnummer", "transcript_id", "transcript",
             "transkript", "subject", "participant", "proband", "vp", "patient", "client", "klient", "klientin",
             "patientin", "id"),
    "session": ("session", "sitzung", "sitzungsnummer", "sitzungsnr", "sitzungs_nr", "stunde", "termin"),
    "party": ("interlocutor", "speaker", "party", "sprecher", "sprecherin", "role", "rolle", "who", "wer", "person",
              "actor"),
    "rater": ("rater", "coder", "annotator", "kodierer", "kodiererin", "beurteiler", "beurteilerin", "rater_name"),
    "onset": ("onset", "start_sec", "start_s", "start_time", "start", "begin", "beginn", "anfang", "von", "timestamp",
              "timecode", "time", "zeitpunkt", "zeitmarke", "zeit", "sec", "seconds", "sekunden"),
    "offset": ("offset", "end_sec", "end_s", "end_time", "end", "ende", "bis", "stop"),
    "rating": ("rating", "salience", "salienz", "intensity", "intensität", "auspraegung", "ausprägung", "significance",
               "staerke", "stärke", "bewertung", "score"),
    "order": ("utterance_id", "turn_id", "turn_nr", "turn", "segment_idx", "segment_index", "segment_nr", "segment",
              "line", "zeile", "reihenfolge", "order", "index", "idx", "nr", "row"),
    "day": ("day", "tag", "therapy_day", "day_offset"),
    "code": ("code", "codes", "kode", "kodes", "kodierung", "coding", "behaviour", "behavior", "verhalten", "talk_type",
             "marker", "event", "kategorie", "category", "label"),
})
"""Words in headers, English and German, that speak for a field; the telling ones first."""


def words_of(name: str) -> tuple[str, ...]:
    """Split a header into words in lower case.

    >>> words_of("StartSec"), words_of("client_talk-type")
    (('start', 'sec'), ('client', 'talk', 'type'))
    """
    parted = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", name)
    return tuple(re.findall(r"[^\W_]+", parted.casefold()))


_NUMBERED: Final = frozenset({"id", "nr", "no", "num", "number", "nummer", "code"})
"""Words behind the telling one that only say how it is written."""


def _rank(name: str, known: Sequence[str]) -> int | None:
    """Return how early a header speaks for a field: first by the whole of it, then by its last words; None if it
    does not.
    """
    words = words_of(name)
    core = words[:-1] if words and words[-1] in _NUMBERED else words
    wanted = [tuple(each.split("_")) for each in known]
    whole = [rank for rank, each in enumerate(wanted) if each in (words, core)]
    tails = [rank for rank, each in enumerate(wanted, len(known)) if each in (words[-len(each):], core[-len(each):])]
    return next(iter(whole + tails), None)


def roles(columns: Iterable[Column], *, comma: bool) -> dict[str, list[Column]]:
    """Return the columns that could be each field, the likeliest first; a column is given to one field only.

    >>> found = roles([Column("Sitzung", 0), Column("Sprecher", 1)], comma=False)
    >>> {role: column.name for role, (column,) in found.items()}
    {'session': 'Sitzung', 'party': 'Sprecher'}
    """
    left = [column for column in columns if not column.is_text]
    found: dict[str, list[Column]] = {}
    for role, known in ROLES.items():
        fitting = [(rank, column) for column in left
                   if (rank := _rank(column.name, known)) is not None and _could_be(column, role, comma=comma)]
        fitting.sort(key=lambda pair: (pair[0], pair[1].at))
        if fitting:
            found[role] = [column for _, column in fitting][: None if role == "code" else 1]
            left = [column for column in left if column not in found[role]]
    return found


def _could_be(column: Column, role: str, *, comma: bool) -> bool:
    """Judge by the values whether a column can be what its header says; an empty column can be anything."""
    if not column.values:
        return True
    if role in ("onset", "offset"):
        return column.time_format(comma=comma) is not None
    if role in ("order", "day"):
        return column.is_whole()
    if role == "rating":
        return column.numbers(comma=comma) is not None
    if role == "dyad":
        return not set(map(str.casefold, column.values)) <= PARTY_WORDS.keys()
    if role == "party":
        return len(column.values) <= _MOST_PARTIES
    if role == "code":
        most = _MOST_CODES if column.numbers(comma=comma) is None else _MOST_NUMBERS
        return len(column.values) <= most and not column.many
    return True


PARTY_WORDS: Final[Mapping[str, str]] = MappingProxyType({
    **dict.fromkeys(("client", "patient", "klient", "klientin", "patientin", "c", "cl", "p", "pat", "k"), "client"),
    **dict.fromkeys(("therapist", "therapeut", "therapeutin", "t", "th", "counsellor", "counselor", "psychotherapist"),
                    "therapist"),
})
"""Words that usually mean one of the two parties of a therapy."""


# --- layouts -------------------------------------------------------------------------------------


class Run(NamedTuple):
    """Columns that share a prefix and count on: one column an interval."""

    prefix: str
    first: int
    last: int
    digits: int
    columns: tuple[Column, ...]

    def values(self) -> list[str]:
        """Return the distinct values of all its columns, the most frequent first."""
        counts: Counter[str] = Counter()
        for column in self.columns:
            counts.update(column.counts)
        return [value for value, _ in counts.most_common() if value not in MISSING_WORDS]


def runs(columns: Iterable[Column]) -> list[Run]:
    """Return the runs of five columns and more whose names count on from one to the next.

    >>> columns = [Column(f"SC{number:02d}", number) for number in range(1, 9)]
    >>> columns[0].add("1")
    >>> [run.prefix for run in runs(columns)]
    ['SC']
    """
    series: dict[tuple[str, int], dict[int, Column]] = {}
    for column in columns:
        match = re.fullmatch(r"(.*\D)(0*)([0-9]{1,6})", column.name)
        if match is not None:
            prefix, zeros, number = match.groups()
            padded = len(zeros) + len(number)
            series.setdefault((prefix, padded if zeros else 0), {})[int(number)] = column
    return [run for run in _joined(series) if len(run.columns) >= _SHORTEST_RUN and 1 <= len(run.values()) <= 12]


def _joined(series: dict[tuple[str, int], dict[int, Column]]) -> Iterator[Run]:
    """Yield the longest unbroken run of each prefix; `08 09 10` is one run, although `10` has no zero to show."""
    for (prefix, padded), numbered in series.items():
        if padded:
            wide = series.get((prefix, 0), {})
            numbered = numbered | {number: column for number, column in wide.items() if len(str(number)) == padded}
        elif any(other == prefix and digits for other, digits in series):
            continue
        longest: list[int] = []
        current: list[int] = []
        for number in sorted(numbered):
            current = [*current, number] if current and number == current[-1] + 1 else [number]
            longest = max(longest, current, key=len)
        yield Run(prefix, longest[0], longest[-1], padded or 1, tuple(numbered[number] for number in longest))


class CodeHeader(NamedTuple):
    """A column whose header is a code or its label, perhaps with the rater behind it: `WD_P`, `Denial`, `WD_P_r1`."""

    column: Column
    code: str
    track: str | None


_RATER: Final = re.compile(r"(.+?)[_ .-]+((?:r|rater|coder|c)[_ ]?[0-9A-Z])", re.IGNORECASE)
WEAK_MARKS: Final = frozenset({"(x)", "(✓)", "(✔)", "(1)"})
"""Marks in brackets: somebody saw the code and was not sure."""

_MARKS: Final = WEAK_MARKS | {"x", "0", "1", "ja", "nein", "yes", "no", "true", "false", "✓", "✔"}


def plain(word: str) -> str:
    """Return a code as it compares: lower case, with hyphens.

    >>> plain("WD_P")
    'wd-p'
    """
    return re.sub(r"[\s_]+", "-", word.strip().casefold())


def code_headers(columns: Iterable[Column], book: Codebook, *, comma: bool) -> list[CodeHeader]:
    """Return the columns whose headers are codes of a codebook, or labels, and whose cells are marks or ratings.

    >>> from rupturekit.codebooks import load_codebook
    >>> columns = [Column("WD_P_r1", 0), Column("Minimal  Response", 1)]
    >>> found = code_headers(columns, load_codebook("3rs-2022"), comma=False)
    >>> [(header.code, header.track) for header in found]
    [('wd-p', 'r1'), ('wd-min', None)]
    """
    return [header for header in headed(columns, book) if _is_marked(header.column, comma=comma)]


def headed(columns: Iterable[Column], book: Codebook) -> list[CodeHeader]:
    """Return the columns whose headers are codes of a codebook, or labels, whatever their cells hold."""
    known = {plain(code.label): code.code for code in book.codes} | {plain(code.code): code.code for code in book.codes}
    found = []
    for column in columns:
        match = _RATER.fullmatch(column.name)
        name, track = (column.name, None) if plain(column.name) in known or match is None else match.groups()
        if plain(name) in known:
            found.append(CodeHeader(column, known[plain(name)], track))
    return found


def _is_marked(column: Column, *, comma: bool) -> bool:
    return is_tick(column.values) or column.numbers(comma=comma) is not None


def is_tick(values: Iterable[str]) -> bool:
    """Return whether values are marks that say present or absent.

    >>> is_tick(["X", "(x)", "0"]), is_tick(["1", "4"])
    (True, False)
    """
    return set(map(str.casefold, values)) <= _MARKS


def are_ratings(columns: Iterable[Column]) -> bool:
    """Return whether columns of codes hold ratings: numbers beyond 0 and 1 in any of them.

    They are judged together: a column that happens to hold nothing but 1 is a rating too where the next one holds
    a 4, and 1 may be the end of the scale that means "not salient".
    """
    return any(not is_tick(column.values) for column in columns)


def weak_marks(column: Column) -> list[str]:
    """Return the marks of a column that stand in brackets.

    >>> column = Column("Denial", 0)
    >>> column.add("(X)")
    >>> weak_marks(column)
    ['(X)']
    """
    return [value for value in column.values if value.casefold() in WEAK_MARKS]


# --- whose behaviour -----------------------------------------------------------------------------

def could_say_whose(columns: Iterable[Column]) -> list[Column]:
    """Return the columns that could say whose behaviour a row holds, the likeliest first.

    One called `partner` comes first; then any with two distinct short words, neither marks nor personal data.

    >>> columns = [Column("sex", 0), Column("Partner", 1)]
    >>> for column in columns:
    ...     column.add("m")
    ...     column.add("f")
    >>> [column.name for column in could_say_whose(columns)]
    ['Partner', 'sex']
    """
    left = [column for column in columns if column.values and not column.is_text]
    named = [column for column in left if _is_called_partner(column) and len(column.values) <= _MOST_PARTIES]
    return named + [column for column in left if column not in named and _has_two_words(column)]


def _is_called_partner(column: Column) -> bool:
    return _rank(column.name, ("partner", "partnerin")) is not None


def _has_two_words(column: Column) -> bool:
    words = {value.casefold() for value in column.values}
    return (len(column.values) == len(words) == 2 and all(len(word) <= _SHORT for word in words)
            and not is_tick(words) and not privacy_warnings({column.name: column.values}))


_CODE: Final = re.compile(r"[^\s,;\"'=@+-][^\s,;\"']{0,59}")


def slug(value: str) -> str:
    """Return a value as a short code: itself where it can be one, else its letters and digits.

    >>> slug("CHG"), slug("therapist input, other")
    ('CHG', 'therapist-input-other')
    """
    if _CODE.fullmatch(value):
        return value
    return re.sub(r"[^\w.]+", "-", value.casefold()).strip("-_.")[:60] or "code"
