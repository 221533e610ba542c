"""The cheapest way to explain an episode by a process model: where it leaves the model, and at what cost.

An alignment lays an episode along a path of the model: each move takes an arrow or is off the model, and each arrow
of the path is taken by a move, or skipped. Costs are exact: no cheaper alignment exists (van der Aalst, Adriansyah &
van Dongen 2012).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import numpy.typing as npt

from rupturekit import _html
from rupturekit._frames import FrameColumn
from rupturekit._kernels.alignment import MOST_VECTORS, NO_WAY, Table, costs_by_walk
from rupturekit._kernels.retrace import count_steps
from rupturekit._table import arrays_equal, freeze, held_state, set_closed
from rupturekit.alphabet import Alphabet
from rupturekit.cohort import Cohort
from rupturekit.conformance.costs import Accept, AlignmentCosts, Substitution, check_sums, prices
from rupturekit.conformance.orders import CostsOverOrders, costs_over_orders
from rupturekit.conformance.paths import Edge, StepKind, best_path, graph_of, steps_by_kind, ways_of
from rupturekit.conformance.substitutions import told_apart
from rupturekit.episode import Move
from rupturekit.errors import NotEstimable, RecordError, listed
from rupturekit.kinds import MoveReader, blocks_of
from rupturekit.provenance import Provenance
from rupturekit.replays import Replay, replay_of_all
from rupturekit.state_machine import StateMachine, Transition, as_model
from rupturekit.ties import TieRule

__all__ = ["Accept", "AlignedStep", "Alignment", "AlignmentCosts", "Alignments", "StepKind", "Substitution",
           "align_cohort", "align_replay"]


@attrs.frozen(kw_only=True)
class AlignedStep:
    """One step of an alignment: a move, an arrow, or both."""

    kind: StepKind
    before: str
    after: str
    move: Move | None
    arrow: Transition | None
    cost: int


@attrs.frozen(kw_only=True, repr=False)
class Alignment:
    """One cheapest alignment of an episode, and how many there are.

    Which of several is kept, and which count as several, `conformance.paths` says: read from the end, the fewest arrows
    without a move, then the states that stand first in the model, then a move that takes an arrow before one that is
    substituted or off the model.

    Attributes
    ----------
    cost, worst : int
        What it costs, and what the model with no moves and all moves off the model would cost together.
    least, greatest : int
        What it costs in the best and in the worst order of its moves at one instant. `steps` and `cost` are those of
        the order that the tie rule takes.
    exact : bool
        Whether some order has each of the two; where not, they are bounds.
    n_optimal : int or None
        How many cheapest alignments there are; None where arrows without charge form a circle, so that there is no end
        of them.
    """

    episode: str
    model: StateMachine
    costs: AlignmentCosts
    steps: tuple[AlignedStep, ...]
    cost: int
    least: int
    greatest: int
    exact: bool
    worst: int
    n_optimal: int | None
    provenance: Provenance = attrs.field(eq=False)

    @property
    def fit(self) -> float | None:
        """Model fit: 1 - cost / worst; None where nothing can cost anything."""
        return 1 - self.cost / self.worst if self.worst else None

    @property
    def fit_over_orders(self) -> tuple[float, float] | None:
        """The least and the greatest model fit over all orders of moves at one instant."""
        return (1 - self.greatest / self.worst, 1 - self.least / self.worst) if self.worst else None

    @property
    def deviations(self) -> tuple[AlignedStep, ...]:
        """The steps that cost something, in order of time."""
        return tuple(step for step in self.steps if step.cost)

    def __repr__(self) -> str:
        return f"Alignment({self.episode!r} by {self.model.name!r}: cost {self._costs_in_figures()} of {self.worst})"

    def _costs_in_figures(self) -> str:
        return _from_to(self.least, self.greatest)

    def explain(self) -> str:
        """Return the alignment in plain words, one line a step."""
        many = "without end" if self.n_optimal is None else _in_figures(self.n_optimal)
        return "\n".join([f"Episode {self.episode} along {self.model.name} ({self.model.evidence_text()}): "
                          f"{self._headline()}; cheapest alignments: {many}.",
                          *(f"  {_told(step)}" for step in self.steps)])

    def _headline(self) -> str:
        """Say cost and fit: as an interval where they hang on the order of moves at one instant."""
        if self.least == self.greatest:
            return f"cost {self.cost} of at most {self.worst}, model fit {_fit_in_figures(self.fit)}"
        low, high = self.fit_over_orders or (None, None)
        orders = f"orders of moves at one instant{'' if self.exact else ' (bounds)'}"
        return (f"cost {self._costs_in_figures()} over {orders}, of at most {self.worst}, model fit "
                f"{_fit_in_figures(low)} to {_fit_in_figures(high)}; told in the order taken, cost {self.cost}, model "
                f"fit {_fit_in_figures(self.fit)}")

    def __str__(self) -> str:
        return self.explain()

    def _repr_html_(self) -> str:
        rows = ((str(step.kind), step.before, step.after, _who(step.move), step.cost) for step in self.steps)
        return _html.page("Alignment", f"{self.episode} by {self.model.name}", _html.table(
            ("", "from", "to", "move", "cost"), rows))


def _who(move: Move | None) -> str:
    return "" if move is None else f"move {move.row_id}: {move.party or 'somebody'} {move.code}"


def _from_to(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _fit_in_figures(fit: float | None) -> str:
    return "not defined, for nothing could cost anything" if fit is None else f"{fit:.3f}"


def _in_figures(number: int) -> str:
    """Return a number, in words of its length where nobody would read it.

    >>> _in_figures(1234), _in_figures(2 ** 100)
    ('1,234', 'about 10^30')
    """
    return f"{number:,}" if number < 10**15 else f"about 10^{int((number.bit_length() - 1) * math.log10(2))}"


def _told(step: AlignedStep) -> str:
    where = f"stays in '{step.before}'" if step.before == step.after else f"'{step.before}' to '{step.after}'"
    said = {StepKind.TAKEN: f"{_who(step.move)}: {where}",
            StepKind.SUBSTITUTED: f"{_who(step.move)}: {where}, in place of {step.arrow and step.arrow.when}",
            StepKind.OFF_MODEL: f"{_who(step.move)}: off the model in '{step.before}'",
            StepKind.SKIPPED: f"no move: {where} is skipped, which some code could have shown",
            StepKind.UNSEEN: f"no move: {where}, which these codes cannot show"}[step.kind]
    return said + (f" (cost {step.cost})" if step.cost else "")


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Alignments:
    """The cheapest cost of each episode; `table[i]` is one alignment as an object.

    Two of them are equal where model, costs, episodes and tie rule are, and they were made of equal records: cohorts of
    one digest, coded alike. Provenance is not compared.

    Attributes
    ----------
    cost : int64
        In the order of the tie rule; `least` and `greatest` are those over all orders of moves at one instant.
    worst : int64
        What the model with no moves and all moves off the model would cost together.
    table : Table
        Vectors of costs as they came up, and what follows them.
    left_out : mapping of str to int
        Episodes that were not aligned, by reason.
    """

    replay: Replay
    costs: AlignmentCosts
    cost: npt.NDArray[np.int64]
    worst: npt.NDArray[np.int64]
    table: Table
    left_out: Mapping[str, int]
    provenance: Provenance

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Alignments):
            return NotImplemented
        mine, theirs = self.replay, other.replay
        return (mine.episodes == theirs.episodes and self.model == other.model and self.costs == other.costs
                and mine.tie_rule == theirs.tie_rule and self.left_out == other.left_out
                and mine.cohort.coding == theirs.cohort.coding and mine.cohort.digest == theirs.cohort.digest
                and arrays_equal(self.cost, other.cost) and arrays_equal(self.worst, other.worst))

    __hash__ = None  # type: ignore[assignment]
    __getstate__ = held_state
    __setstate__ = set_closed

    @property
    def least(self) -> npt.NDArray[np.int64]:
        """What each episode costs in the best order of its moves at one instant."""
        return self._over_orders.least

    @property
    def greatest(self) -> npt.NDArray[np.int64]:
        """What each episode costs in the worst order of its moves at one instant."""
        return self._over_orders.greatest

    @property
    def exact(self) -> npt.NDArray[np.bool_]:
        """Whether some order has `least` and some `greatest`; where not, they are bounds."""
        return self._over_orders.exact

    @functools.cached_property
    def _over_orders(self) -> CostsOverOrders:
        return costs_over_orders(self.replay, self.table.prices, cost=self.cost)

    @property
    def alphabet(self) -> Alphabet:
        """The compiled model."""
        return self.replay.kinds.alphabet

    @property
    def vectors(self) -> int | None:
        """How many vectors of costs were numbered; None where they were too many and the programme was run."""
        return None if self.table.full else self.table.count

    @property
    def model(self) -> StateMachine:
        """The model that was aligned to."""
        return self.alphabet.model

    def __len__(self) -> int:
        return len(self.cost)

    def __getitem__(self, at: int) -> Alignment:
        return _aligned(self, range(len(self))[at])

    def __iter__(self) -> Iterator[Alignment]:
        return (self[at] for at in range(len(self)))

    def named(self, episode: str) -> Alignment:
        """Return the alignment of the episode of that identity.

        Raises
        ------
        RecordError
            Where there is none.
        """
        names = self.replay.episodes.rows.words("episode")
        if episode not in names:
            raise RecordError(f"no alignment of episode {episode!r}; aligned are: {listed(map(str, names))}",
                              field="episode", value=episode)
        return self[names.index(episode)]

    def fit(self) -> npt.NDArray[np.float64]:
        """Return each episode's model fit, 1 - cost / worst; NaN where nothing can cost anything."""
        return self._fit_of(self.cost)

    def fit_over_orders(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return each episode's least and greatest model fit over all orders of its moves at one instant."""
        return self._fit_of(self.greatest), self._fit_of(self.least)

    def _fit_of(self, cost: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        known = self.worst > 0
        return np.where(known, 1 - cost / np.where(known, self.worst, 1), np.nan)

    def deviations(self) -> dict[str, dict[str, int]]:
        """Return how often each step was skipped, and moves were off the model or substituted in each state.

        They are those of the alignments that are kept, all episodes together. A skipped step stands by the state it
        would have led to, a move by the state it met. Only what costs something counts.
        """
        found: dict[str, dict[str, int]] = {}
        for kind, counts in self._deviations.items():
            at = {state.name: 0 for state in self.model.states}
            for (before, after), n in counts.items():
                at[after if kind is StepKind.SKIPPED else before] += n
            found[kind] = {state: n for state, n in at.items() if n}
        return found

    def deviations_by_arrow(self) -> dict[str, dict[tuple[str, str], int]]:
        """Return how often each arrow was skipped, or taken by a move that it does not fit: by its two states."""
        return {kind: dict(self._deviations[kind]) for kind in (StepKind.SKIPPED, StepKind.SUBSTITUTED)}

    @functools.cached_property
    def _deviations(self) -> dict[StepKind, dict[tuple[str, str], int]]:
        """How often each kind of deviation leads from one state to another, in the model's order."""
        graph = graph_of(self.alphabet, self.costs)
        steps = count_steps(self.table, ways_of(graph), _symbols(self.replay), offsets=self.replay.episodes.offsets,
                            start=self.alphabet.start)
        counts = steps_by_kind(graph, steps, costly=True)
        names = [state.name for state in self.model.states]
        return {kind: {(names[before], names[after]): int(counts[kind][before, after])
                       for before, after in np.argwhere(counts[kind]).tolist()}
                for kind in (StepKind.SKIPPED, StepKind.OFF_MODEL, StepKind.SUBSTITUTED)}

    def __repr__(self) -> str:
        how = "the programme as it stands" if self.vectors is None else f"a table of {self.vectors:,} vectors"
        return f"Alignments({len(self):,} episodes by {self.model.name!r}, through {how})"

    def __str__(self) -> str:
        return "\n".join([repr(self), f"  {self.model.evidence_text()}", *self._headline(),
                          *(f"  not aligned: {n:,}, {why}" for why, n in self.left_out.items())])

    def _headline(self) -> list[str]:
        """Say mean fit and episodes without deviation: as intervals where they hang on orders at one instant."""
        low, high = (fits[self.worst > 0] for fits in self.fit_over_orders())
        fit = self.fit()[self.worst > 0]
        hangs = self.least < self.greatest
        if not len(fit) or not hangs.any():
            mean = f"mean model fit {fit.mean():.3f} over {len(fit):,} episodes" if len(fit) else "no model fit"
            return [f"  {mean}; without deviation {int((self.cost == 0).sum()):,}"]
        bounds = int((hangs & ~self.exact).sum())
        return [f"  mean model fit {low.mean():.3f} to {high.mean():.3f} over {len(fit):,} episodes and the orders of "
                f"moves at one instant, {fit.mean():.3f} in the order taken",
                f"  without deviation {_from_to(*(int((one == 0).sum()) for one in (self.greatest, self.least)))}; "
                f"on the order hangs the cost of {int(hangs.sum()):,}"
                + (f", for {bounds:,} within bounds" if bounds else "")]

    def _repr_html_(self) -> str:
        return _html.page("Alignments", self.model.name, _html.facts([("", line) for line in str(self).splitlines()]))

    def frame_columns(self) -> dict[str, FrameColumn]:
        """Return one row an episode: identity, cost, its least and greatest over orders, worst cost and fit."""
        rows = self.replay.episodes.rows
        fit = self.fit()
        return {"episode": FrameColumn(values=rows.episode, levels=rows.levels["episode"]),
                "dyad": FrameColumn(values=rows.dyad, levels=rows.levels["dyad"]),
                "cost": FrameColumn(values=self.cost), "least": FrameColumn(values=self.least),
                "greatest": FrameColumn(values=self.greatest), "exact": FrameColumn(values=self.exact),
                "worst": FrameColumn(values=self.worst),
                "fit": FrameColumn(values=fit, absent=np.isnan(fit))}


def align_cohort(cohort: Cohort, model: StateMachine | str, *, costs: AlignmentCosts | None = None,
                 track: str | None = None, tie_rule: TieRule = TieRule.AS_FILED, any_type: bool = False,
                 most_vectors: int = MOST_VECTORS) -> Alignments:
    """Align every episode in force to a process model, exactly.

    The cost is that of the cheapest path through the product of episode and model (van der Aalst, Adriansyah & van
    Dongen 2012), found by dynamic programming with whole numbers.

    Parameters
    ----------
    costs : AlignmentCosts or None
        None charges 1 for a skipped step and 1 for a move off the model, without substitution, and accepts completed
        episodes.
    track : str or None
        The reading whose episodes are aligned; None for all that are in force.
    tie_rule : TieRule
        In which order moves at one instant are taken.
    any_type : bool
        Whether episodes of another rupture type than the model's are aligned too.
    most_vectors : int
        So many vectors of costs are numbered before the programme is run as it stands; it decides speed, never a
        result.

    Raises
    ------
    NotEstimable
        Where no way leads to a state in which an episode may stop, or costs add up to more than is counted exactly.
    RecordError
        Where `track` names a reading that is not there, or a substitution a function that is not.
    UnknownState
        Where a substitution names a state that the model lacks.
    PartyMismatch
        Where the model names a party that the study lacks.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> from rupturekit.segmentation import WHOLE_SESSION, segment
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     held = align_cohort(segment(example_cohort(), WHOLE_SESSION, track="r1"), "withdrawal-2000")
    >>> held.cost.tolist()[:3], held.worst.tolist()[:3]
    ([6, 3, 9], [21, 11, 15])
    """
    charged = AlignmentCosts() if costs is None else costs
    replay = replay_of_all(cohort, as_model(model), track=track, tie_rule=tie_rule, follow_skips=True,
                           any_type=any_type)
    rules = (cohort.rule, f"ties {replay.tie_rule}", *(["any type"] if any_type else []), charged.identity)
    return align_replay(attrs.evolve(replay, provenance=attrs.evolve(replay.provenance, rules=rules)), costs=charged,
                        most_vectors=most_vectors)


def align_replay(replay: Replay, *, costs: AlignmentCosts, most_vectors: int = MOST_VECTORS) -> Alignments:
    """Align the episodes of a replay to its model, with its provenance; see `align_cohort`.

    Raises
    ------
    NotEstimable, RecordError, UnknownState
        As `align_cohort`.
    """
    replay = told_apart(replay, costs.substitutions)
    alphabet, lengths = replay.kinds.alphabet, replay.episodes.lengths
    check_sums(costs, moves=int(lengths.max(initial=0)), states=len(alphabet.model.states))
    held = prices(alphabet, costs)
    nothing = int((held.begin + held.stop).min())
    if nothing >= NO_WAY:
        raise NotEstimable(f"no way leads from {alphabet.model.initial!r} of {alphabet.model.name} to a state where an "
                           f"episode may stop; accepted is: {costs.accept}, one of {listed(Accept)}")
    table = Table(held, most=most_vectors)
    cost = costs_by_walk(table, _symbols(replay), offsets=replay.episodes.offsets)
    return Alignments(replay=replay, costs=costs, cost=freeze(cost), worst=freeze(nothing + costs.off_model * lengths),
                      table=table, left_out=replay.left_out, provenance=replay.provenance)


def _symbols(replay: Replay) -> npt.NDArray[np.int16]:
    """Return the symbol of every member, episode by episode."""
    reader = MoveReader(replay.cohort, replay.kinds)
    parts = [replay.kinds.symbol.take(reader.read(block)) for block in blocks_of(replay.episodes)]
    return np.concatenate([*parts, np.zeros(0, dtype=np.int16)])


# --- one alignment, step by step --------------------------------------------------------------------------------------


def _aligned(table: Alignments, at: int) -> Alignment:
    low, high = table.replay.episodes.offsets[at : at + 2].tolist()
    name = str(table.replay.episodes.rows.words("episode")[at])
    one = attrs.evolve(table.replay, episodes=table.replay.episodes.take(np.array([at])))
    found = best_path(table.alphabet, table.costs, _symbols(one).tolist())
    moves = [table.replay.cohort.moves[row] for row in table.replay.episodes.members[low:high].tolist()]
    return Alignment(episode=name, model=table.model, costs=table.costs, cost=int(table.cost[at]),
                     least=int(table.least[at]), greatest=int(table.greatest[at]), exact=bool(table.exact[at]),
                     steps=tuple(_step(table, edge, moves) for edge in found.edges), worst=int(table.worst[at]),
                     n_optimal=found.number, provenance=table.provenance)


def _step(table: Alignments, edge: Edge, moves: list[Move]) -> AlignedStep:
    states = table.model.states
    return AlignedStep(kind=edge.kind, before=states[edge.before].name, after=states[edge.after].name, cost=edge.cost,
                       move=None if edge.move is None else moves[edge.move],
                       arrow=None if edge.arrow is None else table.model.transitions[edge.arrow])
