"""The list of all episodes, to be filtered and opened."""

from __future__ import annotations

from rupturekit._html import counted
from rupturekit.report.blocks import About, Explorer, Prose, Section
from rupturekit.report.episodes import episode_book
from rupturekit.report.source import Source

__all__ = ["explorer"]


def explorer(source: Source) -> Section:
    """Return every episode of every reading, with its timeline, path, deviations, negotiation and explanation."""
    book = episode_book(source)
    rule = source.shown.rule.describe(source.shown.study.cohort.coding.time)
    by = f"; traced by {source.shown.model.name}" if source.has_model else ""
    return Section(name="episodes", title="Episodes, one by one", blocks=(
        Prose(paragraphs=("An episode is what the rule or the coders drew. Its trace is an account of codes, "
                          "consistent with a process model or not; it is no verdict about a person.",)),
        Explorer(caption="All episodes", book=book, about=About(
            n=f"{counted(len(book), 'episode')} of {counted(len(book.index['tracks']), 'track')}",
            method=rule + by, definition="moves: coded acts in the episode; off the model: moves that took no arrow; "
                                         "skipped: steps that the codes could have shown and that were passed by"))))
