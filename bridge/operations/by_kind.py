"""Changing a conversation that somebody looks at, whatever it is: a channel, or one of a matter (C1, M2, M4).

Each raises Refusal, and does nothing to a direct conversation, which nobody renames, archives or leaves.
"""

from __future__ import annotations

from collections.abc import Collection

from bridge.desk import Desk
from bridge.firm.conversation import Channel, ConversationKind, MatterConversation
from bridge.firm.model import Staff
from bridge.operations.channels import changing as channels
from bridge.operations.channels.finding import channel_of
from bridge.operations.matters import changing as matters
from bridge.operations.matters.finding import conversations_of
from bridge.operations.overview import View, account_of
from bridge.store.record.audit import was_done


async def join(desk: Desk, asker: Staff, view: View, cause: str) -> None:
    """Take the one who asks into it."""
    found = await shared(desk, view)
    if isinstance(found, Channel):
        await channels.join_channel(desk, asker, found, cause)
    elif found is not None and view.matter is not None:
        await matters.join_conversation(desk, asker, view.matter, found.conversation, cause)


async def leave(desk: Desk, asker: Staff, view: View, cause: str) -> None:
    """Take the one who asks out of it."""
    found, user_id = await shared(desk, view), await account_of(desk, asker.id)
    if isinstance(found, Channel):
        await channels.leave_channel(desk, asker, user_id, found, cause)
    elif found is not None and view.matter is not None:
        await matters.leave_conversation(desk, asker, user_id, view.matter, found, cause)


async def rename(desk: Desk, asker: Staff, view: View, cause: str, *, title: str) -> None:
    """Give it another name or title."""
    found = await shared(desk, view)
    if isinstance(found, Channel):
        await channels.rename_channel(desk, asker, found, title, cause)
    elif found is not None and view.matter is not None:
        await matters.rename_conversation(desk, asker, view.matter, found.conversation, title, cause)


async def change_topic(desk: Desk, asker: Staff, view: View, cause: str, *, topic: str) -> None:
    """Give a channel another topic, or none."""
    found = await shared(desk, view)
    if isinstance(found, Channel):
        await channels.change_topic(desk, asker, found, topic, cause)


async def archive(desk: Desk, asker: Staff, view: View, cause: str) -> None:
    """Make it read-only."""
    found = await shared(desk, view)
    if isinstance(found, Channel):
        await channels.archive_channel(desk, asker, found, cause)
    elif found is not None:
        await matters.archive_conversation(desk, asker, found, cause)


async def restore(desk: Desk, asker: Staff, view: View, cause: str) -> None:
    """Open it again."""
    found = await shared(desk, view)
    if isinstance(found, Channel):
        await channels.restore_channel(desk, asker, found, cause)
    elif found is not None:
        await matters.restore_conversation(desk, asker, found, cause)


async def was_changed(desk: Desk, view: View, causes: Collection[str]) -> bool:
    """Whether anything of it was changed for one of these causes."""
    return await desk.store.read(was_done, view.entry.id, causes)


async def shared(desk: Desk, view: View) -> Channel | MatterConversation | None:
    """The channel or the conversation of a matter; None for a direct one, and where it is gone."""
    if view.entry.kind is ConversationKind.CHANNEL:
        return await channel_of(desk, view.entry.id)
    if view.matter is None:
        return None
    held = await conversations_of(desk, view.matter)
    return next((one for one in held if one.conversation.id == view.entry.id), None)
