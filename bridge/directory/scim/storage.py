"""Where the SCIM server keeps what is pushed: in the store, and in memory to look it up.

One bridge has the store at a time, so memory and store are the same; should a write fail, memory is read anew.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import structlog
from scim2_models import (
    InvalidValueException,
    Meta,
    Resource,
    ResourceType,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_server.memory import InMemoryStorage
from scim2_server.storage import AsyncScimStorage, SearchPage

from bridge import faults
from bridge.clock import now_ms
from bridge.directory.scim.records import Pushed, address_of, group_record, staff_record, works_here
from bridge.directory.sources.port import Flaw, SourceError
from bridge.directory.sources.union import checked
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import ScimResource

log = structlog.get_logger(__name__)
_Row = tuple[str, str, str, str, bool, int | None]
"""Id, kind, JSON, address, whether it was deleted, and when it was pushed."""
_SECTIONS: Mapping[str, str] = {"User": "staff", "Group": "groups"}
_UNREAD = "What was pushed is kept in a form that cannot be read. Have the client push it again."


class _Memory(InMemoryStorage):
    """What is in the store. A version is never given twice, nor after a new start."""

    coming_back = ""
    """The id under which the next user is made, who was here before."""

    def generate_id(self, resource_type: ResourceType, resource: Resource[Any]) -> str:
        return self.coming_back or super().generate_id(resource_type, resource)

    def create_as(self, record_id: str, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Make a resource with this id, or with a new one where it is empty."""
        self.coming_back = record_id
        try:
            return self.create(resource_type, resource)
        finally:
            self.coming_back = ""

    def next_version(self) -> str:
        return f'W/"{uuid.uuid4().hex}"'


