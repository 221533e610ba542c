"""Results as JSON: what is read equals what was written, provenance too; what was not written is refused."""

from __future__ import annotations

import contextlib
import functools
import json
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rupturekit as rk
import strategies as own
from needs_studies import CODES, PARTIES, cohort_of
from rupturekit import _serial, results
from rupturekit.episode import NeedStatement
from rupturekit.errors import DefinitionError, FileProblem, ProvenanceMismatch, RecordError, RuptureKitError
from rupturekit.example import example_cohort
from rupturekit.inference.estimate import Estimate
from rupturekit.negotiation.account import account_of, negotiation_sensitivity
from rupturekit.negotiation.hypotheses import Hypothesis
from rupturekit.negotiation.imbalance import relatedness_imbalance
from rupturekit.negotiation.order import needs_order_by_type
from rupturekit.negotiation.table import negotiations
from rupturekit.provenance import LIBRARY_VERSION, Provenance
from rupturekit.records.study import read_study
from rupturekit.results import KINDS, from_json, read_json, to_json, write_json
from rupturekit.segmentation import SegmentationRule
from rupturekit.traces import TraceSummary, TraceTable
from rupturekit.vocabulary import Awareness, Layer, Need, NeedMode, RuptureType

DATA = Path(__file__).parent / "data"
ALONE = sorted(KINDS.keys() - {"Alignments", "TraceTable", "TraceEnds", "Dwell", "Visits"})


# --- any value of any class --------------------------------------------------------------------------------------


