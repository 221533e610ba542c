"""The front door: what `import rupturekit` promises, and that it costs nothing until it is used."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import rupturekit

MOST = 40
NOT_LAZY = {"__version__"}


def full(module: str) -> str:
    """Return the full dotted name of a module that the table may name without the package."""
    return module if module.split(".")[0] == "rupturekit" else f"rupturekit.{module.lstrip('.')}"


def typed_imports() -> dict[str, str]:
    """Return name -> module of the imports under TYPE_CHECKING in the root."""
    tree = ast.parse(Path(rupturekit.__file__).read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: full(node.module or "")
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_at_most_forty_names_each_once() -> None:
    assert len(rupturekit.__all__) <= MOST
    assert len(set(rupturekit.__all__)) == len(rupturekit.__all__)


def test_the_names_are_those_of_the_lazy_table() -> None:
    assert set(rupturekit.__all__) - NOT_LAZY == set(rupturekit._EXPORTS)


@pytest.mark.parametrize("name", sorted(rupturekit._EXPORTS))
def test_a_name_is_the_one_of_its_module(name: str) -> None:
    module = importlib.import_module(full(rupturekit._EXPORTS[name]))
    assert getattr(rupturekit, name) is getattr(module, name)
    assert name in module.__all__, f"{module.__name__}.__all__ lacks {name}"


def test_every_name_in_all_resolves() -> None:
    missing = [name for name in rupturekit.__all__ if not hasattr(rupturekit, name)]
    assert missing == []


def test_dir_lists_every_name() -> None:
    assert set(rupturekit.__all__) <= set(dir(rupturekit))


def test_no_module_is_hidden_by_a_name_of_the_root() -> None:
    found = {module.name for module in pkgutil.iter_modules(rupturekit.__path__)}
    assert found & set(rupturekit.__all__) == set()


def test_the_type_checker_sees_the_same_names_from_the_same_modules() -> None:
    assert typed_imports() == {name: full(module) for name, module in rupturekit._EXPORTS.items()}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        rupturekit.no_such_name  # noqa: B018


def test_importing_the_root_loads_no_other_library() -> None:
    code = "import sys, rupturekit; print(sorted({'attr', 'networkx', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


HEAVY = {"hypothesis", "matplotlib", "narwhals", "numba", "openpyxl", "pandas", "polars", "pyarrow", "pyreadstat", "scipy"}


def test_the_front_door_loads_no_library_of_an_extra() -> None:
    code = f"import sys\nfrom rupturekit import Cohort, StateMachine, trace\nprint(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
