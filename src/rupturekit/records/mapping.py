"""The mapping file: how a foreign table is read, as data.

    format = 1
    name = "annomi"
    [coding]
    codebook = "mi-codes.toml"       # the name of a packaged codebook, or a path relative to this file
    parties = ["client", "therapist"]
    time = "clock"                   # clock | segment | turn | order
    segment_seconds = 60             # with time = "segment"
    observed = "rows"                # every row says its stretch was coded | "not_told"; see below
    none_code = "none"               # optional: the code of an observed segment without a marker; see below
    [file]
    delimiter = ";"                  # optional, else found out; likewise encoding and decimal_comma
    encoding = "cp1252"
    decimal_comma = true
    sheet = "Events"                 # of an Excel workbook, else the first one
    labels = true                    # of an SPSS file: value labels in the place of codes
    reader = "package:name"          # a reader of an installed package, for a kind of file that only it knows
    missing = ["n/a"]                # words that mean nothing was recorded; an empty cell always does
    bad_rows = "refuse"              # or "drop_and_report"; must be stated
    order_by = "utterance_id"        # numeric column with the true order within a session, if the file's is not
    backward_times = "refuse"        # or "sort" | "hold"; must be stated as soon as a time goes back
    [[tracks]]                       # what kind of reading a track is, if not one rater's
    name = "consensus"
    kind = "consensus"               # rater | consensus | automatic
    rule = "agreed in a meeting"
    [fields.dyad]
    column = "transcript_id"         # or columns = [...], the first that is not missing; or constant = ...
    [fields.session]
    constant = 1
    [fields.party]
    column = "interlocutor"
    values = { Klient = "client" }   # this word means that one; other words are taken as they stand
    [fields.onset]
    column = "timestamp"
    format = "hh:mm:ss"              # seconds | milliseconds | minutes | mm:ss | hh:mm:ss | ordinal
    [fields.code]
    columns = ["main_therapist_behaviour", "client_talk_type"]
    values = { neutral = "" }        # "" = left out on purpose, counted in the loss report

**Fields.** `dyad` and `session` are required. `party`, `track`, `rater`, `code`, `onset`, `offset`, `rating`,
`tie`, `perspective`, `status`, `media` and `note` belong to the move; `day`, `attended` and `duration` to the
session; `therapist` and `arm` to the dyad. Without `track` the rater names the track, and without either the one
track is called `coder`. Each field may have `missing` words of its own, beside those of the file. A word in
`values` counts before a missing word does, so an empty cell can be given a meaning. Mapped to `""`, a value of
dyad, session, party, track, rater or code leaves its row out on purpose; in other fields it says that nothing was
recorded. "patient" is understood as client where the study declares a client.

**Layouts.** A table has one code a row (`[fields.code]`), or one of these instead:

    [[wide]]                         # one column an interval: DCCB01 ... DCCB48
    prefix = "DCCB"
    first = 1
    last = 48
    digits = 2                       # leading zeros to this width
    interval_seconds = 10            # with a clock; with segments their length is taken, with turns none
    party = "partner_a"
    values = { "1" = "coping", "0" = "" }    # "" = observed, nothing coded; a missing cell was not observed

    [[code_columns]]                 # one column a code, one row a segment: the 3RS sheet
    column = "WD_P"
    code = "wd-p"
    party = "client"
    present = ["x", "1"]             # either marks, both kinds stated ...
    absent = ["", "0"]
    rating = true                    # ... or ratings: present if the rating is above the number stated, which is
    above = 1                        # kept with the track as its rule

Both take a `track` of their own, for sheets with one set of columns a rater; without `party` the row's is taken.

**Time.** With `time = "segment"` the onset is a clock time, or `format = "ordinal"` with `first = 0` or `1`, the
number of the first segment. With turns it is `ordinal`. With `time = "order"` it may be left out: moves are then
numbered within the session in the order of the file or of `order_by`.

**A time that goes back** is never silent. `refuse` refuses the file; `sort` says that the clock decides; `hold`
says that the order decides and raises such a time to the latest before it. Each case is counted as adjusted.

**Observed stretches** come from wide blocks, and from rows where each row is a segment: in sheets with one column a
code always, with one code a row only where `observed = "rows"` says that every row's stretch was coded. Several
columns, or several rows, may speak of one stretch, one for each partner for example. It was observed where none of
their cells is missing: where one partner's cell is missing and the other's is not, it counts as not observed, the loss
report notes it, and a code that stands in the other cell stays a move.

**Segments without a marker.** A sheet with one column a code, or one an interval, says by empty cells that a segment
was coded and no marker was seen. With `none_code` each such segment becomes a move with that code, of no party; without
it, it is observed and holds no move. The code has to have the function `no_marker`. What counts as a marker is what the
codebook calls one (`withdrawal_marker`, `confrontation_marker`), whoever's it is: a segment with nothing but a repair
strategy has no marker, so it gets the code too, behind the strategy. A segment is the stretch of one interval or one
row; rows of one track on the same stretch are judged together, and the code stands in the last of them. Segments that
were not observed get none, and neither do those that hold the code already. The loss report counts these moves as
added. They say no more than the columns do: what had no column was not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs

from rupturekit import _definitions
from rupturekit._definitions import Node, toml_string
from rupturekit.codebooks import Codebook, as_codebook, codebook_names, load_codebook
from rupturekit.episode import Coding, Track
from rupturekit.errors import DefinitionError, RuptureKitError, did_you_mean, listed
from rupturekit.problems import excerpt
from rupturekit.records import grammar
from rupturekit.records.grammar import TimeFormat
from rupturekit.vocabulary import Attendance, Party, Perspective, Status, TimeKind, TrackKind

__all__ = [
    "FIELDS",
    "MARKERS",
    "BackwardTimes",
    "BadRows",
    "CodeColumn",
    "Field",
    "Mapping",
    "Observed",
    "WideBlock",
    "as_mapping",
    "mapping_text",
    "parse_mapping",
    "party_words",
    "read_mapping",
]

FIELDS: Final = (
    "dyad", "session", "party", "track", "rater", "code", "onset", "offset", "rating", "tie", "perspective", "status",
    "media", "note", "day", "attended", "duration", "therapist", "arm",
)
"""Every field that a column can be mapped to."""

TIMES: Final = ("onset", "offset", "media", "duration")
"""The fields that hold a time and state its format."""

_CLOCKS: Final = tuple(each for each in TimeFormat if each is not TimeFormat.ORDINAL)
_LEVELS: Final = {"perspective": Perspective, "status": Status, "attended": Attendance}
MARKERS: Final = frozenset({"withdrawal_marker", "confrontation_marker"})
"""The functions that make a code a rupture marker."""

_NO_MARKER: Final = "no_marker"
_MOST_INTERVALS: Final = 100_000
_LONGEST_INTERVAL: Final = 86_400 * grammar.MICROSECONDS
_NO_ROW_FIELDS: Final = {
    "wide": ("code", "onset", "offset", "rating", "tie", "media"),
    "code_columns": ("code", "rating"),
}


class BadRows(StrEnum):
    """What happens to a file with rows that cannot be read; a mapping states it."""

    REFUSE = "refuse"
    DROP_AND_REPORT = "drop_and_report"


class BackwardTimes(StrEnum):
    """What happens where a time goes back within a session: refuse the file, trust the clock, trust the order."""

    REFUSE = "refuse"
    SORT = "sort"
    HOLD = "hold"


class Observed(StrEnum):
    """Whether each row says that its stretch of the session was coded."""

    ROWS = "rows"
    NOT_TOLD = "not_told"


Pairs = tuple[tuple[str, str], ...]
"""A value map: the word in the file, and what it means."""


def _pairs(values: Any) -> Pairs:
    """Sort a value map: the order of its lines says nothing, so equal maps are equal values."""
    return tuple(sorted(dict(values).items()))


@attrs.frozen(kw_only=True)
class Field:
    """Where one field comes from: columns (the first that is not missing), or a constant.

    >>> Field(name="dyad", columns=("transcript_id",)).columns
    ('transcript_id',)
    """

    name: str
    columns: tuple[str, ...] = ()
    constant: str | None = None
    values: Pairs = attrs.field(default=(), converter=_pairs)
    missing: tuple[str, ...] = ()
    format: TimeFormat | None = None
    first: int | None = None


@attrs.frozen(kw_only=True)
class WideBlock:
    """A run of columns, one an interval, each cell saying what was coded in it.

    >>> WideBlock(prefix="DCCB", first=9, last=11, digits=2).columns()
    ('DCCB09', 'DCCB10', 'DCCB11')
    """

    prefix: str
    first: int
    last: int
    digits: int = 1
    interval: int | None = None
    party: str | None = None
    track: str | None = None
    values: Pairs = attrs.field(default=(), converter=_pairs)

    def columns(self) -> tuple[str, ...]:
        """Return the names of the columns, in the order of the intervals."""
        return tuple(f"{self.prefix}{number:0{self.digits}d}" for number in range(self.first, self.last + 1))


@attrs.frozen(kw_only=True)
class CodeColumn:
    """A column that stands for one code and holds marks, or ratings with a rule that says when it is present.

    >>> print(CodeColumn(column="WD_P", code="wd-p", rating=True, above=1000).rule())
    wd-p is present where WD_P is above 1
    """

    column: str
    code: str
    party: str | None = None
    track: str | None = None
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    rating: bool = False
    above: int | None = None
    """The label rule in thousandths: present if the rating is above it."""

    def rule(self) -> str:
        """Return the label rule in words; nothing where the cells are marks."""
        if self.above is None:
            return ""
        return f"{self.code} is present where {self.column} is above {grammar.format_scaled(self.above, places=3)}"


@attrs.frozen(kw_only=True, repr=False)
class Mapping:
    """How a foreign table is read: a frozen value, made from a mapping file.

    >>> mapping = parse_mapping('''
    ... format = 1
    ... name = "demo"
    ... coding = { codebook = "stages", time = "clock" }
    ... file = { bad_rows = "refuse" }
    ... fields.dyad.column = "case"
    ... fields.session.constant = 1
    ... fields.code.column = "code"
    ... fields.onset = { column = "start", format = "mm:ss" }
    ... ''')
    >>> mapping
    Mapping('demo', one code a row, 4 fields, codebook 'stages')
    """

    name: str
    codebook: str
    """The codebook as the mapping names it; `coding.codebook` is what was found there."""
    coding: Coding
    bad_rows: BadRows
    fields: tuple[Field, ...]
    wide: tuple[WideBlock, ...] = ()
    code_columns: tuple[CodeColumn, ...] = ()
    tracks: tuple[Track, ...] = ()
    observed: Observed | None = None
    none_code: str | None = None
    """The code of an observed segment in which no marker stands."""
    delimiter: str | None = None
    encoding: str | None = None
    decimal_comma: bool | None = None
    sheet: str | None = None
    labels: bool | None = None
    reader: str | None = None
    missing: tuple[str, ...] = ()
    order_by: str | None = None
    backward_times: BackwardTimes | None = None

    def field(self, name: str) -> Field | None:
        """Return where a field comes from, or None where it is not mapped."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def layout(self) -> str:
        """How codes lie in the table: `one code a row`, `wide` or `code_columns`."""
        return "wide" if self.wide else "code_columns" if self.code_columns else "one code a row"

    @property
    def rows_observe(self) -> bool:
        """Whether each row says that its stretch was coded."""
        if self.observed is not None:
            return self.observed is Observed.ROWS
        return self.layout == "code_columns" and (self.coding.time is TimeKind.SEGMENT or self.has("offset"))

    def has(self, name: str) -> bool:
        """Return whether a field is mapped."""
        return self.field(name) is not None

    def is_marker(self, code: str) -> bool:
        """Whether a code is a rupture marker, as its codebook says.

        >>> from rupturekit.codebooks import load_codebook
        >>> coding = Coding(codebook=load_codebook("3rs-2022"))
        >>> mapping = Mapping(name="demo", codebook="3rs-2022", coding=coding, bad_rows=BadRows.REFUSE, fields=())
        >>> mapping.is_marker("wd-p"), mapping.is_marker("rp-explore")
        (True, False)
        """
        return not MARKERS.isdisjoint(self.coding.codebook.functions_of(code))

    def none_rule(self) -> str:
        """Return in words where `none_code` is given; nothing where it is not."""
        return f"{self.none_code} is given to observed segments without a marker" if self.none_code else ""

    def __repr__(self) -> str:
        return f"Mapping({self.name!r}, {self.layout}, {len(self.fields)} fields, codebook {self.codebook!r})"


