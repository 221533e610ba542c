"""What a notebook shows of results on the plane: the lines that they print, escaped."""

from __future__ import annotations

import numpy as np
import pytest

import rupturekit as rk
from rupturekit.around import windows
from rupturekit.episode import EpisodeRow
from rupturekit.interpersonal.circular import circular_summary, rayleigh_test
from rupturekit.interpersonal.circumplex import structural_summary
from rupturekit.interpersonal.complementarity import complementarity, move_pairs
from rupturekit.interpersonal.placement import load_placement
from rupturekit.interpersonal.profiles import group_profile, profile_contrast
from rupturekit.interpersonal.sasb import as_cluster
from rupturekit.interpersonal.struggle import control_struggle
from rupturekit.vocabulary import TimeKind
from rupturekit.window_measures import over_windows

SAID = ["1-5", "2-5", "1-2", "2-2", "1-4", "2-1", "1-3", "2-3", "1-2", "2-2"]
COHORT = rk.Cohort.of([rk.Move(dyad="D<1>", session=1, track="r1", party="client" if at % 2 else "therapist", code=code,
                               onset=at, row_id=at) for at, code in enumerate(SAID)],
                      episodes=[EpisodeRow(episode="E", dyad="D<1>", track="r1", first_session=1, onset=3, last_session=1,
                                           end=6)],
                      coding=rk.Coding(codebook=rk.load_codebook("sasb"), time=TimeKind.TURN))
SCORES = np.array([[3, 2, 1, 0, 1, 2, 3, 4], [2, 2, 1, 1, 1, 2, 3, 3], [4, 2, 1, 0, 0, 2, 3, 5], [3, 3, 1, 0, 1, 1, 3, 4]])
GROUPS = [group_profile(scores, label=label, draws=99) for label, scores in (("A", SCORES), ("B", SCORES[::-1]))]
WINDOWS = windows(COHORT, before=1, after=1, unit="turns")
SHOWN = {
    "circular summary": circular_summary([350, 10, 20]),
    "rayleigh": rayleigh_test([350, 10, 20]),
    "structural summary": structural_summary(SCORES[0]),
    "pairs": move_pairs(COHORT, "sasb", convention="sasb"),
    "complementarity": complementarity(COHORT, "sasb", convention="sasb", responder="client", draws=0),
    "placement": load_placement("sasb"),
    "profile": GROUPS[0],
    "contrast": profile_contrast(GROUPS[0], GROUPS[1]),
    "cluster": as_cluster("1-2"),
    "windows": WINDOWS,
    "values": over_windows(WINDOWS, lambda rows: float(len(rows)), what="moves"),
    "struggle": control_struggle(COHORT, "sasb", at_least=2),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_shows_what_is_printed(name: str) -> None:
    page, lines = SHOWN[name]._repr_html_(), str(SHOWN[name]).splitlines()
    assert page.count("<p>") == len(lines) >= 1
    assert type(SHOWN[name]).__name__ in page
    assert "<1>" not in page


