"""What somebody else puts before a colleague's browser: names with markup in them, and pages of other sites (P2, P4).

What would run would say so in `window.ran`. All of it is harmless.
"""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.panel.browser import WIDE, Window, windows
from tests.panel.furnished import Furnished, furnished
from tests.panel.other_site import other_site
from tests.panel.visits import VISITS
from tests.ports import free_port

MARKUP = "\"><img src=x onerror='window.ran=1'><script>window.ran=1</script>"
TURNED = "Draft\u202efdp.exe"
"""With the mark that turns what follows, so that it ends as another file does."""


async def _write(made: Furnished) -> None:
    """Put markup wherever people write something that the panel shows."""
    firm, room = made.firm, made.firm.room("Court Filings")
    await firm.ask("tom", f"!topic {MARKUP}", room)
    said = firm.fake.message(room, firm.user("tom"), MARKUP)
    firm.fake.put_state(room, firm.user("tom"), "m.room.pinned_events", "", {"pinned": [said["event_id"]]})
    await firm.ask("tom", f"!matter start 2026-0042 {MARKUP[:60].replace(' ', '_')}")
    firm.fake.media["evil"] = ("evil", MARKUP.encode())
    for name in (f"{MARKUP}.html", TURNED, "page.svg"):
        url = "mxc://localhost/evil"
        firm.fake.message(room, firm.user("tom"), MARKUP, filename=name, msgtype="m.image", url=url)
    await firm.settle()


async def test_P2_what_people_wrote_runs_on_no_page(tmp_path: Path, database_url: str) -> None:
    async with furnished(tmp_path, database_url) as made, windows(made.url) as window:
        await _write(made)
        ruth = await window(WIDE)
        await ruth.enter(await made.link("ruth"))
        for visit in (one for one in VISITS if one.who == "ruth" and one.does is None):
            await ruth.opens(visit.address.format(**made.things))
            assert await ruth.page.evaluate("window.ran === undefined"), visit.name
        await ruth.opens("/search?q=" + MARKUP.replace("'", "%27").replace("<", "%3C").replace(" ", "+"))
        await ruth.opens(f"/conversation/{made.things['channel']}")
        text = await ruth.main().inner_text()
        assert MARKUP in text
        assert "\u202e" not in text
        # A policy that stopped something would have said so: there was nothing to stop but pictures that are none.
        assert [one for one in ruth.troubles if "Failed to load resource" not in one] == []
        async with ruth.page.expect_download() as saved:
            await ruth.main().get_by_role("link", name="page.svg").first.click()
        assert (await saved.value).suggested_filename == "page.svg"


async def _signed_in(made: Furnished, window: Window) -> None:
    await window.enter(await made.link("ruth"))


async def test_P2_whoever_signs_in_beside_an_open_page_is_not_mixed_with_who_had_it(
    tmp_path: Path, database_url: str
) -> None:
    async with furnished(tmp_path, database_url) as made, windows(made.url) as window:
        ruth = await window(WIDE)
        await _signed_in(made, ruth)
        whose = ruth.lists().locator(".own h2").first
        await expect(whose).to_have_text("Ruth Adeyemi")
        async with ruth.page.expect_response("**/events?*"):
            await ruth.opens("/channels")
        tom = Window(await ruth.page.context.new_page(), made.url)
        await tom.enter(await made.link("tom"))
        await made.firm.ask("ines", "!channel create Lunch @ruth @tom")
        await expect(ruth.lists().get_by_role("link", name="Lunch")).to_be_visible()
        await expect(whose).to_have_text("Tom Price")


async def test_P4_no_other_site_shows_the_panel_in_a_frame(tmp_path: Path, database_url: str) -> None:
    async with furnished(tmp_path, database_url) as made, windows(made.url) as window:
        ruth = await window(WIDE)
        await _signed_in(made, ruth)
        async with other_site(f'<iframe src="{made.url}/new/direct"></iframe>', free_port()) as address:
            async with ruth.page.expect_event("console", lambda said: "frame-ancestors" in said.text):
                await ruth.page.goto(address)
            await expect(ruth.page.frame_locator("iframe").get_by_role("button")).to_have_count(0)


async def test_P4_no_other_site_sends_a_form_of_the_panel(tmp_path: Path, database_url: str) -> None:
    async with furnished(tmp_path, database_url) as made, windows(made.url) as window:
        ruth = await window(WIDE)
        await _signed_in(made, ruth)
        fields = '<input name="title" value="Stolen"><input name="person" value="tom"><button>Win a prize</button>'
        before = len(made.firm.fake.rooms)
        async with other_site(
            f'<form method="post" action="{made.url}/new/channel">{fields}</form>', free_port()
        ) as address:
            await ruth.page.goto(address)
            await ruth.page.get_by_role("button").click()
            # The cookie does not come along: to the panel it is somebody who is not signed in.
            await expect(ruth.main().get_by_role("heading", level=1)).to_have_text("Please sign in")
        assert len(made.firm.fake.rooms) == before
        assert await ruth.opens("/") == 200
