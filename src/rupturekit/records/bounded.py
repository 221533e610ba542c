"""Limits on files from elsewhere: their size, what an archive unfolds to, what XML may ask of memory.

A file is refused by what it says of itself before it is read, and by what it turns out to be while it is read: a size
in the directory of an archive can lie. XML with a DOCTYPE is refused outright, for entities are declared nowhere else;
so nothing expands, and nothing outside the file is ever fetched.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, Protocol
from xml.parsers import expat

import attrs

from rupturekit.errors import FileProblem, RuptureKitError
from rupturekit.problems import excerpt

__all__ = ["LIMITS", "IllFormed", "Limits", "XmlEvents", "blocks_of", "members_of", "opened", "parse_xml", "refuse",
           "refused", "whole_text"]

_MEGABYTE: Final = 1_000_000
_BLOCK: Final = 1 << 16
_LONGEST_TOKEN: Final = _MEGABYTE


@attrs.frozen(kw_only=True)
class Limits:
    """Say how large a file from elsewhere may be; sizes are in bytes.

    The defaults leave room for the largest files of the field many times over: an annotated hour is under 5 MB of
    ELAN, a project of a hundred observations under 10 MB of BORIS, a sheet of 100,000 rows under 10 MB of Excel.

    Attributes
    ----------
    file : int
        The file as it lies on the disk, archive or SPSS.
    text : int
        A file of JSON: its values take up to thirty times as much memory.
    xml : int
        One XML document, unpacked.
    unpacked : int
        All members of an archive together, unpacked.
    members : int
        The members of an archive.
    ratio : int
        How many times larger than in the archive a member may be; real sheets stay under 50, zeros reach 1,000.
    elements, attributes, depth : int
        The elements of an XML document, the attributes of one element, and how deep elements nest.
    cells : int
        The cells of a sheet.

    >>> Limits(xml=1_000).xml
    1000
    """

    file: int = 100 * _MEGABYTE
    text: int = 40 * _MEGABYTE
    xml: int = 200 * _MEGABYTE
    unpacked: int = 400 * _MEGABYTE
    members: int = 2_000
    ratio: int = 300
    elements: int = 20_000_000
    attributes: int = 200
    depth: int = 100
    cells: int = 5_000_000


LIMITS: Final = Limits()
"""The limits that hold where none are given."""


def refuse(path: Path, reason: str) -> NoReturn:
    """Raise `FileProblem` for a file, by its name alone.

    >>> refuse(Path("study/a.eaf"), "is empty")
    Traceback (most recent call last):
    rupturekit.errors.FileProblem: a.eaf: is empty
    """
    raise refused(path, reason)


def refused(path: Path, reason: str) -> FileProblem:
    """Return the error that refuses a file, by its name alone."""
    name = excerpt(path.name or str(path))
    return FileProblem(f"{name}: {reason}", file=name)


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:,.0f} MB" if size >= _MEGABYTE else f"{size:,} bytes"


# --- files ---------------------------------------------------------------------------------------


@contextmanager
def opened(path: Path, *, most: int, what: str) -> Iterator[BinaryIO]:
    """Open an ordinary file of at most `most` bytes; whatever the system says against it becomes a sentence.

    Raises
    ------
    FileProblem
        Where the file is missing, larger, or no ordinary file.
    """
    try:
        with path.open("rb") as stream:
            size = _ordinary_size(path)
            if size > most:
                refuse(path, f"has {_megabytes(size)}; {what} may have at most {_megabytes(most)}. Split it, or "
                             "export fewer sessions at a time")
            yield stream
    except RuptureKitError:
        raise    # it is an OSError too, and says what is wrong
    except OSError as error:
        refuse(path, f"could not be read: {error.strerror or 'no reason is given'}")


def _ordinary_size(path: Path) -> int:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        refuse(path, "is not an ordinary file")
    return found.st_size


def blocks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what is left of a stream, in blocks of 64 KB.

    >>> list(blocks_of(io.BytesIO(b"abc")))
    [b'abc']
    """
    while block := stream.read(_BLOCK):
        yield block


def whole_text(path: Path, *, most: int, what: str) -> str:
    """Return the text of a UTF-8 file of at most `most` bytes, with or without its mark.

    Raises
    ------
    FileProblem
        Where the file cannot be opened, is larger, or is not UTF-8.
    """
    with opened(path, most=most, what=what) as stream:
        content = stream.read(most)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse(path, f"is not UTF-8 text (near byte {error.start:,})")


# --- archives ------------------------------------------------------------------------------------

_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x07"
_END_SIZE: Final = 22
_LONGEST_COMMENT: Final = 65_535
_DIRECTORY_ENTRY: Final = 500
"""Bytes that one member takes in the directory of an archive, with a long name."""


@contextmanager
def members_of(path: Path, stream: BinaryIO, *, limits: Limits = LIMITS) -> Iterator[dict[str, Iterator[bytes]]]:
    """Open a zip archive, judged by its directory first, and give each member as blocks of bytes, in order.

    Raises
    ------
    FileProblem
        Where it is no archive or a broken one, has too many members, or would unfold to more than the limits allow.
    """
    _check_directory(path, stream, limits)
    try:
        with zipfile.ZipFile(stream) as archive:
            infos = archive.infolist()
            _check_members(path, infos, limits)
            # `info.is_dir()` falls over a member without a name.
            files = [info for info in infos if info.filename and not info.filename.endswith("/")]
            yield {info.filename: _member(archive, info) for info in files}
    except RuptureKitError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError,
            struct.error) as error:
        refuse(path, f"is a broken archive ({excerpt(str(error)) or type(error).__name__}); save it again")


