"""Telling somebody who left a matter's conversation how to come back, where their client shows it no more (M2)."""

from __future__ import annotations

from bridge.desk import Desk
from bridge.firm.conversation import Conversation
from bridge.firm.policy import may_be_in
from bridge.operations.telling import tell
from bridge.store.engine.unit import Unit
from bridge.store.rooms.conversations import are_in, titles_in_matter
from bridge.wording.markdown import code, escape


def tell_way_back(unit: Unit, left: Conversation, staff_id: str, cause: str, desk: Desk) -> None:
    """Say it, unless they may not come back, or find it in the matter's space.

    With the guard that lists all conversations of the matter to whoever is in one of them.
    """
    firm = desk.firm()
    matter = firm.matters.get(left.matter_id)
    if matter is None or not may_be_in(firm, staff_id, left, desk.today()):
        return
    if desk.settings.guarded and any(are_in(unit, [(one, staff_id)]) for one in titles_in_matter(unit, matter.id)):
        return
    title, number = escape(left.title), escape(matter.number)
    how = code(f"!matter join {matter.number} {left.title}")
    tell(
        unit, staff_id, cause, f"You have left {title} of matter {number}. {how} brings you back.", desk.settings.bot_id
    )
