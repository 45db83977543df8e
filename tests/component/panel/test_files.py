"""Files and pinned messages in the panel (P1, P2, V2, V3)."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientError

from bridge.desk import Desk
from bridge.firm.conversation import first_matter_conversation_id
from bridge.mapping.file_words import Order
from bridge.matrix.port import Take
from bridge.operations.files.downloads import Download
from bridge.settings import FilingSettings
from bridge.store.engine.unit import Unit
from bridge.store.models import Filing
from bridge.web import handing as downloads
from bridge.web.panel.files import place, read_after
from bridge.web.panel.safety import COOKIE
from tests.component.panel.panel_firm import HOSTILE, Panel, filings
from tests.component.small_firm import channel

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


async def send(panel: Panel, room: str, who: str, name: str, data: bytes, kind: str = "m.file", **info: object) -> str:
    """Send a file; its event id."""
    media = f"m{len(panel.firm.fake.media)}"
    panel.firm.fake.media[media] = (name, data)
    event = panel.firm.fake.message(
        room, panel.firm.user(who), name, msgtype=kind, url=f"mxc://localhost/{media}", info=info
    )
    await panel.firm.settle()
    return str(event["event_id"])


def names(text: str) -> list[str]:
    """The files of a page, in their order."""
    return re.findall(r'/file/[^"/]+">([^<]+)</a>', text)


async def test_P1_P2_a_file_is_handed_over_to_those_in_its_conversation_and_never_shown_as_a_page(panel: Panel) -> None:
    firm, room = panel.firm, await channel(panel.firm)
    firm.fake.media["page"] = ("page", b"<script>alert(1)</script>")
    firm.fake.message(room, firm.user("tom"), 'Pläne "neu".html', msgtype="m.file", url="mxc://localhost/page")
    await firm.settle()
    ruth, walt = await panel.enter("ruth"), await panel.enter("walt")
    address = await filings(ruth)
    _, text = await ruth.get(address)
    (file,) = re.findall(rf'href="({address}/file/[^"]+)"', text)
    async with panel.client.get(file, headers={"Cookie": f"{COOKIE}={ruth.session}"}) as answer:
        assert (answer.status, await answer.read()) == (200, b"<script>alert(1)</script>")
        named = answer.headers
    assert named["Content-Type"] == "application/octet-stream"
    assert named["Content-Disposition"].startswith("attachment; filename=")
    assert named["Content-Disposition"].endswith("filename*=UTF-8''Pl%C3%A4ne%20%22neu%22.html")
    assert "sandbox" in named["Content-Security-Policy"]
    assert named["X-Content-Type-Options"] == "nosniff"
    assert (await walt.get(file))[0] == 404
    del firm.fake.media["page"]
    assert (await ruth.get(file))[0] == 404


async def test_V3_files_are_searched_sorted_and_narrowed_down(panel: Panel) -> None:
    room = await channel(panel.firm)
    await send(panel, room, "tom", "Lease draft.pdf", b"1", size=300)
    await send(panel, room, "ines", "Annex.docx", b"2", size=900)
    await send(panel, room, "tom", "Photo.png", PNG, "m.image", size=100)
    ruth = await panel.enter("ruth")
    address = await filings(ruth)
    for query, found in (
        ("", ["Photo.png", "Annex.docx", "Lease draft.pdf"]),
        ("?sort=name", ["Annex.docx", "Lease draft.pdf", "Photo.png"]),
        ("?sort=size", ["Annex.docx", "Lease draft.pdf", "Photo.png"]),
        ("?type=pdf", ["Lease draft.pdf"]),
        ("?type=image", ["Photo.png"]),
        ("?from=ines", ["Annex.docx"]),
        ("?q=leas&from=tom&type=pdf&sort=size", ["Lease draft.pdf"]),
        ("?q=nothing", []),
        ("?sort=wrong&type=%00&from=nobody&after=x", ["Photo.png", "Annex.docx", "Lease draft.pdf"]),
    ):
        _, text = await ruth.get(f"{address}{query}")
        assert names(text) == found, query
    assert "There is no file that fits that." in (await ruth.get(f"{address}?q=nothing"))[1]
    assert set(names((await ruth.get("/files"))[1])) == {"Photo.png", "Annex.docx", "Lease draft.pdf"}


@pytest.mark.parametrize("order", Order)
async def test_V3_a_long_list_goes_on_where_it_ended(
    panel: Panel, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.web.panel.files.FILES", 2)
    room = await channel(panel.firm)
    for number in range(5):
        await send(panel, room, "tom", f"{number}.pdf", b"1", size=number)
    ruth = await panel.enter("ruth")
    address, query, found = await filings(ruth), f"?sort={order}&type=pdf", list[str]()
    while query:
        _, text = await ruth.get(f"{address}{query}")
        found += names(text)
        (query,) = re.findall(r'<a href="(\?[^"]+)">More files', text) or [""]
        query = query.replace("&amp;", "&")
    assert sorted(found) == [f"{number}.pdf" for number in range(5)]
    assert found in (sorted(found), sorted(found, reverse=True))


@pytest.mark.parametrize(
    "text", ["", "x", "W10", "WyJhIl0", "WzEsMl0", "Wy0xXQ", place((2**63,)), "\N{SNOWMAN}", "W" * 200]
)
def test_V3_what_is_no_place_in_a_list_begins_at_its_beginning(text: str) -> None:
    assert read_after(text, Order.DATE) is None


@pytest.mark.parametrize("text", ["\0", "a\0b"])
def test_V3_a_name_that_no_file_has_is_no_place(text: str) -> None:
    assert read_after(place((text, 1)), Order.NAME) is None
    assert read_after(place((text.replace("\0", ""), 1)), Order.NAME) is not None


async def test_V3_the_longest_names_are_listed_to_the_end_and_have_their_versions(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.web.panel.files.FILES", 1)
    room, long = await channel(panel.firm), "\N{SNOWMAN}" * 250
    for end in ("a", "b"):
        for _ in range(2):
            await send(panel, room, "tom", f"{long}{end}.md", b"1")
    ruth = await panel.enter("ruth")
    address, query, found = await filings(ruth), "?sort=name", list[str]()
    while query and len(found) < 9:
        _, text = await ruth.get(f"{address}{query}")
        found += names(text)
        (query,) = re.findall(r'<a href="(\?[^"]+)">More files', text) or [""]
        query = query.replace("&amp;", "&")
    assert found == [f"{long}a.md", f"{long}b.md"]
    (versions,) = re.findall(rf'href="({address}/versions[^"]+)">Version 2 of 2', text)
    assert names((await ruth.get(versions))[1]) == [f"{long}b.md"]


async def test_V3_versions_of_a_file_have_a_page_of_their_own(panel: Panel) -> None:
    room = await channel(panel.firm)
    for size in (1, 2, 3):
        await send(panel, room, "tom", "Lease & more.pdf", b"1", size=size)
    ruth, walt = await panel.enter("ruth"), await panel.enter("walt")
    address = await filings(ruth)
    _, text = await ruth.get(address)
    (versions,) = re.findall(rf'href="({address}/versions[^"]+)">Version 3 of 3', text)
    _, text = await ruth.get(versions)
    assert names(text) == ["Lease &amp; more.pdf"] * 3
    assert "Version 1 of 3" in text
    assert (await walt.get(versions))[0] == 404
    assert (await ruth.get(f"{address}/versions?name=other"))[0] == 200


async def test_V3_it_is_told_where_a_file_lies_in_the_filing_cabinet(panel: Panel, tmp_path: Path) -> None:
    room = panel.firm.room("2026-0042 Estate")
    event_id = await send(panel, room, "ruth", "Will.pdf", b"1")

    def filed(unit: Unit) -> None:
        unit.run(
            Filing.insert(
                event_id=event_id,
                mxc="mxc://localhost/m0",
                given="Will.pdf",
                sent_ms=1,
                queued_at=1,
                state="filed",
                folder="2026-0042 Estate/General",
                name="Will.pdf",
            )
        )

    await panel.firm.service.store.run(filed)
    ruth, where = await panel.enter("ruth"), "In the filing cabinet: 2026-0042 Estate/General/Will.pdf"
    address = f"/conversation/{first_matter_conversation_id('m1')}"
    assert where not in (await ruth.get(address))[1]
    await panel.restart(filing=FilingSettings(mode="on", url=f"file://{tmp_path}"))
    assert where in (await ruth.get(address))[1]


async def test_V3_a_picture_is_shown_as_the_homeserver_drew_it_and_nothing_else_is(panel: Panel) -> None:
    room = await channel(panel.firm)
    drawn = await send(panel, room, "tom", "Plan.png", PNG, "m.image")
    forged = await send(panel, room, "tom", "Plan2.png", b"<svg onload='x'>", "m.image")
    plain = await send(panel, room, "tom", "Page.html", PNG, "m.file")
    ruth, walt = await panel.enter("ruth"), await panel.enter("walt")
    address = await filings(ruth)
    async with panel.client.get(f"{address}/file/{drawn}/picture", headers=ruth.sent()) as answer:
        assert (answer.status, answer.headers["Content-Type"], await answer.read()) == (200, "image/png", PNG)
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for event_id in (forged, plain, "$none"):
        assert (await ruth.get(f"{address}/file/{event_id}/picture"))[0] == 404
    assert (await walt.get(f"{address}/file/{drawn}/picture"))[0] == 404
    _, text = await ruth.get(address)
    assert text.count("<img") == 2


@pytest.mark.parametrize("ended", ["!panel end", "!leave"])
async def test_F2_M3_a_download_ends_with_the_session_and_with_access(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    room = await channel(panel.firm)
    event_id = await send(panel, room, "tom", "Large.bin", b"x")
    ruth = await panel.enter("ruth")
    file = f"{await filings(ruth)}/file/{event_id}"

    async def hand_over(desk: Desk, found: Download, take: Take) -> bool:
        await take(b"first")
        await panel.firm.ask("ruth", ended, room)
        await take(b"second")
        return True

    monkeypatch.setattr(downloads, "hand_over", hand_over)
    monkeypatch.setattr(downloads, "LOOK_SECONDS", -1.0)
    async with panel.client.get(file, headers=ruth.sent()) as answer:
        assert await answer.content.readany() == b"first"
        with pytest.raises(ClientError):
            await answer.read()


async def test_P2_nobody_takes_more_than_some_files_at_once(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await channel(panel.firm)
    event_id = await send(panel, room, "tom", "Large.bin", b"x")
    ruth, tom = await panel.enter("ruth"), await panel.enter("tom")
    file, go_on = f"{await filings(ruth)}/file/{event_id}", asyncio.Event()

    async def hand_over(desk: Desk, found: Download, take: Take) -> bool:
        await take(b"first")
        await go_on.wait()
        return True

    monkeypatch.setattr(downloads, "hand_over", hand_over)
    async with AsyncExitStack() as stack:
        for _ in range(downloads.AT_ONCE):
            answer = await stack.enter_async_context(panel.client.get(file, headers=ruth.sent()))
            assert await answer.content.readany() == b"first"
        assert (await ruth.get(file))[0] == 429
        other = await stack.enter_async_context(panel.client.get(file, headers=tom.sent()))
        assert other.status == 200
        go_on.set()
        await answer.read()
        await other.read()
    go_on.set()
    assert (await ruth.get(file))[0] == 200


async def test_V2_pins_tell_who_and_when_and_are_taken_off(panel: Panel) -> None:
    room = await channel(panel.firm)
    event = panel.firm.fake.message(room, panel.firm.user("tom"), HOSTILE)
    panel.firm.fake.put_state(
        room, panel.firm.user("ines"), "m.room.pinned_events", "", {"pinned": [event["event_id"]]}
    )
    await panel.firm.settle()
    ruth = await panel.enter("ruth")
    address = await filings(ruth)
    _, text = await ruth.get(f"{address}/pinned")
    assert "Pinned by Inès Moreau" in text
    assert "<script>alert" not in text
    assert f"https://chat.example/#/room/{room}/" in text
    assert await ruth.post(f"{address}/unpin", [("event", event["event_id"])]) == 303
    assert panel.firm.fake.rooms[room].state["m.room.pinned_events", ""] == {"pinned": []}
    assert "Nothing is pinned here" in (await ruth.get(f"{address}/pinned"))[1]
