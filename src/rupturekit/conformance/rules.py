"""Rules of conduct as data: what has to follow, come before, happen, or never happen in an episode.

A rule set is one TOML file. The kinds are those of Declare over finite traces (Pesic, Schonenberg & van der Aalst 2007;
De Giacomo & Vardi 2013), in plain words; what exactly each asks, and when it is met, `conformance.rules_checked` says.
Rules that come with the package lie in `rules/`; a user's own are one more file, read with `read_rules`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import attrs

from rupturekit import _definitions, _html
from rupturekit._definitions import Node
from rupturekit.errors import DefinitionError, RecordError, did_you_mean, listed
from rupturekit.vocabulary import FUNCTIONS, Evidence

__all__ = ["MOST_COUNTED", "Rule", "RuleKind", "RuleSet", "Sought", "as_rules", "load_rules", "parse_rules",
           "read_rules", "rule_set_names"]

MOST_COUNTED: Final = 1_000
"""Moves or times that a rule may count up to; its automaton has a state for each."""

_LONGEST: Final = 10**15
"""Microseconds: thirty years, longer than any therapy."""

_NAME: Final = r"[a-z0-9][a-z0-9._-]{0,59}"


class RuleKind(StrEnum):
    """What a rule asks for."""

    RESPONSE = "response"
    PRECEDENCE = "precedence"
    CHAIN_RESPONSE = "chain_response"
    ABSENCE = "absence"
    EXISTENCE = "existence"
    NOT_COEXISTENCE = "not_coexistence"

    @property
    def asks_each(self) -> bool:
        """Whether the rule asks something at each move that it looks for, and not once an episode."""
        return self in (RuleKind.RESPONSE, RuleKind.PRECEDENCE, RuleKind.CHAIN_RESPONSE)


_KEYS: Final[Mapping[RuleKind, tuple[str, str | None]]] = MappingProxyType({
    RuleKind.RESPONSE: ("when", "then"), RuleKind.PRECEDENCE: ("when", "first"),
    RuleKind.CHAIN_RESPONSE: ("when", "then"), RuleKind.NOT_COEXISTENCE: ("when", "never"),
    RuleKind.ABSENCE: ("what", None), RuleKind.EXISTENCE: ("what", None),
})
"""What the two sorts of moves are called in a file, by kind."""

_ONLY_IN: Final[Mapping[str, tuple[RuleKind, ...]]] = MappingProxyType({
    "within": (RuleKind.RESPONSE, RuleKind.PRECEDENCE), "within_moves": (RuleKind.RESPONSE, RuleKind.PRECEDENCE),
    "times": (RuleKind.ABSENCE, RuleKind.EXISTENCE), "next_of_party": (RuleKind.CHAIN_RESPONSE,),
})
"""Which kinds can be limited or counted by what."""

_DEFAULTS: Final[Mapping[str, Any]] = MappingProxyType(
    {"within": None, "within_moves": None, "times": 1, "next_of_party": False})


@attrs.frozen(kw_only=True)
class Sought:
    """What a move has to be: whose, and with one of some functions or one of some codes.

    >>> print(Sought(party="therapist", functions=("notices", "acknowledges")))
    therapist: notices or acknowledges
    """

    party: str | None = None
    functions: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = [*self.functions, *(f"code {code}" for code in self.codes)]
        return f"{self.party or 'either'}: {' or '.join(what)}"


@attrs.frozen(kw_only=True)
class Rule:
    """One rule, and where it comes from.

    Attributes
    ----------
    when : Sought
        The moves at which something is asked; of absence and existence the moves that are counted.
    other : Sought or None
        What has to follow (response), to come next (chain response), to have come before (precedence), or never to be
        in the same episode (not coexistence).
    times : int
        Existence: at least so many. Absence: fewer than so many.
    within : int or None
        Microseconds that may pass, both ends included.
    within_moves : int or None
        The other move is one of so many next, or previous, moves of the episode, whoever makes them.
    next_of_party : bool
        Chain response: the next move of the party that `other` names is looked at, not the next move of anybody.
    source : str
        What was read, and where; or who reports it.

    Raises
    ------
    RecordError
        Where these do not fit each other.

    >>> marker, noticing = Sought(functions=("withdrawal_marker",)), Sought(party="therapist", functions=("notices",))
    >>> print(Rule(name="noticed", kind=RuleKind.RESPONSE, within_moves=3, when=marker, other=noticing))
    after each move of either: withdrawal_marker, one of the next 3 moves is therapist: notices
    """

    name: str
    kind: RuleKind
    when: Sought
    other: Sought | None = None
    times: int = 1
    within: int | None = None
    within_moves: int | None = None
    next_of_party: bool = False
    evidence: Evidence = Evidence.ASSUMPTION
    source: str = ""
    note: str = ""

    def __attrs_post_init__(self) -> None:
        for field, complaint in _complaints(self.kind, attrs.asdict(self, recurse=False)):
            raise RecordError(f"rule {self.name!r}: {field} {complaint}", field=field)

    @property
    def sought(self) -> tuple[Sought, ...]:
        """The sorts of moves that the rule looks for."""
        return (self.when,) if self.other is None else (self.when, self.other)

    @property
    def parties(self) -> tuple[str, ...]:
        """The parties that the rule names."""
        return tuple(dict.fromkeys(one.party for one in self.sought if one.party is not None))

    def __str__(self) -> str:
        span = "" if self.within is None else f" within {_span_text(self.within)}"
        at, other, near = f"move of {self.when}", f"{self.other}", self.within_moves
        many = f"moves of {self.when}"
        return {
            RuleKind.RESPONSE: f"after each {at}, " + (
                f"{other} comes{span or ' later'}" if near is None else
                f"{'the next move' if near == 1 else f'one of the next {near:,} moves'} is {other}"),
            RuleKind.PRECEDENCE: f"before each {at}, " + (
                f"{other} came{span or ' earlier'}" if near is None else
                f"{'the last move' if near == 1 else f'one of the last {near:,} moves'} is {other}"),
            RuleKind.CHAIN_RESPONSE: f"after each {at}, the next move{self._next_of()} is {other}",
            RuleKind.ABSENCE: f"fewer than {self.times:,} {many}" if self.times > 1 else f"no {at}",
            RuleKind.EXISTENCE: f"at least {self.times:,} {many if self.times > 1 else at}",
            RuleKind.NOT_COEXISTENCE: f"no {at} in an episode with one of {other}",
        }[self.kind]

    def _next_of(self) -> str:
        return f" of the {self.other.party}" if self.next_of_party and self.other is not None else ""

    def evidence_text(self) -> str:
        """Return where the rule comes from, in words."""
        return f"{self.evidence}: {self.source}" if self.source else str(self.evidence)


def _complaints(kind: RuleKind, said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for all that does not fit among what a rule says, by field."""
    first, second = _KEYS[kind]
    for key, one in ((first, said["when"]), (second or "other", said["other"])):
        if one is not None and not one.functions and not one.codes:
            yield key, "names nothing; expected a function or a code, or a list of them"
    if (said["other"] is None) is not (second is None):
        yield second or "other", ("is missing; expected a table that says what a move has to be" if second else
                                  f"has no place in a rule of {kind}")
    if said["within"] is not None and not 0 < said["within"] <= _LONGEST:
        yield "within", f"expected more than nothing, and at most {_LONGEST // 10**6:,} s"
    for key in ("within_moves", "times"):
        if said[key] is not None and not 1 <= said[key] <= MOST_COUNTED:
            yield key, f"expected a whole number from 1 to {MOST_COUNTED:,} but got {said[key]!r:.40}"
    if said["within"] is not None and said["within_moves"] is not None:
        yield "within_moves", "stands beside within; state one of them"
    if said["next_of_party"] and said["other"] is not None and said["other"].party is None:
        yield "next_of_party", "asks for the next move of a party; say which: then = { party = ..., ... }"
    for key, kinds in _ONLY_IN.items():
        if said[key] != _DEFAULTS[key] and kind not in kinds:
            yield key, f"has no place in a rule of {kind}, only in one of {' or '.join(kinds)}"


