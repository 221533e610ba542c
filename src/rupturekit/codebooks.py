"""Codebooks: a coding system as data.

A codebook is one TOML file: codes with own short labels, who can be given them, what each does (its
*functions*) and, where it can be argued, which need acts it carries. Those that come with the package lie
beside this module in `codebooks/`; a user's own is one more file, read with `read_codebook`, and an installed
package can offer some under `package:name`.
"""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import attrs

from rupturekit import _definitions, _registry
from rupturekit._definitions import Node
from rupturekit._views.codebooks import codebook_html
from rupturekit.errors import CodingWarning, UnknownCode, did_you_mean, listed
from rupturekit.vocabulary import (
    FUNCTIONS,
    Certainty,
    Evidence,
    Movement,
    Need,
    NeedAct,
    NeedVerb,
    RuptureForm,
    RuptureType,
)

__all__ = [
    "MARKERS",
    "Code",
    "Codebook",
    "Scale",
    "as_codebook",
    "codebook_names",
    "codebook_text",
    "load_codebook",
    "parse_codebook",
    "read_codebook",
]

_CODE_NAME = r"[^\s,;\"'=@+-][^\s,;\"']{0,59}"
_NAME = r"([a-z0-9-]{1,60}:)?[a-z0-9][a-z0-9._-]{0,59}"    # a copy of a plug-in's keeps the name of its package


@attrs.frozen(kw_only=True)
class Code:
    """One code of a codebook.

    Attributes
    ----------
    code : str
        The short label that moves carry.
    label : str
        What it is called.
    parties : tuple of str
        Who can be given it; empty where anybody can.
    functions : tuple of str
        What it does, in the library's words; process models speak of functions, never of codes.
    needs : tuple of NeedAct
        The need acts it carries, where they can be argued.
    """

    code: str
    label: str
    parties: tuple[str, ...] = ()
    type: RuptureType | None = None
    form: RuptureForm | None = None
    movement: Movement | None = None
    functions: tuple[str, ...] = ()
    needs: tuple[NeedAct, ...] = ()
    certainty: Certainty = Certainty.HIGH
    note: str = ""

    @property
    def is_marker(self) -> bool:
        """Whether the code marks a rupture."""
        return any(name in MARKERS for name in self.functions)


MARKERS: Mapping[str, RuptureType] = {
    "withdrawal_marker": RuptureType.WITHDRAWAL,
    "confrontation_marker": RuptureType.CONFRONTATION,
}
"""The functions that mark a rupture, and its type."""


@attrs.frozen(kw_only=True)
class Scale:
    """A rating scale of a codebook: its range, and the anchors that are known."""

    name: str
    applies: str
    min: float
    max: float
    anchors: tuple[tuple[str, str], ...] = ()
    certainty: Certainty = Certainty.HIGH
    note: str = ""


