"""Rooms that people make or enter, and that server admins shut down."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import Any

from synapse.module_api import NOT_SPAM
from synapse.module_api.errors import SynapseError

from bridge.firm.audit import Deed
from bridge.guard.creation import request_of
from bridge.guard.gate import Denial
from bridge.guard.hooks.answered import no_room
from bridge.guard.hooks.asking import answer_to
from bridge.guard.hooks.context import HookContext
from bridge.guard.hooks.kept_out import Entry, kept_out
from bridge.guard.hooks.marks import RoomMarks
from bridge.guard.refusals import attempt, attempt_of

log = logging.getLogger(__name__)


class RoomHooks:
    """Asked of whole rooms."""

    def __init__(self, context: HookContext, marks: RoomMarks, key: str) -> None:
        self._context = context
        self._marks = marks
        self._key = key

    async def on_create_room(self, requester: Any, content: dict[str, Any], is_admin: bool) -> None:
        """Let the bot make a room. For anybody else raise what their client is told: the firm's room, or a sentence."""
        asked_by = requester.user.to_string()
        if asked_by == self._context.gate.bot:
            return
        self._context.wait_for_first()
        facts = self._context.sure
        wanted = request_of(asked_by, content, self._context.gate, facts)
        if isinstance(wanted, Denial):
            self._context.note(attempt(Deed.TRIED_TO_CREATE, asked_by, wanted.rule, what=wanted.word))
            log.warning("The guard refused %s: a room that %s wanted", wanted.rule, asked_by)
            raise no_room(wanted.sentence)
        assert facts is not None
        raise await answer_to(wanted, facts, self._key, self._context.api)

    async def check_can_shutdown_room(self, user_id: str | None, room_id: str) -> bool:
        """Whether Synapse may shut down a room for a server admin."""
        try:
            mark = await self._marks.of_room(room_id)
        except Exception:
            # Synapse takes an exception for a yes.
            log.exception("The guard cannot see what the room %s is, so it is not shut down", room_id)
            return False
        allowed = self._context.gate.may_be_shut_down(user_id or "", mark)
        if not allowed:
            on = mark.key if mark is not None else room_id
            self._context.note(attempt(Deed.TRIED_TO_SHUT_DOWN, user_id or "", "O3", on=on))
            log.warning("The guard refused O3: the firm's room %s, shut down by %s", room_id, user_id)
        return allowed

    async def user_may_join_room(self, user_id: str, room_id: str, is_invited: bool) -> Any:
        """Let Synapse decide, and note where it refuses by the room's rule without asking about the event (O1)."""
        if not is_invited and user_id != self._context.gate.bot:
            await self.note_entry(user_id, kept_out(user_id, room_id, self._context.gate.bot, self._context.api))
        return NOT_SPAM

    async def note_entry(self, user_id: str, looking: Awaitable[Entry | None]) -> None:
        """Note a way into a room that is refused without Synapse asking about the event, if the policy refuses it."""
        try:
            entry = await looking
        except SynapseError:
            # There is no such room, as Synapse says itself.
            return
        except Exception:
            # What cannot be noted is no reason to keep anybody out.
            log.exception("The guard cannot see whether %s is kept out of a room", user_id)
            return
        if entry is None:
            return
        refusal = self._context.gate.refusal(entry.change, entry.mark, self._context.sure, self._context.today())
        if refusal is not None:
            self._context.note(attempt_of(entry.change, entry.mark, entry.room_id, refusal))
            how = entry.change.membership
            log.warning("Refused by %s: %s of %s in %s", refusal.rule, how, user_id, entry.room_id)