def party_words(parties: Iterable[str]) -> dict[str, str]:
    """Return the words that are understood as a party, in lower case, and the party each means.

    >>> party_words(("client", "therapist"))
    {'client': 'client', 'therapist': 'therapist', 'patient': 'client'}
    """
    words = {party.casefold(): party for party in parties}
    if Party.CLIENT in words:
        words.setdefault("patient", words[Party.CLIENT])
    return words


def as_mapping(mapping: Mapping | str | Path) -> Mapping:
    """Take a mapping as it is, checked, or read it from a file.

    Raises
    ------
    FileProblem
        When the file cannot be read.
    DefinitionError
        With every mistake in it.
    """
    if not isinstance(mapping, Mapping):
        return read_mapping(mapping)
    found = [f"{place}: {message}" for place, message in _mistakes(mapping)]
    if found:
        count = f"{len(found)} mistake{'s' * (len(found) > 1)}"
        raise DefinitionError("\n  ".join([f"mapping {mapping.name!r}: {count} in this mapping", *found]))
    return mapping


def read_mapping(path: str | Path) -> Mapping:
    """Read a mapping file.

    Raises
    ------
    FileProblem
        When the file cannot be read.
    DefinitionError
        With every mistake in it and in the way it fits its codebook, by place and with the remedy.
    """
    path = Path(path)
    text = _definitions.read_definition_text(path, what="mapping")
    return parse_mapping(text, where=path.name, folder=path.parent)


