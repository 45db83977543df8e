"""A Smokeball that remembers: its API as far as the connector uses it, with what really goes wrong there.

Lists shift while they are read, requests are limited, tokens end, what was written is true only later (202), webhooks
are lost, doubled and late. It is held to Smokeball's own description: a request that is not as described is answered
400 and is in `wrong`. Prism says the same over it, but for numbers of sixteen digits (`make sources`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from aiohttp import web

from tests.fakes.described import Description, NotDescribedError

Json = dict[str, Any]
CLIENT, SECRET, KEY, ACCOUNT = "client-1", "secret-1", "key-1", "account-1"
DESCRIPTION = Description("Smokeball", "smokeball-openapi.json")
TYPES = ("matter.created", "matter.updated", "archive.updated", "roles.updated", "staff.updated", "contact.updated")


def uuid(number: int) -> str:
    """An id as Smokeball has them."""
    return str(UUID(int=number))


def link(record_id: str) -> Json:
    """A link to a record."""
    return {"id": record_id, "href": f"https://api.smokeball.com/{record_id}"}


@dataclass
class World:
    """What is so in Smokeball."""

    staff: dict[str, Json] = field(default_factory=dict)
    users: dict[str, Json] = field(default_factory=dict)
    groups: dict[str, Json] = field(default_factory=dict)
    matters: dict[str, Json] = field(default_factory=dict)
    contacts: dict[str, Json] = field(default_factory=dict)
    policies: dict[str, list[str]] = field(default_factory=dict)
    """Who is on each matter's deny-list: users and groups. That of "matters" is on each."""
    bars: dict[str, list[str]] = field(default_factory=dict)
    """By the user or group whose policy names it, what is denied them: "matters/ID" or "matters" for all."""
    roles: dict[str, list[Json]] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)


