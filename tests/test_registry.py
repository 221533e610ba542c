"""Plug-ins: found by their metadata, read without running their code, named when they are broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from rupturekit import _registry
from rupturekit.alphabet import coverage
from rupturekit.codebooks import as_codebook, codebook_names, codebook_text, load_codebook, parse_codebook
from rupturekit.errors import CodingWarning, DefinitionError, FileProblem, InvalidRecords, RecordError
from rupturekit.exchange import model_from_json, model_to_json
from rupturekit.plan import parse_plan
from rupturekit.records.bounded import Limits
from rupturekit.records.foreign import read_table
from rupturekit.records.mapping import Mapping, mapping_text, parse_mapping
from rupturekit.records.study import read_study, write_study
from rupturekit.state_machine import as_model, load_model, model_names

EXAMPLE = Path(__file__).parent / "example-plugin"
RAISES = "raise RuntimeError('the code of a plug-in ran')\n"
BOOK = codebook_text(load_codebook("stages"))
NOTES = "D1/1 00:00 client: quiet\n\nD1/1 00:40 therapist: ask\nD1/1 01:35 client: say\n"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the example package with pip, in a folder of its own, and return the folder."""
    folder = tmp_path_factory.mktemp("installed")
    source = Path(shutil.copytree(EXAMPLE, folder / "source"))
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
                    "--disable-pip-version-check", "--target", folder / "site", source], check=True)
    return folder / "site"


def forget() -> None:
    """Let everything be looked for again."""
    for cached in (_registry.plug_ins, _registry.names, load_codebook, load_model):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def _looked_for_anew() -> Iterator[None]:
    before = set(sys.modules)
    forget()
    yield
    forget()
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("example_plugin", "mine"):
            del sys.modules[name]


