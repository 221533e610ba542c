"""The gallery has every figure, and its page is what the drawing of them makes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

import gallery
from rupturekit import plots


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def pictures(folder: Path) -> list[gallery.Picture]:
    return gallery.draw_all(folder)


def plotting_functions() -> set[str]:
    """Return the public functions of `plots` that take axes and return them."""
    found = set()
    for module in pkgutil.iter_modules(plots.__path__):
        held = importlib.import_module(f"rupturekit.plots.{module.name}")
        for name in held.__all__:
            thing = getattr(held, name)
            if inspect.isfunction(thing) and thing.__module__ == held.__name__:
                signature = inspect.signature(thing)
                found |= {name} if "ax" in signature.parameters and signature.return_annotation == "Axes" else set()
    return found


def test_every_public_plotting_function_is_in_the_gallery() -> None:
    drawn = {name for draw in gallery.FIGURES for name in draw.__code__.co_names}
    assert plotting_functions() - drawn == set()
    assert len(plotting_functions()) >= 12


def test_the_page_is_what_the_drawings_make_of_it(pictures: list[gallery.Picture]) -> None:
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page(pictures), "run python tools/gallery.py"


def test_every_figure_is_a_file_with_its_words(folder: Path, pictures: list[gallery.Picture]) -> None:
    assert sorted(path.stem for path in folder.iterdir()) == sorted(picture.name for picture in pictures)
    assert len({picture.name for picture in pictures}) == len(gallery.FIGURES)
    for picture in pictures:
        root = ElementTree.fromstring((folder / f"{picture.name}.svg").read_bytes())
        assert picture.alt
        assert root[0].text == picture.alt
        assert picture.caption
        assert "\n" not in picture.caption


def test_a_picture_is_the_same_every_time(tmp_path: Path, folder: Path, pictures: list[gallery.Picture],
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "FIGURES", (gallery.one_alignment, gallery.a_model_with_flow))
    for picture in gallery.draw_all(tmp_path / "again"):
        name = f"{picture.name}.svg"
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_the_code_shown_is_the_code_that_drew() -> None:
    assert gallery._body(gallery.every_path) == "ax = sequence_index(traces())"
    assert gallery._body(gallery.how_much_the_rule_decides).splitlines()[0] == "cohort = example_cohort()"


def test_the_tool_draws_into_a_folder_or_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(gallery, "FIGURES", (gallery.the_interpersonal_plane,))
    monkeypatch.setattr(gallery, "PAGE", tmp_path / "docs" / "gallery.md")
    gallery.main([str(tmp_path / "here")])
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["the-interpersonal-plane.svg"]
    gallery.main([])
    assert "## Behaviour on the interpersonal plane" in (tmp_path / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.splitlines() == [f"figures in {tmp_path / 'here'}: 1",
                                                    "gallery.md written, and its pictures beside it"]
