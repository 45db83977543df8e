"""Smokeball's API: as many requests as it allows, repeated as it asks, and lists read whole while they change."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
import structlog

from bridge.directory.smokeball.hosts import client_of, hosts_of
from bridge.directory.sources.asking import AskedSystem, Bucket, Json, NotAnsweredError
from bridge.directory.sources.port import SourceError
from bridge.settings import SmokeballSettings
from bridge.store.engine.store import Store

log = structlog.get_logger(__name__)
BURST = 5
"""Requests that Smokeball takes at once (its documentation, Throttling and limits)."""
PAGE = 500
_NAMELESS = "\0"
_READINGS = 6
"""How often a list is read anew that changed while it was read."""


class SmokeballApi(AskedSystem):
    """One connection to Smokeball."""

    def __init__(
        self, settings: SmokeballSettings, store: Store, bucket: Bucket | None = None, *, read_only: bool = False
    ) -> None:
        bucket = bucket or Bucket(settings.requests_per_second, BURST)
        key = {"x-api-key": settings.api_key.get_secret_value()}
        super().__init__(client_of(settings), store, bucket, key, read_only=read_only)
        self._base = hosts_of(settings).api

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """What is there; None where nothing is (404). Raises SourceError."""
        return await self.ask("GET", self._base + path, params)

    async def send(self, method: str, path: str, body: Json | None = None) -> Any:
        """Change something. Raises SourceError."""
        return await self.ask(method, self._base + path, None, body)

    async def send_once(self, path: str, body: Callable[[], Json]) -> None:
        """Have something done that is not asked for again. `body` says what, once it is its turn. Raises SourceError,
        and what `body` raises."""
        if await self.ask("POST", self._base + path, None, body, once=True) is None:
            raise NotAnsweredError(f"Smokeball has nothing at {path}, or not for this person.")

    async def whole(
        self, path: str, params: Mapping[str, str] | None = None, keep: Callable[[Json], Json] = dict
    ) -> list[Json]:
        """A whole list, each record once, and of each what `keep` makes of it, its id with it.

        Lists are given by offset, and shift when something before it comes or goes. So each page begins with the last
        record of the one before; where another stands there, the list is read anew. Raises SourceError.
        """
        for _ in range(_READINGS):
            found = await self._read(path, params or {}, keep)
            if found is not None:
                return found
        raise SourceError(f"Smokeball's list {path} changes faster than it can be read. It is tried again.")

    async def _read(self, path: str, params: Mapping[str, str], keep: Callable[[Json], Json]) -> list[Json] | None:
        """The list; None where it shifted."""
        found: dict[str, Json] = {}
        alike: Counter[str] = Counter()
        last = ""
        while True:
            offset = len(found) - 1 if found else 0
            asked = {**params, "Offset": str(offset), "Limit": str(PAGE)}
            # Of its list of groups the description knows no pages, though the answer has the form of one.
            page = await self.get(path, asked if found or path != "/groups" else params)
            if not isinstance(page, dict):
                raise SourceError(f"Smokeball has no list {path}.")
            values = _records(page, path, later=bool(found))
            if found and (not values or values[0]["id"] != last):
                return None
            new = values[1:] if found else values
            before = len(found)
            for one in new:
                # Of some without an id that are the same, each is one more.
                alike[one["id"]] += one["id"].startswith(_NAMELESS)
                found[f"{one['id']}{alike[one['id']] or ''}"] = keep(one)
            if len(found) != before + len(new):
                return None
            size = page.get("size")
            if not new or (isinstance(size, int) and len(found) >= size) or len(values) < _limit(page):
                # Fewer than were said to be there: something went away at the end.
                if isinstance(size, int) and size > len(found):
                    return None
                return named(found.values())
            last = values[-1]["id"]


def named(records: Iterable[Json]) -> list[Json]:
    """Those of a list that have an id."""
    return [one for one in records if not one["id"].startswith(_NAMELESS)]


def _limit(page: Json) -> int:
    limit = page.get("limit")
    return limit if isinstance(limit, int) and limit > 0 else PAGE


def _records(page: Json, path: str, *, later: bool) -> list[Json]:
    values = page.get("value")
    return [] if values is None else listed(values, path, later=later)


def listed(values: Any, path: str, *, later: bool = False) -> list[Json]:
    """The records of a list, or of a later page of it. Raises SourceError where it is none, or nothing has an id.

    What has no id among others that have cannot be told from them: its place is kept, and no more.
    """
    if not isinstance(values, list) or (values and not later and not any(map(_has_id, values))):
        raise SourceError(f"Smokeball's list {path} is not what its description says.")
    if lost := [place for place, one in enumerate(values) if not _has_id(one)]:
        log.warning("source_record_without_id", source="smokeball", list=path, count=len(lost))
    return [one if _has_id(one) else {"id": f"{_NAMELESS}{_digest(one)}"} for one in values]


def _has_id(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("id"), str) and bool(one["id"])


def _digest(one: Any) -> str:
    return hashlib.sha256(orjson.dumps(one, option=orjson.OPT_SORT_KEYS)).hexdigest()
