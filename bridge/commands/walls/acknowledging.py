"""Saying that one has read of a wall (M3)."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.operations.walls.telling import acknowledge_walls


async def _acknowledge(call: Call, wall: Annotated[str, Argument(ArgumentType.TEXT, "REFERENCE")] = "") -> Answer:
    done = await acknowledge_walls(call.desk, call.sender, (wall,) if wall else (), call.event_id)
    return Answer(f"It is noted that you have acknowledged {', '.join(done)}.")


WALL_ACKNOWLEDGE = Command(
    "wall acknowledge",
    "Say that you have read that a wall screens you",
    _acknowledge,
    help="If an ethical wall keeps you away from a part of the firm's work, I tell you so here, with a reference. This"
    " notes that you have read it; without a reference, of all walls you were told of.",
    examples=("!wall acknowledge", "!wall acknowledge wall-x7k2"),
    group="About",
    also=("acknowledge",),
)
