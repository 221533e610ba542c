"""How fast many episodes are replayed: whole traces and their summary form, beside a dict loop and `transitions`.

    pip install "rupturekit[bench]"
    python benchmarks/replay.py                  # N = 100,000 episodes, growth up to 1,000,000
    python benchmarks/replay.py --largest 100000 # without the largest sizes

The workload: a model of eight states and 24 codes, five arrows a state; episodes of 5 to 60 moves, sixteen on average,
that walk along a random arrow three times in four and otherwise hold a random code. The same events reach everybody:
ours as a `Cohort` with its columns, the peers as lists made before the clock starts. All take turns in one process;
times are CPU seconds, medians. A code without an arrow leaves the state as it was (`follow_skips=False` for ours), and
all answers are compared: the exit code is 1 where any differ, and 0 however slow anybody was. The result is printed as
JSON; `python tools/long_checks.py replay` keeps it in `benchmarks/results/replay.json`.
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
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from transitions import Machine

import rupturekit as rk
from rupturekit import _random
from rupturekit._schema import ABSENT, ABSENT_CODE
from rupturekit._table import Array, Table
from rupturekit.codebooks import Code, Codebook
from rupturekit.cohort import Episodes
from rupturekit.episode import EpisodeRow, Move
from rupturekit.state_machine import Condition, State, Transition, check_model
from rupturekit.traces import TraceEnds, TraceTable, trace_ends
from rupturekit.vocabulary import Certainty, ClosedBy, Evidence, Phase

N = 100_000
"""Episodes of the comparison."""
PEER_EPISODES = 200
"""Episodes on which `transitions` is timed: its cost an event does not depend on how many there are."""
RUNS = 7
GOAL = 7
ARROWS: tuple[Mapping[int, int], ...] = (
    {0: 3, 2: 2, 4: 0, 7: 1, 16: 5}, {0: 2, 1: 3, 4: 3, 13: 2, 23: 1}, {1: 3, 4: 4, 8: 2, 10: 4, 11: 4},
    {2: 3, 11: 4, 12: 1, 17: 4, 18: 6}, {11: 3, 15: 5, 19: 1, 20: 4, 22: 3}, {3: 4, 4: 6, 12: 6, 13: 5, 23: 5},
    {5: 0, 6: 6, 10: 7, 14: 2, 15: 3}, {1: 6, 5: 7, 6: 4, 12: 7, 17: 1})
"""For each state the next state by code; 0 is the initial state and 7 the goal."""
CODES = tuple(f"c{code:02d}" for code in range(24))


def codebook() -> Codebook:
    """Return 24 codes, each with a function of its own."""
    codes = tuple(Code(code=code, label=code, functions=(f"does_{code}",)) for code in CODES)
    return Codebook(name="bench", title="Benchmark", version="1", citation="", certainty=Certainty.LOW,
                    reliability="none", unit="turn", codes=codes)


def process_model() -> rk.StateMachine:
    """Return the model of `ARROWS`; the goal is its only end and its only state of phase repair."""
    phases = [Phase.RUPTURE, *[Phase.NEGOTIATION] * 6, Phase.REPAIR]
    states = tuple(State(name=f"s{at}", phase=phase, initial=at == 0, end=at == GOAL)
                   for at, phase in enumerate(phases))
    arrows = tuple(Transition(source=f"s{state}", target=f"s{target}", evidence=Evidence.ASSUMPTION,
                              when=Condition(functions=(f"does_{CODES[code]}",)))
                   for state, leaving in enumerate(ARROWS) for code, target in leaving.items())
    model = rk.StateMachine(name="bench-8", title="Benchmark", source="nobody", states=states, transitions=arrows)
    check_model(model)
    return model


def events(n: int) -> tuple[Array, Array]:
    """Return the codes of n random episodes end to end, and the offset of each episode."""
    draw = _random.key(1, cluster="replay", purpose="lengths")
    steps = 1 + np.floor(np.log1p(-_random.uniforms(draw, n)) / math.log1p(-1 / 12)).astype("i8")
    lengths = np.clip(4 + steps, 5, 60)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    draws = _random.draws(_random.key(1, cluster="replay", purpose="codes"), int(offsets[-1]))
    leaving = np.array([list(arrows) for arrows in ARROWS])
    table = np.array([[arrows.get(code, state) for code in range(24)] for state, arrows in enumerate(ARROWS)])
    codes, state = np.empty(len(draws), dtype="i4"), np.zeros(n, dtype="i8")
    for step in range(60):
        alive = np.flatnonzero(lengths > step)
        drawn = draws[offsets[alive] + step]
        noise, pick, any_code = drawn & np.uint64(3), (drawn >> np.uint64(2)) % np.uint64(5), drawn >> np.uint64(32)
        code = np.where(noise == 0, any_code % np.uint64(24), leaving[state[alive], pick.astype("i8")]).astype("i8")
        codes[offsets[alive] + step], state[alive] = code, table[state[alive], code]
    return codes, offsets


def cohort_of(codes: Array, offsets: Array, *, tied: int = 0) -> rk.Cohort:
    """Return the same events as a cohort, ten episodes a dyad, one a session, moves ten seconds apart.

    With `tied`, every so many moves one stands at the instant of the move before it.
    """
    n, count, lengths = len(offsets) - 1, len(codes), np.diff(offsets)
    at = np.arange(count)
    place = at - np.repeat(offsets[:-1], lengths)
    onset = 10_000_000 * (place - ((place % tied == tied - 1) if tied else 0))
    absent = np.broadcast_to(closed(np.array(ABSENT)), count)
    nothing = np.broadcast_to(closed(np.array(ABSENT_CODE, dtype="i4")), count)
    zero = np.zeros(count, dtype="i4")
    number = np.arange(n)
    arrays = dict.fromkeys(("offset", "rating", "source_row", "media"), absent) | dict.fromkeys(
        ("rater", "perspective", "note"), nothing) | {
        "row_id": at, "dyad": np.repeat((number // 10).astype("i4"), lengths), "track": zero, "status": zero,
        "session": np.repeat(number % 10 + 1, lengths), "party": (at % 2).astype("i4"), "code": codes, "onset": onset,
        "tie": place}
    dyads = tuple(f"D{dyad:06d}" for dyad in range((n + 9) // 10))
    levels = {"dyad": dyads, "track": ("r1",), "status": ("coded",), "party": ("client", "therapist"), "code": CODES,
              "rater": (), "perspective": (), "note": ()}
    moves = Table.from_columns(Move, arrays={name: closed(values) for name, values in arrays.items()}, levels=levels)
    cohort = rk.Cohort.of(moves, coding=rk.Coding(codebook=codebook()))
    return cohort.with_episodes(episodes_of(offsets, onset, dyads), rule="benchmark")


def episodes_of(offsets: Array, onset: Array, dyads: tuple[str, ...]) -> Episodes:
    """Return one episode a session; every fourth was cut short by the end of what was observed."""
    number = np.arange(len(offsets) - 1)
    zero, session = np.zeros(len(number), dtype="i4"), number % 10 + 1
    arrays = {
        "episode": number.astype("i4"), "dyad": (number // 10).astype("i4"), "track": zero, "first_session": session,
        "onset": zero.astype("i8"), "last_session": session, "end": onset[offsets[1:] - 1] + 10_000_000,
        "rupture_type": zero + ABSENT_CODE, "party": zero + ABSENT_CODE, "source": zero,
        "closed_by": (number % 4 == 0).astype("i4"), "closed_by_outcome": np.zeros(len(number), dtype=bool)}
    levels = {"episode": tuple(f"E{at:07d}" for at in number.tolist()), "dyad": dyads, "track": ("r1",),
              "rupture_type": (), "party": (), "source": ("rule",),
              "closed_by": (ClosedBy.SESSION_END.value, ClosedBy.OBSERVATION_END.value)}
    return Episodes(rows=Table.from_columns(EpisodeRow, arrays=arrays, levels=levels), offsets=closed(offsets),
                    members=closed(np.arange(offsets[-1])), new_session=closed(np.zeros(offsets[-1], dtype=bool)))


def closed(array: Array) -> Array:
    """Return an array after closing it to writing, so that the cohort need not copy it."""
    array.flags.writeable = False
    return array


# --- peers: final state, and the step at which the goal was first entered (-1 for never) -----------------------


def dict_loop(codes: list[int], offsets: list[int]) -> tuple[list[int], list[int]]:
    """Look every event up in one dict a state, written out by hand."""
    tables, ends, firsts = list(map(dict, ARROWS)), [], []
    for low, high in itertools.pairwise(offsets):
        state, first = 0, -1
        for at in range(low, high):
            state = tables[state].get(codes[at], state)
            if state == GOAL and first < 0:
                first = at - low
        ends.append(state)
        firsts.append(first)
    return ends, firsts


def engine() -> Machine:
    """Return a `transitions.Machine` of the model."""
    arrows = [[f"c{code}", f"s{state}", f"s{target}"] for state, leaving in enumerate(ARROWS)
              for code, target in leaving.items()]
    return Machine(states=[f"s{at}" for at in range(8)], transitions=arrows, initial="s0", auto_transitions=False,
                   ignore_invalid_triggers=True)


def by_transitions(machine: Machine, codes: list[int], offsets: list[int]) -> tuple[list[int], list[int]]:
    """Feed every event to an engine that was built before the clock starts; triggers are looked up before the loop."""
    events = [getattr(machine, f"c{code}", lambda: None) for code in range(24)]
    goal, ends, firsts = f"s{GOAL}", [], []
    for low, high in itertools.pairwise(offsets):
        machine.set_state("s0")
        first = -1
        for at in range(low, high):
            events[codes[at]]()
            if first < 0 and machine.state == goal:
                first = at - low
        ends.append(int(machine.state[1:]))
        firsts.append(first)
    return ends, firsts


# --- measuring -------------------------------------------------------------------------------------------------


def in_turns(works: Mapping[str, tuple[Callable[[], Any], int]], *, runs: int = RUNS) -> dict[str, float]:
    """Return the median CPU nanoseconds an event of each piece of work; all take turns, `runs` times."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, (work, count) in works.items():
            begun = time.process_time()
            work()
            spent[name].append(1e9 * (time.process_time() - begun) / count)
    return {name: statistics.median(times) for name, times in spent.items()}


