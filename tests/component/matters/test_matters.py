"""A matter's conversations by command: seen, joined, left and renamed by those with access (M1 to M3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.small_firm import SmallFirm, small_firm, write_directory

NAMED = "2026-0042 Estate"


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as made:
        yield made


async def change_directory(firm: SmallFirm, path: Path, **changed: object) -> None:
    """Write other sections into the directory file and let the bridge follow it."""
    write_directory(str(path / "directory.yaml"), **changed)
    before = firm.service.directory.firm
    await firm.service.directory.refresh()
    if firm.service.directory.held is not None:
        await firm.service.directory.confirm("ruth")
        await firm.service.directory.refresh()
    assert not firm.service.directory.problems
    outcome = await firm.service.reconciler.passes.follow(before)
    assert not outcome.failed
    await firm.settle()


async def test_M2_those_with_access_see_every_conversation_and_who_has_access(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom')
    said = await firm.ask("ines", "!matter show 2026-0042")
    assert "2026-0042 Estate" in said
    assert "Status: open" in said
    assert "Responsible: Ruth Adeyemi" in said
    assert "Access: Inès Moreau, Ruth Adeyemi and Tom Price" in said
    assert "1 General (1 participant)" in said
    assert "2 Disclosure (2 participants)" in said
    assert "you among them" not in said
    assert "1 General" in await firm.ask("ruth", "!matter show", firm.room(f"Disclosure · {NAMED}"))
    assert "Which matter?" in await firm.ask("ruth", "!matter show")


async def test_M2_anyone_with_access_joins_by_title_or_number_and_leaves(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    room, space = firm.room(f"Disclosure · {NAMED}"), firm.space("2026-0042 Estate")
    assert "You are in" in await firm.ask("tom", "!matter join 2026-0042 2")
    assert "You are in" in await firm.ask("ines", "!matter join 2026-0042 “disclosure”")
    assert firm.members(room) == firm.members(space) == {"ruth", "tom", "ines"}
    assert "You have left Disclosure" in await firm.ask("tom", "!matter leave", room)
    assert "You have left Disclosure" in await firm.ask("ines", "!matter leave 2026-0042")
    assert firm.members(room) == firm.members(space) == {"ruth"}
    left = [event for event in firm.fake.events(room, "m.room.member") if event["state_key"] == firm.user("tom")][-1]
    assert left["sender"] == firm.user("tom")
    assert "You are in no conversation" in await firm.ask("tom", "!matter leave 2026-0042")
    assert await firm.nothing_to_do()


async def test_M1_who_is_in_another_conversation_keeps_the_matters_space(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    await firm.ask("ruth", "!matter leave 2026-0042 Disclosure")
    assert firm.members(firm.room(f"Disclosure · {NAMED}")) == set()
    assert firm.members(firm.space("2026-0042 Estate")) == {"ruth"}
    await firm.ask("ruth", "!matter leave 2026-0042 General")
    assert firm.members(firm.space("2026-0042 Estate")) == set()
    # With a role on the matter, and yet not put back by the next pass.
    assert await firm.nothing_to_do()
    await firm.ask("ruth", "!matter join 2026-0042 General")
    assert firm.members(firm.space("2026-0042 Estate")) == {"ruth"}


async def test_M2_a_question_or_the_nearest_title_where_it_is_not_clear(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    said = await firm.ask("tom", "!matter join 2026-0042")
    assert "Which one?" in said
    assert "1 General" in said
    assert "2 Disclosure" in said
    assert "Did you mean Disclosure?" in await firm.ask("tom", "!matter join 2026-0042 Disclosures")
    assert "has no conversation 3." in await firm.ask("tom", "!matter join 2026-0042 3")
    assert firm.members(firm.room(f"Disclosure · {NAMED}")) == {"ruth"}


@pytest.mark.parametrize("command", ["show {}", "join {}", "join {} General", "leave {}", 'rename {} "General" to New'])
async def test_M3_a_walled_matter_is_answered_like_one_that_is_not_there(firm: SmallFirm, command: str) -> None:
    walled = await firm.ask("walt", f"!matter {command.format('2026-0042')}")
    missing = await firm.ask("walt", f"!matter {command.format('2026-0049')}")
    assert "There is no matter 2026-0042 that you can see" in walled
    assert walled.replace("2026-0042", "2026-0049") == missing
    room = firm.room(NAMED)
    assert firm.members(room) == {"ruth"}
    assert not any(event["state_key"] == firm.user("walt") for event in firm.fake.events(room, "m.room.member"))


async def test_M3_a_matter_called_by_its_title_is_named_to_whoever_may_see_it(firm: SmallFirm) -> None:
    missing = "There is no matter {} that you can see.{} “!matter list” shows those you can."
    meant = " Did you mean 2026-0042 Estate?"
    assert await firm.ask("tom", "!matter show estate") == missing.format("estate", meant)
    assert await firm.ask("tom", '!start "Éstate" "Disclosure"') == missing.format("Éstate", meant)
    assert await firm.ask("walt", "!matter show estate") == missing.format("estate", "")
    assert await firm.ask("tom", "!matter show es") == missing.format("es", "")


async def test_M3_who_loses_access_sees_no_more_of_a_list_asked_for_before(firm: SmallFirm, tmp_path: Path) -> None:
    for number in range(26):
        await firm.ask("ruth", f'!matter start 2026-0042 "Talk {number}"')
    said = await firm.ask("tom", "!matter show 2026-0042")
    assert "1 to 25 of 27. !more shows the next." in said
    wall = {"id": "w2", "matter": "2026-0042", "people": ["walt", "tom"], "memo": "Kin.", "set_by": "ruth"}
    await change_directory(firm, tmp_path, walls=[wall])
    assert await firm.ask("tom", "!more") == await firm.ask("tom", "!matter show 2026-0042")
    assert "There is no matter 2026-0042" in await firm.ask("tom", "!more")


async def test_V1_a_participant_renames_a_conversation_here_and_from_elsewhere(firm: SmallFirm) -> None:
    room = firm.room(NAMED)
    assert "called Team · 2026-0042 Estate" in await firm.ask("ruth", "!matter rename Team", room)
    assert firm.room(f"Team · {NAMED}") == room
    await firm.ask("ruth", '!matter rename 2026-0042 "team" to “The  Team”')
    assert firm.room(f"The Team · {NAMED}") == room
    await firm.ask("ruth", "!matter rename 2026-0042 1 Everyone in it")
    assert firm.room(f"Everyone in it · {NAMED}") == room
    await firm.ask("ruth", "!matter rename 2026-0042 Everyone in it to General")
    assert firm.room(NAMED) == room
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    assert "Choose another title" in await firm.ask("ruth", '!matter rename 2026-0042 "Disclosure" to GENERAL')
    assert "at most 80 fit" in await firm.ask("ruth", f"!matter rename {'x' * 81}", room)
    assert "invisible" in await firm.ask("ruth", "!matter rename Te\u200bam", room)
    assert "Only somebody who is in" in await firm.ask("tom", '!matter rename 2026-0042 "General" to Mine')
    assert "Which conversation?" in await firm.ask("ruth", "!matter rename 2026-0042 General")
    assert await firm.nothing_to_do()


async def test_V1_a_new_title_is_what_people_say_behind_rename(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom')
    await firm.ask("ruth", '!matter start 2026-0042 "Experts"')
    room = firm.room("Disclosure · 2026-0042 Estate")
    for typed, title in (
        ("this to Costs", "Costs"),
        ("Costs to Costs & Fees", "Costs & Fees"),
        ("“Costs & Fees” to “To do”", "To do"),
        ("2026-0042 To do to Expert evidence", "Expert evidence"),
        ("the conversation to To do", "To do"),
        ("To be heard", "To be heard"),
    ):
        assert f"It is called {title} · " in await firm.ask("tom", f"!rename {typed}", room)
    assert "Do you mean to rename Experts" in await firm.ask("tom", "!rename Experts to Witnesses", room)
    assert "It is called Experts to Witnesses" in await firm.ask("tom", '!rename "Experts to Witnesses"', room)


async def test_a_conversation_is_named_by_saying_that_it_is_this_one(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom')
    room = firm.room("Disclosure · 2026-0042 Estate")
    assert "2026-0042 Estate" in await firm.ask("tom", "!info about this matter", room)
    assert "You have left Disclosure" in await firm.ask("tom", "!leave now", room)
    assert "Which matter?" in await firm.ask("tom", "!matter show this")


async def test_M3_a_short_form_is_about_the_matter_or_channel_named_behind_it(firm: SmallFirm) -> None:
    await firm.ask("ruth", "!channel create Court Filings")
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure"')
    assert "You have left Court Filings" in await firm.ask("ruth", "!leave Court Filings")
    assert "You have left Disclosure" in await firm.ask("ruth", "!leave 2026-0042 Disclosure")
    renamed = await firm.ask("ruth", "!rename Court Filings to Court Dates")
    assert renamed.startswith("The channel is called Court Dates (")
    assert "is a matter and no channel" in await firm.ask("ruth", "!join 2026-0042")
    # What may not be seen is answered like what is not there.
    for command in ("!leave {}", "!info {}", "!join {}"):
        hidden, missing = [await firm.ask("walt", command.format(one)) for one in ("2026-0042", "2026-0099")]
        assert hidden.replace("0042", "0099") == missing


async def test_M4_a_closed_matter_keeps_its_titles_and_can_be_read(firm: SmallFirm, tmp_path: Path) -> None:
    closed = {"id": "m1", "number": "2026-0042", "title": "Estate", "status": "closed", "responsible": "ruth"}
    await change_directory(firm, tmp_path, matters=[closed])
    room = firm.room(NAMED)
    assert "read-only" in await firm.ask("ruth", '!matter rename 2026-0042 "General" to Team')
    assert "nobody can write in it" in await firm.ask("tom", "!matter join 2026-0042")
    assert firm.members(room) == {"ruth", "tom"}
    assert firm.fake.rooms[room].levels["events_default"] == 100


async def test_M4_number_client_and_title_of_the_matter_rename_its_rooms(firm: SmallFirm, tmp_path: Path) -> None:
    room, space = firm.room(NAMED), firm.space("2026-0042 Estate")
    changed = {"id": "m1", "number": "2026-0100", "title": "Estate of Vale", "status": "open", "responsible": "ruth"}
    await change_directory(firm, tmp_path, matters=[changed | {"client": "Ann Vale"}], walls=[])
    assert firm.room("2026-0100 Estate of Vale") == room
    assert firm.space("2026-0100 Estate of Vale") == space
    assert "Client: Ann Vale" in firm.fake.rooms[room].state["m.room.topic", ""]["topic"]
    assert "There is no matter 2026-0042" in await firm.ask("ruth", "!matter show 2026-0042")
    assert "Client: Ann Vale" in await firm.ask("walt", "!matter show 2026-0100")


async def test_long_lists_are_paged(firm: SmallFirm, tmp_path: Path) -> None:
    matters = [{"id": f"x{n}", "number": f"2027-{n:04}", "title": "T", "status": "open"} for n in range(60)]
    await change_directory(firm, tmp_path, matters=matters, walls=[])
    answers = [await firm.ask("tom", each) for each in ("!matter list", "!more", "!more")]
    first, second, third = answers
    assert first.count("\n- ") == second.count("\n- ") == 24
    assert "1 to 25 of 60. !more shows the next." in first
    assert "26 to 50 of 60. !more shows the next." in second
    assert second.startswith("- 2027-0025")
    assert "2027-0059" in third
    assert "!more" not in third
    assert "There is no list to go on with" in await firm.ask("tom", "!more")
    assert "There is no list to go on with" in await firm.ask("ines", "!more")


async def test_R1_a_list_goes_on_in_another_process_and_not_once_its_command_is_deleted_or_old(
    firm: SmallFirm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matters = [{"id": f"x{n}", "number": f"2027-{n:04}", "title": "T", "status": "open"} for n in range(80)]
    await change_directory(firm, tmp_path, matters=matters, walls=[])
    await firm.ask("tom", "!matter list")
    await firm.restart()
    assert "26 to 50 of 80" in await firm.ask("tom", "!more")
    # What was asked for in between and is no list leaves it where it is.
    await firm.ask("tom", "!channel recent")
    await firm.restart()
    assert "51 to 75 of 80" in await firm.ask("tom", "!more")
    assert "2027" not in str(await firm.service.store.read(lambda unit: unit.rows("SELECT * FROM list_position")))
    (asked, *_) = [
        one
        for one in firm.fake.events(await firm.chat("tom"), "m.room.message")
        if one["content"]["body"] == "!matter list"
    ]
    firm.fake.redact(asked["room_id"], firm.user("tom"), asked["event_id"])
    assert "There is no list to go on with" in await firm.ask("tom", "!more")
    await firm.ask("tom", "!matter list")
    monkeypatch.setattr("bridge.handlers.commands.LIST_MS", -1)
    assert "There is no list to go on with" in await firm.ask("tom", "!more")


async def test_V1_a_title_set_in_a_client_is_taken_over_or_put_back(firm: SmallFirm) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom')
    room, first, tom = firm.room(f"Disclosure · {NAMED}"), firm.room(NAMED), firm.user("tom")

    async def named(name: str, room_id: str = room, by: str = tom) -> str:
        """The room's name after somebody set it in their client; and so it is on a second look."""
        firm.fake.put_state(room_id, by, "m.room.name", "", {"name": name})
        await firm.settle()
        assert await firm.nothing_to_do()
        return str(firm.fake.rooms[room_id].state["m.room.name", ""]["name"])

    assert await named("Expert  evidence") == f"Expert evidence · {NAMED}"
    assert "Expert evidence" in await firm.ask("ines", "!matter show 2026-0042")
    assert await named(f"Experts · first round · {NAMED}") == f"Experts · first round · {NAMED}"
    # The matter's part is the directory's, and a title is had once. Tom is told.
    for name, why in (
        ("Experts · 2026-0042 Estates", "come from the firm's directory"),
        ("2026-0042", "come from the firm's directory"),
        (f"General · {NAMED}", "The matter has a conversation called General"),
        (NAMED, "The matter has a conversation called General"),
        (" ", "A conversation needs a title"),
        ("x" * 300, "characters; at most"),
    ):
        assert await named(name) == f"Experts · first round · {NAMED}"
        assert firm.said[-1][0] == await firm.chat("tom")
        assert "I put the name of Experts · first round back." in firm.said[-1][2]
        assert why in firm.said[-1][2]
    # The first conversation has the matter's name until it gets one of its own, and can have it back.
    ruth = firm.user("ruth")
    assert await named("Strategy", first, ruth) == f"Strategy · {NAMED}"
    assert await named(NAMED, first, ruth) == NAMED


