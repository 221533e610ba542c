"""Turns, spells, answers and ends of cohorts: against the plain loop, and the laws of the model."""

from __future__ import annotations

import copy
import functools

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import needs_studies as drawn
import oracles_negotiation as plain
import rupturekit as rk
from needs_studies import CODES, PARTIES, SAID, SILENT, STUDIES, Said, Study, cohort_of, turns_said
from rupturekit.episode import EpisodeRow
from rupturekit.errors import RecordError
from rupturekit.negotiation.acts import mapping_of_codebook
from rupturekit.negotiation.measures import meeting_counts
from rupturekit.negotiation.table import ANSWERS, END_KINDS, SPELL_ENDS, Negotiations, negotiations
from rupturekit.ties import TieRule
from rupturekit.vocabulary import Need

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

DEEP = settings(max_examples=40)
TIE_RULES = st.sampled_from([str(rule) for rule in TieRule])
MIRROR = {"client": "therapist", "therapist": "client", None: None}


def sessions_of(study: Study) -> list[list[Said]]:
    return [list(session) for sessions in study.values() for session in sessions]


def spells_of(table: Negotiations) -> list[list[plain.Spell]]:
    """Return the spells of each episode, turns counted within it."""
    spells, start = table.spells, table.turns.offsets.tolist()
    found: list[list[plain.Spell]] = [[] for _ in range(len(table))]
    for episode, party, need, begin, end, cause, renewals in zip(
            *(getattr(spells, name).tolist() for name in ("episode", "party", "need", "begin", "end", "cause", "renewals")),
            strict=True):
        found[episode].append(plain.Spell(begin - start[episode], party, plain.NEEDS[need],
                                          None if end < 0 else end - start[episode], str(SPELL_ENDS[cause]), renewals))
    return found


def ends_of(table: Negotiations) -> list[list[plain.End]]:
    ends, start = table.ends, table.turns.offsets.tolist()
    found: list[list[plain.End]] = [[] for _ in range(len(table))]
    for episode, turn, kind, relapse in zip(*(getattr(ends, name).tolist() for name in ("episode", "turn", "kind", "relapse")),
                                            strict=True):
        found[episode].append(plain.End(turn - start[episode], str(END_KINDS[kind]),
                                        None if relapse < 0 else relapse - start[episode]))
    return found


def answers_of(table: Negotiations) -> list[list[plain.Answer]]:
    claims, start = table.claims, table.turns.offsets
    found: list[list[plain.Answer]] = [[] for _ in range(len(table))]
    for turn, party, need, answer, at in zip(*(getattr(claims, name).tolist() for name in (
            "turn", "party", "need", "answer", "at")), strict=True):
        episode = int(np.searchsorted(start, turn, side="right")) - 1
        found[episode].append(plain.Answer(turn - start[episode], party, plain.NEEDS[need], str(ANSWERS[answer]),
                                           None if at < 0 else at - start[episode]))
    return found


def first_end_moves(table: Negotiations) -> list[int]:
    """Return the row_id of the move at which each episode's negotiation first ended, -1 for none."""
    return [-1 if turn < 0 else table.turns.row_id(turn + start)
            for turn, start in zip(table.first_end().tolist(), table.turns.offsets.tolist(), strict=False)]


# --- the columns -------------------------------------------------------------------------------------------------------


@DEEP
@given(STUDIES, TIE_RULES, st.integers(1, 3), st.data())
def test_columns_are_those_of_the_loop(study: Study, rule: str, window: int, data: st.DataObject) -> None:
    names = [f"{dyad}/{at}" for dyad, sessions in study.items() for at in range(1, len(sessions) + 1)]
    stopped = data.draw(st.frozensets(st.sampled_from(names)))
    table = negotiations(cohort_of(study, stopped=stopped), tie_rule=rule, window=window)
    turns = [turns_said(session, rule) for session in sessions_of(study)]
    assert np.diff(table.turns.offsets).tolist() == [len(one) for one in turns]
    assert spells_of(table) == [plain.spells(one, stopped=name in stopped) for one, name in zip(turns, names, strict=True)]
    assert answers_of(table) == [plain.replies(one, window=window) for one in turns]
    assert ends_of(table) == [plain.ends(one) for one in turns]
    assert table.first_end().tolist() == [found[0].turn if found else -1 for found in map(plain.ends, turns)]


