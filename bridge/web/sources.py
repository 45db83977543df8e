"""The addresses at which sources of the directory say that something changed (S2)."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from bridge.metrics import Metrics
from bridge.web.errors import json_response

SOURCES_PATH = "/webhooks"
_BODY_MAX = 64 * 1024
_HEADERS = ("Signature", "Timestamp", "RequestId")
Take = Callable[[dict[str, str], bytes], bool]
"""Takes the headers and body of a webhook; whether it is genuine."""


def webhook_app(take: Take, metrics: Metrics) -> web.Application:
    """What Smokeball calls. It hears nothing but whether its signature is right."""

    async def smokeball(request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            # Larger than any: that something changed is all it can say.
            body = b""
        headers = {name: request.headers.get(name, "") for name in _HEADERS}
        taken = take(headers, body)
        metrics.webhooks_received.labels("smokeball", "taken" if taken else "refused").inc()
        return json_response({}) if taken else json_response({"error": "The signature or the time is wrong."}, 401)

    app = web.Application(client_max_size=_BODY_MAX)
    app.add_routes([web.post("/smokeball", smokeball)])
    return app
