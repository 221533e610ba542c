"""Figures as markup that can stand inside a page: SVG that needs nothing from elsewhere and disturbs nothing there.

`style.rendered` makes files. What a page takes is less (no document head, no metadata, no names that nothing refers
to) and more: words for screen readers, and names that no other figure of the page has.
"""

from __future__ import annotations

import html
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from rupturekit._html import escaped, shortened, tag
from rupturekit.errors import RecordError, expect
from rupturekit.plots.style import rendered, words_of_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["svg_of"]

MOST_LETTERS: Final = 160
"""A text inside a picture is cut here; what draws it has cut most of them before, so that nothing is moved aside."""

MOST_SAID: Final = 2_000
_MOST_IN_TITLE: Final = 120

_PARTS: Final = re.compile(r"(<[^<>]*>)")
"""Tags and what lies between. Matplotlib escapes both signs in every text and attribute, so a tag ends where it seems
to; test_svg holds that against labels that try to look like tags."""

_HEAD: Final = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<title>.*?</title>|<metadata>.*?</metadata>|<style.*?</style>",
                          re.DOTALL)
_ID: Final = re.compile(r' id="([^"]*)"')
_LINK: Final = re.compile(r' xlink:href="([^"]*)"')
_REFERRED: Final = re.compile(r'href="#([^"]*)"|url\(#([^)]*)\)')
_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_LINKS_OF_OLD: Final = ' xmlns:xlink="http://www.w3.org/1999/xlink"'
_MISSING_LETTERS: Final = r"(?s)Glyph \d+ .* missing from font"


def svg_of(ax: Axes, *, prefix: str = "figure") -> str:
    """Return the whole figure that axes belong to as one `<svg>` element for a page: the same text every time.

    Words are text in a font that the page has; the words of `alt_text` stand in `<title>` (their beginning) and in
    `<desc>`, which screen readers read. Nothing is fetched: no link leads out of the element, and no style reaches out
    of it. Every label is text, whatever it holds: signs of markup are escaped, control characters replaced, and a text
    of more than 160 letters ends in an ellipsis.

    Parameters
    ----------
    prefix : str
        What the names inside begin with: letters, digits, `-` and `_`. Two figures of one page need two prefixes.

    Raises
    ------
    RecordError
        Where the prefix is none, or nothing says in words what the axes show (`style.describe` keeps such words).

    >>> from rupturekit.plots.plane import paths
    >>> picture = svg_of(paths({"client": ([1.0, 0.0], [0.0, 1.0])}), prefix="plane")
    >>> picture[:47], picture[-6:]
    ('<svg role="img" aria-labelledby="plane-title pl', '</svg>')
    >>> "<title id=\\"plane-title\\">Paths on the interpersonal plane" in picture
    True
    """
    expect(prefix, str, what="a prefix")
    if not _PREFIX.fullmatch(prefix):
        raise RecordError(f"prefix {prefix!r:.80} cannot begin a name; expected a letter, then up to 63 letters, "
                          "digits, - or _", field="prefix", value=prefix)
    said = words_of_figure(ax)
    if not said:
        raise RecordError("nothing says in words what these axes show; a figure for a page needs it: "
                          "plots.style.describe(ax, text)", field="alt_text")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_MISSING_LETTERS)    # letters stay text: the page's font has them
        drawing = _HEAD.sub("", rendered(ax, format="svg").decode())
    names = {name: f"{prefix}-{at}" for at, name in enumerate(_referred(drawing), start=1)}
    return _opened("".join(_parts(drawing, names)).strip(), said, prefix)


def _referred(drawing: str) -> Iterable[str]:
    """Return the names that something in the drawing refers to, each once, in order."""
    return dict.fromkeys(one or other for piece in _PARTS.findall(drawing) for one, other in _REFERRED.findall(piece))


def _parts(drawing: str, names: dict[str, str]) -> Iterator[str]:
    """Yield the drawing in pieces: tags with their new names, texts cut and escaped, and no space for the eye."""
    for piece in _PARTS.split(drawing):
        if piece.startswith("<"):
            yield _renamed(piece, names)
        elif piece.strip():
            yield escaped(shortened(html.unescape(piece), MOST_LETTERS))


def _renamed(piece: str, names: dict[str, str]) -> str:
    """Return a tag with names of this page, without those that nothing refers to and without links that lead out."""
    piece = _ID.sub(lambda found: f' id="{names[found[1]]}"' if found[1] in names else "", piece)
    piece = _LINK.sub(lambda found: f' href="{_target(found[1], names)}"', piece)
    piece = re.sub(r"url\(#([^)]*)\)", lambda found: f"url(#{names[found[1]]})", piece)
    piece = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", piece)
    piece = piece.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    return re.sub(r"\s+", " ", re.sub(r"(\.\d\d)\d+", r"\1", piece))    # a hundredth of a point is beyond any screen


def _target(link: str, names: dict[str, str]) -> str:
    """Return a link within the page, or to a picture that it holds itself; any other leads nowhere."""
    if link.startswith("#"):
        return f"#{names[link[1:]]}"
    return link if link.startswith("data:image/") else "#"


def _opened(drawing: str, said: str, prefix: str) -> str:
    """Return the drawing with a head that names it, and with its words."""
    head, _, body = drawing.partition(">")
    size = head.removeprefix("<svg").replace(_LINKS_OF_OLD, "").replace(' version="1.1"', "")
    title = tag("title", shortened(re.split(r"[:.;] ", said, maxsplit=1)[0].rstrip("."), _MOST_IN_TITLE),
                id=f"{prefix}-title")
    words = tag("desc", shortened(said, MOST_SAID), id=f"{prefix}-desc")
    return (f'<svg role="img" aria-labelledby="{prefix}-title {prefix}-desc"{size} stroke-linejoin="round">'
            f"{title}{words}{body}")
