"""What every tool has in common that holds the library to simulated studies of known truth: its command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import rupturekit

Check = Callable[[int], dict[str, Any]]
"""Simulated studies -> what was found; `kept` says whether what the library promises was kept."""


def modules() -> list[str]:
    """Return the sources of the library that this run has loaded, from the root of the checkout."""
    root = Path(str(rupturekit.__file__)).parents[2]
    return [Path(str(module.__file__)).relative_to(root).as_posix() for name, module in sorted(sys.modules.items())
            if name.partition(".")[0] == "rupturekit"]


def run(checks: Mapping[str, Check], arguments: Sequence[str], *, says: str | None) -> int:
    """Run one check, print what it found as JSON or write it to a file, and return 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=(says or "").partition("\n")[0])
    parser.add_argument("check", choices=list(checks))
    parser.add_argument("--runs", type=int, required=True, help="simulated studies of each sort")
    parser.add_argument("--json", metavar="FILE", help="write what was found to this file")
    asked = parser.parse_args(arguments)
    found = checks[asked.check](asked.runs) | {"modules": modules()}
    text = json.dumps(found, indent=2) + "\n"
    if asked.json:
        Path(asked.json).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0 if found["kept"] else 1
