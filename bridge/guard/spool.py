"""Where refusals wait until the bridge has them in its audit log: in memory, and on disk at once.

The file has one line for each: a checksum, a blank, and JSON with

    spool     the id of this list, made when the file is
    number    higher than any before, also than those of a list that was lost: it begins with the time
    previous  the number before it, by which the bridge sees whether one is missing

and what bridge/guard/refusals.py tells. A line without a `deed` only keeps id and number. What the bridge has taken
over is left out when the file is written anew, which happens beside the old one. Nothing here ever raises because of
the disk: what cannot be written is kept in memory, and written as soon as that is possible.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.firm.audit import Deed
from bridge.guard.refusals import Attempt, Repeats, Told, told_as_json, told_from_json

log = logging.getLogger(__name__)
MAX_BYTES = 4 * 1024 * 1024
"""What may wait, about ten thousand lines. Of more it is only counted how much there was."""
PER_PAGE = 500
FULL, DAMAGED = "full", "damaged"
"""Why refusals are missing."""
_CHECKSUM = 16


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    at_ms: int
    data: dict[str, Any]
    raw: bytes


class Spool:
    """The list of refusals. `note` is for Synapse's main thread and waits for nothing; the rest may take its time."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, now_ms: Callable[[], int] = _now_ms) -> None:
        """Read what is there. Nothing is written before there is something to write."""
        self._path = path
        self._max_bytes = max_bytes
        self.now_ms = now_ms
        self._lock = threading.Lock()
        """Over what is in memory and over appending; held for moments only."""
        self._slow = threading.Lock()
        """Over writing the file anew. Taken before the other one."""
        self._repeats = Repeats()
        self._id = secrets.token_hex(8)
        self._last = 0
        self._lines: list[_Line] = []
        self._bytes = 0
        """Of what waits."""
        self._on_disk = 0
        """Lines in the file, which may have been taken over."""
        self._file = -1
        self._behind = False
        """Whether the file lacks something that is in memory, so that it must be written anew."""
        self._dirty = False
        self._dropped = 0
        self._load()

    @property
    def id(self) -> str:
        """Of this list; another one where the file was lost."""
        return self._id

    def note(self, tried: Attempt) -> None:
        """Note a refusal: the first of its kind is on disk when this returns, repetitions are counted."""
        with self._lock:
            told = self._repeats.note(tried, self.now_ms())
            if told is not None:
                self._append(told)

    def tick(self) -> None:
        """Write what was counted, and see that the disk has everything. To be called every few seconds."""
        with self._slow:
            with self._lock:
                for told in self._repeats.due(self.now_ms()):
                    self._append(told)
                behind, dirty, self._dirty = self._behind, self._dirty, False
            try:
                if behind:
                    self._write_anew()
                elif dirty and self._file >= 0:
                    os.fsync(self._file)
            except OSError as error:
                log.error("Refusals cannot be written to %s and are kept in memory: %s", self._path, error)  # noqa: TRY400

    def close(self) -> None:
        """Write what was counted so far, at the end of the process."""
        with self._lock:
            for told in self._repeats.due(self.now_ms(), all_of_them=True):
                self._append(told)
        self.tick()

    def page(self, spool: str, after: int) -> dict[str, Any]:
        """What waits behind a number, oldest first. Of this list, everything up to the number is taken over."""
        with self._slow:
            with self._lock:
                if spool == self._id:
                    # A file put back from a backup goes on behind what the bridge has.
                    self._last = max(self._last, after)
                    self._lines = [line for line in self._lines if line.number > after]
                    self._bytes = sum(len(line.raw) for line in self._lines)
                    self._tell_dropped()
                waiting = len(self._lines)
                rewrite = self._on_disk > 2 * waiting
                found = {
                    "spool": self._id,
                    "last": self._last,
                    "waiting": waiting,
                    "oldest_ms": self._lines[0].at_ms if waiting else 0,
                    "refusals": [line.data for line in self._lines[:PER_PAGE]],
                }
            if rewrite:
                try:
                    self._write_anew()
                except OSError as error:
                    log.error("%s cannot be written anew, and still has what was taken over: %s", self._path, error)  # noqa: TRY400
            return found

    def waiting(self) -> dict[str, int]:
        """How many wait, and since when the oldest does, in milliseconds since the epoch; 0 for none."""
        with self._lock:
            return {"waiting": len(self._lines), "oldest_ms": self._lines[0].at_ms if self._lines else 0}

    def _append(self, told: Told) -> None:
        """Put something into the list and, if that is possible, behind what is in the file."""
        if self._bytes > self._max_bytes:
            if not self._dropped:
                log.error("%s is full: refusals are only counted until the bridge has taken them over", self._path)
            self._dropped += told.count
            return
        number = max(self._last + 1, self.now_ms())
        line = _written({"spool": self._id, "number": number, "previous": self._last, **told_as_json(told)})
        self._last = number
        self._lines.append(line)
        self._bytes += len(line.raw)
        if self._behind:
            return
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            whole = os.write(self._file, line.raw) == len(line.raw)
        except OSError as error:
            log.error("A refusal is kept in memory, because %s cannot be written: %s", self._path, error)  # noqa: TRY400
            whole = False
        self._behind, self._dirty = not whole, True
        self._on_disk += 1

    def _tell_dropped(self) -> None:
        if self._dropped and self._bytes <= self._max_bytes:
            now, dropped, self._dropped = self.now_ms(), self._dropped, 0
            self._append(Told(Attempt(Deed.REFUSALS_MISSING, rule="O1", what=FULL), now, now, dropped))

    def _write_anew(self) -> None:
        """Replace the file by one that has what waits; whoever reads it sees the old one or the new one."""
        with self._lock:
            lines, last = list(self._lines), self._last
        kept = _written({"spool": self._id, "number": lines[0].data["previous"] if lines else last})
        draft = self._path.with_name(self._path.name + ".new")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            _write(file, (kept.raw, *(line.raw for line in lines)))
            os.fsync(file)
            with self._lock:
                # What came meanwhile is put behind, before anybody sees the file.
                newer = [line.raw for line in self._lines if line.number > last]
                _write(file, newer)
                draft.replace(self._path)
                file, self._file = self._file, file
                self._behind, self._dirty, self._on_disk = False, bool(newer), len(lines) + len(newer)
        finally:
            if file >= 0:
                os.close(file)
        _sync_folder(self._path.parent)

    def _load(self) -> None:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            log.error("Refusals that wait in %s cannot be read: %s", self._path, error)  # noqa: TRY400
            return
        damaged = 0
        for written in filter(None, raw.split(b"\n")):
            line = _read(written)
            if line is None or (self._last and (line.data["spool"] != self._id or line.number <= self._last)):
                damaged += 1
                continue
            self._id, self._last = line.data["spool"], line.number
            if "deed" in line.data:
                self._on_disk += 1
                self._lines.append(line)
                self._bytes += len(line.raw)
        self._behind = bool(damaged) or not raw.endswith(b"\n")
        if damaged:
            self._put_right(damaged)

    def _put_right(self, damaged: int) -> None:
        """Tell how many lines are lost, and write the others anew, beside a copy of the file as it was."""
        kept = self._path.with_name(self._path.name + ".damaged")
        log.error("%s has %d lines that cannot be read; %s is a copy of it", self._path, damaged, kept)
        now = self.now_ms()
        self._append(Told(Attempt(Deed.REFUSALS_MISSING, rule="O1", what=DAMAGED), now, now, damaged))
        try:
            shutil.copyfile(self._path, kept)
            self._write_anew()
        except OSError as error:
            log.error("%s could not be put right and is used as it is: %s", self._path, error)  # noqa: TRY400


def _written(data: dict[str, Any]) -> _Line:
    body = json.dumps(data, separators=(",", ":")).encode()
    return _Line(data["number"], data.get("first_ms", 0), data, _checksum(body) + b" " + body + b"\n")


def _read(written: bytes) -> _Line | None:
    """A line of the file; None for one that was damaged, or was written in part."""
    checksum, _, body = written.partition(b" ")
    if checksum != _checksum(body):
        return None
    try:
        data = json.loads(body)
        if type(data["number"]) is not int or not isinstance(data["spool"], str):
            return None
        if "deed" in data:
            told_from_json(data)
        return _Line(data["number"], data.get("first_ms", 0), data, written + b"\n")
    except (ValueError, KeyError, TypeError):
        return None


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_CHECKSUM].encode()


def _write(file: int, lines: Iterable[bytes]) -> None:
    raw = b"".join(lines)
    while raw:
        raw = raw[os.write(file, raw) :]


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
