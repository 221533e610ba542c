"""How an episode moved through a model: the path as chips, the strip, every step, and why; and many, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from rupturekit._html import (
    Markup,
    Row,
    chip,
    counted,
    details,
    facts,
    figures,
    heading,
    joined,
    line,
    page,
    shortened,
    spread,
    table,
    tag,
    wide_row,
)
from rupturekit._palette import PHASES
from rupturekit._views.episodes import FIRST, LAST, episode_head, lanes_of, rows_with_sessions, stated
from rupturekit._views.models import state_chip
from rupturekit._views.strip import INK, MOST_MARKS, Band, Mark, strip

if TYPE_CHECKING:
    from rupturekit.ends import TraceEnds
    from rupturekit.episode import Coding
    from rupturekit.state_machine import State
    from rupturekit.stays import Dwell, Visits
    from rupturekit.steps import Step, Trace
    from rupturekit.trace_summary import TraceSummary
    from rupturekit.traces import TraceTable

__all__ = ["dwell_html", "ends_html", "path_text", "summary_html", "trace_html", "trace_table_html",
           "trace_table_text", "visits_html"]

_SIGNS: Final[Mapping[str, str]] = {"yes": "\u2713", "with skips": "\u2713", "no": "\u2717", "censored": "?",
                                    "not observable": "\u25cb"}
_PATH_FIRST, _PATH_LAST = 16, 4
MOST_TRACES: Final = 10
MOST_NAMES: Final = 60


def path_text(path: Sequence[str]) -> str:
    """Return a path as `a -> b -> c`; of a long one, how it begins and ends.

    >>> path_text(["a", "b"])
    'a -> b'
    """
    first, left_out, last = spread(len(path), first=_PATH_FIRST, last=_PATH_LAST)
    more = [f"... {left_out:,} more ..."] if left_out else []
    return " -> ".join([*(path[at] for at in first), *more, *(path[at] for at in last)])


def trace_html(trace: Trace) -> Markup:
    """Return a trace for a notebook: the path, what it lacks, its strip, its steps, and the telling in full."""
    rows = [_row(trace, at) for at in _shown(len(trace.steps))]
    steps = table(("when", "who", "what", "from", "to", ""), rows_with_sessions(trace.episode, rows, columns=6))
    return page("Trace", trace.episode.episode, *episode_head(trace.episode),
                tag("p", "By ", tag("code", shortened(trace.model.name, 60)), ": ",
                    line(trace.model.evidence_text(), most=200), class_="rk-soft"),
                _path(trace), *_gaps(trace), facts(_ends(trace)), _strip(trace) if trace.steps else "",
                heading("Steps"), steps, details("Why: every step with its reason", _why(trace)), *_stated(trace))


def _stated(trace: Trace) -> Iterator[Markup]:
    labels = trace.episode.labels
    if labels:
        yield details(f"{counted(len(labels), 'statement')} about it", stated(labels))


def _shown(steps: int) -> tuple[int, ...]:
    first, _, last = spread(steps, first=FIRST, last=LAST)
    return *first, *last


def _path(trace: Trace) -> Markup:
    path = trace.path
    first, left_out, last = spread(len(path), first=_PATH_FIRST, last=_PATH_LAST)
    chips = [state_chip(trace.model[path[at]]) for at in first]
    chips += [tag("span", f"... {left_out:,} more ...", class_="rk-soft")] if left_out else []
    chips += [state_chip(trace.model[path[at]]) for at in last]
    return tag("div", joined(chips, by=" \u2192 "), class_="rk-chips", role="group", aria_label="path")


def _gaps(trace: Trace) -> Iterator[Markup]:
    for what, names, kind in (("Skipped, though it could have been seen:", trace.skipped, "rk-ghost"),
                              ("Passed unseen, since no code shows it:", trace.passed, "rk-unseen")):
        if names:
            chips = [state_chip(trace.model[name], kind=kind) for name in names[:12] if name in trace.model.index]
            chips += [chip(name.replace("_", " "), kind=kind) for name in names[:12] if name not in trace.model.index]
            more = f" and {len(names) - 12:,} more" if len(names) > 12 else ""
            yield tag("div", tag("span", what, class_="rk-soft"), " ", joined(chips, by=" "), more, class_="rk-chips")


def _ends(trace: Trace) -> Iterator[tuple[str, str]]:
    left = "; left again" if trace.left_end else ""
    outcome = f" ({trace.outcome})" if trace.outcome else ""
    yield "end reached", tag("span", tag("b", f"{_SIGNS[trace.reached]} {trace.reached}"),
                             f"{left}; ends in {shortened(trace.end.replace('_', ' '))}{outcome}")
    why = Counter(str(step.reason) for step in trace.off_model)
    told = ", ".join(f"{reason} {n:,}" for reason, n in why.items())
    yield "off-model moves", f"{sum(why.values()):,} of {len(trace.steps):,}{f': {told}' if told else ''}"
    lasted = (f"{phase} {_lasting(trace.episode.coding, time)}" for phase, time in trace.dwell().items())
    yield "time by phase", ", ".join(lasted) or "none"
    for what, names in (("not observable", trace.unobservable), ("end left open between", trace.open_ends)):
        if names:
            yield what, joined((tag("code", shortened(name, 40)) for name in names[:12]), by=", ")


def _lasting(coding: Coding, lasted: int) -> str:
    return coding.when(lasted) if coding.time.has_clock else counted(lasted, str(coding.time))


def _strip(trace: Trace) -> Markup:
    lanes = lanes_of(trace.episode)
    few = len(trace.steps) <= MOST_MARKS
    marks = [_mark(trace, step, lanes, title=_title(trace, step) if few else "") for step in trace.steps]
    above, below = (shortened(name, 30) for name in lanes[:2])
    label = (f"Trace of episode {shortened(trace.episode.episode, 40)} by {shortened(trace.model.name, 40)}: "
             f"{counted(len(marks), 'move')} over time, {above} above and {below} below, "
             f"the phases under them; {counted(len(trace.off_model), 'move')} off the model")
    drawn = strip(marks, lanes=lanes, when=trace.episode.coding.when, label=label,
                  bands=_bands(trace) if few else ())
    phases = dict.fromkeys(trace.model[step.after].phase for step in trace.steps)
    key = joined((chip(phase, phase=phase) for phase in phases), by=" ")
    said = tag("span", "\u25cf takes an arrow, \u2715 off the model; colour: the phase after it", class_="rk-soft")
    return joined([drawn, tag("div", said, key, class_="rk-chips")])


def _title(trace: Trace, step: Step) -> str:
    when, what = trace.episode.coding.when(step.move.onset), shortened(trace.episode.name_of(step.move), 40)
    said = f"off model, {step.reason}" if step.reason else f"to {step.after.replace('_', ' ')}"
    return f"{when} {what}: {shortened(said, 40)}"


def _mark(trace: Trace, step: Step, lanes: Sequence[str], *, title: str) -> Mark:
    move = step.move
    return Mark(lane=lanes.index(move.party) if move.party in lanes else len(lanes) - 1, session=move.session,
                at=move.onset, shape="dot" if step.taken else "cross",
                colour=PHASES[trace.model[step.after].phase].mark if step.taken else INK,
                title=title)


def _bands(trace: Trace) -> list[Band]:
    bands: list[Band] = []
    for step, later in zip(trace.steps, (*trace.steps[1:], None), strict=True):
        phase, move = trace.model[step.after].phase, step.move
        until = later.move.onset if later and later.move.session == move.session else move.onset
        bands.append(Band(session=move.session, start=move.onset, end=until, colour=PHASES[phase].mark,
                          title=str(phase)))
    return bands


def _row(trace: Trace, at: int) -> Row:
    step = trace.steps[at]
    move, after = step.move, trace.model[step.after]
    then = "stays" if step.before == step.after else _small_chip(after)
    remarks: list[str] = [tag("span", f"\u2715 off model: {step.reason}", class_="rk-off")] if step.reason else []
    remarks += [joined(["skipped ", _names(step.skipped)])] if step.skipped else []
    remarks += [joined(["passed unseen ", _names(step.passed)])] if step.passed else []
    remarks += ["another order at this instant would end elsewhere"] if step.order_dependent else []
    return (trace.episode.coding.when(move.onset), move.party, trace.episode.name_of(move),
            step.before.replace("_", " "), then, joined(remarks, by="; "))


def _small_chip(state: State) -> Markup:
    return chip(state.name.replace("_", " "), phase=state.phase, title=f"phase {state.phase}")


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4:,} more" if len(names) > 4 else ""
    return ", ".join(shortened(name.replace("_", " "), 40) for name in names[:4]) + more


def _why(trace: Trace) -> Markup:
    """Return what `explain` tells, without the notes of the first steps, and of a long trace not every step."""
    bare = [attrs.evolve(step, move=_without_note(step.move)) for step in trace.steps[:FIRST]]
    lines = attrs.evolve(trace, steps=(*bare, *trace.steps[FIRST:])).explain().split("\n")
    before = next((at for at, text in enumerate(lines) if text.startswith("  ")), 0)
    told = [text for text in lines if text.startswith("  ")]
    around = [tag("p", line(text, most=600)) for text in lines if not text.startswith("  ")]
    items = [tag("li", line(text.strip(), most=400)) for text in told[:FIRST]]
    items += [tag("li", f"... and {len(told) - FIRST:,} more lines: see explain()")] if len(told) > FIRST else []
    return joined([*around[:before], tag("ul", *items), *around[before:]])


def _without_note(move: Any) -> Any:
    """Return a move without its note; a record is an attrs class, which the type checker cannot see."""
    return attrs.evolve(move, note=None)


# --- many --------------------------------------------------------------------------------------------------------


def trace_table_html(traces: TraceTable) -> Markup:
    """Return the traces of a cohort: how many reached an end, and the first of them with their paths."""
    ends = Counter(str(reached) for reached in traces.reached())
    first, more, _ = spread(len(traces), first=MOST_TRACES)
    rows: list[Row] = [_one_of_many(traces[at]) for at in first]
    if more:
        rows.append(wide_row(f"... and {counted(more, 'more episode')}", columns=5))
    return page("Traces by", traces.model.name,
                figures([(len(traces), "episodes"), (len(traces.before), "moves")]),
                facts([("model", f"{traces.model.title}; {traces.model.evidence_text()}"),
                       ("track", traces.provenance.track or "several"), ("end reached", _shares(ends, len(traces))),
                       *_left_out(traces.left_out)]),
                table(("episode", "dyad", "path", "end reached", "off model"), rows))


def _left_out(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    return (("left out", f"{counted(n, 'episode')} ({why})") for why, n in counts.items())


def trace_table_text(traces: TraceTable) -> str:
    """Return the traces of a cohort as lines: how many reached an end, and the first of them."""
    ends = Counter(str(reached) for reached in traces.reached())
    first, more, _ = spread(len(traces), first=MOST_TRACES)
    lines = [repr(traces), f"  end reached: {_shares(ends, len(traces))}"]
    lines += [f"  left out: {counted(n, 'episode')} ({why})" for why, n in traces.left_out.items()]
    lines += [f"  {shortened(trace.episode.episode)}: {path_text(trace.path)} (end reached: {trace.reached})"
              for trace in map(traces.__getitem__, first)]
    return "\n".join([*lines, *([f"  ... and {counted(more, 'more episode')}"] if more else [])])


def _one_of_many(trace: Trace) -> Row:
    first, more, last = spread(len(trace.path), first=5, last=2)
    chips = [_small_chip(trace.model[trace.path[at]]) for at in (*first, *last)]
    chips = [*chips[: len(first)], *([tag("span", f"... {more:,} ...")] if more else []), *chips[len(first) :]]
    return (trace.episode.episode, trace.episode.row.dyad, tag("div", joined(chips, by=" \u2192 "), class_="rk-chips"),
            f"{_SIGNS[trace.reached]} {trace.reached}", f"{len(trace.off_model):,} of {len(trace.steps):,}")


def _shares(counts: Mapping[str, int], of: int) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items()) + f" (of {of:,})" if counts else "none"


def ends_html(ends: TraceEnds) -> Markup:
    """Return how many episodes reached an end, and how many left it again."""
    reached = Counter(str(one) for one in ends.reached())
    return page("Ends by", ends.model.name, figures([(len(ends), "episodes")]),
                facts([("end reached", _shares(reached, len(ends))),
                       ("left the end again", f"{int(ends.left_end().sum()):,} (of {len(ends):,})"),
                       *_left_out(ends.left_out)]))


def dwell_html(dwell: Dwell) -> Markup:
    """Return how many episodes came to each phase or state, and how long all of them stayed there together."""
    came = dict(zip(dwell.names, dwell.seen.sum(axis=0).tolist(), strict=True))
    lasted = {name: _lasting(dwell.coding, time) for name, time in dwell.total().items()}
    return page("Time in", "each phase or state", figures([(len(dwell), "episodes")]),
                _by_name(("", "episodes that came", "lasted, all together"), came, lasted))


def visits_html(visits: Visits) -> Markup:
    """Return how many episodes came to each state, and how often they all did together."""
    return page("Visits to", "each state", figures([(len(visits), "episodes")]),
                _by_name(("", "episodes that came", "visits, all together"), visits.episodes(), visits.total()))


def _by_name(header: Sequence[str], *columns: Mapping[str, Any]) -> Markup:
    names, more, _ = spread(len(columns[0]), first=MOST_NAMES)
    held = list(columns[0])[: len(names)]
    rows: list[Row] = [(name.replace("_", " "), *(column[name] for column in columns)) for name in held]
    rows += [wide_row(f"... and {more:,} more", columns=len(header))] if more else []
    return table(header, rows)


def summary_html(summary: TraceSummary) -> Markup:
    """Return the counts over many traces, each with its total."""
    said = summary.lines()[:60]
    return page("Traces by", summary.model, facts((title, line(text, most=400)) for title, text in said))
