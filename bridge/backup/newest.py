"""How old the newest backup is, by the names in the folder: a backup has its name once it is whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bridge.settings import BackupSettings

_NAME = re.compile(r"firm-bridge-(\d{4}-\d\d-\d\dT\d{6}Z)\.age")
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


def newest_backup(settings: BackupSettings, now: datetime) -> Newest | None:
    """The newest backup in backup.folder; None where no folder is set. A folder that cannot be read has none."""
    if not settings.folder:
        return None
    try:
        names = [path.name for path in Path(settings.folder).iterdir()]
    except OSError:
        names = []
    # Their names sort as their times do.
    newest = max((name for name in names if _NAME.fullmatch(name)), default=None)
    if newest is None:
        return Newest(None, -1.0, late=settings.alarm_hours > 0)
    begun = datetime.strptime(newest, f"firm-bridge-{_FORM}.age").replace(tzinfo=UTC)
    age = (now - begun).total_seconds()
    late = 0 < settings.alarm_hours * 3600 < age
    return Newest(Path(settings.folder) / newest, age, late)
