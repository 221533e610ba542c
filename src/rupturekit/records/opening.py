"""Which kind of file a foreign table is, and how each kind is opened as rows of text.

A file is known by its first bytes, and by its name where the bytes could be anything.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import attrs

from rupturekit.problems import ProblemLog
from rupturekit.records.boris import is_tabular, open_project, open_tabular
from rupturekit.records.bounded import LIMITS, Limits, refuse
from rupturekit.records.delimited import open_sheet
from rupturekit.records.elan import open_eaf
from rupturekit.records.held import AnySheet
from rupturekit.records.spreadsheet import open_workbook
from rupturekit.records.spss import open_sav

__all__ = ["Wanted", "kind_of_file", "open_table"]

_HEAD: Final = 512
_SUFFIXES: Final = {".xlsx": "excel", ".xlsm": "excel", ".sav": "spss", ".zsav": "spss", ".boris": "boris",
                    ".eaf": "elan"}
_PROJECT: Final = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"')
_EVENTS: Final = re.compile(rb'(\xef\xbb\xbf)?"?Observation id"?[\t,;|]', re.IGNORECASE)
_DOCUMENT: Final = re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml\s|ANNOTATION_DOCUMENT)")


@attrs.frozen(kw_only=True)
class Wanted:
    """What a mapping says of the file itself.

    >>> Wanted(sheet="Events").sheet
    'Events'
    """

    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    labels: bool | None = None


_GOES_WITH: Final = {"delimiter": "text", "encoding": "text", "sheet": "excel", "labels": "spss"}
_IN_WORDS: Final = {"text": "delimited text", "excel": "Excel workbooks", "spss": "SPSS files"}


def kind_of_file(path: Path) -> str:
    """Return `excel`, `spss`, `boris`, `elan` or `text`; a file that cannot be looked at is text, and refused as such.

    >>> kind_of_file(Path("session.eaf"))
    'elan'
    """
    head = _head(path)
    if head.startswith(b"PK"):
        return "excel"
    if head.startswith((b"$FL2", b"$FL3")):
        return "spss"
    by_name = _SUFFIXES.get(path.suffix.casefold())
    if by_name is not None:
        return by_name
    if _DOCUMENT.match(head):
        return "elan"
    return "boris" if _PROJECT.match(head) else "text"


def _head(path: Path) -> bytes:
    """Return the first bytes of an ordinary file; of anything else none, for its reader to say what it is."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except OSError:
        return b""


def open_table(path: str | Path, *, wanted: Wanted | None = None, problems: ProblemLog | None = None,
               limits: Limits = LIMITS) -> AnySheet:
    """Open a foreign table of any kind; `problems` collects the rows that are none.

    Raises
    ------
    FileProblem
        Where the file cannot be read, goes beyond the limits, or is of a kind that `wanted` does not go with.
    MissingExtra
        Where the library for its kind is not installed.
    """
    path, wanted = Path(path), wanted or Wanted()
    kind = kind_of_file(path) if path.is_file() else "text"    # whose reader says what is there instead
    _check_wanted(path, kind, wanted)
    match kind:
        case "excel":
            return open_workbook(path, sheet=wanted.sheet, problems=problems, limits=limits)
        case "spss":
            return open_sav(path, labels=bool(wanted.labels), problems=problems, limits=limits)
        case "boris":
            return open_project(path, problems=problems, limits=limits)
        case "elan":
            return open_eaf(path, problems=problems, limits=limits)
    return _open_text(path, wanted, problems, limits)


def _check_wanted(path: Path, kind: str, wanted: Wanted) -> None:
    for name, only in _GOES_WITH.items():
        if getattr(wanted, name) is not None and kind != only:
            refuse(path, f"{name} stands under [file] of the mapping, but is for {_IN_WORDS[only]}; leave it out")


def _open_text(path: Path, wanted: Wanted, problems: ProblemLog | None, limits: Limits) -> AnySheet:
    if _is_events(path, wanted):
        return open_tabular(path, delimiter=wanted.delimiter, encoding=wanted.encoding, problems=problems,
                            limits=limits)
    return open_sheet(path, delimiter=wanted.delimiter, encoding=wanted.encoding, problems=problems)


def _is_events(path: Path, wanted: Wanted) -> bool:
    """Return whether a text is a table of events; only one that begins like it is looked at twice."""
    if not _EVENTS.match(_head(path)):
        return False
    return is_tabular(open_sheet(path, delimiter=wanted.delimiter, encoding=wanted.encoding, problems=ProblemLog()))
