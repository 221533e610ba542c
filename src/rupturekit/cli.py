"""The command line: it parses, calls the library, and prints.

Exit codes: 0 done; 1 the records or definitions hold mistakes; 2 the command was not understood; 3 a file
cannot be read or written; 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from rupturekit import codebooks, example, provenance, state_machine
from rupturekit.alphabet import coverage
from rupturekit.analysis import analyse
from rupturekit.codebooks import as_codebook
from rupturekit.conformance.costs import Accept, AlignmentCosts
from rupturekit.conformance.rules import as_rules, rule_set_names
from rupturekit.errors import CodingWarning, FileProblem, InvalidNumber, RecordError, RuptureKitError, listed
from rupturekit.inference.estimate import or_reason
from rupturekit.negotiation.imbalance import whole_from_one
from rupturekit.negotiation.tested import MANY_TESTS
from rupturekit.plan import Plan, parse_plan
from rupturekit.pseudonyms import KEPT_ON_REQUEST, crosswalk, make_key, pseudonymise, read_key, write_crosswalk
from rupturekit.records import atomic, grammar
from rupturekit.records.foreign import read_table
from rupturekit.records.sniff import propose_mapping
from rupturekit.records.study import Study, read_study, write_study
from rupturekit.report.files import FORMATS, write_report
from rupturekit.segmentation import WHOLE_SESSION
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design
from rupturekit.simulation.folder import TRUTH_FOLDER, study_of, write_truth
from rupturekit.simulation.raters import Rater, rate
from rupturekit.simulation.settings import read_design
from rupturekit.state_machine import as_model
from rupturekit.studies import VARIED, plan_for_order
from rupturekit.ties import TieRule
from rupturekit.traces import TraceTable
from rupturekit.versions import show_versions
from rupturekit.vocabulary import Party, TimeKind

__all__ = ["main"]

_WELCOME = """rupturekit traces rupture episodes in coded psychotherapy sessions, from rupture towards repair.

Nothing was asked for. To begin:

  rupturekit example demo                          write an invented study, every table filled
  rupturekit trace demo                            trace every episode of it
  rupturekit report demo                           write all of it into one page, report.html
  rupturekit init my_sheet.csv                     look at a sheet of yours and propose how to read it
  rupturekit --help                                all commands
"""

_HELP = """Trace rupture episodes in coded psychotherapy sessions, from rupture towards repair.

A STUDY is a study folder, or a sheet together with --mapping FILE (see `rupturekit init`).
Traces and detections are descriptions of codes, not verdicts about people.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    >>> main(["models", "--names"])  # doctest: +ELLIPSIS
    3rs-native
    ...
    0
    """
    parser = _parser()
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given:
        print(_WELCOME)
        return 0
    try:
        asked = parser.parse_args(given)
    except SystemExit as stop:
        return int(stop.code or 0)
    return _run(asked)


def _run(asked: argparse.Namespace) -> int:
    try:
        with _warnings_told():
            code: int = asked.run(asked)
        return code
    except FileProblem as problem:
        return _say_error(problem, 3)
    except RuptureKitError as error:
        return _say_error(error, 1)
    except BrokenPipeError:
        # Whoever read the output has left (`| head`); nothing more can be said to them, now or at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _say_error(error: Exception, code: int) -> int:
    print(f"rupturekit: {error}", file=sys.stderr)
    return code


@contextlib.contextmanager
def _warnings_told() -> Iterator[None]:
    """Collect coding warnings and tell each once, on standard error, after the command."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CodingWarning)
        try:
            yield
        finally:
            for text in dict.fromkeys(str(one.message) for one in caught):
                print(f"note: {text}", file=sys.stderr)


# --- the commands ----------------------------------------------------------------------------------------------


def _check(asked: argparse.Namespace) -> int:
    study = _read(asked)
    done = analyse(study)
    print(f"{study.origin or asked.study}: {study.cohort!r}")
    if study.losses is not None:
        print(study.losses)
    for name, table in (("observed stretches", study.cohort.observed), ("sessions", study.cohort.sessions)):
        print(f"{name}: {len(table):,}" + ("" if len(table) else " (none given: whole sessions are taken as coded)"))
    for text in done.oddities if study.losses is None else ():
        print(f"odd: {text}")
    for text in done.privacy if study.losses is None else ():
        print(f"privacy: {text}")
    if done.plan.model is not None:
        print(done.coverage)
    if done.rule != WHOLE_SESSION:
        print(f"episodes: {done.rule.describe(study.cohort.coding.time)}")
    if done.plan.track is not None:
        print(f"track: {done.track}")
    print("no mistakes found")
    return 0


