"""Kernels as plain loops, compiled and not, against their numpy forms: the same numbers, draw for draw."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_order as slow
import rupturekit as rk
from rupturekit import _random
from rupturekit._kernels import choice
from rupturekit._kernels import shuffles as in_numpy
from rupturekit._kernels._numba import shuffles as loops
from rupturekit._kernels._numba.shuffles import PLAIN, Kernels
from rupturekit.analysis import analyse
from rupturekit.example import example_cohort
from rupturekit.inference import nulls
from rupturekit.inference.nulls import Null, exchanges, in_arrays, rearranged
from rupturekit.inference.precedence import StagePrecedence, stage_precedence
from rupturekit.traces import TraceTable

pytestmark = pytest.mark.filterwarnings("ignore::rupturekit.CodingWarning")

KEYS = st.integers(0, 2**64 - 1)
MOVES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.booleans(), st.integers(-1, 3), st.integers(0, 2)),
                 min_size=1, max_size=9)
EPISODES = st.lists(st.lists(st.integers(0, 2), max_size=9), min_size=1, max_size=4)


@pytest.fixture(scope="module", params=["compiled", "plain"])
def kernels(request: pytest.FixtureRequest) -> Kernels:
    return loops.compiled() if request.param == "compiled" else PLAIN


@pytest.fixture(autouse=True)
def _draws_wrap_around() -> Iterator[None]:
    """Uncompiled, products of draws wrap around at 2**64 as they should, and numpy warns."""
    with np.errstate(over="ignore"):
        yield


def again(word: int, attempt: int) -> int:
    return int(_random.draws(word, 1, start=attempt)[0])


# The twins

@given(key=KEYS, count=st.integers(0, 20), start=st.sampled_from([0, 1, 2**63, 2**64 - 3]))
def test_draws_are_those_of_the_stream(kernels: Kernels, key: int, count: int, start: int) -> None:
    found = kernels.draws(np.uint64(key), count, np.uint64(start))
    assert found.dtype == np.uint64
    assert found.tolist() == _random.draws(key, count, start=start).tolist()


@given(key=KEYS, n=st.integers(0, 12), count=st.integers(1, 5), start=st.integers(0, 9), bits=st.sampled_from([4, 7, 32]))
def test_orders_are_those_of_numpy(kernels: Kernels, key: int, n: int, count: int, start: int, bits: int) -> None:
    """With few bits a rejected draw is common, and so is a second and a third."""
    wide = in_numpy.words_per_shuffle(n)
    words = _random.draws(key, wide * count, start=wide * start).reshape(count, wide)
    expected = in_numpy.shuffles(np.ascontiguousarray(words.T), n, again=again, bits=bits)
    found = kernels.shuffles(np.uint64(key), n, np.uint64(start), count, np.uint64(bits))
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()


@given(moves=MOVES, null=st.sampled_from(list(Null)), start=st.integers(0, 20), count=st.integers(1, 4), seed=st.integers(0, 9))
def test_precedences_are_those_of_what_numpy_lays(kernels: Kernels, moves: list[tuple[int, int, bool, int, int]], null: Null,
                                                  start: int, count: int, seed: int) -> None:
    party, content, held, rank, step = (np.array(column) for column in zip(*moves, strict=True))
    ranks, instant = rank.astype("i1"), np.cumsum(step).astype("i8")
    made = exchanges(null, episode="E1", party=party, content=content, held=held.astype(bool))
    laid = rearranged(made, ranks, seed=seed, null=null, start=start, count=count)
    expected = in_numpy.precedences(laid, instant=instant, n_ranks=4)
    arrays = in_arrays(made, seed=seed, null=null)
    found = kernels.shuffled_precedences(ranks, instant, arrays, 4, np.uint64(start), count)
    assert found.tolist() == expected.tolist()


@given(word=KEYS, attempt=st.integers(1, 5))
def test_a_rejected_draw_is_followed_by_the_same_one_in_both(kernels: Kernels, word: int, attempt: int) -> None:
    """At 32 bits a rejection is too rare to be met: what both do then is compared apart."""
    assert nulls._again(word, attempt) == kernels.draws(np.uint64(word), 1, np.uint64(attempt)).tolist()[0]


def test_parties_fill_the_places_that_fall_to_them_in_their_own_order(kernels: Kernels) -> None:
    party, ranks = np.array([0, 1, 1, 1, 0, 0, 1]), np.array([0, 1, 2, 3, 4, 5, 6], dtype="i1")
    nothing, instant = np.zeros(7, dtype=bool), np.array([1, 2, 2, 3, 4, 5, 5])
    made = exchanges(Null.INTERLEAVING, episode="E1", party=party, content=ranks, held=nothing)
    laid = rearranged(made, ranks, seed=1, null=Null.INTERLEAVING, start=0, count=50)
    found = kernels.shuffled_precedences(ranks, instant, in_arrays(made, seed=1, null=Null.INTERLEAVING), 7, np.uint64(0), 50)
    assert found.tolist() == [slow.twice_in_order(column, instant.tolist()) for column in laid.T.tolist()]


def test_streams_are_named_by_episode_party_and_null() -> None:
    """Whoever repeats an analysis with the same seed gets the same orders: no name may change."""
    content, held = np.arange(4), np.zeros(4, dtype=bool)
    made = exchanges(Null.TURNS, episode="E1", party=np.array([0, 1, 0, 1]), content=content, held=held)
    assert in_arrays(made, seed=7, null=Null.TURNS).keys.tolist() == [
        _random.key(7, cluster=name, purpose="null:turns") for name in ("E1/0", "E1/1")]


def test_an_exchange_uses_as_many_bits_as_in_numpy() -> None:
    assert int(loops._BITS) == in_numpy.BITS


def columns(episodes: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes of all episodes end to end, and their offsets."""
    return np.array(list(itertools.chain(*episodes)), dtype="u1"), np.cumsum([0, *map(len, episodes)])


