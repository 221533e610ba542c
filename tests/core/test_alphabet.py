"""What a codebook lets a model see, and the guards that fold into its symbols."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.alphabet import Coverage, Observability, Reason, compile_model, coverage
from rupturekit.codebooks import Code, Codebook, load_codebook
from rupturekit.episode import Coding, Episode, Move
from rupturekit.errors import PartyMismatch, UnknownState
from rupturekit.state_machine import Condition, State, StateMachine, Transition, load_model, model_names, parse_model
from rupturekit.traces import Trace, trace
from rupturekit.vocabulary import Evidence, Phase, TimeKind
from strategies import SECOND, Parts, codebooks, models, products, renamed, set_text

STAGES = load_codebook("stages")


def book(**functions: str) -> Codebook:
    """Make a codebook: code to functions, separated by blanks."""
    return attrs.evolve(STAGES, codes=tuple(Code(code=code, label=code, functions=tuple(does.split()))
                                            for code, does in functions.items()))


def arrow(source: str, target: str, function: str | None, **guard: Any) -> Transition:
    when = None if function is None else Condition(functions=tuple(function.split()), **guard)
    return Transition(source=source, target=target, when=when, evidence=Evidence.ASSUMPTION)


def machine(names: str, *arrows: Transition) -> StateMachine:
    states = tuple(State(name=name.strip("!"), phase=Phase.RUPTURE, initial=at == 0, end=name.endswith("!"))
                   for at, name in enumerate(names.split()))
    return StateMachine(name="m", title="M", source="S", states=states, transitions=arrows)


def walk(model: StateMachine, codebook: Codebook, *said: dict[str, Any] | str, time: TimeKind = TimeKind.CLOCK,
         follow_skips: bool = True) -> Trace:
    """Trace moves that come a second apart, unless they say otherwise."""
    fields = [{"code": one} if isinstance(one, str) else one for one in said]
    moves = [Move(**{"row_id": at, "dyad": "D", "session": 1, "track": "r", "party": "client", "onset": at * SECOND} | one)
             for at, one in enumerate(fields)]
    return trace(Episode.of(moves, coding=Coding(codebook=codebook, time=time)), model, follow_skips=follow_skips)


# --- coverage --------------------------------------------------------------------------------------------------


def test_the_3rs_of_2015_shows_two_states_of_the_withdrawal_model() -> None:
    said = coverage(load_codebook("3rs-2015"), load_model("withdrawal-2000"))
    assert {name: seen.value for name, seen, *_ in said.states} == {
        "withdrawal": "given", "disembedding": "partly", "qualified_assertion": "not observable",
        "avoidance": "not observable", "self_assertion": "not observable"}
    assert said.of("self_assertion") is Observability.NOT_OBSERVABLE
    assert said.unobservable == ("qualified_assertion", "avoidance", "self_assertion")
    assert "self_assertion" in said.functions_without_code
    assert "cf-therapist" in said.codes_off_model
    assert said.codes_without_function == ()
    assert repr(said) == "Coverage('withdrawal-2000' by '3rs-2015': 2 of 5 states can be seen)"


@pytest.mark.parametrize("model", ["withdrawal-2000", "confrontation-2000", "safran-muran-1996"])
def test_the_stages_codebook_shows_every_state_of_the_models_it_was_made_for(model: str) -> None:
    assert coverage(STAGES, load_model(model)).unobservable == ()


def test_codes_count_only_for_the_party_they_can_be_given() -> None:
    model = machine("a b!", arrow("a", "b", "f", party="therapist"))
    for parties, seen in ((), Observability.OBSERVABLE), (("client",), Observability.NOT_OBSERVABLE), (
            ("client", "therapist"), Observability.OBSERVABLE):
        one = attrs.evolve(STAGES, codes=(Code(code="x", label="x", functions=("f",), parties=parties),))
        assert coverage(one, model).of("b") is seen


def test_coverage_prints_what_shows_and_what_lacks() -> None:
    model = machine("a b c!", arrow("a", "b", "f g"), arrow("b", "c", "h"))
    said = coverage(book(x="f", y="", z="other", v="f h"), model)
    assert str(said).splitlines() == [
        "m seen with stages", "  a reconstruction after S; arrows: 0 read, 0 secondary, 0 recalled, 2 assumption",
        "  a  given", "  b  partly          by x, v  no code for g", "  c  observable      by v",
        "  functions that no code has: g", "  codes without a function: y", "  codes whose function the model does not use: z"]


def test_kinds_of_moves_that_fit_arrows_to_different_states_are_told() -> None:
    model = machine("a b c!", arrow("a", "b", "f", party="client"), arrow("a", "c", "g"), arrow("b", "c", "f"))
    said = coverage(book(both="f g", one="f"), model)
    assert said.ambiguous == (("a", "both", "client"),)
    assert "ambiguous in a: both by client" in str(said)
    either = machine("a b c!", arrow("a", "b", "f"), arrow("a", "c", "g"), arrow("b", "c", "f"))
    assert coverage(book(both="f g"), either).ambiguous == (("a", "both", "client"), ("a", "both", "therapist"))


def test_an_unknown_state_of_a_coverage_is_refused_with_the_nearest() -> None:
    said = coverage(STAGES, load_model("withdrawal-2000"))
    with pytest.raises(UnknownState, match=r"withdrawal-2000 has no state 'avoidence'; did you mean 'avoidance'\?"):
        said.of("avoidence")


def test_markup_in_a_coverage_is_escaped() -> None:
    bad = "<script>"
    said = Coverage(model=bad, codebook=bad, evidence=bad, states=((bad, Observability.PARTLY, (bad,), (bad,)),),
                    codes_without_function=(), codes_off_model=(), functions_without_code=(), ambiguous=())
    assert bad not in said._repr_html_()
    assert said._repr_html_().count("&lt;script&gt;") == 6


@given(codebooks(), models())
def test_coverage_sorts_codes_and_functions_into_those_that_meet(codebook: Codebook, model: StateMachine) -> None:
    said = coverage(codebook, model)
    assert [name for name, *_ in said.states] == list(model.index)
    assert said.codes_without_function == tuple(c.code for c in codebook.codes if not c.functions)
    assert said.codes_off_model == tuple(c.code for c in codebook.codes
                                         if c.functions and not set(c.functions) & set(model.functions))
    assert set(said.functions_without_code) == {name for name in model.functions
                                                if not any(name in code.functions for code in codebook.codes)}


@given(st.data(), models())
def test_renaming_renames_the_coverage(data: st.DataObject, model: StateMachine) -> None:
    study = Parts(coding=Coding(codebook=data.draw(codebooks())))
    names, other, there = renamed(study, model)
    before = coverage(study.coding.codebook, model)
    after = coverage(other.coding.codebook, there, parties=other.coding.parties)

    def say(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names[word] for word in words)

    assert after.states == tuple((names[name], seen, say(codes), say(lacks)) for name, seen, codes, lacks in before.states)
    assert after.codes_off_model == say(before.codes_off_model)
    assert set(after.functions_without_code) == set(say(before.functions_without_code))
    assert set(after.ambiguous) == {say(one) for one in before.ambiguous}


# --- parties ---------------------------------------------------------------------------------------------------


def test_a_model_that_names_a_party_the_study_lacks_is_refused_with_a_sentence() -> None:
    with pytest.raises(PartyMismatch, match="model 'withdrawal-2000' speaks of client, therapist, but this study's parties "
                                            "are partner_a and partner_b; name the study's parties in a copy of the model"
                       ) as told:
        coverage(STAGES, load_model("withdrawal-2000"), parties=("partner_a", "partner_b"))
    assert told.value.value == "client"
    with pytest.raises(PartyMismatch, match=r"speaks of client, but .* did you mean 'clint'\?"):
        compile_model(machine("a b!", arrow("a", "b", "f", party="client")), STAGES, parties=("clint", "other"))


def test_a_couple_is_traced_by_a_model_that_names_no_party() -> None:
    model = machine("a b c!", arrow("a", "b", "f"), arrow("b", "c", "g"))
    coding = Coding(codebook=book(x="f", y="g"), parties=("partner_a", "partner_b"))
    moves = [Move(row_id=at, dyad="D", session=1, track="r", onset=at, party=f"partner_{who}", code=code)
             for at, (who, code) in enumerate(["ax", "by"])]
    assert trace(Episode.of(moves, coding=coding), model).path == ("a", "b", "c")
    assert coverage(coding.codebook, model, parties=coding.parties).unobservable == ()


# --- the compiled tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", model_names())
def test_every_shipped_model_compiles_for_the_codebook_of_stages(name: str) -> None:
    made = compile_model(load_model(name), STAGES)
    assert made.next.shape[0] == len(made.model.states)
    assert made.next.dtype == made.symbol.dtype == np.int16
    assert made.symbol.shape[:2] == (3, len(STAGES.codes) + 1)
    assert (made.symbol[:, -1] == 0).all()
    assert made.start == 0


@given(codebooks(), models() | products(), st.booleans())
def test_symbol_zero_changes_no_state_and_tables_are_read_only(codebook: Codebook, model: StateMachine, follow: bool) -> None:
    made = compile_model(model, codebook, follow_skips=follow)
    assert made.next[:, 0].tolist() == list(range(len(model.states)))
    for one in (made, copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert np.array_equal(one.next, made.next)
        assert not any(array.flags.writeable for array in (one.symbol, one.next, one.reason))
    assert (made.ahead == {}) is (Reason.AHEAD not in made.forced.values())
    assert follow <= (made.ahead == {})


def test_a_model_without_any_condition_still_compiles() -> None:
    made = compile_model(machine("a!"), STAGES)
    assert made.next.tolist() == [[0]]
    one = walk(machine("a b!", arrow("a", "b", None)), book(x="f"), "x")
    assert (one.path, one.steps[0].reason) == (("a",), Reason.NO_ARROW)


# --- guards ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("guard", "rating", "taken"), [
    ({"min_rating": 2.0, "absent": "block"}, 2.0, True), ({"min_rating": 2.0, "absent": "block"}, 1.999, False),
    ({"max_rating": 2.0, "absent": "block"}, 2.0, True), ({"max_rating": 2.0, "absent": "block"}, 2.001, False),
    ({"min_rating": 1.0, "max_rating": 2.0, "absent": "pass"}, 1.5, True),
    ({"min_rating": 1.0, "max_rating": 2.0, "absent": "pass"}, 0.5, False),
    ({"min_rating": 2.0, "absent": "pass"}, None, True), ({"min_rating": 2.0, "absent": "block"}, None, False),
    ({"min_rating": 0.0, "absent": "block"}, 0.0, True),
])
def test_a_rating_guard(guard: dict[str, Any], rating: float | None, taken: bool) -> None:
    step, = walk(machine("a b!", arrow("a", "b", "f", **guard)), book(x="f"), {"code": "x", "rating": rating}).steps
    assert (step.taken, step.reason) == ((True, None) if taken else (False, Reason.GUARD))


ELAPSED = [({"min_elapsed": 5}, 5, True), ({"min_elapsed": 5}, 4, False), ({"max_elapsed": 5}, 5, True),
           ({"max_elapsed": 5}, 6, False), ({"min_elapsed": 2, "max_elapsed": 5}, 3, True), ({"min_elapsed": 0}, 0, True)]


@pytest.mark.parametrize("since", ["previous", "onset"])
@pytest.mark.parametrize(("guard", "onset", "taken"), ELAPSED)
def test_a_guard_on_elapsed_time(since: str, guard: dict[str, int], onset: int, taken: bool) -> None:
    model = machine("a b!", arrow("a", "b", "f", since=since, **guard))
    one = walk(model, book(x="f", y="g"), {"code": "y", "onset": 7}, {"code": "x", "onset": 7 + onset})
    assert one.steps[1].taken is taken


def test_previous_is_the_move_before_and_onset_the_first_of_the_episode() -> None:
    said = [{"code": "y", "onset": 0}, {"code": "y", "onset": 6}, {"code": "x", "onset": 10}]
    for since, least, taken in ("previous", 4, True), ("previous", 5, False), ("onset", 10, True), ("onset", 11, False):
        model = machine("a b!", arrow("a", "b", "f", since=since, min_elapsed=least))
        assert walk(model, book(x="f", y="g"), *said).steps[2].taken is taken


@pytest.mark.parametrize("since", ["previous", "onset"])
def test_no_time_has_elapsed_for_the_first_move_in_a_new_session_or_without_a_clock(since: str) -> None:
    model, codes = machine("a b!", arrow("a", "b", "f", since=since, max_elapsed=9 * SECOND)), book(x="f", y="g")
    assert walk(model, codes, "x").steps[0].taken is (since == "onset")
    assert not walk(model, codes, "y", {"code": "x", "session": 2}).steps[1].taken
    assert walk(model, codes, "y", "x").steps[1].taken
    assert not walk(model, codes, "y", {"code": "x", "onset": 1}, time=TimeKind.TURN).steps[1].taken


def test_guards_tell_two_arrows_apart() -> None:
    model = machine("a low! high!", arrow("a", "high", "f", min_rating=3, absent="pass"),
                    arrow("a", "low", "f", max_rating=2.999, absent="block"))
    for rating, end in (3.0, "high"), (2.999, "low"), (None, "high"):
        assert walk(model, book(x="f"), {"code": "x", "rating": rating}).end == end


# --- reasons ---------------------------------------------------------------------------------------------------

CODES = book(f="f", g="g", h="h", fg="f g", none="", k="k")
MODEL = machine("a b c d! e!", arrow("a", "b", "f", party="client"), arrow("a", "c", "g"), arrow("b", "c", "h"),
                arrow("c", "d", "k", min_rating=3, absent="block"), arrow("d", "d", "k"), arrow("b", "e", "g"),
                arrow("e", "a", "f"))


@pytest.mark.parametrize(("said", "reason", "follow_skips"), [
    (["none"], Reason.NO_FUNCTION, True),
    (["f", "f"], Reason.NO_ARROW, True),
    ([{"code": "f", "party": "therapist"}], Reason.WRONG_PARTY, True),
    ([{"code": "f", "party": None}], Reason.WRONG_PARTY, True),
    (["g", {"code": "k", "rating": 2.0}], Reason.GUARD, True),
    (["g", "k"], Reason.GUARD, True),
    (["g", {"code": "k", "rating": 3.0}, "f"], Reason.AFTER_END, True),
    (["fg"], Reason.AMBIGUOUS, True),
    (["h"], Reason.AHEAD, False),
    (["f", "g", "h"], Reason.NO_ARROW, True),
])
def test_each_reason_is_given_where_it_holds(said: list[Any], reason: Reason, follow_skips: bool) -> None:
    *_, last = walk(MODEL, CODES, *said, follow_skips=follow_skips).steps
    assert last.reason is reason
    assert last.before == last.after
    assert (last.arrow, last.passed, last.taken) == (None, (), False)


def test_every_reason_is_tried_above() -> None:
    mark, = (mark for mark in test_each_reason_is_given_where_it_holds.pytestmark if mark.name == "parametrize")
    assert {reason for _, reason, _ in mark.args[1]} == set(Reason)


def test_a_move_that_lies_ahead_names_what_would_come_first_whether_followed_or_not() -> None:
    followed, stayed = (walk(MODEL, CODES, "h", follow_skips=follow) for follow in (True, False))
    assert (followed.path, followed.steps[0].skipped, followed.skipped) == (("a", "c"), ("b",), ("b",))
    assert (stayed.path, stayed.steps[0].skipped) == (("a",), ("b",))


def test_two_ways_ahead_of_equal_price_to_different_states_are_ambiguous() -> None:
    model = machine("a b c d e!", arrow("a", "b", "f"), arrow("a", "c", "g"), arrow("b", "d", "h"), arrow("c", "e", "h"),
                    arrow("d", "e", "k"))
    assert walk(model, CODES, "h").steps[0].reason is Reason.AMBIGUOUS


# --- passed and skipped ----------------------------------------------------------------------------------------


def test_what_no_code_shows_is_passed_and_what_one_could_have_shown_is_skipped() -> None:
    model = machine("a b c d!", arrow("a", "b", "f"), arrow("b", "c", "g"), arrow("c", "d", "h"))
    for codes, passed, skipped in (book(x="h"), ("b", "c"), ()), (book(x="h", y="g"), ("b",), ("c",)), (
            book(x="h", y="g", z="f"), (), ("b", "c")):
        step, = walk(model, codes, "x").steps
        assert (step.after, step.passed, step.skipped) == ("d", passed, skipped)


def test_the_way_that_skips_least_is_taken_then_the_shortest_then_the_first() -> None:
    model = machine("a b c d e!", arrow("a", "b", "f"), arrow("b", "d", "silent"), arrow("a", "c", "silent"),
                    arrow("c", "b", "silent"), arrow("d", "e", "h"))
    step, = walk(model, book(x="h", y="f"), "x").steps
    assert (step.skipped, step.passed) == (("b",), ("d",))
    first, second = arrow("a", "b", "f"), arrow("a", "c", "f")
    for arrows, skipped in ((first, second), ("b",)), ((second, first), ("c",)):
        model = machine("a b c d e!", *arrows, arrow("b", "d", "g"), arrow("c", "d", "g"), arrow("d", "e", "h"))
        step, = walk(model, book(x="h", y="f"), "x").steps
        assert step.skipped == skipped


def test_a_silent_arrow_into_a_state_that_others_show_is_neither_passed_nor_skipped() -> None:
    model = machine("a b c!", arrow("a", "b", None), arrow("c", "b", "f"), arrow("b", "c", "g"))
    step, = walk(model, book(x="g", y="f"), "x").steps
    assert (step.after, step.passed, step.skipped) == ("c", (), ())
    assert coverage(book(x="g", y="f"), model).of("b") is Observability.OBSERVABLE


def test_no_way_ahead_leads_through_an_end_or_backward_past_what_could_be_seen() -> None:
    through = machine("a b! c!", arrow("a", "b", "f"), arrow("b", "c", "g"))
    assert walk(through, book(x="g", y="f"), "x").steps[0].reason is Reason.NO_ARROW
    back = machine("a z b c!", arrow("a", "b", "f"), arrow("b", "z", "g"), arrow("z", "c", "h"), arrow("z", "b", "f"))
    assert walk(back, book(x="h", y="f", w="g"), "y", "x").steps[1].reason is Reason.NO_ARROW


def test_in_a_product_a_step_that_no_code_shows_is_passed_though_the_other_chain_shows_the_state() -> None:
    codes = tuple(code for code in STAGES.codes if code.code not in ("notice", "acknowledge", "articulate"))
    theirs = tuple(attrs.evolve(STAGES[code], parties=("therapist",)) for code in ("notice", "acknowledge", "articulate"))
    said = [{"code": code, "party": "therapist"} for code in ("notice", "acknowledge", "articulate", "reflect")]
    one = walk(load_model("recognition"), attrs.evolve(STAGES, codes=(*codes, *theirs)), *said)
    assert one.end == "reflecting_together"
    assert one.passed == ("client_notices", "client_acknowledges", "client_articulates")
    assert one.skipped == ()


def test_a_strategy_that_no_code_shows_counts_as_passed_whatever_was_seen_before() -> None:
    model = parse_model(set_text(["s0", "s1"], 2))
    for said in (["s0", "join"], ["join"]):
        one = walk(model, book(s0="s0", join="join"), *said)
        assert (one.end, one.passed) == (("z", ("s1",)) if "s0" in said else ("a", ()))


def test_of_ways_that_skip_alike_only_the_shortest_count() -> None:
    model = machine("a b c d x! y!", arrow("a", "b", "p"), arrow("a", "c", "q"), arrow("c", "d", "r"), arrow("b", "x", "f"),
                    arrow("d", "y", "f"))
    assert walk(model, book(v="f"), "v").path == ("a", "x")


def test_the_strategies_of_a_set_are_never_skipped() -> None:
    model = load_model("renegotiation")
    step, = walk(model, STAGES, "resume").steps
    assert (step.after, step.reason) == ("task_rupture", Reason.NO_ARROW)
