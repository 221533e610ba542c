"""Escaping edges: worked examples, an oracle, and what subsamples are drawn."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.alphabet import compile_model
from rupturekit.codebooks import load_codebook
from rupturekit.conformance import precision
from rupturekit.conformance.costs import Accept, AlignmentCosts
from rupturekit.conformance.precision import escaping_edges, model_path, rarefied_precision, steps_allowed
from rupturekit.errors import NotEnoughData, NotEstimable
from rupturekit.state_machine import load_model, parse_model

ANYWHERE = AlignmentCosts(accept=Accept.ANY_PREFIX)
HEAD = ('format = 1\nname = "small"\ntitle = "T"\nsource = "S"\ntype = "any"\n'
        '[[states]]\nname = "a"\nphase = "rupture"\ninitial = true\nevidence = "assumption"\n'
        '[[states]]\nname = "b"\nphase = "negotiation"\nevidence = "assumption"\n'
        '[[states]]\nname = "c"\nphase = "repair"\nend = true\nevidence = "assumption"\n')


def arrow(source: str, target: str, when: str) -> str:
    """Return an arrow as text; `when` is a function, or nothing for a silent one."""
    said = f'when = {{ function = "{when}" }}' if when else "silent = true"
    return f'[[transitions]]\nfrom = "{source}"\nto = "{target}"\nevidence = "assumption"\n{said}\n'


BOOK = load_codebook("stages")
SMALL = compile_model(parse_model(HEAD + arrow("a", "b", "invites_exploration") + arrow("a", "a", "withdrawal_marker") + arrow(
    "b", "c", "self_assertion") + arrow("b", "a", "claims_agency")), BOOK)
SILENT = compile_model(parse_model(HEAD + arrow("a", "b", "") + arrow("b", "c", "self_assertion")), BOOK)
INVITES, MARKS, ASSERTS = (f"either: {name}" for name in ("invites_exploration", "withdrawal_marker", "self_assertion"))


def symbols(alphabet: Any, *codes: str) -> list[int]:
    place = {code.code: at for at, code in enumerate(alphabet.codebook.codes)}
    return [int(alphabet.symbol[0, place.get(code, -1), 0, 0, 0]) for code in codes]


def test_states_allow_what_some_code_shows_also_past_what_none_does() -> None:
    assert BOOK.codes_for("claims_agency") == ()
    assert steps_allowed(SMALL) == ({INVITES, MARKS}, {ASSERTS, INVITES, MARKS}, set())    # b leads back to a, unseen
    assert steps_allowed(SILENT) == ({ASSERTS}, {ASSERTS}, set())


def test_a_path_is_what_the_alignment_leaves_of_an_episode() -> None:
    allowed = steps_allowed(SMALL)
    path = model_path(SMALL, AlignmentCosts(), symbols(SMALL, "wd", "validate", "self-assert"), allowed)
    assert path == ((MARKS, allowed[0]), (INVITES, allowed[0]), (ASSERTS, allowed[1]), ("", allowed[2]))
    silent = model_path(SILENT, AlignmentCosts(), symbols(SILENT, "self-assert"), steps_allowed(SILENT))
    assert [step for step, _ in silent] == [ASSERTS, ""]


def test_precision_of_a_worked_example() -> None:
    # wd invite assert, and invite assert. Before anything: 2 visits, {invites, marks} allowed, both taken: 4 of 4.
    # After wd: 1 of 2. After wd invite, and after invite: 1 of 3 each. At the ends nothing is allowed. In all 7 of 12.
    allowed = steps_allowed(SMALL)
    paths = [model_path(SMALL, AlignmentCosts(), symbols(SMALL, *codes), allowed)
             for codes in (("wd", "invite", "self-assert"), ("invite", "self-assert"))]
    assert escaping_edges(paths) == pytest.approx(7 / 12)
    assert escaping_edges(paths[:1] * 5) == pytest.approx(3 / 7)
    with pytest.raises(NotEstimable, match="allows no step"):
        escaping_edges([(("", frozenset()),)])


STEPS = st.sampled_from("abc")


@given(st.lists(st.lists(STEPS, max_size=4), min_size=1, max_size=5), st.sets(STEPS, min_size=1))
def test_escaping_edges_are_those_of_every_visit(runs: list[list[str]], may: set[str]) -> None:
    paths = [tuple((step, frozenset(may)) for step in [*run, ""]) for run in runs]
    taken, allowed = 0, 0
    for run in runs:
        for at in range(len(run) + 1):
            after = {other[at] for other in runs if len(other) > at and other[:at] == run[:at]}
            taken += len(after)
            allowed += len(after | may)
    assert escaping_edges(paths) == pytest.approx(taken / allowed)


def test_more_episodes_take_more_so_they_are_drawn_down() -> None:
    alphabet = compile_model(load_model("withdrawal-2000"), BOOK)
    runs = [symbols(alphabet, *codes) for codes in (
        ("wd", "invite", "qual-assert", "self-assert"), ("wd", "notice", "qual-assert", "avoid-assert", "self-assert"),
        ("wd", "wd", "invite", "invite", "self-assert"), ("wd", "self-assert"))]
    made = [rarefied_precision(alphabet, ANYWHERE, runs.__getitem__, n=4, episodes=episodes) for episodes in (1, 2, 4)]
    assert made == sorted(made)
    allowed = steps_allowed(alphabet)
    paths = [model_path(alphabet, ANYWHERE, run, allowed) for run in runs]
    assert made[2] == pytest.approx(escaping_edges(paths))
    assert made[0] == pytest.approx(statistics.mean(escaping_edges([path]) for path in paths), abs=0.05)


def test_subsamples_hold_different_episodes_all_equally_often() -> None:
    drawn = [precision._picked(key, 3, 5) for key in range(600)]
    assert all(len(set(one)) == 3 for one in drawn)
    counts = Counter(at for one in drawn for at in one)
    assert all(abs(counts[at] - 360) < 5 * (600 * 0.6 * 0.4) ** 0.5 for at in range(5))
    assert sorted(precision._picked(1, 4, 4)) == [0, 1, 2, 3]


def test_too_few_episodes_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="precision is told of 10 episodes, and there are 3"):
        rarefied_precision(SMALL, ANYWHERE, lambda at: [], n=3)