def parse_mapping(text: str, *, where: str = "mapping", folder: str | Path | None = None) -> Mapping:
    """Make a mapping from TOML text; a codebook given as a path is looked for from `folder`.

    >>> parse_mapping('format = 1')  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    rupturekit.errors.DefinitionError: mapping: ... mistakes in this mapping
    """
    node = _definitions.parse_definition(text, where=where, what="mapping")
    _check_format(node)
    name = node.text("name").strip()
    said = _read_coding(node, Path(folder or "."))
    mapping = _read_parts(node, name=name, said=said)
    for place, message in _mistakes(mapping, coding=said.coding is not None, codes=said.book is not None):
        node.complain(place, message)
    node.finish(what="mapping")
    return mapping


# --- reading the parts ---------------------------------------------------------------------------


def _check_format(node: Node) -> None:
    version = node.integer("format", default=None)
    if version is None and not node.has("format"):
        node.complain("format", "is missing; expected 1")
    elif version not in (None, 1):
        node.complain("format", f"is {version}; this version of rupturekit reads format 1, upgrade to read newer")


class _Said(NamedTuple):
    """What `[coding]` says; `coding` is None where it has mistakes, `book` where no codebook was found."""

    coding: Coding | None
    codebook: str
    observed: Observed | None
    none_code: str | None
    book: Codebook | None


