"""Where the SCIM server keeps what is pushed: in the store, and in memory to look it up.

One bridge has the store at a time, so memory and store are the same; should a write fail, memory is read anew.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from scim2_models import (
    InvalidValueException,
    Resource,
    ResourceType,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_server.memory import InMemoryStorage
from scim2_server.storage import AsyncScimStorage, SearchPage

from bridge import faults
from bridge.directory.scim.records import Pushed, address_of, group_record, staff_record, works_here
from bridge.directory.sources.port import SourceError
from bridge.directory.sources.union import checked
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import ScimResource


class _Memory(InMemoryStorage):
    """What is in the store. A version is never given twice, nor after a new start."""

    coming_back = ""
    """The id under which the next user is made, who was here before."""

    def generate_id(self, resource_type: ResourceType, resource: Resource[Any]) -> str:
        return self.coming_back or super().generate_id(resource_type, resource)

    def next_version(self) -> str:
        return f'W/"{uuid.uuid4().hex}"'


@dataclass
class _Known:
    """All that was pushed."""

    memory: _Memory = field(default_factory=_Memory)
    emails: dict[str, str] = field(default_factory=dict)
    """The address of each user, by id."""
    left: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What tells a deleted user from others, by id."""
    pushed: bool = False
    """Whether there ever was anything."""


class StoredResources(AsyncScimStorage):
    """The port `AsyncScimStorage` of scim2-server over the store. Its calls raise StoreError besides."""

    supports_cursors = True

    def __init__(self, store: Store, provider: ScimProvider) -> None:
        self._store = store
        self._provider = provider
        self._types: Mapping[str, type[Resource[Any]]] = {
            str(one.name): provider.model_for(one)  # type: ignore[misc]
            for one in provider.resource_types
        }
        self._loaded: _Known | None = None
        self._one_at_a_time = asyncio.Lock()
        self.changes = 0
        """Goes up with every change."""

    async def everything(self) -> list[Pushed] | None:
        """All that is there now; None where nothing was ever pushed."""
        known = await self._known()
        if not known.pushed:
            return None
        return [Pushed(one, known.emails.get(str(one.id), "")) for one in known.memory.resources]

    async def get(
        self, resource_type: ResourceType, resource_id: str, *, response_parameters: Any = None
    ) -> Resource[Any]:
        """One resource."""
        return (await self._known()).memory.get(resource_type, resource_id)

    async def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """A page of them."""
        return (await self._known()).memory.search(resource_types, search_request, position=position)

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Keep a new one. A user who was deleted, and is so by userName, externalId and name, comes back (S3)."""
        async with self._one_at_a_time:
            known = await self._known()
            email = self._judged(known, resource_type, resource)
            marks = _marks(resource) if resource_type.name == "User" else ()
            known.memory.coming_back = next((key for key, had in known.left.items() if marks and had == marks), "")
            try:
                made = known.memory.create(resource_type, resource)
            finally:
                known.memory.coming_back = ""
            await self._keep(known, resource_type, made, email)
            known.left.pop(str(made.id), None)
            return made

    async def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Keep what one is now."""
        async with self._one_at_a_time:
            known = await self._known()
            email = self._judged(known, resource_type, resource)
            now = known.memory.update(resource_type, resource, expected_version=expected_version)
            await self._keep(known, resource_type, now, email)
            return now

    async def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        """Forget a group, or have a user leave."""
        async with self._one_at_a_time:
            known = await self._known()
            before = known.memory.get(resource_type, resource_id)
            known.memory.delete(resource_type, resource_id, expected_version=expected_version)
            try:
                await self._store.run(_delete, resource_id)
            except BaseException:
                self._loaded = None
                raise
            known.emails.pop(resource_id, None)
            if resource_type.name == "User" and (marks := _marks(before)):
                known.left[resource_id] = marks
            self.changes += 1

    async def _known(self) -> _Known:
        if self._loaded is None:
            rows = await self._store.read(_rows)
            with self._provider:
                self._loaded = self._read(rows)
        return self._loaded

    def _read(self, rows: list[tuple[str, str, str, str, bool]]) -> _Known:
        known, there = _Known(pushed=bool(rows)), list[Resource[Any]]()
        for record_id, kind, data, email, deleted in rows:
            resource = self._types[kind].model_validate(orjson.loads(data))
            if not deleted:
                there.append(resource)
                known.emails[record_id] = email
            elif marks := _marks(resource):
                known.left[record_id] = marks
        known.memory.resources = there
        return known

    def _judged(self, known: _Known, resource_type: ResourceType, resource: Resource[Any]) -> str:
        """The address of a user. Raises SCIMException where the directory could not read what is pushed: it would
        stop everything else that changes."""
        if resource_type.name != "User":
            self._check(Pushed(resource), user=False)
            return ""
        email = address_of(resource, known.emails.get(str(resource.id), ""))
        pushed = Pushed(resource, email)
        if works_here(pushed):
            self._check(pushed, user=True)
            for other in known.memory.resources:
                theirs = known.emails.get(str(other.id), "")
                is_other = other.id != resource.id and theirs.casefold() == email.casefold()
                if is_other and works_here(Pushed(other, theirs)):
                    raise UniquenessException(detail=f"The e-mail address is that of the user {other.id} already.")
        elif email:
            try:
                self._check(pushed, user=True)
            except InvalidValueException:
                # Whoever leaves does so whatever else is said of them.
                return ""
        return email

    @staticmethod
    def _check(pushed: Pushed, *, user: bool) -> None:
        # With an id in any case, which a new one has not yet.
        given = pushed.resource.model_copy(update={"id": pushed.resource.id or uuid.uuid4().hex})
        try:
            checked("SCIM", [staff_record(Pushed(given, pushed.email)) if user else group_record(given)])
        except SourceError as error:
            raise InvalidValueException(detail=str(error)) from error

    async def _keep(self, known: _Known, resource_type: ResourceType, now: Resource[Any], email: str) -> None:
        data = orjson.dumps(now.model_dump()).decode()
        try:
            await self._store.run(_put, str(now.id), str(resource_type.name), data, email)
        except BaseException:
            # In memory it is done, and in the store it may be.
            self._loaded = None
            raise
        faults.point("scim.stored")
        if resource_type.name == "User":
            known.emails[str(now.id)] = email
        known.pushed = True
        self.changes += 1


def _marks(user: Any) -> tuple[str, ...]:
    """What tells who was deleted from somebody who is given their userName later; empty where nothing does."""
    if not hasattr(user, "user_name") or not user.external_id or not user.user_name:
        return ()
    name = (user.name.given_name, user.name.family_name) if user.name else ("", "")
    return (user.external_id, user.user_name.casefold(), *((one or "").casefold() for one in name))


def _rows(unit: ReadUnit) -> list[tuple[str, str, str, str, bool]]:
    found = unit.rows("SELECT id, kind, data, email, deleted FROM scim_resource ORDER BY id")
    return [(record_id, kind, data, email, bool(deleted)) for record_id, kind, data, email, deleted in found]


def _put(unit: Unit, record_id: str, kind: str, data: str, email: str) -> None:
    statement = """
        INSERT INTO scim_resource (id, kind, data, email, deleted) VALUES {rows}
        ON CONFLICT (id) DO UPDATE SET data = excluded.data, email = excluded.email, deleted = excluded.deleted
    """
    unit.execute_rows(statement, "(?, ?, ?, ?, ?)", [(record_id, kind, data, email, False)])


def _delete(unit: Unit, record_id: str) -> None:
    unit.run(ScimResource.update(deleted=True).where(ScimResource.id == record_id))
