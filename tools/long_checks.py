"""Run the checks that are too long for every change, and keep what they found.

    python tools/long_checks.py            # all of them
    python tools/long_checks.py thorough   # one by name

Each check writes `benchmarks/results/NAME.json` with what was run, n, the versions it ran with and the hash
of every source it exercised, so that `tools/stale_results.py` can tell when it should be run again. A check
that fails writes nothing and ends with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import stale_results

ROOT = stale_results.ROOT
PACKAGES = ("rupturekit", "attrs", "hypothesis", "networkx", "numpy", "pytest")
LEAST_KILLED, MOST_LISTED = 0.90, 0.05    # shares of mutants
FINDINGS = Path(tempfile.gettempdir()) / "rupturekit-fuzz"
MOST_MB = 500    # of memory, for a million rows of garbage


class CheckFailed(Exception):
    """A check that did not pass; its message is the end of what it printed."""


def versions() -> dict[str, str]:
    """Return the versions of Python, of this library and of what it ran with."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def library() -> list[Path]:
    """Return the sources of the library: modules, codebooks and models."""
    files = (ROOT / "src").rglob("*")
    return [path for path in files if path.suffix in {".py", ".toml"}]


def property_tests(output: str) -> list[str]:
    """Return the node ids in the output of `pytest --collect-only -q`.

    >>> property_tests("tests/test_x.py::test_law\\ntests/test_y.py::test_law[a::b]\\n\\n2 tests collected")
    ['tests/test_x.py::test_law', 'tests/test_y.py::test_law[a::b]']
    """
    return [line for line in output.splitlines() if re.match(r"\S+\.(py|md)::", line)]


def examples_run(output: str) -> int:
    """Return how many passing examples hypothesis counted, over all tests of a run.

    >>> examples_run("    - 1000 passing, 0 failing, and 12 invalid test cases")
    1000
    >>> examples_run("    - 990 passing examples, 2 invalid examples\\n    - 10 passing examples, 0 failing")
    1000
    """
    return sum(int(number) for number in re.findall(r"(?m)^ +- (\d+) passing\b", output))