def _check_directory(path: Path, stream: BinaryIO, limits: Limits) -> None:
    """Judge the size of the directory, which Python would read whole."""
    size = stream.seek(0, io.SEEK_END)
    start = max(0, size - _END_SIZE - _LONGEST_COMMENT)
    stream.seek(start)
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        refuse(path, "is a broken archive (it has no directory at its end); save it again")
    held, length = struct.unpack_from("<HI", tail, at + 10)
    if _END_64 in tail[max(0, at - 20):at]:
        refuse(path, "is an archive for more than 4 GB, which no sheet needs; save it again")
    if held > limits.members or length > limits.members * _DIRECTORY_ENTRY:
        refuse(path, f"is an archive of more than {limits.members:,} files, which no sheet needs; save it again")


def _check_members(path: Path, infos: list[zipfile.ZipInfo], limits: Limits) -> None:
    names = [info.filename for info in infos]
    if len(infos) > limits.members:
        refuse(path, f"is an archive of more than {limits.members:,} files, which no sheet needs; save it again")
    if len(set(names)) < len(names):
        refuse(path, "is an archive that holds two files of one name; save it again")
    for info in infos:
        if info.flag_bits & 1:
            refuse(path, "is protected by a password; save it without one")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            refuse(path, "is packed in a way that no spreadsheet program uses; save it again")
        _check_size(path, info, limits)
    total = sum(info.file_size for info in infos)
    if total > limits.unpacked:
        refuse(path, f"would unfold to {_megabytes(total)}; an archive may hold at most {_megabytes(limits.unpacked)}")


def _check_size(path: Path, info: zipfile.ZipInfo, limits: Limits) -> None:
    if info.file_size > limits.xml:
        refuse(path, f"would unfold to {_megabytes(info.file_size)} in one part; a part may have at most "
                     f"{_megabytes(limits.xml)}")
    if info.file_size > _MEGABYTE and info.file_size > limits.ratio * info.compress_size:
        refuse(path, f"holds a part that unfolds to more than {limits.ratio} times its size, as no sheet does")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    # The archive module stops at the size that the directory states, and compares the checksum there.
    with archive.open(info) as stream:
        while block := stream.read(_BLOCK):
            yield block


# --- XML -----------------------------------------------------------------------------------------


class XmlEvents(Protocol):
    """What is told of an XML document while it is read; names come without their prefix."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""

    def end(self, tag: str) -> None:
        """Take the end of an element."""

    def text(self, data: str) -> None:
        """Take text; the text of one element may come in several pieces."""


class IllFormed(FileProblem):
    """A document that is not well-formed XML."""


def parse_xml(blocks: Iterable[bytes], events: XmlEvents, *, path: Path, limits: Limits = LIMITS) -> None:
    """Read an XML document piece by piece, within limits; `path` is for the sentence that refuses it.

    Raises
    ------
    IllFormed
        Where it is not well-formed.
    FileProblem
        Where it has a DOCTYPE, or is larger, deeper or longer in one of its parts than the limits allow.

    >>> class Tags:
    ...     def start(self, tag, attributes): print(tag, attributes)
    ...     def end(self, tag): pass
    ...     def text(self, data): pass
    >>> parse_xml([b"<x:a b='1'><c/>", b"</x:a>"], Tags(), path=Path("a.eaf"))
    a {'b': '1'}
    c {}
    """
    watch = _Watch(path, events, limits)
    size = 0
    for block in blocks:
        size += len(block)
        if size > limits.xml:
            refuse(path, f"holds more than {_megabytes(limits.xml)} of XML")
        watch.feed(block, last=False)
    watch.feed(b"", last=True)


@attrs.define
class _Watch:
    """Hands on what the parser meets, and counts it."""

    path: Path
    events: XmlEvents
    limits: Limits
    depth: int = 0
    elements: int = 0
    silent: int = 0
    """Bytes since the parser last told of anything: the length of a tag that does not end."""
    parser: expat.XMLParserType = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = parser.ProcessingInstructionHandler = self._heard
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = self._doctype
        self.parser = parser

    def feed(self, block: bytes, *, last: bool) -> None:
        """Parse one more block."""
        self.silent += len(block)
        try:
            self.parser.Parse(block, last)
        except RuptureKitError:
            raise
        except (expat.ExpatError, ValueError, LookupError) as error:
            name = excerpt(self.path.name)
            raise IllFormed(f"{name}: is not well-formed XML ({excerpt(str(error))}); save it again",
                            file=name) from None
        if self.silent > _LONGEST_TOKEN:
            refuse(self.path, f"holds a tag of more than {_megabytes(_LONGEST_TOKEN)}, as no program writes")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.silent = 0
        self.depth += 1
        self.elements += 1
        if self.depth > self.limits.depth:
            refuse(self.path, f"nests elements more than {self.limits.depth} deep, as no program writes")
        if self.elements > self.limits.elements:
            refuse(self.path, f"holds more than {self.limits.elements:,} elements of XML")
        if len(attributes) > self.limits.attributes:
            refuse(self.path, f"holds an element with more than {self.limits.attributes} attributes")
        self.events.start(_local(tag), {_local(name): value for name, value in attributes.items()})

    def _end(self, tag: str) -> None:
        self.silent = 0
        self.depth -= 1
        self.events.end(_local(tag))

    def _text(self, data: str) -> None:
        self.silent = 0
        self.events.text(data)

    def _heard(self, *_: object) -> None:
        self.silent = 0

    def _doctype(self, *_: object) -> None:
        refuse(self.path, "declares a DOCTYPE, with which entities can expand without end; take the line out")


def _local(name: str) -> str:
    return name.rpartition(":")[2]
