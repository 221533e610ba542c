"""Held-out log scores: probabilities that add up to 1, oracles by paths and by counting, and what is scored at all."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracles_comparison as oracles
import rupturekit as rk
from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.conformance import scoring_models
from rupturekit.conformance.scoring import BASELINES, HALF, background, flower, independent, markov
from rupturekit.conformance.scoring_models import Weights, learn, process_model, steps_of, ways_of
from rupturekit.conformance.scoring_moves import ScoredMoves, scored_moves, shared_functions
from rupturekit.episode import Coding, EpisodeRow, Move
from rupturekit.errors import NotEstimable, RecordError
from rupturekit.segmentation import WHOLE_SESSION, segment
from rupturekit.state_machine import StateMachine, load_model, parse_model
from rupturekit.testing import cohorts, models
from rupturekit.vocabulary import ClosedBy, RuptureType

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

Said = list[tuple[str | None, str]]
STAGES = load_codebook("stages")
BOTH = (load_model("withdrawal-2000"), load_model("safran-muran-1996"))
WD, INVITE, HALFWAY, ASSERT = (("client", "wd"), ("therapist", "invite"), ("client", "qual-assert"),
                               ("client", "self-assert"))
NOTICE, LINK = ("therapist", "notice"), ("therapist", "link")


def cohort_of(*episodes: Said) -> Cohort:
    """Return one dyad an episode, coded by `stages`; each episode is as coders drew it."""
    moves = [Move(dyad=f"D{number:02d}", session=1, track="r1", party=party, code=code, onset=rk.seconds(10 * at),
                  row_id=1000 * number + at)
             for number, said in enumerate(episodes) for at, (party, code) in enumerate(said)]
    rows = [EpisodeRow(episode=f"E{number:02d}", dyad=f"D{number:02d}", track="r1", first_session=1, last_session=1, onset=0,
                       end=rk.seconds(10 * max(len(said) - 1, 0)), closed_by=ClosedBy.CODERS)
            for number, said in enumerate(episodes)]
    return Cohort.of(moves, coding=Coding(codebook=STAGES), episodes=rows)


@st.composite
def scored(draw: st.DrawFn) -> ScoredMoves:
    """Draw moves of two dyads, scored by one or two random models."""
    held = draw(cohorts(episodes=False, most=12))
    named = [attrs.evolve(draw(models()), name=name) for name in ("one", "other")[: draw(st.integers(1, 2))]]
    try:
        found = scored_moves(segment(held, WHOLE_SESSION), named, any_type=True)
    except (NotEstimable, RecordError):
        assume(False)
    assume(found.scored.any())
    return found


def predictors(moves: ScoredMoves) -> list[Any]:
    return [*(make(moves) for make in BASELINES), *(process_model(moves, at) for at in range(len(moves.alphabets)))]


@given(scored())
@settings(max_examples=20)
def test_what_is_predicted_of_a_move_adds_up_to_one(moves: ScoredMoves) -> None:
    last = int(np.flatnonzero(moves.scored)[-1])
    fold = np.arange(len(moves.dyads), dtype=np.int64)    # nothing is learnt from the dyad of the move
    who = moves.speaker[moves.kind[last]]
    one_of_each = {moves.outcome[kind]: kind for kind in np.flatnonzero(moves.speaker == who).tolist()}
    place = int(moves.scored[: last + 1].sum()) - 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring_models, "ROUNDS", 2)
        totals = dict.fromkeys((one.name for one in predictors(moves)), 0.0)
        for kind in one_of_each.values():
            changed = moves.kind.copy()
            changed[last] = kind
            for one in predictors(attrs.evolve(moves, kind=changed)):
                totals[one.name] += float(np.exp(one.scores(fold)[place]))
    assert list(totals.values()) == pytest.approx([1.0] * len(totals))


@given(scored(), st.integers(1, 3))
@settings(max_examples=40)
def test_baselines_are_counts(moves: ScoredMoves, folds: int) -> None:
    fold = np.arange(len(moves.dyads), dtype=np.int64) % folds
    offsets = moves.episodes.offsets.tolist()
    held = [(int(fold[moves.dyad[low]]), moves.kind[low:high].tolist())
            for low, high in itertools.pairwise(offsets)]
    for make, order in ((independent, 0), (markov, 1)):
        found = make(moves).scores(fold)
        at = fold[moves.dyad[moves.scored]]
        for one in range(folds):
            wanted = oracles.markov_score(held, held=one, speaker=moves.speaker.tolist(), alike=moves.outcome.tolist(),
                                          order=order)
            assert found[at == one].tolist() == pytest.approx(wanted)


@given(scored(), st.data())
@settings(max_examples=30)
def test_a_stochastic_model_is_the_sum_over_all_that_may_have_happened(moves: ScoredMoves, data: st.DataObject) -> None:
    alphabet, symbol = moves.alphabets[0], moves.symbol[0].astype(np.int64)
    ways = ways_of(alphabet, symbol, moves.speaker)
    share = st.floats(0.05, 1.0)
    drawn = np.array(data.draw(st.lists(share, min_size=len(ways.turn), max_size=len(ways.turn))))
    weight = drawn / np.bincount(ways.turn, weights=drawn)[ways.turn]
    likely, deviating = (background(np.array(data.draw(st.lists(
        st.integers(0, 5), min_size=len(symbol), max_size=len(symbol)))), moves.speaker) for _ in range(2))
    rate, speakers = data.draw(st.floats(0.05, 0.95)), int(moves.speaker.max()) + 1
    named = {(int(source), int(what) % speakers, int(what) // speakers): float(one)
             for source, what, one in zip(ways.source, ways.what, weight, strict=True)}
    chance = steps_of(ways, Weights(way=weight[None], rate=np.array([rate]), likely=likely[None],
                                  deviating=deviating[None]))[0]
    wanted = oracles.chances(alphabet, symbol.tolist(), moves.speaker.tolist(), weight=named, rate=rate,
                             likely=likely.tolist(), deviating=deviating.tolist())
    step = np.zeros((len(symbol), ways.steps.states, ways.steps.states))
    step[ways.steps.symbol, ways.steps.before, ways.steps.after] = chance
    for kind, state, after in np.ndindex(*step.shape):
        assert step[kind, state, after] == pytest.approx(wanted(kind, state, after))
    by_speaker = np.stack([step[moves.speaker == who].sum(axis=(0, 2)) for who in np.unique(moves.speaker)])
    assert by_speaker == pytest.approx(1.0)


# --- learning ---------------------------------------------------------------------------------------------------------

LONG: Said = [WD, INVITE, WD, NOTICE, HALFWAY, INVITE, HALFWAY, LINK, ASSERT]
FEW = [LONG, [WD, INVITE, ASSERT], [WD, LINK, HALFWAY, INVITE, INVITE, ASSERT], [WD, WD, NOTICE, HALFWAY]]


def test_rounds_never_make_what_is_learnt_from_less_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    moves = scored_moves(cohort_of(*FEW), BOTH)
    alphabet = moves.alphabets[0]
    ways = ways_of(alphabet, moves.symbol[0].astype(np.int64), moves.speaker)
    counted = np.ones((1, len(moves.kind)))
    said = []
    for rounds in range(12):
        monkeypatch.setattr(scoring_models, "ROUNDS", rounds)
        held = learn(ways, moves, alphabet.start, counted)
        _, score = scoring_models.expected_steps(
            ways.steps, steps_of(ways, held), moves.kind, offsets=moves.episodes.offsets, start=alphabet.start,
            counted=counted * moves.scored)
        first = learn_first(ways, held)
        alternatives = HALF * np.bincount(ways.turn)[ways.turn]
        said.append(float(score[0] + (alternatives * first * np.log(held.way[0])).sum()
                          + HALF * np.log(held.rate[0] * (1 - held.rate[0]))
                          + HALF * (np.bincount(moves.speaker)[moves.speaker] * held.likely[0]
                                    * np.log(held.deviating[0])).sum()))
    assert all(after >= before - 1e-9 for before, after in itertools.pairwise(said))
    assert said[-1] > said[0] + 1


def learn_first(ways: Any, held: Weights) -> Any:
    """Return the share that the background gives each way among those of its turn."""
    share = np.array([held.likely[0][ways.fits[what]].sum() for what in ways.what])
    return share / np.bincount(ways.turn, weights=share)[ways.turn]


def test_weights_come_near_what_was_built_in() -> None:
    # In "withdrawal" the therapist invites three times in four and notices once; every fifth move is a link, off model.
    episodes = [[WD, *[LINK] * (at % 5 == 0), NOTICE if at % 4 == 0 else INVITE, HALFWAY] for at in range(800)]
    moves = scored_moves(cohort_of(*episodes), BOTH[:1])
    ways = ways_of(moves.alphabets[0], moves.symbol[0].astype(np.int64), moves.speaker)
    held = learn(ways, moves, moves.alphabets[0].start, np.ones((1, len(moves.kind))))
    model, speakers = moves.alphabets[0].model, int(moves.speaker.max()) + 1
    leaving = {str(model.transitions[what // speakers].when): float(one) for source, target, what, one in zip(
        ways.source, ways.target, ways.what, held.way[0], strict=True) if (source, target) == (0, 1)}
    assert leaving["therapist: invites_exploration"] == pytest.approx(0.75, abs=0.02)
    link = moves.kind[1]
    assert float(held.rate[0] * held.deviating[0][link]) == pytest.approx(1 / 6, abs=0.01)    # of the therapist's
    assert held.deviating[0][link] > 0.85 > 4 * held.likely[0][link]


def test_a_model_that_allows_everything_in_one_state_is_independent_moves_and_no_better() -> None:
    said = {party: sorted({str(name) for code in STAGES.codes if not code.parties or party in code.parties
                           for name in code.functions}) for party in ("client", "therapist")}
    head = ('format = 1\nname = "anything"\ntitle = "A"\nsource = "S"\ntype = "any"\n[[states]]\nname = "a"\n'
            'phase = "rupture"\ninitial = true\nend = true\nevidence = "assumption"\n')
    arrows = "".join(f'[[transitions]]\nfrom = "a"\nto = "a"\nevidence = "assumption"\nwhen = {{ party = "{party}", '
                     f'function = {names} }}\n' for party, names in said.items())
    moves = scored_moves(cohort_of(*(12 * FEW)), [parse_model(head + arrows)])
    assert (moves.symbol[0][moves.kind] > 0).all()
    fold = np.arange(len(moves.dyads), dtype=np.int64) % 10
    own, other, bare = (one.scores(fold).mean() for one in (process_model(moves, 0), independent(moves), flower(moves)))
    assert own == pytest.approx(other, abs=0.01)
    assert bare < other - 0.1


def test_many_folds_of_a_large_model_are_worked_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    moves, fold = scored_moves(cohort_of(*FEW), BOTH), np.arange(4, dtype=np.int64)
    together = process_model(moves, 0).scores(fold)
    monkeypatch.setattr(scoring_models, "_AT_ONCE", 400)
    assert process_model(moves, 0).scores(fold).tolist() == pytest.approx(together.tolist(), rel=1e-12)


# --- what is scored ---------------------------------------------------------------------------------------------------


def test_what_not_every_model_speaks_of_is_seen_but_not_told_apart_in_scoring() -> None:
    moves = scored_moves(cohort_of(*FEW), BOTH)
    names = {(episode, at): kind for episode, (low, said) in enumerate(zip(
        moves.episodes.offsets.tolist(), FEW, strict=False)) for at, kind in enumerate(
            moves.kind[low : low + len(said)].tolist())}
    notice, link, invite = names[0, 3], names[0, 7], names[0, 1]
    assert len({notice, link, invite}) == 3    # withdrawal-2000 has an arrow for noticing, safran-muran-1996 has none
    assert moves.outcome[notice] == moves.outcome[link] != moves.outcome[invite]
    assert moves.scored.tolist() == [at > 0 for said in FEW for at in range(len(said))]
    assert "invites_exploration" in moves.shared
    assert "notices" not in moves.shared


def test_moves_of_nobody_and_codes_outside_what_the_codebook_allows_are_kinds_too() -> None:
    moves = scored_moves(cohort_of([WD, (None, "invite"), ("client", "invite"), INVITE]), BOTH)
    assert moves.speaker[moves.kind].tolist() == [0, 2, 0, 1]
    assert len(set(moves.outcome[moves.kind[1:]].tolist())) == 3


def test_guards_tell_kinds_apart_and_not_outcomes() -> None:
    head = ('format = 1\nname = "guarded"\ntitle = "A"\nsource = "S"\ntype = "any"\n[[states]]\nname = "a"\n'
            'phase = "rupture"\ninitial = true\nevidence = "assumption"\n[[states]]\nname = "z"\nphase = "repair"\n'
            'end = true\nevidence = "assumption"\n[[transitions]]\nfrom = "a"\nto = "z"\nevidence = "assumption"\n'
            'when = { function = "invites_exploration", min_seconds = 15 }\n')
    moves = scored_moves(cohort_of([WD, INVITE, WD, INVITE]), [parse_model(head)])
    clock, bare = (len(np.flatnonzero(moves.speaker == 1)) for _ in range(2))
    assert clock == bare == 3    # an invitation after 15 s, one before, and all else
    assert len(set(moves.outcome[moves.speaker == 1].tolist())) == 2


def test_only_episodes_that_every_model_takes() -> None:
    cohort = cohort_of(*FEW)
    rows = [attrs.evolve(row, rupture_type=RuptureType.CONFRONTATION if at == 1 else None) for at, row in enumerate(cohort.coded.rows)]
    held = Cohort.of(list(cohort.moves), coding=cohort.coding, episodes=rows)
    anybody = attrs.evolve(BOTH[1], name="any-type", type=None)
    for named in ([anybody, BOTH[0]], [BOTH[0], anybody]):
        found = scored_moves(held, named)
        assert list(map(str, found.episodes.rows.words("episode"))) == ["E00", "E02", "E03"]
        assert found.left_out == {"opened with another rupture type than withdrawal": 1}
    assert len(scored_moves(held, [anybody]).episodes) == len(scored_moves(held, BOTH, any_type=True).episodes) == 4


@pytest.mark.parametrize(("named", "said"), [
    ((), "no process model to compare"), ((BOTH[0], BOTH[0]), "withdrawal-2000 is named twice"),
    ((attrs.evolve(BOTH[0], name="flower"),), "flower is the name of a baseline"),
    ((BOTH[0], load_model("confrontation-2000")), "withdrawal-2000 for withdrawal, confrontation-2000 for confrontation")])
def test_models_that_cannot_be_compared_are_refused(named: tuple[StateMachine, ...], said: str) -> None:
    with pytest.raises(RecordError, match=said):
        scored_moves(cohort_of(*FEW), named)


def test_models_without_a_shared_function_are_refused() -> None:
    with pytest.raises(NotEstimable, match=r"share no function that a code of stages shows \(they share: none\)"):
        shared_functions([load_model("relatedness-self-definition"), BOTH[0]], STAGES)
    with pytest.raises(NotEstimable, match=r"code of sasb shows \(they share: acknowledges, acknowledges_contribution"):
        shared_functions(BOTH[:1], load_codebook("sasb"))
