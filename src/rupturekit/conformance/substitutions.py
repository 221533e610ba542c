"""What it costs that a move takes an arrow which it does not fit: one price, or prices by function and by state."""

from __future__ import annotations

import functools
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.alignment import NO_WAY
from rupturekit._table import freeze
from rupturekit.alphabet import Alphabet
from rupturekit.errors import NotEstimable, RecordError, did_you_mean, listed
from rupturekit.kinds import kinds_of
from rupturekit.replays import Replay

__all__ = ["MOST_COST", "Substitution", "check_price", "substitution_costs", "told_apart"]

MOST_COST: Final = 10_000
"""No single price is higher, so that sums of them are exact."""

Flags = npt.NDArray[np.bool_]


def check_price(instance: object, field: attrs.Attribute[Any], value: Any) -> None:
    """Refuse a price that is no whole number within bounds.

    Raises
    ------
    RecordError
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_COST:
        raise RecordError(f"{type(instance).__name__}.{field.name}: expected a whole number from 0 to {MOST_COST:,} "
                          f"but got {value!r:.40}", field=field.name, value=value)


@attrs.frozen(kw_only=True)
class Substitution:
    """What it costs that a move stands in for another, by what the arrow waits for, what the move does, and where.

    Attributes
    ----------
    wanted : str or None
        A function that the arrow waits for; None for any.
    had : str or None
        A function of the move's code; None for any, also for none.
    state : str or None
        The state that the arrow leaves; None for any.
    cost : int or None
        None forbids it.

    >>> print(Substitution(wanted="validates", had="empathises", cost=1))
    empathises for validates 1
    """

    wanted: str | None = None
    had: str | None = None
    state: str | None = None
    cost: int | None = attrs.field(validator=attrs.validators.optional(check_price))

    def __attrs_post_init__(self) -> None:
        if self.wanted is self.had is self.state is None:
            raise RecordError("Substitution: names neither a function nor a state; the price of any substitution is "
                              "AlignmentCosts.substituted", field="wanted")

    def __str__(self) -> str:
        where = "" if self.state is None else f" in {self.state}"
        return f"{self.had or 'any'} for {self.wanted or 'any'}{where} {'never' if self.cost is None else self.cost}"


def substitution_costs(alphabet: Alphabet, *, substituted: int | None, substitutions: tuple[Substitution, ...]
                       ) -> npt.NDArray[np.int32]:
    """Return what it costs that a move of each symbol takes each arrow in place of one that fits: symbols x arrows.

    Of the substitutions that apply the first counts; where none does, `substituted`. `NO_WAY` is what is not allowed.

    Raises
    ------
    RecordError, UnknownState
        Where a substitution names a function or state that is not there.
    NotEstimable
        Where moves of one symbol do different things that are priced apart; see `told_apart`.
    """
    arrows = alphabet.model.transitions
    waits = np.array([arrow.when is not None for arrow in arrows], dtype=bool)
    costs = np.full(alphabet.fits.shape, NO_WAY, dtype=np.int32)
    costs[:, waits] = NO_WAY if substituted is None else substituted
    for one in reversed(substitutions):
        _check_names(alphabet, one)
        rows = _doing(alphabet, one.had)
        columns = waits & np.array([_applies(one, arrow.source, arrow.when.functions if arrow.when else ())
                                    for arrow in arrows], dtype=bool)
        costs[np.ix_(rows, columns)] = NO_WAY if one.cost is None else one.cost
    return costs


def _applies(one: Substitution, source: str, functions: tuple[str, ...]) -> bool:
    return one.state in (None, source) and (one.wanted is None or one.wanted in functions)


def _check_names(alphabet: Alphabet, one: Substitution) -> None:
    known = {name for code in alphabet.codebook.codes for name in code.functions}
    if one.state is not None:
        alphabet.model[one.state]
    for field, name, there, whose in (("wanted", one.wanted, alphabet.model.functions, alphabet.model.name),
                                      ("had", one.had, sorted(known), alphabet.codebook.name)):
        if name is not None and name not in there:
            raise RecordError(f"Substitution.{field}: {whose} has no function {name!r:.80}{did_you_mean(name, there)}; "
                              f"its functions are: {listed(there)}", field=field, value=name)


def _doing(alphabet: Alphabet, function: str | None) -> Flags:
    """Return which symbols are those of moves that do something; all for None."""
    if function is None:
        return np.ones(len(alphabet.fits), dtype=bool)
    does = np.array([function in code.functions for code in alphabet.codebook.codes] + [False])
    doing, other = (np.bincount(alphabet.symbol[:, these].ravel(), minlength=len(alphabet.fits)) > 0
                    for these in (does, ~does))
    if (doing & other).any():
        raise NotEstimable(f"moves that do and moves that do not what is called {function} look alike to "
                           f"{alphabet.model.name}, and their substitution has different prices; that is told apart by "
                           "align_cohort, order_gain and compare_models: elsewhere, price substitutions by `wanted` "
                           "and by `state`")
    return doing


def told_apart(replay: Replay, substitutions: tuple[Substitution, ...]) -> Replay:
    """Return a replay whose symbols tell moves apart by every function that substitutions are priced by."""
    functions = frozenset(one.had for one in substitutions if one.had is not None)
    if not functions:
        return replay
    return attrs.evolve(replay, kinds=kinds_of(_split(replay.kinds.alphabet, functions)))


@functools.lru_cache(maxsize=16)
def _split(alphabet: Alphabet, functions: frozenset[str]) -> Alphabet:
    """Return the alphabet with one symbol for each old one and each set of these functions that its moves have."""
    sets: dict[frozenset[str], int] = {frozenset(): 0}
    does = [functions.intersection(code.functions) for code in alphabet.codebook.codes]
    mark = np.array([*(sets.setdefault(one, len(sets)) for one in does), 0])
    pairs = alphabet.symbol * len(sets) + mark[:, None, None, None]
    fresh, symbol = np.unique(np.append(0, pairs), return_inverse=True)    # symbol 0 stays what has no function
    old = fresh // len(sets)
    new: dict[int, list[int]] = {}
    for at, was in enumerate(old.tolist()):
        new.setdefault(was, []).append(at)

    def spread(held: dict[tuple[int, int], Any]) -> dict[tuple[int, int], Any]:
        return {(state, at): value for (state, was), value in held.items() for at in new.get(was, ())}

    return attrs.evolve(alphabet, symbol=freeze(symbol[1:].reshape(pairs.shape).astype(np.int16)),
                        next=freeze(alphabet.next[:, old]), fits=freeze(alphabet.fits[old]),
                        hops=spread(alphabet.hops), forced=spread(alphabet.forced), ahead=spread(alphabet.ahead))
