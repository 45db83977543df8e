"""Nothing is requested as or for a person without a decision: every method of the port, by what it does."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from bridge.firm.room_keys import MARKER, STAFF_SPACE
from bridge.matrix.errors import NotAllowedError
from bridge.matrix.outbox import Outbox
from bridge.matrix.port import Homeserver
from bridge.metrics import Metrics
from bridge.store.queues.outbox import enqueue, pending
from tests.cast import ANN, BEN, CLEO, DAN, EVE, MERGER_TALK, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel

Call = Callable[[Homeserver, str, str], Awaitable[Any]]
"""Given the port, a room id and a user id."""


def made_with(user_id: str, key: str) -> dict[str, Any]:
    """A createRoom body that invites somebody into the room of a key."""
    return {
        "initial_state": [
            {"type": MARKER, "state_key": "", "content": {"kind": "space", "key": key}},
            {"type": "m.room.member", "state_key": user_id, "content": {"membership": "invite"}},
        ],
    }


ACTS_FOR: dict[str, Call] = {
    "create_room": lambda port, room_id, user_id: port.create_room(made_with(user_id, STAFF_SPACE)),
    "invite": lambda port, room_id, user_id: port.invite(room_id, user_id),
    "unban": lambda port, room_id, user_id: port.unban(room_id, user_id),
    "join": lambda port, room_id, user_id: port.join(room_id, user_id),
    "join_again": lambda port, room_id, user_id: port.join_again(room_id, user_id),
    "send": lambda port, room_id, user_id: port.send(room_id, user_id, "m.room.message", {"msgtype": "m.text"}, "t"),
    "event": lambda port, room_id, user_id: port.event(room_id, "$event", user_id),
    "search": lambda port, room_id, user_id: port.search(user_id, "words", [room_id], 1),
    "state_content": lambda port, room_id, user_id: port.state_content(room_id, "m.room.name", user_id),
    "state_event_as": lambda port, room_id, user_id: port.state_event_as(user_id, room_id, "m.room.name", ""),
    "account_data": lambda port, room_id, user_id: port.account_data(user_id, "m.direct"),
    "put_account_data": lambda port, room_id, user_id: port.put_account_data(user_id, "m.direct", {}),
    "push_rules": lambda port, room_id, user_id: port.push_rules(user_id),
    "delete_push_rule": lambda port, room_id, user_id: port.delete_push_rule(user_id, "room", room_id),
    "put_push_rule": lambda port, room_id, user_id: port.put_push_rule(user_id, "room", room_id, {"actions": []}),
    "joined_rooms": lambda port, room_id, user_id: port.joined_rooms(user_id),
    "unread": lambda port, room_id, user_id: port.unread(user_id),
    "register": lambda port, room_id, user_id: port.register(user_id[1:].partition(":")[0]),
    "ensure_device": lambda port, room_id, user_id: port.ensure_device(user_id),
    "whoami": lambda port, room_id, user_id: port.whoami(user_id),
    "admin_put_user": lambda port, room_id, user_id: port.admin_put_user(user_id, {"displayname": "New"}),
    "set_password": lambda port, room_id, user_id: port.set_password(user_id, "new", end_sessions=True),
    "unlock": lambda port, room_id, user_id: port.unlock(user_id),
    "reactivate": lambda port, room_id, user_id: port.reactivate(user_id),
}
"""Acts as somebody, or gives somebody something."""
TAKES_AWAY: dict[str, Call] = {
    "kick": lambda port, room_id, user_id: port.kick(room_id, user_id, "Gone"),
    "leave": lambda port, room_id, user_id: port.leave(room_id, user_id),
    "give_up_power": lambda port, room_id, user_id: port.give_up_power(room_id, user_id, {"users": {}}),
    "forget": lambda port, room_id, user_id: port.forget(room_id, user_id),
    "lock": lambda port, room_id, user_id: port.lock(user_id),
    "deactivate": lambda port, room_id, user_id: port.deactivate(user_id),
    "delete_devices": lambda port, room_id, user_id: port.delete_devices(user_id),
    "end_pusher": lambda port, room_id, user_id: port.end_pusher(user_id, "app", "key"),
    "drop_profile_field": lambda port, room_id, user_id: port.drop_profile_field(user_id, "org.example.title"),
}
"""Only takes something from somebody, which goes on for those who left the firm."""
ABOUT_ROOMS = {
    "resolve_alias",
    "put_alias",
    "delete_alias",
    "room_state",
    "state_event",
    "admin_room_state",
    "admin_messages",
    "admin_events",
    "admin_newest_event",
    "admin_newest_messages",
    "admin_place_of",
    "put_state",
    "history",
    "admin_rooms",
    "admin_members",
    "set_typing",
    "redact",
}
"""By the bot, on a room, with nobody named."""
ABOUT_THE_SERVICE = {
    "ping",
    "upload",
    "download",
    "media",
    "thumbnail",
    "quarantine",
    "push_policy",
    "guard_status",
    "clock",
    "openid_user",
    "guard_facts",
    "guard_refusals",
    "guard_farewell",
    "look_at_accounts",
    "close",
}
LOOKS_AT = {"admin_user", "admin_device_ids", "admin_memberships", "admin_pushers", "profile", "has_counted"}
"""Reads about an account what the homeserver's admins or colleagues see, and nothing as its owner."""


