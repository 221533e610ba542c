"""What of a study may be shown: names behind numbers where they are to be hidden, and no free text unless asked for.

The rows stay in their order, so that whatever is worked out from them without chance comes out the same. One place
decides what may be read; the sections after it show what they are handed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
import numpy as np

from rupturekit._schema import ABSENT_CODE
from rupturekit._table import Table, constant
from rupturekit._views.closed_words import said_or_hidden
from rupturekit.cohort import Cohort
from rupturekit.episode import ATTRIBUTES, Label
from rupturekit.records.losses import LossReport
from rupturekit.records.study import Study
from rupturekit.vocabulary import Perspective

__all__ = ["study_to_show"]

_KINDS: Final[Mapping[str, str]] = {"dyad": "D", "therapist": "T", "rater": "R", "track": "reading ", "episode": "E",
                                    "event": "C"}
"""Which columns hold names, whatever the table, and what stands before their numbers."""

_SUBJECTS: Final[Mapping[str, str]] = {"episode": "E", "dyad": "D", "context": "C"}


def study_to_show(study: Study, *, hide_ids: bool, free_text: bool) -> Study:
    """Return a study as it may be shown.

    Parameters
    ----------
    hide_ids : bool
        Whether dyads, therapists, raters, tracks, episodes, context events and the study are numbered instead of named.
    free_text : bool
        Whether notes and the free text of labels may be read; otherwise their length is told.

    >>> from rupturekit.example import example_cohort
    >>> shown = study_to_show(Study(name="pilot", cohort=example_cohort()), hide_ids=True, free_text=False)
    >>> shown.name, shown.cohort.moves.levels["dyad"][:2], shown.cohort.track_names
    ('study', ('D01', 'D02'), ('reading 1', 'reading 2'))
    """
    cohort = study.cohort
    if not free_text:
        cohort = _without_text(cohort)
        study = attrs.evolve(study, description="")
    losses = study.losses and _losses(study.losses, hide_ids=hide_ids, free_text=free_text)
    if not hide_ids:
        return attrs.evolve(study, cohort=cohort, losses=losses)
    return attrs.evolve(study, name="study", origin="", losses=losses, cohort=_numbered(cohort))


# --- what was lost -------------------------------------------------------------------------------------------------

_QUOTED: Final = re.compile(r"'(.*)'")
"""A value of a cell in the reason why a row was left out; it may hold such signs itself."""


def _losses(losses: LossReport, *, hide_ids: bool, free_text: bool) -> LossReport:
    """Return an account of losses without values that may be names or texts: any cell may be left out."""
    def said(text: str) -> str:
        return _QUOTED.sub(lambda found: _value(found[1], hide_ids=hide_ids, free_text=free_text), text)

    held = {field: tuple(tally._replace(what=said(tally.what)) for tally in getattr(losses, field))
            for field in ("lost", "empty", "added", "adjusted")}
    return attrs.evolve(losses, file="the sheet" if hide_ids else losses.file, lost=held["lost"], empty=held["empty"],
                        added=held["added"], adjusted=held["adjusted"], warnings=tuple(map(said, losses.warnings)),
                        unused_columns=() if hide_ids else losses.unused_columns)


def _value(value: str, *, hide_ids: bool, free_text: bool) -> str:
    if hide_ids:
        return "'\u2026'"
    return f"'{value}'" if free_text or " " not in value else said_or_hidden(value)


# --- free text -----------------------------------------------------------------------------------------------------


def _without_text(cohort: Cohort) -> Cohort:
    labels = cohort.labels
    open_ones = [at for at, name in enumerate(labels.levels["attribute"]) if not ATTRIBUTES.get(name)]
    free = np.isin(labels.attribute, open_ones).tolist()
    values = [said_or_hidden(str(word)) if hidden else str(word)
              for word, hidden in zip(labels.words("value"), free, strict=True)]
    return attrs.evolve(cohort, moves=_without_notes(cohort.moves), context=_without_notes(cohort.context),
                        labels=_with_words(labels, "value", values))


def _without_notes(table: Table[Any]) -> Table[Any]:
    nothing = constant(ABSENT_CODE, count=len(table), dtype="i4")
    return Table.from_columns(table.record, arrays={**table.arrays, "note": nothing}, levels=table.levels)


def _with_words(table: Table[Any], field: str, words: Sequence[str]) -> Table[Any]:
    """Return a table with one column of words replaced, row by row."""
    levels = tuple(sorted(set(words)))
    place = {word: at for at, word in enumerate(levels)}
    codes = np.array([place[word] for word in words], dtype="i4")
    return Table.from_columns(table.record, arrays={**table.arrays, field: codes},
                              levels={**table.levels, field: levels})


# --- names ---------------------------------------------------------------------------------------------------------


def _numbered(cohort: Cohort) -> Cohort:
    names = _names(cohort)
    roles = {*cohort.coding.parties, *map(str, Perspective)} & names["R"].keys()
    names["R"] |= {role: role for role in roles}    # a role is nobody's name
    renamed: dict[str, Any] = {field: _renamed(getattr(cohort, field), names) for field in _TABLES}
    coded = attrs.evolve(cohort.coded, rows=_renamed(cohort.coded.rows, names))
    tracks = tuple(attrs.evolve(track, name=names["reading "][track.name], rule="") for track in cohort.tracks)
    labels = _renamed(_with_words(cohort.labels, "subject", _subjects(cohort.labels, names)), names)
    return attrs.evolve(cohort, **renamed, labels=labels, coded=coded, columns=coded, tracks=tracks)


_TABLES: Final = ("moves", "sessions", "dyads", "observed", "ratings", "needs", "context")


def _names(cohort: Cohort) -> dict[str, dict[str, str]]:
    """Return kind -> name -> what stands for it: numbers in the order of the names, padded so that they sort alike."""
    held: dict[str, set[str]] = {kind: set() for kind in _KINDS.values()}
    tables = [getattr(cohort, field) for field in (*_TABLES, "labels")]
    for table in (*tables, cohort.coded.rows):
        for field, letter in _KINDS.items():
            held[letter] |= set(table.levels.get(field, ()))
    held["reading "] |= {track.name for track in cohort.tracks}
    told = zip(cohort.labels.words("subject_kind"), cohort.labels.words("subject"), strict=True)
    for kind, subject in told:
        if kind in _SUBJECTS:
            held[_SUBJECTS[str(kind)]].add(str(subject))
        elif kind == "session":
            held["D"].add(str(subject).rpartition("/")[0])
    return {kind: _counted_out(kind, words) for kind, words in held.items()}


def _counted_out(kind: str, words: Iterable[str]) -> dict[str, str]:
    ordered = sorted(words)
    width = len(str(len(ordered)))
    return {word: f"{kind}{at:0{width}d}" for at, word in enumerate(ordered, start=1)}


def _renamed(table: Table[Any], names: Mapping[str, Mapping[str, str]]) -> Table[Any]:
    levels = {field: tuple(names[_KINDS[field]][word] for word in words) if field in _KINDS else words
              for field, words in table.levels.items()}
    return Table.from_columns(table.record, arrays=table.arrays, levels=levels)


def _subjects(labels: Table[Label], names: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return what labels speak of, by number; moves keep theirs, which is a row of the file."""
    said = zip(labels.words("subject_kind"), labels.words("subject"), strict=True)
    return [_subject(str(kind), str(subject), names) for kind, subject in said]


def _subject(kind: str, subject: str, names: Mapping[str, Mapping[str, str]]) -> str:
    if kind in _SUBJECTS:
        return names[_SUBJECTS[kind]][subject]
    if kind == "session":
        dyad, _, session = subject.rpartition("/")
        return f"{names['D'][dyad]}/{session}"
    return subject
