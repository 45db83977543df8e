"""Transcripts in the filing cabinet: with the command, and at night for closed matters (V3, M4)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from bridge.app import Bridge
from bridge.care.transcripts import file_closed_matters
from bridge.filing import transcripts as filing
from bridge.filing.cabinet import Cabinet, CabinetError
from bridge.filing.filer import Filer
from bridge.firm.audit import Deed
from bridge.firm.conversation import first_matter_conversation_id
from bridge.mapping.files import file_in
from bridge.operations.transcripts import write_transcript
from bridge.settings import FilingSettings, TranscriptSettings
from bridge.store.files.files import NewFile, add_file
from bridge.store.record.audit import newest
from tests.component.small_firm import DIRECTORY, SmallFirm, small_firm, write_directory
from tests.fakes.faults import refusal

ROOM = "2026-0042 Estate"
FOLDER = "2026-0042 Estate/General"


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    (tmp_path / "cabinet").mkdir()
    async with small_firm(tmp_path, database_url) as made:
        await use(made, mode="on", url=str(tmp_path / "cabinet"))
        yield made


async def use(firm: SmallFirm, *, nightly: bool = True, **filing: Any) -> None:
    """Go on with these settings."""
    await firm.restart(filing=FilingSettings(**filing), transcripts=TranscriptSettings(nightly=nightly))


async def close(firm: SmallFirm, **matter: Any) -> None:
    """Close the matter."""
    matters = [{**DIRECTORY["matters"][0], "status": "closed", **matter}]
    write_directory(firm.service.settings.directory.path, matters=matters)
    await firm.service.directory.refresh()
    await firm.service.sync()
    await firm.settle()


def say(firm: SmallFirm, text: str, who: str = "ruth") -> None:
    firm.fake.message(firm.room(ROOM), firm.user(who), text)


async def at_night(firm: SmallFirm, **given: int) -> int:
    return await file_closed_matters(firm.desk, **given)


async def deeds(firm: SmallFirm) -> list[str]:
    """Who filed transcripts."""
    found = await firm.service.store.run(newest, 50, deed=Deed.TRANSCRIPT_FILED)
    return [one.entry.actor for one in found]


async def test_V3_the_command_files_it_beside_the_files_that_it_leads_to(firm: SmallFirm, tmp_path: Path) -> None:
    firm.fake.media["m9"] = ("x", b"%PDF-1.7 will")
    content = {"msgtype": "m.file", "body": "Will: 2019.pdf", "url": "mxc://localhost/m9", "info": {"size": 13}}
    room_id, service = firm.room(ROOM), firm.service
    event_id = firm.fake.send(room_id, firm.user("ruth"), "m.room.message", content)
    carried = file_in(content)
    assert carried is not None
    sent = NewFile(event_id, room_id, first_matter_conversation_id("m1"), firm.user("ruth"), "ruth", 1, carried)
    await service.store.run(add_file, sent)
    filer = Filer(service.store, service.homeserver, service.settings, lambda: service.firm, service.metrics)
    assert await filer.run() == 1
    assert "It is in the filing cabinet as well." in await firm.ask("tom", "!matter transcript 2026-0042")
    folder = tmp_path / "cabinet" / FOLDER
    page = (folder / "transcript.html").read_text(encoding="utf-8")
    assert (folder / "transcript.pdf").read_bytes().startswith(b"%PDF")
    (link,) = set(re.findall(r'href="\./([^"]+)"', page))
    assert (folder / unquote(link)).read_bytes() == b"%PDF-1.7 will"
    assert "by Firm Bot" in page
    assert "Tom Price on" not in page, "who asked for one is no part of what is filed"
    assert await deeds(firm) == ["tom"]


async def test_the_command_answers_all_the_same_where_the_cabinet_is_shut(firm: SmallFirm, tmp_path: Path) -> None:
    say(firm, "Hello")
    (tmp_path / "cabinet").rmdir()
    said = await firm.ask("tom", "!matter transcript 2026-0042")
    assert "I could not put it into the filing cabinet as well. The filing cabinet is not there." in said
    assert "Transcript 2026-0042 General.pdf" in said
    assert await deeds(firm) == []


async def test_M4_a_closed_matter_is_filed_once_and_again_only_when_something_changed(
    firm: SmallFirm, tmp_path: Path
) -> None:
    say(firm, "Signed.")
    assert await at_night(firm) == 0, "it is open"
    await close(firm)
    assert await at_night(firm) == 1
    folder = tmp_path / "cabinet" / FOLDER
    first = (folder / "transcript.html").read_bytes()
    assert b"Signed." in first
    assert await at_night(firm) == 0
    firm.fake.message(firm.room(ROOM), firm.fake.bot_id, "One more thing.")
    await firm.settle()
    assert await at_night(firm) == 1
    assert b"One more thing." in (folder / "transcript.html").read_bytes()
    assert await deeds(firm) == ["", ""]


async def test_what_the_command_filed_is_not_filed_again_at_night(firm: SmallFirm) -> None:
    say(firm, "Signed.")
    await close(firm)
    await firm.ask("tom", "!matter transcript 2026-0042")
    assert await at_night(firm) == 0


@pytest.mark.parametrize(
    "settings", [{"mode": "off"}, {"mode": "by_matter"}, {"mode": "on", "nightly": False}], ids=["off", "others", "not"]
)
async def test_without_a_cabinet_for_the_matter_nothing_is_done_at_night(
    firm: SmallFirm, tmp_path: Path, settings: dict[str, Any]
) -> None:
    await use(firm, url=str(tmp_path / "cabinet"), **settings)
    say(firm, "Signed.")
    await close(firm)
    firm.fake.requests.clear()
    assert await at_night(firm) == 0
    assert firm.fake.requests == []
    assert list((tmp_path / "cabinet").iterdir()) == []


async def test_a_night_makes_so_many_at_most_and_the_next_goes_on(firm: SmallFirm, tmp_path: Path) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    say(firm, "Signed.")
    firm.fake.message(firm.room("Disclosure · 2026-0042 Estate"), firm.user("ruth"), "Disclosed.")
    await close(firm)
    assert await at_night(firm, at_most=1) == 1
    assert await at_night(firm, at_most=1) == 1
    assert await at_night(firm, at_most=1) == 0
    assert len(list((tmp_path / "cabinet").glob("*/*/transcript.pdf"))) == 2


async def test_what_broke_between_the_page_and_the_pdf_is_made_again(
    firm: SmallFirm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(firm, "Signed.")
    await close(firm)
    replace = Cabinet.replace

    def breaks(self: Cabinet, place: Any, data: bytes) -> None:
        if place.name == filing.PDF_NAME:
            raise CabinetError("The filing cabinet is full: no space is left where it stands.")
        replace(self, place, data)

    with monkeypatch.context() as broken:
        broken.setattr(Cabinet, "replace", breaks)
        assert await at_night(firm) == 0
    page = (tmp_path / "cabinet" / FOLDER / "transcript.html").read_bytes()
    assert await deeds(firm) == []
    assert await at_night(firm) == 1
    assert (tmp_path / "cabinet" / FOLDER / "transcript.html").read_bytes() == page, "the same events, the same bytes"
    assert (tmp_path / "cabinet" / FOLDER / "transcript.pdf").is_file()


async def test_a_room_that_is_gone_holds_up_no_other(firm: SmallFirm, tmp_path: Path) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    say(firm, "Signed.")
    firm.fake.message(firm.room("Disclosure · 2026-0042 Estate"), firm.user("ruth"), "Disclosed.")
    await close(firm)
    firm.fake.script("GET", "/messages$", refusal(404, "M_NOT_FOUND", "Room not found"))
    assert await at_night(firm) == 1
    assert await at_night(firm) == 1


async def test_of_matters_in_which_nothing_happened_the_homeserver_is_not_asked_again(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Empty"')
    say(firm, "Signed.")
    await close(firm)
    assert await at_night(firm) == 2
    firm.fake.requests.clear()
    for _ in range(5):
        assert await at_night(firm) == 0
    assert firm.fake.requests == []
    # Also not after a restart, while something else happens elsewhere.
    firm.bridge = Bridge(firm.service)
    firm.fake.message(await firm.chat("ruth"), firm.user("ruth"), "!ping")
    await firm.settle()
    firm.fake.requests.clear()
    assert await at_night(firm) == 0
    assert firm.fake.requests == []
    firm.fake.message(firm.room(ROOM), firm.fake.bot_id, "One more thing.")
    await firm.settle()
    assert await at_night(firm) == 1


async def test_what_happens_while_a_transcript_is_made_is_in_the_next_one(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(firm, "Signed.")
    await close(firm)

    async def slow(*given: Any) -> Any:
        firm.fake.message(firm.room(ROOM), firm.fake.bot_id, "Meanwhile.")
        await firm.settle()
        return await write_transcript(*given)

    with monkeypatch.context() as patched:
        patched.setattr(filing, "write_transcript", slow)
        assert await at_night(firm) == 1
    assert await at_night(firm) == 1
    assert await at_night(firm) == 0


async def test_a_transcript_that_somebody_has_open_stops_no_other(firm: SmallFirm, tmp_path: Path) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    say(firm, "Signed.")
    firm.fake.message(firm.room("Disclosure · 2026-0042 Estate"), firm.user("ruth"), "Disclosed.")
    await close(firm)
    (tmp_path / "cabinet" / FOLDER / "transcript.html").mkdir(parents=True)
    assert await at_night(firm) == 1
    assert (tmp_path / "cabinet" / "2026-0042 Estate" / "Disclosure" / "transcript.pdf").is_file()
    (tmp_path / "cabinet" / FOLDER / "transcript.html").rmdir()
    assert await at_night(firm) == 1


async def test_one_conversation_that_the_homeserver_does_not_give_stops_no_other(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    say(firm, "Signed.")
    firm.fake.message(firm.room("Disclosure · 2026-0042 Estate"), firm.user("ruth"), "Disclosed.")
    await close(firm)
    firm.fake.script("GET", f"{re.escape(firm.room(ROOM))}/messages$", *[refusal(500, "M_UNKNOWN")] * 50)
    assert await at_night(firm) == 1
