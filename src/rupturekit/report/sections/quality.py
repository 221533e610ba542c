"""Data quality: what was read and what was lost, what is odd, what was observed, and what the codes can show at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from rupturekit._html import counted
from rupturekit.alphabet import Observability, coverage
from rupturekit.description import TrackDescription
from rupturekit.errors import PartyMismatch, listed
from rupturekit.records.losses import LossReport
from rupturekit.report.blocks import About, Block, Cell, Number, Prose, Section, Table
from rupturekit.report.source import Source
from rupturekit.state_machine import StateMachine, load_model, model_names

__all__ = ["quality"]


def quality(source: Source) -> Section:
    """Return what has to be known of the data before any result is read."""
    return Section(name="data", title="Data and their quality", blocks=(
        *_amounts(source), *_rows(source), *_odd(source), *_tracks(source), _coverage(source)))


def _amounts(source: Source) -> Iterator[Number]:
    cohort = source.shown.study.cohort
    records, drawn = len(cohort.moves), source.shown.cohort
    n = f"{counted(records, 'move')} of {counted(len(cohort.track_names), 'track')}"
    for name, value, says in (
            ("moves on record", records, "one coded act of one person, by one reading of the session"),
            ("dyads", len(cohort.moves.levels["dyad"]), "pairs of people with at least one coded move"),
            ("tracks", len(cohort.track_names), "readings of the sessions: a rater, a consensus, an automatic coder")):
        yield Number(name=name, value=f"{value:,}", about=About(n=n, method="counted in the records", definition=says))
    rule = source.analysis.rule.describe(cohort.coding.time)
    yield Number(name="rupture episodes", value=f"{len(drawn.columns):,}", about=About(
        n=f"{counted(len(drawn.columns), 'episode')} of track {source.shown.track}", method=rule,
        definition="stretches of sessions that the rule, or the coders, took as one rupture; of every rupture type"))


# --- rows ----------------------------------------------------------------------------------------------------------


def _rows(source: Source) -> Iterator[Block]:
    losses = source.shown.study.losses
    if losses is None:
        yield Prose(paragraphs=("Read from a study folder or made in memory: every row is held, since a row that "
                                "breaks a rule refuses the whole.",))
        return
    yield Table(caption="What became of the rows of the file", header=("what", "how many", "which"),
                rows=tuple(_losses(losses)), about=About(
        n=counted(losses.rows, "row"), method="each row is a move, or is counted once by its reason",
        definition="rows left out are part of no number in this report"))


def _losses(losses: LossReport) -> Iterator[tuple[Cell, ...]]:
    yield "rows that hold anything", losses.rows, ""
    yield "moves that they became", losses.moves, ""
    kinds = (("left out", losses.lost), ("cells without a move", losses.empty), ("added", losses.added),
             ("adjusted", losses.adjusted))
    for kind, tallies in kinds:
        for tally in tallies:
            which = ", ".join(f"{row:,}" for row in tally.rows)
            yield f"{kind}: {tally.what}", tally.times, f"row {which}" if which else ""
    if losses.unused_columns:
        yield "columns that the mapping does not name", len(losses.unused_columns), listed(losses.unused_columns)


# --- what is odd ---------------------------------------------------------------------------------------------------


def _odd(source: Source) -> Iterator[Block]:
    shown = source.shown
    losses = shown.study.losses
    said = [*source.notes, *shown.oddities, *shown.description.notes, *(() if losses is None else losses.warnings)]
    found = tuple(dict.fromkeys(said))
    yield Prose(paragraphs=("Legal and odd, to be known before any number is read:" if found else
                            "Nothing odd was found in the records.",), items=found)
    if shown.privacy:
        yield Prose(paragraphs=("What looks like a name, an address or a date (values are not repeated):",),
                    items=shown.privacy)


# --- what was observed ---------------------------------------------------------------------------------------------

_TRACKS: Final = ("track", "kind", "moves", "sessions coded", "of these in part", "not coded", "coded time",
                  "known from stretches", "episodes by the coders")


def _tracks(source: Source) -> Iterator[Block]:
    # All readings, whichever one is analysed: who else looked is part of how good the data are.
    described = [track for _, one in source.readings for track in one.description.tracks]
    tracks = {track.track: track for track in described}
    yield Table(caption="Tracks, and what was observed", header=_TRACKS, rows=tuple(map(_track, tracks.values())),
                about=About(
        n=counted(len(tracks), "track"),
        method="counted in moves, sessions and observed stretches; two readings are never mixed",
        definition="a session is coded where it has an observed stretch or a move; in a coded stretch no move means "
                   "that none was seen, outside it means that nobody looked"))


def _track(track: TrackDescription) -> tuple[Cell, ...]:
    return (track.track, str(track.kind), track.n_moves, track.n_coded, track.n_partial, track.n_uncoded,
            str(track.time), "yes" if track.has_stretches else "no: whole sessions are assumed", track.n_episodes)


# --- what can be seen ----------------------------------------------------------------------------------------------

_COVERAGE: Final = ("process model", "rupture type", "states", "observable", "partly", "not observable",
                    "which are not")


def _coverage(source: Source) -> Table:
    book = source.shown.study.cohort.coding.codebook
    models = models_of(source)
    return Table(
        caption=f"What the codes can show of each process model (codebook {book.name})", header=_COVERAGE,
        rows=tuple(_covered(source, model) for model in models), about=About(
            n=f"{counted(len(models), 'process model')}, {counted(len(book.codes), 'code')}",
            method="codes are compared with the functions that the arrows into a state speak of; the initial state, "
                   "which is given, is not counted as observable",
            definition="observable: every function on the arrows into the state has a code; partly: some have; not "
                       "observable: none has, so the state is passed unseen and never called skipped"))


def models_of(source: Source) -> tuple[StateMachine, ...]:
    """Return the plan's own process model, where there is one, and all that are installed."""
    packaged = [load_model(name) for name in model_names()]
    own = [source.analysis.model] if source.has_model else []
    return tuple({model.name: model for model in (*own, *packaged)}.values())


def _covered(source: Source, model: StateMachine) -> tuple[Cell, ...]:
    coding = source.shown.study.cohort.coding
    kind = str(model.type or "any")
    try:
        seen = coverage(coding.codebook, model, parties=coding.parties)
    except PartyMismatch:
        return model.name, kind, len(model.states), None, None, None, "speaks of parties that this study does not have"
    n = Counter(state[1] for state in seen.states)
    return (model.name, kind, len(model.states), n[Observability.OBSERVABLE], n[Observability.PARTLY],
            n[Observability.NOT_OBSERVABLE], listed(seen.unobservable, most=8) or "none")


