"""Cut coded sessions into rupture episodes, by a stated rule.

An episode opens at a marker. It closes at the coders' own boundary where they drew one, else after a gap
without markers, else at the end of the session. A rule that closes on a resolution says so in every episode it
closes (`closed_by_outcome`), since a rate of repair over such episodes is circular.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from typing import Final

import attrs
import numpy as np

from rupturekit._definitions import Node
from rupturekit._kernels.stretches import BY_CLOSING, BY_END, BY_GAP, stretches
from rupturekit._schema import ABSENT, ABSENT_CODE
from rupturekit._table import Array, Table
from rupturekit.codebooks import MARKERS
from rupturekit.cohort import Cohort, Episodes, choose_track, pack_episodes, warn_if_unobserved
from rupturekit.episode import EpisodeRow
from rupturekit.errors import CodingWarning, RecordError, did_you_mean, listed
from rupturekit.observation import Lines, Meeting, lines_of
from rupturekit.provenance import Provenance
from rupturekit.vocabulary import FUNCTIONS, ClosedBy, EpisodeSource, RuptureType, TimeKind

__all__ = ["WHOLE_SESSION", "BoundaryComparison", "SegmentationRule", "check_rule_fits", "compare_boundaries",
           "looked_at", "read_rule", "segment"]


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
        Microseconds (turns, where the study has no clock) without a marker after which the episode is over,
        counted from where the latest marker ends (its offset, or its segment's end); None closes at the end of the
        session. There is no default in the field, so it has to be chosen.
    closes_on : tuple of str
        Functions of a resolution that close the episode. Circular for rates of repair.
    gap_in : "seconds", "turns" or ""
        What the gap was stated in; a study of the other kind is refused. Empty is not checked.
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
    gap_in: str = ""
    closes_on: tuple[str, ...] = ()
    across_sessions: bool = False
    use_coded: bool = True

    def __attrs_post_init__(self) -> None:
        _check_rule(self)

    @property
    def identity(self) -> str:
        """The rule's name with a hash of all it says, for provenance."""
        return f"{self.name}:{hashlib.blake2b(repr(attrs.astuple(self)).encode(), digest_size=6).hexdigest()}"

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


_GAPS: Final[tuple[type, ...]] = (int, type(None))


