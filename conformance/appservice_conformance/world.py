"""The small world that a service under test is told of: a server, a person, rooms, and the events in them."""

from __future__ import annotations

import itertools
import secrets
import time
from typing import Any

Json = dict[str, Any]

SERVER = "conformance.example"
BOT = f"@bot:{SERVER}"
PERSON = f"@robin:{SERVER}"
ROOMS = tuple(f"!room{number}:{SERVER}" for number in range(8))
SERVICE_ID = "conformance"
AS_TOKEN = "conformance-as-token-0001"
HS_TOKEN = "conformance-hs-token-0001"

_numbers = itertools.count(1)
_run = secrets.token_hex(4)


def word() -> str:
    """A word that was not said before, in this run or another on the same data."""
    return f"w{_run}x{next(_numbers)}"


def event(room: str = ROOMS[0], **given: Any) -> Json:
    """A message as a homeserver pushes it; what is given takes the place of what is made up."""
    return {
        "type": "m.room.message",
        "event_id": f"${word()}",
        "room_id": room,
        "sender": PERSON,
        "origin_server_ts": time.time_ns() // 1_000_000,
        "content": {"msgtype": "m.text", "body": "Good morning."},
        "unsigned": {"age": 12},
        **given,
    }


def ask(said: str, room: str = ROOMS[0], **given: Any) -> Json:
    """A message that the service answers with a message that says `pong` and the same word."""
    return event(room, content={"msgtype": "m.text", "body": f"!ping {said}"}, **given)


def transaction_id() -> str:
    """An id that no transaction had before."""
    return word()
