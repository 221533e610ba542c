"""A small study in which every name and every text tries to be markup, to turn the line around, or to fill the page."""

from __future__ import annotations

import attrs

from rupturekit.codebooks import load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import Coding, ContextEvent, EpisodeRow, Label, Move, Session, seconds
from rupturekit.records.study import Study
from rupturekit.vocabulary import ContextKind, RuptureType

ATTACK = '</script><script>window.hurt=1</script><img src=x onerror="window.hurt=1">'
QUOTES = "\"'`&amp;&#60; ${1} \\u003c"
TURNED = "\u202eevil\u2066\u200f"
LONG = "x" * 10_000
NAMES = {"plain": ATTACK, "quoted": QUOTES, "turned": f"a{TURNED}b", "long": LONG}
NOTE = f"<b>note</b> {ATTACK} {TURNED}"


def hostile_study() -> Study:
    """Return four dyads, one with each kind of name, all telling of the same."""
    told = (("client", "wd", 0), ("therapist", "invite", 40), ("client", "qual-assert", 70), ("client", "break-off", 75),
            ("client", "self-assert", 95), ("therapist", "validate", 110))
    moves, episodes, labels = [], [], []
    for at, name in enumerate(NAMES.values()):
        for step, (party, code, when) in enumerate(told):
            moves.append(Move(dyad=name, session=1, track=ATTACK, party=party, code=code, onset=seconds(when),
                              row_id=10 * at + step, rater=name, media=seconds(when + 5), source_row=step + 1,
                              note=NOTE if not step else None))
        episode = f"{name[:9_000]}-E"
        episodes.append(EpisodeRow(episode=episode, dyad=name, track=ATTACK, first_session=1, onset=0, last_session=1,
                                   end=seconds(120), rupture_type=RuptureType.WITHDRAWAL))
        labels += [Label(subject_kind="episode", subject=episode, attribute="rated_resolution", value=NOTE[:9_000],
                         rater=name), Label(subject_kind="dyad", subject=name, attribute="own", value=QUOTES),
                   Label(subject_kind="session", subject=f"{name[:9_000]}/1", attribute="own", value=QUOTES)]
    book = load_codebook("stages")
    codes = tuple(attrs.evolve(code, label=f"{code.label} {ATTACK} {TURNED}") for code in book.codes)
    coding = Coding(codebook=attrs.evolve(book, title=f"Title {ATTACK}", citation=f"Citation {ATTACK}", codes=codes))
    cohort = Cohort.of(
        moves, coding=coding, episodes=episodes, labels=labels,
        sessions=[Session(dyad=name, session=1, duration=seconds(200)) for name in NAMES.values()],
        context=[ContextEvent(event=ATTACK, dyad=QUOTES, kind=ContextKind.HOLIDAY, note=NOTE)])
    return Study(name=ATTACK, cohort=cohort)
