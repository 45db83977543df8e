"""Where the SCIM server keeps what is pushed: in the store, and in memory to look it up.

One bridge has the store at a time, so memory and store are the same; should a write fail, memory is read anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec

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
from scim2_server.storage import AsyncScimStorage, SearchPage

from bridge import faults
from bridge.clock import now_ms
from bridge.directory.scim.known import SECTIONS, Known, marks_of
from bridge.directory.scim.records import Pushed, address_of, group_record, staff_record, works_here
from bridge.directory.sources.port import Flaw, SourceError
from bridge.directory.sources.union import checked
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import ScimResource

log = structlog.get_logger(__name__)
_Row = tuple[str, str, str, str, bool, int | None]
"""Id, kind, JSON, address, whether it was deleted, and when it was pushed."""
_under_way: ContextVar[asyncio.Task[None] | None] = ContextVar("scim_change", default=None)
"""The change of this task that is being stored."""
_answered_from: ContextVar[Known | None] = ContextVar("scim_answered_from", default=None)
"""The memory by which this task answers."""
P = ParamSpec("P")
_UNREAD = "What was pushed is kept in a form that cannot be read. Have the client push it again."


class StoredResources(AsyncScimStorage):
    """The port `AsyncScimStorage` of scim2-server over the store.

    A change is stored while its answer is made: whoever answers waits for it with `stored`. So does whoever changes
    nothing: what they answer by may be a change of others that is not stored yet, and never will be.
    """

    supports_cursors = True

    def __init__(self, store: Store, provider: ScimProvider) -> None:
        self._store = store
        self._provider = provider
        self._types: Mapping[str, type[Resource[Any]]] = {
            str(one.name): provider.model_for(one)  # type: ignore[misc]
            for one in provider.resource_types
        }
        self._loaded: Known | None = None
        self._one_at_a_time = asyncio.Lock()
        self._loading = asyncio.Lock()
        self._newest: asyncio.Task[None] | None = None
        """The change that was begun last."""
        self.changes = 0
        """Goes up with every change."""
        self.presses = False
        """Whether something changed that may take something away from somebody."""
        self.pushed_at: int | None = None
        """When something was pushed last, in milliseconds since the epoch; None where that is not known."""

    async def stored(self) -> None:
        """Wait until what this task changed is stored, or what it answers by. Raises StoreError where it is not."""
        change, known = _under_way.get(), _answered_from.get()
        _under_way.set(None)
        _answered_from.set(None)
        if change is not None:
            await change
        elif known is not None:
            if self._newest is not None:
                # The store takes them in order, so those before it are done by then.
                await asyncio.wait([self._newest])
            if known is not self._loaded:
                raise StoreError("What was answered by is not stored.")

    @property
    def broken(self) -> tuple[Flaw, ...]:
        """What is kept and cannot be read any more."""
        return () if self._loaded is None else tuple(self._loaded.broken.values())

    async def everything(self) -> list[Pushed] | None:
        """All that is there now and can be read; None where nothing was ever pushed."""
        known = await self._memory()
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
        resource = _without_password(resource)
        async with self._one_at_a_time:
            known = await self._known()
            again = known.coming_back(resource) if resource_type.name == "User" else ""
            email = self._judged(known, resource_type, resource, again)
            made = known.memory.create_as(again, resource_type, resource)
            await self._keep(known, resource_type, made, email)
            known.left.pop(marks_of(made), None)
            return made

    async def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Keep what one is now. Of one that cannot be read that is all of it, or that they leave."""
        resource = _without_password(resource)
        async with self._one_at_a_time:
            known = await self._known()
            email = self._judged(known, resource_type, resource)
            if known.is_broken(resource_type, resource.id):
                now = known.memory.create_as(str(resource.id), resource_type, _anew(resource, email))
            else:
                now = known.memory.update(resource_type, resource, expected_version=expected_version)
            await self._keep(known, resource_type, now, email)
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
            known.drop(resource_id)
            known.broken.pop(resource_id, None)
            if resource_type.name == "User" and (marks := marks_of(before)):
                known.left[marks] = resource_id
            self.presses = True
            self.changes += 1
            self.pushed_at = now_ms()
            await self._begin(_delete, resource_id, self.pushed_at)

    async def _known(self) -> Known:
        """The memory, by which this task answers from here on."""
        known = await self._memory()
        _answered_from.set(known)
        return known

    async def _memory(self) -> Known:
        # One loads, and the others wait: rows from before a change must not take the place of those after it.
        async with self._loading:
            if self._loaded is None:
                rows = await self._store.read(_rows)
                self.pushed_at = max((at for *_, at in rows if at is not None), default=None)
                with self._provider:
                    self._loaded = self._read(rows)
            return self._loaded

    def _read(self, rows: list[_Row]) -> Known:
        known, there = Known(pushed=bool(rows)), list[Resource[Any]]()
        for record_id, kind, data, email, deleted, _ in rows:
            try:
                resource = _without_password(self._types[kind].model_validate(orjson.loads(data)))
            except (KeyError, ValueError) as error:
                # Of the firm they stay what they were; a client that pushes them again makes them anew.
                log.error("scim_resource_not_read", id=record_id, kind=kind, error=type(error).__name__)  # noqa: TRY400
                if not deleted and kind in SECTIONS:
                    known.broken[record_id] = Flaw(SECTIONS[kind], record_id, _UNREAD)
                    known.emails[record_id] = email
                continue
            if not deleted:
                there.append(resource)
                known.put(resource, email)
            elif marks := marks_of(resource):
                known.left[marks] = record_id
        known.memory.resources = there
        return known

    def _judged(self, known: Known, resource_type: ResourceType, resource: Resource[Any], record_id: str = "") -> str:
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

    async def _keep(self, known: Known, resource_type: ResourceType, now: Resource[Any], email: str) -> None:
        data = orjson.dumps(now.model_dump()).decode()
        was_broken = known.broken.pop(str(now.id), None) is not None
        self.presses |= known.put(now, email) or was_broken
        known.pushed = True
        self.changes += 1
        self.pushed_at = now_ms()
        await self._begin(_put, str(now.id), str(resource_type.name), data, email, self.pushed_at)

    async def _begin(self, work: Callable[Concatenate[Unit, P], None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Hand a change over to the store, which takes it in this order; `stored` waits for it."""
        self._newest = asyncio.create_task(self._store_change(self._store.run(work, *args, **kwargs)))
        _under_way.set(self._newest)
        # So that it is handed over by now.
        await asyncio.sleep(0)

    async def _store_change(self, change: Awaitable[None]) -> None:
        try:
            await change
        except BaseException:
            # In memory it is done, and in the store it may be: whatever was told of it is told anew.
            self._loaded, self.presses = None, True
            self.changes += 1
            raise
        faults.point("scim.stored")


def _without_password(resource: Resource[Any]) -> Resource[Any]:
    """What is kept: nobody signs in here with the password that a client gives somebody elsewhere."""
    return resource.model_copy(update={"password": None}) if getattr(resource, "password", None) else resource


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
