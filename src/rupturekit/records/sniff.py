"""Look at an unknown table and propose the mapping that reads it.

The proposal is text for a person to judge. What was found out stands in it; what was not is marked `# choose:`, with
the likeliest answer beside it, or commented out where there is none, so that the mapping is refused until somebody
has filled it in.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import attrs

from rupturekit import _html
from rupturekit.codebooks import Codebook, codebook_names, load_codebook
from rupturekit.errors import CodingWarning, RuptureKitError, listed
from rupturekit.privacy import privacy_warnings
from rupturekit.problems import ProblemLog, excerpt
from rupturekit.records import guess
from rupturekit.records.bounded import LIMITS, Limits
from rupturekit.records.foreign import read_table
from rupturekit.records.grammar import MICROSECONDS, TimeFormat, format_scaled, parse_time
from rupturekit.records.guess import CodeHeader, Column, Run
from rupturekit.records.held import AnySheet, HeldSheet, Hints, notes_of
from rupturekit.records.mapping import MARKERS, parse_mapping, toml_table, toml_value
from rupturekit.records.opening import open_table
from rupturekit.vocabulary import Party

__all__ = ["Proposal", "propose_mapping"]

_CHOOSE: Final = "# choose:"
_LARGEST_TRIAL: Final = 20_000_000
_MOST_CODES: Final = 60
_SECONDS: Final = frozenset({"s", "sec", "secs", "seconds", "sekunden", "sek", "ms", "milliseconds"})


@attrs.frozen(kw_only=True, repr=False)
class Proposal:
    """A mapping proposed for a table, and what was seen on the way.

    Attributes
    ----------
    text : str
        The mapping, as TOML; `# choose:` marks what a person has to say.
    codebook_text : str
        A codebook to fill in, where no packaged one has the codes; empty otherwise.
    codebook_file : str
        The name under which the mapping looks for it, beside itself.
    unmapped : tuple of (str, int)
        The code words that the codebook named does not have, with how often they were met.
    questions : tuple of str
        What the mapping leaves open, one sentence each.
    not_imported : tuple of str
        Columns of free text, left out for the sake of privacy.
    private : tuple of str
        What looks like personal data.
    trial : str
        What reading the table through the proposal says.
    """

    file: str
    rows: int
    text: str
    found: tuple[str, ...] = ()
    codebook_text: str = ""
    codebook_file: str = ""
    unmapped: tuple[tuple[str, int], ...] = ()
    questions: tuple[str, ...] = ()
    not_imported: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    trial: str = ""

    def __repr__(self) -> str:
        return f"Proposal({self.file!r}, {len(self.found)} lines found, {len(self.questions)} questions)"

    def __str__(self) -> str:
        heading = f"{self.file}: {self.rows:,} {'row' if self.rows == 1 else 'rows'} looked at"
        return "\n".join(["\n  ".join([heading, *self.lines()]), "", self.text])

    def lines(self) -> list[str]:
        """Return what was seen, a line each, without the mapping itself."""
        said = [*self.found]
        said += [f"not a code of the codebook: {_quoted(word)} ({count:,} rows)" for word, count in self.unmapped[:40]]
        if len(self.unmapped) > 40:
            said.append(f"... and {len(self.unmapped) - 40:,} more such words")
        said += [f"free text, not imported: {name}" for name in self.not_imported]
        said += [f"privacy: {text}" for text in self.private]
        said += [f"choose: {text}" for text in self.questions]
        if self.codebook_text:
            said.append(f"a codebook to fill in comes with it, as {self.codebook_file}")
        return [*said, *([f"read as proposed: {self.trial}"] if self.trial else [])]

    def _repr_html_(self) -> str:
        said = (_html.tag("li", _html.line(text, most=240)) for text in self.lines())
        return _html.page("Proposal", self.file, _html.tag("p", f"{_html.counted(self.rows, 'row')} looked at"),
                          _html.tag("ul", *said), _html.tag("pre", self.text))


def propose_mapping(path: str | Path, *, limits: Limits = LIMITS) -> Proposal:
    """Look at a table, of any kind that `read_table` reads, and propose a mapping for it.

    Raises
    ------
    FileProblem
        Where the file cannot be read as a table, or goes beyond the limits.
    MissingExtra
        Where the library for an Excel workbook or an SPSS file is not installed.

    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "sheet.csv")
    ...     _ = file.write_text("Klient;Sitzung;Sprecher;Zeit;Kode\\n"
    ...                         "D1;1;Therapeut;00:12;invite\\nD1;1;Klient;00:20;wd\\n")
    ...     proposal = propose_mapping(file)
    >>> print(proposal.text)  # doctest: +ELLIPSIS
    format = 1
    name = "sheet"
    ...
    [fields.onset]
    column = "Zeit"
    format = "mm:ss"
    ...
    >>> proposal.trial
    '2 rows = 2 moves + 0 rows left out'
    """
    path = Path(path)
    log = ProblemLog()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)  # an encoding that was guessed is proposed, and so told
        sheet = open_table(path, problems=log, limits=limits)
        columns, rows = guess.look_at(sheet)
    sketch = _Sketch.of(sheet, columns, rows)
    text = sketch.text()
    sketch.said += [f"{excerpt(group.field) or 'rows'}: {group.kind} ({group.times:,})" for group in log.groups()[:10]]
    book = _skeleton(sketch) if sketch.codebook_file else ""
    return Proposal(
        file=sheet.name, rows=rows, text=text, found=tuple(sketch.said), codebook_text=book,
        codebook_file=sketch.codebook_file, unmapped=tuple(sketch.unmapped), questions=tuple(sketch.questions),
        not_imported=tuple(excerpt(column.name) for column in columns if column.is_text),
        private=tuple(privacy_warnings({column.name: column.values for column in columns})),
        trial=_tried(path, text, book, sketch.codebook_file, limits=limits),
    )


def _quoted(word: str) -> str:
    return f"'{excerpt(word)}'"


# --- the sketch ----------------------------------------------------------------------------------


@attrs.define(kw_only=True)
class _Sketch:
    """What is proposed, while it is put together."""

    sheet: AnySheet
    columns: list[Column]
    rows: int
    comma: bool
    roles: dict[str, list[Column]]
    runs: list[Run]
    book: Codebook | None = None
    headers: list[CodeHeader] = attrs.field(factory=list)
    unread: list[CodeHeader] = attrs.field(factory=list)
    """Columns that are called like a code and hold neither marks nor ratings."""
    codes: dict[str, str] = attrs.field(factory=dict)
    counts: Counter[str] = attrs.field(factory=Counter)
    codebook_file: str = ""
    parties: tuple[str, str] = (Party.CLIENT.value, Party.THERAPIST.value)
    whose: list[Column] = attrs.field(factory=list)
    """The columns that could be that of the party, where none is called so."""
    unmapped: list[tuple[str, int]] = attrs.field(factory=list)
    questions: list[str] = attrs.field(factory=list)
    said: list[str] = attrs.field(factory=list)

    @classmethod
    def of(cls, sheet: AnySheet, columns: list[Column], rows: int) -> _Sketch:
        """Judge the columns of a table."""
        comma = bool(sheet.decimal_comma)
        runs = guess.runs(columns)
        in_runs = {column.name for run in runs for column in run.columns}
        rest = [column for column in columns if column.name not in in_runs]
        book, headers = (None, []) if runs else _code_headers(rest, comma=comma)
        taken = {header.column.name for header in headers}
        left = [column for column in rest if column.name not in taken]
        roles = _stated_roles(sheet, columns) or guess.roles(left, comma=comma)
        sketch = cls(sheet=sheet, columns=columns, rows=rows, comma=comma, roles=roles, runs=runs, book=book,
                     headers=headers, unread=[] if book is None else guess.headed(left, book))
        sketch._settle_dyad(rest)
        sketch._settle_party(left)
        sketch._settle_codes()
        return sketch

    def column(self, role: str) -> Column | None:
        """Return the likeliest column of a field, or None."""
        return next(iter(self.roles.get(role, ())), None)

    def ask(self, question: str) -> str:
        """Note a question and return it as the comment that stands in the mapping."""
        self.questions.append(question)
        return f"{_CHOOSE} {question}"

    def _settle_dyad(self, rest: list[Column]) -> None:
        """In a table with one row a dyad, a column of distinct words names the dyad, whatever it is called."""
        if self.column("dyad") is None and self.runs:
            every = [column for column in rest if column.filled == self.rows == len(column.counts)]
            if every:
                self.roles["dyad"] = every[:1]
                self.roles = {role: [column for column in found if role == "dyad" or column is not every[0]]
                              for role, found in self.roles.items()}

    def _settle_party(self, rest: list[Column]) -> None:
        """Where no column is called so, one that could say whose behaviour a row holds is proposed, and asked about.

        Two runs of intervals, and columns whose codes belong to one party each, already say whose they are.
        """
        told = len(self.runs) == 2 or (self.headers and all(self._sole_party(each) for each in self.headers))
        if self.column("party") is None and not told:
            used = [column for found in self.roles.values() for column in found]
            self.whose = guess.could_say_whose(column for column in rest if column not in used)
            self.roles["party"] = self.whose[:1]

    def _sole_party(self, header: CodeHeader) -> str | None:
        parties = self.book[header.code].parties if self.book is not None else ()
        return parties[0] if len(parties) == 1 else None

    # --- codes

    @property
    def stem(self) -> str:
        """A name for the study, after the file."""
        return "-".join(re.findall("[a-z0-9]+", self.sheet.path.stem.casefold()))[:40] or "study"

    def _settle_codes(self) -> None:
        """Find the codebook that has the codes; where none has most of them, a new one is proposed."""
        if self.headers:
            return
        if self.runs:
            self._codes_of_runs()
            return
        for column in self.roles.get("code", ()):
            self.counts.update({value: times for value, times in column.counts.items()
                                if value not in guess.MISSING_WORDS})
        self.book, matched = _best_book(self.counts)
        if self.book is None:
            self.codebook_file = f"{self.stem}-codes.toml"
            self.codes = _slugs(value for value, _ in self.counts.most_common(_MOST_CODES))
        else:
            self.codes = matched
        self.unmapped = [pair for pair in self.counts.most_common() if pair[0] not in self.codes]

    def _codes_of_runs(self) -> None:
        self.codebook_file = f"{self.stem}-codes.toml"
        words = [_run_word(run, value) for run in self.runs for value in run.values() if value != "0"]
        self.codes = _slugs(words)

    # --- the text

    def text(self) -> str:
        """Return the mapping as TOML."""
        self.said = list(self._summary())
        parts = [toml_table("", {"format": 1, "name": self.stem}), self._coding(), self._file(), *self._fields(),
                 *self._wide(), *self._code_columns()]
        return "\n\n".join(parts) + "\n"

    def _summary(self) -> Iterator[str]:
        sheet = self.sheet
        if isinstance(sheet, HeldSheet):
            yield sheet.what
        else:
            yield f"text: {sheet.encoding}, split at {sheet.delimiter!r}" + (", decimal comma" if self.comma else "")
        yield from notes_of(sheet)
        for role, found in self.roles.items():
            if found:
                yield f"{role}: {listed(_quoted(column.name) for column in found)}"
        for run in self.runs:
            yield f"one column an interval: {_quoted(run.columns[0].name)} to {_quoted(run.columns[-1].name)}"
        if self.headers:
            yield f"one column a code: {listed(_quoted(header.column.name) for header in self.headers)}"

    @property
    def time(self) -> str:
        """The kind of time that the columns suggest."""
        onset, order = self.column("onset"), self.column("order")
        if self.runs or (self.headers and (self._segment() or (onset is None and order is not None))):
            return "segment"
        if onset is not None and onset.time_format(comma=self.comma) is not TimeFormat.ORDINAL:
            return "clock"
        if onset is not None or (order is not None and "turn" in guess.words_of(order.name)):
            return "turn"
        return "order"

    def _segment(self) -> int | None:
        """Return the length that every row has between its onset and its offset, in microseconds."""
        onset, offset = self.column("onset"), self.column("offset")
        if onset is None or offset is None or onset.many or offset.many:
            return None
        starts, ends = _times(onset, comma=self.comma), _times(offset, comma=self.comma)
        lengths = {end - start for start, end in zip(sorted(starts), sorted(ends), strict=False)}
        return lengths.pop() if len(starts) == len(ends) and len(lengths) == 1 and min(lengths) > 0 else None

    def _coding(self) -> str:
        name = self.codebook_file or (self.book.name if self.book is not None else "")
        head = toml_table("[coding]", {"codebook": name})
        if self.codebook_file:
            head += f"  {self.ask('no packaged codebook has most of these codes; fill in the one proposed')}"
        self.parties = self._parties()
        lines = [head, toml_table("", {"parties": self.parties, "time": self.time})]
        if self.time == "segment":
            length = self._segment()
            lines.append("segment_seconds = " + format_scaled(length, places=6) if length is not None else
                         f"# segment_seconds = ?  {self.ask('how many seconds does a segment or interval last?')}")
        none = self._none_code()
        if none:
            lines.append(f"{toml_table('', {'none_code': none})}  # given to each observed segment without a marker")
        return "\n".join(lines)

    def _none_code(self) -> str | None:
        """Return the code for segments without a marker, where the columns are codes, and markers among them."""
        book, time = self.book, self.time
        if book is None or not self.headers or (time != "segment" and self._offset_format() is None):
            return None
        tracks: dict[str | None, set[str]] = {}
        for header in self._proposed_headers():
            tracks.setdefault(header.track, set()).update(book.functions_of(header.code))
        looked = tracks and not any(MARKERS.isdisjoint(functions) for functions in tracks.values())
        return next(iter(book.codes_for("no_marker")), None) if looked else None

    def _parties(self) -> tuple[str, str]:
        """Return the two parties: client and therapist, unless the table has two other words."""
        column = self.column("party")
        words = [] if column is None else column.values
        if self.runs and column is None:
            return ("partner_a", "partner_b") if len(self.runs) == 2 else self.parties
        if len(words) == 2 and not any(word.casefold() in guess.PARTY_WORDS for word in words):
            return words[0], words[1]
        return self.parties

    def _file(self) -> str:
        sheet = self.sheet
        order = self.column("order")
        used = [column for found in self.roles.values() for column in found]
        missing = sorted({word for column in used for word in column.counts if word in guess.MISSING_WORDS})
        items: dict[str, object] = {
            **_settings(sheet), "decimal_comma": True if self.comma else None, "missing": missing or None,
            "bad_rows": "refuse",
            "order_by": order.name if order is not None and self.time in ("clock", "order") else None,
        }
        return toml_table("[file]", items)

    def _fields(self) -> Iterator[str]:
        dyad = self._known("dyad") or self._open("dyad", "which column names the dyad (the pair of people)?")
        yield "\n".join([dyad, *map(self.ask, _hints(self.sheet).questions)])
        session = self.column("session")
        if session is None:
            asked = self.ask("no column looks like a session number; is there one session a dyad?")
            yield f"[fields.session]\nconstant = 1  {asked}"
        else:
            yield self._session(session)
        party = self.column("party")
        if party is not None:
            yield self._party(party)
        yield from filter(None, map(self._known, ("rater", "day")))
        if not self.runs:
            yield from self._times_fields()
            if not self.headers:
                yield self._code()
                yield from filter(None, [self._known("rating")])

    def _known(self, name: str) -> str | None:
        column = self.column(name)
        return None if column is None else toml_table(f"[fields.{name}]", {"column": column.name})

    def _open(self, name: str, question: str) -> str:
        return f"[fields.{name}]\n# column = ?  {self.ask(question)} {self._candidates()}"

    def _candidates(self) -> str:
        names = (_quoted(column.name) for column in self.columns if not column.is_text)
        return f"Columns: {listed(names, most=20)}"

    def _session(self, column: Column) -> str:
        lines = [toml_table("[fields.session]", {"column": column.name})]
        if not column.is_whole():
            words = dict.fromkeys([value for value in column.values if not value.isdecimal()][:20], "?")
            asked = self.ask("sessions are numbered in the order they took place; give each word its number")
            lines.append(f"# values = {toml_value(words)}  {asked}")
        return "\n".join(lines)

    def _party(self, column: Column) -> str:
        head = toml_table("[fields.party]", {"column": column.name})
        if self.whose:
            head += f"  {self.ask(self._whose_question(column))}"
        lines = [head]
        values: dict[str, str] = {}
        unknown = []
        for word in column.values:
            party = guess.PARTY_WORDS.get(word.casefold())
            if word in self.parties or (party in self.parties and word.casefold() in (party, "patient")):
                continue
            if party in self.parties:
                values[word] = str(party)
            else:
                unknown.append(word)
        if values:
            lines.append(f"values = {toml_value(values)}")
        if unknown:
            whom = listed(map(_quoted, unknown))
            lines.append(self.ask(f"which party is meant by {whom}? A third person is left out by mapping the word to "
                                  '"" under values'))
        return "\n".join(lines)

    def _whose_question(self, column: Column) -> str:
        words = ", ".join(map(_quoted, column.values))
        others = [_quoted(each.name) for each in self.whose[1:]]
        instead = f" Or is it {listed(others)}?" if others else ""
        return f"does {_quoted(column.name)} ({words}) say whose behaviour a row holds?{instead} If not, leave it out"

    def _times_fields(self) -> Iterator[str]:
        onset, order, time = self.column("onset"), self.column("order"), self.time
        column = onset if onset is not None else order
        if time == "order" or column is None:
            by = "the file" if order is None else _quoted(order.name)
            yield self.ask(f"no column looks like a time; are moves to be numbered in the order of {by}?")
            return
        format = self._onset_format()
        text = toml_table("[fields.onset]", {"column": column.name, "format": format.value})
        if format is TimeFormat.ORDINAL and time == "segment":
            text += f"\nfirst = {1 if '0' not in column.counts else 0}"
        if format in (TimeFormat.SECONDS, TimeFormat.MILLISECONDS) and not _SECONDS & set(guess.words_of(column.name)):
            text += f"  {self.ask(f'are the numbers of {_quoted(column.name)} really {format.value}?')}"
        yield text
        offset, found = self.column("offset"), self._offset_format()
        if offset is not None and found is not None:
            yield toml_table("[fields.offset]", {"column": offset.name, "format": found.value})

    def _onset_format(self) -> TimeFormat:
        """Return the format of the column that the onset is read from."""
        onset, order, time = self.column("onset"), self.column("order"), self.time
        column = onset if onset is not None else order
        if column is None or time == "turn" or (time == "segment" and onset is None):
            return TimeFormat.ORDINAL
        return column.time_format(comma=self.comma) or TimeFormat.ORDINAL

    def _offset_format(self) -> TimeFormat | None:
        """Return the format of the column that the offset is read from, or None where none is."""
        offset, format = self.column("offset"), self._onset_format()
        if offset is None or self.time not in ("clock", "segment") or format is TimeFormat.ORDINAL:
            return None
        return offset.time_format(comma=self.comma) or format

    def _code_source(self) -> str:
        names = [column.name for column in self.roles.get("code", ())]
        if len(names) < 2:
            return self._known("code") or self._open("code", "which column holds the codes?")
        asked = self.ask("the first of these that is not missing is taken; is no row coded in two?")
        return f"{toml_table('[fields.code]', {'columns': names})}  {asked}"

    def _code(self) -> str:
        lines = [self._code_source()]
        values = {word: code for word, code in self.codes.items() if word != code}
        if values:
            lines.append(f"values = {toml_value(values)}")
        if self.unmapped:
            words = dict(self.unmapped[:40])
            lines += [f"# {toml_value(word)}: {times:,} rows" for word, times in words.items()]
            lines.append(self.ask("the codebook does not have these words; give each a code under values, or \"\" to "
                                  "leave it out"))
        return "\n".join(lines)

    def _wide(self) -> Iterator[str]:
        for at, run in enumerate(self.runs):
            party = self.parties[at] if len(self.runs) == 2 else None
            values = {value: "" if value == "0" else self.codes[_run_word(run, value)] for value in run.values()}
            items: dict[str, object] = {"prefix": run.prefix, "first": run.first, "last": run.last,
                                        "digits": run.digits, "values": values}
            asked = self.ask(f"whose behaviour do {_quoted(run.prefix)} 1, 2, 3 ... show, and what do the values mean?")
            named = "" if party is None else f"\nparty = {toml_value(party)}"
            yield f"{toml_table('[[wide]]', items)}{named}\n{asked}"

    @property
    def _rated(self) -> bool:
        return guess.are_ratings(header.column for header in self.headers)

    def _proposed_headers(self) -> list[CodeHeader]:
        """Return the columns of codes without those of ratings that are empty, where nobody knows what to look for."""
        return [header for header in self.headers if header.column.values or not self._rated]

    def _code_columns(self) -> Iterator[str]:
        proposed = self._proposed_headers()
        for header in self.headers:
            if header in proposed:
                yield self._code_column(header)
            else:
                yield self.ask(f"{_quoted(header.column.name)} is empty and left out; was {header.code} never coded?")
        for header in self.unread:
            yield self.ask(f"{_quoted(header.column.name)} is called like {header.code} and left out, as it holds "
                           "neither marks nor ratings; what do its cells mean?")

    def _code_column(self, header: CodeHeader) -> str:
        column, asked = header.column, ""
        items: dict[str, object] = {"column": column.name, "code": header.code, "party": self._sole_party(header),
                                    "track": header.track}
        if self._rated and column.numbers(comma=self.comma) is not None:
            items |= {"rating": True, "above": 1}
            asked = self.ask(f"from which rating on is {_quoted(column.name)} present? 1 says: above 1")
        else:
            items |= _marks(column)
            weak = guess.weak_marks(column)
            if weak:
                asked = self.ask(f"{listed(map(_quoted, weak))} in {_quoted(column.name)} looks like a weaker mark; is "
                                 "the code present there? If not, list it under absent")
        return toml_table("[[code_columns]]", items) + (f"\n{asked}" if asked else "")


def _marks(column: Column) -> dict[str, object]:
    """Return which of a column's cells mean present, and which absent."""
    present = [value for value in column.values if value.casefold() not in ("0", "nein", "no", "false")]
    absent = [value for value in column.values if value not in present]
    # Where some cells say "no" in so many words, an empty one is not another way to say it.
    return {"present": present or ["1"], "absent": absent or [""]}