def _describe(asked: argparse.Namespace) -> int:
    study = _read(asked)
    plan = attrs.evolve(parse_plan(study.settings, folder=study.folder), track=asked.track)
    print(analyse(study, plan).description)
    return 0


def _trace(asked: argparse.Namespace) -> int:
    study = _read(asked)
    done = analyse(study, _planned(study, asked), tell=_tell_stage)
    table = done.traces
    if asked.explain:
        print("\n\n".join(done.trace_named(name).explain() for name in asked.explain))
        return 0
    print(done.coverage)
    print(f"\nepisodes: {done.plan.segmentation.describe(study.cohort.coding.time)}\ntrack: {done.track}\n")
    _print_traces(table, most=None if asked.all else 20)
    print(f"\n{table.summary()}")
    if asked.rules:
        print(f"\n{done.sensitivity}")
        if done.boundaries is not None:
            print(f"\n{done.boundaries}")
    return 0


def _print_traces(table: TraceTable, *, most: int | None) -> None:
    shown = len(table) if most is None else min(most, len(table))
    for at in _progress(range(shown), "tracing"):
        print(table[at])
    if shown < len(table):
        print(f"... and {len(table) - shown:,} more episodes; --all prints every one")


def _align(asked: argparse.Namespace) -> int:
    study = _read(asked)
    costs = _costs(asked)
    done = analyse(study, _planned(study, asked), tell=_tell_stage)
    table = done.alignments(costs=costs)
    if asked.episode:
        print("\n\n".join(table.named(name).explain() for name in asked.episode))
        return 0
    print(f"{done.coverage}\n\nepisodes: {done.plan.segmentation.describe(study.cohort.coding.time)}\n"
          f"track: {done.track}\n{costs.identity}\n\n{table}\n")
    for kind, by_state in table.deviations().items():
        print(f"{kind}: " + (", ".join(f"{state} {n:,}" for state, n in by_state.items()) or "none"))
    return 0


def _costs(asked: argparse.Namespace) -> AlignmentCosts:
    return AlignmentCosts(skipped=asked.skipped, off_model=asked.off_model, substituted=asked.substituted,
                          accept=asked.accept)


def _order(asked: argparse.Namespace) -> int:
    study, costs = _read(asked), _costs(asked)
    done = analyse(study, _planned(study, asked), tell=_tell_stage)
    found = done.order(costs=costs, draws=asked.draws, seed=asked.seed)
    print(f"episodes: {done.plan.segmentation.describe(study.cohort.coding.time)}\ntrack: {done.track}\n"
          f"{costs.identity}\n\n{found}")
    if asked.pairs:
        print(f"\n{or_reason(lambda: done.stage_order(draws=asked.draws, seed=asked.seed))}")
    if asked.specificity:
        print(f"\n{or_reason(lambda: done.order_specificity(costs=costs, draws=asked.draws, seed=asked.seed))}")
    return 0


def _compare(asked: argparse.Namespace) -> int:
    study, costs, models = _read(asked), _costs(asked), [name.strip() for name in asked.models.split(",")]
    done = analyse(study, _planned(study, asked), tell=_tell_stage)
    found = done.compare([as_model(name) for name in models], costs=costs, folds=asked.folds, seed=asked.seed)
    print(f"episodes: {done.plan.segmentation.describe(study.cohort.coding.time)}\ntrack: {done.track}\n"
          f"{costs.identity}\n\n{found}")
    return 0


def _rules(asked: argparse.Namespace) -> int:
    study, held = _read(asked), as_rules(asked.rules)
    done = analyse(study, _planned(study, asked), tell=_tell_stage)
    if asked.episode:
        checks = done.rules(held)
        print("\n\n".join(checks.explain(name) for name in asked.episode))
        return 0
    found = done.rules(held) if asked.no_chance else done.rule_lifts(held, draws=asked.draws, seed=asked.seed)
    print(f"episodes: {done.plan.segmentation.describe(study.cohort.coding.time)}\ntrack: {done.track}\n"
          f"by {held.name}: {held.title}; {held.evidence_counted()}\n\n{found}")
    return 0


def _negotiation(asked: argparse.Namespace) -> int:
    study = _read(asked)
    _check_negotiation(asked)
    done = analyse(study, _planned(study, asked), tell=_tell_stage)
    if asked.episode:
        print("\n\n".join(str(done.negotiation_named(name)) for name in asked.episode))
        return 0
    said = done.negotiation_account(draws=asked.draws, seed=asked.seed)
    print(f"episodes: {done.plan.segmentation.describe(study.cohort.coding.time)}\ntrack: {done.track}\n"
          f"acts by: {done.negotiations.turns.mapping.describe()}\n\n{said}")
    if asked.ways:
        print(f"\n{done.negotiation_sensitivity(mappings=asked.other_acts or ())}")
    if asked.hypotheses:
        found = done.needs_hypotheses(k=asked.k, h=asked.h, source=asked.source, draws=asked.draws,
                                      seed=asked.seed)
        print("\n" + "\n\n".join([*(f"{name}\n{text}" for name, text in found.items()), MANY_TESTS]))
    return 0


