"""The traces of many episodes: which phases they are in as they go on, and every path as a line of colour."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rupturekit._html import counted, shortened
from rupturekit._palette import PHASES, mixed
from rupturekit._table import Array
from rupturekit.errors import NotEnoughData, RecordError, expect
from rupturekit.plots.style import UNSEEN, WIDE, add_boxes, axes, describe, patch_key, phase_look, set_key
from rupturekit.traces import TraceTable
from rupturekit.vocabulary import ClosedBy, Phase

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["sequence_index", "state_distribution"]

_TABLE: Final = {"what": "a table of traces", "remedy": "use trace_cohort(cohort, model)"}
MOST_POINTS: Final = 1000
MOST_LETTERS: Final = 24
SHARP_ROWS: Final = 500
"""With more episodes than this, rows are kept in a file as a picture: tens of thousands of shapes help nobody."""


def state_distribution(table: TraceTable, *, by: str = "phase", points: int = 100, ax: Axes | None = None) -> Axes:
    """Draw the share of episodes in each phase, or state, over normalised time.

    An episode of n moves is, at the share t of its moves, in the state after move floor(t * n) + 1, counted from 1;
    each of the `points` is in the middle of an equal part of 0 to 1. Normalised time is in moves, not seconds: order
    is what every record has. Episodes that were not observed to their end are left out and counted, since nobody knows
    how long they were.

    Raises
    ------
    RecordError
        Where `by` is neither "phase" nor "state", or `points` is not a whole number from 2 to 1,000.
    NotEnoughData
        Where no episode was observed to its end.

    >>> import rupturekit as rk
    >>> from rupturekit.example import example_cohort
    >>> ax = state_distribution(rk.trace_cohort(example_cohort(), "withdrawal-2000"))
    >>> ax.get_ylabel()
    'share of episodes'
    """
    expect(table, TraceTable, **_TABLE)
    _check_points(points)
    kinds, looks = _kinds(table, by)
    kept = ~_stopped(table) & (table.episodes.lengths > 0)
    if not kept.any():
        raise NotEnoughData("no episode was observed to its end, so normalised time is not known for any; "
                            "sequence_index draws them move by move", needed=1, found=0)
    shares = _shares(table, kinds, kept, n_kinds=len(looks), points=points)
    with axes(ax, width=WIDE / 1.4, height=62) as ax:
        edges = np.linspace(0, 1, points + 1)
        below = np.zeros(points)
        for name, row in zip(looks, shares, strict=True):
            ax.stairs(below + row, edges, baseline=below, fill=True, label=name, **looks[name])
            below = below + row
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        cut = int(_stopped(table).sum())
        ax.set_xlabel("\n".join(["share of the episode’s moves passed", *_n(table, int(kept.sum()), cut=cut)]))
        ax.set_ylabel("share of episodes")
        drawn = [name for name, row in zip(looks, shares, strict=True) if row.any()]
        _set_key(ax, {name: looks[name] for name in drawn}, by)
    said = "; ".join(f"{name} {row[0]:.0%} at first, {row[-1]:.0%} at last"
                     for name, row in zip(looks, shares, strict=True) if row.any())
    describe(ax, f"Share of episodes in each {by} over normalised time, "
                 f"{'; '.join(_n(table, int(kept.sum()), cut=cut))}: {said}.")
    return ax


def _check_points(points: object) -> None:
    if not isinstance(points, int) or isinstance(points, bool) or not 2 <= points <= MOST_POINTS:
        raise RecordError(f"points is {points!r:.40}; expected a whole number from 2 to {MOST_POINTS:,}",
                          field="points")


def _set_key(ax: Axes, looks: dict[str, dict[str, Any]], by: str) -> None:
    set_key(ax, [patch_key(shortened(name, MOST_LETTERS), **look) for name, look in looks.items()],
            columns=4 if by == "phase" else 3)


def _n(table: TraceTable, drawn: int, *, cut: int = 0) -> list[str]:
    """Return how many are drawn, and where some are not, how many were left out."""
    dyads = len(np.unique(table.episodes.rows.dyad))
    said = [f"{counted(drawn, 'episode')}, {counted(dyads, 'dyad')}, model {shortened(table.model.name, 40)}"]
    return said + ([f"left out: {counted(cut, 'episode')} cut off by the end of observation"] if cut else [])


def _stopped(table: TraceTable) -> Array:
    """Return for each episode whether observation stopped before it was over."""
    rows = table.episodes.rows
    return np.asarray(rows.closed_by == rows.code_of("closed_by", word=ClosedBy.OBSERVATION_END))


def _kinds(table: TraceTable, by: str) -> tuple[Array, dict[str, dict[str, Any]]]:
    """Return for each state its place among what is drawn, and the names of these with their looks."""
    states = table.model.states
    if by == "phase":
        phases = [phase for phase in Phase if any(state.phase is phase for state in states)]
        return (np.array([phases.index(state.phase) for state in states]),
                {str(phase): phase_look(phase) for phase in phases})
    if by == "state":
        order = sorted(range(len(states)), key=lambda at: (list(Phase).index(states[at].phase), at))
        looks = {states[at].name.replace("_", " "): _state_look(table, at) for at in order}
        return np.argsort(order), looks
    raise RecordError(f"by is {by!r:.40}; expected \"phase\" or \"state\"", field="by", value=by)


def _state_look(table: TraceTable, at: int) -> dict[str, Any]:
    """Return the look of a state: its phase's, the lighter the later it stands among the states of the phase."""
    states = table.model.states
    alike = [place for place, state in enumerate(states) if state.phase is states[at].phase]
    share = 0.75 * alike.index(at) / max(len(alike), 2)
    return phase_look(states[at].phase) | {"facecolor": mixed(PHASES[states[at].phase].mark, "#ffffff", share=share)}