async def test_F2_state_is_set_in_the_name_of_nobody_who_left(on: FirmOnFake) -> None:
    room = await on.room(channel("Litigation"))
    on.firm = make_firm(staff=(ANN, replace(BEN, former=True), CLEO, DAN, EVE))
    with pytest.raises(NotAllowedError):
        await on.client.put_state(room.room_id, "m.room.topic", "", {"topic": "x"}, on.user(BEN))
    assert on.fake.requests == []


BRINGS_IN = ("create_room", "invite", "unban", "join")

acting = pytest.mark.parametrize("method", ACTS_FOR)


def test_every_method_of_the_port_has_its_place_here() -> None:
    methods = {name for name, _ in inspect.getmembers(Homeserver, inspect.isfunction) if not name.startswith("_")}
    kinds = [set(ACTS_FOR), set(TAKES_AWAY), ABOUT_ROOMS, ABOUT_THE_SERVICE, LOOKS_AT]
    assert set().union(*kinds) == methods
    assert sum(map(len, kinds)) == len(methods)


def test_what_names_a_user_acts_for_somebody_or_takes_something_away() -> None:
    naming = {
        name
        for name, function in inspect.getmembers(Homeserver, inspect.isfunction)
        if {"user_id", "sender", "localpart"} & inspect.signature(function).parameters.keys()
    }
    assert naming <= ACTS_FOR.keys() | TAKES_AWAY.keys() | LOOKS_AT | {"put_state"}


NOT_AT_WORK = {"@ben:localhost": "F2", "@mallory:localhost": "F1", "@ann:elsewhere.example": "F1", "ann": "F1"}
"""A leaver, an account of nobody in the firm, another server's, and what is no user id; with the rule."""


@acting
async def test_F1_F2_nothing_is_requested_for_a_leaver_or_a_stranger(on: FirmOnFake, method: str) -> None:
    on.fake.add_user("mallory")
    room = await on.room(channel("Litigation"))
    on.firm = make_firm(staff=(ANN, replace(BEN, former=True), CLEO, DAN, EVE))
    for user_id, rule in NOT_AT_WORK.items():
        # An account is registered by its localpart, and always here.
        if method == "register" and user_id not in {"@ben:localhost", "@mallory:localhost"}:
            continue
        with pytest.raises(NotAllowedError) as caught:
            await ACTS_FOR[method](on.client, room.room_id, user_id)
        assert (user_id, caught.value.rule) == (user_id, rule)
        assert on.fake.requests == []


