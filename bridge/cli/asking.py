"""Asking the bridge that runs to do what only the owner of the database may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.cli.exits import Exit, Stop

if TYPE_CHECKING:
    from bridge.settings import Settings

_SECONDS = 60


async def ask_bridge(settings: Settings, asked: dict[str, Any]) -> dict[str, Any]:
    """What the bridge on this machine answers (bridge/web/shell.py). Raises Stop where it does not."""
    import aiohttp
    import orjson
    from yarl import URL

    from bridge.check.listener import LOOPBACKS
    from bridge.web.shell import SHELL_PATH, signed

    service = settings.appservice
    host = LOOPBACKS.get(service.listen_host, service.listen_host)
    url = URL.build(scheme="http", host=host, port=service.listen_port, path=SHELL_PATH)
    body = signed(settings.security.alias_key.get_secret_value(), asked)
    try:
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.post(url, data=body) as reply:
            raw = await reply.read()
            answer = orjson.loads(raw)
            if reply.status == 200:
                return dict(answer)
            reason = str(answer.get("error", raw[:200]))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        reason = str(error) or "no answer"
    raise Stop(
        Exit.RUNNING,
        f"Another process of firm-bridge uses the database, and asked at {url.origin()} it did not do this: {reason}"
        " Nothing was changed. Run this on the bridge's machine with its configuration, or end the bridge first.",
    )
