"""Model rupture-repair episodes in psychotherapy: from coded moves to traced episodes.

>>> import rupturekit as rk
>>> rk.load_model("withdrawal-2000").initial
'withdrawal'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rupturekit.alphabet import coverage
    from rupturekit.analysis import analyse
    from rupturekit.codebooks import Codebook, codebook_names, load_codebook, read_codebook
    from rupturekit.cohort import Cohort
    from rupturekit.description import describe
    from rupturekit.episode import Coding, ContextEvent, Episode, Label, Move, Session, seconds
    from rupturekit.errors import CodingWarning, RuptureKitError
    from rupturekit.plan import Plan
    from rupturekit.records.foreign import read_table
    from rupturekit.records.study import Study, read_study, write_study
    from rupturekit.segmentation import SegmentationRule, segment
    from rupturekit.sensitivity import segment_many
    from rupturekit.state_machine import StateMachine, load_model, model_names, read_model
    from rupturekit.ties import TieRule
    from rupturekit.traces import Trace, trace, trace_cohort
    from rupturekit.versions import show_versions
    from rupturekit.vocabulary import Need, NeedAct, NeedVerb, Outcome, Party, RuptureType

_EXPORTS: Final[dict[str, str]] = {
    "Codebook": "codebooks",
    "CodingWarning": "errors",
    "Coding": "episode",
    "Cohort": "cohort",
    "ContextEvent": "episode",
    "Episode": "episode",
    "Label": "episode",
    "Move": "episode",
    "Need": "vocabulary",
    "NeedAct": "vocabulary",
    "NeedVerb": "vocabulary",
    "Outcome": "vocabulary",
    "Party": "vocabulary",
    "Plan": "plan",
    "RuptureKitError": "errors",
    "RuptureType": "vocabulary",
    "SegmentationRule": "segmentation",
    "Session": "episode",
    "StateMachine": "state_machine",
    "Study": "records.study",
    "TieRule": "ties",
    "Trace": "traces",
    "analyse": "analysis",
    "codebook_names": "codebooks",
    "coverage": "alphabet",
    "describe": "description",
    "load_codebook": "codebooks",
    "load_model": "state_machine",
    "model_names": "state_machine",
    "read_codebook": "codebooks",
    "read_model": "state_machine",
    "read_study": "records.study",
    "read_table": "records.foreign",
    "seconds": "episode",
    "segment": "segmentation",
    "segment_many": "sensitivity",
    "show_versions": "versions",
    "trace": "traces",
    "trace_cohort": "traces",
    "write_study": "records.study",
}
"""Public name -> module. Names are imported when first asked for, so that importing the package stays quick."""

__all__ = [*_EXPORTS]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module 'rupturekit' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"rupturekit.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])