async def test_M4_V1_the_title_of_a_read_only_conversation_stays(firm: SmallFirm, tmp_path: Path) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom')
    room, tom = firm.room(f"Disclosure · {NAMED}"), firm.user("tom")
    firm.fake.put_state(room, tom, "m.room.name", "", {"name": "Late"})
    late = firm.new.pop()
    await change_directory(
        firm, tmp_path, matters=[{"id": "m1", "number": "2026-0042", "title": "Estate", "status": "closed"}]
    )
    assert firm.fake.rooms[room].levels["events"]["m.room.name"] == 100
    await firm.handle(late)
    assert firm.room(f"Disclosure · {NAMED}") == room
    assert await firm.nothing_to_do()


async def test_M3_whoever_was_put_out_names_nothing_and_is_told_nothing(firm: SmallFirm, tmp_path: Path) -> None:
    await firm.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom')
    room, tom = firm.room(f"Disclosure · {NAMED}"), firm.user("tom")
    firm.fake.put_state(room, tom, "m.room.name", "", {"name": "Mine"})
    mine = firm.new.pop()
    walls = [{"id": "w2", "matter": "m1", "people": ["tom"]}]
    await change_directory(firm, tmp_path, walls=walls)
    told = len(firm.said)
    await firm.handle(mine)
    assert firm.room(f"Disclosure · {NAMED}") != room
    assert len(firm.said) == told
