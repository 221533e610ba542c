"""Definition files as data: every mistake told with its place and remedy, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from rupturekit import _definitions
from rupturekit._definitions import MAX_BYTES, Node, parse_definition, read_definition_text, toml_string
from rupturekit.errors import DefinitionError, FileProblem
from rupturekit.vocabulary import Evidence
from strategies import lines


def node(text: str) -> Node:
    return parse_definition(text, where="mine.toml", what="test")


def mistakes(of: Node) -> list[str]:
    """Return what `finish` tells, without its heading."""
    with pytest.raises(DefinitionError) as told:
        of.finish(what="test")
    head, *rest = str(told.value).splitlines()
    assert head == f"mine.toml: {len(rest)} mistake{'s' * (len(rest) > 1)} in this test"
    assert told.value.file == "mine.toml"
    return [line.strip() for line in rest]


def test_a_file_without_mistakes_passes() -> None:
    held = node('a = 1\n[b]\nc = "x"')
    assert held.integer("a") == 1
    assert held.table("b").text("c") == "x"
    held.finish(what="test")


def test_text_that_is_not_toml_is_refused_with_its_line() -> None:
    with pytest.raises(DefinitionError, match=r"mine.toml: not a test file: .*line 2.*strings need quotes"):
        node("a = 1\nb = c d")


def test_every_mistake_is_told_at_once() -> None:
    held = node('a = "x"\n[[b]]\nc = 1\n[[b]]\nc = "y"\nd = 2')
    held.integer("a")
    held.text("e")
    for child in held.tables("b"):
        child.text("c")
    assert mistakes(held) == [
        "a: expected a whole number but got 'x'",
        "e: is missing; expected text in quotes",
        "b[1] (line 2).c: expected text in quotes but got 1",
        "b[2] (line 4).d: is not a known key; known here: c",
    ]


@pytest.mark.parametrize(("text", "ask", "answer", "says"), [
    ("a = 1", lambda n: n.text("a"), "", "a: expected text in quotes but got 1"),
    ('a = " "', lambda n: n.text("a"), " ", "a: is empty; expected text in quotes"),
    ("a = 1", lambda n: n.text("a", default="d"), "d", "a: expected text in quotes but got 1"),
    ('a = "A b"', lambda n: n.name("a", pattern="[a-z]+", says="letters"), "A b", "a: 'A b' is not a name; expected letters"),
    ("", lambda n: n.name("a", pattern="[a-z]+", says="letters"), "", "a: is missing; expected text in quotes"),
    ("a = true", lambda n: n.integer("a"), None, "a: expected a whole number but got True"),
    ("a = 1.5", lambda n: n.integer("a", default=3), 3, "a: expected a whole number but got 1.5"),
    ("a = nan", lambda n: n.number("a"), None, "a: expected a finite number but got nan"),
    ("a = inf", lambda n: n.number("a"), None, "a: expected a finite number but got inf"),
    ('a = "1"', lambda n: n.number("a"), None, "a: expected a number but got '1'"),
    ("a = 1", lambda n: n.flag("a"), False, "a: expected true or false but got 1"),
    ('a = "rea"', lambda n: n.choice("a", Evidence), None,
     "a: 'rea' is not one of read, secondary, recalled, assumption; did you mean 'read'?"),
    ("a = 1", lambda n: n.choice("a", Evidence), None, "a: expected one of read, secondary, recalled, assumption but got 1"),
    ('a = "x"', lambda n: n.words("a"), (), "a: expected a list of words but got 'x'"),
    ('a = ["x", 1]', lambda n: n.words("a"), ("x",), "a: expected words in quotes but got 1"),
    ("a = 1", lambda n: n.words("a", single=True), (), "a: expected a word or a list of words but got 1"),
    ("a = { b = 1, c = 'x' }", lambda n: n.mapping("a"), {"c": "x"}, "a.b: expected text in quotes but got 1"),
    ("a = 1", lambda n: n.mapping("a"), {}, "a: expected a table of texts but got 1"),
    ("a = 1", lambda n: n.table("a"), None, "a: expected a table but got 1"),
    ("a = 1", lambda n: n.tables("a"), [], "a: expected tables, each under [[a]] but got 1"),
    ("a = [1]", lambda n: n.tables("a"), [], "a: expected tables, each under [[a]], but got 1"),
    ("aa = 1\na = 1", lambda n: n.integer("a"), 1, "aa: is not a known key; did you mean 'a'?; known here: a"),
])
def test_a_mistake_is_told_and_a_stand_in_given(text: str, ask: Any, answer: Any, says: str) -> None:
    held = node(text)
    assert ask(held) == answer
    assert mistakes(held) == [says]


@pytest.mark.parametrize(("text", "ask", "answer"), [
    ("", lambda n: n.text("a", default="d"), "d"),
    ("", lambda n: n.integer("a", default=None), None),
    ("", lambda n: n.number("a", default=None), None),
    ("a = 2", lambda n: n.number("a"), 2.0),
    ("", lambda n: n.flag("a", default=True), True),
    ("", lambda n: n.choice("a", Evidence, default=Evidence.READ), Evidence.READ),
    ("", lambda n: n.choice("a", Evidence, default=None), None),
    ('a = "read"', lambda n: n.choice("a", Evidence), Evidence.READ),
    ("", lambda n: n.words("a"), ()),
    ('a = "x"', lambda n: n.words("a", single=True), ("x",)),
    ("", lambda n: n.mapping("a"), {}),
    ("", lambda n: n.table("a"), None),
    ("", lambda n: n.tables("a"), []),
    ("a = 1", lambda n: n.ignore(["a"]), None),
    ("", lambda n: n.has("a"), False),
])
def test_what_may_be_absent_has_its_default(text: str, ask: Any, answer: Any) -> None:
    held = node(text)
    assert ask(held) == answer
    held.finish(what="test")


def test_a_line_is_named_only_where_it_is_certain() -> None:
    inline = node("a = [{ b = 1 }]")
    inline.tables("a")[0].text("b")
    assert mistakes(inline) == ["a[1].b: expected text in quotes but got 1"]
    quoted = node("[[a]]\nb = 1\nc = '''\n[[a]]\n'''")
    quoted.ignore(["c"])
    held, = quoted.tables("a")
    held.ignore(["b", "c"])
    held.complain("b", "is odd")
    assert mistakes(quoted) == ["a[1].b: is odd"]


def test_an_inner_table_is_placed_under_its_outer_one() -> None:
    held = node("[a]\n[[a.b]]\nc = 1")
    held.table("a").tables("b")[0].text("c")
    assert mistakes(held) == ["a.b[1] (line 2).c: expected text in quotes but got 1"]


def test_a_complaint_without_key_stands_at_its_table() -> None:
    held = node("[a]")
    held.complain("", "all is wrong")
    held.table("a").complain("", "is wrong too")
    assert mistakes(held) == ["all is wrong", "a: is wrong too"]


@given(lines)
def test_a_text_written_as_toml_reads_back(line: str) -> None:
    for text in (line, f'"{line}"\n\t\\\x7f\x00'):
        assert node(f"a = {toml_string(text)}").text("a", default="") == text


# --- files -----------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_definition_text(path, what="test") == "a = 1"


def test_a_file_that_cannot_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    with pytest.raises(FileProblem, match="there is no such test file") as told:
        read_definition_text(path, what="test")
    assert told.value.file == str(path)
    with pytest.raises(FileProblem, match="this is a directory, expected a test file"):
        read_definition_text(tmp_path, what="test")
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(FileProblem, match=r"not UTF-8 text \(byte 5\)"):
        read_definition_text(path, what="test")
    with pytest.raises(FileProblem, match="the test file cannot be read .*null"):
        read_definition_text("a\x00b", what="test")


def test_a_file_that_is_too_large_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(FileProblem) as told:
        read_definition_text(path, what="test")
    assert str(told.value) == f"{path}: 2,000,001 bytes is too large for a test file (at most 2,000,000)"


def test_a_file_without_permission_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(path)

    path = tmp_path / "a.toml"
    path.write_text("a = 1", encoding="utf-8")
    monkeypatch.setattr(_definitions.Path, "read_bytes", refuse)
    with pytest.raises(FileProblem, match="no permission to read this test file"):
        read_definition_text(path, what="test")