def _run_word(run: Run, value: str) -> str:
    """Return what a value of a run is called: the run's prefix, with the value where there are several."""
    prefix = run.prefix.strip("_-. ")
    coded = [each for each in run.values() if each != "0"]
    return prefix if len(coded) == 1 else f"{prefix}-{value}"


def _hints(sheet: AnySheet) -> Hints:
    return sheet.hints if isinstance(sheet, HeldSheet) else Hints()


def _stated_roles(sheet: AnySheet, columns: Iterable[Column]) -> dict[str, list[Column]]:
    """Return the columns of each field as the format itself knows them, without those that hold nothing."""
    named = {column.name: column for column in columns if column.filled}
    return {role: [named[name]] for role, name in _hints(sheet).roles if name in named}


def _settings(sheet: AnySheet) -> dict[str, object]:
    """Return what a mapping has to say of the file, for it to be opened as it was."""
    if isinstance(sheet, HeldSheet):
        return dict(sheet.settings)
    return {"delimiter": sheet.delimiter if sheet.delimiter != "," else None,
            "encoding": sheet.encoding if sheet.encoding not in ("utf-8", "utf-8-sig") else None}


def _times(column: Column, *, comma: bool) -> list[int]:
    format = column.time_format(comma=comma) or TimeFormat.ORDINAL
    unit = MICROSECONDS if format is TimeFormat.ORDINAL else 1
    return [parse_time(value.replace(",", ".") if comma else value, format=format) * unit for value in column.values]


