"""The negotiation of needs: who claimed what, how the other answered, how it ended; or why it cannot be said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rupturekit._html import counted
from rupturekit.negotiation.table import ANSWERS
from rupturekit.plots.negotiation import meeting_rates, needs_balance
from rupturekit.report.blocks import About, Block, Prose, Section, Table
from rupturekit.report.estimates import number_of
from rupturekit.report.pictures import picture
from rupturekit.report.source import Source

__all__ = ["needs"]

_ACTS: Final = "acts on needs are those that the codebook, or the plan's mapping, gives to codes"


def needs(source: Source) -> Section:
    """Return what was found of the negotiation of agency and communion."""
    table = source.shown.negotiations
    if not len(table.claims):
        return Section(name="needs", title="Negotiation of needs", blocks=(Prose(paragraphs=(
            f"No claim of a need was coded in {counted(len(table), 'episode')}: there is nothing to tell of, which is "
            "not the same as needs that were not there.",)),))
    return Section(name="needs", title="Negotiation of needs", blocks=(
        Prose(paragraphs=(f"In all {counted(len(table), 'episode')} of the track, of every rupture type; acts by "
                          f"{table.turns.mapping.describe()}. A claim is answered within "
                          f"{counted(table.window, 'turn')} of the other.",)),
        *_counts(source), *_measures(source), *_pictures(source)))


def _counts(source: Source) -> Iterator[Table]:
    account, table = source.account, source.shown.negotiations
    about = About(n=counted(len(table), "episode"), method=f"counted; {_ACTS}",
                  definition="a spell is a claim for as long as it was open; what was not observed is counted apart "
                             "from what did not happen")
    yield Table(caption="What was found", header=("what", "n"), rows=tuple((what, n) for what, n in
                                                                           account.counts.items()), about=about)
    yield Table(caption="How claims were answered, by who claimed", header=("claims by", *map(str, ANSWERS)),
                rows=tuple((party, *counts.values()) for party, counts in account.answers.items()), about=About(
        n=counted(len(table.claims), "claim"), method=f"what the other did next; {_ACTS}",
        definition="met: granted; contested: turned down; countered: answered by an own claim; deflected: by no act "
                   "on a need; censored: observation stopped before an answer"))


def _measures(source: Source) -> Iterator[Block]:
    for name, found in source.account.rows.items():
        yield number_of(found, name=name, definition=_definition(name))


def _definition(name: str) -> str:
    return next((says for start, says in _MEASURES.items() if name.startswith(start)), name)


_MEASURES: Final = {
    "claims": "share of spells that the other met, pooled within a dyad, mean over dyads; spells that observation cut "
              "off count for neither. It grows with how much the other talks: not for comparing groups",
    "responsiveness": "how much more of the claims were met in the turn after them than if the same answers had come "
                      "in any turn",
    "mutuality": "product of both parties' shares within a dyad, mean over dyads",
    "asymmetry": "difference of both parties' shares within a dyad, mean over dyads",
}


def _pictures(source: Source) -> Iterator[Block]:
    table = source.analysis.negotiations    # intervals may be drawn by the names of dyads; no name is in the picture
    n = counted(len(table), "episode")
    yield from picture(lambda: meeting_rates(table, seed=source.seed), name="met", caption="Share of claims met",
                       about=About(n=n, method="as the numbers above", definition=_MEASURES["claims"]))
    yield from picture(lambda: needs_balance(table), name="balance", caption="Acts on needs as episodes go on",
                       about=About(n=n, method=f"pooled over episodes, without an interval; {_ACTS}",
                                   definition="share of a person's turns with an act on the need"))
