"""What a column of an unknown table holds, and which field, run or code it could be: by its header and its values."""

import re
from collections import Counter
from pathlib import Path

import pytest

from rupturekit.codebooks import load_codebook
from rupturekit.problems import ProblemLog
from rupturekit.records import guess
from rupturekit.records.delimited import open_sheet
from rupturekit.records.grammar import TimeFormat
from rupturekit.records.guess import (
    Column,
    Run,
    are_ratings,
    code_headers,
    could_say_whose,
    headed,
    is_tick,
    roles,
    runs,
    slug,
    weak_marks,
    words_of,
)
from rupturekit.records.held import HeldSheet, Row


def column(name, *values):
    made = Column(name, 0)
    for value in values:
        made.add(value)
    return made


# --- headers


@pytest.mark.parametrize(("field", "words"), [
    ("dyad", "dyad dyad_id dyade couple couple_id paar paar_id pair pair_id patient_id client_id klient_id "
        "klienten_id patienten_id case_id case fall_id fall fallnummer transcript_id transcript transkript "
        "subject participant proband vp patient client klient klientin patientin id"),
    ("session", "session session_id session_no session_nr session_number sitzung sitzungsnummer sitzungsnr sitzung_nr "
        "sitzungs_nr stunde termin"),
    ("party", "interlocutor speaker party sprecher sprecherin role rolle who wer person actor"),
    ("rater", "rater rater_id coder coder_id annotator annotator_id kodierer kodiererin beurteiler beurteilerin "
        "rater_name"),
    ("onset", "onset start_sec start_s start_time start begin beginn anfang von timestamp timecode time zeitpunkt "
        "zeitmarke zeit sec seconds sekunden"),
    ("offset", "offset end_sec end_s end_time end ende bis stop"),
    ("rating", "rating salience salienz intensity intensität auspraegung ausprägung significance staerke stärke "
        "bewertung score"),
    ("order", "utterance_id turn_id turn_nr turn segment_idx segment_index segment_nr segment line zeile "
        "reihenfolge order index idx nr row"),
    ("day", "day tag therapy_day day_offset"),
    ("code", "code codes kode kodes kodierung coding behaviour behavior verhalten talk_type marker event kategorie "
        "category label"),
])
def test_headers_in_english_and_german_are_understood_beside_those_of_dyad_onset_and_offset(field, words):
    beside = [name for name in ("dyad", "onset", "offset") if name != field]
    for word in words.split():
        columns = [Column(name, at) for at, name in enumerate([word, *beside])]
        assert [column.name for column in roles(columns, comma=False)[field]] == [word]
    telling = [word for word in words.split() if re.sub("_(id|nr|no|number)$", "", word) == word]
    for first in range(len(telling)):  # of several, the one that says more is taken, wherever it stands
        columns = [Column(name, at) for at, name in enumerate([*beside, *reversed(telling[first:])])]
        found = [column.name for column in roles(columns, comma=False)[field]]
        assert found == (telling[first:] if field == "code" else [telling[first]])


def field_of(name, **more):
    """Return the field that a header alone would be taken for, beside the likeliest dyad."""
    found = roles([Column("dyad", 0), Column(name, 1), *(Column(word, at) for word, at in more.items())], comma=False)
    return next((role for role, (column, *_) in found.items() if column.name == name), None)


@pytest.mark.parametrize(("name", "field"), [
    ("Kodierer-Num", "rater"), ("kodierer_id", "rater"), ("kodierer nr", "rater"), ("kodiererNo", "rater"),
    ("kodierer.number", "rater"), ("KODIERER Nummer", "rater"), ("kodierer_code", "rater"), ("kodierer_x", None),
    ("my_kodierer_id", "rater"), ("kodierer_name_id", None), ("my_rater_name", "rater"), ("my_talk_type", "code"),
    ("talk_types", None), ("my_own_code", "code"),
    ("my_own_kodierer_id", "rater"), ("my_own_talk_type_num", "code"), ("type_talk", None), ("talk", None), ("id", None), ("code", "code"), ("", None), ("_", None),
    ("id_rater", "rater"), ("rater_id_x", None),
])
def test_a_header_is_known_by_all_of_it_or_by_its_last_words(name, field):
    assert field_of(name) == field


