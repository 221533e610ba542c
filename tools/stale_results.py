"""Tell which committed result files were made by sources that have changed since.

    python tools/stale_results.py [ROOT]

A result file is `benchmarks/results/*.json` and carries what was run, n, the versions of what it ran with,
and `sources`: the path and SHA-256 of every source that it exercised. A stale result is news, not an error:
the exit code is 0.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = "benchmarks/results"
KEYS = ("what", "n", "versions", "sources")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a text file, the same for either kind of line end."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def hashes(paths: Iterable[Path], root: Path = ROOT) -> dict[str, str]:
    """Return path -> SHA-256 in the form that a result file carries, sorted by path."""
    return {path.relative_to(root).as_posix(): sha256(path) for path in sorted(paths)}


def reasons(result: Path, root: Path = ROOT) -> list[str]:
    """Return why a result file is stale or cannot be judged; nothing if it is fresh."""
    try:
        content = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"cannot be read: {error}"]
    missing = [key for key in KEYS if not isinstance(content, dict) or key not in content]
    if missing:
        return [f"lacks {', '.join(missing)}"]
    sources = content["sources"]
    if not isinstance(sources, dict) or not sources:
        return ["names no sources"]
    gone = [path for path in sources if not (root / path).is_file()]
    changed = [path for path in sources if path not in gone and sha256(root / path) != sources[path]]
    return [f"{path} changed" for path in changed] + [f"{path} is gone" for path in gone]


def report(root: Path = ROOT, *, most: int = 3) -> str:
    """Return the text to print: `stale results: none`, or one line for each stale file."""
    lines = []
    for result in sorted((root / RESULTS).glob("*.json")):
        found = reasons(result, root)
        if found:
            more = f" (+{len(found) - most} more)" if len(found) > most else ""
            lines.append(f"  {result.relative_to(root).as_posix()}: {'; '.join(found[:most])}{more}")
    return "\n".join([f"stale results: {len(lines)}", *lines]) if lines else "stale results: none"


def main(arguments: list[str]) -> int:
    """Print the report for the checkout, or for the directory named."""
    print(report(Path(arguments[0]) if arguments else ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
