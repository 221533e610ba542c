"""What a report is made of: prose, numbers, tables, figures and the explorer of episodes.

A block knows nothing of HTML or Markdown. Whatever shows a number says of what it is, how it was made and what it
means: a block without that cannot be made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import attrs

from rupturekit.errors import RecordError
from rupturekit.report.episodes import EpisodeBook

__all__ = ["About", "Block", "Cell", "Explorer", "Figure", "Number", "Prose", "Report", "Section", "Table"]

Cell: TypeAlias = str | int | None
"""A cell of a table: words, a count, or None where there is nothing to say."""


def _said(instance: object, field: attrs.Attribute[str], value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise RecordError(f"{type(instance).__name__}.{field.name}: expected words but got {value!r:.40}; whatever "
                          "shows a number says its n, method and definition", field=field.name, value=value)


@attrs.frozen(kw_only=True)
class About:
    """What has to be known to read a number: of what it is, how it was made, what it means.

    >>> About(n="12 dyads", method="counted", definition="pairs of people on record").n
    '12 dyads'
    """

    n: str = attrs.field(validator=_said)
    method: str = attrs.field(validator=_said)
    definition: str = attrs.field(validator=_said)


@attrs.frozen(kw_only=True)
class Prose:
    """Paragraphs; `items` are points of a list beneath them; `to_copy` marks text that is meant for a paper."""

    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    to_copy: bool = False


@attrs.frozen(kw_only=True)
class Number:
    """One number with its name; `beside` is what stands beside it: an interval, a p-value, a warning."""

    name: str = attrs.field(validator=_said)
    value: str = attrs.field(validator=_said)
    beside: tuple[str, ...] = ()
    about: About


@attrs.frozen(kw_only=True)
class Table:
    """Rows under a header; every row has a cell for each column.

    Raises
    ------
    RecordError
        Where a row has more cells, or fewer.
    """

    caption: str = attrs.field(validator=_said)
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    about: About

    def __attrs_post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise RecordError(f"table {self.caption!r:.60}: a row has {len(row)} cells, expected "
                                  f"{len(self.header)}, one a column", field="rows")


@attrs.frozen(kw_only=True)
class Figure:
    """A picture as SVG, its caption, and the same in words for those who do not see it."""

    caption: str = attrs.field(validator=_said)
    svg: str = attrs.field(validator=_said, repr=False)
    words: str = attrs.field(validator=_said)
    about: About


@attrs.frozen(kw_only=True)
class Explorer:
    """All episodes, to be filtered and opened."""

    caption: str = attrs.field(validator=_said)
    book: EpisodeBook = attrs.field(repr=False)
    about: About


Block: TypeAlias = Prose | Number | Table | Figure | Explorer


@attrs.frozen(kw_only=True)
class Section:
    """A part of the report: a short name for links, a title, and its blocks in order."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@attrs.frozen(kw_only=True)
class Report:
    """A whole report: its title, what stands under it, and its sections in order."""

    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]

    def blocks(self) -> Iterator[Block]:
        """Yield every block, section after section."""
        return (block for section in self.sections for block in section.blocks)

    def __repr__(self) -> str:
        return f"Report({self.title!r}, {len(self.sections)} sections)"
