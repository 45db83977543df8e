"""Letting the bridge into a source that is asked (OAuth 2.0 for native apps, RFC 8252; PKCE, RFC 7636)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from bridge.cli.exits import Exit, Stop
from bridge.cli.shell import say, wait_for

if TYPE_CHECKING:
    from aiohttp import web

    from bridge.directory.sources.tokens import OAuthClient, Tokens
    from bridge.settings import Settings

_PATIENCE = 300
"""Seconds for which the consent is waited for."""


def let_in(settings: Settings, client: OAuthClient) -> None:
    """Have somebody consent in a browser, and keep what the system gives, encrypted. Raises Stop."""
    if not client.client_id:
        raise Stop(Exit.SOURCE, f"First write {client.source}.client_id and client_secret into the configuration.")
    wait_for(_connect(settings, client))
    say("Connected. Start the bridge; `firm-bridge directory status` says what it read.")


async def _connect(settings: Settings, client: OAuthClient) -> None:
    from bridge.directory.sources.tokens import keep_tokens, make_key
    from bridge.store.engine.store import Store

    key = make_key(client)
    store = Store(settings.database.url.get_secret_value())
    # Before anything is asked for: a refresh token that cannot be kept would be lost.
    await store.open()
    try:
        await store.run(keep_tokens, client.source, key, await consented(client))
    finally:
        await store.close()


async def consented(client: OAuthClient) -> Tokens:
    """What the system gives after somebody consented in a browser. Raises SourceError, and Stop where nobody did."""
    import aiohttp
    from aiohttp import web

    from bridge.directory.sources.tokens import ask_for_tokens

    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def came_back(request: web.Request) -> web.Response:
        # Another page of this machine's browser may have led here.
        if not secrets.compare_digest(request.query.get("state", "").encode(), state.encode()):
            return web.Response(status=400, text="This is not the answer to what was asked.")
        if not came.done():
            came.set_result(request.query.get("code", ""))
        if not request.query.get("code"):
            return web.Response(text=f"{client.called} refused. Nothing was changed.")
        return web.Response(text=f"The bridge is let into {client.called}. This page can be closed.")

    app = web.Application()
    app.add_routes([web.get(urlsplit(client.back).path, came_back)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await _listen(web.TCPSite(runner, "127.0.0.1", client.port), client)
        asked = {"response_type": "code", "client_id": client.client_id, "redirect_uri": client.back, "state": state}
        if client.pkce:
            asked["code_challenge"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            asked["code_challenge_method"] = "S256"
        address = f"{client.authorize_url}?{urlencode(asked)}"
        say(f"Sign in to {client.called} and consent:\n{address}")
        webbrowser.open(address)
        code = await asyncio.wait_for(came, _PATIENCE)
    except TimeoutError as error:
        raise Stop(Exit.SOURCE, f"Nobody consented within {_PATIENCE // 60} minutes. Nothing was changed.") from error
    finally:
        await runner.cleanup()
    if not code:
        raise Stop(Exit.SOURCE, f"{client.called} refused to let the bridge in. Nothing was changed.")
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.back}
    if client.pkce:
        form["code_verifier"] = verifier
    async with aiohttp.ClientSession() as session:
        return await ask_for_tokens(session, client, form)


async def _listen(site: web.TCPSite, client: OAuthClient) -> None:
    try:
        await site.start()
    except OSError as error:
        raise Stop(
            Exit.SOURCE, f"Port {client.port} cannot be had: {error.strerror}. Set {client.source}.connect_port."
        ) from error
