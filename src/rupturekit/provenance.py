"""Where a result comes from: the library, the data, the model, the codebook, the rules, the track, the seed."""

from __future__ import annotations

from typing import Final

import attrs

from rupturekit.errors import ProvenanceMismatch

__all__ = ["FORMAT_VERSION", "LIBRARY_VERSION", "Provenance"]

LIBRARY_VERSION: Final = "0.1.0"
FORMAT_VERSION: Final = 1
"""Version of the study folder and of written results; newer ones are refused with a sentence."""


@attrs.frozen(kw_only=True)
class Provenance:
    """What a result was made of and by; ids are hashes of content, so equal data have equal ids.

    >>> Provenance(cohort="c1", codebook="b1").track is None
    True
    """

    cohort: str
    codebook: str
    model: str | None = None
    rules: tuple[str, ...] = ()
    track: str | None = None
    seed: int | None = None
    library: str = LIBRARY_VERSION
    format: int = FORMAT_VERSION

    def must_equal(self, other: Provenance) -> None:
        """Raise `ProvenanceMismatch` naming every field in which two results differ."""
        mine, theirs = attrs.asdict(self), attrs.asdict(other)
        differ = [f"{name}: {mine[name]} and {theirs[name]}" for name in mine if mine[name] != theirs[name]]
        if differ:
            raise ProvenanceMismatch(
                "these results cannot be joined, they were made from different things; " + "; ".join(differ))