def test_the_whole_of_a_header_says_more_than_its_last_words():
    def dyad(*names):
        return roles([Column(name, at) for at, name in enumerate(names)], comma=False)["dyad"][0].name

    assert dyad("my_dyad", "patient") == "patient"
    assert dyad("my_patient", "my_dyad") == "my_dyad"
    assert dyad("case_nr", "fall", "case") == "case_nr"
    assert dyad("id", "my_dyad", "dyad") == "dyad"


@pytest.mark.parametrize(("field", "names"), [
    ("dyad", "subject patient_id"), ("dyad", "subject client_id"), ("dyad", "subject klient_id"),
    ("dyad", "subject klienten_id"), ("dyad", "subject patienten_id"), ("dyad", "case case_id"), ("dyad", "fall fall_id"),
    ("dyad", "transcript transcript_id"), ("session", "stunde sitzungs_nr"), ("order", "dyad turn turn_id"),
    ("order", "dyad turn turn_nr"), ("order", "dyad segment segment_nr"), ("order", "dyad segment segment_idx"),
])
def test_a_header_with_a_number_may_be_the_more_telling_one(field, names):
    found = roles([Column(name, at) for at, name in enumerate(names.split())], comma=False)
    assert [column.name for column in found[field]] == [names.split()[-1]]


# --- columns


def test_each_field_has_english_and_german_words():
    for names in (
        ["dyad", "session", "interlocutor", "timestamp", "talk_type", "rater", "salience"],
        ["PatientID", "session_no", "Speaker", "startSec", "behaviour", "coder", "rating"],
        ["Klient", "Sitzung", "Sprecher", "Zeit", "Kode", "Kodierer", "Bewertung"],
        ["transcript_id", "Session", "party", "start", "Code", "annotator_id", "Rating"],
        ["fall_nr", "Sitzungsnummer", "Rolle", "Beginn", "Kategorie", "Beurteiler", "Ausprägung"],
    ):
        found = roles([column(name) for name in names], comma=False)
        assert {role: each[0].name for role, each in found.items()} == dict(
            zip(["dyad", "session", "party", "onset", "code", "rater", "rating"], names, strict=True))


def test_values_speak_against_a_header():
    assert roles([column("client", "client", "therapist")], comma=False) == {}
    assert roles([column("time", "2021-05-12 10:00")], comma=False) == {}
    assert roles([column("rating", "high")], comma=False) == {}
    assert roles([column("day", "Monday")], comma=False) == {}
    assert roles([column("code", *map(str, range(31)))], comma=False) == {}
    assert roles([column("speaker", *"abcdefghijklmnop")], comma=False) == {}
    assert roles([column("code", *map(chr, range(100, 600)))], comma=False) == {}
    assert roles([column("rating", "2.5")], comma=True) == {}
    assert roles([column("time", "2.5")], comma=True) == {}
    assert "rating" in roles([column("rating", "2,5")], comma=True)
    assert "session" in roles([column("session", "n/a", "")], comma=False)  # filled, but nothing speaks against it


def test_a_column_counts_what_it_is_given():
    assert Column("x", 3) == Column("x", 3, filled=0, longest=0, spaced=0, many=False, counts=Counter())
    made = column("x", "", "a", "b c", "d e f", "a", "n/a", "g" * 201, "g" * 200)
    assert made == Column("x", 0, filled=7, longest=201, spaced=1, many=False,
                          counts=Counter({"a": 2, "b c": 1, "d e f": 1, "n/a": 1, "g" * 200: 2}))
    assert made.values == ["a", "b c", "d e f", "g" * 200]


def test_four_hundred_distinct_values_are_kept():
    full = column("x", *map(str, range(400)), "7", "")
    assert (full.many, len(full.counts), full.counts["7"], full.filled) == (False, 400, 2, 401)
    over = column("x", *map(str, range(401)), "7")
    assert (over.many, len(over.counts), over.counts["7"], over.filled) == (True, 400, 2, 402)


@pytest.mark.parametrize("word", ["n/a", "N/A", "NA", "na", "nan", "NaN", "null", "NULL", "None", "-", "--", ".", "k.A.",
                                  "k. A.", "#N/A", "missing", "fehlt"])
def test_words_that_say_that_nothing_was_recorded(word):
    assert column("x", word, "a").values == ["a"]
    assert column("x", f"{word}x").values == [f"{word}x"]


