"""Asking the bridge for the room that somebody's client wants, from inside Synapse."""

from __future__ import annotations

import json
import logging

from synapse.module_api import ModuleApi
from synapse.module_api.errors import SynapseError

from bridge.firm.facts import Facts
from bridge.guard.creation import BRIDGE_AWAY, TAKES_LONG, CreationRequest, request_as_json
from bridge.guard.hooks.answered import Answered, no_room
from bridge.guard.protocol import CREATE_PATH, sign_creation

log = logging.getLogger(__name__)


async def answer_to(wanted: CreationRequest, facts: Facts, key: str, api: ModuleApi) -> SynapseError:
    """What the client is told, for raising: the room, or why there is none."""
    asked = json.dumps(request_as_json(wanted))
    body = {"asked": asked, "signature": sign_creation(key, asked)}
    try:
        said = await api.http_client.post_json_get_json(facts.bridge_url.rstrip("/") + CREATE_PATH, body)
        room_id, refused = said.get("room_id"), said.get("refused")
    except SynapseError as error:
        # No answer within a minute, or the connection was lost behind the question. What the bridge began it finishes.
        log.warning("The bridge takes long over a %s that %s asked for: %s", wanted.kind, wanted.by, error)
        return no_room(TAKES_LONG)
    except Exception as error:  # noqa: BLE001 - whatever keeps the bridge from answering, the person must be told
        log.warning("The bridge was not asked for a %s that %s wants: %r", wanted.kind, wanted.by, error)
        return no_room(BRIDGE_AWAY)
    if isinstance(room_id, str):
        return Answered({"room_id": room_id}, "The firm's bot has brought the room into being")
    return no_room(refused if isinstance(refused, str) else BRIDGE_AWAY)
