"""How much the segmentation rule decides: the headlines under its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rupturekit._html import counted
from rupturekit.plots.sensitivity import segmentation
from rupturekit.report.blocks import About, Block, Prose, Section, Table
from rupturekit.report.pictures import picture
from rupturekit.report.source import Source

__all__ = ["rules"]


def rules(source: Source) -> Section:
    """Return the numbers of episodes and their ends under the rule and its neighbours."""
    time = source.shown.study.cohort.coding.time
    return Section(name="rules", title="Sensitivity to the segmentation rule", blocks=(
        Prose(paragraphs=(f"The rule of this report: {source.shown.rule.describe(time)}",
                          "No rule is agreed on in the field. Where the rows below differ, the rule decides.")),
        *_by_rule(source), *_boundaries(source)))


def _by_rule(source: Source) -> Iterator[Block]:
    table = source.shown.sensitivity
    about = About(n=counted(len(table.rules), "rule"),
                  method="the same records cut" + (f" and traced by {table.model}" if table.model else "")
                         + " under each rule",
                  definition="episodes that each rule draws, why they close and whether an end was reached; half, once "
                             "and twice the gap, and to the end of the session")
    yield from picture(lambda: segmentation(table), name="rules", caption="Episodes and ends by rule", about=about)
    rows = tuple((rule.name, n, moves, _said(closed), _said(reached)) for rule, n, moves, closed, reached in zip(
        table.rules, table.n_episodes, table.n_moves, table.closed_by, table.reached, strict=True))
    yield Table(caption="Side by side", header=("rule", "episodes", "moves", "closed by", "end reached"), rows=rows,
                about=about)


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in counts.items()) or "none"


def _boundaries(source: Source) -> Iterator[Block]:
    found = source.shown.boundaries
    if found is None:
        yield Prose(paragraphs=("The coders drew no episodes of their own on this track, so the rule cannot be held "
                                "against theirs.",))
        return
    rows = (("drawn by the coders", found.n_coded),
            ("drawn by the rule alone, in all sessions of the track", found.n_drawn),
            ("pairs that share moves", len(found.pairs)), ("seen by the coders only", len(found.only_coded)),
            ("seen by the rule only", len(found.only_drawn)))
    yield Table(caption="The coders' own episodes beside the rule's", header=("episodes", "n"), rows=rows, about=About(
        n=counted(found.n_sessions, "session") + " that hold moves",
        method="the rule draws episodes everywhere, as if the coders had drawn none, and moves are compared",
        definition="two episodes are a pair where they share at least one move; where the coders drew only some "
                   "sessions' episodes, most of the rule's stand alone"))
