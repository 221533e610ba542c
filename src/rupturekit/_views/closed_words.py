"""Which texts are words of the field, so that they may be shown where free text may not."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from rupturekit import vocabulary

__all__ = ["is_closed", "said_or_hidden"]

_ENUMS = (getattr(vocabulary, name) for name in vocabulary.__all__)
_WORDS: Final = frozenset(
    [level.value for enum in _ENUMS if isinstance(enum, type) and issubclass(enum, StrEnum) for level in enum]
    + [f"{verb} {need}" for verb in vocabulary.NeedVerb for need in vocabulary.Need]
    + ["yes", "no", "partly", vocabulary.UNKNOWN])
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?")


def is_closed(text: str) -> bool:
    """Return whether a text is a word of the vocabulary or a plain number.

    >>> is_closed("confrontation"), is_closed("3.5"), is_closed("said she felt small")
    (True, True, False)
    """
    return text in _WORDS or _NUMBER.fullmatch(text) is not None


def said_or_hidden(text: str) -> str:
    """Return a text that is a word of the field, and the length of any other: it may be about somebody's life.

    >>> said_or_hidden("said she felt small")
    '(text, 19 characters)'
    """
    return text if is_closed(text) else f"(text, {len(text):,} character{'s' * (len(text) != 1)})"
