"""How fast transitions are counted in shuffled episodes, beside numpy's own shuffle.

    pip install "rupturekit[fast]"
    python benchmarks/permutation.py

The workload: 200 episodes of 40 events, 24 codes; the codes of each episode in random order, B = 1,000 and 4,000 times,
and how often each code follows each, by replicate. No package among the peers does this test; what people write is
numpy's `Generator.permuted` over many replicates at once and one `bincount`, here with the number of replicates at once
that suits it best. Ours are the plain form, with what is always installed, and the one that numba compiles. All take
turns in one process; times are CPU seconds, medians, told as nanoseconds an event and replicate. Compiling comes before
and is told apart: in a new folder, and in a second process that finds there what the first has compiled.

Both of ours must give the same counts; for the peer, whose orders are others, and for ours every event must be counted
in every replicate, and every mean count must be the exact one within Monte Carlo error. The exit code is 1 where that
does not hold, and 0 however slow anybody was. The result is printed as JSON; `python tools/long_checks.py permutation`
keeps it in `benchmarks/results/permutation.json`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import rupturekit
from rupturekit import _random
from rupturekit._kernels._numba.shuffles import Kernels, compiled
from rupturekit._kernels.shuffles import shuffled_transitions
from rupturekit._table import Array

EPISODES, EVENTS, CODES = 200, 40, 24
REPLICATES = (1_000, 4_000)
AT_ONCE = (5, 10, 20, 50)
"""How many replicates the peer may do at once; it takes the quickest."""
RUNS = 7
MOST_ERRORS = 6.0
"""How many standard errors a mean count may lie from the exact one: of 576 one does in one of a million runs."""


def data() -> tuple[Array, Array, Array]:
    """Return the codes of all episodes end to end, their offsets, and a stream for each."""
    codes = _random.below(_random.key(1, cluster="permutation", purpose="codes"), EPISODES * EVENTS, CODES)
    keys = _random.draws(_random.key(1, cluster="permutation", purpose="keys"), EPISODES)
    return codes.astype(np.uint8), EVENTS * np.arange(EPISODES + 1), keys


def by_permuted(codes: Array, count: int, *, at_once: int) -> Array:
    """Shuffle many copies with numpy and count: replicates x codes * codes."""
    rng = np.random.default_rng(1)  # noqa: TID251    # the peer's
    counts = np.empty((count, CODES * CODES), dtype="i8")
    for low in range(0, count, at_once):
        many = min(at_once, count - low)
        rows = np.broadcast_to(codes.reshape(1, EPISODES, EVENTS), (many, EPISODES, EVENTS)).reshape(-1, EVENTS)
        laid = rng.permuted(rows, axis=1)
        pairs = (laid[:, :-1].astype("i8") * CODES + laid[:, 1:]).reshape(many, -1)
        pairs += CODES * CODES * np.arange(many)[:, None]
        counts[low : low + many] = np.bincount(pairs.ravel(), minlength=many * CODES * CODES).reshape(many, -1)
    return counts


def plain(given: tuple[Array, Array, Array], count: int) -> Array:
    """Count with numpy alone."""
    codes, offsets, keys = given
    return shuffled_transitions(codes, offsets=offsets, n_codes=CODES, keys=keys, draws=_random.draws, start=0,
                                count=count)


def fast(kernels: Kernels, given: tuple[Array, Array, Array], count: int) -> Array:
    """Count with what numba compiled."""
    codes, offsets, keys = given
    return kernels.shuffled_transitions(codes, offsets, keys, CODES, np.uint64(0), count)


# --- measuring -------------------------------------------------------------------------------------------------


def seconds(work: Callable[[], Any]) -> float:
    """Return the CPU seconds of one run."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def first_call() -> dict[str, float]:
    """Return the CPU seconds of importing numba and of the first call, in this process."""
    given = data()
    loaded = seconds(compiled)
    return {"import": round(loaded, 3), "first call": round(seconds(lambda: fast(compiled(), given, 1)), 3)}


