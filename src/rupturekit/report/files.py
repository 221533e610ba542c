"""Reports as files: one page of HTML that opens anywhere, or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rupturekit.analysis import Analysis
from rupturekit.errors import FileProblem, RecordError, did_you_mean
from rupturekit.records import atomic
from rupturekit.report.blocks import Report
from rupturekit.report.contents import report_of
from rupturekit.report.markdown import markdown_of
from rupturekit.report.page import page_of
from rupturekit.report.source import Progress, tell_nobody
from rupturekit.state_machine import StateMachine

__all__ = ["FORMATS", "write_report"]

FORMATS: Final[Mapping[str, Callable[[Report], str]]] = MappingProxyType({"html": page_of, "md": markdown_of})
"""Format -> what writes a report in it."""


def write_report(analysis: Analysis, path: str | Path, *, format: str = "html", overwrite: bool = False,
                 hide_ids: bool = False, free_text: bool = False, draws: int = 999, seed: int = 1,
                 compare: Sequence[StateMachine | str | Path] = (), progress: Progress = tell_nobody) -> Report:
    """Write the report of an analysis to one file, whole or not at all, and return it.

    Parameters
    ----------
    format : "html" or "md"
        A page that needs nothing from elsewhere, or Markdown with the figures in words.
    overwrite : bool
        Whether a file that is there is replaced.
    hide_ids, free_text, draws, seed, compare, progress
        As in `contents.report_of`.

    Raises
    ------
    RecordError
        Where the format is neither.
    FileProblem
        Where the file is there already, or cannot be written.
    MissingExtra
        Where matplotlib is not installed.

    >>> import tempfile
    >>> from rupturekit.analysis import analyse
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.plan import Plan
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = write_report(analyse(example_cohort(), Plan(track="r1")), Path(folder, "report.html"), draws=19)
    ...     Path(folder, "report.html").read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    if format not in FORMATS:
        raise RecordError(f"format is {format!r:.40}; expected {' or '.join(map(repr, FORMATS))}"
                          f"{did_you_mean(str(format), FORMATS)}", field="format", value=format)
    file = Path(path)
    _check_place(file, overwrite=overwrite)
    made = report_of(analysis, hide_ids=hide_ids, free_text=free_text, draws=draws, seed=seed, compare=compare,
                     progress=progress)
    try:
        atomic.write_bytes(file, FORMATS[format](made).encode())
    except OSError as error:
        raise FileProblem(f"{file}: the report cannot be written ({error.strerror or error})",
                          file=str(file)) from None
    return made


def _check_place(file: Path, *, overwrite: bool) -> None:
    """Refuse a place where nothing can be written, before minutes of work are spent on it."""
    if file.exists() and not overwrite:
        raise FileProblem(f"{file}: this file is there already; name a new one, or say overwrite=True (on the command "
                          "line --overwrite)", file=str(file))
    if not file.parent.is_dir():
        raise FileProblem(f"{file}: there is no folder {file.parent}; make it first", file=str(file))
