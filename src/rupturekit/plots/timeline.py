"""One episode over time: both people's moves in two lanes, what they needed, and the states of the model beneath."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rupturekit._html import counted, shortened
from rupturekit._palette import PHASES
from rupturekit.episode import ObservedStretch
from rupturekit.errors import NotEnoughData, RecordError, expect
from rupturekit.negotiation.acts import NEEDS
from rupturekit.negotiation.table import SPELL_ENDS, Negotiations, SpellEnd
from rupturekit.plots.negotiation import END_MARKS
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
    need_colour,
    patch_key,
    phase_look,
    set_key,
)
from rupturekit.plots.timescale import Timescale, timescale
from rupturekit.steps import Trace
from rupturekit.vocabulary import ClosedBy

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["episode_timeline"]

_NOBODY: Final = "not said who"
_SPACE: Final = 0.6
"""Between the lanes and the states beneath, in rows."""

_BAR: Final = 0.62
_STEM, _FOOT = 0.42, 0.16
"""How tall the stem of the highest rating of an episode is, and how far over its lane a stem begins, in rows."""

_NEED_BAR, _NEED_ASIDE = 0.26, 0.2
"""How thick a need's bar is, and how far from the middle of its row: agency above, communion below."""


class _Spell(NamedTuple):
    """A claim while it is open: whose, which need, from where to where on the axis, and what ended it."""

    party: str
    need: int
    start: float
    stop: float
    end: SpellEnd


