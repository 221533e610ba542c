"""Complementarity: against plain loops over degrees and lists, every arrangement, and the ways an order is unknown."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_complementarity as plain
import oracles_order as slow
import rupturekit as rk
from rupturekit import _random
from rupturekit.episode import Dyad, EpisodeRow, ObservedStretch
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.frames import columns_of
from rupturekit.inference.nulls import Null
from rupturekit.interpersonal.acts import plane_of, stream_of
from rupturekit.interpersonal.complementarity import (
    Complementarity,
    complementarity,
    complementarity_by_lag,
    complementary_share,
    move_pairs,
)
from rupturekit.interpersonal.fits import (
    FITS,
    NO_NEED,
    Convention,
    Fit,
    Places,
    answer_pairs,
    as_convention,
    corresponding,
    cosines,
    distances,
    fits,
    reciprocal,
    turn_numbers,
)
from rupturekit.interpersonal.placement import load_placement, parse_placement
from rupturekit.interpersonal.struggle import control_struggle
from rupturekit.ties import TieRule

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

BOOK = rk.load_codebook("sasb")
FACING = [f"{surface}-{number}" for surface in (1, 2) for number in range(1, 9)]
KIESLER, SASB = Convention.KIESLER, Convention.SASB

Said = list[tuple[str, str, int]]
"""Party, code, second."""


def cohort_of(sessions: list[Said], *, dyads: list[str] | None = None, later: int = 0, **more: object) -> rk.Cohort:
    """Return a cohort of sessions, of one dyad each unless named; all times may lie later."""
    whose = dyads or [f"D{at:02d}" for at in range(len(sessions))]
    moves = [rk.Move(dyad=whose[at], session=at + 1, track="r1", party=party or None, code=code,
                     onset=rk.seconds(when + later), row_id=100 * at + row, tie=row)
             for at, session in enumerate(sessions) for row, (party, code, when) in enumerate(session)]
    return rk.Cohort.of(moves, coding=rk.Coding(codebook=BOOK), **more)  # type: ignore[arg-type]


def alternating(codes: list[str]) -> Said:
    return [("client" if at % 2 else "therapist", code, at) for at, code in enumerate(codes)]


# --- formulas on arrays -----------------------------------------------------------------------------------------

STREAMS = st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.integers(0, 3).map(lambda n: n == 0)), max_size=12)


@given(STREAMS, st.integers(1, 3))
def test_turns_and_pairs_are_those_of_the_plain_loop(stream: list[tuple[int, bool, bool]], lag: int) -> None:
    party, placed = [who for who, _, _ in stream], [there for _, there, _ in stream]
    unit = list(itertools.accumulate(int(fresh) for _, _, fresh in stream))
    numbers = turn_numbers(np.array(party, dtype=int), unit=np.array(unit, dtype=int))
    assert [[at for at, one in enumerate(numbers) if one == turn] for turn in dict.fromkeys(numbers.tolist())] == (
        plain.turns(party, unit))
    first, second = answer_pairs(np.array(party, dtype=int), unit=np.array(unit, dtype=int),
                                 placed=np.array(placed, dtype=bool), lag=lag)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == plain.pairs(party, unit, placed, lag)


def at_degrees(*angles: float, focus: int = -1, length: float = 1.0) -> Places:
    turned = np.radians(np.array(angles, dtype=float))
    return Places(affiliation=length * np.cos(turned), control=length * np.sin(turned),
                  focus=np.full(len(angles), focus, dtype=np.int8))


ANGLES = st.integers(0, 359) | st.integers(0, 7).map(lambda eighth: 45 * eighth)


@given(ANGLES, ANGLES, st.sampled_from([0.5, 1.0, 3.0]))
def test_one_plane_agrees_with_degrees(act: int, answer: int, length: float) -> None:
    one, other = at_degrees(act, length=length), at_degrees(answer)
    assert FITS[KIESLER][fits(one, other, convention=KIESLER)[0]] == plain.kiesler(act, answer)
    assert fits(one, other, convention=KIESLER) == fits(other, one, convention=KIESLER)
    assert corresponding(one, other)[0] == plain.corresponds(act, answer)
    assert reciprocal(one, other)[0] == plain.reciprocates(act, answer)
    assert distances(one, other)[0] == pytest.approx(plain.apart(act, answer), abs=1e-6)
    assert cosines(one, other)[0] == pytest.approx(math.cos(math.radians(act + answer)), abs=1e-9)


@given(ANGLES)
def test_the_complement_fits_wholly_wherever_an_act_stands(act: int) -> None:
    one, complement, opposite = at_degrees(act), at_degrees(-act % 360), at_degrees((180 - act) % 360)
    assert FITS[KIESLER][fits(one, complement, convention=KIESLER)[0]] is Fit.COMPLEMENTARY
    assert distances(one, complement)[0] == pytest.approx(0, abs=1e-6)
    assert distances(one, opposite)[0] == pytest.approx(180, abs=1e-6)
    assert (FITS[KIESLER][fits(one, opposite, convention=KIESLER)[0]] is Fit.ANTICOMPLEMENTARY) == (act % 90 != 0)


def test_an_axis_at_zero_fits_zero_alone() -> None:
    warm, warm_and_dominant, cold = at_degrees(0), at_degrees(45), at_degrees(180)
    assert [FITS[KIESLER][fits(warm, other, convention=KIESLER)[0]].value for other in (warm, warm_and_dominant, cold)] == [
        "complementary", "acomplementary", "acomplementary"]
    nearly = Places(affiliation=np.array([1.0]), control=np.array([9e-10]), focus=np.array([-1]))
    assert fits(warm, nearly, convention=KIESLER)[0] == 0
    assert fits(warm, attrs.evolve(nearly, control=np.array([2e-9])), convention=KIESLER)[0] == 1


@pytest.mark.parametrize("act", FACING)
def test_clusters_fit_as_their_numbers_and_surfaces_say(act: str) -> None:
    sessions = [[("therapist", act, 0), ("client", answer, 1)] for answer in FACING]
    found = move_pairs(cohort_of(sessions), "sasb", convention="sasb")
    assert [FITS[SASB][kind] for kind in found.fit] == [plain.sasb(act, answer) for answer in FACING]


def test_the_complement_by_sasb_is_the_complement_on_the_shipped_plane() -> None:
    found = move_pairs(cohort_of([alternating([f"1-{n}", f"2-{n}"]) for n in range(1, 9)]), "sasb", convention="sasb")
    assert found.cosine == pytest.approx(np.ones(8))


def test_both_conventions_disagree_where_nobody_turns_to_oneself() -> None:
    warm = cohort_of([alternating(["1-3", "1-3"])])
    assert [move_pairs(warm, "sasb", convention=one).fit.tolist() for one in ("kiesler", "sasb")] == [
        [FITS[KIESLER].index(Fit.COMPLEMENTARY)], [FITS[SASB].index(Fit.SIMILAR)]]


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(RecordError, match="30 degrees, between two clusters"):
        fits(at_degrees(30, focus=0), at_degrees(0, focus=1), convention=SASB)
    with pytest.raises(RecordError, match="has no direction"):
        cosines(at_degrees(0, length=0), at_degrees(0))
    with pytest.raises(RecordError, match="at least 1 turn of the other but got 0"):
        answer_pairs(np.zeros(2), unit=np.zeros(2), placed=np.ones(2, dtype=bool), lag=0)
    with pytest.raises(RecordError, match="did you mean 'kiesler'"):
        as_convention("kiesle")
    nowhere = fits(at_degrees(0, focus=-1), at_degrees(0, focus=2), convention=SASB)
    assert FITS[SASB][nowhere[0]] is Fit.OTHER


# --- a cohort ---------------------------------------------------------------------------------------------------

SESSIONS = st.lists(st.lists(st.tuples(st.sampled_from(["client", "therapist"]), st.sampled_from([*FACING, "3-1"]),
                                       st.integers(1, 2)), min_size=2, max_size=9), min_size=1, max_size=4)


def timed(session: list[tuple[str, str, int]]) -> Said:
    times = itertools.accumulate(step for _, _, step in session)
    return [(party, code, when) for (party, code, _), when in zip(session, times, strict=True)]


@settings(max_examples=40)
@given(SESSIONS, st.sampled_from(["kiesler", "sasb"]), st.integers(1, 2), st.sampled_from([None, "client"]))
def test_shares_are_those_of_the_plain_loop_dyads_alike(sessions: list[list[tuple[str, str, int]]], convention: str,
                                                        lag: int, responder: str | None) -> None:
    made = [timed(session) for session in sessions]
    dyads = [f"D{at // 2}" for at in range(len(made))]    # two sessions a dyad
    kinds: dict[str, list[str]] = {}
    agree: dict[str, list[tuple[bool, bool]]] = {}
    places = load_placement("sasb")
    for dyad, session in zip(dyads, made, strict=True):
        parties, codes = [party for party, _, _ in session], [code for _, code, _ in session]
        for act, answer in plain.pairs(parties, [0] * len(session), [code[0] != "3" for code in codes], lag):
            if responder in (None, parties[answer]):
                angles = int(places[codes[act]].angle), int(places[codes[answer]].angle)
                agree.setdefault(dyad, []).append((plain.corresponds(*angles), plain.reciprocates(*angles)))
                kinds.setdefault(dyad, []).append(
                    plain.sasb(codes[act], codes[answer]) if convention == "sasb"
                    else plain.kiesler(*angles))
    try:
        found = complementarity(cohort_of(made, dyads=dyads), "sasb", convention=convention, lag=lag, draws=0,
                                responder=responder)
    except NotEstimable:
        placed = {party for session in made for party, code, _ in session if code[0] != "3"}
        assert len(placed) < 2 or not kinds
        return
    for kind in FITS[found.convention]:
        shares = [Fraction(held.count(kind), len(held)) for held in kinds.values()]
        assert found.shares[kind].value == pytest.approx(float(sum(shares) / len(shares)))
        assert found.counts[kind] == sum(held.count(kind) for held in kinds.values())
    for axis, estimate in enumerate((found.correspondence, found.reciprocity)):
        shares = [Fraction(sum(both[axis] for both in held), len(held)) for held in agree.values()]
        assert estimate.value == pytest.approx(float(sum(shares) / len(shares)))
    assert found.rate.n["pairs of moves"] == sum(map(len, kinds.values()))
    assert found.rate.n["dyads"] == len(kinds)


CODES = ["1-5", "2-5", "1-2", "2-6", "1-5", "2-2", "1-2", "2-2"]


@pytest.mark.parametrize("null", [Null.TURNS, Null.RUNS])
def test_p_and_gain_are_those_of_all_arrangements(null: Null) -> None:
    session = alternating([*CODES, "3-1", "2-2", "1-5"])    # an introject stays where it is
    found = complementarity(cohort_of([session]), "sasb", convention="sasb", null=null, draws=4999, alpha=0.9)
    codes = [code for _, code, _ in session]
    party = [0 if who == "client" else 1 for who, _, _ in session]
    placed = [code != "3-1" for code in codes]
    names = sorted(set(codes))
    pairs = plain.pairs(party, [0] * len(party), placed, 1)

    def hits(way: tuple[int, ...]) -> int:
        return sum(plain.sasb(names[way[act]], names[way[answer]]) == "complementary" for act, answer in pairs)

    content = [names.index(code) for code in codes]
    ways = [hits(way) for way in slow.arranged(null.value, party, content, [not there for there in placed])]
    observed = hits(tuple(content))
    exact = sum(way >= observed for way in ways) / len(ways)
    assert found.gain is not None
    assert found.gain.test is not None
    assert found.gain.test.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 4999) ** 0.5 + 1e-3)
    expected = sum(ways) / len(ways)
    spread = (sum((way - expected) ** 2 for way in ways) / len(ways)) ** 0.5
    assert found.gain.value == pytest.approx((observed - expected) / len(pairs), abs=4 * spread / len(pairs) / 4999 ** 0.5)
    assert "placed moves of the session" in found.gain.test.holds or null is Null.RUNS


def several(n: int = 9) -> list[Said]:
    """Return sessions in which the client answers in kind, but for some."""
    return [alternating([f"{surface}-{1 + (at * step + shift * (surface == 2)) % 8}"
                         for step in range(6) for surface, shift in ((1, 0), (2, int(step == at % 6)))])
            for at in range(n)]


def numbers(found: Complementarity) -> list[object]:
    estimates = [*found.shares.values(), found.gain, found.correspondence, found.reciprocity, found.cosine, found.distance]
    return [(one.value, one.interval, one.test) for one in estimates if one is not None]


def test_a_shift_of_time_and_the_order_of_rows_move_nothing() -> None:
    sessions = several()
    found = complementarity(cohort_of(sessions), "sasb", convention="sasb", draws=199)
    assert numbers(complementarity(cohort_of(sessions, later=77), "sasb", convention="sasb", draws=199)) == numbers(found)
    cohort = cohort_of(sessions)
    turned = rk.Cohort.of(list(cohort.moves)[::-1], coding=cohort.coding)
    assert complementarity(turned, "sasb", convention="sasb", draws=199) == found
    assert complementarity(cohort, "sasb", convention="sasb", draws=199, seed=2) != found


def test_an_arrangement_of_one_dyad_hangs_on_no_other() -> None:
    alone = complementarity(cohort_of(several(1)), "sasb", convention="sasb", draws=199, alpha=0.9)
    others = [alternating(["1-1"] * 6), alternating(["1-1"])]    # the last has no pair at all
    among = complementarity(cohort_of([*several(1), *others]), "sasb", convention="sasb", draws=199, alpha=0.9)
    assert alone.gain is not None
    assert among.gain is not None
    assert among.gain.value == pytest.approx(alone.gain.value / 2)    # the other dyad cannot gain


def test_fit_beyond_chance_is_found_and_read_out() -> None:
    found = complementarity(cohort_of(several()), "sasb", convention="sasb")
    assert found.rate.value == pytest.approx(np.mean([sum(
        plain.sasb(a[1], b[1]) == "complementary" for a, b in itertools.pairwise(s)) / 11 for s in several()]))
    assert found.gain is not None
    assert found.gain.test is not None
    assert found.gain.test.p < 0.05
    assert found.gain.value == pytest.approx(found.gain.test.statistic - found.gain.test.expected, abs=1e-12)
    assert found.gain.test.statistic == found.rate.value
    assert found.gain.interval is not None
    assert repr(found).startswith("Complementarity(sasb, lag 1, 0.")
    assert found.rate.provenance is not None
    assert any(rule.startswith("placement sasb:") for rule in found.rate.provenance.rules)
    text = str(found)
    assert NO_NEED in text
    assert "complementarity after sasb, lag 1" in text
    assert "degrees" in text
    for estimate in (*found.shares.values(), found.gain, found.cosine, found.distance):
        assert NO_NEED in estimate.summary()
        assert NO_NEED in estimate.row()["warnings"]
        assert "after sasb" in estimate.methods()


def test_chance_alone_is_not_found_more_often_than_stated() -> None:
    """Random codes in 80 studies of six sessions: p at or below .2 in a fifth of them, within Monte Carlo error."""
    hits = []
    for study in range(80):
        draws = _random.below(_random.key(study, cluster="level", purpose="test"), 6 * 16, 8)
        sessions = [alternating([f"{1 + at % 2}-{1 + n}" for at, n in enumerate(draws[16 * row : 16 * row + 16].tolist())])
                    for row in range(6)]
        found = complementarity(cohort_of(sessions), "sasb", convention="sasb", draws=99)
        assert found.gain is not None
        assert found.gain.test is not None
        hits.append(found.gain.test.p <= 0.2)
    assert sum(hits) / 80 < 0.2 + 3 * (0.2 * 0.8 / 80) ** 0.5


def persisting(study: int, goes_on: int) -> list[Said]:
    """Return four sessions in which nobody answers anybody; each goes on as before in so many of ten moves."""
    draws = _random.below(_random.key(study, cluster="persist", purpose="test"), 4 * 40 * 2, 40).reshape(4, 40, 2).tolist()
    made = []
    for session in draws:
        held, codes = [0, 0], []
        for at, (chance, kind) in enumerate(session):
            held[at % 2] = held[at % 2] if at > 1 and chance % 10 < goes_on else kind % 8
            codes.append(f"{1 + at % 2}-{1 + held[at % 2]}")
        made.append(alternating(codes))
    return made


def gain_of(said: list[Said], null: str) -> tuple[bool, bool]:
    """Return whether the gain warns of persisting streams, and whether p is at or below .2."""
    gain = complementarity(cohort_of(said), "sasb", convention="sasb", null=null, draws=99).gain
    assert gain is not None
    assert gain.test is not None
    return any("take null=" in text for text in gain.warnings), gain.test.p <= 0.2


def test_streams_that_only_persist_are_warned_of_and_hold_under_runs() -> None:
    """Over 40 studies: the warning stands under `turns` where acts persist, and nowhere else; `runs` keeps its level."""
    kept = [[gain_of(persisting(study, 8), null) for study in range(40)] for null in ("turns", "runs")]
    moved = [gain_of(persisting(study, 0), "turns") for study in range(40)]
    assert [{warned for warned, _ in held} for held in (*kept, moved)] == [{True}, {False}, {False}]
    often = [sum(rejected for _, rejected in held) / 40 for held in (*kept, moved)]
    assert max(often[1:]) < 0.2 + 3 * (0.2 * 0.8 / 40) ** 0.5
    assert often[0] > often[1]


def test_lags_and_responders_are_apart() -> None:
    led = [alternating(["1-5", "2-1", "1-2", "2-5", "1-3", "2-2", "1-6", "2-3", "1-1", "2-6"]) for _ in range(2)]
    first, second = complementarity_by_lag(cohort_of(led), "sasb", convention="sasb", lags=(1, 2), responder="client", draws=99)
    assert (first.lag, second.lag, first.responder) == (1, 2, "client")
    assert (first.rate.value, second.rate.value) == (0.0, 1.0)
    assert "answers of the client" in second.rate.what
    other = complementarity(cohort_of(led), "sasb", convention="sasb", responder="therapist", draws=0)
    assert other.rate.n["pairs of moves"] == 8
    assert other.gain is None
    assert "gain" not in repr(other) + str(other)


# --- at one instant ----------------------------------------------------------------------------------------------


def test_an_order_that_nobody_recorded_is_shown() -> None:
    at_once: Said = [("therapist", "1-5", 0), ("client", "2-5", 1), ("therapist", "1-2", 1), ("client", "2-2", 2)]
    filed = complementarity(cohort_of([at_once]), "sasb", convention="sasb", draws=0)
    assert filed.rate.value == pytest.approx(2 / 3)
    assert filed.over_orders == (pytest.approx(2 / 3), 0.5)
    assert any("at 1 instants both parties move" in text for text in filed.rate.warnings)
    second = complementarity(cohort_of([at_once]), "sasb", convention="sasb", draws=0, tie_rule="second_party_first")
    assert second.rate.value == 0.5    # both of the therapist's are answered by 2-5 then
    alone: Said = [("therapist", "1-5", 0), ("client", "2-5", 0)]
    one = complementarity(cohort_of([alone]), "sasb", convention="sasb", draws=0, responder="client")
    assert one.over_orders == (None, 1.0)
    assert "no pair" in str(one)


def test_moves_of_one_party_at_one_instant_are_no_question_of_order() -> None:
    said: Said = [("therapist", "1-5", 0), ("therapist", "1-2", 0), ("client", "2-5", 1)]
    found = complementarity(cohort_of([said]), "sasb", convention="sasb", draws=0)
    assert found.over_orders == (0.5, 0.5)
    assert not any("instants" in text for text in found.rate.warnings)


# --- within episodes ---------------------------------------------------------------------------------------------

RULE = rk.SegmentationRule(name="whole", opens=("blames",), gap=None)


def test_within_episodes_only_their_pairs_count_and_their_ends_stay() -> None:
    session = alternating(["1-5", "2-5", "1-2", "2-6", "1-5", "2-2", "1-2", "2-5", "1-3", "2-2"])
    drawn = [EpisodeRow(episode="E1", dyad="D00", track="r1", first_session=1, onset=rk.seconds(2), last_session=1,
                        end=rk.seconds(8))]
    cohort = cohort_of([session, session], episodes=drawn)
    found = complementarity(cohort, "sasb", convention="sasb", within=cohort.columns, rule=RULE, draws=199, alpha=0.9)
    inside = [code for _, code, _ in session[2:9]]
    assert found.rate.value == sum(plain.sasb(a, b) == "complementary" for a, b in itertools.pairwise(inside)) / 6
    assert found.rate.n["episodes"] == 1
    plane = plane_of(cohort, "sasb", convention="sasb", track="r1")
    stream = stream_of(cohort, "r1", within=cohort.columns, rule=RULE)
    assert stream.fixed.tolist() == [True, *[False] * 5, True]
    (_, made), = plane.acts(stream).exchanged(Null.TURNS)
    assert sorted(place for one in made for place in one.places.tolist()) == [1, 2, 3, 4, 5]
    with pytest.raises(RecordError, match="name the rule that drew them"):
        complementarity(cohort, "sasb", convention="sasb", within=cohort.columns)


def test_what_the_rule_looks_at_stays() -> None:
    codes = ["invite", "wd", "invite", "self-assert", "facilitate", "wd", "invite", "self-assert"]
    moves = [rk.Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=when, row_id=when)
             for party, code, when in alternating(codes)]
    rule = attrs.evolve(RULE, opens=("withdrawal_marker",))
    cohort = rk.segment(rk.Cohort.of(moves, coding=rk.Coding(codebook="stages")), rule)
    assert stream_of(cohort, "r1", within=cohort.columns, rule=rule).fixed.tolist() == [
        code == "wd" for code in codes[1:]]


def test_a_pair_does_not_cross_sessions_inside_an_episode() -> None:
    session = alternating(["1-5", "2-5", "1-2"])
    drawn = [EpisodeRow(episode="E1", dyad="D1", track="r1", first_session=1, onset=0, last_session=2, end=rk.seconds(2)),
             EpisodeRow(episode="E0", dyad="D1", track="r1", first_session=1, onset=rk.seconds(9), last_session=1, end=rk.seconds(9))]
    cohort = cohort_of([session, session], dyads=["D1", "D1"], episodes=drawn)
    found = complementarity(cohort, "sasb", convention="sasb", within=cohort.columns, rule=RULE, draws=0)
    assert found.rate.n["pairs of moves"] == 4
    assert complementarity(cohort, "sasb", convention="sasb", draws=0).rate.n["pairs of moves"] == 4


def test_nothing_follows_across_time_that_nobody_coded() -> None:
    session: Said = [("therapist", "1-5", 0), ("client", "1-6", 1), ("therapist", "1-5", 30), ("client", "1-6", 31)]
    seen = [ObservedStretch(dyad="D00", session=1, track="r1", start=rk.seconds(low), end=rk.seconds(low + 9)) for low in (0, 30)]
    drawn = [EpisodeRow(episode="E1", dyad="D00", track="r1", first_session=1, onset=0, last_session=1, end=rk.seconds(31))]
    whole, broken = (cohort_of([session], observed=held, episodes=drawn) for held in ([], seen))
    for cohort, pairs, runs in ((whole, 3, [4]), (broken, 2, [2, 2])):
        assert len(move_pairs(cohort, "sasb", convention="kiesler")) == pairs
        inside = complementarity(cohort, "sasb", convention="kiesler", within=cohort.columns, rule=RULE, draws=0)
        assert inside.rate.n["pairs of moves"] == pairs
        assert [one.turns for one in control_struggle(cohort, "sasb", at_least=2).runs] == runs
    share = complementary_share(broken, "sasb", convention="kiesler")
    assert share(np.arange(1, 3)) is None
    assert share(np.arange(4)) == 0


# --- what is not estimable ---------------------------------------------------------------------------------------


def test_too_little_is_said() -> None:
    for nobody in ([("therapist", "1-5", 0), ("client", "3-1", 1)], [("therapist", "1-5", 0), ("therapist", "1-5", 1)]):
        with pytest.raises(NotEstimable, match="the client has no placed move in track 'r1'"):
            complementarity(cohort_of([nobody]), "sasb", convention="kiesler")
    with pytest.raises(NotEstimable, match="answered by a placed move at lag 3 by the client"):
        complementarity(cohort_of([alternating(CODES[:4])]), "sasb", convention="sasb", lag=3, responder="client")
    with pytest.raises(NotEstimable, match="stand at one place"):
        complementarity(cohort_of([alternating(["1-5", "2-5"] * 4)] * 3), "sasb", convention="sasb")
    with pytest.raises(NotEnoughData, match="smallest p attainable"):
        complementarity(cohort_of([alternating(["1-5", "2-5", "1-2"])]), "sasb", convention="sasb")
    for word, more in (("responder", {"responder": "nurse"}), ("turns or runs", {"null": "interleaving"}),
                       ("tie rule", {"tie_rule": "coin"}), ("whose complementarity", {"convention": "leary"})):
        with pytest.raises(RecordError, match=word):
            complementarity(cohort_of([alternating(CODES)]), "sasb", **{"convention": "sasb", **more})  # type: ignore[arg-type]


MINE = """
format = 1
name = "mine"
title = "Two codes"
codebook = "sasb"
[[places]]
code = "1-5"
angle = 90
[[places]]
code = "2-5"
angle = 270
focus = "self"
"""


def test_what_gave_no_pair_is_counted() -> None:
    said: Said = [("therapist", "1-5", 0), ("client", "2-5", 1), ("", "1-5", 2), ("client", "1-1", 3), ("therapist", "1-5", 4)]
    cohort = cohort_of([said, [("client", "2-5", 0)]])
    found = complementarity(cohort, parse_placement(MINE), convention="kiesler", draws=0)
    assert dict(found.left_out) == {
        "moves whose party is not recorded": 1, "moves that are no placed act towards the other": 1,
        "placed moves without a placed answer at this lag": 2, "dyads without a pair": 1}
    assert found.rate.value == 1
    with pytest.raises(NotEstimable, match="the therapist has no placed move"):    # 1-5 states no focus here
        complementarity(cohort, parse_placement(MINE), convention="sasb", draws=0)


def test_intervals_rest_on_the_highest_level() -> None:
    dyads = [Dyad(dyad=f"D{at:02d}", therapist=f"T{at // 2}") for at in range(9)]
    cohort = rk.Cohort.of(cohort_of(several()).moves, coding=rk.Coding(codebook=BOOK), dyads=dyads)
    governed = complementarity(cohort, "sasb", convention="sasb", draws=0)
    assert governed.rate.governed_by == "therapist"
    assert governed.rate.n["therapists"] == 5


# --- pairs and shares for other uses -----------------------------------------------------------------------------


def test_pairs_as_columns_and_as_a_measure() -> None:
    cohort = cohort_of(several(2))
    found = move_pairs(cohort, "sasb", convention="kiesler")
    columns = columns_of(found)
    assert len(columns["act"].values) == len(found) == 22
    assert columns["fit"].levels == ("complementary", "acomplementary", "anticomplementary")
    assert columns["answer"].values.tolist() == (columns["act"].values + 1).tolist()
    assert repr(found) == "MovePairs(22 pairs at lag 1, kiesler)"
    assert str(found).endswith(NO_NEED)
    for convention in Convention:
        share = complementary_share(cohort, "sasb", convention=convention)
        whole = move_pairs(cohort, "sasb", convention=convention)
        assert share(np.arange(24)) == pytest.approx((whole.fit == 0).mean())
        assert share(np.arange(0)) is None
        for kind, held in ((FITS[convention][1], whole.fit == 1), ("correspondence", whole.corresponds),
                           ("reciprocity", whole.reciprocates)):
            other = complementary_share(cohort, "sasb", convention=convention, kind=kind)
            assert other(np.arange(24)) == pytest.approx(held.mean())
        assert f"  reciprocal on control: {whole.reciprocates.sum()}" in str(whole)
    with pytest.raises(RecordError, match="kind is 'similar'; expected one of complementary, acomplementary, anticomplementary, "
                                          "correspondence, reciprocity"):
        complementary_share(cohort, "sasb", convention="kiesler", kind="similar")
    assert complementary_share(cohort, "sasb", convention="sasb", lag=2)(np.arange(3)) is None


# --- control struggle --------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(SESSIONS, st.integers(2, 3))
def test_struggles_are_those_of_the_plain_loop(sessions: list[list[tuple[str, str, int]]], at_least: int) -> None:
    made = [timed(session) for session in sessions]
    places, runs, shares = load_placement("sasb"), [], []
    for at, session in enumerate(made):
        held = plain.turns([party for party, _, _ in session], [0] * len(session))
        control = [[round(math.sin(math.radians(places[session[row][1]].angle)), 12) for row in turn if session[row][1][0] != "3"]
                   for turn in held]
        found = plain.runs_of_control(control, at_least)
        runs += [(f"D{at:02d}", 100 * at + held[low][0], 100 * at + held[high][-1], high - low + 1) for low, high in found]
        if any(control):
            shares.append(Fraction(sum(high - low + 1 for low, high in found), sum(map(bool, control))))
    try:
        done = control_struggle(cohort_of(made), "sasb", at_least=at_least)
    except NotEstimable:
        assert len({party for session in made for party, code, _ in session if code[0] != "3"}) < 2
        return
    assert [(one.dyad, one.first, one.last, one.turns) for one in done.runs] == runs
    assert done.share.value == pytest.approx(float(sum(shares) / len(shares)))


def test_a_struggle_is_read_out() -> None:
    said: Said = [("therapist", "1-5", 0), ("client", "1-6", 1), ("therapist", "1-5", 1), ("client", "3-1", 3), ("", "1-5", 4)]
    found = control_struggle(cohort_of([said]), "sasb", at_least=2)
    assert found.runs[0].turns == 3
    assert found.share.value == 1.0
    assert repr(found) == "ControlStruggle(1 of 2 turns or more, share 1.000)"
    text = str(found)
    assert NO_NEED in text
    assert "left out: 1 turns without a place" in text
    assert "first_party_first" in text
    assert found.share.n["turns"] == 3
    reordered = control_struggle(cohort_of([said]), "sasb", at_least=2, tie_rule=TieRule.SECOND_PARTY_FIRST)
    assert reordered.runs[0].turns == 2
    with pytest.raises(RecordError, match="at least 2 turns"):
        control_struggle(cohort_of([said]), "sasb", at_least=1)


@pytest.mark.parametrize("wrong", [0, 1.5, True, "1"])
def test_lags_and_lengths_are_whole_numbers(wrong: int) -> None:
    cohort = cohort_of([alternating(["1-5", "2-5", "1-2", "2-2"])])
    with pytest.raises(RecordError, match="expected a lag of at least 1 turn of the other but got"):
        complementarity(cohort, "sasb", convention="sasb", lag=wrong, draws=0)
    with pytest.raises(RecordError, match="at_least is .*; a struggle needs two"):
        control_struggle(cohort, "sasb", at_least=wrong)
