"""The panel beside the messages, on the real Synapse: who puts it there, and whose OpenID token opens it (P4, O3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.room_rules import WIDGET
from bridge.mapping.clients.widgets import ALLOWED, WIDGET_ID
from tests.synapse.harness import Answer, Person, RealFirm
from tests.synapse.running.test_crash import bot_chat

CLIENT = "https://chat.example"


async def proof(person: Person) -> dict[str, Any]:
    """What somebody's client gives a page that asks who they are."""
    given: dict[str, Any] = (
        await person.request("POST", f"user/{quote(person.user_id)}/openid/request_token", {})
    ).ok()
    return given


async def come_in(firm: RealFirm, conversation: str, given: dict[str, Any]) -> Answer:
    """Show the panel a proof."""
    body = {name: given[name] for name in ("access_token", "matrix_server_name")}
    return await panel(firm).request("POST", "/widget/in", {"conversation": conversation, **body})


def panel(firm: RealFirm, session: str = "") -> Person:
    """Somebody's browser at the panel."""
    return Person(firm.http, firm.place.panel_url, "", session)


async def room_of(person: Person, kind: str) -> tuple[str, str, str]:
    """A room of this kind that somebody is in: its id, its conversation's, and its widget's event id."""
    for room_id in sorted(await person.joined_rooms()):
        state = {(event["type"], event["state_key"]): event for event in await person.state(room_id)}
        mark = state["org.firm-bridge.room", ""]["content"]
        if mark["kind"] == kind:
            return room_id, mark["key"], state[WIDGET, WIDGET_ID]["event_id"]
    raise AssertionError(f"in no {kind}")


async def test_P4_O3_the_bot_alone_puts_it_there_and_a_real_token_opens_it(firm: RealFirm) -> None:
    firm.start_bridge(env={"FIRM_BRIDGE_PANEL__WIDGET": f'["{CLIENT}"]'})
    await firm.bridge_ready()
    daniel, tomas = [await firm.login(name) for name in ("daniel.okafor", "tomas.ferreira")]
    room_id, conversation, event_id = await room_of(daniel, "matter")
    (widget,) = [event for event in await daniel.state(room_id) if event["type"] == WIDGET]
    assert (widget["sender"], widget["state_key"]) == (firm.settings.bot_id, WIDGET_ID)
    assert widget["content"]["url"].startswith(f"{firm.place.panel_url}/widget/")

    # Nobody else puts a page there.
    own = {"type": "m.custom", "url": "https://evil.example", "name": "Sign in"}
    for kind in (WIDGET, "m.widget", "io.element.widgets.layout"):
        answer = await daniel.request("PUT", f"rooms/{quote(room_id)}/state/{kind}/mine", own)
        assert (answer.status, answer.body["errcode"]) == (403, "M_FORBIDDEN")

    # Daniel's client loads it without a question. The bridge hears of the room's state a moment after it is ready.
    path = f"user/{quote(daniel.user_id)}/rooms/{quote(room_id)}/account_data/{ALLOWED}"
    since = ""
    while (answer := await daniel.request("GET", path)).status == 404:
        since = (await daniel.sync(since))["next_batch"]
    assert answer.ok() == {event_id: True}

    given = await proof(daniel)
    session = (await come_in(firm, conversation, given)).ok()["session"]
    shown = await panel(firm, session).request("GET", f"/widget/{quote(conversation)}/participants")
    assert shown.status == 200
    assert "Daniel Okafor" in shown.body
    assert (await come_in(firm, conversation, given)).status == 403

    # Whoever is in another conversation, forged, of another homeserver, or an access token in its place.
    assert (await come_in(firm, conversation, await proof(tomas))).status == 403
    assert (await come_in(firm, first_matter_conversation_id("none"), await proof(daniel))).status == 403
    given = await proof(daniel)
    for wrong in ({"access_token": "forged"}, {"matrix_server_name": "evil.example"}, {"access_token": daniel.token}):
        assert (await come_in(firm, conversation, {**given, **wrong})).status == 403

    # A leaver's token is good at the homeserver for an hour, and opens nothing here.
    unused = await proof(daniel)
    eleanor = await firm.login("eleanor.ashcombe")
    chat = await bot_chat(eleanor, firm)
    since = (await eleanor.sync())["next_batch"]
    await eleanor.say(chat, "!staff leave @daniel.okafor")
    await eleanor.wait_for_event(
        since, lambda where, event: where == chat and "Daniel Okafor" in str(event["content"].get("body"))
    )
    assert (await panel(firm, session).request("GET", f"/widget/{quote(conversation)}/participants")).status == 401
    assert (await come_in(firm, conversation, unused)).status == 403