# --- codebooks -----------------------------------------------------------------------------------


class _Match(NamedTuple):
    """A packaged codebook, and the code that each word would be."""

    book: Codebook | None
    codes: dict[str, str]


def _best_book(counts: Counter[str]) -> _Match:
    """Return the packaged codebook that has most of the words by weight, if it has more than half."""
    best, most = _Match(None, {}), sum(counts.values()) / 2
    for name in codebook_names():
        book = load_codebook(name)
        known = {guess.plain(code.code): code.code for code in book.codes}
        codes = {word: known[guess.plain(word)] for word in counts if guess.plain(word) in known}
        covered = sum(counts[word] for word in codes)
        if covered > most:
            best, most = _Match(book, codes), covered
    return best


def _code_headers(columns: Sequence[Column], *, comma: bool) -> tuple[Codebook | None, list[CodeHeader]]:
    """Return the packaged codebook of whose codes most headers are made, and those headers, if there are two."""
    books = [load_codebook(name) for name in codebook_names()]
    book = max(books, key=lambda book: len(guess.code_headers(columns, book, comma=comma)))
    found = guess.code_headers(columns, book, comma=comma)
    return (book, found) if len(found) > 1 else (None, [])


def _slugs(words: Iterable[str]) -> dict[str, str]:
    """Give each word a short code of its own."""
    codes: dict[str, str] = {}
    for word in words:
        code, number = guess.slug(word), 2
        while code in codes.values():
            code, number = f"{guess.slug(word)[:50]}-{number}", number + 1
        codes.setdefault(word, code)
    return codes


