"""Real records, through mapping, codebook and model files alone: test beds for the plumbing, nothing is claimed of them.

The coded sequences beside the checkout are real AnnoMI transcripts without their times; the tables of `data/` are whole,
where they are there. Nothing of them stands in this repository.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import rupturekit as rk
from real_records import fitted
from rupturekit.cli import main
from rupturekit.errors import NotEstimable
from rupturekit.negotiation.acts import ActMapping
from rupturekit.negotiation.contingency import answer_contingency
from rupturekit.negotiation.measures import mutuality
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.records.losses import LossReport
from rupturekit.records.mapping import read_mapping
from rupturekit.traces import TraceTable
from rupturekit.vocabulary import Need, NeedAct
from strategies import quietly

FILES = Path(__file__).resolve().parent / "records" / "files"
WORDS = {"REF": "reflection", "QUE": "question", "INP": "therapist_input", "OTH": "other", "CHG": "change",
         "NEU": "neutral", "SUS": "sustain"}
HEADER = ("transcript_id", "utterance_id", "interlocutor", "timestamp", "main_therapist_behaviour", "client_talk_type")


def annomi_sheet(data: dict[str, dict[str, list[str]]], path: Path) -> int:
    """Write the sequences as a sheet in AnnoMI's layout, a whole second an utterance pair, and count its rows."""
    rows = []
    for name, codes in data["sequences"].items():
        for at, code in enumerate(codes):
            therapist = code in ("REF", "QUE", "INP", "OTH")
            coded = (WORDS[code], "n/a") if therapist else ("n/a", WORDS[code])
            clock = f"00:{at // 2 // 60:02d}:{at // 2 % 60:02d}"
            rows.append((name, at, "therapist" if therapist else "client", clock, *coded))
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])
    return len(rows)


def traced(study: rk.Study, model: str, opens: str) -> TraceTable:
    rule = rk.SegmentationRule(name=f"opens at {opens}", opens=(opens,), gap=None)
    cut = quietly(rk.segment, study.cohort, rule, track=study.cohort.track_names[0])
    return rk.trace_cohort(cut, rk.read_model(FILES / model), any_type=True)


