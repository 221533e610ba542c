"""Process models as data: states, arrows, the evidence behind each, and the checks on their graph.

A `StateMachine` is a frozen value. The order of its states is their integer code, so graph, table and figure
agree. Order of stages is a hypothesis in this field: a model says what is expected, it never rejects an episode.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

import attrs
import networkx as nx

from rupturekit import _definitions, _registry
from rupturekit._definitions import Node
from rupturekit._views.models import model_html
from rupturekit.errors import (
    AmbiguousTransition,
    NoPathToEnd,
    RecordError,
    StateMachineError,
    UnknownState,
    UnreachableState,
    did_you_mean,
    listed,
)
from rupturekit.vocabulary import Evidence, Outcome, Phase, RuptureType

__all__ = [
    "MAX_STATES",
    "Condition",
    "State",
    "StateMachine",
    "Transition",
    "check_model",
    "load_model",
    "model_names",
    "overlap",
    "parse_model",
    "read_model",
    "states_without_end",
]

MAX_STATES: Final = 4_096
"""A product of chains or subsets larger than this is refused before it is built."""

_LARGEST_RATING: Final = 1e9
_LONGEST: Final = 10**15
"""Microseconds: thirty years, longer than any therapy."""

MAX_BUCKETS: Final = 8
"""Rating guards may cut a scale into at most this many buckets, besides absent."""

_STATE_NAME = r"[a-z][a-z0-9_]{0,59}"
_NAME = r"([a-z0-9-]{1,60}:)?[a-z0-9][a-z0-9._-]{0,59}"    # a copy of a plug-in's keeps the name of its package


@attrs.frozen(kw_only=True)
class Condition:
    """What a move must be for an arrow to be taken.

    Attributes
    ----------
    party : str or None
        Whose move; None is either party.
    functions : tuple of str
        Any of these functions will do.
    min_rating, max_rating : float or None
        Guard on the move's rating, both ends included.
    absent : "pass", "block" or None
        What a move without rating does at a rating guard; has to be stated with one.
    min_elapsed, max_elapsed : int or None
        Guard on microseconds since the previous move or the onset, both ends included. The first move, and the
        first of a new session, have no previous move and do not pass.
    since : "previous" or "onset"
    """

    party: str | None = None
    functions: tuple[str, ...] = ()
    min_rating: float | None = None
    max_rating: float | None = None
    absent: str | None = None
    min_elapsed: int | None = None
    max_elapsed: int | None = None
    since: str = "previous"

    def __attrs_post_init__(self) -> None:
        for field in ("min_rating", "max_rating"):
            complaint = _rating_complaint(getattr(self, field))
            if complaint:
                raise RecordError(f"Condition.{field}: {complaint}", field=field, value=getattr(self, field))
        for field in ("min_elapsed", "max_elapsed"):
            value = getattr(self, field)
            if value is not None and not 0 <= value <= _LONGEST:
                raise RecordError(f"Condition.{field}: expected microseconds from 0 to {_LONGEST:g} but got "
                                  f"{value!r:.40}", field=field, value=value)

    @property
    def rates(self) -> bool:
        """Whether there is a guard on the rating."""
        return self.min_rating is not None or self.max_rating is not None

    @property
    def times(self) -> bool:
        """Whether there is a guard on elapsed time."""
        return self.min_elapsed is not None or self.max_elapsed is not None

    def __str__(self) -> str:
        guards = [f"rating >= {self.min_rating:g}"] if self.min_rating is not None else []
        guards += [f"rating <= {self.max_rating:g}"] if self.max_rating is not None else []
        guards += [f"{self.min_elapsed / 1e6:g} s or more since {self.since}"] if self.min_elapsed is not None else []
        guards += [f"{self.max_elapsed / 1e6:g} s or less since {self.since}"] if self.max_elapsed is not None else []
        what = f"{self.party or 'either'}: {' or '.join(self.functions)}"
        return f"{what} [{', '.join(guards)}]" if guards else what


@attrs.frozen(kw_only=True)
class State:
    """One position in the process. `steps` are the steps that have been made when it is reached."""

    name: str
    phase: Phase
    title: str = ""
    actor: str = ""
    initial: bool = False
    end: bool = False
    outcome: Outcome | None = None
    evidence: Evidence = Evidence.ASSUMPTION
    locator: str = ""
    named: str = ""
    note: str = ""
    steps: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Transition:
    """An arrow between two states, when it is taken, and where it comes from.

    `step` is the step that is made by taking it: the target, but in a product of chains or sets the one strategy.
    `declared` names the line of the definition that it was compiled from: in a product of chains many arrows
    share one, and evidence is counted once a declaration.
    """

    source: str
    target: str
    when: Condition | None
    evidence: Evidence
    locator: str = ""
    named: str = ""
    note: str = ""
    step: str = attrs.field(default=attrs.Factory(lambda self: self.target, takes_self=True))
    skippable: bool = True
    declared: str = ""

    def __str__(self) -> str:
        return f"{self.source} --{self.when or 'silent'}--> {self.target} ({self.evidence})"


@attrs.frozen(kw_only=True, repr=False)
class StateMachine:
    """A process model: states in order, arrows with their evidence, and where it comes from.

    >>> model = load_model("withdrawal-2000")
    >>> model.initial
    'withdrawal'
    """

    name: str
    title: str
    source: str
    citation: str = ""
    type: RuptureType | None = None
    note: str = ""
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]

    @functools.cached_property
    def index(self) -> Mapping[str, int]:
        """The integer code of each state: its place in the order."""
        return {state.name: at for at, state in enumerate(self.states)}

    def __getitem__(self, name: str) -> State:
        """Return a state by name; an unknown one is refused with the nearest named."""
        if name not in self.index:
            raise UnknownState(f"{self.name} has no state {name!r}{did_you_mean(name, self.index)}; "
                               f"its states are: {listed(self.index)}")
        return self.states[self.index[name]]

    @property
    def initial(self) -> str:
        """The state in which every episode begins."""
        return next(state.name for state in self.states if state.initial)

    @property
    def ends(self) -> tuple[str, ...]:
        """The states in which the process may be over, in the model's order."""
        return tuple(state.name for state in self.states if state.end)

    @property
    def parties(self) -> tuple[str, ...]:
        """The parties whom the arrows name, sorted."""
        return tuple(sorted({arrow.when.party for arrow in self.transitions if arrow.when and arrow.when.party}))

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that the arrows speak of, sorted."""
        return tuple(sorted({name for arrow in self.transitions if arrow.when for name in arrow.when.functions}))

    @functools.cached_property
    def graph(self) -> nx.MultiDiGraph[str]:
        """The model as a networkx graph: nodes carry `phase`, edges carry `when` and `evidence`."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=self.name)
        graph.add_nodes_from((state.name, {"phase": state.phase.value}) for state in self.states)
        graph.add_edges_from((arrow.source, arrow.target, {"when": str(arrow.when or "silent"),
                                                           "evidence": arrow.evidence.value})
                             for arrow in self.transitions)
        return graph

    def evidence_counts(self) -> dict[Evidence, int]:
        """Return how many arrows are read, reported by others, recalled and assumed, each declaration once."""
        declared = {arrow.declared or str(at): arrow.evidence for at, arrow in enumerate(self.transitions)}
        counts = Counter(declared.values())
        return {evidence: counts[evidence] for evidence in Evidence}

    @property
    def is_reconstruction(self) -> bool:
        """Whether under half of the arrows were read in a source."""
        counts = self.evidence_counts()
        return 2 * counts[Evidence.READ] < sum(counts.values())

    def evidence_text(self) -> str:
        """Return the evidence column in words; it stands beside every ranking and trace."""
        counts = self.evidence_counts()
        said = ", ".join(f"{n} {evidence}" for evidence, n in counts.items())
        head = f"a reconstruction after {self.source}; " if self.is_reconstruction else ""
        return f"{head}arrows: {said}"

    @functools.cached_property
    def digest(self) -> str:
        """A hash of the content, for provenance."""
        return hashlib.blake2b(repr(attrs.astuple(self)).encode(), digest_size=8).hexdigest()

    def __repr__(self) -> str:
        return f"StateMachine({self.name!r}, {len(self.states)} states, {len(self.transitions)} arrows)"

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.title}", f"  {self.evidence_text()}"]
        for state in self.states:
            marks = [state.phase.value, *(["start"] if state.initial else []),
                     *([f"end: {state.outcome}" if state.outcome else "end"] if state.end else [])]
            lines.append(f"  {state.name} ({', '.join(marks)})")
            lines += [f"      --{arrow.when or 'silent'}--> {arrow.target} ({arrow.evidence})"
                      for arrow in self.transitions if arrow.source == state.name]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return model_html(self)