def _check_rule(rule: SegmentationRule) -> None:
    stated: dict[str, object] = {"opens": rule.opens, "closes_on": rule.closes_on, "opened_by": rule.opened_by}
    for field, value in stated.items():
        if not isinstance(value, tuple) or not all(isinstance(one, str) for one in value):
            raise RecordError(f"rule {rule.name!r}: expected {field} as a tuple of texts but got {value!r:.80}",
                              field=field, value=value)
    if type(rule.gap) not in _GAPS:
        raise RecordError(f"rule {rule.name!r}: expected gap as a whole number of microseconds or turns but got "
                          f"{rule.gap!r:.80}; use seconds(...)", field="gap", value=rule.gap)
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
    if rule.gap is not None and not 0 < rule.gap < 2**53:
        raise RecordError(f"rule {rule.name!r}: expected a gap above 0 and below 2**53 but got {rule.gap:.6g}",
                          field="gap", value=rule.gap)
    if rule.gap_in not in ("", "seconds", "turns"):
        raise RecordError(f"rule {rule.name!r}: gap_in is {rule.gap_in!r:.40}; expected \"seconds\" or \"turns\"",
                          field="gap_in", value=rule.gap_in)
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
    if seconds is not None and turns is not None:
        node.complain("gap_turns", "stands beside gap_seconds; state one of them")
    gap = round(seconds * 1_000_000) if seconds is not None else turns
    unit = "seconds" if seconds is not None else "turns" if turns is not None else ""
    rating, absent = node.number("min_rating", default=None), node.text("absent_rating", default="") or None
    values = {"name": node.text("name"), "opens": node.words("opens", default=tuple(MARKERS)), "gap": gap,
              "opened_by": node.words("opened_by"), "gap_in": unit,
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
    check_rule_fits(cohort, rule)
    warn_if_unobserved(cohort)
    if not rule.use_coded:
        return cohort.with_episodes(_draw(cohort, rule, track), rule=rule.identity)
    coded = _coded_in(cohort, track)
    drawn = _draw(cohort, rule, track, _meetings_of(coded))
    return cohort.with_episodes(_joined(coded, drawn), rule=rule.identity)


def check_rule_fits(cohort: Cohort, rule: SegmentationRule) -> None:
    """Check that a rule speaks of the study's people, in its kind of time; warn of functions that no code has.

    Raises
    ------
    RecordError
        Where the gap is stated in turns and the study records a clock, or the other way round; or where the rule names
        a party that the study does not have.

    >>> from rupturekit.example import example_cohort
    >>> check_rule_fits(example_cohort(), WHOLE_SESSION)
    """
    clock, book = cohort.coding.time.has_clock, cohort.coding.codebook
    if rule.gap_in == ("turns" if clock else "seconds"):
        raise RecordError(f"rule {rule.name!r}: the gap is stated in {rule.gap_in}, but this study records "
                          f"{cohort.coding.time} time; state it in {'seconds' if clock else 'turns'}", field="gap")
    for names in (rule.opens, rule.closes_on):
        if names and not any(map(book.codes_for, names)):
            warnings.warn(f"rule {rule.name!r}: no code of {book.name} has the function {' or '.join(names)}",
                          CodingWarning, stacklevel=3)
    for party in rule.opened_by:
        if party not in cohort.coding.parties:
            raise RecordError(f"rule {rule.name!r}: opened_by names {party!r}, but the parties of this study are "
                              f"{' and '.join(cohort.coding.parties)}{did_you_mean(party, cohort.coding.parties)}",
                              field="opened_by", value=party)


class _Names:
    """Names for drawn episodes, numbered within the dyad; the names that the coders gave are not given again."""

    def __init__(self, cohort: Cohort) -> None:
        self._taken = set(cohort.coded.rows.words("episode"))
        self._given: Counter[str] = Counter()

    def next(self, dyad: str) -> str:
        """Return the next free name of a dyad."""
        name, stem = None, dyad[:_LONGEST_STEM]
        while name is None or name in self._taken:
            self._given[stem] += 1
            name = f"{stem}-{self._given[stem]}"
        return name


_LONGEST_STEM: Final = 9_900
"""Of a name of ten thousand letters so many are taken, which leaves room for a number."""


def _draw(cohort: Cohort, rule: SegmentationRule, track: str, leave_out: frozenset[Meeting] = frozenset()) -> Episodes:
    """Draw the episodes of a rule; the meetings in `leave_out` are left to the coders."""
    lines = lines_of(cohort, track, across_sessions=rule.across_sessions, leave_out=leave_out)
    opens, closes = _roles(cohort, rule, lines.rows)
    starts = _instants(cohort, lines)
    event = _any_in(opens, starts) | _any_in(closes, starts)
    opening = _any_in(opens, starts)[event]
    until = np.maximum.reduceat(np.where(opens, lines.until, lines.place), starts)[event] if len(starts) else starts
    at = starts[event]
    first, last, place, why = stretches(lines.line[at], lines.place[at], until=until, opens=opening, ends=lines.ends,
                                        gap=rule.gap)
    edges = np.append(starts, len(lines.rows))
    following = edges[np.searchsorted(edges, at, side="right")]
    ends = _ends_among_rows(lines, at, following, last, place, why)
    names, rows, members = _Names(cohort), [], []
    for begin, end, spot, how, opener in zip(at[first].tolist(), ends.tolist(), place.tolist(), why.tolist(),
                                             following[first].tolist(), strict=True):
        openers = lines.rows[begin:opener][opens[begin:opener]]
        members.append(lines.rows[begin:end])
        rows.append(_row(cohort, lines, openers, begin=begin, last=end - 1, place=spot, why=how, names=names))
    return pack_episodes(cohort.moves, Table.of(EpisodeRow, rows), members)


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
    return opens, closes


def looked_at(cohort: Cohort, rule: SegmentationRule, *, rows: Array) -> Array:
    """Return which of the moves a rule looks at to open an episode, keep it open, or close it."""
    opens, closes = _roles(cohort, rule, rows)
    return opens | closes


def _instants(cohort: Cohort, lines: Lines) -> Array:
    """Return where each instant begins: the moves of one line at one onset of one session."""
    moves = cohort.moves
    keys = (lines.line, moves.session[lines.rows], moves.onset[lines.rows])
    fresh = np.zeros(len(lines.rows), dtype=bool)
    for key in keys:
        fresh |= np.diff(key, prepend=-1) != 0
    return np.flatnonzero(fresh)


def _any_in(flags: Array, starts: Array) -> Array:
    """Return for each instant whether a flag is set for any of its moves."""
    return np.logical_or.reduceat(flags, starts) if len(starts) else np.zeros(0, dtype=bool)


def _ends_among_rows(lines: Lines, at: Array, following: Array, last: Array, place: Array, why: Array) -> Array:
    """Return for each episode where its members end: whole instants, up to the closing move, the gap or the line."""
    ends = []
    for event, spot, how in zip(last.tolist(), place.tolist(), why.tolist(), strict=True):
        low, line = int(at[event]), int(lines.line[at[event]])
        stop = int(np.searchsorted(lines.line, line, side="right"))
        reach = low + int(np.searchsorted(lines.place[low:stop], spot, side="right"))
        ends.append(int(following[event]) if how == BY_CLOSING else reach)
    return np.array(ends, dtype="i8")


def _row(cohort: Cohort, lines: Lines, openers: Array, *, begin: int, last: int, place: int, why: int, names: _Names
         ) -> EpisodeRow:
    moves, line = cohort.moves, int(lines.line[begin])
    first, final = lines.rows[begin], lines.rows[last]
    dyad = moves.levels["dyad"][moves.dyad[first]]
    session, end = lines.last(line) if why == BY_END else lines.when(line, place)
    if (session, end) < (int(moves.session[final]), int(moves.onset[final])):
        session, end = int(moves.session[final]), int(moves.onset[final])
    stopped = ClosedBy.OBSERVATION_END if lines.stopped[line] else ClosedBy.SESSION_END
    closed_by = {BY_CLOSING: ClosedBy.RESOLUTION, BY_GAP: ClosedBy.GAP}.get(why, stopped)
    people = {moves.levels["party"][party] for party in moves.party[openers].tolist() if party != ABSENT_CODE}
    return EpisodeRow(
        episode=names.next(dyad), dyad=dyad, track=moves.levels["track"][moves.track[first]],
        first_session=int(moves.session[first]), onset=int(moves.onset[first]), last_session=session, end=end,
        rupture_type=_opened_as(cohort, openers), party=people.pop() if len(people) == 1 else None,
        source=EpisodeSource.RULE, closed_by=closed_by, closed_by_outcome=closed_by is ClosedBy.RESOLUTION,
    )


def _opened_as(cohort: Cohort, openers: Array) -> RuptureType | None:
    """Return the type of the moves that opened the episode: mixed where both types stand at that instant."""
    book, moves = cohort.coding.codebook, cohort.moves
    codes = [moves.levels["code"][code] for code in moves.code[openers].tolist()]
    types = {MARKERS[name] for code in codes for name in book.functions_of(code) if name in MARKERS}
    return RuptureType.MIXED if len(types) > 1 else next(iter(types), None)


# --- the coders' own episodes ----------------------------------------------------------------------------------


def _coded_in(cohort: Cohort, track: str) -> Episodes:
    rows = cohort.coded.rows
    return cohort.coded.take(np.flatnonzero(rows.track == rows.code_of("track", word=track)))


def _meetings_of(coded: Episodes) -> frozenset[Meeting]:
    """Return the sessions for which the coders drew episodes."""
    return frozenset((row.dyad, session) for row in coded.rows
                     for session in range(row.first_session, row.last_session + 1))


def _joined(one: Episodes, other: Episodes) -> Episodes:
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
    provenance: Provenance = attrs.field(eq=False)

    def __repr__(self) -> str:
        return (f"BoundaryComparison({self.n_coded} by the coders, {self.n_drawn} by {self.rule!r}; "
                f"{len(self.only_coded)} only the coders', {len(self.only_drawn)} only the rule's)")

    def __str__(self) -> str:
        lines = [repr(self)]
        lines += [f"  {one} and {other}: {shared} moves shared, of {n} and {m}"
                  for one, other, shared, n, m in self.pairs]
        alone = (("only the coders'", self.only_coded), ("only the rule's", self.only_drawn))
        return "\n".join([*lines, *(f"  {whose}: {listed(names)}" for whose, names in alone if names)])


def compare_boundaries(cohort: Cohort, rule: SegmentationRule, *, track: str | None = None) -> BoundaryComparison:
    """Lay the coders' own episodes beside those that a rule draws without them."""
    track = choose_track(cohort, track)
    drawn = segment(cohort, attrs.evolve(rule, use_coded=False), track=track).columns
    coded = _coded_in(cohort, track)
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
        provenance=cohort.provenance(rules=("coders", rule.name), track=track),
    )


def _member_sets(episodes: Episodes) -> dict[str, set[int]]:
    names = episodes.rows.words("episode")
    return {str(name): set(episodes.members[low:high].tolist())
            for name, low, high in zip(names, episodes.offsets[:-1], episodes.offsets[1:], strict=True)}
