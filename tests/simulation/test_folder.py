"""Simulated studies on disk, and the command that writes them."""

from __future__ import annotations

import csv
from pathlib import Path

import attrs
import pytest

import rupturekit as rk
from rupturekit.cli import main
from rupturekit.errors import FileProblem
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.simulation.folder import study_of, write_truth

DESIGN = Design(dyads=4, dyads_per_therapist=2, sessions=2, dyad_sd=0.5, therapist_sd=0.5, missed=0.2)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_truth_is_written_column_by_column(tmp_path: Path) -> None:
    truth = simulate(DESIGN, seed=2).truth
    write_truth(truth, tmp_path / "deep" / "truth")
    found = {file.stem: rows(file) for file in (tmp_path / "deep" / "truth").iterdir()}
    assert set(found) == {"turns", "ruptures", "dyads", "therapists", "design"}
    assert [row["state"] for row in found["turns"]] == [state or "" for state in truth.turns.words("state")]
    assert [round(float(row["onset"]) * 1e6) for row in found["turns"]] == truth.turns.onset.tolist()
    assert [float(row["effect"]) for row in found["dyads"]] == truth.dyads.effect.tolist()
    assert [(row["rupture"], int(row["last_turn"])) for row in found["ruptures"]] == [
        (one.rupture, one.last_turn) for one in truth.ruptures]
    said = {row["field"]: row["value"] for row in found["design"]}
    assert said.keys() == {"seed", *attrs.fields_dict(Design)}
    assert (said["seed"], said["model"], said["codebook"], said["missed"]) == (
        "2", "withdrawal-2000", "stages-and-needs", "0.2")


def test_a_truth_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "truth").write_text("in the way")
    with pytest.raises(FileProblem, match="the truth cannot be written here"):
        write_truth(simulate(DESIGN, seed=2).truth, tmp_path / "truth")


def test_a_study_names_the_model_only_where_others_can_load_it() -> None:
    made = simulate(DESIGN, seed=1)
    own = attrs.evolve(DESIGN, model=attrs.evolve(DESIGN.model, name="mine"))
    assert 'model = "withdrawal-2000"' in study_of(made.cohort, DESIGN, name="s").settings
    assert "[analysis]" not in study_of(made.cohort, own, name="s").settings


def test_the_command_writes_what_the_library_makes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "sim"
    assert main(["simulate", str(folder), "--dyads", "4", "--dyads-per-therapist", "2", "--sessions", "2", "--dyad-sd", "0.5",
                 "--therapist-sd", "0.5", "--missed", "0.2", "--seed", "2"]) == 0
    assert rk.read_study(folder).cohort == simulate(DESIGN, seed=2).cohort
    assert len(rows(folder / "truth" / "turns.csv")) == len(simulate(DESIGN, seed=2).truth.turns)
    assert "no person is behind it" in capsys.readouterr().out
    assert main(["trace", str(folder)]) == 0


def test_the_command_adds_raters_and_is_the_same_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--dyads", "2", "--sessions", "1", "--order", "0", "--seed", "5", "--raters", "2", "--error", "0.3"]
    for name in ("one", "two", "two"):
        assert main(["simulate", str(tmp_path / name), *asked, "--overwrite"]) == 0
    assert "Next: rupturekit trace" in capsys.readouterr().out
    for file in (tmp_path / "one").rglob("*.csv"):
        assert file.read_bytes() == (tmp_path / "two" / file.relative_to(tmp_path / "one")).read_bytes()
    assert rk.read_study(tmp_path / "one").cohort.track_names == ("r1", "r2", "truth-coded")


@pytest.mark.parametrize(("asked", "code", "said"), [
    (["--dyads", "0"], 1, "a study without dyads has nothing to simulate"),
    (["--order", "1.5"], 1, "Design.order: expected a probability from 0 to 1 but got 1.5"),
    (["--order", "nan"], 2, "argument --order: 'nan' is not a number"),
    (["--dyads", "1_0"], 2, "argument --dyads: '1_0' is not a whole number"),
    (["--raters", "1", "--error", "2"], 1, "expected error as a probability"),
    (["--model", "withdrawl-2000"], 1, "did you mean"),
])
def test_the_command_refuses_with_a_sentence(asked: list[str], code: int, said: str, tmp_path: Path,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(tmp_path / "sim"), "--seed", "1", *asked]) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "sim").exists()