def _skeleton(sketch: _Sketch) -> str:
    """Write a codebook that has the codes and leaves open what they do."""
    head = {"format": 1, "name": f"{sketch.stem}-codes", "title": f"Codes of {sketch.sheet.name}", "citation": "",
            "unit": "event"}
    parts = [f"{toml_table('', head)}\n{_CHOOSE} which coding manual is this? State it as title and citation."]
    for word, code in sketch.codes.items():
        times = f"  # {sketch.counts[word]:,} rows" if word in sketch.counts else ""
        parts.append(f"{toml_table('[[codes]]', {'code': code, 'label': word})}{times}\n"
                     f"# functions = [\"?\"]  {_CHOOSE} what does it do? `rupturekit codebook 3rs-2022` shows words "
                     "in use")
    return "\n\n".join(parts) + "\n"


def _tried(path: Path, text: str, codebook_text: str, codebook_file: str, *, limits: Limits) -> str:
    """Read the table as proposed and return what comes of it, in a sentence or several."""
    if path.stat().st_size > _LARGEST_TRIAL:
        return ""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        if codebook_file:
            Path(folder, codebook_file).write_text(codebook_text, encoding="utf-8")
        try:
            return str(read_table(path, parse_mapping(text, where="the proposal", folder=folder), limits=limits).losses)
        except RuptureKitError as error:
            # The folder is gone when somebody reads of it; the file is told by its name.
            return str(error).replace(str(Path(folder, codebook_file)), codebook_file)
