"""Those whom a wall screens: they are told of it and of its end, in words that the firm chooses, and acknowledge it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from bridge.desk import Desk
from bridge.firm.conversation import bot_chat_id
from bridge.firm.model import Firm, Staff, Wall, WallKind
from bridge.firm.policy import may_act
from bridge.refusal import Kind, Refusal
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.people.walls import acknowledge, end_expired, is_set, note_told, told_of, walls_set
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.made import rooms_of
from bridge.wording.markdown import text_message
from bridge.wording.walls import told_to_screened


def tell_of_wall(unit: Unit, wall: Wall, firm: Firm, settings: Settings) -> None:
    """Tell those named by a wall set by command that it screens them, each once.

    The form "only" names those who may see; the rest of the firm is not told.
    """
    if not is_set(unit, wall.id):
        return
    content = text_message(told_to_screened(firm, wall, settings.firm.walled_are_told))
    told = list(_screened(unit, wall, firm, told_of(unit, wall.id)))
    note_told(unit, wall.id, [staff_id for staff_id, _ in told])
    for staff_id, chat in told:
        enqueue(unit, f"{wall.id}/told/{staff_id}", chat, settings.bot_id, "m.room.message", content)


async def tell_of_walls(store: Store, firm: Firm, settings: Settings) -> None:
    """Tell those named by all walls set by command, a wall in each unit."""
    for wall in await store.read(walls_set):
        await store.run(tell_of_wall, wall, firm, settings)


def tell_ended(unit: Unit, wall: Wall, firm: Firm, settings: Settings) -> None:
    """Tell those named that the wall has ended, by its reference alone."""
    content = text_message(f"The ethical wall {wall.id} does not screen you any more.")
    for staff_id, chat in _screened(unit, wall, firm):
        enqueue(unit, f"{wall.id}/ended/{staff_id}", chat, settings.bot_id, "m.room.message", content)


def end_over(unit: Unit, firm: Firm, settings: Settings, today: date) -> None:
    """Let the walls end whose last day is over, and tell those they screened."""
    for wall in end_expired(unit, firm, today):
        tell_ended(unit, wall, firm, settings)


def _screened(unit: ReadUnit, wall: Wall, firm: Firm, known: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Staff id and chat of those to be told, but for those who know."""
    people = firm.people(wall.people) if wall.kind is WallKind.EXCLUDE else frozenset()
    told = sorted(staff_id for staff_id in people.difference(known) if may_act(firm, staff_id))
    chats = rooms_of(unit, map(bot_chat_id, told))
    for staff_id in told:
        if (chat := chats.get(bot_chat_id(staff_id))) is not None:
            yield staff_id, chat


async def acknowledge_walls(desk: Desk, asker: Staff, wall_ids: Collection[str], cause: str) -> tuple[str, ...]:
    """Note that this person has read of these walls, or for none of all they were told of. Returns which.

    Raises Refusal where they were told of none.
    """
    done = await desk.store.run(acknowledge, asker.id, {one.casefold() for one in wall_ids}, cause)
    if not done and wall_ids:
        raise Refusal(Kind.NOT_TOLD_OF_WALL, wall=next(iter(wall_ids)))
    if not done:
        raise Refusal(Kind.TOLD_OF_NO_WALL)
    return tuple(done)
