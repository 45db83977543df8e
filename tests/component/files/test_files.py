"""Files: noted as they arrive, listed and searched by command, and seen by nobody who must not (V3, M3, D4)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.firm.conversation import first_matter_conversation_id
from bridge.store.models import File
from bridge.store.rooms.made import room_of
from tests.component.files.sent import NOVEMBER, edit, firm_of_november, history, put
from tests.component.small_firm import DIRECTORY, SmallFirm, channel, direct, write_directory

DAY = 86_400_000


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with firm_of_november(tmp_path, database_url) as made:
        yield made


async def matter(firm: SmallFirm) -> str:
    found = await firm.service.store.run(room_of, first_matter_conversation_id("m1"))
    assert found is not None
    return found


async def ask(firm: SmallFirm, who: str, text: str, room: str = "") -> str:
    """Type a command, in the chat with the bot or a room; what the bot answers, wherever it does."""
    before = len(firm.said)
    firm.fake.message(room or await firm.chat(who), firm.user(who), text)
    await firm.settle()
    return "\n".join(body for _, sender, body in firm.said[before:] if "bot" in sender)


def names(answer: str) -> list[str]:
    return [line[2:].partition(",")[0] for line in answer.splitlines() if line.startswith("- ")]


@pytest.mark.parametrize("kind", [channel, direct, matter])
async def test_V3_a_file_is_listed_with_all_that_is_known_of_it(firm: SmallFirm, kind) -> None:  # type: ignore[no-untyped-def]
    room = await kind(firm)
    info = {"mimetype": "application/pdf", "size": 1_234_567}
    event_id = put(firm, "ruth", room, "Please sign", filename="Lease *v2*.pdf", info=info)
    named = {channel: "Court Filings", direct: "your conversation with Tom Price", matter: "General · 2026-0042"}[kind]
    assert await ask(firm, "ruth", "!files", room) == (
        f"Files of {named}, newest first\n\n- Lease *v2*.pdf, PDF, 1.2 MB, from Ruth Adeyemi on 2026-11-01: Please sign"
    )
    said = firm.fake.rooms[firm.said[-1][0]].timeline[-1]["content"]["formatted_body"]
    assert f'href="https://matrix.to/#/{room}/{event_id}?via=localhost"' in said


async def test_V3_every_kind_of_file_is_taken_in_and_nothing_else(firm: SmallFirm) -> None:
    room = await channel(firm)
    thread = {"m.relates_to": {"rel_type": "m.thread", "event_id": "$root"}}
    put(firm, "ruth", room, "film.mp4", msgtype="m.video")
    put(firm, "ruth", room, "scan.png", msgtype="m.image", **thread)
    put(firm, "ruth", room, "Voice message", msgtype="m.audio", **{"org.matrix.msc3245.voice": {}})
    put(firm, "ruth", room, "Voice message", msgtype="m.audio", **{"org.matrix.msc3245.voice": {}})
    put(firm, "ruth", room, "broken.pdf", url="https://elsewhere.example/x")
    put(firm, "ruth", room, "hello", msgtype="m.text")
    answer = await ask(firm, "tom", "!files", room)
    assert names(answer) == ["Voice message", "Voice message", "scan.png", "film.mp4"]
    assert "version" not in answer


async def test_V3_a_file_in_the_chat_with_the_bot_is_in_no_list(firm: SmallFirm) -> None:
    put(firm, "ruth", await firm.chat("ruth"), "note.txt")
    await firm.settle()
    assert await firm.service.store.run(lambda unit: unit.count(File.select())) == 0


async def test_V3_an_event_that_comes_twice_is_one_file(firm: SmallFirm) -> None:
    room = await channel(firm)
    put(firm, "ruth", room, "Lease.pdf")
    (event,) = firm.new
    await firm.settle()
    await firm.handle(event)
    assert names(await ask(firm, "ruth", "!files", room)) == ["Lease.pdf"]


async def test_V3_same_name_is_a_version(firm: SmallFirm) -> None:
    room, other = await channel(firm), await direct(firm)
    for name, who in (("Lease.pdf", "ruth"), ("other.txt", "ruth"), ("LEASE.pdf", "tom"), ("Lease.pdf", "ines")):
        put(firm, who, room, name)
    put(firm, "ruth", other, "Lease.pdf")
    answer = await ask(firm, "ruth", "!files", room)
    assert names(answer) == ["Lease.pdf", "other.txt"]
    assert "from Inès Moreau on 2026-11-01, 3 versions" in answer
    versions = await ask(firm, "ruth", '!files versions "lease.PDF"', room)
    assert versions.startswith("lease.PDF of Court Filings: 3 versions, newest first")
    assert re.findall(r"from (\w+).*version (\d) of 3", versions) == [("Inès", "3"), ("Tom", "2"), ("Ruth", "1")]
    assert "version 2 of 3" in await ask(firm, "ruth", "!files from:@tom", room)
    assert "No file here is called Deed.pdf" in await ask(firm, "ruth", "!files versions Deed.pdf", room)
    assert "Type this in the conversation" in await ask(firm, "ruth", "!files versions Lease.pdf")


async def test_V3_an_edit_changes_name_and_caption_if_it_is_the_senders(firm: SmallFirm) -> None:
    room = await channel(firm)
    event_id = put(firm, "ruth", room, "Lease.pdf")
    edit(firm, "tom", room, event_id, "Mine.pdf")
    assert names(await ask(firm, "ruth", "!files", room)) == ["Lease.pdf"]
    edited = edit(firm, "ruth", room, event_id, "Signed", filename="Deed.pdf")
    answer = await ask(firm, "ruth", "!files signed", room)
    assert names(answer) == ["Deed.pdf"] and answer.endswith(": Signed")
    assert "no file that fits" in await ask(firm, "ruth", "!files lease", room)
    # Deleting the edit alone shows the file as it was sent.
    firm.fake.redact(room, firm.user("ruth"), edited)
    assert names(await ask(firm, "ruth", "!files", room)) == ["Lease.pdf"]


async def test_V3_redacted_files_leave_the_list(firm: SmallFirm) -> None:
    room = await channel(firm)
    first, second = put(firm, "ruth", room, "Lease.pdf"), put(firm, "ruth", room, "Lease.pdf")
    await firm.settle()
    # Said in another room, it deletes nothing here.
    other = await direct(firm)
    firm.fake.send(other, firm.user("tom"), "m.room.redaction", {"redacts": first})
    await firm.settle()
    firm.fake.redact(room, firm.user("ruth"), second)
    answer = await ask(firm, "tom", "!files lease", room)
    assert names(answer) == ["Lease.pdf"] and "version" not in answer
    firm.fake.redact(room, firm.user("ruth"), first)
    assert "There are no files here yet" in await ask(firm, "tom", "!files", room)
    assert "No file here is called" in await ask(firm, "tom", "!files versions Lease.pdf", room)
    rows = await firm.service.store.run(
        lambda unit: sorted((row.event_id, row.removed_by) for row in unit.all(File.select()))
    )
    assert rows == [(first, "ruth"), (second, "ruth")]


async def test_V3_a_hostile_name_is_shown_safely(firm: SmallFirm) -> None:
    room = await channel(firm)
    put(firm, "ruth", room, "invoice\u202efdp.exe")
    put(firm, "ruth", room, "[click](https://evil.example)\n# big <b>.pdf", info={"size": -5, "mimetype": ["x"]})
    put(firm, "ruth", room, "x" * 5000 + ".docx", info={"size": 2**53 - 1})
    # From before the bridge and its rules, under which no such file stays.
    firm.new.clear()
    await history(firm)
    answer = await ask(firm, "ruth", "!files", room)
    first, second, third = [line for line in answer.splitlines() if line.startswith("- ")]
    assert first.startswith(f"- {'x' * 80}…") and ".docx, DOCX, 9007 TB, from" in first
    assert second.startswith("- [click](https://evil.example)\ufffd# big <b>.pdf, PDF, from")
    assert third.startswith("- invoice\ufffdfdp.exe, EXE, from")
    assert "evil" not in re.findall('href="([^"]*)"', str(firm.fake.rooms[room].timeline[-1]["content"]))


async def a_few(firm: SmallFirm) -> str:
    room = await channel(firm)
    put(firm, "ruth", room, "Lease draft.pdf", info={"mimetype": "application/pdf", "size": 5})
    put(firm, "tom", room, "Photo.JPG", msgtype="m.image", info={"mimetype": "image/jpeg", "size": 900_000})
    put(firm, "ines", room, "für Inès", filename="Bail résidentiel.docx", info={"size": 70_000})
    await firm.settle()
    return room


async def test_V3_what_is_pasted_under_the_name_that_a_client_gives_is_no_version(firm: SmallFirm) -> None:
    room = await channel(firm)
    for _ in range(3):
        put(firm, "ruth", room, "image.png")
    put(firm, "ruth", room, "Plan.png")
    put(firm, "tom", room, "plan.PNG")
    await firm.settle()
    listed = await ask(firm, "tom", "!files sort:name", room)
    assert names(listed) == ["image.png"] * 3 + ["plan.PNG"]
    assert "2 versions" in listed and "3 versions" not in listed
    told = await ask(firm, "tom", "!files versions image.png", room)
    assert "a name that programs give" in told


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ["Bail résidentiel.docx", "Photo.JPG", "Lease draft.pdf"]),
        ("lea", ["Lease draft.pdf"]),
        ("RESIDENTIEL ines", ["Bail résidentiel.docx"]),
        ("draft photo", []),
        ("type:pdf", ["Lease draft.pdf"]),
        ("type:.PDF", ["Lease draft.pdf"]),
        ("type: application/pdf", ["Lease draft.pdf"]),
        ("type:image", ["Photo.JPG"]),
        ("type:image/*", ["Photo.JPG"]),
        ("type:photos", ["Photo.JPG"]),
        ("type:video", []),
        ("from:@tom", ["Photo.JPG"]),
        ("@tom", ["Photo.JPG"]),
        ('from:"Ruth Adeyemi" lease', ["Lease draft.pdf"]),
        ("from:ruth@firm.example", ["Lease draft.pdf"]),
        ("from:Rúth lease", ["Lease draft.pdf"]),
        ("from:me", ["Lease draft.pdf"]),
        ("since:2026-11-01 until:2026-11-01", ["Bail résidentiel.docx", "Photo.JPG", "Lease draft.pdf"]),
        ("since:2026-11-02", []),
        ("until:2026-10-31", []),
        ("until:9999-12-31 since:0001-01-01 lease", ["Lease draft.pdf"]),
        ("sort:name", ["Bail résidentiel.docx", "Lease draft.pdf", "Photo.JPG"]),
        ("sort:size", ["Photo.JPG", "Bail résidentiel.docx", "Lease draft.pdf"]),
        ("SORT:Date", ["Bail résidentiel.docx", "Photo.JPG", "Lease draft.pdf"]),
        ('"lease" type:"pdf"', ["Lease draft.pdf"]),
        ("l* OR photo", []),
    ],
)
async def test_V3_files_are_searched_and_filtered(firm: SmallFirm, typed: str, expected: list[str]) -> None:
    room = await a_few(firm)
    for where in (room, ""):
        answer = await ask(firm, "ruth", f"!files {typed}", where)
        assert names(answer) == expected
        assert expected or "There is no file that fits that." in answer


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("type:", "is no type of file. type: takes an ending such as pdf"),
        ("type:???", "is no type of file"),
        ("since:soon", "soon is no day. Write it as 2026-11-23"),
        ("until:", "until: takes a day, for example"),
        ("since:2026-11-02 until:2026-11-01", "is after that of until:"),
        ("sort:colour", "colour is no order. sort: takes name, size or date."),
        ("sort:", "Nothing is no order"),
        ("from:@nobody", "I know nobody called"),
        ("from:", "from: takes a colleague"),
        ("size:5", "I know no filter size:"),
        ("type:pdf type:doc", "You gave type: twice"),
        ("***", "I look for words and numbers"),
        ("a b c d e f g h i j k", "at most 10"),
        ("in:2026-0042", "in: is for your chat with me"),
    ],
)
async def test_V3_an_unusable_filter_gets_a_sentence_with_what_is_right(firm: SmallFirm, typed: str, said: str) -> None:
    room = await channel(firm)
    assert said in await ask(firm, "ruth", f"!files {typed}", room)


async def test_V3_in_a_matter_by_its_number(firm: SmallFirm) -> None:
    room = await a_few(firm)
    put(firm, "ruth", await matter(firm), "Will.pdf")
    answer = await ask(firm, "ruth", "!files")
    assert names(answer) == ["Will.pdf", "Bail résidentiel.docx", "Photo.JPG", "Lease draft.pdf"]
    assert "in General · 2026-0042" in answer and "in the channel Court Filings" in answer
    assert names(await ask(firm, "ruth", "!files in:2026-0042 type:pdf")) == ["Will.pdf"]
    assert "in the channel" not in await ask(firm, "ruth", "!files", room)
    assert "in: takes a matter's number" in await ask(firm, "ruth", "!files in:")


async def test_V3_a_long_list_is_shown_page_by_page(firm: SmallFirm) -> None:
    room = await channel(firm)
    for number in range(55):
        put(firm, "ruth", room, f"Note {number:02}.txt")
    await firm.settle()
    pages = [await ask(firm, "ruth", "!files note", room)]
    # What comes meanwhile moves nothing from page to page.
    put(firm, "ruth", room, "Note new.txt")
    pages += [await ask(firm, "ruth", "!more", room) for _ in range(2)]
    assert [name for page in pages for name in names(page)] == [f"Note {number:02}.txt" for number in range(54, -1, -1)]
    assert ["`!more`" in page or "!more" in page for page in pages] == [True, True, False]
    assert "no list to go on with" in await ask(firm, "ruth", "!more", room)


async def test_M3_the_next_page_shows_nothing_to_somebody_taken_out_meanwhile(firm: SmallFirm) -> None:
    room = await channel(firm)
    for number in range(30):
        put(firm, "ruth", room, f"Note {number:02}.txt")
    assert "!more" in await ask(firm, "tom", "!files", room)
    await firm.ask("ruth", "!channel remove Court Filings @tom")
    assert "or are not where you asked any more" in await ask(firm, "tom", "!more")


async def seen_by(firm: SmallFirm, who: str) -> list[str]:
    """The files that somebody finds by any way, asked in their own chat."""
    found = [
        names(await ask(firm, who, f"!files {typed}")) for typed in ("", "secret", "type:pdf", "@ruth", "sort:name")
    ]
    assert all(sorted(one) == sorted(found[0]) for one in found)
    return sorted(found[0])


async def test_M3_D4_nobody_finds_a_file_that_they_must_not_see(firm: SmallFirm) -> None:
    put(firm, "ruth", await direct(firm), "secret between two.pdf")
    put(firm, "ruth", await matter(firm), "secret of the estate.pdf")
    await firm.ask("ruth", "!channel create Court Filings")
    put(firm, "ruth", firm.room("Court Filings"), "secret for all.pdf")
    await firm.settle()
    everything = ["secret between two.pdf", "secret for all.pdf", "secret of the estate.pdf"]
    assert await seen_by(firm, "ruth") == everything
    assert await seen_by(firm, "tom") == everything
    # Who is in neither, but may join the matter's conversation and the channel.
    assert await seen_by(firm, "ines") == everything[1:]
    assert await seen_by(firm, "walt") == ["secret for all.pdf"]
    # Typed in the room by somebody who is not in it, it is answered as in their chat.
    said = await ask_there(firm, "walt", "!files secret", await matter(firm))
    assert names(said) == ["secret for all.pdf"] and "estate" not in said.casefold()
    said = await ask_there(firm, "ines", "!files versions secret between two.pdf", await direct(firm))
    assert said == "Type this in the conversation it is about."
    hidden, missing = [await ask(firm, "walt", f"!files in:{number}") for number in ("2026-0042", "2026-9999")]
    assert hidden.replace("2026-0042", "2026-9999") == missing and "There is no matter" in missing


async def ask_there(firm: SmallFirm, who: str, text: str, room: str) -> str:
    """As it is answered to somebody who typed a moment before they were taken out."""
    before = len(firm.said)
    event = {
        "type": "m.room.message",
        "room_id": room,
        "sender": firm.user(who),
        "event_id": f"$typed{before}",
        "origin_server_ts": NOVEMBER,
        "content": {"msgtype": "m.text", "body": text},
    }
    await firm.handle(event)
    firm.fake.message(await firm.chat(who), firm.user(who), "!ping")
    await firm.settle()
    answers = [(room_id, body) for room_id, sender, body in firm.said[before:] if "bot" in sender]
    assert {room_id for room_id, _ in answers} == {await firm.chat(who)}
    return answers[0][1]


async def change_directory(firm: SmallFirm, folder: Path, **changed: Any) -> None:
    """Another directory, accepted. No room is touched."""
    write_directory(str(folder / "directory.yaml"), **changed)
    await firm.service.directory.refresh()
    if firm.service.directory.held is not None:
        await firm.service.directory.confirm("ruth")
        await firm.service.directory.refresh()


async def test_M3_a_wall_hides_files_at_once_and_its_end_shows_them(firm: SmallFirm, tmp_path: Path) -> None:
    put(firm, "ruth", await matter(firm), "secret of the estate.pdf")
    await firm.settle()
    assert await seen_by(firm, "tom") == ["secret of the estate.pdf"]
    wall = {**DIRECTORY["walls"][0], "people": ["tom"]}
    await change_directory(firm, tmp_path, walls=[wall])
    assert await seen_by(firm, "tom") == []
    assert await seen_by(firm, "walt") == ["secret of the estate.pdf"]


async def test_F2_a_leaver_is_not_answered_and_what_they_sent_stays(firm: SmallFirm, tmp_path: Path) -> None:
    put(firm, "tom", await direct(firm), "secret between two.pdf")
    await firm.settle()
    left = [{**person, "former": person["id"] == "tom"} for person in DIRECTORY["staff"]]
    await change_directory(firm, tmp_path, staff=left)
    assert await ask(firm, "tom", "!files") == ""
    assert "from Tom Price" in await ask(firm, "ruth", "!files from:@tom")
    assert "with Tom Price" in await ask(firm, "ruth", "!files")


async def test_V3_a_deleted_matters_files_are_in_no_list(firm: SmallFirm, tmp_path: Path) -> None:
    put(firm, "ruth", await matter(firm), "secret of the estate.pdf")
    await firm.settle()
    await change_directory(firm, tmp_path, matters=[{**DIRECTORY["matters"][0], "status": "deleted"}])
    assert await seen_by(firm, "ruth") == []


async def test_V3_much_that_is_hidden_does_not_end_the_search(firm: SmallFirm) -> None:
    room, hidden = await channel(firm), await direct(firm)
    put(firm, "ruth", room, "wanted.pdf")
    for number in range(200):
        put(firm, "ruth", hidden, f"hidden {number}.pdf")
    await firm.settle()
    assert await seen_by_word(firm, "ines", "") == ["wanted.pdf"]
    assert await seen_by_word(firm, "ines", "type:pdf") == ["wanted.pdf"]


async def seen_by_word(firm: SmallFirm, who: str, typed: str) -> list[str]:
    return names(await ask(firm, who, f"!files {typed}"))
