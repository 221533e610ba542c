"""The moves of a cohort as acts on the plane, in order of time, in the sessions or episodes within which they count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import numpy as np

from rupturekit._schema import ABSENT_CODE
from rupturekit._table import Array
from rupturekit.cohort import Cohort, Episodes, choose_track
from rupturekit.errors import NotEstimable, RecordError, did_you_mean
from rupturekit.inference.clusters import clustering_of
from rupturekit.inference.estimate import Estimate
from rupturekit.inference.held import held_moves
from rupturekit.inference.nulls import Exchange, Null, exchanges
from rupturekit.inference.over_dyads import over_dyads
from rupturekit.interpersonal.fits import NO_NEED, Convention, Places, Whole, answer_pairs, as_convention
from rupturekit.interpersonal.placement import FOCUSES, Focus, Placement, Positions, positions
from rupturekit.observation import lines_of
from rupturekit.provenance import Provenance
from rupturekit.segmentation import SegmentationRule
from rupturekit.ties import TieRule

__all__ = ["Acts", "Plane", "Stream", "mean_over_dyads", "order_warning", "plane_of", "stream_of", "unbroken",
           "usable_in"]


@attrs.frozen(kw_only=True, eq=False)
class Stream:
    """The moves of one track whose party is known, in order of time, in the pieces within which turns are taken.

    `unit` is what contents are exchanged in: a session, or an episode. `piece` is an observed stretch of it: no turn
    follows another across time that nobody coded.
    """

    rows: Array
    party: Array
    unit: Array
    piece: Array
    onset: Array
    fixed: Array
    names: tuple[str, ...]
    dyads: tuple[str, ...]
    over: str
    unknown: int

    def ordered(self, rule: TieRule, parties: tuple[int, int]) -> Stream:
        """Return the stream with the moves of each instant in the order of a rule."""
        if rule is TieRule.AS_FILED:
            return self
        lead = parties[0] if rule is TieRule.FIRST_PARTY_FIRST else parties[1]
        order = np.lexsort([np.arange(len(self.rows)), self.party != lead, self.onset, self.piece])
        moved = ("rows", "party", "unit", "piece", "onset", "fixed")
        return attrs.evolve(self, **{name: getattr(self, name)[order] for name in moved})

    @property
    def mixed(self) -> int:
        """At how many instants both parties move; asked of streams that hold moves."""
        alike = (np.diff(self.piece) == 0) & (np.diff(self.onset) == 0)
        instant = np.cumsum(np.append(True, ~alike))
        pairs = np.unique(np.stack([instant, self.party]), axis=1)[0]
        return int((np.bincount(pairs) > 1).sum())


def stream_of(cohort: Cohort, track: str, *, within: Episodes | None, rule: SegmentationRule | None) -> Stream:
    """Return the moves of a track by session, or by episode; there, what segmentation looks at is `fixed`.

    Raises
    ------
    RecordError
        Where episodes are given and the rule that drew them is not.
    """
    moves = cohort.moves
    if within is None:
        rows = np.flatnonzero(moves.track == moves.code_of("track", word=track))
        _, unit = np.unique(cohort.session_keys()[rows], return_inverse=True)
        piece, fixed, names, dyads = unbroken(cohort)[rows], np.zeros(len(rows), dtype=bool), *_sessions(
            cohort, rows, unit)
    else:
        if rule is None:
            raise RecordError("within episodes, name the rule that drew them (rule=...): what it looks at opened and "
                              "closed them, and is not exchanged", field="rule")
        within = within.take(np.flatnonzero(within.rows.track == within.rows.code_of("track", word=track)))
        rows, unit = within.members, np.repeat(np.arange(len(within)), within.lengths)
        piece = np.cumsum((np.diff(unbroken(cohort)[rows], prepend=-1) != 0) | (np.diff(unit, prepend=-1) != 0))
        fixed = held_moves(cohort, within, rule)
        names, dyads = (tuple(map(str, within.rows.words(name))) for name in ("episode", "dyad"))
    known = moves.party[rows] != ABSENT_CODE
    return Stream(rows=rows[known], party=moves.party[rows[known]], unit=unit[known], piece=piece[known],
                  onset=moves.onset[rows[known]], fixed=fixed[known], names=names, dyads=dyads,
                  over="sessions" if within is None else "episodes", unknown=int((~known).sum()))


def unbroken(cohort: Cohort) -> Whole:
    """Return for each move the number of the observed stretch, of one session and track, in which it lies."""
    held, n = np.zeros(len(cohort.moves), dtype=np.int64), 0
    for track in cohort.track_names:
        lines = lines_of(cohort, track, across_sessions=False)
        held[lines.rows] = lines.line + n
        n += len(lines.dyads)
    return held


def _sessions(cohort: Cohort, rows: Array, unit: Array) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a name and the dyad of each session, by where its first move is."""
    moves, first = cohort.moves, rows[np.unique(unit, return_index=True)[1]]
    dyads = tuple(moves.levels["dyad"][at] for at in moves.dyad[first].tolist())
    return tuple(f"{dyad}/{number}" for dyad, number in zip(dyads, moves.session[first].tolist(), strict=True)), dyads


