"""Which acts codes stand for: the codebook's own, mappings of one's own, and mappings with mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

import rupturekit as rk
from needs_studies import ACTS_OF, BOOK, CODES, cohort_of
from oracles_negotiation import NEEDS, VERBS
from rupturekit.errors import DefinitionError, FileProblem, RecordError, UnknownCode
from rupturekit.negotiation.acts import (
    ActMapping,
    acts_of_codes,
    as_act_mapping,
    mapping_of_codebook,
    parse_act_mapping,
    place_of_need,
    read_act_mapping,
)
from rupturekit.negotiation.table import negotiations

HEAD = 'format = 1\nname = "mine"\ncodebook = "needs"\n'


def entry(code: str = "cl-ag", verb: str = "claim", need: str = "agency") -> str:
    return f'[[acts]]\ncode = "{code}"\nverb = "{verb}"\nneed = "{need}"\n'


def test_the_codebook_says_its_own_acts() -> None:
    mapping = mapping_of_codebook(BOOK)
    assert {code: [str(act) for act in acts] for code, acts in mapping.acts.items()} == {
        code: [" ".join(act)] for code, act in ACTS_OF.items()}


def test_acts_are_the_bits_of_a_byte() -> None:
    bits = acts_of_codes(mapping_of_codebook(BOOK), CODES).tolist()
    assert bits == [*(1 << (2 * VERBS.index(verb) + NEEDS.index(need)) for verb, need in ACTS_OF.values()), 0]


def test_a_need_is_found_by_its_word_and_an_unknown_one_refused() -> None:
    assert [place_of_need(need) for need in NEEDS] == [0, 1]
    with pytest.raises(RecordError, match="one of agency, communion, but got 'agncy'; did you mean 'agency'"):
        place_of_need("agncy")


def test_a_code_may_stand_for_several_acts_and_one_act_said_twice_is_one() -> None:
    mapping = parse_act_mapping(HEAD + entry() + entry(verb="grant", need="communion") + entry())
    assert acts_of_codes(mapping, ("cl-ag", "gr-ag")).tolist() == [0b1001, 0]


def test_a_mapping_is_read_from_a_file_and_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + 'version = "2"\nnote = "n"\n' + entry(), encoding="utf-8")
    mapping = read_act_mapping(path)
    assert mapping == as_act_mapping(path, BOOK) == as_act_mapping(str(path), BOOK) == as_act_mapping(mapping, BOOK)
    assert mapping.version == "2"
    assert mapping.acts["cl-ag"][0].evidence == "assumption"
    assert as_act_mapping(None, BOOK) == mapping_of_codebook(BOOK)
    with pytest.raises(FileProblem):
        read_act_mapping(tmp_path / "nothing.toml")


def test_what_a_mapping_says_is_hashed_and_where_it_is_from_is_not() -> None:
    first, same = (parse_act_mapping(HEAD + entry() + entry("gr-ag", "grant"), where=where) for where in "ab")
    turned = parse_act_mapping(HEAD + entry("gr-ag", "grant") + entry())
    assert first.identity == same.identity == turned.identity
    assert first.identity != parse_act_mapping(HEAD + entry()).identity
    assert first.identity.startswith("acts mine:")


def test_a_mapping_without_some_codes_says_so_and_an_unknown_code_is_refused() -> None:
    mapping = mapping_of_codebook(BOOK).without("gr-ag", "yl-re")
    assert mapping.name == "needs without gr-ag, yl-re"
    assert set(ACTS_OF) - set(mapping.acts) == {"gr-ag", "yl-re"}
    with pytest.raises(UnknownCode, match="needs maps no code 'gr-agg'; did you mean 'gr-ag'"):
        mapping_of_codebook(BOOK).without("gr-agg")


def test_a_mapping_shows_itself() -> None:
    mapping = parse_act_mapping(HEAD.replace("mine", "<mine>") + entry())
    assert repr(mapping) == "ActMapping('<mine>', 1 codes of 'needs')"
    assert "version not stated" in str(mapping)
    assert "cl-ag: claim agency (assumption)" in str(mapping)
    assert "&lt;mine&gt;" in mapping._repr_html_()
    assert "<mine>" not in mapping._repr_html_()


@pytest.mark.parametrize(("text", "said"), [
    ('name = "mine"\ncodebook = "needs"\n' + entry(), ""),
    (HEAD, "a mapping needs at least one"),
    (HEAD.replace("format = 1", "format = 2") + entry(), "newer than this version"),
    (HEAD.replace('name = "mine"\n', "") + entry(), "name"),
    (HEAD.replace('codebook = "needs"\n', "") + entry(), "codebook"),
    (HEAD + entry(verb="demand"), "demand"),
    (HEAD + entry(need="power"), "power"),
    (HEAD + entry().replace('code = "cl-ag"\n', ""), "code"),
    (HEAD + entry() + 'evidence = "sure"\n', "sure"),
    (HEAD + entry() + 'weight = 3\n', "weight"),
    (HEAD + "acts = 3\n", "acts"),
    (HEAD + "[[acts]\n", ""),
])
def test_mistakes_in_a_mapping_are_named(text: str, said: str) -> None:
    with pytest.raises(DefinitionError) as told:
        parse_act_mapping(text, where="mine.toml")
    assert said in str(told.value)
    assert "mine.toml" in str(told.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(DefinitionError) as told:
        parse_act_mapping(HEAD + entry(verb="demand") + entry(need="power") + entry() + 'evidence = "sure"\n')
    assert all(word in str(told.value) for word in ("demand", "power", "sure"))


def test_a_mapping_for_another_codebook_or_with_codes_of_another_is_refused() -> None:
    with pytest.raises(RecordError, match="act mapping 'mine' is for the codebook 'stages', but these moves are coded with 'needs'"):
        as_act_mapping(parse_act_mapping(HEAD.replace('"needs"', '"stages"') + entry("qa")), BOOK)
    with pytest.raises(RecordError, match="maps codes that needs does not have: cl-agg; did you mean 'cl-ag'"):
        as_act_mapping(parse_act_mapping(HEAD + entry("cl-agg")), BOOK)
    with pytest.raises(RecordError, match="an act mapping"):
        as_act_mapping(3, BOOK)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")
def test_a_table_refuses_a_mapping_of_another_codebook() -> None:
    cohort = cohort_of({"D1": [[("client", "cl-ag", 0)]]})
    with pytest.raises(RecordError, match="is for the codebook 'stages'"):
        negotiations(cohort, mapping=mapping_of_codebook(rk.load_codebook("stages")))
    with pytest.raises(FileProblem):
        negotiations(cohort, mapping="nowhere.toml")
    empty = ActMapping(name="nothing", version="1", codebook="needs", acts={})
    assert len(negotiations(cohort, mapping=empty).spells) == 0
