"""What the list of rooms shows in Element: names that tell conversations apart, also after somebody left the firm."""

from __future__ import annotations

from tests.clients.conftest import Office
from tests.clients.element import in_element
from tests.synapse.asked.test_earlier_direct import invite_as_before
from tests.synapse.running.test_provisioning import room_named

pytestmark = in_element()

HOLLIS = "2026-0042 Hollis v. Brightwater Marina"
SEEN = 25
"""Letters of a name that the list has room for."""


async def test_M1_conversations_of_one_matter_are_told_apart(office: Office) -> None:
    daniel = await office.sign_in("daniel.okafor")
    for title in ("Disclosure", "Expert evidence"):
        await office.tells_the_bot("daniel.okafor", f'!matter start 2026-0042 "{title}"')
    await daniel.shows(f"Expert evidence · {HOLLIS}")
    names = await daniel.names()
    assert {HOLLIS, f"Disclosure · {HOLLIS}"} < set(names)
    assert len({name[:SEEN] for name in names}) == len(names)


async def test_M1_F4_spaces_stand_by_number_behind_the_firms(office: Office) -> None:
    """Also one that comes while somebody looks on."""
    eleanor = await office.sign_in("eleanor.ashcombe")
    await office.tells_the_bot("eleanor.ashcombe", '!matter start 2026-0017 "Searches"')
    await eleanor.shows("Searches · 2026-0017 Purchase of 14 Orchard Lane")
    await eleanor.spaces_stand(
        "All rooms",
        "Ashcombe & Vale",
        "2025-0113 Estate of Arthur Lindgren",
        "2026-0017 Purchase of 14 Orchard Lane",
        "2026-0031 Lease renewal for the Copperkettle Bakery",
        "2026-0055 Sale of Tidewell Brewing",
    )


async def test_D3_conversations_keep_the_names_of_those_who_left_the_firm(office: Office) -> None:
    daniel = await office.sign_in("daniel.okafor")
    await daniel.start_chat("Wei Chen")
    await daniel.say("About the invoices")
    await daniel.sent("About the invoices")
    await daniel.start_chat("Wei Chen", "Rosa Delgado")
    await daniel.say("About the post")
    await daniel.sent("About the post")
    # Element loses the chat before from its list, until the page is loaded anew (docs/clients.md).
    await daniel.page.reload()
    for name in ("Wei Chen", "Rosa Delgado and Wei Chen"):
        await daniel.shows(name, "People")
    person = await office.firm.login("daniel.okafor")
    listed = await person.account_data("m.direct")
    # Where Element finds what it opens for Start chat, also once it has opened them.
    assert [len(listed[office.firm.user_id(name)]) for name in ("bot", "wei.chen", "_firm_bridge")] == [1, 1, 1]
    await office.tells_the_bot("marcus.bell", "!staff leave @wei.chen")
    await daniel.shows("Daniel Okafor, Rosa Delgado, Wei Chen", "People")
    await daniel.shows("Wei Chen", "People")
    names = await daniel.names("People")
    assert not [name for name in names if "Empty" in name or ("Bot" in name and name != "Firm Bot")]


async def test_D3_conversations_of_earlier_versions_are_not_taken_for_chats_with_the_bot(office: Office) -> None:
    firm, bot_id = office.firm, office.firm.settings.bot_id
    daniel = await office.sign_in("daniel.okafor")
    await daniel.start_chat("Grace Whitlock")
    await daniel.say("Can you bring the Hollis file?")
    await daniel.sent("Can you bring the Hollis file?")
    person, grace = await firm.login("daniel.okafor"), await firm.login("grace.whitlock")
    (room_id,) = (await person.account_data("m.direct"))[grace.user_id]
    litigation = await room_named(person, "Litigation")

    async def listed() -> list[str]:
        return [user_id for user_id, rooms in (await person.account_data("m.direct")).items() if room_id in rooms]

    async def listed_under(user_id: str) -> None:
        """Wait until m.direct has it there and nowhere else: Element writes that after it has shown the room."""
        since = (await person.sync())["next_batch"]
        while await listed() != [user_id]:
            since = (await person.sync(since))["next_batch"]

    async def look(saying: str) -> None:
        """Load Element anew, wait until it has caught up with what was said last, and open the conversation with its
        people, which is when Element looks at who invited whom: before, it would look at what it kept."""
        await daniel.open("Litigation")
        await person.say(litigation, saying)
        await daniel.page.reload()
        await daniel.sees(saying)
        await daniel.open("Grace Whitlock")
        # Of direct conversations the header shows no faces to click.
        await daniel.page.locator(".mx_RoomHeader_infoWrapper").click()
        await daniel.page.get_by_role("tab", name="People").click()
        await daniel.sees("Grace Whitlock", within=".mx_RightPanel .mx_MemberList")
        await daniel.say(saying)
        await daniel.sent(saying)

    firm.stop_bridge()
    await invite_as_before(firm, room_id, person, grace)
    await look("And the chronology")
    await listed_under(bot_id)  # What this is about.
    firm.start_bridge()
    await firm.bridge_ready()
    await listed_under(grace.user_id)
    await look("Thank you")
    assert await listed() == [grace.user_id]