def _report(asked: argparse.Namespace) -> int:
    study = _read(asked)
    done = analyse(study, _planned(study, asked), tell=_tell_stage)
    file = Path(asked.output or f"report.{asked.format}")
    made = write_report(done, file, format=asked.format, overwrite=asked.overwrite, hide_ids=asked.hide_ids,
                        free_text=asked.free_text, draws=asked.draws, seed=asked.seed, progress=_tell_episodes,
                        compare=[name.strip() for name in asked.compare.split(",")] if asked.compare else ())
    size = file.stat().st_size / 1_000_000
    then = {"html": "open it in any browser, it needs no network", "md": "Markdown, with figures in words"}
    print(f"written: {file} ({len(made.sections)} sections, {size:.1f} MB): {then[asked.format]}. Ids are "
          f"{'hidden' if asked.hide_ids else 'shown (--hide-ids numbers them)'}, free text is "
          f"{'shown' if asked.free_text else 'left out'}. It is about somebody's health: read it before you hand it on")
    return 0


def _tell_episodes(done: int, of: int) -> None:
    """Show on a terminal, and only there, how many episodes are written."""
    if sys.stderr.isatty() and (done % 50 == 0 or done == of):
        bar = "#" * (30 * done // of)
        print(f"\repisodes [{bar:<30}] {done:,} of {of:,}", end="\n" if done == of else "", file=sys.stderr)


def _check_negotiation(asked: argparse.Namespace) -> None:
    """Refuse options that would change nothing, and numbers of turns that cannot be, before anything is worked out."""
    alone = [f"--{name}" for name in ("k", "h", "source") if getattr(asked, name) is not None]
    if alone and not asked.hypotheses:
        raise RecordError(f"only the hypotheses ask for {listed(alone)}; add --hypotheses", field=alone[0].lstrip("-"))
    if asked.other_acts and not asked.ways:
        raise RecordError("--other-acts is compared by --ways; add it", field="other-acts")
    if asked.episode and (asked.ways or asked.hypotheses):
        raise RecordError("--episode tells single episodes, while --ways and --hypotheses look at all; ask for one or "
                          "the other", field="episode")
    for name in ("k", "h"):
        if getattr(asked, name) is not None:
            whole_from_one(name, getattr(asked, name))


def _planned(study: Study, asked: argparse.Namespace) -> Plan:
    """Return the study's own plan with what the command line says put over it."""
    said = parse_plan(study.settings, folder=study.folder)
    rule = said.segmentation
    if asked.gap is not None:
        clock = study.cohort.coding.time in (TimeKind.CLOCK, TimeKind.SEGMENT)
        if not clock and asked.gap != int(asked.gap):
            raise RecordError(f"--gap {asked.gap:g}: this study counts turns, expected a whole number", field="gap")
        gap = round(asked.gap * 1_000_000) if clock else int(asked.gap)
        rule = attrs.evolve(rule, gap=gap, gap_in="", name=f"gap {asked.gap:g} {'s' if clock else 'turns'}")
    rule = attrs.evolve(rule, opens=tuple(asked.opens or rule.opens),
                        opened_by=tuple(asked.opened_by or rule.opened_by),
                        closes_on=tuple(asked.closes_on or rule.closes_on),
                        across_sessions=rule.across_sessions or asked.across_sessions,
                        use_coded=rule.use_coded and not asked.rule_alone)
    over = {name: value for name in ("model", "acts", "window") if (value := getattr(asked, name, None)) is not None}
    over |= {"answer_window": over.pop("window")} if "window" in over else {}
    return attrs.evolve(said, track=asked.track or said.track, segmentation=rule, **over,
                        follow_skips=said.follow_skips and not getattr(asked, "no_skips", False),
                        any_type=said.any_type or getattr(asked, "any_type", False),
                        tie_rule=TieRule(asked.tie_rule) if asked.tie_rule else said.tie_rule)


def _models(asked: argparse.Namespace) -> int:
    for name in state_machine.model_names():
        model = state_machine.load_model(name)
        print(name if asked.names else f"{name:<28} {model.title}\n{'':<28} {model.evidence_text()}")
    return 0


def _model(asked: argparse.Namespace) -> int:
    print(as_model(asked.name))
    return 0


def _codebooks(asked: argparse.Namespace) -> int:
    for name in codebooks.codebook_names():
        book = codebooks.load_codebook(name)
        print(name if asked.names else f"{name:<12} {book.title}\n{'':<12} {len(book.codes)} codes; {book.reliability}")
    return 0


def _codebook(asked: argparse.Namespace) -> int:
    print(as_codebook(asked.name))
    return 0


def _coverage(asked: argparse.Namespace) -> int:
    book, model = as_codebook(asked.codebook), as_model(asked.model)
    first, second = asked.parties or (Party.CLIENT, Party.THERAPIST)
    print(coverage(book, model, parties=(first, second)))
    return 0


def _versions(asked: argparse.Namespace) -> int:
    show_versions()
    return 0


def _init(asked: argparse.Namespace) -> int:
    proposal = propose_mapping(asked.file)
    if asked.output is None:
        print(f"{proposal}\n\nTo keep the proposal: rupturekit init {shlex.quote(asked.file)} -o mapping.toml")
        return 0
    target = Path(asked.output)
    _write_new(target, proposal.text)
    if proposal.codebook_text:
        _write_new(target.parent / proposal.codebook_file, proposal.codebook_text)
    print(proposal)
    if proposal.codebook_text:
        print(f"\nwritten: {target.parent / proposal.codebook_file}, a codebook to fill in")
    print(f"\nwritten: {target}. Read it, settle what is marked `choose`, then: rupturekit check "
          f"{shlex.quote(asked.file)} --mapping {shlex.quote(asked.output)}")
    return 0


def _write_new(target: Path, text: str) -> None:
    if target.exists():
        raise FileProblem(f"{target}: this file is there already; name a new one", file=str(target))
    try:
        atomic.write_bytes(target, text.encode("utf-8"))
    except OSError as error:
        raise FileProblem(f"{target}: cannot be written ({error.strerror or error})", file=str(target)) from None


def _example(asked: argparse.Namespace) -> int:
    study = Study(name="example", description=example.EXAMPLE_DESCRIPTION, cohort=example.example_cohort(),
                  settings=example.EXAMPLE_SETTINGS)
    write_study(study, asked.directory, overwrite=asked.overwrite)
    print(f"written: {asked.directory} ({study.cohort!r}). It is invented; no person is behind it.\n"
          f"Next: rupturekit trace {shlex.quote(asked.directory)}")
    return 0


def _simulate(asked: argparse.Namespace) -> int:
    stated = {field.name: value for field in attrs.fields(Design)
              if (value := getattr(asked, field.name, None)) is not None}
    design = Design(**stated) if asked.design is None else attrs.evolve(read_design(asked.design), **stated)
    _tell_stage(f"simulating {design.dyads * design.sessions:,} sessions")
    made = simulate(design, seed=asked.seed)
    error = {} if asked.error is None else {"error": asked.error}
    raters = [Rater(name=f"r{at}", **error) for at in range(1, asked.raters + 1)]
    study = study_of(rate(made, raters, seed=asked.seed), design, name="simulated")
    write_study(study, asked.directory, overwrite=asked.overwrite)
    truth = Path(asked.directory) / TRUTH_FOLDER
    write_truth(made.truth, truth)
    print(f"written: {asked.directory} ({study.cohort!r}), and its truth to {truth} ({made.truth!r}). It is simulated; "
          f"no person is behind it.\nNext: rupturekit trace {shlex.quote(asked.directory)} --track "
          f"{study.cohort.tracks[-1].name}")
    return 0


def _plan(asked: argparse.Namespace) -> int:
    design = Design() if asked.design is None else read_design(asked.design)
    grid = {name: values for name in VARIED if (values := getattr(asked, name)) is not None}
    found = plan_for_order(grid or {"dyads": [design.dyads]}, design=design, runs=asked.runs, seed=asked.seed,
                           alpha=asked.alpha, keep=asked.keep, tell=_tell_progress)
    print(f"{found}\nOf simulated studies of this design; a real one may differ in what no design says.")
    return 0


def _tell_progress(done: int, of: int) -> None:
    """Show on a terminal, and only there, how many studies have been simulated."""
    if sys.stderr.isatty() and (done % 20 == 0 or done == of):
        print(f"\rsimulated: {done:,} of {of:,} studies", end="\n" if done == of else "", file=sys.stderr)


def _convert(asked: argparse.Namespace) -> int:
    study = _read(asked)
    write_study(study, asked.directory, overwrite=asked.overwrite)
    if study.losses is not None:
        print(study.losses)
    print(f"written: {asked.directory} ({study.cohort!r})")
    return 0


def _pseudonymise(asked: argparse.Namespace) -> int:
    if Path(asked.study).resolve() == Path(asked.directory).resolve():
        raise FileProblem(f"{asked.directory}: the study with the names would be lost; name another folder for the one "
                          "without", file=asked.directory)
    study, file = _read(asked), Path(asked.key_file)
    fresh = not file.exists()
    key = (make_key if fresh else read_key)(file, outside=(asked.study, asked.directory))
    shared = pseudonymise(study, key=key, keep=asked.keep or (), name=asked.name)
    if asked.crosswalk is not None:
        write_crosswalk(crosswalk(study, key=key), asked.crosswalk, outside=(asked.study, asked.directory))
        print(f"written: {asked.crosswalk}, the names behind the pseudonyms; as secret as the key")
    write_study(shared, asked.directory, overwrite=asked.overwrite)
    print(f"{'a new key was made' if fresh else 'the key was read'}: {file}. Keep it apart from the study: whoever has "
          "it can test names against the pseudonyms")
    print(f"written: {asked.directory} ({shared.cohort!r}). The settings were written anew, without [analysis]; read "
          "what is left before you hand it on")
    return 0


def _read(asked: argparse.Namespace) -> Study:
    """Read the study that a command names: a folder, or a sheet with its mapping."""
    path = Path(asked.study)
    _tell_stage(f"reading {path.name}")
    if asked.mapping is not None:
        return read_table(path, asked.mapping)
    if path.is_file():
        raise FileProblem(f"{path}: a sheet is read through a mapping; say --mapping FILE, or run "
                          f"`rupturekit init {shlex.quote(asked.study)}` to have one proposed", file=str(path))
    return read_study(path)


def _tell_stage(what: str) -> None:
    """Say on a terminal, and only there, which stage of the work has begun."""
    if sys.stderr.isatty():
        print(f"{what} ...", file=sys.stderr)


def _progress(steps: Sequence[Any], what: str) -> Iterator[Any]:
    """Yield the steps; on a terminal, and only where it is long work, show how far it is."""
    show = len(steps) > 200 and sys.stderr.isatty()
    for at, step in enumerate(steps, start=1):
        yield step
        if show and (at % 50 == 0 or at == len(steps)):
            print(f"\r{what}: {at:,} of {len(steps):,}", end="\n" if at == len(steps) else "", file=sys.stderr)


def _span_of_time(text: str) -> float:
    """Read a number above 0 from the command line."""
    try:
        value = grammar.parse_float(text)
    except InvalidNumber:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is no span of time; expected a number above 0")
    return value


def _whole_number(text: str) -> int:
    """Read a whole number from the command line, in the one grammar."""
    try:
        return grammar.parse_int(text)
    except InvalidNumber as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _number(text: str) -> float:
    """Read a number from the command line, in the one grammar."""
    try:
        return grammar.parse_float(text)
    except InvalidNumber as error:
        raise argparse.ArgumentTypeError(str(error)) from None


# --- the words of the command line -----------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rupturekit", description=_HELP,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"rupturekit {provenance.LIBRARY_VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_study_commands(commands)
    _add_definition_commands(commands)
    _add_start_commands(commands)
    return parser


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], int], says: str, *, more: str = ""
             ) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=says, description=f"{says[0].upper()}{says[1:]}.\n{more}",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.set_defaults(run=run)
    return parser


