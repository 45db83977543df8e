"""Webhooks of the person for whom a system acts."""

from __future__ import annotations

from pydantic import Field

from bridge.firm.webhooks import EventType
from bridge.operations.tokens import Scope
from bridge.operations.webhooks.addresses import URL_MOST
from bridge.operations.webhooks.subscribing import (
    HookSeen,
    NewWebhook,
    add_webhook,
    end_webhook,
    replay_webhook,
    require_scopes,
)
from bridge.operations.webhooks.subscribing import webhooks as webhooks_of
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall
from bridge.web.api.table import Given, Paged, do, get


class WebhookWanted(Given):
    """A webhook to make."""

    url: str = Field(min_length=1, max_length=URL_MOST, description="Where to, such as https://example.com/hook.")
    events: list[EventType] = Field(min_length=1, max_length=len(EventType), description="What to be told of.")
    text: bool = Field(False, description="Whether to be told what is said; needs the scope messages:text.")


async def webhooks(call: ApiCall) -> shown.PageJson[shown.WebhookJson]:
    """The webhooks that see as the person, oldest first."""
    found = await webhooks_of(call.desk.store, call.person.id)
    items, following = call.page(found, _place)
    return shown.PageJson(items=[_shown(one) for one in items], next=following)


async def make(call: ApiCall) -> shown.WebhookMadeJson:
    """Have events told to an address, as far as the person may hear of them.
    It ends with the token that makes it. The person is told in their chat with the bot."""
    asked = call.asked(WebhookWanted)
    events = tuple(dict.fromkeys(asked.events))
    require_scopes(call.token, events, text=asked.text)
    who = call.person.id
    wanted = NewWebhook(asked.url, events, asked.text, who, who, call.cause, call.token.number)
    made, secret = await add_webhook(call.desk.store, call.desk.settings, wanted)
    if call.desk.rehearses:
        return shown.WebhookMadeJson(id="", secret="")
    return shown.WebhookMadeJson(id=made.id, secret=secret)


async def webhook(call: ApiCall) -> shown.WebhookJson:
    """A webhook that sees as the person."""
    return _shown(call.webhook)


async def end(call: ApiCall) -> shown.DoneJson:
    """End a webhook, and forget what waits for it."""
    return shown.DoneJson(done=await end_webhook(call.desk.store, call.webhook.hook.id, call.person.id, call.cause))


async def replay(call: ApiCall) -> shown.WebhookReplayedJson:
    """Tell the receiver again what was put aside after three days, and try now what waits for another attempt."""
    return shown.WebhookReplayedJson(replayed=await replay_webhook(call.desk.store, call.webhook.hook.id) or 0)


def _place(one: HookSeen) -> tuple[int, str]:
    return one.hook.made_at, one.hook.id


# How many wait is not shown: what the person must not hear of is among them until it is looked at (M3).
def _shown(one: HookSeen) -> shown.WebhookJson:
    since, until = one.hook.missed or (None, None)
    return shown.WebhookJson(
        id=one.hook.id,
        url=one.hook.url,
        events=[EventType(kind) for kind in one.hook.events],
        text=one.hook.text,
        made_at=shown.moment(one.hook.made_at),
        put_aside=one.backlog.parked,
        error=one.backlog.error,
        missed_since=None if since is None else shown.moment(since),
        missed_until=None if until is None else shown.moment(until),
    )


ROUTES = (
    get(
        "webhooks.list",
        path="/webhooks",
        scope=Scope.WEBHOOKS,
        run=webhooks,
        answer=shown.PageJson[shown.WebhookJson],
        query=Paged,
    ),
    do(
        "webhooks.make",
        "POST",
        path="/webhooks",
        scope=Scope.CHANGE_WEBHOOKS,
        run=make,
        answer=shown.WebhookMadeJson,
        kept=False,
        body=WebhookWanted,
    ),
    get(
        "webhooks.get",
        path="/webhooks/{webhook}",
        scope=Scope.WEBHOOKS,
        run=webhook,
        answer=shown.WebhookJson,
    ),
    do(
        "webhooks.end",
        "DELETE",
        path="/webhooks/{webhook}",
        scope=Scope.CHANGE_WEBHOOKS,
        run=end,
        answer=shown.DoneJson,
    ),
    do(
        "webhooks.replay",
        "POST",
        path="/webhooks/{webhook}/replay",
        scope=Scope.CHANGE_WEBHOOKS,
        run=replay,
        answer=shown.WebhookReplayedJson,
    ),
)
