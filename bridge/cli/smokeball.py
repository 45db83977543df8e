"""Letting the bridge into Smokeball (OAuth 2.0 for native apps, RFC 8252; PKCE, RFC 7636)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import typer

from bridge.cli.exits import Exit, Stop
from bridge.cli.shell import Config, read_settings, say, wait_for

if TYPE_CHECKING:
    from aiohttp import web

    from bridge.directory.smokeball.tokens import Tokens
    from bridge.settings import Settings, SmokeballSettings

smokeball = typer.Typer(help="Smokeball as a source of the directory.", no_args_is_help=True)
_PATIENCE = 300
"""Seconds for which the consent is waited for."""
_DONE = "The bridge is let into Smokeball. This page can be closed."


@smokeball.command()
def connect(config: Config = None) -> None:
    """Let the bridge into Smokeball: opens Smokeball's page for consent, and keeps what it gives, encrypted.

    Do this on the bridge's server as the bridge's user, while the bridge is stopped. Where the server has no browser,
    open the address that is shown on your own machine, after `ssh -L 9011:127.0.0.1:9011 SERVER`.
    """
    settings = read_settings(config)
    if settings.smokeball.account_id:
        raise Stop(
            Exit.SOURCE,
            "The bridge signs in to Smokeball by itself (smokeball.account_id), so nobody has to let it in.",
        )
    if not settings.smokeball.client_id:
        raise Stop(Exit.SOURCE, "First write smokeball.client_id and client_secret into the configuration.")
    wait_for(_connect(settings))
    say("Connected. Start the bridge; `firm-bridge directory status` says what it read.")


async def _connect(settings: Settings) -> None:
    from pathlib import Path

    from bridge.directory.smokeball.tokens import keep_tokens, make_key
    from bridge.store.engine.store import Store

    key = make_key(Path(settings.smokeball.key_file))
    store = Store(settings.database.url.get_secret_value())
    # Before anything is asked for: a refresh token that cannot be kept would be lost.
    await store.open()
    try:
        await store.run(keep_tokens, key, await consented(settings.smokeball))
    finally:
        await store.close()


async def consented(settings: SmokeballSettings) -> Tokens:
    """What Smokeball gives after somebody consented in a browser. Raises SourceError, and Stop where nobody did."""
    import aiohttp
    from aiohttp import web

    from bridge.directory.smokeball.hosts import hosts_of
    from bridge.directory.smokeball.tokens import ask_for_tokens

    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    back = f"http://localhost:{settings.connect_port}/smokeball"
    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def came_back(request: web.Request) -> web.Response:
        # Another page of this machine's browser may have led here.
        if not secrets.compare_digest(request.query.get("state", "").encode(), state.encode()):
            return web.Response(status=400, text="This is not the answer to what was asked.")
        if not came.done():
            came.set_result(request.query.get("code", ""))
        refused = not request.query.get("code")
        return web.Response(text="Smokeball refused. Nothing was changed." if refused else _DONE)

    app = web.Application()
    app.add_routes([web.get("/smokeball", came_back)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await _listen(web.TCPSite(runner, "127.0.0.1", settings.connect_port), settings.connect_port)
        asked = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": back,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        address = f"{hosts_of(settings).auth}/oauth2/authorize?{urlencode(asked)}"
        say(f"Sign in to Smokeball and consent:\n{address}")
        webbrowser.open(address)
        code = await asyncio.wait_for(came, _PATIENCE)
    except TimeoutError as error:
        raise Stop(Exit.SOURCE, f"Nobody consented within {_PATIENCE // 60} minutes. Nothing was changed.") from error
    finally:
        await runner.cleanup()
    if not code:
        raise Stop(Exit.SOURCE, "Smokeball refused to let the bridge in. Nothing was changed.")
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
    async with aiohttp.ClientSession() as session:
        return await ask_for_tokens(session, settings, form)


async def _listen(site: web.TCPSite, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        raise Stop(Exit.SOURCE, f"Port {port} cannot be had: {error.strerror}. Set smokeball.connect_port.") from error
