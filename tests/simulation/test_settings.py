"""Designs read from TOML: equal to those made in Python, and mistakes told by place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rupturekit.cli import main
from rupturekit.errors import DefinitionError, FileProblem, NotEnoughData
from rupturekit.simulation.design import Design, NeedRates, Score
from rupturekit.simulation.settings import parse_design, read_design

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "simulate.md"
HEAD = "format = 1\n[simulation]\n"


def test_the_design_of_the_page_is_the_one_that_it_says() -> None:
    (text,) = re.findall(r"(?ms)^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"))
    assert parse_design(text) == Design(
        dyads=30, turns=(40, 60), dwell={"withdrawal": 4.0}, base_rates={"therapist": {"invite": 0.1}},
        needs={"client": NeedRates(claim=0.05)}, scores=(Score(perspective="client", slope=-1.5),))


def test_what_is_not_said_has_its_default() -> None:
    assert parse_design("format = 1") == Design() == parse_design(HEAD)
    rates = parse_design(HEAD + "[simulation.needs.client.claim]\nagency = 0.1").needs["client"]
    assert rates == NeedRates(claim={"agency": 0.1})


@pytest.mark.parametrize(("text", "said"), [
    ("format = 2", "reads format 1"),
    ("[simulation]", "format: is missing"),
    (HEAD + "dyad = 3", "did you mean 'dyads'?"),
    (HEAD + "order = 1.5", "Design.order: expected a probability from 0 to 1 but got 1.5"),
    (HEAD + "turns = [1, 2, 3]", "Design.turns: expected (least, most)"),
    (HEAD + "onset = nan", "Design.onset: expected a probability"),
    (HEAD + "needs = 3", "Design.needs"),
    (HEAD + "scores = 3", "Design.scores"),
    (HEAD + "base_rates = 3", "Design.base_rates"),
    (HEAD + "dwell = [3]", "Design.dwell"),
    (HEAD + "scores = [3]", "scores: expected a table with some of perspective"),
    (HEAD + "[simulation.needs.client]\nclaims = 0.1", "needs.client: 'claims' is not a known key; did you mean 'claim'?"),
    (HEAD + "[[simulation.scores]]\nperspective = \"me\"", "perspective"),
])
def test_a_mistake_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        parse_design(text)
    assert said in str(refusal.value)


def test_too_few_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData):
        parse_design(HEAD + "dyads = 0")
    with pytest.raises(FileProblem, match="no such design file"):
        read_design(tmp_path / "design.toml")


def test_the_command_takes_a_design_and_what_is_said_goes_over_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "design.toml"
    file.write_text(HEAD + "dyads = 3\nsessions = 2\nturns = [5, 5]\n", encoding="utf-8")
    assert main(["simulate", str(tmp_path / "sim"), "--design", str(file), "--sessions", "1", "--seed", "1"]) == 0
    assert "Truth(15 turns" in capsys.readouterr().out
