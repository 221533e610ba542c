"""Write `docs/reference/study-folder.md` from the record classes; a test compares the page with what this makes."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs

from rupturekit import _schema
from rupturekit._schema import Column
from rupturekit.inference.clusters import FEW_CLUSTERS, FEWEST_CLUSTERS
from rupturekit.interpersonal.cosine import FEWEST_SCALES
from rupturekit.records.study import TABLES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "study-folder.md"

HEAD = """# The study folder

A study is a folder, and a valid Psych-DS data set:

    my-study/
      dataset_description.json                   what it is called; the data dictionary, made from the classes
      rupturekit.toml                            how it was coded, and how it is to be analysed
      mine.codebook.toml                         a codebook of your own, where you have one
      data/study-demo_table-moves_data.csv       the one table it needs
      data/study-demo_table-..._data.csv         any of the others

All tables are UTF-8 with one header row. An empty cell is *absent*: nothing was recorded. The word `unknown` is a
value: somebody looked and could not say. Numbers are ASCII digits with an optional sign and decimal point. Times are
decimal seconds from the start of the session, at most microseconds; in studies without a clock they are whole numbers.
Days are offsets from the first session, never dates. Text that a spreadsheet could take for a formula carries a leading
apostrophe, which is taken off on reading. A folder that was written here is rewritten byte for byte.

## rupturekit.toml

```toml
format = 1
name = "demo"

[coding]
codebook = "stages"                 # a packaged codebook, or a file in this folder
parties = ["client", "therapist"]   # or two others, where the data are a couple
time = "clock"                      # clock | segment | turn | order
# segment_seconds = 60              # with time = "segment"; there is no default

[[tracks]]                          # optional: what kind of reading a track is
name = "both"
kind = "consensus"                  # rater | consensus | automatic
rule = "mean > 1"

[analysis]                          # what was decided before the analysis; the command line can override it
model = "withdrawal-2000"
track = "both"
tie_rule = "as_filed"               # as_filed | first_party_first | second_party_first
follow_skips = true
any_type = false
acts = "acts.toml"                  # codes to acts on needs: a file in this folder, or "raters"; else the codebook says
answer_window = 1                   # turns of the other within which the answer to a claim is looked for

[analysis.segmentation]
name = "four minutes"
opens = ["withdrawal_marker", "confrontation_marker"]
opened_by = ["client"]              # empty: either party
gap_seconds = 240                   # or gap_turns; without either, to the end of the session
closes_on = []                      # a resolution that closes: then repair is partly by construction
min_rating = 2                      # with absent_rating = "pass" or "block"
absent_rating = "block"
across_sessions = false
use_coded = true                    # keep what the coders drew, where they drew any
```

## What each analysis needs

`moves` is always needed. Where something is missing the analysis says so: it refuses with what is needed and what was
found, gives the number without an interval, or names what it had to assume. It never fills in.
"""

NEEDED = (
    ("describe what was coded", "none", "one move"),
    ("print Table 1 in full", "observed, sessions, dyads, ratings, labels, context", ""),
    ('tell "none seen" from "not coded"', "observed", ""),
    ("know that observation stopped early", "observed, sessions with duration", ""),
    ("trace episodes", "none",
     "a codebook with codes for a marker and for some step of the model; `coverage` says which"),
    ("say seconds", "none", "a clock, or segments of a stated length; turns and bare order give turns"),
    ("use the coders' own episodes",
     "episodes (and members, where a stretch alone cannot say which moves belong)", ""),
    ("see how much the segmentation rule decides", "none", "one marker"),
    ("keep the sources of repair beside each other", "labels (`rated_resolution`, `reported_resolution`)", ""),
    ("align episodes, see their fit", "none", "an end of the model that can be reached"),
    ("hold episodes against rules of conduct", "none",
     "codes for what a rule looks for; a clock, where it limits time"),
    ("compare process models", "none",
     "functions that all of them share, and two people or dyads, each with an episode of two or more moves"),
    ("test order along a model, or of its stages", "none",
     "arrangements enough for p at or below alpha: usually several episodes, each with three or more free moves of a "
     "party"),
    ("give any mean over dyads", "none", "one dyad that gives a value"),
    ("give it an interval", "dyads with therapists, where dyads share any",
     f"{FEWEST_CLUSTERS} independent units (therapists, else dyads); from {FEW_CLUSTERS} on the interval is a "
     "bootstrap"),
    ("trace a negotiation of needs", "none, with acts in the codebook; labels (`need_act`) or a mapping else",
     "acts of both parties, or rates are not estimable"),
    ("say mutuality", "as above", "in a dyad, a claim of each party that was not cut off"),
    ("compare match before and after the end", "as above",
     "turns of both outside episodes, and h turns on either side of an end"),
    ("hold the veil against data", "needs (latent, both parties, from a source other than the codes)",
     "two episodes in a dyad whose imbalance differs"),
    ("place behaviour on the plane", "none", "a placement of the codebook"),
    ("say complementarity", "none", "adjacent turns of both parties with placed moves"),
    ("a structural summary", "none: scores are handed over as numbers",
     f"{FEWEST_SCALES} scales; for a group's intervals {FEWEST_CLUSTERS} people or clusters, for correlations with a "
     "measure 3 people"),
    ("compare windows around episodes", "observed",
     "a stretch of the same session, as long as the window, without an episode"),
    ("plan a study by simulation", "none", "a design; no data at all"),
)
"""What each analysis needs: to do what, which tables besides moves, and at least what."""


def page() -> str:
    """Return the whole page."""
    needed = "".join(f"| {' | '.join(row)} |\n" for row in NEEDED)
    tables = "".join(_table(name, record) for name, record in TABLES.items())
    return f"{HEAD}\n| to ... | tables besides moves | at least |\n|---|---|---|\n{needed}\n## The tables\n{tables}"


def _table(name: str, record: type) -> str:
    optional = _schema.optional_fields(record)
    rows = "".join(_row(record, field, column, optional=field in optional)
                   for field, column in _schema.columns(record).items())
    says = (record.__doc__ or "").strip().splitlines()[0]
    return f"\n### {name}\n\n{says}\n\n| column | what it holds | may be empty |\n|---|---|---|\n{rows}"


def _row(record: type, field: str, column: Column, *, optional: bool) -> str:
    unit = f", in {'seconds' if column.kind == 'time' else column.unit}" if column.unit else ""
    levels = f": {', '.join(f'`{level}`' for level in column.allowed())}" if column.levels else ""
    default = getattr(attrs.fields(record), field).default
    stated = optional or default is attrs.NOTHING
    empty = ("yes" if optional else "no") if stated else f"then `{_cell(default)}`"
    return f"| `{field}` | {column.says or field}{unit}{levels} | {empty} |\n"


def _cell(value: object) -> str:
    """Return a default as a cell says it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE.name}", file=sys.stderr)