# --- checks: small, named, all run, all reported ---------------------------------------------------------------


def check_model(model: StateMachine) -> None:
    """Run every check on a model and report all that is wrong at once.

    Raises
    ------
    StateMachineError
        The specific class where one thing is wrong; otherwise the common one, with `.problems`.
    """
    problems = [*_check_names(model), *_check_arrows(model)]
    if not problems:
        problems = [*_check_ambiguity(model), *_check_reachable(model), *_check_ends(model), *_check_silent(model),
                    *_check_buckets(model)]
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = "\n  ".join(str(problem) for problem in problems)
        raise StateMachineError(f"{model.name}: {len(problems)} things are wrong with this model\n  {lines}",
                                problems=problems)


def _check_names(model: StateMachine) -> Iterator[StateMachineError]:
    for name, n in Counter(state.name for state in model.states).items():
        if n > 1:
            yield StateMachineError(f"{model.name}: state {name!r} stands {n} times; give each its own name")
    starts = [state.name for state in model.states if state.initial]
    if len(starts) != 1:
        yield StateMachineError(f"{model.name}: expected one state with initial = true but found "
                                f"{len(starts)} ({listed(starts) or 'none'})")
    if not any(state.end for state in model.states):
        yield NoPathToEnd(f"{model.name}: no state has end = true; mark at least one")
    for state in model.states:
        if state.outcome and not state.end:
            yield StateMachineError(f"{model.name}: state {state.name!r} has an outcome but is no end; "
                                    "set end = true or drop the outcome")


