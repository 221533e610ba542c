"""Mappings for real tables whose spelling of names and numbers is known only when they are there."""

from __future__ import annotations

from pathlib import Path

import attrs

from rupturekit.records.delimited import open_sheet
from rupturekit.records.mapping import Field, Mapping


def fitted(mapping: Mapping, path: Path) -> Mapping:
    """Return a mapping that follows the file's own spelling of names and numbers, and its annotators if it has any."""
    sheet = open_sheet(path)
    spelled = {name.casefold(): name for name in sheet.header}
    fields = [attrs.evolve(field, columns=tuple(spelled.get(name.casefold(), name) for name in field.columns))
              for field in mapping.fields]
    if "annotator_id" in spelled:
        fields.append(Field(name="rater", columns=(spelled["annotator_id"],)))
    order = mapping.order_by and spelled.get(mapping.order_by.casefold(), mapping.order_by)
    wide = []
    for block in mapping.wide:
        columns = [at for at, name in enumerate(sheet.header) if name.casefold().startswith(block.prefix.casefold())]
        words = {cells[at] for _, cells in sheet.rows() for at in columns if cells[at].startswith(("0", "1"))}
        values = {word: dict(block.values)[word[0]] for word in words}
        wide.append(attrs.evolve(block, prefix=sheet.header[columns[0]][: len(block.prefix)], values=values))
    return attrs.evolve(mapping, fields=tuple(fields), order_by=order, wide=tuple(wide))
