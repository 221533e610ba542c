"""How long a report takes, how large it is, and how quickly its page answers.

    python benchmarks/report.py                          # 200 and 5,000 episodes
    python benchmarks/report.py --episodes 200

Studies are simulated, with acts on needs, and written as folders; the command line then makes the report in a process
of its own, everything included. Seconds are those of the clock; those of the processor stand beside them. The page is
opened in Chromium, where a time begins with the click (or the choice of a filter) and ends when the frame after it has
been drawn. Nodes are all of the document, text included, before anything is opened. The exit code is 1 where a limit is
not kept. The result is printed as JSON; `python tools/long_checks.py report` keeps it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from rupturekit import analysis, cli
from rupturekit.records.study import write_study
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design, NeedRates
from rupturekit.simulation.folder import study_of

SIZES = (200, 5_000)
PER_DYAD = 4.2    # episodes, a little below what the design gives
NEEDS = {"client": NeedRates(claim=0.08, grant=0.05, give_up=0.03), "therapist": NeedRates(claim=0.03, grant=0.1)}
OPENED, FILTERED = 60, 60
LIMITS = {"seconds": {200: 10.0, 5_000: 60.0}, "megabytes": {200: 3.0, 5_000: 25.0}, "nodes": 5_000, "median_ms": 200.0,
          "p95_ms": 500.0}
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync")

NODES = """() => {
    const walker = document.createTreeWalker(document, NodeFilter.SHOW_ALL);
    let n = 1;
    while (walker.nextNode()) n += 1;
    return n;
}"""
AFTER_A_FRAME = "new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))"
OPEN = f"""async (at) => {{
    const begun = performance.now();
    document.querySelectorAll("button.open")[at].click();
    await {AFTER_A_FRAME};
    return performance.now() - begun;
}}"""
FILTER = f"""async ([name, value]) => {{
    const field = document.getElementById(`filter-${{name}}`);
    const begun = performance.now();
    field.value = value;
    field.dispatchEvent(new Event(name === "words" ? "input" : "change"));
    await {AFTER_A_FRAME};
    return performance.now() - begun;
}}"""


def write_simulated(folder: Path, episodes: int) -> None:
    """Write a simulated study of a few episodes more than asked for."""
    design = Design(dyads=-(-episodes * 10 // int(PER_DYAD * 10)) + 1, dyads_per_therapist=5, needs=NEEDS)
    write_study(study_of(simulate(design, seed=1).cohort, design, name="simulated"), folder)


def made(folder: Path, file: Path) -> dict[str, float]:
    """Make the report as users do, and return the seconds on the clock and of the processor."""
    begun, spent = time.monotonic(), os.times()
    subprocess.run([sys.executable, "-c", "import sys; from rupturekit.cli import main; sys.exit(main())", "report",
                    str(folder), "-o", str(file)], check=True, stdout=subprocess.DEVNULL)
    used = os.times()
    processor = used.children_user - spent.children_user + used.children_system - spent.children_system
    return {"seconds": round(time.monotonic() - begun, 1), "processor": round(processor, 1)}


def spread(times: list[float]) -> dict[str, float]:
    """Return median and 95th percentile in milliseconds."""
    return {"median_ms": round(statistics.median(times), 1), "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1)}


def answered(page: Any) -> dict[str, Any]:
    """Open and filter many times; each first opening of a page of the list reads what it holds."""
    opened, filtered = [], []
    words = page.evaluate("[...document.querySelectorAll('#dyads option')].map(one => one.value)") or ["1", "22", "333"]
    choices = [("type", "0"), ("end", "1"), ("words", words[0]), ("type", "-1"), ("words", ""), ("end", "-1")]
    for at in range(OPENED):
        opened.append(page.evaluate(OPEN, at * 7 % 50))
        if at % 3 == 2:
            page.get_by_role("button", name="Next page").click(timeout=5_000)
    for at in range(FILTERED):
        filtered.append(page.evaluate(FILTER, list(choices[at % len(choices)])))
    return {"opening": spread(opened), "filtering": spread(filtered)}


def in_the_browser(file: Path) -> dict[str, Any]:
    """Open the page in Chromium; return nodes at rest, and how quickly it answers where there are pages of episodes."""
    with sync_playwright() as playwright:
        chromium = shutil.which(os.environ.get("RUPTUREKIT_CHROMIUM", "chromium"))
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
        begun = time.monotonic()
        page.goto(file.as_uri())
        found = {"load_ms": round(1000 * (time.monotonic() - begun)), "nodes": page.evaluate(NODES),
                 "episodes": page.evaluate("JSON.parse(document.getElementById('episodes-index').textContent)"
                                           ".name.length")}
        if found["episodes"] > 50 * (OPENED // 3):
            found |= answered(page)
        browser.close()
    return found


def measure(episodes: int, scratch: Path) -> dict[str, Any]:
    """Make a report of so many episodes and look at it."""
    folder, file = scratch / f"study-{episodes}", scratch / f"report-{episodes}.html"
    write_simulated(folder, episodes)
    spent = made(folder, file)
    return {"asked": episodes, **spent, "megabytes": round(file.stat().st_size / 1e6, 2), **in_the_browser(file)}


def broken(rows: list[dict[str, Any]]) -> list[str]:
    """Return which limits are not kept."""
    found = []
    for row in rows:
        for what in ("seconds", "megabytes"):
            if row[what] >= LIMITS[what].get(row["asked"], float("inf")):
                found.append(f"{row['asked']:,} episodes: {row[what]} {what}")
        if row["nodes"] > LIMITS["nodes"]:
            found.append(f"{row['asked']:,} episodes: {row['nodes']:,} nodes")
        found += [f"{row['asked']:,} episodes: {what} {at} {row[what][at]}" for what in ("opening", "filtering")
                  for at in ("median_ms", "p95_ms") if what in row and row[what][at] > LIMITS[at]]
    return found


def modules() -> list[str]:
    """Return the sources that a report is made from, from the root of the checkout."""
    root = Path(str(analysis.__file__)).parents[2]
    held = [Path(str(module.__file__)) for name, module in sorted(sys.modules.items())
            if name.partition(".")[0] == "rupturekit"]
    page = [Path(str(cli.__file__)).parent / "report" / name for name in ("page.css", "page.js")]
    return [path.relative_to(root).as_posix() for path in (*held, *page)]


def main(arguments: list[str]) -> int:
    """Measure, print as JSON, and say by the exit code whether the limits are kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--episodes", type=int, nargs="+", default=list(SIZES), help="about how many")
    sizes = parser.parse_args(arguments).episodes
    with tempfile.TemporaryDirectory() as scratch:
        rows = [measure(episodes, Path(scratch)) for episodes in sizes]
    beyond = broken(rows)
    json.dump({"n": rows[-1]["episodes"], "rows": rows, "cores": os.cpu_count(), "beyond": beyond,
               "modules": modules()}, sys.stdout, indent=2)
    print()
    for text in beyond:
        print(text, file=sys.stderr)
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
