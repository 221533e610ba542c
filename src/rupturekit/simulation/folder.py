"""A simulated study on disk: a study folder like any other, and its truth in a folder of its own inside it.

The truth is no part of the study: it stands in `truth/`, apart from `data/`, so that no reader takes it for something
that people coded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from rupturekit import _schema
from rupturekit._definitions import toml_string
from rupturekit._table import Table
from rupturekit.cohort import Cohort
from rupturekit.errors import FileProblem
from rupturekit.records import grammar
from rupturekit.records.delimited import write_sheet
from rupturekit.records.study import Study, settings_text
from rupturekit.simulation.design import Design
from rupturekit.simulation.truth import Truth
from rupturekit.state_machine import model_names

__all__ = ["TRUTH_FOLDER", "study_of", "write_truth"]

TRUTH_FOLDER: Final = "truth"

_DESCRIPTION: Final = (
    "Simulated, not real data: no person, session or event in it exists, and no frequency in it says anything about "
    "therapy. What was simulated stands in the folder truth.")


def study_of(cohort: Cohort, design: Design, *, name: str) -> Study:
    """Return a simulated cohort as a study whose settings name the model that it was made with.

    >>> from rupturekit.simulation.cohorts import simulate
    >>> design = Design(dyads=2, sessions=1)
    >>> study_of(simulate(design, seed=1).cohort, design, name="demo").settings.splitlines()[-1]
    'model = "withdrawal-2000"'
    """
    settings = settings_text(cohort, name=name)
    if design.model.name in model_names():
        settings += f"\n[analysis]\nmodel = {toml_string(design.model.name)}\n"
    return Study(name=name, description=_DESCRIPTION, cohort=cohort, settings=settings)


def write_truth(truth: Truth, path: str | Path) -> None:
    """Write the truth of a simulated study into a folder: its tables as CSV, its design and seed as text.

    Times are seconds, as in a study folder; an empty cell is absent.

    Raises
    ------
    FileProblem
        Where the folder or a file cannot be written.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileProblem(f"{folder}: the truth cannot be written here ({error.strerror or error}); choose another "
                          "folder", file=str(folder)) from None
    tables: Mapping[str, Table[Any]] = {"turns": truth.turns, "ruptures": truth.ruptures, "dyads": truth.dyads,
                                        "therapists": truth.therapists}
    for name, table in tables.items():
        columns = [_texts(table, field, column.kind) for field, column in _schema.columns(table.record).items()]
        write_sheet(folder / f"{name}.csv", header=list(table.arrays), rows=zip(*columns, strict=True))
    said = [("seed", str(truth.seed)), *((field.name, _said(getattr(truth.design, field.name)))
                                         for field in attrs.fields(Design))]
    write_sheet(folder / "design.csv", header=["field", "value"], rows=said)


def _said(value: Any) -> str:
    """Return a field of a design as text: definitions by name."""
    return str(getattr(value, "name", value))


def _texts(table: Table[Any], field: str, kind: str) -> list[str]:
    if field in table.levels:
        return [word or "" for word in table.words(field)]
    writers: dict[str, Callable[[Any], str]] = {
        "time": functools.partial(grammar.format_scaled, places=6), "float": grammar.format_float}
    write = writers.get(kind, str)
    return [write(value) for value in table.arrays[field].tolist()]
