"""What is shipped for tests: everything drawn is legal, the odd things do occur, and files are checked in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from rupturekit import state_machine, testing
from rupturekit.alphabet import coverage
from rupturekit.codebooks import Codebook, codebook_text, load_codebook, parse_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, Episode, Move, Session
from rupturekit.errors import DefinitionError, MissingExtra, PartyMismatch, StateMachineError
from rupturekit.segmentation import segment
from rupturekit.state_machine import StateMachine
from rupturekit.testing import Parts
from rupturekit.traces import trace, trace_cohort
from rupturekit.vocabulary import TimeKind
from strategies import quietly, rules

STAGES = load_codebook("stages")
VOICE = attrs.evolve(STAGES, codes=tuple(code for code in STAGES.codes if "self_assertion" in code.functions))


# What is drawn is legal

@given(testing.models(), testing.codebooks())
def test_models_are_sound_and_codebooks_read_back_equal(model: StateMachine, book: Codebook) -> None:
    state_machine.check_model(model)
    assert parse_codebook(codebook_text(book)) == book
    coverage(book, model)


@settings(max_examples=30)
@given(testing.models(codebook=VOICE, guards=False))
def test_models_over_a_codebook_wait_for_its_functions_alone(model: StateMachine) -> None:
    assert coverage(VOICE, model).functions_without_code == ()
    assert not any(arrow.when.rates or arrow.when.times for arrow in model.transitions if arrow.when)


@settings(max_examples=20)
@given(testing.models(codebook=attrs.evolve(STAGES, codes=())))
def test_models_over_a_codebook_without_functions_speak_of_the_usual(model: StateMachine) -> None:
    assert set(model.functions) <= set(testing.FUNCTIONS)


@given(st.data(), testing.codings())
def test_records_fit_their_coding(data: st.DataObject, coding: Coding) -> None:
    unit = 1_000_000 if coding.time.has_clock else 1
    move: Move = data.draw(testing.moves(coding=coding, dyads=("A", "B"), numbers=(3,), tracks=("x",), latest=2))
    assert move.code in coding.codebook
    assert move.party in (*coding.parties, None)
    assert (move.dyad in "AB", move.session, move.track) == (True, 3, "x")
    assert move.onset in (0, unit, 2 * unit)
    assert move.offset is None or move.offset >= move.onset
    session: Session = data.draw(testing.sessions(coding=coding, numbers=(3,), dyads=(move.dyad,), shortest=9 * unit))
    assert session.duration is None or session.duration >= 9 * unit
    assert len(Cohort.of([move], coding=coding, sessions=[session]).moves) == 1


@given(st.lists(testing.moves(), unique_by=lambda move: move.row_id))
def test_moves_make_a_cohort_with_the_stages_codebook(moves: list[Move]) -> None:
    assert sorted(Cohort.of(moves, coding=Coding(codebook=STAGES)).moves, key=lambda move: move.row_id) == sorted(
        moves, key=lambda move: move.row_id)


@settings(max_examples=30)
@given(testing.episodes(most=5), testing.models(codebook=STAGES))
def test_episodes_can_be_traced(episode: Episode, model: StateMachine) -> None:
    assert 1 <= len(episode) <= 5
    places = [(move.session, move.onset, move.tie) for move in episode]
    assert places == sorted(places)
    assert len(trace(episode, model).steps) == len(episode)


@settings(max_examples=20)
@given(testing.cohorts(), testing.models(), rules())
def test_cohorts_can_be_segmented_and_traced(cohort: Cohort, model: StateMachine, rule: Any) -> None:
    quietly(trace_cohort, cohort, model)
    quietly(segment, cohort, rule)


@settings(max_examples=30)
@given(testing.parts(codebook=STAGES, tracks=("r1", "r2"), times=(TimeKind.TURN,), latest=1, most=3))
def test_options_are_kept(study: Parts) -> None:
    cohort = study.cohort()
    assert cohort.coding == Coding(codebook=STAGES, time=TimeKind.TURN)
    assert 1 <= len(study.moves) <= 3
    assert {move.onset for move in study.moves} <= {0, 1}
    assert [len(study.track(name).moves) for name in ("r1", "r2")] == [
        sum(move.track == name for move in study.moves) for name in ("r1", "r2")]
    assert len(study.whole()) == len({(move.dyad, move.track) for move in study.moves})


@settings(max_examples=20)
@given(testing.cohorts(episodes=False))
def test_cohorts_without_episodes_have_none(cohort: Cohort) -> None:
    assert len(cohort.episodes) == 0


# The odd things occur, and shrink

OCCURS: list[tuple[Callable[[], st.SearchStrategy[Any]], Callable[[Any], bool]]] = [
    (testing.codebooks, lambda book: any(not code.functions for code in book.codes)),
    (testing.codebooks, lambda book: any(len(code.functions) == 2 for code in book.codes)),
    (testing.models, lambda model: any(arrow.when is None for arrow in model.transitions)),
    (testing.models, lambda model: any(arrow.when and arrow.when.rates for arrow in model.transitions)),
    (testing.models, lambda model: any(arrow.when and arrow.when.times for arrow in model.transitions)),
    (testing.models, lambda model: len(model.ends) == 2),
    (testing.parts, lambda study: len({(m.dyad, m.session, m.onset) for m in study.moves}) < len(study.moves)),
    (testing.parts, lambda study: len({m.dyad for m in study.moves}) == 2),
    (testing.parts, lambda study: any(session.session == 3 for session in study.sessions)),
    (testing.parts, lambda study: bool(study.members and study.labels)),
    (testing.parts, lambda study: any(stretch.start < stretch.end for stretch in study.observed)),
    (testing.parts, lambda study: any(e.first_session < e.last_session < 9 for e in study.episodes)),
    (testing.episodes, lambda episode: any(episode.new_session)),
]


@pytest.mark.parametrize("at", range(len(OCCURS)))
def test_what_is_odd_and_legal_occurs(at: int) -> None:
    strategy, wanted = OCCURS[at]
    find(strategy(), wanted, settings=settings(max_examples=2_000, database=None, phases=[Phase.generate]))


def test_a_failing_study_shrinks_to_what_matters() -> None:
    study = find(testing.parts(codebook=STAGES, most=3), lambda study: any(m.party == "therapist" for m in study.moves),
                 settings=settings(database=None, max_examples=200, phases=[Phase.generate, Phase.shrink]))
    assert [(m.party, m.onset, m.tie, m.rating) for m in study.moves] == [("therapist", 0, 0, None)]
    assert (study.sessions, study.observed, study.episodes) == ((), (), ())


# Without hypothesis

def test_without_hypothesis_drawing_names_the_extra_and_checking_goes_on(
        monkeypatch: pytest.MonkeyPatch, codes: Path) -> None:
    testing._composite.cache_clear()
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    for strategy in (testing.codebooks, testing.models, testing.moves, testing.cohorts):
        with pytest.raises(MissingExtra, match=r"drawing random records needs the extra 'testing': .*rupturekit\[testing\]"):
            strategy()
    assert testing.check_codebook(codes).name == "codes"


def test_importing_the_module_does_not_import_hypothesis() -> None:
    code = "import sys, rupturekit.testing; assert 'hypothesis' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# Checks of files

@pytest.fixture
def codes(tmp_path: Path) -> Path:
    """Return the file of a sound codebook with one code."""
    path = tmp_path / "codes.toml"
    path.write_text('format = 1\nname = "codes"\ntitle = "T"\n[[codes]]\ncode = "a"\nlabel = "A"\n'
                    'functions = ["withdrawal_marker"]\n', encoding="utf-8")
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the file of a sound process model with one arrow."""
    path = tmp_path / "small.toml"
    path.write_text('format = 1\nname = "small"\ntitle = "T"\nsource = "S"\ntype = "any"\n'
                    '[[states]]\nname = "a"\nphase = "rupture"\ninitial = true\nevidence = "assumption"\n'
                    '[[states]]\nname = "b"\nphase = "repair"\nend = true\nevidence = "assumption"\n'
                    '[[transitions]]\nfrom = "a"\nto = "b"\nevidence = "assumption"\n'
                    'when = { party = "client", function = "self_assertion" }\n', encoding="utf-8")
    return path


