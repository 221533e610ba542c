"""Cut coded sessions into rupture episodes, by a stated rule.

An episode opens at a marker. It closes at the coders' own boundary where they drew one, else after a gap
without markers, else at the end of the session. A rule that closes on a resolution says so in every episode it
closes (`closed_by_outcome`), since a rate of repair over such episodes is circular.
"""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Final

import attrs
import numpy as np

from rupturekit._definitions import Node
from rupturekit._schema import ABSENT, ABSENT_CODE
from rupturekit._table import Array, Table
from rupturekit.codebooks import MARKERS
from rupturekit.cohort import Cohort, Episodes, choose_track, pack_episodes, warn_if_unobserved
from rupturekit.episode import EpisodeRow
from rupturekit.errors import CodingWarning, RecordError, did_you_mean, listed
from rupturekit.vocabulary import FUNCTIONS, ClosedBy, EpisodeSource, RuptureType, TimeKind

__all__ = ["WHOLE_SESSION", "BoundaryComparison", "SegmentationRule", "compare_boundaries", "read_rule", "segment"]


@attrs.frozen(kw_only=True)
class SegmentationRule:
    """What opens an episode and what closes it.

    Attributes
    ----------
    opens : tuple of str
        Functions that open an episode and keep it open.
    opened_by : tuple of str
        Whose moves count as opening ones; empty for either party's.
    min_rating : float or None
        A marker with a lower rating does not count.
    absent_rating : "pass", "block" or None
        What a marker without rating does at `min_rating`; has to be stated with it.
    gap : int or None
        Microseconds (turns, where the study has no clock) without a marker after which the episode is over; None
        closes at the end of the session. There is no default in the field, so it has to be chosen.
    closes_on : tuple of str
        Functions of a resolution that close the episode. Circular for rates of repair.
    across_sessions : bool
        Whether an episode still open at the end of a session goes on in the dyad's next one.
    use_coded : bool
        Whether sessions for which the coders drew episodes keep those.
    """

    name: str
    opens: tuple[str, ...] = tuple(MARKERS)
    opened_by: tuple[str, ...] = ()
    min_rating: float | None = None
    absent_rating: str | None = None
    gap: int | None
    closes_on: tuple[str, ...] = ()
    across_sessions: bool = False
    use_coded: bool = True

    def __attrs_post_init__(self) -> None:
        _check_rule(self)

    def describe(self, time: TimeKind = TimeKind.CLOCK) -> str:
        """Return the rule in a sentence, for methods sections, in the units of a kind of time.

        >>> SegmentationRule(name="four", gap=240_000_000, opens=("notices",)).describe()[45:100]
        'notices; it closes after 240 s without such a move, els'
        """
        span = "" if self.gap is None else f"{self.gap / 1e6:g} s" if time.has_clock else f"{self.gap} turns"
        whose = f" of the {' or the '.join(self.opened_by)}" if self.opened_by else ""
        said = f"An episode opens at a move{whose} whose function is {' or '.join(self.opens)}"
        if self.min_rating is not None:
            said += f" and whose rating is at least {self.min_rating:g} (no rating: {self.absent_rating})"
        said += f"; it closes on {' or '.join(self.closes_on)}, else" if self.closes_on else "; it closes"
        said += f" after {span} without such a move, else" if span else ""
        said += " at the end of the session" + (", and may go on in the next" if self.across_sessions else "")
        return said + (". Episodes drawn by the coders are kept where there are any." if self.use_coded else ".")


def _check_rule(rule: SegmentationRule) -> None:
    for field, names in (("opens", rule.opens), ("closes_on", rule.closes_on)):
        for name in names:
            near = did_you_mean(name, FUNCTIONS)
            if name not in FUNCTIONS and near:
                warnings.warn(f"rule {rule.name!r}: {field} names the function {name!r}, which no shipped codebook has"
                              f"{near}", CodingWarning, stacklevel=4)
    if not rule.opens:
        raise RecordError(f"rule {rule.name!r}: nothing opens an episode; name at least one function in `opens`",
                          field="opens")
    both = set(rule.opens) & set(rule.closes_on)
    if both:
        raise RecordError(f"rule {rule.name!r}: {listed(both)} both opens and closes an episode", field="closes_on")
    if rule.gap is not None and rule.gap <= 0:
        raise RecordError(f"rule {rule.name!r}: expected a gap above 0 but got {rule.gap}", field="gap", value=rule.gap)
    if (rule.min_rating is not None) != (rule.absent_rating is not None) or rule.absent_rating not in (
            None, "pass", "block"):
        raise RecordError(f"rule {rule.name!r}: a minimum rating needs absent_rating = \"pass\" or \"block\" beside it "
                          "(what does a marker without rating do?), and the other way round", field="absent_rating",
                          value=rule.absent_rating)


