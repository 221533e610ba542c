"""Foreign tables in: one file, read through a mapping, becomes a study and an account of every row.

Rows are numbered as a spreadsheet numbers them under the header. A move keeps the number of its row as
`source_row`, and its `row_id` follows from the row and the cell alone: a row that is dropped or mended changes no
other move's identity.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import numpy as np

from rupturekit._schema import ABSENT, columns
from rupturekit._table import Array, Table, encode
from rupturekit.cohort import Cohort
from rupturekit.episode import Dyad, Move, ObservedStretch, Session, Track
from rupturekit.errors import CodingWarning, RecordError, did_you_mean, listed
from rupturekit.privacy import privacy_warnings
from rupturekit.problems import Problem, ProblemLog, excerpt
from rupturekit.records import cells as reading
from rupturekit.records.cells import Found, Source
from rupturekit.records.delimited import Sheet, open_sheet
from rupturekit.records.grammar import clock_text, decimal_point, parse_scaled
from rupturekit.records.layouts import MISSING, CodeCell, Said, Span, bind_code_cells, common, merged
from rupturekit.records.losses import LossReport, Tallies
from rupturekit.records.mapping import BackwardTimes, BadRows, Mapping, as_mapping
from rupturekit.records.study import Study
from rupturekit.vocabulary import Status, TimeKind

__all__ = ["read_table"]

_TRACK: Final = "coder"
_WHOSE: Final = ("dyad", "session", "party", "track", "rater")
"""The fields that say whose a row is: mapped to nothing, they leave the row out, and nothing else is asked of it."""

_TOLD_BY_VALUE: Final = frozenset({"unknown code", "unknown party"})
_OF_SESSION: Final = ("day", "attended", "duration")
_OF_DYAD: Final = ("therapist", "arm")


def read_table(path: str | Path, mapping: Mapping | str | Path) -> Study:
    """Read a foreign table through a mapping; `losses` of the study accounts for every row.

    Raises
    ------
    FileProblem
        Where the file or the mapping cannot be read.
    DefinitionError
        With every mistake in the mapping.
    InvalidRecords
        With every bad cell at once, where the mapping says `bad_rows = "refuse"`; and always where columns that the
        mapping names are missing, or a time goes back and the mapping does not say what that means.

    >>> from tempfile import TemporaryDirectory
    >>> from rupturekit.records.mapping import parse_mapping
    >>> mapping = parse_mapping('''
    ... format = 1
    ... name = "demo"
    ... coding = { codebook = "stages", time = "clock" }
    ... file = { bad_rows = "refuse" }
    ... fields.dyad.column = "case"
    ... fields.session.constant = 1
    ... fields.party.column = "who"
    ... fields.code = { column = "what", values = { "-" = "" } }
    ... fields.onset = { column = "at", format = "mm:ss" }
    ... ''')
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "sheet.csv")
    ...     _ = path.write_text("case,who,what,at\\nD1,Patient,wd,00:12\\nD1,therapist,-,00:20\\n")
    ...     study = read_table(path, mapping)
    >>> study.cohort.moves[0].party
    'client'
    >>> print(study.losses)
    2 rows = 1 move + 1 row left out
      left out: code (what) '-' is mapped to nothing: 1 (row 2)
    """
    mapping = as_mapping(mapping)
    faults = _Faults()
    sheet = open_sheet(path, delimiter=mapping.delimiter, encoding=mapping.encoding, problems=faults)
    reader = _Reader.of(mapping, sheet, faults)
    drafts = [draft for row, cells in sheet.rows() if (draft := reader.draft(row, cells)) is not None]
    facts = _Facts(sheet.name, faults)
    drafts = facts.take(drafts)
    backward = faults if mapping.bad_rows is BadRows.REFUSE else ProblemLog()
    drafts = _in_order(mapping, drafts, sheet.name, reader.adjusted, backward)
    backward.raise_if_any(sheet.name)
    study = _study(reader, facts, drafts)
    for text in _private(study.cohort):
        warnings.warn(f"{sheet.name}: {text}", CodingWarning, stacklevel=2)
    return study


class _Faults(ProblemLog):
    """Problems of rows, and which rows they cost, by reason."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: set[int] = set()
        self.reasons = Tallies()

    def add(self, problem: Problem) -> None:
        """Count a problem of a row; odd names of columns are judged with the mapping, which may not need them."""
        if problem.row is None:
            return
        super().add(problem)
        if problem.row not in self.rows:
            self.rows.add(problem.row)
            self.reasons.add(_reason(problem), row=problem.row)


