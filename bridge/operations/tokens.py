"""Tokens with which systems use the API, each as one person (A1).

What is asked of a token is asked of the firm as well, each time: with whoever has left all their tokens end (F2).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from bridge.clock import DAY_MS, now_ms
from bridge.desk import Desk
from bridge.firm.audit import Deed
from bridge.firm.conversation import bot_chat_id
from bridge.firm.model import Staff
from bridge.firm.policy import may_act
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.people import tokens as rows
from bridge.store.people.webhooks import Hook, end_webhooks_of_ended_tokens, webhooks
from bridge.store.queues.outbox import enqueue
from bridge.store.record.audit import record
from bridge.store.rooms.conversations import room_of
from bridge.wording.markdown import enumerated, escape, text_message

Token = rows.Token
_USED_MS = 60_000
"""So often it is noted that a token is in use."""


class Scope(StrEnum):
    """What a token lets a system ask for; what the person may do stays the limit."""

    PEOPLE = "people:read"
    STAFF = "people:write"
    MATTERS = "matters:read"
    CONVERSATIONS = "conversations:read"
    CHANGE_CONVERSATIONS = "conversations:write"
    FILES = "files:read"
    CHANGE_FILES = "files:write"
    PINS = "pins:read"
    CHANGE_PINS = "pins:write"
    WALLS = "walls:read"
    CHANGE_WALLS = "walls:write"
    AUDIT = "audit:read"
    DIRECTORY = "directory:read"
    CHANGE_DIRECTORY = "directory:write"
    WEBHOOKS = "webhooks:read"
    CHANGE_WEBHOOKS = "webhooks:write"
    TEXT = "messages:text"
    SCIM = "scim"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token as it is asked for."""

    token_hash: str
    """`hashed` of the token, which is shown to whoever asks for it and known to nobody else."""
    staff_id: str
    """Whom it acts as."""
    name: str
    """What it is for."""
    scopes: tuple[Scope, ...]
    days: int
    """How long it works."""
    made_by: str
    """Who runs the server, in words."""


def hashed(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def add_token(store: Store, settings: Settings, wanted: NewToken) -> int:
    """Let a token act as a person, and tell them so; its number. Asked again for the same token, it is the same."""
    scopes, now = tuple(sorted(wanted.scopes)), now_ms()

    def work(unit: Unit) -> int:
        number = rows.add_token(
            unit,
            wanted.token_hash,
            wanted.staff_id,
            wanted.name,
            " ".join(scopes),
            wanted.made_by,
            now,
            now + wanted.days * DAY_MS,
        )
        cause = f"token-{number}"
        reason = f"{cause}, {wanted.name}: {' '.join(scopes)}"
        record(
            unit,
            Deed.TOKEN_MADE,
            actor=wanted.made_by,
            subject=wanted.staff_id,
            person=wanted.staff_id,
            reason=reason,
            cause=cause,
        )
        said = (
            f"A system may now act for you: {escape(wanted.name)}, with {enumerated(scopes)}. It sees and does what you"
            f" may. Whoever runs the server ({escape(wanted.made_by)}) set this up; if you did not ask for it, tell"
            " your firm admin."
        )
        _tell(unit, settings, wanted.staff_id, said, f"{cause}/made")
        return number

    return await store.run(work)


async def tokens(store: Store) -> list[Token]:
    """Every token that works, the oldest first."""
    return await store.read(rows.tokens, now_ms())


async def end_token(store: Store, number: int, by: str) -> bool:
    """End a token; False where there is none of that number that works."""

    def work(unit: Unit) -> bool:
        staff_id = rows.end_token(unit, number, by, now_ms())
        if staff_id is not None:
            reason = f"token-{number}"
            record(
                unit,
                Deed.TOKEN_ENDED,
                actor=by,
                subject=staff_id,
                person=staff_id,
                reason=reason,
                cause=f"{reason}/end",
            )
        return staff_id is not None

    return await store.run(work)


def _tell(unit: Unit, settings: Settings, staff_id: str, said: str, cause: str) -> None:
    """Part of a unit: have the bot tell the person whom a token acts as."""
    if (chat := room_of(unit, bot_chat_id(staff_id))) is not None:
        enqueue(unit, cause, chat, settings.bot_id, "m.room.message", text_message(said))


async def holder(desk: Desk, token: str) -> tuple[Token, Staff] | None:
    """A token and whom it acts as; None where it has ended, or they have left."""
    now, firm = now_ms(), desk.firm()
    found = await desk.store.read(rows.token_of, hashed(token), now)
    if found is None:
        return None
    if not may_act(firm, found.staff_id):
        # For good: whoever comes back to the firm is given new ones.
        await desk.store.run(rows.end_tokens, found.staff_id, now)
        return None
    if found.used_at is None or now - found.used_at > _USED_MS:
        await desk.store.run(rows.note_token_used, found.number, now)
    return found, firm.staff[found.staff_id]


async def end_tokens_of_leavers(desk: Desk) -> None:
    """End the tokens and webhooks of all who do not work here, so that none works again should they come back, and
    the webhooks of tokens whose time is over."""
    firm = desk.firm()
    await desk.store.run(end_webhooks_of_ended_tokens, now_ms())
    theirs: list[Token | Hook] = [*await tokens(desk.store), *await desk.store.read(webhooks)]
    gone = {one.staff_id for one in theirs if one.staff_id and not may_act(firm, one.staff_id)}
    for staff_id in gone:
        await desk.store.run(lambda unit, staff_id=staff_id: rows.end_tokens(unit, staff_id, now_ms()))  # type: ignore[misc]
