"""A trace told in plain words: what was traced, why, and where on the tape to look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rupturekit.alphabet import Reason
from rupturekit.ends import Reached
from rupturekit.episode import clock_text
from rupturekit.errors import listed
from rupturekit.state_machine import Transition
from rupturekit.vocabulary import EpisodeSource, RepairSource

if TYPE_CHECKING:
    from rupturekit.steps import Step, Trace

__all__ = ["NOBODY", "did_words", "explanation"]

NOBODY: Final = "somebody"
"""Who made a move where the coders did not say."""


def explanation(trace: Trace) -> Iterator[str]:
    """Yield the lines that tell what was traced, why, and where on the tape to look."""
    row, coding, model = trace.episode.row, trace.episode.coding, trace.model
    yield (f"Episode {row.episode} (dyad {row.dyad}, track {row.track}), from session {row.first_session} "
           f"{coding.when(row.onset)} to session {row.last_session} {coding.when(row.end)}, drawn by "
           f"{_drawn_by(trace)}.")
    yield f"Model {model.name}: {model.evidence_text()}. Codes: {trace.codebook}."
    yield f"It begins in '{model.initial}', where the model puts every episode."
    for step, fresh in zip(trace.steps, trace.episode.new_session, strict=True):
        if fresh:
            yield f"  In session {step.move.session}:"
        yield f"  {_told(trace, step)}"
    yield from _told_gaps(trace)
    yield _told_end(trace)


def _drawn_by(trace: Trace) -> str:
    """Return who drew the episode; one that was traced alone no longer knows its rule's name."""
    rule = trace.provenance.rules[0].rpartition(":")[0] or trace.provenance.rules[0]
    if trace.episode.row.source is EpisodeSource.CODERS:
        return "its coders"
    return "a rule" if rule == EpisodeSource.CODERS else f"the rule {rule!r}"


def _told(trace: Trace, step: Step) -> str:
    move = step.move
    who, what = move.party or NOBODY, trace.episode.name_of(move)
    tape = f"move {move.row_id}" + (f", row {move.source_row} of the file" if move.source_row is not None else "")
    tape += f", recording at {clock_text(move.media)}" if move.media is not None else ""
    tape += f", note {move.note!r}" if move.note is not None else ""
    return f"{trace.episode.coding.when(move.onset)} {who}: {what} [{tape}]: {did_words(step)}"


def did_words(step: Step) -> str:
    """Return what a move did to the state, and why: the end of its line in an explanation.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Episode, Move
    >>> from rupturekit.traces import trace
    >>> said = Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)
    >>> made = trace(Episode.of([said], coding=Coding(codebook=load_codebook("stages"))), "withdrawal-2000")
    >>> did_words(made.steps[0])
    "stays in 'withdrawal' (arrow assumption: client: withdrawal_marker)"
    """
    who = step.move.party or NOBODY
    did = _did(step, step.arrow) if step.arrow else f"off the model in '{step.before}', {_why(step, who)}"
    return did + ("; the order at this instant matters" if step.order_dependent else "")


def _did(step: Step, arrow: Transition) -> str:
    stays = "stays in" if step.before == step.after else "goes to"
    text = f"{stays} '{step.after}' (arrow {arrow.evidence}: {arrow.when})"
    text += f"; past {_quoted(step.passed)}, which these codes cannot show" if step.passed else ""
    return text + (f"; skipped {_quoted(step.skipped)}" if step.skipped else "")


def _why(step: Step, who: str) -> str:
    before = f" ({_quoted(step.skipped)} would come first)" if step.skipped else ""
    return {
        Reason.NO_ARROW: "no arrow from there has this function",
        Reason.WRONG_PARTY: f"the arrow with this function is not for {who}",
        Reason.GUARD: "the arrow's guard is not met",
        Reason.AFTER_END: "the process is over there",
        Reason.AMBIGUOUS: "it fits more than one arrow",
        Reason.NO_FUNCTION: "the codebook gives this code no function",
        Reason.AHEAD: f"the model expects it only later{before}",
        None: "",
    }[step.reason]


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _told_gaps(trace: Trace) -> Iterator[str]:
    if trace.skipped:
        yield f"Expected on the way and not seen there: {_quoted(trace.skipped)}."
    if trace.unobservable:
        yield f"Could not be seen with {trace.codebook} at all: {_quoted(trace.unobservable)}; these count as neither."
    if trace.open_ends:
        yield f"Moves at one instant leave the end open between {_quoted(trace.open_ends)}."


def _told_end(trace: Trace) -> str:
    row = trace.episode.row
    text = {
        Reached.YES: "An end of the model was reached, each step in its order.",
        Reached.WITH_SKIPS: "An end of the model was reached, with steps skipped.",
        Reached.NO: "No end of the model was reached.",
        Reached.CENSORED: "No end was reached before observation stopped; what came after is not known.",
        Reached.NOT_OBSERVABLE: "Whether an end was reached cannot be seen with these codes.",
    }[trace.reached]
    text += " It was left again." if trace.left_end else ""
    text += f" It ends in '{trace.end}' (closed by: {row.closed_by.replace('_', ' ')})."
    if row.closed_by_outcome:
        text += " The rule closed it because it saw a resolution, so reaching an end is partly by construction."
    others = [f"{source.replace('_', ' ')}: {listed(said)}" for source, said in trace.repair.items()
              if said and source is not RepairSource.REACHED_END]
    return text + (f" Other sources of repair: {'; '.join(others)}." if others else "")
