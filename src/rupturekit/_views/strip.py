"""A strip of time: lanes of marks, one a move, session after session; small inline SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from rupturekit._html import Markup, shortened, tag

__all__ = ["Band", "Mark", "strip"]

WIDTH: Final = 760
_LEFT, _RIGHT, _GAP, _LEAST = 92, 14, 30, 60
_LANE = 30
MOST_MARKS: Final = 120
"""Beyond this the marks become ticks, one a place on the strip, without titles."""

MOST_SESSIONS: Final = 12

INK: Final = "currentColor"


@attrs.frozen(kw_only=True)
class Mark:
    """One move on the strip: its lane, when, and how it looks (`diamond`, `dot` or `cross`)."""

    lane: int
    session: int
    at: int
    shape: str
    title: str
    colour: str = INK


@attrs.frozen(kw_only=True)
class Band:
    """A stretch under the lanes in one colour."""

    session: int
    start: int
    end: int
    colour: str
    title: str


@attrs.frozen
class _Scale:
    """Where each session lies on the strip: (first x, width, first time, last time)."""

    sessions: Mapping[int, tuple[float, float, int, int]]

    def x(self, session: int, at: int) -> float:
        left, width, low, high = self.sessions[session]
        return round(left + width * ((at - low) / (high - low) if high > low else 0.5), 1)


def strip(marks: Sequence[Mark], *, lanes: Sequence[str], when: Callable[[int], str], label: str,
          bands: Sequence[Band] = ()) -> Markup:
    """Return moves in lanes over time as SVG, named by `label` for those who do not see it.

    Sessions follow each other in the order given, each as wide as it lasts. Of more than `MOST_SESSIONS` sessions
    the first are drawn, and the strip says so. Marks at one place are set under each other.
    """
    drawn = list(dict.fromkeys(mark.session for mark in marks))
    shown = set(drawn[:MOST_SESSIONS])
    scale = _scale([mark for mark in marks if mark.session in shown])
    marks = [mark for mark in marks if mark.session in shown]
    top = 22 if len(drawn) > 1 else 2
    bottom = top + _LANE * len(lanes)
    axis = bottom + (14 if bands else 0)
    height = axis + 20
    parts = [*_lanes(lanes, top), *_sessions(scale, axis, when=when, left_out=len(drawn) - len(shown)),
             *(_band(scale, band, bottom) for band in bands if band.session in shown),
             *(_marks(marks, scale, top) if len(marks) <= MOST_MARKS else _ticks(marks, scale, top))]
    return tag("svg", tag("title", shortened(label, 240)), *parts, role="img", aria_label=shortened(label, 240),
               viewBox=f"0 0 {WIDTH} {height}", width=WIDTH, height=height)


def _scale(marks: Sequence[Mark]) -> _Scale:
    spans: dict[int, tuple[int, int]] = {}
    for mark in marks:
        low, high = spans.get(mark.session, (mark.at, mark.at))
        spans[mark.session] = min(low, mark.at), max(high, mark.at)
    room = WIDTH - _LEFT - _RIGHT - _GAP * (len(spans) - 1) - _LEAST * len(spans) if len(spans) < 8 else 0
    least = _LEAST if room else (WIDTH - _LEFT - _RIGHT - _GAP * (len(spans) - 1)) / len(spans)
    total = sum(high - low for low, high in spans.values()) or 1
    placed, x = {}, float(_LEFT)
    for session, (low, high) in spans.items():
        width = least + room * ((high - low) / total if len(spans) > 1 else 1)
        placed[session] = (x, width, low, high)
        x += width + _GAP
    return _Scale(placed)


def _lanes(names: Sequence[str], top: float) -> Iterator[Markup]:
    for at, name in enumerate(names):
        y = top + _LANE * at + _LANE / 2
        yield tag("text", shortened(name, 13), x=0, y=y + 4, font_size=12)
        yield tag("line", x1=_LEFT - 8, x2=WIDTH - 2, y1=y, y2=y, stroke=INK, stroke_opacity="0.18")


def _sessions(scale: _Scale, bottom: float, *, when: Callable[[int], str], left_out: int) -> Iterator[Markup]:
    several = len(scale.sessions) > 1
    for at, (session, (left, width, low, high)) in enumerate(scale.sessions.items()):
        if several:
            yield tag("text", f"session {session}" if len(scale.sessions) < 8 else f"{session}", x=left, y=12,
                      font_size=11, class_="rk-faint")
        if at:
            x = left - _GAP / 2
            yield tag("line", x1=x, x2=x, y1=2, y2=bottom, stroke=INK, stroke_opacity="0.45", stroke_dasharray="2 3")
        said = [(left, low, "start")] if low < high and width > 110 else [(left + width / 2, low, "middle")]
        said += [(left + width, high, "end")] if low < high and width > 110 else []
        for x, time, anchor in said if len(scale.sessions) < 8 else ():
            yield tag("text", shortened(when(time), 14), x=x, y=bottom + 14, font_size=11, text_anchor=anchor,
                      class_="rk-faint")
    if left_out:
        yield tag("text", f"... and {left_out:,} more sessions", x=WIDTH - 2, y=bottom + 14, font_size=11,
                  text_anchor="end", class_="rk-faint")


def _band(scale: _Scale, band: Band, top: float) -> Markup:
    left, right = scale.x(band.session, band.start), scale.x(band.session, band.end)
    return tag("rect", tag("title", shortened(band.title, 80)), x=left - 1, y=top + 2, width=max(right - left, 2),
               height=8, fill=band.colour)


def _marks(marks: Sequence[Mark], scale: _Scale, top: float) -> Iterator[Markup]:
    taken: dict[tuple[int, int], int] = {}
    for mark in marks:
        x = scale.x(mark.session, mark.at)
        place = mark.lane, round(x / 9)
        under = taken[place] = taken.get(place, -1) + 1
        y = top + _LANE * mark.lane + _LANE / 2 + (0, 9, -9)[under % 3]
        yield tag("g", tag("title", shortened(mark.title, 120)), _shape(mark, x, y))


def _shape(mark: Mark, x: float, y: float) -> Markup:
    if mark.shape == "dot":
        return tag("circle", cx=x, cy=y, r=4.5, fill=mark.colour)
    if mark.shape == "diamond":
        return tag("path", d=f"M{x:g} {y - 6.5:g}l6.5 6.5l-6.5 6.5l-6.5-6.5z", fill=mark.colour)
    return tag("path", d=f"M{x - 4:g} {y - 4:g}l8 8m0-8l-8 8", stroke=mark.colour, stroke_width=2.2, fill="none")


def _ticks(marks: Sequence[Mark], scale: _Scale, top: float) -> Iterator[Markup]:
    """Draw one path for all marks of a lane and colour; places count once, so its length has a bound."""
    places: dict[tuple[int, str, str], dict[int, None]] = {}
    for mark in marks:
        places.setdefault((mark.lane, mark.shape, mark.colour), {})[round(scale.x(mark.session, mark.at))] = None
    for (lane, shape, colour), xs in places.items():
        y, tall = top + _LANE * lane + _LANE / 2, {"dot": 10, "diamond": 18}.get(shape, 5)
        at = y - tall / 2 if shape != "cross" else y + 7
        yield tag("path", d="".join(f"M{x} {at:g}v{tall}" for x in xs), stroke=colour, stroke_width=1, fill="none")
