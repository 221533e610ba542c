"""A trace in the making equals the trace of the whole, at every prefix."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rupturekit as rk
import strategies as own
from rupturekit.episode import Coding, EpisodeRow
from rupturekit.errors import DefinitionError, PartyMismatch, ProvenanceMismatch, RecordError
from rupturekit.live import Tracer
from rupturekit.state_machine import StateMachine

STAGES = Coding(codebook=rk.load_codebook("stages"))
WITHDRAWAL = rk.load_model("withdrawal-2000")


def move(code: str, at: int, *, party: str = "client", session: int = 1) -> rk.Move:
    return rk.Move(dyad="D1", session=session, track="r1", party=party, code=code, onset=rk.seconds(at), row_id=at)


def begun() -> Tracer:
    return Tracer.start(WITHDRAWAL, coding=STAGES).feed(move("wd", 0)).feed(move("invite", 40, party="therapist"))


@given(own.parts(), own.models(), st.booleans())
def test_streaming_equals_the_batch_at_every_prefix(study: own.Parts, model: StateMachine, follow: bool) -> None:
    whole = attrs.evolve(study, episodes=study.whole(), members=()).cohort()
    for episode in whole.episodes:
        tracer = Tracer.start(model, coding=study.coding, follow_skips=follow)
        for n, one in enumerate(episode.moves, start=1):
            tracer = Tracer.resume(tracer.to_json(), model=model, coding=study.coding).feed(one)
            row: EpisodeRow = episode.row
            batch = rk.trace(attrs.evolve(episode, row=row, moves=episode.moves[:n], new_session=episode.new_session[:n]),
                             model, follow_skips=follow)
            assert tracer.step == batch.steps[-1]
            assert tracer.state == batch.end
            assert tracer.open_ends == batch.open_ends


def test_it_says_what_it_expects_and_from_whom() -> None:
    expected = {(what.party, what.target, what.codes) for what in begun().expects()}
    assert ("client", "qualified_assertion", ("qual-assert",)) in expected
    assert {party for party, _, _ in expected} == {"client", "therapist"}


def test_a_tracer_without_moves_is_where_the_model_begins() -> None:
    tracer = Tracer.start(WITHDRAWAL, coding=STAGES)
    assert (tracer.state, tracer.step, tracer.open_ends) == ("withdrawal", None, ())
    assert repr(tracer) == "Tracer('withdrawal-2000', in 'withdrawal' after 0 moves)"


def test_moves_at_one_instant_leave_the_end_open() -> None:
    tracer = Tracer.start(WITHDRAWAL, coding=STAGES, follow_skips=False)
    tracer = tracer.feed(move("wd", 0)).feed(move("invite", 5, party="therapist")).feed(move("wd", 5))
    assert tracer.step is not None
    assert tracer.step.order_dependent
    assert set(tracer.open_ends) == {"withdrawal", "disembedding"}


def test_it_cannot_go_back() -> None:
    with pytest.raises(RecordError, match="session 1, 00:10 lies before the last one"):
        begun().feed(move("wd", 10))
    assert begun().feed(move("wd", 0, session=2)).seen.count == 3


def test_another_dyad_or_reading_is_refused() -> None:
    for changed, said in (({"dyad": "D2"}, "dyad 'D2'"), ({"track": "r2"}, "track 'r2'")):
        with pytest.raises(RecordError, match=f"{said}.*one reading of one dyad"):
            begun().feed(attrs.evolve(move("wd", 60), **changed))


def test_a_model_for_other_people_is_refused() -> None:
    with pytest.raises(PartyMismatch):
        Tracer.start(WITHDRAWAL, coding=attrs.evolve(STAGES, parties=("a", "b")))


def test_a_resumed_tracer_goes_on() -> None:
    again = Tracer.resume(begun().to_json(), model=WITHDRAWAL, coding=STAGES)
    assert again.step is None
    assert again.feed(move("self-assert", 90)).state == begun().feed(move("self-assert", 90)).state == "self_assertion"


@pytest.mark.parametrize(("model", "coding", "what"), [
    (rk.load_model("confrontation-2000"), STAGES, "another model"),
    (rk.load_model("recognition"), Coding(codebook=rk.load_codebook("needs")), "another model"),
    (WITHDRAWAL, Coding(codebook=rk.load_codebook("3rs-2015")), "another codebook"),
])
def test_a_tracer_of_other_things_is_not_resumed(model: StateMachine, coding: Coding, what: str) -> None:
    with pytest.raises(ProvenanceMismatch, match=what):
        Tracer.resume(begun().to_json(), model=model, coding=coding)


def spoiled(**changes: object) -> str:
    said = json.loads(begun().to_json())
    return json.dumps(said | {name: value for name, value in changes.items() if name != "seen"}
                      | {"seen": said["seen"] | changes.get("seen", {})})  # type: ignore[operator]


@pytest.mark.parametrize("text", [
    "", "{", "[" * 100_000, "[]", "{}", spoiled(rupturekit_tracer="1"), spoiled(rupturekit_tracer=2),
    spoiled(follow_skips=1), spoiled(seen={"state": 99}), spoiled(seen={"state": -1}), spoiled(seen={"state": True}),
    spoiled(seen={"count": "1"}), spoiled(seen={"onset": "now"}), spoiled(seen={"possible": [99]}),
    spoiled(seen={"possible": 3}), spoiled(seen={"instant": [1]}), spoiled(seen={"instant": [[1]]}), spoiled(seen={"instant": [[0, 999]]}),
    spoiled(seen={"waited": None}), spoiled(seen={"session": "1"}), spoiled(seen={"opened": 3}), spoiled(seen={"waited": 2**63}),
    spoiled(seen={"onset": -2**64}), spoiled(seen={"count": -1}), spoiled(rupturekit_tracer=True),
    spoiled(seen={"opened": [None, 1]}), spoiled(seen={"more": 1}),
])
def test_what_no_tracer_wrote_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"written tracer|upgrade rupturekit"):
        Tracer.resume(text, model=WITHDRAWAL, coding=STAGES)
