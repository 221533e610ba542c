"""Rows of a foreign table under a mapping: each becomes a draft of its moves, or is counted with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import attrs

from rupturekit._schema import ABSENT
from rupturekit.errors import RecordError, did_you_mean, listed
from rupturekit.problems import Problem, ProblemLog, excerpt
from rupturekit.records import cells as reading
from rupturekit.records.cells import Found, Source
from rupturekit.records.grammar import decimal_point, parse_scaled
from rupturekit.records.held import AnySheet
from rupturekit.records.layouts import CodeCell, Said, Span, bind_code_cells, common
from rupturekit.records.losses import Tallies
from rupturekit.records.mapping import Mapping

__all__ = ["Draft", "Mark", "RowFaults", "RowReader", "Segment", "unused_columns"]

_TRACK: Final = "coder"
_WHOSE: Final = ("dyad", "session", "party", "track", "rater")
"""The fields that say whose a row is: mapped to nothing, they leave the row out, and nothing else is asked of it."""

_TOLD_BY_VALUE: Final = frozenset({"unknown code", "unknown party"})


class RowFaults(ProblemLog):
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


def _check_header(mapping: Mapping, sheet: AnySheet, problems: ProblemLog) -> None:
    """Note the columns that the mapping names and the file lacks, or has twice."""
    header = Counter(sheet.header)
    for place, names in _named_columns(mapping):
        missing = [name for name in names if name not in header]
        twice = [name for name in names if header[name] > 1]
        for kind, found, remedy in (("no such column", missing, _nearest_column(missing, sheet)),
                                    ("duplicate name", twice, "; rename all but one in the file")):
            if found:
                what = f"{listed(map(repr, found), most=5)}: {kind} in this file{remedy}"
                problems.add(Problem(kind=kind, field=place, value=found[0], file=sheet.name, message=what))


def _check_constants(mapping: Mapping, readers: dict[str, reading.Reader], problems: ProblemLog) -> None:
    for field in mapping.fields:
        if field.constant is not None:
            try:
                readers[field.name](field.constant)
            except RecordError as error:
                problems.add(Problem(kind=reading.kind_of(error), field=f"fields.{field.name}.constant",
                                     value=field.constant, message=str(error)))


def _nearest_column(missing: list[str], sheet: AnySheet) -> str:
    near = did_you_mean(missing[0], sheet.header) if missing else ""
    return near or f"; it has {listed(map(excerpt, sheet.header))}"


def _named_columns(mapping: Mapping) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from ((f"fields.{field.name}", field.columns) for field in mapping.fields)
    yield "file.order_by", () if mapping.order_by is None else (mapping.order_by,)
    yield from ((f"wide[{at}]", block.columns()) for at, block in enumerate(mapping.wide, 1))
    yield from ((f"code_columns[{at}]", (column.column,)) for at, column in enumerate(mapping.code_columns, 1))


def unused_columns(mapping: Mapping, sheet: AnySheet) -> tuple[str, ...]:
    """Return the columns of a file that the mapping does not name; one without a name by its number."""
    used = {name for _, names in _named_columns(mapping) for name in names}
    return tuple(excerpt(name) or f"column {number}" for number, name in enumerate(sheet.header, 1)
                 if name not in used)


# --- rows ----------------------------------------------------------------------------------------


class Mark(NamedTuple):
    """One code that a row holds; its onset is None where the row tells it.

    `cell` is the rank of its cell. A mark that no cell holds counts on from the last one: the number of cells, and the
    rank of the first cell that speaks of its segment.
    """

    cell: int
    code: str
    party: str | None
    track: str
    onset: int | None
    rating: int | None


@attrs.define(kw_only=True)
class Segment:
    """What the cells of one row and one track say of one segment.

    `cell` is the rank of the first of them, `spans` the stretch, empty where nothing tells it; `onset` is None where it
    is the row's.
    """

    track: str
    cell: int
    onset: int | None
    spans: tuple[Span, ...]
    cells: int = 0
    missing: int = 0
    codes: list[str] = attrs.field(factory=list)
    blank: Counter[str] = attrs.field(factory=Counter)
    """Why cells that are not missing hold no code."""

    def take(self, said: Said | None) -> None:
        """Take one more cell into account."""
        self.cells += 1
        if said is None:
            self.missing += 1
        elif said.code:
            self.codes.append(said.code)
        else:
            self.blank[said.why] += 1

    @property
    def told(self) -> bool:
        """Whether any cell is not missing."""
        return self.missing < self.cells


@attrs.define(kw_only=True)
class Draft:
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
    marks: list[Mark] = attrs.field(factory=list)
    seen: list[tuple[str, Span]] = attrs.field(factory=list)
    """What all columns of a track saw in this row; another row may still miss it."""
    segments: list[Segment] = attrs.field(factory=list)
    empty: Counter[str] = attrs.field(factory=Counter)
    adjusted: list[str] = attrs.field(factory=list)
    odd: Counter[str] = attrs.field(factory=Counter)

    @property
    def last(self) -> int:
        """The latest time at which the row has something."""
        return max(filter(None, [self.onset, self.offset, *(mark.onset for mark in self.marks)]), default=0)


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
class RowReader:
    """Turns the cells of a row into a draft, or counts why there is none."""

    mapping: Mapping
    sheet: AnySheet
    faults: RowFaults
    sources: dict[str, Source]
    readers: dict[str, reading.Reader]
    order_at: int | None
    number: Callable[[str], str]
    code_cells: list[CodeCell]
    track_field: str
    rows_observe: bool
    lost: Tallies = attrs.field(factory=Tallies)

    @classmethod
    def of(cls, mapping: Mapping, sheet: AnySheet, faults: RowFaults) -> RowReader:
        """Bind a mapping to a file; refuse it where the two do not fit, with everything that does not."""
        comma = bool(sheet.decimal_comma) if mapping.decimal_comma is None else mapping.decimal_comma
        number: Callable[[str], str] = decimal_point if comma else str
        readers = reading.readers(mapping.coding, mapping.fields, number=number)
        problems = ProblemLog()
        _check_header(mapping, sheet, problems)
        _check_constants(mapping, readers, problems)
        problems.raise_if_any(sheet.name)
        return cls(
            mapping=mapping, sheet=sheet, faults=faults, number=number, readers=readers,
            sources={field.name: Source.of(field, header=sheet.header, missing=mapping.missing)
                     for field in mapping.fields},
            order_at=None if mapping.order_by is None else sheet.header.index(mapping.order_by),
            code_cells=bind_code_cells(mapping, sheet.header, number=number), rows_observe=mapping.rows_observe,
            track_field="track" if mapping.has("track") else "rater",
        )

    def draft(self, row: int, cells: list[str]) -> Draft | None:
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
            needed = name in ("dyad", "session", self.track_field) or (name == "onset" and needs_onset)
            if needed and name not in facts and source.label not in bad:
                log.fault(source.label, f"no {name}", f"no {name} is recorded; fill it in, or drop such rows "
                          '(bad_rows = "drop_and_report")')
        if facts.get("offset", ABSENT) < facts.get("onset", ABSENT) and "offset" in facts:
            log.fault(self.sources["offset"].label, "ends before it starts", "the row ends before it starts; check "
                      "the columns and formats of onset and offset")

    def _drafted(self, row: int, found: dict[str, Found], facts: dict[str, Any], *, order: int,
                 said: list[tuple[CodeCell, Said | None]]) -> Draft:
        draft = Draft(
            row=row, dyad=facts["dyad"], session=facts["session"], track=facts.get(self.track_field, _TRACK),
            order=order, onset=facts.get("onset"), offset=facts.get("offset"), facts=facts,
            why="no code" if "code" not in found else self._nothing("code", found["code"]))
        if "note" in facts and facts["note"] != found["note"].text:
            draft.adjusted.append("line breaks in notes became blanks")
        if self.code_cells:
            self._take_cells(draft, said)
        elif "code" in found:
            self._take_code(draft)
        return draft

    def _take_code(self, draft: Draft) -> None:
        facts = draft.facts
        draft.seen += [(draft.track, span) for span in self._own_span(draft)]
        if "code" in facts:
            draft.marks.append(Mark(0, facts["code"], facts.get("party"), draft.track, None, facts.get("rating")))

    def _take_cells(self, draft: Draft, said: list[tuple[CodeCell, Said | None]]) -> None:
        own = tuple(self._own_span(draft))
        segments: dict[tuple[str, tuple[Span, ...]], Segment] = {}
        seen: dict[str, dict[int, list[Span]]] = {}
        for cell, each in said:
            track = cell.track or draft.track
            onset, spans = (None, own) if cell.span is None else (cell.span[0], (cell.span,))
            segment = segments.setdefault((track, spans), Segment(track=track, cell=cell.number, onset=onset,
                                                                  spans=spans))
            segment.take(each)
            seen.setdefault(track, {}).setdefault(cell.block, []).extend(spans if each is not None else ())
            if each is not None and each.code:
                party = cell.party or draft.facts.get("party")
                draft.marks.append(Mark(cell.number, each.code, party, track, onset, each.rating))
        draft.segments += segments.values()
        # A stretch without a code means that none was seen, so every column of the track has to have looked there.
        draft.seen += [(track, span) for track, blocks in seen.items() for span in common(blocks.values())]
        told = any(segment.told for segment in draft.segments)
        draft.why = "no code in any of its cells" if told else "every cell is missing"

    def _own_span(self, draft: Draft) -> list[Span]:
        """Return the stretch that a row says was coded, where rows say so."""
        if not self.rows_observe or draft.onset is None:
            return []
        coding = self.mapping.coding
        if draft.offset is not None:
            return [(draft.onset, draft.offset if coding.time.has_clock else draft.offset + 1)]
        return [(draft.onset, draft.onset + coding.segment)] if coding.segment is not None else []
