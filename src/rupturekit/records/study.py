"""The study folder: a valid Psych-DS data set, read and written.

    my-study/
      dataset_description.json                    schema.org Dataset; the data dictionary comes from the classes
      rupturekit.toml                             how the study was coded, and how it is to be analysed
      data/study-demo_table-moves_data.csv        the only required table
      data/study-demo_table-sessions_data.csv     ... and dyads, observed, episodes, members, needs, ratings,
                                                  context, labels

A table may be Parquet instead (`..._data.parquet`), which is read faster; `records.parquet` says what it holds.
Empty cells are absent, `unknown` is unknown. Times are decimal seconds, or whole numbers in studies without a
clock. A folder that was written here is rewritten byte for byte.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

import attrs
import numpy as np

from rupturekit import _definitions, _schema, codebooks
from rupturekit._definitions import Node
from rupturekit._schema import ABSENT, Column
from rupturekit._table import Table
from rupturekit._views.cohorts import cohort_html
from rupturekit.codebooks import Codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import (
    Coding,
    ContextEvent,
    Dyad,
    EpisodeRow,
    Label,
    Member,
    Move,
    NeedStatement,
    ObservedStretch,
    Rating,
    Session,
    Track,
)
from rupturekit.errors import (
    CodingWarning,
    DefinitionError,
    FileProblem,
    RecordError,
    did_you_mean,
    expect,
    listed,
)
from rupturekit.problems import ProblemLog
from rupturekit.provenance import FORMAT_VERSION
from rupturekit.records import atomic, grammar
from rupturekit.records.arrow import split_with_pyarrow
from rupturekit.records.delimited import write_sheet
from rupturekit.records.losses import LossReport
from rupturekit.records.parquet import read_parquet_table, write_parquet_table
from rupturekit.records.tables import read_table, split_plainly
from rupturekit.vocabulary import TimeKind, TrackKind

__all__ = ["TABLES", "Study", "as_study", "read_study", "settings_text", "write_study"]

TABLES: Final[Mapping[str, type[Any]]] = {
    "moves": Move,
    "sessions": Session,
    "dyads": Dyad,
    "observed": ObservedStretch,
    "episodes": EpisodeRow,
    "members": Member,
    "needs": NeedStatement,
    "ratings": Rating,
    "context": ContextEvent,
    "labels": Label,
}
"""The tables of a study folder and the record class of each."""

_FILE_NAME = re.compile(r"(?P<study>study-[A-Za-z0-9]+)_table-(?P<table>[A-Za-z0-9]+)_data\.(csv|parquet)")
Reader: TypeAlias = Literal["plain", "pyarrow"]
"""What divides the rows of a CSV table into cells."""

Format: TypeAlias = Literal["csv", "parquet"]
"""How the tables of a study folder are held."""

_SPELT_OUT: Final = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l",
                                    "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"})
"""Letters that are not taken apart into a plain letter and a mark."""

_DESCRIPTION = "dataset_description.json"
_SETTINGS = "rupturekit.toml"


@attrs.frozen(kw_only=True)
class Study:
    """A coded study: its cohort, what it is called, and the settings that stand beside the data.

    `folder` is where it was read from, so that files which its settings name are found; it is no part of what is equal.
    """

    name: str
    description: str = ""
    cohort: Cohort
    settings: str = ""
    losses: LossReport | None = None
    origin: str = ""
    folder: str = attrs.field(default="", eq=False)

    def __repr__(self) -> str:
        return f"Study({self.name!r}, {self.cohort!r})"

    def __str__(self) -> str:
        return "\n".join([f"Study {self.name!r}", str(self.cohort)])

    def _repr_html_(self) -> str:
        return cohort_html(self.cohort, kind="Study", name=self.name)


def as_study(data: Study | Cohort, *, name: str) -> Study:
    """Take a study as it is, and a cohort as a study of a given name.

    >>> from rupturekit.example import example_cohort
    >>> as_study(example_cohort(), name="pilot").name
    'pilot'
    """
    expect(data, (Study, Cohort), what="a study or a cohort",
           remedy="read a study folder with read_study(path) first")
    return Study(name=name, cohort=data) if isinstance(data, Cohort) else data


# --- writing ---------------------------------------------------------------------------------------------------


def write_study(study: Study, path: str | Path, *, overwrite: bool = False, format: Format = "csv") -> None:
    """Write a study folder; tables without rows are left out, save the moves.

    The folder is written whole or not at all: a crash at any moment leaves the old study or the new one, never a
    mix. Tables of the study that was there go; other files in the folder are left alone. The tables are CSV, or with
    `format="parquet"` Parquet: smaller and read faster, for which pyarrow is needed, but no Psych-DS data set.

    Raises
    ------
    RecordError
        Where `format` is neither.
    MissingExtra
        Where pyarrow is needed and not installed.
    FileProblem
        Where the folder is there already and not empty, unless `overwrite` is set and it is a study folder; or
        where it cannot be written.
    """
    folder = Path(path)
    _check_choice("format", format, get_args(Format))
    settings = study.settings or settings_text(study.cohort, name=study.name)
    _check_settings(settings, study, folder)
    try:
        _make_room(folder, overwrite=overwrite)
        with atomic.change(folder) as wanted:
            _write_files(study, settings, wanted, format)
    except FileProblem:
        raise
    except OSError as error:
        raise FileProblem(f"{folder}: the study cannot be written here ({error.strerror or error}); choose another "
                          "folder", file=str(folder)) from None


def _check_choice(name: str, given: object, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise RecordError(f"expected {' or '.join(map(repr, allowed))} but got {name}={given!r:.80}", field=name,
                          value=given)


def _write_files(study: Study, settings: str, wanted: atomic.Change, format: Format) -> None:
    _write_text(wanted.file(_SETTINGS), settings)
    _write_codebook(study.cohort.coding.codebook, settings, wanted)
    tables = _tables(study.cohort)
    _write_text(wanted.file(_DESCRIPTION), _description(study, tables))
    for old in atomic.current_files(wanted.folder):
        if _is_table(old.name):
            wanted.without(f"data/{old.name}")
    for name, table in tables.items():
        if len(table) or name == "moves":
            file = wanted.file(f"data/study-{_key_value(study.name)}_table-{name}_data.{format}")
            _write_table(file, table, study.cohort.coding.time, format)


def _write_table(file: Path, table: Table[Any], time: TimeKind, format: Format) -> None:
    if format == "parquet":
        write_parquet_table(file, table, time=time)
    else:
        write_sheet(file, header=list(table.arrays), rows=_cells(table, time), whole=False)


def _is_table(file: str) -> bool:
    match = _FILE_NAME.fullmatch(file)
    return match is not None and match["table"] in TABLES


def _make_room(folder: Path, *, overwrite: bool) -> None:
    if folder.is_dir():
        atomic.settle(folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir():
        raise FileProblem(f"{folder}: there is a file of this name; a study is a folder", file=str(folder))
    if not (overwrite and (folder / _SETTINGS).exists()):
        remedy = "" if overwrite else (
            ", or say overwrite=True (on the command line --overwrite) if it is a study folder")
        raise FileProblem(f"{folder}: the folder is there and not empty; name a new one{remedy}", file=str(folder))


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


def _check_settings(settings: str, study: Study, folder: Path) -> None:
    coding = study.cohort.coding
    node = _definitions.parse_definition(settings, where=_SETTINGS, what="settings")
    said = _read_coding(node, folder, codebook=coding.codebook)
    if attrs.evolve(said[0], codebook=coding.codebook) != coding:
        raise DefinitionError(f"{_SETTINGS}: the settings of this study describe another coding (parties, time or "
                              "segment) than its cohort has; drop the settings to have them written anew")


def _write_codebook(codebook: Codebook, settings: str, wanted: atomic.Change) -> None:
    named = _definitions.parse_definition(settings, where=_SETTINGS, what="settings").table("coding")
    if named is not None and named.text("codebook").endswith(".toml"):
        _write_text(wanted.file(named.text("codebook")), codebooks.codebook_text(codebook))


def _key_value(name: str) -> str:
    """Return a name in the letters that file names of a data set have: marks go, `ß` and its like are spelt out."""
    plain = unicodedata.normalize("NFKD", name.translate(_SPELT_OUT))
    return re.sub(r"[^A-Za-z0-9]", "", plain) or "study"


def settings_text(cohort: Cohort, *, name: str) -> str:
    """Return the settings file that says how a cohort was coded.

    >>> from rupturekit.codebooks import load_codebook
    >>> cohort = Cohort.of([], coding=Coding(codebook=load_codebook("stages")))
    >>> print(settings_text(cohort, name="demo"))
    format = 1
    name = "demo"
    <BLANKLINE>
    [coding]
    codebook = "stages"
    parties = ["client", "therapist"]
    time = "clock"
    <BLANKLINE>
    """
    coding = cohort.coding
    lines = [f"format = {FORMAT_VERSION}", f"name = {_toml(name)}", "", "[coding]",
             f"codebook = {_toml(_codebook_reference(coding.codebook))}",
             f"parties = [{', '.join(map(_toml, coding.parties))}]", f"time = {_toml(coding.time)}"]
    if coding.segment is not None:
        lines.append(f"segment_seconds = {grammar.format_scaled(coding.segment, places=6)}")
    for track in cohort.tracks:
        if track != Track(name=track.name):
            lines += ["", "[[tracks]]", f"name = {_toml(track.name)}", f"kind = {_toml(track.kind)}",
                      *([f"rule = {_toml(track.rule)}"] if track.rule else [])]
    return "\n".join(lines) + "\n"


def _codebook_reference(codebook: Codebook) -> str:
    """Return the name of a codebook that every reader has, or of the file that a copy of it is written to."""
    name = codebook.name
    packaged = ":" not in name and name in codebooks.codebook_names() and codebooks.load_codebook(name) == codebook
    return name if packaged else f"{name.replace(':', '.')}.codebook.toml"


_toml = _definitions.toml_string


def _description(study: Study, tables: Mapping[str, Table[Any]]) -> str:
    measured: dict[str, dict[str, object]] = {}
    for name, table in tables.items():
        if len(table) or name == "moves":
            for said in _schema.variable_measured(table.record):
                measured.setdefault(str(said["name"]), said)
    content = {"@context": "https://schema.org/", "@type": "Dataset", "name": study.name,
               "description": study.description or "Coded psychotherapy sessions; days are offsets, people pseudonyms.",
               "rupturekitFormat": FORMAT_VERSION, "variableMeasured": list(measured.values())}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _tables(cohort: Cohort) -> dict[str, Table[Any]]:
    coded = cohort.coded
    names = coded.rows.words("episode")
    owners = np.repeat(np.arange(len(coded)), coded.lengths).tolist()
    row_ids = cohort.moves.row_id[coded.members].tolist()
    members = [Member(episode=str(names[owner]), row_id=row_id)
               for owner, row_id in zip(owners, row_ids, strict=True)]
    return {"moves": cohort.moves, "sessions": cohort.sessions, "dyads": cohort.dyads, "observed": cohort.observed,
            "episodes": coded.rows, "members": Table.of(Member, members), "needs": cohort.needs,
            "ratings": cohort.ratings, "context": cohort.context, "labels": cohort.labels}


def _cells(table: Table[Any], time: TimeKind) -> list[tuple[str, ...]]:
    """Return a table as rows of cells, in the one grammar; formula-like text is neutralised."""
    fields = _schema.columns(table.record)
    columns = [_as_text(table, name, column, time) for name, column in fields.items()]
    return list(zip(*columns, strict=True))


def _as_text(table: Table[Any], name: str, column: Column, time: TimeKind) -> list[str]:
    if column.is_word:
        return ["" if word is None else grammar.neutralise(word) for word in table.words(name)]
    write = _writer(column, time)
    absent = np.nan if column.kind == "float" else ABSENT
    return ["" if value == absent or value != value else write(value) for value in table.arrays[name].tolist()]


def _writer(column: Column, time: TimeKind) -> Callable[[Any], str]:
    if column.kind == "time" and time.has_clock:
        return functools.partial(grammar.format_scaled, places=6)
    writers: dict[str, Callable[[Any], str]] = {
        "milli": functools.partial(grammar.format_scaled, places=3), "float": grammar.format_float,
        "bool": lambda value: "yes" if value else "no"}
    return writers.get(column.kind, str)


# --- reading ---------------------------------------------------------------------------------------------------


def read_study(path: str | Path, *, reader: Reader = "plain") -> Study:
    """Read a study folder, whether its tables are CSV or Parquet.

    CSV is divided into cells here, or with `reader="pyarrow"` by pyarrow. The answer is the same, and so is every
    error; the plain reader is the faster one. Parquet needs pyarrow.

    Raises
    ------
    RecordError
        Where `reader` is neither of the two.
    FileProblem
        Where the folder or its moves table is missing or cannot be read.
    DefinitionError
        With every mistake in `rupturekit.toml`; or where the folder was written in a newer format.
    InvalidRecords
        With every bad cell and every contradiction between rows, counted and grouped.
    MissingExtra
        Where pyarrow is needed and not installed.
    """
    folder = Path(path)
    _check_choice("reader", reader, get_args(Reader))
    _check_folder(folder)
    name, description = _read_description(folder)
    text = _definitions.read_definition_text(atomic.current(folder, _SETTINGS), what="settings")
    node = _definitions.parse_definition(text, where=_SETTINGS, what="settings")
    coding, tracks, settings_name = _read_coding(node, folder)
    problems = ProblemLog()
    files = _find_tables(folder)
    tables: dict[str, Table[Any]] = {}
    for table, record in TABLES.items():    # in no comprehension, which some versions of Python count as a call
        tables[table] = (_read_table(files[table], record, coding.time, problems, reader) if table in files
                         else Table.of(record, ()))
    cohort = Cohort.of(tables.pop("moves"), coding=coding, tracks=tracks, problems=problems, where=str(folder),
                       **tables)
    return Study(name=name or settings_name, description=description, cohort=cohort, settings=text,
                 origin=folder.name, folder=str(folder))


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        near = did_you_mean(folder.name, [p.name for p in folder.parent.iterdir()] if folder.parent.is_dir() else [])
        raise FileProblem(f"{folder}: there is no such folder{near}", file=str(folder))
    if not folder.is_dir():
        raise FileProblem(f"{folder}: this is a file; a study is a folder. To bring in a sheet, run "
                          "`rupturekit init FILE` and read it through the mapping", file=str(folder))
    if not atomic.current(folder, _SETTINGS).exists():
        raise FileProblem(f"{folder}: no {_SETTINGS} here, so nothing says how the study was coded; it needs "
                          "format = 1, a name, and [coding] with a codebook", file=str(folder))


def _read_description(folder: Path) -> tuple[str, str]:
    file = atomic.current(folder, _DESCRIPTION)
    if not file.exists():
        warnings.warn(f"{folder.name}: no {_DESCRIPTION}, so this is not a Psych-DS data set yet; writing the study "
                      "adds it", CodingWarning, stacklevel=3)
        return "", ""
    text = _definitions.read_definition_text(file, what="data set description")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DefinitionError(f"{_DESCRIPTION}: not JSON ({error})", file=str(file)) from None
    if not isinstance(said, dict):
        raise DefinitionError(f"{_DESCRIPTION}: expected an object in braces", file=str(file))
    version = said.get("rupturekitFormat", FORMAT_VERSION)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise DefinitionError(f"{_DESCRIPTION}: written in format {version!r:.40}, this version of rupturekit reads up "
                              f"to {FORMAT_VERSION}; upgrade rupturekit to read it", file=str(file))
    return str(said.get("name", "")), str(said.get("description", ""))


def _read_coding(node: Node, folder: Path, *, codebook: Codebook | None = None
                 ) -> tuple[Coding, tuple[Track, ...], str]:
    version = node.integer("format")
    if version is not None and version != FORMAT_VERSION:
        node.complain("format", f"is {version}; this version of rupturekit reads format {FORMAT_VERSION}, upgrade to "
                                "read newer")
    name = node.text("name")
    node.ignore(["analysis"])
    tracks = tuple(_read_track(child) for child in node.tables("tracks"))
    said = node.table("coding")
    if said is None:
        node.complain("coding", "is missing; expected [coding] with a codebook")
        said = Node({}, where=node.where, place="coding", text="", complaints=[])
    reference = said.text("codebook")
    parties = said.words("parties", default=("client", "therapist"))
    time = said.choice("time", TimeKind, default=TimeKind.CLOCK) or TimeKind.CLOCK
    seconds = said.number("segment_seconds", default=None)
    if re.search(r"[/\\]", reference) or reference.startswith("."):
        said.complain("codebook", f"{reference!r} is a path; expected the name of a packaged codebook, or of a file "
                                  "in this folder")
    node.finish(what="settings file")
    book = codebook or codebooks.as_codebook(
        atomic.current(folder, reference) if reference.endswith(".toml") else reference)
    coding = Coding(parties=parties, time=time, codebook=book,  # type: ignore[arg-type]
                    segment=None if seconds is None else round(seconds * 1_000_000))
    return coding, tracks, name


def _read_track(node: Node) -> Track:
    return Track(name=node.text("name"), kind=node.choice("kind", TrackKind, default=None) or TrackKind.RATER,
                 rule=node.text("rule", default=""))


def _find_tables(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in (file for file in atomic.current_files(folder) if file.suffix in (".csv", ".parquet")):
        match = _FILE_NAME.fullmatch(file.name)
        if match is None or match["table"] not in TABLES:
            near = did_you_mean(match["table"], TABLES) if match else ""
            warnings.warn(f"{file.name}: not a table of a study folder{near}; it is left alone. Tables: "
                          f"{listed(TABLES)}", CodingWarning, stacklevel=3)
        elif match["table"] in found:
            raise FileProblem(f"{folder.name}: two {match['table']} tables ({found[match['table']].name} and "
                              f"{file.name}); keep one", file=str(file))
        else:
            found[match["table"]] = file
    if "moves" not in found:
        raise FileProblem(f"{folder}: no data/study-NAME_table-moves_data.csv (or .parquet), the one table a study "
                          "needs", file=str(folder))
    return found


def _read_table(path: Path, record: type[Any], time: TimeKind, problems: ProblemLog, reader: Reader) -> Table[Any]:
    if path.suffix == ".parquet":
        return read_parquet_table(path, record, time=time, problems=problems)
    splitter = split_with_pyarrow if reader == "pyarrow" else split_plainly
    return read_table(path, record, time=time, problems=problems, splitter=splitter)
