"""The plan of an analysis: the [analysis] part of `rupturekit.toml`, as a frozen value."""

from __future__ import annotations

from pathlib import Path

import attrs

from rupturekit import _definitions
from rupturekit._definitions import Node
from rupturekit.segmentation import WHOLE_SESSION, SegmentationRule, read_rule
from rupturekit.state_machine import StateMachine
from rupturekit.ties import TieRule, as_tie_rule

__all__ = ["Plan", "parse_plan"]


@attrs.frozen(kw_only=True)
class Plan:
    """What an analysis was decided to be, before it is run; a file of these can be preregistered.

    Attributes
    ----------
    model : StateMachine, str or None
        The process model: itself, its name, or the name of its file.
    track : str or None
        Whose reading of the sessions.
    tie_rule : TieRule
        In which order moves at one instant are replayed.
    follow_skips : bool
        Whether a move that the model expects only later is followed there.
    any_type : bool
        Whether episodes of another rupture type than the model's are traced too.
    segmentation : SegmentationRule
        What opens and closes an episode.
    acts : str or None
        The file of a mapping from codes to acts on needs, or "raters" for acts stated of single moves; None takes the
        acts that the codebook gives its codes. In a study's settings a file is named as seen from the study folder.
    answer_window : int
        Within how many turns of the other a claim's answer is looked for.
    """

    model: StateMachine | str | None = None
    track: str | None = None
    tie_rule: TieRule = attrs.field(default=TieRule.AS_FILED, converter=as_tie_rule)
    follow_skips: bool = True
    any_type: bool = False
    segmentation: SegmentationRule = WHOLE_SESSION
    acts: str | None = None
    answer_window: int = 1


def parse_plan(text: str, *, where: str = "rupturekit.toml", folder: Path | str = "") -> Plan:
    """Read the [analysis] part of a settings file; what it does not say keeps its default.

    Parameters
    ----------
    folder : Path or str
        Where the settings file lies: the file that `acts` names is looked for from there.

    Raises
    ------
    DefinitionError
        With every mistake in that part, by place and with the remedy.

    >>> parse_plan('[analysis]\\nmodel = "recognition"').model
    'recognition'
    """
    if not text:
        return Plan()
    node = _definitions.parse_definition(text, where=where, what="settings")
    node.ignore(["format", "name", "coding", "tracks"])
    said = node.table("analysis")
    plan = _read(said, Path(folder)) if said is not None else Plan()
    node.finish(what="settings file")
    return plan


def _read(node: Node, folder: Path) -> Plan:
    rule, acts = node.table("segmentation"), node.text("acts", default="")
    return Plan(
        model=node.text("model", default="") or None, track=node.text("track", default="") or None,
        tie_rule=node.choice("tie_rule", TieRule, default=None) or TieRule.AS_FILED,
        follow_skips=node.flag("follow_skips", default=True), any_type=node.flag("any_type"),
        segmentation=read_rule(rule) if rule is not None else WHOLE_SESSION,
        acts=(acts if acts == "raters" else str(folder / acts)) if acts else None, answer_window=_window(node),
    )


def _window(node: Node) -> int:
    said = node.integer("answer_window", default=1)
    if said is not None and said < 1:
        node.complain("answer_window", f"is {said}; expected a whole number of turns, 1 or more")
    return 1 if said is None else said
