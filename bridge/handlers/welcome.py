"""A welcome on somebody's first day: who the bot is, three things to try, and where help is.

It answers the person's own joining of their chat, since what is said there before cannot be read. Once for each person
ever: who comes back to the firm comes back into the same chat, where the welcome still stands, and who gets a new chat
because the old one was lost knows the bot, and would wonder about being greeted like a new colleague.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain

import structlog

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.model import Firm, Matter, MatterStatus, Staff
from bridge.firm.policy import may_access, may_act
from bridge.operations.telling import Effect
from bridge.settings import Settings
from bridge.store.engine.unit import Unit
from bridge.store.people.welcomes import channels_with, mark_welcomed, was_welcomed
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.accounts import staff_by_localpart
from bridge.wording.markdown import code, escape, text_message

log = structlog.get_logger(__name__)
_COUNTED = ("Nothing", "One thing", "Two things", "Three things")


async def welcome(staff_id: str, room_id: str, desk: Desk) -> Effect | None:
    """What to do when somebody has joined their chat with the bot: queue the welcome, unless they had it before."""
    firm = desk.firm()
    if not may_act(firm, staff_id) or await desk.store.read(was_welcomed, staff_id):
        return None
    channels, localparts = await desk.store.read(lambda unit: (channels_with(unit, staff_id), staff_by_localpart(unit)))
    said = welcome_text(desk.settings, firm, firm.staff[staff_id], localparts, channels, desk.today())
    content = text_message(said)

    def effect(unit: Unit) -> None:
        if mark_welcomed(unit, staff_id, now_ms()):
            enqueue(unit, f"welcome/{staff_id}", room_id, desk.settings.bot_id, "m.room.message", content)
            log.info("welcomed", staff=staff_id)

    return effect


def welcome_text(
    settings: Settings,
    firm: Firm,
    person: Staff,
    localparts: Mapping[str, str],
    channels: Sequence[str],
    today: date,
) -> str:
    """The welcome, in Markdown. `localparts` gives staff ids; `channels` are the titles of those the person is in."""
    colleague = _colleague(firm, person, localparts)
    matter = _matter(firm, person.id, today)
    tries = [
        f"{code(f'!dm @{colleague[1]} Hello')} writes to {escape(colleague[0].name)}" if colleague else "",
        f"{code(f'!matter show {_number(matter)}')} tells you about {escape(matter.title or 'a matter')}"
        if matter
        else "",
        f"{code(f'!channel info {channels[0]}')} tells you about a channel you are in" if channels else "",
    ]
    listed = [f"- {line}" for line in tries if line]
    parts = [
        f"**Welcome to {escape(settings.firm.name)}, {escape(person.first_name or person.name)}.**",
        f"I am {escape(settings.appservice.bot_name)}. I open conversations, bring people into them, and find matters"
        " and channels for you.",
        "\n".join([f"{_COUNTED[len(listed)]} to try:\n", *listed]) if listed else "",
        "`!help` shows what you can ask me, here and in every conversation. Elsewhere begin with the exclamation mark;"
        " here you can leave it out.",
    ]
    return "\n\n".join(part for part in parts if part)


def _colleague(firm: Firm, person: Staff, localparts: Mapping[str, str]) -> tuple[Staff, str] | None:
    """Somebody to write to, with the localpart: the next by name, so that not everybody tries it on the same person."""
    accounts = {staff_id: localpart for localpart, staff_id in localparts.items()}

    def by_name(one: Staff) -> tuple[str, str]:
        return one.name.casefold(), one.id

    others = sorted((firm.staff[one] for one in firm.active_staff if one in accounts and one != person.id), key=by_name)
    found = next((one for one in others if by_name(one) > by_name(person)), others[0] if others else None)
    return None if found is None else (found, accounts[found.id])


def _matter(firm: Firm, staff_id: str, today: date) -> Matter | None:
    """An open matter that this person may see (M3), one they have a role in before others, the newest first."""
    newest = [matter for matter in reversed(list(firm.matters.values())) if matter.status is MatterStatus.OPEN]
    own = (matter for matter in newest if staff_id in matter.team)
    return next((matter for matter in chain(own, newest) if may_access(firm, staff_id, matter, today)), None)


def _number(matter: Matter) -> str:
    """A matter's number as it is typed."""
    return f'"{matter.number}"' if len(matter.number.split()) > 1 else matter.number
