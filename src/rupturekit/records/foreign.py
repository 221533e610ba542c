"""Foreign tables in: one file, read through a mapping, becomes a study and an account of every row.

Rows are numbered as a spreadsheet numbers them under the header. A move keeps the number of its row as
`source_row`, and its `row_id` follows from the row and the cell alone: a row that is dropped or mended changes no
other move's identity.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
import numpy as np

from rupturekit._frames import ArrowFrame, is_frame
from rupturekit._schema import ABSENT, columns
from rupturekit._table import Array, Table, encode
from rupturekit.cohort import Cohort, oddities
from rupturekit.episode import Dyad, Move, ObservedStretch, Session, Track
from rupturekit.errors import CodingWarning
from rupturekit.privacy import privacy_warnings
from rupturekit.problems import Problem, ProblemLog
from rupturekit.records.bounded import LIMITS, Limits
from rupturekit.records.framed import open_framed
from rupturekit.records.grammar import clock_text
from rupturekit.records.held import AnySheet, notes_of
from rupturekit.records.layouts import BESIDE, MISSING, Span, merged, uncovered
from rupturekit.records.losses import LossReport, Tallies, Tally
from rupturekit.records.mapping import BackwardTimes, BadRows, Mapping, as_mapping
from rupturekit.records.opening import Wanted, open_table
from rupturekit.records.plugged import open_plugged
from rupturekit.records.rows import Draft, Mark, RowFaults, RowReader, Segment, unused_columns
from rupturekit.records.study import Study
from rupturekit.vocabulary import Status, TimeKind

__all__ = ["read_table"]

_OF_SESSION: Final = ("day", "attended", "duration")
_OF_DYAD: Final = ("therapist", "arm")


def read_table(path: str | Path | ArrowFrame, mapping: Mapping | str | Path, *, limits: Limits = LIMITS) -> Study:
    """Read a foreign table through a mapping; `losses` of the study accounts for every row.

    The table is delimited text, an Excel workbook, an SPSS file, a BORIS project or its table of events, or an ELAN
    document; or a data frame of any library. All but plain text and frames are held within `limits`.

    Raises
    ------
    FileProblem
        Where the file or the mapping cannot be read, or the file goes beyond the limits.
    MissingExtra
        Where the library for an Excel workbook or an SPSS file is not installed.
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
    faults = RowFaults()
    sheet = _opened(path, mapping, faults, limits)
    reader = RowReader.of(mapping, sheet, faults)
    drafts = [draft for row, cells in sheet.rows() if (draft := reader.draft(row, cells)) is not None]
    facts = _Facts(sheet.name, faults)
    drafts = facts.take(drafts)
    backward = faults if mapping.bad_rows is BadRows.REFUSE else ProblemLog()
    drafts = _in_order(mapping, drafts, sheet.name, backward)
    backward.raise_if_any(sheet.name)
    seen = _Observation.of(mapping, facts, drafts)
    seen.account(drafts)
    _mark_the_unmarked(reader, seen, drafts)
    study = _study(reader, facts, drafts, seen)
    for text in _private(study.cohort):
        warnings.warn(f"{sheet.name}: {text}", CodingWarning, stacklevel=2)
    return study


def _opened(path: Any, mapping: Mapping, faults: RowFaults, limits: Limits) -> AnySheet:
    if is_frame(path):
        return open_framed(path, problems=faults)
    if mapping.reader is not None:
        return open_plugged(path, mapping, problems=faults, limits=limits)
    wanted = Wanted(delimiter=mapping.delimiter, encoding=mapping.encoding, sheet=mapping.sheet, labels=mapping.labels)
    return open_table(path, wanted=wanted, problems=faults, limits=limits)


# --- facts of sessions and dyads -----------------------------------------------------------------


