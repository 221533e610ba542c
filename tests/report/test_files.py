"""Reports as files, and the command that writes them."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from rupturekit import cli
from rupturekit.analysis import Analysis, analyse
from rupturekit.errors import FileProblem, RecordError
from rupturekit.example import example_cohort
from rupturekit.plan import Plan
from rupturekit.records.checksums import file_checksums
from rupturekit.report.files import write_report


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "demo"
    assert cli.main(["example", str(folder)]) == 0
    return folder


def run(*arguments: object) -> int:
    return cli.main(["report", *map(str, arguments), "--draws", "19"])


def test_the_command_writes_a_page_and_says_where(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
                                                  ) -> None:
    file = tmp_path / "mine.html"
    assert run(demo, "-o", file) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"written: {file} (10 sections, 0.")
    assert " MB): open it in any browser, it needs no network. " in said
    assert "Ids are shown (--hide-ids numbers them), free text is left out" in said
    first = file.read_bytes()
    assert first.startswith(b"<!doctype html>")
    assert run(demo, "-o", file) == 3
    assert "this file is there already; name a new one, or say overwrite=True (on the command line --overwrite)" \
        in capsys.readouterr().err
    assert run(demo, "-o", file, "--overwrite") == 0
    assert file.read_bytes() == first


def test_models_to_compare_are_named_with_commas_between(demo: Path, tmp_path: Path,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.md"
    assert run(demo, "-o", file, "--format", "md", "--compare", "withdrawal-2000, safran-muran-1996") == 0
    assert "Held-out scores" in file.read_text(encoding="utf-8")
    assert run(demo, "-o", file, "--overwrite", "--compare", "withdrawal-2000,confrontation-2000") == 1
    assert "compared are models for one rupture type" in capsys.readouterr().err


def test_without_a_name_it_is_called_report(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(demo, "--format", "md", "--hide-ids", "--free-text") == 0
    assert (tmp_path / "report.md").read_text(encoding="utf-8").startswith("# Rupture and repair: study")
    assert "Ids are hidden, free text is shown" in capsys.readouterr().out


def test_what_the_command_line_says_is_what_is_reported(demo: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.md"
    assert run(demo, "-o", file, "--format", "md", "--model", "recognition", "--track", "r2", "--gap", "60",
               "--any-type", "--no-skips", "--window", "2", "--seed", "5") == 0
    text = file.read_text(encoding="utf-8")
    for said in ("process model recognition", "the reading r2 was analysed", "closes after 60 s", "was not followed",
                 "answered within 2 turns", "| seed | 5 |"):
        assert said in text


def test_on_a_terminal_it_shows_how_far_it_is(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", screen)
    assert run(demo, "-o", tmp_path / "mine.html") == 0
    assert "episodes [########################      ] 50 of 62" in screen.getvalue()
    assert "episodes [##############################] 62 of 62\n" in screen.getvalue()


def test_a_place_that_cannot_be_written_is_refused_before_the_work(example: Analysis, tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="there is no folder .*; make it first"):
        write_report(example, tmp_path / "nowhere" / "report.html")
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileProblem, match="this file is there already"):
        write_report(example, tmp_path / "taken")
    with pytest.raises(FileProblem, match="the report cannot be written"):
        write_report(example, tmp_path / "taken", overwrite=True, draws=19)


def test_another_format_is_refused_with_the_nearest(example: Analysis, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="format is 'htm'; expected 'html' or 'md'; did you mean 'html'"):
        write_report(example, tmp_path / "report.htm", format="htm")


# --- checksums ------------------------------------------------------------------------------------------------------------


def test_checksums_are_those_of_the_files_and_change_with_them(demo: Path) -> None:
    found = dict(file_checksums(demo))
    assert "dataset_description.json" in found
    assert "data/study-example_table-moves_data.csv" in found
    assert all(not Path(name).is_absolute() for name in found)
    settings = demo / "rupturekit.toml"
    before = settings.read_bytes()
    settings.write_bytes(before + b"\n")
    assert dict(file_checksums(demo))["rupturekit.toml"] != found["rupturekit.toml"]
    settings.write_bytes(before)
    assert dict(file_checksums(demo)) == found


def test_a_study_without_a_folder_has_no_files(tmp_path: Path) -> None:
    assert analyse(example_cohort(), Plan(track="r1")).checksums == ()
    assert file_checksums(tmp_path / "nowhere") == ()


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.toml").symlink_to(tmp_path / "gone")
    with pytest.raises(FileProblem, match=r"a\.toml: cannot be read for its checksum"):
        file_checksums(tmp_path)
