"""A cohort: everything coded in a study, as read-only columns; one object on request."""

from __future__ import annotations

import functools
import hashlib
import itertools
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any, TypeAlias, TypeVar, overload

import attrs
import numpy as np

from rupturekit._frames import ArrowFrame, is_frame
from rupturekit._intake import record_columns
from rupturekit._kernels.rows import all_distinct, in_order
from rupturekit._schema import ABSENT
from rupturekit._table import Array, Table, arrays_equal, freeze, held_state, is_constant, read_only, set_closed
from rupturekit._views.cohorts import cohort_html, cohort_text, counts_of
from rupturekit.episode import (
    Coding,
    ContextEvent,
    Dyad,
    Episode,
    EpisodeRow,
    Label,
    Member,
    Move,
    NeedStatement,
    ObservedStretch,
    Rating,
    Session,
    Track,
    label_complaint,
)
from rupturekit.errors import CodingWarning, RecordError, did_you_mean, expect, listed
from rupturekit.problems import Problem, ProblemLog
from rupturekit.provenance import Provenance
from rupturekit.vocabulary import EpisodeSource

__all__ = ["Cohort", "EpisodeSequence", "Episodes", "choose_track"]

R = TypeVar("R")
Rows: TypeAlias = Iterable[R] | Table[R] | ArrowFrame
"""Rows of a table: records, a table, or a data frame of any library."""


@attrs.frozen(eq=False, kw_only=True)
class Episodes:
    """Episodes as columns: one row each, and the moves that belong to it.

    Attributes
    ----------
    rows : Table of EpisodeRow
        Sorted by dyad, track, session and onset.
    offsets : int64, length n + 1
        `members[offsets[i]:offsets[i + 1]]` are the moves of episode i.
    members : int64
        Row indices into the cohort's moves, in the order of the moves.
    new_session : bool
        For each member, whether a new session begins with it.
    """

    rows: Table[EpisodeRow]
    offsets: Array = attrs.field(converter=read_only)
    members: Array = attrs.field(converter=read_only)
    new_session: Array = attrs.field(converter=read_only)

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Episodes):
            return NotImplemented
        mine, theirs = (self.offsets, self.members, self.new_session), (other.offsets, other.members, other.new_session)
        return self.rows == other.rows and all(map(arrays_equal, mine, theirs))

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    @property
    def lengths(self) -> Array:
        """The number of moves of each episode."""
        return np.diff(self.offsets)

    def take(self, which: Array) -> Episodes:
        """Return the episodes picked by an index or mask, in their order."""
        picked = np.arange(len(self))[which]
        lengths = self.lengths[picked]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("i8")
        at = np.repeat(self.offsets[:-1][picked] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Episodes(rows=self.rows.take(picked), offsets=offsets, members=self.members[at],
                        new_session=self.new_session[at])


class EpisodeSequence(Sequence[Episode]):
    """The episodes of a cohort as objects, each built when asked for."""

    def __init__(self, cohort: Cohort, columns: Episodes) -> None:
        self._cohort, self._columns = cohort, columns

    def __len__(self) -> int:
        return len(self._columns)

    @overload
    def __getitem__(self, at: int) -> Episode: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Episode]: ...
    def __getitem__(self, at: int | slice) -> Episode | Sequence[Episode]:
        if isinstance(at, slice):
            return EpisodeSequence(self._cohort, self._columns.take(np.arange(len(self))[at]))
        index = range(len(self))[at]
        low, high = self._columns.offsets[index : index + 2].tolist()
        row = self._columns.rows[index]
        return Episode(
            row=row, coding=self._cohort.coding,
            moves=tuple(self._cohort.moves[member] for member in self._columns.members[low:high].tolist()),
            new_session=tuple(self._columns.new_session[low:high].tolist()),
            labels=self._cohort.labels_on(row),
        )

    def __repr__(self) -> str:
        return f"EpisodeSequence({len(self):,} episodes)"

    def named(self, episode: str) -> Episode:
        """Return the episode of that identity; an unknown one is refused with the nearest named."""
        names = self._columns.rows.words("episode")
        if episode not in names:
            known = [name for name in names if name]
            raise RecordError(f"there is no episode {episode!r}{did_you_mean(episode, known)}; known: {listed(known)}",
                              field="episode", value=episode)
        return self[names.index(episode)]


