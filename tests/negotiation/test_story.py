"""The story of one episode: the same as the columns say, told with rows and times, and never more than was seen."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_negotiation as plain
import rupturekit as rk
from needs_studies import BOOK, PARTIES, SAID, SILENT, Said, cohort_of, turns_said
from rupturekit.errors import RecordError
from rupturekit.negotiation.story import Negotiation, negotiation_of, stories, story
from rupturekit.negotiation.table import EndKind, negotiations
from rupturekit.vocabulary import Need, NeedVerb, TimeKind

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")


def told(*said: Said, stopped: bool = False) -> Negotiation:
    cohort = cohort_of({"D1": [list(said)]}, stopped=frozenset(["D1/1"] if stopped else []))
    return story(negotiations(cohort), 0)


def turn_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("  turn ")]


@settings(max_examples=80)
@given(SAID, st.booleans(), st.integers(1, 3), st.sampled_from(["as_filed", "first_party_first", "second_party_first"]))
def test_a_story_says_what_the_loop_says(session: list[Said], stopped: bool, window: int, rule: str) -> None:
    cohort = cohort_of({"D1": [[("client", "cl-re", 0)], session]}, stopped=frozenset(["D1/2"] if stopped else []))
    found = story(negotiations(cohort, window=window, tie_rule=rule), "D1/2")
    turns = turns_said(session, rule)
    assert [(PARTIES.index(turn.party), {(str(verb), str(need)) for verb, need in turn.acts}) for turn in found.turns] == turns
    assert [turn.number for turn in found.turns] == list(range(1, len(turns) + 1))
    row = {turn.number: turn.row_id for turn in found.turns}
    spells, ends = plain.spells(turns, stopped=stopped), plain.ends(turns)
    assert [(one.begin - 1, PARTIES.index(one.party), str(one.need), one.end and one.end - 1, str(one.cause), one.renewals)
            for one in found.spells] == [tuple(one) for one in spells]
    assert [(one.turn - 1, PARTIES.index(one.party), str(one.need), str(one.answer), one.answered_in and one.answered_in - 1)
            for one in found.claims] == [tuple(one) for one in plain.replies(turns, window=window)]
    assert [(one.turn - 1, str(one.kind), one.relapse and one.relapse - 1) for one in found.ends] == [tuple(one) for one in ends]
    for one in found.spells:
        assert (one.row_id, one.end_row_id) == (row[one.begin], one.end and row[one.end])
    for claim in found.claims:
        assert (claim.row_id, claim.answered_at) == (row[claim.turn], claim.answered_in and row[claim.answered_in])
    for end in found.ends:
        assert (end.row_id, end.relapse_row_id) == (row[end.turn], end.relapse and row[end.relapse])
    assert [found.rates[party].value for party in PARTIES] == [
        rate if rate is None else pytest.approx(float(rate)) for rate in (plain.rate(spells, side) for side in (0, 1))]
    product = plain.mutuality(spells)
    assert found.mutuality == (None if product is None else pytest.approx(float(product)))
    assert found.kind == (ends[0].kind if ends else None)
    assert found.observed == any(one.need == "agency" for one in spells)
    assert len(found.open) == sum(one.end is None for one in spells)
    assert found.of_nobody == sum(party is None and code != SILENT for party, code, _ in session)


@settings(max_examples=60)
@given(SAID, st.booleans())
def test_what_is_told_never_goes_beyond_what_was_seen(session: list[Said], stopped: bool) -> None:
    found = story(negotiations(cohort_of({"D1": [session]}, stopped=frozenset(["D1/1"] if stopped else []))), 0)
    text, turns = found.explain(), turns_said(session)
    agency = any(("claim", "agency") in acts for _, acts in turns)
    assert ("no negotiation observed" in text.lower()) == (not agency)
    assert text.count(" ended at turn ") == bool(plain.ends(turns))
    assert text.count(" ended ") == len(plain.ends(turns))
    assert len(turn_lines(text)) == sum(bool(acts) for _, acts in turns)
    met = sum(one.cause == "met" for one in plain.spells(turns))
    assert text.count(" is met") == met
    assert text.count("is given up, not met") == sum(one.cause == "yielded" for one in plain.spells(turns))


@settings(max_examples=30)
@given(SAID.filter(bool))
def test_one_episode_alone_tells_what_it_tells_in_its_cohort(session: list[Said]) -> None:
    cohort = cohort_of({"D0": [[("client", "cl-ag", 0)]], "D1": [session]})
    table = negotiations(cohort, window=2)
    episode = cohort.episodes[1]
    alone = negotiation_of(episode, window=2)
    instants = {turn.instant for turn in alone.turns}
    assert attrs.evolve(alone, turns=()) == attrs.evolve(story(table, 1), turns=())
    assert alone.explain() == story(table, 1).explain()
    assert len(instants) == len({when for party, _, when in session if party is not None})
    assert [one.episode for one in stories(table)] == ["D0/1", "D1/1"]


def test_a_claim_that_is_met_after_a_while_is_told_with_rows_and_times() -> None:
    found = told(("client", "cl-ag", 0), ("therapist", "ct-ag", 5), ("client", "cl-ag", 9), ("therapist", SILENT, 12),
                 ("therapist", "gr-ag", 70))
    assert found.explain() == (
        "Episode D1/1 (dyad D1): 5 turns, 4 with acts on needs; acts by needs.\n"
        "  turn 1 (row 0, 00:00): the client claims agency (answer: contested in turn 2)\n"
        "  turn 2 (row 1, 00:05): the therapist contests agency: the client's claim from turn 1 is turned down, the claim stays open\n"
        "  turn 3 (row 2, 00:09): the client claims agency again, open since turn 1 (answer: deflected)\n"
        "  turn 5 (row 4, 01:10): the therapist grants agency: the client's claim from turn 1 is met; no claim of agency is open any more\n"
        "The negotiation over agency ended at turn 5 (row 4): one party, the client alone had claimed and was met.\n"
        "Meeting rate of the client: 1 of 1 met, 1.00.\n"
        "Meeting rate of the therapist: not estimable, the therapist claimed nothing.\n"
        "Mutuality: not estimable, the therapist claimed nothing.")
    assert str(found) == found.explain()
    assert repr(found).startswith("Negotiation(episode 'D1/1': The negotiation over agency ended at turn 5 (row 4)")


def test_a_mutual_end_a_relapse_and_a_yield_are_told_in_order() -> None:
    text = told(("client", "cl-ag", 0), ("therapist", "cl-ag", 1), ("client", "gr-ag", 2), ("therapist", "gr-ag", 3),
                ("client", "cl-ag", 4), ("client", "yl-ag", 5), ("therapist", "cl-ag", 6), ("client", "cl-re", 7),
                ("client", "cl-re", 8)).explain()
    assert "ended at turn 4 (row 3): mutual, both had claimed and all was met.\n" in text
    assert "Relapse: agency was claimed again at turn 5 (row 4).\n" in text
    assert "ended again at turn 6 (row 5): one-sided, a claim was given up, which never counts as met.\n" in text
    assert "Relapse: agency was claimed again at turn 7 (row 6).\n" in text
    assert "The negotiation over agency did not end again within the episode.\n" in text
    assert "Open to the end: the therapist's claim of agency from turn 7 (row 6).\n" in text
    assert "Open to the end: the client's claim of communion from turn 8 (row 7), claimed again 1 time.\n" in text


def test_an_end_of_one_party_after_a_relapse_names_who_claimed_since() -> None:
    text = told(("client", "cl-ag", 0), ("therapist", "gr-ag", 1), ("therapist", "cl-ag", 2), ("client", "gr-ag", 3)).explain()
    assert "ended again at turn 4 (row 3): one party, the therapist alone had claimed and was met" in text


@pytest.mark.parametrize(("session", "said"), [
    ([("therapist", "gr-ag", 0), ("client", "cl-ag", 1)], "offers agency: no claim of the other is open, so there is nothing to meet"),
    ([("client", "yl-ag", 0)], "yields agency, where no claim of its own is open"),
    ([("client", "yl-ag", 0), ("client", "cl-ag", 0)], "yields agency, where no claim of its own is open; claims agency (answer"),
    ([("client", "ct-re", 0)], "contests communion, where no claim of the other is open"),
    ([("client", "cl-ag", 0), ("therapist", "ct-ag", 1), ("therapist", "gr-ag", 1)],
     "the client's claim from turn 1 is turned down, what is granted in the same turn counts; grants agency: the client's claim"),
    ([("client", "cl-ag", 0), ("client", "yl-ag", 1), ("client", "cl-ag", 1)],
     "yields agency: the claim from turn 1 is given up, not met; claims agency (answer: censored)"),
])
def test_acts_that_do_nothing_or_two_things_are_told_as_such(session: list[Said], said: str) -> None:
    assert said in told(*session).explain()


def test_no_claim_of_agency_is_no_negotiation_and_never_an_end() -> None:
    found = told(("client", "cl-re", 0), ("therapist", "gr-re", 1))
    assert found.kind is None
    assert not found.observed
    assert "No negotiation observed: nobody claimed agency.\n" in found.explain()
    assert "ended" not in found.explain()
    nothing = told(("client", SILENT, 0))
    assert "the client claimed nothing and the therapist claimed nothing" in nothing.explain()


def test_what_was_cut_off_is_told_as_not_seen() -> None:
    text = told(("client", "cl-ag", 0), ("therapist", SILENT, 1), stopped=True).explain()
    assert "The negotiation over agency was not seen to end: observation stopped before the episode was over." in text
    assert "Open when observation stopped: the client's claim of agency from turn 1 (row 0)." in text
    assert "not estimable, observation stopped while every claim of the client was open" in text
    open_text = told(("client", "cl-ag", 0)).explain()
    assert "The negotiation over agency did not end within the episode." in open_text


def test_moves_of_nobody_and_shared_instants_are_noted() -> None:
    text = told(("client", "cl-ag", 0), ("therapist", "gr-ag", 0), (None, "cl-ag", 1), (None, SILENT, 2)).explain()
    assert "Turns 1 and 2 stand at one instant: their order is by the rule as_filed, not known." in text
    assert "Left out: 1 move with an act that nobody in particular made." in text
    quiet = told(("client", SILENT, 0), ("therapist", SILENT, 0)).explain()
    assert "one instant" not in quiet
    many = told(*(said for at in range(13) for said in (("client", "cl-ag", at), ("therapist", "gr-ag", at)))).explain()
    assert many.count("stand at one instant") == 10
    assert "So do 3 more pairs of turns." in many


def test_without_a_clock_no_times_are_told() -> None:
    cohort = cohort_of({"D1": [[("client", "cl-ag", 0)]]}, coding=rk.Coding(codebook=BOOK, time=TimeKind.TURN))
    assert "turn 1 (row 0): the client claims agency" in story(negotiations(cohort), 0).explain()


def test_sessions_are_told_apart() -> None:
    cohort = cohort_of({"D1": [[("client", "cl-ag", 0)], [("therapist", "gr-ag", 0)]]})
    rows = [attrs.evolve(cohort.episodes[0].row, last_session=2)]
    moves = [move for episode in cohort.episodes for move in episode.moves]
    text = story(negotiations(rk.Cohort.of(moves, coding=cohort.coding, episodes=rows)), 0).explain()
    assert "-- session 2 --\n  turn 2 (row 1000, 00:00): the therapist grants agency: the client's claim from turn 1 is met" in text


def test_a_long_story_is_shown_in_part_and_explained_in_full() -> None:
    found = told(*(("client", "cl-ag", at) for at in range(60)))
    assert len(turn_lines(str(found))) == 50
    assert "... 10 more turns with acts ..." in str(found)
    assert len(turn_lines(found.explain())) == 60
    assert "10 more turns with acts" in found._repr_html_()
    assert found._repr_html_().count("<tr") == 52


def test_of_many_ends_the_first_and_last_are_shown_and_all_are_explained() -> None:
    found = told(*((PARTIES[at % 2], ("cl-ag", "gr-ag")[at % 2], at) for at in range(30)))
    assert len(found.ends) == 15
    assert found.explain().count(" ended ") == 15
    assert str(found).count(" ended ") == 10
    assert "... 9 more ends and relapses ..." in str(found)
    assert "more ends and relapses" in found._repr_html_()


def test_a_page_escapes_what_people_wrote() -> None:
    cohort = cohort_of({"<D1>": [[("client", "cl-ag", 0)]]})
    page = story(negotiations(cohort), 0)._repr_html_()
    assert "<D1>" not in page
    assert "&lt;D1&gt;/1" in page


def test_what_is_no_place_name_table_or_episode_is_refused() -> None:
    table = negotiations(cohort_of({"D1": [[("client", "cl-ag", 0)]]}))
    assert story(table, -1) == story(table, 0) == story(table, "D1/1")
    with pytest.raises(IndexError):
        story(table, 1)
    with pytest.raises(RecordError, match="no negotiation of episode 'D2/1'"):
        story(table, "D2/1")
    with pytest.raises(RecordError, match="negotiation_of"):
        story(table.cohort, 0)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="negotiations\\(cohort\\) looks at many"):
        negotiation_of(table.cohort)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="from 1 to 100"):
        negotiation_of(table.cohort.episodes[0], window=0)


def test_an_episode_without_moves_is_told_as_empty() -> None:
    found = story(negotiations(cohort_of({"D1": [[]]})), 0)
    assert found.turns == ()
    assert "0 turns, 0 with acts" in str(found)
    assert "No negotiation observed" in found._repr_html_()


def test_acts_are_held_as_words() -> None:
    assert told(("client", "cl-ag", 0)).turns[0].acts == ((NeedVerb.CLAIM, Need.AGENCY),)
    assert told(("client", "cl-ag", 0), ("therapist", "gr-ag", 1)).kind is EndKind.ONE_PARTY
