"""What compared models are scored on: the same episodes, and the same kinds of moves.

Models speak of different functions. Each is compiled for all that it speaks of, and sees its whole past; but what it is
scored on is only what all of them have a word for: whose move it is and which of the functions it has that every
compared model speaks of. What has none of these is "other", one kind for each party.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit._schema import ABSENT
from rupturekit._table import Array
from rupturekit.alphabet import Alphabet
from rupturekit.codebooks import Codebook
from rupturekit.cohort import Cohort, Episodes
from rupturekit.conformance.substitutions import Substitution, told_apart
from rupturekit.errors import NotEstimable, RecordError, listed
from rupturekit.kinds import MoveReader, blocks_of
from rupturekit.provenance import Provenance
from rupturekit.replays import Replay, replay_of_all
from rupturekit.state_machine import StateMachine
from rupturekit.ties import TieRule

__all__ = ["RESERVED", "ScoredMoves", "check_comparable", "kinds_told_apart", "scored_moves", "shared_functions"]

Whole = npt.NDArray[np.int64]

RESERVED: Final = ("flower",)
"""Names of baselines that a process model could have."""


@attrs.frozen(kw_only=True, eq=False)
class ScoredMoves:
    """The moves of the episodes that every model takes, by kind.

    Attributes
    ----------
    shared : tuple of str
        The functions that every model speaks of and some code has.
    alphabets : tuple of Alphabet
        Each model, compiled.
    speaker, outcome : int64, one a kind
        Whose move it is (the place among the study's parties, and one more for moves of nobody named), and what is
        scored of it: kinds that differ only in what not all models speak of have one outcome.
    symbol : int16, models x kinds
        What each kind of move is to each model.
    kind : int64, one a member of the episodes
    scored : bool, one a member
        Not the first of an episode: that one is there by the rule which drew the episode.
    dyad : int64, one a member
        The place in `dyads`.
    left_out : mapping of str to int
        Episodes that not every model takes, by reason; one may be counted under several.
    """

    shared: tuple[str, ...]
    alphabets: tuple[Alphabet, ...]
    speaker: Whole
    outcome: Whole
    symbol: Array
    episodes: Episodes
    kind: Whole
    scored: npt.NDArray[np.bool_]
    dyad: Whole
    dyads: tuple[str, ...]
    left_out: Mapping[str, int]
    provenance: Provenance


def scored_moves(cohort: Cohort, models: Sequence[StateMachine], *, track: str | None = None,
                 tie_rule: TieRule = TieRule.AS_FILED, any_type: bool = False,
                 substitutions: tuple[Substitution, ...] = ()) -> ScoredMoves:
    """Return the moves of the episodes that every model takes, as kinds that all models share.

    Parameters
    ----------
    substitutions : tuple of Substitution
        Moves that they price apart are kinds of their own. None are given where moves are scored: there kinds are told
        apart by what the models speak of.

    Raises
    ------
    RecordError
        Without models, with one twice, with models of different rupture types, or where `track` is not there.
    NotEstimable
        Where the models share no function that a code shows.
    PartyMismatch
        Where a model names a party that the study lacks.
    """
    check_comparable(models)
    shared = shared_functions(models, cohort.coding.codebook)
    replays = [told_apart(replay_of_all(cohort, model, track=track, tie_rule=tie_rule, follow_skips=True,
                                        any_type=any_type), substitutions) for model in models]
    episodes = _taken_by_all(replays)
    alphabets = tuple(held.kinds.alphabet for held in replays)
    seen = np.column_stack([*_said(cohort, episodes, shared), *(_symbols(cohort, episodes, held) for held in replays)])
    kinds, kind = _numbered(kinds_told_apart(alphabets, shared, has_clock=cohort.coding.time.has_clock), seen)
    dyads, of_episode = np.unique([str(name) for name in episodes.rows.words("dyad")], return_inverse=True)
    scored = np.ones(len(kind), dtype=bool)
    scored[episodes.offsets[:-1]] = False
    return ScoredMoves(
        shared=shared, alphabets=alphabets, speaker=kinds[:, 0],
        outcome=np.unique(kinds[:, :2], axis=0, return_inverse=True)[1].reshape(-1),
        symbol=kinds[:, 2:].T.astype(np.int16), episodes=episodes, kind=kind, scored=scored,
        dyad=np.repeat(of_episode.reshape(-1), episodes.lengths), dyads=tuple(dyads.tolist()),
        left_out=_reasons(held.left_out for held in replays), provenance=attrs.evolve(
            replays[0].provenance, model=", ".join(f"{model.name}:{model.digest}" for model in models)))


def check_comparable(models: Sequence[StateMachine]) -> None:
    """Refuse models that are not about the same thing.

    Raises
    ------
    RecordError
    """
    if not models:
        raise RecordError("no process model to compare; name one or more (see `rupturekit models`)", field="models")
    names = [model.name for model in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecordError(f"{listed(twice)} is named twice; name each process model once, and give a changed copy a "
                          "name of its own", field="models", value=twice[0])
    taken = [name for name in names if name in RESERVED]
    if taken:
        raise RecordError(f"{listed(taken)} is the name of a baseline; give the process model another name",
                          field="models", value=taken[0])
    types = {model.type: model.name for model in models if model.type is not None}
    if len(types) > 1:
        raise RecordError("compared are models for one rupture type, and these are for several: " + listed(
            f"{name} for {kind}" for kind, name in types.items()) + "; compare those of each type by themselves",
            field="models")


def shared_functions(models: Sequence[StateMachine], codebook: Codebook) -> tuple[str, ...]:
    """Return the functions that every model speaks of and some code has, sorted.

    Raises
    ------
    NotEstimable
        Where there are none.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.state_machine import load_model
    >>> both = [load_model("3rs-native"), load_model("withdrawal-2000")]
    >>> shared_functions(both, load_codebook("3rs-2015"))
    ('acknowledges_contribution', 'invites_exploration', 'validates', 'withdrawal_marker')
    """
    shared = set.intersection(*(set(model.functions) for model in models))
    shown = tuple(sorted(name for name in shared if codebook.codes_for(name)))
    if not shown:
        raise NotEstimable(f"{listed(model.name for model in models)} share no function that a code of "
                           f"{codebook.name} shows (they share: {listed(sorted(shared)) or 'none'}), so there is "
                           "nothing on which all of them say something; compare models that do")
    return shown


def _taken_by_all(replays: Sequence[Replay]) -> Episodes:
    """Return the episodes that are held against every model; none is without moves."""
    first = replays[0].episodes
    common = set.intersection(*(set(map(str, held.episodes.rows.words("episode"))) for held in replays))
    return first.take(np.array([str(name) in common for name in first.rows.words("episode")], dtype=bool))


def _reasons(held: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in held:
        for why, n in one.items():
            found[why] = max(n, found.get(why, 0))
    return found


# --- kinds of moves ---------------------------------------------------------------------------------------------------


def kinds_told_apart(alphabets: Sequence[Alphabet], shared: Sequence[str], *, has_clock: bool) -> Whole:
    """Return the kinds of moves that the codebook allows, one row each: speaker, shared functions, symbol by model.

    A code may be given to the parties that the codebook says; one that the codebook does not have, to both. Ratings and
    elapsed times are told apart where a guard of some model does.
    """
    codes, people = alphabets[0].codebook.codes, alphabets[0].parties
    may = [(party, at) for party, name in enumerate(people) for at, code in enumerate(codes)
           if not code.parties or name in code.parties]
    may += [(party, len(codes)) for party in range(len(people))]
    grid = np.array([(*pair, *rest) for pair in may for rest in itertools.product(
        _one_of_each(cut for held in alphabets for cut in held.cuts),
        _one_of_each(cut for held in alphabets for cut in held.previous_cuts if has_clock),
        _one_of_each(cut for held in alphabets for cut in held.onset_cuts if has_clock))], dtype=np.int64)
    party, code, rating, previous, onset = grid.T
    made = [held.symbols(party=party, code=code, rating=rating, previous=previous, onset=onset) for held in alphabets]
    functions = _functions_by_code(alphabets[0].codebook, shared)
    return np.unique(np.column_stack([party, functions[code], *made]), axis=0).astype(np.int64)


def _one_of_each(cuts: Iterable[int]) -> list[int]:
    """Return one value for each bucket that thresholds cut, and the absent one.

    >>> _one_of_each([5, 9, 5])[:3]
    [4, 5, 9]
    """
    edges = sorted(set(cuts))
    return [*([edges[0] - 1] if edges else []), *edges, ABSENT]


def _functions_by_code(codebook: Codebook, shared: Sequence[str]) -> Whole:
    """Number which of the shared functions each code has, 0 for none; the last is for codes the codebook lacks."""
    has = [frozenset(code.functions).intersection(shared) for code in codebook.codes]
    number = {held: at for at, held in enumerate(dict.fromkeys([frozenset[str](), *has]))}
    return np.array([*(number[held] for held in has), 0], dtype=np.int64)


def _said(cohort: Cohort, episodes: Episodes, shared: Sequence[str]) -> tuple[Whole, Whole]:
    """Return whose move each member is, the last place for nobody named, and which shared functions it has."""
    coding, moves = cohort.coding, cohort.moves
    people = {name: at for at, name in enumerate(coding.parties)}
    codes = {code.code: at for at, code in enumerate(coding.codebook.codes)}
    party = _by_level(moves.levels["party"], people)[moves.party[episodes.members].astype(np.int64) + 1]
    code = _by_level(moves.levels["code"], codes)[moves.code[episodes.members].astype(np.int64) + 1]
    return party, _functions_by_code(coding.codebook, shared)[code]


def _by_level(levels: Sequence[str], place: Mapping[str, int]) -> Whole:
    """Return the place of each level, absent ones first; what has none stands last."""
    return np.array([len(place), *(place.get(word, len(place)) for word in levels)], dtype=np.int64)


def _symbols(cohort: Cohort, episodes: Episodes, held: Replay) -> Array:
    reader = MoveReader(cohort, held.kinds)
    parts = [held.kinds.symbol.take(reader.read(block)) for block in blocks_of(episodes)]
    return np.concatenate([*parts, np.zeros(0, dtype=np.int16)])


def _numbered(allowed: Whole, rows: Array) -> tuple[Whole, Whole]:
    """Return the kinds, with those that occur although the codebook does not allow them, and that of each move."""
    kinds, number = np.unique(np.concatenate([allowed, rows]), axis=0, return_inverse=True)
    return kinds.astype(np.int64), number.reshape(-1)[len(allowed) :]