@pytest.fixture
def example(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the installed example package one that this process can find."""
    monkeypatch.syspath_prepend(installed)
    return installed


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder in which this process looks for installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def put(site: Path, entry_points: str, *, dist: str = "Mine", recorded: bool = True, **files: str) -> None:
    """Install a package by hand: its metadata and files, by path; `recorded` lists them as an installer does."""
    info = f"{dist}-1.0.dist-info"
    paths = {**files, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n",
             f"{info}/entry_points.txt": entry_points}
    for name, text in paths.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    if recorded:
        (site / info / "RECORD").write_text("".join(f"{name},,\n" for name in paths), encoding="utf-8")


BOOKS = "[rupturekit.codebooks]\ndefault = mine.books\n"


def toml(**files: str) -> dict[str, str]:
    """Return codebook files of the package `mine`, by name."""
    return {f"mine/books/{name}.toml": text for name, text in files.items()}


def told() -> list[str]:
    """Return the warnings that listing the codebooks gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        codebook_names()
    assert all(issubclass(one.category, CodingWarning) for one in caught)
    return [str(one.message) for one in caught]


# Names

def test_names_of_plug_ins_stand_behind_the_built_in(example: Path) -> None:
    assert model_names()[-1] == "example-plugin:quiet-to-voice"
    assert codebook_names()[-1] == "example-plugin:quiet-codes"
    forget()
    sys.path.remove(str(example))
    assert not [name for name in (*model_names(), *codebook_names()) if ":" in name]


def test_a_name_is_taken_wherever_one_is(example: Path, tmp_path: Path) -> None:
    name = parse_plan('[analysis]\nmodel = "example-plugin:quiet-to-voice"').model
    assert name is not None
    assert as_model(name) is load_model("example-plugin:quiet-to-voice")
    assert as_codebook("example-plugin:quiet-codes").name == "example-plugin:quiet-codes"
    (tmp_path / "notes.txt").write_text(NOTES, encoding="utf-8")
    write_study(read_table(tmp_path / "notes.txt", mapping()), tmp_path / "study")
    settings = tmp_path / "study" / "rupturekit.toml"
    text = settings.read_text(encoding="utf-8")
    assert 'codebook = "example-plugin.quiet-codes.codebook.toml"' in text    # a study holds what it needs
    settings.write_text(text.replace("example-plugin.quiet-codes.codebook.toml", "example-plugin:quiet-codes"),
                        encoding="utf-8")
    assert read_study(tmp_path / "study").cohort.coding.codebook is load_codebook("example-plugin:quiet-codes")


def test_the_built_in_are_never_shadowed(site: Path) -> None:
    before = load_codebook("stages")
    put(site, BOOKS, **toml(stages=BOOK.replace('title = "', 'title = "Not ', 1)))
    forget()
    assert told() == []
    assert load_codebook("stages") == before != load_codebook("mine:stages")


def test_the_package_has_its_normal_name(site: Path) -> None:
    put(site, BOOKS, dist="My_Own.Codes", **toml(stages=BOOK))
    assert codebook_names()[-1] == "my-own-codes:stages"


@pytest.mark.parametrize("asked", ["quiet-to-voice", "example-plugin:quiet-to-voyce", "exampleplugin:quiet-to-voice"])
def test_a_wrong_name_is_told_the_nearest_of_all(example: Path, asked: str) -> None:
    with pytest.raises(DefinitionError, match=f"there is no process model '{asked}'; did you mean "
                                              "'example-plugin:quiet-to-voice'\\?; known: 3rs-native, .*quiet-to-voice"):
        load_model(asked)


def test_what_a_plug_in_offers_is_called_by_its_full_name_in_results(example: Path, tmp_path: Path) -> None:
    model, book = load_model("example-plugin:quiet-to-voice"), load_codebook("example-plugin:quiet-codes")
    assert (model.name, book.name) == ("example-plugin:quiet-to-voice", "example-plugin:quiet-codes")
    assert coverage(book, model).model == "example-plugin:quiet-to-voice"
    assert parse_codebook(codebook_text(book)) == book
    assert model_from_json(model_to_json(model)) == model


def test_a_study_that_holds_the_codebook_of_a_plug_in_is_read_without_it(example: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(NOTES, encoding="utf-8")
    study = read_table(tmp_path / "notes.txt", mapping())
    write_study(study, tmp_path / "study")
    forget()
    sys.path.remove(str(example))
    assert read_study(tmp_path / "study").cohort == study.cohort


# No code of a plug-in runs for its definitions

def test_definitions_are_read_without_running_any_code(site: Path) -> None:
    put(site, BOOKS, **{"mine/__init__.py": RAISES, "mine/books/__init__.py": RAISES}, **toml(stages=BOOK))
    assert told() == []
    assert len(load_codebook("mine:stages").codes) > 0
    with pytest.raises(RuntimeError, match="ran"):
        __import__("mine")    # it would have been noticed


def test_the_installed_example_in_a_process_of_its_own(installed: Path) -> None:
    code = ("import sys, rupturekit; assert 'importlib.metadata' not in sys.modules\n"
            "from rupturekit import _registry, cli, load_codebook, load_model\n"
            "load_codebook('stages'), load_model('recognition')\n"
            "assert _registry.plug_ins.cache_info().misses == 0    # the built-in need no search\n"
            "cli.main(['codebooks', '--names']), cli.main(['models', '--names'])\n"
            "cli.main(['coverage', 'example-plugin:quiet-codes', 'example-plugin:quiet-to-voice'])\n"
            "assert 'example_plugin' not in sys.modules")
    path = os.pathsep.join([str(installed), os.environ["PYTHONPATH"]])
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=False, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    assert "\nexample-plugin:quiet-codes\n" in done.stdout
    assert "\nexample-plugin:quiet-to-voice\n" in done.stdout
    assert "observable" in done.stdout


def test_the_checks_of_the_example_itself(installed: Path) -> None:
    # Options for this run, coverage above all, are none for that one.
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "COVERAGE_"))}
    for test in (installed.parent / "source" / "tests").glob("test_*.py"):
        subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", test.parent,
                        "-c", os.devnull, test], check=True, capture_output=True, env=plain)


# Broken plug-ins

BROKEN = {
    "a file that is no TOML": (BOOKS, toml(other="name = "), "other.toml: not a codebook file"),
    "a codebook with mistakes": (BOOKS, toml(other='format = 1\nname = "other"\ntitle = "T"'), "codes: is missing"),
    "another name inside": (BOOKS, toml(other=BOOK), "other.toml: its name is 'stages'; give file and codebook one name"),
    "no such folder": (BOOKS.replace("mine.books", "mine.bookz"), {}, "no TOML file of it lies in mine/bookz/"),
    "an object": (BOOKS.replace("mine.books", "mine.books:BOOK"), {}, "'mine.books:BOOK' is no package; expected a dotted"),
    "a path": (BOOKS.replace("mine.books", "../books"), {}, "'../books' is no package"),
}


