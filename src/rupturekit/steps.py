"""One episode's trace as an object: every move as a step, and what can be asked of them."""

from __future__ import annotations

import attrs

from rupturekit._views.traces import path_text, trace_html
from rupturekit.alphabet import Alphabet, Reason
from rupturekit.ends import Reached
from rupturekit.episode import Episode, Move
from rupturekit.errors import listed
from rupturekit.explanation import explanation
from rupturekit.provenance import Provenance
from rupturekit.state_machine import StateMachine, Transition
from rupturekit.vocabulary import Outcome, Phase, RepairSource

__all__ = ["Step", "Trace", "step_of"]


@attrs.frozen(kw_only=True)
class Step:
    """One move of an episode, and what it did to the state.

    Attributes
    ----------
    reason : Reason or None
        Why the move is off the model; None where an arrow was taken.
    passed : tuple of str
        Steps passed unseen, since no code of the codebook could show them.
    skipped : tuple of str
        Steps the model expects before, which could have been seen and were not.
    order_dependent : bool
        Several moves stand at this instant and another order would end in another state.
    """

    move: Move
    before: str
    after: str
    arrow: Transition | None
    reason: Reason | None
    passed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    order_dependent: bool = False

    @property
    def taken(self) -> bool:
        """Whether an arrow of the model was taken."""
        return self.reason is None


@attrs.frozen(kw_only=True, repr=False)
class Trace:
    """How one episode moved through a model.

    Attributes
    ----------
    path : tuple of str
        The states, in order, without repeats of the same state.
    reached : Reached
        Whether an end was reached: in the model's order, with steps skipped, not, not to be seen with this
        codebook, or not known because observation stopped.
    open_ends : tuple of str
        Every state in which the episode may end, where moves at one instant make that uncertain.
    """

    episode: Episode
    model: StateMachine
    codebook: str
    steps: tuple[Step, ...]
    reached: Reached
    unobservable: tuple[str, ...]
    open_ends: tuple[str, ...]
    provenance: Provenance = attrs.field(eq=False)

    @property
    def path(self) -> tuple[str, ...]:
        """The states in order, without repeats of the same state."""
        states = [self.model.initial]
        for step in self.steps:
            if step.after != states[-1]:
                states.append(step.after)
        return tuple(states)

    @property
    def end(self) -> str:
        """The state in which the episode ends."""
        return self.steps[-1].after if self.steps else self.model.initial

    @property
    def outcome(self) -> Outcome | None:
        """What the model calls the end, where the episode ends in one that it names; None otherwise."""
        return self.model[self.end].outcome

    @property
    def off_model(self) -> tuple[Step, ...]:
        """The steps that took no arrow."""
        return tuple(step for step in self.steps if not step.taken)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Steps that could have been seen and were passed by on the way to the first end."""
        return tuple(dict.fromkeys(name for step in self._until_end() for name in step.skipped))

    @property
    def left_end(self) -> bool:
        """Whether an end was reached and left again."""
        return not self.model[self.end].end and any(self.model[step.after].end for step in self.steps)

    def _until_end(self) -> tuple[Step, ...]:
        first = next((at for at, step in enumerate(self.steps, start=1) if self.model[step.after].end), None)
        return self.steps[:first]

    @property
    def passed(self) -> tuple[str, ...]:
        """Steps that were passed unseen, since the codebook has no code that shows them."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.passed))

    def dwell(self) -> dict[Phase, int]:
        """Return how long each phase lasted, in microseconds, or in turns where there is no clock.

        Time from one move to the next counts for the state after the first; the last move's state lasts until
        the end of the episode. Time between sessions is not counted; states passed unseen take no time.
        """
        lasted: dict[Phase, int] = {}
        for step, until in zip(self.steps, self._untils(), strict=True):
            phase = self.model[step.after].phase
            lasted[phase] = lasted.get(phase, 0) + max(0, until - step.move.onset)
        return lasted

    def _untils(self) -> list[int]:
        """Return until when each step's state lasts: the next move in the session, or the end of the episode."""
        row, untils = self.episode.row, []
        for at, step in enumerate(self.steps):
            later = self.steps[at + 1].move if at + 1 < len(self.steps) else None
            if later is not None:
                untils.append(later.onset if later.session == step.move.session else step.move.onset)
            else:
                untils.append(row.end if row.last_session == step.move.session else step.move.onset)
        return untils

    def dwell_seconds(self) -> dict[Phase, float]:
        """Return how long each phase lasted, in seconds.

        Raises
        ------
        NoClock
            Where the study records turns or a bare order.
        """
        return {phase: self.episode.coding.in_seconds(lasted) for phase, lasted in self.dwell().items()}

    @property
    def repair(self) -> dict[RepairSource, tuple[str, ...]]:
        """The three sources of repair, side by side and never merged: every statement with who made it.

        A source that says nothing is an empty tuple.
        """
        stated: dict[RepairSource, tuple[str, ...]] = {RepairSource.REACHED_END: (self.reached.value,)}
        for source in (RepairSource.RATED_RESOLUTION, RepairSource.REPORTED_RESOLUTION):
            stated[source] = tuple(
                f"{label.value} ({label.rater or label.party or label.perspective or 'not said who'})"
                for label in self.episode.labels if label.attribute == source)
        return stated

    def __repr__(self) -> str:
        return (f"Trace(episode {self.episode.episode!r}, model {self.model.name!r}: {path_text(self.path)}; "
                f"end reached: {self.reached})")

    def __str__(self) -> str:
        lines = [repr(self)]
        for step, fresh in zip(self.steps, self.episode.new_session, strict=True):
            lines += [f"  -- session {step.move.session} --"] if fresh else []
            lines.append(f"  {self._line(step)}")
        return "\n".join(lines)

    def _line(self, step: Step) -> str:
        when, what = self.episode.coding.when(step.move.onset), self.episode.name_of(step.move)
        marks = [f"off model: {step.reason}"] if step.reason else []
        marks += [f"skipped: {listed(step.skipped)}"] if step.skipped else []
        marks += [f"passed unseen: {listed(step.passed)}"] if step.passed else []
        marks += ["another order at this instant would end elsewhere"] if step.order_dependent else []
        tail = f"   ({'; '.join(marks)})" if marks else ""
        return f"{when:>8}  {step.before}  --{step.move.party or 'somebody'}: {what}-->  {step.after}{tail}"

    def explain(self) -> str:
        """Tell in plain words what was traced, why, and where on the tape to look."""
        return "\n".join(explanation(self))

    def _repr_html_(self) -> str:
        return trace_html(self)


def step_of(alphabet: Alphabet, move: Move, *, before: int, symbol: int, reason: Reason | None,
            order_dependent: bool) -> Step:
    """Return what a move with a symbol does in a state, by name."""
    states = alphabet.model.states
    hop = alphabet.hops.get((before, symbol))
    late = hop or alphabet.ahead.get((before, symbol))
    return Step(
        move=move, before=states[before].name, after=states[int(alphabet.next[before, symbol])].name,
        arrow=alphabet.model.transitions[hop.arrow] if hop else None, reason=reason,
        passed=hop.passed if hop else (), skipped=late.skipped if late else (), order_dependent=order_dependent,
    )
