"""Moves as a compiled model sees them: each is of one *kind*, and a cell (state, kind) says all that it does there.

Moves of one kind have the same symbol, the same party and the same code, so they lead to the same state for the same
reason. Replay walks over kinds; what is kept of a trace is then read off the cells that were met.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._kernels.replay import Walk, blocks, walk_of
from rupturekit._schema import ABSENT
from rupturekit._table import Array, freeze
from rupturekit.alphabet import REASONS, Alphabet, bucket_of, compile_model
from rupturekit.codebooks import Codebook
from rupturekit.cohort import Cohort, Episodes
from rupturekit.state_machine import StateMachine

__all__ = ["Block", "Kinds", "MoveReader", "blocks_of", "compile_kinds", "kinds_of"]

Whole = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Kinds:
    """What a compiled model does with every kind of move.

    Attributes
    ----------
    number : uint16 or int64, the shape of `alphabet.symbol`
        The kind of every sort of move.
    symbol : int16, one a kind
    next : int16, states x kinds
        The next state.
    reason : int8, states x kinds
        0 where an arrow is taken, else the place of the `Reason`, from 1.
    """

    alphabet: Alphabet
    number: Array
    symbol: Array
    next: Array
    reason: Array

    @functools.cached_property
    def walk(self) -> Walk:
        """The next states as they are walked."""
        return walk_of(self.next)

    @property
    def guarded(self) -> bool:
        """Whether a guard on rating or elapsed time tells moves of one party and code apart."""
        return bool(self.alphabet.cuts or self.alphabet.previous_cuts or self.alphabet.onset_cuts)

    def by_cell(self) -> dict[str, Array]:
        """Return what is known of a move by the cell it met, `state * kinds + kind`: one entry a cell."""
        n_states, n_kinds = self.next.shape
        return {"symbol": np.tile(self.symbol, n_states), "after": self.next.ravel(), "reason": self.reason.ravel(),
                "before": np.repeat(np.arange(n_states, dtype=np.int16), n_kinds)}


@functools.lru_cache(maxsize=16)
def compile_kinds(model: StateMachine, codebook: Codebook, *, parties: tuple[str, str], follow_skips: bool) -> Kinds:
    """Compile a model for a codebook and two parties, as `compile_model` does, and number the kinds of moves.

    The last few are remembered: compiling costs more than a short trace.
    """
    return kinds_of(compile_model(model, codebook, parties=parties, follow_skips=follow_skips))


def kinds_of(alphabet: Alphabet) -> Kinds:
    """Number the kinds of moves of an alphabet: the pairs of (party and code) and symbol that can occur.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.state_machine import load_model
    >>> kinds = kinds_of(compile_model(load_model("withdrawal-2000"), load_codebook("stages")))
    >>> kinds.guarded, kinds.next.shape == kinds.reason.shape
    (False, True)
    """
    shape, n_symbols = alphabet.symbol.shape, alphabet.next.shape[1]
    who_and_what = np.arange(shape[0] * shape[1]).reshape(shape[0], shape[1], 1, 1, 1)
    pairs, number = np.unique(who_and_what * n_symbols + alphabet.symbol, return_inverse=True)
    whose, symbol = np.divmod(pairs, n_symbols)
    known = _known(alphabet)[:, symbol]
    off_model = alphabet.reason.reshape(len(alphabet.next), -1)[:, whose]
    reason = np.where(known == 0, off_model, np.maximum(known, 0)).astype(np.int8)
    small = np.uint16 if len(pairs) <= 2**16 else np.int64
    return Kinds(alphabet=alphabet, number=freeze(number.reshape(shape).astype(small)),
                 symbol=freeze(symbol.astype(np.int16)), next=freeze(alphabet.next[:, symbol]), reason=freeze(reason))


def _known(alphabet: Alphabet) -> npt.NDArray[np.int8]:
    """Return for each state and symbol the reason that is forced, -1 where an arrow is taken, 0 where neither is."""
    known = np.zeros(alphabet.next.shape, dtype=np.int8)
    for pair in alphabet.hops:
        known[pair] = -1
    for pair, why in alphabet.forced.items():
        known[pair] = REASONS.index(why) + 1
    return known


@attrs.frozen(kw_only=True, eq=False)
class Block:
    """Episodes that are worked on at once.

    Attributes
    ----------
    low : int
        The number of the first of them.
    span : slice
        Where their members stand among the members of all episodes.
    offsets : int64
        `offsets[i]:offsets[i + 1]` are the members of episode `low + i`, counted from the start of the span.
    picked : slice or int64 array
        The rows of their moves: a slice where they stand in one piece, which is read without a copy.
    new_session : bool, one a member
    """

    low: int
    span: slice
    offsets: Whole
    picked: slice | Whole
    new_session: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.new_session)

    @property
    def firsts(self) -> Whole:
        """Where the first members of the episodes stand in the span; episodes without members have none."""
        return self.offsets[:-1][np.diff(self.offsets) > 0]

    @property
    def owners(self) -> Whole:
        """The place in the block of the episode of each member."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def blocks_of(episodes: Episodes) -> Iterator[Block]:
    """Yield the episodes in blocks, in their order."""
    for low, high in blocks(len(episodes)):
        offsets = episodes.offsets[low : high + 1]
        span = slice(int(offsets[0]), int(offsets[-1]))
        yield Block(low=low, span=span, offsets=offsets - offsets[0], picked=_in_one_piece(episodes.members[span]),
                    new_session=episodes.new_session[span])


