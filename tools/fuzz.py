"""Feed spoiled files to everything that reads one: nothing but a `RuptureKitError` may come out.

    python tools/fuzz.py --minutes 60                      # shared out evenly over the targets
    python tools/fuzz.py --targets codebook --executions 2000 --seed 7
    python tools/fuzz.py --targets codebook --only 1234    # one input again: what is in it, and what it does

A target is a reader and some files that it takes. An input is one of them, spoiled one to five times: bits and bytes
changed, pieces cut, doubled, moved or taken from another file, lines and cells shuffled, values replaced by awkward
ones. Input i of a target follows from the seed and i alone. A target runs in a fork with a limit to memory; an input
that takes more than `LIMIT` seconds, kills the process, warns in Python's own words or raises anything but our own
errors is a finding. It is made smaller and kept, one for each place it comes from.

A second measurement: the memory that `rupturekit check` takes on a study of a million rows of garbage.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final, TextIO

from forks import forked, limit_memory
from fuzz_targets import Target, targets
from rupturekit._random import draws, key
from rupturekit.errors import CodingWarning, RuptureKitError

FINDINGS = Path(tempfile.gettempdir()) / "rupturekit-fuzz"
SLOW: Final = 5.0    # seconds after which an input is told as slow
LIMIT: Final = 20    # seconds after which it is a finding
MEMORY: Final = 2 << 30    # bytes that a reader may ask for
LARGEST: Final = 200_000    # bytes of an input
SMALLER: Final = 400    # attempts to make a finding smaller
GARBAGE: Final = 1_000_000
GARBAGE_MB: Final = 500


# --- chance ----------------------------------------------------------------------------------------------------


class Dice:
    """Whole numbers by key: the same for the same seed, target and input."""

    def __init__(self, seed: int, *, target: str, at: int) -> None:
        self._key = key(seed, cluster=target, purpose=f"fuzz {at}")
        self._held: list[int] = []
        self._drawn = 0

    def below(self, n: int) -> int:
        """Return a number from 0 to n - 1; 0 where there is no choice."""
        if self._drawn == len(self._held):
            self._held = draws(self._key, 2 * len(self._held) + 64).tolist()
        self._drawn += 1
        return self._held[self._drawn - 1] % max(1, n)

    def pick(self, of: Sequence[Any]) -> Any:
        """Return one of a sequence."""
        return of[self.below(len(of))]

    def span(self, length: int, *, most: int) -> tuple[int, int]:
        """Return where a piece of at most `most` begins and ends."""
        start = self.below(length)
        return start, min(length, start + 1 + self.below(most))


# --- spoiling --------------------------------------------------------------------------------------------------

_AWKWARD_TEXTS: Final = (
    "", "0", "-1", "1", "00", "-0", "1e308", "1e999", "-1e999", "9" * 17, "9" * 30, "9" * 5000, "9223372036854775807",
    "-9223372036854775808", "9223372036854775808", "0.0000001", "0.1e-400", "nan", "NaN", "inf", "-inf", "Infinity",
    "1_000", "1,5", "1.5.5", "0x10", "١٢", "½", "²", "true", "yes", "null", "None", "unknown", "absent", "[]", "{}",
    "[[]]", '""', "''", '"', "'", '"""', "\\", "\\u0000", "\\ud800", "\x00", "\ufeff", "\u2028", "\x85", "\x1b", "\x0c",
    "\r", "\n", "\r\n", "\t", ";", ",", "|", "=", "#", "%s", "{0}", "../../elsewhere", "/", "con", ".", "a" * 20_000,
    "é", "e\u0301", "İ", "ß", "\u202e", "\ud800", "𝒳", "client", "therapist", "mm:ss", "12:60", "-1:00", "99:99:99",
    "2020-01-01", "=1+1", "[" * 500, "{" * 500, "a." * 300, "[[states]]", "[coding]", "format = 1", "(" * 300, "*", "?",
    "%Y", "\\d+", "utf-16",
)
AWKWARD: Final = (*(text.encode("utf-8", "surrogatepass") for text in _AWKWARD_TEXTS),
                  b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xff\xfe", b"\xef\xbb\xbf", b"\xf0\x9f")

_VALUES: Final = re.compile(rb'"(?:[^"\\\n]|\\.)*"|[^\s,;=\[\]{}":]+')


def _flip(data: bytes, dice: Dice, _: bytes) -> bytes:
    held = bytearray(data or b"\0")
    held[dice.below(len(held))] ^= 1 << dice.below(8)
    return bytes(held)


def _insert(data: bytes, dice: Dice, _: bytes) -> bytes:
    at = dice.below(len(data) + 1)
    return data[:at] + dice.pick(AWKWARD) + data[at:]


def _cut(data: bytes, dice: Dice, _: bytes) -> bytes:
    low, high = dice.span(len(data), most=64)
    return data[:low] + data[high:]


def _truncate(data: bytes, dice: Dice, _: bytes) -> bytes:
    return data[:dice.below(len(data) + 1)]


def _double(data: bytes, dice: Dice, _: bytes) -> bytes:
    low, high = dice.span(len(data), most=256)
    return data[:high] + data[low:high] * (1 + dice.below(20)) + data[high:]


def _splice(data: bytes, dice: Dice, other: bytes) -> bytes:
    low, high = dice.span(len(other), most=400)
    at, end = dice.span(len(data), most=400)
    return data[:at] + other[low:high] + data[end:]


def _value(data: bytes, dice: Dice, other: bytes) -> bytes:
    """Put an awkward value, or one from elsewhere, in the place of a value."""
    spots = list(_VALUES.finditer(data))
    if not spots:
        return _insert(data, dice, other)
    spot, found = dice.pick(spots), _VALUES.findall(other)
    new = dice.pick(found) if found and dice.below(3) == 0 else dice.pick(AWKWARD)
    if spot[0].startswith(b'"') and dice.below(2):
        new = b'"' + new + b'"'
    return data[:spot.start()] + new + data[spot.end():]


def _lines(data: bytes, dice: Dice, _: bytes) -> bytes:
    """Move, double or drop a line, or put two into one another's place."""
    lines = data.splitlines(keepends=True) or [b""]
    one, other, what = dice.below(len(lines)), dice.below(len(lines)), dice.below(4)
    if what == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif what == 1:
        lines.insert(other, lines[one])
    elif what == 2:
        del lines[one]
    else:
        lines[one] = lines[one].rstrip(b"\r\n")
    return b"".join(lines)


def _cells(data: bytes, dice: Dice, _: bytes) -> bytes:
    """Exchange two cells of a line, or replace one."""
    lines = data.split(b"\n")
    at, mark = dice.below(len(lines)), dice.pick((b",", b";", b"\t", b" = ", b": "))
    cells = lines[at].split(mark)
    one, other = dice.below(len(cells)), dice.below(len(cells))
    cells[one], cells[other] = (cells[other], cells[one]) if dice.below(2) else (dice.pick(AWKWARD), cells[other])
    lines[at] = mark.join(cells)
    return b"\n".join(lines)


def _recode(data: bytes, dice: Dice, _: bytes) -> bytes:
    """Write the same text in another encoding, or with other line ends."""
    text = data.decode("utf-8", "replace")
    if dice.below(2):
        return text.replace("\n", dice.pick(("\r", "\r\n", "\n\n", "\u2028"))).encode()
    return text.encode(dice.pick(("utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1", "utf-8-sig")), "replace")


SPOILERS: Final = (_flip, _insert, _cut, _truncate, _double, _splice, _value, _value, _value, _lines, _cells, _cells,
                   _recode)


def spoiled(seeds: Sequence[bytes], dice: Dice) -> bytes:
    """Return one of some files, spoiled one to five times."""
    data = dice.pick(seeds)
    for _ in range(1 + dice.below(5)):
        data = dice.pick(SPOILERS)(data, dice, dice.pick(seeds))[:LARGEST]
    return bytes(data)


# --- one input -------------------------------------------------------------------------------------------------


class TooSlow(BaseException):
    """An input took longer than it may."""


@dataclass
class Tally:
    """What the inputs of one target did."""

    executions: int = 0
    accepted: int = 0
    refused: int = 0
    sentences: set[str] = field(default_factory=set)
    slowest: tuple[float, int] = (0.0, -1)
    peak_mb: int = 0
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)