@attrs.define
class _Facts:
    """What rows say of their session and dyad; rows that contradict each other, or leave the session, are bad."""

    file: str
    faults: RowFaults
    sessions: dict[tuple[str, int], dict[str, Any]] = attrs.field(factory=dict)
    dyads: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def take(self, drafts: list[Draft]) -> list[Draft]:
        """Collect the facts and return the drafts that agree with them."""
        for draft in drafts:
            self._note(draft, _OF_SESSION, self.sessions.setdefault((draft.dyad, draft.session), {}))
            self._note(draft, _OF_DYAD, self.dyads.setdefault(draft.dyad, {}))
        for draft in drafts:
            self._check_inside(draft)
        return [draft for draft in drafts if draft.row not in self.faults.rows]

    def _note(self, draft: Draft, names: Iterable[str], known: dict[str, Any]) -> None:
        for name in names:
            value = draft.facts.get(name)
            if value is not None and known.setdefault(name, value) != value:
                self._fault(draft, name, "contradiction", "another row of the same session or dyad says otherwise; "
                            "keep the true one")

    def _check_inside(self, draft: Draft) -> None:
        length = self.sessions[draft.dyad, draft.session].get("duration")
        if length is not None and draft.last > length:
            self._fault(draft, "onset", "outside the session", f"the row lies after the end of the session "
                        f"({clock_text(length)}); check the time format or the session's duration")

    def _fault(self, draft: Draft, field: str, kind: str, message: str) -> None:
        self.faults.add(Problem(kind=kind, field=field, value="", row=draft.row, file=self.file, message=message))


# --- order ---------------------------------------------------------------------------------------


def _in_order(mapping: Mapping, drafts: list[Draft], file: str, problems: ProblemLog) -> list[Draft]:
    """Return the drafts session by session, in their order, with times that go back judged as the mapping says."""
    groups: dict[tuple[str, str, int], list[Draft]] = {}
    for draft in drafts:
        groups.setdefault((draft.dyad, draft.track, draft.session), []).append(draft)
    found: list[Draft] = []
    for group in groups.values():
        group.sort(key=lambda draft: (draft.order, draft.row))
        if mapping.coding.time is TimeKind.ORDER and not mapping.has("onset") and not mapping.wide:
            _number(group, ordered=mapping.order_by is not None)
        else:
            _judge_backward(mapping, group, file, problems)
        found += group
    return found


def _number(group: list[Draft], *, ordered: bool) -> None:
    """Number the rows of a session from 1; rows at one place of a stated order get one number."""
    place, before = 0, None
    for draft in group:
        if not ordered or draft.order != before:
            place, before = place + 1, draft.order
        draft.onset = place


def _judge_backward(mapping: Mapping, group: list[Draft], file: str, problems: ProblemLog) -> None:
    latest: Draft | None = None
    for draft in group:
        if draft.onset is None:
            continue
        if latest is not None and draft.onset < (latest.onset or 0):
            _go_back(mapping, draft, latest, file, problems)
        else:
            latest = draft


def _go_back(mapping: Mapping, draft: Draft, latest: Draft, file: str, problems: ProblemLog) -> None:
    match mapping.backward_times:
        case BackwardTimes.SORT:
            draft.adjusted.append("a time goes back: sorted by the clock")
        case BackwardTimes.HOLD:
            draft.adjusted.append("a time goes back: raised to the latest before it")
            draft.onset = latest.onset
            if draft.offset is not None and latest.onset is not None:
                draft.offset = max(draft.offset, latest.onset)
        case stated:
            remedy = "" if stated else ('; say under [file] what that means: backward_times = "sort" (the clock '
                                        'decides), "hold" (the order decides) or "refuse"')
            what = f"the time goes back, behind that of row {latest.row}{remedy}"
            problems.add(Problem(kind="time goes back", field="onset", value="", row=draft.row, file=file,
                                 message=what))


# --- what was observed ---------------------------------------------------------------------------

_Whose: TypeAlias = tuple[str, int, str]
"""A dyad, a session and a track."""

_SOME: Final = "stretches seen in some columns and missing in others count as not observed"


