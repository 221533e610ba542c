"""Rules about the sources themselves: who imports whom, and what coverage may leave out.

The allowed imports stand in the block ```imports of docs/explanation/architecture.md.
"""

from __future__ import annotations

import ast
import graphlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "rupturekit"
PAGE = ROOT / "docs" / "explanation" / "architecture.md"


class Import(NamedTuple):
    """One import: `source` asks for `target`, named inside the package or a library's top-level name."""

    source: str
    target: str
    place: str
    typing_only: bool
    in_function: bool


class Row(NamedTuple):
    """What one line of the table allows."""

    at_run_time: frozenset[str]
    for_types: frozenset[str]


# Reading the table

def read_table(page: str) -> dict[str, Row]:
    """Return the rows of the one ```imports block of a page, `above` written out."""
    blocks = re.findall(r"(?ms)^```imports\n(.*?)^```", page)
    assert len(blocks) == 1, f"expected one ```imports block in {PAGE.name} but found {len(blocks)}"
    rows: dict[str, Row] = {}
    for line in filter(None, map(str.strip, blocks[0].splitlines())):
        module, colon, rest = line.partition(":")
        assert colon, f"expected `module: allowed, modules` in the ```imports block but found {line!r}"
        assert module not in rows, f"{module} stands twice in the ```imports block"
        earlier = frozenset(rows) - {"extras"}
        typed = frozenset(name for group in re.findall(r"\((.*?)\)", rest) for name in _names(group, earlier))
        run = frozenset(_names(re.sub(r"\(.*?\)", "", rest), earlier))
        rows[module] = Row(run, typed)
    return rows


def _names(text: str, earlier: frozenset[str]) -> Iterator[str]:
    for name in filter(None, map(str.strip, text.split(","))):
        yield from earlier if name == "above" else (name,)


def row_of(module: str, names: set[str] | frozenset[str]) -> str | None:
    """Return the name or `package.*` pattern that a module falls under, the longest first."""
    parts = module.split(".")
    patterns = [module] + [".".join(parts[:n]) + ".*" for n in range(len(parts), 0, -1)]
    return next((pattern for pattern in patterns if pattern in names), None)


# Reading the sources