@attrs.frozen(kw_only=True, repr=False)
class Cohort:
    """All that was coded in a study, as read-only columns.

    `cohort.episodes[i]` builds one `Episode`; `Cohort.of` packs objects; both ways are equal. A change is a
    new cohort. Moves are sorted by dyad, track, session, onset and tie rank.
    """

    coding: Coding
    moves: Table[Move]
    sessions: Table[Session]
    dyads: Table[Dyad]
    observed: Table[ObservedStretch]
    ratings: Table[Rating]
    needs: Table[NeedStatement]
    context: Table[ContextEvent]
    labels: Table[Label]
    tracks: tuple[Track, ...] = ()
    coded: Episodes
    """The coders' own episodes, as they were given."""
    columns: Episodes
    """The episodes in force: the coders' own, or those of the rule that `segment` was last given."""
    rule: str = "coders"
    """Which rule drew the episodes in force; part of the provenance."""

    @classmethod
    def of(cls, moves: Rows[Move], *, coding: Coding, sessions: Rows[Session] = (), dyads: Rows[Dyad] = (),
           observed: Rows[ObservedStretch] = (), ratings: Rows[Rating] = (), needs: Rows[NeedStatement] = (),
           context: Rows[ContextEvent] = (), labels: Rows[Label] = (), episodes: Rows[EpisodeRow] = (),
           members: Rows[Member] = (), tracks: Iterable[Track] = (), problems: ProblemLog | None = None,
           where: str = "this cohort") -> Cohort:
        """Pack and check everything that was coded; tables that are not given are empty.

        Each table comes as records, as a `Table`, or as a data frame of any library whose columns carry the names of
        the record's fields. An episode without members gets the moves of its track that lie in its stretch. A reader
        hands over the `problems` it has met so far, so that all of them are told at once.

        Raises
        ------
        InvalidRecords
            With every bad row of a data frame and every cross-row problem at once: unknown codes or parties, one
            `row_id` twice, times outside the session, a stretch that ends before it starts, overlapping stretches or
            sessions.

        >>> from rupturekit.codebooks import load_codebook
        >>> move = Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)
        >>> Cohort.of([move], coding=Coding(codebook=load_codebook("stages")))
        Cohort(1 move, 1 dyad, 1 session, 1 track, 0 episodes)
        """
        expect(coding, Coding, what="a coding", remedy="use Coding(codebook=...)")
        problems = ProblemLog() if problems is None else problems
        sorted_moves = _sorted_moves(_as_table(Move, moves, problems))
        named = {track.name: track for track in tracks}
        all_tracks = [named.pop(name, Track(name=name)) for name in sorted_moves.levels["track"]]
        tables: dict[str, Any] = {
            "sessions": _sorted(_as_table(Session, sessions, problems), ("dyad", "session")),
            "dyads": _sorted(_as_table(Dyad, dyads, problems), ("dyad",)),
            "observed": _sorted(_as_table(ObservedStretch, observed, problems),
                                ("dyad", "track", "session", "start", "end")),
            "ratings": _as_table(Rating, ratings, problems),
            "needs": _as_table(NeedStatement, needs, problems),
            "context": _as_table(ContextEvent, context, problems),
            "labels": _as_table(Label, labels, problems),
        }
        whole = not problems    # a move whose row the reader refused is no second problem where a member names it
        _check_moves(sorted_moves, coding, problems)
        _check_times(sorted_moves, tables["sessions"], problems)
        _check_sessions(tables["sessions"], problems)
        _check_observed(tables["observed"], problems)
        _check_labels(tables["labels"], problems)
        _check_once(tables["dyads"], "dyad", problems)
        _check_once(tables["context"], "event", problems)
        rows = _as_table(EpisodeRow, episodes, problems)
        _check_parties({**tables, "episodes": rows}, coding, problems)
        _check_episodes(rows, problems)
        coded = _coded_episodes(sorted_moves, rows, _as_table(Member, members, problems), problems, whole=whole)
        problems.raise_if_any(where)
        return cls(coding=coding, moves=sorted_moves, coded=coded, columns=coded,
                   tracks=(*all_tracks, *named.values()), **tables)

    @property
    def episodes(self) -> EpisodeSequence:
        """The episodes in force, as objects built on request."""
        return EpisodeSequence(self, self.columns)

    @property
    def coded_episodes(self) -> EpisodeSequence:
        """The coders' own episodes, as objects built on request."""
        return EpisodeSequence(self, self.coded)

    @property
    def track_names(self) -> tuple[str, ...]:
        """The tracks that hold moves, sorted."""
        return self.moves.levels["track"]

    def with_episodes(self, episodes: Episodes, *, rule: str) -> Cohort:
        """Return the same cohort with other episodes in force."""
        other = attrs.evolve(self, columns=episodes, rule=rule)
        # What was recorded is the same, and hashing millions of moves again costs ten times what tracing them does.
        object.__setattr__(other, "digest", self.digest)
        return other

    def labels_of(self, kind: str, *, subject: str) -> tuple[Label, ...]:
        """Return the labels of one subject, in the order of the file."""
        return tuple(self.labels[row] for row in self._label_rows.get((kind, subject), ()))

    def labels_on(self, row: EpisodeRow) -> tuple[Label, ...]:
        """Return the labels of an episode that its coders drew; a name that a rule gave is nobody's statement."""
        return self.labels_of("episode", subject=row.episode) if row.source is EpisodeSource.CODERS else ()

    @functools.cached_property
    def _label_rows(self) -> dict[tuple[str, str], list[int]]:
        rows: dict[tuple[str, str], list[int]] = {}
        for at, key in enumerate(zip(self.labels.words("subject_kind"), self.labels.words("subject"), strict=True)):
            rows.setdefault(key, []).append(at)  # type: ignore[arg-type]
        return rows

    @functools.cached_property
    def digest(self) -> str:
        """A hash of what was recorded, apart from the episodes in force; equal records, equal digest."""
        seen = hashlib.blake2b(digest_size=12)
        coding = self.coding
        seen.update(repr((coding.parties, coding.time, coding.segment, self.tracks)).encode())
        for table in self._tables():
            seen.update(table.digest())
        seen.update(self.coded.rows.digest())
        for array in (self.coded.offsets, self.coded.members):
            seen.update(array.astype("<i8").tobytes())
        return seen.hexdigest()

    def provenance(self, **more: Any) -> Provenance:
        """Return what a result of this cohort is made of."""
        return Provenance(cohort=self.digest, codebook=f"{self.coding.codebook.name}:{self.coding.codebook.digest}",
                          **{"rules": (self.rule,), **more})

    def _tables(self) -> tuple[Table[Any], ...]:
        return (self.moves, self.sessions, self.dyads, self.observed, self.ratings, self.needs, self.context,
                self.labels)

    def session_keys(self) -> Array:
        """Return one running number a (dyad, track, session) for each move, in the order of the moves."""
        return _group_numbers(self.moves, ("dyad", "track", "session"))

    def counts(self) -> dict[str, int]:
        """Return how many moves, dyads, sessions, tracks and episodes there are."""
        return counts_of(self)

    def __repr__(self) -> str:
        said = [f"{n:,} {name}{'s' * (n != 1)}" for name, n in self.counts().items()]
        return f"Cohort({', '.join(said)})"

    def __str__(self) -> str:
        return cohort_text(self)

    def _repr_html_(self) -> str:
        return cohort_html(self)