def _in_one_piece(rows: Whole) -> slice | Whole:
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and bool((rows[1:] - rows[:-1] == 1).all()):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


class MoveReader:
    """Reads the kinds of moves, block by block, straight from the columns of a cohort."""

    def __init__(self, cohort: Cohort, kinds: Kinds) -> None:
        self.kinds = kinds
        self._moves, self._has_clock = cohort.moves, cohort.coding.time.has_clock
        self._sorts = _sorts_by_level(cohort, kinds.alphabet)
        self._plain = kinds.number[:, :, 0, 0, 0].ravel().take(self._sorts)

    def read(self, block: Block) -> Array:
        """Return the kind of every member of a block."""
        said = self._said(block)
        if not self.kinds.guarded:
            return self._plain.take(said)
        return self._guarded(block, said, self._since_previous(block))

    def read_in_any_order(self, block: Block, opening: Array) -> tuple[Array, Array]:
        """Return the kinds of the members, were each the first of its instant, and were each a later one.

        They differ where a guard asks for the time since the move before: who is first at an instant has waited, and
        the others have not. `opening` says for each member whether an instant begins with it.
        """
        if not self.kinds.alphabet.previous_cuts:
            kind = self.read(block)
            return kind, kind
        said, since = self._said(block), self._since_previous(block)
        first = np.maximum.accumulate(np.where(opening, np.arange(len(block)), 0))
        at_once = np.full(len(block), 0 if self._has_clock else ABSENT, dtype="i8")
        return self._guarded(block, said, since[first]), self._guarded(block, said, at_once)

    def _said(self, block: Block) -> Array:
        """Return who said what: party and code as one number, as the cohort's levels count them, absent ones first."""
        width = len(self._moves.levels["code"]) + 1
        return self._moves.party[block.picked] * width + self._moves.code[block.picked] + (width + 1)

    def _guarded(self, block: Block, said: Array, previous: Whole) -> Array:
        """Return kinds where rating and elapsed time matter: each is the bucket that a guard's thresholds cut."""
        alphabet, at = self.kinds.alphabet, self._sorts.take(said)
        _, _, ratings, waits, onsets = alphabet.symbol.shape
        for values, cuts, n in ((self._moves.rating[block.picked], alphabet.cuts, ratings),
                                (previous, alphabet.previous_cuts, waits),
                                (self._since_onset(block), alphabet.onset_cuts, onsets)):
            at = at * n + bucket_of(values, cuts)
        return self.kinds.number.ravel().take(at)

    def _since_previous(self, block: Block) -> Whole:
        """Return the time since the move before; `ABSENT` for the first of an episode or session, or without clock."""
        since = np.full(len(block), ABSENT, dtype="i8")
        if self._has_clock:
            since[1:] = np.diff(self._moves.onset[block.picked])
            since[block.new_session] = ABSENT
            since[block.firsts] = ABSENT
        return since

    def _since_onset(self, block: Block) -> Whole:
        """Return the time since the episode's first move; `ABSENT` once a new session has begun, or without clock."""
        if not self._has_clock:
            return np.full(len(block), ABSENT, dtype="i8")
        onset, session = self._moves.onset[block.picked], self._moves.session[block.picked]
        first = block.offsets[:-1][block.owners]
        return np.where(session == session[first], onset - onset[first], ABSENT)


def _sorts_by_level(cohort: Cohort, alphabet: Alphabet) -> Whole:
    """Return for each pair of level codes (party, code) of the cohort, absent ones first, its place in the alphabet."""
    people = {name: at for at, name in enumerate(alphabet.parties)}
    codes = {code.code: at for at, code in enumerate(alphabet.codebook.codes)}
    nobody, nothing = (n - 1 for n in alphabet.symbol.shape[:2])
    party = np.array([nobody, *(people.get(word, nobody) for word in cohort.moves.levels["party"])], dtype="i8")
    code = np.array([nothing, *(codes.get(word, nothing) for word in cohort.moves.levels["code"])], dtype="i8")
    return np.asarray(party[:, None] * (nothing + 1) + code).ravel()
