"""The kernel of chains whose states are not seen, against all paths written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_comparison as oracles
from rupturekit._kernels import forward
from rupturekit._kernels.forward import Steps, expected_steps, log_scores, steps_in_order


@st.composite
def chains(draw: st.DrawFn) -> tuple[Any, list[list[int]], list[int]]:
    """Draw steps (2 sets x symbols x states x states, some of them 0), runs of few symbols, and what counts alike."""
    symbols, states = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    share = st.floats(0.01, 1.0)
    step = np.array(draw(st.lists(share, min_size=2 * symbols * states**2, max_size=2 * symbols * states**2)))
    gone = draw(st.lists(st.booleans(), min_size=symbols * states**2, max_size=symbols * states**2))
    step.reshape(2, -1)[:, gone] = 0
    step.reshape(2, symbols, states, states)[:, :, range(states), range(states)] += 0.01    # so that no run is impossible
    runs = draw(st.lists(st.lists(st.integers(0, symbols - 1), max_size=4), min_size=1, max_size=4))
    return (step.reshape(2, symbols, states, states) / (symbols * states), runs,
            draw(st.lists(st.integers(0, 1), min_size=symbols, max_size=symbols)))


def sparse(step: Any) -> tuple[Steps, Any]:
    """Return the steps that are not 0, and their chances."""
    _, symbols, states, _ = step.shape
    cells = np.flatnonzero(step[0])
    return steps_in_order(cells, symbols=symbols, states=states), step.reshape(2, -1)[:, cells]


def laid(runs: list[list[int]]) -> tuple[Any, Any]:
    return np.array([one for run in runs for one in run], dtype=np.int64), np.cumsum([0, *map(len, runs)])


@given(chains(), st.booleans())
def test_scores_are_those_of_all_paths(drawn: Any, at_once: bool) -> None:
    step, runs, alike = drawn
    symbols, offsets = laid(runs)
    told = np.einsum("wkst,kj->wjs", step, (np.array(alike)[:, None] == np.array(alike)).astype(float))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward, "_FEW", 64 if at_once else 0)
        found = log_scores(*sparse(step), symbols, offsets=offsets, start=0, told=told)
    for which in (0, 1):
        wanted = [score for run in runs for score in oracles.score_by_paths(
            lambda symbol, before, after, which=which: step[which, symbol, before, after], run, states=step.shape[2],
            start=0, alike=alike)]
        assert found[which].tolist() == pytest.approx(wanted)


@given(chains(), st.data())
def test_expected_steps_are_those_of_all_paths(drawn: Any, data: st.DataObject) -> None:
    step, runs, _ = drawn
    symbols, offsets = laid(runs)
    counted = np.array([data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=len(symbols), max_size=len(symbols)))
                        for _ in range(2)]).reshape(2, len(symbols))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward, "_AT_ONCE", data.draw(st.sampled_from([1, 1 << 22])))
        patch.setattr(forward, "_FEW", data.draw(st.sampled_from([0, 64])))
        made, score = expected_steps(*sparse(step), symbols, offsets=offsets, start=0, counted=counted)
    found = np.zeros(step.shape)
    found.reshape(2, -1)[:, np.flatnonzero(step[0])] = made
    for which in (0, 1):
        wanted, chance = np.zeros(step.shape[1:]), 0.0
        for low, run in zip(offsets[:-1].tolist(), runs, strict=True):
            def chances(symbol: int, before: int, after: int, which: int = which) -> float:
                return float(step[which, symbol, before, after])
            held = counted[which, low : low + len(run)].tolist()
            for place, n in oracles.expected_by_paths(chances, run, states=step.shape[2], start=0, counted=held).items():
                wanted[place] += n
            scores = oracles.score_by_paths(chances, run, states=step.shape[2], start=0, alike=range(step.shape[1]))
            chance += sum(one * kept for one, kept in zip(scores, held, strict=True))
        assert found[which] == pytest.approx(wanted)
        assert score[which] == pytest.approx(chance)
