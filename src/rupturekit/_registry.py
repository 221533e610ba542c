"""What other installed packages offer: codebooks, process models, readers.

A package says so in its metadata, under an entry point of one of three groups. Codebooks and process models are
TOML files in a folder of the package: they are found through the list of files that its installer kept, and read
without importing the package. Readers are functions, imported when a mapping asks for one by name and never before.

Everything is called `package:name`, by the distribution and by the file or entry point; names without a colon are
the library's own, so that no plug-in can stand in front of them.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, Final, Generic, TypeVar

import attrs

from rupturekit import _definitions
from rupturekit.errors import CodingWarning, DefinitionError, RecordError, RuptureKitError, did_you_mean, listed

__all__ = ["READERS", "Kind", "PlugIn", "load", "load_reader", "names", "plug_ins"]

T = TypeVar("T")

READERS: Final = "rupturekit.readers"
"""The entry points of functions that read a file."""

_PACKAGE: Final = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"


@attrs.frozen(kw_only=True)
class Kind(Generic[T]):
    """One kind of definition that packages may offer: its entry points, its name, and how its text is read."""

    group: str
    what: str
    parse: Callable[..., T]


@attrs.frozen(kw_only=True)
class PlugIn:
    """One entry point of an installed package, and the definition files that it leads to.

    Attributes
    ----------
    package : str
        The name of the distribution in its normal form: lower case, with hyphens.
    point : EntryPoint
        The entry point as the metadata state it.
    files : mapping of str to Path
        Definition files by their name without `.toml`; none for a reader.
    fault : str
        Why there are none, where there should be.
    """

    package: str
    point: metadata.EntryPoint
    files: Mapping[str, Path] = attrs.field(factory=dict, eq=False)
    fault: str = ""

    def __str__(self) -> str:
        return f"plug-in {self.package!r} (entry point {self.point.name!r} of {self.point.group!r})"


# --- finding, by metadata alone --------------------------------------------------------------------------------


@functools.cache
def plug_ins(group: str) -> tuple[PlugIn, ...]:
    """Return the entry points of a group that installed packages have, sorted; looked for once a process.

    >>> plug_ins("rupturekit.nothing")
    ()
    """
    found = (_plug_in(point) for point in metadata.entry_points(group=group))
    return tuple(sorted(found, key=lambda one: (one.package, one.point.name, one.point.value)))


def _plug_in(point: metadata.EntryPoint) -> PlugIn:
    dist = point.dist
    package = re.sub(r"[-_.]+", "-", (dist.name if dist else "") or "unnamed").casefold()
    if point.group == READERS or dist is None:
        return PlugIn(package=package, point=point)
    files, fault = _definition_files(dist, point.value)
    return PlugIn(package=package, point=point, files=files, fault=fault)


def _definition_files(dist: metadata.Distribution, value: str) -> tuple[dict[str, Path], str]:
    """Return the TOML files of a folder of a distribution, or why there are none; nothing is imported."""
    if not re.fullmatch(_PACKAGE, value):
        return {}, f"{value!r} is no package; expected a dotted name such as 'my_package.codebooks', without a colon"
    kept = dist.files
    if kept is None:
        return {}, "its installer kept no list of its files; install it again with pip"
    folder = PurePosixPath(*value.split("."))
    files = [Path(str(dist.locate_file(file))) for file in kept if file.parent == folder]
    for root in _linked_folders(dist, kept):
        files += root.joinpath(folder).glob("*")
    found = {file.stem: file for file in sorted(files) if file.suffix == ".toml"}
    return found, "" if found else f"no TOML file of it lies in {folder}/{_editable_remedy(kept)}"


def _linked_folders(dist: metadata.Distribution, kept: Iterable[metadata.PackagePath]) -> Iterator[Path]:
    """Yield the folders that an editable install points to by the lines of its own path file."""
    for file in kept:
        path = Path(str(dist.locate_file(file)))
        if path.suffix == ".pth" and path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            yield from (Path(line.strip()) for line in lines if Path(line.strip()).is_absolute())


def _editable_remedy(kept: Iterable[metadata.PackagePath]) -> str:
    hooked = any(file.suffix == ".pth" for file in kept)
    return "; it is installed in editable mode, where only its code may know: install it without -e" if hooked else ""


# --- definitions: read, never run ------------------------------------------------------------------------------


@functools.cache
def names(kind: Kind[Any]) -> tuple[str, ...]:
    """Return the names of the sound definitions that plug-ins offer; they are read once a process.

    A plug-in in which something is wrong gives one `CodingWarning` that says what; its sound files stay.
    """
    found: dict[str, None] = {}
    for plug_in in plug_ins(kind.group):
        faults = [plug_in.fault] if plug_in.fault else []
        for stem in plug_in.files:
            name = f"{plug_in.package}:{stem}"
            fault = f"{name} is there already, by another entry point" if name in found else _fault(kind, plug_in, stem)
            found.update({} if fault else {name: None})
            faults += [fault] if fault else []
        if faults:
            says = "\n  ".join(faults)
            warnings.warn(f"{plug_in} is broken, what is broken of it is left out: {says}", CodingWarning, stacklevel=3)
    return tuple(found)


def _fault(kind: Kind[Any], plug_in: PlugIn, stem: str) -> str:
    try:
        _read(kind, plug_in, stem)
    except RuptureKitError as error:
        return str(error)
    return ""


def load(kind: Kind[T], name: str, *, built_in: Iterable[str]) -> T:
    """Load a definition that a plug-in offers, by its full name.

    Raises
    ------
    DefinitionError
        When there is none of that name, the nearest of all is named; and when it is broken, with the plug-in's name.
    """
    package, _, stem = name.partition(":")
    mine = [plug_in for plug_in in plug_ins(kind.group) if plug_in.package == package]
    for plug_in in mine:
        if stem in plug_in.files:
            try:
                return _read(kind, plug_in, stem)
            except RuptureKitError as error:
                raise DefinitionError(f"{plug_in} is broken: {error}", value=name) from error
    raise _no_such(kind, name, built_in=built_in, faults=[f"{one}: {one.fault}" for one in mine if one.fault])


def _no_such(kind: Kind[Any], name: str, *, built_in: Iterable[str], faults: list[str]) -> DefinitionError:
    offered = [f"{plug_in.package}:{stem}" for plug_in in plug_ins(kind.group) for stem in plug_in.files]
    known = [*built_in, *offered]
    whole = [one for one in offered if one.partition(":")[2] == name]    # asked for without its package
    near = f"; did you mean {whole[0]!r}?" if whole else did_you_mean(name, known)
    broken = "".join(f" {fault}." for fault in faults)
    return DefinitionError(f"there is no {kind.what} {name!r}{near}; known: {listed(known)}.{broken} "
                           f"A {kind.what} of your own is a TOML file: give its path.", value=name)


def _read(kind: Kind[T], plug_in: PlugIn, stem: str) -> T:
    file = plug_in.files[stem]
    made = kind.parse(_definitions.read_definition_text(file, what=kind.what), where=file.name)
    called = getattr(made, "name", stem)
    if called != stem:
        raise DefinitionError(f"{file.name}: its name is {called!r}; give file and {kind.what} one name", value=called)
    return made


# --- readers: imported when asked for --------------------------------------------------------------------------


def load_reader(name: str) -> tuple[PlugIn, Callable[..., object]]:
    """Import the reader that a mapping names, and return it with the plug-in it comes from.

    Raises
    ------
    DefinitionError
        When no installed package offers a reader of that name.
    RecordError
        When its code cannot be imported, or is not a function.
    """
    known = {f"{plug_in.package}:{plug_in.point.name}": plug_in for plug_in in plug_ins(READERS)}
    if name not in known:
        raise DefinitionError(f"there is no reader {name!r}{did_you_mean(name, known)}; installed packages offer: "
                              f"{listed(known) or 'none'}", value=name)
    plug_in = known[name]
    try:
        found = plug_in.point.load()
    except Exception as error:    # whatever foreign code does, the plug-in is named
        raise RecordError(f"{plug_in} cannot be loaded: {type(error).__name__}: {error}", value=name) from error
    if not callable(found):
        raise RecordError(f"{plug_in}: {plug_in.point.value!r} is no function, but {type(found).__name__}", value=name)
    return plug_in, found