async def test_F2_a_message_in_a_leavers_name_is_not_sent(on: FirmOnFake) -> None:
    room = await on.room(channel("Litigation"))
    on.firm = make_firm(staff=(ANN, replace(BEN, former=True), CLEO, DAN, EVE))
    text = {"msgtype": "m.text", "body": "Hello"}
    await on.store.run(enqueue, "1", room.room_id, on.user(BEN), "m.room.message", text)
    await on.store.run(enqueue, "2", room.room_id, on.fake.bot_id, "m.room.message", text)
    metrics = Metrics(CollectorRegistry())
    outbox = Outbox(on.store, on.client, on.settings, metrics, pause=lambda _: 0.0)
    await outbox.start()
    async with asyncio.timeout(10):
        while await on.store.run(pending, 0, 10):
            pass
    await outbox.stop()
    assert [event["sender"] for event in on.fake.events(room.room_id, "m.room.message")] == [on.fake.bot_id]
    assert metrics.registry.get_sample_value("firm_bridge_messages_dead_total") == 1


@acting
async def test_what_is_refused_to_others_is_requested_for_those_at_work(on: FirmOnFake, method: str) -> None:
    room = await on.room(channel("Litigation"))
    try:
        await ACTS_FOR[method](on.client, room.room_id, on.user(BEN))
    except NotAllowedError:
        raise
    except Exception:  # noqa: BLE001 - what the homeserver says to it is no matter here
        assert method in {"register", "send"}
    assert on.fake.requests


@pytest.mark.parametrize("method", BRINGS_IN)
async def test_M3_nobody_is_brought_in_behind_a_wall(on: FirmOnFake, method: str) -> None:
    room = await on.room(MERGER_TALK)
    with pytest.raises(NotAllowedError) as caught:
        if method == "create_room":
            await on.client.create_room(made_with(on.user(BEN), MERGER_TALK))
        await ACTS_FOR[method](on.client, room.room_id, on.user(BEN))
    assert caught.value.rule == "M3"
    assert on.fake.requests == []
    on.firm = make_firm(walls=())
    await on.client.invite(room.room_id, on.user(BEN))
    assert room.members[on.user(BEN)] == "invite"


async def test_M3_the_wall_is_not_named(on: FirmOnFake) -> None:
    room = await on.room(MERGER_TALK)
    with pytest.raises(NotAllowedError) as caught:
        await on.client.join(room.room_id, on.user(BEN))
    assert "2026" not in str(caught.value)
    assert "wall" not in str(caught.value)


async def test_F1_nobody_is_brought_into_a_room_that_is_none_of_the_firms(on: FirmOnFake) -> None:
    elsewhere = on.fake.create_room(on.fake.bot_id, {})
    with pytest.raises(NotAllowedError):
        await on.client.invite(elsewhere, on.user(ANN))
    with pytest.raises(NotAllowedError):
        await on.client.create_room({"invite": [on.user(ANN)]})
    assert on.fake.requests == []


@pytest.mark.parametrize("method", TAKES_AWAY)
async def test_F2_what_takes_away_goes_on_for_leavers(on: FirmOnFake, method: str) -> None:
    room = await on.room(channel("Litigation"))
    on.firm = make_firm(staff=(ANN, replace(BEN, former=True), CLEO, DAN, EVE))
    if method == "forget":
        await on.client.leave(room.room_id, on.user(BEN))
        on.fake.requests.clear()
    if method == "give_up_power":
        on.fake.force(room.room_id, on.fake.bot_id, "m.room.power_levels", "", {"users": {on.user(BEN): 100}})
    await TAKES_AWAY[method](on.client, room.room_id, on.user(BEN))
    assert on.fake.requests


async def test_memberships_are_no_state_that_the_bot_may_set(on: FirmOnFake) -> None:
    room = await on.room(channel("Litigation"))
    with pytest.raises(ValueError, match="ask the policy"):
        await on.client.put_state(room.room_id, "m.room.member", on.user(DAN), {"membership": "invite"})
    assert on.fake.requests == []
