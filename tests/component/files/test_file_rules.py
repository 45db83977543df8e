"""Forbidden files that were sent all the same: removed, with a message that says why, in every kind of place (V4)."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.firm.files import bytes as file_bytes
from bridge.handlers.file_rules import REASON, judge_fetched
from bridge.settings import FileRuleSettings
from bridge.store.engine.unit import Unit
from bridge.store.files.files import file_row
from bridge.store.models import AuditRow, File
from bridge.store.people.leavers import set_leaver
from tests.component.small_firm import DIRECTORY, Json, SmallFirm, channel, direct, small_firm, write_directory
from tests.fakes.faults import DROP_AFTER

PDF: Json = {"msgtype": "m.file", "info": {"mimetype": "application/pdf", "size": 4}}
NOWHERE = "mxc://localhost/none"
numbers = itertools.count(1)


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as made:
        yield made


async def rules(firm: SmallFirm, **changed: object) -> None:
    """Other rules than those of the sample."""
    await firm.restart(file_rules=FileRuleSettings.model_validate(changed))


def upload(firm: SmallFirm, who: str, data: bytes) -> str:
    """What a client does before it sends a file; the file's address."""
    media_id = f"upload{next(numbers)}"
    firm.fake.media[media_id], firm.fake.uploaders[media_id] = ("", data), firm.user(who)
    return f"mxc://localhost/{media_id}"


def share(firm: SmallFirm, who: str, room: str, name: str, **content: Json | str) -> str:
    """Send a file as a client does; the message's event id."""
    sent = {"url": NOWHERE, "body": name, **PDF, **content}
    return firm.fake.send(room, firm.user(who), "m.room.message", sent)


async def row_of(firm: SmallFirm, event_id: str) -> File:
    found = await firm.service.store.run(file_row, event_id)
    assert found is not None
    return found


def stands(firm: SmallFirm, room: str, event_id: str) -> bool:
    (event,) = (one for one in firm.fake.rooms[room].timeline if one["event_id"] == event_id)
    return "redacted_because" not in event["unsigned"]


async def told(firm: SmallFirm, who: str) -> list[str]:
    chat = await firm.chat(who)
    return [body for room, _, body in firm.said if room == chat and "I removed" in body]


async def audited(firm: SmallFirm) -> list[tuple[str, str, str]]:
    rows = await firm.service.store.run(
        lambda unit: unit.all(AuditRow.select().where(AuditRow.deed == Deed.FILE_REMOVED))
    )
    return [(row.actor, row.reason, row.outcome) for row in rows]


async def test_V4_a_forbidden_file_is_removed_and_its_sender_told_why(firm: SmallFirm) -> None:
    room = await channel(firm)
    fine = share(firm, "tom", room, "Contract.pdf")
    bad = share(firm, "tom", room, "invoice.pdf.exe")
    await firm.settle()
    assert stands(firm, room, fine)
    assert not stands(firm, room, bad)
    (redaction,) = firm.fake.events(room, "m.room.redaction")
    assert (redaction["sender"], redaction["content"]["reason"]) == (firm.fake.bot_id, REASON)
    (said,) = await told(firm, "tom")
    assert "looks like .pdf, but its type is .exe" in said
    assert "ask a firm admin" in said
    assert "invoice" not in said
    assert await told(firm, "ruth") == []
    assert await audited(firm) == [("tom", "V4 double extension", "refused")]


@pytest.mark.parametrize(
    ("event_type", "content", "why"),
    [
        ("m.room.encrypted", {"ciphertext": "x"}, "encrypted this"),
        ("org.example.file", {"m.file": {"url": "mxc://localhost/none", "name": "setup.exe"}}, "ordinary file"),
        ("m.room.message", {"msgtype": "m.gallery", "body": "x", "itemtypes": [{"filename": "x"}]}, "ordinary file"),
        ("m.room.message", {"msgtype": "m.text", "body": "!ping", "formatted_body": "<img src='x'>"}, "ordinary file"),
    ],
)
async def test_V3_what_no_list_of_the_firm_would_have_is_removed(
    firm: SmallFirm, event_type: str, content: Json, why: str
) -> None:
    room = await channel(firm)
    levels = firm.fake.rooms[room].levels
    # As in a room that was made before these were barred.
    levels["events"] = {key: level for key, level in levels["events"].items() if key != event_type}
    event_id = firm.fake.send(room, firm.user("tom"), event_type, content)
    await firm.settle()
    assert not stands(firm, room, event_id)
    (said,) = await told(firm, "tom")
    assert why in said
    assert [(actor, rule) for actor, rule, _ in await audited(firm)] == [("tom", "V3")]


