"""Webhooks for which too much waits: nothing more is queued for one until that is told, then it goes on from the record
(A3). Times are milliseconds.

The audit log has most of what webhooks are told of. Of the rest, messages, files, pins and changes of the directory,
what happened meanwhile is not told; of which time that is stands with the webhook.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Webhook
from bridge.store.queues.deliveries import Backlog
from bridge.store.record.audit import audited, end_of_log, told_of
from bridge.store.record.happenings import WebhooksWait, queue

MOST = 100_000
"""Events that wait for one webhook or were put aside. With each more are taken for as long as the bridge does not
look, which is half a minute."""
AT_ONCE = 500
"""Entries of the audit log that are queued in one unit."""


def fallen_behind(unit: ReadUnit) -> list[str]:
    """The ids of the webhooks for which nothing is queued at present."""
    found = Webhook.select(Webhook.id).where(Webhook.behind.is_null(False), Webhook.ended_at.is_null())
    return [webhook_id for (webhook_id,) in unit.tuples(found)]


def is_too_much(waits: Backlog) -> bool:
    """Whether so much waits that nothing more is to be queued."""
    return waits.waiting + waits.parked >= MOST


def may_go_on(waits: Backlog) -> bool:
    """Whether what waited is told, and there is room for more."""
    return not waits.waiting and waits.parked < MOST // 2


def fall_behind(unit: Unit, webhook_id: str, now: int) -> bool:
    """Queue nothing more for this webhook. Whether anything was until now."""
    taken = Webhook.id == webhook_id, Webhook.ended_at.is_null(), Webhook.behind.is_null()
    behind = {"behind": end_of_log(unit) - 1, "missed_since": now, "missed_until": None}
    return bool(unit.run(Webhook.update(**behind).where(*taken)))


def go_on(unit: Unit, webhook_id: str, now: int) -> bool:
    """Queue what the audit log has behind what was queued last, some of it at a time. Whether that was the last of it
    and this webhook is told of everything again. Announces WebhooksWait."""
    row = unit.find(Webhook, Webhook.id == webhook_id, Webhook.ended_at.is_null(), Webhook.behind.is_null(False))
    if row is None:
        return False
    entries, wanted = audited(unit, row.behind or 0, AT_ONCE), set(row.events.split())
    for one in entries:
        happening = told_of(one.entry)
        if happening is not None and happening.type.value in wanted:
            queue(unit, webhook_id, happening)
    caught_up = len(entries) < AT_ONCE
    changed: Mapping[str, int | None] = (
        {"behind": None, "missed_until": now} if caught_up else {"behind": entries[-1].position}
    )
    unit.run(Webhook.update(**changed).where(Webhook.id == webhook_id))
    unit.announce(WebhooksWait())
    return caught_up
