"""The episodes of a report as the explorer takes them: columns to filter by, and pages of what each holds.

Words that many moves share are held once, with a sign for each number in them; times and rows are held as steps from
the one before. The page puts the lines together as `explanation` and `negotiation.story` say them, which tests hold
against each other in a browser. A page is read when an episode of it is opened.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs
import numpy as np

from rupturekit._html import plain, shortened
from rupturekit._schema import ABSENT
from rupturekit.analysis import Analysis
from rupturekit.ends import REACHED
from rupturekit.episode import Coding, Episode
from rupturekit.explanation import NOBODY, did_words, explanation
from rupturekit.negotiation.acts import NEEDS
from rupturekit.negotiation.story import Negotiation, story
from rupturekit.negotiation.table import SPELL_ENDS
from rupturekit.report.source import Source
from rupturekit.state_machine import StateMachine
from rupturekit.steps import Step, Trace
from rupturekit.vocabulary import ClosedBy, RuptureType, TimeKind

__all__ = ["LONGEST", "PER_PAGE", "EpisodeBook", "episode_book"]

LONGEST: Final = 200
"""Names and words are cut here, so that one text of ten thousand letters does not fill the page."""

PER_PAGE: Final = 50
_HEAD: Final = 3
"""How many lines an explanation has before its first move."""

NUMBER: Final = "\ue000"
"""Stands for a number in words that are held once: a sign that no language has."""

_COUNT: Final = re.compile(r"(?<![0-9.])(?:0|[1-9][0-9]{0,8})(?![0-9.][0-9]|[0-9])")
"""A whole number as Python and the page both write it; nothing with a point or with noughts before it."""

NOT_TRACED: Final = "not traced"
NO_TYPE: Final = "not stated"
_COLUMNS: Final = ("name", "dyad", "track", "type", "session", "moves", "end", "offModel", "skipped", "needs")
_ENDED: Final = ("no negotiation observed", "did not end", "mutual", "one party", "one sided")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class EpisodeBook:
    """The episodes of all readings, ready to be written as JSON.

    Attributes
    ----------
    index : mapping
        What is shared, and one column for each thing that episodes are listed and filtered by.
    pages : tuple of lists
        What each episode holds, `PER_PAGE` a page, in the order of the columns.
    """

    index: Mapping[str, Any]
    pages: tuple[list[dict[str, Any]], ...]

    def __len__(self) -> int:
        return len(self.index["name"])

    def __repr__(self) -> str:
        return f"EpisodeBook({len(self):,} episodes)"


class _Words:
    """Words, each held once and named by its place."""

    def __init__(self) -> None:
        self._place: dict[str, int] = {}

    def of(self, text: str) -> int:
        return self._place.setdefault(text, len(self._place))

    def all(self) -> list[str]:
        return [_cut(word, LONGEST * 3) for word in self._place]    # cut last: two long names stay two


def episode_book(source: Source) -> EpisodeBook:
    """Lay out every episode of every reading as it may be shown.

    >>> import warnings
    >>> from rupturekit.analysis import analyse
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.plan import Plan
    >>> from rupturekit.report.source import source_of
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     book = episode_book(source_of(analyse(example_cohort(), Plan(track="r1"))))
    >>> book, book.index["tracks"]
    (EpisodeBook(45 episodes), ['r1', 'r2'])
    """
    readings = source.readings
    of, writer = sum(len(one.cohort.columns) for _, one in readings), _Writer.of(source.shown)
    details = []
    for name, one in readings:
        for detail in writer.reading(name, one):
            details.append(detail)
            source.progress(len(details), of)
    pages = tuple(details[low : low + PER_PAGE] for low in range(0, len(details), PER_PAGE))
    return EpisodeBook(index=writer.index(), pages=pages)


@attrs.define(kw_only=True)
class _Writer:
    """Writes episode after episode, and remembers the words and columns that they share."""

    coding: Coding
    model: StateMachine | None
    unit: int
    media_unit: int
    words: _Words = attrs.field(factory=_Words)
    dyads: _Words = attrs.field(factory=_Words)
    tracks: _Words = attrs.field(factory=_Words)
    off: set[int] = attrs.field(factory=set)
    columns: dict[str, list[Any]] = attrs.field(factory=lambda: {name: [] for name in _COLUMNS})

    @classmethod
    def of(cls, shown: Analysis) -> _Writer:
        moves = shown.study.cohort.moves
        times = [moves.onset, shown.cohort.columns.rows.end]
        return cls(coding=shown.study.cohort.coding, model=shown.model if shown.plan.model is not None else None,
                   unit=_unit(np.concatenate(times)), media_unit=_unit(moves.media[moves.media != ABSENT]))

    def reading(self, name: str, one: Analysis) -> Iterator[dict[str, Any]]:
        """Yield what each episode of one reading holds."""
        track, negotiations, place, why = self.tracks.of(name), one.negotiations, {}, "the plan names no process model"
        if self.model is not None:
            place = {episode: at for at, episode in enumerate(one.traces.episodes.rows.words("episode"))}
            why = "; ".join(one.traces.left_out)
        episodes = one.cohort.episodes
        for at, episode_name in enumerate(one.cohort.columns.rows.words("episode")):
            trace = one.traces[place[episode_name]] if episode_name in place else None
            episode = episodes[at] if trace is None else trace.episode    # with its moves in the order of replay
            told = story(negotiations, at)
            self._list(episode, trace, told, track)
            said = self._untraced(episode, why) if trace is None else self._traced(trace)
            yield self._detail(episode, told) | said

    def _list(self, episode: Episode, trace: Trace | None, told: Negotiation, track: int) -> None:
        row, off = episode.row, 0 if trace is None else len(trace.off_model)
        entry = {
            "name": _cut(row.episode), "dyad": self.dyads.of(row.dyad), "track": track,
            "type": _TYPES.index(row.rupture_type or NO_TYPE), "session": row.first_session, "moves": len(episode),
            "end": len(REACHED) if trace is None else REACHED.index(trace.reached), "offModel": off,
            "skipped": 0 if trace is None else len(trace.skipped), "needs": _ENDED.index(_ended(told))}
        for name, value in entry.items():
            self.columns[name].append(value)

    def _detail(self, episode: Episode, told: Negotiation) -> dict[str, Any]:
        row, moves = episode.row, episode.moves
        parties, codes = [*self.coding.parties, None], self._codes
        places = {move.row_id: at for at, move in enumerate(moves)}
        detail: dict[str, Any] = {
            "s": [[session, len(list(run))] for session, run in itertools.groupby(move.session for move in moves)],
            "t": _steps(move.onset // self.unit for move in moves),
            "p": "".join(str(parties.index(move.party if move.party in parties else None)) for move in moves),
            "c": [codes[move.code] for move in moves], "r": _steps(move.row_id for move in moves),
            "e": [row.last_session, row.end // self.unit, int(row.closed_by is ClosedBy.OBSERVATION_END)],
            "q": self._told(told, places)}
        if any(move.source_row is not None for move in moves):
            detail["f"] = _steps(move.source_row for move in moves)
        if any(move.media is not None for move in moves):
            detail["v"] = _steps(None if move.media is None else move.media // self.media_unit for move in moves)
        some: dict[str, Any] = {
            "n": {str(at): _cut(repr(move.note)) for at, move in enumerate(moves) if move.note is not None},
            "i": {str(at): move.rating for at, move in enumerate(moves) if move.rating},
            "w": self._claimed(told, places)}
        return detail | {name: held for name, held in some.items() if held}

    @functools.cached_property
    def _codes(self) -> Mapping[str, int]:
        return {code.code: at for at, code in enumerate(self.coding.codebook.codes)}

    def _traced(self, trace: Trace) -> dict[str, Any]:
        """Return what the trace adds: states, what each move did, deviations, and the lines around the moves."""
        place = trace.model.index
        lines = list(explanation(trace))
        tail = lines[_HEAD + len(trace.steps) + sum(trace.episode.new_session) :]
        return {
            "a": [place[step.after] for step in trace.steps],
            "d": [self._did(step) for step in trace.steps],
            "k": [[at, [place[name] for name in step.skipped if name in place]] for at, step in enumerate(trace.steps)
                  if step.skipped],
            "h": [self.words.of(line) if at else _cut(line, LONGEST * 3)
                  for at, line in enumerate(lines[:_HEAD])],
            "g": [_cut(line, LONGEST * 3) for line in tail]}

    def _did(self, step: Step) -> int:
        place = self.words.of(did_words(step))
        if not step.taken:
            self.off.add(place)
        return place

    def _untraced(self, episode: Episode, why: str) -> dict[str, Any]:
        return {"h": [f"Episode {_cut(episode.episode)} (dyad {_cut(episode.row.dyad)}, "
                      f"track {_cut(episode.row.track)}) was not traced ({_cut(why)})."]}

    def _told(self, told: Negotiation, moves: Mapping[int, int]) -> dict[str, Any]:
        """Return the story of the negotiation: its lines, those of turns as number, the move they begin with, words."""
        acting = {turn.place: turn for turn in told.turns if turn.acts}
        turns: list[list[Any]] = []
        head: list[str] = []
        tail: list[list[int]] = []
        for line in told.explain().split("\n"):
            place, _, did = line.strip().partition(": ")
            if place in acting:
                turn = acting[place]
                turns.append([turn.number, moves[turn.row_id], *self._counted(did)])
            elif not line.startswith("  -- session"):
                if head:
                    tail.append(self._counted(line))
                else:
                    head.append(_cut(line, LONGEST * 3))    # it names the episode, so no other has it
        return {"h": head, "n": turns, "g": tail}

    def _claimed(self, told: Negotiation, moves: Mapping[int, int]) -> list[list[int]]:
        """Return how long each claim was open: whose, of which need, from which move to which (or -1), and its end."""
        return [[self.coding.parties.index(spell.party), NEEDS.index(spell.need), moves[spell.row_id],
                 -1 if spell.end_row_id is None else moves[spell.end_row_id], SPELL_ENDS.index(spell.cause)]
                for spell in told.spells]

    def _counted(self, text: str) -> list[int]:
        """Return words with a sign for each number in them, and the numbers: few words are said of many turns."""
        said = text.replace(NUMBER, "\ufffd")
        return [self.words.of(_COUNT.sub(NUMBER, said)), *(int(number) for number in _COUNT.findall(said))]

    def index(self) -> dict[str, Any]:
        """Return what all episodes share, and the columns."""
        book, time = self.coding.codebook, self.coding.time
        states = [] if self.model is None else [
            [_cut(state.name), str(state.phase), int(state.end)] for state in self.model.states]
        return {
            "clock": int(time.has_clock), "turn": "turn" if time is TimeKind.TURN else "no.", "unit": self.unit,
            "mediaUnit": self.media_unit, "perPage": PER_PAGE, "nobody": NOBODY, "states": states,
            "start": None if self.model is None else self.model.index[self.model.initial],
            "parties": [_cut(party) for party in self.coding.parties],
            "codes": [[code.code, _cut(code.label), int(code.is_marker)] for code in book.codes],
            "words": self.words.all(), "off": sorted(self.off), "number": NUMBER,
            "dyads": self.dyads.all(), "tracks": self.tracks.all(),
            "needNames": [str(need) for need in NEEDS], "claimEnds": [str(end) for end in SPELL_ENDS],
            "types": list(_TYPES), "ends": [*map(str, REACHED), NOT_TRACED], "needsEnds": list(_ENDED),
            **self.columns}


_TYPES: Final = (*map(str, RuptureType), NO_TYPE)


def _cut(text: str, most: int = LONGEST) -> str:
    return shortened(plain(text), most)


def _steps(values: Iterable[int | None]) -> list[int | None]:
    """Return each number as the step from the one before, beginning at 0; what is not there is passed over.

    >>> _steps([5, None, 7, 6])
    [5, None, 2, -1]
    """
    held, steps = 0, list[int | None]()
    for value in values:
        steps.append(None if value is None else value - held)
        held = held if value is None else value
    return steps


def _unit(times: Any) -> int:
    """Return the largest whole number of microseconds (or turns) that all times are multiples of."""
    return int(np.gcd.reduce(times)) or 1 if len(times) else 1


def _ended(told: Negotiation) -> str:
    if not told.observed:
        return _ENDED[0]
    return _ENDED[1] if told.kind is None else told.kind.value.replace("_", " ")