@pytest.mark.parametrize(("cells", "text"), [
    (["a b c" + "d" * 36], True), (["a b c" + "d" * 35], False), (["a b" + "d" * 38], False),
    (["a b c" + "d" * 36, "x", "x"], True), (["a b c" + "d" * 36, "x", "x", "x"], False),
    (["http://a"], True), (["https://a"], True), (["www.a"], True), (["x", "www.a"], True), (["ahttp://"], False),
    (["httpx"], False), ([], False),
])
def test_a_column_of_long_cells_of_several_words_or_of_addresses_is_text(cells, text):
    assert column("x", *cells).is_text is text


@pytest.mark.parametrize(("cells", "whole"), [
    (["0", "7"], True), (["7", "NA"], True), ([str(2**53)], True), ([str(2**53 + 1)], False), (["-1"], False),
    (["1", "x"], False), (["1.5"], False), ([], False), (["NA"], False),
])
def test_a_column_of_whole_numbers(cells, whole):
    assert column("x", *cells).is_whole() is whole


@pytest.mark.parametrize(("cells", "comma", "numbers"), [
    (["1", "1.5", "1"], False, [1000, 1500]), (["1,5", "2"], True, [1500, 2000]), (["1,5"], False, None),
    (["1.5"], True, None), (["1", "x"], False, None), ([], False, None), (["NA"], True, None), (["0"], False, [0]),
])
def test_numbers_are_read_with_the_point_or_the_comma(cells, comma, numbers):
    assert column("x", *cells).numbers(comma=comma) == numbers
    assert column("x", *cells).time_format(comma=comma) == (None if numbers is None else TimeFormat.SECONDS)


def test_fifty_thousand_rows_are_looked_at():
    sheet = HeldSheet(path=Path("a.eaf"), what="ELAN document", header=("a",), table=(Row(1, ("x",)),) * 50_001)
    (only,), rows = guess.look_at(sheet)
    assert (only.filled, rows) == (50_000, 50_000)


def test_columns_without_a_name_of_their_own_are_not_looked_at(tmp_path):
    (tmp_path / "sheet.csv").write_text("a,,b,c,b\n 1 ,2,3,,5\n", encoding="utf-8")
    sheet = open_sheet(tmp_path / "sheet.csv", problems=ProblemLog())
    assert guess.look_at(sheet) == ([Column("a", 0, filled=1, longest=1, counts=Counter({"1": 1})), Column("c", 3)], 1)


@pytest.mark.parametrize(("name", "cells", "fits"), [
    ("speaker", [f"p{at}" for at in range(12)], True), ("speaker", [f"p{at}" for at in range(13)], False),
    ("code", [f"c{at}" for at in range(80)], True), ("code", [f"c{at}" for at in range(81)], False),
    ("code", [str(at) for at in range(30)], True), ("code", [str(at) for at in range(31)], False),
    ("code", ["n/a"] * 3 + [f"c{at}" for at in range(80)], True),
    ("order", ["1", "2"], True), ("order", ["1.5"], False), ("day", ["0", "9"], True), ("day", ["-1"], False),
    ("rating", ["1.5"], True), ("rating", ["1,5"], False), ("time", ["1:30"], True), ("end", ["late"], False),
    ("dyad", ["Client", "D2"], True), ("dyad", ["Client", "THERAPIST"], False), ("session", ["intake"], True),
    ("rater", ["anyone"], True), ("code", [], True), ("time", ["NA"], True),
])
def test_the_values_say_whether_a_column_can_be_what_it_is_called(name, cells, fits):
    assert bool(roles([column(name, *cells)], comma=False)) is fits


def test_a_code_with_more_values_than_are_kept_is_none():
    assert roles([column("code", *["n/a"], *(f"c{at}" for at in range(80)))], comma=False)
    made = column("code", "a", "b")
    made.many = True
    assert roles([made], comma=False) == {}


def test_words_for_the_parties():
    clients = "client patient klient klientin patientin c cl p pat k"
    therapists = "therapist therapeut therapeutin t th counsellor counselor psychotherapist"
    meant = dict.fromkeys(clients.split(), "client") | dict.fromkeys(therapists.split(), "therapist")
    assert dict(guess.PARTY_WORDS) == meant
    assert roles([column("client", *meant)], comma=False) == {}
    assert roles([column("client", *meant, "D1")], comma=False).keys() == {"dyad"}


