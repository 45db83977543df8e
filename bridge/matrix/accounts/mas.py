"""Accounts that Synapse leaves to the Matrix Authentication Service (MAS).

MAS says who may sign in, and with what; Synapse has names, pictures, devices and rooms. What MAS would tell Synapse in
its own time (that an account is there, that it was ended) is done in both at once. A session is ended in both, too:
Synapse remembers for two minutes what MAS said of a token, unless the device of the token is gone.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from bridge.matrix.accounts.mas_api import MasApi, path_of
from bridge.matrix.accounts.synapse import Ask, SynapseAccounts
from bridge.matrix.errors import BadRequestError, HomeserverError, NotFoundError, UserTakenError
from bridge.matrix.requests import V3, Request, delete, get, post

Json = dict[str, Any]
AskAs = Callable[[Request, str | None, str], Awaitable[Any]]
"""Makes a request as that user, or as the service itself, and returns what its answer has at that key."""

ACTIVE = {"filter[status]": "active"}
_DEVICE = re.compile(r"urn:matrix:(?:org\.matrix\.msc2967\.)?client:device:(\S+)")
_ENDED = frozenset({400, 409})
"""What MAS answers for a session that is ended already."""
_SESSIONS = (
    ("oauth2-sessions", "filter[user]", "finish"),
    ("compat-sessions", "filter[user]", "finish"),
    ("user-sessions", "filter[user]", "finish"),
    ("personal-sessions", "filter[actor_user]", "revoke"),
)
"""Each kind, how those of a user are found, and how one is ended."""
CLOSING_SECONDS = 15.0
"""How long MAS may take to tell Synapse that an account was ended."""


class MasAccounts:
    """See the port."""

    def __init__(
        self,
        api: MasApi,
        ask: Ask,
        ask_as: AskAs,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`ask` makes requests with the bot's rights as a server admin."""
        self._api = api
        self._ask_as = ask_as
        self._synapse = SynapseAccounts(ask)
        self._clock, self._sleep = clock, sleep

    async def find(self, user_id: str) -> Json | None:
        there = await find_user(self._api, user_id)
        if there is None:
            return None
        said, known = there["attributes"], await self._synapse.find(user_id) or {}
        ended, closed = said.get("deactivated_at") is not None, bool(known.get("deactivated"))
        return {
            **known,
            "admin": bool(said.get("admin")),
            "locked": said.get("locked_at") is not None or ended != closed,
            "deactivated": ended and closed,
        }

    async def write(self, user_id: str, body: Mapping[str, Any]) -> Json:
        there = await find_user(self._api, user_id)
        if there is None:
            # Synapse first: MAS would have it made some time later, and rooms wait for that.
            await self._register(user_id)
            there = await make_user(self._api, user_id)
        if (addresses := body.get("threepids")) is not None:
            await self._set_addresses(there["id"], [one["address"] for one in addresses if one["medium"] == "email"])
        if (links := body.get("external_ids")) is not None:
            await self._set_links(there["id"], [(one["auth_provider"], one["external_id"]) for one in links])
        profile = {name: body[name] for name in ("displayname", "avatar_url", "threepids") if name in body}
        return await self._synapse.write(user_id, profile)

    async def set_password(self, user_id: str, password: str, *, end_sessions: bool) -> None:
        there = await self._user(user_id)
        body = {"password": password, "skip_password_check": True}
        await self._api.post(path_of("users", there["id"], "set-password"), body)
        if end_sessions:
            await self.end_sessions(user_id)

    async def lock(self, user_id: str) -> None:
        if (there := await find_user(self._api, user_id)) is not None:
            await self._api.post(path_of("users", there["id"], "lock"))

    async def unlock(self, user_id: str) -> None:
        there = await self._user(user_id)
        if there["attributes"].get("deactivated_at") is not None:
            await self._api.post(path_of("users", there["id"], "reactivate"))
        known = await self._synapse.find(user_id) or {}
        if known.get("deactivated"):
            await self._synapse.write(user_id, {"deactivated": False})
        # Last: nobody can use it before it is whole.
        await self._api.post(path_of("users", there["id"], "unlock"))

    async def reactivate(self, user_id: str) -> None:
        await self.unlock(user_id)

    async def deactivate(self, user_id: str) -> None:
        there = await self._user(user_id)
        # To erase it would hide from others what was written.
        await self._api.post(path_of("users", there["id"], "deactivate"), {"skip_erase": True})
        until = self._clock() + CLOSING_SECONDS
        while not (await self._synapse.find(user_id) or {}).get("deactivated"):
            if self._clock() > until:
                await self._synapse.deactivate(user_id)
                return
            await self._sleep(0.25)

    async def sessions(self, user_id: str) -> list[str]:
        found = dict.fromkeys(await self._devices(user_id))
        if (there := await find_user(self._api, user_id)) is not None:
            for kind, of, _ in _SESSIONS:
                async for session in self._api.entries(path_of(kind), **{of: there["id"]}, **ACTIVE):
                    found[_device_of(session)] = None
        return list(found)

    async def end_sessions(self, user_id: str) -> None:
        failed = await _tried(self._end_devices(user_id), self._end_in_mas(user_id))
        # Whoever signed in between the two did so with a session that is ended by now.
        failed += await _tried(self._end_devices(user_id))
        if failed:
            raise failed[0]

    async def close(self) -> None:
        await self._api.close()

    async def _user(self, user_id: str) -> Json:
        if (there := await find_user(self._api, user_id)) is None:
            name = f"GET {path_of('users', 'by-username')}"
            raise NotFoundError(name, 404, "M_NOT_FOUND", f"the Matrix Authentication Service has no {user_id}")
        return there

    async def _register(self, user_id: str) -> None:
        localpart = localpart_of(user_id)
        body = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
        try:
            await self._ask_as(post(V3, "register", body=body), None, "")
        except UserTakenError:
            return

    async def _set_addresses(self, owner: str, wanted: list[str]) -> None:
        """Leave no other address there: with one, a password can be reset."""
        known = {address.casefold(): address for address in wanted}
        async for there in self._api.entries(path_of("user-emails"), **{"filter[user]": owner}):
            if known.pop(str(there["attributes"]["email"]).casefold(), None) is None:
                await self._api.delete(path_of("user-emails", there["id"]))
        for address in known.values():
            await self._made(path_of("user-emails"), {"user_id": owner, "email": address})

    async def _set_links(self, owner: str, wanted: Iterable[tuple[str, str]]) -> None:
        """Link to each provider, by its id in MAS, this subject and no other."""
        missing = set(wanted)
        providers = {provider for provider, _ in missing}
        async for there in self._api.entries(path_of("upstream-oauth-links"), **{"filter[user]": owner}):
            link = there["attributes"]["provider_id"], there["attributes"]["subject"]
            if link in missing:
                missing.remove(link)
            elif link[0] in providers:
                await self._api.delete(path_of("upstream-oauth-links", there["id"]))
        for provider, subject in sorted(missing):
            body = {"user_id": owner, "provider_id": provider, "subject": subject}
            await self._made(path_of("upstream-oauth-links"), body)

    async def _made(self, path: str, body: Json) -> None:
        """Add what another process may have added meanwhile."""
        try:
            await self._api.post(path, body)
        except BadRequestError as error:
            if error.status != 409:
                raise

    async def _devices(self, user_id: str) -> list[str]:
        # As the person, by the service's own right: it needs neither MAS nor a server admin.
        try:
            return [one["device_id"] for one in await self._ask_as(get(V3, "devices"), user_id, "devices")]
        except HomeserverError as error:
            if error.status in {403, 404}:
                # There is no such account in Synapse.
                return []
            raise

    async def _end_devices(self, user_id: str) -> None:
        for device_id in await self._devices(user_id):
            await self._ask_as(delete(V3, "devices", device_id), user_id, "")

    async def _end_in_mas(self, user_id: str) -> None:
        if (there := await find_user(self._api, user_id)) is None:
            return
        for kind, of, end in _SESSIONS:
            open_now = [one["id"] async for one in self._api.entries(path_of(kind), **{of: there["id"]}, **ACTIVE)]
            for session_id in open_now:
                await self._end(path_of(kind, session_id, end))

    async def _end(self, path: str) -> None:
        try:
            await self._api.post(path)
        except NotFoundError:
            return
        except BadRequestError as error:
            # Somebody was quicker.
            if error.status not in _ENDED:
                raise


