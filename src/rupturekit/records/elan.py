"""ELAN documents (.eaf, 2.7 to 3.0) in: every annotation becomes one row.

    document, tier, participant, annotator, type, start_s, end_s, value, timing, annotation

Rows are numbered in the order of their times, whatever tier they are on; those without a time come last, in the order
of the file. The column `annotation` holds the identity that ELAN gave.

`timing` says where the times come from: `aligned`; or `as its parent` for an annotation that refers to an aligned one
by Symbolic_Association, which gives it the same times by definition. Where ELAN shows times that nobody set, none are
read: a time slot without a value, and the parts of a symbolic subdivision, leave the cell empty, and a note says how
many and why. Nothing is interpolated.

What is wrong in the document is told and costs no more than the annotation: a tier whose linguistic type is missing or
does not fit its annotations, a time slot or parent that does not exist, a value that is not in its vocabulary. Media
files, authors and dates are not read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import attrs

from rupturekit.errors import listed
from rupturekit.problems import Problem, ProblemLog, excerpt
from rupturekit.records.bounded import LIMITS, Limits, blocks_of, opened, parse_xml, refuse
from rupturekit.records.grammar import format_scaled
from rupturekit.records.held import HeldSheet, Hints, Row, places

__all__ = ["open_eaf"]

_COLUMNS: Final = ("document", "tier", "participant", "annotator", "type", "start_s", "end_s", "value", "timing",
                   "annotation")
_ROLES: Final = (("dyad", "document"), ("rater", "annotator"), ("code", "value"), ("onset", "start_s"),
                 ("offset", "end_s"))
_QUESTIONS: Final = (
    "which dyad and which session is this document? Write constant = ... in the place of column",
    "does the value of an annotation hold its code? Where the tier is the code, say column = \"tier\" under "
    "[fields.code]",
)
_MOST_NAMED: Final = 5
_LONGEST_TIME: Final = 15
_MOST_STEPS: Final = 20
"""How many annotations may stand between one and the aligned one it stands for; tiers nest three or four deep."""

_ASSOCIATED: Final = "Symbolic_Association"
_SUBDIVIDED: Final = "Symbolic_Subdivision"


class _Tier(NamedTuple):
    name: str
    participant: str
    annotator: str
    type: str


@attrs.define
class _Annotation:
    tier: _Tier
    id: str
    slots: tuple[str, str] | None
    """The time slots of an aligned annotation; None for one that refers to another."""
    parent: str
    entry: str
    """The entry of a controlled vocabulary that the value is."""
    value: str = ""
    number: int = attrs.field(init=False)
    """Its row, once all annotations are known."""


class _Times(NamedTuple):
    start: int | None
    end: int | None
    timing: str


def open_eaf(path: Path, *, problems: ProblemLog | None = None, limits: Limits = LIMITS) -> HeldSheet:
    """Read an ELAN document: every annotation of every tier, in the order of their times.

    Raises
    ------
    FileProblem
        Where it is no such document, not well-formed, or goes beyond the limits.

    >>> from tempfile import TemporaryDirectory
    >>> text = '''<ANNOTATION_DOCUMENT><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="1800"/>
    ... <TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="2000"/></TIME_ORDER><TIER TIER_ID="Klient" LINGUISTIC_TYPE_REF="codes">
    ... <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="a" TIME_SLOT_REF2="b">
    ... <ANNOTATION_VALUE>wd</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
    ... <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="codes" TIME_ALIGNABLE="true"/></ANNOTATION_DOCUMENT>'''
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "s1.eaf")
    ...     _ = file.write_text(text)
    ...     sheet = open_eaf(file)
    >>> list(sheet.rows())
    [(1, ['s1', 'Klient', '', '', 'codes', '1.8', '2', 'wd', 'aligned', 'a1'])]
    """
    document = _Document(path, limits.cells // len(_COLUMNS))
    with opened(path, most=limits.xml, what="an ELAN document") as stream:
        parse_xml(blocks_of(stream), document, path=path, limits=limits)
    if not document.named:
        refuse(path, "is not an ELAN document (it has no ANNOTATION_DOCUMENT)")
    placed = _Placed(document)
    rows = tuple(Row(each.number, placed.row(each)) for each in placed.numbered())
    told = any(each.tier.participant for each in document.annotations)
    party = ("party", "participant" if told else "tier")
    return HeldSheet(
        path=path, what=f"ELAN document, format {excerpt(document.format, most=20) or 'not stated'}", header=_COLUMNS,
        table=rows, notes=tuple(placed.notes()), hints=Hints(roles=(*_ROLES, party), questions=_QUESTIONS),
        decimal_comma=False, problems=problems)


# --- reading -------------------------------------------------------------------------------------


@attrs.define
class _Document:
    """What a document says, while it is read; the face that `parse_xml` talks to."""

    path: Path
    most: int
    named: bool = False
    format: str = ""
    slots: dict[str, int | None] = attrs.field(factory=dict)
    types: dict[str, tuple[str, str]] = attrs.field(factory=dict)
    """Of each linguistic type: its constraint, and the vocabulary its values are from."""
    vocabularies: dict[str, dict[str, str]] = attrs.field(factory=dict)
    """Of each vocabulary: its entries, by their id, or by their value where they have none."""
    units: str = "milliseconds"
    annotations: list[_Annotation] = attrs.field(factory=list)
    _tier: _Tier = attrs.field(factory=lambda: _Tier("", "", "", ""))
    _vocabulary: str = ""
    _entry: str = ""
    _kept: list[str] | None = None
    """The text of the element that is read, if it is one whose text counts."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        match tag:
            case "ANNOTATION_DOCUMENT":
                self.named, self.format = True, attributes.get("FORMAT") or attributes.get("VERSION") or ""
            case "HEADER":
                self.units = attributes.get("TIME_UNITS") or self.units
            case "TIME_SLOT":
                self.slots[attributes.get("TIME_SLOT_ID", "")] = _milliseconds(attributes.get("TIME_VALUE"))
            case "TIER":
                self._tier = _Tier(*(attributes.get(name, "").strip() for name in
                                     ("TIER_ID", "PARTICIPANT", "ANNOTATOR", "LINGUISTIC_TYPE_REF")))
            case "LINGUISTIC_TYPE":
                self.types[attributes.get("LINGUISTIC_TYPE_ID", "")] = (
                    attributes.get("CONSTRAINTS", ""), attributes.get("CONTROLLED_VOCABULARY_REF", ""))
            case "ALIGNABLE_ANNOTATION" | "REF_ANNOTATION":
                self._annotate(tag, attributes)
            case _:
                self._start_text(tag, attributes)

    def _start_text(self, tag: str, attributes: dict[str, str]) -> None:
        match tag:
            case "CONTROLLED_VOCABULARY":
                self._vocabulary = attributes.get("CV_ID", "")
            case "CV_ENTRY_ML":
                self._entry = attributes.get("CVE_ID", "")
            case "ANNOTATION_VALUE" | "CVE_VALUE" | "CV_ENTRY":
                self._kept = []

    def _annotate(self, tag: str, attributes: dict[str, str]) -> None:
        aligned = (attributes.get("TIME_SLOT_REF1", ""), attributes.get("TIME_SLOT_REF2", ""))
        self.annotations.append(_Annotation(
            tier=self._tier, id=attributes.get("ANNOTATION_ID", ""),
            slots=aligned if tag == "ALIGNABLE_ANNOTATION" else None, parent=attributes.get("ANNOTATION_REF", ""),
            entry=attributes.get("CVE_REF", "")))
        if len(self.annotations) > self.most:
            refuse(self.path, f"holds more than {self.most:,} annotations")

    def end(self, tag: str) -> None:
        """Take the end of an element, and with it the text it held."""
        if self._kept is None or tag not in ("ANNOTATION_VALUE", "CVE_VALUE", "CV_ENTRY"):
            return
        text, self._kept = " ".join("".join(self._kept).split()), None
        if tag == "ANNOTATION_VALUE":
            if self.annotations:
                self.annotations[-1].value = text
        else:
            self.vocabularies.setdefault(self._vocabulary, {}).setdefault(
                self._entry if tag == "CVE_VALUE" else text, text)

    def text(self, data: str) -> None:
        """Take text."""
        if self._kept is not None:
            self._kept.append(data)


