"""`!matter transcript`: what somebody with access gets, and that nobody else gets anything (M2, M3)."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from pypdf import PdfReader

from bridge.firm.audit import Deed, Outcome
from bridge.matrix.errors import ForbiddenError
from bridge.reconcile.rooms.handouts import take_back
from bridge.store.files.handouts import given_out
from bridge.store.queues.outbox import pending
from bridge.store.record.audit import newest
from tests.component.small_firm import DIRECTORY, Json, SmallFirm, small_firm, write_directory
from tests.fakes.faults import Slow, refusal

ROOM = "2026-0042 Estate"
UNKNOWN = "There is no matter {} that you can see. “!matter list” shows those you can."


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as made:
        made.fake.messages_page = 3
        yield made


def say(firm: SmallFirm, who: str, text: str, **content: object) -> str:
    return str(firm.fake.message(firm.room(ROOM), firm.user(who), text, **content)["event_id"])


async def change(firm: SmallFirm, **sections: object) -> None:
    """Change the directory, and confirm it."""
    write_directory(firm.service.settings.directory.path, **sections)
    await firm.service.directory.refresh()
    await firm.service.directory.confirm("ruth")
    await firm.service.directory.refresh()


async def files(firm: SmallFirm, who: str) -> list[Json]:
    """The files in somebody's chat with the bot."""
    events = firm.fake.events(await firm.chat(who), "m.room.message")
    return [event["content"] for event in events if event["content"]["msgtype"] == "m.file"]


def bytes_of(firm: SmallFirm, content: Json) -> bytes:
    data = firm.fake.media[content["url"].rpartition("/")[2]][1]
    assert isinstance(data, bytes)
    return data


async def test_M2_who_has_access_gets_the_page_and_the_pdf_in_their_chat(firm: SmallFirm) -> None:
    first = say(firm, "ruth", "The will was signed in 2019.")
    gone = say(firm, "ruth", "Opposing counsel is asleep.")
    firm.fake.redact(firm.room(ROOM), firm.user("ruth"), gone)
    said = await firm.ask("tom", "!matter transcript 2026-0042")
    assert "Here is the transcript of matter 2026-0042" in said
    assert "General: 2 messages" in said
    page, pdf = await files(firm, "tom")
    assert (page["body"], page["info"]["mimetype"]) == ("Transcript 2026-0042 General.html", "text/html")
    html = bytes_of(firm, page)
    assert page["info"]["size"] == len(html)
    assert "The will was signed in 2019." in html.decode()
    assert "Message deleted by Ruth Adeyemi" in html.decode()
    assert "by Tom Price on" in html.decode()
    document = PdfReader(io.BytesIO(bytes_of(firm, pdf)))
    text = " ".join(document.pages[0].extract_text().split())
    assert "The will was signed in 2019." in text
    assert hashlib.sha256(html).hexdigest() in text
    assert not any("asleep" in both for both in (html.decode(), text))
    assert first in html.decode() or "#m1" in html.decode()
    for who in ("ruth", "ines", "walt"):
        assert await files(firm, who) == []


async def test_O1_the_audit_log_tells_who_made_one_of_what_and_nothing_of_what_was_said(firm: SmallFirm) -> None:
    say(firm, "ruth", "The will was signed in 2019.")
    await firm.ask("tom", "!matter transcript 2026-0042")
    (entry,) = await firm.service.store.run(newest, 1)
    assert (entry.entry.deed, entry.entry.actor) == (Deed.COMMAND, "tom")
    assert (entry.entry.subject, entry.entry.reason) == ("matter transcript", "2026-0042 [m1]")


async def test_M3_a_walled_person_gets_the_words_of_a_matter_that_is_not_there(firm: SmallFirm) -> None:
    say(firm, "ruth", "The will was signed in 2019.")
    firm.fake.requests.clear()
    assert await firm.ask("walt", "!matter transcript 2026-0042") == UNKNOWN.format("2026-0042")
    assert await firm.ask("walt", "!matter transcript 2099-0001") == UNKNOWN.format("2099-0001")
    assert await files(firm, "walt") == []
    assert not [asked for asked in firm.fake.requests if "/messages" in asked.path or "/upload" in asked.path]


async def test_M3_a_wall_that_rises_while_it_is_made_holds(firm: SmallFirm) -> None:
    say(firm, "ruth", "The will was signed in 2019.")
    slow = Slow(asyncio.Event())
    firm.fake.script("POST", "/upload$", slow)
    asked = asyncio.create_task(firm.ask("tom", "!matter transcript 2026-0042"))
    await slow.arrived.wait()
    await change(firm, walls=[{**DIRECTORY["walls"][0], "people": ["walt", "tom"]}])
    slow.until.set()
    assert UNKNOWN.format("2026-0042") in await asked
    assert await files(firm, "tom") == []


async def test_M3_whoever_is_walled_later_can_download_it_no_more(tmp_path: Path, database_url: str) -> None:
    staff = [{**person, "role": "Owner" if person["id"] == "ruth" else "Associate"} for person in DIRECTORY["staff"]]
    async with small_firm(tmp_path, database_url, staff=staff) as firm:
        say(firm, "ruth", "The will was signed in 2019.")
        for who in ("tom", "ines"):
            await firm.ask(who, "!matter transcript 2026-0042")
        theirs, hers = await files(firm, "tom"), await files(firm, "ines")
        await firm.ask("ruth", "!wall add 2026-0042 @tom A cousin.")
        assert [is_there(firm, content) for content in (*theirs, *hers)] == [False, False, True, True]
        assert [one.staff_id for one in await firm.service.store.run(given_out)] == ["ines", "ines"]


