"""Results as JSON with their provenance, and back: what is read equals what was written.

A file names one of the classes in `KINDS` and nothing else: no module, no code. Each value is checked against what the
class declares before anything is made of it, so a file that was damaged or made up is refused with a place and a
sentence. Numbers come back to the last bit; what is not a finite number is refused on both ways.

Most results stand alone. A table of traces refers to the moves of its cohort: the file holds the moves' identities,
and reading it takes the cohort, which has to be the one that was traced. Alignments do so too. So does reading how
long episodes stayed, since what a time means is the cohort's to say. Every file says which library wrote it and in
which format.

Of the negotiations of needs, what was estimated of them is written. `Negotiations` itself is not: its columns follow
from cohort, rule and the mapping of codes to acts, and are found again from these.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np

from rupturekit import exchange
from rupturekit._serial import MOST_CHARACTERS, check_keys, from_plain, list_of, parse_strictly, to_plain
from rupturekit._table import Array, Table, freeze
from rupturekit.alphabet import Coverage
from rupturekit.cohort import Cohort, Episodes, session_starts
from rupturekit.conformance.alignment import Alignments, align_replay
from rupturekit.conformance.comparison import ModelComparison
from rupturekit.conformance.costs import AlignmentCosts
from rupturekit.conformance.order import OrderGain
from rupturekit.conformance.rules_chance import RuleLifts
from rupturekit.conformance.specificity import OrderSpecificity
from rupturekit.conformance.stages import StageOrder
from rupturekit.description import Description
from rupturekit.ends import NEVER, TraceEnds
from rupturekit.episode import EpisodeRow
from rupturekit.errors import DefinitionError, FileProblem, ProvenanceMismatch, RecordError, did_you_mean, listed
from rupturekit.inference import calibration
from rupturekit.inference.clusters import Clustering, Interval
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.inference.precedence import StagePrecedence
from rupturekit.interpersonal.circumplex import StructuralSummary
from rupturekit.interpersonal.complementarity import Complementarity
from rupturekit.interpersonal.profiles import ProfileContrast
from rupturekit.interpersonal.struggle import ControlStruggle
from rupturekit.negotiation.account import NegotiationAccount, NegotiationSensitivity
from rupturekit.negotiation.contingency import AnswerContingency
from rupturekit.negotiation.hypotheses import Hypothesis
from rupturekit.negotiation.imbalance import Imbalance, RelatednessImbalance
from rupturekit.negotiation.order import OrderByType
from rupturekit.provenance import FORMAT_VERSION, LIBRARY_VERSION, Provenance
from rupturekit.records import atomic
from rupturekit.records.losses import LossReport
from rupturekit.replays import replay_of
from rupturekit.segmentation import BoundaryComparison
from rupturekit.sensitivity import SegmentationTable
from rupturekit.stays import Dwell, Visits
from rupturekit.ties import TieRule
from rupturekit.traces import Trace, TraceSummary, TraceTable, trace_episodes

__all__ = ["KINDS", "from_json", "read_json", "to_json", "write_json"]

KINDS: Final[Mapping[str, type[Any]]] = types.MappingProxyType({
    "Alignments": Alignments,
    "AnswerContingency": AnswerContingency,
    "Bias": calibration.Bias,
    "BoundaryComparison": BoundaryComparison,
    "Clustering": Clustering,
    "Complementarity": Complementarity,
    "ControlStruggle": ControlStruggle,
    "Coverage": Coverage,
    "Description": Description,
    "Dwell": Dwell,
    "Estimate": Estimate,
    "Hypothesis": Hypothesis,
    "Imbalance": Imbalance,
    "Interval": Interval,
    "IntervalCoverage": calibration.Coverage,
    "Level": calibration.Level,
    "LossReport": LossReport,
    "ModelComparison": ModelComparison,
    "NegotiationAccount": NegotiationAccount,
    "NegotiationSensitivity": NegotiationSensitivity,
    "NullTest": NullTest,
    "OrderByType": OrderByType,
    "OrderGain": OrderGain,
    "OrderSpecificity": OrderSpecificity,
    "ProfileContrast": ProfileContrast,
    "Provenance": Provenance,
    "RelatednessImbalance": RelatednessImbalance,
    "RuleLifts": RuleLifts,
    "SegmentationTable": SegmentationTable,
    "StageOrder": StageOrder,
    "StagePrecedence": StagePrecedence,
    "StructuralSummary": StructuralSummary,
    "TraceEnds": TraceEnds,
    "TraceSummary": TraceSummary,
    "TraceTable": TraceTable,
    "Visits": Visits,
})
"""What can be written and read, by the name that stands in the file."""

_MAGIC: Final = "rupturekit_result"


# --- the four that people call -----------------------------------------------------------------------------------


def to_json(result: Any) -> str:
    """Return a result as JSON, with its provenance.

    Raises
    ------
    RecordError
        Where it is no result of this library, or holds a number that is not finite.

    >>> from rupturekit.inference.estimate import NullTest
    >>> test = NullTest(null="turns", holds="...", alternative="greater", statistic=0.1, expected=0.0, p=1 / 3,
    ...                 mid_p=None, smallest_p=0.001, draws=999)
    >>> from_json(to_json(test)) == test
    True
    """
    name = _name_of(result)
    in_columns = name in _IN_COLUMNS
    held = _IN_COLUMNS[name][0](result) if in_columns else to_plain(type(result), result, name)
    said = {_MAGIC: FORMAT_VERSION, "kind": name, "library": LIBRARY_VERSION, "result": held}
    return json.dumps(said, ensure_ascii=False, allow_nan=False, indent=None if in_columns else 1) + "\n"


def from_json(text: str, *, cohort: Cohort | None = None) -> Any:
    """Return the result that a text holds.

    Parameters
    ----------
    cohort : Cohort or None
        What the result was made from. A table of traces, alignments and a `Dwell` need it; for others it is compared
        where it is given.

    Raises
    ------
    DefinitionError
        Where the text is no result, was written in a newer format, or holds what the result cannot hold.
    ProvenanceMismatch
        Where the result was made from another cohort or codebook.
    """
    said = _opened(text)
    name = said["kind"]
    if name in _IN_COLUMNS:
        return _IN_COLUMNS[name][1](said["result"], cohort)
    result = from_plain(KINDS[name], said["result"], name)
    if cohort is not None:
        _must_fit(result, cohort)
    return result


def write_json(result: Any, path: str | Path) -> None:
    """Write a result to a file, whole or not at all; a file that is there is replaced.

    Raises
    ------
    RecordError
        As `to_json`.
    FileProblem
        Where the file cannot be written.
    """
    text, file = to_json(result), Path(path)
    try:
        atomic.write_bytes(file, text.encode())
    except OSError as error:
        raise FileProblem(f"{file}: the result cannot be written ({error.strerror or error})", file=str(file)) from None


def read_json(path: str | Path, *, cohort: Cohort | None = None) -> Any:
    """Read a result from a file; see `from_json`.

    Raises
    ------
    FileProblem
        Where the file cannot be read, is too large, or is not UTF-8 text.
    """
    file = Path(path)
    try:
        if file.stat().st_size > 4 * MOST_CHARACTERS:
            raise FileProblem(f"{file}: {file.stat().st_size:,} bytes are too many for a result", file=str(file))
        text = file.read_bytes().decode()
    except FileProblem:
        raise
    except OSError as error:
        raise FileProblem(f"{file}: the result cannot be read ({error.strerror or error})", file=str(file)) from None
    except UnicodeDecodeError as error:
        raise FileProblem(f"{file}: not UTF-8 text (byte {error.start}), so not a result", file=str(file)) from None
    return from_json(text, cohort=cohort)


def _name_of(result: Any) -> str:
    if isinstance(result, Trace):
        raise RecordError("one Trace is not written as JSON; write the TraceTable of its cohort "
                          "(trace_cohort(cohort, model)) and take the trace from it with named(episode)", value="Trace")
    name = next((name for name, kind in KINDS.items() if type(result) is kind), None)
    if name is None:
        raise RecordError(f"{type(result).__name__} is no result that is written as JSON; these are: "
                          f"{listed(KINDS, most=30)}", value=type(result).__name__)
    return name


def _must_fit(result: Any, cohort: Cohort) -> None:
    """Compare a result with the cohort that it is said to be of, as far as the result says what it was made from."""
    if isinstance(result, Coverage) and result.codebook_digest is not None:
        _must_be_equal([("codebook", f"{result.codebook}:{result.codebook_digest}", cohort.provenance().codebook)])
    provenance = getattr(result, "provenance", None)
    if provenance is not None:
        _must_be_of(provenance, cohort)


def _must_be_of(provenance: Provenance, cohort: Cohort) -> None:
    here = cohort.provenance()
    _must_be_equal([("cohort", provenance.cohort, here.cohort), ("codebook", provenance.codebook, here.codebook)])


def _must_be_equal(pairs: list[tuple[str, str, str]]) -> None:
    differ = [f"{name} {was}, here it is {now}" for name, was, now in pairs if was != now]
    if differ:
        raise ProvenanceMismatch(f"this result was made from other records: {'; '.join(differ)}")


# --- reading strictly --------------------------------------------------------------------------------------------


def _opened(text: str) -> dict[str, Any]:
    """Return the object around a result, once it is known to be one that can be read."""
    said = parse_strictly(text)
    if not isinstance(said, dict) or _MAGIC not in said:
        raise DefinitionError(f'this is no written result: it does not say "{_MAGIC}"')
    version = said[_MAGIC]
    if type(version) is not int or version > FORMAT_VERSION or version < 1:
        raise DefinitionError(f"this result was written in format {version!r:.40}, this version of rupturekit reads up "
                              f"to {FORMAT_VERSION}; upgrade rupturekit to read it")
    check_keys(said, known=(_MAGIC, "kind", "library", "result"), needed=("kind", "result"), place="the file")
    if not isinstance(said["kind"], str) or said["kind"] not in KINDS:
        raise DefinitionError(f"kind: {said['kind']!r:.80} is no result that is read here"
                              f"{did_you_mean(str(said['kind'])[:80], KINDS)}; these are: {listed(KINDS, most=30)}")
    return said


# --- tables of traces --------------------------------------------------------------------------------------------

_COLUMNS: Final[Mapping[str, str]] = types.MappingProxyType(
    {"symbol": "i2", "before": "i2", "after": "i2", "reason": "i1", "order_dependent": "?"})
_TABLE_KEYS: Final = ("model", "tie_rule", "follow_skips", "episodes", "offsets", "row_ids", *_COLUMNS, "open_ends",
                      "left_out", "provenance")


def _table_out(table: TraceTable) -> dict[str, Any]:
    return {
        "model": json.loads(exchange.model_to_json(table.model)), "tie_rule": table.tie_rule,
        "follow_skips": table.follow_skips, "episodes": _rows_out(table.episodes.rows),
        "offsets": table.episodes.offsets.tolist(),
        "row_ids": table.cohort.moves.row_id[table.episodes.members].tolist(),
        **{name: getattr(table, name).tolist() for name in _COLUMNS},
        "open_ends": [[at, list(states)] for at, states in table.open_ends.items()], "left_out": dict(table.left_out),
        "provenance": to_plain(Provenance, table.provenance, "provenance"),
    }


def _table_in(said: Any, cohort: Cohort | None) -> TraceTable:
    """Put a table of traces together again; what it says of every move has to fit cohort and model."""
    _check_object(said, "TraceTable", keys=_TABLE_KEYS)
    provenance: Provenance = from_plain(Provenance, said["provenance"], "provenance")
    if cohort is None:
        raise RecordError("a table of traces refers to the moves of its cohort; say which (cohort=study.cohort)",
                          field="cohort")
    _must_be_of(provenance, cohort)
    model = exchange.model_from_json(json.dumps(said["model"]))
    follow_skips: bool = from_plain(bool, said["follow_skips"], "follow_skips")
    episodes = _episodes_in(said, cohort)
    columns: dict[str, Any] = {name: _column_in(said[name], name, len(episodes.members)) for name in _COLUMNS}
    ends = _open_ends_in(said["open_ends"], len(episodes), len(model.states))
    traced = trace_episodes(
        cohort, episodes, model=model, tie_rule=from_plain(TieRule, said["tie_rule"], "tie_rule"),
        follow_skips=follow_skips, left_out=from_plain(Mapping[str, int], said["left_out"], "left_out"))
    read = attrs.evolve(traced, episodes=episodes, open_ends=ends, provenance=provenance, **columns)
    if read != traced:
        raise DefinitionError("TraceTable: the states do not follow from the moves by this model; trace the cohort "
                              "again")
    return read


def _episodes_in(said: dict[str, Any], cohort: Cohort) -> Episodes:
    rows = _rows_in(said["episodes"], "episodes")
    place = {row_id: at for at, row_id in enumerate(cohort.moves.row_id.tolist())}
    named = list_of(int, said["row_ids"], "row_ids")
    lost = [row_id for row_id in named if row_id not in place]
    if lost:
        raise DefinitionError(f"row_ids: the cohort has no move {listed(map(str, lost), most=3)}", field="row_ids")
    members = np.array([place[row_id] for row_id in named], dtype="i8")
    edges = list_of(int, said["offsets"], "offsets")
    if edges != sorted(edges) or edges[:1] != [0] or edges[-1] != len(members) or len(edges) != len(rows) + 1:
        raise DefinitionError("offsets: they do not divide the moves among the episodes", field="offsets")
    offsets = np.array(edges, dtype="i8")
    _must_be_theirs(rows, cohort, members=members, lengths=np.diff(offsets))
    return Episodes(rows=Table.of(EpisodeRow, rows), offsets=freeze(offsets), members=freeze(members),
                    new_session=freeze(session_starts(cohort.moves, members, offsets)))


def _must_be_theirs(rows: list[EpisodeRow], cohort: Cohort, *, members: Array, lengths: Array) -> None:
    """Refuse an episode that is said to be of another dyad or track than its moves."""
    moves = cohort.moves.take(members)
    owners = [rows[at] for at in np.repeat(np.arange(len(rows)), lengths).tolist()]
    for row, dyad, track in zip(owners, moves.words("dyad"), moves.words("track"), strict=True):
        if (row.dyad, row.track) != (dyad, track):
            raise DefinitionError(f"episodes: {row.episode!r:.80} holds other people's moves, or another rater's; "
                                  "trace the cohort again", field="episodes")


def _column_in(said: Any, name: str, length: int) -> Array:
    held: list[Any] = list_of(bool if _COLUMNS[name] == "?" else int, said, name)
    if len(held) != length:
        raise DefinitionError(f"{name}: {len(held):,} values for {length:,} moves", field=name)
    most = np.iinfo(_COLUMNS[name]).max if _COLUMNS[name] != "?" else 1
    if not all(0 <= value <= most for value in held):
        raise DefinitionError(f"{name}: expected numbers from 0 to {most:,}", field=name)
    return freeze(np.array(held, dtype=_COLUMNS[name]))


def _open_ends_in(said: Any, episodes: int, states: int) -> dict[int, tuple[int, ...]]:
    ends: dict[int, tuple[int, ...]] = from_plain(Mapping[int, tuple[int, ...]], said, "open_ends")
    if not all(0 <= at < episodes and all(0 <= state < states for state in held) for at, held in ends.items()):
        raise DefinitionError("open_ends: they name an episode or state that is not there", field="open_ends")
    return ends


# --- alignments ---------------------------------------------------------------------------------------------------

_ALIGNED: Final = ("cost", "least", "greatest", "worst")
_ALIGNMENTS_KEYS: Final = ("model", "costs", "tie_rule", "episodes", "offsets", "row_ids", *_ALIGNED, "exact",
                           "most_vectors", "left_out", "provenance")


def _alignments_out(held: Alignments) -> dict[str, Any]:
    episodes = held.replay.episodes
    return {
        "model": json.loads(exchange.model_to_json(held.model)), "costs": to_plain(AlignmentCosts, held.costs, "costs"),
        "tie_rule": held.replay.tie_rule, "episodes": _rows_out(episodes.rows), "offsets": episodes.offsets.tolist(),
        "row_ids": held.replay.cohort.moves.row_id[episodes.members].tolist(),
        **{name: getattr(held, name).tolist() for name in (*_ALIGNED, "exact")}, "most_vectors": held.table.most,
        "left_out": dict(held.left_out), "provenance": _made_of(held),
    }


def _alignments_in(said: Any, cohort: Cohort | None) -> Alignments:
    """Align the episodes again; what the file says of them has to be what is found."""
    _check_object(said, "Alignments", keys=_ALIGNMENTS_KEYS)
    if cohort is None:
        raise RecordError("alignments refer to the moves of their cohort; say which (cohort=study.cohort)",
                          field="cohort")
    provenance, episodes = _made_from(said, cohort), _episodes_in(said, cohort)
    _must_be_one_each(said, (*_ALIGNED, "exact"), list(episodes.rows))
    replay = replay_of(
        cohort, episodes, model=exchange.model_from_json(json.dumps(said["model"])), track=None, follow_skips=True,
        tie_rule=from_plain(TieRule, said["tie_rule"], "tie_rule"),
        left_out=from_plain(Mapping[str, int], said["left_out"], "left_out"))
    found = align_replay(attrs.evolve(replay, provenance=provenance),
                         costs=from_plain(AlignmentCosts, said["costs"], "costs"),
                         most_vectors=from_plain(int, said["most_vectors"], "most_vectors"))
    same = all(getattr(found, name).tolist() == list_of(int, said[name], name) for name in _ALIGNED)
    if not same or found.exact.tolist() != list_of(bool, said["exact"], "exact") or found.replay.episodes != episodes:
        raise DefinitionError("Alignments: the costs do not follow from the moves by this model; align the cohort "
                              "again")
    return found


# --- one entry an episode ----------------------------------------------------------------------------------------

_ENDS_KEYS: Final = ("model", "rows", "state", "first_repair", "first_end", "skipped", "end_visible", "left_out",
                     "provenance")
_DWELL_KEYS: Final = ("names", "rows", "lasted", "seen", "provenance")
_VISITS_KEYS: Final = ("names", "rows", "n", "provenance")


def _ends_out(ends: TraceEnds) -> dict[str, Any]:
    return {
        "model": json.loads(exchange.model_to_json(ends.model)), "rows": _rows_out(ends.rows),
        **{name: getattr(ends, name).tolist() for name in ("state", "first_repair", "first_end", "skipped")},
        "end_visible": ends.end_visible, "left_out": dict(ends.left_out), "provenance": _made_of(ends),
    }


def _ends_in(said: Any, cohort: Cohort | None) -> TraceEnds:
    _check_object(said, "TraceEnds", keys=_ENDS_KEYS)
    model, rows = exchange.model_from_json(json.dumps(said["model"])), _rows_in(said["rows"], "rows")
    _must_be_one_each(said, ("state", "first_repair", "first_end", "skipped"), rows)
    state = _numbers_in(said["state"], "state", most=len(model.states) - 1)
    return TraceEnds(
        model=model, rows=Table.of(EpisodeRow, rows), state=freeze(state.astype("i2")),
        first_repair=_numbers_in(said["first_repair"], "first_repair", least=NEVER),
        first_end=_numbers_in(said["first_end"], "first_end", least=NEVER),
        skipped=freeze(np.array(list_of(bool, said["skipped"], "skipped"), dtype=bool)),
        end_visible=from_plain(bool, said["end_visible"], "end_visible"),
        left_out=from_plain(Mapping[str, int], said["left_out"], "left_out"), provenance=_made_from(said, cohort))


def _dwell_out(dwell: Dwell) -> dict[str, Any]:
    return {"names": list(dwell.names), "rows": _rows_out(dwell.rows), "lasted": dwell.lasted.tolist(),
            "seen": dwell.seen.tolist(), "provenance": _made_of(dwell)}


def _dwell_in(said: Any, cohort: Cohort | None) -> Dwell:
    _check_object(said, "Dwell", keys=_DWELL_KEYS)
    if cohort is None:
        raise RecordError("Dwell: times refer to how its cohort was coded; say which (cohort=study.cohort)",
                          field="cohort")
    names, rows = _names_in(said), _rows_in(said["rows"], "rows")
    _must_be_one_each(said, ("lasted", "seen"), rows)
    lasted, seen = _grid_in(said["lasted"], "lasted", names), _flags_in(said["seen"], "seen", names)
    if lasted[~seen].any():
        raise DefinitionError("lasted: an episode stayed where it is said never to have come", field="lasted")
    return Dwell(rows=Table.of(EpisodeRow, rows), names=names, lasted=lasted, seen=seen, coding=cohort.coding,
                 provenance=_made_from(said, cohort))


def _visits_out(visits: Visits) -> dict[str, Any]:
    return {"names": list(visits.names), "rows": _rows_out(visits.rows), "n": visits.n.tolist(),
            "provenance": _made_of(visits)}


def _visits_in(said: Any, cohort: Cohort | None) -> Visits:
    _check_object(said, "Visits", keys=_VISITS_KEYS)
    names, rows = _names_in(said), _rows_in(said["rows"], "rows")
    _must_be_one_each(said, ("n",), rows)
    return Visits(rows=Table.of(EpisodeRow, rows), names=names, n=_grid_in(said["n"], "n", names),
                  provenance=_made_from(said, cohort))


def _check_object(said: Any, place: str, *, keys: tuple[str, ...]) -> None:
    if not isinstance(said, dict):
        raise DefinitionError(f"{place}: expected an object in braces but got {said!r:.80}")
    check_keys(said, known=keys, needed=keys, place=place)


def _rows_out(rows: Table[EpisodeRow]) -> list[Any]:
    return [to_plain(EpisodeRow, row, "episodes") for row in rows]


def _rows_in(said: Any, place: str) -> list[EpisodeRow]:
    return [from_plain(EpisodeRow, one, f"{place}[{at}]") for at, one in enumerate(list_of(dict, said, place))]


def _made_of(result: Alignments | TraceEnds | Dwell | Visits) -> Any:
    return to_plain(Provenance, result.provenance, "provenance")


def _made_from(said: dict[str, Any], cohort: Cohort | None) -> Provenance:
    """Return the provenance of a result, once it is that of the cohort where one is given."""
    provenance: Provenance = from_plain(Provenance, said["provenance"], "provenance")
    if cohort is not None:
        _must_be_of(provenance, cohort)
    return provenance


def _must_be_one_each(said: dict[str, Any], names: tuple[str, ...], rows: list[EpisodeRow]) -> None:
    for name in names:
        held: list[Any] = from_plain(list, said[name], name)
        if len(held) != len(rows):
            raise DefinitionError(f"{name}: {len(held):,} values for {len(rows):,} episodes", field=name)


def _names_in(said: dict[str, Any]) -> tuple[str, ...]:
    names = tuple(list_of(str, said["names"], "names"))
    if len(set(names)) < len(names):
        raise DefinitionError("names: a name stands twice", field="names")
    return names


def _numbers_in(said: Any, place: str, *, least: int = 0, most: int = 2**63 - 1) -> Array:
    held = list_of(int, said, place)
    if not all(least <= value <= most for value in held):
        raise DefinitionError(f"{place}: expected numbers from {least} to {most:,}", field=place)
    return freeze(np.array(held, dtype="i8"))


def _each_in(said: list[Any], place: str, names: tuple[str, ...]) -> list[list[Any]]:
    """Return the lists of a table, one an episode, once each holds one value a name."""
    held: list[list[Any]] = [from_plain(list, row, f"{place}[{at}]") for at, row in enumerate(said)]
    odd = next((at for at, row in enumerate(held) if len(row) != len(names)), None)
    if odd is not None:
        raise DefinitionError(f"{place}[{odd}]: {len(held[odd])} values for {len(names)} names", field=place)
    return held


def _grid_in(said: list[Any], place: str, names: tuple[str, ...]) -> Array:
    rows = [_numbers_in(row, f"{place}[{at}]") for at, row in enumerate(_each_in(said, place, names))]
    return freeze(np.array(rows, dtype="i8").reshape(len(said), len(names)))


def _flags_in(said: list[Any], place: str, names: tuple[str, ...]) -> Array:
    rows = [list_of(bool, row, f"{place}[{at}]") for at, row in enumerate(_each_in(said, place, names))]
    return freeze(np.array(rows, dtype=bool).reshape(len(said), len(names)))


_IN_COLUMNS: Final[Mapping[str, tuple[Callable[[Any], dict[str, Any]], Callable[[Any, Cohort | None], Any]]]] = (
    types.MappingProxyType({
        "Alignments": (_alignments_out, _alignments_in), "Dwell": (_dwell_out, _dwell_in),
        "TraceEnds": (_ends_out, _ends_in), "TraceTable": (_table_out, _table_in),
        "Visits": (_visits_out, _visits_in),
    }))
"""How results that hold columns are written and read; all others are written as their class declares."""
