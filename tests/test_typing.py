"""A type checker tells a user which arguments are missing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SNIPPET = ROOT / "tests" / "typing" / "missing_argument.py"
IGNORE = re.compile(r"  # type: ignore\[([a-z-]+)\]")


def errors(file: Path) -> list[tuple[int, str, str]]:
    """Return line, message and code of every error that strict mypy finds in one file."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"),
               "--show-error-codes", "--no-pretty", "--no-color-output", "--no-error-summary",
               "--hide-error-context", str(file)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    form = rf"(?m)^\S*{re.escape(file.name)}:(\d+)(?::\d+)?: error: (.*)  \[([a-z-]+)\]$"
    return [(int(line), message, code) for line, message, code in re.findall(form, done.stdout)]


def test_every_mistake_in_the_snippet_is_reported() -> None:
    assert errors(SNIPPET) == []


def test_the_mistakes_are_what_mypy_says_without_the_ignores(tmp_path: Path) -> None:
    lines = SNIPPET.read_text(encoding="utf-8").splitlines()
    expected = {(n, match[1]) for n, line in enumerate(lines, 1) if (match := IGNORE.search(line))}
    bare = tmp_path / "bare.py"
    bare.write_text("\n".join(IGNORE.sub("", line) for line in lines) + "\n", encoding="utf-8")
    found = errors(bare)
    assert {(line, code) for line, _, code in found} == expected
    alone = next(n for n, line in enumerate(lines, 1) if 'Move(party="client")' in line)
    told = " ".join(message for line, message, _ in found if line == alone)
    assert {"dyad", "session", "track", "code", "onset", "row_id"} <= set(re.findall(r'"(\w+)"', told))