def choose_track(cohort: Cohort, track: str | None) -> str:
    """Return the track to work in; with several, one has to be named.

    Raises
    ------
    RecordError
        Where no track is named although there are several, or one that is not there.
    """
    expect(cohort, Cohort, what="a cohort", remedy="use study.cohort, or Cohort.of(...)")
    names = cohort.track_names
    if track is None and len(names) == 1:
        return names[0]
    if track is None:
        said = (f"holds {len(names)} tracks ({listed(names)}); two raters are never mixed, so say which reading to use "
                "(track=..., on the command line --track)") if names else (
                    "holds no moves, so no track; there is nothing to analyse")
        raise RecordError(f"this cohort {said}", field="track")
    if track not in names:
        raise RecordError(f"there is no track {track!r}{did_you_mean(track, names)}; known: {listed(names) or 'none'}",
                          field="track", value=track)
    return track


def warn_if_unobserved(cohort: Cohort) -> None:
    """Warn where nothing says what was coded, so that whole sessions are taken as observed."""
    if len(cohort.moves) and not len(cohort.observed):
        warnings.warn("no table of observed stretches: whole sessions are taken as coded, so a session part "
                      "without moves counts as 'none seen', not as 'not coded'", CodingWarning, stacklevel=3)


def oddities(cohort: Cohort) -> list[str]:
    """Say what in a cohort is legal and odd, with counts.

    Codes given to the other party, ratings off the scale, moves outside the stretches that were observed or in missed
    sessions, episodes and stretches past the end of their session or in none on record, statements about what is not
    there.
    """
    return [*_other_party(cohort), *_off_scale(cohort), *_unobserved(cohort), *_in_missed(cohort),
            *_past_the_end(cohort), *_speaking_of_nothing(cohort)]


