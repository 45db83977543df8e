"""A policy for tests of the client itself, which allows everything."""

from __future__ import annotations

from bridge.firm.policy import Decision

_YES = Decision(True, "F1", "Allowed in this test.")


class Anybody:
    """Allows everybody everything."""

    async def may_act(self, user_id: str) -> Decision:
        return _YES

    async def may_enter(self, user_id: str, room_id: str) -> Decision:
        return _YES

    async def may_enter_new(self, user_id: str, key: str) -> Decision:
        return _YES
