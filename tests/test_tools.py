"""The tools beside the library, and facts that stand in more than one file."""

from __future__ import annotations

import ast
import itertools
import json
import math
import os
import re
import subprocess
import sys
import time
import tomllib
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, TextIO

import pytest

import forks
import fuzz
import known_complementarity
import known_needs
import long_checks
import mutants
import mutation
import stale_results
from rupturekit.errors import CodingWarning, NotEstimable, RecordError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a small checkout: one source, one result file made by it."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "kernel.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / stale_results.RESULTS).mkdir(parents=True)
    write(tmp_path, sources=stale_results.hashes([tmp_path / "src" / "kernel.py"], tmp_path))
    return tmp_path


def write(root: Path, name: str = "thorough", **changed: Any) -> None:
    """Write a result file, some keys changed; a key changed to None is left out."""
    content = {"what": "a check", "n": 1000, "versions": {"python": "3.11"}, "sources": {}} | changed
    kept = {key: value for key, value in content.items() if value is not None}
    (root / stale_results.RESULTS / f"{name}.json").write_text(json.dumps(kept), encoding="utf-8")


def test_no_results_are_none_stale(tmp_path: Path) -> None:
    assert stale_results.report(tmp_path) == "stale results: none"


def test_an_unchanged_source_is_fresh(checkout: Path) -> None:
    assert stale_results.report(checkout) == "stale results: none"


def test_the_kind_of_line_end_is_no_change(checkout: Path) -> None:
    (checkout / "src" / "kernel.py").write_bytes(b"x = 1\r\n")
    assert stale_results.report(checkout) == "stale results: none"


def test_a_changed_source_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "src" / "kernel.py").write_text("x = 2\n", encoding="utf-8")
    assert stale_results.main([str(checkout)]) == 0
    assert capsys.readouterr().out == (
        "stale results: 1\n  benchmarks/results/thorough.json: src/kernel.py changed\n"
    )


def test_a_source_that_is_gone_is_named(checkout: Path) -> None:
    (checkout / "src" / "kernel.py").unlink()
    assert stale_results.report(checkout).endswith("src/kernel.py is gone")


def test_a_long_list_of_changes_is_cut(checkout: Path) -> None:
    write(checkout, sources={f"src/{letter}.py": "0" for letter in "abcde"})
    assert stale_results.report(checkout).endswith(
        "thorough.json: src/a.py is gone; src/b.py is gone; src/c.py is gone (+2 more)"
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"n": None}, "lacks n"),
        ({"versions": None, "what": None}, "lacks what, versions"),
        ({"sources": {}}, "names no sources"),
        ({"sources": []}, "names no sources"),
    ],
)
def test_a_result_that_cannot_be_judged_is_stale(checkout: Path, changed: dict[str, Any], says: str) -> None:
    write(checkout, **changed)
    assert stale_results.report(checkout) == f"stale results: 1\n  benchmarks/results/thorough.json: {says}"


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"what n versions sources"'])
def test_a_result_that_is_no_result_is_told(checkout: Path, text: str) -> None:
    (checkout / stale_results.RESULTS / "broken.json").write_text(text, encoding="utf-8")
    assert stale_results.report(checkout).startswith("stale results: 1\n  benchmarks/results/broken.json: ")


