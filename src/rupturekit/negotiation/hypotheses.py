"""What a test of one of document A's four hypotheses gives: numbers, what was left out, and what it does not show.

Document A is the paper cited in the codebook `needs`: a reading of therapists' accounts. Nine were interviewed;
nobody's sessions were observed. So none of the four hypotheses has been tested where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from rupturekit import _html
from rupturekit.inference.estimate import Estimate

__all__ = ["NINE_INTERVIEWS", "Hypothesis"]

NINE_INTERVIEWS = ("the hypothesis was read out of interviews with nine therapists; agreement with it here says that "
                   "these coded moves are consistent with their accounts, not that the accounts are right about why")


@attrs.frozen(kw_only=True, repr=False)
class Hypothesis:
    """A hypothesis held against data.

    Attributes
    ----------
    name, states : str
        What it is called, and what it states of the quantity estimated.
    estimate : Estimate
        The quantity, with interval and test.
    expected : mapping of source to str
        What each source lets one expect.
    table : mapping of str to int
        What was counted on the way.
    left_out : mapping of str to int
        What could not be used, by reason.
    does_not_show : tuple of str
    """

    name: str
    states: str
    estimate: Estimate
    expected: Mapping[str, str] = attrs.field(factory=dict)
    table: Mapping[str, int] = attrs.field(factory=dict)
    left_out: Mapping[str, int] = attrs.field(factory=dict)
    does_not_show: tuple[str, ...] = (NINE_INTERVIEWS,)

    def __repr__(self) -> str:
        return f"Hypothesis({self.name!r}: {self.estimate.value:.4g})"

    def lines(self) -> list[tuple[str, str]]:
        """Return the result as (title, text) pairs."""
        return [("hypothesis", f"{self.name}: {self.states}"),
                *((f"expected by {source}", text) for source, text in self.expected.items()), *self.estimate.lines(),
                *((name, f"{n:,}") for name, n in self.table.items()),
                *((f"left out: {name}", f"{n:,}") for name, n in self.left_out.items()),
                *(("does not show", text) for text in self.does_not_show)]

    def __str__(self) -> str:
        return "\n".join(f"{title}: {text}" for title, text in self.lines())

    def _repr_html_(self) -> str:
        return _html.page("Hypothesis", self.name, _html.facts(self.lines()))
