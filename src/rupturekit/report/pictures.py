"""Figures for a report: what matplotlib draws, with its words, as SVG."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rupturekit.errors import NotEnoughData, NotEstimable
from rupturekit.plots.style import alt_text
from rupturekit.plots.svg import svg_of
from rupturekit.report.blocks import About, Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["picture"]


def picture(draw: Callable[[], Axes], *, caption: str, name: str, about: About) -> tuple[Figure, ...]:
    """Return what is drawn as a figure, or nothing where these data do not give it.

    Parameters
    ----------
    name : str
        What names inside the picture begin with; no two pictures of a report share one.

    >>> from rupturekit.plots.plane import paths
    >>> about = About(n="2 points", method="drawn as given", definition="places on the plane")
    >>> drawn, = picture(lambda: paths({"client": ([1.0, 0.0], [0.0, 1.0])}), caption="A path", name="a", about=about)
    >>> drawn.svg[:4], drawn.words[:5]
    ('<svg', 'Paths')
    """
    try:
        ax = draw()
    except (NotEnoughData, NotEstimable):
        return ()
    return (Figure(caption=caption, svg=svg_of(ax, prefix=name), words=alt_text(ax), about=about),)
