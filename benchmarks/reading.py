"""How long a study folder takes to read, fully checked, and how much memory it needs.

    python benchmarks/reading.py

A study of sessions of fifty moves: nine of sixteen columns differ from row to row, the others are constant or empty.
Times are CPU seconds of one million moves, peers and ours in turns in one process, the median of N runs, with
`use_threads=False` wherever pyarrow reads. What was read is compared in the run. Peaks are `ru_maxrss` of a process
that does nothing else, the interpreter and all imports included: ten million moves read, and one million rows of
garbage refused. Needs pandas and pyarrow, 2 GB of disk and ten minutes; takes the sizes from RUPTUREKIT_ROWS
(say 10000 for a trial), ten times as many moves for the peaks.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import rupturekit as rk
from rupturekit import _random
from rupturekit._schema import ABSENT, ABSENT_CODE
from rupturekit._table import Table, constant
from rupturekit.episode import Move
from rupturekit.records.parquet import write_parquet_table
from rupturekit.records.study import read_study, write_study
from rupturekit.vocabulary import TimeKind

LENGTH = 50
ROWS = int(os.environ.get("RUPTUREKIT_ROWS", "1000000"))
RUNS = 9
LIMITS = {"plain / pandas": 12.0, "pyarrow / pandas": 2.0, "parquet / pyarrow": 1.5}
MOVES = "data/study-big_table-moves_data"


# --- what is read --------------------------------------------------------------------------------------------------


def moves(count: int) -> Table[Move]:
    """Return so many moves in sessions of fifty: random codes, times in tenths of a second, half of them rated."""
    draw = _random.key(1, cluster="reading", purpose="moves")
    names = sorted(code.code for code in rk.load_codebook("stages").codes)
    session, place = np.divmod(np.arange(count), LENGTH)
    onset = (place * 10 + _random.below(draw, count, 90) / 10) * 1_000_000
    rating = np.where(_random.below(draw + 1, count, 2) == 0, ABSENT, 500 * _random.below(draw + 2, count, 10))
    arrays = {
        "row_id": np.arange(count), "dyad": (session // 20).astype("i4"), "session": session % 20 + 1,
        "party": _random.below(draw + 3, count, 2).astype("i4"), "rating": rating.astype("i8"),
        "code": _random.below(draw + 4, count, len(names)).astype("i4"), "onset": onset.round().astype("i8"),
        "offset": (onset + 1_000_000 * (1 + _random.below(draw + 5, count, 9))).round().astype("i8"),
        "source_row": np.arange(1, count + 1), "tie": constant(0, count=count, dtype="i8"),
        "media": constant(ABSENT, count=count, dtype="i8"), "note": constant(ABSENT_CODE, count=count, dtype="i4"),
        **{name: constant(0, count=count, dtype="i4") for name in ("track", "rater", "perspective", "status")}}
    levels = {"dyad": tuple(f"D{at:06d}" for at in range(session[-1] // 20 + 1)), "track": ("r1",), "rater": ("r1",),
              "party": ("client", "therapist"), "code": tuple(names), "perspective": ("observer",),
              "status": ("coded",), "note": ()}
    return Table.from_columns(Move, arrays=arrays, levels=levels)


def make(folder: Path, count: int) -> None:
    """Write a study of so many moves twice, as CSV and as Parquet; the CSV a stretch at a time, to spare memory."""
    coding, part, whole = rk.Coding(codebook=rk.load_codebook("stages")), folder / "part", moves(count)
    write_parquet_table(whole_file(folder, "parquet", coding), whole, time=TimeKind.CLOCK)
    with whole_file(folder, "csv", coding).open("wb") as stream:
        for at in range(0, count, ROWS):
            cohort = rk.Cohort.of(whole.take(np.arange(at, min(at + ROWS, count))), coding=coding)
            write_study(rk.Study(name="big", cohort=cohort), part, overwrite=True)
            text = (part / f"{MOVES}.csv").read_bytes()
            stream.write(text[text.index(b"\n") + 1 if at else 0:])


def whole_file(folder: Path, kind: str, coding: rk.Coding) -> Path:
    """Return where the moves of a study go, the rest of which is written."""
    write_study(rk.Study(name="big", cohort=rk.Cohort.of([], coding=coding)), folder / kind)
    (folder / kind / f"{MOVES}.csv").unlink()
    return folder / kind / f"{MOVES}.{kind}"


def garbage(folder: Path, count: int) -> None:
    """Write a study of so many rows of which none is sound: three kinds in turn."""
    whole_file(folder, "garbage", rk.Coding(codebook=rk.load_codebook("stages")))
    with (folder / "garbage" / f"{MOVES}.csv").open("w", encoding="utf-8") as stream:
        stream.write("row_id,dyad,session,track,code,onset\n")
        stream.writelines(_garbage_rows(count))


def _garbage_rows(count: int) -> Iterator[str]:
    for at in range(0, count, 3):
        yield f"x{at}, {at},1_{at},,code {at},{at}e5\n"
        yield f"{at},{at}\n"
        yield f"{at},D1,1,r1,z{at},nan\n"


# --- peaks, each in a process of its own ---------------------------------------------------------------------------


def child(task: str, folder: Path) -> dict[str, Any]:
    """Do one thing and return what it took."""
    said: dict[str, Any] = {}
    begun = time.process_time()
    if task == "make":
        make(folder, ROWS)
    elif task == "make ten times":
        make(folder, 10 * ROWS)
    elif task == "make garbage":
        garbage(folder, ROWS)
    elif task != "nothing":
        said = _read(folder, *task.split(" through "))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"task": task, "peak_MB": round(peak), "seconds": round(time.process_time() - begun, 1), **said}


def _read(folder: Path, kind: str, reader: str = "plain") -> dict[str, Any]:
    try:
        cohort = read_study(folder / kind, reader=reader).cohort  # type: ignore[arg-type]
    except rk.RuptureKitError as error:
        return {"problems": getattr(error, "count", None), "said": str(error).splitlines()[1]}
    return {"moves": len(cohort.moves)}


def spawn(task: str, folder: Path) -> dict[str, Any]:
    """Return what `child` returns in a new process."""
    command = [sys.executable, __file__, task, str(folder)]
    done = subprocess.run(command, check=True, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    print(found, file=sys.stderr)
    return found


# --- times, in turns in one process --------------------------------------------------------------------------------


def times(folder: Path) -> dict[str, Any]:
    """Return the median CPU seconds of each reader, and the ratios that have a limit."""
    import pandas  # noqa: PLC0415    # the peaks of other processes are measured without it
    from pyarrow import parquet  # noqa: PLC0415

    csv, columns = folder / "csv" / f"{MOVES}.csv", folder / "parquet" / f"{MOVES}.parquet"
    readers: dict[str, Callable[[], Any]] = {
        "pandas.read_csv": lambda: pandas.read_csv(csv),
        "read_study, plain": lambda: read_study(folder / "csv"),
        "read_study, pyarrow": lambda: read_study(folder / "csv", reader="pyarrow"),
        "pyarrow.parquet.read_table": lambda: parquet.read_table(columns, use_threads=False),
        "read_study, Parquet": lambda: read_study(folder / "parquet"),
    }
    _check_same({name: read() for name, read in readers.items()})
    spent: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(RUNS):
        for name, read in readers.items():
            begun = time.process_time()
            read()
            spent[name].append(time.process_time() - begun)
    median = {name: round(statistics.median(values), 4) for name, values in spent.items()}
    least = {name: round(min(values), 4) for name, values in spent.items()}
    return {"median_seconds": median, "least_seconds": least, "ratios": _ratios(median),
            "ratios_of_least": _ratios(least), "bytes": {"csv": csv.stat().st_size, "parquet": columns.stat().st_size}}


def _ratios(spent: dict[str, float]) -> dict[str, float]:
    pandas = spent["pandas.read_csv"]
    return {"plain / pandas": round(spent["read_study, plain"] / pandas, 2),
            "pyarrow / pandas": round(spent["read_study, pyarrow"] / pandas, 2),
            "parquet / pyarrow": round(spent["read_study, Parquet"] / spent["pyarrow.parquet.read_table"], 2)}


def _check_same(read: dict[str, Any]) -> None:
    """Check that all readers read the same moves."""
    frame, table = read["pandas.read_csv"], read["pyarrow.parquet.read_table"]
    held = {name: read[f"read_study, {name}"].cohort for name in ("plain", "pyarrow", "Parquet")}
    plain = held["plain"]
    assert held["pyarrow"] == plain
    assert held["Parquet"] == plain
    assert len(frame) == len(plain.moves) == table.num_rows == ROWS
    assert np.array_equal(frame["row_id"], plain.moves.row_id)
    assert np.array_equal((frame["onset"] * 1e6).round().astype("i8"), plain.moves.onset)
    assert list(frame["code"]) == plain.moves.words("code") == table["code"].to_pylist()
    assert np.array_equal(table["offset"], plain.moves.offset)


def measure() -> dict[str, Any]:
    """Return peaks and times."""
    with tempfile.TemporaryDirectory() as name:
        one, ten = Path(name, "one"), Path(name, "ten")
        peaks = [spawn("nothing", one)]
        spawn("make garbage", one)
        peaks += [spawn(f"garbage through {reader}", one) for reader in ("plain", "pyarrow")]
        spawn("make ten times", ten)
        peaks += [spawn(task, ten) for task in ("csv through plain", "csv through pyarrow", "parquet")]
        for file in ten.rglob("*_data.*"):
            file.unlink()
        spawn("make", one)
        return {"rows": ROWS, "runs": RUNS, "peaks": peaks, "limits": LIMITS, **times(one)}


if __name__ == "__main__":
    if len(sys.argv) == 3:
        json.dump(child(sys.argv[1], Path(sys.argv[2])), sys.stdout)
    else:
        json.dump(measure(), sys.stdout, indent=2)
