"""What is replayed: the episodes that a model is held against, in the order of the tie rule, and what was left out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._schema import ABSENT_CODE
from rupturekit._table import Table
from rupturekit.codebooks import MARKERS
from rupturekit.cohort import Cohort, Episodes, choose_track
from rupturekit.episode import EpisodeRow
from rupturekit.errors import CodingWarning, expect
from rupturekit.kinds import Kinds, compile_kinds
from rupturekit.provenance import Provenance
from rupturekit.state_machine import StateMachine
from rupturekit.ties import TieRule, as_tie_rule, in_tie_order
from rupturekit.vocabulary import RuptureType

__all__ = ["Replay", "replay_of", "replay_of_all", "tracing_rules"]


@attrs.frozen(kw_only=True, eq=False)
class Replay:
    """Episodes, members in the order of replay, and the compiled model that they are held against."""

    cohort: Cohort
    kinds: Kinds
    episodes: Episodes
    tie_rule: TieRule
    follow_skips: bool
    left_out: Mapping[str, int]
    provenance: Provenance


def replay_of(cohort: Cohort, episodes: Episodes, *, model: StateMachine, tie_rule: TieRule, follow_skips: bool,
              track: str | None, left_out: Mapping[str, int]) -> Replay:
    """Return episodes of a cohort ready for replay, whatever they opened with.

    Raises
    ------
    PartyMismatch
        Where the model names a party that the study lacks.
    """
    tie_rule = as_tie_rule(tie_rule)
    kinds = compile_kinds(model, cohort.coding.codebook, parties=cohort.coding.parties, follow_skips=follow_skips)
    ordered = in_tie_order(cohort, episodes, tie_rule)
    tracks = ordered.rows.levels["track"]
    track = tracks[0] if track is None and len(tracks) == 1 else track
    provenance = cohort.provenance(model=f"{model.name}:{model.digest}", track=track, rules=(
        cohort.rule, *tracing_rules(tie_rule, follow_skips=follow_skips)))
    return Replay(cohort=cohort, kinds=kinds, episodes=ordered, tie_rule=tie_rule, follow_skips=follow_skips,
                  left_out=dict(left_out), provenance=provenance)


def tracing_rules(tie_rule: TieRule, *, follow_skips: bool, any_type: bool = False) -> tuple[str, ...]:
    """Return how episodes are traced, as provenance says it.

    >>> tracing_rules(TieRule.AS_FILED, follow_skips=True)
    ('ties as_filed', 'skips followed')
    """
    said = (f"ties {tie_rule}", "skips followed" if follow_skips else "skips not followed")
    return (*said, "any type") if any_type else said


def replay_of_all(cohort: Cohort, model: StateMachine, *, track: str | None, tie_rule: TieRule, follow_skips: bool,
                  any_type: bool) -> Replay:
    """Return the episodes in force that fit a model, ready for replay; what does not fit is counted by reason.

    Raises
    ------
    RecordError
        Where `track` names a reading that is not there.
    PartyMismatch
        Where the model names a party that the study lacks.
    """
    expect(cohort, Cohort, what="a cohort", remedy="trace(episode, model) traces one episode")
    rows = cohort.columns.rows
    keep = np.ones(len(rows), dtype=bool)
    if track is not None:
        choose_track(cohort, track)
        keep &= rows.track == rows.code_of("track", word=track)
    if not keep.any():
        warnings.warn("no episodes are in force" + (f" in track {track!r}" if track else "")
                      + ": nothing to trace; either no move opens one by the segmentation rule, or the cohort is still "
                      "to be cut by segment(), which the command line does itself", CodingWarning, stacklevel=3)
    left_out: dict[str, int] = {}
    for why, other in _unfit(cohort, model, any_type=any_type):
        if (keep & other).any():
            left_out[why] = int((keep & other).sum())
        keep &= ~other
    episodes = cohort.columns if keep.all() else cohort.columns.take(keep)
    held = replay_of(cohort, episodes, model=model, tie_rule=tie_rule, follow_skips=follow_skips, track=track,
                     left_out=left_out)
    rules = (cohort.rule, *tracing_rules(held.tie_rule, follow_skips=follow_skips, any_type=any_type))
    return attrs.evolve(held, provenance=attrs.evolve(held.provenance, rules=rules))


def _unfit(cohort: Cohort, model: StateMachine, *, any_type: bool) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Yield why episodes are not held against a model, and which."""
    rows = cohort.columns.rows
    yield "holds no moves", np.asarray(cohort.columns.lengths == 0)
    if any_type:
        return
    if model.type is not None:
        yield f"opened with another rupture type than {model.type}", ~_types_fit(rows, model.type)
    people = _whose(model)
    if people is not None:
        codes = [rows.code_of("party", word=party) for party in people]
        yield f"opened by somebody whose ruptures {model.name} does not describe", ~np.isin(
            rows.party, [*codes, ABSENT_CODE])


def _whose(model: StateMachine) -> frozenset[str] | None:
    """Return whose markers begin the model, or None where it takes anybody's."""
    marking = [arrow.when for arrow in model.transitions
               if arrow.source == model.initial and arrow.when and not MARKERS.keys().isdisjoint(arrow.when.functions)]
    people = {when.party for when in marking}
    return None if not people or None in people else frozenset(party for party in people if party is not None)


def _types_fit(rows: Table[EpisodeRow], wanted: RuptureType) -> npt.NDArray[np.bool_]:
    """Return which episodes may be held against a model for a type: the same, mixed, or not said."""
    codes = [rows.code_of("rupture_type", word=word) for word in (wanted, RuptureType.MIXED)]
    return np.isin(rows.rupture_type, [*codes, ABSENT_CODE])