@pytest.mark.parametrize(("entry_points", "files", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plug_in_is_one_warning_and_an_error_when_asked_for(
        site: Path, entry_points: str, files: dict[str, str], says: str) -> None:
    put(site, entry_points, **files, **toml(stages=BOOK))
    named = "plug-in 'mine' (entry point 'default' of 'rupturekit.codebooks')"
    [warning] = told()
    assert warning.startswith(f"{named} is broken")
    assert says in warning
    assert told() == []    # once a process
    assert ("mine:stages" in codebook_names()) is (entry_points == BOOKS)
    with pytest.raises(DefinitionError) as caught:
        load_codebook("mine:other")
    assert named in str(caught.value)
    assert says in str(caught.value)


def test_a_model_that_cannot_run_is_a_broken_plug_in(site: Path) -> None:
    text = (EXAMPLE / "src/example_plugin/models/quiet-to-voice.toml").read_text(encoding="utf-8")
    put(site, "[rupturekit.models]\ndefault = mine.models\n",
        **{"mine/models/quiet-to-voice.toml": text.replace("end = true", "end = false")})
    with pytest.warns(CodingWarning, match="(?s)plug-in 'mine' .*no state has end = true"):
        model_names()
    with pytest.raises(DefinitionError, match="(?s)plug-in 'mine' .*no state has end = true"):
        load_model("mine:quiet-to-voice")


def test_all_faults_of_a_plug_in_are_one_warning(site: Path) -> None:
    put(site, BOOKS, **toml(a="?", b="?", stages=BOOK))
    [warning] = told()
    assert "a.toml" in warning
    assert "b.toml" in warning


def test_a_file_that_is_gone_is_told(site: Path) -> None:
    put(site, BOOKS, **toml(stages=BOOK, other=BOOK))
    (site / "mine" / "books" / "stages.toml").unlink()
    (site / "mine" / "books" / "other.toml").unlink()
    assert len(told()) == 1


def test_two_entry_points_for_one_name_are_told(site: Path) -> None:
    put(site, f"{BOOKS}second = mine.more\n", **toml(stages=BOOK), **{"mine/more/stages.toml": BOOK})
    [warning] = told()
    assert "entry point 'second'" in warning
    assert "mine:stages is there already" in warning
    assert codebook_names().count("mine:stages") == 1


def test_an_installation_without_a_list_of_files_is_told(site: Path) -> None:
    put(site, BOOKS, recorded=False, **toml(stages=BOOK))
    [warning] = told()
    assert "kept no list of its files; install it again with pip" in warning


# Editable installs

def test_an_editable_install_is_followed_by_its_path_file(site: Path, tmp_path: Path) -> None:
    put(site, BOOKS, **{"_mine.pth": f"import sys\n\n{tmp_path / 'src'}\n"})
    put(tmp_path / "src", "", recorded=False, **{"mine/__init__.py": RAISES}, **toml(stages=BOOK))
    assert told() == []
    assert load_codebook("mine:stages") == attrs.evolve(load_codebook("stages"), name="mine:stages")


def test_an_editable_install_that_only_code_can_follow_is_told(site: Path) -> None:
    put(site, BOOKS, **{"_mine.pth": "import _mine_finder\n"})
    [warning] = told()
    assert "it is installed in editable mode, where only its code may know: install it without -e" in warning


# Readers

def mapping(reader: str = "example-plugin:lines", *, codebook: str = "example-plugin:quiet-codes",
            bad_rows: str = "refuse") -> Mapping:
    """Return a mapping that names a reader."""
    return parse_mapping(f'''
        format = 1
        name = "notes"
        coding = {{ codebook = "{codebook}", time = "clock" }}
        file = {{ bad_rows = "{bad_rows}", reader = "{reader}" }}
        fields.dyad.column = "case"
        fields.session.column = "session"
        fields.party.column = "who"
        fields.code.column = "what"
        fields.onset = {{ column = "at", format = "mm:ss" }}
        ''')


def test_a_reader_is_imported_when_a_mapping_names_it_and_not_before(example: Path, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(NOTES, encoding="utf-8")
    chosen = mapping()
    assert parse_mapping(mapping_text(chosen)) == chosen
    assert "example_plugin" not in sys.modules
    study = read_table(file, chosen)
    assert "example_plugin.reader" in sys.modules
    assert [(move.party, move.code, move.onset // 1_000_000, move.source_row) for move in study.cohort.moves] == [
        ("client", "quiet", 0, 1), ("therapist", "ask", 40, 3), ("client", "say", 95, 4)]
    assert study.losses is not None
    assert (study.losses.rows, study.losses.blank, study.losses.moves) == (3, 1, 3)


def test_a_reader_that_fails_is_named(example: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no such line\n", encoding="utf-8")
    with pytest.raises(RecordError, match="notes.txt: plug-in 'example-plugin' \\(entry point 'lines' of "
                                          "'rupturekit.readers'\\) failed: ValueError: line 1 is not of the form"):
        read_table(tmp_path / "notes.txt", mapping())


def test_an_unknown_reader_is_told_with_the_nearest(example: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(NOTES, encoding="utf-8")
    with pytest.raises(DefinitionError, match="there is no reader 'example-plugin:line'; did you mean "
                                              "'example-plugin:lines'\\?; installed packages offer: example-plugin:lines"):
        read_table(tmp_path / "notes.txt", mapping("example-plugin:line"))


def test_a_missing_file_is_told_before_any_code_is_imported(site: Path, tmp_path: Path) -> None:
    put(site, "[rupturekit.readers]\ntable = mine:read\n", **{"mine.py": RAISES})
    with pytest.raises(FileProblem, match="gone.txt"):
        read_table(tmp_path / "gone.txt", mapping("mine:table", codebook="stages"))


HEADER = "['case', 'session', 'at', 'who', 'what']"
CODE = {
    RAISES: "cannot be loaded: RuntimeError: the code of a plug-in ran",
    "": "cannot be loaded: AttributeError",
    "read = 3": "'mine:read' is no function, but int",
    "def read(path): return []": "failed: TypeError: read\\(\\) takes 1 positional argument",
    "def read(path, mapping): return 3": "failed: TypeError: 'int' object is not iterable",
    "def read(path, mapping): return []": "expected the names of the columns as a list of texts first but got None",
    "def read(path, mapping): return ['case']": "expected the names of the columns as a list of texts first but got 'case'",
    f"def read(path, mapping): return [{HEADER}, ['D1', 1, '0:00', 'client', 'wd']]":
        "expected row 1 as a list of texts but got \\['D1', 1, ",
    f"def read(path, mapping): return [{HEADER}, *[['']] * 9]": "has more than 40 cells",
}


@pytest.mark.parametrize(("code", "says"), CODE.items())
def test_what_a_reader_does_wrong_is_told_with_its_name(site: Path, tmp_path: Path, code: str, says: str) -> None:
    put(site, "[rupturekit.readers]\ntable = mine:read\n", **{"mine.py": code})
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    with pytest.raises(RecordError, match=f"plug-in 'mine' \\(entry point 'table' of 'rupturekit.readers'\\).*{says}"):
        read_table(tmp_path / "notes.txt", mapping("mine:table", codebook="stages"), limits=Limits(cells=40))


@pytest.mark.parametrize("bad_rows", ["refuse", "drop_and_report"])
def test_a_row_with_too_few_cells_is_a_bad_row_as_in_any_file(site: Path, tmp_path: Path, bad_rows: str) -> None:
    rows = "['D1', '1', '0:00', 'client', 'wd'], ['D1', '1'], []"
    put(site, "[rupturekit.readers]\ntable = mine:read\n",
        **{"mine.py": f"def read(path, mapping): return [{HEADER}, {rows}]"})
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    chosen = mapping("mine:table", codebook="stages", bad_rows=bad_rows)
    if bad_rows == "refuse":
        with pytest.raises(InvalidRecords, match="wrong number of cells '2 instead of 5'"):
            read_table(tmp_path / "notes.txt", chosen)
        return
    losses = read_table(tmp_path / "notes.txt", chosen).losses
    assert losses is not None
    assert (losses.moves, losses.blank, [tally.times for tally in losses.lost]) == (1, 1, [1])
