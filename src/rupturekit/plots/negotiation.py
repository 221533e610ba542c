"""The negotiation of needs in pictures: one episode in two lanes, the balance of needs, how far claims are met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from rupturekit._html import counted, shortened
from rupturekit._table import Array
from rupturekit.errors import NotEnoughData, NotEstimable, RecordError, expect
from rupturekit.negotiation.acts import NEEDS, VERBS
from rupturekit.negotiation.measures import meeting_rate
from rupturekit.negotiation.table import ANSWERS, END_KINDS, SPELL_ENDS, Answer, Negotiations, SpellEnd
from rupturekit.plots.estimates import Row, intervals
from rupturekit.plots.style import (
    FAINT,
    INK,
    PALE,
    UNSEEN,
    WIDE,
    axes,
    describe,
    line_key,
    name_ticks,
    need_colour,
    patch_key,
    set_key,
)
from rupturekit.vocabulary import Need, NeedVerb

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["END_MARKS", "episode_lanes", "meeting_rates", "needs_balance"]

_TABLE: Final = {"what": "a table of negotiations", "remedy": "use negotiations(cohort)"}

# --- one episode in two lanes ----------------------------------------------------------------------------------

_VERB_MARKS: Final[Mapping[NeedVerb, str]] = MappingProxyType(
    {NeedVerb.CLAIM: "^", NeedVerb.GRANT: "o", NeedVerb.CONTEST: "X", NeedVerb.YIELD: "v"})
_HOLLOW: Final = (NeedVerb.YIELD,)
END_MARKS: Final[Mapping[SpellEnd, Mapping[str, Any]]] = MappingProxyType({
    SpellEnd.MET: {"marker": "|", "s": 60, "linewidths": 1.8},
    SpellEnd.YIELDED: {"marker": "x", "s": 26, "linewidths": 1.2},
    SpellEnd.OPEN: {"marker": ">", "s": 22, "linewidths": 0.9}})
"""How a bar ends; one that observation cut off runs into the hatch of what was not observed, without a sign."""

_ANSWER_LINES: Final[Mapping[bool, Any]] = MappingProxyType({True: "-", False: (0, (3, 2))})

_LANE: Final = 2.0
_BARS: Final = (0.75, 1.25)
"""How far the bars of each need lie from their lane, on its outer side: answers are drawn between the lanes."""

_BAR: Final = 0.16
_ASIDE: Final = 0.2
_SEEN, _OPEN = 0.3, 0.6
"""How far behind the last turn observation reaches, and a bar that is open at the end of the episode."""


class _One(NamedTuple):
    """One episode of a table: its columns, turns counted from 1."""

    name: str
    parties: tuple[str, str]
    party: Array
    acts: Array
    low: int


def episode_lanes(table: Negotiations, episode: str | int, *, ax: Axes | None = None) -> Axes:
    """Draw the negotiation in one episode: a lane for each person, acts as marks, open claims as bars.

    The shape of a mark is the verb, its colour the need. Outside each lane a bar lasts from a claim to what ended it:
    met, yielded, still open at the end of the episode, or cut off by the end of observation, which is not known and
    hatched. A thin line leads from a claim to the turn that answered it, solid where that met it,
    dashed where it did anything else; a claim that no act answered has none. The upright line is the first end of the
    negotiation over agency, with its kind; dash-dotted ones are later ends.

    Parameters
    ----------
    episode : str or int
        Its identity, or its place in the table.

    Raises
    ------
    RecordError
        Where there is no such episode.
    NotEnoughData
        Where it has no turns.

    >>> from rupturekit.simulation.cohorts import simulate
    >>> from rupturekit.simulation.design import Design, NeedRates
    >>> from rupturekit.segmentation import SegmentationRule, segment
    >>> from rupturekit.negotiation.table import negotiations
    >>> acts = {"client": NeedRates(claim=0.2, grant=0.1), "therapist": NeedRates(claim=0.1, grant=0.3)}
    >>> made = simulate(Design(dyads=2, sessions=2, needs=acts), seed=1)
    >>> rule = SegmentationRule(name="to the end", opens=("withdrawal_marker",), gap=None)
    >>> ax = episode_lanes(negotiations(segment(made.cohort, rule)), 0)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['client', 'therapist']
    """
    expect(table, Negotiations, **_TABLE)
    at = _place(table, episode)
    low, high = table.turns.offsets[at : at + 2].tolist()
    name = str(table.turns.episodes.rows.words("episode")[at])
    if low == high:
        raise NotEnoughData(f"episode {name!r} has no turns to draw", needed=1, found=0)
    one = _One(name, table.parties, table.turns.party[low:high], table.turns.acts[low:high], low)
    with axes(ax, width=WIDE, height=66) as ax:
        _draw_turns(ax, table, one, at)
        _draw_bars(ax, table, one, at)
        _draw_answers(ax, table, one)
        _draw_acts(ax, one)
        _draw_ends(ax, table, one, at)
        _frame(ax, table, one, at)
    describe(ax, _words(table, one, at))
    return ax


def _place(table: Negotiations, episode: str | int) -> int:
    if isinstance(episode, str):
        return table.named(episode)
    if not -len(table) <= episode < len(table):
        raise RecordError(f"there is no episode at place {episode}; the table holds {counted(len(table), 'episode')}",
                          field="episode", value=episode)
    return range(len(table))[episode]


def _lane(party: int) -> float:
    return -_LANE * party


def _bar(party: int, need: int) -> float:
    return _lane(party) + (_BARS[need] if party == 0 else -_BARS[need])


def _draw_turns(ax: Axes, table: Negotiations, one: _One, at: int) -> None:
    """Draw who spoke when, and where a session begins."""
    for side, _ in enumerate(one.parties):
        x = np.flatnonzero(one.party == side) + 1
        ax.axhline(_lane(side), color=PALE, linewidth=0.6, zorder=1)
        ax.scatter(x, np.full(len(x), _lane(side)), s=10, marker="|", c=FAINT, linewidths=0.6, zorder=1,
                   label=f"turns of the {one.parties[side]}")
    offsets, turns = table.turns.episodes.offsets[at : at + 2], slice(one.low, one.low + len(one.party))
    fresh = np.cumsum(table.turns.episodes.new_session[offsets[0] : offsets[1]])
    session = fresh[table.turns.first[turns] - offsets[0]]
    for x in np.flatnonzero(np.diff(session)) + 1.5:
        ax.axvline(x, color=FAINT, linewidth=0.6, linestyle=(0, (1, 2)), zorder=0, label="break between sessions")


def _draw_bars(ax: Axes, table: Negotiations, one: _One, at: int) -> None:
    """Draw each spell as a bar with the sign of its end; one that observation cut off runs into the hatch."""
    spells, last = table.spells, len(one.party)
    held = spells.episode == at
    for side, need, begin, end, cause in zip(*(column[held].tolist() for column in (
            spells.party, spells.need, spells.begin, spells.end, spells.cause)), strict=True):
        why, colour, y = SPELL_ENDS[cause], need_colour(NEEDS[need]), _bar(side, need)
        start = begin - one.low + 1
        stop = end - one.low + 1 if end >= 0 else last + (_SEEN if why is SpellEnd.CENSORED else _OPEN)
        ax.broken_barh([(start, stop - start)], (y - _BAR / 2, _BAR), facecolor=colour, linewidth=0, zorder=2,
                       label=f"{one.parties[side]} {NEEDS[need]} {why}")
        inked = {"facecolors": "white", "edgecolors": colour} if why is SpellEnd.OPEN else {"c": [colour]}
        if why in END_MARKS:
            ax.scatter([stop], [y], zorder=3, label=f"end {why}", **inked, **END_MARKS[why])
    if table.turns.stopped[at]:
        ax.axvspan(last + _SEEN, last + 0.9, **UNSEEN, zorder=0, label="not observed")


def _draw_answers(ax: Axes, table: Negotiations, one: _One) -> None:
    """Draw a line from each claim to the turn that answered it: solid where it was met, dashed where not."""
    claims = table.claims
    held = (claims.turn >= one.low) & (claims.turn < one.low + len(one.party)) & (claims.at >= 0)
    for side, need, turn, at, code in zip(*(column[held].tolist() for column in (
            claims.party, claims.need, claims.turn, claims.at, claims.answer)), strict=True):
        answer = ANSWERS[code]
        ax.plot([turn - one.low + 1, at - one.low + 1], [_lane(side) + _aside(need), _lane(1 - side)], color=FAINT,
                linewidth=0.6, linestyle=_ANSWER_LINES[answer is Answer.MET], zorder=1, label=f"answer {answer}")


def _aside(need: int) -> float:
    """Return how far from its lane an act on a need is drawn: agency a little above, communion a little below."""
    return _ASIDE if NEEDS[need] is Need.AGENCY else -_ASIDE


def _draw_acts(ax: Axes, one: _One) -> None:
    """Draw one mark an act; several verbs of one turn on one need stand side by side."""
    for at, need in enumerate(NEEDS):
        taken, colour = np.zeros(len(one.acts), dtype=int), need_colour(need)
        for code, verb in enumerate(VERBS):
            there = (one.acts >> (2 * code + at)) & 1 == 1
            x = np.flatnonzero(there) + 1 + _ASIDE * taken[there]
            y = np.array([_lane(side) + _aside(at) for side in one.party[there].tolist()])
            ax.scatter(x, y, s=20, marker=_VERB_MARKS[verb], facecolors="white" if verb in _HOLLOW else colour,
                       edgecolors=colour if verb in _HOLLOW else INK, linewidths=0.9 if verb in _HOLLOW else 0.3,
                       zorder=4, label=f"{verb} {need}")
            taken += there


def _draw_ends(ax: Axes, table: Negotiations, one: _One, at: int) -> None:
    ends = table.ends
    held = ends.episode == at
    for turn, kind, first in zip(ends.turn[held].tolist(), ends.kind[held].tolist(), ends.first[held].tolist(),
                                 strict=True):
        x, said = turn - one.low + 1, END_KINDS[kind].value.replace("_", " ")
        look: dict[str, Any] = {"linewidth": 0.9} if first else {"linewidth": 0.6, "linestyle": (0, (5, 2, 1, 2))}
        ax.axvline(x, ymax=1.0 if first else 0.92, color=INK, zorder=0, **look,
                   label=f"{'first' if first else 'later'} end {said}")
        if first:
            near_right = x > 0.7 * len(one.party)
            ax.annotate(f"first end: {said}", (x, 1.0), xycoords=("data", "axes fraction"), va="top",
                        xytext=(-2 if near_right else 2, 0), textcoords="offset points",
                        ha="right" if near_right else "left", fontsize=6.5)


def _frame(ax: Axes, table: Negotiations, one: _One, at: int) -> None:
    name_ticks(ax, {_lane(side): name for side, name in enumerate(one.parties)})
    ax.set_ylim(_lane(1) - 1.7, 2.2)
    ax.locator_params(axis="x", integer=True)
    ax.set_xlim(0.3, len(one.party) + 0.9)
    ax.spines["left"].set_visible(False)
    later = int(((table.ends.episode == at) & ~table.ends.first).sum())
    ax.set_xlabel(f"turn of the episode\n{counted(len(one.party), 'turn')}{_silence(table, at)}"
                  + (f"; {counted(later, 'later end')}: dash-dotted" if later else ""))
    marks = [line_key(str(verb), marker=_VERB_MARKS[verb], color="none", markeredgecolor=FAINT,
                      markerfacecolor="white" if verb in _HOLLOW else FAINT) for verb in VERBS]
    bars = [patch_key(str(need), facecolor=need_colour(need), linewidth=0) for need in NEEDS]
    shown: dict[SpellEnd, dict[str, Any]] = {
        SpellEnd.MET: {"marker": "|", "markersize": 6, "markeredgewidth": 1.8},
        SpellEnd.YIELDED: {"marker": "x"}, SpellEnd.OPEN: {"marker": ">", "markerfacecolor": "white"}}
    ends = [line_key(f"bar ends: {end}", color="none", markeredgecolor=FAINT, **look) for end, look in shown.items()]
    answers = [line_key(said, color=FAINT, linewidth=0.6, linestyle=_ANSWER_LINES[met])
               for said, met in (("answer: met", True), ("answer: other", False))]
    set_key(ax, [*marks, *bars, *ends, patch_key("not observed", **UNSEEN), *answers], columns=6, entry=23.5)


def _silence(table: Negotiations, at: int) -> str:
    claimed = table.claimed(Need.AGENCY)[at].any()
    return "" if claimed else "; nobody claimed agency: no negotiation observed"


def _words(table: Negotiations, one: _One, at: int) -> str:
    spells = table.spells.episode == at
    ended = {end: int((table.spells.cause[spells] == code).sum()) for code, end in enumerate(SPELL_ENDS)}
    held = table.ends.episode == at
    first, above, below = held & table.ends.first, *(shortened(party, 30) for party in one.parties)
    if first.any():
        turn, kind = int(table.ends.turn[first][0]) - one.low + 1, END_KINDS[int(table.ends.kind[first][0])]
        said = f"The negotiation over agency first ended at turn {turn}: {kind.value.replace('_', ' ')}."
    else:
        said = "The negotiation over agency did not end." if not _silence(table, at) else "Nobody claimed agency."
    return (f"Negotiation of needs in episode {shortened(one.name, 40)}: {counted(len(one.party), 'turn')}, the "
            f"{above} above and the {below} below; {counted(int(spells.sum()), 'spell')} in which a claim was open, of "
            f"which {', '.join(f'{n:,} {end}' for end, n in ended.items())}. {said}")


# --- the balance of needs over an episode ------------------------------------------------------------------------


class _Share(NamedTuple):
    """How many turns of a side there are at each point, and how many of them hold an act on a need."""

    x: Array
    n: Array
    with_act: Array


def needs_balance(table: Negotiations, *, over: str = "share", bins: int = 10, least: int = 10,
                  ax: Axes | None = None) -> Axes:
    """Draw how often each person's turns act on agency and on communion, as an episode goes on.

    At each point: turns of that person with an act of any verb on the need / turns of that person, pooled over
    episodes. It describes; it is no estimate and has no interval.

    Parameters
    ----------
    over : "share" or "turn"
        Over the share of an episode's turns that has passed, in `bins`, or over the number of the turn. By share only
        episodes that were observed to their end count, since of the others nobody knows how long they were.
    least : int
        A point with fewer turns of that person is not drawn.

    Raises
    ------
    RecordError
        Where `over` is neither, or `bins` or `least` is not a whole number from 1 to 1,000.
    NotEnoughData
        Where no episode, or no point, is left to draw.

    >>> from rupturekit.simulation.cohorts import simulate
    >>> from rupturekit.simulation.design import Design, NeedRates
    >>> from rupturekit.segmentation import SegmentationRule, segment
    >>> from rupturekit.negotiation.table import negotiations
    >>> acts = {"client": NeedRates(claim=0.2, grant=0.1), "therapist": NeedRates(claim=0.1, grant=0.3)}
    >>> made = simulate(Design(dyads=4, sessions=2, needs=acts), seed=1)
    >>> rule = SegmentationRule(name="to the end", opens=("withdrawal_marker",), gap=None)
    >>> ax = needs_balance(negotiations(segment(made.cohort, rule)), bins=4, least=1)
    >>> ax.get_ylabel()
    'share of turns\\nwith an act on the need'
    """
    expect(table, Negotiations, **_TABLE)
    _check_balance(over, bins=bins, least=least)
    kept = np.ones(len(table), dtype=bool) if over == "turn" else ~table.turns.stopped
    shares = {(side, need): _shares(table, kept, side, need, bins=bins if over == "share" else None)
              for side in range(2) for need in range(2)}
    drawn = {key: one.n >= least for key, one in shares.items()}
    if not any(each.any() for each in drawn.values()):
        most = max((int(one.n.max(initial=0)) for one in shares.values()), default=0)
        raise NotEnoughData(f"no point has {least} turns of one person; the most that one has is {most}: take fewer "
                            "bins, or a smaller least", needed=least, found=most)
    with axes(ax, width=WIDE / 1.4, height=66) as ax:
        for (side, need), one in shares.items():
            _draw_share(ax, table.parties[side], one, drawn[side, need], side=side, need=need)
        _frame_shares(ax, table, kept, [one.n[drawn[key]] for key, one in shares.items()], over=over)
    describe(ax, _shares_in_words(table, shares, drawn, over=over))
    return ax


def _check_balance(over: str, **whole: object) -> None:
    if over not in ("share", "turn"):
        raise RecordError(f"over is {over!r:.40}; expected \"share\" or \"turn\"", field="over", value=over)
    for name, value in whole.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1000:
            raise RecordError(f"{name} is {value!r:.40}; expected a whole number from 1 to 1,000", field=name)


def _shares(table: Negotiations, kept: Array, side: int, need: int, *, bins: int | None) -> _Share:
    """Count turns of a side, and those with an act on a need, by bin of the episode, or by turn where there is none."""
    turns = table.turns
    place = np.arange(len(turns)) - turns.offsets[turns.run]
    length = np.diff(turns.offsets)[turns.run]
    point = place if bins is None else place * bins // np.maximum(length, 1)
    mine = kept[turns.run] & (turns.party == side)
    acted = turns.acts & sum(1 << (2 * verb + need) for verb in range(len(VERBS))) > 0
    points = bins or int(np.diff(turns.offsets).max(initial=0))
    n, with_act = (np.bincount(point[held], minlength=points) for held in (mine, mine & acted))
    x = np.arange(1.0, points + 1) if bins is None else (np.arange(bins) + 0.5) / bins
    return _Share(x, n, with_act)


def _draw_share(ax: Axes, party: str, one: _Share, drawn: Array, *, side: int, need: int) -> None:
    y = np.full(len(one.n), np.nan)
    np.divide(one.with_act, one.n, out=y, where=drawn)
    ax.plot(one.x, y, label=f"{party}, {NEEDS[need]}", **_share_look(side, NEEDS[need]))


def _share_look(side: int, need: Need) -> dict[str, Any]:
    """Return the look of one line: the need is its colour, the person its stroke and mark."""
    colour = need_colour(need)
    return {"color": colour, "linestyle": "-" if side == 0 else (0, (4, 2)), "marker": "o" if side == 0 else "s",
            "markersize": 3.5, "markeredgecolor": colour, "markerfacecolor": colour if side == 0 else "white"}


def _frame_shares(ax: Axes, table: Negotiations, kept: Array, n: Sequence[Array], *, over: str) -> None:
    counts, cut = np.concatenate(n), int((~kept).sum())
    said = (f"{counted(int(kept.sum()), 'episode')}, {int(counts.min()):,} to {int(counts.max()):,} turns of one "
            "person at a point")
    said += f"\nleft out: {counted(cut, 'episode')} cut off by the end of observation" if cut else ""
    ax.set_xlabel(f"{'turn of the episode' if over == 'turn' else 'share of the episode’s turns passed'}\n{said}")
    ax.set_ylabel("share of turns\nwith an act on the need")
    ax.set_ylim(0, None)
    if over == "share":
        ax.set_xlim(0, 1)
    else:
        ax.locator_params(axis="x", integer=True)
    set_key(ax, [line_key(f"{shortened(party, 24)}, {need}", **_share_look(side, need))
                 for side, party in enumerate(table.parties) for need in NEEDS], columns=2)


def _shares_in_words(table: Negotiations, shares: Mapping[tuple[int, int], _Share],
                     drawn: Mapping[tuple[int, int], Array], *, over: str) -> str:
    def said() -> Iterator[str]:
        for (side, need), one in shares.items():
            held = drawn[side, need]
            if held.any():
                rates = one.with_act[held] / one.n[held]
                yield (f"{shortened(table.parties[side], 24)}, {NEEDS[need]}: from {rates[0]:.2f} at the first point "
                       f"to {rates[-1]:.2f} at the last")

    where = "the turns of episodes" if over == "turn" else "the share of the episode that has passed"
    return f"Share of each person's turns with an act on a need, over {where}. {'; '.join(said())}."


# --- how far claims are met --------------------------------------------------------------------------------------


def meeting_rates(table: Negotiations, *, level: str | None = None, confidence: float = 0.95, seed: int = 1,
                  ax: Axes | None = None) -> Axes:
    """Draw the share of each person's claims that the other met, by need, with intervals.

    As `negotiation.measures.meeting_rate` estimates it, with its `level`, `confidence` and `seed`. Where it cannot be
    estimated the row says so instead of showing a dot. The rate grows with how much the other talks, so it is not for
    comparing groups; and it compares two roles, never people.

    Raises
    ------
    NotEnoughData
        Where nothing can be estimated.

    >>> from rupturekit.simulation.cohorts import simulate
    >>> from rupturekit.simulation.design import Design, NeedRates
    >>> from rupturekit.segmentation import SegmentationRule, segment
    >>> from rupturekit.negotiation.table import negotiations
    >>> acts = {"client": NeedRates(claim=0.2), "therapist": NeedRates(grant=0.3)}
    >>> made = simulate(Design(dyads=6, sessions=3, onset=0.1, needs=acts), seed=1)
    >>> rule = SegmentationRule(name="to the end", opens=("withdrawal_marker",), gap=None)
    >>> ax = meeting_rates(negotiations(segment(made.cohort, rule)))
    >>> [label.get_text() for label in ax.get_yticklabels()][0]
    'client, agency'
    """
    expect(table, Negotiations, **_TABLE)
    rows = []
    for party in table.parties:
        for need in NEEDS:
            try:
                said: Any = meeting_rate(table, party=party, need=need, level=level, confidence=confidence, seed=seed)
            except NotEstimable as error:
                said = error
            rows.append(Row(label=f"{shortened(party, 20)}, {need}", said=said, colour=need_colour(need),
                            marker="o" if need is Need.AGENCY else "s"))
    return intervals(rows, label="share of claims that were met", limits=(0.0, 1.0), units=("spells", "dyads"), ax=ax)
