"""How the time of segmentation and tracing grows with the number of episodes.

    python benchmarks/growth.py

Sessions of sixteen moves with codes drawn at random, one episode and more in each. Times are CPU seconds, the median of
five runs, in one process; the exponent is the slope of log time on log n between the two largest n.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import rupturekit as rk
from rupturekit import _random
from rupturekit._schema import ABSENT, ABSENT_CODE
from rupturekit._table import Table
from rupturekit.episode import Move

LENGTH = 16
SIZES = (1_000, 10_000, 100_000)
RUNS = 5


def cohort(sessions: int) -> rk.Cohort:
    """Return a cohort of so many sessions of sixteen random moves, ten seconds apart, without ties."""
    book, count = rk.load_codebook("stages"), sessions * LENGTH
    names = sorted(code.code for code in book.codes)
    draw = _random.key(1, cluster="growth", purpose="codes")
    absent = {name: np.full(count, ABSENT, dtype="i8") for name in ("offset", "rating", "source_row", "media")}
    nothing = {name: np.full(count, ABSENT_CODE, dtype="i4") for name in ("rater", "perspective", "note")}
    arrays = absent | nothing | {
        "row_id": np.arange(count), "dyad": np.repeat(np.arange(sessions, dtype="i4"), LENGTH),
        "session": np.ones(count, dtype="i8"), "track": np.zeros(count, dtype="i4"),
        "party": _random.below(draw, count, 2).astype("i4"),
        "code": _random.below(draw + 1, count, len(names)).astype("i4"),
        "onset": np.tile(np.arange(LENGTH) * 10_000_000, sessions), "tie": np.zeros(count, dtype="i8"),
        "status": np.zeros(count, dtype="i4")}
    levels = {"dyad": tuple(f"D{at:07d}" for at in range(sessions)), "track": ("r1",), "status": ("coded",),
              "party": ("client", "therapist"), "code": tuple(names), "rater": (), "perspective": (), "note": ()}
    table = Table.from_columns(Move, arrays=arrays, levels=levels)
    return rk.Cohort.of(table, coding=rk.Coding(codebook=book))


def seconds(work: Callable[[], Any]) -> float:
    """Return the median CPU seconds of a piece of work."""
    spent = []
    for _ in range(RUNS):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return statistics.median(spent)


def measure() -> dict[str, Any]:
    """Return times by size and the exponents, with n in sessions and episodes."""
    model, rows = rk.load_model("withdrawal-2000"), []
    for size in SIZES:
        made = cohort(size)
        cut = rk.segment(made)
        traced = rk.trace_cohort(cut, model, any_type=True)
        rows.append({"sessions": size, "episodes": len(traced), "moves": len(made.moves),
                     "segment": seconds(lambda made=made: rk.segment(made)),
                     "trace_cohort": seconds(lambda cut=cut: rk.trace_cohort(cut, model, any_type=True)),
                     "summary": seconds(traced.summary)})
    (*_, one, other) = rows
    ratio = math.log(other["sessions"] / one["sessions"])
    exponents = {name: round(math.log(other[name] / one[name]) / ratio, 3)
                 for name in ("segment", "trace_cohort", "summary")}
    return {"rows": rows, "exponents": exponents}


if __name__ == "__main__":
    warnings.simplefilter("ignore", rk.CodingWarning)
    json.dump(measure(), sys.stdout, indent=2)
