"""The installed library in one breath: it imports, has its data files, and its command runs.

This file uses nothing else from the checkout. `.ci/run` copies it elsewhere and runs it there against the
wheel with the oldest stated dependencies.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import rupturekit

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(rupturekit.__path__, "rupturekit.")
    if not module.name.endswith("__main__")
)


def command(*arguments: object, cwd: Path) -> str:
    """Run the command line in a directory and return what it printed."""
    code = "import sys; from rupturekit.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code, *map(str, arguments)], cwd=cwd,
                          check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports(module: str) -> None:
    importlib.import_module(module)


@pytest.mark.parametrize("name", sorted(rupturekit.__all__))
def test_every_root_name_resolves(name: str) -> None:
    assert getattr(rupturekit, name) is not None


@pytest.mark.parametrize("directory", ["codebooks", "models"])
def test_definition_files_are_installed(directory: str) -> None:
    files = [file.name for file in (resources.files("rupturekit") / directory).iterdir()]
    assert [name for name in files if name.endswith(".toml")]


def test_types_are_installed() -> None:
    assert (resources.files("rupturekit") / "py.typed").is_file()


def test_help_names_the_commands(tmp_path: Path) -> None:
    text = command("--help", cwd=tmp_path)
    words = ["check", "describe", "trace", "models", "codebooks", "coverage", "init", "example"]
    assert [word for word in words if word not in text] == []


def test_the_example_is_checked_and_traced(tmp_path: Path) -> None:
    command("example", "demo", cwd=tmp_path)
    command("check", "demo", cwd=tmp_path)
    assert command("trace", "demo", "--model", "withdrawal-2000", "--track", "r1", cwd=tmp_path).strip()
