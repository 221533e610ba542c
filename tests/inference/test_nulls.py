"""Random arrangements under a null, against every arrangement written out."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles_order as slow
from rupturekit import _random
from rupturekit._kernels.shuffles import precedences, shuffles, words_per_shuffle
from rupturekit.inference.nulls import HOLDS, Exchange, Null, arrangement_count, arrangements, exchanges, rearranged

EPISODE = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.booleans()), min_size=1, max_size=6)


def columns(moves: list[tuple[int, int, bool]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    party, content, held = zip(*moves, strict=True)
    return np.array(party), np.array(content), np.array(held)


def again(word: int, attempt: int) -> int:
    return int(_random.draws(word, 1, start=attempt)[0])


@given(st.integers(0, 12), st.integers(1, 5), st.sampled_from([4, 8, 32]), st.integers(0, 2**64 - 1))
def test_many_orders_at_once_are_fisher_yates_one_by_one(n: int, many: int, bits: int, key: int) -> None:
    """With few bits a rejected draw is common, so that the road past it is walked too."""
    wide, low = words_per_shuffle(n), 2**bits - 1
    words = _random.draws(key, wide * many).reshape(many, wide)
    found = shuffles(np.ascontiguousarray(words.T), n, again=again, bits=bits)
    for at in range(many):
        own = [int(word) for word in words[at]]
        assert found[:, at].tolist() == slow.fisher_yates(
            n, lambda s, own=own: own[s // 2] >> (bits * (s % 2)) & low,
            lambda s, attempt, own=own: again(own[s // 2], attempt) & low, bits=bits)


def test_an_exchange_uses_32_bits_and_an_order_half_as_many_draws_as_places() -> None:
    """Whoever repeats an analysis with the same seed gets the same orders: neither number may change."""
    assert [words_per_shuffle(n) for n in range(8)] == [0, 0, 1, 1, 2, 2, 3, 3]
    words = _random.draws(5, words_per_shuffle(7) * 3).reshape(-1, 3)
    assert shuffles(words, 7, again=again).tolist() == shuffles(words, 7, again=again, bits=32).tolist()
    assert shuffles(words, 7, again=again).tolist() != shuffles(words, 7, again=again, bits=31).tolist()


def test_rejected_draws_are_taken_anew_until_one_holds() -> None:
    """Three places and three bits: every first draw with every second and third."""
    draws = np.arange(8, dtype="u8")
    for second in range(8):
        later = {1: second, 2: 7 - second, 3: 4}
        found = shuffles(draws[None], 3, again=lambda word, attempt, later=later: later[attempt], bits=3)
        for first in range(8):
            assert found[:, first].tolist() == slow.fisher_yates(
                3, lambda s, first=first: first if s == 0 else 0, lambda s, attempt, later=later: later[attempt], bits=3)


def test_every_order_of_four_is_equally_likely() -> None:
    count = 24_000
    exchange = Exchange(name="E1", places=np.arange(4))
    found = arrangements(exchange, seed=3, null=Null.TURNS, start=0, count=count)
    seen = Counter(map(tuple, found.T.tolist()))
    assert len(seen) == 24
    chi_square = sum((n - count / 24) ** 2 / (count / 24) for n in seen.values())
    assert chi_square < 49.7    # the 99.9 % point with 23 degrees of freedom


@given(EPISODE, st.sampled_from(list(Null)))
def test_only_arrangements_that_the_null_allows_come_up(moves: list[tuple[int, int, bool]], null: Null) -> None:
    party, content, held = columns(moves)
    made = exchanges(null, episode="E1", party=party, content=content, held=held)
    laid = rearranged(made, content, seed=1, null=null, start=0, count=40)
    allowed = set(slow.arranged(null.value, party.tolist(), content.tolist(), held.tolist()))
    assert set(map(tuple, laid.T.tolist())) <= allowed


@pytest.mark.parametrize("null", list(Null))
def test_arrangements_come_up_as_often_as_all_written_out_say(null: Null) -> None:
    party, content, held = np.array([0, 1, 0, 0, 1, 0]), np.array([0, 2, 1, 1, 0, 2]), np.array([1, 0, 0, 0, 0, 0], bool)
    made = exchanges(null, episode="E1", party=party, content=content, held=held)
    count = 20_000
    seen = Counter(map(tuple, rearranged(made, content, seed=5, null=null, start=0, count=count).T.tolist()))
    ways = Counter(slow.arranged(null.value, party.tolist(), content.tolist(), held.tolist()))
    assert seen.keys() == ways.keys()
    for way, n in ways.items():
        share = n / ways.total()
        assert abs(seen[way] / count - share) < 5 * math.sqrt(share * (1 - share) / count), way


@given(EPISODE, st.sampled_from(list(Null)))
def test_the_number_of_arrangements_is_never_below_the_true_one(moves: list[tuple[int, int, bool]], null: Null) -> None:
    party, content, held = columns(moves)
    made = exchanges(null, episode="E1", party=party, content=content, held=held)
    stated = math.prod(arrangement_count(exchange, content) for exchange in made)
    assert stated >= len(set(slow.arranged(null.value, party.tolist(), content.tolist(), held.tolist())))
    if null in (Null.TURNS, Null.FREE):
        assert stated == len(set(slow.arranged(null.value, party.tolist(), content.tolist(), held.tolist())))


@given(EPISODE, st.sampled_from(list(Null)), st.integers(0, 30), st.integers(1, 30))
def test_an_arrangement_depends_on_its_number_alone(moves: list[tuple[int, int, bool]], null: Null, start: int,
                                                    count: int) -> None:
    party, content, held = columns(moves)
    made = exchanges(null, episode="E1", party=party, content=content, held=held)
    whole = rearranged(made, content, seed=2, null=null, start=0, count=start + count)
    assert rearranged(made, content, seed=2, null=null, start=start, count=count).tolist() == whole[:, start:].tolist()


def test_other_episodes_parties_seeds_and_nulls_have_other_draws() -> None:
    def drawn(name: str, seed: int, null: Null) -> list[list[int]]:
        exchange = Exchange(name=name, places=np.arange(8))
        return arrangements(exchange, seed=seed, null=null, start=0, count=3).tolist()

    kinds = [drawn("E1/0", 1, Null.TURNS), drawn("E1/1", 1, Null.TURNS), drawn("E2/0", 1, Null.TURNS),
             drawn("E1/0", 2, Null.TURNS), drawn("E1/0", 1, Null.FREE)]
    assert all(one != other for at, one in enumerate(kinds) for other in kinds[:at])


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 2)), max_size=9))
def test_pairs_in_order_are_counted_as_one_by_one(moves: list[tuple[int, int]]) -> None:
    ranks = [rank for rank, _ in moves]
    instant = np.cumsum([step for _, step in moves]).astype("i8")
    found = precedences(np.array([ranks, ranks[::-1]], dtype="i1").T.reshape(len(ranks), 2), instant=instant, n_ranks=4)
    assert found.tolist() == [slow.twice_in_order(ranks, instant.tolist()), slow.twice_in_order(ranks[::-1], instant.tolist())]


def test_every_null_says_what_it_holds() -> None:
    assert HOLDS.keys() == set(Null)
