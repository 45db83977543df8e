"""The filing cabinet: every file of a filed matter once, whatever breaks in between (V3)."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.clock import now_ms
from bridge.filing import fetch as fetch_module
from bridge.filing import filer as filer_module
from bridge.filing import into_cabinet
from bridge.filing.cabinet import Cabinet
from bridge.filing.into_cabinet import FilingLimits
from bridge.matrix.port import Take
from bridge.store.engine.unit import Unit
from bridge.store.files.files import NewFile, edit_file, remove_file
from bridge.store.files.filing import counts
from bridge.store.models import Conversation, File, Filing
from tests.component.files.filed_firm import FOLDER, MEDIA, PDF, FiledFirm, carried, filed_firm
from tests.component.small_firm import DIRECTORY
from tests.fakes.faults import Cut, refusal


@pytest.fixture
async def on(tmp_path: Path, database_url: str) -> AsyncIterator[FiledFirm]:
    async with filed_firm(tmp_path, database_url) as firm:
        yield firm


async def test_V3_a_file_is_filed_once_with_its_time_and_listed(on: FiledFirm) -> None:
    event_id = await on.send("Lease.pdf", PDF, caption="Signed")
    assert await on.filer.run() == 1
    assert await on.filer.run() == 0
    on.restart()
    assert await on.filer.run() == 0
    assert on.shown().keys() == {f"{FOLDER}/Lease.pdf", f"{FOLDER}/index.csv"}
    assert on.files() == {"Lease.pdf": PDF}
    assert on.fetched() == 1
    row = await on.store(lambda unit: unit.get(File, File.event_id == event_id))
    digest = hashlib.sha256(PDF).hexdigest()
    assert (row.found_type, row.found_size, row.sha256) == ("application/pdf", len(PDF), digest)
    assert (on.root / FOLDER / "Lease.pdf").stat().st_mtime == row.at_ms / 1000
    (listed,) = on.listed()
    assert (listed["Name"], listed["Original name"], listed["Sender"]) == ("Lease.pdf", "Lease.pdf", "Ruth Adeyemi")
    assert (listed["SHA-256"], listed["Event"], listed["Caption"], listed["Note"]) == (digest, event_id, "Signed", "")
    metrics = on.firm.service.metrics.registry
    assert metrics.get_sample_value("firm_bridge_filing_filed_total") == 1
    assert metrics.get_sample_value("firm_bridge_filing_bytes_total") == len(PDF)
    assert metrics.get_sample_value("firm_bridge_filing_waiting") == 0


async def test_V4_a_program_under_another_name_is_not_filed_but_taken_away(on: FiledFirm) -> None:
    program = b"\x7fELF" + bytes(100)
    event_id = await on.send("Lease.pdf", program)
    old = await on.send("Old.pdf", program)
    room_id = on.firm.room("2026-0042 Estate")
    await on.store(Unit.run, File.update(at_ms=now_ms(), room_id=room_id).where(File.event_id == event_id))
    assert await on.filer.run() == 1
    assert on.files() == {"Old.pdf": program}
    rows = await on.store(lambda unit: {row.event_id: row.removed_by for row in unit.all(File.select())})
    assert rows == {event_id: "rule", old: ""}


async def test_V4_a_program_that_cannot_be_taken_away_is_not_filed(on: FiledFirm) -> None:
    event_id = await on.send("Lease.pdf", b"\x7fELF" + bytes(100))
    await on.store(Unit.run, File.update(at_ms=now_ms()).where(File.event_id == event_id))
    assert await on.filer.run() == 0
    assert on.files() == {}
    row = await on.filing(event_id)
    assert (row.state, row.attempts) == ("waiting", 1)


async def test_V3_versions_are_numbered_as_they_were_sent_though_many_are_filed_at_once(on: FiledFirm) -> None:
    on.restart(FilingLimits(downloads=8))
    # The later one of each name is much smaller.
    for data in (PDF * 500, b"second"):
        for name in ("Lease.pdf", "Will.pdf", "Deed.pdf"):
            await on.send(name, data)
    assert await on.filer.run() == 6
    first = dict.fromkeys(("Lease.pdf", "Will.pdf", "Deed.pdf"), PDF * 500)
    second = dict.fromkeys(("Lease (2).pdf", "Will (2).pdf", "Deed (2).pdf"), b"second")
    assert on.files() == first | second


async def test_the_next_download_begins_while_the_disk_is_waited_for(
    on: FiledFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    on.restart(FilingLimits(downloads=1))
    await on.send("Lease.pdf", PDF)
    await on.send("Will.pdf", PDF)
    close, both_asked_for = Cabinet.close_work, threading.Event()

    def close_work(cabinet: Cabinet, file: IO[bytes]) -> None:
        assert both_asked_for.wait(10)
        close(cabinet, file)

    homeserver = on.firm.service.homeserver
    download, asked = homeserver.download, []

    async def counted(server_name: str, media_id: str, take: Take) -> None:
        asked.append(media_id)
        if len(asked) == 2:
            both_asked_for.set()
        await download(server_name, media_id, take)

    monkeypatch.setattr(Cabinet, "close_work", close_work)
    monkeypatch.setattr(homeserver, "download", counted)
    assert await on.filer.run() == 2


async def test_V3_same_name_is_a_version_and_hostile_names_stay_inside(on: FiledFirm) -> None:
    for name, data in [
        ("Lease.pdf", b"one"),
        ("LEASE.PDF", b"two"),
        ("../../Lease.pdf", b"three"),
        ("index.csv", b"four"),
        ("\u202egpj.exe", b"six"),
        ("CON", b"seven"),
    ]:
        await on.send(name, data)
    assert await on.filer.run() == 6
    await on.send("Lease (2).pdf", b"five")
    assert await on.filer.run() == 1
    assert on.files() == {
        "Lease.pdf": b"one",
        "LEASE (2).PDF": b"two",
        "_.._Lease.pdf": b"three",
        "index (2).csv": b"four",
        "Lease (2) (2).pdf": b"five",
        "gpj.exe": b"six",
        "_CON": b"seven",
    }
    assert [one["Version"] for one in on.listed()] == ["1", "2", "1", "2", "1", "1", "2"]


async def test_V3_what_somebody_else_put_there_is_not_overwritten(on: FiledFirm) -> None:
    folder = on.root / FOLDER
    folder.mkdir(parents=True)
    (folder / "Lease.pdf").write_bytes(b"mine")
    (folder / "Lease (2).pdf").mkdir()
    await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    assert on.files() == {"Lease.pdf": b"mine", "Lease (3).pdf": PDF}


async def test_V3_only_matters_are_filed_and_only_those_the_firm_wants(on: FiledFirm) -> None:
    await on.send("Lease.pdf", PDF)
    await on.send("private.pdf", b"x", conversation_id="dm-1")
    await on.use(mode="off")
    assert await on.filer.run() == 0
    await on.use(mode="by_matter")
    assert await on.filer.run() == 0
    assert on.shown() == {}
    await on.make_all_admins()
    assert "are not stored" in await on.firm.ask("ruth", "!matter filing 2026-0042")
    assert "1 wait and follow" in await on.firm.ask("ruth", "!matter filing 2026-0042 on")
    assert await on.filer.run() == 1
    assert on.files() == {"Lease.pdf": PDF}
    await on.firm.ask("ruth", "!matter filing 2026-0042 off")
    await on.send("Later.pdf", PDF)
    assert await on.filer.run() == 0
    await on.use(mode="on")
    assert await on.filer.run() == 0
    assert "Filed: 1" in await on.firm.ask("ruth", "!files status")
    await on.firm.ask("ruth", "!matter filing 2026-0042 on")
    assert await on.filer.run() == 1
    assert on.files() == {"Lease.pdf": PDF, "Later.pdf": PDF}


async def test_M3_an_admin_behind_a_wall_switches_nothing_on(on: FiledFirm) -> None:
    await on.make_all_admins()
    assert "There is no matter" in await on.firm.ask("walt", "!matter filing 2026-0042 on")


async def test_M3_how_filing_stands_is_told_without_what_is_behind_a_wall(on: FiledFirm) -> None:
    await on.make_all_admins()
    await on.send("Lease.pdf", PDF)
    await on.filer.run()
    assert "Filed: 1" in await on.firm.ask("ruth", "!files status")
    assert "Filed: 0" in await on.firm.ask("walt", "!files status")


async def test_V3_a_folder_keeps_its_name_and_two_alike_are_kept_apart(on: FiledFirm) -> None:
    await on.send("one.txt", b"1")
    await on.filer.run()
    other = {"id": "m2", "number": "2026:0042", "title": "estate", "status": "open", "responsible": "ruth"}
    renamed = {**DIRECTORY["matters"][0], "title": "Estate of Quill"}
    (on.root.parent / "directory.yaml").write_text(orjson.dumps({**DIRECTORY, "matters": [renamed, other]}).decode())
    await on.firm.service.directory.refresh()
    await on.send("two.txt", b"2")
    for number, data in (("2", b"3"), ("3", b"4")):
        row = {"id": f"talk{number}", "kind": "matter", "matter_id": f"m{number}", "created_at": 1}
        await on.store(Unit.add, Conversation(**row))
        await on.send("three.txt", data, conversation_id=f"talk{number}")
    await on.filer.run()
    assert on.shown().keys() - {path for path in on.shown() if path.endswith("index.csv")} == {
        f"{FOLDER}/one.txt",
        f"{FOLDER}/two.txt",
        "2026_0042 estate/talk2/three.txt",
        "m3/talk3/three.txt",
    }


@pytest.mark.parametrize("fault", ["filing.fetched", "filing.named", "filing.placed", "filing.listed"])
async def test_V3_killed_at_any_step_it_is_filed_once(
    on: FiledFirm, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on.send("Lease.pdf", PDF)
    await on.send("Lease.pdf", b"second")

    class Killed(BaseException):
        pass

    def point(name: str) -> None:
        if name == fault:
            raise Killed

    # As after kill -9 nothing is tidied up.
    with monkeypatch.context() as patched:
        for module in (filer_module, into_cabinet):
            patched.setattr(module, "point", point)
        patched.setattr(Cabinet, "discard", lambda *_: None)
        with pytest.raises((Killed, BaseExceptionGroup)):
            await on.filer.run()
    on.restart()
    await on.filer.run()
    assert on.files() == {"Lease.pdf": PDF, "Lease (2).pdf": b"second"}
    assert len(on.listed()) == 2
    assert not list((on.root / ".filing").iterdir())
    assert (await on.store(counts, "on")).filed == 2


async def test_V3_killed_between_the_second_name_and_the_end_of_the_first(on: FiledFirm) -> None:
    event_id = await on.send("Lease.pdf", PDF)
    await on.filer.run()
    # Linked at its place, still in the work folder, and not noted.
    part = on.root / ".filing" / "left.part"
    os.link(on.root / FOLDER / "Lease.pdf", part)
    await on.store(lambda unit: unit.run(Filing.update(state="waiting").where(Filing.event_id == event_id)))
    on.restart()
    assert await on.filer.run() == 1
    assert on.files() == {"Lease.pdf": PDF}
    assert not part.exists()
    assert on.fetched() == 1


async def test_a_download_that_breaks_is_taken_up_again(on: FiledFirm) -> None:
    data = os.urandom(3_000_000)
    await on.send("Scan.bin", data)
    on.firm.fake.script("GET", MEDIA, Cut(1_200_000), Cut(5), Cut(2_000_001), refusal(502, "M_UNKNOWN"))
    assert await on.filer.run() == 1
    assert on.files() == {"Scan.bin": data}


async def test_media_that_is_gone_is_given_up_with_a_reason_and_tried_again_when_asked(on: FiledFirm) -> None:
    event_id = await on.send("Lease.pdf", PDF, mxc="mxc://localhost/quarantined")
    await on.send("Where.pdf", PDF, mxc="mxc://../../x/y")
    await on.send("Key.pdf", PDF, encryption="{}")
    assert await on.filer.run() == 0
    await on.make_all_admins()
    answer = await on.firm.ask("ruth", "!files status")
    assert "Failed: 3" in answer
    assert "Waiting: 0" in answer
    assert (await on.filing(event_id)).error == filer_module.GONE
    assert on.shown() == {}
    on.firm.fake.media["quarantined"] = ("", PDF)
    await on.firm.ask("ruth", "!matter filing 2026-0042 on")
    assert await on.filer.run() == 1
    assert on.files() == {"Lease.pdf": PDF}


async def test_a_file_that_is_too_large_is_not_filed(on: FiledFirm) -> None:
    on.restart(FilingLimits(max_bytes=1_000_000))
    declared = await on.send("Told.bin", b"x", declared_size=1_000_001)
    found = await on.send("Hidden.bin", bytes(1_000_001), declared_size=5)
    await on.send("Fits.bin", bytes(1_000_000))
    assert await on.filer.run() == 1
    assert on.files().keys() == {"Fits.bin"}
    assert not list((on.root / ".filing").iterdir())
    for event_id in (declared, found):
        row = await on.filing(event_id)
        assert (row.state, row.error) == ("failed", "The file has more than 1 MB, which is the most that is filed.")


def encrypted(data: bytes, **changed: Any) -> tuple[bytes, str]:
    """Encrypted bytes, and what a message says of them (specification: EncryptedFile)."""
    key, iv = os.urandom(32), os.urandom(8) + bytes(8)
    cipher = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(data)

    def text(given: bytes, encode: Callable[[bytes], bytes] = base64.b64encode) -> str:
        return encode(given).decode().rstrip("=")

    told = {
        "v": "v2",
        "key": {"alg": "A256CTR", "k": text(key, base64.urlsafe_b64encode)},
        "iv": text(iv),
        "hashes": {"sha256": text(hashlib.sha256(cipher).digest())},
        **changed,
    }
    return cipher, orjson.dumps(told).decode()


async def test_an_encrypted_attachment_is_filed_in_the_clear_and_a_wrong_checksum_noted(on: FiledFirm) -> None:
    data = PDF + os.urandom(2_500_000)
    cipher, told = encrypted(data)
    await on.send("Sealed.pdf", data, media=cipher, encryption=told)
    wrong, told = encrypted(b"Dear Sirs", hashes={"sha256": base64.b64encode(bytes(32)).decode()})
    await on.send("Wrong.txt", b"Dear Sirs", media=wrong, encryption=told, declared_size=4)
    assert await on.filer.run() == 2
    assert on.files() == {"Sealed.pdf": data, "Wrong.txt": b"Dear Sirs"}
    sealed, wrong_one = on.listed()
    assert (sealed["Type"], sealed["Note"]) == ("application/pdf", "")
    assert wrong_one["Note"] == "The bytes do not fit the checksum in the message. The message said 4 bytes."


async def test_one_file_that_cannot_be_had_holds_up_no_other(on: FiledFirm) -> None:
    await on.send("Bad.pdf", PDF, mxc="mxc://localhost/bad")
    await on.send("Good.pdf", PDF)
    on.firm.fake.script("GET", "/bad$", *[refusal(400, "M_UNKNOWN")] * 2)
    assert await on.filer.run() == 1
    assert on.files() == {"Good.pdf": PDF}
    on.firm.fake.media["bad"] = ("", b"better")
    assert await on.filer.run() == 0
    on.now += 31_000
    assert await on.filer.run() == 0
    on.now += 61_000
    assert await on.filer.run() == 1


async def test_V3_deleted_before_it_is_not_filed_and_after_it_stays_and_is_marked(on: FiledFirm) -> None:
    early = await on.send("Early.pdf", PDF)
    await on.store(remove_file, early, on.now, "ruth")
    first = await on.send("Waits.pdf", PDF)
    on.firm.fake.script("GET", MEDIA, refusal(400, "M_UNKNOWN"))
    assert await on.filer.run() == 0
    later = await on.send("Later.pdf", PDF)
    assert await on.filer.run() == 1
    for event_id in (first, later):
        await on.store(remove_file, event_id, 1_800_000_000_000, "ruth")
    on.now += 61_000
    assert await on.filer.run() == 0
    assert on.files() == {"Later.pdf": PDF}
    (listed,) = on.listed()
    assert listed["Deleted in the conversation (UTC)"] == "2027-01-15 08:00:00"
    found = await on.store(counts, "on")
    assert (found.filed, found.waiting, found.failed) == (1, 0, 0)


async def test_V3_deleted_while_it_is_fetched_it_is_not_filed(on: FiledFirm, monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = await on.send("Lease.pdf", PDF)

    async def fetch(*asked: Any) -> Any:
        found = await fetch_module.fetch(*asked)
        await on.store(remove_file, event_id, 1, "ruth")
        return found

    monkeypatch.setattr(into_cabinet, "fetch", fetch, raising=True)
    assert await on.filer.run() == 0
    assert on.shown() == {}
    assert (await on.store(counts, "on")).waiting == 0


async def test_V3_an_edit_with_other_bytes_is_filed_beside_what_it_replaced(on: FiledFirm) -> None:
    event_id = await on.send("Lease.pdf", PDF)
    assert await on.filer.run() == 1
    on.firm.fake.media["edited"] = ("", b"signed")

    def edit(unit: Unit, edit_id: str, media_id: str, at_ms: int) -> bool:
        row = unit.get(File, File.event_id == event_id)
        what = replace(carried("Lease.pdf", media_id, 6), replaces=event_id)
        return edit_file(
            unit,
            NewFile(edit_id, row.room_id, row.conversation_id, row.sender, row.staff_id, at_ms=at_ms, carried=what),
        )

    assert await on.store(edit, "$edit1", "edited", on.now)
    on.now += 61_000
    assert await on.filer.run() == 1
    assert on.files() == {"Lease.pdf": PDF, "Lease (2).pdf": b"signed"}
    assert [(one["Name"], one["Bytes"]) for one in on.listed()] == [
        ("Lease.pdf", str(len(PDF))),
        ("Lease (2).pdf", "6"),
    ]
    # What an edit replaces while it waits is left out, and what is there is not filed again.
    assert await on.store(edit, "$edit2", "never", on.now)
    on.now += 61_000
    on.firm.fake.script("GET", "/never$", refusal(400, "M_UNKNOWN"))
    assert await on.filer.run() == 0
    assert await on.store(edit, "$edit3", "edited", on.now)
    on.now += 61_000
    assert await on.filer.run() == 0
    found = await on.store(counts, "on")
    assert (found.waiting, found.filed) == (0, 2)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.one_of(st.text(max_size=12), st.sampled_from(["a.pdf", "A.PDF", "../a.pdf", "a (2).pdf"]))))
async def test_V3_nothing_is_overwritten_lost_or_outside_whatever_the_names(on: FiledFirm, names: list[str]) -> None:
    before = on.files()
    sent = {f"{len(before) + number}".encode(): name for number, name in enumerate(names)}
    for data, name in sent.items():
        await on.send(name.replace("\0", "").encode("utf-8", "replace").decode(), data)
    assert await on.filer.run() == len(names)
    after = on.files()
    assert sorted([*before.values(), *sent]) == sorted(after.values())
    assert before.items() <= after.items()
    assert {path.name for path in on.root.parent.iterdir() if path.is_dir()} == {"cabinet"}
    assert len({name.casefold() for name in after}) == len(after)
