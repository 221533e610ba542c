"""The report in Debian's Chromium: it reaches nowhere, works by keyboard, prints, and is as the library says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from browser.conftest import Opener
from hostile_study import NAMES
from rupturekit.analysis import Analysis, analyse
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Move, ObservedStretch
from rupturekit.negotiation.story import story
from rupturekit.plan import Plan
from rupturekit.report.files import write_report

pytestmark = pytest.mark.browser

MOST_NODES = 5_000


def shown_rows(page: Any) -> list[str]:
    return [text.strip() for text in page.locator("button.open").all_inner_texts()]


def choose(page: Any, **wanted: str) -> None:
    for name, label in wanted.items():
        page.select_option(f"#filter-{name}", label=label)


# --- what leaves the page --------------------------------------------------------------------------------------------


def test_no_request_leaves_the_page_and_nothing_is_wrong_on_it(opened: Opener, report: Path) -> None:
    made = opened(report)
    made.page.locator("button.open").first.click()
    assert [url for url in made.asked if not url.startswith("data:")] == [report.as_uri()]
    assert made.wrong == []


def test_the_policy_of_the_page_runs_no_other_script_and_loads_nothing(opened: Opener, report: Path) -> None:
    made = opened(report)
    made.page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.hurt = 1";
        document.body.append(script);
        const image = document.createElement("img");
        image.src = "file:///nowhere.png";
        document.body.append(image);
    }""")
    made.page.wait_for_timeout(100)
    assert made.page.evaluate("window.hurt") is None
    assert len(made.wrong) == 2
    assert all("Content Security Policy" in text for text in made.wrong)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_hostile_names_and_texts_stay_text(opened: Opener, hostile: Path, theme: str) -> None:
    made = opened(hostile, color_scheme=theme)
    page = made.page
    assert len(shown_rows(page)) == len(NAMES)
    for said in page.evaluate(OPEN_EACH).values():
        assert any("<b>note</b> </script>" in line for line in said["explanation"])
    assert page.evaluate("window.hurt") is None
    assert page.locator("img").count() == page.locator("figure img").count()
    assert page.locator("section.episode b, section.episode img, section.episode script").count() == 0
    assert made.wrong == []
    turned = page.evaluate("/[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.innerText)")
    assert turned is False
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")    # a long name does not widen the page


# --- filtering ----------------------------------------------------------------------------------------------------------


def test_filters_leave_the_episodes_that_match(opened: Opener, report: Path, example: Analysis) -> None:
    page = opened(report).page
    rows = example.cohort.columns.rows
    kinds, dyads = rows.words("rupture_type"), rows.words("dyad")
    assert len(shown_rows(page)) == len(rows)    # the track that was analysed is chosen from the start
    choose(page, type="withdrawal")
    assert len(shown_rows(page)) == kinds.count("withdrawal")
    ends = [str(one) for one in example.traces.reached()]
    choose(page, end="yes")
    assert len(shown_rows(page)) == ends.count("yes")
    choose(page, type="all", end="not traced")
    assert len(shown_rows(page)) == len(rows) - len(ends)
    choose(page, end="all")
    page.fill("#filter-words", "x07")
    assert len(shown_rows(page)) == dyads.count("X07")
    page.fill("#filter-words", "no such dyad")
    assert shown_rows(page) == []
    assert "No episode of" in page.locator("[role=status]").all_inner_texts()[0]


def test_pages_of_the_list_follow_each_other(opened: Opener, report: Path) -> None:
    page = opened(report).page
    choose(page, track="all")
    first = shown_rows(page)
    assert len(first) == 50
    page.get_by_role("button", name="Next page").click()
    second = shown_rows(page)
    assert "51 to" in page.locator("[role=status]").all_inner_texts()[0]
    assert page.get_by_role("button", name="Next page").is_disabled()
    page.get_by_role("button", name="Previous page").click()
    assert shown_rows(page) == first
    assert second != first[: len(second)]


