"""What a backup says of itself: when it was made, by which release, and what each of its parts is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bridge import __version__

FORMAT = 1
"""Raised when an older release could not read what is written."""
MANIFEST = "backup.json"
LATEST_MS = 253_402_300_799_999
"""The end of the year 9999."""


_CONTROLS = r"\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069"
"""Characters that do something to the terminal, or turn the line round."""
Shown = Annotated[str, StringConstraints(pattern=f"^[^{_CONTROLS}]*$")]
"""Text that people read on their terminal, and that whoever has the public key may have written."""


class Side(StrEnum):
    """Whose a part is."""

    BRIDGE = "bridge"
    SYNAPSE = "synapse"


class Database(BaseModel):
    """A database of the two."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    side: Side
    engine: Literal["sqlite", "postgresql"]

    @property
    def member(self) -> str:
        """Its name in the archive: a SQLite file, or what `pg_dump --format=custom` writes."""
        return f"{self.side}.{'db' if self.engine == 'sqlite' else 'dump'}"


class KeptFile(BaseModel):
    """A file that a new machine needs: the configuration, a key, the directory."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    member: Annotated[str, StringConstraints(pattern=f"^files/[0-9]{{1,4}}-[^/{_CONTROLS}]{{1,255}}$")]
    """Its name in the archive. Whoever has the public key can write an archive, so no other is unpacked."""
    came_from: Shown
    """Where it lay. For people to read; nothing is written there."""


class Manifest(BaseModel):
    """The first part of every backup."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Annotated[int, Field(ge=1)] = FORMAT
    release: Shown = __version__
    """The firm-bridge that made it."""
    server_name: Shown
    began_ms: Annotated[int, Field(ge=0, le=LATEST_MS)]
    """When it was begun; everything in it is of that time or later."""
    databases: tuple[Database, ...]
    files: tuple[KeptFile, ...] = ()
    variables: tuple[Shown, ...] = ()
    """Names of the settings that came from the environment. Their values are in the archive, in `environment`."""


class Head(BaseModel):
    """What any release can read of a manifest, so that it can say that it is of a newer one."""

    model_config = ConfigDict(extra="ignore")

    format: int
    release: Shown
