"""The admin API of the fake, one function for each kind of request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.described import NotDescribedError
from tests.fakes.mas.records import AT, Json, MasRecords, MasSession, MasUser, RefusedError

ADMIN = "/api/admin/v1"
Query = Mapping[str, str]
Endpoint = Callable[[MasRecords, tuple[str, ...], Query, Json], tuple[int, Any]]
_SWITCHED_OFF = (
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


def answer(records: MasRecords, method: str, path: str, query: Query, body: Json) -> tuple[int, Any]:
    """Status and body. Raises RefusedError, and NotDescribedError for what the fake does not have."""
    for wanted, pattern, endpoint in _TABLE:
        if wanted == method and (match := re.fullmatch(ADMIN + pattern, path)):
            return endpoint(records, match.groups(), query, body)
    raise NotDescribedError(f"the fake has no {method} {path}")


def site_config(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    own = {"password_login_enabled": records.passwords, "minimum_password_complexity": 3}
    return 200, {**dict.fromkeys(_SWITCHED_OFF, False), **own, "server_name": records.server_name}


def version(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    return 200, {"version": "v1.9.0"}


def by_username(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    return 200, _user(records.user(args[0]))


def add_user(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    if any(one.username == body["username"] for one in records.users.values()):
        raise RefusedError(409, "User already exists")
    if not re.fullmatch(r"[a-z0-9=_./+-]{1,255}", body["username"]):
        raise RefusedError(400, "Username is not valid")
    records.job("provision_user", {"localpart": body["username"]})
    return 201, _user(records.add_user(body["username"]))


def change_user(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    user = records.users.get(args[0])
    if user is None:
        raise RefusedError(404, f"User ID {args[0]} not found")
    match args[1]:
        case "lock" | "unlock" as verb:
            user.locked = verb == "lock"
        case "deactivate":
            user.deactivated = True
            for session in records.open_sessions(user.username):
                session.finished = True
            records.job("delete_user", {"localpart": user.username, "erase": not body.get("skip_erase", False)})
        case "reactivate":
            user.deactivated = False
            records.job("reactivate_user", {"localpart": user.username})
        case "set-password":
            if not records.passwords:
                raise RefusedError(403, "Password auth is disabled in the server configuration")
            user.password = body["password"]
            return 204, None
    return 200, _user(user)


def owned(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    kept = _kept(records, args[0])
    found = [_resource(args[0], key, said) for key, said in kept.items() if said["user_id"] == query["filter[user]"]]
    return 200, _page(found, query)


def add_owned(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    kept = _kept(records, args[0])
    unique = ("email",) if args[0] == "user-emails" else ("provider_id", "subject")
    if any(all(one[name] == body[name] for name in unique) for one in kept.values()):
        raise RefusedError(409, "It is in use")
    made = records.new_id()
    kept[made] = {"created_at": AT, **body}
    return 201, _single(_resource(args[0], made, kept[made]))


def drop_owned(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    if _kept(records, args[0]).pop(args[1], None) is None:
        raise RefusedError(404, "It is not there")
    return 204, None


def add_personal(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    user = records.users.get(body["actor_user_id"])
    if user is None:
        raise RefusedError(404, "User not found")
    session = MasSession(records.new_id(), "personal-session", user, body["scope"])
    records.sessions[session.id] = session
    return _with_token(session, body)


def regenerate(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    return _with_token(_session(records, args[0], "personal-session"), body)


def sessions(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    owner = query.get("filter[user]") or query["filter[actor_user]"]
    every = [one for one in records.sessions.values() if one.kind == args[0] and one.user.id == owner]
    wanted = [one for one in every if query.get("filter[status]") != "active" or not one.finished]
    return 200, _page([_resource(f"{one.kind}s", one.id, one.shown()) for one in wanted], query)


def end_session(records: MasRecords, args: tuple[str, ...], query: Query, body: Json) -> tuple[int, Any]:
    session = _session(records, args[1], args[0])
    if session.finished:
        raise RefusedError(409 if args[2] == "revoke" else 400, "Session is already finished")
    session.finished = True
    devices = [one.device for one in records.open_sessions(session.user.username) if one.device]
    records.job("sync_devices", {"localpart": session.user.username, "devices": devices})
    return 200, _single(_resource(f"{session.kind}s", session.id, session.shown()))


_KINDS = "(oauth2-session|compat-session|user-session|personal-session)s"
_OWNED = "(user-emails|upstream-oauth-links)"
_TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/site-config", site_config),
    ("GET", "/version", version),
    ("GET", "/users/by-username/([^/]+)", by_username),
    ("POST", "/users", add_user),
    ("POST", "/users/([^/]+)/([a-z-]+)", change_user),
    ("GET", f"/{_OWNED}", owned),
    ("POST", f"/{_OWNED}", add_owned),
    ("DELETE", f"/{_OWNED}/([^/]+)", drop_owned),
    ("POST", "/personal-sessions", add_personal),
    ("POST", "/personal-sessions/([^/]+)/regenerate", regenerate),
    ("GET", f"/{_KINDS}", sessions),
    ("POST", f"/{_KINDS}/([^/]+)/(finish|revoke)", end_session),
)


def _kept(records: MasRecords, kind: str) -> dict[str, Json]:
    return records.emails if kind == "user-emails" else records.links


def _session(records: MasRecords, session_id: str, kind: str) -> MasSession:
    found = records.sessions.get(session_id)
    if found is None or found.kind != kind:
        raise RefusedError(404, "Session not found")
    return found


def _with_token(session: MasSession, body: Json) -> tuple[int, Json]:
    session.token, session.expires_in = f"mpt_{secrets.token_hex(9)}", body.get("expires_in")
    said = {**session.shown(), "access_token": session.token}
    return 201, _single(_resource("personal-sessions", session.id, said))


def _page(found: list[Json], query: Query) -> Json:
    first, after = int(query.get("page[first]", "10")), query.get("page[after]", "")
    left = [one for one in found if one["id"] > after]
    # Nobody is to go there: the bridge asks the address that it was given.
    more = {"next": "http://elsewhere.invalid/"} if len(left) > first else {}
    return {"data": left[:first], "links": {"self": ADMIN, **more}}


def _user(user: MasUser) -> Json:
    return _single(_resource("users", user.id, user.shown()))


def _resource(kind: str, key: str, said: Json) -> Json:
    links = {"self": f"{ADMIN}/{kind}/{key}"}
    return {"type": kind.removesuffix("s"), "id": key, "attributes": said, "links": links}


def _single(resource: Json) -> Json:
    return {"data": resource, "links": resource["links"]}
