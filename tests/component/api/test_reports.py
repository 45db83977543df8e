"""What a system asks the API to explain, to foresee and to report: why, plans, walls, transcripts (O2)."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from bridge.firm.conversation import first_matter_conversation_id
from bridge.operations.tokens import Scope, end_token
from bridge.operations.walls.report import disclosed
from bridge.store.models import AuditRow
from bridge.web import handing
from bridge.web.api import asking
from tests.component.api.harness import SECRETS, Api, System
from tests.component.small_firm import DIRECTORY, channel, write_directory

FIRST = first_matter_conversation_id("m1")


async def said_in_estate(api: Api) -> None:
    api.firm.fake.message(api.firm.room("2026-0042 Estate"), api.firm.user("ruth"), "The will is from 1998.")
    await api.firm.settle()


async def test_A1_O2_why_and_what_somebody_sees_as_far_as_the_admin_may_know(api: Api) -> None:
    ruth, tom, walt = [await api.system(one) for one in ("ruth", "tom", "walt")]
    for place in ("m1", "2026-0042"):
        why = (await ruth.get("/people/walt/why", place=place)).json
        assert (why["place"], why["allowed"], why["deciding"]["rule"]) == ("m1", False, "M3")
    why = (await ruth.get("/people/ruth/why", place=FIRST)).json
    assert (why["place"], why["allowed"]) == (FIRST, True)
    assert [(one["wanted"], one["membership"]) for one in why["items"]] == [(True, "join")]
    access = (await ruth.get("/people/walt/access")).json
    assert [(one["matter"]["id"], one["way"]) for one in access["items"]] == [("m1", "not to be seen")]
    assert (access["works_here"], access["next"]) == (True, None)
    (wall,) = (await ruth.get("/people/walt/access/walls")).json["items"]
    assert (wall["id"], "2026-0042" in wall["text"]) == ("w1", True)
    assert (await walt.get("/people/ruth/access")).json["items"] == []
    assert (await walt.get("/people/walt/access/walls")).json["items"] == []
    (everyone,) = (await walt.get("/people/ruth/access/conversations")).json["items"]
    assert everyone["text"] == "the channel Everyone"
    assert (await walt.get(f"/conversations/{everyone['id']}")).json["name"] == "Everyone"
    assert (await tom.get("/people/ruth/why", place=await direct_of_others(api))).status == 404


async def direct_of_others(api: Api) -> str:
    """The id of a conversation of Ruth and Inès."""
    await api.firm.ask("ruth", "!dm @ines")
    (found,) = (await (await api.system("ruth")).get("/conversations", kind="direct")).json["items"]
    conversation: str = found["id"]
    return conversation


async def test_A1_O2_why_the_person_sees_a_conversation_and_since_when_there_is_one(api: Api) -> None:
    await channel(api.firm)
    ruth, tom = await api.system("ruth"), await api.system("tom")
    about = (await ruth.get(f"/conversations/{FIRST}/about")).json
    assert (about["way"], about["roles"], about["filed"], about["folder"]) == (
        "by a role",
        ["responsible"],
        False,
        "",
    )
    (filings,) = (await tom.get("/channels", q="Court")).json["items"]
    about = (await tom.get(f"/conversations/{filings['id']}/about")).json
    assert (about["started_by"]["id"], about["way"], about["archived"]) == ("ruth", None, None)


async def test_A1_O2_the_plan_of_all_and_of_a_place_names_nothing_that_is_hidden(api: Api) -> None:
    talk, fake = api.firm.room("2026-0042 Estate"), api.firm.fake
    fake.put_state(talk, fake.bot_id, "m.room.join_rules", "", {"join_rule": "public"})
    ruth, walt = await api.system("ruth"), await api.system("walt")
    for place in ("", "m1", FIRST):
        found = (await ruth.get("/plan", place=place)).json
        put_right = [one["text"] for one in found["steps"] if one["action"] == "set_state"]
        assert any("Estate" in text for text in put_right), (place, found)
        assert found["more"] == 0
    reply = await walt.get("/plan")
    assert reply.status == 200
    assert not any(secret in reply.raw.decode() for secret in SECRETS)
    hidden, unknown = await walt.get("/plan", place="m1"), await walt.get("/plan", place="m9")
    assert (hidden.status, hidden.raw.replace(b"m1", b"")) == (404, unknown.raw.replace(b"m9", b""))
    assert fake.rooms[talk].state["m.room.join_rules", ""] == {"join_rule": "public"}


async def test_A1_M3_O2_a_wall_is_reported_also_when_it_has_ended_and_to_no_one_behind_it(api: Api) -> None:
    await api.firm.ask("tom", "!matter join 2026-0042 1")
    await said_in_estate(api)
    ruth, tom = await api.system("ruth"), await api.system("tom")
    made = (await ruth.post("/walls", {"matter_id": "m1", "people": ["tom"], "memo": "A cousin."})).json["id"]
    hidden, unknown = await tom.get(f"/walls/{made}/report"), await tom.get("/walls/wall-zzzz/report")
    assert hidden.same == unknown.same
    for ended in (False, True):
        report = (await ruth.get(f"/walls/{made}/report")).json
        ((matter,), wall) = report["items"], report["wall"]
        assert (matter["matter"]["id"], wall["memo"], report["ended"] is not None) == ("m1", "A cousin.", ended)
        assert {(one["person"]["id"], one["sent"], one["readable"]) for one in matter["disclosed"]} == {("tom", 1, 1)}
        assert "1998" not in str(report)
        await ruth.ask("DELETE", f"/walls/{made}")
    assert report["ended_by"]["id"] == "ruth"


async def test_A1_a_wall_is_reported_with_a_matter_that_got_another_title_meanwhile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruth = await api.system("ruth")

    async def renamed(*asked: Any) -> Any:
        (matter,) = DIRECTORY["matters"]
        write_directory(api.firm.service.settings.directory.path, matters=[{**matter, "title": "Estate of Moor"}])
        await api.firm.service.directory.refresh()
        return await disclosed(*asked)

    monkeypatch.setattr("bridge.web.api.subjects.walls.disclosed", renamed)
    (told,) = (await ruth.get("/walls/w1/report")).json["items"]
    assert told["matter"]["title"] == "Estate of Moor"


async def test_A1_M3_O1_a_transcript_is_an_attachment_each_noted_and_ends_with_token_and_access(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruth, tom = await api.system("ruth"), await api.system("tom")
    path = f"/conversations/{FIRST}/transcript"
    assert (await ruth.get(path)).status == 409
    await said_in_estate(api)
    for form, begins in (("page", b"<!DOCTYPE html>"), ("pdf", b"%PDF")):
        reply = await ruth.get(path, form=form)
        assert reply.raw[: len(begins)].lower() == begins.lower()
        assert reply.headers["Content-Disposition"].startswith('attachment; filename="Transcript 2026-0042')
        assert reply.headers["Content-Type"] == "application/octet-stream"
        assert "sandbox" in reply.headers["Content-Security-Policy"]
    noted = AuditRow.select().where(AuditRow.subject == "matter transcript", AuditRow.actor == "ruth")
    assert len(await api.firm.service.store.read(lambda unit: unit.all(noted))) == 2
    without_text = await api.system("ruth", set(Scope) - {Scope.TEXT})
    assert (await without_text.get(path)).status == 403

    async def walled(*given: object) -> bool:
        await api.firm.ask("ruth", "!wall add 2026-0042 @tom A cousin.")
        return True

    with patch.object(asking.ApiCall, "still_works", walled):
        assert (await tom.get(path)).status == 404
    monkeypatch.setattr(asking.ApiCall, "still_works", _ends_the_token(api, ruth))
    assert (await ruth.get(path)).status == 404


def _ends_the_token(api: Api, system: System) -> object:
    works = asking.ApiCall.still_works

    async def looked(call: asking.ApiCall) -> bool:
        await end_token(api.firm.service.store, api.numbers[system.token], "root")
        return await works(call)

    return looked


async def test_A1_of_what_takes_long_a_person_has_only_so_much_at_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await said_in_estate(api)
    ruth = await api.system("ruth")
    monkeypatch.setattr(handing, "AT_ONCE", 0)
    for path in ("/plan", "/walls/w1/report", f"/conversations/{FIRST}/transcript"):
        reply = await ruth.get(path)
        assert (reply.status, reply.headers["Retry-After"]) == (429, "10"), path


async def test_A1_filing_is_shown_and_switched_as_by_command(api: Api) -> None:
    ruth = await api.system("ruth")
    assert (await ruth.get("/filing")).status == 409
    assert (await ruth.get("/matters/m1/filing")).json == {"filed": False, "waiting": 0}
    assert (await ruth.ask("PUT", "/matters/m1/filing", {"filed": True})).json["filed"] is True


async def test_A1_the_morning_digest_is_chosen_for_the_person_alone(api: Api) -> None:
    ruth, tom = await api.system("ruth"), await api.system("tom")
    assert (await ruth.ask("PUT", "/digest", {"wanted": False})).json["wanted"] is False
    assert (await ruth.get("/digest")).json["wanted"] is False
    assert (await tom.get("/digest")).json["wanted"] is True
