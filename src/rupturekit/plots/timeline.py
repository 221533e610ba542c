"""One episode over time: both people's moves in two lanes, and the states of the model beneath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rupturekit._html import counted, shortened
from rupturekit._palette import PHASES
from rupturekit.errors import NotEnoughData, expect
from rupturekit.plots.style import (
    FAINT,
    INK,
    PALE,
    UNSEEN,
    WIDE,
    axes,
    describe,
    line_key,
    name_ticks,
    patch_key,
    phase_look,
    set_key,
)
from rupturekit.plots.timescale import Timescale, timescale
from rupturekit.steps import Trace
from rupturekit.vocabulary import ClosedBy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["episode_timeline"]

_NOBODY: Final = "not said who"
_SPACE: Final = 0.6
"""Between the lanes and the states beneath, in rows."""

_BAR: Final = 0.62


def episode_timeline(trace: Trace, *, ax: Axes | None = None) -> Axes:
    """Draw one trace: moves in a lane for each person, the states that it went through beneath.

    A dot is a move that took an arrow of the model, in the colour of the phase after it; a cross is an off-model move.
    A state's bar lasts as in `Trace.dwell`. A step that was skipped though it could have been seen is a hollow
    diamond in its own row. Where observation stopped before the episode was over, the time after is hatched: what came
    then is not known.

    Raises
    ------
    NotEnoughData
        Where the trace has no moves.

    >>> import rupturekit as rk
    >>> from rupturekit.example import example_cohort
    >>> traces = rk.trace_cohort(example_cohort(), "withdrawal-2000")
    >>> ax = episode_timeline(traces.named("V1-E1"))
    >>> [label.get_text() for label in ax.get_yticklabels()][:3]
    ['client', 'therapist', 'withdrawal']
    """
    expect(trace, Trace, what="a trace", remedy="take one of a table: traces[0], or traces.named(episode)")
    if not trace.steps:
        raise NotEnoughData(f"episode {trace.episode.episode!r} has no moves to draw", needed=1, found=0)
    row = trace.episode.row
    times = [(step.move.session, step.move.onset) for step in trace.steps]
    held = any(session == row.last_session for session, _ in times)
    scale = timescale(trace.episode.coding, [*times, *([(row.last_session, row.end)] if held else [])])
    lanes, states = _lanes(trace), _states(trace)
    with axes(ax, width=WIDE, height=24 + 6.5 * (len(lanes) + len(states))) as ax:
        _draw_moves(ax, trace, scale, lanes)
        _draw_states(ax, trace, scale, states, first=len(lanes))
        scale.mark(ax)
        stopped = _draw_unseen(ax, trace, scale, rows=len(lanes) + len(states))
        _name_rows(ax, lanes, states, room=0.7 if len(scale.spans) == 1 else 1.1)
        _set_keys(ax, trace, stopped=stopped)
    describe(ax, _words(trace, stopped=stopped))
    return ax


def _lanes(trace: Trace) -> list[str]:
    """Return the names of the lanes: both parties, and nobody in particular where there is such a move."""
    parties = list(trace.episode.coding.parties)
    return parties if all(step.move.party in parties for step in trace.steps) else [*parties, _NOBODY]


def _states(trace: Trace) -> list[str]:
    """Return the states that have a row: those on the path and those skipped, in the model's order."""
    wanted = {*trace.path, *trace.skipped}
    return [state.name for state in trace.model.states if state.name in wanted]


def _draw_moves(ax: Axes, trace: Trace, scale: Timescale, lanes: Sequence[str]) -> None:
    for at, _ in enumerate(lanes):
        ax.axhline(-at, color=PALE, linewidth=0.6, zorder=1)
    places = [(scale.x(step.move.session, step.move.onset), -_lane_of(step.move.party, lanes)) for step in trace.steps]
    taken = [(place, PHASES[trace.model[step.after].phase].mark)
             for place, step in zip(places, trace.steps, strict=True) if step.taken]
    ax.scatter([x for (x, _), _ in taken], [y for (_, y), _ in taken], s=18, c=[colour for _, colour in taken],
               edgecolors=INK, linewidths=0.4, zorder=3, label="moves that took an arrow")
    off = [place for place, step in zip(places, trace.steps, strict=True) if not step.taken]
    ax.scatter([x for x, _ in off], [y for _, y in off], s=14, c=FAINT, marker="x", linewidths=0.9, zorder=3,
               label="off-model moves")


def _lane_of(party: str | None, lanes: Sequence[str]) -> int:
    return lanes.index(party) if party in lanes else len(lanes) - 1


