"""Random records, products of chains, rules and changed studies, small enough for the oracles to go through.

What users of the library draw too (codebooks, models, whole studies) is in `rupturekit.testing`, and from there here.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
from hypothesis import strategies as st

from rupturekit import _schema
from rupturekit._schema import Column
from rupturekit.episode import (
    ATTRIBUTES,
    ContextEvent,
    Dyad,
    EpisodeRow,
    Label,
    Member,
    Move,
    NeedStatement,
    ObservedStretch,
    Rating,
    Session,
)
from rupturekit.errors import CodingWarning
from rupturekit.segmentation import SegmentationRule
from rupturekit.state_machine import StateMachine, parse_model
from rupturekit.testing import FUNCTIONS, PARTIES, Parts, codebooks, models, parts
from rupturekit.vocabulary import UNKNOWN

__all__ = [
    "ENDS", "FUNCTIONS", "HEAD", "PARTIES", "RECORDS", "SECOND", "Parts", "chains_text", "codebooks", "lines", "models",
    "parts", "products", "quietly", "records", "renamed", "rules", "set_text", "shifted", "subsets", "words",
]

T = TypeVar("T")
Names = dict[str | None, Any]
"""Old name to new name; None to None."""

RECORDS = (Move, Session, Dyad, ObservedStretch, Rating, NeedStatement, ContextEvent, Label, EpisodeRow, Member)
SECOND = 1_000_000


def quietly(function: Callable[..., T], *args: Any, **named: Any) -> T:
    """Call a function; warnings about odd data are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        return function(*args, **named)


def subsets(of: tuple[T, ...], *, least: int = 0, most: int = 2) -> st.SearchStrategy[tuple[T, ...]]:
    """Return some of the given things, in their order."""
    return st.lists(st.sampled_from(of), min_size=least, max_size=most, unique=True).map(
        lambda picked: tuple(one for one in of if one in picked))


# --- records ---------------------------------------------------------------------------------------------------

_SIGNS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))
lines = st.text(_SIGNS, min_size=1, max_size=6)
words = lines.filter(lambda word: word == word.strip())


def _values(column: Column) -> st.SearchStrategy[Any]:
    if column.levels is not None:
        return st.sampled_from(list(column.levels))
    low = 0 if column.rule and column.kind != "float" and column.kind != "label" else -(2**63) + 1
    return {
        "time": st.integers(low, 2**63 - 1), "int": st.integers(low, 2**63 - 1),
        "milli": st.integers(0, 10**15).map(lambda whole: whole / 1000), "bool": st.booleans(),
        "float": st.floats(allow_nan=False, allow_infinity=False), "label": words,
    }[column.kind]


@st.composite
def records(draw: st.DrawFn, record: type[T]) -> T:
    """Draw one record of a class, from what its annotations allow."""
    optional = _schema.optional_fields(record)
    fields = {name: draw(st.none() | _values(column) if name in optional else _values(column))
              for name, column in _schema.columns(record).items()}
    if record is Label:
        fields["subject_kind"] = draw(st.sampled_from(["episode", "move", "session", "dyad", "context"]))
        fields["attribute"] = draw(st.sampled_from(list(ATTRIBUTES)) | words)
        allowed = ATTRIBUTES.get(fields["attribute"])
        fields["value"] = draw(st.sampled_from([*allowed, UNKNOWN]) if allowed else lines)
    return record(**fields)


# --- models as text and compiled --------------------------------------------------------------------------------------


HEAD = 'format = 1\nname = "m"\ntitle = "M"\nsource = "S"\ntype = "any"\n'
ENDS = ('[[states]]\nname = "a"\nphase = "rupture"\ninitial = true\nevidence = "assumption"\n'
        '[[states]]\nname = "z"\nphase = "repair"\nend = true\nevidence = "assumption"\n')


def _steps_text(under: str, steps: Mapping[str, str]) -> str:
    return "".join(f'[[{under}.steps]]\nname = "{name}"\nwhen = {{ {when} }}\nevidence = "recalled"\n'
                   for name, when in steps.items())


def _block(name: str, join: str) -> str:
    return (f'[{name}]\nfrom = "a"\nto = "z"\nwhen = {{ function = "{join}" }}\nphase = "negotiation"\n'
            'evidence = "assumption"\n')


def _alone(names: list[str] | Mapping[str, str]) -> Mapping[str, str]:
    return names if isinstance(names, Mapping) else {name: f'function = "{name}"' for name in names}


