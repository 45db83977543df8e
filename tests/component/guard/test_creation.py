"""A client's own "+" where the guard is installed: the firm's rooms come of it, by the same way as of a command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bridge.firm.conversation import bot_chat_id
from bridge.firm.facts import Facts
from bridge.firm.model import Staff
from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.guard.creation import CreationRequest, request_as_json, request_of
from bridge.guard.gate import Denial as RefusedByGuard
from bridge.guard.protocol import CREATE_PATH, sign_creation
from bridge.handlers.creation import room_asked_for
from bridge.refusal import Kind, Refusal
from bridge.store.engine.store import Store
from bridge.web.creation import creation_route
from bridge.web.errors import errors_as_json
from bridge.wording.refusals import worded
from tests.cast import ANN, BEN, CLEO, DAN, EVE, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct, firm_on_fake
from tests.fakes.faults import Drop
from tests.fakes.guard import GUARD_KEY, FakeGuard
from tests.fakes.homeserver import FakeHomeserver

ENCRYPTED = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}


@pytest.fixture
async def firm(fake: FakeHomeserver, store: Store, tmp_path: Path) -> AsyncIterator[FirmOnFake]:
    fake.block_invites = False
    fake.guard = FakeGuard(tmp_path / "firm-policy", fake.bot_id)
    async with firm_on_fake(fake, store, deadline=1.0) as made:
        yield made


def facts(firm: FirmOnFake) -> Facts:
    """What the guard was told."""
    assert firm.fake.guard is not None
    policy = firm.fake.guard.keeper.policy
    assert policy is not None
    return policy.facts


class Refused(Exception):
    """No room is made. The message is what the person is told."""


async def plus(firm: FirmOnFake, person: Staff, *invited: Staff, **content: Any) -> str:
    """Let somebody's client ask for a room: the room it is told. Raises Refused with the sentence."""
    assert firm.fake.guard is not None
    content = {"preset": "trusted_private_chat", "initial_state": [ENCRYPTED], **content}
    content["invite"] = [*content.get("invite", ()), *map(firm.user, invited)]
    wanted = request_of(firm.user(person), content, firm.fake.guard.gate, facts(firm))
    if isinstance(wanted, RefusedByGuard):
        raise Refused(wanted.sentence)
    try:
        return await room_asked_for(wanted, firm.desk)
    except Refusal as error:
        raise Refused(worded(error)) from error


