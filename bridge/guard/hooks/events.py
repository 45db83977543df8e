"""What is sent into rooms, and state of them: let pass, or refused with a sentence."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from synapse.module_api import EventBase, StateMap
from synapse.module_api.errors import Codes, SynapseError

from bridge.firm.files.carried import MESSAGE, edited_with_file, edits_file
from bridge.firm.room_keys import MARKER
from bridge.firm.room_rules import JOIN_RULES
from bridge.guard.gate import GATED, MEMBER, REDACTION, TOMBSTONE, Change, Denial, Mark
from bridge.guard.hooks.answered import Answered, not_invited
from bridge.guard.hooks.context import HookContext
from bridge.guard.hooks.former import Former
from bridge.guard.hooks.marks import RoomMarks
from bridge.guard.memberships import without_words
from bridge.guard.refusals import attempt_of, attempt_to_write
from bridge.guard.writing import SentEvent, refused, with_mark

log = logging.getLogger(__name__)


class EventHooks:
    """Asked of every event before it is made."""

    def __init__(self, context: HookContext, marks: RoomMarks, former: Former) -> None:
        self._context = context
        self._marks = marks
        self._former = former

    async def check_event_allowed(
        self, event: EventBase, state: StateMap[EventBase]
    ) -> tuple[bool, dict[str, Any] | None]:
        """Let an event pass, or raise SynapseError with the sentence for whoever asked."""
        self._context.wait_for_first()
        mark, facts = self._marks.of_event(event, state), self._context.facts
        # Synapse's own kind of mapping lacks some of what one can.
        content = dict(event.content)
        if event.type not in GATED or not event.is_state():
            return True, await self._judge_written(event, content, mark, state)
        membership = before = ""
        if event.type == MEMBER:
            membership = str(content.get("membership", ""))
            earlier = state.get((MEMBER, event.state_key))
            before = str(earlier.content.get("membership", "")) if earlier is not None else ""
        change = Change(
            event.type,
            event.sender,
            event.state_key,
            membership,
            before,
            content,
            dict(earlier.content) if (earlier := state.get((event.type, event.state_key))) is not None else {},
            await self._marks.spaces_named(content) if event.type == JOIN_RULES else frozenset(),
            bool(event.room_version.msc4289_creator_power_enabled),
        )
        if (refusal := self._context.gate.refusal(change, mark, self._context.sure, self._context.today())) is not None:
            self._stop(change, refusal, event, mark, state)
        if event.type == MARKER:
            self._marks.remember(event)
        if membership in {"leave", "ban"}:
            self._former.note_leaving(event.state_key, event.room_id, mark)
        if event.type == MEMBER and mark is not None:
            closed = self._context.gate.refusal_to_write(event.sender, mark, facts)
            bare = without_words(content, read_only=closed is not None)
            if bare is not None and event.sender != self._context.gate.bot:
                if closed is not None and membership == before == "join":
                    self._context.note(attempt_to_write(event.sender, mark, event.room_id, closed))
                    self._refuse(event, membership, closed)
                return True, {**event.get_dict(), "content": bare}
        return True, None

    async def _judge_written(
        self, event: EventBase, content: dict[str, Any], mark: Mark | None, state: StateMap[EventBase]
    ) -> dict[str, Any] | None:
        """What is made in the place of an event that decides nothing about who is in the room; None for itself."""
        if event.type == REDACTION:
            self._context.wait_until_sure()
        replaced = _is_replaced(state, self._context.gate.bot)
        makes_file = await self._makes_file(event, content)
        written = SentEvent(event.type, event.sender, event.room_id, replaced, content, makes_file)
        tried = refused(written, mark, self._context.gate, self._context.facts)
        # Who is not in the room hears Synapse's own words, which tell nothing of it (M3).
        if tried is not None and _is_in(event.sender, state):
            self._context.note(tried[0])
            self._refuse(event, "", tried[1])
        marked = with_mark(written, mark, self._context.gate)
        return None if marked is None else {**event.get_dict(), "content": marked}

    async def _makes_file(self, event: EventBase, content: Mapping[str, Any]) -> bool:
        edited = edited_with_file(content) if event.type == MESSAGE else None
        if edited is None:
            return False
        found = await self._context.api.run_db_interaction("firm_bridge_edited", _read_event, edited)
        return not edits_file(event.sender, event.room_id, found)

    def _stop(
        self, change: Change, refusal: Denial, event: EventBase, mark: Mark | None, state: StateMap[EventBase]
    ) -> None:
        """Raise SynapseError: an answer for what is so already, and for anything else why it is not done."""
        is_in = event.sender != self._context.gate.bot and _is_in(event.sender, state)
        if is_in and self._context.gate.is_listed(change):
            listed = state[event.type, event.state_key].event_id
            raise Answered({"event_id": listed}, "The firm's bot has listed the room in this space")
        self._context.note(attempt_of(change, mark, event.room_id, refusal))
        self._refuse(event, change.membership, refusal, shown=is_in and change.membership == "invite")

    def _refuse(self, event: EventBase, membership: str, refusal: Denial, *, shown: bool = False) -> None:
        """Raise SynapseError. `shown` is for an invitation by somebody whose client has a button for it."""
        log.warning(
            "The guard refused %s: %s %s of %s in %s, by %s",
            refusal.rule,
            event.type,
            membership or "change",
            event.get("state_key") or "the room",
            event.room_id,
            event.sender,
        )
        raise not_invited(refusal.sentence) if shown else SynapseError(403, refusal.sentence, Codes.FORBIDDEN)


def _read_event(txn: Any, event_id: str) -> Mapping[str, Any] | None:
    txn.execute("SELECT json FROM event_json WHERE event_id = ?", (event_id,))
    row = txn.fetchone()
    return None if row is None else json.loads(row[0])


def _is_replaced(state: StateMap[EventBase], bot: str) -> bool:
    tombstone = state.get((TOMBSTONE, ""))
    return tombstone is not None and tombstone.sender == bot and bool(tombstone.content.get("replacement_room"))


def _is_in(user_id: str, state: StateMap[EventBase]) -> bool:
    member = state.get((MEMBER, user_id))
    return member is not None and member.content.get("membership") == "join"
