"""`check --deep` on the fake homeserver: what differs between Matrix, the database and the directory is printed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.check.deep import Aspect, compare, of_account, of_findings, of_plan, of_unknown
from bridge.check.finding import Finding, Verdict
from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.model import Staff
from bridge.mapping.rooms.shapes import RoomShape
from bridge.reconcile.planning.steps import Action, Plan, RoomPlan, Step
from bridge.settings import Settings
from bridge.store.engine.unit import Unit
from bridge.store.models import AuditRow, Participant, Room
from bridge.store.rooms.made import room_of
from tests.component.small_firm import SmallFirm, small_firm

ZOE = Staff("z", "Zoe", "Zapp", "zoe@firm.example")


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as made:
        yield made


async def found(firm: SmallFirm, *findings: Finding) -> list[tuple[str, str, str]]:
    """Kind, place and sentence of every difference."""
    seen: list[tuple[int, int]] = []
    firm.fake.requests.clear()
    differences = await compare(firm.service, findings, lambda done, total, _: seen.append((done, total)))
    assert firm.fake.changes() == []
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    return [(one.kind.value, one.where, one.what) for one in differences]


async def room_id(firm: SmallFirm, key: str) -> str:
    made = await firm.service.store.run(room_of, key)
    assert made is not None
    return made


async def test_where_all_is_well_nothing_differs(firm: SmallFirm) -> None:
    await firm.ask("ruth", "!channel create Court Filings @tom")
    await firm.ask("ruth", "!dm @tom")
    assert await found(firm) == []


async def test_O3_every_change_behind_the_bridges_back_is_printed(firm: SmallFirm) -> None:
    fake, bot = firm.fake, firm.fake.bot_id
    await firm.ask("ruth", "!channel create Court Filings @tom")
    talk = await room_id(firm, first_matter_conversation_id("m1"))
    filings, everyone = firm.room("Court Filings"), firm.room("Everyone")
    del fake.rooms[await room_id(firm, "space-matter-m1")]
    fake.rooms[talk].members[firm.user("walt")] = "join"
    fake.rooms[talk].state_events["m.room.member", firm.user("walt")] = {
        **fake.rooms[talk].state_events["m.room.member", firm.user("ruth")],
        "state_key": firm.user("walt"),
        "sender": bot,
    }
    fake.kick(filings, bot, firm.user("tom"), "")
    fake.put_state(filings, bot, "m.room.join_rules", "", {"join_rule": "public"})
    fake.put_state(filings, bot, "m.room.name", "", {"name": "Gossip"})
    fake.rooms[filings].published = False
    fake.rooms[talk].state["m.room.encryption", ""] = {"algorithm": "m.megolm.v1.aes-sha2"}
    del fake.aliases["#everyone:localhost"]
    fake.accounts[firm.user("tom")].admin = True
    fake.accounts[firm.user("ines")].deactivated = True
    secret = fake.create_room(firm.user("ruth"), {"name": "Cellar"})
    fake.create_room(bot, {"name": "The bot's own"})
    fake.account_data.clear()
    differences = await found(firm)
    said = "\n".join(": ".join(one) for one in differences)
    estate = "General · 2026-0042 Estate"
    for line in (
        "room: Matter 2026-0042 Estate: The bridge made it, and it is gone from the homeserver.",
        f"member: {estate}: @walt:localhost is in it, and should not be.",
        "member: Channel Court Filings: @tom:localhost is not in it, and should be.",
        "rules: Channel Court Filings: Not as it should be: who may come in.",
        "name: Channel Court Filings: Not as it should be: the name.",
        "list: Channel Court Filings: Is not in the room directory.",
        f"rules: {estate}: Is encrypted, so that holds and searches miss it.",
        "address: Channel Everyone: Its address #everyone:localhost leads nowhere.",
        "account: @tom:localhost: The account is a server admin.",
        "account: @ines:localhost: Is deactivated, and Inès Moreau works here.",
        f"unknown room: {fake.rooms[secret].state['m.room.name', '']['name']}: Is none of the firm's, and in it are"
        " @ruth:localhost.",
        "direct message: Chat with the bot: Is no direct message to @tom:localhost.",
    ):
        assert line in said
    assert everyone
    # Of the room that is gone nothing else is said.
    assert said.count("Matter 2026-0042 Estate") == 1
    assert "The bot's own" not in said


async def test_the_database_beside_the_directory(firm: SmallFirm) -> None:
    def work(unit: Unit) -> None:
        unit.run(Room.insert(key="conversation-of-yore", alias_localpart="yore", room_id="!yore:localhost"))
        unit.run(
            Participant.insert(
                conversation=first_matter_conversation_id("m1"), staff_id="gone", present=True, since=1, added_by=""
            )
        )
        forged = dict.fromkeys(("actor", "subject", "person", "reason", "cause"), "")
        unit.run(AuditRow.insert(**forged, at_ms=1, deed="archived", outcome="done", previous="none", digest="none"))

    await firm.service.store.run(work)
    said = await found(firm)
    assert ("database", "gone", "Is no active staff, and still down for conversations.") in said
    assert (
        "database",
        "!yore:localhost",
        "Stands for conversation-of-yore, which is nothing that the firm has.",
    ) in said
    assert "The audit log was changed at entry" in next(what for kind, _, what in said if kind == "audit log")


@pytest.mark.parametrize(
    ("person", "account", "devices", "said"),
    [
        (ZOE, {}, [], []),
        (ZOE, {"admin": True}, [], ["The account is a server admin."]),
        (ZOE, {"suspended": True}, [], ["Is suspended"]),
        (None, {"suspended": True}, [], []),
        (None, {"admin": True}, ["A"], ["The account of somebody who does not work here is a server admin.", "1 open"]),
        (None, {"locked": True, "deactivated": True}, [], []),
    ],
)
def test_F2_accounts(person: Staff | None, account: dict[str, Any], devices: list[str], said: list[str]) -> None:
    differences = list(of_account(person, "@zoe:localhost", account, devices))
    assert len(differences) == len(said)
    assert all(words in one.what for words, one in zip(said, differences, strict=True))


def test_a_room_of_strangers_is_none_of_the_firms_business() -> None:
    owners = {"@zoe:localhost": "z"}
    assert of_unknown({"room_id": "!r"}, {"@else:localhost"}, owners) is None
    differs = of_unknown({"room_id": "!r", "name": None}, {"@zoe:localhost", "@else:localhost"}, owners)
    assert differs is not None
    assert (differs.where, differs.what) == ("!r", "Is none of the firm's, and in it are @zoe:localhost and 1 other.")


def test_a_room_that_is_gone_is_one_difference() -> None:
    shape = RoomShape("space-staff", "space", "Staff space")
    plan = Plan(
        waves=(
            (
                RoomPlan(
                    shape, (Step(Action.CREATE_ROOM, "c1", "Club"), Step(Action.ADD, "c1", "Club", "@zoe:localhost"))
                ),
                RoomPlan(
                    shape,
                    (
                        Step(Action.ADD_CHILD, "space-staff", "Staff space", what="Club", state_key="c1"),
                        Step(Action.REMOVE_CHILD, "space-staff", "Staff space", what="!old", state_key="!old"),
                        Step(Action.REMOVE_CHILD, "space-staff", "Staff space", what="!odd", state_key="!odd"),
                    ),
                ),
            ),
        ),
        problems=("Two would both be tom.",),
    )
    differences = of_plan(plan, {"c1": "!old"})
    assert [(one.kind, one.where) for one in differences] == [
        (Aspect.ACCOUNT, "The directory"),
        (Aspect.ROOM, "Club"),
        (Aspect.LIST, "Staff space"),
    ]
    assert "!odd" in differences[2].what


def test_the_guard_is_compared_where_there_is_one() -> None:
    old = Finding("guard", Verdict.WARNING, "In force, but what it knows is not what the bridge knows.")
    guarded = Settings(guard={"key": "k" * 40})
    assert [one.kind for one in of_findings([old], guarded)] == [Aspect.GUARD]
    assert list(of_findings([old], Settings())) == []
    assert list(of_findings([Finding("guard", Verdict.OK, "In force.")], guarded)) == []