def chains_text(chains: list[list[str]] | list[dict[str, str]], *, join: str = "join",
                parties: tuple[str, ...] = ("client",)) -> str:
    """Return a model of parallel chains as TOML; a chain is a list of functions, or maps a step to its `when`."""
    made = (f'[[parallel.chains]]\nparty = "{party}"\n{_steps_text("parallel.chains", _alone(chain))}'
            for chain, party in zip(chains, itertools.cycle(parties), strict=False))
    return HEAD + ENDS + _block("parallel", join) + "".join(made)


def set_text(names: list[str] | dict[str, str], at_least: int, *, join: str = "join") -> str:
    """Return a model of strategies in any order as TOML."""
    return HEAD + ENDS + _block("unordered", join) + f"at_least = {at_least}\n" + _steps_text("unordered", _alone(names))


@st.composite
def products(draw: st.DrawFn) -> StateMachine:
    """Draw two parallel chains, one a party, or a set of strategies, compiled; the last function joins them."""
    *steps, join = FUNCTIONS
    picked = st.lists(st.sampled_from(steps), min_size=1, max_size=3, unique=True)
    if draw(st.booleans()):
        names = draw(picked)
        return parse_model(set_text(names, draw(st.integers(1, len(names))), join=join))
    chains = [{f"{party}_{name}": f'party = "{party}", function = "{name}"' for name in draw(picked)} for party in PARTIES]
    return parse_model(chains_text(chains, join=join, parties=PARTIES))


# --- studies, changed ---------------------------------------------------------------------------------------------------


def shifted(study: Parts, by: Mapping[tuple[str, int], int]) -> Parts:
    """Return a study in which all times of some sessions lie later; `by` says how much for each dyad and session."""

    def later(time: int | None, dyad: str, session: int) -> int | None:
        return None if time is None else time + by.get((dyad, session), 0)

    return attrs.evolve(
        study,
        moves=tuple(attrs.evolve(m, onset=later(m.onset, m.dyad, m.session), offset=later(m.offset, m.dyad, m.session))
                    for m in study.moves),
        sessions=tuple(attrs.evolve(s, duration=later(s.duration, s.dyad, s.session)) for s in study.sessions),
        observed=tuple(attrs.evolve(o, start=later(o.start, o.dyad, o.session), end=later(o.end, o.dyad, o.session))
                       for o in study.observed),
        episodes=tuple(attrs.evolve(e, onset=later(e.onset, e.dyad, e.first_session),
                                    end=later(e.end, e.dyad, e.last_session)) for e in study.episodes))


def renamed(study: Parts, model: StateMachine, *, keep: tuple[str, ...] = ()) -> tuple[Names, Parts, StateMachine]:
    """Return a study and model with other names, which sort the other way round, and the names."""
    old = [*PARTIES, *(code.code for code in study.coding.codebook.codes), *model.index, *FUNCTIONS]
    names: Names = {word: f"z{99 - at}" for at, word in enumerate(old)} | {word: word for word in keep} | {None: None}

    def all_of(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names[word] for word in words)

    book = attrs.evolve(study.coding.codebook, codes=tuple(
        attrs.evolve(code, code=names[code.code], parties=all_of(code.parties), functions=all_of(code.functions))
        for code in study.coding.codebook.codes))
    other = attrs.evolve(
        study, coding=attrs.evolve(study.coding, parties=all_of(study.coding.parties), codebook=book),
        moves=tuple(attrs.evolve(m, party=names[m.party], code=names[m.code]) for m in study.moves),
        episodes=tuple(attrs.evolve(e, party=names[e.party]) for e in study.episodes))
    arrows = tuple(attrs.evolve(
        a, source=names[a.source], target=names[a.target], step=names[a.step],
        when=a.when and attrs.evolve(a.when, party=names[a.when.party], functions=all_of(a.when.functions)))
        for a in model.transitions)
    states = tuple(attrs.evolve(state, name=names[state.name]) for state in model.states)
    return names, other, attrs.evolve(model, states=states, transitions=arrows)


@st.composite
def rules(draw: st.DrawFn, *, unit: int = SECOND, across: bool | None = None) -> SegmentationRule:
    """Draw a segmentation rule."""
    opens = draw(subsets(FUNCTIONS, least=1, most=3))
    rating = draw(st.none() | st.sampled_from([1.5, 2.0]))
    return SegmentationRule(
        name="random", opens=opens, opened_by=draw(subsets(PARTIES, most=1)),
        closes_on=draw(subsets(tuple(name for name in FUNCTIONS if name not in opens))),
        gap=draw(st.none() | st.integers(1, 8).map(lambda units: units * unit)), min_rating=rating,
        absent_rating=None if rating is None else draw(st.sampled_from(["pass", "block"])),
        across_sessions=draw(st.booleans()) if across is None else across, use_coded=draw(st.booleans()))
