"""Keyed random numbers against the plain loop that states their contract."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rupturekit import _random

KEYS = st.integers(0, 2**64 - 1)
BOUNDS = st.one_of(st.integers(1, 100), st.integers(1, 2**63 - 1), st.integers(2**62, 2**63 - 1))
EDGES = [0, 1, 5, 2**63, 2**64 - 16, 2**64 - 4, 2**64 - 2, 2**64 - 1]
REFERENCE = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
             16408922859458223821]


# The contract, one draw at a time

def plain_draws(key: int) -> Iterator[int]:
    state = key
    while True:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        word = state
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
        yield word ^ (word >> 31)


def plain_below(stream: Iterator[int], n: int) -> int:
    while True:
        word = next(stream)
        if word < 2**64 // n * n:
            return word % n


def plain_shuffled(stream: Iterator[int], n: int) -> list[int]:
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = plain_below(stream, i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def plain_choice(stream: Iterator[int], weights: list[int]) -> int:
    number, total = plain_below(stream, sum(weights)), 0
    for place, weight in enumerate(weights):
        total += weight
        if number < total:
            return place
    raise AssertionError


def given_draws(words: list[int]) -> Callable[..., _random.Draws]:
    """Stand in for `draws` with words chosen by the test, 0 for ever after."""

    def draws(key: int, count: int, *, start: int = 0) -> Any:
        return np.array([*words, *[0] * (start + count)][start : start + count], dtype=np.uint64)

    return draws


# Draws

def test_draws_are_the_published_splitmix64() -> None:
    assert _random.draws(1234567, 5).tolist() == REFERENCE


@given(KEYS, st.integers(0, 40))
def test_draws_agree_with_the_plain_loop(key: int, count: int) -> None:
    assert _random.draws(key, count).tolist() == list(itertools.islice(plain_draws(key), count))


@given(KEYS, st.lists(st.integers(0, 9), max_size=6))
def test_draws_in_pieces_are_the_draws_at_once(key: int, sizes: list[int]) -> None:
    starts = itertools.accumulate(sizes, initial=0)
    pieces = [_random.draws(key, size, start=start) for size, start in zip(sizes, starts, strict=False)]
    assert [word for piece in pieces for word in piece.tolist()] == _random.draws(key, sum(sizes)).tolist()


@given(st.lists(KEYS, min_size=1, max_size=5), st.lists(st.sampled_from([0, 1, 7, 2**63, 2**64 - 1]) | KEYS, max_size=5))
def test_draws_at_counters_of_many_streams_are_the_draws_of_each(keys: list[int], counters: list[int]) -> None:
    found = _random.draws_at(np.array(keys, dtype=np.uint64)[:, None], np.array(counters, dtype=np.uint64))
    assert found.tolist() == [[int(_random.draws(key, 1, start=at)[0]) for at in counters] for key in keys]


def test_draws_at_one_counter_each_leave_what_they_were_given_alone() -> None:
    keys, counters = np.arange(3, dtype=np.uint64), np.arange(3, dtype=np.uint64)
    assert _random.draws_at(keys, counters).tolist() == [int(_random.draws(at, 1, start=at)[0]) for at in range(3)]
    assert keys.tolist() == counters.tolist() == [0, 1, 2]


def test_a_counter_at_the_very_end_wraps_around() -> None:
    last = _random.draws(7, 2, start=2**64 - 1).tolist()
    assert last[1] == _random.draws(7, 1)[0]


def test_draws_are_unsigned_words_and_none_may_be_asked_for() -> None:
    assert _random.draws(1, 3).dtype == np.uint64
    assert _random.draws(1, 0).tolist() == []


@given(KEYS, st.integers(0, 20), st.integers(0, 20))
def test_a_longer_answer_begins_with_the_shorter(key: int, one: int, other: int) -> None:
    few, many = sorted((one, other))
    for made in (lambda count: _random.draws(key, count), lambda count: _random.uniforms(key, count),
                 lambda count: _random.below(key, count, 2**62 + 1),
                 lambda count: _random.choice(key, count, [3, 0, 2**62])):
        assert made(many)[:few].tolist() == made(few).tolist()


# Keys

def test_a_key_is_the_same_on_every_platform_and_day() -> None:
    assert _random.key(1, cluster="D1", purpose="shuffle") == 9596642974538111780


def test_a_key_is_blake2b_of_its_parts_with_their_lengths() -> None:
    said = (b"\x02\0\0\0\0\0\0\0-7" b"\x03\0\0\0\0\0\0\0D\xc3\xa9" b"\0\0\0\0\0\0\0\0")
    digest = hashlib.blake2b(said, digest_size=8, person=b"rupturekit-rng-1").digest()
    assert _random.key(-7, cluster="Dé", purpose="") == int.from_bytes(digest, "little")


def test_parts_do_not_run_into_each_other() -> None:
    triples = [(1, "1", ""), (11, "", ""), (1, "", "1"), (1, "ab", "c"), (1, "a", "bc"), (1, "abc", "")]
    assert len({_random.key(seed, cluster=c, purpose=p) for seed, c, p in triples}) == len(triples)


def test_streams_do_not_depend_on_the_order_of_work() -> None:
    clusters = [f"D{n}" for n in range(20)]

    def worked(order: list[str]) -> dict[str, list[int]]:
        return {c: _random.below(_random.key(3, cluster=c, purpose="x"), 4, 10).tolist() for c in order}

    assert worked(clusters) == worked(clusters[::-1])


# Numbers made of draws

@given(KEYS, st.integers(0, 20))
def test_uniforms_are_the_upper_bits(key: int, count: int) -> None:
    expected = [(word >> 11) / 2**53 for word in itertools.islice(plain_draws(key), count)]
    assert _random.uniforms(key, count).tolist() == expected


def test_uniforms_stay_below_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_random, "draws", given_draws([0, 2**64 - 1]))
    assert _random.uniforms(0, 2).tolist() == [0.0, 1 - 2**-53]


@given(KEYS, st.integers(0, 30), BOUNDS)
def test_below_agrees_with_the_plain_loop(key: int, count: int, n: int) -> None:
    stream = plain_draws(key)
    assert _random.below(key, count, n).tolist() == [plain_below(stream, n) for _ in range(count)]


def test_below_goes_on_to_the_next_draw_where_one_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_random, "draws", given_draws([2**64 - 1, 5, 2**64 - 1, 2**64 - 2, 7]))
    # 2**64 = 1 mod 3: of 3, only the last word is too many.
    assert _random.below(0, 3, 3).tolist() == [5 % 3, (2**64 - 2) % 3, 7 % 3]


def test_below_rejects_nothing_where_n_is_a_power_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_random, "draws", given_draws([2**64 - 1, 2**64 - 3]))
    assert _random.below(0, 2, 8).tolist() == [7, 5]


@given(KEYS, st.integers(0, 30))
def test_shuffled_agrees_with_the_plain_loop(key: int, n: int) -> None:
    assert _random.shuffled(key, n).tolist() == plain_shuffled(plain_draws(key), n)


@example(words=[2**64 - 1], n=2)    # 2**64 is a multiple of 2: the last word there is counts
@example(words=[2**64 - 1, 2], n=3)    # and is one too many for 3
@given(words=st.lists(st.sampled_from(EDGES), max_size=12), n=st.integers(0, 12))
def test_shuffled_rejects_as_the_plain_loop_does(words: list[int], n: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_random, "draws", given_draws(words))
        stream = itertools.chain(words, itertools.repeat(0))
        assert _random.shuffled(0, n).tolist() == plain_shuffled(stream, n)


def test_every_order_comes_from_exactly_one_set_of_remainders(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[tuple[int, ...]] = Counter()
    for words in itertools.product(range(4), range(3), range(2)):
        monkeypatch.setattr(_random, "draws", given_draws(list(words)))
        seen[tuple(_random.shuffled(0, 4).tolist())] += 1
    assert set(seen) == set(itertools.permutations(range(4)))
    assert set(seen.values()) == {1}


@given(KEYS, st.integers(0, 30),
       st.lists(st.integers(0, 2**60), min_size=1, max_size=6).filter(lambda weights: sum(weights) > 0))
def test_choice_agrees_with_the_plain_loop(key: int, count: int, weights: list[int]) -> None:
    stream = plain_draws(key)
    expected = [plain_choice(stream, weights) for _ in range(count)]
    assert _random.choice(key, count, weights).tolist() == expected


def test_choice_gives_each_place_exactly_its_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_random, "draws", given_draws(list(range(6))))
    assert Counter(_random.choice(0, 6, [1, 0, 3, 2]).tolist()) == {0: 1, 2: 3, 3: 2}


def test_whole_numbers_come_as_int64() -> None:
    made = (_random.below(1, 2, 5), _random.below(1, 0, 5), _random.shuffled(1, 3),
            _random.choice(1, 2, [1, 1]))
    assert {array.dtype for array in made} == {np.dtype("i8")}


# Sanity: counts over fixed keys, once counted and the same for ever

def test_remainders_are_spread_evenly() -> None:
    counts = np.bincount(_random.below(_random.key(1, cluster="", purpose="even"), 60_000, 6))
    # Chi-square with 5 degrees of freedom: 20.5 is passed once in a thousand.
    assert ((counts - 10_000) ** 2).sum() / 10_000 < 20.5


def test_orders_over_many_keys_are_spread_evenly() -> None:
    keys = [_random.key(1, cluster=str(n), purpose="orders") for n in range(3_000)]
    counts = Counter(tuple(_random.shuffled(key, 3).tolist()) for key in keys)
    assert len(counts) == 6
    assert sum((n - 500) ** 2 for n in counts.values()) / 500 < 20.5


def test_each_bit_is_set_half_of_the_time() -> None:
    words = _random.draws(_random.key(1, cluster="", purpose="bits"), 10_000)
    ones = [int(((words >> np.uint64(bit)) & np.uint64(1)).sum()) for bit in range(64)]
    assert all(abs(n - 5_000) < 250 for n in ones)    # five standard deviations


# What is refused

@pytest.mark.parametrize("call", [
    lambda: _random.draws(-1, 1),
    lambda: _random.draws(2**64, 1),
    lambda: _random.draws(1, -1),
    lambda: _random.draws(1, 1, start=-1),
    lambda: _random.below(1, -1, 5),
    lambda: _random.below(1, 1, 0),
    lambda: _random.below(1, 1, 2**63),
    lambda: _random.shuffled(1, -1),
    lambda: _random.choice(1, 1, []),
    lambda: _random.choice(1, 1, [0, 0]),
    lambda: _random.choice(1, 1, [2, -1]),
    lambda: _random.choice(1, 1, [2**62, 2**62]),
])
def test_numbers_out_of_range_are_refused_with_a_sentence(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"expected .* to be at least [01] and below 2\*\*6[34] but got"):
        call()


def test_numpy_whole_numbers_do_and_fractions_do_not() -> None:
    assert _random.below(1, 3, np.int64(6)).tolist() == _random.below(1, 3, 6).tolist()
    with pytest.raises(TypeError):
        _random.below(1, 3, 6.0)    # type: ignore[arg-type]
