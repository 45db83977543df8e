"""What a system does through the API: the same as by command, once, in pages, within its rate (A1, A2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.firm.conversation import direct_id, first_matter_conversation_id
from bridge.operations.tokens import Scope, end_token, tokens
from bridge.store.models import ApiToken, AuditRow
from tests.component.api.harness import Api, Json, api_firm, filings, under
from tests.component.directory.test_directory_undone import write
from tests.component.small_firm import DIRECTORY, write_directory

FIRST = first_matter_conversation_id("m1")
IN_MATTER = "/matters/m1/conversations"


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


async def test_A1_M3_a_wall_that_was_only_tried_is_told_to_nobody_whom_it_may_be_about(api: Api) -> None:
    ruth, wanted = await api.system("ruth"), {"matter_id": "m1", "people": ["tom"], "memo": "Why"}
    assert (await ruth.post("/walls", wanted, dry_run="true")).status == 200
    for reader, told in (("ruth", True), ("tom", False), ("walt", False)):
        items = (await (await api.system(reader)).get("/audit")).json["items"]
        assert any("walls.set" in one["text"] for one in items) is told, reader
    await ruth.post("/walls", wanted)
    for reader, told in (("ruth", True), ("ines", True), ("tom", False), ("walt", False)):
        items = (await (await api.system(reader)).get("/audit")).json["items"]
        assert any(one["text"].endswith("walls.set") or "walls.set." in one["text"] for one in items) is told, reader


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


async def test_A1_O1_whatever_is_refused_is_in_the_audit_log(api: Api) -> None:
    ruth, tom, walt = await api.system("ruth"), await api.system("tom"), await api.system("walt")
    unexplained = {"matter_id": "m1", "people": ["tom"], "memo": ""}
    assert (await ruth.post("/walls", unexplained)).status == 422
    for _ in range(2):
        assert (await ruth.post("/walls", unexplained, dry_run="true")).status == 422
        assert (await tom.get(f"/conversations/{FIRST}/participants")).status == 403
    assert (await ruth.ask("PATCH", f"/conversations/{FIRST}", {"title": ""})).status == 422
    rows = await api.firm.service.store.read(
        lambda unit: unit.all(AuditRow.select().where(AuditRow.outcome == "refused").order_by(AuditRow.position))
    )
    assert [(row.actor, row.subject, row.reason) for row in rows] == [
        ("ruth", "walls.set", ""),
        ("ruth", "walls.set (dry run)", ""),
        ("tom", "participants.list", f"[{FIRST}]"),
        ("ruth", "conversations.change", f"M1 [{FIRST}]"),
    ]
    texts = [one["text"] for one in (await ruth.get("/audit", refused="true")).json["items"]]
    assert texts[1:] == [
        "Tom Price asked the API for participants.list; refused",
        "Ruth Adeyemi asked the API for walls.set (dry run); refused",
        "Ruth Adeyemi asked the API for walls.set; refused",
    ]
    assert texts[0].startswith("Ruth Adeyemi asked the API for conversations.change; refused: ")
    seen = [one["text"] for one in (await walt.get("/audit", refused="true")).json["items"]]
    assert not any("participants" in text or "conversations" in text for text in seen)


async def test_A1_a_matter_its_conversations_and_who_is_in_them(api: Api) -> None:
    ruth = await api.system("ruth")
    assert [one["id"] for one in (await ruth.get("/matters")).json["items"]] == ["m1"]
    made = (await ruth.post("/matters/m1/conversations", {"title": "Disclosure", "people": ["tom", "walt"]})).json
    assert made["left_out"] == ["walt"]
    assert api.firm.members(made["room_id"]) == {"ruth", "tom"}
    assert {one["name"] for one in (await ruth.get(IN_MATTER)).json["items"]} == {"General", "Disclosure"}
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


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"title": "Gamma", "topic": "x" * 300}, 422),
        ({"title": "Everyone", "topic": "Dates"}, 409),
        ({"archived": True, "title": ""}, 422),
        ({"archived": False, "title": "Gamma", "topic": "x" * 300}, 422),
    ],
)
async def test_A1_a_change_that_is_refused_in_part_is_not_done_at_all(api: Api, sent: Json, status: int) -> None:
    ruth = await api.system("ruth")
    where = f"/conversations/{await filings(api, ruth)}"
    if sent.get("archived") is False:
        assert (await ruth.ask("PATCH", where, {"archived": True})).status == 200
    before = (await ruth.get(where)).json
    assert (await ruth.ask("PATCH", where, sent)).status == status
    assert (await ruth.get(where)).json == before


async def test_A1_a_change_is_done_where_something_was_another_way_before(api: Api) -> None:
    ruth = await api.system("ruth")
    where = f"/conversations/{await filings(api, ruth)}"
    wanted = {"title": "Gamma", "topic": "Dates"}
    assert (await ruth.ask("PATCH", where, wanted, params={"dry_run": "true"})).json == {"done": True}
    for sent, done in (
        ({}, False),
        ({"title": "Court Filings", "topic": "", "archived": False}, False),
        (wanted, True),
        (wanted, False),
        ({"archived": True}, True),
        ({"archived": True}, False),
        ({"archived": False, "title": "Delta"}, True),
    ):
        assert (await ruth.ask("PATCH", where, sent)).json == {"done": done}, sent
    assert (await ruth.get(where)).json["name"] == "Delta"


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
    known = {"If-None-Match": f'"other", W/{given.headers["ETag"]}'}
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
    wanted = {"matter_id": "m1", "people": ["tom", "tom", "@tom"], "memo": "His cousin."}
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
    assert (await ruth.get(f"/walls/{made['id']}")).json["people"] == ["tom"]
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
    dry = await ruth.post("/people/tom/return", dry_run="true")
    assert (await ruth.get("/people/tom")).json["active"] is False
    assert (await ruth.post("/people/tom/return")).json == dry.json == {"changed": True, "not_done": []}
    assert (await ruth.post("/people/tom/return", dry_run="true")).json["changed"] is False


async def test_A1_F2_whom_the_directory_has_let_leave_is_not_taken_back_in_a_dry_run_either(api: Api) -> None:
    ruth = await api.system("ruth")
    await ruth.post("/people/tom/leave")
    left = [{**one, "former": True} if one["id"] == "tom" else one for one in DIRECTORY["staff"]]
    await write(api.firm, **{**DIRECTORY, "staff": left})
    held = (await ruth.get("/directory")).json["held"]
    assert (await ruth.post("/directory/confirm", {"fingerprint": held})).status == 200
    dry = await ruth.post("/people/tom/return", dry_run="true")
    assert (dry.status, dry.json["type"]) == (409, "urn:firm-bridge:gone_by_directory")
    assert (await ruth.post("/people/tom/return")).same[:2] == dry.same[:2]


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


async def test_A2_people_of_one_name_are_each_on_one_page(api: Api) -> None:
    """Names and ids of the greatest length too, whose cursors are long."""
    ids = ["字" * 98 + ending for ending in ("ad", "ab", "ac", "aa")]
    same = [{"id": one, "first_name": "漢" * 100, "last_name": "漢" * 100, "role": "Associate"} for one in ids]
    staff = [{**one, "email": f"{place}@firm.example"} for place, one in enumerate(same)]
    write_directory(str(api.firm.service.settings.directory.path), staff=[*DIRECTORY["staff"], *staff])
    await api.firm.bridge.upkeep.follow_directory()
    assert not api.firm.service.directory.problems
    ruth = await api.system("ruth")
    made = (await ruth.post("/channels", {"name": "Deadlines", "people": ids})).json

    async def seen(path: str, found: Callable[[Json], str]) -> list[str]:
        listed, cursor = list[str](), dict[str, str]()
        while True:
            page = (await ruth.get(path, limit="1", **cursor)).json
            listed += [found(one) for one in page["items"]]
            if page["next"] is None:
                return listed
            cursor = {"cursor": page["next"]}

    assert await seen(f"/conversations/{made['id']}/participants", lambda one: str(one["person"]["id"])) == [
        "ruth",
        *sorted(ids),
    ]
    assert (await seen("/people", lambda one: str(one["id"])))[-4:] == sorted(ids)
    for one in ids:
        assert (await ruth.post(f"/people/{one}/leave")).status == 200
    assert await seen("/leavers", lambda one: str(one["person"]["id"])) == sorted(ids)


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


async def test_O2_a_change_of_the_directory_is_confirmed_and_taken_back_only_if_it_is_the_one_meant(
    tmp_path: Path, database_url: str
) -> None:
    async with api_firm(tmp_path, database_url) as api:
        await api.firm.bridge.upkeep.shut_out()
        ruth = await api.system("ruth", days=2)
        everybody = DIRECTORY["staff"]
        shown = []
        for staying in (("ruth", "ines"), ("ruth",)):
            staff = [one for one in everybody if one["id"] in staying]
            await write(api.firm, **{**DIRECTORY, "staff": staff, "walls": []})
            shown.append((await ruth.get("/directory")).json["held"])
        first, second = shown
        assert first != second
        confirm = "/directory/confirm"
        for fingerprint, status in (("", 422), (first, 409), (second, 200), (second, 409)):
            assert (await ruth.post(confirm, {"fingerprint": fingerprint})).status == status
        assert (await ruth.get("/directory")).json["confirmed"] == second
        assert (await ruth.post("/directory/undo", fingerprint=first)).status == 409
        assert (await ruth.post("/directory/undo", fingerprint=second)).status == 200
        assert (await ruth.get("/directory")).json["confirmed"] is None


async def test_A1_F3_no_name_that_begins_as_another_matters_number_is_taken(api: Api) -> None:
    ruth = await api.system("ruth")
    made = f"/conversations/{await filings(api, ruth)}"
    asked = (
        ("POST", "/channels", "name"),
        ("PATCH", made, "title"),
        ("POST", "/matters/m1/conversations", "title"),
        ("PATCH", f"/conversations/{FIRST}", "title"),
    )
    for method, path, called in asked:
        for name in ("1999-0001 costs", "２０２６–0055"):
            reply = await ruth.ask(method, path, {called: name})
            assert reply.status == 409, path
            assert reply.json["detail"].startswith("That begins as the number of a matter does"), path
    assert (await ruth.post("/matters/m1/conversations", {"title": "2026-0042 costs"})).status == 200


async def test_A1_names_are_data_and_only_sentences_keep_them_apart(api: Api) -> None:
    name = "תום פרייס"
    staff = [
        {**one, "first_name": "תום", "last_name": "פרייס"} if one["id"] == "tom" else one for one in DIRECTORY["staff"]
    ]
    await write(api.firm, **{**DIRECTORY, "staff": staff})
    ruth = await api.system("ruth")
    assert (await ruth.get("/people/tom")).json["name"] == name
    made = (await ruth.post("/direct-conversations", {"people": ["tom", "ines"]})).json["id"]
    assert (await ruth.get(f"/conversations/{made}")).json["name"] == f"Inès Moreau and {name}"
    assert (await ruth.get("/people/tom/access")).json["why"] == f"\u2068{name}\u2069 is active staff."
