"""Clio as a source of the directory: what is read whole, and what in changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bridge.clock import now_ms
from bridge.directory.clio.api import ClioApi
from bridge.directory.clio.records import GIVES, ClioSays, id_of, records_of, when
from bridge.directory.sources.asking import Json
from bridge.directory.sources.flaws import sorted_out
from bridge.directory.sources.port import Capabilities, Hint, SourceRead
from bridge.settings import ClioSettings

_USER = "id,email,enabled,first_name,last_name,initials,phone_number,roles,clio_connect"
_GROUP = "id,name,type,users{id}"
_MATTER = (
    "id,display_number,description,status,open_date,close_date,updated_at,client{id,name},responsible_attorney{id}"
    ",originating_attorney{id},group{id}"
)
_OVERLAP = timedelta(minutes=5)
"""How far before the newest change known the next reading begins."""
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)


class ClioSource:
    """The port `Source` over Clio's API. What Clio said is in memory, since the first reading of a process is whole."""

    name = "clio"
    capabilities = Capabilities(GIVES, changes=True, hints_at_once=100)

    def __init__(self, settings: ClioSettings, api: ClioApi, clock: Callable[[], int] = now_ms) -> None:
        self._clock = clock
        self._settings = settings
        self._api = api
        self._says: ClioSays | None = None

    async def read(self, cursor: str = "") -> SourceRead:
        before = self._says
        users, groups = await self._people(before)
        if before is None or not cursor:
            matters = _by_id(await self._api.whole("/matters.json", _MATTER))
            missing = (before.matters.keys() if before is not None else set()) - matters.keys()
            # What a list leaves out is looked for before it counts as gone (S2, S3).
            matters |= _by_id(await self._api.some("/matters.json", _MATTER, missing))
        else:
            since = cursor
            changed = await self._api.whole("/matters.json", _MATTER, {"updated_since": since})
            matters = _with(before.matters, changed)
        groups |= await self._named_groups(matters, groups)
        newest = self._newest(matters)
        return await self._said(ClioSays(users, groups, matters), newest)

    async def verify(self, hints: Sequence[Hint]) -> SourceRead | None:
        before = self._says
        if before is None:
            return await self.read()
        named = {int(hint.id) for hint in hints if hint.kind == "matters"}
        if not named:
            return None
        found = await self._api.some("/matters.json", _MATTER, named)
        # Whatever is not to be seen any more takes its people out.
        gone = named - {one["id"] for one in found}
        kept = {key: one for key, one in before.matters.items() if key not in gone}
        matters = _with(kept, found)
        if matters == before.matters:
            return None
        # Somebody new may be on it, or a new group.
        users, groups = await self._people(before)
        groups |= await self._named_groups(matters, groups)
        return await self._said(ClioSays(users, groups, matters), None)

    def in_turn(self, now: int) -> Sequence[Hint]:
        return ()

    async def _people(self, before: ClioSays | None) -> tuple[dict[int, Json], dict[int, Json]]:
        users = _by_id(await self._api.whole("/users.json", _USER))
        missing = (before.users.keys() if before is not None else set()) - users.keys()
        users |= _by_id(await self._api.some("/users.json", _USER, missing))
        return users, _by_id(await self._api.whole("/groups.json", _GROUP))

    async def _named_groups(self, matters: Mapping[int, Json], listed: Mapping[int, Json]) -> dict[int, Json]:
        """The groups of matters that the list of groups leaves out."""
        named = {id_of(one.get("group")) for one in matters.values()} - {None}
        return _by_id(await self._api.some("/groups.json", _GROUP, {one for one in named if one and one not in listed}))

    async def _said(self, says: ClioSays, cursor: str | None) -> SourceRead:
        """What follows, checked; only then is it what Clio said. Raises SourceError."""
        records = await asyncio.to_thread(records_of, says, self._settings)
        good, flaws = await asyncio.to_thread(sorted_out, self.name, records)
        self._says = says
        return SourceRead(good, whole=True, cursor=cursor, flaws=flaws)

    def _newest(self, matters: Mapping[int, Json]) -> str:
        """From when on the next reading asks for changes: one matter of a time to come would hide those of all."""
        latest = datetime.fromtimestamp(self._clock() / 1000, UTC) + _OVERLAP
        times = (when(one.get("updated_at")) for one in matters.values())
        newest = max((one for one in times if one is not None and _EARLIEST < one < latest), default=None)
        return "" if newest is None else (newest - _OVERLAP).isoformat()


def _by_id(records: Iterable[Json]) -> dict[int, Json]:
    return {one["id"]: one for one in records}


def _with(known: dict[int, Json], changed: Iterable[Json]) -> dict[int, Json]:
    """These matters with those that changed; an answer older than what is known changes nothing."""
    return {**known, **{one["id"]: one for one in changed if not _older(one, known.get(one["id"], {}))}}


def _older(matter: Json, known: Json) -> bool:
    one, other = when(matter.get("updated_at")), when(known.get("updated_at"))
    return one is not None and other is not None and one < other
