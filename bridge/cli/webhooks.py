"""Webhooks: addresses to which systems have themselves told what happens (A3)."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.asking import ask_bridge
from bridge.cli.exits import Exit, Stop
from bridge.cli.firm import as_owner, with_firm
from bridge.cli.shell import AsJson, Config, print_json, say
from bridge.cli.tokens import by_shell, person_who_works

if TYPE_CHECKING:
    from bridge.firm.webhooks import EventType
    from bridge.operations.webhooks.subscribing import Hook
    from bridge.service import FirmService
    from bridge.settings import Settings

webhook = typer.Typer(help="Addresses to which systems have themselves told what happens.", no_args_is_help=True)


@webhook.command("add")
def add(
    url: Annotated[str, typer.Argument(help="Where to, such as https://example.com/hook.")],
    event: Annotated[
        list[str],
        typer.Option("--event", help="A kind of event (docs/webhooks.md); repeat it for more, `all` for all."),
    ],
    person: Annotated[
        str,
        typer.Option("--for", help="As whom it sees: a staff id, e-mail address, name or @name. Default: the firm."),
    ] = "",
    text: Annotated[bool, typer.Option("--text", help="Tell what is said, too.")] = False,
    config: Config = None,
) -> None:
    """Make a webhook, and print the secret that its requests are signed with, once.

    One that sees as a person is told what that person may hear of, and ends with them; they are told in their chat with
    the bot. One of the firm itself is told of all but direct conversations.
    """
    from bridge.operations.webhooks.subscribing import NewWebhook, add_webhook

    staff_id = person_who_works(config, person) if person else ""
    wanted = NewWebhook(url, _events(event), text, staff_id, by_shell(), f"shell/{secrets.token_hex(16)}")

    async def work(service: FirmService) -> tuple[str, str]:
        made, secret = await add_webhook(service.store, service.settings, wanted)
        return made.id, secret

    async def ask(settings: Settings) -> tuple[str, str]:
        answer = await ask_bridge(settings, {"do": "add webhook", "webhook": asdict(wanted)})
        if "told" in answer:
            raise Stop(Exit.USAGE, str(answer["told"]))
        return str(answer["id"]), str(answer["secret"])

    from bridge.refusal import Refusal
    from bridge.wording.refusals import worded

    try:
        webhook_id, secret = as_owner(config, work, ask)
    except Refusal as refusal:
        raise Stop(Exit.USAGE, worded(refusal)) from refusal
    say(secret)
    say(f"This is the secret of {webhook_id}. It is shown this once. `firm-bridge webhook end {webhook_id}` ends it.")


@webhook.command("list")
def list_webhooks(config: Config = None, as_json: AsJson = False) -> None:
    """List the webhooks, and how it stands with each."""

    async def look(service: FirmService) -> list[dict[str, Any]]:
        from bridge.operations.webhooks.subscribing import webhooks

        staff = service.firm.staff
        return [
            {
                "id": one.hook.id,
                "url": one.hook.url,
                "person": one.hook.staff_id,
                "person_name": staff[one.hook.staff_id].name if one.hook.staff_id in staff else "",
                "token": one.hook.token,
                "events": list(one.hook.events),
                "text": one.hook.text,
                "made_by": one.hook.made_by,
                "made_at": datetime.fromtimestamp(one.hook.made_at / 1000, UTC).date().isoformat(),
                "waiting": one.backlog.waiting,
                "put_aside": one.backlog.parked,
                "error": one.backlog.error or _behind(one.hook),
            }
            for one in await webhooks(service.store)
        ]

    found = with_firm(config, look)
    if as_json:
        print_json(found)
        return
    if not found:
        say("There are no webhooks.")
        return
    from bridge.cli.tables import print_table

    rows = (
        [
            one["id"],
            one["url"],
            one["person_name"] or "the firm",
            " ".join(one["events"]),
            str(one["waiting"]),
            str(one["put_aside"]),
            one["error"],
        ]
        for one in found
    )
    print_table(("Id", "Address", "Sees as", "Events", "Waiting", "Put aside", "Last error"), rows)


def _behind(hook: Hook) -> str:
    """That too much waits for more to be noted; empty where that is not so."""
    if hook.missed is None or hook.missed[1] is not None:
        return ""
    return "Too much waits: nothing more is noted for it until it has that."


@webhook.command("end")
def end(webhook_id: Annotated[str, typer.Argument(help="From `webhook list`.")], config: Config = None) -> None:
    """End a webhook, at once, and forget what waits for it."""

    async def work(service: FirmService) -> bool:
        from bridge.operations.webhooks.subscribing import end_webhook

        return await end_webhook(service.store, webhook_id, by_shell())

    async def ask(settings: Settings) -> bool:
        return bool((await ask_bridge(settings, {"do": "end webhook", "id": webhook_id, "by": by_shell()}))["ended"])

    if not as_owner(config, work, ask):
        raise _no_such(webhook_id)
    say(f"{webhook_id} has ended.")


@webhook.command("replay")
def replay(webhook_id: Annotated[str, typer.Argument(help="From `webhook list`.")], config: Config = None) -> None:
    """Tell the receiver again what was put aside after three days, and try now what waits for another attempt."""

    async def work(service: FirmService) -> int | None:
        from bridge.operations.webhooks.subscribing import replay_webhook

        return await replay_webhook(service.store, webhook_id)

    async def ask(settings: Settings) -> int | None:
        found = (await ask_bridge(settings, {"do": "replay webhook", "id": webhook_id}))["replayed"]
        return None if found is None else int(found)

    replayed = as_owner(config, work, ask)
    if replayed is None:
        raise _no_such(webhook_id)
    say(f"{replayed} that were put aside will be tried again, and what waits is tried now.")


def _no_such(webhook_id: str) -> Stop:
    return Stop(Exit.NOT_FOUND, f"There is no webhook {webhook_id}. `firm-bridge webhook list` lists them.")


def _events(given: list[str]) -> tuple[EventType, ...]:
    """The kinds of events. Raises Stop for one that there is not."""
    from bridge.firm.webhooks import EventType

    if given == ["all"]:
        return tuple(EventType)
    if unknown := [one for one in given if one not in set(EventType)]:
        raise Stop(Exit.USAGE, f"There is no event {unknown[0]}. There are {', '.join(EventType)}.")
    return tuple(dict.fromkeys(EventType(one) for one in given))
