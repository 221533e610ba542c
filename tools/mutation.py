"""Test the tests: plant one small mistake at a time in a module and see whether a test notices.

    python tools/mutation.py                                # every mutant of the modules in MODULES
    python tools/mutation.py --modules segmentation --sample 50
    python tools/mutation.py --budget 30 --workers 2        # half an hour of it; run again to go on

The checkout is copied first, so it may be edited meanwhile. One run of all tests says which test reaches which
line and how long it takes. Then, for each mutant (`tools/mutants.py` says what is mutated), a process forks that has
the other libraries imported and ours not, imports ours with the mutant in place, and runs only the tests that reach
its line or stand in the module's own test file, the quickest first, to the first failure; at most `--cap` seconds of
them. Hypothesis runs few, fixed examples and does not shrink: what fails there fails in a full run too. A run that
takes five times as long as it should is stopped and counts as killed, in a tally of its own.

`tools/equivalent_mutants.toml` lists the mutants that no test can notice, each with its reason. They are run all the
same: one that a test kills is listed wrongly.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import math
import os
import shutil
import sys
import tempfile
import time
import tomllib
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, NamedTuple, TextIO

import pytest

from forks import Outcome, forked, limit_memory
from mutants import Mutant, functions_of, mutants_of

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENTS = "tools/equivalent_mutants.toml"
MODULES: Final = ("_schema", "cohort", "segmentation", "state_machine", "traces", "_kernels", "records")
PARTS: Final[Mapping[str, tuple[str, ...]]] = {    # what one name stands for, where that is not one module or package
    "traces": ("traces", "kinds", "ends", "stays", "ties", "replays", "steps", "trace_summary", "explanation"),
}
TESTS: Final = ("src", "tests", "docs", "README.md")
STATE = Path(tempfile.gettempdir()) / "rupturekit-mutation"

EXAMPLES: Final = 25
FIRST_STAGE: Final = 1.0    # seconds of tests that are tried before a longer session is begun
MEMORY: Final = 4 << 30    # bytes that a mutant may ask for
KILLED, TIMEOUT, SURVIVED, UNREACHED = "killed", "timeout", "survived", "no test"

Key = tuple[str, str, str, str, int]


class RedBaseline(Exception):
    """The tests fail without any mutant, or the list of equivalents is wrong; its message says where."""


# --- a pytest session in it ------------------------------------------------------------------------------------


class Watch:
    """Tell a pytest session's course through a pipe; run only the tests that are wanted, in the order wanted."""

    def __init__(self, pipe: TextIO, wanted: Sequence[str] | None = None, finder: Finder | None = None) -> None:
        self._pipe, self._wanted, self._finder = pipe, wanted, finder

    def _say(self, *what: object) -> None:
        print(json.dumps(what), file=self._pipe)

    def pytest_sessionstart(self) -> None:
        if self._finder is not None:    # pytest's own finder takes every file that it is given, unless we stand first
            sys.meta_path.remove(self._finder)
            sys.meta_path.insert(0, self._finder)

    def pytest_sessionfinish(self) -> None:
        if self._finder is not None and (place := sys.modules.get(self._finder.name)) is not None:
            self._say("loaded", type(getattr(place.__spec__, "loader", None)).__name__)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._wanted is not None:
            here = {item.nodeid: item for item in items}
            items[:] = [here[name] for name in self._wanted if name in here]
        self._say("collected", len(items))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._say("at", nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._say("failed", report.nodeid)
        elif report.when == "call":
            self._say("passed", report.nodeid, report.duration)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._say("failed", report.nodeid)


def session(root: Path, pipe: TextIO, *, paths: Iterable[str], wanted: Sequence[str] | None = None,
            extra: Sequence[str] = (), finder: Finder | None = None) -> int:
    """Run pytest over some files of a checkout in this process and return its exit code."""
    for name in [name for name in os.environ if name == "PYTEST_ADDOPTS" or name.startswith(("COV_", "COVERAGE_"))]:
        if name != "COVERAGE_FILE":    # ours; the others are those of whoever called
            del os.environ[name]
    os.chdir(root)
    sys.path.insert(0, str(root / "src"))
    space = tempfile.mkdtemp(prefix="mutant-")
    support = ["conftest.py"] if (root / "conftest.py").exists() else []
    options = ["-q", "-p", "no:cacheprovider", "--basetemp", os.path.join(space, "t"), "--rootdir", str(root)]
    plugins: list[object] = [Watch(pipe, wanted, finder)]
    with contextlib.suppress(ImportError):
        plugins.append(importlib.import_module("_hypothesis_pytestplugin"))
    try:
        return int(pytest.main([*options, *extra, *support, *paths], plugins=plugins))
    finally:
        shutil.rmtree(space, ignore_errors=True)


def quick_profile() -> None:
    """Let hypothesis draw few and always the same examples, and not shrink: the test counts, not the example."""
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "RUPTUREKIT_PROFILE": "mutation", "NUMBA_DISABLE_JIT": "1"}
    with contextlib.suppress(ImportError):
        hypothesis = importlib.import_module("hypothesis")
        hypothesis.settings.register_profile(
            "mutation", max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck))


