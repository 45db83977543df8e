"""Files that were sent before the bridge knew the room, or were missed: they are found in its history (V3)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from bridge.clock import now_ms
from bridge.handlers import files as handlers
from bridge.matrix.errors import TokenRejectedError
from bridge.store.engine.unit import Unit
from bridge.store.files.files import NewFile, add_file
from bridge.store.models import File, FileHistory
from bridge.store.queues.histories import begin_again, histories_to_read, read_again, read_all_again
from bridge.store.queues.inbox import accept, record_failure
from tests.component.files.sent import edit, firm_of_november, history, put
from tests.component.small_firm import SmallFirm, channel, direct
from tests.fakes.faults import DUPLICATE, refusal


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with firm_of_november(tmp_path, database_url) as made:
        yield made


async def noted(firm: SmallFirm) -> list[str]:
    rows = await firm.service.store.run(lambda unit: unit.all(File.select().where(File.removed_at.is_null())))
    return sorted(str(row.name) for row in rows)


async def test_V3_files_from_before_the_bridge_knew_the_room_are_noted_once(firm: SmallFirm) -> None:
    for room in (await channel(firm), await direct(firm)):
        first = put(firm, "ruth", room, "Lease.pdf")
        put(firm, "tom", room, "kept.pdf")
        edit(firm, "ruth", room, first, "Deed.pdf")
        gone = put(firm, "tom", room, "gone.pdf")
        firm.fake.redact(room, firm.user("tom"), gone)
    firm.new.clear()
    assert await noted(firm) == []
    assert await history(firm) > 2
    assert await noted(firm) == ["Deed.pdf", "Deed.pdf", "kept.pdf", "kept.pdf"]
    assert await history(firm) == 0
    # A room made anew for the same conversation is looked through, too, and what is known stays as it is.
    await firm.service.store.run(lambda unit: unit.run(FileHistory.delete()))
    await history(firm)
    assert await noted(firm) == ["Deed.pdf", "Deed.pdf", "kept.pdf", "kept.pdf"]


async def test_V3_history_goes_on_behind_the_last_page_when_the_server_was_away(firm: SmallFirm) -> None:
    room = await channel(firm)
    for number in range(9):
        put(firm, "ruth", room, f"{number}.txt")
    firm.new.clear()
    firm.fake.messages_page = 4
    firm.fake.script("GET", f"{re.escape(room)}/messages$", DUPLICATE, refusal(401, "M_UNKNOWN_TOKEN"))
    with pytest.raises(TokenRejectedError):
        await history(firm)
    # The first line of the channel is on the first page, too.
    assert await noted(firm) == ["0.txt", "1.txt", "2.txt"]
    firm.fake.requests.clear()
    await history(firm)
    assert await noted(firm) == [f"{number}.txt" for number in range(9)]
    assert len(firm.fake.asked("GET", f"{re.escape(room)}/messages$")) == 2


# What was missed


async def test_V3_a_file_that_came_too_late_to_be_handled_is_found_in_the_history(firm: SmallFirm) -> None:
    room = await channel(firm)
    put(firm, "ruth", room, "known.txt")
    await history(firm)
    for number in range(3):
        put(firm, "ruth", room, f"missed {number}.txt")
    events = [*firm.new]
    firm.new.clear()
    month_ago = now_ms() - 30 * 86_400_000
    for event in firm.fake.rooms[room].timeline[-3:]:
        event["origin_server_ts"] = month_ago
    assert await firm.bridge.inbox.accept([{**event, "origin_server_ts": month_ago} for event in events]) == 0
    assert await noted(firm) == ["known.txt"]
    assert await history(firm) == 1, "no other room is read again"
    assert await noted(firm) == ["known.txt", "missed 0.txt", "missed 1.txt", "missed 2.txt"]
    assert await history(firm) == 0


async def test_V3_what_a_dead_letter_says_of_a_file_is_found_in_the_history(firm: SmallFirm) -> None:
    room = await channel(firm)
    await history(firm)
    event_id = put(firm, "ruth", room, "Lease.pdf")
    (event,) = (one for one in firm.new if one["event_id"] == event_id)
    firm.new.clear()
    store = firm.service.store
    await store.run(accept, [(event_id, room, orjson.dumps(event))], 1)
    await store.run(record_failure, event_id, "first", dead=False)
    assert await history(firm) == 0
    await store.run(record_failure, event_id, "last", dead=True)
    assert await history(firm) == 1
    assert await noted(firm) == ["Lease.pdf"]


async def test_V3_after_a_restore_every_history_is_read_again_from_then_on(firm: SmallFirm) -> None:
    room, other = await channel(firm), await direct(firm)
    for number in range(6):
        put(firm, "ruth", room, f"old {number}.txt")
    await history(firm)
    put(firm, "ruth", room, "lost.txt")
    backup = firm.fake.rooms[room].timeline[-1]["origin_server_ts"] - 1000
    put(firm, "ruth", other, "lost too.txt")
    firm.new.clear()
    assert len(await noted(firm)) == 6
    firm.fake.requests.clear()
    await firm.service.store.run(read_all_again, backup)
    await history(firm)
    assert set(await noted(firm)) == {*(f"old {number}.txt" for number in range(6)), "lost.txt", "lost too.txt"}
    (asked,) = firm.fake.asked("GET", f"{re.escape(room)}/messages$")
    assert int(asked.query["from"]) >= 5, "what is older is not read again"


async def test_V3_what_is_missed_while_a_history_is_read_again_is_read_after_it(firm: SmallFirm) -> None:
    room = await channel(firm)
    put(firm, "ruth", room, "Lease.pdf")
    await history(firm)
    store = firm.service.store
    await store.run(read_again, room, 2_000)
    (turn,) = await store.run(histories_to_read, "", 5)
    assert turn.again_from == 2_000
    await store.run(read_again, room, 1_000)
    await store.run(begin_again, room, 2_000, "1")
    (turn,) = await store.run(histories_to_read, "", 5)
    assert turn.again_from == 1_000


async def test_V3_one_room_that_the_homeserver_does_not_give_holds_up_no_other(firm: SmallFirm) -> None:
    rooms = sorted([await channel(firm), await direct(firm)])
    for room in rooms:
        put(firm, "ruth", room, f"{room}.txt")
    firm.new.clear()
    firm.fake.script("GET", f"{re.escape(rooms[0])}/messages$", *[refusal(500, "M_UNKNOWN")] * 50)
    await history(firm)
    assert await noted(firm) == [f"{rooms[1]}.txt"]
    assert await history(firm) == 0, "it is put off"


async def test_V3_one_event_that_cannot_be_noted_holds_up_no_other(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await channel(firm)
    for name in ("one.txt", "poison.txt", "two.txt"):
        put(firm, "ruth", room, name)
    firm.new.clear()

    def add(unit: Unit, sent: NewFile) -> bool:
        if sent.carried.name == "poison.txt":
            raise ValueError("not to be stored")
        return add_file(unit, sent)

    monkeypatch.setattr(handlers, "add_file", add)
    await history(firm)
    assert await noted(firm) == ["one.txt", "two.txt"]
    assert await history(firm) == 0
