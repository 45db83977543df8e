"""A MAS in this process: users, sessions and tokens, its admin API, its token endpoint, and what Synapse asks it.

    async with FakeMas("localhost") as mas:
        client = MatrixClient(..., mas=mas.settings(tmp_path))
        token = mas.sign_in("ann")

As the real one it tells Synapse in its own time what became of users and sessions, where `homeserver` is set. It is held
to MAS's description: a request or an answer that is not as described fails with 500 and is in `wrong`.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote_plus

import aiohttp
import orjson
from aiohttp import web

from bridge.settings import MasSettings
from tests.fakes.faults import Answer, Behaviour, Drop, Slow
from tests.fakes.mas import description

Json = dict[str, Any]
CLIENT, SECRET, SHARED = "01J44QC8BCY7FCFM7WGHQGKMTJ", "a secret: of+the bridge", "secret-shared-with-synapse"
ADMIN_SCOPE = "urn:mas:admin"
API_SCOPE = "urn:matrix:client:api:*"
AT = "2026-11-30T09:00:00Z"
_ADMIN = "/api/admin/v1"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status = status


@dataclass
class MasUser:
    """Somebody who may sign in."""

    id: str
    username: str
    admin: bool = False
    locked: bool = False
    deactivated: bool = False
    password: str = ""

    def shown(self) -> Json:
        """As the admin API shows them."""
        return {
            "username": self.username,
            "created_at": AT,
            "locked_at": AT if self.locked else None,
            "deactivated_at": AT if self.deactivated else None,
            "admin": self.admin,
            "legacy_guest": False,
        }


@dataclass
class MasSession:
    """A session of any kind."""

    id: str
    kind: str
    user: MasUser
    scope: str = ""
    device: str = ""
    finished: bool = False
    expires_in: int | None = None
    token: str = ""

    def shown(self) -> Json:
        """As the admin API shows it."""
        ended = AT if self.finished else None
        match self.kind:
            case "personal-session":
                said = {"actor_user_id": self.user.id, "human_name": "x", "scope": self.scope, "revoked_at": ended}
            case "oauth2-session":
                said = {"user_id": self.user.id, "client_id": CLIENT, "scope": self.scope, "finished_at": ended}
            case "compat-session":
                said = {"user_id": self.user.id, "device_id": self.device, "finished_at": ended}
            case _:
                said = {"user_id": self.user.id, "finished_at": ended}
        return {"created_at": AT, **said}


@dataclass
class FakeMas:
    """What it knows, which a test may change."""

    server_name: str = "localhost"
    port: int = 0
    homeserver: str = ""
    """Synapse's address, where it is told what happens."""
    passwords: bool = True
    admin_clients: bool = True
    """Whether the bridge's client is one of the admin clients."""
    token_seconds: int = 300
    url: str = ""
    users: dict[str, MasUser] = field(default_factory=dict)
    sessions: dict[str, MasSession] = field(default_factory=dict)
    emails: dict[str, Json] = field(default_factory=dict)
    links: dict[str, Json] = field(default_factory=dict)
    access: dict[str, bool] = field(default_factory=dict)
    """Tokens of the admin API, and whether each is still taken."""
    asked: list[str] = field(default_factory=list)
    """Method and path of each request."""
    wrong: list[str] = field(default_factory=list)
    """What was not as described."""
    working: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether it tells Synapse what happened."""
    scripts: list[tuple[str, deque[Behaviour]]] = field(default_factory=list)
    down: bool = False

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._jobs: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()
        self.working.set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {SHARED}"})
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        await self._session.close()
        await self._runner.cleanup()

    def settings(self, folder: Path, **changed: Any) -> MasSettings:
        """Settings that lead here; `changed` wins."""
        file = folder / "mas-secret"
        file.write_text(f"{SECRET}\n")
        return MasSettings(**{"url": self.url, "client_id": CLIENT, "client_secret_file": str(file), **changed})

    # What people and MAS's own admins do
    def add_user(self, username: str, **said: Any) -> MasUser:
        """Make a user."""
        user = MasUser(self._ulid(), username, **said)
        self.users[user.id] = user
        return user

    def user(self, username: str) -> MasUser:
        """The user of that name."""
        return next(one for one in self.users.values() if one.username == username)

    def sign_in(self, username: str, *, device: str = "", kind: str = "oauth2-session", scope: str = "") -> str:
        """Let somebody sign in; the token of the session. Synapse has to have the device, where one is named."""
        wanted = " ".join(filter(None, (API_SCOPE, scope, f"urn:matrix:client:device:{device}" if device else "")))
        session = MasSession(
            self._ulid(), kind, self.user(username), wanted, device, token=f"mat_{secrets.token_hex(9)}"
        )
        self.sessions[session.id] = session
        return session.token

    async def told(self) -> None:
        """Wait until Synapse was told everything."""
        await self._jobs.join()

    async def upsert_device(self, username: str, device: str) -> None:
        """Have Synapse know a device, as signing in does."""
        assert await self._tell("upsert_device", {"localpart": username, "device_id": device}) < 300

    def whose(self, token: str) -> MasSession | None:
        """The session that a token is good for now."""
        found = next((one for one in self.sessions.values() if one.token == token and not one.finished), None)
        return None if found is None or found.user.locked or found.user.deactivated else found

    def script(self, what: str, *behaviours: Behaviour) -> None:
        """Let the next requests of which "METHOD path" has a match for `what` meet these, one each."""
        self.scripts.append((what, deque(behaviours)))

    # What it does
    async def _work(self) -> None:
        while True:
            what, body = await self._jobs.get()
            await self.working.wait()
            for pause in (0.05, 0.2, 0.5, 1, 2, 4):
                if await self._tell(what, body) < 300:
                    break
                await asyncio.sleep(pause)
            self._jobs.task_done()

    async def _tell(self, what: str, body: Json) -> int:
        try:
            async with self._session.post(f"{self.homeserver}/_synapse/mas/{what}", json=body) as answer:
                await answer.read()
                return answer.status
        except aiohttp.ClientError:
            return 599

    def _job(self, what: str, **body: Any) -> None:
        if self.homeserver:
            self._jobs.put_nowait((what, body))

    def _sync_devices(self, user: MasUser) -> None:
        devices = [one.device for one in self.sessions.values() if one.user is user and one.device and not one.finished]
        self._job("sync_devices", localpart=user.username, devices=devices)

    def _ulid(self) -> str:
        number, text = next(self._numbers), ""
        for _ in range(8):
            number, digit = divmod(number, 32)
            text = _ALPHABET[digit] + text
        return f"01JMAS000000000000{text}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw, path = await request.read(), request.path
        asked = f"{request.method} {path}"
        self.asked.append(asked)
        if self.down:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        match next((some.popleft() for what, some in self.scripts if some and re.search(what, asked)), None):
            case Answer() as answer:
                headers = {**answer.headers, "Content-Type": answer.content_type}
                return web.Response(status=answer.status, body=answer.body, headers=headers)
            case Drop(act=act):
                if act:
                    self._act(request, raw)
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case Slow() as slow:
                slow.arrived.set()
                await slow.until.wait()
        status, body = self._act(request, raw)
        return web.Response(
            status=status, body=b"" if body is None else orjson.dumps(body), content_type="application/json"
        )

    def _act(self, request: web.Request, raw: bytes) -> tuple[int, Any]:
        if request.path == "/oauth2/token":
            return self._token(request, raw)
        if request.path == "/oauth2/introspect":
            return self._introspect(request, raw)
        if request.path == "/.well-known/openid-configuration":
            return 200, self.metadata()
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self.access.get(given):
            return 401, {"errors": [{"title": "Unknown access token"}]}
        body = orjson.loads(raw) if raw else {}
        try:
            description.require_request(request.method, request.path, request.query, body)
            status, answer = self._admin(request, body)
        except Refused as refused:
            status, answer = refused.status, {"errors": [{"title": str(refused)}]}
        except description.NotDescribedError as error:
            self.wrong.append(str(error))
            return 500, {"errors": [{"title": str(error)}]}
        try:
            description.require_answer(request.method, request.path, status, answer)
        except description.NotDescribedError as error:
            self.wrong.append(str(error))
            return 500, {"errors": [{"title": str(error)}]}
        return status, answer

    def metadata(self) -> Json:
        """What it says of itself (OpenID Connect Discovery)."""
        return {
            "issuer": f"{self.url}/",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/oauth2/token",
            "introspection_endpoint": f"{self.url}/oauth2/introspect",
            "account_management_uri": f"{self.url}/account/",
        }

    def _token(self, request: web.Request, raw: bytes) -> tuple[int, Json]:
        pair = base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        form = dict(part.split("=") for part in unquote_plus(raw.decode()).split("&"))
        if [unquote_plus(one) for one in pair.split(":")] != [CLIENT, SECRET]:
            return 401, {"error": "invalid_client"}
        if form != {"grant_type": "client_credentials", "scope": ADMIN_SCOPE} or not self.admin_clients:
            return 403, {"error": "invalid_scope", "error_description": "not an admin client"}
        token = f"mat_{secrets.token_hex(9)}"
        self.access[token] = True
        said = {"token_type": "Bearer", "expires_in": self.token_seconds, "scope": ADMIN_SCOPE}
        return 200, {"access_token": token, **said}

    def _introspect(self, request: web.Request, raw: bytes) -> tuple[int, Json]:
        if request.headers.get("Authorization") != f"Bearer {SHARED}":
            return 401, {"error": "invalid_client"}
        form = dict(part.split("=") for part in raw.decode().split("&"))
        found = self.whose(unquote_plus(form["token"]))
        if found is None:
            return 200, {"active": False}
        said = {"active": True, "scope": found.scope, "username": found.user.username, "sub": found.user.id}
        lasting = {} if found.expires_in is None else {"expires_in": found.expires_in}
        return 200, {**said, **lasting, **({"device_id": found.device} if found.kind == "compat-session" else {})}

    # The admin API
    def _admin(self, request: web.Request, body: Json) -> tuple[int, Any]:
        parts, query = request.path.removeprefix(_ADMIN).strip("/").split("/"), request.query
        match request.method, parts:
            case "GET", ["site-config"]:
                return 200, self._site_config()
            case "GET", ["version"]:
                return 200, {"version": "v1.9.0"}
            case "GET", ["users", "by-username", username]:
                return 200, self._one(self._named(username))
            case "POST", ["users"]:
                return 201, self._one(self._make(body))
            case "POST", ["users", user_id, verb]:
                return self._change(self._user_of(user_id), verb, body)
            case "GET", [("user-emails" | "upstream-oauth-links") as kind]:
                return 200, self._page(request, [one for one in self._owned(kind) if _of(one, query)])
            case "POST", [("user-emails" | "upstream-oauth-links") as kind]:
                return 201, self._add(kind, body)
            case "DELETE", [("user-emails" | "upstream-oauth-links") as kind, one]:
                (self.emails if kind == "user-emails" else self.links).pop(one)
                return 204, None
            case "POST", ["personal-sessions"]:
                return 201, self._personal(body)
            case "POST", ["personal-sessions", session_id, "regenerate"]:
                return 201, self._regenerated(self._session_of(session_id, "personal-session"), body)
            case "GET", [kind]:
                found = [one for one in self.sessions.values() if f"{one.kind}s" == kind]
                return 200, self._page(request, [self._entry(one) for one in found if _is_wanted(one, query)])
            case "POST", [kind, session_id, ("finish" | "revoke") as verb]:
                return self._end(self._session_of(session_id, kind.removesuffix("s")), verb)
        raise description.NotDescribedError(f"the fake has no {request.method} {request.path}")

    def _site_config(self) -> Json:
        names = (
            "password_registration_enabled",
            "password_registration_email_required",
            "password_registration_token_required",
            "registration_token_required",
            "email_change_allowed",
            "displayname_change_allowed",
            "password_change_allowed",
            "account_recovery_allowed",
            "account_deactivation_allowed",
            "captcha_enabled",
        )
        own = {
            "server_name": self.server_name,
            "password_login_enabled": self.passwords,
            "minimum_password_complexity": 3,
        }
        return {**dict.fromkeys(names, False), **own}

    def _named(self, username: str) -> MasUser:
        for one in self.users.values():
            if one.username == username:
                return one
        raise Refused(404, "User not found")

    def _user_of(self, user_id: str) -> MasUser:
        if user_id not in self.users:
            raise Refused(404, f"User ID {user_id} not found")
        return self.users[user_id]

    def _session_of(self, session_id: str, kind: str) -> MasSession:
        if session_id not in self.sessions or self.sessions[session_id].kind != kind:
            raise Refused(404, "Session not found")
        return self.sessions[session_id]

    def _make(self, body: Json) -> MasUser:
        if any(one.username == body["username"] for one in self.users.values()):
            raise Refused(409, "User already exists")
        if not re.fullmatch(r"[a-z0-9=_./+-]{1,255}", body["username"]):
            raise Refused(400, "Username is not valid")
        self._job("provision_user", localpart=body["username"])
        return self.add_user(body["username"])

    def _change(self, user: MasUser, verb: str, body: Json) -> tuple[int, Any]:
        match verb:
            case "lock":
                user.locked = True
            case "unlock":
                user.locked = False
            case "deactivate":
                user.deactivated = True
                for session in self.sessions.values():
                    session.finished = session.finished or session.user is user
                self._job("delete_user", localpart=user.username, erase=not body.get("skip_erase", False))
            case "reactivate":
                user.deactivated = False
                self._job("reactivate_user", localpart=user.username)
            case "set-admin":
                user.admin = body["admin"]
            case "set-password":
                if not self.passwords:
                    raise Refused(403, "Password auth is disabled")
                user.password = body["password"]
                return 204, None
        return 200, self._one(user)

    def _owned(self, kind: str) -> list[Json]:
        kept, name = (self.emails, "user-email") if kind == "user-emails" else (self.links, "upstream-oauth-link")
        return [self._resource(name, key, said) for key, said in kept.items()]

    def _add(self, kind: str, body: Json) -> Json:
        self._user_of(body["user_id"])
        kept, unique = (self.emails, ("email",)) if kind == "user-emails" else (self.links, ("provider_id", "subject"))
        if any(all(one[name] == body[name] for name in unique) for one in kept.values()):
            raise Refused(409, "It is in use")
        made = self._ulid()
        kept[made] = {"created_at": AT, **body}
        return self._single(self._resource(kind.removesuffix("s"), made, kept[made]))

    def _personal(self, body: Json) -> Json:
        user = self._user_of(body["actor_user_id"])
        session = MasSession(self._ulid(), "personal-session", user, body["scope"])
        self.sessions[session.id] = session
        return self._regenerated(session, body)

    def _regenerated(self, session: MasSession, body: Json) -> Json:
        session.token, session.expires_in = f"mpt_{secrets.token_hex(9)}", body.get("expires_in")
        entry = self._entry(session)
        return self._single({**entry, "attributes": {**entry["attributes"], "access_token": session.token}})

    def _end(self, session: MasSession, verb: str) -> tuple[int, Json]:
        if session.finished:
            raise Refused(409 if verb == "revoke" else 400, "Session is already finished")
        session.finished = True
        self._sync_devices(session.user)
        return 200, self._single(self._entry(session))

    def _page(self, request: web.Request, found: list[Json]) -> Json:
        first, after = int(request.query.get("page[first]", "10")), request.query.get("page[after]", "")
        left = [one for one in found if one["id"] > after]
        more = {"next": "http://elsewhere.invalid/"} if len(left) > first else {}
        return {"data": left[:first], "links": {"self": request.path, **more}}

    def _entry(self, session: MasSession) -> Json:
        return self._resource(session.kind, session.id, session.shown())

    def _one(self, user: MasUser) -> Json:
        return self._single(self._resource("user", user.id, user.shown()))

    @staticmethod
    def _resource(kind: str, key: str, said: Json) -> Json:
        return {"type": kind, "id": key, "attributes": said, "links": {"self": f"{_ADMIN}/{kind}s/{key}"}}

    @staticmethod
    def _single(resource: Json) -> Json:
        return {"data": resource, "links": resource["links"]}


Query = Any


def _of(entry: Json, query: Query) -> bool:
    return bool(entry["attributes"]["user_id"] == query["filter[user]"])


def _is_wanted(session: MasSession, query: Query) -> bool:
    owner = query["filter[actor_user]" if session.kind == "personal-session" else "filter[user]"]
    return session.user.id == owner and (query.get("filter[status]") != "active" or not session.finished)


Whose = Callable[[str], MasSession | None]