WHOLE_SESSION: Final = SegmentationRule(name="to the end of the session", gap=None)
"""The rule without any threshold: from the first marker to the end of the session, or the coders' own episodes."""


def read_rule(node: Node) -> SegmentationRule:
    """Read a rule from a table of a settings file; `gap_seconds` or `gap_turns`, absent for none."""
    seconds, turns = node.number("gap_seconds", default=None), node.integer("gap_turns", default=None)
    gap = round(seconds * 1_000_000) if seconds is not None else turns
    rating, absent = node.number("min_rating", default=None), node.text("absent_rating", default="") or None
    values = {"name": node.text("name"), "opens": node.words("opens", default=tuple(MARKERS)), "gap": gap,
              "opened_by": node.words("opened_by"),
              "closes_on": node.words("closes_on"), "across_sessions": node.flag("across_sessions"),
              "use_coded": node.flag("use_coded", default=True), "min_rating": rating, "absent_rating": absent}
    try:
        return SegmentationRule(**values)  # type: ignore[arg-type]
    except RecordError as error:
        node.complain(error.field or "", str(error))
        return WHOLE_SESSION


def segment(cohort: Cohort, rule: SegmentationRule = WHOLE_SESSION, *, track: str | None = None) -> Cohort:
    """Return the cohort with the episodes that a rule draws in one track.

    Parameters
    ----------
    track : str or None
        Which reading to cut; has to be named where there are several. Two raters never interleave.

    Raises
    ------
    RecordError
        Where there are several tracks and none is named.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move, ObservedStretch
    >>> one = Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)
    >>> seen = ObservedStretch(dyad="D1", session=1, track="r1", start=0, end=600_000_000)
    >>> cohort = Cohort.of([one], coding=Coding(codebook=load_codebook("stages")), observed=[seen])
    >>> segment(cohort).episodes[0].row.closed_by
    <ClosedBy.SESSION_END: 'session_end'>
    """
    track = choose_track(cohort, track)
    _check_openers(cohort, rule)
    warn_if_unobserved(cohort)
    drawn = _draw(cohort, rule, track)
    if rule.use_coded and len(cohort.coded):
        drawn = _keep_coded(cohort, drawn, track)
    return cohort.with_episodes(drawn, rule=rule.name)


def _check_openers(cohort: Cohort, rule: SegmentationRule) -> None:
    for party in rule.opened_by:
        if party not in cohort.coding.parties:
            raise RecordError(f"rule {rule.name!r}: opened_by names {party!r}, but the parties of this study are "
                              f"{' and '.join(cohort.coding.parties)}{did_you_mean(party, cohort.coding.parties)}",
                              field="opened_by", value=party)


@attrs.frozen(kw_only=True)
class _Groups:
    """The moves of one track, grouped by session (or by dyad, where episodes cross sessions).

    `begins` and `ends` say for each session where its record lies when the track's sessions are laid end to end, and
    `at` where each move lies there; so a gap that runs on over several sessions is one difference.
    """

    rows: Array
    group: Array
    session_group: Array
    begins: Array
    ends: Array
    at: Array
    end_is_observed: Array


def _draw(cohort: Cohort, rule: SegmentationRule, track: str) -> Episodes:
    moves = cohort.moves
    rows = np.flatnonzero(moves.track == moves.code_of("track", word=track))
    groups = _groups(cohort, rows, rule)
    opens, closes = _roles(cohort, rule, rows)
    events = np.flatnonzero(opens | closes)
    first = _openings(cohort, rule, groups, events, opens[events])
    return _cut(cohort, rule, groups, events, opens[events], first)