def episode_timeline(trace: Trace, *, needs: Negotiations | None = None, observed: Iterable[ObservedStretch] = (),
                     ax: Axes | None = None) -> Axes:
    """Draw one trace: moves in a lane for each person, the states that it went through beneath.

    A dot is a move that took an arrow of the model, in the colour of the phase after it; a cross is an off-model move;
    a stem over it is its rating, where it has one. A state's bar lasts as in `Trace.dwell`. A step that was skipped
    though it could have been seen is a hollow diamond in its own row. Where observation stopped before the episode was
    over, the time after is hatched: what came then is not known.

    Parameters
    ----------
    needs : Negotiations or None
        The negotiations of the same episodes: a row for each person shows how long her claims of agency (above) and
        communion (below) were open, and what ended them, with the signs of `plots.negotiation.episode_lanes`.
    observed : iterable of ObservedStretch
        What was coded, as in `cohort.observed`: time of a session outside it is hatched. A session of which nothing is
        said stays as it is.

    Raises
    ------
    NotEnoughData
        Where the trace has no moves.
    RecordError
        Where the negotiations do not hold this episode, or hold other moves under its name.

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
    scale = _scale(trace)
    spells = [] if needs is None else list(_spells(trace, needs, scale))
    wanting = [party for party in _lanes(trace) if any(spell.party == party for spell in spells)]
    lanes, states = [*_lanes(trace), *(f"needs: {party}" for party in wanting)], _states(trace)
    with axes(ax, width=WIDE, height=24 + 6.5 * (len(lanes) + len(states))) as ax:
        _draw_moves(ax, trace, scale, _lanes(trace))
        for party in wanting:
            _draw_needs(ax, [spell for spell in spells if spell.party == party], y=-lanes.index(f"needs: {party}"))
        _draw_states(ax, trace, scale, states, first=len(lanes))
        scale.mark(ax)
        stopped = _draw_unseen(ax, trace, scale)
        gaps = _draw_gaps(ax, trace, scale, observed)
        _name_rows(ax, lanes, states, room=0.7 if len(scale.spans) == 1 else 1.1)
        set_key(ax, [*_move_key(trace), *_need_key(spells), *_state_key(trace, unseen=stopped or gaps > 0)], columns=4)
    describe(ax, _words(trace, spells, stopped=stopped, gaps=gaps))
    return ax


def _scale(trace: Trace) -> Timescale:
    row = trace.episode.row
    times = [(step.move.session, step.move.onset) for step in trace.steps]
    held = any(session == row.last_session for session, _ in times)
    return timescale(trace.episode.coding, [*times, *([(row.last_session, row.end)] if held else [])])


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
    rated = [(place, step.move.rating) for place, step in zip(places, trace.steps, strict=True) if step.move.rating]
    most = _highest_rating(trace) or 1.0
    feet = [y + _FOOT for (_, y), _ in rated]
    ax.vlines([x for (x, _), _ in rated], feet, [y + _STEM * n / most for y, (_, n) in zip(feet, rated, strict=True)],
              color=INK, linewidth=0.9, zorder=2, label="ratings")


def _highest_rating(trace: Trace) -> float | None:
    """Return the highest rating of a move; None where no move has one."""
    return max((step.move.rating for step in trace.steps if step.move.rating is not None), default=None)


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


# --- needs --------------------------------------------------------------------------------------------------------


def _spells(trace: Trace, needs: Negotiations, scale: Timescale) -> Iterator[_Spell]:
    """Yield the spells of the episode with their places on the axis; one without end goes as far as is known."""
    expect(needs, Negotiations, what="a table of negotiations", remedy="use negotiations(cohort)")
    at = needs.named(trace.episode.episode)
    _check_same_moves(trace, needs, at)
    held, spells, turns = needs.spells.episode == at, needs.spells, needs.turns
    moves, rows = turns.cohort.moves, turns.rows

    def place(turn: int) -> float:
        return scale.x(int(moves.session[rows[turn]]), int(moves.onset[rows[turn]]))

    for party, need, begin, end, cause in zip(*(column[held].tolist() for column in (
            spells.party, spells.need, spells.begin, spells.end, spells.cause)), strict=True):
        stop = place(end) if end >= 0 else scale.last
        yield _Spell(needs.parties[party], need, place(begin), stop, SPELL_ENDS[cause])


def _check_same_moves(trace: Trace, needs: Negotiations, at: int) -> None:
    """Refuse negotiations of other moves: two segmentations may give an episode one name."""
    low, high = needs.turns.offsets[at : at + 2].tolist()
    theirs = {needs.turns.row_id(turn) for turn in range(low, high)}
    if not theirs <= {step.move.row_id for step in trace.steps}:
        raise RecordError(f"the negotiation of episode {trace.episode.episode!r} holds moves that its trace does not; "
                          "make both from one cohort: trace_cohort(cohort, model), negotiations(cohort)", field="needs")


def _draw_needs(ax: Axes, spells: Sequence[_Spell], *, y: float) -> None:
    """Draw how long each claim was open, agency above communion, with the sign of its end."""
    ax.axhline(y, color=PALE, linewidth=0.4, zorder=1)
    for spell in spells:
        colour, place = need_colour(NEEDS[spell.need]), y + _NEED_ASIDE * (1 - 2 * spell.need)
        ax.broken_barh([(spell.start, spell.stop - spell.start)], (place - _NEED_BAR / 2, _NEED_BAR), facecolor=colour,
                       linewidth=0, zorder=2, label=f"need {spell.party} {NEEDS[spell.need]} {spell.end}")
        if spell.end in END_MARKS:
            look: dict[str, Any] = dict(END_MARKS[spell.end])
            inked = {"facecolors": "white", "edgecolors": colour} if spell.end is SpellEnd.OPEN else {"c": [colour]}
            ax.scatter([spell.stop], [place], zorder=3, label=f"end {spell.end}", **inked,
                       **look | {"s": 0.6 * look["s"]})


# --- what was not observed ----------------------------------------------------------------------------------------


def _draw_unseen(ax: Axes, trace: Trace, scale: Timescale) -> bool:
    """Hatch what comes after a stop of observation; return whether there was one."""
    if trace.episode.row.closed_by is not ClosedBy.OBSERVATION_END:
        return False
    low, high = ax.get_xlim()
    end = high + 0.04 * (high - low)
    ax.axvspan(scale.last, end, **UNSEEN, zorder=0, label="not observed")
    ax.set_xlim(low, end)
    return True


def _draw_gaps(ax: Axes, trace: Trace, scale: Timescale, observed: Iterable[ObservedStretch]) -> int:
    """Hatch what lies between the stretches that were coded; return how many such gaps there are."""
    row, gaps = trace.episode.row, 0
    held: dict[int, list[tuple[int, int]]] = {}
    for stretch in observed:
        if (stretch.dyad, stretch.track) == (row.dyad, row.track):
            held.setdefault(stretch.session, []).append((stretch.start, stretch.end))
    for session, (low, high) in scale.spans.items():
        for start, end in _outside(sorted(held.get(session, [(low, high)])), low, high):
            ax.axvspan(scale.x(session, start), scale.x(session, end), **UNSEEN, zorder=0, label="not coded")
            gaps += 1
    return gaps


def _outside(stretches: Sequence[tuple[int, int]], low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a span that no stretch covers.

    >>> list(_outside([(0, 2), (5, 7)], 1, 9))
    [(2, 5), (7, 9)]
    """
    for start, end in [*stretches, (high, high)]:
        if min(start, high) > low:
            yield low, min(start, high)
        low = max(low, end)