async def find_user(api: MasApi, user_id: str) -> Json | None:
    """A user as MAS's admin API has them: id and attributes; None where it has none. Raises HomeserverError."""
    localpart = localpart_of(user_id)
    try:
        answer = await api.get(path_of("users", "by-username", localpart))
    except NotFoundError:
        return None
    return api.one(answer, username=localpart)


async def make_user(api: MasApi, user_id: str) -> Json:
    """Make one whose name Synapse knows already; one that is there is no error. Raises HomeserverError."""
    localpart = localpart_of(user_id)
    try:
        answer = await api.post(path_of("users"), {"username": localpart, "skip_homeserver_check": True})
    except BadRequestError as error:
        if error.status == 409 and (there := await find_user(api, user_id)) is not None:
            return there
        raise
    return api.one(answer, username=localpart)


def localpart_of(user_id: str) -> str:
    """The part of a user id by which MAS knows somebody."""
    return user_id[1:].partition(":")[0]


def _device_of(session: Json) -> str:
    """The device of a session, or the session's own id where it has none."""
    said = session["attributes"]
    found = _DEVICE.search(str(said.get("scope", "")))
    return str(said.get("device_id") or (found and found[1]) or session["id"])


async def _tried(*steps: Awaitable[object]) -> list[HomeserverError]:
    """What went wrong in each; none keeps another from being taken."""
    failed: list[HomeserverError] = []
    for step in steps:
        try:
            await step
        except HomeserverError as error:
            failed.append(error)
    return failed
