"""A Clio Manage that remembers: its API as far as the connector uses it, with what really goes wrong there.

It is as strict as Clio's public description: a field that it does not have, another order than by id, or a page that is
too large is refused. Lists grow and shrink while they are read, requests are limited, tokens end, what was written is
seen only later, webhooks wait for the handshake, end, and are lost or doubled.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

Json = dict[str, Any]
CLIENT, SECRET = "client-1", "secret-1"
EVERYBODY = 900
_START = datetime(2026, 11, 23, 9, tzinfo=UTC)
_USER = {
    *("id", "etag", "email", "enabled", "first_name", "last_name", "initials", "phone_number", "roles", "clio_connect"),
    "account_owner",
}
_FIELDS: Mapping[str, set[str]] = {
    "users": _USER,
    "groups": {"id", "etag", "name", "type", "updated_at", "users"},
    "matters": {
        *("id", "etag", "display_number", "description", "status", "open_date", "close_date", "updated_at", "client"),
        *("responsible_attorney", "originating_attorney", "group"),
    },
    "webhooks": {"id", "etag", "url", "model", "status", "expires_at", "shared_secret", "events", "fields"},
}
Deliver = Callable[[Mapping[str, str], bytes], Awaitable[int]]


@dataclass
class ClioWorld:
    """What is so in Clio."""

    users: dict[int, Json] = field(default_factory=dict)
    groups: dict[int, Json] = field(default_factory=dict)
    matters: dict[int, Json] = field(default_factory=dict)


class FakeClio:
    """The fake. Change `world`, then `settle` for it to be seen; until then what was so before is answered."""

    def __init__(self, page: int = 200) -> None:
        self.world = ClioWorld(
            groups={EVERYBODY: {"id": EVERYBODY, "name": "Firm", "type": "AccountGroup", "users": []}}
        )
        self.shown = ClioWorld()
        self.page = page
        """The most records that a page holds, whatever is asked for."""
        self.seconds = 0
        self.down = False
        self.answers: dict[str, tuple[int, Any]] = {}
        """Status and body with which some paths are answered whatever is so."""
        self.limited: list[tuple[int, str]] = []
        """Status and Retry-After with which the next requests are refused."""
        self.on_page: list[Callable[[], None]] = []
        """What happens after the next pages were given."""
        self.expired: set[str] = set()
        self.refresh = "refresh-1"
        self.rotates = False
        self.revoked = False
        self.webhooks: dict[int, Json] = {}
        self.shows_secret = True
        """Whether a webhook's secret is among what its list answers."""
        self.deliver: Deliver | None = None
        """Takes what a webhook sends, and answers with a status; None loses it."""
        self.asked: list[str] = []
        self._count = 0

    def settle(self) -> None:
        """Let what was changed be seen."""
        self.shown = deepcopy(self.world)

    def now(self) -> str:
        """The time of the next change."""
        self.seconds += 1
        return (_START + timedelta(seconds=self.seconds)).isoformat()

    def person(self, user_id: int, name: str, **more: Any) -> int:
        """A user, in the group of everybody."""
        one = {"id": user_id, "first_name": name, "last_name": "Finch", "email": f"{name.lower()}@firm.example"}
        self.world.users[user_id] = {**one, "enabled": True, "clio_connect": False, "roles": [], **more}
        self.world.groups[EVERYBODY]["users"].append({"id": user_id})
        return user_id

    def group(self, group_id: int, *users: int) -> int:
        """A group of these."""
        members = [{"id": user_id} for user_id in users]
        self.world.groups[group_id] = {"id": group_id, "name": f"G{group_id}", "type": "AdhocGroup", "users": members}
        return group_id

    def matter(self, matter_id: int, **more: Any) -> int:
        """A matter, or what changed in one. At first everybody may see it."""
        new = {"id": matter_id, "display_number": f"{matter_id:05}-Moor", "status": "Open", "group": {"id": EVERYBODY}}
        before = self.world.matters.get(matter_id, {**new, "description": f"Matter {matter_id}"})
        self.world.matters[matter_id] = {**before, **more, "updated_at": self.now()}
        return matter_id

    def may_see(self, user_id: int, matter_id: int) -> bool:
        """Whether Clio lets somebody see a matter, as the world is."""
        return _may_see(self.world, user_id, matter_id)

    def could_see(self, user_id: int, matter_id: int) -> bool:
        """The same as it is answered at the moment."""
        return _may_see(self.shown, user_id, matter_id)

    async def tell(self, matter_id: Any, event: str = "updated") -> int:
        """Send what the webhooks send of a matter, signed; 0 where there is nobody to tell."""
        status = 0
        for hook in self.webhooks.values():
            if hook["status"] == "enabled" and self.deliver is not None:
                body = json.dumps(
                    {"data": {"id": matter_id}, "meta": {"event": event, "webhook_id": hook["id"]}}
                ).encode()
                signed = hmac.new(hook["shared_secret"].encode(), body, hashlib.sha256).hexdigest()
                status = await self.deliver({"X-Hook-Signature": signed}, body)
        return status

    # The API.

    def app(self) -> web.Application:
        """Its host as an application."""
        app = web.Application()
        app.router.add_post("/oauth/token", self._token)
        app.router.add_route("*", "/api/v4/{path:.*}", self._api)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        if self.revoked or (form.get("grant_type") == "refresh_token" and form.get("refresh_token") != self.refresh):
            return web.json_response({"error": "invalid_grant"}, status=400)
        self._count += 1
        answer: Json = {"access_token": f"access-{self._count}", "expires_in": 2_592_000, "token_type": "bearer"}
        if form.get("grant_type") == "authorization_code" or self.rotates:
            self.refresh = answer["refresh_token"] = f"refresh-{self._count + 1}"
        return web.json_response(answer)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        self.asked.append(f"{request.method} {path}")
        if self.down:
            return web.Response(status=503)
        if self.limited:
            status, after = self.limited.pop(0)
            return web.Response(status=status, headers={"Retry-After": after} if after else {})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token in self.expired or not token.startswith("access-"):
            return web.json_response({"error": {"type": "UnauthorizedError"}}, status=401)
        if path in self.answers:
            status, body = self.answers[path]
            return web.json_response(body, status=status)
        kind, _, rest = path.strip("/").removesuffix(".json").partition("/")
        if kind == "webhooks" and (request.method != "GET" or rest):
            return await self._webhook(request, rest)
        tables: dict[str, dict[int, Json]] = {**vars(self.shown), "webhooks": self._listed_webhooks()}
        if request.method != "GET" or rest or kind not in tables:
            return web.json_response({"error": {"type": "NotFound"}}, status=404)
        return self._page(request, kind, tables[kind])

    def _page(self, request: web.Request, kind: str, table: dict[int, Json]) -> web.Response:
        query = request.query
        wanted = _fields(query.get("fields", "id,etag"))
        limit = int(query.get("limit", 200))
        if not wanted <= _FIELDS[kind] or query.get("order", "id(asc)") != "id(asc)" or not 0 < limit <= 200:
            return web.json_response({"error": {"type": "ArgumentError"}}, status=400)
        records = [table[one] for one in sorted(table)]
        if since := query.get("updated_since"):
            after = datetime.fromisoformat(since)
            records = [one for one in records if datetime.fromisoformat(one["updated_at"]) >= after]
        if "ids[]" in query:
            records = [one for one in records if str(one["id"]) in query.getall("ids[]")]
        records = [one for one in records if one["id"] > int(query.get("page_token", 0))]
        size = min(limit, self.page)
        page = [{name: value for name, value in one.items() if name in wanted} for one in records[:size]]
        paging: Json = {}
        if len(records) > size:
            paging["next"] = str(request.url.update_query(page_token=str(page[-1]["id"])))
        if self.on_page:
            self.on_page.pop(0)()
        return web.json_response({"data": page, "meta": {"paging": paging, "records": len(page)}})

    def _listed_webhooks(self) -> dict[int, Json]:
        hidden = set() if self.shows_secret else {"shared_secret"}
        return {
            key: {name: value for name, value in one.items() if name not in hidden}
            for key, one in self.webhooks.items()
        }

    async def _webhook(self, request: web.Request, rest: str) -> web.Response:
        if request.method == "POST":
            self._count += 1
            data = (await request.json())["data"]
            hook = {"id": self._count, "status": "pending", "shared_secret": f"hook-secret-{self._count}", **data}
            if not {"url", "model", "fields"} <= data.keys() or not data["url"].startswith("https://"):
                return web.json_response({"error": {"type": "ArgumentError"}}, status=422)
            self.webhooks[hook["id"]] = hook
            await self.shake_hands(hook["id"])
            return web.json_response({"data": self._listed_webhooks()[hook["id"]]}, status=201)
        hook_id, _, action = rest.partition("/")
        found = self.webhooks.get(int(hook_id))
        if found is None:
            return web.json_response({"error": {"type": "NotFound"}}, status=404)
        if request.method == "DELETE":
            del self.webhooks[found["id"]]
            return web.Response(status=204)
        if action == "activate":
            if request.headers.get("X-Hook-Secret") != found["shared_secret"]:
                return web.json_response({"error": {"type": "ArgumentError"}}, status=422)
            found["status"] = "enabled"
            return web.Response(status=200)
        found |= (await request.json())["data"]
        return web.json_response({"data": {"id": found["id"]}})

    async def shake_hands(self, hook_id: int) -> None:
        """Send the secret of a webhook to its address."""
        if self.deliver is not None:
            await self.deliver({"X-Hook-Secret": self.webhooks[hook_id]["shared_secret"]}, b"{}")


def _may_see(world: ClioWorld, user_id: int, matter_id: int) -> bool:
    one, user = world.matters.get(matter_id), world.users.get(user_id)
    if one is None or user is None or not user["enabled"] or user["clio_connect"]:
        return False
    group = world.groups.get(one["group"]["id"], {"users": []})
    return user_id in {each["id"] for each in group["users"]}


def _fields(asked: str) -> set[str]:
    """The names of the fields that are asked for, without those of what they link to."""
    return set(re.sub(r"{[^{}]*}", "", asked).split(","))
