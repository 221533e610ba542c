"""Placements: where the codes of a codebook stand on the interpersonal plane, as data.

A placement is one TOML file beside a codebook: for each code an angle in degrees, counter-clockwise from affiliation
(+x, 0) to control (+y, 90), and, where the coding system has one, a focus. It is a named, versioned and replaceable
reading, never part of the codebook: the same codes can be placed otherwise, and the name says which reading was taken.
A code without a direction is not placed; its moves have no position, and are counted.
"""

from __future__ import annotations

import functools
import hashlib
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Final

import attrs
import numpy as np

from rupturekit import _definitions, _html
from rupturekit._definitions import Node
from rupturekit._table import Array, arrays_equal, freeze, held_state, read_only, set_closed
from rupturekit.codebooks import Codebook
from rupturekit.cohort import Cohort
from rupturekit.errors import CodingWarning, DefinitionError, RecordError, did_you_mean, expect, listed
from rupturekit.interpersonal.circular import looks_like_radians, normal_angles, unit_vectors
from rupturekit.vocabulary import Certainty, Evidence

__all__ = ["FOCUSES", "NO_FOCUS", "Focus", "Place", "Placement", "Positions", "as_placement", "load_placement",
           "parse_placement", "placement_names", "positions", "read_placement"]

_NAME: Final = r"[a-z0-9][a-z0-9._-]{0,59}"
_CODE: Final = r"[^\s,;\"'=@+-][^\s,;\"']{0,59}"


class Focus(StrEnum):
    """Whom an act is about: the other, oneself before the other, or oneself as one's own object (introject)."""

    OTHER = "other"
    SELF = "self"
    INTROJECT = "introject"


FOCUSES: Final = tuple(Focus)
"""The foci in the order of their numbers in `Positions.focus`: 0 other, 1 self, 2 introject."""

NO_FOCUS: Final = -1
"""The number of a move that is not placed, or whose place states no focus."""


def _angle(value: float) -> float:
    if not (math.isfinite(value) and 0 <= value <= 360):
        raise RecordError(f"angle is {value!r}; expected degrees from 0 to 360, counter-clockwise from affiliation",
                          field="angle", value=value)
    return float(normal_angles(value))


def _length(value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise RecordError(f"length is {value!r}; expected a number above 0, since a code without a direction is not "
                          "placed", field="length", value=value)
    return float(value)


@attrs.frozen(kw_only=True)
class Place:
    """Where one code stands.

    Attributes
    ----------
    code : str
        The short label that moves carry.
    angle : float
        Degrees in [0, 360), counter-clockwise from affiliation (0) to control (90); 360 is taken as 0.
    length : float
        How far from the centre, above 0; 1 unless intensities are argued for.
    focus : Focus or None
        None where the coding system knows no focus.
    evidence : Evidence
        Where the place comes from; an assumption unless said otherwise.

    >>> Place(code="1-3", angle=360).angle
    0.0
    """

    code: str
    angle: float = attrs.field(converter=_angle)
    length: float = attrs.field(default=1.0, converter=_length)
    focus: Focus | None = attrs.field(default=None, converter=attrs.converters.optional(Focus))
    evidence: Evidence = attrs.field(default=Evidence.ASSUMPTION, converter=Evidence)
    note: str = ""


def _placed_once(placement: object, attribute: object, places: tuple[Place, ...]) -> None:
    twice = _twice(places)
    if twice:
        raise RecordError(f"{listed(map(repr, twice))} placed twice; a code has one place", field="places")


def _twice(places: Iterable[Place]) -> list[str]:
    counts = Counter(place.code for place in places)
    return [code for code, n in counts.items() if n > 1]


@attrs.frozen(kw_only=True, repr=False)
class Placement:
    """A reading of a codebook on the plane: its places, source and how sure it is.

    >>> load_placement("sasb")["1-5"].angle
    90.0
    """

    name: str
    title: str
    codebook: str
    version: str = ""
    citation: str = ""
    certainty: Certainty = Certainty.MEDIUM
    note: str = ""
    places: tuple[Place, ...] = attrs.field(default=(), validator=_placed_once)

    @functools.cached_property
    def _by_code(self) -> dict[str, Place]:
        return {place.code: place for place in self.places}

    def __getitem__(self, code: str) -> Place:
        """Return the place of a code; one that is not placed is refused with the nearest named."""
        try:
            return self._by_code[code]
        except KeyError:
            raise RecordError(f"code {code!r} is not placed by {self.name}{did_you_mean(code, self._by_code)}; placed "
                              f"are: {listed(self._by_code)}", field="code", value=code) from None

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    @functools.cached_property
    def digest(self) -> str:
        """A hash of the content, for provenance."""
        return hashlib.blake2b(repr(attrs.astuple(self)).encode(), digest_size=8).hexdigest()

    def __repr__(self) -> str:
        return f"Placement({self.name!r}, {len(self.places)} codes of {self.codebook!r})"

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.title}", f"  {self.citation}",
                 f"  for codebook {self.codebook}; certainty {self.certainty}"]
        width = max((len(place.code) for place in self.places), default=0)
        for place in self.places:
            about = f", focus {place.focus}" if place.focus else ""
            lines.append(f"  {place.code:<{width}}  {place.angle:g} degrees, length {place.length:g}{about} "
                         f"({place.evidence})")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _html.printed(self)


