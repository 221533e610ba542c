"""Draw every figure of the library, and write `docs/gallery.md`: a picture, its words, and the code that drew it.

`python tools/gallery.py FOLDER` draws; without a folder it writes the page. The code on the page is the code of this
file, so it has run. Everybody in the data is invented.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from matplotlib.axes import Axes

import rupturekit as rk
from rupturekit.cohort import Cohort
from rupturekit.conformance.alignment import AlignmentCosts, Alignments, align_cohort
from rupturekit.conformance.comparison import compare_models
from rupturekit.errors import CodingWarning
from rupturekit.example import example_cohort
from rupturekit.negotiation.measures import meeting_rate
from rupturekit.negotiation.table import Negotiations, negotiations
from rupturekit.plots.comparison import comparison
from rupturekit.plots.diagram import model_diagram
from rupturekit.plots.estimates import Row, intervals
from rupturekit.plots.negotiation import episode_lanes, meeting_rates, needs_balance
from rupturekit.plots.plane import paths
from rupturekit.plots.ribbon import alignment_ribbon, alignment_ribbons
from rupturekit.plots.sensitivity import segmentation
from rupturekit.plots.states import sequence_index, state_distribution
from rupturekit.plots.style import alt_text, save
from rupturekit.plots.timeline import episode_timeline
from rupturekit.segmentation import SegmentationRule, segment
from rupturekit.sensitivity import nearby_rules, segment_many
from rupturekit.simulation.cohorts import simulate
from rupturekit.simulation.design import Design, NeedRates
from rupturekit.traces import TraceTable, trace_cohort
from rupturekit.vocabulary import Need

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "gallery.md"

HEAD: Final = """# Gallery

Every figure that the library draws, from invented people, with the code that drew it. How to draw for a paper, in which
size and format, and what all figures have in common: [figures](how-to/figures.md).

The pictures are drawn when these pages are built (`python tools/gallery.py FOLDER` draws them anywhere). What stands
under each is its alt text, which goes into every file.

## What they are drawn from

```python
RULE = SegmentationRule(name="four minutes", opens=("withdrawal_marker",), gap=240_000_000)
```