# --- one episode --------------------------------------------------------------------------------------------------------


OPEN_EACH = """() => Object.fromEntries([...document.querySelectorAll("button.open")].map(button => {
    button.click();
    const texts = selector => [...document.querySelectorAll(selector)].map(one => one.textContent);
    const deviations = [...document.querySelectorAll("h4")].find(one => one.textContent === "Deviations");
    return [button.textContent, {
        explanation: texts("#explanation li"), negotiation: texts("#negotiation li"), path: texts(".path bdi"),
        deviations: deviations ? deviations.nextElementSibling.textContent : null,
    }];
}))"""


def test_an_opened_episode_is_told_as_the_library_tells_it(opened: Opener, report: Path, example: Analysis) -> None:
    found = opened(report).page.evaluate(OPEN_EACH)
    assert set(found) == set(example.cohort.columns.rows.words("episode"))
    for name, said in found.items():
        told = story(example.negotiations, name).explain()
        assert said["negotiation"] == [line.strip() for line in told.split("\n")]
    for trace in example.traces:
        said = found[trace.episode.episode]
        assert said["explanation"] == [line.strip() for line in trace.explain().split("\n")]
        assert tuple(text.replace(" ", "_") for text in said["path"]) == trace.path
        for step in trace.off_model:
            assert f"move {step.move.row_id}: off the model in '{step.before}'" in said["deviations"]
        assert all(step.replace("_", " ") in said["deviations"] for step in trace.skipped)
        assert trace.off_model or trace.skipped or said["deviations"].startswith("None: every move took an arrow")


def test_a_study_of_turns_is_told_in_turns(opened: Opener, tmp_path: Path) -> None:
    moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
             for at, (party, code) in enumerate([("client", "wd"), (None, "invite"), ("client", "self-assert")])]
    stretch = ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=9)
    done = analyse(Cohort.of(moves, coding=Coding(codebook=load_codebook("stages"), time="turn"), observed=[stretch]),
                   Plan(model="withdrawal-2000"))
    write_report(done, tmp_path / "turns.html", draws=19)
    said, = opened(tmp_path / "turns.html").page.evaluate(OPEN_EACH).values()
    assert said["explanation"] == [line.strip() for line in done.traces[0].explain().split("\n")]
    assert said["explanation"][4].startswith("turn 1 somebody: invites exploration")


def test_of_many_lines_the_rest_is_one_button_away(opened: Opener, tmp_path: Path) -> None:
    told = [("client", "wd"), *[("therapist", "curious"), ("client", "articulate")] * 40]
    moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
             for at, (party, code) in enumerate(told)]
    stretch = ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=99)
    done = analyse(Cohort.of(moves, coding=Coding(codebook=load_codebook("stages"), time="turn"), observed=[stretch]),
                   Plan(model="withdrawal-2000"))
    write_report(done, tmp_path / "long.html", draws=19)
    page = opened(tmp_path / "long.html").page
    page.locator("button.open").click()
    assert page.locator("#explanation li").count() == 60
    page.get_by_role("button", name="Show 25 more lines").click()
    lines = page.locator("#explanation li").all_text_contents()
    assert lines == [line.strip() for line in done.traces[0].explain().split("\n")]
    assert page.evaluate("document.activeElement.textContent") == lines[60]


def test_the_timeline_is_drawn_and_says_in_words_what_it_shows(opened: Opener, report: Path, example: Analysis) -> None:
    page = opened(report).page
    page.get_by_role("button", name="V2-E2").click()
    trace = example.traces.named("V2-E2")
    strip = page.locator("svg.strip[role=img]")
    assert strip.get_attribute("aria-label").startswith(f"Timeline of the episode: {len(trace.steps)} moves")
    dots = "".join(one.get_attribute("d") for one in strip.locator(".dot").all())
    assert dots.count("M") == len(trace.steps) - len(trace.off_model)
    assert strip.locator(".off").get_attribute("d").count("l8 8") == len(trace.off_model)
    bars = [one.get_attribute("d").count("M") for one in strip.locator("path[class^=area-]").all()]
    assert sum(bars) == len(trace.steps)
    assert strip.locator("text", has_text="session").count() == 2


