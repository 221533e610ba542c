"""Laws of segmentation, over random studies and rules."""

from __future__ import annotations

import re
from typing import Any

import attrs
import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

import oracles
from rupturekit.cohort import Cohort
from rupturekit.segmentation import SegmentationRule, compare_boundaries, segment
from rupturekit.sensitivity import segment_many
from rupturekit.state_machine import StateMachine
from rupturekit.vocabulary import ClosedBy, EpisodeSource
from strategies import SECOND, Parts, models, parts, quietly, renamed, rules, shifted

studies_with_rules = parts().flatmap(
    lambda study: st.tuples(st.just(study), rules(unit=SECOND if study.coding.time.has_clock else 1)))


def drawn(cohort: Cohort) -> list[tuple[str | None, oracles.Drawn]]:
    """Return the episodes in force as the oracle tells them; those of a rule without their name."""
    return [(one.episode if one.row.source is EpisodeSource.CODERS else None, oracles.Drawn(
        one.row.dyad, tuple(move.row_id for move in one.moves), one.row.first_session, one.row.onset,
        one.row.last_session, one.row.end, one.row.closed_by, one.row.rupture_type, one.row.party))
        for one in cohort.episodes]


def key(pair: tuple[str | None, oracles.Drawn]) -> Any:
    name, one = pair
    return one.dyad, one.first_session, one.onset, name or "", one.row_ids


@given(studies_with_rules)
def test_segmentation_is_the_plain_loop(given_: tuple[Parts, SegmentationRule]) -> None:
    study, rule = given_
    cohort = quietly(segment, study.cohort(), rule)
    found = drawn(cohort)
    assert sorted(found, key=key) == sorted(oracles.in_force(study.cohort(), rule, track="r1"), key=key)
    assert [key(pair)[:3] for pair in found] == sorted(key(pair)[:3] for pair in found)
    assert [one.closed_by_outcome for one in cohort.episodes] == [
        one.row.closed_by is ClosedBy.RESOLUTION for one in cohort.episodes]
    assert {one.row.track for one in cohort.episodes} <= {"r1"}
    assert cohort.rule == rule.identity


@given(studies_with_rules)
def test_a_new_session_is_marked_where_one_begins(given_: tuple[Parts, SegmentationRule]) -> None:
    study, rule = given_
    for one in quietly(segment, study.cohort(), rule).episodes:
        sessions = [move.session for move in one.moves]
        assert one.new_session == tuple(at > 0 and session != sessions[at - 1] for at, session in enumerate(sessions))


@given(studies_with_rules)
def test_drawn_names_are_distinct_and_numbered_within_the_dyad(given_: tuple[Parts, SegmentationRule]) -> None:
    study, rule = given_
    cohort = quietly(segment, study.cohort(), rule)
    names = [one.episode for one in cohort.episodes]
    assert len(set(names)) == len(names)
    coded = {one.episode for one in cohort.coded_episodes}
    for one in cohort.episodes:
        if one.row.source is EpisodeSource.RULE:
            assert re.fullmatch(rf"{one.row.dyad}-\d+", one.episode)
            assert one.episode not in coded
            assert one.labels == ()


@given(studies_with_rules)
def test_a_dyad_is_cut_as_if_it_were_alone(given_: tuple[Parts, SegmentationRule]) -> None:
    study, rule = given_
    whole = list(quietly(segment, study.cohort(), rule).episodes)
    for dyad in sorted({move.dyad for move in study.moves}):
        rows = tuple(one for one in study.episodes if one.dyad == dyad)
        alone = attrs.evolve(study, moves=tuple(m for m in study.moves if m.dyad == dyad), episodes=rows,
                             members=tuple(m for m in study.members if m.episode in {one.episode for one in rows}))
        assert list(quietly(segment, alone.cohort(), rule).episodes) == [one for one in whole if one.row.dyad == dyad]