@pytest.mark.parametrize("whose", ["tom", "ruth"])
@pytest.mark.parametrize("where", [channel, direct])
@pytest.mark.parametrize("old_clients", [True, False], ids=["for old clients", "for new ones"])
async def test_V3_an_edit_makes_no_file_of_what_was_none(
    firm: SmallFirm, whose: str, where: Callable[[SmallFirm], Awaitable[str]], old_clients: bool
) -> None:
    room = await where(firm)
    text = firm.fake.message(room, firm.user(whose), "Lunch?")["event_id"]
    file, words = {**PDF, "body": "offer.pdf", "url": NOWHERE}, {"msgtype": "m.text", "body": "Lunch?"}
    shown, new = (file, words) if old_clients else (words, file)
    relation = {"rel_type": "m.replace", "event_id": text}
    edit = firm.fake.send(
        room, firm.user("tom"), "m.room.message", {**shown, "m.new_content": new, "m.relates_to": relation}
    )
    await firm.settle()
    assert stands(firm, room, text)
    assert not stands(firm, room, edit)
    (said,) = await told(firm, "tom")
    assert "ordinary file" in said


async def test_V3_the_caption_of_a_file_from_before_the_bridge_can_be_edited(firm: SmallFirm) -> None:
    room = await channel(firm)
    letter = share(firm, "tom", room, "letter.pdf")
    firm.new.clear()
    edit = share(
        firm,
        "tom",
        room,
        "letter.pdf",
        **{
            "m.new_content": {**PDF, "body": "letter.pdf", "url": NOWHERE},
            "m.relates_to": {"rel_type": "m.replace", "event_id": letter},
        },
    )
    await firm.settle()
    assert stands(firm, room, edit)


async def test_V4_in_a_direct_conversation_the_bot_comes_for_it_and_goes(firm: SmallFirm) -> None:
    room = await direct(firm)
    bad = share(firm, "ruth", room, "setup.exe")
    await firm.settle()
    assert not stands(firm, room, bad)
    assert firm.members(room) == {"ruth", "tom"}
    assert firm.fake.bot_id not in firm.fake.rooms[room].joined
    assert len(await told(firm, "ruth")) == 1
    assert await firm.nothing_to_do()


@pytest.mark.parametrize("where", ["matter", "chat"])
async def test_V4_the_rules_hold_in_matters_and_in_the_chat_with_the_bot(firm: SmallFirm, where: str) -> None:
    room = firm.room("2026-0042 Estate") if where == "matter" else await firm.chat("ruth")
    bad = share(firm, "ruth", room, "a\u202efdp.exe")
    await firm.settle()
    assert not stands(firm, room, bad)
    assert len(await told(firm, "ruth")) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"m.relates_to": {"rel_type": "m.thread", "event_id": "$root"}},
        {"url": None, "file": {"url": "mxc://localhost/x", "key": {}, "iv": "", "hashes": {}}},
        {"msgtype": "m.image", "filename": "setup.exe", "body": "A picture"},
        {
            "msgtype": "m.text",
            "body": "* x",
            "m.new_content": {"msgtype": "m.file", "body": "setup.exe"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": "$letter"},
        },
    ],
    ids=["thread", "encrypted", "caption", "edit"],
)
async def test_V4_in_whatever_form_it_is_sent(firm: SmallFirm, content: Json) -> None:
    room = await channel(firm)
    bad = share(firm, "tom", room, "setup.exe", **content)
    await firm.settle()
    assert not stands(firm, room, bad)
    assert len(await told(firm, "tom")) == 1


async def test_V4_the_bots_own_files_and_texts_are_left_alone(firm: SmallFirm) -> None:
    room = await channel(firm)
    firm.fake.send(room, firm.fake.bot_id, "m.room.message", {**PDF, "body": "setup.exe"})
    firm.fake.message(room, firm.user("tom"), "Run setup.exe")
    await firm.settle()
    assert firm.fake.events(room, "m.room.redaction") == []