async def test_F2_what_could_not_be_taken_back_is_taken_back_later(firm: SmallFirm) -> None:
    say(firm, "ruth", "The will was signed in 2019.")
    await firm.ask("tom", "!matter transcript 2026-0042")
    await change(firm, staff=[{**person, "former": person["id"] == "tom"} for person in DIRECTORY["staff"]])
    firm.fake.script("POST", "/quarantine/", refusal(403, "M_FORBIDDEN"))
    service = firm.service
    with pytest.raises(ForbiddenError):
        await take_back(service.store, service.homeserver, service.firm, service.today())
    # One that could not be kept the other from nothing.
    assert await take_back(service.store, service.homeserver, service.firm, service.today()) == 1
    assert not any(is_there(firm, content) for content in await files(firm, "tom"))
    assert await take_back(service.store, service.homeserver, service.firm, service.today()) == 0


def is_there(firm: SmallFirm, content: Json) -> bool:
    """Whether the file can be downloaded."""
    return hashlib.sha256(bytes_of(firm, content)).hexdigest() not in firm.fake.quarantined


async def test_M3_a_wall_that_rises_before_the_answer_is_queued_holds(firm: SmallFirm) -> None:
    say(firm, "ruth", "The will was signed in 2019.")
    chat = await firm.chat("tom")
    firm.fake.message(chat, firm.user("tom"), "!matter transcript 2026-0042")
    event = firm.new[-1]
    effect = await firm.bridge.router.handle(event)
    assert effect is not None
    await change(firm, walls=[{**DIRECTORY["walls"][0], "people": ["walt", "tom"]}])
    await firm.service.store.run(effect)
    (queued,) = await firm.service.store.run(pending, 0, 10)
    assert orjson.loads(queued.content)["body"] == UNKNOWN.format("2026-0042")
    (entry,) = await firm.service.store.run(newest, 1)
    assert (entry.entry.outcome, entry.entry.reason) == (Outcome.REFUSED, "M3")


async def test_F2_a_leaver_gets_no_answer(firm: SmallFirm) -> None:
    say(firm, "ruth", "The will was signed in 2019.")
    staff = [{**one, "former": one["id"] == "tom"} for one in DIRECTORY["staff"]]
    await change(firm, staff=staff)
    assert await firm.ask("tom", "!matter transcript 2026-0042") == ""
    assert await files(firm, "tom") == []


async def test_a_matter_in_which_nothing_was_said_has_none(firm: SmallFirm) -> None:
    assert "Nobody has said anything about matter 2026-0042 yet" in await firm.ask(
        "ruth", "!matter transcript 2026-0042"
    )
    assert await files(firm, "ruth") == []


async def test_one_conversation_can_be_named_and_typed_in(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    say(firm, "ruth", "In general.")
    firm.fake.message(firm.room("Disclosure · 2026-0042 Estate"), firm.user("ruth"), "Disclosed.")
    await firm.ask("ruth", "!matter transcript 2026-0042")
    names = [one["body"] for one in await files(firm, "ruth")]
    assert names == [
        f"Transcript 2026-0042 {one}.{end}" for one in ("General", "Disclosure") for end in ("html", "pdf")
    ]
    await firm.ask("ruth", "!matter transcript 2026-0042 disclosure")
    await firm.ask("ruth", "!transcript", firm.room("Disclosure · 2026-0042 Estate"))
    assert [one["body"] for one in (await files(firm, "ruth"))[4:]] == names[2:] * 2
    assert "has no conversation Probate" in await firm.ask("ruth", "!matter transcript 2026-0042 Probate")


async def test_what_is_too_large_for_the_homeserver_is_answered_with_a_sentence(firm: SmallFirm) -> None:
    say(firm, "ruth", "The will was signed in 2019.")
    firm.fake.script("POST", "/upload$", refusal(413, "M_TOO_LARGE", "Upload too large"))
    assert "larger than what the homeserver takes" in await firm.ask("ruth", "!matter transcript 2026-0042")
    assert await files(firm, "ruth") == []


async def test_the_same_command_handled_again_after_a_crash_sends_its_files_once(firm: SmallFirm) -> None:
    say(firm, "ruth", "The will was signed in 2019.")
    firm.fake.message(await firm.chat("ruth"), firm.user("ruth"), "!matter transcript 2026-0042")
    event = firm.new[-1]
    await firm.handle(event)
    await firm.settle()
    await firm.handle(event)
    await firm.settle()
    assert len(await files(firm, "ruth")) == 2


async def test_a_room_is_read_to_its_end_page_by_page(firm: SmallFirm) -> None:
    for number in range(20):
        say(firm, "ruth", f"Number {number}.")
    events: list[Json] = []
    start: str | None = ""
    pages = 0
    while start is not None:
        page, start = await firm.service.homeserver.admin_events(firm.room(ROOM), start)
        events += page
        pages += 1
    assert [event["event_id"] for event in events] == [e["event_id"] for e in firm.fake.events(firm.room(ROOM))]
    assert pages > 7