def _name_rows(ax: Axes, lanes: Sequence[str], states: Sequence[str], *, room: float) -> None:
    named = {-float(at): name for at, name in enumerate(lanes)}
    named |= {-(len(lanes) + _SPACE + at): name.replace("_", " ") for at, name in enumerate(states)}
    name_ticks(ax, named)
    ax.set_ylim(-(len(lanes) + len(states) + 0.2), room)
    ax.spines["left"].set_visible(False)


def _move_key(trace: Trace) -> Iterator[Artist]:
    yield line_key("takes an arrow", marker="o", color="none", markerfacecolor=PALE, markeredgecolor=INK,
                   markeredgewidth=0.4)
    if trace.off_model:
        yield line_key("off the model", marker="x", color="none", markeredgecolor=FAINT)
    if trace.skipped:
        yield line_key("step skipped", marker="D", color="none", markerfacecolor="white", markeredgecolor=INK,
                       markeredgewidth=0.8)
    most = _highest_rating(trace)
    if most is not None:
        yield line_key(f"stem: rating, up to {most:g}", marker="|", color="none", markeredgecolor=INK, markersize=6,
                       markeredgewidth=0.9)


def _need_key(spells: Sequence[_Spell]) -> Iterator[Artist]:
    for at, need in enumerate(NEEDS):
        if any(spell.need == at for spell in spells):
            yield patch_key(f"{need} claimed", facecolor=need_colour(need), linewidth=0)
    for end, look in END_MARKS.items():
        if any(spell.end is end for spell in spells):
            yield line_key(f"claim ends: {end}", marker=look["marker"], color="none", markeredgecolor=FAINT,
                           markerfacecolor="white", markeredgewidth=look["linewidths"])


def _state_key(trace: Trace, *, unseen: bool) -> Iterator[Artist]:
    for phase in dict.fromkeys(trace.model[step.after].phase for step in trace.steps):
        yield patch_key(f"phase: {phase}", **phase_look(phase))
    if unseen:
        yield patch_key("not observed", **UNSEEN)


def _words(trace: Trace, spells: Sequence[_Spell], *, stopped: bool, gaps: int) -> str:
    name, model = shortened(trace.episode.episode, 40), shortened(trace.model.name, 40)
    above, below = (shortened(party, 30) for party in trace.episode.coding.parties)
    said = [*([f"Skipped: {', '.join(trace.skipped)}."] if trace.skipped else []),
            *([f"{counted(len(spells), 'claim')} of needs: {_told(spells)}."] if spells else []),
            *([f"Not coded in between: {counted(gaps, 'gap')}."] if gaps else []),
            *(["Observation stopped before the episode was over."] if stopped else [])]
    path = " to ".join(shortened(state, 40) for state in trace.path[:16]) + (
        " and more" if len(trace.path) > 16 else "")
    return " ".join([
        f"Timeline of episode {name} by the model {model}: {counted(len(trace.steps), 'move')} over time, the {above} "
        f"above and the {below} below, {len(trace.off_model):,} of them off the model; beneath, the states {path}. "
        f"End reached: {trace.reached}.", *said])


def _told(spells: Sequence[_Spell]) -> str:
    return ", ".join(f"{shortened(spell.party, 30)} {NEEDS[spell.need]} {spell.end}" for spell in spells[:8]) + (
        " and more" if len(spells) > 8 else "")
