"""What a report is made of: whatever shows a number says its n, method and definition, or cannot be made."""

from __future__ import annotations

from typing import Any

import pytest

from rupturekit.errors import RecordError
from rupturekit.report.blocks import About, Figure, Number, Prose, Report, Section, Table

KNOWN: dict[str, Any] = {"n": "3 dyads", "method": "counted", "definition": "pairs of people"}


@pytest.mark.parametrize("field", ["n", "method", "definition"])
@pytest.mark.parametrize("value", ["", "  ", None])
def test_a_number_without_n_method_or_definition_cannot_be_made(field: str, value: Any) -> None:
    with pytest.raises(RecordError, match=f"About.{field}: expected words"):
        About(**{**KNOWN, field: value})


@pytest.mark.parametrize(("kind", "said"), [
    (Number, {"name": "", "value": "1"}), (Number, {"name": "dyads", "value": ""}),
    (Table, {"caption": "", "header": ("a",), "rows": ()}), (Figure, {"caption": "f", "svg": "<svg/>", "words": ""})])
def test_a_block_without_a_name_or_words_cannot_be_made(kind: Any, said: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match="expected words"):
        kind(about=About(**KNOWN), **said)


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(RecordError, match=r"table 'Ends': a row has 1 cells, expected 2"):
        Table(caption="Ends", header=("end", "n"), rows=(("yes", 1), ("no",)), about=About(**KNOWN))


def test_a_report_hands_out_its_blocks_in_order() -> None:
    one, two = Prose(paragraphs=("One.",)), Prose(paragraphs=("Two.",))
    made = Report(title="T", lead=(), sections=(Section(name="a", title="A", blocks=(one,)),
                                                Section(name="b", title="B", blocks=(two,))))
    assert list(made.blocks()) == [one, two]
    assert repr(made) == "Report('T', 2 sections)"
