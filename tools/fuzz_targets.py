"""What the fuzz run reads: every reader and loader, with files that it takes."""

from __future__ import annotations

import io
import json
import re
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import openpyxl
import pandas
import pyreadstat

from rupturekit import example
from rupturekit.codebooks import load_codebook, parse_codebook, read_codebook
from rupturekit.conformance.rules import parse_rules, read_rules
from rupturekit.episode import Coding
from rupturekit.errors import RuptureKitError
from rupturekit.exchange import model_from_json, model_to_json
from rupturekit.live import Tracer
from rupturekit.records.foreign import read_table
from rupturekit.records.mapping import parse_mapping, read_mapping
from rupturekit.records.sniff import propose_mapping
from rupturekit.records.study import Study, read_study, write_study
from rupturekit.results import from_json, to_json
from rupturekit.state_machine import load_model, parse_model, read_model
from rupturekit.traces import trace_cohort

__all__ = ["Target", "targets"]

ROOT = Path(__file__).resolve().parents[1]


class Target(NamedTuple):
    """A reader of bytes (in a folder of its own) and files that it takes."""

    read: Callable[[bytes, Path], object]
    seeds: tuple[bytes, ...]


def _file(read: Callable[[Path], object], name: str) -> Callable[[bytes, Path], object]:
    """Return a reader of bytes from a reader of a path."""

    def call(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        return read(path)

    return call


def _text(read: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    """Return a reader of bytes from a reader of text; lone surrogates may be in it."""
    return lambda data, _: read(data.decode("utf-8", "surrogateescape" if b"\xff" in data else "replace"))


def _data(folder: str, suffix: str = ".toml") -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted((ROOT / folder).glob(f"*{suffix}")))


def _small_study() -> dict[str, bytes]:
    """Return the files of the example, only one dyad of it."""
    study = Study(name="example", description=example.EXAMPLE_DESCRIPTION, cohort=example.example_cohort(),
                  settings=example.EXAMPLE_SETTINGS)
    with tempfile.TemporaryDirectory() as scratch:
        write_study(study, scratch, overwrite=True)
        files = {path.relative_to(scratch).as_posix(): path.read_bytes() for path in Path(scratch).rglob("*.*")
                 if path.is_file()}
    return {name: _only(data, b"V1") if name.endswith(".csv") and "members" not in name else data
            for name, data in files.items()} | {
        name: _members(data) for name, data in files.items() if "members" in name}


def _only(data: bytes, dyad: bytes) -> bytes:
    header, *rows = data.splitlines(keepends=True)
    return b"".join([header, *(row for row in rows if re.search(rb"(?:^|,)" + dyad + rb"(?:,|-E)", row))])


def _members(data: bytes) -> bytes:
    header, *rows = data.splitlines(keepends=True)
    return b"".join([header, *(row for row in rows if row.startswith(b"V1-"))])


def _study_targets() -> Iterator[tuple[str, Target]]:
    files = _small_study()

    def reader(name: str) -> Callable[[bytes, Path], object]:
        def call(data: bytes, folder: Path) -> object:
            if not (folder / "data").is_dir():
                (folder / "data").mkdir()
                for other, content in files.items():
                    (folder / other).write_bytes(content)
            (folder / name).write_bytes(data)
            return read_study(folder)

        return call

    for name, data in files.items():
        short = re.sub(r".*_table-(\w+)_data\.csv", r"\1", name)
        yield f"study/{short}", Target(reader(name), (data,))


def _parquet_target() -> Target:
    """Return the reader of a study whose moves are Parquet."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, data in _small_study().items():
            path = Path(scratch, "csv", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        folder = Path(scratch, "parquet")
        write_study(read_study(Path(scratch, "csv")), folder, format="parquet")
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")
                 if path.is_file()}
    moves = next(name for name in files if "table-moves" in name)

    def call(data: bytes, place: Path) -> object:
        (place / "data").mkdir(exist_ok=True)
        for name, content in (files | {moves: data}).items():
            (place / name).write_bytes(content)
        return read_study(place)

    return Target(call, (files[moves],))


SHEETS: Final[tuple[bytes, ...]] = (
    b"case,session,who,code,start\nD1,1,client,wd,00:10\nD1,1,therapist,invite,00:30.5\nD1,2,client,hurt,01:10\n",
    b"case;session;who;code;start\r\nD1;1;client;wd;00:10\r\n\"D;2\";1;therapist;n/a;00:30\r\n",
    "case\tsession\twho\tcode\tstart\nDä\t1\tclient\twd\t00:10\n".encode("cp1252"),
    b"patient_id,session_id,rater,start_sec,WD_P,WD_T\nD1,1,r1,0,1,\nD1,1,r1,60,3,x\n",
)
MAPPING: Final = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "BAD", missing = ["n/a"] }
fields.dyad.column = "case"
fields.session.column = "session"
fields.party.column = "who"
fields.code.column = "code"
fields.onset = { column = "start", format = "mm:ss" }
"""


def _sheet_reader(bad_rows: str) -> Callable[[bytes, Path], object]:
    mapping = parse_mapping(MAPPING.replace("BAD", bad_rows))
    return _file(lambda path: read_table(path, mapping), "sheet.csv")


def _read_by_mapping(path: Path) -> object:
    """Read a mapping, beside the codebooks that some name, and by it the sheets."""
    for book in (ROOT / "tests" / "records" / "files").glob("*-codes.toml"):
        path.with_name(book.name).write_bytes(book.read_bytes())
    read_mapping(path)
    for at, sheet in enumerate(SHEETS):
        place = path.with_name(f"sheet{at}.csv")
        place.write_bytes(sheet)
        try:
            read_table(place, path)
        except RuptureKitError:
            continue
    return None


def _tracer_text() -> bytes:
    model, coding = load_model("withdrawal-2000"), Coding(codebook=load_codebook("stages"))
    tracer = Tracer.start(model, coding=coding)
    for move in example.example_cohort().episodes[0].moves[:5]:
        tracer = tracer.feed(move)
    return tracer.to_json().encode()


def _resume(text: str) -> object:
    return Tracer.resume(text, model=load_model("withdrawal-2000"), coding=Coding(codebook=load_codebook("stages")))


FOREIGN: Final = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "refuse" }
fields.dyad.column = "case"
fields.session.constant = 1
fields.party.column = "who"
fields.code.column = "what"
fields.onset = { column = "at", format = "seconds" }
"""
EVENTS: Final = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "refuse" }
fields.dyad.constant = "D1"
fields.session.constant = 1
fields.party = { column = "WHO", values = { Klient = "client", Therapeut = "therapist" } }
fields.code.column = "WHAT"
fields.onset = { column = "start_s", format = "seconds" }
fields.offset = { column = "END", format = "seconds" }
"""
EAF: Final = b"""<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="" FORMAT="3.0"><HEADER TIME_UNITS="milliseconds"/><TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="1500"/><TIME_SLOT TIME_SLOT_ID="t2" TIME_VALUE="4000"/>
<TIME_SLOT TIME_SLOT_ID="t3"/><TIME_SLOT TIME_SLOT_ID="t4" TIME_VALUE="5000"/></TIME_ORDER>
<TIER TIER_ID="Klient" LINGUISTIC_TYPE_REF="codes"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1"
TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2"><ANNOTATION_VALUE>wd</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
</TIER><TIER TIER_ID="Therapeut" LINGUISTIC_TYPE_REF="same" PARENT_REF="Klient"><ANNOTATION><REF_ANNOTATION
ANNOTATION_ID="a2" ANNOTATION_REF="a1"><ANNOTATION_VALUE>invite</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="codes" TIME_ALIGNABLE="true"/><LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="same"
TIME_ALIGNABLE="false" CONSTRAINTS="Symbolic_Association"/></ANNOTATION_DOCUMENT>
"""
BORIS: Final = {
    "time_format": "hh:mm:ss", "project_name": "x", "project_format_version": "7.0",
    "behaviors_conf": {"0": {"code": "wd", "type": "State event", "category": "markers", "modifiers": {}},
                       "1": {"code": "invite", "type": "Point event", "category": ""}},
    "observations": {"one": {"events": [[1.5, "Klient", "wd", "", "", 30], [2.25, "Therapeut", "invite", "m1", "", 40],
                                        [4.0, "Klient", "wd", "", "", 50]], "type": "LIVE"}},
}


