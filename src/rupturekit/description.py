"""Describe a study: the table that opens a paper, with the unit and the n of every number in it.

Nothing here is inferred. A number says what it counts (moves, sessions, segments) and out of how many; what
was not recorded, what somebody could not say, and what was not coded stand apart, and none of them is zero. A
missed session, a payment or a holiday is never counted as a rupture.
"""

from __future__ import annotations

import functools
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import attrs
import numpy as np

from rupturekit import _html
from rupturekit._schema import ABSENT
from rupturekit._table import Array
from rupturekit.codebooks import MARKERS, Codebook
from rupturekit.cohort import Cohort, choose_track, iterate_sessions
from rupturekit.episode import Label, Track
from rupturekit.errors import CodingWarning, InvalidNumber, NoClock, listed
from rupturekit.provenance import Provenance
from rupturekit.records.grammar import parse_float
from rupturekit.vocabulary import (
    UNKNOWN,
    Attendance,
    ContextKind,
    Explanation,
    Perspective,
    RepairSource,
    RuptureType,
    TherapyEnd,
    TimeKind,
    TrackKind,
)

__all__ = [
    "SMALL",
    "CodeFrequency",
    "CodedTime",
    "ContextCount",
    "Description",
    "MarkerFrequency",
    "ResolutionRating",
    "SessionCounts",
    "Spread",
    "TrackDescription",
    "describe",
]

SMALL: Final = 5
"""Counts from 1 to below this are marked: in a table that is shared they can point to a person."""

NOT_RECORDED: Final = "not recorded"
_WIDTH: Final = 100
_SHORTEST_NAME: Final = 36

Meeting = tuple[str, int]
"""A session, as dyad and number."""


class _Row(NamedTuple):
    """One line of the table: its heading, its name, what it says in cells, and the counts behind it."""

    section: str
    name: str
    cells: tuple[str, ...]
    counts: tuple[int, ...] = ()

    @property
    def is_small(self) -> bool:
        return any(0 < count < SMALL for count in self.counts)


# --- what is told -------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Spread:
    """Mean and range of numbers, and how many they are.

    >>> print(Spread(n=3, mean=2.5, low=1.0, high=4.0))
    mean 2.50, 1 to 4, n 3
    """

    n: int
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self._short()}, n {self.n:,}"

    def _short(self) -> str:
        return f"mean {self.mean:.2f}, {self.low:.10g} to {self.high:.10g}"


@attrs.frozen(kw_only=True)
class SessionCounts:
    """Sessions on record, by attendance. A missed session is not a rupture.

    `unknown` are those of which somebody could not say, `not_recorded` those of which nothing is said.
    """

    held: int
    missed: int
    unknown: int
    not_recorded: int

    @property
    def total(self) -> int:
        """All sessions on record."""
        return self.held + self.missed + self.unknown + self.not_recorded


@attrs.frozen(kw_only=True)
class CodedTime:
    """How much was coded, and where that is known from.

    Attributes
    ----------
    observed, lengths : int
        From observed stretches; from the lengths of whole sessions where there are no stretches.
        Microseconds, or turns or positions where the study has no clock.
    n_observed, n_lengths, n_unknown : int
        Coded sessions behind each, and those for which neither is recorded.
    """

    kind: TimeKind
    observed: int
    n_observed: int
    lengths: int
    n_lengths: int
    n_unknown: int

    @property
    def total(self) -> int | None:
        """All that is known; None, never 0, where nothing is."""
        return self.observed + self.lengths if self.n_observed + self.n_lengths else None

    @property
    def minutes(self) -> float | None:
        """All that is known, in minutes; None where nothing is.

        Raises
        ------
        NoClock
            Where the study records turns or a bare order.
        """
        if not self.kind.has_clock:
            raise NoClock(f"this study records {self.kind}s, not a clock: there are no minutes; use `total`")
        return None if self.total is None else self.total / 60_000_000

    def __str__(self) -> str:
        if self.total is None:
            return "not known"
        if self.kind.has_clock:
            return f"{self.minutes:,.1f} minutes"
        return _n(self.total, "turns" if self.kind is TimeKind.TURN else "positions")

    def _cells(self) -> tuple[str, ...]:
        sources = ((self.n_observed, "by observed stretches"), (self.n_lengths, "by the session's length"),
                   (self.n_unknown, "of unknown length"))
        said = [f"{_n(n, 'sessions')} {how}" for n, how in sources if n]
        return (str(self), ", ".join(said) or "no coded session")


