"""Files written whole: a crash at any moment leaves what was there or what was to be there, never a half or a mix.

One file is written beside its place, forced to the disk and put there by one rename (`replacing`, `write_bytes`).

Files that belong together, as those of a study folder do, are first staged, each in a folder `.rupturekit-new` beside
its place. Then one rename sets a note beside them that says what is staged and what goes (`change`). Before the note is
there, nothing of the stage counts; from then on all of it does, and what is left is moving files, which can be done
again at any time. So a reader that asks `current` where a file is sees the old folder or the new one at every moment,
without writing anything; and the next writer finishes what was decided, or clears away what was not (`settle`).

One writer a folder at a time is assumed; nothing here locks.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeGuard

import attrs

from rupturekit.errors import FileProblem

__all__ = ["STAGE", "Change", "change", "current", "current_files", "replacing", "settle", "write_bytes"]

STAGE: Final = ".rupturekit-new"
"""The folder beside the files in which their successors wait."""

_NOTE: Final = "COMMIT"
_INSIDE: Final = "data"
_LONGEST_NOTE: Final = 1_000_000
_PUT: Final = re.compile(rf"({_INSIDE}/)?[^./\\\x00-\x1f][^/\\\x00-\x1f]*")
_REMOVE: Final = re.compile(rf"{_INSIDE}/[^./\\\x00-\x1f][^/\\\x00-\x1f]*")


# --- one file --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a new file to fill; it takes the place of `path` at the end, or is removed where something fails.

    A file that is there already hands on its permissions, and a link keeps pointing to what it points to. With
    `private`, the file may be read by its owner alone, whoever could read the one before it.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "note.txt")) as fresh:
    ...         _ = fresh.write_text("whole")
    ...     [(file.name, file.read_text()) for file in Path(folder).iterdir()]
    [('note.txt', 'whole')]
    """
    place = Path(os.path.realpath(path))
    fresh = place.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        _begin(fresh, private=private or place.exists())
        yield fresh
        _finish(fresh, instead_of=None if private else place)
        os.replace(fresh, place)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    _sync_folder(place.parent)


def write_bytes(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write one file whole or not at all; raises `OSError` where it cannot be written."""
    with replacing(path, private=private) as fresh:
        fresh.write_bytes(content)


def _begin(fresh: Path, *, private: bool) -> None:
    """Make an empty file; one that follows another is private until it gets that one's permissions."""
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666))


def _finish(fresh: Path, *, instead_of: Path | None) -> None:
    with fresh.open("r+b") as stream:
        os.fsync(stream.fileno())    # else a power cut could leave an empty file under the name
    if instead_of is not None and instead_of.exists():
        fresh.chmod(stat.S_IMODE(instead_of.stat().st_mode))


def _sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where the system lets a folder be opened (Windows does not)."""
    try:
        held = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(held)
    finally:
        os.close(held)


# --- files that belong together ----------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Change:
    """What is to become of the files of a folder: those that are staged, and those that go.

    A name is that of a file in the folder, or `data/` with one behind it.
    """

    folder: Path
    put: dict[str, None] = attrs.field(factory=dict, init=False)
    remove: dict[str, None] = attrs.field(factory=dict, init=False)

    def file(self, name: str) -> Path:
        """Return the empty file to fill; it becomes `name` if the whole change is made."""
        place = self.folder / name
        fresh = _staged(place)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        _begin(fresh, private=place.exists())
        self.put[name] = None
        return fresh

    def without(self, name: str) -> None:
        """Note that a file inside `data` goes, unless it is put there anew."""
        self.remove[name] = None


@contextlib.contextmanager
def change(folder: Path) -> Iterator[Change]:
    """Change several files of a folder at once: all of them, or none.

    What an earlier write left behind is settled first. Where something fails before all is staged, nothing of it
    remains, the folder included if it was made here.

    Raises
    ------
    FileProblem
        Where all is decided and a file cannot be moved into its place: readers see the new files already.
    OSError
        Where the files cannot be staged; the folder is as it was.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with change(Path(folder)) as wanted:
    ...         _ = wanted.file("a.txt").write_text("A"), wanted.file("b.txt").write_text("B")
    ...     sorted(file.name for file in Path(folder).iterdir())
    ['a.txt', 'b.txt']
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        settle(folder)
        wanted = Change(folder=folder)
        yield wanted
        _decide(wanted)
    except BaseException:
        with contextlib.suppress(OSError):
            _undo_or_end(folder, missing)
        raise
    try:
        settle(folder)
    except BaseException as error:
        _end(folder, error)


def _undo_or_end(folder: Path, missing: list[Path]) -> None:
    """Settle a change that was cut short; folders that were made for it and hold nothing go again."""
    settle(folder)
    for one in filter(Path.exists, missing):
        one.rmdir()