def pytest_run(*arguments: str) -> str:
    """Run pytest under the thorough profile from the root and return what it printed, or raise."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "hypothesis", *arguments]
    environment = os.environ | {"RUPTUREKIT_PROFILE": "thorough"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise CheckFailed("\n".join(done.stdout.splitlines()[-60:]))
    return done.stdout


def thorough() -> dict[str, Any]:
    """Run every hypothesis test with the thorough profile: a thousand examples each."""
    tests = property_tests(pytest_run("--collect-only", "-q"))
    n = examples_run(pytest_run("--hypothesis-show-statistics"))
    if not n:
        raise CheckFailed("hypothesis printed no count of examples; the form of its statistics has changed")
    files = {ROOT / test.partition("::")[0] for test in tests} | set((ROOT / "tests").glob("oracles*.py"))
    return {
        "what": "hypothesis tests, profile `thorough`; n counts passing examples over all tests",
        "n": n,
        "tests": len(tests),
        "sources": stale_results.hashes([*library(), *files]),
    }


def growth() -> dict[str, Any]:
    """Measure how the time of segmentation and tracing grows with the number of episodes."""
    script = ROOT / "benchmarks" / "growth.py"
    found = _printed_by(script)
    return {
        "what": "CPU seconds (median of five) of segment, trace_cohort and summary, and the exponent of growth",
        "n": found["rows"][-1]["episodes"],
        **found,
        "sources": stale_results.hashes([*library(), script]),
    }


def import_time() -> dict[str, Any]:
    """Measure what the front door costs above the three libraries that it stands on."""
    script = ROOT / "benchmarks" / "import_time.py"
    found = _printed_by(script)
    return {"n": found["runs"], **found, "sources": stale_results.hashes([*library(), script])}


def reading() -> dict[str, Any]:
    """Measure how fast a study folder is read beside pandas and pyarrow, and how much memory that and garbage need."""
    script = ROOT / "benchmarks" / "reading.py"
    found = _printed_by(script)
    return {
        "what": "CPU seconds (median, in turns) of reading n moves fully checked and of its peers; peaks (ru_maxrss) "
                "of ten times as many moves, and of n rows of garbage",
        "n": found["rows"],
        **found,
        "versions_of_peers": {name: version(name) for name in ("pandas", "pyarrow")},
        "sources": stale_results.hashes([*library(), script]),
    }


def replay() -> dict[str, Any]:
    """Measure how fast many episodes are replayed, beside a dict loop and `transitions`; all must say the same."""
    script = ROOT / "benchmarks" / "replay.py"
    found = _printed_by(script)
    used = [ROOT / path for path in found.pop("modules")]
    return {
        "what": "CPU nanoseconds an event (median) of tracing with and without the table, of peers and of what is read "
                "off a table; growth in seconds; bytes an event",
        **found,
        "sources": stale_results.hashes([*used, script]),
    }


def _printed_by(script: Path) -> dict[str, Any]:
    """Run a benchmark on these sources and return the JSON that it prints, or raise."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, str(script)], cwd=ROOT, env=environment, check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        raise CheckFailed(done.stderr or done.stdout)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def mutation(*, sample: int | None = None, seed: int = 0, tests: Sequence[str] = ()) -> dict[str, Any]:
    """Plant small mistakes in the modules that carry the numbers: the tests must notice nine of ten.

    A sample takes so many of each part of the scope; the result says so, and gives the interval of the share. With
    fewer tests than all, the share is a lower bound.
    """
    drawn = [] if sample is None else ["--sample", str(sample), "--seed", str(seed)]
    drawn += ["--tests", *tests] if tests else []
    found = tool_run("mutation.py", "--workers", str(os.cpu_count() or 1), *drawn)
    wanted = sum(one["all"] if sample is None else min(sample, one["all"]) for one in found["parts"].values())
    if found["judged"] < wanted:
        raise CheckFailed(f"{found['judged']} of {wanted} mutants were judged")
    if found["share"] < LEAST_KILLED or found["listed_share"] > MOST_LISTED:
        raise CheckFailed(f"{found['share']:.1%} killed (at least {LEAST_KILLED:.0%}), {found['listed_share']:.1%} "
                          f"listed (at most {MOST_LISTED:.0%}); python tools/mutation.py shows the survivors")
    files = [path for path in (ROOT / "tests").rglob("*.py") if "typing" not in path.parts]
    tools = [ROOT / "tools" / name for name in ("mutation.py", "mutants.py", "forks.py", "equivalent_mutants.toml")]
    return {
        "what": "mutants killed by the tests, of all that are not listed as equivalent; n counts mutants, and `sample` "
                "says how they were drawn",
        "n": found["judged"],
        **found,
        "sources": stale_results.hashes([*library(), *files, *tools]),
    }


