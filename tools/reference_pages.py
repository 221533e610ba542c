"""Write the pages of the generated reference: one a public module, in the order of the import table.

The documentation build calls `write`; the pages are never kept. Which modules there are, their order, and what each
public name is come from the import table of the architecture page and from the sources, without importing anything.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "rupturekit"
TABLE = ROOT / "docs" / "explanation" / "architecture.md"

_LONGEST_VALUE = 100


class Public(NamedTuple):
    """A module that makes names public: its dotted name, its first line, and the names in the order of the source."""

    module: str
    says: str
    names: tuple[str, ...]


class Origin(NamedTuple):
    """Where a name is made: the module, and the statement that makes it."""

    module: str
    made: ast.stmt


def public_modules() -> list[Public]:
    """Return the modules that make names public, in the order of the corridor."""
    places = {name: at for at, name in enumerate(_corridor())}
    modules = sorted((_dotted(path) for path in SOURCES.rglob("*.py")), key=lambda name: (_place(name, places), name))
    return [Public(name, _first_line(name), _in_order(name)) for name in modules if not _private(name) and _all(name)]


def public_names() -> set[str]:
    """Return the full name of every public name: `rupturekit.module.name`."""
    return {f"{one.module}.{name}" for one in public_modules() for name in one.names}


@functools.cache
def homes() -> dict[str, str]:
    """Return public name -> full name in the module that makes it, for names that one module alone makes."""
    found: dict[str, set[str]] = {}
    for one in public_modules():
        for name in one.names:
            found.setdefault(name, set()).add(f"{_origin(one.module, name=name).module}.{name}")
    public = public_names()
    return {name: min(full) for name, full in found.items() if len(full) == 1 and full <= public}


def pages() -> dict[str, str]:
    """Return file name -> text of every page of the reference."""
    found = public_modules()
    return {"index.rst": _index(found), "rupturekit.rst": _front_door(),
            **{f"{one.module}.rst": _page(one) for one in found}}


def write(directory: Path) -> None:
    """Write the pages into a directory, and take away pages of modules that are gone."""
    directory.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in {path.name for path in directory.glob("*.rst")} - set(made):
        (directory / old).unlink()
    for name, text in made.items():
        path = directory / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:    # an untouched page is not built again
            path.write_text(text, encoding="utf-8")


# What the sources say

@functools.cache
def _tree(module: str) -> ast.Module:
    """Return the syntax tree of a module, by its dotted name."""
    path = SOURCES.parent.joinpath(*module.split("."))
    source = path.with_suffix(".py")    # a folder of this name may hold definitions: codebooks.py and codebooks/
    return ast.parse((source if source.exists() else path / "__init__.py").read_text(encoding="utf-8"))


def _all(module: str) -> tuple[str, ...]:
    """Return `__all__` where it is written out; the front door's is not, for it is made from a table."""
    listed = next((node.value for node in _tree(module).body
                   if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"), None)
    parts = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
    return tuple(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _in_order(module: str) -> tuple[str, ...]:
    """Return the public names in the order in which the source makes them, those of other modules last."""
    made = {name: at for at, node in enumerate(_tree(module).body) for name in _makes(node)}
    return tuple(sorted(_all(module), key=lambda name: (made.get(name, len(made)), name)))


def _makes(node: ast.stmt) -> list[str]:
    """Return the names that a statement of a module makes, imports aside."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    return []


def _origin(module: str, *, name: str) -> Origin:
    """Return where a public name of a module is made, following imports."""
    for node in _tree(module).body:
        if name in _makes(node):
            return Origin(module, node)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rupturekit"):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _origin(node.module or "", name=alias.name)
    raise SystemExit(f"{module}: `__all__` has {name!r}, and no statement of the module makes it")


def _dotted(path: Path) -> str:
    parts = path.relative_to(SOURCES.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _first_line(module: str) -> str:
    return (ast.get_docstring(_tree(module)) or "").partition("\n")[0]


def _private(module: str) -> bool:
    return any(part.startswith("_") for part in module.split("."))


def _corridor() -> list[str]:
    """Return the left side of the import table, line by line, without the stars of packages."""
    block = re.search(r"(?ms)^```imports\n(.*?)^```", TABLE.read_text(encoding="utf-8"))
    if block is None:
        raise SystemExit(f"{TABLE.name}: there is no block ```imports")
    return [line.partition(":")[0].removesuffix(".*") for line in block[1].splitlines() if line.strip()]


def _place(module: str, places: dict[str, int]) -> int:
    """Return the place in the corridor of a module, or of the package that it is in."""
    name = module.removeprefix("rupturekit.")
    return places.get(name, places.get(name.partition(".")[0], len(places)))


# What a page says

def _heading(text: str) -> list[str]:
    return [text, "=" * len(text), ""]


def _index(found: list[Public]) -> str:
    lines = [*_heading("Modules and their names"),
             "Every public name of every public module; modules stand in the order in which they build on each other.",
             "What ``import rupturekit`` offers at once is on :doc:`a page of its own <rupturekit>`.", "",
             ".. list-table::", "   :widths: 35 65", ""]
    for one in found:
        lines += [f"   * - :doc:`{one.module}`", f"     - {one.says}"]
    tree = [f"   {name}" for name in ("rupturekit", *(one.module for one in found))]
    return "\n".join([*lines, "", ".. toctree::", "   :hidden:", "", *tree, ""])


def _front_door() -> str:
    """Return the page of the root: a table of its names, each with a link to where it is told."""
    table = next(node.value for node in _tree("rupturekit").body
                 if isinstance(node, ast.AnnAssign | ast.Assign) and _makes(node) == ["_EXPORTS"])
    exports: dict[str, str] = ast.literal_eval(ast.unparse(table)) if table is not None else {}
    lines = [*_heading("``rupturekit``"), "What ``import rupturekit as rk`` offers: these names, taken from the",
             "modules behind them when they are first asked for.", "", ".. list-table::", "   :widths: 30 70", ""]
    for name, module in sorted(exports.items()):
        role, full = _role(f"rupturekit.{module}", name=name), f"rupturekit.{module}.{name}"
        lines += [f"   * - :py:{role}:`{name} <{full}>`", f"     - ``{full}``"]
    return "\n".join([*lines, ""])


def _role(module: str, *, name: str) -> str:
    """Return what Sphinx calls a thing of this kind."""
    made = _origin(module, name=name).made
    return {ast.ClassDef: "class", ast.FunctionDef: "func"}.get(type(made), "data")


def _page(one: Public) -> str:
    blocks = [line for name in one.names for line in _block(one.module, name=name)]
    return "\n".join([*_heading(f"``{one.module}``"), f".. automodule:: {one.module}", "", *blocks])


def _block(module: str, *, name: str) -> list[str]:
    """Return the directive that tells one name; one that is made elsewhere and passed on is told there."""
    home, made = _origin(module, name=name)
    role = _role(module, name=name)
    kind = {"class": "class", "func": "function", "data": "data"}[role]
    if home != module and not _private(home):
        return [f".. py:{kind}:: {name}", f"   :module: {module}", "",
                f"   The same as :py:{role}:`{home}.{name}`.", ""]
    options = []
    if isinstance(made, ast.ClassDef):
        options = ["   :members:", "   :member-order: bysource"]
        if any(ast.unparse(base).endswith("Enum") for base in made.bases):
            options.append("   :undoc-members:")
    if kind == "data" and len(ast.unparse(made)) > _LONGEST_VALUE:
        options = ["   :no-value:"]
    return [f".. auto{kind}:: {module}.{name}", *options, ""]