@pytest.mark.parametrize(("names", "found"), [
    ([f"a{n:02d}" for n in range(8, 13)] + ["a100", "a101", "a102", "a103", "a104", "a105"], [("a", 8, 12, 2)]),
    ([f"a{n:03d}" for n in range(98, 103)], [("a", 98, 102, 3)]),
    ([f"a{n}" for n in (1, 2, 3, 4, 5, 11, 12, 13, 14, 15)], [("a", 1, 5, 1)]),
    ([f"a{n}" for n in (1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 16)], [("a", 11, 16, 1)]),
    ([f"a{n}" for n in (5, 4, 3, 2, 1)], [("a", 1, 5, 1)]),
    ([f"a{n}" for n in range(999_995, 1_000_001)], [("a", 999_995, 999_999, 1)]),
    ([f"a{n}" for n in range(1_000_000, 1_000_006)], []),
    ([f"{name}{n}" for n in range(5) for name in "ab"], [("a", 0, 4, 1), ("b", 0, 4, 1)]),
    ([f"a{n:02d}" for n in range(1, 6)] + [f"b{n}" for n in range(1, 6)], [("a", 1, 5, 2), ("b", 1, 5, 1)]),
    ([f"1a{n}" for n in range(1, 6)], [("1a", 1, 5, 1)]),
])
def test_columns_that_count_on_are_a_run(names, found):
    columns = [column(name, "1") for name in names]
    assert [run[:4] for run in runs(columns)] == found
    held = {each.name: each for each in columns}
    for run in runs(columns):
        assert run == Run(*run[:4], tuple(held[f"{run.prefix}{n:0{run.digits}d}"] for n in range(run.first, run.last + 1)))


def test_a_run_has_one_to_twelve_values():
    def values(*cells):
        return [run.values() for run in runs([column(f"a{n}", *cells) for n in range(5)])]

    assert values(*"abcdefghijkl") == [list("abcdefghijkl")]
    assert values(*"abcdefghijklm") == []
    assert values("NA") == []
    assert values("a", "b", "b", "NA", "NA", "NA") == [["b", "a"]]


def test_runs_need_five_columns_that_count_on():
    def named(*names):
        return [(run.prefix, run.first, run.last, run.digits) for run in runs([column(name, "1") for name in names])]

    assert named(*(f"a{n}" for n in range(8, 13))) == [("a", 8, 12, 1)]
    assert named(*(f"a{n:02d}" for n in range(8, 13))) == [("a", 8, 12, 2)]
    assert named(*(f"a{n}" for n in range(1, 5))) == []
    assert named(*(f"a{n}" for n in (1, 2, 3, 5, 6, 7, 8, 9))) == [("a", 5, 9, 1)]
    assert named("a1", "b2", "c3", "d4", "e5") == []
    assert named(*map(str, range(9))) == []
    assert runs([column(f"a{n}", *map(str, range(20))) for n in range(9)]) == []
    assert runs([column(f"a{n}") for n in range(9)]) == []


def test_headers_that_are_codes_hold_marks_or_ratings():
    book = load_codebook("3rs-2022")
    found = code_headers([column("WD_P", "4"), column("wd p coder2", "x"), column("CF_T", "much"), column("x_r1", "1")],
                         book, comma=False)
    assert [(each.code, each.track) for each in found] == [("wd-p", None), ("wd-p", "coder2")]


@pytest.mark.parametrize(("header", "code", "track"), [
    ("WD_P", "wd-p", None), (" wd p ", "wd-p", None), ("WD-P", "wd-p", None), ("WD__P", "wd-p", None),
    ("Minimal  response", "wd-min", None), ("WD_P_r1", "wd-p", "r1"), ("WD_P R2", "wd-p", "R2"), ("WD_P-c3", "wd-p", "c3"),
    ("WD_P.rater 1", "wd-p", "rater 1"), ("WD_P__coder_A", "wd-p", "coder_A"), ("Denial r1", "wd-denial", "r1"),
])
def test_a_header_is_a_code_or_its_label_with_the_rater_behind_it(header, code, track):
    book = load_codebook("3rs-2015" if "denial" in code else "3rs-2022")
    made = column(header, "whatever")
    assert headed([made, column("other")], book) == [(made, code, track)]
    assert code_headers([made], book, comma=False) == []