def change(path: Path, old: str, new: str) -> Path:
    """Replace a text in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_sound_files_come_back(codes: Path, model: Path) -> None:
    assert testing.check_codebook(codes)["a"].label == "A"
    assert testing.check_model(model).ends == ("b",)
    assert testing.check_model(str(model), codebook="stages").ends == ("b",)


@pytest.mark.parametrize(("old", "new", "says"), [
    ('label = "A"', "", "label: is missing"),
    ('name = "codes"', 'name = "other"', "codes.toml: its name is 'other'; give file and codebook one name"),
    ("withdrawal_marker", "withdrawl_marker", "did you mean 'withdrawal_marker'"),
])
def test_what_is_wrong_with_a_codebook_is_told(codes: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        testing.check_codebook(change(codes, old, new))


def test_what_is_wrong_with_a_model_is_told(codes: Path, model: Path) -> None:
    with pytest.raises(DefinitionError, match="small.toml: no code of codes has these functions: self_assertion; "
                                              "no move can make those steps"):
        testing.check_model(model, codebook=codes)
    with pytest.raises(PartyMismatch):
        testing.check_model(change(model, '"client"', '"partner_a"'), codebook="stages")
    with pytest.raises(StateMachineError, match="no state has end = true"):
        testing.check_model(change(model, "end = true", ""))
