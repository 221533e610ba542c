"""A cohort at a glance, as a page and as text: how much of what, by whom coded, dyad by dyad; never a free text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._html import (
    Markup,
    Row,
    counted,
    facts,
    figures,
    heading,
    line,
    page,
    shortened,
    spread,
    table,
    wide_row,
)
from rupturekit._schema import ABSENT
from rupturekit.vocabulary import TimeKind

if TYPE_CHECKING:
    from rupturekit._table import Table
    from rupturekit.cohort import Cohort

__all__ = ["Glance", "cohort_html", "cohort_text", "counts_of", "glance"]

MOST_TRACKS: Final = 10
MOST_DYADS: Final = 10
MOST_LINES: Final = 400

Pairs = npt.NDArray[np.int64]
"""Rows of (dyad number, session), each once, sorted."""


@attrs.frozen(kw_only=True)
class Glance:
    """What is said of a cohort, in words and tables, before it is text or markup.

    `tracks` holds (name, kind, moves, sessions, observed); `dyads` (dyad, sessions, moves, episodes) for the first.
    """

    counts: Mapping[str, int]
    facts: tuple[tuple[str, str], ...]
    tracks: tuple[tuple[str, str, int, int, str], ...]
    more_tracks: int
    dyads: tuple[tuple[str, int, int, int], ...]
    more_dyads: int


def counts_of(cohort: Cohort) -> dict[str, int]:
    """Return how many moves, dyads, sessions, tracks and episodes there are, without walking the rows."""
    return _counts(cohort, *_meetings(cohort))


def _counts(cohort: Cohort, names: list[str], meetings: Pairs) -> dict[str, int]:
    return {"move": len(cohort.moves), "dyad": len(set(names) | set(cohort.dyads.levels["dyad"])),
            "session": len(meetings), "track": len(cohort.track_names), "episode": len(cohort.columns)}


def glance(cohort: Cohort) -> Glance:
    """Look a cohort over once; both the text and the page are made of it."""
    first, more, _ = spread(len(cohort.tracks), first=MOST_TRACKS)
    names, meetings = _meetings(cohort)
    dyads, more_dyads = _dyads(cohort, names, meetings)
    return Glance(counts=_counts(cohort, names, meetings), facts=tuple(_facts(cohort)), dyads=dyads,
                  more_dyads=more_dyads, tracks=tuple(_track(cohort, at) for at in first), more_tracks=more)


def _facts(cohort: Cohort) -> Iterator[tuple[str, str]]:
    coding, book = cohort.coding, cohort.coding.codebook
    yield "coded with", f"{shortened(book.title, 160)} ({book.name}), one code a {book.unit}"
    yield "parties", " and ".join(shortened(party, 60) for party in coding.parties)
    unit = f" of {(coding.segment or 0) / 1_000_000:g} s" if coding.time is TimeKind.SEGMENT else ""
    yield "time", f"{coding.time}{unit}" + ("" if coding.time.has_clock else ": there are no seconds")
    yield "episodes drawn by", "their coders" if cohort.rule == "coders" else f"the rule {shortened(cohort.rule, 80)}"
    if len(cohort.coded) and cohort.rule != "coders":
        yield "drawn by the coders, beside them", counted(len(cohort.coded), "episode")
    held = (("moves", cohort.moves), ("sessions", cohort.sessions), ("dyads", cohort.dyads),
            ("observed", cohort.observed), ("ratings", cohort.ratings), ("needs", cohort.needs),
            ("context", cohort.context), ("labels", cohort.labels))
    yield "tables, rows", ", ".join(f"{name} {len(rows):,}" for name, rows in held if len(rows)) or "none"
    absent = ", ".join(name for name, rows in held if not len(rows))
    if absent:
        yield "tables that are not there", absent


# --- who met when ------------------------------------------------------------------------------------------------


def _meetings(cohort: Cohort) -> tuple[list[str], Pairs]:
    """Return the dyads that any table of sessions names, and each (dyad, session) once."""
    tables: tuple[Table[Any], ...] = (cohort.moves, cohort.sessions, cohort.observed, cohort.ratings)
    names = sorted({name for rows in tables for name in rows.levels["dyad"]})
    return names, _each_once(np.concatenate([_pairs(rows, names) for rows in tables]))


def _pairs(rows: Table[Any], names: list[str], of: npt.NDArray[np.int64] | None = None) -> Pairs:
    """Return the (dyad, session) of rows where it differs from the row before: few, where the table is sorted."""
    at = {name: number for number, name in enumerate(names)}
    number = np.array([at.get(name, -1) for name in rows.levels["dyad"]], dtype="i8")
    dyad, session = (rows.dyad, rows.session) if of is None else (rows.dyad[of], rows.session[of])
    fresh = np.ones(len(dyad), dtype=bool)
    fresh[1:] = (dyad[1:] != dyad[:-1]) | (session[1:] != session[:-1])
    where = np.flatnonzero(fresh)
    if not len(where):
        return np.zeros((0, 2), dtype="i8")
    return np.stack([number[dyad[where]], session[where]], axis=1)


def _each_once(pairs: Pairs) -> Pairs:
    ordered = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    fresh = np.ones(len(ordered), dtype=bool)
    fresh[1:] = (np.diff(ordered, axis=0) != 0).any(axis=1)
    return ordered[fresh]


def _dyads(cohort: Cohort, names: list[str], meetings: Pairs) -> tuple[tuple[tuple[str, int, int, int], ...], int]:
    every = sorted(set(names) | set(cohort.dyads.levels["dyad"]))
    at = {name: number for number, name in enumerate(names)}
    sessions = np.bincount(meetings[:, 0], minlength=len(names))
    moves, episodes = _by_word(cohort.moves, "dyad"), _by_word(cohort.columns.rows, "dyad")
    first, more, _ = spread(len(every), first=MOST_DYADS)
    return tuple((name, int(sessions[at[name]]) if name in at else 0, moves.get(name, 0), episodes.get(name, 0))
                 for name in every[: len(first)]), more


def _by_word(rows: Table[Any], column: str) -> dict[str, int]:
    """Return how many rows hold each word of a column."""
    counts = np.bincount(rows.arrays[column] + 1, minlength=len(rows.levels[column]) + 1)
    return dict(zip(rows.levels[column], counts[1:].tolist(), strict=True))


# --- what was observed -------------------------------------------------------------------------------------------


def _track(cohort: Cohort, at: int) -> tuple[str, str, int, int, str]:
    track, moves = cohort.tracks[at], cohort.moves
    code = moves.code_of("track", word=track.name)
    where = np.flatnonzero(moves.track == code)
    sessions = len(_each_once(_pairs(moves, list(moves.levels["dyad"]), where)))
    kind = f"{track.kind}{f': {shortened(track.rule, 60)}' if track.rule else ''}"
    return track.name, kind, len(where), sessions, _observed(cohort, track.name)


def _observed(cohort: Cohort, track: str) -> str:
    """Say how much of the time on record a track observed: of the sessions it looked at whose length is known."""
    if not len(cohort.observed):
        return "not recorded: whole sessions are taken as coded"
    here = cohort.observed.take(np.flatnonzero(cohort.observed.track == cohort.observed.code_of("track", word=track)))
    if not len(here):
        return "no stretch"
    said = counted(len(_each_once(_pairs(here, list(here.levels["dyad"])))), "session")
    length = {(dyad, session): duration for dyad, session, duration in zip(
        cohort.sessions.words("dyad"), cohort.sessions.session.tolist(), cohort.sessions.duration.tolist(), strict=True)
        if duration != ABSENT}
    keys = list(zip(here.words("dyad"), here.session.tolist(), strict=True))
    seen = sum(max(0, min(end, length[key]) - start) for key, start, end in
               zip(keys, here.start.tolist(), here.end.tolist(), strict=True) if key in length)
    whole = sum(length[key] for key in set(keys) & length.keys())
    return f"{said}, {100 * seen / whole:.0f} % of their time" if whole else f"{said} of unknown length"


# --- said --------------------------------------------------------------------------------------------------------


def cohort_html(cohort: Cohort, *, kind: str = "Cohort", name: str = "") -> Markup:
    """Return a cohort for a notebook."""
    said = glance(cohort)
    tracks: list[Row] = list(said.tracks)
    tracks += [wide_row(f"... and {counted(said.more_tracks, 'more track')}", columns=5)] if said.more_tracks else []
    dyads: list[Row] = list(said.dyads)
    dyads += [wide_row(f"... and {counted(said.more_dyads, 'more dyad')}", columns=4)] if said.more_dyads else []
    big = figures((n, what if n == 1 else f"{what}s") for what, n in said.counts.items())
    by_track = (heading("Tracks"), table(("track", "kind", "moves", "sessions", "observed"), tracks)) if tracks else ()
    by_dyad = (heading("Dyads"), table(("dyad", "sessions", "moves", "episodes"), dyads)) if dyads else ()
    return page(kind, name, big, facts((what, line(text, most=240)) for what, text in said.facts), *by_track, *by_dyad)


def cohort_text(cohort: Cohort) -> str:
    """Return a cohort as lines of text."""
    said = glance(cohort)
    lines = [repr(cohort), *(f"  {what}: {text}" for what, text in said.facts)]
    lines += [f"  track {name} ({kind}): {counted(moves, 'move')} in {counted(sessions, 'session')}; "
              f"observed: {observed}" for name, kind, moves, sessions, observed in said.tracks]
    lines += [f"  ... and {counted(said.more_tracks, 'more track')}"] if said.more_tracks else []
    lines += [f"  dyad {name}: {counted(sessions, 'session')}, {counted(moves, 'move')}, {counted(episodes, 'episode')}"
              for name, sessions, moves, episodes in said.dyads]
    lines += [f"  ... and {counted(said.more_dyads, 'more dyad')}"] if said.more_dyads else []
    return "\n".join(shortened(text, MOST_LINES) for text in lines)
