"""Whether the order of the moves follows the model more closely than any order of the same moves would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rupturekit._html import counted
from rupturekit.conformance.order import OrderGain
from rupturekit.conformance.stages import StageOrder, StagePair
from rupturekit.report.blocks import About, Block, Cell, Prose, Section, Table
from rupturekit.report.estimates import number_of
from rupturekit.report.source import Source

__all__ = ["order"]

_GAIN = ("1 - cost of the observed order / mean cost of the same moves in any order, pooled within a dyad, mean over "
         "dyads: 0 is no more order along the model than chance gives, 1 an order without deviation")
_NOT_SHOWN = ("It does not show that episodes went this way because of what the model says; other models may fit the "
              "same order. A mean over dyads says nothing of one dyad.")


_PAIRS: Final = ("earlier", "later", "share", "over chance", "interval", "p", "adjusted p", "dyads")


def order(source: Source) -> Section | None:
    """Return order gain with its interval and test; nothing where the plan names no process model."""
    found = source.order
    if found is None:
        return None
    name = f"order gain along {source.shown.model.name}"
    held = found.gain if isinstance(found, OrderGain) else found
    left = found.left_out.items() if isinstance(found, OrderGain) else ()
    return Section(name="order", title="Order", blocks=(
        number_of(held, name=name, definition=_GAIN), *_pairs(source.stages),
        Prose(paragraphs=(f"The model: {source.shown.model.evidence_text()}.", _NOT_SHOWN),
              items=tuple(f"not part of it: {why} ({n:,})" for why, n in left))))


def _pairs(found: StageOrder | str | None) -> Iterator[Block]:
    """Yield which stages carry the order, pair by pair."""
    if found is None:
        return
    if isinstance(found, str):
        yield Prose(paragraphs=(f"Which stages carry the order: {found}.",))
        return
    without = dict.fromkeys(pair.gain.no_interval for pair in found.pairs if pair.gain.interval is None)
    yield Table(caption="Which stages carry the order", header=_PAIRS, rows=tuple(map(_pair, found.pairs)), about=About(
        n=f"{counted(len(found.pairs), 'pair')} of stages",
        method=f"{found.pairs[0].gain.method}; tests against the null {found.null!r}, p adjusted for all pairs "
               "(Benjamini & Yekutieli 2001)" + "".join(f"; where there is no interval: {why}" for why in without),
        definition="share: of the pairs of moves of both stages in an episode, how many have the earlier stage first, "
                   "mean over dyads; over chance: less the same with moves in any order. It does not show that one "
                   "stage brings the other about"))


def _pair(pair: StagePair) -> tuple[Cell, ...]:
    held, test = pair.gain.interval, pair.gain.test
    within = "none" if held is None else f"{held[0]:+.3f} to {held[1]:+.3f}"
    return (pair.earlier, pair.later, f"{pair.share.value:.3f}", f"{pair.gain.value:+.3f}", within,
            pair.untested if test is None else f"{test.p:.3g}", "" if pair.adjusted is None else f"{pair.adjusted:.3g}",
            pair.share.n["dyads"])
