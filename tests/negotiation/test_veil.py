"""The veil: against an explicit regression on dyad dummies and turn counts, and every exchange of residuals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import attrs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracles_hypotheses as slow
import rupturekit as rk
from needs_studies import PARTIES, SILENT, Said, cohort_of
from rupturekit.episode import NeedStatement
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError
from rupturekit.negotiation.hypotheses import Hypothesis
from rupturekit.negotiation.imbalance import relatedness_imbalance
from rupturekit.negotiation.table import negotiations
from rupturekit.negotiation.veil import veil
from rupturekit.vocabulary import Layer, Need, NeedMode

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

Row = tuple[str, float, int, int]
"""One episode: dyad, client's level minus the therapist's, claims of agency, turns."""

ROWS = st.lists(st.tuples(st.sampled_from(["D1", "D2", "D3"]), st.integers(-4, 4).map(float), st.integers(0, 4), st.integers(4, 9)),
                min_size=6, max_size=12)


def session_of(claims: int, turns: int) -> list[Said]:
    """Return a session with that many turns, of which so many hold a claim of agency, by either party."""
    return [(PARTIES[at % 2], "cl-ag" if at < claims else (SILENT, "gr-ag", "cl-re")[at % 3], at) for at in range(turns)]


def cohort(rows: Sequence[Row], *, stated: bool = True, scale: int = 1, later: int = 0) -> rk.Cohort:
    study: dict[str, list[list[Said]]] = {}
    needs = []
    for dyad, difference, claims, turns in rows:
        study.setdefault(dyad, []).append(session_of(claims, turns))
        name = f"{dyad}/{len(study[dyad])}"
        needs += [NeedStatement(dyad=dyad, episode=name, party=party, need=Need.COMMUNION, mode=NeedMode.WANTED, layer=Layer.LATENT,
                                level=5.0 + (difference if party == "client" else 0.0), source="interview") for party in PARTIES]
    made = cohort_of(study, scale=scale, later=later)
    return rk.Cohort.of(list(made.moves), coding=made.coding, episodes=list(made.coded.rows), needs=needs if stated else [])


def of(rows: Sequence[Row], *, scale: int = 1, later: int = 0, **more: object) -> Hypothesis:
    held = cohort(rows, scale=scale, later=later)
    imbalance = relatedness_imbalance(held, mode="wanted")
    return veil(negotiations(held), imbalance, **{"draws": 9, "alpha": 0.999, **more})  # type: ignore[arg-type]


def usable(rows: Sequence[Row]) -> list[tuple[str, float, float, int]]:
    dyads = [row[0] for row in rows]
    return [(dyad, abs(difference), claims / turns, turns) for dyad, difference, claims, turns in rows if dyads.count(dyad) > 1]


def varies(rows: Sequence[tuple[str, float, float, int]]) -> bool:
    """Whether size and rate are more than dyad and turns say, by the regression of the oracle."""
    design = np.array([[*(float(row[0] == dyad) for dyad in sorted({row[0] for row in rows})), float(row[3])] for row in rows])
    for column in (1, 2):
        said = np.array([float(row[column]) for row in rows])  # type: ignore[arg-type]
        if np.abs(said - design @ np.linalg.lstsq(design, said, rcond=None)[0]).max() < 1e-9:
            return False
    return True


@settings(max_examples=60)
@given(ROWS)
def test_it_is_the_partial_correlation_of_an_explicit_regression(rows: list[Row]) -> None:
    kept = usable(rows)
    if not kept or not varies(kept):
        with pytest.raises(NotEstimable, match="does not vary within dyads|no dyad has two episodes"):
            of(rows)
        return
    found = of(rows)
    assert found.estimate.value == pytest.approx(slow.partial_correlation(kept), abs=1e-9)
    assert found.estimate.n == {"dyads": len({row[0] for row in kept}), "episodes": len(kept)}
    assert found.left_out.get("dyads with one such episode only", 0) == len({row[0] for row in rows}) - len({row[0] for row in kept})


def test_p_is_that_of_every_exchange_of_residuals_within_dyads() -> None:
    rows: list[Row] = [("D1", 3.0, 3, 6), ("D1", 1.0, 1, 8), ("D1", -2.0, 0, 5), ("D2", 0.0, 1, 7), ("D2", 4.0, 2, 6), ("D2", 1.0, 1, 9)]
    found = of(rows, draws=2999).estimate
    design = np.array([[row[0] == "D1", row[0] == "D2", row[3]] for row in rows], dtype=float)
    x, y = (said - design @ np.linalg.lstsq(design, said, rcond=None)[0]
            for said in (np.array([abs(row[1]) for row in rows]), np.array([row[2] / row[3] for row in rows])))
    ways = []
    for one, two in itertools.product(itertools.permutations(range(3)), itertools.permutations(range(3, 6))):
        laid = np.concatenate([x[list(one)], x[list(two)]])
        laid = laid - design @ np.linalg.lstsq(design, laid, rcond=None)[0]
        ways.append(float(laid @ y) / math.sqrt(float(laid @ laid) * float(y @ y)))
    assert found.test is not None
    assert found.test.p == pytest.approx(sum(way >= found.value - 1e-12 for way in ways) / 36, abs=0.03)
    assert found.test.expected == pytest.approx(sum(ways) / 36, abs=0.02)
    assert found.test.smallest_p == pytest.approx(1 / 36)
    assert found.test.null == "imbalances exchanged within dyads"
    assert "exchanged among the episodes of one dyad" in found.test.holds


def test_a_perfect_association_is_one_and_its_opposite_minus_one() -> None:
    rows: list[Row] = [(f"D{dyad}", float(claims), claims, 8) for dyad in range(3) for claims in (0, 1, 3)]
    assert of(rows).estimate.value == pytest.approx(1.0)
    assert of([(dyad, 5.0 - size, claims, turns) for dyad, size, claims, turns in rows]).estimate.value == pytest.approx(-1.0)


def test_many_dyads_have_an_interval_that_leaves_one_out_at_a_time() -> None:
    rows: list[Row] = [(f"D{dyad}", float((dyad * nth + nth) % 5), (dyad + nth * nth) % 4, 5 + (dyad * 3 + nth) % 4)
                       for dyad in range(10) for nth in range(3)]
    found = of(rows, draws=99).estimate
    without = [slow.partial_correlation([row for row in usable(rows) if row[0] != f"D{dyad}"]) for dyad in range(10)]
    error = math.sqrt(9 / 10 * sum((one - sum(without) / 10) ** 2 for one in without))
    assert found.standard_error == pytest.approx(error)
    assert found.interval is not None


# --- laws --------------------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(ROWS, st.integers(1, 3), st.integers(0, 10**9))
def test_time_shift_and_scale_who_wants_more_and_the_unit_of_the_scale_move_nothing(rows: list[Row], scale: int, later: int) -> None:
    assume(usable(rows) and varies(usable(rows)))
    found = of(rows)
    assert attrs.evolve(of(rows, scale=scale, later=later).estimate, provenance=found.estimate.provenance) == found.estimate
    turned = of([(dyad, -difference, claims, turns) for dyad, difference, claims, turns in rows])
    assert turned.estimate.value == pytest.approx(found.estimate.value)
    tenfold = of([(dyad, 10 * difference, claims, turns) for dyad, difference, claims, turns in rows])
    assert tenfold.estimate.value == pytest.approx(found.estimate.value)


def test_the_same_seed_gives_the_same_and_the_order_of_rows_changes_nothing() -> None:
    rows: list[Row] = [(f"D{dyad}", float((dyad * nth) % 4), (dyad + nth) % 4, 5 + nth) for dyad in range(4) for nth in range(4)]
    held = cohort(rows)
    other = rk.Cohort.of(list(held.moves)[::-1], coding=held.coding, episodes=list(held.coded.rows)[::-1],
                         needs=list(held.needs)[::-1])
    one, same, turned = (veil(negotiations(study), relatedness_imbalance(study, mode="wanted"), draws=99, seed=3)
                         for study in (held, held, other))
    assert one == same
    assert (turned.estimate.value, turned.estimate.test) == (pytest.approx(one.estimate.value), one.estimate.test)
    assert veil(negotiations(held), relatedness_imbalance(held, mode="wanted"), draws=99).estimate.test != one.estimate.test


# --- what is refused ---------------------------------------------------------------------------------------------------


def test_without_a_source_of_its_own_it_is_not_estimable() -> None:
    held = cohort([("D1", 1.0, 1, 5)] * 3, stated=False)
    with pytest.raises(NotEstimable, match="one source: the imbalance needs a source other than the codes"):
        veil(negotiations(held), None)
    with pytest.raises(NotEstimable, match="one source"):
        relatedness_imbalance(held, mode="wanted")
    with pytest.raises(RecordError, match="expected a latent imbalance but got float; use relatedness_imbalance"):
        veil(negotiations(held), 0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("rows", "why"), [
    ([("D1", 1.0, 1, 5), ("D2", 2.0, 2, 6)], "no dyad has two episodes with a latent imbalance on record"),
    ([("D1", 1.0, at, 5) for at in range(4)], "the latent imbalance does not vary within dyads at a given number of turns"),
    ([("D1", float(at), 1, 5) for at in range(4)], "the rate of agency claims does not vary within dyads"),
    ([("D1", float(at), at % 3, 5 + at) for at in range(2)], "does not vary within dyads at a given number of turns"),
])
def test_where_nothing_varies_nothing_is_associated(rows: list[Row], why: str) -> None:
    with pytest.raises(NotEstimable, match=why):
        of(rows)


def test_a_single_dyad_has_no_interval_and_too_few_episodes_no_test() -> None:
    rows: list[Row] = [("D1", 3.0, 3, 6), ("D1", 1.0, 1, 8), ("D1", -2.0, 0, 5), ("D1", 0.0, 2, 9)]
    found = of(rows)
    assert found.estimate.interval is None
    assert "an interval needs" in found.estimate.no_interval
    assert "does not show: that claims of agency veil a wish for relatedness" in str(found)
    with pytest.raises(NotEnoughData, match="'imbalances exchanged within dyads'"):
        of(rows[:3], alpha=0.05)


def test_episodes_without_an_imbalance_are_counted() -> None:
    rows: list[Row] = [("D1", 3.0, 3, 6), ("D1", 1.0, 1, 8), ("D1", -2.0, 0, 5), ("D1", 0.0, 2, 9)]
    held = cohort(rows)
    fewer = rk.Cohort.of(list(held.moves), coding=held.coding, episodes=list(held.coded.rows), needs=list(held.needs)[2:])
    found = veil(negotiations(fewer), relatedness_imbalance(fewer, mode="wanted"), draws=9, alpha=0.999)
    assert found.left_out == {"episodes without an imbalance on record": 1}
    assert found.estimate.value == pytest.approx(slow.partial_correlation(usable(rows[1:])))
