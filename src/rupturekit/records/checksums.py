"""Checksums of the files of a study folder, so that a result can be held against what it was made from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rupturekit.errors import FileProblem
from rupturekit.records import atomic

__all__ = ["file_checksums"]


def file_checksums(folder: str | Path) -> tuple[tuple[str, str], ...]:
    """Return (name, SHA-256) of each file of a study folder: its settings, description, codebook and tables.

    Names are those inside the folder, sorted; never where it lies.

    Raises
    ------
    FileProblem
        Where a file cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as here:
    ...     _ = Path(here, "rupturekit.toml").write_bytes(b"format = 1")
    ...     name, digest = file_checksums(here)[0]
    >>> name, digest[:12]
    ('rupturekit.toml', '019d488782a0')
    """
    place = Path(folder)
    found = {path.name: path for path in place.iterdir() if path.suffix in (".toml", ".json")} if place.is_dir() else {}
    found |= {f"data/{path.name}": path for path in atomic.current_files(place)}
    return tuple((name, _digest(found[name])) for name in sorted(found))


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as held:
            return hashlib.file_digest(held, "sha256").hexdigest()
    except OSError as error:
        raise FileProblem(f"{file}: cannot be read for its checksum ({error.strerror or error})",
                          file=str(file)) from None