@attrs.frozen
class _Observation:
    """The stretches that were observed: those that no cell of their track misses, up to the end of the session."""

    ends: dict[tuple[str, int], int]
    stretches: dict[_Whose, list[Span]]

    @classmethod
    def of(cls, mapping: Mapping, facts: _Facts, drafts: list[Draft]) -> _Observation:
        """Put together what the rows saw; where one row misses what another one sees, it was not observed."""
        # Without a clock, a stretch ends at the number after its last one.
        late = 0 if mapping.coding.time.has_clock else 1
        ends = {whose: said["duration"] + late for whose, said in facts.sessions.items() if "duration" in said}
        seen: dict[_Whose, list[Span]] = {}
        missed: dict[_Whose, list[Span]] = {}
        for draft in drafts:
            for track, span in draft.seen:
                seen.setdefault((draft.dyad, draft.session, track), []).append(span)
            for segment in draft.segments:
                if segment.missing:
                    missed.setdefault(_whose(draft, segment), []).extend(segment.spans)
        found = cls(ends, {})
        for whose, spans in seen.items():
            found.stretches[whose] = uncovered(found.inside(whose, spans), merged(missed.get(whose, ())))
        return found

    def inside(self, whose: _Whose, spans: Iterable[Span]) -> list[Span]:
        """Return what of some stretches lies before the end of the session, where that is known."""
        end = self.ends.get(whose[:2])
        return merged(spans if end is None else ((low, min(high, end)) for low, high in spans))

    def outside(self, whose: _Whose, spans: Iterable[Span]) -> list[Span]:
        """Return what of some stretches of the session was not observed."""
        return uncovered(self.inside(whose, spans), self.stretches.get(whose, ()))

    def covers(self, whose: _Whose, span: Span) -> bool:
        """Return whether a stretch was observed, as far as the session goes."""
        return bool(self.inside(whose, [span])) and not self.outside(whose, [span])

    def account(self, drafts: list[Draft]) -> None:
        """Note with each row why its cells hold no code, and what of its stretches does not count as observed."""
        for draft in drafts:
            told: dict[_Whose, list[Span]] = {}
            for segment in draft.segments:
                whose = _whose(draft, segment)
                told.setdefault(whose, []).extend(segment.spans if segment.told else ())
                beside = BESIDE if self.outside(whose, segment.spans) else ""
                draft.empty[MISSING] += segment.missing
                draft.empty.update({why + beside: times for why, times in segment.blank.items()})
            draft.odd[_SOME] += sum(len(self.outside(whose, spans)) for whose, spans in told.items())


def _whose(draft: Draft, segment: Segment) -> _Whose:
    return draft.dyad, draft.session, segment.track


def _mark_the_unmarked(reader: RowReader, seen: _Observation, drafts: list[Draft]) -> None:
    """Give `none_code` to each observed segment in which no cell of the track holds a marker, in its last row."""
    mapping, code = reader.mapping, reader.mapping.none_code
    if code is None:
        return
    last: dict[tuple[_Whose, Span], tuple[Draft, Segment]] = {}
    settled = set()
    for draft in drafts:
        for segment in draft.segments:
            places = [(_whose(draft, segment), span) for span in segment.spans]
            last.update(dict.fromkeys(places, (draft, segment)))
            if any(each == code or mapping.is_marker(each) for each in segment.codes):
                settled.update(places)
    for (whose, span), (draft, segment) in last.items():
        if (whose, span) not in settled and seen.covers(whose, span):
            cell = len(reader.code_cells) + segment.cell
            draft.marks.append(Mark(cell, code, None, segment.track, segment.onset, None))


# --- the study -----------------------------------------------------------------------------------


def _study(reader: RowReader, facts: _Facts, drafts: list[Draft], seen: _Observation) -> Study:
    mapping, sheet = reader.mapping, reader.sheet
    moves = _moves(reader, drafts)
    cohort = Cohort.of(
        moves, coding=mapping.coding, tracks=_tracks(mapping, moves),
        sessions=[Session(dyad=dyad, session=number, **said) for (dyad, number), said in facts.sessions.items()],
        dyads=[Dyad(dyad=dyad, **said) for dyad, said in facts.dyads.items() if said],
        observed=list(_observed(mapping, seen)),
    )
    return Study(name=mapping.name, cohort=cohort, losses=_losses(reader, cohort, drafts), origin=sheet.name)


