"""Warnings about what looks like personal data: names, e-mail addresses, phone numbers, calendar dates.

A dyad is easy to recognise: one therapist, few clients, exact dates. The patterns here find what people paste by
accident; that they find nothing is no proof. A warning says where and how many, and never repeats the value.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

__all__ = ["privacy_warnings"]

_MOST_VALUES: Final = 20_000
_LONGEST: Final = 2_000
_MOST_TEXT: Final = 500_000


def privacy_warnings(columns: Mapping[str, Iterable[str | None]]) -> list[str]:
    """Return a sentence for each column and each kind of personal data that its values look like.

    Work is bounded: at most 20,000 values and half a million characters a column, and 2,000 characters a value, are
    looked at. A track and a rater with the same values are told once, by both names.

    >>> privacy_warnings({"dyad": ["D1", "D2"], "note": ["seen on 12.05.2021", "00:12:13", "mail a.b@example.org"]})
    ... # doctest: +NORMALIZE_WHITESPACE
    ["column 'note': 1 of 3 values looks like an e-mail address; replace it by a pseudonym",
     "column 'note': 1 of 3 values looks like a calendar date; count days from the first session instead"]
    """
    texts = {name: list(_bounded(values)) for name, values in columns.items()}
    # Where the rater names the track, both columns hold the same values: one finding, told with both names.
    both = {"track", "rater"} <= texts.keys() and set(texts["track"]) == set(texts["rater"])
    return [text for name, held in texts.items() if not (both and name == "rater")
            for text in _of_column(name, held, also="rater" if both and name == "track" else "")]


def _of_column(name: str, texts: list[str], *, also: str) -> list[str]:
    about_people = bool(_PEOPLE.search(name.casefold()))
    named = bool(_NAMED.search(name.casefold()))
    tests: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
        ("an e-mail address", "replace it by a pseudonym", _is_mail),
        ("a phone number", "take it out", _is_phone),
        ("a calendar date", "count days from the first session instead", _is_date),
        ("a name", "replace it by a pseudonym", lambda text: _is_name(text, about_people, named)),
    )
    counts = ((what, remedy, sum(map(test, texts))) for what, remedy, test in tests)
    shown = f"columns {_shown(name)} and {_shown(also)}" if also else f"column {_shown(name)}"
    return [_sentence(shown, what, remedy, found, len(texts)) for what, remedy, found in counts if found]


def _bounded(values: Iterable[str | None]) -> Iterator[str]:
    left = _MOST_TEXT
    for text in itertools.islice(filter(None, values), _MOST_VALUES):
        yield text[: min(_LONGEST, left)]
        left -= min(len(text), _LONGEST)
        if left <= 0:
            return


def _shown(column: str) -> str:
    return f"'{column if len(column) <= 60 and column.isprintable() else ascii(column[:60])}'"


def _sentence(where: str, what: str, remedy: str, found: int, of: int) -> str:
    return f"{where}: {found:,} of {of:,} values look{'s' * (found == 1)} like {what}; {remedy}"


# --- patterns ------------------------------------------------------------------------------------
# Each repetition is bounded, so that no text can make the search slow.

_MAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63}){1,5}")

_MONTHS: Final = (
    "jan(uary)?|januar|jänner|feb(ruary)?|februar|mar(ch)?|märz|apr(il)?|may|mai|june?|juni|july?|juli|aug(ust)?|"
    "sept?(ember)?|o[ck]t(ober)?|nov(ember)?|de[cz](ember)?"
)
_DATES: Final = (
    re.compile(r"(?<!\d)(19|20)\d\d([-/.])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?!\d)"),
    re.compile(r"(?<![\d.])(0?[1-9]|[12]\d|3[01])\.\s?(0?[1-9]|1[0-2])\.\s?(19|20)\d\d(?!\d)"),
    re.compile(r"(?<![\d/])(0?[1-9]|[12]\d|3[01])([/-])(0?[1-9]|[12]\d|3[01])\2(19|20)\d\d(?!\d)"),
    re.compile(r"(?<!\d)(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)"),
    re.compile(rf"(?<!\d)([12]?\d|3[01])(\.|st|nd|rd|th)?\s({_MONTHS})\.?,?\s(19|20)\d\d(?!\d)", re.IGNORECASE),
    re.compile(rf"\b({_MONTHS})\.?\s([12]?\d|3[01])(st|nd|rd|th)?,?\s(19|20)\d\d(?!\d)", re.IGNORECASE),
)

_PHONES: Final = (
    re.compile(r"(?<![\w+])\+\d{1,3}([ ()/.-]{0,2}\d){7,13}(?!\d)"),
    re.compile(r"(?<![\w.:,/-])\(?0[1-9]\d{1,4}\)?[ /-]{1,2}(?=(?:[ /-]?\d){6})\d{2,5}([ /-]?\d{2,5}){1,4}(?![\d:])"),
    re.compile(r"(?<![\w.-])\(?[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)"),
)


def _is_mail(text: str) -> bool:
    return "@" in text and _MAIL.search(text) is not None


def _is_date(text: str) -> bool:
    return any(pattern.search(text) for pattern in _DATES)


def _is_phone(text: str) -> bool:
    # A date such as 2021-05-12 is no phone number, whatever its hyphens.
    if sum(map(str.isdigit, text)) < 7:
        return False
    for pattern in _DATES:
        text = pattern.sub(" ", text)
    return any(pattern.search(text) for pattern in _PHONES)


_PEOPLE: Final = re.compile(
    r"(?<![a-zäöüß])(dyad|couple|paar|client|klient|patient|therap|rater|coder|track|annotator|person|subject|participant|"
    r"proband|speaker|sprecher|case|fall|(who|wer)(?![a-z]))"
)
_NAMED: Final = re.compile(r"(^|[^a-z])(sur|first|last|family|given|vor|nach|full)?[ _-]?names?($|[^a-z])")
_TITLED: Final = re.compile(
    r"\b(Dr|Prof|Mr|Mrs|Ms|Miss|Herr|Herrn|Frau|Dipl\.-Psych)\b\.?\s(?:Dr\.?\s)?[A-ZÀ-ÖØ-Þ][^\W\d_]{1,30}"
)
_CAPITAL: Final = r"[A-ZÀ-ÖØ-Þ][^\W\d_A-ZÀ-ÖØ-Þ]{1,20}(?:['’-][A-ZÀ-ÖØ-Þ]?[^\W\d_]{1,20})?"
_TWO: Final = re.compile(rf"({_CAPITAL})\s(?:[A-Z]\.\s)?(?:(?:von|van|de|der|zu)\s){{0,2}}({_CAPITAL})")
_TURNED: Final = re.compile(rf"({_CAPITAL}),\s({_CAPITAL})")
_ALONE: Final = re.compile(_CAPITAL)

_GIVEN_TEXT: Final = """
    adam alexander alice alina amanda amelia amir amy andrea andreas andrew angela anja anke anna anne annette anton
    antonia arthur barbara beate ben benjamin bernd birgit brian carla carlos carmen caroline charles charlotte
    christian christina christine christoph clara claudia daniel daniela david deborah dennis diana dieter dirk
    dominik donna doris dorothea edward elena elias elisabeth elizabeth ella emily emma eric erik eva fabian fatima
    felix florian frank franz frieda gabriele george georg gerhard gisela grace greta günter hannah hans harald
    harry heike heinz helen helga henry holger ingrid isabel jack jacob jakob james jan jana janet jason jennifer
    jens jessica joachim joan johanna johannes john jonas jonathan jörg josef joseph joshua juan judith julia julian
    jürgen karen karin karl katharina katherine kathrin katja kenneth kevin klaus konstantin lara laura lea lena
    leon leonie linda lisa louis louise luca lucas lukas luisa manfred manuel marcel marco marcus margaret maria
    marie marion mark markus marta martha martin martina mary matthew matthias max maximilian melanie mia michael
    michaela michelle miguel mohammed monika nadine nancy natalie nathan nicholas nicole nina noah norbert olga
    oliver olivia oskar otto pamela patricia patrick paul paula paulina peter petra philip philipp rachel rainer
    ralf rebecca regina renate richard robert roland ronald rosa ruth sabine samantha samuel sandra sara sarah
    sebastian silke silvia simon simone sofia sophia sophie stefan stefanie stephanie stephen steven susan susanne
    tanja teresa theresa thomas thorsten tim timothy tobias tom ulrich ulrike ursula ute uwe vera verena victoria
    vincent walter werner william wolfgang yusuf