@functools.cache
def of(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of what a field is declared to hold."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([st.none() if one is type(None) else of(one) for one in inner])
    if origin is tuple:
        return st.lists(of(inner[0]), max_size=2).map(tuple) if inner[-1] is Ellipsis else st.tuples(*map(of, inner))
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(of(inner[0]), of(inner[1]), max_size=2)
    if hint is SegmentationRule:
        return own.rules()
    if attrs.has(hint):
        return st.builds(hint, **{name: of(held) for name, held in typing.get_type_hints(hint).items() if hasattr(attrs.fields(hint), name)})
    if hasattr(hint, "_fields"):
        return st.builds(hint, *[of(held) for held in typing.get_type_hints(hint).values()])
    if issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    return {str: st.text(max_size=4), int: st.integers(-2**100, 2**100), bool: st.booleans(),
            float: st.floats(allow_nan=False, allow_infinity=False)}[hint]


def equal(one: Any, other: Any) -> bool:
    return bool(one == other) and getattr(one, "provenance", None) == getattr(other, "provenance", None)


@pytest.mark.parametrize("name", ALONE)
@given(st.data())
def test_what_is_read_equals_what_was_written(name: str, data: st.DataObject) -> None:
    result = data.draw(of(KINDS[name]))
    text = to_json(result)
    back = from_json(text)
    assert type(back) is type(result)
    assert equal(back, result)
    assert to_json(back) == text


@given(own.parts(tracks=("r1", "r2")), own.models())
def test_traces_come_back_with_their_cohort(parts: own.Parts, model: rk.StateMachine) -> None:
    cohort = parts.cohort()
    table = own.quietly(rk.trace_cohort, cohort, model, any_type=True)
    back = from_json(to_json(table), cohort=cohort)
    assert equal(back, table)
    assert [str(one) for one in back] == [str(one) for one in table]
    assert (back.summary(), back.tie_rule, back.follow_skips, back.left_out) == (table.summary(), table.tie_rule, table.follow_skips, table.left_out)


@given(own.parts(tracks=("r1", "r2")), own.models(), st.sampled_from(["phase", "state"]))
def test_what_is_said_of_each_episode_comes_back(parts: own.Parts, model: rk.StateMachine, by: str) -> None:
    cohort = parts.cohort()
    table = own.quietly(rk.trace_cohort, cohort, model, any_type=True)
    for held in (table.ends(), table.visits(), table.dwell(by=by)):
        text = to_json(held)
        back = from_json(text, cohort=cohort)
        assert equal(back, held)
        assert to_json(back) == text
        assert (back.rows, back.frame_columns().keys()) == (held.rows, held.frame_columns().keys())
        assert json.loads(text)["result"]["provenance"]["cohort"] == cohort.digest
    for held in (table.ends(), table.visits()):
        assert equal(from_json(to_json(held)), held)
    assert from_json(to_json(table.ends())).reached() == table.reached()


def test_times_need_their_cohort_and_one_trace_its_table() -> None:
    done = analysis()
    with pytest.raises(RecordError, match=r"Dwell: times refer to how its cohort was coded; say which \(cohort=study\.cohort\)"):
        from_json(to_json(done.traces.dwell()))
    with pytest.raises(RecordError, match=r"Trace is not written as JSON; write the TraceTable of its cohort .* named\(episode\)"):
        to_json(done.traces[0])


def of_each(what: str) -> tuple[str, Any]:
    done = analysis()
    held = {"ends": done.traces.ends, "dwell": done.traces.dwell, "visits": done.traces.visits}[what]()
    return to_json(held), done.study.cohort


@pytest.mark.parametrize(("what", "path", "value", "said"), [
    ("ends", ["state", 0], 99, "state: expected numbers from 0 to 4"),
    ("ends", ["state", 0], True, r"state\[0\]: expected a whole number"),
    ("ends", ["state"], [], "state: 0 values for 3 episodes"),
    ("ends", ["first_end", 0], -2, "first_end: expected numbers from -1"),
    ("ends", ["first_repair", 0], -2, "first_repair: expected numbers from -1"),
    ("ends", ["first_end", 0], 2**63, "first_end: expected numbers from -1"),
    ("ends", ["skipped", 0], 1, r"skipped\[0\]: expected true or false"),
    ("ends", ["end_visible"], 1, "end_visible: expected true or false"),
    ("ends", ["left_out"], [], "left_out: expected an object in braces"),
    ("ends", ["model"], {}, "does not say"),
    ("ends", ["model"], [], "does not say"),
    ("ends", ["more"], 1, "TraceEnds: 'more' is not a known key"),
    ("ends", ["rows", 0, "onset"], -1, r"rows\[0\]: EpisodeRow\.onset: expected at least 0"),
    ("visits", ["n", 0, 0], -1, r"n\[0\]: expected numbers from 0"),
    ("visits", ["n", 0], [], r"n\[0\]: 0 values for 5 names"),
    ("visits", ["n"], [], "n: 0 values for 3 episodes"),
    ("visits", ["n", 0], 1, r"n\[0\]: expected a list"),
    ("visits", ["names", 0], "avoidance", "names: a name stands twice"),
    ("visits", ["names", 0], 1, r"names\[0\]: expected text"),
    ("dwell", ["lasted", 0, 0], 0.5, r"lasted\[0\]\[0\]: expected a whole number"),
    ("dwell", ["seen", 0, 0], 1, r"seen\[0\]\[0\]: expected true or false"),
    ("dwell", ["seen", 0, 0], False, "lasted: an episode stayed where it is said never to have come"),
])
def test_damaged_columns_are_refused(what: str, path: list[Any], value: Any, said: str) -> None:
    text, cohort = of_each(what)
    with pytest.raises(DefinitionError, match=said):
        from_json(damaged(text, path, value), cohort=cohort)


@pytest.mark.parametrize("what", ["ends", "dwell", "visits"])
def test_columns_of_other_records_or_none_are_refused(what: str) -> None:
    text, cohort = of_each(what)
    with pytest.raises(ProvenanceMismatch, match="made from other records: cohort"):
        from_json(text, cohort=rk.Cohort.of(list(cohort.moves)[1:], coding=cohort.coding))
    said = json.loads(text)
    with pytest.raises(DefinitionError, match="expected an object in braces"):
        from_json(json.dumps({**said, "result": []}), cohort=cohort)


def test_a_coverage_says_of_which_model_and_codebook_and_is_compared() -> None:
    done = analysis()
    back = from_json(to_json(done.coverage), cohort=done.study.cohort)
    book = done.study.cohort.coding.codebook
    assert (back.model_digest, back.codebook_digest) == (done.model.digest, book.digest)
    coding = attrs.evolve(done.study.cohort.coding, codebook=attrs.evolve(book, title="x"))
    with pytest.raises(ProvenanceMismatch, match=f"codebook {book.name}:{book.digest}, here it is {book.name}:"):
        from_json(to_json(done.coverage), cohort=attrs.evolve(done.study.cohort, coding=coding))
    assert kept("coverage.json").codebook_digest is None
    assert kept("coverage.json") == done.coverage


def test_every_file_says_library_and_format() -> None:
    bias = KINDS["Bias"](n=1, refused={}, bias=0.0, error=0.0, spread=0.0)
    for held in (bias, analysis().traces.ends(), analysis().traces.visits(), analysis().traces):
        said = json.loads(to_json(held))
        assert (said["rupturekit_result"], said["library"], said["kind"]) == (1, LIBRARY_VERSION, type(held).__name__)


def analysis() -> Any:
    return rk.analyse(read_study(DATA / "study-v1"))


def test_results_of_an_analysis_come_back() -> None:
    done = analysis()
    for result in (done.coverage, done.description, done.sensitivity, done.boundaries, done.traces.summary(), done.traces):
        assert equal(from_json(to_json(result), cohort=done.study.cohort), result)


def test_what_is_said_of_negotiations_comes_back_and_a_sentence_stays_one() -> None:
    """Nine dyads, of withdrawal alone, so that the other type is a sentence; levels from a source of their own."""
    study = {f"D{at}": [[(PARTIES[turn % 2], CODES[(at + turn * (2 + at % 3)) % len(CODES)], turn) for turn in range(16)]
                        for _ in (1, 2)] for at in range(9)}
    made = cohort_of(study)
    rows = [attrs.evolve(row, rupture_type=RuptureType.WITHDRAWAL) for row in made.coded.rows]
    needs = [NeedStatement(dyad=row.dyad, episode=row.episode, party=party, need=Need.COMMUNION, mode=NeedMode.WANTED, level=float(at),
                           layer=Layer.LATENT, awareness=Awareness.UNAWARE, source="interview")
             for at, row in enumerate(rows) for party in PARTIES]
    cohort = rk.Cohort.of(list(made.moves), coding=made.coding, episodes=rows, needs=needs)
    rule = SegmentationRule(name="whole", gap=None)
    table = own.quietly(negotiations, cohort)
    order = needs_order_by_type(table, rule, draws=99)
    assert [type(held) for held in order.by_type.values()] == [Hypothesis, str]
    account = account_of(table, rule, draws=99)
    imbalance = relatedness_imbalance(cohort, mode="wanted")
    ways = own.quietly(negotiation_sensitivity, cohort, [rule], windows=[1, 2])
    for held in (order, order.by_type[RuptureType.WITHDRAWAL], account, ways, imbalance, imbalance.found[0]):
        back = from_json(to_json(held), cohort=cohort)
        assert equal(back, held)
        assert str(back) == str(held)
    assert isinstance(from_json(to_json(account)).rows["mutuality"], Estimate)
    with pytest.raises(ProvenanceMismatch, match="cohort"):
        from_json(to_json(account), cohort=made)
    text = to_json(order)
    with pytest.raises(DefinitionError, match="OrderByType.by_type.* expected an object in braces"):
        from_json(damaged(text, ["by_type", 1, 1], 5))
    with pytest.raises(RecordError, match="Negotiations is no result that is written as JSON"):
        to_json(table)


def test_the_text_is_plain_and_names_no_module() -> None:
    said = json.loads(to_json(Provenance(cohort="c", codebook="b", rules=("ü",))))
    assert said == {"rupturekit_result": 1, "kind": "Provenance", "library": LIBRARY_VERSION, "result": {
        "cohort": "c", "codebook": "b", "model": None, "rules": ["ü"], "track": None, "seed": None,
        "library": LIBRARY_VERSION, "format": 1}}


# --- files -------------------------------------------------------------------------------------------------------


def test_a_file_is_written_and_read(tmp_path: Path) -> None:
    held = Provenance(cohort="ü", codebook="b")
    write_json(held, tmp_path / "a.json")
    write_json(held, tmp_path / "a.json")
    assert read_json(tmp_path / "a.json") == held
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_files_that_cannot_be_read_or_written_are_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileProblem, match="the result cannot be written"):
        write_json(Provenance(cohort="c", codebook="b"), tmp_path / "none" / "a.json")
    with pytest.raises(FileProblem, match="the result cannot be read"):
        read_json(tmp_path / "none.json")
    (tmp_path / "a.json").write_bytes(b"{\xff}")
    with pytest.raises(FileProblem, match=r"not UTF-8 text \(byte 1\)"):
        read_json(tmp_path / "a.json")
    monkeypatch.setattr(results, "MOST_CHARACTERS", 0)
    with pytest.raises(FileProblem, match="3 bytes are too many"):
        read_json(tmp_path / "a.json")


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_not_written(value: float) -> None:
    bias = attrs.evolve(KINDS["Bias"](n=1, refused={}, bias=0.0, error=0.0, spread=0.0), bias=value)
    with pytest.raises(RecordError, match=r"Bias\.bias: .* is not a finite number"):
        to_json(bias)