def _reason(problem: Problem) -> str:
    value = f" '{problem.value}'" if problem.kind in _TOLD_BY_VALUE else ""
    return f"{problem.field}: {problem.kind}{value}" if problem.field else problem.kind


# --- the header ----------------------------------------------------------------------------------


def _check_header(mapping: Mapping, sheet: Sheet) -> None:
    """Refuse a file that lacks columns the mapping names, or has two of one name, all of them at once."""
    problems = ProblemLog()
    header = Counter(sheet.header)
    for place, names in _named_columns(mapping):
        missing = [name for name in names if name not in header]
        twice = [name for name in names if header[name] > 1]
        for kind, found, remedy in (("no such column", missing, _nearest_column(missing, sheet)),
                                    ("duplicate name", twice, "; rename all but one in the file")):
            if found:
                what = f"{listed(map(repr, found), most=5)}: {kind} in this file{remedy}"
                problems.add(Problem(kind=kind, field=place, value=found[0], file=sheet.name, message=what))
    problems.raise_if_any(sheet.name)


def _nearest_column(missing: list[str], sheet: Sheet) -> str:
    near = did_you_mean(missing[0], sheet.header) if missing else ""
    return near or f"; it has {listed(map(excerpt, sheet.header))}"


def _named_columns(mapping: Mapping) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from ((f"fields.{field.name}", field.columns) for field in mapping.fields)
    yield "file.order_by", () if mapping.order_by is None else (mapping.order_by,)
    yield from ((f"wide[{at}]", block.columns()) for at, block in enumerate(mapping.wide, 1))
    yield from ((f"code_columns[{at}]", (column.column,)) for at, column in enumerate(mapping.code_columns, 1))


def _unused(mapping: Mapping, sheet: Sheet) -> tuple[str, ...]:
    used = {name for _, names in _named_columns(mapping) for name in names}
    return tuple(excerpt(name) or f"column {number}" for number, name in enumerate(sheet.header, 1)
                 if name not in used)


# --- rows ----------------------------------------------------------------------------------------


class _Mark(NamedTuple):
    """One code that a row holds; its onset is None where the row tells it."""

    cell: int
    code: str
    party: str | None
    track: str
    onset: int | None
    rating: int | None


@attrs.define(kw_only=True)
class _Draft:
    """One row that could be read."""

    row: int
    dyad: str
    session: int
    track: str
    order: int
    onset: int | None
    offset: int | None
    facts: dict[str, Any]
    why: str
    """Why it has no marks, if it has none."""
    marks: list[_Mark] = attrs.field(factory=list)
    seen: list[tuple[str, Span]] = attrs.field(factory=list)
    empty: Counter[str] = attrs.field(factory=Counter)
    odd: list[str] = attrs.field(factory=list)

    @property
    def last(self) -> int:
        """The latest time at which the row has something."""
        return max([self.onset or 0, self.offset or 0, *(mark.onset or 0 for mark in self.marks)])


@attrs.frozen
class _Row:
    """The problems of one row, while it is read."""

    row: int
    file: str
    problems: list[Problem] = attrs.field(factory=list)

    def error(self, field: str, error: RecordError) -> None:
        """Note a cell that could not be read."""
        self.problems.append(Problem(kind=reading.kind_of(error), field=field, value=str(error.value or ""),
                                     row=self.row, file=self.file, message=str(error)))

    def fault(self, field: str, kind: str, message: str) -> None:
        """Note what is wrong with a row whose cells could be read."""
        self.problems.append(Problem(kind=kind, field=field, value="", row=self.row, file=self.file, message=message))