def _shares(table: TraceTable, kinds: Array, kept: Array, *, n_kinds: int, points: int) -> Array:
    """Return the share of the episodes kept that are in each kind at each point: kinds x points."""
    offsets, lengths = table.episodes.offsets[:-1][kept], table.episodes.lengths[kept]
    counts = np.zeros((n_kinds, points))
    for at in range(points):
        member = offsets + lengths * (2 * at + 1) // (2 * points)
        counts[:, at] = np.bincount(kinds[table.after[member]], minlength=n_kinds)
    return np.asarray(counts / len(lengths))


def sequence_index(table: TraceTable, *, by: str = "phase", ax: Axes | None = None) -> Axes:
    """Draw every episode as a row, move by move from the left, in the colour of the phase or state after each move.

    Rows are sorted by path: by the first phase (state) in which two differ, in the order of the key, and where one path
    is how another begins the shorter stands first; of one path, by how many moves each phase lasts. Neighbours are
    alike, and nothing is better at the top. An episode that observation cut off runs out in the hatch of what was not
    observed. One shape holds all rows of a phase, so thousands of episodes are drawn in a moment; beyond 500 the rows
    are kept in a file as a picture.

    Raises
    ------
    RecordError
        Where `by` is neither "phase" nor "state".
    NotEnoughData
        Where there is no episode with moves.

    >>> import rupturekit as rk
    >>> from rupturekit.example import example_cohort
    >>> ax = sequence_index(rk.trace_cohort(example_cohort(), "withdrawal-2000"))
    >>> ax.get_ylabel()
    'episodes, sorted by path'
    """
    expect(table, TraceTable, **_TABLE)
    kinds, looks = _kinds(table, by)
    after = kinds[table.after]
    order = _by_path(table, after)
    if not len(order):
        raise NotEnoughData("there is no episode with moves to draw", needed=1, found=0)
    with axes(ax, width=WIDE / 1.4, height=min(30 + 2.5 * len(order), 110)) as ax:
        row, kind, start, end = _runs(table, after, order)
        for at, name in enumerate(looks):
            _draw_rows(ax, row[kind == at], start[kind == at], end[kind == at], label=name, look=looks[name],
                       sharp=len(order) <= SHARP_ROWS)
        longest = int(table.episodes.lengths.max())
        cut = np.flatnonzero(_stopped(table)[order])
        stop = table.episodes.lengths[order][cut]
        _draw_rows(ax, cut, stop, stop + max(0.03 * longest, 0.5), label="not observed", look=dict(UNSEEN),
                   sharp=len(order) <= SHARP_ROWS)
        _frame(ax, table, len(order), longest)
        shown = {name: look for at, (name, look) in enumerate(looks.items()) if (kind == at).any()}
        _set_key(ax, shown | ({"not observed": dict(UNSEEN)} if len(cut) else {}), by)
    describe(ax, "Every episode as a row of its moves, coloured by the "
                 f"{by} after each move and sorted by path: {_n(table, len(order))[0]}, of up to "
                 f"{counted(longest, 'move')}; {len(cut):,} cut off by the end of observation.")
    return ax


def _frame(ax: Axes, table: TraceTable, n: int, longest: int) -> None:
    ax.set_xlim(0, longest * 1.03 + 0.5)
    ax.set_ylim(n, 0)
    ax.set_yticks([])
    ax.locator_params(axis="x", integer=True)
    ax.set_ylabel("episodes, sorted by path")
    ax.set_xlabel(f"moves of the episode\n{_n(table, n)[0]}")


def _by_path(table: TraceTable, kind: Array) -> Array:
    """Return the episodes that have moves, sorted by their path of kinds; of one path, by how long each lasts."""
    first, _ = _breaks(table, kind)
    kinds, lasts = kind[first].tolist(), np.diff(first, append=len(kind)).tolist()
    edges = itertools.pairwise(np.searchsorted(first, table.episodes.offsets).tolist())
    keys = [(kinds[low:high], lasts[low:high]) for low, high in edges]
    return np.array(sorted((at for at, (path, _) in enumerate(keys) if path), key=keys.__getitem__), dtype=np.intp)


def _breaks(table: TraceTable, kind: Array) -> tuple[Array, Array]:
    """Return at which members, of all episodes, a run of one kind begins, and the episode of each member."""
    owner = np.repeat(np.arange(len(table)), table.episodes.lengths)
    return np.flatnonzero((np.diff(kind, prepend=-1) != 0) | (np.diff(owner, prepend=-1) != 0)), owner


def _runs(table: TraceTable, kind: Array, order: Array) -> tuple[Array, Array, Array, Array]:
    """Return the runs of one kind within episodes: row, kind, and from which move to which, counted from 0."""
    offsets, (first, owner) = table.episodes.offsets, _breaks(table, kind)
    end = np.append(first[1:], len(kind))
    row = np.empty(len(table), dtype=np.intp)
    row[order] = np.arange(len(order))
    return row[owner[first]], kind[first], first - offsets[owner[first]], end - offsets[owner[first]]


def _draw_rows(ax: Axes, row: Array, start: Array, end: Array, *, label: str, look: dict[str, Any], sharp: bool
               ) -> None:
    """Draw stretches of rows as one shape; rows stand apart only where there is room for it."""
    if not len(row):
        return
    low, high = (0.05, 0.95) if sharp else (0.0, 1.0)
    corners = [np.stack([x, row + y], axis=-1) for x, y in ((start, low), (start, high), (end, high), (end, low))]
    add_boxes(ax, np.stack(corners, axis=1), label=label, rasterized=not sharp, **look)