def _milliseconds(text: str | None) -> int | None:
    """Return the value of a time slot, or None where it has none."""
    stripped = (text or "").strip()
    return int(stripped) if stripped.isascii() and stripped.isdecimal() and len(stripped) <= _LONGEST_TIME else None


# --- times and notes -----------------------------------------------------------------------------


class _Placed:
    """Puts annotations on the line of time, and counts what has no place there."""

    def __init__(self, document: _Document) -> None:
        self.document = document
        self.by_id = {each.id: each for each in document.annotations}
        self.allowed = {name: frozenset(entries.values()) for name, entries in document.vocabularies.items()}
        self.told: dict[str, list[int]] = {}

    def numbered(self) -> list[_Annotation]:
        """Return the annotations in the order of their times, and number them so."""
        found = sorted(self.document.annotations, key=self._start)
        for number, each in enumerate(found, 1):
            each.number = number
        return found

    def _start(self, annotation: _Annotation) -> float:
        start = self._times(annotation).start
        return math.inf if start is None else start

    def row(self, annotation: _Annotation) -> tuple[str, ...] | Problem:
        """Return an annotation as cells."""
        tier = annotation.tier
        found = self._times(annotation)
        self._judge(annotation, found)
        if found.start is not None and found.end is not None and found.end < found.start:
            return Problem(kind="ends before it starts", field="end_s", value="", row=annotation.number,
                           file=excerpt(self.document.path.name),
                           message="the annotation ends before it starts; mend it in ELAN")
        return (self.document.path.stem, tier.name, tier.participant, tier.annotator, tier.type,
                _seconds(found.start), _seconds(found.end), self._value(annotation), found.timing, annotation.id)

    def _times(self, annotation: _Annotation) -> _Times:
        """Return the times of an annotation, or of the aligned one that it stands for."""
        steps = 0
        while annotation.slots is None:
            kind = self._constraint(annotation)
            if kind == _SUBDIVIDED:
                return _Times(None, None, "part of its parent")
            parent = self.by_id.get(annotation.parent)
            if kind != _ASSOCIATED or parent is None:
                return _Times(None, None, "no parent" if parent is None else "unclear")
            annotation, steps = parent, steps + 1
            if steps > _MOST_STEPS:
                return _Times(None, None, "its own parent")
        start, end = (self.document.slots.get(slot) for slot in annotation.slots)
        timing = "aligned" if start is not None and end is not None else "not aligned"
        return _Times(start, end, "as its parent" if steps and timing == "aligned" else timing)

    def _constraint(self, annotation: _Annotation) -> str:
        return self.document.types.get(annotation.tier.type, ("", ""))[0].replace(" ", "_")

    def _judge(self, annotation: _Annotation, found: _Times) -> None:
        """Count what is to be told of an annotation."""
        reason = _UNTIMED.get(found.timing)
        if reason is not None:
            self._tell(reason, annotation)
        if annotation.tier.type not in self.document.types:
            self._tell("on a tier whose linguistic type is not in the document", annotation)
        elif (annotation.slots is None) != (self._constraint(annotation) in (_ASSOCIATED, _SUBDIVIDED)):
            self._tell("of a kind that does not fit the linguistic type of the tier", annotation)
        if annotation.id and self.by_id[annotation.id] is not annotation:
            self._tell("with an id that another one has too", annotation)

    def _value(self, annotation: _Annotation) -> str:
        """Return the value; a reference into a vocabulary counts where the value is empty."""
        name = self.document.types.get(annotation.tier.type, ("", ""))[1]
        vocabulary = self.document.vocabularies.get(name, {})
        referred = vocabulary.get(annotation.entry)
        if annotation.entry and referred is None:
            self._tell("that refer to an entry their vocabulary does not have", annotation)
        elif vocabulary and annotation.value and annotation.value not in self.allowed[name]:
            self._tell("with a value that is not in the vocabulary of their type", annotation)
        return annotation.value or referred or ""

    def _tell(self, what: str, annotation: _Annotation) -> None:
        self.told.setdefault(what, []).append(annotation.number)

    def notes(self) -> Iterator[str]:
        """Yield what was found wrong or missing."""
        units = self.document.units
        if units.casefold() != "milliseconds":
            yield f"the document states its times in '{excerpt(units)}'; they were read as milliseconds"
        for what, rows in self.told.items():
            yield f"{len(rows):,} annotation{'s' * (len(rows) > 1)} {what}: {places(rows)}"
        empty = self._empty_types()
        if empty:
            yield f"linguistic types with a constraint that is not known: {listed(empty, most=_MOST_NAMED)}"

    def _empty_types(self) -> Iterable[str]:
        known = ("", _ASSOCIATED, _SUBDIVIDED, "Time_Subdivision", "Included_In")
        return [excerpt(name) for name, (constraint, _) in self.document.types.items()
                if constraint.replace(" ", "_") not in known]


_UNTIMED: Final = {
    "part of its parent": "without times, as parts of a symbolic subdivision; none were made up",
    "not aligned": "with a time slot that has no readable value; no time was made up",
    "no parent": "that refer to an annotation which is not there, so without times",
    "its own parent": "that refer to each other in a ring or an endless chain, so without times",
    "unclear": "that refer to another one by a type which does not say how, so without times",
}


def _seconds(milliseconds: int | None) -> str:
    return "" if milliseconds is None else format_scaled(milliseconds, places=3)
