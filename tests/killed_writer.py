"""Kill a process again and again while it writes one study over another; say what each time was left.

Run as a program: `python killed_writer.py FOLDER TIMES`. It prints one JSON object. Moments of the kills are spread
evenly over the measured length of two writes, so that they fall on every part of the work.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import time
from pathlib import Path

import rupturekit as rk
from rupturekit.codebooks import parse_codebook
from rupturekit.episode import EpisodeRow
from rupturekit.errors import RuptureKitError
from rupturekit.records.atomic import STAGE
from rupturekit.records.study import read_study, write_study

MINE = 'format = 1\nname = "mine"\ntitle = "M"\n[[codes]]\ncode = "a"\nlabel = "A"\n[[codes]]\ncode = "b"\nlabel = "B"\n'


@functools.cache
def studies() -> tuple[rk.Study, rk.Study]:
    """Return two studies that share no cell: other names, other tables, another codebook."""
    moves = [rk.Move(row_id=at, dyad="D1", session=1, track="r1", party="client", code="wd", onset=rk.seconds(at))
             for at in range(40)]
    drawn = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=rk.seconds(40))
    one = rk.Cohort.of(moves, coding=rk.Coding(codebook=rk.load_codebook("stages")), episodes=[drawn])
    others = [rk.Move(row_id=at, dyad="X9", session=2, track="r2", code="b", onset=rk.seconds(at)) for at in range(100, 160)]
    two = rk.Cohort.of(others, coding=rk.Coding(codebook=parse_codebook(MINE)))
    return rk.Study(name="one", cohort=one), rk.Study(name="two", cohort=two)


def which(folder: Path) -> str:
    """Return whose study stands in the folder: `one`, `two`, or what is wrong with it."""
    try:
        found = read_study(folder)
    except RuptureKitError as error:
        return f"unreadable: {error}"
    known = {study.name: study.cohort for study in studies()}
    return found.name if found.cohort == known.get(found.name) else f"a mix that calls itself {found.name}"


def everything(folder: Path) -> dict[str, bytes]:
    """Return all that is in a folder, hidden files and folders too."""
    return {file.relative_to(folder).as_posix(): b"a folder" if file.is_dir() else file.read_bytes()
            for file in sorted(folder.rglob("*"))}


def _write_for_ever(folder: Path) -> None:
    one, two = studies()
    while True:
        write_study(two, folder, overwrite=True)
        write_study(one, folder, overwrite=True)


def _killed_after(folder: Path, wait: float) -> None:
    child = os.fork()
    if not child:
        try:
            _write_for_ever(folder)
        finally:
            os._exit(1)    # only reached where a write fails
    time.sleep(wait)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        raise SystemExit("the writer stopped by itself")


def main(folder: Path, times: int) -> dict[str, object]:
    """Kill a writer `times` times, and return what was found."""
    os.fsync = lambda held: None    # a killed process takes nothing with it that it has handed to the system
    one, two = studies()
    write_study(two, folder)
    write_study(one, folder, overwrite=True)
    clean, begun = everything(folder), time.perf_counter()
    for _ in range(10):
        write_study(one, folder, overwrite=True)
    span = 2 * (time.perf_counter() - begun) / 10
    found: dict[str, int] = {}
    staged = unclean = 0
    for at in range(times):
        _killed_after(folder, span * (at + 0.5) / times)
        left = which(folder)
        found[left] = found.get(left, 0) + 1
        staged += any(STAGE in path.parts for path in folder.rglob("*"))
        write_study(one, folder, overwrite=True)
        unclean += everything(folder) != clean
    return {"found": found, "staged": staged, "unclean": unclean}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
