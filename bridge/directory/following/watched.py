"""The directory's files as they are watched: read when they changed, and left alone while they are written."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bridge.directory.problems import ChangedWhileReadError
from bridge.directory.read import Fingerprint, Snapshot, fetch, look


class WatchedFiles:
    """The files at a path, and which of their contents were taken last."""

    def __init__(self, path: Path, settle_seconds: float) -> None:
        """`settle_seconds` is how long they must have been left alone before they are read, so that an export under way
        is not taken for the whole."""
        self.path = path
        self._settle = settle_seconds
        self._seen: tuple[Fingerprint, str] | None = None

    async def read_if_changed(self) -> Snapshot | None:
        """Their content; None where it is what was taken last. Raises ChangedWhileReadError and DirectoryError, after
        which it is read again."""
        seen, self._seen = self._seen, None
        fingerprint = await asyncio.to_thread(look, self.path)
        if seen and seen[0] == fingerprint:
            self._seen = seen
            return None
        newest = max(changed for _, changed, _, _ in fingerprint) / 1e9
        if self._settle > 0 and time.time() - newest < self._settle:
            await asyncio.sleep(self._settle)
        snapshot = await asyncio.to_thread(fetch, self.path)
        if snapshot.fingerprint != fingerprint:
            raise ChangedWhileReadError(())
        if seen and seen[1] == snapshot.digest:
            self._seen = (fingerprint, snapshot.digest)
            return None
        return snapshot

    def took(self, snapshot: Snapshot) -> None:
        """This content is taken, and need not be read again."""
        self._seen = (snapshot.fingerprint, snapshot.digest)

    def forget(self) -> None:
        """Have them read again."""
        self._seen = None