@attrs.frozen(kw_only=True, repr=False)
class RuleSet:
    """Rules that belong together, and where they come from.

    >>> load_rules("resolution")["marker answered"].evidence
    <Evidence.ASSUMPTION: 'assumption'>
    """

    name: str
    title: str
    citation: str = ""
    note: str = ""
    rules: tuple[Rule, ...]

    def __attrs_post_init__(self) -> None:
        twice = [name for name, n in Counter(rule.name for rule in self.rules).items() if n > 1]
        if twice:
            raise RecordError(f"rule set {self.name!r}: {listed(map(repr, twice))} stands more than once; give each "
                              "rule its own name", field="name", value=twice[0])

    def __len__(self) -> int:
        return len(self.rules)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __getitem__(self, name: str) -> Rule:
        """Return a rule by name; an unknown one is refused with the nearest named."""
        return self.rules[self.place(name)]

    def place(self, name: str) -> int:
        """Return the place of a rule in the order of the set.

        Raises
        ------
        RecordError
            Where there is no such rule.
        """
        names = [rule.name for rule in self.rules]
        if name not in names:
            raise RecordError(f"{self.name} has no rule {name!r}{did_you_mean(name, names)}; its rules are: "
                              f"{listed(names, most=30)}", field="rule", value=name)
        return names.index(name)

    def evidence_counts(self) -> dict[Evidence, int]:
        """Return how many rules are read, reported by others, recalled and assumed."""
        counts = Counter(rule.evidence for rule in self.rules)
        return {evidence: counts[evidence] for evidence in Evidence}

    def evidence_counted(self) -> str:
        """Return in words how many rules are read, reported by others, recalled and assumed."""
        return "rules: " + ", ".join(f"{n} {evidence}" for evidence, n in self.evidence_counts().items())

    @functools.cached_property
    def digest(self) -> str:
        """A hash of the content, for provenance."""
        return hashlib.blake2b(repr(attrs.astuple(self)).encode(), digest_size=8).hexdigest()

    @property
    def identity(self) -> str:
        """Name and hash of content, as provenance says it."""
        return f"rules {self.name}:{self.digest}"

    def __repr__(self) -> str:
        return f"RuleSet({self.name!r}, {_html.counted(len(self), 'rule')})"

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self.title}", f"  {self.evidence_counted()}", *(
            f"  {rule.name} ({rule.kind}): {rule} ({rule.evidence_text()})" for rule in self.rules)])

    def _repr_html_(self) -> str:
        rows = ((rule.name, rule.kind, str(rule), rule.evidence_text(), rule.note) for rule in self.rules)
        return _html.page("Rules", self.title, _html.table(("rule", "kind", "asks", "evidence", "note"), rows))


