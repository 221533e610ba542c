"""How much the segmentation rule decides: the same cohort cut by many rules, side by side."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from rupturekit import _html
from rupturekit.cohort import Cohort, choose_track, warn_if_unobserved
from rupturekit.errors import CodingWarning, RecordError
from rupturekit.provenance import Provenance
from rupturekit.replays import tracing_rules
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.state_machine import StateMachine
from rupturekit.ties import TieRule, as_tie_rule
from rupturekit.traces import trace_cohort

__all__ = ["SegmentationTable", "nearby_rules", "segment_many"]


@attrs.frozen(kw_only=True, repr=False)
class SegmentationTable:
    """How the number of episodes and their ends move with the rule; one entry a rule."""

    track: str
    model: str | None
    rules: tuple[SegmentationRule, ...]
    n_episodes: tuple[int, ...]
    n_moves: tuple[int, ...]
    closed_by: tuple[Mapping[str, int], ...]
    reached: tuple[Mapping[str, int], ...]
    provenance: Provenance = attrs.field(eq=False)

    def __repr__(self) -> str:
        return f"SegmentationTable({len(self.rules)} rules, {min(self.n_episodes)} to {max(self.n_episodes)} episodes)"

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {'  '.join(line)}" for line in self._lines())])

    def _lines(self) -> list[tuple[str, ...]]:
        width = max(len(rule.name) for rule in self.rules)
        return [(f"{rule.name:<{width}}", f"{n:,} episodes", f"{m:,} moves", f"closed by {_said(closed)}",
                 f"end reached: {_said(reached)}" if self.model else "")
                for rule, n, m, closed, reached in
                zip(self.rules, self.n_episodes, self.n_moves, self.closed_by, self.reached, strict=True)]

    def _repr_html_(self) -> str:
        rows = ([cell.strip() for cell in line] for line in self._lines())
        return _html.page("SegmentationTable", "Sensitivity to the segmentation rule", _html.table((), rows))


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.items()) or "none"


def segment_many(cohort: Cohort, rules: Iterable[SegmentationRule], *, track: str | None = None,
                 model: StateMachine | None = None, tie_rule: TieRule = TieRule.AS_FILED, follow_skips: bool = True,
                 any_type: bool = False) -> SegmentationTable:
    """Show how the number of episodes, their closings and, with a model, their ends move with the rule.

    How episodes are traced (`tie_rule`, `follow_skips`, `any_type`) is as in `trace_cohort`.

    Raises
    ------
    RecordError
        Where no rule is given.
    """
    track, held, tie_rule = choose_track(cohort, track), tuple(rules), as_tie_rule(tie_rule)
    if not held:
        raise RecordError("segment_many compares rules, but none was given; pass at least one SegmentationRule")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        cut = [segment(cohort, rule, track=track) for rule in held]
    warn_if_unobserved(cohort)
    reached: Sequence[Mapping[str, int]] = [{} for _ in held]
    traced = () if model is None else tracing_rules(tie_rule, follow_skips=follow_skips, any_type=any_type)
    if model is not None:
        reached = [trace_cohort(one, model, track=track, tie_rule=tie_rule, follow_skips=follow_skips,
                                any_type=any_type).summary().reached for one in cut]
    return SegmentationTable(
        track=track, model=model.name if model else None, rules=held, n_episodes=tuple(len(one.columns) for one in cut),
        n_moves=tuple(len(one.columns.members) for one in cut),
        closed_by=tuple(Counter(sorted(filter(None, one.columns.rows.words("closed_by")))) for one in cut),
        reached=tuple(reached),
        provenance=cohort.provenance(rules=(*(rule.identity for rule in held), *traced), track=track,
                                     model=f"{model.name}:{model.digest}" if model else None),
    )


def nearby_rules(cohort: Cohort, rule: SegmentationRule) -> tuple[SegmentationRule, ...]:
    """Return a rule and its neighbours: half, once and twice its gap and none; the coders' own episodes kept and not.

    >>> from rupturekit.example import example_cohort
    >>> rule = SegmentationRule(name="mine", opens=("withdrawal_marker",), gap=240_000_000)
    >>> [near.name for near in nearby_rules(example_cohort(), rule)][-2:]
    ['gap 480 s, rule alone', 'to session end, rule alone']
    """
    gaps = [None] if rule.gap is None else [*dict.fromkeys((max(rule.gap // 2, 1), rule.gap, rule.gap * 2)), None]
    held = (True, False) if len(cohort.coded) else (False,)
    return tuple(attrs.evolve(rule, gap=gap, use_coded=coded, name=_name(cohort, gap=gap, coded=coded))
                 for coded in held for gap in gaps)


def _name(cohort: Cohort, *, gap: int | None, coded: bool) -> str:
    clock = cohort.coding.time.has_clock
    span = "to session end" if gap is None else f"gap {gap / 1e6:g} s" if clock else f"gap {gap} turns"
    return span + (", coders' episodes kept" if coded else ", rule alone")