def fuzz() -> dict[str, Any]:
    """Feed spoiled files to every reader for an hour in all: nothing but our own errors, and no more than 500 MB."""
    with ThreadPoolExecutor(2) as halves:    # two runs at once, half an hour each, of other inputs
        one, other = halves.map(lambda how: tool_run("fuzz.py", "--minutes", "30", *how),
                                [("--seed", "1", "--findings", str(FINDINGS / "1")),
                                 ("--seed", "2", "--rows", "0", "--findings", str(FINDINGS / "2"))])
    found = merged(one, other)
    if found["findings"]:
        raise CheckFailed(f"{len(found['findings'])} kinds of findings; python tools/fuzz.py shows them")
    if found["garbage"]["peak_mb"] >= MOST_MB:
        raise CheckFailed(f"a million rows of garbage took {found['garbage']['peak_mb']} MB (below {MOST_MB})")
    tools = [ROOT / "tools" / name for name in ("fuzz.py", "fuzz_targets.py", "forks.py")]
    return {
        "what": "spoiled files given to every reader, without a finding; n counts files",
        **found,
        "sources": stale_results.hashes([*library(), *tools]),
    }


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return two fuzz accounts as one: counts added up, the slowest and the largest of both."""
    added = ("executions", "accepted", "refused", "findings")
    targets = {name: {key: mine[key] + theirs[key] if key in added else max(mine[key], theirs[key])
                      for key in mine if key != "slowest_input"}
               for name, mine in one["targets"].items() if (theirs := other["targets"][name])}
    return {**one, "seed": [one["seed"], other["seed"]], "n": one["n"] + other["n"], "minutes": 60,
            "peak_mb": max(one["peak_mb"], other["peak_mb"]), "targets": targets,
            "slow": sorted({*one["slow"], *other["slow"]}), "findings": [*one["findings"], *other["findings"]]}


def simulation() -> dict[str, Any]:
    """Measure how fast a study is simulated, beside a plain loop; both must give the same."""
    script, loop = ROOT / "benchmarks" / "simulation.py", ROOT / "tests" / "oracles_simulation.py"
    found = _printed_by(script)
    used = [ROOT / path for path in found.pop("modules")]
    return {
        "what": "CPU seconds (median, in turns) of simulating n ruptures as columns and as a study, and of a plain "
                "loop that gives the same columns",
        **found,
        "sources": stale_results.hashes([*used, script, loop]),
    }


def _measured(name: str, *, what: str) -> dict[str, Any]:
    """Run a benchmark, and return what it printed with what it is and the sources that it used."""
    script = ROOT / "benchmarks" / f"{name}.py"
    found = _printed_by(script)
    used = [ROOT / path for path in found.pop("modules")]
    return {"what": what, **found, "sources": stale_results.hashes([*used, script])}


def permutation() -> dict[str, Any]:
    """Measure how fast transitions of shuffled episodes are counted, beside numpy's shuffle; ours must be the same."""
    return _measured("permutation", what=(
        "CPU nanoseconds an event and replicate (median, in turns) of shuffling episodes and counting transitions, "
        "plain and compiled, and of numpy's Generator.permuted; n counts events times replicates"))


def negotiation() -> dict[str, Any]:
    """Measure how fast negotiations are found in many episodes, beside plain loops that must say the same."""
    return _measured("negotiation", what=(
        "CPU seconds (median, in turns) of finding spells, answers and ends of n episodes, and of plain loops that "
        "give the same; growth in seconds; bytes a turn"))


def alignment() -> dict[str, Any]:
    """Measure how fast episodes are aligned to a model, beside a dict loop that merely replays them."""
    return _measured("alignment", what=(
        "CPU nanoseconds a move (median, in turns) of exact alignment costs, of costs with the steps counted, of the "
        "programme without a table, and of dict loops that only replay; growth in seconds; bytes a move"))


def alignment_pm4py() -> dict[str, Any]:
    """Measure how fast episodes are aligned beside pm4py, in the environment that RUPTUREKIT_PM4PY names."""
    return _measured("alignment_pm4py", what=(
        "CPU microseconds an episode (median, in turns) of exact alignment costs of n episodes, by the walk and by the "
        "programme, and of each exact search of pm4py on the first 200 of them, which finds the same costs"))


def vectors() -> dict[str, Any]:
    """Count the vectors of costs that come up in alignments to each shipped model, and how often they are too many."""
    return _measured("vectors", what=(
        "vectors of costs that can come up in alignments, by shipped model and codebook (none said where they are more "
        "than are numbered); the most that came up in simulated cohorts, and the share of cohorts in which the "
        "programme was run instead; n counts episodes of each pair"))


def report() -> dict[str, Any]:
    """Measure how long a report takes, how large it is, and how quickly its page answers in Chromium."""
    return _measured("report", what=(
        "seconds on the clock (and of the processor) of `rupturekit report`, megabytes of the file, nodes of the page "
        "at rest, milliseconds of opening an episode and of filtering; n counts the episodes of the largest report"))


def recovery() -> dict[str, Any]:
    """Recover each parameter of the simulator by a plain estimator, without bias, over 500 studies."""
    return _known_truth("recovery", runs=500)


def level() -> dict[str, Any]:
    """Test order where there is none: 2,000 studies by segmentation rule and null; and where there is."""
    return _known_truth("level", runs=2000)


def coverage() -> dict[str, Any]:
    """Count how often intervals over few and many dyads hold the true value, with and without therapists."""
    return _known_truth("coverage", runs=1000)


