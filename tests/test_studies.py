"""Planning by simulation: power grows with what should raise it, and the command goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from rupturekit.cli import main
from rupturekit.errors import DefinitionError, RecordError
from rupturekit.inference.nulls import Null
from rupturekit.segmentation import SegmentationRule
from rupturekit.simulation.design import Design
from rupturekit.studies import VARIED, plan_for_order

SMALL = Design(dyads=12, sessions=2, turns=(25, 35), onset=0.1, dwell=1.5)


def test_order_is_found_where_it_is_and_hardly_where_it_is_not() -> None:
    found = plan_for_order({"order": [0.0, 0.95]}, design=SMALL, runs=20, draws=99)
    without, with_order = found.cells
    assert without.found <= 5
    assert with_order.power > 0.6
    assert with_order.power > without.power


def test_a_coder_who_errs_sees_less_order() -> None:
    found = plan_for_order({"error": [0.0, 0.7]}, design=SMALL, runs=8, draws=99)
    clear, blurred = (cell.mean_value for cell in found.cells)
    assert clear is not None
    assert blurred is not None
    assert clear > blurred + 0.02


@pytest.mark.parametrize("name", VARIED)
def test_everything_that_may_be_varied_is_taken(name: str) -> None:
    value = {"dyads": 9, "dyads_per_therapist": 2, "sessions": 2, "dwell": 2.0}.get(name, 0.2)
    assert plan_for_order({name: [value]}, design=SMALL, runs=1, draws=99).cells[0].settings == {name: value}


def test_what_cannot_be_varied_is_told() -> None:
    with pytest.raises(RecordError, match="'dyds' cannot be varied; did you mean 'dyads'"):
        plan_for_order({"dyds": [3]}, design=SMALL, runs=1)
    with pytest.raises(RecordError, match="order"):
        plan_for_order({"order": [2.0]}, design=SMALL, runs=1)


def test_studies_that_are_too_small_are_counted_as_refused() -> None:
    cell = plan_for_order({"dyads": [1]}, design=SMALL, runs=3).cells[0]
    assert (cell.runs, cell.intervals) == (3, 0)
    assert plan_for_order({"dyads": [0]}, design=SMALL, runs=3).cells[0].refused == 3


def test_the_command_prints_power_and_keeps_what_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep = tmp_path / "plan.json"
    asked = ["plan", "--dyads", "8", "12", "--sessions", "2", "--runs", "3", "--keep", str(keep)]
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "PowerTable(2 designs, 3 studies each, alpha 0.05)" in said
    assert said.count("\n") == 5
    assert keep.exists()
    assert main(asked) == 0
    assert capsys.readouterr().out == said
    assert main([*asked[:-1], str(keep), "--alpha", "0.1"]) == 1
    assert "another question" in capsys.readouterr().err


def test_a_file_kept_for_another_design_or_rule_is_refused(tmp_path: Path) -> None:
    keep = tmp_path / "plan.json"
    plan_for_order({"dyads": [8]}, design=SMALL, runs=1, keep=keep)
    for changed in ({"design": attrs.evolve(SMALL, onset=0.2)}, {"null": Null.RUNS}, {"draws": 99},
                    {"rule": SegmentationRule(name="gap", gap=60_000_000)}, {"design": attrs.evolve(SMALL, model="recognition")}):
        with pytest.raises(DefinitionError, match=r"another question \(about differ"):
            plan_for_order({"dyads": [8]}, **{"design": SMALL, "runs": 1, "keep": keep, **changed})  # type: ignore[arg-type]


def test_progress_shows_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["plan", "--dyads", "8", "--sessions", "1", "--runs", "2"]) == 0
    assert "simulated: 2 of 2 studies" in capsys.readouterr().err
