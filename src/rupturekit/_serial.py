"""Values as JSON and back, by what their class declares; JSON itself is read strictly.

Written are attrs classes and named tuples of texts, numbers, flags, enums, tuples and mappings, one inside the other.
The class that is asked for says what every place may hold. Nothing in a text chooses a class, a module or a function.
"""

from __future__ import annotations

import functools
import json
import math
import re
import types
import typing
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar

import attrs
import numpy as np

from rupturekit.errors import DefinitionError, RecordError, did_you_mean, listed

__all__ = ["MOST_CHARACTERS", "check_keys", "from_plain", "list_of", "parse_strictly", "to_plain"]

T = TypeVar("T")

MOST_CHARACTERS: Final = 200_000_000
"""A longer text is not looked at."""

_DEEPEST: Final = 40
_LONGEST_WHOLE: Final = 40

Hint: TypeAlias = Any
"""What a field is declared to hold, as `typing.get_type_hints` tells it."""


# --- reading strictly --------------------------------------------------------------------------------------------


def parse_strictly(text: str) -> Any:
    """Return what a JSON text says; no key twice, no number that is not finite, no depth without end.

    >>> parse_strictly('{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    """
    if len(text) > MOST_CHARACTERS:
        raise DefinitionError(f"{len(text):,} characters are too many for a result (at most {MOST_CHARACTERS:,})")
    _check_depth(text)
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite,
                          parse_int=_whole)
    except ValueError as error:
        raise DefinitionError(f"this is no written result: not JSON as it is written here ({error})") from None


_TOKENS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', re.DOTALL)


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKENS.finditer(text):
        sign = token[0]
        depth += (sign in "[{") - (sign in "]}")
        if depth > _DEEPEST:
            raise DefinitionError(f"this is no written result: nested more than {_DEEPEST} deep")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice!r:.80} stands twice")
    return held


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.40} is not finite")
    return value


def _whole(text: str) -> int:
    if len(text) > _LONGEST_WHOLE:
        raise ValueError(f"a whole number of {len(text):,} digits")
    return int(text)


def check_keys(said: Mapping[str, Any], *, known: Sequence[str], needed: Sequence[str], place: str) -> None:
    """Refuse an object with a key that nobody asks for, or without one that is needed."""
    for name in said:
        if name not in known:
            raise DefinitionError(f"{place}: {name!r:.80} is not a known key{did_you_mean(name[:80], known)}; known "
                                  f"here: {listed(known, most=30)}; a newer rupturekit may know it")
    for name in needed:
        if name not in said:
            raise DefinitionError(f"{place}: {name!r} is missing")


def _checked(kind: type[T], said: Any, place: str) -> T:
    """Return what is of one plain kind: a true is no number, and a number no truth."""
    if type(said) is not kind:
        raise _unfit(said, _WANTED[kind], place)
    return said


def _unfit(said: Any, wanted: str, place: str) -> DefinitionError:
    return DefinitionError(f"{place}: expected {wanted} but got {said!r:.80}", field=place)


def list_of(kind: type[T], said: Any, place: str) -> list[T]:
    """Return a list, once every value in it is of one plain kind; quick where there are very many."""
    held = _checked(list, said, place)
    if not all(type(value) is kind for value in held):
        at, odd = next((at, value) for at, value in enumerate(held) if type(value) is not kind)
        raise _unfit(odd, _WANTED[kind], f"{place}[{at}]")
    return held


# --- values, by what their class declares ------------------------------------------------------------------------

_WANTED: Final[Mapping[Any, str]] = types.MappingProxyType(
    {str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "an object in braces",
     list: "a list"})


@functools.cache
def _fields(kind: Any) -> dict[str, Hint]:
    """Return what each field of an attrs class or named tuple is declared to hold."""
    names = [field.name for field in attrs.fields(kind)] if attrs.has(kind) else kind._fields
    hints = typing.get_type_hints(kind)
    return {name: hints[name] for name in names}


@functools.cache
def _needed(kind: Any) -> list[str]:
    if attrs.has(kind):
        return [field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING]
    return [name for name in kind._fields if name not in kind._field_defaults]


def _is_record(hint: Hint) -> bool:
    return isinstance(hint, type) and (attrs.has(hint) or hasattr(hint, "_fields"))


