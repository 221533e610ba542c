"""Every notebook runs from a clean kernel, shows what its text says, and is kept without output."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
LONGEST = 60    # seconds that one cell may take; a whole notebook takes well under that

# What the prose of each rests on: should it no longer come out, the prose is wrong.
SHOWN = {
    "1-from-a-spreadsheet": [r"823 rows = 823 moves \+ 0 rows left out", "2 of 5 states", "An end of the model was reached"],
    "2-does-order-matter": [r"no order  turns  p = 0\.[1-9]", r"no order  free   p = 0\.0[0-4]",
                            r"order     turns  p = 0\.00", "rank by gain: 1 of 6"],
    "3-agency-and-communion": ["a claim was given up, which never counts as met", "Mutuality: not estimable",
                               "none: an interval needs 8 or more"],
    "4-plan-a-study": [r"dyads 10, order 0,", r"dyads 40, order 0\.4, error 0\.1 +power 0\.[5-9]|power 1"],
    "5-extend-it": ["did you mean 'withdrawal_marker'", "no path leads from", r"with skips; skipped: \('hinted',\)",
                    "silence is asked about"],
}


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.fixture
def kernel_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty directory to run in; a kernel listens in it, not on the network, and finds no settings."""
    with tempfile.TemporaryDirectory() as place:    # a short path: names of sockets are limited
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
            monkeypatch.setenv(name, str(Path(place) / "k"))
        yield Path(place)


def run(path: Path, place: Path) -> NotebookNode:
    """Return the notebook with its outputs, run in a kernel of its own."""
    notebook = nbformat.read(path, as_version=4)
    listens = Config({"KernelManager": {"transport": "ipc", "ip": str(place / "k")}})
    NotebookClient(notebook, timeout=LONGEST, kernel_name="python3", config=listens,
                   resources={"metadata": {"path": str(place)}}).execute()
    return notebook


def outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def test_each_notebook_says_what_it_shows() -> None:
    assert [path.stem for path in NOTEBOOKS] == sorted(SHOWN)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_output(path: Path) -> None:
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code_cells(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_cell_names_a_place_on_somebodys_disk(path: Path) -> None:
    code = "\n".join("".join(cell["source"]) for cell in code_cells(path))
    assert re.findall(r"""["'](?:/|~|[A-Za-z]:\\)[\w/\\.-]*""", code) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_its_text_says(path: Path, kernel_files: Path) -> None:
    shown = list(outputs(run(path, kernel_files)))
    data = [one.data for one in shown if "data" in one]
    text = "\n".join([*(one.text for one in shown if one.output_type == "stream"),
                      *(str(one.get("text/plain", "")) for one in data), *(str(one.get("text/html", "")) for one in data)])
    assert any("image/svg+xml" in one for one in data), "a notebook shows a figure"
    for phrase in SHOWN[path.stem]:
        assert re.search(phrase, text), phrase
