"""The page on AnnoMI says what its own files give on the real sequences, which do not stand in this repository."""

from __future__ import annotations

import ast
import csv
import doctest
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rupturekit as rk
from rupturekit.conformance.alignment import align_cohort
from rupturekit.conformance.costs import AlignmentCosts
from rupturekit.conformance.order import order_gain
from rupturekit.conformance.specificity import order_specificity
from rupturekit.conformance.stages import stage_order
from rupturekit.episode import EpisodeRow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "annomi.md"
WORDS = {"REF": "reflection", "QUE": "question", "INP": "therapist_input", "OTH": "other", "CHG": "change",
         "NEU": "neutral", "SUS": "sustain"}
HEADER = ("transcript_id", "utterance_id", "interlocutor", "main_therapist_behaviour", "client_talk_type")
RULE = rk.SegmentationRule(name="whole transcripts", gap=None)
pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")


def files() -> Iterator[tuple[str, str]]:
    """Yield name and text of every TOML file that the page writes."""
    for example in doctest.DocTestParser().get_examples(re.sub(r"(?m)^```$", "", PAGE.read_text(encoding="utf-8"))):
        for call in ast.walk(ast.parse(example.source)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "write_text":
                name = ast.literal_eval(call.func.value.args[0]) if isinstance(call.func.value, ast.Call) else ""
                if name.endswith(".toml"):
                    yield name, ast.literal_eval(call.args[0])


def sheet(sequences: dict[str, list[str]], path: Path) -> None:
    rows = []
    for name, codes in sequences.items():
        for at, code in enumerate(codes):
            therapist = code in ("REF", "QUE", "INP", "OTH")
            coded = (WORDS[code], "n/a") if therapist else ("n/a", WORDS[code])
            rows.append((name, at, "therapist" if therapist else "client", *coded))
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])


def whole_transcripts(cohort: rk.Cohort) -> rk.Cohort:
    """Return the cohort with one episode for each dyad, as the page makes them."""
    last = dict(zip(cohort.moves.words("dyad"), cohort.moves.onset.tolist(), strict=True))
    return rk.segment(rk.Cohort.of(cohort.moves, coding=cohort.coding, episodes=[
        EpisodeRow(episode=str(dyad), dyad=str(dyad), track=cohort.track_names[0], first_session=1, last_session=1, onset=0,
                   end=end) for dyad, end in last.items()]), RULE)


def read(folder: Path, sequences: dict[str, list[str]]) -> tuple[rk.Study, rk.Cohort, rk.StateMachine]:
    for name, text in files():
        (folder / name).write_text(text, encoding="utf-8")
    sheet(sequences, folder / "annomi.csv")
    study = rk.read_table(folder / "annomi.csv", folder / "annomi.toml")
    return study, whole_transcripts(study.cohort), rk.read_model(folder / "question-answer-reflection.toml")


def test_the_page_writes_three_files() -> None:
    assert [name for name, _ in files()] == ["mi-codes.toml", "question-answer-reflection.toml", "annomi.toml"]


@pytest.mark.shared
def test_the_figures_on_the_page_are_those_of_the_data(shared_file: Callable[[str], Path], tmp_path: Path) -> None:
    data = json.loads(shared_file("refs/inputs/annomi_sequences.json").read_text(encoding="utf-8"))
    study, cohort, model = read(tmp_path, data["sequences"])
    gain, ranks = order_gain(cohort, model, rule=RULE), order_specificity(cohort, model, rule=RULE)
    told = {line for result in (study.losses, rk.coverage(study.cohort.coding.codebook, model), align_cohort(cohort, model),
                                gain, stage_order(cohort, model, rule=RULE), ranks) for line in str(result).splitlines()}
    page = PAGE.read_text(encoding="utf-8")
    shown = [line for block in re.findall(r"(?s)```text\n(.*?)```", page) for line in block.splitlines()]
    assert len(shown) > 15
    assert [line for line in shown if line not in told] == []
    words, interval = " ".join(page.split()), gain.gain.interval
    assert interval is not None
    high = sum(quality == "high" for quality in data["mi_quality"].values())
    for sentence in (
            f"Its numbers come from {len(data['sequences'])} transcripts",
            f"some {interval[1]:.2f} at most, or a loss of {-interval[0]:.2f}",
            f"The order asks {ranks.beyond_set.value:.2f} of each move",
            f"in any order it would ask {ranks.beyond_set_by_chance:.2f}",
            f"{high} of these {len(data['sequences'])} are marked as high-quality MI"):
        assert sentence in words


CYCLE = "d_conformance_question_answer_reflection_annomi.json"


@pytest.mark.shared
def test_costs_on_the_page_are_those_of_another_program_where_its_model_is_meant(shared_file: Callable[[str], Path],
                                                                                tmp_path: Path) -> None:
    """The other program's net lets a question or a reflection ask, and stops at any answer."""
    case = json.loads(shared_file(f"refs/{CYCLE}").read_text(encoding="utf-8"))
    traces = {f"t{at:02d}": trace for at, trace in enumerate(case["input"]["traces"])}
    for name, text in files():
        (tmp_path / name).write_text(text, encoding="utf-8")
    file = tmp_path / "question-answer-reflection.toml"
    text = file.read_text(encoding="utf-8")
    arrows = text[text.index("transitions = ["):]
    made = [("opening", "asked", '{party = "therapist", function = "mi_question"}'),
            ("asked", "answered", '{party = "client", function = "mi_talk"}'),
            ("answered", "asked", '{party = "therapist", function = ["mi_question", "mi_reflection"]}')]
    text = text.replace(arrows, "transitions = [\n" + "".join(
        f'{{from = "{source}", to = "{target}", when = {when}, evidence = "assumption"}},\n' for source, target, when in made) + "]\n")
    text = re.sub(r'(?m)^.*name = "reflected".*\n', "", text).replace(
        'name = "answered", phase = "alliance",', 'name = "answered", phase = "alliance", end = true,')
    file.write_text(text, encoding="utf-8")
    sheet(traces, tmp_path / "annomi.csv")
    study = rk.read_table(tmp_path / "annomi.csv", tmp_path / "annomi.toml")
    table = align_cohort(whole_transcripts(study.cohort), rk.read_model(file), costs=AlignmentCosts())
    found = dict(zip(table.replay.episodes.rows.words("episode"), table.cost.tolist(), strict=True))
    assert [found[name] for name in traces] == [one["cost"] // 10_000 for one in case["output"]["alignments"]]
