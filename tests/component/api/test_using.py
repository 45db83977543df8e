"""What a system does through the API: the same as by command, once, in pages, within its rate (A1, A2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.clock import now_ms
from bridge.firm.conversation import direct_id, first_matter_conversation_id
from bridge.operations.tokens import Scope, end_token, tokens
from bridge.store.models import ApiRequest, ApiToken, AuditRow
from tests.component.api.harness import Api, Json, Reply, System, api_firm
from tests.component.small_firm import channel

FIRST = first_matter_conversation_id("m1")


@pytest.fixture
async def api(tmp_path: Path, database_url: str) -> AsyncIterator[Api]:
    async with api_firm(tmp_path, database_url) as found:
        yield found


async def filings(api: Api, system: System) -> str:
    """The id of the channel Court Filings."""
    await channel(api.firm)
    (found,) = (await system.get("/channels", q="Court")).json["items"]
    conversation: str = found["id"]
    return conversation


async def under(system: System, key: str, path: str, body: Json, method: str = "POST") -> Reply:
    """Have something done under a key."""
    return await system.ask(method, path, body, headers={"Idempotency-Key": key})


async def test_A1_no_token_stands_in_the_database(api: Api) -> None:
    system = await api.system("ruth")
    stored = await api.firm.service.store.read(lambda unit: str(unit.all(ApiToken.select().dicts())))
    assert "the test" in stored
    assert system.token not in stored


async def test_A1_a_token_is_listed_and_ended_and_whom_it_acts_as_is_told(api: Api) -> None:
    store, ruth = api.firm.service.store, await api.system("ruth", [Scope.PEOPLE])
    await api.firm.ask("ruth", "!ping")
    assert any("may now act for you: the test, with people:read" in said for _, _, said in api.firm.said)
    (listed,) = await tokens(store)
    assert (listed.staff_id, set(listed.scopes)) == ("ruth", {"people:read"})
    assert (await ruth.get("/people")).status == 200
    assert await end_token(store, listed.number, "root") is True
    assert await end_token(store, listed.number, "root") is False
    assert (await ruth.get("/people")).status == 401
    assert await tokens(store) == []


async def test_A1_O1_uses_are_in_the_audit_log_and_what_they_were_about_is_hidden_from_the_walled(api: Api) -> None:
    ruth, walt = await api.system("ruth"), await api.system("walt")
    await ruth.get("/matters/m1/access")
    await ruth.get("/matters/m1/access")
    await ruth.post("/matters/m1/conversations", {"title": "Disclosure"})
    await walt.get("/people")
    seen = [one["text"] for one in (await ruth.get("/audit")).json["items"]]
    assert sum("asked the API for matters.access" in text for text in seen) == 1
    assert any(text.startswith("Ruth Adeyemi asked the API for matters.start") for text in seen)
    assert any("made a token of the API for Walt Walled" in text for text in seen)
    seen = [one["text"] for one in (await walt.get("/audit")).json["items"]]
    assert any("Walt Walled asked the API for people.list" in text for text in seen)
    assert not any("matters." in text or "Disclosure" in text for text in seen)


async def test_A1_M3_O1_nothing_in_the_audit_log_counts_what_is_hidden(api: Api) -> None:
    ruth, walt = await api.system("ruth"), await api.system("walt")
    for _ in range(30):
        await api.firm.ask("walt", "!access @tom")
    first = (await walt.get("/audit", person="walt")).json
    assert not any("position" in one for one in first["items"])
    assert first["next"] is not None
    assert (await walt.get("/audit", person="walt", cursor=first["next"])).json["items"] != first["items"]
    assert (await ruth.get("/audit", person="walt", cursor=first["next"])).status == 422


async def test_A1_what_is_refused_to_a_token_is_in_the_audit_log_once_an_hour(api: Api) -> None:
    system = await api.system("tom", [Scope.PEOPLE])
    for _ in range(3):
        assert (await system.get("/walls")).status == 403
    rows = await api.firm.service.store.read(
        lambda unit: unit.all(AuditRow.select().where(AuditRow.deed == "api", AuditRow.outcome == "refused"))
    )
    assert [(row.actor, row.subject) for row in rows] == [("tom", "walls.list")]


async def test_A1_a_matter_its_conversations_and_who_is_in_them(api: Api) -> None:
    ruth = await api.system("ruth")
    assert [one["id"] for one in (await ruth.get("/matters")).json["items"]] == ["m1"]
    made = (await ruth.post("/matters/m1/conversations", {"title": "Disclosure", "people": ["tom", "walt"]})).json
    assert made["left_out"] == ["walt"]
    assert api.firm.members(made["room_id"]) == {"ruth", "tom"}
    assert {one["name"] for one in (await ruth.get("/matters/m1")).json["conversations"]} == {"General", "Disclosure"}
    where = f"/conversations/{made['id']}"
    changed = await ruth.ask("PATCH", f"{where}/participants", {"add": ["ines@firm.example"], "remove": ["tom"]})
    assert changed.json["done"] == {"ines": "added", "tom": "removed"}
    listed = (await ruth.get(f"{where}/participants")).json["items"]
    assert [one["person"]["name"] for one in listed] == ["Inès Moreau", "Ruth Adeyemi"]
    assert (await ruth.ask("PATCH", where, {"title": "Experts"})).status == 200
    assert (await ruth.get(where)).json["name"] == "Experts"
    assert (await ruth.ask("PATCH", where, {"archived": True})).status == 200
    assert (await ruth.get(where)).json["read_only"] is True


async def test_A1_channels_and_direct_conversations(api: Api) -> None:
    ruth, walt = await api.system("ruth"), await api.system("walt")
    where = f"/conversations/{await filings(api, ruth)}"
    room = (await ruth.get(where)).json["room_id"]
    assert (await walt.get(f"{where}/participants")).json["detail"] == "You are not in Court Filings."
    assert (await walt.post(f"{where}/join")).json == {"done": True}
    assert (await walt.post(f"{where}/join")).json == {"done": False}
    assert "walt" in api.firm.members(room)
    assert (await walt.post(f"{where}/leave")).status == 200
    assert "walt" not in api.firm.members(room)
    assert (await ruth.ask("PATCH", where, {"topic": "Dates"})).status == 200
    assert (await ruth.get(where)).json["topic"] == "Dates"
    opened = (await ruth.post("/direct-conversations", {"people": ["@tom:localhost"]})).json
    assert opened["id"] == direct_id(["ruth", "tom"])
    kinds = [one["kind"] for one in (await ruth.get("/conversations")).json["items"]]
    assert {"direct", "channel", "matter"} == set(kinds)
    assert (await ruth.ask("PATCH", f"/conversations/{opened['id']}", {"title": "Us"})).status == 409


async def test_A1_a_file_is_streamed_to_those_in_its_conversation(api: Api) -> None:
    ruth, walt = await api.system("ruth"), await api.system("walt")
    where = f"/conversations/{await filings(api, ruth)}"
    firm, room = api.firm, api.firm.room("Court Filings")
    firm.fake.media["page"] = ("page", b"<script>alert(1)</script>")
    firm.fake.message(room, firm.user("tom"), 'Pläne "neu".html', msgtype="m.file", url="mxc://localhost/page")
    await firm.settle()
    (file,) = (await ruth.get(f"{where}/files")).json["items"]
    assert [one["name"] for one in (await ruth.get("/files", q="pläne")).json["items"]] == [file["name"]]
    given = await ruth.get(f"{where}/files/{file['event_id']}")
    assert (given.status, given.raw) == (200, b"<script>alert(1)</script>")
    assert given.headers["Content-Type"] == "application/octet-stream"
    assert given.headers["Content-Disposition"].startswith('attachment; filename="Pl_ne _neu_.html"')
    assert "sandbox" in given.headers["Content-Security-Policy"]
    known = {"If-None-Match": given.headers["ETag"]}
    assert (await ruth.ask("GET", f"{where}/files/{file['event_id']}", headers=known)).status == 304
    assert (await walt.ask("GET", f"{where}/files/{file['event_id']}", headers=known)).status == 404


async def test_A1_messages_are_pinned_and_unpinned_as_the_person(api: Api) -> None:
    ruth = await api.system("ruth")
    where = f"/conversations/{await filings(api, ruth)}/pins"
    room = api.firm.room("Court Filings")
    message = api.firm.fake.message(room, api.firm.user("tom"), "Due on Friday")["event_id"]
    assert (await ruth.ask("PUT", f"{where}/{message}")).json == {"done": True}
    await api.firm.settle()
    (pin,) = (await ruth.get(where)).json["items"]
    assert (pin["text"], pin["author"], pin["pinned_by"]["id"]) == ("Due on Friday", "Tom Price", "ruth")
    assert (await ruth.ask("DELETE", f"{where}/{message}")).json == {"done": True}
    assert (await ruth.get(where)).json["items"] == []


async def test_A1_M3_a_wall_is_set_and_lifted_and_a_dry_run_says_what_it_would_do(api: Api) -> None:
    ruth, room = await api.system("ruth"), api.firm.room("2026-0042 Estate")
    await ruth.ask("PATCH", f"/conversations/{FIRST}/participants", {"add": ["tom"]})
    wanted = {"matter_id": "m1", "people": ["tom"], "memo": "His cousin."}
    assert (await ruth.post("/walls", wanted, dry_run="true")).json == {
        "id": "",
        "taken_out": {"tom": 1},
        "not_done": [],
    }
    assert "tom" in api.firm.members(room)
    made = (await ruth.post("/walls", wanted)).json
    # Its number was not taken by the dry run.
    assert (made["id"], made["taken_out"]) == ("wall-1", {"tom": 1})
    assert "tom" not in api.firm.members(room)
    listed = {one["id"]: one["in_directory"] for one in (await ruth.get("/walls")).json["items"]}
    assert listed == {"w1": True, made["id"]: False}
    lifted = await under(ruth, "lift", f"/walls/{made['id']}", {}, "DELETE")
    assert lifted.status == 200
    assert (await under(ruth, "lift", f"/walls/{made['id']}", {}, "DELETE")).same[:2] == lifted.same[:2]
    assert (await ruth.get(f"/walls/{made['id']}")).status == 404


async def test_A1_F2_somebody_is_cut_off_and_taken_back(api: Api) -> None:
    ruth = await api.system("ruth")
    assert (await ruth.post("/people/tom/leave", dry_run="true")).json["ended"] is True
    assert (await ruth.get("/people/tom")).json["active"] is True
    assert (await ruth.post("/people/tom/leave")).json["ended"] is True
    assert [one["person"]["id"] for one in (await ruth.get("/leavers")).json["items"]] == ["tom"]
    opened = await ruth.post("/direct-conversations", {"people": ["tom"]})
    assert (opened.status, opened.json["detail"]) == (422, "Tom Price has left the firm.")
    assert (await ruth.post("/people/tom/return")).json["changed"] is True


async def test_A2_what_comes_again_under_a_key_happens_once(api: Api) -> None:
    ruth, tom = await api.system("ruth"), await api.system("tom")
    body = {"name": "Deadlines", "people": ["tom"]}
    first = await under(ruth, "k1", "/channels", body)
    rooms = len(api.firm.fake.rooms)
    again = await under(ruth, "k1", "/channels", body)
    assert (again.status, again.raw) == (first.status, first.raw)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(api.firm.fake.rooms) == rooms
    assert (await under(ruth, "k1", "/channels", {"name": "Other"})).json["type"] == "urn:firm-bridge:key_reused"
    assert (await under(tom, "k1", "/channels", {"name": "Other"})).status == 200


async def test_A2_a_request_that_a_crash_cut_short_is_finished_by_the_next(api: Api) -> None:
    ruth, body = await api.system("ruth"), {"title": "Disclosure", "people": ["tom"]}
    first = await under(ruth, "k1", "/matters/m1/conversations", body)
    # As it stands where the bridge ended between the operation and its answer.
    await api.firm.service.store.run(lambda unit: unit.run(ApiRequest.update(status=None, answer="")))
    again = await under(ruth, "k1", "/matters/m1/conversations", body)
    assert (again.status, again.raw) == (first.status, first.raw)
    assert "Idempotency-Replayed" not in again.headers
    assert len((await ruth.get("/matters/m1")).json["conversations"]) == 2


async def test_A2_the_same_request_twice_at_once_happens_once(api: Api) -> None:
    ruth = await api.system("ruth")
    replies = await asyncio.gather(*(under(ruth, "k1", "/channels", {"name": "Deadlines"}) for _ in range(4)))
    assert {reply.status for reply in replies} <= {200, 409}
    assert [reply.status for reply in replies].count(200) >= 1
    assert len((await ruth.get("/channels", q="Deadlines")).json["items"]) == 1


async def test_A2_M3_an_answer_is_not_given_again_to_whoever_may_not_see_it_any_more(api: Api) -> None:
    ruth, tom = await api.system("ruth"), await api.system("tom")
    assert (await under(tom, "k1", "/matters/m1/conversations", {"title": "Mine"})).status == 200
    await ruth.post("/walls", {"matter_id": "m1", "people": ["tom"], "memo": "Why"})
    assert (await under(tom, "k1", "/matters/m1/conversations", {"title": "Mine"})).status == 404


async def test_A2_M3_a_wall_that_was_set_is_told_again_only_to_who_may_know_of_it(api: Api) -> None:
    tom, ruth, body = await api.system("tom"), await api.system("ruth"), {"matter_id": "m1", "memo": "Why"}
    first = await under(tom, "k1", "/walls", {**body, "people": ["ines"]})
    assert (await under(tom, "k1", "/walls", {**body, "people": ["ines"]})).json == first.json
    assert len((await ruth.get("/walls")).json["items"]) == 2
    await ruth.post("/walls", {**body, "people": ["tom"]})
    assert (await under(tom, "k1", "/walls", {**body, "people": ["ines"]})).status == 422


async def test_A2_a_key_may_be_used_again_after_a_refusal_and_after_a_day(api: Api) -> None:
    ruth = await api.system("ruth")
    assert (await under(ruth, "k1", "/channels", {"name": "Everyone"})).status == 409
    assert (await under(ruth, "k1", "/walls", {"memo": "Why"})).status == 422
    assert (await under(ruth, "k1", "/matters/m9/conversations", {"title": "Mine"})).status == 404
    assert (await under(ruth, "k1", "/channels", {"name": "Deadlines"})).status == 200
    long_ago = partial(ApiRequest.update, at_ms=now_ms() - 2 * 86_400_000)
    await api.firm.service.store.run(lambda unit: unit.run(long_ago()))
    assert (await under(ruth, "k1", "/channels", {"name": "Hearings"})).status == 200


async def test_A2_a_list_comes_in_pages_and_takes_no_cursor_but_its_own(api: Api) -> None:
    ruth, tom = await api.system("ruth"), await api.system("tom")
    names, cursor = list[str](), dict[str, str]()
    for _ in range(4):
        page = (await ruth.get("/people", limit="1", **cursor)).json
        names += [one["name"] for one in page["items"]]
        cursor = {"cursor": page["next"]}
    assert names == ["Inès Moreau", "Ruth Adeyemi", "Tom Price", "Walt Walled"]
    assert page["next"] is None
    first = (await ruth.get("/people", limit="1")).json["next"]
    for system, path, given in (
        (ruth, "/channels", first),
        (tom, "/people", first),
        (ruth, "/people", f"{first[:-2]}AA"),
        (ruth, "/people", ""),
        (ruth, "/audit", "é"),
    ):
        assert (await system.get(path, cursor=given)).json["type"] == "urn:firm-bridge:cursor"


async def test_A2_what_somebody_has_already_is_not_sent_again(api: Api) -> None:
    ruth = await api.system("ruth")
    tag = (await ruth.get("/people")).headers["ETag"]
    again = await ruth.ask("GET", "/people", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.raw, again.headers["ETag"]) == (304, b"", tag)
    await ruth.post("/people/tom/leave")
    assert (await ruth.ask("GET", "/people", headers={"If-None-Match": tag})).status == 200


async def test_A2_a_token_that_asks_too_often_waits_and_others_do_not(api: Api) -> None:
    ruth, tom = await api.system("ruth"), await api.system("tom")
    for _ in range(60):
        last = await ruth.get("/files")
    assert (last.status, last.headers["RateLimit"].split(";")[1]) == (200, "r=0")
    refused = await ruth.get("/files")
    assert refused.status == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert (await ruth.get("/people")).status == 200
    assert (await ruth.post("/channels", {"name": "Deadlines"})).status == 200
    assert (await tom.get("/files")).status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": b"{"}, 400),
        ({"data": b'"\xff"'}, 400),
        ({"data": b"[]"}, 422),
        ({"data": b'{"name": 1}'}, 422),
        ({"data": b'{"name": "A", "dry_run": true}'}, 422),
        ({"data": b'{"name": "A"}', "params": {"dry_rum": "true"}}, 422),
        ({"data": b'{"name": "A"}', "params": [("dry_run", "true"), ("dry_run", "false")]}, 422),
        ({"data": b'{"name": "A"}', "headers": {"Content-Type": "text/plain"}}, 415),
        ({"data": b'{"name": "A"}', "headers": {"Idempotency-Key": "a b"}}, 400),
        ({"data": b" " * 1_100_000}, 413),
    ],
)
async def test_A2_what_is_wrong_with_a_request_is_said_and_nothing_done(
    api: Api, sent: dict[str, Any], status: int
) -> None:
    ruth, before = await api.system("ruth"), len(api.firm.fake.rooms)
    headers = {"Authorization": f"Bearer {ruth.token}", "Content-Type": "application/json"}
    headers |= sent.get("headers", {})
    async with api.client.post("/api/v1/channels", **{**sent, "headers": headers}) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
    assert len(api.firm.fake.rooms) == before


async def test_A2_the_bots_sentence_is_the_detail(api: Api) -> None:
    ruth = await api.system("ruth")
    await filings(api, ruth)
    reply = await ruth.post("/channels", {"name": "court filings"})
    assert (reply.status, reply.json["type"]) == (409, "urn:firm-bridge:channel_name_taken")
    assert reply.json["detail"].startswith("There is a channel called Court Filings already")
    assert reply.json["rule"] == "C1"


async def test_A2_before_those_are_shut_out_who_must_be_nothing_is_shown(tmp_path: Path, database_url: str) -> None:
    async with api_firm(tmp_path, database_url, begun=False) as api:
        reply = await (await api.system("ruth")).get("/people")
        assert (reply.status, reply.json["type"]) == (503, "urn:firm-bridge:starting")
