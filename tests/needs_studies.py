"""Small studies of negotiations, made of words and drawn at random; the packaged codebook `needs`.

A move is (party, code, seconds); a study maps each dyad to its sessions, and a session is one episode of its coders.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

import rupturekit as rk
from oracles_negotiation import NEEDS, VERBS, Turn
from rupturekit.episode import EpisodeRow
from rupturekit.vocabulary import ClosedBy

__all__ = ["ACTS_OF", "BOOK", "CODES", "PARTIES", "SAID", "SILENT", "STUDIES", "Said", "Study", "cohort_of", "turns_said"]

Said = tuple[str | None, str, int]
Study = Mapping[str, Sequence[Sequence[Said]]]

BOOK = rk.load_codebook("needs")
PARTIES = ("client", "therapist")
SILENT = "re-ack"
"""A code without an act."""

ACTS_OF = {f"{short}-{of}": (verb, need) for verb, short in zip(VERBS, ("cl", "gr", "ct", "yl"), strict=True)
           for need, of in zip(NEEDS, ("ag", "re"), strict=True)}
CODES = (*ACTS_OF, SILENT)


def cohort_of(study: Study, *, stopped: frozenset[str] = frozenset(), coding: rk.Coding | None = None,
              scale: int = 1, later: int = 0) -> rk.Cohort:
    """Return the cohort; episodes are named `D1/1`, those in `stopped` close with the end of observation."""
    moves, rows = [], []
    for dyad, sessions in study.items():
        for number, session in enumerate(sessions, start=1):
            times = [rk.seconds(when) * scale + later for _, _, when in session]
            moves += [rk.Move(dyad=dyad, session=number, track="r1", party=party, code=code, onset=time, tie=tie,
                              row_id=1000 * len(rows) + tie)
                      for tie, ((party, code, _), time) in enumerate(zip(session, times, strict=True))]
            name = f"{dyad}/{number}"
            rows.append(EpisodeRow(
                episode=name, dyad=dyad, track="r1", first_session=number, onset=min(times, default=0), last_session=number,
                end=max(times, default=0), closed_by=ClosedBy.OBSERVATION_END if name in stopped else ClosedBy.CODERS))
    return rk.Cohort.of(moves, coding=coding or rk.Coding(codebook=BOOK), episodes=rows)


def turns_said(session: Sequence[Said], rule: str = "as_filed") -> list[Turn]:
    """Return the turns of a session by the slow road: instant by instant, party by party."""
    turns: list[Turn] = []
    for _, group in itertools.groupby(session, key=lambda said: said[2]):
        here = [(party, code) for party, code, _ in group if party is not None]
        filed = list(dict.fromkeys(PARTIES.index(party) for party, _ in here))
        order = {"as_filed": filed, "first_party_first": sorted(filed), "second_party_first": sorted(filed)[::-1]}[rule]
        turns += [(side, frozenset(ACTS_OF[code] for party, code in here if PARTIES.index(party) == side and code in ACTS_OF))
                  for side in order]
    return turns


_MOVE = st.tuples(st.sampled_from([*PARTIES, *PARTIES, *PARTIES, None]), st.sampled_from([*CODES, "cl-ag", "cl-ag", "gr-ag"]),
                  st.sampled_from([0, 1, 1, 3]))
SAID = st.lists(_MOVE, max_size=9).map(lambda made: [
    (party, code, when) for (party, code, _), when
    in zip(made, itertools.accumulate((step for _, _, step in made)), strict=True)])
"""The moves of one session; some share an instant, some are nobody's."""

STUDIES = st.lists(SAID, min_size=1, max_size=4).map(
    lambda sessions: {"D1": sessions[:2], **({"D2": sessions[2:]} if sessions[2:] else {})})
