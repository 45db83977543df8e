"""A service on mautrix (PyPI) as its AppService class is meant to be used."""

from __future__ import annotations

import asyncio
import os

from mautrix.appservice import AppService
from mautrix.types import Event, EventType, MessageEvent

TOLD = os.environ


async def main() -> None:
    """Listen, and answer each question."""
    service = AppService(
        server=TOLD["HS_URL"],
        domain=TOLD["HS_NAME"],
        id=TOLD["AS_ID"],
        as_token=TOLD["AS_TOKEN"],
        hs_token=TOLD["HS_TOKEN"],
        bot_localpart=TOLD["BOT_LOCALPART"],
    )

    async def answer(event: Event) -> None:
        if isinstance(event, MessageEvent) and event.type == EventType.ROOM_MESSAGE:
            question, _, said = (event.content.body or "").partition(" ")
            if question == "!ping" and event.sender == TOLD["PERSON"]:
                await service.intent.send_notice(event.room_id, f"pong {said}")

    service.matrix_event_handler(answer)
    await service.start("127.0.0.1", int(TOLD["AS_PORT"]))
    service.ready = True
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