def _read_coding(node: Node, folder: Path) -> _Said:
    said = _required_table(node, "coding", "a codebook and the kind of time")
    reference = said.text("codebook")
    parties = said.words("parties", default=[each.value for each in Party])
    time = said.choice("time", TimeKind)
    length = _micro(said, "segment_seconds")
    observed = said.choice("observed", Observed, default=None)
    none_code = _optional(said, "none_code")
    book = _found_codebook(said, reference, folder)
    coding = None
    try:
        if time is not None:
            coding = Coding(parties=parties, time=time, segment=length,  # type: ignore[arg-type]  # it counts them
                            codebook=book or _stand_in())
    except RuptureKitError as error:
        said.complain("", str(error).removeprefix("Coding."))
    return _Said(coding, reference, observed, none_code, book)


def _stand_in() -> Codebook:
    # A mapping with mistakes is never returned; until they are all told, its parts need some codebook.
    return load_codebook(codebook_names()[0])


def _found_codebook(said: Node, reference: str, folder: Path) -> Codebook | None:
    if not reference:
        return None
    try:
        return as_codebook(folder / reference if reference.endswith(".toml") else reference)
    except RuptureKitError as error:
        said.complain("codebook", str(error))
        return None


def _required_table(node: Node, key: str, holds: str) -> Node:
    found = node.table(key)
    if found is not None:
        return found
    if not node.has(key):
        node.complain(key, f"is missing; expected [{key}] with {holds}")
    return Node({}, where=node.where, place=key, text="", complaints=[])


def _read_parts(node: Node, *, name: str, said: _Said) -> Mapping:
    file = _required_table(node, "file", "bad_rows = \"refuse\" or \"drop_and_report\"")
    coding = said.coding or Coding(codebook=said.book or _stand_in())
    return Mapping(
        name=name, codebook=said.codebook, observed=said.observed, none_code=said.none_code, coding=coding,
        bad_rows=file.choice("bad_rows", BadRows) or BadRows.REFUSE,
        delimiter=_optional(file, "delimiter", blank=True), encoding=_optional(file, "encoding"),
        decimal_comma=_flag(file, "decimal_comma"), sheet=_optional(file, "sheet", blank=True),
        labels=_flag(file, "labels"), reader=_optional(file, "reader"),
        missing=_clean(file.words("missing", single=True)), order_by=_optional(file, "order_by"),
        backward_times=file.choice("backward_times", BackwardTimes, default=None),
        tracks=tuple(_read_track(child) for child in node.tables("tracks")),
        fields=_read_fields(node), wide=tuple(_read_wide(child, coding) for child in node.tables("wide")),
        code_columns=tuple(_read_code_column(child) for child in node.tables("code_columns")),
    )


def _optional(node: Node, key: str, *, blank: bool = False) -> str | None:
    """Return a text that may be left out; a delimiter may be a blank such as a tab, and a sheet's name end in one."""
    if not node.has(key):
        node.ignore([key])
        return None
    value = node.text(key, default="") if blank else node.text(key, default="").strip()
    if not value:
        node.complain(key, "is empty; leave it out, or say what it is")
    return value or None


def _flag(node: Node, key: str) -> bool | None:
    return node.flag(key) if node.has(key) else None


def _clean(words: Iterable[str]) -> tuple[str, ...]:
    """Trim words as cells are trimmed; the empty cell is missing anyhow."""
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))


def _micro(node: Node, key: str) -> int | None:
    return _scaled(node, key, places=6, finest="a microsecond")


def _scaled(node: Node, key: str, *, places: int, finest: str) -> int | None:
    number = node.number(key, default=None)
    if number is None:
        return None
    whole = round(number * 10.0**places)
    if whole / 10.0**places != number:
        node.complain(key, f"{number!r} is finer than {finest}; round it")
    return whole