@dataclass
class _Known:
    """All that was pushed."""

    memory: _Memory = field(default_factory=_Memory)
    emails: dict[str, str] = field(default_factory=dict)
    """The address of each user, by id, of those who cannot be read too."""
    here: dict[str, str] = field(default_factory=dict)
    """The id of each user who is to be staff, by their address."""
    broken: dict[str, Flaw] = field(default_factory=dict)
    """What is kept and cannot be read any more, by id."""
    left: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What tells a deleted user from others, by id."""
    pushed: bool = False
    """Whether there ever was anything."""

    def put(self, user: Resource[Any], email: str) -> None:
        """Take a user as they are now."""
        self.drop(str(user.id))
        self.emails[str(user.id)] = email
        if works_here(Pushed(user, email)):
            self.here[email.casefold()] = str(user.id)

    def is_broken(self, resource_type: ResourceType, resource_id: object) -> bool:
        """Whether this is kept and cannot be read any more."""
        flaw = self.broken.get(str(resource_id))
        return flaw is not None and flaw.kind == _SECTIONS.get(str(resource_type.name))

    def broken_at(self, email: str) -> list[str]:
        """The ids of users with this address who cannot be read."""
        return [one for one in self.broken if email and self.emails.get(one, "").casefold() == email.casefold()]

    def drop(self, user_id: str) -> None:
        """Know no longer of a user."""
        before = self.emails.pop(user_id, "").casefold()
        if self.here.get(before) == user_id:
            del self.here[before]


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
        self.presses = False
        """Whether something that is no newcomer changed: it may take something away."""
        self.pushed_at: int | None = None
        """When something was pushed last, in milliseconds since the epoch; None where that is not known."""

    @property
    def broken(self) -> tuple[Flaw, ...]:
        """What is kept and cannot be read any more."""
        return () if self._loaded is None else tuple(self._loaded.broken.values())

    async def everything(self) -> list[Pushed] | None:
        """All that is there now and can be read; None where nothing was ever pushed."""
        known = await self._known()
        if not known.pushed:
            return None
        return [Pushed(one, known.emails.get(str(one.id), "")) for one in known.memory.resources]

    async def get(
        self, resource_type: ResourceType, resource_id: str, *, response_parameters: Any = None
    ) -> Resource[Any]:
        """One resource; of one that cannot be read no more than that it is there, so that it can be taken away."""
        known = await self._known()
        if known.is_broken(resource_type, resource_id):
            return self._types[str(resource_type.name)](
                id=resource_id, meta=Meta(resource_type=str(resource_type.name))
            )
        return known.memory.get(resource_type, resource_id)

    async def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """A page of them."""
        return (await self._known()).memory.search(resource_types, search_request, position=position)

    async def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Keep a new one. A user who was deleted, and is so by userName, externalId and name, comes back (S3)."""
        async with self._one_at_a_time:
            known = await self._known()
            again = _coming_back(known, resource) if resource_type.name == "User" else ""
            email = self._judged(known, resource_type, resource, again)
            made = known.memory.create_as(again, resource_type, resource)
            await self._keep(known, resource_type, made, email)
            known.left.pop(str(made.id), None)
            return made

    async def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Keep what one is now. Of one that cannot be read that is all of it, or that they leave."""
        async with self._one_at_a_time:
            known = await self._known()
            email = self._judged(known, resource_type, resource)
            if known.is_broken(resource_type, resource.id):
                now = known.memory.create_as(str(resource.id), resource_type, _anew(resource, email))
            else:
                now = known.memory.update(resource_type, resource, expected_version=expected_version)
            await self._keep(known, resource_type, now, email)
            self.presses = True
            return now

    async def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        """Forget a group, or have a user leave."""
        async with self._one_at_a_time:
            known = await self._known()
            before = None
            if not known.is_broken(resource_type, resource_id):
                before = known.memory.get(resource_type, resource_id)
                known.memory.delete(resource_type, resource_id, expected_version=expected_version)
            try:
                self.pushed_at = now_ms()
                await self._store.run(_delete, resource_id, self.pushed_at)
            except BaseException:
                self._loaded = None
                raise
            known.drop(resource_id)
            known.broken.pop(resource_id, None)
            if resource_type.name == "User" and (marks := _marks(before)):
                known.left[resource_id] = marks
            self.presses = True
            self.changes += 1

    async def _known(self) -> _Known:
        if self._loaded is None:
            rows = await self._store.read(_rows)
            self.pushed_at = max((at for *_, at in rows if at is not None), default=None)
            with self._provider:
                self._loaded = self._read(rows)
        return self._loaded

    def _read(self, rows: list[_Row]) -> _Known:
        known, there = _Known(pushed=bool(rows)), list[Resource[Any]]()
        for record_id, kind, data, email, deleted, _ in rows:
            try:
                resource = self._types[kind].model_validate(orjson.loads(data))
            except (KeyError, ValueError) as error:
                # Of the firm they stay what they were; a client that pushes them again makes them anew.
                log.error("scim_resource_not_read", id=record_id, kind=kind, error=type(error).__name__)  # noqa: TRY400
                if not deleted and kind in _SECTIONS:
                    known.broken[record_id] = Flaw(_SECTIONS[kind], record_id, _UNREAD)
                    known.emails[record_id] = email
                continue
            if not deleted:
                there.append(resource)
                if kind == "User":
                    known.put(resource, email)
            elif marks := _marks(resource):
                known.left[record_id] = marks
        known.memory.resources = there
        return known

    def _judged(self, known: _Known, resource_type: ResourceType, resource: Resource[Any], record_id: str = "") -> str:
        """The address of a user, who has an id or is to have this one.

        Raises SCIMException where the directory could not read what is pushed: it would stop everything else that
        changes.
        """
        if resource_type.name != "User":
            self._check(Pushed(resource), user=False)
            return ""
        email = address_of(resource, known.emails.get(str(resource.id), ""))
        pushed = Pushed(resource, email)
        if works_here(pushed):
            self._check(pushed, user=True)
            holder = known.here.get(email.casefold())
            # Where somebody has it, whoever had it before and cannot be read counts no more.
            holders = [holder] if holder else known.broken_at(email)
            other = next((one for one in holders if one != (record_id or resource.id)), None)
            if other is not None:
                raise UniquenessException(detail=f"The e-mail address is that of the user {other} already.")
        elif email:
            try:
                self._check(pushed, user=True)
            except InvalidValueException:
                # Whoever leaves does so whatever else is said of them.
                return ""
        return email

    @staticmethod
    def _check(pushed: Pushed, *, user: bool) -> None:
        record = staff_record(pushed) if user else group_record(pushed.resource)
        # With an id in any case, which a new one has not yet.
        record_id = record.id or "new"
        values = {**record.values, "id": record_id}
        if not user:
            values["name"] = values["name"] or record_id
        try:
            checked("SCIM", [replace(record, id=record_id, values=values)])
        except SourceError as error:
            raise InvalidValueException(detail=str(error)) from error

    async def _keep(self, known: _Known, resource_type: ResourceType, now: Resource[Any], email: str) -> None:
        data = orjson.dumps(now.model_dump()).decode()
        try:
            self.pushed_at = now_ms()
            await self._store.run(_put, str(now.id), str(resource_type.name), data, email, self.pushed_at)
        except BaseException:
            # In memory it is done, and in the store it may be.
            self._loaded = None
            raise
        faults.point("scim.stored")
        if resource_type.name == "User":
            known.put(now, email)
        known.broken.pop(str(now.id), None)
        known.pushed = True
        self.changes += 1


def _coming_back(known: _Known, user: Any) -> str:
    """The id that somebody had who is pushed again: who cannot be read, or was deleted; empty for none."""
    if broken := known.broken_at(address_of(user)):
        return broken[0]
    marks = _marks(user)
    return next((key for key, had in known.left.items() if marks and had == marks), "")


def _anew(resource: Any, email: str) -> Resource[Any]:
    """What one is that could not be read. Raises SCIMException where it is pushed in part, and does not leave."""
    if hasattr(resource, "user_name"):
        if resource.active is False:
            return resource.model_copy(update={"user_name": resource.user_name or email or resource.id})  # type: ignore[no-any-return]
        whole = bool(resource.user_name)
    else:
        # Nobody is taken out of a group because the others in it are not known.
        whole = bool(resource.display_name) and resource.members is not None
    if not whole:
        raise InvalidValueException(detail=_UNREAD)
    return resource  # type: ignore[no-any-return]


def _marks(user: Any) -> tuple[str, ...]:
    """What tells who was deleted from somebody who is given their userName later; empty where nothing does."""
    if not hasattr(user, "user_name") or not user.external_id or not user.user_name:
        return ()
    name = (user.name.given_name, user.name.family_name) if user.name else ("", "")
    return (user.external_id, user.user_name.casefold(), *((one or "").casefold() for one in name))


def _rows(unit: ReadUnit) -> list[_Row]:
    found = unit.rows("SELECT id, kind, data, email, deleted, pushed_at FROM scim_resource ORDER BY id")
    return [(record_id, kind, data, email, bool(deleted), at) for record_id, kind, data, email, deleted, at in found]


def _put(unit: Unit, record_id: str, kind: str, data: str, email: str, now: int) -> None:
    statement = """
        INSERT INTO scim_resource (id, kind, data, email, deleted, pushed_at) VALUES {rows}
        ON CONFLICT (id) DO UPDATE SET data = excluded.data, email = excluded.email, deleted = excluded.deleted,
            pushed_at = excluded.pushed_at
    """
    unit.execute_rows(statement, "(?, ?, ?, ?, ?, ?)", [(record_id, kind, data, email, False, now)])


def _delete(unit: Unit, record_id: str, now: int) -> None:
    unit.run(ScimResource.update(deleted=True, pushed_at=now).where(ScimResource.id == record_id))
