"""All that can be said of the negotiations of a cohort at once, and how it moves with what was decided on the way."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from rupturekit import _html
from rupturekit.cohort import Cohort, choose_track
from rupturekit.errors import CodingWarning, NotEstimable, RecordError
from rupturekit.inference.estimate import Estimate, or_reason
from rupturekit.negotiation.acts import ActMapping, as_act_mapping
from rupturekit.negotiation.measures import (
    MeetingCounts,
    asymmetry,
    check_other_was_coded,
    meeting_counts,
    meeting_rate,
    mutuality,
    responsiveness,
)
from rupturekit.negotiation.rearranging import check_asked
from rupturekit.negotiation.table import ANSWERS, Answer, Negotiations, negotiations
from rupturekit.provenance import Provenance
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.ties import TieRule, as_tie_rule
from rupturekit.vocabulary import Need

__all__ = ["NegotiationAccount", "NegotiationSensitivity", "account_of", "negotiation_sensitivity"]

Row = Estimate | str
"""An estimate, or the sentence that says why there is none."""


@attrs.frozen(kw_only=True, repr=False)
class NegotiationAccount:
    """What was found in the negotiations of a cohort: counts, and every measure or the reason why there is none."""

    counts: Mapping[str, int]
    answers: Mapping[str, Mapping[str, int]]
    rows: Mapping[str, Row]
    provenance: Provenance

    def __repr__(self) -> str:
        held = sum(isinstance(row, Estimate) for row in self.rows.values())
        return f"NegotiationAccount({held} of {len(self.rows)} measures estimable)"

    def lines(self) -> list[tuple[str, str]]:
        """Return the account as (title, text) pairs, one a measure."""
        return [(name, _said(row)) for name, row in self.rows.items()]

    def __str__(self) -> str:
        width = max(map(len, self.rows), default=0)
        said = [f"  {title:<{width}}  {text}" for title, text in self.lines()]
        answers = [f"  {party}: " + ", ".join(f"{answer} {n:,}" for answer, n in counts.items())
                   for party, counts in self.answers.items()]
        return "\n".join([*(f"{n:,} {what}" for what, n in self.counts.items()), "", "how claims were answered, by who "
                          "claimed", *answers, "", "measures, over dyads", *said])

    def _repr_html_(self) -> str:
        answers = [(party, *(f"{n:,}" for n in counts.values())) for party, counts in self.answers.items()]
        return _html.page(
            "NegotiationAccount", "Negotiation of needs", _html.table(("what", "n"), self.counts.items()),
            _html.table(("claims by", *ANSWERS), answers), _html.facts(self.lines()))


def _said(row: Row) -> str:
    if isinstance(row, str):
        return row
    held = (f"no interval: {row.no_interval}" if row.interval is None else
            f"{row.confidence:.0%} interval: {row.interval[0]:.3f} to {row.interval[1]:.3f}")
    test = f"; p = {row.test.p:.3g} against {row.test.null!r}" if row.test else ""
    return f"{row.value:.3f} ({held}; {_html.counted(row.n['dyads'], 'dyad')}{test})"


def account_of(table: Negotiations, rule: SegmentationRule, *, draws: int = 999, seed: int = 1,
               level: str | None = None, confidence: float = 0.95) -> NegotiationAccount:
    """Estimate every measure of negotiations: meeting rates, responsiveness, mutuality and asymmetry.

    Parameters
    ----------
    rule : SegmentationRule
        The rule that drew the episodes: the null of responsiveness holds what it looks at.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> account_of(held, WHOLE_SESSION, draws=19, confidence=0.9)
    NegotiationAccount(4 of 10 measures estimable)
    """
    check_asked(table, rule)
    rows: dict[str, Row] = {}
    for party in table.parties:
        for need in (None, *Need):
            of = f" of {need}" if need else ""
            rows[f"claims{of} by the {party} that were met"] = or_reason(
                functools.partial(meeting_rate, table, party=party, need=need, level=level, seed=seed,
                                  confidence=confidence))
        rows[f"responsiveness to the {party}"] = or_reason(
            functools.partial(responsiveness, table, rule, party=party, draws=draws, seed=seed, level=level,
                              confidence=confidence))
    for name, measure in (("mutuality", mutuality), ("asymmetry", asymmetry)):
        rows[name] = or_reason(functools.partial(measure, table, level=level, confidence=confidence, seed=seed))
    return NegotiationAccount(counts=table.summary(), answers=table.answer_counts(), rows=rows,
                              provenance=attrs.evolve(table.provenance, seed=seed))


@attrs.frozen(kw_only=True)
class SensitivityRow:
    """What one mapping, window and rule gives; None is not estimable."""

    mapping: str
    window: int
    rule: str
    episodes: int
    without_negotiation: int
    ended: int
    met: tuple[float | None, float | None]
    mutuality: float | None
    answered_by_meeting: float | None


@attrs.frozen(kw_only=True, repr=False)
class NegotiationSensitivity:
    """How the negotiation's headlines move with the mapping of codes, the answer window and the segmentation rule."""

    parties: tuple[str, str]
    rows: tuple[SensitivityRow, ...]
    provenance: Provenance

    def __repr__(self) -> str:
        return f"NegotiationSensitivity({len(self.rows)} ways)"

    def _table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        first, second = self.parties
        head = ("acts by", "window", "rule", "episodes", "no negotiation", "ended", f"{first} met", f"{second} met",
                "mutuality", "answered by meeting")
        return head, [(row.mapping, str(row.window), row.rule, str(row.episodes), str(row.without_negotiation),
                       str(row.ended), *map(_share, (*row.met, row.mutuality, row.answered_by_meeting)))
                      for row in self.rows]

    def __str__(self) -> str:
        head, rows = self._table()
        widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
        return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
                         for row in (head, *rows))

    def _repr_html_(self) -> str:
        head, rows = self._table()
        return _html.page("NegotiationSensitivity", "Sensitivity of the negotiation", _html.table(head, rows))


