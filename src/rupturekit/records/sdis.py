"""GSEQ out: a cohort written as timed-event sequential data in SDIS, the notation that GSEQ reads.

No copy of GSEQ was at hand, and no data file of its makers. The notation here is that which other programs are known to
write for it: BORIS writes comments behind `%`, the declaration `Timed <seconds>;`, each sequence with its name in angle
brackets, events as `code,onset-offset`, and `/` at the end. Two things follow what is known of the notation from its
descriptions alone: an event without an end is written `code,onset`; and the sessions of a dyad are parted by `;`, so
that `/` ends the dyad. Try one file in GSEQ before you rely on many.

Events may overlap, as timed-event data allow. Seconds are written with all their decimals; turns as whole numbers,
declared as `Timed <turns>;`, for which there is no example elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import attrs

from rupturekit.cohort import Cohort, choose_track
from rupturekit.episode import Move
from rupturekit.errors import FileProblem
from rupturekit.problems import excerpt
from rupturekit.records.atomic import write_bytes
from rupturekit.records.grammar import format_scaled
from rupturekit.vocabulary import TimeKind

__all__ = ["Renamed", "SdisFile", "write_sdis"]

_LONGEST: Final = 16
_NOBODY: Final = "x"
_MILLISECOND: Final = 1_000


class Renamed(NamedTuple):
    """Say which party and code stand behind a label of the file; the party is None where the coders did not say.

    >>> Renamed("client", "wd-p", "client_wd_p").label
    'client_wd_p'
    """

    party: str | None
    code: str
    label: str


@attrs.frozen(kw_only=True)
class SdisFile:
    """Account for a file that was written for GSEQ.

    Attributes
    ----------
    file : str
        The name of the file.
    track : str
        The track that was written.
    sequences, events : int
        The sessions and moves that stand in it.
    renamed : tuple of Renamed
        What each label stands for, in the order of the labels.
    left_out : tuple of str
        What the cohort holds and the notation cannot, a sentence each.
    """

    file: str
    track: str
    sequences: int
    events: int
    renamed: tuple[Renamed, ...]
    left_out: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.file}: {self.events:,} events in {self.sequences:,} sequences, track {self.track}"]
        lines += [f"label {each.label}: {each.party or 'nobody'}, {each.code}" for each in self.renamed]
        return "\n  ".join([*lines, *(f"left out: {what}" for what in self.left_out)])


def write_sdis(cohort: Cohort, path: str | Path, *, track: str | None = None) -> SdisFile:
    """Write one track of a cohort as timed-event data for GSEQ; the file appears whole or not at all.

    A label is made of party and code: letters, digits and underscores, at most 16, no two alike whatever their case.
    Sequences are named by dyad and session.

    Raises
    ------
    RecordError
        Where the track has to be named and is not, or there is no such track.
    FileProblem
        Where the file cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, seconds
    >>> moves = [Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=seconds(1.5), row_id=1,
    ...               offset=seconds(4)),
    ...          Move(dyad="D1", session=1, track="r1", party="therapist", code="invite", onset=seconds(3), row_id=2)]
    >>> with TemporaryDirectory() as folder:
    ...     written = write_sdis(Cohort.of(moves, coding=Coding(codebook=load_codebook("stages"))),
    ...                          Path(folder, "demo.sds"))
    ...     print(Path(folder, "demo.sds").read_text(), end="")
    % written by rupturekit: track r1
    % client_wd = client, wd
    % therapist_invite = therapist, invite
    Timed <seconds>;
    <D1_1>
    client_wd,1.5-4
    therapist_invite,3 /
    >>> written.events, written.left_out
    (2, ())
    """
    path = Path(path)
    name = choose_track(cohort, track)
    moves = [move for move in cohort.moves if move.track == name]
    labels = _labels((move.party, move.code) for move in moves)
    text = "\n".join(_lines(cohort, name, moves, labels)) + "\n"
    try:
        write_bytes(path, text.encode("utf-8"))
    except OSError as error:
        reason = error.strerror or "no reason is given"
        raise FileProblem(f"{excerpt(path.name)}: could not be written: {reason}", file=excerpt(path.name)) from error
    renamed = tuple(Renamed(party, code, label) for (party, code), label in labels.items())
    return SdisFile(file=excerpt(path.name), track=name, events=len(moves), renamed=renamed,
                    sequences=len({(move.dyad, move.session) for move in moves}),
                    left_out=tuple(_left_out(cohort, moves)))


# --- labels --------------------------------------------------------------------------------------


def _labels(pairs: Iterable[tuple[str | None, str]]) -> dict[tuple[str | None, str], str]:
    """Give each party and code a label of its own, in the order of party and code."""
    found: dict[tuple[str | None, str], str] = {}
    taken: set[str] = set()
    for party, code in sorted(set(pairs), key=lambda pair: (pair[0] or "", pair[1])):
        found[party, code] = _free(f"{party or _NOBODY}_{code}", taken, most=_LONGEST)
        taken.add(found[party, code].casefold())
    return found


def _free(text: str, taken: set[str], *, most: int) -> str:
    """Return the text as a label that is not taken, numbered where it has to be."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    plain = plain if plain[:1].isalpha() else f"c_{plain}"
    label, number = plain[:most].rstrip("_"), 2
    while label.casefold() in taken:
        ending = f"_{number}"
        label, number = plain[: most - len(ending)].rstrip("_") + ending, number + 1
    return label


