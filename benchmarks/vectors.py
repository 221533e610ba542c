"""How many vectors of costs come up in alignments to each shipped model, and how often there are too many.

    python benchmarks/vectors.py

For every shipped model and every shipped codebook, with the default prices: how many vectors can come up at all (none
said where they are more than are numbered), and what happens on simulated cohorts of 1,000 episodes of 5 to 60 moves,
sixteen on average, in which each move is one that an arrow of the current state waits for, or in one case of four any
that the codebook shows: the most vectors that came up, and the share of cohorts in which there were too many and the
programme was run (the fallback). Where no bound is known, a cohort of 20,000 episodes is tried too. Nothing is timed.
The result is printed as JSON; `python tools/long_checks.py vectors` keeps it.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from rupturekit import _kernels, _random
from rupturekit._kernels.alignment import MOST_VECTORS, NO_WAY, Prices, Table, table_of, walk
from rupturekit.alphabet import Alphabet, compile_model
from rupturekit.codebooks import codebook_names, load_codebook
from rupturekit.conformance.costs import AlignmentCosts, prices
from rupturekit.state_machine import load_model, model_names

COHORTS, EPISODES, MANY = 5, 1_000, 20_000

Array = Any


def episodes(alphabet: Alphabet, n: int, *, seed: int) -> tuple[Array, Array]:
    """Return the symbols of n random episodes end to end, and where each begins."""
    draw = {purpose: _random.key(seed, cluster=alphabet.model.name, purpose=purpose)
            for purpose in ("lengths", "loose", "which")}
    waits = np.ceil(np.log1p(-_random.uniforms(draw["lengths"], n)) / math.log1p(-1 / 12)).astype(np.int64)
    lengths = np.clip(4 + np.maximum(waits, 1), 5, 60)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    loose = _random.below(draw["loose"], int(offsets[-1]), 4) == 0
    which = _random.uniforms(draw["which"], int(offsets[-1]))
    shown = np.unique(alphabet.symbol)
    taken = [np.intersect1d(shown, [symbol for at, symbol in alphabet.hops if at == state])
             for state in range(len(alphabet.next))]
    symbols, state = np.empty(int(offsets[-1]), dtype=np.int16), np.full(n, alphabet.start)
    for step in range(int(lengths.max())):
        for run in np.flatnonzero(lengths > step).tolist():
            at = offsets[run] + step
            among = shown if loose[at] or not len(taken[state[run]]) else taken[state[run]]
            symbols[at] = among[int(which[at] * len(among))]
            state[run] = alphabet.next[state[run], symbols[at]]
    return symbols, offsets


def pair(model: str, codebook: str) -> dict[str, Any]:
    """Return what comes up in alignments to one model with one codebook."""
    alphabet = compile_model(load_model(model), load_codebook(codebook))
    held = prices(alphabet, AlignmentCosts())
    if int((held.begin + held.stop).min()) >= NO_WAY:
        raise ValueError(f"{model} has no end that is reached")
    whole = table_of(held)
    met = [walked(alphabet, held, EPISODES, seed=seed) for seed in range(COHORTS)]
    large = walked(alphabet, held, MANY, seed=COHORTS) if whole is None else None
    return {"model": model, "codebook": codebook, "states": len(alphabet.model.states), "symbols": len(alphabet.fits),
            "vectors": None if whole is None else whole.count, "most met": max(met_here for met_here, _ in met),
            "fallback rate": sum(full for _, full in met) / COHORTS,
            "large": None if large is None else {"met": large[0], "fallback": large[1]}}


def walked(alphabet: Alphabet, held: Prices, n: int, *, seed: int) -> tuple[int, bool]:
    """Return how many vectors came up in a cohort, and whether they were too many."""
    table = Table(held)
    symbols, offsets = episodes(alphabet, n, seed=seed)
    walk(table, symbols, offsets=offsets)
    return table.count, table.full


def modules() -> list[str]:
    """Return the sources and definitions of the library that this run has read, from the root of the checkout."""
    root = Path(_kernels.__file__).parents[3]
    loaded = [Path(str(module.__file__)) for name, module in sorted(sys.modules.items())
              if name.partition(".")[0] == "rupturekit"]
    files = [*loaded, *sorted((root / "src").rglob("models/*.toml")), *sorted((root / "src").rglob("codebooks/*.toml"))]
    return [file.relative_to(root).as_posix() for file in files]


def main() -> int:
    """Count, and print as JSON."""
    pairs = [pair(model, codebook) for model in model_names() for codebook in codebook_names()]
    json.dump({"n": COHORTS * EPISODES, "cohorts": COHORTS, "episodes": EPISODES, "episodes of a large one": MANY,
               "most numbered": MOST_VECTORS, "pairs": pairs,
               "modules": modules()}, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