def _alarm(_: int, __: FrameType | None) -> None:
    raise TooSlow


def attempt(read: Callable[[bytes, Path], object], data: bytes, folder: Path) -> tuple[str, str, str]:
    """Give one input to a reader; return what came of it, by which place or sentence, and all that is known.

    The first is "accepted", "refused" or "finding".
    """
    signal.signal(signal.SIGALRM, _alarm)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", CodingWarning)
            read(data, folder)
            return "accepted", "", ""
    except RuptureKitError as error:
        said = str(error)
        if not said.strip():
            return "finding", f"{type(error).__name__} without a sentence", traceback.format_exc()
        return "refused", "\n".join(dict.fromkeys(map(_shape, said.splitlines()[:50]))), ""
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return "finding", f"{type(error).__name__} at {_place(error)}", traceback.format_exc()[-6000:]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _shape(sentence: str) -> str:
    """Return a sentence without what it quotes and counts, so that alike ones are alike.

    >>> _shape("row 17: code 'W9' is not in 'stages'")
    "row #: code '' is not in ''"
    """
    return re.sub(r"\d+", "#", re.sub(r"'[^']*'|\"[^\"]*\"", "''", sentence))[:200]


def _place(error: BaseException) -> str:
    """Return the innermost place of ours that an error came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if "rupturekit" in Path(frame.filename).parts]
    return f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "no place of ours"


def smaller(read: Callable[[bytes, Path], object], data: bytes, folder: Path, *, place: str) -> bytes:
    """Return a shorter input that does the same: pieces are left out, halves first, as long as that lasts."""
    piece, tries = len(data) // 2, 0
    while piece and tries < SMALLER:
        at, shrunk = 0, False
        while at < len(data) and tries < SMALLER:
            shorter, tries = data[:at] + data[at + piece:], tries + 1
            if attempt(read, shorter, folder)[:2] == ("finding", place):
                data, shrunk = shorter, True
            else:
                at += piece
        piece = piece if shrunk else piece // 2
    return data


# --- a target --------------------------------------------------------------------------------------------------


def fuzz(name: str, target: Target, *, seed: int, seconds: float, most: int | None) -> Tally:
    """Run one target for so long, or for so many inputs; begin again behind an input that kills the process."""
    tally, until = Tally(), time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and (most is None or tally.executions < most):
        start = tally.executions
        done = forked(lambda pipe, start=start, left=left: _series(  # type: ignore[misc]
            name, target, pipe, seed=seed, start=start, seconds=left, most=most), seconds=left + 10 * LIMIT)
        _take(tally, done.said)
        if done.code == 0:
            break
        latest = max((one[1] for one in done.said if one[0] == "at"), default=start)
        died = tally.findings.setdefault("the process died", {
            "at": latest, "what": f"exit code {done.code}; {done.last('broken')[-2000:]}", "count": 0,
            "input": spoiled(target.seeds, Dice(seed, target=name, at=latest)).hex()})
        died["count"] += 1
        tally.executions = latest + 1
    return tally


def _series(name: str, target: Target, pipe: TextIO, *, seed: int, start: int, seconds: float, most: int | None) -> int:
    limit_memory(MEMORY)
    at, until, seen = start, time.monotonic() + seconds, set()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        while time.monotonic() < until and (most is None or at < most):
            data = spoiled(target.seeds, Dice(seed, target=name, at=at))
            print(json.dumps(["at", at]), file=pipe)
            begun = time.perf_counter()
            what, place, told = attempt(target.read, data, folder)
            took = time.perf_counter() - begun
            if what == "finding" and place not in seen:
                seen.add(place)
                least = smaller(target.read, data, folder, place=place)
                told = attempt(target.read, least, folder)[2] or told
                print(json.dumps(["new", place, at, told, least.hex()]), file=pipe)
            print(json.dumps(["done", what, place, took, at]), file=pipe)
            at += 1
    print(json.dumps(["peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]), file=pipe)
    return 0


def _take(tally: Tally, said: Sequence[Sequence[Any]]) -> None:
    for kind, *rest in said:
        if kind == "new":
            place, at, told, least = rest
            tally.findings.setdefault(place, {"at": at, "what": told, "input": least, "count": 0})
        elif kind == "done":
            what, place, took, at = rest
            tally.executions = at + 1
            tally.accepted += what == "accepted"
            tally.refused += what == "refused"
            tally.slowest = max(tally.slowest, (took, at))
            if what == "refused":
                tally.sentences.update(place.splitlines())
            elif what == "finding" and place in tally.findings:
                tally.findings[place]["count"] += 1
        elif kind == "peak":
            tally.peak_mb = max(tally.peak_mb, rest[0])


# --- a million rows of garbage ---------------------------------------------------------------------------------

SETTINGS: Final = 'format = 1\nname = "x"\n[coding]\ncodebook = "stages"\n'


def garbage_rows(n: int) -> Iterator[str]:
    """Yield rows of a moves table that are wrong in many ways, no two alike."""
    kinds = ("{i},D{i},x{i},r{i},mother{i},W{i},{i}:99:{i}", "{i}", "{i},D1,1,r1,client,W{i},1e{i}", '{i},"D{i},1,r1',
             "a{i},D1,1,r1,client,wd,-{i}", "{i},,,,,,", "{i},D1,1,r1,client,wd,0.{i}{i}{i}", "1,D1,1,r1,client,wd,{i}",
             "{i},D1,1,r1,client,wd,{i},{i},{i}", "\u202e{i},D1,{i}{i}{i}{i}{i},r1,client,wd,nan")
    return (kinds[i % len(kinds)].format(i=i) for i in range(n))


# A process's own high-water mark: `ru_maxrss` of a child starts from what its parent held when it was forked.
CHECKED: Final = """
import sys
from pathlib import Path
from rupturekit.cli import main
code = main(["check", sys.argv[1]])
status = Path("/proc/self/status").read_text(encoding="ascii")
peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
Path(sys.argv[2]).write_text(peak, encoding="ascii")
sys.exit(code)
"""


def garbage(n: int = GARBAGE) -> dict[str, Any]:
    """Measure `rupturekit check` on a study whose moves are garbage: its exit code, seconds and peak memory."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, said, peak = Path(scratch, "study"), Path(scratch, "said"), Path(scratch, "peak")
        _write_garbage(folder, n)
        begun = time.monotonic()
        with said.open("wb") as stream:
            process = subprocess.run([sys.executable, "-c", CHECKED, str(folder), str(peak)], check=False,
                                     stdout=stream, stderr=stream, stdin=subprocess.DEVNULL)
        kilobytes = int(peak.read_text(encoding="ascii"))
        text = said.read_text(encoding="utf-8", errors="replace").replace(scratch, "")
    return {"rows": n, "exit_code": process.returncode, "seconds": round(time.monotonic() - begun, 1),
            "peak_mb": kilobytes // 1024, "characters_printed": len(text), "printed": text[:600]}


def _write_garbage(folder: Path, n: int) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "rupturekit.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "dataset_description.json").write_text('{"name": "x"}', encoding="utf-8")
    with (folder / "data" / "study-x_table-moves_data.csv").open("w", encoding="utf-8") as stream:
        stream.write("row_id,dyad,session,track,party,code,onset\n")
        stream.writelines(f"{row}\n" for row in garbage_rows(n))


# --- the account -----------------------------------------------------------------------------------------------


def account(tallies: Mapping[str, Tally], *, seed: int) -> dict[str, Any]:
    """Return the figures of a run, by target."""
    return {
        "seed": seed, "n": sum(one.executions for one in tallies.values()),
        "peak_mb": max((one.peak_mb for one in tallies.values()), default=0),
        "targets": {name: {
            "executions": one.executions, "accepted": one.accepted, "refused": one.refused,
            "sentences": len(one.sentences), "slowest_seconds": round(one.slowest[0], 3),
            "slowest_input": one.slowest[1], "peak_mb": one.peak_mb,
            "findings": sum(found["count"] for found in one.findings.values()),
        } for name, one in tallies.items()},
        "slow": sorted(name for name, one in tallies.items() if one.slowest[0] > SLOW),
        "findings": [{"target": name, "place": place, **found} for name, one in tallies.items()
                     for place, found in one.findings.items()],
    }


def text_of(found: Mapping[str, Any]) -> str:
    """Return an account as lines to read."""
    lines = [f"{found['n']:,} inputs, {len(found['findings'])} kinds of findings, peak {found['peak_mb']} MB"]
    lines += [f"  {name}: {one['executions']:,} inputs, {one['accepted']:,} accepted, {one['refused']:,} refused with "
              f"{one['sentences']} sentences, {one['findings']} findings, slowest {one['slowest_seconds']} s "
              f"(input {one['slowest_input']}), peak {one['peak_mb']} MB" for name, one in found["targets"].items()]
    for one in found["findings"]:
        least = bytes.fromhex(one.get("input", ""))
        lines += [f"\n{one['target']}: {one['place']}, {one['count']} times, first at input {one['at']}",
                  f"  smallest input ({len(least)} bytes): {least[:300]!r}", one["what"].rstrip()]
    if "garbage" in found:
        lines.append(f"garbage: {found['garbage']}")
    return "\n".join(lines)


def check_seeds(chosen: Mapping[str, Target]) -> None:
    """Check that every target takes its own files unspoiled; else nothing behind its first check is tried."""
    for name, target in chosen.items():
        with tempfile.TemporaryDirectory() as scratch:
            ends = [attempt(target.read, seed, Path(scratch)) for seed in target.seeds]
        if not any(what == "accepted" for what, *_ in ends):
            raise SystemExit(f"{name}: none of its files is accepted unspoiled: {ends[0]}")


def measure(*, minutes: float, seed: int = 0, executions: int | None = None, names: Sequence[str] | None = None,
            findings: Path = FINDINGS, rows: int = GARBAGE) -> dict[str, Any]:
    """Run the targets, an even share of the time each, keep what was found, and return the account."""
    known = targets()
    chosen = {name: known[name] for name in names or known}
    check_seeds(chosen)
    seconds = 60 * minutes / len(chosen)
    tallies = {name: fuzz(name, target, seed=seed, seconds=seconds, most=executions) for name, target in chosen.items()}
    found = account(tallies, seed=seed)
    findings.mkdir(parents=True, exist_ok=True)
    for at, one in enumerate(found["findings"]):
        (findings / f"{at:03}.bin").write_bytes(bytes.fromhex(one.get("input", "")))
        (findings / f"{at:03}.txt").write_text(f"{one['target']}: {one['place']}\n{one['what']}\n", encoding="utf-8")
    return found | ({"garbage": garbage(rows)} if rows else {})


def _again(name: str, at: int, seed: int) -> int:
    """Do one input again and print it and what comes of it."""
    target = targets()[name]
    data = spoiled(target.seeds, Dice(seed, target=name, at=at))
    with tempfile.TemporaryDirectory() as scratch:
        print(data, *attempt(target.read, data, Path(scratch)), sep="\n")
    return 0


def main(arguments: list[str]) -> int:
    """Run the targets and print the account; the exit code is 1 where something was found."""
    parser = argparse.ArgumentParser(prog="fuzz.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which inputs (default: %(default)s)")
    parser.add_argument("--executions", type=int, help="at most so many inputs a target")
    parser.add_argument("--targets", nargs="+", choices=sorted(targets()), metavar="NAME", help="only these")
    parser.add_argument("--only", type=int, metavar="I", help="do input I of the one target again and show it")
    parser.add_argument("--rows", type=int, default=GARBAGE, help="rows of garbage; 0 for none (default: %(default)s)")
    parser.add_argument("--findings", type=Path, default=FINDINGS, help="where findings are kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the account here")
    asked = parser.parse_args(arguments)
    if asked.only is not None:
        return _again(asked.targets[0], asked.only, asked.seed)
    found = measure(minutes=asked.minutes, seed=asked.seed, executions=asked.executions, names=asked.targets,
                    findings=asked.findings, rows=asked.rows)
    print(text_of(found))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(bool(found["findings"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
