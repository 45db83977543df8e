"""Which messages the guard marks as commands, so that they do not count as unread for colleagues."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.firm.conversation import ConversationKind
from bridge.firm.room_keys import FIRST_MESSAGE
from bridge.firm.typed import COMMAND, is_command
from bridge.guard.gate import Gate, Mark
from bridge.guard.writing import SentEvent, with_mark
from bridge.mapping.addressing import command_in

BOT = "@bot:firm.example"
REPLY: dict[str, Any] = {"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}
COMMANDS: list[dict[str, Any]] = [
    {"body": "!help"},
    {"body": "  !add @grace"},
    {"body": "!übersicht"},
    {"body": "!pin", **REPLY},
    {"body": "> <@ann:firm.example> Look!\n> at this\n\n!pin", **REPLY},
]
SAID: list[dict[str, Any]] = [
    {"body": "Great! See you"},
    {"body": "Great!"},
    {"body": "Type !help to see more"},
    {"body": "https://matrix.to/#/!abc:firm.example"},
    {"body": "! important"},
    {"body": "!!! Hearing moved"},
    {"body": "!2 pm"},
    {"body": "Look\n!help"},
    {"body": "> <@ann:firm.example> !help\n\nWhat is that?", **REPLY},
    {"body": "* !help", "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"}},
    {"body": "!help", "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"}},
    {"body": "!help", "msgtype": "m.notice"},
    {"body": "!help", FIRST_MESSAGE: True},
    {"body": ["!help"]},
    {},
]


def _written(
    content: dict[str, Any], sender: str = "@ann:firm.example", event_type: str = "m.room.message"
) -> SentEvent:
    return SentEvent(event_type, sender, "!r:firm.example", False, {"msgtype": "m.text", **content})


@pytest.mark.parametrize("content", COMMANDS)
def test_a_command_is_marked_and_nothing_else_of_it_changes(content: dict[str, Any]) -> None:
    written = _written(content)
    mark = Mark(ConversationKind.CHANNEL, "x")
    assert with_mark(written, mark, Gate(BOT)) == {**written.content, COMMAND: True}
    assert command_in(written.content, BOT, "Firm Bot", in_chat=False) is not None


@pytest.mark.parametrize("content", SAID)
def test_V5_what_people_say_stays_as_they_sent_it(content: dict[str, Any]) -> None:
    assert not is_command({"msgtype": "m.text", **content})
    assert with_mark(_written(content), Mark(ConversationKind.MATTER, "x"), Gate(BOT)) is None


def test_it_is_not_marked_where_it_disturbs_nobody() -> None:
    gate, command = Gate(BOT), {"body": "!help"}
    assert with_mark(_written(command), Mark(ConversationKind.BOT, "x"), gate) is None
    assert with_mark(_written(command), None, gate) is None
    assert with_mark(_written(command, BOT), Mark(ConversationKind.CHANNEL, "x"), gate) is None
    assert with_mark(_written(command, event_type="m.sticker"), Mark(ConversationKind.CHANNEL, "x"), gate) is None
