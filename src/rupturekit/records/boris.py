"""BORIS in: a project (.boris), or the table of events exported from it, becomes one row a behaviour.

A project is JSON: `observations` by name, each with `events` of time, subject, behaviour, modifiers and comment, and
`behaviors_conf`, which says of each behaviour whether it is a point or a state. Fields that older versions lack are not
asked for. An exported table comes in two forms: an older one with a preamble above a table of one observation, and a
newer one with the observation in each row. All three give the same columns, so that one mapping reads them all:

    observation, subject, behavior, category, modifiers, behavior|modifiers, type, start_s, stop_s,
    comment start, comment stop, and `variable: NAME` for each independent variable

A state is recorded as a START and a STOP of one subject, behaviour and set of modifiers. Both make one row, which has
the number of its START. Either without the other is a bad row. In a project the two are not told apart and alternate.

Dates and descriptions of observations and the names of media files are not read. Comments are columns of their own;
they are left behind unless a mapping asks for them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import attrs

from rupturekit.errors import listed
from rupturekit.problems import Problem, ProblemLog, excerpt
from rupturekit.records.bounded import LIMITS, Limits, opened, refuse, refused, whole_text
from rupturekit.records.delimited import Sheet, open_sheet
from rupturekit.records.held import HeldSheet, Hints, Row, places

__all__ = ["is_tabular", "open_project", "open_tabular"]

_COLUMNS: Final = ("observation", "subject", "behavior", "category", "modifiers", "behavior|modifiers", "type",
                   "start_s", "stop_s", "comment start", "comment stop")
_NOBODY: Final = "No focal subject"
_MOST_NAMED: Final = 5
_HINTS: Final = Hints(
    roles=(("dyad", "observation"), ("party", "subject"), ("code", "behavior"), ("onset", "start_s"),
           ("offset", "stop_s")),
    questions=("is each observation a dyad of its own, seen once? Where several observations are sessions of one dyad, "
               "say which under values, here and in a [fields.session] with column = \"observation\"",),
)

Words: TypeAlias = dict[str, str]


class _Event(NamedTuple):
    """One event; `status` is START, STOP, POINT or an unknown one, or empty where START and STOP alternate."""

    number: int
    time: str
    at: Decimal | None
    """The time as a number, or None where it is none."""
    key: tuple[str, str, str, str]
    """Observation, subject, behaviour, modifiers."""
    category: str
    comment: str
    status: str
    variables: Words


# --- times ---------------------------------------------------------------------------------------

_FINEST: Final = Decimal("0.000001")
_LARGEST: Final = Decimal(10) ** 12


def _time(value: Any) -> tuple[str, Decimal | None, bool]:
    """Return a time as text and as a number, and whether it had to be rounded to a microsecond."""
    text = value.strip() if isinstance(value, str) else str(value)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text, None, False
    if not number.is_finite() or abs(number) > _LARGEST:
        return text, None, False
    rounded = number.quantize(_FINEST, rounding=ROUND_HALF_EVEN)
    return f"{rounded.normalize():f}", rounded, rounded != number


# --- pairs ---------------------------------------------------------------------------------------


@attrs.define
class _Pairing:
    """Events on their way to rows: points as they are, states as pairs."""

    file: str
    rows: list[tuple[int, Sequence[str] | Problem]] = attrs.field(factory=list)
    pairs: int = 0
    events: int = 0
    variables: tuple[str, ...] = ()
    _open: dict[tuple[str, str, str, str], _Event] = attrs.field(factory=dict)

    def take(self, events: Iterable[_Event]) -> None:
        """Take the events of whole observations, in the order of their times."""
        for event in events:
            self.events += 1
            if event.at is None:
                self._fault(event, "no readable time", f"'{excerpt(event.time)}' is no time in seconds")
            elif event.status == "POINT":
                self.rows.append((event.number, self._row(event, None)))
            elif event.status not in ("START", "STOP", ""):
                self._fault(event, "unknown status", f"'{excerpt(event.status)}' is not START, STOP or POINT")
            else:
                self._turn(event)
        for event in self._open.values():
            self._fault(event, "START without STOP", "the behaviour begins and never ends; mend it in BORIS")
        self._open.clear()

    def _turn(self, event: _Event) -> None:
        """Open a state, or close the one that is open."""
        before = self._open.pop(event.key, None)
        stops = event.status == "STOP" or (not event.status and before is not None)
        if stops and before is not None:
            self.pairs += 1
            self.rows.append((before.number, self._row(before, event)))
        elif stops:
            self._fault(event, "STOP without START", "the behaviour ends and never began; mend it in BORIS")
        else:
            if before is not None:
                self._fault(before, "START without STOP", "the behaviour begins again before it ends; mend it in BORIS")
            self._open[event.key] = event

    def _row(self, event: _Event, stop: _Event | None) -> Sequence[str]:
        observation, subject, behaviour, modifiers = event.key
        both = f"{behaviour}|{modifiers}" if modifiers else behaviour
        return (observation, subject, behaviour, event.category, modifiers, both, "POINT" if stop is None else "STATE",
                event.time, "" if stop is None else stop.time, event.comment, "" if stop is None else stop.comment,
                *(event.variables.get(name, "") for name in self.variables))

    def _fault(self, event: _Event, kind: str, message: str) -> None:
        self.fault(event.number, kind, event.key[2], message)

    def fault(self, number: int, kind: str, value: str, message: str) -> None:
        """Note an event that cannot become a row."""
        self.rows.append((number, Problem(kind=kind, field="behavior", value=value, row=number, file=self.file,
                                          message=f"'{excerpt(value)}': {message}")))

    def sheet(self, path: Path, what: str, *, notes: Iterable[str], problems: ProblemLog | None) -> HeldSheet:
        """Return the rows as a sheet, in the order of the file."""
        joined = "1 START and STOP made one row" if self.pairs == 1 else (
            f"{self.pairs:,} STARTs and STOPs made one row each")
        paired = f"{self.events:,} events; {joined}" if self.pairs else ""
        return HeldSheet(
            path=path, what=what, header=(*_COLUMNS, *(f"variable: {name}" for name in self.variables)),
            table=tuple(Row(number, found) for number, found in sorted(self.rows, key=lambda row: row[0])),
            notes=tuple(filter(None, [paired, *notes])), hints=_HINTS, decimal_comma=False, problems=problems)


# --- a project -----------------------------------------------------------------------------------


def open_project(path: Path, *, problems: ProblemLog | None = None, limits: Limits = LIMITS) -> HeldSheet:
    """Read a BORIS project: every event of every observation, numbered through the file.

    Raises
    ------
    FileProblem
        Where it is no project, or goes beyond the limits.

    >>> from tempfile import TemporaryDirectory
    >>> events = [[1.5, "Klient", "talk", "", ""], [4.0, "Klient", "talk", "", ""]]
    >>> project = {"behaviors_conf": {"0": {"code": "talk", "type": "State event"}},
    ...            "observations": {"one": {"events": events}}}
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "p.boris")
    ...     _ = file.write_text(json.dumps(project))
    ...     sheet = open_project(file)
    >>> [cells[:3] + cells[7:9] for _, cells in sheet.rows()]
    [['one', 'Klient', 'talk', '1.5', '4']]
    """
    project = _loaded(path, limits)
    observations = project.get("observations")
    if not isinstance(observations, dict):
        refuse(path, "is not a BORIS project (it has no observations)")
    reading = _Project(_Pairing(excerpt(path.name), variables=_variables(observations)), _ethogram(project))
    for name, observation in observations.items():
        reading.take(name, observation if isinstance(observation, dict) else {})
    version = excerpt(str(project.get("project_format_version", "not stated")), most=20)
    return reading.pairing.sheet(path, f"BORIS project, format {version}", notes=reading.notes(), problems=problems)


def _loaded(path: Path, limits: Limits) -> dict[str, Any]:
    text = whole_text(path, most=limits.text, what="a BORIS project")
    try:
        # Numbers stay text: a time is then read exactly, and no number is too long to be one.
        project = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except RecursionError:
        refuse(path, "nests too deep to be a BORIS project")
    except ValueError as error:
        refuse(path, f"is not a BORIS project ({excerpt(str(error))})")
    if not isinstance(project, dict):
        refuse(path, "is not a BORIS project (expected named parts)")
    return project


def _variables(observations: Mapping[str, Any]) -> tuple[str, ...]:
    names = (_mapping(_mapping(each).get("independent_variables")) for each in observations.values())
    return tuple(dict.fromkeys(map(_word, itertools.chain.from_iterable(names))))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _word(value: Any) -> str:
    """Return a value as one line of text; a list of modifiers is joined as BORIS joins them."""
    if isinstance(value, list):
        return "|".join(map(_word, value[:20]))
    if not isinstance(value, str):
        return ""
    return " ".join(value.encode("utf-8", "replace").decode("utf-8").split())    # JSON can hold half a character


def _ethogram(project: Mapping[str, Any]) -> dict[str, tuple[bool, str]]:
    """Return of each behaviour whether it is a state, and its category."""
    found = (_mapping(each) for each in _mapping(project.get("behaviors_conf")).values())
    return {_word(each.get("code")): ("state" in _word(each.get("type")).casefold(), _word(each.get("category")))
            for each in found}


@attrs.define
class _Project:
    """A project while its observations are read."""

    pairing: _Pairing
    ethogram: dict[str, tuple[bool, str]]
    number: int = 0
    observed: int = 0
    empty: list[int] = attrs.field(factory=list)
    shifted: list[int] = attrs.field(factory=list)
    rounded: list[int] = attrs.field(factory=list)

    def take(self, name: str, observation: Mapping[str, Any]) -> None:
        """Take the events of one observation."""
        self.observed += 1
        events = _list(observation.get("events"))
        if not events:
            self.empty.append(self.observed)
        shift = _time(observation.get("time offset"))[1]
        if shift:
            self.shifted.append(self.observed)
        stated = _mapping(observation.get("independent_variables"))
        variables = {_word(key): _word(value) for key, value in stated.items()}
        found = [event for each in events if (event := self._event(_word(name), each, variables)) is not None]
        found.sort(key=lambda event: event.at or 0)
        self.pairing.take(found)

    def _event(self, observation: str, parts: Any, variables: Words) -> _Event | None:
        self.number += 1
        if not isinstance(parts, list) or len(parts) < 3:
            self.pairing.events += 1
            self.pairing.fault(self.number, "not an event", "", "expected time, subject and behaviour")
            return None
        time, at, rounded = _time(parts[0])
        if rounded:
            self.rounded.append(self.number)
        subject, behaviour, modifiers, comment = (_word(each) for each in [*parts[1:], "", ""][:4])
        if behaviour not in self.ethogram:
            self.pairing.events += 1
            self.pairing.fault(self.number, "behaviour not defined", behaviour,
                               "the project does not say whether it is a point or a state; define it in BORIS")
            return None
        state, category = self.ethogram[behaviour]
        key = (observation, "" if subject == _NOBODY else subject, behaviour, "" if modifiers == "None" else modifiers)
        return _Event(self.number, time, at, key, category, comment, "" if state else "POINT", variables)

    def notes(self) -> Iterator[str]:
        """Yield what is to be told of the observations: by number, for their names are often those of people."""
        for numbers, what in ((self.empty, "without any event"),
                            (self.shifted, "with a time offset, which is not added to their times")):
            if numbers:
                shown = listed(map(str, numbers), most=_MOST_NAMED)
                yield f"{len(numbers):,} observation{'s' * (len(numbers) > 1)} {what}: {shown} in the order of the file"
        yield from _rounded(self.rounded)


def _rounded(rows: Sequence[int]) -> Iterator[str]:
    if rows:
        yield f"{len(rows):,} time{'s' * (len(rows) > 1)} rounded to a microsecond: {places(rows)}"


# --- a table of events ---------------------------------------------------------------------------

_KNOWN: Final = frozenset({
    "observation id", "observation date", "description", "observation duration", "observation type", "source",
    "time offset (s)", "coding duration", "media duration (s)", "total length", "fps", "fps (frame/s)", "subject",
    "observation duration by subject by observation", "behavior", "behavioral category", "modifiers", "behavior type",
    "status", "time", "media file", "media file name", "media file path", "image index", "image file path", "comment",
})
"""The columns that BORIS itself writes; others are independent variables."""


def is_tabular(sheet: Sheet) -> bool:
    """Return whether delimited text is a table of events that BORIS exported, in either form.

    >>> header = ("Observation id", "Subject", "Behavior", "Behavior type", "Time")
    >>> is_tabular(Sheet(path=Path("a.csv"), header=header, delimiter=",", encoding="utf-8"))
    True
    """
    names = [name.casefold() for name in sheet.header]
    if names[0] != "observation id":
        return False
    new = {"subject", "behavior", "behavior type", "time"}.issubset(names)
    return new or (len(names) > 1 and names[1] not in _KNOWN and not any(names[2:]))


def open_tabular(path: Path, *, delimiter: str | None = None, encoding: str | None = None,
                 problems: ProblemLog | None = None, limits: Limits = LIMITS) -> HeldSheet:
    """Read an exported table of events, one or several observations; rows are numbered under its header.

    Raises
    ------
    FileProblem
        Where the file goes beyond the limits, or has no row that names its columns.
    """
    with opened(path, most=limits.file, what="a table of events"):
        pass
    caught = _Caught()
    layout = _layout(open_sheet(path, delimiter=delimiter, encoding=encoding, problems=caught))
    pairing = _Pairing(excerpt(path.name), variables=tuple(dict.fromkeys([*layout.stated, *layout.own])))
    rounded: list[int] = []
    events: list[_Event] = []
    for number, cells in layout.rows:
        events.append(_tabular_event(layout, number, cells))
        if _time(layout.cell(cells, "time"))[2]:
            rounded.append(number)
    pairing.take(sorted(events, key=lambda event: event.at or 0))
    pairing.rows += [(row - layout.top, attrs.evolve(problem, row=row - layout.top))
                     for row, problem in caught.rows if row > layout.top]
    return pairing.sheet(path, "BORIS table of events", notes=_rounded(rounded), problems=problems)


class _Caught(ProblemLog):
    """The rows that are no rows of the table, by their number."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, Problem]] = []

    def add(self, problem: Problem) -> None:
        """Keep a problem of a row; the names of columns are judged with the mapping."""
        if problem.row is not None:
            self.rows.append((problem.row, problem))


