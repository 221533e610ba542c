"""Clusters of the Structural Analysis of Social Behavior, and the principles that tie one to another.

A cluster has a surface (1 focus on the other, 2 focus on the self, 3 introject) and a number from 1 to 8, clockwise
from the top of the model's own picture, where affiliation lies to the right and independence at the top (Benjamin 1974,
1996; from general knowledge). Its code in the codebook `sasb` is `surface-number`. Where it stands on a plane whose
vertical axis is control is a reading of its own: the placement `sasb`.

The principles are predictions of the model, not facts of a therapy: that an act was answered by its complement says
nothing of whether a need was met.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from rupturekit import _html
from rupturekit.errors import RecordError, expect
from rupturekit.interpersonal.placement import Focus

__all__ = ["CLUSTERS", "Cluster", "antithesis", "as_cluster", "complement", "introject", "opposite", "similar"]

_FOCUS: Final = {1: Focus.OTHER, 2: Focus.SELF, 3: Focus.INTROJECT}


def _surface(value: int) -> int:
    expect(value, int, what="a surface, 1 to 3")
    if value not in _FOCUS:
        raise RecordError(f"surface is {value!r:.40}; expected 1 (focus on the other), 2 (on the self) or 3 "
                          "(introject)", field="surface", value=value)
    return int(value)


def _number(value: int) -> int:
    expect(value, int, what="a cluster's number, 1 to 8")
    if not 1 <= value <= 8:
        raise RecordError(f"number is {value!r:.40}; expected a cluster from 1 to 8", field="number", value=value)
    return int(value)


@attrs.frozen(order=True)
class Cluster:
    """One cluster, by surface and number.

    >>> print(Cluster(1, 5), Cluster(1, 5).focus, Cluster(1, 5).angle)
    1-5 other 270
    """

    surface: int = attrs.field(converter=_surface)
    number: int = attrs.field(converter=_number)

    @property
    def code(self) -> str:
        """The code in the codebook `sasb`."""
        return f"{self.surface}-{self.number}"

    @property
    def focus(self) -> Focus:
        """Whom the act is about."""
        return _FOCUS[self.surface]

    @property
    def angle(self) -> int:
        """Degrees in SASB's own picture, counter-clockwise from affiliation (0) to independence (90).

        Its vertical axis is not control: for the plane of this library take a placement.
        """
        return (90 - 45 * (self.number - 1)) % 360

    def __str__(self) -> str:
        return self.code

    def _repr_html_(self) -> str:
        return _html.printed(self)


CLUSTERS: Final = tuple(Cluster(surface, number) for surface in _FOCUS for number in range(1, 9))
"""All 24, in order."""


def as_cluster(cluster: Cluster | str) -> Cluster:
    """Take a cluster as it is, or by its code.

    Raises
    ------
    RecordError
        Where the text is no code of a cluster.

    >>> as_cluster("1-4")
    Cluster(surface=1, number=4)
    """
    if isinstance(cluster, Cluster):
        return cluster
    expect(cluster, str, what="a cluster", remedy="or its code, such as 1-4")
    if not re.fullmatch("[1-3]-[1-8]", cluster):
        raise RecordError(f"{cluster!r:.40} is no cluster; expected surface (1 to 3), a hyphen and number (1 to 8), "
                          "such as 1-4", field="cluster", value=cluster)
    return Cluster(int(cluster[0]), int(cluster[2]))


def complement(cluster: Cluster | str) -> Cluster:
    """Return what an act invites: the same number on the other of surfaces 1 and 2.

    Raises
    ------
    RecordError
        On surface 3: what one does to oneself invites nothing of the other.

    >>> print(complement("1-5"), complement("2-5"))
    2-5 1-5
    """
    held = as_cluster(cluster)
    return Cluster(_other_surface(held, "complement"), held.number)


def opposite(cluster: Cluster | str) -> Cluster:
    """Return the opposite on the same surface: four clusters on, across the circle.

    >>> print(opposite("1-5"), opposite("3-2"))
    1-1 3-6
    """
    held = as_cluster(cluster)
    return Cluster(held.surface, _across(held.number))


def antithesis(cluster: Cluster | str) -> Cluster:
    """Return the act that is to draw the other out of this one: the complement of its opposite.

    That is four clusters on, on the other of surfaces 1 and 2.

    Raises
    ------
    RecordError
        On surface 3.

    >>> print(antithesis("1-5"), antithesis("2-8"))
    2-1 1-4
    """
    held = as_cluster(cluster)
    return Cluster(_other_surface(held, "antithesis"), _across(held.number))


def similar(cluster: Cluster | str) -> Cluster:
    """Return what a person does who acts as the other did: the same surface and number.

    >>> print(similar("1-6"))
    1-6
    """
    return as_cluster(cluster)


def introject(cluster: Cluster | str) -> Cluster:
    """Return how one comes to treat oneself as one was treated: 1-k becomes 3-k.

    Raises
    ------
    RecordError
        On surfaces 2 and 3: only an act whose focus is the other is taken in.

    >>> print(introject("1-6"))
    3-6
    """
    held = as_cluster(cluster)
    if held.surface != 1:
        raise RecordError(f"{held} has no introject: only acts of surface 1 are taken in", field="cluster",
                          value=held.code)
    return Cluster(3, held.number)


def _across(number: int) -> int:
    return (number + 3) % 8 + 1


def _other_surface(cluster: Cluster, what: str) -> int:
    if cluster.surface == 3:
        raise RecordError(f"{cluster} has no {what}: what one does to oneself is no act towards the other; it takes "
                          "surface 1 or 2", field="cluster", value=cluster.code)
    return 3 - cluster.surface