# --- reading -------------------------------------------------------------------------------------------------------


def placement_names() -> tuple[str, ...]:
    """Return the names of the placements that come with the package.

    >>> placement_names()
    ('sasb',)
    """
    return tuple(_packaged())


@functools.cache
def load_placement(name: str) -> Placement:
    """Load a placement that comes with the package, by name.

    Raises
    ------
    DefinitionError
        When there is none of that name; the nearest is named.
    """
    found = _packaged()
    if name not in found:
        raise DefinitionError(f"there is no placement {name!r}{did_you_mean(name, found)}; known: {listed(found)}. For "
                              "one of your own, give its path")
    return parse_placement(found[name].read_text(encoding="utf-8"), where=f"{name}.toml")


def _packaged() -> dict[str, resources.abc.Traversable]:
    return _definitions.packaged(resources.files("rupturekit") / "interpersonal" / "placements")


def read_placement(path: str | Path) -> Placement:
    """Read a placement from a TOML file of your own.

    Raises
    ------
    FileProblem
        When the file cannot be read.
    DefinitionError
        With every mistake in it, by place and with the remedy.
    """
    return parse_placement(_definitions.read_definition_text(path, what="placement"), where=str(path))


def as_placement(placement: Placement | str | Path) -> Placement:
    """Take a placement as it is, by the name of a packaged one, or by the path of a file."""
    return _definitions.taken(placement, Placement, what="a placement", load=load_placement, read=read_placement)


def parse_placement(text: str, *, where: str = "this placement") -> Placement:
    """Read a placement from TOML text.

    Angles that all look like radians are taken as they stand, with a `CodingWarning`.

    Raises
    ------
    DefinitionError
        With every mistake in it, by place and with the remedy.

    >>> mine = parse_placement('''
    ... format = 1
    ... name = "mine"
    ... title = "Two codes of our pilot"
    ... codebook = "my-codes"
    ... [[places]]
    ... code = "warm"
    ... angle = 0
    ... [[places]]
    ... code = "bossy"
    ... angle = 90
    ... ''')
    >>> mine["bossy"].angle
    90.0
    """
    node = _definitions.parse_definition(text, where=where, what="placement")
    _check_format(node)
    read = [place for table in node.tables("places") if (place := _place(table)) is not None]
    if not read and not node.has("places"):
        node.complain("places", "is missing; a placement needs at least one [[places]] table")
    for code in _twice(read):
        node.complain("places", f"{code!r} is placed twice; a code has one place")
    placement = Placement(
        name=node.name("name", pattern=_NAME, says="lower-case letters, digits, dots and hyphens"),
        title=node.text("title"), codebook=node.text("codebook"), version=node.text("version", default=""),
        citation=node.text("citation", default=""),
        certainty=node.choice("certainty", Certainty, default=None) or Certainty.MEDIUM,
        note=node.text("note", default=""), places=tuple({place.code: place for place in read}.values()))
    node.finish(what="placement")
    if looks_like_radians([place.angle for place in placement.places]):
        warnings.warn(f"{where}: every angle is below 6.3; angles are degrees, and these look like radians",
                      CodingWarning, stacklevel=2)
    return placement


def _check_format(node: Node) -> None:
    version = node.integer("format")
    if version is not None and version != 1:
        node.complain("format", f"is {version}; this version of rupturekit reads format 1, upgrade to read newer")


def _place(node: Node) -> Place | None:
    code = node.name("code", pattern=_CODE, says="1 to 60 characters without blanks, commas or quotes")
    angle, length = node.number("angle"), node.number("length", default=1.0)
    focus = node.choice("focus", Focus, default=None)
    evidence = node.choice("evidence", Evidence, default=None) or Evidence.ASSUMPTION
    note = node.text("note", default="")
    if angle is None or length is None:
        return None
    try:
        return Place(code=code, angle=angle, length=length, focus=focus, evidence=evidence, note=note)
    except RecordError as error:
        node.complain(error.field or "", str(error).removeprefix(f"{error.field} "))
        return None


# --- a cohort on the plane -----------------------------------------------------------------------------------------


