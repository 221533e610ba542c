"""What a notebook shows: escaped, balanced, bounded, the right counts in the right order; no free text."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rupturekit import _html, _palette
from rupturekit._html import Markup
from rupturekit._views import cohorts, strip
from rupturekit._views.closed_words import said_or_hidden
from rupturekit.alphabet import coverage
from rupturekit.analysis import analyse
from rupturekit.codebooks import Code, Codebook, Scale, codebook_names, load_codebook
from rupturekit.cohort import Cohort
from rupturekit.episode import (
    Coding,
    ContextEvent,
    Dyad,
    Episode,
    EpisodeRow,
    Label,
    Move,
    ObservedStretch,
    Session,
    Track,
    seconds,
)
from rupturekit.example import example_cohort
from rupturekit.plan import Plan
from rupturekit.records.losses import LossReport, Tally
from rupturekit.records.sniff import Proposal
from rupturekit.records.study import Study
from rupturekit.state_machine import Condition, State, StateMachine, Transition, load_model, model_names
from rupturekit.traces import Trace, trace, trace_cohort
from rupturekit.vocabulary import (
    Certainty,
    ContextKind,
    EpisodeSource,
    Evidence,
    Outcome,
    Perspective,
    Phase,
    RuptureType,
    Status,
    TimeKind,
    TrackKind,
)
from strategies import Parts, codebooks, models, parts, quietly

STAGES = Coding(codebook=load_codebook("stages"))
MODEL = load_model("withdrawal-2000")
LIMIT = 100_000


# --- reading a page --------------------------------------------------------------------------------------------


@attrs.define
class Node:
    """An element of a page that was parsed: its name, attributes, and what is in it."""

    name: str
    attributes: dict[str, str | None]
    inside: list[Any] = attrs.field(factory=list)

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.inside if part is not None)

    def walk(self) -> Iterator[Node]:
        for part in self.inside:
            if isinstance(part, Node):
                yield part
                yield from part.walk()

    def all(self, name: str, **wanted: str) -> list[Node]:
        return [node for node in self.walk() if node.name == name
                and all(value in (node.attributes.get(key.rstrip("_").replace("_", "-")) or "").split() for key, value in wanted.items())]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Node("page", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs))
        assert len(node.attributes) == len(attrs), f"an attribute stands twice in {attrs}"
        self.open[-1].inside.append(node)
        self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


ELEMENTS = {"div", "span", "b", "bdi", "p", "code", "small", "style", "table", "caption", "thead", "tbody", "tr", "th", "td",
            "details", "summary", "ul", "li", "pre", "svg", "title", "g", "line", "text", "path", "rect", "circle"}
ATTRIBUTES = {"class", "title", "scope", "colspan", "role", "aria-label", "aria-level", "viewbox", "width", "height", "x", "y",
              "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "d", "fill", "fill-opacity", "stroke", "stroke-width",
              "stroke-opacity", "stroke-dasharray", "font-size", "text-anchor"}


def read(markup: str) -> Node:
    """Parse a fragment: balanced, of harmless elements and attributes only, one root."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    assert [node.name for node in reader.open] == ["page"], "something was not closed"
    page = reader.open[0]
    assert [part.name for part in page.inside] == ["div"]
    for node in page.walk():
        assert node.name in ELEMENTS, node.name
        assert set(node.attributes) <= ATTRIBUTES, node.attributes
    markup.encode("utf-8")
    return page


def shown(value: Any) -> Node:
    return read(value._repr_html_())


def rows(page: Node, table: int = 0) -> list[list[str]]:
    """Return the cells of the rows of one table that is no list of facts, without its head."""
    found = [node for node in page.all("table", class_="rk-table") if "rk-facts" not in (node.attributes["class"] or "")]
    return [[cell.text for cell in row.all("td")] for row in found[table].all("tbody")[0].all("tr") if row.all("td")]


def facts(page: Node) -> dict[str, str]:
    return {row.all("th")[0].text: row.all("td")[0].text for table in page.all("table", class_="rk-facts") for row in table.all("tr")}


# --- making ----------------------------------------------------------------------------------------------------


def move(at: int, code: str = "wd", party: str | None = "client", **more: Any) -> Move:
    return Move(**{"dyad": "D1", "session": 1, "track": "r1", "party": party, "code": code, "onset": seconds(at), "row_id": at, **more})


SAID = [move(0), move(40, "invite", "therapist"), move(60, "rationale", "therapist"), move(95, "self-assert"),
        move(110, "validate", "therapist")]


