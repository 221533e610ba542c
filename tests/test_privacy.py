"""What looks like a person is told by column and count, never by value; ordinary codes and ids raise nothing."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.codebooks import codebook_names, load_codebook
from rupturekit.privacy import privacy_warnings


def kinds(column, *values):
    """Return what the warnings say the values look like."""
    return [text.split(" like ")[1].split(";")[0] for text in privacy_warnings({column: values})]


@pytest.mark.parametrize("value", [
    "anna.schmidt@example.org", "write to a@b.co please", "X.Y-Z@uni-wien.ac.at"])
def test_mail_addresses(value):
    assert "an e-mail address" in kinds("note", value)


@pytest.mark.parametrize("value", [
    "+43 1 4277 47001", "+491711234567", "0171 2345678", "(030) 123 45 67", "call 030/1234567", "212-555-0182",
    "(212) 555 0182"])
def test_phone_numbers(value):
    assert kinds("note", value) == ["a phone number"]


@pytest.mark.parametrize("value", [
    "2021-05-12", "seen 2021-5-1", "12.05.2021", "1.5.2021", "12. 5. 2021", "05/12/2021", "2021/05/12", "12-05-2021",
    "P20210512", "3. März 2021", "12 March 2021", "March 12, 2021", "2021-05-12T10:15:00"])
def test_calendar_dates(value):
    assert kinds("day", value) == ["a calendar date"]


@pytest.mark.parametrize(("column", "value"), [
    ("note", "Frau Huber came late"), ("note", "with Dr. Weiss"), ("note", "Anna Huber"), ("note", "Huber, Anna"),
    ("dyad", "Anna"), ("dyad", "Zbigniew Kowalczyk"), ("rater", "Kowalczyk, Zbigniew"), ("track", "Anna"), ("therapist", "Peter van Dyk"),
    ("last_name", "Kowalczyk"), ("Nachname", "Huber"), ("patient_id", "maria")])
def test_names(column, value):
    assert kinds(column, value) == ["a name"]


@pytest.mark.parametrize("value", [
    "D1", "r1", "P01_S02", "00:12:13", "12:13", "12.5", "12,5", "1.2.15", "3.10", "-99", "n/a", "WD_P", "wd-min",
    "CHG", "session 12", "S-2021-7", "12.05", "1234567890123", "0001-0002", "1/2", "a@b", "@home", "therapist_input",
    "Group A", "Control Group", "consensus", "x", "2457", "99999999", "tape 3, 12:40-13:10", "", " "])
@pytest.mark.parametrize("column", ["dyad", "note", "code", "track"])
def test_ordinary_values_raise_nothing(column, value):
    assert kinds(column, value) == []


@pytest.mark.parametrize("name", codebook_names())
def test_the_words_of_the_codebooks_raise_nothing(name):
    codes = load_codebook(name).codes
    assert privacy_warnings({"code": [code.code for code in codes], "label": [code.label for code in codes]}) == []


def test_the_sentence_counts_and_does_not_echo():
    said = privacy_warnings({"note": ["Anna Huber", "x", None, "", "Maria Huber"]})
    assert said == ["column 'note': 2 of 3 values look like a name; replace it by a pseudonym"]


def test_a_track_and_a_rater_with_the_same_values_are_told_once():
    names = ["Anna Huber", "r2"]
    assert privacy_warnings({"dyad": ["D1"], "track": names, "rater": names[::-1], "note": ["a@b.org"]}) == [
        "columns 'track' and 'rater': 1 of 2 values looks like a name; replace it by a pseudonym",
        "column 'note': 1 of 1 values looks like an e-mail address; replace it by a pseudonym"]
    apart = privacy_warnings({"track": names, "rater": ["Anna Huber"]})
    assert [text.split(":")[0] for text in apart] == ["column 'track'", "column 'rater'"]
    assert len(privacy_warnings({"rater": names})) == len(privacy_warnings({"track": names})) == 1


def test_the_name_of_a_column_is_shown_safely():
    (said,) = privacy_warnings({"no\nte" * 100: ["a@b.org"]})
    assert "\n" not in said
    assert len(said) < 250


@given(st.dictionaries(st.text(), st.lists(st.none() | st.text())))
def test_any_text_can_be_judged(columns):
    for text in privacy_warnings(columns):
        assert text.isprintable()


@pytest.mark.parametrize("text", [
    "a" * 2000 + "@", "a." * 1000 + "@", "@" * 2000, "0" * 2000, "1 " * 1000, "01 23 " * 300, "Aa " * 700,
    "+1" + " 2" * 900, "Anna " * 400])
def test_no_text_is_slow(text):
    start = time.perf_counter()
    privacy_warnings({"dyad": [text] * 50_000})
    assert time.perf_counter() - start < 10