@attrs.define(kw_only=True)
class _Reader:
    """Turns the cells of a row into a draft, or counts why there is none."""

    mapping: Mapping
    sheet: Sheet
    faults: _Faults
    sources: dict[str, Source]
    readers: dict[str, reading.Reader]
    order_at: int | None
    number: Callable[[str], str]
    code_cells: list[CodeCell]
    lost: Tallies = attrs.field(factory=Tallies)
    adjusted: Tallies = attrs.field(factory=Tallies)

    @classmethod
    def of(cls, mapping: Mapping, sheet: Sheet, faults: _Faults) -> _Reader:
        """Bind a mapping to a file."""
        _check_header(mapping, sheet)
        comma = bool(sheet.decimal_comma) if mapping.decimal_comma is None else mapping.decimal_comma
        number: Callable[[str], str] = decimal_point if comma else str
        return cls(
            mapping=mapping, sheet=sheet, faults=faults, number=number,
            sources={field.name: Source.of(field, header=sheet.header, missing=mapping.missing)
                     for field in mapping.fields},
            readers=reading.readers(mapping.coding, mapping.fields, number=number),
            order_at=None if mapping.order_by is None else sheet.header.index(mapping.order_by),
            code_cells=bind_code_cells(mapping, sheet.header, number=number),
        )

    def draft(self, row: int, cells: list[str]) -> _Draft | None:
        """Return what a row says, or None where it is bad or left out; either is counted."""
        log = _Row(row, self.sheet.name)
        found = self._found(cells, log)
        left_out = next((name for name in _WHOSE if name in found and not found[name].text), None)
        if left_out is not None:
            self.lost.add(self._nothing(left_out, found[left_out]), row=row)
            return None
        facts = self._facts(found, log)
        order = self._order(cells, log)
        said = self._said(cells, log)
        self._check(facts, log, needs_onset=bool(said) or "code" in found)
        if log.problems:
            for problem in log.problems:
                self.faults.add(problem)
            return None
        return self._drafted(row, found, facts, order=order, said=said)

    def _nothing(self, name: str, found: Found) -> str:
        return f"{self.sources[name].label} '{excerpt(found.raw)}' is mapped to nothing"

    def _found(self, cells: list[str], log: _Row) -> dict[str, Found]:
        found = {}
        for name, source in self.sources.items():
            try:
                each = source.find(cells)
            except RecordError as error:
                log.error(source.label, error)
                continue
            if each is not None:
                found[name] = each
        return found

    def _facts(self, found: dict[str, Found], log: _Row) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for name, each in found.items():
            if each.text:
                try:
                    facts[name] = self.readers[name](each.text)
                except RecordError as error:
                    log.error(self.sources[name].label, error)
        return facts

    def _order(self, cells: list[str], log: _Row) -> int:
        if self.order_at is None:
            return 0
        try:
            return parse_scaled(self.number(cells[self.order_at].strip()), places=6)
        except RecordError as error:
            log.error(f"order_by ({excerpt(self.sheet.header[self.order_at])})", error)
            return 0

    def _said(self, cells: list[str], log: _Row) -> list[tuple[CodeCell, Said | None]]:
        said = []
        for cell in self.code_cells:
            try:
                said.append((cell, cell.means(cells[cell.at].strip())))
            except RecordError as error:
                log.error(cell.label, error)
        return said

    def _check(self, facts: dict[str, Any], log: _Row, *, needs_onset: bool) -> None:
        """Check what a row needs, and that it does not end before it starts."""
        bad = {problem.field for problem in log.problems}
        for name, source in self.sources.items():
            needed = name in ("dyad", "session", self._track_field) or (name == "onset" and needs_onset)
            if needed and name not in facts and source.label not in bad:
                log.fault(source.label, f"no {name}", f"no {name} is recorded; fill it in, or drop such rows "
                          '(bad_rows = "drop_and_report")')
        if facts.get("offset", ABSENT) < facts.get("onset", ABSENT) and "offset" in facts:
            log.fault(self.sources["offset"].label, "ends before it starts", "the row ends before it starts; check "
                      "the columns and formats of onset and offset")

    @property
    def _track_field(self) -> str:
        return "track" if self.mapping.has("track") else "rater"

    def _drafted(self, row: int, found: dict[str, Found], facts: dict[str, Any], *, order: int,
                 said: list[tuple[CodeCell, Said | None]]) -> _Draft:
        draft = _Draft(
            row=row, dyad=facts["dyad"], session=facts["session"], track=facts.get(self._track_field, _TRACK),
            order=order, onset=facts.get("onset"), offset=facts.get("offset"), facts=facts,
            why="no code" if "code" not in found else self._nothing("code", found["code"]))
        if self.code_cells:
            self._take_cells(draft, said)
        elif "code" in found:
            self._take_code(draft)
        return draft

    def _take_code(self, draft: _Draft) -> None:
        facts = draft.facts
        draft.seen += [(draft.track, span) for span in self._own_span(draft)]
        if "code" in facts:
            draft.marks.append(_Mark(0, facts["code"], facts.get("party"), draft.track, None, facts.get("rating")))

    def _take_cells(self, draft: _Draft, said: list[tuple[CodeCell, Said | None]]) -> None:
        seen: dict[str, dict[int, list[Span]]] = {}
        own = self._own_span(draft)
        for cell, each in said:
            track = cell.track or draft.track
            spans = seen.setdefault(track, {}).setdefault(cell.block, [])
            if each is None:
                draft.empty[MISSING] += 1
                continue
            spans += own if cell.span is None else [cell.span]
            if each.code:
                party = cell.party or draft.facts.get("party")
                onset = None if cell.span is None else cell.span[0]
                draft.marks.append(_Mark(cell.number, each.code, party, track, onset, each.rating))
            else:
                draft.empty[each.why] += 1
        draft.why = "every cell is missing" if draft.empty[MISSING] == len(said) else "no code in any of its cells"
        self._see(draft, seen)

    def _see(self, draft: _Draft, seen: dict[str, dict[int, list[Span]]]) -> None:
        """Note as observed what all columns of a track saw: a stretch without a code there means that none was seen."""
        for track, blocks in seen.items():
            every = common(blocks.values())
            draft.seen += [(track, span) for span in every]
            if any(merged(spans) != every for spans in blocks.values()):
                draft.odd.append("stretches seen in some columns and missing in others count as not observed")

    def _own_span(self, draft: _Draft) -> list[Span]:
        """Return the stretch that a row says was coded, where rows say so."""
        if not self.mapping.rows_observe or draft.onset is None:
            return []
        coding = self.mapping.coding
        if draft.offset is not None:
            return [(draft.onset, draft.offset)]
        return [(draft.onset, draft.onset + coding.segment)] if coding.segment is not None else []