def peak(work: Callable[[], Any], *, count: int) -> float:
    """Return the largest number of bytes an event that a piece of work held at once, its result included."""
    tracemalloc.start()
    kept = work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return most / count


def same(answers: tuple[list[int], list[int]], ends: TraceEnds) -> bool:
    """Return whether a peer's last states and first steps in the goal are ours."""
    return (answers[0], answers[1]) == (ends.state.tolist(), ends.first_end.tolist())


def compare() -> dict[str, Any]:
    """Time everybody on the same events, and check that all say the same."""
    model, (codes, offsets) = process_model(), events(N)
    cohort, few = cohort_of(codes, offsets), offsets[: PEER_EPISODES + 1].tolist()
    listed, edges, machine = codes.tolist(), offsets.tolist(), engine()
    cold = {"digest of the cohort, once a cohort": seconds_of(lambda: attrs.evolve(cohort).digest) / len(codes) * 1e9}
    cold["trace_cohort, first call"] = seconds_of(lambda: stay(cohort, model)) / len(codes) * 1e9
    ends, table = trace_ends(cohort, model, follow_skips=False), stay(cohort, model)
    looped, fed = dict_loop(listed, edges), by_transitions(machine, listed, few)
    answers = {"dict loop = trace_ends": same(looped, ends), "trace_cohort = trace_ends": table.ends() == ends,
               "transitions = dict loop": fed == (looped[0][:PEER_EPISODES], looped[1][:PEER_EPISODES])}
    del looped
    tied = cohort_of(codes, offsets, tied=10)
    assert tied.digest    # cached from here on: what it costs is told above
    count = len(codes)
    times = in_turns({
        "transitions": (lambda: by_transitions(machine, listed, few), few[-1]),
        "dict loop": (lambda: dict_loop(listed, edges), count),
        "trace_ends": (lambda: trace_ends(cohort, model, follow_skips=False), count),
        "trace_cohort": (lambda: stay(cohort, model), count),
        "trace_ends, skips followed": (lambda: trace_ends(cohort, model), count),
        "trace_cohort, skips followed": (lambda: rk.trace_cohort(cohort, model), count),
        "trace_cohort, a tenth of the moves tied": (lambda: stay(tied, model), count),
        "columns": (table.columns, count), "ends of a table": (lambda: fresh(table).ends(), count),
        "dwell": (table.dwell, count), "visits": (table.visits, count),
        "summary": (lambda: fresh(table).summary(), count),
    })
    return {"events": count, "same answers": answers, "nanoseconds an event": rounded(times | cold),
            "ratios": ratios(times), "memory": memory(cohort, model, table)}