def modules(package: Path) -> dict[str, Path]:
    """Return dotted name inside the package -> file; the package itself is `__init__`."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


def imports(package: Path) -> list[Import]:
    """Return every import of the package, wherever it stands."""
    known = modules(package)
    found = (each for name, path in known.items() for each in _imports_of(name, path, package, set(known)))
    return list(dict.fromkeys(found))


def _imports_of(name: str, path: Path, package: Path, known: set[str]) -> Iterator[Import]:
    def visit(node: ast.AST, typing_only: bool, in_function: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            place = f"{path.relative_to(package.parent).as_posix()}:{node.lineno}"
            for target in _targets(node, path, package, known):
                yield Import(name, target, place, typing_only, in_function)
        in_function |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for child in node.body:
                yield from visit(child, True, in_function)
            for child in node.orelse:
                yield from visit(child, typing_only, in_function)
        else:
            for child in ast.iter_child_nodes(node):
                yield from visit(child, typing_only, in_function)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), False, False)


def _targets(node: ast.Import | ast.ImportFrom, path: Path, package: Path, known: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        dotted = [alias.name for alias in node.names]
    else:
        base = node.module or ""
        if node.level:
            here = (package.name, *path.relative_to(package).parent.parts)
            base = ".".join(filter(None, (*here[:len(here) - node.level + 1], base)))
        dotted = [f"{base}.{alias.name}" for alias in node.names]
    for full in dotted:
        top, _, inside = full.partition(".")
        if top == package.name:
            yield inside if inside in known else inside.rpartition(".")[0] or "__init__"
        elif top not in sys.stdlib_module_names:
            yield top


# Comparing

def violations(package: Path, page: str) -> list[str]:
    """Return one sentence for each import, module or line that does not agree with the table."""
    table = read_table(page)
    extras = table.pop("extras", Row(frozenset(), frozenset())).at_run_time
    known = modules(package)
    return [
        *(f"{known[module].relative_to(package.parent).as_posix()}: {module} has no line in the table"
          for module in known if row_of(module, set(table)) is None),
        *(f"{row}: the table has a line for it, and there is no such module"
          for row in table if not any(row_of(module, {row}) for module in known)),
        *filter(None, (_complaint(each, table, extras) for each in imports(package))),
    ]


def _complaint(each: Import, table: dict[str, Row], extras: frozenset[str]) -> str | None:
    row = row_of(each.source, set(table))
    if row is None:
        return None
    allowed = table[row]
    says = f"{each.place}: {each.source} imports {each.target}"
    if each.in_function and not each.typing_only:
        names = ", ".join(sorted(extras)) or "none"
        return None if each.target in extras else f"{says} inside a function; only extras may be ({names})"
    if row_of(each.target, allowed.at_run_time):
        return None
    if row_of(each.target, allowed.for_types):
        return None if each.typing_only else f"{says} at run time; it may for the type checker only"
    names = sorted(allowed.at_run_time) + [f"({name})" for name in sorted(allowed.for_types)]
    return f"{says}; allowed: {', '.join(names) or 'none'}"


def cycle(package: Path) -> list[str]:
    """Return modules that import each other in a ring when they run, or nothing."""
    known = modules(package)
    graph: dict[str, set[str]] = {module: set() for module in known}
    for each in imports(package):
        if each.target in known and each.target != each.source and not each.typing_only:
            graph[each.source].add(each.target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(reversed(error.args[1]))
    return []


# The library

def test_imports_agree_with_the_architecture_page() -> None:
    found = violations(PACKAGE, PAGE.read_text(encoding="utf-8"))
    assert not found, "\n".join(["imports and docs/explanation/architecture.md disagree:", *found])


def test_no_ring_of_imports() -> None:
    assert cycle(PACKAGE) == []


def test_the_table_keeps_networkx_in_one_module_and_kernels_to_numpy() -> None:
    table = read_table(PAGE.read_text(encoding="utf-8"))
    assert [module for module, row in table.items() if "networkx" in row.at_run_time] == ["state_machine"]
    for module, row in table.items():
        if module.startswith("_kernels"):
            allowed = {"numpy", "numba"} if "_numba" in module else {"numpy"}
            outside = {name for name in row.at_run_time | row.for_types if not name.startswith("_kernels")}
            assert outside <= allowed, f"{module} may import {outside - allowed}"


def test_coverage_leaves_out_at_most_ten_places_each_with_its_reason() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    settings = tool["coverage"]["report"]
    patterns = settings["exclude_lines"] + settings["partial_branches"]
    patterns = [each for each in patterns if "pragma" not in each]
    pragmas = [
        f"{path.relative_to(ROOT).as_posix()}:{number}: {line.strip()}"
        for path in modules(PACKAGE).values()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "# pragma: no" in line
    ]
    without = [each for each in pragmas if not re.search(r"# pragma: no (cover|branch): \w", each)]
    assert not without, "\n".join(["no reason behind the exclusion:", *without])
    assert len(patterns) + len(pragmas) <= 10, "\n".join(["more than ten exclusions:", *patterns, *pragmas])


# The check itself

TABLE = """```imports
low: (high)
middle: numpy, above
parts.*: above, parts.*
high: above
__init__: (above)
extras: pandas
```"""
FRESH = {
    "__init__": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from toy.high import f\n",
    "low": "import json\n",
    "middle": "import numpy as np\nfrom toy.low import x\n",
    "parts/__init__": "from toy.parts.one import y\n",
    "parts/one": "from toy import low\n",
    "high": "from toy.parts import y\nimport toy.middle\n",
}


def toy(directory: Path, **changed: str) -> Path:
    """Write a small package, some modules changed."""
    package = directory / "toy"
    for name, text in (FRESH | changed).items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return package


def test_a_package_that_keeps_to_the_table(tmp_path: Path) -> None:
    package = toy(tmp_path)
    assert violations(package, TABLE) == []
    assert cycle(package) == []


@pytest.mark.parametrize(
    ("module", "text", "says"),
    [
        ("low", "\nfrom toy.middle import x", "toy/low.py:2: low imports middle; allowed: (high)"),
        ("low", "import toy.high",
         "toy/low.py:1: low imports high at run time; it may for the type checker only"),
        ("low", "from toy import f", "toy/low.py:1: low imports __init__; allowed: (high)"),
        ("low", "import networkx as nx", "toy/low.py:1: low imports networkx; allowed: (high)"),
        ("parts/one", "from ..high import f",
         "toy/parts/one.py:1: parts.one imports high; allowed: low, middle, parts.*"),
        ("high", "def f():\n    from toy import low",
         "toy/high.py:2: high imports low inside a function; only extras may be (pandas)"),
        ("other", "", "toy/other.py: other has no line in the table"),
    ],
)
def test_what_breaks_the_table_is_told(tmp_path: Path, module: str, text: str, says: str) -> None:
    assert violations(toy(tmp_path, **{module: text}), TABLE) == [says]


def test_what_the_table_allows_passes(tmp_path: Path) -> None:
    typed = "import typing\nif typing.TYPE_CHECKING:\n    from toy.high import f\n"
    extra = "def f():\n    import pandas\n"
    assert violations(toy(tmp_path, low=typed, high=extra), TABLE) == []


def test_a_line_without_a_module_is_told(tmp_path: Path) -> None:
    package = toy(tmp_path, __init__="")
    (package / "high.py").unlink()
    says = "high: the table has a line for it, and there is no such module"
    assert violations(package, TABLE) == [says]


def test_a_ring_is_told(tmp_path: Path) -> None:
    assert set(cycle(toy(tmp_path, low="import toy.middle"))) == {"low", "middle"}
