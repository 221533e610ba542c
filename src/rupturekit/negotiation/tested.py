"""Document A's four hypotheses held against one study, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rupturekit.errors import RecordError
from rupturekit.inference.estimate import or_reason
from rupturekit.negotiation.hypotheses import Hypothesis
from rupturekit.negotiation.imbalance import relatedness_imbalance
from rupturekit.negotiation.match import match_after_end
from rupturekit.negotiation.order import OrderByType, needs_order_by_type
from rupturekit.negotiation.renewal import renewal_after_end
from rupturekit.negotiation.table import Negotiations
from rupturekit.negotiation.veil import veil
from rupturekit.segmentation import SegmentationRule
from rupturekit.vocabulary import NeedMode

__all__ = ["MANY_TESTS", "hypotheses_of"]

MANY_TESTS: Final = (
    "These are several tests, and p-values stand as each test gives them: name one hypothesis beforehand, or adjust "
    "(rupturekit.inference.multiplicity).")
"""What has to be said wherever all four stand together."""


def hypotheses_of(table: Negotiations, rule: SegmentationRule, *, k: int | None = None, h: int | None = None,
                  source: str | None = None, draws: int = 999, seed: int = 1
                  ) -> dict[str, Hypothesis | OrderByType | str]:
    """Return each of the four hypotheses, or the sentence that says why these data cannot be held against it.

    Parameters
    ----------
    k, h : int or None
        For the match after the end: own turns that communion is averaged over, turns before and after.
    source : str or None
        For the veil: which source of the latent imbalance; has to be said where there are several.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.negotiation.table import negotiations
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = negotiations(segment(example_cohort(), WHOLE_SESSION, track="r1"))
    >>> found = hypotheses_of(held, WHOLE_SESSION, draws=19)
    >>> found["order"]
    OrderByType(withdrawal, confrontation)
    >>> found["match after the end"]
    'not tested: say k, own turns that communion is averaged over, and h, turns before and after; neither has a default'
    """
    tests: dict[str, Callable[[], Hypothesis | OrderByType]] = {
        "order": lambda: needs_order_by_type(table, rule, draws=draws, seed=seed),
        "renewal after the end": lambda: renewal_after_end(table, rule, draws=draws, seed=seed),
        "veil": lambda: veil(table, relatedness_imbalance(table.cohort, mode=NeedMode.WANTED, source=source),
                             draws=draws, seed=seed),
    }
    found = {name: _tried(test) for name, test in tests.items()}
    if k is None or h is None:
        return found | {"match after the end": "not tested: say k, own turns that communion is averaged over, and h, "
                                               "turns before and after; neither has a default"}
    return found | {"match after the end": _tried(lambda: match_after_end(table, rule, k=k, h=h, draws=draws,
                                                                          seed=seed))}


def _tried(test: Callable[[], Hypothesis | OrderByType]) -> Hypothesis | OrderByType | str:
    try:
        return or_reason(test)
    except RecordError as error:
        if error.field != "source":
            raise
        return f"not tested: {error}"
