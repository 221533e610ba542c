"""How fast negotiations are found in many episodes, beside plain loops over the same columns that give the same.

    python benchmarks/negotiation.py                   # N = 100,000 episodes, growth up to 1,000,000
    python benchmarks/negotiation.py --largest 100000  # without the largest size

The workload: episodes of 0 to 32 turns, sixteen on average; the other side speaks next in nine turns of ten; two turns
in five hold one act, one in ten two. Found are spells, answers within one turn of the other, and ends: ours block by
block as `negotiation.table` does, the loops turn by turn, over lists made before the clock starts. Of the loops one is
as one would write it first, with a dict of what is open, and one was made as quick as its author could: what is open
in four bits, turns without acts passed over, no look ahead. All take turns in one process; times are CPU seconds,
medians. The exit code is 1 where any column differs, and 0 however slow anybody was. The result is printed as JSON;
`python tools/long_checks.py negotiation` keeps it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rupturekit import _kernels, _random
from rupturekit._kernels import open_claims as kernel
from rupturekit._kernels.replay import blocks

N = 100_000
"""Episodes of the comparison."""
SIZES = (10_000, 100_000, 1_000_000)
RUNS = 7
MEAN = 16
"""Turns an episode."""

Array = Any


CLAIMS, GRANTS, YIELDS = (1, 2), (4, 8), (64, 128)
"""The bits of a turn's acts, on agency and on communion."""


class Rows(NamedTuple):
    """What a loop finds: the columns of each row as in the kernel's results."""

    spells: list[list[int]]
    answers: list[list[int]]
    ends: list[list[int]]


class Columns(NamedTuple):
    """Turns end to end: side int8, acts uint8, and where each episode begins."""

    side: Array
    acts: Array
    offsets: Array


def episodes(n: int) -> Columns:
    """Return n random episodes."""
    draw = {purpose: _random.key(1, cluster="negotiation", purpose=purpose) for purpose in (
        "lengths", "sides", "how many acts", "first act", "second act")}
    offsets = np.concatenate([[0], np.cumsum(_random.below(draw["lengths"], n, 2 * MEAN + 1))])
    count = int(offsets[-1])
    many = _random.below(draw["how many acts"], count, 10)    # 0 to 3: one act; 4: two; else none
    first, second = (np.uint8(1) << _random.below(draw[which], count, 8).astype(np.uint8)
                     for which in ("first act", "second act"))
    acts = np.where(many < 5, first, np.uint8(0)) | np.where(many == 4, second, np.uint8(0))
    passed_on = _random.below(draw["sides"], count, 10) > 0
    return Columns(np.bitwise_xor.accumulate(passed_on.view(np.int8)), acts.astype(np.uint8), offsets)


# --- ours ------------------------------------------------------------------------------------------------------


def ours(held: Columns) -> list[list[Array]]:
    """Return the columns of spells, answers and ends, block by block and laid end to end."""
    found = [_of_block(held, low, high) for low, high in blocks(len(held.offsets) - 1, size=kernel.BLOCK)]
    return [[np.concatenate(column) for column in zip(*parts, strict=True)] for parts in zip(*found, strict=True)]


def _of_block(held: Columns, low: int, high: int) -> tuple[list[Array], list[Array], list[Array]]:
    edges = held.offsets[low : high + 1]
    start, offsets = int(edges[0]), edges - edges[0]
    side, acts = held.side[start : edges[-1]], held.acts[start : edges[-1]]
    run = kernel.runs_of(offsets)
    spells = kernel.spells(side, acts, run=run)
    answers = kernel.answers(side, acts, run=run, window=1)
    ends = kernel.closings(spells, offsets=offsets)
    return ([spells.flag, spells.run + low, spells.begin + start, _shifted(spells.end, start), spells.cause,
             spells.renewals],
            [answers.turn + start, answers.flag, answers.answer, _shifted(answers.at, start)],
            [ends.run + low, ends.turn + start, ends.claimed, ends.yielded, _shifted(ends.relapse, start)])


def _shifted(turn: Array, by: int) -> Array:
    return turn + by * (turn >= 0)


# --- the loops: rows of whole numbers --------------------------------------------------------------------------