@DEEP
@given(STUDIES)
def test_the_summary_counts_what_the_loop_counts(study: Study) -> None:
    table, sessions = negotiations(cohort_of(study)), sessions_of(study)
    turns = [turns_said(session) for session in sessions]
    spells, ends, held = [plain.spells(one) for one in turns], [plain.ends(one) for one in turns], table.summary()
    assert held["spells"] == sum(map(len, spells))
    assert held["turns"] == sum(map(len, turns))
    assert held["episodes without a claim of agency: no negotiation observed"] == sum(
        not any(spell.need == "agency" for spell in one) for one in spells)
    assert held["episodes in which one party alone claimed"] == sum(len({spell.party for spell in one}) == 1 for one in spells)
    assert held["episodes whose negotiation ended"] == sum(map(bool, ends))
    assert held["of these, with a relapse"] == sum(one[0].relapse is not None for one in ends if one)
    lasted, seen = table.held()
    assert list(zip(lasted.tolist(), seen.tolist(), strict=True)) == [
        ((len(turn) - 1 if end.relapse is None else end.relapse) - end.turn, end.relapse is not None)
        for turn, one in zip(turns, ends, strict=True) for end in one]
    for kind in ("mutual", "one_party", "one_sided"):
        assert held[f"of these, first end {kind.replace('_', ' ')}"] == sum(one[0].kind == kind for one in ends if one)
    nobody = [code for session in sessions for party, code, _ in session if party is None]
    assert held.get("moves of nobody in particular", 0) == len(nobody)
    assert held.get("of these, with an act on a need", 0) == sum(code != SILENT for code in nobody)
    replies = [one for turn in turns for one in plain.replies(turn, window=1)]
    for side, party in enumerate(PARTIES):
        assert table.answer_counts()[party] == {
            word: sum(one.party == side and one.answer == word for one in replies) for word in map(str, ANSWERS)}


def test_instants_of_both_are_counted_where_one_of_them_acts() -> None:
    both = [("client", "cl-ag", 0), ("therapist", "gr-ag", 0), ("client", SILENT, 1), ("therapist", SILENT, 1),
            ("client", SILENT, 2), ("therapist", "gr-ag", 2), ("client", "cl-ag", 3)]
    said = "instants at which both move and an act is done, in the order of the rule as_filed (see order_bounds)"
    table = negotiations(cohort_of({"D1": [both]}))
    assert table.summary()[said] == 2
    assert said not in negotiations(cohort_of({"D1": [both[-1:]]})).summary()


# --- the laws ----------------------------------------------------------------------------------------------------------


@DEEP
@given(STUDIES, TIE_RULES)
def test_parties_exchanged_leave_mutuality_and_end_and_turn_asymmetry_round(study: Study, rule: str) -> None:
    other = {dyad: [[(MIRROR[party], code, when) for party, code, when in session] for session in sessions]
             for dyad, sessions in study.items()}
    turned = {"first_party_first": "second_party_first", "second_party_first": "first_party_first"}.get(rule, rule)
    here, there = negotiations(cohort_of(study), tie_rule=rule), negotiations(cohort_of(other), tie_rule=turned)
    mine, theirs = meeting_counts(here), meeting_counts(there)
    assert mine.keys() == theirs.keys()
    for dyad, one in mine.items():
        assert one.mutuality == theirs[dyad].mutuality
        assert one.asymmetry == (None if theirs[dyad].asymmetry is None else -theirs[dyad].asymmetry)
        assert (one.rate(0), one.rate(1)) == (theirs[dyad].rate(1), theirs[dyad].rate(0))
    assert first_end_moves(here) == first_end_moves(there)
    assert ends_of(here) == ends_of(there)


@DEEP
@given(SAID, st.integers(0, 9))
def test_what_is_open_depends_on_what_came_before_alone(session: list[Said], cut: int) -> None:
    whole = negotiations(cohort_of({"D1": [session]}))
    when = session[cut][2] if cut < len(session) else 99
    part = negotiations(cohort_of({"D1": [[said for said in session if said[2] < when]]}))
    assert part.open.tolist() == whole.open.tolist()[: len(part.turns)]
    assert [one for one in ends_of(whole)[0] if one.turn < len(part.turns)] == [
        one._replace(relapse=late.relapse) for one, late in zip(ends_of(part)[0], ends_of(whole)[0], strict=False)]


@DEEP
@given(STUDIES, st.integers(1, 50), st.integers(0, 10**7))
def test_times_shifted_and_stretched_move_nothing(study: Study, scale: int, later: int) -> None:
    assert negotiations(cohort_of(study)) == negotiations(cohort_of(study, scale=scale, later=later))


