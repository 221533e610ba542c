"""What the documentation build does besides Sphinx: docstrings as it reads them, links, names that must not be missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx.addnodes import pending_xref
from sphinx.ext.napoleon import Config, NumpyDocstring

import documentation
import reference_pages

FOLDER = """What lies where.

    study/
      data/a|b.csv

A wider one has |gap| in it, and `a|b` is code.

Attributes
----------
gap : float
    What |gap| is.

    More of it.

>>> print("a|b")
a|b
"""


def as_sphinx_reads(text: str) -> list[str]:
    lines = text.splitlines()
    documentation._as_sphinx_reads(None, "module", "rupturekit", None, None, lines)
    return lines


def test_a_block_that_stands_in_is_shown_as_it_is() -> None:
    lines = as_sphinx_reads(FOLDER)
    assert lines[2:6] == ["::", "", "    study/", "      data/a|b.csv"]
    assert lines.count("::") == 1, "what a field says in two paragraphs is no block of its own"


def test_bars_are_bars_except_in_code_and_examples() -> None:
    lines = as_sphinx_reads(FOLDER)
    assert r"A wider one has \|gap\| in it, and `a|b` is code." in lines
    assert r"    What \|gap\| is." in lines
    assert lines[-2:] == ['>>> print("a|b")', "a|b"]


def test_what_follows_a_section_is_no_part_of_it() -> None:
    lines = as_sphinx_reads(FOLDER)
    napoleon = NumpyDocstring(lines, Config(napoleon_use_ivar=True), what="class")
    text = str(napoleon)
    assert text.count(":ivar") == 1
    assert '\n>>> print("a|b")\na|b' in text


def linked(word: str) -> nodes.Node:
    """Return what becomes of a bare word where a type is expected."""
    document = new_document("page")
    document += nodes.paragraph("", "", pending_xref("", nodes.Text(word), refdomain="py", reftype="class",
                                                     reftarget=word, refspecific=True))
    documentation._link_by_home(None, document)
    return document[0][0]


def test_a_word_links_to_the_one_thing_of_its_name_or_to_nothing() -> None:
    found = linked("TieRule")
    assert isinstance(found, pending_xref)
    assert found["reftarget"] == "rupturekit.ties.TieRule"
    assert found["refspecific"] is False
    assert isinstance(linked("mapping"), nodes.Text)


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(documentation, "_said", SimpleNamespace(warning=lambda text, *what: said.append(text % what)))
    return said


def checked(described: set[str]) -> None:
    env: Any = SimpleNamespace(get_domain=lambda name: SimpleNamespace(objects=dict.fromkeys(described)))
    documentation._check_names(None, env)


def test_a_name_without_an_entry_is_warned_of(warned: list[str]) -> None:
    names = reference_pages.public_names()
    checked(names)
    assert warned == []
    checked(names - {"rupturekit.traces.trace"})
    assert warned == ["the reference lacks rupturekit.traces.trace"]


def test_links_out_of_the_pages_become_words(tmp_path: Path) -> None:
    (tmp_path / "docs" / "how-to").mkdir(parents=True)
    app: Any = SimpleNamespace(srcdir=tmp_path / "docs", env=SimpleNamespace(
        doc2path=lambda page: str(tmp_path / "docs" / f"{page}.md")))
    source = ["See [the changelog](../../CHANGELOG.md#old) and [traces](../explanation/tracing.md#ends)."]
    documentation._leave_the_pages(app, "how-to/page", source)
    assert source == ["See the changelog (`CHANGELOG.md` in the repository) and [traces](../explanation/tracing.md#ends)."]
