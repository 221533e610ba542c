"""The whole report: what stands in it and in which order, the same bytes every time, and nothing that should not."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from typing import Any

import attrs
import pytest

from rupturekit.analysis import Analysis, analyse
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, EpisodeRow, Move
from rupturekit.errors import MissingExtra, NotEnoughData, NotEstimable, RecordError
from rupturekit.example import EXAMPLE_SETTINGS, example_cohort
from rupturekit.plan import Plan
from rupturekit.records.foreign import read_table
from rupturekit.records.study import Study, read_study, write_study
from rupturekit.report.blocks import Block, Figure, Number, Prose, Report, Section, Table
from rupturekit.report.contents import SECTIONS, report_of
from rupturekit.report.markdown import markdown_of
from rupturekit.report.page import page_of
from rupturekit.report.sections import models


def section(report: Report, name: str) -> Section:
    return next(one for one in report.sections if one.name == name)


def table(part: Section, caption: str) -> Table:
    return next(one for one in part.blocks if isinstance(one, Table) and one.caption.startswith(caption))


def number(part: Section, name: str) -> Number:
    return next(one for one in part.blocks if isinstance(one, Number) and one.name.startswith(name))


def words(blocks: tuple[Block, ...]) -> str:
    return "\n".join(text for one in blocks if isinstance(one, Prose) for text in (*one.paragraphs, *one.items))


# --- what stands in it -----------------------------------------------------------------------------------------------


def test_sections_stand_in_the_order_of_the_study_with_its_quality_first(made: Report) -> None:
    assert [one.name for one in made.sections] == [
        "data", "table-1", "ends", "models", "order", "needs", "rules", "episodes", "methods", "provenance"]
    assert len(SECTIONS) == 10


def test_names_of_sections_are_links_and_each_its_own(made: Report) -> None:
    names = [one.name for one in made.sections]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)


def test_numbers_are_those_of_the_analysis(example: Analysis, made: Report) -> None:
    data, ends = section(made, "data"), section(made, "ends")
    assert number(data, "moves on record").value == f"{len(example.study.cohort.moves):,}"
    assert number(data, "rupture episodes").value == str(len(example.cohort.columns))
    assert {row[0]: row[1] for row in table(ends, "First source").rows} == example.traces.summary().reached
    assert number(section(made, "order"), "order gain").value == f"{example.order(draws=99).gain.value:.3f}"
    met = example.negotiation_account(draws=99).rows["claims by the client that were met"]
    assert number(section(made, "needs"), "claims by the client that were met").value == f"{met.value:.3f}"


def test_the_three_sources_of_repair_stand_apart(made: Report) -> None:
    captions = [one.caption for one in section(made, "ends").blocks if isinstance(one, Table)][:3]
    assert [caption.split(":")[0] for caption in captions] == ["First source", "Second source", "Third source"]


def test_paths_add_up_to_the_episodes_and_are_those_of_the_traces(example: Analysis, made: Report) -> None:
    rows = table(section(made, "ends"), "The most common paths").rows
    assert sum(row[1] for row in rows) == len(example.traces)
    first = [trace for trace in example.traces if " → ".join(trace.path) == rows[0][0]]
    assert (len(first), len({trace.episode.row.dyad for trace in first})) == rows[0][1:]


def test_many_paths_are_cut_and_it_says_so(example: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["rupturekit.report.sections.ends"], "MOST_PATHS", 2)
    ends = section(report_of(example, draws=19), "ends")
    assert len(table(ends, "The most common paths").rows) == 2
    assert "The 2 most common of 9 different paths follow; 7 more" in words(ends.blocks)


def test_which_stages_carry_the_order_stands_pair_by_pair(example: Analysis, made: Report) -> None:
    found = example.stage_order(draws=99)
    rows = table(section(made, "order"), "Which stages carry the order").rows
    assert [row[:3] for row in rows] == [(pair.earlier, pair.later, f"{pair.share.value:.3f}") for pair in found.pairs]
    assert {row[4] for row in rows} == {"none"}    # four therapists give no interval
    assert "where there is no interval: an interval needs 8" in table(section(made, "order"), "Which").about.method


def test_where_stages_cannot_be_held_apart_it_says_why(example: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: Analysis, **how: object) -> None:
        raise NotEstimable("no pair")

    monkeypatch.setattr(Analysis, "stage_order", none)
    order = section(report_of(example, draws=19), "order")
    assert "Which stages carry the order: not estimable: no pair." in words(order.blocks)


def test_a_model_of_many_states_is_neither_drawn_nor_taken_apart(example: Analysis) -> None:
    made = report_of(analyse(example.study, attrs.evolve(example.plan, model="cat-2006")), draws=19)
    assert "cat-2006 has 257 states, too many for a diagram" in words(section(made, "models").blocks)
    assert not any(isinstance(one, Table) for one in section(made, "order").blocks)


def test_closing_on_a_resolution_is_said_beside_the_ends(example: Analysis) -> None:
    rule = attrs.evolve(example.rule, closes_on=("self_assertion",), use_coded=False)
    made = report_of(analyse(example.study, attrs.evolve(example.plan, segmentation=rule)), draws=19)
    assert "reaching an end is by construction" in words(section(made, "ends").blocks)


def test_every_model_stands_with_the_evidence_of_its_arrows(example: Analysis, made: Report) -> None:
    rows = {row[0]: row for row in table(section(made, "models"), "Where the arrows come from").rows}
    counts = tuple(example.model.evidence_counts().values())
    assert rows["withdrawal-2000"][3:] == (sum(counts), *counts, "yes", "yes")
    assert rows["recognition"][-2:] == ("no", "")


def test_models_for_the_same_rupture_type_stand_side_by_side_with_their_evidence(example: Analysis, made: Report
                                                                                 ) -> None:
    rows = {row[0]: row for row in table(section(made, "models"), "The same episodes by each model").rows}
    assert set(rows) == {"withdrawal-2000", "safran-muran-1996"}
    for name, row in rows.items():
        done = analyse(example.study, attrs.evolve(example.plan, model=name))
        reached = done.traces.summary().reached
        assert row[1:7] == (15, *(reached.get(word, 0) for word in ("yes", "with skips", "no", "censored",
                                                                    "not observable")))
        assert row[7] == f"{done.alignments().fit().mean():.3f}"
        assert row[8] == done.model.evidence_text()


def test_coverage_by_the_codes_stands_with_the_data(example: Analysis, made: Report) -> None:
    rows = {row[0]: row for row in table(section(made, "data"), "What the codes can show").rows}
    assert rows["withdrawal-2000"][2:] == (5, 4, 0, 0, "none")
    unseen = set(str(rows["relatedness-self-definition"][-1]).split(", "))
    assert "mutual_self_definition" in unseen


def test_a_model_of_other_parties_is_said_to_be_one(example: Analysis) -> None:
    cohort = example_cohort()
    book = attrs.evolve(cohort.coding.codebook, codes=tuple(
        attrs.evolve(code, parties=tuple({"client": "left", "therapist": "right"}[one] for one in code.parties))
        for code in cohort.coding.codebook.codes))
    renamed = cohort.moves.from_columns(cohort.moves.record, arrays=cohort.moves.arrays, levels={
        **cohort.moves.levels, "party": ("left", "right")})
    plain = type(cohort).of(renamed, coding=attrs.evolve(cohort.coding, parties=("left", "right"), codebook=book),
                            sessions=cohort.sessions, observed=cohort.observed)
    made = report_of(analyse(plain, Plan(track="r1")), draws=19)
    rows = {row[0]: row for row in table(section(made, "data"), "What the codes can show").rows}
    assert rows["withdrawal-2000"][3:] == (None, None, None, "speaks of parties that this study does not have")


def test_the_foot_names_model_codebook_rules_versions_seed_and_checksums(example: Analysis, tmp_path: Path) -> None:
    write_study(example.study, tmp_path / "demo")
    done = analyse(read_study(tmp_path / "demo"))
    foot = section(report_of(done, draws=19, seed=7), "provenance")
    rows = table(foot, "Inputs and rules").rows
    said = dict(rows)
    assert said["records"] == done.traces.provenance.cohort
    assert said["process model"] == f"withdrawal-2000:{done.model.digest}"
    assert said["seed"] == "7"
    assert [row[1] for row in rows if row[0] == "rule"] == list(done.traces.provenance.rules)
    assert said["file rupturekit.toml"].startswith("sha256 ")
    assert "file data/study-example_table-moves_data.csv" in said
    assert dict(table(foot, "Versions").rows)["rupturekit"]


def test_methods_text_cites_codebook_model_and_software(example: Analysis, made: Report) -> None:
    text = section(made, "methods").blocks[-1]
    assert isinstance(text, Prose)
    assert text.to_copy
    assert example.study.cohort.coding.codebook.citation in text.items
    assert example.model.citation in text.items
    assert any("rupturekit contributors" in item for item in text.items)
    assert any("Phipson" in item for item in text.items)    # of the test
    assert "four minutes" not in text.paragraphs[1]    # the rule is told by what it does
    assert example.rule.describe() in text.paragraphs[1]


def test_figures_are_told_in_words(made: Report) -> None:
    figures = [one for one in made.blocks() if isinstance(one, Figure)]
    assert len(figures) == 6
    assert len({one.svg.split('id="')[1].split('"')[0] for one in figures}) == 6    # names inside do not meet


# --- what there is not ----------------------------------------------------------------------------------------------


def test_without_a_model_nothing_is_traced_and_the_rest_stands(example: Analysis) -> None:
    made = report_of(analyse(example.study, Plan(track="r1")), draws=19)
    assert [one.name for one in made.sections] == ["data", "table-1", "models", "needs", "rules", "episodes", "methods",
                                                  "provenance"]
    assert "names no process model" in words(section(made, "models").blocks)
    assert dict(table(section(made, "provenance"), "Inputs").rows)["process model"] == "none"


def test_without_claims_there_is_nothing_to_tell_of_needs(example: Analysis) -> None:
    cohort = example.study.cohort
    book = attrs.evolve(cohort.coding.codebook, codes=tuple(
        attrs.evolve(code, needs=()) for code in cohort.coding.codebook.codes))
    plain = attrs.evolve(cohort, coding=attrs.evolve(cohort.coding, codebook=book))
    needs = section(report_of(analyse(plain, Plan(track="r1")), draws=19), "needs")
    assert len(needs.blocks) == 1
    assert "which is not the same as needs that were not there" in words(needs.blocks)


def test_several_tracks_have_to_be_chosen_from() -> None:
    with pytest.raises(RecordError, match="two raters are never mixed"):
        report_of(analyse(example_cohort(), Plan(model="withdrawal-2000")))


def test_what_is_no_analysis_is_refused() -> None:
    with pytest.raises(RecordError, match="expected an analysis but got Cohort; use analyse"):
        report_of(example_cohort())  # type: ignore[arg-type]


def test_without_matplotlib_the_extra_is_named(example: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"rupturekit\[report\]"):
        report_of(example)


# --- rows that were lost, and warnings --------------------------------------------------------------------------------


SHEET = ("dyad,session,party,time,code,name\nD1,1,client,0,wd,a\nD1,1,therapist,30,invite,a\nD1,1,client,60,,a\n"
         "D1,1,client,60,O'Brien,a\nD1,1,client,70,felt very small,a\n")
MAPPING = """
format = 1
name = "sheet"
[coding]
codebook = "stages"
time = "clock"
[file]
bad_rows = "drop_and_report"
[fields]
dyad.column = "dyad"
session.column = "session"
track.constant = "r1"
party.column = "party"
onset.column = "time"
onset.format = "seconds"
code.columns = ["code"]
"""


def test_rows_left_out_stand_first_with_their_reasons(tmp_path: Path) -> None:
    (tmp_path / "anna.csv").write_text(SHEET, encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    study = read_table(tmp_path / "anna.csv", tmp_path / "mapping.toml")
    made = report_of(analyse(study, Plan(model="withdrawal-2000")), draws=19)
    rows = table(section(made, "data"), "What became of the rows").rows
    assert set(rows) == {
        ("rows that hold anything", 5, ""), ("moves that they became", 2, ""),
        ("left out: no code", 1, "row 3"), ("left out: code: unknown code 'O'Brien'", 1, "row 4"),
        ("left out: code: unknown code (text, 15 characters)", 1, "row 5"),
        ("columns that the mapping does not name", 1, "name")}
    assert "no table of observed stretches" in words(section(made, "data").blocks)
    hidden = page_of(report_of(analyse(study, Plan()), draws=19, hide_ids=True))
    assert not [word for word in ("anna", "Brien", "felt very") if word in hidden]
    assert "unknown code &#x27;\u2026&#x27;" in hidden
    assert "felt very small" in page_of(report_of(analyse(study, Plan()), draws=19, free_text=True))


# --- the same every time ----------------------------------------------------------------------------------------------


def test_the_same_report_is_the_same_bytes(page: str, drawn: None) -> None:
    again = analyse(Study(name="example", cohort=example_cohort(), settings=EXAMPLE_SETTINGS))
    assert page_of(report_of(again, draws=99)) == page


def test_nothing_of_the_machine_or_the_day_stands_in_it(page: str, made: Report) -> None:
    text = page + markdown_of(made)
    assert not re.search(r"\b(19|20)\d\d-\d\d-\d\d\b", text)
    assert str(Path.home()) not in text
    assert "file://" not in text
    assert not re.search(r'(?:src|href)="(?!data:image/svg|#)', page)    # every link stays in the page


# --- names and texts that are not for everyone ------------------------------------------------------------------------


def names_of(study: Study) -> set[str]:
    cohort = study.cohort
    tables = (cohort.moves, cohort.sessions, cohort.dyads, cohort.ratings, cohort.context, cohort.coded.rows)
    fields = ("dyad", "therapist", "rater", "track", "episode", "event")
    return {word for one in tables for field in fields for word in one.levels.get(field, ())}


def test_hidden_names_stand_nowhere_and_the_numbers_are_the_same(example: Analysis, made: Report) -> None:
    hidden = report_of(example, draws=99, hide_ids=True)
    text = page_of(hidden) + markdown_of(hidden)
    left = [name for name in names_of(example.study) if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]
    assert left == []
    assert "V1-E1" not in text
    numbers = [[one.value for one in report.blocks() if isinstance(one, Number)] for report in (made, hidden)]
    assert numbers[0] == numbers[1]
    assert dict(table(section(hidden, "provenance"), "Inputs").rows)["records"] == example.traces.provenance.cohort


def test_names_of_files_lose_the_study_with_its_name(example: Analysis, tmp_path: Path) -> None:
    write_study(attrs.evolve(example.study, name="clinicnorth", settings=""), tmp_path / "demo")
    made = report_of(analyse(read_study(tmp_path / "demo"), example.plan), draws=19, hide_ids=True)
    assert "clinicnorth" not in page_of(made)
    assert "file data/table-moves_data.csv" in dict(table(section(made, "provenance"), "Inputs").rows)


def test_free_text_stands_in_it_only_where_asked_for(example: Analysis) -> None:
    cohort = example.study.cohort
    noted = [attrs.evolve(move, note=f"tape of {move.row_id}") for move in cohort.moves]
    said = [attrs.evolve(label, value="said she felt small") if label.attribute == "cost_of_raising" else label
            for label in cohort.labels]
    rated = [attrs.evolve(label, value="nearly whole") if label.attribute == "rated_resolution" else label
             for label in said]
    fresh = type(cohort).of(noted, coding=cohort.coding, sessions=cohort.sessions, dyads=cohort.dyads,
                            observed=cohort.observed, ratings=cohort.ratings, needs=cohort.needs, labels=rated,
                            context=cohort.context, episodes=cohort.coded.rows, tracks=cohort.tracks)
    done = analyse(Study(name="example", cohort=fresh, description="Clinic of the north"), example.plan)
    without, all_of_it = (page_of(report_of(done, draws=19, free_text=asked)) for asked in (False, True))
    for text in ("tape of 1", "nearly whole", "felt small", "Clinic of the north"):
        assert text not in without
    assert "tape of 1" in all_of_it
    assert "nearly whole" in all_of_it
    assert "(text, 12 characters)" in without


def test_other_warnings_than_those_of_coding_are_not_swallowed(example: Analysis, monkeypatch: pytest.MonkeyPatch
                                                              ) -> None:
    def old(self: Analysis, **how: object) -> str:
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return "not estimable: today"

    monkeypatch.setattr(Analysis, "order", old)
    warnings.simplefilter("always")    # pytest puts the filters back
    with pytest.warns(DeprecationWarning, match="old"):
        made = report_of(example, draws=19)
    assert number(section(made, "order"), "order gain").beside == ("not estimable: today",)


def test_what_looks_like_a_name_is_told_and_not_repeated(example: Analysis) -> None:
    cohort = example.study.cohort
    moves = [attrs.evolve(move, note="born 12.03.1980") if at == 0 else move for at, move in enumerate(cohort.moves)]
    fresh = type(cohort).of(moves, coding=cohort.coding, sessions=cohort.sessions, observed=cohort.observed,
                            dyads=[attrs.evolve(one, arm="a.b@clinic.org") for one in cohort.dyads])
    made = report_of(analyse(fresh, example.plan), draws=19, free_text=True)
    said = words(section(made, "data").blocks)
    assert "What looks like a name, an address or a date" in said
    assert "clinic.org" not in said
    assert "1980" not in said


def test_episodes_that_follow_the_model_leave_it_nowhere(example: Analysis) -> None:
    told = (("client", "wd"), ("therapist", "invite"), ("client", "qual-assert"), ("client", "self-assert"))
    moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
             for at, (party, code) in enumerate(told)]
    cohort = type(example.study.cohort).of(moves, coding=example.study.cohort.coding)
    models = section(report_of(analyse(cohort, Plan(model="withdrawal-2000")), draws=19), "models")
    assert number(models, "mean model fit").value == "1.000"
    assert [one.caption for one in models.blocks if isinstance(one, Table)] == [
        "Where the arrows come from", "The same episodes by each model for this rupture type"]


def test_a_cohort_in_which_nothing_costs_anything_has_no_fit(example: Analysis) -> None:
    cohort = example.study.cohort
    first = [move for move in cohort.moves if move.code == "wd" and move.party == "client"][:1]
    alone = type(cohort).of(first, coding=cohort.coding, observed=cohort.observed)
    made = report_of(analyse(alone, Plan(model="withdrawal-2000", track=first[0].track)), draws=19)
    assert "mean model fit" in number(section(made, "models"), "mean model fit").name
    assert number(section(made, "order"), "order gain").value == "no number"


def few(*moves: Move, **more: Any) -> Cohort:
    return Cohort.of(moves, coding=Coding(codebook=load_codebook("stages"), **more))


def said(code: str, at: int, party: str = "client") -> Move:
    return Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)


EMPTY = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=5)


@pytest.mark.parametrize(("cohort", "model"), [
    (few(said("wd", 0), said("invite", 5, "therapist")), "confrontation-2000"),
    (few(said("curious", 0), said("invite", 5, "therapist")), "withdrawal-2000"),
    (Cohort.of([said("wd", 9)], coding=Coding(codebook=load_codebook("stages")), episodes=[EMPTY]), "withdrawal-2000"),
    (few(said("wd", 1), said("self-assert", 2), time="order"), "withdrawal-2000"),
], ids=["all of another type", "no episode", "an episode without moves", "a bare order"])
def test_a_study_with_next_to_nothing_is_still_reported(cohort: Cohort, model: str, drawn: None) -> None:
    made = report_of(analyse(cohort, Plan(model=model)), draws=19)
    assert len(made.sections) == 10
    assert page_of(made)
    assert markdown_of(made)


# --- models held against each other -------------------------------------------------------------------------------


def test_models_are_held_against_each_other_where_asked_for(example: Analysis, made: Report, drawn: None) -> None:
    names = ["withdrawal-2000", "safran-muran-1996"]
    compared = report_of(example, draws=19, compare=names)
    found = example.compare(names)
    assert "Held-out scores" not in page_of(made)
    part = section(compared, "models")
    rows = table(part, "Held-out scores").rows
    assert [row[:2] for row in rows] == [(one.name, f"{one.score:.3f}") for one in found.compared]
    assert [row[2] for row in rows] == [
        "the best" if one.difference is None else f"{one.difference.value:+.3f}" for one in found.compared]
    assert [row[3] for row in rows] == ["none", "none", "none", "none", ""]    # four therapists give no interval
    assert [row[5] for row in rows[:2]] == [one.evidence for one in found.models]
    assert [one.caption for one in part.blocks if isinstance(one, Figure)][:1] == [
        "How well models foresee moves that they have not seen"]
    assert f"first criterion: {found.verdict}" in words(part.blocks)
    told = words(section(compared, "methods").blocks).lower()
    assert all(f"log score of {name} minus" in told for name in names)
    foot = table(section(compared, "provenance"), "Inputs and rules").rows
    assert [str(row[1]).partition(":")[0] for row in foot if row[0] == "compared with others"] == names


def test_intervals_of_compared_models_stand_beside_them(example: Analysis) -> None:
    one, *_ = example.compare(["withdrawal-2000"]).compared
    assert one.difference is not None
    wide = attrs.evolve(one, difference=attrs.evolve(one.difference, interval=(-0.25, 0.5), no_interval=""), fit=None)
    assert models._scored(wide)[3:5] == ("-0.250 to +0.500", "")


def test_where_models_cannot_be_compared_it_says_why(example: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*models: object, **how: object) -> object:
        raise NotEnoughData("nobody can be held out", needed=2, found=1)

    monkeypatch.setattr(Analysis, "compare", nobody)
    made = report_of(example, draws=19, compare=["withdrawal-2000"])
    assert ("Which process model foresees moves best: not enough data: nobody can be held out"
            in words(section(made, "models").blocks))