def needs_recovery() -> dict[str, Any]:
    """Recover responsiveness, ending times and imbalances of negotiations, without bias, over 500 studies."""
    return _known_truth("recovery", runs=500, tool="known_needs.py")


def needs_level() -> dict[str, Any]:
    """Test hypotheses on negotiations where there is no order, 2,000 studies by segmentation rule; and where it is."""
    return _known_truth("level", runs=2000, tool="known_needs.py")


def needs_naive() -> dict[str, Any]:
    """Give naive answers about negotiations in 400 studies each, and count how often they go wrong."""
    return _known_truth("naive", runs=400, tool="known_needs.py")


def complementarity_level() -> dict[str, Any]:
    """Test complementarity where nobody answers anybody, in 2,000 studies a row, with and without people who go on."""
    return _known_truth("level", runs=2000, tool="known_complementarity.py")


def comparison() -> dict[str, Any]:
    """Choose among process models in 60 cohorts of each, of 20 dyads and of others: the true one, never the flower."""
    return _known_truth("choice", runs=60, tool="known_models.py")


def order_level() -> dict[str, Any]:
    """Estimate and test order gain where there is no order, 2,000 studies by segmentation rule; and where there is."""
    return _known_truth("level", runs=2000, tool="known_order.py")


def _known_truth(check: str, *, runs: int, tool: str = "known_truth.py") -> dict[str, Any]:
    found = tool_run(tool, check, "--runs", str(runs))
    if not found.pop("kept"):
        raise CheckFailed(json.dumps(found, indent=2))
    used = [ROOT / path for path in found.pop("modules")] + [path for path in library() if path.suffix == ".toml"]
    return {**found, "sources": stale_results.hashes([*used, ROOT / "tools" / "known.py", ROOT / "tools" / tool])}


def tool_run(script: str, *arguments: str) -> dict[str, Any]:
    """Run a tool on this checkout's sources and return what it wrote as JSON; raise where it wrote nothing."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with tempfile.TemporaryDirectory() as scratch:
        written = Path(scratch, "found.json")
        command = [sys.executable, str(ROOT / "tools" / script), *arguments, "--json", str(written)]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if not written.exists():
            raise CheckFailed("\n".join(done.stdout.splitlines()[-60:]))
        found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
        return found


CHECKS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "thorough": thorough, "growth": growth, "import_time": import_time,
    "reading": reading, "replay": replay, "mutation": mutation, "fuzz": fuzz,
    "simulation": simulation, "permutation": permutation, "recovery": recovery, "level": level, "coverage": coverage,
    "negotiation": negotiation, "alignment": alignment, "vectors": vectors, "needs_recovery": needs_recovery,
    "needs_level": needs_level,
    "needs_naive": needs_naive, "comparison": comparison, "complementarity_level": complementarity_level,
    "order_level": order_level, "alignment_pm4py": alignment_pm4py, "report": report,
}


def run(name: str, **how: Any) -> Path:
    """Run one check and return the result file it wrote; `how` is for a check that can be run in part."""
    begun = time.monotonic()
    found = CHECKS[name](**how)
    result = found | {"versions": versions(), "seconds": round(time.monotonic() - begun)}
    path = ROOT / stale_results.RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return path


def main(arguments: list[str]) -> int:
    """Run the checks named, all by default."""
    parser = argparse.ArgumentParser(prog="long_checks.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(CHECKS)} (default: all)")
    parser.add_argument("--sample", type=int, metavar="N", help="of mutation: N mutants of each part, not all")
    parser.add_argument("--seed", type=int, default=0, help="of mutation: which sample (default: %(default)s)")
    parser.add_argument("--tests", nargs="+", default=[], metavar="PATH", help="of mutation: only these tests")
    said = vars(parser.parse_args(arguments))
    names = said.pop("names") or list(CHECKS)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        parser.error(f"no check called {', '.join(unknown)}; there are: {', '.join(CHECKS)}")
    for name in names:
        try:
            path = run(name, **(said if name == "mutation" else {}))
        except CheckFailed as failure:
            print(f"{name}: failed\n{failure}", file=sys.stderr)
            return 1
        print(f"{name}: passed; wrote {path.relative_to(ROOT).as_posix()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