# --- facts of sessions and dyads -----------------------------------------------------------------


@attrs.define
class _Facts:
    """What rows say of their session and dyad; rows that contradict each other, or leave the session, are bad."""

    file: str
    faults: _Faults
    sessions: dict[tuple[str, int], dict[str, Any]] = attrs.field(factory=dict)
    dyads: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def take(self, drafts: list[_Draft]) -> list[_Draft]:
        """Collect the facts and return the drafts that agree with them."""
        for draft in drafts:
            self._note(draft, _OF_SESSION, self.sessions.setdefault((draft.dyad, draft.session), {}))
            self._note(draft, _OF_DYAD, self.dyads.setdefault(draft.dyad, {}))
        for draft in drafts:
            self._check_inside(draft)
        return [draft for draft in drafts if draft.row not in self.faults.rows]

    def _note(self, draft: _Draft, names: Iterable[str], known: dict[str, Any]) -> None:
        for name in names:
            value = draft.facts.get(name)
            if value is not None and known.setdefault(name, value) != value:
                self._fault(draft, name, "contradiction", "another row of the same session or dyad says otherwise; "
                            "keep the true one")

    def _check_inside(self, draft: _Draft) -> None:
        length = self.sessions[draft.dyad, draft.session].get("duration")
        if length is not None and draft.last > length:
            self._fault(draft, "onset", "outside the session", f"the row lies after the end of the session "
                        f"({clock_text(length)}); check the time format or the session's duration")

    def _fault(self, draft: _Draft, field: str, kind: str, message: str) -> None:
        self.faults.add(Problem(kind=kind, field=field, value="", row=draft.row, file=self.file, message=message))


# --- order ---------------------------------------------------------------------------------------


def _in_order(mapping: Mapping, drafts: list[_Draft], file: str, adjusted: Tallies, problems: ProblemLog
              ) -> list[_Draft]:
    """Return the drafts session by session, in their order, with times that go back judged as the mapping says."""
    groups: dict[tuple[str, str, int], list[_Draft]] = {}
    for draft in drafts:
        groups.setdefault((draft.dyad, draft.track, draft.session), []).append(draft)
    found: list[_Draft] = []
    for group in groups.values():
        group.sort(key=lambda draft: (draft.order, draft.row))
        if mapping.coding.time is TimeKind.ORDER and not mapping.has("onset") and not mapping.wide:
            _number(group, ordered=mapping.order_by is not None)
        else:
            _judge_backward(mapping, group, file, adjusted, problems)
        found += group
    return found


