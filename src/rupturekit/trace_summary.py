"""The traces of a cohort, counted: ends, off-model moves by reason, skipped and unobservable states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._html import counted
from rupturekit._kernels.replay import blocks
from rupturekit._views.traces import summary_html
from rupturekit.alphabet import REASONS, Alphabet
from rupturekit.ends import REACHED
from rupturekit.provenance import Provenance

if TYPE_CHECKING:
    from rupturekit.traces import TraceTable

__all__ = ["TraceSummary", "summary_of"]


@attrs.frozen(kw_only=True, repr=False)
class TraceSummary:
    """Counts over the traces of a cohort; every share says of how many."""

    model: str
    evidence: str
    n_dyads: int
    n_episodes: int
    n_moves: int
    reached: Mapping[str, int]
    off_model: Mapping[str, int]
    skipped: Mapping[str, int]
    passed: Mapping[str, int]
    order_dependent: int
    closed_by_outcome: int
    left_end: int
    left_out: Mapping[str, int]
    provenance: Provenance = attrs.field(eq=False)

    def __repr__(self) -> str:
        return f"TraceSummary({self.model!r}, {counted(self.n_episodes, 'episode')} of {counted(self.n_dyads, 'dyad')})"

    def __str__(self) -> str:
        return "\n".join(f"{title}: {value}" for title, value in self.lines())

    def lines(self) -> list[tuple[str, str]]:
        """Return the summary as (title, value) pairs."""
        episodes, moves = counted(self.n_episodes, "episode"), counted(self.n_moves, "move")
        said = [
            ("model", f"{self.model} ({self.evidence})"),
            ("n", f"{episodes}, {moves}, {counted(self.n_dyads, 'dyad')}"),
            ("end reached", _counted(self.reached, self.n_episodes)),
            ("off-model moves", _counted(self.off_model, self.n_moves)),
            ("skipped steps", _counted(self.skipped, self.n_episodes)),
            ("passed unseen", _counted(self.passed, self.n_episodes)),
            ("episodes whose path depends on the order at one instant", f"{self.order_dependent:,}"),
        ]
        if self.closed_by_outcome:
            were = "was" if self.closed_by_outcome == 1 else "were"
            said.append(("closed by their outcome", f"{counted(self.closed_by_outcome, 'episode')} {were} closed "
                         "because a resolution was seen: the share that reached an end is partly by construction"))
        if self.left_end:
            said.append(("left the end again", f"{counted(self.left_end, 'episode')} (of {self.n_episodes:,})"))
        said += [("left out", f"{counted(n, 'episode')} ({why})") for why, n in self.left_out.items()]
        return said

    def _repr_html_(self) -> str:
        return summary_html(self)


def _counted(counts: Mapping[str, int], of: int) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items()) + f" (of {of:,})" if counts else "none"


def summary_of(table: TraceTable) -> TraceSummary:
    """Count what the traces of a table say."""
    rows, ends = table.episodes.rows, table.ends()
    reasons = np.bincount(table.reason, minlength=len(REASONS) + 1).tolist()
    reached = np.bincount(ends.reached_codes(), minlength=len(REACHED)).tolist()
    skipped, passed = _steps_missed(table)
    return TraceSummary(
        model=table.model.name, evidence=table.model.evidence_text(),
        n_dyads=len(rows.levels["dyad"]), n_episodes=len(table), n_moves=len(table.before),
        reached={answer.value: n for answer, n in zip(REACHED, reached, strict=True) if n},
        off_model={why.value: n for why, n in zip(REASONS, reasons[1:], strict=True) if n},
        skipped=skipped, passed=passed, order_dependent=_episodes_with_any(table, table.order_dependent),
        closed_by_outcome=int(rows.closed_by_outcome.sum()), left_end=int(ends.left_end().sum()),
        left_out=table.left_out, provenance=table.provenance,
    )


def _episodes_with_any(table: TraceTable, flags: npt.NDArray[np.bool_]) -> int:
    owner = np.searchsorted(table.episodes.offsets, np.flatnonzero(flags), side="right")
    return int((np.diff(owner, prepend=0) > 0).sum())


def _steps_missed(table: TraceTable) -> tuple[dict[str, int], dict[str, int]]:
    """Count for each step in how many episodes it was skipped on the way to the first end, and passed unseen.

    Every member is looked at once: those that met a cell (state, symbol) that misses steps are picked, and each picked
    member counts once an episode for every step that its cell misses.
    """
    missed = {what: _cells_missing(table.alphabet, what) for what in ("skipped", "passed")}
    counts = {what: np.zeros(len(names), dtype="i8") for what, (names, _) in missed.items()}
    for low, high in blocks(len(table)):
        edges = table.episodes.offsets[low : high + 1]
        span = slice(int(edges[0]), int(edges[-1]))
        cells = table.cells(span)
        for what, (_, misses) in missed.items():
            picked = np.flatnonzero(misses.any(axis=1).take(cells))
            owner = np.searchsorted(edges, picked + edges[0], side="right") - 1
            if what == "skipped":
                first = table.ends().first_end[low:high][owner]
                before_end = (first < 0) | (picked + edges[0] - edges[owner] <= first)
                picked, owner = picked[before_end], owner[before_end]
            counts[what] += _episodes_by_step(owner, misses[cells[picked]])
    return _by_name(missed["skipped"][0], counts["skipped"]), _by_name(missed["passed"][0], counts["passed"])


def _episodes_by_step(owner: npt.NDArray[np.int64], misses: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return for each column how many owners, ascending, have it set in some row."""
    if not len(owner):
        return np.zeros(misses.shape[1], dtype="i8")
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    return np.asarray(np.logical_or.reduceat(misses, starts, axis=0).sum(axis=0))


def _cells_missing(alphabet: Alphabet, what: str) -> tuple[tuple[str, ...], npt.NDArray[np.bool_]]:
    """Return the steps that some cell misses, sorted, and which cells (state * symbols + symbol) miss which."""
    hops = alphabet.hops if what == "passed" else alphabet.ahead | alphabet.hops
    by_cell = {pair: tuple(getattr(hop, what)) for pair, hop in hops.items()}
    names = tuple(sorted({name for steps in by_cell.values() for name in steps}))
    misses = np.zeros((alphabet.next.size, len(names)), dtype=bool)
    for (state, symbol), steps in by_cell.items():
        misses[state * alphabet.next.shape[1] + symbol, [names.index(step) for step in steps]] = True
    return names, misses


def _by_name(names: Iterable[str], counts: npt.NDArray[np.int64]) -> dict[str, int]:
    return {name: n for name, n in zip(names, counts.tolist(), strict=True) if n}
