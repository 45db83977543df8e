"""Systems that act as themselves: what they may know, that they are nobody of the firm, and that it is told (A1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.firm.conversation import ADMINS_ID, first_matter_conversation_id
from bridge.operations.tokens import NewToken, Scope, end_token, end_tokens_of_leavers, tokens
from bridge.store.models import AuditRow
from bridge.store.rooms.made import room_of
from tests.component.api.harness import Api, Json, System, api_firm
from tests.component.directory.test_directory_undone import write
from tests.component.small_firm import DIRECTORY, direct

FIRST = first_matter_conversation_id("m1")
MATTERS: list[Json] = DIRECTORY["matters"]


@pytest.fixture
async def api(tmp_path: Path, database_url: str) -> AsyncIterator[Api]:
    async with api_firm(tmp_path, database_url, walls=[]) as found:
        yield found


async def known_to(system: System) -> list[str]:
    """The matters it knows."""
    items = (await system.get("/matters")).json["items"]
    assert ((await system.get("/matters/m1")).status == 200) is bool(items)
    assert ((await system.get(f"/conversations/{FIRST}")).status == 200) is bool(items)
    return [one["id"] for one in items]


async def test_A1_M3_a_system_knows_what_is_open_to_all_until_a_wall_stands_around_it(api: Api) -> None:
    itself, firm = await api.itself(), api.firm
    file = await send_into(api, firm.room("2026-0042 Estate"))
    await send_into(api, await direct(firm))
    (found,) = (await itself.get("/files")).json["items"]
    assert (found["event_id"], found["conversation_id"]) == (file, FIRST)
    path = f"/conversations/{FIRST}/files/{file}"
    assert (await itself.get(path)).raw == b"%PDF-1.7"
    assert await known_to(itself) == ["m1"]
    for keep_out in ("!wall add 2026-0042 @tom A cousin.", "!wall only 2026-0042 @ruth Sealed."):
        said = await firm.ask("ruth", keep_out)
        assert await known_to(itself) == []
        assert (await itself.get("/files")).json["items"] == []
        assert (await itself.get(path)).status == 404
        await firm.ask("ruth", f"!wall lift {said.split()[0].strip('*')}")
        assert await known_to(itself) == ["m1"]
    await write(
        firm, walls=[], matters=[{**MATTERS[0], "restricted": True, "allowed": ["ruth", "tom", "ines", "walt"]}]
    )
    assert await known_to(itself) == []
    assert (await itself.get(path)).status == 404


async def send_into(api: Api, room: str) -> str:
    """The event id of a file that Ruth sends into a room."""
    api.firm.fake.media["will"] = ("will", b"%PDF-1.7")
    event = api.firm.fake.message(room, api.firm.user("ruth"), "Will.pdf", msgtype="m.file", url="mxc://localhost/will")
    await api.firm.settle()
    return str(event["event_id"])


async def test_A1_a_system_starts_a_conversation_for_others_and_is_in_none(api: Api) -> None:
    itself, path = await api.itself(), "/matters/m1/conversations"
    alone = await itself.post(path, {"title": "Intake"})
    assert (alone.status, alone.json["rule"]) == (422, "A1")
    made = (await itself.post(path, {"title": "Intake", "people": ["tom", "ines"]})).json
    assert api.firm.members(made["room_id"]) == {"tom", "ines"}
    await api.firm.ask("ruth", "!ping")
    assert any("The system intake started the conversation Intake" in said for _, _, said in api.firm.said)
    about = (await itself.get(f"/conversations/{made['id']}/about")).json
    assert (about["started_by"], about["way"]) == (None, "open to all")
    everyone = next(one for one in (await itself.get("/channels")).json["items"] if one["everyone"])
    assert (everyone["is_in"], everyone["participants"]) == (False, 4)
    assert "intake" not in (await itself.get("/people")).raw.decode()


async def test_A1_O1_what_a_system_does_is_in_the_log_as_that_system_and_its_token_ends(api: Api) -> None:
    await api.firm.service.sync()
    itself = await api.itself(scopes=[Scope.MATTERS, Scope.PEOPLE])
    assert (await itself.get("/matters")).status == 200
    assert (await itself.get("/channels")).status == 403
    assert (await itself.get("/walls")).status == 403
    texts = [one["text"] for one in (await (await api.system("ruth")).get("/audit")).json["items"]]
    assert "The system intake asked the API for matters.list" in texts
    assert any(
        one.startswith("root on the command line made a token of the API for the system intake") for one in texts
    )
    asked = AuditRow.select(AuditRow.actor).where(AuditRow.deed == "api", AuditRow.subject == "matters.list")
    assert await api.firm.service.store.read(lambda unit: unit.tuples(asked)) == [("system:intake",)]
    await end_tokens_of_leavers(api.firm.desk)
    (listed,) = [one for one in await tokens(api.firm.service.store) if one.system]
    assert (listed.system, listed.staff_id) == ("intake", "")
    assert await end_token(api.firm.service.store, listed.number, "root")
    assert (await itself.get("/matters")).status == 401


async def test_A1_the_firm_admins_are_told_of_a_system_that_acts_as_itself(api: Api) -> None:
    assert not (await api.firm.service.sync()).failed
    room = await api.firm.service.store.read(room_of, ADMINS_ID)
    await api.itself()
    await api.firm.ask("ruth", "!ping")
    (told,) = [said for where, _, said in api.firm.said if where == room]
    assert told.startswith("A system may now use the API as itself: intake (the test), with ")


@pytest.mark.parametrize(
    ("staff_id", "system", "scope"),
    [
        ("", "", Scope.PEOPLE),
        ("ruth", "intake", Scope.PEOPLE),
        ("", "intake", Scope.WALLS),
        ("", "intake", Scope.SCIM),
        ("", "intake", Scope.TEXT),
        ("", "Intake", Scope.PEOPLE),
        ("", "system:intake", Scope.PEOPLE),
    ],
)
def test_A1_no_token_is_nobody_s_or_lets_a_system_ask_for_more_than_systems_may(
    staff_id: str, system: str, scope: Scope
) -> None:
    with pytest.raises(ValueError, match="acts as"):
        NewToken("hash", staff_id, "the test", (scope,), 1, "root", system)