def _roles(cohort: Cohort, rule: SegmentationRule, rows: Array) -> tuple[Array, Array]:
    """Return which of the moves open, and which close, an episode."""
    moves, book = cohort.moves, cohort.coding.codebook
    does = [set(book.functions_of(code)) for code in moves.levels["code"]]
    code = moves.code[rows]
    opens = np.array([not functions.isdisjoint(rule.opens) for functions in does], dtype=bool)[code]
    closes = np.array([not functions.isdisjoint(rule.closes_on) for functions in does], dtype=bool)[code]
    if rule.opened_by:
        opens &= np.isin(moves.party[rows], [moves.code_of("party", word=party) for party in rule.opened_by])
    if rule.min_rating is not None:
        rating = moves.rating[rows]
        opens &= np.where(rating == ABSENT, rule.absent_rating == "pass", rating >= round(rule.min_rating * 1000))
    return opens, closes & ~opens


def _groups(cohort: Cohort, rows: Array, rule: SegmentationRule) -> _Groups:
    moves = cohort.moves
    dyad, session = moves.dyad[rows], moves.session[rows]
    new_dyad = np.diff(dyad, prepend=-9) != 0
    new_session = new_dyad | (np.diff(session, prepend=-9) != 0)
    number = np.cumsum(new_session) - 1
    lengths, observed = _session_ends(cohort, rows, number)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    return _Groups(rows=rows, group=np.cumsum(new_dyad) - 1 if rule.across_sessions else number, session_group=number,
                   begins=begins, ends=ends, at=begins[number] + moves.onset[rows], end_is_observed=observed)


def _session_ends(cohort: Cohort, rows: Array, number: Array) -> tuple[Array, Array]:
    """Return for each session when its record ends, and whether observation stopped before the session did."""
    moves = cohort.moves
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    last = np.maximum.reduceat(np.maximum(moves.onset[rows], moves.offset[rows]), starts)
    length = _lengths(cohort)
    seen = _seen_until(cohort)
    ends, stopped = [], []
    for at, latest in zip(rows[starts].tolist(), last.tolist(), strict=True):
        dyad, session = moves.levels["dyad"][moves.dyad[at]], int(moves.session[at])
        track = moves.levels["track"][moves.track[at]]
        duration, until = length.get((dyad, session)), seen.get((dyad, session, track))
        ends.append(max(latest, until if until is not None else duration if duration is not None else latest))
        stopped.append(until is not None and duration is not None and until < duration)
    return np.array(ends, dtype="i8"), np.array(stopped, dtype=bool)


def _lengths(cohort: Cohort) -> dict[tuple[str | None, int], int]:
    sessions = cohort.sessions
    rows = zip(sessions.words("dyad"), sessions.session.tolist(), sessions.duration.tolist(), strict=True)
    return {(dyad, number): duration for dyad, number, duration in rows if duration != ABSENT}


def _seen_until(cohort: Cohort) -> dict[tuple[str | None, int, str | None], int]:
    seen: dict[tuple[str | None, int, str | None], int] = {}
    table = cohort.observed
    for dyad, session, track, end in zip(table.words("dyad"), table.session.tolist(), table.words("track"),
                                         table.end.tolist(), strict=True):
        seen[dyad, session, track] = max(end, seen.get((dyad, session, track), 0))
    return seen


def _openings(cohort: Cohort, rule: SegmentationRule, groups: _Groups, events: Array, opens: Array) -> Array:
    """Return which markers open a new episode: none is open before them, or the gap has run out."""
    group = groups.group[events]
    fresh = np.ones(len(events), dtype=bool)
    fresh[1:] = (group[1:] != group[:-1]) | ~opens[:-1]
    if rule.gap is not None:
        fresh[1:] |= np.diff(groups.at[events]) > rule.gap
    return opens & fresh


def _cut(cohort: Cohort, rule: SegmentationRule, groups: _Groups, events: Array, opens: Array, first: Array
         ) -> Episodes:
    """Lay out the episodes that begin at the events in `first`, numbered within the dyad past the coders' names."""
    begins = np.flatnonzero(first)
    following = np.append(begins, len(events))[1:]
    group_end = np.searchsorted(groups.group, groups.group[events[begins]], side="right")
    names = _Names(cohort)
    rows, members = [], []
    for begin, after, stop in zip(begins.tolist(), following.tolist(), group_end.tolist(), strict=True):
        low = int(events[begin])
        marker = _last_marker(opens, begin, after)
        high, session, end, why = _span(rule, groups, events, marker=marker, following=after, stop=stop)
        members.append(groups.rows[low:high])
        rows.append(_row(cohort, groups, low, session, end, why, names=names))
    return pack_episodes(cohort.moves, Table.of(EpisodeRow, rows), members)