def _check_arrows(model: StateMachine) -> Iterator[StateMachineError]:
    for arrow in model.transitions:
        for name in (arrow.source, arrow.target):
            if name not in model.index:
                yield UnknownState(f"{model.name}: arrow {arrow.source} -> {arrow.target} names the state {name!r}, "
                                   f"which is not there{did_you_mean(name, model.index)}")


def _check_ambiguity(model: StateMachine) -> Iterator[StateMachineError]:
    for name in model.index:
        leaving = [arrow for arrow in model.transitions if arrow.source == name and arrow.when]
        for one, other in itertools.combinations(leaving, 2):
            if one.target != other.target and overlap(one.when, other.when):
                yield AmbiguousTransition(
                    f"{model.name}: one move could go from {name!r} both to {one.target!r} ({one.when}) and to "
                    f"{other.target!r} ({other.when}); tell them apart by party, function or guard")


def overlap(one: Condition | None, other: Condition | None) -> bool:
    """Return whether one move could meet both conditions; no move meets a silent arrow's.

    >>> overlap(Condition(functions=("notices",)), Condition(party="client", functions=("notices", "validates")))
    True
    """
    if one is None or other is None:
        return False
    people = one.party is None or other.party is None or one.party == other.party
    times = not (one.times and other.times and one.since == other.since) or _meet(
        one.min_elapsed, one.max_elapsed, other.min_elapsed, other.max_elapsed)
    return people and times and bool(set(one.functions) & set(other.functions)) and _ratings_meet(one, other)


def _ratings_meet(one: Condition, other: Condition) -> bool:
    both_absent = all(not c.rates or c.absent == "pass" for c in (one, other))
    return both_absent or _meet(one.min_rating, one.max_rating, other.min_rating, other.max_rating)


def _meet(low: float | None, high: float | None, other_low: float | None, other_high: float | None) -> bool:
    start = max(x for x in (low, other_low, float("-inf")) if x is not None)
    stop = min(x for x in (high, other_high, float("inf")) if x is not None)
    return start <= stop


def _check_reachable(model: StateMachine) -> Iterator[StateMachineError]:
    reached = {model.initial} | nx.descendants(model.graph, model.initial)
    for name in model.index:
        if name not in reached:
            yield UnreachableState(f"{model.name}: no path leads from {model.initial!r} to {name!r}; "
                                   "add an arrow to it or drop the state")


