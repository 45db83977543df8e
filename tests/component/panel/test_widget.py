"""The panel beside the messages: in which rooms it stands, whom it lets in, and what it shows (P1, P2, P4)."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bridge.firm.conversation import direct_id, first_matter_conversation_id
from bridge.firm.room_rules import WIDGET
from bridge.mapping.clients.widgets import ALLOWED, WIDGET_ID
from bridge.settings import PanelSettings
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.made import key_of_room
from bridge.web.panel.safety import COOKIE
from tests.component.panel.panel_firm import HOSTILE, SECRETS, Panel, panel_firm
from tests.component.small_firm import channel, direct
from tests.fakes.faults import Answer

CLIENT = "https://chat.example"
GENERAL = first_matter_conversation_id("m1")
TABS = ("files", "pinned", "participants", "about")
BESIDE = PanelSettings(url="https://panel.example", client=f"{CLIENT}/#/room/", widget=(CLIENT,))


@pytest.fixture
async def beside(tmp_path: Path, database_url: str) -> AsyncIterator[Panel]:
    """The panel of a firm that has it beside its messages."""
    async with panel_firm(tmp_path, database_url) as panel:
        await panel.restart(panel=BESIDE)
        await panel.firm.service.sync()
        await panel.firm.settle()
        yield panel


async def come_in(panel: Panel, token: Any, conversation: Any = GENERAL, server: Any = "localhost", **sent: Any) -> str:
    """Show a proof; the session, or the status of a refusal."""
    given = {"conversation": conversation, "matrix_server_name": server, "access_token": token, **sent}
    async with panel.client.post("/widget/in", json=given, headers={"Origin": "https://panel.example"}) as answer:
        return (await answer.json())["session"] if answer.status == 200 else str(answer.status)


async def proved(panel: Panel, localpart: str, conversation: str = GENERAL) -> str:
    """The session of somebody whose client proves who they are."""
    token = f"proof-of-{localpart}-{secrets.token_hex(4)}"
    panel.firm.fake.openid_tokens[token] = panel.firm.user(localpart)
    session = await come_in(panel, token, conversation)
    assert len(session) > 40
    return session


async def shown(panel: Panel, session: str, tab: str, conversation: str = GENERAL) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {session}"}
    async with panel.client.get(f"/widget/{conversation}/{tab}", headers=headers) as answer:
        return answer.status, await answer.text()


def widget_of(panel: Panel, room_id: str) -> Any:
    return panel.firm.fake.rooms[room_id].state.get((WIDGET, WIDGET_ID))


async def test_P1_it_stands_in_the_rooms_of_conversations_and_goes_with_the_setting(beside: Panel) -> None:
    firm = beside.firm
    rooms = [firm.room("2026-0042 Estate"), await channel(firm), await direct(firm)]
    for room in rooms:
        assert widget_of(beside, room)["url"].startswith("https://panel.example/widget/")
    widgets = [room for room in firm.fake.rooms if widget_of(beside, room)]
    bot_chats = {await firm.chat(one) for one in ("ruth", "tom", "ines", "walt")}
    spaces = {room.room_id for room in firm.fake.rooms.values() if room.state["m.room.create", ""].get("type")}
    assert not (bot_chats | spaces) & set(widgets)
    assert await firm.nothing_to_do()
    await beside.restart(panel=PanelSettings(url="https://panel.example"))
    await firm.service.sync()
    # Where the bot is not, it stays until the bot comes for something else.
    assert [bool(widget_of(beside, room)) for room in rooms] == [False, False, True]
    assert (await beside.client.get(f"/widget/{GENERAL}")).status == 404
    assert await come_in(beside, "x") == "404"


async def test_O3_a_page_that_somebody_else_puts_there_is_taken_away(beside: Panel) -> None:
    firm = beside.firm
    room = firm.room("2026-0042 Estate")
    for kind in (WIDGET, "m.widget", "io.element.widgets.layout"):
        firm.fake.force(room, firm.user("tom"), kind, "other", {"url": "https://evil.example"})
    ours = {**widget_of(beside, room), "url": "https://evil.example/widget/"}
    firm.fake.force(room, firm.user("tom"), WIDGET, WIDGET_ID, ours)
    await firm.service.sync()
    state = firm.fake.rooms[room].state
    assert [state[kind, "other"] for kind in (WIDGET, "m.widget", "io.element.widgets.layout")] == [{}, {}, {}]
    assert widget_of(beside, room)["url"].startswith("https://panel.example/widget/")


async def test_P4_no_client_asks_before_it_loads_it_and_who_forbade_it_keeps_that(beside: Panel) -> None:
    firm = beside.firm
    room = firm.room("2026-0042 Estate")
    event_id = firm.fake.rooms[room].state_events[WIDGET, WIDGET_ID]["event_id"]
    data = firm.fake.account_data
    assert data[firm.user("ruth"), room, ALLOWED] == {event_id: True}
    assert (firm.user("walt"), room, ALLOWED) not in data
    court = await channel(firm)
    await firm.ask("ruth", "!invite @walt", court)
    other = firm.fake.rooms[court].state_events[WIDGET, WIDGET_ID]["event_id"]
    assert data[firm.user("walt"), court, ALLOWED] == {other: True}
    data[firm.user("walt"), court, ALLOWED] = {other: False, "$of-another": True}
    await firm.ask("walt", "!leave", court)
    await firm.ask("ruth", "!invite @walt", court)
    assert data[firm.user("walt"), court, ALLOWED] == {other: False, "$of-another": True}


async def test_V1_who_comes_is_in_the_conversation_though_their_own_data_takes_nothing_more(beside: Panel) -> None:
    firm = beside.firm
    court = await channel(firm)
    full = Answer(413, b'{"errcode": "M_TOO_LARGE", "error": "too large"}')
    firm.fake.script("PUT", f"account_data/{ALLOWED}", full)
    firm.fake.invite(court, firm.fake.bot_id, firm.user("walt"))
    firm.fake.join(court, firm.user("walt"))
    await firm.settle()
    assert firm.fake.asked("PUT", ALLOWED)[-1].status == 413
    key = await firm.service.store.read(key_of_room, court)
    found = await firm.service.store.read(conversation_by_id, str(key))
    assert found is not None
    assert "walt" in found.participants
    assert "walt" in firm.members(court)


async def test_P4_only_the_firms_client_frames_the_page_and_it_has_nothing_of_anybody(beside: Panel) -> None:
    pages = set()
    for conversation in (GENERAL, "no-such", "%00", quote(HOSTILE, safe="")):
        async with beside.client.get(f"/widget/{conversation}") as answer:
            assert answer.status == 200
            policy = answer.headers["Content-Security-Policy"]
            assert f"frame-ancestors {CLIENT}" in policy
            assert "'none'" not in policy.partition("frame-ancestors")[2]
            pages.add(await answer.text())
    assert len(pages) == 1
    assert not any(secret in text for text in pages for secret in SECRETS)
    browser = await beside.enter("ruth")
    async with beside.client.get("/", headers=browser.sent()) as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_P4_who_proves_who_they_are_sees_their_conversation(beside: Panel) -> None:
    session = await proved(beside, "ruth")
    for tab in TABS:
        status, text = await shown(beside, session, tab)
        assert status == 200, tab
        assert "<script" not in text
    assert "Ruth Adeyemi" in (await shown(beside, session, "participants"))[1]


@pytest.mark.parametrize(
    ("token", "server"),
    [
        ("forged", "localhost"),
        ("good", "evil.example"),
        ("good", "LOCALHOST"),
        ("good", "localhost:8448"),
        ("of-another", "localhost"),
        ("of-the-bot", "localhost"),
        ("of-nobody", "localhost"),
        ("of-a-stranger", "localhost"),
        ("of-something", "localhost"),
        ("", "localhost"),
        ("x" * 513, "localhost"),
        ("good&access_token=x", "localhost"),
        ("gööd", "localhost"),
        ("go od\r\nX: y", "localhost"),
        ("\0", "localhost"),
        (None, "localhost"),
        (["good"], "localhost"),
        ("good", None),
        ("good", {"localhost": 1}),
    ],
)
async def test_P4_what_is_no_proof_of_this_homeserver_opens_nothing(beside: Panel, token: Any, server: Any) -> None:
    beside.firm.fake.openid_tokens |= {
        "good": beside.firm.user("ruth"),
        "of-another": "@ruth:evil.example",
        "of-the-bot": beside.firm.user("bot"),
        "of-nobody": "ruth:localhost",
        "of-a-stranger": "@mallory:localhost",
        "of-something": ["@ruth:localhost"],
    }
    assert await come_in(beside, token, server=server) == "403"


async def test_P4_the_proof_goes_to_the_firms_homeserver_alone_and_is_followed_nowhere(beside: Panel) -> None:
    beside.firm.fake.openid_tokens["good"] = beside.firm.user("ruth")
    before = len(beside.firm.fake.asked("GET", "openid"))
    assert await come_in(beside, "good", server="evil.example") == "403"
    assert len(beside.firm.fake.asked("GET", "openid")) == before
    elsewhere = Answer(302, b"", headers={"Location": "https://evil.example/_matrix/federation/v1/openid/userinfo"})
    beside.firm.fake.script("GET", "openid/userinfo", elsewhere)
    assert await come_in(beside, "good") == "503"
    assert len(await come_in(beside, "good")) > 40


async def test_P4_a_proof_opens_one_conversation_once(beside: Panel) -> None:
    """Whoever else gets it, such as another page that the client showed it to, gets in nowhere with it."""
    beside.firm.fake.openid_tokens["good"] = beside.firm.user("ruth")
    assert await come_in(beside, "good", "no-such") == "403"
    assert len(await come_in(beside, "good")) > 40
    assert await come_in(beside, "good") == "403"
    assert await come_in(beside, "good", direct_id(["ruth", "tom"])) == "403"


@pytest.mark.parametrize("conversation", ["no-such", "", "\0", "space-staff", "admins", None, 7])
async def test_M3_what_is_no_conversation_of_theirs_is_answered_as_what_is_not_there(
    beside: Panel, conversation: Any
) -> None:
    beside.firm.fake.openid_tokens["good"] = beside.firm.user("ruth")
    assert await come_in(beside, "good", conversation) == "403"


async def test_M3_D4_who_is_not_in_the_conversation_gets_nothing(beside: Panel) -> None:
    await direct(beside.firm)
    court = await channel(beside.firm)
    await beside.firm.settle()
    ids = {await key(beside, court): "walt", direct_id(["ruth", "tom"]): "ines", GENERAL: "walt"}
    for conversation, localpart in ids.items():
        beside.firm.fake.openid_tokens["theirs"] = beside.firm.user(localpart)
        assert await come_in(beside, "theirs", conversation) == "403"


async def key(panel: Panel, room_id: str) -> str:
    found: str = panel.firm.fake.rooms[room_id].state["org.firm-bridge.room", ""]["key"]
    return found


async def test_P4_a_session_is_good_for_its_conversation_and_for_nothing_else(beside: Panel) -> None:
    court = await key(beside, await channel(beside.firm))
    session = await proved(beside, "ruth")
    for conversation, tab in ((court, "files"), ("", "files"), ("no-such", "files")):
        assert (await shown(beside, session, tab, conversation))[0] in {401, 404}
    for cookie in (session, f"widget {session}"):
        async with beside.client.get("/", headers={"Cookie": f"{COOKIE}={cookie}"}) as answer:
            assert answer.status == 401
    marks = set()
    for about in ("", "channels", "matter m1", court):
        sent = {"Authorization": f"Bearer {session}"}
        async with beside.client.get(f"/widget/{GENERAL}/events", params={"about": about}, headers=sent) as stream:
            marks.add(await stream.content.readuntil(b"\r\n\r\n"))
    assert len(marks) == 1
    browser = await beside.enter("ruth")
    assert (await shown(beside, browser.session, "files"))[0] == 401
    # A cookie speaks for nobody there.
    async with beside.client.get(f"/widget/{GENERAL}/files", headers=browser.sent()) as answer:
        assert answer.status == 401
    async with beside.client.get("/api/v1/people", headers={"Authorization": f"Bearer {session}"}) as answer:
        assert answer.status == 401


async def test_F2_M3_a_session_ends_with_access_and_with_all_else(beside: Panel) -> None:
    court = await channel(beside.firm)
    conversation = await key(beside, court)
    tom, ines = [await proved(beside, one, conversation) for one in ("tom", "ines")]
    await beside.firm.ask("ines", "!leave", court)
    assert (await shown(beside, ines, "files", conversation))[0] == 401
    assert (await shown(beside, tom, "files", conversation))[0] == 200
    await beside.firm.ask("ruth", "!staff leave @tom")
    assert (await shown(beside, tom, "files", conversation))[0] == 401
    # A proof from before is good for an hour at the homeserver.
    beside.firm.fake.openid_tokens["from-before"] = beside.firm.user("tom")
    assert await come_in(beside, "from-before", conversation) == "403"


async def test_P4_sessions_beside_messages_are_listed_ended_and_bounded(beside: Panel) -> None:
    sessions = [await proved(beside, "ruth") for _ in range(12)]
    said = await beside.firm.ask("ruth", "!panel sessions")
    assert said.count("beside your messages, in") == 10
    assert [(await shown(beside, one, "files"))[0] for one in (sessions[0], sessions[-1])] == [401, 200]
    headers = {"Authorization": f"Bearer {sessions[-1]}"}
    async with beside.client.post("/widget/out", headers=headers) as answer:
        assert answer.status == 204
    assert (await shown(beside, sessions[-1], "files"))[0] == 401
    browser = await beside.enter("ruth")
    assert "Beside your messages, in " in (await browser.get("/sessions"))[1]
    await beside.firm.ask("ruth", "!panel end")
    assert {(await shown(beside, one, "files"))[0] for one in sessions} == {401}


async def test_P4_a_proof_is_taken_from_the_pages_own_script_alone(beside: Panel) -> None:
    beside.firm.fake.openid_tokens["good"] = beside.firm.user("ruth")
    given = {"conversation": GENERAL, "matrix_server_name": "localhost", "access_token": "good"}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": CLIENT}, {"Sec-Fetch-Site": "cross-site"}):
        async with beside.client.post("/widget/in", json=given, headers=headers) as answer:
            assert answer.status == 403
    async with beside.client.post("/widget/in", data=given) as answer:
        assert answer.status == 403
    for body in (b"", b"[]", b"null", b"{", b'"x"', b"{}" + b" " * 5000):
        sent = {"Content-Type": "application/json"}
        async with beside.client.post("/widget/in", data=body, headers=sent) as answer:
            assert answer.status == 403


async def test_P1_V3_V2_files_and_pins_lead_to_their_messages_and_what_people_wrote_is_text(beside: Panel) -> None:
    firm = beside.firm
    court = await channel(firm)
    conversation = await key(beside, court)
    firm.fake.message(court, firm.user("tom"), f"{HOSTILE}.pdf", msgtype="m.file", url="mxc://localhost/a")
    note = firm.fake.message(court, firm.user("tom"), f"Read {HOSTILE}")
    await firm.settle()
    firm.fake.put_state(court, firm.user("ines"), "m.room.pinned_events", "", {"pinned": [note["event_id"]]})
    await firm.settle()
    session = await proved(beside, "ruth", conversation)
    for tab in ("files", "pinned"):
        _, text = await shown(beside, session, tab, conversation)
        assert "<script" not in text
        assert "&lt;script&gt;" in text
        (link,) = re.findall(r'href="(https://matrix\.to/#/[^"]+)" data-message', text)
        assert link.startswith(f"https://matrix.to/#/{court}/$")
    _, none = await shown(beside, session, "files?q=nothing-like-it", conversation)
    assert "There is no file that fits that." in none


async def test_P4_without_the_setting_there_is_no_such_door(panel: Panel) -> None:
    for method, path in (("GET", f"/widget/{GENERAL}"), ("POST", "/widget/in"), ("GET", f"/widget/{GENERAL}/files")):
        async with panel.client.request(method, path) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    "origin",
    ["", "*", "https://*.example", "https://chat.example/", "chat.example", "https://a b", "https://a;b", "'self'"],
)
def test_P4_what_is_no_origin_is_no_setting(origin: str) -> None:
    with pytest.raises(ValueError, match="address of a client"):
        PanelSettings(widget=(origin,))
