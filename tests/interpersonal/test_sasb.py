"""SASB clusters: the principles as the domain states them, and the laws that tie them together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.codebooks import load_codebook
from rupturekit.errors import RecordError
from rupturekit.interpersonal.placement import Focus, load_placement
from rupturekit.interpersonal.sasb import (
    CLUSTERS,
    Cluster,
    antithesis,
    as_cluster,
    complement,
    introject,
    opposite,
    similar,
)
from rupturekit.vocabulary import Certainty, Evidence

BETWEEN = st.sampled_from([cluster for cluster in CLUSTERS if cluster.surface < 3])
ANY = st.sampled_from(CLUSTERS)
NAMES = {
    1: ["emancipate", "affirm", "active love", "protect", "control", "blame", "attack", "ignore"],
    2: ["separate", "disclose", "reactive love", "trust", "submit", "sulk", "recoil", "wall off"],
}


@pytest.mark.parametrize(("cluster", "complements", "antitheses", "opposites"), [
    ("1-1", "2-1", "2-5", "1-5"), ("1-5", "2-5", "2-1", "1-1"), ("1-6", "2-6", "2-2", "1-2"), ("1-4", "2-4", "2-8", "1-8"),
    ("2-8", "1-8", "1-4", "2-4"), ("2-3", "1-3", "1-7", "2-7"), ("2-5", "1-5", "1-1", "2-1")])
def test_the_principles_are_those_of_the_model(cluster: str, complements: str, antitheses: str, opposites: str) -> None:
    assert [str(rule(cluster)) for rule in (complement, antithesis, opposite, similar)] == [complements, antitheses, opposites, cluster]


@given(BETWEEN)
def test_each_principle_twice_leads_back_and_antithesis_is_the_complement_of_the_opposite(cluster: Cluster) -> None:
    for rule in (complement, antithesis, opposite, similar):
        assert rule(rule(cluster)) == cluster
    assert antithesis(cluster) == complement(opposite(cluster)) == opposite(complement(cluster))
    assert len({cluster, complement(cluster), antithesis(cluster), opposite(cluster)}) == 4
    assert complement(cluster).number == cluster.number
    assert (antithesis(cluster).number - cluster.number) % 8 == 4


@given(ANY)
def test_a_cluster_is_read_from_its_code_and_stands_across_from_its_opposite(cluster: Cluster) -> None:
    assert as_cluster(str(cluster)) == as_cluster(cluster) == cluster
    assert similar(cluster) == cluster
    assert (opposite(cluster).angle - cluster.angle) % 360 == 180
    assert opposite(cluster).surface == cluster.surface


def test_clusters_run_clockwise_from_the_top() -> None:
    assert [Cluster(2, number).angle for number in range(1, 9)] == [90, 45, 0, 315, 270, 225, 180, 135]
    assert sorted(CLUSTERS, key=lambda one: (one.number, one.surface))[:2] == [Cluster(1, 1), Cluster(2, 1)]
    assert sorted(CLUSTERS, reverse=True) == list(CLUSTERS[::-1])
    assert [cluster.focus for cluster in CLUSTERS[::8]] == list(Focus)


def test_only_what_another_does_is_taken_in() -> None:
    assert [str(introject(Cluster(1, number))) for number in range(1, 9)] == [f"3-{number}" for number in range(1, 9)]
    for other in ("2-4", "3-4"):
        with pytest.raises(RecordError, match=f"{other} has no introject: only acts of surface 1"):
            introject(other)


@pytest.mark.parametrize("rule", [complement, antithesis])
def test_what_one_does_to_oneself_invites_nothing(rule: Any) -> None:
    with pytest.raises(RecordError, match=rf"3-2 has no {rule.__name__}: what one does to oneself"):
        rule("3-2")


@pytest.mark.parametrize(("make", "says"), [
    (lambda: as_cluster("4-1"), r"'4-1' is no cluster; expected surface \(1 to 3\), a hyphen and number"),
    (lambda: as_cluster("1-9"), "'1-9' is no cluster"),
    (lambda: as_cluster("1-4\n"), "is no cluster"),
    (lambda: as_cluster("114"), "'114' is no cluster"),
    (lambda: as_cluster(14), "expected a cluster but got int; or its code, such as 1-4"),  # type: ignore[arg-type]
    (lambda: Cluster(0, 1), r"surface is 0; expected 1 \(focus on the other\)"),
    (lambda: Cluster(1, 9), "number is 9; expected a cluster from 1 to 8"),
    (lambda: Cluster(1, 0), "number is 0; expected a cluster from 1 to 8"),
    (lambda: Cluster("1", 1), "expected a surface, 1 to 3 but got str"),  # type: ignore[arg-type]
    (lambda: Cluster(1, 1.0), "expected a cluster's number, 1 to 8 but got float"),  # type: ignore[arg-type]
])
def test_what_is_no_cluster_is_refused(make: Any, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        make()


# --- the codebook and the placement --------------------------------------------------------------------------------


def test_the_codebook_has_the_24_clusters_and_says_nothing_of_what_they_do() -> None:
    book = load_codebook("sasb")
    assert [code.code for code in book.codes] == [cluster.code for cluster in CLUSTERS]
    for surface, names in NAMES.items():
        assert [code.label for code in book.codes if code.code[0] == str(surface)] == names
        assert {code.certainty for code in book.codes if code.code[0] == str(surface)} == {Certainty.HIGH}
    assert not any(code.functions or code.needs or code.parties for code in book.codes)


def test_the_placement_turns_the_picture_to_control() -> None:
    placement = load_placement("sasb")
    assert [place.code for place in placement.places] == [cluster.code for cluster in CLUSTERS]
    for cluster in CLUSTERS:
        place = placement[cluster.code]
        mirrored = cluster.surface != 2
        assert place.angle == (-cluster.angle if mirrored else cluster.angle) % 360
        assert (place.length, place.focus) == (1.0, cluster.focus)
    assert placement["1-5"].angle == 90    # controlling is high, submitting low
    assert placement["2-5"].angle == 270
    assert {place.evidence for place in placement.places} == {Evidence.RECALLED, Evidence.ASSUMPTION}
    assert placement.certainty is Certainty.LOW


@given(BETWEEN)
def test_complements_of_sasb_mirror_each_other_as_kieslers_do(cluster: Cluster) -> None:
    placement = load_placement("sasb")
    assert placement[complement(cluster).code].angle == -placement[cluster.code].angle % 360
    assert (placement[opposite(cluster).code].angle - placement[cluster.code].angle) % 360 == 180