def states_without_end(model: StateMachine) -> tuple[str, ...]:
    """Return the states from which no path leads to an end, in the model's order.

    >>> states_without_end(load_model("withdrawal-2000"))
    ()
    """
    reached = set(model.ends)
    for end in model.ends:
        reached |= nx.ancestors(model.graph, end)
    return tuple(name for name in model.index if name not in reached)


def _check_ends(model: StateMachine) -> Iterator[StateMachineError]:
    for name in states_without_end(model):
        yield NoPathToEnd(f"{model.name}: from {name!r} no end can be reached; add an arrow towards "
                          f"{listed(model.ends)}, or set end = true")


def _check_silent(model: StateMachine) -> Iterator[StateMachineError]:
    silent: nx.DiGraph[str] = nx.DiGraph()
    silent.add_edges_from((arrow.source, arrow.target) for arrow in model.transitions if arrow.when is None)
    firsts = [min(held, key=model.index.__getitem__) for held in nx.strongly_connected_components(silent)]
    for first in sorted(firsts, key=model.index.__getitem__):
        back = [nx.shortest_path(silent, after, first) for after in silent.successors(first)
                if nx.has_path(silent, after, first)]
        if back:
            circle = " -> ".join([first, *min(back, key=len)])
            yield StateMachineError(f"{model.name}: the silent arrows {circle} go in a circle; give one of them a "
                                    "condition")


def _check_buckets(model: StateMachine) -> Iterator[StateMachineError]:
    cuts = rating_cuts(arrow.when for arrow in model.transitions if arrow.when)
    if len(cuts) + 1 > MAX_BUCKETS:
        yield StateMachineError(f"{model.name}: the rating guards cut the scale into {len(cuts) + 1} buckets, "
                                f"at most {MAX_BUCKETS} are allowed; use fewer thresholds")


def rating_cuts(conditions: Iterable[Condition]) -> tuple[int, ...]:
    """Return the thousandths at which rating guards cut the scale; a bucket starts at each."""
    cuts: set[int] = set()
    for condition in conditions:
        if condition.min_rating is not None:
            cuts.add(round(condition.min_rating * 1000))
        if condition.max_rating is not None:
            cuts.add(round(condition.max_rating * 1000) + 1)
    return tuple(sorted(cuts))


# --- reading ---------------------------------------------------------------------------------------------------


def model_names() -> tuple[str, ...]:
    """Return the names of the process models that come with the package, then `package:name` of those of plug-ins.

    >>> "recognition" in model_names()
    True
    """
    return (*_packaged(), *_registry.names(_plug_ins()))


def _packaged() -> dict[str, resources.abc.Traversable]:
    return _definitions.packaged(resources.files("rupturekit") / "models")


def _plug_ins() -> _registry.Kind[StateMachine]:
    return _registry.Kind(group="rupturekit.models", what="process model", parse=parse_model)


@functools.cache
def load_model(name: str) -> StateMachine:
    """Load a process model that comes with the package, by name, or that of a plug-in, by `package:name`.

    Raises
    ------
    DefinitionError
        When there is none of that name, the nearest is named; or when the plug-in's is broken.
    """
    found = _packaged()
    if name not in found:
        return attrs.evolve(_registry.load(_plug_ins(), name, built_in=found), name=name)
    return parse_model(found[name].read_text(encoding="utf-8"), where=f"{name}.toml")


def read_model(path: str | Path) -> StateMachine:
    """Read a process model from a TOML file of your own, and check it.

    Raises
    ------
    FileProblem, DefinitionError, StateMachineError
        With every mistake found, by place and with the remedy.
    """
    return parse_model(_definitions.read_definition_text(path, what="process model"), where=str(path))


def as_model(model: StateMachine | str | Path) -> StateMachine:
    """Take a model as it is, by the name of a packaged one or a plug-in's, or by the path of a file."""
    return _definitions.taken(model, StateMachine, what="a process model", load=load_model, read=read_model)


