"""Whether the homeserver was put back from a backup, with or without a guard that would know (R3).

A mark is kept with the bot's account on the homeserver and is moved on all the time. A homeserver that has another than
the last one has forgotten what came after it.
"""

from __future__ import annotations

import secrets

from bridge.matrix.port import PersonRequests

DATA_TYPE = "org.firm-bridge.watermark"


class Watermark:
    """The mark. Of one from before this process's start nothing is known, and a start shuts out in any case."""

    def __init__(self, homeserver: PersonRequests, bot_id: str) -> None:
        self._homeserver = homeserver
        self._bot_id = bot_id
        self._written: frozenset[str] = frozenset()
        """What may stand there; more than one where the answer to a request was lost."""

    async def is_behind(self) -> bool:
        """Whether the homeserver has forgotten the mark. It is said until `move_on`. Raises HomeserverError."""
        if not self._written:
            return False
        content = await self._homeserver.account_data(self._bot_id, DATA_TYPE)
        return content.get("mark") not in self._written

    async def move_on(self) -> None:
        """Set a mark that never was there before. Raises HomeserverError."""
        mark = secrets.token_hex(8)
        self._written |= {mark}
        await self._homeserver.put_account_data(self._bot_id, DATA_TYPE, {"mark": mark})
        self._written = frozenset({mark})
