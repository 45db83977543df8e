"""The questions that firm admins ask: why, access, matter access, plan and audit (O1, O2)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bridge.firm.audit import Deed
from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.model import Firm, Group, Matter, MatterRole, Staff, Wall
from bridge.firm.room_keys import earlier_key, matter_space_key
from bridge.operations.admins.why import why
from bridge.reconcile.rooms.observe import observe_room
from bridge.refusal import Kind, Refusal
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.record.audit import newest, record
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, MERGER, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct, firm_on_fake
from tests.fakes.faults import Broken, refusal
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Room

HIDDEN = Matter(
    "m3", "2031-0017", "Tidewell v Oakhurst", responsible="a", roles=(MatterRole("C", "Tidewell Ltd", is_client=True),)
)
CLOSED_LIST = Matter("m4", "2026-0060", "Lease of the mill", responsible="a", restricted=True, allowed=("g1",))
WALLS = (
    Wall("w1", matter_id="m2", people=("b",), memo="Ben's cousin is the buyer.", set_by="a", since=date(2026, 1, 2)),
    Wall("w3", matter_id="m3", people=("d",), memo="Dan's flat."),
)
SECRETS = ("2031-0017", "Tidewell v", "Oakhurst", "Tidewell Ltd", "w3", "flat")


@pytest.fixture
async def on(fake: FakeHomeserver, store: Store) -> AsyncIterator[FirmOnFake]:
    firm = replace(
        make_firm(matters=(ESTATE, MERGER, HIDDEN, CLOSED_LIST), walls=WALLS),
        groups={"g1": Group("g1", "Property", ("g2",)), "g2": Group("g2", "Juniors", ("c",))},
    )
    async with firm_on_fake(fake, store, firm) as made:
        yield made


def taken_out(on: FirmOnFake, room: Room, person: Staff) -> None:
    """Take somebody out of a room behind the bridge's back."""
    on.fake.kick(room.room_id, on.fake.bot_id, on.user(person), "")
    on.events.clear()


async def test_O2_a_person_is_named_at_the_end_of_a_sentence_and_what_is_missing_is_asked_for(on: FirmOnFake) -> None:
    assert "What about Ben Booth? Put a matter's number" in await on.ask(ANN, "!why @ben.")
    assert (await on.ask(ANN, "!access Ben?")).startswith("Ben Booth (Associate)")


async def test_O2_why_names_the_wall_first_and_everything_else_that_was_weighed(on: FirmOnFake) -> None:
    said = await on.ask(ANN, "!why @ben 2026-0055")
    assert said.startswith("Ben Booth cannot see matter 2026-0055 Sale of Tidewell Brewing.")
    first = said.splitlines()[2]
    assert "(w1, set by Ann Archer, since 2026-01-02). Its memo: Ben's cousin is the buyer." in first
    assert first.endswith("(M3)")
    assert "Ben Booth is active staff. (F1)" in said
    assert "The matter is open to all active staff. (M1)" in said
    assert "General: never picked for it. Not in the room now, as it should be." in said


async def test_O2_why_tells_who_picked_somebody_when_and_whether_the_room_agrees(on: FirmOnFake) -> None:
    said = await on.ask(DAN, "!why Ben Booth 2026-0042")
    assert "Ben Booth can see matter 2026-0042" in said
    assert "What decides: This person has a role on the matter: assisting. (M1)" in said
    assert re.search(r"General: picked on \d{4}-\d\d-\d\d by the directory\. In the room now, as it should be\.", said)
    room = await on.room(ESTATE_TALK)
    taken_out(on, room, BEN)
    assert "Not in the room now, and should be." in await on.ask(DAN, "!why @ben 2026-0042")
    del on.fake.rooms[room.room_id]
    assert "Its room is missing" in await on.ask(DAN, "!why @ben 2026-0042")