class FakeSmokeball:
    """The fake. Change `world`, then `settle` for it to be seen; until then what was so before is answered."""

    def __init__(self, page: int = 500) -> None:
        self.world = World()
        self.page = page
        """The most records that a page holds, whatever is asked for."""
        self.ticks = 638_000_000_000_000_000
        self.down = False
        self.answers: dict[str, tuple[int, Any]] = {}
        """Status and body with which some paths are answered whatever is so."""
        self.limited: list[tuple[int, str]] = []
        """Status and Retry-After with which the next requests are refused."""
        self.on_page: list[Callable[[], None]] = []
        """What happens after the next pages were given."""
        self.tokens = {"": 0}
        self.expired: set[str] = set()
        self.refresh = "refresh-1"
        self.revoked = False
        self.webhooks: dict[str, Json] = {}
        self.notes: list[Json] = []
        """What it was to show to its staff."""
        self.asked: list[str] = []
        self.wrong: list[str] = []
        """Requests that are not as Smokeball describes them."""
        self.shown = World()
        self._count = 0

    def settle(self) -> None:
        """Let what was changed be seen."""
        self.shown = deepcopy(self.world)

    def person(self, number: int, name: str, **more: Any) -> str:
        """Somebody with a user."""
        staff_id, user_id = uuid(1000 + number), uuid(2000 + number)
        one = {"id": staff_id, "firstName": name, "lastName": "Finch", "email": f"{name.lower()}@firm.example"}
        self.world.staff[staff_id] = {**one, "enabled": True, "former": False, "userId": user_id, **more}
        self.world.users[user_id] = {"id": user_id, "staffId": staff_id, "userId": user_id, "isFormerUser": False}
        return staff_id

    def matter(self, number: int, /, **more: Any) -> str:
        """A matter, or what changed in one."""
        matter_id = uuid(3000 + number)
        before = self.world.matters.get(matter_id, {"id": matter_id, "number": f"2026-{number}", "status": "Open"})
        self.ticks += 10_000_000
        self.world.matters[matter_id] = {**before, "title": f"Matter {number}", **more, "versionId": str(self.ticks)}
        return matter_id

    def contact(self, number: int, name: str) -> str:
        """A company."""
        contact_id = uuid(4000 + number)
        self.ticks += 10_000_000
        self.world.contacts[contact_id] = {"id": contact_id, "company": {"name": name}, "lastUpdated": self.ticks}
        return contact_id

    def user_of(self, staff_id: str) -> str:
        """The user of somebody."""
        return str(self.world.staff[staff_id]["userId"])

    def may_see(self, staff_id: str, matter_id: str) -> bool:
        """Whether Smokeball lets somebody see a matter, as the world is."""
        return self._may_see(self.world, staff_id, matter_id)

    def could_see(self, staff_id: str, matter_id: str) -> bool:
        """The same as it is answered at the moment."""
        return self._may_see(self.shown, staff_id, matter_id)

    def _may_see(self, world: World, staff_id: str, matter_id: str) -> bool:
        one, person = world.matters.get(matter_id), world.staff.get(staff_id)
        if one is None or person is None or person["former"] or not person["enabled"] or one["status"] == "Deleted":
            return False
        links = (one.get("personResponsible"), one.get("personAssisting"), *one.get("personAssistingStaffs", ()))
        if staff_id in {each["id"] for each in links if each}:
            return True
        barred = [who for who, what in world.bars.items() if {"matters", f"matters/{matter_id}"} & set(what)]
        denied = [*world.policies.get(matter_id, ()), *world.policies.get("matters", ()), *barred]
        return person["userId"] not in set(self._members(world, denied))

    def _members(self, world: World, principals: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        for principal in principals:
            yield principal
            if principal in world.groups and principal not in seen:
                yield from self._members(world, world.groups[principal]["principalIds"], seen | {principal})

    # The API.

    def app(self) -> web.Application:
        """Its two hosts as one application."""
        app = web.Application()
        app.router.add_post("/oauth2/token", self._token)
        app.router.add_route("*", "/{account:account-1}/{path:.*}", self._api)
        app.router.add_route("*", "/{path:.*}", self._api)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if self.revoked or (form.get("grant_type") == "refresh_token" and form.get("refresh_token") != self.refresh):
            return web.json_response({"error": "invalid_grant"}, status=400)
        self._count += 1
        answer: Json = {"access_token": f"access-{self._count}", "expires_in": 3600, "token_type": "Bearer"}
        if form.get("grant_type") in {"refresh_token", "authorization_code"}:
            self.refresh = answer["refresh_token"] = f"refresh-{self._count + 1}"
        return web.json_response(answer)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path.removeprefix(f"/{ACCOUNT}")
        self.asked.append(f"{request.method} {path}")
        if self.down:
            return web.Response(status=503)
        if self.limited:
            status, after = self.limited.pop(0)
            return web.Response(status=status, headers={"Retry-After": after} if after else {})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token in self.expired or not token.startswith("access-") or request.headers.get("x-api-key") != KEY:
            return web.json_response({"title": "Unauthorized"}, status=401)
        try:
            body = await request.json() if request.can_read_body else None
            DESCRIPTION.require_request(request.method, path, request.query, body)
        except NotDescribedError as error:
            self.wrong.append(str(error))
            return web.json_response({"title": str(error)}, status=400)
        if path in self.answers:
            status, body = self.answers[path]
            return web.json_response(body, status=status)
        if path == "/notifications":
            self.notes.append(await request.json())
            return web.json_response(link(uuid(len(self.notes))), status=202)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts[0] == "webhooks":
            return await self._webhooks(request, parts)
        found = self._found(parts, request.query)
        return web.json_response({"title": "Not found"}, status=404) if found is None else web.json_response(found)

    def _found(self, parts: list[str], query: Mapping[str, str]) -> Any:
        world = self.shown
        match parts:
            case ["firmusers"]:
                return list(world.users.values())
            case [("staff" | "groups" | "matters" | "contacts") as kind]:
                return self._page(kind, list(getattr(world, kind).values()), query)
            case [("staff" | "groups" | "matters" | "contacts") as kind, record_id]:
                return getattr(world, kind).get(record_id)
            case ["policies", reference] if reference in world.bars:
                barred = [{"resourceId": one, "operation": "Access", "type": 0} for one in world.bars[reference]]
                return {"reference": reference, "principalId": reference, "rules": barred}
            case ["policies", reference] if reference in world.policies:
                rules = [{"principalId": one, "operation": "Access", "type": 0} for one in world.policies[reference]]
                return {"reference": reference, "rules": rules}
            case ["matters", matter_id, "roles"]:
                return {"matterId": matter_id, "roles": world.roles.get(matter_id, [])}
            case ["matters", matter_id, "archive"]:
                return {"id": matter_id, "isArchived": True} if matter_id in world.archived else None
        return None

    def _page(self, kind: str, records: list[Json], query: Mapping[str, str]) -> Json:
        if since := query.get("UpdatedSince"):
            when = "versionId" if kind == "matters" else "lastUpdated"
            records = [one for one in records if int(one[when]) >= int(since)]
        offset, limit = int(query.get("Offset", 0)), min(int(query.get("Limit", 500)), self.page)
        page = {"value": records[offset : offset + limit], "offset": offset, "limit": limit, "size": len(records)}
        if self.on_page:
            self.on_page.pop(0)()
        return page

    async def _webhooks(self, request: web.Request, parts: list[str]) -> web.Response:
        if parts[1:] == ["types"]:
            return web.json_response({"value": list(TYPES)})
        if request.method == "GET":
            listed = [{name: value for name, value in one.items() if name != "key"} for one in self.webhooks.values()]
            return web.json_response({"value": listed, "offset": 0, "limit": 500, "size": len(listed)})
        if request.method == "POST":
            self._count += 1
            made = {"id": f"hook-{self._count}", **await request.json()}
            self.webhooks[made["id"]] = made
            return web.json_response(made)
        if parts[1] not in self.webhooks:
            return web.json_response({}, status=404)
        if request.method == "DELETE":
            del self.webhooks[parts[1]]
        else:
            self.webhooks[parts[1]] |= await request.json()
        return web.json_response({})
