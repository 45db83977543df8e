"""Help that fits the place: what `!help` shows can be done there, and what would be refused it does not show."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace

import pytest

from bridge.commands.all import COMMANDS
from bridge.commands.asking.table import Who
from bridge.commands.asking.where import Where
from bridge.firm.model import MatterStatus, Staff
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, MERGER, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct

ARGUMENTS = {
    "dm": "@ben",
    "add": "@cleo",
    "remove": "@ben",
    "matter start": '"Costs"',
    "channel rename": "Disputes",
    "files versions": "Lease.pdf",
    "matter rename": "Probate",
    "channel topic": "Disputes",
}
LAST = ("channel archive", "channel restore", "matter archive", "matter restore", "channel leave", "matter leave")
"""After these less can be done there."""
NOTHING_TO_DO = {(Where.ARCHIVED, "channel archive")}
"""What is not refused, but is so already."""
IN_PLACE = [command for command in COMMANDS if command.where - {Where.CHAT}]
REFUSED = (
    "read-only, so",
    "archived and stays",
    "so its title stays",
    "everybody stays",
    "stay the same",
    "like everybody",
    "Which ",
    "whole firm; nobody",
    "it is never archived",
    "You are not in",
    "needs",
    "no matter",
)
numbers = itertools.count()


async def place(on: FirmOnFake, where: Where) -> str:
    """The room of a conversation of that kind with Ann and Ben in it."""
    litigation = (await on.room(channel("Litigation"))).room_id
    match where:
        case Where.CHAT:
            return await on.chat(ANN)
        case Where.DIRECT:
            await on.say(ANN, "!dm @ben")
            return (await on.room(direct("a", "b"))).room_id
        case Where.FIRM_CHANNEL:
            return (await on.room(channel("Everyone"))).room_id
        case Where.ARCHIVED:
            await on.say(ANN, "!channel archive", litigation)
        case Where.CLOSED_MATTER:
            on.firm = make_firm(matters=(replace(ESTATE, status=MatterStatus.CLOSED), MERGER))
            await on.sync()
    return litigation if where in {Where.CHANNEL, Where.ARCHIVED} else (await on.room(ESTATE_TALK)).room_id


async def typed(on: FirmOnFake, person: Staff, text: str, room_id: str) -> str:
    """The answer to what was typed just before the place became what it is: the homeserver would refuse it now."""
    event = {
        "type": "m.room.message",
        "event_id": f"$typed{next(numbers)}",
        "room_id": room_id,
        "sender": on.user(person),
        "origin_server_ts": 1,
        "content": {"msgtype": "m.text", "body": text},
    }
    await on.handle(event)
    (answer,) = [said for said in await on.said() if said.sender == on.fake.bot_id][-1:]
    return answer.body


@pytest.mark.parametrize("where", Where)
async def test_a_telephone_shows_help_on_two_screens(on: FirmOnFake, where: Where) -> None:
    """Some 25 lines of 42 characters each."""
    shown = await typed(on, BEN, "!help", await place(on, where) if where is not Where.CHAT else await on.chat(BEN))
    assert sum(max(1, math.ceil(len(line) / 42)) for line in shown.splitlines()) <= 50


@pytest.mark.parametrize("where", list(Where)[1:])
async def test_what_help_shows_in_a_place_is_done_there_and_the_rest_is_refused(on: FirmOnFake, where: Where) -> None:
    room_id = await place(on, where)
    shown = await typed(on, ANN, "!help", room_id)
    assert shown.startswith(where.heading)
    here, anywhere = shown.split("From anywhere")
    for command in sorted(IN_PLACE, key=lambda one: (where in one.where, one.name in LAST and LAST.index(one.name))):
        assert (f"- {command.usage_there}: {command.summary}" in here) is (where in command.where), command.name
        word = command.usage_there.split()[0] if where in command.where else f"!{command.name}"
        if where in command.where or not (Where.CHAT in command.where or (where, command.name) in NOTHING_TO_DO):
            answer = await typed(on, ANN, f"{word} {ARGUMENTS.get(command.name, '')}", room_id)
            refused = answer.startswith("From here") or any(words in answer for words in REFUSED)
            assert refused is (where not in command.where), (command.name, answer)
        elif Where.CHAT in command.where:
            assert f"!{command.name}" in anywhere


async def test_help_in_the_chat_shows_what_is_done_from_anywhere(on: FirmOnFake) -> None:
    first, names = (await on.ask(CLEO, "help")).split("All of it")
    assert f"!dm @{DAN.first_name.lower()}: Open a direct conversation" in first
    listed = set(re.findall(r"![a-z]+(?: [a-z]+)?", names.partition("“")[0]))
    for command in COMMANDS:
        shown = Where.CHAT in command.where and command.group != "Administration"
        assert (f"!{command.name}" in listed) is shown, command.name
    everything = await on.ask(CLEO, "!help ALL")
    for command in COMMANDS:
        assert (f"- {command.usage}: {command.summary}" in everything) is (command.group != "Administration")


async def test_firm_admins_are_shown_their_commands_and_nobody_else_is(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    assert "!directory confirm" in await on.ask(DAN, "!help")
    assert "!directory confirm" in await on.ask(DAN, "!help directory")
    for text in (
        "!help",
        "!help all",
        "!help directory",
        "!help directroy confirm",
        "!directroy confirm",
        "!directory",
    ):
        assert "!directory confirm" not in await on.ask(CLEO, text)
    # Nor are those who read along.
    assert "!directory" not in await on.ask(ANN, "!help", litigation)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!help channel create", "Makes a channel with you"),
        ("!help !channel create", "Makes a channel with you"),
        ("!help  CHANNEL   create", "!channel create Friday Lunch @dan @ann"),
        ("!help add", "Also: !invite"),
        ("!help invite", "!add @dan @ann"),
        ("!help me please", "In your chat with me"),
        ("!help files status", "There is no command files status"),
        ("!help me with channel create.", "Makes a channel with you"),
        ("!help add people", "Also: !invite"),
        ("!help how do I rename this?", "Renames the channel"),
        ("!help chanel", "Did you mean !help channel?"),
        ("!help chanel crate", "Did you mean !help channel create?"),
        ("!help xyzzy", "There is no command xyzzy. “!help all” lists them."),
    ],
)
async def test_help_on_a_command_explains_it_or_names_the_nearest(on: FirmOnFake, text: str, said: str) -> None:
    assert said in await on.ask(CLEO, text)


async def test_help_on_a_first_word_lists_its_commands_in_a_line_each(on: FirmOnFake) -> None:
    lines = (await on.ask(CLEO, "!help matter")).splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("- ")] == [
        f"- {command.usage}" for command in COMMANDS if command.name.startswith("matter ") and command.who is Who.STAFF
    ]


async def test_help_in_a_direct_conversation_comes_to_the_chat(on: FirmOnFake) -> None:
    room_id = await place(on, Where.DIRECT)
    (answer,) = await on.say(BEN, "!help", room_id)
    assert answer.room_id == await on.chat(BEN)
    assert answer.body.startswith("In a direct conversation")


async def test_an_archived_channel_says_how_it_is_opened_again_where_that_can_be_typed(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    notice, _ = await on.say(ANN, "!archive", litigation)
    assert notice.room_id == litigation
    assert "“!channel restore Litigation” in your chat with me opens it again." in notice.body
    _, answer = await on.say(BEN, "!channel restore Litigation")
    assert answer.body.endswith("is open again.")