"""

RULE: Final = SegmentationRule(name="four minutes", opens=("withdrawal_marker",), gap=240_000_000)


class Picture(NamedTuple):
    """A figure of the gallery: the name of its file, a heading, its words, the code that drew it."""

    name: str
    caption: str
    alt: str
    code: str


# --- what is drawn from: shown at the head of the page -----------------------------------------------------------


@functools.cache
def example() -> Cohort:
    return segment(example_cohort(), RULE, track="r1")


@functools.cache
def simulated() -> Cohort:
    acts = {"client": NeedRates(claim=0.15, grant=0.05, contest=0.03, give_up=0.04),
            "therapist": NeedRates(claim=0.08, grant=0.25, contest=0.05, give_up=0.04)}
    made = simulate(Design(dyads=12, sessions=4, needs=acts, order=0.7, onset=0.04), seed=3)
    return segment(made.cohort, RULE)


@functools.cache
def traces() -> TraceTable:
    return trace_cohort(simulated(), "withdrawal-2000")


@functools.cache
def aligned() -> Alignments:
    return align_cohort(simulated(), "withdrawal-2000", costs=AlignmentCosts(substituted=1))


@functools.cache
def negotiated() -> Negotiations:
    return negotiations(simulated())


SOURCES: Final = (example, simulated, traces, aligned, negotiated)

# --- the figures: the first line is the caption ------------------------------------------------------------------


def one_episode() -> Axes:
    """One episode over time"""
    return episode_timeline(trace_cohort(example(), "withdrawal-2000").named("V1-E1"))


def one_episode_that_was_cut_off() -> Axes:
    """One episode during which the coding stopped: what was not observed is hatched"""
    return episode_timeline(trace_cohort(example(), "withdrawal-2000").named("X07-4"), observed=example().observed)


def one_episode_with_needs() -> Axes:
    """One episode over time, with what both people needed and what was coded"""
    trace = traces().named("D000003-3")
    return episode_timeline(trace, needs=negotiated(), observed=simulated().observed)


def phases_over_time() -> Axes:
    """Share of episodes in each phase over normalised time"""
    return state_distribution(traces())


def states_over_time() -> Axes:
    """Share of episodes in each state over normalised time"""
    return state_distribution(traces(), by="state")


def every_path() -> Axes:
    """Every episode as a row, sorted by its path"""
    return sequence_index(traces())


def a_model() -> Axes:
    """A process model, with the evidence of its arrows"""
    return model_diagram(rk.load_model("relatedness-self-definition"))


def a_model_with_flow() -> Axes:
    """A process model with what the traces of a cohort did in it"""
    return model_diagram(traces())


def a_model_with_alignments() -> Axes:
    """The same by alignments, counted in episodes"""
    return model_diagram(aligned(), by="episodes")


def one_alignment() -> Axes:
    """One alignment, step by step"""
    return alignment_ribbon(align_cohort(example(), "withdrawal-2000").named("V1-E1"))


def many_alignments() -> Axes:
    """The alignments of a cohort, sorted by cost"""
    return alignment_ribbons(aligned(), most=24)


def models_compared() -> Axes:
    """Process models beside baselines"""
    return comparison(compare_models(example(), ["withdrawal-2000", "safran-muran-1996"], precision_of=5))


def how_much_the_rule_decides() -> Axes:
    """How much the segmentation rule decides"""
    cohort = example_cohort()
    rules = nearby_rules(cohort, RULE)
    return segmentation(segment_many(cohort, rules, track="r1", model=rk.load_model("withdrawal-2000")))


def one_negotiation() -> Axes:
    """The negotiation of needs in one episode"""
    return episode_lanes(negotiated(), "D000003-3")


def needs_over_an_episode() -> Axes:
    """How often each person acts on each need, as episodes go on"""
    return needs_balance(negotiated(), bins=5, least=5)


def how_far_claims_are_met() -> Axes:
    """How far claims are met, by person and need"""
    return meeting_rates(negotiated())


def estimates_of_your_own() -> Axes:
    """Estimates of your own, side by side"""
    rows = [Row(label=f"client, {need}", said=meeting_rate(negotiated(), party="client", need=need))
            for need in Need]
    return intervals(rows, label="share of claims met", limits=(0, 1))


def the_interpersonal_plane() -> Axes:
    """Behaviour on the interpersonal plane"""
    return paths({"client": ([0.0, 0.7, 0.7], [-1.0, -0.7, 0.7]), "therapist": ([0.7, 1.0], [0.7, 0.0])})


FIGURES: Final = (
    one_episode, one_episode_that_was_cut_off, one_episode_with_needs, phases_over_time, states_over_time, every_path,
    a_model, a_model_with_flow, a_model_with_alignments, one_alignment, many_alignments, models_compared,
    how_much_the_rule_decides, one_negotiation, needs_over_an_episode, how_far_claims_are_met, estimates_of_your_own,
    the_interpersonal_plane)

# --- drawing and writing -----------------------------------------------------------------------------------------


def draw_all(folder: Path) -> list[Picture]:
    """Draw every figure into a folder as SVG, the same bytes every time, and return what is to be said of each."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodingWarning)
        for draw in FIGURES:
            ax, name = draw(), draw.__name__.replace("_", "-")
            save(ax, folder / f"{name}.svg")
            pictures.append(Picture(name, _caption(draw), alt_text(ax), _body(draw)))
    return pictures


def _caption(draw: Callable[[], Axes]) -> str:
    return inspect.getdoc(draw) or ""


def _body(draw: Callable[[], Axes]) -> str:
    """Return what a figure's function does, as somebody would write it: without its head, caption and `return`."""
    lines = inspect.getsource(draw).splitlines()[2:]
    return re.sub(r"(?m)^return ", "ax = ", textwrap.dedent("\n".join(lines)))


def page(pictures: list[Picture]) -> str:
    """Return the whole page: what is drawn from, then each picture with its words and code."""
    made = "\n\n".join(inspect.getsource(source).partition("\n")[2].rstrip() for source in SOURCES)
    return HEAD + f"```python\n{made}\n```\n" + "".join(map(_section, pictures))


def _section(picture: Picture) -> str:
    said = re.sub(r"\s+", " ", picture.alt)
    alt = "\n".join(textwrap.wrap(said, 118, break_long_words=False, break_on_hyphens=False))
    return (f"\n## {picture.caption}\n\n```{{image}} gallery/{picture.name}.svg\n:alt: {picture.caption}\n```\n\n"
            f"```python\n{picture.code}\n```\n\n{alt}\n")


def main(arguments: list[str]) -> None:
    """Draw into the folder that is named; without one, write the page."""
    if arguments:
        pictures = draw_all(Path(arguments[0]))
        print(f"figures in {arguments[0]}: {len(pictures)}")
        return
    PAGE.write_text(page(draw_all(PAGE.parent / "gallery")), encoding="utf-8")
    print(f"{PAGE.name} written, and its pictures beside it")


if __name__ == "__main__":
    main(sys.argv[1:])
