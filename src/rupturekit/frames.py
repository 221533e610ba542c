"""Tables and results as data frames of pandas, polars, Arrow, or any library that narwhals knows.

The way back needs no function: `Cohort.of` takes a data frame wherever it takes records.

Words are categories, and closed words carry all that are allowed. What is absent is null (in pandas `<NA>`, NaN in a
column of floats), never a number that stands for it. Times are whole microseconds under the field's own name, whole
turns or places where the study has no clock; ratings of moves are floats with at most three decimals.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from rupturekit._frames import KINDS, FrameColumn, write_frame
from rupturekit._table import Table
from rupturekit.alphabet import Coverage, Observability, Reason
from rupturekit.cohort import Cohort, Episodes
from rupturekit.description import Description
from rupturekit.episode import Member, Move
from rupturekit.errors import RecordError, listed
from rupturekit.records.losses import LossReport
from rupturekit.records.study import Study
from rupturekit.segmentation import BoundaryComparison
from rupturekit.sensitivity import SegmentationTable
from rupturekit.traces import Trace, TraceSummary, TraceTable

__all__ = [
    "KINDS",
    "FrameColumn",
    "columns_of",
    "tables_of",
    "to_arrow",
    "to_frame",
    "to_frames",
    "to_pandas",
    "to_polars",
    "traced_episodes",
]

Columns: TypeAlias = Mapping[str, FrameColumn]


def to_frame(result: Any, kind: str = "pandas") -> Any:
    """Return a table or result as a data frame.

    Parameters
    ----------
    result : Table, Episodes, Cohort, Study, TraceTable, Trace, TraceSummary, and what else `columns_of` takes
        A cohort or study gives its moves; `to_frames` gives all of its tables.
    kind : str
        One of `KINDS`, or the name of an eager backend of narwhals.

    Raises
    ------
    RecordError
        Where there is no such kind, or no way to lay the result out as columns.
    MissingExtra
        Where the library of that kind is not installed.

    >>> from rupturekit.example import example_cohort
    >>> frame = to_frame(example_cohort().sessions, "polars")
    >>> frame.columns, frame.height
    (['dyad', 'session', 'day', 'attended', 'duration'], 33)
    """
    return write_frame(columns_of(result), kind)


def to_pandas(result: Any) -> Any:
    """Return a table or result as a pandas data frame; see `to_frame`.

    >>> from rupturekit.example import example_cohort
    >>> to_pandas(example_cohort().moves)["party"].cat.categories.tolist()
    ['client', 'therapist']
    """
    return to_frame(result, "pandas")


def to_polars(result: Any) -> Any:
    """Return a table or result as a polars data frame; see `to_frame`.

    >>> from rupturekit.example import example_cohort
    >>> to_polars(example_cohort().sessions)["duration"].dtype
    Int64
    """
    return to_frame(result, "polars")


def to_arrow(result: Any) -> Any:
    """Return a table or result as an Arrow table; see `to_frame`.

    >>> from rupturekit.example import example_cohort
    >>> to_arrow(example_cohort().sessions).num_rows
    33
    """
    return to_frame(result, "pyarrow")


def to_frames(cohort: Cohort, kind: str = "pandas") -> dict[str, Any]:
    """Return every table of a cohort as a data frame, by the name under which `Cohort.of` takes it.

    The episodes are those of the coders; those of a rule are drawn again, or `to_frame(cohort.columns)`.

    >>> from rupturekit.example import example_cohort
    >>> cohort = example_cohort()
    >>> frames = to_frames(cohort)
    >>> Cohort.of(**frames, coding=cohort.coding, tracks=cohort.tracks) == cohort
    True
    """
    return {name: write_frame(table.frame_columns(), kind) for name, table in tables_of(cohort).items()}


def tables_of(cohort: Cohort) -> dict[str, Table[Any]]:
    """Return every table of a cohort, by the name under which `Cohort.of` takes it.

    >>> from rupturekit.example import example_cohort
    >>> len(tables_of(example_cohort())["members"])
    56
    """
    coded = cohort.coded
    members = Table.from_columns(
        Member, arrays={"episode": np.repeat(coded.rows.episode, coded.lengths),
                        "row_id": cohort.moves.row_id[coded.members]},
        levels={"episode": coded.rows.levels["episode"]})
    return {"moves": cohort.moves, "sessions": cohort.sessions, "dyads": cohort.dyads, "observed": cohort.observed,
            "ratings": cohort.ratings, "needs": cohort.needs, "context": cohort.context, "labels": cohort.labels,
            "episodes": coded.rows, "members": members}


# --- results as columns ----------------------------------------------------------------------------------------


@functools.singledispatch
def columns_of(result: Any) -> Columns:
    """Lay a result out as columns of one length, by name; the one step that all kinds of data frame share.

    A result of another package is taken where it has a method `frame_columns`, or is registered with
    `columns_of.register`.

    Raises
    ------
    RecordError
        Where nothing says how.

    >>> from rupturekit.example import example_cohort
    >>> columns_of(example_cohort().sessions)["attended"].levels
    ('yes', 'no', 'unknown')
    """
    if hasattr(result, "frame_columns"):
        columns: Columns = result.frame_columns()
        return columns
    names = [kind.__name__ for kind in columns_of.registry if kind is not object]
    raise RecordError(f"there is no way to lay out {type(result).__name__} as a data frame; expected one of "
                      f"{listed(['Table', 'TraceTable', *names], most=30)}")


@columns_of.register
def _of_columns(result: Mapping) -> Columns:  # type: ignore[type-arg]    # singledispatch takes no parameters
    return result


@columns_of.register
def _of_cohort(result: Cohort) -> Columns:
    return result.moves.frame_columns()


@columns_of.register
def _of_study(result: Study) -> Columns:
    return result.cohort.moves.frame_columns()


@columns_of.register
def _of_episodes(result: Episodes) -> Columns:
    """Lay out episodes: one row each, with how many moves it holds."""
    return {**result.rows.frame_columns(), "n_moves": FrameColumn(values=result.lengths)}


def traced_episodes(traces: TraceTable) -> Columns:
    """Lay out the episodes of a trace table: one row each, with where it got to.

    To the episode's own fields come `n_moves`, `end_state` (where its last move leaves it), `reached` (whether an end
    of the model was), `left_end` (whether it was left again), and `n_off_model` (moves that took no arrow).

    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.traces import trace_cohort
    >>> frame = to_pandas(traced_episodes(trace_cohort(example_cohort(), "withdrawal-2000")))
    >>> print(*frame.loc[0, ["episode", "n_moves", "end_state", "reached"]])
    V1-E1 18 self_assertion yes
    """
    ends = traces.ends().frame_columns()
    number = np.repeat(np.arange(len(traces)), traces.episodes.lengths)
    return {
        **_of_episodes(traces.episodes),
        **{name: ends[name] for name in ("end_state", "reached", "left_end")},
        "n_off_model": FrameColumn(values=np.bincount(number[traces.reason > 0], minlength=len(traces))),
    }


@columns_of.register
def _of_trace(result: Trace) -> Columns:
    """Lay out one trace as a table of traces is: one row a step."""
    steps, states = result.steps, [state.name for state in result.model.states]
    moves = Table.of(Move, [step.move for step in steps]).frame_columns()
    return {
        **{name: moves[name] for name in ("dyad", "track", "session")},
        "episode": FrameColumn.of_words([result.episode.episode] * len(steps)),
        **{name: moves[name] for name in ("row_id", "party", "code", "onset")},
        "before": FrameColumn.of_words([step.before for step in steps], levels=states),
        "after": FrameColumn.of_words([step.after for step in steps], levels=states),
        "reason": FrameColumn.of_words([step.reason for step in steps], levels=map(str, Reason)),
        "order_dependent": FrameColumn(values=np.array([step.order_dependent for step in steps], dtype=bool)),
    }


_Count: TypeAlias = tuple[str, str | None, int, int | None]
"""What was counted, which of them, how many, and of how many."""


def _laid_out(head: Mapping[str, str | None], rows: Iterable[Sequence[Any]], names: Sequence[str],
              numbers: Sequence[str] = ()) -> Columns:
    """Lay out rows of words and numbers under their names, behind what is the same for all."""
    held = list(rows)
    return {**{name: FrameColumn.of_words([word] * len(held)) for name, word in head.items()},
            **{name: (FrameColumn.of_numbers if name in numbers else FrameColumn.of_words)(row[at] for row in held)
               for at, name in enumerate(names)}}


@columns_of.register
def _of_summary(result: TraceSummary) -> Columns:
    """Lay out the counts of a summary in long form: what was counted, which, how many, of how many."""
    return _laid_out({"model": result.model}, _counts_of(result), ("what", "name", "n", "of"), ("n", "of"))


def _counts_of(said: TraceSummary) -> Iterator[_Count]:
    yield from (("dyads", None, said.n_dyads, None), ("episodes", None, said.n_episodes, None),
                ("moves", None, said.n_moves, None))
    by_name: tuple[tuple[str, Mapping[str, int], int | None], ...] = (
        ("reached", said.reached, said.n_episodes), ("off_model", said.off_model, said.n_moves),
        ("skipped", said.skipped, said.n_episodes), ("passed", said.passed, said.n_episodes),
        ("left_out", said.left_out, None))
    yield from ((what, name, n, of) for what, counts, of in by_name for name, n in counts.items())
    for what in ("order_dependent", "closed_by_outcome", "left_end"):
        yield what, None, getattr(said, what), said.n_episodes


@columns_of.register
def _of_segmentations(result: SegmentationTable) -> Columns:
    """Lay out how episodes move with the rule in long form: the rule, what was counted, which, how many."""
    rows: list[tuple[str, str, str | None, int]] = []
    for at, rule in enumerate(result.rules):
        rows += [(rule.name, "episodes", None, result.n_episodes[at]), (rule.name, "moves", None, result.n_moves[at])]
        for what, counts in (("closed_by", result.closed_by[at]), ("reached", result.reached[at])):
            rows += [(rule.name, what, name, n) for name, n in counts.items()]
    return _laid_out({"track": result.track, "model": result.model}, rows, ("rule", "what", "name", "n"), ("n",))


@columns_of.register
def _of_boundaries(result: BoundaryComparison) -> Columns:
    """Lay out one row a pair of episodes that share moves; an episode without a counterpart has a row of its own."""
    rows: list[tuple[Any, ...]] = [*result.pairs]
    rows += [(name, None, 0, None, None) for name in result.only_coded]
    rows += [(None, name, 0, None, None) for name in result.only_drawn]
    numbers = ("n_shared", "n_coded", "n_drawn")
    return _laid_out({"track": result.track, "rule": result.rule}, rows, ("coded", "drawn", *numbers), numbers)


@columns_of.register
def _of_coverage(result: Coverage) -> Columns:
    """Lay out one row a state: whether it can be seen, by which codes, and what has no code."""
    rows = [(state, ", ".join(codes) or None, ", ".join(lacking) or None) for state, _, codes, lacking in result.states]
    seen = FrameColumn.of_words([seen for _, seen, _, _ in result.states], levels=map(str, Observability))
    return {**_laid_out({"model": result.model, "codebook": result.codebook}, rows,
                        ("state", "codes", "functions_without_code")), "observability": seen}


@columns_of.register
def _of_losses(result: LossReport) -> Columns:
    """Lay out what became of the rows of a file: what was counted, the reason, how many, the first row.

    Columns that were not used, label rules and warnings have rows of their own, with their words for a reason.
    """
    rows: list[tuple[str, str | None, int | None, int | None]] = [
        ("rows", None, result.rows, None), ("used", None, result.used, None), ("moves", None, result.moves, None),
        ("cells", None, result.cells, None), ("blank", None, result.blank, None)]
    for what in ("lost", "empty", "added", "adjusted"):
        rows += [(what, tally.what, tally.times, next(iter(tally.rows), None)) for tally in getattr(result, what)]
    for what in ("unused_columns", "rules", "warnings"):
        rows += [(what, text, None, None) for text in getattr(result, what)]
    return _laid_out({"file": result.file}, rows, ("what", "reason", "n", "first_row"), ("n", "first_row"))


@columns_of.register
def _of_description(result: Description) -> Columns:
    """Lay out the table that opens a paper as it is printed: section, name, value, all of them words."""
    return _laid_out({}, result.rows(), ("section", "name", "value"))