def _read_track(node: Node) -> Track:
    kind = node.choice("kind", TrackKind, default=None) or TrackKind.RATER
    return Track(name=node.text("name").strip(), kind=kind, rule=node.text("rule", default=""))


def _read_fields(node: Node) -> tuple[Field, ...]:
    said = _required_table(node, "fields", "at least [fields.dyad] and [fields.session]")
    found = ((name, said.table(name)) for name in FIELDS)
    return tuple(_read_field(name, child) for name, child in found if child is not None)


def _read_field(name: str, node: Node) -> Field:
    columns = node.words("columns")
    alone = _optional(node, "column")
    return Field(
        name=name, columns=_named((alone,) if alone else columns), constant=_read_constant(node),
        values=_read_values(node), missing=_clean(node.words("missing", single=True)),
        format=node.choice("format", TimeFormat, default=None), first=node.integer("first", default=None),
    )


def _named(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(column.strip() for column in columns)


def _read_constant(node: Node) -> str | None:
    node.ignore(["constant"])
    value = node.data.get("constant")
    if value is None or isinstance(value, str):
        return value if value is None else value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    node.complain("constant", f"expected text in quotes or a whole number but got {value!r:.80}")
    return None


def _read_values(node: Node) -> dict[str, str]:
    node.ignore(["values"])
    table = node.data.get("values", {})
    if not isinstance(table, dict):
        node.complain("values", f'expected a table such as {{ x = "wd-p" }} but got {table!r:.80}')
        return {}
    found = {}
    for word, meaning in table.items():
        if isinstance(meaning, bool) or not isinstance(meaning, str | int):
            node.complain(f"values.{word}", f"expected text in quotes but got {meaning!r:.80}")
        else:
            found[word.strip()] = str(meaning).strip()
    return found


def _read_wide(node: Node, coding: Coding) -> WideBlock:
    interval = _micro(node, "interval_seconds")
    return WideBlock(
        prefix=node.text("prefix"), first=node.integer("first") or 0, last=node.integer("last") or 0,
        digits=node.integer("digits", default=1) or 0, interval=coding.segment if interval is None else interval,
        party=_optional(node, "party"), track=_optional(node, "track"), values=_read_values(node),
    )


def _read_code_column(node: Node) -> CodeColumn:
    above = _scaled(node, "above", places=3, finest="three decimals")
    return CodeColumn(
        column=node.text("column").strip(), code=node.text("code").strip(), party=_optional(node, "party"),
        track=_optional(node, "track"), present=_marks(node, "present"), absent=_marks(node, "absent"),
        rating=node.flag("rating"), above=above,
    )


def _marks(node: Node, key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in node.words(key, single=True)))


# --- mistakes ------------------------------------------------------------------------------------

Mistake = tuple[str, str]
"""A place in the mapping, and what is wrong there."""


def _mistakes(mapping: Mapping, *, coding: bool = True, codes: bool = True) -> Iterator[Mistake]:
    """Yield every mistake that the parts of a mapping make together; without a coding, less can be judged."""
    yield from _check_layout(mapping)
    for field in mapping.fields:
        yield from _check_field(field)
    if coding:
        yield from _check_required(mapping)
        yield from _check_observed(mapping)
        yield from _check_segments(mapping)
        yield from _check_times(mapping)
        yield from _check_parties(mapping)
        yield from _check_blocks(mapping)
    if codes:
        yield from _check_codes(mapping)
        yield from _check_none_code(mapping)
    yield from _check_columns(mapping)
    yield from _check_tracks(mapping)


def _check_layout(mapping: Mapping) -> Iterator[Mistake]:
    found = [name for name, there in (("[fields.code]", mapping.has("code")), ("[[wide]]", mapping.wide),
                                      ("[[code_columns]]", mapping.code_columns)) if there]
    if len(found) != 1:
        what = f"has {' and '.join(found)}; keep one" if found else "says nowhere where the codes are"
        yield "", f"{what}: expected [fields.code], [[wide]] tables or [[code_columns]] tables"
    for name in _NO_ROW_FIELDS.get(mapping.layout, ()):
        if mapping.has(name) and name != "code":
            yield f"fields.{name}", f"does not go with [[{mapping.layout}]], whose tables say it; leave it out"
    if mapping.layout == "wide" and mapping.order_by is not None:
        yield "file.order_by", "does not go with [[wide]], where the columns say the order; leave it out"


