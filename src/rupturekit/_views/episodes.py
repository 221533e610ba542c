"""One episode: a strip of its moves over time, the moves, and what was stated of it, by source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rupturekit._html import (
    Markup,
    Row,
    badge,
    counted,
    heading,
    joined,
    page,
    shortened,
    spread,
    table,
    tag,
    wide_row,
)
from rupturekit._palette import PHASES
from rupturekit._views.closed_words import said_or_hidden
from rupturekit._views.strip import INK, MOST_MARKS, Mark, strip
from rupturekit.vocabulary import EpisodeSource, Phase

if TYPE_CHECKING:
    from rupturekit.episode import Episode, Label, Move

__all__ = ["episode_head", "episode_html", "lanes_of", "rows_with_sessions", "stated"]

FIRST, LAST = 30, 10
"""How many moves are shown from the start and to the end of a long episode."""

MOST_LABELS: Final = 20
NOBODY: Final = "not said who"


def episode_html(episode: Episode) -> Markup:
    """Return an episode for a notebook: who and when, the strip, the moves, the labels by source."""
    lanes = lanes_of(episode)
    named = len(episode) <= MOST_MARKS    # no title is shown beyond, and telling the time of every move takes long
    marks = [_mark(episode, move, lanes, title=_title(episode, move) if named else "") for move in episode.moves]
    drawn = strip(marks, lanes=lanes, when=episode.coding.when, label=_spoken(episode)) if marks else ""
    key = tag("p", "\u25c6 marks a rupture, \u25cf any other move", class_="rk-soft") if marks else ""
    rows = [(episode.coding.when(move.onset), move.party or None, episode.name_of(move), _code(move.code))
            for move in _shown(episode.moves)]
    moves = table(("when", "who", "what", "code"), rows_with_sessions(episode, rows, columns=4))
    said = (heading("Stated of it"), stated(episode.labels)) if episode.labels else ()
    return page("Episode", episode.episode, *episode_head(episode), drawn, key, moves, *said)


def _code(code: str) -> Markup:
    return tag("code", shortened(code, 40))


def _shown(moves: Sequence[Move]) -> Iterator[Move]:
    first, _, last = spread(len(moves), first=FIRST, last=LAST)
    return (moves[at] for at in (*first, *last))


def episode_head(episode: Episode) -> Iterator[Markup]:
    """Yield the lines under the name: whose, when, of what type, who drew it."""
    row, when = episode.row, episode.coding.when
    until = when(row.end) if row.last_session == row.first_session else f"session {row.last_session} {when(row.end)}"
    said = [f"dyad {shortened(row.dyad, 60)}", f"track {shortened(row.track, 60)}",
            f"session {row.first_session} {when(row.onset)} to {until}", counted(len(episode), "move")]
    marks = [str(row.rupture_type)] if row.rupture_type else []
    marks += [f"opened by {shortened(row.party, 60)}"] if row.party else []
    marks += ["drawn by its coders" if row.source is EpisodeSource.CODERS else "drawn by a rule",
              f"closed by: {row.closed_by.replace('_', ' ')}"]
    marks += ["closed because a resolution was seen"] if row.closed_by_outcome else []
    yield tag("p", joined((tag("bdi", one) for one in said), by=" \u00b7 "))
    yield tag("p", joined(map(badge, marks), by=" "))


def lanes_of(episode: Episode) -> tuple[str, ...]:
    """Return the names of the lanes: the two parties, and one for moves of nobody named, where there are any."""
    parties = episode.coding.parties
    return (*parties, *([NOBODY] if any(move.party not in parties for move in episode.moves) else []))


def _title(episode: Episode, move: Move) -> str:
    return f"{episode.coding.when(move.onset)} {shortened(move.party or NOBODY, 30)}: {episode.name_of(move)}"


def _mark(episode: Episode, move: Move, lanes: Sequence[str], *, title: str) -> Mark:
    book = episode.coding.codebook
    marks = move.code in book and book[move.code].is_marker
    return Mark(lane=lanes.index(move.party) if move.party in lanes else len(lanes) - 1, session=move.session,
                at=move.onset, shape="diamond" if marks else "dot", colour=PHASES[Phase.RUPTURE].mark if marks else INK,
                title=title)


def _spoken(episode: Episode) -> str:
    row, when = episode.row, episode.coding.when
    above, below = (shortened(party, 30) for party in episode.coding.parties)
    return (f"Episode {shortened(row.episode, 40)}: {counted(len(episode), 'move')} over time, {above} above and "
            f"{below} below, from {when(row.onset)} in session {row.first_session} to {when(row.end)} in session "
            f"{row.last_session}")


def rows_with_sessions(episode: Episode, rows: Sequence[Row], *, columns: int) -> Iterator[Row]:
    """Yield the rows of the moves shown, with a row where a session begins and one for moves that are not shown."""
    first, left_out, last = spread(len(episode), first=FIRST, last=LAST)
    for row, at in zip(rows, (*first, *last), strict=True):
        if left_out and at == last.start:
            yield wide_row(f"... {counted(left_out, 'move')} not shown ...", columns=columns)
        if episode.new_session[at]:
            yield wide_row(f"session {episode.moves[at].session}", columns=columns, kind="rk-group")
        yield row


def stated(labels: Sequence[Label]) -> Markup:
    """Return what was stated, a row a statement, one source after the other; free text shows as its length."""
    by_source: dict[str, list[Label]] = {}
    for label in labels[:MOST_LABELS]:
        by_source.setdefault(_source(label), []).append(label)
    rows: list[Row] = [(source if not at else "", label.attribute.replace("_", " "), label.party,
                        said_or_hidden(label.value).replace("_", " "), str(label.status))
                       for source, said in by_source.items() for at, label in enumerate(said)]
    if len(labels) > MOST_LABELS:
        rows.append(wide_row(f"... and {counted(len(labels) - MOST_LABELS, 'more label')}", columns=5))
    return table(("by", "what", "of whom", "value", "status"), rows)


def _source(label: Label) -> str:
    said = [shortened(label.rater, 40)] if label.rater else []
    said += [f"{label.perspective.replace('_', ' ')} view"] if label.perspective else []
    return ", ".join(said) or NOBODY
