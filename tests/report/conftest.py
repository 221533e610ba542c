"""The report of the example, made once for all tests of reports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rupturekit.analysis import Analysis, analyse
from rupturekit.example import EXAMPLE_SETTINGS, example_cohort
from rupturekit.records.study import Study
from rupturekit.report.blocks import Report
from rupturekit.report.contents import report_of
from rupturekit.report.page import page_of
from rupturekit.report.sections import ends, models, needs, rules


@pytest.fixture(scope="package")
def example() -> Analysis:
    return analyse(Study(name="example", cohort=example_cohort(), settings=EXAMPLE_SETTINGS))


@pytest.fixture(scope="package")
def made(example: Analysis) -> Report:
    return report_of(example, draws=99)


@pytest.fixture(scope="package")
def page(made: Report) -> str:
    return page_of(made)


@pytest.fixture
def drawn() -> None:
    """Let reports of this test be drawn, which takes most of their time."""


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out of reports that a test makes for something else; the example's own is drawn."""
    def nothing(*draw: object, **how: object) -> Iterator[object]:
        return iter(())

    if "drawn" not in request.fixturenames:
        for part in (ends, models, needs, rules):
            monkeypatch.setattr(part, "picture", nothing)
