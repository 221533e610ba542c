"""ELAN documents: aligned, associated and subdivided annotations, vocabularies, and everything that is wrong in them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.errors import FileProblem, InvalidRecords, RuptureKitError
from rupturekit.problems import ProblemLog
from rupturekit.records.bounded import Limits
from rupturekit.records.elan import open_eaf
from rupturekit.records.foreign import read_table
from rupturekit.records.held import HeldSheet, Hints
from rupturekit.records.mapping import parse_mapping

MAPPING = """
format = 1
name = "demo"
coding = { codebook = "stages", time = "clock" }
file = { bad_rows = "%s" }
fields.dyad.constant = "D1"
fields.session.constant = 1
fields.party = { column = "tier", values = { Klient = "client", Therapeut = "therapist", Notiz = "" } }
fields.rater.column = "annotator"
fields.code.column = "value"
fields.onset = { column = "start_s", format = "seconds" }
fields.offset = { column = "end_s", format = "seconds" }
"""
SLOTS = {"t1": 1500, "t2": 4000, "t3": 2250, "t4": 3000, "t5": None}
TYPES = """<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="codes" TIME_ALIGNABLE="true" CONTROLLED_VOCABULARY_REF="cv"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="same" TIME_ALIGNABLE="false" CONSTRAINTS="Symbolic_Association"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="parts" TIME_ALIGNABLE="false" CONSTRAINTS="Symbolic_Subdivision"/>
<CONTROLLED_VOCABULARY CV_ID="cv"><CV_ENTRY_ML CVE_ID="e1"><CVE_VALUE DESCRIPTION="" LANG_REF="und">wd</CVE_VALUE>
<CVE_VALUE LANG_REF="deu">Rückzug</CVE_VALUE></CV_ENTRY_ML><CV_ENTRY_ML CVE_ID="e2"><CVE_VALUE>invite</CVE_VALUE></CV_ENTRY_ML>
</CONTROLLED_VOCABULARY>"""


def tier(name: str, *annotations: str, type: str = "codes", more: str = "") -> str:
    inside = "".join(f"<ANNOTATION>{each}</ANNOTATION>" for each in annotations)
    return f"<TIER TIER_ID={quoteattr(name)} LINGUISTIC_TYPE_REF={quoteattr(type)} {more}>{inside}</TIER>"


def aligned(id: str, start: str, end: str, value: str, more: str = "") -> str:
    return (f'<ALIGNABLE_ANNOTATION ANNOTATION_ID="{id}" TIME_SLOT_REF1="{start}" TIME_SLOT_REF2="{end}" {more}>'
            f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>")


def referring(id: str, parent: str, value: str) -> str:
    return (f'<REF_ANNOTATION ANNOTATION_ID="{id}" ANNOTATION_REF="{parent}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>'
            "</REF_ANNOTATION>")


def document(*tiers: str, types: str = TYPES, units: str = "milliseconds", head: str = 'FORMAT="3.0"') -> str:
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="{name}"' + (f' TIME_VALUE="{at}"/>' if at is not None else "/>")
                    for name, at in SLOTS.items())
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT AUTHOR="Anna Muster" DATE="2021-01-02" {head}>'
            f'<HEADER TIME_UNITS="{units}"><MEDIA_DESCRIPTOR MEDIA_URL="file:///home/anna/muster.mp4"/></HEADER>'
            f"<TIME_ORDER>{slots}</TIME_ORDER>{''.join(tiers)}{types}</ANNOTATION_DOCUMENT>")


WHOLE = document(
    tier("Klient", aligned("a1", "t1", "t2", "wd"), more='PARTICIPANT="K" ANNOTATOR="r1"'),
    tier("Therapeut", aligned("a2", "t3", "t4", "", 'CVE_REF="e2"'), more='ANNOTATOR="r1"'),
    tier("Notiz", referring("a3", "a1", "was said"), type="same"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session 1.eaf"


def opened(path: Path, content: str) -> tuple[HeldSheet, ProblemLog]:
    path.write_text(content, encoding="utf-8")
    log = ProblemLog()
    return open_eaf(path, problems=log), log


def told(path: Path, *tiers: str, types: str = TYPES) -> list[str]:
    return [note.split(":")[0] for note in opened(path, document(*tiers, types=types))[0].notes]


# Rows

def test_annotations_become_rows_in_the_order_of_their_times(path: Path) -> None:
    sheet, log = opened(path, WHOLE)
    assert [(number, *cells[1:]) for number, cells in sheet.rows()] == [
        (1, "Klient", "K", "r1", "codes", "1.5", "4", "wd", "aligned", "a1"),
        (2, "Notiz", "", "", "same", "1.5", "4", "was said", "as its parent", "a3"),
        (3, "Therapeut", "", "r1", "codes", "2.25", "3", "invite", "aligned", "a2")]
    assert sheet.what == "ELAN document, format 3.0"
    assert sheet.notes == ()
    assert ("party", "participant") in sheet.hints.roles
    assert not log


def test_it_goes_through_a_mapping_without_names_dates_or_media(path: Path) -> None:
    path.write_text(WHOLE, encoding="utf-8")
    study = read_table(path, parse_mapping(MAPPING % "refuse"))
    assert [(move.party, move.track, move.code, move.onset, move.offset) for move in study.cohort.moves] == [
        ("client", "r1", "wd", 1_500_000, 4_000_000), ("therapist", "r1", "invite", 2_250_000, 3_000_000)]
    assert study.losses is not None
    assert study.losses.balanced
    assert not {"Anna", "Muster", "2021", "muster.mp4"} & set(str(study.losses).split())


def test_times_that_nobody_set_are_not_made_up(path: Path) -> None:
    content = document(tier("Klient", aligned("a1", "t1", "t5", "wd"), aligned("a2", "t5", "t4", "wd"),
                            aligned("a3", "t9", "t2", "wd"), aligned("a0", "t1", "t2", "wd")),
                       tier("Teile", referring("b1", "a0", "wd"), referring("b2", "a0", "wd"), type="parts"))
    sheet, _ = opened(path, content)
    assert [(cells[9], cells[5], cells[6], cells[8]) for _, cells in sheet.rows()] == [
        ("a1", "1.5", "", "not aligned"), ("a0", "1.5", "4", "aligned"), ("a2", "", "3", "not aligned"),
        ("a3", "", "4", "not aligned"), ("b1", "", "", "part of its parent"), ("b2", "", "", "part of its parent")]
    assert sheet.notes == (
        "3 annotations with a time slot that has no readable value; no time was made up: rows 1, 3, 4",
        "2 annotations without times, as parts of a symbolic subdivision; none were made up: rows 5, 6")
    mapping = (MAPPING % "drop_and_report").replace('Notiz = ""', 'Teile = "client"')
    losses = read_table(path, parse_mapping(mapping)).losses
    assert losses is not None
    assert losses.balanced
    assert [(tally.what, tally.times) for tally in losses.lost] == [("rater (annotator): no rater", 6)]


def test_rows_without_times_are_lost_with_a_reason(path: Path) -> None:
    path.write_text(document(tier("Klient", aligned("a1", "t1", "t2", "wd"), aligned("a2", "t5", "t4", "wd"),
                                  more='ANNOTATOR="r1"')), encoding="utf-8")
    losses = read_table(path, parse_mapping(MAPPING % "drop_and_report")).losses
    assert losses is not None
    assert (losses.rows, losses.moves, [tally.what for tally in losses.lost]) == (2, 1, ["onset (start_s): no onset"])
    assert losses.warnings[0].startswith("1 annotation with a time slot that has no readable value")


def test_an_annotation_that_ends_before_it_starts_is_a_bad_row(path: Path) -> None:
    path.write_text(document(tier("Klient", aligned("a1", "t2", "t1", "wd"))))
    with pytest.raises(InvalidRecords, match="ends before it starts"):
        read_table(path, parse_mapping(MAPPING % "refuse"))


# Whole sheets

COLUMNS = ("document", "tier", "participant", "annotator", "type", "start_s", "end_s", "value", "timing", "annotation")


def test_what_the_columns_are_and_what_they_could_be_read_as(path: Path) -> None:
    sheet, _ = opened(path, WHOLE)
    questions = (
        "which dyad and which session is this document? Write constant = ... in the place of column",
        'does the value of an annotation hold its code? Where the tier is the code, say column = "tier" under [fields.code]')
    roles = (("dyad", "document"), ("rater", "annotator"), ("code", "value"), ("onset", "start_s"), ("offset", "end_s"))
    assert sheet.header == COLUMNS
    assert {cells[0] for _, cells in sheet.rows()} == {"session 1"}
    assert sheet.decimal_comma is False
    assert sheet.hints == Hints(roles=(*roles, ("party", "participant")), questions=questions)
    plain, _ = opened(path, document(tier("K", aligned("a1", "t1", "t2", "wd"), more='ANNOTATOR="r1"')))
    assert plain.hints == Hints(roles=(*roles, ("party", "tier")), questions=questions)


def test_a_document_that_leaves_every_name_out(path: Path) -> None:
    """What has no name is known by having none: the one time slot, type, vocabulary and entry fit together."""
    content = """<ANNOTATION_DOCUMENT VERSION="2.5"><HEADER/>
    <ANNOTATION_VALUE>nobody's</ANNOTATION_VALUE><CVE_VALUE> out  side </CVE_VALUE><TIME_SLOT TIME_VALUE=" 7 "/>
    <ALIGNABLE_ANNOTATION/><TIER TIER_ID=" T " PARTICIPANT=" P " ANNOTATOR=" A "><ALIGNABLE_ANNOTATION CVE_REF="">
    <ANNOTATION_VALUE> a <b/> b </ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>left out<REF_ANNOTATION/></TIER>
    <LINGUISTIC_TYPE CONSTRAINTS="Symbolic Association"/>
    <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="x" CONTROLLED_VOCABULARY_REF="y"/></ANNOTATION_DOCUMENT>"""
    sheet, log = opened(path, content)
    assert [(number, *cells[1:]) for number, cells in sheet.rows()] == [
        (1, "", "", "", "", "0.007", "0.007", "out side", "aligned", ""),
        (2, "T", "P", "A", "", "0.007", "0.007", "a b", "aligned", ""),
        (3, "T", "P", "A", "", "", "", "out side", "its own parent", "")]
    assert sheet.notes == (
        "2 annotations of a kind that does not fit the linguistic type of the tier: rows 1, 2",
        "1 annotation with a value that is not in the vocabulary of their type: row 2",
        "1 annotation that refer to each other in a ring or an endless chain, so without times: row 3")
    assert sheet.what == "ELAN document, format 2.5"
    assert not log


def test_an_annotation_stands_for_an_aligned_one_at_most_twenty_steps_away(path: Path) -> None:
    chain = [referring(f"a{n}", f"a{n - 1}", "x") for n in range(1, 22)]
    sheet, _ = opened(path, document(tier("A", aligned("a0", "t1", "t2", "wd")), tier("B", *chain, type="same")))
    timing = {cells[9]: cells[8] for _, cells in sheet.rows()}
    assert timing == {"a0": "aligned", **{f"a{n}": "as its parent" for n in range(1, 21)}, "a21": "its own parent"}
    assert sheet.notes == (
        "1 annotation that refer to each other in a ring or an endless chain, so without times: row 22",)


@pytest.mark.parametrize(("text", "cell"), [
    ("0", "0"), (" 1500 ", "1.5"), ("999999999999999", "999999999999.999"), ("1" + "0" * 15, ""), ("-5", ""), ("1.5", ""),
    ("\u0661\u0662", ""), ("\u00b2", ""), ("x", ""), ("", "")])
def test_a_time_slot_is_whole_milliseconds_of_at_most_fifteen_digits(path: Path, text: str, cell: str) -> None:
    content = document(tier("K", aligned("a1", "t5", "t5", "wd"), aligned("a2", "t1", "t2", "wd")))
    sheet, _ = opened(path, content.replace('TIME_SLOT_ID="t5"/>', f'TIME_SLOT_ID="t5" TIME_VALUE="{text}"/>'))
    rows = {cells[9]: (number, *cells[5:7], cells[8]) for number, cells in sheet.rows()}
    assert rows["a1"] == (1 if cell == "0" or cell == "1.5" else 2, cell, cell, "aligned" if cell else "not aligned")


def test_constraints_that_elan_has_are_known_and_five_others_named(path: Path) -> None:
    known = ("", "Symbolic_Association", "Symbolic Association", "Symbolic_Subdivision", "Symbolic Subdivision",
             "Time_Subdivision", "Time Subdivision", "Included_In", "Included In")
    types = "".join(f'<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="k{n}" CONSTRAINTS="{name}"/>' for n, name in enumerate(known))
    assert opened(path, document(types=types))[0].notes == ()
    odd = [f'<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="o{n}" CONSTRAINTS="{n}"/>' for n in range(6)]
    for count, shown in ((5, "o0, o1, o2, o3, o4"), (6, "o0, o1, o2, o3, o4 (+1 more)")):
        assert opened(path, document(types=types + "".join(odd[:count])))[0].notes == (
            f"linguistic types with a constraint that is not known: {shown}",)


def test_who_says_what_a_document_is(path: Path) -> None:
    for head, what in (('FORMAT="3.0" VERSION="2.7"', "3.0"), (f'FORMAT="{"1" * 20}"', "1" * 20),
                       (f'FORMAT="{"1" * 21}"', "1" * 19 + "…")):
        assert opened(path, document(head=head))[0].what == f"ELAN document, format {what}"
    assert opened(path, document(units="Milliseconds"))[0].notes == ()
    assert opened(path, document(units=""))[0].notes == ()


def test_an_annotation_that_ends_before_it_starts_is_told_in_full(path: Path) -> None:
    same = aligned("a2", "t1", "t1", "wd")
    sheet, log = opened(path, document(tier("Klient", aligned("a1", "t2", "t1", "wd"), same)))
    assert [(number, cells[9]) for number, cells in sheet.rows()] == [(1, "a2")]
    assert [(each.row, each.kind, each.field, each.value, each.file, each.message) for each in log.problems] == [
        (2, "ends before it starts", "end_s", "", "session 1.eaf", "the annotation ends before it starts; mend it in ELAN")]


@pytest.mark.parametrize("cells", [30, 39])
def test_as_many_annotations_as_cells_allow_are_read(path: Path, cells: int) -> None:
    path.write_text(WHOLE, encoding="utf-8")
    assert len(list(open_eaf(path, limits=Limits(cells=cells)).rows())) == 3
    with pytest.raises(FileProblem, match="session 1.eaf: holds more than 2 annotations"):
        open_eaf(path, limits=Limits(cells=29))


# What is wrong in a document

@pytest.mark.parametrize(("tiers", "says"), [
    ([tier("K", aligned("a1", "t1", "t2", "wd"), type="gone")],
     "1 annotation on a tier whose linguistic type is not in the document"),
    ([tier("K", aligned("a1", "t1", "t2", "wd"), type="same")],
     "1 annotation of a kind that does not fit the linguistic type of the tier"),
    ([tier("K", aligned("a1", "t1", "t2", "wd"), aligned("a1", "t1", "t2", "wd"))],
     "1 annotation with an id that another one has too"),
    ([tier("K", aligned("a1", "t1", "t2", "dance"))], "1 annotation with a value that is not in the vocabulary of their type"),
    ([tier("K", aligned("a1", "t1", "t2", "wd", 'CVE_REF="e9"'))],
     "1 annotation that refer to an entry their vocabulary does not have"),
    ([tier("K", referring("a1", "a9", "wd"), type="same")],
     "1 annotation that refer to an annotation which is not there, so without times"),
    ([tier("K", referring("a1", "a2", "x"), referring("a2", "a1", "x"), type="same")],
     "2 annotations that refer to each other in a ring or an endless chain, so without times"),
])
def test_a_mistake_is_told_and_costs_no_more_than_its_annotation(path: Path, tiers: list[str], says: str) -> None:
    assert told(path, *tiers) == [says]


def test_references_on_a_tier_of_another_type_have_no_times(path: Path) -> None:
    assert told(path, tier("A", aligned("a1", "t1", "t2", "wd")), tier("K", referring("a2", "a1", "wd"))) == [
        "1 annotation that refer to another one by a type which does not say how, so without times",
        "1 annotation of a kind that does not fit the linguistic type of the tier"]


def test_units_and_constraints_that_nobody_knows_are_told(path: Path) -> None:
    types = '<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="codes" CONSTRAINTS="Telepathy"/>'
    sheet, _ = opened(path, document(tier("K", aligned("a1", "t1", "t2", "wd")), types=types, units="frames", head=""))
    assert sheet.notes == ("the document states its times in 'frames'; they were read as milliseconds",
                           "linguistic types with a constraint that is not known: codes")
    assert sheet.what == "ELAN document, format not stated"


def test_vocabularies_of_version_2_7_have_their_value_as_text(path: Path) -> None:
    types = ('<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="codes" CONTROLLED_VOCABULARY_REF="cv"/><CONTROLLED_VOCABULARY CV_ID="cv">'
             '<CV_ENTRY DESCRIPTION="">wd</CV_ENTRY></CONTROLLED_VOCABULARY>')
    assert told(path, tier("K", aligned("a1", "t1", "t2", "wd")), types=types) == []
    assert told(path, tier("K", aligned("a1", "t1", "t2", "invite")), types=types) == [
        "1 annotation with a value that is not in the vocabulary of their type"]


def test_a_value_outside_any_annotation_is_passed_over(path: Path) -> None:
    sheet, _ = opened(path, document("<ANNOTATION_VALUE>x</ANNOTATION_VALUE>"))
    assert list(sheet.rows()) == []


def test_what_is_no_document_is_refused(path: Path) -> None:
    for content, says in (("<html/>", "has no ANNOTATION_DOCUMENT"), ("tier,value", "is not well-formed XML"),
                          ("<!DOCTYPE x>" + WHOLE.partition("\n")[2], "declares a DOCTYPE")):
        path.write_text(content)
        with pytest.raises(FileProblem, match=says):
            open_eaf(path)
    path.write_text(WHOLE, encoding="utf-8")
    with pytest.raises(FileProblem, match="holds more than 2 annotations"):
        open_eaf(path, limits=Limits(cells=20))


# Against the obvious way

TIMED = st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 9999), st.sampled_from(["Klient", "Therapeut"])), max_size=12)


@given(TIMED)
def test_every_aligned_annotation_has_its_times(tmp_path_factory: pytest.TempPathFactory,
                                                events: list[tuple[int, int, str]]) -> None:
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="s{n}" TIME_VALUE="{start}"/><TIME_SLOT TIME_SLOT_ID="e{n}" '
                    f'TIME_VALUE="{start + length}"/>' for n, (start, length, _) in enumerate(events))
    tiers = [tier(who, *(aligned(f"a{n}", f"s{n}", f"e{n}", "wd") for n, event in enumerate(events) if event[2] == who))
             for who in ("Klient", "Therapeut")]
    sheet, _ = opened(tmp_path_factory.mktemp("elan") / "a.eaf", document(*tiers).replace("</TIME_ORDER>", f"{slots}</TIME_ORDER>"))
    found = [(cells[1], cells[5], cells[6]) for _, cells in sheet.rows()]
    assert sorted(found) == sorted((who, f"{start / 1000:g}", f"{(start + length) / 1000:g}") for start, length, who in events)
    starts = [float(start) for _, start, _ in found]
    assert starts == sorted(starts)


# Any text

@given(st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 40), st.text(max_size=8)), max_size=5),
       st.integers(0, 2 * len(WHOLE)))
def test_no_text_gets_more_than_a_sentence(tmp_path_factory: pytest.TempPathFactory,
                                           patches: list[tuple[int, int, str]], cut: int) -> None:
    content = WHOLE
    for at, length, patch in patches:
        content = content[:at] + patch + content[at + length:]
    path = tmp_path_factory.mktemp("fuzz") / "a.eaf"
    path.write_bytes(content[:cut].encode("utf-8", "surrogatepass"))
    with suppress(RuptureKitError):
        losses = read_table(path, parse_mapping(MAPPING % "drop_and_report")).losses
        assert losses is not None
        assert losses.balanced
