"""Pages of other sites: one that means ill, and a client that shows the panel beside its messages.

The client speaks the widget API from its side (MSC1960, MSC2931), as Element does, and keeps what it is asked to show.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

SANDBOX = "allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-downloads"
_CLIENT = """
<style>
html, body {{ margin: 0; height: 100% }}
iframe {{ border: 0; width: 100%; height: 100%; display: block }}
</style>
<iframe title="Files, pins and people" sandbox="{sandbox}"></iframe>
<script>
const proof = {proof}, frame = document.querySelector("iframe");
window.shown = [];
addEventListener("message", ({{ source, data }}) => {{
  if (source !== frame.contentWindow || data.api !== "fromWidget" || data.response) return;
  const answer = (response) => source.postMessage({{ ...data, response }}, "*");
  const ask = (action, about) =>
    source.postMessage({{ api: "toWidget", widgetId: data.widgetId, requestId: action, action, data: about }}, "*");
  if (data.action === "get_openid") {{
    const given = {{ state: "allowed", access_token: proof, matrix_server_name: "localhost" }};
    answer(proof ? given : {{ state: "blocked" }});
  }} else if (data.action === "org.matrix.msc2974.request_capabilities") {{
    answer({{}});
    ask("notify_capabilities", {{ requested: data.data.capabilities, approved: data.data.capabilities }});
  }} else {{
    if (data.action === "org.matrix.msc2931.navigate") window.shown.push(data.data.uri);
    answer({{}});
  }}
}});
frame.src = `{address}?widgetId=panel&parentUrl=${{encodeURIComponent(location.href)}}&theme={theme}`;
</script>
"""


@asynccontextmanager
async def other_site(body: str, port: int) -> AsyncIterator[str]:
    """A page of another site; its address."""
    app = web.Application()

    async def shown(request: web.Request) -> web.Response:
        page = f'<!doctype html><html lang="en"><title>Another site</title>{body}</html>'
        return web.Response(text=page, content_type="text/html")

    app.router.add_get("/", shown)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


def client(address: str, proof: str, theme: str = "light") -> str:
    """A client with the page at this address beside its messages; without a proof its person refuses to give one."""
    return _CLIENT.format(sandbox=SANDBOX, address=address, proof=json.dumps(proof), theme=theme)
