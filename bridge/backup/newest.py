"""How old the newest backup is, by the names in the folder: a backup has its name once it is whole.

The folder may be a share that hangs, so nobody looks into it but in a thread that may be left behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from bridge.settings import BackupSettings
from bridge.threads import Threads

log = structlog.get_logger(__name__)
ANSWER_SECONDS = 10.0
"""What the folder may take to say what is in it."""
_NAME = re.compile(r"firm-bridge-([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}Z)\.age")
_FORM = "%Y-%m-%dT%H%M%SZ"


def name_at(moment: datetime) -> str:
    """The file name of a backup begun at this moment."""
    return f"firm-bridge-{moment.astimezone(UTC):{_FORM}}.age"


@dataclass(frozen=True)
class Newest:
    """The newest backup there is."""

    file: Path | None
    """None where there is none."""
    age_seconds: float
    """Since it was begun; -1 where there is none."""
    late: bool
    """Whether it is older than backup.alarm_hours, or missing."""


Found = tuple[datetime, Path]
"""When the newest backup was begun, and its file."""


def newest_in(folder: str) -> Found | None:
    """The newest backup in a folder; None for none. A folder that cannot be read has none. Blocks."""
    try:
        files = list(Path(folder).iterdir())
    except OSError:
        return None
    return max(((begun, file) for file in files if (begun := _begun(file.name)) is not None), default=None)


def _begun(name: str) -> datetime | None:
    """When a backup of this name was begun; None for what is no backup's name, also for a date that there is none."""
    if (found := _NAME.fullmatch(name)) is None:
        return None
    try:
        return datetime.strptime(found[1], _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None


def newest_of(found: Found | None, settings: BackupSettings, now: datetime) -> Newest:
    """What is to be said of the newest backup that was found, or of none."""
    if found is None:
        return Newest(None, -1.0, late=bool(settings.folder) and settings.alarm_hours > 0)
    begun, file = found
    age = (now - begun).total_seconds()
    return Newest(file, age, late=0 < settings.alarm_hours * 3600 < age)


class BackupWatch:
    """Looks into backup.folder now and then, and keeps what it saw last."""

    def __init__(self, settings: BackupSettings, look: Callable[[str], Found | None] = newest_in) -> None:
        self._settings = settings
        self._look = look
        self._found: Found | None = None
        # One that hangs is waited for, and none begun beside it.
        self._threads = Threads(most_left=1)

    def newest(self, now: datetime) -> Newest:
        """The newest backup by the last look, with its age now: of a folder that hangs the alarm rings in the end."""
        return newest_of(self._found, self._settings, now)

    async def look(self, seconds: float = ANSWER_SECONDS) -> None:
        """Look into the folder, if one is set."""
        folder = self._settings.folder
        if not folder:
            return
        try:
            self._found = await self._threads.run(lambda: self._look(folder), seconds)
        except TimeoutError:
            log.warning("backup_folder_hangs", folder=folder)
