"""What people said of a rupture, by name; nothing is derived."""

from __future__ import annotations

import attrs
import pytest

import rupturekit as rk
from rupturekit.errors import RecordError
from rupturekit.rupture import Rupture, rupture_of
from rupturekit.vocabulary import Capacity


def label(attribute: str, value: str, *, party: str | None = None, rater: str | None = "r1") -> rk.Label:
    return rk.Label(subject_kind="episode", subject="E1", attribute=attribute, value=value, party=party, rater=rater)


def episode(*labels: rk.Label) -> rk.Episode:
    move = rk.Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)
    made = rk.Episode.of([move], coding=rk.Coding(codebook=rk.load_codebook("stages")))
    return attrs.evolve(made, labels=labels)


FULL = (
    label("type", "withdrawal", party="client"), label("type", "confrontation", party="therapist", rater="r2"),
    label("form", "masking"), label("locus", "task"), label("cause", "failed_negotiation_of_needs"),
    label("visibility", "covert"), label("intensity", "4"), label("noticing", "unknown", party="client"),
    label("noticing", "yes", party="therapist"), label("cost_of_raising", "afraid of being difficult", party="client"),
    label("rated_resolution", "3"), label("reported_resolution", "partly", party="client", rater=None),
    label("outcome", "partial"), label("consequence", "deepening"),
)


def test_every_statement_finds_its_name() -> None:
    said = rupture_of(episode(*FULL))
    assert said.types == (("client", "withdrawal"), ("therapist", "confrontation"))
    assert (said.forms, said.loci, said.causes) == (("masking",), ("task",), ("failed_negotiation_of_needs",))
    assert (said.visibility, said.intensity) == (("covert",), ("4",))
    assert said.cost_of_raising == (("client", "afraid of being difficult"),)
    assert said.rated_resolution == ((None, "3"),)
    assert said.reported_resolution == (("client", "partly"),)
    assert (said.outcomes, said.consequences, said.raters) == (("partial",), ("deepening",), ("r1", "r2"))


def test_unknown_is_a_statement_and_absent_is_none() -> None:
    said = rupture_of(episode(*FULL))
    assert said.capacity(Capacity.NOTICING, "client") == ("unknown",)
    assert said.capacity(Capacity.ARTICULATING, "client") == ()


def test_one_raters_statements_are_hers_alone() -> None:
    assert rupture_of(episode(*FULL), rater="r2") == Rupture(
        episode="E1", types=(("therapist", "confrontation"),), raters=("r2",))


def test_a_rater_who_said_nothing_is_refused_with_those_who_did() -> None:
    with pytest.raises(RecordError, match="'r3' stated nothing about episode 'E1'; statements are by: r1, r2"):
        rupture_of(episode(*FULL), rater="r3")


def test_an_episode_of_which_nobody_spoke_says_so() -> None:
    assert repr(rupture_of(episode())) == "Rupture('E1': type not stated; by nobody)"
    assert str(rupture_of(episode())) == "Rupture('E1': type not stated; by nobody)"


def test_it_prints_what_was_said_and_nothing_else() -> None:
    text = str(rupture_of(episode(*FULL)))
    assert text.splitlines()[0] == "Rupture('E1': client withdrawal, therapist confrontation; by r1, r2)"
    assert "  capacities: noticing client unknown, noticing therapist yes" in text
    assert "causes: failed negotiation of needs" in text
    unstated = rupture_of(episode(label("type", "mixed")))
    assert repr(unstated) == "Rupture('E1': somebody mixed; by r1)"
    assert "outcomes" not in str(unstated)