@pytest.mark.parametrize("header", ["WD_P_r12", "WD_P1", "r1", "WDP", "WD_P_x1", "x_r1"])
def test_a_header_that_only_looks_like_a_code_is_none(header):
    assert headed([column(header, "x")], load_codebook("3rs-2022")) == []


def test_cells_of_code_columns_are_marks_or_numbers():
    book = load_codebook("3rs-2022")
    for cells, comma, fits in ((["x", "0"], False, True), (["4", "1.5"], False, True), (["1,5"], True, True),
                               (["1,5"], False, False), (["x", "4"], False, False), ([], False, True)):
        assert bool(code_headers([column("WD_P", *cells)], book, comma=comma)) is fits


@pytest.mark.parametrize("mark", ["(x)", "(✓)", "(✔)", "(1)", "x", "0", "1", "ja", "nein", "yes", "no", "true", "false",
                                  "✓", "✔"])
def test_marks(mark):
    assert is_tick([mark])
    assert is_tick([mark.upper(), "x"])
    assert not is_tick([mark, "2"])
    assert not is_tick([f"{mark}a"])
    assert weak_marks(column("a", mark.upper(), "2")) == ([mark.upper()] if mark.startswith("(") else [])


def test_numbers_beyond_zero_and_one_are_ratings():
    assert not are_ratings([])
    assert not are_ratings([column("a", "1"), column("b", "x", "0"), column("c")])
    assert are_ratings([column("a", "1"), column("b", "2")])


@pytest.mark.parametrize(("columns", "said"), [
    ([("a", "m f"), ("Partner", "m f"), ("b", "m f")], ["Partner", "a", "b"]),
    ([("partnerin", "m"), ("my_partner", "1 2 3"), ("partner_nr", "1")], ["partnerin", "my_partner", "partner_nr"]),
    ([("partner", " ".join("abcdefghijkl"))], ["partner"]),
    ([("partner", " ".join("abcdefghijklm"))], []),
    ([("partners", "a b c")], []),
    ([("partner", "")], []),
    ([("a", "m f NA")], ["a"]),
    ([("a", "m"), ("b", "m f g"), ("c", "m M"), ("d", "m M f"), ("e", "x 0"), ("f", "yes no")], []),
    ([("a", f"{'v' * 20} w")], ["a"]),
    ([("a", f"{'v' * 21} w")], []),
    ([("a", "anna@example.org max@example.org")], []),
    ([("a", "www.a www.b")], []),
])
def test_columns_that_could_say_whose_behaviour_it_is(columns, said):
    assert [each.name for each in could_say_whose(column(name, *cells.split()) for name, cells in columns)] == said


@pytest.mark.parametrize(("name", "words"), [
    ("StartSec", ("start", "sec")), ("client_talk-type", ("client", "talk", "type")), ("größeÄnderung", ("grösse", "änderung")),
    ("ÖLÜber", ("ölüber",)), ("t1 T2", ("t1", "t2")), ("", ()), ("__", ()), ("ABc", ("abc",)),
])
def test_a_header_is_split_into_words(name, words):
    assert words_of(name) == words


@pytest.mark.parametrize(("value", "code"), [
    ("CHG", "CHG"), (" = + ", "code"), ("x" * 60, "x" * 60), ("x" * 61, "x" * 60), ("x" * 80, "x" * 60), ("a=b", "a=b"),
    ("=b", "b"), ("@b", "b"), ("+b", "b"), ("-b", "b"), ("it's", "it-s"), ('a"b', "a-b"), ("a;b", "a-b"),
    ("Ab, Cd", "ab-cd"), ("_.-a b-._", "a-b"), (f"{'x' * 59} {'y' * 9}", f"{'x' * 59}-"), ("1.5 kg", "1.5-kg"),
])
def test_a_slug_is_a_code_or_becomes_one(value, code):
    assert slug(value) == code


def test_distinct_values_are_counted_up_to_a_bound():
    made = column("x", *map(str, range(1000)))
    assert made.many
    assert len(made.values) == 400
    assert made.filled == 1000


def test_a_sheet_is_looked_at_by_column(tmp_path):
    (tmp_path / "sheet.csv").write_text("a,b\n1,x\n2,\n", encoding="utf-8")
    sheet = open_sheet(tmp_path / "sheet.csv")
    columns, rows = guess.look_at(sheet)
    assert rows == 2
    assert [(each.name, each.filled, each.is_whole()) for each in columns] == [("a", 2, True), ("b", 1, False)]
