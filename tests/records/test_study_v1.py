"""The study in tests/data/study-v1 was written in format 1 once, and is never written again: it reads for ever.

Where a test here fails, do not write the folder anew: people have folders like it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import rupturekit as rk
from rupturekit.errors import DefinitionError
from rupturekit.plan import parse_plan
from rupturekit.records.study import TABLES, read_study, write_study
from rupturekit.vocabulary import Awareness, ContextKind, MissingReason, RuptureType, TherapyEnd

KEPT = Path(__file__).parents[1] / "data" / "study-v1"


@pytest.fixture(scope="module")
def kept() -> rk.Study:
    return read_study(KEPT)


def test_every_table_is_there_with_its_rows(kept: rk.Study) -> None:
    cohort = kept.cohort
    assert {file.name.split("_")[1].removeprefix("table-") for file in (KEPT / "data").iterdir()} == set(TABLES)
    assert [len(table) for table in (
        cohort.moves, cohort.sessions, cohort.dyads, cohort.observed, cohort.coded, cohort.coded.members, cohort.needs,
        cohort.ratings, cohort.context, cohort.labels)] == [70, 6, 2, 12, 3, 38, 11, 36, 1, 77]


def test_cells_of_every_kind_say_what_they_said(kept: rk.Study) -> None:
    cohort = kept.cohort
    first = cohort.moves[0]
    assert (first.row_id, first.dyad, first.track, first.party, first.code, first.onset, first.offset, first.rating, first.note) == (
        26, "V1", "r1", "client", "curious", rk.seconds(175), rk.seconds(176.5), 2.5, '=1+1; Ärger, "so"')
    assert (cohort.dyads[1].outcome, cohort.dyads[1].therapy_end) == (-1.0, TherapyEnd.UNILATERAL)
    assert (cohort.needs[1].level, cohort.needs[1].awareness) == (4.0, Awareness.UNAWARE)
    assert (cohort.ratings[0].value, cohort.ratings[0].missing) == (None, MissingReason.BY_DESIGN)
    assert (cohort.context[0].kind, cohort.context[0].day) == (ContextKind.PAYMENT, 9)
    assert (cohort.sessions[1].day, cohort.sessions[1].duration) == (7, rk.seconds(3000))
    assert (cohort.coded.rows[2].episode, cohort.coded.rows[2].rupture_type) == ("V2-E2", RuptureType.WITHDRAWAL)
    assert cohort.coded.lengths.tolist() == [18, 8, 12]


def test_settings_and_codebook_travelled_with_it(kept: rk.Study) -> None:
    assert (kept.name, kept.cohort.coding.codebook.name, len(kept.cohort.coding.codebook.codes)) == ("kept", "kept", 21)
    assert parse_plan(kept.settings).segmentation.gap == rk.seconds(240)


def test_its_digest_is_what_written_results_refer_to(kept: rk.Study) -> None:
    """A digest that changes cuts every written table of traces off from its study."""
    assert kept.cohort.digest == "74429ae96c362dd0c4401023"


def test_it_is_rewritten_byte_for_byte(kept: rk.Study, tmp_path: Path) -> None:
    write_study(kept, tmp_path / "again")
    for file in filter(Path.is_file, KEPT.rglob("*")):
        assert (tmp_path / "again" / file.relative_to(KEPT)).read_bytes() == file.read_bytes(), file.name


@pytest.mark.parametrize(("file", "old", "new", "said"), [
    ("rupturekit.toml", "format = 1", "format = 2", r"format: is 2; this version of rupturekit reads format 1, upgrade"),
    ("dataset_description.json", '"rupturekitFormat": 1', '"rupturekitFormat": 2', "written in format 2.*upgrade rupturekit"),
    ("kept.codebook.toml", "format = 1", "format = 2", "format"),
])
def test_a_folder_of_format_two_is_refused_with_a_sentence(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    shutil.copytree(KEPT, tmp_path / "newer")
    path = tmp_path / "newer" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match=said):
        read_study(tmp_path / "newer")
