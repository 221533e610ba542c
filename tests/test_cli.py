"""The command line, as a person meets it: what it prints, where, and with which exit code."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rupturekit import cli
from rupturekit.cli import main

OWN_BOOK = 'format = 1\nname = "mine"\ntitle = "Mine"\n[[codes]]\ncode = "a"\nlabel = "A"\n'


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "demo"
    assert main(["example", str(folder)]) == 0
    return folder


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    file = tmp_path / "sheet.csv"
    file.write_text("dyad,session,party,time,code\nD1,1,client,0,wd\nD1,1,therapist,30,invite\nD1,1,client,60,self-assert\n")
    return file


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    file = tmp_path / "mapping.toml"
    file.write_text("""
format = 1
name = "sheet"
[coding]
codebook = "stages"
time = "clock"
[file]
bad_rows = "refuse"
[fields.dyad]
column = "dyad"
[fields.session]
column = "session"
[fields.track]
constant = "r1"
[fields.party]
column = "party"
[fields.onset]
column = "time"
format = "seconds"
[fields.code]
columns = ["code"]
""")
    return file


def test_without_arguments_it_says_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "rupturekit example demo" in capsys.readouterr().out


def test_arguments_come_from_the_shell_where_none_are_given(monkeypatch: pytest.MonkeyPatch,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["rupturekit", "models", "--names"])
    assert main() == 0
    assert "withdrawal-2000" in capsys.readouterr().out


def test_python_m_runs_it() -> None:
    done = subprocess.run([sys.executable, "-m", "rupturekit", "--version"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("rupturekit 0.")


@pytest.mark.parametrize("arguments", [["nonsense"], ["trace"], ["trace", "x", "--nonsense"]])
def test_what_is_not_understood_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_the_example_is_labelled_as_invented(demo: Path) -> None:
    assert "invented" in (demo / "dataset_description.json").read_text().lower()


def test_the_example_is_not_written_over(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", str(demo)]) == 3
    assert "not empty" in capsys.readouterr().err
    assert main(["example", str(demo), "--overwrite"]) == 0


def test_check_tells_what_is_there(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(demo)]) == 0
    out = capsys.readouterr().out
    assert "2 tracks" in out
    assert "seen with stages" in out
    assert out.endswith("no mistakes found\n")


def test_check_looks_at_the_track_of_the_plan(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(demo, tmp_path / "copy")
    settings = tmp_path / "copy" / "rupturekit.toml"
    settings.write_text(settings.read_text().replace('track = "r1"', 'track = "r9"'))
    assert main(["check", str(tmp_path / "copy")]) == 1
    assert "there is no track 'r9'; known: r1, r2" in capsys.readouterr().err


def test_describe_prints_table_one(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", str(demo), "--track", "r1"]) == 0
    assert "therapists" in capsys.readouterr().out.lower()


def test_trace_prints_coverage_paths_and_summary(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo)]) == 0
    out = capsys.readouterr().out
    for text in ("seen with stages", "episodes: An episode opens", "track: r1", "Trace(episode", "end reached:"):
        assert text in out


def test_trace_prints_twenty_episodes_or_all(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo), "--any-type"]) == 0
    some = capsys.readouterr().out
    assert main(["trace", str(demo), "--any-type", "--all"]) == 0
    everything = capsys.readouterr().out
    assert some.count("Trace(episode") == 20
    assert "more episodes; --all prints every one" in some
    assert everything.count("Trace(episode") > 20


def test_trace_takes_another_track_model_and_rule(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo), "--track", "r2", "--model", "confrontation-2000", "--gap", "60", "--no-skips",
                 "--opens", "confrontation_marker", "--closes-on", "vulnerable_expression"]) == 0
    out = capsys.readouterr().out
    assert "track: r2" in out
    assert "confrontation-2000" in out
    assert "closes on vulnerable_expression" in out


def test_trace_explains_an_episode(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo), "--any-type", "--all"]) == 0
    name = capsys.readouterr().out.split("Trace(episode '")[1].split("'")[0]
    assert main(["trace", str(demo), "--any-type", "--explain", name]) == 0
    assert capsys.readouterr().out.startswith(f"Episode {name} (dyad")


def test_trace_shows_how_much_the_rule_decides(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo), "--rules"]) == 0
    out = capsys.readouterr().out
    assert "SegmentationTable(8 rules" in out
    assert "BoundaryComparison(" in out
    assert main(["trace", str(demo), "--rules", "--gap", "30"]) == 0
    assert "gap 15 s" in capsys.readouterr().out


def test_an_unknown_episode_is_a_sentence(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo), "--explain", "nobody"]) == 1
    assert "no trace of episode 'nobody'" in capsys.readouterr().err


def test_an_episode_that_was_left_out_is_said_to_be(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo), "--explain", "V3-E1"]) == 1
    assert "was drawn and not traced (opened with another rupture type than withdrawal" in capsys.readouterr().err


def test_every_part_of_the_rule_can_be_said(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo), "--opened-by", "client", "--across-sessions", "--rule-alone",
                 "--tie-rule", "second_party_first"]) == 0
    out = capsys.readouterr().out
    assert "at a move of the client whose function" in out
    assert "may go on in the next" in out
    assert "drawn by the coders" not in out


@pytest.mark.parametrize("gap", ["nan", "inf", "1e300", "0", "-3", "x"])
def test_a_gap_that_is_no_span_of_time_is_refused(gap: str, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo), f"--gap={gap}"]) == 2
    assert f"argument --gap: '{gap}' is no span of time; expected a number above 0" in capsys.readouterr().err


def test_half_a_turn_is_refused(tmp_path: Path, sheet: Path, mapping: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping.write_text(mapping.read_text().replace('time = "clock"', 'time = "turn"').replace('"seconds"', '"ordinal"'))
    command = ["trace", str(sheet), "--mapping", str(mapping), "--model", "withdrawal-2000"]
    assert main([*command, "--gap", "2.5"]) == 1
    assert "expected a whole number" in capsys.readouterr().err
    assert main([*command, "--gap", "20"]) == 0
    assert "after 20 turns" in capsys.readouterr().out


def test_what_is_odd_in_a_study_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", str(tmp_path / "demo")]) == 0
    labels = tmp_path / "demo" / "data" / "study-example_table-labels_data.csv"
    labels.write_text(labels.read_text().replace("V1-E1", "V9-E9"))
    assert main(["check", str(tmp_path / "demo")]) == 0
    assert "odd: statements about what is not there: episode 'V9-E9'" in capsys.readouterr().out


def test_models_and_codebooks_are_listed_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    assert "arrows:" in capsys.readouterr().out
    assert main(["model", "recognition"]) == 0
    assert "client_notices+therapist_notices" in capsys.readouterr().out
    assert main(["codebooks"]) == 0
    assert "codes;" in capsys.readouterr().out
    assert main(["codebooks", "--names"]) == 0
    assert capsys.readouterr().out.splitlines() == ["3rs-2015", "3rs-2022", "needs", "sasb", "stages"]
    assert main(["codebook", "3rs-2015"]) == 0
    assert "wd-min" in capsys.readouterr().out


def test_coverage_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage", "3rs-2015", "withdrawal-2000"]) == 0
    assert "not observable" in capsys.readouterr().out


def test_a_model_that_names_a_party_the_study_lacks_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage", "stages", "withdrawal-2000", "--parties", "partner_a", "partner_b"]) == 1
    assert "parties are partner_a and partner_b" in capsys.readouterr().err


def test_a_sheet_without_a_mapping_is_sent_to_init(sheet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(sheet)]) == 3
    assert "rupturekit init" in capsys.readouterr().err


def test_a_sheet_is_checked_traced_and_converted(sheet: Path, mapping: Path, tmp_path: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(sheet), "--mapping", str(mapping)]) == 0
    assert "3 rows" in capsys.readouterr().out
    assert main(["trace", str(sheet), "--mapping", str(mapping), "--model", "withdrawal-2000"]) == 0
    assert "withdrawal -> disembedding -> self_assertion" in capsys.readouterr().out
    target = tmp_path / "study"
    assert main(["convert", str(sheet), str(target), "--mapping", str(mapping)]) == 0
    assert "written" in capsys.readouterr().out
    assert main(["trace", str(target)]) == 1
    assert "no process model named" in capsys.readouterr().err
    assert main(["convert", str(target), str(tmp_path / "copy")]) == 0


def test_init_proposes_and_writes_a_mapping(sheet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(sheet)]) == 0
    assert "rupturekit init" in capsys.readouterr().out
    target = tmp_path / "proposed.toml"
    assert main(["init", str(sheet), "-o", str(target)]) == 0
    assert target.exists()
    assert main(["init", str(sheet), "-o", str(target)]) == 3
    assert "there already" in capsys.readouterr().err
    assert main(["init", str(sheet), "-o", str(tmp_path / "no" / "where.toml")]) == 3
    assert "cannot be written" in capsys.readouterr().err


def test_notes_go_to_standard_error_once(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (demo / "data" / "strange.csv").write_text("x\n")
    try:
        assert main(["check", str(demo)]) == 0
    finally:
        (demo / "data" / "strange.csv").unlink()
    err = capsys.readouterr().err
    assert err.count("strange.csv") == 1
    assert err.startswith("note: ")


def test_what_looks_like_a_person_is_told(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "named.csv"
    sheet.write_text("dyad,session,party,time,code\nanna.meier@example.org,1,client,0,wd\n")
    book = tmp_path / "m.toml"
    book.write_text('format = 1\nname = "n"\n[coding]\ncodebook = "stages"\ntime = "clock"\n[file]\nbad_rows = "refuse"\n'
                    '[fields.dyad]\ncolumn = "dyad"\n[fields.session]\nconstant = 1\n[fields.track]\nconstant = "r1"\n'
                    '[fields.party]\ncolumn = "party"\n[fields.onset]\ncolumn = "time"\nformat = "seconds"\n'
                    '[fields.code]\ncolumn = "code"\n')
    assert main(["check", str(sheet), "--mapping", str(book)]) == 0
    told = capsys.readouterr()
    assert "e-mail" in told.err
    assert "anna.meier" not in told.out + told.err
    assert main(["convert", str(sheet), str(tmp_path / "study"), "--mapping", str(book)]) == 0
    assert main(["check", str(tmp_path / "study")]) == 0
    told = capsys.readouterr()
    assert "privacy: " in told.out


def test_a_command_to_copy_quotes_what_a_shell_would_divide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", str(tmp_path / "my study")]) == 0
    assert f"rupturekit trace '{tmp_path}/my study'" in capsys.readouterr().out
    sheet = tmp_path / "my sheet.csv"
    sheet.write_text("dyad,session,party,code\nD1,1,client,wd\n")
    assert main(["check", str(sheet)]) == 3
    assert f"rupturekit init '{sheet}'" in capsys.readouterr().err
    assert main(["init", str(sheet)]) == 0
    assert f"rupturekit init '{sheet}' -o" in capsys.readouterr().out
    assert main(["init", str(sheet), "-o", str(tmp_path / "a b.toml")]) == 0
    assert f"rupturekit check '{sheet}' --mapping '{tmp_path}/a b.toml'" in capsys.readouterr().out


def test_a_missing_study_ends_with_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none")]) == 3
    assert capsys.readouterr().err.startswith("rupturekit: ")


def test_a_reader_that_leaves_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.run(f'"{sys.executable}" -m rupturekit model recognition | head -n 1', shell=True, check=True,
                          capture_output=True, text=True)
    assert done.stderr == ""


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.state_machine, "model_names", lambda: interrupt(None))
    assert main(["models"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_stages_are_told_on_a_terminal_only(demo: Path, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(demo)]) == 0
    assert "reading" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["trace", str(demo)]) == 0
    err = capsys.readouterr().err
    assert "reading demo ...\ncutting 1,550 moves into episodes ...\ntracing 34 episodes ...\n" in err


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(cli._progress(range(300), "tracing")) == list(range(300))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(cli._progress(range(300), "tracing")) == list(range(300))
    assert "tracing: 300 of 300" in capsys.readouterr().err


# --- the negotiation of needs ------------------------------------------------------------------------------------------

ACTS = 'format = 1\nname = "mine"\ncodebook = "stages"\n[[acts]]\ncode = "self-assert"\nverb = "claim"\nneed = "agency"\n'


def negotiated(demo: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["negotiation", str(demo), "--draws", "99", *more]) == 0
    return capsys.readouterr().out


def test_negotiation_prints_counts_answers_and_measures(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = negotiated(demo, capsys)
    assert "track: r1\nacts by: stages, version 1 (9 codes of stages)\n\n34 episodes\n" in printed
    assert "how claims were answered, by who claimed" in printed
    assert "mutuality  " in printed
    assert "hypothesis" not in printed
    assert negotiated(demo, capsys) == printed
    assert negotiated(demo, capsys, "--seed", "2") != printed


def test_negotiation_tells_episodes_one_by_one(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = negotiated(demo, capsys, "--episode", "V1-E1")
    two = negotiated(demo, capsys, "--episode", "V1-E1", "--episode", "V3-E1")
    assert "V1-E1" in one
    assert two.startswith(one.rstrip("\n"))
    assert "V3-E1" in two
    assert main(["negotiation", str(demo), "--episode", "V9"]) == 1
    assert "no negotiation of episode 'V9'" in capsys.readouterr().err


def test_negotiation_shows_how_results_move(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = negotiated(demo, capsys, "--ways", "--window", "5")
    rows = [line.split() for line in printed.splitlines() if line.startswith("stages ")]
    assert {row[1] for row in rows} == {"1", "2", "3", "5"}


def test_negotiation_sets_another_mapping_beside(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text(ACTS)
    printed = negotiated(demo, capsys, "--ways", "--other-acts", str(tmp_path / "mine.toml"))
    names = [line.split()[0] for line in printed.splitlines() if " 1       gap 240 s" in line]
    assert sorted(names) == ["mine", "mine", "stages", "stages"]


def test_negotiation_tests_hypotheses_and_asks_for_k_and_h(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without = negotiated(demo, capsys, "--hypotheses")
    assert "\nmatch after the end\nnot tested: say k, own turns that communion is averaged over, and h" in without
    assert "expected by Safran & Muran: agency last" in without
    assert "\nveil\nnot tested: latent levels come from 2 sources (interview, separate-raters); say which" in without
    assert "does not show: the hypothesis was read out of interviews with nine therapists" in without
    assert "These are several tests" in without
    both = negotiated(demo, capsys, "--hypotheses", "--k", "1", "--h", "1", "--source", "diary")
    assert "(k = 1, h = 1 turns)" in both or "no negotiation ended at a turn with 1 turns" in both
    assert negotiated(demo, capsys, "--hypotheses", "--k", "2").count("not tested: say k") == 1


@pytest.mark.parametrize(("more", "told"), [
    (["--window", "0"], "window is 0; expected a whole number of turns from 1 to 100"),
    (["--hypotheses", "--k", "0", "--h", "1"], "k is 0; expected a whole number of turns, 1 or more"),
    (["--hypotheses", "--k", "1", "--h", "0"], "h is 0; expected a whole number of turns, 1 or more"),
    (["--k", "3", "--source", "diary"], "only the hypotheses ask for --k, --source; add --hypotheses"),
    (["--other-acts", "mine.toml"], "--other-acts is compared by --ways; add it"),
    (["--episode", "V1-E1", "--ways"], "while --ways and --hypotheses look at all; ask for one or the other"),
    (["--acts", "raters"], "no rater stated an act on a need"),
    (["--draws", "0"], "expected at least 1 draw"),
    (["--track", "r9"], "r9"),
])
def test_negotiation_refuses_with_a_sentence(more: list[str], told: str, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["negotiation", str(demo), *more]) == 1
    assert told in capsys.readouterr().err


def test_acts_are_looked_for_where_one_stands_and_those_of_the_settings_in_the_study(
        demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(demo, folder)
    settings = folder / "rupturekit.toml"
    settings.write_text(settings.read_text().replace("[analysis]\n", '[analysis]\nacts = "own.toml"\nanswer_window = 2\n', 1))
    (folder / "own.toml").write_text(ACTS.replace("mine", "of the study"))
    (tmp_path / "mine.toml").write_text(ACTS)
    monkeypatch.chdir(tmp_path)
    assert "acts by: of the study (1 code of stages)" in negotiated(Path("demo"), capsys)
    assert "acts by: mine (1 code of stages)" in negotiated(Path("demo"), capsys, "--acts", "mine.toml")
    ways = negotiated(Path("demo"), capsys, "--ways", "--window", "7")
    assert "of the study  7 " in ways
    assert main(["negotiation", "demo", "--acts", "own.toml"]) == 3
    assert "own.toml" in capsys.readouterr().err
    settings.write_text(settings.read_text().replace("answer_window = 2", "answer_window = 0"))
    assert main(["negotiation", "demo"]) == 1
    assert "analysis.answer_window: is 0; expected a whole number of turns" in capsys.readouterr().err
