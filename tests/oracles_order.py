"""The slow, obvious version of what tests of order do: every arrangement written out, every pair looked at."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

__all__ = ["arranged", "fisher_yates", "twice_in_order"]


def twice_in_order(ranks: Sequence[int], instant: Sequence[int]) -> int:
    """Return 2 * pairs whose lower rank stands earlier + pairs at one instant; ranks differ, -1 is none."""
    total = 0
    for i, j in itertools.combinations(range(len(ranks)), 2):
        if min(ranks[i], ranks[j]) < 0 or ranks[i] == ranks[j]:
            continue
        total += 1 if instant[i] == instant[j] else 2 if ranks[i] < ranks[j] else 0
    return total


def fisher_yates(n: int, bits_of: Callable[[int], int], again: Callable[[int, int], int], *, bits: int) -> list[int]:
    """Return one order: `bits_of(s)` gives the bits of exchange s, `again(s, attempt)` those of a later attempt."""
    order = list(range(n))
    for step, i in enumerate(range(n - 1, 0, -1)):
        x, attempt = bits_of(step), 0
        while x * (i + 1) % 2**bits < 2**bits % (i + 1):
            attempt += 1
            x = again(step, attempt)
        j = x * (i + 1) // 2**bits
        order[i], order[j] = order[j], order[i]
    return order


def arranged(null: str, party: Sequence[int], content: Sequence[int], held: Sequence[bool]) -> Iterator[tuple[int, ...]]:
    """Yield every arrangement of the contents that a null allows, each as often as it comes up."""
    free = [at for at in range(len(party)) if not held[at]]
    if null == "free":
        yield from itertools.permutations(content)
    elif null == "interleaving":
        for places in itertools.permutations(free):
            laid, own = list(content), {who: iter([content[at] for at in free if party[at] == who]) for who in set(party)}
            for at, source in zip(free, places, strict=True):
                laid[at] = next(own[party[source]])
            yield tuple(laid)
    else:
        groups = [[at for at in free if party[at] == who] for who in sorted({party[at] for at in free})]
        for ways in itertools.product(*(list(_ways(null, group, party, content, held)) for group in groups)):
            laid = list(content)
            for group, way in zip(groups, ways, strict=True):
                for at, what in zip(group, way, strict=True):
                    laid[at] = what
            yield tuple(laid)


def _ways(null: str, group: list[int], party: Sequence[int], content: Sequence[int], held: Sequence[bool]
          ) -> Iterator[list[int]]:
    if null == "turns":
        yield from (list(way) for way in itertools.permutations([content[at] for at in group]))
        return
    runs: list[list[int]] = []
    for at in group:
        last = runs[-1][-1] if runs else None
        broken = last is None or content[last] != content[at] or any(
            held[between] and party[between] == party[at] for between in range(last, at))
        if broken:
            runs.append([])
        runs[-1].append(at)
    for way in itertools.permutations(runs):
        yield [content[at] for run in way for at in run]


def mean_of(values: Sequence[int]) -> Fraction:
    """Return an exact mean."""
    return Fraction(sum(values), len(values))
