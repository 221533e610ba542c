"""Problems of records: each told in full at first, all of them counted.

A log is bounded in memory whatever the file holds: a million garbage rows leave a thousand
problems in full, ten thousand groups, and one group "(other)" that counts the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import attrs

from rupturekit.errors import InvalidRecords, listed

__all__ = ["OTHER", "Problem", "ProblemGroup", "ProblemLog", "excerpt"]

OTHER: Final = "(other)"
"""The field of the one group that counts what no longer gets a group of its own."""

_MOST_IN_FULL: Final = 1_000
_MOST_GROUPS: Final = 10_000
_LONGEST_VALUE: Final = 80
_LONGEST_MESSAGE: Final = 1_000


def excerpt(text: str, *, most: int = _LONGEST_VALUE) -> str:
    r"""Cut a text to at most `most` characters and escape what does not print.

    A cell may hold megabytes, line ends or marks that reverse the writing direction;
    none of these belongs in a message. An excerpt of an excerpt is itself.

    >>> excerpt("W1\x00\nW2")
    'W1\\x00\\nW2'
    """
    if len(text) <= most and text.isprintable():
        return text
    escaped = "".join(_printable(text[: most + 1]))
    return escaped if len(escaped) <= most else escaped[: most - 1] + "…"


def _printable(text: str) -> Iterator[str]:
    for sign in text:
        yield sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")


def _message(text: str) -> str:
    return excerpt(text, most=_LONGEST_MESSAGE)


@attrs.frozen(kw_only=True)
class Problem:
    """Say what is wrong with one value: where, what was found, what to try.

    `kind` is a short phrase that many problems share ("unknown code"); `value` is cut to 80
    characters and `message` to 1,000, both with control characters escaped; `row` counts the
    rows under the header from 1.

    >>> print(Problem(kind="unknown code", field="code", value="W9", row=17, file="moves.csv",
    ...               message="'W9' is not in 3rs-2022; did you mean 'W3'?"))
    moves.csv, row 17, code: 'W9' is not in 3rs-2022; did you mean 'W3'?
    """

    kind: str
    field: str
    value: str = attrs.field(converter=excerpt)
    row: int | None = None
    file: str | None = None
    message: str = attrs.field(converter=_message)

    def __str__(self) -> str:
        place = _joined(self.file, _row(self.row), self.field)
        return f"{place}: {self.message}" if place else self.message


class ProblemGroup(NamedTuple):
    """Count the problems that share field, kind and value.

    >>> ProblemGroup("code", "unknown code", "W9", times=2, first_row=17).times
    2
    """

    field: str
    kind: str
    value: str
    times: int
    first_row: int | None


@attrs.define
class _Group:
    """A group while it grows: its first problem says the rest."""

    first: Problem
    times: int = 0


class ProblemLog:
    """Collect problems, count them all, and keep what a reader can use.

    >>> log = ProblemLog()
    >>> for row in (17, 40):
    ...     log.add(Problem(kind="unknown code", field="code", value="W9", row=row, file="moves.csv",
    ...                     message="'W9' is not in 3rs-2022; did you mean 'W3'?"))
    >>> print(log.summary())
    2 problems in moves.csv
      code: unknown code 'W9' (2 times, first in row 17); did you mean 'W3'?
    """

    def __init__(self) -> None:
        self._count = 0
        self._in_full: list[Problem] = []
        self._groups: dict[tuple[str, str, str], _Group] = {}
        self._other: _Group | None = None
        self._files: dict[str, None] = {}

    def __len__(self) -> int:
        return self._count

    def __bool__(self) -> bool:
        return self._count > 0

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return the first thousand problems in full, in the order they were added.

        >>> ProblemLog().problems
        ()
        """
        return tuple(self._in_full)

    def add(self, problem: Problem) -> None:
        """Count a problem, and keep it in full if it is among the first thousand.

        >>> log = ProblemLog()
        >>> log.add(Problem(kind="no name", field="column 3", value="", message="column 3 has no name"))
        >>> len(log)
        1
        """
        self._count += 1
        if self._count <= _MOST_IN_FULL:
            self._in_full.append(problem)
        if problem.file is not None:
            self._files[problem.file] = None
        self._group_of(problem).times += 1

    def _group_of(self, problem: Problem) -> _Group:
        key = (problem.field, problem.kind, problem.value)
        if key in self._groups:
            return self._groups[key]
        if len(self._groups) < _MOST_GROUPS:
            return self._groups.setdefault(key, _Group(problem))
        if self._other is None:
            self._other = _Group(attrs.evolve(problem, field=OTHER, kind="various", value="", message=""))
        return self._other

    def _sorted(self) -> list[_Group]:
        # sorted() is stable and dicts keep insertion order, so ties stay in first-seen order.
        known = sorted(self._groups.values(), key=lambda group: -group.times)
        return known if self._other is None else [*known, self._other]

    def groups(self) -> list[ProblemGroup]:
        """Return the groups, most frequent first, ties in first-seen order.

        The group "(other)", if there is one, comes last whatever it counts: it is not one problem.

        >>> ProblemLog().groups()
        []
        """
        return [_frozen(group) for group in self._sorted()]

    def summary(self, most: int = 10) -> str:
        """Return a text of one heading and one line for each of the `most` largest groups.

        >>> ProblemLog().summary()
        'no problems'
        """
        return self._text(listed(self._files, most=3), most=most)

    def _text(self, where: str, *, most: int = 10) -> str:
        if not self:
            return "no problems"
        groups = self._sorted()
        lines = [_plural(self._count, "problem") + (f" in {where}" if where else "")]
        told = all(file in where for file in self._files)    # of one file the heading is enough, if it names it
        lines += [_line(group, name_file=len(self._files) > 1 or not told) for group in groups[:most]]
        if rest := groups[most:]:
            held = _plural(sum(group.times for group in rest), "problem")
            lines.append(f"  and {_plural(len(rest), 'more group')} ({held})")
        return "\n".join(lines)

    def raise_if_any(self, where: str) -> None:
        """Raise `InvalidRecords` with the summary if there is any problem in `where`.

        >>> ProblemLog().raise_if_any("moves.csv")
        """
        if self:
            raise InvalidRecords(
                self._text(excerpt(where)), problems=self._in_full, count=self._count, groups=self.groups()
            )


def _frozen(group: _Group) -> ProblemGroup:
    first = group.first
    return ProblemGroup(first.field, first.kind, first.value, group.times, first.row)


def _line(group: _Group, *, name_file: bool) -> str:
    first = group.first
    found = f"{first.kind} '{first.value}'" if first.value else first.kind
    subject = f"{excerpt(first.field)}: {found}" if first.field else found
    return f"  {subject}{_where(group, name_file=name_file)}{_advice(first)}"


def _where(group: _Group, *, name_file: bool) -> str:
    place = _joined(group.first.file if name_file else None, _row(group.first.row))
    if group.times == 1:
        return f" ({place})" if place else ""
    return f" ({group.times:,} times, first in {place})" if place else f" ({group.times:,} times)"


def _advice(problem: Problem) -> str:
    """Return what the message says after its first semicolon; one inside the value does not count."""
    rest = problem.message.split(problem.value, 1)[-1] if problem.value else problem.message
    _, semicolon, advice = rest.partition("; ")
    return semicolon + advice


def _row(row: int | None) -> str:
    return "" if row is None else f"row {row}"


def _joined(*parts: str | None) -> str:
    return ", ".join(excerpt(part) for part in parts if part)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
