"""Writing whole: killed, failing or interrupted at any moment, a folder holds the old study or the new one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import killed_writer
from killed_writer import everything, studies, which
from rupturekit.errors import FileProblem
from rupturekit.records import atomic
from rupturekit.records.atomic import STAGE, Change, change, current, current_files, replacing, settle, write_bytes
from rupturekit.records.study import read_study, write_study

ONE, TWO = studies()


# --- failing at every step ---------------------------------------------------------------------------------------


class Dead(BaseException):
    """The process was killed: nothing that it would still do happens."""


STEPS = ((os, "replace"), (os, "unlink"), (os, "mkdir"), (os, "rmdir"), (os, "chmod"), (os, "fsync"), (os, "open"),
         (io, "open"))
"""Every call through which writing touches the disk."""


@contextlib.contextmanager
def counted(before: Callable[[int], None]) -> Iterator[list[int]]:
    """Call `before` with the number of the step before each step that touches the disk."""
    taken = [0]

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **named: Any) -> Any:
            taken[0] += 1
            before(taken[0])
            return real(*args, **named)
        return step

    def no_wait(_: int) -> None:    # only a power cut takes what was handed to the system
        return

    with pytest.MonkeyPatch.context() as patch:
        for module, name in STEPS:
            patch.setattr(module, name, watched(no_wait if name == "fsync" else getattr(module, name)))
        yield taken


def dead_from(at: int) -> Callable[[int], None]:
    def before(step: int) -> None:
        if step >= at:
            raise Dead
    return before


def failing(at: int, error: BaseException) -> Callable[[int], None]:
    def before(step: int) -> None:
        if step == at:
            raise error
    return before


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds study one, and files of somebody's own."""
    folder = tmp_path_factory.mktemp("old") / "study"
    write_study(ONE, folder)
    (folder / "notes.txt").write_text("mine")
    (folder / "data" / "sheet.xlsx").write_text("mine too")
    return folder


