"""How a study is to be analysed, read from its settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

import rupturekit as rk
from rupturekit.errors import DefinitionError
from rupturekit.example import EXAMPLE_SETTINGS
from rupturekit.plan import Plan, parse_plan
from rupturekit.segmentation import WHOLE_SESSION
from rupturekit.ties import TieRule


def test_without_a_file_everything_keeps_its_default() -> None:
    assert parse_plan("") == Plan()
    assert parse_plan("format = 1") == Plan()
    assert Plan().segmentation == WHOLE_SESSION


def test_the_examples_settings_are_read() -> None:
    said = parse_plan(EXAMPLE_SETTINGS)
    assert (said.model, said.track, said.tie_rule, said.follow_skips) == ("withdrawal-2000", "r1", TieRule.AS_FILED, True)
    assert said.segmentation.gap == rk.seconds(240)


def test_every_key_has_its_effect() -> None:
    said = parse_plan("""
[analysis]
model = "recognition"
track = "both"
tie_rule = "second_party_first"
follow_skips = false
any_type = true
acts = "acts/mine.toml"
answer_window = 3
[analysis.segmentation]
name = "turns"
opens = ["confrontation_marker"]
opened_by = ["client"]
gap_turns = 12
closes_on = ["validates"]
min_rating = 2.5
absent_rating = "block"
across_sessions = true
use_coded = false
""")
    assert said == Plan(
        model="recognition", track="both", tie_rule=TieRule.SECOND_PARTY_FIRST, follow_skips=False, any_type=True,
        acts=str(Path("acts", "mine.toml")), answer_window=3,
        segmentation=rk.SegmentationRule(
            name="turns", opens=("confrontation_marker",), opened_by=("client",), gap=12, gap_in="turns", closes_on=("validates",),
            min_rating=2.5, absent_rating="block", across_sessions=True, use_coded=False))


def test_a_file_of_acts_is_named_as_seen_from_the_settings(tmp_path: Path) -> None:
    assert parse_plan('[analysis]\nacts = "mine.toml"', folder=tmp_path).acts == str(tmp_path / "mine.toml")
    elsewhere = str(tmp_path / "acts.toml")
    assert parse_plan(f"[analysis]\nacts = '{elsewhere}'", folder="study").acts == elsewhere
    assert parse_plan("[analysis]", folder=tmp_path).acts is None
    assert parse_plan('[analysis]\nacts = "raters"', folder=tmp_path).acts == "raters"


@pytest.mark.parametrize(("text", "told"), [
    ('[analysis]\nmodle = "x"', "did you mean 'model'"),
    ('[analysis]\ntie_rule = "as_file"', "did you mean 'as_filed'"),
    ('[analysis.segmentation]\nname = "x"\ngap_seconds = 0', "expected a gap above 0"),
    ('[analysis.segmentation]\nname = "x"\nopens = []', "nothing opens an episode"),
    ('[analysis.segmentation]\nname = "x"\nmin_rating = 2', "absent_rating"),
    ('[analysis.segmentation]\nname = "x"\nopens = ["a"]\ncloses_on = ["a"]', "both opens and closes"),
    ("[analysis", "not a settings file"),
    ("[analysis]\nanswer_window = 0", r"analysis.answer_window: is 0; expected a whole number of turns, 1 or more"),
    ("[analysis]\nanswer_window = -2", r"is -2; expected a whole number"),
    ("[analysis]\nanswer_window = 1.5", "expected a whole number but got 1.5"),
    ("[analysis]\nanswer_window = true", "expected a whole number but got True"),
    ("[analysis]\nacts = 3", "acts: expected text in quotes"),
])
def test_mistakes_are_told_with_place_and_remedy(text: str, told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        parse_plan(text)