def stay(cohort: rk.Cohort, model: rk.StateMachine) -> TraceTable:
    """Trace with a code without an arrow leaving the state as it was, as the peers do."""
    return rk.trace_cohort(cohort, model, follow_skips=False)


def fresh(table: TraceTable) -> TraceTable:
    """Return the same table without what it remembers of itself."""
    return attrs.evolve(table)


def seconds_of(work: Callable[[], Any]) -> float:
    """Return the CPU seconds of one run."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def ratios(times: Mapping[str, float]) -> dict[str, float]:
    """Return how many times as long the peers took."""
    return rounded({f"{peer} / {ours}": times[peer] / times[ours]
                    for ours in ("trace_ends", "trace_cohort") for peer in ("transitions", "dict loop")})


def memory(cohort: rk.Cohort, model: rk.StateMachine, table: TraceTable) -> dict[str, float]:
    """Return bytes an event: what was held at most above the cohort's own columns, and what a table keeps."""
    count = len(table.before)
    kept = sum(getattr(table, name).nbytes for name in ("symbol", "before", "after", "reason", "order_dependent"))
    return rounded({"trace_ends, peak": peak(lambda: trace_ends(cohort, model, follow_skips=False), count=count),
                    "trace_cohort, peak": peak(lambda: stay(cohort, model), count=count), "table, kept": kept / count})


