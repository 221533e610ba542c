"""Codebooks: a coding system as data."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given

from rupturekit.codebooks import (
    MARKERS,
    Code,
    Codebook,
    Scale,
    as_codebook,
    codebook_names,
    codebook_text,
    load_codebook,
    parse_codebook,
    read_codebook,
)
from rupturekit.errors import CodingWarning, DefinitionError, FileProblem, UnknownCode
from rupturekit.vocabulary import FUNCTIONS, Certainty, Evidence, Need, NeedAct, NeedVerb, RuptureType
from strategies import codebooks, lines

HEAD = 'format = 1\nname = "mine"\ntitle = "Mine"\n'
CODE = '[[codes]]\ncode = "a"\nlabel = "A"\n'


def mistakes(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as told:
        parse_codebook(text)
    return [line.strip() for line in str(told.value).splitlines()[1:]]


# --- those that come with the package --------------------------------------------------------------------------


@pytest.mark.parametrize("name", codebook_names())
def test_a_shipped_codebook_loads_without_a_warning_and_writes_back_equal(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        book = load_codebook(name)
    assert book.name == name
    assert book.citation
    assert book.reliability != "not stated"
    assert parse_codebook(codebook_text(book)) == book


@pytest.mark.parametrize("name", codebook_names())
def test_the_codes_of_a_shipped_codebook_use_the_librarys_words(name: str) -> None:
    for code in load_codebook(name).codes:
        assert set(code.functions) <= set(FUNCTIONS)
        assert set(code.parties) <= {"client", "therapist"}
        assert code.form is None or code.form.type is code.type
        assert code.is_marker == (code.type is not None)
        assert {MARKERS[one] for one in code.functions if one in MARKERS} <= {code.type}


def test_the_3rs_of_2015_has_no_code_for_assertion_or_vulnerability() -> None:
    book = load_codebook("3rs-2015")
    assert [book.codes_for(name) for name in ("self_assertion", "qualified_assertion", "vulnerable_expression")] == [()] * 3
    assert len(book.codes_for("withdrawal_marker")) == len(book.codes_for("confrontation_marker")) == 7


def test_an_unknown_codebook_is_refused_with_the_nearest_and_a_way_out() -> None:
    with pytest.raises(DefinitionError, match=r"no codebook '3rs-2016'; did you mean '3rs-201\d'.*known: .*give its path"):
        load_codebook("3rs-2016")


# --- one codebook ----------------------------------------------------------------------------------------------


def test_an_unknown_code_is_refused_with_the_nearest() -> None:
    book = load_codebook("3rs-2015")
    with pytest.raises(UnknownCode, match="code 'wd-mim' is not in 3rs-2015; did you mean 'wd-min'.; its codes are: "
                       ) as told:
        book["wd-mim"]
    assert (told.value.field, told.value.value) == ("code", "wd-mim")
    assert "wd-mim" not in book
    assert "wd-min" in book
    assert book["wd-min"].label == "minimal response"
    assert book.functions_of("wd-mim") == ()


@given(codebooks())
def test_a_codebook_answers_from_its_codes(book: Codebook) -> None:
    for name in FUNCTIONS:
        assert book.codes_for(name) == tuple(code.code for code in book.codes if name in code.functions)
    for code in book.codes:
        assert book[code.code] is code
        assert book.functions_of(code.code) == code.functions


@given(codebooks(), lines)
def test_a_codebook_written_as_text_reads_back_equal(book: Codebook, line: str) -> None:
    first = attrs.evolve(book.codes[0], label=f"x {line}", note=f'{line}"\n', needs=(
        NeedAct(verb=NeedVerb.CLAIM, need=Need.AGENCY, evidence=Evidence.READ, note=line),), type=RuptureType.MIXED)
    scale = Scale(name="s", applies="move", min=1.0, max=5.5, anchors=(("1", line),), certainty=Certainty.LOW)
    full = attrs.evolve(book, codes=(first, *book.codes[1:]), scales=(scale,), citation=line)
    assert parse_codebook(codebook_text(full)) == full


@given(codebooks(), codebooks())
def test_equal_codebooks_and_only_they_have_equal_digests(one: Codebook, other: Codebook) -> None:
    assert (one == other) == (one.digest == other.digest)
    assert attrs.evolve(one).digest == one.digest


def test_a_codebook_prints_what_each_code_does() -> None:
    book = load_codebook("3rs-2015")
    assert repr(book) == f"Codebook('3rs-2015', {len(book.codes)} codes, segment by segment)"
    assert "wd-defer       deferential and appeasing (client): withdrawal_marker; yield agency" in str(book)
    bare = parse_codebook(HEAD + CODE)
    assert "a  A (anybody): no function" in str(bare)


def test_markup_in_a_codebook_is_escaped() -> None:
    code = Code(code="<script>", label="<script>", parties=("<script>",), functions=("<script>",))
    book = attrs.evolve(load_codebook("stages"), name="<script>", title="<script>", codes=(code,))
    assert "<script>" not in book._repr_html_()
    assert book._repr_html_().count("&lt;script&gt;") >= 5


# --- reading ---------------------------------------------------------------------------------------------------


def test_a_small_codebook_reads_with_its_defaults() -> None:
    book = parse_codebook(HEAD + CODE)
    assert (book.unit, book.reliability, book.certainty) == ("event", "not stated", Certainty.MEDIUM)
    assert book.codes == (Code(code="a", label="A", certainty=Certainty.MEDIUM),)


@pytest.mark.parametrize(("text", "says"), [
    (HEAD + 'tilte = "x"\n' + CODE, "tilte: is not a known key; did you mean 'title'?; known here: format, name"),
    (HEAD.replace("format = 1\n", "") + CODE, "format: is missing; expected 1"),
    (HEAD.replace("1", "2") + CODE, "format: is 2; this version of rupturekit reads format 1, upgrade to read newer"),
    (HEAD.replace('"mine"', '"My Book"') + CODE, "name: 'My Book' is not a name; expected lower-case letters, digits"),
    (HEAD, "codes: is missing; a codebook needs at least one [[codes]] table"),
    (HEAD + "codes = 3", "codes: expected tables, each under [[codes]] but got 3"),
    (HEAD + CODE + "functoins = []", "codes[1] (line 4).functoins: is not a known key; did you mean 'functions'?"),
    (HEAD + CODE + "functions = 'x'", "codes[1] (line 4).functions: expected a list of words but got 'x'"),
    (HEAD + CODE + "parties = [1]", "codes[1] (line 4).parties: expected words in quotes but got 1"),
    (HEAD + CODE + 'type = "withdrawl"', "codes[1] (line 4).type: 'withdrawl' is not one of withdrawal, confrontation"),
    (HEAD + CODE + 'type = "withdrawal"\nform = "pushing_back"',
     "codes[1] (line 4).form: pushing_back is a form of confrontation, but the type here is withdrawal"),
    (HEAD + CODE + 'needs = [{ verb = "claim", need = "food" }]',
     "codes[1] (line 4).needs[1].need: 'food' is not one of agency, communion"),
    (HEAD + CODE + CODE, "codes[2].code: 'a' is there already, as codes[1]"),
    (HEAD + CODE.replace('"a"', '"a b"'), "codes[1] (line 4).code: 'a b' is not a name; expected 1 to 60 characters"),
    (HEAD + CODE.replace('"a"', '"=a"'), "codes[1] (line 4).code: '=a' is not a name"),
    (HEAD + '[[scales]]\nname = "s"\napplies = "mov"\nmin = 1\nmax = 5\n' + CODE,
     "scales[1] (line 4).applies: 'mov' is not one of move, session, episode; did you mean 'move'?"),
    (HEAD + '[[scales]]\nname = "s"\napplies = "move"\nmin = 5\nmax = 5\n' + CODE,
     "scales[1] (line 4).max: expected more than min (5) but got 5"),
])
def test_a_mistake_is_told_with_its_place_and_remedy(text: str, says: str) -> None:
    told, = mistakes(text)
    assert told.startswith(says)


def test_all_mistakes_are_told_at_once() -> None:
    text = HEAD.replace("1", '"1"') + CODE + "type = 3\n" + CODE + '[[scales]]\napplies = "move"\nmin = "1"'
    assert [line.split(":")[0] for line in mistakes(text)] == [
        "format", "scales[1] (line 11).min", "scales[1] (line 11).max", "scales[1] (line 11).name",
        "codes[1] (line 4).type", "codes[2].code"]


@pytest.mark.parametrize(("function", "warns"), [("withdrawal_markr", True), ("hums_a_tune", False)])
def test_a_function_that_looks_misspelt_gives_a_warning_and_a_new_one_does_not(function: str, warns: bool) -> None:
    text = HEAD + CODE + f'functions = ["{function}"]'
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert parse_codebook(text).codes[0].functions == (function,)
    assert [(one.category, "did you mean 'withdrawal_marker'" in str(one.message)) for one in told] == [
        (CodingWarning, True)] * warns


def test_a_codebook_is_taken_by_value_name_or_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + CODE, encoding="utf-8")
    book: Any = read_codebook(path)
    assert as_codebook(book) is book
    assert as_codebook(path) == as_codebook(str(path)) == book
    assert as_codebook("stages") is load_codebook("stages")
    with pytest.raises(FileProblem, match="there is no such codebook file"):
        as_codebook("none.toml")
    path.write_text(HEAD, encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"mine.toml: 1 mistake"):
        read_codebook(path)
