"""The panel's magnifying glass (P1, P2, P5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.component.panel.panel_firm import HOSTILE, Panel
from tests.component.small_firm import channel, direct
from tests.fakes.faults import Answer


async def test_P5_messages_are_found_by_those_in_their_conversation(panel: Panel) -> None:
    firm = panel.firm
    private, shared, estate = await direct(firm), await channel(firm), firm.room("2026-0042 Estate")
    for room, who in ((private, "tom"), (shared, "ines"), (estate, "ruth")):
        firm.fake.message(room, firm.user(who), f"The Tidewell hearing {HOSTILE}")
    await firm.settle()
    for who, found in (("ruth", 3), ("tom", 2), ("ines", 1), ("walt", 0)):
        _, text = await (await panel.enter(who)).get("/search?q=tidewell")
        assert text.count("The Tidewell hearing") == found
        assert "<script>alert" not in text
    _, text = await (await panel.enter("walt")).get("/search?q=tidewell")
    assert "Nothing that you can see has those words." in text


async def test_P5_F2_who_was_taken_out_finds_nothing_of_it_though_the_room_still_has_them(panel: Panel) -> None:
    firm, room = panel.firm, await channel(panel.firm)
    firm.fake.message(room, firm.user("ines"), "The Tidewell hearing")
    await firm.settle()
    tom = await panel.enter("tom")
    await firm.ask("ruth", "!remove @tom", room)
    firm.fake.force(room, firm.user("tom"), "m.room.member", firm.user("tom"), {"membership": "join"})
    assert "The Tidewell hearing" not in (await tom.get("/search?q=tidewell"))[1]


async def test_P5_M3_a_wall_that_is_set_while_the_homeserver_searches_counts(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = panel.firm
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom')
    firm.fake.message(firm.room("Disclosure · 2026-0042 Estate"), firm.user("tom"), "The Tidewell order")
    await firm.settle()
    tom, homeserver = await panel.enter("tom"), firm.service.homeserver
    assert "The Tidewell order" in (await tom.get("/search?q=tidewell"))[1]
    search = homeserver.search

    async def slow(*asked: Any) -> list[dict[str, Any]]:
        found = await search(*asked)
        await firm.ask("ruth", "!wall add 2026-0042 @tom A cousin.")
        return found

    monkeypatch.setattr(homeserver, "search", slow)
    _, text = await tom.get("/search?q=tidewell")
    assert "Tidewell" not in text


async def test_P5_an_edit_is_found_as_its_message_and_not_where_that_was_deleted(panel: Panel) -> None:
    firm, room = panel.firm, await channel(panel.firm)
    message = firm.fake.message(room, firm.user("ruth"), "We offer five for Tidewell")
    new = {"msgtype": "m.text", "body": "We offer ten for Tidewell"}
    relation = {"rel_type": "m.replace", "event_id": message["event_id"]}
    firm.fake.message(room, firm.user("ruth"), f"* {new['body']}", **{"m.new_content": new, "m.relates_to": relation})
    await firm.settle()
    tom = await panel.enter("tom")
    for words in ("ten", "tidewell"):
        _, text = await tom.get(f"/search?q={words}")
        assert text.count("We offer ten for Tidewell") == 1
        assert message["event_id"][1:] in text
        assert "five" not in text
    firm.fake.redact(room, firm.user("ruth"), message["event_id"])
    assert "We offer" not in (await tom.get("/search?q=ten"))[1]


async def test_P4_links_that_sign_in_are_found_by_nobody(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    await panel.link("ruth")
    assert "/in/" not in (await ruth.get("/search?q=panel"))[1]


async def test_P5_a_homeserver_that_does_not_answer_leaves_the_rest(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    panel.firm.fake.script("POST", "/v3/search", *[Answer(500)] * 20)
    status, text = await ruth.get("/search?q=estate")
    assert (status, "2026-0042 Estate" in text, "could not be searched just now" in text) == (200, True, True)


async def test_P3_an_open_page_that_asks_again_searches_for_nothing(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    before = len(panel.firm.fake.requests)
    _, text = await ruth.get("/search?q=estate", X_Panel="live")
    assert "search" not in {one.path.rpartition("/")[2] for one in panel.firm.fake.requests[before:]}
    assert "Found for" in text


@pytest.mark.parametrize("query", ["%00", "%22%27*()&%7C", "a" * 5000, "%F0%9F%98%80"])
async def test_P2_whatever_is_looked_for_has_an_answer(panel: Panel, query: str) -> None:
    assert (await (await panel.enter("ruth")).get(f"/search?q={query}"))[0] in {200, 400}


async def test_P1_a_colleague_who_is_found_is_ticked_in_the_form_for_a_direct_conversation(panel: Panel) -> None:
    ruth = await panel.enter("ruth")
    assert 'href="/new/direct?with=tom"' in (await ruth.get("/search?q=tom"))[1]
    assert 'value="tom" checked' in (await ruth.get("/new/direct?with=tom"))[1]
