"""The one road: a study and a plan give every result, each once, and every command takes it."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import attrs
import pytest

import rupturekit as rk
from rupturekit import cli
from rupturekit.alphabet import coverage
from rupturekit.analysis import Analysis, analyse
from rupturekit.cohort import oddities
from rupturekit.description import describe
from rupturekit.errors import DefinitionError, FileProblem, RecordError
from rupturekit.example import EXAMPLE_SETTINGS, example_cohort
from rupturekit.negotiation.account import account_of, negotiation_sensitivity
from rupturekit.negotiation.story import story
from rupturekit.negotiation.table import negotiations
from rupturekit.negotiation.tested import hypotheses_of
from rupturekit.plan import Plan, parse_plan
from rupturekit.segmentation import compare_boundaries, segment
from rupturekit.sensitivity import nearby_rules, segment_many
from rupturekit.traces import trace_cohort
from rupturekit.versions import installed_versions

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")


@pytest.fixture(scope="module")
def study() -> rk.Study:
    return rk.Study(name="example", cohort=example_cohort(), settings=EXAMPLE_SETTINGS)


def test_without_a_plan_the_studys_own_settings_count(study: rk.Study) -> None:
    plan = parse_plan(EXAMPLE_SETTINGS)
    assert analyse(study) == analyse(study, plan)
    assert analyse(study).plan == attrs.evolve(plan, model=rk.load_model("withdrawal-2000"))


def test_each_part_is_what_its_function_gives(study: rk.Study) -> None:
    done, plan, cohort = analyse(study), parse_plan(EXAMPLE_SETTINGS), study.cohort
    model, cut = rk.load_model("withdrawal-2000"), segment(cohort, plan.segmentation, track="r1")
    assert done.traces == trace_cohort(cut, model, track="r1")
    assert done.traces.provenance == trace_cohort(cut, model, track="r1").provenance
    assert done.coverage == coverage(cohort.coding.codebook, model)
    assert done.description == describe(cohort, track="r1")
    assert done.sensitivity == segment_many(cohort, nearby_rules(cohort, plan.segmentation), track="r1", model=model)
    assert done.boundaries == compare_boundaries(cohort, plan.segmentation, track="r1")
    assert done.oddities == tuple(oddities(cohort))
    assert done.privacy == ()


def test_the_plan_reaches_the_traces(study: rk.Study) -> None:
    plan = Plan(model="withdrawal-2000", track="r2", follow_skips=False, any_type=True, tie_rule=rk.TieRule.SECOND_PARTY_FIRST)
    table = analyse(study, plan).traces
    assert (table.provenance.track, table.follow_skips, table.tie_rule) == ("r2", False, rk.TieRule.SECOND_PARTY_FIRST)
    assert not any("type" in why for why in table.left_out)


@pytest.mark.parametrize("changed", [{"follow_skips": False}, {"any_type": True}, {"tie_rule": rk.TieRule.SECOND_PARTY_FIRST}])
def test_the_plan_reaches_the_table_of_rules_too(study: rk.Study, changed: dict[str, Any]) -> None:
    done = analyse(study, attrs.evolve(parse_plan(EXAMPLE_SETTINGS), **changed))
    table, rule = done.sensitivity, done.plan.segmentation
    row = next(at for at, near in enumerate(table.rules) if (near.gap, near.use_coded) == (rule.gap, rule.use_coded))
    assert table.reached[row] == done.traces.summary().reached
    assert table.provenance != analyse(study).sensitivity.provenance


def test_a_part_is_worked_out_once_and_its_stage_told(study: rk.Study) -> None:
    told: list[str] = []
    done = analyse(study, tell=told.append)
    assert told == []
    assert done.traces is done.traces
    assert told == [f"cutting {len(study.cohort.moves):,} moves into episodes", f"tracing {len(done.cohort.columns)} episodes"]
    assert done.sensitivity.model == "withdrawal-2000"
    assert told[2:] == ["cutting and tracing by 8 rules"]


def test_a_cohort_needs_no_folder() -> None:
    done = analyse(example_cohort(), Plan(model=rk.load_model("recognition"), track="r1"))
    assert repr(done) == "Analysis(study 'cohort', model 'recognition', rule 'to the end of the session')"
    assert isinstance(done, Analysis)
    assert len(done.traces) == len(done.traces.episodes)


def test_coders_episodes_are_compared_only_where_there_are_some(study: rk.Study) -> None:
    bare = rk.Cohort.of(study.cohort.moves, coding=study.cohort.coding)
    done = analyse(bare, Plan(model="withdrawal-2000", track="r1"))
    assert done.boundaries is None
    assert [rule.use_coded for rule in done.sensitivity.rules] == [False]


def test_without_a_model_only_what_needs_one_is_refused(study: rk.Study) -> None:
    done = analyse(study, Plan(track="r1"))
    assert done.description.n_dyads == 12
    with pytest.raises(RecordError, match="no process model named"):
        assert done.traces


def test_a_model_that_is_not_there_is_told_at_once(study: rk.Study) -> None:
    with pytest.raises(DefinitionError, match="withdrawal-2000"):
        analyse(study, Plan(model="withdrawal-200"))


def test_two_raters_are_never_mixed(study: rk.Study) -> None:
    with pytest.raises(RecordError, match="say which reading"):
        assert analyse(study, Plan(model="withdrawal-2000")).traces


def test_an_episode_that_was_drawn_and_not_traced_says_why(study: rk.Study) -> None:
    done = analyse(study, attrs.evolve(parse_plan(EXAMPLE_SETTINGS), model="confrontation-2000"))
    traced = set(done.traces.episodes.rows.words("episode"))
    other = next(name for name in done.cohort.columns.rows.words("episode") if name and name not in traced)
    with pytest.raises(RecordError, match="was drawn and not traced .*another rupture type"):
        done.trace_named(other)
    name = next(iter(sorted(filter(None, traced))))
    assert done.trace_named(name).episode.episode == name


def test_nearby_rules_keep_the_rule_and_never_a_gap_of_nothing(study: rk.Study) -> None:
    rule = rk.SegmentationRule(name="one", opens=("withdrawal_marker",), gap=1)
    assert [near.gap for near in nearby_rules(study.cohort, rule)] == [1, 2, None] * 2
    assert {attrs.evolve(near, name="") for near in nearby_rules(study.cohort, rule)} > {attrs.evolve(rule, name="")}


def test_the_commands_take_this_road_alone() -> None:
    """The command line imports no step of the corridor that an analysis takes."""
    tree = ast.parse(inspect.getsource(cli))
    asked = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert "analyse" in asked
    assert asked.isdisjoint({"describe", "segment", "segment_many", "compare_boundaries", "trace_cohort", "oddities",
                             "negotiations", "account_of", "negotiation_sensitivity", "hypotheses_of", "story"})


def test_versions_name_the_library_and_what_is_not_there(monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    held = installed_versions()
    assert held["rupturekit"] == rk.__version__
    assert held["numpy"].count(".") == 2
    monkeypatch.setattr("rupturekit.versions._LIBRARIES", ("numpy", "no-such-library"))
    assert cli.main(["versions"]) == 0
    printed = capsys.readouterr().out
    assert "numpy" in printed
    assert "no-such-library  not installed" in printed


# --- the negotiation of needs ------------------------------------------------------------------------------------------


MINE = '''format = 1
name = "mine"
codebook = "stages"
[[acts]]
code = "self-assert"
verb = "claim"
need = "agency"
'''


def test_each_part_of_the_negotiation_is_what_its_function_gives(study: rk.Study) -> None:
    done, plan, cohort = analyse(study), parse_plan(EXAMPLE_SETTINGS), study.cohort
    table = negotiations(segment(cohort, plan.segmentation, track="r1"))
    assert done.negotiations == table
    assert done.negotiations is done.negotiations
    assert str(done.negotiation_named("V1-E1")) == str(story(table, "V1-E1"))
    assert done.negotiation_account(draws=99, seed=2) == account_of(table, plan.segmentation, draws=99, seed=2)
    ways = negotiation_sensitivity(cohort, nearby_rules(cohort, plan.segmentation), track="r1")
    assert done.negotiation_sensitivity() == ways
    assert done.needs_hypotheses(draws=99, k=2, h=2) == hypotheses_of(table, plan.segmentation, draws=99, k=2, h=2)


def test_the_plan_reaches_the_negotiation(study: rk.Study, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    plan = attrs.evolve(parse_plan(EXAMPLE_SETTINGS), acts=str(tmp_path / "mine.toml"), answer_window=4, track="r2",
                        tie_rule=rk.TieRule.SECOND_PARTY_FIRST)
    done = analyse(study, plan)
    table = done.negotiations
    assert (table.turns.mapping.name, table.window, table.provenance.track) == ("mine", 4, "r2")
    assert table.turns.tie_rule is rk.TieRule.SECOND_PARTY_FIRST
    assert {(row.mapping, row.window) for row in done.negotiation_sensitivity().rows} == {("mine", at) for at in (1, 2, 3, 4)}
    with pytest.raises(RecordError, match="window is 0"):
        _ = analyse(study, attrs.evolve(plan, answer_window=0)).negotiations


def test_the_acts_of_a_studys_settings_lie_in_its_folder_wherever_one_stands(
        study: rk.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "demo"
    rk.write_study(attrs.evolve(study, settings=EXAMPLE_SETTINGS.replace("[analysis]\n", '[analysis]\nacts = "mine.toml"\n')), folder)
    (folder / "mine.toml").write_text(MINE)
    for stand, path in ((tmp_path, "demo"), (folder, "."), (tmp_path.parent, folder)):
        monkeypatch.chdir(stand)
        held = rk.read_study(path)
        assert analyse(held).negotiations.turns.mapping.name == "mine"
        assert held == attrs.evolve(held, folder="elsewhere")
    (folder / "mine.toml").unlink()
    with pytest.raises(FileProblem, match=r"mine\.toml"):
        _ = analyse(rk.read_study(folder)).negotiations


def test_the_stages_of_the_negotiation_are_told(study: rk.Study) -> None:
    told: list[str] = []
    done = analyse(study, tell=told.append)
    done.negotiation_account(draws=99)
    done.needs_hypotheses(draws=99)
    assert [text.split(" ")[0] for text in told] == ["cutting", "finding", "estimating,", "testing"]
