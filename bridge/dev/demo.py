"""The demo staff's logins: passwords that are easy to type, given once and kept while they work."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypedDict

import aiohttp
from rich.table import Table

from bridge.clock import firm_today
from bridge.dev.files import write_private
from bridge.directory.file import DirectoryFile
from bridge.directory.in_force import InForce
from bridge.firm.model import Staff
from bridge.matrix.acting import FirmDecides
from bridge.matrix.client import MatrixClient
from bridge.matrix.errors import UnreachableError
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.rooms.accounts import all_accounts

_WORD_LIST = """
acorn amber anchor apple arbor aspen basil beacon birch blossom breeze brook cedar cherry clover cobalt copper
coral cotton crane daisy ember falcon fern fjord garnet ginger harbor hazel heron indigo island ivory jasmine
juniper kettle lantern laurel lemon linen maple marble meadow mint nutmeg olive opal orchid otter pebble
pepper pine plum poppy quartz quill raven river saffron sage sparrow tulip velvet violet walnut willow
"""
_WORDS = _WORD_LIST.split()
_CLIENT = "/_matrix/client/v3"
_DEVICE = "firm-bridge-dev"
"""The device of trying whether a password works; one, so that interrupted tries leave no more than one behind."""


class Login(TypedDict):
    """What one person logs in with."""

    name: str
    user_id: str
    password: str
    role: str


class Logins(TypedDict):
    """The file of logins."""

    homeserver: str
    panel: str
    """The panel's address."""
    bot: str
    people: list[Login]


async def give_logins(settings: Settings, file: Path, homeserver: str) -> Logins:
    """Give every active member of staff with an account a password, and write them all to the file.

    Who is in the file from an earlier run keeps that password while it works. It no longer does where the person had
    left and came back, or changed it; then they get another. Raises HomeserverError and StoreError.
    """
    kept = {person["user_id"]: person["password"] for person in _read(file)}
    async with AsyncExitStack() as stack:
        store = Store(settings.database.url.get_secret_value(), reading=True)
        await store.open()
        stack.push_async_callback(store.close)
        in_force = InForce(store)
        await in_force.load()
        firm = in_force.over(await DirectoryFile(settings.directory, store).load())
        decides = FirmDecides(store, settings.homeserver.server_name, lambda: firm, lambda: firm_today(settings.firm))
        client = MatrixClient(settings.homeserver, settings.appservice, decides, mas=settings.mas)
        stack.push_async_callback(client.close)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)))

        async def give(person: Staff, localpart: str) -> Login:
            user_id = f"@{localpart}:{settings.homeserver.server_name}"
            password = kept.get(user_id)
            if password is None or not await _logs_in(session, settings.homeserver.url, user_id, password):
                password = new_password()
                await client.set_password(user_id, password, end_sessions=False)
            return {"name": person.name, "user_id": user_id, "password": password, "role": person.role}

        staff = firm.staff.values()
        accounts = await store.read(all_accounts)
        people = [
            (person, accounts[person.id].localpart) for person in staff if person.active and person.id in accounts
        ]
        logins: Logins = {
            "homeserver": homeserver,
            "panel": settings.panel.url,
            "bot": settings.bot_id,
            "people": list(await asyncio.gather(*(give(person, localpart) for person, localpart in people))),
        }
    write_private(file, json.dumps(logins, indent=2, ensure_ascii=False) + "\n")
    return logins


async def _logs_in(session: aiohttp.ClientSession, homeserver: str, user_id: str, password: str) -> bool:
    """Whether somebody logs in with the password. The session ends at once. Raises UnreachableError."""
    identifier = {"type": "m.id.user", "user": user_id}
    body = {"type": "m.login.password", "identifier": identifier, "password": password, "device_id": _DEVICE}
    try:
        async with session.post(f"{homeserver}{_CLIENT}/login", json=body) as answer:
            if answer.status != 200:
                return False
            token = (await answer.json())["access_token"]
        async with session.post(f"{homeserver}{_CLIENT}/logout", headers={"Authorization": f"Bearer {token}"}):
            return True
    except (aiohttp.ClientError, TimeoutError) as error:
        raise UnreachableError("POST /login", 0, "", str(error) or "no answer in time") from error


def new_password() -> str:
    """Three words and a number. Good enough for a demo on one's own machine, and for nothing else."""
    return "-".join([*(secrets.choice(_WORDS) for _ in range(3)), str(secrets.randbelow(90) + 10)])


def logins_table(logins: Logins) -> Table:
    """The logins as people read them."""
    table = Table(title="Log in as", title_justify="left", header_style="bold")
    for column in ("Name", "Role", "User id", "Password"):
        table.add_column(column, no_wrap=True)
    for person in logins["people"]:
        table.add_row(person["name"], person["role"], person["user_id"], person["password"])
    return table


def how_to_log_in(homeserver: str) -> str:
    """Which clients to use, and what to type where they ask for the server."""
    return (
        f"Log in with Element (https://app.element.io or the desktop app: Sign in, Edit, Other homeserver) or Cinny"
        f" (https://app.cinny.in), in Chrome or Firefox on this machine. The homeserver is {homeserver}; as the name,"
        " give the part of the user id between @ and the colon. A client that asks to verify the session or to set up"
        " encryption can be told to skip that: nothing is encrypted here (synapse-dev/README.md says why it asks)."
    )


def _read(file: Path) -> list[Login]:
    """The people of an earlier run; nobody where the file is not there or not whole."""
    try:
        logins: Logins = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return logins["people"]