@attrs.frozen(eq=False, kw_only=True, repr=False)
class Positions:
    """Where each move of a cohort stands, one row a move in the order of the cohort's moves.

    Attributes
    ----------
    affiliation, control : float64
        length * cos(angle) and length * sin(angle); NaN where the move is not placed.
    placed : bool
    focus : int8
        The place of the focus in `FOCUSES`, or `NO_FOCUS`. An introject (2) is no act towards the other.
    unplaced : mapping of code to int
        How many moves have each code that occurs and is not placed.
    """

    placement: Placement
    cohort: str
    affiliation: Array = attrs.field(converter=read_only)
    control: Array = attrs.field(converter=read_only)
    placed: Array = attrs.field(converter=read_only)
    focus: Array = attrs.field(converter=read_only)
    unplaced: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.placed)

    @property
    def n_placed(self) -> int:
        """How many moves are placed."""
        return int(self.placed.sum())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Positions):
            return NotImplemented
        mine, theirs = ((self.placement, self.cohort, dict(self.unplaced)),
                        (other.placement, other.cohort, dict(other.unplaced)))
        return mine == theirs and all(arrays_equal(getattr(self, name), getattr(other, name))
                                      for name in ("affiliation", "control", "placed", "focus"))

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    def __repr__(self) -> str:
        return f"Positions({self.placement.name!r}, {self.n_placed:,} of {len(self):,} moves placed)"

    def __str__(self) -> str:
        left = [f"not placed: {code} ({n:,})" for code, n in self.unplaced.items()]
        return "\n".join([f"{self.n_placed:,} of {len(self):,} moves placed by {self.placement.name}", *left])

    def _repr_html_(self) -> str:
        return _html.printed(self)


def positions(cohort: Cohort, placement: Placement | str | Path) -> Positions:
    """Return where each move of a cohort stands on the plane.

    affiliation = length * cos(angle), control = length * sin(angle), exactly 0 at the multiples of 90 degrees where
    that is what the cosine or sine is. Codes that occur and are not placed give a `CodingWarning`, with counts.

    Raises
    ------
    RecordError
        Where the cohort was coded with another codebook, or the placement names a code that this one does not have.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move
    >>> moves = [Move(dyad="D1", session=1, track="r1", party="client", code="2-5", onset=0, row_id=1)]
    >>> at = positions(Cohort.of(moves, coding=Coding(codebook=load_codebook("sasb"))), "sasb")
    >>> at.affiliation.tolist(), at.control.tolist(), at.focus.tolist()
    ([0.0], [-1.0], [1])
    """
    expect(cohort, Cohort, what="a cohort", remedy="use study.cohort, or Cohort.of(...)")
    read = as_placement(placement)
    _check_codebook(read, cohort.coding.codebook)
    codes = cohort.moves.levels["code"]
    table = _by_level(read, codes)
    columns = [freeze(column[cohort.moves.code]) for column in table]
    unplaced = _unplaced(cohort, columns[2])
    if unplaced:
        said = listed(f"{code!r} ({n:,})" for code, n in unplaced.items())
        warnings.warn(f"{sum(unplaced.values()):,} of {len(cohort.moves):,} moves have codes that placement "
                      f"{read.name!r} does not place, and have no position: {said}", CodingWarning, stacklevel=2)
    affiliation, control, placed, focus = columns
    return Positions(placement=read, cohort=cohort.digest, affiliation=affiliation, control=control, placed=placed,
                     focus=focus, unplaced=unplaced)


def _check_codebook(placement: Placement, codebook: Codebook) -> None:
    if placement.codebook != codebook.name:
        raise RecordError(f"placement {placement.name!r} places the codes of {placement.codebook!r}, and this cohort "
                          f"was coded with {codebook.name!r}; give a placement for that codebook", field="codebook",
                          value=codebook.name)
    unknown = [place.code for place in placement.places if place.code not in codebook]
    if unknown:
        near = did_you_mean(unknown[0], [code.code for code in codebook.codes])
        raise RecordError(f"placement {placement.name!r} places codes that {codebook.name} does not have: "
                          f"{listed(map(repr, unknown))}{near}", field="code", value=unknown[0])


def _by_level(placement: Placement, codes: tuple[str, ...]) -> tuple[Array, Array, Array, Array]:
    """Return affiliation, control, placed and focus for each code of a cohort."""
    placed = {place.code: place for place in placement.places}
    held = [placed.get(code) for code in codes]
    cosine, sine = unit_vectors([place.angle if place else 0.0 for place in held])
    length = np.array([place.length if place else np.nan for place in held], dtype=np.float64)
    focus = [NO_FOCUS if place is None or place.focus is None else FOCUSES.index(place.focus) for place in held]
    return (length * cosine, length * sine, np.array([place is not None for place in held], dtype=bool),
            np.array(focus, dtype=np.int8))


def _unplaced(cohort: Cohort, placed: Array) -> dict[str, int]:
    codes, missed = cohort.moves.levels["code"], cohort.moves.code[~placed]
    counts = np.bincount(missed, minlength=len(codes)).tolist()
    return {code: n for code, n in zip(codes, counts, strict=True) if n}