def counted(episodes: list[list[int]], keys: list[int], number: int, bits: int) -> list[list[int]]:
    """Count the pairs of one arrangement one by one."""
    counts = [[0] * 3 for _ in range(3)]
    for codes, key in zip(episodes, keys, strict=True):
        words = _random.draws(key, len(codes) // 2, start=number * (len(codes) // 2)).tolist()
        order = slow.fisher_yates(len(codes), lambda s, words=words: words[s // 2] >> (bits * (s % 2)) & 2**bits - 1,
                                  lambda s, attempt, words=words: again(words[s // 2], attempt) & 2**bits - 1, bits=bits)
        for one, after in itertools.pairwise(codes[place] for place in order):
            counts[one][after] += 1
    return counts


@given(episodes=EPISODES, key=KEYS, start=st.integers(0, 9), count=st.integers(1, 7), bits=st.sampled_from([4, 32]),
       columns_at_once=st.integers(1, 9), pairs=st.integers(0, 9), tallied=st.integers(0, 9))
def test_transitions_are_counted_as_one_by_one(episodes: list[list[int]], key: int, start: int, count: int, bits: int,
                                               columns_at_once: int, pairs: int, tallied: int) -> None:
    """However much is done at once."""
    codes, offsets = columns(episodes)
    keys = _random.draws(key, len(episodes))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("COLUMNS", columns_at_once), ("_PAIRS", pairs), ("_COUNTED", tallied)):
            patch.setattr(in_numpy, name, value)
        found = in_numpy.shuffled_transitions(codes, offsets=offsets, n_codes=3, keys=keys, draws=_random.draws,
                                              start=start, count=count, bits=bits)
    assert found.tolist() == [counted(episodes, keys.tolist(), number, bits) for number in range(start, start + count)]


@given(episodes=EPISODES, key=KEYS, start=st.integers(0, 9), count=st.integers(0, 4))
def test_transitions_are_those_of_numpy(kernels: Kernels, episodes: list[list[int]], key: int, start: int, count: int) -> None:
    codes, offsets = columns(episodes)
    keys = _random.draws(key, len(episodes))
    expected = in_numpy.shuffled_transitions(codes, offsets=offsets, n_codes=3, keys=keys, draws=_random.draws,
                                             start=start, count=count)
    found = kernels.shuffled_transitions(codes, offsets, keys, 3, np.uint64(start), count)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape) == (np.int64, (count, 3, 3))
    assert found.tolist() == expected.tolist()


@given(episodes=EPISODES, key=KEYS)
def test_transitions_reject_draws_as_numpy_does(episodes: list[list[int]], key: int) -> None:
    codes, offsets = columns(episodes)
    keys = _random.draws(key, len(episodes))
    expected = in_numpy.shuffled_transitions(codes, offsets=offsets, n_codes=3, keys=keys, draws=_random.draws,
                                             start=0, count=3, bits=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "_BITS", np.uint64(4))
        found = PLAIN.shuffled_transitions(codes, offsets, keys, 3, np.uint64(0), 3)
    assert found.tolist() == expected.tolist()


def test_the_largest_codes_have_room() -> None:
    """256 codes make 65,536 pairs, the most that 16 bits hold."""
    codes = np.array([255, 255, 255, 0], dtype="u1")
    found = in_numpy.shuffled_transitions(codes, offsets=np.array([0, 3, 4]), n_codes=256, draws=_random.draws, start=0,
                                          keys=_random.draws(1, 2), count=2)
    assert found[:, 255, 255].tolist() == [2, 2]
    assert found.sum() == 4
    other = PLAIN.shuffled_transitions(codes, np.array([0, 3, 4]), _random.draws(1, 2), 256, np.uint64(0), 2)
    assert np.array_equal(found, other)


def test_what_has_no_room_is_refused(kernels: Kernels) -> None:
    """Compiled code would write beside the table."""
    codes, offsets, keys = np.array([0, 3], dtype="u1"), np.array([0, 2]), _random.draws(1, 1)
    with pytest.raises(ValueError, match="not below n_codes"):
        in_numpy.shuffled_transitions(codes, offsets=offsets, n_codes=3, keys=keys, draws=_random.draws, start=0, count=1)
    with pytest.raises(ValueError, match="not below n_codes"):
        kernels.shuffled_transitions(codes, offsets, keys, 3, np.uint64(0), 1)
    made = exchanges(Null.FREE, episode="E1", party=codes, content=codes, held=codes)
    for ranks in ([0, 4], [-2, 3]):
        with pytest.raises(ValueError, match="nor below n_ranks"):
            kernels.shuffled_precedences(np.array(ranks, dtype="i1"), offsets, in_arrays(made, seed=1, null=Null.FREE), 4,
                                         np.uint64(0), 1)


def test_pairs_come_as_often_as_equal_chances_say() -> None:
    """Of five places, each ordered pair of entries stands side by side in 4 of 20 orders; ten thousand orders."""
    codes, offsets = columns([[0, 0, 1, 1, 2]])
    found = in_numpy.shuffled_transitions(codes, offsets=offsets, n_codes=3, keys=_random.draws(5, 1), start=0,
                                          draws=_random.draws, count=10_000)
    expected = np.array([[2, 4, 2], [4, 2, 2], [2, 2, 0]]) * 4 / 20
    assert np.abs(found.mean(axis=0) - expected).max() < 5 * 0.7 / 100    # five errors, each count below 0.7 wide


# The choice

@pytest.fixture
def numba_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)


@pytest.mark.usefixtures("numba_works")
def test_numpy_does_what_is_small_and_numba_what_is_large() -> None:
    assert choice.quick_kernels(choice.PAYS - 1) is None
    assert choice.quick_kernels(choice.PAYS) is loops.compiled()


@pytest.mark.usefixtures("numba_works")
def test_without_numba_numpy_does_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    loops.compiled.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "numba", None)
        assert choice.quick_kernels(choice.PAYS) is None
    assert choice.quick_kernels(choice.PAYS) is not None


@pytest.mark.parametrize(("said", "quick"), [("1", False), ("0", True), ("", True)])
def test_where_nothing_may_be_compiled_numpy_does_everything(monkeypatch: pytest.MonkeyPatch, said: str, quick: bool) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", said)
    assert (choice.quick_kernels(choice.PAYS) is not None) is quick


def test_without_a_folder_for_it_the_compiled_form_is_not_kept() -> None:
    def njit(**how: bool) -> Callable[[Callable[..., object]], object]:
        if how.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda kernel: (kernel, how)

    assert loops._jitted(njit, PLAIN.draws) == (PLAIN.draws, {"nogil": True})


def test_numba_is_imported_where_it_is_to_work_and_not_before() -> None:
    code = ("import sys\nimport rupturekit.inference.precedence\nfrom rupturekit._kernels import choice\n"
            "choice.quick_kernels(choice.PAYS - 1)\nprint('numba' in sys.modules)\n"
            "choice.quick_kernels(choice.PAYS)\nprint('numba' in sys.modules)")
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_DISABLE_JIT"}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.split() == ["False", "True"]


# Stage precedence, both ways

RULE = rk.SegmentationRule(name="whole", opens=("withdrawal_marker",), gap=None)


@pytest.fixture(scope="module")
def table() -> TraceTable:
    return analyse(example_cohort(), rk.Plan(model="withdrawal-2000", track="r1", segmentation=RULE)).traces


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, numba_works: None) -> list[int]:
    """Return a list that grows by one number whenever a compiled kernel works."""
    held, calls = loops.compiled(), []

    def counted_calls(*given: object) -> object:
        calls.append(1)
        return held.shuffled_precedences(*given)    # type: ignore[arg-type]

    monkeypatch.setattr(choice, "compiled", lambda: held._replace(shuffled_precedences=counted_calls))
    return calls