@given(parts(tracks=("r1", "r2")), rules())
def test_a_second_rater_changes_nothing_in_the_first_raters_segments(study: Parts, rule: SegmentationRule) -> None:
    first = study.track("r1")
    assume(first.moves)
    second = study.track("r2")
    both = attrs.evolve(first, moves=first.moves + second.moves, observed=first.observed + second.observed)
    cut = quietly(segment, both.cohort(), rule, track="r1")
    assert list(cut.episodes) == list(quietly(segment, first.cohort(), rule, track="r1").episodes)


@given(parts(), rules(across=False), st.data())
def test_shifting_a_session_in_time_shifts_its_episodes(study: Parts, rule: SegmentationRule, data: st.DataObject
                                                        ) -> None:
    unit = SECOND if study.coding.time.has_clock else 1
    by = {(move.dyad, move.session): unit * data.draw(st.integers(0, 9)) for move in study.moves}
    before, after = (drawn(quietly(segment, one.cohort(), rule)) for one in (study, shifted(study, by)))
    assert sorted(after, key=key) == sorted(((name, one._replace(
        onset=one.onset + by.get((one.dyad, one.first_session), 0), end=one.end + by.get((one.dyad, one.last_session), 0)))
        for name, one in before), key=key)


@given(parts(), rules(), models())
def test_renaming_codes_and_parties_renames_the_segments(study: Parts, rule: SegmentationRule, model: StateMachine
                                                         ) -> None:
    names, other, _ = renamed(study, model, keep=("withdrawal_marker", "confrontation_marker"))
    there = attrs.evolve(rule, opens=tuple(names[name] for name in rule.opens),
                         opened_by=tuple(names[party] for party in rule.opened_by),
                         closes_on=tuple(names[name] for name in rule.closes_on))
    before, after = drawn(quietly(segment, study.cohort(), rule)), drawn(quietly(segment, other.cohort(), there))
    assert after == [(name, one._replace(party=names[one.party])) for name, one in before]


@given(studies_with_rules)
def test_boundaries_are_compared_by_shared_moves(given_: tuple[Parts, SegmentationRule]) -> None:
    study, rule = given_
    cohort = study.cohort()
    said = quietly(compare_boundaries, cohort, rule)
    ours = {one.episode: {move.row_id for move in one.moves} for one in cohort.coded_episodes}
    cut = quietly(segment, cohort, attrs.evolve(rule, use_coded=False))
    theirs = {one.episode: {move.row_id for move in one.moves} for one in cut.episodes}
    shared = {(a, b): len(ours[a] & theirs[b]) for a in ours for b in theirs if ours[a] & theirs[b]}
    assert {(a, b): n for a, b, n, _, _ in said.pairs} == shared
    assert all((n, m) == (len(ours[a]), len(theirs[b])) for a, b, _, n, m in said.pairs)
    assert set(said.only_coded) == set(ours) - {a for a, _ in shared}
    assert set(said.only_drawn) == set(theirs) - {b for _, b in shared}
    assert (said.n_coded, said.n_drawn) == (len(ours), len(theirs))
    assert said.n_sessions == len({(move.dyad, move.session) for move in study.moves})


@given(parts(), st.lists(rules(), min_size=1, max_size=3), st.none() | models())
def test_many_rules_side_by_side_are_each_rule_alone(study: Parts, many: list[SegmentationRule],
                                                     model: StateMachine | None) -> None:
    said = quietly(segment_many, study.cohort(), many, model=model)
    cut = [quietly(segment, study.cohort(), rule) for rule in many]
    assert said.n_episodes == tuple(len(one.episodes) for one in cut)
    assert said.n_moves == tuple(sum(map(len, one.episodes)) for one in cut)
    assert [sum(closed.values()) for closed in said.closed_by] == list(said.n_episodes)
    reached = [sum(ends.values()) for ends in said.reached]
    assert reached == [0] * len(many) if model is None else all(np.array(reached) <= np.array(said.n_episodes))
