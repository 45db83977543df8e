"""What is said to the guard and asked of it."""

from __future__ import annotations

from typing import Any

from bridge.guard.protocol import FACTS_PATH, FAREWELL_PATH, PATH, REFUSALS_PATH
from bridge.matrix.parts.asking import Asking

Json = dict[str, Any]


class GuardClient(Asking):
    """The port `GuardRequests`."""

    async def push_policy(self, body: bytes, signature: str) -> None:
        await self.connection.ask(("POST", PATH, body), None, "version", signature=signature)

    async def guard_status(self, signature: str) -> Json:
        status: Json = await self.connection.ask(("GET", PATH), None, signature=signature)
        return status

    async def guard_facts(self, signature: str) -> Json:
        answer: Json = await self.connection.ask(("GET", FACTS_PATH), None, signature=signature)
        return answer

    async def guard_refusals(self, body: bytes, signature: str) -> Json:
        answer: Json = await self.connection.ask(("POST", REFUSALS_PATH, body), None, signature=signature)
        return answer

    async def guard_farewell(self, body: bytes, signature: str) -> None:
        await self.connection.ask(("POST", FAREWELL_PATH, body), None, "user", signature=signature)
