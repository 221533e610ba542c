"""How results read, and what they carry."""

from __future__ import annotations

import html
import re

from rupturekit import frames
from rupturekit.inference.citations import CITATIONS, cited
from rupturekit.inference.estimate import Estimate, Estimates, NullTest

TEST = NullTest(null="turns", holds="who <speaks>", alternative="greater", statistic=0.6, expected=0.5, p=0.00002, mid_p=None,
                smallest_p=0.00001, draws=99_999, citations=("besag-clifford-1991",))
HELD = Estimate(what="a rate", value=0.25, interval=(0.125, 0.5), confidence=0.9, n={"therapists": 9, "dyads": 1_200},
                governed_by="therapist", method="mean", assumptions=("even",), warnings=("few",), test=TEST,
                citations=("efron-tibshirani-1993",))
NONE = Estimate(what="a rate", value=0.25, interval=None, no_interval="too few", confidence=0.95, n={"dyads": 3},
                governed_by="dyad", method="mean")


def test_the_summary_says_all_there_is_to_know() -> None:
    assert HELD.summary().splitlines() == [
        "a rate: 0.25", "90% interval: 0.125 to 0.5", "n: 9 therapists, 1,200 dyads", "independent units: therapists",
        "method: mean", f"test: {TEST}", "assumes: even", "warning: few"]
    assert "2e-05" in str(TEST)
    assert str(NONE).splitlines()[1] == "95% interval: none: too few"
    assert repr(NONE) == "Estimate('a rate': 0.25, 95% interval: too few)"
    assert repr(HELD) == "Estimate('a rate': 0.25, 90% interval: 0.125 to 0.5)"


def test_the_methods_paragraph_cites_what_was_used() -> None:
    said = HELD.methods()
    assert "99,999 randomly drawn arrangements" in said
    assert said.count("(19") == 2
    assert NONE.methods() == "A rate was estimated from 3 dyads, with dyads as independent units: mean."


def test_an_estimate_is_a_row_of_a_data_frame_and_several_are_several() -> None:
    one = frames.to_polars(HELD)
    assert one.rows(named=True) == [HELD.row()]
    both = frames.to_polars(Estimates((HELD, NONE))).rows(named=True)
    assert both[0] == HELD.row()
    assert {name: both[1][name] for name in NONE.row()} == NONE.row()
    assert both[1]["n_therapists"] is None


def test_all_arrangements_looked_at_are_not_called_drawn() -> None:
    exact = NullTest(null="sign flip", holds="", alternative="two-sided", statistic=1, expected=0, p=0.5, mid_p=0.5, smallest_p=0.1,
                     draws=256, exact=True)
    assert "all 256 arrangements" in str(exact)
    one = Estimate(what="x", value=1, interval=None, no_interval="", confidence=0.9, n={"dyads": 8}, governed_by="dyad",
                   method="mean", test=exact)
    assert "with all arrangements" in one.methods()


def test_a_row_is_flat_and_absent_is_none() -> None:
    row, bare = HELD.row(), NONE.row()
    assert (row["low"], row["n_dyads"], row["null"], row["p"], row["warnings"]) == (0.125, 1_200, "turns", 0.00002, "few")
    assert (bare["low"], bare["p"], bare["warnings"], bare["no_interval"]) == (None, None, None, "too few")


def test_html_is_escaped_and_holds_the_same() -> None:
    page = HELD._repr_html_()
    texts = [html.unescape(text) for text in re.findall(r"<t[hd][^>]*><bdi[^>]*>(.*?)</bdi></t[hd]>", page)]
    assert texts == [part for line in HELD.lines() for part in line]


def test_references_are_sorted_each_once() -> None:
    assert cited(["phipson-smyth-2010", "besag-clifford-1991", "phipson-smyth-2010"]) == (
        CITATIONS["besag-clifford-1991"], CITATIONS["phipson-smyth-2010"])
