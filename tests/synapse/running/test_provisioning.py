"""Accounts and rooms as they come to be on the real Synapse, and how they follow the directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from bridge.dev import files
from bridge.dev.place import DEMO_SETTINGS
from bridge.service import open_firm
from tests.synapse.harness import Json, Person, RealFirm, is_welcome, real_firm
from tests.synapse.running.test_crash import bot_chat

BAKERY = "2026-0031 Lease renewal for the Copperkettle Bakery"


def demo_in(folder: Path) -> tuple[dict[str, Json], Path]:
    """The demo's settings with a directory file of the test's own, and that file."""
    own = files.read_demo_settings(DEMO_SETTINGS)
    directory = folder / "directory.yaml"
    directory.write_text(Path(own["directory"]["path"]).read_text(encoding="utf-8"), encoding="utf-8")
    own["directory"] = {"path": str(directory)}
    return own, directory


@asynccontextmanager
async def own_firm(
    folder: Path, copy_of: Path | None = None, **homeserver: Any
) -> AsyncIterator[tuple[RealFirm, Path]]:
    """The demo firm with a directory that the test may change: a new one, or one that was made before."""
    own, directory = demo_in(folder)
    own["homeserver"] = homeserver
    async with real_firm(folder / "var", own, copy_of) as firm:
        yield firm, directory


def rewrite(directory: Path, change: Any) -> None:
    """Change the directory as data."""
    data = yaml.safe_load(directory.read_text(encoding="utf-8"))
    change(data)
    files.write_private(directory, yaml.safe_dump(data, allow_unicode=True, sort_keys=False))


def person(data: Json, staff_id: str) -> Json:
    found: Json = next(entry for entry in data["staff"] if entry["id"] == staff_id)
    return found


async def room_named(somebody: Person, name: str) -> str:
    """The room of that name that somebody is in; no space, where a matter's space has the same name."""
    named = [room_id for room_id in await somebody.joined_rooms() if await somebody.room_name(room_id) == name]
    assert named, f"{somebody.user_id} is in no room called {name}"
    return min([(await somebody.is_space(room_id), room_id) for room_id in named])[1]


def membership_of(user_id: str, membership: str, room_id: str = "") -> Any:
    """Whether an event gives somebody that membership, in one room or any."""

    def wanted(where: str, event: Json) -> bool:
        return (
            event["type"] == "m.room.member"
            and event.get("state_key") == user_id
            and event["content"].get("membership") == membership
            and (not room_id or where == room_id)
        )

    return wanted


def of_three(data: Json) -> None:
    """Leave three people of the demo firm, with a matter, a channel and a wall: one room of each kind."""
    kept = {"eashcombe", "wchen", "zlindqvist"}
    data["staff"] = [entry for entry in data["staff"] if entry["id"] in kept]
    data["groups"] = []
    data["matters"] = [{"id": "M", "number": "2026-0031", "title": "Lease renewal", "responsible": "zlindqvist"}]
    data["walls"] = [
        {"id": "W", "matter": "2026-0031", "people": ["wchen"], "memo": "A cousin.", "set_by": "eashcombe"}
    ]
    data["channels"] = [{"name": "Property", "participants": ["wchen", "zlindqvist"]}]