@pytest.mark.shared
def test_real_sequences_are_read_cut_and_traced(shared_file: Callable[[str], Path], tmp_path: Path,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(shared_file("refs/inputs/annomi_sequences.json").read_text(encoding="utf-8"))
    n = annomi_sheet(data, tmp_path / "annomi.csv")
    study = rk.read_table(tmp_path / "annomi.csv", FILES / "annomi.toml")
    assert isinstance(study.losses, LossReport)
    assert study.losses.rows == n == study.losses.moves + study.losses.rows_lost
    table = traced(study, "sustain-to-change.toml", "mi_sustain_talk")
    with_sustain = [codes for codes in data["sequences"].values() if "SUS" in codes]
    assert len(table) == len(with_sustain)
    assert sum(len(one.steps) for one in table) == sum(len(codes) - first_instant(codes) for codes in with_sustain)
    changed = sum("CHG" in codes[codes.index("SUS"):] for codes in with_sustain)
    assert sum(one.reached in ("yes", "with skips") for one in table) == changed
    with capsys.disabled():
        print(f"\n{n} rows = {study.losses.moves} moves + {study.losses.rows_lost} left out; {len(table)} of "
              f"{len(data['sequences'])} transcripts hold sustain talk; {changed} reach change talk")


def first_instant(codes: list[str]) -> int:
    """Return where the instant of the first sustain talk begins; two utterances share a second."""
    return codes.index("SUS") // 2 * 2


@pytest.mark.shared
def test_real_sequences_go_through_the_command_line(shared_file: Callable[[str], Path], tmp_path: Path,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(shared_file("refs/inputs/annomi_sequences.json").read_text(encoding="utf-8"))
    n = annomi_sheet(data, tmp_path / "annomi.csv")
    sheet, mapping = str(tmp_path / "annomi.csv"), str(FILES / "annomi.toml")
    assert main(["check", sheet, "--mapping", mapping]) == 0
    assert f"{n} rows = {n} moves + 0 rows left out" in capsys.readouterr().out
    assert main(["trace", sheet, "--mapping", mapping, "--model", str(FILES / "sustain-to-change.toml"),
                 "--opens", "mi_sustain_talk"]) == 0
    assert "end reached:" in capsys.readouterr().out


@pytest.mark.shared
def test_a_malformed_time_among_real_rows_is_told_and_counted(shared_file: Callable[[str], Path], tmp_path: Path) -> None:
    data = json.loads(shared_file("refs/inputs/annomi_sequences.json").read_text(encoding="utf-8"))
    n = annomi_sheet(data, tmp_path / "annomi.csv")
    lines = (tmp_path / "annomi.csv").read_text(encoding="utf-8").splitlines()
    lines[7] = lines[7].replace("00:00:0", "00:0:0")
    (tmp_path / "annomi.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    losses = rk.read_table(tmp_path / "annomi.csv", FILES / "annomi.toml").losses
    assert losses is not None
    assert (losses.rows, losses.moves, losses.rows_lost) == (n, n - 1, 1)


@pytest.mark.shared
@pytest.mark.parametrize(("name", "mapping", "model", "opens"), [
    ("data/annomi/annomi_codes.csv", "annomi.toml", "sustain-to-change.toml", "mi_sustain_talk"),
    ("data/dyseq/couplescope.csv", "couplescope.toml", "stress-to-coping.toml", "under_stress")])
def test_the_whole_tables_are_traced(shared_file: Callable[[str], Path], capsys: pytest.CaptureFixture[str], name: str,
                                     mapping: str, model: str, opens: str) -> None:
    path = shared_file(name)
    study = rk.read_table(path, fitted(read_mapping(FILES / mapping), path))
    assert study.losses is not None
    assert study.losses.balanced
    table = traced(study, model, opens)
    lengths = Counter(len(one.steps) for one in table)
    with capsys.disabled():
        print(f"\n{name}\n{study.losses}\n{len(table)} episodes, {min(lengths)} to {max(lengths)} moves each")
    assert len(table) > 0


STRESS_CLAIMS = ActMapping(
    name="stress claims communion, coping grants it", version="1", codebook="coping-codes", note="an assumption",
    acts={"stress": (NeedAct.parse("claim communion"),), "coping": (NeedAct.parse("grant communion"),)})


def couples(path: Path) -> Negotiations:
    """Read couples of whom one partner's stress and the other's coping are coded, cut where stress is first shown."""
    study = rk.read_table(path, fitted(read_mapping(FILES / "couplescope.toml"), path))
    rule = rk.SegmentationRule(name="opens at stress", opens=("under_stress",), gap=None)
    cut = quietly(rk.segment, study.cohort, rule, track=study.cohort.track_names[0])
    return negotiations(cut, mapping=STRESS_CLAIMS)


def say_what_can_be_said(table: Negotiations) -> None:
    """Contingency comes out with bounds over what stands in one interval; mutuality cannot, for one partner claims."""
    for within in (1, 2, 3):
        found = answer_contingency(table, party="partner_a", need=Need.COMMUNION, within=within)
        lower, upper = found.own_left_out, found.own_counted
        assert 0 <= lower.after.value <= upper.after.value <= 1
        assert 0 <= lower.elsewhere.value <= upper.elsewhere.value <= 1
        assert lower.difference.value == pytest.approx(lower.after.value - lower.elsewhere.value)
        assert found.same_interval <= found.claims
        assert found.claims >= lower.after.n["intervals with a claim"] > 0
    with pytest.raises(NotEstimable, match="partner_b made no claim"):
        mutuality(table)


def test_a_sheet_of_couples_in_the_layout_of_couplescope_says_what_it_can(tmp_path: Path) -> None:
    header = ["code", *(f"IKCB{at:02d}" for at in range(1, 49)), *(f"DCCB{at:02d}" for at in range(1, 49))]
    rows = [[at, *(int((n + at) % 3 == 0) for n in range(48)), *(int((n * at) % 4 == 0) for n in range(48))]
            for at in range(1, 13)]
    with (tmp_path / "couples.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    table = couples(tmp_path / "couples.csv")
    assert len(table) == 12
    say_what_can_be_said(table)


@pytest.mark.shared
def test_real_couples_say_what_they_can(shared_file: Callable[[str], Path]) -> None:
    say_what_can_be_said(couples(shared_file("data/dyseq/couplescope.csv")))
