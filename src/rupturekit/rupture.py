"""What people said of a rupture: its type by party, form, locus, causes, who noticed, how it ended, what followed.

Labels are rows; a `Rupture` is the same statements by name, of one rater or of all. It derives nothing: what
nobody stated is an empty tuple, and `"unknown"` is a statement.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from rupturekit.episode import Episode, Label
from rupturekit.errors import RecordError, did_you_mean, listed
from rupturekit.vocabulary import Capacity, RepairSource

__all__ = ["Rupture", "rupture_of"]


@attrs.frozen(kw_only=True, repr=False)
class Rupture:
    """The statements about one rupture episode; every value is a tuple, in the order of the records.

    Attributes
    ----------
    types : tuple of (party, type)
        A rupture type belongs to a party; None where the rater did not say whose.
    forms, loci, causes, visibility, intensity : tuple of str
    capacities : tuple of (Capacity, party, "yes" | "no" | "unknown")
        Noticing, acknowledging, staying with discomfort, curiosity, articulating, reflecting together, by party.
    cost_of_raising : tuple of (party, text)
        What raising it cost whom, as reported.
    rated_resolution, reported_resolution : tuple of (party, value)
        Two of the three sources of repair; the third, the end that a trace reaches, is never stated.
    outcomes : tuple of str
    consequences : tuple of str
        Reported, never derived.
    raters : tuple of str
        Who made these statements.
    """

    episode: str
    types: tuple[tuple[str | None, str], ...] = ()
    forms: tuple[str, ...] = ()
    loci: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    visibility: tuple[str, ...] = ()
    intensity: tuple[str, ...] = ()
    capacities: tuple[tuple[Capacity, str | None, str], ...] = ()
    cost_of_raising: tuple[tuple[str | None, str], ...] = ()
    rated_resolution: tuple[tuple[str | None, str], ...] = ()
    reported_resolution: tuple[tuple[str | None, str], ...] = ()
    outcomes: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    raters: tuple[str, ...] = ()

    def capacity(self, capacity: Capacity, party: str) -> tuple[str, ...]:
        """Return what was stated of one capacity of one party; empty where nobody said."""
        return tuple(said for which, who, said in self.capacities if which is capacity and who == party)

    def __repr__(self) -> str:
        said = [f"{party or 'somebody'} {kind}" for party, kind in self.types]
        return f"Rupture({self.episode!r}: {listed(said) or 'type not stated'}; by {listed(self.raters) or 'nobody'})"

    def __str__(self) -> str:
        lines = [repr(self)]
        for field in attrs.fields(type(self)):
            value = getattr(self, field.name)
            if field.name not in ("episode", "raters", "types") and value:
                lines.append(f"  {field.name.replace('_', ' ')}: {listed(map(_said, value))}")
        return "\n".join(lines)


def _said(value: str | tuple[str | None, ...]) -> str:
    if isinstance(value, str):
        return value.replace("_", " ")
    return " ".join(str(part).replace("_", " ") for part in value if part is not None)


def rupture_of(episode: Episode, *, rater: str | None = None) -> Rupture:
    """Return what was stated of an episode, by one rater or by all.

    Raises
    ------
    RecordError
        Where `rater` made no statement about the episode.

    >>> from rupturekit.codebooks import load_codebook
    >>> from rupturekit.episode import Coding, Move
    >>> move = Move(dyad="D1", session=1, track="r1", party="client", code="wd", onset=0, row_id=1)
    >>> said = Label(subject_kind="episode", subject="E1", attribute="noticing", party="therapist", value="no")
    >>> episode = attrs.evolve(Episode.of([move], coding=Coding(codebook=load_codebook("stages"))), labels=(said,))
    >>> rupture_of(episode).capacity(Capacity.NOTICING, "therapist"), rupture_of(episode).outcomes
    (('no',), ())
    """
    labels = episode.labels if rater is None else _by(episode, rater)
    return Rupture(
        episode=episode.episode, types=_by_party(labels, "type"), forms=_values(labels, "form"),
        loci=_values(labels, "locus"), causes=_values(labels, "cause"), visibility=_values(labels, "visibility"),
        intensity=_values(labels, "intensity"), outcomes=_values(labels, "outcome"),
        capacities=tuple((Capacity(label.attribute), label.party, label.value) for label in labels
                         if label.attribute in {capacity.value for capacity in Capacity}),
        cost_of_raising=_by_party(labels, "cost_of_raising"), consequences=_values(labels, "consequence"),
        rated_resolution=_by_party(labels, RepairSource.RATED_RESOLUTION),
        reported_resolution=_by_party(labels, RepairSource.REPORTED_RESOLUTION),
        raters=tuple(dict.fromkeys(label.rater for label in labels if label.rater is not None)),
    )


def _by(episode: Episode, rater: str) -> tuple[Label, ...]:
    raters = dict.fromkeys(label.rater for label in episode.labels if label.rater is not None)
    if rater not in raters:
        raise RecordError(f"{rater!r} stated nothing about episode {episode.episode!r}{did_you_mean(rater, raters)}; "
                          f"statements are by: {listed(raters) or 'nobody'}", field="rater", value=rater)
    return tuple(label for label in episode.labels if label.rater == rater)


def _values(labels: Iterable[Label], attribute: str) -> tuple[str, ...]:
    return tuple(label.value for label in labels if label.attribute == attribute)


def _by_party(labels: Iterable[Label], attribute: str) -> tuple[tuple[str | None, str], ...]:
    return tuple((label.party, label.value) for label in labels if label.attribute == attribute)
