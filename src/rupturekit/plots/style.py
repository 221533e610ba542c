"""One quiet style for every figure, and what each figure owes: a size for print, words in place of it, a file.

Matplotlib is an extra (`rupturekit[plots]`) and is imported here alone, when something is drawn. Nothing is shown, no
figure is kept by pyplot, and settings outside a drawing stay as they were.
"""

from __future__ import annotations

import contextlib
import io
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from rupturekit._html import shortened
from rupturekit._palette import NEEDS, PHASES, mixed
from rupturekit._table import Array
from rupturekit.errors import FileProblem, MissingExtra, RecordError, did_you_mean
from rupturekit.records import atomic
from rupturekit.vocabulary import Need, Phase

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FAINT", "FORMATS", "HATCHES", "INK", "NARROW", "PALE", "SKY", "UNSEEN", "WIDE", "add_boxes", "alt_text",
           "axes", "dashed_line", "describe", "line_key", "name_ticks", "need_colour", "patch_key", "phase_look",
           "polygon", "rendered", "save", "set_key", "style", "style_settings", "words_of_figure"]

NARROW: Final = 89.0
WIDE: Final = 183.0
"""Widths of one and of two columns of a journal, in millimetres."""

INK: Final = "#20262c"
FAINT: Final = "#6b737c"
PALE: Final = "#c9ced4"
SKY: Final = NEEDS[Need.COMMUNION]

UNSEEN: Final[Mapping[str, Any]] = MappingProxyType(
    {"facecolor": "white", "edgecolor": "#8a9199", "hatch": "//////", "linewidth": 0.0})
"""How every figure fills what nobody observed."""

HATCHES: Final[Mapping[Phase, str]] = MappingProxyType({
    Phase.ALLIANCE: "", Phase.RUPTURE: "/////", Phase.NEGOTIATION: "", Phase.REPAIR: "|||||",
    Phase.BREAKDOWN: "xxxxx"})
"""Phase -> its hatch: in grey three of the five hues are near each other."""

FORMATS: Final = ("svg", "pdf", "png")
_UNDATED: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}})
_WORDS_UNDER: Final = MappingProxyType({"svg": "Title", "pdf": "Subject", "png": "Description"})

_LETTERS_PER_MM: Final = 0.74
"""Of text beneath axes: less than would fit, since it is centred under axes that stand to the right of the middle."""

_SETTINGS: Final[Mapping[str, Any]] = MappingProxyType({
    "font.family": "DejaVu Sans", "font.size": 7.0, "axes.labelsize": 7.0, "axes.titlesize": 7.0,
    "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.5, "text.parse_math": False,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT, "xtick.color": FAINT, "ytick.color": FAINT,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.linewidth": 0.6, "xtick.major.width": 0.6,
    "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": False, "lines.linewidth": 1.0, "lines.markersize": 4.0,
    "hatch.linewidth": 0.5, "legend.frameon": False, "legend.handlelength": 2.2,
    "legend.columnspacing": 1.2, "legend.borderaxespad": 0.7, "legend.borderpad": 0.2, "figure.dpi": 150.0,
    "savefig.dpi": 300.0, "svg.fonttype": "none", "svg.hashsalt": "rupturekit", "pdf.fonttype": 42,
    "figure.constrained_layout.use": False,
})


def _matplotlib() -> Any:
    """Return matplotlib with the parts that are drawn with; none of them opens a window."""
    try:
        import matplotlib.figure  # noqa: PLC0415    # an extra
        import matplotlib.lines  # noqa: PLC0415    # an extra
        import matplotlib.patches  # noqa: PLC0415    # an extra
        import matplotlib.path  # noqa: PLC0415    # an extra
        import matplotlib.style  # noqa: PLC0415    # an extra
    except ImportError:
        raise MissingExtra("plots", purpose="drawing a figure") from None
    return matplotlib


