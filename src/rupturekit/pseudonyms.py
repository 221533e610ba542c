"""Pseudonyms: a study that can be handed on, in which none of the names that people chose stands.

A pseudonym is a keyed hash (HMAC-SHA-256) of what kind of name it stands for and the name. With the same key a name has
the same pseudonym in every study, so studies can be linked; with another key nothing links them. Nobody can turn a
pseudonym back into a name without the key; whoever has the key and the names can make the table again (`crosswalk`).

What is left is still a record of health: few dyads, rare codes and long therapies can be recognised.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import re
import secrets
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, overload

import attrs
import numpy as np

from rupturekit import _schema
from rupturekit._schema import ABSENT, ABSENT_CODE
from rupturekit._table import Array, Table
from rupturekit.cohort import Cohort
from rupturekit.episode import ATTRIBUTES, Coding, Label, Member, Move, Track
from rupturekit.errors import CodingWarning, FileProblem, InvalidNumber, RecordError, did_you_mean, listed
from rupturekit.records import atomic, grammar
from rupturekit.records.study import Study, as_study
from rupturekit.vocabulary import UNKNOWN, Perspective

__all__ = ["KEPT_ON_REQUEST", "Crosswalk", "crosswalk", "make_key", "pseudonymise", "read_key", "write_crosswalk"]

KEPT_ON_REQUEST: Final[Mapping[str, str]] = types.MappingProxyType({
    "note": "notes of moves and context events",
    "media": "places on the recording",
    "source_row": "rows of the file that moves were read from",
    "rule": "the rules of tracks, in the words of the study",
    "description": "the description of the study",
})
"""What is dropped unless it is asked for by name; so are the values of label attributes that take any text."""

_LETTERS: Final[Mapping[str, str]] = {"dyad": "D", "person": "P", "episode": "E", "event": "C", "subject": "S"}
_KINDS: Final[Mapping[str, str]] = {"dyad": "dyad", "therapist": "person", "rater": "person", "track": "person",
                                    "episode": "episode", "event": "event"}
"""Which columns hold names, whatever the table, and of which kind."""

_LENGTH: Final = 12
_SHORTEST_NAME: Final = 2
_SHORTEST_NUMBER: Final = 3
"""Names that are shorter, or shorter numbers, stand in so many words that looking for them would say nothing."""
_SHORTEST_KEY: Final = 16
_KEY_BYTES: Final = 32
_KEY_TEXT: Final = re.compile(rf"(?:[0-9a-f]{{2}}){{{_SHORTEST_KEY},1024}}")
_SESSION: Final = re.compile(r"[0-9]{1,18}")
_SHORT_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]+)?")
_DESCRIPTION: Final = ("Pseudonymised: names are keyed hashes, days count from each dyad's first session, free text is "
                       "left out.")


# --- keys --------------------------------------------------------------------------------------------------------


def make_key(path: str | Path, *, outside: Iterable[str | Path] = ()) -> bytes:
    """Make a key of 32 random bytes, and write it to a new file that its owner alone may read.

    Parameters
    ----------
    outside : paths
        Folders in which the key must not lie; folders that hold a study are refused in any case.

    Raises
    ------
    FileProblem
        Where the file is there already, lies in a study folder or cannot be written.
    """
    file = Path(path)
    _refuse_inside(file, outside, what="key")
    if file.exists():
        raise FileProblem(f"{file}: this file is there already, and a key that is written over is lost; name a new "
                          "file, or read this one", file=str(file))
    key = secrets.token_bytes(_KEY_BYTES)
    try:
        atomic.write_bytes(file, f"{key.hex()}\n".encode(), private=True)
    except OSError as error:
        raise FileProblem(f"{file}: the key cannot be written ({error.strerror or error})", file=str(file)) from None
    return key


def read_key(path: str | Path, *, outside: Iterable[str | Path] = ()) -> bytes:
    """Read a key that `make_key` wrote; the file holds hexadecimal digits.

    Raises
    ------
    FileProblem
        Where the file lies in a study folder or one of `outside`, cannot be read, or holds no key.
    """
    file = Path(path)
    _refuse_inside(file, outside, what="key")
    try:
        text = file.read_bytes()[:4096].decode("ascii", errors="replace").strip()
    except OSError as error:
        raise FileProblem(f"{file}: the key cannot be read ({error.strerror or error})", file=str(file)) from None
    if not _KEY_TEXT.fullmatch(text):
        raise FileProblem(f"{file}: this is no key; expected at least {2 * _SHORTEST_KEY} hexadecimal digits "
                          "(0-9, a-f) and nothing else", file=str(file))
    return bytes.fromhex(text)


def _refuse_inside(file: Path, folders: Iterable[str | Path], *, what: str) -> None:
    """Refuse a place from which a secret would be handed on together with the study."""
    above = file.resolve().parents
    named = {Path(folder).resolve() for folder in folders}
    for folder in above:
        if folder in named or (folder / "rupturekit.toml").exists():
            raise FileProblem(f"{file}: a {what} inside the study folder {folder.name} would be handed on with it; "
                              "name a place outside", file=str(file))


# --- names -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True, repr=False)
class Crosswalk:
    """Which pseudonym stands for which name of one study; as secret as the key.

    Attributes
    ----------
    rows : tuple of (kind, name, pseudonym)
        Sorted by kind and pseudonym. Kinds are dyad, person (therapists, raters, tracks), episode, event, and subject
        for what labels speak of and no table has.
    """

    rows: tuple[tuple[str, str, str], ...]

    def name_of(self, pseudonym: str) -> str:
        """Return the name behind a pseudonym.

        Raises
        ------
        RecordError
            Where no name of this study has it.
        """
        found = [name for _, name, other in self.rows if other == pseudonym]
        if not found:
            raise RecordError(f"{pseudonym!r:.80} is no pseudonym of this study under this key; is it the key that the "
                              "study was handed on with?", value=pseudonym)
        return found[0]

    def __repr__(self) -> str:
        return f"Crosswalk({len(self.rows):,} names)"    # never the names: what is shown is soon pasted


class _Namer:
    """Gives every name its pseudonym under a key, remembers them, and refuses two names with one pseudonym."""

    def __init__(self, key: bytes, *, coding: Coding) -> None:
        if not _is_key(key):
            raise RecordError(f"expected a key of at least {_SHORTEST_KEY} bytes; make_key writes one", field="key")
        self._key = key
        # Who rated is often said by role; a role is not a name.
        self._roles = frozenset([*coding.parties, *Perspective])
        self.given: dict[tuple[str, str], str] = {}
        self._owners: dict[str, tuple[str, str]] = {}

    def of(self, kind: str, name: str) -> str:
        """Return the pseudonym of a name."""
        if kind == "person" and name in self._roles:
            return name
        known = (kind, name)
        if known not in self.given:
            pseudonym = f"{_LETTERS[kind]}-{_digest(self._key, kind, name)}"
            if self._owners.setdefault(pseudonym, known) != known:
                raise RecordError(f"two names of kind {kind} have one pseudonym under this key; make another key",
                                  field=kind)
            self.given[known] = pseudonym
        return self.given[known]

    def table(self, table: Table[Any]) -> Table[Any]:
        """Return a table with the words of every column that holds names replaced."""
        levels = {field: tuple(self.of(_KINDS[field], word) for word in words) if field in _KINDS else words
                  for field, words in table.levels.items()}
        return Table.from_columns(table.record, arrays=table.arrays, levels=levels)


def _is_key(key: object) -> bool:
    return isinstance(key, bytes) and len(key) >= _SHORTEST_KEY


def _digest(key: bytes, kind: str, name: str) -> str:
    whole = hmac.digest(key, f"{kind}\0{name}".encode(), hashlib.sha256)
    return base64.b32encode(whole).decode("ascii")[:_LENGTH].lower()


# --- pseudonymising ----------------------------------------------------------------------------------------------


@overload
def pseudonymise(data: Study, *, key: bytes, keep: Iterable[str] = (), name: str = "pseudonymised") -> Study: ...
@overload
def pseudonymise(data: Cohort, *, key: bytes, keep: Iterable[str] = (), name: str = "pseudonymised") -> Cohort: ...
def pseudonymise(data: Study | Cohort, *, key: bytes, keep: Iterable[str] = (), name: str = "pseudonymised"
                 ) -> Study | Cohort:
    """Return a study in which every name that people chose is a pseudonym, and free text is left out.

    Replaced are dyads, therapists, raters, tracks, episodes and context events, wherever they stand. Rows come in the
    order of the pseudonyms and moves are numbered anew, since the old order could follow the alphabet or the order of
    intake. Days count from the dyad's first session. Codes, parties, arms, measures and times within sessions stay.
    The settings are written anew, without their [analysis] part; episodes that a rule drew are drawn again.

    Parameters
    ----------
    key : bytes
        At least 16; see `make_key`. Handed on with the study, it undoes what it did.
    keep : names of what is not to be left out
        Of `KEPT_ON_REQUEST`, or label attributes that take any text, such as `cost_of_raising`.
    name : str
        What the study is called from now on; its own name may point to a place or a person.

    Raises
    ------
    RecordError
        Where the key is too short, `keep` names what is not there, or two names have one pseudonym.

    Warns
    -----
    CodingWarning
        Where a replaced name still stands in what was kept; the place is told, the name is not. Names of one letter,
        and numbers of one or two digits, are not looked for.

    >>> from rupturekit.example import example_cohort
    >>> shared = pseudonymise(example_cohort(), key=b"sixteen bytes or more")
    >>> shared.moves[0].dyad, shared.moves[0].track, shared.moves[0].row_id
    ('D-2eoalraame4h', 'P-ahzwppby33oc', 1)
    """
    study = as_study(data, name=name)
    kept = _kept(keep, study.cohort)
    names = _Namer(key, coding=study.cohort.coding)
    description = study.description if "description" in kept else _DESCRIPTION
    done = Study(name=name, description=description, cohort=_cohort(study.cohort, names, kept))
    _warn_of_names_left(done, names)
    return done if isinstance(data, Study) else done.cohort


def crosswalk(data: Study | Cohort, *, key: bytes) -> Crosswalk:
    """Return which pseudonym stands for which name, from the study with the names and the key.

    >>> from rupturekit.example import example_cohort
    >>> crosswalk(example_cohort(), key=b"sixteen bytes or more").name_of("D-2eoalraame4h")
    'X07'
    """
    cohort = as_study(data, name="").cohort
    names = _Namer(key, coding=cohort.coding)
    _cohort(cohort, names, frozenset(_open_attributes(cohort)))
    return Crosswalk(rows=tuple(sorted(((kind, name, given) for (kind, name), given in names.given.items()),
                                       key=lambda row: (row[0], row[2]))))


def write_crosswalk(found: Crosswalk, path: str | Path, *, outside: Iterable[str | Path] = ()) -> None:
    """Write the table of names and pseudonyms to a file that its owner alone may read, outside of any study folder.

    Raises
    ------
    FileProblem
        Where the file lies in a study folder or cannot be written.
    """
    file = Path(path)
    _refuse_inside(file, outside, what="table of names")
    text = io.StringIO()
    rows = [(kind, grammar.neutralise(name), pseudonym) for kind, name, pseudonym in found.rows]
    csv.writer(text, lineterminator="\n").writerows([("kind", "name", "pseudonym"), *rows])
    try:
        atomic.write_bytes(file, text.getvalue().encode(), private=True)
    except OSError as error:
        raise FileProblem(f"{file}: cannot be written ({error.strerror or error})", file=str(file)) from None


def _kept(keep: Iterable[str], cohort: Cohort) -> frozenset[str]:
    if isinstance(keep, str):
        raise RecordError(f"keep: expected several names but got the text {keep!r:.80}; write keep=[{keep!r:.80}]",
                          field="keep", value=keep)
    kept, known = frozenset(keep), [*KEPT_ON_REQUEST, *_open_attributes(cohort)]
    for word in sorted(kept - set(known)):
        raise RecordError(f"keep: {word!r:.80} is nothing that is left out{did_you_mean(word, known)}; "
                          f"it can be any of {listed(known, most=30)}", field="keep", value=word)
    return kept


def _open_attributes(cohort: Cohort) -> list[str]:
    """Return the attributes of labels that take any text: those of the study's own, and a few of the library's."""
    return [name for name in cohort.labels.levels["attribute"] if not ATTRIBUTES.get(name)]


def _cohort(cohort: Cohort, names: _Namer, kept: frozenset[str]) -> Cohort:
    moves, row_ids = _moves(cohort, names, kept)
    days = _first_days(cohort)
    context = _without(_since_first(cohort.context, days), "note", kept)
    tracks = [Track(name=names.of("person", track.name), kind=track.kind, rule=track.rule if "rule" in kept else "")
              for track in cohort.tracks]
    return Cohort.of(
        moves, coding=cohort.coding, sessions=names.table(_since_first(cohort.sessions, days)),
        dyads=names.table(cohort.dyads), observed=names.table(cohort.observed),
        ratings=_by(names.table(cohort.ratings), "dyad", "session"), context=_by(names.table(context), "dyad", "event"),
        needs=_by(names.table(cohort.needs), "dyad", "session"), labels=_labels(cohort, names, kept, row_ids),
        episodes=names.table(cohort.coded.rows), members=_members(cohort, names, row_ids),
        tracks=sorted(tracks, key=lambda track: track.name))


def _moves(cohort: Cohort, names: _Namer, kept: frozenset[str]) -> tuple[Table[Move], dict[int, int]]:
    """Return the moves in the order of the pseudonyms, numbered anew, and the new number of each old one."""
    moves = names.table(cohort.moves)
    for field in ("note", "media", "source_row"):
        moves = _without(moves, field, kept)
    moves = _by(moves, "dyad", "track", "session", "onset", "tie", "row_id")
    fresh = np.arange(1, len(moves) + 1, dtype="i8")
    return moves.replace(row_id=fresh), dict(zip(moves.row_id.tolist(), fresh.tolist(), strict=True))


def _by(table: Table[Any], *fields: str) -> Table[Any]:
    return table.take(np.lexsort([table.arrays[field] for field in reversed(fields)]))


def _without(table: Table[Any], field: str, kept: frozenset[str]) -> Table[Any]:
    if field in kept:
        return table
    column = _schema.columns(table.record)[field]
    nothing = np.full(len(table), ABSENT_CODE if column.is_word else ABSENT, dtype=column.dtype)
    return Table.from_columns(table.record, arrays={**table.arrays, field: nothing}, levels=table.levels)


def _first_days(cohort: Cohort) -> dict[str | None, int]:
    """Return for each dyad the day of its first session, or of its first event where no session has a day."""
    first: dict[str | None, int] = {}
    for table in (cohort.context, cohort.sessions):    # what sessions say goes over what events say
        here: dict[str | None, int] = {}
        for dyad, day in zip(table.words("dyad"), table.arrays["day"].tolist(), strict=True):
            if day != ABSENT:
                here[dyad] = min(day, here.get(dyad, day))
        first |= here
    return first


def _since_first(table: Table[Any], first: Mapping[str | None, int]) -> Table[Any]:
    days = [ABSENT if day == ABSENT else day - first[dyad]
            for dyad, day in zip(table.words("dyad"), table.day.tolist(), strict=True)]
    if any(not ABSENT <= day < -ABSENT for day in days):
        raise RecordError("days of one dyad lie further apart than 64 bits hold; correct them first", field="day")
    return table.replace(day=np.array(days, dtype="i8"))


def _members(cohort: Cohort, names: _Namer, row_ids: Mapping[int, int]) -> list[Member]:
    coded = cohort.coded
    owners = np.repeat(np.arange(len(coded)), coded.lengths).tolist()
    words = [names.of("episode", str(word)) for word in coded.rows.words("episode")]
    old = cohort.moves.row_id[coded.members].tolist()
    return [Member(episode=words[owner], row_id=row_ids[row_id]) for owner, row_id in zip(owners, old, strict=True)]


def _labels(cohort: Cohort, names: _Namer, kept: frozenset[str], row_ids: Mapping[int, int]) -> Table[Label]:
    """Return the labels without free text, their subjects renamed, sorted by subject."""
    labels = cohort.labels.take(_sayable(cohort.labels, kept))
    told = zip(labels.words("subject_kind"), labels.words("subject"), strict=True)
    moves = {str(old): str(fresh) for old, fresh in row_ids.items()}
    subjects = [_subject(str(kind), str(subject), names, moves) for kind, subject in told]
    levels = tuple(sorted(set(subjects)))
    place = {word: at for at, word in enumerate(levels)}
    renamed = Table.from_columns(
        Label, arrays={**labels.arrays, "subject": np.array([place[word] for word in subjects], dtype="i4")},
        levels={**labels.levels, "subject": levels})
    return _by(names.table(renamed), "subject_kind", "subject")


def _sayable(labels: Table[Label], kept: frozenset[str]) -> Array:
    """Return which labels hold no free text: a closed attribute, a number or `unknown`, or one asked for."""
    stated = zip(labels.words("attribute"), labels.words("value"), strict=True)
    return np.array([bool(ATTRIBUTES.get(str(attribute))) or attribute in kept or _is_plain(str(attribute), str(value))
                     for attribute, value in stated], dtype=bool)


def _is_plain(attribute: str, value: str) -> bool:
    """Return whether a value is `unknown` or a number that is nobody's; those of own attributes may be insurance's."""
    if attribute not in ATTRIBUTES:
        return value == UNKNOWN or _SHORT_NUMBER.fullmatch(value) is not None
    try:
        grammar.parse_float(value)
    except InvalidNumber:
        return value == UNKNOWN
    return True


def _subject(kind: str, subject: str, names: _Namer, moves: Mapping[str, str]) -> str:
    """Return the pseudonym of what a label speaks of; what is not understood is replaced whole."""
    if kind in ("episode", "dyad", "context"):
        return names.of("event" if kind == "context" else kind, subject)
    if kind == "move" and subject in moves:
        return moves[subject]
    dyad, _, session = subject.rpartition("/")
    if kind == "session" and dyad and _SESSION.fullmatch(session):
        return f"{names.of('dyad', dyad)}/{session}"
    return names.of("subject", subject)


# --- what may be left --------------------------------------------------------------------------------------------


def _warn_of_names_left(study: Study, names: _Namer) -> None:
    """Tell where a name that was replaced still stands in words that were kept."""
    looked_for = {name.casefold() for _, name in names.given
                  if len(name) >= (_SHORTEST_NUMBER if name.isdigit() else _SHORTEST_NAME)}
    for place, words in _kept_words(study):
        text = "\n".join(words).casefold()
        found = sum(1 for name in looked_for if name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))
        if found:
            said = "1 name that was replaced still stands" if found == 1 else f"{found:,} replaced names still stand"
            warnings.warn(f"{said} in {place}; change these words before the study is handed on", CodingWarning,
                          stacklevel=3)


def _kept_words(study: Study) -> Iterator[tuple[str, Iterable[str]]]:
    cohort = study.cohort
    yield "the name and description of the study", (study.name, study.description)
    yield "the rules of tracks", (track.rule for track in cohort.tracks)
    yield "the codebook", (str(word) for word in attrs.astuple(cohort.coding.codebook))
    tables: dict[str, Table[Any]] = {
        "moves": cohort.moves, "dyads": cohort.dyads, "observed": cohort.observed, "ratings": cohort.ratings,
        "needs": cohort.needs, "context": cohort.context, "labels": cohort.labels}
    for name, table in tables.items():
        for field, words in table.levels.items():
            if field not in _KINDS and field != "subject" and _schema.columns(table.record)[field].levels is None:
                yield f"column {field!r} of {name}", words
