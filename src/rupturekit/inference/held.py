"""Which moves stay where they are while others are exchanged: those that made an episode of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rupturekit.cohort import Cohort, Episodes
from rupturekit.segmentation import SegmentationRule, looked_at
from rupturekit.ties import instants_of
from rupturekit.vocabulary import EpisodeSource

__all__ = ["held_moves"]


def held_moves(cohort: Cohort, episodes: Episodes, rule: SegmentationRule) -> npt.NDArray[np.bool_]:
    """Return which members stay: what the rule looks at; of coders' episodes, all at their first and last instant."""
    held = looked_at(cohort, rule, rows=episodes.members)
    coders = episodes.rows.source == episodes.rows.code_of("source", word=EpisodeSource.CODERS)
    instant = instants_of(cohort, episodes)
    for at in np.flatnonzero(coders & (episodes.lengths > 0)).tolist():
        low, high = episodes.offsets[at : at + 2].tolist()
        held[low:high] |= np.isin(instant[low:high], instant[[low, high - 1]])
    return held