@DEEP
@given(SAID, st.lists(st.tuples(st.sampled_from(PARTIES), st.integers(-1, 9)), max_size=4))
def test_turns_without_acts_change_nothing_but_numbers(session: list[Said], silent: list[tuple[str, int]]) -> None:
    taken = {(party, when) for party, _, when in session}
    at_instants = [(who, SILENT, 2 * when) for who, when in dict.fromkeys(silent) if (who, when) not in taken and when >= 0]
    between = [(who, SILENT, 2 * when + 1) for who, when in silent if when >= 0]
    plain_said = [(party, code, 2 * when) for party, code, when in session]
    with_silence = sorted([*at_instants, *plain_said, *between], key=lambda said: said[2])
    here, there = negotiations(cohort_of({"D1": [plain_said]})), negotiations(cohort_of({"D1": [with_silence]}))
    acting = there.turns.acts != 0
    assert here.open[here.turns.acts != 0].tolist() == there.open[acting].tolist()
    assert meeting_counts(here) == meeting_counts(there)
    assert [one.kind for one in ends_of(here)[0]] == [one.kind for one in ends_of(there)[0]]
    number = {turn: at for at, turn in enumerate(np.flatnonzero(acting).tolist())}
    mine = {turn: at for at, turn in enumerate(np.flatnonzero(here.turns.acts != 0).tolist())}
    assert [mine[one.turn] for one in ends_of(here)[0]] == [number[one.turn] for one in ends_of(there)[0]]


@DEEP
@given(SAID)
def test_an_episode_twice_with_a_reset_between_counts_double(session: list[Said]) -> None:
    once, twice = (negotiations(cohort_of({"D1": [session] * many})) for many in (1, 2))
    assert spells_of(twice) == spells_of(once) * 2
    assert ends_of(twice) == ends_of(once) * 2
    assert answers_of(twice) == answers_of(once) * 2
    for dyad, one in meeting_counts(once).items():
        both = meeting_counts(twice)[dyad]
        assert both.met == tuple(2 * n for n in one.met)
        assert both.yielded == tuple(2 * n for n in one.yielded)
        assert [both.rate(0), both.rate(1), both.mutuality] == [one.rate(0), one.rate(1), one.mutuality]


def swapped_needs(session: list[Said]) -> list[Said]:
    other = {"ag": "re", "re": "ag"}
    return [(party, code if code == SILENT else f"{code[:3]}{other[code[3:]]}", when) for party, code, when in session]


@DEEP
@given(STUDIES)
def test_needs_renamed_rename_the_results(study: Study) -> None:
    other = {dyad: [swapped_needs(list(session)) for session in sessions] for dyad, sessions in study.items()}
    here, there = negotiations(cohort_of(study)), negotiations(cohort_of(other))
    name = {"agency": "communion", "communion": "agency"}

    def renamed(spells: list[plain.Spell]) -> list[plain.Spell]:
        return sorted((one._replace(need=name[one.need]) for one in spells), key=lambda one: (one.begin, one.party, one.need))

    assert spells_of(there) == list(map(renamed, spells_of(here)))
    assert ends_of(there) == [plain.ends(turns_said(session), need="communion") for session in sessions_of(study)]
    for need in Need:
        assert meeting_counts(here, need=need) == meeting_counts(there, need=Need(name[need]))


@DEEP
@given(st.lists(st.tuples(st.sampled_from(PARTIES), st.sampled_from(CODES)), max_size=10), st.data())
def test_a_deflection_turned_into_a_grant_never_lowers_a_rate(said: list[tuple[str, str]], data: st.DataObject) -> None:
    session = [(party, code, at) for at, (party, code) in enumerate(said)]
    turns = turns_said(session)
    spots = [(next(at for at in range(one.turn + 1, len(turns)) if turns[at][0] != one.party), one.need)
             for one in plain.replies(turns, window=1) if one.answer == "deflected"]
    if not spots:
        return
    at, need = data.draw(st.sampled_from(spots))
    better = list(session)
    better[at] = (session[at][0], "gr-ag" if need == "agency" else "gr-re", session[at][2])
    counts = [meeting_counts(negotiations(cohort_of({"D1": [one]})))["D1"] for one in (session, better)]
    for side in (0, 1):
        before, after = counts[0].rate(side), counts[1].rate(side)
        assert (before is None) == (after is None)
        assert (before is None or after >= before)
    assert counts[0].mutuality is None or counts[1].mutuality >= counts[0].mutuality