class Planted(importlib.machinery.SourceFileLoader):
    """Load one module from a tree that holds a mutant."""

    def __init__(self, name: str, path: str, tree: ast.Module) -> None:
        super().__init__(name, path)
        self._tree = tree

    def get_code(self, fullname: str) -> CodeType:
        """Return the mutant's code in place of that of the file."""
        return compile(self._tree, self.path, "exec", dont_inherit=True)


class Finder(importlib.abc.MetaPathFinder):
    """Find the module with the mutant before anybody else finds the one without."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self._path, self._tree = name, path, tree

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
                  ) -> importlib.machinery.ModuleSpec | None:
        """Return a spec for the one module."""
        if fullname != self.name:
            return None
        loader = Planted(fullname, str(self._path), self._tree)
        places = [str(self._path.parent)] if self._path.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader,
                                                      submodule_search_locations=places)


# --- what is reached by what -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Baseline:
    """A green run without mutants: seconds of every test, tests by file and line, and the libraries it imported."""

    seconds: dict[str, float]
    reached: dict[str, dict[int, list[str]]]
    libraries: list[str]


def baseline(root: Path, package: str, tests: Iterable[str] = TESTS) -> Baseline:
    """Run the tests of a checkout once, with coverage by test; raise where one fails."""
    with tempfile.TemporaryDirectory() as scratch:
        data = os.path.join(scratch, "coverage")
        os.environ["COVERAGE_FILE"] = data

        def work(pipe: TextIO) -> int:
            paths = [path for path in tests if (root / path).exists()]
            code = session(root, pipe, paths=paths, extra=["-p", "pytest_cov", f"--cov=src/{package}", "--cov-report=",
                                                           "--cov-context=test", "--cov-fail-under=0"])
            print(json.dumps(["libraries", _libraries(root)]), file=pipe)
            print(json.dumps(["package", str(getattr(sys.modules.get(package), "__file__", ""))]), file=pipe)
            return code

        done = forked(work, seconds=3600)
        failed = [one[1] for one in done.said if one[0] in {"failed", "broken"}]
        if done.code != 0:
            raise RedBaseline(f"without any mutant, pytest ended with {done.code}: {'; '.join(failed[:20])}")
        if root not in Path(done.last("package")).parents:
            raise RedBaseline(f"the tests imported {package} from {done.last('package')!r}, not from the copy")
        seconds = {one[1]: one[2] for one in done.said if one[0] == "passed"}
        libraries: list[str] = next(one[1] for one in done.said if one[0] == "libraries")
        return Baseline(seconds, _reached(data, root / "src"), libraries)


def _libraries(root: Path) -> list[str]:
    """Return the modules imported in this process that do not belong to the checkout."""
    found = []
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None)
        if place and root not in Path(place).parents and "-packages" in place and "coverage" not in name:
            found.append(name)
    return found


def _reached(data: str, src: Path) -> dict[str, dict[int, list[str]]]:
    coverage = importlib.import_module("coverage")
    held = coverage.CoverageData(basename=data)
    held.read()
    return {Path(name).relative_to(src).as_posix(): {
        line: sorted({context.rpartition("|")[0] or context for context in contexts})
        for line, contexts in held.contexts_by_lineno(name).items()} for name in held.measured_files()}


def warm(libraries: Iterable[str]) -> None:
    """Import the libraries that the tests need, so that a fork has them at once."""
    for name in libraries:
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)


# --- which tests to run ----------------------------------------------------------------------------------------


@dataclass
class Chooser:
    """Choose the tests for a mutant: those that reach its line, and those of the module's own test file."""

    base: Baseline
    cap: float = 10.0
    spare: float = 10.0
    killers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def choose(self, mutant: Mutant, file: str) -> list[str]:
        """Return the tests in the order to run them; empty where no test reaches the line."""
        lines = self.base.reached.get(file, {})
        reaching = {test for line in mutant.lines for test in lines.get(line, ())}
        if not mutant.lines or "" in reaching:    # runs at import: whatever uses the module may see it
            reaching |= {test for tests in lines.values() for test in tests}
        reaching &= self.base.seconds.keys()
        if not reaching:
            return []
        own = {test for test in self.base.seconds if _is_own(test, file)}
        order = sorted(reaching | own, key=lambda test: self._rank(test, own, reaching))
        kept, spent = [], 0.0
        for test in order:
            spent += self.base.seconds[test]
            if not kept or spent <= self.cap:
                kept.append(test)
        known = self.killers[f"{mutant.module}:{mutant.function}"]
        return sorted(kept, key=lambda test: -known[test])

    def _rank(self, test: str, own: set[str], reaching: set[str]) -> tuple[bool, float, str]:
        seconds = self.base.seconds[test] + 0.003
        return test not in reaching | own, seconds / 4 if test in own else seconds, test

    def stages(self, tests: list[str]) -> Iterator[list[str]]:
        """Yield the tests in two sessions: first a few, for most mutants do not live long."""
        spent, first = 0.0, 0
        while first < len(tests) and (spent <= FIRST_STAGE or first < 1):
            spent += self.base.seconds[tests[first]]
            first += 1
        yield from filter(None, (tests[:first], tests[first:]))

    def limit(self, tests: Iterable[str]) -> float:
        """Return the seconds after which a session is taken for endless."""
        return self.spare + 5 * sum(self.base.seconds[test] for test in tests)


