"""The generated reference has a page for every public module and an entry for every public name."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import reference_pages
import rupturekit


def public_modules() -> list[str]:
    """Return the modules with `__all__`, found by importing them: another way than that of the tool."""
    found = [module.name for module in pkgutil.walk_packages(rupturekit.__path__, "rupturekit.")
             if not any(part.startswith("_") for part in module.name.split("."))]
    return [name for name in found if getattr(importlib.import_module(name), "__all__", None)]


def test_every_public_name_has_an_entry_on_the_page_of_its_module() -> None:
    made = reference_pages.pages()
    for module in public_modules():
        page = re.sub(r"(?m)^\.\. py:(\w+):: (\w+)\n   :module: (\S+)$", r".. auto\1:: \3.\2", made[f"{module}.rst"])
        entries = re.findall(r"(?m)^\.\. auto\w+:: (\S+)$", page)
        names = importlib.import_module(module).__all__
        assert sorted(entries[1:]) == sorted(f"{module}.{name}" for name in names)
        assert entries[0] == module


def test_every_page_stands_in_the_index() -> None:
    made = reference_pages.pages()
    index = made.pop("index.rst")
    assert {f"{name}.rst" for name in re.findall(r"(?m)^   (rupturekit\S*)$", index)} == set(made)


def test_the_front_door_has_every_name_that_it_offers() -> None:
    page = reference_pages.pages()["rupturekit.rst"]
    assert set(re.findall(r":`(\w+) <", page)) == set(rupturekit._EXPORTS)


def test_homes_name_the_module_that_makes_a_thing() -> None:
    homes = reference_pages.homes()
    for name in ("Reached", "TieRule", "Episode", "Estimate"):
        module, _, last = homes[name].rpartition(".")
        thing = getattr(importlib.import_module(module), last)
        assert (thing.__module__, last) == (module, name)
    assert "KINDS" not in homes, "several modules make a thing of this name"


def test_written_pages_are_the_pages_and_nothing_old_stays(tmp_path: Path) -> None:
    (tmp_path / "rupturekit.gone.rst").write_text("old", encoding="utf-8")
    reference_pages.write(tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == reference_pages.pages()


def test_a_name_that_nothing_makes_is_refused() -> None:
    with pytest.raises(SystemExit, match="no statement of the module makes it"):
        reference_pages._origin("rupturekit.ends", name="NoSuchName")