"""
_GIVEN: Final = frozenset(_GIVEN_TEXT.split())
_NO_NAMES_TEXT: Final = """
    alliance arm baseline care case client coder condition consensus control couple dyad experimental family group
    intervention minimal no pair partner patient phase pilot rater response rupture sample session site standard
    study team test therapist therapy training transcript treatment unit usual waitlist
"""
_NO_NAMES: Final = frozenset(_NO_NAMES_TEXT.split())


def _is_name(text: str, about_people: bool, named: bool) -> bool:
    """Judge a value; one word alone is a name only where the column is about people, or is called a name."""
    if _TITLED.search(text) or any(_has_given(match.groups()) for match in _pairs(text)):
        return True
    if not (about_people or named):
        return False
    whole = _TWO.fullmatch(text) or _TURNED.fullmatch(text)
    if whole is not None:
        return not _NO_NAMES & {word.casefold() for word in whole.groups()}
    alone = _ALONE.fullmatch(text) is not None
    return (alone and named) or text.casefold() in _GIVEN


def _pairs(text: str) -> Iterable[re.Match[str]]:
    return itertools.chain(_TWO.finditer(text), _TURNED.finditer(text))


def _has_given(words: tuple[str, ...]) -> bool:
    """Return whether a given name comes with another word that is no ordinary one of the field."""
    folded = [word.casefold() for word in words]
    return any(word in _GIVEN for word in folded) and not _NO_NAMES & set(folded)