def test_the_timeline_holds_ratings_and_how_long_claims_were_open(opened: Opener, report: Path, example: Analysis
                                                                 ) -> None:
    page = opened(report).page
    ends = set()
    for trace in example.traces:
        name = trace.episode.episode
        page.get_by_role("button", name=name, exact=True).click()
        strip, spells = page.locator("svg.strip"), story(example.negotiations, name).spells
        bars = [one.get_attribute("class") for one in strip.locator("rect").all()]
        assert bars == [f"need-{spell.need}" for spell in spells]
        assert strip.locator(".claim-end").count() == sum(spell.cause != "censored" for spell in spells)
        assert strip.locator("text", has_text="needs: ").count() == len({spell.party for spell in spells})
        rated = [step.move.rating for step in trace.steps if step.move.rating]
        stems = strip.locator(".rated").get_attribute("d") if rated else ""
        assert [float(part) for part in re.findall(r"v-([0-9.]+)", stems)] == pytest.approx(
            [9 * one / max(rated) for one in rated])
        words = strip.get_attribute("aria-label")
        assert all(f"{spell.party} {spell.need} {spell.cause}" in words for spell in spells)
        ends |= {spell.cause for spell in spells}
        for bar, spell in zip(strip.locator("rect").all(), spells, strict=True):
            left, width = (float(bar.get_attribute(side)) for side in ("x", "width"))
            times = {step.move.row_id: (step.move.session, step.move.onset) for step in trace.steps}
            assert (width > 0) == (spell.end_row_id is None or times[spell.end_row_id] > times[spell.row_id])
            assert 190 <= left <= left + width <= 920
    assert ends == {"met", "yielded", "open", "censored"}


def test_agency_is_drawn_above_communion_and_an_open_claim_to_the_end(opened: Opener, tmp_path: Path) -> None:
    told = [("client", "wd"), ("client", "vulnerable"), ("therapist", "curious"), ("client", "self-assert"),
            ("therapist", "link"), ("client", "wd")]
    moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
             for at, (party, code) in enumerate(told)]
    stretch = ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=5)
    done = analyse(Cohort.of(moves, coding=Coding(codebook=load_codebook("stages"), time="turn"), observed=[stretch]),
                   Plan(model="withdrawal-2000"))
    write_report(done, tmp_path / "claims.html", draws=19)
    page = opened(tmp_path / "claims.html").page
    page.locator("button.open").click()
    place = {one.get_attribute("class"): [float(one.get_attribute(side)) for side in ("x", "y", "width")]
             for one in page.locator("svg.strip rect").all()}
    assert list(place) == ["need-communion", "need-agency"]    # in the order in which they were claimed
    assert place["need-agency"][1] < place["need-communion"][1]
    assert place["need-agency"][0] > place["need-communion"][0]
    assert place["need-agency"][0] + place["need-agency"][2] == 920    # the last of what was observed


def test_a_stop_of_observation_is_hatched_and_untraced_episodes_have_no_states(opened: Opener, report: Path) -> None:
    page = opened(report).page
    choose(page, end="censored")
    page.locator("button.open").first.click()
    assert page.locator("svg.strip .hatch").count() == 1
    choose(page, end="not traced")
    page.locator("button.open").first.click()
    assert page.locator("svg.strip .hatch").count() == 0
    assert page.locator("path[class^=area-]").count() == 0
    assert page.locator(".path").count() == 0


# --- keyboard -----------------------------------------------------------------------------------------------------------