def _other_party(cohort: Cohort) -> Iterator[str]:
    moves, book = cohort.moves, cohort.coding.codebook
    for code_at, code in enumerate(moves.levels["code"]):
        for party_at, party in enumerate(moves.levels["party"]):
            if code in book and book[code].parties and party not in book[code].parties:
                rows = np.flatnonzero((moves.code == code_at) & (moves.party == party_at))
                if len(rows):
                    yield (f"{code!r} given to the {party}, whom the codebook does not name for it: {len(rows):,} "
                           f"(first: move {moves.row_id[rows[0]]})")


def _off_scale(cohort: Cohort) -> Iterator[str]:
    scales = [scale for scale in cohort.coding.codebook.scales if scale.applies == "move"]
    if len(scales) != 1:
        return
    scale, rating = scales[0], cohort.moves.rating
    outside = int(((rating != ABSENT) & ((rating < scale.min * 1000) | (rating > scale.max * 1000))).sum())
    if outside:
        yield f"ratings outside the codebook's scale {scale.name} ({scale.min:g} to {scale.max:g}): {outside:,}"


def _in_missed(cohort: Cohort) -> Iterator[str]:
    sessions, moves = cohort.sessions, cohort.moves
    missed = {(dyad, number) for dyad, number, said in zip(
        sessions.words("dyad"), sessions.session.tolist(), sessions.words("attended"), strict=True) if said == "no"}
    inside = sum(meeting in missed for meeting in zip(moves.words("dyad"), moves.session.tolist(), strict=True))
    if inside:
        yield f"moves in sessions that are on record as missed: {inside:,}"


def _unobserved(cohort: Cohort) -> Iterator[str]:
    """Count moves outside the observed stretches of a track that has any."""
    stretches: dict[tuple[str | None, str | None, int], list[tuple[int, int]]] = {}
    table = cohort.observed
    for key in zip(table.words("dyad"), table.words("track"), table.session.tolist(), table.start.tolist(),
                   table.end.tolist(), strict=True):
        stretches.setdefault(key[:3], []).append(key[3:])
    tracks = {track for _, track, _ in stretches}
    moves, outside = cohort.moves, 0
    first = np.flatnonzero(np.diff(cohort.session_keys(), prepend=-1, append=-2)).tolist()
    for low, high in itertools.pairwise(first):
        dyad, track = moves.levels["dyad"][moves.dyad[low]], moves.levels["track"][moves.track[low]]
        if track in tracks:
            onset, seen = moves.onset[low:high], np.zeros(high - low, dtype=bool)
            for start, end in stretches.get((dyad, track, int(moves.session[low])), ()):
                seen |= (onset >= start) & (onset <= end)
            outside += int((~seen).sum())
    if outside:
        yield f"moves outside the stretches that were observed: {outside:,}; is the table of observed stretches whole?"


