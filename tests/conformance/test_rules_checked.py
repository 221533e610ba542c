"""Rules held against episodes: every kind, window and party against a plain loop, and what is said of it."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_rules as plain
from rupturekit import kinds
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance.rules import Rule, RuleKind, RuleSet, Sought
from rupturekit.conformance.rules_checked import VERDICTS, RuleChecks, Verdict, check_rules
from rupturekit.episode import Coding, Episode, EpisodeRow, Member, Move, seconds
from rupturekit.errors import NoClock, PartyMismatch, RecordError
from rupturekit.example import example_cohort
from rupturekit.frames import to_pandas
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.ties import TieRule
from rupturekit.vocabulary import ClosedBy, TimeKind
from strategies import FUNCTIONS, PARTIES, SECOND, Parts, parts, quietly, subsets

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

STAGES = load_codebook("stages")


# --- against plain loops ------------------------------------------------------------------------------------------


def soughts(codes: tuple[str, ...] = ()) -> st.SearchStrategy[Sought]:
    """Draw what a move has to be; at least one function or code."""
    return st.builds(Sought, party=st.sampled_from([None, *PARTIES]), functions=subsets(FUNCTIONS),
                     codes=subsets(codes) if codes else st.just(())).filter(lambda one: one.functions or one.codes)


@st.composite
def rules(draw: st.DrawFn, *, codes: tuple[str, ...] = (), clock: bool = True, name: str = "r") -> Rule:
    """Draw a rule of any kind with any limit that it can have."""
    kind = draw(st.sampled_from(list(RuleKind)))
    said: dict[str, Any] = {"name": name, "kind": kind, "when": draw(soughts(codes))}
    if kind in (RuleKind.EXISTENCE, RuleKind.ABSENCE):
        return Rule(**said, times=draw(st.integers(1, 3)))
    said["other"] = draw(soughts(codes))
    if kind is RuleKind.CHAIN_RESPONSE:
        said["next_of_party"] = said["other"].party is not None and draw(st.booleans())
    elif kind is not RuleKind.NOT_COEXISTENCE:
        limit = draw(st.sampled_from(["none", "moves", "time"] if clock else ["none", "moves"]))
        said |= {"moves": {"within_moves": draw(st.integers(1, 4))}, "none": {},
                 "time": {"within": draw(st.integers(1, 4)) * SECOND}}[limit]
    return Rule(**said)


@st.composite
def studies(draw: st.DrawFn) -> Parts:
    """Draw a study whose episodes close for any reason."""
    study = draw(parts())
    return attrs.evolve(study, episodes=tuple(
        attrs.evolve(row, closed_by=draw(st.sampled_from(list(ClosedBy)))) for row in study.episodes))


@given(studies(), st.data(), st.sampled_from(list(TieRule)))
def test_every_kind_agrees_with_a_plain_loop(study: Parts, data: st.DataObject, ties: TieRule) -> None:
    cohort = study.cohort()
    codes = tuple(code.code for code in study.coding.codebook.codes)
    drawn = [data.draw(rules(codes=codes, clock=study.coding.time.has_clock, name=f"r{at}")) for at in range(3)]
    checks = quietly(check_rules, cohort, RuleSet(name="m", title="M", rules=tuple(drawn)), tie_rule=ties)
    ordered = cohort.with_episodes(checks.episodes, rule="ordered")
    assert checks.left_out == ({} if len(checks) == len(cohort.columns) else
                               {"holds no moves": len(cohort.columns) - len(checks)})
    for at, episode in enumerate(ordered.episodes):
        for place, rule in enumerate(drawn):
            expected = plain.judged(rule, episode) if can_be_shown(rule, study.coding) else []
            said = [verdict for verdict, _ in expected]
            told = [one for one in checks.judgements(episode.episode) if one.rule == rule.name]
            assert [(one.verdict, one.row_ids) for one in told] == expected
            counts = [getattr(checks, name)[place, at] for name in ("fulfilled", "violated", "undecided")]
            assert counts == [said.count(verdict) for verdict in VERDICTS[:3]]
            assert checks.activations[place, at] == len(said)
            turned = [one for one, _ in plain.judged(rule, opposite(episode))] if can_be_shown(rule, study.coding) else []
            assert checks.order_dependent[place, at] == (counts != [turned.count(verdict) for verdict in VERDICTS[:3]])
            assert VERDICTS[checks.verdict_codes()[place, at]] is summed_up(said, seen=can_be_shown(rule, study.coding))


def opposite(episode: Episode) -> Episode:
    """Return the episode with the moves of each instant in the opposite order."""
    groups = itertools.groupby(episode.moves, key=lambda move: (move.session, move.onset))
    return attrs.evolve(episode, moves=tuple(move for _, group in groups for move in reversed(list(group))))


def can_be_shown(rule: Rule, coding: Coding) -> bool:
    def by_some(sought: Sought) -> bool:
        return any((code.code in sought.codes or set(code.functions) & set(sought.functions))
                   and (sought.party is None or not code.parties or sought.party in code.parties)
                   for code in coding.codebook.codes)
    return all(by_some(sought) for sought in rule.sought)


def summed_up(said: list[Verdict], *, seen: bool) -> Verdict:
    if not seen:
        return Verdict.NOT_OBSERVABLE
    return next((verdict for verdict in (Verdict.VIOLATED, Verdict.UNDECIDED, Verdict.FULFILLED) if verdict in said),
                Verdict.VACUOUS)


@given(studies(), soughts(), soughts())
def test_a_chain_response_of_anybody_is_a_response_within_one_move(study: Parts, when: Sought, then: Sought) -> None:
    held = {"when": when, "other": then}
    both = RuleSet(name="m", title="M", rules=(
        Rule(name="chain", kind=RuleKind.CHAIN_RESPONSE, **held),
        Rule(name="one", kind=RuleKind.RESPONSE, within_moves=1, **held)))
    checks = quietly(check_rules, study.cohort(), both)
    assert (checks.verdict_codes()[0] == checks.verdict_codes()[1]).all()
    assert (checks.fulfilled[0] == checks.fulfilled[1]).all()


@given(studies(), soughts(), soughts(), st.integers(1, 4))
def test_a_wider_limit_never_turns_what_was_met(study: Parts, when: Sought, then: Sought, within: int) -> None:
    made = tuple(Rule(name=f"{kind} {n}", kind=kind, when=when, other=then, within_moves=n)
                 for kind in (RuleKind.RESPONSE, RuleKind.PRECEDENCE) for n in (within, within + 1))
    checks = quietly(check_rules, study.cohort(), RuleSet(name="m", title="M", rules=made))
    assert (checks.fulfilled[::2] <= checks.fulfilled[1::2]).all()
    assert (checks.undecided[0] <= checks.undecided[1]).all()
    assert (checks.activations[::2] == checks.activations[1::2]).all()


def test_blocks_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    held = cut()
    whole = check_rules(held, "resolution")
    monkeypatch.setattr(kinds, "blocks", lambda n: ((low, min(low + 3, n)) for low in range(0, n, 3)))
    parted = check_rules(held, "resolution")
    assert len(list(kinds.blocks_of(parted.episodes))) == -(-len(parted) // 3)
    assert (whole.activations == parted.activations).all()
    assert (whole.verdict_codes() == parted.verdict_codes()).all()


# --- single cases -------------------------------------------------------------------------------------------------


def cut(**more: Any) -> Cohort:
    rule = SegmentationRule(name="markers", opens=("withdrawal_marker", "confrontation_marker"), gap=seconds(300))
    return segment(example_cohort(), attrs.evolve(rule, **more), track="r1")


def told(said: str, rule: Rule, *, closed_by: ClosedBy = ClosedBy.CODERS, end: int | None = None,
         times: list[int] | None = None, time: TimeKind = TimeKind.CLOCK) -> RuleChecks:
    """Return what becomes of a rule in one episode: words such as `c:wd`, ten seconds apart where no times are given."""
    spoken = [word.split(":") for word in said.split()]
    at = times or [10 * place for place in range(len(spoken))]
    unit = SECOND if time.has_clock else 1
    moves = [Move(dyad="D1", session=1, track="r1", party={"c": "client", "t": "therapist"}[who], code=code,
                  onset=onset * unit, row_id=place, tie=place) for place, ((who, code), onset) in enumerate(zip(spoken, at, strict=True))]
    row = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=1,
                     end=(at[-1] if end is None else end) * unit, closed_by=closed_by)
    cohort = Cohort.of(moves, coding=Coding(codebook=STAGES, time=time), episodes=[row],
                       members=[Member(episode="E1", row_id=move.row_id) for move in moves])
    return check_rules(cohort, RuleSet(name="m", title="M", rules=(rule,)))


def verdict(checks: RuleChecks) -> list[Verdict]:
    return [one.verdict for one in checks.judgements("E1")]


RESPONSE = Rule(name="r", kind=RuleKind.RESPONSE, when=Sought(party="client", codes=("wd",)),
                other=Sought(party="therapist", functions=("notices",)))
YES, NO, OPEN = Verdict.FULFILLED, Verdict.VIOLATED, Verdict.UNDECIDED


@pytest.mark.parametrize(("said", "more", "expected"), [
    ("c:wd t:notice", {}, [YES]), ("c:wd t:validate", {}, [NO]), ("t:notice c:wd", {}, [NO]),
    ("c:wd c:wd t:notice c:wd", {}, [YES, YES, NO]), ("t:notice t:validate", {}, []),
])
def test_a_response_is_looked_for_later(said: str, more: dict[str, Any], expected: list[Verdict]) -> None:
    assert verdict(told(said, RESPONSE, **more)) == expected


@pytest.mark.parametrize(("closed_by", "expected"), [
    (ClosedBy.OBSERVATION_END, OPEN), (ClosedBy.GAP, NO), (ClosedBy.SESSION_END, NO), (ClosedBy.RESOLUTION, NO),
    (ClosedBy.CODERS, NO)])
def test_only_where_observation_stopped_is_an_open_response_undecided(closed_by: ClosedBy, expected: Verdict) -> None:
    assert verdict(told("c:wd t:validate", RESPONSE, closed_by=closed_by)) == [expected]


@pytest.mark.parametrize(("moves", "expected"), [(1, [NO, NO]), (2, [YES, NO]), (3, [YES, OPEN])])
def test_a_limit_in_moves_that_had_not_run_out_is_undecided(moves: int, expected: list[Verdict]) -> None:
    rule = attrs.evolve(RESPONSE, within_moves=moves)
    assert verdict(told("c:wd c:qual-assert t:notice c:wd t:validate c:stay", rule)) == expected
    assert verdict(told("c:wd c:qual-assert t:notice c:wd t:validate c:stay", rule, closed_by=ClosedBy.OBSERVATION_END)) == expected


@pytest.mark.parametrize(("limit", "end", "expected"), [
    (10, None, YES), (9, None, NO), (9, 10, NO), (15, 10, YES)])
def test_a_limit_in_time_counts_both_ends(limit: int, end: int | None, expected: Verdict) -> None:
    assert verdict(told("c:wd t:notice", attrs.evolve(RESPONSE, within=limit * SECOND), end=end)) == [expected]


@pytest.mark.parametrize(("end", "expected"), [(10, OPEN), (29, OPEN), (30, NO), (31, NO)])
def test_a_limit_in_time_that_had_not_run_out_is_undecided(end: int, expected: Verdict) -> None:
    assert verdict(told("c:wd t:validate", attrs.evolve(RESPONSE, within=30 * SECOND), end=end)) == [expected]


@pytest.mark.parametrize(("limit", "expected"), [(2, NO), (3, OPEN), (95, OPEN)])
def test_a_limit_in_time_ends_with_its_session(limit: int, expected: Verdict) -> None:
    said = [(1, 10, "client", "wd"), (1, 12, "client", "stay"), (2, 0, "therapist", "notice"), (2, 90, "client", "stay")]
    moves = [Move(dyad="D1", session=session, track="r1", party=party, code=code, onset=at * SECOND, row_id=place)
             for place, (session, at, party, code) in enumerate(said)]
    row = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=2, end=100 * SECOND)
    cohort = Cohort.of(moves, coding=Coding(codebook=STAGES), episodes=[row])
    rules = [attrs.evolve(RESPONSE, within=limit * SECOND), attrs.evolve(RESPONSE, name="moves", within_moves=2)]
    found = check_rules(cohort, RuleSet(name="m", title="M", rules=tuple(rules)))
    assert verdict(found) == [expected, YES]


def test_moves_at_one_instant_answer_each_other_in_the_order_of_the_tie_rule() -> None:
    found = told("c:wd t:notice", RESPONSE, times=[0, 0])
    assert verdict(found) == [YES]
    assert found.order_dependent.tolist() == [[True]]
    assert str(found.totals()[0]).endswith("; 1 hang on the order of moves at one instant")
    other = check_rules(found.cohort, found.rules, tie_rule="second_party_first")
    assert verdict(other) == [NO]
    assert verdict(check_rules(found.cohort, RuleSet(name="m", title="M", rules=(
        attrs.evolve(RESPONSE, within=SECOND),)), tie_rule=TieRule.SECOND_PARTY_FIRST)) == [OPEN]


def test_the_next_move_of_a_party_is_not_the_next_move() -> None:
    rule = attrs.evolve(RESPONSE, kind=RuleKind.CHAIN_RESPONSE)
    said = "c:wd c:stay t:notice"
    assert verdict(told(said, rule)) == [NO]
    assert verdict(told(said, attrs.evolve(rule, next_of_party=True))) == [YES]
    assert verdict(told("c:wd c:stay", attrs.evolve(rule, next_of_party=True))) == [OPEN]


def test_a_move_does_not_answer_itself() -> None:
    rule = Rule(name="again", kind=RuleKind.RESPONSE, when=RESPONSE.when, other=RESPONSE.when)
    assert verdict(told("c:wd c:wd", rule)) == [YES, NO]
    assert verdict(told("c:wd c:wd", attrs.evolve(rule, kind=RuleKind.PRECEDENCE))) == [NO, YES]
    assert verdict(told("c:wd c:wd", attrs.evolve(rule, within=30 * SECOND))) == [YES, OPEN]


def test_one_move_of_both_sorts_breaks_a_rule_against_coexistence() -> None:
    rule = Rule(name="apart", kind=RuleKind.NOT_COEXISTENCE, when=Sought(codes=("wd",)), other=Sought(functions=("withdrawal_marker",)))
    assert verdict(told("c:wd", rule)) == [NO]


# --- what cannot be asked, or not be seen ---------------------------------------------------------------------------


def test_what_no_code_shows_is_said_and_never_counted() -> None:
    hidden = attrs.evolve(RESPONSE, other=Sought(party="therapist", functions=("qualified_assertion",)))
    found = told("c:wd t:validate", hidden)
    assert found.unseen == {"r": "no code of stages shows therapist: qualified_assertion"}
    assert found.activations.tolist() == [[0]]
    assert VERDICTS[found.verdict_codes()[0, 0]] is Verdict.NOT_OBSERVABLE
    assert found.judgements("E1") == ()
    assert "not observable: no code of stages shows" in found.explain("E1")
    assert str(found.totals()[0]) == "r: not observable, no code of stages shows therapist: qualified_assertion"
    assert found.totals()[0].vacuous == 0
    strange = told("c:wd", attrs.evolve(RESPONSE, when=Sought(codes=("W9",)), other=Sought(functions=("x",))))
    assert "no code of stages shows either: code W9" in strange._repr_html_()
    assert strange.unseen["r"] == "no code of stages shows either: code W9 nor either: x"


def test_alternatives_that_no_code_shows_are_said() -> None:
    found = told("c:wd t:notice", attrs.evolve(RESPONSE, other=Sought(functions=("notices", "claims_agency"), codes=("W9",))))
    assert found.partly == {"r": "no code of stages shows claims_agency, code W9, so what was met that way is not seen"}
    assert str(found.totals()[0]).endswith("is not seen")
    assert found.totals()[0].fulfilled == 1


def test_without_a_clock_limits_in_time_are_refused() -> None:
    timed = attrs.evolve(RESPONSE, within=SECOND)
    with pytest.raises(NoClock, match=r"this study records turns, not a clock, .* have: r; limit them in moves \(within_moves\)"):
        told("c:wd t:notice", timed, time=TimeKind.TURN)
    assert verdict(told("c:wd t:notice", RESPONSE, time=TimeKind.TURN)) == [YES]


def test_parties_that_the_study_lacks_are_refused() -> None:
    with pytest.raises(PartyMismatch, match="the rules m speak of theraphist, but this study's parties are client and therapist; did you mean"):
        told("c:wd", attrs.evolve(RESPONSE, other=Sought(party="theraphist", functions=("notices",))))
    with pytest.raises(PartyMismatch, match="speak of nurse, supervisor,") as refused:
        told("c:wd", attrs.evolve(RESPONSE, when=Sought(party="supervisor", codes=("wd",)), other=Sought(party="nurse", codes=("wd",))))
    assert refused.value.value == "nurse"


def test_tracks_are_kept_apart_and_unknown_ones_refused() -> None:
    held = cut()
    assert len(check_rules(held, "resolution", track="r1")) == len(held.columns)
    assert len(check_rules(held, "resolution", track="r2")) == 0
    with pytest.raises(RecordError, match="there is no track 'r9'"):
        check_rules(held, "resolution", track="r9")
    with pytest.raises(RecordError, match="expected a cohort but got str"):
        check_rules("demo", "resolution")  # type: ignore[arg-type]


def test_episodes_without_moves_are_left_out() -> None:
    row = EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=50, last_session=1, end=60)
    move = Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)
    found = check_rules(Cohort.of([move], coding=Coding(codebook=STAGES), episodes=[row]), "resolution")
    assert (len(found), found.left_out) == (0, {"holds no moves": 1})
    assert str(found).endswith("not looked at: 1, holds no moves")
    assert found.totals()[0].share is None
    with pytest.raises(RecordError, match="no rules were checked in an episode 'E1'; checked are: none"):
        found.explain("E1")


# --- what is told ---------------------------------------------------------------------------------------------------


def test_an_episode_is_told_with_the_moves_of_each_verdict() -> None:
    found = told("c:wd t:validate", RESPONSE)
    assert found.explain("E1") == (
        "Episode E1 by the rules m:\n"
        "  r: after each move of client: code wd, therapist: notices comes later (assumption)\n"
        "    violated at move 0 (client wd, 00:00)")
    assert told("t:validate", RESPONSE).explain("E1").endswith("    vacuous: nothing was asked")
    absent = Rule(name="a", kind=RuleKind.ABSENCE, times=2, when=Sought(codes=("wd",)))
    assert told("c:wd c:wd t:wd", absent).explain("E1").endswith(
        "    violated at move 1 (client wd, 00:10), move 2 (therapist wd, 00:20)")
    assert told("c:wd", absent).explain("E1").endswith("    fulfilled")


def test_totals_add_up_and_frames_hold_one_row_an_episode_and_rule() -> None:
    found = check_rules(cut(), "resolution")
    frame = to_pandas(found)
    assert len(frame) == len(found) * len(found.rules)
    for total in found.totals():
        rows = frame[frame["rule"] == total.rule]
        assert (rows[["activations", "fulfilled", "violated", "undecided"]].sum().tolist()
                == [total.activations, total.fulfilled, total.violated, total.undecided])
        assert total.activations == total.fulfilled + total.violated + total.undecided
        assert (rows["verdict"] == "vacuous").sum() == total.vacuous
        assert (rows["verdict"] == "violated").sum() == total.with_violation
        assert total.evidence.startswith(str(found.rules[total.rule].evidence))
    answered = found.totals()[found.rules.place("marker answered")]
    assert answered.share == answered.fulfilled / (answered.fulfilled + answered.violated) < 1


def test_the_result_reads_well_and_says_where_it_comes_from() -> None:
    found = check_rules(cut(), "resolution", track="r1")
    assert repr(found).startswith(f"RuleChecks({len(found)} episodes by RuleSet('resolution', 10 rules))")
    assert "marker answered: " in str(found)
    page = found._repr_html_()
    for head in ("rule", "asks", "evidence", "activations", "fulfilled", "violated", "undecided", "vacuous", "not seen"):
        assert f">{head}<" in page
    assert [name for name, column in found.frame_columns().items() if column.closed] == ["rule", "verdict"]
    assert "Bennett, Parry &amp; Ryle" in page
    assert found.provenance.track == "r1"
    assert found.provenance.rules[-1] == found.rules.identity
    assert not found.activations.flags.writeable
    with pytest.raises(RecordError, match="no rules were checked in an episode 'nobody'"):
        found.judgements("nobody")