async def test_V4_twice_and_after_a_lost_answer_it_is_done_and_told_once(firm: SmallFirm) -> None:
    room = await channel(firm)
    firm.fake.script("PUT", "/redact/", DROP_AFTER)
    bad = share(firm, "tom", room, "setup.exe")
    event = firm.fake.rooms[room].timeline[-1]
    again = {**event, "content": dict(event["content"])}
    await firm.settle()
    await firm.handle(again)
    await firm.settle()
    assert not stands(firm, room, bad)
    assert len(firm.fake.events(room, "m.room.redaction")) == 1
    assert len(await told(firm, "tom")) == 1


async def test_V4_a_leaver_is_told_nothing(firm: SmallFirm) -> None:
    room = await channel(firm)
    bad = share(firm, "tom", room, "setup.exe")
    await firm.service.store.run(set_leaver, "tom", "ruth", "$command")
    await firm.settle()
    assert not stands(firm, room, bad)
    assert await told(firm, "tom") == []
    assert len(await audited(firm)) == 1


async def fetched(firm: SmallFirm, event_id: str, found_type: str, size: int = 8) -> bool:
    """What whoever fetches the bytes does; whether the file was removed."""
    row = await row_of(firm, event_id)
    effect = await judge_fetched(row, found_type, size, firm.desk)
    if effect is not None:
        await firm.service.store.run(effect)
        firm.fake.message(row.room_id, firm.user("ruth"), "Thank you")
        await firm.settle()
    return effect is not None


async def test_V4_what_the_bytes_tell_removes_and_quarantines(firm: SmallFirm) -> None:
    room = await channel(firm)
    mxc = upload(firm, "tom", b"\x7fELF")
    bad = share(firm, "tom", room, "letter.pdf", url=mxc)
    await firm.settle()
    assert not await fetched(firm, bad, "application/pdf")
    # Killed before it was noted.
    await judge_fetched(await row_of(firm, bad), file_bytes.LINUX, 8, firm.desk)
    await firm.settle()
    assert await fetched(firm, bad, file_bytes.LINUX)
    assert not await fetched(firm, bad, file_bytes.LINUX)
    assert not stands(firm, room, bad)
    row = await row_of(firm, bad)
    assert row.removed_by == "rule"
    assert row.removed_at is not None
    assert len(firm.fake.quarantined) == 1
    assert len(await told(firm, "tom")) == 1
    assert await audited(firm) == [("tom", "V4 content", "refused")]


async def test_V4_a_file_that_came_by_an_edit_goes_with_it(firm: SmallFirm) -> None:
    room = await channel(firm)
    bad = share(firm, "tom", room, "letter.pdf")
    await firm.settle()
    relation = {"rel_type": "m.replace", "event_id": bad}
    new: Json = {**PDF, "body": "letter.pdf", "url": upload(firm, "tom", b"\x7fELF")}
    edit = share(firm, "tom", room, "letter.pdf", **{"m.new_content": new, "m.relates_to": relation})
    await firm.settle()
    assert (await row_of(firm, bad)).edit_id == edit
    assert await fetched(firm, bad, file_bytes.LINUX)
    assert not stands(firm, room, bad)
    assert not stands(firm, room, edit)
    assert len(await told(firm, "tom")) == 1


async def test_V4_what_its_sender_deleted_meanwhile_is_left_alone(firm: SmallFirm) -> None:
    room = await channel(firm)
    await deleted(firm, room, upload(firm, "tom", b"\x7fELF"))
    (row,) = await firm.service.store.run(lambda unit: unit.all(File.select()))
    assert not await fetched(firm, row.event_id, file_bytes.LINUX)
    assert await told(firm, "tom") == []


async def test_V4_what_was_sent_long_ago_stays_whatever_the_rules_are_now(firm: SmallFirm) -> None:
    room = await channel(firm)
    old = share(firm, "tom", room, "letter.pdf", url=upload(firm, "tom", b"\x7fELF"))
    await firm.settle()
    await firm.service.store.run(Unit.run, File.update(at_ms=now_ms() - 2 * 86_400_000))
    assert not await fetched(firm, old, file_bytes.LINUX)
    assert stands(firm, room, old)


