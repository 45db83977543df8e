"""What is not written into a room: anything in a closed one, deletions under legal hold, and forbidden files. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.firm.conversation import ConversationKind
from bridge.firm.facts import Facts
from bridge.firm.files.carried import ENCRYPTED, MESSAGE, strays
from bridge.firm.typed import COMMAND, is_command
from bridge.guard.files import UNLISTED, UNREADABLE, carries_file, message_refusal
from bridge.guard.gate import REDACTION, Denial, Gate, Mark
from bridge.guard.refusals import Attempt, attempt_to_delete, attempt_to_encrypt, attempt_to_send, attempt_to_write


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event that decides nothing about who is in the room, as far as it is looked at."""

    event_type: str
    sender: str
    room_id: str
    replaced: bool
    """Whether the room's conversation goes on in another."""
    content: Mapping[str, Any]
    makes_file: bool = False
    """Whether it is an edit that makes a file of what was none (`bridge.firm.files.carried.edited_with_file`)."""


def with_mark(written: SentEvent, mark: Mark | None, gate: Gate) -> dict[str, Any] | None:
    """The content of a command with the mark by which push rules know it; None for everything else.

    In the chat with the bot there is nobody whom a command could disturb.
    """
    disturbs = mark is not None and mark.kind != ConversationKind.BOT and written.sender != gate.bot
    if not disturbs or written.event_type != MESSAGE or COMMAND in written.content or not is_command(written.content):
        return None
    return {**written.content, COMMAND: True}


def refused(written: SentEvent, mark: Mark | None, gate: Gate, facts: Facts | None) -> tuple[Attempt, Denial] | None:
    """Why it is not written, and what to note of that; None where it may be (C1, M4, V4).

    Asked for each message: one look-up, and a look at what it carries.
    """
    who, room_id = written.sender, written.room_id
    if refusal := gate.refusal_to_write(who, mark, facts, replaced=written.replaced):
        return attempt_to_write(who, mark, room_id, refusal), refusal
    if written.event_type == REDACTION and (refusal := gate.refusal_to_delete(mark, facts)):
        return attempt_to_delete(who, mark, room_id, refusal), refusal
    if written.event_type == ENCRYPTED:
        return attempt_to_encrypt(who, mark, room_id, UNREADABLE), UNREADABLE
    if mark is None or who == gate.bot:
        return None
    if strays(written.event_type, written.content):
        return attempt_to_send(who, mark, room_id, UNLISTED), UNLISTED
    file = written.event_type == MESSAGE and carries_file(written.content)
    if file and (refusal := message_refusal(written.content, facts)):
        return attempt_to_send(who, mark, room_id, refusal), refusal
    return (attempt_to_send(who, mark, room_id, UNLISTED), UNLISTED) if written.makes_file else None
