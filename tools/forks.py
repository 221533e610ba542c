"""Do a piece of work in a fork of this process, with a limit to its time and memory, and hear what it says."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TextIO

__all__ = ["Outcome", "forked", "limit_memory"]


class Outcome(NamedTuple):
    """How a forked session ended: its exit code (None if it was stopped), what it said, and how long it took."""

    code: int | None
    said: list[list[Any]]
    seconds: float

    def last(self, what: str) -> str:
        """Return the latest thing that was said of a kind; empty if none was."""
        return next((str(one[1]) for one in reversed(self.said) if one[0] == what), "")


def forked(work: Callable[[TextIO], int], *, seconds: float) -> Outcome:
    """Run `work` in a fork and return what it wrote, one JSON list a line; stop it after so many seconds."""
    begun = time.monotonic()
    reader, writer = os.pipe()
    with warnings.catch_warnings():    # of threads: what the child runs holds no lock of another thread
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(reader)
        _be_child(work, writer)
    os.close(writer)
    text, code = _followed(child, reader, until=begun + seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)    # and whatever it started
    return Outcome(code, [json.loads(line) for line in text.splitlines()], time.monotonic() - begun)


def _be_child(work: Callable[[TextIO], int], writer: int) -> None:
    code = 70
    try:
        os.setsid()
        with open(os.devnull, "r+b") as nowhere, open(writer, "w", encoding="utf-8", buffering=1) as pipe:
            for stream in (0, 1, 2):
                os.dup2(nowhere.fileno(), stream)
            try:
                code = work(pipe)
            except BaseException:
                print(json.dumps(["broken", traceback.format_exc()]), file=pipe)
    finally:
        os._exit(code)


def _followed(child: int, reader: int, *, until: float) -> tuple[str, int | None]:
    """Return what a child writes until it ends, and its exit code; None if it had to be stopped."""
    held = bytearray()
    with open(reader, "rb", buffering=0) as pipe:
        while (left := until - time.monotonic()) > 0:
            if select.select([pipe], [], [], min(left, 0.5))[0]:
                block = pipe.read(1 << 16)
                held += block
                if block:
                    continue
            ended, status = os.waitpid(child, 0 if select.select([pipe], [], [], 0)[0] else os.WNOHANG)
            if ended:
                return _whole_lines(held), os.waitstatus_to_exitcode(status)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return _whole_lines(held), None


def _whole_lines(held: bytearray) -> str:
    return bytes(held[:held.rfind(b"\n") + 1]).decode(errors="replace")


def limit_memory(more: int) -> None:
    """Let this process take so many bytes of address space beyond those it holds, and no more."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_size() + more, hard))


def _size() -> int:
    """Return the bytes of address space that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) if Path("/proc").exists() else 1 << 20
    return pages * resource.getpagesize()
