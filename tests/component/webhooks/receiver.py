"""A system with a webhook of the small firm: it verifies each signature with the package that others use."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from bridge.firm.webhooks import EventType
from bridge.operations.webhooks.subscribing import NewWebhook, add_webhook
from bridge.settings import WebhookSettings
from bridge.webhooks.delivering import Deliverer
from tests.component.small_firm import SmallFirm

Json = dict[str, Any]
LOOPBACK = WebhookSettings(allowed_networks=("127.0.0.0/8",))
SOON = 0.01


def soon(attempts: int) -> float:
    """Seconds between attempts of a test."""
    return SOON


@dataclass
class Receiver:
    """What a system was told, and how it answers."""

    answers: Callable[[Json], int] = lambda told: 204
    hold: asyncio.Event | None = None
    """Until this is set nothing is answered."""
    retry_after: str = ""
    """For how long it asks to be left alone, with each answer."""
    secret: str = ""
    url: str = ""
    id: str = ""
    told: list[Json] = field(default_factory=list)
    """What it took."""
    ids: list[str] = field(default_factory=list)
    """The webhook-ids of all that came."""
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        """Take what it is told, once the signature is found genuine."""
        body = Webhook(self.secret).verify(await request.text(), dict(request.headers))
        self.ids.append(request.headers["webhook-id"])
        if self.hold is not None:
            await self.hold.wait()
        status = self.answers(body)
        if status < 300:
            self.told.append(body)
        async with self.came:
            self.came.notify_all()
        headers = {"Location": self.url} if 300 <= status < 400 else {}
        return web.Response(status=status, headers=headers | {"Retry-After": self.retry_after})

    async def until(self, count: int) -> list[Json]:
        """Wait until it took so many."""
        async with self.came:
            await self.came.wait_for(lambda: len(self.told) >= count)
        return self.told

    async def tries(self, count: int) -> None:
        """Wait until so many requests came."""
        async with self.came:
            await self.came.wait_for(lambda: len(self.ids) >= count)

    @property
    def types(self) -> list[str]:
        return [one["type"] for one in self.told]


@asynccontextmanager
async def receiver(
    firm: SmallFirm,
    events: Iterable[EventType] = EventType,
    staff_id: str = "",
    *,
    text: bool = False,
    answers: Callable[[Json], int] = lambda told: 204,
    serving: ssl.SSLContext | None = None,
) -> AsyncIterator[Receiver]:
    """A system that is told of these events, as this person or as the firm; over TLS where it has a certificate."""
    made = Receiver(answers)
    application = web.Application()
    application.add_routes([web.post("/hook", made.take)])
    server = TestServer(application)
    await server.start_server(ssl=serving)
    try:
        made.url = str(server.make_url("/hook"))
        wanted = NewWebhook(made.url, tuple(events), text, staff_id, "root", secrets.token_hex(8))
        hook, made.secret = await add_webhook(firm.service.store, firm.service.settings, wanted)
        made.id = hook.id
        yield made
    finally:
        await server.close()


@asynccontextmanager
async def delivering(firm: SmallFirm, pause: Callable[[int], float] = soon) -> AsyncIterator[Deliverer]:
    """Deliver what waits, meanwhile."""
    deliverer = Deliverer(firm.desk, firm.service.metrics, pause)
    deliverer.start()
    try:
        yield deliverer
    finally:
        await deliverer.stop()