def _with_study(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("study", metavar="STUDY", help="a study folder, or a sheet with --mapping")
    parser.add_argument("--mapping", metavar="FILE", help="how to read a sheet (TOML; `rupturekit init` proposes one)")
    return parser


def _cutting(parser: argparse.ArgumentParser) -> None:
    """Add what decides which reading is looked at, and how it is cut into episodes."""
    parser.add_argument("--track", metavar="NAME", help="whose reading; needed where there are several")
    parser.add_argument("--gap", type=_span_of_time, metavar="X", help="seconds (turns without a clock) without a "
                        "marker that end an episode")
    parser.add_argument("--opens", action="append", metavar="FUNCTION", help="a function that opens an episode; may be "
                        "given several times")
    parser.add_argument("--closes-on", action="append", metavar="FUNCTION", help="a resolution that closes an episode "
                        "(then rates of repair are partly by construction)")
    parser.add_argument("--opened-by", action="append", metavar="PARTY", help="whose moves open an episode; either "
                        "party's where it is not said")
    parser.add_argument("--across-sessions", action="store_true", help="let an open episode go on in the next session")
    parser.add_argument("--rule-alone", action="store_true", help="leave the coders' own episodes aside")
    parser.add_argument("--tie-rule", choices=[rule.value for rule in TieRule], help="order of moves at one instant")


def _add_study_commands(commands: Any) -> None:
    _with_study(_command(commands, "check", _check, "read a study and say what is there, odd, or wrong"))
    described = _with_study(_command(commands, "describe", _describe, "print the table that opens a paper: who, how "
                                     "much, which codes, how often"))
    described.add_argument("--track", help="whose reading; all, side by side, where it is not said")
    traced = _with_study(_command(
        commands, "trace", _trace, "trace every rupture episode from rupture towards repair",
        more="\nPrints what the codes can show of the model, each episode's path, and a summary.\n"
             "Example: rupturekit trace demo --model withdrawal-2000 --track r1 --explain V1-E1\n"))
    traced.add_argument("--model", metavar="NAME", help="a process model by name, or a TOML file (see `models`)")
    _cutting(traced)
    traced.add_argument("--no-skips", action="store_true", help="never follow a move past steps that were not seen")
    traced.add_argument("--any-type", action="store_true", help="trace episodes of other rupture types too")
    traced.add_argument("--explain", action="append", metavar="EPISODE", help="tell one episode in plain words")
    traced.add_argument("--rules", action="store_true", help="show how the results move with the segmentation rule")
    traced.add_argument("--all", action="store_true", help="print every episode, not the first twenty")
    _add_align(commands)
    _add_order(commands)
    _add_compare(commands)
    _add_rules(commands)
    _add_negotiation(commands)
    _add_report(commands)
    converted = _with_study(_command(commands, "convert", _convert, "read a study or sheet and write it as a study "
                                     "folder"))
    converted.add_argument("directory", metavar="DIR")
    converted.add_argument("--overwrite", action="store_true", help="replace a study folder that is there")
    shared = _with_study(_command(
        commands, "pseudonymise", _pseudonymise, "write a study with pseudonyms for names and without free text",
        more="\nNames are those of dyads, therapists, raters, tracks, episodes and context events.\n"
             "Example: rupturekit pseudonymise demo shared --key-file ~/keys/demo.key\n"))
    shared.add_argument("directory", metavar="DIR")
    shared.add_argument("--key-file", required=True, metavar="FILE", help="the key; made where it is not there yet, "
                        "and never inside a study")
    shared.add_argument("--keep", action="append", metavar="WHAT", help=f"what is not to be left out: "
                        f"{', '.join(KEPT_ON_REQUEST)}, or an attribute of labels; may be given several times")
    shared.add_argument("--name", default="pseudonymised", help="what the study is called from now on")
    shared.add_argument("--crosswalk", metavar="FILE", help="also write the names behind the pseudonyms, never inside "
                        "a study")
    shared.add_argument("--overwrite", action="store_true", help="replace a study folder that is there")


def _add_align(commands: Any) -> None:
    held = _with_study(_command(
        commands, "align", _align, "find the cheapest way to explain each episode by a process model",
        more="\nPrints what the codes can show of the model, model fit, and what was skipped or off the model.\n"
             "Example: rupturekit align demo --model withdrawal-2000 --track r1 --episode V1-E1\n"))
    held.add_argument("--model", metavar="NAME", help="a process model by name, or a TOML file (see `models`)")
    _cutting(held)
    held.add_argument("--any-type", action="store_true", help="align episodes of other rupture types too")
    held.add_argument("--episode", action="append", metavar="EPISODE", help="tell one episode step by step")
    _pricing(held)


def _pricing(parser: argparse.ArgumentParser) -> None:
    """Add what each kind of deviation costs."""
    parser.add_argument("--skipped", type=int, default=1, metavar="N", help="what a skipped step costs; 1 if not said")
    parser.add_argument("--off-model", type=int, default=1, metavar="N", help="what a move off the model costs; 1 if "
                                                                              "not "
                      "said")
    parser.add_argument("--substituted", type=int, metavar="N", help="what a move costs that takes an arrow it does "
                                                                     "not "
                      "fit; not allowed if not said")
    parser.add_argument("--accept", choices=[accept.value for accept in Accept], default=Accept.COMPLETED.value,
                      help="where an episode may stop without cost")


def _add_order(commands: Any) -> None:
    held = _with_study(_command(
        commands, "order", _order, "say whether moves follow a process model more closely than in any order",
        more="\nPrints order gain, 1 - cost / mean cost with the moves in any order, with its test and interval.\n"
             "Example: rupturekit order demo --model withdrawal-2000 --track r1 --pairs --specificity\n"))
    held.add_argument("--model", metavar="NAME", help="a process model by name, or a TOML file (see `models`)")
    _cutting(held)
    held.add_argument("--any-type", action="store_true", help="take episodes of other rupture types too")
    held.add_argument("--pairs", action="store_true", help="say of every two stages how often the one comes first")
    held.add_argument("--specificity", action="store_true", help="rank the model among models with its steps in other "
                      "orders, and beside its steps without order")
    _pricing(held)
    _drawing(held)


def _add_compare(commands: Any) -> None:
    held = _with_study(_command(
        commands, "compare", _compare, "say which process model foresees best what people do next, beside baselines",
        more="\nPrints held-out log scores, their differences with intervals, model fit, precision and evidence.\n"
             "Example: rupturekit compare demo --models withdrawal-2000,safran-muran-1996 --track r1\n"))
    held.add_argument("--models", required=True, metavar="A,B,...", help="process models by name, or TOML files, with "
                      "commas between (see `models`)")
    _cutting(held)
    held.add_argument("--any-type", action="store_true", help="take episodes of other rupture types too")
    held.add_argument("--folds", type=_whole_number, default=10, metavar="N", help="parts of the people that are held "
                      "out in turn; 10 if not said")
    held.add_argument("--seed", type=_whole_number, default=1, metavar="S", help="names all random numbers")
    _pricing(held)


def _add_rules(commands: Any) -> None:
    held = _with_study(_command(
        commands, "rules", _rules, "hold each episode against rules: what has to follow, come before, or never happen",
        more="\nPrints what was asked, fulfilled, violated and undecided, and how often chance would fulfil it.\n"
             "Example: rupturekit rules demo --rules resolution --track r1 --episode V1-E1\n"))
    held.add_argument("--rules", required=True, metavar="FILE", help=f"a TOML file of rules, or by name: "
                      f"{', '.join(rule_set_names())}")
    _cutting(held)
    held.add_argument("--episode", action="append", metavar="EPISODE", help="tell one episode, rule by rule")
    held.add_argument("--no-chance", action="store_true", help="count only, without what chance would give")
    _drawing(held)


def _drawing(parser: argparse.ArgumentParser) -> None:
    """Add how many arrangements are drawn, and by which seed."""
    parser.add_argument("--draws", type=_whole_number, default=999, metavar="N", help="arrangements for each "
                      "test; 999 if not said")
    parser.add_argument("--seed", type=_whole_number, default=1, metavar="S", help="names all random numbers")


def _add_negotiation(commands: Any) -> None:
    held = _with_study(_command(
        commands, "negotiation", _negotiation, "find who claimed which need, how it was answered, and how it ended",
        more="\nPrints counts, answers, and measures over dyads with intervals, or why there is none.\n"
             "Example: rupturekit negotiation demo --track r1 --hypotheses --k 3 --h 3\n"))
    _cutting(held)
    held.add_argument("--acts", metavar="FILE", help="a mapping from codes to acts on needs (TOML), or "
                      "the word raters for acts stated of single moves; the codebook's own if not said")
    held.add_argument("--window", type=_whole_number, metavar="W", help="turns of the other within which a "
                      "claim's answer is looked for; 1 if not said")
    held.add_argument("--episode", action="append", metavar="EPISODE", help="tell one episode in plain words")
    held.add_argument("--ways", action="store_true", help="show how the results move with window and segmentation rule")
    held.add_argument("--other-acts", action="append", metavar="FILE", help="with --ways, another mapping to set "
                      "beside; may be given several times")
    held.add_argument("--hypotheses", action="store_true", help="hold document A's four hypotheses against the study")
    held.add_argument("--k", type=_whole_number, metavar="K", help="own turns that communion is averaged over")
    held.add_argument("--h", type=_whole_number, metavar="H", help="turns before and after an end that are compared")
    held.add_argument("--source", metavar="NAME", help="which source of the latent imbalance of relatedness")
    _drawing(held)


def _add_report(commands: Any) -> None:
    held = _with_study(_command(
        commands, "report", _report, "write everything into one page that opens anywhere",
        more="\nData quality, Table 1, paths and ends, models, order, negotiation, sensitivity, and every episode to "
             "open.\nExample: rupturekit report demo -o report.html --hide-ids\n"))
    held.add_argument("-o", "--output", metavar="FILE", help="report.html (or report.md) here, if not said")
    held.add_argument("--format", choices=list(FORMATS), default="html", help="html if not said")
    held.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    held.add_argument("--hide-ids", action="store_true", help="number dyads, therapists, raters, tracks, episodes and "
                      "events instead of naming them")
    held.add_argument("--free-text", action="store_true", help="show notes and free text of labels too")
    held.add_argument("--model", metavar="NAME", help="a process model by name, or a TOML file (see `models`)")
    held.add_argument("--compare", metavar="A,B,...", help="hold these process models against each other too, on moves "
                      "that they have not seen; it takes longer")
    _cutting(held)
    held.add_argument("--no-skips", action="store_true", help="never follow a move past steps that were not seen")
    held.add_argument("--any-type", action="store_true", help="trace episodes of other rupture types too")
    held.add_argument("--acts", metavar="FILE", help="a mapping from codes to acts on needs (TOML), or the word raters")
    held.add_argument("--window", type=_whole_number, metavar="W", help="turns of the other within which a claim's "
                      "answer is looked for; 1 if not said")
    _drawing(held)


def _add_definition_commands(commands: Any) -> None:
    listing = _command(commands, "models", _models, "list the process models of the package and of plug-ins")
    listing.add_argument("--names", action="store_true", help="names only")
    _command(commands, "model", _model, "print one process model, every arrow with its evidence").add_argument(
        "name", metavar="NAME")
    listing = _command(commands, "codebooks", _codebooks, "list the codebooks of the package and of plug-ins")
    listing.add_argument("--names", action="store_true", help="names only")
    _command(commands, "codebook", _codebook, "print one codebook, every code with what it does").add_argument(
        "name", metavar="NAME")
    seen = _command(commands, "coverage", _coverage, "say what of a process model a codebook can show")
    seen.add_argument("codebook", metavar="CODEBOOK", help="by name, or a TOML file")
    seen.add_argument("model", metavar="MODEL", help="by name, or a TOML file")
    seen.add_argument("--parties", nargs=2, metavar="NAME", help="the study's two parties, if not client and therapist")


def _add_start_commands(commands: Any) -> None:
    started = _command(commands, "init", _init, "look at a sheet and propose how to read it")
    started.add_argument("file", metavar="FILE")
    started.add_argument("-o", "--output", metavar="MAPPING", help="write the proposed mapping to this file")
    shown = _command(commands, "example", _example, "write an invented study to try things on")
    shown.add_argument("directory", metavar="DIR")
    shown.add_argument("--overwrite", action="store_true", help="replace a study folder that is there")
    _add_simulate(commands)
    _add_plan(commands)
    _command(commands, "versions", _versions, "print the versions a result depends on, for a paper or a bug report")


def _add_plan(commands: Any) -> None:
    planned = _command(commands, "plan", _plan, "say how often studies of several sizes would find order",
                       more="\nSeveral values of one setting are compared; what is not said has the design's default.\n"
                            "Example: rupturekit plan --dyads 10 20 40 --order 0.3 0.6 --runs 200 --keep plan.json\n")
    planned.add_argument("--design", metavar="FILE", help="a design (TOML); what is said here goes over it")
    for name in VARIED:
        kind = _whole_number if name in ("dyads", "dyads_per_therapist", "sessions") else _number
        planned.add_argument(f"--{name.replace('_', '-')}", nargs="+", type=kind, metavar="X", help="one or several")
    planned.add_argument("--runs", type=_whole_number, default=200, metavar="N", help="studies each; 200 if not said")
    planned.add_argument("--seed", type=_whole_number, default=1, metavar="S", help="names all random numbers")
    planned.add_argument("--alpha", type=_number, default=0.05, metavar="A", help="0.05 if not said")
    planned.add_argument("--keep", metavar="FILE", help="keep finished designs here, and go on from them")


def _add_simulate(commands: Any) -> None:
    made = _command(commands, "simulate", _simulate, "write a simulated study whose truth is known, and its truth",
                    more="\nWhat is not said has the default of rupturekit.simulation.design.Design, which tells what "
                         "each means.\nExample: rupturekit simulate sim --dyads 30 --order 0.8 --seed 1 --raters 2\n")
    made.add_argument("directory", metavar="DIR")
    made.add_argument("--design", metavar="FILE", help="all fields of a design (TOML); what is said here goes over it")
    made.add_argument("--seed", type=_whole_number, required=True, metavar="S", help="names all random numbers")
    for name, says in (("dyads", "pairs of people"), ("dyads-per-therapist", "without it no therapist is on record"),
                       ("sessions", "sessions due of each")):
        made.add_argument(f"--{name}", type=_whole_number, metavar="N", help=says)
    made.add_argument("--model", metavar="NAME", help="a process model by name, or a TOML file (see `models`)")
    made.add_argument("--codebook", metavar="NAME", help="by name, or a TOML file; stages and needs if not said")
    for name, says in (("order", "probability that a turn in a rupture follows the model; 0: no order whatever"),
                       ("onset", "probability per turn that a rupture begins"),
                       ("lapse", "probability per turn that it ends unrepaired"),
                       ("dwell", "mean number of chances to leave a state until it is left"),
                       ("dyad-sd", "spread of dyads on the log-odds of onset"),
                       ("therapist-sd", "spread of therapists on the same"), ("missed", "share of sessions missed"),
                       ("dropout", "probability after each session that none follows"),
                       ("cut", "share of sessions whose recording stops early")):
        made.add_argument(f"--{name}", type=_number, metavar="X", help=says)
    made.add_argument("--raters", type=_whole_number, default=0, metavar="R", help="coders with error; 0 if not said")
    made.add_argument("--error", type=_number, metavar="E", help="their probability of a wrong code; 0.1 if not said")
    made.add_argument("--overwrite", action="store_true", help="replace a study folder that is there")