def _last_marker(opens: Array, low: int, high: int) -> int:
    """Return the last marker before the first closing event of an episode's events."""
    closing = np.flatnonzero(~opens[low:high])
    return low + int(closing[0]) - 1 if len(closing) else high - 1


def _span(rule: SegmentationRule, groups: _Groups, events: Array, *, marker: int, following: int, stop: int
          ) -> tuple[int, int, int, ClosedBy]:
    """Return (end among the track's moves, last session group, end time, why) of one episode.

    `following` is the event that opens the next episode, `stop` where the group's moves end. An episode follows
    another in its group only after a closing event or a gap, so without either the group's record ends this one.
    """
    last = int(groups.session_group[stop - 1])
    low = int(events[marker])
    reach = int(groups.ends[last]) if rule.gap is None else int(groups.at[low]) + rule.gap
    closer = marker + 1
    if closer < following and events[closer] < stop and groups.at[events[closer]] <= reach:
        at = int(events[closer])
        session = int(groups.session_group[at])
        return at + 1, session, int(groups.at[at] - groups.begins[session]), ClosedBy.RESOLUTION
    if rule.gap is not None and reach <= groups.ends[last]:
        high = low + int(np.searchsorted(groups.at[low:stop], reach, side="right"))
        session = max(int(np.searchsorted(groups.ends, reach)), int(groups.session_group[high - 1]))
        return high, session, reach - int(groups.begins[session]), ClosedBy.GAP
    why = ClosedBy.OBSERVATION_END if groups.end_is_observed[last] else ClosedBy.SESSION_END
    return stop, last, int(groups.ends[last] - groups.begins[last]), why


class _Names:
    """Names for drawn episodes, numbered within the dyad; the names that the coders gave are not given again."""

    def __init__(self, cohort: Cohort) -> None:
        self._taken = set(cohort.coded.rows.words("episode"))
        self._given: Counter[str] = Counter()

    def next(self, dyad: str) -> str:
        """Return the next free name of a dyad."""
        name = None
        while name is None or name in self._taken:
            self._given[dyad] += 1
            name = f"{dyad}-{self._given[dyad]}"
        return name


def _opening_rows(cohort: Cohort, groups: _Groups, low: int) -> Array:
    """Return the moves at the instant of the opening, in the same session."""
    onset, session, high = cohort.moves.onset, groups.session_group, low
    while (high < len(session) and session[high] == session[low]
           and onset[groups.rows[high]] == onset[groups.rows[low]]):
        high += 1
    return groups.rows[low:high]


def _row(cohort: Cohort, groups: _Groups, low: int, last_group: int, end: int, why: ClosedBy, *, names: _Names
         ) -> EpisodeRow:
    moves = cohort.moves
    first = groups.rows[low]
    dyad = moves.levels["dyad"][moves.dyad[first]]
    last = groups.rows[np.searchsorted(groups.session_group, last_group)]
    onset, session = int(moves.onset[first]), int(moves.session[first])
    return EpisodeRow(
        episode=names.next(dyad), dyad=dyad, track=moves.levels["track"][moves.track[first]], first_session=session,
        onset=onset, last_session=int(moves.session[last]), end=end,
        rupture_type=_opened_as(cohort, _opening_rows(cohort, groups, low)),
        party=None if moves.party[first] == ABSENT_CODE else moves.levels["party"][moves.party[first]],
        source=EpisodeSource.RULE, closed_by=why, closed_by_outcome=why is ClosedBy.RESOLUTION,
    )


def _opened_as(cohort: Cohort, rows: Array) -> RuptureType | None:
    """Return the type of the markers at the opening instant: mixed where both stand there."""
    book, moves = cohort.coding.codebook, cohort.moves
    codes = [moves.levels["code"][code] for code in moves.code[rows].tolist()]
    types = {MARKERS[name] for code in codes for name in book.functions_of(code) if name in MARKERS}
    return RuptureType.MIXED if len(types) > 1 else next(iter(types), None)