def of_everything(word: str) -> list[Any]:
    """Return one of each class in which every free word is the given one."""
    other = word + "'"
    book = Codebook(name=word, title=word, version=word, citation=word, certainty=Certainty.LOW, reliability=word, unit=word,
                    note=word, scales=(Scale(name=word, applies="move", min=0, max=4, anchors=((word, word),), note=word),),
                    codes=(Code(code=word, label=word, parties=(word,), type=RuptureType.MIXED, functions=("withdrawal_marker", word), note=word),
                           Code(code=other, label=other, functions=(), note=word)))
    states = (State(name=word, title=word, phase=Phase.RUPTURE, initial=True), State(name=other, phase=Phase.REPAIR, end=True))
    arrows = (Transition(source=word, target=other, when=Condition(party=word, functions=(word,)), evidence=Evidence.READ, named=word),)
    model = StateMachine(name=word, title=word, source=word, states=states, transitions=arrows)
    coding = Coding(codebook=book, parties=(word, other))
    said = [Move(dyad=word, session=1, track=word, party=party, code=code, onset=at, row_id=at, rater=word, note=word)
            for at, (party, code) in enumerate([(word, word), (other, other), (None, word)])]
    label = Label(subject_kind="episode", subject=word, attribute=word, party=word, value=word, rater=word)
    row = EpisodeRow(episode=word, dyad=word, track=word, first_session=1, onset=0, last_session=1, end=2, party=word)
    cohort = Cohort.of(said, coding=coding, episodes=[row], labels=[label], dyads=[Dyad(dyad=word, therapist=word, arm=word)],
                       tracks=[Track(name=word, rule=word), Track(name=other)], observed=[
                           ObservedStretch(dyad=word, session=1, track=word, start=0, end=2, codebook=word)],
                       context=[ContextEvent(event=word, dyad=word, kind=ContextKind.HOLIDAY, note=word)])
    drawn = cohort.with_episodes(cohort.columns, rule=word)
    traces = quietly(trace_cohort, cohort, model, any_type=True)
    return [book, model, coverage(book, model, parties=coding.parties), cohort, drawn, Study(name=word, cohort=cohort),
            cohort.episodes[0], said[0], Session(dyad=word, session=1), cohort.moves, cohort.labels, cohort.context, traces,
            traces[0], traces.summary(), traces.ends(), traces.dwell(by="state"), traces.visits(),
            analyse(Study(name=word, cohort=cohort), Plan(model=model, track=word)),
            LossReport(file=word, rows=1, used=0, moves=0, lost=(Tally(word, 1),), unused_columns=(word,), rules=(word,)),
            Proposal(file=word, rows=1, text=word, found=(word,), private=(word,))]


# --- escaped, balanced, one line -------------------------------------------------------------------------------

