"""Starting a conversation in a matter (M1, M2)."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.arguments import Colleagues, MatterHere
from bridge.commands.asking.matters import matter_link, the_matter
from bridge.commands.asking.permissions import CLOSED, EVERYBODY, of_matter
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import CHAT, Where
from bridge.operations.matters.changing import start_conversation
from bridge.wording.people import names


async def _start(
    call: Call,
    *,
    matter: MatterHere = None,
    title: Annotated[str, Argument(ArgumentType.TITLE, '"Title"')],
    people: Colleagues = (),
) -> Answer:
    found = await the_matter(call, matter)
    started = await start_conversation(call.desk, call.sender, found, title, people, call.event_id)
    with_whom = f" with {names(started.others)}" if started.others else ""
    left_out = "\n\nNot added, having no access to this matter: "
    refused = f"{left_out}{names(started.left_out)}." if started.left_out else ""
    return Answer(f"Started {matter_link(call, found, started.title, started.room_id)}{with_whom}.{refused}")


MATTER_START = Command(
    "matter start",
    "Start a conversation in a matter",
    _start,
    help="Starts a conversation about a matter, with you and the people you name among those with access to it."
    " In a conversation of the matter its number can be left out.",
    examples=('!matter start 2026-0042 "Disclosure" @ruth @tom', '!matter start "Disclosure" @ruth @tom'),
    group="Matters",
    where=CHAT | {Where.MATTER},
    also=("start",),
    asked_by=frozenset({"start", "begin", "discuss", "conversation", "loop", "matter", "case"}),
    permission=of_matter(EVERYBODY, CLOSED),
)