def style_settings() -> dict[str, Any]:
    """Return the settings of matplotlib that the style sets; all others are matplotlib's own defaults.

    >>> style_settings()["svg.fonttype"]
    'none'
    """
    return dict(_SETTINGS)


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw in the library's style; outside the `with`, settings are as before.

    Every figure function uses it by itself. Use it around axes of your own, so that they match.

    Raises
    ------
    MissingExtra
        Where matplotlib is not installed.

    >>> import matplotlib
    >>> before = dict(matplotlib.rcParams)
    >>> with style():
    ...     matplotlib.rcParams["font.size"]
    7.0
    >>> dict(matplotlib.rcParams) == before
    True
    """
    with _matplotlib().style.context(["default", style_settings()]):
        yield


@contextlib.contextmanager
def axes(ax: Axes | None, *, width: float, height: float) -> Iterator[Axes]:
    """Give the axes to draw on, in the style: those handed in, or the one pair of a new figure of a size in mm."""
    with style():
        if ax is None:
            figure = _matplotlib().figure.Figure(figsize=(width / 25.4, height / 25.4), layout="constrained")
            ax = figure.add_subplot()
        ax.tick_params(labelsize=_SETTINGS["xtick.labelsize"], color=FAINT, labelcolor=INK, width=0.6, length=2.5)
        ax.spines[["top", "right"]].set_visible(False)
        for label in (ax.xaxis.label, ax.yaxis.label):    # axes handed in were perhaps made in another style
            label.set_fontsize(_SETTINGS["axes.labelsize"])
            label.set_parse_math(False)
        yield ax
        _wrap_beneath(ax)


def _room(ax: Axes) -> float:
    """Return the width of axes before any layout, in millimetres."""
    return float(ax.get_position(original=True).width * _figure_of(ax).get_size_inches()[0] * 25.4)


def _wrap_beneath(ax: Axes) -> None:
    """Break what stands beneath axes into lines that narrow axes have room for: no layout does so."""
    letters = max(int(_LETTERS_PER_MM * _room(ax)), 20)
    ax.set_xlabel("\n".join(part for line in ax.get_xlabel().splitlines()
                            for part in textwrap.wrap(line, letters, break_on_hyphens=False) or [""]))


# --- words -----------------------------------------------------------------------------------------------------


def describe(ax: Axes, text: str) -> None:
    """Keep the words that say what the axes show, for those who do not see them."""
    vars(ax)["_rupturekit_alt_text"] = text


def alt_text(ax: Axes) -> str:
    """Return in words what axes show; empty where this library drew nothing on them.

    >>> from rupturekit.plots.plane import paths
    >>> alt_text(paths({"client": ([1.0, 0.0], [0.0, 1.0])})).split(":")[0]
    'Paths on the interpersonal plane, affiliation to the right and control upwards'
    """
    return str(vars(ax).get("_rupturekit_alt_text", ""))


def words_of_figure(ax: Axes) -> str:
    """Return the words of all axes of the figure that axes belong to, one after another, a line each."""
    return "\n".join(filter(None, map(alt_text, _figure_of(ax).axes)))


def name_ticks(ax: Axes, names: Mapping[float, str], *, most: int = 28) -> None:
    """Write names beside places of the upright axis; they are text and never formulas, and cut where too long."""
    ax.set_yticks(list(names), [shortened(name, most) for name in names.values()])
    for label in ax.get_yticklabels():
        label.set_parse_math(False)
    ax.tick_params(axis="y", length=0, pad=6)


# --- looks and keys --------------------------------------------------------------------------------------------


def phase_look(phase: Phase) -> dict[str, Any]:
    """Return how areas of a phase are filled: its colour, and a hatch that tells it apart in grey.

    >>> phase_look(Phase.REPAIR)["facecolor"]
    '#009e73'
    """
    return {"facecolor": PHASES[phase].mark, "edgecolor": mixed(PHASES[phase].mark, "#ffffff", share=0.65),
            "hatch": HATCHES[phase], "linewidth": 0.0}


def add_boxes(ax: Axes, corners: Array, *, label: str, rasterized: bool = False, **look: Any) -> None:
    """Draw many boxes of one look as one shape, which takes a moment where a shape each would take minutes.

    `corners` is boxes x 4 x 2.
    """
    drawing = _matplotlib()
    path = drawing.path.Path.make_compound_path_from_polys(corners)
    # Not add_patch: that walks through every corner in Python to widen the limits, which the figure sets itself.
    ax.add_artist(drawing.patches.PathPatch(path, label=label, rasterized=rasterized, **look))


def polygon(corners: Array, *, label: str, **look: Any) -> Artist:
    """Return an area between corners; corners x 2, `look` as in `Axes.fill`."""
    made: Artist = _matplotlib().patches.Polygon(corners, closed=True, label=label, **{"linewidth": 0.0, **look})
    return made


def dashed_line(points: Array, *, label: str, dashes: Sequence[float], linewidth: float, **look: Any) -> Artist:
    """Return a line through points; strokes and gaps in points, where matplotlib would stretch them with the width."""
    pattern = (0, tuple(length / linewidth for length in dashes)) if dashes else "-"
    made: Artist = _matplotlib().lines.Line2D(*points.T, label=label, linewidth=linewidth, linestyle=pattern,
                                              dash_capstyle="butt", solid_capstyle="butt", **look)
    return made


def need_colour(need: Need) -> str:
    """Return the colour of a need."""
    return NEEDS[need]


def line_key(label: str, **look: Any) -> Artist:
    """Return an entry of a key that is a line or mark; `look` is as in `Axes.plot`."""
    made: Artist = _matplotlib().lines.Line2D([], [], label=label, **look)
    return made


def patch_key(label: str, **look: Any) -> Artist:
    """Return an entry of a key that is an area; `look` is as in `Axes.fill`."""
    made: Artist = _matplotlib().patches.Patch(label=label, **look)
    return made


def set_key(ax: Axes, entries: Sequence[Artist], *, columns: int, entry: float = 25.0, title: str | None = None
            ) -> None:
    """Put a key above the axes, never over the data, filled row by row.

    Narrow axes have fewer columns than asked for: as many as there is room for entries of `entry` millimetres.
    """
    if not entries:
        return
    columns = min(columns, len(entries), max(1, int(_room(ax) // entry)))
    by_column = [one for column in range(columns) for one in entries[column::columns]]
    ax.legend(handles=by_column, ncols=columns, loc="lower left", bbox_to_anchor=(0.0, 1.0), title=title,
              title_fontsize=_SETTINGS["legend.fontsize"], alignment="left")


# --- files -----------------------------------------------------------------------------------------------------


def rendered(ax: Axes, *, format: str = "svg") -> bytes:
    """Return the whole figure that axes belong to as the bytes of a file: the same bytes every time.

    (Where a figure is made of subfigures, matplotlib goes on from their last layout, and the first drawing may differ.)
    Text stays text in SVG and keeps its letters in PDF; the words of `alt_text` go with it; no date does.

    Raises
    ------
    RecordError
        Where the format is none of `FORMATS`.

    >>> from rupturekit.plots.plane import paths
    >>> picture = rendered(paths({"client": ([1.0, 0.0], [0.0, 1.0])}))
    >>> b"affiliation</text>" in picture
    True
    """
    if format not in FORMATS:
        raise RecordError(f"a figure is written as {', '.join(FORMATS)}, not {format!r:.40}"
                          f"{did_you_mean(str(format), FORMATS)}", field="format", value=format)
    figure, buffer = _figure_of(ax), io.BytesIO()
    words = {_WORDS_UNDER[format]: words_of_figure(ax)}
    with style(), _places_kept(figure):
        figure.savefig(buffer, format=format, metadata={**_UNDATED[format], **words})
    return buffer.getvalue()


@contextlib.contextmanager
def _places_kept(figure: Figure) -> Iterator[None]:
    """Put all axes back where they stood: a layout starts from the last one, so each drawing would differ a little."""
    before = [(ax, ax.get_in_layout(), ax.get_position(original=True).frozen(), ax.get_position().frozen())
              for ax in figure.axes]
    try:
        yield
    finally:
        for ax, in_layout, original, active in before:
            ax.set_position(original, which="original")
            ax.set_position(active, which="active")
            ax.set_in_layout(in_layout)    # as it was: a place that is set takes axes out of the layout


def save(ax: Axes, path: str | Path) -> None:
    """Write the whole figure that axes belong to; `.svg`, `.pdf` or `.png`, whole or not at all.

    Raises
    ------
    RecordError
        Where the name ends otherwise.
    FileProblem
        Where the file cannot be written.

    >>> import tempfile
    >>> from rupturekit.plots.plane import paths
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(paths({"client": ([1.0, 0.0], [0.0, 1.0])}), Path(folder) / "plane.pdf")
    ...     (Path(folder) / "plane.pdf").read_bytes()[:5]
    b'%PDF-'
    """
    file = Path(path)
    picture = rendered(ax, format=file.suffix.removeprefix(".").lower())
    try:
        atomic.write_bytes(file, picture)
    except OSError as error:
        raise FileProblem(f"{file}: the figure cannot be written ({error.strerror or error})", file=str(file)) from None


def _figure_of(ax: Axes) -> Figure:
    """Return the whole figure, also where the axes stand in a part of one."""
    figure: Any = ax.figure
    while figure.figure is not figure:
        figure = figure.figure
    whole: Figure = figure
    return whole
