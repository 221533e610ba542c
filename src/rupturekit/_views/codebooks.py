"""A codebook: its codes by what they do and who can be given them, and what is not known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rupturekit._html import (
    Markup,
    Row,
    badge,
    counted,
    details,
    joined,
    line,
    page,
    shortened,
    table,
    tag,
    wide_row,
)
from rupturekit.vocabulary import Certainty, RuptureType

if TYPE_CHECKING:
    from rupturekit.codebooks import Code, Codebook, Scale

__all__ = ["codebook_html"]

MOST_CODES: Final = 60
MOST_PROSE: Final = 1_200
_COLUMNS: Final = ("code", "name", "form", "who", "does", "need acts", "sure")


def codebook_html(book: Codebook) -> Markup:
    """Return a codebook for a notebook: what is known of its reliability first, then its codes in groups."""
    marks = [badge(counted(len(book.codes), "code")), badge(f"one code a {shortened(book.unit, 30)}"),
             badge(f"certainty {book.certainty}")]
    sure = Counter(code.certainty for code in book.codes)
    counts = ", ".join(f"{sure[level]} {level}" for level in Certainty if sure[level])
    name = f"{book.name}{f', version {book.version}' if book.version else ''}"
    return page(
        "Codebook", book.title, tag("p", tag("code", shortened(name, 90)), " ", joined(marks, by=" ")),
        tag("p", tag("b", "Reliability: "), line(_reliability(book), most=MOST_PROSE)),
        tag("p", f"How sure the entries are: {counts}.", class_="rk-soft") if counts else "",
        table(_COLUMNS, _rows(book.codes)), *_more(book))


def _reliability(book: Codebook) -> str:
    if book.reliability == "not stated":
        return ("not stated. What raters agree on with these codes is not known; a study has to report its own "
                "agreement.")
    return book.reliability


def _more(book: Codebook) -> Iterator[Markup]:
    if book.scales:
        yield details(f"{counted(len(book.scales), 'rating scale')}", table(
            ("scale", "rates a", "from", "to", "anchors", "sure"), map(_scale_row, book.scales[:10])))
    if book.note or book.citation:
        said = (tag("p", line(text, most=MOST_PROSE)) for text in (book.citation, book.note) if text)
        yield details("Source and notes", *said)


def _scale_row(scale: Scale) -> Row:
    anchors = "; ".join(f"{at} {text}" for at, text in scale.anchors)
    return (scale.name, scale.applies, f"{scale.min:g}", f"{scale.max:g}", line(anchors, most=240),
            str(scale.certainty))


def _rows(codes: Sequence[Code]) -> Iterator[Row]:
    groups: dict[str, list[Code]] = {}
    for code in codes:
        groups.setdefault(_group(code), []).append(code)
    left = MOST_CODES
    for name in sorted(groups, key=_rank):
        yield wide_row(name, columns=len(_COLUMNS), kind="rk-group")
        yield from map(_row, groups[name][:left])
        left -= min(left, len(groups[name]))
        if not left:
            break
    if len(codes) > MOST_CODES:
        yield wide_row(f"... and {counted(len(codes) - MOST_CODES, 'more code')}", columns=len(_COLUMNS))


def _group(code: Code) -> str:
    """Return the heading that a code stands under: what it marks, or who responds with it."""
    if code.is_marker:
        return f"{(code.type or 'rupture').capitalize()} markers"
    if not code.functions or code.functions == ("no_marker",):
        return "Neither marker nor response"
    if len(code.parties) == 1:
        return f"Responses of the {shortened(code.parties[0], 60)}"
    return "Responses of either"


def _rank(group: str) -> tuple[int, str]:
    order = [*(f"{kind.capitalize()} markers" for kind in RuptureType), "Rupture markers"]
    if group in order:
        return order.index(group), ""
    return (9, "") if group.startswith("Neither") else (8 if group == "Responses of either" else 7, group)


def _row(code: Code) -> Row:
    name = tag("bdi", shortened(code.label, 70), title=shortened(code.note, 240) or None)
    return (tag("code", shortened(code.code, 40)), name, (code.form or "").replace("_", " "),
            " or ".join(code.parties) or "anybody", ", ".join(code.functions).replace("_", " ") or "no function",
            ", ".join(map(str, code.needs)), str(code.certainty))