async def test_O2_why_tells_who_left_and_who_was_taken_out_by_whom(on: FirmOnFake) -> None:
    room = (await on.room(ESTATE_TALK)).room_id
    await on.say(ANN, "!remove @ben", room)
    assert re.search(r"General: taken out on \S+ by Ann Archer\. Not in", await on.ask(DAN, "!why @ben 2026-0042"))
    await on.say(ANN, "!add @ben", room)
    assert re.search(r"General: picked on \S+ by Ann Archer\. In the room", await on.ask(DAN, "!why @ben 2026-0042"))
    await on.say(BEN, "!matter leave 2026-0042")
    assert re.search(r"General: left on \S+\. Not in", await on.ask(DAN, "!why @ben 2026-0042"))
    await on.say(BEN, "!matter join 2026-0042 1")
    assert re.search(r"General: joined on \S+\. In the room", await on.ask(DAN, "!why @ben 2026-0042"))


def without(on: FirmOnFake, matter_id: str) -> Firm:
    """The firm after its directory has forgotten a matter."""
    return replace(on.firm, matters={key: one for key, one in on.firm.matters.items() if key != matter_id})


def renumbered(on: FirmOnFake, matter_id: str) -> Firm:
    """The firm after a matter got another number and title."""
    matter = replace(on.firm.matters[matter_id], number="2032-0001", title="Project Heron")
    return replace(on.firm, matters={**on.firm.matters, matter_id: matter})


@pytest.mark.parametrize("change", [renumbered, without])
@pytest.mark.parametrize(
    "typed", ["!why @dan {}", "!matter access {}", "!plan {}", "!audit {}", "!audit {} refused since:today"]
)
async def test_M3_numbers_typed_before_are_not_told_when_the_matter_has_another_or_is_gone(
    on: FirmOnFake, typed: str, change: Callable[[FirmOnFake, str], Firm]
) -> None:
    await on.say(ANN, typed.format(HIDDEN.number))
    on.firm = change(on, HIDDEN.id)
    listed = await on.ask(DAN, "!audit @ann")
    assert [word for word in (*SECRETS, HIDDEN.id) if word in listed] == []
    # What is of no hidden matter is told as before, in the words of then.
    await on.say(ANN, typed.format("2026-0055"))
    on.firm = renumbered(on, "m2")
    assert "2026-0055" in await on.ask(DAN, "!audit @ann")


async def test_M3_that_a_wall_was_set_reported_on_or_lifted_is_told_to_those_who_may_know_it(on: FirmOnFake) -> None:
    await on.say(ANN, "!wall add 2026-0042 @dan He owns the mill")
    await on.say(ANN, "!wall report 2026-0042")
    await on.say(ANN, "!wall lift 2026-0099")
    for command in ("wall add", "wall report", "wall lift"):
        assert f"!{command}" in await on.ask(ANN, "!audit @ann deed:command")
        assert f"!{command}" not in await on.ask(DAN, "!audit @ann deed:command")
    await on.say(ANN, "!wall lift 2026-0042")
    assert "!wall report" in await on.ask(ANN, "!audit @ann deed:command")
    # Once the matter is gone nobody can tell any more who may hear of the wall.
    on.firm = without(on, "m1")
    for admin in (ANN, DAN):
        assert "!wall report" not in await on.ask(admin, "!audit @ann deed:command")


async def test_M3_what_was_started_in_a_matter_that_is_gone_is_told_to_nobody_in_chat(on: FirmOnFake) -> None:
    await on.say(ANN, '!matter start 2026-0042 "Quarry papers"')
    assert "Quarry papers" in await on.ask(DAN, "!audit @ann")
    on.firm = without(on, "m1")
    for admin in (ANN, DAN):
        assert "Quarry papers" not in await on.ask(admin, "!audit @ann")


async def test_entries_from_before_ids_were_noted_show_no_words_that_nobody_can_place(on: FirmOnFake) -> None:
    def work(unit: Unit) -> None:
        record(unit, Deed.COMMAND, actor="a", subject="matter access", reason="2019-0001")
        record(unit, Deed.COMMAND, actor="a", subject="audit", reason="since:2026-01-01 refused")

    await on.store.run(work)
    listed = await on.ask(DAN, "!audit @ann deed:command")
    assert "used !matter access" in listed
    assert "2019-0001" not in listed
    assert "since:2026-01-01 refused" in listed