def _share(value: float | None) -> str:
    return "not estimable" if value is None else f"{value:.3f}"


def negotiation_sensitivity(cohort: Cohort, rules: Iterable[SegmentationRule], *,
                            mappings: Iterable[ActMapping | str | Path | None] = (None,),
                            windows: Iterable[int] = (1, 2, 3), track: str | None = None,
                            tie_rule: TieRule | str = TieRule.AS_FILED) -> NegotiationSensitivity:
    """Show how the headlines move with mapping, window and segmentation rule: every combination, side by side.

    Rates are pooled within dyads and then means over dyads, as in `meeting_rate`; here without intervals.

    Raises
    ------
    RecordError
        Where no rule, mapping or window is given.

    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION
    >>> varied = negotiation_sensitivity(example_cohort(), [WHOLE_SESSION], track="r1")
    >>> [(row.window, row.ended) for row in varied.rows]
    [(1, 10), (2, 10), (3, 10)]
    """
    track, tie_rule = choose_track(cohort, track), as_tie_rule(tie_rule)
    held = [as_act_mapping(mapping, cohort.coding.codebook) for mapping in mappings]
    chosen, spans = tuple(rules), tuple(windows)
    if not (held and chosen and spans):
        raise RecordError("sensitivity compares ways to look, but no rule, mapping or window was given; pass at "
                          "least one "
                          "of each", field="rules")
    rows: list[SensitivityRow] = []
    for rule in chosen:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CodingWarning)
            cut = segment(cohort, rule, track=track)
        rows += [_row(negotiations(cut, mapping=mapping, window=window, tie_rule=tie_rule), rule)
                 for mapping in held for window in spans]
    first, second = cohort.coding.parties
    return NegotiationSensitivity(
        parties=(first, second), rows=tuple(rows), provenance=cohort.provenance(track=track, rules=(
            *(rule.identity for rule in chosen), *(mapping.identity for mapping in held), f"ties {tie_rule}",
            f"windows {', '.join(map(str, spans))}")))


def _row(table: Negotiations, rule: SegmentationRule) -> SensitivityRow:
    counts = meeting_counts(table).values()
    known = [int((table.claims.answer != ANSWERS.index(Answer.CENSORED)).sum()),
             int((table.claims.answer == ANSWERS.index(Answer.MET)).sum())]
    return SensitivityRow(
        mapping=table.turns.mapping.name, window=table.window, rule=rule.name, episodes=len(table),
        without_negotiation=int((~table.claimed(Need.AGENCY).any(axis=1)).sum()), ended=int(table.ends.first.sum()),
        met=(_met(table, counts, 0), _met(table, counts, 1)),
        mutuality=_mean(one.mutuality for one in counts), answered_by_meeting=known[1] / known[0] if known[0] else None)


def _met(table: Negotiations, counts: Iterable[MeetingCounts], side: int) -> float | None:
    try:
        check_other_was_coded(table, side)
    except NotEstimable:
        return None
    return _mean(one.rate(side) for one in counts)


def _mean(values: Iterable[float | None]) -> float | None:
    held = [value for value in values if value is not None]
    return sum(held) / len(held) if held else None