# --- turns -------------------------------------------------------------------------------------------------------------


@DEEP
@given(STUDIES, TIE_RULES)
def test_turns_say_which_moves_they_hold_and_whether_their_order_is_known(study: Study, rule: str) -> None:
    turns = negotiations(cohort_of(study), tie_rule=rule).turns
    moves = turns.cohort.moves
    for at in range(len(turns)):
        held = turns.episodes.members[turns.turn_of == at]
        assert {moves[row].party for row in held.tolist()} == {PARTIES[turns.party[at]]}
        assert len({(moves[row].session, moves[row].onset) for row in held.tolist()}) == 1
        assert turns.row_id(at) == moves[int(held[0])].row_id
        same = [other for other in range(len(turns)) if other != at and turns.run[other] == turns.run[at]
                and moves.onset[turns.rows[other]] == moves.onset[turns.rows[at]]]
        assert bool(turns.shared[at]) == bool(same)
    assert (turns.turn_of < 0).tolist() == [moves[row].party is None for row in turns.episodes.members.tolist()]


def test_one_onset_in_two_sessions_is_two_instants() -> None:
    moves = [rk.Move(dyad="D1", session=session, track="r1", party=party, code=code, onset=0, row_id=session)
             for session, party, code in ((1, "client", "cl-ag"), (2, "client", "yl-ag"))]
    row = rk.Cohort.of(moves, coding=rk.Coding(codebook=drawn.BOOK), episodes=[attrs.evolve(
        cohort_of({"D1": [[("client", "cl-ag", 0)]]}).episodes[0].row, last_session=2)])
    table = negotiations(row)
    assert len(table.turns) == 2
    assert not table.turns.shared.any()
    assert spells_of(table) == [[plain.Spell(0, 0, "agency", 1, "yielded", 0)]]


def test_several_moves_of_a_party_at_one_instant_are_one_turn_whatever_stands_between() -> None:
    session = [("client", "cl-ag", 0), ("therapist", "gr-ag", 0), (None, "gr-re", 0), ("client", "cl-re", 0)]
    assert turns_said(session) == [(0, {("claim", "agency"), ("claim", "communion")}), (1, {("grant", "agency")})]
    table = negotiations(cohort_of({"D1": [session]}))
    assert table.turns.party.tolist() == [0, 1]
    assert table.turns.shared.all()
    assert [one.cause for one in spells_of(table)[0]] == ["met", "open"]


# --- what is asked of a table, and what is refused -------------------------------------------------------------------------


@functools.cache
def small() -> Negotiations:
    return negotiations(cohort_of({"D1": [[("client", "cl-ag", 0), ("therapist", "gr-ag", 1)]],
                                   "D2": [[("therapist", "cl-re", 0)]]}))


def test_an_episode_is_found_by_name_and_an_unknown_one_refused() -> None:
    assert small().named("D2/1") == 1
    with pytest.raises(RecordError, match="no negotiation of episode 'D9/1'; there are: D1/1, D2/1"):
        small().named("D9/1")


def test_a_table_is_equal_to_itself_copied_and_to_no_other_thing() -> None:
    assert small() == copy.deepcopy(small())
    assert small() != 3
    assert small() != negotiations(small().cohort, window=2)
    assert not copy.deepcopy(small()).spells.begin.flags.writeable


def test_a_table_shows_itself() -> None:
    assert repr(small()) == "Negotiations(2 episodes, 2 spells, 1 ends, acts by 'needs')"
    assert "1 episodes without a claim of agency: no negotiation observed" in str(small())
    assert "no negotiation observed" in small()._repr_html_()


def test_spells_as_a_frame() -> None:
    held = small().frame_columns()
    assert held["row_id"].values.tolist() == [0, 1000]
    assert held["end"].values.tolist()[0] == 1
    assert held["end"].absent is not None
    assert held["end"].absent.tolist() == [False, True]
    assert held["cause"].levels == ("met", "yielded", "open", "censored")
    assert held["cause"].values.tolist() == [0, 2]


@pytest.mark.parametrize("window", [0, 1.5, True, 101, "1", None, -1])
def test_a_window_that_is_no_number_of_turns_is_refused(window: object) -> None:
    with pytest.raises(RecordError, match="expected a whole number of turns from 1 to 100"):
        negotiations(small().cohort, window=window)  # type: ignore[arg-type]


