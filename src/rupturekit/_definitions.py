"""Read definition files (TOML) as data: every mistake is told with its place and its remedy, all at once."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, TypeVar

from rupturekit.errors import DefinitionError, FileProblem, did_you_mean, expect, listed

__all__ = ["MAX_BYTES", "Node", "packaged", "parse_definition", "read_definition_text", "taken", "toml_string"]

E = TypeVar("E", bound=StrEnum)
Made = TypeVar("Made")

MAX_BYTES: Final = 2_000_000
"""Definition files are written by people; a larger one is not what it says it is."""


def read_definition_text(path: str | Path, *, what: str) -> str:
    """Return the text of a definition file, or say in a sentence why it cannot be read."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FileProblem(f"{path}: {size:,} bytes is too large for a {what} file (at most {MAX_BYTES:,})",
                              file=str(path))
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise FileProblem(f"{path}: there is no such {what} file", file=str(path)) from None
    except IsADirectoryError:
        raise FileProblem(f"{path}: this is a directory, expected a {what} file (TOML)", file=str(path)) from None
    except PermissionError:
        raise FileProblem(f"{path}: no permission to read this {what} file", file=str(path)) from None
    except UnicodeDecodeError as error:
        raise FileProblem(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8", file=str(path)) from None
    except FileProblem:
        raise
    except (OSError, ValueError) as error:
        raise FileProblem(f"{path}: the {what} file cannot be read ({error})", file=str(path)) from None


def parse_definition(text: str, *, where: str, what: str) -> Node:
    """Parse TOML into the root `Node`, or say at which line the text stops being TOML."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise DefinitionError(f"{where}: not a {what} file: {error}; strings need quotes, tables need [names]",
                              file=where) from None
    return Node(data, where=where, place="", text=text, complaints=[])


def taken(given: Made | str | Path, kind: type[Made], *, what: str, load: Callable[[str], Made],
          read: Callable[[str | Path], Made]) -> Made:
    """Take a definition as it is, by the name of an installed one, or by the path of a file, which ends in .toml."""
    if isinstance(given, kind):
        return given
    expect(given, (str, Path), what=what, remedy="or the name of one, or the path of its file")
    by_path = isinstance(given, Path) or str(given).endswith(".toml")
    return read(str(given)) if by_path else load(str(given))


def packaged(folder: Traversable) -> dict[str, Traversable]:
    """Return the definition files that come with the package, by name, sorted."""
    found = {entry.name.removesuffix(".toml"): entry for entry in folder.iterdir() if entry.name.endswith(".toml")}
    return dict(sorted(found.items()))


class Node:
    """One table of a definition file, read key by key; keys never asked for are mistakes.

    A reader asks for typed values and goes on with a stand-in where something is wrong; `finish` on the root
    then raises one `DefinitionError` that lists every mistake.
    """

    def __init__(self, data: Mapping[str, Any], *, where: str, place: str, text: str,
                 complaints: list[str]) -> None:
        self.data, self.where, self.place = data, where, place
        self._text, self._complaints = text, complaints
        self._asked: dict[str, None] = {}
        self._children: list[Node] = []

    def complain(self, key: str, message: str) -> None:
        """Note a mistake at a key of this table."""
        place = f"{self.place}.{key}" if self.place and key else self.place or key
        self._complaints.append(f"{place}: {message}" if place else message)

    def has(self, key: str) -> bool:
        """Return whether the table has the key."""
        return key in self.data

    def _take(self, key: str, kind: type | tuple[type, ...], default: Any, named: str) -> Any:
        self._asked[key] = None
        if key not in self.data:
            if default is ...:
                self.complain(key, f"is missing; expected {named}")
                return None
            return default
        value = self.data[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.complain(key, f"expected {named} but got {value!r:.80}")
            return None if default is ... else default
        return value

    def text(self, key: str, *, default: Any = ...) -> str:
        """Return a text value; without a default it is required and not empty."""
        value = self._take(key, str, default, "text in quotes")
        if default is ... and value is not None and not value.strip():
            self.complain(key, "is empty; expected text in quotes")
        return str(value) if value is not None else ""

    def name(self, key: str, *, pattern: str, says: str) -> str:
        """Return a required name of a stated form."""
        value = self.text(key)
        if value and not re.fullmatch(pattern, value):
            self.complain(key, f"{value!r} is not a name; expected {says}")
        return value

    def integer(self, key: str, *, default: Any = ...) -> int | None:
        """Return a whole number."""
        value = self._take(key, int, default, "a whole number")
        return None if value is None else int(value)

    def number(self, key: str, *, default: Any = ...) -> float | None:
        """Return a finite number."""
        value = self._take(key, (int, float), default, "a number")
        if value is not None and not -1e15 < value < 1e15:
            self.complain(key, f"expected a finite number but got {value!r}")
            return None
        return None if value is None else float(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false."""
        return bool(self._take(key, bool, default, "true or false"))

    def choice(self, key: str, levels: type[E], *, default: Any = ...) -> E | None:
        """Return one value of an enum."""
        value = self._take(key, str, default, f"one of {listed(level.value for level in levels)}")
        return value if value is None or isinstance(value, levels) else self._level(key, value, levels)

    def _level(self, key: str, value: str, levels: type[E]) -> E | None:
        try:
            return levels(value)
        except ValueError:
            known = [level.value for level in levels]
            self.complain(key, f"{value!r} is not one of {listed(known)}{did_you_mean(value, known)}")
            return None

    def words(self, key: str, *, default: Any = (), single: bool = False) -> tuple[str, ...]:
        """Return a list of words; with `single`, one word alone is taken too."""
        kinds = (list, str) if single else (list,)
        value = self._take(key, kinds, default, "a list of words" if not single else "a word or a list of words")
        held = [value] if isinstance(value, str) else list(value or ())
        for word in held:
            if not isinstance(word, str):
                self.complain(key, f"expected words in quotes but got {word!r:.80}")
        return tuple(word for word in held if isinstance(word, str))

    def mapping(self, key: str) -> dict[str, str]:
        """Return a table of texts."""
        value = self._take(key, dict, {}, "a table of texts")
        for name, text in value.items():
            if not isinstance(text, str):
                self.complain(f"{key}.{name}", f"expected text in quotes but got {text!r:.80}")
        return {name: text for name, text in value.items() if isinstance(text, str)}

    def table(self, key: str) -> Node | None:
        """Return a sub-table, or None where there is none."""
        value = self._take(key, dict, None, "a table")
        return None if value is None else self._child(value, key)

    def tables(self, key: str) -> list[Node]:
        """Return a list of sub-tables (`[[key]]`), each knowing its place and line."""
        value = self._take(key, list, [], f"tables, each under [[{key}]]") or []
        lines = self._lines_of(key)
        found = []
        for at, item in enumerate(value):
            line = f" (line {lines[at]})" if at < len(lines) and len(lines) == len(value) else ""
            if isinstance(item, dict):
                found.append(self._child(item, f"{key}[{at + 1}]{line}"))
            else:
                self.complain(key, f"expected tables, each under [[{key}]], but got {item!r:.80}")
        return found

    def _child(self, data: Mapping[str, Any], key: str) -> Node:
        place = f"{self.place}.{key}" if self.place else key
        child = Node(data, where=self.where, place=place, text=self._text, complaints=self._complaints)
        self._children.append(child)
        return child

    def _lines_of(self, key: str) -> list[int]:
        header = re.compile(rf"^\s*\[\[\s*([\w.-]+\.)?{re.escape(key)}\s*\]\]")
        return [at for at, line in enumerate(self._text.splitlines(), start=1) if header.match(line)]

    def ignore(self, keys: Iterable[str]) -> None:
        """Accept keys that somebody else reads."""
        self._asked.update(dict.fromkeys(keys))

    def _unknown_keys(self) -> None:
        for key in self.data:
            if key not in self._asked:
                self.complain(key, f"is not a known key{did_you_mean(key, self._asked)}"
                                   f"; known here: {listed(self._asked, most=30)}")
        for child in self._children:
            child._unknown_keys()

    def finish(self, *, what: str) -> None:
        """Raise one error with every mistake found, or return where there is none."""
        self._unknown_keys()
        if not self._complaints:
            return
        count = len(self._complaints)
        head = f"{self.where}: {count} mistake{'s' if count > 1 else ''} in this {what}"
        raise DefinitionError("\n  ".join([head, *self._complaints]), file=self.where)


def toml_string(text: str) -> str:
    r"""Return a text as a TOML string on one line.

    >>> print(toml_string('say "no"\n'))
    "say \"no\"\n"
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
