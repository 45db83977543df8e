"""What people and systems have under way outlives the process at work, which is killed (R1)."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from bridge.firm.conversation import bot_chat_id
from bridge.operations.tokens import Scope, hashed
from bridge.settings import PanelSettings, SignOnSettings
from bridge.store.engine.store import Store
from bridge.store.people.tokens import add_token
from bridge.web.api.table import API_PATH
from bridge.web.panel.safety import COOKIE
from tests.component.running_bridge import FIRM, settings_in, write
from tests.component.several.herd import LEASE, BehindProxy, Herd, herd
from tests.component.several.load import ANN_ID, room_for
from tests.component.store.test_store import postgresql_only
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.provider import CLIENT, SECRET, fake_provider

pytestmark = [postgresql_only, pytest.mark.timeout(110)]
MANY = [{"id": f"x{n}", "number": f"2027-{n:04}", "title": "T", "status": "open"} for n in range(30)]
TOKEN = secrets.token_urlsafe(32)


@dataclass
class Browser:
    """Whoever asks the panel or the API at a port, with the cookies that were given."""

    http: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, port: int, path: str, **asked: Any) -> tuple[int, str, str]:
        """Status, text and where it leads."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        url = URL(f"http://127.0.0.1:{port}{path}", encoded=True)
        headers = {**sent, **asked.pop("headers", {})}
        async with self.http.request(method, url, headers=headers, allow_redirects=False, **asked) as answer:
            for line in answer.headers.getall("Set-Cookie", []):
                self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def lists(self, port: int) -> bytes:
        """What a stream begins with, the mark of the lists: a page that was made with the same asks for nothing."""
        url = f"http://127.0.0.1:{port}/events"
        async with self.http.get(url, headers={"Cookie": f"{COOKIE}={self.cookies[COOKIE]}"}) as answer:
            return await answer.content.readuntil(b"\r\n\r\n")


async def answered(fake: FakeHomeserver, room_id: str, text: str) -> str:
    """What the bot answers to Ann."""
    asked = fake.message(room_id, ANN_ID, text)
    while True:
        for event in fake.events(room_id, "m.room.message"):
            if event["content"].get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id") == asked["event_id"]:
                return str(event["content"]["body"])
        await asyncio.sleep(0.05)


async def kill_the_one_at_work(processes: Herd) -> None:
    """Kill it, and wait until another works."""
    port = await processes.at_work()
    await processes.kill(port)
    while await processes.at_work() == port:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.1)


async def test_R1_what_is_under_way_outlives_the_process_at_work(
    fake: BehindProxy, tmp_path: Path, database_url: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    secret.chmod(0o600)
    await let_a_system_act_for_ann(database_url)
    async with fake_provider() as provider, aiohttp.ClientSession() as http:
        provider.person = {"sub": "a-1", "email": "ann@firm.example", "email_verified": True}
        own = {
            "panel": PanelSettings(url="https://panel.example"),
            "sign_on": SignOnSettings(issuer=provider.issuer, client_id=CLIENT, client_secret_file=str(secret)),
        }
        settings = settings_in(tmp_path, database_url, fake).model_copy(update=own)
        write(Path(settings.directory.path), {**FIRM, "matters": [*FIRM["matters"], *MANY]})
        async with herd(settings, tmp_path, 2, LEASE) as processes:
            fake.ports = processes.ports
            chat = await room_for(fake, database_url, bot_chat_id("a"))
            panels = [processes.panel_ports[port] for port in processes.ports]
            ann, by_sign_on, system = Browser(http), Browser(http), Browser(http)
            headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "k-1"}
            spent = link_in(await answered(fake, chat, "!panel"))
            assert (await ann.ask("POST", panels[0], spent))[0] == 303
            link = link_in(await answered(fake, chat, "!panel"))
            assert "1 to 25 of 31" in await answered(fake, chat, "!matter list")
            channels = f"{API_PATH}/channels"
            made = await system.ask("POST", panels[0], channels, headers=headers, json={"name": "Court"})
            assert made[0] == 200
            _, _, at_provider = await by_sign_on.ask("GET", panels[0], "/sign-on")
            async with http.get(at_provider, allow_redirects=False) as answer:
                back = urlsplit(answer.headers["Location"])
            shown = await ann.lists(panels[0])

            await kill_the_one_at_work(processes)

            assert "2027-0029" in await answered(fake, chat, "!more")
            # Asked of the one at work and of one that stands by.
            for panel in panels:
                assert (await ann.ask("GET", panel, "/"))[0] == 200
                assert await ann.lists(panel) == shown
                assert (await Browser(http).ask("POST", panel, spent))[0] != 303
                again = await system.ask("POST", panel, channels, headers=headers, json={"name": "Court"})
                assert again == made
            assert (await by_sign_on.ask("GET", panels[1], f"{back.path}?{back.query}"))[0] == 303
            assert (await by_sign_on.ask("GET", panels[1], "/"))[0] == 200
            assert [(await Browser(http).ask("POST", panel, link))[0] == 303 for panel in panels] == [True, False]


def link_in(said: str) -> str:
    """The path of the panel's link in an answer of the bot."""
    found = re.search(r"https://panel\.example(/in/[\w-]+)", said)
    assert found is not None
    return found[1]


async def let_a_system_act_for_ann(database_url: str) -> None:
    """Give it its token, before any process works with the database."""
    store, now = Store(database_url), time.time_ns() // 1_000_000
    await store.open()
    scope = Scope.CHANGE_CONVERSATIONS.value
    await store.run(add_token, hashed(TOKEN), "a", "", "Clock", scope, "root", now, now + 3_600_000)
    await store.close()
