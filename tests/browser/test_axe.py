"""What keeps people out of a page, as axe-core looks for it: nothing, in both themes, narrow, and with an episode open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from browser.conftest import Opener

pytestmark = pytest.mark.browser

NARROW = {"width": 360, "height": 740}
WIDE = {"width": 1200, "height": 900}


def findings(page: Any, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("async () => await axe.run({ resultTypes: ['violations'] })")
    assert len(found["passes"]) > 20    # it did look
    return [f"{one['id']}: {node['html']:.200}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize(("theme", "size"), [("light", WIDE), ("dark", WIDE), ("light", NARROW)],
                         ids=["light", "dark", "narrow"])
def test_axe_finds_nothing(opened: Opener, report: Path, axe: str, theme: str, size: dict[str, int]) -> None:
    page = opened(report, color_scheme=theme, viewport=size, bypass_csp=True).page
    page.locator("button.open").first.click()
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert findings(page, axe) == []


def test_axe_finds_nothing_among_hostile_names(opened: Opener, hostile: Path, axe: str) -> None:
    page = opened(hostile, bypass_csp=True).page
    page.locator("button.open").first.click()
    assert findings(page, axe) == []


def test_axe_would_find_something(opened: Opener, report: Path, axe: str) -> None:
    page = opened(report, bypass_csp=True).page
    page.evaluate("document.querySelector('figure img').removeAttribute('alt')")
    assert [one.split(":")[0] for one in findings(page, axe)] == ["image-alt"]