def compiling() -> dict[str, dict[str, float]]:
    """Return what the first call costs a process that has to compile, and one that finds it compiled."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        command = [sys.executable, __file__, "--first-call"]
        said = [subprocess.run(command, env=environment, check=True, text=True, stdin=subprocess.DEVNULL,
                               capture_output=True).stdout for _ in range(2)]
    return dict(zip(("compiled anew", "found compiled"), map(json.loads, said), strict=True))


def expected() -> Array:
    """Return the exact mean of every count: of n codes, n_a * n_b / n pairs, and n_a * (n_a - 1) / n of one code."""
    codes, _, _ = data()
    held = np.stack([np.bincount(episode, minlength=CODES) for episode in codes.reshape(EPISODES, EVENTS)])
    pairs = held[:, :, None] * (held[:, None, :] - np.eye(CODES, dtype="i8"))
    return np.asarray(pairs.sum(axis=0) / EVENTS)


def right(counts: Array) -> bool:
    """Return whether counts are of these codes in random order: the margins of each replicate, and all means."""
    counts = counts.reshape(-1, CODES, CODES)
    last = np.bincount(data()[0], minlength=CODES) - counts.sum(axis=2)    # how often each code ends an episode
    apart = np.abs(counts.mean(axis=0) - expected())
    return bool((last >= 0).all() and (last.sum(axis=1) == EPISODES).all()
                and (apart <= MOST_ERRORS * counts.std(axis=0) / len(counts) ** 0.5).all())


def agree(peer: Array, ours: Array, other: Array) -> dict[str, bool]:
    """Return whether both of ours say the same, and all what they should."""
    return {"plain = fast": bool(np.array_equal(ours, other)), "rng.permuted is right": right(peer),
            "plain is right": right(ours)}


def compare(kernels: Kernels, count: int, *, at_once: int) -> dict[str, Any]:
    """Time all in turns and compare what they give."""
    given = data()
    works = {"rng.permuted": lambda: by_permuted(given[0], count, at_once=at_once),
             "plain": lambda: plain(given, count), "fast": lambda: fast(kernels, given, count)}
    found = [work() for work in works.values()]
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(RUNS):
        for name, work in works.items():
            spent[name].append(seconds(work) / (count * EPISODES * EVENTS) * 1e9)
    times = {name: statistics.median(all_of) for name, all_of in spent.items()}
    return {"replicates": count, "same answers": agree(*found), "nanoseconds an event and replicate": rounded(times),
            "ratios": rounded({f"rng.permuted / {ours}": times["rng.permuted"] / times[ours]
                               for ours in ("plain", "fast")})}


def quickest() -> int:
    """Return how many replicates at once suit the peer best."""
    codes, _, _ = data()
    took = {at_once: min(seconds(lambda at_once=at_once: by_permuted(codes, 200, at_once=at_once)) for _ in range(5))
            for at_once in AT_ONCE}
    return min(took, key=lambda at_once: took[at_once])


def modules() -> list[str]:
    """Return the sources of the library that this run has loaded, from the root of the checkout."""
    root = Path(rupturekit.__file__).parents[2]
    return [Path(str(module.__file__)).relative_to(root).as_posix() for name, module in sorted(sys.modules.items())
            if name.partition(".")[0] == "rupturekit"]


def rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return numbers to three figures."""
    return {name: float(f"{number:.3g}") for name, number in numbers.items()}


def main(arguments: list[str]) -> int:
    """Measure, print as JSON, and say by the exit code whether all gave what they should."""
    if arguments == ["--first-call"]:
        print(json.dumps(first_call()))
        return 0
    costs, kernels, at_once = compiling(), compiled(), quickest()
    rows = [compare(kernels, count, at_once=at_once) for count in REPLICATES]
    found = {"n": EPISODES * EVENTS * max(REPLICATES), "episodes": EPISODES, "events an episode": EVENTS,
             "codes": CODES, "runs": RUNS,
             "peers": {"numpy": version("numpy"), "numba": version("numba"), "replicates at once": at_once},
             "seconds before the first answer": costs, "rows": rows, "modules": modules()}
    json.dump(found, sys.stdout, indent=2)
    print()
    return 0 if all(all(row["same answers"].values()) for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