@pytest.mark.parametrize("version", ["11", "12"])
async def test_a_second_pass_changes_nothing_and_a_person_comes_back_to_a_direct_conversation(
    version: str, tmp_path: Path, made_demo: Path
) -> None:
    async with own_firm(tmp_path, made_demo if version == "11" else None, room_version=version) as (firm, directory):
        if version != "11":
            rewrite(directory, of_three)
        firm.start_bridge()
        await firm.bridge_ready()
        zoe, wei = await firm.login("zoe.lindqvist"), await firm.login("wei.chen")
        chat = await bot_chat(zoe, firm)
        since = await now(zoe)
        await zoe.say(chat, "!dm @wei.chen")
        # The bot's picture, too, may come into the chat while they talk.
        await zoe.wait_for_event(
            since, lambda room, event: room == chat and "direct conversation" in str(event["content"].get("body"))
        )
        direct = set((await zoe.account_data("m.direct"))[wei.user_id]).pop()
        assert await zoe.members(direct) == {zoe.user_id, wei.user_id}

        # D1: Wei leaves it; the same two people have the same conversation again.
        since = await now(zoe)
        await wei.request("POST", f"rooms/{quote(direct)}/leave")
        await zoe.wait_for_event(since, membership_of(wei.user_id, "leave", direct))
        await zoe.say(chat, "!dm @wei.chen")
        await zoe.wait_for_event(since, membership_of(wei.user_id, "join", direct))
        # The bot names the room after who left, and comes once more to bring them back.
        while await zoe.members(direct) != {zoe.user_id, wei.user_id}:
            pass
        firm.stop_bridge()

        async with open_firm(firm.settings) as service:
            plan = await service.reconciler.planner.plan()
            assert [step.describe() for step in plan.steps] == []
            outcome = await service.sync()
            assert (outcome.done, outcome.failed) == (0, ())


async def test_F3_accounts_have_name_address_avatar_and_single_sign_on_from_the_directory(
    tmp_path: Path, made_demo: Path
) -> None:
    async with own_firm(tmp_path, made_demo) as (firm, directory):
        rewrite(directory, lambda data: person(data, "zlindqvist").update(external_ids=[{"oidc-firm": "zoe-17"}]))
        firm.start_bridge()
        await firm.bridge_ready()
        account = await firm.bot.get(f"/_synapse/admin/v2/users/{firm.user_id('zoe.lindqvist')}")
        assert account["displayname"] == "Zoë Lindqvist"
        assert [address["address"] for address in account["threepids"]] == ["zoe.lindqvist@ashcombevale.example"]
        assert account["external_ids"] == [{"auth_provider": "oidc-firm", "external_id": "zoe-17"}]
        assert account["avatar_url"].startswith("mxc://")
        assert not account["admin"]
        # F1: who has left gets no account.
        gone = await firm.bot.request("GET", f"/_synapse/admin/v2/users/{firm.user_id('julian.prescott')}")
        assert gone.status == 404