@attrs.frozen(kw_only=True, eq=False)
class Acts:
    """A stream whose moves stand on the plane: what each is, as a place in `kinds`; -1 where it has no place."""

    stream: Stream
    kinds: Places
    content: Array

    @property
    def placed(self) -> Array:
        """Whether each move has a place."""
        return self.content >= 0

    def pairs(self, lag: int, responder: int | None) -> tuple[Whole, Whole]:
        """Return act and answer of every pair at a lag, as places in the stream; of one responder where named."""
        held = self.stream
        first, second = answer_pairs(held.party, unit=held.piece, placed=self.placed, lag=lag)
        chosen = np.ones(len(first), dtype=bool) if responder is None else held.party[second] == responder
        return first[chosen], second[chosen]

    def exchanged(self, null: Null) -> Iterator[tuple[slice, list[Exchange]]]:
        """Yield what the null exchanges, unit by unit: placed moves only, and none that segmentation fixed."""
        held = self.stream
        edges = np.searchsorted(held.unit, np.arange(len(held.names) + 1))
        for name, low, high in zip(held.names, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            here = slice(low, high)
            yield here, exchanges(null, episode=name, party=held.party[here], content=self.content[here],
                                  held=held.fixed[here] | ~self.placed[here])


@attrs.frozen(kw_only=True, eq=False)
class Plane:
    """What of a cohort the questions here need: the moves' places, and who is asked about."""

    cohort: Cohort
    placement: Placement
    convention: Convention
    track: str
    places: Places
    usable: Array
    parties: tuple[int, int]

    def acts(self, stream: Stream) -> Acts:
        """Return a stream with what each of its moves is on the plane."""
        at = self.places.take(stream.rows)
        content, placed = np.full(len(stream.rows), -1, dtype=np.int64), self.usable[stream.rows]
        held = np.stack([at.affiliation[placed], at.control[placed], at.focus[placed].astype(np.float64)])
        kinds, number = np.unique(held, axis=1, return_inverse=True)
        content[placed] = np.ravel(number)
        return Acts(stream=stream, content=content, kinds=Places(
            affiliation=kinds[0], control=kinds[1], focus=kinds[2].astype(np.int8)))

    def checked(self, stream: Stream) -> Stream:
        """Return the stream, or say why nothing can be asked of it."""
        for code, party in zip(self.parties, self.cohort.coding.parties, strict=True):
            if not self.usable[stream.rows[stream.party == code]].any():
                raise NotEstimable(f"the {party} has no placed move in track {self.track!r} (placement "
                                   f"{self.placement.name!r}), so nothing can fit or fail to")
        return stream

    def responder(self, party: str | None) -> int | None:
        """Return whose answers are meant, as moves code the party; a party that the study lacks is refused."""
        if party is None:
            return None
        if party not in self.cohort.coding.parties:
            raise RecordError(f"responder is {party!r}; the parties are {' and '.join(self.cohort.coding.parties)}"
                              f"{did_you_mean(party, self.cohort.coding.parties)}", field="responder", value=party)
        return self.cohort.moves.code_of("party", word=party)

    def provenance(self) -> Provenance:
        """Return what a result is made of; the placement is one of the rules."""
        placed = f"placement {self.placement.name}:{self.placement.digest}"
        return self.cohort.provenance(rules=(self.cohort.rule, placed), track=self.track)


def plane_of(cohort: Cohort, placement: Placement | str | Path, *, convention: Convention | str, track: str | None
           ) -> Plane:
    """Place the moves of a cohort on the plane, by one reading and one convention.

    Raises
    ------
    RecordError
        Where there is no such track or convention, or the cohort was coded with another codebook.
    """
    chosen, whose, at = choose_track(cohort, track), as_convention(convention), positions(cohort, placement)
    first, second = (cohort.moves.code_of("party", word=party) for party in cohort.coding.parties)
    return Plane(cohort=cohort, placement=at.placement, convention=whose, track=chosen, usable=usable_in(at, whose),
                  places=Places(affiliation=at.affiliation, control=at.control, focus=at.focus),
                  parties=(first, second))


def usable_in(at: Positions, convention: Convention) -> Array:
    """Return which moves the convention can judge: acts towards the other, so no introject; in SASB, of some focus."""
    if convention is Convention.SASB:
        return np.asarray(at.placed & np.isin(at.focus, [FOCUSES.index(Focus.OTHER), FOCUSES.index(Focus.SELF)]))
    return np.asarray(at.placed & (at.focus != FOCUSES.index(Focus.INTROJECT)))


def mean_over_dyads(plane: Plane, values: Mapping[str, float], *, what: str, bounds: tuple[float, float],
                    n: Mapping[str, int], confidence: float, level: str | None, seed: int, warned: tuple[str, ...]
                    ) -> Estimate:
    """Return the mean of one value a dyad, each counted alike, with its interval and what has to be said with it."""
    return over_dyads(
        values, what=what, clustering=clustering_of(plane.cohort, level=level), n=n, confidence=confidence, seed=seed,
        bounds=bounds, assumptions=(f"codes stand where placement {plane.placement.name} puts them",),
        warnings=(NO_NEED, *warned), provenance=plane.provenance())


def order_warning(stream: Stream, *, see: str) -> tuple[str, ...]:
    """Return a warning where both parties move at one instant, or none."""
    return () if not stream.mixed else (f"at {stream.mixed:,} instants both parties move, and nobody recorded in which "
                                        f"order: {see}",)