@attrs.frozen(kw_only=True)
class TrackDescription:
    """What one track read.

    Attributes
    ----------
    raters : tuple of (rater or None, number of moves)
    n_coded : int
        Sessions with an observed stretch or a move of this track.
    n_partial : int
        Of these, sessions whose observed stretches are shorter than the session.
    n_uncoded : int
        Further sessions on the list that were not missed and hold neither.
    has_stretches : bool
        Whether observed stretches are recorded, so that the further sessions are known not to be coded.
    n_episodes : int
        Episodes that the coders drew themselves.
    unused : tuple of str
        Codes of the codebook that no move of this track carries.
    """

    track: str
    kind: TrackKind
    raters: tuple[tuple[str | None, int], ...]
    n_moves: int
    n_dyads: int
    n_coded: int
    n_partial: int
    n_uncoded: int
    has_stretches: bool
    n_episodes: int
    time: CodedTime
    n_segments: int | None
    unused: tuple[str, ...]

    def _rows(self) -> Iterator[_Row]:
        head = f"Track {self.track} ({self.kind})"
        raters = ", ".join(f"{rater or NOT_RECORDED} ({_n(n, 'moves')})" for rater, n in self.raters)
        yield _Row(head, "raters", (raters or NOT_RECORDED,))
        coded = f"{_n(self.n_coded, 'coded sessions')} of {_n(self.n_dyads, 'dyads')}"
        yield _Row(head, "moves", (f"{_n(self.n_moves, 'moves')} in {coded}",), (self.n_coded, self.n_dyads))
        yield _Row(head, "coded time", self.time._cells(), (self.time.n_lengths, self.time.n_unknown))
        if self.n_partial:
            part = _of(self.n_partial, self.n_coded, "coded sessions")
            yield _Row(head, "coded in part", (part,), (self.n_partial,))
        if self.n_uncoded:
            why = "not coded" if self.has_stretches else "without moves: coded or not is not known"
            further = f"{_n(self.n_uncoded, 'sessions')}, {why}"
            yield _Row(head, "further sessions", (further,), (self.n_uncoded,))
        yield _Row(head, "drawn by the coders", (_n(self.n_episodes, "episodes"),), (self.n_episodes,))
        yield _Row(head, "codes not used", (listed(self.unused, most=40) or "none",))


@attrs.frozen(kw_only=True)
class CodeFrequency:
    """How often a party was given a code in one track: in moves, sessions and, where coded so, segments."""

    track: str
    party: str | None
    code: str
    label: str
    n_moves: int
    of_moves: int
    n_sessions: int
    of_sessions: int
    n_segments: int | None
    of_segments: int | None
    rating: Spread | None

    def _row(self) -> _Row:
        who = f"the {self.party}" if self.party else "nobody named"
        head = (f"Codes of {who}, track {self.track} (of {_n(self.of_moves, 'moves')} in "
                f"{_n(self.of_sessions, 'coded sessions')})")
        cells = [_n(self.n_moves, "moves"), _of(self.n_sessions, self.of_sessions, "sessions"),
                 *_segments(self.n_segments, self.of_segments)]
        cells += [f"rating {self.rating}"] if self.rating else []
        return _Row(head, f"{self.code}: {self.label}", tuple(cells), (self.n_moves, self.n_sessions))


@attrs.frozen(kw_only=True)
class MarkerFrequency:
    """In how many of the coded sessions of a track a party showed at least one marker of a type.

    `party` None stands for either party, or somebody not named; `type` None for a marker of any type.
    `codable` is False where the codebook has no such marker for that party: then nothing could be seen, which
    is not zero.
    """

    track: str
    party: str | None
    type: RuptureType | None
    n_sessions: int
    of_sessions: int
    n_moves: int
    n_segments: int | None
    of_segments: int | None
    codable: bool

    @property
    def percent(self) -> float | None:
        """Sessions with a marker, in percent of the coded ones; None where there is nothing to divide."""
        return 100 * self.n_sessions / self.of_sessions if self.of_sessions and self.codable else None

    def _row(self) -> _Row:
        head = (f"Sessions with at least one marker, track {self.track} "
                f"(of {_n(self.of_sessions, 'coded sessions')})")
        name = f"{self.type or 'any type'}, {self.party or 'either party'}"
        if self.percent is None:
            return _Row(head, name, ("no code for it" if not self.codable else "no coded session",))
        cells = (_of(self.n_sessions, self.of_sessions, "sessions"), f"{self.percent:.1f} %",
                 _n(self.n_moves, "moves"), *_segments(self.n_segments, self.of_segments))
        return _Row(head, name, cells, (self.n_sessions, self.n_moves))


