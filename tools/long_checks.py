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
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import stale_results

ROOT = stale_results.ROOT
PACKAGES = ("rupturekit", "attrs", "hypothesis", "networkx", "numpy", "pytest")


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
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, str(script)], cwd=ROOT, env=environment, check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        raise CheckFailed(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return {
        "what": "CPU seconds (median of five) of segment, trace_cohort and summary, and the exponent of growth",
        "n": found["rows"][-1]["episodes"],
        **found,
        "sources": stale_results.hashes([*library(), script]),
    }


CHECKS: Mapping[str, Callable[[], dict[str, Any]]] = {"thorough": thorough, "growth": growth}


def run(name: str) -> Path:
    """Run one check and return the result file it wrote."""
    begun = time.monotonic()
    found = CHECKS[name]()
    result = found | {"versions": versions(), "seconds": round(time.monotonic() - begun)}
    path = ROOT / stale_results.RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return path


def main(arguments: list[str]) -> int:
    """Run the checks named, all by default."""
    parser = argparse.ArgumentParser(prog="long_checks.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(CHECKS)} (default: all)")
    names = parser.parse_args(arguments).names or list(CHECKS)
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        parser.error(f"no check called {', '.join(unknown)}; there are: {', '.join(CHECKS)}")
    for name in names:
        try:
            path = run(name)
        except CheckFailed as failure:
            print(f"{name}: failed\n{failure}", file=sys.stderr)
            return 1
        print(f"{name}: passed; wrote {path.relative_to(ROOT).as_posix()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
