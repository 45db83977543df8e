"""The addresses at which sources of the directory say that something changed (S2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from bridge.metrics import Metrics
from bridge.web.arriving import arriving
from bridge.web.errors import json_response

SOURCES_PATH = "/webhooks"
_BODY_MAX = 64 * 1024
Take = Callable[[Mapping[str, str], bytes], bool]
"""Takes the headers and body of a webhook; whether it is genuine."""


def webhook_app(sources: Mapping[str, Take], metrics: Metrics) -> web.Application:
    """What the systems call, each at its name, or at its name and a key of its own. It hears nothing but whether its
    signature is right."""

    def told(address: str, take: Take) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        name = address.partition("/")[0]

        async def webhook(request: web.Request) -> web.Response:
            try:
                async with arriving(request):
                    body = await request.read()
            except web.HTTPRequestEntityTooLarge:
                # Larger than any: that something changed is all it can say.
                body = b""
            taken = take(request.headers, body)
            metrics.webhooks_received.labels(name, "taken" if taken else "refused").inc()
            return json_response({}) if taken else json_response({"error": "The signature or the time is wrong."}, 401)

        return webhook

    app = web.Application(client_max_size=_BODY_MAX)
    app.add_routes([web.post(f"/{address}", told(address, take)) for address, take in sources.items()])
    return app
