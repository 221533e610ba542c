"""Read notes with one move a line, such as `D1/1 00:40 therapist: ask`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

HEADER = ["case", "session", "at", "who", "what"]
LINE = re.compile(r"(\S+)/(\d+) (\S+) (\w+): (\S+)")


def read_lines(path: Path, mapping: object) -> Iterator[list[str]]:
    """Yield the header, then the cells of each line as text; a blank line stays an empty row."""
    yield HEADER
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = LINE.fullmatch(line.strip())
        if found is None and line.strip():
            raise ValueError(f"line {number} is not of the form 'case/session time who: what'")
        yield list(found.groups()) if found else []
