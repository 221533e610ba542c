"""What the documentation build does besides Sphinx: generated reference, drawn gallery, links, and no name missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util import logging

import gallery
import reference_pages

_BEFORE_NAPOLEON = 400
_CODE = re.compile(r"(``.*?``|`[^`]*`)")
_LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")

_said = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything with Sphinx; `docs/conf.py` hands this function on."""
    app.connect("builder-inited", _write_pages)
    app.connect("source-read", _leave_the_pages)
    app.connect("autodoc-process-docstring", _as_sphinx_reads, priority=_BEFORE_NAPOLEON)
    app.connect("doctree-read", _link_by_home)
    app.connect("env-check-consistency", _check_names)
    app.add_lexer("imports", TextLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_pages(app: Sphinx) -> None:
    """Write the pages of the reference, and draw the pictures of the gallery beside its page."""
    reference_pages.write(Path(app.srcdir) / "reference" / "api")
    gallery.draw_all(Path(app.srcdir) / "gallery")


def _leave_the_pages(app: Sphinx, page: str, source: list[str]) -> None:
    """Turn links to files of the repository that are no pages (the changelog) into words that say so."""
    here, pages = Path(app.env.doc2path(page)).parent, Path(app.srcdir).resolve()

    def told(link: re.Match[str]) -> str:
        target = (here / link[2]).resolve()
        return link[0] if target.is_relative_to(pages) else f"{link[1]} (`{target.name}` in the repository)"

    source[0] = _LINK.sub(told, source[0])


def _as_sphinx_reads(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Write a docstring as Sphinx reads it: a block that stands in by four places is shown as it is, `|` is a bar.

    And what stands behind a blank line and not under a heading belongs to no section: a second blank line says so.
    Docstrings are written for people who read them in the source and in a terminal; there these need no marks.
    """
    made: list[str] = []
    verbatim = example = False
    for at, line in enumerate(lines):
        if at and line and not line.startswith(" ") and not lines[at - 1].strip():
            made.append("")
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if line.strip() and not line.startswith(" "):
            verbatim = False
        elif not verbatim and _stands_in(lines, at):
            verbatim = True
            made += ["::", ""]
        made.append(line if verbatim or example else _bars(line))
    lines[:] = made


def _stands_in(lines: list[str], at: int) -> bool:
    """Return whether a block begins here that stands in by four places, behind a blank line and a paragraph."""
    before = next((line for line in reversed(lines[:at]) if line.strip()), "")
    return lines[at].startswith("    ") and not lines[at - 1].strip() and before[:1] not in ("", " ")


def _bars(line: str) -> str:
    """Return a line in which bars are bars; what stands between backticks is left alone."""
    return "".join(part if at % 2 else part.replace("|", r"\|") for at, part in enumerate(_CODE.split(line)))


def _link_by_home(app: Sphinx, doctree: nodes.document) -> None:
    """Link a bare word where a type is expected to the one thing of this name, or to nothing.

    Types in docstrings are words ("mapping of str to int"); Sphinx alone would link each to any attribute of that name.
    """
    homes = reference_pages.homes()
    for node in list(doctree.findall(pending_xref)):
        if node.get("refdomain") != "py" or "." in node["reftarget"]:
            continue
        if node["reftarget"] in homes:
            node["reftarget"], node["refspecific"] = homes[node["reftarget"]], False
        else:
            node.replace_self(node.children)


def _check_names(app: Sphinx, env: Any) -> None:
    """Warn of public names that no page of the reference has; a build that takes warnings as errors then fails."""
    described = set(env.get_domain("py").objects)
    for name in sorted(reference_pages.public_names() - described):
        _said.warning("the reference lacks %s", name)