def parse_model(text: str, *, where: str = "model") -> StateMachine:
    """Make a process model from TOML text, compile its chains and sets, and check it.

    Raises
    ------
    DefinitionError
        With every mistake in the text.
    StateMachineError
        With everything that is wrong with the graph.
    """
    node = _definitions.parse_definition(text, where=where, what="process model")
    version = node.integer("format")
    if version is not None and version != 1:
        node.complain("format", f"is {version}; this version of rupturekit reads format 1, upgrade to read newer")
    name = node.name("name", pattern=_NAME, says="lower-case letters, digits, dots and hyphens")
    title, source = node.text("title"), node.text("source")
    citation, note = node.text("citation", default=""), node.text("note", default="")
    kind = node.text("type")
    if kind and kind not in (*RuptureType, "any"):
        node.complain("type", f"{kind!r} is not one of {listed((*RuptureType, 'any'))}")
    states = [_state(child) for child in node.tables("states")]
    arrows = [_arrow(child, declared=f"transition {at}") for at, child in enumerate(node.tables("transitions"))]
    parallel, unordered = node.table("parallel"), node.table("unordered")
    chains = _read_chains(parallel) if parallel else None
    steps = _read_set(unordered) if unordered else None
    if not states and not node.has("states"):
        node.complain("states", "is missing; a model needs [[states]] tables")
    node.finish(what="process model")
    for block in (chains, steps):
        if block is not None:
            states, arrows = block.compile_into(states, arrows, name)
    model = StateMachine(name=name, title=title, source=source, citation=citation, note=note,
                         type=None if kind == "any" else RuptureType(kind),
                         states=tuple(states), transitions=tuple(arrows))
    check_model(model)
    return model


def _proof(node: Node) -> dict[str, object]:
    evidence = node.choice("evidence", Evidence)
    locator, named = node.text("locator", default=""), node.text("named", default="")
    if evidence is Evidence.READ and not locator:
        node.complain("locator", "is missing; what was read says where (evidence = \"read\")")
    if evidence is Evidence.SECONDARY and not named:
        node.complain("named", "is missing; what others report names them (evidence = \"secondary\")")
    return {"evidence": evidence or Evidence.ASSUMPTION, "locator": locator, "named": named}


def _state(node: Node) -> State:
    name = node.name("name", pattern=_STATE_NAME, says="lower-case letters, digits and underscores")
    return State(
        name=name, title=node.text("title", default="") or name.replace("_", " "),
        phase=node.choice("phase", Phase) or Phase.RUPTURE, actor=node.text("actor", default=""),
        initial=node.flag("initial"), end=node.flag("end"), outcome=node.choice("outcome", Outcome, default=None),
        note=node.text("note", default=""), steps=(name,), **_proof(node),  # type: ignore[arg-type]
    )


def _arrow(node: Node, *, declared: str) -> Transition:
    silent, when = node.flag("silent"), node.table("when")
    if silent == (when is not None):
        node.complain("when", "an arrow has either `when` or silent = true, and not both")
    target = node.text("to")
    return Transition(source=node.text("from"), target=target, when=_condition(when) if when else None,
                      note=node.text("note", default=""), step=target, declared=declared,
                      **_proof(node))  # type: ignore[arg-type]


def _rating_complaint(value: float | None) -> str | None:
    """Say what is wrong with the rating of a guard; a move's rating is held in thousandths."""
    if value is None or (abs(value) <= _LARGEST_RATING and round(value * 1000) / 1000 == value):
        return None
    return (f"expected at most three decimals, as ratings have, and at most {_LARGEST_RATING:g}, but got "
            f"{value!r:.40}")


def _condition(node: Node) -> Condition:
    low, high = node.number("min_rating", default=None), node.number("max_rating", default=None)
    absent = node.text("absent", default="") or None
    if (low is not None or high is not None) and absent not in ("pass", "block"):
        node.complain("absent", "has to be \"pass\" or \"block\" beside a rating guard: what does a move without "
                                "rating do?")
    shortest, longest = _elapsed(node, "min_seconds"), _elapsed(node, "max_seconds")
    _check_range(node, "max_rating", low, high)
    _check_range(node, "max_seconds", shortest, longest)
    if (complaint := _rating_complaint(low)) is not None:
        node.complain("min_rating", complaint)
        low = None
    if (complaint := _rating_complaint(high)) is not None:
        node.complain("max_rating", complaint)
        high = None
    since = node.text("since", default="previous")
    if since not in ("previous", "onset"):
        node.complain("since", f"{since!r} is not one of previous, onset; time since a state was entered is not "
                               "something a single move shows")
    functions = node.words("function", single=True)
    if not node.data.get("function"):
        node.complain("function", "is missing; expected a function or a list of them")
    return Condition(party=node.text("party", default="") or None, functions=functions, min_rating=low,
                     max_rating=high, absent=absent, min_elapsed=shortest, max_elapsed=longest, since=since)