@attrs.frozen(kw_only=True)
class ResolutionRating:
    """Ratings of resolution from one source: a measure or label, of what, by whom.

    Attributes
    ----------
    measure : str
        `rated_resolution` (a coder's), `reported_resolution` (a party's), or the name of a session measure.
    of : str
        What was rated: session, episode, move ...
    spread : Spread or None
        Of the values that are numbers.
    words : tuple of (word, n)
        The values that are not.
    absent : tuple of (reason, n)
        Ratings that are not there, by reason.
    """

    measure: str
    of: str
    perspective: str | None
    sampling: str | None
    party: str | None
    rater: str | None
    n: int
    spread: Spread | None
    words: tuple[tuple[str, int], ...]
    absent: tuple[tuple[str, int], ...]

    def _row(self) -> _Row:
        cells = [_n(self.n, "ratings")]
        if self.spread:
            cells.append(self.spread._short() if self.spread.n == self.n else str(self.spread))
        cells += [_counted(self.words)] if self.words else []
        cells += [f"absent: {_counted(self.absent)}"] if self.absent else []
        by = ", ".join(filter(None, (self.rater, self.party, self.perspective, self.sampling)))
        name = f"{self.measure} by {by or 'nobody named'} ({self.of})"
        return _Row("Resolution, by source (never merged)", name, tuple(cells),
                    (self.n, *_numbers(self.words, self.absent)))


@attrs.frozen(kw_only=True)
class ContextCount:
    """Events of one kind around the sessions, and what people took them to mean; never a rupture.

    `explanations` counts events by explanation given; one event may have several that compete.
    """

    kind: str
    n: int
    explanations: tuple[tuple[str, int], ...]
    n_competing: int
    n_unexplained: int

    def _row(self) -> _Row:
        parts = [f"taken as {_counted(self.explanations)}"] if self.explanations else []
        parts += [f"not explained {self.n_unexplained:,}"] if self.n_unexplained else []
        parts += [f"with explanations that compete {self.n_competing:,}"] if self.n_competing else []
        return _Row("Events around the sessions (none is counted as a rupture)", self.kind.replace("_", " "),
                    (_n(self.n, "events"), "; ".join(parts)), (self.n, *_numbers(self.explanations)))


@attrs.frozen(kw_only=True, repr=False)
class Description:
    """A study in numbers, each with its unit and its n.

    Attributes
    ----------
    codes : tuple of CodeFrequency
        By track and party; over all of them the moves add up to the moves of the cohort.
    therapy_ends : tuple of (end, n dyads)
        Ends that occur, and how many dyads have none recorded.
    n_without_therapist : int
        Dyads whose therapist is not recorded.
    notes : tuple of str
        What is odd about these data; each was a `CodingWarning`.
    """

    codebook: str
    parties: tuple[str, str]
    time: TimeKind
    segment: int | None
    n_dyads: int
    n_therapists: int
    n_without_therapist: int
    sessions: SessionCounts
    therapy_ends: tuple[tuple[str, int], ...]
    tracks: tuple[TrackDescription, ...]
    codes: tuple[CodeFrequency, ...]
    markers: tuple[MarkerFrequency, ...]
    resolution: tuple[ResolutionRating, ...]
    context: tuple[ContextCount, ...]
    notes: tuple[str, ...]
    provenance: Provenance = attrs.field(eq=False)

    def rows(self, *, marks: bool = False) -> list[tuple[str, str, str]]:
        """Return the table as (section, name, value), for a data frame or a file.

        Parameters
        ----------
        marks : bool
            Whether a value that counts 1 to 4 of something ends in a star, as in print.

        >>> from rupturekit.example import example_cohort
        >>> described = describe(example_cohort())
        >>> described.rows()[1], described.rows(marks=True)[5]
        (('Study', 'dyads', '12 dyads'), ('Study', 'missed', '1 of 33 sessions *'))
        """
        return [(row.section, row.name, ", ".join(row.cells) + (" *" if marks and row.is_small else ""))
                for row in self._rows()]

    def _rows(self) -> list[_Row]:
        rows = [*self._sample_rows(), *(row for track in self.tracks for row in track._rows())]
        for part in (self.codes, self.markers, self.resolution, self.context):
            rows += [each._row() for each in part]
        rows += [_Row("Notes", str(at), (note,)) for at, note in enumerate(self.notes, start=1)]
        small = sum(row.is_small for row in rows)
        if small:
            text = (f"{_n(small, 'rows')}, marked *, with a count of 1 to {SMALL - 1}: "
                    "such cells can point to a person")
            rows.append(_Row("Before sharing", "small cells", (text,)))
        return rows

    def _sample_rows(self) -> Iterator[_Row]:
        length = f" of {self.segment / 1_000_000:g} s" if self.segment else ""
        coded = f"{self.codebook}; time by {self.time}{length}; {' and '.join(self.parties)}"
        yield _Row("Study", "coded with", (coded,))
        yield _Row("Study", "dyads", (_n(self.n_dyads, "dyads"),), (self.n_dyads,))
        known, sessions = self.n_dyads - self.n_without_therapist, self.sessions
        said = f"{_n(self.n_therapists, 'therapists')}, known for {_of(known, self.n_dyads, 'dyads')}"
        yield _Row("Study", "therapists", (said if known else NOT_RECORDED,), (self.n_therapists,))
        yield _Row("Study", "sessions on record", (_n(sessions.total, "sessions"),), (sessions.total,))
        for name, n in (("held", sessions.held), ("missed", sessions.missed),
                        ("attendance unknown", sessions.unknown),
                        (f"attendance {NOT_RECORDED}", sessions.not_recorded)):
            yield _Row("Study", name, (_of(n, sessions.total, "sessions"),), (n,))
        for end, n in self.therapy_ends:
            yield _Row("End of the therapy", end, (_of(n, self.n_dyads, "dyads"),), (n,))

    def __repr__(self) -> str:
        moves = sum(track.n_moves for track in self.tracks)
        return (f"Description({_n(self.n_dyads, 'dyads')}, {_n(self.sessions.total, 'sessions')}, "
                f"tracks {listed(track.track for track in self.tracks) or 'none'}, {_n(moves, 'moves')})")

    def __str__(self) -> str:
        return "\n".join(_text(self._rows()))

    def _repr_html_(self) -> str:
        parts = [_html.joined([_html.heading(section), _html.facts(
            (row.name, ", ".join(row.cells) + (" *" if row.is_small else "")) for row in rows)])
            for section, rows in _by_section(self._rows())]
        return _html.page("Description", repr(self), *parts)


