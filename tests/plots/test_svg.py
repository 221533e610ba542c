"""A figure inside a page: the same text every time, words for those who do not see it, and labels that stay text."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit.conformance.alignment import align_cohort
from rupturekit.errors import RecordError
from rupturekit.example import example_cohort
from rupturekit.plots import style
from rupturekit.plots.plane import paths
from rupturekit.plots.ribbon import alignment_ribbon
from rupturekit.plots.svg import MOST_LETTERS, MOST_SAID, svg_of
from rupturekit.plots.timeline import episode_timeline
from rupturekit.segmentation import WHOLE_SESSION, segment
from rupturekit.traces import trace_cohort

PATH = {"client": ([1.0, 0.0], [0.0, 1.0])}
SVG = "{http://www.w3.org/2000/svg}"
NASTY = ["<script>alert(1)</script>", "</text><script>x</script>", "]]>", "-->", "<!--", "&lt;b&gt;", "a\"b'c", "url(#x)",
         'id="x"', "x" * 10_000, "\u202eevil\u202c", "\u05d0\u05d1 \u200fx", "\u540d\u524d", "$x^{$", "tab\x07bell", "a\nb"]


def labelled(*labels: str) -> Axes:
    """Draw nothing but texts, in a figure that is not laid out by them."""
    with style.style():
        ax = Figure(figsize=(3.0, 3.0)).add_subplot()
        for at, label in enumerate(labels):
            ax.text(0.1, at / len(labels), label)
    style.describe(ax, "Some labels: " + "; ".join(labels))
    return ax


def shown_as(label: str) -> str:
    """Return what a page shows: no control characters, and nothing that turns the direction of what stands after it."""
    return "".join("\ufffd" if sign in "\x07\u202e\u202c" else sign for sign in label)


def read(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def texts(picture: str) -> list[str]:
    return ["".join(found.itertext()) for found in read(picture).iter(f"{SVG}text")]


def names(picture: str) -> list[str]:
    return [each.attrib["id"] for each in read(picture).iter() if "id" in each.attrib]


def referred(picture: str) -> list[str]:
    return [one or other for one, other in re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', picture)]


def test_two_of_one_figure_are_the_same_text() -> None:
    ax = paths(PATH)
    assert svg_of(ax) == svg_of(ax) == svg_of(paths(PATH))


def test_the_text_is_the_same_in_another_process() -> None:
    code = ("import hashlib\nfrom rupturekit.plots.plane import paths\nfrom rupturekit.plots.svg import svg_of\n"
            "print(hashlib.sha256(svg_of(paths({'client': ([1.0, 0.0], [0.0, 1.0])})).encode()).hexdigest())")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == hashlib.sha256(svg_of(paths(PATH)).encode()).hexdigest()


def test_it_is_one_element_with_its_words() -> None:
    ax = paths(PATH)
    root = read(svg_of(ax, prefix="p7"))
    title, words = root[0], root[1]
    assert (root.tag, root.get("role"), root.get("aria-labelledby")) == (f"{SVG}svg", "img", "p7-title p7-desc")
    assert (title.tag, title.get("id"), title.text) == (
        f"{SVG}title", "p7-title", "Paths on the interpersonal plane, affiliation to the right and control upwards")
    assert (words.tag, words.get("id"), words.text) == (f"{SVG}desc", "p7-desc", style.alt_text(ax))
    assert len(root.get("viewBox", "").split()) == 4


def test_nothing_is_fetched_and_no_style_reaches_out() -> None:
    ax = labelled("plain")
    ax.scatter([0.5], [0.5]).set_urls(["https://example.org/x"])
    ax.imshow(np.zeros((2, 2)))
    picture = svg_of(ax)
    assert set(re.findall(r'(?:href|src)="([^"#]{0,15})', picture)) == {"", "data:image/png;"}
    assert "<style" not in picture
    assert "<metadata" not in picture
    assert re.findall(r'"(https?:[^"]*)"', picture) == ["http://www.w3.org/2000/svg"]


def test_names_begin_with_the_prefix_and_each_has_a_use() -> None:
    first, second = (svg_of(paths(PATH), prefix=prefix) for prefix in ("a", "b"))
    assert all(name.startswith("a-") for name in names(first))
    assert len(set(names(first))) == len(names(first))
    assert not set(names(first)) & set(names(second))
    assert {*referred(first), "a-title", "a-desc"} == set(names(first))
    assert len(names(first)) > 2
    assert read(first).tag == f"{SVG}svg"


@pytest.mark.parametrize("prefix", ["", "1a", "a b", 'a"><script>', "a" * 65])
def test_a_prefix_that_cannot_begin_a_name_is_refused(prefix: str) -> None:
    with pytest.raises(RecordError, match="cannot begin a name; expected a letter"):
        svg_of(paths(PATH), prefix=prefix)
    with pytest.raises(RecordError, match="expected a prefix but got NoneType"):
        svg_of(paths(PATH), prefix=None)    # type: ignore[arg-type]


def test_axes_without_words_are_refused() -> None:
    with pytest.raises(RecordError, match=r"nothing says in words .*plots\.style\.describe\(ax, text\)"):
        svg_of(Figure().add_subplot())


@pytest.mark.parametrize("label", NASTY)
def test_labels_stay_text(label: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = svg_of(labelled(label))
    shown = shown_as(label)
    wanted = shown if len(shown) <= MOST_LETTERS else shown[: MOST_LETTERS - 1] + "\u2026"
    assert wanted.split("\n") == [one for one in texts(picture) if one != "" and not re.fullmatch(r"\d\.\d", one)]
    assert {each.tag for each in read(picture).iter()} <= {
        SVG + name for name in ("svg", "title", "desc", "g", "path", "text", "tspan", "use", "defs", "clipPath", "rect")}


def test_words_without_end_are_cut() -> None:
    ax = labelled("short")
    style.describe(ax, "<b>" + "x" * 10_000)
    title, words = list(read(svg_of(ax)))[:2]
    assert (len(words.text or ""), len(title.text or "")) == (MOST_SAID, 120)
    assert (words.text or "").startswith("<b>xxx")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_any_labels_give_well_formed_markup(labels: list[str]) -> None:
    picture = svg_of(labelled(*labels))
    root = read(picture)
    assert {each.tag for each in root.iter()} <= {
        SVG + name for name in ("svg", "title", "desc", "g", "path", "text", "tspan", "use", "defs", "clipPath", "rect")}


def test_text_is_text_in_a_font_that_every_page_has() -> None:
    picture = svg_of(paths(PATH))
    assert "affiliation" in " ".join(texts(picture))
    assert set(re.findall(r"font-family: ([^;\"]*)", picture)) == {"'DejaVu Sans', Verdana, sans-serif"}
    assert len(picture) < len(style.rendered(paths(PATH)))


def test_all_axes_of_the_figure_are_drawn_and_said() -> None:
    figure = Figure(layout="constrained")
    left, right = figure.subplots(1, 2)
    paths({"left-hand": PATH["client"]}, ax=left)
    picture = svg_of(paths({"right-hand": PATH["client"]}, ax=right))
    assert "left-hand" in (read(picture)[1].text or "")
    assert "right-hand" in (read(picture)[1].text or "")


# --- figures of the library with names that would be markup -------------------------------------------------------


@pytest.mark.parametrize("name", [one for one in NASTY if "\n" not in one and "\x07" not in one])
@pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")
def test_figures_of_records_with_any_names_stay_text(name: str) -> None:
    cohort = segment(example_cohort(), WHOLE_SESSION, track="r1")
    trace = trace_cohort(cohort, "withdrawal-2000")[0]
    coding = attrs.evolve(trace.episode.coding, parties=(name, "therapist"))
    row = attrs.evolve(trace.episode.row, episode=name)
    told = attrs.evolve(trace, episode=attrs.evolve(trace.episode, row=row, coding=coding))
    aligned = attrs.evolve(align_cohort(cohort, "withdrawal-2000")[0], episode=name)
    for ax in (episode_timeline(told), alignment_ribbon(aligned)):
        picture = svg_of(ax)
        root = read(picture)
        assert not any(each.tag.rpartition("}")[2] in ("script", "image", "a", "b") for each in root.iter())
        assert shown_as(name[:6]) in "".join(root[1].itertext())
        assert shown_as(name[:6]) in " ".join(texts(picture))
        assert max(map(len, texts(picture))) <= MOST_LETTERS
        assert len(picture) < 60_000