async def test_O2_why_about_a_leaver_a_group_a_channel_and_a_room(on: FirmOnFake) -> None:
    assert "What decides: Eve Elm has left the firm. (F2)" in await on.ask(DAN, "!why Eve Elm 2026-0042")
    through = "This person is on the access list, through the group Property, in it Juniors. (M1)"
    assert through in await on.ask(ANN, "!why @cleo 2026-0060")
    assert "Cleo Crane can be in the channel Litigation." in await on.ask(DAN, "!why @cleo litigation")
    room = await on.room(channel("Litigation"))
    link = f"https://matrix.to/#/{room.room_id}?via={on.fake.server_name}"
    for named in (room.room_id, link, f"#litigation:{on.fake.server_name}", "#Litigation"):
        assert "can be in the channel Litigation." in await on.ask(DAN, f"!why @ben {named}"), named


async def test_D4_a_direct_conversation_is_only_for_those_whose_it_is(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    await on.hear()
    room = await on.room(direct("a", "b"))
    assert "There is no matter, channel or room" in await on.ask(DAN, f"!why @ben {room.room_id}")
    assert "Ben Booth can be in a direct conversation." in await on.ask(ANN, f"!why @ben {room.room_id}")
    assert "In 1 direct conversation\n" in await on.ask(DAN, "!access @ben")


@pytest.mark.parametrize(
    "typed", ["!why @ann {}", "!matter access {}", "!who {}", "!plan {}", "!audit {}", "!audit @ann {} refused"]
)
async def test_M3_a_walled_admin_is_answered_as_for_a_matter_that_is_not_there(on: FirmOnFake, typed: str) -> None:
    found = []
    for number in (HIDDEN.number, "2031-0018"):
        on.fake.requests.clear()
        said = await on.ask(DAN, typed.format(number))
        found.append((said.replace(number, "NUMBER"), [asked.path for asked in on.fake.requests]))
    assert found[0] == found[1]
    assert "There is no matter" in found[0][0]


@pytest.mark.parametrize("typed", [ESTATE.number, ESTATE_TALK])
async def test_M3_an_admin_walled_while_the_rooms_are_read_is_not_told_why(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    assert (await why(on.desk, DAN, BEN, typed)).memberships

    async def walled(*asked: Any, **more: Any) -> Any:
        wall = Wall("w9", matter_id=ESTATE.id, people=(DAN.id,), memo="Dan's house.")
        on.firm = replace(on.firm, walls={**on.firm.walls, wall.id: wall})
        return await observe_room(*asked, **more)

    monkeypatch.setattr("bridge.operations.admins.why.observe_room", walled)
    with pytest.raises(Refusal) as refused:
        await why(on.desk, DAN, BEN, typed)
    assert refused.value.kind is Kind.NO_SUCH_PLACE


async def test_M3_the_rooms_of_a_hidden_matter_are_answered_like_rooms_that_are_not_there(on: FirmOnFake) -> None:
    keys = (first_matter_conversation_id("m3"), matter_space_key("m3"))
    rooms = [(await on.room(key)).room_id for key in keys]
    hidden = [alias for alias, room_id in on.fake.aliases.items() if room_id in rooms]
    assert len(hidden) == 2
    for named in (*rooms, *hidden):
        assert "Ann Archer can" in await on.ask(ANN, f"!why @ann {named}")
        said, missing = await on.ask(DAN, f"!why @ann {named}"), await on.ask(DAN, "!why @ann !none:x")
        assert said.replace(named[:60], "X").replace("X…", "X") == missing.replace("!none:x", "X")


async def test_M3_no_answer_to_a_walled_admin_names_the_matter(on: FirmOnFake) -> None:
    assert "2031-0017" in await on.ask(ANN, "!access @dan")
    await on.say(ANN, '!matter start 2031-0017 "Oakhurst papers"')
    await on.say(ANN, "!why @dan 2031-0017")
    await on.hear()
    await on.said()
    room = await on.room(matter_space_key("m3"))
    del on.fake.rooms[room.room_id]
    assert "Make the room" in " ".join(step.describe() for step in (await on.reconciler.planner.plan()).steps)
    for typed in ("!access @ann", "!access @dan", "!plan", "!audit", "!audit @ann", "!who 2026-0042"):
        said = await on.ask(DAN, typed)
        assert [word for word in SECRETS if word in said] == [], typed
    assert "make the room" in (await on.ask(ANN, "!plan 2031-0017")).casefold()
    assert "started Oakhurst papers · 2031-0017 Tidewell v Oakhurst" in await on.ask(ANN, "!audit 2031-0017")


async def test_O2_access_lists_what_somebody_sees_and_why(on: FirmOnFake) -> None:
    said = await on.ask(ANN, "!access @cleo")
    assert "Matters: 4 of 4 that you can see (0 by a role, 1 by the access list, 3 open to all)" in said
    assert "2026-0060 Lease of the mill: by the access list (through the group Property, in it Juniors)" in said
    said = await on.ask(ANN, "!access Ben Booth")
    assert "2026-0055 Sale of Tidewell Brewing: not to be seen: There is a wall around matter 2026-0055" in said
    assert "2026-0060 Lease of the mill: not to be seen: This person is not on the access list." in said
    assert "In the channel Litigation" in said
    assert "Matters: 0 of 4" in await on.ask(ANN, "!access Eve Elm")


async def test_O2_who_can_see_a_matter(on: FirmOnFake) -> None:
    said = await on.ask(ANN, "!who 2026-0055")
    assert "(open) is open to all active staff. 3 of 4 can see it." in said
    assert "In General: Ann Archer" in said
    assert "Ben Booth cannot see it: There is a wall" in said
    assert "Ann Archer: by a role (responsible)" in said


async def test_O2_plan_says_in_plain_words_what_would_change_and_changes_nothing(on: FirmOnFake) -> None:
    assert "everything is as it should be" in await on.ask(ANN, "!plan")
    room, club = await on.room(ESTATE_TALK), await on.room(channel("Litigation"))
    taken_out(on, room, BEN)
    on.fake.put_state(club.room_id, on.fake.bot_id, "m.room.join_rules", "", {"join_rule": "public"})
    on.fake.requests.clear()
    said = await on.ask(ANN, "!plan")
    assert "2 steps, 1 of them" in said
    assert "Bring Ben Booth into General · 2026-0042 Estate of Orla Quill" in said
    assert "In Channel Litigation, put right who may come in" in said
    assert on.fake.changes() == []
    assert "put right" not in await on.ask(ANN, "!plan 2026-0042")
    assert "Bring Ben" not in await on.ask(ANN, "!plan Litigation")


async def test_M3_a_plan_names_no_hidden_room_that_cannot_be_read_or_was_left(on: FirmOnFake) -> None:
    room = await on.room(first_matter_conversation_id("m3"))
    await on.say(CLEO, f"!matter join {HIDDEN.number}")
    await on.say(ANN, f"!wall add {HIDDEN.number} @cleo Her aunt is the other side")
    assert (await on.room(earlier_key(first_matter_conversation_id("m3"), 1))) is room
    taken_out(on, room, ANN)
    for broken in ([], [Broken(re.escape(room.room_id), refusal(500, "M_UNKNOWN"))]):
        on.fake.broken = broken
        assert HIDDEN.number in await on.ask(ANN, "!plan")
        said = await on.ask(DAN, "!plan")
        assert [word for word in (*SECRETS, room.room_id) if word in said] == []
        assert "everything is as it should be" in said


async def test_O1_the_log_is_shown_newest_first_with_filters(on: FirmOnFake) -> None:
    await on.say(BEN, "!channel add Litigation @cleo")
    await on.say(CLEO, "!directory status")
    await on.hear()
    await on.said()
    lines = (await on.ask(ANN, "!audit")).splitlines()
    assert re.fullmatch(
        r"- \d{4}-\d\d-\d\d \d\d:\d\d Cleo Crane typed !directory status; refused: only for firm admins \(F1\)",
        lines[2],
    )
    assert "Ben Booth added Cleo Crane to the channel Litigation" in lines[3]
    assert "Asking" not in lines[2]
    by_ben = await on.ask(ANN, "!audit @ben litigation deed:added since:today")
    assert "Ben Booth added Cleo Crane" in by_ben
    assert "directory status" not in by_ben
    assert "nothing like that" in await on.ask(ANN, "!audit @ben until:2020-01-01")
    refused = await on.ask(ANN, "!audit refused")
    assert [line for line in refused.splitlines() if line.startswith("- ") and "refused" not in line] == []
    used = await on.ask(ANN, "!audit Ann Archer deed:command")
    assert "Ann Archer used !audit; about Ben Booth; Litigation deed:added since:today" in used.replace(
        "litigation", "Litigation"
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("!audit since:soon", "soon is no day"),
        ("!audit deed:dancing", "The log has no entries of the kind dancing"),
        ("!audit @nobody", "I know nobody called @nobody"),
        ("!audit Nothing Like That", "There is no matter, channel or room"),
        ("!why @ben", "What about Ben Booth?"),
        ("!why nobody 2026-0042", "I know nobody called nobody"),
        ("!why", "needs @person NUMBER|channel|room"),
        ("!access @ben 2026-0042", "Name one person and nothing else"),
        ("!plan Nowhere", "There is no matter, channel or room Nowhere"),
    ],
)
async def test_what_cannot_be_read_is_said(on: FirmOnFake, typed: str, said: str) -> None:
    assert said in await on.ask(ANN, typed)


async def test_a_stranger_can_be_asked_about_by_the_whole_id(on: FirmOnFake) -> None:
    stranger = f"@mallory:{on.fake.server_name}"
    await on.store.run(record, Deed.PUT_BACK, actor=stranger, subject=ESTATE_TALK, person="b", reason="join")
    assert f"{stranger} brought Ben Booth into General · 2026-0042 Estate" in await on.ask(ANN, f"!audit {stranger}")


async def test_long_answers_go_on_with_more_and_end_for_who_is_no_admin_any_more(on: FirmOnFake) -> None:
    for _ in range(60):
        await on.store.run(record, Deed.TOPIC_SET, actor="b", subject=channel("Litigation"))
    first = await on.ask(DAN, "!audit")
    assert (first.count("\n- "), "!more shows the next." in first) == (25, True)
    await on.store.run(record, Deed.ARCHIVED, actor="b", subject=channel("Litigation"))
    second = await on.ask(DAN, "!more")
    # What was written meanwhile moves nothing from page to page.
    assert second.count("- 20") == 25
    assert "archived" not in second
    on.firm = replace(on.firm, staff={**on.firm.staff, "d": replace(DAN, role="Associate")})
    assert await on.ask(DAN, "!more") == "!audit is for firm admins."


async def test_O1_a_log_in_which_it_is_rare_is_looked_through_page_by_page(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on.store.run(record, Deed.ARCHIVED, actor="b", subject=channel("Litigation"))
    for _ in range(30):
        await on.store.run(record, Deed.TOPIC_SET, actor="b", subject=channel("Litigation"))
    monkeypatch.setattr("bridge.operations.admins.audit.LOOKED_AT", 20)
    first = await on.ask(DAN, "!audit deed:archived")
    assert "Nothing like that so far" in first
    assert "Ben Booth archived" in await on.ask(DAN, "!more")


async def test_O2_answers_are_given_in_the_chat_with_the_bot_alone(on: FirmOnFake) -> None:
    room = await on.room(channel("Litigation"))
    for typed in ("!why @ben 2026-0042", "!access @ben", "!matter access 2026-0042", "!plan", "!audit"):
        (answer,) = await on.say(ANN, typed, room.room_id)
        assert answer.room_id == await on.chat(ANN), typed


async def test_O1_asking_is_in_the_log_with_whom_and_what_it_was_about(on: FirmOnFake) -> None:
    await on.say(ANN, "!why @ben 2026-0055")
    (entry,) = await on.store.run(newest, 1, deed=Deed.COMMAND)
    noted = (entry.entry.actor, entry.entry.subject, entry.entry.person, entry.entry.reason)
    assert noted == ("a", "why", "b", "2026-0055 [m2]")
