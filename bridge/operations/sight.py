"""What the one who asks may hear of: being an admin gives no access, and a wall holds for admins, too (M3, D4)."""

from __future__ import annotations

from functools import partial

from bridge.desk import Desk
from bridge.firm.conversation import Conversation, ConversationKind, bot_chat_id
from bridge.firm.matters.number_forms import begins_as_a_number
from bridge.firm.model import Matter, Staff
from bridge.firm.policy import desired_participants, may_access
from bridge.firm.sight import Sight
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit
from bridge.store.rooms.conversations import conversation_by_id
from bridge.wording.moments import written


def sight_of(desk: Desk, asker: Staff) -> Sight:
    """The view of an admin, as it is now. Raises Refusal where they are none any more.

    Later pages of a list are made a while after it was asked for.
    """
    decision = desk.may_administer(asker.id)
    if not decision:
        raise Refusal(Kind.LIST_FOR_ADMINS, decision.rule)
    return _sight(desk, asker.id)


def require_admin(desk: Desk, asker: Staff) -> Sight:
    """The same for whoever is to change something."""
    decision = desk.may_administer(asker.id)
    if not decision:
        raise Refusal(Kind.FOR_ADMINS, decision.rule)
    return _sight(desk, asker.id)


def _sight(desk: Desk, staff_id: str) -> Sight:
    firm, today, sights = desk.firm(), desk.today(), desk.sights
    known = sights.get(staff_id)
    if known is None or known.firm is not firm or known.today != today:
        # What is hidden is found once for each firm: it takes a look at every matter.
        known = sights[staff_id] = Sight(firm, staff_id, today, partial(written, desk.settings.firm))
    return known


def is_in(desk: Desk, asker: Staff, conversation: Conversation) -> bool:
    """Whether the one who asks is in the conversation now."""
    return asker.id in desired_participants(desk.firm(), conversation, desk.today())


def require_seen(desk: Desk, asker: Staff, matter: Matter) -> None:
    """Raise Refusal, as of a matter that is not there, unless the one who asks may see this one now (M3)."""
    current = desk.firm().matters.get(matter.id)
    if current is None or not may_access(desk.firm(), asker.id, current, desk.today()):
        raise Refusal(Kind.NO_SUCH_MATTER, number=matter.number)


def require_no_number(desk: Desk, staff_id: str, name: str, own: str = "") -> None:
    """Raise Refusal where a name that somebody chose begins as a matter's number does, but for the number `own`.

    It would be taken for that matter, and secrets be told in the wrong place. Whether there is such a matter decides
    nothing (M3).
    """
    firm, today = desk.firm(), desk.today()
    if begins_as_a_number(firm, name, lambda matter: bool(may_access(firm, staff_id, matter, today)), own):
        raise Refusal(Kind.LIKE_ANOTHER_MATTER, "F3")


async def require_there(desk: Desk, asker: Staff, conversation_id: str) -> None:
    """Raise Refusal unless the one who asks is in the conversation now (M3, D4)."""
    found = await typed_in(desk, conversation_id, asker.id)
    if found is None:
        raise Refusal(Kind.MADE_ANEW)
    if found.id != conversation_id:
        raise Refusal(Kind.NOT_THERE_ANY_MORE)


async def typed_in(desk: Desk, conversation_id: str, staff_id: str) -> Conversation | None:
    """A conversation as it is now; for somebody who is not in it their chat with the bot, so that nothing of it shows.

    They may have typed a moment before they were taken out, or be in the room by somebody's trick (D4, M3).
    """

    def work(unit: ReadUnit) -> Conversation | None:
        found = conversation_by_id(unit, conversation_id)
        if found is not None and found.kind is ConversationKind.ADMINS:
            return conversation_by_id(unit, bot_chat_id(staff_id))
        if found is None or staff_id in desired_participants(desk.firm(), found, desk.today()):
            return found
        return conversation_by_id(unit, bot_chat_id(staff_id))

    return await desk.store.read(work)
