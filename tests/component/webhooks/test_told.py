"""Systems are told what happens: signed, in order, at least once, and no more than whoever it is for may hear (A3)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.clock import now_ms
from bridge.firm.audit import BY_GUARD, Deed
from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.webhooks import BY_DEED, EVENTS, EventType
from bridge.handlers.passing.activity import Activity
from bridge.operations.tokens import Scope
from bridge.operations.webhooks.subscribing import Backlog, end_webhook, replay_webhook, webhooks
from bridge.settings import FirmSettings
from bridge.store.engine.unit import Unit
from bridge.store.models import MODELS, WebhookDelivery
from bridge.store.record.audit import record
from bridge.store.record.happenings import asked_for
from bridge.webhooks import delivering as delivering_module
from bridge.webhooks.delivering import PATIENCE_MS, pause_after
from bridge.webhooks.sending import NotTaken, Sender
from tests.certificates import certificate
from tests.component.small_firm import SmallFirm, channel, direct, small_firm
from tests.component.webhooks.receiver import LOOPBACK, delivering, receiver
from tests.component.wire.traffic import until

MATTER_TALK = first_matter_conversation_id("m1")


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as made:
        await made.restart(webhooks=LOOPBACK, firm=FirmSettings(name="Firm", admin_roles=("Associate",)))
        made.all_done()
        yield made


async def waiting(firm: SmallFirm) -> list[WebhookDelivery]:
    return await firm.service.store.read(lambda unit: unit.all(WebhookDelivery.select()))


async def nothing_waits(firm: SmallFirm) -> None:
    while await waiting(firm):  # noqa: ASYNC110 - the store tells of nothing where a row goes
        await asyncio.sleep(0)


async def stands(firm: SmallFirm, hook: str, as_wished: Callable[[Backlog], bool]) -> Backlog:
    """Wait until it stands so with a webhook."""
    while True:
        (found,) = [one.backlog for one in await webhooks(firm.service.store) if one.hook.id == hook]
        if as_wished(found):
            return found


def test_A3_every_kind_of_event_is_described_and_needs_a_scope_that_there_is() -> None:
    assert set(EVENTS) == set(EventType)
    assert {told.scope for told in EVENTS.values()} <= set(Scope)
    assert set(BY_DEED.values()) <= set(EventType)


def test_A3_nothing_that_was_refused_or_only_asked_for_is_an_event() -> None:
    assert not BY_DEED.keys() & {*BY_GUARD, Deed.COMMAND, Deed.API, Deed.PUT_BACK}


async def test_A3_a_system_is_told_of_each_change_in_order_and_finds_the_signature_genuine(firm: SmallFirm) -> None:
    kinds = set(EventType) - {EventType.MESSAGE_SENT}
    async with receiver(firm, kinds) as system, delivering(firm):
        room = await channel(firm)
        await firm.ask("ruth", "!rename Filings at Court", room)
        await firm.ask("ruth", "!archive", room)
        told = await system.until(6)
    assert system.types[0] == "conversation.started"
    assert system.types[1:4] == ["participant.added"] * 3
    assert system.types[4:] == ["conversation.renamed", "conversation.archived"]
    assert told[4]["data"].keys() == {"conversation", "kind", "person", "by"}
    assert "Court" not in str(told), "ids alone: what something is called is asked of the API"
    assert len(set(system.ids)) == len(system.ids)


async def test_A3_what_was_said_is_told_only_where_the_webhook_may_have_it(firm: SmallFirm) -> None:
    room = await channel(firm)
    only_said = [EventType.MESSAGE_SENT]
    async with (
        receiver(firm, only_said) as silent,
        receiver(firm, only_said, text=True) as full,
        receiver(firm, only_said, "tom", text=True) as of_tom,
        delivering(firm),
    ):
        event_id = firm.fake.message(room, firm.user("ruth"), "The hearing is at nine")["event_id"]
        await firm.settle()
        for system in (silent, full, of_tom):
            (told,) = await system.until(1)
            assert told["data"]["event"] == event_id
            assert told["data"].get("text") == (None if system is silent else "The hearing is at nine")


async def test_A3_a_webhook_made_while_the_bridge_looks_whether_there_is_one_is_told(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, store = await channel(firm), firm.service.store
    read = store.read
    async with AsyncExitStack() as stack:

        async def overtaken(work: Any, *given: Any) -> Any:
            found = await read(work, *given)
            if work is asked_for:
                monkeypatch.undo()
                await stack.enter_async_context(receiver(firm, [EventType.MESSAGE_SENT]))
            return found

        firm.bridge.activity = Activity(firm.bridge.places, firm.fake.bot_id, store)
        monkeypatch.setattr(store, "read", overtaken)
        firm.fake.message(room, firm.user("ruth"), "Hello")
        await firm.settle()
        assert len(await waiting(firm)) == 1


async def test_A3_what_was_said_stands_in_no_table(firm: SmallFirm) -> None:
    room = await channel(firm)
    async with receiver(firm, [EventType.MESSAGE_SENT], text=True):
        firm.fake.message(room, firm.user("ruth"), "Unspeakable")
        await firm.settle()

        def rows(unit: Any) -> str:
            return str([unit.tuples(model.select()) for model in MODELS])

        assert len(await waiting(firm)) == 1
        assert "Unspeakable" not in await firm.service.store.read(rows)


async def test_A3_a_message_that_was_deleted_meanwhile_is_told_without_what_it_said(firm: SmallFirm) -> None:
    room = await channel(firm)
    async with receiver(firm, [EventType.MESSAGE_SENT], text=True) as system:
        event_id = firm.fake.message(room, firm.user("ruth"), "Unspeakable")["event_id"]
        await firm.settle()
        firm.fake.redact(room, firm.user("ruth"), event_id)
        async with delivering(firm):
            (told,) = await system.until(1)
    assert told["data"]["text"] is None


async def test_A3_M3_who_is_behind_a_wall_is_told_nothing_of_the_matter_nor_counts(firm: SmallFirm) -> None:
    async with receiver(firm, EventType, "walt") as walled, receiver(firm, EventType, "ruth") as ruth:
        await firm.ask("ruth", "!start 2026-0042 Secret")
        await firm.ask("ruth", "!wall add 2026-0042 @walt because")
        async with delivering(firm):
            await ruth.until(3)
            await firm.ask("ruth", "!channel create Open @walt")
            await walled.until(2)
            await nothing_waits(firm)
    assert {"wall.set", "conversation.started"} <= set(ruth.types)
    assert all(one["data"].get("kind") == "channel" for one in walled.told)
    assert not any("m1" in str(one) for one in walled.told)


async def test_A3_M3_access_that_was_lost_between_event_and_delivery_counts(firm: SmallFirm) -> None:
    async with receiver(firm, EventType, "tom") as tom:
        await firm.ask("ruth", "!start 2026-0042 Secret @tom")
        await firm.ask("ruth", "!wall add 2026-0042 @tom because")
        async with delivering(firm):
            await nothing_waits(firm)
    assert tom.ids == []


async def test_A3_D4_nobody_but_those_in_it_is_told_of_a_direct_conversation(firm: SmallFirm) -> None:
    async with (
        receiver(firm) as of_firm,
        receiver(firm, EventType, "ines") as ines,
        receiver(firm, EventType, "tom") as t,
    ):
        await firm.ask("ruth", "!dm @tom")
        firm.fake.message(await direct(firm), firm.user("ruth"), "Between us")
        await firm.settle()
        async with delivering(firm):
            await t.until(4)
            await nothing_waits(firm)
    assert t.types[-1] == "message.sent"
    assert (of_firm.ids, ines.ids) == ([], [])


async def test_A3_F2_with_a_leaver_their_webhooks_end_and_whoever_comes_back_has_none(firm: SmallFirm) -> None:
    async with receiver(firm, EventType, "tom") as tom, receiver(firm, [EventType.STAFF_LEFT]) as of_firm:
        await channel(firm)
        await firm.ask("ruth", "!staff leave @tom")
        await firm.ask("ruth", "!staff return @tom")
        async with delivering(firm):
            (told,) = await of_firm.until(1)
            await nothing_waits(firm)
    assert told["data"] == {"person": "tom", "by": "ruth"}
    assert tom.ids == []
    assert [one.hook.id for one in await webhooks(firm.service.store)] == [of_firm.id]


async def test_A3_only_firm_admins_are_told_of_walls_and_the_directory(firm: SmallFirm) -> None:
    await firm.restart(webhooks=LOOPBACK, firm=FirmSettings(name="Firm", admin_roles=("Owner",)))
    async with receiver(firm, [EventType.DIRECTORY_CHANGED], "ruth") as nobody:
        await firm.service.store.run(_directory_changed)
        async with delivering(firm):
            await nothing_waits(firm)
    assert nobody.ids == []


def _directory_changed(unit: Unit) -> None:
    record(unit, Deed.DIRECTORY_CHANGED, subject="f" * 64)


async def test_A3_a_conversation_waits_for_its_first_event_and_no_other_waits_for_it(firm: SmallFirm) -> None:
    refuses = True

    def answers(told: Any) -> int:
        return 500 if refuses and told["data"]["conversation"] == first else 204

    kinds = [EventType.CONVERSATION_STARTED, EventType.CONVERSATION_RENAMED]
    async with receiver(firm, kinds, answers=answers) as system:
        first = ""
        await firm.ask("ruth", "!channel create One")
        first = (await waiting(firm))[0].subject
        await firm.ask("ruth", "!rename First", firm.room("One"))
        await firm.ask("ruth", "!channel create Two")
        async with delivering(firm):
            (told,) = await system.until(1)
            assert told["data"]["conversation"] != first
            await system.tries(4)
            refuses = False
            await system.until(3)
    assert system.types[1:] == ["conversation.started", "conversation.renamed"]
    before_two = [one for one in system.ids if system.ids.count(one) > 1]
    assert len(set(before_two)) == 1, "it comes under the same id"


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("600", 600), ("9" * 400, 10_800), ("Fri, 31 Dec 9999 23:59:59 GMT", 10_800), ("1", 60), ("soon", 60)],
)
async def test_A3_a_receiver_is_left_alone_as_long_as_it_asks_and_three_hours_at_most(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch, asked: str, seconds: int
) -> None:
    async with receiver(firm, [EventType.CONVERSATION_STARTED], answers=lambda told: 503) as system:
        system.retry_after = asked
        await firm.ask("ruth", "!channel create One")
        now = now_ms()
        monkeypatch.setattr(delivering_module, "now_ms", lambda: now)
        async with delivering(firm, lambda attempts: 60.0):
            while not (tried := (await waiting(firm))[0]).attempts:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
    assert tried.due_at == now + seconds * 1000


async def test_A3_a_receiver_that_does_not_answer_keeps_no_other_waiting(firm: SmallFirm) -> None:
    async with receiver(firm) as dead, receiver(firm) as well:
        dead.hold = asyncio.Event()
        async with delivering(firm):
            for number in range(6):
                await firm.ask("ruth", f"!channel create Channel {number}")
            await well.until(12)
            assert dead.told == []
            dead.hold.set()
            await dead.until(12)


async def test_A3_after_three_days_it_is_put_aside_and_said_and_replayed_by_command(firm: SmallFirm) -> None:
    refuses = True
    kinds = [EventType.CONVERSATION_STARTED, EventType.CONVERSATION_RENAMED]
    async with receiver(firm, kinds, "ruth", answers=lambda told: 500 if refuses else 204) as system:
        await firm.ask("ruth", "!channel create One")
        await firm.ask("ruth", "!rename First", firm.room("One"))
        await firm.service.store.run(_age)
        async with delivering(firm) as deliverer:
            await system.tries(2)
            await stands(firm, system.id, lambda found: found.parked == 2)
            await until(lambda: system.id in deliverer.trouble)
            refuses = False
            assert await replay_webhook(firm.service.store, system.id) == 2
            await system.until(2)
        await firm.ask("ruth", "!ping")
    assert system.types == ["conversation.started", "conversation.renamed"]
    assert sum("could not be told what happened" in text for _, _, text in firm.said) == 1


async def test_A3_what_the_bridge_itself_fails_at_is_put_aside_too_and_quotes_nobody(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> bytes:
        raise KeyError("Unspeakable")

    monkeypatch.setattr(delivering_module, "told", fails)
    async with receiver(firm, [EventType.CONVERSATION_STARTED]) as system:
        await firm.ask("ruth", "!channel create One")
        await firm.service.store.run(_age)
        async with delivering(firm):
            found = await stands(firm, system.id, lambda found: found.parked == 1)
    assert found.error == "Something is wrong in the bridge. Its log says what."
    assert not system.ids


def _age(unit: Unit) -> None:
    unit.run(WebhookDelivery.update(since_ms=now_ms() - PATIENCE_MS))


async def test_A3_nobody_is_followed_to_another_address(firm: SmallFirm) -> None:
    only = [EventType.CONVERSATION_STARTED]
    async with receiver(firm, only, answers=lambda told: 307) as system, delivering(firm, pause_after):
        await firm.ask("ruth", "!channel create One")
        found = await stands(firm, system.id, lambda one: one.error != "")
    assert found.error.startswith("It answered 307")
    assert len(system.ids) == 1


async def test_A3_an_address_is_judged_when_it_is_connected_to(firm: SmallFirm) -> None:
    """The name was allowed when the webhook was made, as one is whose owner lets it stand for another address later."""
    async with receiver(firm, [EventType.CONVERSATION_STARTED]) as system:
        await firm.restart(webhooks=LOOPBACK.model_copy(update={"allowed_networks": ("10.0.0.0/8",)}))
        async with delivering(firm, pause_after):
            await firm.ask("ruth", "!channel create One")
            found = await stands(firm, system.id, lambda one: one.error != "")
    assert "webhooks do not go to" in found.error
    assert system.ids == []


async def test_A3_over_tls_a_receiver_whose_certificate_is_valid_is_told(
    firm: SmallFirm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with receiver(firm, [EventType.CONVERSATION_STARTED], serving=over_tls(file)) as told, delivering(firm):
        assert told.url.startswith("https://127.0.0.1:")
        await firm.ask("ruth", "!channel create One")
        await told.until(1)


@pytest.mark.parametrize(
    ("address", "days", "trusted"),
    [("127.0.0.1", 1, False), ("127.0.0.2", 1, True), ("127.0.0.1", -1, True)],
    ids=["by nobody known", "of another address", "over"],
)
async def test_A3_over_tls_nobody_else_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, days: int, trusted: bool
) -> None:
    file = certificate(tmp_path, address, days)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    sender = Sender(LOOPBACK.allowed_networks)
    server = TestServer(web.Application())
    await server.start_server(ssl=over_tls(file))
    assert await sender.send(str(server.make_url("/")), {}, b"{}") == NotTaken("Its certificate is not valid.")
    await server.close()
    await sender.close()


def over_tls(file: Path) -> ssl.SSLContext:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    return serving


async def test_A3_an_ended_webhook_is_told_nothing_more(firm: SmallFirm) -> None:
    async with receiver(firm) as system:
        await channel(firm)
        assert await end_webhook(firm.service.store, system.id, "root") is True
        assert await end_webhook(firm.service.store, system.id, "root") is False
        assert await waiting(firm) == []
        await firm.ask("ruth", "!channel create Another")
        assert await waiting(firm) == []
        assert await replay_webhook(firm.service.store, system.id) is None


def test_A3_attempts_come_further_and_further_apart() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, 40)]
    assert pauses[0] <= 5
    assert max(pauses) <= 3 * 3600
    assert all(earlier < later for earlier, later in pairwise(pauses[:7]))