def growth(sizes: list[int]) -> dict[str, Any]:
    """Return times by number of episodes, and the slope of log time on log events from the first size to the last."""
    model, rows = process_model(), []
    for size in sizes:
        codes, offsets = events(size)
        cohort = cohort_of(codes, offsets)
        assert cohort.digest    # cached from here on, once a cohort
        times = in_turns({"trace_ends": (lambda cohort=cohort: trace_ends(cohort, model, follow_skips=False), 1),
                          "trace_cohort": (lambda cohort=cohort: stay(cohort, model), 1)}, runs=5)
        rows.append({"episodes": size, "events": len(codes)} | {name: t / 1e9 for name, t in times.items()})
    first, last = rows[0], rows[-1]
    apart = math.log(last["events"] / first["events"]) if len(rows) > 1 else math.nan
    return {"seconds": rows, "exponents": {name: round(math.log(last[name] / first[name]) / apart, 3)
                                           for name in ("trace_ends", "trace_cohort")}}


def modules() -> list[str]:
    """Return the sources of the library that this run has loaded, from the root of the checkout."""
    loaded = [Path(str(module.__file__)) for name, module in sorted(sys.modules.items())
              if name.partition(".")[0] == "rupturekit"]
    root = Path(rk.__file__).parents[2]
    return [path.relative_to(root).as_posix() for path in loaded]


def rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return numbers to three figures."""
    return {name: float(f"{number:.3g}") for name, number in numbers.items()}


def main(arguments: list[str]) -> int:
    """Measure, print as JSON, and say by the exit code whether all answers were the same."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--largest", type=int, default=1_000_000, help="episodes of the largest size of the growth")
    largest = parser.parse_args(arguments).largest
    warnings.simplefilter("ignore", rk.CodingWarning)
    found = {"n": N, "peers": {"transitions": version("transitions"), "episodes": PEER_EPISODES}, "runs": RUNS}
    found |= compare()
    found["modules"] = modules()
    found["growth"] = growth([size for size in (10_000, 100_000, 1_000_000) if size <= largest])
    json.dump(found, sys.stdout, indent=2)
    print()
    return 0 if all(found["same answers"].values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