def _number(group: list[_Draft], *, ordered: bool) -> None:
    """Number the rows of a session from 1; rows at one place of a stated order get one number."""
    place, before = 0, None
    for draft in group:
        if not ordered or draft.order != before:
            place, before = place + 1, draft.order
        draft.onset = place


def _judge_backward(mapping: Mapping, group: list[_Draft], file: str, adjusted: Tallies, problems: ProblemLog) -> None:
    latest: _Draft | None = None
    for draft in group:
        if draft.onset is None:
            continue
        if latest is not None and draft.onset < (latest.onset or 0):
            _go_back(mapping, draft, latest, file, adjusted, problems)
        else:
            latest = draft


def _go_back(mapping: Mapping, draft: _Draft, latest: _Draft, file: str, adjusted: Tallies, problems: ProblemLog
             ) -> None:
    match mapping.backward_times:
        case BackwardTimes.SORT:
            adjusted.add("a time goes back: sorted by the clock", row=draft.row)
        case BackwardTimes.HOLD:
            adjusted.add("a time goes back: raised to the latest before it", row=draft.row)
            draft.onset = latest.onset
            if draft.offset is not None and latest.onset is not None:
                draft.offset = max(draft.offset, latest.onset)
        case stated:
            remedy = "" if stated else ('; say under [file] what that means: backward_times = "sort" (the clock '
                                        'decides), "hold" (the order decides) or "refuse"')
            what = f"the time goes back, behind that of row {latest.row}{remedy}"
            problems.add(Problem(kind="time goes back", field="onset", value="", row=draft.row, file=file,
                                 message=what))


# --- the study -----------------------------------------------------------------------------------


def _study(reader: _Reader, facts: _Facts, drafts: list[_Draft]) -> Study:
    mapping, sheet = reader.mapping, reader.sheet
    moves = _moves(reader, drafts)
    cohort = Cohort.of(
        moves, coding=mapping.coding, tracks=_tracks(mapping, moves),
        sessions=[Session(dyad=dyad, session=number, **said) for (dyad, number), said in facts.sessions.items()],
        dyads=[Dyad(dyad=dyad, **said) for dyad, said in facts.dyads.items() if said],
        observed=list(_observed(reader, facts, drafts)),
    )
    return Study(name=mapping.name, cohort=cohort, losses=_losses(reader, cohort, drafts), origin=sheet.name)


def _moves(reader: _Reader, drafts: list[_Draft]) -> Table[Move]:
    """Lay the marks of all rows out as columns; ties keep the order of the rows."""
    width = max(len(reader.code_cells), 1)
    ranks: dict[tuple[str, str, int, int], int] = {}
    rows: list[dict[str, Any]] = []
    for draft in drafts:
        for mark in draft.marks:
            onset = draft.onset if mark.onset is None else mark.onset
            place = (draft.dyad, mark.track, draft.session, onset or 0)
            rank = ranks[place] = ranks.get(place, -1) + 1
            rows.append({
                "row_id": (draft.row - 1) * width + mark.cell + 1, "dyad": draft.dyad, "session": draft.session,
                "track": mark.track, "party": mark.party, "code": mark.code, "onset": onset or 0,
                "offset": draft.offset, "tie": draft.facts.get("tie", rank), "rating": mark.rating,
                "status": draft.facts.get("status", Status.CODED), "source_row": draft.row,
                **{name: draft.facts.get(name) for name in ("rater", "perspective", "media", "note")},
            })
    return _packed(rows)


def _packed(rows: list[dict[str, Any]]) -> Table[Move]:
    arrays: dict[str, Array] = {}
    levels: dict[str, tuple[str, ...]] = {}
    for name, column in columns(Move).items():
        values = [row[name] for row in rows]
        if column.is_word:
            arrays[name], levels[name] = encode(values)
        else:
            arrays[name] = np.array([ABSENT if value is None else value for value in values], dtype=column.dtype)
    return Table.from_columns(Move, arrays=arrays, levels=levels)


