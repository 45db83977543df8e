"""Who may act, log in or close an account, and what a request may ask for."""

from __future__ import annotations

import logging
from typing import Any

from synapse.logging.context import current_context
from synapse.module_api import NOT_SPAM
from synapse.module_api.errors import Codes, SynapseError

from bridge.firm.audit import Deed
from bridge.guard.farewells import Farewells
from bridge.guard.hooks.context import HookContext, requester
from bridge.guard.hooks.delegated import is_ended_by_mas, is_server_admin
from bridge.guard.hooks.former import Former
from bridge.guard.hooks.kept_out import membership, unasked
from bridge.guard.hooks.marks import RoomMarks
from bridge.guard.hooks.rooms import RoomHooks
from bridge.guard.refusals import attempt, attempt_to_delete
from bridge.guard.requests import (
    NOT_IN_ROOM,
    RequestPath,
    asked_of,
    deleting,
    deletion_refusal,
    entering,
    request_refusal,
)

log = logging.getLogger(__name__)


class AccountHooks:
    """Asked of accounts, and of each request that is made with one."""

    def __init__(
        self, context: HookContext, marks: RoomMarks, former: Former, farewells: Farewells, rooms: RoomHooks
    ) -> None:
        self._context = context
        self._marks = marks
        self._former = former
        self._farewells = farewells
        self._rooms = rooms

    async def check_can_deactivate_user(self, user_id: str, by_admin: bool) -> bool:
        """Whether Synapse may close an account, for its owner or for a server admin."""
        # The bridge asks as the bot, or has MAS ask; what it said is for nobody else, and nothing is to be hidden.
        by_mas = is_ended_by_mas(self._context.api)
        told = (by_mas or requester() == self._context.gate.bot) and self._farewells.is_said(user_id)
        allowed = self._context.gate.may_be_deactivated(user_id, self._context.facts, told=told)
        if not allowed and by_mas and await self._is_closed(user_id):
            # MAS comes late, again and again, for what the bridge has closed itself. It may still wish it erased.
            log.info("The guard refused the Matrix Authentication Service %s, which is closed already", user_id)
        elif not allowed:
            # MAS does not say who asked it, and its own settings keep owners from it (`check`).
            owner = "" if by_admin or by_mas else user_id
            self._context.note(attempt(Deed.TRIED_TO_DEACTIVATE, owner, "F2", person=user_id))
            asked_by = "its owner" if owner else "the Matrix Authentication Service" if by_mas else "a server admin"
            log.warning("The guard refused F2: the account %s, closed by %s", user_id, asked_by)
        return allowed

    async def _is_closed(self, user_id: str) -> bool:
        known = await self._context.api.get_userinfo_by_id(user_id)
        return known is not None and known.is_deactivated

    async def on_user_deactivation_status_changed(self, user_id: str, deactivated: bool, by_admin: bool) -> None:
        """What the bridge said of an account holds until it is closed."""
        self._farewells.done(user_id)

    async def is_user_expired(self, user_id: str) -> bool | None:
        """Whether requests with this account's tokens are refused; None where Synapse decides.

        Raises SynapseError for a single request that is not answered.
        """
        # Once it is known who makes a request, Synapse asks for its own sake, when it looks whom it should notify.
        request = getattr(current_context(), "request", None)
        if request is not None and request.requester is not None:
            request = None
        if request is not None:
            self._context.wait_for_first()
        if user_id == self._context.gate.bot:
            # The bridge has no session as the bot. Whoever has one is somebody else.
            if request is not None:
                self._context.note(attempt(Deed.TRIED_TO_ACT_AS_BOT, user_id, "O3"))
            return True
        if not self._context.is_cut_off(user_id):
            asked = None if request is None else asked_of(request.method, request.url)
            if asked is not None and (wanted := entering(asked, user_id)) is not None:
                await self._rooms.note_entry(
                    user_id, unasked(user_id, wanted, self._former, self._context.gate.bot, self._context.api)
                )
            await self._former.judge(user_id)
            if asked is not None:
                await self._judge_request(user_id, asked)
                await self._judge_deleting(user_id, asked)
            return None
        if request is not None:
            self._context.note(attempt(Deed.TRIED_OLD_SESSION, user_id, "F2"))
        return True

    async def _judge_request(self, user_id: str, asked: RequestPath) -> None:
        """Raise SynapseError with the sentence for whoever asks where a request is refused by what it asks for."""
        found = request_refusal(asked, self._context.gate.bot)
        room_id = asked.room_marked_as_read
        if found is None and room_id and await membership(user_id, room_id, self._context.api) != "join":
            found = Deed.TRIED_TO_MARK_READ, NOT_IN_ROOM
        if found is not None:
            deed, refusal = found
            self._context.note(attempt(deed, user_id, refusal.rule))
            log.warning("The guard refused %s: a request of %s", refusal.rule, user_id)
            raise SynapseError(403, refusal.sentence, Codes.FORBIDDEN)

    async def _judge_deleting(self, user_id: str, asked: RequestPath) -> None:
        """Raise SynapseError with the sentence for a server admin who deletes what is under legal hold."""
        wanted = deleting(asked)
        # Others hear Synapse's own words: what is held is not for them to learn (M3).
        if wanted is None or not await is_server_admin(user_id, self._context.api):
            return
        self._context.wait_until_sure()
        try:
            mark = await self._marks.of_room(wanted.room) if wanted.room else None
        except Exception as error:
            log.exception("The guard cannot see what the room %s is, so nothing of it is deleted", wanted.room)
            raise SynapseError(503, "The firm's rules cannot be looked up at the moment. Try again.") from error
        refusal = deletion_refusal(wanted, mark, self._context.facts)
        if refusal is not None:
            if wanted.room:
                self._context.note(attempt_to_delete(user_id, mark, wanted.room, refusal))
            else:
                self._context.note(attempt(Deed.TRIED_TO_DELETE_FILES, user_id, refusal.rule))
            log.warning("The guard refused %s: deleting from the server, by %s", refusal.rule, user_id)
            raise SynapseError(403, refusal.sentence, Codes.FORBIDDEN)

    async def check_login_for_spam(self, user_id: str, *_: Any) -> Any:
        """Whether somebody may log in."""
        self._context.wait_for_first()
        if user_id != self._context.gate.bot and not self._context.is_cut_off(user_id):
            return NOT_SPAM
        as_bot = user_id == self._context.gate.bot
        deed = Deed.TRIED_TO_ACT_AS_BOT if as_bot else Deed.TRIED_TO_LOG_IN
        tried = attempt(deed, user_id, "O3" if as_bot else "F2")
        self._context.note(tried)
        log.warning("The guard refused %s: a login of %s", tried.rule, user_id)
        return Codes.FORBIDDEN