def test_what_is_no_result_is_not_written() -> None:
    with pytest.raises(RecordError, match="dict is no result that is written as JSON; these are: Alignments, AnswerContingency, Bias"):
        to_json({})


HEAD = '{"rupturekit_result": 1, "kind": "Provenance", "result": '
GOOD = HEAD + '{"cohort": "c", "codebook": "b"}}'


@pytest.mark.parametrize(("text", "said"), [
    ("", "not JSON"),
    ("{", "not JSON"),
    ("[]", 'does not say "rupturekit_result"'),
    ("{}", 'does not say "rupturekit_result"'),
    (GOOD.replace("1,", "2,"), r"written in format 2, this version of rupturekit reads up to 1; upgrade"),
    (GOOD.replace("1,", '"1",'), "written in format '1'"),
    (GOOD.replace("1,", "true,"), "written in format True"),
    (GOOD.replace("1,", "0,"), "written in format 0"),
    (GOOD.replace('"Provenance"', '"Provenanse"'), "no result that is read here; did you mean 'Provenance'"),
    (GOOD.replace('"Provenance"', '["Provenance"]'), "no result that is read here"),
    (GOOD.replace('"Provenance"', '"os.system"'), "no result that is read here"),
    (GOOD.replace('"kind"', '"Kind"'), "'Kind' is not a known key; did you mean 'kind'"),
    (GOOD.replace(', "codebook": "b"', ""), "Provenance: 'codebook' is missing"),
    (GOOD.replace('"b"', "1"), r"Provenance\.codebook: expected text but got 1"),
    (GOOD.replace('"b"', '"b", "seed": true'), r"Provenance\.seed: expected a whole number but got True"),
    (GOOD.replace('"b"', '"b", "seed": 1.0'), r"Provenance\.seed: expected a whole number but got 1\.0"),
    (GOOD.replace('"b"', '"b", "sead": 1'), "'sead' is not a known key; did you mean 'seed'.*a newer rupturekit"),
    (GOOD.replace('"b"', '"b", "rules": "a"'), r"Provenance\.rules: expected a list"),
    (GOOD.replace('"b"', '"b", "rules": ["a", 1]'), r"Provenance\.rules\[1\]: expected text"),
    (GOOD.replace('"b"', '"b", "codebook": "b"'), "the key 'codebook' stands twice"),
    (GOOD.replace('"b"', '"b", "seed": NaN'), "NaN is no number"),
    (GOOD.replace('"b"', '"b", "seed": 1e999'), "1e999 is not finite"),
    (GOOD.replace('"b"', '"b", "seed": ' + "9" * 5000), "a whole number of 5,000 digits"),
    (HEAD + "[" * 100_000, "nested more than 40 deep"),
    (HEAD + "[]}", "Provenance: expected an object in braces"),
])
def test_what_was_not_written_here_is_refused_with_place_and_reason(text: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        from_json(text)


def test_a_text_beyond_measure_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_serial, "MOST_CHARACTERS", 3)
    with pytest.raises(DefinitionError, match="characters are too many"):
        from_json(GOOD)


