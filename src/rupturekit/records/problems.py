"""Problems of records, under the name that readers of `records` look for first.

They live in `rupturekit.problems`, because a cohort has problems too and lies below the readers.
"""

from __future__ import annotations

from rupturekit.problems import OTHER, Problem, ProblemGroup, ProblemLog, excerpt

__all__ = ["OTHER", "Problem", "ProblemGroup", "ProblemLog", "excerpt"]