@pytest.fixture(scope="module")
def clean(old: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """Return what the folder holds, to the byte, when either study stands in it."""
    folder = tmp_path_factory.mktemp("clean") / "study"
    shutil.copytree(old, folder)
    write_study(TWO, folder, overwrite=True)
    return {"one": everything(old), "two": everything(folder)}


def steps_of_a_write(old: Path, scratch: Path) -> int:
    shutil.copytree(old, scratch)
    with counted(lambda _: None) as taken:
        write_study(TWO, scratch, overwrite=True)
    shutil.rmtree(scratch)
    return taken[0]


def killed_at_every_step(old: Path, scratch: Path) -> Iterator[str]:
    """Yield what stands in the folder after a kill before each step, and write study two again after it."""
    for at in range(1, steps_of_a_write(old, scratch) + 1):
        shutil.copytree(old, scratch)
        with contextlib.suppress(Dead), counted(dead_from(at)):
            write_study(TWO, scratch, overwrite=True)
        yield which(scratch)
        with contextlib.suppress(FileProblem):    # the control leaves folders that are no study
            write_study(TWO, scratch, overwrite=True)
        yield f"then {everything(scratch).keys() - everything(old).keys() or 'nothing new'}"
        shutil.rmtree(scratch)


@pytest.mark.filterwarnings("ignore:sheet.xlsx")
def test_a_write_killed_before_any_step_leaves_the_old_study_or_the_new_one(
        old: Path, clean: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    found = list(killed_at_every_step(old, tmp_path / "study"))
    assert set(found[::2]) == {"one", "two"}
    assert found[::2] == sorted(found[::2])    # the old one up to a moment, the new one from then on
    assert set(found[1::2]) == {f"then {clean['two'].keys() - clean['one'].keys()}"}
    assert len(found) > 80


def test_a_plain_writer_is_found_out(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check above can fail: files written straight into their places leave mixes behind."""

    class Plain(atomic.Change):
        def file(self, name: str) -> Path:
            (self.folder / name).write_bytes(b"")
            return self.folder / name

        def without(self, name: str) -> None:
            (self.folder / name).unlink()

    @contextlib.contextmanager
    def plainly(folder: Path) -> Iterator[atomic.Change]:
        yield Plain(folder=folder)

    monkeypatch.setattr(atomic, "change", plainly)
    found = list(killed_at_every_step(old, tmp_path / "study"))[::2]
    assert set(found) - {"one", "two"}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_at_any_step_leaves_no_trace_of_itself(
        error: BaseException, old: Path, clean: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    scratch = tmp_path / "study"
    for at in range(1, steps_of_a_write(old, scratch) + 1):
        shutil.copytree(old, scratch)
        told = False
        with counted(failing(at, error)):
            try:
                write_study(TWO, scratch, overwrite=True)
            except FileProblem as problem:
                told = "No space left" in str(problem)
            except KeyboardInterrupt:
                told = True
        left = everything(scratch)
        assert left in clean.values()
        assert told or left == clean["two"]    # whoever is not told has the new study
        shutil.rmtree(scratch)


def test_a_first_write_that_fails_leaves_not_even_the_folder(tmp_path: Path) -> None:
    with counted(lambda _: None) as taken:
        write_study(ONE, tmp_path / "a" / "study")
    for at in range(3, taken[0] - 20):
        with pytest.raises(KeyboardInterrupt), counted(failing(at, KeyboardInterrupt())):
            write_study(ONE, tmp_path / "b" / "study")
        if not (tmp_path / "b").exists():
            continue
        assert which(tmp_path / "b" / "study") == "one"
        shutil.rmtree(tmp_path / "b")


def test_a_first_write_that_was_killed_can_be_done_again_as_a_first_write(tmp_path: Path) -> None:
    with counted(lambda _: None) as taken:
        write_study(ONE, tmp_path / "whole")
    for at in range(1, taken[0] + 1):
        with contextlib.suppress(Dead), counted(dead_from(at)):
            write_study(ONE, tmp_path / "study")
        if not (tmp_path / "study").exists() or which(tmp_path / "study") != "one":
            write_study(ONE, tmp_path / "study")
        assert which(tmp_path / "study") == "one"
        shutil.rmtree(tmp_path / "study", ignore_errors=True)


# --- killed ------------------------------------------------------------------------------------------------------


def test_two_hundred_kills_leave_a_whole_study_and_the_next_write_leaves_no_trace_of_them(tmp_path: Path) -> None:
    asked = [sys.executable, killed_writer.__file__, str(tmp_path / "study"), "200"]
    ran = subprocess.run(asked, capture_output=True, text=True, check=False, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert set(said["found"]) <= {"one", "two"}
    assert sum(said["found"].values()) == 200
    assert said["unclean"] == 0
    assert said["staged"] > 50    # else the kills missed the writes


# --- what is left in the stage -----------------------------------------------------------------------------------


@pytest.fixture
def cut_short(old: Path, tmp_path: Path) -> Path:
    """Return a folder in which study two was decided on and not yet moved into its place."""
    folder = tmp_path / "study"
    shutil.copytree(old, folder)

    def stuck(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    real = os.replace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", lambda one, other: real(one, other) if Path(other).parent.name == STAGE else stuck())
        with pytest.raises(FileProblem, match=r"what was written counts, but waits in \.rupturekit-new.*Permission denied"):
            write_study(TWO, folder, overwrite=True)
    return folder


def test_what_was_decided_is_read_and_nothing_is_written_by_reading(cut_short: Path) -> None:
    before = everything(cut_short)
    assert which(cut_short) == "two"
    assert everything(cut_short) == before
    assert (cut_short / "data" / STAGE).is_dir()


def test_what_was_decided_counts_when_a_new_write_is_refused(cut_short: Path, clean: dict[str, dict[str, bytes]]) -> None:
    with pytest.raises(FileProblem, match="not empty"):
        write_study(ONE, cut_short)
    assert everything(cut_short) == clean["two"]


def test_a_folder_whose_data_were_taken_away_meanwhile_is_no_study_and_can_be_written(cut_short: Path) -> None:
    shutil.rmtree(cut_short / "data")
    with pytest.raises(FileProblem, match="the one table a study needs"):
        read_study(cut_short)
    write_study(ONE, cut_short, overwrite=True)
    assert which(cut_short) == "one"


def test_a_stage_that_was_never_decided_on_is_not_looked_at(old: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(old, folder)
    (folder / STAGE).mkdir()
    (folder / STAGE / "rupturekit.toml").write_text("half of")
    assert which(folder) == "one"
    write_study(ONE, folder, overwrite=True)
    assert everything(folder) == everything(old)


@pytest.mark.parametrize("note", [
    "{", "[]", "{}", '{"put": 1, "remove": []}', '{"put": [], "remove": [1]}', '{"put": [], "remove": [], "more": 1}',
    '{"put": [], "remove": ["notes.txt"]}', '{"put": ["../x"], "remove": []}', '{"put": ["/etc/x"], "remove": []}',
    '{"put": [".."], "remove": []}', '{"put": ["data/a/b"], "remove": []}', '{"put": ["data\\\\b"], "remove": []}',
    '{"put": [], "remove": ["data/../rupturekit.toml"]}', '{"put": [], "remove": ["data/.hidden"]}', "[" * 100_000,
    '{"put": [], "remove": []' + " " * 1_000_000 + "}",
], ids=range(16))
def test_a_note_that_is_not_ours_is_refused_for_reading_and_writing(old: Path, tmp_path: Path, note: str) -> None:
    folder = tmp_path / "study"
    shutil.copytree(old, folder)
    (folder / STAGE).mkdir()
    (folder / STAGE / "COMMIT").write_text(note)
    before = everything(folder)
    for deed in (lambda: read_study(folder), lambda: write_study(TWO, folder, overwrite=True)):
        with pytest.raises(FileProblem, match="is damaged"):
            deed()
    assert everything(folder) == before


def test_a_note_that_cannot_be_read_is_a_sentence(cut_short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(FileProblem, match=r"COMMIT cannot be read \(Permission denied\)"):
        read_study(cut_short)


# --- folders as people have them ---------------------------------------------------------------------------------


def test_permissions_of_replaced_files_stay(old: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(old, folder)
    (folder / "rupturekit.toml").chmod(0o640)
    (folder / "dataset_description.json").chmod(0o400)
    write_study(TWO, folder, overwrite=True)
    assert stat.S_IMODE((folder / "rupturekit.toml").stat().st_mode) == 0o640
    assert stat.S_IMODE((folder / "dataset_description.json").stat().st_mode) == 0o400


def test_a_linked_study_and_linked_data_stay_linked(old: Path, clean: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    real, vault = tmp_path / "real", tmp_path / "vault"
    shutil.copytree(old, real)
    (real / "data").rename(vault)
    (real / "data").symlink_to(vault)
    (tmp_path / "link").symlink_to(real)
    write_study(TWO, tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (real / "data").is_symlink()
    assert {f"data/{name}": held for name, held in everything(vault).items()} == {
        name: held for name, held in clean["two"].items() if name.startswith("data/")}


def test_a_study_of_another_name_leaves_one_moves_table(old: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(old, folder)
    write_study(TWO, folder, overwrite=True)
    assert [file.name for file in (folder / "data").glob("*moves*")] == ["study-two_table-moves_data.csv"]
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "data" / "sheet.xlsx").read_text() == "mine too"


def test_a_system_that_opens_no_folders_still_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def files_only(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if sys._getframe(1).f_code.co_name == "_sync_folder":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", files_only)
    write_study(ONE, tmp_path / "study")
    assert which(tmp_path / "study") == "one"


# --- one file ----------------------------------------------------------------------------------------------------


def test_one_file_is_whole_and_keeps_permissions_and_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert (real.read_text(), stat.S_IMODE(real.stat().st_mode)) == ("new", 0o600)
    assert len(list(tmp_path.iterdir())) == 2


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("before", "private", "after"), [
    (None, False, 0o644), (None, True, 0o600), (0o640, False, 0o640), (0o640, True, 0o600), (0o666, False, 0o666)])
def test_who_may_read_a_written_file(tmp_path: Path, before: int | None, private: bool, after: int) -> None:
    path, old = tmp_path / "a", os.umask(0o022)
    try:
        if before is not None:
            path.write_text("old")
            path.chmod(before)
        with replacing(path, private=private) as fresh:
            assert re.fullmatch(r"\.[0-9a-f]{16}\.tmp", fresh.name)
            assert fresh.parent == tmp_path.resolve()
            assert mode_of(fresh) == (0o600 if private or before is not None else 0o644)
            assert fresh.read_bytes() == b""
        assert mode_of(path) == after
        write_bytes(path, b"x", private=private)
        assert (path.read_bytes(), mode_of(path)) == (b"x", after)
        os.umask(0)
        with replacing(tmp_path / "b") as fresh:
            assert mode_of(fresh) == 0o666
    finally:
        os.umask(old)


def test_a_file_that_went_away_while_it_was_filled_is_no_second_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), replacing(tmp_path / "a") as fresh:
        raise KeyError(fresh.unlink())
    assert list(tmp_path.iterdir()) == []


# --- files that belong together, one by one ------------------------------------------------------------------------


def files(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in everything(folder).items() if (folder / name).is_file()}


def test_a_change_puts_and_removes_what_it_says_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "inner"
    with change(folder) as wanted:
        wanted.file("a.txt").write_text("A")
        wanted.file("data/b.csv").write_text("B")
        wanted.file("data/c.csv").write_text("C")
        assert files(folder).keys() == {f"{STAGE}/a.txt", f"data/{STAGE}/b.csv", f"data/{STAGE}/c.csv"}
        assert current_files(folder) == []
    assert files(folder) == {"a.txt": b"A", "data/b.csv": b"B", "data/c.csv": b"C"}
    with change(folder) as wanted:
        wanted.file("data/b.csv").write_text("B2")
        for name in ("b", "c", "gone"):
            wanted.without(f"data/{name}.csv")
        assert (list(wanted.put), list(wanted.remove)) == (["data/b.csv"], ["data/b.csv", "data/c.csv", "data/gone.csv"])
    assert files(folder) == {"a.txt": b"A", "data/b.csv": b"B2"}
    assert [field.name for field in attrs.fields(Change) if field.init] == ["folder"]
    with change(folder):
        pass
    settle(folder)
    assert files(folder) == {"a.txt": b"A", "data/b.csv": b"B2"}


def interrupted(folder: Path, note: str) -> None:
    """Lay a folder out as a write leaves it that was cut short after its note was set."""
    for name in (f"{STAGE}/a.txt", f"data/{STAGE}/b.csv", "a.txt", "data/b.csv", "data/c.csv", "data/.hidden", "data/d.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"new {name}" if STAGE in name else f"old {name}")
    (folder / STAGE / "COMMIT").write_text(note)


NOTE = json.dumps({"put": ["a.txt", "data/b.csv", "data/moved.csv"], "remove": ["data/c.csv", "data/gone.csv"]})


def test_where_files_are_after_a_write_that_was_cut_short(tmp_path: Path) -> None:
    interrupted(tmp_path, NOTE)
    before = files(tmp_path)
    assert [str(current(tmp_path, name).relative_to(tmp_path)) for name in (
        "a.txt", "data/b.csv", "data/moved.csv", "data/d.csv", "none.txt")] == [
        f"{STAGE}/a.txt", f"data/{STAGE}/b.csv", "data/moved.csv", "data/d.csv", "none.txt"]
    assert [str(file.relative_to(tmp_path)) for file in current_files(tmp_path)] == [f"data/{STAGE}/b.csv", "data/d.csv"]
    assert files(tmp_path) == before
    settle(tmp_path)
    assert files(tmp_path) == {
        "a.txt": f"new {STAGE}/a.txt".encode(), "data/b.csv": f"new data/{STAGE}/b.csv".encode(), "data/.hidden": b"old data/.hidden",
        "data/d.csv": b"old data/d.csv"}
    assert current(tmp_path, "a.txt") == tmp_path / "a.txt"
    assert [file.name for file in current_files(tmp_path)] == ["b.csv", "d.csv"]


def test_a_change_begins_with_what_an_earlier_one_left(tmp_path: Path) -> None:
    interrupted(tmp_path, NOTE)
    with change(tmp_path):
        assert files(tmp_path)["a.txt"] == f"new {STAGE}/a.txt".encode()
        assert "data/c.csv" not in files(tmp_path)


def test_whoever_interrupts_the_moving_is_told_of_and_the_files_are_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def interrupted_once(folder: Path) -> None:
        calls.append(folder)
        if len(calls) == 2:
            raise KeyboardInterrupt
        settle(folder)

    monkeypatch.setattr(atomic, "settle", interrupted_once)
    with pytest.raises(KeyboardInterrupt), change(tmp_path) as wanted:
        wanted.file("a.txt").write_text("A")
    assert calls == [tmp_path] * 3
    assert files(tmp_path) == {"a.txt": b"A"}


def test_the_name_of_a_new_file_is_forced_to_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced: list[dict[str, bytes]] = []
    monkeypatch.setattr(atomic, "_sync_folder", lambda folder: forced.append(files(folder)))
    write_bytes(tmp_path / "a", b"x")
    assert forced == [{"a": b"x"}]


@pytest.mark.parametrize("note", [
    "", "[]", "{}", '{"put": []}', '{"remove": []}', '{"put": [], "remove": [], "more": []}', '{"put": {}, "remove": []}',
    '{"put": [], "remove": {}}', '{"put": [1], "remove": []}', '{"put": ["a", 1], "remove": []}', '{"put": ["../a"], "remove": []}',
    '{"put": ["a", "/b"], "remove": []}', '{"put": [".a"], "remove": []}', '{"put": ["data/.a"], "remove": []}',
    '{"put": ["data/a/b"], "remove": []}', '{"put": ["other/a"], "remove": []}', '{"put": [""], "remove": []}',
    '{"put": ["a\\u0000"], "remove": []}', '{"put": [], "remove": ["a.txt"]}', '{"put": [], "remove": ["data/c.csv", "a.txt"]}',
    '{"put": [], "remove": ["data/../a.txt"]}', NOTE.ljust(1_000_001), "[" * 100_000])
def test_a_note_that_names_anything_else_is_damaged(tmp_path: Path, note: str) -> None:
    interrupted(tmp_path, note)
    before = files(tmp_path)
    for act in (settle, current_files, lambda folder: current(folder, "a.txt")):
        with pytest.raises(FileProblem) as caught:
            act(tmp_path)
        assert str(caught.value) == (
            f"{tmp_path}: a write was interrupted here and its note {STAGE}/COMMIT is damaged, so what belongs together is not "
            "known; put back a copy of the folder")
        assert caught.value.file == str(tmp_path / STAGE / "COMMIT")
    assert files(tmp_path) == before


def test_a_note_of_a_megabyte_is_read(tmp_path: Path) -> None:
    interrupted(tmp_path, NOTE.ljust(1_000_000))
    assert current(tmp_path, "a.txt") == tmp_path / STAGE / "a.txt"


def test_one_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(LookupError), replacing(tmp_path / "a") as fresh:
        fresh.write_text("ha", encoding="no such encoding")
    assert everything(tmp_path) == {"a": b"old"}
