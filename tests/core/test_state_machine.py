"""Process models as data, and every check on their graph."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import attrs
import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit.codebooks import Code, load_codebook
from rupturekit.episode import Coding, Episode, Move
from rupturekit.errors import (
    AmbiguousTransition,
    DefinitionError,
    FileProblem,
    NoPathToEnd,
    RecordError,
    StateMachineError,
    UnknownState,
    UnreachableState,
)
from rupturekit.state_machine import (
    MAX_BUCKETS,
    MAX_STATES,
    Condition,
    State,
    StateMachine,
    Transition,
    as_model,
    check_model,
    load_model,
    model_names,
    parse_model,
    rating_cuts,
    read_model,
    states_without_end,
)
from rupturekit.traces import trace
from rupturekit.vocabulary import FUNCTIONS, Evidence, Outcome, Phase, RuptureType
from strategies import ENDS, HEAD, chains_text, models, set_text

SMALL = HEAD + ENDS + '[[transitions]]\nfrom = "a"\nto = "z"\nwhen = { function = "notices" }\nevidence = "assumption"\n'


def arrow(source: str, target: str, function: str | None = "notices", **guard: Any) -> Transition:
    when = None if function is None else Condition(functions=(function,), **guard)
    return Transition(source=source, target=target, when=when, evidence=Evidence.ASSUMPTION)


def machine(names: str, *arrows: Transition, **changed: Any) -> StateMachine:
    """Make a model: the first state is initial, those with `!` are ends."""
    states = [State(name=name.strip("!"), phase=Phase.RUPTURE, initial=at == 0, end=name.endswith("!"))
              for at, name in enumerate(names.split())]
    return StateMachine(**{"name": "m", "title": "M", "source": "S", "states": tuple(states), "transitions": arrows}
                        | changed)


# --- the models that come with the package ---------------------------------------------------------------------


@pytest.mark.parametrize("name", model_names())
def test_a_shipped_model_loads_and_every_arrow_has_its_evidence(name: str) -> None:
    model = load_model(name)
    check_model(model)
    assert model.name == name
    assert states_without_end(model) == ()
    assert set(model.functions) <= set(FUNCTIONS)
    assert set(model.parties) <= {"client", "therapist"}
    for one in (*model.states, *model.transitions):
        assert one.evidence in Evidence
        assert one.locator or one.evidence is not Evidence.READ
        assert one.named or one.evidence is not Evidence.SECONDARY


@pytest.mark.parametrize("name", model_names())
def test_a_model_with_under_half_its_arrows_read_says_so(name: str) -> None:
    model = load_model(name)
    counts = model.evidence_counts()
    few = counts[Evidence.READ] < sum(counts.values()) / 2
    assert model.is_reconstruction is few
    assert model.evidence_text().startswith(f"a reconstruction after {model.source}; arrows: ") is few


def test_a_model_with_half_its_arrows_read_is_no_reconstruction_and_a_declaration_counts_once() -> None:
    read, assumed = attrs.evolve(arrow("a", "b"), evidence=Evidence.READ), arrow("b", "a")
    assert not machine("a b!", read, assumed).is_reconstruction
    assert machine("a b!", read, assumed, arrow("b", "b")).is_reconstruction
    once = [attrs.evolve(one, declared="chain") for one in (assumed, assumed)]
    assert machine("a b!", read, *once).evidence_counts()[Evidence.ASSUMPTION] == 1


@pytest.mark.parametrize("name", model_names())
def test_graph_and_table_agree_with_the_order_of_states(name: str) -> None:
    model = load_model(name)
    assert list(model.graph.nodes) == list(model.index) == [state.name for state in model.states]
    assert list(model.index.values()) == list(range(len(model.states)))
    assert model.graph.number_of_edges() == len(model.transitions)
    assert {(a, b) for a, b, _ in model.graph.edges} == {(a.source, a.target) for a in model.transitions}


def test_an_unknown_model_is_refused_with_the_nearest_and_a_way_out() -> None:
    with pytest.raises(DefinitionError, match=r"no process model 'recogniton'; did you mean 'recognition'\?; known: .*"
                                              "a TOML file: give its path"):
        load_model("recogniton")


# --- one model -------------------------------------------------------------------------------------------------


@given(models(), models())
def test_equal_models_and_only_they_have_equal_digests(one: StateMachine, other: StateMachine) -> None:
    assert (one == other) == (one.digest == other.digest)
    assert attrs.evolve(one).digest == one.digest


@given(models())
def test_a_model_answers_from_its_states_and_arrows(model: StateMachine) -> None:
    check_model(model)
    assert [model[name] for name in model.index] == list(model.states)
    assert model[model.initial].initial
    assert model.ends == tuple(state.name for state in model.states if state.end)
    spoken = [one.when for one in model.transitions if one.when]
    assert set(model.parties) == {when.party for when in spoken} - {None}
    assert set(model.functions) == {name for when in spoken for name in when.functions}
    assert sum(model.evidence_counts().values()) == len(model.transitions)
    assert all(one.step == one.target for one in model.transitions)


def test_an_unknown_state_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownState, match=r"withdrawal-2000 has no state 'avoidence'; did you mean 'avoidance'\?; its states"):
        load_model("withdrawal-2000")["avoidence"]


def test_a_model_prints_its_states_and_arrows() -> None:
    model = machine("a b!", arrow("a", "b", party="client", min_rating=2, absent="pass"), arrow("b", "a", None))
    model = attrs.evolve(model, states=(model.states[0], attrs.evolve(model.states[1], outcome=Outcome.PARTIAL)))
    assert repr(model) == "StateMachine('m', 2 states, 2 arrows)"
    assert str(model).splitlines() == [
        "m: M", "  a reconstruction after S; arrows: 0 read, 0 secondary, 0 recalled, 2 assumption",
        "  a (rupture, start)", "      --client: notices [rating >= 2]--> b (assumption)",
        "  b (rupture, end: partial)", "      --silent--> a (assumption)"]
    assert str(model.transitions[1]) == "b --silent--> a (assumption)"
    assert "b (rupture, end)" in str(machine("a b!", arrow("a", "b")))


def test_a_condition_is_said_with_its_guards() -> None:
    guarded = Condition(functions=("x", "y"), max_rating=2.5, min_elapsed=1_500_000, max_elapsed=9_000_000, since="onset")
    assert str(guarded) == "either: x or y [rating <= 2.5, 1.5 s or more since onset, 9 s or less since onset]"
    assert (guarded.rates, guarded.times) == (True, True)
    assert (Condition().rates, Condition().times) == (False, False)


def test_markup_in_a_model_is_escaped() -> None:
    bad = "<script>"
    page = machine("a b!", arrow("a", bad, bad), arrow(bad, "b"), title=bad, source=bad, name=bad)._repr_html_()
    assert bad not in page
    assert page.count("&lt;script&gt;") >= 6


# --- checks ----------------------------------------------------------------------------------------------------

SOUND = (arrow("a", "b", "x"), arrow("b", "c", "x"))
EIGHT = [arrow("a", "a", f"f{at}", min_rating=at, absent="block") for at in range(1, MAX_BUCKETS)]


@pytest.mark.parametrize(("model", "kind", "says"), [
    (machine("a b c!", *SOUND, arrow("b", "cc", "y")), UnknownState,
     "m: arrow b -> cc names the state 'cc', which is not there"),
    (machine("start b c!", arrow("strat", "b")), UnknownState,
     "m: arrow strat -> b names the state 'strat', which is not there; did you mean 'start'?"),
    (machine("a b c!", *SOUND, arrow("a", "c", "x")), AmbiguousTransition,
     "m: one move could go from 'a' both to 'b' (either: x) and to 'c' (either: x); tell them apart by party, function"),
    (machine("a b c! d", *SOUND, arrow("d", "c", "x")), UnreachableState,
     "m: no path leads from 'a' to 'd'; add an arrow to it or drop the state"),
    (machine("a b c! d", *SOUND, arrow("b", "d", "y")), NoPathToEnd, "m: from 'd' no end can be reached; add an arrow towards c, or set end"),
    (machine("a b c", *SOUND), NoPathToEnd, "m: no state has end = true; mark at least one"),
    (machine("a b c! c!", *SOUND), StateMachineError, "m: state 'c' stands 2 times; give each its own name"),
    (machine("a b c! d", *SOUND, arrow("a", "d", None), arrow("d", "a", None)), StateMachineError,
     "m: the silent arrows a -> d -> a go in a circle; give one of them a condition"),
    (machine("a b c!", *SOUND, arrow("a", "a", None)), StateMachineError, "m: the silent arrows a -> a go in a circle"),
    (machine("a b c!", *SOUND, *EIGHT, arrow("a", "a", "g", min_rating=0.5, absent="block")), StateMachineError,
     "m: the rating guards cut the scale into 9 buckets, at most 8 are allowed; use fewer thresholds"),
])
def test_each_check_finds_its_mistake(model: StateMachine, kind: type[StateMachineError], says: str) -> None:
    with pytest.raises(kind) as told:
        check_model(model)
    assert type(told.value) is kind
    assert str(told.value).startswith(says)


def test_eight_rating_buckets_are_allowed() -> None:
    check_model(machine("a b c!", *SOUND, *EIGHT))


@pytest.mark.parametrize(("initial", "says"), [((), r"found 0 \(none\)"), ((0, 1), r"found 2 \(a, b\)")])
def test_a_model_has_one_initial_state(initial: tuple[int, ...], says: str) -> None:
    model = machine("a b c!", *SOUND)
    states = tuple(attrs.evolve(state, initial=at in initial) for at, state in enumerate(model.states))
    with pytest.raises(StateMachineError, match=f"m: expected one state with initial = true but {says}"):
        check_model(attrs.evolve(model, states=states))


def test_an_outcome_stands_on_an_end() -> None:
    model = machine("a b c!", *SOUND)
    states = (attrs.evolve(model.states[0], outcome=Outcome.REPAIRED), *model.states[1:])
    with pytest.raises(StateMachineError, match="m: state 'a' has an outcome but is no end; set end = true or drop"):
        check_model(attrs.evolve(model, states=states))


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(StateMachineError, match="m: 4 things are wrong with this model\n") as told:
        check_model(machine("a b b", arrow("a", "c"), arrow("d", "a")))
    assert [type(problem) for problem in told.value] == [StateMachineError, NoPathToEnd, UnknownState, UnknownState]
    with pytest.raises(StateMachineError, match="6 things are wrong") as told:
        check_model(machine("a b c! d e", *SOUND, arrow("a", "c", "x"), arrow("e", "e", None), arrow("d", "d", "x")))
    assert [type(problem) for problem in told.value] == [
        AmbiguousTransition, UnreachableState, UnreachableState, NoPathToEnd, NoPathToEnd, StateMachineError]


@pytest.mark.parametrize(("one", "other", "ambiguous"), [
    ({"party": "client"}, {"party": "therapist"}, False),
    ({"party": "client"}, {}, True),
    ({"min_rating": 3, "absent": "block"}, {"max_rating": 2.999, "absent": "pass"}, False),
    ({"min_rating": 3, "absent": "pass"}, {"max_rating": 2.999, "absent": "pass"}, True),
    ({"min_rating": 3, "absent": "block"}, {"max_rating": 3, "absent": "block"}, True),
    ({"min_rating": 3, "absent": "block"}, {}, True),
    ({"min_elapsed": 5}, {"max_elapsed": 4}, False),
    ({"min_elapsed": 5}, {"max_elapsed": 5}, True),
    ({"min_elapsed": 5}, {"max_elapsed": 4, "since": "onset"}, True),
    ({"min_elapsed": 5}, {}, True),
])
def test_arrows_are_told_apart_by_party_rating_and_time(one: dict[str, Any], other: dict[str, Any], ambiguous: bool
                                                        ) -> None:
    model = machine("a b c!", arrow("a", "b", "x", **one), arrow("a", "c", "x", **other), arrow("b", "c"))
    if ambiguous:
        with pytest.raises(AmbiguousTransition):
            check_model(model)
    else:
        check_model(model)


@given(models())
def test_states_without_an_end_are_those_from_which_no_walk_leads_to_one(model: StateMachine) -> None:
    cut = attrs.evolve(model, transitions=model.transitions[::2])
    lost = [name for name in cut.index if not any(nx.has_path(cut.graph, name, end) for end in cut.ends)]
    assert states_without_end(cut) == tuple(lost)


def test_rating_cuts_are_thousandths_at_which_a_bucket_begins() -> None:
    conditions = [Condition(min_rating=2.0), Condition(max_rating=2.0), Condition(min_rating=1.5, max_rating=9.0), Condition()]
    assert rating_cuts(conditions) == (1500, 2000, 2001, 9001)


# --- chains and sets -------------------------------------------------------------------------------------------

def walk(model: StateMachine, said: list[str]) -> list[str]:
    """Return the states that a model goes through when its functions are heard one after another, none skipped."""
    codes = tuple(Code(code=name, label=name, functions=(name,)) for name in model.functions)
    coding = Coding(codebook=attrs.evolve(load_codebook("stages"), codes=codes))
    moves = [Move(dyad="D", session=1, track="r", party="client", code=name, onset=at, row_id=at) for at, name in enumerate(said)]
    return [step.after for step in trace(Episode.of(moves, coding=coding), model, follow_skips=False).steps]


chains = st.lists(st.integers(1, 3), min_size=2, max_size=3).map(
    lambda lengths: [[f"c{which}_{at}" for at in range(length)] for which, length in enumerate(lengths)])


@given(chains)
def test_chains_compile_to_their_product(held: list[list[str]]) -> None:
    model = parse_model(chains_text(held))
    wanted = set()
    for done in itertools.product(*(range(len(chain) + 1) for chain in held)):
        steps = tuple(name for chain, n in zip(held, done, strict=True) for name in chain[:n])
        wanted.add(steps if any(done) else ("a",))
    assert {state.steps for state in model.states} == wanted | {("z",)}
    assert [state.name for state in model.states][0::len(model.states) - 1] == ["a", "z"]
    made = [len(state.steps) for state in model.states[1:-1]]
    assert made == sorted(made)
    assert sum(model.evidence_counts().values()) == sum(map(len, held)) + 1


@given(chains, st.data())
def test_chains_join_exactly_when_every_one_is_complete(held: list[list[str]], data: st.DataObject) -> None:
    model = parse_model(chains_text(held))
    heard = data.draw(st.lists(st.sampled_from([*itertools.chain(*held), "join"]), min_size=1, max_size=14))
    done = [0] * len(held)
    states = walk(model, heard)
    for name, state in zip(heard, states, strict=True):
        for which, chain in enumerate(held):
            if done[which] < len(chain) and chain[done[which]] == name:
                done[which] += 1
        joined = name == "join" and done == [len(chain) for chain in held]
        latest = [chain[n - 1] for chain, n in zip(held, done, strict=True) if n]
        assert state == ("z" if joined else "+".join(latest) or "a")
        if joined:
            break


@given(st.integers(1, 4), st.integers(0, 4), st.data())
def test_a_set_is_left_exactly_when_enough_were_seen_in_any_order(n: int, at_least: int, data: st.DataObject) -> None:
    names = [f"s{at}" for at in range(n)]
    model = parse_model(set_text(names, min(at_least, n)))
    assert len(model.states) == 2**n + 1
    seen: set[str] = set()
    heard = data.draw(st.lists(st.sampled_from([*names, "join"]), min_size=1, max_size=10))
    for name, state in zip(heard, walk(model, heard), strict=True):
        seen |= {name} - {"join"}
        joined = name == "join" and len(seen) >= min(at_least, n)
        assert state == ("z" if joined else "+".join(sorted(seen)) or "a")
        if joined:
            break


@pytest.mark.parametrize("text", [chains_text([["x"], ["y"]]), set_text(["x", "y"], 1)])
@pytest.mark.parametrize("phase", [Phase.NEGOTIATION, Phase.REPAIR])
def test_what_is_made_of_chains_and_sets_is_of_the_phase_they_name(text: str, phase: Phase) -> None:
    model = parse_model(text.replace('phase = "negotiation"', f'phase = "{phase}"'))
    assert {state.phase for state in model.states[1:-1]} == {phase}


def test_a_set_that_does_not_say_how_many_is_left_after_one() -> None:
    text = set_text(["x", "y"], 1)
    assert parse_model(text.replace("at_least = 1\n", "")) == parse_model(text) != parse_model(set_text(["x", "y"], 2))


@pytest.mark.parametrize("n", [1, 9])
def test_a_set_has_one_to_nine_steps(n: int) -> None:
    assert len(parse_model(set_text([f"s{at}" for at in range(n)], 1)).states) == 2**n + 1
    with pytest.raises(DefinitionError, match=r"expected 1 to 9 \[\[unordered.steps\]\] but got 10"):
        parse_model(set_text([f"s{at}" for at in range(10)], 1))


def test_a_set_that_asks_for_more_than_it_has_never_ends() -> None:
    with pytest.raises(StateMachineError) as told:
        parse_model(set_text(["s0", "s1"], 3))
    assert {type(problem) for problem in told.value} == {NoPathToEnd, UnreachableState}


def test_a_product_beyond_the_bound_is_refused_before_it_is_built() -> None:
    with pytest.raises(StateMachineError, match=f"m: the chains or sets make 1,000,000 states, at most {MAX_STATES:,} are "
                                                "built; use fewer steps"):
        parse_model(chains_text([[f"c{which}_{at}" for at in range(99)] for which in range(3)]))


def test_the_states_of_a_product_stand_by_steps_made_with_the_first_chain_ahead() -> None:
    """Their order is their integer code, in every table and figure."""
    states = parse_model(chains_text([["own_part", "x"], ["y"]])).states
    assert [state.name for state in states] == ["a", "own_part", "y", "x", "own_part+y", "x+y", "z"]
    assert [state.title for state in states] == ["a", "own part", "y", "x", "own part + y", "x + y", "z"]
    states = parse_model(set_text(["own_part", "y"], 1)).states
    assert [state.title for state in states] == ["a", "own part", "y", "own part + y", "z"]


def test_leaves_lead_out_from_everywhere_and_steps_made_again_stay() -> None:
    text = chains_text([["x"], ["y"]]) + (
        '[[parallel.leaves]]\nto = "z"\nwhen = { function = "gives_up" }\nevidence = "assumption"\nnote = "n"\n')
    model = parse_model(text)
    for done in ([], ["x"], ["y"], ["x", "y"]):
        assert walk(model, [*done, "gives_up"])[-1] == "z"
    assert walk(model, ["x", "x", "y", "x"]) == ["x", "x", "x+y", "x+y"]
    again = [(arrow.source, arrow.step) for arrow in model.transitions if arrow.source == arrow.target]
    assert sorted(again) == [("x", "x"), ("x+y", "x"), ("x+y", "y"), ("y", "y")]


@pytest.mark.parametrize("text", [SMALL, chains_text([["x"], ["y"]]), set_text(["x", "y"], 1)])
def test_what_a_definition_does_not_say_is_empty(text: str) -> None:
    model = parse_model(text)
    assert (model.citation, model.note) == ("", "")
    for state in model.states:
        assert (state.actor, state.note, state.locator, state.named) == ("", "", "", "")
    for one in model.transitions:
        assert (one.note, one.locator, one.named) == ("", "", "")
    made = StateMachine(name="m", title="M", source="S", states=(State(name="a", phase=Phase.RUPTURE),), transitions=())
    assert (made.citation, made.note, made.states[0].title, made.states[0].note) == ("", "", "", "")


@pytest.mark.parametrize("text", [chains_text([["x"], ["y"]]), set_text(["x", "y"], 1)])
def test_chains_sets_and_their_steps_may_carry_notes(text: str) -> None:
    noted = text.replace('phase = "negotiation"\n', 'phase = "negotiation"\nnote = "why"\n').replace(
        'name = "x"\n', 'name = "x"\ntitle = "the first"\nnote = "how"\n')
    assert noted.count("note") == 2
    assert {one.note for one in parse_model(noted).transitions if one.step == "x"} == {"how"}


def test_a_chain_gives_its_party_to_its_steps_and_takes_nobody_elses() -> None:
    text = chains_text([["x"], ["y"]])
    model = parse_model(text)
    assert {arrow.when.party for arrow in model.transitions if arrow.when and arrow.step in ("x", "y")} == {"client"}
    with pytest.raises(DefinitionError, match="step 'x' is of the therapist, but this chain is the client's"):
        parse_model(text.replace('function = "x"', 'function = "x", party = "therapist"'))


def test_chains_may_start_at_a_state_that_is_not_there_and_that_is_told() -> None:
    with pytest.raises(StateMachineError, match="names the state 'b', which is not there"):
        parse_model(chains_text([["x"], ["y"]]).replace('from = "a"', 'from = "b"'))


# --- reading ---------------------------------------------------------------------------------------------------

def mistakes(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as told:
        parse_model(text)
    return [line.strip() for line in str(told.value).splitlines()[1:]]


def test_a_small_model_reads_with_its_defaults() -> None:
    model = parse_model(SMALL.replace('"notices"', '["notices", "validates"], party = "client", min_rating = 2, '
                                                   'absent = "pass", min_seconds = 1.5, since = "onset"'))
    assert model.transitions == (Transition(
        source="a", target="z", evidence=Evidence.ASSUMPTION, declared="transition 0", step="z", when=Condition(
            party="client", functions=("notices", "validates"), min_rating=2.0, absent="pass", min_elapsed=1_500_000,
            since="onset")),)
    assert model.type is None
    assert model.states[0].title == "a"
    assert parse_model(SMALL.replace('"any"', '"mixed"')).type is RuptureType.MIXED


def test_a_state_without_a_title_is_called_by_its_name_in_words() -> None:
    assert parse_model(SMALL.replace('"a"', '"own_part"')).states[0].title == "own part"


@pytest.mark.parametrize(("guard", "held"), [
    ("min_seconds = 0", {"min_elapsed": 0}), ("max_seconds = 1e9", {"max_elapsed": 10**15}),
    ('min_rating = -1e9, max_rating = 1e9, absent = "pass"', {"min_rating": -1e9, "max_rating": 1e9, "absent": "pass"}),
])
def test_a_guard_may_reach_to_the_bounds(guard: str, held: dict[str, Any]) -> None:
    model = parse_model(SMALL.replace('function = "notices"', f'function = "notices", {guard}'))
    assert model.transitions[0].when == Condition(functions=("notices",), **held)


@pytest.mark.parametrize(("old", "new", "says"), [
    ("format = 1", "format = 2", "format: is 2; this version of rupturekit reads format 1, upgrade to read newer"),
    ("format = 1", "", "format: is missing; expected a whole number"),
    ('title = "M"', 'tittle = "M"\ntitle = "M"', "tittle: is not a known key; did you mean 'title'?"),
    ('type = "any"', 'type = "either"', "type: 'either' is not one of withdrawal, confrontation, mixed, any"),
    ('name = "m"', 'name = "M"', "name: 'M' is not a name; expected lower-case letters"),
    ('name = "a"', 'name = "a b"', "states[1] (line 6).name: 'a b' is not a name; expected lower-case letters"),
    ('phase = "rupture"', 'phase = "ruptur"', "states[1] (line 6).phase: 'ruptur' is not one of alliance, rupture"),
    ('phase = "repair"', 'phase = "repair"\noutcome = "won"', "states[2] (line 11).outcome: 'won' is not one of repaired"),
    ("initial = true", "initial = 1", "states[1] (line 6).initial: expected true or false but got 1"),
    ('from = "a"', "from = 3", "transitions[1] (line 16).from: expected text in quotes but got 3"),
    ("when =", "silent = true\nwhen =", "transitions[1] (line 16).when: an arrow has either `when` or silent = true, and"),
    ('when = { function = "notices" }', "", "transitions[1] (line 16).when: an arrow has either `when` or silent = true"),
    ('function = "notices"', 'party = "client"', "transitions[1] (line 16).when.function: is missing; expected a function"),
    ('"notices"', "[]", "transitions[1] (line 16).when.function: is missing; expected a function"),
    ('"notices" }', '"notices", min_rating = 2 }', "transitions[1] (line 16).when.absent: has to be \"pass\" or \"block\""),
    ('"notices" }', '"notices", min_seconds = -1 }', "transitions[1] (line 16).when.min_seconds: expected seconds, at least 0"),
    ('"notices" }', '"notices", since = "entry" }', "transitions[1] (line 16).when.since: 'entry' is not one of previous, onset"),
    ('}\nevidence = "assumption"', '}\nevidence = "read"', "transitions[1] (line 16).locator: is missing; what was read says where"),
    ('}\nevidence = "assumption"', '}\nevidence = "secondary"', "transitions[1] (line 16).named: is missing; what others report"),
    ('}\nevidence = "assumption"', "}", "transitions[1] (line 16).evidence: is missing; expected one of read, secondary"),
])
def test_a_mistake_is_told_with_its_place_and_remedy(old: str, new: str, says: str) -> None:
    assert old in SMALL
    told, = mistakes(SMALL.replace(old, new, 1) if "evidence" not in old else new.join(SMALL.rsplit(old, 1)))
    assert told.startswith(says)


@pytest.mark.parametrize(("text", "says"), [
    (HEAD, "states: is missing; a model needs [[states]] tables"),
    (chains_text([["x"]]), "parallel.chains: expected at least two [[parallel.chains]], each with [[parallel.chains.steps]]"),
    (chains_text([["x"], []]), "parallel.chains: expected at least two [[parallel.chains]]"),
    (chains_text([["x"], ["y"]]).replace('when = { function = "join" }\n', ""), "parallel.when: is missing; what move joins them?"),
    (chains_text([["x"], ["y"]]).replace('when = { function = "x" }\n', ""),
     "parallel.chains[1] (line 22).steps[1].when: is missing; what move makes this step?"),
    (set_text([], 1), "unordered.steps: expected 1 to 9 [[unordered.steps]] but got 0"),
    (set_text([f"s{at}" for at in range(10)], 1), "unordered.steps: expected 1 to 9 [[unordered.steps]] but got 10"),
    (set_text(["x"], 1).replace("at_least = 1", 'at_least = "1"'), "unordered.at_least: expected a whole number but got '1'"),
])
def test_a_mistake_in_chains_and_sets_is_told(text: str, says: str) -> None:
    told, = mistakes(text)
    assert told.startswith(says)


def test_all_mistakes_are_told_at_once() -> None:
    assert [line.split(":")[0] for line in mistakes(
        SMALL.replace('type = "any"', "type = 1").replace('name = "z"', "name = 2").replace('"notices"', "3"))] == [
        "type", "states[2] (line 11).name", "transitions[1] (line 16).when.function"]


def test_a_model_is_taken_by_value_name_or_path(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(SMALL, encoding="utf-8")
    model = read_model(path)
    assert as_model(model) is model
    assert as_model(path) == as_model(str(path)) == model
    assert as_model("recognition") is load_model("recognition")
    with pytest.raises(FileProblem, match="there is no such process model file"):
        as_model(tmp_path / "none")


def test_a_model_is_a_value() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        load_model("recognition").name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(("guard", "says"), [
    ('min_rating = 4, max_rating = 2, absent = "pass"', "max_rating: lies below the minimum beside it"),
    ("min_seconds = 4, max_seconds = 2", "max_seconds: lies below the minimum beside it"),
    ('min_rating = 2.0001, absent = "pass"', "min_rating: expected at most three decimals"),
    ('max_rating = 5e9, absent = "pass"', "max_rating: expected at most three decimals.* but got 5000000000.0"),
    ("max_seconds = 1e10", "max_seconds: expected seconds, at least 0 and at most 1e[+]09, but got 1e[+]10"),
])
def test_a_guard_that_cannot_hold_or_is_too_fine_is_told(guard: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        parse_model(SMALL.replace('function = "notices"', f'function = "notices", {guard}'))


@pytest.mark.parametrize("wrong", [{"min_rating": float("inf")}, {"max_rating": float("nan")}, {"min_rating": 0.0001},
                                   {"min_rating": 1e9 + 1}, {"min_elapsed": -1}, {"max_elapsed": 10**15 + 1}])
def test_a_condition_that_no_move_can_be_held_against_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RecordError, match=f"Condition.{next(iter(wrong))}: expected"):
        Condition(functions=("notices",), absent="pass", **wrong)  # type: ignore[arg-type]
