"""A process model: its states by phase, a drawing where it stays readable, its arrows with the evidence of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rupturekit._html import (
    Markup,
    Row,
    badge,
    chip,
    counted,
    facts,
    heading,
    joined,
    line,
    page,
    shortened,
    table,
    tag,
    wide_row,
)
from rupturekit._palette import PHASES
from rupturekit.vocabulary import Evidence, Phase

if TYPE_CHECKING:
    from rupturekit.alphabet import Coverage
    from rupturekit.state_machine import State, StateMachine, Transition

__all__ = ["coverage_html", "model_html", "state_chip"]

MOST_ARROWS: Final = 60
MOST_STATES: Final = 40
MOST_DRAWN: Final = 16
"""A model of more states is not drawn: its arrows could no longer be followed."""

_SIGNS: Final[Mapping[str, str]] = {"observable": "\u25cf", "partly": "\u25d0", "not observable": "\u25cb",
                                    "given": "\u25b8"}


def state_chip(state: State, *, kind: str = "") -> Markup:
    """Return a state as a chip: its phase over it, start and end marked in words."""
    over = f"{state.phase}{', start' if state.initial else ''}{', end' if state.end else ''}"
    title = f"{state.name}: {state.title or state.name} (phase {over})"
    return chip(state.name.replace("_", " "), phase=None if kind else state.phase, over=over, title=title, kind=kind)


def model_html(model: StateMachine) -> Markup:
    """Return a process model for a notebook: how much of it was read first, then states and arrows."""
    kind = f"{model.type} ruptures" if model.type else "ruptures of any type"
    marks = [tag("code", shortened(model.name, 60)), badge(kind), badge(counted(len(model.states), "state")),
             badge(counted(len(model.transitions), "arrow"))]
    shown = _drawing(model) if len(model.states) <= MOST_DRAWN else _states(model)
    return page("Process model", model.title, tag("p", joined(marks, by=" ")), *_evidence(model), shown,
                heading("Arrows"), table(("from", "when", "to", "evidence"), _arrow_rows(model)))


def _evidence(model: StateMachine) -> Iterator[Markup]:
    counts = model.evidence_counts()
    said = ", ".join(f"{n} {evidence}" for evidence, n in counts.items())
    if model.is_reconstruction:
        yield tag("p", tag("b", "A reconstruction"), " after ", line(model.source, most=200),
                  f": {counts[Evidence.READ]} of {counted(sum(counts.values()), 'arrow')} read in a source.")
    else:
        yield tag("p", "After ", line(model.source, most=200), ".")
    yield tag("p", f"Arrows by evidence: {said}. Order is a hypothesis: the model rejects no episode.",
              class_="rk-soft")


def _states(model: StateMachine) -> Markup:
    rows, left = [], MOST_STATES
    for phase in Phase:
        here = [state for state in model.states if state.phase is phase]
        if here:
            more = f"... and {len(here) - left:,} more" if len(here) > left else ""
            rows.append((str(phase), tag("div", joined(map(state_chip, here[:left]), by=" "), more, class_="rk-chips")))
            left -= min(left, len(here))
    return facts(rows)


def _arrow_rows(model: StateMachine) -> Iterator[Row]:
    arrows = sorted(model.transitions, key=lambda arrow: model.index.get(arrow.source, len(model.index)))
    before = None
    for arrow in arrows[:MOST_ARROWS]:
        yield (tag("b", _spaced(arrow.source)) if arrow.source != before else "", _when(arrow),
               "stays" if arrow.target == arrow.source else _spaced(arrow.target),
               tag("span", str(arrow.evidence), title=shortened(arrow.named or arrow.locator, 200) or None))
        before = arrow.source
    if len(arrows) > MOST_ARROWS:
        yield wide_row(f"... and {counted(len(arrows) - MOST_ARROWS, 'more arrow')}", columns=4)


def _when(arrow: Transition) -> Markup:
    said = str(arrow.when or "silent").replace("_", " ")
    return line(said, most=90)


def _spaced(name: str) -> str:
    return shortened(name.replace("_", " "))


# --- the drawing -------------------------------------------------------------------------------------------------

_WIDE, _TALL, _DOWN, _MARGIN = 220, 40, 28, 8
_KEY: Final = ("Onward to the right, back to the left. Line: whole = read or reported, dashed = recalled, dotted = "
               "assumed (the best of parallel arrows). \u21bb stays on its own sign. Double frame = end.")
_DASHES: Final = {Evidence.READ: None, Evidence.SECONDARY: None, Evidence.RECALLED: "7 3", Evidence.ASSUMPTION: "2 3"}


def _drawing(model: StateMachine) -> Markup:
    """Draw the states in a column, in the model's order: arrows onward bow to the right, arrows back to the left."""
    at = model.index
    pairs = _pairs(model)
    right = _bow(max((at[b] - at[a] for a, b in pairs), default=0))
    left = _bow(max((at[a] - at[b] for a, b in pairs), default=0)) + _MARGIN
    width, height = left + _WIDE + right + _MARGIN, len(at) * (_TALL + _DOWN) - _DOWN + 2 * _MARGIN
    ends = shortened(", ".join(model.ends), 90)
    label = (f"Drawing of {shortened(model.name, 60)}: {counted(len(at), 'state')} from {shortened(model.initial, 60)} "
             f"to {ends}; the table below has every arrow")
    arrows = [_arrow(at[a], at[b], evidence, left=left) for (a, b), evidence in pairs.items()]
    loops = {arrow.source for arrow in model.transitions if arrow.source == arrow.target}
    boxes = [_box(state, place, left=left, loops=state.name in loops) for place, state in enumerate(model.states)]
    return joined([tag("svg", tag("title", label), *arrows, *boxes, role="img", aria_label=label,
                       viewBox=f"0 0 {width:g} {height:g}", width=width, height=height),
                   tag("p", _KEY, class_="rk-soft")])