def _end(folder: Path, error: BaseException) -> None:
    """Try again to move what is decided into its place, and say where that cannot be done."""
    with contextlib.suppress(OSError):
        settle(folder)
    if not isinstance(error, OSError):
        raise error
    if _note(folder).exists():
        raise FileProblem(
            f"{folder}: what was written counts, but waits in {STAGE} since a file cannot be moved into its place "
            f"({error.strerror or error}); is one open in another program? Write once more to finish",
            file=str(folder)) from None


def _decide(wanted: Change) -> None:
    """Force what is staged to the disk, then set the note: the one moment at which old becomes new."""
    stages = {_staged(wanted.folder / name).parent: None for name in wanted.put}
    for name in wanted.put:
        _finish(_staged(wanted.folder / name), instead_of=wanted.folder / name)
    for stage in stages:
        _sync_folder(stage)
    note = _note(wanted.folder)
    note.parent.mkdir(exist_ok=True)
    gone = [name for name in wanted.remove if name not in wanted.put]
    write_bytes(note, json.dumps({"put": list(wanted.put), "remove": gone}).encode())


def settle(folder: Path) -> None:
    """Finish what an interrupted write decided, or clear away what it did not; without either, do nothing."""
    decided = _decided(folder)
    if decided is not None:
        for name in decided["put"]:
            if _staged(folder / name).exists():    # what is not there was moved before the interruption
                os.replace(_staged(folder / name), folder / name)
        for name in decided["remove"]:
            (folder / name).unlink(missing_ok=True)
        for inside in filter(Path.is_dir, (folder, folder / _INSIDE)):
            _sync_folder(inside)
        _note(folder).unlink()
    inner, outer = folder / _INSIDE / STAGE, folder / STAGE
    if inner.is_dir():
        shutil.rmtree(inner)
    if outer.is_dir():    # it goes last: while it is there, this is not done
        with contextlib.suppress(OSError):
            (folder / _INSIDE).rmdir()    # where it was made for what is cleared away, and holds nothing
        shutil.rmtree(outer)


def _staged(place: Path) -> Path:
    return place.parent / STAGE / place.name


def _note(folder: Path) -> Path:
    return folder / STAGE / _NOTE


def _decided(folder: Path) -> dict[str, list[str]] | None:
    """Return what the note of an interrupted write says; None where there is none."""
    note = _note(folder)
    if not os.path.exists(note):
        return None
    try:
        said = json.loads(note.read_bytes()) if note.stat().st_size <= _LONGEST_NOTE else None
    except (ValueError, RecursionError):
        said = None
    except OSError as error:
        raise FileProblem(f"{folder}: a write was interrupted here and its note {STAGE}/{_NOTE} cannot be read "
                          f"({error.strerror or error}); ask whoever wrote the folder to write it again",
                          file=str(note)) from None
    if not _is_note(said):
        raise FileProblem(f"{folder}: a write was interrupted here and its note {STAGE}/{_NOTE} is damaged, so what "
                          "belongs together is not known; put back a copy of the folder", file=str(note))
    return said


def _is_note(said: Any) -> TypeGuard[dict[str, list[str]]]:
    """Return whether a note names files of its own folder only: who was sent a folder did not write its note."""
    if not isinstance(said, dict) or set(said) != {"put", "remove"}:
        return False
    wanted = (("put", _PUT), ("remove", _REMOVE))
    return all(isinstance(said[key], list) and all(isinstance(name, str) and pattern.fullmatch(name)
                                                   for name in said[key]) for key, pattern in wanted)


# --- where files are -----------------------------------------------------------------------------------------------


def current(folder: Path, name: str) -> Path:
    """Return where a file of a folder is: in its place, or still staged by a write that was cut short.

    >>> current(Path("my-study"), "rupturekit.toml").as_posix()
    'my-study/rupturekit.toml'
    """
    decided = _decided(folder)
    waiting = _staged(folder / name)
    return waiting if decided is not None and name in decided["put"] and waiting.exists() else folder / name


def current_files(folder: Path) -> list[Path]:
    """Return where the files inside `data` are, sorted by name; hidden ones are not looked at."""
    decided = _decided(folder) or {"put": [], "remove": []}
    inside = folder / _INSIDE
    names = {f"{_INSIDE}/{file.name}" for file in inside.iterdir()} if inside.is_dir() else set()
    names |= {name for name in decided["put"] if _REMOVE.fullmatch(name) and _staged(folder / name).exists()}
    shown = sorted(name for name in names - set(decided["remove"]) if not name.startswith(f"{_INSIDE}/."))
    return [current(folder, name) for name in shown]