def _check_required(mapping: Mapping) -> Iterator[Mistake]:
    for name in ("dyad", "session"):
        if not mapping.has(name):
            yield f"fields.{name}", "is missing; expected column = \"...\" or constant = ..."
    if not mapping.has("onset") and not mapping.wide and mapping.coding.time is not TimeKind.ORDER:
        yield "fields.onset", f"is missing; time = \"{mapping.coding.time}\" needs one (\"order\" does not)"
    coding = mapping.coding
    if coding.segment is not None and coding.time is not TimeKind.SEGMENT:
        yield "coding.segment_seconds", f"is for time = \"segment\", but time is \"{coding.time}\"; drop one of the two"
    if coding.segment is not None and coding.segment > _LONGEST_INTERVAL:
        yield "coding.segment_seconds", "is longer than a day; expected the length of a coded segment"


def _check_observed(mapping: Mapping) -> Iterator[Mistake]:
    if mapping.wide and mapping.observed is not None:
        yield "coding.observed", "does not go with [[wide]], whose cells say what was observed; leave it out"
    elif mapping.rows_observe and mapping.coding.time is not TimeKind.SEGMENT and not mapping.has("offset"):
        yield "coding.observed", "needs segments or [fields.offset], or nobody knows where a row's stretch ends"


def _check_segments(mapping: Mapping) -> Iterator[Mistake]:
    """Check that there are observed segments where a code for those without a marker is stated."""
    if mapping.none_code is None:
        return
    if mapping.layout == "one code a row":
        yield "coding.none_code", ("is for [[code_columns]] and [[wide]]; where a table has one code a row, map the "
                                   "word that stands for no marker to the code, under fields.code.values")
    elif mapping.layout == "code_columns" and not mapping.rows_observe:
        yield "coding.none_code", ('needs segments that were observed: time = "segment" or [fields.offset], and '
                                   'not observed = "not_told"')
    elif len({block.interval for block in mapping.wide}) > 1:
        yield "coding.none_code", "needs intervals of one length, but [[wide]] blocks have several; leave it out"


def _check_none_code(mapping: Mapping) -> Iterator[Mistake]:
    """Check that the code for segments without a marker says that, and that markers were looked for."""
    code, book = mapping.none_code, mapping.coding.codebook
    if code is None:
        return
    yield from _check_code(mapping, "coding.none_code", code)
    if code in book and _NO_MARKER not in book.functions_of(code):
        known = listed(book.codes_for(_NO_MARKER)) or f"none; {book.name} cannot say it"
        yield "coding.none_code", (f"{code!r} does not say that there was no marker (function {_NO_MARKER}); "
                                   f"codes that do: {known}")
    yield from _check_markers(mapping)


def _check_markers(mapping: Mapping) -> Iterator[Mistake]:
    tracks: dict[str | None, list[str]] = {}
    for column in mapping.code_columns:
        tracks.setdefault(column.track, []).append(column.code)
    for track, codes in tracks.items():
        if not any(map(mapping.is_marker, codes)):
            whose = "" if track is None else f" of track {track!r}"
            yield "coding.none_code", (f"no column{whose} holds a rupture marker, so no segment could be said to be "
                                       "without one; leave it out, or add the columns")


def _check_field(field: Field) -> Iterator[Mistake]:
    place = f"fields.{field.name}"
    if bool(field.columns) == (field.constant is not None):
        yield place, "expected either column (or columns) or constant, one of them"
    if field.constant is not None and (field.values or field.missing):
        yield place, "a constant has no values or missing words; write what it means"
    if field.constant is not None and not field.constant.strip():
        yield f"{place}.constant", "is empty; leave the field out instead"
    if "" in field.columns:
        yield f"{place}.columns", "a column needs a name; one is empty"
    if field.format is not None and field.name not in TIMES:
        yield f"{place}.format", f"is for times ({listed(TIMES)}); leave it out"
    known = [level.value for level in _LEVELS.get(field.name, ())]
    for _, meaning in field.values if known else ():
        if meaning and meaning not in known:
            yield f"{place}.values", f"{meaning!r} is not one of {listed(known)}{did_you_mean(meaning, known)}"


def _check_times(mapping: Mapping) -> Iterator[Mistake]:
    time = mapping.coding.time
    for name in TIMES:
        field = mapping.field(name)
        if field is None:
            continue
        clock = time.has_clock or name == "media"
        numbered = name == "onset" and time is TimeKind.SEGMENT
        allowed = (*_CLOCKS, *([TimeFormat.ORDINAL] if numbered else [])) if clock else (TimeFormat.ORDINAL,)
        if field.format not in (allowed if clock else (*allowed, None)):
            found = "is missing" if field.format is None else f"is {str(field.format)!r}"
            yield f"fields.{name}.format", f"{found}; with time = \"{time}\" expected one of {listed(allowed)}"
    yield from _check_first(mapping)


