"""Power over a grid of designs: right counts, taken up again where it stopped, the same from any worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from rupturekit import _random
from rupturekit.errors import DefinitionError, NotEnoughData, RecordError
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.inference.planning import PowerTable, power_over

GRID = {"dyads": [4, 16, 64], "effect": [0.0, 0.5]}


def study(settings: Mapping[str, int | float | str], seed: int) -> Estimate:
    """A study whose p is uniform without effect and shrinks with dyads and effect; four dyads are now and then refused."""
    dyads, effect = int(settings["dyads"]), float(settings["effect"])
    u = float(_random.uniforms(_random.key(seed, cluster="study", purpose="p"), 1)[0])
    if dyads == 4 and u > 0.9:
        raise NotEnoughData("too few", needed=8, found=4)
    p = u ** (1 + effect * dyads)
    test = NullTest(null="turns", holds="", alternative="greater", statistic=0, expected=0, p=p, mid_p=p, smallest_p=0, draws=9)
    return Estimate(what="gain", value=effect + u - 0.5, interval=(0.0, 1 / dyads) if dyads > 4 else None, confidence=0.95,
                    n={"dyads": dyads}, governed_by="dyad", method="mean", test=test)


def untested(settings: Mapping[str, int | float | str], seed: int) -> Estimate:
    return Estimate(what="x", value=1.0, interval=None, confidence=0.95, n={}, governed_by="dyad", method="mean")


def never(settings: Mapping[str, int | float | str], seed: int) -> Estimate:
    raise NotEnoughData("too few", needed=8, found=1)


def test_every_combination_is_counted() -> None:
    table = power_over(GRID, study, runs=400, seed=3)
    assert [tuple(cell.settings.values()) for cell in table.cells] == [(d, e) for d in GRID["dyads"] for e in GRID["effect"]]
    by = {tuple(cell.settings.values()): cell for cell in table.cells}
    for dyads in (16, 64):
        assert abs(by[dyads, 0.0].power - 0.05) <= 3 * (0.05 * 0.95 / 400) ** 0.5
        assert by[dyads, 0.5].power > 0.6
        assert by[dyads, 0.0].mean_width == pytest.approx(1 / dyads)
    few = by[4, 0.0]
    assert (few.mean_width, few.intervals) == (None, 0)
    assert 20 < few.refused < 60
    # A refused study found nothing, but it was made: it stays in the denominator.
    assert few.power == few.found / 400


def test_designs_are_compared_on_like_chances() -> None:
    table = power_over({"dyads": [16, 16]}, lambda settings, seed: study({**settings, "effect": 0.0}, seed), runs=50)
    assert table.cells[0] == table.cells[1]


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole = power_over(GRID, study, runs=20)
    keep, made = tmp_path / "plan.json", []

    def stopping(settings: Mapping[str, int | float | str], seed: int) -> Estimate:
        if len(made) == 70:
            raise KeyboardInterrupt
        made.append(seed)
        return study(settings, seed)

    with pytest.raises(KeyboardInterrupt):
        power_over(GRID, stopping, runs=20, keep=keep)
    assert len(json.loads(keep.read_text())["cells"]) == 3
    made.clear()
    told: list[tuple[int, int]] = []
    again = power_over(GRID, lambda settings, seed: made.append(seed) or study(settings, seed), runs=20, keep=keep,
                       tell=lambda done, of: told.append((done, of)))
    assert again == whole
    assert len(made) == 60
    assert told[0] == (61, 120)
    assert told[-1] == (120, 120)


def test_a_file_for_another_question_is_refused(tmp_path: Path) -> None:
    keep = tmp_path / "plan.json"
    power_over({"dyads": [16]}, untested, runs=2, keep=keep)
    with pytest.raises(DefinitionError, match=r"another question \(runs differ\)"):
        power_over({"dyads": [16]}, untested, runs=3, keep=keep)
    for nonsense in ("[]", "{", '{"cells": 3}', '{"cells": [{}]}', "[" * 10**5):
        keep.write_text(nonsense)
        with pytest.raises(DefinitionError, match="no file of finished designs"):
            power_over({"dyads": [16]}, untested, runs=2, keep=keep)


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_workers_change_nothing(executor: str) -> None:
    assert power_over(GRID, study, runs=10, executor=executor, workers=2) == power_over(GRID, study, runs=10)


def test_without_a_test_nothing_is_found_and_all_refused_has_no_mean() -> None:
    table = power_over({"dyads": [1]}, untested, runs=3)
    assert (table.cells[0].found, table.cells[0].mean_value) == (0, 1.0)
    assert power_over({"dyads": [1]}, never, runs=3).cells[0].mean_value is None


def test_the_table_reads_well() -> None:
    table = power_over({"what": ["<b>"]}, never, runs=2)
    assert isinstance(table, PowerTable)
    assert str(table).splitlines() == [
        "PowerTable(1 designs, 2 studies each, alpha 0.05)",
        "what  studies  power     +-  refused  mean estimate   mean width",
        " <b>        2  0.000  0.000        2           none  no interval"]
    assert "&lt;b&gt;" in table._repr_html_()
    assert table._repr_html_().count("<td") == 7


@pytest.mark.parametrize(("grid", "more"), [({}, {}), ({"dyads": []}, {}), ({"dyads": [1]}, {"runs": 0}),
                                            ({"dyads": [1]}, {"alpha": 0})])
def test_a_grid_that_makes_no_sense_is_refused(grid: dict[str, list[int]], more: dict[str, float]) -> None:
    with pytest.raises(RecordError, match="expected"):
        power_over(grid, untested, **{"runs": 2, **more})  # type: ignore[arg-type]