@attrs.frozen(kw_only=True, repr=False)
class Codebook:
    """A coding system: its codes, scales, source and how sure it is.

    >>> load_codebook("3rs-2015").title[:32]
    'Rupture Resolution Rating System'
    """

    name: str
    title: str
    version: str
    citation: str
    certainty: Certainty
    reliability: str
    unit: str
    note: str = ""
    scales: tuple[Scale, ...] = ()
    codes: tuple[Code, ...] = ()

    @functools.cached_property
    def _by_code(self) -> dict[str, Code]:
        return {code.code: code for code in self.codes}

    def __getitem__(self, code: str) -> Code:
        """Return a code by its short label; an unknown one is refused with the nearest named."""
        try:
            return self._by_code[code]
        except KeyError:
            near = did_you_mean(code, self._by_code)
            known = listed(self._by_code)
            raise UnknownCode(f"code {code!r} is not in {self.name}{near}; its codes are: {known}",
                              field="code", value=code) from None

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def functions_of(self, code: str) -> tuple[str, ...]:
        """Return what a code does; nothing for a code that the codebook does not have."""
        known = self._by_code.get(code)
        return known.functions if known else ()

    def codes_for(self, function: str) -> tuple[str, ...]:
        """Return the codes that have a function, in the codebook's order.

        >>> load_codebook("stages").codes_for("self_assertion") != ()
        True
        """
        return tuple(code.code for code in self.codes if function in code.functions)

    @functools.cached_property
    def digest(self) -> str:
        """A hash of the content, for provenance."""
        return hashlib.blake2b(repr(attrs.astuple(self)).encode(), digest_size=8).hexdigest()

    def __repr__(self) -> str:
        return f"Codebook({self.name!r}, {len(self.codes)} codes, {self.unit} by {self.unit})"

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.title}", f"  {self.citation}",
                 f"  certainty {self.certainty}; unit {self.unit}; reliability: {self.reliability}"]
        width = max((len(code.code) for code in self.codes), default=0)
        for code in self.codes:
            does = ", ".join(code.functions) or "no function"
            acts = "".join(f"; {act}" for act in code.needs)
            who = "/".join(code.parties) or "anybody"
            lines.append(f"  {code.code:<{width}}  {code.label} ({who}): {does}{acts}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return codebook_html(self)


def codebook_names() -> tuple[str, ...]:
    """Return the names of the codebooks that come with the package, then `package:name` of those of plug-ins.

    >>> "3rs-2022" in codebook_names()
    True
    """
    return (*_packaged(), *_registry.names(_plug_ins()))


@functools.cache
def load_codebook(name: str) -> Codebook:
    """Load a codebook that comes with the package, by name, or that of a plug-in, by `package:name`.

    Raises
    ------
    DefinitionError
        When there is none of that name, the nearest is named; or when the plug-in's is broken.
    """
    found = _packaged()
    if name not in found:
        return attrs.evolve(_registry.load(_plug_ins(), name, built_in=found), name=name)
    return parse_codebook(found[name].read_text(encoding="utf-8"), where=f"{name}.toml")


def read_codebook(path: str | Path) -> Codebook:
    """Read a codebook from a TOML file of your own.

    Raises
    ------
    FileProblem
        When the file cannot be read.
    DefinitionError
        With every mistake in it, by place and with the remedy.
    """
    text = _definitions.read_definition_text(path, what="codebook")
    return parse_codebook(text, where=str(path))


def _packaged() -> dict[str, resources.abc.Traversable]:
    return _definitions.packaged(resources.files("rupturekit") / "codebooks")


def _plug_ins() -> _registry.Kind[Codebook]:
    return _registry.Kind(group="rupturekit.codebooks", what="codebook", parse=parse_codebook)


def parse_codebook(text: str, *, where: str = "codebook") -> Codebook:
    """Make a codebook from TOML text.

    >>> parse_codebook('name = "mine"')
    Traceback (most recent call last):
    ...
    rupturekit.errors.DefinitionError: codebook: 3 mistakes in this codebook
      format: is missing; expected 1
      title: is missing; expected text in quotes
      codes: is missing; a codebook needs at least one [[codes]] table
    """
    node = _definitions.parse_definition(text, where=where, what="codebook")
    _check_format(node)
    book = Codebook(
        name=node.name("name", pattern=_NAME, says="lower-case letters, digits, dots and hyphens"),
        title=node.text("title"),
        version=node.text("version", default=""),
        citation=node.text("citation", default=""),
        certainty=node.choice("certainty", Certainty, default=None) or Certainty.MEDIUM,
        reliability=node.text("reliability", default="") or "not stated",
        unit=node.text("unit", default="event"),
        note=node.text("note", default=""),
        scales=tuple(_scale(scale) for scale in node.tables("scales")),
        codes=tuple(_code(code) for code in node.tables("codes")),
    )
    if not book.codes and not node.has("codes"):
        node.complain("codes", "is missing; a codebook needs at least one [[codes]] table")
    _check_codes(node, book)
    node.finish(what="codebook")
    _warn_of_new_functions(book, where=where)
    return book


def _check_format(node: Node) -> None:
    if not node.has("format"):
        node.complain("format", "is missing; expected 1")
        node.ignore(["format"])
        return
    version = node.integer("format")
    if version is not None and version != 1:
        node.complain("format", f"is {version}; this version of rupturekit reads format 1, upgrade to read newer")


def _scale(node: Node) -> Scale:
    low, high = node.number("min"), node.number("max")
    if low is not None and high is not None and not low < high:
        node.complain("max", f"expected more than min ({low:g}) but got {high:g}")
    return Scale(
        name=node.text("name"), applies=_one_of(node, "applies", ("move", "session", "episode")),
        min=low or 0.0, max=high or 0.0, anchors=tuple(sorted(node.mapping("anchors").items())),
        certainty=node.choice("certainty", Certainty, default=None) or Certainty.MEDIUM,
        note=node.text("note", default=""),
    )


def _one_of(node: Node, key: str, allowed: tuple[str, ...]) -> str:
    value = node.text(key)
    if value and value not in allowed:
        node.complain(key, f"{value!r} is not one of {listed(allowed)}{did_you_mean(value, allowed)}")
    return value


def _code(node: Node) -> Code:
    kind = node.choice("type", RuptureType, default=None)
    form = node.choice("form", RuptureForm, default=None)
    if kind and form and form.type is not kind:
        node.complain("form", f"{form} is a form of {form.type}, but the type here is {kind}")
    return Code(
        code=node.name("code", pattern=_CODE_NAME, says="1 to 60 characters without blanks, commas or quotes"),
        label=node.text("label"),
        parties=node.words("parties"),
        type=kind, form=form, movement=node.choice("movement", Movement, default=None),
        functions=node.words("functions"),
        needs=tuple(act for need in node.tables("needs") if (act := _need_act(need)) is not None),
        certainty=node.choice("certainty", Certainty, default=None) or Certainty.MEDIUM,
        note=node.text("note", default=""),
    )


def _need_act(node: Node) -> NeedAct | None:
    verb, need = node.choice("verb", NeedVerb), node.choice("need", Need)
    evidence = node.choice("evidence", Evidence, default=None) or Evidence.ASSUMPTION
    note = node.text("note", default="")
    return NeedAct(verb=verb, need=need, evidence=evidence, note=note) if verb and need else None


def _check_codes(node: Node, book: Codebook) -> None:
    seen: dict[str, int] = {}
    for at, code in enumerate(book.codes, start=1):
        if code.code in seen:
            node.complain("", f"codes[{at}].code: {code.code!r} is there already, as codes[{seen[code.code]}]")
        seen.setdefault(code.code, at)


def _warn_of_new_functions(book: Codebook, *, where: str) -> None:
    new = sorted({name for code in book.codes for name in code.functions} - set(FUNCTIONS))
    for name in new:
        near = did_you_mean(name, FUNCTIONS)
        if near:
            warnings.warn(f"{where}: function {name!r} is not one the shipped models use{near}", CodingWarning,
                          stacklevel=4)


def as_codebook(codebook: Codebook | str | Path) -> Codebook:
    """Take a codebook as it is, by the name of a packaged one or a plug-in's, or by the path of a file."""
    return _definitions.taken(codebook, Codebook, what="a codebook", load=load_codebook, read=read_codebook)


def codebook_text(codebook: Codebook) -> str:
    """Return a codebook as TOML text that reads back equal.

    >>> book = load_codebook("stages")
    >>> parse_codebook(codebook_text(book)) == book
    True
    """
    said = _definitions.toml_string
    lines = ["format = 1", *(f"{name} = {said(str(getattr(codebook, name)))}" for name in (
        "name", "title", "version", "citation", "certainty", "reliability", "unit", "note"))]
    for scale in codebook.scales:
        anchors = ", ".join(f"{said(at)} = {said(text)}" for at, text in scale.anchors)
        lines += ["", "[[scales]]", f"name = {said(scale.name)}", f"applies = {said(scale.applies)}",
                  f"min = {scale.min!r}", f"max = {scale.max!r}", f"anchors = {{ {anchors} }}",
                  f"certainty = {said(scale.certainty)}", f"note = {said(scale.note)}"]
    for code in codebook.codes:
        lines += ["", "[[codes]]", *_code_lines(code)]
    return "\n".join(lines) + "\n"


def _code_lines(code: Code) -> list[str]:
    said = _definitions.toml_string
    acts = ", ".join(f"{{ verb = {said(act.verb)}, need = {said(act.need)}, evidence = {said(act.evidence)}, "
                     f"note = {said(act.note)} }}" for act in code.needs)
    closed = {"type": code.type, "form": code.form, "movement": code.movement}
    return [f"code = {said(code.code)}", f"label = {said(code.label)}",
            f"parties = [{', '.join(map(said, code.parties))}]",
            *(f"{name} = {said(value)}" for name, value in closed.items() if value is not None),
            f"functions = [{', '.join(map(said, code.functions))}]", *([f"needs = [{acts}]"] if acts else []),
            f"certainty = {said(code.certainty)}", f"note = {said(code.note)}"]
