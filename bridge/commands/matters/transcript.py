"""The transcript of a matter's conversations, which is sent to the chat with the bot and noted (M2, M3, O1)."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.commands.asking.arguments import ConversationHere, MatterHere
from bridge.commands.asking.matters import matter_here, pick, the_matter
from bridge.commands.asking.permissions import EVERYBODY, of_matter
from bridge.commands.asking.table import Answer, Call, Command, Noted
from bridge.commands.asking.where import CHAT, MATTERS
from bridge.filing.handing_out import hand_out
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Matter
from bridge.operations.matters.finding import conversations_of
from bridge.refusal import CommandError
from bridge.wording.markdown import code, escape

_AT_ONCE = 10
"""Conversations in one answer."""


async def _transcript(call: Call, matter: MatterHere = None, conversation: ConversationHere = "") -> Answer:
    found = await the_matter(call, matter)
    chosen = await _chosen(call, found, conversation.strip(), named=matter is not None)
    given = await hand_out(call.desk, call.sender, found, chosen, call.event_id)
    lines = "\n".join(
        f"- {escape(title)}: {'1 message' if count == 1 else f'{count} messages'}" for title, count in given.messages
    )
    in_cabinet = "\n\nIt is in the filing cabinet as well." if given.is_filed else ""
    if given.not_filed:
        in_cabinet = f"\n\nI could not put it into the filing cabinet as well. {given.not_filed}"
    text = (
        f"Here is the transcript of matter {escape(found.number)}, as a page and as a PDF. Whoever has the files can"
        f" read them, so keep them where the matter is kept.\n\n{lines}{in_cabinet}"
    )
    noted = Noted("matter transcript", about=found.number, ids=(found.id,))
    return Answer(text, noted=noted, handouts=given.handouts)


async def _chosen(call: Call, matter: Matter, typed: str, *, named: bool) -> Sequence[MatterConversation]:
    """The conversations that are meant: the one named or typed in, else all of the matter. Raises CommandError."""
    listed = await conversations_of(call.desk, matter)
    if typed:
        return [pick(matter, listed, typed)]
    typed_in = await matter_here(call)
    if not named and typed_in is not None:
        return [one for one in listed if one.conversation.id == typed_in.id]
    if len(listed) > _AT_ONCE:
        raise CommandError(
            f"Matter {escape(matter.number)} has {len(listed)} conversations. Say which one, for example"
            f" {code(f'!matter transcript {matter.number} 1')}; {code(f'!matter show {matter.number}')} lists them."
        )
    return listed


MATTER_TRANSCRIPT = Command(
    "matter transcript",
    "The transcript of a matter, as a page and a PDF",
    _transcript,
    help="Sends you all that was said in the conversations of a matter, or in one of them by its title or its number in"
    " `!matter show`: with edits, deleted messages (that there was one, not what it said), replies, reactions, files,"
    " and who came and went. The files come to your chat with me. In a conversation of the matter you get that one.",
    examples=("!matter transcript 2026-0042", "!matter transcript 2026-0042 Disclosure", "!matter transcript"),
    group="Matters",
    where=CHAT | MATTERS,
    also=("transcript",),
    asked_by=frozenset({"print", "export", "transcript", "paper", "download", "history", "record"}),
    permission=of_matter(EVERYBODY, EVERYBODY),
)
