"""What every test here can count on: profiles, data beside the checkout, and no silent skips."""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent
SHARED = ROOT.parent / "shared"
ABSENT = "shared data absent: "
NO_BROWSER = "browser absent: "
MAY_BE = "may be skipped"
MAY_BE_SKIPPED = {"shared": ABSENT, "browser": NO_BROWSER}
"""Marker -> how the reason of a skip begins; no other test may be skipped."""

# The example plug-in is a package of its own: tests/test_registry.py installs it and runs its tests.
collect_ignore = ["tests/example-plugin"]

# Slow machines are not bugs: no deadline, and a slow strategy is no failure. Every run draws anew, and prints
# how to draw the same again; hypothesis alone would repeat itself where it sees CI=true.
settings.register_profile("ci", max_examples=60, deadline=None, derandomize=False, print_blob=True,
                          suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=1000)
settings.load_profile(os.environ.get("RUPTUREKIT_PROFILE", "ci"))

# Processes that a test starts run this checkout too, not an installed copy of another day.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
)


# Data beside the checkout

@pytest.fixture
def shared(request: pytest.FixtureRequest) -> Path:
    """Return the directory `shared` beside the checkout, or skip where there is none."""
    if request.node.get_closest_marker("shared") is None:
        pytest.fail(f"{request.node.nodeid} uses shared data: mark it @pytest.mark.shared", pytrace=False)
    if not SHARED.is_dir():
        pytest.skip(f"{ABSENT}the directory beside the checkout")
    return SHARED


@pytest.fixture
def shared_file(shared: Path) -> Callable[[str], Path]:
    """Return a function from a name under `shared` to its path; it skips where the file is absent.

    A test asks with `shared_file("data/annomi/annomi_codes.csv")`.
    """

    def find(name: str) -> Path:
        path = shared / name
        if not path.exists():
            pytest.skip(f"{ABSENT}{name}")
        return path

    return find


# A browser, and the program that looks for what keeps people out

@pytest.fixture(scope="module")
def chromium() -> str:
    """Return where Chromium is, or skip where there is none; in CI that is a failure."""
    found = shutil.which(os.environ.get("RUPTUREKIT_CHROMIUM", "chromium"))
    return found or _without("Chromium; install it (Debian: apt-get install chromium), or say in RUPTUREKIT_CHROMIUM "
                             "where it is")


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the text of axe-core, or skip where there is none; in CI that is a failure."""
    file = Path(os.environ.get("RUPTUREKIT_AXE", ""))
    if not file.is_file():
        _without("axe-core; unpack its npm package (npm pack axe-core) and name its axe.min.js in RUPTUREKIT_AXE")
    return file.read_text(encoding="utf-8")


def _without(what: str) -> str:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{NO_BROWSER}{what}", pytrace=False)
    pytest.skip(f"{NO_BROWSER}{what}")


class SkipCount:
    """Count the tests that may be skipped, and let no other test be."""

    def __init__(self) -> None:
        self.ran = dict.fromkeys(MAY_BE_SKIPPED, 0)
        self.absent = dict.fromkeys(MAY_BE_SKIPPED, 0)
        self.forbidden: list[str] = []

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        # What is said with the report reaches the process that counts, also where others run the tests.
        item.user_properties += [(MAY_BE, marker) for marker in MAY_BE_SKIPPED if item.get_closest_marker(marker)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        marker = str(dict(report.user_properties).get(MAY_BE, ""))
        if report.skipped and not hasattr(report, "wasxfail"):
            if marker and MAY_BE_SKIPPED[marker] in str(report.longrepr):
                self.absent[marker] += 1
            else:
                self.forbidden.append(report.nodeid)
        elif report.when == "call" and marker:
            self.ran[marker] += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.forbidden.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.forbidden and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for marker, name in (("shared", "shared data"), ("browser", "browser")):
            terminalreporter.write_line(f"{name}: {self.ran[marker]} ran, {self.absent[marker]} skipped (absent)")
        for nodeid in self.forbidden:
            terminalreporter.write_line(
                f"FORBIDDEN SKIP {nodeid}: only a test marked {' or '.join(MAY_BE_SKIPPED)} may be skipped, by its "
                "fixture",
                red=True,
            )


# Documents as tests

class _MarkdownParser(doctest.DocTestParser):
    """End an example where its fenced block ends; doctest alone expects the fence as output."""

    def parse(self, string: str, name: str = "<string>") -> list[str | doctest.Example]:
        return super().parse(re.sub(r"(?m)^[ ]*(```|~~~)[ ]*$", "", string), name)


class Pages:
    """Run the examples of a Markdown page in an empty directory, so that they leave nothing behind."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            if item.path.suffix == ".md":
                stack.enter_context(contextlib.chdir(stack.enter_context(tempfile.TemporaryDirectory())))
            return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register for the whole run: a conftest's own hooks reach no further than its directory."""
    config.pluginmanager.register(SkipCount(), "rupturekit-skip-count")
    config.pluginmanager.register(Pages(), "rupturekit-pages")
    doctest.DocTestParser = _MarkdownParser  # type: ignore[misc]
