"""A report as one page of HTML that needs nothing from elsewhere, and runs no script and takes no style but its own.

Figures stand in the page as pictures: their styles are attributes, which the page's policy would refuse in its own
markup, and a picture cannot run anything. The policy names the one style sheet and the one script by their hashes.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import groupby
from typing import Any, Final

from rupturekit._html import Markup, escaped, joined, tag
from rupturekit._palette import NEEDS, PHASES
from rupturekit.report.blocks import About, Block, Cell, Explorer, Figure, Number, Prose, Report, Section, Table
from rupturekit.vocabulary import Need

__all__ = ["page_of"]

_WIDTH: Final = re.compile(r'<svg [^>]*?width="([0-9.]+)pt"')
_PIXELS: Final = 1.8
"""Of the screen for a point of print: the letters of a figure are then as large as those around it."""


def page_of(report: Report) -> str:
    """Return a report as a page: the same text every time.

    >>> page_of(Report(title="A <b> study", lead=(), sections=()))[:40]
    '<!doctype html>\\n<html lang="en">\\n<head>\\n'
    """
    style, script = _style(), _file("page.js")
    head = joined((Markup('<meta charset="utf-8">'), _policy(style, script),
                   Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
                   Markup('<meta name="referrer" content="no-referrer">'), tag("title", report.title),
                   Markup(f"<style>{style}</style>")), by="\n")
    body = joined((*_body(report), Markup(f"<script>{script}</script>")), by="\n")
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _policy(style: str, script: str) -> Markup:
    rules = (f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
             "base-uri 'none'; form-action 'none'")
    return Markup(f'<meta http-equiv="Content-Security-Policy" content="{rules}">')


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@functools.cache
def _file(name: str) -> str:
    return (resources.files("rupturekit") / "report" / name).read_text(encoding="utf-8")


def _style() -> str:
    """Return the style sheet, with the colours of phases and needs as the library has them; agency is in ink."""
    phases = "".join(f".line-{phase}{{stroke:{look.mark}}}.area-{phase}{{fill:{look.mark}}}"
                     f".path .edge-{phase}{{border-left-color:{look.mark}}}" for phase, look in PHASES.items())
    needs = f".need-communion{{fill:{NEEDS[Need.COMMUNION]};stroke:{NEEDS[Need.COMMUNION]}}}"
    return f"{_file('page.css')}{phases}{needs}.line-none{{stroke:var(--soft)}}"


def _body(report: Report) -> Iterator[Markup]:
    yield tag("a", "Skip to the report", href="#report", class_="skip")
    yield tag("header", tag("h1", tag("bdi", report.title)), *(tag("p", text, class_="lead") for text in report.lead))
    links = (tag("li", tag("a", section.title, href=f"#{section.name}")) for section in report.sections)
    yield tag("nav", tag("ol", *links), aria_label="Contents", class_="contents")
    yield tag("main", *map(_section, report.sections), id="report", tabindex="-1")


def _section(section: Section) -> Markup:
    name = f"{section.name}-title"
    return tag("section", tag("h2", section.title, id=name), *_blocks(section), id=section.name, aria_labelledby=name)


def _blocks(section: Section) -> Iterator[Markup]:
    """Yield the blocks of a section; numbers that follow each other stand side by side."""
    at = 0
    for kind, run in groupby(section.blocks, key=type):
        if kind is Number:
            yield tag("div", *map(_shown, run), class_="numbers")
            continue
        for block in run:
            at += 1
            yield _prose(block, name=f"{section.name}-{at}") if isinstance(block, Prose) else _shown(block)


def _shown(block: Block) -> Markup:
    show: Callable[[Any], Markup] = _SHOWN[type(block)]
    return show(block)


# --- blocks --------------------------------------------------------------------------------------------------------


def _about(about: About, of: str) -> Markup:
    said = (("n", about.n), ("method", about.method), ("definition", about.definition))
    pairs = (part for name, text in said for part in (tag("dt", name), tag("dd", text.rstrip("."))))
    return tag("details", tag("summary", "n, method, definition", tag("span", f" of: {of}", class_="unseen")),
               tag("dl", *pairs), class_="about")


def _prose(prose: Prose, *, name: str) -> Markup:
    content = [tag("p", text) for text in prose.paragraphs]
    content += [tag("ul", *(tag("li", text) for text in prose.items))] if prose.items else []
    if not prose.to_copy:
        return joined(content)
    button = tag("p", Markup(f'<button type="button" hidden data-copies="{escaped(name)}">Copy this text</button> '),
                 tag("span", id=f"{name}-said", role="status"))
    return tag("div", tag("div", *content, id=name), button, class_="copy")


def _number(number: Number) -> Markup:
    beside = tag("ul", *(tag("li", text) for text in number.beside), class_="beside") if number.beside else ""
    return tag("div", tag("p", number.name, class_="name"), tag("p", number.value, class_="value"), beside,
               _about(number.about, number.name), class_="number")


def _table(table: Table) -> Markup:
    counts = [all(isinstance(row[at], int | None) for row in table.rows) for at in range(len(table.header))]
    head = tag("thead", tag("tr", *(tag("th", name, scope="col", class_="n" if counted else None)
                                    for name, counted in zip(table.header, counts, strict=True))))
    rows = (tag("tr", *(_cell(cell, first=not at) for at, cell in enumerate(row))) for row in table.rows)
    drawn = tag("table", tag("caption", table.caption), head, tag("tbody", *rows))
    return joined((tag("div", drawn, class_="wide"), _about(table.about, table.caption)))


def _cell(cell: Cell, *, first: bool) -> Markup:
    content = "" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell
    name = "n" if isinstance(cell, int) else None
    return tag("th", content, scope="row", class_=name) if first else tag("td", content, class_=name)


def _figure(figure: Figure) -> Markup:
    source = f"data:image/svg+xml;base64,{base64.b64encode(figure.svg.encode()).decode()}"
    width = _WIDTH.match(figure.svg)
    wide = f' width="{round(float(width[1]) * _PIXELS)}"' if width else ""
    picture = Markup(f'<img src="{source}" alt="{escaped(figure.words)}"{wide}>')
    words = tag("details", tag("summary", "The figure in words", tag("span", f": {figure.caption}", class_="unseen")),
                tag("p", figure.words))
    return tag("figure", tag("figcaption", figure.caption), picture, words, _about(figure.about, figure.caption))


def _explorer(explorer: Explorer) -> Markup:
    pages = (_data(f"episodes-{at}", page) for at, page in enumerate(explorer.book.pages))
    without = tag("p", "The list of episodes needs scripts, which do not run here. All other parts of this report are "
                       "complete without them.", id="without-scripts")
    place = Markup(f'<div id="explorer" data-caption="{escaped(explorer.caption)}" hidden></div>')
    return joined((without, place, _about(explorer.about, explorer.caption),
                   _data("episodes-index", explorer.book.index), *pages))


def _data(name: str, content: Any) -> Markup:
    """Return JSON as a block that is never run; no sign in it can end the block."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(f'<script type="application/json" id="{name}">{text}</script>')


_SHOWN: Final[dict[type[Block], Callable[[Any], Markup]]] = {
    Number: _number, Table: _table, Figure: _figure, Explorer: _explorer,
}
