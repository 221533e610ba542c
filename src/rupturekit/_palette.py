"""The colours of the phases and of the needs, said once for notebooks and figures.

The five hues, and that of communion, are from the set of Okabe and Ito (2008, *Color universal design*), made to be
told apart with the common kinds of colour blindness. No reading ever rests on colour alone: a phase is
also written, a kind of move has a shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from rupturekit.vocabulary import Need, Phase

__all__ = ["NEEDS", "PHASES", "Shades", "mixed"]


@attrs.frozen(kw_only=True)
class Shades:
    """One hue as a line or mark, and as the ground of text on a light and on a dark page."""

    mark: str
    light: str
    dark: str


def mixed(colour: str, other: str, *, share: float) -> str:
    """Return a colour with a share of another stirred in, both as `#rrggbb`.

    >>> mixed("#000000", "#ffffff", share=0.5)
    '#808080'
    """
    pairs = ((int(colour[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _shades(hue: str) -> Shades:
    return Shades(mark=hue, light=mixed(hue, "#ffffff", share=0.84), dark=mixed(hue, "#14171a", share=0.76))


PHASES: Final[Mapping[Phase, Shades]] = MappingProxyType({
    Phase.ALLIANCE: _shades("#0072b2"),
    Phase.RUPTURE: _shades("#d55e00"),
    Phase.NEGOTIATION: _shades("#e69f00"),
    Phase.REPAIR: _shades("#009e73"),
    Phase.BREAKDOWN: _shades("#cc79a7"),
})
"""Phase -> its shades; a figure takes `mark`, text stands on `light` or `dark`."""

NEEDS: Final[Mapping[Need, str]] = MappingProxyType({Need.AGENCY: "#20262c", Need.COMMUNION: "#56b4e9"})
"""Need -> its colour: one dark and one light, so that they differ in grey, and neither is a phase's."""