def _past_the_end(cohort: Cohort) -> Iterator[str]:
    meetings, length = set(_meetings(cohort)), _lengths(cohort.sessions)
    rows, seen = cohort.coded.rows, cohort.observed
    nowhere = sum((row.dyad, session) not in meetings
                  for row in rows for session in (row.first_session, row.last_session))
    if nowhere:
        yield f"ends of coders' episodes that lie in sessions not on record: {nowhere:,}"
    late = sum(row.end > length.get((row.dyad, row.last_session), row.end) for row in rows)
    if late:
        yield f"coders' episodes that end after their session does: {late:,}"
    late = sum(one.end > length.get((one.dyad, one.session), one.end) for one in seen)
    if late:
        yield f"observed stretches that end after their session does: {late:,}"
    empty = int((cohort.coded.lengths == 0).sum())
    if empty:
        yield f"coders' episodes without any move: {empty:,}; they are not traced"


def _meetings(cohort: Cohort) -> Iterator[tuple[str | None, int]]:
    tables: tuple[Table[Any], ...] = (cohort.moves, cohort.sessions, cohort.observed, cohort.ratings)
    for table in tables:
        yield from zip(table.words("dyad"), table.session.tolist(), strict=True)


def _speaking_of_nothing(cohort: Cohort) -> Iterator[str]:
    """Find labels and needs that speak of an episode, move, session, dyad or event that is not there."""
    labels, meetings = cohort.labels, set(_meetings(cohort))
    known: dict[str | None, set[str | None]] = {
        "episode": set(cohort.coded.rows.words("episode")),
        "move": set(map(str, cohort.moves.row_id.tolist())) if len(labels) else set(),
        "session": {f"{dyad}/{session}" for dyad, session in meetings},
        "dyad": {dyad for dyad, _ in meetings} | set(cohort.dyads.words("dyad")),
        "context": set(cohort.context.words("event")),
    }
    spoken: dict[tuple[str | None, str | None], None] = dict.fromkeys(
        zip(labels.words("subject_kind"), labels.words("subject"), strict=True))
    spoken |= dict.fromkeys(("episode", name) for name in cohort.needs.levels["episode"])
    lost = [f"{kind} {subject!r:.80}" for kind, subject in spoken if subject not in known[kind]]
    if lost:
        yield f"statements about what is not there: {listed(lost)}"


def _as_table(record: type[Any], rows: Any, problems: ProblemLog) -> Table[Any]:
    if isinstance(rows, Table):
        return rows
    if is_frame(rows):
        arrays, levels = record_columns(record, rows, problems=problems)
        return Table.from_columns(record, arrays=arrays, levels=levels)
    return Table.of(record, rows)


def _sorted(table: Table[Any], keys: tuple[str, ...]) -> Table[Any]:
    columns = [table.arrays[key] for key in keys if not is_constant(table.arrays[key])]
    return table if not columns or in_order(columns) else table.take(np.lexsort(columns[::-1]))


def _sorted_moves(moves: Table[Move]) -> Table[Move]:
    return _sorted(moves, ("dyad", "track", "session", "onset", "tie", "row_id"))


def _group_numbers(table: Table[Any], keys: tuple[str, ...]) -> Array:
    if not len(table):
        return np.zeros(0, dtype="i8")
    changed = np.zeros(len(table), dtype=bool)
    for key in keys:
        changed[1:] |= np.diff(table.arrays[key]) != 0
    return np.cumsum(changed).astype("i8")


def _check_moves(moves: Table[Move], coding: Coding, problems: ProblemLog) -> None:
    unknown_code = functools.partial(_unknown_code, coding=coding)
    _tell_words(moves, "code", "unknown code", coding.codebook, unknown_code, problems)
    unknown_party = functools.partial(_unknown_party, coding=coding)
    _tell_words(moves, "party", "unknown party", coding.parties, unknown_party, problems)
    if not all_distinct(moves.row_id):
        _tell_twice(moves, problems)
    ends_early = (moves.offset < moves.onset) & (moves.offset != ABSENT)
    _at_rows(moves, ends_early, "ends before it starts", "offset", "", "a move ends before it starts", problems)