def _foreign(name: str, mapping: str) -> Callable[[bytes, Path], object]:
    made = parse_mapping(mapping)
    return _file(lambda path: read_table(path, made), name)


def _workbook() -> bytes:
    book, held = openpyxl.Workbook(), io.BytesIO()
    for row in (["case", "who", "what", "at"], ["D1", "client", "wd", 1.5], ["D1", "therapist", "invite", 30]):
        book.active.append(row)
    book.save(held)
    return held.getvalue()


def _inside(workbook: bytes, member: str) -> Target:
    """Return the target of one member of a workbook, which byte changes to the whole would seldom reach."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as held:
        members = {name: held.read(name) for name in held.namelist()}
    read = _foreign("sheet.xlsx", FOREIGN)

    def call(data: bytes, folder: Path) -> object:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as out:
            for name, content in (members | {member: data}).items():
                out.writestr(name, content)
        return read(packed.getvalue(), folder)

    return Target(call, (members[member],))


def _sav() -> bytes:
    columns = {"case": ["D1", "D1"], "who": ["client", "therapist"], "what": ["wd", "invite"], "at": [1.5, 30.0]}
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(scratch, "a.sav")
        pyreadstat.write_sav(pandas.DataFrame(columns), str(path))
        return path.read_bytes()


BORIS_HEADER: Final = (
    "Observation id", "Observation date", "Description", "Observation duration", "Observation type", "Source",
    "Time offset (s)", "Media duration (s)", "FPS", "Subject", "Behavior", "Behavioral category", "Modifier #1",
    "Behavior type", "Time", "Media file name", "Image index", "Image file path", "Comment")
BORIS_ROWS: Final = tuple(
    ("D1", "2021-01-02 03:04:05", "text", "9", "Live observation", "NA", "0", "NA", "NA", who, what, "", "", kind, when,
     "NA", "NA", "NA", "")
    for who, what, kind, when in (("client", "wd", "START", "1.500"), ("therapist", "invite", "POINT", "2.250"),
                                  ("client", "wd", "STOP", "4.000")))
BORIS_TABLE: Final = "".join("\t".join(row) + "\n" for row in (BORIS_HEADER, *BORIS_ROWS))


def _foreign_targets() -> Iterator[tuple[str, Target]]:
    book = _workbook()
    yield "xlsx", Target(_foreign("sheet.xlsx", FOREIGN), (book,))
    for member in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"):
        yield f"xlsx/{Path(member).stem}", _inside(book, member)
    yield "sav", Target(_foreign("sheet.sav", FOREIGN), (_sav(),))
    eaf = EVENTS.replace("WHO", "tier").replace("WHAT", "value").replace("END", "end_s")
    yield "eaf", Target(_foreign("session.eaf", eaf), (EAF,))
    boris = EVENTS.replace("WHO", "subject").replace("WHAT", "behavior").replace("END", "stop_s")
    yield "boris", Target(_foreign("project.boris", boris), (json.dumps(BORIS).encode(),))
    yield "boris table", Target(_foreign("events.tsv", boris), (BORIS_TABLE.encode(),))


def _results_target() -> Target:
    cohort = example.example_cohort()
    table = trace_cohort(cohort, load_model("withdrawal-2000"))
    return Target(_text(lambda text: from_json(text, cohort=cohort)), (to_json(table).encode(),))


def targets() -> dict[str, Target]:
    """Return every target by name. A new reader is one line here."""
    models, books = _data("src/rupturekit/models"), _data("src/rupturekit/codebooks")
    files = _data("tests/records/files")
    mappings = (MAPPING.replace("BAD", "refuse").encode(), *(text for text in files if b"[fields" in text))
    exchanged = tuple(model_to_json(parse_model(text.decode())).encode() for text in models)
    return dict(_study_targets()) | dict(_foreign_targets()) | {
        "parquet": _parquet_target(),
        "sheet": Target(_sheet_reader("refuse"), SHEETS),
        "sheet, bad rows dropped": Target(_sheet_reader("drop_and_report"), SHEETS),
        "proposal": Target(_file(propose_mapping, "sheet.csv"), SHEETS),
        "mapping": Target(_file(_read_by_mapping, "mapping.toml"), mappings),
        "mapping text": Target(_text(parse_mapping), mappings),
        "codebook": Target(_file(read_codebook, "codebook.toml"), books),
        "codebook text": Target(_text(parse_codebook), books),
        "model": Target(_file(read_model, "model.toml"), models),
        "model text": Target(_text(parse_model), models),
        "model JSON": Target(_text(model_from_json), exchanged),
        "rules": Target(_file(read_rules, "rules.toml"), _data("src/rupturekit/rules")),
        "rules text": Target(_text(parse_rules), _data("src/rupturekit/rules")),
        "results JSON": _results_target(),
        "tracer JSON": Target(_text(_resume), (_tracer_text(),)),
    }
