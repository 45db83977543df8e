"""What those behind a wall are told of it in their chat with the bot, and their acknowledgement."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from functools import partial

from bridge.commands.asking.screened import shown_around
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.firm.conversation import bot_chat_id
from bridge.firm.model import Firm, Wall, WallKind
from bridge.firm.policy import may_act
from bridge.refusal import CommandError
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.people.walls import acknowledge, end_expired, is_set, note_told, told_of, walls_set
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.conversations import rooms_of
from bridge.wording.markdown import escape, repeated, text_message


def tell_of_wall(wall: Wall, firm: Firm, settings: Settings) -> None:
    """A unit: tell those named by a wall set by command that it screens them, each once.

    The form "only" names those who may see; the rest of the firm is not told.
    """
    if not is_set(wall.id):
        return
    text = (
        f"An ethical wall screens you{_told(wall, firm, settings)} Its reference is **{wall.id}**."
        f" `!wall acknowledge {wall.id}` says that you have read this."
    )
    content = text_message(text)
    for staff_id, chat in _screened(wall, firm, told_of(wall.id)):
        if note_told(wall.id, staff_id):
            enqueue(f"{wall.id}/told/{staff_id}", chat, settings.bot_id, "m.room.message", content)


async def tell_of_walls(store: Store, firm: Firm, settings: Settings) -> None:
    """Tell those named by all walls set by command, a wall in each unit."""
    for wall in await store.read(walls_set):
        await store.run(partial(tell_of_wall, wall, firm, settings))


def tell_ended(wall: Wall, firm: Firm, settings: Settings) -> None:
    """A unit: tell those named that the wall has ended, by its reference alone."""
    content = text_message(f"The ethical wall {wall.id} does not screen you any more.")
    for staff_id, chat in _screened(wall, firm):
        enqueue(f"{wall.id}/ended/{staff_id}", chat, settings.bot_id, "m.room.message", content)


def end_over(firm: Firm, settings: Settings, today: date) -> None:
    """A unit: let the walls end whose last day is over, and tell those they screened."""
    for wall in end_expired(firm, today):
        tell_ended(wall, firm, settings)


def _screened(wall: Wall, firm: Firm, known: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Staff id and chat of those to be told, but for those who know."""
    people = firm.people(wall.people) if wall.kind is WallKind.EXCLUDE else frozenset()
    told = sorted(staff_id for staff_id in people.difference(known) if may_act(firm, staff_id))
    chats = rooms_of(map(bot_chat_id, told))
    for staff_id in told:
        if (chat := chats.get(bot_chat_id(staff_id))) is not None:
            yield staff_id, chat


def _told(wall: Wall, firm: Firm, settings: Settings) -> str:
    """What the firm chooses to tell, which by default is nothing."""
    told = settings.firm.walled_are_told
    around = f" from {shown_around(firm, wall)}" if told == "matter" else ""
    memo = f" The memo: {escape(wall.memo)}" if told != "reference" else ""
    unsaid = " What it is about is not told." if told == "reference" else ""
    return f"{around}.{memo}{unsaid}"


async def _acknowledge(call: Call) -> Answer:
    typed = call.values.get("wall", "")
    only = {typed.casefold()} if typed else set()
    done = await call.desk.store.run(lambda: acknowledge(call.sender.id, only, call.event_id))
    if not done and typed:
        raise CommandError(
            f"You were told of no wall {repeated(typed)}. `!wall acknowledge` takes all you were told of."
        )
    if not done:
        raise CommandError("You were told of no wall, so there is none to acknowledge.")
    return Answer(f"It is noted that you have acknowledged {', '.join(done)}.")


WALL_ACKNOWLEDGE = Command(
    "wall acknowledge",
    "Say that you have read that a wall screens you",
    _acknowledge,
    (Argument("wall", ArgumentType.TEXT, required=False, shown="REFERENCE"),),
    help="If an ethical wall keeps you away from a part of the firm's work, I tell you so here, with a reference. This"
    " notes that you have read it; without a reference, of all walls you were told of.",
    examples=("!wall acknowledge", "!wall acknowledge wall-3"),
    group="About",
    also=("acknowledge",),
)
