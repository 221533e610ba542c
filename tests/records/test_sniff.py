"""A proposal says what it found, marks what it did not, and reads the table where its guesses are right."""

import csv
import re
import tempfile
import tomllib
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.codebooks import parse_codebook
from rupturekit.errors import DefinitionError, FileProblem, RuptureKitError
from rupturekit.records import guess
from rupturekit.records.foreign import read_table
from rupturekit.records.mapping import parse_mapping, read_mapping
from rupturekit.records.sniff import Proposal, propose_mapping
from rupturekit.vocabulary import TimeKind

FILES = Path(__file__).parent / "files"


def written(folder, *lines, name="sheet.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return path


def propose(folder, *lines, **more):
    return propose_mapping(written(folder, *lines, **more))


def kept(proposal, folder):
    """Write what was proposed beside the table, as a person would, and read the mapping."""
    (folder / "mapping.toml").write_text(proposal.text, encoding="utf-8")
    if proposal.codebook_file:
        (folder / proposal.codebook_file).write_text(proposal.codebook_text, encoding="utf-8")
    return read_mapping(folder / "mapping.toml")


def fields_of(mapping):
    return {field.name: field.columns or field.constant for field in mapping.fields}


# --- whole tables


def recorded():
    """Return the recorded proposals: the name of a file, what stands in it, the proposal and the codebook with it."""
    parts = re.split(r"^===== (.*)\n", (FILES / "proposals.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = []
    for title, text in zip(parts[::2], parts[1::2], strict=True):
        if title in ("proposal", "codebook"):
            found[-1][title] = text
        else:
            found.append({"name": title, "table": text, "codebook": ""})
    return found


@pytest.mark.parametrize("case", recorded(), ids=lambda case: case["name"])
def test_a_proposal_reads_as_recorded(tmp_path, case):
    path = tmp_path / case["name"]
    path.write_bytes(case["table"].encode("cp1252" if case["name"] == "german.csv" else "utf-8"))
    proposal = propose_mapping(str(path))
    assert str(proposal) == case["proposal"]
    assert proposal.codebook_text == case["codebook"]


def test_a_bare_proposal_says_nothing_but_its_text():
    bare = Proposal(file="a.csv", rows=1, text="t\n")
    assert bare == Proposal(
        file="a.csv", rows=1, text="t\n", found=(), codebook_text="", codebook_file="", unmapped=(), questions=(),
        not_imported=(), private=(), trial="")
    assert (str(bare), bare.lines()) == ("a.csv: 1 row looked at\n\nt\n", [])
    assert str(Proposal(file="a.csv", rows=1234, text="t")) == "a.csv: 1,234 rows looked at\n\nt"


def test_a_proposal_tells_in_order_what_it_saw():
    whole = Proposal(
        file="a.csv", rows=2, text="t", found=("f1", "f2"), codebook_text="c", codebook_file="b.toml",
        unmapped=tuple((f"w{at}", 1000 + at) for at in range(41)), questions=("q1", "q2"),
        not_imported=("n1", "n2"), private=("p1", "p2"), trial="t1")
    words = [f"not a code of the codebook: 'w{at}' (1,{at:03d} rows)" for at in range(40)]
    told = ["free text, not imported: n1", "free text, not imported: n2", "privacy: p1", "privacy: p2", "choose: q1",
            "choose: q2", "a codebook to fill in comes with it, as b.toml", "read as proposed: t1"]
    assert whole.lines() == ["f1", "f2", *words, "... and 1 more such words", *told]
    some = Proposal(file="a.csv", rows=2, text="t", unmapped=whole.unmapped[:40])
    assert some.lines() == words


def test_a_proposal_in_a_notebook_is_a_list_and_the_mapping():
    shown = Proposal(file="a.csv", rows=1, text="x = 1", found=("w" * 240, "v" * 241))._repr_html_()
    assert shown.partition("</style>")[2] == (
        '<div class="rk-head"><span class="rk-kind">Proposal</span> <b><bdi>a.csv</bdi></b> </div><p>1 row looked at</p>'
        f'<ul><li><bdi>{"w" * 240}</bdi></li><li><bdi title="{"v" * 239}…">{"v" * 239}…</bdi></li></ul>'
        "<pre>x = 1</pre></div>")


def test_a_plain_german_table_is_read_as_proposed(tmp_path):
    proposal = propose(
        tmp_path, "Klient;Sitzung;Sprecher;Zeit;Kode;Kodierer;Bewertung;Bemerkung",
        "D1;1;Therapeut;00:12,5;invite;r1;2,5;da war die Stimmung plötzlich eine ganz andere als vorher",
        "D1;1;Klient;00:20;WD;r1;k.A.;da hat sie lange aus dem Fenster gesehen und gar nichts gesagt",
        encoding="cp1252")
    mapping = kept(proposal, tmp_path)
    assert fields_of(mapping) == {
        "dyad": ("Klient",), "session": ("Sitzung",), "party": ("Sprecher",), "rater": ("Kodierer",),
        "onset": ("Zeit",), "code": ("Kode",), "rating": ("Bewertung",)}
    assert (mapping.delimiter, mapping.encoding, mapping.decimal_comma) == (";", "cp1252", True)
    assert (mapping.codebook, mapping.missing, mapping.coding.time) == ("stages", ("k.A.",), TimeKind.CLOCK)
    study = read_table(tmp_path / "sheet.csv", mapping)
    assert [(move.code, move.party, move.onset, move.rating) for move in study.cohort.moves] == [
        ("invite", "therapist", 12_500_000, 2.5), ("wd", "client", 20_000_000, None)]
    assert proposal.not_imported == ("Bemerkung",)
    assert proposal.questions == ()
    assert proposal.trial.splitlines()[0] == "2 rows = 2 moves + 0 rows left out"
    assert repr(proposal) == "Proposal('sheet.csv', 8 lines found, 0 questions)"


ANNOMI = ["transcript_id", "mi_quality", "video_title", "video_url", "topic", "utterance_id", "interlocutor",
          "timestamp", "utterance_text", "main_therapist_behaviour", "client_talk_type"]


def annomi(folder, *, back=False):
    path = folder / "AnnoMI codes.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(ANNOMI)
        for at in range(40):
            therapist = at % 2 == 0
            words = ["question" if at % 4 else "reflection", "n/a"] if therapist else ["n/a", "change"]
            clock = f"00:00:{3 if back and at == 9 else at:02d}"
            writer.writerow([at // 20, "high", "tape", "https://example.org/x", "habits", at % 20,
                             "therapist" if therapist else "client", clock,
                             f"words that somebody said, number {at} of many, in a whole sentence", *words])
    return path


def test_annomis_layout_gets_a_codebook_to_fill_in(tmp_path):
    proposal = propose_mapping(annomi(tmp_path))
    mapping = kept(proposal, tmp_path)
    assert fields_of(mapping) == {
        "dyad": ("transcript_id",), "session": "1", "party": ("interlocutor",), "onset": ("timestamp",),
        "code": ("main_therapist_behaviour", "client_talk_type")}
    assert (mapping.name, mapping.order_by, mapping.missing) == ("annomi-codes", "utterance_id", ("n/a",))
    assert proposal.codebook_file == mapping.codebook == "annomi-codes-codes.toml"
    book = parse_codebook(proposal.codebook_text)
    assert [code.code for code in book.codes] == ["change", "reflection", "question"]
    assert proposal.codebook_text.count("# choose: what does it do?") == 3
    assert read_table(tmp_path / "AnnoMI codes.csv", mapping).losses.moves == 40
    assert proposal.not_imported == ("video_url", "utterance_text")
    assert any("one session a dyad" in question for question in proposal.questions)
    assert any("is no row coded in two" in question for question in proposal.questions)
    assert proposal.text.count("# choose:") == len(proposal.questions)


def test_the_trial_tells_of_times_that_go_back(tmp_path):
    proposal = propose_mapping(annomi(tmp_path, back=True))
    assert "time goes back" in proposal.trial
    assert "backward_times" in proposal.trial


def test_a_wide_table_waits_for_the_length_of_its_intervals(tmp_path):
    header = ",".join(["code", *(f"{name}{n:02d}" for name in ("DCCB", "IKCB") for n in range(1, 49)), "EDCm"])
    rows = [",".join([str(129 + at), *("10"[(at + n) % 2] for n in range(96)), f"{at / 3:.2f}"]) for at in range(64)]
    proposal = propose(tmp_path, header, *rows)
    assert "states their length" in proposal.trial
    text = proposal.text.replace("# segment_seconds = ?", "segment_seconds = 10")
    assert text != proposal.text
    (tmp_path / proposal.codebook_file).write_text(proposal.codebook_text, encoding="utf-8")
    mapping = parse_mapping(text, folder=tmp_path)
    assert [(block.prefix, block.first, block.last, block.digits, block.party) for block in mapping.wide] == [
        ("DCCB", 1, 48, 2, "partner_a"), ("IKCB", 1, 48, 2, "partner_b")]
    assert mapping.coding.parties == ("partner_a", "partner_b")
    assert fields_of(mapping) == {"dyad": ("code",), "session": "1"}
    losses = read_table(tmp_path / "sheet.csv", mapping).losses
    assert (losses.rows, losses.cells, losses.moves) == (64, 64 * 96, 64 * 48)
    assert losses.unused_columns == ("EDCm",)
    with pytest.raises(DefinitionError, match="states their length"):
        kept(proposal, tmp_path)


def test_a_wide_table_names_its_dyads_by_distinct_words_only(tmp_path):
    header = ",".join(["code", "group", *(f"t{n}" for n in range(1, 6))])
    distinct = propose(tmp_path, header, "a,x,0,1,0,1,0", "b,x,0,1,0,1,0")
    assert '[fields.dyad]\ncolumn = "code"' in distinct.text
    repeated = propose(tmp_path, header, "a,x,0,1,0,1,0", "a,x,0,1,0,1,0")
    assert "# choose: which column names the dyad" in repeated.text


def test_a_wide_table_of_persons_with_several_values(tmp_path):
    header = ",".join(["couple", "who", *(f"t_{n}" for n in range(1, 7))])
    proposal = propose(tmp_path, header, "1,a,0,1,2,0,1,2", "1,b,0,1,NA,0,1,2", "2,a,0,0,0,0,0,0")
    assert "[[wide]]" in proposal.text
    assert 'values = { "0" = "", "1" = "t-1", "2" = "t-2" }' in proposal.text
    assert 'parties = ["a", "b"]' in proposal.text
    assert "\nparty = " not in proposal.text
    assert [code.code for code in parse_codebook(proposal.codebook_text).codes] == ["t-1", "t-2"]


SHEET = "segment_uid;segment_idx;patient_id;session_id;start_sec;end_sec;WD_P;WD_T;CF_P;CF_T"


def test_a_3rs_sheet_of_ratings_is_read_as_proposed(tmp_path):
    rows = [f"u{at};{at};P1;1;{at * 60};{at * 60 + 60};{1 + at % 5};1;1;" for at in range(10)]
    proposal = propose(tmp_path, SHEET, *rows)
    mapping = kept(proposal, tmp_path)
    assert (mapping.codebook, mapping.coding.time, mapping.coding.segment) == ("3rs-2022", TimeKind.SEGMENT, 60_000_000)
    assert [(each.code, each.party, each.rating, each.above) for each in mapping.code_columns] == [
        ("wd-p", "client", True, 1000), ("wd-t", "therapist", True, 1000), ("cf-p", "client", True, 1000)]
    assert any("'CF_T' is empty and left out" in question for question in proposal.questions)
    losses = read_table(tmp_path / "sheet.csv", mapping).losses
    assert (losses.moves, losses.added[0].times, losses.added[0].rows) == (10, 2, (1, 6))


def test_a_3rs_sheet_of_marks_by_rater(tmp_path):
    proposal = propose(tmp_path, "case,session,segment_nr,WD_P_r1,WD_P_r2,CF-P r1,CF-P r2",
                       "D1,1,1,x,,,x", "D1,1,2,x,x,,x", "D1,1,3,,,,")
    assert "states their length" in proposal.trial
    mapping = parse_mapping(proposal.text.replace("# segment_seconds = ?", "segment_seconds = 300"))
    assert [(each.code, each.track, each.present, each.absent) for each in mapping.code_columns] == [
        ("wd-p", "r1", ("x",), ("",)), ("wd-p", "r2", ("x",), ("",)),
        ("cf-p", "r1", ("1",), ("",)), ("cf-p", "r2", ("x",), ("",))]
    onset = mapping.field("onset")
    assert (onset.columns, onset.first) == (("segment_nr",), 1)
    study = read_table(tmp_path / "sheet.csv", mapping)
    assert study.cohort.track_names == ("r1", "r2")
    assert {each.end for each in study.cohort.observed} == {900_000_000}


def test_marks_with_a_word_for_no(tmp_path):
    proposal = propose(tmp_path, "case,session,start,WD_P,CF_P", "D1,1,00:10,ja,nein", "D1,1,00:20,,nein")
    assert 'present = ["ja"]\nabsent = [""]' in proposal.text
    assert 'present = ["1"]\nabsent = ["nein"]' in proposal.text
    assert parse_mapping(proposal.text).coding.time is TimeKind.CLOCK


def test_turns_and_bare_orders(tmp_path):
    turns = propose(tmp_path, "dyad,session,turn,speaker,code", "D1,1,1,T,invite", "D1,1,2,C,wd")
    mapping = kept(turns, tmp_path)
    assert mapping.coding.time is TimeKind.TURN
    assert [(move.onset, move.party) for move in read_table(tmp_path / "sheet.csv", mapping).cohort.moves] == [
        (1, "therapist"), (2, "client")]
    order = propose(tmp_path, "dyad,session,speaker,code", "D1,1,T,invite", "D1,1,C,wd")
    assert kept(order, tmp_path).coding.time is TimeKind.ORDER
    assert "# choose: no column looks like a time" in order.text
    assert order.trial == "2 rows = 2 moves + 0 rows left out"
    ordered = propose(tmp_path, "dyad,session,utterance_id,code", "D1,1,7,invite", "D1,1,4,wd")
    assert "numbered in the order of 'utterance_id'?" in ordered.text
    assert [move.code for move in read_table(tmp_path / "sheet.csv", kept(ordered, tmp_path)).cohort.moves] == [
        "wd", "invite"]


def test_a_numbered_onset_is_a_turn(tmp_path):
    proposal = propose(tmp_path, "dyad,session,time,code", "D1,1,1,invite", "D1,1,2,wd", "D1,1,3,wd")
    assert kept(proposal, tmp_path).coding.time is TimeKind.TURN


def test_numbers_that_could_be_seconds_are_asked_about(tmp_path):
    asked = propose(tmp_path, "dyad,session,time,end,code", "D1,1,10,14,invite", "D1,1,20.5,22,wd")
    assert "are the numbers of 'time' really seconds?" in asked.text
    assert fields_of(kept(asked, tmp_path))["offset"] == ("end",)
    told = propose(tmp_path, "dyad,session,start_sec,code", "D1,1,10,invite", "D1,1,20.5,wd")
    assert "really" not in told.text


def test_segments_without_a_marker_get_their_code_where_columns_are_markers(tmp_path):
    def none_code(header, *rows):
        return parse_mapping(propose(tmp_path, header, *rows).text.replace("# segment_seconds = ?",
                                                                           "segment_seconds = 60")).none_code

    assert none_code("case,session,segment_nr,WD_P,rp explore", "D1,1,1,x,", "D1,1,2,,x") == "none"
    assert none_code("case,session,start,end,WD_P,CF_P", "D1,1,00:10,00:20,x,", "D1,1,00:30,00:50,,x") == "none"
    assert none_code("case,session,start,WD_P,CF_P", "D1,1,00:10,x,", "D1,1,00:30,,x") is None  # nobody knows the end
    assert none_code("case,session,segment_nr,rp renegotiate,rp explore", "D1,1,1,x,", "D1,1,2,,x") is None
    assert none_code("case,session,segment_nr,WD_P r1,rp explore r2", "D1,1,1,x,", "D1,1,2,,x") is None
    assert none_code("case,session,segment_nr,wd,cf", "D1,1,1,x,", "D1,1,2,,x") is None  # `stages` has no such code


def test_a_sheet_of_empty_columns_of_codes_gets_a_code_for_no_marker(tmp_path):
    proposal = propose(tmp_path, "case,session,segment_nr,WD_P,CF_P", "D1,1,1,,", "D1,1,2,,")
    assert 'none_code = "none"' in proposal.text
    mapping = parse_mapping(proposal.text.replace("# segment_seconds = ?", "segment_seconds = 60"))
    assert [move.code for move in read_table(tmp_path / "sheet.csv", mapping).cohort.moves] == ["none", "none"]


def test_headings_that_are_labels_of_markers(tmp_path):
    proposal = propose(tmp_path, "case,session,start_sec,end_sec,Denial,MINIMAL  response,Self-criticism or hopelessness,Notes",
                       "D1,1,0,60,x,,,", "D1,1,60,120,,(x),,", "D1,1,120,180,,(X),✓,a", "D1,1,180,240,,,,b")
    mapping = kept(proposal, tmp_path)
    assert mapping.codebook == "3rs-2015"
    assert [(each.column, each.code, each.present, each.absent) for each in mapping.code_columns] == [
        ("Denial", "wd-denial", ("x",), ("",)), ("MINIMAL  response", "wd-min", ("(x)", "(X)"), ("",)),
        ("Self-criticism or hopelessness", "wd-selfcrit", ("✓",), ("",))]
    (asked,) = [question for question in proposal.questions if "weaker mark" in question]
    assert "'(x)', '(X)' in 'MINIMAL  response'" in asked
    study = read_table(tmp_path / "sheet.csv", mapping)
    assert [move.code for move in study.cohort.moves] == ["wd-denial", "wd-min", "wd-min", "wd-selfcrit", "none"]
    assert study.losses.unused_columns == ("Notes",)


def test_a_column_called_like_a_code_is_not_dropped_without_a_word(tmp_path):
    proposal = propose(tmp_path, "case,session,start_sec,end_sec,WD_P,CF_P,WD_T", "D1,1,0,60,x,,much", "D1,1,60,120,,x,")
    assert "'WD_T' is called like wd-t and left out, as it holds neither marks nor ratings" in proposal.text
    assert [each.code for each in kept(proposal, tmp_path).code_columns] == ["wd-p", "cf-p"]


def test_ticks_beside_ratings_stay_ticks(tmp_path):
    proposal = propose(tmp_path, "case,session,start_sec,end_sec,WD_P,WD_T", "D1,1,0,60,4,x", "D1,1,60,120,1,(x)")
    mapping = kept(proposal, tmp_path)
    assert [(each.code, each.rating, each.present) for each in mapping.code_columns] == [
        ("wd-p", True, ()), ("wd-t", False, ("x", "(x)"))]
    assert read_table(tmp_path / "sheet.csv", mapping).losses.moves == 3


# --- times and lengths


def sheet_of_segments(folder, *spans):
    rows = [f"D1,1,{at},{start},{end},x," for at, (start, end) in enumerate(spans)]
    return propose(folder, "case,session,nr,start_sec,end_sec,WD_P,CF_P", *rows)


@pytest.mark.parametrize(("spans", "length"), [
    ([("0", "60"), ("60", "120"), ("120", "180")], "60"),
    ([("120", "180"), ("0", "60"), ("60", "120")], "60"),
    ([("0", "0.5"), ("0.5", "1")], "0.5"),
    ([("10", "12")], "2"),
    ([("0", "0.000001"), ("10", "10.000001")], "0.000001"),
    ([("0", "1"), ("1", "2"), ("2", "3")], "1"),
    ([("7", "9"), ("9", "11")], "2"),
    ([("0", "60"), ("60", "121")], None),
    ([("0", "0"), ("60", "60")], None),
    ([("60", "0"), ("120", "60")], None),
    ([("0", "60"), ("60", "60")], None),
    ([("0", "60"), ("60", "")], None),
    ([("0", ""), ("60", "")], None),
])
def test_rows_of_one_length_are_segments_of_that_length(tmp_path, spans, length):
    text = sheet_of_segments(tmp_path, *spans).text
    if length is None:
        assert 'time = "clock"' in text
        assert "segment_seconds" not in text
        assert '[fields.offset]\ncolumn = "end_sec"\nformat = "seconds"' in text
    else:
        assert f'time = "segment"\nsegment_seconds = {length}\n' in text


@pytest.mark.parametrize(("header", "rows", "time", "onset"), [
    ("nr,WD_P,CF_P", ["0,x,", "1,,x"], "segment", ("nr", "ordinal", 0)),
    ("nr,WD_P,CF_P", ["1,x,", "2,,x"], "segment", ("nr", "ordinal", 1)),
    ("nr,start_sec,WD_P,CF_P", ["1,10.5,x,", "2,20,,x"], "clock", ("start_sec", "seconds", None)),
    ("start_sec,WD_P,CF_P", ["10.5,x,", "20,,x"], "clock", ("start_sec", "seconds", None)),
    ("time,code", ["0,wd", "1,wd", "2,wd"], "turn", ("time", "ordinal", None)),
    ("turn_nr,code", ["0,wd", "1,wd"], "turn", ("turn_nr", "ordinal", None)),
    ("nr,time,code", ["3,00:10,wd", "4,00:11,wd"], "clock", ("time", "mm:ss", None)),
    ("time,nr,code", ["0,3,wd", "1,4,wd", "2,5,wd"], "turn", ("time", "ordinal", None)),
    ("nr,code", ["3,wd", "4,wd"], "order", None),
    ("WD_P,CF_P", ["x,", ",x"], "order", None),
])
def test_the_columns_say_which_kind_of_time_it_is(tmp_path, header, rows, time, onset):
    found = tomllib.loads(propose(tmp_path, f"case,session,{header}", *(f"D1,1,{row}" for row in rows)).text)
    assert found["coding"]["time"] == time
    told = found["fields"].get("onset")
    assert (told and (told["column"], told["format"], told.get("first"))) == onset
    assert found["file"].get("order_by") == ("nr" if "nr" in header.split(",") and time in ("clock", "order") else None)


@pytest.mark.parametrize(("name", "asked"), [
    *((f"{word}_time", False) for word in ("s", "sec", "secs", "seconds", "sekunden", "sek", "ms", "milliseconds")),
    ("time", True), ("video_time", True), ("secx_time", True),
])
def test_a_header_that_names_the_unit_is_believed(tmp_path, name, asked):
    proposal = propose(tmp_path, f"dyad,session,{name},code", "D1,1,10,wd", "D1,1,20.5,wd")
    assert f'[fields.onset]\ncolumn = "{name}"\nformat = "seconds"' in proposal.text
    assert (f"are the numbers of '{name}' really seconds?" in proposal.questions) is asked


# --- whose behaviour


def test_a_column_called_partner_is_asked_about(tmp_path):
    rows = ["7,1,00:10,m,a,invite", "7,1,00:20,m,b,wd", "7,1,00:30,f,a,wd"]
    proposal = propose(tmp_path, "couple,session,time,sex,Partner,code", *rows)
    mapping = kept(proposal, tmp_path)
    assert fields_of(mapping)["party"] == ("Partner",)
    assert mapping.coding.parties == ("a", "b")
    assert "# choose: does 'Partner' ('a', 'b') say whose behaviour a row holds? Or is it 'sex'?" in proposal.text
    assert [move.party for move in read_table(tmp_path / "sheet.csv", mapping).cohort.moves] == ["a", "b", "a"]


def test_a_column_of_two_words_is_proposed_where_none_is_called_so(tmp_path):
    proposal = propose(tmp_path, "couple,session,time,mood,sex,code", "7,1,00:10,calm,m,invite", "7,1,00:20,sad,f,wd",
                       "8,1,00:20,glad,f,wd")
    mapping = kept(proposal, tmp_path)
    assert (fields_of(mapping)["party"], mapping.coding.parties) == (("sex",), ("m", "f"))
    assert "does 'sex' ('m', 'f') say whose behaviour a row holds? If not, leave it out" in proposal.text
    therapy = propose(tmp_path, "couple,session,time,x,code", "7,1,00:10,T,invite", "7,1,00:20,C,wd")
    assert kept(therapy, tmp_path).coding.parties == ("client", "therapist")
    assert 'values = { T = "therapist", C = "client" }' in therapy.text
    assert "does 'x' ('T', 'C') say whose" in therapy.text


@pytest.mark.parametrize("values", [
    ("x", "0"), ("a", "A"), ("Anna Huber", "Max Weiss"), ("w" * 21, "v"), ("a", "a"), ("12.05.2021", "13.05.2021")])
def test_a_column_that_cannot_say_whose_is_not_proposed(tmp_path, values):
    rows = [f"7,1,00:1{at},{value},wd" for at, value in enumerate(values)]
    proposal = propose(tmp_path, "couple,session,time,q,code", *rows)
    assert "[fields.party]" not in proposal.text
    assert "Huber" not in str(proposal)


def test_where_something_else_says_whose_no_column_is_guessed(tmp_path):
    named = propose(tmp_path, "couple,session,time,speaker,q,code", "7,1,00:10,client,a,wd", "7,1,00:20,client,b,wd")
    assert '[fields.party]\ncolumn = "speaker"' in named.text
    wide = ",".join(["couple", "sex", *(f"{name}{n}" for name in "AB" for n in range(1, 6))])
    assert "[fields.party]" not in propose(tmp_path, wide, f"1,m{',1' * 10}", f"2,f{',0' * 10}").text
    sheet = propose(tmp_path, "case,session,start,WD_P,CF_P,q", "D1,1,00:10,x,,a", "D1,1,00:20,,x,b")
    assert "[fields.party]" not in sheet.text
    either = propose(tmp_path, "case,session,start,cl-ag,gr-ag,q", "D1,1,00:10,x,,a", "D1,1,00:20,,x,b")
    assert '[fields.party]\ncolumn = "q"' in either.text


@pytest.mark.parametrize(("words", "parties", "text"), [
    (("Patient", "Mutter"), ["client", "therapist"],
     "# choose: which party is meant by 'Mutter'? A third person is left out by mapping the word to \"\" under values"),
    (("he", "she"), ["he", "she"], ""),
    (("he", "n/a"), ["client", "therapist"], "# choose: which party is meant by 'he'?"),
    (("he", "she", "it"), ["client", "therapist"], "# choose: which party is meant by 'he', 'she', 'it'?"),
    (("CLIENT", "Therapist"), ["client", "therapist"], ""),
    (("client", "TH", "pat"), ["client", "therapist"], 'values = { TH = "therapist", pat = "client" }'),
])
def test_two_words_are_the_parties_unless_one_is_usual(tmp_path, words, parties, text):
    proposal = propose(tmp_path, "dyad,session,speaker,time,code", *(f"D1,1,{word},00:10,wd" for word in words))
    assert tomllib.loads(proposal.text)["coding"]["parties"] == parties
    block = proposal.text.partition("[fields.party]\n")[2].partition("\n\n")[0]
    assert block.startswith(f'column = "speaker"\n{text}' if text else 'column = "speaker"')
    assert text or block == 'column = "speaker"'


# --- what is not known


def test_what_is_not_found_is_asked_and_the_mapping_refused_until_it_is_answered(tmp_path):
    proposal = propose(tmp_path, "a,b", "1,x y", "2,z")
    assert "# column = ?  # choose: which column names the dyad" in proposal.text
    assert "# column = ?  # choose: which column holds the codes?" in proposal.text
    assert "Columns: 'a', 'b'" in proposal.text
    with pytest.raises(DefinitionError, match=r"fields\.dyad: expected either column"):
        kept(proposal, tmp_path)
    assert "mistakes in this mapping" in proposal.trial


def test_a_proposal_names_files_without_their_folders(tmp_path):
    odd = propose(tmp_path, "a,b", "1,x y", "2,z")
    assert "sheet-codes.toml: 1 mistake" in odd.trial
    whole = annomi(tmp_path)
    for said in (str(odd), odd._repr_html_(), str(propose_mapping(whole)), propose_mapping(whole).codebook_text):
        for folder in (str(tmp_path), tempfile.gettempdir()):
            assert folder not in said


def test_codes_that_a_codebook_lacks_are_listed_with_counts(tmp_path):
    proposal = propose(tmp_path, "dyad,session,time,code", *["D1,1,00:10,invite"] * 5, *["D1,1,00:20,W9"] * 3)
    assert proposal.unmapped == (("W9", 3),)
    assert '# "W9": 3 rows' in proposal.text
    assert "not a code of the codebook: 'W9' (3 rows)" in str(proposal)
    assert "unknown code 'W9' (3 times" in proposal.trial


def test_codes_of_a_new_codebook_are_told_apart(tmp_path):
    proposal = propose(tmp_path, "dyad,session,time,code", "D1,1,00:10,a b", 'D1,1,00:20,"a,b"', "D1,1,00:30,a b c d")
    assert [code.code for code in parse_codebook(proposal.codebook_text).codes] == ["a-b", "a-b-2", "a-b-c-d"]
    assert read_table(tmp_path / "sheet.csv", kept(proposal, tmp_path)).losses.moves == 3


def test_many_unmapped_codes_are_cut(tmp_path):
    rows = [f"D1,1,00:10,c{at}" for at in range(50)]
    proposal = propose(tmp_path, "dyad,session,time,code", *["D1,1,00:10,invite"] * 60, *rows)
    assert proposal.unmapped == tuple((f"c{at}", 1) for at in range(50))
    assert "... and 10 more such words" in str(proposal)
    assert proposal.text.endswith("\n".join([
        '[fields.code]\ncolumn = "code"', *(f'# "c{at}": 1 rows' for at in range(40)),
        "# choose: the codebook does not have these words; give each a code under values, or \"\" to leave it out\n"]))


@pytest.mark.parametrize(("known", "unknown", "book"), [(2, 2, "sheet-codes.toml"), (3, 2, "stages"), (1, 0, "stages")])
def test_a_codebook_is_named_where_it_has_more_than_half_of_the_rows(tmp_path, known, unknown, book):
    rows = [*["D1,1,00:10,invite"] * known, *["D1,1,00:20,W9"] * unknown, "D1,1,00:30,n/a"]
    mapping = kept(propose(tmp_path, "dyad,session,time,code", *rows), tmp_path)
    assert (mapping.codebook, mapping.missing) == (book, ("n/a",))


@pytest.mark.parametrize(("word", "book"), [("wd-p", "3rs-2022"), ("wd-denial", "3rs-2015"), ("invite", "stages")])
def test_the_codebook_that_has_most_is_named(tmp_path, word, book):
    proposal = propose(tmp_path, "dyad,session,time,code", f"D1,1,00:10,{word}")
    assert kept(proposal, tmp_path).codebook == book


def test_a_new_codebook_takes_the_sixty_most_frequent_words(tmp_path):
    rows = [f"D1,1,00:10,{word}" for at in range(61) for word in [f"c{at}"] * (2 - (at == 7))]
    proposal = propose(tmp_path, "dyad,session,time,code", *rows)
    assert [code.code for code in parse_codebook(proposal.codebook_text).codes] == [
        f"c{at}" for at in range(61) if at != 7]
    assert proposal.unmapped == (("c7", 1),)


def test_codes_of_one_spelling_are_numbered(tmp_path):
    words = ["a b", "a;b", "a,b", f"{'x' * 60} b", f"{'x' * 60} c"]
    proposal = propose(tmp_path, "dyad,session,time,code", *(f'D1,1,00:1{at},"{word}"' for at, word in enumerate(words)))
    assert tomllib.loads(proposal.text)["fields"]["code"]["values"] == dict(
        zip(words, ["a-b", "a-b-2", "a-b-3", "x" * 60, f"{'x' * 50}-2"], strict=True))


def test_one_header_that_is_a_code_makes_no_sheet_of_codes(tmp_path):
    proposal = propose(tmp_path, "case,session,time,WD_P,code", "D1,1,00:10,x,wd")
    assert "code_columns" not in proposal.text
    assert '[fields.code]\ncolumn = "code"' in proposal.text


@pytest.mark.parametrize(("stem", "name"), [
    ("My  Study (1)", "my-study-1"), ("ÄÖ", "study"), ("a" * 41, "a" * 40), ("-B-", "b"), ("7", "7"),
])
def test_a_study_is_called_after_its_file(tmp_path, stem, name):
    proposal = propose(tmp_path, "dyad,session,time,code", "D1,1,00:10,W9", name=f"{stem}.csv")
    assert tomllib.loads(proposal.text)["name"] == name
    assert proposal.codebook_file == f"{name}-codes.toml"
    assert tomllib.loads(proposal.codebook_text)["name"] == f"{name}-codes"


@pytest.mark.parametrize(("encoding", "told"), [("utf-8", None), ("utf-8-sig", None), ("utf-16", "utf-16")])
def test_an_encoding_is_told_where_it_is_not_the_usual_one(tmp_path, encoding, told):
    path = tmp_path / "sheet.csv"
    path.write_text("dyad,session,time,code\nD1,1,00:10,wd\n", encoding=encoding)
    proposal = propose_mapping(path)
    assert tomllib.loads(proposal.text)["file"].get("encoding") == told
    assert proposal.found[0] == f"text: {encoding}, split at ','"


def test_ten_kinds_of_problems_are_told(tmp_path):
    header = ",".join(["dyad", "session", "time", "code", *(f"{name},{name}" for name in "abcdefghijk")])
    proposal = propose(tmp_path, header, "D1,1,00:10,wd" + "," * 22)
    assert [line for line in proposal.found if "duplicate" in line] == [
        f"{name}: duplicate name (1)" for name in "abcdefghij"]


def test_a_session_in_words_is_asked_about(tmp_path):
    proposal = propose(tmp_path, "dyad,session,time,code", "D1,intake,00:10,wd", "D1,2,00:10,wd")
    assert '# values = { intake = "?" }  # choose: sessions are numbered' in proposal.text
    assert "not a session number 'intake'" in proposal.trial
    many = propose(tmp_path, "dyad,session,time,code", "D1,7,00:10,wd", *(f"D1,s{at},00:10,wd" for at in range(21)))
    listed = ", ".join(f's{at} = "?"' for at in range(20))
    assert f"\n# values = {{ {listed} }}  # choose: sessions" in many.text


def test_a_third_party_is_asked_about(tmp_path):
    proposal = propose(tmp_path, "dyad,session,speaker,time,code", "D1,1,Therapeutin,00:10,invite",
                       "D1,1,Patient,00:20,wd", "D1,1,Mutter,00:30,wd")
    assert 'values = { Therapeutin = "therapist" }' in proposal.text
    assert "which party is meant by 'Mutter'?" in proposal.text
    assert "unknown party 'Mutter'" in proposal.trial


def test_odd_rows_and_columns_are_told(tmp_path):
    proposal = propose(tmp_path, "dyad,session,time,code,x,x,", "D1,1,00:10,wd,,,", "D1,1,00:10", "D1,1,00:20,wd,1,1,1")
    said = "\n".join(proposal.lines())
    assert "x: duplicate name (1)" in said
    assert "column 7: no name (1)" in said
    assert "rows: wrong number of cells (1)" in said
    assert fields_of(kept(proposal, tmp_path))["code"] == ("code",)


def test_personal_data_are_told_by_column_and_never_repeated(tmp_path):
    proposal = propose(tmp_path, "dyad,session,time,code,contact", "Anna Huber,1,00:10,wd,anna@example.org")
    assert {text.split(":")[0] for text in proposal.private} == {"column 'dyad'", "column 'contact'"}
    assert "Huber" not in str(proposal)
    assert "anna@" not in str(proposal)


def test_what_is_shown_is_cut_and_escaped(tmp_path):
    long = "w" * 300
    proposal = propose(tmp_path, f'dyad,session,time,code,"a<b>\tc{long}"', f"D1,1,00:10,wd,{long}",
                       *['D1,1,00:10,wd,"<i>\t"'] * 2)
    shown = proposal._repr_html_()
    assert "<i>" not in shown
    assert "a<b>" not in shown
    assert long not in "\n".join(proposal.lines())
    assert "\t" not in "\n".join(proposal.lines())


def test_files_that_cannot_be_read_are_told(tmp_path):
    for content in (b"", b"\x00", b"PK\x03\x04"):
        (tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(FileProblem):
            propose_mapping(tmp_path / "x.csv")
    with pytest.raises(FileProblem):
        propose_mapping(tmp_path / "no.csv")


def test_a_large_file_is_looked_at_in_part_and_not_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(guess, "MOST_ROWS", 10)
    monkeypatch.setattr("rupturekit.records.sniff._LARGEST_TRIAL", 10)
    proposal = propose(tmp_path, "dyad,session,time,code", *["D1,1,00:10,wd"] * 30)
    assert proposal.rows == 10
    assert proposal.trial == ""
    assert "read as proposed" not in str(proposal)


def test_a_file_of_twenty_megabytes_is_tried_and_a_larger_one_is_not(tmp_path):
    head, long = "dyad,session,time,code,note\n", "D1,1,00:10,wd,"
    rows = [f"{long}{'x' * 99_985}"] * 199
    for more, tried in (0, True), (1, False):
        size = 20_000_000 + more - len(head) - len(rows) * 100_000 - len(long) - 1
        path = written(tmp_path, head.rstrip(), *rows, f"{long}{'y' * size}")
        assert path.stat().st_size == 20_000_000 + more
        assert propose_mapping(path).trial.startswith("200 rows = 200 moves") is tried


# --- laws


names = st.sampled_from(["dyad", "session", "Sprecher", "Zeit", "code", "Kode", "rating", "WD_P", "CF_P", "t01", "t02",
                         "t03", "t04", "t05", "start_sec", "end_sec", "turn", "day", "rater", ""]) | st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=6)
values = st.sampled_from(["1", "0", "D1", "wd", "invite", "00:10", "12,5", "12.5", "n/a", "", "x", "client", "T", "60",
                          "= 1", "a b c d e f g h i j k l m n o p q r s t u v w x y z"]) | st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=6)


@given(st.lists(names, min_size=1, max_size=8), st.lists(st.lists(values, max_size=8), max_size=8),
       st.sampled_from([",", ";"]))
def test_any_table_gets_a_proposal_in_toml(tmp_path_factory, header, rows, delimiter):
    folder = tmp_path_factory.mktemp("any")
    with (folder / "sheet.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            proposal = propose_mapping(folder / "sheet.csv")
        except RuptureKitError:
            return
    tomllib.loads(proposal.text)
    tomllib.loads(proposal.codebook_text)
    if proposal.codebook_text:
        assert proposal.codebook_file
    assert proposal.trial
    assert all(line.isprintable() for line in proposal.lines() if not line.startswith("read as proposed"))
