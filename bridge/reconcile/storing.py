"""Storing what a pass found to be new, before any of it comes into being."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from peewee import chunked

from bridge import faults
from bridge.directory.keeping import departed
from bridge.firm.conversation import ADMINS_ID
from bridge.reconcile.planning.desired import Desired
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.rooms.accounts import add_accounts
from bridge.store.rooms.conversations import add_conversations
from bridge.store.rooms.participants import add_participants, keep_participants, remove_from_all

AT_ONCE = 100
"""Conversations stored in one unit."""


async def store_new(store: Store, wanted: Desired) -> bool:
    """Store what is new, in pages, what takes away first; whether anything was.

    A firm's first start stores tens of thousands of rows, and events come in meanwhile. What a crash leaves out is
    new to the next pass.
    """

    def picked(unit: Unit, some: Iterable[tuple[str, Collection[str]]]) -> None:
        for conversation_id, people in some:
            add_participants(unit, conversation_id, people, "", returning=False)

    new_admins = wanted.new_admins
    if wanted.departed:
        await store.run(lambda unit: remove_from_all(unit, departed(unit, wanted.departed)))
    for accounts in chunked(wanted.new_localparts.items(), AT_ONCE):
        await store.run(add_accounts, dict(accounts))
    for conversations in chunked(wanted.new_conversations, AT_ONCE):
        await store.run(add_conversations, conversations)
        faults.point("seeds.page")
    for participants in chunked(wanted.new_participants.items(), AT_ONCE):
        await store.run(picked, participants)
    if new_admins is not None:
        await store.run(keep_participants, ADMINS_ID, new_admins)
    faults.point("seeds.stored")
    new = wanted.new_localparts or wanted.new_conversations or wanted.new_participants or wanted.departed
    return bool(new) or new_admins is not None