# --- lines ---------------------------------------------------------------------------------------


def _lines(cohort: Cohort, track: str, moves: list[Move], labels: dict[tuple[str | None, str], str]) -> Iterator[str]:
    yield f"% written by rupturekit: track {_comment(track)}"
    yield from (f"% {label} = {_comment(party or 'nobody')}, {_comment(code)}" for (party, code), label in
                labels.items())
    clock = cohort.coding.time.has_clock
    yield f"Timed <{'seconds' if clock else 'turns'}>;"
    sessions: dict[tuple[str, int], list[Move]] = {}
    for move in moves:
        sessions.setdefault((move.dyad, move.session), []).append(move)
    names = _names(sessions)
    keys = list(sessions)
    for at, key in enumerate(keys):
        yield f"<{names[key]}>"
        events = [_event(move, labels[move.party, move.code], clock=clock) for move in sessions[key]]
        last = at + 1 == len(keys) or keys[at + 1][0] != key[0]
        yield from (*events[:-1], f"{events[-1]} {'/' if last else ';'}")


def _comment(text: str) -> str:
    # A comment ends with its line; whether another % would end it, the descriptions do not say.
    return excerpt(text).replace("%", "_")


def _names(sessions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    found: dict[tuple[str, int], str] = {}
    taken: set[str] = set()
    for dyad, session in sessions:
        found[dyad, session] = _free(f"{dyad}_{session}", taken, most=60)
        taken.add(found[dyad, session].casefold())
    return found


def _event(move: Move, label: str, *, clock: bool) -> str:
    places = 6 if clock else 0
    end = "" if move.offset is None else f"-{format_scaled(move.offset, places=places)}"
    return f"{label},{format_scaled(move.onset, places=places)}{end}"


# --- what is left out ----------------------------------------------------------------------------


def _left_out(cohort: Cohort, moves: list[Move]) -> Iterator[str]:
    for count, what in ((sum(move.rating is not None for move in moves), "ratings of moves"),
                        (sum(move.note is not None for move in moves), "notes"),
                        (sum(move.media is not None for move in moves), "places on the recording"),
                        (len(cohort.labels), "labels"), (len(cohort.ratings), "ratings of sessions"),
                        (len(cohort.needs), "statements of needs"), (len(cohort.context), "context events"),
                        (len(cohort.observed), "observed stretches"), (len(cohort.columns), "episodes")):
        if count:
            yield f"{what}: {count:,}"
    others = [name for name in cohort.track_names if moves and name != moves[0].track]
    if others:
        yield f"other tracks: {len(others):,}"
    lengths = sum(session.duration is not None for session in cohort.sessions)
    if lengths:
        yield f"lengths of sessions: {lengths:,}; a sequence ends with its last event"
    if cohort.coding.time is TimeKind.SEGMENT:
        yield "that times are those of segments: each event begins with its segment"
    if cohort.coding.time.has_clock and any(_is_fine(move) for move in moves):
        yield "what GSEQ may round: some times are finer than a millisecond"


def _is_fine(move: Move) -> bool:
    return bool(move.onset % _MILLISECOND or (move.offset or 0) % _MILLISECOND)
