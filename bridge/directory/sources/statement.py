"""What each source says, and what comes of it when they are made one (S1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.directory.reading import Records

Links = Mapping[tuple[str, str, str], str]
"""The id in the directory by source, kind and the source's own id."""


@dataclass(frozen=True)
class Statement:
    """What one source says."""

    source: str
    records: Records
    gone: frozenset[tuple[str, str]] = frozenset()
    """Kind and own id of what it no longer has."""
    gives: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The fields it knows of, by kind; a kind that is not there is known with all its fields."""
    numbers: Mapping[str, str] = field(default_factory=dict)
    """What people call those of its matters that never could be read and that others know, by own id."""

    def can_say(self, kind: str, name: str) -> bool:
        """Whether it knows of this field at all."""
        return kind not in self.gives or name in self.gives[kind]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which sources said what of one record."""

    sources: tuple[str, ...]
    """Its owner first."""
    fields: Mapping[str, str]
    """Those that come from another source than the owner, by field."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """That two sources say different things of the same value, and whose word holds."""

    kind: str
    id: str
    field: str
    holds: str
    """The source whose word holds."""
    other: str


@dataclass(frozen=True)
class Merged:
    """The union of the sources."""

    records: Records
    origins: Mapping[tuple[str, str], Provenance]
    """By kind and id in the directory."""
    disagreements: tuple[Disagreement, ...]
    left_out: Mapping[str, tuple[str, ...]]
    """Ids of what others have and the owner of the kind has not, by kind: people count as having left."""
    links: Links
    lost: frozenset[str] = frozenset()
    """Whom only what is kept of deleted matters names, and who is not there any more."""
