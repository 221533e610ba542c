"""Simulated rates, durations and transitions against their exact expectations, and parameters recovered."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import known
import known_truth
import oracles_simulation as slow
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design

PLAIN = Design(dyads=300, sessions=4, turns=(40, 40), onset=0.05, dwell={"withdrawal": 2.0, "disembedding": 1.5, "avoidance": 3.0},
               lapse=0.03, order=0.8, switch=0.8)


def expected(design: Design) -> tuple[Counter[str | None], Counter[tuple[str | None, str | None]]]:
    """Return the expected turns in each state, and transitions by turn, of one session: all ways, by their probability."""
    seen, turns, steps = slow.lookup(design), Counter[str | None](), Counter[tuple[str | None, str | None]]()
    now: dict[tuple[int, str | None], float] = {(0, None): 0.5, (1, None): 0.5}
    for turn in range(design.turns[0]):
        if turn:
            spoken: dict[tuple[int, str | None], float] = {}
            for (speaker, state), p in now.items():
                for other, share in ((1 - speaker, design.switch), (speaker, 1 - design.switch)):
                    spoken[other, state] = spoken.get((other, state), 0.0) + p * share
            now = spoken
        after: dict[tuple[int, str | None], float] = {}
        for (speaker, state), p in now.items():
            for target, share in steps_from(design, seen, slow.PARTIES[speaker], state).items():
                steps[state, target] += p * share
                if target is not None:
                    turns[target] += p * share
                held = None if target in seen.ends else target
                after[speaker, held] = after.get((speaker, held), 0.0) + p * share
        now = after
    return turns, steps


def steps_from(design: Design, seen: slow.Lookup, party: str, state: str | None) -> dict[str | None, float]:
    if state is None:
        opens = design.onset if seen.openings[party] else 0.0
        return {None: 1 - opens, design.model.initial: opens}
    leaving = seen.leaving.get((state, party), [])
    leaves = (1 - design.lapse) * design.order / design.dwell_in(state) if leaving else 0.0
    found: dict[str | None, float] = {None: design.lapse, state: 1 - design.lapse - leaves}
    for target, _ in leaving:
        found[target] = found.get(target, 0.0) + leaves / len(leaving)
    return found


def test_time_in_each_state_and_every_transition_match_their_expectations() -> None:
    made = simulate(PLAIN, seed=8)
    turns, steps = expected(PLAIN)
    states, ends = made.truth.turns.words("state"), set(PLAIN.model.ends)
    before = [None if at % 40 == 0 or states[at - 1] in ends else states[at - 1] for at in range(len(states))]
    made_steps = list(zip(before, states, strict=True))
    assert set(made_steps) <= {step for step, mean in steps.items() if mean > 0}
    assert_means(made_steps, steps)
    assert_means(states, turns)


def assert_means(found: list[Any], means: Counter[Any]) -> None:
    """Hold counts by session of 40 turns to their expectations; turns of one session hang together, sessions do not."""
    by_session = [Counter(found[at : at + 40]) for at in range(0, len(found), 40)]
    for name, mean in means.items():
        counts = np.array([one[name] for one in by_session])
        assert abs(counts.mean() - mean) < 4 * counts.std() / math.sqrt(len(counts)) + 1e-9, name


def test_ruptures_last_as_long_as_the_chain_says() -> None:
    one_state = attrs.evolve(PLAIN, dwell=1.0, order=0.0, base_rates={"client": {"wd": 0.25}, "therapist": {}})
    assert len(simulate(one_state, seed=1).truth.ruptures) == 0
    always = attrs.evolve(PLAIN, lapse=0.2, order=0.5, dwell=1e6, turns=(200, 200), dyads=60)
    rows = simulate(always, seed=2).truth.ruptures
    length = (rows.last_turn - rows.first_turn + 1)[np.array(rows.words("end")) == "lapsed"]
    assert abs(length.mean() - 1 / 0.2) < 4 * length.std() / math.sqrt(len(length)) + 200 * math.exp(-0.2 * 100)


def test_a_stream_without_order_draws_contents_whatever_went_before() -> None:
    made = simulate(attrs.evolve(PLAIN, order=0.0, onset=0.1), seed=4)
    turns = made.truth.turns
    assert not any(turns.words("state"))
    client = turns.party == turns.code_of("party", word="client")
    marker = turns.code == turns.code_of("code", word="wd")
    same_session = turns.turn[1:] > 0
    shares = [marker[1:][client[1:] & same_session & (marker[:-1] == before)] for before in (True, False)]
    for share in shares:
        assert abs(share.mean() - 0.1) < 4 * math.sqrt(0.09 / len(share))


# The checks of tools/known_truth.py, few runs of each

def test_parameters_are_recovered() -> None:
    found = known_truth.recovery(30)
    assert found["parameters"] == len(found["rows"]) > 40
    assert {name: row["z"] for name, row in found["rows"].items() if abs(row["z"]) > 4} == {}


def test_an_estimator_that_is_off_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"onset": (0.5, 0.4), "order": (0.7, 0.7)}
    monkeypatch.setattr(known_truth, "estimates", lambda seed: {name: (value + seed / 1000, truth) for name, (value, truth) in wrong.items()})
    found = known_truth.recovery(5)
    assert found["beyond"] == ["onset"] or "onset" in found["beyond"]
    assert not found["kept"]


def test_level_and_power_are_counted_row_by_row() -> None:
    found = known_truth.level(5)
    assert [row["null"] for row in found["rows"]] == 3 * ["turns", "runs", "interleaving"]
    assert [row["switch"] for row in found["rows"]] == 3 * [0.9, 0.9, 0.5]
    assert [row["runs"] for row in found["free shuffle"]] == [1, 1, 1]
    assert all(set(row["rejected"]) == {"0.01", "0.05", "0.1"} for row in found["rows"])


def test_coverage_is_counted_by_dyads_and_therapists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(known_truth, "MANY", 200)
    monkeypatch.setattr(known_truth, "TIMES", 1)
    file = tmp_path / "found.json"
    assert known.run(known_truth.CHECKS, ["coverage", "--runs", "3", "--json", str(file)], says=known_truth.__doc__) in (0, 1)
    rows = json.loads(file.read_text())["rows"]
    assert [row["dyads"] for row in rows] == [8, 12, 20, 50, 8, 8, 12, 12, 20, 20, 50, 50]
    assert [row["share"] is None for row in rows][4:8] == [True, False, True, False]    # too few therapists: no interval