def _tell_twice(moves: Table[Move], problems: ProblemLog) -> None:
    values, counts = np.unique(moves.row_id, return_counts=True)
    twice = np.flatnonzero(np.isin(moves.row_id, values[counts > 1]))
    for at in twice[np.argsort(moves.row_id[twice], kind="stable")].tolist():
        row_id = moves.row_id[at].item()
        _at_row(moves, at, "row_id twice", "row_id", str(row_id),
                f"row_id {row_id} stands twice; every move needs its own", problems)


_MOST_TOLD = 10_000
"""Of how many unknown words it is said what is wrong with them; a log of problems has no room for more."""


def _tell_words(moves: Table[Move], field: str, kind: str, known: Container[str], complaint: Callable[[str], str],
                problems: ProblemLog) -> None:
    """Tell every row that holds an unknown word, word by word, looking at the rows once."""
    levels, codes, told = moves.levels[field], moves.arrays[field], dict[str, str]()
    wrong = np.array([level not in known for level in levels] + [False], dtype=bool)
    if not wrong.any():
        return
    rows = np.flatnonzero(wrong[codes])
    for at in rows[np.argsort(codes[rows], kind="stable")].tolist():
        word = levels[codes[at]]
        if word not in told and len(told) < _MOST_TOLD:
            told[word] = complaint(word)
        _at_row(moves, at, kind, field, word, told.get(word, kind), problems)


def _unknown_code(code: str, coding: Coding) -> str:
    known = [code.code for code in coding.codebook.codes]
    return f"code {code!r} is not in {coding.codebook.name}{did_you_mean(code, known)}"


def _unknown_party(party: str, coding: Coding) -> str:
    return (f"party {party!r} is not one of the study's two, {' and '.join(coding.parties)}"
            f"{did_you_mean(party, coding.parties)}; rupturekit models dyads: a third person's moves need a "
            "study of their own, or a mapping that leaves them out")


def _at_rows(moves: Table[Any], which: Array, kind: str, field: str, value: str, message: str,
             problems: ProblemLog) -> None:
    for at in np.flatnonzero(which).tolist():
        _at_row(moves, at, kind, field, value, message, problems)


def _at_row(moves: Table[Any], at: int, kind: str, field: str, value: str, message: str, problems: ProblemLog) -> None:
    row = moves.source_row[at].item()
    known = row != ABSENT
    problems.add(Problem(kind=kind, field=field, value=value, row=row if known else None, file=None,
                         message=message if known else f"{message}; move {moves.row_id[at]}"))


def _check_labels(labels: Table[Label], problems: ProblemLog) -> None:
    """Check each distinct statement of the table with the rule of the object."""
    rows: dict[tuple[str | None, str | None, str | None], int] = {}
    stated = zip(labels.words("subject_kind"), labels.words("attribute"), labels.words("value"), strict=True)
    for at, statement in enumerate(stated, start=1):
        rows.setdefault(statement, at)
    for (kind, attribute, value), at in rows.items():
        complaint = label_complaint(str(kind), str(attribute), value=str(value))
        if complaint is not None:
            field, said = complaint
            found = str(value if field == "value" else kind)
            problems.add(Problem(kind="not allowed", field=field, value=found, row=at, file=None,
                                 message=f"labels: {said}"))


def _check_once(table: Table[Any], field: str, problems: ProblemLog) -> None:
    """Check that an identity stands once in its table."""
    codes, counts = np.unique(table.arrays[field], return_counts=True)
    for code in codes[counts > 1].tolist():
        name = table.levels[field][code]
        problems.add(Problem(kind=f"{field} twice", field=field, value=name, row=None, file=None,
                             message=f"{field} {name!r} stands twice; give it one row"))