def _pairs(model: StateMachine) -> dict[tuple[str, str], Evidence]:
    """Return the pairs of states that arrows join, with the best evidence of any of their arrows."""
    best: dict[tuple[str, str], Evidence] = {}
    order = list(Evidence)
    for arrow in model.transitions:
        pair = arrow.source, arrow.target
        if arrow.source != arrow.target and {*pair} <= model.index.keys():
            best[pair] = min(best.get(pair, arrow.evidence), arrow.evidence, key=order.index)
    return best


def _top(place: int) -> float:
    return _MARGIN + place * (_TALL + _DOWN)


def _bow(steps: int) -> float:
    """Return how far an arrow over so many places bows out."""
    return 14 + 15 * min(steps, 16) if steps > 0 else 0


def _box(state: State, place: int, *, left: float, loops: bool) -> Markup:
    y, middle, mark = _top(place), left + _WIDE / 2, PHASES[state.phase].mark
    marks = f"{state.phase}{', start' if state.initial else ''}{', end' if state.end else ''}"
    rim = tag("rect", x=left - 3, y=y - 3, width=_WIDE + 6, height=_TALL + 6, rx=6, fill="none",
              stroke=mark) if state.end else ""
    return tag("g", tag("title", shortened(f"{state.name}: {state.title or state.name}", 120)), rim,
               tag("rect", x=left, y=y, width=_WIDE, height=_TALL, rx=4, fill=mark, fill_opacity="0.12", stroke=mark,
                   stroke_width=1.6),
               tag("text", shortened(state.name.replace("_", " "), 32), x=middle, y=y + 17, font_size=13,
                   text_anchor="middle"),
               tag("text", marks + (" \u21bb" if loops else ""), x=middle, y=y + 32, font_size=11, text_anchor="middle",
                   class_="rk-faint"))


def _arrow(start: int, end: int, evidence: Evidence, *, left: float) -> Markup:
    """Draw one arrow: straight down to the next state, else a bow beside the column."""
    if end == start + 1:
        x, tip = left + _WIDE / 2, _top(end) - 4
        path, head = f"M{x:g} {_top(start) + _TALL:g}V{tip - 6:g}", f"M{x:g} {tip:g}l-4 -8h8z"
    else:
        side = 1 if end > start else -1
        x = left + _WIDE if side > 0 else left
        out, into = _top(start) + _TALL / 2 + 8 * side, _top(end) + _TALL / 2 - 8 * side
        far, tip = x + side * 1.3 * _bow(abs(end - start)), x + 4 * side
        path = f"M{x + 4 * side:g} {out:g}C{far:g} {out:g} {far:g} {into:g} {tip + 6 * side:g} {into:g}"
        head = f"M{tip:g} {into:g}l{8 * side} -4v8z"
    line_of = tag("path", d=path, fill="none", stroke="currentColor", stroke_width=1.3, stroke_opacity="0.65",
                  stroke_dasharray=_DASHES[evidence])
    return tag("g", line_of, tag("path", d=head, fill="currentColor", fill_opacity="0.65"))


# --- coverage ----------------------------------------------------------------------------------------------------


def coverage_html(said: Coverage) -> Markup:
    """Return what of a model a codebook can show: a row a state with a sign and the word, then what is left over."""
    rows: list[Row] = [(name, tag("span", _SIGNS[seen], " ", seen.value), _listed(codes), _listed(missing))
                       for name, seen, codes, missing in said.states[:MOST_STATES]]
    if len(said.states) > MOST_STATES:
        rows.append(wide_row(f"... and {counted(len(said.states) - MOST_STATES, 'more state')}", columns=4))
    seen = sum(kind.value != "not observable" for _, kind, _, _ in said.states)
    over = [("functions that no code has", said.functions_without_code),
            ("codes without a function", said.codes_without_function),
            ("codes whose function the model does not use", said.codes_off_model),
            ("ambiguous", tuple(f"{code} by {party} in {state}" for state, code, party in said.ambiguous))]
    return page("Coverage", f"{shortened(said.model, 40)} seen with {shortened(said.codebook, 40)}",
                tag("p", line(said.evidence, most=200), class_="rk-soft"),
                table(("state", "can be seen", "by", "no code for"), rows),
                facts((name, _listed(found) or "none") for name, found in over if found or name != "ambiguous"),
                after=[badge(f"{seen} of {counted(len(said.states), 'state')} can be seen")])


def _listed(names: Sequence[str]) -> Markup:
    shown = [tag("code", shortened(name, 40)) for name in names[:12]]
    return joined([*shown, *([f"{len(names) - 12:,} more"] if len(names) > 12 else [])], by=", ")
