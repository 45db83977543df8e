"""The guard in the fake homeserver: its own decisions and its own keeping, without Synapse around them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from bridge.firm.room_keys import MARKER
from bridge.guard.gate import GATED, Change, Gate, Mark
from bridge.guard.keeper import Keeper, PushRefused
from bridge.guard.refusals import attempt_of
from bridge.guard.writing import Written, refused
from tests.fakes.room import Denied, Room

GUARD_KEY = "guard-key-of-the-tests-0001"


class FakeGuard:
    """Give one to `FakeHomeserver.guard`, and it judges every event."""

    def __init__(self, file: Path, bot_id: str, key: str = GUARD_KEY) -> None:
        self.gate = Gate(bot_id)
        self.keeper = Keeper(file, key)

    def check(self, room: Room, sender: str, event_type: str, state_key: str | None, content: dict[str, Any]) -> None:
        """Raise Denied where the guard refuses."""
        marker = room.state.get((MARKER, ""))
        mark = Mark(marker["kind"], marker["key"]) if marker else None
        policy = self.keeper.policy
        facts, today = (policy.facts, policy.today()) if policy else (None, date.min)
        if event_type not in GATED or state_key is None:
            written = Written(event_type, sender, room.room_id, content)
            found = refused(written, mark, self.gate, facts) if room.members.get(sender) == "join" else None
        else:
            before = room.members.get(state_key, "") if event_type == "m.room.member" else ""
            change = Change(event_type, sender, state_key, content.get("membership", ""), before)
            refusal = self.gate.refusal(change, mark, facts, today)
            found = (attempt_of(change, mark, room.room_id, refusal), refusal) if refusal else None
        if found is not None:
            self.keeper.note(found[0])
            raise Denied(403, "M_FORBIDDEN", found[1].sentence)

    def push(self, body: bytes, signature: str) -> dict[str, Any]:
        """The answer to a push. Raises Denied."""
        try:
            return {"version": self.keeper.accept(body, signature)}
        except PushRefused as error:
            raise Denied(error.status, error.errcode, str(error)) from error

    def status(self, signature: str) -> dict[str, Any]:
        """The answer to the question how things stand. Raises Denied."""
        try:
            return self.keeper.status(signature)
        except PushRefused as error:
            raise Denied(error.status, error.errcode, str(error)) from error

    def facts(self, signature: str) -> dict[str, Any]:
        """All that it knows. Raises Denied."""
        try:
            return dict(self.keeper.facts(signature))
        except PushRefused as error:
            raise Denied(error.status, error.errcode, str(error)) from error

    def hand_over(self, body: bytes, signature: str) -> dict[str, Any]:
        """The answer to a bridge that asks for refusals. Raises Denied."""
        try:
            return dict(self.keeper.hand_over(body, signature))
        except PushRefused as error:
            raise Denied(error.status, error.errcode, str(error)) from error