async def test_the_directory_is_followed(tmp_path: Path, made_demo: Path) -> None:
    async with own_firm(tmp_path, made_demo) as (firm, directory):
        firm.start_bridge()
        await firm.bridge_ready()
        priya, zoe = await firm.login("priya.raghunathan"), await firm.login("zoe.lindqvist")
        bakery = await room_named(priya, BAKERY)
        since = await now(priya)

        # M3: a wall removes at once, from the conversation and from the matter's space.
        wall = {
            "id": "W-99",
            "matter": "2026-0031",
            "people": ["zlindqvist"],
            "memo": "A cousin.",
            "set_by": "isolberg",
        }
        rewrite(directory, lambda data: data["walls"].append(wall))
        await priya.wait_for_event(since, membership_of(zoe.user_id, "leave", bakery))
        await priya.wait_for_event(
            since, lambda room, e: room != bakery and membership_of(zoe.user_id, "leave")(room, e)
        )
        names = [await zoe.room_name(room_id) for room_id in await zoe.joined_rooms()]
        assert not any("Copperkettle" in name for name in names)
        # She was in that room, so the conversation goes on in another, closed to her as well.
        _, tombstone = await priya.wait_for_event(
            since, lambda room, event: room == bakery and event["type"] == "m.room.tombstone"
        )
        goes_on = tombstone["content"]["replacement_room"]
        for room_id in (bakery, goes_on):
            assert (await zoe.request("GET", f"rooms/{quote(room_id)}/messages", dir="b")).status == 403
            assert (await zoe.request("POST", f"rooms/{quote(room_id)}/join")).status == 403

        # F3: a new name, a new matter title, a new colleague.
        rewrite(directory, lambda data: person(data, "wchen").update(last_name="Chen-Howard"))
        table = await room_named(priya, "Kitchen Table")
        await priya.wait_for_event(
            since, lambda room, event: room == table and event["content"].get("displayname") == "Wei Chen-Howard"
        )

        def rename(data: Json) -> None:
            next(matter for matter in data["matters"] if matter["number"] == "2026-0031")["title"] = (
                "Lease for the bakery"
            )

        rewrite(directory, rename)
        await priya.wait_for_event(
            since,
            lambda room, event: room == goes_on and event["content"].get("name") == "2026-0031 Lease for the bakery",
        )
        new = {
            "id": "nwest",
            "first_name": "Nell",
            "last_name": "West",
            "email": "nell.west@ashcombevale.example",
            "role": "Associate",
        }
        rewrite(directory, lambda data: data["staff"].append(new))
        everyone = await room_named(priya, "Everyone")
        await priya.wait_for_event(since, membership_of(firm.user_id("nell.west"), "join", everyone))

        # F2: who leaves is locked out and out of every room, those with the bot alone included.
        wei = await firm.login("wei.chen")
        rewrite(directory, lambda data: person(data, "wchen").update(former=True))
        await priya.wait_for_event(since, membership_of(wei.user_id, "leave", everyone))
        # The account's end is the last of it.
        while not (await firm.bot.get(f"/_synapse/admin/v2/users/{quote(wei.user_id)}"))["deactivated"]:
            pass
        await firm.bridge_ready()
        firm.stop_bridge()
        assert (await wei.request("GET", "sync")).status == 401
        async with open_firm(firm.settings) as service:
            assert [step.describe() for step in (await service.reconciler.planner.plan()).steps] == []
        assert await firm.acting_as(wei.user_id).joined_rooms() == set()


async def test_a_bad_directory_changes_nothing_and_a_large_removal_waits_for_a_firm_admin(
    tmp_path: Path, made_demo: Path
) -> None:
    async with own_firm(tmp_path, made_demo) as (firm, directory):
        firm.start_bridge()
        await firm.bridge_ready()
        marcus = await firm.login("marcus.bell")
        chat = await bot_chat(marcus, firm)
        bot = firm.settings.bot_id
        everyone = await room_named(marcus, "Everyone")
        members = await marcus.members(everyone)
        good = directory.read_text(encoding="utf-8")

        async def ask(text: str) -> str:
            since = await now(marcus)
            await marcus.say(chat, text)
            _, event = await marcus.wait_for_event(
                since,
                lambda room, event: (
                    room == chat and event["sender"] == bot and "body" in event["content"] and not is_welcome(event)
                ),
            )
            return str(event["content"]["body"])

        directory.write_text(good.replace("role: Owner", "roel: Owner"), encoding="utf-8")
        while "roel" not in await ask("!directory status"):
            pass
        assert await marcus.members(everyone) == members

        def halve(data: Json) -> None:
            for entry in data["staff"][:6]:
                entry["former"] = True

        directory.write_text(good, encoding="utf-8")
        rewrite(directory, halve)
        while "waits for confirmation" not in await ask("!directory status"):
            pass
        assert await marcus.members(everyone) == members
        since = await now(marcus)
        which = await ask("!directory confirm")
        assert "Confirmed" in await ask(which[which.rindex("!directory confirm") :].rstrip(".`"))
        leaver = firm.user_id("eleanor.ashcombe")
        await marcus.wait_for_event(since, membership_of(leaver, "leave", everyone))


async def now(somebody: Person) -> str:
    """The present place in somebody's sync. Not from a sync without `since`: Synapse keeps that one for minutes."""
    filtered = await somebody.get("sync", timeout="0", filter=f'{{"room":{{"timeline":{{"limit":{next(_limits)}}}}}}}')
    return str(filtered["next_batch"])


_limits = iter(range(1, 100_000))
