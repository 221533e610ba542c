"""The reference page of the study folder says what the classes say."""

from __future__ import annotations

import study_folder_page
from rupturekit import _schema
from rupturekit.records.study import TABLES


def test_the_page_is_what_the_classes_make_of_it() -> None:
    assert study_folder_page.PAGE.read_text(encoding="utf-8") == study_folder_page.page(), (
        "run python tools/study_folder_page.py")


def test_every_column_of_every_table_is_on_it() -> None:
    page = study_folder_page.page()
    for name, record in TABLES.items():
        assert f"### {name}\n" in page
        for field in _schema.columns(record):
            assert f"| `{field}` |" in page


def test_what_each_analysis_needs_names_tables_that_there_are() -> None:
    words = " ".join(tables for _, tables, _ in study_folder_page.NEEDED).replace("(", " ").replace(",", " ").split()
    named = {word for word in words if word in TABLES}
    assert named == set(TABLES)