@attrs.frozen(kw_only=True)
class _Layout:
    """Where the parts of an exported table are; `top` is the row that names the columns, 0 if the first line does."""

    header: tuple[str, ...]
    rows: Iterable[tuple[int, list[str]]]
    top: int = 0
    observation: str = ""
    stated: Words = attrs.field(factory=dict)
    """What the preamble states of the one observation."""
    at: dict[str, int] = attrs.field(init=False)
    modified: tuple[int, ...] = attrs.field(init=False)
    """The columns that hold modifiers."""
    own: tuple[str, ...] = attrs.field(init=False)
    """The columns that are independent variables."""

    @at.default
    def _places(self) -> dict[str, int]:
        return {name.casefold(): place for place, name in reversed(list(enumerate(self.header)))}

    @modified.default
    def _modifier_columns(self) -> tuple[int, ...]:
        return tuple(place for place, name in enumerate(self.header) if name.startswith("Modifier"))

    @own.default
    def _variables(self) -> tuple[str, ...]:
        return tuple(name for place, name in enumerate(self.header)
                     if name and name.casefold() not in _KNOWN and place not in self.modified)

    def cell(self, cells: Sequence[str], name: str) -> str:
        """Return what stands in a column, or nothing where there is no such column."""
        return " ".join(cells[self.at[name]].split()) if name in self.at else ""

    def modifiers(self, cells: Sequence[str]) -> str:
        """Return the modifiers as a project holds them: joined, and nothing where none was chosen."""
        found = "|".join(cells[place].strip() for place in self.modified).strip("|")
        return "" if found == "None" else found