def _check_times(moves: Table[Move], sessions: Table[Session], problems: ProblemLog) -> None:
    length = _lengths(sessions)
    if not length:
        return
    starts = np.flatnonzero(np.diff(_group_numbers(moves, ("dyad", "session")), prepend=-1))
    names, dyads = moves.levels["dyad"], moves.dyad[starts].tolist()
    meetings = ((names[dyad], number) for dyad, number in zip(dyads, moves.session[starts].tolist(), strict=True))
    each = np.array([length.get(meeting, -ABSENT - 1) for meeting in meetings], dtype="i8")
    limit = np.repeat(each, np.diff(starts, append=len(moves)))
    last = np.maximum(moves.onset, moves.offset)
    _at_rows(moves, last > limit, "outside the session", "onset", "",
             "the time lies after the end of the session; check the time format or the session's duration", problems)


def _check_sessions(sessions: Table[Session], problems: ProblemLog) -> None:
    seen: dict[tuple[str | None, int], int] = {}
    last: dict[str | None, tuple[int, int]] = {}
    rows = zip(sessions.words("dyad"), sessions.session.tolist(), sessions.day.tolist(), strict=True)
    for dyad, number, day in rows:
        if (dyad, number) in seen:
            problems.add(Problem(kind="overlapping sessions", field="session", value=str(number), row=None, file=None,
                                 message=f"dyad {dyad!r} has session {number} twice"))
        seen[dyad, number] = 1
        if day != ABSENT:
            if dyad in last and day < last[dyad][1]:
                problems.add(Problem(
                    kind="overlapping sessions", field="day", value=str(day), row=None, file=None,
                    message=f"dyad {dyad!r}: session {number} lies on day {day}, before session {last[dyad][0]} "
                            f"on day {last[dyad][1]}; number sessions in the order they took place"))
            last[dyad] = (number, day)


def _check_observed(observed: Table[ObservedStretch], problems: ProblemLog) -> None:
    _stretches(observed, observed.end < observed.start, "ends before it starts", "end",
               "an observed stretch ends before it starts", problems)
    same = np.ones(max(len(observed) - 1, 0), dtype=bool)
    for key in ("dyad", "track", "session"):
        same &= np.diff(observed.arrays[key]) == 0
    overlap = np.zeros(len(observed), dtype=bool)
    overlap[1:] = same & (observed.start[1:] < observed.end[:-1])
    _stretches(observed, overlap, "overlapping stretches", "start",
               "an observed stretch starts before the one before it in the same session and track ends", problems)


def _stretches(observed: Table[ObservedStretch], which: Array, kind: str, field: str, message: str,
               problems: ProblemLog) -> None:
    """Tell of stretches by what they are: the table is sorted by now, so a row number would name another row."""
    for at in np.flatnonzero(which).tolist():
        one = observed[at]
        problems.add(Problem(kind=kind, field=field, value=str(observed.arrays[field][at].item()), row=None, file=None,
                             message=f"{message}; dyad {one.dyad!r}, session {one.session}, track {one.track!r}"))


def _check_parties(tables: dict[str, Table[Any]], coding: Coding, problems: ProblemLog) -> None:
    for name in ("needs", "labels", "episodes"):
        for party in tables[name].levels["party"]:
            if party not in coding.parties:
                problems.add(Problem(kind="unknown party", field="party", value=party, row=None, file=None,
                                     message=f"{name}: {_unknown_party(party, coding)}"))


def _check_episodes(rows: Table[EpisodeRow], problems: ProblemLog) -> None:
    names, counts = np.unique(rows.episode, return_counts=True)
    for code in names[counts > 1].tolist():
        name = rows.levels["episode"][code]
        problems.add(Problem(kind="episode twice", field="episode", value=name, row=None, file=None,
                             message=f"episode {name!r} stands twice; every episode needs its own name"))
    backwards = (rows.last_session < rows.first_session) | (
        (rows.last_session == rows.first_session) & (rows.end < rows.onset))
    for at in np.flatnonzero(backwards).tolist():
        problems.add(Problem(kind="ends before it starts", field="end", value=str(rows.end[at].item()), row=at + 1,
                             file=None, message=f"episode {rows[at].episode!r} ends before it starts"))


def _lengths(sessions: Table[Session]) -> dict[tuple[str | None, int], int]:
    listed = zip(sessions.words("dyad"), sessions.session.tolist(), sessions.duration.tolist(), strict=True)
    return {(dyad, number): duration for dyad, number, duration in listed if duration != ABSENT}


