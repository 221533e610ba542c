"""Blocks as HTML: escaped, held apart, and under a policy that knows the page's own style and script alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile_study import NAMES, hostile_study
from rupturekit.analysis import analyse
from rupturekit.plan import Plan
from rupturekit.report.blocks import About, Block, Figure, Number, Prose, Report, Section, Table
from rupturekit.report.contents import report_of
from rupturekit.report.markdown import markdown_of
from rupturekit.report.page import page_of

ABOUT = About(n="3 dyads", method="counted", definition="pairs of people")
VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Read a page as a browser would: what elements there are, and the text of some."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.mistakes: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.mistakes += [f"{tag} {name}" for name, _ in attributes if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.mistakes.append(f"</{tag}> where it closes nothing")

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            self.texts[tag][-1] += data


def one_section(*blocks: Block) -> Report:
    return Report(title="T", lead=(), sections=(Section(name="a", title="A", blocks=blocks),))


def test_each_number_table_and_figure_has_its_n_method_and_definition() -> None:
    svg = '<svg width="100.0pt" viewBox="0 0 1 1"></svg>'
    page = page_of(one_section(
        Number(name="dyads", value="3", beside=("no interval",), about=ABOUT),
        Table(caption="Ends", header=("end", "n"), rows=(("yes", 1), ("no", None)), about=ABOUT),
        Figure(caption="A picture", svg=svg, words="Three dots.", about=ABOUT)))
    assert page.count("<dt>n</dt><dd>3 dyads</dd><dt>method</dt><dd>counted</dd>") == 3
    assert page.count('n, method, definition<span class="unseen"> of: ') == 3
    assert 'alt="Three dots." width="180"' in page
    assert base64.b64encode(svg.encode()).decode() in page


def test_a_figure_that_does_not_say_its_width_is_shown_as_it_is() -> None:
    page = page_of(one_section(Figure(caption="A picture", svg="<svg></svg>", words="Dots.", about=ABOUT)))
    assert 'alt="Dots.">' in page


def test_counts_stand_to_the_right_under_their_header_and_what_is_absent_is_empty() -> None:
    page = page_of(one_section(Table(caption="Ends", header=("end", "n"), rows=(("yes", 1234), ("no", None)),
                                     about=ABOUT)))
    assert '<th scope="col" class="n">n</th>' in page
    assert '<tr><th scope="row">yes</th><td class="n">1,234</td></tr>' in page
    assert '<th scope="row">no</th><td></td>' in page


def test_the_policy_names_the_style_and_the_script_by_their_hashes(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        text, = re.findall(rf"(?s)<{tag}>(.*?)</{tag}>", page)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy[1]


def test_the_page_is_well_formed_and_runs_one_script(page: str) -> None:
    read = Reader(page)
    assert read.mistakes == []
    assert read.open == []
    assert page.count("<script>") == 1
    held = re.findall(r'(?s)<script type="application/json" id="[^"]*">(.*?)</script>', page)
    assert len(held) == 3    # what is shared, and two pages of episodes
    assert sum(len(json.loads(text)) for text in held[1:]) == len(json.loads(held[0])["name"])


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_stays_text(text: str) -> None:
    page = page_of(one_section(Prose(paragraphs=(text,), items=(text,)), Prose(paragraphs=(text,), to_copy=True),
                               Number(name=text, value=text, beside=(text,), about=ABOUT),
                               Table(caption=text, header=(text,), rows=((text,),), about=ABOUT),
                               Figure(caption=text, svg="<svg></svg>", words=text, about=ABOUT)))
    read = Reader(page)
    assert read.mistakes == []
    assert read.seen.count("script") == 1
    expected = Reader(page_of(one_section(
        Prose(paragraphs=("x",), items=("x",)), Prose(paragraphs=("x",), to_copy=True),
        Number(name="x", value="x", beside=("x",), about=ABOUT), Table(caption="x", header=("x",), rows=(("x",),),
                                                                       about=ABOUT),
        Figure(caption="x", svg="<svg></svg>", words="x", about=ABOUT))))
    assert read.seen == expected.seen


@pytest.mark.parametrize("free_text", [True, False])
def test_hostile_names_notes_and_labels_stay_text(free_text: bool, drawn: None) -> None:
    made = report_of(analyse(hostile_study(), Plan(model="withdrawal-2000")), draws=19, free_text=free_text)
    page = page_of(made)
    read = Reader(page)
    assert read.mistakes == []
    assert page.count("<script>") == 1
    assert read.seen.count("img") == page.count('<img src="data:image/svg+xml;base64,')
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", page)
    index = json.loads(re.search(r'id="episodes-index">(.*?)</script>', page)[1])
    assert index["dyads"][0] == NAMES["quoted"]
    assert max(map(len, index["name"])) == 200    # cut, with a sign
    assert max(map(len, read.texts["h1"])) < 12_000


def test_hostile_names_stay_text_in_markdown() -> None:
    made = report_of(analyse(hostile_study(), Plan(model="withdrawal-2000")), draws=19, free_text=True)
    text = markdown_of(made)
    assert not re.search(r"<(?!/?br)", text)
    tables = [line for line in text.split("\n") if line.startswith("| ")]
    header = [line for line in tables if set(line) <= {"|", " ", "-"}]
    assert len(header) == sum(isinstance(block, Table) for block in made.blocks()) + 1
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in tables]
    at = [place for place, line in enumerate(tables) if line in header]
    for first, last in zip(at, [*at[1:], len(tables) + 1], strict=True):
        assert len(set(cells[first - 1 : last - 1])) == 1    # every row of a table has the cells of its header