def _is_own(test: str, file: str) -> bool:
    """Return whether a test stands in the test file of a module, or is one of its examples.

    >>> _is_own("tests/core/test_segmentation_laws.py::test_x", "rupturekit/segmentation.py")
    True
    """
    path = Path(test.partition("::")[0])
    stem = Path(file).stem.strip("_")
    return path.as_posix().endswith(f"src/{file}") or f"{path.stem}_".startswith(f"test_{stem}_")


# --- verdicts --------------------------------------------------------------------------------------------------


class Verdict(NamedTuple):
    """What became of a mutant, by which test, and on which sources: it holds as long as they stay."""

    key: Key
    verdict: str
    by: str
    seconds: float
    basis: str


class Sources:
    """Digests of a copied checkout. A kill rests on the library and on the killing test's file.

    A survival rests on everything: all tests, which of them were run and for how long, and this tool.
    """

    def __init__(self, root: Path, *asked: object) -> None:
        self._root = root
        files = [path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts
                 and path != root / EQUIVALENTS]
        loose = {path for path in files if path.relative_to(root).parts[0] != "src"
                 and (path.name.startswith("test_") or path.suffix == ".md")}
        self._library = self._digest(path for path in files if path not in loose)
        tool = Path(__file__).read_bytes()
        self.everything = hashlib.sha256(tool + repr((self._digest(files), *asked)).encode()).hexdigest()

    def _digest(self, paths: Iterable[Path]) -> str:
        held = hashlib.sha256()
        for path in paths:
            held.update(path.relative_to(self._root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
        return held.hexdigest()

    def basis(self, by: str) -> str:
        """Return the digest of what a verdict rests on."""
        path = self._root / by.partition("::")[0]
        return self._library + self._digest([path]) if by and path.is_file() else self.everything


def copied(root: Path, into: Path) -> Path:
    """Copy what the tests of a checkout need, with `shared` beside it as it stands beside the checkout."""
    target = into / "main"
    for name in ("src", "tests", "docs", "tools", "notebooks", "benchmarks"):
        if (root / name).is_dir():
            shutil.copytree(root / name, target / name, ignore=shutil.ignore_patterns("__pycache__", ".*", "*.pyc"))
    for path in root.glob("*"):
        if (path.suffix in {".md", ".toml", ".cff"} or path.name == "conftest.py") and path.is_file():
            shutil.copy(path, target / path.name)
    for path in (root / ".ci", root / ".gitignore", root / "LICENSE"):
        if path.exists():
            (shutil.copytree if path.is_dir() else shutil.copy)(path, target / path.name)
    if (root.parent / "shared").is_dir():
        (into / "shared").symlink_to(root.parent / "shared")
    return target


@dataclass(frozen=True)
class Job:
    """A mutant with the tree that it is planted in, its file under `src`, and the part of the scope that it is of."""

    mutant: Mutant
    tree: ast.Module = field(repr=False)
    file: str
    part: str


def jobs_of(root: Path, package: str, modules: Iterable[str]) -> tuple[list[Job], list[str]]:
    """Return all mutants of some modules, packages or parts, and the functions that have none."""
    found, bare = [], []
    for part, module in [(name, module) for name in modules for module in PARTS.get(name, (name,))]:
        place = root / "src" / package / module
        paths = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        for path in paths:
            file = path.relative_to(root / "src")
            dotted = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
            tree = ast.parse(path.read_text(encoding="utf-8"))
            made = mutants_of(tree, module=dotted)
            found += [Job(one, tree, file.as_posix(), part) for one in made]
            bare += [f"{dotted}.{name}" for name in functions_of(tree)
                     if not any(f"{one.function}.".startswith(f"{name}.") for one in made)]
    return found, bare


def sampled(jobs: Sequence[Job], n: int | None, seed: int) -> list[Job]:
    """Return at most n mutants of every part, by the hash of seed and name: a longer sample begins with a shorter."""
    if n is None:
        return list(jobs)
    groups: dict[str, list[Job]] = defaultdict(list)
    for job in sorted(jobs, key=lambda job: hashlib.sha256(repr((seed, job.mutant.key)).encode()).digest()):
        groups[job.part].append(job)
    kept = {job.mutant.key for group in groups.values() for job in group[:n]}
    return [job for job in jobs if job.mutant.key in kept]


def judge(job: Job, *, root: Path, chooser: Chooser, sources: Sources) -> Verdict:
    """Run the tests for one mutant, in forks, and return what became of it."""
    begun, mutant = time.monotonic(), job.mutant
    tests = chooser.choose(mutant, job.file)

    def verdict(what: str, by: str = "") -> Verdict:
        return Verdict(mutant.key, what, by, round(time.monotonic() - begun, 2), sources.basis(by))

    for stage in chooser.stages(tests):
        done = _tried(job, stage, root=root, chooser=chooser)
        if done.code is None:
            return verdict(TIMEOUT, done.last("at"))
        if done.code != 0:
            by = done.last("failed") or done.last("at")
            chooser.killers[f"{mutant.module}:{mutant.function}"][by] += 1
            return verdict(KILLED, by)
    return verdict(SURVIVED if tests else UNREACHED)


def _tried(job: Job, tests: Sequence[str], *, root: Path, chooser: Chooser, plant: bool = True) -> Outcome:
    """Run some tests in a fork, with the mutant planted; raise where what failed is the session and no test."""
    done = forked(lambda pipe: _mutated_session(job, root, pipe, tests, plant), seconds=chooser.limit(tests))
    died = done.code is None or done.code < 0    # stopped, or ended by a signal: that is a way to be killed
    if not (died or done.code == 0 or done.last("failed")):
        raise RedBaseline(f"{job.mutant}: the session itself ended with {done.code}: {done.last('broken')}")
    if done.last("loaded") not in {"", Planted.__name__}:
        raise RedBaseline(f"{job.mutant}: the tests saw the module by {done.last('loaded')}, not the planted one")
    return done


def _mutated_session(job: Job, root: Path, pipe: TextIO, tests: Sequence[str], plant: bool) -> int:
    limit_memory(MEMORY)
    if plant:
        job.mutant.plant()
    finder = Finder(job.mutant.module, root / "src" / job.file, job.tree)
    sys.meta_path.insert(0, finder)
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    quiet = ["--maxfail=1", "--tb=no", "--no-header"]
    return session(root, pipe, paths=files, wanted=tests, extra=quiet, finder=finder)


def check_controls(jobs: Iterable[Job], *, passed: Path, root: Path, chooser: Chooser) -> None:
    """Check that the tests of every module pass under this very runner with nothing planted; note those that did."""
    known = set(passed.read_text(encoding="utf-8").split()) if passed.exists() else set()
    for job in {job.file: job for job in jobs if job.file not in known}.values():
        whole = replace(job.mutant, lines=frozenset())
        for stage in chooser.stages(chooser.choose(whole, job.file)):
            done = _tried(job, stage, root=root, chooser=chooser, plant=False)
            if done.code != 0:
                raise RedBaseline(f"{job.mutant.module}: {done.last('failed') or done.last('at')} fails in a fork "
                                  "without any mutant")
        with passed.open("a", encoding="utf-8") as stream:
            print(job.file, file=stream)


def judge_all(jobs: Sequence[Job], *, log: Path, workers: int, until: float, root: Path, chooser: Chooser,
              sources: Sources) -> None:
    """Judge mutants in so many processes, each adding its verdicts to the log, until done or out of time."""

    def work(share: Sequence[Job]) -> None:
        with log.open("a", encoding="utf-8") as stream:
            for job in share:
                if time.monotonic() > until:
                    return
                print(json.dumps(judge(job, root=root, chooser=chooser, sources=sources)), file=stream, flush=True)

    children = []
    for at in range(workers):
        child = os.fork()
        if child == 0:
            try:
                work(jobs[at::workers])
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        children.append(child)
    if any(os.waitpid(child, 0)[1] for child in children):
        raise RedBaseline("a worker broke; see above")


def verdicts_in(log: Path, sources: Sources) -> dict[Key, Verdict]:
    """Return the verdicts of earlier runs that still hold: nothing they rest on has changed."""
    found = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        key, *rest = json.loads(line)
        one = Verdict(tuple(key), *rest)
        if one.basis == sources.basis(one.by):
            found[one.key] = one
    return found


def false_killers(verdicts: Iterable[Verdict], *, root: Path, base: Baseline) -> list[str]:
    """Return the tests that killed and also fail unmutated, when the killers run alone: their kills mean nothing."""
    names = sorted({one.by for one in verdicts if one.verdict == KILLED and one.by in base.seconds}, reverse=True)
    if not names:
        return []
    files = dict.fromkeys(name.partition("::")[0] for name in names)
    limit = 600 + 5 * sum(base.seconds[name] for name in names)
    done = forked(lambda pipe: session(root, pipe, paths=files, wanted=names), seconds=limit)
    failed = [one[1] for one in done.said if one[0] in {"failed", "broken"}]
    return failed or ([] if done.code == 0 else [f"a session of the killing tests ({done.code})"])


# --- the account -----------------------------------------------------------------------------------------------


def wilson(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the interval of Wilson (1927) for a share of k in n.

    >>> [round(end, 3) for end in wilson(9, 10)]
    [0.596, 0.982]
    """
    if n == 0:
        return 0.0, 1.0
    middle, wide = (k + z * z / 2) / (n + z * z), z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return max(0.0, middle - wide), min(1.0, middle + wide)


def equivalents_in(path: Path) -> dict[Key, str]:
    """Return the mutants listed as equivalent, each with its reason.

    An entry names module, function and reason, and in `mutants` lists `[operator, change]`, with the occurrence as a
    third where it is not the first.
    """
    if not path.exists():
        return {}
    said = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", [])
    return {(one["module"], one["function"], operator, change, rest[0] if rest else 1): one["reason"]
            for one in said for operator, change, *rest in one["mutants"]}


def account(jobs: Sequence[Job], judged: Mapping[Key, Verdict], listed: Mapping[Key, str]) -> dict[str, Any]:
    """Return the tally by module, by part and over all, with every survivor that is not listed.

    Where not every mutant was judged, the share over all weighs the parts, which are what is sampled, by their size,
    and its interval joins the parts' Wilson intervals (Zou and Donner 2008).
    """
    modules, parts = (
        {name: _tally([job.mutant.key for job in jobs if of(job) == name], judged, listed)
         for name in dict.fromkeys(map(of, jobs))} for of in (lambda job: job.mutant.module, lambda job: job.part))
    counted = [one for one in parts.values() if one["all"] > one["listed"] and one["judged"]]
    weights = [one["all"] - one["listed"] for one in counted]
    share = sum(w * one["share"] for w, one in zip(weights, counted, strict=True)) / max(1, sum(weights))
    spread = [math.sqrt(sum((w * (one["share"] - one["interval"][end])) ** 2
                            for w, one in zip(weights, counted, strict=True))) / max(1, sum(weights)) for end in (0, 1)]
    whole = all(one["judged"] == one["all"] for one in modules.values())
    total = {name: sum(one[name] for one in modules.values())
             for name in ("all", "judged", KILLED, TIMEOUT, SURVIVED, UNREACHED, "listed")}
    ends = [round(share - spread[0], 4), round(share + spread[1], 4)]
    return total | {
        "share": round(share, 4), "interval": None if whole else ends,
        "listed_share": round(total["listed"] / max(1, total["all"]), 4), "parts": parts, "modules": modules,
        "survivors": [_told(job.mutant, judged[job.mutant.key].verdict) for job in jobs if job.mutant.key in judged
                      and job.mutant.key not in listed and judged[job.mutant.key].verdict in (SURVIVED, UNREACHED)],
    }


def _tally(keys: Sequence[Key], judged: Mapping[Key, Verdict], listed: Mapping[Key, str]) -> dict[str, Any]:
    open_ = [key for key in keys if key not in listed and key in judged]
    n = Counter(judged[key].verdict for key in open_)
    found = n[KILLED] + n[TIMEOUT]
    ends = wilson(found, len(open_))
    return {"all": len(keys), "judged": sum(key in judged for key in keys),
            "listed": sum(key in listed for key in keys),
            KILLED: n[KILLED], TIMEOUT: n[TIMEOUT], SURVIVED: n[SURVIVED], UNREACHED: n[UNREACHED],
            "share": round(found / len(open_), 4) if open_ else 0.0, "interval": [round(end, 4) for end in ends]}


def _told(mutant: Mutant, verdict: str) -> dict[str, Any]:
    return {"module": mutant.module, "function": mutant.function, "line": mutant.line, "operator": mutant.operator,
            "change": mutant.change, "occurrence": mutant.occurrence, "verdict": verdict}


def text_of(found: Mapping[str, Any]) -> str:
    """Return an account as lines to read: the tallies, the functions without a mutant, and the survivors as diffs."""
    low_high = found["interval"]
    lines = [f"{found['judged']} of {found['all']} mutants judged: {found[KILLED]} killed, {found[TIMEOUT]} timeouts, "
             f"{found[SURVIVED]} survived, {found[UNREACHED]} reached by no test; {found['listed']} are listed",
             f"share killed: {found['share']:.1%}" + (
                 f", 95 % interval {low_high[0]:.1%} to {low_high[1]:.1%}" if low_high else "")]
    lines += [_line(name, one) for name, one in found["parts"].items()] + ["by module:"]
    lines += [_line(name, one) for name, one in found["modules"].items()]
    bare = found.get("functions_without_a_mutant", [])
    lines.append(f"functions without a mutant: {len(bare)}" + "".join(f"\n  {name}" for name in bare))
    for one in found["survivors"]:
        before, _, after = one["change"].partition(" => ")
        lines += [f"{one['module']}:{one['line']} {one['function']} [{one['operator']} {one['occurrence']}] "
                  f"{one['verdict']}", f"  - {before}", f"  + {after}"]
    return "\n".join(lines)


def _line(name: str, one: Mapping[str, Any]) -> str:
    low, high = one["interval"]
    return (f"  {name}: {one['share']:.1%} ({low:.1%} to {high:.1%}) of {one['judged']} judged of {one['all']}; "
            f"{one[KILLED]} killed, {one[TIMEOUT]} timeouts, {one[SURVIVED] + one[UNREACHED]} alive, "
            f"{one['listed']} listed")


def measure(root: Path = ROOT, *, package: str = "rupturekit", modules: Sequence[str] = MODULES,
            sample: int | None = None, seed: int = 0, workers: int = 1, budget: float = math.inf, cap: float = 10.0,
            spare: float = 10.0, tests: Sequence[str] = TESTS, state: Path = STATE) -> dict[str, Any]:
    """Judge the mutants of some modules and return the account; what earlier runs found and still holds is kept."""
    until = time.monotonic() + 60 * budget
    state.mkdir(parents=True, exist_ok=True)
    quick_profile()
    with tempfile.TemporaryDirectory() as scratch:
        copy_ = copied(root, Path(scratch).resolve())
        sources = Sources(copy_, *tests, cap)
        base = _kept_baseline(copy_, package, state / f"baseline-{sources.everything[:16]}.json", tests)
        warm(base.libraries)
        every, bare = jobs_of(copy_, package, modules)
        jobs, log = sampled(every, sample, seed), state / "verdicts.jsonl"
        held, chooser = verdicts_in(log, sources), Chooser(base, cap, spare)
        left = [job for job in jobs if job.mutant.key not in held]
        passed = state / f"controls-{sources.everything[:16]}.txt"
        check_controls(left, passed=passed, root=copy_, chooser=chooser)
        judge_all(left, log=log, workers=workers, until=until, root=copy_, chooser=chooser, sources=sources)
        judged = {job.mutant.key: one for job in jobs if (one := verdicts_in(log, sources).get(job.mutant.key))}
        listed = equivalents_in(root / EQUIVALENTS)
        wrong = _wrongly_listed(listed, judged, {job.mutant.key for job in every}, package, modules)
        wrong += [f"{name} fails without any mutant" for name in false_killers(judged.values(), root=copy_, base=base)]
    if wrong:
        raise RedBaseline("\n".join(wrong))
    how = "all" if sample is None else f"at most {sample} a part, by the hash of seed {seed} and name"
    return {"sample": how, "tests": list(tests), "cap_seconds": cap, "hypothesis_examples": EXAMPLES,
            **account(every, judged, listed), "functions_without_a_mutant": bare}


def _kept_baseline(root: Path, package: str, path: Path, tests: Iterable[str]) -> Baseline:
    """Return the baseline of these very sources, measured if it was not before."""
    if not path.exists():
        found = baseline(root, package, tests)
        path.write_text(json.dumps([found.seconds, found.reached, found.libraries]), encoding="utf-8")
    seconds, reached, libraries = json.loads(path.read_text(encoding="utf-8"))
    return Baseline(seconds, {name: {int(line): tests for line, tests in lines.items()}
                              for name, lines in reached.items()}, libraries)


def _wrongly_listed(listed: Mapping[Key, str], judged: Mapping[Key, Verdict], known: set[Key], package: str,
                    modules: Sequence[str]) -> list[str]:
    here = tuple(f"{package}.{module}" for name in modules for module in PARTS.get(name, (name,)))
    gone = [f"{EQUIVALENTS}: there is no mutant {key}" for key in listed
            if key not in known and (key[0] in here or key[0].startswith(tuple(f"{name}." for name in here)))]
    return gone + [f"{EQUIVALENTS}: {key} is no equivalent: {judged[key].by or 'a run without end'} kills it"
                   for key in listed if key in judged and judged[key].verdict in (KILLED, TIMEOUT)]


def main(arguments: list[str]) -> int:
    """Judge mutants and print the account."""
    parser = argparse.ArgumentParser(prog="mutation.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--modules", nargs="+", default=MODULES, metavar="NAME",
                        help="modules, packages or parts (default: %(default)s)")
    parser.add_argument("--tests", nargs="+", default=TESTS, metavar="PATH",
                        help="only these tests, for a quick look: others may kill what survives them")
    parser.add_argument("--sample", type=int, help="judge at most so many mutants of each part of the scope")
    parser.add_argument("--seed", type=int, default=0, help="which sample (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes at once (default: %(default)s)")
    parser.add_argument("--budget", type=float, default=math.inf, metavar="MINUTES", help="stop judging after so long")
    parser.add_argument("--cap", type=float, default=10.0, metavar="SECONDS",
                        help="of tests for one mutant (default: %(default)s)")
    parser.add_argument("--spare", type=float, default=10.0, metavar="SECONDS",
                        help="beyond five times the tests, before they count as endless (default: %(default)s)")
    parser.add_argument("--state", type=Path, default=STATE, help="where verdicts are kept between runs")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to test (default: this one)")
    parser.add_argument("--package", default="rupturekit", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the account here")
    said = vars(parser.parse_args(arguments))
    path = said.pop("json")
    try:
        found = measure(said.pop("root").resolve(), **said)
    except RedBaseline as failure:
        print(failure, file=sys.stderr)
        return 1
    print(text_of(found))
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