def both_ways(found: Callable[[], StagePrecedence], asked: list[int]) -> tuple[StagePrecedence, StagePrecedence]:
    """Return what numpy finds and what compiled kernels find, sure that each did."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choice, "PAYS", 2**62)
        by_numpy, before = found(), len(asked)
        patch.setattr(choice, "PAYS", 0)
        quick = found()
    assert before == 0
    assert len(asked) > 0
    return by_numpy, quick


@pytest.mark.parametrize("null", list(Null))
def test_stage_precedence_is_the_same_either_way(table: TraceTable, asked: list[int], null: Null,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rupturekit.inference.permutation.BLOCK", 17)    # three calls, each from where the last ended
    by_numpy, quick = both_ways(lambda: stage_precedence(table, RULE, null=null, draws=39), asked)
    assert quick.gain.test == by_numpy.gain.test
    assert quick.gain == by_numpy.gain
    assert quick == by_numpy


def test_drawing_that_stops_early_and_threads_are_the_same_either_way(table: TraceTable, asked: list[int]) -> None:
    with ThreadPoolExecutor(2, initializer=lambda: np.seterr(over="ignore")) as pool:
        by_numpy, quick = both_ways(lambda: stage_precedence(table, RULE, draws=99, stop_after=3, executor=pool), asked)
    assert quick == by_numpy


def test_the_size_of_the_whole_test_chooses(table: TraceTable, asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries are moves of the episodes that hold pairs, times draws: neither a part nor a block of draws alone."""
    sizes: set[int] = set()

    def noted(entries: int) -> None:
        sizes.add(entries)

    monkeypatch.setattr("rupturekit.inference.precedence.quick_kernels", noted)
    stage_precedence(table, RULE, draws=39)
    (size,) = sizes
    assert size % 39 == 0
    assert 0 < size // 39 <= len(table.symbol)
    assert asked == []
    sizes.clear()
    stage_precedence(table, RULE, draws=2_100)    # more than one block
    assert sizes == {size // 39 * 2_100}