def test_brackets_inside_texts_are_no_depth() -> None:
    held = Provenance(cohort="[" * 100 + '\\"{', codebook="b")
    assert from_json(to_json(held)) == held


def with_another_symbol(said: dict[str, Any], table: TraceTable) -> None:
    known = table.alphabet.next
    before, symbol, after = (said[name][0] for name in ("before", "symbol", "after"))
    said["symbol"][0] = next(other for other in range(known.shape[1]) if other != symbol and known[before, other] == after)


def with_a_jump(said: dict[str, Any], table: TraceTable) -> None:
    said["before"][5] = said["before"][0]
    said["after"][5] = int(table.alphabet.next[said["before"][5], said["symbol"][5]])


@pytest.mark.parametrize("damage", [
    with_another_symbol, with_a_jump,
    lambda said, _: said["reason"].__setitem__(0, 1), lambda said, _: said["order_dependent"].__setitem__(0, True),
    lambda said, _: said["open_ends"].append([0, [0, 1]]),
    lambda said, _: said["row_ids"].__setitem__(0, said["row_ids"][30]), lambda said, _: said["before"].__setitem__(0, 99),
    lambda said, _: said["episodes"][0].update(dyad="nobody"), lambda said, _: said["episodes"][0].update(track="r2"),
])
def test_a_table_that_does_not_follow_from_the_moves_is_refused(damage: Any) -> None:
    cohort = example_cohort()
    table = own.quietly(rk.trace_cohort, cohort, rk.load_model("withdrawal-2000"))
    said = json.loads(to_json(table))
    damage(said["result"], table)
    with pytest.raises(DefinitionError, match="follow from the moves|other people's moves"):
        from_json(json.dumps(said), cohort=cohort)