def _check_first(mapping: Mapping) -> Iterator[Mistake]:
    for field in mapping.fields:
        numbered = (field.name == "onset" and mapping.coding.time is TimeKind.SEGMENT
                    and field.format is TimeFormat.ORDINAL)
        if numbered and field.first is None:
            yield "fields.onset.first", "is missing; say the number of the first segment, 0 or 1"
        if not numbered and field.first is not None:
            yield f"fields.{field.name}.first", "is for numbered segments (format = \"ordinal\"); leave it out"


def _check_codes(mapping: Mapping) -> Iterator[Mistake]:
    """Check the codes that the mapping itself names."""
    field = mapping.field("code")
    for place, values in (("fields.code.values", field.values if field else ()),
                          *((f"wide[{at}].values", block.values) for at, block in enumerate(mapping.wide, 1))):
        for _, code in values:
            yield from _check_code(mapping, place, code)
    for at, column in enumerate(mapping.code_columns, 1):
        yield from _check_code(mapping, f"code_columns[{at}].code", column.code)


def _check_parties(mapping: Mapping) -> Iterator[Mistake]:
    """Check the parties that the mapping itself names."""
    party = mapping.field("party")
    named = [("fields.party.values", word) for _, word in (party.values if party else ())]
    named += [(f"wide[{at}].party", block.party or "") for at, block in enumerate(mapping.wide, 1)]
    named += [(f"code_columns[{at}].party", column.party or "") for at, column in enumerate(mapping.code_columns, 1)]
    known = party_words(mapping.coding.parties)
    for place, word in named:
        if word and word.casefold() not in known:
            yield place, (f"{word!r} is not one of the study's two parties, {' and '.join(mapping.coding.parties)}"
                          f"{did_you_mean(word, known)}")


def _check_code(mapping: Mapping, place: str, code: str) -> Iterator[Mistake]:
    book = mapping.coding.codebook
    if code and code not in book:
        known = [each.code for each in book.codes]
        yield place, f"code {excerpt(code)!r} is not in {book.name}{did_you_mean(code, known)}; known: {listed(known)}"


def _check_blocks(mapping: Mapping) -> Iterator[Mistake]:
    for at, block in enumerate(mapping.wide, 1):
        yield from _check_wide(mapping, f"wide[{at}]", block)
    for at, column in enumerate(mapping.code_columns, 1):
        yield from _check_code_column(f"code_columns[{at}]", column)


def _check_wide(mapping: Mapping, place: str, block: WideBlock) -> Iterator[Mistake]:
    time, segment = mapping.coding.time, mapping.coding.segment
    if not 0 <= block.first <= block.last < block.first + _MOST_INTERVALS or block.last > 10**9:
        yield f"{place}.last", f"expected a number from first ({block.first}) on but got {block.last}"
    if not 0 <= block.digits <= 9:
        yield f"{place}.digits", f"expected a number from 0 to 9 but got {block.digits}"
    if time.has_clock and not 0 < (block.interval or 0) <= _LONGEST_INTERVAL:
        yield f"{place}.interval_seconds", "expected how many seconds an interval lasts, more than 0 and at most a day"
    if not time.has_clock and block.interval is not None:
        yield f"{place}.interval_seconds", f"does not go with time = \"{time}\"; leave it out"
    if time is TimeKind.SEGMENT and block.interval != segment:
        yield f"{place}.interval_seconds", "differs from coding.segment_seconds; keep the true one"
    if not block.values:
        yield f"{place}.values", 'is missing; say what a cell means, for example { "1" = "code", "0" = "" }'


def _check_code_column(place: str, column: CodeColumn) -> Iterator[Mistake]:
    both = sorted(set(column.present) & set(column.absent))
    if both:
        yield f"{place}.absent", f"{both[0]!r} is listed as present too; keep it in one of the two"
    if column.rating:
        if column.above is None:
            yield f"{place}.above", "is missing; state the label rule: present where the rating is above what?"
        if column.present:
            yield f"{place}.present", "does not go with rating = true, where above decides; leave it out"
        return
    if column.above is not None:
        yield f"{place}.above", "is for ratings; say rating = true, or leave it out"
    if not column.present:
        yield f"{place}.present", 'is missing; say which cells mean the code was seen, for example ["x", "1"]'
    if not column.absent:
        yield f"{place}.absent", ('is missing; say which cells mean looked for and not seen, for example ["", "0"]; '
                                  "other missing cells count as not observed")


def _check_columns(mapping: Mapping) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    blocks = [(f"wide[{at}]", block.columns()) for at, block in enumerate(mapping.wide, 1)
              if block.last - block.first < _MOST_INTERVALS and 0 <= block.digits <= 9]
    blocks += [(f"code_columns[{at}]", (column.column,)) for at, column in enumerate(mapping.code_columns, 1)]
    for place, columns in blocks:
        twice = next((column for column in columns if column in seen), None)
        if twice is not None:
            yield place, f"the column {twice!r} is read already, by {seen[twice]}"
        seen.update(dict.fromkeys(columns, place))