def _check_range(node: Node, key: str, low: float | None, high: float | None) -> None:
    if low is not None and high is not None and low > high:
        node.complain(key, "lies below the minimum beside it, so the guard can never hold")


def _elapsed(node: Node, key: str) -> int | None:
    value = node.number(key, default=None)
    if value is not None and not 0 <= value <= _LONGEST / 1_000_000:
        node.complain(key, f"expected seconds, at least 0 and at most {_LONGEST / 1_000_000:g}, but got {value:g}")
        return None
    return None if value is None else round(value * 1_000_000)


@attrs.frozen(kw_only=True)
class _Chains:
    """Parallel chains, one a party: compiled to their product, joined where all are complete."""

    source: str
    target: str
    phase: Phase
    join: Transition
    chains: tuple[tuple[Transition, ...], ...]
    leaves: tuple[Transition, ...]

    def compile_into(self, states: list[State], arrows: list[Transition], name: str
                     ) -> tuple[list[State], list[Transition]]:
        """Return states and arrows with the product of the chains among them."""
        size = 1
        for chain in self.chains:
            size *= len(chain) + 1
        _bound(size, name)
        positions = list(itertools.product(*(range(len(chain) + 1) for chain in self.chains)))
        positions.sort(key=lambda at: (sum(at), tuple(-x for x in at)))
        made = [self._state(at) for at in positions[1:]]
        new = [arrow for at in positions for arrow in self._leaving(at)]
        full = self._name(positions[-1])
        new.append(attrs.evolve(self.join, source=full, target=self.target))
        return _insert(states, made, after=self.source), [*arrows, *new]

    def _done(self, at: tuple[int, ...]) -> list[Transition]:
        return [step for chain, n in zip(self.chains, at, strict=True) for step in chain[:n]]

    def _name(self, at: tuple[int, ...]) -> str:
        latest = [chain[n - 1].step for chain, n in zip(self.chains, at, strict=True) if n]
        return "+".join(latest) or self.source

    def _state(self, at: tuple[int, ...]) -> State:
        name = self._name(at)
        return State(name=name, title=name.replace("_", " ").replace("+", " + "), phase=self.phase,
                     evidence=self.join.evidence, locator=self.join.locator, named=self.join.named,
                     steps=tuple(step.step for step in self._done(at)))

    def _leaving(self, at: tuple[int, ...]) -> Iterator[Transition]:
        here = self._name(at)
        for which, chain in enumerate(self.chains):
            if at[which] < len(chain):
                there = (*at[:which], at[which] + 1, *at[which + 1 :])
                yield attrs.evolve(chain[at[which]], source=here, target=self._name(there))
        yield from (attrs.evolve(step, source=here, target=here) for step in self._done(at))
        yield from (attrs.evolve(leaf, source=here) for leaf in self.leaves)


@attrs.frozen(kw_only=True)
class _Set:
    """Strategies in any order: compiled to the subsets seen so far, left once enough were seen."""

    source: str
    phase: Phase
    at_least: int
    join: Transition
    steps: tuple[Transition, ...]

    def compile_into(self, states: list[State], arrows: list[Transition], name: str
                     ) -> tuple[list[State], list[Transition]]:
        """Return states and arrows with the subsets of the steps among them."""
        _bound(2 ** len(self.steps), name)
        subsets = [subset for n in range(len(self.steps) + 1)
                   for subset in itertools.combinations(range(len(self.steps)), n)]
        made = [State(name=self._name(subset), title=self._name(subset).replace("_", " ").replace("+", " + "),
                      phase=self.phase, evidence=self.join.evidence, locator=self.join.locator, named=self.join.named,
                      steps=tuple(self.steps[at].step for at in subset)) for subset in subsets[1:]]
        return _insert(states, made, after=self.source), [*arrows, *(a for s in subsets for a in self._leaving(s))]

    def _name(self, subset: tuple[int, ...]) -> str:
        return "+".join(self.steps[at].step for at in subset) or self.source

    def _leaving(self, subset: tuple[int, ...]) -> Iterator[Transition]:
        for at, step in enumerate(self.steps):
            target = self._name(tuple(sorted({*subset, at})))
            yield attrs.evolve(step, source=self._name(subset), target=target, skippable=False)
        if len(subset) >= self.at_least:
            yield attrs.evolve(self.join, source=self._name(subset))


