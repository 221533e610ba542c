"""A report as Markdown, for those who write on: the same blocks, figures in words, and episodes as a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from rupturekit._html import escaped, shortened
from rupturekit.report.blocks import About, Block, Cell, Explorer, Figure, Number, Prose, Report, Table

__all__ = ["markdown_of"]

MOST_EPISODES: Final = 500
_SIGNS: Final = re.compile(r"([\\`*_{}\[\]#|~^$!])")
_LINE_START: Final = re.compile(r"^(\s*)([-+=:]|\d+[.)])")
_LONGEST: Final = 300


def markdown_of(report: Report) -> str:
    """Return a report as Markdown: the same text every time. Whatever comes from data is text in it.

    >>> print(markdown_of(Report(title="A <b> study", lead=("One.",), sections=())))
    # A &lt;b&gt; study
    <BLANKLINE>
    One.
    <BLANKLINE>
    """
    parts = [f"# {_text(report.title)}", *map(_text, report.lead)]
    for section in report.sections:
        parts.append(f"## {_text(section.title)}")
        for block in section.blocks:
            parts += _SHOWN[type(block)](block)
    return "\n\n".join(filter(None, parts)) + "\n"


def _text(text: str) -> str:
    """Return text in which nothing is a sign of Markdown or HTML."""
    plain = _SIGNS.sub(r"\\\1", escaped(shortened(text, _LONGEST * 10)))
    return _LINE_START.sub(r"\1\\\2" if not plain.lstrip()[:1].isdigit() else r"\1&#8203;\2", plain)


def _about(about: About) -> str:
    said = (("n", about.n), ("Method", about.method), ("Definition", about.definition))
    return " ".join(f"*{name}:* {_text(text.rstrip('.'))}." for name, text in said)


def _prose(prose: Prose) -> Iterator[str]:
    yield from map(_text, prose.paragraphs)
    if prose.items:
        yield "\n".join(f"- {_text(item)}" for item in prose.items)


def _number(number: Number) -> Iterator[str]:
    beside = "".join(f"; {_text(text)}" for text in number.beside)
    yield f"**{_text(number.name)}: {_text(number.value)}**{beside}"
    yield _about(number.about)


def _table(table: Table) -> Iterator[str]:
    yield f"**{_text(table.caption)}**"
    yield _rows(table.header, table.rows)
    yield _about(table.about)


def _rows(header: tuple[str, ...], rows: tuple[tuple[Cell, ...], ...]) -> str:
    lines = [_row(header), _row(("---",) * len(header), escape=False)]
    return "\n".join([*lines, *map(_row, rows)])


def _row(cells: tuple[Cell, ...], *, escape: bool = True) -> str:
    said = ("" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell for cell in cells)
    return f"| {' | '.join(_text(shortened(text, _LONGEST)) if escape else text for text in said)} |"


def _figure(figure: Figure) -> Iterator[str]:
    yield f"**Figure: {_text(figure.caption)}**"
    yield _text(figure.words)
    yield _about(figure.about)


def _explorer(explorer: Explorer) -> Iterator[str]:
    index = explorer.book.index
    header = ("episode", "dyad", "track", "rupture type", "moves", "end reached", "off the model", "skipped")
    rows = tuple((index["name"][at], index["dyads"][index["dyad"][at]], index["tracks"][index["track"][at]],
                  index["types"][index["type"][at]], index["moves"][at], index["ends"][index["end"][at]],
                  index["offModel"][at], index["skipped"][at]) for at in range(min(len(explorer.book), MOST_EPISODES)))
    yield f"**{_text(explorer.caption)}**"
    yield _rows(header, rows)
    left = len(explorer.book) - len(rows)
    yield (f"{left:,} more episodes are not listed here. " if left else "") + \
        "Timelines, explanations and the way back to the tape are in the HTML report."
    yield _about(explorer.about)


_SHOWN: Final[dict[type[Block], Callable[[Any], Iterator[str]]]] = {
    Prose: _prose, Number: _number, Table: _table, Figure: _figure, Explorer: _explorer,
}