def _moves(reader: RowReader, drafts: list[Draft]) -> Table[Move]:
    """Lay the marks of all rows out as columns; ties keep the order of the rows."""
    width = max(len(reader.code_cells), 1) * (1 if reader.mapping.none_code is None else 2)
    ranks: dict[tuple[str, str, int, int], int] = {}
    rows: list[dict[str, Any]] = []
    for draft in drafts:
        for mark in draft.marks:
            onset = (draft.onset if mark.onset is None else mark.onset) or 0
            place = (draft.dyad, mark.track, draft.session, onset)
            rank = ranks[place] = ranks.get(place, -1) + 1
            rows.append({
                "row_id": (draft.row - 1) * width + mark.cell + 1, "dyad": draft.dyad, "session": draft.session,
                "track": mark.track, "party": mark.party, "code": mark.code, "onset": onset,
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
        if mapping.none_code is not None:
            rules.append(mapping.none_rule())
        if rules:
            track = stated.get(name, Track(name=name))
            stated[name] = attrs.evolve(track, rule="; ".join(filter(None, [track.rule, *rules])))
    return list(stated.values())


def _observed(mapping: Mapping, seen: _Observation) -> Iterator[ObservedStretch]:
    # Without a clock a stretch ends with its last turn; with one, where the next thing could begin.
    late = 0 if mapping.coding.time.has_clock else 1
    for (dyad, session, track), spans in seen.stretches.items():
        for start, end in spans:
            yield ObservedStretch(dyad=dyad, session=session, track=track, start=start, end=end - late,
                                  codebook=mapping.coding.codebook.name)


def _losses(reader: RowReader, cohort: Cohort, drafts: list[Draft]) -> LossReport:
    mapping, sheet = reader.mapping, reader.sheet
    by_row = sorted(drafts, key=lambda draft: draft.row)
    without = _counted((draft.row, draft.why, 1) for draft in by_row if not draft.marks)
    lost = [*reader.faults.reasons.found(), *reader.lost.found(), *without]
    odd = _counted((draft.row, what, times) for draft in by_row for what, times in draft.odd.items())
    added = f"{mapping.none_code!r} for observed segments without a marker"
    return LossReport(
        file=sheet.name, rows=sheet.rows_seen, blank=sheet.rows_blank, used=sum(bool(draft.marks) for draft in drafts),
        moves=len(cohort.moves), lost=tuple(sorted(lost, key=lambda tally: -tally.times)),
        cells=len(drafts) * len(reader.code_cells),
        added=_counted((draft.row, added, 1) for draft in by_row for mark in draft.marks
                       if reader.code_cells and mark.cell >= len(reader.code_cells)),
        empty=_counted((draft.row, why, times) for draft in by_row for why, times in draft.empty.items()),
        adjusted=_counted((draft.row, what, 1) for draft in by_row for what in draft.adjusted),
        unused_columns=unused_columns(mapping, sheet),
        rules=tuple(column.rule() for column in mapping.code_columns if column.rating),
        warnings=(*map(str, odd), *_oddities(reader, cohort)),
    )


def _counted(found: Iterable[tuple[int, str, int]]) -> tuple[Tally, ...]:
    tallies = Tallies()
    for row, what, times in found:
        if times:
            tallies.add(what, row=row, count=times)
    return tallies.found()


def _oddities(reader: RowReader, cohort: Cohort) -> Iterator[str]:
    """Yield what is legal and odd."""
    yield from notes_of(reader.sheet)
    if reader.mapping.decimal_comma is None and reader.sheet.decimal_comma:
        yield "decimal commas were found and read as such; say decimal_comma = true to keep it so"
    if not len(cohort.moves):
        yield "no row became a move"
    yield from oddities(cohort)


def _private(cohort: Cohort) -> list[str]:
    moves, dyads = cohort.moves, cohort.dyads
    return privacy_warnings({**{name: moves.levels[name] for name in ("dyad", "track", "rater", "note")},
                             **{name: dyads.levels[name] for name in _OF_DYAD}})