# --- files ------------------------------------------------------------------------------------------------------------


def rule_set_names() -> tuple[str, ...]:
    """Return the names of the rule sets that come with the package.

    >>> "resolution" in rule_set_names()
    True
    """
    return tuple(_packaged())


@functools.cache
def load_rules(name: str) -> RuleSet:
    """Load a rule set that comes with the package, by name.

    Raises
    ------
    DefinitionError
        When there is none of that name; the nearest is named.
    """
    found = _packaged()
    if name not in found:
        raise DefinitionError(f"there is no rule set {name!r}{did_you_mean(name, found)}; known: {listed(found)}; for "
                              "a file of your own give its path, which ends in .toml", value=name)
    return parse_rules(found[name].read_text(encoding="utf-8"), where=f"{name}.toml")


def read_rules(path: str | Path) -> RuleSet:
    """Read a rule set from a TOML file of your own.

    Raises
    ------
    FileProblem
        When the file cannot be read.
    DefinitionError
        With every mistake in it, by place and with the remedy.
    """
    return parse_rules(_definitions.read_definition_text(path, what="rule set"), where=str(path))


def as_rules(rules: RuleSet | str | Path) -> RuleSet:
    """Take a rule set as it is, by the name of a packaged one, or by the path of a file."""
    return _definitions.taken(rules, RuleSet, what="a rule set", load=load_rules, read=read_rules)


def _packaged() -> dict[str, resources.abc.Traversable]:
    return _definitions.packaged(resources.files("rupturekit") / "rules")


def parse_rules(text: str, *, where: str = "rule set") -> RuleSet:
    """Make a rule set from TOML text.

    Each `[[rules]]` has `name`, `kind` and `evidence`, and by kind: response and chain response `when` and `then`;
    precedence `when` and `first`; not coexistence `when` and `never`; existence and absence `what` and `times` (1 where
    it is not said). Each of these tables says `function` or `code`, a word or a list of which any will do, and `party`
    where it matters. Response and precedence may say `within = "5 min"` (s, min or h) or `within_moves = 3`, chain
    response `next_of_party = true`. Functions that the library does not know have to be listed under `functions`, so
    that a misspelt one is found.

    Raises
    ------
    DefinitionError
        With every mistake in the text.

    >>> print(parse_rules('''
    ... format = 1
    ... name = "mine"
    ... title = "Mine"
    ... [[rules]]
    ... name = "asked again"
    ... kind = "response"
    ... when = { party = "client", code = "wd" }
    ... then = { party = "therapist", function = ["notices", "invites_exploration"] }
    ... within = "2 min"
    ... evidence = "assumption"
    ... ''').rules[0])
    after each move of client: code wd, therapist: notices or invites_exploration comes within 2 min
    """
    node = _definitions.parse_definition(text, where=where, what="rule set")
    version = node.integer("format")
    if version is not None and version != 1:
        node.complain("format", f"is {version}; this version of rupturekit reads format 1, upgrade to read newer")
    known = {*FUNCTIONS, *node.words("functions")}
    head = {"name": node.name("name", pattern=_NAME, says="lower-case letters, digits, dots and hyphens"),
            "title": node.text("title"), "citation": node.text("citation", default=""),
            "note": node.text("note", default="")}
    tables = node.tables("rules")
    rules = [_rule(child, known) for child in tables]
    if not node.data.get("rules"):
        lack = "empty" if node.has("rules") else "missing"
        node.complain("rules", f"is {lack}; a rule set needs at least one [[rules]] table")
    _check_names(tables)
    node.finish(what="rule set")
    return RuleSet(rules=tuple(rule for rule in rules if rule is not None), **head)


