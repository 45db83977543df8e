"""Who has a system told what happens, and by which secret it knows that it is the firm (A3)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.model import Staff
from bridge.firm.webhooks import EVENTS, EventType
from bridge.operations.telling import tell
from bridge.operations.tokens import Scope, Token
from bridge.operations.webhooks.addresses import why_not
from bridge.refusal import Kind, Refusal
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.people import webhooks as rows
from bridge.store.queues import deliveries
from bridge.wording.markdown import enumerated, escape

Hook = rows.Hook
Backlog = deliveries.Backlog
MOST = 20
"""So many webhooks may see as one person, and so many as the firm."""


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook as it is asked for."""

    url: str
    events: tuple[EventType, ...]
    text: bool
    """Whether it is told what was said."""
    staff_id: str
    """As whom it sees; empty for the firm itself."""
    made_by: str
    """A staff id, or who runs the server, in words."""
    cause: str
    """The same makes no second one."""
    token: int | None = None
    """The number of the token that makes it."""


@dataclass(frozen=True, slots=True)
class HookSeen:
    """A webhook, and how it stands with it."""

    hook: Hook
    backlog: Backlog


def secret_of(settings: Settings, hook: Hook) -> str:
    """What its requests are signed with, as Standard Webhooks writes it.

    It is made from the bridge's key and kept nowhere, so that nobody signs with what a backup has.
    """
    key = settings.security.alias_key.get_secret_value().encode()
    made = hmac.new(key, f"webhook\n{hook.salt}".encode(), hashlib.sha256).digest()
    return f"whsec_{base64.b64encode(made).decode()}"


def require_scopes(token: Token, events: tuple[EventType, ...], *, text: bool) -> None:
    """Raise Refusal where a token is not for what it asks to be told."""
    needed = {EVENTS[one].scope for one in events} | ({Scope.TEXT.value} if text else set())
    if missing := sorted(needed - token.scopes):
        raise Refusal(Kind.SCOPE_MISSING, "A1", scopes=tuple(missing))


async def add_webhook(store: Store, settings: Settings, wanted: NewWebhook) -> tuple[Hook, str]:
    """Make a webhook, and tell whoever it sees as; with its secret. Asked again for the same cause, it is the same.

    Raises Refusal.
    """
    if reason := why_not(wanted.url, settings.webhooks.allowed_networks):
        raise Refusal(Kind.WEBHOOK_ADDRESS, why=reason)
    new = Hook(
        f"hook-{secrets.token_hex(8)}",
        wanted.staff_id,
        wanted.token,
        wanted.url,
        tuple(sorted(set(wanted.events))),
        wanted.text,
        secrets.token_hex(16),
        wanted.made_by,
        now_ms(),
    )

    def work(unit: Unit) -> Hook:
        made = rows.made_by(unit, wanted.cause)
        if made is not None:
            return made
        if len(rows.webhooks(unit, new.staff_id)) >= MOST:
            raise Refusal(Kind.TOO_MANY_WEBHOOKS, most=MOST)
        rows.add_webhook(unit, new, wanted.cause)
        if new.staff_id:
            said = (
                f"A system at {escape(new.host)} is now told what happens, as far as you may see it:"
                f" {enumerated(new.events)}{', with what is said' if new.text else ''}. If you did not ask for it,"
                f" tell your firm admin: whoever runs the server can end the webhook {new.id}."
            )
            tell(unit, new.staff_id, new.id, said, settings.bot_id)
        return new

    made = await store.run(work)
    return made, secret_of(settings, made)


async def webhooks(store: Store, staff_id: str | None = None) -> list[HookSeen]:
    """The webhooks that have not ended, oldest first: all, or those that see as one person, empty for the firm."""

    def work(unit: ReadUnit) -> list[HookSeen]:
        backlogs: Mapping[str, Backlog] = deliveries.backlogs(unit)
        return [HookSeen(one, backlogs.get(one.id, Backlog())) for one in rows.webhooks(unit, staff_id)]

    return await store.read(work)


async def end_webhook(store: Store, webhook_id: str, by: str, cause: str = "") -> bool:
    """End a webhook and forget what waits for it; False where there is none."""
    return await store.run(rows.end_webhook, webhook_id, by, now_ms(), cause)


async def replay_webhook(store: Store, webhook_id: str) -> int | None:
    """Have what was put aside, and what waits for another attempt, tried now; how much was put aside, None where there
    is no such webhook."""

    def work(unit: Unit) -> int | None:
        now = now_ms()
        if all(one.id != webhook_id for one in rows.webhooks(unit)):
            return None
        deliveries.hurry(unit, webhook_id, now)
        return deliveries.replay(unit, webhook_id, now)

    return await store.run(work)


async def own_webhook(desk: Desk, asker: Staff, webhook_id: str, cause: str) -> HookSeen | None:
    """A webhook that sees as this person, or did until this cause ended it; None where there is none."""

    def work(unit: ReadUnit) -> HookSeen | None:
        found = rows.webhook_or_ended_by(unit, webhook_id, cause)
        if found is None or found.staff_id != asker.id:
            return None
        return HookSeen(found, deliveries.backlogs(unit).get(webhook_id, Backlog()))

    return await desk.store.read(work)