def dict_loop(side: list[int], acts: list[int], offsets: list[int]) -> Rows:
    """Walk through every turn with a dict of the spells that are open, by side and need; look ahead for answers."""
    spells, answers, ends = Rows([], [], [])
    for run, (low, high) in enumerate(itertools.pairwise(offsets)):
        running: dict[tuple[int, int], list[int]] = {}
        since: list[list[int]] = []
        for at in range(low, high):
            who, said = side[at], acts[at]
            disputed = (0, 0) in running or (1, 0) in running
            for need in (0, 1):
                if said & GRANTS[need] and (1 - who, need) in running:
                    running.pop((1 - who, need))[3:5] = at, 0
                if said & YIELDS[need] and (who, need) in running:
                    running.pop((who, need))[3:5] = at, 1
            for need in (0, 1):
                if said & CLAIMS[need]:
                    if (who, need) in running:
                        running[who, need][5] += 1
                    else:
                        spell = running[who, need] = [2 * who + need, run, at, -1, 2, 0]
                        spells.append(spell)
                        if need == 0:
                            since.append(spell)
                            if ends and ends[-1][0] == run and ends[-1][4] < 0:
                                ends[-1][4] = at
                    answers.append([at, 2 * who + need, *answer_after(at, need, side, acts, high)])
            if disputed and (0, 0) not in running and (1, 0) not in running:
                sides = {spell[0] // 2 for spell in since}
                ends.append([run, at, sum(1 << one for one in sides), int(any(spell[4] == 1 for spell in since)), -1])
                since = []
    return Rows(spells, answers, ends)


def answer_after(at: int, need: int, side: list[int], acts: list[int], high: int) -> tuple[int, int]:
    """Return the answer to a claim, and the turn that gave it, -1 for none."""
    for later in range(at + 1, high):
        if side[later] != side[at]:
            return answer_to(need, acts[later]), later if acts[later] else -1
    return 5, -1


AGENCY, BOTH = 0b0101, 0b0011
CLAIMED = tuple(tuple(need for need in (0, 1) if acts >> need & 1) for acts in range(256))
"""Which needs each byte of acts claims."""


def quick_loop(side: list[int], acts: list[int], offsets: list[int]) -> Rows:
    """Walk through every turn once; what is open is four bits, flag `2 * side + need`."""
    spells, answers, ends = Rows([], [], [])
    opened = [0, 0, 0, 0]    # the place among the spells of the one that is open, by flag
    for run, (low, high) in enumerate(itertools.pairwise(offsets)):
        flags = claimed = given_up = 0
        waiting: tuple[list[list[int]], list[list[int]]] = ([], [])
        first_end = len(ends)
        for at in range(low, high):
            who, said = side[at], acts[at]
            asked = waiting[1 - who]
            if asked:
                for row in asked:
                    row[2] = answer_to(row[1] & 1, said)
                    row[3] = at if said else -1
                asked.clear()
            if not said:
                continue
            before, own, other = flags, 2 * who, 2 - 2 * who
            met, dropped = said >> 2 & BOTH & flags >> other, said >> 6 & BOTH & flags >> own
            if met or dropped:
                for need in (0, 1):
                    if met >> need & 1:
                        row = spells[opened[other + need]]
                        row[3], row[4] = at, 0
                    if dropped >> need & 1:
                        row = spells[opened[own + need]]
                        row[3], row[4] = at, 1
                flags &= ~(met << other | dropped << own)
                given_up |= dropped & 1
            for need in CLAIMED[said]:
                flag = own + need
                if flags >> flag & 1:
                    spells[opened[flag]][5] += 1
                else:
                    opened[flag] = len(spells)
                    spells.append([flag, run, at, -1, 2, 0])
                    flags |= 1 << flag
                    if not need:
                        claimed |= 1 << who
                        if len(ends) > first_end and ends[-1][4] < 0:
                            ends[-1][4] = at
                answer = [at, flag, 5, -1]
                answers.append(answer)
                waiting[who].append(answer)
            if before & AGENCY and not flags & AGENCY:
                ends.append([run, at, claimed, given_up, -1])
                claimed = given_up = 0
    return Rows(spells, answers, ends)


def answer_to(need: int, said: int) -> int:
    """Return how acts answer a claim: contested, met, countered, other, deflected, as 0 to 4."""
    if said >> (4 + need) & 1:
        return 0
    if said >> (2 + need) & 1:
        return 1
    return 2 if said & BOTH else 3 if said else 4


# --- measuring -------------------------------------------------------------------------------------------------


def same(found: list[list[Array]], rows: Rows) -> dict[str, bool]:
    """Return whether a loop's rows are our columns."""
    return {name: np.array_equal(np.stack([column.astype(np.int64) for column in ours], axis=1),
                                 np.array(theirs, dtype=np.int64).reshape(-1, len(ours)))
            for name, ours, theirs in zip(Rows._fields, found, rows, strict=True)}


def in_turns(works: Mapping[str, Callable[[], Any]], *, runs: int = RUNS) -> dict[str, float]:
    """Return the median CPU seconds of each piece of work; all take turns, `runs` times."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            begun = time.process_time()
            work()
            spent[name].append(time.process_time() - begun)
    return {name: statistics.median(times) for name, times in spent.items()}


def compare(n: int) -> dict[str, Any]:
    """Time all on the same episodes, and compare what they give."""
    held = episodes(n)
    listed = [column.tolist() for column in held]
    found = ours(held)
    loops = {"dict loop": dict_loop, "quick loop": quick_loop}
    equal = {f"{name}, {part}": equal for name, loop in loops.items()
             for part, equal in same(found, loop(*listed)).items()}
    times = in_turns({"kernel": lambda: ours(held)} | {
        name: lambda loop=loop: loop(*listed) for name, loop in loops.items()})
    turns = len(held.side)
    return {"n": n, "turns": turns, "turns with acts": round(float((held.acts != 0).mean()), 4), "runs": RUNS,
            "spells": len(found[0][0]), "claims": len(found[1][0]), "ends": len(found[2][0]), "same columns": equal,
            "seconds": {name: float(f"{spent:.3g}") for name, spent in times.items()},
            "nanoseconds a turn": {name: round(spent / turns * 1e9, 1) for name, spent in times.items()},
            "ratios": {f"{name} / kernel": round(times[name] / times["kernel"], 1) for name in loops},
            "bytes a turn": memory(held)}


def memory(held: Columns) -> dict[str, float]:
    """Return bytes a turn: held at most above the columns given, and kept in what was found."""
    tracemalloc.start()
    found = ours(held)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    kept = sum(column.nbytes for part in found for column in part)
    return {"peak": round(most / len(held.side), 1), "kept": round(kept / len(held.side), 1)}


def growth(sizes: list[int]) -> dict[str, Any]:
    """Return times by number of episodes, and the slope of log time on log turns from the first size to the last."""
    rows = []
    for size in sizes:
        held = episodes(size)
        spent = in_turns({"kernel": lambda held=held: ours(held)}, runs=5)["kernel"]
        rows.append({"episodes": size, "turns": len(held.side), "kernel": spent})
    apart = math.log(rows[-1]["turns"] / rows[0]["turns"]) if len(rows) > 1 else math.nan
    return {"seconds": rows, "exponent": round(math.log(rows[-1]["kernel"] / rows[0]["kernel"]) / apart, 3)}


def modules() -> list[str]:
    """Return the sources of the library that this run has loaded, from the root of the checkout."""
    root = Path(_kernels.__file__).parents[3]
    return [Path(str(module.__file__)).relative_to(root).as_posix() for name, module in sorted(sys.modules.items())
            if name.partition(".")[0] == "rupturekit"]


def main(arguments: list[str]) -> int:
    """Measure, print as JSON, and say by the exit code whether all gave the same."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--episodes", type=int, default=N, help="of the comparison (default: %(default)s)")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="episodes of the largest size of the growth")
    asked = parser.parse_args(arguments)
    found = compare(asked.episodes)
    found["growth"] = growth([size for size in SIZES if size <= asked.largest])
    json.dump(found | {"modules": modules()}, sys.stdout, indent=2)
    print()
    return 0 if all(found["same columns"].values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
