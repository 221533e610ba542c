"""Measures over windows: any number that some moves give, beside the same number where there was no rupture."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias

import attrs
import numpy as np

from rupturekit import _html
from rupturekit._frames import FrameColumn
from rupturekit._kernels import open_claims as kernel
from rupturekit._table import Array, freeze, held_state, set_closed
from rupturekit.around import KINDS, WindowKind, Windows, as_window_kind
from rupturekit.cohort import Cohort
from rupturekit.errors import NotEstimable, RecordError, did_you_mean, listed
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.negotiation.acts import NEEDS, VERBS, ActMapping, as_act_mapping, place_of_need
from rupturekit.negotiation.turns import acts_of_moves, laid_in_turns
from rupturekit.ties import TieRule, as_tie_rule
from rupturekit.vocabulary import Need, NeedVerb

__all__ = ["Measure", "WindowValues", "count_of", "met_share", "need_share", "over_windows", "window_contrast"]

Measure: TypeAlias = Callable[[Array], float | None]
"""What is measured: rows of the cohort's moves -> a number, or None where they do not say."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WindowValues:
    """A measure over windows.

    Attributes
    ----------
    what : str
        What was measured, in words, with what it was divided by.
    value : float64
        One a window; NaN where the measure says nothing, as it does of an empty window.
    """

    windows: Windows
    what: str
    value: Array

    __getstate__ = held_state
    __setstate__ = set_closed

    def __len__(self) -> int:
        return len(self.value)

    def mean(self, kind: WindowKind | str) -> float | None:
        """Return the plain mean over the windows of a kind that have a value; no estimate: dyads are not told apart."""
        held = self.value[self.windows.of_kind(kind)]
        known = held[~np.isnan(held)].tolist()
        return math.fsum(known) / len(known) if known else None

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row a window, its value last."""
        return {**self.windows.frame_columns(),
                "value": FrameColumn(values=self.value, absent=np.isnan(self.value))}

    def __repr__(self) -> str:
        return f"WindowValues({self.what!r}, {int((~np.isnan(self.value)).sum()):,} of {len(self):,} windows)"

    def __str__(self) -> str:
        means = {kind: self.mean(kind) for kind in KINDS}
        return "\n".join([repr(self), *(f"  {kind}: {mean:.4g}" for kind, mean in means.items() if mean is not None)])

    def _repr_html_(self) -> str:
        return _html.printed(self)


def over_windows(windows: Windows, measure: Measure, *, what: str, per: Literal["minute", "turn"] | None = None
                 ) -> WindowValues:
    """Return a measure over every window that is not empty.

    Parameters
    ----------
    measure : rows of the cohort's moves -> a number, or None where they do not say
    what : str
        What it measures, in words; stands in every result.
    per : None, "minute" or "turn"
        Divide by the observed length of the window, which is why a count over a censored window is still a rate. A
        window of one instant on a clock has no rate.

    Raises
    ------
    RecordError
        Where the windows are not laid in the unit to divide by, or the measure gives what is no finite number.

    >>> from rupturekit.around import windows
    >>> from rupturekit.example import example_cohort
    >>> cohort = example_cohort()
    >>> around = windows(cohort, before=120, after=120, unit="seconds", track="r1")
    >>> found = over_windows(around, count_of(cohort, "withdrawal_marker"), what="markers of withdrawal", per="minute")
    >>> found.mean("episode") > found.mean("before")
    True
    """
    if per not in (None, "minute", "turn") or (per is not None and windows.unit != _UNIT_OF[per]):
        raise RecordError(f"per is {per!r:.40}, and the windows are laid in {windows.unit}; expected None or "
                          f"{'minute' if windows.unit == 'seconds' else 'turn'!r}", field="per", value=per)
    value = np.full(len(windows), np.nan)
    for at in np.flatnonzero(windows.length).tolist():
        said = measure(windows.moves_of(at))
        if said is not None:
            value[at] = float(said)
            if not math.isfinite(value[at]):
                raise RecordError(f"{what} is {said!r} in window {at}; a measure gives a finite number, or None",
                                  field="measure", value=said)
    if per is not None:
        lasted = windows.length / (60_000_000 if per == "minute" else 1)
        value = np.divide(value, lasted, out=np.full(len(value), np.nan), where=windows.length > (per == "minute"))
    return WindowValues(windows=windows, what=what if per is None else f"{what} per {per}", value=freeze(value))


_UNIT_OF: Final = {"minute": "seconds", "turn": "turns"}


def window_contrast(values: WindowValues, kind: WindowKind | str, *, against: WindowKind | str = WindowKind.MATCHED,
                    with_censored: bool = True, with_overlapping: bool = True, confidence: float = 0.95,
                    level: str | None = None, seed: int = 1) -> Estimate:
    """Estimate how far a measure in one kind of window differs from that in another, within episodes.

    For each episode the value of its window less the mean over the windows matched with it (or less that of its window
    of the kind `against`); of these the mean within each dyad; of these the mean over dyads, with an interval over the
    units that govern. Episodes without both values are counted in the warnings.

    Parameters
    ----------
    with_censored, with_overlapping : bool
        Whether windows that were cut short, or overlap another episode, are looked at.

    Raises
    ------
    NotEstimable
        Where no episode has both values.
    RecordError
        Where there is no such kind.

    >>> from rupturekit.around import windows
    >>> from rupturekit.example import example_cohort
    >>> cohort = example_cohort()
    >>> around = windows(cohort, before=120, after=120, unit="seconds", track="r1")
    >>> found = over_windows(around, count_of(cohort, "withdrawal_marker"), what="markers of withdrawal", per="minute")
    >>> window_contrast(found, "episode").n["episodes"]
    3
    """
    one, other = as_window_kind(kind), as_window_kind(against)
    if one is other or one is WindowKind.MATCHED:
        raise RecordError(f"cannot hold {one} windows against {other} ones; expected two kinds, the first not matched",
                          field="kind", value=one)
    held, usable = values.windows, ~np.isnan(values.value)
    usable &= (with_censored | ~held.censored) & (with_overlapping | ~held.overlap)
    compared = _matched_means(values, usable) if other is WindowKind.MATCHED else _by_episode(values, usable, other)
    dyads, apart = held.rows.words("dyad"), dict[str, list[float]]()
    looked = held.of_kind(one).tolist()
    for at in looked:
        key = at if other is WindowKind.MATCHED else int(held.episode[at])
        if usable[at] and key in compared:
            apart.setdefault(str(dyads[held.episode[at]]), []).append(float(values.value[at]) - compared[key])
    n = sum(map(len, apart.values()))
    if not n:
        raise NotEstimable(f"no episode gives {values.what} both in a window of kind {one} and in one of kind {other}")
    left = [f"{len(looked) - n:,} of {len(looked):,} episodes with a window of kind {one} do not have both values"]
    marked = [f"{int((flags & usable)[looked].sum()):,} of these windows {why}" for flags, why in (
        (held.censored, "are cut short"), (held.overlap, "overlap another episode")) if (flags & usable)[looked].any()]
    return over_dyads(
        {dyad: math.fsum(all_of) / len(all_of) for dyad, all_of in apart.items()},
        what=f"{values.what}: {one} less {other} windows, within episodes",
        clustering=clustering_of(held.cohort, level=level), n={"episodes": n}, confidence=confidence, seed=seed,
        assumptions=_ASSUMED[other is WindowKind.MATCHED], warnings=(*(left if n < len(looked) else []), *marked),
        provenance=held.provenance)


_ASSUMED: Final = {
    True: ("windows of the same session that are no episode show what would have been without one",
           "a measure that counts what opens or closes an episode differs by construction"),
    False: ("nothing but the episode changed between both windows",
            "a measure that counts what opens or closes an episode differs by construction"),
}


def _matched_means(values: WindowValues, usable: Array) -> dict[int, float]:
    """Return for each window the mean over the windows matched with it."""
    held: dict[int, list[float]] = {}
    for at in np.flatnonzero(usable & (values.windows.matches >= 0)).tolist():
        held.setdefault(int(values.windows.matches[at]), []).append(float(values.value[at]))
    return {window: math.fsum(beside) / len(beside) for window, beside in held.items()}


def _by_episode(values: WindowValues, usable: Array, kind: WindowKind) -> dict[int, float]:
    """Return for each episode its value in the window of a kind."""
    return {int(values.windows.episode[at]): float(values.value[at]) for at in values.windows.of_kind(kind).tolist()
            if usable[at]}


def count_of(cohort: Cohort, *functions: str) -> Measure:
    """Return a measure: how many moves have one of some functions.

    Raises
    ------
    RecordError
        Where no code of the codebook has any of them.

    >>> from rupturekit.example import example_cohort
    >>> count_of(example_cohort(), "withdrawal_marker")(np.arange(0))
    0.0
    """
    book, moves = cohort.coding.codebook, cohort.moves
    known = sorted({name for code in book.codes for name in code.functions})
    if not set(functions) & set(known):
        raise RecordError(f"no code of {book.name} has the function {listed(functions) or '(none named)'}; its "
                          f"functions are {listed(known)}", field="functions")
    counts = np.array([not set(functions).isdisjoint(book.functions_of(code)) for code in moves.levels["code"]],
                      dtype=bool)

    def count(rows: Array) -> float:
        return float(counts[moves.code[rows]].sum())

    return count


def need_share(cohort: Cohort, need: Need | str = Need.COMMUNION, *, verbs: tuple[NeedVerb | str, ...] = (
        NeedVerb.CLAIM, NeedVerb.GRANT), mapping: ActMapping | str | Path | None = None) -> Measure:
    """Return a measure: the share of acts on needs that concern one need, of those that claim or grant any.

    None where no move carries such an act.

    Parameters
    ----------
    mapping : ActMapping, path of one, "raters" or None
        Which acts moves stand for; None takes the acts that the codebook gives its codes.

    Raises
    ------
    NotEstimable
        Where no code carries an act on a need.
    RecordError
        Where there is no such need or verb, or the mapping is for another codebook.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move
    >>> moves = [Move(dyad="D1", session=1, track="r1", party="client", code=code, onset=at, row_id=at)
    ...          for at, code in enumerate(["cl-ag", "cl-re", "gr-re"])]
    >>> share = need_share(Cohort.of(moves, coding=Coding(codebook=load_codebook("needs"))))
    >>> share(np.arange(3)), share(np.arange(0))
    (0.6666666666666666, None)
    """
    place, said = place_of_need(need), {_verb(verb) for verb in verbs}
    chosen = as_act_mapping(mapping, cohort.coding.codebook)
    if chosen.labels_by is None and not any(act.verb in said for acts in chosen.acts.values() for act in acts):
        raise NotEstimable(f"no code of {cohort.coding.codebook.name} carries an act on a need "
                           f"({listed(sorted(said))})")
    acts = acts_of_moves(cohort, chosen)
    on_need = [sum(kernel.act_bit(VERBS.index(verb), at) for verb in said) for at in range(len(NEEDS))]
    mine, every = (np.array([(byte & mask).bit_count() for byte in range(256)])[acts]
                   for mask in (on_need[place], sum(on_need)))

    def share(rows: Array) -> float | None:
        return float(mine[rows].sum() / every[rows].sum()) if every[rows].any() else None

    return share


def met_share(cohort: Cohort, party: str, *, need: Need | str | None = None,
              mapping: ActMapping | str | Path | None = None, tie_rule: TieRule | str = TieRule.AS_FILED) -> Measure:
    """Return a measure: the share of a party's claims among some moves that the other met among them.

    Formula: spells met / spells, as `negotiation.measures.meeting_rate` counts them in an episode. Nothing is open
    before the first of these moves, and a claim that is open after the last was not met among them: a short window
    meets less than a long one, so hold windows of one length against each other. A move counts with its whole turn.
    None where the party claims nothing.

    Parameters
    ----------
    party : str
        Whose claims; the other grants.
    mapping : ActMapping, path of one, "raters" or None
        Which acts moves stand for; None takes the acts that the codebook gives its codes.
    tie_rule : TieRule
        Who moves first where both move at one instant.

    Raises
    ------
    RecordError
        Where there is no such party, need or tie rule, or the mapping is for another codebook.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move
    >>> moves = [Move(dyad="D1", session=1, track="r1", party=party, code=code, onset=at, row_id=at)
    ...          for at, (party, code) in enumerate([("client", "cl-ag"), ("therapist", "gr-ag"), ("client", "cl-re")])]
    >>> share = met_share(Cohort.of(moves, coding=Coding(codebook=load_codebook("needs"))), "client")
    >>> share(np.arange(3)), share(np.arange(2)), share(np.arange(1, 2))
    (0.5, 1.0, None)
    """
    parties = cohort.coding.parties
    if party not in parties:
        raise RecordError(f"there is no party {party!r}{did_you_mean(str(party), parties)}; there are: "
                          f"{', '.join(parties)}", field="party", value=party)
    side, place = parties.index(party), None if need is None else place_of_need(need)
    key = cohort.session_keys()
    rows = np.argsort(key, kind="stable")
    fresh = (np.diff(key[rows], prepend=-1) != 0) | (np.diff(cohort.moves.onset[rows], prepend=-1) != 0)
    laid = laid_in_turns(cohort, rows, instant=np.cumsum(fresh), rule=as_tie_rule(tie_rule),
                         mapping=as_act_mapping(mapping, cohort.coding.codebook))
    turn_of = np.empty(len(rows), dtype=np.int64)
    turn_of[laid.rows] = laid.turn_of

    def share(chosen: Array) -> float | None:
        turns = np.unique(turn_of[chosen])
        turns = turns[turns >= 0]    # who moves is not always known
        found = kernel.spells(laid.party[turns], laid.acts[turns], run=np.zeros(len(turns), dtype=np.int32))
        mine = (found.flag >> 1 == side) & (True if place is None else found.flag & 1 == place)
        return float((found.cause[mine] == kernel.MET).mean()) if mine.any() else None

    return share


def _verb(said: NeedVerb | str) -> NeedVerb:
    if said not in tuple(NeedVerb):
        raise RecordError(f"expected a verb, one of {listed(NeedVerb)}, but got {said!r:.80}"
                          f"{did_you_mean(str(said), NeedVerb)}", field="verbs", value=said)
    return NeedVerb(said)
