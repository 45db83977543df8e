"""firm-bridge as `firm-bridge run` puts it together, with one person who is in a channel for each room."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import yaml
from pydantic import SecretStr

from bridge.app import run
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.settings import (
    AppserviceSettings,
    DatabaseSettings,
    DirectorySettings,
    HomeserverSettings,
    SecuritySettings,
    Settings,
)
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.rooms.accounts import add_accounts
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.store.rooms.made import record_room, write_intent

TOLD = os.environ
FOLDER = Path(TOLD["DATA_DIR"])
ROBIN = {"id": "s1", "first_name": "Robin", "last_name": "Vale", "email": "robin@firm.example", "role": "Associate"}


def settings() -> Settings:
    """The defaults, with the addresses and tokens of the suite."""
    return Settings(
        homeserver=HomeserverSettings(url=TOLD["HS_URL"], server_name=TOLD["HS_NAME"]),
        appservice=AppserviceSettings(
            as_token=SecretStr(TOLD["AS_TOKEN"]),
            hs_token=SecretStr(TOLD["HS_TOKEN"]),
            bot_localpart=TOLD["BOT_LOCALPART"],
            listen_port=int(TOLD["AS_PORT"]),
        ),
        directory=DirectorySettings(path=str(FOLDER / "directory.yaml")),
        database=DatabaseSettings(url=SecretStr(f"sqlite:///{FOLDER}/bridge.db")),
        security=SecuritySettings(alias_key=SecretStr("conformance-alias-key-0001")),
    )


async def prepare(url: str) -> None:
    """Write the directory and the rows that reconciliation would have made. Doing it again changes nothing."""
    (FOLDER / "directory.yaml").write_text(yaml.safe_dump({"staff": [ROBIN]}))
    store = Store(url)
    await store.open()

    def rows(unit: Unit) -> None:
        add_accounts(unit, {"s1": TOLD["PERSON"][1:].partition(":")[0]})
        for number, room_id in enumerate(TOLD["ROOMS"].split(",")):
            channel = Conversation(
                id=f"c{number}",
                kind=ConversationKind.CHANNEL,
                title=f"Topic {number}",
                participants=frozenset({"s1"}),
            )
            add_conversations(unit, [NewConversation(channel, name_key=f"topic {number}")])
            write_intent(unit, channel.id, f"alias-{number}")
            record_room(unit, channel.id, room_id)

    await store.run(rows)
    await store.close()


if __name__ == "__main__":
    chosen = settings()
    asyncio.run(prepare(chosen.database.url.get_secret_value()))
    run(chosen)
