"""Fragments of HTML for notebooks: the one place where text becomes markup, and all of it is escaped.

A `Markup` is text that is markup already; any other text is escaped where it is put in, so forgetting to wrap shows
as text and never as markup. No scripts, no addresses, nothing from elsewhere: colours and lines come from one style
sheet that speaks of `.rupturekit` alone and follows light and dark pages, JupyterLab's own included.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

from rupturekit._palette import PHASES
from rupturekit.vocabulary import Phase

__all__ = ["Cell", "Markup", "Row", "badge", "chip", "counted", "details", "escaped", "facts", "figures", "heading",
           "joined", "line", "page", "printed", "shortened", "spread", "table", "tag"]

_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters and lone surrogates, which no page can hold, and signs that turn text around: one that opens in
a name and is never closed takes the end of whatever was to keep the name apart."""

MOST_CHARACTERS: Final = 60
"""A cell shows this much of a text, and its title some more."""

MOST_IN_TITLE: Final = 240


class Markup(str):
    """Text that is markup already: whoever makes one has escaped what is in it."""

    __slots__ = ()


Cell = str | int | None
"""A cell of a table: text, markup, a count (set to the right), or None where nothing was recorded."""

Row = Sequence[Cell] | Markup
"""A row: its cells, or a whole row as markup."""


def escaped(text: str) -> Markup:
    """Return text as markup: `<`, `>`, `&` and both quotes escaped, what no page can hold replaced.

    >>> escaped("<b>")
    '&lt;b&gt;'
    """
    return text if isinstance(text, Markup) else Markup(html.escape(plain(str(text))))


def plain(text: str) -> str:
    """Return text in which every sign that no page should hold is replaced by one that can be seen.

    >>> plain("a\u202eb")
    'a\ufffdb'
    """
    return _UNSHOWN.sub("\ufffd", text)


def joined(parts: Iterable[str], *, by: str = "") -> Markup:
    """Return the parts, escaped, with something between."""
    return Markup(escaped(by).join(map(escaped, parts)))