# --- how it is said -----------------------------------------------------------------------------------------


def _n(n: int, units: str) -> str:
    return f"{n:,} {units[:-1] if n == 1 else units}"


def _of(n: int, total: int, units: str) -> str:
    return f"{n:,} of {_n(total, units)}"


def _segments(n: int | None, of: int | None) -> tuple[str, ...]:
    if n is None:
        return ()
    return (_n(n, "segments") if of is None else _of(n, of, "segments"),)


def _counted(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{word.replace('_', ' ')} {n:,}" for word, n in pairs)


def _numbers(*groups: Iterable[tuple[str, int]]) -> tuple[int, ...]:
    return tuple(n for pairs in groups for _, n in pairs)


def _by_section(rows: Iterable[_Row]) -> list[tuple[str, list[_Row]]]:
    sections: dict[str, list[_Row]] = {}
    for row in rows:
        sections.setdefault(row.section, []).append(row)
    return list(sections.items())


def _text(rows: Iterable[_Row]) -> Iterator[str]:
    for at, (section, held) in enumerate(_by_section(rows)):
        yield from [""] * bool(at)
        yield from textwrap.wrap(section, _WIDTH)
        values = _aligned([row.cells for row in held])
        # Names give way to values, but not below what tells them apart.
        most = max(_SHORTEST_NAME, _WIDTH - 6 - max(map(len, values)))
        names = [row.name if len(row.name) <= most else row.name[: most - 1] + "…" for row in held]
        width = max(map(len, names))
        for row, name, value in zip(held, names, values, strict=True):
            line = f"  {name:<{width}}  {value}".rstrip() + (" *" if row.is_small else "")
            yield from textwrap.wrap(line, _WIDTH, subsequent_indent=" " * (width + 4),
                                     break_on_hyphens=False)


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    """Pad the cells of lines with several to common widths, the numbers at their beginnings to the right."""
    several = [line for line in lines if len(line) > 1]
    places = range(max(map(len, several), default=0))
    columns = [iter(_padded([line[at] for line in several if at < len(line)])) for at in places]
    return ["  ".join(next(columns[at]) for at in range(len(line))).rstrip() if len(line) > 1 else line[0]
            for line in lines]


def _padded(cells: Sequence[str]) -> list[str]:
    heads = [len(cell) - len(cell.lstrip("0123456789,.")) for cell in cells]
    width = max(heads) if all(heads) else 0
    shifted = [" " * max(0, width - head) + cell for cell, head in zip(cells, heads, strict=True)]
    longest = max(map(len, shifted))
    return [f"{cell:<{longest}}" for cell in shifted]


# --- making -------------------------------------------------------------------------------------------------


def describe(cohort: Cohort, *, track: str | None = None) -> Description:
    """Describe a study in numbers: who, how much was coded, what how often, and how it is said to have ended.

    Parameters
    ----------
    track : str or None
        One reading of the sessions; None describes all of them, side by side and never added up.

    Warns
    -----
    CodingWarning
        Where only one rater coded, all records are from one perspective, nothing says which stretches were
        coded, or sessions recorded as missed hold moves.

    Raises
    ------
    RecordError
        Where `track` names a reading that is not there.

    >>> from rupturekit.example import example_cohort
    >>> table = describe(example_cohort(), track="r1")
    >>> print(table.sessions.held, table.sessions.missed, table.tracks[0].time)
    30 1 1,465.5 minutes
    """
    readings = _readings(cohort, track)
    notes = tuple(_oddities(cohort, readings))
    for note in notes:
        warnings.warn(note, CodingWarning, stacklevel=2)
    attendance = _attendance(cohort)
    meetings = attendance.keys() | _rated(cohort) | {each for reading in readings for each in reading.coded}
    dyads = {dyad for dyad, _ in meetings} | {
        dyad for table in (cohort.dyads, cohort.needs, cohort.context) for dyad in table.levels["dyad"]}
    therapists = dict(_pairs(cohort.dyads.words("dyad"), cohort.dyads.words("therapist")))
    coding = cohort.coding
    return Description(
        codebook=coding.codebook.title, parties=coding.parties, time=coding.time,
        segment=_segment(cohort),
        n_dyads=len(dyads), n_therapists=len(set(therapists.values())),
        n_without_therapist=len(dyads) - len(therapists),
        sessions=_session_counts(attendance.get(meeting) for meeting in meetings),
        therapy_ends=_therapy_ends(cohort, len(dyads)),
        tracks=tuple(_track(cohort, reading) for reading in readings),
        codes=tuple(each for reading in readings for each in _code_frequencies(cohort, reading)),
        markers=tuple(each for reading in readings for each in _marker_frequencies(cohort, reading)),
        resolution=tuple(_resolution(cohort, {reading.track.name for reading in readings})),
        context=tuple(_context(cohort)), notes=notes, provenance=cohort.provenance(rules=(), track=track),
    )


@attrs.frozen(kw_only=True)
class _Reading:
    """One track: the sessions in which it holds moves, and what it observed: length and segments touched."""

    track: Track
    moved: frozenset[Meeting]
    seen: Mapping[Meeting, tuple[int, int]]
    time: CodedTime
    n_segments: int | None

    @functools.cached_property
    def coded(self) -> frozenset[Meeting]:
        return self.moved | self.seen.keys()


def _readings(cohort: Cohort, track: str | None) -> list[_Reading]:
    declared = {each.name: each for each in cohort.tracks}
    names = sorted(declared.keys() | set(cohort.observed.levels["track"]))
    if track is not None:
        names = [track if track in names else choose_track(cohort, track)]
    moved: dict[str, set[Meeting]] = {}
    for dyad, name, session in iterate_sessions(cohort):
        moved.setdefault(name, set()).add((dyad, session))
    seen, lengths = _observed(cohort), _lengths(cohort)
    return [_reading(cohort, declared.get(name, Track(name=name)), moved=frozenset(moved.get(name, ())),
                     seen=seen.get(name, {}), lengths=lengths) for name in names]


def _reading(cohort: Cohort, track: Track, *, moved: frozenset[Meeting],
             seen: Mapping[Meeting, tuple[int, int]], lengths: Mapping[Meeting, int]) -> _Reading:
    whole = [lengths[meeting] for meeting in moved - seen.keys() if meeting in lengths]
    unknown = len(moved - seen.keys()) - len(whole)
    time = CodedTime(kind=cohort.coding.time, observed=sum(length for length, _ in seen.values()),
                     n_observed=len(seen), lengths=sum(whole), n_lengths=len(whole), n_unknown=unknown)
    segment, n_segments = _segment(cohort), None
    if segment and not unknown:
        n_segments = sum(n for _, n in seen.values()) + sum(-(-length // segment) for length in whole)
    return _Reading(track=track, moved=moved, seen=seen, time=time, n_segments=n_segments)


def _segment(cohort: Cohort) -> int | None:
    return cohort.coding.segment if cohort.coding.time is TimeKind.SEGMENT else None


def _observed(cohort: Cohort) -> dict[str, dict[Meeting, tuple[int, int]]]:
    """Return for each track and session the length observed and the number of segments touched."""
    table, segment = cohort.observed, _segment(cohort) or 1
    seen: dict[str, dict[Meeting, tuple[int, int]]] = {}
    last: dict[tuple[str, Meeting], int] = {}
    rows = zip(table.words("track"), table.words("dyad"), table.session.tolist(), table.start.tolist(),
               table.end.tolist(), strict=True)
    for track, dyad, session, start, end in rows:
        name, meeting = str(track), (str(dyad), session)
        length, segments = seen.setdefault(name, {}).get(meeting, (0, 0))
        # Stretches stand in order: a segment that the one before has touched already is not counted again.
        until = -(-end // segment) if end > start else 0
        fresh = max(0, until - max(start // segment, last.get((name, meeting), 0)))
        last[name, meeting] = max(until, last.get((name, meeting), 0))
        seen[name][meeting] = (length + end - start, segments + fresh)
    return seen


def _lengths(cohort: Cohort) -> dict[Meeting, int]:
    table = cohort.sessions
    rows = zip(table.words("dyad"), table.session.tolist(), table.duration.tolist(), strict=True)
    return {(str(dyad), session): length for dyad, session, length in rows if length != ABSENT}


def _attendance(cohort: Cohort) -> dict[Meeting, str | None]:
    table = cohort.sessions
    rows = zip(table.words("dyad"), table.session.tolist(), table.words("attended"), strict=True)
    return {(str(dyad), session): attended for dyad, session, attended in rows}


def _rated(cohort: Cohort) -> set[Meeting]:
    return {(str(dyad), session) for dyad, session in
            zip(cohort.ratings.words("dyad"), cohort.ratings.session.tolist(), strict=True)}


def _pairs(keys: Iterable[str | None], values: Iterable[str | None]) -> Iterator[tuple[str, str]]:
    return ((str(key), value) for key, value in zip(keys, values, strict=True) if value is not None)


def _session_counts(attended: Iterable[str | None]) -> SessionCounts:
    n = Counter(attended)
    return SessionCounts(held=n[Attendance.YES], missed=n[Attendance.NO], unknown=n[Attendance.UNKNOWN],
                         not_recorded=n[None])


def _therapy_ends(cohort: Cohort, n_dyads: int) -> tuple[tuple[str, int], ...]:
    n = Counter(dict(_pairs(cohort.dyads.words("dyad"), cohort.dyads.words("therapy_end"))).values())
    ends = [(end.value, n[end]) for end in TherapyEnd] + [(NOT_RECORDED, n_dyads - n.total())]
    return tuple((end, count) for end, count in ends if count)


def _oddities(cohort: Cohort, readings: Sequence[_Reading]) -> Iterator[str]:
    only = cohort.track_names[0] if len(cohort.track_names) == 1 else None
    kinds = {track.name: track.kind for track in cohort.tracks}
    if only is not None and kinds[only] is not TrackKind.CONSENSUS:
        yield f"one reading only (track {only!r}): how far another rater would agree is not known"
    perspectives = _perspectives(cohort)
    if len(perspectives) == 1:
        yield (f"every record is from one perspective ({listed(perspectives)}): client, therapist and "
               "observer see different ruptures")
    blind = [reading.track.name for reading in readings if reading.moved and not reading.seen]
    if blind:
        yield (f"no observed stretches for track {listed(blind)}: whole sessions are taken as coded, so a "
               "part without moves counts as 'none seen', not as 'not coded'")
    held = _attendance(cohort)
    odd = sorted({each for reading in readings for each in reading.moved if held.get(each) == Attendance.NO})
    if odd:
        said = listed((f"{dyad} session {session}" for dyad, session in odd), most=3)
        yield f"sessions recorded as missed hold moves ({said}): check their attendance"


def _perspectives(cohort: Cohort) -> set[str]:
    """Return from where there are records; moves that do not say are a rater's, or an automatic coder's."""
    found = {word for table in (cohort.moves, cohort.ratings, cohort.needs, cohort.labels)
             for word in table.levels["perspective"]}
    if not cohort.moves.levels["perspective"]:
        found |= {Perspective.AUTOMATIC if track.kind is TrackKind.AUTOMATIC else Perspective.OBSERVER
                  for track in cohort.tracks if track.name in cohort.track_names}
    return found


def _rows_of(cohort: Cohort, reading: _Reading) -> Array:
    return np.flatnonzero(cohort.moves.track == cohort.moves.code_of("track", word=reading.track.name))


def _track(cohort: Cohort, reading: _Reading) -> TrackDescription:
    moves, rows = cohort.moves, _rows_of(cohort, reading)
    raters, n = np.unique(moves.rater[rows], return_counts=True)
    names = [*moves.levels["rater"], None]    # the code for "not recorded" is -1, the last
    used = {moves.levels["code"][code] for code in np.unique(moves.code[rows]).tolist()}
    attendance, lengths = _attendance(cohort), _lengths(cohort)
    coded = cohort.coded.rows
    return TrackDescription(
        track=reading.track.name, kind=reading.track.kind, n_moves=len(rows), n_coded=len(reading.coded),
        raters=tuple((names[rater], count) for rater, count in zip(raters.tolist(), n.tolist(), strict=True)),
        n_dyads=len({dyad for dyad, _ in reading.coded}),
        n_partial=sum(length < lengths.get(meeting, 0) for meeting, (length, _) in reading.seen.items()),
        n_uncoded=sum(attended != Attendance.NO and meeting not in reading.coded
                      for meeting, attended in attendance.items()),
        has_stretches=bool(reading.seen), time=reading.time, n_segments=reading.n_segments,
        n_episodes=int(np.count_nonzero(coded.track == coded.code_of("track", word=reading.track.name))),
        unused=tuple(code.code for code in cohort.coding.codebook.codes if code.code not in used),
    )


# --- frequencies --------------------------------------------------------------------------------------------


def _code_frequencies(cohort: Cohort, reading: _Reading) -> list[CodeFrequency]:
    moves, rows = cohort.moves, _rows_of(cohort, reading)
    width = max(1, len(moves.levels["code"]))
    cells, place, n = np.unique((moves.party[rows].astype("i8") + 1) * width + moves.code[rows],
                                return_inverse=True, return_counts=True)
    n_sessions = _distinct(place, cohort.session_keys()[rows], len(cells))
    segments = _segment_numbers(cohort, rows)
    n_segments = None if segments is None else _distinct(place, segments, len(cells))
    spreads = _spreads(place, moves.rating[rows], len(cells))
    book, names = cohort.coding.codebook, (None, *moves.levels["party"])
    found = [CodeFrequency(
        track=reading.track.name, party=names[cell // width], code=moves.levels["code"][cell % width],
        label=book[moves.levels["code"][cell % width]].label, n_moves=int(n[at]), of_moves=len(rows),
        n_sessions=n_sessions[at], of_sessions=len(reading.coded), rating=spreads[at],
        n_segments=None if n_segments is None else n_segments[at], of_segments=reading.n_segments,
    ) for at, cell in enumerate(cells.tolist())]
    order = {code.code: at for at, code in enumerate(book.codes)}
    people = {party: at for at, party in enumerate(cohort.coding.parties)}
    return sorted(found, key=lambda each: (people.get(each.party or "", 2), order[each.code]))


def _distinct(place: Array, number: Array, count: int) -> list[int]:
    """Return for each place how many different numbers stand at it."""
    width = int(number.max(initial=0)) + 1
    pairs = np.unique(place.astype("i8") * width + number)
    return [int(n) for n in np.bincount(pairs // width, minlength=count)]


def _segment_numbers(cohort: Cohort, rows: Array) -> Array | None:
    """Return for each move the number of its segment; None in studies not coded by segments."""
    segment = _segment(cohort)
    if segment is None:
        return None
    _, within = np.unique(cohort.moves.onset[rows] // segment, return_inverse=True)
    width = int(within.max(initial=0)) + 1
    _, number = np.unique(cohort.session_keys()[rows] * width + within, return_inverse=True)
    return number


def _spreads(place: Array, thousandths: Array, count: int) -> list[Spread | None]:
    rated = thousandths != ABSENT
    where, values = place[rated], thousandths[rated]
    n, total = np.bincount(where, minlength=count), np.zeros(count, dtype="i8")
    low, high = np.full(count, -ABSENT - 1, dtype="i8"), np.full(count, ABSENT, dtype="i8")
    np.add.at(total, where, values)
    np.minimum.at(low, where, values)
    np.maximum.at(high, where, values)
    columns = zip(n.tolist(), total.tolist(), low.tolist(), high.tolist(), strict=True)
    return [Spread(n=k, mean=t / (1000 * k), low=lo / 1000, high=hi / 1000) if k else None
            for k, t, lo, hi in columns]


def _marker_frequencies(cohort: Cohort, reading: _Reading) -> Iterator[MarkerFrequency]:
    moves, rows, book = cohort.moves, _rows_of(cohort, reading), cohort.coding.codebook
    sessions, segments = cohort.session_keys()[rows], _segment_numbers(cohort, rows)
    kinds = [_types(book, code) for code in moves.levels["code"]]
    for kind in (RuptureType.WITHDRAWAL, RuptureType.CONFRONTATION, None):
        marks = np.array([_is(types, kind) for types in kinds], dtype=bool)[moves.code[rows]]
        for party in (*cohort.coding.parties, None):
            here = marks
            if party is not None:
                here = marks & (moves.party[rows] == moves.code_of("party", word=party))
            yield MarkerFrequency(
                track=reading.track.name, party=party, type=kind, n_sessions=len(np.unique(sessions[here])),
                of_sessions=len(reading.coded), n_moves=int(here.sum()), of_segments=reading.n_segments,
                n_segments=None if segments is None else len(np.unique(segments[here])),
                codable=bool(here.any()) or _codable(book, kind, party),
            )


def _types(book: Codebook, code: str) -> set[RuptureType]:
    return {MARKERS[name] for name in book.functions_of(code) if name in MARKERS}


def _is(types: set[RuptureType], kind: RuptureType | None) -> bool:
    return bool(types) if kind is None else kind in types


def _codable(book: Codebook, kind: RuptureType | None, party: str | None) -> bool:
    """Return whether the codebook lets a party be given a marker of a type."""
    marks = (code for code in book.codes if _is(_types(book, code.code), kind))
    return any(party is None or not code.parties or party in code.parties for code in marks)


# --- resolution and events around the sessions --------------------------------------------------------------

_Source = tuple[str, str, str | None, str | None, str | None, str | None]
_Said = tuple[float | str | None, str]


def _resolution(cohort: Cohort, tracks: set[str]) -> Iterator[ResolutionRating]:
    """Yield one entry a source: measure or label, of what, perspective, sampling point, party, rater."""
    said: dict[_Source, list[_Said]] = {}
    for source, one in (*_session_ratings(cohort), *_resolution_labels(cohort, tracks)):
        said.setdefault(source, []).append(one)
    for source in sorted(said, key=lambda each: tuple(part or "" for part in each)):
        measure, of, perspective, sampling, party, rater = source
        numbers = [value for value, _ in said[source] if isinstance(value, float)]
        words = Counter(value for value, _ in said[source] if isinstance(value, str))
        absent = Counter(reason for value, reason in said[source] if value is None)
        yield ResolutionRating(
            measure=measure, of=of, perspective=perspective, sampling=sampling, party=party, rater=rater,
            n=len(numbers) + words.total(), spread=_spread(numbers), words=tuple(sorted(words.items())),
            absent=tuple(sorted(absent.items())))


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    # Exact before it is rounded once: the mean does not depend on the order of the rows.
    mean = float(sum(map(Fraction, values), Fraction()) / len(values))
    return Spread(n=len(values), mean=mean, low=min(values), high=max(values))


def _session_ratings(cohort: Cohort) -> Iterator[tuple[_Source, _Said]]:
    table = cohort.ratings
    wanted = [at for at, name in enumerate(table.levels["measure"]) if "resolution" in name.casefold()]
    for row in np.flatnonzero(np.isin(table.measure, wanted)).tolist():
        one = table[row]
        reason = f"{one.missing}" if one.missing else "no reason given"
        yield (one.measure, "session", one.perspective, one.sampling, None, one.rater), (one.value, reason)


def _resolution_labels(cohort: Cohort, tracks: set[str]) -> Iterator[tuple[_Source, _Said]]:
    ours, others = _coded_episodes(cohort, tracks)
    stated: dict[_Source, set[str]] = {}
    for label in _labels(cohort, RepairSource.RATED_RESOLUTION, RepairSource.REPORTED_RESOLUTION):
        if label.subject_kind == "episode" and label.subject in others:
            continue
        source: _Source = (label.attribute, label.subject_kind, label.perspective, None, label.party,
                           label.rater)
        stated.setdefault(source, set()).add(label.subject)
        yield source, (_read(label.value), UNKNOWN)
    for source, subjects in stated.items():
        if source[1] == "episode":
            yield from ((source, (None, "not stated")) for _ in ours - subjects)


def _coded_episodes(cohort: Cohort, tracks: set[str]) -> tuple[set[str], set[str]]:
    """Return the coders' episodes of the tracks described, and those of the others."""
    rows = cohort.coded.rows
    found: tuple[set[str], set[str]] = (set(), set())
    for name, track in zip(map(str, rows.words("episode")), rows.words("track"), strict=True):
        found[track not in tracks].add(name)
    return found


def _labels(cohort: Cohort, *attributes: str) -> Iterator[Label]:
    codes = [cohort.labels.code_of("attribute", word=attribute) for attribute in attributes]
    rows = np.flatnonzero(np.isin(cohort.labels.attribute, codes))
    return (cohort.labels[row] for row in rows.tolist())


def _read(value: str) -> float | str | None:
    """Read the value of a label: a number, a word, or None where somebody could not say."""
    if value == UNKNOWN:
        return None
    try:
        return parse_float(value)
    except InvalidNumber:
        return value


def _context(cohort: Cohort) -> Iterator[ContextCount]:
    given: dict[str, set[str]] = {}
    for label in _labels(cohort, "explanation"):
        if label.subject_kind == "context":
            given.setdefault(label.subject, set()).add(label.value)
    events = list(zip(map(str, cohort.context.words("event")), cohort.context.words("kind"), strict=True))
    for kind in ContextKind:
        held = [given.get(event, set()) for event, what in events if what == kind]
        n = Counter(word for words in held for word in words)
        if held:
            yield ContextCount(
                kind=kind, n=len(held), n_unexplained=held.count(set()),
                explanations=tuple((word.value, n[word]) for word in Explanation if n[word]),
                n_competing=sum(len(words - {UNKNOWN}) > 1 for words in held))