def _bound(size: int, name: str) -> None:
    if size > MAX_STATES:
        raise StateMachineError(f"{name}: the chains or sets make {size:,} states, at most {MAX_STATES:,} are built; "
                                "use fewer steps")


def _insert(states: list[State], made: list[State], *, after: str) -> list[State]:
    at = next((n for n, state in enumerate(states, start=1) if state.name == after), len(states))
    return [*states[:at], *made, *states[at:]]


def _read_join(node: Node, *, declared: str) -> Transition:
    when = node.table("when")
    if when is None:
        node.complain("when", "is missing; what move joins them?")
    target = node.text("to")
    return Transition(source="", target=target, when=_condition(when) if when else None, step=target,
                      declared=declared, **_proof(node))  # type: ignore[arg-type]


def _read_steps(node: Node, *, declared: str) -> tuple[Transition, ...]:
    return tuple(_read_step(child, declared=f"{declared} {at}") for at, child in enumerate(node.tables("steps")))


def _read_step(node: Node, *, declared: str) -> Transition:
    when = node.table("when")
    if when is None:
        node.complain("when", "is missing; what move makes this step?")
    node.text("title", default="")
    return Transition(source="", target="", when=_condition(when) if when else None, declared=declared,
                      step=node.name("name", pattern=_STATE_NAME, says="lower-case letters, digits and underscores"),
                      note=node.text("note", default=""), **_proof(node))  # type: ignore[arg-type]


def _read_leaf(node: Node, *, declared: str) -> Transition:
    leaf = _read_join(node, declared=declared)
    return attrs.evolve(leaf, note=node.text("note", default=""))


def _of_party(node: Node, steps: tuple[Transition, ...]) -> tuple[Transition, ...]:
    """Give the steps of a chain its party; a step of somebody else's is a mistake."""
    party = node.text("party")
    for step in steps:
        if step.when is not None and step.when.party not in (None, party):
            node.complain("steps", f"step {step.step!r} is of the {step.when.party}, but this chain is the {party}'s")
    return tuple(attrs.evolve(step, when=attrs.evolve(step.when, party=party)) if step.when else step for step in steps)


def _read_chains(node: Node) -> _Chains:
    chains = []
    for at, child in enumerate(node.tables("chains")):
        chains.append(_of_party(child, _read_steps(child, declared=f"chain {at}")))
    node.text("note", default="")
    if len(chains) < 2 or not all(chains):
        node.complain("chains", "expected at least two [[parallel.chains]], each with [[parallel.chains.steps]]")
    join = _read_join(node, declared="join of chains")
    return _Chains(source=node.text("from"), target=join.target, join=join, chains=tuple(chains),
                   phase=node.choice("phase", Phase) or Phase.NEGOTIATION,
                   leaves=tuple(_read_leaf(leaf, declared=f"leave {at}")
                                for at, leaf in enumerate(node.tables("leaves"))))


def _read_set(node: Node) -> _Set:
    steps = _read_steps(node, declared="strategy")
    if not 1 <= len(steps) <= 9:
        node.complain("steps", f"expected 1 to 9 [[unordered.steps]] but got {len(steps)}")
    at_least = node.integer("at_least", default=1)
    node.text("note", default="")
    return _Set(source=node.text("from"), at_least=at_least if at_least is not None else 1,
                phase=node.choice("phase", Phase) or Phase.NEGOTIATION, join=_read_join(node, declared="end of set"),
                steps=steps)
