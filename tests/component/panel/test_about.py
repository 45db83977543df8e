"""What a conversation is and what becomes of it, in the panel (P1, P2, O2)."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from aiohttp import ClientError

from bridge.desk import Desk
from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.model import Staff
from bridge.operations.panel import signed_in
from bridge.store.engine.unit import ReadUnit
from bridge.store.models import AuditRow
from bridge.web import handing
from bridge.web.panel import conversation_deeds
from bridge.web.panel.downloads import DOWNLOADS
from tests.component.panel.panel_firm import Panel, filings
from tests.component.small_firm import channel, direct

TALK = f"/conversation/{first_matter_conversation_id('m1')}"


async def test_P1_a_channel_is_renamed_given_a_topic_archived_and_opened_again(panel: Panel) -> None:
    room = await channel(panel.firm)
    walt = await panel.enter("walt")
    address = await filings(walt)
    for deed, field in (("rename", ("title", "Court Dates")), ("topic", ("topic", "When to be where"))):
        assert await walt.post(f"{address}/{deed}", [field]) == 303
    state = panel.firm.fake.rooms[room].state
    assert state["m.room.name", ""]["name"] == "Court Dates"
    assert state["m.room.topic", ""]["topic"] == "When to be where"
    assert await walt.post(f"{address}/archive", []) == 303
    _, text = await walt.get(walt.location)
    assert "by Walt Walled" in text
    # What is archived stays as it is, and the refusal comes with the button that opens it again.
    assert await walt.post(f"{address}/rename", [("title", "Hearings")]) == 422
    assert "Court Dates is archived and stays as it is" in walt.text
    assert f'action="{address}/restore"' in walt.text
    # An open page asks for itself again, and this address answers to no question.
    assert f'data-address="{address}/about"' in walt.text
    assert await walt.post(f"{address}/restore", []) == 303
    assert await walt.post(f"{address}/rename", [("title", "Hearings")]) == 303


async def test_P1_M2_a_conversation_of_a_matter_is_left_and_changed_from_inside_alone(panel: Panel) -> None:
    ruth, tom = await panel.enter("ruth"), await panel.enter("tom")
    await tom.post(f"{TALK}/join", [])
    assert await tom.post(f"{TALK}/rename", [("title", "Background")]) == 303
    assert await tom.post(f"{TALK}/leave", []) == 303
    assert "tom" not in panel.firm.members(panel.firm.room("Background · 2026-0042 Estate"))
    assert await tom.post(f"{TALK}/leave", [], once="1" * 16) == 404
    assert await tom.post(f"{TALK}/archive", []) == 422
    assert "Only somebody who is in the conversation can archive it." in tom.text
    assert await ruth.post(f"{TALK}/archive", []) == 303
    assert "It is archived" in (await ruth.get(TALK))[1]


async def test_P1_nobody_leaves_the_channel_of_the_firm_and_a_direct_one_stays_as_it_is(panel: Panel) -> None:
    await direct(panel.firm)
    ruth = await panel.enter("ruth")
    _, text = await ruth.get("/channels")
    (everybody,) = set(re.findall(r'href="(/conversation/channel-\w+)"', text))
    assert await ruth.post(f"{everybody}/leave", []) == 422
    assert "everybody stays in it" in ruth.text
    assert f'action="{everybody}/leave"' not in ruth.text
    (private,) = re.findall(r'href="(/conversation/direct-\w+)"', (await ruth.get("/"))[1])
    for deed in ("rename", "topic", "archive", "restore", "leave", "transcript"):
        assert await ruth.post(f"{private}/{deed}", [("title", "Ours")]) == 404
    status, text = await ruth.get(f"{private}/about")
    assert (status, "<form" in text.partition("<dl>")[2]) == (200, False)


async def test_O2_everybody_is_told_why_they_see_it_and_nothing_of_walls(panel: Panel) -> None:
    for who, why in (("ruth", "You have a role on the matter"), ("tom", "open to everybody in the firm")):
        _, text = await (await panel.enter(who)).get(f"{TALK}/about")
        assert why in text
        assert "cousin" not in text
        assert "Walt" not in text


async def test_P1_M3_O1_a_transcript_is_handed_over_and_noted(panel: Panel) -> None:
    room = panel.firm.room("2026-0042 Estate")
    panel.firm.fake.message(room, panel.firm.user("ruth"), "The will is from 1998.")
    await panel.firm.settle()
    ruth = await panel.enter("ruth")
    assert await ruth.post(f"{TALK}/transcript", [("as", "page")]) == 200
    assert "The will is from 1998." in ruth.text
    assert ruth.headers["Content-Type"] == "application/octet-stream"
    assert ruth.headers["Content-Disposition"].startswith('attachment; filename="Transcript 2026-0042')
    assert "sandbox" in ruth.headers["Content-Security-Policy"]

    def noted(unit: ReadUnit) -> list[tuple[str, str]]:
        return [
            (row.actor, row.reason)
            for row in unit.all(AuditRow.select().where(AuditRow.subject == "matter transcript"))
        ]

    assert await panel.firm.service.store.read(noted) == [("ruth", "2026-0042 [m1]")]


async def said_in_estate(panel: Panel) -> None:
    panel.firm.fake.message(panel.firm.room("2026-0042 Estate"), panel.firm.user("ruth"), "The will is from 1998.")
    await panel.firm.settle()


async def test_P2_transcripts_count_among_the_files_that_somebody_takes_at_once(panel: Panel) -> None:
    await said_in_estate(panel)
    ruth, ines = await panel.enter("ruth"), await panel.enter("ines")
    with ExitStack() as taken:
        for _ in range(handing.AT_ONCE):
            assert taken.enter_context(panel.client.app[DOWNLOADS].one_of("ruth"))
        assert await ruth.post(f"{TALK}/transcript", [("as", "pdf")]) == 429
        assert "Other downloads are under way." in ruth.text
        assert await ines.post(f"{TALK}/transcript", [("as", "pdf")]) == 200
    assert await ruth.post(f"{TALK}/transcript", [("as", "pdf")], once="1" * 16) == 200


@pytest.mark.parametrize("ended", ["!panel end", "!wall add 2026-0042 @tom A cousin."])
@pytest.mark.parametrize("look", [1, 2])
async def test_F2_M3_a_transcript_ends_with_the_session_and_with_access(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, ended: str, look: int
) -> None:
    await said_in_estate(panel)
    tom, looks = await panel.enter("tom"), list[str]()

    async def looked(desk: Desk, session: str) -> Staff | None:
        looks.append(session)
        if len(looks) == look:
            await panel.firm.ask("tom" if ended.startswith("!panel") else "ruth", ended)
        return await signed_in(desk, session)

    monkeypatch.setattr(conversation_deeds, "signed_in", looked)
    monkeypatch.setattr(handing, "LOOK_SECONDS", -1.0)
    monkeypatch.setattr(handing, "PIECE", 10)
    if look == 1:
        assert await tom.post(f"{TALK}/transcript", [("as", "page")]) == 404
    else:
        with pytest.raises(ClientError):
            await tom.post(f"{TALK}/transcript", [("as", "page")])
    assert len(looks) == look


async def test_P1_a_matter_tells_who_has_access_and_who_is_where(panel: Panel) -> None:
    _, text = await (await panel.enter("tom")).get("/matter/m1")
    assert "3 people" in text
    assert "Inès Moreau, Ruth Adeyemi, Tom Price" in text
    assert "<dt>Responsible</dt><dd>Ruth Adeyemi</dd>" in text
    assert "1 participant<" in text


async def test_P2_a_name_that_an_archived_channel_has_leads_to_it(panel: Panel) -> None:
    await channel(panel.firm)
    ruth = await panel.enter("ruth")
    address = await filings(ruth)
    await ruth.post(f"{address}/archive", [])
    assert await ruth.post("/new/channel", [("title", "Court filings")]) == 422
    assert f'<a href="{address}">Look at Court Filings</a>' in ruth.text
    assert "Open it again" in (await ruth.get(address))[1]
