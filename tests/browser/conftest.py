"""Pages opened in Chromium, each with an account of what it asked for and what it complained of."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from hostile_study import hostile_study
from rupturekit.analysis import Analysis, analyse
from rupturekit.example import EXAMPLE_SETTINGS, example_cohort
from rupturekit.plan import Plan
from rupturekit.records.study import Study
from rupturekit.report.files import write_report

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync")


@attrs.define
class Opened:
    """A page, the addresses that it asked for, and what it said was wrong."""

    page: Any
    asked: list[str] = attrs.field(factory=list)
    wrong: list[str] = attrs.field(factory=list)


Opener = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """Run Chromium for the tests of one module; its event loop would be in the way of other tests."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415    # it starts nothing until there is a browser

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        with contextlib.closing(started):
            yield started


@pytest.fixture(scope="module")
def example() -> Analysis:
    return analyse(Study(name="example", cohort=example_cohort(), settings=EXAMPLE_SETTINGS))


@pytest.fixture(scope="module")
def report(example: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    write_report(example, file, draws=19, free_text=True)
    return file


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("hostile") / "report.html"
    write_report(analyse(hostile_study(), Plan(model="withdrawal-2000")), file, draws=19, free_text=True)
    return file


@pytest.fixture
def opened(browser: Any) -> Iterator[Opener]:
    """Return what opens a file in a fresh page; `how` is as for a playwright context."""
    with contextlib.ExitStack() as stack:

        def open_page(file: Path, **how: Any) -> Opened:
            context = stack.enter_context(contextlib.closing(browser.new_context(**{"reduced_motion": "reduce", **how})))
            made = Opened(context.new_page())
            made.page.on("request", lambda request: made.asked.append(request.url))
            made.page.on("console", lambda message: made.wrong.append(message.text))
            made.page.on("pageerror", lambda error: made.wrong.append(str(error)))
            made.page.goto(file.as_uri())
            return made

        yield open_page
