"""Bounds over orders at shared instants: against every order written out, one by one, with the plain loop."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles_negotiation as plain
import rupturekit as rk
from needs_studies import BOOK, CODES, PARTIES, SAID, SILENT, STUDIES, Said, Study, cohort_of, turns_said
from oracles_negotiation import Turn
from rupturekit.errors import RecordError
from rupturekit.negotiation import bounds as module
from rupturekit.negotiation.bounds import Bound, BoundKind, OrderBounds, order_bounds
from rupturekit.negotiation.table import negotiations
from rupturekit.vocabulary import Need

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

CROWDED = st.lists(st.tuples(st.sampled_from(PARTIES), st.sampled_from([*CODES, "cl-ag", "gr-ag"]), st.integers(0, 3)),
                   max_size=9).map(lambda made: sorted(made, key=lambda said: said[2]))


def orders(session: Sequence[Said]) -> list[list[Turn]]:
    """Return the turns of a session in every order: at each instant as filed, and turned round."""
    groups = [turns_said(list(group)) for _, group in itertools.groupby(session, key=lambda said: said[2])]
    ways = [[group, group[::-1]] if len(group) == 2 and (group[0][1] or group[1][1]) else [group] for group in groups]
    return [[turn for group in way for turn in group] for way in itertools.product(*ways)]


def spread(values: list[Fraction | None]) -> tuple[float, float] | None:
    known = [float(value) for value in values if value is not None]
    return (min(known), max(known)) if known else None


def held(bound: Bound) -> tuple[float, float] | None:
    return None if bound.low is None or bound.high is None else (bound.low, bound.high)


def approx(pair: tuple[float, float] | None) -> object:
    return None if pair is None else pytest.approx(pair)


@settings(max_examples=80)
@given(st.lists(CROWDED | SAID, min_size=1, max_size=3), st.booleans(), st.sampled_from([None, *Need]))
def test_bounds_are_those_of_all_orders(sessions: list[list[Said]], stopped: bool, need: Need | None) -> None:
    names = frozenset(f"D1/{at}" for at in range(1, 4)) if stopped else frozenset()
    found = order_bounds(cohort_of({"D1": sessions}, stopped=names), need=need)
    assert len(found) == len(sessions)
    for one, session in zip(found, sessions, strict=True):
        ways = orders(session)
        spells = [[spell for spell in plain.spells(way, stopped=stopped) if need is None or spell.need == need] for way in ways]
        assert one.orders == len(ways) == 2**one.instants
        for side, party in enumerate(PARTIES):
            rates = [plain.rate(way, side) for way in spells]
            assert held(one.rates[party]) == approx(spread(rates))
            assert one.rates[party].always == (None not in rates)
        products = [plain.mutuality(way) for way in spells]
        assert held(one.mutuality) == approx(spread(products))
        assert one.mutuality.always == (None not in products)
        ends = [plain.ends(way) for way in ways]
        assert one.ends == (all(map(bool, ends)), any(map(bool, ends)))
        assert held(one.first_end) == approx(spread([Fraction(way[0].turn) if way else None for way in ends]))
        assert one.kind is BoundKind.EXACT


@settings(max_examples=50)
@given(STUDIES, st.booleans())
def test_what_is_pooled_lies_within_its_outer_bounds_in_every_order(study: Study, stopped: bool) -> None:
    names = frozenset(["D1/1", "D2/1"]) if stopped else frozenset()
    found = order_bounds(negotiations(cohort_of(study, stopped=names)))
    both = found.mutuality_by_dyad()
    for dyad, sessions in study.items():
        ways = [[plain.spells(way, stopped=stopped and at == 0) for way in orders(session)] for at, session in enumerate(sessions)]
        pooled = [[spell for one in way for spell in one] for way in itertools.product(*ways)]
        bounds = [*(found.rates_by_dyad(party)[dyad] for party in PARTIES), both[dyad]]
        for bound, rates in zip(bounds, [[plain.rate(one, side) for one in pooled] for side in (0, 1)]
                                + [[plain.mutuality(one) for one in pooled]], strict=True):
            seen = spread(rates)
            assert (seen is None) == (bound.low is None)
            assert bound.always == (None not in rates)
            if seen is not None and bound.low is not None and bound.high is not None:
                assert bound.low <= seen[0] + 1e-12
                assert bound.high >= seen[1] - 1e-12
                assert bound.kind is not BoundKind.EXACT or (bound.low, bound.high) == pytest.approx(seen)


@settings(max_examples=30)
@given(STUDIES)
def test_every_tie_rule_gives_values_within_the_bounds(study: Study) -> None:
    found = order_bounds(cohort_of(study))
    for rule in ("as_filed", "first_party_first", "second_party_first"):
        table = negotiations(found.table.cohort, tie_rule=rule)
        for first, one in zip(table.first_end().tolist(), found, strict=True):
            assert one.ends[0] <= (first >= 0) <= one.ends[1]
            if first >= 0:
                assert one.first_end.low <= first <= one.first_end.high  # type: ignore[operator]
        again = order_bounds(table)
        assert np.array_equal(again.rate, found.rate, equal_nan=True)


def crowd(instants: int) -> list[Said]:
    """Return a claim of the client and a grant of the therapist at each of many instants, the grant filed first."""
    return [said for at in range(instants) for said in (("therapist", "gr-ag", at), ("client", "cl-ag", at))]


def test_bounds_worked_out_on_paper() -> None:
    found = order_bounds(cohort_of({"D1": [[("client", "cl-ag", 0), ("therapist", "gr-ag", 0)]]}))[0]
    assert held(found.rates["client"]) == (0.0, 1.0)
    assert found.rates["therapist"].low is None
    assert found.ends == (False, True)
    assert held(found.first_end) == (1, 1)
    assert str(found) == (
        "Episode D1/1: 1 ambiguous instant, 2 orders gone through\n"
        "  meeting rate of the client: 0 to 1 (exact)\n"
        "  meeting rate of the therapist: not estimable in any order\n"
        "  mutuality: not estimable in any order\n"
        "  the negotiation over agency ends in some orders; turn of the first end, from 0: 1 (exact; not estimable in some "
        "orders)")


def test_silent_turns_at_one_instant_are_not_ambiguous_and_one_that_acts_is() -> None:
    quiet = order_bounds(cohort_of({"D1": [[("client", SILENT, 0), ("therapist", SILENT, 0)]]}))
    assert quiet.instants.tolist() == [0]
    loud = order_bounds(cohort_of({"D1": [[("client", SILENT, 0), ("therapist", "gr-ag", 0)]]}))
    assert loud.instants.tolist() == [1]


@pytest.mark.parametrize("instants", [8, 9, 70])
def test_beyond_eight_instants_three_orders_are_tried_and_the_bounds_called_not_exact(instants: int) -> None:
    found = order_bounds(cohort_of({"D1": [crowd(instants)], "D2": [crowd(1)]}))
    exact = instants <= 8
    assert found.exact.tolist() == [exact, True]
    assert found.orders.tolist() == [256 if exact else 3, 2]
    # Client first everywhere: all are met at once. Therapist first everywhere: each is met by the next grant, the last is not.
    # Of eight, the worst is a mixture: a claim after the grant, renewed before the next, makes one spell of two claims. So
    # three pairs, the seventh and the eighth: four met of five.
    low = 4 / 5 if exact else (instants - 1) / instants
    assert held(found[0].rates["client"]) == (low, 1.0)
    assert found[0].kind is (BoundKind.EXACT if exact else BoundKind.NOT_EXACT)
    assert found.rates_by_dyad("client")["D1"].kind is (BoundKind.OUTER if exact else BoundKind.NOT_EXACT)
    assert found.rates_by_dyad("client")["D2"].kind is BoundKind.OUTER
    assert found.summary()["of these, not all orders gone through"] == (not exact)


def test_beyond_eight_instants_the_three_orders_are_those_of_the_tie_rules() -> None:
    pairs = [(("therapist", "gr-ag", at), ("client", "cl-ag", at)) for at in range(9)]
    # As filed, the client is first at every third instant and at the last: all claims are met. The order that turns all pairs
    # round is of no rule: it would give 6 of 7.
    session = [said for at, pair in enumerate(pairs) for said in (pair[::-1] if at % 3 == 2 else pair)]
    rates = [plain.rate(plain.spells(turns_said(session, rule)), 0)
             for rule in ("as_filed", "first_party_first", "second_party_first")]
    assert rates == [Fraction(1), Fraction(1), Fraction(8, 9)]
    assert held(order_bounds(cohort_of({"D1": [session]}))[0].rates["client"]) == approx((8 / 9, 1.0))
    mirrored = [({"client": "therapist", "therapist": "client"}[who], code, when) for who, code, when in session]
    assert held(order_bounds(cohort_of({"D1": [mirrored]}))[0].rates["therapist"]) == approx((8 / 9, 1.0))


SURE: list[Said] = [("client", "cl-ag", 0), ("therapist", "gr-ag", 1)]
OPEN: list[Said] = [("client", "cl-re", 2), ("therapist", "gr-re", 2)]


def test_pooled_bounds_worked_out_on_paper() -> None:
    found = order_bounds(cohort_of({"D1": [SURE, OPEN], "D2": [[*SURE, *OPEN]]}))
    assert {dyad: held(bound) for dyad, bound in found.rates_by_dyad("client").items()} == {"D1": (0.5, 1.0), "D2": (0.5, 1.0)}
    cut = order_bounds(cohort_of({"D1": [OPEN]}, stopped=frozenset(["D1/1"])))
    assert cut.rates_by_dyad("client") == {"D1": Bound(low=1.0, high=1.0, kind=BoundKind.OUTER, always=False)}
    never = [("client", "cl-re", 0), ("client", "yl-re", 1), ("therapist", "gr-re", 1)]
    assert held(order_bounds(cohort_of({"D1": [never]})).rates_by_dyad("client")["D1"]) == (0.0, 1.0)


def test_pooled_bounds_that_no_order_leaves_open_are_exact() -> None:
    found = order_bounds(cohort_of({"D1": [[("client", "cl-ag", 0), ("therapist", "cl-re", 1), ("client", "gr-re", 2)]]}))
    assert found.rates_by_dyad("client") == {"D1": Bound(low=0.0, high=0.0, kind=BoundKind.EXACT)}
    assert found.mutuality_by_dyad() == {"D1": Bound(low=0.0, high=0.0, kind=BoundKind.EXACT)}
    assert str(found.rates_by_dyad("therapist")["D1"]) == "1 (exact)"


def test_episodes_are_worked_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = cohort_of({f"D{at}": [crowd(at % 4), [("client", "cl-ag", 0), ("therapist", "gr-ag", 0)]] for at in range(5)})
    whole = order_bounds(cohort)
    monkeypatch.setattr(module, "_TURNS_AT_ONCE", 7)
    parts = order_bounds(cohort)
    for name in ("met", "unmet", "rate", "always", "ended", "first_end"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name), equal_nan=name == "rate")


def test_bounds_show_themselves_and_keep_their_columns_closed() -> None:
    found = order_bounds(cohort_of({"D1": [crowd(9)], "D2": [crowd(1)]}))
    assert repr(found) == "OrderBounds(2 episodes, 2 with ambiguous instants, 1 not exact)"
    assert "1 of these, not all orders gone through" in str(found)
    assert "ambiguous instants" in found._repr_html_()
    assert not copy.deepcopy(found).rate.flags.writeable
    assert [one.episode for one in found] == ["D1/1", "D2/1"]
    assert found[-1].episode == "D2/1"
    with pytest.raises(IndexError):
        found[2]


def test_without_episodes_there_is_nothing_to_bound() -> None:
    found = order_bounds(rk.Cohort.of((), coding=rk.Coding(codebook=BOOK)))
    assert isinstance(found, OrderBounds)
    assert len(found) == 0
    assert found.mutuality_by_dyad() == {}
    assert list(found) == []


def test_what_is_no_table_party_or_need_is_refused() -> None:
    with pytest.raises(RecordError, match="negotiations or a cohort"):
        order_bounds([1])  # type: ignore[arg-type]
    found = order_bounds(cohort_of({"D1": [crowd(1)]}))
    with pytest.raises(RecordError, match="no party 'clint'; did you mean 'client'"):
        found.rates_by_dyad("clint")
    with pytest.raises(RecordError, match="expected a need, one of agency, communion, but got 'power'"):
        order_bounds(found.table, need="power")  # type: ignore[arg-type]