def _check_names(tables: list[Node]) -> None:
    seen: dict[str, int] = {}
    for at, table in enumerate(tables, start=1):
        name = table.data.get("name")
        if isinstance(name, str) and seen.setdefault(name, at) != at:
            table.complain("name", f"{name!r} is there already, as rules[{seen[name]}]")


def _rule(node: Node, known: Collection[str]) -> Rule | None:
    """Read one rule; None where it cannot be made, once that is complained of."""
    name, kind = node.text("name"), node.choice("kind", RuleKind)
    evidence, source = node.choice("evidence", Evidence), node.text("source", default="")
    if evidence in (Evidence.READ, Evidence.SECONDARY) and not source:
        node.complain("source", f"is missing; evidence = \"{evidence}\" says what was read and where, or who reports "
                                "it")
    note = node.text("note", default="")
    if kind is None:
        node.ignore(node.data)    # which keys belong here, only the kind could say
        return None
    first, second = _KEYS[kind]
    values = {"when": _sought(node, first, known), "other": None if second is None else _sought(node, second, known),
              **_DEFAULTS, **_limits(node, kind)}
    lacking = values["when"] is None or (second is not None and values["other"] is None)
    wrong = [(key, said) for key, said in _complaints(kind, values) if key not in (first, second)]    # told by _sought
    for key, said in wrong:
        node.complain(key, said)
    if lacking or wrong or evidence is None:
        return None
    return Rule(name=name, kind=kind, evidence=evidence, source=source, note=note, **values)


def _limits(node: Node, kind: RuleKind) -> dict[str, Any]:
    """Read what a kind of rule can be limited or counted by."""
    readers: dict[str, Callable[[], Any]] = {
        "within": lambda: _span(node, "within"),
        "within_moves": lambda: node.integer("within_moves", default=None),
        "times": lambda: node.integer("times", default=1),
        "next_of_party": lambda: node.flag("next_of_party"),
    }
    return {key: read() for key, read in readers.items() if kind in _ONLY_IN[key]}


def _sought(node: Node, key: str, known: Collection[str]) -> Sought | None:
    held = node.table(key)
    if held is None:
        if key not in node.data:
            node.complain(key, "is missing; expected a table such as { party = \"client\", function = \"notices\" }")
        return None
    functions, codes = held.words("function", single=True), held.words("code", single=True)
    for name in functions:
        if name not in known:
            held.complain("function", f"{name!r} is not a function that is known{did_you_mean(name, known)}; list your "
                                      "own under functions = [...] at the head of the file")
    if not functions and not codes:
        held.complain("", "names nothing; expected function or code, a word or a list of them")
        return None
    return Sought(party=held.text("party", default="") or None, functions=functions, codes=codes)


_UNITS: Final[Mapping[str, int]] = MappingProxyType({"s": 10**6, "min": 60 * 10**6, "h": 3_600 * 10**6})


def _span(node: Node, key: str) -> int | None:
    """Read a span of time such as `5 min`; microseconds."""
    said = node.text(key, default="")
    if not said:
        return None
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) (s|min|h)", said)
    if found is None:
        node.complain(key, f"expected a number and s, min or h, such as \"5 min\", but got {said!r:.40}")
        return None
    return round(Decimal(found[1]) * _UNITS[found[2]])


def _span_text(microseconds: int) -> str:
    """Return a span of time in the largest unit that it is a whole number of, else in seconds.

    >>> _span_text(300_000_000), _span_text(90_000_000), _span_text(1_500_000)
    ('5 min', '90 s', '1.5 s')
    """
    for unit in ("h", "min"):
        if microseconds % _UNITS[unit] == 0:
            return f"{microseconds // _UNITS[unit]} {unit}"
    return f"{Decimal(microseconds) / 10**6:f} s"
