"""The one road from a study and a plan to results: taken by every command, report and notebook."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from rupturekit import _html
from rupturekit._table import Table
from rupturekit.alphabet import Coverage, coverage
from rupturekit.cohort import Cohort, choose_track, oddities
from rupturekit.conformance.alignment import Alignments, align_cohort
from rupturekit.conformance.comparison import ModelComparison, compare_models
from rupturekit.conformance.costs import AlignmentCosts
from rupturekit.conformance.order import OrderGain, order_gain
from rupturekit.conformance.rules import RuleSet
from rupturekit.conformance.rules_chance import RuleLifts, rule_lifts
from rupturekit.conformance.rules_checked import RuleChecks, check_rules
from rupturekit.conformance.specificity import OrderSpecificity, order_specificity
from rupturekit.conformance.stages import StageOrder, stage_order
from rupturekit.description import Description, describe
from rupturekit.errors import RecordError
from rupturekit.negotiation.account import (
    NegotiationAccount,
    NegotiationSensitivity,
    account_of,
    negotiation_sensitivity,
)
from rupturekit.negotiation.acts import ActMapping
from rupturekit.negotiation.hypotheses import Hypothesis
from rupturekit.negotiation.order import OrderByType
from rupturekit.negotiation.story import Negotiation, story
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.negotiation.tested import hypotheses_of
from rupturekit.plan import Plan, parse_plan
from rupturekit.privacy import privacy_warnings
from rupturekit.records.checksums import file_checksums
from rupturekit.records.study import Study, as_study
from rupturekit.segmentation import BoundaryComparison, SegmentationRule, check_rule_fits, compare_boundaries, segment
from rupturekit.sensitivity import SegmentationTable, nearby_rules, segment_many
from rupturekit.state_machine import StateMachine, as_model
from rupturekit.traces import Trace, TraceTable, trace_cohort

__all__ = ["Analysis", "analyse"]


def _say_nothing(stage: str) -> None:
    """Keep silent about the stages of the work."""


@attrs.frozen(kw_only=True, repr=False)
class Analysis:
    """A study looked at as a plan says; each part is worked out when first asked for, and once.

    Attributes
    ----------
    study : Study
        What was recorded.
    plan : Plan
        How it is to be looked at.
    tell : callable taking a sentence
        Is told each stage of long work as it begins; it changes no result.
    """

    study: Study
    plan: Plan
    tell: Callable[[str], None] = attrs.field(default=_say_nothing, eq=False)

    @functools.cached_property
    def track(self) -> str:
        """The reading that is analysed."""
        return choose_track(self.study.cohort, self.plan.track)

    @functools.cached_property
    def rule(self) -> SegmentationRule:
        """The rule that draws the episodes, which is one for this kind of records.

        Raises
        ------
        RecordError
            Where its gap is in another kind of time, or it names a party that the study does not have.
        """
        check_rule_fits(self.study.cohort, self.plan.segmentation)
        return self.plan.segmentation

    @functools.cached_property
    def model(self) -> StateMachine:
        """The process model that episodes are held against.

        Raises
        ------
        RecordError
            Where the plan names none.
        """
        if self.plan.model is None:
            raise RecordError("no process model named; say --model NAME (see `rupturekit models`), set model under "
                              "[analysis] in rupturekit.toml, or use Plan(model=...)", field="model")
        return as_model(self.plan.model)

    @functools.cached_property
    def coverage(self) -> Coverage:
        """What the study's codes can show of the model."""
        coding = self.study.cohort.coding
        return coverage(coding.codebook, self.model, parties=coding.parties)

    @functools.cached_property
    def description(self) -> Description:
        """The table that opens a paper, for the plan's track; all tracks side by side where it names none."""
        return describe(self.study.cohort, track=self.plan.track)

    @functools.cached_property
    def cohort(self) -> Cohort:
        """The cohort with the episodes that the plan's rule draws in force."""
        self.tell(f"cutting {len(self.study.cohort.moves):,} moves into episodes")
        return segment(self.study.cohort, self.plan.segmentation, track=self.track)

    @functools.cached_property
    def traces(self) -> TraceTable:
        """Every episode traced through the model."""
        plan, cohort, model = self.plan, self.cohort, self.model
        self.tell(f"tracing {len(cohort.columns):,} episodes")
        return trace_cohort(cohort, model, track=self.track, tie_rule=plan.tie_rule, follow_skips=plan.follow_skips,
                            any_type=plan.any_type)

    def alignments(self, *, costs: AlignmentCosts | None = None) -> Alignments:
        """Return every episode aligned to the model; None charges 1 for each deviation, without substitution."""
        plan, cohort, model = self.plan, self.cohort, self.model
        self.tell(f"aligning {len(cohort.columns):,} episodes")
        return align_cohort(cohort, model, costs=costs, track=self.track, tie_rule=plan.tie_rule,
                            any_type=plan.any_type)

    def order(self, *, costs: AlignmentCosts | None = None, draws: int = 999, seed: int = 1) -> OrderGain:
        """Return how much closer episodes follow the model than with their moves in any order.

        Raises
        ------
        NotEstimable
            Where no order of the moves would cost anything, or nothing can be exchanged.
        NotEnoughData
            Where no p at or below .05 is attainable.
        """
        cohort, plan, model = self.cohort, self.plan, self.model
        self.tell(f"aligning {len(cohort.columns):,} episodes, and {draws:,} arrangements of each")
        return order_gain(cohort, model, rule=self.rule, costs=costs, draws=draws, seed=seed, track=self.track,
                          tie_rule=plan.tie_rule, any_type=plan.any_type)

    def order_specificity(self, *, costs: AlignmentCosts | None = None, draws: int = 199, seed: int = 1
                          ) -> OrderSpecificity:
        """Return the model's place among models with its steps in other orders, and beside its steps without order.

        Raises
        ------
        NotEstimable
            Where codes show fewer than two steps between start and end, or the model states no order among them.
        """
        cohort, plan, model = self.cohort, self.plan, self.model
        self.tell(f"aligning {len(cohort.columns):,} episodes to models in other orders")
        return order_specificity(cohort, model, rule=self.rule, costs=costs, draws=draws, seed=seed, track=self.track,
                                 tie_rule=plan.tie_rule, any_type=plan.any_type)

    def stage_order(self, *, draws: int = 999, seed: int = 1) -> StageOrder:
        """Return for every two stages of the model how often moves of the one come before those of the other.

        Raises
        ------
        NotEstimable
            Where no episode holds free moves of two stages.
        """
        cohort, plan, model = self.cohort, self.plan, self.model
        self.tell(f"comparing stages in {len(cohort.columns):,} episodes, and {draws:,} arrangements of each")
        return stage_order(cohort, model, rule=self.rule, draws=draws, seed=seed, track=self.track,
                           tie_rule=plan.tie_rule, any_type=plan.any_type)

    def compare(self, models: Sequence[StateMachine | str | Path], *, costs: AlignmentCosts | None = None,
                folds: int = 10, seed: int = 1) -> ModelComparison:
        """Return how well process models foresee moves of people they have not seen, beside each other and baselines.

        Raises
        ------
        RecordError
            Where the models are for several rupture types, or one is named twice.
        NotEstimable
            Where they share no function that a code shows.
        NotEnoughData
            Where there is nobody to hold out.
        """
        cohort, plan, held = self.cohort, self.plan, [as_model(model) for model in models]
        self.tell(f"comparing {len(held):,} process models on {len(cohort.columns):,} episodes, over {folds:,} folds")
        return compare_models(cohort, held, costs=costs, folds=folds, seed=seed, track=self.track,
                              tie_rule=plan.tie_rule, any_type=plan.any_type)

    def rules(self, which: RuleSet | str | Path) -> RuleChecks:
        """Return what became of each rule in every episode; `which` is a rule set, the name of one, or its file."""
        cohort, plan = self.cohort, self.plan
        self.tell(f"holding {len(cohort.columns):,} episodes against rules")
        return check_rules(cohort, which, track=self.track, tie_rule=plan.tie_rule)

    def rule_lifts(self, which: RuleSet | str | Path, *, draws: int = 999, seed: int = 1) -> RuleLifts:
        """Return how much more often each rule is fulfilled than with moves in any order, or why that is not known."""
        checks, rule = self.rules(which), self.rule
        self.tell(f"and {draws:,} arrangements of each")
        return rule_lifts(checks, rule, draws=draws, seed=seed)

    @functools.cached_property
    def sensitivity(self) -> SegmentationTable:
        """How the results move with the segmentation rule; without a model, how many episodes and why they close."""
        rules = nearby_rules(self.study.cohort, self.plan.segmentation)
        self.tell(f"cutting and tracing by {len(rules)} rules")
        plan, model = self.plan, None if self.plan.model is None else self.model
        return segment_many(self.study.cohort, rules, track=self.track, model=model, tie_rule=plan.tie_rule,
                            follow_skips=plan.follow_skips, any_type=plan.any_type)

    @functools.cached_property
    def negotiations(self) -> Negotiations:
        """The negotiation of needs in every episode, of every rupture type."""
        cohort = self.cohort
        self.tell(f"finding the negotiations of {len(cohort.columns):,} episodes")
        return negotiations(cohort, mapping=self.plan.acts, window=self.plan.answer_window, track=self.track,
                            tie_rule=self.plan.tie_rule)

    def negotiation_named(self, episode: str) -> Negotiation:
        """Return one episode's negotiation, which tells its story.

        Raises
        ------
        RecordError
            Where there is no such episode.
        """
        return story(self.negotiations, episode)

    def negotiation_account(self, *, draws: int = 999, seed: int = 1) -> NegotiationAccount:
        """Return every measure of the negotiations, or why there is none."""
        table = self.negotiations
        self.tell(f"estimating, with {draws:,} arrangements for each test")
        return account_of(table, self.rule, draws=draws, seed=seed)

    def negotiation_sensitivity(self, *, mappings: Iterable[ActMapping | str | Path | None] = ()
                                ) -> NegotiationSensitivity:
        """Return how the negotiation's headlines move with the mapping, the answer window and the segmentation rule.

        Parameters
        ----------
        mappings : iterable of ActMapping, path of one, or None
            Mappings from codes to acts to set beside that of the plan.
        """
        rules = nearby_rules(self.study.cohort, self.rule)
        self.tell(f"finding the negotiations by {len(rules)} rules")
        return negotiation_sensitivity(self.study.cohort, rules, mappings=[self.plan.acts, *mappings], track=self.track,
                                       windows=sorted({1, 2, 3, self.plan.answer_window}),
                                       tie_rule=self.plan.tie_rule)

    def needs_hypotheses(self, *, k: int | None = None, h: int | None = None, source: str | None = None,
                         draws: int = 999, seed: int = 1) -> dict[str, Hypothesis | OrderByType | str]:
        """Return document A's four hypotheses held against the study, or why one cannot be.

        Parameters
        ----------
        k, h : int or None
            Own turns that communion is averaged over, and turns before and after an end; without them the second
            hypothesis is not tested, for neither has a default.
        source : str or None
            Which source of the latent imbalance of relatedness; has to be said where there are several.
        """
        table = self.negotiations
        self.tell(f"testing hypotheses, with {draws:,} arrangements each")
        return hypotheses_of(table, self.rule, k=k, h=h, source=source, draws=draws, seed=seed)

    @functools.cached_property
    def boundaries(self) -> BoundaryComparison | None:
        """The coders' own episodes beside the rule's; None where the coders drew none."""
        if not len(self.study.cohort.coded):
            return None
        return compare_boundaries(self.study.cohort, self.plan.segmentation, track=self.track)

    @functools.cached_property
    def checksums(self) -> tuple[tuple[str, str], ...]:
        """The files of the study folder with their SHA-256; empty where the study was not read from one."""
        return file_checksums(self.study.folder) if self.study.folder else ()

    @functools.cached_property
    def oddities(self) -> tuple[str, ...]:
        """What in the records is legal and odd, with counts."""
        return tuple(oddities(self.study.cohort))

    @functools.cached_property
    def privacy(self) -> tuple[str, ...]:
        """What in the records looks like a name, an address or a date, by table; values are never repeated."""
        cohort = self.study.cohort
        tables: dict[str, Table[Any]] = {
            "moves": cohort.moves, "sessions": cohort.sessions, "dyads": cohort.dyads, "needs": cohort.needs,
            "context": cohort.context, "labels": cohort.labels, "ratings": cohort.ratings}
        return tuple(f"{name}: {text}" for name, table in tables.items() for text in privacy_warnings(table.levels))

    def trace_named(self, episode: str) -> Trace:
        """Return one episode's trace.

        Raises
        ------
        RecordError
            Where there is no such episode, or it was drawn and not traced: then with the reason.
        """
        drawn = self.cohort.columns.rows.words("episode")
        if episode in drawn and episode not in self.traces.episodes.rows.words("episode"):
            why = "; ".join(self.traces.left_out)
            raise RecordError(f"episode {episode!r} was drawn and not traced ({why}); --any-type (any_type in a plan) "
                              "traces episodes of every type", field="episode", value=episode)
        return self.traces.named(episode)

    def __repr__(self) -> str:
        return f"Analysis(study {self.study.name!r}, model {self._model_name!r}, rule {self.plan.segmentation.name!r})"

    @property
    def _model_name(self) -> str | None:
        return self.plan.model.name if isinstance(self.plan.model, StateMachine) else self.plan.model

    def _repr_html_(self) -> str:
        """Return what is looked at and how; nothing is worked out for it."""
        plan, moves = self.plan, _html.counted(len(self.study.cohort.moves), "move")
        return _html.page("Analysis", self.study.name, _html.facts([
            ("study", f"{self.study.name}: {moves}"), ("model", self._model_name or "none named"),
            ("track", plan.track or "as the study has it"), ("rule", plan.segmentation.name),
            ("ties", str(plan.tie_rule)), ("skips", "followed" if plan.follow_skips else "not followed"),
            ("episodes", "of every rupture type" if plan.any_type else "of the model's rupture type"),
        ]))


def analyse(study: Study | Cohort, plan: Plan | None = None, *, tell: Callable[[str], None] = _say_nothing) -> Analysis:
    """Look at a study as a plan says; without a plan, as the study's own settings say.

    Nothing long is done yet: each part of the result is worked out when it is first asked for.

    Parameters
    ----------
    study : Study or Cohort
        A study, or a cohort without a folder around it.
    plan : Plan or None
        None reads the [analysis] part of the study's `rupturekit.toml`.
    tell : callable taking a sentence
        Is told each stage of long work as it begins.

    Raises
    ------
    DefinitionError
        Where the study's settings hold mistakes, or the plan names a model that is not there or not sound.

    >>> import warnings
    >>> from rupturekit.example import example_cohort
    >>> done = analyse(example_cohort(), Plan(model="withdrawal-2000", track="r1"))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     print(done.traces.summary().n_dyads, done.boundaries is not None)
    8 True
    """
    held = as_study(study, name="cohort")
    chosen = parse_plan(held.settings, folder=held.folder) if plan is None else plan
    if chosen.model is not None:
        chosen = attrs.evolve(chosen, model=as_model(chosen.model))
    return Analysis(study=held, plan=chosen, tell=tell)
