"""Designs as TOML: what is to be simulated, written down beside the study that it plans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from rupturekit import _definitions
from rupturekit.errors import DefinitionError, RecordError, did_you_mean, listed
from rupturekit.simulation.design import Design, NeedRates, Score

__all__ = ["parse_design", "read_design"]

V = TypeVar("V")


def read_design(path: str | Path) -> Design:
    """Read a design from a TOML file.

    Raises
    ------
    FileProblem
        When the file cannot be read.
    DefinitionError, NotEnoughData
        Where the design cannot be; as `parse_design`.
    """
    return parse_design(_definitions.read_definition_text(path, what="design"), where=str(path))


def parse_design(text: str, *, where: str = "design") -> Design:
    """Make a design from TOML text: the fields of `Design` under [simulation], what is not said by default.

    Mappings are tables (`[simulation.base_rates.client]`, `[simulation.needs.therapist]`, `[simulation.dwell]`), scores
    `[[simulation.scores]]`, ranges lists of two.

    Raises
    ------
    DefinitionError
        Where the text is no TOML, or a key or value is not one that a design has.
    NotEnoughData
        Where there are too few dyads or therapists for what is asked.

    >>> parse_design("format = 1\\n[simulation]\\ndyads = 5\\nturns = [10, 20]").turns
    (10, 20)
    """
    node = _definitions.parse_definition(text, where=where, what="design")
    version = node.integer("format")
    if version is not None and version != 1:
        node.complain("format", f"is {version}; this version of rupturekit reads format 1, upgrade to read newer")
    said = node.table("simulation")
    if said is not None:
        said.ignore(attrs.fields_dict(Design))
    node.finish(what="design")
    try:
        return Design(**{name: _value(name, held) for name, held in (said.data if said else {}).items()})
    except RecordError as error:
        raise DefinitionError(f"{where}: {error}", file=where, field=error.field, value=error.value) from None


def _value(name: str, held: Any) -> Any:
    """Return a value of TOML as the field takes it."""
    if name == "needs" and isinstance(held, dict):
        return {party: _made(NeedRates, rates, place=f"needs.{party}") for party, rates in held.items()}
    if name == "scores" and isinstance(held, list):
        return tuple(_made(Score, score, place="scores") for score in held)
    return tuple(held) if isinstance(held, list) else held


def _made(kind: type[V], held: Any, *, place: str) -> V:
    """Make a value of a class from a table of its fields."""
    known = [field.name for field in attrs.fields(kind)]  # type: ignore[arg-type]    # every class here is of attrs
    if not isinstance(held, Mapping):
        raise RecordError(f"{place}: expected a table with some of {listed(known)} but got {held!r:.80}", field=place)
    for key in held:
        if key not in known:
            raise RecordError(f"{place}: {key!r} is not a known key{did_you_mean(key, known)}; known here: "
                              f"{listed(known)}", field=place, value=key)
    return kind(**held)
