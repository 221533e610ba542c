"""What every figure owes: one style that leaves settings alone, words, files that are the same every time."""

from __future__ import annotations

import hashlib
import itertools
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rupturekit._palette import NEEDS, PHASES
from rupturekit.errors import FileProblem, MissingExtra, RecordError
from rupturekit.plots import style
from rupturekit.plots.plane import paths
from rupturekit.vocabulary import Phase

PATH = {"client": ([1.0, 0.0], [0.0, 1.0])}


def luminance(colour: str) -> float:
    """Return how bright a colour is in grey, from 0 to 1 (weights of ITU-R BT.601)."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_drawing_leaves_all_settings_as_they_were() -> None:
    before = dict(mpl.rcParams)
    style.rendered(paths(PATH))
    with pytest.raises(ZeroDivisionError), style.style():
        raise ZeroDivisionError
    assert dict(mpl.rcParams) == before


def test_a_users_own_settings_do_not_reach_a_figure() -> None:
    plain = style.rendered(paths(PATH))
    with mpl.rc_context({"font.size": 30.0, "axes.facecolor": "black", "svg.fonttype": "path"}):
        assert style.rendered(paths(PATH)) == plain


def test_no_window_and_no_pyplot_and_matplotlib_only_when_drawing() -> None:
    assert run(
        "import sys, pkgutil, importlib, rupturekit, rupturekit.plots as plots\n"
        "[importlib.import_module('rupturekit.plots.' + m.name) for m in pkgutil.iter_modules(plots.__path__)]\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from rupturekit.plots.plane import paths\n"
        "from rupturekit.plots.style import rendered\n"
        "rendered(paths({'client': ([1.0], [0.0])}))\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)") == "True False"


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"drawing a figure needs the extra 'plots': .*rupturekit\[plots\]"):
        paths(PATH)


# --- phases and needs, in colour and in grey ---------------------------------------------------------------------


def test_phases_keep_their_colours() -> None:
    assert {phase: style.phase_look(phase)["facecolor"] for phase in Phase} == {
        phase: PHASES[phase].mark for phase in Phase}


def test_phases_differ_in_grey_by_brightness_or_by_hatch() -> None:
    for one, other in itertools.combinations(Phase, 2):
        first, second = style.phase_look(one), style.phase_look(other)
        apart = abs(luminance(first["facecolor"]) - luminance(second["facecolor"]))
        assert first["hatch"] != second["hatch"] or apart > 0.2, (one, other)


def test_needs_differ_in_grey_and_from_every_phase() -> None:
    dark, light = sorted(map(luminance, NEEDS.values()))
    assert light - dark > 0.4
    assert not set(NEEDS.values()) & {shades.mark for shades in PHASES.values()}
    assert all(style.need_colour(need) == colour for need, colour in NEEDS.items())


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", style.FORMATS)
def test_two_files_of_one_figure_are_the_same(kind: str) -> None:
    ax = paths(PATH)
    places = ax.get_position(original=True).bounds
    assert style.rendered(ax, format=kind) == style.rendered(ax, format=kind)
    assert style.rendered(paths(PATH), format=kind) == style.rendered(ax, format=kind)
    assert ax.get_position(original=True).bounds == places
    assert ax.get_in_layout()


def test_files_are_the_same_in_another_process() -> None:
    code = ("import hashlib\nfrom rupturekit.plots.plane import paths\nfrom rupturekit.plots.style import *\n"
            "for kind in FORMATS:\n"
            "    print(hashlib.sha256(rendered(paths({'client': ([1.0, 0.0], [0.0, 1.0])}), format=kind)).hexdigest())")
    here = [hashlib.sha256(style.rendered(paths(PATH), format=kind)).hexdigest() for kind in style.FORMATS]
    assert run(code).splitlines() == here


def test_svg_holds_text_as_text_with_its_words_and_no_date() -> None:
    ax = paths(PATH)
    style.describe(ax, "a < b & c")
    picture = style.rendered(ax).decode()
    assert "<title>a &lt; b &amp; c</title>" in picture
    assert ">control</text>" in picture
    assert "dc:date" not in picture


def test_pdf_has_no_date_and_png_has_its_words() -> None:
    ax = paths(PATH)
    assert b"CreationDate" not in style.rendered(ax, format="pdf")
    assert b"Paths on the interpersonal plane" in style.rendered(ax, format="png")


def test_size_is_that_of_a_column() -> None:
    width, _ = paths(PATH).figure.get_size_inches()
    assert width * 25.4 == pytest.approx(style.NARROW)


@pytest.mark.parametrize("name", ["plane.svg", "plane.PDF", "plane.png"])
def test_a_file_is_written_whole_and_replaced(tmp_path: Path, name: str) -> None:
    file, ax = tmp_path / name, paths(PATH)
    style.save(ax, file)
    style.save(ax, str(file))
    assert file.read_bytes() == style.rendered(ax, format=file.suffix[1:].lower())
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_format_that_is_not_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"written as svg, pdf, png, not 'sgv'; did you mean 'svg'\?"):
        style.save(paths(PATH), tmp_path / "plane.sgv")
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="the figure cannot be written"):
        style.save(paths(PATH), tmp_path / "nowhere" / "plane.svg")


def test_the_whole_figure_is_written_also_from_a_part_of_it() -> None:
    figure = Figure(layout="constrained")
    left, right = figure.subfigures(1, 2)
    ax = paths({"left-hand": PATH["client"]}, ax=left.subplots())
    paths({"right-hand": PATH["client"]}, ax=right.subplots())
    picture = style.rendered(ax).decode()
    assert "right-hand" in picture
    assert re.search("(?s)<title>Paths on .*left-hand.*Paths on .*right-hand.*</title>", picture)


# --- axes, words, names, keys ------------------------------------------------------------------------------------


def test_axes_handed_in_are_drawn_on() -> None:
    mine = Figure().add_subplot()
    assert paths(PATH, ax=mine) is mine
    assert not mine.spines["top"].get_visible()


def test_axes_handed_in_get_the_size_of_the_style_and_no_formulas() -> None:
    mine = Figure().add_subplot()
    assert mine.xaxis.label.get_fontsize() == 10
    paths(PATH, ax=mine)
    assert [label.get_fontsize() for label in (mine.xaxis.label, mine.yaxis.label)] == [7.0, 7.0]
    assert not mine.xaxis.label.get_parse_math()


def test_text_beneath_narrow_axes_is_broken_into_lines() -> None:
    line = "many words that stand beneath axes and are too long for one column of a journal to hold in one line"
    for width, lines in ((89.0, 2), (183.0, 1)):
        with style.axes(None, width=width, height=60) as ax:
            ax.set_xlabel(f"first\n\n{line}")
        said = ax.get_xlabel().splitlines()
        assert (said[:2], len(said[2:]), " ".join(said[2:])) == (["first", ""], lines, line)


def test_narrow_axes_have_a_key_of_fewer_columns() -> None:
    found = {}
    for width in (40.0, 89.0, 183.0):
        with style.axes(None, width=width, height=60) as ax:
            style.set_key(ax, [style.line_key(name, marker="o") for name in "abcd"], columns=4)
            found[width] = ax.get_legend()._ncols
    assert found == {40.0: 1, 89.0: 2, 183.0: 4}


def test_axes_of_others_have_no_words() -> None:
    assert style.alt_text(Figure().add_subplot()) == ""


def test_names_are_text_and_no_formulas_and_are_cut() -> None:
    ax = Figure().add_subplot()
    style.name_ticks(ax, {0.0: "$x^{$", 1.0: "a" * 40}, most=10)
    first, second = ax.get_yticklabels()
    assert (first.get_text(), first.get_parse_math()) == ("$x^{$", False)
    assert second.get_text() == "aaaaaaaaa…"
    assert b"x^{" in style.rendered(ax)


def _key(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_a_key_is_filled_row_by_row() -> None:
    ax = Figure().add_subplot()
    style.set_key(ax, [style.line_key(name, marker="o") for name in "abcde"], columns=3)
    assert _key(ax) == ["a", "d", "b", "e", "c"]    # matplotlib lays these out column by column


def test_an_empty_key_is_none() -> None:
    ax = Figure().add_subplot()
    style.set_key(ax, [], columns=3)
    assert _key(ax) == []
