"""What this was made of: model, codebook, rules, versions, seed, and the checksums of what was read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rupturekit.provenance import Provenance
from rupturekit.report.blocks import About, Section, Table
from rupturekit.report.source import Source
from rupturekit.versions import installed_versions

__all__ = ["foot"]


def foot(source: Source) -> Section:
    """Return where the results come from; equal contents have equal checksums."""
    provenance = source.analysis.traces.provenance if source.has_model else source.analysis.negotiations.provenance
    return Section(name="provenance", title="What this was made of", blocks=(
        Table(caption="Inputs and rules", header=("what", "which"), rows=(*_rows(source, provenance),), about=About(
            n="one study", method="BLAKE2b hashes of content, apart from names of files; SHA-256 for files",
            definition="equal records, codebooks, models and rules have equal checksums, whatever they are called")),
        Table(caption="Versions", header=("what", "version"), rows=tuple(installed_versions().items()), about=About(
            n="this installation", method="as installed", definition="the versions that a result depends on"))))


def _rows(source: Source, provenance: Provenance) -> Iterator[tuple[str, str]]:
    yield "records", provenance.cohort
    yield "codebook", provenance.codebook
    yield "process model", provenance.model or "none"
    for model in source.compare:
        yield "compared with others", f"{model.name}:{model.digest}"
    for rule in provenance.rules:
        yield "rule", rule
    yield "track", source.shown.track
    yield "seed", str(source.seed)
    yield "arrangements drawn for each test", f"{source.draws:,}"
    yield "ids", "hidden" if source.hide_ids else "as in the study"
    yield "free text", "shown" if source.free_text else "left out"
    yield "format", str(provenance.format)
    for name, digest in source.analysis.checksums:
        # A file of data begins with the name of the study, which is hidden with the other names.
        yield f"file {_STUDY.sub('', name) if source.hide_ids else name}", f"sha256 {digest}"


_STUDY: Final = re.compile(r"study-[A-Za-z0-9]*_")
