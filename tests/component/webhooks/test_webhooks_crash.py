"""Kill -9 at each named point between a change and its delivery: all of it is told, in order (A3)."""

from __future__ import annotations

import signal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from bridge.operations.webhooks.subscribing import secret_of
from tests.component.crashing import run_service
from tests.component.webhooks.crash_service import CHANNELS, hook, settings


async def run(database_url: str, url: str, fault: str = "") -> int:
    """Run the service to its end, or to its death at a fault point; the exit code."""
    return await run_service("tests.component.webhooks.crash_service", database_url, url, fault=fault)


@pytest.mark.parametrize("fault", ["webhook.queued:3", "webhook.sending:2", "webhook.sent:3", "webhook.noted:2"])
async def test_A3_a_crash_loses_nothing_and_keeps_the_order(database_url: str, fault: str) -> None:
    told: dict[str, tuple[str, str]] = {}

    async def take(request: web.Request) -> web.Response:
        body = Webhook(secret_of(settings(), hook(""))).verify(await request.text(), dict(request.headers))
        told.setdefault(request.headers["webhook-id"], (body["data"]["conversation"], body["type"]))
        return web.Response()

    application = web.Application()
    application.add_routes([web.post("/", take)])
    async with TestServer(application) as server:
        url = str(server.make_url("/"))
        assert await run(database_url, url, fault) == -signal.SIGKILL
        assert await run(database_url, url) == 0
    for channel in CHANNELS:
        types = [kind for conversation, kind in told.values() if conversation == channel]
        assert types == ["conversation.started", "conversation.renamed", "conversation.renamed"]
