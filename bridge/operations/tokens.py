"""Tokens with which systems use the API, each as one person or as itself (A1).

What is asked of a token is asked of the firm as well, each time: with whoever has left all their tokens end (F2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from bridge.clock import DAY_MS, now_ms
from bridge.desk import Desk
from bridge.firm.audit import Deed
from bridge.firm.conversation import ADMINS_ID, bot_chat_id
from bridge.firm.model import Firm, Staff
from bridge.firm.policy import may_act
from bridge.firm.systems import for_system, is_system_name, system_called, system_id
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.people import tokens as rows
from bridge.store.people.webhooks import Hook, end_webhooks_of_ended_tokens, webhooks
from bridge.store.queues.outbox import enqueue
from bridge.store.record.audit import record
from bridge.store.rooms.made import room_of
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


OF_SYSTEMS = frozenset({Scope.PEOPLE, Scope.MATTERS, Scope.CONVERSATIONS, Scope.CHANGE_CONVERSATIONS, Scope.FILES})
"""What a system that acts as itself may ask for: nothing that is for firm admins, and nothing of somebody's own."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token as it is asked for."""

    token_hash: str
    """`hashed` of the token, which is shown to whoever asks for it and known to nobody else."""
    staff_id: str
    """Whom it acts as; empty for a system that acts as itself."""
    name: str
    """What it is for."""
    scopes: tuple[Scope, ...]
    days: int
    """How long it works."""
    made_by: str
    """Who runs the server, in words."""
    system: str = ""
    """What a system is called that acts as itself."""

    def __post_init__(self) -> None:
        """Raise ValueError for what is neither a person nor a system, and for what no system can have."""
        if bool(self.staff_id) is bool(self.system):
            raise ValueError("A token acts as a person or as a system.")
        if self.system and not (is_system_name(self.system) and OF_SYSTEMS.issuperset(self.scopes)):
            raise ValueError("No system that acts as itself is called so or has such scopes.")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who acts with a token that works."""

    token: Token
    person: Staff
    """Of a system that acts as itself a stand-in, which is in no directory."""
    desk: Desk
    """With the firm as they may know it."""


def hashed(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def add_token(store: Store, settings: Settings, wanted: NewToken) -> int:
    """Let a token act as a person, and tell them so, or as a system, and tell the firm admins; its number. Asked again
    for the same token, it is the same."""
    scopes, now = tuple(sorted(wanted.scopes)), now_ms()
    acting = system_id(wanted.system) if wanted.system else wanted.staff_id

    def work(unit: Unit) -> int:
        number = rows.add_token(
            unit,
            wanted.token_hash,
            wanted.staff_id,
            wanted.system,
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
            subject=acting,
            person=wanted.staff_id,
            reason=reason,
            cause=cause,
        )
        if wanted.system:
            _tell_admins(unit, settings, wanted, scopes, f"{cause}/made")
            return number
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
        ended = rows.end_token(unit, number, by, now_ms())
        if ended is not None:
            reason = f"token-{number}"
            record(
                unit,
                Deed.TOKEN_ENDED,
                actor=by,
                subject=ended.acting,
                person=ended.staff_id,
                reason=reason,
                cause=f"{reason}/end",
            )
        return ended is not None

    return await store.run(work)


def _tell(unit: Unit, settings: Settings, staff_id: str, said: str, cause: str) -> None:
    """Part of a unit: have the bot tell the person whom a token acts as."""
    if (chat := room_of(unit, bot_chat_id(staff_id))) is not None:
        enqueue(unit, cause, chat, settings.bot_id, "m.room.message", text_message(said))


def _tell_admins(unit: Unit, settings: Settings, wanted: NewToken, scopes: tuple[Scope, ...], cause: str) -> None:
    """Part of a unit: have the bot tell the firm admins of a system that acts as itself, since nobody else is told."""
    said = (
        f"A system may now use the API as itself: {escape(wanted.system)} ({escape(wanted.name)}), with"
        f" {enumerated(scopes)}. It may know the channels, and the matters that are open to all and that no wall stands"
        f" around. Whoever runs the server ({escape(wanted.made_by)}) set this up. If none of you asked for it, have"
        " them end it."
    )
    if (room_id := room_of(unit, ADMINS_ID)) is not None:
        enqueue(unit, cause, room_id, settings.bot_id, "m.room.message", text_message(said))


async def holder(desk: Desk, token: str) -> Holder | None:
    """Who acts with a token; None where it has ended, or they have left."""
    now, firm = now_ms(), desk.firm()
    found = await desk.store.read(rows.token_of, hashed(token), now)
    if found is None:
        return None
    if not found.system and not may_act(firm, found.staff_id):
        # For good: whoever comes back to the firm is given new ones.
        await desk.store.run(rows.end_tokens, found.staff_id, now)
        return None
    if found.used_at is None or now - found.used_at > _USED_MS:
        await desk.store.run(rows.note_token_used, found.number, now)
    if not found.system:
        return Holder(found, firm.staff[found.staff_id], desk)
    stand_in = Staff(found.acting, system_called(found.acting), "", "")
    return Holder(found, stand_in, replace(desk, firm=_as_known_to(desk.firm, found.acting)))


def _as_known_to(firm: Callable[[], Firm], system: str) -> Callable[[], Firm]:
    """The firm of each moment as this system may know it."""
    known: tuple[Firm, Firm] | None = None

    def now() -> Firm:
        nonlocal known
        current = firm()
        if known is None or known[0] is not current:
            known = current, for_system(current, system)
        return known[1]

    return now


async def end_tokens_of_leavers(desk: Desk) -> None:
    """End the tokens and webhooks of all who do not work here, so that none works again should they come back, and
    the webhooks of tokens whose time is over."""
    firm = desk.firm()
    await desk.store.run(end_webhooks_of_ended_tokens, now_ms())
    theirs: list[Token | Hook] = [*await tokens(desk.store), *await desk.store.read(webhooks)]
    gone = {one.staff_id for one in theirs if one.staff_id and not may_act(firm, one.staff_id)}
    for staff_id in gone:
        await desk.store.run(lambda unit, staff_id=staff_id: rows.end_tokens(unit, staff_id, now_ms()))  # type: ignore[misc]