def in_space(space: str) -> list[dict[str, Any]]:
    """What a client sends for a room that the members of a space may join, as is its default in a space."""
    return [
        {"type": "m.space.parent", "state_key": space, "content": {"canonical": True, "via": ["localhost"]}},
        {
            "type": "m.room.join_rules",
            "content": {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": space}]},
        },
    ]


async def test_D1_start_chat_opens_the_conversation_of_the_set_whoever_asks_and_however(firm: FirmOnFake) -> None:
    room_id = await plus(firm, ANN, CLEO, is_direct=True)
    room = await firm.room(direct("a", "c"))
    assert room.room_id == room_id
    assert set(room.joined) == firm.users(ANN, CLEO)
    assert ("m.room.encryption", "") not in room.state
    for person, other in ((ANN, CLEO), (CLEO, ANN)):
        listed = firm.fake.account_data[firm.user(person), "m.direct"]
        assert room_id in listed[firm.user(other)]
    assert await plus(firm, CLEO, ANN, is_direct=True) == room_id
    await firm.ask(ANN, "!dm @cleo")
    assert (await firm.room(direct("a", "c"))).room_id == room_id
    await firm.hear()
    await firm.settled()


async def test_D1_who_left_comes_back_by_the_same_button(firm: FirmOnFake) -> None:
    room_id = await plus(firm, ANN, CLEO)
    firm.fake.leave(room_id, firm.user(ANN))
    await firm.hear()
    assert await firm.people(direct("a", "c")) == firm.users(CLEO)
    assert await plus(firm, ANN, CLEO) == room_id
    assert await firm.people(direct("a", "c")) == firm.users(ANN, CLEO)


async def test_C1_a_new_room_is_a_channel_and_its_maker_is_told_that_it_is_open(firm: FirmOnFake) -> None:
    before = len(firm.live_rooms())
    staff_space = (await firm.room(STAFF_SPACE)).room_id
    first = [ENCRYPTED, *in_space(staff_space)]
    room_id = await plus(firm, ANN, BEN, name="#Tide  Tables", topic="Low\nwater", initial_state=first)
    room = await firm.room(channel("Tide Tables"))
    assert room.room_id == room_id
    assert set(room.joined) == {*firm.users(ANN, BEN), firm.fake.bot_id}
    assert room.state["m.room.name", ""] == {"name": "Tide Tables"}
    assert room.state["m.room.topic", ""] == {"topic": "Low water"}
    assert ("m.room.encryption", "") not in room.state
    assert len(firm.live_rooms()) == before + 1
    (told,) = await firm.said()
    assert told.room_id == await firm.chat(ANN)
    assert "everybody in the firm can find it" in told.body
    await firm.hear()
    await firm.settled()


async def test_a_chat_with_the_bot_is_the_one_there_is(firm: FirmOnFake) -> None:
    assert await plus(firm, ANN, invite=[firm.fake.bot_id], is_direct=True) == await firm.chat(ANN)
    assert (await firm.room(bot_chat_id("a"))).room_id == await firm.chat(ANN)


async def test_D3_a_private_room_with_people_is_their_direct_conversation_and_who_asked_is_told(
    firm: FirmOnFake,
) -> None:
    room_id = await plus(firm, ANN, CLEO, name="*Dismissal*")
    assert (await firm.room(direct("a", "c"))).room_id == room_id
    assert ("m.room.name", "") not in (await firm.room(direct("a", "c"))).state
    (told,) = await firm.said()
    assert told.room_id == await firm.chat(ANN)
    assert told.body.startswith("The room *Dismissal* that you asked for is your direct conversation")
    assert "with Cleo Crane: nobody else reads it" in told.body
    await firm.hear()
    await firm.settled()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"name": "litigation"}, "There is a channel called Litigation already"),
        ({"name": "x" * 81}, "81 characters"),
        ({"name": "Tide\u200bTables"}, "invisible characters"),
        ({"name": "#"}, "A channel needs a name"),
        ({"name": "Tides", "topic": "x" * 251}, "251 characters"),
        ({"name": "2026-0055 Sale"}, "That begins as the number of a matter does"),
        ({"name": "#1999–0001"}, "That begins as the number of a matter does"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_there_and_told_by_the_bot(
    firm: FirmOnFake, content: dict[str, Any], told: str
) -> None:
    world = await firm.reconciler.planner.desired()
    with pytest.raises(Refused, match=told):
        await plus(firm, ANN, preset="public_chat", **content)
    assert await firm.reconciler.planner.desired() == world
    # Most clients show nothing of the answer.
    (said,) = await firm.said()
    assert said.room_id == await firm.chat(ANN)
    assert said.body.startswith("The room that you asked for in your client was not made. ")
    assert told in said.body


@pytest.mark.parametrize(
    "content",
    [
        {"name": "Tides", "preset": "public_chat", "creation_content": {"type": "m.space"}},
        {"name": "Tides", "preset": "private_chat"},
        {"is_direct": True},
    ],
)
async def test_what_the_guard_refuses_the_bridge_is_not_asked(firm: FirmOnFake, content: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await plus(firm, ANN, **content)
    assert firm.fake.changes() == []


async def test_M1_M2_a_room_made_in_a_matters_space_is_a_conversation_of_it(firm: FirmOnFake) -> None:
    space = await firm.room(matter_space_key("m1"))
    before = len(firm.live_rooms())
    content = {"preset": "private_chat", "visibility": "private", "initial_state": in_space(space.room_id)}
    room_id = await plus(firm, ANN, CLEO, name=" Costs  budget ", **content)
    room = firm.fake.rooms[room_id]
    assert set(room.joined) == {*firm.users(ANN, CLEO), firm.fake.bot_id}
    assert "Costs budget" in room.state["m.room.name", ""]["name"]
    assert space.state["m.space.child", room_id]["via"]
    assert len(firm.live_rooms()) == before + 1
    told = await firm.said()
    assert [one.room_id for one in told if "colleagues with access to the matter" in one.body] == [await firm.chat(ANN)]
    with pytest.raises(Refused, match="has a conversation called Costs budget"):
        await plus(firm, ANN, name="costs budget", **content)
    await firm.hear()
    await firm.settled()


async def test_F3_a_room_in_a_matters_space_takes_no_other_matters_number(firm: FirmOnFake) -> None:
    space = in_space((await firm.room(matter_space_key("m1"))).room_id)
    with pytest.raises(Refused, match="That begins as the number of a matter does"):
        await plus(firm, ANN, name="2026-0055 costs", preset="private_chat", initial_state=space)
    await plus(firm, ANN, name="2026-0042 costs", preset="private_chat", initial_state=space)


async def test_M3_who_has_no_access_is_not_brought_into_a_matters_room(firm: FirmOnFake) -> None:
    space = (await firm.room(matter_space_key("m2"))).room_id
    room_id = await plus(firm, ANN, BEN, CLEO, name="Costs", initial_state=in_space(space))
    assert firm.user(BEN) not in firm.fake.rooms[room_id].members
    (told,) = [one.body for one in await firm.said() if "Not added" in one.body]
    assert told.endswith("Not added, having no access to this matter: Ben Booth.")


async def test_M3_a_matters_room_is_not_made_for_all(firm: FirmOnFake) -> None:
    space = (await firm.room(matter_space_key("m1"))).room_id
    parent = in_space(space)[:1]
    with pytest.raises(Refused, match="for colleagues with access"):
        await plus(firm, ANN, name="Costs", preset="public_chat", initial_state=parent)


async def test_M3_in_any_space_but_the_firms_the_command_is_named_whether_or_not_there_is_such_a_space(
    firm: FirmOnFake,
) -> None:
    world, answers = await firm.reconciler.planner.desired(), []
    for space in ((await firm.room(matter_space_key("m2"))).room_id, "!nowhere:localhost"):
        for content in (
            {"initial_state": in_space(space)},
            {"preset": "public_chat", "initial_state": in_space(space)[:1]},
        ):
            with pytest.raises(Refused, match="!matter start") as caught:
                await plus(firm, BEN, name="Talk", **content)
            answers.append(str(caught.value))
    assert len(set(answers)) == 1
    assert await firm.reconciler.planner.desired() == world


async def test_F2_who_has_left_since_the_guard_was_told_gets_nothing_and_is_brought_into_nothing(
    firm: FirmOnFake,
) -> None:
    wanted_rooms = [
        request_of(firm.user(by), {"invite": [firm.user(other)]}, firm.fake.guard.gate, facts(firm))
        for by, other in ((ANN, DAN), (DAN, ANN))
        if firm.fake.guard is not None
    ]
    firm.firm = make_firm(staff=(ANN, BEN, CLEO, EVE))
    for wanted in wanted_rooms:
        assert isinstance(wanted, CreationRequest)
        with pytest.raises(Refusal) as refused:
            await room_asked_for(wanted, firm.desk)
        assert refused.value.kind is Kind.NOT_ON_STAFF
    assert firm.fake.changes() == []


async def test_D1_C1_two_at_once_natively_and_by_command_end_in_one_room(firm: FirmOnFake) -> None:
    before = len(firm.live_rooms())
    asked = [plus(firm, ANN, CLEO), plus(firm, CLEO, ANN), plus(firm, ANN, CLEO)]
    *rooms, _ = await asyncio.gather(*asked, firm.ask(CLEO, "!dm @ann"))
    assert set(rooms) == {(await firm.room(direct("a", "c"))).room_id}
    named = [plus(firm, person, name="Tides", preset="public_chat") for person in (ANN, BEN, CLEO)]
    results = await asyncio.gather(*named, return_exceptions=True)
    assert [isinstance(one, Refused) for one in results].count(True) == 2
    assert len(firm.live_rooms()) == before + 2
    await firm.hear()
    await firm.settled()


@pytest.mark.parametrize("path", ["/createRoom$", "/join/", "/account_data/m.direct$"])
async def test_D1_what_a_crash_leaves_is_finished_by_the_next_pass(firm: FirmOnFake, path: str) -> None:
    method = "PUT" if "account_data" in path else "POST"
    firm.fake.script(method, path, *[Drop(act=True)] * 50)
    with pytest.raises(Refused, match="tried again by itself"):
        await plus(firm, ANN, CLEO)
    firm.fake.keep_to_no_script()
    assert (await firm.new_reconciler().passes.sync()).failed == ()
    await firm.hear()
    assert await firm.people(direct("a", "c")) == firm.users(ANN, CLEO)
    assert firm.fake.bot_id not in (await firm.room(direct("a", "c"))).joined
    await firm.settled()


async def test_the_address_takes_only_what_the_guard_signed() -> None:
    asked_for: list[CreationRequest] = []

    async def create(wanted: CreationRequest) -> str:
        asked_for.append(wanted)
        if wanted.name == "Taken":
            raise Refusal(Kind.CHANNEL_ARCHIVED, title="Taken")
        return "!room:localhost"

    app = web.Application(middlewares=[errors_as_json])
    app.add_routes([creation_route(GUARD_KEY, create)])
    facts_known = Facts(make_firm(), {"ann": "a", "ben": "b"})
    gate = FakeGuard(Path("unused"), "@bot:localhost").gate
    wanted_rooms = [
        request_of("@ann:localhost", content, gate, facts_known)
        for content in ({"invite": ["@ben:localhost"]}, {"name": "Taken", "preset": "public_chat"})
    ]
    texts = [json.dumps(request_as_json(wanted)) for wanted in wanted_rooms if isinstance(wanted, CreationRequest)]
    async with TestClient(TestServer(app)) as client:

        async def post(body: object, raw: bytes | None = None) -> tuple[int, Any]:
            answer = await client.post(CREATE_PATH, data=raw if raw is not None else json.dumps(body).encode())
            return answer.status, await answer.json()

        signed = [{"asked": text, "signature": sign_creation(GUARD_KEY, text)} for text in texts]
        assert await post(signed[0]) == (200, {"room_id": "!room:localhost"})
        assert await post(signed[1]) == (
            200,
            {"refused": "Taken is archived and stays as it is. “!channel restore Taken” opens it again."},
        )
        assert asked_for == wanted_rooms
        assert (await post({**signed[0], "signature": sign_creation("another key, as long", texts[0])}))[0] == 403
        assert (await post({**signed[0], "asked": texts[0] + " "}))[0] == 403
        assert (await post({**signed[0], "signature": "\u00e9"}))[0] == 403
        wrong: list[Any] = [{}, [], 7, {"asked": 7, "signature": ""}]
        assert [(await post(body))[0] for body in wrong] == [400] * 4
        assert (await post(None, b"{"))[0] == 400
        for text in ("{", "[]", "{}", "null", texts[0].replace("direct", "space")):
            assert (await post({"asked": text, "signature": sign_creation(GUARD_KEY, text)}))[0] == 400
        assert len(asked_for) == 2
