"""Table 1: who, how much, which codes, how often; as `description` tells it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from rupturekit.report.blocks import About, Prose, Section, Table
from rupturekit.report.source import Source

__all__ = ["sample"]

_APART: Final = "Notes"
"""A part of the description that stands with the data and their quality."""


def sample(source: Source) -> Section:
    """Return the table that opens a paper, one part after the other."""
    return Section(name="table-1", title="Table 1: the study in numbers", blocks=(
        Prose(paragraphs=("Nothing here is inferred. A missed session, a payment or a holiday is never counted as a "
                          "rupture.",)), *_tables(source)))


def _tables(source: Source) -> Iterator[Table]:
    described = source.shown.description
    for part, rows in groupby(described.rows(marks=True), key=lambda row: row[0]):
        if part != _APART:
            yield Table(caption=part, header=("what", "how much"), rows=tuple((name, said) for _, name, said in rows),
                        about=About(
                n=f"{described.n_dyads:,} dyads; each cell says of how many it is",
                method="counted in the records, one track at a time",
                definition=_DEFINITIONS.get(part.split(",")[0].split(" (")[0].split(" of the")[0], _COUNTS)))


_COUNTS: Final = "counts of what is on record; absent, unknown and not coded stand apart, and none of them is zero"
_DEFINITIONS: Final = {
    "Codes": "moves that carry the code, and coded sessions with at least one; ratings are those of moves",
    "Sessions with at least one marker": "coded sessions in which a party was given at least one marker of the type; "
                                         "'no code for it' means that the codebook cannot show it, which is not zero",
    "Resolution": "ratings of resolution as each source gave them; the sources are never merged",
    "Events around the sessions": "events and the explanations that people gave; several may compete, and none makes "
                                  "a rupture of an event",
    "Before sharing": "rows with a count of 1 to 4",
}