def tag(name: str, /, *content: str, **attributes: str | float | None) -> Markup:
    """Return an element; an attribute that is None is left out, `class_` and `aria_label` lose or turn their `_`.

    >>> tag("td", "a < b", class_="x")
    '<td class="x">a &lt; b</td>'
    """
    said = "".join(f' {key.rstrip("_").replace("_", "-")}="{escaped(_number(value))}"'
                   for key, value in attributes.items() if value is not None)
    return Markup(f"<{name}{said}>{joined(content)}</{name}>")


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return text that is not longer than `most`, with a sign where it was cut.

    >>> shortened("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def counted(n: int, name: str) -> str:
    """Return a count with its name, in the plural where it has one.

    >>> counted(1, "move"), counted(1200, "dyad")
    ('1 move', '1,200 dyads')
    """
    return f"{n:,} {name}{'' if n == 1 else 's'}"


def line(text: str, *, most: int = MOST_CHARACTERS) -> Markup:
    """Return text apart from the direction of what stands around it, cut, with more of it as a title."""
    if isinstance(text, Markup):
        return text
    return tag("bdi", shortened(text, most), title=shortened(text, MOST_IN_TITLE) if len(text) > most else None)


def spread(of: int, *, first: int, last: int = 0) -> tuple[range, int, range]:
    """Return which of many rows are shown at the start, how many are not, and which are shown at the end.

    >>> spread(100, first=3, last=2)
    (range(0, 3), 95, range(98, 100))
    """
    if of <= first + last:
        return range(of), 0, range(of, of)
    return range(first), of - first - last, range(of - last, of)


def table(header: Sequence[str], rows: Iterable[Row], *, caption: str = "") -> Markup:
    """Return a table; text cells are cut, counts stand to the right, absent cells are empty and say so."""
    head = tag("thead", tag("tr", *(tag("th", line(name), scope="col") for name in header))) if any(header) else ""
    body = tag("tbody", *(row if isinstance(row, Markup) else tag("tr", *map(_cell, row)) for row in rows))
    said = tag("caption", line(caption, most=200)) if caption else ""
    return tag("div", tag("table", said, head, body, class_="rk-table"), class_="rk-wide")


def _cell(value: Cell) -> Markup:
    if value is None:
        return tag("td", title="not recorded")
    if isinstance(value, int):
        return tag("td", f"{value:,}", class_="rk-num")
    if isinstance(value, Markup) or len(value) <= MOST_CHARACTERS:
        return tag("td", value)
    return tag("td", shortened(value), title=shortened(value, MOST_IN_TITLE))


def wide_row(content: str, *, columns: int, kind: str = "") -> Markup:
    """Return a row of one cell across all columns, as a heading among the rows or for what is not shown."""
    cell = tag("th" if kind else "td", line(content, most=120), colspan=columns, scope="rowgroup" if kind else None)
    return tag("tr", cell, class_=kind or "rk-more")


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return names and what is said of each, one a row."""
    rows = (tag("tr", tag("th", line(name, most=120), scope="row"), tag("td", line(said, most=MOST_IN_TITLE)))
            for name, said in pairs)
    return tag("table", tag("tbody", *rows), class_="rk-table rk-facts")


def figures(pairs: Iterable[tuple[int, str]]) -> Markup:
    """Return counts, large, each over its name."""
    each = (tag("span", tag("b", f"{n:,}"), " ", line(name), " ") for n, name in pairs)
    return tag("div", *each, class_="rk-figures")


def badge(text: str, *, title: str | None = None) -> Markup:
    """Return a short word in a frame."""
    return tag("span", line(text), class_="rk-badge", title=title)


def chip(text: str, *, phase: Phase | None = None, over: str = "", title: str | None = None, kind: str = "") -> Markup:
    """Return a state as a chip in the colour of its phase; the phase is written over it too."""
    classes = " ".join(filter(None, ("rk-chip", f"rk-{phase}" if phase else "", kind)))
    small = tag("small", line(over), " ") if over else ""
    more = None if title is None else shortened(title, MOST_IN_TITLE)
    return tag("span", small, line(text), class_=classes, title=more)


def details(summary: str, *content: str) -> Markup:
    """Return content that unfolds."""
    return tag("details", tag("summary", line(summary, most=120)), *content)


def heading(text: str) -> Markup:
    """Return the heading of a part."""
    return tag("div", line(text, most=120), class_="rk-part", role="heading", aria_level=4)


def page(kind: str, title: str, *content: str, after: Iterable[str] = ()) -> Markup:
    """Return a whole fragment: the style, a head with kind and title and what stands after it, and the content."""
    head = tag("div", tag("span", kind, class_="rk-kind"), " ", tag("b", line(title, most=120)), " ",
               joined(after, by=" "), class_="rk-head")
    return tag("div", _STYLE, head, *content, class_="rupturekit")


def printed(value: object) -> Markup:
    """Return what a value prints as a fragment: its class, and a paragraph for each line.

    >>> "<p>" in printed("one line")
    True
    """
    lines = (tag("p", line(text, most=MOST_IN_TITLE)) for text in str(value).splitlines())
    return page(type(value).__name__, "", *lines)


# --- the style sheet ---------------------------------------------------------------------------------------------

_LIGHT = {
    "ink": "var(--jp-content-font-color1,#1b1f24)", "soft": "var(--jp-content-font-color2,#5a626b)",
    "rule": "var(--jp-border-color2,#d7dbdf)", "ground": "var(--jp-layout-color2,#f1f3f5)",
    **{f"{phase}": shades.light for phase, shades in PHASES.items()},
}
_DARK = {
    "ink": "var(--jp-content-font-color1,#e8eaed)", "soft": "var(--jp-content-font-color2,#a3abb3)",
    "rule": "var(--jp-border-color2,#3c4248)", "ground": "var(--jp-layout-color2,#22262a)",
    **{f"{phase}": shades.dark for phase, shades in PHASES.items()},
}


def _variables(values: dict[str, str]) -> str:
    return "{" + ";".join(f"--rk-{name}:{value}" for name, value in values.items()) + "}"


_RULES = """
.rupturekit{color:var(--rk-ink);font:13px/1.45 var(--jp-content-font-family,system-ui,sans-serif);max-width:68em;\
margin:.3em 0;font-variant-numeric:tabular-nums}
.rupturekit .rk-head{font-size:1.1em;margin:0 0 .4em;padding:0 0 .35em;border-bottom:1px solid var(--rk-rule)}
.rupturekit .rk-kind{color:var(--rk-soft);margin-right:.25em}
.rupturekit .rk-part{margin:1em 0 .3em;font-weight:600}
.rupturekit p{margin:.35em 0;max-width:52em}
.rupturekit .rk-soft,.rupturekit summary,.rupturekit .rk-more td{color:var(--rk-soft)}
.rupturekit .rk-figures{display:flex;flex-wrap:wrap;gap:.1em 1.9em;margin:.5em 0}
.rupturekit .rk-figures span{color:var(--rk-soft)}
.rupturekit .rk-figures b{display:block;font-size:1.5em;line-height:1.2;font-weight:600;color:var(--rk-ink)}
.rupturekit .rk-wide{overflow-x:auto}
.rupturekit .rk-table{border-collapse:collapse;border:0;margin:.2em 0 .5em;font-size:1em;\
table-layout:auto;color:inherit}
.rupturekit .rk-table caption{caption-side:top;text-align:left;color:var(--rk-soft);padding:.2em 0;font-style:normal}
.rupturekit .rk-table tr,.rupturekit .rk-table tbody tr:nth-child(n),.rupturekit .rk-table tbody tr:nth-child(n):hover\
{background:none}
.rupturekit .rk-table th,.rupturekit .rk-table td{text-align:left;vertical-align:top;\
padding:.2em 1.1em .2em 0;border:0;border-bottom:1px solid var(--rk-rule);white-space:normal;\
max-width:36em;overflow-wrap:break-word}
.rupturekit .rk-table th{font-weight:500;color:var(--rk-soft);background:none}
.rupturekit .rk-table .rk-num{text-align:right}
.rupturekit .rk-table .rk-group th{color:var(--rk-ink);font-weight:600;padding-top:.8em}
.rupturekit .rk-facts th{min-width:8em;max-width:15em}
.rupturekit td .rk-chips{margin:0;min-width:22em}
.rupturekit .rk-facts td{max-width:46em}
.rupturekit .rk-badge{border:1px solid var(--rk-rule);border-radius:3px;padding:0 .4em;font-size:.86em;font-weight:400;\
color:var(--rk-soft);white-space:nowrap}
.rupturekit .rk-chips{display:flex;flex-wrap:wrap;align-items:center;gap:.3em .35em;margin:.4em 0}
.rupturekit .rk-chip{display:inline-block;border-left:4px solid var(--rk-rule);border-radius:2px;\
background:var(--rk-ground);padding:.1em .55em .15em .45em;line-height:1.3}
.rupturekit .rk-chip small{display:block;font-size:.76em;color:var(--rk-soft)}
.rupturekit .rk-chip.rk-ghost{background:none;border:1px dashed var(--rk-soft)}
.rupturekit .rk-chip.rk-unseen{background:none;border:1px dotted var(--rk-soft);font-style:italic}
.rupturekit .rk-off{font-weight:600}
.rupturekit code{font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:.93em;\
background:none;color:inherit;padding:0;white-space:nowrap}
.rupturekit details{margin:.5em 0}
.rupturekit summary{cursor:pointer}
.rupturekit ol,.rupturekit ul{margin:.3em 0;padding-left:1.6em}
.rupturekit svg{display:block;max-width:100%;height:auto;margin:.4em 0}
.rupturekit svg text{font-family:inherit;fill:var(--rk-ink,currentColor)}
.rupturekit svg .rk-faint{fill:var(--rk-soft,currentColor)}
"""


def _style() -> Markup:
    """Return the sheet; a page that names its theme outweighs what the screen prefers."""
    light, dark = _variables(_LIGHT), _variables(_DARK)
    phases = "".join(f".rupturekit .rk-{phase}{{border-left-color:{shades.mark};background:var(--rk-{phase})}}"
                     for phase, shades in PHASES.items())
    named = {word: ",".join(f"{sign} .rupturekit" for sign in signs) for word, signs in {
        "light": ('[data-jp-theme-light="true"]', '[data-theme="light"]', ".vscode-light"),
        "dark": ('[data-jp-theme-light="false"]', '[data-theme="dark"]', ".vscode-dark")}.items()}
    return Markup(f"<style>.rupturekit{light}@media(prefers-color-scheme:dark){{.rupturekit{dark}}}"
                  f"{named['light']}{light}{named['dark']}{dark}{_RULES}{phases}</style>")


_STYLE: Final = _style()