def of_kind(name: str, **said: Any) -> str:
    return json.dumps({"rupturekit_result": 1, "kind": name, "result": said})


def test_a_tuple_of_another_length_an_unknown_word_and_a_key_twice_are_refused() -> None:
    level: dict[str, Any] = {"n": 1, "refused": {}, "rejected": [[0.05, 0.04]], "mid_p": None, "mid_p_error": None}
    assert from_json(of_kind("Level", **level)).rejected == {0.05: 0.04}
    with pytest.raises(DefinitionError, match=r"rejected\[0\]: expected 2 values but got 1"):
        from_json(of_kind("Level", **{**level, "rejected": [[1]]}))
    with pytest.raises(DefinitionError, match="rejected: a key stands twice"):
        from_json(of_kind("Level", **{**level, "rejected": [[1, 1], [1, 2]]}))
    cover = {"model": "m", "codebook": "b", "evidence": "", "states": [["s", "seen", [], []]], "codes_without_function": [],
             "codes_off_model": [], "functions_without_code": [], "ambiguous": []}
    with pytest.raises(DefinitionError, match=r"states\[0\]\[1\]: expected one of observable, partly, .* but got 'seen'"):
        from_json(of_kind("Coverage", **cover))


def test_what_the_class_itself_refuses_is_refused_with_its_place() -> None:
    said = json.loads(to_json(analysis().sensitivity))
    said["result"]["rules"][0]["gap"] = -1
    with pytest.raises(DefinitionError, match=r"SegmentationTable\.rules\[0\]: rule .*: expected a gap above 0"):
        from_json(json.dumps(said))


def test_fields_that_came_later_with_a_default_may_be_missing() -> None:
    assert from_json(GOOD) == Provenance(cohort="c", codebook="b")


# --- provenance --------------------------------------------------------------------------------------------------


def test_a_result_of_other_records_is_refused() -> None:
    done = analysis()
    other = rk.Cohort.of(done.cohort.moves, coding=done.cohort.coding)
    for result in (done.traces, done.traces.summary()):
        with pytest.raises(ProvenanceMismatch, match="made from other records: cohort 7.*, here it is"):
            from_json(to_json(result), cohort=other)
    recoded = attrs.evolve(done.cohort, coding=attrs.evolve(done.cohort.coding, codebook=attrs.evolve(done.cohort.coding.codebook, title="x")))
    with pytest.raises(ProvenanceMismatch, match="codebook kept:"):
        from_json(to_json(done.traces.summary()), cohort=recoded)


def test_a_table_of_traces_needs_its_cohort() -> None:
    with pytest.raises(RecordError, match=r"say which \(cohort=study\.cohort\)"):
        from_json(to_json(analysis().traces))