def _draw_states(ax: Axes, trace: Trace, scale: Timescale, states: Sequence[str], *, first: int) -> None:
    row = {name: -(first + _SPACE + at) for at, name in enumerate(states)}
    bars: dict[str, list[tuple[float, float]]] = {}
    for name, start, end in _stays(trace, scale):
        bars.setdefault(name, []).append((start, end - start))
    for name, spans in bars.items():
        phase = trace.model[name].phase
        ax.broken_barh(spans, (row[name] - _BAR / 2, _BAR), **phase_look(phase) | {"linewidth": 0.6}, zorder=2,
                       label=f"state {name}")
    skipped = [(scale.x(step.move.session, step.move.onset), row[name]) for step in trace.steps
               for name in step.skipped if name in row]
    ax.scatter([x for x, _ in skipped], [y for _, y in skipped], s=16, marker="D", facecolors="white",
               edgecolors=INK, linewidths=0.8, zorder=4, label="skipped steps")


def _stays(trace: Trace, scale: Timescale) -> list[tuple[str, float, float]]:
    """Return each stay in a state: its name, from where to where; moves that stay are joined, but not over a break."""
    stays: list[tuple[str, float, float]] = []
    session = None
    for step, until in zip(trace.steps, _untils(trace), strict=True):
        start, end = (scale.x(step.move.session, at) for at in (step.move.onset, max(until, step.move.onset)))
        if stays and stays[-1][0] == step.after and session == step.move.session:
            stays[-1] = step.after, stays[-1][1], end
        else:
            stays.append((step.after, start, end))
        session = step.move.session
    return stays


def _untils(trace: Trace) -> Iterator[int]:
    """Yield until when the state after each move lasts, as `Trace.dwell` counts it."""
    row = trace.episode.row
    for step, later in zip(trace.steps, (*trace.steps[1:], None), strict=True):
        if later is not None:
            yield later.move.onset if later.move.session == step.move.session else step.move.onset
        else:
            yield row.end if row.last_session == step.move.session else step.move.onset


def _draw_unseen(ax: Axes, trace: Trace, scale: Timescale, *, rows: int) -> bool:
    """Hatch what comes after a stop of observation; return whether there was one."""
    if trace.episode.row.closed_by is not ClosedBy.OBSERVATION_END:
        return False
    low, high = ax.get_xlim()
    end = high + 0.04 * (high - low)
    ax.axvspan(scale.last, end, **UNSEEN, zorder=0, label="not observed")
    ax.set_xlim(low, end)
    return True


def _name_rows(ax: Axes, lanes: Sequence[str], states: Sequence[str], *, room: float) -> None:
    named = {-float(at): name for at, name in enumerate(lanes)}
    named |= {-(len(lanes) + _SPACE + at): name.replace("_", " ") for at, name in enumerate(states)}
    name_ticks(ax, named)
    ax.set_ylim(-(len(lanes) + len(states) + 0.2), room)
    ax.spines["left"].set_visible(False)


def _set_keys(ax: Axes, trace: Trace, *, stopped: bool) -> None:
    phases = dict.fromkeys(trace.model[step.after].phase for step in trace.steps)
    entries = [line_key("takes an arrow", marker="o", color="none", markerfacecolor=PALE,
                        markeredgecolor=INK, markeredgewidth=0.4)]
    if trace.off_model:
        entries.append(line_key("off the model", marker="x", color="none", markeredgecolor=FAINT))
    if trace.skipped:
        entries.append(line_key("step skipped", marker="D", color="none", markerfacecolor="white",
                                markeredgecolor=INK, markeredgewidth=0.8))
    entries += [patch_key(f"phase: {phase}", **phase_look(phase)) for phase in phases]
    entries += [patch_key("not observed", **UNSEEN)] if stopped else []
    set_key(ax, entries, columns=4)


def _words(trace: Trace, *, stopped: bool) -> str:
    name, model = shortened(trace.episode.episode, 40), shortened(trace.model.name, 40)
    above, below = (shortened(party, 30) for party in trace.episode.coding.parties)
    skipped = f" Skipped: {', '.join(trace.skipped)}." if trace.skipped else ""
    cut = " Observation stopped before the episode was over." if stopped else ""
    return (f"Timeline of episode {name} by the model {model}: {counted(len(trace.steps), 'move')} over time, the "
            f"{above} above and the {below} below, {len(trace.off_model):,} of them off the model; beneath, the states "
            f"{' to '.join(shortened(state, 40) for state in trace.path[:16])}"
            f"{' and more' if len(trace.path) > 16 else ''}. End reached: {trace.reached}.{skipped}{cut}")
