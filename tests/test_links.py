"""Links between the pages lead somewhere: to a file that is there, and to a heading in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "docs" / "reference" / "api"
PAGES = [path for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.ipynb")])
         if not path.is_relative_to(GENERATED) and "_build" not in path.parts]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Broken(NamedTuple):
    """A link that leads nowhere, and why."""

    link: str
    why: str


def prose(path: Path) -> str:
    """Return a page without its code: fenced blocks, examples and words between backticks."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"]
                           if cell["cell_type"] == "markdown")
    return re.sub(r"`[^`\n]*`", lambda code: code[0].strip("`"), re.sub(r"(?ms)^```.*?^```\s*$", "", text))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST both make them."""
    found: set[str] = set()
    for heading in re.findall(r"(?m)^#+ (.+)$", prose(path)):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()).replace(" ", "-")
        again = sum(1 for one in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", one))
        found.add(f"{slug}-{again}" if slug in found else slug)
    return found


def broken(path: Path) -> Iterator[Broken]:
    """Give every link of a page, within the repository, that leads nowhere."""
    for link in _LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            yield Broken(link, "there is no such file")
        elif anchor and anchor not in anchors(target):
            yield Broken(link, f"{target.name} has no such heading")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    assert list(broken(path)) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("# One thing, `a`\n\n[here](#one-thing-a) [two](two.md#why) [no](no.md)\n"
                                     "```\n[code](code.md)\n```\n", encoding="utf-8")
    (tmp_path / "two.md").write_text("# Two\n## Why not\n", encoding="utf-8")
    assert [one.link for one in broken(tmp_path / "one.md")] == ["two.md#why", "no.md"]


def test_every_page_of_the_documentation_can_be_reached() -> None:
    start, seen = ROOT / "docs" / "index.md", set[Path]()
    todo = [start]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        todo += [(page.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(prose(page))
                 if not re.match(r"[a-z]+:", link)]
    assert [page for page in PAGES if page.is_relative_to(ROOT / "docs") and page not in seen] == []