def damaged(table: str, path: list[Any], value: Any) -> str:
    said = json.loads(table)
    place = said["result"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(said)


@pytest.mark.parametrize(("path", "value", "said"), [
    (["symbol", 0], 32767, "do not follow from the moves"),
    (["symbol", 0], 99_999, "symbol: expected numbers from 0 to 32,767"),
    (["before", 0], -1, "before: expected numbers from 0"),
    (["after", 0], 99, "do not follow from the moves"),
    (["after", 0], 1, "do not follow from the moves"),
    (["reason", 0], 100, "do not follow from the moves"),
    (["reason", 0], "no arrow", r"reason\[0\]: expected a whole number"),
    (["order_dependent", 0], 0, r"order_dependent\[0\]: expected true or false"),
    (["before"], [], "before: 0 values for 38 moves"),
    (["row_ids", 0], 10**9, "the cohort has no move 1000000000"),
    (["offsets"], [0, 1], "do not divide the moves"),
    (["offsets", 0], 1, "do not divide the moves"),
    (["offsets", 1], 999, "do not divide the moves"),
    (["offsets"], [], "do not divide the moves"),
    (["offsets", 3], 37, "do not divide the moves"),
    (["open_ends"], [[3, [0]]], "name an episode or state that is not there"),
    (["open_ends"], [[0, [99]]], "name an episode or state that is not there"),
    (["episodes", 0], {}, r"episodes\[0\]: 'episode' is missing"),
    (["episodes", 0, "onset"], -1, r"episodes\[0\]: EpisodeRow\.onset: expected at least 0"),
    (["model"], {}, "does not say"),
    (["tie_rule"], "none", "tie_rule: expected one of as_filed"),
    (["more"], 1, "'more' is not a known key"),
])
def test_a_damaged_table_of_traces_is_refused(path: list[Any], value: Any, said: str) -> None:
    done = analysis()
    with pytest.raises(DefinitionError, match=said):
        from_json(damaged(to_json(done.traces), path, value), cohort=done.study.cohort)


def test_a_table_that_is_none_is_refused() -> None:
    with pytest.raises(DefinitionError, match="TraceTable: expected an object in braces"):
        from_json('{"rupturekit_result": 1, "kind": "TraceTable", "result": []}', cohort=analysis().study.cohort)


@given(st.data())
def test_any_damage_is_a_sentence_or_another_result(data: st.DataObject) -> None:
    text = (DATA / "results-v1" / data.draw(st.sampled_from(["traces.json", "summary.json", "coverage.json"]))).read_text(encoding="utf-8")
    at = data.draw(st.integers(0, len(text) - 1))
    piece = data.draw(st.sampled_from(["", "null", "-1", '"', "[", "]", "9", "{}", "true", "1e9"]) | st.text(max_size=2))
    changed = text[:at] + piece + text[at + data.draw(st.integers(0, 3)):]
    with contextlib.suppress(RuptureKitError):    # anything else that is raised is a defect
        from_json(changed, cohort=read_kept().cohort)


@functools.cache
def read_kept() -> rk.Study:
    return read_study(DATA / "study-v1")


# --- format 1, for ever ------------------------------------------------------------------------------------------


def kept(name: str) -> Any:
    """Read a result that was written in format 1 once; do not write these files anew, people have such files."""
    return read_json(DATA / "results-v1" / name, cohort=read_kept().cohort)


def test_results_of_format_one_read_for_ever() -> None:
    summary = kept("summary.json")
    assert isinstance(summary, TraceSummary)
    assert (summary.n_episodes, summary.n_moves, summary.n_dyads) == (3, 38, 2)
    assert summary.reached == {"yes": 1, "with skips": 1, "no": 1}
    assert summary.off_model == {"no arrow": 13, "wrong party": 1}
    assert summary.provenance.track == "r1"
    assert kept("boundaries.json").pairs[0] == ("V1-E1", "V1-1", 11, 18, 11)
    assert len(kept("description.json").codes) == 25
    assert kept("coverage.json").model == "withdrawal-2000"
    assert len(kept("sensitivity.json").rules) == len(kept("sensitivity.json").n_moves) > 3


def test_traces_of_format_one_find_their_moves_for_ever() -> None:
    table = kept("traces.json")
    assert isinstance(table, TraceTable)
    assert [(one.episode.episode, one.reached.value) for one in table] == [
        ("V1-E1", "yes"), ("V2-E1", "with skips"), ("V2-E2", "no")]
    assert (table[0].steps[0].move.row_id, table[0].steps[0].move.code) == (33, "wd")
    assert table.summary() == kept("summary.json")