def _choice(hint: Hint, held: Any) -> Hint:
    """Return what a field holds where it is not None: the text where one is held and may be, else the other."""
    inner = [one for one in typing.get_args(hint) if one is not types.NoneType]
    return str if str in inner and type(held) is str else min(inner, key=lambda one: one is str)


def _parts(hint: Hint, length: int, place: str) -> Sequence[Hint]:
    """Return what each place of a tuple holds."""
    inner = typing.get_args(hint)
    if inner[-1] is Ellipsis:
        return [inner[0]] * length
    if len(inner) != length:
        raise DefinitionError(f"{place}: expected {len(inner)} values but got {length}", field=place)
    return inner


def to_plain(hint: Hint, value: Any, place: str) -> Any:
    """Return a value as JSON holds it.

    Raises
    ------
    RecordError
        Where it holds a number that is not finite.
    """
    origin: Any = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else to_plain(_choice(hint, value), value, place)
    if origin is tuple:
        hints = _parts(hint, len(value), place)
        return [to_plain(one, held, f"{place}[{at}]") for at, (one, held) in enumerate(zip(hints, value, strict=True))]
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_out(hint, value, place)
    if _is_record(hint):
        return {name: to_plain(one, getattr(value, name), f"{place}.{name}") for name, one in _fields(hint).items()}
    return _plain_out(value, place)


def _mapping_out(hint: Hint, value: Mapping[Any, Any], place: str) -> Any:
    """Return a mapping as an object where its keys are texts, else as pairs."""
    keys, values = typing.get_args(hint)
    pairs = [(to_plain(keys, key, place), to_plain(values, held, f"{place}.{key}")) for key, held in value.items()]
    return dict(pairs) if keys is str else [list(pair) for pair in pairs]


def _plain_out(value: Any, place: str) -> Any:
    held = value.item() if isinstance(value, np.generic) else value
    if isinstance(held, float) and not math.isfinite(held):
        raise RecordError(f"{place}: {held} is not a finite number, and JSON has no word for it; an absent number is "
                          "None", field=place, value=held)
    return held


def from_plain(hint: Hint, said: Any, place: str) -> Any:
    """Return the value that JSON holds, as its class declares it.

    Raises
    ------
    DefinitionError
        With the place, where it does not fit.

    >>> from_plain(tuple[int, ...], [1, 2], "here")
    (1, 2)
    """
    origin: Any = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return None if said is None else from_plain(_choice(hint, said), said, place)
    if origin is tuple:
        held = _checked(list, said, place)
        hints = _parts(hint, len(held), place)
        return tuple(from_plain(one, value, f"{place}[{at}]")
                     for at, (one, value) in enumerate(zip(hints, held, strict=True)))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_in(hint, said, place)
    return _record_in(hint, said, place) if _is_record(hint) else _plain_in(hint, said, place)


def _mapping_in(hint: Hint, said: Any, place: str) -> dict[Any, Any]:
    keys, values = typing.get_args(hint)
    if keys is str:
        named = _checked(dict, said, place).items()
        return {key: from_plain(values, held, f"{place}.{key:.80}") for key, held in named}
    pair = tuple[keys, values]  # type: ignore[valid-type]    # made of what the class declares
    pairs = [from_plain(pair, held, f"{place}[{at}]") for at, held in enumerate(_checked(list, said, place))]
    if len(dict(pairs)) < len(pairs):
        raise DefinitionError(f"{place}: a key stands twice", field=place)
    return dict(pairs)


def _record_in(kind: Any, said: Any, place: str) -> Any:
    fields, held = _fields(kind), _checked(dict, said, place)
    check_keys(held, known=list(fields), needed=_needed(kind), place=place)
    values = {name: from_plain(fields[name], value, f"{place}.{name}") for name, value in held.items()}
    try:
        return kind(**values)
    except RecordError as error:
        raise DefinitionError(f"{place}: {error}", field=place) from None


def _plain_in(hint: Hint, said: Any, place: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        known = [level.value for level in hint]
        if said not in known:
            raise _unfit(said, f"one of {listed(known, most=30)}", place)
        return hint(said)
    return _checked(int if hint is float and type(said) is int else hint, said, place)
