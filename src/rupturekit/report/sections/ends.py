"""Paths through the process model and how episodes end, by source of repair: three sources, never merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from rupturekit._html import counted, shortened
from rupturekit.description import ResolutionRating
from rupturekit.plots.states import sequence_index, state_distribution
from rupturekit.report.blocks import About, Block, Number, Prose, Section, Table
from rupturekit.report.pictures import picture
from rupturekit.report.source import Source
from rupturekit.trace_summary import TraceSummary
from rupturekit.traces import TraceTable
from rupturekit.vocabulary import RepairSource

__all__ = ["ends"]

MOST_PATHS: Final = 15
_REACHED: Final = {
    "yes": "an end of the model was reached, each step in its order",
    "with skips": "an end was reached, and steps were skipped that the codes could have shown",
    "no": "no end was reached, and the episode was observed to its close",
    "censored": "no end was reached before observation stopped; what came after is not known",
    "not observable": "the codes cannot show an end of this model",
}


def ends(source: Source) -> Section | None:
    """Return paths and ends; nothing where the plan names no process model."""
    table = source.traced
    if table is None:
        return None
    said = table.summary()
    return Section(name="ends", title="Paths and ends, by source of repair", blocks=(
        Prose(paragraphs=(f"{counted(said.n_episodes, 'episode')} of {counted(said.n_dyads, 'dyad')} traced by "
                          f"{said.model} ({said.evidence}).", *_cautions(said)),
              items=tuple(f"not traced: {counted(n, 'episode')} ({why})" for why, n in said.left_out.items())),
        *_reached(said), *_stated(source), *_pictures(table), *_paths(table), *_deviations(said)))


def _cautions(said: TraceSummary) -> Iterator[str]:
    yield ("Whether an episode was repaired has three sources: what the trace reached, what a coder rated, and what a "
           "party reported. They stand side by side and are never merged.")
    if said.closed_by_outcome:
        yield (f"{counted(said.closed_by_outcome, 'episode')} closed because the rule saw a resolution: for them "
               "reaching an end is by construction, so the share that reached one is no finding.")


# --- the three sources ---------------------------------------------------------------------------------------------


def _reached(said: TraceSummary) -> Iterator[Table]:
    rows = tuple((word, n, _share(n, said.n_episodes), _REACHED[word]) for word, n in said.reached.items())
    yield Table(caption="First source: what the trace reached", header=("end reached", "episodes", "share", "meaning"),
                rows=rows, about=About(
        n=counted(said.n_episodes, "episode"), method=f"each episode traced through {said.model}, move by move",
        definition="whether a state that the model calls an end was entered; an account of codes, no verdict"))


def _share(n: int, of: int) -> str:
    return f"{100 * n / of:.1f} %"


def _stated(source: Source) -> Iterator[Block]:
    titles = {RepairSource.RATED_RESOLUTION: "Second source: what coders rated",
              RepairSource.REPORTED_RESOLUTION: "Third source: what the parties reported"}
    for kind, title in titles.items():
        ratings = [one for one in source.shown.description.resolution if one.measure == kind]
        if not ratings:
            yield Prose(paragraphs=(f"{title}: nothing is recorded.",))
            continue
        yield Table(caption=title, header=("by", "of", "ratings", "what they say", "absent"),
                    rows=tuple(map(_rating, ratings)), about=About(
            n=counted(sum(one.n for one in ratings), "rating"),
            method="counted in the records, one source a row; numbers as mean and range, words as counts",
            definition=f"labels '{kind}' on what the coders drew, as they were given"))


def _rating(one: ResolutionRating) -> tuple[str | int, ...]:
    by = ", ".join(filter(None, (one.rater, one.party, one.perspective, one.sampling))) or "nobody named"
    said = [str(one.spread)] if one.spread else []
    said += [f"{word} {n:,}" for word, n in one.words]
    return by, one.of, one.n, "; ".join(said), ", ".join(f"{why} {n:,}" for why, n in one.absent)


# --- paths ---------------------------------------------------------------------------------------------------------


def _pictures(table: TraceTable) -> Iterator[Block]:
    n, by = counted(len(table), "episode"), f"traced by {table.model.name}, in the model's phases"
    yield from picture(lambda: sequence_index(table), name="paths", caption="Every path, sorted by path", about=About(
        n=n, method=by, definition="a row is an episode, move by move from the left; neighbours are alike, and nothing "
                                   "is better at the top"))
    yield from picture(
        lambda: state_distribution(table), name="phases", caption="Phases over normalised time", about=About(
            n=n + ", less those that observation cut off", method=by,
            definition="share of episodes in each phase when this share of their moves has passed"))


def _paths(table: TraceTable) -> Iterator[Block]:
    n, dyads = _variants(table)
    rows = tuple((shortened(" → ".join(path), 300), count, len(dyads[path]))
                 for path, count in n.most_common(MOST_PATHS))
    rest = len(n) - len(rows)
    if rest:
        yield Prose(paragraphs=(f"The {len(rows)} most common of {len(n):,} different paths follow; {rest:,} more are "
                                "in the list of episodes.",))
    yield Table(caption="The most common paths", header=("path", "episodes", "dyads"), rows=rows, about=About(
        n=counted(len(table), "episode"), method=f"states of {table.model.name}, repeats of the same state joined",
        definition="the states that an episode went through, in order; ties stand in the order of the study"))


def _variants(table: TraceTable) -> tuple[Counter[tuple[str, ...]], Mapping[tuple[str, ...], set[str | None]]]:
    """Return how many episodes went each path, and in which dyads."""
    names, start = [state.name for state in table.model.states], table.alphabet.start
    edges, after = table.episodes.offsets.tolist(), table.after.tolist()
    n: Counter[tuple[str, ...]] = Counter()
    dyads: dict[tuple[str, ...], set[str | None]] = {}
    for low, high, dyad in zip(edges[:-1], edges[1:], table.episodes.rows.words("dyad"), strict=True):
        path = [start]
        path += [state for at, state in enumerate(after[low:high]) if state != (after[low + at - 1] if at else start)]
        named = tuple(names[state] for state in path)
        n[named] += 1
        dyads.setdefault(named, set()).add(dyad)
    return n, dyads


# --- deviations ----------------------------------------------------------------------------------------------------


def _deviations(said: TraceSummary) -> Iterator[Block]:
    kinds = (
        ("Moves off the model, by reason", "reason", said.off_model, said.n_moves, "moves",
         "moves that took no arrow of the model from the state they met; researchers study exactly these"),
        ("Steps skipped", "step", said.skipped, said.n_episodes, "episodes",
         "steps that the model expects on the way, that these codes could have shown, and that were not seen"),
        ("Steps passed unseen", "step", said.passed, said.n_episodes, "episodes",
         "steps that these codes cannot show; they count neither for nor against the model"))
    for caption, what, counts, of, units, definition in kinds:
        if counts:
            yield Table(caption=caption, header=(what, units, "share"),
                        rows=tuple((name, n, _share(n, of)) for name, n in counts.items()),
                        about=About(n=f"{of:,} {units}", method=f"traced through {said.model}", definition=definition))
    yield Number(name="episodes whose path depends on the order at one instant", value=f"{said.order_dependent:,}",
                 about=About(n=counted(said.n_episodes, "episode"),
                             method="moves at one instant are tried in other orders",
                             definition="episodes that another order of moves at one instant would lead elsewhere"))