def _coded_episodes(moves: Table[Move], rows: Table[EpisodeRow], members: Table[Member], problems: ProblemLog, *,
                    whole: bool) -> Episodes:
    rows = _sorted(rows, ("dyad", "track", "first_session", "onset", "episode"))
    at_row = {row_id: at for at, row_id in enumerate(moves.row_id.tolist())} if len(members) else {}
    named: dict[str, dict[int, None]] = {}
    for episode, row_id in zip(members.words("episode"), members.row_id.tolist(), strict=True):
        if row_id not in at_row and not whole:
            continue
        if row_id not in at_row:
            problems.add(Problem(kind="unknown move", field="row_id", value=str(row_id), row=None, file=None,
                                 message=f"episode {episode!r} names the move {row_id}, which is not there"))
        elif at_row[row_id] in named.setdefault(str(episode), {}):
            problems.add(Problem(kind="move twice", field="row_id", value=str(row_id), row=None, file=None,
                                 message=f"episode {episode!r} names the move {row_id} twice"))
        else:
            named[str(episode)][at_row[row_id]] = None
    known = set(rows.levels["episode"])
    for episode in sorted(named.keys() - known):
        problems.add(Problem(kind="unknown episode", field="episode", value=episode, row=None, file=None,
                             message=f"members name the episode {episode!r}, which is not there"
                                     f"{did_you_mean(episode, known)}"))
    found = [np.array(sorted(named[row.episode]), dtype="i8") if row.episode in named else _inside(moves, row)
             for row in rows]
    _check_members(moves, rows, found, problems)
    return pack_episodes(moves, rows, found)


def _inside(moves: Table[Move], row: EpisodeRow) -> Array:
    here = moves.dyad == moves.code_of("dyad", word=row.dyad)
    here &= moves.track == moves.code_of("track", word=row.track)
    after = (moves.session > row.first_session) | ((moves.session == row.first_session) & (moves.onset >= row.onset))
    before = (moves.session < row.last_session) | ((moves.session == row.last_session) & (moves.onset <= row.end))
    return np.flatnonzero(here & after & before)


def _check_members(moves: Table[Move], rows: Table[EpisodeRow], found: Sequence[Array], problems: ProblemLog) -> None:
    for row, members in zip(rows, found, strict=True):
        dyad, track = moves.code_of("dyad", word=row.dyad), moves.code_of("track", word=row.track)
        if (moves.dyad[members] != dyad).any() or (moves.track[members] != track).any():
            problems.add(Problem(
                kind="mixed episode", field="episode", value=row.episode, row=None, file=None,
                message=f"episode {row.episode!r} holds moves of another dyad or track; an episode is one reading "
                        "of one dyad"))


def pack_episodes(moves: Table[Move], rows: Table[EpisodeRow], members: Sequence[Array]) -> Episodes:
    """Lay the members of episodes end to end, with offsets and the bits that say where a session begins."""
    lengths = [len(member) for member in members]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("i8")
    flat = np.concatenate([*members, np.zeros(0, dtype="i8")]).astype("i8")
    return Episodes(rows=rows, offsets=freeze(offsets), members=freeze(flat),
                    new_session=freeze(session_starts(moves, flat, offsets)))


def session_starts(moves: Table[Move], members: Array, offsets: Array) -> Array:
    """Return for each member whether its session differs from that of the member before it."""
    fresh = np.zeros(len(members), dtype=bool)
    session = moves.session[members]
    fresh[1:] = session[1:] != session[:-1]
    fresh[offsets[:-1][offsets[:-1] < len(members)]] = False
    return fresh


def iterate_sessions(cohort: Cohort) -> Iterator[tuple[str, str, int]]:
    """Yield each (dyad, track, session) that holds moves, in order."""
    first = np.flatnonzero(np.diff(cohort.session_keys(), prepend=-1))
    for at in first.tolist():
        moves = cohort.moves
        yield (moves.levels["dyad"][moves.dyad[at]], moves.levels["track"][moves.track[at]], int(moves.session[at]))