def _check_tracks(mapping: Mapping) -> Iterator[Mistake]:
    names = [track.name for track in mapping.tracks]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield "tracks", f"the track {name!r} is described twice; keep one"


# --- writing -------------------------------------------------------------------------------------


def mapping_text(mapping: Mapping) -> str:
    """Write a mapping as TOML that reads back equal, given the same codebook in reach.

    >>> from rupturekit.codebooks import load_codebook
    >>> coding = Coding(codebook=load_codebook("stages"), time=TimeKind.ORDER)
    >>> fields = [Field(name=name, columns=(name,)) for name in ("dyad", "session", "code")]
    >>> print(mapping_text(Mapping(name="demo", codebook="stages", coding=coding, bad_rows=BadRows.REFUSE,
    ...                            fields=tuple(fields))))
    format = 1
    name = "demo"
    <BLANKLINE>
    [coding]
    codebook = "stages"
    parties = ["client", "therapist"]
    time = "order"
    <BLANKLINE>
    [file]
    bad_rows = "refuse"
    <BLANKLINE>
    [fields.dyad]
    column = "dyad"
    <BLANKLINE>
    [fields.session]
    column = "session"
    <BLANKLINE>
    [fields.code]
    column = "code"
    <BLANKLINE>
    """
    parts: list[tuple[str, dict[str, object]]] = [("", {"format": 1, "name": mapping.name})]
    parts += [("[coding]", _coding_items(mapping)), ("[file]", _file_items(mapping))]
    parts += [("[[tracks]]", {"name": track.name, "kind": track.kind.value, "rule": track.rule or None})
              for track in mapping.tracks]
    parts += [(f"[fields.{field.name}]", _field_items(field)) for field in mapping.fields]
    parts += [("[[wide]]", _wide_items(block, mapping.coding)) for block in mapping.wide]
    parts += [("[[code_columns]]", _code_column_items(column)) for column in mapping.code_columns]
    return "\n\n".join(toml_table(title, items) for title, items in parts) + "\n"


def toml_table(title: str, items: dict[str, object]) -> str:
    """Write one TOML table; items that are None are left out.

    >>> print(toml_table("[fields.dyad]", {"column": "case", "missing": (), "format": None}))
    [fields.dyad]
    column = "case"
    missing = []
    """
    lines = [f"{key} = {toml_value(value)}" for key, value in items.items() if value is not None]
    return "\n".join([*([title] if title else []), *lines])


def toml_value(value: object) -> str:
    """Write a text, number, flag, list of texts or value map as TOML.

    >>> print(toml_value({"x": "wd-p", "": ""}))
    { x = "wd-p", "" = "" }
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return toml_string(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(word)} = {toml_value(meaning)}" for word, meaning in value.items()) + " }"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _key(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", word) else toml_string(word)


def _number(value: int | None, *, places: int) -> object:
    # Not through a float: a decimal is written as it was read.
    return None if value is None else Decimal(grammar.format_scaled(value, places=places))


def _coding_items(mapping: Mapping) -> dict[str, object]:
    coding = mapping.coding
    return {"codebook": mapping.codebook, "parties": coding.parties, "time": coding.time.value,
            "segment_seconds": _number(coding.segment, places=6),
            "observed": mapping.observed.value if mapping.observed is not None else None,
            "none_code": mapping.none_code}


def _file_items(mapping: Mapping) -> dict[str, object]:
    backward = mapping.backward_times
    return {"delimiter": mapping.delimiter, "encoding": mapping.encoding, "decimal_comma": mapping.decimal_comma,
            "sheet": mapping.sheet, "labels": mapping.labels, "reader": mapping.reader,
            "missing": mapping.missing or None, "bad_rows": mapping.bad_rows.value, "order_by": mapping.order_by,
            "backward_times": backward.value if backward is not None else None}


def _field_items(field: Field) -> dict[str, object]:
    one = len(field.columns) == 1
    return {"column": field.columns[0] if one else None, "columns": field.columns if len(field.columns) > 1 else None,
            "constant": field.constant, "format": field.format.value if field.format is not None else None,
            "first": field.first, "values": dict(field.values) or None, "missing": field.missing or None}


def _wide_items(block: WideBlock, coding: Coding) -> dict[str, object]:
    interval = None if block.interval == coding.segment else block.interval
    return {"prefix": block.prefix, "first": block.first, "last": block.last, "digits": block.digits,
            "interval_seconds": _number(interval, places=6), "party": block.party, "track": block.track,
            "values": dict(block.values) or None}


def _code_column_items(column: CodeColumn) -> dict[str, object]:
    marks: dict[str, object] = {"present": column.present or None, "absent": column.absent or None}
    return {"column": column.column, "code": column.code, "party": column.party, "track": column.track, **marks,
            "rating": column.rating or None, "above": _number(column.above, places=3)}
