"""How much the segmentation rule decides: the same study cut by many rules, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from rupturekit._html import counted, shortened
from rupturekit.ends import Reached
from rupturekit.errors import RecordError, expect
from rupturekit.plots.style import (
    FAINT,
    INK,
    PALE,
    SKY,
    UNSEEN,
    WIDE,
    axes,
    describe,
    name_ticks,
    patch_key,
    phase_look,
    set_key,
)
from rupturekit.sensitivity import SegmentationTable
from rupturekit.vocabulary import ClosedBy, Phase

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["segmentation"]

_REPAIR: Final = phase_look(Phase.REPAIR)
_OUTLINE: Final = {"edgecolor": FAINT, "linewidth": 0.5}
_NOT_TRACED: Final = "not traced"
_REACHED: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType({
    Reached.YES.value: {**_REPAIR, "hatch": ""}, Reached.WITH_SKIPS.value: _REPAIR,
    Reached.NO.value: {"facecolor": PALE, "linewidth": 0.0}, Reached.CENSORED.value: UNSEEN,
    Reached.NOT_OBSERVABLE.value: {"facecolor": "white", "hatch": "xxx", **_OUTLINE},
    _NOT_TRACED: {"facecolor": "white", **_OUTLINE}})
_CLOSED: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType({
    ClosedBy.CODERS.value: {"facecolor": INK, "linewidth": 0.0},
    ClosedBy.GAP.value: {"facecolor": SKY, "linewidth": 0.0},
    ClosedBy.RESOLUTION.value: {**_REPAIR, "hatch": ""},
    ClosedBy.SESSION_END.value: {"facecolor": PALE, "linewidth": 0.0}, ClosedBy.OBSERVATION_END.value: UNSEEN})


def segmentation(table: SegmentationTable, *, by: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw how many episodes each rule draws, and what they come to, one row a rule in the order given.

    Parameters
    ----------
    by : "reached", "closed_by" or None
        Whether an end of the model was reached, or why episodes close; None takes the first where a model was traced.

    Raises
    ------
    RecordError
        Where `by` is neither, or asks for ends and no model was traced.

    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import SegmentationRule
    >>> from rupturekit.sensitivity import segment_many
    >>> rules = [SegmentationRule(name=f"gap {gap} s", opens=("withdrawal_marker",), gap=gap * 1_000_000)
    ...          for gap in (120, 240)]
    >>> ax = segmentation(segment_many(example_cohort(), rules, track="r1"))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['gap 120 s', 'gap 240 s']
    """
    expect(table, SegmentationTable, what="a table of rules side by side", remedy="use segment_many(cohort, rules)")
    rows, looks = _rows(table, by)
    with axes(ax, width=WIDE, height=26 + 6.5 * len(rows)) as ax:
        left = [0] * len(rows)
        for name, look in looks.items():
            n = [row.get(name, 0) for row in rows]
            ax.barh([-at for at in range(len(rows))], n, left=left, height=0.62, label=name.replace("_", " "), **look)
            left = [before + here for before, here in zip(left, n, strict=True)]
        _frame(ax, table)
        used = [name for name in looks if any(row.get(name) for row in rows)]
        set_key(ax, [patch_key(name.replace("_", " "), **looks[name]) for name in used], columns=6,
                title="end reached" if looks is _REACHED else "closed by")
    what = "whether an end was reached" if looks is _REACHED else "why they close"
    described = "; ".join(f"{shortened(rule.name, 40)}: {_said(n, row)}" for rule, n, row in zip(
        table.rules, table.n_episodes, rows, strict=True))
    describe(ax, f"Episodes by segmentation rule, and {what}: {described}.")
    return ax


def _rows(table: SegmentationTable, by: str | None) -> tuple[list[dict[str, int]], Mapping[str, Mapping[str, Any]]]:
    """Return the counts of each rule by what is asked for, and how each is drawn."""
    by = by or ("reached" if table.model else "closed_by")
    if by == "closed_by":
        return [dict(row) for row in table.closed_by], _CLOSED
    if by != "reached":
        raise RecordError(f"by is {by!r:.40}; expected \"reached\" or \"closed_by\"", field="by", value=by)
    if table.model is None:
        raise RecordError("by is \"reached\", but no model was traced; pass model= to segment_many", field="by",
                          value=by)
    return [{**row, _NOT_TRACED: n - sum(row.values())} for row, n in zip(table.reached, table.n_episodes, strict=True)
            ], _REACHED


def _frame(ax: Axes, table: SegmentationTable) -> None:
    name_ticks(ax, {-at: rule.name for at, rule in enumerate(table.rules)}, most=44)
    for at, (n, moves) in enumerate(zip(table.n_episodes, table.n_moves, strict=True)):
        ax.annotate(f"{counted(n, 'episode')}, {counted(moves, 'move')}", (1.0, -at),
                    xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points", va="center",
                    fontsize=6.5, color=FAINT)
    ax.set_ylim(0.6 - len(table.rules), 0.6)
    ax.set_xlim(0, max(*table.n_episodes, 1) * 1.02)
    ax.locator_params(axis="x", integer=True)
    by = f", traced by {table.model}" if table.model else ""
    ax.set_xlabel(f"episodes\ntrack {shortened(table.track, 30)}{by}")
    ax.spines["left"].set_visible(False)


def _said(n: int, row: Mapping[str, int]) -> str:
    held = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in row.items() if count)
    return f"{counted(n, 'episode')}" + (f" ({held})" if held else "")
