"""Rules as data: every mistake of a file at once, what the shipped rules say, and rules made in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.codebooks import codebook_names, load_codebook
from rupturekit.conformance.rules import (
    MOST_COUNTED,
    Rule,
    RuleKind,
    RuleSet,
    Sought,
    as_rules,
    load_rules,
    parse_rules,
    read_rules,
    rule_set_names,
)
from rupturekit.errors import DefinitionError, FileProblem, RecordError
from rupturekit.vocabulary import FUNCTIONS, Evidence

HEAD = 'format = 1\nname = "m"\ntitle = "M"\n'
WHEN = 'when = { party = "client", function = "withdrawal_marker" }\n'
THEN = 'then = { party = "therapist", function = ["notices", "acknowledges"] }\n'
MARKER, NOTICED = Sought(party="client", functions=("withdrawal_marker",)), Sought(party="therapist", functions=("notices",))


def text(kind: str, *lines: str, head: str = HEAD, evidence: str = 'evidence = "assumption"\n') -> str:
    return f'{head}[[rules]]\nname = "r"\nkind = "{kind}"\n{evidence}{"".join(lines)}'


def mistakes(said: str) -> list[str]:
    with pytest.raises(DefinitionError) as told:
        parse_rules(said)
    return [line.strip() for line in str(told.value).splitlines()[1:]]


# --- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "lines", "said"), [
    ("response", [WHEN, THEN], "after each move of client: withdrawal_marker, therapist: notices or acknowledges comes later"),
    ("response", [WHEN, THEN, 'within = "90 s"\n'],
     "after each move of client: withdrawal_marker, therapist: notices or acknowledges comes within 90 s"),
    ("response", [WHEN, THEN, "within_moves = 3\n"],
     "after each move of client: withdrawal_marker, one of the next 3 moves is therapist: notices or acknowledges"),
    ("precedence", [WHEN, THEN.replace("then", "first")],
     "before each move of client: withdrawal_marker, therapist: notices or acknowledges came earlier"),
    ("precedence", [WHEN, THEN.replace("then", "first"), 'within = "1.5 h"\n'],
     "before each move of client: withdrawal_marker, therapist: notices or acknowledges came within 90 min"),
    ("response", [WHEN, THEN, "within_moves = 1\n"],
     "after each move of client: withdrawal_marker, the next move is therapist: notices or acknowledges"),
    ("precedence", [WHEN, THEN.replace("then", "first"), "within_moves = 2\n"],
     "before each move of client: withdrawal_marker, one of the last 2 moves is therapist: notices or acknowledges"),
    ("precedence", [WHEN, THEN.replace("then", "first"), "within_moves = 1\n"],
     "before each move of client: withdrawal_marker, the last move is therapist: notices or acknowledges"),
    ("chain_response", [WHEN, THEN],
     "after each move of client: withdrawal_marker, the next move is therapist: notices or acknowledges"),
    ("chain_response", [WHEN, THEN, "next_of_party = true\n"],
     "after each move of client: withdrawal_marker, the next move of the therapist is therapist: notices or acknowledges"),
    ("existence", ['what = { code = ["wd", "cf"] }\n'], "at least 1 move of either: code wd or code cf"),
    ("existence", ['what = { code = "wd" }\n', "times = 2\n"], "at least 2 moves of either: code wd"),
    ("absence", ['what = { code = "wd" }\n'], "no move of either: code wd"),
    ("absence", ['what = { code = "wd" }\n', "times = 2\n"], "fewer than 2 moves of either: code wd"),
    ("not_coexistence", [WHEN, 'never = { code = "wd" }\n'],
     "no move of client: withdrawal_marker in an episode with one of either: code wd"),
])
def test_a_rule_says_what_its_file_says(kind: str, lines: list[str], said: str) -> None:
    rule, = parse_rules(text(kind, *lines)).rules
    assert str(rule) == said
    assert rule.kind == kind


def test_every_mistake_is_told_at_once() -> None:
    said = text("response", 'when = { party = "client", function = "withdrawl_marker", codes = "x" }\n', "within_moves = 0\n",
                'within = "5 minutes"\n', 'first = { code = "x" }\n', evidence='evidence = "read"\n')
    said += '[[rules]]\nname = "r"\nkind = "respons"\nthen = 3\n[[rules]]\nkind = "absence"\nwhat = {}\ntimes = "two"\nnote = 1\n'
    assert mistakes(said.replace("format = 1", "format = 2")) == [
        "format: is 2; this version of rupturekit reads format 1, upgrade to read newer",
        'rules[1] (line 4).source: is missing; evidence = "read" says what was read and where, or who reports it',
        "rules[1] (line 4).when.function: 'withdrawl_marker' is not a function that is known; did you mean 'withdrawal_marker'?; "
        "list your own under functions = [...] at the head of the file",
        "rules[1] (line 4).then: is missing; expected a table such as { party = \"client\", function = \"notices\" }",
        "rules[1] (line 4).within: expected a number and s, min or h, such as \"5 min\", but got '5 minutes'",
        "rules[1] (line 4).within_moves: expected a whole number from 1 to 1,000 but got 0",
        "rules[2] (line 12).kind: 'respons' is not one of response, precedence, chain_response, absence, existence, not_coexistence; "
        "did you mean 'response'?",
        "rules[2] (line 12).evidence: is missing; expected one of read, secondary, recalled, assumption",
        "rules[3] (line 16).name: is missing; expected text in quotes",
        "rules[3] (line 16).evidence: is missing; expected one of read, secondary, recalled, assumption",
        "rules[3] (line 16).note: expected text in quotes but got 1",
        "rules[3] (line 16).what: names nothing; expected function or code, a word or a list of them",
        "rules[3] (line 16).times: expected a whole number but got 'two'",
        "rules[2] (line 12).name: 'r' is there already, as rules[1]",
        "rules[1] (line 4).first: is not a known key; known here: name, kind, evidence, source, note, when, then, within, within_moves",
        "rules[1] (line 4).when.codes: is not a known key; did you mean 'code'?; known here: function, code, party",
    ]


@pytest.mark.parametrize(("kind", "lines", "said"), [
    ("response", [WHEN, THEN, "within_moves = 3\n", 'within = "1 s"\n'], "within_moves: stands beside within; state one of them"),
    ("response", [WHEN, THEN, "within_moves = 0\n"], "within_moves: expected a whole number from 1 to 1,000 but got 0"),
    ("response", [WHEN, THEN, f"within_moves = {MOST_COUNTED + 1}\n"], "within_moves: expected a whole number from 1 to 1,000 but got 1001"),
    ("response", [WHEN, THEN, 'within = "0 s"\n'], "within: expected more than nothing, and at most 1,000,000,000 s"),
    ("response", [WHEN, THEN, 'within = "1000001 h"\n'], "within: expected more than nothing, and at most 1,000,000,000 s"),
    ("existence", ['what = { code = "x" }\n', "times = 0\n"], "times: expected a whole number from 1 to 1,000 but got 0"),
    ("chain_response", [WHEN, 'then = { code = "x" }\n', "next_of_party = true\n"],
     "next_of_party: asks for the next move of a party; say which: then = { party = ..., ... }"),
    ("absence", ['what = "wd"\n'], "what: expected a table but got 'wd'"),
])
def test_what_does_not_fit_is_told_by_its_key(kind: str, lines: list[str], said: str) -> None:
    assert mistakes(text(kind, *lines)) == [f"rules[1] (line 4).{said}"]


def test_what_is_missing_is_told() -> None:
    assert mistakes("") == [
        "format: is missing; expected a whole number", "name: is missing; expected text in quotes",
        "title: is missing; expected text in quotes", "rules: is missing; a rule set needs at least one [[rules]] table"]
    assert mistakes(HEAD + "rules = []") == ["rules: is empty; a rule set needs at least one [[rules]] table"]


def test_functions_of_ones_own_are_listed() -> None:
    line = 'what = { function = "sighs" }\n'
    assert "list your own under functions" in mistakes(text("absence", line))[0]
    assert parse_rules(text("absence", line, head=HEAD + 'functions = ["sighs"]\n')).rules[0].when.functions == ("sighs",)


def test_files_are_read_and_their_absence_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text("response", WHEN, THEN), encoding="utf-8")
    held = read_rules(path)
    assert as_rules(path) == as_rules(str(path)) == as_rules(held) == held
    with pytest.raises(FileProblem, match="there is no such rule set file"):
        read_rules(tmp_path / "none.toml")
    with pytest.raises(DefinitionError, match="there is no rule set 'resolutions'; did you mean 'resolution'"):
        load_rules("resolutions")
    with pytest.raises(RecordError, match="expected a rule set but got int"):
        as_rules(3)  # type: ignore[arg-type]


# --- shipped ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", rule_set_names())
def test_shipped_rules_are_sound_and_say_where_they_come_from(name: str) -> None:
    held = load_rules(name)
    assert held.name == name
    assert sum(held.evidence_counts().values()) == len(held)
    shown = {function for book in codebook_names() for code in load_codebook(book).codes for function in code.functions}
    for rule in held:
        assert rule.within is None, "a limit in time cannot be held against turns"
        assert rule.evidence in (Evidence.ASSUMPTION,) or rule.source
        assert {function for sought in rule.sought for function in sought.functions} <= shown & set(FUNCTIONS)
        assert set(rule.parties) <= {"client", "therapist"}
        assert str(rule) in str(held)


def test_a_rule_is_found_by_name() -> None:
    held = load_rules("resolution")
    assert held["wish received"] is held.rules[held.place("wish received")]
    with pytest.raises(RecordError, match="resolution has no rule 'wish'; did you mean 'wish received'|its rules are: marker answered"):
        held["wish"]
    assert repr(held) == "RuleSet('resolution', 10 rules)"
    assert held.evidence_counted() == "rules: 1 read, 3 secondary, 2 recalled, 4 assumption"
    page = held._repr_html_()
    assert "Bennett, Parry &amp; Ryle" in page
    assert held.identity == f"rules resolution:{held.digest}"
    assert attrs.evolve(held, rules=held.rules[1:]).digest != held.digest


# --- made in Python -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("more", "said"), [
    ({"kind": RuleKind.RESPONSE}, "then is missing"),
    ({"kind": RuleKind.EXISTENCE, "other": NOTICED}, "other has no place in a rule of existence"),
    ({"kind": RuleKind.PRECEDENCE, "other": NOTICED, "times": 2}, "times has no place in a rule of precedence, only in one of absence or existence"),
    ({"kind": RuleKind.ABSENCE, "within": 1}, "within has no place in a rule of absence"),
    ({"kind": RuleKind.CHAIN_RESPONSE, "other": NOTICED, "within_moves": 2}, "within_moves has no place"),
    ({"kind": RuleKind.RESPONSE, "other": NOTICED, "next_of_party": True}, "next_of_party has no place"),
    ({"kind": RuleKind.RESPONSE, "other": Sought(party="client")}, "then names nothing"),
    ({"kind": RuleKind.ABSENCE, "when": Sought()}, "what names nothing"),
])
def test_a_rule_that_does_not_hold_together_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError, match=f"rule 'r': {said}"):
        Rule(**{"name": "r", "when": MARKER, **more})


def test_two_rules_of_one_name_are_refused() -> None:
    rule = Rule(name="r", kind=RuleKind.ABSENCE, when=MARKER)
    with pytest.raises(RecordError, match="rule set 'm': 'r' stands more than once"):
        RuleSet(name="m", title="M", rules=(rule, rule))


@given(st.integers(1, 10**15))
def test_a_span_of_time_is_told_without_loss(microseconds: int) -> None:
    said = str(Rule(name="r", kind=RuleKind.RESPONSE, when=MARKER, other=NOTICED, within=microseconds))
    span = said.partition("comes within ")[2]
    line = f'within = "{span}"\n'
    assert parse_rules(text("response", WHEN, THEN, line)).rules[0].within == microseconds
