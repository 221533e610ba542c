"""How fast a study is simulated, beside a plain loop that gives the same columns.

    python benchmarks/simulation.py                    # 100,000 episodes
    python benchmarks/simulation.py --episodes 10000

The loop is the one that the tests hold the simulator to, one dyad, one session, one turn at a time; both give the same
columns, turn by turn, and the exit code is 1 where any differ. Both take turns in one process; times are CPU seconds,
medians, of making the columns and, for ours, of the whole study with its tables and its truth. An episode is a rupture
of the truth. The result is printed as JSON; `python tools/long_checks.py simulation` keeps it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import oracles_simulation as slow
from rupturekit import simulation
from rupturekit.simulation.chances import chances_of
from rupturekit.simulation.cohorts import TURNS_AT_ONCE, simulate
from rupturekit.simulation.design import Design
from rupturekit.simulation.streams import Streams, run_sessions
from rupturekit.simulation.truth import TurnKind

RUNS = 3
PER_SESSION = 1.28    # ruptures, nearly, in a session of the design
AT_ONCE = 500    # dyads that the loop does before they are compared and let go
TURNS = 50    # a session
DESIGN = {"sessions": 10, "turns": (TURNS, TURNS), "onset": 0.08, "lapse": 0.04}


def design_of(episodes: int) -> Design:
    """Return a design of about so many episodes."""
    return Design(dyads=round(episodes / PER_SESSION / 10), **DESIGN)


def ours(design: Design) -> Streams:
    """Make the columns block by block."""
    chances, due, block = chances_of(design), np.arange(design.dyads * design.sessions), TURNS_AT_ONCE // TURNS
    return Streams.joined([run_sessions(chances, due[low : low + block], seed=1) for low in range(0, len(due), block)])


def same(streams: Streams, dyads: list[list[slow.Meeting]], design: Design, *, first: int) -> tuple[bool, int]:
    """Return whether the loop's turns are ours from turn number `first` on, and the number after them."""
    turns = [turn for meetings in dyads for one in meetings for turn in one.turns]
    kinds = {kind.value: at for at, kind in enumerate(TurnKind)}
    states = {state.name: at for at, state in enumerate(design.model.states)} | {None: -1}
    codes = {code: at for at, code in enumerate(chances_of(design).codes)} | {None: -1}
    columns = {
        "turn": [turn.turn for turn in turns], "party": [slow.PARTIES.index(turn.party) for turn in turns],
        "onset": [turn.onset for turn in turns], "offset": [turn.offset for turn in turns],
        "kind": [kinds[turn.kind] for turn in turns], "state": [states[turn.state] for turn in turns],
        "code": [codes[turn.code] for turn in turns]}
    after = first + len(turns)
    return all(np.array_equal(getattr(streams, name)[first:after], values) for name, values in columns.items()), after


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of one run, and what it gave."""
    begun = time.process_time()
    found = work()
    return time.process_time() - begun, found


def loop(design: Design, streams: Streams) -> tuple[float, bool]:
    """Return the CPU seconds of the loop, and whether it gave our columns; what it made is let go piece by piece."""
    spent, equal, at = 0.0, True, 0
    for low in range(0, design.dyads, AT_ONCE):
        dyads = range(low, min(low + AT_ONCE, design.dyads))
        took, plain = seconds(lambda dyads=dyads: slow.simulated(design, seed=1, dyads=dyads))
        agrees, at = same(streams, plain, design, first=at)
        spent, equal = spent + took, equal and agrees
    return spent, equal and at == len(streams.turn)


def measure(episodes: int) -> dict[str, Any]:
    """Time both on one design, in turns, and compare what they give."""
    design = design_of(episodes)
    times: dict[str, list[float]] = {"loop": [], "columns": [], "study": []}
    equal = True
    for _ in range(RUNS):
        spent, streams = seconds(lambda: ours(design))
        times["columns"].append(spent)
        spent, agrees = loop(design, streams)
        times["loop"].append(spent)
        spent, made = seconds(lambda: simulate(design, seed=1))
        times["study"].append(spent)
        equal = equal and agrees
    middle = {name: statistics.median(spent) for name, spent in times.items()}
    return {"n": len(made.truth.ruptures), "turns": len(streams.turn), "moves": len(made.cohort.moves), "runs": RUNS,
            "same columns": equal, "seconds": {name: round(one, 3) for name, one in middle.items()},
            "nanoseconds a turn": {name: round(one / len(streams.turn) * 1e9) for name, one in middle.items()},
            "loop / columns": round(middle["loop"] / middle["columns"], 1),
            "loop / study": round(middle["loop"] / middle["study"], 1)}


def modules() -> list[str]:
    """Return the sources of the library that this run has loaded, from the root of the checkout."""
    root = Path(simulation.__file__).parents[3]
    return [Path(str(module.__file__)).relative_to(root).as_posix() for name, module in sorted(sys.modules.items())
            if name.partition(".")[0] == "rupturekit"]


def main(arguments: list[str]) -> int:
    """Measure, print as JSON, and say by the exit code whether both gave the same."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--episodes", type=int, default=100_000, help="about how many (default: 100,000)")
    found = measure(parser.parse_args(arguments).episodes)
    json.dump(found | {"modules": modules()}, sys.stdout, indent=2)
    print()
    return 0 if found["same columns"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