def _tracks(mapping: Mapping, moves: Table[Move]) -> list[Track]:
    """Return the tracks that the mapping describes, and the label rules of the columns that made their moves."""
    stated = {track.name: track for track in mapping.tracks}
    for name in moves.levels["track"]:
        rules = [column.rule() for column in mapping.code_columns if column.rating and column.track in (None, name)]
        if rules:
            track = stated.get(name, Track(name=name))
            stated[name] = attrs.evolve(track, rule="; ".join(filter(None, [track.rule, *rules])))
    return list(stated.values())


def _observed(reader: _Reader, facts: _Facts, drafts: list[_Draft]) -> Iterator[ObservedStretch]:
    coding = reader.mapping.coding
    seen: dict[tuple[str, int, str], list[Span]] = {}
    for draft in drafts:
        for track, span in draft.seen:
            seen.setdefault((draft.dyad, draft.session, track), []).append(span)
    for (dyad, session, track), spans in seen.items():
        length = facts.sessions[dyad, session].get("duration")
        # Without a clock a stretch runs to its last turn; with one it ends where that interval, or the session, ends.
        late = 1 if reader.mapping.wide and not coding.time.has_clock else 0
        for start, end in merged(spans):
            yield ObservedStretch(dyad=dyad, session=session, track=track, start=start, codebook=coding.codebook.name,
                                  end=end - late if length is None else min(end - late, length))


def _losses(reader: _Reader, cohort: Cohort, drafts: list[_Draft]) -> LossReport:
    mapping, sheet = reader.mapping, reader.sheet
    empty = Tallies()
    for draft in sorted(drafts, key=lambda draft: draft.row):
        if not draft.marks:
            reader.lost.add(draft.why, row=draft.row)
        for why, times in draft.empty.items():
            empty.add(why, row=draft.row, count=times)
        if "note" in draft.facts and draft.facts["note"] != draft.facts[_RAW_NOTE]:
            pass
    lost = sorted([*reader.faults.reasons.found(), *reader.lost.found()], key=lambda tally: -tally.times)
    return LossReport(
        file=sheet.name, rows=sheet.rows_seen, blank=sheet.rows_blank, used=sum(bool(draft.marks) for draft in drafts),
        moves=len(cohort.moves), lost=tuple(lost), cells=len(drafts) * len(reader.code_cells),
        empty=reader.empty.found(), adjusted=reader.adjusted.found(), unused_columns=_unused(mapping, sheet),
        rules=tuple(column.rule() for column in mapping.code_columns if column.rating),
        warnings=tuple(_oddities(reader, cohort)),
    )


def _oddities(reader: _Reader, cohort: Cohort) -> Iterator[str]:
    """Yield what is legal and odd."""
    if reader.mapping.decimal_comma is None and reader.sheet.decimal_comma:
        yield "decimal commas were found and read as such; say decimal_comma = true to keep it so"
    if not len(cohort.moves):
        yield "no row became a move"
    yield from map(str, reader.odd.found())
    yield from _foreign_parties(cohort)
    yield from _off_scale(cohort)


def _foreign_parties(cohort: Cohort) -> Iterator[str]:
    moves, odd = cohort.moves, Tallies()
    pairs = zip(moves.words("code"), moves.words("party"), moves.source_row.tolist(), strict=True)
    book = cohort.coding.codebook
    allowed = {code: book[code].parties for code in moves.levels["code"]}
    for code, party, row in pairs:
        if code and party and allowed[code] and party not in allowed[code]:
            odd.add(f"{code!r} given to the {party}, whom the codebook does not name for it", row=row)
    yield from map(str, odd.found())


def _off_scale(cohort: Cohort) -> Iterator[str]:
    scales = [scale for scale in cohort.coding.codebook.scales if scale.applies == "move"]
    if len(scales) != 1:
        return
    scale, moves = scales[0], cohort.moves
    rating = moves.rating[moves.rating != ABSENT] / 1000
    outside = int(((rating < scale.min) | (rating > scale.max)).sum())
    if outside:
        yield f"{outside:,} ratings lie outside the codebook's scale {scale.name} ({scale.min:g} to {scale.max:g})"


def _private(cohort: Cohort) -> list[str]:
    moves, dyads = cohort.moves, cohort.dyads
    return privacy_warnings({**{name: moves.levels[name] for name in ("dyad", "track", "rater", "note")},
                             **{name: dyads.levels[name] for name in _OF_DYAD}})
