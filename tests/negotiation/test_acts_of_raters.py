"""Acts on needs that raters stated of single moves, whatever the codes are."""

from __future__ import annotations

import pytest

from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, EpisodeRow, Label, Move
from rupturekit.errors import NotEstimable, RecordError
from rupturekit.negotiation.acts import acts_of_raters
from rupturekit.negotiation.measures import meeting_rate
from rupturekit.negotiation.table import Negotiations, negotiations

BOOK = load_codebook("3rs-2022")


def stated(*acts: tuple[int, str, str | None], rater: str | None = None) -> Negotiations:
    """Return five turns without acts by their codes, with acts that raters stated of some moves."""
    moves = [Move(dyad="D1", session=1, track="r1", party="therapist" if at % 2 else "client",
                  code="wd-min" if not at % 2 else "rp-explore", onset=at, row_id=10 + at) for at in range(5)]
    labels = [Label(subject_kind="move", subject=str(10 + at), attribute="need_act", value=value, rater=who)
              for at, value, who in acts]
    row = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=5)
    cohort = Cohort.of(moves, coding=Coding(codebook=BOOK), labels=labels, episodes=[row])
    return negotiations(cohort, mapping="raters" if rater is None else acts_of_raters(BOOK, rater=rater))


def test_what_raters_stated_is_read_and_codes_are_not_asked() -> None:
    table = stated((0, "claim agency", "anna"), (1, "grant agency", "anna"), (1, "claim communion", "anna"),
                   (2, "unknown", "anna"))
    assert [hex(byte) for byte in table.turns.acts.tolist()] == ["0x1", "0x6", "0x0", "0x0", "0x0"]
    assert meeting_rate(table, party="client").value == 1.0
    assert "acts raters:" in " ".join(table.provenance.rules)


def test_of_several_raters_one_has_to_be_named() -> None:
    acts = ((0, "claim agency", "anna"), (1, "grant agency", "ben"), (3, "grant agency", None))
    with pytest.raises(RecordError, match="3 raters stated acts on needs"):
        stated(*acts)
    assert [list(map(int, stated(*acts, rater=who).turns.acts)) for who in ("anna", "ben")] == [
        [1, 0, 0, 0, 0], [0, 4, 0, 0, 0]]


def test_that_nobody_looked_is_not_that_nobody_claimed() -> None:
    with pytest.raises(RecordError, match="no rater stated an act on a need: the labels hold no attribute need_act"):
        stated()
    with pytest.raises(RecordError, match=r"rater 'ana' stated no act on a need; did you mean 'anna'\?; these did: 'anna'"):
        stated((0, "claim agency", "anna"), rater="ana")
    with pytest.raises(NotEstimable, match="the client made no claim, so .*; the raters stated no claim in these"):
        meeting_rate(stated((0, "unknown", "anna")), party="client")
