"""The latent imbalance of relatedness: what a source of its own stated, and nothing from codes."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_hypotheses as slow
from needs_studies import PARTIES
from oracles_hypotheses import staged
from rupturekit.episode import NeedStatement
from rupturekit.errors import NotEstimable, RecordError
from rupturekit.negotiation.imbalance import Imbalance, relatedness_imbalance
from rupturekit.vocabulary import Awareness, Layer, Need, NeedMode

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

STUDY = {dyad: [([("client", "cl-ag", at) for at in range(6)], [(0, 1), (2, 3), (4, 5)])] for dyad in ("D1", "D2")}
EPISODES = [f"{dyad}/1/{at}" for dyad in STUDY for at in (1, 2, 3)]


def row(episode: str | None, party: str, level: float | None, **more: Any) -> NeedStatement:
    said = {"dyad": (episode or "D1").split("/")[0], "need": Need.COMMUNION, "mode": NeedMode.WANTED, "layer": Layer.LATENT,
            "source": "interview"}
    return NeedStatement(episode=episode, party=party, level=level, **{**said, **more})  # type: ignore[arg-type]


def of(*rows: NeedStatement, mode: str = "wanted", source: str | None = None):  # type: ignore[no-untyped-def]
    return relatedness_imbalance(staged(STUDY, needs=rows), mode=mode, source=source)


ROWS = st.lists(st.builds(
    row, st.sampled_from(EPISODES[:4]), st.sampled_from(PARTIES), st.none() | st.integers(0, 8).map(float),
    need=st.sampled_from([Need.COMMUNION, Need.COMMUNION, Need.COMMUNION, Need.AGENCY]),
    mode=st.sampled_from([NeedMode.WANTED, NeedMode.WANTED, NeedMode.FEARED]),
    layer=st.sampled_from([Layer.LATENT, Layer.LATENT, Layer.LATENT, Layer.MANIFEST]),
    source=st.sampled_from(["interview", "self-report"]), rater=st.sampled_from([None, "i1", "i2"]),
    session=st.sampled_from([None, 1])), max_size=16)


@settings(max_examples=80)
@given(ROWS, st.sampled_from(["wanted", "feared"]), st.sampled_from(["interview", "self-report"]))
def test_it_is_the_difference_of_mean_levels_of_one_mode_and_source(rows: list[NeedStatement], mode: str, source: str) -> None:
    kept = [one for one in rows if (one.layer, one.need, one.mode) == ("latent", "communion", mode)]
    if source not in {one.source for one in kept}:
        with pytest.raises((NotEstimable, RecordError), match="one source" if not kept else "no latent level of communion comes from"):
            of(*rows, mode=mode, source=source)
        return
    found = of(*rows, mode=mode, source=source)
    expected = slow.imbalances(rows, mode, source)
    assert {name: one.difference for name, one in found.by_episode().items()} == pytest.approx(
        {name: float(value) for name, value in expected.items()})
    assert len(found) + found.left_out.get("a level of one party only", 0) == len(
        {one.episode for one in kept if one.source == source})


def test_who_wants_more_and_how_much_worked_out_on_paper() -> None:
    found = of(row("D1/1/1", "client", 6.0, rater="i1"), row("D1/1/1", "client", 7.0, rater="i2"), row("D1/1/1", "therapist", 3.0),
               row("D1/1/2", "client", 2.0), row("D1/1/2", "therapist", 2.0), row("D2/1/1", "client", 1.0),
               row("D2/1/1", "therapist", 4.0), row("D2/1/2", "client", 1.0))
    assert {name: (one.difference, one.size, one.wants_more) for name, one in found.by_episode().items()} == {
        "D1/1/1": (3.5, 3.5, 0), "D1/1/2": (0.0, 0.0, None), "D2/1/1": (-3.0, 3.0, 1)}
    assert found.left_out == {"a level of one party only": 1}
    assert (found.mode, found.source, found.parties, len(found)) == ("wanted", "interview", PARTIES, 3)
    assert repr(found) == "RelatednessImbalance(3 units, wanted, source interview)"
    assert found.provenance.rules == ("latent communion wanted, source interview",)


def test_the_exchange_of_parties_flips_the_difference() -> None:
    rows = [row("D1/1/1", "client", 6.0), row("D1/1/1", "therapist", 2.5)]
    other = [row("D1/1/1", PARTIES[1 - PARTIES.index(one.party)], one.level) for one in rows]
    one, two = (of(*held).found[0] for held in (rows, other))
    assert (two.difference, two.size, two.wants_more) == (-one.difference, one.size, 1)


def test_a_level_of_no_number_is_none() -> None:
    assert of(row("D1/1/1", "client", None), row("D1/1/1", "therapist", 1.0)).found == ()


def test_levels_of_sessions_are_kept_apart_from_those_of_episodes() -> None:
    found = of(row(None, "client", 3.0, session=1), row(None, "therapist", 1.0, session=1), row("D1/1/1", "client", 9.0),
               row("D1/1/1", "therapist", 0.0))
    assert [(one.session, one.episode, one.difference) for one in found.found] == [(1, None, 2.0), (None, "D1/1/1", 9.0)]
    assert list(found.by_episode()) == ["D1/1/1"]


def test_an_episode_is_one_unit_whether_or_not_a_row_says_its_session() -> None:
    found = of(row("D1/1/1", "client", 3.0), row("D1/1/1", "therapist", 1.0, session=1), row("D1/1/1", "client", 5.0, session=1))
    assert [(one.session, one.episode, one.difference) for one in found.found] == [(1, "D1/1/1", 3.0)]


@pytest.mark.parametrize(("said", "expected"), [
    ([], None), ([Awareness.AWARE], Awareness.AWARE), ([Awareness.AWARE, Awareness.AWARE], Awareness.AWARE),
    ([Awareness.AWARE, Awareness.UNAWARE], Awareness.UNKNOWN)])
def test_awareness_is_what_all_who_stated_it_agree_on(said: list[Awareness], expected: Awareness | None) -> None:
    rows = [row("D1/1/1", "client", 3.0, awareness=one) for one in said] or [row("D1/1/1", "client", 3.0)]
    found = of(*rows, row("D1/1/1", "therapist", 1.0, awareness=Awareness.UNAWARE))
    assert found.found[0].awareness == (expected, Awareness.UNAWARE)


def test_a_study_without_sources_has_one_that_is_not_recorded() -> None:
    found = of(row("D1/1/1", "client", 3.0, source=None), row("D1/1/1", "therapist", 1.0, source=None))
    assert repr(found) == "RelatednessImbalance(1 units, wanted, source not recorded)"


# --- what is refused ---------------------------------------------------------------------------------------------------


def test_coded_moves_are_no_source() -> None:
    for rows in ([], [row("D1/1/1", "client", 1.0, layer=Layer.MANIFEST)], [row("D1/1/1", "client", 1.0, need=Need.AGENCY)],
                 [row("D1/1/1", "client", 1.0, mode=NeedMode.FEARED)]):
        with pytest.raises(NotEstimable, match="one source: .* coded moves cannot stand in for it"):
            of(*rows)


def test_several_sources_are_never_mixed() -> None:
    rows = [row("D1/1/1", party, 1.0, source=source) for party in PARTIES for source in ("self-report", None)]
    with pytest.raises(RecordError, match=r"2 sources \(\(not recorded\), self-report\); say which"):
        of(*rows)
    with pytest.raises(RecordError, match="no latent level of communion comes from 'interview'"):
        of(*rows, source="interview")
    assert len(of(*rows, source="self-report")) == 1


def test_what_is_no_cohort_and_no_mode_is_refused() -> None:
    with pytest.raises(RecordError, match="expected a cohort but got str"):
        relatedness_imbalance("demo", mode="wanted")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="loved"):
        of(row("D1/1/1", "client", 1.0), mode="loved")


@given(st.fractions(-8, 8))
def test_the_place_of_who_wants_more_follows_the_sign(difference: Fraction) -> None:
    one = Imbalance(dyad="D", session=None, episode=None, difference=float(difference), awareness=(None, None))
    assert one.size == math.fabs(difference)
    assert one.wants_more == (None if difference == 0 else 0 if difference > 0 else 1)
