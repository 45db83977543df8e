"""What stands in a request and has no meaning there is refused, so that nothing else is done than was meant (A2)."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession

from bridge.firm.conversation import first_matter_conversation_id
from bridge.web.api.table import API_PATH
from tests.component.api.harness import Api, filings

FIRST = f"/conversations/{first_matter_conversation_id('m1')}"


async def test_A2_a_dry_run_that_stands_in_the_body_does_nothing(api: Api) -> None:
    ruth = await api.system("ruth")
    for method, path in (("POST", "/people/tom/leave"), ("DELETE", "/walls/w1"), ("POST", f"{FIRST}/leave")):
        reply = await ruth.ask(method, path, {"dry_run": True})
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/dry_run"), path
    assert (await ruth.get("/people/tom")).json["active"] is True
    assert "ruth" in api.firm.members(api.firm.room("2026-0042 Estate"))
    where = f"/conversations/{await filings(api, ruth)}"
    walt = await api.system("walt")
    assert (await walt.post(f"{where}/join", {})).json == {"done": True}
    assert (await walt.post(f"{where}/join")).json == {"done": False}


async def test_A2_an_empty_body_is_none_whatever_its_type(api: Api) -> None:
    ruth = await api.system("ruth")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await ruth.ask("POST", f"{FIRST}/join", headers=headers)).json == {"done": False}


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match", "If-Unmodified-Since"])
async def test_A2_what_is_to_be_done_only_under_a_condition_is_not_done(api: Api, name: str) -> None:
    ruth = await api.system("ruth")
    known = (await ruth.get(FIRST)).headers["ETag"]
    for tag in ('"of before"', known, "*"):
        reply = await ruth.ask("PATCH", FIRST, {"title": "Costs"}, headers={name: tag})
        assert (reply.status, reply.json["type"]) == (412, "urn:firm-bridge:condition")
    assert (await ruth.get(FIRST)).json["name"] == "General"


async def test_A2_what_is_known_may_stand_in_several_headers(api: Api) -> None:
    ruth = await api.system("ruth")
    known = (await ruth.get("/matters")).headers["ETag"]
    headers = [("Authorization", f"Bearer {ruth.token}"), ("If-None-Match", '"another"'), ("If-None-Match", known)]
    async with (
        ClientSession() as session,
        session.get(api.client.make_url(f"{API_PATH}/matters"), headers=headers) as answer,
    ):
        assert answer.status == 304


async def test_A2_who_is_to_come_and_to_go_at_once_does_neither(api: Api) -> None:
    ruth = await api.system("ruth")
    where = f"{FIRST}/participants"
    before = api.firm.members(api.firm.room("2026-0042 Estate"))
    reply = await ruth.ask("PATCH", where, {"add": ["tom"], "remove": ["@tom:localhost"]})
    assert (reply.status, reply.json["type"]) == (422, "urn:firm-bridge:both")
    assert "Tom Price" in reply.json["detail"]
    assert api.firm.members(api.firm.room("2026-0042 Estate")) == before
