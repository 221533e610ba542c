"""Process models beside baselines: how much better each foresees moves than the best baseline, and on what evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rupturekit._html import shortened
from rupturekit.conformance.comparison import Compared, ModelComparison
from rupturekit.conformance.scoring import FLOWER
from rupturekit.errors import expect
from rupturekit.plots.style import FAINT, INK, WIDE, axes, describe, name_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["comparison"]


def comparison(found: ModelComparison, *, ax: Axes | None = None) -> Axes:
    """Draw the score of each process model and baseline over that of the best baseline, with its interval.

    Rows stand in the order of the comparison, models before baselines; they are never sorted by their score. A dot is
    hollow where these data give no interval. Beside each stand what the arrows rest on, model fit and counts. The
    flower's place is written where it is too far below to be drawn, so that the others can be told apart.

    >>> import warnings
    >>> from rupturekit.conformance.comparison import compare_models
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     cohort = segment(example_cohort(), WHOLE_SESSION, track="r1")
    ...     ax = comparison(compare_models(cohort, ["withdrawal-2000"], precision_of=5))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['withdrawal-2000', 'flower', 'independent moves', 'first-order Markov']
    """
    expect(found, ModelComparison, what="a comparison of process models", remedy="use compare_models(cohort, models)")
    with axes(ax, width=WIDE, height=26 + 9 * len(found.compared)) as ax:
        ax.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
        ax.set_xlim(*_limits(found))
        for at, one in enumerate(found.compared):
            _draw(ax, one, -at)
        name_ticks(ax, {-at: one.name for at, one in enumerate(found.compared)})
        ax.set_ylim(0.6 - len(found.compared), 0.6)
        ax.set_xlabel(
            f"held-out log score over that of {found.best_baseline}, nats a move\n{found.confidence:.0%} intervals, "
            f"{found.clustering.level}s as independent units\n{found.folds} folds of whole {found.folds_by}s; "
            + ", ".join(f"{n:,} {what}" for what, n in found.n.items()))
        ax.spines["left"].set_visible(False)
    describe(ax, f"Held-out log score over that of {found.best_baseline}, in nats a move, with {found.confidence:.0%} "
                 f"intervals: {'; '.join(map(_words, found.compared))}.")
    return ax


def _limits(found: ModelComparison) -> tuple[float, float]:
    """Return from where to where is drawn: all but the flower, with room."""
    held = [one.difference for one in found.compared if one.difference is not None and one.name != FLOWER]
    ends = [0.0, *(end for said in held for end in (said.value, *(said.interval or ())))]
    room = 0.08 * (max(ends) - min(ends)) or 0.1
    return min(ends) - room, max(ends) + room


def _draw(ax: Axes, one: Compared, y: float) -> None:
    ax.axhline(y, color="#e8eaed", linewidth=0.6, zorder=0)
    colour, held = (FAINT if one.baseline else INK), one.difference
    if held is None:
        ax.plot([0], [y], marker="s", markersize=4.5, color=colour, zorder=3, label=one.name)
    elif held.value < ax.get_xlim()[0]:
        ax.annotate(f"\u2190 {held.value:.2f}", (0.0, y), xycoords=("axes fraction", "data"), xytext=(3, 0),
                    textcoords="offset points", va="center", fontsize=6.5, color=colour, backgroundcolor="white")
    else:
        if held.interval is not None:
            ax.plot(held.interval, [y, y], color=colour, linewidth=1.4, solid_capstyle="butt", zorder=2,
                    label=f"{one.name}: interval")
        ax.plot([held.value], [y], marker="s" if one.baseline else "o", markersize=4.5, color="none", zorder=3,
                markeredgecolor=colour, markerfacecolor=colour if held.interval else "white", label=one.name)
    for text, lift, tint in ((_evidence(one), 3.6, INK), (_beside(one), -3.6, FAINT)):
        ax.annotate(text, (1.0, y), xycoords=("axes fraction", "data"), xytext=(8, lift if not one.baseline else 0),
                    textcoords="offset points", va="center", fontsize=6, color=tint)


def _evidence(one: Compared) -> str:
    """Return what the arrows of a model rest on, in short; nothing of a baseline."""
    return "" if one.baseline else one.evidence.rpartition("; ")[2]


def _beside(one: Compared) -> str:
    if one.baseline:
        return f"{one.evidence}; {one.weights:,} weights"
    fit = "no model fit" if one.fit is None else f"fit {one.fit:.2f}"
    return f"{fit}; {one.states:,} states, {one.arrows:,} arrows, {one.weights:,} weights"


def _words(one: Compared) -> str:
    held = one.difference
    if held is None:
        return f"{one.name} is that baseline"
    limits = f"{held.interval[0]:.3f} to {held.interval[1]:.3f}" if held.interval else (
        f"no interval: {shortened(held.no_interval, 120)}")
    return f"{one.name} {held.value:+.3f} ({limits}; {one.evidence})"
