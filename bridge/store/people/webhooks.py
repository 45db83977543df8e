"""Webhooks: where systems have themselves told what happens, and whose they are (A3). Times are milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bridge.firm.audit import Deed
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import ApiToken, Webhook, WebhookDelivery
from bridge.store.record.audit import record


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that has not ended."""

    id: str
    staff_id: str
    """As whom it sees; empty for the firm itself."""
    token: int | None
    url: str
    events: tuple[str, ...]
    text: bool
    salt: str
    made_by: str
    made_at: int
    missed: tuple[int, int | None] | None = None
    """Since when, and until when, it was told of nothing but what the audit log has, the last time; None for never."""

    @property
    def host(self) -> str:
        """Where it goes; the rest of an address may be a secret."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class WebhooksChanged:
    """News for those who listen to the store: other events are asked for than before."""


def made_by(unit: ReadUnit, cause: str) -> Hook | None:
    """The webhook that this made, if it made one, ended or not."""
    found = unit.find(Webhook, Webhook.cause == cause)
    return None if found is None else _hook(found)


def add_webhook(unit: Unit, new: Hook, cause: str) -> None:
    """Note a webhook. Announces WebhooksChanged."""
    unit.run(
        Webhook.insert(
            id=new.id,
            staff_id=new.staff_id,
            token=new.token,
            url=new.url,
            events=" ".join(new.events),
            text=new.text,
            salt=new.salt,
            made_by=new.made_by,
            made_at=new.made_at,
            cause=cause,
        )
    )
    unit.announce(WebhooksChanged())
    reason = f"{new.host}: {' '.join(new.events)}{', with what was said' if new.text else ''}"
    _record(unit, Deed.WEBHOOK_MADE, new, new.made_by, reason, cause)


def webhooks(unit: ReadUnit, staff_id: str | None = None, token: int | None = None) -> list[Hook]:
    """The webhooks that have not ended, oldest first: all of them, or those of a person, or of a token."""
    query = Webhook.select().where(Webhook.ended_at.is_null()).order_by(Webhook.made_at, Webhook.id)
    if staff_id is not None:
        query = query.where(Webhook.staff_id == staff_id)
    if token is not None:
        query = query.where(Webhook.token == token)
    return [_hook(row) for row in unit.all(query)]


def webhook(unit: ReadUnit, webhook_id: str, now: int) -> Hook | None:
    """A webhook that works at this moment: one that a token made works as long as that does."""
    row = unit.find(Webhook, Webhook.id == webhook_id, Webhook.ended_at.is_null())
    if row is None or (row.token is not None and not _works(unit, row.token, now)):
        return None
    return _hook(row)


def webhook_or_ended_by(unit: ReadUnit, webhook_id: str, cause: str) -> Hook | None:
    """A webhook that has not ended, or that this ended."""
    row = unit.find(Webhook, Webhook.id == webhook_id)
    return None if row is None or (row.ended_at is not None and row.ended_cause != cause) else _hook(row)


def end_webhook(unit: Unit, webhook_id: str, by: str, now: int, cause: str = "") -> bool:
    """End a webhook, and forget what waits for it. False where something else ended it, or there is none."""
    row = unit.find(Webhook, Webhook.id == webhook_id)
    if row is None or row.ended_at is not None:
        return row is not None and bool(cause) and row.ended_cause == cause
    unit.run(Webhook.update(ended_at=now, ended_cause=cause).where(Webhook.id == webhook_id))
    unit.run(WebhookDelivery.delete().where(WebhookDelivery.webhook_id == webhook_id))
    unit.announce(WebhooksChanged())
    hook = _hook(row)
    _record(unit, Deed.WEBHOOK_ENDED, hook, by, hook.host, cause or f"{webhook_id}/end")
    return True


def end_webhooks_of_token(unit: Unit, token: int, by: str, now: int) -> None:
    """End those that a token made."""
    for one in webhooks(unit, token=token):
        end_webhook(unit, one.id, by, now)


def end_webhooks_of(unit: Unit, staff_id: str, now: int) -> None:
    """End all that see as this person (F2)."""
    for one in webhooks(unit, staff_id=staff_id):
        end_webhook(unit, one.id, "", now)


def end_webhooks_of_ended_tokens(unit: Unit, now: int) -> None:
    """End those whose token works no more, for instance because its time is over."""
    for one in webhooks(unit):
        if one.token is not None and not _works(unit, one.token, now):
            end_webhook(unit, one.id, "", now)


def _works(unit: ReadUnit, token: int, now: int) -> bool:
    working = ApiToken.number == token, ApiToken.ended_at.is_null(), ApiToken.until > now
    return unit.find(ApiToken, *working) is not None


def _record(unit: Unit, deed: Deed, hook: Hook, by: str, reason: str, cause: str) -> None:
    about = f"{hook.id}, {reason}"
    record(unit, deed, actor=by, subject=hook.staff_id, person=hook.staff_id, reason=about, cause=cause)


def _hook(row: Any) -> Hook:
    return Hook(
        row.id,
        row.staff_id,
        row.token,
        row.url,
        tuple(row.events.split()),
        bool(row.text),
        row.salt,
        row.made_by,
        row.made_at,
        None if row.missed_since is None else (row.missed_since, row.missed_until),
    )