def test_all_of_it_works_by_keyboard(opened: Opener, report: Path) -> None:
    page = opened(report).page
    focused = "document.activeElement.innerText"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "report"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is True
    page.focus("#filter-type")
    page.keyboard.press("ArrowDown")    # withdrawal
    assert page.evaluate("document.getElementById('filter-type').value") == "0"
    page.locator("button.open").nth(1).focus()
    name = page.evaluate(focused)
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == f"Episode {name}"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Back to the list"
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Next episode"
    page.keyboard.press("Enter")
    third = page.evaluate(focused)
    assert third.startswith("Episode ")
    assert third != f"Episode {name}"
    page.keyboard.press("Escape")
    assert page.locator("section.episode").is_hidden()
    assert f"Episode {page.evaluate(focused)}" == third    # back where it was opened from


def test_next_goes_on_beyond_the_page_of_the_list(opened: Opener, report: Path) -> None:
    page = opened(report).page
    choose(page, track="all")
    page.locator("button.open").nth(49).click()
    page.get_by_role("button", name="Next episode").click()
    assert "51 to" in page.locator("[role=status]").all_inner_texts()[0]
    page.get_by_role("button", name="Previous episode").click()
    assert "1 to 50" in page.locator("[role=status]").all_inner_texts()[0]
    page.get_by_role("button", name="Back to the list").click()
    assert page.locator("section.episode").is_hidden()


def test_an_episode_that_is_filtered_away_can_still_be_left(opened: Opener, report: Path) -> None:
    page = opened(report).page
    page.locator("button.open").first.click()
    page.fill("#filter-words", "no such dyad")
    page.get_by_role("button", name="Back to the list").click()
    assert page.evaluate("document.activeElement.id") == "filter-type"


# --- print, themes, no scripts ------------------------------------------------------------------------------------------


def test_printing_unfolds_what_is_folded_and_folds_it_again(opened: Opener, report: Path) -> None:
    page = opened(report, color_scheme="dark").page
    page.evaluate("""() => addEventListener("beforeprint", () => {
        window.unfolded = document.querySelectorAll("details[open]").length;
    })""")
    before = page.locator("details[open]").count()
    printed = page.pdf()
    assert printed[:5] == b"%PDF-"
    assert page.evaluate("window.unfolded") == page.locator("details").count()
    assert page.locator("details[open]").count() == before


def test_on_paper_there_is_ink_on_white_and_no_control(opened: Opener, report: Path) -> None:
    page = opened(report, color_scheme="dark").page
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    for control in (".filters", ".contents", ".skip"):
        assert page.locator(control).is_hidden()


def test_both_themes_have_their_own_ground(opened: Opener, report: Path) -> None:
    grounds = [opened(report, color_scheme=theme).page.evaluate("getComputedStyle(document.body).backgroundColor")
               for theme in ("light", "dark")]
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]


def test_without_scripts_the_sections_can_be_read_and_the_list_says_why_it_is_not_there(opened: Opener, report: Path
                                                                                        ) -> None:
    page = opened(report, java_script_enabled=False).page
    assert page.get_by_text("The list of episodes needs scripts").is_visible()
    assert page.locator("h2").count() == 10
    assert page.locator("main table").count() > 10


def test_the_methods_text_is_copied_or_selected(opened: Opener, report: Path) -> None:
    page = opened(report, permissions=[]).page
    page.get_by_role("button", name="Copy this text").click()
    page.wait_for_function("document.querySelector('.copy [role=status]').textContent !== ''")
    assert re.match("Copied|Selected", page.locator(".copy [role=status]").inner_text())


def test_the_page_rests_on_few_nodes(opened: Opener, report: Path) -> None:
    page = opened(report).page
    nodes = page.evaluate("""() => {
        const walker = document.createTreeWalker(document, NodeFilter.SHOW_ALL);
        let n = 0;
        while (walker.nextNode()) n += 1;
        return n;
    }""")
    assert nodes <= MOST_NODES
