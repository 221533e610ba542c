"""The report as Markdown: every block, nothing that is taken for a sign."""

from __future__ import annotations

import pytest

from rupturekit.report import markdown
from rupturekit.report.blocks import About, Figure, Number, Prose, Report, Section, Table
from rupturekit.report.markdown import markdown_of

ABOUT = About(n="3 dyads", method="counted.", definition="pairs of people")
SAID = "*n:* 3 dyads. *Method:* counted. *Definition:* pairs of people."


def blocks(*held: Prose | Number | Table | Figure) -> list[str]:
    text = markdown_of(Report(title="T", lead=(), sections=(Section(name="a", title="A", blocks=held),)))
    return text.removeprefix("# T\n\n## A\n\n").removesuffix("\n").split("\n\n")


def test_each_block_in_its_form() -> None:
    assert blocks(Prose(paragraphs=("One.",), items=("a", "b"))) == ["One.", "- a\n- b"]
    assert blocks(Number(name="dyads", value="3", beside=("no interval",), about=ABOUT)) == [
        "**dyads: 3**; no interval", SAID]
    assert blocks(Table(caption="Ends", header=("end", "n"), rows=(("yes", 1234), ("no", None)), about=ABOUT)) == [
        "**Ends**", "| end | n |\n| --- | --- |\n| yes | 1,234 |\n| no |  |", SAID]
    assert blocks(Figure(caption="Paths", svg="<svg/>", words="Three rows.", about=ABOUT)) == [
        "**Figure: Paths**", "Three rows.", SAID]


@pytest.mark.parametrize(("text", "escaped"), [
    ("a|b", "a\\|b"), ("# no title", "\\# no title"), ("- no point", "\\- no point"), ("<b>", "&lt;b&gt;"),
    ("1. no list", "&#8203;1. no list"), ("[a](b)", "\\[a\\](b)"), ("a_b*c`d", "a\\_b\\*c\\`d"), ("+ x", "\\+ x")])
def test_text_is_no_sign(text: str, escaped: str) -> None:
    assert blocks(Prose(paragraphs=(text,))) == [escaped]


def test_the_whole_report_ends_in_what_it_was_made_of(made: Report) -> None:
    text = markdown_of(made)
    assert text.startswith("# Rupture and repair: example\n\nAn account of coded sessions.")
    assert text.index("## Data and their quality") < text.index("## Table 1") < text.index("## What this was made of")
    assert text == markdown_of(made)


def test_of_many_episodes_the_first_are_listed(made: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "more episodes are not listed here" not in markdown_of(made)
    monkeypatch.setattr(markdown, "MOST_EPISODES", 2)
    assert "60 more episodes are not listed here. Timelines" in markdown_of(made)
