"""Which acts on needs a code stands for, by a mapping that is named, versioned and replaceable.

Where raters coded the acts themselves, the codebook says them. Otherwise they follow from a mapping, and the mapping
moves results more than any window does: state it, and vary it (`negotiation.account.negotiation_sensitivity`).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _definitions, _html
from rupturekit._definitions import Node
from rupturekit._kernels.open_claims import act_bit
from rupturekit.codebooks import Codebook
from rupturekit.errors import RecordError, UnknownCode, did_you_mean, expect, listed
from rupturekit.vocabulary import Evidence, Need, NeedAct, NeedVerb

__all__ = ["NEEDS", "VERBS", "ActMapping", "acts_of_codes", "acts_of_raters", "as_act_mapping", "byte_of",
           "mapping_of_codebook", "parse_act_mapping", "place_of_need", "read_act_mapping"]

VERBS = (NeedVerb.CLAIM, NeedVerb.GRANT, NeedVerb.CONTEST, NeedVerb.YIELD)
NEEDS = (Need.AGENCY, Need.COMMUNION)
"""Verbs and needs in the order of the bits that the kernels use."""


@attrs.frozen(kw_only=True, repr=False)
class ActMapping:
    """What each code of a codebook does to needs.

    Attributes
    ----------
    name, version : str
        Stated with every result.
    codebook : str
        The codebook whose codes it reads.
    acts : mapping of code to tuple of NeedAct
        Codes that are not in it carry no act.
    labels_by : str or None
        Where acts are not read off codes, but are those that raters stated of single moves (labels `need_act`): whose,
        "" for those of the one rater there is. None where codes say.
    """

    name: str
    version: str
    codebook: str
    citation: str = ""
    note: str = ""
    acts: Mapping[str, tuple[NeedAct, ...]]
    labels_by: str | None = None

    @functools.cached_property
    def digest(self) -> str:
        """A hash of what it says, for provenance."""
        said = sorted((code, [str(act) for act in acts]) for code, acts in self.acts.items())
        whole = (self.name, self.version, self.codebook, said, self.labels_by)
        return hashlib.blake2b(repr(whole).encode(), digest_size=8).hexdigest()

    @property
    def identity(self) -> str:
        """Name and hash of content, as provenance says it."""
        return f"acts {self.name}:{self.digest}"

    def without(self, *codes: str) -> ActMapping:
        """Return the mapping without some codes, under a name that says so.

        Raises
        ------
        UnknownCode
            Where it maps no such code.

        >>> from rupturekit.codebooks import load_codebook
        >>> mapping_of_codebook(load_codebook("stages")).without("self-assert").name
        'stages without self-assert'
        """
        for code in codes:
            if code not in self.acts:
                raise UnknownCode(f"{self.name} maps no code {code!r}{did_you_mean(code, self.acts)}; it maps: "
                                  f"{listed(self.acts)}", field="code", value=code)
        kept = {code: acts for code, acts in self.acts.items() if code not in codes}
        return attrs.evolve(self, name=f"{self.name} without {', '.join(codes)}", acts=kept)

    def describe(self) -> str:
        """Return in words where acts come from, for the head of a result."""
        if self.labels_by is not None:
            return f"{self.name}, who stated them of single moves"
        version = f", version {self.version}" if self.version else ""
        return f"{self.name}{version} ({_html.counted(len(self.acts), 'code')} of {self.codebook})"

    def __repr__(self) -> str:
        return f"ActMapping({self.name!r}, {len(self.acts)} codes of {self.codebook!r})"

    def __str__(self) -> str:
        return "\n".join([f"{self!r}, version {self.version or 'not stated'}", *(
            f"  {code}: {', '.join(f'{act} ({act.evidence})' for act in acts)}" for code, acts in self.acts.items())])

    def _repr_html_(self) -> str:
        rows = ((code, str(act), str(act.evidence), act.note) for code, acts in self.acts.items() for act in acts)
        return _html.page("ActMapping", self.name, _html.table(("code", "act", "evidence", "note"), rows))


def mapping_of_codebook(codebook: Codebook) -> ActMapping:
    """Return the acts that a codebook itself gives its codes.

    >>> from rupturekit.codebooks import load_codebook
    >>> len(mapping_of_codebook(load_codebook("needs")).acts)
    8
    """
    return ActMapping(name=codebook.name, version=codebook.version, codebook=codebook.name, citation=codebook.citation,
                      acts={code.code: code.needs for code in codebook.codes if code.needs})


def read_act_mapping(path: str | Path) -> ActMapping:
    """Read a mapping from a TOML file.

    Raises
    ------
    FileProblem
        When the file cannot be read.
    DefinitionError
        With every mistake in it, by place and with the remedy.
    """
    return parse_act_mapping(_definitions.read_definition_text(path, what="act mapping"), where=str(path))


def parse_act_mapping(text: str, *, where: str = "act mapping") -> ActMapping:
    """Make a mapping from TOML text: `name`, `codebook`, and one `[[acts]]` table an act, with code, verb and need.

    >>> parse_act_mapping('''
    ... format = 1
    ... name = "mine"
    ... codebook = "stages"
    ... [[acts]]
    ... code = "self-assert"
    ... verb = "claim"
    ... need = "agency"
    ... ''').acts["self-assert"][0].evidence
    <Evidence.ASSUMPTION: 'assumption'>
    """
    node = _definitions.parse_definition(text, where=where, what="act mapping")
    if node.integer("format") not in (1, None):
        node.complain("format", "is newer than this version of rupturekit reads; expected 1")
    acts: dict[str, tuple[NeedAct, ...]] = {}
    for said in node.tables("acts"):
        code, act = said.text("code"), _act(said)
        if act is not None:
            acts[code] = (*acts.get(code, ()), act)
    made = ActMapping(name=node.text("name"), version=node.text("version", default=""),
                      codebook=node.text("codebook"), citation=node.text("citation", default=""),
                      note=node.text("note", default=""), acts=acts)
    if not node.has("acts"):
        node.complain("acts", "is missing; a mapping needs at least one [[acts]] table")
    node.finish(what="act mapping")
    return made


def _act(node: Node) -> NeedAct | None:
    verb, need = node.choice("verb", NeedVerb), node.choice("need", Need)
    evidence = node.choice("evidence", Evidence, default=None) or Evidence.ASSUMPTION
    note = node.text("note", default="")
    return NeedAct(verb=verb, need=need, evidence=evidence, note=note) if verb and need else None


def acts_of_raters(codebook: Codebook, *, rater: str = "") -> ActMapping:
    """Return the mapping that takes what raters stated of single moves (labels `need_act`), and asks no code.

    Parameters
    ----------
    rater : str
        Whose statements; has to be said where several raters made any.
    """
    return ActMapping(name="raters" + (f" ({rater})" if rater else ""), version="", codebook=codebook.name, acts={},
                      labels_by=rater, note="acts that raters stated of single moves")


def as_act_mapping(mapping: ActMapping | str | Path | None, codebook: Codebook) -> ActMapping:
    """Return a mapping for a codebook: as given, read from a file, or the codebook's own where None is given.

    The word "raters" takes what raters stated of single moves; see `acts_of_raters`.

    Raises
    ------
    RecordError
        Where the mapping is for another codebook, or it maps codes that this one does not have.
    """
    if mapping is None:
        return mapping_of_codebook(codebook)
    if mapping == "raters":
        return acts_of_raters(codebook)
    expect(mapping, (ActMapping, str, Path), what="an act mapping", remedy="or the path of its file, or None")
    held = mapping if isinstance(mapping, ActMapping) else read_act_mapping(mapping)
    if held.codebook != codebook.name:
        raise RecordError(f"act mapping {held.name!r} is for the codebook {held.codebook!r}, but these moves are coded "
                          f"with {codebook.name!r}", field="codebook", value=held.codebook)
    strange = [code for code in held.acts if code not in codebook]
    if strange:
        raise RecordError(f"act mapping {held.name!r} maps codes that {codebook.name} does not have: {listed(strange)}"
                          f"{did_you_mean(strange[0], (code.code for code in codebook.codes))}", field="code",
                          value=strange[0])
    return held


def place_of_need(need: Need | str) -> int:
    """Return the place of a need in NEEDS.

    Raises
    ------
    RecordError
        Where there is no such need.

    >>> place_of_need("communion")
    1
    """
    if need not in NEEDS:
        raise RecordError(f"expected a need, one of {listed(NEEDS)}, but got {need!r:.80}"
                          f"{did_you_mean(str(need), NEEDS)}", field="need", value=need)
    return NEEDS.index(Need(need))


def acts_of_codes(mapping: ActMapping, codes: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """Return the acts of each code as the bits of one byte: bit `2 * verb + need`, by places in VERBS and NEEDS."""
    return np.array([byte_of(mapping.acts.get(code, ())) for code in codes], dtype=np.uint8)


def byte_of(acts: Iterable[NeedAct]) -> int:
    """Return acts as the bits of one byte.

    >>> byte_of([NeedAct.parse("grant agency"), NeedAct.parse("claim communion")])
    6
    """
    return sum({act_bit(VERBS.index(act.verb), NEEDS.index(act.need)) for act in acts})