HOSTILE = st.lists(st.sampled_from([
    "<script>alert(1)</script>", "</style>", "</svg>", "<img src=x onerror=y>", '"', "' onclick='x", "&lt;", "&#60;b>", "-->", "<!--",
    "]]>", "\u202e", "\u200f", "\u05d0", "a", "{", "%", "\\"]) | st.characters(codec="utf-8", exclude_characters="_",    # names of states show it as a blank
                          exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")),
    min_size=1, max_size=4).map("".join)


@given(HOSTILE)
def test_any_text_stays_text(word: str) -> None:
    for value in of_everything(word):
        page = shown(value)
        assert _html.plain(word) in page.text or _html.plain(_html.shortened(word)) in page.text
        assert "\n" not in repr(value)
        assert word in str(value) or repr(word)[1:-1] in str(value) or len(word) > 20


@given(st.text(), st.text())
def test_text_comes_back_from_an_element_and_an_attribute_as_it_went_in(text: str, title: str) -> None:
    bare = _html._UNSHOWN.sub("\ufffd", text), _html._UNSHOWN.sub("\ufffd", title)
    node = read(_html.tag("div", text, title=title)).all("div")[0]
    assert (node.text, node.attributes["title"]) == bare


def test_what_no_page_can_hold_is_replaced() -> None:
    assert _html.escaped("a\x00\x1b\ud800b\tc") == "a\ufffd\ufffd\ufffdb\tc"
    book = attrs.evolve(load_codebook("stages"), reliability="\ud800")
    assert "Reliability: \ufffd" in shown(book).text


def test_markup_that_was_added_to_is_text_again() -> None:
    assert _html.tag("b", _html.tag("i", "x") + "<") == "<b>&lt;i&gt;x&lt;/i&gt;&lt;</b>"
    assert _html.tag("b", _html.tag("i", "<")) == "<b><i>&lt;</i></b>"


@pytest.mark.parametrize("name", codebook_names())
def test_every_codebook_shows_its_codes_once(name: str) -> None:
    book = load_codebook(name)
    page = shown(book)
    assert sorted(row[0] for row in rows(page)) == sorted(code.code for code in book.codes)
    assert {row[1] for row in rows(page)} == {code.label for code in book.codes}


@pytest.mark.parametrize("name", model_names())
def test_every_model_shows_its_states_and_arrows(name: str) -> None:
    model = load_model(name)
    page = shown(model)
    for state in model.states if len(model.transitions) <= 60 else model.states[:1]:
        assert state.name.replace("_", " ") in page.text or len(state.name) > 32
    arrows = [row for row in rows(page) if len(row) == 4]
    assert len(arrows) == min(len(model.transitions), 60)
    assert bool(page.all("svg")) == (len(model.states) <= 16)
    assert ("A reconstruction after" in page.text) == model.is_reconstruction


# --- bounded ---------------------------------------------------------------------------------------------------

LONG = "x" * 9_999


def many(n: int, word: str, *, sessions: int = 1) -> list[Move]:
    codes = ("wd", "invite", "self-assert", "rationale")
    return [move(at, codes[at % 4], ("client", "therapist", None)[at % 3], dyad=word, track=word, session=1 + at * sessions // n,
                 note="secret") for at in range(n)]


@pytest.mark.parametrize("sessions", [1, 3, 40])
def test_a_long_episode_and_its_trace_stay_small(sessions: int) -> None:
    said = many(10_000, LONG[:300], sessions=sessions)
    one = Episode.of(said, coding=STAGES, episode=LONG)
    told = trace(one, MODEL)
    for value in (one, told):
        assert len(value._repr_html_()) < LIMIT
        page = shown(value)
        assert "9,960 moves not shown" in page.text
        assert "secret" not in value._repr_html_()
        assert sessions < 12 or "... and 28 more sessions" in page.text
    assert len(repr(told)) < LIMIT


def test_a_cohort_of_a_million_moves_stays_small() -> None:
    n, word = 1_000_000, "D" * 900
    one = Cohort.of([move(0, dyad=word)], coding=STAGES)
    arrays = {name: np.repeat(values, n) for name, values in one.moves.arrays.items()}
    arrays.update(dyad=(np.arange(n) // 100).astype("i4"), session=np.arange(n) // 10, row_id=np.arange(n))
    levels = {**one.moves.levels, "dyad": tuple(f"{word}{at:04d}" for at in range(n // 100))}
    cohort = attrs.evolve(one, moves=type(one.moves).from_columns(Move, arrays=arrays, levels=levels))
    assert repr(cohort) == "Cohort(1,000,000 moves, 10,000 dyads, 100,000 sessions, 1 track, 0 episodes)"
    assert len(cohort._repr_html_()) < LIMIT
    assert len(str(cohort)) < LIMIT
    assert "... and 9,990 more dyads" in shown(cohort).text
    assert "... and 999,990 more rows" in shown(cohort.moves).text
    assert len(str(cohort.moves)) < LIMIT


def test_large_codebooks_models_tables_and_traces_stay_small() -> None:
    codes = tuple(Code(code=f"c{at}", label=LONG, functions=(f"f{at}",) * 3, parties=(LONG,), note=LONG) for at in range(500))
    book = attrs.evolve(STAGES.codebook, codes=codes, reliability=LONG, note=LONG, title=LONG)
    states = tuple(State(name=f"{LONG}{at}", phase=list(Phase)[at % 5], initial=at == 0, end=at == 299) for at in range(300))
    arrows = tuple(Transition(source=states[a].name, target=states[a + 1].name, evidence=Evidence.READ, named=LONG,
                              when=Condition(functions=(f"f{a}", LONG))) for a in range(299))
    model = StateMachine(name=LONG, title=LONG, source=LONG, states=states, transitions=arrows)
    assert "... and 440 more codes" in shown(book).text
    assert "... and 239 more arrows" in shown(model).text
    seen = coverage(STAGES.codebook, MODEL)
    seen = attrs.evolve(seen, model=LONG, states=tuple((LONG, seen.states[-1][1], (LONG,) * 20, (LONG,) * 20) for _ in range(300)))
    assert "... and 260 more states" in shown(seen).text
    people = [EpisodeRow(episode=f"E{at}{LONG[:60]}", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=seconds(110))
              for at in range(50)]
    tracks = [Track(name=f"t{at}", rule=LONG) for at in range(30)]
    labels = [Label(subject_kind="episode", subject=people[0].episode, attribute="cost_of_raising", value=LONG, rater=LONG)] * 200
    cohort = Cohort.of(SAID, coding=STAGES, episodes=people, tracks=tracks, labels=labels)
    traces = trace_cohort(cohort, MODEL)
    assert "... and 40 more episodes" in shown(traces).text
    assert "... and 40 more episodes" in str(traces)
    assert "... and 21 more tracks" in shown(cohort).text
    assert "... and 21 more tracks" in str(cohort)
    assert "... and 180 more labels" in shown(cohort.episodes[0]).text
    everywhere = attrs.evolve(traces.visits(), names=tuple(f"{LONG}{at}" for at in range(300)), n=np.ones((50, 300), "i8"))
    assert "... and 240 more" in shown(everywhere).text
    for value in (book, model, seen, everywhere, traces, traces[0], traces.summary(), traces.ends(), traces.dwell(), traces.visits(), cohort, cohort.labels, cohort.episodes[0]):
        assert len(value._repr_html_()) < LIMIT, type(value)


# --- the right things in the right order -----------------------------------------------------------------------


@given(parts(), st.sampled_from(["coders", "gap 5"]))
def test_counts_of_a_cohort_are_those_of_a_plain_walk(study: Parts, rule: str) -> None:
    cohort = study.cohort()
    tables = (cohort.moves, cohort.sessions, cohort.observed, cohort.ratings)
    meetings = {(row.dyad, row.session) for rows in tables for row in rows}
    assert cohort.counts() == {
        "move": len(study.moves), "dyad": len({dyad for dyad, _ in meetings}), "session": len(meetings),
        "track": len({one.track for one in study.moves}), "episode": len(cohort.columns)}
    told = cohorts.glance(cohort.with_episodes(cohort.columns, rule=rule))
    for dyad, sessions, moves, episodes in told.dyads:
        assert sessions == len({one for one in meetings if one[0] == dyad})
        assert moves == sum(one.dyad == dyad for one in study.moves)
        assert episodes == sum(one.dyad == dyad for one in study.episodes)
    for name, _, moves, sessions, _ in told.tracks:
        mine = [one for one in study.moves if one.track == name]
        assert (moves, sessions) == (len(mine), len({(one.dyad, one.session) for one in mine}))


def test_a_cohort_shows_counts_tracks_and_dyads() -> None:
    cohort = example_cohort()
    page, text = shown(cohort), str(cohort)
    assert [node.text.split() for node in page.all("div", class_="rk-figures")[0].all("span")] == [
        ["1,550", "moves"], ["12", "dyads"], ["33", "sessions"], ["2", "tracks"], ["4", "episodes"]]
    assert rows(page)[0] == ["r1", "rater", "823", "31", "31 sessions, 98 % of their time"]
    assert rows(page, 1)[0] == ["V1", "3", "175", "1"]
    assert rows(page, 1)[-1] == ["... and 2 more dyads"]
    assert facts(page)["episodes drawn by"] == "their coders"
    assert "tables that are not there" not in facts(page)
    assert text.splitlines()[0] == repr(cohort)
    assert "  track r1 (rater): 823 moves in 31 sessions; observed: 31 sessions, 98 % of their time" in text.splitlines()
    assert shown(Study(name="mine", cohort=cohort)).all("b")[0].text == "mine"


def test_no_note_and_no_free_text_of_a_study_is_shown() -> None:
    cohort = example_cohort()
    notes = [word for table in (cohort.moves, cohort.context) for word in table.levels["note"]]
    notes += [value for value in cohort.labels.levels["value"] if " " in value and "need" not in said_or_hidden(value)
              and said_or_hidden(value) != value]
    assert len(notes) > 5
    values = [cohort, *cohort.coded_episodes, cohort.moves, cohort.labels, cohort.context, *cohort.moves]
    for value in [*values[:60], *trace_cohort(cohort, MODEL, track="r1")]:
        markup = value._repr_html_()
        assert not [note for note in notes if _html.escaped(note) in markup]
    assert not [note for note in notes if note in str(cohort.moves) + str(cohort.labels) + str(cohort.context)]


def observed(stretches: list[tuple[int, int, int]], lengths: dict[int, int | None]) -> str:
    cohort = Cohort.of([move(0)], coding=STAGES, sessions=[Session(dyad="D1", session=at, duration=n) for at, n in lengths.items()],
                       observed=[ObservedStretch(dyad="D1", session=at, track="r1", start=a, end=b) for at, a, b in stretches])
    return cohorts.glance(cohort).tracks[0][4]


def test_the_observed_share_is_of_sessions_of_known_length() -> None:
    assert observed([], {1: 100}) == "not recorded: whole sessions are taken as coded"
    assert observed([(1, 0, 10), (1, 20, 30)], {1: 100, 2: 100}) == "1 session, 20 % of their time"
    assert observed([(1, 0, 10), (2, 0, 400)], {1: None, 2: 100}) == "2 sessions, 100 % of their time"
    assert observed([(1, 0, 10)], {1: None}) == "1 session of unknown length"
    other = Cohort.of([move(0)], coding=STAGES, observed=[ObservedStretch(dyad="D1", session=1, track="r2", start=0, end=9)])
    assert cohorts.glance(other).tracks[0][4] == "no stretch"


def test_a_cohort_says_its_time_and_who_drew_the_episodes() -> None:
    row = EpisodeRow(episode="E", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=9)
    cohort = Cohort.of([move(0)], coding=attrs.evolve(STAGES, time=TimeKind.SEGMENT, segment=seconds(60)), episodes=[row])
    page = facts(shown(cohort.with_episodes(cohort.columns, rule="gap:1")))
    assert page["time"] == "segment of 60 s"
    assert page["episodes drawn by"] == "the rule gap:1"
    assert page["drawn by the coders, beside them"] == "1 episode"
    assert page["tables that are not there"] == "sessions, dyads, observed, ratings, needs, context, labels"
    bare = Cohort.of([], coding=attrs.evolve(STAGES, time=TimeKind.TURN), tracks=[Track(name="t", kind=TrackKind.CONSENSUS, rule="both")])
    assert facts(shown(bare))["tables, rows"] == "none"
    assert facts(shown(bare))["time"] == "turn: there are no seconds"
    assert rows(shown(bare)) == [["t", "consensus: both", "0", "0", "not recorded: whole sessions are taken as coded"]]
    assert not Cohort.of([], coding=STAGES)._repr_html_().count("rk-part\"")
    with_dyad = Cohort.of([], coding=STAGES, dyads=[Dyad(dyad="D9")])
    assert rows(shown(with_dyad)) == [["D9", "0", "0", "0"]]


def test_an_episode_shows_its_moves_in_order_in_two_lanes() -> None:
    said = [*SAID, move(5, "wd", None, session=2, row_id=7)]
    one = attrs.evolve(Episode.of(said, coding=STAGES), labels=(
        Label(subject_kind="episode", subject="E1", attribute="outcome", value="repaired", rater="r1"),
        Label(subject_kind="episode", subject="E1", attribute="cost_of_raising", value="she wept", perspective=Perspective.CLIENT),
        Label(subject_kind="episode", subject="E1", attribute="noticing", party="client", value="unknown", rater="r1", status=Status.CONSENSUS),
        Label(subject_kind="episode", subject="E1", attribute="locus", value="bond")))
    page = shown(one)
    svg = page.all("svg")[0]
    assert svg.attributes["role"] == "img"
    assert "client above and therapist below" in str(svg.attributes["aria-label"])
    assert [node.text for node in svg.all("text")][:3] == ["client", "therapist", "not said who"]
    drawn = [group.all("title")[0].text for group in svg.all("g")]
    assert drawn == ["00:00 client: withdrawal marker", "00:40 therapist: invites exploration of what is happening",
                     "01:00 therapist: gives a rationale", "01:35 client: self-assertion", "01:50 therapist: validates",
                     "00:05 not said who: withdrawal marker"]
    assert len(svg.all("circle")) == 4    # the other two mark a rupture and are diamonds
    assert [row[0] for row in rows(page) if len(row) == 4] == ["00:00", "00:40", "01:00", "01:35", "01:50", "00:05"]
    assert [node.text for node in page.all("tr", class_="rk-group")] == ["session 2"]
    assert [row[:4] for row in rows(page, 1)] == [
        ["r1", "outcome", "", "repaired"], ["", "noticing", "client", "unknown"], ["client view", "cost of raising", "", "(text, 8 characters)"],
        ["not said who", "locus", "", "bond"]]


def test_an_episode_of_a_rule_says_so_and_what_closed_it() -> None:
    row = EpisodeRow(episode="E", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=0, party="client",
                     source=EpisodeSource.RULE, closed_by_outcome=True)
    badges = [node.text for node in shown(Episode(row=row, coding=STAGES, moves=(), new_session=())).all("span", class_="rk-badge")]
    assert badges == ["opened by client", "drawn by a rule", "closed by: coders", "closed because a resolution was seen"]
    assert not shown(Episode(row=row, coding=STAGES, moves=(), new_session=())).all("svg")


@given(parts(episodes=False), models())
def test_a_trace_shows_its_path_its_steps_and_what_is_off_the_model(study: Parts, model: StateMachine) -> None:
    for one in trace_cohort(attrs.evolve(study, episodes=study.whole()).cohort(), model, any_type=True):
        page = shown(one)
        path = page.all("div", aria_label="path")[0]
        assert [chip.all("bdi")[-1].text for chip in path.all("span", class_="rk-chip")] == list(one.path)
        assert [chip.attributes["class"] for chip in path.all("span", class_="rk-chip")] == [f"rk-chip rk-{model[name].phase}" for name in one.path]
        steps = [row for row in rows(page) if len(row) == 6]
        assert [row[3] for row in steps] == [step.before for step in one.steps]
        assert [row[4] for row in steps] == ["stays" if s.before == s.after else s.after for s in one.steps]
        assert [f"off model: {s.reason}" in row[5] if s.reason else "off model" not in row[5] for s, row in zip(one.steps, steps, strict=True)] \
            == [True] * len(steps)
        assert sum("stroke-width" in shape.attributes for shape in page.all("svg")[0].all("path")) == len(one.off_model)
        for kind, names in (("rk-ghost", one.skipped), ("rk-unseen", one.passed)):
            assert [chip.all("bdi")[-1].text for chip in page.all("span", class_=kind)] == list(names)
        assert facts(page)["off-model moves"].startswith(f"{len(one.off_model)} of {len(one.steps)}")
        assert ("not observable" in facts(page)) == bool(one.unobservable)
        assert ("end left open between" in facts(page)) == bool(one.open_ends)
        told = one.explain().split("\n")
        assert [node.text for node in page.all("details")[0].all("li")] == [line.strip() for line in told if line.startswith("  ")]


def test_a_trace_says_whether_the_end_was_reached_and_why() -> None:
    one = trace(Episode.of([attrs.evolve(m, note="secret") for m in SAID], coding=STAGES), MODEL)
    page = shown(one)
    assert facts(page)["end reached"] == "✓ with skips; ends in self assertion (repaired)"
    assert facts(page)["time by phase"] == "rupture 00:40, negotiation 00:55, repair 00:15"
    assert [chip.text for chip in page.all("span", class_="rk-ghost")] == ["negotiation qualified assertion"]
    assert "a reconstruction after Safran & Muran 2000" in page.text
    assert "secret" not in page.text
    assert not [node for node in page.all("details") if "statement" in node.text]
    label = Label(subject_kind="episode", subject="E1", attribute="outcome", value="repaired")
    assert "1 statement about it" in shown(attrs.evolve(one, episode=attrs.evolve(one.episode, labels=(label,)))).text
    turns = trace(Episode.of(SAID, coding=attrs.evolve(STAGES, time=TimeKind.TURN)), MODEL)
    assert "rupture 40,000,000 turns" in facts(shown(turns))["time by phase"]
    left = trace(Episode.of([*SAID, move(200)], coding=STAGES), MODEL)
    assert facts(shown(left))["end reached"].startswith("✓ with skips; left again")


def test_a_long_path_shows_how_it_begins_and_ends() -> None:
    said = [move(at, ("invite", "wd")[at % 2], ("therapist", "client")[at % 2]) for at in range(61)]
    one = trace(Episode.of([move(0, row_id=99), *said], coding=STAGES), MODEL)
    chips = shown(one).all("div", aria_label="path")[0]
    assert len(chips.all("span", class_="rk-chip")) == 20
    assert f"... {len(one.path) - 20} more ..." in chips.text
    assert f"-> ... {len(one.path) - 20} more ... ->" in repr(one)
    cohort = Cohort.of(one.episode.moves, coding=STAGES, episodes=[one.episode.row])
    assert f"... {len(one.path) - 7} ..." in shown(trace_cohort(cohort, MODEL)).text


def test_many_skipped_or_passed_states_are_counted() -> None:
    states = tuple(State(name=f"s{at}", phase=Phase.NEGOTIATION, initial=at == 0, end=at == 20, outcome=Outcome.REPAIRED if at == 20 else None)
                   for at in range(21))
    arrows = tuple(Transition(source=f"s{at}", target=f"s{at + 1}", evidence=Evidence.READ,
                              when=Condition(functions=("validates" if at == 19 else "redirects" if at % 2 else "notices",))) for at in range(20))
    book = attrs.evolve(STAGES.codebook, codes=tuple(attrs.evolve(code, functions=("validates", )) for code in STAGES.codebook.codes[:1]))
    one = trace(Episode.of(SAID[:1], coding=attrs.evolve(STAGES, codebook=book)),
                StateMachine(name="m", title="M", source="S", states=states, transitions=arrows))
    assert "and 7 more" in shown(one).text
    assert len(shown(one).all("span", class_="rk-unseen")) == 12
    assert "passed unseen s1, s2, s3, s4 and 15 more" in shown(one).text


def test_a_skipped_step_that_is_no_state_is_shown_by_its_name() -> None:
    one = trace(Episode.of(SAID, coding=STAGES), MODEL)
    steps = tuple(attrs.evolve(step, skipped=("a step",) if step.skipped else (), order_dependent=True) for step in one.steps)
    page = shown(attrs.evolve(one, steps=steps, open_ends=("withdrawal",)))
    assert [chip.text for chip in page.all("span", class_="rk-ghost")] == ["a step"]
    assert page.text.count("another order at this instant would end elsewhere") == len(steps)


def test_traces_show_how_many_reached_an_end_and_each_path() -> None:
    traces = trace_cohort(example_cohort(), MODEL, track="r1")
    page = shown(traces)
    assert facts(page)["end reached"] == "yes 1, with skips 1, no 1 (of 3)"
    assert facts(page)["left out"] == "1 episode (opened with another rupture type than withdrawal)"
    assert [row[0] for row in rows(page)] == ["V1-E1", "V2-E1", "V2-E2"]
    assert rows(page)[1][2] == "withdrawal → qualified assertion → self assertion"
    assert str(traces).splitlines()[0] == repr(traces)
    assert "  V2-E1: withdrawal -> qualified_assertion -> self_assertion (end reached: with skips)" in str(traces).splitlines()
    assert shown(traces.summary()).text.count("end reached") == 1


def test_ends_times_and_visits_show_totals_and_of_how_many() -> None:
    traces = trace_cohort(example_cohort(), MODEL, track="r1")
    ends = facts(shown(traces.ends()))
    assert ends["end reached"] == "yes 1, with skips 1, no 1 (of 3)"
    assert ends["left the end again"] == f"{int(traces.left_end().sum())} (of 3)"
    assert ends["left out"] == "1 episode (opened with another rupture type than withdrawal)"
    dwell, visits = traces.dwell(), traces.visits()
    assert rows(shown(dwell)) == [["rupture", "3", "10:15"], ["negotiation", "3", "06:30"], ["repair", "2", "02:40"]]
    assert rows(shown(visits)) == [[name.replace("_", " "), f"{visits.episodes()[name]}", f"{visits.total()[name]}"] for name in visits.names]
    turns = attrs.evolve(dwell, coding=attrs.evolve(dwell.coding, time=TimeKind.TURN), lasted=np.ones((3, 3), "i8"))
    assert [row[2] for row in rows(shown(turns))] == ["3 turns"] * 3


def test_an_analysis_shows_its_plan_and_works_nothing_out() -> None:
    study = Study(name="<s>", cohort=example_cohort())
    done = analyse(study, Plan(model="withdrawal-2000"))
    said = facts(shown(done))
    assert said["study"].startswith("<s>")
    assert (said["model"], said["track"], said["rule"]) == ("withdrawal-2000", "as the study has it", done.plan.segmentation.name)
    assert facts(shown(analyse(study, Plan(track="r2", any_type=True, follow_skips=False)))) | {"study": ""} == {
        "study": "", "model": "none named", "track": "r2", "rule": done.plan.segmentation.name, "ties": "as_filed",
        "skips": "not followed", "episodes": "of every rupture type"}


def test_losses_and_a_proposal_are_pages_like_all_others() -> None:
    losses = LossReport(file="<a>.csv", rows=3, used=2, moves=2, lost=(Tally("no code", 1, (3,)),), warnings=("odd",))
    page = shown(losses)
    assert "<a>.csv" in page.text
    assert "3 rows = 2 moves + 1 row left out" in page.text
    assert facts(page) == {"left out": "no code: 1 (row 3)", "note": "odd"}
    page = shown(Proposal(file="<b>.csv", rows=1, text="[x]\n<y>", found=("<f>",), questions=("which?",)))
    assert [item.text for item in page.all("li")] == ["<f>", "choose: which?"]
    assert page.all("pre")[0].text == "[x]\n<y>"
    assert "1 row looked at" in page.text


def test_codes_stand_under_what_they_do_and_unknown_reliability_is_said() -> None:
    codes = (Code(code="x", label="X"), Code(code="w", label="W", type=RuptureType.WITHDRAWAL, functions=("withdrawal_marker",)),
             Code(code="v", label="V", functions=("validates",)), Code(code="t", label="T", parties=("therapist",), functions=("validates",)),
             Code(code="m", label="M", functions=("withdrawal_marker",)))
    book = attrs.evolve(STAGES.codebook, codes=codes, reliability="not stated", version="", note="", citation="", scales=())
    page = shown(book)
    assert [node.text for node in page.all("tr", class_="rk-group")] == [
        "Withdrawal markers", "Rupture markers", "Responses of the therapist", "Responses of either", "Neither marker nor response"]
    assert [row[0] for row in rows(page)] == ["w", "m", "t", "v", "x"]
    assert rows(page)[-1][3:5] == ["anybody", "no function"]
    assert "What raters agree on with these codes is not known" in page.text
    assert not page.all("details")
    assert "How sure" not in shown(attrs.evolve(book, codes=())).text


def test_arrows_of_a_model_are_drawn_once_a_pair_with_the_best_evidence() -> None:
    page = shown(MODEL)
    pairs = {(arrow.source, arrow.target) for arrow in MODEL.transitions if arrow.source != arrow.target}
    lines = [path for path in page.all("svg")[0].all("path") if path.attributes["fill"] == "none"]
    assert len(lines) == len(pairs)
    assert sum("stroke-dasharray" not in path.attributes for path in lines) == 1    # one arrow was reported
    assert ": 0 of 21 arrows read in a source." in page.text
    whole = attrs.evolve(MODEL, transitions=tuple(attrs.evolve(arrow, evidence=Evidence.READ) for arrow in MODEL.transitions))
    assert "A reconstruction" not in shown(whole).text


@given(codebooks(), models())
def test_a_coverage_shows_every_state_with_a_sign_and_the_word(book: Codebook, model: StateMachine) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = coverage(book, model)
    found = rows(shown(said))
    assert [row[0] for row in found] == [name for name, *_ in said.states]
    assert [row[1].split(" ", 1)[1] for row in found] == [seen.value for _, seen, _, _ in said.states]
    assert ("ambiguous" in facts(shown(said))) == bool(said.ambiguous)


def test_many_codes_in_one_cell_are_counted() -> None:
    said = attrs.evolve(coverage(STAGES.codebook, MODEL), codes_off_model=tuple("abcdefghijklmn"))
    assert facts(shown(said))["codes whose function the model does not use"].endswith("l, 2 more")


# --- records and tables ----------------------------------------------------------------------------------------


def test_a_record_is_one_line_without_what_is_not_said() -> None:
    assert repr(move(1)) == "Move(row_id=1, dyad='D1', session=1, track='r1', party='client', code='wd', onset=1000000)"
    assert repr(move(1, status=Status.CONSENSUS)).endswith(", status=Status.CONSENSUS)")
    assert repr(Session(dyad="D1", session=2)) == "Session(dyad='D1', session=2)"
    page = shown(move(1, rating=1.5, note="secret text"))
    assert facts(page)["rating"] == "1.5"
    assert facts(page)["onset (µs)"] == "1,000,000"
    assert facts(page)["note"] == "(text, 11 characters)"
    assert "5 fields not recorded" in page.text


def test_a_table_shows_units_and_empty_cells_for_what_is_absent() -> None:
    cohort = Cohort.of([*SAID, *(move(200 + at, rating=1.5) for at in range(8))], coding=STAGES,
                       episodes=[EpisodeRow(episode="E", dyad="D1", track="r1", first_session=1, onset=0, last_session=1, end=9)],
                       dyads=[Dyad(dyad="D1", outcome=2.5), Dyad(dyad="D2")])
    page = shown(cohort.moves)
    head = [cell.text for cell in page.all("th")]
    assert head == ["row_id", "dyad", "session", "track", "party", "code", "onset (µs)", "tie", "rating", "status"]
    assert "columns that no row fills: offset, rater, perspective" in page.text
    first = page.all("tbody")[0].all("tr")[0].all("td")
    assert [(cell.text, cell.attributes.get("title")) for cell in first if not cell.text] == [("", "not recorded")]
    assert rows(page)[-1] == ["... and 3 more rows"]
    assert rows(shown(cohort.dyads)) == [["D1", "2.5"], ["D2", ""]]
    assert rows(shown(cohort.coded.rows))[0][-1] == "no"
    text = str(cohort.moves).splitlines()
    assert text[0] == repr(cohort.moves)
    assert text[1].split("  ")[1] == "row_id"
    assert text[-1] == "  ... and 3 more rows"
    assert str(cohort.labels) == "Table(Label, 0 rows)"
    assert "0 rows" in shown(cohort.labels).text


# --- small parts -----------------------------------------------------------------------------------------------


def test_words_of_the_field_and_numbers_are_shown_other_text_is_not() -> None:
    assert [said_or_hidden(text) for text in ("repaired", "unknown", "-3.5", "claim agency", "x", "12 Main St")] == [
        "repaired", "unknown", "-3.5", "claim agency", "(text, 1 character)", "(text, 10 characters)"]


def test_a_cell_that_is_too_long_is_cut_and_keeps_more_in_its_title() -> None:
    page = read(_html.tag("div", _html.table(("a",), [("x" * 70,), (Markup("<b>y</b>"),)], caption="c" * 300)))
    assert rows(page) == [["x" * 59 + "…"], ["y"]]
    assert page.all("td")[0].attributes["title"] == "x" * 70
    assert len(page.all("caption")[0].text) == 200
    assert not read(_html.tag("div", _html.table((), []))).all("thead")


def test_marks_at_one_place_are_set_under_each_other_and_many_become_ticks() -> None:
    def drawn(marks: list[strip.Mark]) -> Node:
        return read(_html.tag("div", strip.strip(marks, lanes=("a", "b"), when=str, label="L"))).all("svg")[0]

    same = [strip.Mark(lane=0, session=1, at=5, shape="dot", title="t") for _ in range(3)]
    assert len({mark.attributes["cy"] for mark in drawn(same).all("circle")}) == 3
    shapes = ("dot", "diamond", "cross")
    ticks = drawn([strip.Mark(lane=at % 2, session=1, at=at // 50, shape=shapes[at % 3], title="t") for at in range(3_000)])
    assert not ticks.all("circle")
    assert sum((path.attributes["d"] or "").count("M") for path in ticks.all("path")) == 6 * 60


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def _contrast(one: str, other: str) -> float:
    low, high = sorted([_luminance(one), _luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("phase", list(Phase))
def test_text_on_the_ground_of_a_phase_can_be_read(phase: Phase) -> None:
    shades = _palette.PHASES[phase]
    for ground, inks in ((shades.light, ("#1b1f24", "#5a626b")), (shades.dark, ("#e8eaed", "#a3abb3"))):
        assert min(_contrast(ground, ink) for ink in inks) >= 4.5
    assert min(_contrast(shades.mark, page) for page in ("#ffffff", "#111111")) >= 2.0


def test_the_style_speaks_of_nothing_but_its_own_and_fetches_nothing() -> None:
    style = read(_html.page("k", "t")).all("style")[0].text
    assert "url(" not in style
    assert "@import" not in style
    bodies = [part.rsplit("}", 1)[-1] for part in style.replace("@media(prefers-color-scheme:dark){", "}").split("{")[:-1]]
    assert all(".rupturekit" in selector for body in bodies for selector in body.strip().split(","))


def test_a_trace_is_typed(recwarn: pytest.WarningsRecorder) -> None:
    assert isinstance(trace(Episode.of(SAID, coding=STAGES), MODEL), Trace)
    assert not recwarn.list