def _layout(sheet: Sheet) -> _Layout:
    """Find the row that names the columns, and read the preamble above it, if there is one."""
    if "behavior" in {name.casefold() for name in sheet.header}:
        return _Layout(header=sheet.header, rows=sheet.rows())
    stated: Words = {}
    variables, rows = False, sheet.rows()
    for number, cells in rows:
        first, second = cells[0].strip(), cells[1].strip()
        if {"time", "behavior"} <= {cell.strip().casefold() for cell in cells}:
            return _Layout(header=tuple(map(str.strip, cells)), rows=_below(number, rows), top=number,
                           observation=sheet.header[1], stated=stated)
        if variables and first and (first, second) != ("variable", "value"):
            stated[first] = second
        variables = variables or first.casefold() == "independent variables"
    raise refused(sheet.path, "begins like a table of events from BORIS, but has no row with the columns Time and "
                              "Behavior")


def _below(top: int, rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    return ((row - top, cells) for row, cells in rows)


def _tabular_event(layout: _Layout, number: int, cells: Sequence[str]) -> _Event:
    time, at, _ = _time(layout.cell(cells, "time"))
    subject = layout.cell(cells, "subject")
    key = (layout.cell(cells, "observation id") or layout.observation, "" if subject == _NOBODY else subject,
           layout.cell(cells, "behavior"), layout.modifiers(cells))
    own = {name: layout.cell(cells, name.casefold()) for name in layout.own}
    status = layout.cell(cells, "behavior type") or layout.cell(cells, "status")
    return _Event(number, time, at, key, layout.cell(cells, "behavioral category"), layout.cell(cells, "comment"),
                  status.upper() or "no status", {**layout.stated, **own})