async def test_V4_a_file_larger_than_said_is_removed_when_it_was_fetched(firm: SmallFirm) -> None:
    room = await channel(firm)
    mxc = upload(firm, "tom", b"%PDF")
    bad = share(firm, "tom", room, "letter.pdf", url=mxc)
    await firm.settle()
    assert await fetched(firm, bad, "application/pdf", 2**40)
    (said,) = await told(firm, "tom")
    assert "at most 100 MB" in said


async def test_V4_no_file_is_quarantined_for_its_name_alone(firm: SmallFirm) -> None:
    """Synapse quarantines by content: a copy of a colleague's file under a forbidden name would take theirs away."""
    room = await channel(firm)
    share(firm, "tom", room, "contract.exe", url=upload(firm, "tom", b"%PDF"))
    await firm.settle()
    assert firm.fake.quarantined == set()


async def test_V4_a_program_is_quarantined_with_its_message(firm: SmallFirm) -> None:
    room = await channel(firm)
    share(firm, "tom", room, "setup.exe", url=upload(firm, "tom", b"\x7fELF" + bytes(100_000)))
    await firm.settle()
    assert len(firm.fake.quarantined) == 1


async def test_V4_what_an_older_rule_allowed_stays_when_a_copy_is_removed(firm: SmallFirm) -> None:
    room = await channel(firm)
    share(firm, "ruth", room, "evidence.bin", url=upload(firm, "ruth", b"\x7fELF"))
    bad = share(firm, "tom", room, "evidence.bin", url=upload(firm, "tom", b"\x7fELF"))
    await firm.settle()
    assert await fetched(firm, bad, file_bytes.LINUX)
    assert not stands(firm, room, bad)
    assert firm.fake.quarantined == set()


async def deleted(firm: SmallFirm, room: str, mxc: str, who: str = "tom") -> None:
    """Somebody sends a file and deletes the message."""
    event_id = share(firm, who, room, "a.pdf", url=mxc)
    await firm.settle()
    firm.fake.redact(room, firm.user(who), event_id)
    await firm.settle()


async def test_V4_deleted_files_are_quarantined_where_the_firm_wants_it(firm: SmallFirm) -> None:
    room = await channel(firm)
    await deleted(firm, room, upload(firm, "tom", b"%PDF"))
    assert firm.fake.quarantined == set()
    await rules(firm, quarantine_deleted=True)
    await deleted(firm, room, upload(firm, "tom", b"%PDF"))
    assert len(firm.fake.quarantined) == 1


async def test_V4_what_another_message_needs_is_not_quarantined(firm: SmallFirm) -> None:
    await rules(firm, quarantine_deleted=True)
    room = await channel(firm)
    mxc = upload(firm, "tom", b"%PDF")
    share(firm, "ruth", room, "a.pdf", url=mxc)
    await firm.settle()
    await deleted(firm, room, mxc)
    # A copy, as somebody makes who has read it.
    await deleted(firm, room, upload(firm, "tom", b"%PDF"))
    # Somebody else's, and one that is nowhere.
    await deleted(firm, room, upload(firm, "ines", b"%DOC"))
    await deleted(firm, room, "mxc://localhost/none")
    await deleted(firm, room, "mxc://elsewhere.example/x")
    assert firm.fake.quarantined == set()


async def test_V4_media_ids_are_in_no_metric_and_no_error(firm: SmallFirm) -> None:
    await firm.service.homeserver.quarantine("localhost", "very-secret")
    await firm.service.homeserver.media("localhost", "very-secret")
    written = firm.service.metrics.registry.collect()
    assert "very-secret" not in str([family.samples for family in written])


async def test_V4_under_legal_hold_a_forbidden_file_stays(firm: SmallFirm) -> None:
    matters = [{**DIRECTORY["matters"][0], "held": True}]
    write_directory(firm.service.settings.directory.path, matters=matters)
    await firm.service.directory.refresh()
    assert (await firm.service.sync()).failed == ()
    room = firm.room("2026-0042 Estate")
    levels = firm.fake.rooms[room].state[("m.room.power_levels", "")]
    assert levels["events"]["m.room.redaction"] == 100
    event_id = share(firm, "ruth", room, "setup.exe")
    await firm.settle()
    assert stands(firm, room, event_id)
    assert "Under legal hold" in await firm.ask("ruth", "!matter show 2026-0042")