def test_what_a_long_check_writes_is_fresh(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found() -> dict[str, Any]:
        sources = stale_results.hashes([checkout / "src" / "kernel.py"], checkout)
        return {"what": "a check", "n": 3, "sources": sources}

    monkeypatch.setattr(long_checks, "ROOT", checkout)
    monkeypatch.setattr(long_checks, "CHECKS", {"small": found})
    assert long_checks.main(["small"]) == 0
    assert capsys.readouterr().out == "small: passed; wrote benchmarks/results/small.json\n"
    content = json.loads((checkout / stale_results.RESULTS / "small.json").read_text(encoding="utf-8"))
    assert content["n"] == 3
    assert {"python", "rupturekit", "numpy"} <= set(content["versions"])
    assert stale_results.report(checkout) == "stale results: none"


def test_a_long_check_that_fails_writes_nothing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> dict[str, Any]:
        raise long_checks.CheckFailed("1 failed")

    monkeypatch.setattr(long_checks, "ROOT", checkout)
    monkeypatch.setattr(long_checks, "CHECKS", {"small": fails})
    assert long_checks.main([]) == 1
    assert capsys.readouterr().err == "small: failed\n1 failed\n"
    assert not (checkout / stale_results.RESULTS / "small.json").exists()


def test_only_mutation_is_told_how_to_draw_a_sample(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[dict[str, Any]] = []

    def found(**how: Any) -> dict[str, Any]:
        seen.append(how)
        return {}

    monkeypatch.setattr(long_checks, "ROOT", checkout)
    monkeypatch.setattr(long_checks, "CHECKS", {"small": found, "mutation": found})
    assert long_checks.main(["small", "mutation", "--sample", "9", "--seed", "2", "--tests", "tests/core"]) == 0
    assert long_checks.main(["mutation"]) == 0
    assert seen == [{}, {"sample": 9, "seed": 2, "tests": ["tests/core"]}, {"sample": None, "seed": 0, "tests": []}]


@pytest.mark.parametrize(("judged", "ends"), [(12, "n"), (11, "11 of 12 mutants were judged")])
def test_a_sample_of_mutants_is_whole_when_every_part_gave_its_share(
    judged: int, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(script: str, *arguments: str) -> dict[str, Any]:
        assert (script, arguments[2:]) == ("mutation.py", ("--sample", "9", "--seed", "2", "--tests", "tests/core"))
        return {"judged": judged, "all": 103, "share": 1.0, "listed_share": 0.0,
                "parts": {"long": {"all": 100}, "short": {"all": 3}}}

    monkeypatch.setattr(long_checks, "tool_run", told)
    if judged == 12:
        assert long_checks.mutation(sample=9, seed=2, tests=["tests/core"])[ends] == 12
    else:
        with pytest.raises(long_checks.CheckFailed, match=ends):
            long_checks.mutation(sample=9, seed=2, tests=["tests/core"])


def test_an_unknown_long_check_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        long_checks.main(["quick"])
    assert "no check called quick; there are: thorough" in capsys.readouterr().err


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    citation = re.search(r"(?m)^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = re.search(r"(?m)^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert citation is not None
    assert changelog is not None
    assert {citation[1], changelog[1]} == {project}


# --- mutation ----------------------------------------------------------------------------------------------------

SCALE = '''
"""A module whose mutants are known."""


def clamp(x, high=10):
    """Return x or the limit.

    >>> clamp(12, high=11)
    11
    """
    if x < 0:
        raise ValueError(f"{x} is below {0}")
    return high if x > high else x


def lasting(n):
    while n > 0:
        n -= 1
    return n


def unused(x):
    """Return more."""
    return x + 2


def nothing():
    return None
'''
SCALE_TESTS = '''
import pytest

from tiny.scale import clamp, lasting


def test_clamp():
    assert [clamp(x) for x in (0, 10, 11)] == [0, 10, 10]
    with pytest.raises(ValueError):
        clamp(-1)


def test_lasting():
    assert lasting(3) == 0
'''


def mutants_in(text: str) -> list[tuple[str, str]]:
    return [(one.operator, one.change) for one in mutants.mutants_of(ast.parse(text), module="m")]


@pytest.mark.parametrize(("text", "found"), [
    ("def f(x):\n  if x <= y: del x", [("condition", "x <= y => not x <= y"), ("compare", "x <= y => x < y"),
                                         ("delete", "del x => pass")]),
    ("def f():\n  if not a and b in c: g()", [
        ("condition", "not a and b in c => not (not a and b in c)"), ("logic", "not a and b in c => not a or b in c"),
        ("not", "not a => a"), ("compare", "b in c => b not in c"), ("delete", "g() => pass")]),
    ("x = a[1:] + min(b)", [("arithmetic", "a[1:] + min(b) => a[1:] - min(b)"), ("slice", "1: => :"), ("number", "1 => 2"),
                            ("number", "1 => 0"), ("call", "min => max")]),
    ("def f(a, b=True):\n  a = 1.5\n  c = 'left'\n  return c", [
        ("flag", "True => False"), ("delete", "a = 1.5 => pass"), ("number", "1.5 => 2.5"), ("text", "'left' => 'right'"),
        ("return", "return c => return None")]),
    ("x = -1 if a == 'b' else [c for c in d if c]", [
        ("compare", "a == 'b' => a != 'b'"), ("text", "'b' => 'bXX'"), ("arithmetic", "-1 => 1"), ("number", "1 => 2"),
        ("number", "1 => 0"), ("condition", "c => not c")]),
    ("x += 1", [("arithmetic", "x += 1 => x -= 1"), ("number", "1 => 2"), ("number", "1 => 0")]),
])
def test_a_mutant_is_one_small_mistake(text: str, found: list[tuple[str, str]]) -> None:
    assert sorted(mutants_in(text)) == sorted(found)


@pytest.mark.parametrize("text", [
    '"""Say 1."""', "__all__ = ['f']", "if TYPE_CHECKING:\n  x = 1", "@wraps(1)\ndef f(x: Column[1]) -> Rule[2]: ...",
    "x: Kind[3]", "T = TypeVar('T')", "Kind = Literal['a', 1]", "x = 'a text with blanks'", "f'{x}: wrong{y:3}'",
    "def f():\n  return None", "if __name__ == '__main__':\n  f(1)",
])
def test_what_says_nothing_is_not_mutated(text: str) -> None:
    assert mutants_in(text) == []


def test_a_text_in_a_message_is_not_mutated_and_a_number_is() -> None:
    assert mutants_in("def f(x):\n  raise Bad(field='x', row=x + 1)") == [
        ("delete", "raise Bad(field='x', row=x + 1) => pass"), ("arithmetic", "x + 1 => x - 1"), ("number", "1 => 2"),
        ("number", "1 => 0")]


def test_the_same_change_twice_in_a_function_is_counted_and_planted_where_it_stands() -> None:
    tree = ast.parse("def f():\n  return [7,\n 7]")
    one = [found for found in mutants.mutants_of(tree, module="m") if found.change == "7 => 8"]
    assert [(found.occurrence, found.line, found.lines) for found in one] == [
        (1, 2, frozenset({2, 3})), (2, 3, frozenset({2, 3}))]
    one[1].plant()
    assert ast.unparse(tree) == "def f():\n    return [7, 8]"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Return a checkout of one module whose mutants are known."""
    root = tmp_path / "tiny"
    for name, text in {
        "src/tiny/__init__.py": "", "src/tiny/scale.py": SCALE, "tests/test_scale.py": SCALE_TESTS,
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\naddopts = ["--doctest-modules", "--import-mode=importlib"]\nfilterwarnings = ["error"]\n',
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def listed_as_equivalent(root: Path, *changes: str) -> None:
    (root / "tools").mkdir()
    (root / mutation.EQUIVALENTS).write_text("".join(
        f'[[equivalent]]\nmodule = "tiny.scale"\nfunction = "clamp"\nreason = "the same value"\n'
        f'mutants = [["compare", "{change}"]]\n' for change in changes), encoding="utf-8")


def mutated(root: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """Run the tool on a checkout in a process of its own and return its account and what it printed."""
    out = root.parent / "account.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / "tools" / "mutation.py"), "--root", str(root), "--package", "tiny", "--modules",
               "scale", "--state", str(root.parent / "state"), "--spare", "0.6", "--json", str(out), *arguments]
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == (0 if out.exists() else 1), done.stdout
    return (json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}), done.stdout


def test_the_mutants_of_a_small_module_have_their_known_ends(tiny: Path) -> None:
    listed_as_equivalent(tiny, "x > high => x >= high")
    found, said = mutated(tiny)
    ends = {name: found[name] for name in ("all", "judged", "killed", "timeout", "survived", "no test", "listed")}
    assert ends == {"all": 25, "judged": 25, "killed": 15, "timeout": 3, "survived": 2, "no test": 4, "listed": 1}
    assert (found["share"], found["interval"]) == (18 / 24, None)
    assert [(one["function"], one["change"], one["occurrence"], one["verdict"]) for one in found["survivors"]] == [
        ("clamp", "0 => 1", 2, "survived"), ("clamp", "0 => -1", 2, "survived"),
        ("unused", "return x + 2 => return None", 1, "no test"), ("unused", "x + 2 => x - 2", 1, "no test"),
        ("unused", "2 => 3", 1, "no test"), ("unused", "2 => 1", 1, "no test")]
    assert found["functions_without_a_mutant"] == ["tiny.scale.nothing"]
    assert "tiny.scale:24 unused [arithmetic 1] no test\n  - x + 2\n  + x - 2\n" in said


    (tiny / mutation.EQUIVALENTS).unlink()
    (tiny / "tools").rmdir()
    listed_as_equivalent(tiny, "x < 0 => x <= 0", "x < 7 => x <= 7")
    found, said = mutated(tiny)
    assert found == {}
    assert "there is no mutant ('tiny.scale', 'clamp', 'compare', 'x < 7 => x <= 7', 1)" in said
    assert "'x < 0 => x <= 0', 1) is no equivalent: tests/test_scale.py::test_clamp kills it" in said


def test_a_part_is_sampled_as_one_whatever_its_modules() -> None:
    jobs, _ = mutation.jobs_of(ROOT, "rupturekit", ["_schema", "traces"])
    assert {"rupturekit.traces", "rupturekit.ends"} < {job.mutant.module for job in jobs if job.part == "traces"}
    drawn = mutation.sampled(jobs, 20, 1)
    assert Counter(job.part for job in drawn) == {"_schema": 20, "traces": 20}
    assert set(drawn) < set(mutation.sampled(jobs, 30, 1))


def test_verdicts_are_kept_until_what_they_rest_on_changes(tiny: Path) -> None:
    first, _ = mutated(tiny, "--sample", "4", "--seed", "1")
    assert first["judged"] == 4
    assert first["interval"][0] < first["share"] < first["interval"][1]
    log = tiny.parent / "state" / "verdicts.jsonl"
    kept = log.read_text(encoding="utf-8")
    assert mutated(tiny, "--sample", "4", "--seed", "1")[0] == first
    assert log.read_text(encoding="utf-8") == kept
    (tiny / "tests" / "test_scale.py").write_text(SCALE_TESTS + "\n", encoding="utf-8")
    assert mutated(tiny, "--sample", "4", "--seed", "1")[0] == first
    assert len(log.read_text(encoding="utf-8").splitlines()) == 8


@pytest.mark.parametrize(("red", "says"), [
    ("\n\ndef test_red():\n    assert clamp(1) == 2\n", "without any mutant, pytest ended with 1: "),
    ("\n\ndef test_red(pytestconfig):\n    assert clamp(1) and pytestconfig.pluginmanager.hasplugin('_cov')\n",
     "tiny.scale: "),    # green with coverage, red in a fork
])
def test_tests_that_fail_without_a_mutant_end_the_run(tiny: Path, red: str, says: str) -> None:
    (tiny / "tests" / "test_scale.py").write_text(SCALE_TESTS + red, encoding="utf-8")
    found, said = mutated(tiny)
    assert found == {}
    assert f"{says}tests/test_scale.py::test_red" in said


def test_a_fork_is_heard_stopped_and_its_death_told() -> None:
    def say(pipe: TextIO) -> int:
        print('["at", "here"]', file=pipe)
        return 3

    def sleep(pipe: TextIO) -> int:
        return say(pipe) + subprocess.run(["sleep", "30"], check=False).returncode

    def die(_: TextIO) -> int:
        os.kill(os.getpid(), 9)
        return 0

    assert forks.forked(say, seconds=20)[:2] == (3, [["at", "here"]])
    stopped = forks.forked(sleep, seconds=0.3)
    assert (stopped.code, stopped.last("at"), stopped.seconds < 10) == (None, "here", True)
    assert forks.forked(die, seconds=20).code == -9
    assert "ZeroDivisionError" in forks.forked(lambda _: 1 // 0, seconds=20).last("broken")


# --- fuzzing -----------------------------------------------------------------------------------------------------


def read_number(data: bytes, folder: Path) -> int:
    """Read a number as a careless reader would: some bytes come out as errors that are not ours."""
    if not data.isascii():
        raise RecordError("byte 7: not ASCII")
    if data.startswith(b"["):
        os.kill(os.getpid(), 9)
    return int(data.decode()) if b"x" in data or not data.strip(b"0123456789") else 0


def test_the_same_seed_spoils_alike_and_another_does_not() -> None:
    seeds = (b"a = 1\nb = [2, 3]\n", b"name,code\nx,wd\n")

    def inputs(seed: int) -> list[bytes]:
        return [fuzz.spoiled(seeds, fuzz.Dice(seed, target="t", at=at)) for at in range(200)]

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)
    assert len(set(inputs(1))) > 150


def test_what_is_not_our_error_is_found_made_small_and_counted() -> None:
    target = fuzz.Target(read_number, (b"12 34\n", b"5x5"))
    tally = fuzz.fuzz("number", target, seed=3, seconds=60, most=400)
    assert tally.executions == 400
    assert tally.sentences == {"byte #: not ASCII"}
    assert tally.accepted + tally.refused + sum(one["count"] for one in tally.findings.values()) == 400
    value = tally.findings["ValueError at no place of ours"]
    assert bytes.fromhex(value["input"]) in {b"", b"x"}
    assert "invalid literal for int()" in value["what"]
    assert "exit code -9" in tally.findings["the process died"]["what"]
    found = fuzz.account({"number": tally}, seed=3)
    assert found["n"] == 400
    assert "number: ValueError at no place of ours" in fuzz.text_of(found)


def test_an_endless_input_and_a_warning_are_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "LIMIT", 0.2)
    assert fuzz.attempt(lambda *_: time.sleep(5), b"", tmp_path)[:2] == ("finding", "TooSlow at no place of ours")
    assert fuzz.attempt(lambda *_: warnings.warn("odd", CodingWarning, stacklevel=1), b"", tmp_path)[0] == "accepted"
    assert fuzz.attempt(lambda *_: warnings.warn("old", DeprecationWarning, stacklevel=1), b"", tmp_path)[0] == "finding"


def test_every_reader_takes_its_own_files() -> None:
    fuzz.check_seeds(fuzz.targets())
    with pytest.raises(SystemExit, match="number: none of its files"):
        fuzz.check_seeds({"number": fuzz.Target(read_number, (b"x",))})


def test_garbage_is_refused_in_little_memory() -> None:
    found = fuzz.garbage(2000)
    assert (found["rows"], found["exit_code"]) == (2000, 1)
    assert "Traceback" not in found["printed"]
    assert 0 < found["peak_mb"] < 200


def test_two_fuzz_accounts_add_up() -> None:
    target = {"executions": 3, "accepted": 1, "refused": 2, "sentences": 2, "slowest_seconds": 0.1, "slowest_input": 7,
              "peak_mb": 50, "findings": 0}
    one = {"seed": 1, "n": 3, "peak_mb": 50, "targets": {"csv": target}, "slow": ["csv"], "findings": [], "garbage": {"rows": 9}}
    other = {"seed": 2, "n": 5, "peak_mb": 70, "slow": [], "findings": [{"target": "csv"}],
             "targets": {"csv": target | {"executions": 5, "accepted": 4, "peak_mb": 70}}}
    whole = long_checks.merged(one, other)
    assert (whole["n"], whole["seed"], whole["peak_mb"], whole["garbage"]) == (8, [1, 2], 70, {"rows": 9})
    assert whole["targets"]["csv"] == {"executions": 8, "accepted": 5, "refused": 4, "sentences": 2, "slowest_seconds": 0.1,
                                       "peak_mb": 70, "findings": 0}
    assert (whole["slow"], len(whole["findings"])) == (["csv"], 1)


# --- known needs ----------------------------------------------------------------------------------------------------


def test_taking_acts_out_of_turns_leaves_the_others_as_they_were() -> None:
    table = known_needs.studied(known_needs.WARM, seed=3)
    which = known_needs.acts_with(table, known_needs.TOWARDS) & (table.turns.party == 0)
    fewer = known_needs.silenced(table, which)
    assert which.any()
    assert not fewer.turns.acts[which].any()
    assert fewer.turns.acts[~which].tolist() == table.turns.acts[~which].tolist()
    assert fewer.turns.offsets.tolist() == table.turns.offsets.tolist()


def test_what_is_open_before_a_turn_is_what_was_open_after_the_one_before() -> None:
    table = known_needs.studied(known_needs.BOTH_CLAIM, seed=1)
    before = known_needs.flags_before(table).tolist()
    for low, high in itertools.pairwise(table.turns.offsets.tolist()):
        assert before[low:high] == [0, *table.open[low : high - 1].tolist()]


def test_the_correlation_built_into_the_veil_is_that_of_its_distribution() -> None:
    design = known_needs.VEILED
    tried, cells = design.turns[0] // 2, []
    for size, kept in zip(known_needs.SIZES, known_needs.KEPT, strict=True):
        rate = 0.3 * kept
        cells += [(math.comb(tried, n) * rate**n * (1 - rate) ** (tried - n) / 4, size, n) for n in range(tried + 1)]
    mean_x, mean_y = (sum(cell[0] * cell[at] for cell in cells) for at in (1, 2))
    xy, xx, yy = (sum(p * (x - mean_x) ** a * (y - mean_y) ** b for p, x, y in cells) for a, b in
                  ((1, 1), (2, 0), (0, 2)))
    assert known_needs.veil_built_in(design) == pytest.approx(xy / math.sqrt(xx * yy))


def test_events_are_as_many_as_what_was_built_in_lets_expect() -> None:
    studies = [known_needs.recovered(seed) for seed in range(3)]
    assert len({name for name, *_ in studies[0]}) == len(studies[0])
    events = [rows for rows in zip(*studies, strict=True) if rows[0][0].endswith((" a turn", " at the next turn"))]
    assert len(events) == 16
    for rows in events:
        counted, expected = (sum(row[at] for row in rows) for at in (1, 2))
        assert abs(counted - expected) < 4 * math.sqrt(expected)


def test_a_refused_run_is_counted_apart() -> None:
    refusal = NotEstimable("no episode")
    assert known_needs.outcome(known_needs.order_test, known_needs.studied(known_needs.YIELDING, seed=0),
                               known_needs.WHOLE, 0).__class__ is NotEstimable
    with pytest.raises(NotEstimable, match="no episode"):
        known_needs.given([refusal], 0)


def test_yielding_is_certified_as_repair_by_the_naive_count_alone() -> None:
    found = known_needs.false_repair(0)
    assert found["granted"] == found["mutual"] == 0
    assert 0 < found["mutual, yielded counted as met"] < found["ends"]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def test_the_page_of_naive_answers_says_what_was_measured() -> None:
    kept = json.loads((ROOT / stale_results.RESULTS / "needs_naive.json").read_text(encoding="utf-8"))
    page = " ".join((ROOT / "docs" / "explanation" / "naive-answers.md").read_text(encoding="utf-8").split())
    shares = {percent(value) for row in kept["rows"].values() for value in row.values() if isinstance(value, float)}
    told = re.findall(r"\d+\.\d %", page)
    assert len(told) > 10
    assert set(told) <= shares
    talk, codes = kept["rows"]["meeting rate and talk"], kept["rows"]["one source"]
    for sentence in (
            f"given to {kept['n']} simulated studies",
            f"The studies held {kept['rows']['yielded counted as met']['ends']:,} ends",
            f"met at {talk['met']:.2f} in the one and {talk['met, half the turns']:.2f} in the other",
            f"it is {talk['responsiveness']:.3f} (Monte Carlo standard error {talk['error of responsiveness'][0]:.3f})",
            f"{talk['responsiveness, half the turns']:.3f} ({talk['error of responsiveness'][1]:.3f})",
            f"communion shown is {codes['correlation with communion shown']:.2f} on average"):
        assert sentence in page
    for begins, name in {"order against": "free shuffle", "\"ever ended\"": "ever ended",
                         "match at the end": "end drawn at random"}.items():
        row = kept["rows"][name]
        assert re.search(rf"\| {begins}[^|]* \| {row['studies']} \| {percent(row['naive'])} \| {percent(row['shipped'])} \|",
                         page)


# --- known complementarity ------------------------------------------------------------------------------------------


def test_in_the_studies_without_answers_people_go_on_as_often_as_is_said() -> None:
    per_session = known_complementarity.TURNS // 2
    for persistence, expected in ((0.0, 1 / known_complementarity.PLACES), (0.8, 0.8 + 0.2 / known_complementarity.PLACES)):
        streams = [known_complementarity.acts(seed, "client", persistence=persistence) for seed in range(40)]
        same = [before == after for stream in streams for at, (before, after) in enumerate(itertools.pairwise(stream), start=1)
                if at % per_session]
        assert sum(same) / len(same) == pytest.approx(expected, abs=0.03)
    assert known_complementarity.studied(3, persistence=0.8) == known_complementarity.studied(3, persistence=0.8)


def test_the_page_on_complementarity_says_what_was_measured() -> None:
    kept = json.loads((ROOT / stale_results.RESULTS / "complementarity_level.json").read_text(encoding="utf-8"))
    page = " ".join((ROOT / "docs" / "how-to" / "complementarity.md").read_text(encoding="utf-8").split())
    at_5 = {(row["null"], row["goes on"]): percent(row["rejected"]["0.05"]) for row in kept["rows"]}
    assert (f"In {kept['n']:,} simulated studies ({'six' if kept['sessions'] == 6 else ''} dyads, a session of {kept['turns']} "
            "turns each)") in page
    assert f"`turns` rejected at .05 in {at_5['turns', 0.8]}, `runs` in {at_5['runs', 0.8]}; where nothing persisted, in " \
           f"{at_5['turns', 0.0]} and {at_5['runs', 0.0]}" in page