def test_what_is_no_cohort_track_or_tie_rule_is_refused() -> None:
    with pytest.raises(RecordError, match="a cohort"):
        negotiations([1])  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="no track 'r2'"):
        negotiations(small().cohort, track="r2")
    with pytest.raises(RecordError, match="as_filed"):
        negotiations(small().cohort, tie_rule="client_last")
    assert negotiations(small().cohort, track="r1") == small()


def test_readings_of_several_raters_are_never_mixed() -> None:
    moves = [rk.Move(dyad="D1", session=1, track=track, party=party, code=code, onset=at, row_id=10 * row + at)
             for row, (track, codes) in enumerate({"r1": ("cl-ag", "gr-ag"), "r2": ("cl-ag", SILENT)}.items())
             for at, (party, code) in enumerate(zip(PARTIES, codes, strict=True))]
    rows = [EpisodeRow(episode=track, dyad="D1", track=track, first_session=1, onset=0, last_session=1, end=9)
            for track in ("r1", "r2")]
    cohort = rk.Cohort.of(moves, coding=rk.Coding(codebook=drawn.BOOK), episodes=rows)
    with pytest.raises(RecordError, match="two raters are never mixed"):
        negotiations(cohort)
    assert [meeting_counts(negotiations(cohort, track=track))["D1"].rate(0) for track in ("r1", "r2")] == [1.0, 0.0]


def test_a_cohort_without_episodes_and_episodes_without_moves_hold_nothing() -> None:
    table = negotiations(rk.Cohort.of((), coding=rk.Coding(codebook=drawn.BOOK)))
    assert len(table) == 0
    assert table.first_end().tolist() == []
    assert table.open.tolist() == []
    table = negotiations(cohort_of({"D1": [[], [("client", "cl-ag", 0)]]}))
    assert spells_of(table) == [[], [plain.Spell(0, 0, "agency", None, "open", 0)]]


@pytest.mark.parametrize(("codes", "kinds"), [
    ("C cl-ag, T cl-ag, C gr-ag, T gr-ag", ["mutual"]),
    ("C cl-ag, T cl-ag, C gr-ag, C yl-ag", ["one_sided"]),
    ("C cl-ag, T cl-ag, T gr-ag, T yl-ag", ["one_sided"]),
    ("C cl-ag, T gr-ag", ["one_party"]),
    ("C cl-ag, C yl-ag, T cl-ag, C gr-ag", ["one_sided", "one_party"]),
    ("C cl-ag, T gr-ag, T cl-ag, C gr-ag", ["one_party", "one_party"]),
    ("C cl-ag, T cl-re, T gr-ag, C yl-re", ["one_party"]),
    ("C cl-re, T gr-re", []),
    ("C cl-ag, T cl-ag, C gr-ag", []),
])
def test_kinds_of_ends_worked_out_on_paper(codes: str, kinds: list[str]) -> None:
    who = {"C": "client", "T": "therapist"}
    said = [(who[one.split()[0]], one.split()[1], at) for at, one in enumerate(codes.split(", "))]
    assert [end.kind for end in ends_of(negotiations(cohort_of({"D1": [said]})))[0]] == kinds


def test_another_window_changes_answers_and_nothing_else() -> None:
    session = [("client", "cl-ag", 0), ("therapist", SILENT, 1), ("therapist", "gr-ag", 2)]
    narrow, wide = (negotiations(cohort_of({"D1": [session]}), window=window) for window in (1, 2))
    assert answers_of(narrow)[0][0].answer == "deflected"
    assert answers_of(wide)[0][0].answer == "met"
    assert spells_of(narrow) == spells_of(wide)
    assert ends_of(narrow) == ends_of(wide)


def test_many_episodes_are_worked_on_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    study = {f"D{at}": [[("client", "cl-ag", 0), ("therapist", "gr-ag", at % 2), ("client", "cl-ag", 3)]] for at in range(7)}
    whole = negotiations(cohort_of(study))
    monkeypatch.setattr("rupturekit._kernels.open_claims.BLOCK", 2)
    assert negotiations(cohort_of(study)) == whole


def test_the_mapping_is_in_the_provenance() -> None:
    mapping = mapping_of_codebook(drawn.BOOK)
    other = negotiations(small().cohort, mapping=mapping.without("gr-ag"))
    assert len(other.ends) == 0
    assert "acts needs without gr-ag" in str(other.provenance.rules)
