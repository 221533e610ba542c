"""Hold the test of complementarity to streams in which nobody answers anybody, with and without people who go on.

    python tools/known_complementarity.py level --runs 2000 --json found.json

A study is six dyads with one session of forty turns in strict alternation, on SASB's surface for what people do to one
another. Each party keeps to its last act in a stated share of its turns and otherwise draws any of eight, whatever the
other did. Run r uses seed r alone. What is found is printed as JSON, or written to the file named; `long_checks.py`
keeps it in `benchmarks/results`. The exit code is 1 where a promise is not kept: `runs` has to hold its level in either
kind of stream, `turns` where nothing persists; where acts persist, `turns` has to warn.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

import known
from rupturekit import _random
from rupturekit.codebooks import Codebook, load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Move
from rupturekit.errors import CodingWarning
from rupturekit.inference.calibration import Level, check_level
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.interpersonal.complementarity import complementarity

SESSIONS, TURNS, PLACES = 6, 40, 8
PERSISTENCE = (0.0, 0.8)
NULLS = ("turns", "runs")
DRAWS = 199
ALPHAS = (0.01, 0.05, 0.10)
MOSTLY = 0.95
"""The share of studies with persistence in which `turns` has to warn."""
CODEBOOK: Codebook = load_codebook("sasb")
PARTIES = ("client", "therapist")


def acts(seed: int, party: str, *, persistence: float) -> list[int]:
    """Return where a party stands at each of its turns, 1 to 8, session by session."""
    count = SESSIONS * TURNS // 2
    fresh = _random.below(_random.key(seed, cluster=party, purpose="which act"), count, PLACES) + 1
    stays = _random.uniforms(_random.key(seed, cluster=party, purpose="going on"), count) < persistence
    stays[:: TURNS // 2] = False
    last = np.maximum.accumulate(np.where(stays, 0, np.arange(count)))
    held: list[int] = fresh[last].tolist()
    return held


def studied(seed: int, *, persistence: float) -> Cohort:
    """Return one simulated study: as many dyads as sessions, so that sessions are independent."""
    streams = {party: acts(seed, party, persistence=persistence) for party in PARTIES}
    moves = []
    for session in range(SESSIONS):
        for at in range(TURNS):
            party = PARTIES[at % 2]
            place = streams[party][session * (TURNS // 2) + at // 2]
            moves.append(Move(dyad=f"D{session}", session=1, track="r1", party=party, code=f"1-{place}", onset=at,
                              row_id=session * TURNS + at))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        return Cohort.of(moves, coding=Coding(codebook=CODEBOOK))


def gain(seed: int, *, persistence: float, null: str) -> Estimate:
    """Return the gain in complementarity of one study."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        found = complementarity(studied(seed, persistence=persistence), "sasb", convention="kiesler", null=null,
                                draws=DRAWS, seed=seed).gain
    assert found is not None
    return found


def level(runs: int) -> dict[str, Any]:
    """Return how often complementarity is found where there is none, by null and persistence."""
    rows = [_row(persistence, null, runs) for persistence in PERSISTENCE for null in NULLS]
    return {"what": "how often complementarity beyond chance is found at .01, .05 and .10 where nobody answers "
                    "anybody, by null and by the share of turns in which each goes on as before; how often it warns",
            "n": runs, "sessions": SESSIONS, "turns": TURNS, "draws": DRAWS, "rows": rows,
            "kept": all(row["kept"] for row in rows)}


def _row(persistence: float, null: str, runs: int) -> dict[str, Any]:
    warned = 0

    def test(seed: int) -> NullTest:
        nonlocal warned
        made = gain(seed, persistence=persistence, null=null)
        warned += any("go on as before" in text for text in made.warnings)
        assert made.test is not None
        return made.test

    found: Level = check_level(test, range(runs), alphas=ALPHAS)
    holds = all(map(found.holds, ALPHAS))
    promised = null == "runs" or persistence == 0
    return {"null": null, "goes on": persistence, "runs": found.n, "refused": dict(found.refused),
            "rejected": {f"{alpha:g}": share for alpha, share in found.rejected.items()},
            "mid_p": found.mid_p, "holds": holds, "warned": warned / runs,
            "kept": holds if promised else warned >= MOSTLY * runs}


CHECKS = {"level": level}


if __name__ == "__main__":
    sys.exit(known.run(CHECKS, sys.argv[1:], says=__doc__))
