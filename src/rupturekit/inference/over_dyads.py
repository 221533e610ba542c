"""One value a dyad, and the estimate of their mean that follows from it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from rupturekit.inference.clusters import Clustering, interval_of_mean
from rupturekit.inference.estimate import Estimate, NullTest
from rupturekit.provenance import Provenance

__all__ = ["over_dyads"]


def over_dyads(values: Mapping[str, float], *, what: str, clustering: Clustering, n: Mapping[str, int],
               confidence: float = 0.95, seed: int = 1, bounds: tuple[float, float] | None = None,
               assumptions: tuple[str, ...] = (), warnings: tuple[str, ...] = (), test: NullTest | None = None,
               provenance: Provenance | None = None) -> Estimate:
    """Return the mean over dyads as an estimate, with an interval over the units that govern.

    Parameters
    ----------
    values : mapping of dyad to value
        Dyads without a value are left out before.
    n : mapping of str to int
        How many of what the values were made of; therapists and dyads are added.

    Raises
    ------
    NotEnoughData
        Without values.

    >>> whose = Clustering(level="dyad", names=("D1", "D2"), of={"D1": 0, "D2": 1})
    >>> over_dyads({"D1": 0.0, "D2": 1.0}, what="share", clustering=whose, n={"spells": 9}).value
    0.5
    """
    held = interval_of_mean(values, clustering, confidence=confidence, seed=seed, bounds=bounds)
    units = {} if clustering.level == "dyad" else {f"{clustering.level}s": held.n_clusters}
    return Estimate(
        what=what, value=held.value, interval=held.limits, no_interval=held.why_none, confidence=confidence,
        standard_error=held.standard_error, governed_by=clustering.level, method=held.method,
        n=units | {"dyads": len(values)} | dict(n),
        assumptions=(f"{clustering.level}s are independent of each other", "every dyad counts alike, however long",
                     *assumptions),
        warnings=(*clustering.warnings, *held.warnings, *warnings), test=test, citations=held.citations,
        provenance=None if provenance is None else attrs.evolve(provenance, seed=seed))
