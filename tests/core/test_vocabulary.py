"""The field's words."""

from __future__ import annotations

from enum import StrEnum

import pytest

from rupturekit import vocabulary
from rupturekit.vocabulary import (
    FUNCTIONS,
    UNKNOWN,
    Evidence,
    Need,
    NeedAct,
    NeedVerb,
    Outcome,
    RuptureForm,
    RuptureType,
    TimeKind,
)

ENUMS = [value for value in vars(vocabulary).values()
         if isinstance(value, type) and issubclass(value, StrEnum) and value is not StrEnum]


def test_three_forms_belong_to_each_type() -> None:
    kinds = [form.type for form in RuptureForm]
    assert kinds == [RuptureType.WITHDRAWAL] * 3 + [RuptureType.CONFRONTATION] * 3


def test_only_clock_and_segments_have_seconds() -> None:
    assert [kind for kind in TimeKind if kind.has_clock] == [TimeKind.CLOCK, TimeKind.SEGMENT]


@pytest.mark.parametrize("words", ENUMS, ids=lambda words: words.__name__)
def test_every_word_is_said_and_in_the_public_list(words: type[StrEnum]) -> None:
    assert words.__name__ in vocabulary.__all__
    assert words.__doc__
    assert all(str(word) == word.value and word.value.replace("_", "").isalpha() for word in words)


def test_unknown_is_no_outcome_and_no_function() -> None:
    assert UNKNOWN not in [*Outcome, *FUNCTIONS]


@pytest.mark.parametrize("need", Need)
@pytest.mark.parametrize("verb", NeedVerb)
def test_every_act_on_a_need_is_a_function(verb: NeedVerb, need: Need) -> None:
    assert f"{verb}s_{need}" in FUNCTIONS
    assert str(NeedAct(verb=verb, need=need)) == f"{verb} {need}"


@pytest.mark.parametrize("need", Need)
@pytest.mark.parametrize("verb", NeedVerb)
def test_an_act_reads_back_as_it_is_said(verb: NeedVerb, need: Need) -> None:
    act = NeedAct(verb=verb, need=need, evidence=Evidence.READ)
    assert NeedAct.parse(str(act)) == act
    with pytest.raises(ValueError, match="is not a valid Need"):
        NeedAct.parse(str(verb))


@pytest.mark.parametrize(("verb", "need"), [("claim", Need.AGENCY), (NeedVerb.CLAIM, "agency")])
def test_an_act_takes_words_of_the_vocabulary_only(verb: NeedVerb, need: Need) -> None:
    with pytest.raises(TypeError):
        NeedAct(verb=verb, need=need)