# --- the coders' own episodes ----------------------------------------------------------------------------------


def _keep_coded(cohort: Cohort, drawn: Episodes, track: str) -> Episodes:
    """Replace what the rule drew by the coders' own episodes, in the sessions for which there are any."""
    rows = cohort.coded.rows
    coded = cohort.coded.take(np.flatnonzero(rows.track == rows.code_of("track", word=track)))
    covered = {(row.dyad, session) for row in coded.rows for session in range(row.first_session, row.last_session + 1)}
    free = [not any((row.dyad, session) in covered for session in range(row.first_session, row.last_session + 1))
            for row in drawn.rows]
    kept = drawn.take(np.array(free, dtype=bool))
    return _joined(cohort, coded, kept)


def _joined(cohort: Cohort, one: Episodes, other: Episodes) -> Episodes:
    rows = Table.of(EpisodeRow, [*one.rows, *other.rows])
    order = np.lexsort([rows.onset, rows.first_session, rows.track, rows.dyad])
    both = Episodes(rows=rows, offsets=np.concatenate([one.offsets, other.offsets[1:] + one.offsets[-1]]),
                    members=np.concatenate([one.members, other.members]),
                    new_session=np.concatenate([one.new_session, other.new_session]))
    return both.take(order)


@attrs.frozen(kw_only=True, repr=False)
class BoundaryComparison:
    """The coders' episodes laid beside those of a rule, in one track.

    Attributes
    ----------
    pairs : tuple of (coded episode, drawn episode, shared moves, moves of the first, moves of the second)
        Every pair that shares at least one move.
    only_coded, only_drawn : tuple of str
        Episodes that share no move with any of the other side.
    n_sessions : int
        How many sessions of the track hold moves.
    """

    rule: str
    track: str
    n_coded: int
    n_drawn: int
    n_sessions: int
    pairs: tuple[tuple[str, str, int, int, int], ...]
    only_coded: tuple[str, ...]
    only_drawn: tuple[str, ...]

    def __repr__(self) -> str:
        return (f"BoundaryComparison({self.n_coded} by the coders, {self.n_drawn} by {self.rule!r}; "
                f"{len(self.only_coded)} only the coders', {len(self.only_drawn)} only the rule's)")

    def __str__(self) -> str:
        lines = [repr(self)]
        lines += [f"  {one} and {other}: {shared} moves shared, of {n} and {m}"
                  for one, other, shared, n, m in self.pairs]
        lines += [f"  only the coders': {name}" for name in self.only_coded]
        return "\n".join([*lines, *(f"  only the rule's: {name}" for name in self.only_drawn)])


def compare_boundaries(cohort: Cohort, rule: SegmentationRule, *, track: str | None = None) -> BoundaryComparison:
    """Lay the coders' own episodes beside those that a rule draws without them."""
    track = choose_track(cohort, track)
    drawn = segment(cohort, attrs.evolve(rule, use_coded=False), track=track).columns
    rows = cohort.coded.rows
    coded = cohort.coded.take(np.flatnonzero(rows.track == rows.code_of("track", word=track)))
    ours, theirs = _member_sets(coded), _member_sets(drawn)
    pairs = [(one, other, len(mine & yours), len(mine), len(yours))
             for one, mine in ours.items() for other, yours in theirs.items() if mine & yours]
    moves = cohort.moves
    here = moves.track == moves.code_of("track", word=track)
    return BoundaryComparison(
        rule=rule.name, track=track, n_coded=len(coded), n_drawn=len(drawn), pairs=tuple(pairs),
        n_sessions=len(np.unique(cohort.session_keys()[here])),
        only_coded=tuple(name for name in ours if name not in {one for one, *_ in pairs}),
        only_drawn=tuple(name for name in theirs if name not in {other for _, other, *_ in pairs}),
    )


def _member_sets(episodes: Episodes) -> dict[str, set[int]]:
    names = episodes.rows.words("episode")
    return {str(name): set(episodes.members[low:high].tolist())
            for name, low, high in zip(names, episodes.offsets[:-1], episodes.offsets[1:], strict=True)}
