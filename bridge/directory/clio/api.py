"""Clio's API: lists read whole by its cursor, and single records by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from bridge.directory.clio.hosts import client_of, host_of
from bridge.directory.clio.records import is_id
from bridge.directory.sources.asking import AskedSystem, Bucket, Json, Params
from bridge.directory.sources.port import SourceError
from bridge.settings import ClioSettings
from bridge.store.engine.sql import batched
from bridge.store.engine.store import Store

log = structlog.get_logger(__name__)
BURST = 5
"""Requests sent at once; so many fewer are sent in the rest of a minute."""
PAGE = 200
_MOST_PAGES = 5_000
_IDS_AT_ONCE = 100


class ClioApi(AskedSystem):
    """One connection to Clio."""

    def __init__(
        self, settings: ClioSettings, store: Store, bucket: Bucket | None = None, *, read_only: bool = False
    ) -> None:
        bucket = bucket or Bucket((settings.requests_per_minute - BURST) / 60, BURST)
        super().__init__(client_of(settings), store, bucket, read_only=read_only)
        self._base = f"{host_of(settings)}/api/v4"

    async def whole(self, path: str, fields: str, params: Mapping[str, str] | None = None) -> list[Json]:
        """A whole list, each record once, with these fields.

        Clio gives lists in pages in the order of ids, each with the address of the next, so nothing is left out where
        records come or go meanwhile. Raises SourceError.
        """
        asked = {"fields": fields, "order": "id(asc)", "limit": str(PAGE), **(params or {})}
        return await self._pages(path, asked)

    async def some(self, path: str, fields: str, ids: Iterable[int]) -> list[Json]:
        """Those records of a list that have these ids and are to be seen. Raises SourceError."""
        found: list[Json] = []
        for part in batched(sorted(set(ids)), _IDS_AT_ONCE):
            asked = {"fields": fields, "order": "id(asc)", "limit": str(PAGE)}
            records = await self._pages(path, [*asked.items(), *(("ids[]", str(one)) for one in part)])
            found += [one for one in records if one["id"] in part]
        return found

    async def change(self, method: str, path: str, data: Json | None = None, secret: str = "") -> Json:
        """Change something, and return what it is then. `secret` is that of a webhook. Raises SourceError."""
        headers = {"X-Hook-Secret": secret} if secret else None
        answer = await self.ask(method, self._base + path, None, None if data is None else {"data": data}, headers)
        found = answer.get("data") if isinstance(answer, dict) else None
        return found if isinstance(found, dict) else {}

    async def _pages(self, path: str, params: Params) -> list[Json]:
        found: dict[int, Json] = {}
        url, asked, seen = self._base + path, params, set[str]()
        while True:
            page = await self.ask("GET", url, asked)
            found.update((one["id"], one) for one in _records(page, path))
            following = _next(page)
            if not following:
                return list(found.values())
            # The token goes along, so to no other host; and a list that leads in a circle has no end.
            if not following.startswith(f"{self._base}/") or following in seen or len(seen) >= _MOST_PAGES:
                raise SourceError(f"Clio's list {path} goes on at an address that it cannot be read from.")
            seen.add(following)
            url, asked = following, {}


def _records(page: Any, path: str) -> list[Json]:
    values = page.get("data") if isinstance(page, dict) else None
    found = (
        [one for one in values if isinstance(one, dict) and is_id(one.get("id"))] if isinstance(values, list) else []
    )
    if not isinstance(values, list) or (values and not found):
        raise SourceError(f"Clio's list {path} is not what its description says.")
    if len(found) < len(values):
        log.warning("source_record_without_id", source="clio", list=path, count=len(values) - len(found))
    return found


def _next(page: Json) -> str:
    meta = page.get("meta")
    paging = meta.get("paging") if isinstance(meta, dict) else None
    following = paging.get("next") if isinstance(paging, dict) else None
    return following if isinstance(following, str) else ""
